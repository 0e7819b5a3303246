# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who should be at a hub, in which groups, and what must be done about it: pure plans, and the requests to the hub's REST API that they mean.

Three views are compared: what is wanted, what is there, and what was applied before. The last one tells a name that left the description from
one that somebody added by hand. It is kept by the hub itself, as a property of a group without members: with the database, on every target.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import typing as t
import urllib.parse
import zlib

from .description import Hub
from .schema import DescriptionError

GROUP = "managed-by-ansible"
"""The group whose properties are the memory of the collection. It has no members and gives no rights."""

ABOUT = "What the collection vdsg.jupyterhub has applied, so that it knows it from what people did by hand. Delete it, and nobody loses access any more."
BATCH = 50
"""Names in one request: the hub answers nobody else while it makes them."""


class Request(t.NamedTuple):
    """A request to the REST API; ``path`` is below ``/hub/api``."""

    method: str
    path: str
    body: t.Any = None


@dataclasses.dataclass(frozen=True)
class People:
    """Users (name -> admin mark, None where nothing is said about it) and groups (name -> members)."""

    users: dict[str, bool | None] = dataclasses.field(default_factory=dict)
    groups: dict[str, frozenset[str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What must be done to the people of a hub; ``joined``, ``left`` and ``waiting`` are names by group.

    ``waiting`` are members whom the hub does not know: they join when somebody lets them in. A group does not let anybody in.
    """

    added: list[str]
    removed: list[str]
    promoted: list[str]
    demoted: list[str]
    groups_added: list[str]
    groups_removed: list[str]
    joined: dict[str, list[str]]
    left: dict[str, list[str]]
    waiting: dict[str, list[str]]


CHANGES = ("added", "removed", "promoted", "demoted", "groups_added", "groups_removed", "joined", "left")
"""The fields of a plan that are something to do."""


def described(hub: Hub) -> People:
    """Return the people of a description; members of a group are those that the group names and those that name the group."""
    groups = {name: set(members) for name, members in hub.groups.items()}
    for user in hub.users:
        for name in user.groups:
            groups.setdefault(name, set()).add(user.name)
    return People({user.name: user.admin for user in hub.users}, {name: frozenset(members) for name, members in groups.items()})


def present(users: t.Iterable[t.Mapping[str, t.Any]], groups: t.Iterable[t.Mapping[str, t.Any]]) -> People:
    """Return the people of a hub from its own lists of users and groups."""
    return People(
        {user["name"]: bool(user["admin"]) for user in users}, {group["name"]: frozenset(group["users"]) for group in groups if group["name"] != GROUP}
    )


def plan(wanted: People, applied: People, there: People) -> Plan:
    """Return what must be done. Whom and what somebody added by hand was never applied, and stays as it is."""
    added = sorted(wanted.users.keys() - there.users.keys())
    removed = sorted(name for name in applied.users.keys() - wanted.users.keys() if name in there.users)
    known = (there.users.keys() | set(added)) - set(removed)
    joined, left, waiting, emptied = {}, {}, {}, []
    for group in sorted(wanted.groups.keys() | applied.groups.keys()):
        now = there.groups.get(group, frozenset()) - set(removed)
        members = wanted.groups.get(group, frozenset())
        gone = (applied.groups.get(group, frozenset()) - members) & now
        if group not in wanted.groups and group in there.groups and not now - gone:
            emptied.append(group)
            continue
        joined[group] = sorted((members & known) - now)
        left[group] = sorted(gone)
        waiting[group] = sorted(members - known)
    return Plan(
        added=added,
        removed=removed,
        promoted=sorted(name for name, admin in wanted.users.items() if admin and not there.users.get(name)),
        demoted=sorted(name for name, admin in wanted.users.items() if admin is False and applied.users.get(name) and there.users.get(name)),
        groups_added=sorted(wanted.groups.keys() - there.groups.keys()),
        groups_removed=emptied,
        joined=filled(joined),
        left=filled(left),
        waiting=filled(waiting),
    )


def filled(names: t.Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {group: members for group, members in names.items() if members}


def news(wanted: People, applied: People, todo: Plan) -> Plan:
    """Return a plan with what the hub did by itself when it started: it lets in whom its configuration names, and marks the admins."""
    return dataclasses.replace(
        todo,
        added=sorted({*todo.added, *(wanted.users.keys() - applied.users.keys())}),
        promoted=sorted({*todo.promoted, *(name for name, admin in wanted.users.items() if admin and not applied.users.get(name))}),
        groups_added=sorted({*todo.groups_added, *(wanted.groups.keys() - applied.groups.keys())}),
    )


def asked(users: t.Iterable[t.Mapping[str, t.Any]], groups: t.Mapping[str, t.Iterable[str]]) -> People:
    """Return the people that a task names; users are ``name``, and ``admin`` and ``groups`` where something is said about them."""
    members = {name: set(names) for name, names in groups.items()}
    for user in users:
        for name in user.get("groups") or ():
            members.setdefault(name, set()).add(user["name"].lower())
    lower = {name: frozenset(one.lower() for one in names) for name, names in members.items()}
    return People({user["name"].lower(): user.get("admin") for user in users}, lower)


def present_plan(wanted: People, there: People, purge: bool) -> Plan:
    """Return the plan of a task that wants these people to be there; with ``purge`` nobody else, and in these groups and no others."""
    return plan(wanted, there if purge else People({name: there.users.get(name) for name in wanted.users}), there)


def absent_plan(unwanted: People, there: People) -> Plan:
    """Return the plan of a task that does not want these people, these members of groups, and these groups where no member is named."""
    kept = {name: frozenset[str]() for name, members in unwanted.groups.items() if members and name in there.groups}
    return plan(
        People({}, kept), People(unwanted.users, {name: members or there.groups.get(name, members) for name, members in unwanted.groups.items()}), there
    )


def check_task(task: t.Mapping[str, t.Any]) -> None:
    """Raise DescriptionError for options of a task that contradict each other, or leave open what happens to somebody's files."""
    absent, data = task["state"] == "absent", task["user_data"]
    for group, members in task["groups"].items():
        if not isinstance(members, (list, tuple)) or not all(isinstance(name, str) for name in members):
            raise DescriptionError(f"groups.{group} must be a list of names")
    if GROUP in {*task["groups"], *(name for user in task["users"] for name in user["groups"])}:
        raise DescriptionError(f"groups has {GROUP}; that name is ours, choose another")
    if absent and (task["purge"] or any(user["groups"] or user["admin"] is not None for user in task["users"])):
        raise DescriptionError("purge, users.admin and users.groups mean nothing with state absent; take them away")
    if not data and (task["purge"] or (absent and task["users"])):
        raise DescriptionError("user_data is required where people may be removed: say whether to keep, archive or delete their files")
    if data in ("archive", "delete") and not task["name"]:
        raise DescriptionError(f"user_data {data} needs name, the hub's name on this engine; at a url nothing but keep can be done")
    if data == "archive" and not task["archive_dir"]:
        raise DescriptionError("archive_dir is required with user_data archive: the directory for the tar files")


def check_files(user_data: str | None, seen: bool) -> None:
    """Raise DescriptionError for files that cannot be reached: ``seen`` says whether the volumes of people are on the engine that is asked."""
    if user_data in ("archive", "delete") and not seen:
        raise DescriptionError(
            f"user_data is {user_data}, but the nodes of a swarm and a cluster keep volumes that are not seen from here; "
            "use keep, and delete them where they are (docker volume rm on the node, kubectl delete pvc)"
        )


def after(there: People, todo: Plan) -> People:
    """Return the people of a hub when a plan was carried out."""
    users = there.users | dict.fromkeys(todo.added, False) | dict.fromkeys(todo.promoted, True) | dict.fromkeys(todo.demoted, False)
    groups = {name: set(there.groups.get(name, ())) for name in {*there.groups, *todo.groups_added} - set(todo.groups_removed)}
    for name, members in groups.items():
        members |= set(todo.joined.get(name, ()))
        members -= {*todo.left.get(name, ()), *todo.removed}
    return People({name: admin for name, admin in users.items() if name not in todo.removed}, {name: frozenset(members) for name, members in groups.items()})


def shown(people: People) -> list[str]:
    """Return people as lines, for a diff."""
    users = [f"{name}{' admin' if admin else ''}" for name, admin in sorted(people.users.items())]
    return users + [f"group {name}: {', '.join(sorted(members))}" for name, members in sorted(people.groups.items())]


def changes(todo: Plan) -> bool:
    """Whether there is anything to do."""
    return any(getattr(todo, name) for name in CHANGES)


def path(kind: str, name: str, rest: str = "") -> str:
    """Return the path of a user or a group."""
    return f"/{kind}/{urllib.parse.quote(name, safe='')}{rest}"


def requests(todo: Plan) -> list[Request]:
    """Return what carries a plan out, in that order, but for the removal of users: their servers must stop first."""
    admins, promoted = set(todo.promoted), set(todo.promoted) - set(todo.added)
    found = [
        Request("POST", "/users", {"usernames": names, "admin": admin})
        for admin in (True, False)
        for names in batches([name for name in todo.added if (name in admins) is admin])
    ]
    found += [Request("PATCH", path("users", name), {"admin": True}) for name in sorted(promoted)]
    found += [Request("PATCH", path("users", name), {"admin": False}) for name in todo.demoted]
    found += [Request("POST", "/groups", {"groups": todo.groups_added})] if todo.groups_added else []
    found += [Request("POST", path("groups", group, "/users"), {"users": members}) for group, members in todo.joined.items()]
    found += [Request("DELETE", path("groups", group, "/users"), {"users": members}) for group, members in todo.left.items()]
    return found + [Request("DELETE", path("groups", group)) for group in todo.groups_removed]


def batches(names: list[str]) -> list[list[str]]:
    return [names[start : start + BATCH] for start in range(0, len(names), BATCH)]


def remember(properties: t.Mapping[str, t.Any], applied: People) -> dict[str, t.Any]:
    """Return the properties of the group with a new memory. It is packed: MySQL keeps 64 KiB of properties and no more."""
    value = {"users": dict(sorted(applied.users.items())), "groups": {name: sorted(members) for name, members in sorted(applied.groups.items())}}
    packed = zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 9)
    return {**properties, "about": ABOUT, "applied": base64.b64encode(packed).decode()}


def remembered(properties: t.Mapping[str, t.Any]) -> People:
    """Return what was applied before. Who spoilt the memory by hand loses nobody: nothing counts as applied then."""
    try:
        value = json.loads(zlib.decompress(base64.b64decode(properties.get("applied", ""))))
        return People(value["users"], {name: frozenset(members) for name, members in value["groups"].items()})
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error):
        return People()
