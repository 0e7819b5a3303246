# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be known and true of an engine before anything is touched. Nothing here changes anything."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import ipaddress
import json
import os
import re
import socket
import typing as t

from ..core import docker_compose, images, server_checks, storage_checks, validation, versions
from ..core.description import Certbot, DockerCompose, Hub, Swarm
from ..core.docker_compose import COMPONENT, LABEL, Engine, short_digest
from ..core.images import VERSION_LABEL, Image
from ..core.schema import DescriptionError
from . import files
from .docker import Docker

GIGABYTE = 1_000_000_000
ASK_VERSION = "import jupyterhub; print(jupyterhub.__version__)"
ASK_CONTENT = "import shutil; import nbgitpuller.pull; print(shutil.which('git') or '')"
ENGINE_SOCKET = "/var/run/docker.sock"


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the preflight found.

    ``missing`` are the images that must be made before the hub can start; ``deployed`` says whether the hub has run here before; ``leftovers`` are containers
    that a run left behind when it was broken off.
    """

    engine: Engine
    source: str
    commit: str
    missing: tuple[Image, ...]
    deployed: bool
    leftovers: tuple[str, ...]
    versions: dict[str, str]


class Preflight:
    """Look at an engine for one hub. Every method raises DescriptionError with the way out."""

    part = "docker_compose"
    """What begins the names of the target's variables."""

    start = "or set docker_compose_install_engine to true."
    """What else may help against an engine that does not answer."""

    def __init__(self, docker: Docker, hub: Hub, settings: DockerCompose | Swarm, certbot: Certbot | None = None) -> None:
        self.docker = docker
        self.hub = hub
        self.settings = settings
        self.certbot = certbot
        self.project_dir = validation.project_dir(hub, settings)
        self.image_ids: dict[str, str] = {}

    def run(self) -> Facts:
        """Return the facts, or raise for the first thing that cannot be."""
        info = self.info()
        endpoint = self.docker.text("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip()
        local = endpoint.startswith("unix://")
        containers = self.containers()
        networks = self.docker.inspect("network", *self.docker.lines("network", "ls", "--quiet"))
        self.check_names(containers)
        self.check_ports(containers, local)
        if self.hub.database.network and self.hub.database.network not in {network["Name"] for network in networks}:
            raise DescriptionError(
                f"jupyterhub_database.network is {self.hub.database.network!r}, but the engine has no network of that name; create it or correct the name"
            )
        source, commit, references, missing = self.images(str(info["DockerRootDir"]) if local else "")
        self.check_volumes(str(info["DockerRootDir"]), local)
        if references["hub"] in self.image_ids:
            self.check_gpus(references["hub"])
        endpoint_path = endpoint.removeprefix("unix://") if local else ENGINE_SOCKET
        engine = Engine(
            users_subnet=self.subnet(networks, local),
            socket=os.path.realpath(endpoint_path) if local else endpoint_path,
            socket_gid=self.socket_group(endpoint_path, local, references["hub"], missing),
            resolved=os.path.isdir(docker_compose.RESOLVED) if local else True,
            images=references,
        )
        deployed = any(container["Names"] == f"{self.hub.name}-hub" for container in containers)
        leftovers = tuple(sorted(container["Names"] for container in containers if self.left_over(container)))
        return Facts(engine, source, commit, missing, deployed, leftovers, {"engine": info["ServerVersion"], "compose": compose_version(info)})

    def images(self, directory: str) -> tuple[str, str, dict[str, str], tuple[Image, ...]]:
        """Return where images come from, the commit of the user image, the references by kind, and what is missing.

        ``directory`` is where the engine keeps images, if that is here.
        """
        source, commit = self.source(), self.commit()
        plan = images.plan(self.hub, source, commit, self.certbot)
        present = {image["Id"]: image for image in self.docker.inspect("image", *(image.reference for image in plan))}
        self.image_ids = {item.reference: name for item in plan for name, image in present.items() if has([image], item.reference)}
        missing = tuple(image for image in plan if image.reference not in self.image_ids)
        if directory and missing:
            self.check_disk(directory)
        references = images.by_kind(plan)
        self.check_user_images(present.values(), references)
        self.check_content(present.values(), references)
        return source, commit, references, missing

    def info(self) -> dict[str, t.Any]:
        """Return what the engine says of itself."""
        if self.settings.docker_context and "DOCKER_HOST" in os.environ:
            raise DescriptionError(
                f"{self.part}_docker_context is {self.settings.docker_context!r}, but DOCKER_HOST is set in the environment and names an engine, too; "
                "unset it, or leave the context out"
            )
        _status, out, message = self.docker.call("info", "--format", "{{json .}}", check=False)
        info: dict[str, t.Any] = json.loads(out) if out.strip() else {}
        if not info.get("ServerVersion"):
            reason = message or "; ".join(info.get("ServerErrors") or ["it does not answer"])
            raise DescriptionError(
                f"the Docker Engine cannot be reached through {self.docker.name}: {reason} "
                f"Start it, correct {self.part}_docker_host or {self.part}_docker_context, {self.start}"
            )
        if older(info["ServerVersion"], versions.MINIMUM_ENGINE):
            raise DescriptionError(f"the Docker Engine is {info['ServerVersion']}, but {versions.MINIMUM_ENGINE} or newer is needed; update it")
        self.check_kind(info)
        if "name=rootless" in info.get("SecurityOptions", []):
            raise DescriptionError(
                f"the Docker Engine of {self.docker.name} is rootless, and its user servers could not be kept from the host's networks; "
                f"use an engine that runs as root, named by {self.part}_docker_host or {self.part}_docker_context"
            )
        return info

    def check_kind(self, info: t.Mapping[str, t.Any]) -> None:
        """Raise when the engine is not of the kind that the target needs."""
        if not compose_version(info):
            raise DescriptionError("the docker command has no compose plugin; install docker compose v2, or set docker_compose_install_engine to true")
        if older(compose_version(info), versions.MINIMUM_COMPOSE):
            raise DescriptionError(f"docker compose is {compose_version(info)}, but {versions.MINIMUM_COMPOSE} or newer is needed; update it")

    def containers(self) -> list[dict[str, str]]:
        """Return all containers of the engine."""
        out = self.docker.text("ps", "--all", "--no-trunc", "--format", "{{json .}}")
        return [json.loads(line) for line in out.split("\n") if line]

    def ours(self, container: t.Mapping[str, str]) -> bool:
        return f"{LABEL}={self.hub.name}" in container["Labels"].split(",")

    def left_over(self, container: t.Mapping[str, str]) -> bool:
        """Whether a run that was broken off left this container behind.

        It is a helper of a delivery, or has the name that compose gives while it replaces another, or was never started: then networks may be missing, which
        compose connects one after another and does not look for again.
        """
        component = next((name for name in ("delivery", *docker_compose.SERVICES) if f"{COMPONENT}={name}" in container["Labels"].split(",")), "")
        unfinished = container["Names"] != f"{self.hub.name}-{component}" or container["State"] == "created"
        return bool(component) and self.ours(container) and unfinished

    def check_names(self, containers: t.Iterable[t.Mapping[str, str]]) -> None:
        names = {f"{self.hub.name}-{service}" for service in docker_compose.SERVICES}
        for container in containers:
            if container["Names"] in names and not self.ours(container):
                raise DescriptionError(
                    f"jupyterhub_name is {self.hub.name!r}, but the engine has a container {container['Names']} that is not of this hub; "
                    "choose another name, or rename or remove that container"
                )

    def check_ports(self, containers: t.Iterable[t.Mapping[str, str]], local: bool) -> None:
        """Raise when a port of the edge belongs to somebody else."""
        net = self.hub.network
        wanted = {"http_port": net.http_port} | ({"https_port": net.https_port} if validation.tls_here(self.hub) else {})
        published = {port: container for container in containers for port in published_ports(container["Ports"])}
        for name, port in wanted.items():
            holder = published.get(port)
            if holder and not self.ours(holder):
                raise DescriptionError(
                    f"jupyterhub_network.{name} {port} is taken by the container {holder['Names']}; choose another port or stop that container"
                )
            if local and not holder and taken(net.bind_address, port):
                raise DescriptionError(
                    f"jupyterhub_network.{name} {port} is taken by another program of the host (see: ss -ltnp 'sport = :{port}'); "
                    "choose another port or stop that program"
                )

    def check_disk(self, directory: str) -> None:
        """Raise when images would not fit."""
        with contextlib.suppress(PermissionError, FileNotFoundError):
            status = os.statvfs(directory)
            free = status.f_bavail * status.f_frsize / GIGABYTE
            if free < self.settings.min_free_disk:
                raise DescriptionError(
                    f"{directory} has {free:.1f} GB free, but {self.part}_min_free_disk asks for {self.settings.min_free_disk:g} GB to make images; "
                    "free some (docker system prune), or lower it"
                )

    def source(self) -> str:
        """Return where images come from; auto takes what is already there, else the registry if it answers."""
        candidates = images.sources(self.hub)
        if len(candidates) == 1:
            return candidates[0]
        for candidate in candidates:
            # Without certbot's: another way to a certificate must not change where all the others come from.
            plan = images.plan(self.hub, candidate)
            present = self.docker.inspect("image", *(image.reference for image in plan))
            if all(has(present, image.reference) for image in plan if image.kind != "base"):
                return candidate
        reachable = self.docker.call("manifest", "inspect", self.hub.images.base or versions.BASE_IMAGE, check=False)[0] == 0
        return candidates[0 if reachable else 1]

    def commit(self) -> str:
        """Return the commit that the repository of the user image is at."""
        url, version = self.hub.images.user_repository, self.hub.images.user_repository_version
        if not url or re.fullmatch(r"[0-9a-f]{40}", version):
            return version if url else ""
        status, out, err = self.docker.run_command(["git", "ls-remote", "--exit-code", url, version], binary_data=True, encoding=None)
        if status:
            reason = err.decode(errors="replace").strip() or f"it has no {version}"
            raise DescriptionError(f"jupyterhub_images.user_repository is {url!r}, which cannot be read: {reason}")
        return out.decode().split()[0]

    def check_user_images(self, present: t.Iterable[t.Mapping[str, t.Any]], references: t.Mapping[str, str]) -> None:
        """Raise for a user image whose JupyterHub has another major version than the hub's (JupyterHub's own threshold, _version.py)."""
        for reference in sorted({references["user"], *server_checks.chosen_images(self.hub)}):
            image = next((image for image in present if has([image], reference)), None)
            variable = "jupyterhub_spawner.image" if reference == references["user"] else "jupyterhub_profiles: the image"
            version = self.version_in(image, variable) if image else ""
            if version and version.partition(".")[0] != versions.JUPYTERHUB.partition(".")[0]:
                raise DescriptionError(
                    f"{variable} {reference} has JupyterHub {version}, but the hub is {versions.JUPYTERHUB}: "
                    f"another major version, with which logging in to a server ends in a loop; "
                    f"use an image with JupyterHub {versions.JUPYTERHUB.partition('.')[0]}"
                )

    def check_volumes(self, root: str, local: bool) -> None:
        """Raise for a volume that is not there or another's, and for a directory that is not there or is the host itself by a detour."""
        volumes = [(f"jupyterhub_storage.extra_volumes[{index}].source", item) for index, item in enumerate(self.hub.storage.extra_volumes)]
        named = {volume["Name"]: volume for volume in self.docker.inspect("volume", *(item.source for _path, item in volumes if item.type == "volume"))}
        for path, item in volumes:
            if item.type == "volume":
                if item.source not in named:
                    raise DescriptionError(f"{path} is {item.source!r}, but the engine has no volume of that name; create it or correct the name")
                if owner := (named[item.source].get("Labels") or {}).get(LABEL):
                    raise DescriptionError(f"{path} is {item.source!r}, which belongs to the hub {owner}; use another volume")
            elif item.type == "bind":
                here = os.path.realpath(item.source) if local else item.source
                storage_checks.refuse_dangerous(path, here, (self.project_dir, root))
                if local and not os.path.isdir(item.source):
                    raise DescriptionError(f"{path} is {item.source}, which is not a directory of the host; create it or correct the path")

    def check_gpus(self, image: str) -> None:
        """Raise when the engine gives no container these GPUs; whether it can, only a container says."""
        gpus = self.hub.spawner.gpus
        if not gpus:
            return
        device = f'"device={",".join(gpus)}"'
        confined = ["--network=none", "--cap-drop=ALL", f"--label={LABEL}={self.hub.name}", f"--label={COMPONENT}=delivery"]
        status, _out, message = self.docker.call("run", "--rm", *confined, f"--gpus={device}", "--entrypoint=true", image, check=False)
        if status:
            said = message.splitlines()[0].rpartition("Error response from daemon: ")[2].rstrip(".") if message else "it does not say why"
            raise DescriptionError(
                f"jupyterhub_spawner.gpus is {', '.join(gpus)}, but the engine does not give these GPUs to a container: {said}; "
                "install the driver and the NVIDIA Container Toolkit on its host, correct the list, or take it away"
            )

    def version_in(self, image: t.Mapping[str, t.Any], variable: str) -> str:
        """Return the version of JupyterHub in an image that a variable names: its label, what was found before, or what its Python says."""
        label = (image["Config"].get("Labels") or {}).get(VERSION_LABEL)
        found = str(label or "") or self.ask(image, ASK_VERSION)
        if not found:
            names = ", ".join(image.get("RepoTags") or [image["Id"]])
            raise DescriptionError(f"{variable} {names} has no JupyterHub in its python3; use an image with jupyterhub {versions.JUPYTERHUB} and jupyterlab")
        return found

    def check_content(self, present: t.Iterable[t.Mapping[str, t.Any]], references: t.Mapping[str, str]) -> None:
        """Raise for an image of the user's own that cannot pull repositories; ours can."""
        if not self.hub.storage.content:
            return
        own = dict.fromkeys(server_checks.chosen_images(self.hub) - {references["user"]}, "jupyterhub_profiles: the image")
        if self.hub.spawner.image:
            own[self.hub.spawner.image] = "jupyterhub_spawner.image"
        for reference, variable in sorted(own.items()):
            image = next((image for image in present if has([image], reference)), None)
            if image and not self.ask(image, ASK_CONTENT):
                raise DescriptionError(
                    f"{variable} {reference} cannot pull what jupyterhub_storage.content names: it has no git, or no nbgitpuller in its python3; "
                    "add both to the image, or leave the image out to have one made"
                )

    def ask(self, image: t.Mapping[str, t.Any], code: str) -> str:
        """Return what the Python of an image says to some code, or nothing when it fails; the same is not asked twice."""
        path = os.path.join(self.project_dir, "state", "image-versions.json")
        known: dict[str, str] = json.loads(files.read(path) or "{}")
        key = f"{image['Id']} {short_digest(code)}"
        if key not in known:
            arguments = [
                "run",
                "--rm",
                "--network",
                "none",
                "--cap-drop",
                "ALL",
                "--label",
                f"{LABEL}={self.hub.name}",
                "--entrypoint",
                "python3",
                str(image["Id"]),
            ]
            status, out, _err = self.docker.call(*arguments, "-c", code, check=False)
            if status:
                return ""
            known[key] = out.decode().strip()
            # Where nothing has been deployed, looking leaves nothing behind.
            if os.path.isdir(self.project_dir):
                with contextlib.suppress(OSError):
                    files.make_directory(os.path.dirname(path), 0o700)
                    files.write(path, json.dumps(known), 0o600)
        return known[key]

    def subnet(self, networks: t.Iterable[t.Mapping[str, t.Any]], local: bool) -> str:
        """Return the users' network: what was asked for, what it has, or the first that is free."""
        own = next((network for network in networks if network["Name"] == f"{self.hub.name}-users"), None)
        others = {subnet: network["Name"] for network in networks if network is not own for subnet in subnets(network)}
        asked = self.hub.network.users_subnet
        if not asked:
            return subnets(own)[0] if own and subnets(own) else docker_compose.choose_subnet([*others, *(routes() if local else ())])
        for subnet, name in others.items():
            if ipaddress.IPv4Network(asked).overlaps(ipaddress.IPv4Network(subnet, strict=False)):
                raise DescriptionError(
                    f"jupyterhub_network.users_subnet {asked} overlaps {subnet} of the engine's network {name}; "
                    "choose another, or leave it out to have one chosen"
                )
        return asked

    def socket_group(self, path: str, local: bool, image: str, missing: t.Iterable[Image]) -> int:
        """Return the group of the engine's socket, as a container sees it."""
        if local:
            return os.stat(path).st_gid
        if any(item.reference == image for item in missing):
            return 0
        mount = f"{path}:{ENGINE_SOCKET}"
        return int(self.docker.text("run", "--rm", "--network", "none", "--volume", mount, "--entrypoint", "stat", image, "--format", "%g", ENGINE_SOCKET))


def compose_version(info: t.Mapping[str, t.Any]) -> str:
    """Return the version of the compose plugin, or nothing."""
    plugins = (info.get("ClientInfo") or {}).get("Plugins") or []
    return next((str(plugin.get("Version", "")).removeprefix("v") for plugin in plugins if plugin["Name"] == "compose"), "")


def older(version: str, least: str) -> bool:
    """Whether a version such as 20.10.24+dfsg1 is before another one."""

    def numbers(text: str) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", text)[:2]]

    return numbers(version) < numbers(least)


def has(present: t.Iterable[t.Mapping[str, t.Any]], reference: str) -> bool:
    """Whether one of the images answers to a reference; the engine leaves docker.io/ and library/ out of names."""
    short = reference.removeprefix("docker.io/").removeprefix("library/")
    tagged, _at, digest = short.partition("@")
    if digest and ":" in tagged.rpartition("/")[2]:  # the engine remembers a digest without the tag that stood before it
        short = f"{tagged.rpartition(':')[0]}@{digest}"
    names = {reference, short, *(f"{name}:latest" for name in (reference, short) if ":" not in name.rpartition("/")[2])}
    return any(names & {*(image.get("RepoTags") or []), *(image.get("RepoDigests") or []), image["Id"]} for image in present)


def published_ports(text: str) -> set[int]:
    """Return the ports of the host in ``docker ps`` output such as ``0.0.0.0:443->8443/tcp, :::443->8443/tcp``."""
    ranges = re.findall(r":(\d+)(?:-(\d+))?->", text)
    return {port for first, last in ranges for port in range(int(first), int(last or first) + 1)}


def taken(address: str, port: int) -> bool:
    """Whether somebody listens on a port. That we may not listen on it ourselves says nothing: the engine may."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as exc:
            if exc.errno == errno.EADDRNOTAVAIL:
                raise DescriptionError(f"jupyterhub_network.bind_address is {address}, which is not an address of the host") from exc
            return exc.errno == errno.EADDRINUSE
    return False


def subnets(network: t.Mapping[str, t.Any]) -> list[str]:
    """Return the IPv4 subnets of a network."""
    config = (network.get("IPAM") or {}).get("Config") or []
    return [item["Subnet"] for item in config if "." in item.get("Subnet", "")]


def routes() -> list[str]:
    """Return the networks that the host has a route to (Linux: /proc/net/route, hexadecimal in the host's byte order)."""
    found = []
    for line in (files.read("/proc/net/route") or "").splitlines()[1:]:
        fields = line.split()
        destination, mask = (ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(fields[index]), "little")) for index in (1, 7))
        if int(mask):
            found.append(f"{destination}/{mask}")
    return found
