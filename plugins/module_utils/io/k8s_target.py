# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hub on a cluster as operations see it: servers are pods, people's files are claims, and what is asked of the edge is asked from the hub's pod."""

from __future__ import annotations

import json
import time
import typing as t

from ..core import k8s, k8s_objects, orphans
from ..core.description import Hub, K8s
from ..core.k8s_names import namespace, selector_text
from ..core.k8s_objects import KINDS, PODS
from ..core.k8s_policies import SINGLEUSER
from ..core.orphans import Thing
from ..core.schema import DescriptionError
from .cluster import Cluster, at_once
from .hub_api import Line
from .k8s_rollout import Rollout
from .target import age

CLAIM, STORAGE = KINDS["PersistentVolumeClaim"], "singleuser-storage"
"""KubeSpawner's label of the component of people's claims."""

USER = "hub.jupyter.org/username"
BESIDE = """
import io, json, sys
program, order = json.loads(sys.stdin.readline())
sys.stdin = io.StringIO(order)
exec(compile(program, "program", "exec"), {"__name__": "__main__"})
"""
"""Runs a program that reads its input to the end, which a pod cannot be told of, and which is too long for an address."""


class OnCluster:
    """A hub in a namespace."""

    def __init__(self, cluster: Cluster, hub: Hub, settings: K8s) -> None:
        self.cluster = cluster
        self.hub = hub
        self.settings = settings
        self.namespace = namespace(hub, settings)
        self.rollout = Rollout(cluster, hub, settings)

    @property
    def entry(self) -> str:
        return k8s.entry(self.hub, self.settings)

    def line(self) -> Line:
        return self.rollout.line()

    def ask(self, program: str, order: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        pod = self.rollout.line().pod()
        given = json.dumps([program, json.dumps(order)]) + "\n"
        said = self.cluster.run(self.namespace, pod, "hub", ["python3", "-c", BESIDE], order["seconds"] + 30, given)
        try:
            answer: dict[str, t.Any] = json.loads(said)
        except ValueError:
            return {"problem": f"the program that runs it failed in the hub's pod {pod}{f': {said.splitlines()[-1]}' if said else ''}"}
        return answer

    def files(self) -> dict[str, str]:
        """Return whose each claim of a person is."""
        found = self.cluster.list(CLAIM, self.namespace, selector_text(self.hub, component=STORAGE))
        return {item["metadata"]["name"]: (item["metadata"].get("annotations") or {}).get(USER, "") for item in found}

    def forget(self, names: t.Sequence[str]) -> None:
        mine = {claim for claim, owner in self.files().items() if owner in names}
        self.delete([k8s_objects.path(CLAIM, self.namespace, name) for name in mine])
        self.wait_until_gone(lambda: mine & self.files().keys())

    def servers(self) -> list[Thing]:
        return [self.of_pod(pod) for pod in self.rollout.pods(SINGLEUSER)]

    @staticmethod
    def of_pod(pod: t.Mapping[str, t.Any]) -> Thing:
        """Return a pod as the comparison takes it."""
        metadata = pod["metadata"]
        owner = (metadata.get("annotations") or {}).get(USER, "")
        return Thing(metadata["name"], frozenset({metadata["name"]}), owner, age(metadata["creationTimestamp"]), pod["status"]["phase"].lower())

    def remove(self, servers: t.Sequence[Thing]) -> None:
        names = {server.name for server in servers}
        self.delete([k8s_objects.path(PODS, self.namespace, name) for name in names])
        self.wait_until_gone(lambda: names & {pod["metadata"]["name"] for pod in self.cluster.list(PODS, self.namespace, selector_text(self.hub))})

    def lost(self, files: t.Any, people: t.Collection[str]) -> list[str]:
        return orphans.lost(files, people)

    def delete(self, paths: t.Collection[str]) -> None:
        at_once(self.cluster.delete, paths)

    def wait_until_gone(self, left: t.Callable[[], t.Collection[str]]) -> None:
        deadline = time.monotonic() + self.settings.wait_timeout
        while names := left():
            if time.monotonic() > deadline:
                raise DescriptionError(f"{', '.join(sorted(names))} in the namespace {self.namespace} do not go; is a node down?")
            time.sleep(0.5)
