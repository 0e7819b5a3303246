# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is added, who is taken away, and above all who is left alone."""

from __future__ import annotations

import dataclasses
import json
import typing as t
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import people
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.people import People, Plan
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ANY_TEXT, hub

Groups = dict[str, set[str]]


def of(users: dict[str, bool | None] | None = None, groups: Groups | None = None) -> People:
    return People(users or {}, {name: frozenset(members) for name, members in (groups or {}).items()})


def todo(plan: Plan) -> dict[str, t.Any]:
    return {name: value for name, value in dataclasses.asdict(plan).items() if value}


USERS: list[tuple[str, dict[str, bool | None], dict[str, bool | None], dict[str, bool | None], dict[str, list[str]]]] = [
    ("a new name is added", {"a": False}, {}, {}, {"added": ["a"]}),
    ("a new admin is added and promoted", {"a": True}, {}, {}, {"added": ["a"], "promoted": ["a"]}),
    ("whom an admin added stays", {"a": True}, {"a": True}, {"a": True, "byhand": False}, {}),
    ("whom an admin promoted stays one", {"a": False}, {"a": False}, {"a": True}, {}),
    ("of whose mark nothing is said, the mark stays", {"a": None}, {"a": True}, {"a": True}, {}),
    ("a name that leaves the list is removed", {}, {"a": False}, {"a": False}, {"removed": ["a"]}),
    ("a name that was removed by hand already is not", {}, {"a": False}, {}, {}),
    ("a mark that leaves the list is taken away", {"a": False}, {"a": True}, {"a": True}, {"demoted": ["a"]}),
    ("a mark that was taken away by hand is given again", {"a": True}, {"a": True}, {"a": False}, {"promoted": ["a"]}),
    ("a name that was removed by hand comes back", {"a": False}, {"a": False}, {}, {"added": ["a"]}),
]


@pytest.mark.parametrize(("wanted", "applied", "there", "expected"), [case[1:] for case in USERS], ids=[case[0] for case in USERS])
def test_users(wanted: dict[str, bool | None], applied: dict[str, bool | None], there: dict[str, bool | None], expected: dict[str, list[str]]) -> None:
    assert todo(people.plan(of(wanted), of(applied), of(there))) == expected


ALL: dict[str, bool | None] = dict.fromkeys("abc", False)
GROUPS: list[tuple[str, Groups, Groups, Groups, dict[str, t.Any]]] = [
    ("a new group is made with its members", {"g": {"a", "b"}}, {}, {}, {"groups_added": ["g"], "joined": {"g": ["a", "b"]}}),
    ("a group without members is made, too", {"g": set()}, {}, {}, {"groups_added": ["g"]}),
    ("a member that leaves the list leaves", {"g": {"a"}}, {"g": {"a", "b"}}, {"g": {"a", "b"}}, {"left": {"g": ["b"]}}),
    ("whom somebody put in by hand stays", {"g": {"a"}}, {"g": {"a"}}, {"g": {"a", "c"}}, {}),
    ("a group that leaves the list goes", {}, {"g": {"a"}}, {"g": {"a"}}, {"groups_removed": ["g"]}),
    ("a group that leaves the list stays for whom somebody put in by hand", {}, {"g": {"a"}}, {"g": {"a", "c"}}, {"left": {"g": ["a"]}}),
    ("a group that was made by hand stays", {}, {}, {"g": set()}, {}),
    ("a group that was removed by hand comes back", {"g": {"a"}}, {"g": {"a"}}, {}, {"groups_added": ["g"], "joined": {"g": ["a"]}}),
    ("a group that was removed by hand already is not", {}, {"g": {"a"}}, {}, {}),
    ("whom the hub does not know waits", {"g": {"a", "x"}}, {}, {"g": set()}, {"joined": {"g": ["a"]}, "waiting": {"g": ["x"]}}),
]


@pytest.mark.parametrize(("wanted", "applied", "there", "expected"), [case[1:] for case in GROUPS], ids=[case[0] for case in GROUPS])
def test_groups(wanted: Groups, applied: Groups, there: Groups, expected: dict[str, t.Any]) -> None:
    assert todo(people.plan(of(ALL, wanted), of(ALL, applied), of(ALL, there))) == expected


def test_who_is_added_or_removed_is_in_groups_at_once() -> None:
    wanted, applied = of({"new": False}, {"g": {"new"}}), of({"old": False}, {"g": {"old"}})
    assert todo(people.plan(wanted, applied, of({"old": False}, {"g": {"old"}}))) == {"added": ["new"], "removed": ["old"], "joined": {"g": ["new"]}}


class Hub:
    """What the requests of a plan make of a hub."""

    def __init__(self, there: People) -> None:
        self.users, self.groups = dict(there.users), {name: set(members) for name, members in there.groups.items()}

    def carry_out(self, plan: Plan) -> People:
        for method, path, body in people.requests(plan):
            kind, *rest = (urllib.parse.unquote(part) for part in path.removeprefix("/").split("/"))
            match (method, kind, rest):
                case "POST", "users", []:
                    assert not self.users.keys() & set(body["usernames"])
                    self.users |= dict.fromkeys(body["usernames"], body["admin"])
                case "PATCH", "users", [name]:
                    assert self.users[name] is not body["admin"]
                    self.users[name] = body["admin"]
                case "POST", "groups", []:
                    assert not self.groups.keys() & set(body["groups"])
                    self.groups |= {name: set() for name in body["groups"]}
                case "POST", "groups", [name, "users"]:
                    assert set(body["users"]) <= self.users.keys()
                    self.groups[name] |= set(body["users"])
                case "DELETE", "groups", [name, "users"]:
                    assert set(body["users"]) <= self.groups[name]
                    self.groups[name] -= set(body["users"])
                case "DELETE", "groups", [name]:
                    del self.groups[name]
                case _:
                    raise AssertionError((method, path))
        for name in plan.removed:
            del self.users[name]
        return of(self.users, {group: members - set(plan.removed) for group, members in self.groups.items()})


NAMES = ["a", "b", "c", "né/w?", "e%2f"]
MEMBERS = st.sets(st.sampled_from(NAMES))
WANTED = st.builds(of, st.dictionaries(st.sampled_from(NAMES), st.booleans()), st.dictionaries(st.sampled_from(["g", "h/i"]), MEMBERS))


@st.composite
def there(draw: st.DrawFn) -> People:
    """What a hub can have: members of its groups are its users."""
    users = draw(st.dictionaries(st.sampled_from(NAMES), st.booleans()))
    groups = draw(st.dictionaries(st.sampled_from(["g", "h/i", "j"]), st.sets(st.sampled_from(sorted(users))) if users else st.just(set())))
    return of(dict(users), groups)


@settings(max_examples=300)
@given(WANTED, WANTED, there())
def test_the_description_holds_and_nobody_else_is_touched(wanted: People, applied: People, before: People) -> None:
    plan = people.plan(wanted, applied, before)
    after = Hub(before).carry_out(plan)
    assert people.after(before, plan) == after
    assert wanted.users.keys() <= after.users.keys()
    assert all(after.users[name] for name, admin in wanted.users.items() if admin)
    assert not (applied.users.keys() - wanted.users.keys()) & after.users.keys()
    strangers = before.users.keys() - wanted.users.keys() - applied.users.keys()
    assert {name: after.users[name] for name in strangers} == {name: before.users[name] for name in strangers}
    for group, members in wanted.groups.items():
        assert members - set(plan.waiting.get(group, ())) <= after.groups[group]
        assert not set(plan.waiting.get(group, ())) & after.users.keys()
    for group, members in before.groups.items():
        by_hand = members - applied.groups.get(group, frozenset()) - set(plan.removed)
        assert by_hand <= after.groups.get(group, frozenset())
        ours = applied.groups.get(group, frozenset()) - wanted.groups.get(group, frozenset())
        assert not ours & after.groups.get(group, frozenset())
    assert not people.changes(people.plan(wanted, wanted, after)), "a second run changes nothing"


def test_many_are_made_with_few_requests() -> None:
    wanted = of(
        {f"u{number}": number < 3 for number in range(1000)}, {f"g{number}": {f"u{number * 20 + member}" for member in range(20)} for number in range(50)}
    )
    plan = people.plan(wanted, of(), of())
    assert len(people.requests(plan)) == 1 + 20 + 1 + 50
    assert Hub(of()).carry_out(plan) == wanted
    assert len(json.dumps(people.remember({}, wanted))) < 20_000


@given(WANTED, st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2))
def test_what_was_applied_is_remembered(applied: People, others: dict[str, str]) -> None:
    properties = people.remember(others, applied)
    assert people.remembered(json.loads(json.dumps(properties))) == applied
    assert {key: value for key, value in properties.items() if key not in ("about", "applied")} == {
        key: value for key, value in others.items() if key not in ("about", "applied")
    }


@pytest.mark.parametrize("spoilt", [{}, {"applied": "?"}, {"applied": "e30="}, {"applied": 1}, {"applied": None}], ids=str)
def test_a_memory_that_was_spoilt_loses_nobody(spoilt: dict[str, t.Any]) -> None:
    assert people.remembered(spoilt) == People()


def test_what_the_hub_did_when_it_started_is_news() -> None:
    wanted = of({"a": True, "b": False}, {"g": set()})
    plan = people.plan(wanted, of(), wanted)
    assert not people.changes(plan)
    assert todo(people.news(wanted, of(), plan)) == {"added": ["a", "b"], "promoted": ["a"], "groups_added": ["g"]}
    assert todo(people.news(wanted, wanted, plan)) == {}


THERE = of({"a": True, "b": False, "c": False}, {"g": {"a", "b"}, "h": {"c"}})
TASKS: list[tuple[str, dict[str, t.Any], dict[str, t.Any]]] = [
    ("who is there is not added again", {"users": ["a", "b"]}, {}),
    ("nobody else is touched", {"users": ["A", "new"]}, {"added": ["new"]}),
    ("a mark of which nothing is said stays", {"users": [{"name": "a"}]}, {}),
    ("a mark is given", {"users": [{"name": "b", "admin": True}]}, {"promoted": ["b"]}),
    ("a mark is taken away", {"users": [{"name": "a", "admin": False}]}, {"demoted": ["a"]}),
    ("groups are filled", {"users": [{"name": "c", "groups": ["g", "i"]}]}, {"groups_added": ["i"], "joined": {"g": ["c"], "i": ["c"]}}),
    ("a group lets nobody in", {"groups": {"g": ["x"]}}, {"waiting": {"g": ["x"]}}),
    (
        "with purge nobody else is left",
        {"users": ["a"], "groups": {"g": ["a"]}, "purge": True, "user_data": "keep"},
        {"removed": ["b", "c"], "groups_removed": ["h"]},
    ),
    ("members leave with purge", {"users": ["a", "b", "c"], "groups": {"g": ["b"], "h": ["c"]}, "purge": True, "user_data": "keep"}, {"left": {"g": ["a"]}}),
    ("people go", {"users": ["B", "x"], "state": "absent", "user_data": "keep"}, {"removed": ["b"]}),
    ("a group goes", {"groups": {"g": [], "x": []}, "state": "absent"}, {"groups_removed": ["g"]}),
    ("members go, and the group stays", {"groups": {"h": ["c"], "x": ["c"]}, "state": "absent"}, {"left": {"h": ["c"]}}),
]
TASK: dict[str, t.Any] = {"name": "lab", "users": [], "groups": {}, "state": "present", "purge": False, "user_data": None, "archive_dir": None}
PERSON: dict[str, t.Any] = {"admin": None, "groups": []}


def task(options: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the options of a task as Ansible hands them over."""
    users = [PERSON | ({"name": user} if isinstance(user, str) else user) for user in options.get("users", [])]
    return {**TASK, **options, "users": users}


@pytest.mark.parametrize(("options", "expected"), [case[1:] for case in TASKS], ids=[case[0] for case in TASKS])
def test_tasks(options: dict[str, t.Any], expected: dict[str, t.Any]) -> None:
    given = task(options)
    people.check_task(given)
    asked = people.asked(given["users"], given["groups"])
    absent = given["state"] == "absent"

    def planned(there: People) -> Plan:
        return people.absent_plan(asked, there) if absent else people.present_plan(asked, there, given["purge"])

    plan = planned(THERE)
    assert todo(plan) == expected
    assert not people.changes(planned(Hub(THERE).carry_out(plan))), "a second task changes nothing"


WRONG: list[tuple[dict[str, t.Any], str]] = [
    ({"users": ["a"], "state": "absent"}, "user_data is required where people may be removed"),
    ({"users": ["a"], "purge": True}, "user_data is required where people may be removed"),
    ({"users": ["a"], "state": "absent", "purge": True, "user_data": "keep"}, "purge, users.admin and users.groups mean nothing with state absent"),
    ({"users": [{"name": "a", "groups": ["g"]}], "state": "absent", "user_data": "keep"}, "purge, users.admin and users.groups mean nothing"),
    ({"users": ["a"], "state": "absent", "user_data": "delete", "name": None}, "user_data delete needs name"),
    ({"users": ["a"], "state": "absent", "user_data": "archive"}, "archive_dir is required with user_data archive"),
    ({"groups": {"g": "a"}}, "groups.g must be a list of names"),
    ({"groups": {people.GROUP: []}, "state": "absent"}, "groups has managed-by-ansible; that name is ours"),
    ({"users": [{"name": "a", "groups": [people.GROUP]}]}, "groups has managed-by-ansible; that name is ours"),
]


def test_files_that_are_not_seen_from_here_are_not_said_to_be_deleted() -> None:
    for word in ("archive", "delete"):
        people.check_files(word, True)
        with pytest.raises(DescriptionError, match=f"user_data is {word}, but the nodes of a swarm and a cluster keep volumes that are not seen from here"):
            people.check_files(word, False)
    people.check_files("keep", False)
    people.check_files(None, False)


@pytest.mark.parametrize(("options", "message"), WRONG, ids=[message for _options, message in WRONG])
def test_a_task_that_leaves_something_open_is_refused(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        people.check_task(task(options))


def test_a_diff_is_people_as_lines() -> None:
    assert people.shown(THERE) == ["a admin", "b", "c", "group g: a, b", "group h: c"]


def test_people_name_groups_and_groups_name_people() -> None:
    found = people.described(hub(users=[{"name": "a", "admin": True, "groups": ["g", "h"]}, {"name": "b"}], groups={"g": ["b", "x"], "i": []}))
    assert found == of({"a": True, "b": False}, {"g": {"a", "b", "x"}, "h": {"a"}, "i": set()})


def test_the_memory_is_nobodys_group() -> None:
    groups = [{"name": people.GROUP, "users": []}, {"name": "g", "users": ["a"]}]
    assert people.present([{"name": "a", "admin": True}], groups) == of({"a": True}, {"g": {"a"}})
