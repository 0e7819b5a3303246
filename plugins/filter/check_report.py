# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: check_report
short_description: The report of a check
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Says in a few lines whether a hub works, and what the engine has that the hub does not know.
positional: checked
options:
  _input:
    description: Result of M(vdsg.jupyterhub.hub_orphans).
    type: dict
    required: true
  checked:
    description: Result of M(vdsg.jupyterhub.hub_check). Without it, the report is about what was removed.
    type: dict
"""

EXAMPLES = r"""
- name: Say how it went
  ansible.builtin.debug:
    msg: "{{ orphans | vdsg.jupyterhub.check_report(checked) }}"
"""

RETURN = r"""
_value:
  description: The lines of the report.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.report import checked


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"check_report": checked}
