# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a hub's stack: what is written on the host, what the swarm gets as configs and secrets, and what a change of it means."""

from __future__ import annotations

import dataclasses
import typing as t

from . import authentication, hub_config, look, nginx, project, storage, swarm, swarm_spawner, swarm_storage, validation
from .description import Hub, Swarm
from .docker_compose import DIGEST_LABEL
from .swarm import SwarmEngine

PROGRAMS = {
    "hub": (*project.PROGRAMS["hub"], "swarm_spawner.py"),
    "guard": ("engine_guard.py", "health.py", "swarm_guard.py"),
    "firewall": ("firewall.py", "node_firewall.py"),
    "proxy": project.PROGRAMS["proxy"],
    "edge": (),
}
"""Programs that run beside every hub; they are files of the role jupyterhub."""


@dataclasses.dataclass(frozen=True)
class SwarmProject:
    """Everything that is rendered, without a secret.

    ``files``: path below the project directory -> text. ``secrets``: service -> path in its directory -> name in the directory of secrets.
    ``edge_version`` is what the edge's health check says when it has loaded this configuration and certificate. ``digests`` are the labels that the services
    must have. ``names`` are those of the configs and secrets that are in use.
    """

    files: dict[str, str]
    secrets: dict[str, dict[str, str]]
    edge_version: str
    digests: dict[str, str]
    names: tuple[str, ...]
    modes: dict[str, int] = dataclasses.field(default_factory=dict)


def render(
    hub: Hub, settings: Swarm, engine: SwarmEngine, programs: t.Mapping[str, str], fingerprints: t.Mapping[str, str], wanted: t.Mapping[str, str]
) -> SwarmProject:
    """Return the stack of a hub. ``wanted`` are the secrets, of which the sizes and the authority's certificate are looked at."""
    swarm.check(hub, settings)
    secrets = swarm.secret_files(hub)
    edge_version = project.version_of_edge(nginx.render(hub), secrets["edge"], fingerprints)
    spawner = swarm_spawner.spawner(hub, settings, swarm.user_image(hub, engine))
    files = {
        "hub/jupyterhub_config.py": hub_config.render(hub, spawner, swarm_spawner.profiles(hub, settings), storage.folders(hub)),
        "hub/userlist.json": project.userlist(hub),
        "hub/announcements.json": project.pretty(look.announcements(hub.look)),
        **{f"hub/{name}": text for name, text in look.files(programs).items()},
        **{f"hub/{name}": item.content for name, item in storage.hub_files(hub).items() if isinstance(item.content, str)},
        **{f"guard/{name}": text for name, text in swarm_storage.texts(hub, programs).items()},
        "guard/guard.json": project.pretty(swarm.guard_policy(hub, engine, settings, swarm_storage.files(hub, programs, fingerprints))),
        "firewall/node-firewall.json": project.pretty(swarm.firewall_rules(hub, engine, settings)),
        "edge/nginx.conf": nginx.render(hub, edge_version),
    }
    for service, names in (*PROGRAMS.items(), ("hub", authentication.programs(hub.auth))):
        files |= {f"{service}/{name}": programs[name] for name in names}
    configs = swarm.configs(hub, files)
    hidden = swarm.versioned_secrets(hub, fingerprints, {name: len(value.encode()) for name, value in wanted.items()}, secrets)
    stack = swarm.Stack(hub, settings, engine, configs, hidden).render()
    files["stack.yaml"] = stack_yaml(hub, stack)
    files["hub.json"] = project.pretty({"name": hub.name, "url": validation.public_url(hub), "admins": sorted(user.name for user in hub.users if user.admin)})
    if authority := wanted.get("authority_certificate", ""):
        files["authority.pem"] = authority + "\n"
    digests = {name: item["deploy"]["labels"][DIGEST_LABEL] for name, item in stack["services"].items()}
    return SwarmProject(files, secrets, edge_version, digests, tuple(sorted({*stack["configs"], *stack["secrets"]})))


def stack_yaml(hub: Hub, stack: dict[str, t.Any]) -> str:
    """Return stack.yaml."""
    head = f"# Written by Ansible (vdsg.jupyterhub); by hand, here: docker stack deploy --prune --resolve-image never --compose-file stack.yaml {hub.name}\n"
    return project.as_yaml(head, stack)
