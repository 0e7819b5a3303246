# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What servers of a swarm find besides what their image has: volumes that any node makes for itself, files that are configs and secrets."""

from __future__ import annotations

import typing as t

from . import docker_compose, storage, validation
from .description import Hub, ServerSettings, Spawner, Swarm
from .docker_compose import short_digest
from .schema import DescriptionError
from .storage import EXTRA, SHARED, Made


def folder_driver(settings: Swarm) -> tuple[str, dict[str, str]]:
    """Return the driver of shared folders, and its options: their own, or those of people's volumes."""
    own = settings.shared_folders
    if own.volume_driver:
        return own.volume_driver, own.volume_driver_options
    return settings.volume_driver, settings.volume_driver_options


def made(hub: Hub, settings: Swarm) -> dict[str, Made]:
    """Return the volumes that are made ahead on the node of the hub: folders that are on one node alone, and what the hub has of a file server."""
    driver, options = folder_driver(settings)
    found = {} if options else {storage.folder_volume(hub, folder): Made(SHARED, driver=driver) for folder in hub.storage.shared_folders}
    nfs = [volume for volume in hub.storage.extra_volumes if volume.type == "nfs" and volume.hub]
    return found | {storage.volume_name(hub, volume): Made(EXTRA, storage.nfs_options(volume)) for volume in nfs}


def given(hub: Hub, settings: Swarm) -> dict[str, dict[str, t.Any]]:
    """Return how a node makes the volumes that servers are given, by name; one that is there before is in it without anything."""
    driver, options = folder_driver(settings)
    config = {"DriverConfig": {"Name": driver, "Options": options}} if driver else {}
    found: dict[str, dict[str, t.Any]] = {
        storage.folder_volume(hub, folder): {"Labels": docker_compose.labels(hub, SHARED), **config} for folder in hub.storage.shared_folders
    }
    for volume in storage.of_servers(hub):
        if volume.type == "nfs":
            config = {"DriverConfig": {"Name": "local", "Options": storage.nfs_options(volume)}}
            found[storage.volume_name(hub, volume)] = {"Labels": docker_compose.labels(hub, EXTRA), **config}
        elif volume.type == "volume":
            found[volume.source] = {}
    return found


def layers(hub: Hub) -> list[Spawner | ServerSettings]:
    return [hub.spawner, *storage.choosable(hub)]


def most_gpus(hub: Hub) -> int:
    """Return how many GPUs a server may have at most."""
    return max(layer.gpu or 0 for layer in layers(hub))


def texts(hub: Hub, programs: t.Mapping[str, str]) -> dict[str, str]:
    """Return the texts that servers get, by their paths among the files of the guard, which gives them."""
    return {**storage.guard_texts(hub), **({storage.START_PROGRAM: programs[storage.START_PROGRAM]} if storage.needs_start(hub) else {})}


def config_name(hub: Hub, service: str, path: str, text: str) -> str:
    return f"{hub.name}-{service}-{short_digest([f'{service}/{path}', text])}"


def secret_name(hub: Hub, service: str, path: str, source: str, fingerprints: t.Mapping[str, str]) -> str:
    return f"{hub.name}-{service}-{short_digest([path, source, fingerprints.get(source, '')])}"


def files(hub: Hub, programs: t.Mapping[str, str], fingerprints: t.Mapping[str, str]) -> list[dict[str, str]]:
    """Return the files of servers as the guard gives them: a config or a secret of its own, by its name in the swarm."""
    shown = texts(hub, programs)
    found = []
    for item in storage.server_files(hub):
        source = item["source"]
        if source in shown:
            reference = {"config": config_name(hub, "guard", source, shown[source])}
        else:
            secret = f"{validation.EXTRA_SECRET}{source.removeprefix('secrets/')}"
            reference = {"secret": secret_name(hub, "guard", source, secret, fingerprints)}
        found.append({"path": item["path"], "mode": item["mode"], **reference})
    return found


def traits(hub: Hub, settings: Swarm, item: Spawner | ServerSettings, host: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what DockerSpawner would tell the engine of a host as traits of SwarmServer."""
    found: dict[str, t.Any] = {}
    if groups := host.get("group_add"):
        found["extra_container_spec"] = {"groups": [str(gid) for gid in groups]}
    if scratch := [volume for volume in storage.chosen_volumes(hub, item) if volume.type == "scratch"]:
        found["scratch"] = {volume.mount_path: host["tmpfs"][volume.mount_path].removeprefix("size=") for volume in scratch}
    if item.gpu is not None:
        found["extra_resources_spec"] = {"generic_resources": {settings.gpu_resource: item.gpu}}
    return found


def hub_mounts(hub: Hub) -> tuple[list[dict[str, t.Any]], dict[str, dict[str, t.Any]]]:
    """Return the further mounts of the hub's service, and the volumes that they need; the command line of a stack knows no mode of a tmpfs."""
    mounts, volumes = storage.compose_mounts(hub)
    for mount in mounts:
        if "tmpfs" in mount:
            mount["tmpfs"] = {"size": mount["tmpfs"]["size"]}
    return mounts, volumes


def check(hub: Hub, settings: Swarm) -> None:
    """Raise for what a service cannot have."""
    for index, volume in enumerate(hub.storage.extra_volumes):
        if volume.type == "bind":
            raise DescriptionError(
                f"jupyterhub_storage.extra_volumes[{index}].type is bind, but a server may be on any node, and the guard gives it nothing of a node; "
                f"make a volume of {volume.source} on each (docker volume create --opt type=none --opt o=bind --opt device=…) and name it with type volume"
            )
    if settings.shared_folders.volume_driver and not hub.storage.shared_folders:
        raise DescriptionError("swarm_shared_folders means nothing without jupyterhub_storage.shared_folders; name folders there, or take it away")


def check_nodes(hub: Hub, settings: Swarm, hosts: t.Sequence[str], own: str) -> None:
    """Raise for folders that each node would have for itself; ``hosts`` are the nodes that servers may be on, ``own`` is the hub's."""
    if hub.storage.shared_folders and not folder_driver(settings)[1] and list(hosts) != [own]:
        raise DescriptionError(
            f"jupyterhub_storage.shared_folders would be another one on each of {', '.join(hosts)}; name storage that all of them reach in "
            f"swarm_shared_folders, or let servers be on {own} alone with swarm_server_constraints"
        )


def check_gpus(hub: Hub, settings: Swarm, resources: t.Mapping[str, int]) -> None:
    """Raise for more GPUs than any node has; ``resources`` is the most of each kind that one has."""
    most, have = most_gpus(hub), resources.get(settings.gpu_resource, 0)
    if most > have:
        raise DescriptionError(
            f"a server is to have {most} GPUs (gpu of jupyterhub_spawner or a profile), but no node has more than {have} of the resource "
            f"{settings.gpu_resource}; name them in node-generic-resources of the node's daemon.json, or what they are called in swarm_gpu_resource"
        )


def generic_resources(node: t.Mapping[str, t.Any]) -> dict[str, int]:
    """Return how many of each kind of generic resource a node has."""
    found: dict[str, int] = {}
    for item in (node["Description"].get("Resources") or {}).get("GenericResources") or []:
        named, counted = item.get("NamedResourceSpec"), item.get("DiscreteResourceSpec")
        kind, amount = (named["Kind"], 1) if named else (counted["Kind"], int(counted["Value"]))
        found[kind] = found.get(kind, 0) + amount
    return found
