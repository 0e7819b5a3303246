# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine guard: the only holder of the engine's socket, and the hub's only way to it.

A hub that can talk to the engine freely is root on the host. This program lets through the calls that DockerSpawner makes and nothing
else. It forwards no byte that a client wrote: path, query and body are parsed, judged and written anew from what is allowed.

The upper half judges (pure functions, no I/O); the lower half is the aiohttp door that asks the engine.

Facts: dockerspawner 14 (start, get_object, create_object, stop_object, remove_object), docker-py 7.2 (APIClient, ContainerConfig,
HostConfig, Mount), the Docker Engine API v1.41 and newer. Go reads JSON keys without regard to case and takes the last of two equal
ones; nothing here depends on that, because no key of the client's reaches the engine.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import re
import signal
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard
from urllib.parse import quote

import aiohttp
from aiohttp import web
from yarl import URL

NAME_LABEL = "vdsg.jupyterhub.name"
COMPONENT_LABEL = "vdsg.jupyterhub.component"
OWN_LABELS = "vdsg.jupyterhub."
GPU_LABEL = "vdsg.jupyterhub.gpus"
USER_DATA = "user-data"
GIVEN = ("shared", "extra")  # components of volumes that the deployment makes for servers

MIN_API = 41  # Engine 20.10; older ones accept a HostConfig in the body of start
MAX_BODY = 1024 * 1024
MAX_STOP_SECONDS = 120
MAX_SHM_UNLIMITED = 1024**3  # /dev/shm of a server that has no memory limit
READY_SECONDS = 60
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

SAFE = r"[A-Za-z0-9_.-]"
TARGET = re.compile(r"(?:/v1\.([0-9]{2,3}))?(/.+)")
CONTAINER = re.compile(rf"/containers/({SAFE}{{1,255}})(/json|/start|/stop)?")
CONTAINER_ID = re.compile(r"[0-9a-f]{64}")
IMAGE = re.compile(r"/images/(.+)/json")
NAME = re.compile(rf"[A-Za-z0-9]{SAFE}{{1,200}}")
REST_OF_NAME = re.compile(rf"{SAFE}{{1,200}}")
IMAGE_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@-]{0,400}")
NUMERIC_USER = re.compile(r"([1-9][0-9]{0,9})(?::([1-9][0-9]{0,9}))?")
CONTAINER_PATH = re.compile(r"(?:/(?!\.\.?(?:/|$))[^/\0]+)+")
GPU = re.compile(r"[0-9]{1,3}|(?:GPU|MIG)-[0-9a-fA-F-]{8,60}")
MAX_UID = 2**31 - 1
MAX_INT = 2**63 - 1


class PolicyError(ValueError):
    """guard.json cannot be used. The text is meant for the administrator."""


class Refusal(Exception):
    """A call that is not let through. `message` goes to the client and to the log, so it never holds a value of the environment."""

    def __init__(self, message: str, status: int = 403, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.field = field


# --- what is allowed -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mount:
    """Named volumes that begin with `source_prefix` may be mounted at `target` or below it."""

    source_prefix: str
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class Given:
    """One volume, or one directory of the host, that may be mounted at one place."""

    source: str
    target: str
    read_only: bool


@dataclass(frozen=True)
class Scratch:
    """Memory that may be mounted at one place."""

    target: str
    size: int


@dataclass(frozen=True)
class OwnFile:
    """A file that every server gets; `source` is its place beside guard.json."""

    path: str
    mode: str
    source: str


@dataclass(frozen=True)
class Policy:
    """What guard.json says (docs/architecture.md, 'The engine guard')."""

    name: str
    host: str
    port: int
    socket: str
    images: tuple[str, ...]
    network: str
    container_prefix: str
    mounts: tuple[Mount, ...]
    labels: Mapping[str, str]
    pids_limit: int
    log_options: Mapping[str, str]
    firewall_ready: str | None
    volumes: tuple[Given, ...] = ()
    binds: tuple[Given, ...] = ()
    scratch: tuple[Scratch, ...] = ()
    gids: tuple[int, ...] = ()
    gpus: tuple[str, ...] = ()
    files: tuple[OwnFile, ...] = ()

    @property
    def volume_labels(self) -> dict[str, str]:
        return {NAME_LABEL: self.name, COMPONENT_LABEL: USER_DATA}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: object) -> TypeGuard[int]:
    # JSON's true is an int to Python.
    return isinstance(value, int) and not isinstance(value, bool)


def _is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) and isinstance(item, str) for key, item in value.items())


POLICY_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (lambda v: isinstance(v, str) and bool(NAME.fullmatch(v)), "a name"),
    "host": (_is_text, "the address to listen on"),
    "port": (lambda v: _is_number(v) and 0 <= v < 65536, "a port"),
    "socket": (lambda v: isinstance(v, str) and v.startswith("/"), "the absolute path of the engine's socket"),
    "images": (lambda v: isinstance(v, list) and all(isinstance(i, str) and IMAGE_REFERENCE.fullmatch(i) for i in v), "a list of image references"),
    "network": (
        lambda v: isinstance(v, str) and bool(NAME.fullmatch(v)) and v not in ("host", "none", "bridge", "default"),
        "the name of a network of its own",
    ),
    "container_prefix": (lambda v: isinstance(v, str) and bool(NAME.fullmatch(v)), "the beginning of container names"),
    "mounts": (lambda v: isinstance(v, list) and all(isinstance(i, dict) for i in v), "a list of mounts"),
    "labels": (lambda v: _is_texts(v) and NAME_LABEL in v and COMPONENT_LABEL in v, f"labels, {NAME_LABEL} and {COMPONENT_LABEL} among them"),
    "pids_limit": (lambda v: _is_number(v) and v > 0, "a number of processes above zero"),
    "log_options": (lambda v: _is_texts(v) and "max-size" in v, "options of the json-file log driver, max-size among them"),
    "firewall_ready": (lambda v: v is None or (isinstance(v, str) and v.startswith("/")), "an absolute path, or null"),
    "gids": (lambda v: isinstance(v, list) and all(_is_number(i) and 0 < i <= MAX_UID for i in v), "a list of groups above zero"),
    "gpus": (lambda v: isinstance(v, list) and all(isinstance(i, str) and GPU.fullmatch(i) for i in v), "a list of GPUs"),
    **{key: (lambda v: isinstance(v, list) and all(isinstance(i, dict) for i in v), "a list of objects") for key in ("volumes", "binds", "scratch", "files")},
}
EMPTY: dict[str, list[Any]] = {"volumes": [], "binds": [], "scratch": [], "gids": [], "gpus": [], "files": []}
MOUNT_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "source_prefix": (lambda v: isinstance(v, str) and bool(NAME.fullmatch(v)), "the beginning of volume names"),
    "target": (lambda v: isinstance(v, str) and bool(CONTAINER_PATH.fullmatch(v)), "an absolute path without . and .."),
    "read_only": (lambda v: isinstance(v, bool), "true or false"),
}
VOLUME_CHECKS = {**MOUNT_CHECKS, "source": (lambda v: isinstance(v, str) and bool(NAME.fullmatch(v)), "the name of a volume")}
del VOLUME_CHECKS["source_prefix"]
BIND_CHECKS = {**VOLUME_CHECKS, "source": MOUNT_CHECKS["target"]}
SCRATCH_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "target": MOUNT_CHECKS["target"],
    "size": (lambda v: _is_number(v) and v > 0, "a number of bytes above zero"),
}
FILE_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "path": MOUNT_CHECKS["target"],
    "mode": (lambda v: isinstance(v, str) and bool(re.fullmatch(r"0[0-7]{3}", v)), "four octal digits"),
    "source": (lambda v: isinstance(v, str) and bool(CONTAINER_PATH.fullmatch("/" + v)), "a relative path without . and .."),
}
LISTS: dict[str, tuple[Callable[..., Any], Mapping[str, tuple[Callable[[Any], bool], str]], dict[str, Any]]] = {
    "mounts": (Mount, MOUNT_CHECKS, {"read_only": False}),
    "volumes": (Given, VOLUME_CHECKS, {}),
    "binds": (Given, BIND_CHECKS, {}),
    "scratch": (Scratch, SCRATCH_CHECKS, {}),
    "files": (OwnFile, FILE_CHECKS, {}),
}


def _checked(data: Mapping[str, Any], checks: Mapping[str, tuple[Callable[[Any], bool], str]], where: str) -> dict[str, Any]:
    if unknown := sorted(set(data) - set(checks)):
        raise PolicyError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(checks)}")
    if missing := [key for key in checks if key not in data]:
        raise PolicyError(f"{where}: {missing[0]} is missing")
    for key, (good, what) in checks.items():
        if not good(data[key]):
            raise PolicyError(f"{where}.{key} must be {what}, not {data[key]!r}")
    return dict(data)


def read_policy(text: str) -> Policy:
    """Return the policy that guard.json holds; raise PolicyError when anything about it is unclear."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise PolicyError(f"guard.json is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise PolicyError("guard.json must hold one object")
    checked = _checked({**EMPTY, **data}, POLICY_CHECKS, "guard.json")
    for key in ("images", "gids", "gpus"):
        checked[key] = tuple(checked[key])
    for key, (made, checks, implied) in LISTS.items():
        items = enumerate(checked[key])
        checked[key] = tuple(made(**_checked({**implied, **item}, checks, f"guard.json.{key}[{index}]")) for index, item in items)
    if checked["labels"][NAME_LABEL] != checked["name"]:
        raise PolicyError(f"guard.json.labels: {NAME_LABEL} must be the name {checked['name']!r}")
    return Policy(**checked)


# --- what is asked ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inquiry:
    """A call that changes nothing and names nothing of the hub's: version, _ping, an allowed image."""

    path: str


@dataclass(frozen=True)
class Creation:
    """A user server to create: its rebuilt body, the volumes that are made for it, those that must be there, and how many GPUs it gets."""

    api: str
    name: str
    body: dict[str, Any]
    volumes: tuple[str, ...]
    given: tuple[str, ...] = ()
    gpus: int = 0


@dataclass(frozen=True)
class Handling:
    """A call on one container, which must first be proven to be the hub's own; `path` is formatted with its id."""

    api: str
    reference: str
    method: str
    path: str
    query: str = ""
    starts: bool = False


Call = Inquiry | Creation | Handling

HINTS = {
    "Image": "an image must be listed by jupyterhub_spawner or jupyterhub_profiles",
    "Memory": "set limits in jupyterhub_spawner",
    "NetworkMode": "user servers live on the hub's own network; what they reach is set in jupyterhub_network",
    "NetworkingConfig": "user servers live on the hub's own network; what they reach is set in jupyterhub_network",
    "Binds": "only what jupyterhub_storage names is mounted, where it says and as it says",
    "Mounts": "only what jupyterhub_storage names is mounted, where it says and as it says",
    "Volumes": "only the volumes of jupyterhub_storage are mounted",
    "VolumesFrom": "only the volumes of jupyterhub_storage are mounted",
    "Labels": f"labels outside of {OWN_LABELS}* steer other programs on this host",
    "User": "a number above zero, as UID or UID:GID",
    "Tmpfs": "only the scratch volumes of jupyterhub_storage.extra_volumes are mounted",
    "GroupAdd": "set groups in supplemental_gids of jupyterhub_spawner or jupyterhub_profiles",
    "DeviceRequests": "only the GPUs of jupyterhub_spawner.gpus are given, by their number",
}
OTHERWISE = "user servers are not given this; take it out of jupyterhub_spawner and jupyterhub_config"


def _refuse(field: str, why: str) -> Refusal:
    hint = HINTS.get(field.split(".")[-1].split("[")[0], OTHERWISE)
    return Refusal(f"{field} {why}: {hint}", field=field)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def judge_head(headers: Mapping[str, str], method: str) -> None:
    """Refuse by headers alone: a connection that would stop being HTTP, a body that would not be read as it is written."""
    if "upgrade" in headers.get("Connection", "").lower() or "Upgrade" in headers:
        raise Refusal("an upgraded connection (exec, attach) is not let through", field="Upgrade")
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refusal("a compressed body is not read", 415, "Content-Encoding")
    if method not in ("GET", "POST", "DELETE"):
        raise Refusal(f"{_shown(method)} is not let through", 405, "method")


def judge(policy: Policy, method: str, target: str, content_type: str = "", body: bytes = b"") -> Call:
    """Say what a request asks for, in words of our own; raise Refusal for everything that DockerSpawner does not need.

    `target` is the request's raw target, undecoded: an encoded character can never match a pattern below, so that two readings of
    one path do not arise.
    """
    path, question, query = target.partition("?")
    match = TARGET.fullmatch(path)
    if match is None:
        raise Refusal("this path is not let through", field="path")
    version, rest = match.groups()
    if version is not None and int(version) < MIN_API:
        raise Refusal(f"API versions below 1.{MIN_API} are not let through", 400, "version")
    api = f"/v1.{int(version)}" if version else ""
    if question and not query:
        raise Refusal("this query is not let through", field="query")
    if rest == "/containers/create" and method == "POST":
        return judge_create(policy, api, query, content_type, body)
    call = _judge_bodyless(policy, api, method, rest, query)
    if body:
        raise Refusal("this call has no body", 400, "body")
    return call


def _judge_bodyless(policy: Policy, api: str, method: str, rest: str, query: str) -> Call:
    if method == "GET" and rest in ("/_ping", "/version"):
        _no_query(query)
        return Inquiry(api + rest)
    if method == "GET" and (image := IMAGE.fullmatch(rest)):
        _no_query(query)
        return Inquiry(f"{api}/images/{_judge_image_path(policy, image[1])}/json")
    if rest.startswith("/images/create") and method == "POST":
        raise Refusal("images are not pulled by the hub: the deployment pulls or builds them beforehand; run it again", field="path")
    if container := CONTAINER.fullmatch(rest):
        return _judge_handling(policy, api, method, container[1], container[2], query)
    raise Refusal("this path is not let through", field="path")


def _no_query(query: str) -> None:
    if query:
        raise Refusal("this call has no query", field="query")


def _judge_image_path(policy: Policy, spelling: str) -> str:
    """Compare with the spellings that clients send, instead of decoding what they sent."""
    for image in policy.images:
        if spelling in (image, quote(image, safe="/:")):
            return quote(image, safe="/:@")
    raise _refuse("Image", "is not one of this hub's")


def _judge_reference(policy: Policy, reference: str) -> str:
    # A short id would let a client list what runs here, letter by letter.
    if CONTAINER_ID.fullmatch(reference):
        return reference
    rest = reference.removeprefix(policy.container_prefix)
    if rest == reference or not REST_OF_NAME.fullmatch(rest):
        raise Refusal(f"container names begin with {policy.container_prefix!r} here", field="name")
    return reference


def _judge_query(query: str, allowed: Mapping[str, re.Pattern[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        key, equals, value = pair.partition("=")
        if key not in allowed or key in found or not equals or not allowed[key].fullmatch(value):
            raise Refusal(f"this query is not let through: {', '.join(allowed)} may be given, once each", field="query")
        found[key] = value
    return found


BOOLEAN = re.compile(r"[Tt]rue|[Ff]alse|0|1")
DELETE_QUERY = {"v": BOOLEAN, "force": BOOLEAN, "link": re.compile(r"[Ff]alse|0")}
STOP_QUERY = {"t": re.compile(r"[0-9]{1,6}")}


def _judge_handling(policy: Policy, api: str, method: str, reference: str, action: str | None, query: str) -> Handling:
    known = {("GET", "/json"), ("POST", "/start"), ("POST", "/stop"), ("DELETE", None)}
    if (method, action) not in known:
        raise Refusal("this call on a container is not let through", field="path")
    reference = _judge_reference(policy, reference)
    path = "/containers/{id}" + (action or "")
    if action == "/stop":
        given = _judge_query(query, STOP_QUERY)
        seconds = f"t={min(int(given['t']), MAX_STOP_SECONDS)}" if given else ""
        return Handling(api, reference, method, path, seconds)
    if method == "DELETE":
        given = _judge_query(query, DELETE_QUERY)
        # v=true is what DockerSpawner sends. It takes anonymous volumes (those of the image) along, which nobody would find again;
        # a named volume survives it, and every volume of a user is named.
        return Handling(api, reference, method, path, "&".join(f"{key}={given[key].lower()}" for key in ("v", "force") if key in given))
    _no_query(query)
    return Handling(api, reference, method, path, starts=action == "/start")


# --- the body of containers/create -----------------------------------------------------------------------------------------------


def read_body(content_type: str, body: bytes) -> dict[str, Any]:
    """Parse a JSON object that has exactly one reading: no two keys that are equal without regard to case, at any depth."""
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise Refusal("the body must be application/json", 415, "Content-Type")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: set[str] = set()
        for key, _value in pairs:
            if key.casefold() in seen:
                raise Refusal(f"the key {_shown(key)} is given twice", 400, "body")
            seen.add(key.casefold())
        return dict(pairs)

    def no_constant(text: str) -> Any:
        raise ValueError(f"{text} is not JSON")

    try:
        parsed = json.loads(body.decode("utf-8"), object_pairs_hook=unique, parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise Refusal("the body is not JSON", 400, "body") from None
    if not isinstance(parsed, dict):
        raise Refusal("the body must be one object", 400, "body")
    return parsed


def _is_empty(value: object) -> bool:
    """What docker-py sends for a thing that nobody asked for."""
    return value is None or value is False or value in ("", 0) or (isinstance(value, dict | list) and not value)


def _integer(field: str, value: object) -> int:
    if not _is_number(value) or not 0 <= value <= MAX_INT:
        raise _refuse(field, f"must be a whole number, not {_shown(value)}")
    return value


def _strings(field: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _refuse(field, "must be a list of strings")
    return list(value)


def _flag(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refuse(field, "must be true or false")
    return value


def judge_create(policy: Policy, api: str, query: str, content_type: str, body: bytes) -> Creation:
    """Return the user server that a create call asks for, built from nothing but allowed fields; raise Refusal for any other."""
    name = _judge_query(query, {"name": REST_OF_NAME}).get("name", "")
    if not name or CONTAINER_ID.fullmatch(name):
        raise Refusal("a container needs a name", field="name")
    _judge_reference(policy, name)
    asked = read_body(content_type, body)
    # Every key is taken out once judged; what is left over and not empty is refused by its name.
    host = asked.pop("HostConfig", None) or {}
    if not isinstance(host, dict):
        raise _refuse("HostConfig", "must be an object")
    host = dict(host)
    mounts = _take_mounts(policy, host)
    rebuilt = _take_container(policy, asked, [mount["Target"] for mount in mounts])
    gpus = _take_gpus(policy, host)
    rebuilt["HostConfig"] = _take_host(policy, host, mounts)
    for where, left in (("", asked), ("HostConfig.", host)):
        for key, value in left.items():
            if not _is_empty(value):
                raise _refuse(where + (key if re.fullmatch(r"[A-Za-z]{1,40}", key) else _shown(key)), "is refused")
    given = {volume.source for volume in policy.volumes}
    volumes = {mount["Source"] for mount in mounts if mount["Type"] == "volume"}
    return Creation(api, name, rebuilt, tuple(sorted(volumes - given)), tuple(sorted(volumes & given)), gpus)


def _take_container(policy: Policy, asked: dict[str, Any], targets: list[str]) -> dict[str, Any]:
    image = asked.pop("Image", None)
    if image not in policy.images:
        raise _refuse("Image", f"{_shown(image)} is not one of this hub's")
    rebuilt: dict[str, Any] = {"Image": image}
    for key in ("Cmd", "Env"):
        if not _is_empty(value := asked.pop(key, None)):
            rebuilt[key] = _strings(key, value)
    if not _is_empty(directory := asked.pop("WorkingDir", None)):
        if not isinstance(directory, str) or not CONTAINER_PATH.fullmatch(directory):
            raise _refuse("WorkingDir", "must be an absolute path")
        rebuilt["WorkingDir"] = directory
    # "" and null mean the image's user; 0 is a wish to be root and not an empty field.
    if (user := asked.pop("User", None)) not in (None, "") or user is False:
        match = NUMERIC_USER.fullmatch(user) if isinstance(user, str) else None
        if match is None or any(int(number) > MAX_UID for number in match.groups() if number):
            raise _refuse("User", f"must not be {_shown(user)}")
        rebuilt["User"] = user
    rebuilt["Labels"] = _take_labels(policy, asked.pop("Labels", None))
    # docker-py declares each mount a second time here; alone, an entry would make an anonymous volume.
    volumes = asked.pop("Volumes", None) or {}
    if not isinstance(volumes, dict) or not set(volumes) <= set(targets) or not all(_is_empty(value) for value in volumes.values()):
        raise _refuse("Volumes", "names a place where nothing is mounted")
    _take_networking(policy, asked.pop("NetworkingConfig", None))
    # Said by every client, without meaning here: nothing is published and nobody can attach.
    for key in ("ExposedPorts", "AttachStdout", "AttachStderr"):
        asked.pop(key, None)
    return rebuilt


def _take_labels(policy: Policy, labels: object) -> dict[str, str]:
    if _is_empty(labels):
        return dict(policy.labels)
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise _refuse("Labels", "must be an object of strings")
    for key, value in labels.items():
        # Reverse proxies, schedulers and compose itself obey labels of containers.
        if policy.labels.get(key, value) != value or not (key in policy.labels or key.startswith(OWN_LABELS)) or key == GPU_LABEL:
            raise _refuse("Labels", f"may not set {_shown(key)}")
    return {**labels, **policy.labels}


def _take_networking(policy: Policy, networking: object) -> None:
    if _is_empty(networking):
        return
    endpoints = networking.get("EndpointsConfig") if isinstance(networking, dict) and set(networking) == {"EndpointsConfig"} else None
    if not isinstance(endpoints, dict) or not set(endpoints) <= {policy.network} or not all(_is_empty(value) for value in endpoints.values()):
        raise _refuse("NetworkingConfig", "is refused")


HOST_NUMBERS = ("Memory", "MemoryReservation", "NanoCpus", "CpuQuota", "CpuPeriod", "CpuShares")


def _take_host(policy: Policy, host: dict[str, Any], mounts: list[dict[str, Any]]) -> dict[str, Any]:
    rebuilt: dict[str, Any] = {}
    for key in HOST_NUMBERS:
        if not _is_empty(value := host.pop(key, None)):
            rebuilt[key] = _integer(f"HostConfig.{key}", value)
    memory = rebuilt.get("Memory", 0)
    # Swap would be a second memory limit that nobody set.
    host.pop("MemorySwap", None)
    if memory:
        rebuilt["MemorySwap"] = memory
    if not _is_empty(value := host.pop("ShmSize", None)):
        rebuilt["ShmSize"] = _integer("HostConfig.ShmSize", value)
        if value > (memory or MAX_SHM_UNLIMITED):
            raise _refuse("HostConfig.ShmSize", "is larger than the server's memory")
    pids = host.pop("PidsLimit", None)
    rebuilt["PidsLimit"] = min(pids, policy.pids_limit) if _is_number(pids) and pids > 0 else policy.pids_limit
    if not _is_empty(value := host.pop("AutoRemove", None)):
        rebuilt["AutoRemove"] = _flag("HostConfig.AutoRemove", value)

    for key, expected in (("NetworkMode", (policy.network, "default")), ("IpcMode", ("private",))):
        if not _is_empty(value := host.pop(key, None)) and value not in expected:
            raise _refuse(f"HostConfig.{key}", f"must not be {_shown(value)}")
    for option in _strings("HostConfig.SecurityOpt", host.pop("SecurityOpt", None) or []):
        if option not in ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"):
            raise _refuse("HostConfig.SecurityOpt", f"must not be {_shown(option)}")
    _strings("HostConfig.CapDrop", host.pop("CapDrop", None) or [])
    if not _is_empty(value := host.pop("Init", None)):
        _flag("HostConfig.Init", value)
    restart = host.pop("RestartPolicy", None) or {}
    if not isinstance(restart, dict) or restart.get("Name", "") not in ("", "no") or set(restart) - {"Name", "MaximumRetryCount"}:
        raise _refuse("HostConfig.RestartPolicy", "is refused (the hub starts user servers, not the engine)")
    logs = host.pop("LogConfig", None) or {}
    if not isinstance(logs, dict) or logs.get("Type", "") not in ("", "json-file") or set(logs) - {"Type", "Config"}:
        raise _refuse("HostConfig.LogConfig", "is refused (logs are bounded files)")

    if groups := _take_groups(policy, host):
        rebuilt["GroupAdd"] = groups
    if scratch := _take_scratch(policy, host):
        rebuilt["Tmpfs"] = scratch
    return {
        **rebuilt,
        "NetworkMode": policy.network,
        "Mounts": mounts,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "IpcMode": "private",
        "Init": True,
        "RestartPolicy": {"Name": "no"},
        "LogConfig": {"Type": "json-file", "Config": dict(policy.log_options)},
    }


def _take_groups(policy: Policy, host: dict[str, Any]) -> list[str]:
    groups = _strings("HostConfig.GroupAdd", host.pop("GroupAdd", None) or [])
    for group in groups:
        if group not in map(str, policy.gids):
            raise _refuse("HostConfig.GroupAdd", f"must not be {_shown(group)}")
    return groups


def _take_scratch(policy: Policy, host: dict[str, Any]) -> dict[str, str]:
    """Only the place is the client's; how large it is, and what may be done there, is not."""
    asked = host.pop("Tmpfs", None) or {}
    if not isinstance(asked, dict):
        raise _refuse("HostConfig.Tmpfs", "must be an object")
    sizes = {scratch.target: scratch.size for scratch in policy.scratch}
    for target in asked:
        if target not in sizes:
            raise _refuse("HostConfig.Tmpfs", f"must not be at {_shown(target)}")
    return {target: f"rw,exec,nosuid,nodev,mode=1777,size={sizes[target]}" for target in asked}


def _take_gpus(policy: Policy, host: dict[str, Any]) -> int:
    """Return how many GPUs are asked for; which they are is not the client's to say."""
    requests = host.pop("DeviceRequests", None) or []
    if not isinstance(requests, list) or len(requests) > 1:
        raise _refuse("HostConfig.DeviceRequests", "must be one request")
    for request in requests:
        if not isinstance(request, dict) or set(request) - {"Driver", "Count", "DeviceIDs", "Capabilities", "Options"}:
            raise _refuse("HostConfig.DeviceRequests", "is refused")
        if request.get("Capabilities") != [["gpu"]] or not all(_is_empty(request.get(key)) for key in ("Driver", "DeviceIDs", "Options")):
            raise _refuse("HostConfig.DeviceRequests", "must be a number of GPUs and nothing else")
        count = request.get("Count")
        if not _is_number(count) or not 0 < count <= len(policy.gpus):
            raise _refuse("HostConfig.DeviceRequests", f"must not ask for {_shown(count)} GPUs")
        return count
    return 0


def choose_gpus(policy: Policy, count: int, taken: Iterable[str]) -> list[str]:
    """Return that many GPUs that are in no server; raise Refusal when there are not enough."""
    free = [gpu for gpu in policy.gpus if gpu not in set(taken)]
    if len(free) < count:
        raise Refusal(f"no GPU is free: {len(policy.gpus) - len(free)} of {len(policy.gpus)} are in use, and {count} wanted", 409, "HostConfig.DeviceRequests")
    return free[:count]


def with_gpus(policy: Policy, body: dict[str, Any], gpus: list[str]) -> dict[str, Any]:
    """Return the body of a server with these GPUs, or with none, where there are some: an engine whose usual runtime is NVIDIA's goes by the environment."""
    if not policy.gpus:
        return body
    environment = [item for item in body.get("Env", []) if not item.upper().startswith("NVIDIA_VISIBLE_DEVICES")]
    found = {**body, "Env": [*environment, f"NVIDIA_VISIBLE_DEVICES={','.join(gpus) or 'void'}"]}
    if gpus:
        request = {"Driver": "", "Count": 0, "DeviceIDs": gpus, "Capabilities": [["gpu"]], "Options": {}}
        found["Labels"] = {**body["Labels"], GPU_LABEL: ",".join(gpus)}
        found["HostConfig"] = {**body["HostConfig"], "DeviceRequests": [request]}
    return found


def gpus_of(labels: Mapping[str, str] | None) -> list[str]:
    """Return the GPUs that a container was given."""
    text = (labels or {}).get(GPU_LABEL, "")
    return text.split(",") if text else []


def _take_mounts(policy: Policy, host: dict[str, Any]) -> list[dict[str, Any]]:
    """Both spellings of a mount become one; what is neither a permitted volume nor a permitted place is refused."""
    rebuilt: list[dict[str, Any]] = []
    for bind in _strings("HostConfig.Binds", host.pop("Binds", None) or []):
        source, _colon, rest = bind.partition(":")
        target, _colon, mode = rest.partition(":")
        if mode not in ("", "rw", "ro"):
            raise _refuse("HostConfig.Binds", f"must not be {_shown(bind)}")
        rebuilt.append(_judge_mount(policy, "HostConfig.Binds", source, target, mode == "ro"))
    mounts = host.pop("Mounts", None) or []
    if not isinstance(mounts, list):
        raise _refuse("HostConfig.Mounts", "must be a list")
    for mount in mounts:
        if not isinstance(mount, dict) or mount.get("Type") != "volume":
            raise _refuse("HostConfig.Mounts", "must be of type volume")
        for key, value in mount.items():
            if key not in ("Type", "Source", "Target", "ReadOnly") and not _is_empty(value):
                raise _refuse("HostConfig.Mounts", f"must not set {_shown(key)}")
        read_only = _flag("HostConfig.Mounts", mount.get("ReadOnly") or False)
        rebuilt.append(_judge_mount(policy, "HostConfig.Mounts", mount.get("Source"), mount.get("Target"), read_only))
    return rebuilt


def _judge_mount(policy: Policy, field: str, source: object, target: object, read_only: bool) -> dict[str, Any]:
    if not isinstance(source, str) or not isinstance(target, str):
        raise _refuse(field, "needs a source and a target")
    if not CONTAINER_PATH.fullmatch(target):
        raise _refuse(field, f"must not have the target {_shown(target)}")
    for kind, given in (("volume", policy.volumes), ("bind", policy.binds)):
        for item in given:
            if source != item.source:
                continue
            if target != item.target or (item.read_only and not read_only):
                raise _refuse(field, f"must not mount {_shown(source)} at {_shown(target)}{'' if read_only else ' for writing'}")
            options = {"BindOptions": {"Propagation": "rprivate"}} if kind == "bind" else {}
            return {"Type": kind, "Source": source, "Target": target, "ReadOnly": read_only, **options}
    fitting = [
        mount
        for mount in policy.mounts
        if source.startswith(mount.source_prefix)
        and REST_OF_NAME.fullmatch(source.removeprefix(mount.source_prefix))
        and (target == mount.target or target.startswith(mount.target + "/"))
    ]
    if not fitting:
        raise _refuse(field, f"must not mount {_shown(source)} at {_shown(target)}")
    # Where rules overlap, the one that permits writing decides: it permits it by itself.
    forced = all(mount.read_only for mount in fitting)
    return {"Type": "volume", "Source": source, "Target": target, "ReadOnly": read_only or forced}


# --- what the engine answers -----------------------------------------------------------------------------------------------------


def judge_container(policy: Policy, inspected: Mapping[str, Any]) -> str:
    """Return the id of a container that was inspected, if it is a user server of this hub: by its labels and by its name."""
    labels = (inspected.get("Config") or {}).get("Labels") or {}
    name = str(inspected.get("Name", "")).removeprefix("/")
    container = str(inspected.get("Id", ""))
    own = name.startswith(policy.container_prefix) and all(labels.get(key) == value for key, value in policy.labels.items())
    if not own or not CONTAINER_ID.fullmatch(container):
        raise Refusal("this container is not a user server of this hub", field="name")
    return container


def judge_volume(policy: Policy, inspected: Mapping[str, Any]) -> None:
    """Refuse a volume that another hub, another component or a compose project owns; one without labels was here before us."""
    labels = inspected.get("Labels") or {}
    if inspected.get("Name") in {volume.source for volume in policy.volumes}:
        # Named by the administrator; a hub's it is only when it was made to be given.
        if NAME_LABEL in labels and (labels[NAME_LABEL] != policy.name or labels.get(COMPONENT_LABEL) not in GIVEN):
            raise _refuse("HostConfig.Mounts", f"names the volume {_shown(inspected.get('Name'))}, which is another's")
        return
    owner, component = labels.get(NAME_LABEL, policy.name), labels.get(COMPONENT_LABEL, USER_DATA)
    if owner != policy.name or component != USER_DATA or "com.docker.compose.project" in labels:
        raise _refuse("HostConfig.Mounts", f"names the volume {_shown(inspected.get('Name'))}, which is not user data of this hub")


def is_ready(content: str, mtime: float, now: float, boot: str) -> bool:
    """Say whether the firewall's sign is of this boot and fresh; a sign from the future is no sign."""
    return content.strip() == boot.strip() != "" and abs(now - mtime) <= READY_SECONDS


# --- the door --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"

    def json(self) -> dict[str, Any]:
        parsed = json.loads(self.body)
        return parsed if isinstance(parsed, dict) else {}


def note(event: str, **values: object) -> None:
    """Write one line of JSON to the log: never a body, never a query."""
    print(json.dumps({"time": round(time.time(), 3), "event": event, **values}), file=sys.stderr, flush=True)


def archive(files: Iterable[OwnFile], directory: Path) -> bytes:
    """Return a tar file with the files that every server gets; they are root's."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for file in files:
            content = (directory / file.source).read_bytes()
            entry = tarfile.TarInfo(file.path.lstrip("/"))
            entry.mode, entry.size, entry.mtime = int(file.mode, 8), len(content), int(time.time())
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


class Guard:
    """Ask the engine what was judged, and nothing else. ``files`` is what each server gets, as a tar file; empty when that is nothing."""

    def __init__(self, policy: Policy, session: aiohttp.ClientSession, files: bytes = b"") -> None:
        self.policy = policy
        self.session = session
        self.files = files
        # From the look at what is in use until the engine knows of the next.
        self.gpus = asyncio.Lock()

    async def ask(self, method: str, path: str, query: str = "", body: object = None) -> Answer:
        url = URL(f"http://engine{path}" + (f"?{query}" if query else ""), encoded=True)
        tar = isinstance(body, bytes)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Accept-Encoding": "identity"} | ({} if data is None else {"Content-Type": "application/x-tar" if tar else "application/json"})
        try:
            async with self.session.request(method, url, data=data, headers=headers, allow_redirects=False) as response:
                return Answer(response.status, await response.read(), response.content_type)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Refusal(f"the engine does not answer: {error}", 502, "engine") from None

    def judge(self, method: str, target: str, content_type: str, body: bytes) -> Any:
        return judge(self.policy, method, target, content_type, body)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            judge_head(request.headers, request.method)
            body = await request.read()
            call = self.judge(request.method, request.raw_path, request.headers.get("Content-Type", ""), body)
            answer = await self.carry_out(call)
        except web.HTTPRequestEntityTooLarge:
            return self.refused(request, Refusal("the body is too large", 413, "body"))
        except Refusal as refusal:
            return self.refused(request, refusal)
        if isinstance(call, Creation):
            note("create", name=call.name, image=call.body["Image"], status=answer.status)
        return web.Response(status=answer.status, body=answer.body or None, content_type=answer.content_type if answer.body else None)

    def refused(self, request: web.BaseRequest, refusal: Refusal) -> web.Response:
        note(
            "refused",
            status=refusal.status,
            field=refusal.field,
            reason=refusal.message,
            method=request.method[:16],
            path=request.raw_path.partition("?")[0][:200],
            peer=request.remote,
        )
        response = web.json_response({"message": f"engine guard: {refusal.message}"}, status=refusal.status)
        # What is left of an unread body must not be taken for the next request.
        response.force_close()
        return response

    async def carry_out(self, call: Any) -> Answer:
        if isinstance(call, Inquiry):
            return await self.ask("GET", call.path)
        if isinstance(call, Creation):
            self.require_firewall()
            for volume in call.volumes:
                await self.provide_volume(call.api, volume)
            for volume in call.given:
                await self.look_at_volume(call.api, volume)
            if not call.gpus:
                return await self.create(call, [])
            async with self.gpus:
                return await self.create(call, choose_gpus(self.policy, call.gpus, await self.taken(call.api)))
        if call.starts:
            self.require_firewall()
        inspected = await self.ask("GET", f"{call.api}/containers/{call.reference}/json")
        if inspected.status != 200:
            return inspected
        container = judge_container(self.policy, inspected.json())
        if call.method == "GET":
            return inspected
        path = call.api + call.path.format(id=container)
        if call.starts and (own := gpus_of(inspected.json()["Config"]["Labels"])):
            async with self.gpus:
                # One that has ended may have lost them meanwhile.
                if set(own) & set(await self.taken(call.api, container)):
                    raise Refusal("no GPU is free: those of this server are in another one", 409, "HostConfig.DeviceRequests")
                return await self.ask(call.method, path, call.query)
        return await self.ask(call.method, path, call.query)

    async def create(self, call: Creation, gpus: list[str]) -> Answer:
        """Make a server, with the files that every server gets."""
        answer = await self.ask("POST", f"{call.api}/containers/create", f"name={call.name}", with_gpus(self.policy, call.body, gpus))
        if answer.status == 201 and self.files:
            path = f"{call.api}/containers/{answer.json()['Id']}"
            put = await self.ask("PUT", f"{path}/archive", "path=/", self.files)
            if put.status != 200:
                await self.ask("DELETE", path, "v=true&force=true")
                raise Refusal(f"the files of jupyterhub_extra_files cannot be put there: {put.body[:300].decode(errors='replace')}", 502, "files")
        return answer

    async def taken(self, api: str, but: str = "") -> set[str]:
        """Return the GPUs that are in servers, of whichever hub."""
        filters = json.dumps({"label": [GPU_LABEL], "status": ["created", "running", "paused", "restarting", "removing"]})
        answer = await self.ask("GET", f"{api}/containers/json", f"all=true&filters={quote(filters)}")
        if answer.status != 200:
            raise Refusal(f"the engine does not say which GPUs are in use: {answer.body[:300].decode(errors='replace')}", 502, "engine")
        return {gpu for container in json.loads(answer.body) if container["Id"] != but for gpu in gpus_of(container["Labels"])}

    async def look_at_volume(self, api: str, name: str) -> None:
        """Refuse a volume that is not there: the engine would make an empty one, which belongs to root."""
        answer = await self.ask("GET", f"{api}/volumes/{name}")
        if answer.status != 200:
            raise Refusal(f"the volume {name} is not there; run the deployment again", 502, "HostConfig.Mounts")
        judge_volume(self.policy, answer.json())

    async def provide_volume(self, api: str, name: str) -> None:
        """Make a volume with its labels: the one that the engine makes on its own has none, and nobody would know whose it is."""
        answer = await self.ask("GET", f"{api}/volumes/{name}")
        if answer.status == 404:
            answer = await self.ask("POST", f"{api}/volumes/create", body={"Name": name, "Labels": self.policy.volume_labels})
        if answer.status not in (200, 201):
            raise Refusal(f"the volume {name} cannot be made: {answer.body[:300].decode(errors='replace')}", 502, "HostConfig.Mounts")
        judge_volume(self.policy, answer.json())

    def require_firewall(self) -> None:
        if self.policy.firewall_ready is None:
            return
        sign = Path(self.policy.firewall_ready)
        try:
            ready = is_ready(sign.read_text(), sign.stat().st_mtime, time.time(), BOOT_ID.read_text())
        except OSError:
            ready = False
        if not ready:
            raise Refusal("the firewall is not in place, so no user server is started; see the log of the firewall's container", 503, "firewall")


Door = Callable[[Policy, aiohttp.ClientSession, bytes], "Guard"]


async def serve(policy: Policy, files: bytes = b"", door: Door | None = None) -> None:
    """Listen until a signal ends it. The log names the port, for a policy that asks for any free one (port 0)."""
    # Longer than any stop or any copy into a new volume; the client's own timeout is shorter.
    timeout = aiohttp.ClientTimeout(total=600, sock_connect=10)
    # A connection for each call: one that the engine closed meanwhile must not fail a spawn.
    connector = aiohttp.UnixConnector(policy.socket, force_close=True, limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session:
        guard = (door or Guard)(policy, session, files)

        def sized(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
            return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop(), client_max_size=MAX_BODY)

        runner = web.ServerRunner(web.Server(guard.handle, request_factory=sized, auto_decompress=False, access_log=None, lingering_time=1))
        await runner.setup()
        site = web.TCPSite(runner, policy.host, policy.port, shutdown_timeout=10)
        await site.start()
        note("listening", host=policy.host, port=runner.addresses[0][1], images=list(policy.images), network=policy.network)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await ended.wait()
        await runner.cleanup()
        note("ended")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Let the hub reach the engine for its user servers, and for nothing else.")
    parser.add_argument("--config", type=Path, default=Path("/etc/guard/guard.json"))
    options = parser.parse_args(arguments)
    try:
        policy = read_policy(options.config.read_text(encoding="utf-8"))
        files = archive(policy.files, options.config.parent) if policy.files else b""
    except (OSError, PolicyError) as error:
        print(f"engine guard: {error}", file=sys.stderr)
        return 2
    asyncio.run(serve(policy, files))
    return 0


if __name__ == "__main__":
    sys.exit(main())
