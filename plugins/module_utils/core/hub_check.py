# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a hub works: what somebody is called who tries it, what is run in the kernel, and what is said of the outcome."""

from __future__ import annotations

import datetime
import re
import typing as t

from . import nginx, validation
from .description import Hub
from .people import Request, path
from .schema import DescriptionError

USER = re.compile(r"hub-check-[0-9a-f]{8}")
"""A name that nobody has. The program maintenance.py beside the hub lets these start a server in the middle of maintenance, too."""

STALE = 1800
"""Seconds after which somebody who tried the hub is a leftover of a check that was broken off."""

TOKEN_SECONDS = 600
CODE = "print(6 * 7)"
ANSWER = "42"


def entry(hub: Hub) -> str:
    """Return the address of an edge for what shares its network."""
    return f"https://127.0.0.1:{nginx.HTTPS_PORT}" if validation.tls_here(hub) else f"http://127.0.0.1:{nginx.HTTP_PORT}"


def user_name(random: str) -> str:
    return f"hub-check-{random}"


def creation(name: str) -> Request:
    return Request("POST", path("users", name), {})


def start(name: str, options: t.Mapping[str, t.Any]) -> Request:
    """Return the start of a server with the choices that a hub with profiles takes."""
    return Request("POST", path("users", name, "/server"), dict(options))


def token(name: str) -> Request:
    """Return the wish for a token that opens this one server, for minutes."""
    return Request("POST", path("users", name, "/tokens"), {"note": "check", "expires_in": TOKEN_SECONDS, "scopes": [f"access:servers!user={name}"]})


def leftovers(users: t.Iterable[t.Mapping[str, t.Any]], now: float) -> list[str]:
    """Return the users of checks that were broken off."""
    old = (user for user in users if USER.fullmatch(user["name"]))
    return sorted(str(user["name"]) for user in old if now - datetime.datetime.fromisoformat(user["created"].replace("Z", "+00:00")).timestamp() > STALE)


def failure(events: str) -> str:
    """Return why a server did not start, from the events of its progress."""
    messages = re.findall(r'"message": "((?:[^"\\]|\\.)*)"', events)
    return str(messages[-1]) if messages else "the hub gives no reason; see its log"


def check_answer(answer: t.Mapping[str, t.Any]) -> None:
    """Raise DescriptionError for what the kernel, or the way to it, answered, unless it is right."""
    if answer.get("problem"):
        raise DescriptionError(f"the server started, but no cell can be run in it: {answer['problem']}")
    if answer.get("answer") != ANSWER:
        raise DescriptionError(f"the server started, but its kernel answers {answer.get('answer')!r} to {CODE}, which is {ANSWER}")


def report(url: str, seconds: t.Mapping[str, float]) -> str:
    """Return the sentence for a hub that works."""
    return f"{url} works: a server started in {seconds['start']:.1f} s, its kernel answered in {seconds['kernel']:.1f} s; nothing of the check is left"
