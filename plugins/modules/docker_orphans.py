#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_orphans
short_description: Containers of servers that a JupyterHub on Docker knows nothing of
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Compares the containers that carry the label of a server of this hub with the servers that the hub knows, and removes those that it does not know.
    Check mode says which these are.
  - Volumes of people whom the hub does not know are returned, and never deleted.
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
requirements: [docker command line]
options:
  least_age:
    description: Seconds that a container must be old; the hub may not have heard of a younger one. Whoever has a server on its way has no orphans.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Look for containers that nobody knows
  vdsg.jupyterhub.docker_orphans:
    description: "{{ hub.variables }}"
  check_mode: true
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', complete=false) }}"
"""

RETURN = r"""
containers:
  description: Containers that are removed, or would be.
  returned: always
  type: list
  elements: dict
  sample: [{name: lab-user-jenny, user: jenny, status: running}]
volumes:
  description: Volumes with files of people whom the hub does not know.
  returned: always
  type: list
  elements: str
  sample: [lab-user-sam]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import orphans
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import engine_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.hub_api import ContainerLine, HubApi


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub = Hub.from_variables(module.params["description"])
    docker, _settings = engine_of(module)
    with HubApi(ContainerLine(docker, f"{hub.name}-hub")) as api:
        found, volumes = orphans.look(docker, api, hub, module.params["least_age"])
    if found and not module.check_mode:
        docker.call("rm", "--force", *(thing.name for thing in found))
    containers = [{"name": thing.name, "user": thing.user, "status": thing.status} for thing in found]
    return {"changed": bool(found), "containers": containers, "volumes": volumes}


def main() -> None:
    module = AnsibleModule(
        argument_spec={"description": {"type": "dict", "required": True}, "least_age": {"type": "int", "default": 300}}, supports_check_mode=True
    )
    open_door(module, run)


if __name__ == "__main__":
    main()
