#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_info
short_description: What a JupyterHub that runs says of itself
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Asks the hub's REST API for its version, people, groups, servers, services and the proxy's routes, and says whether all is well.
  - Nothing that is returned is a secret. What spawners and the authenticator keep of people and servers is left out.
  - At a O(url), the owner of O(token_file) needs the scopes C(read:hub), C(list:users), C(read:users), C(list:groups), C(read:groups), C(list:services),
    C(read:services) and C(proxy).
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.hub
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: [Nothing changes.]
  idempotent:
    support: full
requirements: [docker command line for a hub O(name), or kubernetes (Python) with O(k8s_context); cryptography for both]
options:
  timeout:
    description: Seconds until the hub must answer.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Ask the hub
  vdsg.jupyterhub.hub_info:
    name: lab
  register: hub

- name: Ask a hub on a cluster
  vdsg.jupyterhub.hub_info:
    name: lab
    k8s_context: lab

- name: Say who works
  ansible.builtin.debug:
    msg: "{{ hub.servers | map(attribute='user') | unique }}"
"""

RETURN = r"""
version:
  description: Version of JupyterHub.
  returned: always
  type: str
  sample: 6.1.1
python:
  description: Version of the hub's Python.
  returned: always
  type: str
  sample: 3.11.2
spawner:
  description: Class and version of what starts servers.
  returned: always
  type: dict
  sample: {class: dockerspawner.dockerspawner.DockerSpawner, version: 14.0.0}
authenticator:
  description: Class and version of what lets people in.
  returned: always
  type: dict
  sample: {class: oauthenticator.github.GitHubOAuthenticator, version: 17.3.0}
users:
  description: The people of the hub.
  returned: always
  type: list
  elements: dict
  sample: [{name: jenny, admin: true, groups: [course], roles: [admin, user], created: '2026-11-01T10:00:00Z', last_activity: '2026-11-21T10:11:12Z'}]
servers:
  description: Servers that run, or are on their way (C(pending)).
  returned: always
  type: list
  elements: dict
  sample: [{user: jenny, name: '', url: /user/jenny/, ready: true, pending: null, started: '2026-11-21T10:00:00Z', last_activity: '2026-11-21T10:11:12Z'}]
groups:
  description: Groups and their members.
  returned: always
  type: list
  elements: dict
  sample: [{name: course, users: [jenny]}]
services:
  description: Programs that use the hub.
  returned: always
  type: list
  elements: dict
  sample: [{name: operator, admin: true, roles: [admin], url: '', prefix: ''}]
routes:
  description: Paths that the proxy knows.
  returned: always
  type: list
  elements: str
  sample: [/, /user/jenny]
maintenance:
  description: Maintenance that goes on, what is announced and since when.
  returned: always
  type: dict
  sample: {announcement: Back at noon, since: '2026-11-21T10:00:00Z'}
certificate:
  description: The certificate that the edge has, of a hub O(name) that ends TLS itself; C(days_left) are whole days.
  returned: always
  type: dict
  sample:
    names: [hub.vdsg.at]
    issuer: CN=E8,O=Let's Encrypt,C=US
    serial_number: 3e9f0c
    not_before: '2026-11-23T04:17:00Z'
    not_after: '2027-02-21T04:17:00Z'
    days_left: 89
health:
  description:
    - C(unrouted) are paths that the proxy should know and does not, C(pending) the servers that are starting or stopping; of a hub O(name), C(containers) are
      its containers, services or Deployments and their health.
    - C(well) says that no path is missing and that all of those are healthy.
  returned: always
  type: dict
  sample: {well: true, unrouted: [], pending: [], containers: {hub: healthy, proxy: healthy, edge: healthy, guard: healthy, firewall: healthy}}
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.certificates import CRYPTOGRAPHY_ERROR
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import care
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.components import seen
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.connection import ARGUMENTS, RULES, hub_of, libraries_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door


def run(module: AnsibleModule) -> dict[str, t.Any]:
    with hub_of(module) as hub:
        hub.ready(time.monotonic() + module.params["timeout"])
        found = care.facts_of(hub)
    containers, found["certificate"] = seen(module) if module.params["name"] else ({}, {})
    health = found["health"]
    health |= {"containers": containers, "well": not health["unrouted"] and set(containers.values()) <= {"healthy"}}
    return {"changed": False, **found}


def main() -> None:
    module = AnsibleModule(argument_spec={**ARGUMENTS, "timeout": {"type": "int", "default": 10}}, supports_check_mode=True, **RULES)
    libraries = {"cryptography": CRYPTOGRAPHY_ERROR} if module.params["name"] else {}
    open_door(module, run, {**libraries, **libraries_of(module)})


if __name__ == "__main__":
    main()
