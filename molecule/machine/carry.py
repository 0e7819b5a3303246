# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry images from the engine at hand to another one that lacks them: ``carry.py HOST IMAGE…``; says which it carried."""

from __future__ import annotations

import subprocess
import sys


def missing(host: str, images: list[str]) -> list[str]:
    """Return the images that the other engine lacks."""
    looks = {image: subprocess.run(["docker", "--host", host, "image", "inspect", image], capture_output=True, check=False) for image in images}
    return [image for image, look in looks.items() if look.returncode]


def carry(host: str, images: list[str]) -> None:
    """Hand images from one engine to the other, through a pipe."""
    with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as save:
        subprocess.run(["docker", "--host", host, "load", "--quiet"], stdin=save.stdout, check=True)
    if save.returncode:
        raise subprocess.CalledProcessError(save.returncode, save.args)


if __name__ == "__main__":
    lacking = missing(sys.argv[1], sys.argv[2:])
    if lacking:
        carry(sys.argv[1], lacking)
