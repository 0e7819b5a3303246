#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_remove
short_description: Take a JupyterHub away from a swarm
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Removes services, networks, configs, secrets and files of a hub, found by their labels; rules of the firewall go from each node.
  - The hub's database, its secrets and the volumes of people stay, on every node, unless C(jupyterhub_remove_data) is set.
  - It can be broken off anywhere and run again.
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
"""

EXAMPLES = r"""
- name: Take the hub away
  vdsg.jupyterhub.swarm_remove:
    description:
      jupyterhub_name: vdsg
"""

RETURN = r"""
removed:
  description: What was removed, by kind.
  returned: always
  type: dict
  sample: {service: [vdsg_hub], network: [vdsg_users], volume: [vdsg-edge-files], file: [/srv/jupyterhub/vdsg/stack.yaml]}
kept:
  description: What stays, since it holds what people made; volumes of other nodes are not among it.
  returned: always
  type: list
  elements: str
  sample: [vdsg-data, /srv/jupyterhub/vdsg/secrets]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, swarm_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.swarm_removal import SwarmRemoval


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub = Hub.from_variables(module.params["description"])
    validation.check_name(hub)
    docker, settings = swarm_of(module)
    removal = SwarmRemoval(docker, hub, settings)
    removed, kept = removal.plan()
    if any(removed.values()) and not module.check_mode:
        removal.remove(removed)
    return {"changed": any(removed.values()), "removed": removed, "kept": kept}


def main() -> None:
    module = AnsibleModule(argument_spec={"description": {"type": "dict", "required": True}}, supports_check_mode=True)
    open_door(module, run, LIBRARIES)


if __name__ == "__main__":
    main()
