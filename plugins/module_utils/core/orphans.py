# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orphans: what the engine has of a hub's servers, and the hub knows nothing of. The same comparison for containers, services and pods."""

from __future__ import annotations

import dataclasses
import typing as t

from . import user_volumes

IDENTIFIERS = ("object_id", "object_name", "container_id", "service_id", "pod_name")
"""Where spawners keep in a server's state what the engine calls it (dockerspawner 14: object_*; kubespawner 7: pod_name)."""


@dataclasses.dataclass(frozen=True)
class Thing:
    """What the engine has of a server: its ``names`` (ID and name), whose it is, and its age in seconds."""

    name: str
    names: frozenset[str]
    user: str
    age: float
    status: str = ""


@dataclasses.dataclass(frozen=True)
class Known:
    """What the hub knows: names of its servers at the engine, its people, and those of whom a server is on its way, or cannot be told."""

    names: frozenset[str]
    people: frozenset[str]
    unsure: frozenset[str]


def known(users: t.Iterable[t.Mapping[str, t.Any]]) -> Known:
    """Return what the hub knows, from its own list of users."""
    names, people, unsure = set(), set(), set()
    for user in users:
        people.add(str(user["name"]))
        for server in user.get("servers", {}).values():
            found = {str(value) for key in IDENTIFIERS if (value := (server.get("state") or {}).get(key))}
            names |= found
            # A server that is starting may have a container that the hub has not written down yet.
            if server.get("pending") or not found:
                unsure.add(str(user["name"]))
    return Known(frozenset(names), frozenset(people), frozenset(unsure))


def orphans(things: t.Iterable[Thing], hub: Known, least_age: float) -> list[Thing]:
    """Return the things that no server of the hub is. What is younger than ``least_age`` seconds, or may be of a server on its way, is none."""
    return sorted(
        (thing for thing in things if not thing.names & hub.names and thing.user not in hub.unsure and thing.age >= least_age), key=lambda thing: thing.name
    )


def lost(owners: t.Mapping[str, str], people: t.Container[str]) -> list[str]:
    """Return the claims of people whom the hub does not know (any more), of which each says whose it is: to be told of, never to be deleted."""
    return sorted(name for name, owner in owners.items() if owner and owner not in people)


def volumes(present: t.Iterable[user_volumes.Volume], hub: str, template: str, people: t.Iterable[str]) -> list[str]:
    """Return the volumes of people whom the hub does not know (any more): to be told of, never to be deleted."""
    everything = list(present)
    owned = {name for names in user_volumes.by_user(everything, hub, template, people).values() for name in names}
    labels = {user_volumes.NAME_LABEL: hub, user_volumes.COMPONENT_LABEL: user_volumes.USER_DATA}
    ours = [str(volume["Name"]) for volume in everything if labels.items() <= (volume.get("Labels") or {}).items()]
    return sorted(name for name in ours if name not in owned)
