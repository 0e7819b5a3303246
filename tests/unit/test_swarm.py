# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack of a swarm: least privilege, versions of what cannot change, and which change touches which service."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from hypothesis import given, settings

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import swarm, swarm_project, swarm_spawner, swarm_storage, validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub, Swarm
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.swarm import SERVICES, SwarmEngine
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.swarm_project import SwarmProject
from ansible_collections.vdsg.jupyterhub.tests.unit.support import PROGRAMS, descriptions, hub

NODE = "xjsp73wj3w1sa98oj6h757ln4"
ENGINE = SwarmEngine(
    NODE, socket="/run/docker.sock", socket_gid=998, images={kind: f"registry:5000/{kind}:1@sha256:{'a' * 64}" for kind in ("hub", "proxy", "edge", "user")}
)
SECRETS = {"cookie_secret": "hush-cookie", "proxy_token": "hush-proxy", "tls_key": "hush-key", "tls_certificate": "hush", "authority_certificate": "public"}


FOLDERS: dict[str, t.Any] = {"storage": {"shared_folders": [{"name": "course", "write_groups": ["teachers"]}]}, "groups": {"teachers": ["geoheil"]}}
STORAGE: dict[str, t.Any] = {
    "groups": FOLDERS["groups"],
    "storage": {
        **FOLDERS["storage"],
        "extra_volumes": [
            {"name": "data", "type": "volume", "source": "datasets", "mount_path": "/srv/data", "read_only": True},
            {"name": "archive", "type": "nfs", "source": "nfs.example.org:/export", "mount_path": "/srv/archive", "hub": True},
            {"name": "scratch", "type": "scratch", "size": "1G", "mount_path": "/scratch", "servers": "profiles", "hub": True},
        ],
        "seed": "/opt/course",
    },
    "profiles": [{"name": "Small"}, {"name": "Large", "gpu": 2, "volumes": ["scratch"], "supplemental_gids": [4343]}],
    "extra_secrets": {"licence": ""},
    "extra_files": [
        {"path": "/etc/course.conf", "content": "exam = friday"},
        {"path": "/opt/licence", "content": {"secret": "licence"}, "mode": "0400"},
        {"path": "/etc/jupyterhub/mine/rooms.csv", "content": "A,101", "mode": "0440", "servers": False, "hub": True},
        {"path": "/etc/jupyterhub/mine/licence", "content": {"secret": "licence"}, "mode": "0444", "servers": False, "hub": True},
    ],
}
NFS = {"type": "nfs", "o": "addr=10.0.0.5", "device": ":/export/{volume}"}


def render(variables: dict[str, t.Any] | None = None, fingerprints: dict[str, str] | None = None, **topics: t.Any) -> SwarmProject:
    return swarm_project.render(hub(**topics), Swarm.from_variables(variables or {}), ENGINE, PROGRAMS, fingerprints or {}, SECRETS)


def stack(variables: dict[str, t.Any] | None = None, **topics: t.Any) -> dict[str, t.Any]:
    found: dict[str, t.Any] = yaml.safe_load(render(variables, **topics).files["stack.yaml"])
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_as_little_as_it_can(name: str) -> None:
    service = stack()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["deploy"]["resources"]["limits"]["pids"]
    assert service["logging"]["options"]["max-size"]
    if name != "firewall":
        assert "cap_add" not in service
        assert not service["user"].startswith("0:")


def test_only_the_guard_has_the_socket_and_it_is_on_the_manager() -> None:
    services = stack()["services"]
    assert [name for name, service in services.items() if any(item.get("source") == "/run/docker.sock" for item in service["volumes"])] == ["guard"]
    assert services["guard"]["deploy"]["placement"]["constraints"] == [f"node.id == {NODE}"]
    assert services["guard"]["user"] == "1000:998"


def test_nothing_is_said_that_a_stack_ignores() -> None:
    """What `docker stack deploy` leaves out in silence or refuses (docker/cli 20.10, UnsupportedProperties)."""
    ignored = {"build", "cgroup_parent", "container_name", "depends_on", "devices", "ipc", "network_mode", "pid", "pids_limit", "privileged", "pull_policy"}
    ignored |= {"restart", "security_opt", "shm_size", "tmpfs", "userns_mode", "group_add"}
    assert [(name, key) for name, service in stack()["services"].items() for key in service if key in ignored] == []


def test_never_two_hubs() -> None:
    deploy = stack()["services"]["hub"]["deploy"]
    assert deploy["update_config"]["order"] == "stop-first"
    assert deploy.get("replicas", 1) == 1


def test_user_servers_have_no_way_out_through_the_overlay() -> None:
    networks = stack()["networks"]
    assert networks["users"]["internal"] is True
    assert networks["engine"]["internal"] is True
    assert {name for name, service in stack()["services"].items() if "users" in service["networks"]} == {"firewall", "hub", "proxy"}


@pytest.mark.parametrize(("entry", "mode", "endpoint"), [("host", "host", "dnsrr"), ("mesh", "ingress", "vip")])
def test_the_entry_is_as_asked(entry: str, mode: str, endpoint: str) -> None:
    edge = stack({"swarm_entry": entry})["services"]["edge"]
    assert {port["mode"] for port in edge["ports"]} == {mode}
    assert [port["published"] for port in edge["ports"]] == [80, 443]
    assert edge["deploy"]["endpoint_mode"] == endpoint


def test_overlays_are_encrypted_when_asked() -> None:
    assert all("encrypted" in stack({"swarm_encrypted": True})["networks"][name]["driver_opts"] for name in ("front", "hub", "users", "engine"))


def test_names_fit_and_change_with_contents_alone() -> None:
    before, again, after = render(name="a" * 30), render(name="a" * 30), render(name="a" * 30, culling={"idle_timeout": 7000})
    assert max(map(len, before.names)) <= 64
    assert before.names == again.names
    assert len(set(before.names) - set(after.names)) == len(set(after.names) - set(before.names)) == 1


def test_a_new_secret_has_a_new_name_that_tells_nothing() -> None:
    before, after = render(fingerprints={"cookie_secret": "1"}), render(fingerprints={"cookie_secret": "2"})
    assert len(set(after.names) - set(before.names)) == 1
    assert {name for name in SERVICES if before.digests[name] != after.digests[name]} == {"hub"}
    assert "hush" not in json.dumps(list(after.files.values()))


def test_a_new_certificate_replaces_no_task() -> None:
    """S1 1.12: it is in a volume, and reloaded."""
    before, after = render(fingerprints={"tls_certificate": "1"}), render(fingerprints={"tls_certificate": "2"})
    assert before.digests == after.digests
    assert before.edge_version != after.edge_version


def test_another_way_to_a_certificate_replaces_no_edge() -> None:
    """The volume for answers to challenges is there whatever the mode; what differs is in files that the edge loads anew."""
    own, acme = render(), render(tls={"mode": "letsencrypt"}, domain="hub.example.org")
    assert own.digests["edge"] == acme.digests["edge"]
    assert "/.well-known/acme-challenge/" in acme.files["edge/nginx.conf"]
    (service,) = [item for name, item in yaml.safe_load(acme.files["stack.yaml"])["services"].items() if name == "edge"]
    assert {"type": "volume", "source": "acme", "target": "/var/www/acme", "read_only": True} in service["volumes"]


def test_what_swarm_does_not_take_is_refused() -> None:
    with pytest.raises(DescriptionError, match=r"jupyterhub_config.py has \d+ bytes, but Swarm takes configs of 500000 at most"):
        render(extra_config={"long": "#" * 500_001})
    with pytest.raises(DescriptionError, match="the secret cookie_secret has 500001 bytes"):
        swarm_project.render(hub(), Swarm.from_variables({}), ENGINE, PROGRAMS, {}, {**SECRETS, "cookie_secret": "x" * 500_001})


@pytest.mark.parametrize(
    ("topics", "said"),
    [
        ({"spawner": {"shm_size": "1G"}}, "shm_size cannot be had on a swarm"),
        ({"profiles": [{"name": "a", "shm_size": "1G"}]}, "shm_size cannot be had on a swarm"),
        ({"spawner": {"gpus": ["0"]}}, "jupyterhub_spawner.gpus cannot be had on a swarm"),
        (
            {"storage": {"extra_volumes": [{"name": "data", "type": "bind", "source": "/data", "mount_path": "/srv/data"}]}},
            r"jupyterhub_storage.extra_volumes\[0\].type is bind, but a server may be on any node",
        ),
        ({"network": {"users_subnet": "10.77.0.0/20"}}, "jupyterhub_network.users_subnet cannot be had on a swarm"),
        ({"network": {"bind_address": "127.0.0.1"}}, "Swarm publishes ports on all addresses of a node"),
    ],
)
def test_what_this_target_does_not_do_is_refused(topics: dict[str, t.Any], said: str) -> None:
    with pytest.raises(DescriptionError, match=said):
        render(**topics)


def test_files_of_servers_are_configs_and_secrets_of_the_guard() -> None:
    """Which is how they come to be in the swarm, and how a new text is another file for servers that start from then on."""
    found = render(**STORAGE, fingerprints={"extra_licence": "1"})
    files = json.loads(found.files["guard/guard.json"])["swarm"]["files"]
    assert {item["path"]: item["mode"] for item in files if "secret" in item} == {"/opt/licence": "0400"}
    texts = yaml.safe_load(found.files["stack.yaml"])
    named = {**texts["configs"], **texts["secrets"]}
    contents = {item["path"]: named[item.get("config") or item["secret"]]["file"] for item in files}
    assert contents["/opt/licence"] == "./secrets/extra_licence"
    assert found.files[contents["/etc/course.conf"].removeprefix("./")] == "exam = friday"
    assert "/usr/local/share/vdsg-jupyterhub/server_start.py" in contents
    again = render(**STORAGE, fingerprints={"extra_licence": "2"})
    assert {name for name in SERVICES if found.digests[name] != again.digests[name]} == {"hub", "guard"}


def test_files_of_the_hub_have_their_modes() -> None:
    service = stack(**STORAGE)["services"]["hub"]
    (rooms,) = [item for item in service["configs"] if item["target"] == "/etc/jupyterhub/mine/rooms.csv"]
    (licence,) = [item for item in service["secrets"] if item["target"] == "/etc/jupyterhub/mine/licence"]
    assert [(item["uid"], item["mode"]) for item in (rooms, licence)] == [("1000", 0o440), ("1000", 0o444)]


def test_the_hub_has_the_volumes_that_say_so() -> None:
    found = stack(**STORAGE)
    mounts = {item["target"]: item for item in found["services"]["hub"]["volumes"]}
    assert mounts["/scratch"] == {"type": "tmpfs", "target": "/scratch", "tmpfs": {"size": 2**30}}
    assert found["volumes"][mounts["/srv/archive"]["source"]]["external"] is True
    assert "/srv/data" not in mounts


def test_servers_have_memory_groups_and_gpus_in_the_words_of_a_swarm() -> None:
    text = render(**STORAGE).files["hub/jupyterhub_config.py"]
    assert "c.SwarmSpawner.extra_container_spec = {'groups': ['100']}" in text
    assert "'extra_container_spec': {'groups': ['100', '4343']}" in text
    assert "'scratch': {'/scratch': '1073741824'}" in text
    assert "'extra_resources_spec': {'generic_resources': {'NVIDIA-GPU': 2}}" in text
    assert "c.SwarmSpawner.cmd = [\n    'python3'," in text or "c.SwarmSpawner.cmd = ['python3'," in text
    assert "'lab-shared-course': '/home/jovyan/work/shared/course'" in text


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ({}, {}),
        ({"swarm_volume_driver": "local", "swarm_volume_driver_options": NFS}, NFS),
        ({"swarm_shared_folders": {"volume_driver": "local", "volume_driver_options": NFS}}, NFS),
    ],
)
def test_folders_are_made_ahead_where_they_are_on_one_node(variables: dict[str, t.Any], options: dict[str, str]) -> None:
    made, settings = hub(**FOLDERS), Swarm.from_variables(variables)
    assert list(swarm_storage.made(made, settings)) == ([] if options else ["lab-shared-course"])
    given = swarm_storage.given(made, settings)["lab-shared-course"]
    assert given["Labels"]["vdsg.jupyterhub.component"] == "shared"
    assert given.get("DriverConfig", {}).get("Options", {}) == options
    if options:
        swarm_storage.check_nodes(made, settings, ["a", "b"], "a")
    else:
        swarm_storage.check_nodes(made, settings, ["a"], "a")
        for hosts in (["a", "b"], ["b"]):
            with pytest.raises(DescriptionError, match="would be another one on each of"):
                swarm_storage.check_nodes(made, settings, hosts, "a")


def test_gpus_are_those_that_nodes_say_they_have() -> None:
    node = {
        "Description": {
            "Resources": {
                "GenericResources": [
                    {"NamedResourceSpec": {"Kind": "NVIDIA-GPU", "Value": "GPU-1"}},
                    {"NamedResourceSpec": {"Kind": "NVIDIA-GPU", "Value": "GPU-2"}},
                    {"DiscreteResourceSpec": {"Kind": "fpga", "Value": 3}},
                ]
            }
        }
    }
    have = swarm_storage.generic_resources(node)
    assert have == {"NVIDIA-GPU": 2, "fpga": 3}
    assert swarm_storage.generic_resources({"Description": {}}) == {}
    swarm_storage.check_gpus(hub(spawner={"gpu": 2}), Swarm.from_variables({}), have)
    with pytest.raises(DescriptionError, match=r"a server is to have 3 GPUs .* but no node has more than 2 of the resource NVIDIA-GPU"):
        swarm_storage.check_gpus(hub(profiles=[{"name": "a", "gpu": 3}]), Swarm.from_variables({}), have)


def test_a_driver_for_no_folders_is_refused() -> None:
    with pytest.raises(DescriptionError, match="swarm_shared_folders means nothing without"):
        render({"swarm_shared_folders": {"volume_driver": "local"}})


def test_reservations_are_those_of_swarm_spawner() -> None:
    text = render(spawner={"mem_guarantee": "1G", "cpu_guarantee": 0.5}, profiles=[{"name": "large", "mem_guarantee": "2G"}]).files["hub/jupyterhub_config.py"]
    assert "c.SwarmSpawner.mem_guarantee = '1G'" in text
    assert "c.SwarmSpawner.cpu_guarantee = 0.5" in text
    assert "'mem_guarantee': '2G'" in text
    assert "extra_host_config" not in text


@pytest.mark.parametrize(
    ("variables", "sticky"),
    [({}, True), ({"swarm_volume_driver": "local"}, True), ({"swarm_volume_driver": "local", "swarm_volume_driver_options": {"type": "nfs"}}, False)],
)
def test_servers_go_where_files_are_unless_files_are_everywhere(variables: dict[str, t.Any], sticky: bool) -> None:
    assert f"c.SwarmServer.sticky = {sticky}" in render(variables).files["hub/jupyterhub_config.py"]


@given(descriptions())
@settings(max_examples=25)
def test_any_hub_has_a_stack_that_is_read_back(variables: dict[str, t.Any]) -> None:
    made = Hub.from_variables(variables)
    validation.check(made)
    try:
        swarm.check(made, Swarm.from_variables({}))
    except DescriptionError:
        return
    found = swarm_project.render(made, Swarm.from_variables({}), ENGINE, PROGRAMS, {}, SECRETS)
    assert set(yaml.safe_load(found.files["stack.yaml"])["services"]) == set(SERVICES)
    assert set(json.loads(found.files["guard/guard.json"])["images"]) == set(swarm_spawner.images(made, swarm.user_image(made, ENGINE)))
