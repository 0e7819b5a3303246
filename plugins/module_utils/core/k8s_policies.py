# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may reach whom, as NetworkPolicies: what is not said here is closed.

The labels ``hub.jupyter.org/network-access-…`` of zero-to-jupyterhub let other pods of the namespace in, as there.
"""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from . import nginx
from .description import Hub, K8s
from .docker_compose import PRIVATE
from .hub_config import API_PORT
from .k8s_checks import NODE_PORTS
from .k8s_names import labels, namespace, prefix, selector

__all__ = ["METADATA", "NODE_PORTS", "SERVER_PORT", "SINGLEUSER", "own_services", "policies"]

Policy = dict[str, t.Any]
SINGLEUSER = "singleuser-server"
"""KubeSpawner's label of the component."""

SERVER_PORT = 8888
METADATA = "169.254.169.254/32"
NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")


def own_services(hub: Hub) -> dict[str, list[int]]:
    """Return the names and ports under which the proxy finds services that the hub runs itself."""
    found: dict[str, list[int]] = {}
    for service in hub.services:
        parts = urllib.parse.urlsplit(service.url)
        if service.command and parts.port and NAME.fullmatch(parts.hostname or ""):
            found.setdefault(parts.hostname or "", []).append(parts.port)
    return found


def policies(hub: Hub, settings: K8s, components: t.Iterable[str]) -> list[Policy]:
    """Return a policy for each component, and one for people's servers."""
    made = {"hub": of_hub, "proxy": of_proxy, "edge": of_edge, "singleuser": of_servers}
    return [policy(hub, settings, name, *made[name](hub)) for name in (*components, "singleuser")]


def policy(hub: Hub, settings: K8s, name: str, ingress: list[Policy], egress: list[Policy]) -> Policy:
    component = SINGLEUSER if name == "singleuser" else name
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"{prefix(hub, settings)}{name}", "namespace": namespace(hub, settings), "labels": labels(hub, name)},
        "spec": {
            "podSelector": {"matchLabels": selector(hub, component)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }


def of_hub(hub: Hub) -> tuple[list[Policy], list[Policy]]:
    """The hub is asked by the proxy, by servers, and by programs that it runs itself.

    It asks the cluster, providers of identities, a database: only the metadata of the cloud is closed.
    """
    ingress = [{"from": [pods(hub, "hub"), pods(hub, "proxy"), pods(hub, SINGLEUSER), access("hub")], "ports": ports(API_PORT)}]
    if own := [port for found in own_services(hub).values() for port in found]:
        ingress.append({"from": [pods(hub, "proxy")], "ports": ports(*own)})
    # Addresses of pods are no addresses to every network: both are said.
    return ingress, [{"to": [{"namespaceSelector": {}}]}, outside()]


def of_proxy(hub: Hub) -> tuple[list[Policy], list[Policy]]:
    """Its API is the hub's alone."""
    ingress: list[Policy] = [{"ports": ports(8000)}, {"from": [pods(hub, "hub"), access("proxy-api")], "ports": ports(8001)}]
    own = [port for found in own_services(hub).values() for port in found]
    egress = [{"to": [pods(hub, "hub")], "ports": ports(API_PORT, *own)}, {"to": [pods(hub, SINGLEUSER)], "ports": ports(SERVER_PORT)}, dns()]
    if any(service.url and not service.command for service in hub.services):
        # Where the services of the description are, only their names say.
        egress += [{"to": [{"namespaceSelector": {}}]}, outside()]
    return ingress, egress


def of_edge(hub: Hub) -> tuple[list[Policy], list[Policy]]:
    return [{"ports": ports(nginx.HTTP_PORT, nginx.HTTPS_PORT)}], [{"to": [pods(hub, "proxy")], "ports": ports(8000)}, dns()]


def of_servers(hub: Hub) -> tuple[list[Policy], list[Policy]]:
    """A person's server is asked by hub and proxy, and asks the hub, name servers, what the description allows, and public addresses."""
    ingress = [{"from": [pods(hub, "hub"), pods(hub, "proxy"), access("singleuser")], "ports": ports(SERVER_PORT)}]
    egress = [{"to": [pods(hub, "hub")], "ports": ports(API_PORT)}, dns()]
    for allowed in hub.network.egress_allow:
        rule: Policy = {"to": [{"ipBlock": {"cidr": allowed.cidr}}]}
        if allowed.ports:
            rule["ports"] = ports(*allowed.ports, protocol=allowed.protocol.upper())
        egress.append(rule)
    if hub.network.egress == "internet":
        egress.append({"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": list(PRIVATE)}}]})
    return ingress, egress


def pods(hub: Hub, component: str) -> Policy:
    return {"podSelector": {"matchLabels": selector(hub, component)}}


def access(name: str) -> Policy:
    return {"podSelector": {"matchLabels": {f"hub.jupyter.org/network-access-{name}": "true"}}}


def ports(*numbers: int, protocol: str = "TCP") -> list[Policy]:
    return [{"port": number, "protocol": protocol} for number in numbers]


def dns() -> Policy:
    """Name servers are pods of some namespace, or on the nodes: port 53 of all that is not the cloud's metadata."""
    return {"to": [{"namespaceSelector": {}}, *outside()["to"]], "ports": [*ports(53, protocol="UDP"), *ports(53)]}


def outside() -> Policy:
    return {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [METADATA]}}]}
