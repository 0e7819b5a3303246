# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the volumes that servers get besides people's own, and look whether those of shared folders belong to their group."""

from __future__ import annotations

import json
import typing as t

from ..core import docker_compose, storage
from ..core.description import Hub
from .docker import Docker

PROGRAM = "shared_folders.py"
MOUNT = "/folders"


class Volumes:
    """Shared folders and ways to file servers of one hub. ``image`` is one that the engine has, ``program`` the text of PROGRAM."""

    def __init__(self, docker: Docker, hub: Hub, image: str, program: str, wanted: dict[str, storage.Made] | None = None) -> None:
        self.docker = docker
        self.hub = hub
        self.image = image
        self.program = program
        self.wanted = storage.made(hub) if wanted is None else wanted
        self.missing: list[str] = []

    def plan(self, with_image: bool = True) -> list[str]:
        """Return the volumes to make, and the shared folders to give to their group again; without an image nobody can look into those."""
        present = {volume["Name"] for volume in self.docker.inspect("volume", *self.wanted)}
        self.missing = [name for name in self.wanted if name not in present]
        folders = [name for name in self.folders() if name in present]
        return self.missing + (self.run("look", folders) if with_image else [])

    def apply(self, names: t.Collection[str]) -> None:
        """Make what is missing, and make shared folders right; one that a broken-off run left as it was made is found by the next look."""
        for name in self.missing:
            made = self.wanted[name]
            labels = [f"--label={key}={value}" for key, value in docker_compose.labels(self.hub, made.component).items()]
            driver = [f"--driver={made.driver}"] if made.driver else []
            self.docker.call("volume", "create", *driver, *labels, *(f"--opt={key}={value}" for key, value in made.options.items()), name)
        self.run("make", [name for name in self.folders() if name in names])

    def folders(self) -> list[str]:
        return [name for name, made in self.wanted.items() if made.component == storage.SHARED]

    def run(self, action: str, names: t.Sequence[str]) -> list[str]:
        """Run the program on volumes; return those that are not, or were not, as they should be."""
        if not names:
            return []
        mounts = [f"--volume={name}:{MOUNT}/{name}" for name in names]
        labels = [f"--label={key}={value}" for key, value in docker_compose.labels(self.hub, "delivery").items()]
        # Of that group, so that it may set the bit that hands it on.
        confined = ["--network=none", "--read-only", "--cap-drop=ALL", "--cap-add=CHOWN", "--cap-add=DAC_READ_SEARCH", f"--user=0:{storage.SHARED_GID}"]
        command = ["run", "--rm", *confined, *labels, *mounts, "--entrypoint=python3", self.image, "-c", self.program]
        wrong: list[str] = json.loads(self.docker.text(*command, action, str(storage.SHARED_GID), *(f"{MOUNT}/{name}" for name in names)))
        return [path.rpartition("/")[2] for path in wrong]
