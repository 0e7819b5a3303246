# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option that every module of a hub has."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  description:
    description:
      - The description of the hub, variables by their names, as P(vdsg.jupyterhub.description#lookup) returns it in C(variables).
    type: dict
    required: true
"""
