# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: k8s_report
short_description: The report at the end of a deployment on Kubernetes
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Says in a few lines where the hub is, which versions run and what changed.
positional: ready
options:
  _input:
    description: Result of M(vdsg.jupyterhub.k8s_project).
    type: dict
    required: true
  ready:
    description: Result of M(vdsg.jupyterhub.k8s_ready).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say it
  ansible.builtin.debug:
    msg: "{{ result | vdsg.jupyterhub.k8s_report(ready) }}"
"""

RETURN = r"""
_value:
  description: The lines of the report.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.k8s_report import deployed


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"k8s_report": deployed}
