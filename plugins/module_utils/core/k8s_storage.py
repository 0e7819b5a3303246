# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is mounted where on Kubernetes: shared folders, further volumes, files of the user's own, and what is done before a server starts.

Servers never see a ConfigMap or a Secret as a whole: each file of them is mounted by itself (subPath), where the description says and with its mode.
"""

from __future__ import annotations

import functools
import hashlib
import re
import typing as t

from . import storage, validation
from .description import ExtraVolume, Hub, K8s, ServerSettings, SharedFolder, Spawner
from .k8s_names import prefix, quantity

Traits = dict[str, t.Any]
SERVERS = "servers"
"""The ConfigMap and the Secret with what servers are given."""

SHARED = "shared"
"""The claim of shared folders, each a directory of it."""

KEY = re.compile(r"(?!\.\.)[A-Za-z0-9._-]{1,253}")

ONE_NODE = (
    "block.csi.vultr.com",
    "cinder.csi.openstack.org",
    "csi.hetzner.cloud",
    "disk.csi.azure.com",
    "dobs.csi.digitalocean.com",
    "ebs.csi.aws.com",
    "kubernetes.io/aws-ebs",
    "kubernetes.io/azure-disk",
    "kubernetes.io/cinder",
    "kubernetes.io/gce-pd",
    "linodebs.csi.linode.com",
    "pd.csi.storage.gke.io",
    "rbd.csi.ceph.com",
)
"""Ends of the names of provisioners of disks, which are in one node at a time when they have a file system."""


def key_of(name: str) -> str:
    """Return a file's name as a key of a ConfigMap, which has no directories and few characters."""
    key = name.replace("/", "--")
    if KEY.fullmatch(key) and not re.search("--|-/|/-", name):
        return key
    # Others could be those of another name.
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', key)[-200:].lstrip('.')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


# --- shared folders


def shared_claim(hub: Hub, settings: K8s) -> str:
    return settings.shared_folders.existing_claim or f"{prefix(hub, settings)}{SHARED}"


def claim(name: str) -> Traits:
    return {"persistentVolumeClaim": {"claimName": name}}


def folders(hub: Hub, settings: K8s) -> list[Traits]:
    """Return the folders as servers.py takes them."""
    return storage.folders(hub, functools.partial(folder, hub, settings))


def folder(hub: Hub, settings: K8s, item: SharedFolder) -> Traits:
    """Return what a folder is for KubeSpawner; who only reads it has it mounted so."""
    sub_path = settings.shared_folders.sub_path.replace("{folder}", item.name)
    mount = {"name": SHARED, "mountPath": storage.folder_path(hub, item), "subPath": sub_path}
    volumes = {SHARED: {"name": SHARED, **claim(shared_claim(hub, settings))}}
    key = f"{SHARED}-{item.name}"
    return {
        "write": {"volumes": volumes, "volume_mounts": {key: mount}},
        "read": {"volumes": volumes, "volume_mounts": {key: {**mount, "readOnly": True}}},
    }


def on_one_node(provisioner: str) -> bool:
    """Whether a storage class is known to make disks, which no two nodes can have at a time."""
    return provisioner.endswith(ONE_NODE)


# --- further volumes


def source(volume: ExtraVolume) -> Traits:
    """Return where a volume comes from, as a pod has it."""
    if volume.type == "scratch":
        return {"emptyDir": {"medium": "Memory", "sizeLimit": quantity(volume.size)}}
    if volume.type == "nfs":
        host, _colon, export = volume.source.partition(":")
        return {"nfs": {"server": host, "path": export, "readOnly": volume.read_only}}
    return claim(volume.source)


def mounted(volume: ExtraVolume) -> tuple[Traits, Traits]:
    """Return a volume and its mount."""
    name = f"extra-{volume.name}"
    mount: Traits = {"name": name, "mountPath": volume.mount_path}
    return {"name": name, **source(volume)}, {**mount, "readOnly": True} if volume.read_only else mount


def chosen(hub: Hub, item: Spawner | ServerSettings) -> Traits:
    """Return the volumes of all servers, or those of a profile or a choice, as traits of KubeSpawner; by name, so that others come beside them."""
    found: Traits = {}
    for volume in storage.chosen_volumes(hub, item):
        made, mount = mounted(volume)
        found.setdefault("volumes", {})[made["name"]] = made
        found.setdefault("volume_mounts", {})[made["name"]] = mount
    return found


def of_hub(hub: Hub) -> tuple[list[Traits], list[Traits]]:
    """Return the further volumes of the hub's pod, and their mounts."""
    found = [mounted(volume) for volume in hub.storage.extra_volumes if volume.hub]
    return [volume for volume, _mount in found], [mount for _volume, mount in found]


# --- files of the user's own, and what servers read of secrets


def server_texts(hub: Hub, programs: t.Mapping[str, str]) -> dict[str, str]:
    """Return what the ConfigMap of servers holds."""
    texts = {**storage.guard_texts(hub), **({storage.START_PROGRAM: programs[storage.START_PROGRAM]} if storage.needs_start(hub) else {})}
    return {key_of(item["path"]): texts[item["source"]] for item in storage.server_files(hub) if item["source"] in texts}


def server_secrets(hub: Hub) -> list[str]:
    """Return the names of what the Secret of servers holds: what their files and environments refer to."""
    layers: list[Spawner | ServerSettings] = [hub.spawner, *storage.choosable(hub)]
    referred = {value.secret for layer in layers for value in layer.environment.values() if not isinstance(value, str) and value.secret}
    return sorted(f"{validation.EXTRA_SECRET}{name}" for name in referred | storage.guard_secrets(hub))


def files(hub: Hub, settings: K8s) -> Traits:
    """Return the files that each server gets as traits of KubeSpawner."""
    given = storage.server_files(hub)
    if not given:
        return {}
    texts: list[Traits] = []
    secrets: list[Traits] = []
    mounts: dict[str, Traits] = {}
    for item in given:
        secret = item["source"].removeprefix("secrets/") if item["source"].startswith("secrets/") else ""
        entry = {"key": f"{validation.EXTRA_SECRET}{secret}" if secret else key_of(item["path"]), "path": key_of(item["path"]), "mode": int(item["mode"], 8)}
        (secrets if secret else texts).append(entry)
        mounts[f"files:{item['path']}"] = {"name": "files", "mountPath": item["path"], "subPath": entry["path"], "readOnly": True}
    name = f"{prefix(hub, settings)}{SERVERS}"
    sources = [{kind: {"name": name, "items": items}} for kind, items in (("configMap", texts), ("secret", secrets)) if items]
    return {"volumes": {"files": {"name": "files", "projected": {"sources": sources}}}, "volume_mounts": mounts}
