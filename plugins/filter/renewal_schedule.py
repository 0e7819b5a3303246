# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: renewal_schedule
short_description: What runs the renewal of certificates regularly
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Makes the files of C(/etc/cron.d) or of systemd that run C(renew_certs.yml), by O(vdsg.jupyterhub.certbot#role:main:certbot_schedule).
positional: executable, inventories, host, config, collections
options:
  _input:
    description: Variables of a hub, as P(vdsg.jupyterhub.description#lookup) returns them in C(variables).
    type: dict
    required: true
  executable:
    description: Path of ansible-playbook.
    type: str
    required: true
  inventories:
    description: The inventories of the run.
    type: list
    elements: str
    required: true
  host:
    description: Name of the host in the inventory.
    type: str
    required: true
  config:
    description: Path of the ansible.cfg of the run.
    type: str
    default: ''
  collections:
    description: Where Ansible finds collections.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Make the files
  ansible.builtin.set_fact:
    renewal: "{{ hub.variables | vdsg.jupyterhub.renewal_schedule('/usr/bin/ansible-playbook', ansible_inventory_sources, inventory_hostname) }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description') }}"
"""

RETURN = r"""
_value:
  description:
    - C(files) are the texts of the files by their paths.
    - C(name) is what the entry, the service and the timer are called.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import schedule
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Certbot, Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError


def renewal_schedule(
    variables: t.Mapping[str, t.Any], executable: str, inventories: t.Iterable[str], host: str, config: str | None = "", collections: str = ""
) -> dict[str, t.Any]:
    try:
        hub, settings = Hub.from_variables(variables), Certbot.from_variables(variables)
    except DescriptionError as exc:
        raise AnsibleFilterError(str(exc)) from exc
    run = schedule.Run(executable, tuple(inventories), host, config or "", collections)
    return {"files": schedule.files(hub, settings, run), "name": schedule.name(hub)}


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"renewal_schedule": renewal_schedule}
