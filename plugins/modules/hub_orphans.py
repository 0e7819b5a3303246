#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_orphans
short_description: Servers that a JupyterHub knows nothing of
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Compares what carries the label of a server of this hub (containers, services of a swarm, pods) with the servers that the hub knows, and removes those that
    it does not know. Check mode says which these are.
  - Volumes and claims of people whom the hub does not know are returned, and never deleted.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: [What is removed is returned.]
  idempotent:
    support: full
requirements: [docker command line, or kubernetes (Python) on a cluster]
options:
  least_age:
    description: Seconds that a server must be old; the hub may not have heard of a younger one. Whoever has a server on its way has no orphans.
    type: int
    default: 300
  target:
    description: What the hub runs on, by the name of the role that deployed it. On a swarm, the engine is that of the manager that has the hub.
    type: str
    choices: [docker_compose, swarm, k8s]
    default: docker_compose
"""

EXAMPLES = r"""
- name: Look for containers that nobody knows
  vdsg.jupyterhub.hub_orphans:
    description: "{{ hub.variables }}"
  check_mode: true
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', complete=false) }}"

- name: Remove services of a swarm that nobody knows
  vdsg.jupyterhub.hub_orphans:
    description: "{{ hub.variables }}"
    target: swarm
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', complete=false, parts=['swarm']) }}"
"""

RETURN = r"""
servers:
  description: Servers that are removed, or would be, by the name that the engine has for them.
  returned: always
  type: list
  elements: dict
  sample: [{name: lab-user-jenny, user: jenny, status: running}]
volumes:
  description: Volumes and claims with files of people whom the hub does not know; of a swarm, those of the node that is spoken to.
  returned: always
  type: list
  elements: str
  sample: [lab-user-sam]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import orphans
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.hub_api import HubApi
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.target import OPTION, libraries_of, target_of


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub = Hub.from_variables(module.params["description"])
    target = target_of(module, hub)
    with HubApi(target.line()) as api:
        found, volumes = orphans.look(target, api, module.params["least_age"])
    if not module.check_mode:
        target.remove(found)
    servers = [{"name": thing.name, "user": thing.user, "status": thing.status} for thing in found]
    return {"changed": bool(found), "servers": servers, "volumes": volumes}


def main() -> None:
    module = AnsibleModule(
        argument_spec={"description": {"type": "dict", "required": True}, "least_age": {"type": "int", "default": 300}, "target": OPTION},
        supports_check_mode=True,
    )
    open_door(module, run, libraries_of(module))


if __name__ == "__main__":
    main()
