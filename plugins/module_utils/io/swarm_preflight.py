# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be known and true of a swarm before anything is touched. Nothing here changes anything."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ..core import images, server_checks, swarm, swarm_storage, validation
from ..core.description import Swarm
from ..core.images import Image
from ..core.schema import DescriptionError
from ..core.swarm import SwarmEngine
from . import files
from .preflight import ENGINE_SOCKET, Preflight, has, taken

Node = dict[str, t.Any]
IPVS = "/proc/net/ip_vs"
HERE = ("base", "certbot")
"""Images that no other node needs: one is built on, the other runs beside the engine that is spoken to."""
RESOLV_CONF = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")


@dataclasses.dataclass(frozen=True)
class SwarmFacts:
    """What the preflight found.

    ``missing`` are the images that must be made first, ``unpushed`` those that the registry must have: name here -> name there. ``nodes`` are the host names
    of those that could run a server; ``deployed`` says whether the hub has run here before.
    """

    engine: SwarmEngine
    source: str
    commit: str
    missing: tuple[Image, ...]
    unpushed: dict[str, str]
    nodes: tuple[str, ...]
    joined: bool
    deployed: bool
    versions: dict[str, str]


class SwarmPreflight(Preflight):
    """Look at a swarm through one of its managers, for one hub."""

    part = "swarm"
    start = "or install one (playbooks/engine.yml)."
    settings: Swarm
    hub_reference = ""

    def initialise(self) -> bool:
        """Make the engine the manager of a new swarm, if that is wanted and it is in none; return whether it was done."""
        if not self.settings.init or joined(self.info()):
            return False
        address = self.settings.advertise_addr
        self.docker.call("swarm", "init", *(["--advertise-addr", address] if address else []))
        return True

    def hub_image_id(self) -> str:
        """Return the ID of the hub's image here, whatever the registry calls it."""
        return next((name for reference, name in self.image_ids.items() if reference == self.hub_reference), "")

    def look(self) -> SwarmFacts:
        """Return the facts, or raise for the first thing that cannot be."""
        swarm.check(self.hub, self.settings)
        info = self.info()
        endpoint = self.docker.text("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()
        local = endpoint.startswith("unix://")
        nodes = self.nodes(info)
        able = [node for node in nodes if node["Status"]["State"] == "ready" and node["Spec"]["Availability"] == "active"]
        # An engine that is to become the manager of a new swarm is looked at in check mode only.
        services = []
        if joined(info):
            self.check_nodes(able, str(info["Swarm"]["NodeID"]))
            self.check_storage(able, str(info["Swarm"]["NodeID"]))
            services = self.services()
        self.check_swarm_ports(services, local)
        self.check_mesh(local)
        networks = self.docker.lines("network", "ls", "--format", "{{.Name}}")
        if self.hub.database.network and self.hub.database.network not in networks:
            raise DescriptionError(
                f"jupyterhub_database.network is {self.hub.database.network!r}, but the swarm has no network of that name; "
                "create it (docker network create --driver overlay) or correct the name"
            )
        self.check_driver(able)
        source, commit, references, missing = self.images(str(info["DockerRootDir"]) if local else "")
        self.hub_reference = references["hub"]
        self.check_reach(able, references)
        socket_path = endpoint.removeprefix("unix://") if local else ENGINE_SOCKET
        engine = SwarmEngine(
            node=str(info["Swarm"]["NodeID"]),
            socket=os.path.realpath(socket_path) if local else socket_path,
            socket_gid=self.socket_group(socket_path, local, references["hub"], missing),
            nameservers=name_servers() if local else (),
            images=references,
        )
        unpushed: dict[str, str] = {}
        if self.settings.push_to and not missing:
            engine, unpushed = self.pushed(engine)
        deployed = f"{self.hub.name}_hub" in {service["Spec"]["Name"] for service in services}
        hosts = tuple(sorted(node["Description"]["Hostname"] for node in able))
        return SwarmFacts(engine, source, commit, missing, unpushed, hosts, joined(info), deployed, {"engine": info["ServerVersion"], "nodes": str(len(nodes))})

    def check_kind(self, info: t.Mapping[str, t.Any]) -> None:
        """Raise unless the engine is a manager of a swarm that works."""
        swarm = info.get("Swarm") or {}
        state = swarm.get("LocalNodeState", "inactive")
        if state == "inactive" and not self.settings.init:
            raise DescriptionError(
                f"the Docker Engine of {self.docker.name} is in no swarm; set swarm_init to true to make it the manager of a new one, or have it join one"
            )
        if state not in ("active", "inactive"):
            raise DescriptionError(f"the swarm of {self.docker.name} is {state}: {swarm.get('Error') or 'see docker info'}")
        if state == "active" and not swarm.get("ControlAvailable"):
            managers = ", ".join(manager["Addr"] for manager in swarm.get("RemoteManagers") or []) or "none is known"
            reason = swarm.get("Error")
            raise DescriptionError(
                f"the Docker Engine of {self.docker.name} is a manager that cannot act: {reason}; bring back a majority of the managers"
                if reason
                else f"the Docker Engine of {self.docker.name} is a worker of its swarm; run on a manager ({managers}), or name its engine in swarm_docker_host"
            )

    def nodes(self, info: t.Mapping[str, t.Any]) -> list[Node]:
        """Return all nodes; raise when the managers cannot agree."""
        if not joined(info):
            return []
        status, out, message = self.docker.call("node", "ls", "--quiet", check=False)
        if status:
            raise DescriptionError(f"the swarm has no quorum: {message}; bring back a majority of its managers")
        return self.docker.inspect("node", *out.decode().split())

    def check_nodes(self, able: t.Sequence[Node], own: str) -> None:
        """Raise when the hub's node or every node of user servers cannot run anything."""
        if own not in {node["ID"] for node in able}:
            raise DescriptionError(f"the manager {own} is drained or not ready, but the hub is to run on it; docker node update --availability active {own}")
        for item in self.settings.server_constraints:
            if not any(meets(node, item) for node in able):
                raise DescriptionError(f"swarm_server_constraints has {item!r}, which no node that is ready meets; correct it, or label a node")

    def check_storage(self, able: t.Sequence[Node], own: str) -> None:
        """Raise for folders that each node would have for itself, and for GPUs that no node has."""
        names = {node["ID"]: str(node["Description"]["Hostname"]) for node in able}
        suitable = [node for node in able if all(meets(node, item) for item in self.settings.server_constraints)]
        swarm_storage.check_nodes(self.hub, self.settings, sorted(names[node["ID"]] for node in suitable), names[own])
        most: dict[str, int] = {}
        for node in suitable:
            for kind, amount in swarm_storage.generic_resources(node).items():
                most[kind] = max(amount, most.get(kind, 0))
        swarm_storage.check_gpus(self.hub, self.settings, most)

    def services(self) -> list[dict[str, t.Any]]:
        return self.docker.inspect("service", *self.docker.lines("service", "ls", "--quiet"))

    def wanted_ports(self) -> dict[str, int]:
        net = self.hub.network
        return {"http_port": net.http_port} | ({"https_port": net.https_port} if validation.tls_here(self.hub) else {})

    def check_swarm_ports(self, services: t.Iterable[t.Mapping[str, t.Any]], local: bool) -> None:
        """Raise when a port of the edge belongs to another service, to a container or to a program of this node."""
        own = f"{self.hub.name}_edge"
        mine = {port["PublishedPort"] for service in services if service["Spec"]["Name"] == own for port in published(service)}
        for variable, number in self.wanted_ports().items():
            for service in services:
                if service["Spec"]["Name"] != own and number in {port["PublishedPort"] for port in published(service)}:
                    raise DescriptionError(
                        f"jupyterhub_network.{variable} {number} is taken by the service {service['Spec']['Name']}; choose another port or remove that service"
                    )
            if local and number not in mine and taken(self.hub.network.bind_address, number):
                raise DescriptionError(
                    f"jupyterhub_network.{variable} {number} is taken by another program of this node (see: ss -ltnp 'sport = :{number}'); "
                    "choose another port or stop that program"
                )

    def check_mesh(self, local: bool) -> None:
        if self.settings.entry == "mesh" and local and files.read(IPVS) is None:
            raise DescriptionError("swarm_entry is mesh, but the kernel of this node has no IPVS (modprobe ip_vs); load it on each node, or set it to host")

    def check_driver(self, able: t.Iterable[Node]) -> None:
        """Raise when a node lacks the driver of people's volumes."""
        driver = self.settings.volume_driver
        for node in able:
            plugins = node["Description"]["Engine"].get("Plugins") or []
            known = {plugin["Name"].partition(":")[0] for plugin in plugins if plugin["Type"] == "Volume"} | {plugin["Name"] for plugin in plugins}
            if driver and driver not in known:
                raise DescriptionError(
                    f"swarm_volume_driver is {driver!r}, which the node {node['Description']['Hostname']} does not have; "
                    "install it there (docker plugin install)"
                )

    def check_reach(self, able: t.Sequence[Node], references: t.Mapping[str, str]) -> None:
        """Raise when other nodes could not get an image that is made here."""
        made = sorted(reference for kind, reference in references.items() if kind not in HERE and reference.startswith(f"{images.REPOSITORY}/"))
        if len(able) > 1 and made and not self.settings.push_to:
            raise DescriptionError(
                f"swarm_push_to must name a registry: the swarm has {len(able)} nodes, and {made[0]} is made on one of them; the others could not pull it"
            )

    def pushed(self, engine: SwarmEngine) -> tuple[SwarmEngine, dict[str, str]]:
        """Return the engine with the names that images have at the registry, by digest, and those that it does not have yet."""
        theirs = server_checks.chosen_images(self.hub)
        local = {kind: reference for kind, reference in engine.images.items() if kind not in HERE and reference not in theirs}
        present = self.docker.inspect("image", *local.values())
        unpushed: dict[str, str] = {}
        names = dict(engine.images)
        for kind, reference in local.items():
            there = f"{self.settings.push_to}/{reference}" if reference.startswith(f"{images.REPOSITORY}/") else reference
            if there == reference:
                continue
            image = next(image for image in present if has([image], reference))
            repository = there.rpartition(":")[0]
            digest = next((name for name in image.get("RepoDigests") or [] if name.startswith(f"{repository}@")), "")
            if digest:
                names[kind] = f"{there}@{digest.partition('@')[2]}"
            else:
                unpushed[reference] = there
        return dataclasses.replace(engine, images=names), unpushed


def joined(info: t.Mapping[str, t.Any]) -> bool:
    return (info.get("Swarm") or {}).get("LocalNodeState") == "active"


def meets(node: Node, constraint: str) -> bool:
    """Whether a node meets a constraint in Swarm's words; one that is not understood is left to Swarm."""
    key, operator, value = constraint.replace("==", " == ").replace("!=", " != ").split()
    spec, description = node["Spec"], node["Description"]
    labels = spec.get("Labels") or {}
    known = {
        "node.id": node["ID"],
        "node.hostname": description["Hostname"],
        "node.role": spec["Role"],
        "node.platform.os": description["Platform"]["OS"],
        "node.platform.arch": description["Platform"]["Architecture"],
    }
    if key.startswith("node.labels."):
        found = labels.get(key.removeprefix("node.labels."), "")
    elif key.startswith("engine.labels."):
        found = (description["Engine"].get("Labels") or {}).get(key.removeprefix("engine.labels."), "")
    elif key in known:
        found = known[key]
    else:
        return True
    return bool(found == value) == (operator == "==")


def published(service: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the ports that a service takes."""
    return [port for port in (service["Spec"].get("EndpointSpec") or {}).get("Ports") or [] if port.get("PublishedPort")]


def name_servers() -> tuple[str, ...]:
    """Return the name servers of this host that systemd-resolved hides behind a loopback address; nothing where it does not."""
    texts = [files.read(path) or "" for path in RESOLV_CONF]
    found = [[line.split()[1] for line in text.splitlines() if line.startswith("nameserver ")] for text in texts]
    hidden = all(name.startswith("127.") for name in found[0])
    return tuple(name for name in found[1] if not name.startswith("127.") and ":" not in name) if hidden else ()
