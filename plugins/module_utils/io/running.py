# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hub that runs on Docker: whether its containers are what they should be, and what they say when they are asked."""

from __future__ import annotations

import time
import typing as t

from ..core import people
from ..core.people import People
from ..core.schema import DescriptionError
from . import care
from .docker import Docker
from .hub_api import ContainerLine, HubApi

SERVICES = ("firewall", "guard", "proxy", "hub", "edge")
DIGEST_LABEL = "vdsg.jupyterhub.digest"
PROJECT_LABEL = "com.docker.compose.project"
NGINX = ("nginx", "-c", "/etc/edge/nginx.conf")
CHANGES = (*people.CHANGES, "repaired")
"""What the hub was or would be told, in its answer."""

Container = dict[str, t.Any]


class Running:
    """The containers of one hub, looked at once by :meth:`look`."""

    def __init__(self, docker: Docker, name: str) -> None:
        self.docker = docker
        self.name = name
        self.containers: dict[str, Container] = {}

    def look(self) -> None:
        """Look at the containers."""
        found = {str(item["Name"]).lstrip("/"): item for item in self.docker.inspect("container", *(f"{self.name}-{service}" for service in SERVICES))}
        self.containers = {service: found[f"{self.name}-{service}"] for service in SERVICES if f"{self.name}-{service}" in found}

    def container(self, service: str) -> str:
        """Return what the engine knows a service's container by."""
        return f"{self.name}-{service}"

    def health(self, service: str) -> str:
        """Return healthy, unhealthy or starting, or the state of a container that does not run."""
        if service not in self.containers:
            return "missing"
        state = self.containers[service]["State"]
        return str((state.get("Health") or {}).get("Status", "missing")) if state.get("Running") else str(state.get("Status", "missing"))

    def states(self) -> dict[str, str]:
        """Return how each service is."""
        return {service: self.health(service) for service in SERVICES}

    def outdated(self, digests: t.Mapping[str, str], images: t.Mapping[str, str]) -> dict[str, str]:
        """Return the services that compose has something to do for, and why. ``images`` are the IDs of the images they should run."""
        found = {}
        for service in SERVICES:
            container = self.containers.get(service)
            if container is None:
                found[service] = "new"
            elif container["Config"]["Labels"].get(DIGEST_LABEL) != digests[service] or container["Image"] != images[service]:
                found[service] = "changed"
            elif self.health(service) != "healthy":
                found[service] = self.health(service)
        return found

    def wait_until_healthy(self, deadline: float) -> None:
        """Return when all containers are healthy; raise DescriptionError with what the first one that is not says of itself."""
        while True:
            self.look()
            health = self.states()
            waiting = [service for service, status in health.items() if status != "healthy"]
            if not waiting:
                return
            if time.monotonic() > deadline or "unhealthy" in health.values():
                service = next((service for service in waiting if health[service] == "unhealthy"), waiting[0])
                log = ((self.containers.get(service, {}).get("State") or {}).get("Health") or {}).get("Log") or [
                    {"Output": "it does not exist" if health[service] == "missing" else health[service]}
                ]
                name = f"{self.name}-{service}"
                raise DescriptionError(f"the container {name} is not healthy: {str(log[-1]['Output']).strip()}; see: docker logs {name}")
            time.sleep(0.2)

    def edge_has_loaded(self, version: str) -> bool:
        """Whether the edge works with these files. It is asked now: what it said at its last health check may be seconds old."""
        check: list[str] = self.containers["edge"]["Config"]["Healthcheck"]["Test"][1:]
        return self.docker.call("exec", self.container("edge"), *check, check=False)[1].decode().strip() == version

    def reload_edge(self, version: str, deadline: float) -> None:
        """Have nginx load new files; it goes on with the old ones when the new ones are no good."""
        name = self.container("edge")
        status, _out, message = self.docker.call("exec", name, *NGINX, "-t", check=False)
        if status:
            raise DescriptionError(f"the edge refuses its new configuration and goes on with the old one: {message}")
        self.docker.call("exec", name, *NGINX, "-s", "reload")
        while not self.edge_has_loaded(version):
            if time.monotonic() > deadline:
                raise DescriptionError(f"the edge does not load its new configuration; see: docker logs {name}")
            time.sleep(0.1)

    def look_after(self, wanted: People, deadline: float, dry_run: bool) -> dict[str, t.Any]:
        """Have the hub take up its people and repair its routes, or say what that would be."""
        with HubApi(ContainerLine(self.docker, self.container("hub"))) as hub:
            return care.look_after(hub, wanted, deadline, dry_run)
