# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Render the stack of a hub: services, networks, configs and secrets by their versions, the guard's policy and the rules of each node."""

from __future__ import annotations

import dataclasses
import typing as t

from . import docker_compose, hub_config, k8s_checks, nginx, secrets, storage, swarm_spawner, swarm_storage, validation
from .description import Hub, Swarm
from .docker_compose import DIGEST_LABEL, FILES, HEALTH, LABEL, LOG_OPTIONS, OWNERS, PRIVATE, labels, short_digest, short_id
from .hub_config import API_PORT
from .schema import DescriptionError

SERVICES = ("firewall", "guard", "proxy", "hub", "edge")
DELIVERED = ("edge",)
"""Services whose files are in a volume and can be loaded anew; those of the others are configs and secrets, which a task gets when it starts."""

LARGEST = 500_000
"""Bytes of a config or a secret that every engine takes (swarmkit, MaxConfigSize and MaxSecretSize)."""

READY = "/run/firewall/ready"
NODE_FIREWALL = ("python3", "-S", "/etc/firewall/node_firewall.py")


@dataclasses.dataclass(frozen=True)
class SwarmEngine:
    """What the preflight found out about the swarm: the node that is spoken to, its engine's socket, its name servers, and the images of the hub."""

    node: str
    socket: str = "/var/run/docker.sock"
    socket_gid: int = 0
    nameservers: tuple[str, ...] = ()
    images: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Versioned:
    """A config or a secret: what it is called in the swarm, its file below the project directory, and where the container sees it."""

    name: str
    file: str
    target: str


def check(hub: Hub, settings: Swarm) -> None:
    """Raise DescriptionError for what a description says and this target does not do yet: nothing is ignored."""
    swarm_storage.check(hub, settings)
    layers: list[t.Any] = [hub.spawner, *hub.profiles, *(choice for profile in hub.profiles for item in profile.options for choice in item.choices)]
    given = {
        "jupyterhub_spawner.gpus": hub.spawner.gpus,
        "shm_size": [layer for layer in layers if layer.shm_size],
        "jupyterhub_network.users_subnet": hub.network.users_subnet,
    }
    for variable, value in given.items():
        if value:
            raise DescriptionError(f"{variable} cannot be had on a swarm; take it out, or deploy the hub with docker compose")
    if hub.network.bind_address not in ("0.0.0.0", "::"):
        raise DescriptionError(
            f"jupyterhub_network.bind_address is {hub.network.bind_address}, but Swarm publishes ports on all addresses of a node; leave it out"
        )


def check_hub(hub: Hub, settings: Swarm) -> None:
    """Raise DescriptionError for what only another target knows, and for what this one does not."""
    k8s_checks.check_elsewhere(hub, settings)
    check(hub, settings)


def user_image(hub: Hub, engine: SwarmEngine) -> str:
    """Return the image of servers whose profile names none."""
    return hub.spawner.image or engine.images["user"]


def guard_policy(hub: Hub, engine: SwarmEngine, settings: Swarm, files: t.Sequence[t.Mapping[str, str]] = ()) -> dict[str, t.Any]:
    """Return guard.json: what the hub may ask of the swarm. ``files`` are those of servers, as swarm_storage.py has them."""
    mounts = []
    if hub.storage.type == "volume":
        prefix = hub.storage.volume_name_template.replace("{name}", hub.name).partition("{")[0]
        mounts.append({"source_prefix": prefix, "target": hub.storage.mount_path, "read_only": False})
    return {
        "name": hub.name,
        "host": "0.0.0.0",
        "port": 2375,
        "socket": "/var/run/docker.sock",
        "images": swarm_spawner.images(hub, user_image(hub, engine)),
        "network": f"{hub.name}_users",
        "container_prefix": f"{hub.name}-user-",
        "mounts": mounts,
        "labels": labels(hub, "singleuser"),
        "pids_limit": hub.spawner.pids_limit,
        "log_options": LOG_OPTIONS,
        "firewall_ready": None,
        **storage.guard_rules(hub),
        # They are configs and secrets of the swarm, and not the guard's to put anywhere.
        "files": [],
        "swarm": {
            "volumes": swarm_storage.given(hub, settings),
            "files": list(files),
            "gpus": {"kind": settings.gpu_resource, "most": swarm_storage.most_gpus(hub)},
            "networks": [egress_network(hub)],
            "firewall": f"{hub.name}_firewall",
            "constraints": list(settings.server_constraints),
            "volume_driver": {"Name": settings.volume_driver, "Options": settings.volume_driver_options} if settings.volume_driver else {},
        },
    }


def egress_network(hub: Hub) -> str:
    return f"{hub.name}-egress"


def firewall_rules(hub: Hub, engine: SwarmEngine, settings: Swarm) -> dict[str, t.Any]:
    """Return node-firewall.json: what user servers may reach, on whatever node they are."""
    return {
        "name": hub.name,
        "chain": f"JH-{short_id(hub.name)}",
        "hub": f"{hub.name}_hub",
        "trusted": [f"{hub.name}_proxy"],
        "port": API_PORT,
        "egress": {
            "default": "accept" if hub.network.egress == "internet" else "drop",
            "allow": [{"cidr": item.cidr, "ports": list(item.ports), "protocol": item.protocol} for item in hub.network.egress_allow],
            "deny": list(PRIVATE),
        },
        "nameservers": list(settings.nameservers or engine.nameservers),
        "ready": READY,
    }


def secret_files(hub: Hub) -> dict[str, dict[str, str]]:
    """Return for each service the secret files it gets: path below its directory -> name in the directory of secrets."""
    found = {service: {f"secrets/{name}": source for name, source in secrets.files(hub, service).items()} for service in SERVICES}
    found["proxy"] = {"token": "proxy_token"}
    for path, item in storage.hub_files(hub).items():
        if not isinstance(item.content, str):
            found["hub"][path] = f"{validation.EXTRA_SECRET}{item.content.secret}"
    return found


def configs(hub: Hub, files: t.Mapping[str, str]) -> dict[str, list[Versioned]]:
    """Return the configs of each service. Their names change with their contents, since a config never does."""
    found: dict[str, list[Versioned]] = {service: [] for service in SERVICES}
    for path, text in sorted(files.items()):
        service, _slash, name = path.partition("/")
        if service not in SERVICES or service in DELIVERED:
            continue
        if len(text.encode()) > LARGEST:
            raise DescriptionError(f"{path} has {len(text.encode())} bytes, but Swarm takes configs of {LARGEST} at most; make what is in it shorter")
        found[service].append(Versioned(swarm_storage.config_name(hub, service, name, text), path, f"{FILES[service]}/{name}"))
    return found


def versioned_secrets(
    hub: Hub, fingerprints: t.Mapping[str, str], sizes: t.Mapping[str, int], wanted: t.Mapping[str, t.Mapping[str, str]]
) -> dict[str, list[Versioned]]:
    """Return the secrets of each service. Their names tell nothing about what is in them."""
    found: dict[str, list[Versioned]] = {service: [] for service in SERVICES}
    for service, named in wanted.items():
        for path, source in sorted(named.items()):
            if service in DELIVERED:
                continue
            if sizes.get(source, 0) > LARGEST:
                raise DescriptionError(f"the secret {source} has {sizes[source]} bytes, but Swarm takes secrets of {LARGEST} at most; make it shorter")
            name = swarm_storage.secret_name(hub, service, path, source, fingerprints)
            found[service].append(Versioned(name, f"secrets/{source}", f"{FILES[service]}/{path}"))
    return found


class Stack:
    """The stack of a hub."""

    def __init__(self, hub: Hub, settings: Swarm, engine: SwarmEngine, files: t.Mapping[str, list[Versioned]], hidden: t.Mapping[str, list[Versioned]]) -> None:
        self.hub = hub
        self.settings = settings
        self.engine = engine
        self.files = files
        self.hidden = hidden
        self.modes = {f"{FILES['hub']}/{name}": int(item.mode, 8) for name, item in storage.hub_files(hub).items()}

    def render(self) -> dict[str, t.Any]:
        hub = self.hub
        overlay: dict[str, t.Any] = {"driver": "overlay", "labels": labels(hub, "network")}
        if self.settings.encrypted:
            overlay["driver_opts"] = {"encrypted": ""}
        networks = {name: {**overlay, **({"internal": True} if name in ("users", "engine") else {})} for name in ("front", "hub", "users", "engine")}
        networks["egress"] = {"external": True, "name": egress_network(hub)}
        if hub.database.network:
            networks["db"] = {"external": True, "name": hub.database.network}
        services = {name: self.service(name) for name in SERVICES}
        everything = [item for found in (self.files, self.hidden) for items in found.values() for item in items]
        shown = {item.name: {"name": item.name, "file": f"./{item.file}", "labels": labels(hub, "files")} for item in everything}
        hidden = {item.name for items in self.hidden.values() for item in items}
        return {
            "version": "3.9",
            "services": services,
            "networks": networks,
            "volumes": {**{name: {"name": f"{hub.name}-{name}", "external": True} for name in volume_names()}, **swarm_storage.hub_mounts(hub)[1]},
            "configs": {name: item for name, item in shown.items() if name not in hidden},
            "secrets": {name: item for name, item in shown.items() if name in hidden},
        }

    def service(self, name: str) -> dict[str, t.Any]:
        """Return one service: what all have in common, what it is, and a digest of both."""
        uid = OWNERS[name]
        special = {"firewall": self.firewall, "guard": self.guard, "proxy": self.proxy, "hub": self.of_hub, "edge": self.edge}[name]()
        images = self.engine.images
        deploy: dict[str, t.Any] = {
            "endpoint_mode": "dnsrr",
            # A new hub starts when the old one has ended: never two on one database; and ports of a node are free only then.
            "update_config": {"order": "stop-first", "failure_action": "pause"},
            "restart_policy": {"condition": "any", "delay": "1s"},
            "placement": {"constraints": [f"node.id == {self.engine.node}"]},
            "resources": {"limits": {"pids": 512}},
            **special.pop("deploy", {}),
        }
        tmpfs = [{"type": "tmpfs", "target": path} for path in special.pop("tmpfs", [])]
        definition: dict[str, t.Any] = {
            "image": images[name if name in images else "hub"],
            "user": f"{uid}:{uid}",
            "read_only": True,
            "cap_drop": ["ALL"],
            "init": True,
            "logging": {"driver": "json-file", "options": LOG_OPTIONS},
            "labels": labels(self.hub, name),
            **special,
            "volumes": [*special.get("volumes", []), *tmpfs],
            "configs": [{"source": item.name, "target": item.target, **self.access(item, uid, 0o444)} for item in self.files[name]],
            "secrets": [{"source": item.name, "target": item.target, **self.access(item, uid, 0o400)} for item in self.hidden[name]],
        }
        digest = {DIGEST_LABEL: short_digest([definition, deploy])}
        definition["labels"] = {**definition["labels"], **digest}
        return {**definition, "deploy": {**deploy, "labels": {**labels(self.hub, name), **digest}}}

    def access(self, item: Versioned, uid: int, mode: int) -> dict[str, t.Any]:
        """Return owner and mode of a file; those of the user's own in the hub have modes that they were given."""
        if mode == 0o444 and item.target not in self.modes:
            return {"mode": mode}
        return {"uid": str(uid), "gid": str(uid), "mode": self.modes.get(item.target, mode)}

    def firewall(self) -> dict[str, t.Any]:
        """One on each node, root with what the packet filters of the node's network namespaces cannot be had without."""
        binds = {"/run/docker/netns": "/run/docker/netns", "/proc/1/ns/net": "/run/host-net", "/etc/resolv.conf": "/run/host-resolv.conf"}
        return {
            "entrypoint": [*NODE_FIREWALL, "run"],
            "cap_add": ["NET_ADMIN", "NET_RAW", "SYS_ADMIN"],
            "networks": ["users", "egress"],
            "volumes": [{"type": "bind", "source": source, "target": target, "read_only": True} for source, target in binds.items()],
            "tmpfs": ["/run/firewall", "/run/lock", "/tmp"],
            "healthcheck": healthcheck(*NODE_FIREWALL, "check"),
            "deploy": {"mode": "global", "placement": {}},
        }

    def guard(self) -> dict[str, t.Any]:
        return {
            "entrypoint": ["python3", f"{FILES['guard']}/swarm_guard.py"],
            "user": f"{OWNERS['guard']}:{self.engine.socket_gid}",
            "networks": ["engine"],
            "volumes": [{"type": "bind", "source": self.engine.socket, "target": "/var/run/docker.sock"}],
            "healthcheck": healthcheck(*HEALTH, f"{FILES['guard']}/health.py", "127.0.0.1", "2375", "/_ping"),
        }

    def proxy(self) -> dict[str, t.Any]:
        hub_url = f"http://hub:{API_PORT}"
        # Its own names are not known to the engine's DNS before it is healthy; what may come from which network is the firewall's business.
        listen = ["--ip=0.0.0.0", "--port=8000", "--api-ip=0.0.0.0", "--api-port=8001"]
        answer = "answer => process.exit(answer.statusCode === 200 ? 0 : 1)"
        look = f"require('http').get('http://127.0.0.1:8000/_chp_healthz', {answer}).on('error', () => process.exit(1))"
        return {
            "entrypoint": ["node", "/etc/proxy/proxy_start.mjs"],
            "command": [*listen, f"--error-target={hub_url}/hub/error", f"--default-target={hub_url}"],
            "networks": {"front": {"aliases": ["proxy-public"]}, "hub": {"aliases": ["proxy-api"]}, "users": {}},
            "healthcheck": healthcheck("node", "--eval", look),
        }

    def of_hub(self) -> dict[str, t.Any]:
        database = self.hub.database
        port = database.port or hub_config.DATABASE_PORTS.get(database.type)
        needed = ["guard:2375", "proxy-api:8001", *([f"{database.host}:{port}"] if port else [])]
        return {
            "entrypoint": ["python3", f"{FILES['hub']}/hub_start.py", *needed, "--", "jupyterhub", "--config", f"{FILES['hub']}/jupyterhub_config.py"],
            "environment": {"PYTHONPATH": FILES["hub"], "PYTHONDONTWRITEBYTECODE": "1"},
            # The engine's DNS knows the hub when it is healthy; services that it runs ask for it before.
            "extra_hosts": ["hub:127.0.0.1"],
            "networks": {"hub": {"aliases": ["services"]}, "users": {}, "engine": {}, **({"db": {}} if database.network else {})},
            "volumes": [{"type": "volume", "source": "data", "target": hub_config.DATA}, *swarm_storage.hub_mounts(self.hub)[0]],
            "tmpfs": ["/tmp"],
            "stop_grace_period": "30s",
            "healthcheck": healthcheck(*HEALTH, f"{FILES['hub']}/health.py", "127.0.0.1", str(API_PORT), "/hub/health"),
        }

    def edge(self) -> dict[str, t.Any]:
        net, mesh = self.hub.network, self.settings.entry == "mesh"
        published = {nginx.HTTP_PORT: net.http_port}
        look = ["--silent", "--fail", f"http://127.0.0.1:{nginx.HTTP_PORT}/edge/health"]
        if validation.tls_here(self.hub):
            published[nginx.HTTPS_PORT] = net.https_port
            look = ["--silent", "--fail", "--insecure", f"https://127.0.0.1:{nginx.HTTPS_PORT}/edge/health"]
        return {
            "entrypoint": ["nginx"],
            "command": ["-c", f"{FILES['edge']}/nginx.conf", "-g", "daemon off;"],
            "networks": ["front"],
            "ports": [{"target": target, "published": port, "mode": "ingress" if mesh else "host"} for target, port in published.items()],
            "volumes": [
                {"type": "volume", "source": source, "target": target, "read_only": True}
                for source, target in (("edge-files", FILES["edge"]), ("acme", nginx.WEBROOT))
            ],
            "tmpfs": ["/tmp"],
            "healthcheck": healthcheck("curl", *look),
            "deploy": {"endpoint_mode": "vip"} if mesh else {},
        }


def healthcheck(*command: str) -> dict[str, t.Any]:
    """Return a health check with much patience: unlike compose, Swarm replaces what fails it, and a busy node must cost nobody a socket."""
    return {**docker_compose.healthcheck(*command), "timeout": "20s", "retries": 10, "start_period": "180s"}


def volume_names() -> tuple[str, ...]:
    """Return the volumes that are made ahead on the node of the hub."""
    return ("data", "acme", "edge-files")


def owned(hub: Hub) -> str:
    """Return the filter for what belongs to a hub."""
    return f"label={LABEL}={hub.name}"
