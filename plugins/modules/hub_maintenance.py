#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_maintenance
short_description: Maintenance of a JupyterHub that runs
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - While there is maintenance, nobody but admins starts a server, on the page or through the API, and every page of the hub says why. Nothing restarts.
  - The hub remembers it in its database until it is ended, over restarts of the hub and runs of its playbook, whose report names it.
  - Servers that run go on, unless O(servers) says otherwise.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.hub
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
requirements: [docker command line for a hub O(name), or kubernetes (Python) with O(k8s_context)]
options:
  enabled:
    description: Whether there is maintenance.
    type: bool
    default: true
  announcement:
    description: What every page says; it may have HTML.
    type: str
    default: 'Maintenance: no servers can be started for now; those that run go on.'
  servers:
    description:
      - What happens to servers that run. V(keep) leaves them alone.
      - V(wait) waits until everybody has stopped theirs, or the culler has, and fails when some still run after O(timeout). V(stop) stops them; files stay.
    type: str
    choices: [keep, wait, stop]
    default: keep
  timeout:
    description: Seconds until no server must run any more, with O(servers=wait) and O(servers=stop).
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Nobody starts a server any more
  vdsg.jupyterhub.hub_maintenance:
    name: lab
    announcement: The hub gets a new disk at noon. Please save your work and stop your server.

- name: Nobody starts a server any more on a cluster
  vdsg.jupyterhub.hub_maintenance:
    name: lab
    k8s_context: lab

- name: Wait until everybody is done
  vdsg.jupyterhub.hub_maintenance:
    name: lab
    announcement: The hub gets a new disk at noon. Please save your work and stop your server.
    servers: wait
    timeout: 3600

- name: Back to work
  vdsg.jupyterhub.hub_maintenance:
    name: lab
    enabled: false
"""

RETURN = r"""
maintenance:
  description: Maintenance that goes on from now, what is announced and since when.
  returned: always
  type: dict
  sample: {announcement: Back at noon, since: '2026-11-21T10:00:00Z'}
servers:
  description: Servers that ran when the task began; with O(servers=stop) those that it stopped.
  returned: always
  type: list
  elements: str
  sample: [jenny, sam/gpu]
"""

import dataclasses
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import facts, maintenance
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import care
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.connection import ARGUMENTS, RULES, hub_of, libraries_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door


def run(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    maintenance.check_task(params)
    with hub_of(module) as hub:
        sight = care.see(hub)
        before = maintenance.remembered(sight.properties)
        after = maintenance.planned(before, params["enabled"], params["announcement"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        servers = sorted(map(facts.full_name, sight.servers))
        if before != after and not module.check_mode:
            care.write_down(hub, sight.properties, maintenance.remember(sight.properties, after))
        if params["servers"] != "keep" and not module.check_mode:
            # What began to start before the first line above is among them.
            left = care.drain(hub, params["servers"] == "stop", time.monotonic() + params["timeout"])
            maintenance.check_drained(left, params["timeout"])
    stopped = params["servers"] == "stop" and bool(servers)
    result = {"changed": before != after or stopped, "maintenance": dataclasses.asdict(after) if after else None, "servers": servers}
    if module._diff:
        result["diff"] = {"before": maintenance.shown(before), "after": maintenance.shown(after)}
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "enabled": {"type": "bool", "default": True},
            "announcement": {"type": "str", "default": maintenance.ANNOUNCEMENT},
            "servers": {"type": "str", "choices": ["keep", "wait", "stop"], "default": "keep"},
            "timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
        **RULES,
    )
    open_door(module, run, libraries_of(module))


if __name__ == "__main__":
    main()
