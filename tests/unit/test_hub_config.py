# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""jupyterhub_config.py: any description renders to Python that loads, and what is loaded is what was described."""

from __future__ import annotations

import pathlib
import random
import shutil
import sys
import tempfile
import types
import typing as t
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import docker_compose, docker_spawner, hub_config, project, storage, validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ENGINE, GITHUB, PROGRAM_FILES, PROGRAMS, SIMPLE, descriptions, hub


class Section(types.SimpleNamespace):
    """A section of it: traitlets' own are dictionaries, too."""

    def get(self, name: str, default: t.Any = None) -> t.Any:
        return vars(self).get(name, default)

    def __contains__(self, name: str) -> bool:
        return name in vars(self)


class Config(dict[str, t.Any]):
    """What get_config() gives, near enough: sections come into being when they are named, values are attributes."""

    def __getattr__(self, name: str) -> t.Any:
        return self.setdefault(name, Section())

    def __missing__(self, name: str) -> t.Any:
        return getattr(self, name)


class Url(types.SimpleNamespace):
    """sqlalchemy.URL, near enough."""

    @classmethod
    def create(cls, driver: str, **parts: t.Any) -> Url:
        return cls(driver=driver, **parts)

    def render_as_string(self, hide_password: bool) -> dict[str, t.Any]:
        assert not hide_password
        return vars(self)


def load(described: Hub) -> Config:
    """Return what JupyterHub would have loaded; every secret is its own name in brackets."""
    text = project.config(described, ENGINE)
    resolver = types.SimpleNamespace(DefaultResolver=None)
    stubs = {"aiohttp": types.SimpleNamespace(connector=resolver, ThreadedResolver="threaded"), "aiohttp.connector": resolver}
    stubs["sqlalchemy"] = types.SimpleNamespace(URL=Url)
    with tempfile.TemporaryDirectory() as directory, mock.patch.dict(sys.modules, stubs), mock.patch.object(sys, "path", [*sys.path]):
        home = pathlib.Path(directory)
        (home / "secrets").mkdir()
        for path, source in docker_compose.secret_files(described)["hub"].items():
            (home / path).write_text(f"<{source}>\n")
        (home / "userlist.json").write_text(project.userlist(described))
        for name in ("servers", "maintenance"):
            shutil.copy(PROGRAM_FILES / f"{name}.py", home)
            sys.modules.pop(name, None)
        found = Config()
        assert text.count(f"pathlib.Path('{hub_config.FILES}')") == 1
        code = compile(text.replace(f"pathlib.Path('{hub_config.FILES}')", f"pathlib.Path({directory!r})"), "jupyterhub_config.py", "exec", dont_inherit=True)
        exec(code, {"c": found, "extra": found.setdefault("extra", [])})
        for name in ("servers", "maintenance"):
            sys.modules.pop(name, None)
    assert resolver.DefaultResolver == "threaded"
    return found


def same(found: t.Any, wanted: t.Any) -> bool:
    """Whether values are equal and of the same types (1 is not True)."""
    return repr(found) == repr(wanted)


@settings(max_examples=60)
@given(descriptions())
def test_what_is_loaded_is_what_was_described(variables: dict[str, t.Any]) -> None:
    described = Hub.from_variables(variables)
    c = load(described)
    spawner, item = vars(c.DockerSpawner), described.spawner

    def wanted(cls: str, trait: str, topic: t.Any) -> t.Any:
        """What a trait must be: what jupyterhub_config says wins over a topic."""
        return described.config.get(cls, {}).get(trait, topic)

    assert c.Authenticator.allowed_users == {user.name for user in described.users}
    assert c.Authenticator.admin_users == {user.name for user in described.users if user.admin}
    assert c.Authenticator.allow_all is described.auth.allow_all
    reported = {"JUPYTERHUB_ACTIVITY_INTERVAL": mock.ANY} if described.culling.enabled and described.culling.idle_timeout < 1200 else {}
    assert spawner.get("environment", {}) == wanted("DockerSpawner", "environment", reported | item.environment)
    assert spawner.get("cmd", []) == wanted("DockerSpawner", "cmd", storage.command(described, item.cmd))
    assert same(spawner.get("cpu_limit"), wanted("DockerSpawner", "cpu_limit", item.cpu_limit))
    assert spawner.get("mem_limit") == wanted("DockerSpawner", "mem_limit", item.mem_limit)
    assert spawner["image"] == (item.image or ENGINE.images["user"])
    assert spawner["network_name"] == f"{described.name}-users"
    assert c.Spawner.default_url == wanted("Spawner", "default_url", item.default_url)
    assert vars(c.JupyterHub).get("named_server_limit_per_user", 0) == item.named_servers
    assert hasattr(c.Spawner, "apply_user_options") is bool(described.profiles or item.max_running_per_user or described.storage.shared_folders)
    assert hasattr(c.Spawner, "options_form") is bool(described.profiles)
    tokens = {service["name"]: service.get("api_token") for service in c.JupyterHub.services}
    assert {service.name: f"<service_{service.name}_token>" for service in described.services}.items() <= tokens.items()
    assert ("idle-culler" in tokens) is described.culling.enabled
    roles = {role["name"]: role for role in c.JupyterHub.load_roles}
    assert len(roles) == len(c.JupyterHub.load_roles), "JupyterHub does not start with two roles of one name"
    for role in described.roles:
        assert roles[role.name].get("users", []) == list(role.users)
    for cls, traits in described.config.items():
        assert same({trait: vars(getattr(c, cls))[trait] for trait in traits}, traits)
    extra: list[str] = []
    for name in sorted(described.extra_config):
        exec(described.extra_config[name], {"extra": extra})
    assert c["extra"] == extra


@settings(max_examples=40)
@given(descriptions(), st.randoms(use_true_random=False))
def test_the_same_hub_gives_the_same_bytes_in_whatever_order_it_is_written(variables: dict[str, t.Any], chance: random.Random) -> None:
    def shuffled(value: t.Any, depth: int = 0) -> t.Any:
        """The same dictionaries, in another order; values of traits are the user's own and keep theirs."""
        if not isinstance(value, dict) or depth > 2:
            return value
        keys = list(value)
        chance.shuffle(keys)
        return {key: value[key] if key == "jupyterhub_profiles" else shuffled(value[key], depth + 1) for key in keys}

    one, two = (project.render(Hub.from_variables(item), ENGINE, PROGRAMS, {}) for item in (variables, shuffled(variables)))
    assert one == two


def test_secrets_come_from_files() -> None:
    c = load(Hub.from_variables(GITHUB))
    assert c.ConfigurableHTTPProxy.auth_token == "<proxy_token>"
    assert c.CryptKeeper.keys == ["<crypt_key>"]
    assert c.JupyterHub.cookie_secret_file == "/etc/jupyterhub/secrets/cookie_secret"
    assert c.GitHubOAuthenticator.client_secret == "<oauth_client_secret>"
    assert next(service for service in c.JupyterHub.services if service["name"] == "operator")["api_token"] == "<operator_token>"
    c = load(hub())
    assert c.JupyterHub.authenticator_class == "shared-password"
    assert (c.SharedPasswordAuthenticator.user_password, c.SharedPasswordAuthenticator.admin_password) == ("<user_password>", "<admin_password>")


def test_several_crypt_keys_are_a_list() -> None:
    assert "c.CryptKeeper.keys = secret('crypt_key').split()" in project.config(hub(), ENGINE)


def test_the_database_is_the_one_that_was_described() -> None:
    assert load(hub()).JupyterHub.db_url == "sqlite:////srv/jupyterhub/jupyterhub.sqlite"
    database = {"type": "mysql", "host": "db.example.org", "user": "o'hara", "name": "hub"}
    url = load(hub(database=database)).JupyterHub.db_url
    wanted = {"driver": "mysql+pymysql", "username": "o'hara", "password": "<database_password>", "host": "db.example.org", "port": 3306, "database": "hub"}
    assert url == wanted
    assert load(hub(database={**database, "type": "postgresql", "port": 5433})).JupyterHub.db_url == {**wanted, "driver": "postgresql+psycopg2", "port": 5433}


def test_github_gets_what_it_needs() -> None:
    auth = {**GITHUB["jupyterhub_auth"], "allowed_organizations": ["vdsg", "vdsg:teachers"], "github_url": "https://github.example.org"}
    c = load(Hub.from_variables({**GITHUB, "jupyterhub_auth": auth}))
    assert c.JupyterHub.authenticator_class == "github"
    assert c.GitHubOAuthenticator.oauth_callback_url == "https://hub.example.org/hub/oauth_callback"
    assert c.GitHubOAuthenticator.allowed_organizations == {"vdsg", "vdsg:teachers"}
    assert c.GitHubOAuthenticator.scope == ["read:org"]
    assert c.GitHubOAuthenticator.github_url == "https://github.example.org"
    assert not hasattr(load(Hub.from_variables(GITHUB)).GitHubOAuthenticator, "scope")


def test_a_class_of_ones_own_authenticates() -> None:
    auth = {"method": "custom", "custom_class": "ldapauthenticator.LDAPAuthenticator"}
    assert load(hub(auth=auth)).JupyterHub.authenticator_class == "ldapauthenticator.LDAPAuthenticator"


def test_a_user_work_outlives_the_hub() -> None:
    c = load(hub())
    assert c.JupyterHub.cleanup_servers is False
    assert c.JupyterHub.cleanup_proxy is False
    assert c.ConfigurableHTTPProxy.should_start is False


def test_traits_of_the_user_win_over_ours() -> None:
    """S3 3.16: what is said in addition comes after the defaults."""
    c = load(hub(config={"JupyterHub": {"cleanup_servers": True}, "DockerSpawner": {"remove": False}}))
    assert c.JupyterHub.cleanup_servers is True
    assert c.DockerSpawner.remove is False


def test_guarantees_reach_the_engine() -> None:
    """S4 4.10: limits and guarantees."""
    c = load(hub(spawner={"mem_guarantee": "512M", "cpu_guarantee": 0.5}))
    assert c.DockerSpawner.extra_host_config == {"mem_reservation": 512 * 1024**2, "cpu_shares": 512}


def test_a_volume_for_each_person() -> None:
    c = load(hub())
    assert c.DockerSpawner.volumes == {"lab-user-{username}": "/home/jovyan/work"}
    assert c.DockerSpawner.notebook_dir == "/home/jovyan/work"
    c = load(hub(storage={"type": "none"}))
    assert not hasattr(c.DockerSpawner, "volumes")
    assert not hasattr(c.DockerSpawner, "notebook_dir")
    assert load(hub(storage={"type": "none"}, spawner={"notebook_dir": "/data"})).DockerSpawner.notebook_dir == "/data"


CULLING: list[tuple[str, dict[str, t.Any], list[str]]] = [
    ("defaults", {}, ["--timeout=3600", "--cull-every=300", "--max-age=0"]),
    ("times", {"idle_timeout": 60, "max_age": 600, "interval": 5}, ["--timeout=60", "--cull-every=5", "--max-age=600"]),
    ("named servers", {"remove_named_servers": True}, ["--timeout=3600", "--cull-every=300", "--max-age=0", "--remove-named-servers=true"]),
    ("people", {"users": True}, ["--timeout=3600", "--cull-every=300", "--max-age=0", "--cull-users=true", "--cull-admin-users=false"]),
    ("admins", {"users": True, "admins": True}, ["--timeout=3600", "--cull-every=300", "--max-age=0", "--cull-users=true", "--cull-admin-users=true"]),
]


@pytest.mark.parametrize(("culling", "flags"), [row[1:] for row in CULLING], ids=[row[0] for row in CULLING])
def test_idle_servers_are_culled_as_described(culling: dict[str, t.Any], flags: list[str]) -> None:
    c = load(hub(culling=culling))
    culler = next(service for service in c.JupyterHub.services if service["name"] == "idle-culler")
    assert culler["command"] == [sys.executable, "-m", "jupyterhub_idle_culler", *flags]


def test_the_culler_may_do_what_it_must_and_no_more() -> None:
    """idle-culler 2.0's own documentation names these scopes."""
    roles = {users: load(hub(culling={"users": users})).JupyterHub.load_roles[0] for users in (False, True)}
    assert roles[False] == {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
    assert roles[True]["scopes"] == [*roles[False]["scopes"], "admin:users"]


@pytest.mark.parametrize(("timeout", "hub_asks", "servers_say"), [(60, 15, "15"), (240, 60, "60"), (1199, 60, "299"), (1200, 60, None), (3600, 60, None)])
def test_activity_is_known_long_before_a_server_counts_as_idle(timeout: int, hub_asks: int, servers_say: str | None) -> None:
    c = load(hub(culling={"idle_timeout": timeout}))
    assert c.JupyterHub.last_activity_interval == hub_asks
    assert vars(c.DockerSpawner).get("environment", {}).get("JUPYTERHUB_ACTIVITY_INTERVAL") == servers_say


def test_kernels_are_culled_by_their_own_server() -> None:
    culling = {"kernels": {"idle_timeout": 600, "interval": 60, "busy": True}}
    assert load(hub(culling=culling, spawner={"args": ["--debug"]})).DockerSpawner.args == [
        "--MappingKernelManager.cull_idle_timeout=600",
        "--MappingKernelManager.cull_interval=60",
        "--MappingKernelManager.cull_connected=False",
        "--MappingKernelManager.cull_busy=True",
        "--TerminalManager.cull_inactive_timeout=600",
        "--TerminalManager.cull_interval=60",
        "--debug",
    ]
    assert not hasattr(load(hub()).DockerSpawner, "args")


def test_a_service_is_all_that_jupyterhub_can_be_told_of_one() -> None:
    given = {
        "url": "http://grader:10101",
        "command": ["grader"],
        "cwd": "/srv/jupyterhub",
        "environment": {"COURSE": "101", "KEY": {"secret": "key"}},
        "display": False,
        "info": {"course": [101]},
        "timeout": 60,
        "oauth_no_confirm": True,
        "oauth_client_id": "service-x",
        "oauth_redirect_uri": "https://x/oauth_callback",
        "oauth_client_allowed_scopes": ["read:users!user"],
    }
    c = load(hub(services=[{"name": "grader", **given}, {"name": "plain"}], extra_secrets={"key": ""}))
    services = {service["name"]: service for service in c.JupyterHub.services}
    wanted = {"name": "grader", "api_token": "<service_grader_token>", **given, "environment": {"COURSE": "101", "KEY": "<extra_key>"}}
    assert services["grader"] == wanted
    assert services["plain"] == {"name": "plain", "api_token": "<service_plain_token>", "display": True}


def test_a_server_has_the_time_that_it_needs() -> None:
    """S3 3.18."""
    spawner = load(hub(spawner={"start_timeout": 600, "http_timeout": 120})).Spawner
    assert (spawner.start_timeout, spawner.http_timeout) == (600, 120)


def test_any_image_and_any_page_for_all_or_for_a_profile() -> None:
    """S2 2.15, S3 3.22, 3.27: Spark, TensorFlow and further languages are images to choose from; JupyterLab or another page is what they begin with."""
    profiles: list[dict[str, t.Any]] = [
        {"name": "Spark", "image": "quay.io/jupyter/pyspark-notebook:hub-6.1.1", "environment": {"SPARK_OPTS": "--master=local[2]"}},
        {"name": "R", "image": "quay.io/jupyter/r-notebook:hub-6.1.1", "default_url": "/tree"},
    ]
    made = hub(spawner={"default_url": "/lab"}, profiles=profiles)
    assert load(made).Spawner.default_url == "/lab"
    spark, r = docker_spawner.profiles(made)
    assert (spark["settings"]["image"], spark["settings"]["environment"]) == (profiles[0]["image"], profiles[0]["environment"])
    assert (r["settings"]["image"], r["settings"]["default_url"]) == (profiles[1]["image"], "/tree")


def test_limits_of_servers_are_the_hubs() -> None:
    """S3 3.23: one server for each person, unless more are allowed."""
    c = load(hub(spawner={"max_running": 5, "named_servers": 2, "concurrent_starts": 3}))
    assert (c.JupyterHub.active_server_limit, c.JupyterHub.concurrent_spawn_limit) == (5, 3)
    assert (c.JupyterHub.allow_named_servers, c.JupyterHub.named_server_limit_per_user) == (True, 2)
    assert not hasattr(load(hub()).JupyterHub, "allow_named_servers")


def test_the_home_directory_may_be_called_by_its_sign() -> None:
    """S4 4.4: the server itself expands it (jupyterhub 6.1.1, singleuser/extension.py)."""
    assert load(hub(spawner={"notebook_dir": "~/notebooks"})).DockerSpawner.notebook_dir == "~/notebooks"


def test_a_reference_is_read_when_the_hub_starts_and_its_value_is_in_no_file() -> None:
    environment = {"DATABASE": {"secret": "course_database"}, "TZ": "UTC"}
    described = hub(spawner={"environment": environment}, extra_secrets={"course_database": ""})
    assert load(described).DockerSpawner.environment == {"DATABASE": "<extra_course_database>", "TZ": "UTC"}
    assert "'DATABASE': secret('course_database')" in project.config(described, ENGINE)


def test_people_are_in_a_file_of_their_own() -> None:
    """So that adding one changes no configuration; an admin mark does (JupyterHub reads it when it starts)."""
    one = hub()
    two = hub(users=[*SIMPLE["jupyterhub_users"], {"name": "maksmitk"}])
    assert project.config(one, ENGINE) == project.config(two, ENGINE)
    assert project.userlist(two) == '[\n  {\n    "name": "geoheil",\n    "admin": true\n  },\n  {\n    "name": "maksmitk",\n    "admin": false\n  }\n]\n'


def test_the_configuration_is_readable() -> None:
    text = project.config(hub(), ENGINE)
    assert max(map(len, text.splitlines())) <= 150
    assert text.startswith('"""Configuration of the JupyterHub lab.')
    assert f"c.JupyterHub.public_url = '{validation.public_url(hub())}'" in text
