#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_restore
short_description: Restore a JupyterHub on Docker
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Brings back what a snapshot of M(vdsg.jupyterhub.docker_backup) has, everything to a host without the hub (deploy it then), or files of some people into
    their volumes or beside what is there.
  - Volumes that are not there are made. What is newer than the snapshot is replaced only with C(backup_overwrite); what is not in the snapshot stays.
  - A hub that runs, and a volume that a running server has, are refused. A run that was broken off is finished by the next.
  - When images are missing it returns RV(missing) and leaves it at that; make them and call it again.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: [What is restored is returned.]
  idempotent:
    support: full
requirements: [docker command line, cryptography, PyYAML]
options:
  given:
    description: Values of secrets that the user gave, as P(vdsg.jupyterhub.description#lookup) returns them in C(secrets).
    type: dict
    required: true
  program:
    description: Text of the program that runs in the container, as P(vdsg.jupyterhub.description#lookup) returns it in C(programs).
    type: str
    required: true
  source:
    description: Name of the hub that the snapshot is of, if not that of the description.
    type: str
    default: ''
  verify:
    description: Read what was restored again and compare it with the snapshot.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Restore the hub
  vdsg.jupyterhub.docker_restore:
    description: "{{ hub.variables }}"
    given: "{{ hub.secrets }}"
    program: "{{ hub.programs['backup.py'] }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', parts=['docker_compose', 'backup']) }}"
"""

RETURN = r"""
missing:
  description: Images that must be made first, in that order.
  returned: always
  type: list
  elements: dict
  sample: [{kind: backup, reference: 'vdsg-jupyterhub/backup:ad002372dcc7', action: build}]
project_dir:
  description: Directory of the compose project on the host.
  returned: always
  type: str
  sample: /srv/jupyterhub/vdsg
settings:
  description: The C(docker_compose_) variables without their prefix, with their defaults.
  returned: always
  type: dict
  sample: {docker_host: ''}
cli:
  description: The docker command with the options that name the engine.
  returned: always
  type: list
  elements: str
  sample: [docker, --context, lab]
line:
  description: What was done, or would be, in one line.
  returned: unless images are missing
  type: str
snapshot:
  description: ID of the snapshot.
  returned: unless images are missing
  type: str
time:
  description: When it was made.
  returned: unless images are missing
  type: str
volumes:
  description: Names that the volumes have in the snapshot.
  returned: unless images are missing
  type: list
  elements: str
secrets:
  description: Names of the secrets that were restored.
  returned: unless images are missing
  type: list
  elements: str
database:
  description: Whether the database was put in its place.
  returned: unless images are missing
  type: bool
manifest:
  description: What the snapshot says of itself.
  returned: unless images are missing
  type: dict
"""

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.backup import Restoration
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, site_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door


def run(module: AnsibleModule) -> dict[str, t.Any]:
    site = site_of(module)
    missing = site.missing()
    result = {"changed": bool(missing), "missing": [dataclasses.asdict(image) for image in missing], "settings": dataclasses.asdict(site.target)}
    result |= {"project_dir": site.project_dir, "cli": ["docker", *site.docker.options]}
    if missing:
        return result
    restoration = Restoration(site, module.params["source"] or site.hub.name, module.params["verify"])
    return result | restoration.run(module.check_mode)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "dict", "required": True},
            "given": {"type": "dict", "required": True, "no_log": True},
            "program": {"type": "str", "required": True},
            "source": {"type": "str", "default": ""},
            "verify": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    open_door(module, run, LIBRARIES)


if __name__ == "__main__":
    main()
