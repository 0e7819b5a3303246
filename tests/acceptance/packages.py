# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's packages for tests, on a machine where others install some at the same time."""

from __future__ import annotations

import os
import pathlib
import subprocess

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import until

LOCKED = "Could not get lock"


def apt(*words: str, folder: pathlib.Path | None = None, seconds: float = 600) -> str:
    """Run apt-get, after whoever has its locks; return what it prints. Raises RuntimeError when it fails."""
    command = ["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=300", *words]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}

    def run() -> subprocess.CompletedProcess[str] | None:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
        # The lock of the lists is waited for by nobody.
        return None if done.returncode and LOCKED in done.stderr else done

    done = until(run, seconds, "the locks of apt-get", 1)
    if done.returncode:
        raise RuntimeError(f"apt-get {' '.join(words)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
