# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall's rules, without iptables: a few lines stand in for what it does with a transaction and with a packet."""

from __future__ import annotations

import ipaddress
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.tests.unit.support import program


firewall = program("firewall")

PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"]
DATA: dict[str, Any] = {
    "name": "lab",
    "chain": "JH-1a2b3c4d",
    "bridge": "jh-1a2b3c4d",
    "subnet": "172.31.248.0/21",
    "trusted": ["172.31.248.2", "172.31.248.3"],
    "inside": [{"address": "172.31.248.2", "port": 8081, "protocol": "tcp"}],
    "egress": {"default": "accept", "allow": [{"cidr": "10.1.2.3/32", "ports": [5432], "protocol": "tcp"}], "deny": PRIVATE},
    "ready": "/run/firewall/ready",
}
CONFIG = firewall.read_config(json.dumps(DATA))
SERVERS = ("192.168.1.1",)
RULES = firewall.rules(CONFIG, SERVERS)
JUMPS = firewall.jumps(CONFIG)
OTHER = firewall.read_config(json.dumps({**DATA, "name": "lab2", "chain": "JH-ffffffff", "bridge": "jh-ffffffff"}))
ENGINE = [
    *("-P INPUT ACCEPT", "-P FORWARD DROP", "-P OUTPUT ACCEPT", "-N DOCKER-USER", "-N DOCKER"),
    *("-A INPUT -p tcp -j ACCEPT", "-A FORWARD -j DOCKER-USER", "-A FORWARD -o br-1 -j DOCKER", "-A DOCKER-USER -j RETURN"),
]


def apply(current: list[str], text: str) -> list[str]:
    """What `iptables-restore --noflush` makes of a table, as `iptables -S` would show it; any mistake fails, as there."""
    chains: dict[str, list[str]] = {line.split()[1]: [] for line in current if line.startswith(("-P ", "-N "))}
    builtin = [line for line in current if line.startswith("-P ")]
    for line in current:
        if line.startswith("-A "):
            _verb, chain, rule = line.split(" ", 2)
            chains[chain].append(rule)
    lines = text.splitlines()
    assert lines[0] == "*filter"
    assert lines[-1] == "COMMIT"
    for line in lines[1:-1]:
        verb, _space, rest = line.partition(" ")
        chain, _space, rule = rest.partition(" ")
        if verb.startswith(":"):
            chains[verb[1:]] = []
        elif verb == "-A":
            chains[chain].append(rule)
        elif verb == "-D":
            chains[chain].remove(rule)
        elif verb == "-I":
            position, _space, rule = rule.partition(" ")
            chains[chain].insert(int(position) - 1, rule)
        elif verb == "-F":
            chains[chain].clear()
        elif verb == "-X":
            assert not chains.pop(chain)
            assert not any(rule.endswith(f"-j {chain}") for rules in chains.values() for rule in rules)
        else:
            raise AssertionError(line)
    named = {line.split()[1] for line in builtin}
    made = [f"-N {chain}" for chain in sorted(chains) if chain not in named]
    return [*builtin, *made, *(f"-A {chain} {rule}" for chain, rules in chains.items() for rule in rules)]


def verdict(chain: str, packet: dict[str, Any]) -> str:
    """What a chain of ours says to a new packet."""
    for rule in RULES[chain]:
        words = iter(shlex.split(rule))
        matches = True
        negated = False
        for word in words:
            if word == "!":
                negated = True
                continue
            value = next(words)
            if word == "-j":
                if matches:
                    return value
                break
            if word in ("-s", "-d"):
                hit = ipaddress.ip_address(packet[word]) in ipaddress.ip_network(value)
            elif word == "--ctstate":
                hit = packet.get("state", "NEW") in value.split(",")
            elif word == "-m":
                hit = True
            else:
                hit = str(packet.get(word)) == value
            matches = matches and hit != negated
            negated = False
    raise AssertionError("a chain must end with a verdict")


USER, NEIGHBOUR, HUB, PROXY = "172.31.249.7", "172.31.249.8", "172.31.248.2", "172.31.248.3"


def packet(source: str, target: str, port: int = 80, protocol: str = "tcp", out: str = "eth0", state: str = "NEW") -> dict[str, Any]:
    return {"-s": source, "-d": target, "--dport": port, "-p": protocol, "-o": out, "state": state}


INSIDE = CONFIG.bridge
FORWARDED = [
    ("a neighbour", packet(USER, NEIGHBOUR, 8888, out=INSIDE), "DROP"),
    ("a neighbour by UDP", packet(USER, NEIGHBOUR, 53, "udp", out=INSIDE), "DROP"),
    ("a neighbour by ICMP", packet(USER, NEIGHBOUR, protocol="icmp", out=INSIDE), "DROP"),
    ("the hub's API", packet(USER, HUB, 8081, out=INSIDE), "RETURN"),
    ("the hub's API by UDP", packet(USER, HUB, 8081, "udp", out=INSIDE), "DROP"),
    ("the hub elsewhere", packet(USER, HUB, 22, out=INSIDE), "DROP"),
    ("the proxy", packet(USER, PROXY, 8000, out=INSIDE), "DROP"),
    ("the proxy's API", packet(USER, PROXY, 8001, out=INSIDE), "DROP"),
    ("all neighbours at once", packet(USER, "172.31.255.255", protocol="udp", out=INSIDE), "DROP"),
    ("a group", packet(USER, "224.0.0.251", 5353, "udp", out=INSIDE), "DROP"),
    ("a group elsewhere", packet(USER, "239.1.1.1", protocol="udp"), "DROP"),
    ("everybody", packet(USER, "255.255.255.255", protocol="udp"), "DROP"),
    ("an answer to the proxy", packet(USER, PROXY, 40000, out=INSIDE, state="ESTABLISHED"), "RETURN"),
    ("the proxy to a user", packet(PROXY, USER, 8888, out=INSIDE), "RETURN"),
    ("the hub to the world", packet(HUB, "140.82.121.4", 443), "RETURN"),
    ("the hub to a private database", packet(HUB, "10.4.4.4", 5432), "RETURN"),
    ("the world", packet(USER, "140.82.121.4", 443), "RETURN"),
    ("the name server", packet(USER, "192.168.1.1", 53, "udp"), "RETURN"),
    ("the name server by TCP", packet(USER, "192.168.1.1", 53), "RETURN"),
    ("the name server elsewhere", packet(USER, "192.168.1.1", 80), "DROP"),
    ("another private address at 53", packet(USER, "192.168.1.2", 53, "udp"), "DROP"),
    ("what is opened", packet(USER, "10.1.2.3", 5432), "RETURN"),
    ("what is opened at another port", packet(USER, "10.1.2.3", 22), "DROP"),
    ("the metadata address", packet(USER, "169.254.169.254"), "DROP"),
    ("another network of the engine", packet(USER, "172.18.0.2", 8001, out="br-1"), "DROP"),
    ("the published port of a container here", packet(USER, "172.17.0.5", 443, out="docker0"), "DROP"),
    ("with the hub's name on it from outside of the subnet", packet("172.31.0.2", HUB, 8081, out=INSIDE), "DROP"),
    ("with a public address for its own", packet("8.8.8.8", "140.82.121.4"), "DROP"),
    ("with a foreign address in an open connection", packet("8.8.8.8", PROXY, state="ESTABLISHED"), "DROP"),
]


@pytest.mark.parametrize(("sent", "expected"), [row[1:] for row in FORWARDED], ids=[row[0] for row in FORWARDED])
def test_what_a_user_server_sends(sent: dict[str, Any], expected: str) -> None:
    assert verdict(CONFIG.chain, sent) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (packet(USER, "172.31.248.1", 22), "DROP"),
        (packet(USER, "172.31.248.1", 2375), "DROP"),
        (packet(USER, "172.31.248.1", 53, "udp"), "DROP"),
        (packet(USER, "10.1.2.3", 5432), "DROP"),
        (packet(USER, "192.168.1.1", 53, "udp"), "RETURN"),
        (packet(USER, "172.31.248.1", 40000, state="ESTABLISHED"), "RETURN"),
        (packet(HUB, "172.31.248.1", 636), "RETURN"),
    ],
)
def test_what_reaches_this_host(sent: dict[str, Any], expected: str) -> None:
    assert verdict(CONFIG.to_host, sent) == expected


@pytest.mark.parametrize(("state", "expected"), [("NEW", "DROP"), ("ESTABLISHED", "RETURN"), ("RELATED", "RETURN"), ("INVALID", "DROP")])
def test_nobody_outside_of_the_bridge_opens_a_connection_to_a_user_server(state: str, expected: str) -> None:
    assert verdict(CONFIG.to_users, packet("192.168.1.77", USER, 8888, state=state)) == expected


def test_closed_by_default_when_egress_says_so() -> None:
    closed = firewall.read_config(json.dumps({**DATA, "egress": {**DATA["egress"], "default": "drop"}}))
    assert firewall.rules(closed, ())[CONFIG.chain][-1] == "-j DROP"
    assert firewall.rules(CONFIG, ())[CONFIG.chain][-1] == "-j RETURN"


def test_ports_and_ranges_are_opened_as_described() -> None:
    allow = [{"cidr": "10.0.0.0/16"}, {"cidr": "10.2.0.1/32", "ports": [443, 80]}, {"cidr": "0.0.0.0/0", "ports": [123], "protocol": "udp"}]
    config = firewall.read_config(json.dumps({**DATA, "egress": {"default": "drop", "allow": allow, "deny": []}}))
    opened = [rule for rule in firewall.rules(config, ())[CONFIG.chain] if rule.endswith("-j RETURN")][4:]
    assert opened == [
        "-d 10.0.0.0/16 -j RETURN",
        "-d 10.2.0.1/32 -p tcp -m tcp --dport 80 -j RETURN",
        "-d 10.2.0.1/32 -p tcp -m tcp --dport 443 -j RETURN",
        "-p udp -m udp --dport 123 -j RETURN",
    ]


def test_the_described_name_servers_come_first_and_none_twice() -> None:
    config = firewall.read_config(json.dumps({**DATA, "nameservers": ["10.0.0.53"]}))
    named = [rule.split()[1] for rule in firewall.rules(config, ("10.0.0.53", "10.0.0.54"))[CONFIG.chain] if "udp" in rule]
    assert named == ["10.0.0.53/32", "10.0.0.54/32"]


def test_the_first_transaction() -> None:
    assert firewall.restore_text(ENGINE, firewall.rules6(CONFIG), firewall.jumps6(CONFIG)) == (
        "*filter\n"
        ":JH-1a2b3c4d - [0:0]\n"
        "-A JH-1a2b3c4d -j DROP\n"
        "-I INPUT 1 -i jh-1a2b3c4d -j JH-1a2b3c4d\n"
        "-I FORWARD 1 -o jh-1a2b3c4d -j JH-1a2b3c4d\n"
        "-I FORWARD 1 -i jh-1a2b3c4d -j JH-1a2b3c4d\n"
        "COMMIT\n"
    )


def in_place(current: list[str]) -> list[str]:
    return apply(current, firewall.restore_text(current, RULES, JUMPS))


PLACED = in_place(ENGINE)


def test_written_once_the_rules_are_in_place() -> None:
    assert firewall.faults(ENGINE, RULES, JUMPS)
    assert firewall.faults(PLACED, RULES, JUMPS) == []


DAMAGE = [
    ("DOCKER-USER flushed", [line for line in PLACED if not line.startswith("-A DOCKER-USER")], "DOCKER-USER does not begin"),
    ("INPUT flushed", [line for line in PLACED if not line.startswith("-A INPUT")], "INPUT does not begin"),
    ("FORWARD flushed", [line for line in PLACED if not line.startswith("-A FORWARD")], "FORWARD does not lead"),
    ("all flushed", [line for line in PLACED if not line.startswith("-A ")], "not as written"),
    ("all gone", [line for line in PLACED if line.startswith("-P ")], "not as written"),
    ("a rule less", [line for line in PLACED if "169.254" not in line], "not as written"),
    ("a rule more", [*PLACED[:8], "-A JH-1a2b3c4d -j ACCEPT", *PLACED[8:]], "not as written"),
    ("a rule before", [*PLACED[:6], "-A DOCKER-USER -j ACCEPT", *PLACED[6:]], "DOCKER-USER does not begin"),
    ("a rule before at the door", [*PLACED[:6], "-A INPUT -i jh-1a2b3c4d -j ACCEPT", *PLACED[6:]], "INPUT does not begin"),
    ("the jump of another bridge", [*PLACED, "-A DOCKER-USER -i jh-old -j JH-1a2b3c4d"], "another rule leads"),
    ("a jump twice", [*PLACED[:6], "-A INPUT -i jh-1a2b3c4d -j JH-1a2b3c4d-HOST", *PLACED[6:]], "INPUT does not begin"),
]


@pytest.mark.parametrize(("current", "fault"), [row[1:] for row in DAMAGE], ids=[row[0] for row in DAMAGE])
def test_damage_is_seen_and_repaired(current: list[str], fault: str) -> None:
    assert fault in "; ".join(firewall.faults(current, RULES, JUMPS))
    repaired = in_place(current)
    assert firewall.faults(repaired, RULES, JUMPS) == []


def test_two_hubs_leave_each_other_in_peace() -> None:
    other_rules, other_jumps = firewall.rules(OTHER, SERVERS), firewall.jumps(OTHER)
    both = apply(PLACED, firewall.restore_text(PLACED, other_rules, other_jumps))
    assert firewall.faults(both, RULES, JUMPS) == []
    assert firewall.faults(both, other_rules, other_jumps) == []
    alone = apply(both, firewall.removal_text(both, CONFIG.chains))
    assert firewall.faults(alone, other_rules, other_jumps) == []
    assert not any(CONFIG.chain in line for line in alone)


def test_removal_leaves_what_was_there_before_and_can_be_repeated() -> None:
    removed = apply(PLACED, firewall.removal_text(PLACED, CONFIG.chains))
    assert sorted(removed) == sorted(ENGINE)
    assert firewall.removal_text(removed, CONFIG.chains) == ""


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PLACED), unique=True), st.permutations(PLACED))
def test_from_any_remains_to_the_rules_and_back_to_none(kept: list[str], order: list[str]) -> None:
    policies = [line for line in ENGINE if line.startswith("-P ")]
    rest = [line for line in order if line in kept]
    chains = {line.split()[1] for line in rest if line.startswith("-A ")} | {line.split()[-1] for line in rest if line.startswith("-A ")}
    chains -= {"INPUT", "FORWARD", "OUTPUT", "DROP", "RETURN", "ACCEPT"}
    current = [*policies, *(f"-N {chain}" for chain in sorted(chains)), *(line for line in rest if line.startswith("-A "))]
    repaired = in_place(current)
    assert firewall.faults(repaired, RULES, JUMPS) == []
    removed = apply(repaired, firewall.removal_text(repaired, CONFIG.chains))
    assert not any(CONFIG.chain in line for line in removed)


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 10.0.0.1\nnameserver 1.1.1.1\n", ("10.0.0.1", "1.1.1.1")),
        ("# nameserver 10.0.0.9\nsearch lab\nnameserver 127.0.0.53\n", ()),
        ("nameserver ::1\nnameserver fe80::1%eth0\n  nameserver\t9.9.9.9 \n", ("9.9.9.9",)),
        ("nameserver 999.1.1.1\nnameserver 0.0.0.0\n", ()),
        ("", ()),
    ],
)
def test_name_servers_of_the_host(text: str, servers: tuple[str, ...]) -> None:
    assert firewall.read_nameservers(text) == servers


BAD: list[tuple[dict[str, Any], str]] = [
    ({"brigde": "x"}, "unknown key 'brigde'"),
    ({"chain": "DOCKER-USER"}, "chain must match"),
    ({"chain": "JH-x -j ACCEPT\n"}, "chain must match"),
    ({"chain": "JH-" + "a" * 21}, "chain must match"),
    ({"bridge": "a" * 16}, "bridge must match"),
    ({"bridge": "eth0 -j"}, "bridge must match"),
    ({"subnet": "172.31.248.1/21"}, "subnet must be"),
    ({"subnet": "fd00::/64"}, "user servers have no IPv6"),
    ({"subnet": 7}, "subnet must be"),
    ({"trusted": ["10.0.0.1"]}, "not in the subnet"),
    ({"trusted": ["172.31.248.0/24"]}, "must be one address"),
    ({"trusted": "172.31.248.2"}, "trusted must be a list"),
    ({"inside": [{"address": "172.31.248.2", "port": 0, "protocol": "tcp"}]}, "must be ports"),
    ({"inside": [{"address": "172.31.248.2", "port": 8081, "protocol": "icmp"}]}, "must match tcp"),
    ({"inside": [{"address": "172.31.248.2", "port": 8081}]}, "protocol is missing"),
    ({"egress": {"default": "open", "allow": [], "deny": []}}, "egress.default must match"),
    ({"egress": {"default": "drop", "allow": [{"cidr": "10.0.0.0/8", "port": 1}], "deny": []}}, "unknown key 'port'"),
    ({"egress": {"default": "drop", "allow": [{"cidr": "example.org"}], "deny": []}}, "cidr|allow"),
    ({"egress": {"default": "drop", "allow": [{"cidr": "10.0.0.1", "ports": ["ssh"]}], "deny": []}}, "must be ports"),
    ({"egress": []}, "egress must be an object"),
    ({"ready": "ready"}, "ready must match"),
    ({"nameservers": ["dns.example.org"]}, "nameservers must be"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_a_bad_description_says_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(firewall.FirewallError, match=message):
        firewall.read_config(json.dumps({**DATA, **change}))


@pytest.mark.parametrize("key", sorted(DATA))
def test_every_key_is_needed(key: str) -> None:
    with pytest.raises(firewall.FirewallError, match=f"{key} is missing"):
        firewall.read_config(json.dumps({k: v for k, v in DATA.items() if k != key}))


def described(tmp_path: Path) -> tuple[Path, Path]:
    ready, config = tmp_path / "ready", tmp_path / "firewall.json"
    config.write_text(json.dumps({**DATA, "ready": str(ready)}))
    return config, ready


def test_the_sign_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, ready = described(tmp_path)
    boot = tmp_path / "boot_id"
    boot.write_text("b1\n")
    monkeypatch.setattr(firewall, "BOOT_ID", boot)
    assert firewall.main(["--config", str(config), "check"]) == 1
    firewall.Firewall(firewall.read_config(config.read_text())).show_ready()
    assert ready.read_text() == "b1\n"
    assert ready.stat().st_mode & 0o777 == 0o644
    assert firewall.main(["--config", str(config), "check"]) == 0
    boot.write_text("b2\n")
    assert firewall.main(["--config", str(config), "check"]) == 1


def test_what_was_removed_in_this_life_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, ready = described(tmp_path)
    ready.touch()
    monkeypatch.setattr(firewall, "in_use", lambda _program: [])
    wall = firewall.Firewall(firewall.read_config(config.read_text()))
    monkeypatch.setattr(wall, "ensure", lambda: True)
    assert wall.look() == "ready"
    assert firewall.main(["--config", str(config), "remove"]) == 0
    assert wall.look() == "removed"
    assert not ready.exists()
    monkeypatch.setattr(firewall, "instance", lambda: "the next life")
    assert wall.look() == "ready"
    assert ready.exists()


def test_without_a_filtering_bridge_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firewall, "BRIDGE_SWITCH", tmp_path / "none")
    with pytest.raises(firewall.FirewallError, match="modprobe br_netfilter"):
        firewall.require_bridge_filter()


def test_a_bridge_that_does_not_filter_is_switched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch = tmp_path / "switch"
    switch.write_text("0\n")
    monkeypatch.setattr(firewall, "BRIDGE_SWITCH", switch)
    firewall.require_bridge_filter()
    assert switch.read_text() == "1\n"


def test_the_program_says_that_its_description_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert firewall.main(["--config", str(tmp_path / "none"), "run"]) == 2
    assert "firewall:" in capsys.readouterr().err
