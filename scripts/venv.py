# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the virtual environment `.venv`: a link into a cache that is keyed by the pinned tools and the Python that runs them."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 13)
REQUIREMENTS = pathlib.Path(__file__).resolve().parents[1] / "requirements.txt"


def say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


def use_a_supported_python() -> None:
    """Go on with a Python that the pinned ansible-core supports: this one, or another one of this machine."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        other = shutil.which(f"python3.{minor}")
        # A name on PATH may be a shim of a version that is not there.
        if other and subprocess.run([other, "-c", ""], capture_output=True, check=False).returncode == 0:
            os.execv(other, [other, *sys.argv])
    sys.exit(f"Python 3.{OLDEST[1]} to 3.{NEWEST[1]} is needed, and this is {sys.version.split()[0]}: install one, or say `make PYTHON=/path/to/python3.12 …`.")


def need_ensurepip() -> None:
    """Debian keeps what `python -m venv` needs in a package of its own."""
    if subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0:
        return
    package = f"python3.{sys.version_info[1]}-venv"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"`python3 -m venv` does not work here: install the package {package} (Debian, Ubuntu: sudo apt-get install {package}).")
    say(f"installing {package}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, stdout=sys.stderr)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], check=True, stdout=sys.stderr, env=environment)


def build(home: pathlib.Path) -> None:
    """Fill `home`; the file `complete` is written last, so that a creation that was broken off starts again."""
    if (home / "complete").exists():
        return
    need_ensurepip()
    shutil.rmtree(home, ignore_errors=True)
    say(f"tools of requirements.txt into {home} (a minute or two, once)")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    subprocess.run([str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(REQUIREMENTS)], check=True)
    (home / "complete").touch()


def link(target: pathlib.Path, name: pathlib.Path) -> None:
    """Make `name` a link to `target`, in one step."""
    if name.exists() and not name.is_symlink():
        sys.exit(f"{name} is not a link that `make` made: move it away first.")
    if name.is_symlink() and name.readlink() == target:
        return
    name.parent.mkdir(parents=True, exist_ok=True)
    fresh = name.with_name(f"{name.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=pathlib.Path, required=True, help="directory that keeps the environments")
    arguments = parser.parse_args()
    use_a_supported_python()

    key = hashlib.sha256(REQUIREMENTS.read_bytes() + f"{sys.version} {sys.base_prefix}".encode()).hexdigest()[:16]
    cache: pathlib.Path = arguments.cache.expanduser().resolve()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"venv-{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            build(cache / f"venv-{key}")
        except subprocess.CalledProcessError as error:
            sys.exit(f"The tools could not be installed: `{' '.join(error.cmd)}` ended with {error.returncode}; see above.")
    repository = REQUIREMENTS.parent
    link(cache / f"venv-{key}", repository / ".venv")
    # Ansible finds a collection only below ansible_collections/NAMESPACE/NAME.
    link(repository, repository / ".cache/collections/ansible_collections/vdsg/jupyterhub")


if __name__ == "__main__":
    main()
