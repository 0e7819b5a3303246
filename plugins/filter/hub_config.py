# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hub_config
short_description: The files of a JupyterHub's compose project, from its description
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Renders C(jupyterhub_config.py) and its companions. This is the filter version of the module M(vdsg.jupyterhub.hub_config), for looking at what would be
    written, for templates of one's own, and for tests.
positional: engine, programs
options:
  _input:
    description: The description of the hub, variables by their names, as P(vdsg.jupyterhub.description#lookup) returns it in C(variables).
    type: dict
    required: true
  engine:
    description: What is known of the engine, as RV(vdsg.jupyterhub.docker_project#module:engine); C(users_subnet) and C(images) at least.
    type: dict
    required: true
  programs:
    description: Texts of the programs that run beside the hub, by their file names, as P(vdsg.jupyterhub.description#lookup) returns them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the configuration
  ansible.builtin.debug:
    msg: "{{ (hub.variables | vdsg.jupyterhub.hub_config(engine, hub.programs))['hub/jupyterhub_config.py'] }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description') }}"
    engine:
      users_subnet: 172.16.248.0/21
      images: {hub: hub:1, proxy: proxy:1, edge: edge:1, user: user:1}
"""

RETURN = r"""
_value:
  description: The text of each file, by its path in the project.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import project, validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import Engine
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError, build, plain


def hub_config(description: t.Any, engine: t.Any, programs: dict[str, str]) -> dict[str, str]:
    """Return the files of a project; raise AnsibleFilterError with one sentence for what is wrong with the description."""
    try:
        hub = Hub.from_variables(plain(description))
        validation.check(hub)
        return project.render(hub, build(Engine, plain(engine), "engine."), programs, {}).files
    except DescriptionError as exc:
        raise AnsibleFilterError(f"vdsg.jupyterhub.hub_config: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"hub_config": hub_config}
