# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hub that runs on a swarm: whether its services are what they should be, what their tasks say, and what it takes to bring them there."""

from __future__ import annotations

import json
import os
import time
import typing as t

from ..core import docker_compose, swarm
from ..core.description import Hub, Swarm
from ..core.docker_compose import COMPONENT, DIGEST_LABEL, LABEL
from ..core.schema import DescriptionError
from ..core.swarm import SERVICES
from .docker import Docker
from .running import Running

Object = dict[str, t.Any]
FAILED = ("failed", "rejected", "orphaned")
SERVICE_LABEL = "com.docker.swarm.service.name"
"""Label of a container that the engine of a swarm made for a task."""

TRIES = 4
"""Tasks of a service that may fail before it is given up: one may meet an old one that has not let go of its port."""


def is_on_swarm(docker: Docker, name: str) -> bool:
    """Whether a hub that runs is a service of a swarm: its container says so."""
    container = docker.running(name, "hub")
    return any(SERVICE_LABEL in item["Config"]["Labels"] for item in docker.inspect("container", *([container] if container else [])))


class SwarmRunning(Running):
    """The services of one hub, looked at once by :meth:`look`."""

    def __init__(self, docker: Docker, hub: Hub, settings: Swarm) -> None:
        super().__init__(docker, hub.name)
        self.hub = hub
        self.settings = settings
        self.services: dict[str, Object] = {}
        self.tasks: dict[str, list[Object]] = {}
        self.able = 0

    def look(self) -> None:
        """Look at services, tasks, and the containers that are on the node that is spoken to."""
        found = {item["Spec"]["Name"]: item for item in self.docker.inspect("service", *(f"{self.name}_{service}" for service in SERVICES))}
        self.services = {service: found[f"{self.name}_{service}"] for service in SERVICES if f"{self.name}_{service}" in found}
        tasks = self.tasks_of(*(item["Spec"]["Name"] for item in self.services.values()))
        self.tasks = {service: [task for task in tasks if task["ServiceID"] == item["ID"]] for service, item in self.services.items()}
        nodes = self.docker.text("node", "ls", "--format", "{{.Status}} {{.Availability}}").splitlines()
        self.able = nodes.count("Ready Active")
        ids = {service: task["Status"]["ContainerStatus"]["ContainerID"] for service in SERVICES if service != "firewall" for task in self.current(service)}
        containers = {item["Id"]: item for item in self.docker.inspect("container", *ids.values())}
        self.containers = {service: containers[name] for service, name in ids.items() if name in containers}

    def container(self, service: str) -> str:
        if service not in self.containers:
            raise DescriptionError(f"the service {self.name}_{service} has no container on this node; see: docker service ps --no-trunc {self.name}_{service}")
        return str(self.containers[service]["Id"])

    def tasks_of(self, *services: str) -> list[Object]:
        """Return the tasks of services, the newest first."""
        ids = self.docker.lines("service", "ps", "--quiet", "--no-trunc", *services) if services else []
        found = json.loads(self.docker.call("inspect", "--type", "task", *ids, check=False)[1] or b"[]") if ids else []
        return sorted(found, key=lambda task: str(task["CreatedAt"]), reverse=True)

    def current(self, service: str) -> list[Object]:
        """Return the tasks that run as the service is now described; the engine runs a task when it is healthy."""
        return [task for task in self.fresh(service) if task["Status"]["State"] == "running" and self.is_current(service, task)]

    def is_current(self, service: str, task: Object) -> bool:
        """Whether a task is as its service is described now."""
        return bool(digest(task["Spec"]) == digest(self.services[service]["Spec"]["TaskTemplate"]))

    def fresh(self, service: str) -> list[Object]:
        return [task for task in self.tasks.get(service, []) if task["DesiredState"] == "running"]

    def state(self, service: str) -> str:
        """Return healthy, or what a service lacks."""
        if service not in self.services:
            return "missing"
        wanted = self.able if "Global" in self.services[service]["Spec"]["Mode"] else 1
        running = len(self.current(service))
        if running < wanted:
            return f"{running} of {wanted} tasks"
        return "healthy" if running == len(self.fresh(service)) else "being replaced"

    def states(self) -> dict[str, str]:
        return {service: self.state(service) for service in SERVICES}

    def behind(self, digests: t.Mapping[str, str]) -> dict[str, str]:
        """Return the services that there is something to do for, and why."""
        found = {}
        for service in SERVICES:
            state = self.state(service)
            if state == "missing":
                found[service] = "new"
            elif self.services[service]["Spec"]["Labels"].get(DIGEST_LABEL) != digests[service]:
                found[service] = "changed"
            elif state != "healthy":
                found[service] = state
        return found

    def wait(self, deadline: float) -> None:
        """Return when all services run as described; raise DescriptionError with what the engine says of the first one that does not."""
        while True:
            self.look()
            states = self.states()
            waiting = [service for service in SERVICES if states[service] != "healthy"]
            if not waiting:
                return
            for service in waiting:
                failed = [task for task in self.tasks.get(service, []) if task["Status"]["State"] in FAILED and self.is_current(service, task)]
                if len(failed) >= TRIES * max(1, self.able if service == "firewall" else 1) or time.monotonic() > deadline:
                    raise DescriptionError(self.complaint(service, states[service], failed))
            time.sleep(0.4)

    def complaint(self, service: str, state: str, failed: t.Sequence[Object]) -> str:
        name = f"{self.name}_{service}"
        open_ones = [task for task in self.tasks.get(service, []) if task["Status"]["State"] not in ("running", "shutdown", "complete")]
        reasons = [str(task["Status"].get("Err") or task["Status"].get("Message") or "") for task in [*failed, *open_ones]]
        reason = next((item for item in reasons if item), state)
        # Of a task that ended by itself the engine has no more to say than how; what it printed is on its node.
        return f"the service {name} does not run ({state}): {reason}; see: docker service ps --no-trunc {name}, and docker service logs {name}"

    def deploy(self, project_dir: str, with_registry_auth: bool) -> None:
        """Give the stack to the swarm, as one would by hand."""
        options = ["--prune", "--resolve-image", "never", *(["--with-registry-auth"] if with_registry_auth else [])]
        self.docker.call("stack", "deploy", *options, "--compose-file", os.path.join(project_dir, "stack.yaml"), self.name)

    def pull(self, images: t.Iterable[str], deadline: float, with_registry_auth: bool) -> None:
        """Have each node that may get a server pull its image, so that the first start does not wait for that."""
        jobs = {f"{self.name}-pull-{docker_compose.short_digest(image)}": image for image in images}
        constraints = [part for item in self.settings.server_constraints for part in ("--constraint", item)]
        labels = [part for key, value in docker_compose.labels(self.hub, "pull").items() for part in ("--label", f"{key}={value}")]
        auth = ["--with-registry-auth"] if with_registry_auth else []
        self.drop(jobs)
        try:
            for name, image in jobs.items():
                command = ["--detach", "--quiet", "--no-resolve-image", "--mode", "global-job", "--restart-condition", "none", "--cap-drop", "ALL"]
                self.docker.call("service", "create", *command, *auth, *labels, *constraints, "--name", name, "--entrypoint", "true", image)
            self.finish(jobs, deadline)
        finally:
            self.drop(jobs)

    def finish(self, jobs: t.Mapping[str, str], deadline: float) -> None:
        """Wait until each job has ended well on every node; ``jobs`` are names and what they are about."""
        while True:
            tasks = self.tasks_of(*jobs)
            bad = next((task for task in tasks if task["Status"]["State"] in FAILED), None)
            if bad:
                node = self.docker.inspect("node", bad.get("NodeID", ""))
                where = node[0]["Description"]["Hostname"] if node else "a node"
                image = bad["Spec"]["ContainerSpec"]["Image"]
                raise DescriptionError(
                    f"{where} cannot run {image}: {bad['Status'].get('Err') or bad['Status'].get('Message')}; "
                    "correct the name, or set swarm_push_to and jupyterhub_images.registry"
                )
            # A job that no node may get has no tasks, and nothing to wait for.
            if tasks and all(task["Status"]["State"] == "complete" for task in tasks):
                return
            if time.monotonic() > deadline:
                raise DescriptionError(f"the nodes of the swarm do not finish in time: {', '.join(jobs.values())}; see: docker service ps {' '.join(jobs)}")
            time.sleep(0.4)

    def drop(self, names: t.Iterable[str]) -> None:
        """Remove services that are there."""
        for service in self.docker.inspect("service", *names):
            self.docker.call("service", "rm", service["ID"], check=False)

    def stale(self, names: t.Container[str]) -> dict[str, list[str]]:
        """Return the configs and secrets of this hub that no service uses any more; servers that run keep the files that they started with."""
        found = {kind: sorted(name for name in self.owned(kind) if name not in names) for kind in ("config", "secret")}
        if not any(found.values()):
            return found
        used: set[str] = set()
        servers = self.docker.lines("service", "ls", "--quiet", "--filter", f"label={COMPONENT}=singleuser", "--filter", f"label={LABEL}={self.name}")
        for service in self.docker.inspect("service", *servers):
            container = service["Spec"]["TaskTemplate"]["ContainerSpec"]
            used |= {item[f"{kind}Name"] for kind in ("Config", "Secret") for item in container.get(f"{kind}s") or []}
        return {kind: [name for name in old if name not in used] for kind, old in found.items()}

    def owned(self, kind: str) -> list[str]:
        return self.docker.lines(kind, "ls", "--filter", f"label={LABEL}={self.name}", "--format", "{{.Name}}")

    def prune(self, names: t.Container[str]) -> dict[str, list[str]]:
        """Remove them."""
        found = self.stale(names)
        for kind, old in found.items():
            if old:
                self.docker.call(kind, "rm", *old)
        return found

    def make_network(self) -> None:
        """Make the bridge of each node that user servers leave by; a stack cannot make one of the scope swarm."""
        labels = [part for key, value in docker_compose.labels(self.hub, "network").items() for part in ("--label", f"{key}={value}")]
        self.docker.call("network", "create", "--driver", "bridge", "--scope", "swarm", *labels, swarm.egress_network(self.hub))

    def has_network(self) -> bool:
        return swarm.egress_network(self.hub) in self.docker.lines("network", "ls", "--format", "{{.Name}}")


def digest(template: t.Mapping[str, t.Any]) -> str:
    """Return the digest that the container of a task has; two specifications are not equal as the command line shows them."""
    return str((template["ContainerSpec"].get("Labels") or {}).get(DIGEST_LABEL, ""))
