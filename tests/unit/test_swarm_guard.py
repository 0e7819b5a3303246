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
from ansible_collections.vdsg.jupyterhub.tests.unit.test_swarm import ENGINE, NFS, STORAGE

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


# ---- What a server is given besides a home

GIVEN = guard.read_policy(
    json.dumps(
        swarm.guard_policy(
            hub(**STORAGE),
            ENGINE,
            Swarm.from_variables({"swarm_shared_folders": {"volume_driver": "local", "volume_driver_options": NFS}}),
            [{"path": "/etc/course.conf", "mode": "0444", "config": "lab-guard-1"}, {"path": "/opt/licence", "mode": "0400", "secret": "lab-guard-2"}],
        )
    )
)
COURSE = {"Type": "volume", "Source": "lab-shared-course", "Target": "/home/jovyan/work/shared/course"}
SCRATCH = {"Type": "tmpfs", "Target": "/scratch"}
GPU = {"DiscreteResourceSpec": {"Kind": "NVIDIA-GPU", "Value": 2}}


def given(**changes: t.Any) -> dict[str, t.Any]:
    request = Escape("create", "POST", "/services/create", "", {key.replace("__", "."): value for key, value in changes.items()}).request(PLACE)
    found: dict[str, t.Any] = guard.judge(GIVEN, "POST", request["path"], "application/json", request["body"].encode()).body["TaskTemplate"]
    return found


def test_a_server_gets_what_is_described_as_it_is_described() -> None:
    container = docker_py.ContainerSpec(
        image=PLACE.image,
        groups=["100", "4343"],
        mounts=[
            docker_py.Mount(target="/home/jovyan/work/shared/course", source="lab-shared-course", type="volume", read_only=True),
            docker_py.Mount(target="/srv/data", source="datasets", type="volume", read_only=True),
            docker_py.Mount(target="/scratch", source=None, type="tmpfs", tmpfs_size=2**40),
        ],
    )
    task = docker_py.TaskTemplate(container_spec=container, resources=docker_py.Resources(generic_resources={"NVIDIA-GPU": 2}), networks=["lab_users"])
    found = guard.judge(GIVEN, "POST", "/services/create", "application/json", json.dumps({"Name": "lab-user-ada", "TaskTemplate": task}).encode()).body
    spec, resources = found["TaskTemplate"]["ContainerSpec"], found["TaskTemplate"]["Resources"]
    folder, data, scratch = spec["Mounts"]
    assert (folder["ReadOnly"], folder["VolumeOptions"]["DriverConfig"]) == (
        True,
        {"Name": "local", "Options": {**NFS, "device": ":/export/lab-shared-course"}},
    )
    assert folder["VolumeOptions"]["Labels"] == {"vdsg.jupyterhub.name": "lab", "vdsg.jupyterhub.component": "shared"}
    assert data == {"Type": "volume", "Source": "datasets", "Target": "/srv/data", "ReadOnly": True}
    assert scratch == {"Type": "tmpfs", "Target": "/scratch", "TmpfsOptions": {"SizeBytes": 2**30, "Mode": 0o1777}}
    assert spec["Groups"] == ["100", "4343"]
    assert resources["Reservations"] == {"GenericResources": [GPU]}


@pytest.mark.parametrize(
    "changes",
    [
        {"TaskTemplate__ContainerSpec__Mounts": [{**COURSE, "Target": "/usr/local/bin"}]},
        {"TaskTemplate__ContainerSpec__Mounts": [{**COURSE, "Source": "other-shared-course"}]},
        {"TaskTemplate__ContainerSpec__Mounts": [{**COURSE, "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"o": "bind", "device": "/"}}}}]},
        {"TaskTemplate__ContainerSpec__Mounts": [{"Type": "volume", "Source": "datasets", "Target": "/srv/data"}]},
        {"TaskTemplate__ContainerSpec__Mounts": [{**SCRATCH, "Target": "/etc"}]},
        {"TaskTemplate__ContainerSpec__Mounts": [{**SCRATCH, "Source": "/"}]},
        {"TaskTemplate__ContainerSpec__Groups": ["0"]},
        {"TaskTemplate__ContainerSpec__Groups": ["docker"]},
        {"TaskTemplate__ContainerSpec__Configs": [{"ConfigID": "x", "ConfigName": "lab-hub-1", "File": {"Name": "/x"}}]},
        {"TaskTemplate__ContainerSpec__Secrets": [{"SecretID": "x", "SecretName": "lab-hub-1", "File": {"Name": "/x"}}]},
        {"TaskTemplate__Resources__Reservations__GenericResources": [{"DiscreteResourceSpec": {"Kind": "NVIDIA-GPU", "Value": 3}}]},
        {"TaskTemplate__Resources__Reservations__GenericResources": [{"DiscreteResourceSpec": {"Kind": "NVIDIA-GPU", "Value": -1}}]},
        {"TaskTemplate__Resources__Reservations__GenericResources": [{"DiscreteResourceSpec": {"Kind": "fpga", "Value": 1}}]},
        {"TaskTemplate__Resources__Reservations__GenericResources": [{"NamedResourceSpec": {"Kind": "NVIDIA-GPU", "Value": "GPU-1"}}]},
        {"TaskTemplate__Resources__Reservations__GenericResources": [GPU, GPU]},
        {"TaskTemplate__Resources__Limits__GenericResources": [GPU]},
    ],
    ids=json.dumps,
)
def test_what_is_not_described_is_not_given(changes: dict[str, t.Any]) -> None:
    with pytest.raises(engine_guard.Refusal):
        given(**changes)


def test_no_gpu_is_none() -> None:
    none = [{"DiscreteResourceSpec": {"Kind": "NVIDIA-GPU", "Value": 0}}]
    assert given(TaskTemplate__Resources__Reservations__GenericResources=none)["Resources"]["Reservations"] == {}


def test_files_are_configs_and_secrets_by_their_ids() -> None:
    known = {"config": {"lab-guard-1": "c1", "lab-hub-1": "c2"}, "secret": {"lab-guard-2": "s2"}}
    owner = {"UID": "0", "GID": "0"}
    assert guard.references(GIVEN, known) == {
        "Configs": [{"ConfigID": "c1", "ConfigName": "lab-guard-1", "File": {"Name": "/etc/course.conf", **owner, "Mode": 0o444}}],
        "Secrets": [{"SecretID": "s2", "SecretName": "lab-guard-2", "File": {"Name": "/opt/licence", **owner, "Mode": 0o400}}],
    }
    with pytest.raises(engine_guard.Refusal, match="the secret lab-guard-2 is not there yet"):
        guard.references(GIVEN, {**known, "secret": {}})


def test_a_policy_that_gives_something_of_a_node_is_refused() -> None:
    data = swarm.guard_policy(hub(**STORAGE), ENGINE, Swarm.from_variables({}))
    changes: dict[str, t.Any]
    for changes in ({"binds": [{"source": "/data", "target": "/data"}]}, {"volumes": []}):
        with pytest.raises(engine_guard.PolicyError):
            guard.read_policy(json.dumps({**data, **changes}))


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
