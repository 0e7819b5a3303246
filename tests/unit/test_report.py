# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report at the end of a run: what it says, and that it is short."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import report

PROJECT = {"url": "https://hub.example.org/", "versions": {"engine": "28.2.2", "compose": "2.26.1"}, "source": "registry", "deployed": True, "missing": []}
READY = {"version": "6.1.1", "servers": 3, "added": [], "removed": [], "promoted": [], "demoted": [], "repaired": []}
RUNNING = "JupyterHub 6.1.1 on Docker 28.2.2, compose 2.26.1; images: registry; servers running: 3"


def container(service: str, status: str) -> dict[str, str]:
    return {"what": "container", "id": f"lab-{service}", "status": status}


def test_a_run_that_changed_nothing_says_so() -> None:
    assert report.deployed(PROJECT, {"actions": []}, READY) == ["https://hub.example.org/", RUNNING, "nothing changed"]


def test_a_run_says_what_it_changed() -> None:
    project = {
        **PROJECT,
        "made": ["proxy_token"],
        "rotated": ["cookie_secret"],
        "changed_files": ["hub/jupyterhub_config.py"],
        "volumes": ["lab-shared-course"],
    }
    ready = {**READY, "added": ["jenny"], "removed": ["mallory"], "promoted": ["geoheil"], "demoted": ["max"], "repaired": ["/user/jenny"]}
    ready |= {"groups_added": ["course"], "joined": {"course": ["jenny", "max"]}, "left": {"staff": ["mallory"]}, "waiting": {"course": ["later"]}}
    found = report.deployed(project, {"actions": [container("hub", "Recreate"), container("hub", "Starting")]}, ready)
    assert found[2:] == [
        "secrets made: proxy_token",
        "secrets changed: cookie_secret",
        "files changed: hub/jupyterhub_config.py",
        "volumes made or set right: lab-shared-course",
        "containers: hub replaced",
        "people added: jenny",
        "people removed: mallory",
        "admins added: geoheil",
        "admins removed: max",
        "groups added: course",
        "joined a group: jenny (course), max (course)",
        "left a group: mallory (staff)",
        "routes repaired: /user/jenny",
        "in a group as soon as the hub knows them: later (course)",
    ]


@pytest.mark.parametrize(("service", "deployed", "announced"), [("proxy", True, True), ("edge", True, True), ("hub", True, False), ("proxy", False, False)])
def test_what_drops_websockets_is_announced(service: str, deployed: bool, announced: bool) -> None:
    found = report.deployed({**PROJECT, "deployed": deployed}, {"actions": [container(service, "Recreate")]}, READY)
    assert any("open notebooks connected again" in line for line in found) is announced


ACTIONS: list[tuple[list[dict[str, t.Any]], list[str]]] = [
    ([container("hub", "Creating"), container("hub", "Starting")], ["hub created"]),
    ([container("hub", "Starting")], ["hub started"]),
    ([container("proxy", "Starting"), container("edge", "Recreate")], ["edge replaced", "proxy started"]),
    ([container("hub", "Waiting"), {"what": "network", "id": "lab-hub", "status": "Creating"}, {}], []),
]


@pytest.mark.parametrize(("actions", "found"), ACTIONS, ids=[str(found) for _actions, found in ACTIONS])
def test_what_compose_did_is_said_in_a_word_for_each_service(actions: list[dict[str, t.Any]], found: list[str]) -> None:
    assert report.actions({"actions": actions}) == found


def test_check_mode_says_what_a_run_would_do() -> None:
    skipped = {"skipped": True}
    first = {**PROJECT, "deployed": False, "settled": False, "missing": [{"reference": "x/y:1"}], "made": ["proxy_token"], "outdated": {"hub": "new"}}
    head = "the hub is not deployed yet; this is what a run would do"
    assert report.deployed(first, skipped, skipped) == [head, "images to make or pull: x/y:1", "secrets made: proxy_token", "containers: hub new"]
    later = {**PROJECT, "settled": False, "outdated": {"hub": "changed"}, "ready": {**READY, "added": ["carol"]}}
    assert report.deployed(later, skipped, skipped) == ["this is what a run would do", "containers: hub changed", "people added: carol"]


def test_a_hub_with_nothing_to_do_is_reported_from_the_look_at_it() -> None:
    found = report.deployed({**PROJECT, "settled": True, "outdated": {}, "ready": READY}, {"skipped": True}, {"skipped": True})
    assert found == ["https://hub.example.org/", RUNNING, "nothing changed"]


def test_long_lists_are_cut() -> None:
    assert report.shorten([str(number) for number in range(12)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
    assert report.shorten([str(number) for number in range(10_000)]).endswith("10, 11 and 9988 more")


def test_a_removal_says_what_stays_and_how_to_delete_it_too() -> None:
    nothing: dict[str, list[str]] = {"container": [], "network": [], "volume": [], "file": []}
    assert report.removed({"removed": nothing, "kept": []}) == ["nothing was there"]
    assert report.removed({"removed": {**nothing, "container": ["lab-hub"]}, "kept": ["lab-data"]}) == [
        "containers removed: lab-hub",
        "kept, with people's work and the hub's secrets: lab-data",
        "to delete that too, for ever: -e jupyterhub_remove_data=true",
    ]


def test_a_swarm_says_how_many_nodes_it_has() -> None:
    lines = report.deployed({**PROJECT, "versions": {"engine": "20.10.24", "nodes": "3"}}, {}, {"version": "6.1.1", "servers": 3})
    assert "JupyterHub 6.1.1 on Docker 20.10.24, nodes: 3; images: registry; servers running: 3" in lines
