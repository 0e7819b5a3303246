# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of modules that ask a hub that runs."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  name:
    description:
      - Name of a hub on a Docker Engine, as a service of its swarm or not, or with O(k8s_context) on a cluster; C(jupyterhub_name). It is asked from inside
        its container, so that no port and no token is needed.
      - Another hub is asked at O(url), with O(token_file).
    type: str
  docker_host:
    description: Engine of the hub O(name), if not the host's own.
    type: str
    default: ''
  docker_context:
    description: Docker context of the hub O(name), if not the current one.
    type: str
    default: ''
  k8s_context:
    description: Context of the kubeconfig of the cluster that the hub O(name) is on.
    type: str
  k8s_kubeconfig:
    description: Path on the host of the kubeconfig. Default is E(KUBECONFIG), else C(~/.kube/config).
    type: path
  k8s_in_cluster:
    description: Whether Ansible itself runs in a pod of the cluster that the hub O(name) is on, and uses that pod's service account.
    type: bool
  k8s_namespace:
    description: Namespace of the hub O(name). Default is its name.
    type: str
  url:
    description: Address of the hub as people type it.
    type: str
  token_file:
    description: Path of a file with an admin's or service's API token that only its owner may read (mode 0600).
    type: path
  ca_file:
    description: Path of the certificates (PEM) that the certificate of O(url) must be signed by. Default is what the system trusts.
    type: path
    default: ''
  address:
    description: Address to connect to, in place of the one that the host name in O(url) has.
    type: str
    default: ''
"""
