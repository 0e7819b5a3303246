# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a description has besides ``jupyterhub_…``: a part for each target and each operation, whose variables begin with its name."""

from __future__ import annotations

import dataclasses
import typing as t

from . import backup, certbot, k8s_checks, storage_checks, swarm, validation
from .description import Certbot, DockerCompose, Hub, K8s, Swarm, from_variables

Read = t.Callable[[str, str], str]
"""Returns the text of a file of the controller; takes its path and the variable that names it."""


def no_secrets(_variables: dict[str, t.Any], _read: Read | None) -> dict[str, str]:
    """A part without secrets."""
    return {}


def any_hub(_hub: Hub, _settings: t.Any) -> None:
    """For a part that any hub may have."""


def on_one_host(hub: Hub, settings: t.Any) -> None:
    """Raise for what only another target knows, and for more GPUs than the host has."""
    k8s_checks.check_elsewhere(hub, settings)
    storage_checks.check_gpus(hub)


@dataclasses.dataclass(frozen=True)
class Part:
    """The class of a part's settings, and the check of what its types cannot say.

    ``take_secrets`` takes secrets out of variables, and reads the files that hold some where it can; ``programs`` are files of the role of that name;
    ``check_hub`` is the check of what the hub and the part demand of each other.
    """

    settings: type
    check: t.Callable[[t.Any], None]
    take_secrets: t.Callable[[dict[str, t.Any], Read | None], dict[str, str]] = no_secrets
    programs: tuple[str, ...] = ()
    check_hub: t.Callable[[Hub, t.Any], None] = any_hub


PARTS = {
    "docker_compose": Part(DockerCompose, validation.check_docker_compose, check_hub=on_one_host),
    "swarm": Part(Swarm, validation.check_swarm, check_hub=swarm.check_hub),
    "k8s": Part(K8s, k8s_checks.check, check_hub=k8s_checks.check_hub),
    "certbot": Part(Certbot, certbot.check, certbot.take_secrets),
    "backup": Part(backup.Backup, backup.check, backup.take_secrets, ("backup.py", "session.py")),
}
"""By name; the variables of the part ``swarm`` are ``swarm_…``."""


def settings_of(names: t.Iterable[str], variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the settings of some parts; raise DescriptionError for the first variable whose name or type is wrong."""
    return {name: from_variables(PARTS[name].settings, variables, f"{name}_") for name in names}


def take_secrets(names: t.Iterable[str], variables: dict[str, t.Any], read: Read | None) -> dict[str, str]:
    """Take the secrets of some parts out of the variables and return them by the name of the secret."""
    return {secret: value for name in names for secret, value in PARTS[name].take_secrets(variables, read).items()}


def check(settings: t.Mapping[str, t.Any]) -> None:
    """Raise DescriptionError for the first thing that cannot be."""
    for name, values in settings.items():
        PARTS[name].check(values)


def check_hub(hub: Hub, settings: t.Mapping[str, t.Any]) -> None:
    """Raise DescriptionError for the first thing that a hub and its parts cannot be together."""
    for name, values in settings.items():
        PARTS[name].check_hub(hub, values)
