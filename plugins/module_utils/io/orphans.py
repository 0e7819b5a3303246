# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Docker has of a hub's servers, compared with what the hub knows."""

from __future__ import annotations

import datetime
import typing as t

from ..core import orphans
from ..core.description import Hub
from ..core.docker_compose import COMPONENT, LABEL
from ..core.docker_spawner import USER_LABEL
from .docker import Docker
from .hub_api import HubApi


def look(docker: Docker, api: HubApi, hub: Hub, least_age: float) -> tuple[list[orphans.Thing], list[str]]:
    """Return the containers that are orphans, and the volumes of people whom the hub does not know."""
    # The engine first: what starts between the two looks is not seen as an orphan.
    filters = ["--filter", f"label={LABEL}={hub.name}"]
    names = docker.lines("container", "ls", "--all", "--quiet", "--no-trunc", *filters, "--filter", f"label={COMPONENT}=singleuser")
    things = [thing(item) for item in docker.inspect("container", *names)]
    volumes = docker.inspect("volume", *docker.lines("volume", "ls", "--quiet", *filters))
    (users,) = api.lists("/users")
    known = orphans.known(users)
    found = orphans.orphans(things, known, least_age)
    return found, orphans.volumes(volumes, hub.name, hub.storage.volume_name_template, known.people)


def thing(container: t.Mapping[str, t.Any]) -> orphans.Thing:
    """Return a container as the comparison takes it."""
    name = str(container["Name"]).lstrip("/")
    # Nanoseconds and the letter Z are more than Python 3.10 reads.
    created = datetime.datetime.fromisoformat(str(container["Created"])[:19] + "+00:00")
    age = (datetime.datetime.now(datetime.timezone.utc) - created).total_seconds()
    return orphans.Thing(name, frozenset({name, container["Id"]}), container["Config"]["Labels"].get(USER_LABEL, ""), age, container["State"]["Status"])
