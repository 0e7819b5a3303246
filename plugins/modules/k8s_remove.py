#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_remove
short_description: Take a JupyterHub away from a Kubernetes cluster
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Removes everything in the namespace that carries the hub's label, whatever state it is in, people's servers too.
  - Claims (the hub's database and everybody's files) and the Secrets with what was made once stay unless O(description) says C(jupyterhub_remove_data).
  - The namespace stays.
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
requirements: [kubernetes (Python)]
options: {}
"""

EXAMPLES = r"""
- name: Take the hub away, keep the data
  vdsg.jupyterhub.k8s_remove:
    description:
      jupyterhub_name: lab
      k8s_context: lab
"""

RETURN = r"""
removed:
  description: What was removed.
  returned: always
  type: list
  elements: str
  sample: [Deployment hub, Pod jupyter-alice]
kept:
  description: Objects with data that stay.
  returned: always
  type: list
  elements: str
  sample: [Secret hub, PersistentVolumeClaim lab-user-alice]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import cluster as io_cluster
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, cluster_settings_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_removal import Removal


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub = Hub.from_variables(module.params["description"])
    validation.check_name(hub)
    settings = cluster_settings_of(module)
    removal = Removal(io_cluster.Cluster(settings), hub, settings)
    removed, kept = removal.plan()
    if removed and not module.check_mode:
        removal.remove(removed)
    return {"changed": bool(removed), "removed": [item.title for item in removed], "kept": [item.title for item in kept]}


def main() -> None:
    module = AnsibleModule(argument_spec={"description": {"type": "dict", "required": True}}, supports_check_mode=True)
    open_door(module, run, {**LIBRARIES, **io_cluster.LIBRARIES})


if __name__ == "__main__":
    main()
