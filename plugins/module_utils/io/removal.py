# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take a hub away from an engine, by its labels: whatever a run left behind, in whatever state."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil

from ..core import docker_compose, validation
from ..core.description import DockerCompose, Hub
from ..core.docker_compose import COMPONENT, LABEL
from .docker import Docker

KEPT = ("data", "user-data", "shared")
"""Components whose volumes hold what people made."""

OURS = (*docker_compose.SERVICES, "compose.yaml", "hub.json", "authority.pem", "secrets", "state", "build")
"""What deployments put into the project directory; what else is there is somebody else's."""


class Removal:
    """Everything of one hub that is on an engine and on its host."""

    def __init__(self, docker: Docker, hub: Hub, settings: DockerCompose) -> None:
        self.docker = docker
        self.hub = hub
        self.project_dir = pathlib.Path(validation.project_dir(hub, settings))
        self.filter = f"label={LABEL}={hub.name}"

    def plan(self) -> tuple[dict[str, list[str]], list[str]]:
        """Return what is to go, by kind, and what stays."""
        self.docker.text("info", "--format", "{{.ServerVersion}}")
        kept: list[str] = []
        removed = {
            "container": sorted(self.docker.lines("ps", "--all", "--filter", self.filter, "--format", "{{.Names}}")),
            "network": sorted(self.docker.lines("network", "ls", "--filter", self.filter, "--format", "{{.Name}}")),
        }
        volumes = self.docker.inspect("volume", *self.docker.lines("volume", "ls", "--quiet", "--filter", self.filter))
        data = sorted(volume["Name"] for volume in volumes if (volume["Labels"] or {}).get(COMPONENT) in KEPT)
        removed["volume"] = sorted(volume["Name"] for volume in volumes if volume["Name"] not in data)
        present = sorted(str(path) for name in OURS if (path := self.project_dir / name).exists())
        secrets = str(self.project_dir / "secrets")
        if self.hub.remove_data:
            removed["volume"] += data
        else:
            kept += data + [path for path in present if path == secrets]
        removed["file"] = [path for path in present if path not in kept]
        return removed, kept

    def remove(self, removed: dict[str, list[str]]) -> None:
        """Remove it. The firewall's rules go last but one: as long as a server runs, they hold."""
        names = removed["container"]
        firewall = f"{self.hub.name}-firewall"
        others = [name for name in names if name != firewall]
        if others:
            self.docker.call("rm", "--force", "--volumes", *others)
        if firewall in names:
            self.docker.call("start", firewall)
            self.docker.call("exec", firewall, "python3", f"{docker_compose.FILES['firewall']}/firewall.py", "remove")
            self.docker.call("rm", "--force", "--volumes", firewall)
        for network in self.docker.inspect("network", *removed["network"]):
            for container in network.get("Containers") or {}:  # of services that are not ours
                self.docker.call("network", "disconnect", "--force", network["Name"], container)
        for kind in ("network", "volume"):
            if removed[kind]:
                self.docker.call(kind, "rm", *removed[kind])
        for path in removed["file"]:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        with contextlib.suppress(OSError):
            self.project_dir.rmdir()
