#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: z2jh_inventory
short_description: Make an inventory of a values.yaml of zero-to-jupyterhub
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Reads values of the Helm chart zero-to-jupyterhub (versions 3 and 4) and writes an inventory with the description of the same hub for the role
    P(vdsg.jupyterhub.k8s#role), C(hosts.yml) and C(group_vars/k8s/main.yml).
  - What the values have of secrets goes into files of mode 0600 below C(group_vars/k8s/secrets), which the variables name; encrypt them with ansible-vault.
  - Every key that has no counterpart is named with what to do about it, in RV(unused) and in C(from_z2jh.md) of the inventory.
  - What the chart does where nothing is said is said in the variables where it is something else than what the role does.
  - No cluster is asked.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: [Files with secrets are never shown.]
  idempotent:
    support: full
requirements: [PyYAML]
options:
  values:
    description: Paths of files with values; each wins over those before it, as with C(helm -f).
    type: list
    elements: path
    required: true
  path:
    description: Directory of the inventory. It is made.
    type: path
    required: true
  name:
    description: C(jupyterhub_name); labels of all that is created have it.
    type: str
    default: jupyterhub
  namespace:
    description: Namespace of the cluster; that of the old hub, where people's claims are. O(name) without it.
    type: str
    default: ''
  context:
    description: Context of the kubeconfig. Without it C(k8s_context) is left to be set.
    type: str
    default: ''
  hub_image:
    description: Image of the hub. Without it C(jupyterhub_images.hub) is left to be set.
    type: str
    default: ''
  chart:
    description: Major version of the chart that the values are of.
    type: int
    choices: [3, 4]
    default: 4
  below:
    description: Key under which the values are, where another chart has this one in it.
    type: str
    default: ''
  admins:
    description: People who are admins besides those of the values.
    type: list
    elements: str
    default: []
  force:
    description: Whether files are replaced that are there and say something else.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Make an inventory of the hub that Helm has deployed
  vdsg.jupyterhub.z2jh_inventory:
    values: [values.yaml, secret-values.yaml]
    path: inventories/lab
    name: lab
    namespace: jhub
    context: lab
    hub_image: registry.example.org/jupyterhub/hub:6.1.1
"""

RETURN = r"""
changed_files:
  description: Files that differ from what was there.
  returned: always
  type: list
  elements: str
  sample: [group_vars/k8s/main.yml]
unused:
  description: Keys that have no counterpart, each with one sentence of what to do.
  returned: always
  type: dict
  sample: {proxy.secretToken: it is made once and kept in the Secret hub; nothing to do but to log in again}
notes:
  description: What else is to be known or done, in sentences.
  returned: always
  type: list
  elements: str
report:
  description: All of it in lines.
  returned: always
  type: list
  elements: str
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import project, z2jh
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import files, z2jh_inventory
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door


def run(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    for name in ("values", "path"):
        if not params[name]:
            raise DescriptionError(f"{name} is required: {'the files that Helm was given' if name == 'values' else 'the directory of the new inventory'}")
    options = z2jh.Options(**{name: params[name] for name in ("name", "namespace", "context", "hub_image", "chart", "below")}, admins=tuple(params["admins"]))
    found = z2jh.from_files([z2jh_inventory.read(path) for path in params["values"]], options, time.time())
    inventory = found.inventory()
    changes = z2jh_inventory.changes(params["path"], inventory, params["force"])
    too_open = z2jh_inventory.open_to_others(params["path"], inventory)
    if (changes or too_open) and not module.check_mode:
        z2jh_inventory.write(params["path"], changes, too_open)
    result: dict[str, t.Any] = {
        "changed": bool(changes or too_open),
        "changed_files": sorted({*(change.path for change in changes), *too_open}),
        "unused": found.unused,
        "notes": found.notes,
        "report": found.lines(params["path"]),
    }
    if module._diff:
        result["diff"] = files.diff(change for change in changes if not z2jh_inventory.is_secret(change.path))
    return result


def main() -> None:
    text = {"type": "str", "default": ""}
    module = AnsibleModule(
        argument_spec={
            "values": {"type": "list", "elements": "path", "required": True},
            "path": {"type": "path", "required": True},
            "name": {"type": "str", "default": "jupyterhub"},
            "namespace": text,
            "context": text,
            "hub_image": text,
            "chart": {"type": "int", "choices": [3, 4], "default": 4},
            "below": text,
            "admins": {"type": "list", "elements": "str", "default": []},
            "force": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    open_door(module, run, {"PyYAML": project.YAML_ERROR})


if __name__ == "__main__":
    main()
