#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_ready
short_description: Wait until a JupyterHub on Kubernetes is ready, and give it its people
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Waits until all pods of the hub are new and ready, has the edge load a new configuration or certificate, waits until the hub answers and the proxy has the
    routes of all running servers, and gives the hub the people and groups of the description.
  - A rollout that cannot succeed is not waited for; what is wrong is said with the pod's own events and the last lines of its log.
  - People whom an admin added on the admin page stay, and so do groups and members that somebody added by hand.
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
requirements: [kubernetes (Python)]
options:
  edge_version:
    description: What the edge must have loaded; RV(vdsg.jupyterhub.k8s_project#module:edge_version).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Wait until the hub is ready
  vdsg.jupyterhub.k8s_ready:
    description: "{{ hub.variables }}"
    edge_version: "{{ project.edge_version }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', parts=['k8s']) }}"
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
hints:
  description: Where a person finds what is needed next, with the address of a load balancer that has one.
  returned: always
  type: list
  elements: str
added:
  description: People of the description that are new at the hub; RV(removed), RV(promoted), RV(demoted), RV(groups_added), RV(groups_removed), RV(joined),
    RV(left), RV(waiting) and RV(repaired) are as with M(vdsg.jupyterhub.docker_ready).
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
  description: Groups that are gone.
  returned: always
  type: list
  elements: str
joined:
  description: People that became members, by group.
  returned: always
  type: dict
left:
  description: People that are members no longer, by group.
  returned: always
  type: dict
waiting:
  description: Members of the description whom the hub does not know yet, by group.
  returned: always
  type: dict
repaired:
  description: Paths that the proxy did not know and knows now.
  returned: always
  type: list
  elements: str
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import k8s, k8s_objects, k8s_report, people
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.k8s_names import namespace, prefix
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import cluster as io_cluster
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, cluster_settings_of, hub_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_rollout import Rollout
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.running import CHANGES


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub, settings, version = hub_of(module), cluster_settings_of(module), module.params["edge_version"]
    cluster = io_cluster.Cluster(settings)
    rollout = Rollout(cluster, hub, settings)
    deadline = time.monotonic() + settings.wait_timeout
    if not module.check_mode:
        rollout.wait([f"{prefix(hub, settings)}{name}" for name in k8s.components(hub, settings)], deadline)
    behind = bool(version) and not rollout.edge_has_loaded(version)
    if behind and not module.check_mode:
        rollout.reload_edge(version, deadline)
    found = rollout.look_after(people.described(hub), deadline, module.check_mode)
    hints = k8s_report.hints(hub, settings)
    if settings.service.type == "LoadBalancer":
        path = k8s_objects.path(k8s_objects.KINDS["Service"], namespace(hub, settings), f"{prefix(hub, settings)}proxy-public")
        given = k8s_objects.addresses(cluster.ask("for the Service proxy-public", "GET", path))
        hints.append(f"address of the load balancer: {', '.join(given) or 'none yet'}")
    return {"changed": behind or any(found[key] for key in CHANGES), "hints": hints, **found}


def main() -> None:
    module = AnsibleModule(
        argument_spec={"description": {"type": "dict", "required": True}, "edge_version": {"type": "str", "required": True}}, supports_check_mode=True
    )
    open_door(module, run, {**LIBRARIES, **io_cluster.LIBRARIES})


if __name__ == "__main__":
    main()
