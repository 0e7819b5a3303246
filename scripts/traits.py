# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write plugins/module_utils/core/traits.json from the pinned packages: `make traits`; tests fail when it is old.

The packages are installed into an environment of their own, in a cache that is keyed by their versions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import subprocess
import sys
import typing as t

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.versions import HUB_PACKAGES, OPTIONAL_PACKAGES

ROOT = pathlib.Path(__file__).parents[1]
COLLECTOR = ROOT / "scripts" / "collect_traits.py"
OUTPUT = ROOT / "plugins" / "module_utils" / "core" / "traits.json"


def pins() -> list[str]:
    return [f"{name}=={version}" for name, version in sorted({**HUB_PACKAGES, **OPTIONAL_PACKAGES}.items())]


def environment(cache: pathlib.Path) -> pathlib.Path:
    """Return the Python of an environment with the pinned packages; the file `complete` is written last."""
    home = cache / f"traits-{hashlib.sha256(' '.join([sys.version, *pins()]).encode()).hexdigest()[:16]}"
    if not (home / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run([str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins()], check=True)
        (home / "complete").touch()
    return home / "bin/python"


def text(found: dict[str, t.Any]) -> str:
    """Return the file: a class on each line, so that a diff shows what an update brings."""
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(entry)}" for name, entry in found["classes"].items())
    return f'{{"packages": {json.dumps(dict(sorted(found["packages"].items())))},\n"classes": {{\n{lines}\n}}}}\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=pathlib.Path, required=True, help="directory that keeps the environment")
    python = environment(parser.parse_args().cache.expanduser().resolve())
    done = subprocess.run([str(python), str(COLLECTOR)], check=True, stdout=subprocess.PIPE, text=True)
    OUTPUT.write_text(text(json.loads(done.stdout)))


if __name__ == "__main__":
    main()
