# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub's pages announce, and maintenance: while there is one, nobody but admins starts a server, and every page says so.

Whether there is maintenance is a property of the group ``managed-by-ansible`` in the hub's database, so that it outlives restarts and is begun and ended
through the REST API. Announcements are a file that is read for each page, so that a new one needs no restart.
"""

from __future__ import annotations

import json
import pathlib
import re
import typing as t
from collections.abc import Callable, Mapping

GROUP = "managed-by-ansible"
PROPERTY = "maintenance"
CHECK = re.compile(r"hub-check-[0-9a-f]{8}")
"""The names of the users with whom a hub is checked, in the middle of maintenance above all."""

PAGES = ("announcement_login", "announcement_home", "announcement_spawn", "announcement_logout")
"""What JupyterHub's templates show in place of ``announcement`` (6.1.1)."""


def notice(properties: Mapping[str, t.Any] | None) -> str:
    """Return what is announced while there is maintenance, else an empty text."""
    state = (properties or {}).get(PROPERTY)
    return str(state.get("announcement") or "Maintenance") if isinstance(state, dict) else ""


def may_start(name: str, admin: bool) -> bool:
    """Whether somebody starts servers in the middle of maintenance: who has to find out whether all is well again."""
    return admin or CHECK.fullmatch(name) is not None


def announced(name: str, given: object, file: pathlib.Path, user: object) -> str | None:
    """Return what a variable of the templates says without maintenance: the user's own configuration wins over the file."""
    if callable(given):
        return t.cast("str | None", given(user))
    if given is None:
        given = json.loads(file.read_text()).get(name)
    return t.cast("str | None", given)


def announcements(given: Mapping[str, t.Any], file: pathlib.Path, find: Callable[[], str]) -> dict[str, t.Any]:
    """Return the variables of the templates with our announcements; ``find`` returns the notice of maintenance."""

    def variable(name: str) -> Callable[[object], str | None]:
        return lambda user: find() or announced(name, given.get(name), file, user)

    return {**given, **{name: variable(name) for name in ("announcement", *PAGES)}}


# --- the door: from here on it is JupyterHub's


def configure(c: t.Any, file: pathlib.Path) -> None:
    """Configure a hub, after everything else: what is there already goes on."""
    given = c.JupyterHub.get("template_vars", {})
    # A configuration that says template_vars.update(…) before anything is there leaves a promise of traitlets.
    given = given if isinstance(given, dict) else given.to_dict().get("update", {})
    c.JupyterHub.template_vars = announcements(given, file, lambda: notice(properties(None)))
    for name in {"Spawner", *(name for name in c if name.endswith("Spawner") and "pre_spawn_hook" in c[name])}:
        c[name].pre_spawn_hook = guarded(c[name].get("pre_spawn_hook"))


def guarded(hook: Callable[[t.Any], t.Any] | None) -> Callable[[t.Any], t.Any]:
    """Return a hook that refuses servers in the middle of maintenance, and does what another one does."""

    def before(spawner: t.Any) -> t.Any:
        from jupyterhub.spawner import SpawnException

        text = notice(properties(spawner.db))
        if text and not may_start(spawner.user.name, spawner.user.admin):
            # Not a fault of the hub's: it is not counted as a failed start.
            exception: t.Any = SpawnException(text, reason="maintenance", status_code=503)
            exception.jupyterhub_message = text
            raise exception
        return hook(spawner) if hook else None

    return before


def properties(session: t.Any) -> Mapping[str, t.Any] | None:
    """Return what the collection has written down at the hub."""
    from jupyterhub import orm
    from jupyterhub.app import JupyterHub

    group = orm.Group.find(session or JupyterHub.instance().db, GROUP)
    return group.properties if group else None
