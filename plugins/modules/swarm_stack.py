#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_stack
short_description: Deploy the stack of a JupyterHub to a swarm, and wait until the hub is ready
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Deploys what M(vdsg.jupyterhub.swarm_project) has written with C(docker stack deploy), has the nodes pull the images of user servers, and waits until
    every service runs as described. A service that cannot start fails the task with what the engine says of it.
  - Then has the edge load a new configuration or certificate, gives the hub the people and groups of the description as M(vdsg.jupyterhub.docker_ready) does,
    and removes configs and secrets that no service uses any more.
  - M(community.docker.docker_stack) is not used, because it needs a Python package on the host and looks at each service twice by itself.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: none
    details: [M(vdsg.jupyterhub.swarm_project) says what would be done.]
  diff_mode:
    support: none
    details: [What changed is returned.]
  idempotent:
    support: full
requirements: [docker command line]
options:
  project:
    description: Result of M(vdsg.jupyterhub.swarm_project).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Deploy the stack and wait until the hub is ready
  vdsg.jupyterhub.swarm_stack:
    description: "{{ hub.variables }}"
    project: "{{ project }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', parts=['swarm']) }}"
"""

RETURN = r"""
actions:
  description: Services that were made, replaced or started, in the form of M(community.docker.docker_compose_v2).
  returned: always
  type: list
  elements: dict
  sample: [{what: container, id: vdsg-hub, status: Recreated}]
pruned:
  description: Configs and secrets that were removed, by kind.
  returned: always
  type: dict
  sample: {config: [vdsg-hub-7f83b1657ff1fc53], secret: []}
version:
  description: Version of JupyterHub that runs.
  returned: always
  type: str
  sample: 6.1.1
servers:
  description: How many servers of users run.
  returned: always
  type: int
added:
  description: People of the description that are new at the hub.
  returned: always
  type: list
  elements: str
removed:
  description: People that lost access.
  returned: always
  type: list
  elements: str
promoted:
  description: People that became admins.
  returned: always
  type: list
  elements: str
demoted:
  description: People that are admins no longer.
  returned: always
  type: list
  elements: str
groups_added:
  description: Groups that are new at the hub.
  returned: always
  type: list
  elements: str
groups_removed:
  description: Groups that are gone, since they left the description and nobody is left in them.
  returned: always
  type: list
  elements: str
joined:
  description: People that became members, by group.
  returned: always
  type: dict
  sample: {course: [alice]}
left:
  description: People that are members no longer, by group.
  returned: always
  type: dict
  sample: {course: [bob]}
waiting:
  description: Members of the description whom the hub does not know yet, by group. They join as soon as it does; a group lets nobody in.
  returned: always
  type: dict
  sample: {course: [carol]}
repaired:
  description: Paths that the proxy did not know and knows now.
  returned: always
  type: list
  elements: str
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import people, swarm_spawner
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import hub_of, swarm_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.running import CHANGES
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.swarm_running import SwarmRunning


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub = hub_of(module)
    docker, settings = swarm_of(module)
    project = module.params["project"]
    running = SwarmRunning(docker, hub, settings)
    deadline = time.monotonic() + settings.wait_timeout
    with_auth = bool(hub.images.registry.url)
    outdated: dict[str, str] = project["outdated"]
    if outdated:
        running.deploy(project["project_dir"], with_auth)
        if len(project["nodes"]) > 1:
            running.pull(swarm_spawner.images(hub, hub.spawner.image or project["engine"]["images"]["user"]), deadline, with_auth)
    running.wait(deadline)
    behind = not running.edge_has_loaded(project["edge_version"])
    if behind:
        running.reload_edge(project["edge_version"], deadline)
    found = running.look_after(people.described(hub), deadline, False)
    pruned = running.prune(project["names"])
    actions = [{"what": "container", "id": f"{hub.name}-{service}", "status": status(why)} for service, why in outdated.items()]
    changed = bool(outdated) or behind or any(pruned.values()) or any(found[key] for key in CHANGES)
    return {"changed": changed, "actions": actions, "pruned": pruned, **found}


def status(why: str) -> str:
    """Return what was done to a service, in the words of the report."""
    return {"new": "Created", "changed": "Recreated"}.get(why, "Starting")


def main() -> None:
    module = AnsibleModule(argument_spec={"description": {"type": "dict", "required": True}, "project": {"type": "dict", "required": True}})
    open_door(module, run)


if __name__ == "__main__":
    main()
