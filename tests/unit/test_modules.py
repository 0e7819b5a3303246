# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doors: check mode predicts and touches nothing, a second run changes nothing, what is wrong is one sentence, no secret is shown."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import stat
import types
import typing as t
from unittest import mock

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import people
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import door, files, running
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.hub_api import Place, UrlLine
from ansible_collections.vdsg.jupyterhub.plugins.modules import docker_ready, docker_remove, hub_config, hub_secrets, hub_users, k8s_manifests
from ansible_collections.vdsg.jupyterhub.tests.unit.hub_server import TOKEN, HubServer, serve
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ENGINE, GITHUB, PROGRAMS, SIMPLE, resolved

RENDER = {"description": SIMPLE, "engine": dataclasses.asdict(ENGINE), "programs": PROGRAMS}


def call(module: types.ModuleType, capfd: pytest.CaptureFixture[str], **args: t.Any) -> t.Any:
    """Return what a module says to Ansible."""
    with patch_module_args(args), pytest.raises(SystemExit):
        module.main()
    return json.loads(capfd.readouterr().out)


def test_rendering_is_predicted_then_done_then_done_with(capfd: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    args = {**RENDER, "path": str(tmp_path / "lab")}
    predicted = call(hub_config, capfd, **args, _ansible_check_mode=True, _ansible_diff=True)
    assert predicted["changed"]
    assert not (tmp_path / "lab").exists()
    done = call(hub_config, capfd, **args)
    assert done["changed_files"] == predicted["changed_files"]
    assert {entry["after_header"]: entry["after"] for entry in predicted["diff"]} == {
        name: (tmp_path / "lab" / name).read_text() for name in done["changed_files"]
    }
    for mode in ({}, {"_ansible_check_mode": True}):
        again = call(hub_config, capfd, **args, **mode)
        assert not again["changed"]
        assert again["changed_files"] == []


def test_rendering_without_a_path_returns_the_files(capfd: pytest.CaptureFixture[str]) -> None:
    found = call(hub_config, capfd, **RENDER, authority="-----BEGIN")
    assert not found["changed"]
    assert {"compose.yaml", "hub/jupyterhub_config.py", "authority.pem"} <= set(found["files"])


def test_a_broken_file_is_repaired_and_a_stale_one_goes(capfd: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    args = {**RENDER, "path": str(tmp_path)}
    call(hub_config, capfd, **args)
    (tmp_path / "hub" / "jupyterhub_config.py").write_text("broken")
    (tmp_path / "hub" / "stale.py").write_text("stale")
    assert call(hub_config, capfd, **args)["changed_files"] == ["hub/jupyterhub_config.py", "hub/stale.py"]
    assert not call(hub_config, capfd, **args)["changed"]


def test_manifests_are_predicted_then_written_with_secrets_apart_then_kept(capfd: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "manifests"
    described = {**SIMPLE, "jupyterhub_images": {"hub": "hub:1"}, "k8s_manifests_dir": str(folder)}
    args = {"description": described, "programs": PROGRAMS}
    predicted = call(k8s_manifests, capfd, **args, _ansible_check_mode=True, _ansible_diff=True)
    assert not folder.exists()
    done = call(k8s_manifests, capfd, **args)
    assert done["changed_files"] == predicted["changed_files"]
    assert {path.name for path in folder.iterdir()} == set(done["changed_files"])
    hidden = {path.name for path in folder.iterdir() if stat.S_IMODE(path.stat().st_mode) == 0o600}
    assert hidden == {"secret-hub.yaml", "secret-tls.yaml"}
    assert {entry["after_header"] for entry in predicted["diff"]} == set(done["changed_files"]) - hidden
    (folder / "README.md").write_text("mine")
    again = call(k8s_manifests, capfd, **args)
    assert (again["changed"], again["made"], again["rotated"]) == (False, [], [])
    fewer = call(k8s_manifests, capfd, **{**args, "description": {**described, "jupyterhub_tls": {"mode": "none"}}})
    assert "secret-tls.yaml" in fewer["changed_files"]
    assert not (folder / "secret-tls.yaml").exists()
    assert (folder / "README.md").exists()


def test_secrets_are_predicted_then_made_then_kept(capfd: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    args = {"description": SIMPLE, "path": str(tmp_path / "secrets")}
    predicted = call(hub_secrets, capfd, **args, _ansible_check_mode=True)
    assert predicted["changed"]
    assert not (tmp_path / "secrets").exists()
    made = call(hub_secrets, capfd, **args)
    assert made["made"] == predicted["made"]
    again = call(hub_secrets, capfd, **args)
    assert not again["changed"]
    assert again["fingerprints"] == made["fingerprints"]
    assert again["authority"] == made["authority"] == (tmp_path / "secrets" / "authority_certificate").read_text().strip()


def test_no_secret_is_in_what_a_module_says(capfd: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    found = resolved(GITHUB)
    args = {"description": found.variables, "path": str(tmp_path / "secrets"), "given": found.secrets}
    said = json.dumps([call(hub_secrets, capfd, **args, _ansible_diff=True), call(hub_secrets, capfd, **args)])
    assert "hush" not in said
    public = ("authority_certificate", "tls_certificate")
    values = [path.read_text().strip() for path in (tmp_path / "secrets").iterdir() if path.name not in public]
    assert len(values) > 5
    assert not any(json.dumps(value)[1:-1] in said for value in values)


FAILURES: list[tuple[types.ModuleType, dict[str, t.Any], str]] = [
    (hub_config, {**RENDER, "description": {**SIMPLE, "jupyterhub_spawner": {"iamge": "x"}}}, "jupyterhub_spawner.iamge is not a known setting"),
    (hub_config, {**RENDER, "description": {**SIMPLE, "jupyterhub_users": []}}, "jupyterhub_users has no admin"),
    (hub_config, {**RENDER, "engine": {"users_subnet": "172.31.248.0/21", "sokcet": "x"}}, "engine.sokcet is not a known setting; did you mean engine.socket?"),
    (hub_secrets, {"description": GITHUB, "path": "{path}"}, "the secret oauth_client_secret must be given"),
    (hub_secrets, {"description": {**SIMPLE, "jupyterhub_rotate_secrets": ["x"]}, "path": "{path}"}, "jupyterhub_rotate_secrets has 'x'"),
    (docker_remove, {"description": {"jupyterhub_name": "../x"}}, "jupyterhub_name is '../x'"),
]


@pytest.mark.parametrize(("module", "args", "message"), FAILURES, ids=[message for _module, _args, message in FAILURES])
def test_a_failure_is_one_sentence(
    capfd: pytest.CaptureFixture[str], tmp_path: pathlib.Path, module: types.ModuleType, args: dict[str, t.Any], message: str
) -> None:
    found = call(module, capfd, **{key: value.replace("{path}", str(tmp_path / "x")) if isinstance(value, str) else value for key, value in args.items()})
    assert found["failed"]
    assert message in found["msg"]
    assert "\n" not in found["msg"]
    assert not (tmp_path / "x").exists()


def test_a_disk_that_is_full_is_one_sentence(capfd: pytest.CaptureFixture[str], tmp_path: pathlib.Path) -> None:
    with mock.patch.object(files, "write", side_effect=OSError(28, "No space left on device", f"{tmp_path}/compose.yaml")):
        found = call(hub_config, capfd, **RENDER, path=str(tmp_path))
    assert found["msg"] == f"{tmp_path}/compose.yaml cannot be read or written: No space left on device; check who owns it and whether the disk is full"


def test_a_library_that_is_missing_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    module = types.ModuleType("missing")

    def main() -> None:
        door.open_door(AnsibleModule(argument_spec={}), lambda _module: {}, {"PyYAML": ImportError("No module named 'yaml'")})

    vars(module)["main"] = main
    found = call(module, capfd)
    assert found["failed"]
    assert "Failed to import the required Python library (PyYAML)" in found["msg"]


NAMES = [f"lab-{service}" for service in running.SERVICES]


class Engine:
    """The engine of a hub that runs: states of its containers, an edge that has loaded something, a hub that answers."""

    def __init__(self, hub: HubServer) -> None:
        self.hub = hub
        self.states = dict.fromkeys(NAMES, "healthy")
        self.said = dict.fromkeys(NAMES, "") | {"lab-edge": "one\n"}
        self.serves, self.delivered, self.broken = "one", "one", ""
        self.reloads = 0

    def container(self, name: str) -> dict[str, t.Any]:
        state = self.states[name]
        health = {"Status": state, "FailingStreak": 0, "Log": [{"ExitCode": 0, "Output": self.said[name]}]}
        state_of = {"Status": state} if state == "exited" else {"Status": "running", "Running": True, "Health": health}
        return {"Name": f"/{name}", "State": state_of, "Config": {"Healthcheck": {"Test": ["CMD", "curl", "--silent", "http://127.0.0.1:8080/edge/health"]}}}

    def __call__(self, command: list[str], **_options: t.Any) -> tuple[int, bytes, bytes]:
        words = command[1:]
        if words[:2] == ["container", "inspect"]:
            return 0, json.dumps([self.container(name) for name in words[2:] if name in self.states]).encode(), b""
        if words[-1] == "-t":
            return (1, b"", self.broken.encode()) if self.broken else (0, b"", b"")
        if words[-2:] == ["-s", "reload"]:
            self.reloads += 1
            self.serves = self.delivered
        elif "curl" in words:
            return 0, f"{self.serves}\n".encode(), b""
        return 0, b"", b""


@pytest.fixture
def engine() -> t.Iterator[Engine]:
    with serve() as hub:
        made = Engine(hub)
        hub.groups, hub.properties = {people.GROUP: set()}, {people.GROUP: people.remember({}, people.described(Hub.from_variables(SIMPLE)))}
        with (
            mock.patch.object(AnsibleModule, "run_command", lambda _self, command, **options: made(command, **options)),
            mock.patch.object(running, "ContainerLine", lambda _docker, container: {"lab-hub": UrlLine(Place(hub.url), TOKEN)}[container]),
        ):
            yield made


def ready(capfd: pytest.CaptureFixture[str], version: str = "one", **args: t.Any) -> t.Any:
    return call(docker_ready, capfd, **{"description": {**SIMPLE, "docker_compose_wait_timeout": 0}, "edge_version": version, **args})


def test_a_hub_that_is_as_it_should_be_is_left_alone(capfd: pytest.CaptureFixture[str], engine: Engine) -> None:
    found = ready(capfd)
    assert not found["changed"]
    assert found["version"] == "6.1.1"
    assert engine.reloads == 0
    assert all(call.startswith("GET ") for call in engine.hub.calls)


def test_the_edge_is_made_to_load_what_was_delivered(capfd: pytest.CaptureFixture[str], engine: Engine) -> None:
    engine.delivered = "two"
    assert ready(capfd, "two", _ansible_check_mode=True)["changed"]
    assert engine.reloads == 0
    assert ready(capfd, "two")["changed"]
    assert engine.reloads == 1
    assert not ready(capfd, "two")["changed"]


def test_a_configuration_that_the_edge_refuses_is_not_loaded(capfd: pytest.CaptureFixture[str], engine: Engine) -> None:
    engine.delivered, engine.broken = "two", "unknown directive"
    assert ready(capfd, "two")["msg"] == "the edge refuses its new configuration and goes on with the old one: unknown directive"
    assert engine.reloads == 0


def test_people_that_changed_are_a_change(capfd: pytest.CaptureFixture[str], engine: Engine) -> None:
    args: dict[str, t.Any] = {"description": {**SIMPLE, "jupyterhub_users": [*SIMPLE["jupyterhub_users"], {"name": "jenny"}]}}
    assert ready(capfd, **args, _ansible_check_mode=True)["added"] == ["jenny"]
    assert "jenny" not in engine.hub.users
    assert ready(capfd, **args)["changed"]
    assert "jenny" in engine.hub.users
    assert not ready(capfd, **args)["changed"]


UNHEALTHY: list[tuple[dict[str, str], dict[str, str], str]] = [
    (
        {"lab-guard": "starting", "lab-proxy": "unhealthy"},
        {"lab-proxy": "no answer\n"},
        "the container lab-proxy is not healthy: no answer; see: docker logs lab-proxy",
    ),
    ({"lab-guard": "starting"}, {"lab-guard": "not yet"}, "the container lab-guard is not healthy: not yet"),
    ({"lab-edge": "exited"}, {}, "the container lab-edge is not healthy: exited"),
    ({"lab-edge": "gone"}, {}, "the container lab-edge is not healthy: it does not exist"),
]


@pytest.mark.parametrize(("states", "said", "message"), UNHEALTHY, ids=[message for _states, _said, message in UNHEALTHY])
def test_a_container_that_does_not_become_healthy_is_named_with_what_it_says(
    capfd: pytest.CaptureFixture[str], engine: Engine, states: dict[str, str], said: dict[str, str], message: str
) -> None:
    engine.states |= states
    engine.said |= said
    engine.states = {name: state for name, state in engine.states.items() if state != "gone"}
    assert message in ready(capfd)["msg"]
    assert engine.hub.calls == []


# --- a hub that runs

JENNY = {"users": [{"name": "Jenny", "groups": ["course"]}]}


@pytest.fixture
def at_url(tmp_path: pathlib.Path) -> t.Iterator[tuple[HubServer, dict[str, t.Any]]]:
    """A hub, and the options with which a module asks it."""
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text(TOKEN)
    with serve() as hub:
        yield hub, {"url": hub.url, "token_file": str(token)}


def test_people_are_predicted_then_added_then_done_with(capfd: pytest.CaptureFixture[str], at_url: tuple[HubServer, dict[str, t.Any]]) -> None:
    hub, place = at_url
    predicted = call(hub_users, capfd, **place, **JENNY, _ansible_check_mode=True, _ansible_diff=True)
    assert all(request.startswith("GET ") for request in hub.calls)
    done = call(hub_users, capfd, **place, **JENNY)
    assert (done["added"], done["joined"]) == (predicted["added"], predicted["joined"]) == (["jenny"], {"course": ["jenny"]})
    assert predicted["diff"] == {"before": "byhand\ngeoheil admin\nleft\n", "after": "byhand\ngeoheil admin\njenny\nleft\ngroup course: jenny\n"}
    assert not call(hub_users, capfd, **place, **JENNY)["changed"]
    gone = call(hub_users, capfd, **place, users=[{"name": "jenny"}], state="absent", user_data="keep")
    assert (gone["removed"], "jenny" in hub.users) == (["jenny"], False)


UNASKED: list[tuple[dict[str, t.Any], str]] = [
    ({}, "one of the following is required: name, token_file"),
    ({"name": "lab", "token_file": "/x"}, "parameters are mutually exclusive: name|token_file"),
    ({"token_file": "/nowhere/token"}, "missing parameter(s) required by 'token_file': url"),
    ({"url": "http://127.0.0.1:9/", "token_file": "/nowhere/token"}, "token_file is '/nowhere/token', which cannot be read"),
]


@pytest.mark.parametrize(("options", "message"), UNASKED, ids=[message for _options, message in UNASKED])
def test_a_hub_that_cannot_be_asked_is_one_sentence(capfd: pytest.CaptureFixture[str], options: dict[str, t.Any], message: str) -> None:
    found = call(hub_users, capfd, **options)
    assert found["failed"]
    assert found["msg"].startswith(message)
    assert "\n" not in found["msg"]
