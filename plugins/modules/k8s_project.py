#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_project
short_description: Make what a JupyterHub is on Kubernetes, ready to be applied
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Looks at a cluster, and refuses what cannot work before anything is touched. A context that is not there, a namespace that is not there, a permission
    that is missing, a storage class, a Secret or a kind of object that the description needs and the cluster has not.
  - Makes the namespace if it is asked to, makes and keeps the secrets in Secrets of the cluster, which it applies itself, so that no other task sees them.
  - Renders all other objects and asks the API server, by a dry run, what applying them would change. RV(pending) are those that differ, to be applied on the
    server's side by M(kubernetes.core.k8s); RV(pruned) are those that the description has no longer.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: [What applying would change is shown as the API server would have it. A secret is never shown.]
  idempotent:
    support: full
requirements: [kubernetes (Python), cryptography, PyYAML]
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
- name: Look at the cluster
  vdsg.jupyterhub.k8s_project:
    description: "{{ hub.variables }}"
    given: "{{ hub.secrets }}"
    programs: "{{ hub.programs }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', parts=['k8s']) }}"
  register: project
"""

RETURN = r"""
version:
  description: Version of the cluster.
  returned: always
  type: str
  sample: 1.36.2
namespace:
  description: Namespace of the hub.
  returned: always
  type: str
  sample: lab
deployed:
  description: Whether the hub has a Deployment in the namespace.
  returned: always
  type: bool
pending:
  description: The objects that applying would change, without Secrets, in the order in which they are applied.
  returned: always
  type: list
  elements: dict
pruned:
  description: The objects of the hub that the description has no longer. Claims are never among them.
  returned: always
  type: list
  elements: dict
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
unchecked:
  description: Sentences about what may not be seen, and so was not checked.
  returned: always
  type: list
  elements: str
proxies:
  description: Names of the Deployments whose replacement drops open websockets.
  returned: always
  type: list
  elements: str
  sample: [proxy, edge]
edge_version:
  description: What the edge says when it has loaded its configuration and certificate; empty without an edge.
  returned: always
  type: str
ready:
  description: What M(vdsg.jupyterhub.k8s_ready) would find and do; a look at a hub that runs.
  returned: when the hub runs and nothing else is to be done
  type: dict
settled:
  description: Whether nothing is left to do.
  returned: always
  type: bool
url:
  description: Address that people type.
  returned: always
  type: str
  sample: https://hub.example.org/
hints:
  description: Where a person finds what is needed next.
  returned: always
  type: list
  elements: str
settings:
  description: The C(k8s_) variables without their prefix, with their defaults.
  returned: always
  type: dict
"""

import contextlib
import dataclasses
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import k8s, k8s_objects, k8s_report, people, validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.k8s_names import prefix, selector_text
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import cluster as io_cluster
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, cluster_settings_of, hub_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_config_check import ClusterConfigCheck
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_preflight import Preflight
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_rollout import Rollout
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_secrets import KeptStore
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.running import CHANGES

LOOK = 10
"""Seconds in which a hub that is well answers."""


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub, settings, given = hub_of(module), cluster_settings_of(module), module.params["given"]
    cluster = io_cluster.Cluster(settings)
    preflight = Preflight(cluster, hub, settings)
    version, exists = preflight.look()
    space, mine = preflight.namespace, selector_text(hub)
    owned = [{**item, "kind": kind} for kind, where in k8s_objects.KINDS.items() for item in cluster.list(where, space, mine)] if exists else []
    kept: dict[str, str] = {}
    for item in owned:
        kept |= k8s.decoded(item) if item["kind"] == "Secret" else {}
    store = KeptStore(f"the Secret {prefix(hub, settings)}hub of the namespace {space}", kept, time.time())
    store.fill(hub, given)
    rendered = k8s.render(hub, settings, module.params["programs"], store.values, store.fingerprints(), given.get("registry_password", ""))
    preflight.check([*rendered.secrets, *rendered.manifests], exists)

    live = {k8s_objects.title(item): item for item in owned}
    secrets = [item for item in rendered.secrets if (live.get(k8s_objects.title(item)) or {}).get("data") != item["data"]]
    tried: t.Sequence[k8s_objects.Object] = rendered.manifests
    if exists:
        tried = io_cluster.at_once(lambda item: cluster.tried(item, live.get(k8s_objects.title(item))), rendered.manifests)
    different = [applied for applied in tried if k8s_objects.differs(live.get(k8s_objects.title(applied)), applied)]
    titles = {k8s_objects.title(item) for item in different}
    pending = [item for item in rendered.manifests if k8s_objects.title(item) in titles]
    pruned = k8s_objects.to_prune(owned, [*rendered.secrets, *rendered.manifests])
    if not (exists or module.check_mode):
        cluster.ask("to make the namespace", "POST", "/api/v1/namespaces", k8s.namespace_manifest(hub, settings))
    # Without a namespace there is no place to try anything in.
    if (exists or not module.check_mode) and titles & {f"{kind} {prefix(hub, settings)}hub" for kind in ("ConfigMap", "Deployment")}:
        for warning in ClusterConfigCheck(cluster, hub, settings, module.params["programs"]).run(store.values):
            module.warn(warning)
    if not module.check_mode:
        for item in secrets:
            cluster.apply(item)
    changed = not exists or bool(secrets)
    result: dict[str, t.Any] = {
        "version": version,
        "namespace": space,
        "deployed": any(item["kind"] == "Deployment" for item in owned),
        "pending": pending,
        "pruned": pruned,
        "made": store.made,
        "rotated": store.rotated,
        "unchecked": preflight.unchecked,
        "proxies": [f"{prefix(hub, settings)}{name}" for name in ("proxy", "edge")],
        "edge_version": rendered.edge_version,
        "url": validation.public_url(hub),
        "hints": k8s_report.hints(hub, settings),
        "settings": dataclasses.asdict(settings),
    }
    quiet = not (changed or pending or pruned)
    found = look(Rollout(cluster, hub, settings), rendered, people.described(hub)) if quiet else None
    result["settled"] = found is not None and not any(found[key] for key in CHANGES)
    result["changed"] = not result["settled"] if module.check_mode else changed
    if module._diff:
        changes = {title: (k8s_objects.shown(live.get(title)), k8s_objects.shown(item)) for item in different if (title := k8s_objects.title(item))}
        result["diff"] = [{"before": old, "after": new, "before_header": title, "after_header": title} for title, (old, new) in changes.items()]
    return result | ({"ready": found} if found else {})


def look(rollout: Rollout, rendered: k8s.Rendered, wanted: people.People) -> dict[str, t.Any] | None:
    """Look at what runs, without a change: what k8s_ready would have to do; None where it would have to wait."""
    if rollout.settled(rendered.deployments, rendered.edge_version):
        with contextlib.suppress(DescriptionError):
            return rollout.look_after(wanted, time.monotonic() + LOOK, True)
    return None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "dict", "required": True},
            "given": {"type": "dict", "default": {}, "no_log": True},
            "programs": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    open_door(module, run, {**LIBRARIES, **io_cluster.LIBRARIES})


if __name__ == "__main__":
    main()
