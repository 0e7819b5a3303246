# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations on a hub that runs: maintenance, orphans, facts, the check; plans and sentences without a hub, and the doors to a stand-in of one."""

from __future__ import annotations

import datetime
import json
import pathlib
import sys
import types
import typing as t
from unittest import mock

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import hub_check, maintenance, orphans, people, report
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.orphans import Thing
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.people import People
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import care
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.hub_api import HubApi, Place, UrlLine
from ansible_collections.vdsg.jupyterhub.plugins.modules import hub_info, hub_maintenance
from ansible_collections.vdsg.jupyterhub.tests.unit.hub_server import TOKEN, HubServer, serve
from ansible_collections.vdsg.jupyterhub.tests.unit.support import program
from ansible_collections.vdsg.jupyterhub.tests.unit.test_modules import call

beside = program("maintenance")


@pytest.fixture
def server() -> t.Iterator[HubServer]:
    with serve() as hub:
        yield hub


@pytest.fixture
def place(server: HubServer, tmp_path: pathlib.Path) -> dict[str, str]:
    """The options of a module that asks the stand-in."""
    (tmp_path / "token").touch(0o600)
    (tmp_path / "token").write_text(TOKEN)
    return {"url": server.url, "token_file": str(tmp_path / "token")}


# --- maintenance


def test_maintenance_is_written_down_beside_everything_else_until_it_ends() -> None:
    before = people.remember({"other": 1}, People({"jenny": True}))
    assert maintenance.remembered(before) is None
    state = maintenance.planned(None, True, "Back at noon", "T1")
    kept = maintenance.remember(before, state)
    assert maintenance.remembered(kept) == maintenance.State("Back at noon", "T1")
    # What the playbook of the hub writes down does not end it.
    again = people.remember(kept, People())
    assert maintenance.remembered(again) == state
    assert maintenance.planned(state, True, "Back at one", "T2") == maintenance.State("Back at one", "T1")
    assert maintenance.remember(kept, maintenance.planned(state, False, "", "T3")) == before
    assert maintenance.remember(None, state)["about"] == people.ABOUT


BAD = [
    ({"enabled": False, "servers": "wait", "announcement": "x"}, "servers wait means nothing when maintenance ends; leave it out"),
    ({"enabled": True, "servers": "keep", "announcement": " "}, "announcement is empty, and people would not know why no server starts"),
]


@pytest.mark.parametrize(("task", "message"), BAD, ids=[message for _task, message in BAD])
def test_a_task_that_contradicts_itself_is_one_sentence(task: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        maintenance.check_task(task)


def test_the_program_beside_the_hub_reads_what_the_module_writes() -> None:
    assert (beside.GROUP, beside.PROPERTY, beside.CHECK.pattern) == (people.GROUP, maintenance.PROPERTY, hub_check.USER.pattern)
    kept = maintenance.remember(None, maintenance.State("Back at noon", "T1"))
    assert beside.notice(kept) == "Back at noon"
    assert beside.notice(maintenance.remember(kept, None)) == beside.notice(None) == beside.notice({"maintenance": "spoilt"}) == ""
    assert beside.notice({"maintenance": {}}) == "Maintenance"


STARTS = [
    ("jenny", False, False),
    ("jenny", True, True),
    ("hub-check-0123abcd", False, True),
    ("hub-check-jenny", False, False),
    ("xhub-check-0123abcd", False, False),
]


@pytest.mark.parametrize(("name", "admin", "may"), STARTS)
def test_only_who_finds_out_whether_all_is_well_starts_servers(name: str, admin: bool, may: bool) -> None:
    assert beside.may_start(name, admin) is may


def test_announcements_are_those_of_the_file_of_the_user_and_of_maintenance_above_all(tmp_path: pathlib.Path) -> None:
    file, notices = tmp_path / "announcements.json", [""]
    file.write_text(json.dumps({"announcement": "all", "announcement_login": "login"}))
    given = {"announcement_home": "mine", "announcement_spawn": lambda user: f"for {user}", "contact": "x"}
    found = beside.announcements(given, file, lambda: notices[0])

    def said() -> dict[str, t.Any]:
        return {name.removeprefix("announcement").strip("_"): found[name]("jenny") for name in ("announcement", *beside.PAGES)}

    assert said() == {"": "all", "login": "login", "home": "mine", "spawn": "for jenny", "logout": None}
    file.write_text("{}")
    assert said() == {"": None, "login": None, "home": "mine", "spawn": "for jenny", "logout": None}
    notices[0] = "Back at noon"
    assert set(said().values()) == {"Back at noon"}
    assert found["contact"] == "x"


def test_a_hook_of_the_users_goes_on_for_those_who_may_start(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[t.Any] = []
    hook = beside.guarded(called.append)
    spawner = types.SimpleNamespace(db=None, user=types.SimpleNamespace(name="jenny", admin=False))

    class Refused(Exception):
        def __init__(self, *_text: object, **_options: object) -> None:
            super().__init__()

    monkeypatch.setitem(sys.modules, "jupyterhub", types.ModuleType("jupyterhub"))
    monkeypatch.setitem(sys.modules, "jupyterhub.spawner", mock.Mock(SpawnException=Refused))
    monkeypatch.setattr(beside, "properties", lambda _session: {"maintenance": {"announcement": "Back at noon"}})
    with pytest.raises(Refused):
        hook(spawner)
    assert called == []
    monkeypatch.setattr(beside, "properties", lambda _session: None)
    hook(spawner)
    assert called == [spawner]
    assert beside.guarded(None)(spawner) is None


def test_maintenance_is_predicted_then_begun_then_goes_on_then_ends(capfd: pytest.CaptureFixture[str], server: HubServer, place: dict[str, str]) -> None:
    begin = {**place, "announcement": "Back at noon"}
    predicted = call(hub_maintenance, capfd, **begin, _ansible_check_mode=True, _ansible_diff=True)
    assert all(made.startswith("GET ") for made in server.calls)
    assert (predicted["changed"], predicted["servers"], predicted["diff"]["after"]) == (True, ["geoheil"], "maintenance: Back at noon\n")
    done = call(hub_maintenance, capfd, **begin)
    assert (done["changed"], done["maintenance"]["announcement"]) == (True, "Back at noon")
    assert beside.notice(server.properties[people.GROUP]) == "Back at noon"
    again = call(hub_maintenance, capfd, **begin)
    assert (again["changed"], again["maintenance"]) == (False, done["maintenance"])
    left = call(hub_maintenance, capfd, **begin, servers="wait", timeout=0)
    assert left["failed"]
    assert "servers still run after 0 seconds: geoheil; no new ones start" in left["msg"]
    assert call(hub_maintenance, capfd, **begin, servers="stop", timeout=20)["changed"]
    assert server.servers["geoheil"] == []
    assert not call(hub_maintenance, capfd, **begin, servers="stop", timeout=20)["changed"]
    with care_of(server) as hub:
        found = care.look_after(hub, People({"geoheil": True}), 0, True)
    assert found["maintenance"].startswith("maintenance since 2")
    ended = call(hub_maintenance, capfd, **place, enabled=False)
    assert (ended["changed"], ended["maintenance"]) == (True, None)
    assert not call(hub_maintenance, capfd, **place, enabled=False)["changed"]


def care_of(server: HubServer) -> HubApi:
    return HubApi(UrlLine(Place(server.url), TOKEN))


# --- facts


def test_facts_are_all_that_is_but_no_secret(capfd: pytest.CaptureFixture[str], server: HubServer, place: dict[str, str]) -> None:
    server.groups = {"course": {"left", "geoheil"}, people.GROUP: set()}
    server.servers["left"] = ["gpu"]
    found = call(hub_info, capfd, **place)
    assert (found["changed"], found["version"], found["python"]) == (False, "6.1.1", "3.11.2")
    assert [user["name"] for user in found["users"]] == ["geoheil", "byhand", "left"]
    assert [(one["user"], one["name"]) for one in found["servers"]] == [("geoheil", ""), ("left", "gpu")]
    assert found["groups"] == [{"name": "course", "users": ["geoheil", "left"]}]
    assert found["services"] == [{"name": "operator", "admin": True, "roles": ["admin"], "url": "", "prefix": ""}]
    assert found["health"] == {"well": False, "unrouted": ["/user/left/gpu"], "pending": [], "containers": {}}
    assert "hush" not in json.dumps(found)


# --- orphans

USERS = [
    {"name": "jenny", "servers": {"": {"pending": None, "state": {"object_id": "1", "object_name": "lab-user-jenny"}}}},
    {"name": "sam", "servers": {"gpu": {"pending": "spawn", "state": {}}}},
    {"name": "kim", "servers": {"": {"pending": None}}},
    {"name": "bob", "servers": {}},
]
CASES = [
    (Thing("lab-user-jenny", frozenset({"1"}), "jenny", 900), False, "the hub knows its ID"),
    (Thing("lab-user-jenny", frozenset({"lab-user-jenny", "2"}), "jenny", 900), False, "the hub knows its name"),
    (Thing("lab-user-jenny--old", frozenset({"3"}), "jenny", 900), True, "a server that the hub has forgotten"),
    (Thing("lab-user-sam--gpu", frozenset({"4"}), "sam", 900), False, "a server of this person is on its way"),
    (Thing("lab-user-kim", frozenset({"5"}), "kim", 900), False, "the hub does not say what the engine calls it"),
    (Thing("lab-user-bob", frozenset({"6"}), "bob", 900), True, "nothing of this person runs"),
    (Thing("lab-user-gone", frozenset({"7"}), "gone", 900), True, "nobody knows this person"),
    (Thing("lab-user-gone", frozenset({"8"}), "gone", 299), False, "too young"),
    (Thing("service", frozenset({"9"}), "", 900), True, "a label is missing"),
]


@pytest.mark.parametrize(("thing", "orphan"), [case[:2] for case in CASES], ids=[case[2] for case in CASES])
def test_an_orphan_is_what_no_server_of_the_hub_is(thing: Thing, orphan: bool) -> None:
    assert orphans.orphans([thing], orphans.known(USERS), 300) == ([thing] if orphan else [])


def test_volumes_of_people_whom_the_hub_does_not_know_are_told_of() -> None:
    def volume(title: str, **labels: str) -> dict[str, t.Any]:
        return {"Name": title, "Labels": {f"vdsg.jupyterhub.{key}": value for key, value in labels.items()}}

    present = [
        volume("lab-user-jenny", name="lab", component="user-data"),
        volume("lab-user-gone", name="lab", component="user-data"),
        volume("lab-data", name="lab", component="data"),
        volume("lab-user-else"),
        volume("other-user-gone", name="other", component="user-data"),
    ]
    assert orphans.volumes(present, "lab", "{name}-user-{username}", ["jenny"]) == ["lab-user-gone"]


# --- the check


def test_leftovers_of_checks_are_old_users_of_checks_and_nobody_else() -> None:
    now = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc).timestamp()
    ages = {"hub-check-0123abcd": "11:00", "hub-check-4567cdef": "11:59", "hub-check-jenny": "11:00", "jenny": "11:00"}
    users = [{"name": name, "created": f"2026-06-01T{hour}:00.000000Z"} for name, hour in ages.items()]
    assert hub_check.leftovers(users, now) == ["hub-check-0123abcd"]
    assert hub_check.USER.fullmatch(hub_check.user_name("0123abcd"))


ANSWERS: list[tuple[dict[str, t.Any], str]] = [
    ({"problem": "no answer within 9 seconds"}, "the server started, but no cell can be run in it: no answer within 9 seconds"),
    ({"answer": "41"}, r"its kernel answers '41' to print\(6 \* 7\), which is 42"),
    ({}, "its kernel answers None"),
]


@pytest.mark.parametrize(("answer", "message"), ANSWERS, ids=[message for _answer, message in ANSWERS])
def test_a_wrong_answer_is_a_sentence(answer: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        hub_check.check_answer(answer)
    hub_check.check_answer({"answer": "42"})


def test_the_reason_of_a_server_that_does_not_start_is_the_last_that_the_hub_says() -> None:
    events = 'data: {"progress": 0, "message": "Server requested"}\n\ndata: {"failed": true, "message": "Spawn failed: no \\"such\\" image"}\n\n'
    assert hub_check.failure(events) == 'Spawn failed: no \\"such\\" image'
    assert hub_check.failure('{"status": 400}') == "the hub gives no reason; see its log"


# --- reports

FOUND = {"servers": [{"name": "lab-user-x", "user": "x", "status": "exited"}], "volumes": ["lab-user-y"]}
CHECKED = {"seconds": {"start": 1.0, "kernel": 2.0}, "msg": hub_check.report("https://hub/", {"start": 1.0, "kernel": 2.0})}


def test_reports_say_what_is_and_what_to_do() -> None:
    assert report.checked({"servers": [], "volumes": []}, CHECKED) == [CHECKED["msg"]]
    assert report.checked(FOUND, CHECKED)[1:] == [
        "servers that the hub does not know: lab-user-x (exited); orphans.yml removes them",
        "volumes of people whom the hub does not know, never removed: lab-user-y",
    ]
    assert report.checked(FOUND)[0] == "servers that the hub does not know: lab-user-x (exited)"
    assert report.checked({"servers": [], "volumes": []}) == ["nothing is there that the hub does not know"]
    begun = {"maintenance": {"announcement": "x", "since": "T1"}, "servers": ["jenny", "sam/gpu"]}
    assert report.maintained(begun) == [
        "maintenance since T1: only admins start servers; maintenance.yml with enabled: false ends it",
        "servers that ran when this began: jenny, sam/gpu",
    ]
    assert report.maintained({"maintenance": None, "servers": ["jenny"]}) == ["no maintenance: everybody starts servers"]
