# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine has of a hub's servers, compared with what the hub knows."""

from __future__ import annotations

from ..core import orphans
from .hub_api import HubApi
from .target import Target


def look(target: Target, api: HubApi, least_age: float) -> tuple[list[orphans.Thing], list[str]]:
    """Return the servers that are orphans, and what holds the files of people whom the hub does not know."""
    # The engine first: what starts between the two looks is not seen as an orphan.
    things, files = target.servers(), target.files()
    (users,) = api.lists("/users")
    known = orphans.known(users)
    return orphans.orphans(things, known, least_age), target.lost(files, known.people)
