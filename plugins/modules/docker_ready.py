#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_ready
short_description: Make a JupyterHub on Docker take up what it can without a restart, and wait until it is ready
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Waits until all containers of the hub are healthy, has the edge test and load a new configuration or certificate, waits until the hub answers and the proxy
    has the routes of all running servers, and gives the hub the people and groups of the description.
  - People whom an admin added on the admin page stay, and so do groups and members that somebody added by hand. A name, an admin mark or a membership that
    left the description goes; files stay. The hub itself remembers what was applied, in the properties of its group C(managed-by-ansible).
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: [What changed is returned.]
  idempotent:
    support: full
requirements: [docker command line]
options:
  edge_version:
    description: What the edge must have loaded; RV(vdsg.jupyterhub.docker_project#module:edge_version).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Wait until the hub is ready
  vdsg.jupyterhub.docker_ready:
    description: "{{ hub.variables }}"
    edge_version: "{{ project.edge_version }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description') }}"
"""

RETURN = r"""
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

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import people
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import DockerCompose, Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.docker import Docker
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.running import CHANGES, Running


def run(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    hub, settings = Hub.from_variables(params["description"]), DockerCompose.from_variables(params["description"])
    running = Running(Docker(module.run_command, settings.docker_host, settings.docker_context), hub.name)
    deadline = time.monotonic() + settings.wait_timeout
    if module.check_mode:
        running.look()
    else:
        running.wait_until_healthy(deadline)
    behind = "edge" in running.containers and not running.edge_has_loaded(params["edge_version"])
    if behind and not module.check_mode:
        running.reload_edge(params["edge_version"], deadline)
    found = running.look_after(people.described(hub), deadline, module.check_mode)
    return {"changed": behind or any(found[key] for key in CHANGES), **found}


def main() -> None:
    module = AnsibleModule(
        argument_spec={"description": {"type": "dict", "required": True}, "edge_version": {"type": "str", "required": True}}, supports_check_mode=True
    )
    open_door(module, run)


if __name__ == "__main__":
    main()
