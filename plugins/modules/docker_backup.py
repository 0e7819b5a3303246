#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_backup
short_description: Back a JupyterHub on Docker up
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Makes one snapshot of a hub, of its database (a consistent copy, while the hub works), its secrets and certificates, the description that it was deployed
    from, and everybody's files, with a manifest of versions, sizes and checksums. User servers go on.
  - restic does it, in one container that mounts all volumes and is gone with the run, however that ends. Its password is only in that container's memory.
  - A repository that is not there yet is made. Old snapshots go as C(backup_keep) says.
  - When images are missing it returns RV(missing) and leaves it at that; make them and call it again.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: [What is in a snapshot is returned.]
  idempotent:
    support: none
    details: [Each run makes a snapshot; what has not changed takes no space in it.]
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
"""

EXAMPLES = r"""
- name: Back the hub up
  vdsg.jupyterhub.docker_backup:
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
volumes:
  description: The volumes, with whose they are.
  returned: unless images are missing
  type: dict
  sample: {vdsg-user-jenny: jenny}
snapshot:
  description: ID of the snapshot; empty in check mode and with C(backup_format=tar).
  returned: unless images are missing
  type: str
forgotten:
  description: Snapshots that are not kept any more.
  returned: unless images are missing
  type: list
  elements: str
archives:
  description: The tar files.
  returned: with C(backup_format=tar)
  type: list
  elements: str
manifest:
  description: What the snapshot says of itself.
  returned: when a snapshot was made
  type: dict
drill:
  description: Description of the scratch hub that the snapshot is to be tried in.
  returned: when a snapshot was made and C(backup_drill) is set
  type: dict
summary:
  description: What restic says of the snapshot.
  returned: when a snapshot was made
  type: dict
unread:
  description: What restic says of files that it could not read; they are not in the snapshot.
  returned: when a snapshot was made
  type: str
"""

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.backup import back_up
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, site_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door


def run(module: AnsibleModule) -> dict[str, t.Any]:
    site = site_of(module)
    missing = site.missing()
    result = {"changed": bool(missing), "missing": [dataclasses.asdict(image) for image in missing], "settings": dataclasses.asdict(site.target)}
    result |= {"project_dir": site.project_dir, "cli": ["docker", *site.docker.options]}
    if missing:
        return result
    result |= back_up(site, module.params["description"], module.check_mode)
    if site.warning:
        module.warn(site.warning)
    if result.get("unread"):
        module.warn(f"not everything could be read: {result['unread']}")
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "dict", "required": True},
            "given": {"type": "dict", "required": True, "no_log": True},
            "program": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    open_door(module, run, LIBRARIES)


if __name__ == "__main__":
    main()
