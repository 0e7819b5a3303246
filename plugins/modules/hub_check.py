#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_check
short_description: Whether a JupyterHub works, as a person would find out
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Does what a person does. Makes a user that nobody is (C(hub-check-) and eight characters), starts a server, runs a cell in a kernel over its websocket,
    through the edge and the proxy, and takes user, server and their volume or claim away again.
  - Fails with one sentence when that does not work, and cleans up then, too. What a check that was killed has left behind is removed by the next one, after
    half an hour.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: none
    details: [The task is skipped.]
  diff_mode:
    support: none
    details: [Nothing changes.]
  idempotent:
    support: full
requirements: [docker command line, or kubernetes (Python) on a cluster]
options:
  program:
    description: Text of the program C(kernel_check.py), as P(vdsg.jupyterhub.description#lookup) returns it with C(complete=false).
    type: str
    required: true
  options:
    description: What is chosen for the server, at a hub with profiles.
    type: dict
    default: {}
  timeout:
    description: Seconds until all of it must have worked.
    type: int
    default: 300
  target:
    description: What the hub runs on, by the name of the role that deployed it. On a swarm, the engine is that of the manager that has the hub.
    type: str
    choices: [docker_compose, swarm, k8s]
    default: docker_compose
"""

EXAMPLES = r"""
- name: Try the hub
  vdsg.jupyterhub.hub_check:
    description: "{{ hub.variables }}"
    program: "{{ hub.programs['kernel_check.py'] }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', complete=false) }}"

- name: Try a hub on a cluster
  vdsg.jupyterhub.hub_check:
    description: "{{ hub.variables }}"
    program: "{{ hub.programs['kernel_check.py'] }}"
    target: k8s
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', complete=false, parts=['k8s']) }}"
"""

RETURN = r"""
seconds:
  description: Seconds until the server had started, and until its kernel had answered after that.
  returned: success
  type: dict
  sample: {start: 2.1, kernel: 1.4}
msg:
  description: What came out, in one sentence.
  returned: always
  type: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import hub_check, validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.hub_api import HubApi
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.hub_check import Check
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.target import OPTION, libraries_of, target_of


def run(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    hub = Hub.from_variables(params["description"])
    target = target_of(module, hub)
    with HubApi(target.line()) as api:
        seconds = Check(target, api, hub, params["program"], params["timeout"]).run(params["options"])
    return {"changed": False, "seconds": seconds, "msg": hub_check.report(validation.public_url(hub), seconds)}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "dict", "required": True},
            "program": {"type": "str", "required": True},
            "options": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 300},
            "target": OPTION,
        }
    )
    open_door(module, run, libraries_of(module))


if __name__ == "__main__":
    main()
