# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a compose project: what is written on the host, what is delivered to which container, and what a change of it means."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from . import authentication, docker_compose, docker_spawner, hub_config, look, nginx, storage, validation
from .description import Hub
from .docker_compose import DIGEST_LABEL, Engine, short_digest

try:
    import yaml
except ImportError as exc:  # the modules say so with missing_required_lib
    YAML_ERROR: ImportError | None = exc
else:
    YAML_ERROR = None

PROGRAMS = {
    "hub": ("health.py", "hub_relay.py", "hub_start.py", "maintenance.py", "servers.py"),
    "guard": ("engine_guard.py", "health.py"),
    "firewall": ("firewall.py",),
    "proxy": ("proxy_start.mjs",),
    "edge": (),
}
"""Programs that run beside every hub; they are files of the role jupyterhub."""

ON_SWARMS = ("node_firewall.py", "swarm_guard.py", "swarm_spawner.py")
"""Programs that only a swarm needs (swarm_project.py)."""

ON_CLUSTERS = ("edge_start.sh", "pod_spawner.py")
"""Programs that only a cluster needs (k8s.py)."""

ALL_PROGRAMS = tuple(
    sorted(
        {
            *authentication.PROGRAMS,
            *ON_CLUSTERS,
            *ON_SWARMS,
            "shared_folders.py",
            storage.START_PROGRAM,
            *(name for names in PROGRAMS.values() for name in names),
        }
    )
)
"""These and those that some hubs have."""


@dataclasses.dataclass(frozen=True)
class Project:
    """Everything that is rendered, without a secret.

    ``files``: path below the project directory -> text. ``secrets``: service -> path in its volume -> name in the directory of secrets.
    ``edge_version`` is what the edge's health check says when the edge has loaded this configuration and certificate.
    ``digests`` and ``images`` are the label and the image that each service's container must have; ``modes`` are those of files that have one of their own.
    """

    files: dict[str, str]
    secrets: dict[str, dict[str, str]]
    edge_version: str
    digests: dict[str, str]
    images: dict[str, str]
    modes: dict[str, int] = dataclasses.field(default_factory=dict)


def render(hub: Hub, engine: Engine, programs: t.Mapping[str, str], fingerprints: t.Mapping[str, str], authority: str = "") -> Project:
    """Return the project of a hub.

    ``fingerprints`` change when a secret changes and tell nothing about it; ``authority`` is the certificate of the hub's own authority, for browsers to trust.
    """
    secrets = docker_compose.secret_files(hub)
    edge_version = version_of_edge(nginx.render(hub), secrets["edge"], fingerprints)
    delivered: dict[str, dict[str, str]] = {
        "hub": {"jupyterhub_config.py": config(hub, engine), "userlist.json": userlist(hub)},
        "guard": {"guard.json": pretty(docker_compose.guard_policy(hub, engine))},
        "firewall": {"firewall.json": pretty(docker_compose.firewall_rules(hub, engine))},
        "proxy": {},
        "edge": {"nginx.conf": nginx.render(hub, edge_version)},
    }
    for service, names in (*PROGRAMS.items(), ("hub", authentication.programs(hub.auth))):
        delivered[service] |= {name: programs[name] for name in names}
    if storage.needs_start(hub):
        delivered["guard"][storage.START_PROGRAM] = programs[storage.START_PROGRAM]
    delivered["guard"] |= storage.guard_texts(hub)
    own = storage.hub_files(hub)
    delivered["hub"] |= {name: item.content for name, item in own.items() if isinstance(item.content, str)}
    delivered["hub"] |= {"announcements.json": pretty(look.announcements(hub.look)), **look.files(programs)}
    digests = {name: digest(docker_compose.reloaded(hub, name), delivered[name], secrets[name], fingerprints) for name in delivered}
    files = {f"{service}/{name}": text for service, named in delivered.items() for name, text in named.items()}
    compose = docker_compose.compose(hub, engine, digests)
    files["compose.yaml"] = compose_yaml(compose)
    files["hub.json"] = pretty({"name": hub.name, "url": validation.public_url(hub), "admins": sorted(user.name for user in hub.users if user.admin)})
    if authority:
        files["authority.pem"] = authority + "\n"
    services = compose["services"].items()
    return Project(
        files,
        secrets,
        edge_version,
        {name: item["labels"][DIGEST_LABEL] for name, item in services},
        {name: item["image"] for name, item in services},
        {f"hub/{name}": int(item.mode, 8) for name, item in own.items()},
    )


def version_of_edge(conf: str, secrets: t.Mapping[str, str], fingerprints: t.Mapping[str, str]) -> str:
    """Return what the edge's health check says when it has loaded this configuration, without a version in it, and these secrets."""
    return short_digest([conf, *(fingerprints.get(source, "") for source in secrets.values())])


def renewed(conf: str, secrets: t.Mapping[str, str], fingerprints: t.Mapping[str, str]) -> tuple[str, str]:
    """Return the configuration of an edge that runs with another certificate, and its version: the same as if all were rendered anew."""
    version = version_of_edge(nginx.with_version(conf, nginx.UNVERSIONED), secrets, fingerprints)
    return nginx.with_version(conf, version), version


def config(hub: Hub, engine: Engine) -> str:
    """Return jupyterhub_config.py for this target."""
    return hub_config.render(hub, docker_spawner.spawner(hub, docker_compose.user_image(hub, engine)), docker_spawner.profiles(hub), storage.folders(hub))


def userlist(hub: Hub) -> str:
    """Return userlist.json: the hub reads it when it starts, and is told of changes while it runs."""
    return pretty([{"name": user.name, "admin": user.admin} for user in sorted(hub.users, key=lambda user: user.name)])


def pretty(value: t.Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def compose_yaml(project: dict[str, t.Any]) -> str:
    """Return compose.yaml."""
    head = "# Written by Ansible (vdsg.jupyterhub); `docker compose ps`, `logs` and `down` work here.\n"
    return as_yaml(head, project)


def as_yaml(head: str, content: dict[str, t.Any]) -> str:
    """Return a file for an engine, with a comment at its head."""
    return head + str(yaml.safe_dump(content, sort_keys=False, width=140, allow_unicode=True))


def digest(reloaded: t.Container[str], files: t.Mapping[str, str], secrets: t.Mapping[str, str], fingerprints: t.Mapping[str, str]) -> str:
    """Return what changes when a service must be restarted: its files and secrets but for those that it reloads."""
    content = {name: text for name, text in files.items() if name not in reloaded}
    content |= {name: fingerprints.get(source, "") for name, source in secrets.items() if name not in reloaded}
    return short_digest(content)
