# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Render the compose project of a hub: services, networks, volumes, the guard's policy and the firewall's rules."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import itertools
import json
import typing as t
import urllib.parse

from . import authentication, docker_spawner, hub_config, nginx, secrets, storage, validation
from .description import Hub
from .hub_config import API_PORT
from .schema import DescriptionError

LABEL = "vdsg.jupyterhub.name"
COMPONENT = "vdsg.jupyterhub.component"
DIGEST_LABEL = "vdsg.jupyterhub.digest"
SERVICES = ("firewall", "guard", "proxy", "hub", "edge")
FILES = {"hub": hub_config.FILES, "proxy": "/etc/proxy", "edge": nginx.FILES, "guard": "/etc/guard", "firewall": "/etc/firewall"}
OWNERS = {"hub": 1000, "guard": 1000, "proxy": 65534, "edge": 65534, "firewall": 0}
"""The user each container runs as, and so the owner of its files."""

PRIVATE = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
"""Not public (RFC 6890); the metadata service of clouds, 169.254.169.254, is among them."""

POOL = ipaddress.IPv4Network("172.16.0.0/16")
"""Beside the engine's default pools (172.17.0.0/16 to 172.31.0.0/16, 192.168.0.0/16), from which it may give any to a network that comes later."""

SERVICE_HOST = "services"
"""The host name of services that the hub runs, as the proxy sees it."""

LOG_OPTIONS = {"max-size": "10m", "max-file": "3"}
RESOLVED = "/run/systemd/resolve"
READY = "/run/firewall/ready"
HEALTH = ("python3", "-I", "-S")
"""Python without what a check of every five seconds does not need."""


@dataclasses.dataclass(frozen=True)
class Engine:
    """What the preflight found out about the engine.

    ``socket`` is the path of the engine's socket on its own host, ``socket_gid`` the group that may use it; ``resolved`` says that systemd-resolved hides
    the host's name servers from /etc/resolv.conf.
    """

    users_subnet: str
    socket: str = "/var/run/docker.sock"
    socket_gid: int = 0
    resolved: bool = False
    images: dict[str, str] = dataclasses.field(default_factory=dict)


def choose_subnet(taken: t.Iterable[str]) -> str:
    """Return the first /21 of 172.16.0.0/16, from its end, that overlaps no network of the engine and no route of the host."""
    used = [ipaddress.IPv4Network(item, strict=False) for item in taken]
    used = [item for item in used if item.prefixlen > 0]
    for candidate in reversed(list(POOL.subnets(new_prefix=21))):
        if not any(candidate.overlaps(item) for item in used):
            return str(candidate)
    raise DescriptionError("jupyterhub_network.users_subnet must be set: every /21 of 172.16.0.0/16 overlaps a network of the engine or a route of the host")


def addresses(subnet: str) -> dict[str, str]:
    """Return the fixed addresses of the users' network; servers get theirs from the upper half."""
    net = ipaddress.IPv4Network(subnet)
    gateway, hub, proxy = (str(address) for address in itertools.islice(net.hosts(), 3))
    return {"gateway": gateway, "hub": hub, "proxy": proxy, "range": str(list(net.subnets())[1])}


def short_id(name: str) -> str:
    """Return eight characters for a hub where its name would be too long (a bridge's name has 15 at most)."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def short_digest(value: t.Any) -> str:
    """Return sixteen characters that change with a value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def labels(hub: Hub, component: str) -> dict[str, str]:
    return {LABEL: hub.name, COMPONENT: component}


def user_image(hub: Hub, engine: Engine) -> str:
    """Return the image of servers whose profile names none."""
    return hub.spawner.image or engine.images["user"]


def guard_policy(hub: Hub, engine: Engine) -> dict[str, t.Any]:
    """Return guard.json: what the hub may ask of the engine."""
    mounts = []
    if hub.storage.type == "volume":
        prefix = hub.storage.volume_name_template.replace("{name}", hub.name).partition("{")[0]
        mounts.append({"source_prefix": prefix, "target": hub.storage.mount_path, "read_only": False})
    return {
        "name": hub.name,
        "host": "guard",
        "port": 2375,
        "socket": "/var/run/docker.sock",
        "images": docker_spawner.images(hub, user_image(hub, engine)),
        "network": f"{hub.name}-users",
        "container_prefix": f"{hub.name}-user-",
        "mounts": mounts,
        "labels": labels(hub, "singleuser"),
        "pids_limit": hub.spawner.pids_limit,
        "log_options": LOG_OPTIONS,
        "firewall_ready": READY,
        **storage.guard_rules(hub),
    }


def firewall_rules(hub: Hub, engine: Engine) -> dict[str, t.Any]:
    """Return firewall.json: what user servers may reach."""
    fixed = addresses(engine.users_subnet)
    return {
        "name": hub.name,
        "chain": f"JH-{short_id(hub.name)}",
        "bridge": f"jh-{short_id(hub.name)}",
        "subnet": engine.users_subnet,
        "trusted": [fixed["hub"], fixed["proxy"]],
        "inside": [{"address": fixed["hub"], "port": API_PORT, "protocol": "tcp"}],
        "egress": {
            "default": "accept" if hub.network.egress == "internet" else "drop",
            "allow": [{"cidr": item.cidr, "ports": list(item.ports), "protocol": item.protocol} for item in hub.network.egress_allow],
            "deny": list(PRIVATE),
        },
        "ready": READY,
    }


def compose(hub: Hub, engine: Engine, digests: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the compose project. ``digests`` are those of the files that a service must be restarted for."""
    services = Services(hub, engine)
    fixed = addresses(engine.users_subnet)
    users: dict[str, t.Any] = {
        "driver": "bridge",
        "driver_opts": {"com.docker.network.bridge.name": f"jh-{short_id(hub.name)}"},
        "ipam": {"config": [{"subnet": engine.users_subnet, "gateway": fixed["gateway"], "ip_range": fixed["range"]}]},
    }
    networks: dict[str, dict[str, t.Any]] = {"front": {}, "hub": {}, "users": users, "engine": {"internal": True}}
    if has_service_containers(hub):
        networks["services"] = {}
    networks = {name: {"name": f"{hub.name}-{name}", **options, "labels": labels(hub, "network")} for name, options in networks.items()}
    if hub.database.network:
        networks["db"] = {"name": hub.database.network, "external": True}
    volumes: dict[str, t.Any] = {name: {"name": f"{hub.name}-{name}", "external": True} for name in volume_names()}
    volumes |= storage.compose_mounts(hub)[1]
    return {"name": hub.name, "services": {name: services.service(name, digests[name]) for name in SERVICES}, "networks": networks, "volumes": volumes}


def has_service_containers(hub: Hub) -> bool:
    """Whether a service is a container of the user's own: an address with a name that only the engine can know."""
    hosts = [urllib.parse.urlsplit(service.url).hostname or "" for service in hub.services if service.url and not service.command]
    return any("." not in host and ":" not in host for host in hosts)


def volume_names() -> tuple[str, ...]:
    """Return the volumes that are made ahead: data, and the files of each service."""
    return ("data", "firewall-state", "acme", *(f"{service}-files" for service in SERVICES))


def healthcheck(*command: str) -> dict[str, t.Any]:
    """Return a health check; often in the beginning, so that nobody waits for the next look."""
    return {"test": ["CMD", *command], "interval": "5s", "timeout": "5s", "retries": 6, "start_period": "60s"}


class Services:
    """The services of a hub's compose project."""

    def __init__(self, hub: Hub, engine: Engine) -> None:
        self.hub = hub
        self.engine = engine
        self.fixed = addresses(engine.users_subnet)

    def service(self, name: str, digest: str) -> dict[str, t.Any]:
        """Return one service: what all have in common, what it is, and a digest of both and of the files that it must be restarted for."""
        uid = OWNERS[name]
        images = self.engine.images
        special = {"firewall": self.firewall, "guard": self.guard, "proxy": self.proxy, "hub": self.of_hub, "edge": self.edge}[name]()
        definition: dict[str, t.Any] = {
            "container_name": f"{self.hub.name}-{name}",
            "image": images[name if name in images else "hub"],
            "pull_policy": "never",
            "user": f"{uid}:{uid}",
            "restart": "unless-stopped",
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "pids_limit": 512,
            "logging": {"driver": "json-file", "options": LOG_OPTIONS},
            "labels": labels(self.hub, name),
            **special,
            "volumes": [f"{name}-files:{FILES[name]}:ro", *special.get("volumes", [])],
        }
        definition["labels"][DIGEST_LABEL] = short_digest([definition, digest])
        return definition

    def firewall(self) -> dict[str, t.Any]:
        """The one container of ours that is root, with two capabilities: rules of the host's packet filter cannot be had for less."""
        program = ["python3", "/etc/firewall/firewall.py"]
        return {
            "entrypoint": ["tini", "--", *program, "run"],
            "command": [],
            "network_mode": "host",
            "cap_add": ["NET_ADMIN", "NET_RAW"],
            "volumes": ["firewall-state:/run/firewall", *([f"{RESOLVED}:{RESOLVED}:ro"] if self.engine.resolved else [])],
            "tmpfs": ["/run/lock", "/tmp"],
            "healthcheck": healthcheck(*program, "check"),
        }

    def guard(self) -> dict[str, t.Any]:
        program = ["python3", "/etc/guard/engine_guard.py"]
        return {
            "entrypoint": ["tini", "--", *program],
            "command": [],
            "group_add": [str(self.engine.socket_gid)],
            "networks": {"engine": {"aliases": ["guard"]}},
            "volumes": [f"{self.engine.socket}:/var/run/docker.sock", "firewall-state:/run/firewall:ro"],
            "healthcheck": healthcheck(*HEALTH, f"{FILES['guard']}/health.py", "guard", "2375", "/_ping"),
        }

    def proxy(self) -> dict[str, t.Any]:
        hub_url = f"http://hub:{API_PORT}"
        listen = ["--ip=proxy-public", "--port=8000", "--api-ip=proxy-api", "--api-port=8001"]
        answer = "answer => process.exit(answer.statusCode === 200 ? 0 : 1)"
        look = f"require('http').get('http://proxy-public:8000/_chp_healthz', {answer}).on('error', () => process.exit(1))"
        networks = {"front": {"aliases": ["proxy-public"]}, "hub": {"aliases": ["proxy-api"]}, "users": {"ipv4_address": self.fixed["proxy"]}}
        if has_service_containers(self.hub):
            networks["services"] = {}
        return {
            "entrypoint": ["node", "/etc/proxy/proxy_start.mjs"],
            "command": [
                *listen,
                *(["--host-routing"] if self.hub.tls.subdomains else []),
                f"--error-target={hub_url}/hub/error",
                f"--default-target={hub_url}",
            ],
            "networks": networks,
            "init": True,
            "healthcheck": healthcheck("node", "--eval", look),
        }

    def of_hub(self) -> dict[str, t.Any]:
        # Services that the hub runs itself are reached by a name of their own: `hub` has an address in each network.
        networks: dict[str, t.Any] = {"hub": {"aliases": [SERVICE_HOST]}, "users": {"ipv4_address": self.fixed["hub"]}, "engine": {}}
        if self.hub.database.network:
            networks["db"] = {}
        if has_service_containers(self.hub):
            networks["services"] = {}
        return {
            "entrypoint": ["tini", "--"],
            "command": ["python3", f"{FILES['hub']}/hub_start.py", *self.needed(), "--", "jupyterhub", "--config", f"{FILES['hub']}/jupyterhub_config.py"],
            "networks": networks,
            "volumes": [f"data:{hub_config.DATA}", *storage.compose_mounts(self.hub)[0]],
            "tmpfs": ["/tmp"],
            "stop_grace_period": "30s",
            "healthcheck": healthcheck(*HEALTH, f"{FILES['hub']}/health.py", "127.0.0.1", str(API_PORT), "/hub/health"),
        }

    def needed(self) -> list[str]:
        """Return what must answer before the hub starts; compose's depends_on would replace the hub whenever one of them is replaced."""
        database = self.hub.database
        port = database.port or hub_config.DATABASE_PORTS.get(database.type)
        return ["guard:2375", "proxy-api:8001", *([f"{database.host}:{port}"] if port else [])]

    def edge(self) -> dict[str, t.Any]:
        net = self.hub.network
        address = f"[{net.bind_address}]" if ":" in net.bind_address else net.bind_address
        ports = [f"{address}:{net.http_port}:{nginx.HTTP_PORT}"]
        look = ["--silent", "--fail", f"http://127.0.0.1:{nginx.HTTP_PORT}/edge/health"]
        if validation.tls_here(self.hub):
            ports.append(f"{address}:{net.https_port}:{nginx.HTTPS_PORT}")
            look = ["--silent", "--fail", "--insecure", f"https://127.0.0.1:{nginx.HTTPS_PORT}/edge/health"]
        return {
            "entrypoint": ["nginx"],
            "command": ["-c", f"{FILES['edge']}/nginx.conf", "-g", "daemon off;"],
            "networks": {"front": {}},
            "ports": ports,
            "volumes": [f"acme:{nginx.WEBROOT}:ro"],
            "init": True,
            "tmpfs": ["/tmp"],
            "healthcheck": healthcheck("curl", *look),
        }


def reloaded(hub: Hub, service: str) -> tuple[str, ...]:
    """Return the files that a container takes up without a restart."""
    return {"hub": (*authentication.reloaded(hub.auth), "announcements.json"), "edge": ("nginx.conf", "secrets/tls_certificate", "secrets/tls_key")}.get(
        service, ()
    )


def secret_files(hub: Hub) -> dict[str, dict[str, str]]:
    """Return for each service the secret files it gets: path in its volume -> name in the directory of secrets."""
    found = {service: {f"secrets/{name}": source for name, source in secrets.files(hub, service).items()} for service in SERVICES}
    # proxy_start.mjs reads this one path in every image.
    found["proxy"] = {"token": "proxy_token"}
    for path, item in storage.hub_files(hub).items():
        if not isinstance(item.content, str):
            found["hub"][path] = f"{validation.EXTRA_SECRET}{item.content.secret}"
    return found
