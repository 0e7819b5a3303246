# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of what is said about storage: shared folders, further volumes, files of the user's own, content, GPUs."""

from __future__ import annotations

import itertools
import re
import typing as t

from . import server_checks, storage
from .authentication import DATA, FILES
from .description import ExtraFile, ExtraVolume, Hub, ServerSettings, SharedFolder, Spawner
from .forms import SIZE, matches
from .schema import DescriptionError, nearest, shown

PATH = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9_.@+=~-]+)+")
FOLDER = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,200}")
NFS = re.compile(r"[A-Za-z0-9.-]+:(/[A-Za-z0-9_.@+=~/-]*)")
NFS_OPTIONS = re.compile(r"[A-Za-z0-9_=.:-]+(,[A-Za-z0-9_=.:-]+)*")
REPOSITORY = re.compile(r"((https?|git|ssh|file)://|/)[A-Za-z0-9._~:/?#@!&+=%-]+")
BRANCH = re.compile(r"(?!-)[A-Za-z0-9._/+-]+")
DIRECTORY = re.compile(r"(?!\.\.?(?:/|$))[A-Za-z0-9_.@+=~-]+(/(?!\.\.?(?:/|$))[A-Za-z0-9_.@+=~-]+)*")
MODE = re.compile(r"0[0-7]{3}")
GPU = re.compile(r"[0-9]{1,3}|(GPU|MIG)-[0-9a-fA-F-]{8,60}")
MAX_GID = 2**31 - 1

SYSTEM = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr")
KERNEL = ("/dev", "/proc", "/sys")
OF_HUB = (FILES, DATA, "/opt/jupyter", "/tmp")
HOST = (*SYSTEM, "/root", "/run", "/var/run", "/var/lib/docker", "/var/lib/containerd")
"""What of a host makes whoever can write it, or in part read it, its root."""


def within(path: str, directory: str) -> bool:
    """Whether a path is a directory, or below it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def check_storage(hub: Hub) -> None:
    check_folders(hub)
    check_volumes(hub)
    check_targets(hub)
    check_content(hub)
    check_files(hub)


# --- shared folders


def check_folders(hub: Hub) -> None:
    unique("jupyterhub_storage.shared_folders", "name", [folder.name for folder in hub.storage.shared_folders])
    for index, folder in enumerate(hub.storage.shared_folders):
        check_folder(hub, f"jupyterhub_storage.shared_folders[{index}]", folder)


def check_folder(hub: Hub, path: str, folder: SharedFolder) -> None:
    matches(FOLDER, folder.name, f"{path}.name", "lower-case letters, digits and dashes, at most 40")
    for name in ("write_groups", "read_groups"):
        server_checks.check_groups(hub, f"{path}.{name}", getattr(folder, name))
    if both := sorted(set(folder.write_groups) & set(folder.read_groups)):
        raise DescriptionError(f"{path}: write_groups and read_groups both name {both[0]}; who may write may read, so take it out of read_groups")
    if not folder.write_groups and not folder.read_groups and folder.everybody == "none":
        raise DescriptionError(f"{path} ({folder.name}) may be seen by nobody; name groups in write_groups or read_groups, or set everybody")


def unique(path: str, what: str, values: t.Sequence[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise DescriptionError(f"{path} has the {what} {shown(value)} more than once; keep one of them")


# --- further volumes


def check_volumes(hub: Hub) -> None:
    volumes = hub.storage.extra_volumes
    unique("jupyterhub_storage.extra_volumes", "name", [volume.name for volume in volumes])
    for index, volume in enumerate(volumes):
        path = f"jupyterhub_storage.extra_volumes[{index}]"
        matches(FOLDER, volume.name, f"{path}.name", "lower-case letters, digits and dashes, at most 40")
        check_source(hub, path, volume)
    # DockerSpawner names a mount by its source (volume_binds), and would keep the last of two.
    unique("jupyterhub_storage.extra_volumes", "source", [volume.source for volume in volumes if volume.source])
    check_nested([volume for volume in volumes if volume.type == "bind"])
    named = [(path, name) for path, item in layers(hub) for name in item.volumes]
    for path, name in named:
        known = [volume.name for volume in volumes if volume.servers == "profiles"]
        if name not in known:
            raise DescriptionError(
                f"{path}.volumes has {shown(name)}, which is none of jupyterhub_storage.extra_volumes with servers: profiles{nearest(name, known)}"
            )
    for volume in volumes:
        if volume.servers == "profiles" and volume.name not in {name for _path, name in named}:
            raise DescriptionError(f"jupyterhub_storage.extra_volumes: {volume.name} has servers: profiles, but no profile has it in its volumes")


def layers(hub: Hub) -> t.Iterator[tuple[str, ServerSettings]]:
    """Yield profiles and choices with their paths."""
    for index, profile in enumerate(hub.profiles):
        path = f"jupyterhub_profiles[{index}]"
        yield path, profile
        for number, item in enumerate(profile.options):
            for position, choice in enumerate(item.choices):
                yield f"{path}.options[{number}].choices[{position}]", choice


def check_source(hub: Hub, path: str, volume: ExtraVolume) -> None:
    """Raise for what cannot be mounted, or must not be."""
    for name, kind in (("options", "nfs"), ("size", "scratch")):
        if getattr(volume, name) and volume.type != kind:
            raise DescriptionError(f"{path}.{name} means nothing with type {volume.type}; take it away")
    if volume.servers == "none" and not volume.hub:
        raise DescriptionError(f"{path} ({volume.name}) is nowhere: servers is none, and hub is false; set one of them")
    if volume.type == "scratch":
        matches(SIZE, volume.size, f"{path}.size", "an amount such as 512M or 2G")
        if volume.source or volume.read_only:
            raise DescriptionError(f"{path} is of type scratch, which is memory, empty and new for each server: it has no source and cannot be read_only")
    elif volume.type == "volume":
        matches(VOLUME, volume.source, f"{path}.source", "the name of a volume of the engine")
        if volume.source.startswith(f"{hub.name}-"):
            raise DescriptionError(f"{path}.source is {volume.source}, but names that begin with {hub.name}- are the hub's own; use another volume")
    elif volume.type == "nfs":
        matches(NFS, volume.source, f"{path}.source", "of the form HOST:/EXPORT")
        if volume.options:
            matches(NFS_OPTIONS, volume.options, f"{path}.options", "options of a mount such as nfsvers=4.2,hard")
    else:
        matches(PATH, volume.source, f"{path}.source", "an absolute path of the engine's host without . and ..")
        refuse_dangerous(f"{path}.source", volume.source)


def refuse_dangerous(path: str, source: str, more: t.Iterable[str] = ()) -> None:
    """Raise for a directory of the host that nobody may have in a container: what is in it, or it is in, is the host itself."""
    for directory in (*HOST, *more):
        if within(source, directory) or within(directory, source):
            raise DescriptionError(f"{path} is {source}, but {directory} is what the host, its engine or this hub lives from; use a directory of its own")


def check_nested(binds: t.Sequence[ExtraVolume]) -> None:
    """Raise for a directory in one that servers write: a link that somebody puts in its place would lead anywhere on the host."""
    for outer, inner in itertools.permutations(binds, 2):
        if within(inner.source, outer.source) and not outer.read_only:
            raise DescriptionError(
                f"jupyterhub_storage.extra_volumes: {inner.source} ({inner.name}) is below {outer.source} ({outer.name}), which can be written: "
                "a link in its place would lead anywhere on the host; use directories beside each other, or make the outer one read_only"
            )


# --- where it is mounted


def check_targets(hub: Hub) -> None:
    folders, volumes = hub.storage.shared_folders, hub.storage.extra_volumes
    found = [(f"jupyterhub_storage.shared_folders[{index}].mount_path", storage.folder_path(hub, folder)) for index, folder in enumerate(folders)]
    found += [(f"jupyterhub_storage.extra_volumes[{index}].mount_path", volume.mount_path) for index, volume in enumerate(volumes) if volume.servers != "none"]
    for path, target in found:
        check_target(path, target, SYSTEM, KERNEL)
        if hub.storage.type == "volume" and within(hub.storage.mount_path, target):
            raise DescriptionError(f"{path} is {target}, which would hide people's own files at {hub.storage.mount_path}; use a directory below or beside it")
    unique("jupyterhub_storage", "mount_path", [target for _path, target in found])
    for index, volume in enumerate(volumes):
        if volume.hub:
            path = f"jupyterhub_storage.extra_volumes[{index}].mount_path"
            check_target(path, volume.mount_path, (*SYSTEM, *OF_HUB), (*KERNEL, *OF_HUB))


def check_target(path: str, target: str, not_above: t.Iterable[str], not_below: t.Iterable[str]) -> None:
    matches(PATH, target, path, "an absolute path without . and ..")
    for directory in not_above:
        if within(directory, target):
            raise DescriptionError(f"{path} is {target}, which would hide {directory} of the image; use a directory of its own, such as /srv/data")
    for directory in not_below:
        if within(target, directory):
            raise DescriptionError(f"{path} is {target}, but nothing can be mounted below {directory}; use a directory of its own")


# --- content and files


def check_content(hub: Hub) -> None:
    if hub.storage.seed:
        matches(PATH, hub.storage.seed, "jupyterhub_storage.seed", "an absolute path without . and ..")
        if within(hub.storage.seed, storage.home(hub)):
            raise DescriptionError(
                f"jupyterhub_storage.seed is {hub.storage.seed}, which people's own files hide; put the content elsewhere in the image, such as /opt/content"
            )
    for index, item in enumerate(hub.storage.content):
        path = f"jupyterhub_storage.content[{index}]"
        matches(REPOSITORY, item.repository, f"{path}.repository", "the address of a git repository such as https://git.example.org/course.git")
        if re.match(r"[a-z]+://[^/]*:[^/]*@", item.repository):
            raise DescriptionError(f"{path}.repository has a password in it, which every person would read; use a repository that needs none")
        if item.branch:
            matches(BRANCH, item.branch, f"{path}.branch", "a branch or a tag")
        matches(DIRECTORY, storage.content_directory(item), f"{path}.directory", "a relative path without . and ..")
    unique("jupyterhub_storage.content", "directory", [storage.content_directory(item) for item in hub.storage.content])


def check_files(hub: Hub) -> None:
    for index, item in enumerate(hub.extra_files):
        check_file(hub, f"jupyterhub_extra_files[{index}]", item)
    for place in ("servers", "hub"):
        unique("jupyterhub_extra_files", "path", [item.path for item in hub.extra_files if getattr(item, place)])


def check_file(hub: Hub, path: str, item: ExtraFile) -> None:
    matches(PATH, item.path, f"{path}.path", "an absolute path without . and ..")
    matches(MODE, item.mode, f"{path}.mode", "four octal digits in quotes such as '0444'")
    if not isinstance(item.content, str):
        server_checks.check_reference(hub, f"{path}.content", item.content)
    if not item.servers and not item.hub:
        raise DescriptionError(f"{path} ({item.path}) is nowhere: servers and hub are false; set one of them")
    if item.servers:
        folders = [storage.folder_path(hub, folder) for folder in hub.storage.shared_folders]
        for directory in (*KERNEL, storage.START_DIR, *folders, *(volume.mount_path for volume in storage.of_servers(hub))):
            if within(item.path, directory):
                raise DescriptionError(f"{path}.path is {item.path}, but servers get no files below {directory}; use another path")
    if item.hub:
        if not item.path.startswith(f"{FILES}/"):
            raise DescriptionError(f"{path}.path is {item.path}, but files of the hub are below {FILES}; use a path there")
        name = item.path.removeprefix(f"{FILES}/")
        if (name.endswith((".py", ".json")) and "/" not in name) or within(name, "secrets"):
            raise DescriptionError(f"{path}.path is {item.path}, which is a place of the hub's own files; use a directory below {FILES}, such as {FILES}/mine")


# --- GPUs and groups


def every_layer(hub: Hub) -> list[tuple[str, Spawner | ServerSettings]]:
    """Return the settings of every server, profiles and choices with their paths."""
    return [("jupyterhub_spawner", hub.spawner), *layers(hub)]


def check_gpus(hub: Hub) -> None:
    """Raise for more GPUs than the host has; on a cluster the nodes say what they have."""
    for path, item in every_layer(hub):
        if (item.gpu or 0) > len(hub.spawner.gpus):
            have = f"has {len(hub.spawner.gpus)}" if hub.spawner.gpus else "names none"
            raise DescriptionError(f"{path}.gpu is {item.gpu}, but jupyterhub_spawner.gpus {have}; name the GPUs of the host there, or lower it")


def check_devices(hub: Hub) -> None:
    for gpu in hub.spawner.gpus:
        matches(GPU, gpu, "jupyterhub_spawner.gpus", "a list of numbers or UUIDs, as nvidia-smi -L says them")
    unique("jupyterhub_spawner", "gpu", hub.spawner.gpus)
    for path, item in every_layer(hub):
        if item.gpu is not None and item.gpu < 0:
            raise DescriptionError(f"{path}.gpu is {item.gpu}, but it must be at least 0")
        for gid in item.supplemental_gids:
            if not 0 < gid <= MAX_GID:
                raise DescriptionError(f"{path}.supplemental_gids has {gid}, but a group is a number above 0, which is root's")


PARTS = (check_storage, check_devices)
