# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are, what they are called, and how commands are run."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

NAME = "vdsg-jupyterhub-test"
HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]

# One cluster a machine, whichever work tree began it. What outlives a restart of the machine, and what does not.
STATE = pathlib.Path("/var/lib") / NAME
RUN = pathlib.Path("/run") / NAME
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "vdsg-jupyterhub"
# What a person looks at.
FRONT = REPOSITORY / ".cache/cluster"
KUBECONFIG, LOGS = FRONT / "kubeconfig", FRONT / "logs"

NODE = NAME
NODE_ADDRESS = "10.218.0.1"
PODS, SERVICES = "10.216.0.0/16", "10.217.0.0/16"
API_ADDRESS, DNS_ADDRESS = "10.217.0.1", "10.217.0.10"
API = f"https://{NODE_ADDRESS}:6443"
CONTAINERD = RUN / "containerd.sock"


class ClusterError(Exception):
    """Why there is no cluster, in a sentence for the person who asked for one."""


def say(text: str) -> None:
    print(f"    {text}", flush=True)


def run(
    *command: str | pathlib.Path,
    stdin: bytes | None = None,
    check: bool = True,
    env: t.Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> str:
    """Run a command and return its output; what it says of its failure is the error."""
    argv = [str(part) for part in command]
    done = subprocess.run(argv, input=stdin, capture_output=True, check=False, env={**os.environ, **(env or {})}, cwd=cwd)
    if check and done.returncode:
        raise ClusterError(f"`{' '.join(argv)}` ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()[-2000:]}")
    return done.stdout.decode(errors="replace")


def digest(*parts: str | bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode() if isinstance(part, str) else part)
        whole.update(b"\0")
    return whole.hexdigest()[:16]


def write(path: pathlib.Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file in one step, with its mode from the beginning."""
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
    fresh.replace(path)


def remove(path: pathlib.Path) -> None:
    """Remove a file or a directory with all that is below it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def stop(message: str) -> t.NoReturn:
    sys.exit(message)
