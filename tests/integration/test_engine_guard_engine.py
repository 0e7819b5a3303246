# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard between a real docker-py and a real engine: what a spawner does works, and every way out that we know of is shut.

Needs an engine on a local socket and VDSG_TEST_IMAGE, the name of a local image with python3.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from ansible_collections.vdsg.jupyterhub.tests.integration.conftest import until

PROGRAM = Path(__file__).parents[2] / "roles" / "jupyterhub" / "files" / "engine_guard.py"
NAME, OTHER = "test-guard", "test-guard-other"
USERS = "test-guard-users"
PREFIX = "test-guard-user-"
HOME = "/home/jovyan/work"
MARK = "test-guard-escape"
SLEEP = ["python3", "-c", f"import time; time.sleep(600)  # {MARK}"]
docker_py: Any = docker


def labels(component: str, name: str = NAME) -> dict[str, str]:
    return {"vdsg.jupyterhub.name": name, "vdsg.jupyterhub.component": component}


@pytest.fixture(scope="module")
def engine(client: Any) -> Iterator[Any]:
    clean(client)
    yield client
    clean(client)


def clean(client: Any) -> None:
    chosen = [{"label": f"vdsg.jupyterhub.name={name}"} for name in (NAME, OTHER)]
    for container in [item for filters in chosen for item in client.containers.list(all=True, filters=filters)]:
        with contextlib.suppress(docker_py.errors.NotFound):
            container.remove(force=True, v=True)
    for item in [item for filters in chosen for kind in (client.volumes, client.networks) for item in kind.list(filters=filters)]:
        item.remove()


@pytest.fixture(scope="module")
def world(engine: Any, image: str) -> dict[str, Any]:
    """What a taken-over hub would like to reach: a hub's container, another hub's user server, their volumes, another network."""
    engine.networks.create(USERS, labels=labels("network"))
    engine.networks.create("test-guard-engine", labels=labels("network"))
    engine.volumes.create("test-guard-data", labels=labels("data"))
    engine.volumes.create(f"{PREFIX}foreign", labels=labels("user-data", OTHER))
    hub = engine.containers.run(image, SLEEP, name="test-guard-hub", labels=labels("hub"), detach=True, network=USERS, init=True)
    foreign = engine.containers.run(image, SLEEP, name=f"{PREFIX}of-other", labels=labels("singleuser", OTHER), detach=True, network=USERS, init=True)
    return {"hub": hub.id, "foreign": foreign.id}


def socket_of(engine: Any) -> str:
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        pytest.fail(f"these tests need an engine on a local socket, not {host}", pytrace=False)
    assert engine.ping()
    return host.removeprefix("unix://")


@dataclass
class Running:
    """A guard process: where it listens, what it logs."""

    port: int
    log: Path
    config: Path
    process: subprocess.Popen[bytes]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def client(self) -> Any:
        return docker_py.APIClient(base_url=f"tcp://127.0.0.1:{self.port}", version="auto", timeout=30)

    def raw(self, request: bytes) -> tuple[int, bytes]:
        """Send bytes as they are and return the status and the rest of the first answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(request)
            answer = b""
            with contextlib.suppress(ConnectionError):
                while piece := connection.recv(65536):
                    answer += piece
        status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0
        return status, answer

    def call(self, method: str, target: str, body: bytes = b"", headers: str = "Content-Type: application/json\r\n") -> tuple[int, bytes]:
        head = f"{method} {target} HTTP/1.1\r\nHost: guard\r\nConnection: close\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        return self.raw(head.encode("utf-8", "surrogateescape") + body)


def start_guard(directory: Path, image: str, path: str, **change: Any) -> Running:
    directory.mkdir(exist_ok=True)
    config, log = directory / "guard.json", directory / "guard.log"
    policy = {
        "name": NAME,
        "host": "127.0.0.1",
        "port": 0,
        "socket": path,
        "images": [image],
        "network": USERS,
        "container_prefix": PREFIX,
        "mounts": [{"source_prefix": PREFIX, "target": HOME, "read_only": False}],
        "labels": labels("singleuser"),
        "pids_limit": 200,
        "log_options": {"max-size": "1m", "max-file": "2"},
        "firewall_ready": None,
        **change,
    }
    config.write_text(json.dumps(policy))
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, str(PROGRAM), "--config", str(config)], stderr=stream)
    running = Running(0, log, config, process)

    def listening() -> int:
        assert process.poll() is None, log.read_text()
        return next((line["port"] for line in running.lines() if line["event"] == "listening"), 0)

    running.port = until(listening, "the guard listens")
    return running


def stop_guard(running: Running) -> None:
    running.process.terminate()
    assert running.process.wait(20) == 0


@pytest.fixture(scope="module")
def guard(engine: Any, image: str, world: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    assert world
    running = start_guard(tmp_path_factory.mktemp("guard"), image, socket_of(engine))
    yield running
    stop_guard(running)


def seen(engine: Any) -> dict[str, Any]:
    """Everything of these tests that the engine has, and the state of the containers."""
    containers = {
        item["Id"]: (item["Names"], item["State"], item["Created"])
        for item in engine.api.containers(all=True)
        if MARK in item["Command"] or any(name.startswith("/test-guard") for name in item["Names"])
    }
    volumes = sorted(item["Name"] for item in engine.api.volumes()["Volumes"] or [] if item["Name"].startswith("test-guard"))
    networks = {item.name: sorted(item.attrs["Containers"]) for item in engine.networks.list(names=["test-guard"], greedy=True)}
    return {"containers": containers, "volumes": volumes, "networks": networks}


@pytest.fixture
def unchanged(engine: Any, guard: Running) -> Iterator[None]:
    before = seen(engine)
    yield
    assert seen(engine) == before
    assert guard.process.poll() is None


# --- what a spawner does ---------------------------------------------------------------------------------------------------------


def host_config(client: Any, name: str = "ada", **more: Any) -> Any:
    binds = {f"{PREFIX}{name}": {"bind": HOME, "mode": "rw"}}
    return client.create_host_config(**{"auto_remove": False, "binds": binds, "links": {}, "mounts": [], "network_mode": USERS, **more})


def spawn(client: Any, image: str, name: str = "ada", command: list[str] | None = None, **more: Any) -> str:
    """What DockerSpawner.create_object does; `more` goes to the host config."""
    created = client.create_container(
        image=image,
        environment={"JUPYTERHUB_API_TOKEN": "a-secret-token"},
        volumes=[HOME],
        name=PREFIX + name,
        command=command or SLEEP,
        ports={"8888/tcp": None},
        host_config=host_config(client, name, **more),
    )
    return str(created["Id"])


STATUS = """
import pathlib, time
status = dict(line.split(":\\t", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines() if ":\\t" in line)
print("caps", status["CapEff"], status["CapBnd"], "nnp", status["NoNewPrivs"], "pid1", pathlib.Path("/proc/1/comm").read_text().strip(), flush=True)
time.sleep(600)
"""


def test_a_server_is_made_used_and_taken_away(engine: Any, guard: Running, image: str) -> None:
    client = guard.client()
    assert client.ping()
    assert client.inspect_image(image)["Id"] == engine.images.get(image).id
    with pytest.raises(docker_py.errors.NotFound):
        client.inspect_container(f"{PREFIX}ada")

    container = spawn(client, image, command=["python3", "-c", STATUS], mem_limit="128m", cpu_period=100000, cpu_quota=50000)
    client.start(container)
    inspected = client.inspect_container(f"{PREFIX}ada")
    assert inspected["Id"] == container
    assert inspected["State"]["Running"]
    assert inspected["NetworkSettings"]["Networks"][USERS]["IPAddress"]

    real = engine.containers.get(container)
    built = real.attrs["HostConfig"]
    assert real.labels.items() >= labels("singleuser").items()
    assert list(real.attrs["NetworkSettings"]["Networks"]) == [USERS]
    assert (built["CapDrop"], built["SecurityOpt"], built["PidsLimit"], built["Init"]) == (["ALL"], ["no-new-privileges"], 200, True)
    assert built["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}
    assert (built["Memory"], built["CpuQuota"], built["Privileged"], built["RestartPolicy"]["Name"]) == (128 * 1024**2, 50000, False, "no")
    assert [(item["Type"], item["Name"], item["Destination"]) for item in real.attrs["Mounts"]] == [("volume", f"{PREFIX}ada", HOME)]
    assert engine.volumes.get(f"{PREFIX}ada").attrs["Labels"] == labels("user-data")
    facts = until(lambda: real.logs(stderr=False).decode().split(), "the server tells what it may do")
    assert facts == ["caps", "0" * 16, "0" * 16, "nnp", "1", "pid1", "docker-init"]

    client.stop(container, timeout=1)
    assert not client.inspect_container(container)["State"]["Running"]
    client.start(container)
    client.stop(f"{PREFIX}ada", timeout=1)
    client.remove_container(container, v=True)
    with pytest.raises(docker_py.errors.NotFound):
        client.inspect_container(container)
    # The user's work outlives the server.
    assert engine.volumes.get(f"{PREFIX}ada")
    assert "a-secret-token" not in guard.log.read_text()


def test_a_server_that_removes_itself(engine: Any, guard: Running, image: str) -> None:
    client = guard.client()
    container = spawn(client, image, "brief", auto_remove=True)
    client.start(container)
    client.stop(container, timeout=1)
    with contextlib.suppress(docker_py.errors.APIError):  # 404 or 409, as DockerSpawner expects
        client.remove_container(container, v=True)
    until(lambda: not engine.containers.list(all=True, filters={"name": f"{PREFIX}brief"}), "the container goes")
    assert engine.volumes.get(f"{PREFIX}brief")


def test_a_second_server_of_one_name_is_a_conflict(guard: Running, image: str) -> None:
    client = guard.client()
    container = spawn(client, image, "twice")
    with pytest.raises(docker_py.errors.APIError, match="already in use"):
        spawn(client, image, "twice")
    client.remove_container(container, force=True)


def test_a_volume_that_was_there_before_is_used(engine: Any, guard: Running, image: str) -> None:
    engine.volumes.create(f"{PREFIX}old")
    try:
        client = guard.client()
        client.remove_container(spawn(client, image, "old"))
    finally:
        engine.volumes.get(f"{PREFIX}old").remove()


def health(guard: Running) -> int:
    """Return what the container's health check says of a guard."""
    return subprocess.run([sys.executable, str(PROGRAM.with_name("health.py")), "127.0.0.1", str(guard.port), "/_ping"], check=False).returncode


def test_the_health_check_follows_the_guard_and_the_engine(guard: Running, image: str, tmp_path: Path) -> None:
    assert health(guard) == 0
    without = start_guard(tmp_path, image, str(tmp_path / "no.sock"))
    try:
        assert without.call("GET", "/_ping")[0] == 502
        assert health(without) == 1
    finally:
        stop_guard(without)
    assert health(without) == 1


def test_nothing_starts_before_the_firewall(engine: Any, guard: Running, image: str, tmp_path: Path) -> None:
    sign = tmp_path / "ready"
    waiting = start_guard(tmp_path / "waiting", image, socket_of(engine), firewall_ready=str(sign))
    made = spawn(guard.client(), image, "early")
    try:
        client = waiting.client()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        for content, age in ((None, 0), ("another boot", 0), (boot, 61)):
            if content is not None:
                sign.write_text(content)
                os.utime(sign, (time.time() - age, time.time() - age))
            with pytest.raises(docker_py.errors.APIError, match="the firewall is not in place") as refused:
                client.start(made)
            assert refused.value.response.status_code == 503
            with pytest.raises(docker_py.errors.APIError, match="the firewall is not in place"):
                spawn(client, image, "later")
            assert client.inspect_container(made)["State"]["Status"] == "created"
        sign.write_text(boot)
        client.start(made)
        assert client.inspect_container(made)["State"]["Running"]
    finally:
        stop_guard(waiting)
        guard.client().remove_container(made, force=True)


# --- ways out --------------------------------------------------------------------------------------------------------------------

HOST_CONFIGS: dict[str, dict[str, Any]] = {
    "privileged": {"privileged": True},
    "a capability": {"cap_add": ["SYS_ADMIN"]},
    "a device": {"devices": ["/dev/null:/dev/x:rwm"]},
    "a GPU": {"device_requests": [docker_py.types.DeviceRequest(count=-1, capabilities=[["gpu"]])]},
    "device rules": {"device_cgroup_rules": ["a *:* rwm"]},
    "the root directory": {"binds": {"/": {"bind": HOME, "mode": "rw"}}},
    "the socket": {"binds": {"/var/run/docker.sock": {"bind": f"{HOME}/docker.sock", "mode": "rw"}}},
    "the hub's volume": {"binds": {"test-guard-data": {"bind": HOME, "mode": "ro"}}},
    "another hub's volume by name": {"binds": {f"{PREFIX}foreign": {"bind": HOME, "mode": "rw"}}},
    "its volume over /etc": {"binds": {f"{PREFIX}eve": {"bind": "/etc", "mode": "rw"}}},
    "a bind mount": {"binds": {}, "mounts": [docker_py.types.Mount(HOME, "/", type="bind")]},
    "a volume driver that binds": {
        "binds": {},
        "mounts": [
            docker_py.types.Mount(
                HOME,
                f"{PREFIX}eve",
                driver_config=docker_py.types.DriverConfig("local", {"type": "none", "o": "bind", "device": "/"}),
            )
        ],
    },
    "the host's network": {"network_mode": "host"},
    "the engine's network": {"network_mode": "test-guard-engine"},
    "the hub's network namespace": {"network_mode": "container:test-guard-hub"},
    "the host's processes": {"pid_mode": "host"},
    "the hub's processes": {"pid_mode": "container:test-guard-hub"},
    "the host's IPC": {"ipc_mode": "host"},
    "the host's UTS": {"uts_mode": "host"},
    "the host's users": {"userns_mode": "host"},
    "no seccomp": {"security_opt": ["seccomp=unconfined"]},
    "no apparmor": {"security_opt": ["apparmor=unconfined"]},
    "volumes of the hub": {"volumes_from": ["test-guard-hub"]},
    "a published port": {"port_bindings": {8888: 48888}},
    "restart always": {"restart_policy": {"Name": "always"}},
    "a cgroup parent": {"cgroup_parent": "/"},
    "a sysctl": {"sysctls": {"net.ipv4.ip_forward": "1"}},
    "a link to the hub": {"links": {"test-guard-hub": "hub"}},
    "names of its own": {"extra_hosts": {"hub": "10.0.0.1"}},
    "a log driver": {"log_config": docker_py.types.LogConfig(type="syslog", config={"syslog-address": "tcp://10.0.0.1:514"})},
    "never killed": {"oom_kill_disable": True},
    "a runtime": {"runtime": "runc"},
    "a tmpfs": {"tmpfs": {"/x": "exec"}},
    "a group": {"group_add": ["0"]},
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("more", HOST_CONFIGS.values(), ids=list(HOST_CONFIGS))
def test_a_way_out_by_the_host_config_is_refused(guard: Running, image: str, more: dict[str, Any]) -> None:
    with pytest.raises(docker_py.errors.APIError, match="engine guard") as refused:
        spawn(guard.client(), image, "eve", **more)
    assert refused.value.response.status_code == 403
    assert guard.lines()[-1]["event"] == "refused"


CLIENT_CALLS: dict[str, Callable[[Any, str, dict[str, Any]], Any]] = {
    "list containers": lambda client, _image, _world: client.containers(all=True),
    "list images": lambda client, _image, _world: client.images(),
    "information on the host": lambda client, _image, _world: client.info(),
    "pull": lambda client, _image, _world: client.pull("alpine", "latest"),
    "tag an image as an allowed one": lambda client, image, _world: client.tag(image, image.split(":")[0], "evil"),
    "build": lambda client, _image, _world: list(client.build(path="http://127.0.0.1/x")),
    "commit the hub": lambda client, _image, world: client.commit(world["hub"]),
    "make a volume": lambda client, _image, _world: client.create_volume("test-guard-evil", "local", {"type": "none", "o": "bind", "device": "/"}),
    "remove a volume": lambda client, _image, _world: client.remove_volume("test-guard-data", force=True),
    "make a network": lambda client, _image, _world: client.create_network("test-guard-evil"),
    "join a network": lambda client, _image, world: client.connect_container_to_network(world["hub"], "test-guard-engine"),
    "inspect the hub": lambda client, _image, _world: client.inspect_container("test-guard-hub"),
    "inspect the hub by id": lambda client, _image, world: client.inspect_container(world["hub"]),
    "inspect by a short id": lambda client, _image, world: client.inspect_container(world["hub"][:12]),
    "stop the hub": lambda client, _image, world: client.stop(world["hub"], timeout=0),
    "start the hub": lambda client, _image, world: client.start(world["hub"]),
    "remove the hub": lambda client, _image, world: client.remove_container(world["hub"], force=True),
    "stop another hub's server": lambda client, _image, _world: client.stop(f"{PREFIX}of-other", timeout=0),
    "remove another hub's server": lambda client, _image, world: client.remove_container(world["foreign"], force=True),
    "kill": lambda client, _image, world: client.kill(world["foreign"]),
    "run a command in the hub": lambda client, _image, world: client.exec_create(world["hub"], "id"),
    "attach to the hub": lambda client, _image, world: client.attach(world["hub"]),
    "logs of the hub": lambda client, _image, world: client.logs(world["hub"]),
    "files of the hub": lambda client, _image, world: client.get_archive(world["hub"], "/etc/shadow"),
    "files into the hub": lambda client, _image, world: client.put_archive(world["hub"], "/", b""),
    "export the hub": lambda client, _image, world: next(iter(client.export(world["hub"]))),
    "rename": lambda client, _image, world: client.rename(world["foreign"], f"{PREFIX}mine"),
    "more memory": lambda client, _image, world: client.update_container(world["foreign"], mem_limit="1g"),
    "prune": lambda client, _image, _world: client.prune_containers(),
    "a swarm": lambda client, _image, _world: client.init_swarm("127.0.0.1"),
    "a plugin": lambda client, _image, _world: list(client.pull_plugin("evil/plugin", [])),
    "another image": lambda client, _image, _world: client.create_container("alpine", SLEEP, name=f"{PREFIX}eve"),
    "an image by its id": lambda client, image, _world: client.create_container(client.inspect_image(image)["Id"], SLEEP, name=f"{PREFIX}eve"),
    "no name": lambda client, image, _world: client.create_container(image, SLEEP),
    "the hub's name": lambda client, image, _world: client.create_container(image, SLEEP, name="test-guard-proxy"),
    "another platform": lambda client, image, _world: client.create_container(image, SLEEP, name=f"{PREFIX}eve", platform="linux/amd64"),
    "root": lambda client, image, _world: client.create_container(image, SLEEP, name=f"{PREFIX}eve", user="root"),
    "UID 0": lambda client, image, _world: client.create_container(image, SLEEP, name=f"{PREFIX}eve", user=0),
    "another hub's label": lambda client, image, _world: client.create_container(image, SLEEP, name=f"{PREFIX}eve", labels={"vdsg.jupyterhub.name": OTHER}),
    "a label for a reverse proxy": lambda client, image, _world: client.create_container(image, SLEEP, name=f"{PREFIX}eve", labels={"traefik.enable": "true"}),
    "an alias of the hub's": lambda client, image, _world: client.create_container(
        image,
        SLEEP,
        name=f"{PREFIX}eve",
        networking_config=client.create_networking_config({USERS: client.create_endpoint_config(aliases=["hub"])}),
    ),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("attempt", CLIENT_CALLS.values(), ids=list(CLIENT_CALLS))
def test_a_call_that_no_spawner_makes_is_refused(guard: Running, image: str, world: dict[str, Any], attempt: Callable[[Any, str, dict[str, Any]], Any]) -> None:
    with pytest.raises(docker_py.errors.APIError) as refused:
        attempt(guard.client(), image, world)
    assert refused.value.response.status_code in (403, 405)
    assert guard.lines()[-1]["event"] == "refused"


CREATE = f"/v1.41/containers/create?name={PREFIX}eve"


def body(image: str, **more: Any) -> bytes:
    return json.dumps({"Image": image, "Cmd": SLEEP, **more}).encode()


def chunked(data: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(data[at : at + 7]), data[at : at + 7]) for at in range(0, len(data), 7)) + b"0\r\n\r\n"


def head(target: str = CREATE, headers: str = "", method: str = "POST") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: guard\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}\r\n".encode()


def smuggled(image: str) -> bytes:
    inner = head() + body(image, HostConfig={"Privileged": True})
    return head("/_ping", f"Content-Length: {len(inner)}\r\nTransfer-Encoding: chunked\r\n", "GET") + b"0\r\n\r\n" + inner


RAW: dict[str, Callable[[str, dict[str, Any]], bytes]] = {
    "a key in lower case": lambda image, _w: with_length(head, body(image, HostConfig={"privileged": True})),
    "a section in lower case": lambda image, _w: with_length(head, body(image, hostconfig={"Privileged": True})),
    "two sections of one name": lambda image, _w: with_length(head, body(image, HostConfig={})[:-1] + b', "HostConfig": {"Privileged": true}}'),
    "two sections in two cases": lambda image, _w: with_length(head, body(image, HostConfig={})[:-1] + b', "HOSTCONFIG": {"Privileged": true}}'),
    "a key with a long s": lambda image, _w: with_length(head, body(image, HostConfig={"Bind\u017f": ["/:/x"]}).replace(b"\\u017f", "\u017f".encode())),
    "a second document": lambda image, _w: with_length(head, body(image) + body(image, HostConfig={"Privileged": True})),
    "in chunks": lambda image, _w: head(headers="Transfer-Encoding: chunked\r\n") + chunked(body(image, HostConfig={"Privileged": True})),
    "with two lengths": lambda image, _w: (
        head(headers=f"Content-Length: 2\r\nContent-Length: {len(body(image))}\r\n") + body(image, HostConfig={"Privileged": True})
    ),
    "smuggled behind a ping": lambda image, _w: smuggled(image),
    "compressed": lambda image, _w: with_length(lambda headers: head(headers=headers + "Content-Encoding: gzip\r\n"), gzip.compress(body(image)), encoded=True),
    "as a form": lambda image, _w: with_length(head, body(image)).replace(b"application/json", b"application/x-www-form-urlencoded"),
    "a huge body": lambda image, _w: with_length(head, body(image, Env=["A=" + "x" * (2 * 1024 * 1024)])),
    "a deep body": lambda _image, _w: with_length(head, b"[" * 200000),
    "the name twice": lambda image, _w: with_length(lambda headers: head(f"{CREATE}&name=test-guard-hub2", headers), body(image), encoded=True),
    "the name encoded": lambda image, _w: with_length(lambda headers: head(CREATE.replace("eve", "%65ve"), headers), body(image), encoded=True),
    "an old version": lambda image, _w: with_length(lambda headers: head(CREATE.replace("1.41", "1.20"), headers), body(image), encoded=True),
    "a doubled slash": lambda image, _w: with_length(lambda headers: head("/" + CREATE, headers), body(image), encoded=True),
    "a way up": lambda image, _w: with_length(lambda headers: head(CREATE.replace("/containers", "/../v1.41/containers"), headers), body(image), encoded=True),
    "an encoded way up": lambda _image, _w: head("/v1.41/containers/%2e%2e/info", method="GET"),
    "an encoded slash": lambda _image, _w: head(f"/v1.41/containers/{PREFIX}eve%2f..%2ftest-guard-hub/json", method="GET"),
    "an encoded letter": lambda _image, _w: head("/v1.41/%63ontainers/json", method="GET"),
    "a whole address": lambda _image, _w: head("http://engine/v1.41/info", method="GET"),
    "events": lambda _image, _w: head("/v1.41/events", method="GET"),
    "a tunnel": lambda _image, _w: head("guard:2375", method="CONNECT"),
    "an upgrade": lambda _image, world: with_length(
        lambda headers: (
            f"POST /v1.41/containers/{world['hub']}/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: guard\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n{headers}\r\n"
        ).encode(),
        b"",
        encoded=True,
    ),
    "an upgrade on a ping": lambda _image, _w: b"GET /_ping HTTP/1.1\r\nHost: guard\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "a session": lambda _image, _w: b"POST /session HTTP/1.1\r\nHost: guard\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "a body at start": lambda _image, world: with_length(
        lambda headers: head(f"/v1.41/containers/{world['foreign']}/start", headers), b'{"Privileged": true}', encoded=True
    ),
    "a line in the name": lambda image, _w: with_length(lambda headers: head(CREATE + "%0d%0aX:%20y", headers), body(image), encoded=True),
}


def with_length(make: Callable[..., bytes], data: bytes, encoded: bool = False) -> bytes:
    length = f"Content-Length: {len(data)}\r\n"
    return (make(length) if encoded else make(headers=length)) + data


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("attempt", RAW.values(), ids=list(RAW))
def test_bytes_that_could_be_read_in_two_ways_are_refused(
    guard: Running, image: str, world: dict[str, Any], attempt: Callable[[str, dict[str, Any]], bytes]
) -> None:
    status, answer = guard.raw(attempt(image, world))
    assert 400 <= status < 500, answer[:300]
    assert answer.count(b"HTTP/1.") == 1, answer[:300]


def test_a_plain_create_by_hand_is_let_through(guard: Running, image: str) -> None:
    """The counterpart of the attempts above: without the trick, the same bytes make a server, in chunks too."""
    for request in (with_length(head, body(image)), head(headers="Transfer-Encoding: chunked\r\n") + chunked(body(image))):
        status, answer = guard.raw(request)
        assert status == 201, answer
        assert guard.call("DELETE", f"/v1.41/containers/{PREFIX}eve?force=1")[0] == 204


def test_what_is_refused_is_logged_in_one_line_each_without_values(guard: Running, image: str) -> None:
    before = len(guard.lines())
    status, answer = guard.call("POST", CREATE, body(image, Env=["TOKEN=very-secret"], HostConfig={"Privileged": True}))
    assert status == 403
    assert "HostConfig.Privileged" in json.loads(answer.split(b"\r\n\r\n", 1)[1])["message"]
    assert "jupyterhub_spawner" in answer.decode()
    (line,) = guard.lines()[before:]
    assert (line["event"], line["field"], line["path"]) == ("refused", "HostConfig.Privileged", "/v1.41/containers/create")
    assert "very-secret" not in guard.log.read_text()
