# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a hub says of itself, as facts that hold no secret."""

from __future__ import annotations

import dataclasses
import typing as t

from . import maintenance, people

Model = t.Mapping[str, t.Any]
"""Something as the hub's REST API shows it."""


def servers(users: t.Iterable[Model]) -> list[dict[str, t.Any]]:
    """Return the servers that run or are on their way. What a spawner keeps of them (``state``) may have secrets."""
    names = ("name", "url", "ready", "pending", "started", "last_activity")
    return [{"user": user["name"], **{name: server.get(name) for name in names}} for user in users for server in user.get("servers", {}).values()]


def full_name(server: Model) -> str:
    """Return the name of a server as people know it."""
    return f"{server['user']}/{server['name']}" if server["name"] else str(server["user"])


def person(user: Model) -> dict[str, t.Any]:
    return {name: user.get(name) for name in ("name", "admin", "groups", "roles", "created", "last_activity")}


def group(item: Model) -> dict[str, t.Any]:
    return {"name": item["name"], "users": sorted(item["users"])}


def service(item: Model) -> dict[str, t.Any]:
    """Return a service; its command and its ``info`` are whatever somebody wrote there."""
    return {name: item.get(name) for name in ("name", "admin", "roles", "url", "prefix")}


def collected(
    info: Model, users: t.Sequence[Model], groups: t.Iterable[Model], services: t.Mapping[str, Model], routes: t.Iterable[str], unrouted: t.Sequence[str]
) -> dict[str, t.Any]:
    """Return the facts of a hub, from its own lists."""
    groups = list(groups)
    properties = next((item["properties"] for item in groups if item["name"] == people.GROUP), None)
    state = maintenance.remembered(properties)
    running = servers(users)
    pending = [full_name(server) for server in running if server["pending"]]
    return {
        "version": info["version"],
        "python": str(info["python"]).split()[0],
        "spawner": info["spawner"],
        "authenticator": info["authenticator"],
        "users": [person(user) for user in users],
        "servers": running,
        "groups": [group(item) for item in groups if item["name"] != people.GROUP],
        "services": [service(services[name]) for name in sorted(services)],
        "routes": sorted(routes),
        "maintenance": dataclasses.asdict(state) if state else None,
        "health": {"unrouted": list(unrouted), "pending": pending},
    }
