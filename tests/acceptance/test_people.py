# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The people and groups of a hub that runs: what the description says, what somebody did by hand, and what tasks say."""

from __future__ import annotations

import json
import pathlib
import shlex
import subprocess
import tarfile
import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.people import GROUP
from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Account, Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.guides import blocks, tasks
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import Plays, lives, login, owned, restarted


def groups(admin: HubClient) -> dict[str, set[str]]:
    """Return the groups of the hub but for the collection's own."""
    return {group["name"]: set(group["users"]) for group in admin.api("GET", "groups").json() if group["name"] != GROUP}


def names(admin: HubClient) -> set[str]:
    return {user["name"] for offset in range(0, 2000, 200) for user in admin.api("GET", f"users?limit=200&offset={offset}").json()}


@pytest.fixture(scope="module")
def people_names(accounts: list[Account]) -> list[str]:
    return [account.name for account in accounts]


@pytest.fixture
def described(admin: HubClient, plays: Plays) -> t.Iterator[list[dict[str, t.Any]]]:
    """The people of the description; in the end the hub is what it was."""
    before = names(admin), groups(admin)
    yield [{"name": name, "admin": name == admin.username} for name in sorted(before[0])]
    for name in names(admin) - before[0]:
        admin.api("DELETE", f"users/{name}")
    for name in groups(admin).keys() - before[1].keys():
        admin.api("DELETE", f"groups/{name}")
    plays.variables = {"jupyterhub_name": plays.name}
    plays.deploy()
    assert (names(admin), groups(admin)) == before


def test_groups_come_and_go_and_hands_are_left_alone(plays: Plays, admin: HubClient, described: list[dict[str, t.Any]]) -> None:
    alice, bob = [user["name"] for user in described if not user["admin"]][:2]
    assert groups(admin)["course"] == {alice}
    admin.api("POST", "users/dora")
    admin.api("POST", "groups/course/users", {"users": ["dora"]})
    admin.api("POST", "groups/byhand", {"users": ["dora", bob]})
    users = [{**user, "groups": ["lab"]} if user["name"] == bob else user for user in described]
    before = lives(plays.name)
    plays.deploy(users=users, groups={"course": [bob, "later"]})
    assert groups(admin) == {"course": {bob, "dora"}, "lab": {bob}, "byhand": {"dora", bob}}
    assert plays.deploy() == 0
    # Nobody was let in by being put into a group; who comes by another way joins.
    assert "later" not in names(admin)
    admin.api("POST", "users/later")
    assert plays.deploy() > 0
    assert groups(admin)["course"] == {bob, "dora", "later"}
    plays.deploy(groups={}, users=described)
    assert groups(admin) == {"course": {"dora"}, "byhand": {"dora", bob}}
    assert restarted(before, lives(plays.name)) == set()


def test_a_thousand_people_in_fifty_groups(plays: Plays, admin: HubClient, described: list[dict[str, t.Any]]) -> None:
    many = [{"name": f"student{number}", "groups": [f"group{number % 50}"]} for number in range(1000)]
    before = lives(plays.name), names(admin), groups(admin)
    plays.deploy(users=[*described, *many])
    assert names(admin) == before[1] | {user["name"] for user in many}
    assert groups(admin) == before[2] | {f"group{number}": {f"student{one}" for one in range(number, 1000, 50)} for number in range(50)}
    assert plays.deploy() == 0
    plays.deploy(users=described)
    assert (names(admin), groups(admin)) == before[1:]
    assert restarted(before[0], lives(plays.name)) == set()


# ---- The module hub_users: the examples of the guide


class Examples:
    """The tasks and commands of docs/people.md, for the hub of the tests."""

    def __init__(self, plays: Plays, folder: pathlib.Path, settings: Settings) -> None:
        self.plays, self.archive = plays, folder / "archive"
        self.token = folder / "token"
        self.token.touch(0o600)
        self.token.write_bytes((pathlib.Path(settings.need("--hub-secrets-dir")) / "operator_token").read_bytes())
        place = {"url": settings.need("--hub-url"), "address": settings.get("--hub-address") or "", "ca_file": settings.get("--hub-ca") or ""}
        self.values: dict[str, t.Any] = {"name": plays.name, "archive_dir": str(self.archive), "token_file": str(self.token), **place}

    def run(self, title: str, *options: str, **changed: t.Any) -> dict[str, t.Any]:
        """Run the example whose name begins like that; return what it says."""
        (task,) = [task for task in tasks("people.md") if task["name"].startswith(title)]
        given = {**task["vdsg.jupyterhub.hub_users"], **changed}
        given = {key: self.values.get(key, value) for key, value in given.items() if value is not None}
        given |= {key: self.values[key] for key in ("address", "ca_file") if "url" in given}
        return self.plays.tasks([{"vdsg.jupyterhub.hub_users": given}], *options)[0]


@pytest.fixture(scope="module")
def examples(plays: Plays, tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Examples:
    return Examples(plays, tmp_path_factory.mktemp("examples"), settings)


def test_people_are_let_in(examples: Examples, admin: HubClient, people_names: list[str]) -> None:
    predicted = examples.run("Let two people in", "--check", "--diff")
    assert names(admin) == set(people_names)
    assert "jo admin" in predicted["diff"]["after"] and "jo" not in predicted["diff"]["before"].split()
    done = examples.run("Let two people in")
    assert (done["added"], done["promoted"], done["joined"]) == (["jo", "kim"], ["jo"], {"course": ["kim"]})
    assert {key: done[key] for key in ("changed", "added", "joined")} == {key: predicted[key] for key in ("changed", "added", "joined")}
    assert names(admin) == {*people_names, "jo", "kim"}
    assert not examples.run("Let two people in")["changed"]


def test_removal_does_not_guess(examples: Examples, admin: HubClient) -> None:
    refused = examples.run("Take somebody's access away", user_data=None)
    assert refused["failed"] and refused["msg"].startswith("user_data is required where people may be removed")
    assert "kim" in names(admin)


def test_files_are_packed_and_can_be_unpacked(settings: Settings, examples: Examples, plays: Plays, people: list[Account]) -> None:
    """S0 0.32: one user's volume as a tarball on the host, and back."""
    kim = login(settings, "kim", people[0].password)
    kim.start_server()
    kim.write_file("thesis.txt", "kim was here")
    predicted = examples.run("Take somebody's access away", "--check")
    assert (predicted["changed"], predicted["volumes"]) == (True, {"kim": [f"{plays.name}-user-kim"]})
    assert kim.server_ready()
    done = examples.run("Take somebody's access away")
    (archive,) = done["archives"]["kim"]
    assert owned(plays.name) & {f"{plays.name}-user-kim"} == set()
    assert pathlib.Path(archive).stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as tar:
        assert "./thesis.txt" in tar.getnames()
    assert not examples.run("Take somebody's access away")["changed"]

    (commands,) = [block for block in blocks("people.md") if "docker volume create" in block]
    commands = commands.replace("lab-user-kim-20261121T101112Z.tar", shlex.quote(archive))
    commands = commands.replace("=lab ", f"={plays.name} ").replace(" lab-", f" {plays.name}-")
    subprocess.run(["bash", "-euc", commands], check=True, timeout=60)
    examples.run("Let two people in")
    kim.login("kim", people[0].password)
    kim.start_server()
    assert kim.read_file("thesis.txt") == "kim was here"


def test_files_are_kept_or_deleted_as_it_is_said(examples: Examples, plays: Plays) -> None:
    volume = f"{plays.name}-user-kim"
    kept = examples.run("Take somebody's access away", user_data="keep", archive_dir=None)
    assert (kept["removed"], kept["volumes"]) == (["kim"], {"kim": [volume]})
    assert volume in owned(plays.name)
    # Whose access was taken away before may still have files.
    deleted = examples.run("Take somebody's access away", user_data="delete", archive_dir=None)
    assert (deleted["changed"], deleted["removed"]) == (True, [])
    assert volume not in owned(plays.name)


def test_a_list_is_all_there_is_through_the_address(examples: Examples, admin: HubClient, people_names: list[str]) -> None:
    given = [{"name": name} for name in people_names]
    before = groups(admin)
    listed = {name: sorted(members) for name, members in before.items()}
    done = examples.run("The people of a list", users=given, groups=listed)
    assert (done["removed"], done["demoted"], done["groups_removed"]) == (["jo"], [], [])
    assert names(admin) == set(people_names)
    assert groups(admin) == before
    assert not examples.run("The people of a list", users=given, groups=listed)["changed"]


def test_a_token_that_others_may_read_is_refused(examples: Examples) -> None:
    examples.token.chmod(0o640)
    refused = examples.run("The people of a list", users=[])
    assert refused["failed"] and "chmod 600 it" in refused["msg"]
    assert examples.token.read_text().strip() not in json.dumps(refused)
    examples.token.chmod(0o600)
