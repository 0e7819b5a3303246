#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_remove
short_description: Take a JupyterHub away from a Docker Engine
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Removes everything on the engine that carries the hub's label, whatever state it is in. Servers, containers, networks, volumes with configuration, and the
    firewall's rules.
  - The hub's database, its secrets and everybody's files stay unless O(description) says C(jupyterhub_remove_data).
  - Images stay; C(docker image prune) removes them.
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
options: {}
"""

EXAMPLES = r"""
- name: Take the hub away, keep the data
  vdsg.jupyterhub.docker_remove:
    description:
      jupyterhub_name: vdsg
      jupyterhub_auth: {method: shared_password}
      jupyterhub_users: [{name: geoheil, admin: true}]
"""

RETURN = r"""
removed:
  description: What was removed, by kind.
  returned: always
  type: dict
  sample: {container: [vdsg-hub], network: [vdsg-front], volume: [vdsg-hub-files], file: [/srv/jupyterhub/vdsg/compose.yaml]}
kept:
  description: Volumes and directories with data that stay.
  returned: always
  type: list
  elements: str
  sample: [vdsg-data, vdsg-user-geoheil, /srv/jupyterhub/vdsg/secrets]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, engine_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.removal import Removal


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub = Hub.from_variables(module.params["description"])
    validation.check_name(hub)
    docker, settings = engine_of(module)
    removal = Removal(docker, hub, settings)
    removed, kept = removal.plan()
    if any(removed.values()) and not module.check_mode:
        removal.remove(removed)
    return {"changed": any(removed.values()), "removed": removed, "kept": kept}


def main() -> None:
    module = AnsibleModule(argument_spec={"description": {"type": "dict", "required": True}}, supports_check_mode=True)
    open_door(module, run, LIBRARIES)


if __name__ == "__main__":
    main()
