# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have the image that a hub will run load its configuration, when only that can say whether it is good, and when it has changed."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from ..core import docker_compose, hub_config, traits
from ..core.description import Hub
from ..core.project import Project
from ..core.swarm_project import SwarmProject
from ..core.schema import DescriptionError
from . import files
from .docker import Docker

PROGRAM = "config_check.py"
CATALOGUE = "traits.json"
CONFINED = ("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=1000:1000", "--tmpfs=/tmp")
"""No network, nothing to write to, no data: the configuration is loaded, and nothing else can come of it."""


class ConfigCheck:
    """The check of one hub. ``programs`` have the program and the catalogue of traits; ``image`` is the reference of the hub's image, ``image_id`` its ID."""

    def __init__(self, docker: Docker, hub: Hub, project_dir: str, image: str, image_id: str) -> None:
        self.docker = docker
        self.hub = hub
        self.image = image
        self.image_id = image_id
        self.path = os.path.join(project_dir, "state", "config-check.json")
        self.digest = ""

    def run(self, project: Project | SwarmProject, programs: t.Mapping[str, str], secrets: t.Mapping[str, str]) -> list[str]:
        """Return what the user should know; raise DescriptionError for a configuration that the image refuses. Nothing is asked twice."""
        if not traits.needs_image(self.hub) or not self.image_id:
            return []
        digest = docker_compose.short_digest([self.image_id, project.digests["hub"], programs[PROGRAM]])
        if json.loads(files.read(self.path) or "{}").get("digest") == digest:
            return []
        texts = {name.removeprefix("hub/"): text for name, text in project.files.items() if name.startswith("hub/")}
        given = {name: secrets[source] + "\n" for name, source in project.secrets["hub"].items()}
        answer = self.ask(programs[PROGRAM], {"files": {**texts, **given}, "hidden": list(given.values())})
        config = texts["jupyterhub_config.py"]
        catalogue = traits.Catalogue(json.loads(programs[CATALOGUE]))
        warnings = traits.answered(answer, self.hub, self.image, catalogue, lambda line: hub_config.place(config, line))
        self.digest = digest
        return warnings

    def ask(self, program: str, order: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the answer of a container of the image."""
        mount = f"--tmpfs={hub_config.FILES}:uid=1000,gid=1000,mode=0700"
        labels = [f"--label={key}={value}" for key, value in docker_compose.labels(self.hub, "delivery").items()]
        command = ["run", "--rm", "--interactive", *CONFINED, mount, *labels, "--entrypoint=python3", self.image_id, "-c", program]
        status, out, message = self.docker.call(*command, data=json.dumps(order).encode(), check=False)
        if status:
            said = message.splitlines()[-1] if message else f"status {status}"
            raise DescriptionError(
                f"the image {self.image} cannot load the hub's configuration: {said}; use an image with JupyterHub and its python3 first on PATH"
            )
        answer: dict[str, t.Any] = json.loads(out)
        return answer

    def remember(self) -> None:
        """Note that this configuration is good in this image."""
        if self.digest:
            with contextlib.suppress(OSError):
                files.make_directory(os.path.dirname(self.path), 0o700)
                files.write(self.path, json.dumps({"digest": self.digest}), 0o600)
