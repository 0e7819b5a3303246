# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What operations on a hub that runs want of its target: the way to its API, its people's servers as the engine has them, a program beside its edge."""

from __future__ import annotations

import datetime
import json
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..core import docker_compose, hub_check, orphans, user_volumes, validation
from ..core.description import Hub, Swarm
from ..core.docker_compose import COMPONENT, LABEL
from ..core.docker_spawner import USER_LABEL
from ..core.orphans import Thing
from .described import cluster_settings_of, engine_of, swarm_of
from .docker import Docker
from .door import Libraries
from .hub_api import Line, NamedLine
from .swarm_nodes import Nodes
from .swarm_running import SwarmRunning
from .user_data import UserData

OPTION: dict[str, t.Any] = {"type": "str", "choices": ["docker_compose", "swarm", "k8s"], "default": "docker_compose"}
"""The option ``target`` of a module."""


class Target(t.Protocol):
    """A hub where it runs."""

    @property
    def entry(self) -> str:
        """The address of the edge, as :meth:`ask` reaches it."""

    def line(self) -> Line:
        """Return the way to the hub's API."""

    def ask(self, program: str, order: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Run a program that reaches the edge, and has what it is asked on its input; return what it answers, or a ``problem``."""

    def forget(self, names: t.Sequence[str]) -> None:
        """Delete the files of people whom nobody but a check has made."""

    def servers(self) -> list[Thing]:
        """Return what there is of servers, whatever the hub knows."""

    def remove(self, servers: t.Sequence[Thing]) -> None:
        """Remove them. Nobody's files are touched."""

    def files(self) -> t.Any:
        """Return what holds people's files, as far as it can be seen, for :meth:`lost`."""

    def lost(self, files: t.Any, people: t.Collection[str]) -> list[str]:
        """Return what of it holds the files of people other than these."""


class OnDocker:
    """A hub of docker compose."""

    def __init__(self, docker: Docker, hub: Hub) -> None:
        self.docker = docker
        self.hub = hub
        self.filters = [f"--filter=label={LABEL}={hub.name}"]
        self.of_servers = [*self.filters, f"--filter=label={COMPONENT}=singleuser"]

    @property
    def entry(self) -> str:
        return hub_check.entry(self.hub)

    def line(self) -> Line:
        return NamedLine(self.docker, self.hub.name)

    def ask(self, program: str, order: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        # In the network of the edge's own container: the networks of a swarm are closed to what is no service.
        edge, hub = (self.docker.running(self.hub.name, component) for component in ("edge", "hub"))
        if not (edge and hub):
            return {"problem": f"the {'hub' if edge else 'edge'} does not run; see: docker ps --all {self.filters[0]}"}
        labels = [f"--label={key}={value}" for key, value in docker_compose.labels(self.hub, "check").items()]
        confined = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=1000:1000", "--tmpfs=/tmp"]
        image = self.docker.text("container", "inspect", "--format", "{{.Image}}", hub).strip()
        command = ["run", "--rm", "--interactive", f"--network=container:{edge}", *confined, *labels, "--entrypoint=python3", image, "-c", program]
        status, out, message = self.docker.call(*command, data=json.dumps(order).encode(), check=False)
        if status:
            return {"problem": f"the program that runs it failed: {message.splitlines()[-1] if message else f'status {status}'}"}
        answer: dict[str, t.Any] = json.loads(out)
        return answer

    def forget(self, names: t.Sequence[str]) -> None:
        data = UserData(self.docker, self.hub.name, self.hub.storage.volume_name_template)
        for volumes in data.volumes(names).values():
            data.delete(volumes)

    def servers(self) -> list[Thing]:
        return [self.of_container(item) for item in self.docker.inspect("container", *self.docker.lines("ps", "--all", "--quiet", *self.of_servers))]

    @staticmethod
    def of_container(item: t.Mapping[str, t.Any]) -> Thing:
        """Return a container as the comparison takes it."""
        name = str(item["Name"]).lstrip("/")
        return Thing(name, frozenset({name, item["Id"]}), item["Config"]["Labels"].get(USER_LABEL, ""), age(item["Created"]), item["State"]["Status"])

    def remove(self, servers: t.Sequence[Thing]) -> None:
        if servers:
            self.docker.call("rm", "--force", *(server.name for server in servers))

    def files(self) -> list[dict[str, t.Any]]:
        return self.docker.inspect("volume", *self.docker.lines("volume", "ls", "--quiet", *self.filters))

    def lost(self, files: t.Any, people: t.Collection[str]) -> list[str]:
        return orphans.volumes(files, self.hub.name, self.hub.storage.volume_name_template, people)


class OnSwarm(OnDocker):
    """A hub of a swarm, whose manager is spoken to: servers are services, and volumes are known to their own node alone."""

    def __init__(self, docker: Docker, hub: Hub, settings: Swarm) -> None:
        super().__init__(docker, hub)
        self.running = SwarmRunning(docker, hub, settings)
        self.seconds = settings.wait_timeout

    def forget(self, names: t.Sequence[str]) -> None:
        if self.hub.storage.type == "volume":
            nodes = Nodes(self.running, time.monotonic() + self.seconds)
            template = self.hub.storage.volume_name_template
            nodes.delete_volumes(nodes.image(), [user_volumes.first_of(template, self.hub.name, name) for name in names])

    def servers(self) -> list[Thing]:
        services = self.docker.inspect("service", *self.docker.lines("service", "ls", "--quiet", *self.of_servers))
        tasks = self.running.tasks_of(*(item["ID"] for item in services))
        return [self.of_service(item, [task for task in tasks if task["ServiceID"] == item["ID"]]) for item in services]

    @staticmethod
    def of_service(item: t.Mapping[str, t.Any], tasks: t.Sequence[t.Mapping[str, t.Any]]) -> Thing:
        """Return a service as the comparison takes it; ``tasks`` are its own, the newest first."""
        name, state = str(item["Spec"]["Name"]), str(tasks[0]["Status"]["State"]) if tasks else "without a task"
        return Thing(name, frozenset({name, item["ID"]}), (item["Spec"].get("Labels") or {}).get(USER_LABEL, ""), age(item["CreatedAt"]), state)

    def remove(self, servers: t.Sequence[Thing]) -> None:
        tasks = self.running.tasks_of(*(server.name for server in servers))
        self.running.drop(server.name for server in servers)
        Nodes(self.running, time.monotonic() + self.seconds).wait_for_tasks([task["ID"] for task in tasks])


def age(created: str) -> float:
    """Return the seconds since an engine's or a cluster's time."""
    # Nanoseconds and the letter Z are more than Python 3.10 reads.
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(f"{created[:19]}+00:00")).total_seconds()


def target_of(module: AnsibleModule, hub: Hub) -> Target:
    """Return where the hub of the options ``description`` and ``target`` runs."""
    validation.check_name(hub)
    if module.params["target"] == "k8s":
        # The library of clusters takes as long to import as all the rest does.
        from .cluster import Cluster
        from .k8s_target import OnCluster

        cluster = cluster_settings_of(module)
        return OnCluster(Cluster(cluster), hub, cluster)
    if module.params["target"] == "swarm":
        docker, swarm = swarm_of(module)
        return OnSwarm(docker, hub, swarm)
    return OnDocker(engine_of(module)[0], hub)


def libraries_of(module: AnsibleModule) -> Libraries:
    """Return what the option ``target`` needs besides Python."""
    if module.params["target"] != "k8s":
        return {}
    from .cluster import LIBRARIES

    return LIBRARIES
