# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub that people work at, while its description changes, its parts break and its deployment is broken off: docker compose.

One user has a kernel open from the beginning to the end, and each test says over the same socket that it is still there.
"""

from __future__ import annotations

import json
import pathlib
import socket
import ssl
import threading
import typing as t
import urllib.parse
import uuid

import pytest
import websocket

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import SERVICES, short_id
from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, HubError, Kernel, KernelError, LoginRefused, until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Account, Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import DockerEngine, Engine, probe_code, run
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import Moment, Plays, lives, login, owned, restarted

SECOND = "molecule2"
SECOND_PORTS = {"bind_address": "127.0.0.1", "http_port": 18081, "https_port": 18444}
LIST_RULES = ("--rm", "--network=host", "--cap-drop=ALL", "--cap-add=NET_ADMIN", "--cap-add=NET_RAW", "--user=0", "--entrypoint=iptables-save")


def rules(name: str, image: str) -> list[str]:
    """Return the lines of the host's packet filter that are a hub's."""
    return [line for line in run("docker", "run", *LIST_RULES, image).splitlines() if f"JH-{short_id(name)}" in line]


def presents(settings: Settings, name: str) -> bool:
    """Whether the hub has a certificate for this name."""
    port = urllib.parse.urlsplit(settings.need("--hub-url")).port or 443
    context = ssl.create_default_context(cafile=settings.need("--hub-ca"))
    with socket.create_connection((settings.get("--hub-address") or settings.host, port), timeout=5) as connection:
        try:
            context.wrap_socket(connection, server_hostname=name).close()
        except ssl.SSLCertVerificationError:
            return False
    return True


@pytest.fixture(scope="module")
def image(name: str) -> str:
    """The image of the hub."""
    return run("docker", "container", "inspect", "--format", "{{.Image}}", f"{name}-hub").strip()


@pytest.fixture(scope="module")
def second(settings: Settings, project: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Plays]:
    """Another hub beside the first, which is gone in the end."""
    variables = {"jupyterhub_network": SECOND_PORTS, "docker_compose_project_dir": str(project.parent / SECOND)}
    plays = Plays(json.loads(settings.need("--hub-play")), tmp_path_factory.mktemp("plays"), SECOND, **variables)
    yield plays
    if owned(SECOND):
        plays.remove(data=True)


class Witness:
    """A kernel that remembers something, and one socket to it that is used all the time: a server closes one that does not answer its pings."""

    def __init__(self, client: HubClient) -> None:
        self.memory = uuid.uuid4().hex
        self._client = client
        self._kernel: Kernel = client.kernel()
        self._kernel.execute(f"memory = {self.memory!r}")
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._trouble = ""
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while not self._over.wait(0.5):
            self.trouble()

    def execute(self, code: str) -> str:
        """Run code in the kernel, over this socket."""
        with self._lock:
            return self._kernel.execute(code)

    def trouble(self) -> str:
        """Return what happened to the kernel or to this very socket since it was opened: nothing, it is to be hoped."""
        if not self._trouble:
            try:
                memory = self.execute("print(memory)")
                self._trouble = "" if memory == self.memory else f"the kernel remembers {memory}"
            except (OSError, websocket.WebSocketException, KernelError) as error:
                self._trouble = repr(error)
        return self._trouble

    def reconnect(self) -> None:
        """Open another socket to the same kernel, where the proxy had to go."""
        with self._lock:
            self._kernel.disconnect()
            self._kernel = self._client.kernel(self._kernel.id)
            self._trouble = ""

    def __enter__(self) -> Witness:
        return self

    def __exit__(self, *error: object) -> None:
        self.leave()

    def leave(self) -> None:
        self._over.set()
        self._thread.join()
        self._kernel.disconnect()


@pytest.fixture(scope="module")
def witness(alice: HubClient) -> t.Iterator[Witness]:
    found = Witness(alice)
    yield found
    found.leave()


# ---- The description changes


def test_people_come_and_go_and_nothing_restarts(
    settings: Settings, plays: Plays, name: str, admin: HubClient, people: list[Account], witness: Witness
) -> None:
    bob = settings.start(people[-1])
    password = people[0].password
    admin.api("POST", "users/dora")
    bob.write_file("kept.txt", "bob was here")
    before = lives(name)
    plays.deploy(users=[{"name": admin.username, "admin": True}, {"name": people[0].name}, {"name": "carol"}])
    assert restarted(before, lives(name)) == {f"user-{bob.username}"}
    # Who was added by hand stays.
    for newcomer in ("carol", "dora"):
        assert login(settings, newcomer, password).username == newcomer
    with pytest.raises(LoginRefused):
        login(settings, bob.username, password)
    with pytest.raises(HubError, match="403"):
        bob.api("GET", "user")
    assert f"{name}-user-{bob.username}" in owned(name)
    assert witness.trouble() == ""


def test_admin_mark_comes_and_goes(
    settings: Settings, plays: Plays, name: str, admin: HubClient, accounts: list[Account], people: list[Account], witness: Witness
) -> None:
    admin_password = next(account.password for account in accounts if account.admin)
    users = [{"name": admin.username, "admin": True}, {"name": people[0].name}, {"name": people[-1].name}]
    before = lives(name)
    plays.deploy(users=[*users, {"name": "carol", "admin": True}])
    # The hub itself has made her one as it started.
    assert "admins added: carol" in plays.said
    carol = login(settings, "carol", admin_password)
    assert carol.api("GET", "user").json()["admin"] is True
    plays.deploy(users=[*users, {"name": "carol"}])
    assert carol.api("GET", "user").json()["admin"] is False
    with pytest.raises(HubError, match="403"):
        carol.api("GET", "users")
    assert restarted(before, lives(name)) <= {"hub"}
    assert witness.trouble() == ""
    assert {"carol", "dora"} <= {user["name"] for user in admin.api("GET", "users").json()}
    # Somebody who comes back finds everything again.
    assert settings.start(people[-1]).read_file("kept.txt") == "bob was here"


def test_change_of_limits_replaces_the_hub_alone(settings: Settings, plays: Plays, name: str, people: list[Account], witness: Witness) -> None:
    before = lives(name)
    plays.deploy(spawner={"mem_limit": "640M"})
    assert restarted(before, lives(name)) == {"hub"}
    assert witness.trouble() == ""
    carol = login(settings, "carol", people[0].password)
    carol.start_server()
    server = json.loads(run("docker", "container", "inspect", f"{name}-user-carol"))[0]
    assert server["HostConfig"]["Memory"] == 640 * 2**20
    carol.stop_server()


def test_new_certificate_is_loaded_without_a_restart(settings: Settings, plays: Plays, name: str, witness: Witness) -> None:
    before = lives(name)
    assert not presents(settings, "further.test")
    plays.deploy(tls={"mode": "self_signed", "names": ["further.test"]})
    until(lambda: presents(settings, "further.test"), 5, "the new certificate")
    assert restarted(before, lives(name)) == set()
    assert witness.trouble() == ""


def test_new_proxy_token_replaces_hub_and_proxy(plays: Plays, name: str, witness: Witness) -> None:
    before = lives(name)
    plays.deploy_once(rotate_secrets=["proxy_token"])
    witness.reconnect()
    assert witness.trouble() == ""
    assert restarted(before, lives(name)) == {"hub", "proxy"}


# ---- Something breaks


def test_killed_proxy_comes_back_with_its_routes(plays: Plays, name: str, witness: Witness) -> None:
    before = lives(name)
    run("docker", "kill", f"{name}-proxy")
    plays.deploy()
    witness.reconnect()
    assert witness.trouble() == ""
    assert restarted(before, lives(name)) == {"proxy"}


def test_what_was_changed_by_hand_is_put_back(plays: Plays, name: str, hub: Engine, image: str, project: pathlib.Path, witness: Witness) -> None:
    before = lives(name)
    originals = {path: path.read_text() for path in (project / "compose.yaml", project / "hub/jupyterhub_config.py", project / "edge/nginx.conf")}
    for path, text in originals.items():
        path.write_text(text[: len(text) // 2])
    run("docker", "run", "--rm", "--user=0", "--entrypoint=rm", f"--volume={name}-hub-files:/files", image, "/files/servers.py")
    run("docker", "stop", f"{name}-hub", f"{name}-guard")
    assert plays.deploy() > 0
    assert {path: path.read_text() for path in originals} == originals
    assert "def configure" in hub.python("hub", "print(open('/etc/jupyterhub/servers.py').read())")
    assert restarted(before, lives(name)) == {"hub", "guard"}
    assert witness.trouble() == ""
    assert plays.deploy() == 0


@pytest.mark.parametrize("moment", [Moment("extract-to-dir", "delivery"), Moment("create", "hub"), Moment("destroy", "hub")], ids="-".join)
def test_what_was_broken_off_is_finished_by_the_next_run(moment: Moment, settings: Settings, plays: Plays, name: str, witness: Witness) -> None:
    further = f"{'-'.join(moment)}.test"
    plays.break_off(moment, spawner={"mem_limit": "640M", "environment": {"MOMENT": further}}, tls={"mode": "self_signed", "names": [further]})
    plays.deploy()
    until(lambda: presents(settings, further), 5, "the new certificate")
    assert witness.trouble() == ""
    assert {component for component in lives(name) if not component.startswith("user-")} == set(SERVICES)
    assert plays.deploy() == 0


# ---- Another hub on the same engine


def test_second_hub_keeps_to_itself(
    settings: Settings, second: Plays, name: str, image: str, project: pathlib.Path, alice: HubClient, witness: Witness
) -> None:
    before = lives(name)
    place = project.parent / SECOND
    second.break_off(Moment("create", "proxy"))
    second.deploy()
    assert second.deploy() == 0
    client = HubClient(f"https://{settings.host}:{SECOND_PORTS['https_port']}", ca=str(place / "authority.pem"), options=alice.options)
    with pytest.raises(LoginRefused):
        client.login(alice.username, (project / "secrets/user_password").read_text().strip())
    client.login(alice.username, (place / "secrets/user_password").read_text().strip())
    client.start_server()

    assert holdings(name) & holdings(SECOND) == set()
    alice.write_file("first.txt", "of the first hub")
    with pytest.raises(HubError, match="404"):
        client.read_file("first.txt")
    engines = DockerEngine(name), DockerEngine(SECOND)
    targets = [[(address, 8888) for address in engine.addresses(f"user-{alice.username}").values()] for engine in engines]
    assert set(engines[0].reach("hub", targets[0]).values()) == set(engines[1].reach("hub", targets[1]).values()) == {"open"}
    with client.kernel() as kernel:
        assert "open" not in json.loads(kernel.execute(probe_code(targets[0])))
    assert "open" not in json.loads(witness.execute(probe_code(targets[1])))

    assert rules(SECOND, image)
    second.remove(data=True)
    assert (owned(SECOND), rules(SECOND, image), place.exists()) == (set(), [], False)
    assert lives(name) == before
    assert witness.trouble() == ""


def holdings(name: str) -> set[str]:
    """Return the networks and volumes that the containers of a hub use; the host's own network is the firewall's."""
    entries = [entry for entry in DockerEngine(name).inspect() if "State" in entry]
    networks = {network for entry in entries for network in entry["NetworkSettings"]["Networks"]} - {"host"}
    return networks | {mount["Name"] for entry in entries for mount in entry["Mounts"] if mount["Type"] == "volume"}


# ---- The hub is removed


def test_removal_keeps_what_people_made(plays: Plays, name: str, image: str, project: pathlib.Path, alice: HubClient) -> None:
    alice.write_file("kept.txt", "alice was here")
    assert rules(name, image)
    secrets = {path.name: path.read_text() for path in (project / "secrets").iterdir()}
    plays.remove()
    assert owned(name) == {f"{name}-data", *(f"{name}-user-{person}" for person in (alice.username, "bob", "carol"))}
    assert rules(name, image) == []
    assert [path.name for path in project.iterdir()] == ["secrets"]
    plays.deploy()
    assert {path.name: path.read_text() for path in (project / "secrets").iterdir()} == secrets
    # The same cookies, too: nobody is logged out by it.
    alice.start_server()
    assert alice.read_file("kept.txt") == "alice was here"


def test_removal_with_data_leaves_nothing(plays: Plays, name: str, image: str, project: pathlib.Path) -> None:
    plays.remove(data=True)
    assert (owned(name), rules(name, image), project.exists()) == (set(), [], False)
