# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What KubeSpawner is told: the pod and the claim of every server, and what each profile and each choice changes of them.

Names of traits are those of kubespawner 7.1. Who may choose what is the business of servers.py, as on every target.
"""

from __future__ import annotations

import functools
import typing as t

from . import docker_spawner, k8s_storage, storage, validation, versions
from .description import Environment, Hub, K8s, ServerSettings, Spawner
from .hub_config import Section
from .k8s_names import LABEL, prefix, quantity

HOME, SHM = "home", "shm"
COMMAND = ("jupyterhub-singleuser",)


def user_image(hub: Hub) -> str:
    """Return the image of servers whose profile names none."""
    return hub.spawner.image or versions.USER_IMAGE


def spawner(hub: Hub, settings: K8s) -> Section:
    """Return what KubeSpawner is told. The namespace is that of the hub's own pod (POD_NAMESPACE)."""
    item, pods = hub.spawner, settings.pods
    traits_of_all: dict[str, t.Any] = {
        "spawner_class": "pod_spawner.PodSpawner",
        "image": user_image(hub),
        "image_pull_policy": settings.image_pull_policy,
        "pod_name_template": f"{prefix(hub, settings)}jupyter-{{user_server}}",
        "uid": pods.uid,
        "fs_gid": pods.fs_gid,
        # Exactly what a namespace that enforces restricted Pod Security asks for.
        "container_security_context": {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}},
        "pod_security_context": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "extra_labels": {LABEL: hub.name, **pods.labels},
        "events_enabled": pods.events_enabled,
        # A person's claim is deleted by nobody but a person.
        "delete_pvc": False,
        "cmd": list(COMMAND),
        **traits(hub, settings, item, docker_spawner.reporting(hub)),
    }
    if settings.image_pull_secrets or hub.images.registry.username:
        traits_of_all["image_pull_secrets"] = pull_secrets(hub, settings)
    given: dict[str, t.Any] = {
        "service_account": pods.service_account,
        "node_selector": pods.node_selector,
        "tolerations": list(pods.tolerations),
        "priority_class_name": pods.priority_class,
        "extra_annotations": pods.annotations,
        "extra_resource_limits": {**pods.extra_resource_limits, **traits_of_all.get("extra_resource_limits", {})},
        "extra_resource_guarantees": pods.extra_resource_guarantees,
    }
    traits_of_all |= {name: value for name, value in given.items() if value}
    if arguments := [*docker_spawner.kernel_culling(hub), *item.args]:
        traits_of_all["args"] = arguments
    add(traits_of_all, k8s_storage.files(hub, settings))
    if hub.storage.type == "volume":
        add_storage(traits_of_all, hub, settings)
        traits_of_all["notebook_dir"] = item.notebook_dir or hub.storage.mount_path
    elif item.notebook_dir:
        traits_of_all["notebook_dir"] = item.notebook_dir
    named = {f"{'JupyterHub' if name == 'spawner_class' else 'KubeSpawner'}.{name}": value for name, value in traits_of_all.items()}
    return "Servers: one pod each, in the namespace of the hub.", named


def add_storage(found: dict[str, t.Any], hub: Hub, settings: K8s) -> None:
    """Add where a person's files are."""
    people, mount = settings.storage, {"name": HOME, "mountPath": hub.storage.mount_path}
    if people.existing_claim:
        claim, mount = people.existing_claim, {**mount, "subPath": people.sub_path}
    else:
        claim = "{pvc_name}"
        found |= {
            "storage_pvc_ensure": True,
            "pvc_name_template": hub.storage.volume_name_template.replace("{name}", hub.name),
            "storage_capacity": quantity(people.capacity),
            "storage_access_modes": list(people.access_modes),
            "storage_extra_labels": {LABEL: hub.name, **people.labels},
        }
        if people.class_name:
            found["storage_class"] = people.class_name
    found["volumes"] = {HOME: {"name": HOME, **k8s_storage.claim(claim)}, **found.get("volumes", {})}
    found["volume_mounts"] = {HOME: mount, **found.get("volume_mounts", {})}


def pull_secrets(hub: Hub, settings: K8s) -> list[str]:
    """Return the Secrets with which images are pulled."""
    own = [f"{prefix(hub, settings)}registry"] if hub.images.registry.username else []
    return [*own, *settings.image_pull_secrets]


def add(found: dict[str, t.Any], more: t.Mapping[str, t.Any]) -> None:
    """Add traits whose values are dictionaries to those that are there."""
    for name, value in more.items():
        found[name] = {**found.get(name, {}), **value}


def traits(hub: Hub, settings: K8s, item: Spawner | ServerSettings, more: Environment | None = None) -> dict[str, t.Any]:
    """Return what a description says of a server as traits of KubeSpawner; what it does not say is not there."""
    found: dict[str, t.Any] = {}
    if item.image:
        found["image"] = item.image
    if item.cmd or (isinstance(item, Spawner) and storage.needs_start(hub)):
        found["cmd"] = storage.command(hub, item.cmd)
    if variables := environment({**(more or {}), **item.environment}, f"{prefix(hub, settings)}{k8s_storage.SERVERS}"):
        found["environment"] = variables
    if item.supplemental_gids:
        found["supplemental_gids"] = list(item.supplemental_gids)
    for name in ("cpu_limit", "cpu_guarantee", "mem_limit", "mem_guarantee"):
        if getattr(item, name) is not None:
            found[name] = getattr(item, name)
    if item.default_url and not isinstance(item, Spawner):
        found["default_url"] = item.default_url
    if item.shm_size:
        # By name, so that the choice of a profile replaces that of every server.
        found["volumes"] = {SHM: {"name": SHM, "emptyDir": {"medium": "Memory", "sizeLimit": quantity(item.shm_size)}}}
        found["volume_mounts"] = {SHM: {"name": SHM, "mountPath": "/dev/shm"}}
    if item.gpu is not None:
        found["extra_resource_limits"] = {settings.pods.gpu_resource: str(item.gpu)}
    add(found, k8s_storage.chosen(hub, item))
    return found


def environment(values: Environment, secret: str) -> dict[str, t.Any]:
    """Return environment variables that KubeSpawner, which fills in what is in braces, leaves as they are (kubespawner 7.1, _expand_env).

    What is kept elsewhere, the kubelet reads from the Secret of that name: it is in no pod's specification.
    """
    found: dict[str, t.Any] = {}
    for name, value in sorted(values.items()):
        if isinstance(value, str):
            found[name] = value.replace("{", "{{").replace("}", "}}")
        elif value.field:
            found[name] = {"valueFrom": {"fieldRef": {"fieldPath": value.field}}}
        else:
            found[name] = {"valueFrom": {"secretKeyRef": {"name": secret, "key": f"{validation.EXTRA_SECRET}{value.secret}"}}}
    return found


def profiles(hub: Hub, settings: K8s) -> list[dict[str, t.Any]]:
    """Return the profiles as servers.py takes them."""
    return docker_spawner.profiles(hub, functools.partial(traits, hub, settings))
