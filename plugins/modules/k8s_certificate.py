#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_certificate
short_description: Look after the certificate of a JupyterHub on Kubernetes
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Renews the leaf of the hub's own authority (C(self_signed)) or takes up files that were replaced (C(provided)), writes it into its Secret, and has the edge
    load it, if there is one. Nothing is restarted, and no connection is closed.
  - A certificate that cannot be read, is for other names, is not valid today or does not belong to its key never reaches the Secret.
  - With the other modes, the certificate is the affair of cert-manager or of whoever made the Secret; this is said, and nothing is done.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: [What changed is returned.]
  idempotent:
    support: full
requirements: [kubernetes (Python), cryptography, PyYAML]
options:
  given:
    description: Values of secrets that the user gave, as P(vdsg.jupyterhub.description#lookup) returns them in C(secrets).
    type: dict
    default: {}
seealso:
  - module: vdsg.jupyterhub.docker_certificate
"""

EXAMPLES = r"""
- name: Look after the certificate
  vdsg.jupyterhub.k8s_certificate:
    description: "{{ hub.variables }}"
    given: "{{ hub.secrets }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', parts=['k8s']) }}"
"""

RETURN = r"""
looked:
  description: Whether the certificate was looked after.
  returned: always
  type: bool
line:
  description: What happened, in one line.
  returned: always
  type: str
  sample: 'lab: the certificate of hub.example.org was replaced; it is valid until 2027-11-26 04:17 UTC (365 days)'
edge_version:
  description: What the edge says when it has loaded the certificate; empty without an edge.
  returned: when it was looked after
  type: str
  sample: 7f83b1657ff1fc53
names:
  description: The names that the certificate is for.
  returned: when it was looked after
  type: list
  elements: str
  sample: [hub.example.org]
issuer:
  description: Who signed it.
  returned: when it was looked after
  type: str
serial_number:
  description: Its serial number, in hexadecimal digits.
  returned: when it was looked after
  type: str
not_before:
  description: When it began to be valid.
  returned: when it was looked after
  type: str
  sample: '2026-11-23T04:17:00Z'
not_after:
  description: When it expires.
  returned: when it was looked after
  type: str
  sample: '2027-11-23T04:17:00Z'
days_left:
  description: Whole days until then.
  returned: when it was looked after
  type: int
  sample: 365
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import k8s, k8s_objects
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.k8s_names import namespace, prefix, selector_text
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import cluster as io_cluster
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.certificate import told
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, cluster_settings_of, hub_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_rollout import Rollout
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_secrets import KeptStore


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub, settings = hub_of(module), cluster_settings_of(module)
    if hub.tls.mode not in k8s.OWN_CERTIFICATES:
        return {"changed": False, "looked": False, "line": f"{hub.name}: jupyterhub_tls.mode is {hub.tls.mode}; its certificate is not made here"}
    if settings.manifests_dir:
        raise DescriptionError(f"k8s_manifests_dir is {settings.manifests_dir}, and what applies it renews the certificate: run site.yml to write it anew")
    cluster, space = io_cluster.Cluster(settings), namespace(hub, settings)
    found = cluster.list(k8s_objects.KINDS["Secret"], space, selector_text(hub))
    if not found:
        raise DescriptionError(f"there is no hub {hub.name} in the namespace {space}; run site.yml first")
    kept: dict[str, str] = {}
    for item in found:
        kept |= k8s.decoded(item)
    store = KeptStore(f"the Secrets of the namespace {space}", kept, time.time())
    store.fill_tls(hub, module.params["given"])
    rollout, edge, ends = Rollout(cluster, hub, settings), None, k8s.has_edge(hub, settings)
    if ends:
        edge = cluster.find(k8s_objects.path(k8s_objects.KINDS["ConfigMap"], space, f"{prefix(hub, settings)}edge"))
    if (ends and not edge) or not {*store.made, *store.rotated} <= {*k8s.TLS_KEYS.values()}:
        raise DescriptionError(f"jupyterhub_tls.mode is {hub.tls.mode}, but the hub {hub.name} was deployed with another; run site.yml first")
    manifests, version = k8s.renewed(hub, settings, edge, store.values, store.fingerprints())
    behind = bool(edge) and not rollout.edge_has_loaded(version)
    changed = bool(store.made or store.rotated or behind)
    if changed and not module.check_mode:
        for manifest in manifests:
            cluster.apply(manifest)
        if behind:
            rollout.reload_edge(version, time.monotonic() + settings.wait_timeout)
    return {"changed": changed, "looked": True, "edge_version": version, **told(hub, kept.get("tls_certificate"), store.wanted["tls_certificate"])}


def main() -> None:
    module = AnsibleModule(
        argument_spec={"description": {"type": "dict", "required": True}, "given": {"type": "dict", "default": {}, "no_log": True}}, supports_check_mode=True
    )
    open_door(module, run, {**LIBRARIES, **io_cluster.LIBRARIES})


if __name__ == "__main__":
    main()
