# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done in a server before it starts: files of the image into the home, git repositories pulled; then the server takes this program's place.

Nothing here may keep a server from starting, and nothing that a person made is overwritten: a file that is there stays, and nbgitpuller keeps changes.
Its settings are beside it: ``home``, ``seed`` (a directory of the image, or nothing), ``content`` (``repository``, ``branch``, ``directory``) and
``seconds``, for all repositories together.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import typing as t
from collections.abc import Mapping


def say(text: str) -> None:
    print(f"content: {text}", file=sys.stderr, flush=True)


def seed(source: pathlib.Path, home: pathlib.Path) -> list[str]:
    """Copy files that the home does not have; return which."""
    found = []
    for path in sorted(source.rglob("*")):
        target = home / path.relative_to(source)
        # A link that leads nowhere is somebody's, too.
        if path.is_dir() or os.path.lexists(target):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
        found.append(str(path.relative_to(source)))
    return found


def pull(repository: str, branch: str, directory: pathlib.Path, seconds: float) -> None:
    """Clone a repository, or bring it up to date as nbgitpuller does: what the person changed wins."""
    if directory.exists() and not (directory / ".git").exists():
        raise RuntimeError(f"{directory} is there and not a git repository; it is left as it is")
    directory.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "nbgitpuller.pull", repository, branch, str(directory)]
    # A question for a password would wait for ever.
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"there were {seconds:.0f} seconds for it, which were not enough") from None
    if done.returncode:
        raise RuntimeError(reason(done.stdout + done.stderr))


def reason(output: str) -> str:
    """Return the line of git's or Python's output that says most."""
    if "No module named" in output and "nbgitpuller" in output:
        return "this image has no nbgitpuller"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "no reason given")[:300]


def prepare(settings: Mapping[str, t.Any]) -> None:
    """Do what is to be done; say what could not be."""
    home = pathlib.Path(settings["home"])
    try:
        if settings["seed"] and (copied := seed(pathlib.Path(settings["seed"]), home)):
            say(f"{len(copied)} files of {settings['seed']} are in {home} now")
    except OSError as error:
        say(f"{settings['seed']} is not all in {home}: {error}")
    deadline = time.monotonic() + settings["seconds"]
    for item in settings["content"]:
        try:
            pull(item["repository"], item["branch"], home / item["directory"], max(0.1, deadline - time.monotonic()))
            say(f"{item['directory']} is up to date")
        except (OSError, RuntimeError) as error:
            say(f"{item['directory']} could not be brought up to date from {item['repository']}: {error}")


def main(command: list[str]) -> None:
    prepare(json.loads(pathlib.Path(__file__).with_suffix(".json").read_text()))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
