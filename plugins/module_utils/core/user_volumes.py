# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which volumes of an engine hold whose files. What is decided here may be deleted, so nothing is guessed."""

from __future__ import annotations

import re
import string
import typing as t

TEMPLATE = "{name}-user-{username}"
"""The default of jupyterhub_storage.volume_name_template."""

NAME_LABEL, COMPONENT_LABEL, USER_DATA = "vdsg.jupyterhub.name", "vdsg.jupyterhub.component", "user-data"
COMPOSE_LABEL = "com.docker.compose.project"
SAFE = set(string.ascii_lowercase + string.digits)

SERVER = r"([a-z]([a-z0-9]|-2d)*)?"
"""An escaped server name, or none: JupyterHub 6 takes a letter, then letters, digits and dashes (slugs.py)."""

Volume = t.Mapping[str, t.Any]
"""A volume as the engine's API shows it."""


def escape(name: str) -> str:
    """Return a name as DockerSpawner writes it into names of containers and volumes (dockerspawner 14, DockerSpawner._escape)."""
    return "".join(char if char in SAFE else "".join(f"-{byte:02x}" for byte in char.encode()) for char in name)


def first_of(template: str, hub: str, user: str) -> str:
    """Return the name of the volume of a person's server without a name, the one that everybody has."""
    values = {"{name}": hub, "{username}": escape(user), "{servername}": ""}
    return "".join(values.get(part, part) for part in re.split(r"(\{[a-z]+\})", template))


def pattern(template: str, hub: str, user: str) -> re.Pattern[str]:
    """Return what the names of a person's volumes look like.

    Servers with names are left out where a template does not keep them from people: ``{username}{servername}`` is the same for ``a`` and ``bc`` as for
    ``ab`` and ``c``.
    """
    apart = re.search(r"\{username\}[-_.].*\{servername\}|\{servername\}[-_.].*\{username\}", template)
    values = {"{name}": re.escape(hub), "{username}": re.escape(escape(user)), "{servername}": SERVER if apart else ""}
    return re.compile("".join(values.get(part, re.escape(part)) for part in re.split(r"(\{[a-z]+\})", template)))


def is_data_of(hub: str, volume: Volume) -> bool:
    """Whether a volume may be a person's of this hub: as the engine guard judges, one without labels was there before (engine_guard.py, judge_volume)."""
    labels = volume.get("Labels") or {}
    return labels.get(NAME_LABEL, hub) == hub and labels.get(COMPONENT_LABEL, USER_DATA) == USER_DATA and COMPOSE_LABEL not in labels


def by_user(volumes: t.Iterable[Volume], hub: str, template: str, users: t.Iterable[str]) -> dict[str, list[str]]:
    """Return the names of people's volumes; who has none is not in it."""
    names = sorted(str(volume["Name"]) for volume in volumes if is_data_of(hub, volume))
    found = {}
    for user in sorted(users):
        form = pattern(template, hub, user)
        if own := [name for name in names if form.fullmatch(name)]:
            found[user] = own
    return found


def owner(template: str, hub: str, volume: str) -> str:
    """Return whose a volume with this hub's labels is, as far as its name tells; empty where it does not."""
    values = {"{name}": re.escape(hub), "{username}": r"(?P<user>(?:[a-z0-9]|-[0-9a-f]{2})+)", "{servername}": SERVER}
    form = re.compile("".join(values.get(part, re.escape(part)) for part in re.split(r"(\{[a-z]+\})", template)))
    found = form.fullmatch(volume)
    if not found or "user" not in found.groupdict():
        return ""
    octets = re.sub(rb"-([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), found["user"].encode())
    return octets.decode(errors="replace")
