# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done on each node of a swarm: the engine of a node is the only one that knows its volumes and its packet filter."""

from __future__ import annotations

import json
import time
import typing as t

from ..core import docker_compose
from ..core.docker_compose import LABEL
from ..core.schema import DescriptionError
from .swarm_running import SwarmRunning

SOCKET = "/var/run/docker.sock"
ALIVE = ("running", "starting", "preparing", "ready", "accepted", "assigned", "pending", "new")

VOLUMES = """
import http.client, json, socket, sys, time, urllib.parse
class Engine(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")
def ask(method, path):
    engine = Engine("engine")
    engine.request(method, path)
    answer = engine.getresponse()
    return answer.status, answer.read()
label, names = sys.argv[1], json.loads(sys.argv[2])
filters = urllib.parse.quote(json.dumps({"label": [label]}))
present = [volume["Name"] for volume in json.loads(ask("GET", "/volumes?filters=" + filters)[1])["Volumes"] or []]
deadline = time.monotonic() + 60
for name in present if names is None else [name for name in present if name in names]:
    status, said = ask("DELETE", "/volumes/" + name)
    while status == 409 and time.monotonic() < deadline:
        time.sleep(0.5)
        status, said = ask("DELETE", "/volumes/" + name)
    if status not in (204, 404):
        sys.exit(said.decode())
"""
"""Run on each node to delete volumes there. One may be in use for a moment after its server has stopped."""


class Nodes:
    """The nodes of the swarm that a hub is on. What is asked of them must be done at ``deadline``."""

    def __init__(self, running: SwarmRunning, deadline: float) -> None:
        self.running = running
        self.hub = running.hub
        self.docker = running.docker
        self.deadline = deadline

    def wait_for_tasks(self, ids: t.Sequence[str]) -> None:
        """Return when the tasks of removed services have ended: until then networks and volumes are in use."""
        while ids:
            found = self.docker.call("inspect", "--type", "task", "--format", "{{.ID}} {{.Status.State}}", *ids, check=False)[1].decode()
            states = dict(line.split() for line in found.splitlines() if line)
            ids = [name for name in ids if states.get(name) in ALIVE]
            if ids and time.monotonic() > self.deadline:
                raise DescriptionError(f"{len(ids)} tasks of {self.hub.name} do not end; see: docker inspect --type task {ids[0]}; then run again")
            time.sleep(0.3 if ids else 0)

    def image(self) -> str:
        """Return an image of the hub's that has Python and is on each node: the one that runs or ran, or one that is left here; empty where there is none."""
        if firewall := self.docker.inspect("service", f"{self.hub.name}_firewall"):
            return str(firewall[0]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])
        left = self.docker.inspect("image", *self.docker.lines("image", "ls", "--quiet", "--no-trunc", "--filter", "label=vdsg.jupyterhub.image=true"))
        names = [name for image in left for name in (*(image.get("RepoDigests") or []), *(image.get("RepoTags") or [])) if "/hub" in name]
        return next(iter(names), "")

    def delete_volumes(self, image: str, names: t.Collection[str] | None) -> None:
        """Have each node delete those of its volumes that have these names and this hub's label; ``None`` are all of them, no name is none."""
        if image and (names is None or names):
            options = ["--cap-add", "DAC_OVERRIDE", "--mount", f"type=bind,source={SOCKET},target={SOCKET}"]
            which = json.dumps(None if names is None else sorted(names))
            self.run("volumes", options, ["--entrypoint", "python3", image, "-c", VOLUMES, f"{LABEL}={self.hub.name}", which])

    def run(self, what: str, options: t.Sequence[str], command: t.Sequence[str]) -> None:
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
