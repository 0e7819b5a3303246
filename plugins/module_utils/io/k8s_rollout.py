# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pods of a hub on a cluster: whether they are what they should be, why not, and what the hub in them says."""

from __future__ import annotations

import time
import typing as t

from ..core import k8s_objects, nginx
from ..core.description import Hub, K8s
from ..core.k8s import HEALTH
from ..core.k8s_names import namespace, prefix, selector_text
from ..core.k8s_objects import KINDS, PODS, Kind, Object
from ..core.people import People
from ..core.schema import DescriptionError
from . import care
from .cluster import Cluster, PodLine
from .hub_api import HubApi, Unreachable

EVENTS, REPLICA_SETS = Kind("v1", "events"), Kind("apps/v1", "replicasets")
LOG_LINES = 8
LOOK_AGAIN = "vdsg.jupyterhub.edge"
"""Annotation of the edge's pods: a change of it makes the kubelet look at their files at once, which it else does each minute."""


class Rollout:
    """The hub's Deployments in one namespace."""

    def __init__(self, cluster: Cluster, hub: Hub, settings: K8s) -> None:
        self.cluster = cluster
        self.hub = hub
        self.namespace = namespace(hub, settings)
        self.prefix = prefix(hub, settings)

    def line(self) -> PodLine:
        """Return the way to the hub's API."""
        return PodLine(self.cluster, self.namespace, selector_text(self.hub, component="hub"))

    def deployments(self) -> list[dict[str, t.Any]]:
        return self.cluster.list(KINDS["Deployment"], self.namespace, selector_text(self.hub))

    def pods(self, component: str) -> list[dict[str, t.Any]]:
        """Return the pods of a component that are not on their way out."""
        found = self.cluster.list(PODS, self.namespace, selector_text(self.hub, component=component))
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def states(self) -> dict[str, str]:
        """Return how each component is: healthy, or how many of its pods are ready."""
        return {item["spec"]["selector"]["matchLabels"]["component"]: k8s_objects.state(item) for item in self.deployments()}

    def certificate(self) -> str:
        """Return the certificate that the edge has; empty where no edge of ours runs."""
        pods = self.pods("edge")
        look = ["cat", f"{nginx.FILES}/secrets/tls_certificate"]
        return self.cluster.run(self.namespace, pods[0]["metadata"]["name"], "edge", look) if pods else ""

    def wait(self, names: t.Collection[str], deadline: float) -> None:
        """Return when all pods are new and ready; raise as soon as one never will be, or when it is too late."""
        while True:
            found = {item["metadata"]["name"]: item for item in self.deployments()}
            waiting = [name for name in names if name not in found or not k8s_objects.rolled_out(found[name])]
            if not waiting:
                return
            late = time.monotonic() > deadline
            for name in waiting:
                if name in found:
                    self.judge(found[name], late)
            if late:
                raise DescriptionError(f"the Deployment {waiting[0]} in the namespace {self.namespace} is not ready in time")
            time.sleep(0.3)

    def judge(self, deployment: Object, late: bool) -> None:
        """Raise with what a pod's own events and last lines say, when waiting is no use."""
        name = deployment["metadata"]["name"]
        if why := k8s_objects.refused_pods(deployment):
            raise DescriptionError(f"the cluster takes no pod of the Deployment {name} in the namespace {self.namespace}: {why}")
        component = deployment["spec"]["selector"]["matchLabels"]["component"]
        sets = self.cluster.list(REPLICA_SETS, self.namespace, selector_text(self.hub, component=component))
        for pod in k8s_objects.newest(self.pods(component), sets):
            why = k8s_objects.trouble(pod) or (late and (k8s_objects.unscheduled(pod) or "it is not ready in time")) or ""
            if why:
                raise DescriptionError(self.sentence(name, pod["metadata"]["name"], why))

    def sentence(self, deployment: str, pod: str, why: str) -> str:
        events = k8s_objects.story(self.cluster.list(EVENTS, self.namespace), pod)
        log = self.cluster.logs(self.namespace, pod, LOG_LINES).splitlines()
        text = f"the rollout of the Deployment {deployment} in the namespace {self.namespace} fails, pod {pod}: {why}"
        if events:
            text += f"; events: {' | '.join(events[-4:])}"
        return text + (f"; last lines: {' | '.join(line.strip() for line in log)}" if log else "")

    def edge_has_loaded(self, version: str) -> bool:
        """Whether every edge works with this configuration and certificate."""
        look = ["curl", "--silent", "--insecure", f"https://127.0.0.1:{nginx.HTTPS_PORT}{HEALTH}"]
        return all(self.cluster.run(self.namespace, pod["metadata"]["name"], "edge", look) == version for pod in self.pods("edge"))

    def reload_edge(self, version: str, deadline: float) -> None:
        """Have the edge's pods see new files now; the edge loads them by itself."""
        for pod in self.pods("edge"):
            path = k8s_objects.path(PODS, self.namespace, pod["metadata"]["name"])
            body = {"metadata": {"annotations": {LOOK_AGAIN: version}}}
            self.cluster.ask("to annotate the edge's pod", "PATCH", path, body, "application/merge-patch+json")
        while not self.edge_has_loaded(version):
            if time.monotonic() > deadline:
                raise DescriptionError(f"the edge does not load its new configuration; see: kubectl -n {self.namespace} logs deployment/{self.prefix}edge")
            time.sleep(0.5)

    def look_after(self, wanted: People, deadline: float, dry_run: bool) -> dict[str, t.Any]:
        """Have the hub take up its people and repair its routes, or say what that would be."""
        with HubApi(self.line()) as hub:
            return care.look_after(hub, wanted, deadline, dry_run)

    def settled(self, names: t.Collection[str], version: str) -> bool:
        """Whether all pods are what they should be; a look, without waiting."""
        found = {item["metadata"]["name"]: item for item in self.deployments()}
        if any(name not in found or not k8s_objects.rolled_out(found[name]) for name in names):
            return False
        try:
            return not version or self.edge_has_loaded(version)
        except Unreachable:
            return False
