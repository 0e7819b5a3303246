# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operating a hub that runs: does it work, maintenance, orphans, what it says of itself; the examples of docs/operations.md."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import subprocess
import typing as t

import pytest
import yaml

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, HubError, SpawnFailed
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import Engine
from ansible_collections.vdsg.jupyterhub.tests.acceptance.guides import blocks, tasks
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import ROOT, Plays, restarted

# What a token of a server looks like in what an engine shows.
TOKEN = re.compile(r'JUPYTERHUB_API_TOKEN(?:=|", "value": ")(\w+)')

WORKS = re.compile(r"https://\S+ works: a server started in \d+\.\d s, its kernel answered in \d+\.\d s; nothing of the check is left")
BACK = 180
"""Seconds in which a hub or an edge that was stopped is back, on a machine that has much else to do."""


def names(admin: HubClient) -> set[str]:
    return {user["name"] for user in admin.api("GET", "users").json()}


def commands() -> list[list[str]]:
    """Return the words of the commands of the guide."""
    return [block.split(" -i inventories/lab")[0].split() for block in blocks("operations.md") if block.startswith("ansible-playbook")]


def example(title: str) -> dict[str, t.Any]:
    (task,) = [task for task in tasks("operations.md") if task["name"] == title]
    return t.cast("dict[str, t.Any]", next(value for key, value in task.items() if key.startswith("vdsg.")))


def known(hub: Engine) -> dict[str, str]:
    """Return the options that name the hub."""
    return {**hub.connection, "name": hub.name}


def said(plays: Plays) -> str:
    """Return what a playbook said, without the line breaks of its output."""
    return " ".join(plays.said.split())


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.fixture
def peace(plays: Plays) -> t.Iterator[None]:
    """No maintenance is left, whatever a test finds."""
    yield
    assert plays.operate("maintenance.yml", maintenance={"enabled": False}) == 0, plays.said


def test_the_guide_names_playbooks_that_are_there() -> None:
    assert [words[1] for words in commands()] == ["check.yml", "check.yml", "maintenance.yml", "maintenance.yml", "orphans.yml"]
    assert all((ROOT / words[1]).is_file() for words in commands())


def test_a_hub_that_works_is_said_to_work_and_nothing_is_left(hub: Engine, settings: Settings, admin: HubClient, tmp_path: pathlib.Path) -> None:
    before = names(admin), hub.owned(), hub.lives()
    log = tmp_path / "check.log"
    (line,) = [block for block in blocks("operations.md") if ">check.log" in block]
    words = shlex.join(json.loads(settings.need("--hub-play"))[1:])
    line = line.replace("-i inventories/lab", words).replace("check.log", str(log))
    cron = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert (cron.returncode, cron.stdout, cron.stderr) == (0, "", "")
    assert WORKS.search(" ".join(log.read_text().split()))
    assert "changed=0" in log.read_text()
    assert (names(admin), hub.owned(), hub.lives()) == before


def test_a_hub_that_does_not_work_is_said_not_to_in_a_sentence_and_nothing_is_left(plays: Plays, admin: HubClient, hub: Engine) -> None:
    before = names(admin), hub.owned()
    docker("stop", f"{plays.name}-edge")
    try:
        assert plays.operate("check.yml") == 2
    finally:
        docker("start", f"{plays.name}-edge")
        admin.wait_until_healthy(BACK)
    assert "the server started, but no cell can be run in it: " in said(plays)
    assert (names(admin), hub.owned()) == before


def test_a_server_that_does_not_start_is_a_sentence_too(plays: Plays, admin: HubClient, hub: Engine) -> None:
    before = names(admin), hub.owned()
    docker("stop", f"{plays.name}-guard")
    try:
        assert plays.operate("check.yml") == 2
    finally:
        docker("start", f"{plays.name}-guard")
    assert "no server can be started: " in said(plays)
    assert (names(admin), hub.owned()) == before


def test_who_tried_the_hub_and_was_killed_is_removed_by_the_next(plays: Plays, admin: HubClient, hub: Engine) -> None:
    old, new, other = "hub-check-0123abcd", "hub-check-4567cdef", "hub-check-jenny"
    for name in (old, new, other):
        admin.api("POST", f"users/{name}")
    made = "import sqlite3; hub = sqlite3.connect('/srv/jupyterhub/jupyterhub.sqlite', 60)"
    age = f"{made}; hub.execute(\"update users set created = '2026-01-01' where name = '{old}'\"); hub.commit()"
    docker("exec", f"{plays.name}-hub", "python3", "-c", age)
    hub.restart_hub()
    admin.wait_until_healthy(BACK)
    try:
        assert plays.operate("check.yml") == 0, plays.said
        assert names(admin) & {old, new, other} == {new, other}
    finally:
        for name in (new, other):
            admin.api("DELETE", f"users/{name}")


# ---- Maintenance


@pytest.mark.usefixtures("peace")
def test_maintenance_outlives_restarts_and_runs_until_it_is_ended(
    plays: Plays, settings: Settings, admin: HubClient, alice: HubClient, bob: HubClient, hub: Engine
) -> None:
    bob.stop_server()
    kernel = alice.kernel()
    kernel.execute("x = 41", 180)
    before = hub.lives()
    begin = {**example("Nobody starts a server any more"), **known(hub)}
    task = [{"vdsg.jupyterhub.hub_maintenance": begin}]
    assert plays.tasks(task, "--check")[0]["changed"]
    assert "Back at noon." not in alice.session.get(f"{alice.url}/hub/home").text
    done = plays.tasks(task)[0]
    assert (done["changed"], done["servers"], done["maintenance"]["announcement"]) == (True, [alice.username], "Back at noon.")
    assert not plays.tasks(task)[0]["changed"]
    assert restarted(before, hub.lives()) == set()

    # On every page, the login page too.
    for page in (alice.session.get(f"{alice.url}/hub/home").text, login_page(settings)):
        assert "Back at noon." in page
    for start in (bob.start_server, lambda: bob.api("POST", f"users/{bob.username}/server")):
        with pytest.raises((HubError, SpawnFailed), match="Back at noon"):
            start()
    admin.start_server()
    admin.stop_server()
    assert kernel.execute("x + 1", 180) == "42"

    hub.restart_hub()
    admin.wait_until_healthy(BACK)
    assert plays.deploy() == 0
    assert "maintenance since 2" in said(plays)
    with pytest.raises(HubError, match="Back at noon"):
        bob.api("POST", f"users/{bob.username}/server")
    assert plays.operate("check.yml") == 0, plays.said

    end = {**example("Back to work"), **known(hub)}
    ended = plays.tasks([{"vdsg.jupyterhub.hub_maintenance": end}])[0]
    assert (ended["changed"], ended["maintenance"]) == (True, None)
    bob.start_server()
    assert "Back at noon." not in login_page(settings)
    assert kernel.execute("x + 1", 180) == "42"


def login_page(settings: Settings) -> str:
    """Return the page that strangers see."""
    client = settings.client()
    return client.session.get(f"{client.url}/hub/login", timeout=30).text


@pytest.mark.usefixtures("peace")
def test_servers_are_waited_for_or_stopped_and_files_stay(plays: Plays, alice: HubClient) -> None:
    alice.write_file("kept.txt", "kept")
    drain = next(yaml.safe_load(block)["jupyterhub_maintenance"] for block in blocks("operations.md") if block.startswith("jupyterhub_maintenance:"))
    assert plays.operate("maintenance.yml", maintenance={**drain, "timeout": 2}) == 2
    assert f"servers still run after 2 seconds: {alice.username}" in said(plays)
    assert alice.server_ready()
    assert plays.operate("maintenance.yml", maintenance={**drain, "servers": "stop", "timeout": 60}) == 0, plays.said
    assert alice.servers() == {}
    with pytest.raises(HubError, match="new disk at noon"):
        alice.api("POST", f"users/{alice.username}/server", alice.options)
    # What is done already is no change.
    assert plays.operate("maintenance.yml", maintenance={**drain, "timeout": 60}) == 0, plays.said
    assert "changed=0" in plays.said
    assert plays.operate("maintenance.yml", maintenance={"enabled": False}) == 0
    assert "no maintenance: everybody starts servers" in said(plays)
    alice.start_server()
    assert alice.read_file("kept.txt") == "kept"


# ---- Orphans, facts


def test_what_the_hub_does_not_know_is_found_and_servers_go(plays: Plays, alice: HubClient, hub: Engine) -> None:
    description = f"{{{{ lookup('vdsg.jupyterhub.description', complete=false, parts=['{hub.target}']).variables }}}}"
    look = [{"vdsg.jupyterhub.hub_orphans": {"description": description, "target": hub.target, "least_age": 0}}]
    with hub.ghost() as ghost:
        before = hub.lives()
        # The usual least age lets a young server be.
        assert plays.operate("orphans.yml", "--check") == 0, plays.said
        assert f"{ghost.server} (" not in said(plays)
        assert ghost.files in said(plays).split("never removed:")[1]
        found = plays.tasks(look, "--check")[0]
        assert found["servers"] == [{"name": ghost.server, "user": "ghost", "status": "running"}]
        assert found["volumes"] == [ghost.files]
        assert hub.lives() == before
        assert plays.tasks(look)[0]["servers"] == found["servers"]
        assert restarted(before, hub.lives()) == {"user-ghost"}
        again = plays.tasks(look)[0]
        assert (again["changed"], again["servers"], again["volumes"]) == (False, [], [ghost.files])
        assert alice.server_ready()


def test_people_come_and_go_and_files_that_are_not_seen_are_not_deleted(plays: Plays, admin: HubClient, hub: Engine) -> None:
    dora = {**known(hub), "users": [{"name": "dora"}]}
    leave = {**dora, "state": "absent"}
    added, lost = plays.tasks([{"vdsg.jupyterhub.hub_users": dora}, {"vdsg.jupyterhub.hub_users": {**leave, "user_data": "delete"}}])
    assert added["added"] == ["dora"]
    if hub.target == "docker_compose":
        assert lost["removed"] == ["dora"]
    else:
        assert "user_data is delete, but the nodes of a swarm and a cluster keep volumes that are not seen from here" in lost["msg"]
        assert "dora" in names(admin)
    kept = plays.tasks([{"vdsg.jupyterhub.hub_users": {**leave, "user_data": "keep"}}])[0]
    assert (kept["changed"], kept["volumes"]) == (hub.target != "docker_compose", {})
    assert "dora" not in names(admin)


def test_facts_say_all_that_is_and_no_secret(plays: Plays, alice: HubClient, settings: Settings, hub: Engine) -> None:
    found = plays.tasks([{"vdsg.jupyterhub.hub_info": {**example("Ask the hub"), **known(hub)}}])[0]
    assert found["version"] == alice.api("GET", "").json()["version"]
    assert {"admin": True, alice.username: False}.items() <= {user["name"]: user["admin"] for user in found["users"]}.items()
    mine = alice.api("GET", f"users/{alice.username}").json()
    assert {group["name"] for group in found["groups"] if alice.username in group["users"]} == set(mine["groups"])
    assert (alice.username, True) in [(server["user"], server["ready"]) for server in found["servers"]]
    assert f"/user/{alice.username}" in found["routes"]
    assert found["health"] == {"well": True, "unrouted": [], "pending": [], "containers": dict.fromkeys(hub.components, "healthy")}
    assert found["maintenance"] is None
    assert settings.host in found["certificate"]["names"]
    assert found["certificate"]["days_left"] > 0
    text = json.dumps(found)
    for path in pathlib.Path(settings.need("--hub-secrets-dir")).iterdir():
        assert path.read_text().strip() not in text
    tokens = set(TOKEN.findall(json.dumps(hub.inspect())))
    assert tokens
    assert not [token for token in tokens if token in text]
