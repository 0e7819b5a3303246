# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs of a hub besides its servers, of which no more is known than its name: how it is, and which certificate its edge has."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..core.description import Swarm
from .certificate import facts, of_edge
from .connection import docker_of, named, on_cluster, rollout_of
from .running import Running
from .swarm_running import SwarmRunning, is_on_swarm


def seen(module: AnsibleModule) -> tuple[dict[str, str], dict[str, t.Any]]:
    """Return how each component of the hub that the options name is, and what is known of its certificate."""
    if on_cluster(module):
        rollout = rollout_of(module)
        certificate = rollout.certificate()
        return rollout.states(), facts(certificate) if certificate else {}
    docker, hub = docker_of(module), named(module)
    running = SwarmRunning(docker, hub, Swarm.from_variables({})) if is_on_swarm(docker, hub.name) else Running(docker, hub.name)
    running.look()
    return running.states(), of_edge(running)
