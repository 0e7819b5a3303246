# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall of one node of a swarm: user servers reach the hub's API, name servers and what is opened to them; not each other.

A user server is on two networks. Through the overlay `users` the proxy and the hub reach it from any node; it has no way out. Through the bridge
`egress`, one on each node, it reaches what firewall.py lets it. This program runs on every node, on both networks, and with them in sight:

* what passes the bridge is judged on the host by the rules of firewall.py;
* what passes the overlay never meets the host's rules: the engine bridges it in a network namespace of its own, and there the rules are put. Only the
  addresses that the engine's DNS has for the hub and the proxy may begin a connection to a user server.

That this container is on both networks keeps both there, so that the rules are in place before the first user server is.

Facts (Engine 20.10): the namespace of an overlay is /run/docker/netns/1-ID, its bridge br0; br_netfilter's switch is on in each new namespace; a bridge of
the scope swarm is called br-ID and gets its addresses on each node.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import ipaddress
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import firewall
from firewall import FirewallError, Tables, Target

HOST = "/run/host-net"
NAMESPACES = Path("/run/docker/netns")
HOST_RESOLV_CONF = Path("/run/host-resolv.conf")
ROUTES = "/proc/net/route"
SWITCH = "/proc/sys/net/bridge/bridge-nf-call-iptables"
LOOK_AT_NAMES = 1.0
INTERVAL = 10.0


@dataclasses.dataclass(frozen=True)
class NodeConfig:
    """What node-firewall.json says: names of the hub and of what else may begin connections, and the rest as in firewall.json."""

    name: str
    chain: str
    hub: str
    trusted: tuple[str, ...]
    port: int
    egress: Mapping[str, Any]
    nameservers: tuple[str, ...]
    ready: str


def read_config(text: str) -> NodeConfig:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise FirewallError(f"node-firewall.json is not JSON: {error}") from None
    known = [field.name for field in dataclasses.fields(NodeConfig)]
    if not isinstance(data, dict) or sorted(data) != sorted(known):
        raise FirewallError(f"node-firewall.json must have exactly the keys {', '.join(known)}")
    return NodeConfig(**{**data, "trusted": tuple(data["trusted"]), "nameservers": tuple(data["nameservers"])})


def subnets(routes: str) -> dict[str, str]:
    """Return the networks that are linked to interfaces, from the text of /proc/net/route: network -> interface."""
    found = {}
    for line in routes.splitlines()[1:]:
        fields = line.split()
        destination, gateway, mask = (ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(fields[index]), "little")) for index in (1, 2, 7))
        if int(mask) and not int(gateway):
            found[f"{destination}/{mask.exploded}"] = fields[0]
    return {str(ipaddress.IPv4Network(network)): interface for network, interface in found.items()}


def on_the_host(config: NodeConfig, bridge: str, subnet: str) -> Any:
    """Return what firewall.py is to keep on the host: nobody on the bridge is trusted, nobody of it is reached."""
    text = {
        "name": config.name,
        "chain": config.chain,
        "bridge": bridge,
        "subnet": subnet,
        "trusted": [],
        "inside": [],
        "egress": config.egress,
        "ready": config.ready,
        "nameservers": list(config.nameservers),
    }
    return firewall.read_config(json.dumps(text))


def in_the_overlay(chain: str, hub: Iterable[str], trusted: Iterable[str], port: int) -> dict[str, list[str]]:
    """Return the rules of the overlay: who is trusted begins connections, everybody reaches the hub's API, and that is all."""
    allowed = [f"-s {address}/32 -j RETURN" for address in sorted({*hub, *trusted})]
    api = [rule for address in sorted(hub) for rule in firewall._to(Target(f"{address}/32", "tcp", (port,)), "RETURN")]
    return {chain: [firewall.ESTABLISHED, *allowed, *api, "-j DROP"]}


@dataclasses.dataclass(frozen=True)
class TablesIn(Tables):
    """The packet filter of another network namespace."""

    namespace: str = ""

    def _run(self, command: list[str], text: str = "") -> str:
        return str(super()._run(["nsenter", f"--net={self.namespace}", *command], text))


def read_in(namespace: str, path: str) -> str:
    """Return a file of /proc as a network namespace sees it; nothing where that is gone."""
    done = subprocess.run(["nsenter", f"--net={namespace}", "cat", path], capture_output=True, text=True, timeout=10, check=False)
    return done.stdout if not done.returncode else ""


def addresses(names: Iterable[str]) -> set[str]:
    """Return what the engine's DNS knows of services, on the networks that they share with us."""
    found: set[str] = set()
    for name in names:
        try:
            found |= {str(entry[4][0]) for entry in socket.getaddrinfo(f"tasks.{name}", None, socket.AF_INET, socket.SOCK_STREAM)}
        except OSError:
            continue
    return found


def nameservers() -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    with contextlib.suppress(OSError):
        found = firewall.read_nameservers(HOST_RESOLV_CONF.read_text())
    return found or tuple(firewall.ENGINE_NAME_SERVERS)


class NodeFirewall:
    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self.own = subnets(Path(ROUTES).read_text())
        self.host: Any = None
        self.overlay = ""

    def find(self) -> None:
        """Find the bridge on the host and the namespace of the overlay, by the networks that we are on ourselves."""
        outside = subnets(read_in(HOST, ROUTES))
        shared = [(outside[network], network) for network in self.own if outside.get(network, "").startswith("br-")]
        spaces = [str(path) for path in sorted(NAMESPACES.glob("1-*")) if self.is_ours(str(path))]
        if len(shared) != 1 or len(spaces) != 1:
            raise FirewallError(f"the networks of the user servers are not found on this node: bridges {shared}, overlays {spaces}")
        self.host = on_the_host(self.config, *shared[0])
        self.overlay = spaces[0]

    def is_ours(self, namespace: str) -> bool:
        """Whether a namespace has the bridge of an overlay that we are on."""
        return any(interface == "br0" and network in self.own for network, interface in subnets(read_in(namespace, ROUTES)).items())

    def host_tables(self) -> list[TablesIn]:
        """Return the implementation that the engine of the host uses."""
        found = []
        for command in ("iptables-nft", "iptables-legacy"):
            tables = TablesIn(command, HOST)
            try:
                if "-N DOCKER-USER" in tables.read():
                    found.append(tables)
            except FirewallError:
                continue
        return found

    def ensure(self) -> None:
        """Write the rules where they are not in place, and read them back; raise FirewallError when they do not hold."""
        self.find()
        for namespace in (HOST, self.overlay):
            if read_in(namespace, SWITCH).strip() != "1":
                raise FirewallError("user servers cannot be kept apart: load br_netfilter on this node and set net.bridge.bridge-nf-call-iptables=1")
        tables = self.host_tables()
        if not tables:
            raise FirewallError("no chain DOCKER-USER: the engine must manage iptables itself (not `iptables: false`, not its nftables backend)")
        for each in tables:
            put(each, firewall.rules(self.host, nameservers()), firewall.jumps(self.host))
        put(TablesIn("ip6tables-nft", HOST), firewall.rules6(self.host), firewall.jumps6(self.host))
        self.ensure_overlay()

    def ensure_overlay(self) -> None:
        hub = addresses([self.config.hub])
        wanted = in_the_overlay(self.config.chain, hub, addresses(self.config.trusted), self.config.port)
        put(TablesIn("iptables-nft", self.overlay), wanted, [("FORWARD", f"-j {self.config.chain}")])
        put(TablesIn("ip6tables-nft", self.overlay), {self.config.chain: ["-j DROP"]}, [("FORWARD", f"-j {self.config.chain}")])

    def show_ready(self) -> None:
        Path(self.config.ready).write_text(firewall.BOOT_ID.read_text())

    def run(self, interval: float) -> int:
        """Keep the rules. The names are looked at every second: a hub that is replaced has another address, and waits to be let in."""
        told: tuple[str, str] = ("", "")
        known: set[str] = set()
        last = -interval
        while True:
            try:
                names = addresses([self.config.hub, *self.config.trusted])
                if time.monotonic() - last >= interval:
                    self.ensure()
                    last = time.monotonic()
                elif names != known:
                    self.ensure_overlay()
                known = names
                self.show_ready()
                state, reason = "ready", ""
            except (FirewallError, OSError, subprocess.SubprocessError) as error:
                # The guard starts nothing while a node's firewall is not well.
                Path(self.config.ready).unlink(missing_ok=True)
                last = -interval
                state, reason = "not ready", str(error)
            if told != (state, reason):
                firewall.note(state, name=self.config.name, overlay=self.overlay, bridge=self.host.bridge if self.host else "", reason=reason)
            told = (state, reason)
            time.sleep(LOOK_AT_NAMES)

    def remove(self) -> int:
        """Take the rules of the host away; those of the overlay go with it."""
        chains = (self.config.chain, f"{self.config.chain}-TO", f"{self.config.chain}-HOST")
        for command in ("iptables-nft", "iptables-legacy", "ip6tables-nft"):
            tables = TablesIn(command, HOST)
            try:
                text = firewall.removal_text(tables.read(), chains)
            except FirewallError:
                continue
            if text:
                tables.restore(text)
        return 0


def put(tables: Tables, wanted: Mapping[str, list[str]], called: list[tuple[str, str]]) -> None:
    """Write rules where they are missing; raise FirewallError when they are not there afterwards."""
    current = tables.read()
    if not firewall.faults(current, wanted, called):
        return
    tables.restore(firewall.restore_text(current, wanted, called))
    if left := firewall.faults(tables.read(), wanted, called):
        raise FirewallError(f"{tables.command}: written, and yet {'; '.join(left)}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Keep the user servers of a hub on this node apart from each other, from this host and from private networks.")
    parser.add_argument("--config", type=Path, default=Path("/etc/firewall/node-firewall.json"))
    parser.add_argument("--interval", type=float, default=INTERVAL, help="seconds between two looks at all rules")
    parser.add_argument("command", choices=("run", "check", "remove"))
    options = parser.parse_args(arguments)
    try:
        config = read_config(options.config.read_text(encoding="utf-8"))
        if options.command == "check":
            path = Path(config.ready)
            fresh = path.is_file() and firewall.is_fresh(path.read_text(), path.stat().st_mtime, time.time(), firewall.BOOT_ID.read_text())
            return 0 if fresh else 1
        node = NodeFirewall(config)
        return node.run(options.interval) if options.command == "run" else node.remove()
    except (OSError, FirewallError) as error:
        print(f"firewall: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
