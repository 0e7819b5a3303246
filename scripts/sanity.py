# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test sanity in a copy of the collection, from a package index alone and apart from the home directory of who runs it."""

from __future__ import annotations

import ast
import os
import pathlib
import subprocess
import sys

# ansible-test fetches get-pip.py from a server of its own; the pip that Python brings does the same.
GET_PIP = """
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"])
subprocess.check_call([sys.executable, "-m", "pip", "install"] + [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")])
"""
PIP_VERSION = "24.2"


def pip_settings() -> str:
    """What pip is told here, as a file: ansible-test passes no environment on, and its home directory is another one."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True).stdout
    settings = {}
    for line in listed.splitlines():
        key, value = line.split("=", 1)
        settings[key.rpartition(".")[2]] = str(ast.literal_eval(value)).replace("\n", "\n    ")
    return "[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())


def main(collection: pathlib.Path, home: pathlib.Path, *arguments: str) -> None:
    for path, text in (
        (home / f".ansible/test/cache/get_pip_{PIP_VERSION.replace('.', '_')}.py", GET_PIP),
        (home / ".config/pip/pip.conf", pip_settings()),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tools = pathlib.Path(sys.executable).parent
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    os.chdir(collection)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    os.execve(tools / "ansible-test", ["ansible-test", "sanity", "--venv", "--python", python, "--color", "no", *arguments], environment)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve(), *sys.argv[3:])
