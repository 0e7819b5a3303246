# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of a cluster as its API shows them: where each kind is, what differs, what must go, what is wrong with a rollout."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from .k8s_names import managed

Object = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of object: its group and version, and its name in addresses."""

    version: str
    plural: str

    @property
    def root(self) -> str:
        return f"/{'apis' if '/' in self.version else 'api'}/{self.version}"

    @property
    def group(self) -> str:
        return self.version.rpartition("/")[0]

    @property
    def resource(self) -> str:
        """Return the name as people and error messages have it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


KINDS = {
    "Ingress": Kind("networking.k8s.io/v1", "ingresses"),
    "HTTPRoute": Kind("gateway.networking.k8s.io/v1", "httproutes"),
    "Certificate": Kind("cert-manager.io/v1", "certificates"),
    "PodDisruptionBudget": Kind("policy/v1", "poddisruptionbudgets"),
    "DaemonSet": Kind("apps/v1", "daemonsets"),
    "Deployment": Kind("apps/v1", "deployments"),
    "NetworkPolicy": Kind("networking.k8s.io/v1", "networkpolicies"),
    "Service": Kind("v1", "services"),
    "ConfigMap": Kind("v1", "configmaps"),
    "Secret": Kind("v1", "secrets"),
    "RoleBinding": Kind("rbac.authorization.k8s.io/v1", "rolebindings"),
    "Role": Kind("rbac.authorization.k8s.io/v1", "roles"),
    "ServiceAccount": Kind("v1", "serviceaccounts"),
    "PersistentVolumeClaim": Kind("v1", "persistentvolumeclaims"),
}
"""What the collection makes, in the order in which it goes when it goes."""

PODS = Kind("v1", "pods")
KEPT = ("PersistentVolumeClaim",)
"""Kinds that hold what people made; pruning never touches them."""

OURS = ("metadata", "spec", "data", "rules", "roleRef", "subjects", "type", "automountServiceAccountToken")
UNSAID = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")
"""What the API server writes into metadata by itself."""

BROKEN = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)
"""Reasons why a container waits that do not go away by waiting."""

RESTARTS = 2


def path(kind: Kind, namespace: str, name: str = "") -> str:
    """Return the address of a kind in a namespace, or of one object."""
    return f"{kind.root}/namespaces/{namespace}/{kind.plural}{f'/{name}' if name else ''}"


def path_of(item: Object) -> str:
    """Return the address of an object."""
    return path(KINDS[item["kind"]], item["metadata"]["namespace"], item["metadata"]["name"])


def title(item: Object) -> str:
    """Return an object as people name it."""
    return f"{item['kind']} {item['metadata']['name']}"


def said(item: Object) -> dict[str, t.Any]:
    """Return what of an object somebody has said, without what the server notes."""
    found = {key: item[key] for key in OURS if key in item}
    found["metadata"] = {key: value for key, value in found["metadata"].items() if key not in UNSAID}
    return found


def differs(live: Object | None, applied: Object) -> bool:
    """Whether applying changes anything; ``applied`` is what the server would make of it."""
    return live is None or said(live) != said(applied)


def shown(item: Object | None) -> str:
    """Return what somebody has said of an object as text, for people to compare."""
    return json.dumps(said(item), indent=2, sort_keys=True, ensure_ascii=False).replace("\\n", "\n") + "\n" if item else ""


def reference(item: Object) -> dict[str, t.Any]:
    """Return as much of an object as names it."""
    metadata = item["metadata"]
    kind = item["kind"]
    return {"apiVersion": KINDS[kind].version, "kind": kind, "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]}}


def to_prune(found: t.Iterable[Object], wanted: t.Iterable[Object]) -> list[dict[str, t.Any]]:
    """Return the objects that we made and that the description has no longer. Claims stay, and so does what somebody else made."""
    names = {title(item) for item in wanted}
    return [reference(item) for item in found if managed(item) and item["kind"] not in KEPT and title(item) not in names]


def permissions(kinds: t.Iterable[str]) -> list[tuple[str, str, str]]:
    """Return what a deployer must be allowed in the namespace, as verb, group and resource."""
    found = {(verb, KINDS[kind].group, KINDS[kind].plural) for kind in kinds for verb in ("get", "create", "patch", "list", "delete")}
    # A pod tries the configuration.
    found |= {(verb, "", "pods") for verb in ("get", "list", "create", "delete")}
    found |= {("get", "", "pods/log"), ("create", "", "pods/exec"), ("get", "", "pods/exec"), ("list", "", "events")}
    # Claims are deleted by those who ask for that alone.
    return sorted(found - {("delete", "", "persistentvolumeclaims")})


def rolled_out(deployment: Object) -> bool:
    """Whether all pods of a Deployment are new and ready."""
    wanted, status = deployment["spec"].get("replicas", 1), deployment.get("status") or {}
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return False
    return all(status.get(name, 0) == wanted for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"))


def state(deployment: Object) -> str:
    """Return how a Deployment is, in a word or a few."""
    if rolled_out(deployment):
        return "healthy"
    return f"{(deployment.get('status') or {}).get('readyReplicas', 0)} of {deployment['spec'].get('replicas', 1)} pods ready"


def newest(pods: t.Iterable[Object], replica_sets: t.Iterable[Object]) -> list[Object]:
    """Return the pods of the newest ReplicaSet: those of an older one may end badly, and nobody cares."""
    sets = sorted(replica_sets, key=lambda item: int((item["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", 0)))
    if not sets:
        return []
    uid = sets[-1]["metadata"]["uid"]
    return [pod for pod in pods if any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences") or [])]


def trouble(pod: Object) -> str:
    """Return why a pod will not become ready by waiting; empty as long as it may."""
    for status in (pod.get("status") or {}).get("containerStatuses") or []:
        waiting = (status.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in BROKEN:
            return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
        if status.get("restartCount", 0) >= RESTARTS and not status.get("ready"):
            ended = (status.get("lastState") or {}).get("terminated") or {}
            return f"it ended {status['restartCount']} times, at last with status {ended.get('exitCode', '?')}"
    return ""


def unscheduled(pod: Object) -> str:
    """Return why no node takes a pod; empty when one did."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return next((str(item.get("message", "")) for item in conditions if item["type"] == "PodScheduled" and item["status"] == "False"), "")


def refused_pods(deployment: Object) -> str:
    """Return why the API server takes no pod of a Deployment (a quota, an admission policy); empty when it does."""
    conditions = (deployment.get("status") or {}).get("conditions") or []
    return next((str(item.get("message", "")) for item in conditions if item["type"] == "ReplicaFailure" and item["status"] == "True"), "")


def story(events: t.Iterable[Object], name: str) -> list[str]:
    """Return the warnings about an object, each once, the oldest first."""
    told = [
        f"{event.get('reason')}: {event.get('message')}" for event in events if event["involvedObject"].get("name") == name and event.get("type") == "Warning"
    ]
    return list(dict.fromkeys(" ".join(text.split()) for text in told))


def addresses(service: Object) -> list[str]:
    """Return the addresses that a load balancer has got."""
    found = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return [str(item.get("hostname") or item.get("ip")) for item in found]
