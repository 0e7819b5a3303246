# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put files into the volumes of a hub's containers, through the engine's API."""

from __future__ import annotations

import contextlib
import typing as t

from ..core import docker_compose
from ..core.description import Hub
from ..core.docker_compose import OWNERS, SERVICES
from ..core.project import Project
from ..core.swarm_project import SwarmProject
from .docker import Docker, File

MOUNT = "/delivery"


class Delivery:
    """The volumes of one hub, and what should be in them.

    ``project`` are the rendered files, ``secrets`` the secrets by their names, ``image`` any image that the engine has; ``services`` are those whose files
    are in volumes, ``volumes`` all that are made ahead.
    """

    def __init__(
        self,
        docker: Docker,
        hub: Hub,
        project: Project | SwarmProject,
        secrets: t.Mapping[str, str],
        image: str,
        services: t.Sequence[str] = SERVICES,
        volumes: t.Sequence[str] = docker_compose.volume_names(),
    ) -> None:
        self.docker = docker
        self.hub = hub
        self.project = project
        self.secrets = secrets
        self.image = image
        self.services = services
        self.volumes = volumes

    def volume(self, name: str) -> str:
        return f"{self.hub.name}-{name}"

    def wanted(self) -> dict[str, dict[str, File]]:
        """Return the files of each service."""
        found: dict[str, dict[str, File]] = {}
        for service in self.services:
            owner = OWNERS[service]
            texts = {path.removeprefix(f"{service}/"): text for path, text in self.project.files.items() if path.startswith(f"{service}/")}
            modes = self.project.modes
            found[service] = {name: File(text, modes.get(f"{service}/{name}", 0o444), owner) for name, text in texts.items()}
            for name, source in self.project.secrets[service].items():
                found[service][name] = File(self.secrets[source] + "\n", modes.get(f"{service}/{name}", 0o400), owner)
        return found

    def plan(self) -> tuple[list[str], dict[str, list[str]]]:
        """Return the volumes to make, and for each service the files that differ from what is in its volume."""
        names = [self.volume(name) for name in self.volumes]
        present = {volume["Name"] for volume in self.docker.inspect("volume", *names)}
        missing = [name for name in names if name not in present]
        wanted = self.wanted()
        if missing:
            return missing, self.everything()
        current = self.current()
        differing = {
            service: sorted(name for name in {*wanted[service], *current[service]} if wanted[service].get(name) != current[service].get(name))
            for service in self.services
        }
        return [], {service: names for service, names in differing.items() if names}

    def current(self) -> dict[str, dict[str, File]]:
        """Return the files of each service as they are in its volume."""
        with self.helper() as container:
            files = self.docker.read_files(container, MOUNT)
        return {
            service: {name.removeprefix(f"{service}/"): file for name, file in files.items() if name.startswith(f"{service}/")} for service in self.services
        }

    def restore(self, files: t.Mapping[str, t.Mapping[str, File]]) -> None:
        """Put back what :meth:`current` found."""
        with self.helper() as container:
            for service, named in files.items():
                self.docker.write_files(container, f"{MOUNT}/{service}", named)

    def everything(self) -> dict[str, list[str]]:
        """Return all files of each service that has any."""
        return {service: sorted(wanted) for service, wanted in self.wanted().items() if wanted}

    @contextlib.contextmanager
    def helper(self) -> t.Iterator[str]:
        """Have a container that mounts all file volumes, and is never started. One that an earlier run left behind is a leftover (see preflight)."""
        mounts = [part for service in self.services for part in ("--volume", f"{self.volume(service + '-files')}:{MOUNT}/{service}")]
        labels = self.labels("delivery")
        container = self.docker.text("create", "--network", "none", *labels, *mounts, self.image, "true").strip()
        try:
            yield container
        finally:
            self.docker.call("rm", container)

    def labels(self, component: str) -> list[str]:
        return [part for key, value in docker_compose.labels(self.hub, component).items() for part in ("--label", f"{key}={value}")]

    def deliver(self, volumes: t.Iterable[str], services: t.Mapping[str, list[str]]) -> None:
        """Make the volumes and write the files that differ."""
        for name in volumes:
            self.docker.call("volume", "create", *self.labels("data" if name.endswith("-data") else "files"), name)
        if not services:
            return
        wanted = self.wanted()
        for service, names in services.items():
            stale = [name for name in names if name not in wanted[service]]
            if stale:
                self.remove(service, stale)
        with self.helper() as container:
            for service, names in services.items():
                self.docker.write_files(container, f"{MOUNT}/{service}", {name: wanted[service][name] for name in names if name in wanted[service]})

    def remove(self, service: str, names: t.Iterable[str]) -> None:
        """Take files out of a volume: the engine's API can only add."""
        paths = [f"{MOUNT}/{name}" for name in names]
        volume = f"{self.volume(service + '-files')}:{MOUNT}"
        arguments = ["--rm", "--network", "none", "--user", "0", "--cap-drop", "ALL", "--cap-add", "DAC_OVERRIDE", *self.labels("delivery"), "--volume", volume]
        self.docker.call("run", *arguments, "--entrypoint", "rm", self.image, "-f", "--", *paths)
