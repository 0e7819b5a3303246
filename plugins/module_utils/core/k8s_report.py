# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few lines at the end of a run on Kubernetes."""

from __future__ import annotations

from . import k8s_objects, validation
from .description import Hub, K8s
from .k8s_names import namespace, prefix
from .report import Result, by_group, shorten


def deployed(project: Result, ready: Result) -> list[str]:
    """Return the report of a deployment, from the results of its tasks; of those that were skipped, nothing is expected."""
    would = not project["settled"] and "version" not in ready
    ready = ready if "version" in ready else project.get("ready", {})
    pending = [k8s_objects.title(item) for item in project["pending"]]
    changes = [
        ("secrets made", project["made"]),
        ("secrets changed", project["rotated"]),
        ("objects", pending),
        ("objects removed", [k8s_objects.title(item) for item in project["pruned"]]),
        ("people added", ready.get("added", [])),
        ("people removed", ready.get("removed", [])),
        ("admins added", ready.get("promoted", [])),
        ("admins removed", ready.get("demoted", [])),
        ("groups added", ready.get("groups_added", [])),
        ("groups removed", ready.get("groups_removed", [])),
        ("joined a group", by_group(ready.get("joined", {}))),
        ("left a group", by_group(ready.get("left", {}))),
        ("routes repaired", ready.get("repaired", [])),
    ]
    lines = [f"{what}: {shorten(items)}" for what, items in changes if items] or ["nothing changed"]
    if waiting := by_group(ready.get("waiting", {})):
        lines.append(f"in a group as soon as the hub knows them: {shorten(waiting)}")
    lines += project["unchecked"]
    if would and lines == ["nothing changed"]:
        lines = ["wait until the hub is ready, or give it its people: it is not as it should be yet"]
    if would:
        return ["this is what a run would do" if project["deployed"] else "the hub is not deployed yet; this is what a run would do", *lines]
    if project["deployed"] and any(name in ("Deployment " + item for item in project["proxies"]) for name in pending):
        lines.append("the proxy or the edge was replaced: open notebooks connected again by themselves, kernels went on")
    running = f"JupyterHub {ready['version']} on Kubernetes {project['version']}, namespace {project['namespace']}; servers running: {ready['servers']}"
    return [str(project["url"]), running, *ready.get("hints", project["hints"]), *lines]


def hints(hub: Hub, settings: K8s) -> list[str]:
    """Return where a person finds what is needed next."""
    kubectl = f"kubectl {'' if settings.in_cluster else f'--context {settings.context} '}--namespace {namespace(hub, settings)}"
    found = []

    def show(secret: str, key: str) -> str:
        return f"{kubectl} get secret {prefix(hub, settings)}{secret} --template '{{{{index .data \"{key}\" | base64decode}}}}'"

    if settings.service.type == "ClusterIP" and not settings.behind:
        tls = validation.tls_here(hub)
        port = hub.network.https_port if tls else hub.network.http_port
        local = 8443 if tls else 8000
        found.append(f"nothing leads into the cluster; to look: {kubectl} port-forward service/{prefix(hub, settings)}proxy-public {local}:{port}")
    if hub.auth.method == "shared_password":
        found.append(f"passwords: {show('hub', 'user_password')}, and admin_password for admins")
    if hub.auth.method == "native":
        found.append(f"first password of the admins: {show('hub', 'admin_password')}")
    if hub.tls.mode == "self_signed":
        found.append(f"for browsers to trust the hub: {show('tls', 'ca.crt')}")
    return found


def removed(result: Result) -> list[str]:
    """Return the report of a removal."""
    lines = [f"removed: {shorten(result['removed'])}"] if result["removed"] else ["nothing was there"]
    if result["kept"]:
        lines.append(f"kept, with people's work and the hub's secrets: {shorten(result['kept'])}")
        lines.append("to delete that too, for ever: -e jupyterhub_remove_data=true")
    return lines
