# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KubeSpawner for hubs whose profiles are those of servers.py, as on every other target."""

from __future__ import annotations

from kubespawner import KubeSpawner


class PodSpawner(KubeSpawner):
    """A choice is applied before the server starts; kubespawner 7.1 would look for it among profiles of its own, and refuse it."""

    async def load_user_options(self) -> None:
        """Leave it to servers.py."""
