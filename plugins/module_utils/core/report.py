# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few lines at the end of a run: where the hub is, which versions run, what changed."""

from __future__ import annotations

import typing as t

from . import maintenance, validation
from .description import Hub

Result = t.Mapping[str, t.Any]


def deployed(project: Result, started: Result, ready: Result, certificate: Result | None = None) -> list[str]:
    """Return the report of a deployment, from the results of its tasks; of those that were skipped, nothing is expected."""
    would = not project.get("settled") and "version" not in ready
    ready = ready if "version" in ready else project.get("ready", {})
    outdated = [f"{service} {why}" for service, why in sorted(project.get("outdated", {}).items())]
    changes = [
        ("images to make or pull", [image["reference"] for image in project.get("missing", [])]),
        ("secrets made", project.get("made", [])),
        ("secrets changed", project.get("rotated", [])),
        ("files changed", project.get("changed_files", [])),
        ("volumes made or set right", project.get("volumes", [])),
        ("containers", outdated if would else actions(started)),
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
    lines = [f"{what}: {shorten(items)}" for what, items in changes if items]
    if certificate and certificate.get("changed"):
        lines.append(certificate["line"].partition(": ")[2])
    lines = lines or ["nothing changed"]
    if waiting := by_group(ready.get("waiting", {})):
        lines.append(f"in a group as soon as the hub knows them: {shorten(waiting)}")
    if any(item.startswith(("proxy ", "edge ")) for item in actions(started)) and project.get("deployed"):
        lines.append("the proxy or the edge was replaced: open notebooks connected again by themselves, kernels went on")
    if would:
        return ["this is what a run would do" if project.get("deployed") else "the hub is not deployed yet; this is what a run would do", *lines]
    versions = project["versions"]
    beside = f"compose {versions['compose']}" if "compose" in versions else f"nodes: {versions['nodes']}"
    running = f"JupyterHub {ready['version']} on Docker {versions['engine']}, {beside}; images: {project['source']}; servers running: {ready['servers']}"
    notices = [ready["maintenance"]] if ready.get("maintenance") else []
    return [str(project["url"]), running, *notices, *project.get("hints", []), *lines]


def by_group(names: t.Mapping[str, t.Sequence[str]]) -> list[str]:
    """Return members of groups as a person reads them."""
    return [f"{name} ({group})" for group, members in sorted(names.items()) for name in members]


def hints(hub: Hub, project_dir: str) -> list[str]:
    """Return where a person finds what is needed next on the host."""
    found = []
    if hub.auth.method == "shared_password":
        found.append(f"passwords: {project_dir}/secrets/user_password, and admin_password for admins")
    if hub.auth.method == "native":
        found.append(f"first password of the admins: {project_dir}/secrets/admin_password; they change it at {validation.public_url(hub)}hub/change-password")
    if hub.tls.mode == "self_signed":
        found.append(f"for browsers to trust the hub: {project_dir}/authority.pem")
    return found


def actions(started: Result) -> list[str]:
    """Return what compose did to which service."""
    done = {"Created": "created", "Creating": "created", "Recreate": "replaced", "Recreated": "replaced", "Starting": "started", "Removed": "removed"}
    found: dict[str, str] = {}
    for action in started.get("actions", []):
        status = str(action.get("status", ""))
        if action.get("what") == "container" and status in done:
            service = str(action.get("id", "")).rpartition("-")[2]
            found[service] = max(found.get(service, ""), done[status], key=("", "started", "created", "removed", "replaced").index)
    return [f"{service} {what}" for service, what in sorted(found.items())]


def shorten(items: t.Sequence[str]) -> str:
    """Return a list as one line."""
    shown = ", ".join(items[:12])
    return shown if len(items) <= 12 else f"{shown} and {len(items) - 12} more"


def checked(orphans: Result, check: Result | None = None) -> list[str]:
    """Return the report of check.yml, and without a check that of orphans.yml."""
    names = [f"{item['name']} ({item['status']})" for item in orphans["servers"]]
    lines = [str(check["msg"])] if check and "seconds" in check else []
    if names:
        lines.append(f"servers that the hub does not know: {shorten(names)}" + ("; orphans.yml removes them" if check else ""))
    if orphans["volumes"]:
        lines.append(f"volumes of people whom the hub does not know, never removed: {shorten(orphans['volumes'])}")
    return lines or ["nothing is there that the hub does not know"]


def maintained(result: Result) -> list[str]:
    """Return the report of maintenance.yml."""
    state = result["maintenance"]
    now = maintenance.sentence(maintenance.State(**state)) if state else "no maintenance: everybody starts servers"
    return [now, *([f"servers that ran when this began: {shorten(result['servers'])}"] if state and result["servers"] else [])]


def removed(result: Result) -> list[str]:
    """Return the report of a removal."""
    gone = [f"{kind}s removed: {shorten(items)}" for kind, items in result["removed"].items() if items] or ["nothing was there"]
    if result["kept"]:
        gone.append(f"kept, with people's work and the hub's secrets: {shorten(result['kept'])}")
        gone.append("to delete that too, for ever: -e jupyterhub_remove_data=true")
    return gone
