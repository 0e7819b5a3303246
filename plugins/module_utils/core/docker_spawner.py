# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DockerSpawner is told: the settings of every server, and what each profile and each choice changes of them."""

from __future__ import annotations

import functools
import typing as t

from . import forms, server_checks, storage
from .description import Environment, Hub, Profile, ServerSettings, Spawner
from .hub_config import Section, environment

Traits = t.Callable[[ServerSettings], dict[str, t.Any]]

USER_LABEL = "vdsg.jupyterhub.user"
REPORT = 300
"""Seconds between two reports of a server's activity (jupyterhub 6.1.1, singleuser/extension.py)."""


def spawner(hub: Hub, image: str) -> Section:
    """Return what DockerSpawner is told; ``image`` is that of servers whose description names none.

    The guard adds the rest (capabilities, process limit, logs) where the hub cannot take it away.
    """
    item = hub.spawner
    settings: dict[str, t.Any] = {
        "spawner_class": "docker",
        "client_kwargs": {"base_url": "tcp://guard:2375"},
        "image": image,
        "network_name": f"{hub.name}-users",
        "prefix": f"{hub.name}-user",
        "pull_policy": "never",
        "remove": True,
        "extra_create_kwargs": {"labels": {USER_LABEL: "{raw_username}"}},
        **traits(hub, item, reporting(hub)),
    }
    if arguments := [*kernel_culling(hub), *item.args]:
        settings["args"] = arguments
    if hub.storage.type == "volume":
        own = {hub.storage.volume_name_template.replace("{name}", hub.name): hub.storage.mount_path}
        settings["volumes"] = {**own, **settings.get("volumes", {})}
        settings["notebook_dir"] = item.notebook_dir or hub.storage.mount_path
    elif item.notebook_dir:
        settings["notebook_dir"] = item.notebook_dir
    named = {f"{'JupyterHub' if name == 'spawner_class' else 'DockerSpawner'}.{name}": value for name, value in settings.items()}
    return "Servers: one container each, made through the guard, which alone speaks with the engine.", named


def traits(hub: Hub, item: Spawner | ServerSettings, more: Environment | None = None) -> dict[str, t.Any]:
    """Return what a description says of a server as traits of DockerSpawner; what it does not say is not there."""
    settings: dict[str, t.Any] = {}
    if item.image:
        settings["image"] = item.image
    if item.cmd or (isinstance(item, Spawner) and storage.needs_start(hub)):
        settings["cmd"] = storage.command(hub, item.cmd)
    if variables := environment({**(more or {}), **item.environment}):
        settings["environment"] = variables
    for name in ("cpu_limit", "mem_limit"):
        if getattr(item, name) is not None:
            settings[name] = getattr(item, name)
    if item.default_url and not isinstance(item, Spawner):
        settings["default_url"] = item.default_url
    settings |= storage.chosen(hub, item)
    if found := host_config(hub, item) | settings.get("extra_host_config", {}):
        settings["extra_host_config"] = found
    return settings


def host_config(hub: Hub, item: Spawner | ServerSettings) -> dict[str, t.Any]:
    """Return what only the engine knows by its own names; DockerSpawner 14 ignores its mem_guarantee and cpu_guarantee."""
    values: dict[str, t.Any] = {}
    if item.mem_guarantee:
        values["mem_reservation"] = forms.size_in_bytes(item.mem_guarantee)
    if item.cpu_guarantee:
        values["cpu_shares"] = max(2, int(1024 * item.cpu_guarantee))
    if item.shm_size:
        values["shm_size"] = forms.size_in_bytes(item.shm_size)
    if groups := storage.gids(hub, item):
        values["group_add"] = groups
    if item.gpu is not None and hub.spawner.gpus:
        # Which of them it is, the guard decides: it alone knows what runs.
        values["device_requests"] = [{"count": item.gpu, "capabilities": [["gpu"]]}] if item.gpu else []
    return values


def reporting(hub: Hub) -> Environment:
    """Return what makes servers say often enough that they are in use, where idle ones are stopped sooner than usual."""
    interval = hub.culling.idle_timeout // 4
    return {"JUPYTERHUB_ACTIVITY_INTERVAL": str(interval)} if hub.culling.enabled and interval < REPORT else {}


def kernel_culling(hub: Hub) -> list[str]:
    """Return the arguments that make a server stop idle kernels and terminals (jupyter_server 2, MappingKernelManager and TerminalManager)."""
    kernels = hub.culling.kernels
    if not kernels.idle_timeout:
        return []
    found = {
        "MappingKernelManager.cull_idle_timeout": kernels.idle_timeout,
        "MappingKernelManager.cull_interval": kernels.interval,
        "MappingKernelManager.cull_connected": kernels.connected,
        "MappingKernelManager.cull_busy": kernels.busy,
        "TerminalManager.cull_inactive_timeout": kernels.idle_timeout,
        "TerminalManager.cull_interval": kernels.interval,
    }
    return [f"--{name}={value}" for name, value in found.items()]


def profiles(hub: Hub, settings_of: Traits | None = None) -> list[dict[str, t.Any]]:
    """Return the profiles as servers.py takes them: for each, and for each choice in it, only what differs from the settings of every server.

    ``settings_of`` says in the traits of a target's spawner what a description says of a server.
    """
    chosen = default_of(hub.profiles)
    return [profile_of(profile, index == chosen, settings_of or functools.partial(traits, hub)) for index, profile in enumerate(hub.profiles)]


def profile_of(profile: Profile, default: bool, settings_of: Traits) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {"name": profile.name, "description": profile.description, "default": default, "settings": settings_of(profile)}
    if profile.options:
        found["options"] = []
    for item in profile.options:
        chosen = default_of(item.choices)
        choices = [
            {"name": choice.name, "description": choice.description, "default": index == chosen, "settings": settings_of(choice)}
            for index, choice in enumerate(item.choices)
        ]
        found["options"].append({"name": item.name, "title": item.title or item.name, "choices": choices})
    if server_checks.restricted(profile):
        found["users"] = sorted({name.lower() for name in profile.allowed_users or ()})
        found["groups"] = sorted(set(profile.allowed_groups or ()))
    return found


def default_of(items: t.Sequence[t.Any]) -> int:
    """Return the index of the item that is chosen beforehand."""
    return next((index for index, item in enumerate(items) if item.default), 0)


def images(hub: Hub, image: str) -> list[str]:
    """Return the images that servers may have; ``image`` is that of servers whose description names none."""
    return sorted({image, *server_checks.chosen_images(hub)})
