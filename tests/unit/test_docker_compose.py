# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compose project: least privilege, fixed addresses, and which change touches which service."""

from __future__ import annotations

import copy
import dataclasses
import ipaddress
import json
import typing as t

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import docker_compose, docker_spawner, project, secrets
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import COMPONENT, DIGEST_LABEL, LABEL, SERVICES, Engine
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ENGINE, PROGRAMS, SIMPLE, descriptions, hub

FULL: dict[str, t.Any] = {
    "jupyterhub_name": "lab",
    "jupyterhub_domain": "hub.example.org",
    "jupyterhub_auth": {"method": "github", "client_id": "x"},
    "jupyterhub_users": [{"name": "geoheil", "admin": True}, {"name": "maksmitk"}],
    "jupyterhub_spawner": {"mem_limit": "2G"},
    "jupyterhub_services": [{"name": "grader"}],
}


def compose(**topics: t.Any) -> dict[str, t.Any]:
    """Return compose.yaml of a hub, as compose reads it."""
    found: dict[str, t.Any] = yaml.safe_load(project.render(hub(**topics), ENGINE, PROGRAMS, {}).files["compose.yaml"])
    return found


# --- least privilege

SIMPLE_PROJECT = compose()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_as_little_as_it_can(name: str) -> None:
    service = SIMPLE_PROJECT["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["pids_limit"] == 512
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert service["restart"] == "unless-stopped", "everything returns after a reboot"
    assert service["pull_policy"] == "never"
    assert "privileged" not in service and "environment" not in service
    assert service["labels"][LABEL] == "lab"
    assert service["labels"][COMPONENT] == name
    assert service["container_name"] == f"lab-{name}"
    assert {"test", "interval", "timeout"} <= set(service["healthcheck"])


def test_only_the_firewall_is_root_and_only_it_has_capabilities() -> None:
    services = SIMPLE_PROJECT["services"]
    assert [name for name in services if services[name]["user"].startswith("0")] == ["firewall"]
    assert {name: services[name].get("cap_add") for name in services if "cap_add" in services[name]} == {"firewall": ["NET_ADMIN", "NET_RAW"]}
    assert [name for name in services if "network_mode" in services[name]] == ["firewall"]


def test_only_the_guard_has_the_engine_socket() -> None:
    services = SIMPLE_PROJECT["services"]
    assert [name for name in services if any("docker.sock" in volume for volume in services[name]["volumes"])] == ["guard"]
    assert services["guard"]["group_add"] == ["998"]
    assert list(services["guard"]["networks"]) == ["engine"]
    assert SIMPLE_PROJECT["networks"]["engine"]["internal"] is True


def test_only_the_edge_publishes_ports() -> None:
    services = SIMPLE_PROJECT["services"]
    assert [name for name in services if "ports" in services[name]] == ["edge"]


PORTS: list[tuple[dict[str, t.Any], list[str]]] = [
    ({}, ["0.0.0.0:80:8080", "0.0.0.0:443:8443"]),
    ({"network": {"bind_address": "127.0.0.1", "http_port": 8000, "https_port": 9443}}, ["127.0.0.1:8000:8080", "127.0.0.1:9443:8443"]),
    ({"network": {"bind_address": "::1"}}, ["[::1]:80:8080", "[::1]:443:8443"]),
    ({"tls": {"mode": "none"}}, ["0.0.0.0:80:8080"]),
    ({"tls": {"mode": "external"}, "network": {"http_port": 8080}}, ["0.0.0.0:8080:8080"]),
]


@pytest.mark.parametrize(("topics", "ports"), PORTS, ids=[str(ports) for _topics, ports in PORTS])
def test_the_ports_are_those_that_were_asked_for(topics: dict[str, t.Any], ports: list[str]) -> None:
    assert compose(**topics)["services"]["edge"]["ports"] == ports


def test_files_and_data_belong_to_no_compose_project() -> None:
    volumes = SIMPLE_PROJECT["volumes"]
    assert set(volumes) == set(docker_compose.volume_names())
    assert all(volume == {"name": f"lab-{name}", "external": True} for name, volume in volumes.items()), "docker compose down -v deletes none of them"
    for name, service in SIMPLE_PROJECT["services"].items():
        assert service["volumes"][0] == f"{name}-files:{docker_compose.FILES[name]}:ro"


def test_the_hub_joins_the_network_of_its_database() -> None:
    with_db = compose(database={"type": "postgresql", "host": "db", "network": "postgres"})
    assert with_db["networks"]["db"] == {"name": "postgres", "external": True}
    assert "db" in with_db["services"]["hub"]["networks"]
    assert "db:5432" in with_db["services"]["hub"]["command"], "the hub waits for it"
    assert [name for name, service in with_db["services"].items() if "db" in service.get("networks", {})] == ["hub"]
    assert "db" not in SIMPLE_PROJECT["networks"]


@settings(max_examples=25)
@given(descriptions())
def test_any_hub_has_a_project_that_is_read_back(variables: dict[str, t.Any]) -> None:
    described = Hub.from_variables(variables)
    text = project.render(described, ENGINE, PROGRAMS, {}).files["compose.yaml"]
    made = docker_compose.compose(described, ENGINE, dict.fromkeys(SERVICES, "x"))
    found = yaml.safe_load(text)
    for service in [*found["services"].values(), *made["services"].values()]:
        assert service["labels"].pop(DIGEST_LABEL)
    assert found == json.loads(json.dumps(made))
    assert "$" not in text, "compose would replace it"


SERVICES_OF_OTHERS: list[tuple[str, dict[str, t.Any], bool]] = [
    ("a container", {"url": "http://grader:10101"}, True),
    ("another machine", {"url": "http://grader.example.org:10101"}, False),
    ("an address", {"url": "http://192.0.2.1:10101"}, False),
    ("an address of six", {"url": "http://[2001:db8::1]:10101"}, False),
    ("the hub's own", {"url": "http://services:10101", "command": ["grader"]}, False),
    ("no address", {}, False),
]


@pytest.mark.parametrize(("service", "wanted"), [row[1:] for row in SERVICES_OF_OTHERS], ids=[row[0] for row in SERVICES_OF_OTHERS])
def test_services_in_containers_have_a_network_on_which_nothing_is_that_they_need_not_see(service: dict[str, t.Any], wanted: bool) -> None:
    project_of_compose = compose(services=[{"name": "grader", **service}])
    assert ("services" in project_of_compose["networks"]) is wanted
    members = {name for name, item in project_of_compose["services"].items() if "services" in item.get("networks", {})}
    assert members == ({"hub", "proxy"} if wanted else set())


def test_the_proxy_finds_services_that_the_hub_runs_at_one_address() -> None:
    """`hub` has an address in each network, and such a service may listen at one of them."""
    networks = SIMPLE_PROJECT["services"]["hub"]["networks"]
    assert [name for name, options in networks.items() if docker_compose.SERVICE_HOST in options.get("aliases", [])] == ["hub"]


# --- what the hub may ask for, what servers may reach


def test_the_guard_lets_through_what_the_spawner_asks_for() -> None:
    described = hub(profiles=[{"name": "a", "image": "x/y:1"}, {"name": "b"}], storage={"volume_name_template": "{name}-home-{username}"})
    policy = docker_compose.guard_policy(described, ENGINE)
    assert policy["images"] == sorted(["x/y:1", ENGINE.images["user"]])
    assert policy["mounts"] == [{"source_prefix": "lab-home-", "target": "/home/jovyan/work", "read_only": False}]
    assert policy["labels"] == {LABEL: "lab", COMPONENT: "singleuser"}
    settings_of_spawner = docker_spawner.spawner(described, ENGINE.images["user"])[1]
    assert settings_of_spawner["DockerSpawner.prefix"] + "-" == policy["container_prefix"]
    assert settings_of_spawner["DockerSpawner.network_name"] == policy["network"]
    assert docker_compose.guard_policy(hub(storage={"type": "none"}), ENGINE)["mounts"] == []


@settings(max_examples=25)
@given(descriptions())
def test_every_image_that_is_named_may_start(variables: dict[str, t.Any]) -> None:
    described = Hub.from_variables(variables)
    allowed = docker_compose.guard_policy(described, ENGINE)["images"]
    assert docker_spawner.spawner(described, docker_compose.user_image(described, ENGINE))[1]["DockerSpawner.image"] in allowed
    for profile in docker_spawner.profiles(described):
        for settings_of_one in [profile["settings"], *(choice["settings"] for option in profile.get("options", []) for choice in option["choices"])]:
            assert settings_of_one.get("image", allowed[0]) in allowed


def test_servers_reach_what_was_opened_and_the_hub() -> None:
    rules = docker_compose.firewall_rules(hub(network={"egress": "none", "egress_allow": [{"cidr": "10.1.2.3/32", "ports": [5432]}]}), ENGINE)
    assert rules["egress"]["default"] == "drop"
    assert rules["egress"]["allow"] == [{"cidr": "10.1.2.3/32", "ports": [5432], "protocol": "tcp"}]
    assert rules["inside"] == [{"address": "172.31.248.2", "port": 8081, "protocol": "tcp"}]
    assert rules["trusted"] == ["172.31.248.2", "172.31.248.3"]
    assert docker_compose.firewall_rules(hub(), ENGINE)["egress"]["default"] == "accept"


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", "172.31.0.1", "192.168.1.1", "127.0.0.1", "100.64.0.1", "224.0.0.1", "0.0.0.0"])
def test_no_private_address_is_public(address: str) -> None:
    assert any(ipaddress.ip_address(address) in ipaddress.ip_network(item) for item in docker_compose.PRIVATE)


def test_the_bridge_is_the_one_that_the_firewall_guards() -> None:
    for name in ("lab", "l" * 30):
        described = hub(name=name)
        made = docker_compose.compose(described, ENGINE, dict.fromkeys(SERVICES, ""))
        bridge = made["networks"]["users"]["driver_opts"]["com.docker.network.bridge.name"]
        assert bridge == docker_compose.firewall_rules(described, ENGINE)["bridge"]
        assert len(bridge) <= 15
    assert docker_compose.short_id("lab") != docker_compose.short_id("lab2")


# --- addresses

NETWORK = st.builds(
    lambda address, length: str(ipaddress.IPv4Network((address, length), strict=False)), st.integers(0xAC100000, 0xAC1FFFFF), st.integers(9, 30)
)


@settings(max_examples=100)
@given(st.lists(NETWORK, max_size=12))
def test_a_chosen_subnet_never_overlaps(taken: list[str]) -> None:
    try:
        found = ipaddress.IPv4Network(docker_compose.choose_subnet(taken))
    except DescriptionError as exc:
        assert "jupyterhub_network.users_subnet must be set" in str(exc)
        used = [ipaddress.IPv4Network(item) for item in taken]
        assert all(any(candidate.overlaps(item) for item in used) for candidate in docker_compose.POOL.subnets(new_prefix=21))
    else:
        assert found.prefixlen == 21
        assert found.subnet_of(docker_compose.POOL)
        assert not any(found.overlaps(ipaddress.IPv4Network(item)) for item in taken)


SUBNETS: list[tuple[list[str], str]] = [
    ([], "172.16.248.0/21"),
    (["172.16.255.0/24"], "172.16.240.0/21"),
    (["172.17.0.0/16", "172.31.0.0/16", "172.16.128.0/17"], "172.16.120.0/21"),
    (["0.0.0.0/0"], "172.16.248.0/21"),
    (["172.16.248.7/255.255.255.0"], "172.16.240.0/21"),
]


def test_the_engine_gives_no_later_network_what_was_chosen() -> None:
    defaults = [*(f"172.{second}.0.0/16" for second in range(17, 32)), "192.168.0.0/16"]
    assert not any(ipaddress.IPv4Network(pool).overlaps(docker_compose.POOL) for pool in defaults)


@pytest.mark.parametrize(("taken", "found"), SUBNETS, ids=[str(taken) for taken, _found in SUBNETS])
def test_the_chosen_subnet_is_the_last_free_one(taken: list[str], found: str) -> None:
    assert docker_compose.choose_subnet(taken) == found


def test_without_room_one_must_be_named() -> None:
    with pytest.raises(DescriptionError, match=r"jupyterhub_network\.users_subnet must be set"):
        docker_compose.choose_subnet(["172.16.0.0/12"])


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1), st.integers(8, 28))
def test_fixed_addresses_are_outside_of_the_range_of_servers(address: int, length: int) -> None:
    subnet = ipaddress.IPv4Network((address, length), strict=False)
    found = docker_compose.addresses(str(subnet))
    fixed = {ipaddress.IPv4Address(found[name]) for name in ("gateway", "hub", "proxy")}
    servers = ipaddress.IPv4Network(found["range"])
    assert len(fixed) == 3
    assert servers.subnet_of(subnet)
    assert all(item in subnet and item not in servers and item != subnet.network_address for item in fixed)


# --- which change touches which service


def digests(variables: dict[str, t.Any], engine: Engine = ENGINE, fingerprints: dict[str, str] | None = None, programs: dict[str, str] | None = None) -> t.Any:
    """Return what compose compares: every service as it is described, its digest included."""
    rendered = project.render(Hub.from_variables(variables), engine, programs or PROGRAMS, fingerprints or {})
    return yaml.safe_load(rendered.files["compose.yaml"])["services"]


BEFORE = digests(FULL)

CHANGES: list[tuple[str, dict[str, t.Any], set[str]]] = [
    ("a person is added", {"jupyterhub_users": [*FULL["jupyterhub_users"], {"name": "new"}]}, set()),
    ("a group", {"jupyterhub_groups": {"course": ["geoheil"]}}, set()),
    ("somebody joins a group", {"jupyterhub_users": [{**FULL["jupyterhub_users"][0], "groups": ["course"]}, *FULL["jupyterhub_users"][1:]]}, set()),
    ("a person is removed", {"jupyterhub_users": FULL["jupyterhub_users"][:1]}, set()),
    ("the list is in another order", {"jupyterhub_users": FULL["jupyterhub_users"][::-1]}, set()),
    ("an admin mark", {"jupyterhub_users": [{"name": "geoheil", "admin": True}, {"name": "maksmitk", "admin": True}]}, {"hub"}),
    ("uploads may be larger", {"jupyterhub_network": {"max_upload": "4G"}}, set()),
    ("more names in the certificate", {"jupyterhub_tls": {"names": ["www.example.org"]}}, set()),
    ("a certificate of one's own", {"jupyterhub_tls": {"mode": "provided", "certificate": "c", "key": "k"}}, set()),
    ("more memory for servers", {"jupyterhub_spawner": {"mem_limit": "4G"}}, {"hub"}),
    ("another environment", {"jupyterhub_spawner": {"mem_limit": "2G", "environment": {"A": "b"}}}, {"hub"}),
    ("a profile without an image", {"jupyterhub_profiles": [{"name": "a", "mem_limit": "1G"}]}, {"hub"}),
    ("a profile with an image", {"jupyterhub_profiles": [{"name": "a", "image": "x/y:1"}]}, {"hub", "guard"}),
    ("another image", {"jupyterhub_spawner": {"mem_limit": "2G", "image": "x/y:1"}}, {"hub", "guard"}),
    ("more processes", {"jupyterhub_spawner": {"mem_limit": "2G", "pids_limit": 2048}}, {"guard"}),
    ("another place for files", {"jupyterhub_storage": {"mount_path": "/data"}}, {"hub", "guard"}),
    ("culling", {"jupyterhub_culling": {"idle_timeout": 60}}, {"hub"}),
    ("a trait", {"jupyterhub_config": {"JupyterHub": {"shutdown_on_logout": True}}}, {"hub"}),
    ("Python", {"jupyterhub_extra_config": {"a": "x = 1"}}, {"hub"}),
    ("another service", {"jupyterhub_services": [{"name": "grader"}, {"name": "other"}]}, {"hub"}),
    ("egress", {"jupyterhub_network": {"egress": "none"}}, {"firewall"}),
    ("a port of the host", {"jupyterhub_network": {"http_port": 8080}}, {"edge"}),
    ("no TLS", {"jupyterhub_tls": {"mode": "none"}}, {"edge", "hub"}),
    ("another port for HTTPS", {"jupyterhub_network": {"https_port": 8443}}, {"edge", "hub"}),
    ("where images come from", {"jupyterhub_images": {"source": "bootstrap"}}, set()),
]


def touched(after: t.Any) -> set[str]:
    return {name for name in SERVICES if after[name] != BEFORE[name]}


@pytest.mark.parametrize(("changed", "services"), [change[1:] for change in CHANGES], ids=[change[0] for change in CHANGES])
def test_a_change_touches_only_what_it_must(changed: dict[str, t.Any], services: set[str]) -> None:
    assert touched(digests({**copy.deepcopy(FULL), **changed})) == services


def test_a_hub_that_goes_by_its_list_alone_reads_it_again() -> None:
    """JupyterHub 6.1.1 does not let in whom its API adds while it runs, with allow_existing_users false (auth.py, add_user)."""
    variables = {**copy.deepcopy(FULL), "jupyterhub_auth": {**FULL["jupyterhub_auth"], "allow_existing_users": False}}
    after = digests({**variables, "jupyterhub_users": [*FULL["jupyterhub_users"], {"name": "new"}]})
    assert {name for name in SERVICES if after[name] != digests(variables)[name]} == {"hub"}


FINGERPRINTS = [
    ("proxy_token", {"hub", "proxy"}),
    ("cookie_secret", {"hub"}),
    ("crypt_key", {"hub"}),
    ("oauth_client_secret", {"hub"}),
    ("operator_token", {"hub"}),
    ("service_grader_token", {"hub"}),
    ("tls_certificate", set()),
    ("tls_key", set()),
    ("authority_key", set()),
]


@pytest.mark.parametrize(("name", "services"), FINGERPRINTS, ids=[name for name, _services in FINGERPRINTS])
def test_a_new_secret_touches_only_who_reads_it(name: str, services: set[str]) -> None:
    assert touched(digests(FULL, fingerprints={name: "new"})) == services


ENGINES = [
    ("another hub image", {"hub": "new"}, {"hub", "guard", "firewall"}),
    ("another proxy image", {"proxy": "new"}, {"proxy"}),
    ("another edge image", {"edge": "new"}, {"edge"}),
    ("another user image", {"user": "new"}, {"hub", "guard"}),
]


@pytest.mark.parametrize(("images", "services"), [case[1:] for case in ENGINES], ids=[case[0] for case in ENGINES])
def test_a_new_image_touches_only_who_runs_it(images: dict[str, str], services: set[str]) -> None:
    engine = dataclasses.replace(ENGINE, images={**ENGINE.images, **images})
    assert touched(digests(FULL, engine)) == services


@pytest.mark.parametrize("program", sorted({name for names in project.PROGRAMS.values() for name in names}))
def test_a_new_program_touches_only_who_runs_it(program: str) -> None:
    runs_it = {service for service, names in project.PROGRAMS.items() if program in names}
    assert touched(digests(FULL, programs={**PROGRAMS, program: "new"})) == runs_it


# --- secrets reach whom they belong to

READERS: list[tuple[dict[str, t.Any], dict[str, set[str]]]] = [
    (
        {},
        {
            "hub": {"cookie_secret", "crypt_key", "proxy_token", "operator_token", "user_password", "admin_password"},
            "proxy": {"proxy_token"},
            "edge": {"tls_certificate", "tls_key"},
        },
    ),
    (
        {"tls": {"mode": "external"}, "database": {"type": "mysql", "host": "db"}, "services": [{"name": "grader"}]},
        {
            "hub": {
                "cookie_secret",
                "crypt_key",
                "proxy_token",
                "operator_token",
                "user_password",
                "admin_password",
                "database_password",
                "service_grader_token",
            },
            "proxy": {"proxy_token"},
        },
    ),
]


@pytest.mark.parametrize(("topics", "readers"), READERS, ids=["simple", "with a database"])
def test_a_container_gets_the_secrets_that_it_needs_and_no_others(topics: dict[str, t.Any], readers: dict[str, set[str]]) -> None:
    found = docker_compose.secret_files(hub(**topics))
    assert {service: set(files.values()) for service, files in found.items() if files} == readers
    assert "authority_key" not in {name for files in found.values() for name in files.values()}


@settings(max_examples=25)
@given(descriptions())
def test_every_secret_that_the_configuration_reads_is_delivered(variables: dict[str, t.Any]) -> None:
    described = Hub.from_variables(variables)
    delivered = set(secrets.files(described, "hub"))
    text = project.config(described, ENGINE)
    for name in (
        "user_password",
        "admin_password",
        "oauth_client_secret",
        "database_password",
        *(secrets.token_name(item.name) for item in described.services),
    ):
        if f"secret('{name}')" in text:
            assert name in delivered


def test_the_same_hub_under_another_name_shares_nothing() -> None:
    one, two = (docker_compose.compose(hub(name=name), ENGINE, dict.fromkeys(SERVICES, "")) for name in ("lab", "lab-2"))
    for kind in ("networks", "volumes"):
        assert {item["name"] for item in one[kind].values()} & {item["name"] for item in two[kind].values()} == set()
    assert {item["container_name"] for item in one["services"].values()} & {item["container_name"] for item in two["services"].values()} == set()


def test_the_simple_hub_is_simple() -> None:
    assert Hub.from_variables(SIMPLE).name == SIMPLE_PROJECT["name"] == "lab"
