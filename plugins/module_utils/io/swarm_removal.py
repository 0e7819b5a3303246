# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take a hub away from a swarm, by its labels: whatever a run left behind, in whatever state."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import time
import typing as t

from ..core import swarm, validation
from ..core.description import Hub, Swarm
from ..core.docker_compose import COMPONENT, LABEL
from ..core.schema import DescriptionError
from .docker import Docker
from .removal import KEPT
from .swarm_nodes import Nodes
from .swarm_running import SwarmRunning

OURS = (*swarm.SERVICES, "stack.yaml", "hub.json", "authority.pem", "secrets", "state", "build")
"""What deployments put into the project directory; what else is there is somebody else's."""


class SwarmRemoval:
    """Everything of one hub that is on a swarm and on the host."""

    def __init__(self, docker: Docker, hub: Hub, settings: Swarm) -> None:
        self.docker = docker
        self.hub = hub
        self.deadline = time.monotonic() + settings.wait_timeout
        self.running = SwarmRunning(docker, hub, settings)
        self.nodes = Nodes(self.running, self.deadline)
        self.project_dir = pathlib.Path(validation.project_dir(hub, settings))
        self.filter = f"label={LABEL}={hub.name}"

    def plan(self) -> tuple[dict[str, list[str]], list[str]]:
        """Return what is to go, by kind, and what stays. Volumes are those of this node; what other nodes keep is said by their number alone."""
        info = self.docker.text("info", "--format", "{{.Swarm.ControlAvailable}}").strip()
        on_swarm = {"service": "{{.Name}}", "network": "{{.Name}}", "config": "{{.Name}}", "secret": "{{.Name}}"} if info == "true" else {}
        removed = {kind: sorted(self.docker.lines(kind, "ls", "--filter", self.filter, "--format", form)) for kind, form in on_swarm.items()}
        removed["container"] = sorted(
            name
            for component in ("delivery", "certbot")
            for name in self.docker.lines("ps", "--all", "--filter", self.filter, "--filter", f"label={COMPONENT}={component}", "--format", "{{.Names}}")
        )
        volumes = self.docker.inspect("volume", *self.docker.lines("volume", "ls", "--quiet", "--filter", self.filter))
        data = sorted(volume["Name"] for volume in volumes if (volume["Labels"] or {}).get(COMPONENT) in KEPT)
        removed["volume"] = sorted(volume["Name"] for volume in volumes if volume["Name"] not in data)
        present = sorted(str(path) for name in OURS if (path := self.project_dir / name).exists())
        secrets = str(self.project_dir / "secrets")
        kept: list[str] = []
        if self.hub.remove_data:
            removed["volume"] += data
        else:
            kept += data + [path for path in present if path == secrets]
        removed["file"] = [path for path in present if path not in kept]
        return removed, kept

    def remove(self, removed: dict[str, list[str]]) -> None:
        """Remove it. The firewall's rules go last but one: as long as a server runs, they hold."""
        firewall = self.docker.inspect("service", f"{self.hub.name}_firewall")
        services = removed.get("service", [])
        image = self.nodes.image() if self.hub.remove_data else ""
        tasks = self.running.tasks_of(*services)
        if services:
            self.docker.call("service", "rm", *services)
        self.nodes.wait_for_tasks([task["ID"] for task in tasks])
        if firewall:
            self.take_rules_away(firewall[0]["Spec"]["TaskTemplate"]["ContainerSpec"])
        if self.hub.remove_data:
            self.nodes.delete_volumes(image, None)
        if removed["container"]:
            self.docker.call("rm", "--force", *removed["container"])
        for network in removed.get("network", []):
            self.remove_network(network)
        for kind in ("config", "secret"):
            if removed.get(kind):
                self.docker.call(kind, "rm", *removed[kind])
        present = [volume["Name"] for volume in self.docker.inspect("volume", *removed["volume"])]
        if present:
            self.docker.call("volume", "rm", *present)
        self.remove_files(removed["file"])

    def take_rules_away(self, container: dict[str, t.Any]) -> None:
        """Have each node take away the rules that the firewall left."""
        options = [part for item in container.get("Configs") or [] for part in ("--config", f"source={item['ConfigName']},target={item['File']['Name']}")]
        options += [part for name in ("NET_ADMIN", "NET_RAW", "SYS_ADMIN") for part in ("--cap-add", name)]
        options += ["--mount", "type=bind,source=/proc/1/ns/net,target=/run/host-net,readonly"]
        self.nodes.run("rules", options, ["--entrypoint", " ".join(swarm.NODE_FIREWALL), str(container["Image"]), "remove"])

    def remove_network(self, network: str) -> None:
        """Remove a network; the engine may take a moment to see that nobody is on it any more."""
        while True:
            status, _out, message = self.docker.call("network", "rm", network, check=False)
            if not status or "not found" in message:
                return
            if time.monotonic() > self.deadline:
                raise DescriptionError(f"the network {network} cannot be removed: {message}; take off what is on it, and run again")
            time.sleep(0.5)

    def remove_files(self, paths: t.Iterable[str]) -> None:
        for path in paths:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        with contextlib.suppress(OSError):
            self.project_dir.rmdir()
