#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_drill
short_description: Look whether a JupyterHub that was restored for a trial is the one of the snapshot
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Waits until the scratch hub is healthy, shows it the cookie that the browser of a person of its database has, and counts people and groups.
  - Fails with what is missing. It changes nothing.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: none
    details: [There is no scratch hub in check mode.]
  diff_mode:
    support: none
    details: [Nothing is changed.]
  idempotent:
    support: full
requirements: [docker command line]
options:
  program:
    description: Text of C(session.py), as P(vdsg.jupyterhub.description#lookup) returns it in C(programs).
    type: str
    required: true
  manifest:
    description: What the snapshot says of itself; RV(vdsg.jupyterhub.docker_backup#module:manifest).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Look at the scratch hub
  vdsg.jupyterhub.docker_drill:
    description: "{{ backup.drill }}"
    manifest: "{{ backup.manifest }}"
    program: "{{ hub.programs['session.py'] }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', parts=['docker_compose', 'backup']) }}"
"""

RETURN = r"""
user:
  description: Whose session was opened.
  returned: always
  type: str
rows:
  description: How many people, groups and members the scratch hub has.
  returned: always
  type: dict
  sample: {users: 12, groups: 2, user_group_map: 9}
line:
  description: How it went, in one line.
  returned: always
  type: str
"""

import json
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import backup
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, engine_of, hub_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.running import Running


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub = hub_of(module)
    docker, settings = engine_of(module)
    Running(docker, hub.name).wait_until_healthy(time.monotonic() + settings.wait_timeout)
    said = docker.call("exec", "--interactive", f"{hub.name}-hub", "python3", "-", data=module.params["program"].encode())[1]
    found: dict[str, t.Any] = json.loads(said)
    if problem := backup.drill_problem(module.params["manifest"]["database"]["rows"], found):
        raise DescriptionError(f"the drill failed: {problem}")
    line = f"drill: restored and compared, {found['rows']['users']} people, the session of {found['user']} is open"
    return {"changed": False, "user": found["user"], "rows": found["rows"], "line": line}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "dict", "required": True},
            "program": {"type": "str", "required": True},
            "manifest": {"type": "dict", "required": True},
        },
        supports_check_mode=False,
    )
    open_door(module, run, LIBRARIES)


if __name__ == "__main__":
    main()
