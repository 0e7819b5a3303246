#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_secrets
short_description: Make and keep the secrets of a JupyterHub
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Makes what a hub needs and does not have yet (cookie secret, keys that encrypt what authenticators store, token of the proxy, tokens of services,
    generated passwords, the certificates of a self-signed hub) and writes each into a file that only its owner can read.
  - What was made is kept for ever. It is made anew only when O(description) names it in C(jupyterhub_rotate_secrets).
  - Values that the user gives are written to the same place and follow what the user gives.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: [A secret is never shown.]
  idempotent:
    support: full
requirements: [cryptography]
options:
  path:
    description: Directory of the secrets; it is made with mode 0700.
    type: path
    required: true
  given:
    description: Values that the user gave, by the name of the secret, as P(vdsg.jupyterhub.description#lookup) returns them in C(secrets).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Make and keep the secrets
  vdsg.jupyterhub.hub_secrets:
    path: /srv/jupyterhub/vdsg/secrets
    description:
      jupyterhub_name: vdsg
      jupyterhub_auth: {method: shared_password}
      jupyterhub_users: [{name: geoheil, admin: true}]
"""

RETURN = r"""
made:
  description: Names of the secrets that did not exist before.
  returned: always
  type: list
  elements: str
  sample: [cookie_secret, proxy_token]
rotated:
  description: Names of the secrets that have another value than before.
  returned: always
  type: list
  elements: str
  sample: [proxy_token]
fingerprints:
  description: For each secret, what changes with it and tells nothing about it.
  returned: always
  type: dict
  sample: {cookie_secret: 0d5bd5a1b2b5e1f0}
authority:
  description: The certificate of the authority that signed a self-signed hub's certificate, for browsers to trust; public.
  returned: always
  type: str
  sample: "-----BEGIN CERTIFICATE-----…"
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, hub_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.secret_store import Store


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub = hub_of(module)
    store = Store(module.params["path"], time.time())
    store.fill(hub, module.params["given"])
    changed = store.changed()
    if changed and not module.check_mode:
        store.save()
    return {
        "changed": changed,
        "made": store.made,
        "rotated": store.rotated,
        "fingerprints": store.fingerprints(),
        "authority": store.wanted.get("authority_certificate", ""),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "dict", "required": True},
            "path": {"type": "path", "required": True},
            "given": {"type": "dict", "default": {}, "no_log": True},
        },
        supports_check_mode=True,
    )
    open_door(module, run, LIBRARIES)


if __name__ == "__main__":
    main()
