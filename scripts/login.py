# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say where a hub with a shared password is and how its admin logs in: three lines, from the directory of its project."""

from __future__ import annotations

import json
import pathlib
import sys


def main(project: pathlib.Path) -> None:
    hub = json.loads((project / "hub.json").read_text())
    print(f"url={hub['url']}")
    print(f"username={hub['admins'][0]}")
    print(f"password={(project / 'secrets/admin_password').read_text().strip()}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
