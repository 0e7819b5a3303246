# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that ask a hub begin with: their common options, and the line that the options mean."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..core import k8s_checks, validation
from ..core.description import Hub, K8s, from_variables
from .door import Libraries
from .docker import Docker
from .hub_api import HubApi, NamedLine, Place, UrlLine, read_token
from .swarm_running import is_on_swarm

if t.TYPE_CHECKING:
    from .k8s_rollout import Rollout

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str"},
    "docker_host": {"type": "str", "default": ""},
    "docker_context": {"type": "str", "default": ""},
    "k8s_context": {"type": "str"},
    "k8s_kubeconfig": {"type": "path"},
    "k8s_in_cluster": {"type": "bool"},
    "k8s_namespace": {"type": "str"},
    "url": {"type": "str"},
    "token_file": {"type": "path", "no_log": False},
    "ca_file": {"type": "path", "default": ""},
    "address": {"type": "str", "default": ""},
}
RULES: dict[str, t.Any] = {
    "required_one_of": [["name", "token_file"]],
    "mutually_exclusive": [["name", "token_file"], ["k8s_context", "k8s_in_cluster"]],
    "required_by": {"token_file": ["url"], "k8s_context": ["name"], "k8s_in_cluster": ["name"]},
}


def docker_of(module: AnsibleModule) -> Docker:
    """Return the engine that the options name."""
    return Docker(module.run_command, module.params["docker_host"], module.params["docker_context"])


def on_cluster(module: AnsibleModule) -> bool:
    """Whether the options name a hub on Kubernetes."""
    return bool(module.params["k8s_context"] or module.params["k8s_in_cluster"])


def sees_volumes(module: AnsibleModule) -> bool:
    """Whether people's volumes are on the engine that is asked: not at a URL, not in a cluster, not on some node of a swarm."""
    name = module.params["name"]
    return bool(name) and not on_cluster(module) and not is_on_swarm(docker_of(module), name)


def named(module: AnsibleModule) -> Hub:
    """Return the hub of the option ``name``, of which no more is known."""
    hub = Hub.from_variables({"jupyterhub_name": module.params["name"]})
    validation.check_name(hub)
    return hub


def rollout_of(module: AnsibleModule) -> Rollout:
    """Return the hub on the cluster that the options name."""
    # The library of clusters takes as long to import as all the rest does.
    from .cluster import Cluster
    from .k8s_rollout import Rollout

    given = {name: value for name, value in module.params.items() if name.startswith("k8s_") and value is not None}
    settings = t.cast(K8s, from_variables(K8s, given, "k8s_"))
    k8s_checks.check(settings)
    return Rollout(Cluster(settings), named(module), settings)


def libraries_of(module: AnsibleModule) -> Libraries:
    """Return what asking the hub needs besides Python."""
    if not on_cluster(module):
        return {}
    from .cluster import LIBRARIES

    return LIBRARIES


def place_of(module: AnsibleModule) -> Place:
    """Return the address that the options name."""
    return Place(module.params["url"], module.params["ca_file"], module.params["address"])


def hub_of(module: AnsibleModule) -> HubApi:
    """Return the hub that the options name."""
    if on_cluster(module):
        return HubApi(rollout_of(module).line())
    if module.params["name"]:
        return HubApi(NamedLine(docker_of(module), module.params["name"]))
    return HubApi(UrlLine(place_of(module), read_token(module.params["token_file"])))
