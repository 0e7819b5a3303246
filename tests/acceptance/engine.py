# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The side of a hub that its users do not see: what the tests do to it, and ask of it, on its engine."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import typing as t

from cryptography import x509

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import COMPONENT, LABEL
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_spawner import USER_LABEL
from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import until

# One listener on port 80 for every address that the tests give to its network namespace.
LISTENER = """
import socket
listener = socket.create_server(("0.0.0.0", 80))
while True:
    listener.accept()[0].close()
"""

# Answers everybody at a port of its own, says which, and ends with its input.
OPEN_PORT = """
import socketserver, sys, threading
server = socketserver.ThreadingTCPServer(("", 0), socketserver.BaseRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
"""

# Run wherever a test wants to know what can be reached from there: targets in, one word for each out.
PROBE = """
import concurrent.futures, json, socket, sys
def probe(target):
    try:
        socket.create_connection(target, timeout=3).close()
    except OSError as error:
        return str(error) or type(error).__name__
    return "open"
with concurrent.futures.ThreadPoolExecutor(32) as pool:
    print(json.dumps(list(pool.map(probe, map(tuple, json.loads({targets!r}))))))
"""

Target = tuple[str, int]


def probe_code(targets: t.Sequence[Target]) -> str:
    """Return Python that says of each target whether it can be reached."""
    return PROBE.format(targets=json.dumps(targets))


Lives = dict[str, tuple[str, str]]
"""Component, or `user-NAME` -> id and start of what runs: both stay the same as long as nothing is replaced or restarted."""


class Ghost(t.NamedTuple):
    """A server that the hub knows nothing of, and what holds the files of its owner, by their names at the engine."""

    server: str
    files: str


class Engine(t.Protocol):
    """What the tests need from a target."""

    name: str
    target: str
    """What modules and roles call it."""

    connection: dict[str, str]
    """Options of modules that ask the hub, besides its name."""

    components: frozenset[str]
    """What runs besides servers."""

    users_network: str
    confined_by: str
    """What keeps a container from more privileges: the engine's option, or that there are no capabilities to gain."""

    def restart_hub(self) -> None:
        """Restart the hub; return when it has been told to."""

    def move_proxy(self) -> tuple[str, str]:
        """Replace the proxy by one with another address; return both."""

    def reach(self, component: str, targets: t.Sequence[Target]) -> dict[Target, str]:
        """Say what a component of the hub can reach."""

    def reach_from_host(self, targets: t.Sequence[Target]) -> dict[Target, str]:
        """Say what the engine's host can reach."""

    def python(self, component: str, code: str, given: str = "") -> str:
        """Run Python in a component of the hub."""

    def addresses(self, component: str) -> dict[str, str]:
        """Return the addresses of a component, or of `user-NAME`, by network."""

    def gateways(self) -> list[str]:
        """Return the host's own addresses, as the hub's networks see them."""

    def published(self) -> list[int]:
        """Return the ports that the hub takes on its host."""

    def listener(self) -> contextlib.AbstractContextManager[int]:
        """Have a port of the engine's host that answers everybody."""

    def outside(self) -> contextlib.AbstractContextManager[Outside]:
        """Put a listener on private, link-local and public addresses near the hub."""

    def inspect(self) -> list[dict[str, t.Any]]:
        """Return all that the engine knows of what belongs to the hub."""

    def logs(self) -> str:
        """Return what all components have logged."""

    def lives(self) -> Lives:
        """Return what runs of the hub."""

    def owned(self) -> set[str]:
        """Return the names of everything that the hub owns."""

    def ghost(self) -> contextlib.AbstractContextManager[Ghost]:
        """Have a server of a person called ghost, whom the hub does not know, with files."""


class Outside(t.NamedTuple):
    """Addresses that answer on port 80 when nothing forbids it."""

    private: tuple[str, ...] = ("10.213.7.2", "172.30.213.2", "192.168.213.2")
    metadata: str = "169.254.169.254"
    # Belongs to nobody who would be asked here, and is public to everybody's rules.
    public: str = "11.213.7.2"


def run(*command: str, given: str = "", timeout: float = 120) -> str:
    """Run a command; return what it printed, or fail with what it complained about."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:200]}: exit {done.returncode}: {done.stderr.strip()[-1000:]}")
    return done.stdout


def certificate_of(address: str, port: int, name: str) -> x509.Certificate:
    """Return the certificate that a server shows to those who ask for a name, whoever signed it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((address, port), timeout=10) as connection, context.wrap_socket(connection, server_hostname=name) as secured:
        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")


class DockerEngine:
    """A hub of docker compose, through the docker command line; ``host`` is what runs a command as root on the engine's host if that is another machine."""

    confined_by = "no-new-privileges"
    target = "docker_compose"
    components = frozenset({"firewall", "guard", "proxy", "hub", "edge"})

    def __init__(self, name: str, host: t.Sequence[str] = ()) -> None:
        self.name = name
        self.connection: dict[str, str] = {}
        self.users_network = f"{name}-users"
        self.host_python = (*host, "python3") if host else (sys.executable,)
        self.host_root = host or ([] if os.geteuid() == 0 else ["sudo", "-n"])

    def restart_hub(self) -> None:
        run("docker", "restart", f"{self.name}-hub")

    def move_proxy(self) -> tuple[str, str]:
        proxy = self._container("proxy")
        labels = proxy["Config"]["Labels"]
        network = f"{self.name}-hub"
        before = self.addresses("proxy")[network]
        run("docker", "rm", "--force", proxy["Name"].lstrip("/"))
        squatters: list[str] = []
        try:
            # Somebody else takes the address, so that the new proxy cannot.
            while before not in [self._container(squatter)["NetworkSettings"]["Networks"][network]["IPAddress"] for squatter in squatters]:
                squatter = f"{self.name}-acceptance-{len(squatters)}"
                self._sleeper(squatter, network)
                squatters.append(squatter.removeprefix(f"{self.name}-"))
                if len(squatters) > 8:
                    raise RuntimeError(f"nothing but the proxy gets {before}")
            compose = ["docker", "compose", "--project-name", labels["com.docker.compose.project"]]
            for file in labels["com.docker.compose.project.config_files"].split(","):
                compose += ["--file", file]
            run(*compose, "up", "--detach", "--no-deps", "--wait", labels["com.docker.compose.service"])
        finally:
            for squatter in squatters:
                run("docker", "rm", "--force", f"{self.name}-{squatter}")
        return before, self.addresses("proxy")[network]

    def reach(self, component: str, targets: t.Sequence[Target]) -> dict[Target, str]:
        return dict(zip(targets, json.loads(self.python(component, probe_code(targets))), strict=True))

    def reach_from_host(self, targets: t.Sequence[Target]) -> dict[Target, str]:
        return dict(zip(targets, json.loads(run(*self.host_python, "-c", probe_code(targets))), strict=True))

    def python(self, component: str, code: str, given: str = "") -> str:
        return run("docker", "exec", "--interactive", f"{self.name}-{component}", "python3", "-c", code, given=given)

    def addresses(self, component: str) -> dict[str, str]:
        networks = self._container(component)["NetworkSettings"]["Networks"]
        return {network: found["IPAddress"] for network, found in networks.items()}

    def gateways(self) -> list[str]:
        networks = [network for entry in self.inspect() if "NetworkSettings" in entry for network in entry["NetworkSettings"]["Networks"].values()]
        return sorted({network["Gateway"] for network in networks if network["Gateway"]})

    def published(self) -> list[int]:
        ports = self._container("edge")["NetworkSettings"]["Ports"]
        return sorted({int(binding["HostPort"]) for bindings in ports.values() for binding in bindings or ()})

    @contextlib.contextmanager
    def listener(self) -> t.Iterator[int]:
        with subprocess.Popen([*self.host_python, "-c", OPEN_PORT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            yield int(process.stdout.readline())

    @contextlib.contextmanager
    def outside(self) -> t.Iterator[Outside]:
        # Docker keeps its own networks apart; a plain link of the host's shows what the hub's own rules do.
        place = Outside()
        listener, link = f"{self.name}-acceptance-outside", "jhacceptance"
        self._remove(listener)
        self._on_host(
            *("docker", "run", "--detach", "--name", listener, "--label", "vdsg.jupyterhub.name=test-acceptance"),
            *("--network", "none", "--user", "0", "--entrypoint", "python3", self._image(), "-c", LISTENER),
        )
        try:
            process = str(json.loads(self._on_host("docker", "inspect", listener))[0]["State"]["Pid"])
            inside = ["nsenter", "--target", process, "--net", "ip"]
            # A run that was broken off may have left the link; the kernel may still be taking it away.
            with contextlib.suppress(RuntimeError):
                self._as_root("ip", "link", "delete", link)
            self._as_root("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", process)
            self._as_root("ip", "address", "add", "11.213.7.1/32", "dev", link)
            self._as_root("ip", "link", "set", link, "up")
            self._as_root(*inside, "link", "set", "eth0", "up")
            self._as_root(*inside, "route", "add", "11.213.7.1/32", "dev", "eth0")
            for address in (*place.private, place.metadata, place.public):
                self._as_root(*inside, "address", "add", f"{address}/32", "dev", "eth0")
                self._as_root("ip", "route", "add", f"{address}/32", "dev", link)
            yield place
        finally:
            self._remove(listener)

    def inspect(self) -> list[dict[str, t.Any]]:
        found: list[dict[str, t.Any]] = []
        for kind, listing in (("container", ["--all"]), ("network", []), ("volume", [])):
            ids = run("docker", kind, "ls", "--quiet", *listing, "--filter", f"label=vdsg.jupyterhub.name={self.name}").split()
            found += json.loads(run("docker", kind, "inspect", *ids)) if ids else []
        return found

    def logs(self) -> str:
        ids = run("docker", "ps", "--all", "--quiet", "--filter", f"label=vdsg.jupyterhub.name={self.name}").split()
        return "\n".join(
            done.stdout + done.stderr
            for done in [subprocess.run(["docker", "logs", each], capture_output=True, text=True, timeout=60, check=True) for each in ids]
        )

    def lives(self) -> Lives:
        entries = [entry for entry in self.inspect() if "State" in entry]
        return {entry["Name"].removeprefix(f"/{self.name}-"): (entry["Id"], entry["State"]["StartedAt"]) for entry in entries}

    def owned(self) -> set[str]:
        return {str(entry["Name"]).lstrip("/") for entry in self.inspect()}

    @contextlib.contextmanager
    def ghost(self) -> t.Iterator[Ghost]:
        name = f"{self.name}-user-ghost"
        run("docker", "volume", "create", "--label", f"{LABEL}={self.name}", "--label", f"{COMPONENT}=user-data", name)
        labels = {LABEL: self.name, COMPONENT: "singleuser", USER_LABEL: "ghost"}
        try:
            self._start(name, [f"--label={key}={value}" for key, value in labels.items()])
            yield Ghost(name, name)
        finally:
            self._stop(name)
            run("docker", "volume", "rm", name)

    def _start(self, name: str, labels: t.Sequence[str]) -> None:
        """Have something that looks like a server, with the volume of the same name."""
        run("docker", "run", "--detach", "--name", name, *labels, "--volume", f"{name}:/data", "--entrypoint", "sleep", self._image(), "600")

    def _stop(self, name: str) -> None:
        run("docker", "rm", "--force", name)

    def _as_root(self, *command: str) -> str:
        try:
            return run(*self.host_root, *command)
        except (RuntimeError, FileNotFoundError) as error:
            raise RuntimeError(f"this test needs root and iproute2 on the engine's host: {error}") from error

    def _image(self) -> str:
        return str(self._container("hub")["Image"])

    def _container(self, component: str) -> dict[str, t.Any]:
        found: dict[str, t.Any] = json.loads(run("docker", "container", "inspect", f"{self.name}-{component}"))[0]
        return found

    def _sleeper(self, container: str, network: str) -> None:
        self._remove(container)
        run(
            *("docker", "run", "--detach", "--name", container, "--label", "vdsg.jupyterhub.name=test-acceptance"),
            *("--network", network, "--entrypoint", "sleep", self._image(), "infinity"),
        )

    def _on_host(self, *command: str) -> str:
        """Run a docker command for the engine's host."""
        return run(*command)

    def _remove(self, container: str) -> None:
        self._on_host("docker", "rm", "--force", container)


class SwarmEngine(DockerEngine):
    """A hub on a swarm: the docker command line speaks with a manager; ``host`` begins a command for a node, whose name stands for ``{node}``.

    The host of :meth:`outside` and the like is the node that :meth:`use` names, where a user's server is.
    """

    confined_by = "no capabilities"
    target = "swarm"

    def __init__(self, name: str, host: t.Sequence[str] = ()) -> None:
        super().__init__(name)
        self.users_network = f"{name}_users"
        self.host = tuple(host)

    def use(self, node: str) -> None:
        """Have a node be the host of what follows."""
        self.node = node
        self.host_root = [part.replace("{node}", node) for part in self.host]
        self.host_python = (*self.host_root, "python3")

    def nodes(self) -> list[str]:
        return run("docker", "node", "ls", "--format", "{{.Hostname}}").split()

    def service(self, component: str) -> str:
        return f"{self.name}-{component}" if component.startswith("user-") else f"{self.name}_{component}"

    def task(self, component: str) -> dict[str, t.Any]:
        """Return the task of a component, or of `user-NAME`, that runs."""
        ids = run("docker", "service", "ps", "--quiet", "--no-trunc", "--filter", "desired-state=running", self.service(component)).split()
        found: list[dict[str, t.Any]] = json.loads(run("docker", "inspect", "--type", "task", *ids))
        return next(task for task in found if task["Status"]["State"] == "running")

    def node_of(self, component: str) -> str:
        """Return the name of the node that a component, or `user-NAME`, is on."""
        return run("docker", "node", "inspect", "--format", "{{.Description.Hostname}}", self.task(component)["NodeID"]).strip()

    def restart_hub(self) -> None:
        run("docker", "service", "update", "--quiet", "--force", self.service("hub"), timeout=600)

    def move_proxy(self) -> tuple[str, str]:
        before = self.addresses("proxy")[f"{self.name}_hub"]
        run("docker", "service", "update", "--quiet", "--force", self.service("proxy"), timeout=600)
        return before, self.addresses("proxy")[f"{self.name}_hub"]

    def python(self, component: str, code: str, given: str = "") -> str:
        container = self.task(component)["Status"]["ContainerStatus"]["ContainerID"]
        return run("docker", "exec", "--interactive", container, "python3", "-c", code, given=given)

    def addresses(self, component: str) -> dict[str, str]:
        found = {item["Network"]["Spec"]["Name"]: item.get("Addresses") or [] for item in self.task(component)["NetworksAttachments"]}
        return {network: addresses[0].partition("/")[0] for network, addresses in found.items() if addresses}

    def gateways(self) -> list[str]:
        """Return all addresses of the node: it is no other gateway that user servers have."""
        found = json.loads(self._as_root("ip", "-json", "-4", "address"))
        return sorted(item["local"] for link in found for item in link["addr_info"] if item["scope"] == "global")

    def published(self) -> list[int]:
        ports = json.loads(run("docker", "service", "inspect", self.service("edge")))[0]["Spec"]["EndpointSpec"]["Ports"]
        return sorted(port["PublishedPort"] for port in ports)

    def inspect(self) -> list[dict[str, t.Any]]:
        found: list[dict[str, t.Any]] = []
        label = f"label=vdsg.jupyterhub.name={self.name}"
        for kind in ("service", "network", "secret", "config"):
            ids = run("docker", kind, "ls", "--quiet", "--filter", label).split()
            found += json.loads(run("docker", kind, "inspect", *ids)) if ids else []
        for entry in found:
            if "Data" in entry.get("Spec", {}):
                entry["Spec"]["Data"] = base64.b64decode(entry["Spec"]["Data"]).decode()
            entry.setdefault("Name", entry.get("Spec", {}).get("Name", ""))
        for node in self.nodes():
            docker = [part.replace("{node}", node) for part in self.host] + ["docker"]
            for kind, listing in (("container", ["--filter", "status=running"]), ("volume", [])):
                ids = run(*docker, kind, "ls", "--quiet", *listing, "--filter", label).split()
                entries = json.loads(run(*docker, kind, "inspect", *ids)) if ids else []
                for entry in entries:
                    if kind == "container":
                        entry["Name"] = "/" + entry["Config"]["Labels"]["com.docker.swarm.service.name"].replace(f"{self.name}_", f"{self.name}-")
                found += entries
        return found

    def logs(self) -> str:
        texts = []
        for node in self.nodes():
            docker = [part.replace("{node}", node) for part in self.host] + ["docker"]
            for each in run(*docker, "ps", "--all", "--quiet", "--filter", f"label=vdsg.jupyterhub.name={self.name}").split():
                done = subprocess.run([*docker, "logs", each], capture_output=True, text=True, timeout=60, check=True)
                texts.append(done.stdout + done.stderr)
        return "\n".join(texts)

    def _start(self, name: str, labels: t.Sequence[str]) -> None:
        # On the node whose volumes the docker command line sees.
        placed = ["--constraint", "node.role == manager", "--mount", f"type=volume,source={name},target=/data"]
        run("docker", "service", "create", "--quiet", "--no-resolve-image", "--name", name, *labels, *placed, "--entrypoint", "sleep", self._image(), "600")

    def _stop(self, name: str) -> None:
        with contextlib.suppress(RuntimeError):
            run("docker", "service", "rm", name)
        until(lambda: not run("docker", "ps", "--all", "--quiet", "--filter", f"volume={name}").split(), 60, "the end of what has the volume")

    def _on_host(self, *command: str) -> str:
        return run(*self.host_root, *command)

    def _image(self) -> str:
        return str(self.task("firewall")["Spec"]["ContainerSpec"]["Image"])


def connect(kind: str, name: str, host: t.Sequence[str] = ()) -> Engine:
    """Return the engine of this kind that the hub of this name runs on; ``host`` begins a command for the engine's host."""
    if kind == "docker":
        return DockerEngine(name, host)
    if kind == "swarm":
        return SwarmEngine(name, host)
    if kind == "kubernetes":
        # A library that only this target needs.
        from ansible_collections.vdsg.jupyterhub.tests.acceptance.kube import KubernetesEngine

        return KubernetesEngine(name, host)
    raise ValueError(f"no engine {kind!r}; there are docker, swarm and kubernetes")
