# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of what only Kubernetes knows, and of what means nothing there."""

from __future__ import annotations

import re
import typing as t

from . import server_checks, validation
from .description import ExtraVolume, Hub, K8s, K8sSharedFolders, Network
from .forms import IMAGE, SIZE, matches
from .k8s_names import prefix
from .schema import DescriptionError, shown

OBJECT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
CLAIM = re.compile(r"([a-z0-9.-]|\{[a-z]+\})+")
SUB_PATH = re.compile(r"(?=.*\{folder\})(?!\.\.?/)([A-Za-z0-9_.-]|\{folder\})+(/(?!\.\.?(/|$))([A-Za-z0-9_.-]|\{folder\})+)*")
LABEL_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MODES = ("ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod")
LARGEST = 1_000_000
"""Bytes that an object of the cluster may have (a ConfigMap 1 MiB, with its keys)."""

OWN_CLAIMS = ("hub-db-dir", "shared")
NODE_PORTS = range(30000, 32768)
COMPONENTS = ("hub", "proxy", "edge", "image-puller")
QUANTITY = re.compile(r"\d+(\.\d+)?(m|[kMGTPE]|[KMGTPE]i)?")
"""An amount as the API takes it (apimachinery's resource.Quantity), without exponents."""


def check(settings: K8s) -> None:
    """Raise DescriptionError for the first thing that cannot be in the settings of the target."""
    if settings.in_cluster and (settings.context or settings.kubeconfig):
        raise DescriptionError("k8s_in_cluster and k8s_context or k8s_kubeconfig are both set; the cluster is named by one of them")
    if not (settings.context or settings.in_cluster or settings.manifests_dir):
        raise DescriptionError(
            "k8s_context is required: the name of a context of the kubeconfig (`kubectl config get-contexts` lists them); the current one is never taken by "
            "accident. Set k8s_in_cluster instead where Ansible runs in a pod of the cluster"
        )
    if settings.namespace:
        matches(NAMESPACE, settings.namespace, "k8s_namespace", "lower-case letters, digits and dashes")
    names = {
        "k8s_service_account": settings.service_account,
        "k8s_tls_secret": settings.tls_secret,
        "k8s_certificate_issuer": settings.certificate_issuer,
        "k8s_ingress.class_name": settings.ingress.class_name,
        "k8s_gateway.name": settings.gateway.name,
        "k8s_gateway.namespace": settings.gateway.namespace,
        "k8s_gateway.section_name": settings.gateway.section_name,
        "k8s_storage.class_name": settings.storage.class_name,
        "k8s_storage.existing_claim": settings.storage.existing_claim,
        "k8s_shared_folders.class_name": settings.shared_folders.class_name,
        "k8s_shared_folders.existing_claim": settings.shared_folders.existing_claim,
        "k8s_database.class_name": settings.database.class_name,
        "k8s_pods.service_account": settings.pods.service_account,
        "k8s_pods.priority_class": settings.pods.priority_class,
        **{f"k8s_image_pull_secrets[{index}]": name for index, name in enumerate(settings.image_pull_secrets)},
    }
    for path, name in names.items():
        if name:
            matches(OBJECT, name, path, "the name of an object: lower-case letters, digits, dashes and dots")
    for path in ("storage", "shared_folders", "database"):
        matches(SIZE, getattr(settings, path).capacity, f"k8s_{path}.capacity", "an amount such as 500M or 10G")
    for path in ("storage", "shared_folders"):
        modes = getattr(settings, path).access_modes
        for mode in modes:
            if mode not in MODES:
                raise DescriptionError(f"k8s_{path}.access_modes has {shown(mode)}, but there are {', '.join(MODES)}")
        if not modes:
            raise DescriptionError(f"k8s_{path}.access_modes is empty, but a claim has one at least")
    matches(SUB_PATH, settings.shared_folders.sub_path, "k8s_shared_folders.sub_path", "a relative path without . and .. that has {folder} in it")
    matches(LABEL_KEY, settings.pods.gpu_resource, "k8s_pods.gpu_resource", "the name of a resource such as nvidia.com/gpu")
    for number, cidr in enumerate(settings.service.load_balancer_source_ranges):
        validation.network(cidr, f"k8s_service.load_balancer_source_ranges[{number}]")
    for path, pairs in {"k8s_storage.labels": settings.storage.labels, "k8s_pods.labels": settings.pods.labels}.items():
        for key in pairs:
            matches(LABEL_KEY, key, path, "a dictionary of labels such as department: physics")
    if settings.pods.uid < 1:
        raise DescriptionError(f"k8s_pods.uid is {settings.pods.uid}, but servers are never root: use 1000, which Jupyter's images have")
    if settings.manifests_dir and not settings.manifests_dir.startswith("/"):
        raise DescriptionError(f"k8s_manifests_dir is {shown(settings.manifests_dir)}, but it must be an absolute path")
    if settings.wait_timeout < 1:
        raise DescriptionError(f"k8s_wait_timeout is {settings.wait_timeout}, but it must be at least 1")
    check_ways_in(settings)
    check_resources(settings)
    for number, image in enumerate(settings.image_puller.images):
        matches(IMAGE, image, f"k8s_image_puller.images[{number}]", "an image reference such as registry.example.org/large:1")


def check_ways_in(settings: K8s) -> None:
    """Raise when people would come in by two ways, or by none that leads anywhere."""
    ways = {"k8s_ingress.enabled": settings.ingress.enabled, "k8s_gateway.enabled": settings.gateway.enabled}
    ways[f"k8s_service.type {settings.service.type}"] = settings.service.type != "ClusterIP"
    if len(both := [name for name, taken in ways.items() if taken]) > 1:
        raise DescriptionError(f"{' and '.join(both)} would both let people in; take one of them away")
    if settings.gateway.enabled and not settings.gateway.name:
        raise DescriptionError("k8s_gateway.name is required: the Gateway that leads to the hub")
    for name in ("name", "namespace", "section_name"):
        if getattr(settings.gateway, name) and not settings.gateway.enabled:
            raise DescriptionError(f"k8s_gateway.{name} means nothing without k8s_gateway.enabled; set that to true, or take it away")


def check_resources(settings: K8s) -> None:
    for component, given in settings.resources.items():
        if component not in COMPONENTS:
            raise DescriptionError(f"k8s_resources has {shown(component)}, but there are {', '.join(COMPONENTS)}")
        for kind, amounts in given.items():
            if kind not in ("requests", "limits"):
                raise DescriptionError(f"k8s_resources.{component} has {shown(kind)}, but there are requests and limits")
            for resource, amount in amounts.items():
                matches(QUANTITY, amount, f"k8s_resources.{component}.{kind}.{resource}", "an amount in Kubernetes' words such as 200m, 0.5 or 512Mi")


def check_hub(hub: Hub, settings: K8s) -> None:
    """Raise DescriptionError for the first thing that a hub on Kubernetes cannot be."""
    if not hub.images.hub:
        raise DescriptionError(
            "jupyterhub_images.hub is required on Kubernetes: a cluster builds no images; build the hub's image with the target docker_compose or from its "
            "Dockerfile, push it to a registry that the cluster reaches, and name it"
        )
    meaningless: dict[str, tuple[t.Any, t.Any, str]] = {
        "jupyterhub_images.source": (hub.images.source, "registry", "the cluster pulls what jupyterhub_images and jupyterhub_spawner.image name"),
        "jupyterhub_images.base": (hub.images.base, "", "a cluster builds no images"),
        "jupyterhub_images.user_pip": (hub.images.user_pip, (), "a cluster builds no images"),
        "jupyterhub_images.user_apt": (hub.images.user_apt, (), "a cluster builds no images"),
        "jupyterhub_images.user_repository": (hub.images.user_repository, "", "a cluster builds no images"),
        "jupyterhub_network.bind_address": (hub.network.bind_address, Network.bind_address, "the hub is where its Service or Ingress is"),
        "jupyterhub_network.users_subnet": (hub.network.users_subnet, "", "the cluster gives servers their addresses"),
        "jupyterhub_tls.subdomains": (hub.tls.subdomains, False, "that is not known there yet"),
        "jupyterhub_spawner.gpus": (hub.spawner.gpus, (), "the nodes say which GPUs they have, and jupyterhub_spawner.gpu how many a server gets"),
        "jupyterhub_database.network": (hub.database.network, "", "a database is found by its host name"),
        "jupyterhub_spawner.pids_limit": (hub.spawner.pids_limit, 1024, "the kubelet's podPidsLimit is what limits processes"),
    }
    for name, (value, default, reason) in meaningless.items():
        if value != default:
            raise DescriptionError(f"{name} is {shown(value)}, which means nothing on Kubernetes: {reason}; take it away")
    check_tls(hub, settings)
    check_ports(hub, settings)
    check_volumes(hub, settings)
    check_servers(hub, settings)
    check_traits(hub)
    if hub.storage.type == "volume":
        matches(CLAIM, hub.storage.volume_name_template, "jupyterhub_storage.volume_name_template", "lower-case letters, digits, dashes and dots on Kubernetes")
    if bool(hub.images.registry.username) != bool(hub.images.registry.url):
        raise DescriptionError("jupyterhub_images.registry needs both url and username")


def check_tls(hub: Hub, settings: K8s) -> None:
    if settings.gateway.enabled and hub.tls.mode not in ("external", "none"):
        raise DescriptionError(
            f"jupyterhub_tls.mode is {hub.tls.mode}, but with k8s_gateway.enabled TLS ends at the Gateway, which has the certificate: use external"
        )
    if hub.tls.mode == "letsencrypt":
        raise DescriptionError("jupyterhub_tls.mode letsencrypt is for one host; on Kubernetes cert-manager gets such certificates: use cert_manager")
    for mode, name, value in (("secret", "k8s_tls_secret", settings.tls_secret), ("cert_manager", "k8s_certificate_issuer", settings.certificate_issuer)):
        if hub.tls.mode == mode and not value:
            raise DescriptionError(f"{name} is required with jupyterhub_tls.mode {mode}")
        if hub.tls.mode != mode and value:
            raise DescriptionError(f"{name} means nothing with jupyterhub_tls.mode {hub.tls.mode}; set the mode to {mode}, or take it away")


def check_ports(hub: Hub, settings: K8s) -> None:
    """The ports that people type are those of the nodes, where there is nothing else in front."""
    if settings.service.type != "NodePort":
        return
    for name in ("http_port", "https_port") if validation.tls_here(hub) else ("http_port",):
        port = getattr(hub.network, name)
        if port not in NODE_PORTS:
            raise DescriptionError(
                f"jupyterhub_network.{name} is {port}, but with k8s_service.type NodePort it is a port of the nodes, from {NODE_PORTS[0]} to {NODE_PORTS[-1]}"
            )


def check_volumes(hub: Hub, settings: K8s) -> None:
    for index, volume in enumerate(hub.storage.extra_volumes):
        check_volume(hub, settings, f"jupyterhub_storage.extra_volumes[{index}]", volume)
    if not hub.storage.shared_folders and settings.shared_folders != K8sSharedFolders():
        raise DescriptionError("k8s_shared_folders means nothing without jupyterhub_storage.shared_folders; name folders there, or take it away")
    places = {path: getattr(settings, path).sub_path.partition("/")[0] for path in ("storage", "shared_folders")}
    claims = {settings.storage.existing_claim, settings.shared_folders.existing_claim}
    if claims != {""} and len(claims) == 1 and ("{" in "".join(places.values()) or len(set(places.values())) == 1):
        raise DescriptionError(
            f"k8s_storage and k8s_shared_folders have the claim {settings.storage.existing_claim} in common, where a person could be called like a folder; "
            "let each sub_path begin with a directory of its own, such as home/{username} and shared/{folder}"
        )


def check_traits(hub: Hub) -> None:
    """Raise for traits of the user's that would take the place of what is mounted, people's own files among it."""
    for cls in ("KubeSpawner", "PodSpawner"):
        for trait in ("volumes", "volume_mounts"):
            if trait in hub.config.get(cls, {}):
                raise DescriptionError(
                    f"jupyterhub_config.{cls}.{trait} would take the place of all that jupyterhub_storage mounts; use jupyterhub_storage.extra_volumes, or "
                    f"add to it in jupyterhub_extra_config: c.KubeSpawner.{trait}.update({{'mine': {{…}}}})"
                )


def check_volume(hub: Hub, settings: K8s, path: str, volume: ExtraVolume) -> None:
    """Raise for what a pod cannot have; whether a namespace lets pods mount from a file server, the namespace says (k8s_preflight.py)."""
    if volume.type == "bind":
        raise DescriptionError(
            f"{path}.type is bind, a directory of a host, which Pod Security forbids on Kubernetes; have a PersistentVolume and a claim made for "
            f"{volume.source}, and name the claim with type volume"
        )
    if volume.type == "nfs" and volume.options:
        raise DescriptionError(
            f"{path}.options is {shown(volume.options)}, but a pod mounts from a file server without options; have a PersistentVolume with these "
            "mountOptions and a claim made, and name the claim with type volume"
        )
    if volume.type == "volume":
        matches(OBJECT, volume.source, f"{path}.source", "the name of a claim on Kubernetes: lower-case letters, digits, dashes and dots")
        if volume.source in (f"{prefix(hub, settings)}{name}" for name in OWN_CLAIMS):
            raise DescriptionError(f"{path}.source is {volume.source}, which is the hub's own claim; use another")


def check_servers(hub: Hub, settings: K8s) -> None:
    """Raise for a resource that two variables count, and for files that no ConfigMap holds."""
    if hub.spawner.gpu is not None and settings.pods.gpu_resource in settings.pods.extra_resource_limits:
        raise DescriptionError(
            f"k8s_pods.extra_resource_limits and jupyterhub_spawner.gpu both say how many {settings.pods.gpu_resource} a server gets; take one of them away"
        )
    for place in ("servers", "hub"):
        size = sum(len(item.content.encode()) for item in hub.extra_files if getattr(item, place) and isinstance(item.content, str))
        if size > LARGEST:
            raise DescriptionError(f"jupyterhub_extra_files have {size} bytes for {place}, but a ConfigMap holds {LARGEST}; put them into an image or a volume")


def check_elsewhere(hub: Hub, _settings: t.Any) -> None:
    """Raise DescriptionError for what no other target knows."""
    if hub.tls.mode in validation.KUBERNETES_TLS:
        raise DescriptionError(f"jupyterhub_tls.mode is {hub.tls.mode}, which only the target k8s knows; use self_signed, provided, external or none")
    for path, variables in server_checks.environments(hub):
        for name, value in variables.items():
            if not isinstance(value, str) and value.field:
                raise DescriptionError(f"{path}.{name} is the field {value.field} of a pod, which only the target k8s knows; use a text")
