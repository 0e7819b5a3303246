# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a node of a swarm, without a packet filter."""

from __future__ import annotations

import json
import sys

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import swarm
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Swarm
from ansible_collections.vdsg.jupyterhub.tests.unit.support import hub, program
from ansible_collections.vdsg.jupyterhub.tests.unit.test_swarm import ENGINE

firewall = program("firewall")
sys.modules["firewall"] = firewall
node = program("node_firewall")
TEXT = json.dumps(swarm.firewall_rules(hub(), ENGINE, Swarm.from_variables({"swarm_nameservers": ["10.0.0.53"]})))
# As Engine 20.10 shows it to a container that is on an overlay and on a bridge.
ROUTES = """Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010013AC	0003	0	0	0	00000000	0	0	0
eth1	0001000A	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth0	000013AC	00000000	0001	0	0	0	0000FFFF	0	0	0
"""


def test_networks_are_read_from_the_kernel() -> None:
    assert node.subnets(ROUTES) == {"10.0.1.0/24": "eth1", "172.19.0.0/16": "eth0"}
    assert node.subnets("") == {}


def test_in_the_overlay_nobody_but_the_hub_and_the_proxy_begins() -> None:
    rules = node.in_the_overlay("JH-1", {"10.0.1.8"}, {"10.0.1.9"}, 8081)["JH-1"]
    assert rules[0] == firewall.ESTABLISHED
    assert rules[-1] == "-j DROP"
    assert rules[1:-1] == ["-s 10.0.1.8/32 -j RETURN", "-s 10.0.1.9/32 -j RETURN", "-d 10.0.1.8/32 -p tcp -m tcp --dport 8081 -j RETURN"]


def test_without_a_hub_everything_is_closed() -> None:
    assert node.in_the_overlay("JH-1", set(), set(), 8081) == {"JH-1": [firewall.ESTABLISHED, "-j DROP"]}


def test_on_the_host_nobody_is_trusted_and_nothing_of_the_bridge_reached() -> None:
    found = node.on_the_host(node.read_config(TEXT), "br-0123456789ab", "172.19.0.0/16")
    rules = firewall.rules(found, ["10.0.0.54"])[found.chain]
    assert rules[0] == "! -s 172.19.0.0/16 -j DROP"
    assert rules[2] == "-o br-0123456789ab -j DROP"
    assert "-d 10.0.0.53/32 -p udp -m udp --dport 53 -j RETURN" in rules
    assert "-d 169.254.0.0/16 -j DROP" in rules
    assert rules[-1] == "-j RETURN"


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({**json.loads(TEXT), "more": 1})])
def test_a_description_that_is_unclear_is_refused(text: str) -> None:
    with pytest.raises(firewall.FirewallError):
        node.read_config(text)
