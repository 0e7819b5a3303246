# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take a hub away from a swarm, by its labels: whatever a run left behind, in whatever state."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import time
import typing as t

from ..core import docker_compose, swarm, validation
from ..core.description import Hub, Swarm
from ..core.docker_compose import COMPONENT, LABEL
from ..core.schema import DescriptionError
from .docker import Docker
from .removal import KEPT
from .swarm_running import SwarmRunning

OURS = (*swarm.SERVICES, "stack.yaml", "hub.json", "authority.pem", "secrets", "state", "build")
"""What deployments put into the project directory; what else is there is somebody else's."""

SOCKET = "/var/run/docker.sock"
VOLUMES = """
import http.client, json, socket, sys, urllib.parse
class Engine(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")
def ask(method, path):
    engine = Engine("engine")
    engine.request(method, path)
    answer = engine.getresponse()
    return answer.status, answer.read()
filters = urllib.parse.quote(json.dumps({"label": [sys.argv[1]]}))
for volume in json.loads(ask("GET", "/volumes?filters=" + filters)[1])["Volumes"] or []:
    status, said = ask("DELETE", "/volumes/" + volume["Name"])
    if status not in (204, 404):
        sys.exit(said.decode())
"""
"""Run on each node by a removal with its data: volumes are known to their own node alone."""


class SwarmRemoval:
    """Everything of one hub that is on a swarm and on the host."""

    def __init__(self, docker: Docker, hub: Hub, settings: Swarm) -> None:
        self.docker = docker
        self.hub = hub
        self.running = SwarmRunning(docker, hub, settings)
        self.deadline = time.monotonic() + settings.wait_timeout
        self.project_dir = pathlib.Path(validation.project_dir(hub, settings))
        self.filter = f"label={LABEL}={hub.name}"

    def plan(self) -> tuple[dict[str, list[str]], list[str]]:
        """Return what is to go, by kind, and what stays. Volumes are those of this node; what other nodes keep is said by their number alone."""
        info = self.docker.text("info", "--format", "{{.Swarm.ControlAvailable}}").strip()
        on_swarm = {"service": "{{.Name}}", "network": "{{.Name}}", "config": "{{.Name}}", "secret": "{{.Name}}"} if info == "true" else {}
        removed = {kind: sorted(self.docker.lines(kind, "ls", "--filter", self.filter, "--format", form)) for kind, form in on_swarm.items()}
        removed["container"] = sorted(
            name
            for component in ("delivery", "certbot")
            for name in self.docker.lines("ps", "--all", "--filter", self.filter, "--filter", f"label={COMPONENT}={component}", "--format", "{{.Names}}")
        )
        volumes = self.docker.inspect("volume", *self.docker.lines("volume", "ls", "--quiet", "--filter", self.filter))
        data = sorted(volume["Name"] for volume in volumes if (volume["Labels"] or {}).get(COMPONENT) in KEPT)
        removed["volume"] = sorted(volume["Name"] for volume in volumes if volume["Name"] not in data)
        present = sorted(str(path) for name in OURS if (path := self.project_dir / name).exists())
        secrets = str(self.project_dir / "secrets")
        kept: list[str] = []
        if self.hub.remove_data:
            removed["volume"] += data
        else:
            kept += data + [path for path in present if path == secrets]
        removed["file"] = [path for path in present if path not in kept]
        return removed, kept

    def remove(self, removed: dict[str, list[str]]) -> None:
        """Remove it. The firewall's rules go last but one: as long as a server runs, they hold."""
        firewall = self.docker.inspect("service", f"{self.hub.name}_firewall")
        services = removed.get("service", [])
        tasks = self.running.tasks_of(*services)
        if services:
            self.docker.call("service", "rm", *services)
        self.wait_for_tasks([task["ID"] for task in tasks])
        if firewall:
            self.take_rules_away(firewall[0]["Spec"]["TaskTemplate"]["ContainerSpec"])
        if self.hub.remove_data:
            self.delete_volumes(self.image_of(firewall))
        if removed["container"]:
            self.docker.call("rm", "--force", *removed["container"])
        for network in removed.get("network", []):
            self.remove_network(network)
        for kind in ("config", "secret"):
            if removed.get(kind):
                self.docker.call(kind, "rm", *removed[kind])
        present = [volume["Name"] for volume in self.docker.inspect("volume", *removed["volume"])]
        if present:
            self.docker.call("volume", "rm", *present)
        self.remove_files(removed["file"])

    def wait_for_tasks(self, ids: t.Sequence[str]) -> None:
        """Return when the tasks of removed services have ended: until then networks and volumes are in use."""
        while ids:
            found = self.docker.call("inspect", "--type", "task", "--format", "{{.ID}} {{.Status.State}}", *ids, check=False)[1].decode()
            states = dict(line.split() for line in found.splitlines() if line)
            ids = [name for name in ids if states.get(name) in ("running", "starting", "preparing", "ready", "accepted", "assigned", "pending", "new")]
            if ids and time.monotonic() > self.deadline:
                raise DescriptionError(f"{len(ids)} tasks of {self.hub.name} do not end; see: docker inspect --type task {ids[0]}; then run again")
            time.sleep(0.3 if ids else 0)

    def image_of(self, firewall: t.Sequence[dict[str, t.Any]]) -> str:
        """Return an image of the hub's that has Python: the one that ran, or one that is left here."""
        if firewall:
            return str(firewall[0]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])
        left = self.docker.inspect("image", *self.docker.lines("image", "ls", "--quiet", "--no-trunc", "--filter", "label=vdsg.jupyterhub.image=true"))
        names = [name for image in left for name in (*(image.get("RepoDigests") or []), *(image.get("RepoTags") or [])) if "/hub" in name]
        return next(iter(names), "")

    def take_rules_away(self, container: dict[str, t.Any]) -> None:
        """Have each node take away the rules that the firewall left."""
        options = [part for item in container.get("Configs") or [] for part in ("--config", f"source={item['ConfigName']},target={item['File']['Name']}")]
        options += [part for name in ("NET_ADMIN", "NET_RAW", "SYS_ADMIN") for part in ("--cap-add", name)]
        options += ["--mount", "type=bind,source=/proc/1/ns/net,target=/run/host-net,readonly"]
        self.on_each_node("rules", options, ["--entrypoint", " ".join(swarm.NODE_FIREWALL), str(container["Image"]), "remove"])

    def delete_volumes(self, image: str) -> None:
        """Have each node delete its volumes of this hub; the engine of a node is the only one that knows them."""
        if image:
            options = ["--cap-add", "DAC_OVERRIDE", "--mount", f"type=bind,source={SOCKET},target={SOCKET}"]
            self.on_each_node("volumes", options, ["--entrypoint", "python3", image, "-c", VOLUMES, f"{LABEL}={self.hub.name}"])

    def on_each_node(self, what: str, options: t.Sequence[str], command: t.Sequence[str]) -> None:
        """Run a job once on each node, as root with the capabilities that are named."""
        name = f"{self.hub.name}-cleanup-{what}"
        common = ["--detach", "--quiet", "--no-resolve-image", "--mode", "global-job", "--restart-condition", "none", "--user", "0", "--cap-drop", "ALL"]
        labels = [part for key, value in docker_compose.labels(self.hub, "cleanup").items() for part in ("--label", f"{key}={value}")]
        auth = ["--with-registry-auth"] if self.hub.images.registry.url else []
        self.running.drop([name])
        self.docker.call("service", "create", *common, *auth, *labels, *options, "--name", name, *command)
        tasks: list[dict[str, t.Any]] = []
        try:
            self.running.finish({name: f"the removal of {what}"}, self.deadline)
            tasks = self.running.tasks_of(name)
        finally:
            self.running.drop([name])
        self.wait_for_tasks([task["ID"] for task in tasks])

    def remove_network(self, network: str) -> None:
        """Remove a network; the engine may take a moment to see that nobody is on it any more."""
        while True:
            status, _out, message = self.docker.call("network", "rm", network, check=False)
            if not status or "not found" in message:
                return
            if time.monotonic() > self.deadline:
                raise DescriptionError(f"the network {network} cannot be removed: {message}; take off what is on it, and run again")
            time.sleep(0.5)

    def remove_files(self, paths: t.Iterable[str]) -> None:
        for path in paths:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        with contextlib.suppress(OSError):
            self.project_dir.rmdir()
