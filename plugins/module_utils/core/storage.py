# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is mounted where: shared folders, further volumes, files of the user's own, content; and which volumes are made for it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing as t

from . import authentication, forms
from .description import Content, ExtraFile, ExtraVolume, Hub, ServerSettings, SharedFolder, Spawner

SHARED_GID = 100
"""The group of shared folders: C(users) of Debian, and the one that the Jupyter project's images work with."""

SHARED, EXTRA = "shared", "extra"
"""Components of volumes that are made ahead: people's work, and the way to a file server."""

NFS_OPTIONS = "nfsvers=4,soft"
HUB_FILES = authentication.FILES
START_DIR = "/usr/local/share/vdsg-jupyterhub"
START_PROGRAM = "server_start.py"
START_SETTINGS = "files/server_start.json"
SERVER_COMMAND = "jupyterhub-singleuser"


@dataclasses.dataclass(frozen=True)
class Made:
    """A volume that is made ahead: its component, and the options of its driver."""

    component: str
    options: dict[str, str] = dataclasses.field(default_factory=dict)
    driver: str = ""


def home(hub: Hub) -> str:
    """Return where a person's files are in a server."""
    return hub.storage.mount_path if hub.storage.type == "volume" else "/home/jovyan"


# --- shared folders


def folder_volume(hub: Hub, folder: SharedFolder) -> str:
    return f"{hub.name}-{SHARED}-{folder.name}"


def folder_path(hub: Hub, folder: SharedFolder) -> str:
    return folder.mount_path or f"{home(hub)}/shared/{folder.name}"


def may_be_written(folder: SharedFolder) -> bool:
    """Whether there is anybody who may write a folder."""
    return bool(folder.write_groups) or folder.everybody == "write"


def folders(hub: Hub, settings_of: t.Callable[[SharedFolder], dict[str, t.Any]] | None = None) -> list[dict[str, t.Any]]:
    """Return the folders as servers.py takes them: who may do what, and what it is for the spawner of the target (DockerSpawner without ``settings_of``)."""
    found = []
    for folder in hub.storage.shared_folders:
        item: dict[str, t.Any] = {"write_groups": sorted(folder.write_groups), "read_groups": sorted(folder.read_groups), "everybody": folder.everybody}
        bind = {folder_volume(hub, folder): folder_path(hub, folder)}
        found.append({**item, "settings": settings_of(folder) if settings_of else {"write": {"volumes": bind}, "read": {"read_only_volumes": bind}}})
    return found


# --- further volumes


def volume_name(hub: Hub, volume: ExtraVolume) -> str:
    """Return the name of a volume on the engine, or the path of a directory of the host."""
    if volume.type != "nfs":
        return volume.source
    # The options of a volume cannot change; other options are another volume.
    return f"{hub.name}-nfs-{volume.name}-{hashlib.sha256(json.dumps(nfs_options(volume), sort_keys=True).encode()).hexdigest()[:8]}"


def nfs_options(volume: ExtraVolume) -> dict[str, str]:
    host, _colon, export = volume.source.partition(":")
    mount = [f"addr={host}", volume.options or NFS_OPTIONS, *(["ro"] if volume.read_only else [])]
    return {"type": "nfs", "o": ",".join(mount), "device": f":{export}"}


def of_servers(hub: Hub) -> list[ExtraVolume]:
    return [volume for volume in hub.storage.extra_volumes if volume.servers != "none"]


def traits(hub: Hub, volumes: t.Iterable[ExtraVolume]) -> dict[str, t.Any]:
    """Return volumes as traits of DockerSpawner."""
    found: dict[str, t.Any] = {}
    for volume in volumes:
        if volume.type == "scratch":
            found.setdefault("extra_host_config", {}).setdefault("tmpfs", {})[volume.mount_path] = f"size={forms.size_in_bytes(volume.size)}"
        else:
            found.setdefault("read_only_volumes" if volume.read_only else "volumes", {})[volume_name(hub, volume)] = volume.mount_path
    return found


def chosen_volumes(hub: Hub, item: Spawner | ServerSettings) -> list[ExtraVolume]:
    """Return the volumes of all servers, or those of a profile or a choice."""
    if isinstance(item, Spawner):
        return [volume for volume in hub.storage.extra_volumes if volume.servers == "all"]
    return [volume for volume in hub.storage.extra_volumes if volume.name in item.volumes]


def choosable(hub: Hub) -> list[ServerSettings]:
    """Return profiles and choices: what else than the settings of every server a server may have."""
    return [layer for profile in hub.profiles for layer in (profile, *(choice for item in profile.options for choice in item.choices))]


def chosen(hub: Hub, item: Spawner | ServerSettings) -> dict[str, t.Any]:
    """Return the volumes of all servers, or those of a profile or a choice, as traits of DockerSpawner."""
    return traits(hub, chosen_volumes(hub, item))


def gids(hub: Hub, item: Spawner | ServerSettings) -> list[int]:
    """Return the further groups of a server's processes; empty when nothing differs from every server."""
    shared = [SHARED_GID] if hub.storage.shared_folders else []
    if not item.supplemental_gids and not isinstance(item, Spawner):
        return []
    return sorted({*shared, *item.supplemental_gids})


def compose_mounts(hub: Hub) -> tuple[list[dict[str, t.Any]], dict[str, dict[str, t.Any]]]:
    """Return the further mounts of the hub's container as compose takes them, and the volumes that they need."""
    mounts: list[dict[str, t.Any]] = []
    volumes: dict[str, dict[str, t.Any]] = {}
    for volume in hub.storage.extra_volumes:
        if not volume.hub:
            continue
        mount: dict[str, t.Any] = {"type": {"scratch": "tmpfs", "bind": "bind"}.get(volume.type, "volume"), "target": volume.mount_path}
        if volume.type == "scratch":
            mount["tmpfs"] = {"size": forms.size_in_bytes(volume.size), "mode": 0o1777}
        elif volume.type == "bind":
            mount |= {"source": volume.source, "read_only": volume.read_only, "bind": {"create_host_path": False}}
        else:
            key = f"extra-{volume.name}"
            volumes[key] = {"name": volume_name(hub, volume), "external": True}
            mount |= {"source": key, "read_only": volume.read_only, "volume": {"nocopy": True}}
        mounts.append(mount)
    return mounts, volumes


def made(hub: Hub) -> dict[str, Made]:
    """Return the volumes that are made ahead, by name."""
    found = {folder_volume(hub, folder): Made(SHARED) for folder in hub.storage.shared_folders}
    return found | {volume_name(hub, volume): Made(EXTRA, nfs_options(volume)) for volume in hub.storage.extra_volumes if volume.type == "nfs"}


# --- files of the user's own, and content


def needs_start(hub: Hub) -> bool:
    """Whether something is to be done in each server before it starts."""
    return bool(hub.storage.content or hub.storage.seed)


def command(hub: Hub, cmd: t.Sequence[str]) -> list[str]:
    """Return the command of a server, with what is to be done before it."""
    return ["python3", f"{START_DIR}/{START_PROGRAM}", *(cmd or [SERVER_COMMAND])] if needs_start(hub) else list(cmd)


def content_directory(content: Content) -> str:
    return content.directory or re.sub(r"\.git$", "", content.repository.rstrip("/").rpartition("/")[2])


def start_settings(hub: Hub) -> dict[str, t.Any]:
    """Return what server_start.py is told."""
    content = [{"repository": item.repository, "branch": item.branch, "directory": content_directory(item)} for item in hub.storage.content]
    # The hub waits this long for a server that has started (Spawner.http_timeout); half of it is for the server itself.
    return {"home": home(hub), "seed": hub.storage.seed, "content": content, "seconds": hub.spawner.http_timeout // 2}


def file_source(index: int, item: ExtraFile) -> str:
    """Return where the text of a file for servers is among the files of the guard, which puts it into them."""
    return f"files/{index}" if isinstance(item.content, str) else f"secrets/{item.content.secret}"


def server_files(hub: Hub) -> list[dict[str, str]]:
    """Return the files that the guard puts into each server."""
    found = [{"path": item.path, "mode": item.mode, "source": file_source(index, item)} for index, item in enumerate(hub.extra_files) if item.servers]
    if needs_start(hub):
        found.append({"path": f"{START_DIR}/{START_PROGRAM}", "mode": "0444", "source": START_PROGRAM})
        found.append({"path": f"{START_DIR}/server_start.json", "mode": "0444", "source": START_SETTINGS})
    return found


def guard_texts(hub: Hub) -> dict[str, str]:
    """Return the texts that the guard puts into servers, by the path of its files."""
    texts = {file_source(index, item): item.content for index, item in enumerate(hub.extra_files) if item.servers and isinstance(item.content, str)}
    if needs_start(hub):
        texts[START_SETTINGS] = json.dumps(start_settings(hub), indent=2) + "\n"
    return texts


def guard_secrets(hub: Hub) -> set[str]:
    """Return the names of the user's secrets that the guard puts into servers."""
    return {item.content.secret for item in hub.extra_files if item.servers and not isinstance(item.content, str)}


def hub_files(hub: Hub) -> dict[str, ExtraFile]:
    """Return the user's own files of the hub, by their path below the directory of its files."""
    return {item.path.removeprefix(f"{HUB_FILES}/"): item for item in hub.extra_files if item.hub}


def guard_rules(hub: Hub) -> dict[str, t.Any]:
    """Return what of the guard's policy is about storage and GPUs."""
    volumes = [
        {"source": folder_volume(hub, folder), "target": folder_path(hub, folder), "read_only": not may_be_written(folder)}
        for folder in hub.storage.shared_folders
    ]
    binds: list[dict[str, t.Any]] = []
    scratch: list[dict[str, t.Any]] = []
    for volume in of_servers(hub):
        if volume.type == "scratch":
            scratch.append({"target": volume.mount_path, "size": forms.size_in_bytes(volume.size)})
        else:
            entry = {"source": volume_name(hub, volume), "target": volume.mount_path, "read_only": volume.read_only}
            (binds if volume.type == "bind" else volumes).append(entry)
    layers: list[Spawner | ServerSettings] = [hub.spawner, *choosable(hub)]
    return {
        "volumes": volumes,
        "binds": binds,
        "scratch": scratch,
        "gids": sorted({gid for layer in layers for gid in gids(hub, layer)}),
        "gpus": list(hub.spawner.gpus),
        "files": server_files(hub),
    }
