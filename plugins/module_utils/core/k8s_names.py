# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What everything of a hub is called on Kubernetes, and the labels by which it is found again."""

from __future__ import annotations

import typing as t

from .description import Hub, K8s
from .docker_compose import COMPONENT, LABEL

__all__ = ["COMPONENT", "LABEL", "MANAGER", "labels", "named", "namespace", "prefix", "quantity", "selector", "selector_text"]

MANAGER = "vdsg-jupyterhub"
"""Field manager of our server-side apply, and what app.kubernetes.io/managed-by says of what we make."""

MANAGED = {"app.kubernetes.io/managed-by": MANAGER}


def prefix(hub: Hub, settings: K8s) -> str:
    """Return what all names begin with."""
    return f"{hub.name}-" if settings.name_prefix else ""


def namespace(hub: Hub, settings: K8s) -> str:
    """Return the namespace of a hub."""
    return settings.namespace or hub.name


def labels(hub: Hub, component: str) -> dict[str, str]:
    """Return the labels of an object: ours, the usual ones, and those of zero-to-jupyterhub, which network policies and dashboards made for it read."""
    return {
        "app": "jupyterhub",
        "component": component,
        "app.kubernetes.io/name": "jupyterhub",
        "app.kubernetes.io/instance": hub.name,
        "app.kubernetes.io/component": component,
        **MANAGED,
        LABEL: hub.name,
        COMPONENT: component,
    }


def named(hub: Hub, settings: K8s, kind: str, name: str, component: str, version: str = "v1", **fields: t.Any) -> dict[str, t.Any]:
    """Return an object of ours."""
    metadata = {"name": f"{prefix(hub, settings)}{name}", "namespace": namespace(hub, settings), "labels": labels(hub, component)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def selector(hub: Hub, component: str) -> dict[str, str]:
    """Return by which labels the pods of a component are found; those of people's servers are KubeSpawner's."""
    return {"component": component, LABEL: hub.name}


def selector_text(hub: Hub, **more: str) -> str:
    """Return a label selector as the API takes it."""
    return ",".join(f"{name}={value}" for name, value in {LABEL: hub.name, **more}.items())


def quantity(size: str) -> str:
    """Return an amount such as ``1.5G`` (powers of 1024, as everywhere here) as Kubernetes writes it."""
    return f"{size}i"


def managed(item: t.Mapping[str, t.Any]) -> bool:
    """Whether an object is one of those that the description makes, and not one of a person's server."""
    return (item["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == MANAGER
