# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall of the users' bridge: user servers reach the hub's API, name servers and what is opened to them; nothing else here.

`run` writes the rules, reads them back every few seconds, repairs them and touches the sign that the engine guard waits for. The rules
stay when it ends: closed is the safe side. `remove` takes them away, `check` tells a health check whether the sign is fresh.

The upper half turns a description into the text of one iptables-restore transaction (pure functions); the lower half runs programs.

Facts: every packet that the engine forwards passes DOCKER-USER before the engine's own rules (FORWARD); packets between two ports of one
bridge pass FORWARD only while net.bridge.bridge-nf-call-iptables is 1; published ports are translated before FORWARD, so that their
packets show the container's private address here, and those that reach a userland proxy pass INPUT. A container without NET_RAW cannot
forge the address of another; packets from outside of the subnet are dropped all the same.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FAMILY = "JH-"  # every hub's chains begin with it, and so they leave each other's place in peace
FRESH_SECONDS = 60
INTERVAL = 5.0
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LEGACY_TABLES = Path("/proc/net/ip_tables_names")
BRIDGE_SWITCH = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
# systemd-resolved hides the real servers behind 127.0.0.53; the engine reads the second file then, and so do we where it is mounted.
RESOLV_CONF = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
ENGINE_NAME_SERVERS = ("8.8.8.8", "8.8.4.4")  # what the engine asks when the host names none that a container can reach
# Never a place to go to, whatever the description says: this host, multicast, reserved and broadcast.
NOWHERE = ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4")
ESTABLISHED = "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"


class FirewallError(Exception):
    """The rules cannot be written or do not hold. The text is meant for the administrator."""


# --- the description -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """An address or range; no port means every port of every protocol."""

    cidr: str
    protocol: str = ""
    ports: tuple[int, ...] = ()


@dataclass(frozen=True)
class Config:
    """What firewall.json says (docs/architecture.md, 'The firewall')."""

    name: str
    chain: str
    bridge: str
    subnet: str
    trusted: tuple[str, ...]
    inside: tuple[Target, ...]
    default: str
    allow: tuple[Target, ...]
    deny: tuple[str, ...]
    ready: str
    nameservers: tuple[str, ...] = ()

    @property
    def to_users(self) -> str:
        return f"{self.chain}-TO"

    @property
    def to_host(self) -> str:
        return f"{self.chain}-HOST"

    @property
    def chains(self) -> tuple[str, str, str]:
        return (self.chain, self.to_users, self.to_host)


def _keys(data: object, known: Iterable[str], optional: Iterable[str], where: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise FirewallError(f"{where} must be an object")
    known, optional = tuple(known), tuple(optional)
    if unknown := sorted(set(data) - {*known, *optional}):
        raise FirewallError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join((*known, *optional))}")
    if missing := [key for key in known if key not in data]:
        raise FirewallError(f"{where}: {missing[0]} is missing")
    return data


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise FirewallError(f"{where} must be a list")
    return value


def _network(value: object, where: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(value if isinstance(value, str) else "")
    except ValueError as error:
        raise FirewallError(f"{where} must be an IPv4 address or network (user servers have no IPv6), not {value!r}: {error}") from None


def _address(value: object, where: str) -> ipaddress.IPv4Address:
    network = _network(value, where)
    if network.prefixlen != 32:
        raise FirewallError(f"{where} must be one address, not {value!r}")
    return network.network_address


def _named(value: object, pattern: str, where: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise FirewallError(f"{where} must match {pattern}, not {value!r}")
    return value


def _ports(value: object, where: str) -> tuple[int, ...]:
    ports = _list(value, where)
    if bad := [port for port in ports if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536]:
        raise FirewallError(f"{where} must be ports, not {bad[0]!r}")
    return tuple(sorted(set(ports)))


def _protocol(value: object, where: str) -> str:
    return _named(value, "tcp|udp", where)


def read_config(text: str) -> Config:
    """Return what firewall.json describes; raise FirewallError when anything about it is unclear."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise FirewallError(f"firewall.json is not JSON: {error}") from None
    data = _keys(data, ("name", "chain", "bridge", "subnet", "trusted", "inside", "egress", "ready"), ("nameservers",), "firewall.json")
    egress = _keys(data["egress"], ("default", "allow", "deny"), (), "egress")
    subnet = _network(data["subnet"], "subnet")

    def member(value: object, where: str) -> str:
        address = _address(value, where)
        if address not in subnet:
            raise FirewallError(f"{where}: {address} is not in the subnet {subnet}")
        return f"{address}/32"

    inside = []
    for index, item in enumerate(_list(data["inside"], "inside")):
        where = f"inside[{index}]"
        item = _keys(item, ("address", "port", "protocol"), (), where)
        inside.append(Target(member(item["address"], where), _protocol(item["protocol"], where), _ports([item["port"]], where)))
    allow = []
    for index, item in enumerate(_list(egress["allow"], "egress.allow")):
        where = f"egress.allow[{index}]"
        item = _keys(item, ("cidr",), ("ports", "protocol"), where)
        ports = _ports(item.get("ports") or [], where)
        allow.append(Target(str(_network(item["cidr"], where)), _protocol(item.get("protocol", "tcp"), where) if ports else "", ports))
    return Config(
        name=_named(data["name"], r"[A-Za-z0-9][A-Za-z0-9_.-]*", "name"),
        # 28 characters is what the kernel keeps of a chain's name, -HOST included; 15 of a bridge's.
        chain=_named(data["chain"], rf"{FAMILY}[A-Za-z0-9_]{{1,20}}", "chain"),
        bridge=_named(data["bridge"], r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}", "bridge"),
        subnet=str(subnet),
        trusted=tuple(member(item, "trusted") for item in _list(data["trusted"], "trusted")),
        inside=tuple(inside),
        default=_named(egress["default"], "accept|drop", "egress.default"),
        allow=tuple(allow),
        deny=tuple(str(_network(item, "egress.deny")) for item in _list(egress["deny"], "egress.deny")),
        ready=_named(data["ready"], r"/.+", "ready"),
        nameservers=tuple(str(_address(item, "nameservers")) for item in _list(data.get("nameservers") or [], "nameservers")),
    )


def read_nameservers(text: str) -> tuple[str, ...]:
    """Return the IPv4 name servers of a resolv.conf that are not this host's loopback."""
    found = []
    for word in re.findall(r"^\s*nameserver\s+([0-9.]+)\s*$", text, re.MULTILINE):
        try:
            address = ipaddress.IPv4Address(word)
        except ValueError:
            continue
        if not address.is_loopback and not address.is_unspecified:
            found.append(str(address))
    return tuple(found)


# --- the rules, spelled as `iptables -S` spells them, so that they can be compared ------------------------------------------------


def _to(target: Target, verdict: str, out: str = "") -> list[str]:
    where = ([] if target.cidr == "0.0.0.0/0" else ["-d", target.cidr]) + (["-o", out] if out else [])
    if not target.ports:
        return [" ".join([*where, "-j", verdict])]
    return [" ".join([*where, "-p", target.protocol, "-m", target.protocol, "--dport", str(port), "-j", verdict]) for port in target.ports]


def rules(config: Config, nameservers: Sequence[str]) -> dict[str, list[str]]:
    """Return the rules of each chain. Same description and name servers, same rules.

    The chain itself judges what user servers send through this host, -TO what others send to them, -HOST what they send to this host,
    which they may ask for names if it is a name server, and for nothing else: `allow` does not open it.
    """
    forged = f"! -s {config.subnet} -j DROP"
    trusted = [f"-s {address} -j RETURN" for address in config.trusted]
    servers = list(dict.fromkeys([*config.nameservers, *nameservers]))
    names = [rule for server in servers for protocol in ("udp", "tcp") for rule in _to(Target(f"{server}/32", protocol, (53,)), "RETURN")]
    inside = [rule for target in config.inside for rule in _to(target, "RETURN", config.bridge)]
    allow = [rule for target in config.allow for rule in _to(target, "RETURN")]
    deny = [rule for cidr in dict.fromkeys([*NOWHERE, *config.deny]) for rule in _to(Target(cidr), "DROP")]
    return {
        config.chain: [
            forged,
            ESTABLISHED,
            *trusted,
            *inside,
            f"-o {config.bridge} -j DROP",
            *names,
            *allow,
            *deny,
            "-j RETURN" if config.default == "accept" else "-j DROP",
        ],
        config.to_users: [ESTABLISHED, "-j DROP"],
        config.to_host: [forged, ESTABLISHED, *trusted, *names, "-j DROP"],
    }


def jumps(config: Config) -> list[tuple[str, str]]:
    """Return which packets are sent to which chain, as (parent, rule)."""
    return [
        ("DOCKER-USER", f"-i {config.bridge} -j {config.chain}"),
        ("DOCKER-USER", f"! -i {config.bridge} -o {config.bridge} -j {config.to_users}"),
        ("INPUT", f"-i {config.bridge} -j {config.to_host}"),
    ]


def rules6(config: Config) -> dict[str, list[str]]:
    """User servers have no IPv6: nothing comes from their bridge, nothing goes to it."""
    return {config.chain: ["-j DROP"]}


def jumps6(config: Config) -> list[tuple[str, str]]:
    return [
        ("FORWARD", f"-i {config.bridge} -j {config.chain}"),
        ("FORWARD", f"-o {config.bridge} -j {config.chain}"),
        ("INPUT", f"-i {config.bridge} -j {config.chain}"),
    ]


def _rules_of(chain: str, current: Sequence[str]) -> list[str]:
    start = f"-A {chain} "
    return [line.removeprefix(start) for line in current if line.startswith(start)]


def _calls(chains: Iterable[str], current: Sequence[str]) -> list[str]:
    """Return the rules that lead into one of the chains from any other chain."""
    ends = tuple(f" -j {chain}" for chain in chains)
    return [line for line in current if line.startswith("-A ") and line.endswith(ends)]


def faults(current: Sequence[str], wanted: Mapping[str, list[str]], called: Sequence[tuple[str, str]]) -> list[str]:
    """Say what is not as it should be in the output of `iptables -S`; an empty list says that all is in place."""
    found = [f"the chain {chain} is not as written" for chain, lines in wanted.items() if _rules_of(chain, current) != lines]
    for parent in dict.fromkeys(parent for parent, _rule in called):
        expected = [rule for name, rule in called if name == parent]
        before: list[str] = []
        for rule in _rules_of(parent, current):
            # The rules of another hub may stand before ours: they judge another bridge.
            if not re.search(rf" -j {FAMILY}\S+$", f" {rule}"):
                break
            before.append(rule)
        if [rule for rule in before if rule in expected] != expected:
            found.append(f"{parent} does not begin with {' and '.join(expected)}")
    lines = [f"-A {parent} {rule}" for parent, rule in called]
    if [line for line in _calls(wanted, current) if line not in lines]:
        found.append("another rule leads into the chains")
    if any(parent == "DOCKER-USER" for parent, _rule in called) and "-A FORWARD -j DOCKER-USER" not in current:
        found.append("FORWARD does not lead into DOCKER-USER")
    return found


def restore_text(current: Sequence[str], wanted: Mapping[str, list[str]], called: Sequence[tuple[str, str]]) -> str:
    """Return the one transaction of `iptables-restore --noflush` that leads from the current rules to the wanted ones."""
    uses_docker = any(parent == "DOCKER-USER" for parent, _rule in called)
    lines = ["*filter"]
    # To declare a chain makes it, and empties one that exists: DOCKER-USER belongs to the administrator and is made only where it is gone.
    if uses_docker and "-N DOCKER-USER" not in current:
        lines.append(":DOCKER-USER - [0:0]")
    lines += [f":{chain} - [0:0]" for chain in wanted]
    lines += [f"-D {line.removeprefix('-A ')}" for line in _calls(wanted, current)]
    lines += [f"-A {chain} {rule}" for chain, chain_rules in wanted.items() for rule in chain_rules]
    lines += [f"-I {parent} 1 {rule}" for parent, rule in reversed(called)]
    if uses_docker and "-A FORWARD -j DOCKER-USER" not in current:
        lines.append("-I FORWARD 1 -j DOCKER-USER")
    return "\n".join([*lines, "COMMIT", ""])


def removal_text(current: Sequence[str], chains: Iterable[str]) -> str:
    """Return the transaction that takes the chains and every rule that leads to them away; empty when there is nothing to take."""
    present = [chain for chain in chains if f"-N {chain}" in current]
    if not present:
        return ""
    lines = [f"-D {line.removeprefix('-A ')}" for line in _calls(present, current)]
    lines += [f"{verb} {chain}" for verb in ("-F", "-X") for chain in present]
    return "\n".join(["*filter", *lines, "COMMIT", ""])


def is_fresh(content: str, mtime: float, now: float, boot: str) -> bool:
    """Say whether the sign is of this boot and lately touched."""
    return content.strip() == boot.strip() != "" and abs(now - mtime) <= FRESH_SECONDS


# --- the world -------------------------------------------------------------------------------------------------------------------


def note(event: str, **values: object) -> None:
    print(json.dumps({"time": round(time.time(), 3), "event": event, **values}), file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Tables:
    """One of the two implementations (nft, legacy) of one of the two protocols."""

    command: str

    def read(self) -> list[str]:
        return [line for line in self._run([self.command, "-w", "10", "-S"]).splitlines() if line.startswith("-")]

    def restore(self, text: str) -> None:
        self._run([f"{self.command}-restore", "--noflush", "-w", "10"], text)

    def _run(self, command: list[str], text: str = "") -> str:
        # The legacy implementation wants a lock file, also where the root file system is read-only.
        lock = next((place for place in ("/run", "/run/lock", "/tmp") if os.access(place, os.W_OK)), "/run")
        environment = {**os.environ, "XTABLES_LOCKFILE": f"{lock}/xtables.lock"}
        try:
            done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False, env=environment)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FirewallError(f"{command[0]}: {error}") from None
        if done.returncode != 0:
            raise FirewallError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[:500]}")
        return done.stdout


def in_use(program: str) -> list[Tables]:
    """Return the implementations that this kernel has; a look at the legacy one would load it, so it is left alone where it is not in use."""
    # Debian and its like have both; where neither has a name of its own, the plain one is what the host uses.
    commands = [command for command in (f"{program}-nft", program) if shutil.which(command)][:1]
    names = LEGACY_TABLES.with_name("ip6_tables_names" if program == "ip6tables" else LEGACY_TABLES.name)
    try:
        if "filter" in names.read_text().split() and shutil.which(f"{program}-legacy"):
            commands.append(f"{program}-legacy")
    except OSError:
        pass
    found = []
    for command in commands:
        try:
            Tables(command).read()
        except FirewallError:
            continue
        found.append(Tables(command))
    return found


def current_nameservers() -> tuple[str, ...]:
    for path in RESOLV_CONF:
        if path.is_file() and (servers := read_nameservers(path.read_text())):
            return servers
    return ENGINE_NAME_SERVERS


def require_bridge_filter() -> None:
    """Raise FirewallError unless packets between user servers pass the rules at all."""
    try:
        if BRIDGE_SWITCH.read_text().strip() == "1":
            return
        BRIDGE_SWITCH.write_text("1\n")
    except FileNotFoundError:
        raise FirewallError("user servers cannot be kept apart: load br_netfilter on this host (modprobe br_netfilter, and at boot)") from None
    except OSError as error:
        raise FirewallError(f"user servers cannot be kept apart: set net.bridge.bridge-nf-call-iptables=1 on this host ({error})") from None


def instance() -> str:
    """Return what tells one life of a container from the next: the boot, and when its first process started (proc_pid_stat(5), field 22)."""
    return BOOT_ID.read_text().strip() + " " + Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]


class Firewall:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.tables: list[Tables] = []
        self.ready = Path(config.ready)
        self.removed = self.ready.with_name("removed")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep `run` and a `remove` that is executed beside it apart."""
        if not self.ready.parent.is_dir():
            yield
            return
        with self.ready.with_name(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def is_removed(self) -> bool:
        """Say whether `remove` was executed in this life of the container: then the rules are not written again."""
        try:
            return self.removed.read_text() == instance()
        except OSError:
            return False

    def ensure(self) -> bool:
        """Write the rules where they are not in place and read them back; return whether anything was written.

        Raises FirewallError when they do not hold afterwards.
        """
        require_bridge_filter()
        # Once found, an implementation is kept: if somebody takes DOCKER-USER away, it is made again.
        if not self.tables:
            self.tables = [tables for tables in in_use("iptables") if "-N DOCKER-USER" in tables.read()]
        if not self.tables:
            raise FirewallError("no chain DOCKER-USER: the engine must manage iptables itself (not `iptables: false`, not its nftables backend)")
        wanted = rules(self.config, current_nameservers())
        changed = [self._ensure(tables, wanted, jumps(self.config)) for tables in self.tables]
        # A kernel without IPv6 filtering has none in use; that is let be, for user servers have no IPv6 addresses anyway.
        changed += [self._ensure(tables, rules6(self.config), jumps6(self.config)) for tables in in_use("ip6tables")]
        return any(changed)

    def _ensure(self, tables: Tables, wanted: Mapping[str, list[str]], called: Sequence[tuple[str, str]]) -> bool:
        current = tables.read()
        missing = faults(current, wanted, called)
        if not missing:
            return False
        tables.restore(restore_text(current, wanted, called))
        if left := faults(tables.read(), wanted, called):
            raise FirewallError(f"{tables.command}: written, and yet {'; '.join(left)}")
        note("written", tables=tables.command, because=missing)
        return True

    def remove(self) -> bool:
        """Take every rule away, whichever implementation holds it; return whether there was any."""
        removed = False
        with self.alone():
            self.ready.unlink(missing_ok=True)
            if self.ready.parent.is_dir():
                self.removed.write_text(instance())
            for tables in [*in_use("iptables"), *in_use("ip6tables")]:
                if text := removal_text(tables.read(), self.config.chains):
                    tables.restore(text)
                    removed = True
        return removed

    def show_ready(self) -> None:
        part = self.ready.with_name(f".{self.ready.name}.part")
        part.write_text(BOOT_ID.read_text())
        part.chmod(0o644)
        os.replace(part, self.ready)

    def look(self) -> str:
        """Do what one turn of `run` does and return the state to tell; raise FirewallError when user servers are not kept apart."""
        with self.alone():
            if self.is_removed():
                return "removed"
            self.ensure()
            self.show_ready()
            return "ready"

    def run(self, interval: float) -> int:
        # Blocked and waited for, so that no signal falls between two lines.
        ends = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)
        told = ("", "")
        while True:
            try:
                state, reason = self.look(), ""
            except (FirewallError, OSError) as error:
                # The guard starts nothing while the sign is missing.
                self.ready.unlink(missing_ok=True)
                state, reason = "not ready", str(error)
            if told != (state, reason):
                note(state, name=self.config.name, bridge=self.config.bridge, tables=[tables.command for tables in self.tables], reason=reason)
            told = (state, reason)
            if signal.sigtimedwait(ends, interval) is not None:
                note("ended", rules="stay")
                return 0


def check(config: Config) -> int:
    try:
        path = Path(config.ready)
        fresh = is_fresh(path.read_text(), path.stat().st_mtime, time.time(), BOOT_ID.read_text())
    except OSError:
        fresh = False
    if not fresh:
        print("the rules are not in place", file=sys.stderr)
    return 0 if fresh else 1


def remove(config: Config) -> int:
    print("removed" if Firewall(config).remove() else "nothing to remove")
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Keep the user servers of a hub apart from each other, from this host and from private networks.")
    parser.add_argument("--config", type=Path, default=Path("/etc/firewall/firewall.json"))
    parser.add_argument("--interval", type=float, default=INTERVAL, help="seconds between two looks at the rules")
    parser.add_argument("command", choices=("run", "check", "remove"))
    options = parser.parse_args(arguments)
    try:
        config = read_config(options.config.read_text(encoding="utf-8"))
        commands: dict[str, Callable[[], int]] = {
            "run": lambda: Firewall(config).run(options.interval),
            "check": lambda: check(config),
            "remove": lambda: remove(config),
        }
        return commands[options.command]()
    except (OSError, FirewallError) as error:
        print(f"firewall: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
