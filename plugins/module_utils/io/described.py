# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules with the option ``description`` begin with."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..core import backup as core_backup
from ..core import certificates, k8s_checks, project, validation
from ..core.description import DockerCompose, Hub, K8s, Swarm, from_variables
from .backup import Site
from .docker import Docker

LIBRARIES = {"cryptography": certificates.CRYPTOGRAPHY_ERROR, "PyYAML": project.YAML_ERROR}


def hub_of(module: AnsibleModule) -> Hub:
    """Return the hub of a module's option ``description``, checked again where it is used."""
    hub = Hub.from_variables(module.params["description"])
    validation.check(hub)
    return hub


def engine_of(module: AnsibleModule) -> tuple[Docker, DockerCompose]:
    """Return the engine of a module's option ``description``."""
    settings = DockerCompose.from_variables(module.params["description"])
    return Docker(module.run_command, settings.docker_host, settings.docker_context), settings


def swarm_of(module: AnsibleModule) -> tuple[Docker, Swarm]:
    """Return the engine of a swarm's manager, of a module's option ``description``."""
    settings = Swarm.from_variables(module.params["description"])
    return Docker(module.run_command, settings.docker_host, settings.docker_context), settings


def cluster_settings_of(module: AnsibleModule) -> K8s:
    """Return what a module's option ``description`` says of a cluster, checked again where it is used."""
    settings = t.cast(K8s, from_variables(K8s, module.params["description"], "k8s_"))
    k8s_checks.check(settings)
    return settings


def site_of(module: AnsibleModule) -> Site:
    """Return what the modules of backups work on."""
    docker, target = engine_of(module)
    settings = from_variables(core_backup.Backup, module.params["description"], "backup_")
    core_backup.check(settings)
    return Site(docker, hub_of(module), settings, target, module.params["given"], module.params["program"])
