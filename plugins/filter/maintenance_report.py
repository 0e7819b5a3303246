# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: maintenance_report
short_description: The report of maintenance that begins or ends
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Says in a line or two whether there is maintenance, and what became of the servers.
options:
  _input:
    description: Result of M(vdsg.jupyterhub.hub_maintenance).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what is now
  ansible.builtin.debug:
    msg: "{{ maintained | vdsg.jupyterhub.maintenance_report }}"
"""

RETURN = r"""
_value:
  description: The lines of the report.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.report import maintained


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"maintenance_report": maintained}
