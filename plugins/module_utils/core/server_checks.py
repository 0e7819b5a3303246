# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of what is said about servers: their settings, profiles, storage and environments."""

from __future__ import annotations

import itertools
import re
import typing as t

from . import people, storage
from .description import Environment, Hub, Profile, Reference, ServerSettings, Spawner
from .forms import IMAGE, SIZE, matches, size_in_bytes
from .schema import DescriptionError, nearest, shown

VOLUME = re.compile(r"\{name\}-([A-Za-z0-9_.-]|\{servername\})*\{username\}([A-Za-z0-9_.-]|\{servername\})*")
POD_FIELD = re.compile(
    r"metadata\.(name|namespace|uid)|metadata\.(labels|annotations)\['[A-Za-z0-9./_-]+'\]|spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?)"
)
OPTION = re.compile(r"(?!profile$|option-)[a-z][a-z0-9_-]*")
SHM = 1024**3
"""What /dev/shm may have in a server without a memory limit: the engine guard says so."""


def check_spawner(hub: Hub) -> None:
    spawner = hub.spawner
    check_settings("jupyterhub_spawner", spawner)
    check_resources("jupyterhub_spawner", [spawner])
    for name, least in (("pids_limit", 64), ("start_timeout", 1), ("http_timeout", 1), ("concurrent_starts", 1)):
        if getattr(spawner, name) < least:
            raise DescriptionError(f"jupyterhub_spawner.{name} is {getattr(spawner, name)}, but it must be at least {least}")
    for name in ("max_running", "max_running_per_user", "named_servers"):
        if getattr(spawner, name) < 0:
            raise DescriptionError(f"jupyterhub_spawner.{name} is {getattr(spawner, name)}, but it must be at least 0")
    if spawner.notebook_dir and not spawner.notebook_dir.startswith(("/", "~/")) and spawner.notebook_dir != "~":
        raise DescriptionError(f"jupyterhub_spawner.notebook_dir is {shown(spawner.notebook_dir)}, but it must be an absolute path, or begin with ~/")


def check_settings(path: str, item: Spawner | ServerSettings) -> None:
    """Raise for a setting of a server that cannot be whatever the others are."""
    for name in ("mem_limit", "mem_guarantee", "shm_size"):
        if getattr(item, name) is not None:
            matches(SIZE, getattr(item, name), f"{path}.{name}", "an amount of memory such as 512M or 1.5G")
    for name in ("cpu_limit", "cpu_guarantee"):
        value = getattr(item, name)
        if value is not None and value <= 0:
            raise DescriptionError(f"{path}.{name} is {value:g}, but it must be more than 0")
    if item.image:
        matches(IMAGE, item.image, f"{path}.image", "an image reference such as quay.io/jupyter/scipy-notebook:hub-6.1.1")


def check_resources(path: str, layers: t.Sequence[Spawner | ServerSettings]) -> None:
    """Raise for limits and guarantees that cannot be together; a later layer wins over an earlier one, and ``path`` names the last."""

    def effective(name: str) -> t.Any:
        return next((value for layer in reversed(layers) if (value := getattr(layer, name)) is not None), None)

    mem_limit, cpu_limit, cpu_guarantee = effective("mem_limit"), effective("cpu_limit"), effective("cpu_guarantee")
    for name in ("mem_guarantee", "shm_size"):
        value = effective(name)
        if value and mem_limit and size_in_bytes(value) > size_in_bytes(mem_limit):
            raise DescriptionError(f"{path}: {name} {value} is more than mem_limit {mem_limit}; lower it, or raise the limit")
    if effective("shm_size") and not mem_limit and size_in_bytes(effective("shm_size")) > SHM:
        raise DescriptionError(f"{path}: shm_size {effective('shm_size')} is more than 1G, which needs a mem_limit")
    if cpu_limit and cpu_guarantee and cpu_guarantee > cpu_limit:
        raise DescriptionError(f"{path}: cpu_guarantee {cpu_guarantee:g} is more than cpu_limit {cpu_limit:g}; lower it, or raise the limit")


COUNTED = ("gpu", "supplemental_gids", "volumes")
RESOURCES = ("cpu_limit", "cpu_guarantee", "mem_limit", "mem_guarantee", "shm_size")


def check_profiles(hub: Hub) -> None:
    check_names("jupyterhub_profiles", "profile", hub.profiles)
    for index, profile in enumerate(hub.profiles):
        path = f"jupyterhub_profiles[{index}]"
        check_settings(path, profile)
        check_options(path, profile)
        # Each thing is set by one option at most, so few options have to do with resources.
        choices = [item.choices for item in profile.options if any(getattr(choice, name) is not None for choice in item.choices for name in RESOURCES)]
        for chosen in itertools.product(*choices):
            words = f" with {', '.join(choice.name for choice in chosen)}" if chosen else ""
            check_resources(f"{path} ({profile.name}{words})", [hub.spawner, profile, *chosen])
        check_allowed(hub, path, profile)


def check_names(path: str, what: str, items: t.Sequence[t.Any]) -> None:
    """Raise for things to choose from that cannot be told apart, or of which more than one is chosen beforehand."""
    names = [item.name for item in items]
    if len(set(names)) != len(names):
        raise DescriptionError(f"{path} has two {what}s of the same name; people could not tell them apart")
    if sum(item.default for item in items) > 1:
        raise DescriptionError(f"{path} has more than one {what} with default: true; keep one of them")


def check_options(path: str, profile: Profile) -> None:
    names = [item.name for item in profile.options]
    setters: dict[str, str] = {}
    for number, item in enumerate(profile.options):
        where = f"{path}.options[{number}]"
        matches(OPTION, item.name, f"{where}.name", "lower-case letters, digits, - and _, and not profile: the API takes it as the key of a choice")
        if names.count(item.name) > 1:
            raise DescriptionError(f"{path}.options names {item.name} more than once; keep one of them")
        if not item.choices:
            raise DescriptionError(f"{where}.choices is empty; name what there is to choose, or take the option away")
        check_names(f"{where}.choices", "choice", item.choices)
        for position, choice in enumerate(item.choices):
            check_settings(f"{where}.choices[{position}]", choice)
            for name in settings_of(choice):
                if setters.setdefault(name, item.name) != item.name:
                    raise DescriptionError(f"{path}: the options {setters[name]} and {item.name} both set {name}; one of them must do it")


def settings_of(choice: ServerSettings) -> set[str]:
    """Return what a choice sets."""
    names = {name for name in ("image", "cmd", "default_url", *RESOURCES, *COUNTED) if getattr(choice, name)}
    return names | {f"environment.{name}" for name in choice.environment}


def restricted(profile: Profile) -> bool:
    """Whether a profile is for some people only. An empty list is a restriction, too."""
    return profile.allowed_users is not None or profile.allowed_groups is not None


def check_allowed(hub: Hub, path: str, profile: Profile) -> None:
    if not restricted(profile):
        return
    check_groups(hub, f"{path}.allowed_groups", profile.allowed_groups or ())
    groups = people.described(hub).groups
    members = any(groups.get(name) for name in profile.allowed_groups or ()) or (groups_from_login(hub) and bool(profile.allowed_groups))
    if not profile.allowed_users and not members:
        raise DescriptionError(
            f"{path} ({profile.name}) may be had by nobody: allowed_users is empty, and no group of allowed_groups has a member; "
            "name somebody, or take both away, and everybody may have it"
        )


def check_groups(hub: Hub, path: str, groups: t.Iterable[str]) -> None:
    """Raise for a group that nobody can be in."""
    for name in groups:
        if name not in people.described(hub).groups and not groups_from_login(hub):
            raise DescriptionError(
                f"{path} has {shown(name)}, which is not a group of jupyterhub_groups or jupyterhub_users{nearest(name, people.described(hub).groups)}"
            )


def groups_from_login(hub: Hub) -> bool:
    """Whether the provider of the login says who is in which group, so that they are not known here."""
    return hub.auth.manage_groups


def chosen_images(hub: Hub) -> set[str]:
    """Return the images that profiles and their options name."""
    return {layer.image for layer in storage.choosable(hub) if layer.image}


def check_storage(hub: Hub) -> None:
    if not hub.storage.mount_path.startswith("/"):
        raise DescriptionError(f"jupyterhub_storage.mount_path is {shown(hub.storage.mount_path)}, but it must be an absolute path")
    form = "{name}-, then letters, digits and dashes with {username} among them: hubs must not share volumes, nor people"
    matches(VOLUME, hub.storage.volume_name_template, "jupyterhub_storage.volume_name_template", form)


def environments(hub: Hub) -> t.Iterator[tuple[str, Environment]]:
    """Yield every environment of a description with its path."""
    yield "jupyterhub_spawner.environment", hub.spawner.environment
    for index, profile in enumerate(hub.profiles):
        yield f"jupyterhub_profiles[{index}].environment", profile.environment
        for number, item in enumerate(profile.options):
            for position, choice in enumerate(item.choices):
                yield f"jupyterhub_profiles[{index}].options[{number}].choices[{position}].environment", choice.environment
    for index, service in enumerate(hub.services):
        yield f"jupyterhub_services[{index}].environment", service.environment


def check_environments(hub: Hub) -> None:
    for path, variables in environments(hub):
        for name, value in variables.items():
            if not isinstance(value, str):
                check_reference(hub, f"{path}.{name}", value, of_server=not path.startswith("jupyterhub_services"))


def check_reference(hub: Hub, path: str, value: Reference, of_server: bool = False) -> None:
    """Raise for a reference that leads nowhere; only an environment ``of_server`` may have fields of its pod."""
    kinds = "secret and file, or on Kubernetes field" if of_server else "secret and file"
    if [bool(value.secret), bool(value.file), bool(value.field)].count(True) != 1 or (value.field and not of_server):
        raise DescriptionError(f"{path} is a reference, and must have one of {kinds}")
    if value.field:
        matches(POD_FIELD, value.field, f"{path}.field", "a field of a pod such as spec.nodeName or metadata.labels['department']")
        return
    if value.secret and value.secret not in hub.extra_secrets:
        raise DescriptionError(
            f"{path} refers to the secret {shown(value.secret)}, which jupyterhub_extra_secrets does not have{nearest(value.secret, hub.extra_secrets)}"
        )


PARTS = (check_spawner, check_profiles, check_storage, check_environments)
