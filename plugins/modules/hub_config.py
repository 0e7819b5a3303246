#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_config
short_description: Render jupyterhub_config.py and its companions
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Renders C(jupyterhub_config.py), the compose project, the edge's nginx configuration, the policy of the engine guard and the rules of the firewall from one
    description, and writes them to a directory or returns them.
  - The same description gives the same bytes. No secret is in any of the files.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
requirements: [PyYAML]
options:
  path:
    description: Directory of the project. Without it nothing is written and RV(files) is returned.
    type: path
  engine:
    description: What RV(vdsg.jupyterhub.docker_project#module:engine) says of the engine.
    type: dict
    required: true
  programs:
    description: Texts of the programs that run beside the hub, by their file names, as P(vdsg.jupyterhub.description#lookup) returns them.
    type: dict
    required: true
  fingerprints:
    description: What changes when a secret changes; RV(vdsg.jupyterhub.hub_secrets#module:fingerprints).
    type: dict
    default: {}
  authority:
    description: Certificate of the hub's own authority, written to C(authority.pem) for browsers to trust.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Render the project
  vdsg.jupyterhub.hub_config:
    path: /srv/jupyterhub/vdsg
    description:
      jupyterhub_name: vdsg
      jupyterhub_auth: {method: shared_password}
      jupyterhub_users: [{name: geoheil, admin: true}]
    engine: "{{ preflight.engine }}"
    programs: "{{ programs }}"
"""

RETURN = r"""
changed_files:
  description: The files that differ from what was there.
  returned: always
  type: list
  elements: str
  sample: [hub/jupyterhub_config.py]
files:
  description: All files, by their path.
  returned: when O(path) is not given
  type: dict
  sample: {compose.yaml: 'name: vdsg'}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import project
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import SERVICES, Engine
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import build
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import files
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, hub_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door


def run(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    engine = build(Engine, params["engine"], "engine.")
    rendered = project.render(hub_of(module), engine, params["programs"], params["fingerprints"], params["authority"]).files
    if not params["path"]:
        return {"changed": False, "changed_files": [], "files": rendered}
    found = files.changes(params["path"], rendered, SERVICES)
    if found and not module.check_mode:
        files.make_directory(params["path"], 0o755)
        files.apply(params["path"], found, 0o644, 0o755)
    result: dict[str, t.Any] = {"changed": bool(found), "changed_files": [change.path for change in found]}
    if module._diff:
        result["diff"] = files.diff(found)
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "dict", "required": True},
            "path": {"type": "path"},
            "engine": {"type": "dict", "required": True},
            "programs": {"type": "dict", "required": True},
            "fingerprints": {"type": "dict", "default": {}},
            "authority": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    open_door(module, run, LIBRARIES)


if __name__ == "__main__":
    main()
