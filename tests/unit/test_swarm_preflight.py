# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is looked at before a swarm is touched."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Swarm
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.docker import Docker
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.swarm_preflight import SwarmPreflight, meets
from ansible_collections.vdsg.jupyterhub.tests.unit.support import hub

NODE: dict[str, t.Any] = {
    "ID": "x" * 25,
    "Spec": {"Role": "worker", "Availability": "active", "Labels": {"gpu": "true"}},
    "Status": {"State": "ready"},
    "Description": {
        "Hostname": "worker1",
        "Platform": {"OS": "linux", "Architecture": "x86_64"},
        "Engine": {"Labels": {"disk": "ssd"}, "Plugins": [{"Type": "Volume", "Name": "local"}, {"Type": "Network", "Name": "bridge"}]},
    },
}


def preflight(variables: dict[str, t.Any] | None = None, **topics: t.Any) -> SwarmPreflight:
    def nothing(*_arguments: t.Any, **_options: t.Any) -> tuple[int, bytes, bytes]:
        raise AssertionError("no engine is asked here")

    return SwarmPreflight(Docker(nothing), hub(**topics), Swarm.from_variables(variables or {}))


@pytest.mark.parametrize(
    ("constraint", "met"),
    [
        ("node.role == worker", True),
        ("node.role==manager", False),
        ("node.role != manager", True),
        ("node.labels.gpu == true", True),
        ("node.labels.tpu == true", False),
        ("engine.labels.disk == ssd", True),
        ("node.hostname == worker1", True),
        ("node.hostname != worker1", False),
        ("node.platform.os == linux", True),
        ("node.something.new == 1", True),
    ],
)
def test_constraints_are_understood_as_swarm_does(constraint: str, met: bool) -> None:
    assert meets(NODE, constraint) is met


@pytest.mark.parametrize(
    ("swarm", "said"),
    [
        ({"LocalNodeState": "inactive"}, "is in no swarm; set swarm_init to true"),
        ({"LocalNodeState": "locked"}, "is locked"),
        ({"LocalNodeState": "active", "ControlAvailable": False, "RemoteManagers": [{"Addr": "10.0.0.1:2377"}]}, r"a worker of its swarm.*10\.0\.0\.1:2377"),
        ({"LocalNodeState": "active", "ControlAvailable": False, "Error": "The swarm does not have a leader"}, "cannot act: The swarm does not have a leader"),
    ],
)
def test_an_engine_that_is_no_manager_is_refused(swarm: dict[str, t.Any], said: str) -> None:
    with pytest.raises(DescriptionError, match=said):
        preflight().check_kind({"Swarm": swarm})


def test_a_manager_will_do() -> None:
    preflight().check_kind({"Swarm": {"LocalNodeState": "active", "ControlAvailable": True}})
    preflight({"swarm_init": True}).check_kind({"Swarm": {"LocalNodeState": "inactive"}})


def test_what_no_node_has_is_refused() -> None:
    with pytest.raises(DescriptionError, match=r"'node.labels.tpu == true', which no node that is ready meets"):
        preflight({"swarm_server_constraints": ["node.labels.tpu == true"]}).check_nodes([NODE], NODE["ID"])
    with pytest.raises(DescriptionError, match="is drained or not ready"):
        preflight().check_nodes([NODE], "y" * 25)
    with pytest.raises(DescriptionError, match="swarm_volume_driver is 'rexray', which the node worker1 does not have"):
        preflight({"swarm_volume_driver": "rexray"}).check_driver([NODE])
    preflight({"swarm_volume_driver": "local"}).check_driver([NODE])


def test_folders_and_gpus_are_looked_for_where_servers_may_be() -> None:
    manager = {**NODE, "ID": "m" * 25, "Spec": {**NODE["Spec"], "Role": "manager"}, "Description": {**NODE["Description"], "Hostname": "manager1"}}
    gpus = {"Resources": {"GenericResources": [{"DiscreteResourceSpec": {"Kind": "NVIDIA-GPU", "Value": 1}}]}}
    equipped = {**manager, "Description": {**manager["Description"], **gpus}}
    folders: dict[str, t.Any] = {"storage": {"shared_folders": [{"name": "course", "everybody": "write"}]}}
    with pytest.raises(DescriptionError, match="would be another one on each of manager1, worker1; name storage"):
        preflight(**folders).check_storage([NODE, manager], manager["ID"])
    preflight({"swarm_server_constraints": ["node.role == manager"]}, **folders).check_storage([NODE, manager], manager["ID"])
    preflight(spawner={"gpu": 1}).check_storage([NODE, equipped], manager["ID"])
    with pytest.raises(DescriptionError, match="no node has more than 0 of the resource NVIDIA-GPU"):
        preflight({"swarm_server_constraints": ["node.role == worker"]}, spawner={"gpu": 1}).check_storage([NODE, equipped], manager["ID"])


def test_images_made_here_need_a_registry_where_there_are_several_nodes() -> None:
    references = {"hub": "vdsg-jupyterhub/hub:1"}
    with pytest.raises(DescriptionError, match="swarm_push_to must name a registry: the swarm has 2 nodes"):
        preflight().check_reach([NODE, NODE], references)
    preflight().check_reach([NODE], references)
    preflight({"swarm_push_to": "registry:5000"}).check_reach([NODE, NODE], references)
