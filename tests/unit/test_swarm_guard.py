# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard's judgement of services, without a door and without a swarm. The escapes of the acceptance tests are tried here, too, in milliseconds."""

from __future__ import annotations

import json
import pathlib
import sys
import typing as t

import docker.types
import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import swarm
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Swarm
from ansible_collections.vdsg.jupyterhub.tests.acceptance.escapes import ALLOWED, ESCAPES, SERVICE_ESCAPES, Escape, Place
from ansible_collections.vdsg.jupyterhub.tests.unit.support import hub, program
from ansible_collections.vdsg.jupyterhub.tests.unit.test_swarm import ENGINE

engine_guard = program("engine_guard")
sys.modules["engine_guard"] = engine_guard
guard = program("swarm_guard")
docker_py: t.Any = docker.types
SETTINGS = Swarm.from_variables(
    {"swarm_server_constraints": ["node.role == worker"], "swarm_volume_driver": "local", "swarm_volume_driver_options": {"device": ":/export/{volume}"}}
)
RULES = guard.read_policy(json.dumps(swarm.guard_policy(hub(), ENGINE, SETTINGS)))
PLACE = Place("lab", "lab_users", ENGINE.images["user"], "ada", "/home/jovyan/work")


def judged(request: dict[str, t.Any]) -> t.Any:
    engine_guard.judge_head(request["headers"], request["method"])
    return guard.judge(RULES, request["method"], request["path"], "application/json", (request["body"] or "").encode())


def created(**changes: t.Any) -> dict[str, t.Any]:
    request = Escape("create", "POST", "/services/create", "", changes).request(PLACE)
    body: dict[str, t.Any] = judged(request).body
    return body


@pytest.mark.parametrize("escape", (*ESCAPES, *SERVICE_ESCAPES), ids=lambda escape: escape.name)
def test_an_escape_is_refused(escape: Escape) -> None:
    if "<name>_guard" in escape.path and escape.method in ("GET", "DELETE"):
        # The prefix of names is what tells the hub's own services from user servers.
        assert not "lab_guard".startswith(RULES.base.container_prefix)
    with pytest.raises(engine_guard.Refusal):
        judged(escape.request(PLACE))


@pytest.mark.parametrize("allowed", [request for request, _status in ALLOWED["swarm"]], ids=lambda request: request.name)
def test_what_the_spawner_asks_for_is_let_through(allowed: Escape) -> None:
    assert judged(allowed.request(PLACE))


def test_a_server_is_rebuilt_from_what_is_allowed() -> None:
    body = created()
    task = body["TaskTemplate"]
    assert task["ContainerSpec"]["CapabilityDrop"] == ["ALL"]
    assert task["ContainerSpec"]["Privileges"] == {"NoNewPrivileges": True}
    assert task["RestartPolicy"] == {"Condition": "none"}
    assert task["Networks"] == [{"Target": "lab_users"}, {"Target": "lab-egress"}]
    assert task["Placement"] == {"Constraints": ["node.role == worker"]}
    assert task["Resources"]["Limits"]["Pids"] == hub().spawner.pids_limit
    assert body["EndpointSpec"] == {"Mode": "dnsrr"}
    assert body["Labels"] == task["ContainerSpec"]["Labels"] == {"vdsg.jupyterhub.name": "lab", "vdsg.jupyterhub.component": "singleuser"}
    (mount,) = task["ContainerSpec"]["Mounts"]
    assert mount["Type"] == "volume"
    assert mount["VolumeOptions"] == {
        "Labels": {"vdsg.jupyterhub.name": "lab", "vdsg.jupyterhub.component": "user-data"},
        "DriverConfig": {"Name": "local", "Options": {"device": ":/export/lab-user-escape"}},
    }


def test_a_server_may_go_where_its_files_are() -> None:
    where = "node.id==xjsp73wj3w1sa98oj6h757ln4"
    assert created(**{"TaskTemplate.Placement.Constraints": [where]})["TaskTemplate"]["Placement"]["Constraints"] == ["node.role == worker", where]


def test_what_docker_py_makes_of_a_spawner_is_let_through() -> None:
    """docker-py 7.2, as SwarmSpawner 14 calls it."""
    container = docker_py.ContainerSpec(
        image=PLACE.image,
        env={"JUPYTERHUB_API_TOKEN": "secret"},
        args=["jupyterhub-singleuser"],
        mounts=[docker_py.Mount(target="/home/jovyan/work", source="lab-user-ada", type="volume", read_only=False)],
    )
    task = docker_py.TaskTemplate(
        container_spec=container,
        resources=docker_py.Resources(mem_limit=2**30, cpu_limit=int(1e9), mem_reservation=None, cpu_reservation=None),
        networks=["lab_users"],
        placement=docker_py.Placement(constraints=None, preferences=None, platforms=None),
    )
    body = {"Name": "lab-user-ada", "Labels": {"vdsg.jupyterhub.user": "Ada"}, "TaskTemplate": task, "EndpointSpec": docker_py.EndpointSpec(mode="dnsrr")}
    found = guard.judge(RULES, "POST", "/v1.41/services/create", "application/json", json.dumps(body).encode()).body
    assert found["TaskTemplate"]["Resources"]["Limits"] == {"NanoCPUs": 10**9, "MemoryBytes": 2**30, "Pids": hub().spawner.pids_limit}
    assert found["Labels"]["vdsg.jupyterhub.user"] == "Ada"


@pytest.mark.parametrize(
    ("spec", "own"),
    [
        ({"Name": "lab-user-ada", "Labels": RULES.base.labels}, True),
        ({"Name": "lab_hub", "Labels": RULES.base.labels}, False),
        ({"Name": "lab-user-ada", "Labels": {**RULES.base.labels, "vdsg.jupyterhub.name": "other"}}, False),
        ({"Name": "lab-user-ada", "Labels": {}}, False),
    ],
)
def test_a_service_is_known_by_its_labels_and_its_name(spec: dict[str, t.Any], own: bool) -> None:
    inspected = {"ID": "x" * 25, "Spec": spec}
    if own:
        assert guard.judge_service(RULES, inspected) == "x" * 25
    else:
        with pytest.raises(engine_guard.Refusal):
            guard.judge_service(RULES, inspected)


def node(name: str, state: str = "ready", availability: str = "active") -> dict[str, t.Any]:
    return {"ID": name, "Status": {"State": state}, "Spec": {"Availability": availability}, "Description": {"Hostname": name}}


def test_no_server_where_a_firewall_is_missing() -> None:
    nodes = [node("a"), node("b"), node("down", state="down"), node("drained", availability="drain")]
    tasks = [{"NodeID": "a", "Status": {"State": "running"}}, {"NodeID": "b", "Status": {"State": "starting"}}]
    assert guard.unguarded(nodes, tasks) == ["b"]
    assert guard.unguarded(nodes[:1], tasks) == []


@pytest.mark.parametrize("text", ["{}", "[]", "{", json.dumps({"swarm": {"networks": []}})])
def test_a_policy_that_is_unclear_is_refused(text: str) -> None:
    with pytest.raises(engine_guard.PolicyError):
        guard.read_policy(text)


def test_the_door_of_the_program_is_that_to_services(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """A guard that judges containers would refuse every server."""
    opened = []

    async def serve(policy: t.Any, files: bytes = b"", door: t.Any = None) -> None:
        opened.append(door(policy, None, files))

    monkeypatch.setattr(guard.guard, "serve", serve)
    config = tmp_path / "guard.json"
    config.write_text(json.dumps(swarm.guard_policy(hub(), ENGINE, SETTINGS)))
    assert guard.main(["--config", str(config)]) == 0
    (door,) = opened
    assert door.judge("GET", "/v1.41/services/lab-user-ada", "", b"").reference == "lab-user-ada"
