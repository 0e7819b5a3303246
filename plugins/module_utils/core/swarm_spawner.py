# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What SwarmSpawner is told: the settings of every server, and what each profile and each choice changes of them."""

from __future__ import annotations

import typing as t

from . import docker_spawner, swarm_storage
from .description import Hub, ServerSettings, Spawner, Swarm
from .docker_spawner import images, kernel_culling, reporting
from .hub_config import Section

__all__ = ["images", "profiles", "spawner"]
CLASS = "swarm_spawner.SwarmServer"


def spawner(hub: Hub, settings: Swarm, image: str) -> Section:
    """Return what SwarmSpawner is told; ``image`` is that of servers whose description names none. The guard adds the rest."""
    item = hub.spawner
    values: dict[str, t.Any] = {
        "client_kwargs": {"base_url": "tcp://guard:2375"},
        "image": image,
        "network_name": f"{hub.name}_users",
        "prefix": f"{hub.name}-user",
        # Left out, the image would be looked at on the manager, which may not have it.
        "cmd": ["jupyterhub-singleuser"],
        "extra_endpoint_spec": {"mode": "dnsrr"},
        **traits(hub, settings, item, docker_spawner.traits(hub, item, reporting(hub))),
    }
    if arguments := [*kernel_culling(hub), *item.args]:
        values["args"] = arguments
    if hub.storage.type == "volume":
        own = {hub.storage.volume_name_template.replace("{name}", hub.name): hub.storage.mount_path}
        values["volumes"] = {**own, **values.get("volumes", {})}
        values["notebook_dir"] = item.notebook_dir or hub.storage.mount_path
    elif item.notebook_dir:
        values["notebook_dir"] = item.notebook_dir
    named = {"JupyterHub.spawner_class": CLASS, **{f"{'SwarmServer' if name == 'scratch' else 'SwarmSpawner'}.{name}": value for name, value in values.items()}}
    if hub.storage.type == "volume":
        named["SwarmServer.sticky"] = not settings.volume_driver_options
    return "Servers: one service each, made through the guard, which alone speaks with the engine.", named


def traits(hub: Hub, settings: Swarm, item: Spawner | ServerSettings, found: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return traits of DockerSpawner as SwarmServer has them: reservations, groups and memory have names of their own there."""
    found |= swarm_storage.traits(hub, settings, item, found.pop("extra_host_config", {}))
    for name in ("cpu_guarantee", "mem_guarantee"):
        if getattr(item, name):
            found[name] = getattr(item, name)
    return found


def profiles(hub: Hub, settings: Swarm) -> list[dict[str, t.Any]]:
    """Return the profiles as servers.py takes them."""
    return docker_spawner.profiles(hub, lambda item: traits(hub, settings, item, docker_spawner.traits(hub, item)))
