# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that ask a hub begin with: their common options, and the line that the options mean."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from .docker import Docker
from .hub_api import ContainerLine, HubApi, Place, UrlLine, read_token

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str"},
    "docker_host": {"type": "str", "default": ""},
    "docker_context": {"type": "str", "default": ""},
    "url": {"type": "str"},
    "token_file": {"type": "path", "no_log": False},
    "ca_file": {"type": "path", "default": ""},
    "address": {"type": "str", "default": ""},
}
RULES: dict[str, t.Any] = {"required_one_of": [["name", "token_file"]], "mutually_exclusive": [["name", "token_file"]], "required_by": {"token_file": ["url"]}}


def docker_of(module: AnsibleModule) -> Docker:
    """Return the engine that the options name."""
    return Docker(module.run_command, module.params["docker_host"], module.params["docker_context"])


def place_of(module: AnsibleModule) -> Place:
    """Return the address that the options name."""
    return Place(module.params["url"], module.params["ca_file"], module.params["address"])


def hub_of(module: AnsibleModule) -> HubApi:
    """Return the hub that the options name."""
    if module.params["name"]:
        return HubApi(ContainerLine(docker_of(module), f"{module.params['name']}-hub"))
    return HubApi(UrlLine(place_of(module), read_token(module.params["token_file"])))
