# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look after a hub that runs: give it the people of its description, and its proxy the routes that it lost."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ..core import facts, maintenance, people
from ..core.people import People, Plan, Request
from .hub_api import HubApi, Unready, until

MEMORY = people.path("groups", people.GROUP)


@dataclasses.dataclass(frozen=True)
class Sight:
    """What a hub says of itself, all at once. ``users`` and ``groups`` are its own models."""

    users: list[dict[str, t.Any]]
    groups: list[dict[str, t.Any]]
    routes: set[str]

    @property
    def people(self) -> People:
        return people.present(self.users, self.groups)

    @property
    def properties(self) -> dict[str, t.Any] | None:
        """What the collection has written down at the hub, None where it never did."""
        return next((group["properties"] or {} for group in self.groups if group["name"] == people.GROUP), None)

    @property
    def servers(self) -> list[dict[str, t.Any]]:
        """The servers that run or are on their way."""
        return [{**server, "user": user["name"]} for user in self.users for server in user.get("servers", {}).values()]

    @property
    def unrouted(self) -> list[str]:
        """The paths that the proxy should know and does not."""
        wanted = ["/", *(path_of(server["url"]) for server in self.servers if server["ready"])]
        return [path for path in wanted if path not in self.routes]


def see(hub: HubApi) -> Sight:
    """Return what the hub says."""
    users, groups, routes = hub.lists("/users", "/groups", "/proxy")
    return Sight(users, groups, {path_of(route) for route, _target in routes})


def path_of(route: str) -> str:
    """Return the path of a server's address or of a route; where people have host names of their own, the host is before it."""
    return "/" + route.partition("://")[2].partition("/")[2].rstrip("/") if "://" in route else "/" + route.partition("/")[2].rstrip("/")


def facts_of(hub: HubApi) -> dict[str, t.Any]:
    """Return the facts of a hub."""
    sight = see(hub)
    info, services = hub.call_all([Request("GET", "/info"), Request("GET", "/services")])
    return facts.collected(info, sight.users, sight.groups, services, sight.routes, sight.unrouted)


def look_after(hub: HubApi, wanted: People, deadline: float, dry_run: bool) -> dict[str, t.Any]:
    """Make the hub what it should be, or say what that would be; return what was found and done."""
    version = hub.ready(deadline)
    # The proxy may come later than the hub.
    sight = until(deadline, lambda: see(hub))
    missing = sight.unrouted
    if missing and not dry_run:
        hub.call("POST", "/proxy")
        until(deadline, lambda: not see(hub).unrouted)
    applied = people.remembered(sight.properties or {})
    todo = people.plan(wanted, applied, sight.people)
    if not dry_run:
        apply(hub, todo, deadline)
        if applied != wanted:
            write_down(hub, sight.properties, people.remember(sight.properties or {}, wanted))
    found = people.news(wanted, applied, todo)
    notice = maintenance.sentence(maintenance.remembered(sight.properties))
    return {"version": version, "servers": len(sight.servers), "repaired": missing, "maintenance": notice, **dataclasses.asdict(found)}


def apply(hub: HubApi, todo: Plan, deadline: float) -> None:
    """Carry out a plan. Nobody's files are touched."""
    for request in people.requests(todo):
        hub.call(*request)
    if todo.removed:
        remove(hub, todo.removed, deadline)


def remove(hub: HubApi, names: t.Sequence[str], deadline: float) -> None:
    """Take people off the hub; their servers stop first, since the hub does not delete somebody whose server is stopping."""
    stop(hub, names, deadline)
    # Who went meanwhile is no trouble.
    hub.call_all([Request("DELETE", people.path("users", name)) for name in names], ignored=(404,))


def stop(hub: HubApi, names: t.Container[str], deadline: float) -> None:
    """Stop all servers of these people, and return when none is left."""

    def stopped() -> bool:
        (users,) = hub.lists("/users?state=active")
        found = [(user["name"], name) for user in users if user["name"] in names for name in user["servers"]]
        # One that is being renamed cannot be stopped yet, and one that is gone need not.
        hub.call_all([Request("DELETE", people.path("users", user, server_path(name))) for user, name in found], ignored=(400, 404))
        return not found

    until(deadline, stopped)


def drain(hub: HubApi, stopping: bool, deadline: float) -> list[str]:
    """Wait until no server runs, and have those stopped that do, where that is wanted; return those that still run in the end."""
    running: list[str] = []

    def empty() -> bool:
        (users,) = hub.lists("/users?state=active")
        found = facts.servers(users)
        running[:] = sorted(map(facts.full_name, found))
        if stopping:
            # One that is on its way cannot be stopped yet, and one that is gone need not.
            paths = [people.path("users", server["user"], server_path(server["name"])) for server in found]
            hub.call_all([Request("DELETE", path) for path in paths], ignored=(400, 404))
        return not found

    with contextlib.suppress(Unready):
        until(deadline, empty, 1)
    return running


def server_path(name: str) -> str:
    """Return the end of the path of a server; the one without a name is everybody's first."""
    return people.path("servers", name) if name else "/server"


def write_down(hub: HubApi, before: t.Mapping[str, t.Any] | None, properties: t.Mapping[str, t.Any]) -> None:
    """Replace what the collection has written down at the hub."""
    if before is None:
        hub.call("POST", MEMORY, {})
    hub.call("PUT", f"{MEMORY}/properties", properties)
