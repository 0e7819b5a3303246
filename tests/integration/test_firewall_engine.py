# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall on a real bridge of a real engine, with a hub, a proxy, user servers and a neighbour network of containers.

Everything that is expected to be blocked is first seen to work without the firewall, or is counted by the rule that drops it.
Needs an engine and VDSG_TEST_IMAGE, the name of a local image with python3 and iptables.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest

from ansible_collections.vdsg.jupyterhub.tests.integration.conftest import image_name, until

PROGRAM = Path(__file__).parents[2] / "roles" / "jupyterhub" / "files" / "firewall.py"
NAME = "test-firewall"
LABELS = {"vdsg.jupyterhub.name": NAME, "vdsg.jupyterhub.component": "test"}
HOST_PORT, PUBLISHED_PORT = 48731, 48732
PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"]
docker_py: Any = docker
pytestmark = pytest.mark.usefixtures("image")

LISTEN = """
import socket, sys, threading, time
def serve(port):
    server = socket.create_server(("0.0.0.0", port))
    while True:
        server.accept()[0].close()
for port in map(int, sys.argv[1:]):
    threading.Thread(target=serve, args=(port,), daemon=True).start()
time.sleep(3600)
"""
PROBE = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1).close()
except OSError as error:
    sys.exit(f"{error}")
"""
SEND = "import socket, sys; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', (sys.argv[1], int(sys.argv[2])))"


@pytest.fixture(scope="module")
def engine(client: Any) -> Iterator[Any]:
    clean(client)
    yield client
    clean(client)


def clean(client: Any) -> None:
    """Take away what a run that was broken off left behind: containers, networks, volumes, and rules."""
    chosen = {"label": f"vdsg.jupyterhub.name={NAME}"}
    for container in client.containers.list(all=True, filters=chosen):
        with contextlib.suppress(docker_py.errors.NotFound):
            container.remove(force=True, v=True)
    for hub in (A, B):
        firewall(client, hub, "remove")
    for kind in (client.networks, client.volumes):
        for item in kind.list(filters=chosen):
            item.remove()


def files(**contents: str) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in contents.items():
            entry = tarfile.TarInfo(name.replace("_", "."))
            data = text.encode()
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return archive.getvalue()


@dataclass
class Hub:
    letter: str
    subnet: str
    allow: list[dict[str, Any]] = field(default_factory=list)

    @property
    def chain(self) -> str:
        return f"JH-testfw0{self.letter}"

    @property
    def bridge(self) -> str:
        return f"jh-testfw0{self.letter}"

    def address(self, last: int) -> str:
        return f"{self.subnet.rsplit('.', 1)[0]}.{last}"

    def description(self) -> dict[str, Any]:
        return {
            "name": NAME,
            "chain": self.chain,
            "bridge": self.bridge,
            "subnet": self.subnet,
            "trusted": [self.address(2), self.address(3)],
            "inside": [{"address": self.address(2), "port": 8081, "protocol": "tcp"}],
            "egress": {"default": "accept", "allow": self.allow, "deny": PRIVATE},
            "ready": "/run/firewall/ready",
        }


A, B = Hub("a", "172.31.196.0/24", [{"cidr": "10.255.254.1/32", "ports": [5432]}]), Hub("b", "172.31.197.0/24")


def firewall(client: Any, hub: Hub, *command: str, **more: Any) -> Any:
    """Run the program as a deployment does: host network, two capabilities, read-only root, files in a volume. Short ones are waited for."""
    options = {
        "network_mode": "host",
        "user": "0:0",
        "cap_drop": ["ALL"],
        "cap_add": ["NET_ADMIN", "NET_RAW"],
        "security_opt": ["no-new-privileges"],
        "read_only": True,
        "tmpfs": {"/run": ""},
        "volumes": [f"{NAME}-files-{hub.letter}:/etc/firewall", f"{NAME}-ready-{hub.letter}:/run/firewall"],
        "labels": LABELS,
        **more,
    }
    for volume in ("files", "ready"):
        client.volumes.create(f"{NAME}-{volume}-{hub.letter}", labels=LABELS)
    program = ["python3", "/etc/firewall/firewall.py", *command]
    container = client.containers.create(image_name(), program, **options)
    container.put_archive("/etc/firewall", files(firewall_py=PROGRAM.read_text(), firewall_json=json.dumps(hub.description())))
    container.start()
    if command[-1] == "run":
        return container
    try:
        assert container.wait(timeout=30)["StatusCode"] == 0, container.logs().decode()
        return container.logs().decode()
    finally:
        container.remove(force=True)


def iptables(container: Any, *arguments: str, program: str = "iptables") -> str:
    """Run iptables where the firewall runs, by the implementation that the engine uses."""
    done = container.exec_run([f"{program}-{implementation(container)}", "-w", "10", *arguments])
    assert done.exit_code == 0, done.output.decode()
    return "\n".join(line for line in done.output.decode().splitlines() if not line.startswith("#"))


def implementation(container: Any) -> str:
    ready = until(lambda: re.search(r'"tables": \["iptables-(nft|legacy)"', container.logs().decode()), "the firewall is ready")
    return str(ready[1])


def ready(container: Any) -> bool:
    return bool(container.exec_run(["python3", "/etc/firewall/firewall.py", "check"]).exit_code == 0)


def rules_of(text: str, hub: Hub) -> list[str]:
    return [line for line in text.splitlines() if hub.chain in line]


def written(container: Any) -> int:
    return int(container.logs().decode().count('"event": "written"'))


@dataclass
class World:
    engine: Any
    servers: dict[str, Any]
    neighbour: str

    def reaches(self, who: str, address: str, port: int) -> bool:
        return bool(self.servers[who].exec_run(["python3", "-c", PROBE, address, str(port)]).exit_code == 0)

    def sends(self, who: str, address: str, port: int) -> None:
        done = self.servers[who].exec_run(["python3", "-c", SEND, address, str(port)])
        assert done.exit_code == 0, done.output.decode()

    def address(self, who: str) -> str:
        self.servers[who].reload()
        (network,) = self.servers[who].attrs["NetworkSettings"]["Networks"].values()
        return str(network["IPAddress"])


def server(client: Any, who: str, network: str, ports: list[int], address: str = "", **more: Any) -> Any:
    container = client.api.create_container(
        image_name(),
        ["python3", "-c", LISTEN, *map(str, ports)],
        name=f"{NAME}-{who}",
        labels=LABELS,
        host_config=client.api.create_host_config(network_mode=network, init=True, **more),
        networking_config=client.api.create_networking_config({network: client.api.create_endpoint_config(ipv4_address=address or None)})
        if network != "host"
        else None,
        ports=list(more.get("port_bindings", {})),
    )
    client.api.start(container["Id"])
    return client.containers.get(container["Id"])


def bridge(client: Any, name: str, subnet: str, device: str) -> str:
    first = subnet.rsplit(".", 1)[0]
    pool = docker_py.types.IPAMPool(subnet=subnet, iprange=f"{first}.128/25", gateway=f"{first}.1")
    client.networks.create(name, labels=LABELS, ipam=docker_py.types.IPAMConfig(pool_configs=[pool]), options={"com.docker.network.bridge.name": device})
    return name


@pytest.fixture(scope="module")
def world(engine: Any) -> World:
    """Two hubs, a neighbour network with a published port, and a program on the host; no firewall yet."""
    neighbour = bridge(engine, f"{NAME}-neighbour", "172.31.198.0/24", "jh-testfw0n")
    servers = {
        "target": server(engine, "target", neighbour, [8080], "172.31.198.9", port_bindings={8080: PUBLISHED_PORT}),
        "host": server(engine, "host", "host", [HOST_PORT]),
    }
    for hub in (A, B):
        users = bridge(engine, f"{NAME}-users-{hub.letter}", hub.subnet, hub.bridge)
        servers[f"hub-{hub.letter}"] = server(engine, f"hub-{hub.letter}", users, [8081, 9999], hub.address(2))
        servers[f"proxy-{hub.letter}"] = server(engine, f"proxy-{hub.letter}", users, [8000, 8001], hub.address(3))
        for number in (1, 2):
            servers[f"user-{hub.letter}{number}"] = server(engine, f"user-{hub.letter}{number}", users, [8888])
    made = World(engine, servers, "172.31.198.9")
    until(lambda: made.reaches("user-a1", A.address(3), 8001), "the servers listen")
    return made


BLOCKED: dict[str, Callable[[World], tuple[str, int]]] = {
    "another user server": lambda world: (world.address("user-a2"), 8888),
    "the proxy": lambda _world: (A.address(3), 8000),
    "the proxy's API": lambda _world: (A.address(3), 8001),
    "another port of the hub": lambda _world: (A.address(2), 9999),
    "this host at the gateway": lambda _world: (A.address(1), HOST_PORT),
    "this host at the gateway of another network": lambda _world: ("172.31.198.1", HOST_PORT),
    "a published port of this host": lambda _world: ("172.31.198.1", PUBLISHED_PORT),
    "a published port of this host at its own gateway": lambda _world: (A.address(1), PUBLISHED_PORT),
}


@pytest.fixture(scope="module")
def open_before(world: World) -> dict[str, bool]:
    return {what: world.reaches("user-a1", *where(world)) for what, where in BLOCKED.items()}


@pytest.fixture(scope="module")
def wall(engine: Any, world: World, open_before: dict[str, bool]) -> Any:
    assert world
    assert open_before
    container = firewall(engine, A, "--interval", "0.3", "run")
    until(lambda: ready(container), "the firewall is ready")
    return container


@pytest.mark.parametrize("what", BLOCKED)
def test_a_user_server_no_longer_reaches(world: World, open_before: dict[str, bool], wall: Any, what: str) -> None:
    assert wall
    assert open_before[what], "without the firewall it was reached, or this proves nothing"
    assert not world.reaches("user-a1", *BLOCKED[what](world))


def counted(wall: Any, chain: str, pattern: str) -> int:
    """Return how many packets the rules of a chain that match the pattern have met."""
    lines = iptables(wall, "-t", "filter", "-L", chain, "-v", "-x", "-n").splitlines()
    return sum(int(line.split()[0]) for line in lines if re.search(pattern, line))


COUNTED: dict[str, tuple[str, int, str]] = {
    "cloud metadata": ("169.254.169.254", 80, r"DROP .* 169\.254\.0\.0/16"),
    "a private range": ("10.255.254.2", 22, r"DROP .* 10\.0\.0\.0/8"),
    "another private range": ("192.168.77.77", 80, r"DROP .* 192\.168\.0\.0/16"),
    "another port of what is opened": ("10.255.254.1", 22, r"DROP .* 10\.0\.0\.0/8"),
    "a container of another network": ("172.31.198.9", 8080, r"DROP .* 172\.16\.0\.0/12"),
    "a user server of another hub": (B.address(129), 8888, r"DROP .* 172\.16\.0\.0/12"),
}


@pytest.mark.parametrize("what", COUNTED)
def test_the_rule_drops_what_a_user_server_sends_to(world: World, wall: Any, what: str) -> None:
    address, port, rule = COUNTED[what]
    before = counted(wall, A.chain, rule)
    assert not world.reaches("user-a1", address, port)
    assert counted(wall, A.chain, rule) > before


def test_a_group_and_everybody_are_not_reached(world: World, wall: Any) -> None:
    bridged = rf"DROP .* \* +{A.bridge} "
    before = counted(wall, A.chain, bridged)
    world.sends("user-a1", "224.0.0.251", 5353)
    until(lambda: counted(wall, A.chain, bridged) > before, "the rule drops the multicast packet")


def test_a_user_server_reaches_what_is_open(world: World, wall: Any) -> None:
    assert world.reaches("user-a1", A.address(2), 8081)
    # Names may be asked for; what is opened by the description, and the world, pass (whether anybody answers there or not).
    nameserver = re.search(rf"-A {A.chain} -d ([0-9.]+)/32 -p udp", iptables(wall, "-S"))
    assert nameserver
    passing = [
        (nameserver[1], 53, rf"RETURN .* {re.escape(nameserver[1])} .*udp dpt:53"),
        ("10.255.254.1", 5432, r"RETURN .* 10\.255\.254\.1 .*tcp dpt:5432"),
        ("192.0.2.7", 443, r"RETURN +\S+ +-- +\* +\* +0\.0\.0\.0/0 +0\.0\.0\.0/0 *$"),
    ]
    before = [counted(wall, A.chain, rule) for _address, _port, rule in passing]
    for address, port, _rule in passing:
        if port == 53:
            world.sends("user-a1", address, port)
        else:
            world.reaches("user-a1", address, port)
    assert all(counted(wall, A.chain, rule) > earlier for earlier, (_address, _port, rule) in zip(before, passing, strict=True))


def test_hub_and_proxy_reach_everything_they_need(world: World, wall: Any) -> None:
    assert wall
    for who in ("hub-a", "proxy-a"):
        assert world.reaches(who, world.address("user-a1"), 8888)
        assert world.reaches(who, A.address(1), HOST_PORT)
    assert world.reaches("proxy-a", A.address(2), 9999)
    assert world.reaches("hub-a", A.address(3), 8001)


def test_this_host_reaches_a_user_server_and_no_other_network_does(world: World, wall: Any) -> None:
    assert world.reaches("host", world.address("user-a1"), 8888)
    before = counted(wall, A.chain + "-TO", "DROP")
    assert not world.reaches("target", world.address("user-a1"), 8888)
    assert counted(wall, A.chain + "-TO", "DROP") > before


def test_a_forged_address_is_dropped_first(wall: Any) -> None:
    for chain in (A.chain, f"{A.chain}-HOST"):
        assert iptables(wall, "-S", chain).splitlines()[1] == f"-A {chain} ! -s {A.subnet} -j DROP"


def test_ipv6_is_shut(wall: Any) -> None:
    if wall.exec_run(["ip6tables-nft", "-S"]).exit_code:
        assert "ip6tables" not in wall.logs().decode()
        return
    text = iptables(wall, "-S", program="ip6tables")
    assert f"-A INPUT -i {A.bridge} -j {A.chain}" in text
    assert f"-A FORWARD -o {A.bridge} -j {A.chain}" in text
    assert f"-A {A.chain} -j DROP" in text


REPAIRS: dict[str, list[list[str]]] = {
    "the chain flushed": [["-F", A.chain]],
    "a rule taken out": [["-D", A.chain, "-d", "169.254.0.0/16", "-j", "DROP"]],
    "a rule put in": [["-I", A.chain, "1", "-j", "RETURN"]],
    "the call taken out": [["-D", "DOCKER-USER", "-i", A.bridge, "-j", A.chain]],
    "the call at the door taken out": [["-D", "INPUT", "-i", A.bridge, "-j", f"{A.chain}-HOST"]],
    "everything open before": [["-I", "DOCKER-USER", "1", "-i", A.bridge, "-j", "ACCEPT"], ["-I", "INPUT", "1", "-i", A.bridge, "-j", "ACCEPT"]],
}


@pytest.mark.parametrize("damage", REPAIRS.values(), ids=list(REPAIRS))
def test_damage_is_repaired(world: World, wall: Any, damage: list[list[str]]) -> None:
    expected, before = rules_of(iptables(wall, "-S"), A), written(wall)
    for command in damage:
        iptables(wall, *command)
    try:
        until(lambda: written(wall) > before, "the firewall notices")
        until(lambda: rules_of(iptables(wall, "-S"), A) == expected, "the firewall repairs")
        assert not world.reaches("user-a1", world.address("user-a2"), 8888)
        assert not world.reaches("user-a1", A.address(1), HOST_PORT)
        assert ready(wall)
    finally:
        for command in damage:
            if command[0] == "-I" and command[1] in ("DOCKER-USER", "INPUT"):
                iptables(wall, "-D", command[1], *command[3:])


@pytest.mark.parametrize("kind", ["nft", "legacy"])
def test_a_host_whose_rules_were_all_flushed_is_repaired(engine: Any, kind: str) -> None:
    """In a network namespace of its own, so that the flush is really one of everything; for both implementations."""
    alone = firewall(engine, B, "run", network_mode="none", entrypoint=["python3", "-c", LIKE_AN_ENGINE, f"iptables-{kind}"])
    try:
        assert implementation(alone) == kind
        expected = rules_of(iptables(alone, "-S"), B)
        assert len(expected) > 20
        repaired_after(alone, expected, lambda: iptables(alone, "-F"))
        repaired_after(alone, expected, lambda: [alone.exec_run([f"iptables-{kind}", word]) for word in ("-F", "-X")])
        until(lambda: ready(alone), "the sign is shown")
    finally:
        alone.remove(force=True)


LIKE_AN_ENGINE = """
import os, subprocess, sys
for words in (["-N", "DOCKER-USER"], ["-A", "FORWARD", "-j", "DOCKER-USER"]):
    subprocess.run([sys.argv[1], *words], check=True)
os.execvp("python3", ["python3", "/etc/firewall/firewall.py", "--interval", "0.2", "run"])
"""


def repaired_after(alone: Any, expected: list[str], damage: Callable[[], Any]) -> None:
    before = written(alone)
    damage()
    until(lambda: written(alone) > before, "the firewall notices")
    until(lambda: rules_of(iptables(alone, "-S"), B) == expected, "the firewall repairs")
    assert "-A FORWARD -j DOCKER-USER" in iptables(alone, "-S")


def test_without_the_engine_s_chain_there_is_no_sign(engine: Any) -> None:
    alone = firewall(engine, B, "--interval", "0.2", "run", network_mode="none")
    try:
        until(lambda: "no chain DOCKER-USER" in alone.logs().decode(), "the firewall says what is missing")
        assert not ready(alone)
    finally:
        alone.remove(force=True)


def test_rules_that_are_removed_beside_the_running_firewall_stay_away(engine: Any) -> None:
    """As the deployment removes a hub: start the firewall if it was stopped, execute `remove` in it at once, remove the container."""
    running = firewall(engine, B, "--interval", "0.1", "run")
    try:
        assert running.exec_run(["python3", "/etc/firewall/firewall.py", "remove"]).exit_code == 0
        until(lambda: '"event": "removed"' in running.logs().decode(), "the firewall gives up")
        left = running.exec_run(["iptables-nft", "-S"]).output.decode() + running.exec_run(["ip6tables-nft", "-S"]).output.decode()
        assert not rules_of(left, B)
        running.restart(timeout=5)
        until(lambda: ready(running), "a restart writes them again")
    finally:
        running.remove(force=True)
        firewall(engine, B, "remove")


def test_two_hubs_side_by_side_until_both_are_gone(engine: Any, world: World, wall: Any) -> None:
    of_a = rules_of(iptables(wall, "-S"), A)
    second = firewall(engine, B, "--interval", "0.3", "run")
    until(lambda: ready(second), "the second firewall is ready")
    settled = (written(wall), written(second))
    assert not world.reaches("user-b1", world.address("user-b2"), 8888)
    assert not world.reaches("user-b1", world.address("user-a1"), 8888)
    assert world.reaches("user-b1", B.address(2), 8081)
    assert not world.reaches("user-a1", world.address("user-a2"), 8888)
    assert world.reaches("user-a1", A.address(2), 8081)
    assert (written(wall), written(second)) == settled, "neither undoes what the other wrote"

    # One ends: its rules stay. It is removed: they go, and the other's do not.
    second.stop(timeout=5)
    assert second.wait()["StatusCode"] == 0
    assert rules_of(iptables(wall, "-S"), B)
    assert not world.reaches("user-b1", world.address("user-b2"), 8888)
    assert "removed" in firewall(engine, B, "remove")
    assert not rules_of(iptables(wall, "-S"), B)
    assert world.reaches("user-b1", world.address("user-b2"), 8888)
    assert rules_of(iptables(wall, "-S"), A) == of_a
    assert not world.reaches("user-a1", world.address("user-a2"), 8888)

    wall.stop(timeout=5)
    wall.start()  # a restart of the firewall itself changes nothing
    until(lambda: ready(wall), "the firewall is ready again")
    assert rules_of(iptables(wall, "-S"), A) == of_a
    wall.kill()
    assert not world.reaches("user-a1", world.address("user-a2"), 8888)
    assert "removed" in firewall(engine, A, "remove")
    assert "nothing to remove" in firewall(engine, A, "remove")
    assert world.reaches("user-a1", world.address("user-a2"), 8888)
    look = "import subprocess; [subprocess.run([p, '-S']) for p in ('iptables-nft', 'ip6tables-nft')]"
    left = firewall(engine, A, "look", entrypoint=["python3", "-c", look])
    assert "-P FORWARD" in left
    assert not rules_of(left, A) + rules_of(left, B)
