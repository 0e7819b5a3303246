# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The docker command line: the one way to an engine that works for a socket, for ssh, for TLS and for contexts alike."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import typing as t

from ..core.docker_compose import COMPONENT, LABEL
from ..core.schema import DescriptionError

RunCommand = t.Callable[..., tuple[int, bytes, bytes]]


class File(t.NamedTuple):
    """A file for a container."""

    text: str
    mode: int
    owner: int


class Docker:
    """An engine. ``run_command`` is AnsibleModule's."""

    def __init__(self, run_command: RunCommand, host: str = "", context: str = "") -> None:
        self.run_command = run_command
        self.options = ["--host", host] if host else ["--context", context] if context else []
        self.name = host or context or "the engine of this host"

    def call(self, *arguments: str, data: bytes | None = None, check: bool = True) -> tuple[int, bytes, str]:
        """Return status, output and error text of a docker command; raise DescriptionError when it fails and ``check`` is set."""
        try:
            status, out, err = self.run_command(["docker", *self.options, *arguments], data=data, binary_data=True, encoding=None, handle_exceptions=False)
        except OSError as exc:
            raise no_command(exc) from exc
        message = err.decode(errors="replace").strip()
        if check and status:
            raise DescriptionError(f"docker {arguments[0]} failed on {self.name}: {message}")
        return status, out, message

    def talk(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Return a docker command that runs, to write to and to read from."""
        try:
            return subprocess.Popen(["docker", *self.options, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError as exc:
            raise no_command(exc) from exc

    def text(self, *arguments: str) -> str:
        """Return the output of a docker command."""
        return self.call(*arguments)[1].decode()

    def lines(self, *arguments: str) -> list[str]:
        """Return the lines of a docker command's output."""
        return self.text(*arguments).split()

    def inspect(self, kind: str, *names: str) -> list[dict[str, t.Any]]:
        """Return what the engine knows of the objects that exist among those named."""
        if not names:
            return []
        out = self.call(kind, "inspect", *names, check=False)[1]
        return t.cast("list[dict[str, t.Any]]", json.loads(out or b"[]"))

    def running(self, hub: str, component: str) -> str:
        """Return the ID of the container that runs as a component of a hub, by its labels, which it has on a swarm, too; empty where none runs."""
        labels = {LABEL: hub, COMPONENT: component}
        return next(iter(self.lines("ps", "--quiet", *(f"--filter=label={name}={value}" for name, value in labels.items()))), "")

    def read_files(self, container: str, path: str) -> dict[str, File]:
        """Return the files below a directory of a container (running or not), by their path below it."""
        archive = self.call("cp", f"{container}:{path}/.", "-")[1]
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            members = [member for member in tar.getmembers() if member.isfile()]
            return {member.name.removeprefix("./"): File(content(tar, member), member.mode & 0o777, member.uid) for member in members}

    def follow(self, container: str, path: str) -> tuple[int, str, str]:
        """Return status, text and error text of reading one file of a container (running or not), symbolic links followed."""
        status, archive, message = self.call("cp", "--follow-link", f"{container}:{path}", "-", check=False)
        if status:
            return status, "", message
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            return 0, "".join(content(tar, member) for member in tar.getmembers() if member.isfile()), ""

    def run_and_listen(self, command: list[str], environment: t.Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run a command of the host; return its status and all that it said."""
        options = {"binary_data": True, "encoding": None, "handle_exceptions": False, "environ_update": dict(environment or {})}
        status, out, err = self.run_command(command, **options)
        return status, "\n".join(part.decode(errors="replace") for part in (out, err))

    def write_files(self, container: str, path: str, files: t.Mapping[str, File]) -> None:
        """Put files below a directory of a container, with their modes and owners."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            owners = {name.rpartition("/")[0]: file.owner for name, file in files.items()}
            for directory, owner in sorted(owners.items()):
                add(tar, tarfile.TarInfo(directory or "."), 0o755 if not directory else 0o700, owner, None)
            for name, file in sorted(files.items()):
                add(tar, tarfile.TarInfo(name), file.mode, file.owner, file.text)
        self.call("cp", "-", f"{container}:{path}", data=stream.getvalue())


def no_command(error: OSError) -> DescriptionError:
    return DescriptionError(
        f"the docker command cannot be run ({error.strerror}); install Docker's CLI with compose v2, or set docker_compose_install_engine to true"
    )


def content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = tar.extractfile(member)
    return file.read().decode(errors="replace") if file else ""


def add(tar: tarfile.TarFile, info: tarfile.TarInfo, mode: int, owner: int, text: str | None) -> None:
    """Add a file, or a directory where there is no text."""
    info.mode, info.uid, info.gid = mode, owner, owner
    if text is None:
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    else:
        data = text.encode()
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
