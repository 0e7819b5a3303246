# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine guard of a swarm: what engine_guard.py is to containers, this is to services.

A hub that may create services freely is root on every node. Let through are the calls of SwarmSpawner and nothing else: version, one service of the
hub's own to create, to look at and to remove, and its tasks. Every body is rebuilt from allowed fields; mounts are volumes, networks are the two of user
servers, the engine starts nothing again by itself.

A removal is answered when the tasks have ended: an immediate start would else find the old server, and two of them would write one volume.

Facts: dockerspawner 14 (SwarmSpawner), docker-py 7.2 (create_service, tasks, ServiceSpec), the Docker Engine API v1.41 and newer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_plus

import engine_guard as guard
from engine_guard import Refusal

SERVICE = re.compile(rf"/services/({guard.SAFE}{{1,255}})")
OBJECT_ID = re.compile(r"[0-9a-z]{25}")
NODE = re.compile(r"node\.id ?== ?([0-9a-z]{25})")
ENDED = ("complete", "failed", "shutdown", "rejected", "orphaned", "remove")
END_SECONDS = 50
"""Shorter than docker-py waits for an answer."""


@dataclass(frozen=True)
class SwarmPolicy:
    """What guard.json says besides what engine_guard.py reads.

    ``networks`` of a user server beside the one that the spawner names; ``firewall`` is the service that must be well on each node; ``constraints`` are
    those of every server; ``volume_driver`` is the engine's DriverConfig for people's volumes, or nothing; ``volumes`` are the VolumeOptions of those that the
    description names. ``files`` are in each server: a config or a secret of the swarm, by name; of the generic resource ``gpus`` a server may have so many.
    """

    base: Any
    networks: tuple[str, ...]
    firewall: str
    constraints: tuple[str, ...]
    volume_driver: Mapping[str, Any]
    volumes: Mapping[str, Mapping[str, Any]]
    files: tuple[Mapping[str, str], ...]
    gpus: Mapping[str, Any]


def read_policy(text: str) -> SwarmPolicy:
    try:
        data = json.loads(text)
        own = dict(data.pop("swarm"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise guard.PolicyError(f"guard.json has no part for a swarm: {error}") from None
    known = {"networks", "firewall", "constraints", "volume_driver", "volumes", "files", "gpus"}
    if set(own) != known:
        raise guard.PolicyError(f"guard.json.swarm must have exactly {', '.join(sorted(known))}")
    base = guard.read_policy(json.dumps(data))
    if base.binds or base.files or set(own["volumes"]) != {volume.source for volume in base.volumes}:
        raise guard.PolicyError("guard.json gives a server of a swarm something of a node, or a volume that it does not say how to make")
    lists = {name: tuple(own[name]) for name in ("networks", "constraints", "files")}
    return SwarmPolicy(base, firewall=own["firewall"], volume_driver=dict(own["volume_driver"]), volumes=own["volumes"], gpus=own["gpus"], **lists)


@dataclass(frozen=True)
class ServiceCreation:
    api: str
    name: str
    body: dict[str, Any]
    volumes: tuple[str, ...]


@dataclass(frozen=True)
class ServiceHandling:
    """A look at one service or its removal; ``tasks`` are asked for instead when there is a filter."""

    api: str
    reference: str
    method: str
    tasks: dict[str, list[str]] | None = None


def judge(policy: SwarmPolicy, method: str, target: str, content_type: str = "", body: bytes = b"") -> Any:
    """Say what a request asks for; raise Refusal for everything that SwarmSpawner does not need."""
    path, question, query = target.partition("?")
    match = guard.TARGET.fullmatch(path)
    if match is None:
        raise Refusal("this path is not let through", field="path")
    version, rest = match.groups()
    if version is not None and int(version) < guard.MIN_API:
        raise Refusal(f"API versions below 1.{guard.MIN_API} are not let through", 400, "version")
    api = f"/v1.{int(version)}" if version else ""
    if question and not query:
        raise Refusal("this query is not let through", field="query")
    if rest == "/services/create" and method == "POST":
        guard._no_query(query)
        return judge_create(policy, api, content_type, body)
    if body:
        raise Refusal("this call has no body", 400, "body")
    if method == "GET" and rest in ("/_ping", "/version"):
        guard._no_query(query)
        return guard.Inquiry(api + rest)
    if method == "GET" and rest == "/tasks":
        filters = judge_filters(policy, query)
        return ServiceHandling(api, filters["service"][0], method, filters)
    service = SERVICE.fullmatch(rest)
    if service and method in ("GET", "DELETE"):
        guard._no_query(query)
        return ServiceHandling(api, judge_reference(policy, service[1]), method)
    raise Refusal("this path is not let through", field="path")


def judge_reference(policy: SwarmPolicy, reference: str) -> str:
    """A whole id, or a name with the prefix; short ids would let a client list what runs here."""
    if OBJECT_ID.fullmatch(reference):
        return reference
    rest = reference.removeprefix(policy.base.container_prefix)
    if rest == reference or not guard.REST_OF_NAME.fullmatch(rest):
        raise Refusal(f"service names begin with {policy.base.container_prefix!r} here", field="name")
    return reference


def judge_filters(policy: SwarmPolicy, query: str) -> dict[str, list[str]]:
    """Return the filters of a call on tasks, which must name one service."""
    key, _equals, value = query.partition("=")
    try:
        filters = json.loads(unquote_plus(value, errors="strict"))
    except ValueError:
        filters = None
    if key != "filters" or "&" in value or not isinstance(filters, dict) or not set(filters) <= {"service", "desired-state"}:
        raise Refusal("tasks are listed for one service", field="query")
    for values in filters.values():
        if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], str):
            raise Refusal("tasks are listed for one service", field="query")
    if "service" not in filters or filters.get("desired-state", ["running"]) != ["running"]:
        raise Refusal("tasks are listed for one service", field="query")
    judge_reference(policy, filters["service"][0])
    return dict(filters)


# --- the body of services/create -------------------------------------------------------------------------------------------------


def judge_create(policy: SwarmPolicy, api: str, content_type: str, body: bytes) -> ServiceCreation:
    """Return the user server that a create call asks for, built from nothing but allowed fields; raise Refusal for any other."""
    asked = guard.read_body(content_type, body)
    name = asked.pop("Name", None)
    if not isinstance(name, str) or OBJECT_ID.fullmatch(name):
        raise Refusal("a service needs a name", field="name")
    judge_reference(policy, name)
    labels = guard._take_labels(policy.base, asked.pop("Labels", None))
    task = take(asked, "TaskTemplate")
    container = take(task, "ContainerSpec")
    mounts = take_mounts(policy, container)
    rebuilt_container = take_container(policy, container, labels, mounts)
    rebuilt = {
        "Name": name,
        "Labels": labels,
        "TaskTemplate": {
            "ContainerSpec": rebuilt_container,
            "Resources": take_resources(policy, task),
            # The hub starts servers, and nobody else: a node that comes back has a firewall before it has a server.
            "RestartPolicy": {"Condition": "none"},
            "Placement": {"Constraints": take_constraints(policy, task)},
            "Networks": take_networks(policy, asked, task),
            "LogDriver": {"Name": "json-file", "Options": dict(policy.base.log_options)},
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        # A virtual address would need IPVS in the kernel of each node; one task has no need of it.
        "EndpointSpec": {"Mode": "dnsrr"},
    }
    endpoint = take(asked, "EndpointSpec")
    if endpoint.pop("Mode", "dnsrr") not in ("dnsrr", "vip", ""):
        raise refuse("EndpointSpec.Mode", "is refused")
    mode = take(asked, "Mode")
    if set(mode) - {"Replicated"} or mode.pop("Replicated", {"Replicas": 1}) not in ({"Replicas": 1}, {}, None):
        raise refuse("Mode", "is refused (one server is one task)")
    restart = take(task, "RestartPolicy")
    for key in ("Condition", "Delay", "MaxAttempts", "Window"):
        restart.pop(key, None)
    for where, left in (
        ("", asked),
        ("TaskTemplate.", task),
        ("TaskTemplate.ContainerSpec.", container),
        ("EndpointSpec.", endpoint),
        ("Mode.", mode),
        ("TaskTemplate.RestartPolicy.", restart),
    ):
        refuse_rest(where, left)
    return ServiceCreation(api, name, rebuilt, tuple(sorted({mount["Source"] for mount in mounts if mount["Type"] == "volume"})))


def refuse(field: str, why: str) -> Refusal:
    return guard._refuse(field, why)


def take(place: dict[str, Any], key: str) -> dict[str, Any]:
    value = place.pop(key, None) or {}
    if not isinstance(value, dict):
        raise refuse(key, "must be an object")
    return dict(value)


def refuse_rest(where: str, left: Mapping[str, Any]) -> None:
    for key, value in left.items():
        if not guard._is_empty(value):
            raise refuse(where + (key if re.fullmatch(r"[A-Za-z]{1,40}", key) else guard._shown(key)), "is refused")


def take_container(policy: SwarmPolicy, container: dict[str, Any], labels: Mapping[str, str], mounts: list[dict[str, Any]]) -> dict[str, Any]:
    image = container.pop("Image", None)
    if image not in policy.base.images:
        raise refuse("Image", f"{guard._shown(image)} is not one of this hub's")
    rebuilt: dict[str, Any] = {"Image": image}
    for key in ("Args", "Env"):
        if not guard._is_empty(value := container.pop(key, None)):
            rebuilt[key] = guard._strings(key, value)
    if not guard._is_empty(directory := container.pop("Dir", None)):
        if not isinstance(directory, str) or not guard.CONTAINER_PATH.fullmatch(directory):
            raise refuse("Dir", "must be an absolute path")
        rebuilt["Dir"] = directory
    if (user := container.pop("User", None)) not in (None, "") or user is False:
        match = guard.NUMERIC_USER.fullmatch(user) if isinstance(user, str) else None
        if match is None or any(int(number) > guard.MAX_UID for number in match.groups() if number):
            raise refuse("User", f"must not be {guard._shown(user)}")
        rebuilt["User"] = user
    if not guard._is_empty(groups := container.pop("Groups", None)):
        rebuilt["Groups"] = guard._strings("Groups", groups)
        if not set(rebuilt["Groups"]) <= {str(gid) for gid in policy.base.gids}:
            raise refuse("GroupAdd", f"must not have {guard._shown(groups)}")
    guard._take_labels(policy.base, container.pop("Labels", None))
    if not guard._is_empty(init := container.pop("Init", None)):
        guard._flag("Init", init)
    return {
        **rebuilt,
        "Labels": dict(labels),
        "Mounts": mounts,
        "Init": True,
        "CapabilityDrop": ["ALL"],
        # Engines before 28 do not know it and leave it; a container without capabilities gains none by a set-user-id program either.
        "Privileges": {"NoNewPrivileges": True},
        # The engine's DNS would not know a server before its first health check; the hub asks it itself.
        "Healthcheck": {"Test": ["NONE"]},
    }


def take_mounts(policy: SwarmPolicy, container: dict[str, Any]) -> list[dict[str, Any]]:
    """Volumes of the hub's people, with our labels and the driver of the description, those that it names, and memory; nothing of a node."""
    mounts = container.pop("Mounts", None) or []
    if not isinstance(mounts, list):
        raise refuse("Mounts", "must be a list")
    rebuilt = []
    for mount in mounts:
        if isinstance(mount, dict) and mount.get("Type") == "tmpfs":
            rebuilt.append(take_scratch(policy, mount))
            continue
        if not isinstance(mount, dict) or mount.get("Type") != "volume":
            raise refuse("Mounts", "must be of type volume")
        for key, value in mount.items():
            if key not in ("Type", "Source", "Target", "ReadOnly") and not guard._is_empty(value):
                raise refuse("Mounts", f"must not set {guard._shown(key)}")
        read_only = guard._flag("Mounts", mount.get("ReadOnly") or False)
        judged = guard._judge_mount(policy.base, "Mounts", mount.get("Source"), mount.get("Target"), read_only)
        options = dict(policy.volumes.get(judged["Source"], {"Labels": policy.base.volume_labels, "DriverConfig": policy.volume_driver}))
        if driver := options.pop("DriverConfig", None):
            options["DriverConfig"] = with_name(driver, judged["Source"])
        rebuilt.append({**judged, **({"VolumeOptions": options} if options else {})})
    return rebuilt


def take_scratch(policy: SwarmPolicy, mount: dict[str, Any]) -> dict[str, Any]:
    """Memory at a place of the description, as large as it says, whatever was asked for."""
    size = next((item.size for item in policy.base.scratch if item.target == mount.get("Target")), None)
    if size is None:
        raise refuse("Tmpfs", f"must not be at {guard._shown(mount.get('Target'))}")
    for key, value in mount.items():
        if key not in ("Type", "Target", "TmpfsOptions") and not guard._is_empty(value):
            raise refuse("Mounts", f"must not set {guard._shown(key)}")
    return {"Type": "tmpfs", "Target": mount["Target"], "TmpfsOptions": {"SizeBytes": size, "Mode": 0o1777}}


def with_name(driver: Mapping[str, Any], volume: str) -> dict[str, Any]:
    """Return the driver's configuration for one volume: `{volume}` in an option is its name."""
    options = {key: str(value).replace("{volume}", volume) for key, value in (driver.get("Options") or {}).items()}
    return {"Name": driver["Name"], **({"Options": options} if options else {})}


def take_resources(policy: SwarmPolicy, task: dict[str, Any]) -> dict[str, Any]:
    resources = take(task, "Resources")
    rebuilt: dict[str, Any] = {}
    for kind in ("Limits", "Reservations"):
        values = take(resources, kind)
        found: dict[str, int] = {
            key: guard._integer(f"Resources.{kind}.{key}", value) for key in ("NanoCPUs", "MemoryBytes") if (value := values.pop(key, None))
        }
        pids: Any = values.pop("Pids", None) if kind == "Limits" else None
        if kind == "Limits":
            found["Pids"] = min(pids, policy.base.pids_limit) if guard._is_number(pids) and pids > 0 else policy.base.pids_limit
        generic = values.pop("GenericResources", None) if kind == "Reservations" else None
        refuse_rest(f"Resources.{kind}.", values)
        rebuilt[kind] = {**found, **take_gpus(policy, generic)}
    refuse_rest("Resources.", resources)
    return rebuilt


def take_gpus(policy: SwarmPolicy, generic: Any) -> dict[str, Any]:
    """Return how many GPUs a server gets; which they are, the node decides."""
    if guard._is_empty(generic):
        return {}
    if not isinstance(generic, list) or len(generic) != 1 or not isinstance(generic[0], dict) or set(generic[0]) != {"DiscreteResourceSpec"}:
        raise refuse("DeviceRequests", "must be a number of GPUs")
    asked = generic[0]["DiscreteResourceSpec"]
    if not isinstance(asked, dict) or set(asked) != {"Kind", "Value"} or asked["Kind"] != policy.gpus["kind"]:
        raise refuse("DeviceRequests", f"must not be {guard._shown(asked)}")
    count = guard._integer("DeviceRequests", asked["Value"])
    if not 0 <= count <= policy.gpus["most"]:
        raise refuse("DeviceRequests", f"must not be {count}")
    return {"GenericResources": [{"DiscreteResourceSpec": {"Kind": asked["Kind"], "Value": count}}]} if count else {}


def take_constraints(policy: SwarmPolicy, task: dict[str, Any]) -> list[str]:
    """Return the constraints of the description, and the node that a person's volume is on."""
    placement = take(task, "Placement")
    asked = guard._strings("Placement.Constraints", placement.pop("Constraints", None) or [])
    for item in asked:
        if item not in policy.constraints and not NODE.fullmatch(item):
            raise refuse("Placement.Constraints", f"must not have {guard._shown(item)}")
    refuse_rest("Placement.", placement)
    return [*policy.constraints, *(item for item in asked if item not in policy.constraints)]


def take_networks(policy: SwarmPolicy, asked: dict[str, Any], task: dict[str, Any]) -> list[dict[str, str]]:
    for place in (asked, task):
        for network in place.pop("Networks", None) or []:
            if network not in ({"Target": policy.base.network}, policy.base.network):
                raise refuse("NetworkingConfig", "names a network that is not that of user servers")
    return [{"Target": name} for name in (policy.base.network, *policy.networks)]


# --- what the engine answers -----------------------------------------------------------------------------------------------------


def judge_service(policy: SwarmPolicy, inspected: Mapping[str, Any]) -> str:
    """Return the id of a service that was inspected, if it is a user server of this hub: by its labels and by its name."""
    spec = inspected.get("Spec") or {}
    labels, service = spec.get("Labels") or {}, str(inspected.get("ID", ""))
    own = str(spec.get("Name", "")).startswith(policy.base.container_prefix) and all(labels.get(key) == value for key, value in policy.base.labels.items())
    if not own or not OBJECT_ID.fullmatch(service):
        raise Refusal("this service is not a user server of this hub", field="name")
    return service


def references(policy: SwarmPolicy, known: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the files of a server as its specification has them; ``known`` are the ids of configs and secrets by their names."""
    found: dict[str, list[dict[str, Any]]] = {"Configs": [], "Secrets": []}
    for file in policy.files:
        kind = "config" if "config" in file else "secret"
        name = file[kind]
        if name not in known[kind]:
            raise Refusal(f"the {kind} {name} is not there yet, which servers get; run site.yml again", 503, kind)
        place, title = f"{kind.capitalize()}s", kind.capitalize()
        shown = {"Name": file["path"], "UID": "0", "GID": "0", "Mode": int(file["mode"], 8)}
        found[place].append({f"{title}ID": known[kind][name], f"{title}Name": name, "File": shown})
    return {key: value for key, value in found.items() if value}


def unguarded(nodes: list[dict[str, Any]], tasks: list[dict[str, Any]]) -> list[str]:
    """Return the nodes that could get a server and whose firewall is not well."""
    well = {task.get("NodeID") for task in tasks if (task.get("Status") or {}).get("State") == "running"}
    able = [node for node in nodes if node["Status"]["State"] == "ready" and node["Spec"]["Availability"] == "active"]
    return sorted(node["Description"]["Hostname"] for node in able if node["ID"] not in well)


class SwarmGuard(guard.Guard):
    """The door of engine_guard.py, to services."""

    swarm: SwarmPolicy

    def judge(self, method: str, target: str, content_type: str, body: bytes) -> Any:
        return judge(self.swarm, method, target, content_type, body)

    async def carry_out(self, call: Any) -> Any:
        if isinstance(call, guard.Inquiry):
            return await self.ask("GET", call.path)
        if isinstance(call, ServiceCreation):
            await self.require_firewalls(call.api)
            for volume in call.volumes:
                await self.look_at_volume(call.api, volume)
            await self.add_files(call)
            answer = await self.ask("POST", f"{call.api}/services/create", body=call.body)
            guard.note("create", name=call.name, image=call.body["TaskTemplate"]["ContainerSpec"]["Image"], status=answer.status)
            return answer
        inspected = await self.ask("GET", f"{call.api}/services/{call.reference}")
        if inspected.status != 200:
            return inspected
        service = judge_service(self.swarm, inspected.json())
        if call.tasks is not None:
            return await self.ask("GET", f"{call.api}/tasks", filters({**call.tasks, "service": [service]}))
        return inspected if call.method == "GET" else await self.remove(call.api, service)

    async def remove(self, api: str, service: str) -> Any:
        tasks = await self.listed(f"{api}/tasks", {"service": [service]})
        answer = await self.ask("DELETE", f"{api}/services/{service}")
        deadline = time.monotonic() + END_SECONDS
        running = [task["ID"] for task in tasks if task["Status"]["State"] not in ENDED]
        while running and time.monotonic() < deadline:
            found = [await self.ask("GET", f"{api}/tasks/{task}") for task in running]
            running = [task for task, look in zip(running, found, strict=True) if look.status == 200 and look.json()["Status"]["State"] not in ENDED]
            await asyncio.sleep(0.1 if running else 0)
        return answer

    async def listed(self, path: str, wanted: Mapping[str, list[str]] | None = None) -> list[dict[str, Any]]:
        answer = await self.ask("GET", path, filters(wanted) if wanted else "")
        parsed = json.loads(answer.body) if answer.status == 200 else []
        return parsed if isinstance(parsed, list) else []

    async def look_at_volume(self, api: str, name: str) -> None:
        """A volume of this node that belongs to somebody else is refused; those of other nodes are known by their names alone."""
        answer = await self.ask("GET", f"{api}/volumes/{name}")
        if answer.status == 200:
            guard.judge_volume(self.policy, answer.json())

    async def add_files(self, call: ServiceCreation) -> None:
        """Give a server its files; the engine wants their configs and secrets by their ids."""
        if not self.swarm.files:
            return
        known: dict[str, dict[str, str]] = {}
        for kind in ("config", "secret"):
            found = await self.listed(f"{call.api}/{kind}s", {"label": [f"{guard.NAME_LABEL}={self.swarm.base.name}"]})
            known[kind] = {item["Spec"]["Name"]: item["ID"] for item in found}
        call.body["TaskTemplate"]["ContainerSpec"] |= references(self.swarm, known)

    async def require_firewalls(self, api: str) -> None:
        tasks = await self.listed(f"{api}/tasks", {"service": [self.swarm.firewall], "desired-state": ["running"]})
        if missing := unguarded(await self.listed(f"{api}/nodes"), tasks):
            raise Refusal(f"the firewall is not in place on {', '.join(missing)}, so no user server is started", 503, "firewall")


def filters(wanted: Mapping[str, list[str]]) -> str:
    return "filters=" + quote(json.dumps(wanted))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Let the hub reach the swarm for its user servers, and for nothing else.")
    parser.add_argument("--config", type=Path, default=Path("/etc/guard/guard.json"))
    options = parser.parse_args(arguments)
    try:
        policy = read_policy(options.config.read_text(encoding="utf-8"))
    except (OSError, guard.PolicyError) as error:
        print(f"engine guard: {error}", file=sys.stderr)
        return 2

    def door(base: Any, session: Any, files: bytes) -> SwarmGuard:
        found = SwarmGuard(base, session, files)
        found.swarm = policy
        return found

    asyncio.run(guard.serve(policy.base, door=door))
    return 0


if __name__ == "__main__":
    sys.exit(main())
