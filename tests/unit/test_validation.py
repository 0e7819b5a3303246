# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that validation refuses, once; and that it lets through what is right."""

from __future__ import annotations

import functools
import inspect
import pathlib
import re
import typing as t

import pytest
from hypothesis import given, settings

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import forms, server_checks, service_checks, validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import DockerCompose, Hub, Swarm
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.tests.unit.support import GITHUB, SIMPLE, descriptions, hub

PG = {"type": "postgresql", "host": "db"}

BAD: list[tuple[dict[str, t.Any], str]] = [
    ({"name": "Lab"}, "jupyterhub_name is 'Lab', but it must be lower-case letters, digits and single dashes"),
    ({"name": "lab--1"}, "jupyterhub_name is 'lab--1'"),
    ({"name": "lab\n"}, "jupyterhub_name is 'lab\\n'"),
    ({"name": ""}, "jupyterhub_name is ''"),
    ({"name": "l" * 31}, "at most 30 characters"),
    ({"domain": "https://hub.example.org"}, "jupyterhub_domain is 'https://hub.example.org', but it must be a host name"),
    ({"domain": "Hub.example.org"}, "jupyterhub_domain is 'Hub.example.org'"),
    ({"domain": "hub.example.org:8443"}, "jupyterhub_domain is 'hub.example.org:8443'"),
    ({"tls": {"subdomains": True}}, "jupyterhub_tls.subdomains wants names below jupyterhub_domain, but there are none below localhost"),
    ({"tls": {"hsts": True}}, "jupyterhub_tls.hsts cannot be used with jupyterhub_tls.mode self_signed"),
    ({"tls": {"mode": "none", "hsts": True}}, "jupyterhub_tls.hsts cannot be used with jupyterhub_tls.mode none"),
    ({"tls": {"mode": "provided", "key": "k"}}, "jupyterhub_tls.certificate is required"),
    ({"tls": {"mode": "provided", "certificate": "c"}}, "jupyterhub_tls.key is required"),
    ({"tls": {"certificate": "c"}}, "jupyterhub_tls.certificate and key mean nothing with jupyterhub_tls.mode self_signed"),
    ({"tls": {"names": ["a b"]}}, "jupyterhub_tls.names is 'a b'"),
    ({"users": [{"name": "", "admin": True}]}, "jupyterhub_users has the name '', which is not a user name"),
    ({"users": [{"name": " a"}]}, "jupyterhub_users has the name ' a'"),
    ({"users": [{"name": "a/b"}]}, "jupyterhub_users has the name 'a/b'"),
    ({"users": [{"name": ".."}]}, "jupyterhub_users has the name '..'"),
    ({"users": [{"name": "a", "admin": True}, {"name": "b"}, {"name": "b"}]}, "jupyterhub_users and jupyterhub_userlist name b more than once"),
    ({"users": []}, "jupyterhub_users has no admin"),
    ({"users": [{"name": "a"}]}, "jupyterhub_users has no admin"),
    ({"groups": {" course": []}}, "jupyterhub_groups has the group ' course', which is not the name of a group"),
    ({"users": [{"name": "a", "admin": True, "groups": [""]}]}, "jupyterhub_users has the group '', which is not the name of a group"),
    ({"groups": {"managed-by-ansible": []}}, "jupyterhub_groups has the group managed-by-ansible; that name is ours, choose another"),
    ({"groups": {"course": ["a/b"]}}, "jupyterhub_groups.course has the name 'a/b', which is not a user name"),
    (
        {"auth": {"method": "shared_password", "blocked_users": ["mallory"]}, "groups": {"course": ["mallory"]}},
        "jupyterhub_auth.blocked_users and jupyterhub_groups.course both name mallory; take the name out of one of them",
    ),
    ({"spawner": {"mem_limit": "2GB"}}, "jupyterhub_spawner.mem_limit is '2GB', but it must be an amount of memory"),
    ({"spawner": {"mem_limit": "٢G"}}, "jupyterhub_spawner.mem_limit is '٢G'"),
    ({"spawner": {"mem_guarantee": "512"}}, "jupyterhub_spawner.mem_guarantee is '512'"),
    ({"spawner": {"cpu_limit": 0}}, "jupyterhub_spawner.cpu_limit is 0, but it must be more than 0"),
    ({"spawner": {"cpu_guarantee": -1}}, "jupyterhub_spawner.cpu_guarantee is -1"),
    ({"spawner": {"image": "my image"}}, "jupyterhub_spawner.image is 'my image'"),
    ({"profiles": [{"name": "a", "image": "$(id)"}]}, "jupyterhub_profiles[0].image is '$(id)'"),
    ({"profiles": [{"name": "a"}, {"name": "b", "mem_limit": "1"}]}, "jupyterhub_profiles[1].mem_limit is '1'"),
    ({"spawner": {"mem_limit": "1G", "mem_guarantee": "1025M"}}, "jupyterhub_spawner: mem_guarantee 1025M is more than mem_limit 1G"),
    ({"spawner": {"cpu_limit": 1, "cpu_guarantee": 1.5}}, "jupyterhub_spawner: cpu_guarantee 1.5 is more than cpu_limit 1"),
    ({"spawner": {"pids_limit": 63}}, "jupyterhub_spawner.pids_limit is 63, but it must be at least 64"),
    ({"spawner": {"start_timeout": 0}}, "jupyterhub_spawner.start_timeout is 0"),
    ({"spawner": {"http_timeout": 0}}, "jupyterhub_spawner.http_timeout is 0"),
    ({"spawner": {"concurrent_starts": 0}}, "jupyterhub_spawner.concurrent_starts is 0"),
    ({"spawner": {"max_running": -1}}, "jupyterhub_spawner.max_running is -1"),
    ({"spawner": {"max_running_per_user": -1}}, "jupyterhub_spawner.max_running_per_user is -1"),
    ({"spawner": {"named_servers": -1}}, "jupyterhub_spawner.named_servers is -1"),
    ({"spawner": {"notebook_dir": "work"}}, "jupyterhub_spawner.notebook_dir is 'work', but it must be an absolute path, or begin with ~/"),
    ({"spawner": {"notebook_dir": "~jovyan/work"}}, "jupyterhub_spawner.notebook_dir is '~jovyan/work'"),
    ({"spawner": {"shm_size": "2G"}}, "jupyterhub_spawner: shm_size 2G is more than 1G, which needs a mem_limit"),
    ({"spawner": {"shm_size": "2G", "mem_limit": "1G"}}, "jupyterhub_spawner: shm_size 2G is more than mem_limit 1G"),
    ({"spawner": {"mem_guarantee": "1G"}, "profiles": [{"name": "a", "mem_limit": "512M"}]}, "jupyterhub_profiles[0] (a): mem_guarantee 1G is more than"),
    (
        {"profiles": [{"name": "a", "mem_guarantee": "2G", "options": [{"name": "size", "choices": [{"name": "s", "mem_limit": "1G"}]}]}]},
        "jupyterhub_profiles[0] (a with s): mem_guarantee 2G is more than mem_limit 1G",
    ),
    ({"profiles": [{"name": "a", "options": [{"name": "profile", "choices": [{"name": "s"}]}]}]}, "jupyterhub_profiles[0].options[0].name is 'profile'"),
    ({"profiles": [{"name": "a", "options": [{"name": "How large", "choices": [{"name": "s"}]}]}]}, "jupyterhub_profiles[0].options[0].name is 'How large'"),
    ({"profiles": [{"name": "a", "options": [{"name": "x", "choices": []}]}]}, "jupyterhub_profiles[0].options[0].choices is empty"),
    ({"profiles": [{"name": "a", "options": [{"name": "x", "choices": [{"name": "s"}]}] * 2}]}, "jupyterhub_profiles[0].options names x more than once"),
    ({"profiles": [{"name": "a", "options": [{"name": "x", "choices": [{"name": "s"}] * 2}]}]}, "choices has two choices of the same name"),
    ({"profiles": [{"name": "a", "options": [{"name": "x", "choices": [{"name": "s", "image": "$"}]}]}]}, "options[0].choices[0].image is '$'"),
    (
        {"profiles": [{"name": "a", "options": [{"name": name, "choices": [{"name": "s", "environment": {"A": name}}]} for name in ("x", "y")]}]},
        "jupyterhub_profiles[0]: the options x and y both set environment.A; one of them must do it",
    ),
    (
        {"profiles": [{"name": "a", "allowed_groups": ["deep"]}]},
        "jupyterhub_profiles[0].allowed_groups has 'deep', which is not a group of jupyterhub_groups or jupyterhub_users",
    ),
    ({"profiles": [{"name": "a", "allowed_groups": ["deep"]}], "groups": {"deep": []}}, "jupyterhub_profiles[0] (a) may be had by nobody"),
    ({"profiles": [{"name": "a", "allowed_users": []}]}, "jupyterhub_profiles[0] (a) may be had by nobody"),
    (
        {"spawner": {"environment": {"A": {"secret": "x"}}}},
        "jupyterhub_spawner.environment.A refers to the secret 'x', which jupyterhub_extra_secrets does not have",
    ),
    ({"spawner": {"environment": {"A": {"secret": "db"}}}, "extra_secrets": {"dbs": ""}}, "jupyterhub_extra_secrets does not have; did you mean dbs?"),
    ({"spawner": {"environment": {"A": {}}}}, "jupyterhub_spawner.environment.A is a reference, and must have one of secret and file"),
    ({"profiles": [{"name": "a", "environment": {"A": {"secret": "x"}}}]}, "jupyterhub_profiles[0].environment.A refers to the secret 'x'"),
    ({"services": [{"name": "a", "command": ["x"], "environment": {"A": {"secret": "x"}}}]}, "jupyterhub_services[0].environment.A refers to the secret 'x'"),
    ({"profiles": [{"name": "a"}, {"name": "a"}]}, "jupyterhub_profiles has two profiles of the same name"),
    ({"profiles": [{"name": "a", "default": True}, {"name": "b", "default": True}]}, "jupyterhub_profiles has more than one profile with default: true"),
    ({"storage": {"mount_path": "work"}}, "jupyterhub_storage.mount_path is 'work'"),
    ({"storage": {"volume_name_template": "{name}-home"}}, "jupyterhub_storage.volume_name_template is '{name}-home'"),
    ({"storage": {"volume_name_template": "home-{username}"}}, "jupyterhub_storage.volume_name_template is 'home-{username}'"),
    ({"storage": {"volume_name_template": "{name}-{user}-{username}"}}, "jupyterhub_storage.volume_name_template is '{name}-{user}-{username}'"),
    ({"storage": {"volume_name_template": "{name}-{username}{"}}, "jupyterhub_storage.volume_name_template is '{name}-{username}{'"),
    ({"culling": {"interval": 0}}, "jupyterhub_culling.interval is 0, but it must be at least 1"),
    ({"culling": {"idle_timeout": 59}}, "jupyterhub_culling.idle_timeout is 59, but it must be at least 60"),
    ({"culling": {"kernels": {"idle_timeout": -1}}}, "jupyterhub_culling.kernels.idle_timeout is -1"),
    ({"culling": {"kernels": {"interval": 0}}}, "jupyterhub_culling.kernels.interval is 0"),
    ({"culling": {"kernels": {"busy": True}}}, "jupyterhub_culling.kernels.busy means nothing without jupyterhub_culling.kernels.idle_timeout"),
    ({"culling": {"admins": True}}, "jupyterhub_culling.admins means nothing without jupyterhub_culling.users"),
    ({"culling": {"max_age": -1}}, "jupyterhub_culling.max_age is -1, but it must be at least 0"),
    ({"network": {"bind_address": "eth0"}}, "jupyterhub_network.bind_address is 'eth0'"),
    ({"network": {"http_port": 0}}, "jupyterhub_network.http_port is 0, but it must be between 1 and 65535"),
    ({"network": {"https_port": 70000}}, "jupyterhub_network.https_port is 70000"),
    ({"network": {"http_port": 8443, "https_port": 8443}}, "are both 8443; they must differ"),
    ({"network": {"max_upload": "1 GB"}}, "jupyterhub_network.max_upload is '1 GB'"),
    ({"network": {"users_subnet": "10.77.0.1/20"}}, "jupyterhub_network.users_subnet is '10.77.0.1/20', but it must be an IPv4 network"),
    ({"network": {"users_subnet": "fd00::/64"}}, "jupyterhub_network.users_subnet is 'fd00::/64', but it must be an IPv4 network"),
    ({"network": {"users_subnet": "10.77.0.0/29"}}, "jupyterhub_network.users_subnet 10.77.0.0/29 is too small"),
    ({"network": {"egress_allow": [{"cidr": "db"}]}}, "jupyterhub_network.egress_allow[0].cidr is 'db'"),
    ({"network": {"egress_allow": [{"cidr": "10.1.2.3/32", "ports": [0]}]}}, "jupyterhub_network.egress_allow[0].ports has 0"),
    ({"database": {"host": "db"}}, "jupyterhub_database.host means nothing with jupyterhub_database.type sqlite"),
    ({"database": {"type": "mysql"}}, "jupyterhub_database.host is required with jupyterhub_database.type mysql"),
    ({"database": {**PG, "port": 70000}}, "jupyterhub_database.port is 70000, but it must be between 1 and 65535"),
    ({"services": [{"name": "My Service"}]}, "jupyterhub_services[0].name is 'My Service'"),
    ({"services": [{"name": "a/b"}]}, "jupyterhub_services[0].name is 'a/b'"),
    ({"services": [{"name": "a%20b"}]}, "jupyterhub_services[0].name is 'a%20b'"),
    ({"services": [{"name": ".."}]}, "jupyterhub_services[0].name is '..'"),
    ({"services": [{"name": ""}]}, "jupyterhub_services[0].name is ''"),
    ({"services": [{"name": "a", "url": "grader:10101"}]}, "jupyterhub_services[0].url is 'grader:10101'"),
    ({"services": [{"name": "a", "url": "http://x", "oauth_client_id": "a"}]}, "jupyterhub_services[0].oauth_client_id is 'a', but it must be service- and"),
    ({"services": [{"name": "a", "oauth_no_confirm": True}]}, "jupyterhub_services[0] (a) has settings of OAuth, but neither url nor oauth_redirect_uri"),
    ({"services": [{"name": "a", "cwd": "/"}]}, "jupyterhub_services[0] (a) has cwd or environment, which mean nothing without command"),
    ({"services": [{"name": "a", "timeout": 0}]}, "jupyterhub_services[0].timeout is 0"),
    ({"services": [{"name": "operator"}]}, "jupyterhub_services has a service operator; that name is ours"),
    ({"services": [{"name": "a"}, {"name": "a"}]}, "jupyterhub_services names a more than once"),
    ({"roles": [{"name": "rrr", "services": ["grader"]}]}, "jupyterhub_roles gives rrr to the service grader, which jupyterhub_services does not have"),
    ({"roles": [{"name": "ab"}]}, "jupyterhub_roles[0].name is 'ab', but it must be 3 to 255 lower-case letters"),
    ({"roles": [{"name": "admin", "users": ["geoheil"]}]}, "jupyterhub_roles[0] is the role admin, with which JupyterHub would take the admin mark"),
    (
        {"roles": [{"name": "rrr", "groups": ["teachres"]}], "groups": {"teachers": []}},
        "has 'teachres', which is not a group of jupyterhub_groups or jupyterhub_users; did you mean",
    ),
    ({"roles": [{"name": "idle-culler"}]}, "jupyterhub_roles has a role idle-culler; that name is ours"),
    ({"roles": [{"name": "rrr"}, {"name": "rrr"}]}, "jupyterhub_roles names rrr more than once"),
    ({"images": {"base": "Debian Bookworm"}}, "jupyterhub_images.base is 'Debian Bookworm'"),
    ({"images": {"edge": "nginx:"}}, "jupyterhub_images.edge is 'nginx:'"),
    ({"images": {"hub_pip": ["scipy; rm -rf /"]}}, "jupyterhub_images.hub_pip is 'scipy; rm -rf /'"),
    ({"images": {"user_pip": ["--index-url=x"]}}, "jupyterhub_images.user_pip is '--index-url=x'"),
    ({"images": {"user_apt": ["git && id"]}}, "jupyterhub_images.user_apt is 'git && id'"),
    ({"images": {"hub": "x/hub:1", "hub_pip": ["scipy"]}}, "jupyterhub_images.hub_pip means nothing with jupyterhub_images.hub"),
    ({"images": {"hub_apt": ["git && id"]}}, "jupyterhub_images.hub_apt is 'git && id'"),
    ({"images": {"mirrors": {"apt": "http://x' && id"}}}, "jupyterhub_images.mirrors.apt is"),
    ({"images": {"mirrors": {"pip": "pypi"}}}, "jupyterhub_images.mirrors.pip is 'pypi'"),
    ({"images": {"user_repository": "--upload-pack=id"}}, "jupyterhub_images.user_repository is '--upload-pack=id'"),
    ({"images": {"user_repository": "https://x/y", "user_repository_version": "-x"}}, "jupyterhub_images.user_repository_version is '-x'"),
    ({"spawner": {"image": "x:1"}, "images": {"user_apt": ["git"]}}, "build a user image, but jupyterhub_spawner.image names another"),
    ({"config": {"Jupyter Hub": {"x": 1}}}, "jupyterhub_config is 'Jupyter Hub'"),
    ({"config": {"jupyterhub": {"x": 1}}}, "jupyterhub_config is 'jupyterhub'"),
    ({"config": {"None": {"x": 1}}}, "jupyterhub_config is 'None'"),
    ({"config": {"JupyterHub": {"a.b": 1}}}, "jupyterhub_config.JupyterHub is 'a.b'"),
    ({"config": {"JupyterHub": {"class": 1}}}, "jupyterhub_config.JupyterHub is 'class'"),
    ({"config": {"JupyterHub": {"__class__": 1}}}, "jupyterhub_config.JupyterHub is '__class__'"),
    ({"config": {"JupyterHub": {"services": []}}}, "jupyterhub_config.JupyterHub.services would replace what jupyterhub_services says"),
    ({"extra_config": {"a": "x = ="}}, "jupyterhub_extra_config.a is not Python: invalid syntax in line 1"),
    ({"extra_config": {"a": "x = 1\nreturn x"}}, "jupyterhub_extra_config.a is not Python: 'return' outside function in line 2"),
    ({"extra_config": {"a": "x = 1\0"}}, "jupyterhub_extra_config.a is not Python"),
    ({"extra_config": {"a": "x = '\ud800'"}}, "jupyterhub_extra_config.a is not Python"),
    ({"extra_config": {"a": "from __future__ import annotations"}}, "jupyterhub_extra_config.a is not Python"),
]


def sentence(topics: dict[str, t.Any]) -> str:
    with pytest.raises(DescriptionError) as caught:
        hub(**topics)
    return str(caught.value)


@pytest.mark.parametrize(("topics", "message"), BAD, ids=[ascii(message)[:100] for _topics, message in BAD])
def test_what_cannot_be_is_refused(topics: dict[str, t.Any], message: str) -> None:
    assert message in sentence(topics)


@pytest.mark.parametrize("topics", [topics for topics, _message in BAD], ids=[ascii(message)[:100] for _topics, message in BAD])
def test_a_refusal_is_one_sentence_that_names_the_variable(topics: dict[str, t.Any]) -> None:
    said = sentence(topics)
    assert re.match(r"jupyterhub_(" + "|".join(topics) + r")\b|jupyterhub_network|jupyterhub_users", said)
    assert "\n" not in said
    assert not said.endswith(".")
    assert len(said) < 300


CHECKS = (validation, server_checks, service_checks)


def test_the_table_has_every_message_of_the_checks() -> None:
    """Each place that raises is reached by at least one row."""
    places = set()
    for module in CHECKS:
        lines, start = inspect.getsourcelines(module)
        name = f"{module.__name__.rpartition('.')[2]}.py"
        places |= {(name, number) for number, line in enumerate(lines, max(start, 1)) if re.match(r"\s+raise DescriptionError", line)}
    names = {name for name, _number in places}
    reached = set()
    refusals: list[t.Callable[[], object]] = [functools.partial(hub, **topics) for topics, _message in BAD]
    refusals += [functools.partial(validation.check_docker_compose, DockerCompose(**values)) for values, _message in BAD_TARGET]
    refusals += [functools.partial(check_swarm, values) for values, _message in BAD_SWARM]
    refusals += [functools.partial(service_checks.check_token, "a", token) for token in ("short", "with a space")]
    for refuse in refusals:
        with pytest.raises(DescriptionError) as caught:
            refuse()
        entries = [(pathlib.Path(str(entry.path)).name, entry.lineno + 1) for entry in caught.traceback]
        reached.add(next((entry for entry in reversed(entries) if entry[0] in names), ("", 0)))
    assert places - reached == set()


BAD_TARGET: list[tuple[dict[str, t.Any], str]] = [
    ({"docker_host": "ssh://x", "docker_context": "y"}, "docker_compose_docker_host and docker_compose_docker_context are both set"),
    ({"project_dir": "srv/jupyterhub"}, "docker_compose_project_dir is 'srv/jupyterhub', but it must be an absolute path"),
    ({"install_engine": True, "docker_context": "x"}, "docker_compose_install_engine installs an engine on the host itself"),
]


@pytest.mark.parametrize(("values", "message"), BAD_TARGET, ids=[message for _values, message in BAD_TARGET])
def test_settings_of_the_target_that_cannot_be_are_refused(values: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError, match=re.escape(message)):
        validation.check_docker_compose(DockerCompose(**values))


BAD_SWARM: list[tuple[dict[str, t.Any], str]] = [
    ({"docker_host": "tcp://x", "docker_context": "x"}, "swarm_docker_host and swarm_docker_context are both set"),
    ({"project_dir": "x"}, "swarm_project_dir is 'x', but it must be an absolute path"),
    ({"push_to": "https://registry.example.org"}, "but it must be a registry such as registry.example.org:5000, without a scheme"),
    ({"push_to": "Registry"}, "but it must be a registry"),
    ({"server_constraints": ("gpu",)}, "swarm_server_constraints is 'gpu', but it must be a list of constraints"),
    ({"volume_driver_options": {"type": "nfs"}}, "swarm_volume_driver_options mean nothing without swarm_volume_driver"),
    ({"shared_folders": {"volume_driver_options": {"type": "nfs"}}}, "swarm_shared_folders.volume_driver_options mean nothing without volume_driver"),
    ({"gpu_resource": "a b"}, "swarm_gpu_resource is 'a b', but it must be the kind of a generic resource"),
    ({"nameservers": ("dns.example.org",)}, "swarm_nameservers has 'dns.example.org', which is not an address"),
]


def check_swarm(values: dict[str, t.Any]) -> None:
    validation.check_swarm(Swarm.from_variables({f"swarm_{name}": value for name, value in values.items()}))


@pytest.mark.parametrize(("values", "message"), BAD_SWARM)
def test_a_swarm_that_cannot_be_is_refused(values: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError, match=re.escape(message)):
        check_swarm(values)


GOOD: list[dict[str, t.Any]] = [
    {"domain": "192.0.2.10"},
    {"domain": "2001:db8::10"},
    {"tls": {"mode": "external", "hsts": True}},
    {"tls": {"mode": "none"}, "network": {"http_port": 8000, "https_port": 8000}},
    {"tls": {"names": ["hub", "192.0.2.10", "2001:db8::1"]}},
    {"users": [{"name": "a b", "admin": True}, {"name": "ünïcode@example.org"}]},
    {"spawner": {"mem_limit": "1.5G", "mem_guarantee": "1536M", "cpu_limit": 0.5, "cpu_guarantee": 0.5, "max_running": 0}},
    {"network": {"users_subnet": "10.77.0.0/28", "egress_allow": [{"cidr": "10.1.2.3"}, {"cidr": "10.0.0.0/8", "ports": [53], "protocol": "udp"}]}},
    {"database": {**PG, "port": 5433, "network": "postgres"}},
    {"services": [{"name": "grader"}], "roles": [{"name": "grader", "services": ["grader"]}]},
    {"images": {"user_pip": ["scipy==1.17.1", "uvicorn[standard]>=0.30,<1"], "user_apt": ["libstdc++6", "git=1:2.39.5-0+deb12u2"]}},
    {"images": {"user_repository": "git@git.example.org:course.git", "user_repository_version": "feature/x"}},
    {"images": {"mirrors": {"pip": "https://user@pypi.example.org:8443/simple/", "npm": "http://npm", "apt": "http://deb.example.org/debian"}}},
    {"spawner": {"image": "localhost:5000/a/b_c:Tag-1.0@sha256:" + "0" * 64}},
    {"storage": {"volume_name_template": "{name}-home-{username}"}},
    {"config": {"JupyterHub": {"shutdown_on_logout": True}, "LDAPAuthenticator": {"use_ssl": True}}},
    {"extra_config": {"a": "", "b": "# nothing", "c": "async def f():\n    await g()\n"}},
]


@pytest.mark.parametrize("topics", GOOD, ids=repr)
def test_what_is_right_is_let_through(topics: dict[str, t.Any]) -> None:
    hub(**topics)


def test_a_missing_admin_may_come_from_the_userlist() -> None:
    validation.check(Hub.from_variables({**SIMPLE, "jupyterhub_users": [], "jupyterhub_userlist": "list"}))


@settings(max_examples=60)
@given(descriptions())
def test_any_valid_description_is_let_through(variables: dict[str, t.Any]) -> None:
    validation.check(Hub.from_variables(variables))


ADDRESSES: list[tuple[dict[str, t.Any], str]] = [
    ({}, "https://localhost/"),
    ({"network": {"https_port": 8443}}, "https://localhost:8443/"),
    ({"network": {"http_port": 8080}}, "https://localhost/"),
    ({"tls": {"mode": "none"}}, "http://localhost/"),
    ({"tls": {"mode": "none"}, "network": {"http_port": 8080}}, "http://localhost:8080/"),
    ({"tls": {"mode": "external"}, "network": {"http_port": 8080}}, "https://localhost/"),
    ({"domain": "192.0.2.10"}, "https://192.0.2.10/"),
    ({"domain": "2001:db8::10", "network": {"https_port": 8443}}, "https://[2001:db8::10]:8443/"),
]


@pytest.mark.parametrize(("topics", "url"), ADDRESSES, ids=[str(topics) for topics, _url in ADDRESSES])
def test_the_public_address_is_what_people_type(topics: dict[str, t.Any], url: str) -> None:
    assert validation.public_url(hub(**topics)) == url


def test_the_default_callback_is_for_the_domain() -> None:
    validation.check(Hub.from_variables(GITHUB))


@pytest.mark.parametrize(("size", "count"), [("1K", 1024), ("1.5G", 1536 * 1024**2), ("2T", 2 * 1024**4), ("0M", 0)])
def test_sizes_are_powers_of_1024(size: str, count: int) -> None:
    assert forms.size_in_bytes(size) == count


def test_the_project_has_its_own_directory() -> None:
    assert validation.project_dir(hub(), DockerCompose()) == "/srv/jupyterhub/lab"
    assert validation.project_dir(hub(), DockerCompose(project_dir="/opt/hub")) == "/opt/hub"
