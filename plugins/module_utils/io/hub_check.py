# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Try a hub as a person would: a new user, a server, a cell in a kernel. Whatever happens, nothing of it is left."""

from __future__ import annotations

import contextlib
import secrets
import time
import typing as t
import urllib.parse

from ..core import hub_check, people, validation
from ..core.description import Hub
from ..core.people import Request
from ..core.schema import DescriptionError
from . import care
from .hub_api import HubApi, Refused, Unready, until
from .target import Target

ANSWER = 30
"""Seconds in which a hub that works answers at all; one that is down is not waited for."""

CLEANUP = 60
"""Seconds that cleaning up may take, however long the check has taken before."""


class Check:
    """The check of one hub; ``program`` is the text of kernel_check.py."""

    def __init__(self, target: Target, api: HubApi, hub: Hub, program: str, timeout: int) -> None:
        self.target = target
        self.api = api
        self.hub = hub
        self.program = program
        self.deadline = time.monotonic() + timeout

    def run(self, options: t.Mapping[str, t.Any]) -> dict[str, float]:
        """Return the seconds that the server took to start and the kernel to answer; raise DescriptionError for what does not work."""
        self.api.ready(min(self.deadline, time.monotonic() + ANSWER))
        (users,) = self.api.lists("/users")
        self.remove(hub_check.leftovers(users, time.time()))
        name = hub_check.user_name(secrets.token_hex(4))
        with self.cleaned_up(name):
            self.create(name)
            started = time.monotonic()
            server = self.start(name, options)
            seconds = time.monotonic() - started
            answer = self.ask(name, server)
            hub_check.check_answer(answer)
        return {"start": seconds, "kernel": answer["kernel"]}

    @contextlib.contextmanager
    def cleaned_up(self, name: str) -> t.Iterator[None]:
        """Take everything of the check away again. That it did not work is said before what could not be taken away."""
        try:
            yield
        except DescriptionError as exc:
            try:
                self.remove([name])
            except DescriptionError as left:
                raise DescriptionError(f"{exc}; and the user {name} could not be removed: {left}") from exc
            raise
        except BaseException:
            self.remove([name])
            raise
        self.remove([name])

    def remove(self, names: t.Sequence[str]) -> None:
        """Remove users of checks, their servers and the volumes that were made for them alone."""
        if names:
            care.remove(self.api, names, time.monotonic() + CLEANUP)
            self.target.forget(names)

    def create(self, name: str) -> None:
        """Have the hub know somebody new."""
        try:
            self.api.call(*hub_check.creation(name))
        except Refused as exc:
            raise DescriptionError(f"the hub makes no user for the check: {exc.reason}") from exc

    def start(self, name: str, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Start the server and return it when it is ready."""
        try:
            self.api.call(*hub_check.start(name, options))
        except Refused as exc:
            raise DescriptionError(f"no server can be started: {exc.reason}") from exc

        def ready() -> dict[str, t.Any] | None:
            server = self.api.call("GET", people.path("users", name))["servers"].get("")
            if not server or not (server["pending"] or server["ready"]):
                raise DescriptionError(f"no server can be started: {self.reason(name)}")
            return server if server["ready"] else None

        try:
            return t.cast("dict[str, t.Any]", until(self.deadline, ready, 0.5))
        except Unready as exc:
            raise DescriptionError("no server can be started: it was not ready in time; see the hub's log") from exc

    def reason(self, name: str) -> str:
        """Return why the server did not start."""
        (answer,) = self.api.line.ask([Request("GET", people.path("users", name, "/server/progress"))])
        return hub_check.failure(answer.text)

    def ask(self, name: str, server: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return what the program says that runs the cell: through the edge, so that it goes the way that people's requests go."""
        token = self.api.call(*hub_check.token(name))["token"]
        public = urllib.parse.urlsplit(validation.public_url(self.hub))
        seconds = max(10, round(self.deadline - time.monotonic()))
        order = {"url": self.target.entry + server["url"], "host": public.netloc, "token": token, "code": hub_check.CODE, "seconds": seconds}
        return self.target.ask(self.program, order)
