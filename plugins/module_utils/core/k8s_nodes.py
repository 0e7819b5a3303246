# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a hub wants of the nodes of a cluster: that a drain waits for it, and that images are there before people come."""

from __future__ import annotations

import typing as t

from . import k8s_spawner, server_checks
from .description import Hub, K8s
from .k8s_names import labels, named, selector

PULLER = "image-puller"
MIB = "1Mi"


COMPUTE = {
    "cpu": "requests.cpu",
    "memory": "requests.memory",
    **{f"{kind}.{name}": f"{kind}.{name}" for kind in ("requests", "limits") for name in ("cpu", "memory")},
}
"""What a quota calls an amount -> what it is (core/v1 ResourceQuota)."""


def amount(container: t.Mapping[str, t.Any], what: str) -> str:
    """Return what a container has of ``requests.cpu`` and the like; a limit is a request, too, where none is said. Empty where nothing is."""
    kind, _dot, name = what.partition(".")
    resources = container.get("resources") or {}
    found = (resources.get(kind) or {}).get(name) or (resources.get("limits") or {}).get(name) if kind == "requests" else (resources.get(kind) or {}).get(name)
    return str(found or "")


def containers(manifests: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, t.Mapping[str, t.Any]]:
    """Return the container that stays of each component, by the component's name."""
    found = [item for item in manifests if item["kind"] in ("Deployment", "DaemonSet")]
    return {item["metadata"]["labels"]["component"]: item["spec"]["template"]["spec"]["containers"][0] for item in found}


def budgets(hub: Hub, settings: K8s, components: t.Iterable[str]) -> list[dict[str, t.Any]]:
    """Return a PodDisruptionBudget for each component: each is one pod, so that a drain waits until somebody deletes it at a good hour."""
    if not settings.disruption_budgets:
        return []
    return [
        named(hub, settings, "PodDisruptionBudget", name, name, "policy/v1", spec={"minAvailable": 1, "selector": {"matchLabels": selector(hub, name)}})
        for name in components
    ]


def pulled(hub: Hub, settings: K8s) -> list[str]:
    """Return the images that people's servers may have, the usual one first."""
    return list(dict.fromkeys([k8s_spawner.user_image(hub), *sorted(server_checks.chosen_images(hub)), *settings.image_puller.images]))


def image_puller(hub: Hub, settings: K8s, security: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a DaemonSet on the nodes of people's servers, with one short-lived container for each image, and one that stays so that no node collects them."""
    images, pods = pulled(hub, settings), settings.pods
    resources = settings.resources.get(PULLER, {"requests": {"cpu": "1m", "memory": MIB}})
    common = {"imagePullPolicy": settings.image_pull_policy, "securityContext": dict(security), "resources": resources}
    pod: dict[str, t.Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "runAsUser": pods.uid, "runAsGroup": pods.fs_gid, "seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": [{"name": f"pull-{number}", "image": image, "command": ["true"], **common} for number, image in enumerate(images[1:])],
        "containers": [{"name": "pulled", "image": images[0], "command": ["sleep", "infinity"], **common}],
    }
    if names := k8s_spawner.pull_secrets(hub, settings):
        pod["imagePullSecrets"] = [{"name": name} for name in names]
    if pods.node_selector:
        pod["nodeSelector"] = pods.node_selector
    if pods.tolerations:
        pod["tolerations"] = list(pods.tolerations)
    spec = {
        "selector": {"matchLabels": selector(hub, PULLER)},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
        "template": {"metadata": {"labels": labels(hub, PULLER)}, "spec": pod},
    }
    return named(hub, settings, "DaemonSet", PULLER, PULLER, "apps/v1", spec=spec)
