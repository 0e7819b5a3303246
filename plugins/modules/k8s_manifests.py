#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_manifests
short_description: Write the manifests of a JupyterHub into a directory
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Writes what M(vdsg.jupyterhub.k8s_project) would have applied, one file for each object, named so that C(kubectl apply -f) takes them in order.
  - Secrets are made once and kept in these very files, which have mode 0600 and names that begin with C(secret-), so that they can be kept out of a repository.
  - No cluster is asked. Files of the directory that the collection has written and that are no longer wanted are removed.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: [A Secret is never shown.]
  idempotent:
    support: full
requirements: [cryptography, PyYAML]
options:
  given:
    description: Values of secrets that the user gave, as P(vdsg.jupyterhub.description#lookup) returns them in C(secrets).
    type: dict
    default: {}
  programs:
    description: Texts of the programs that run beside the hub, by their file names, as P(vdsg.jupyterhub.description#lookup) returns them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Write the manifests
  vdsg.jupyterhub.k8s_manifests:
    description: "{{ hub.variables }}"
    given: "{{ hub.secrets }}"
    programs: "{{ hub.programs }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', parts=['k8s']) }}"
"""

RETURN = r"""
changed_files:
  description: The files that differ from what was there.
  returned: always
  type: list
  elements: str
  sample: [70-deployment-hub.yaml]
made:
  description: Names of the secrets that did not exist before.
  returned: always
  type: list
  elements: str
rotated:
  description: Names of the secrets that have another value than before.
  returned: always
  type: list
  elements: str
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import k8s
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import files
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, cluster_settings_of, hub_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_secrets import KeptStore, read_directory, stale


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub, settings, given = hub_of(module), cluster_settings_of(module), module.params["given"]
    folder = settings.manifests_dir
    store = KeptStore(folder, read_directory(folder), time.time())
    store.fill(hub, given)
    rendered = k8s.render(hub, settings, module.params["programs"], store.values, store.fingerprints(), given.get("registry_password", ""))
    secret, plain = k8s.manifest_files(rendered, hub, settings)
    found = [*files.changes(folder, {**secret, **plain}, []), *stale(folder, {**secret, **plain})]
    hidden = [change for change in found if change.path in secret or change.path.startswith(k8s.SECRET_FILE)]
    shown = [change for change in found if change not in hidden]
    if found and not module.check_mode:
        files.make_directory(folder, 0o700)
        files.apply(folder, hidden, 0o600, 0o700)
        files.apply(folder, shown, 0o644, 0o700)
    result: dict[str, t.Any] = {"changed": bool(found), "changed_files": [change.path for change in found], "made": store.made, "rotated": store.rotated}
    return result | ({"diff": files.diff(shown)} if module._diff else {})


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "dict", "required": True},
            "given": {"type": "dict", "default": {}, "no_log": True},
            "programs": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    open_door(module, run, LIBRARIES)


if __name__ == "__main__":
    main()
