#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_project
short_description: Make the stack of a JupyterHub, ready to be deployed to a swarm
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Looks at a Docker Swarm through one of its managers, and refuses what cannot work before anything is touched. An engine that is no manager, managers without
    a majority, constraints that no node meets, a volume driver that a node lacks, a port that somebody else has, images that other nodes could not pull.
  - When images are missing or the registry lacks them it returns RV(missing) or RV(unpushed) and leaves it at that; make and push them and call it again.
  - Else it makes and keeps the secrets, writes the files of the stack, makes the volumes and the network that a stack cannot make, and puts the edge's files
    into its volume.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
requirements: [docker command line, cryptography, PyYAML]
options:
  given:
    description: Values of secrets that the user gave, as P(vdsg.jupyterhub.description#lookup) returns them in C(secrets).
    type: dict
    default: {}
  programs:
    description: Texts of the programs that run beside the hub, by their file names, as P(vdsg.jupyterhub.description#lookup) returns them.
    type: dict
    required: true
  only_look:
    description: Look at the swarm, and leave it at that.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Make the stack
  vdsg.jupyterhub.swarm_project:
    programs: "{{ programs }}"
    description:
      jupyterhub_name: vdsg
      jupyterhub_auth: {method: shared_password}
      jupyterhub_users: [{name: geoheil, admin: true}]
  register: project
"""

RETURN = r"""
engine:
  description: What rendering needs to know of the swarm.
  returned: always
  type: dict
  sample: {node: xjsp73wj3w1sa98oj6h757ln4, socket: /run/docker.sock, socket_gid: 998, images: {hub: 'vdsg-jupyterhub/hub:ad002372dcc7'}}
source:
  description: Where images come from, C(auto) decided.
  returned: always
  type: str
  sample: registry
commit:
  description: Commit that the repository of the user image is at.
  returned: always
  type: str
  sample: ''
missing:
  description: Images that must be made or pulled first, in that order.
  returned: always
  type: list
  elements: dict
  sample: [{kind: hub, reference: 'vdsg-jupyterhub/hub:ad002372dcc7', action: build}]
unpushed:
  description: Images that the registry must have, and their names there.
  returned: always
  type: dict
  sample: {'vdsg-jupyterhub/hub:ad002372dcc7': 'registry.example.org:5000/vdsg-jupyterhub/hub:ad002372dcc7'}
nodes:
  description: Nodes that are ready.
  returned: always
  type: list
  elements: str
  sample: [manager, worker1]
deployed:
  description: Whether the hub has a service on the swarm.
  returned: always
  type: bool
versions:
  description: Version of the manager's engine, and how many nodes there are.
  returned: always
  type: dict
  sample: {engine: 20.10.24, nodes: '3'}
name:
  description: Name of the hub, and of its stack.
  returned: always
  type: str
  sample: vdsg
url:
  description: Address that people type.
  returned: always
  type: str
  sample: https://hub.vdsg.at/
cli:
  description: The docker command with the options that name the engine.
  returned: always
  type: list
  elements: str
  sample: [docker, --context, lab]
hints:
  description: Where a person finds what is needed next.
  returned: always
  type: list
  elements: str
  sample: ['passwords: /srv/jupyterhub/lab/secrets/user_password and admin_password']
settings:
  description: The C(swarm_) variables without their prefix, with their defaults.
  returned: always
  type: dict
  sample: {docker_host: '', wait_timeout: 300}
tls_mode:
  description: Who ends TLS, as in C(jupyterhub_tls.mode).
  returned: always
  type: str
  sample: letsencrypt
project_dir:
  description: Directory of the stack's files on the host.
  returned: always
  type: str
  sample: /srv/jupyterhub/vdsg
made:
  description: Names of the secrets that did not exist before.
  returned: unless images are missing
  type: list
  elements: str
rotated:
  description: Names of the secrets that have another value than before.
  returned: unless images are missing
  type: list
  elements: str
changed_files:
  description: The files of the stack that differ from what was there.
  returned: unless images are missing
  type: list
  elements: str
  sample: [hub/jupyterhub_config.py]
volumes:
  description: Volumes that were made, and shared folders that were given to their group again.
  returned: unless images are missing
  type: list
  elements: str
  sample: [vdsg-data]
services:
  description: For each service whose files changed in its volume, the files.
  returned: unless images are missing
  type: dict
  sample: {edge: [nginx.conf]}
outdated:
  description: Services that the swarm must make, replace or start, and why.
  returned: unless images are missing
  type: dict
  sample: {hub: changed}
stale:
  description: Configs and secrets of this hub that are no longer in use, by kind.
  returned: unless images are missing
  type: dict
  sample: {config: [vdsg-hub-7f83b1657ff1fc53], secret: []}
names:
  description: Configs and secrets that are in use.
  returned: unless images are missing
  type: list
  elements: str
ready:
  description: What M(vdsg.jupyterhub.swarm_stack) would find and do; a look at a hub that runs.
  returned: when the hub runs, and in check mode or when nothing changed
  type: dict
settled:
  description: Whether nothing is left to do.
  returned: unless images are missing
  type: bool
edge_version:
  description: What the edge's health check says when the edge has loaded its configuration and certificate.
  returned: unless images are missing
  type: str
  sample: 7f83b1657ff1fc53
"""

import contextlib
import dataclasses
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import people, report, swarm, swarm_project, swarm_storage, validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Certbot
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.people import People
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import files
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.config_check import ConfigCheck
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.delivery import Delivery
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, hub_of, swarm_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.running import CHANGES
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.secret_store import Store
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.swarm_preflight import SwarmPreflight
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.swarm_running import SwarmRunning
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.volumes import PROGRAM as FOLDERS
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.volumes import Volumes

LOOK = 10
"""Seconds in which a hub that is well answers; one that does not is looked after by swarm_stack, with all the time it may take."""


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub = hub_of(module)
    docker, settings = swarm_of(module)
    acme = Certbot.from_variables(module.params["description"])
    preflight = SwarmPreflight(docker, hub, settings, acme)
    started = not module.check_mode and preflight.initialise()
    facts = preflight.look()
    result: dict[str, t.Any] = {"changed": started, "name": hub.name, "url": validation.public_url(hub), "project_dir": preflight.project_dir}
    result |= {"settings": dataclasses.asdict(settings), "cli": ["docker", *docker.options], "hints": report.hints(hub, preflight.project_dir)}
    result |= {"tls_mode": hub.tls.mode, **dataclasses.asdict(facts)}
    if module.params["only_look"] or ((facts.missing or facts.unpushed) and not module.check_mode):
        return result

    programs = module.params["programs"]
    store = Store(f"{preflight.project_dir}/secrets", time.time())
    store.fill(hub, module.params["given"])
    rendered = swarm_project.render(hub, settings, facts.engine, programs, store.fingerprints(), store.wanted)
    check = ConfigCheck(docker, hub, preflight.project_dir, facts.engine.images["hub"], preflight.hub_image_id())
    for warning in check.run(rendered, programs, store.wanted):
        module.warn(warning)
    found = files.changes(preflight.project_dir, rendered.files, swarm.SERVICES)
    delivery = Delivery(docker, hub, rendered, store.wanted, facts.engine.images["hub"], swarm.DELIVERED, swarm.volume_names())
    volumes, services = delivery.plan() if not facts.missing else ([], delivery.everything())
    further = Volumes(docker, hub, facts.engine.images["hub"], programs[FOLDERS], swarm_storage.made(hub, settings))
    given = further.plan(not facts.missing)
    running = SwarmRunning(docker, hub, settings)
    network = facts.joined and running.has_network()
    changed = store.changed() or bool(found or volumes or services or given or not network)
    if not module.check_mode:
        if store.changed():
            store.save()
        if found:
            files.make_directory(preflight.project_dir, 0o755)
            files.apply(preflight.project_dir, found, 0o644, 0o755)
        if not network:
            running.make_network()
        further.apply(given)
        delivery.deliver(volumes, services)
        check.remember()
    if module._diff:
        result["diff"] = files.diff(found)
    done: dict[str, t.Any] = {"made": store.made, "rotated": store.rotated, "changed_files": [change.path for change in found], "volumes": volumes + given}
    result |= {**done, "services": services, "edge_version": rendered.edge_version, "names": list(rendered.names)}
    # After a change swarm_stack looks in any case.
    result |= look(running, rendered, people.described(hub) if module.check_mode or not changed else None) if facts.joined else {"settled": False}
    result["settled"] = result["settled"] and not changed
    result["changed"] = not result["settled"] if module.check_mode else changed or started
    return result


def look(running: SwarmRunning, rendered: swarm_project.SwarmProject, wanted: People | None) -> dict[str, t.Any]:
    """Look at what runs, without a change: what swarm_stack would have to do."""
    running.look()
    found: dict[str, t.Any] = {"outdated": running.behind(rendered.digests), "stale": running.stale(rendered.names)}
    answer: dict[str, t.Any] | None = None
    if wanted is not None and set(found["outdated"].values()) <= {"changed"}:
        with contextlib.suppress(DescriptionError):
            answer = found["ready"] = running.look_after(wanted, time.monotonic() + LOOK, True)
    pending = answer is None or bool(found["outdated"]) or any(found["stale"].values()) or any(answer[key] for key in CHANGES)
    found["settled"] = not pending and running.edge_has_loaded(rendered.edge_version)
    return found


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "dict", "required": True},
            "given": {"type": "dict", "default": {}, "no_log": True},
            "programs": {"type": "dict", "required": True},
            "only_look": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    open_door(module, run, LIBRARIES)


if __name__ == "__main__":
    main()
