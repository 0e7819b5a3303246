# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be true of a cluster before anything is touched; each thing that is not is one sentence."""

from __future__ import annotations

import typing as t

from ..core import k8s, k8s_nodes, k8s_objects, k8s_storage
from ..core.description import Hub, K8s
from ..core.k8s_names import namespace
from ..core.k8s_objects import KINDS, Kind, Object
from ..core.report import shorten
from ..core.schema import DescriptionError
from .cluster import ApiRefused, Cluster, at_once, number

ENFORCED = "pod-security.kubernetes.io/enforce"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
QUOTAS, LIMIT_RANGES = Kind("v1", "resourcequotas"), Kind("v1", "limitranges")
GATEWAYS = Kind("gateway.networking.k8s.io/v1", "gateways")
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


class Preflight:
    """``unchecked`` are sentences about what we may not see."""

    def __init__(self, cluster: Cluster, hub: Hub, settings: K8s) -> None:
        self.cluster = cluster
        self.hub = hub
        self.settings = settings
        self.namespace = namespace(hub, settings)
        self.unchecked: list[str] = []
        self.enforced: str | None = "restricted"

    def look(self) -> tuple[str, bool]:
        """Return the cluster's version and whether the namespace is there."""
        version = str(self.cluster.ask("to say its version", "GET", "/version")["gitVersion"]).lstrip("v")
        try:
            found = self.cluster.find(f"/api/v1/namespaces/{self.namespace}")
        except ApiRefused as exc:
            if exc.status != 403:
                raise
            self.unchecked.append(f"not checked, since you may not see it: whether the namespace {self.namespace} exists")
            self.enforced = None
            return version, True
        if found is None and not self.settings.create_namespace:
            raise DescriptionError(f"k8s_namespace {self.namespace} does not exist; make it, or set k8s_create_namespace to true")
        if found is None and not self.cluster.allowed("create", "", "namespaces", ""):
            raise DescriptionError(f"you may not create namespaces in the cluster {self.cluster.name}; have {self.namespace} made by somebody who may")
        if found and (found.get("status") or {}).get("phase") == "Terminating":
            raise DescriptionError(f"k8s_namespace {self.namespace} is being deleted; run again when it is gone")
        if found:
            self.enforced = (found["metadata"].get("labels") or {}).get(ENFORCED, "")
        return version, found is not None

    def check(self, manifests: t.Sequence[Object], exists: bool) -> None:
        """Raise for what would fail half-way."""
        self.check_permissions({item["kind"] for item in manifests})
        self.check_file_servers()
        if self.hub.tls.mode == "cert_manager" and self.cluster.find(KINDS["Certificate"].root) is None:
            raise DescriptionError("jupyterhub_tls.mode is cert_manager, but the cluster has no cert-manager (cert-manager.io/v1); install it, or use secret")
        if self.settings.gateway.enabled:
            self.check_gateway()
        if exists:
            self.check_given()
            self.check_quotas(k8s_nodes.containers(manifests))
        if any(item["kind"] == "PersistentVolumeClaim" for item in manifests) or self.claims_for_people():
            self.check_storage_classes()

    def claim_for_folders(self) -> bool:
        return bool(self.hub.storage.shared_folders) and not self.settings.shared_folders.existing_claim

    def claims_for_people(self) -> bool:
        return self.hub.storage.type == "volume" and not self.settings.storage.existing_claim

    def check_permissions(self, kinds: t.Iterable[str]) -> None:
        needed = k8s_objects.permissions(kinds)
        answers = at_once(lambda item: self.cluster.allowed(item[0], item[1], item[2], self.namespace), needed)
        missing = [f"{verb} {resource}{f'.{group}' if group else ''}" for (verb, group, resource), allowed in zip(needed, answers, strict=True) if not allowed]
        if missing:
            advice = "the built-in role admin in that namespace has them all"
            if not self.settings.service_account:
                advice += "; with k8s_service_account, edit is enough"
            raise DescriptionError(f"you may not {shorten(missing)} in the namespace {self.namespace} of the cluster {self.cluster.name}; {advice}")

    def check_file_servers(self) -> None:
        """Raise for a pod that mounts from a file server, where the namespace enforces that none does."""
        for index, volume in enumerate(self.hub.storage.extra_volumes):
            path = f"jupyterhub_storage.extra_volumes[{index}]"
            if volume.type == "nfs" and self.enforced is None:
                self.unchecked.append(f"not checked, since you may not see it: whether the namespace {self.namespace} lets pods mount {volume.source} ({path})")
            elif volume.type == "nfs" and self.enforced == "restricted":
                raise DescriptionError(
                    f"{path}.type is nfs, but the namespace {self.namespace} enforces restricted Pod Security, which forbids it; have a PersistentVolume and a "
                    f"claim made for {volume.source} and name the claim with type volume, or use a namespace that enforces baseline"
                )

    def check_given(self) -> None:
        """What the description says is there must be."""
        wanted = [("k8s_service_account", KINDS["ServiceAccount"], self.settings.service_account)]
        wanted += [("k8s_pods.service_account", KINDS["ServiceAccount"], self.settings.pods.service_account)]
        wanted += [("k8s_storage.existing_claim", KINDS["PersistentVolumeClaim"], self.settings.storage.existing_claim)]
        wanted += [("k8s_shared_folders.existing_claim", KINDS["PersistentVolumeClaim"], self.settings.shared_folders.existing_claim)]
        wanted += [
            (f"jupyterhub_storage.extra_volumes[{index}].source", KINDS["PersistentVolumeClaim"], volume.source)
            for index, volume in enumerate(self.hub.storage.extra_volumes)
            if volume.type == "volume"
        ]
        wanted += [("k8s_image_pull_secrets", KINDS["Secret"], name) for name in self.settings.image_pull_secrets]
        wanted += [("k8s_tls_secret", KINDS["Secret"], self.settings.tls_secret)]
        for variable, kind, name in wanted:
            if name:
                self.check_one(variable, kind, name)

    def check_one(self, variable: str, kind: Kind, name: str) -> None:
        found = self.cluster.find(k8s_objects.path(kind, self.namespace, name))
        if found is None:
            raise DescriptionError(f"{variable} is {name}, but the namespace {self.namespace} has no such object among its {kind.plural}")
        if variable == "k8s_tls_secret" and not set(k8s.TLS_KEYS) <= set(found.get("data") or {}):
            raise DescriptionError(f"k8s_tls_secret is {name}, but that Secret lacks {' or '.join(k8s.TLS_KEYS)}; make it with `kubectl create secret tls`")

    def check_gateway(self) -> None:
        """The Gateway that is to lead here must be there; it may be in a namespace that we may not look into."""
        wanted = self.settings.gateway
        if self.cluster.find(KINDS["HTTPRoute"].root) is None:
            raise DescriptionError("k8s_gateway.enabled is true, but the cluster has no Gateway API (gateway.networking.k8s.io/v1); use k8s_ingress")
        space = wanted.namespace or self.namespace
        try:
            found = self.cluster.find(k8s_objects.path(GATEWAYS, space, wanted.name))
        except ApiRefused as exc:
            if exc.status != 403:
                raise
            self.unchecked.append(f"not checked, since you may not see it: whether the Gateway {wanted.name} exists in the namespace {space}")
            return
        if found is None:
            raise DescriptionError(f"k8s_gateway.name is {wanted.name}, but the namespace {space} has no Gateway of that name")

    def check_quotas(self, containers: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
        """A quota that would take no pod of the hub is told now, and not when the rollout waits for it."""
        ranges = [limit for item in self.cluster.list(LIMIT_RANGES, self.namespace) for limit in item["spec"]["limits"] if limit["type"] == "Container"]
        for quota in self.cluster.list(QUOTAS, self.namespace):
            spec = quota["spec"]
            if spec.get("scopes") or spec.get("scopeSelector"):
                continue
            for called, what in k8s_nodes.COMPUTE.items():
                if called in (spec.get("hard") or {}):
                    self.check_quota(quota["metadata"]["name"], what, spec["hard"][called], containers, ranges)

    def check_quota(self, name: str, what: str, hard: str, containers: t.Mapping[str, t.Mapping[str, t.Any]], ranges: t.Sequence[Object]) -> None:
        kind, _dot, resource = what.partition(".")
        given = any(resource in (limit.get("default" if kind == "limits" else "defaultRequest") or limit.get("default") or {}) for limit in ranges)
        amounts = {component: k8s_nodes.amount(container, what) for component, container in containers.items()}
        silent = [component for component, amount in amounts.items() if not amount]
        if silent and not given:
            raise DescriptionError(
                f"k8s_resources.{silent[0]}.{what} is required: the quota {name} of the namespace {self.namespace} takes no pod that does not say it; "
                "people's servers say it with jupyterhub_spawner.mem_limit, mem_guarantee, cpu_limit and cpu_guarantee"
            )
        if sum(number(amount) for amount in amounts.values() if amount) > number(hard):
            told = ", ".join(f"{component} {amount}" for component, amount in amounts.items() if amount)
            raise DescriptionError(
                f"the quota {name} of the namespace {self.namespace} has {what} {hard}, but k8s_resources asks for more ({told}); take less or have it raised"
            )

    def check_storage_classes(self) -> None:
        try:
            classes = self.cluster.ask("to list storage classes", "GET", CLASSES)["items"]
        except ApiRefused as exc:
            if exc.status != 403:
                raise
            self.unchecked.append("not checked, since you may not see it: whether the storage classes exist")
            return
        names = sorted(item["metadata"]["name"] for item in classes)
        default = any(map(is_default, classes))
        asked = [("k8s_database.class_name", self.settings.database.class_name)] if self.hub.database.type == "sqlite" else []
        asked += [("k8s_storage.class_name", self.settings.storage.class_name)] if self.claims_for_people() else []
        asked += [("k8s_shared_folders.class_name", self.settings.shared_folders.class_name)] if self.claim_for_folders() else []
        for variable, name in asked:
            if name and name not in names:
                raise DescriptionError(f"{variable} is {name}, but the cluster has {', '.join(names) or 'no storage class'}")
            if not name and not default:
                raise DescriptionError(f"{variable} is required, since the cluster has no default storage class; it has {', '.join(names) or 'none at all'}")
        if self.claim_for_folders() and "ReadWriteMany" in self.settings.shared_folders.access_modes:
            self.check_many_nodes(classes)

    def check_many_nodes(self, classes: t.Sequence[Object]) -> None:
        """Raise for shared folders on disks that are in one node at a time; whether any other class can be in many, only its provisioner knows."""
        asked = self.settings.shared_folders.class_name
        for item in classes:
            if (item["metadata"]["name"] == asked if asked else is_default(item)) and k8s_storage.on_one_node(item["provisioner"]):
                raise DescriptionError(
                    f"k8s_shared_folders asks the storage class {item['metadata']['name']} for ReadWriteMany, but {item['provisioner']} makes disks, which are "
                    "in one node at a time; name a class of a file system in class_name or a claim in existing_claim, or set access_modes to [ReadWriteOnce] "
                    "if all servers run on one node"
                )


def is_default(storage_class: Object) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
