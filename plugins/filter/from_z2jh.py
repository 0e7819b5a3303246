# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: from_z2jh
short_description: The description of a hub, from values of zero-to-jupyterhub
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Turns values of the Helm chart zero-to-jupyterhub (versions 3 and 4) into variables of this collection. This is the filter version of the module
    M(vdsg.jupyterhub.z2jh_inventory), which writes an inventory, for looking at what would become of values.
  - No key is lost silently. What has no counterpart is named with what to do about it; a key that the chart does not have, too.
options:
  _input:
    description: The values, as C(from_yaml) reads them.
    type: dict
    required: true
  name:
    description: C(jupyterhub_name).
    type: str
    default: jupyterhub
  namespace:
    description: Namespace of the cluster; that of the old hub, where people's claims are.
    type: str
    default: ''
  context:
    description: Context of the kubeconfig.
    type: str
    default: ''
  hub_image:
    description: Image of the hub.
    type: str
    default: ''
  chart:
    description: Major version of the chart that the values are of, 3 or 4.
    type: int
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
"""

EXAMPLES = r"""
- name: Show what would become of the values of a hub
  ansible.builtin.debug:
    msg: "{{ found.variables }}"
  vars:
    found: "{{ lookup('ansible.builtin.file', 'values.yaml') | from_yaml | vdsg.jupyterhub.from_z2jh(name='lab', namespace='jhub') }}"

- name: Show what has no counterpart
  ansible.builtin.debug:
    msg: "{{ (lookup('ansible.builtin.file', 'values.yaml') | from_yaml | vdsg.jupyterhub.from_z2jh).unused }}"
"""

RETURN = r"""
_value:
  description:
    - C(variables) by their names; where a secret was, they name a file of C(files).
    - C(files) are the texts of these files, secrets all of them, by their paths beside the variables.
    - C(unused) are the keys that have no counterpart, each with one sentence of what to do.
    - C(notes) are sentences about what else is to be known or done.
  type: dict
"""

import time
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import z2jh
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import plain


def from_z2jh(values: t.Any, *, admins: t.Iterable[str] = (), chart: int | str = 4, **options: t.Any) -> dict[str, t.Any]:
    """Return what becomes of values; raise AnsibleFilterError with one sentence where they are none of this chart."""
    try:
        found = z2jh.translate(plain(values), z2jh.Options(admins=tuple(admins), chart=int(chart), **options), time.time())
    except (ValueError, TypeError) as exc:
        raise AnsibleFilterError(f"vdsg.jupyterhub.from_z2jh: {exc}") from exc
    return {"variables": plain(found.variables), "files": found.files, "unused": found.unused, "notes": found.notes}


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"from_z2jh": from_z2jh}
