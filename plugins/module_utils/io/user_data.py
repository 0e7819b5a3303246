# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of people whom a hub loses: kept, packed into an archive, or deleted, as somebody said in so many words."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
import typing as t

from ..core import user_volumes
from ..core.docker_compose import COMPONENT, LABEL
from ..core.schema import DescriptionError
from . import files
from .docker import Docker

MOUNT = "/archive"
SECONDS = 60
"""How long the engine may take to let go of a volume whose container was removed."""


class UserData:
    """The volumes of a hub's people on Docker."""

    def __init__(self, docker: Docker, hub: str, template: str) -> None:
        self.docker = docker
        self.hub = hub
        self.template = template

    def volumes(self, users: t.Iterable[str]) -> dict[str, list[str]]:
        """Return the volumes of these people; who has none is not in it."""
        everything = self.docker.inspect("volume", *self.docker.lines("volume", "ls", "--quiet"))
        return user_volumes.by_user(everything, self.hub, self.template, users)

    def archive(self, volumes: t.Iterable[str], directory: str, stamp: str) -> list[str]:
        """Write each volume into a tar file that only its owner reads, whole or not at all; return the paths."""
        files.make_directory(directory, 0o700)
        image = self.docker.text("container", "inspect", "--format", "{{.Image}}", f"{self.hub}-hub").strip()
        found = []
        for volume in volumes:
            path = os.path.join(directory, f"{volume}-{stamp}.tar")
            labels = ("--label", f"{LABEL}={self.hub}", "--label", f"{COMPONENT}=delivery")
            container = self.docker.text("create", "--network", "none", *labels, "--volume", f"{volume}:{MOUNT}:ro", image, "true").strip()
            try:
                self.write_tar(container, path)
            finally:
                self.docker.call("rm", container)
            found.append(path)
        return found

    def write_tar(self, container: str, path: str) -> None:
        """Stream what a container has at the mount point into a file."""
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".archive.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                done = subprocess.run(["docker", *self.docker.options, "cp", f"{container}:{MOUNT}/.", "-"], stdout=file, stderr=subprocess.PIPE, check=False)
                if done.returncode:
                    raise DescriptionError(f"{path} cannot be written, so nothing was deleted: {done.stderr.decode(errors='replace').strip()}")
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise

    def delete(self, volumes: t.Sequence[str]) -> None:
        """Delete volumes for ever."""
        deadline = time.monotonic() + SECONDS
        while volumes:
            message = self.docker.call("volume", "rm", *volumes, check=False)[2]
            present = {volume["Name"] for volume in self.docker.inspect("volume", *volumes)}
            volumes = [volume for volume in volumes if volume in present]
            if volumes and (time.monotonic() > deadline or "in use" not in message):
                raise DescriptionError(f"the volumes {', '.join(volumes)} cannot be deleted: {' '.join(message.split())}")
            time.sleep(0.5 if volumes else 0)
