# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Render the manifests of a hub on Kubernetes: the description in, an ordered list of objects out.

Names of objects are those of zero-to-jupyterhub: ``hub``, ``proxy``, ``proxy-api``, ``proxy-public``. Secrets are apart, since they are never shown.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import typing as t

from . import authentication, hub_config, k8s_nodes, k8s_policies, k8s_spawner, k8s_storage, look, nginx, project, secrets, storage, validation, versions
from .description import Hub, K8s, K8sDatabase, K8sSharedFolders
from .docker_compose import DIGEST_LABEL, FILES, OWNERS, reloaded
from .hub_config import API_PORT
from .k8s_names import LABEL, MANAGER, labels, named, namespace, prefix, quantity, selector
from .k8s_storage import SERVERS, key_of

with contextlib.suppress(ImportError):  # the modules say so with missing_required_lib
    import yaml

Manifest = dict[str, t.Any]
SECRET_FILE = "secret-"
FILE_HEAD = "# Written by Ansible (vdsg.jupyterhub): change the variables there, not this file.\n"

PROGRAMS = {
    "hub": ("hub_relay.py", "hub_start.py", "maintenance.py", "pod_spawner.py", "servers.py"),
    "proxy": ("proxy_start.mjs",),
    "edge": ("edge_start.sh",),
}
"""Programs that run beside every hub; they are files of the role jupyterhub."""

HEALTH = "/edge/health"
TLS_KEYS = {"tls.crt": "tls_certificate", "tls.key": "tls_key"}
"""Key in a Secret of the type kubernetes.io/tls -> name of our secret."""

CHECK = "config-check"
OWN_CERTIFICATES = ("self_signed", "provided")
"""Modes of TLS whose certificate is in a Secret of ours."""

RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}


@dataclasses.dataclass(frozen=True)
class Rendered:
    """All objects of a hub, in the order in which they are applied.

    ``secrets`` come first and hold values; ``manifests`` hold none. ``edge_version`` is what the edge says when it has loaded its configuration and
    certificate, empty without an edge.
    """

    secrets: list[Manifest]
    manifests: list[Manifest]
    edge_version: str

    @property
    def deployments(self) -> list[str]:
        """Return the names of the Deployments."""
        return [item["metadata"]["name"] for item in self.manifests if item["kind"] == "Deployment"]


def has_edge(hub: Hub, settings: K8s) -> bool:
    """Whether TLS ends in a Deployment of ours, since nothing in front ends it."""
    return validation.tls_here(hub) and not settings.behind


def public_ports(hub: Hub, settings: K8s) -> dict[str, int]:
    """Return the ports of the Service that people, or an Ingress, come in through."""
    by_node = settings.service.type == "NodePort"
    found = {"http": 80 if by_node or settings.behind else hub.network.http_port}
    if has_edge(hub, settings):
        found["https"] = 443 if by_node else hub.network.https_port
    return found


def entry(hub: Hub, settings: K8s) -> str:
    """Return the address of that Service inside of the cluster."""
    scheme, port = list(public_ports(hub, settings).items())[-1]
    return f"{scheme}://{prefix(hub, settings)}proxy-public:{port}"


def components(hub: Hub, settings: K8s) -> tuple[str, ...]:
    """Return what runs."""
    return ("hub", "proxy", "edge") if has_edge(hub, settings) else ("hub", "proxy")


def tls_secret(hub: Hub, settings: K8s) -> str:
    """Return the name of the Secret with the certificate."""
    return settings.tls_secret or f"{prefix(hub, settings)}tls"


def render(
    hub: Hub, settings: K8s, programs: t.Mapping[str, str], values: t.Mapping[str, str], fingerprints: t.Mapping[str, str], registry_password: str = ""
) -> Rendered:
    """Return all objects. Same input, same objects.

    ``values`` are the secrets by name, ``fingerprints`` change with them and tell nothing about them.
    """
    return Renderer(hub, settings, programs, fingerprints).render(values, registry_password)


def renewed(
    hub: Hub, settings: K8s, edge_config: Manifest | None, values: t.Mapping[str, str], fingerprints: t.Mapping[str, str]
) -> tuple[list[Manifest], str]:
    """Return what has to be applied for another certificate, and what the edge says then; nothing else of a description that has changed.

    ``edge_config`` is the ConfigMap of the edge as it was deployed, None without an edge.
    """
    found, version = [Renderer(hub, settings, {}, fingerprints).certificate_secret(values)], ""
    if edge_config:
        files = edge_config["data"]
        conf, version = project.renewed(files["nginx.conf"], TLS_KEYS, fingerprints)
        metadata = {key: edge_config["metadata"][key] for key in ("name", "namespace", "labels")}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {**files, "nginx.conf": conf}})
    return found, version


def check_pod(hub: Hub, settings: K8s) -> Manifest:
    """Return the pod in which the hub's image is asked whether its configuration is good: a place to write it, for two minutes, and no data."""
    uid, places = OWNERS["hub"], {"files": FILES["hub"], "tmp": "/tmp"}
    container: Manifest = {
        "name": CHECK,
        "image": hub.images.hub,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["sleep", "120"],
        "securityContext": RESTRICTED,
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in places.items()],
    }
    if resources := settings.resources.get("hub"):
        container["resources"] = resources
    pod: Manifest = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": 120 + settings.wait_timeout,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": uid, "runAsGroup": uid, "fsGroup": uid, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": name, "emptyDir": {"medium": "Memory"}} for name in places],
    }
    if names := k8s_spawner.pull_secrets(hub, settings):
        pod["imagePullSecrets"] = [{"name": name} for name in names]
    return named(hub, settings, "Pod", CHECK, CHECK, spec=pod)


class Renderer:
    """One hub in one namespace."""

    def __init__(self, hub: Hub, settings: K8s, programs: t.Mapping[str, str], fingerprints: t.Mapping[str, str]) -> None:
        self.hub = hub
        self.settings = settings
        self.programs = programs
        self.fingerprints = fingerprints
        self.prefix = prefix(hub, settings)
        self.own = storage.hub_files(hub)
        self.secret_files = {name: {f"secrets/{path}": source for path, source in secrets.files(hub, name).items()} for name in ("hub", "edge")}
        self.secret_files["hub"] |= {
            path: f"{validation.EXTRA_SECRET}{item.content.secret}" for path, item in self.own.items() if not isinstance(item.content, str)
        }
        self.edge_version = project.version_of_edge(self.nginx(nginx.UNVERSIONED), TLS_KEYS, fingerprints) if has_edge(hub, settings) else ""

    def render(self, values: t.Mapping[str, str], registry_password: str) -> Rendered:
        names = components(self.hub, self.settings)
        made = [] if self.settings.service_account else self.account()
        made += [self.config_map(name) for name in names]
        if texts := k8s_storage.server_texts(self.hub, self.programs):
            made.append(self.named("ConfigMap", SERVERS, "singleuser", data=dict(sorted(texts.items()))))
        if self.hub.database.type == "sqlite":
            made.append(self.claim("hub-db-dir", "hub", self.settings.database))
        if self.hub.storage.shared_folders and not self.settings.shared_folders.existing_claim:
            made.append(self.claim(k8s_storage.SHARED, "singleuser", self.settings.shared_folders, self.settings.shared_folders.access_modes))
        made += self.services()
        made += k8s_policies.policies(self.hub, self.settings, names)
        made += [self.deployment(name) for name in names]
        if self.hub.tls.mode == "cert_manager":
            made.append(self.certificate())
        if self.settings.ingress.enabled:
            made.append(self.ingress())
        if self.settings.gateway.enabled:
            made.append(self.http_route())
        made += k8s_nodes.budgets(self.hub, self.settings, names)
        if self.settings.image_puller.enabled:
            made.append(k8s_nodes.image_puller(self.hub, self.settings, RESTRICTED))
        return Rendered(self.secrets(values, registry_password), made, self.edge_version)

    def named(self, kind: str, name: str, component: str, version: str = "v1", **fields: t.Any) -> Manifest:
        """Return an object of ours."""
        return named(self.hub, self.settings, kind, name, component, version, **fields)

    # What the hub may do

    def account(self) -> list[Manifest]:
        """The hub makes pods and claims, and nothing else: no Secrets, no Services, and it deletes nobody's claim."""
        rules = [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "watch", "list", "create", "delete"]},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "watch", "list"]},
        ]
        if self.hub.storage.type == "volume" and not self.settings.storage.existing_claim:
            rules.append({"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get", "watch", "list", "create"]})
        group = "rbac.authorization.k8s.io"
        subject = {"kind": "ServiceAccount", "name": f"{self.prefix}hub", "namespace": namespace(self.hub, self.settings)}
        role = {"apiGroup": group, "kind": "Role", "name": f"{self.prefix}hub"}
        return [
            self.named("ServiceAccount", "hub", "hub", automountServiceAccountToken=False),
            self.named("Role", "hub", "hub", f"{group}/v1", rules=rules),
            self.named("RoleBinding", "hub", "hub", f"{group}/v1", roleRef=role, subjects=[subject]),
        ]

    # Files

    def nginx(self, version: str = "") -> str:
        return nginx.render(self.hub, version, f"{self.prefix}proxy-http:8000")

    def files(self, component: str) -> dict[str, str]:
        """Return the files of a component, without a secret."""
        found = {name: self.programs[name] for name in PROGRAMS[component]}
        if component == "hub":
            spawner = k8s_spawner.spawner(self.hub, self.settings)
            profiles, folders = k8s_spawner.profiles(self.hub, self.settings), k8s_storage.folders(self.hub, self.settings)
            found["jupyterhub_config.py"] = hub_config.render(self.hub, spawner, profiles, folders, self.prefix)
            found["userlist.json"] = project.userlist(self.hub)
            found["announcements.json"] = project.pretty(look.announcements(self.hub.look))
            found |= {name: self.programs[name] for name in authentication.programs(self.hub.auth)} | look.files(self.programs)
            found |= {name: item.content for name, item in self.own.items() if isinstance(item.content, str)}
        if component == "edge":
            found["nginx.conf"] = self.nginx(self.edge_version)
        return found

    def config_map(self, component: str) -> Manifest:
        return self.named("ConfigMap", component, component, data={key_of(name): text for name, text in sorted(self.files(component).items())})

    def secrets(self, values: t.Mapping[str, str], registry_password: str) -> list[Manifest]:
        """One Secret that keeps all that was made, of which each pod is given its own; a certificate and a registry's password have a form of their own."""
        kept = {name: value for name, value in values.items() if name not in TLS_KEYS.values()}
        found = [self.named("Secret", "hub", "hub", type="Opaque", data={name: encoded(value) for name, value in sorted(kept.items())})]
        # Under the names that they have in the other: whoever reads both reads the same.
        if given := {name: encoded(values[name]) for name in k8s_storage.server_secrets(self.hub) if name in values}:
            found.append(self.named("Secret", SERVERS, "singleuser", type="Opaque", data=given))
        if self.hub.tls.mode in OWN_CERTIFICATES:
            found.append(self.certificate_secret(values))
        registry = self.hub.images.registry
        if registry.username:
            login = {"username": registry.username, "password": registry_password, "auth": encoded(f"{registry.username}:{registry_password}")}
            text = json.dumps({"auths": {registry.url: login}})
            found.append(self.named("Secret", "registry", "hub", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": encoded(text)}))
        return found

    def certificate_secret(self, values: t.Mapping[str, str]) -> Manifest:
        data = {key: encoded(values[name] + "\n") for key, name in TLS_KEYS.items()}
        if authority := values.get("authority_certificate"):
            data["ca.crt"] = encoded(authority + "\n")
        return self.named("Secret", "tls", "edge", type="kubernetes.io/tls", data=data)

    def volume(self, component: str) -> Manifest:
        """Return the volume with the files and secrets of a component: one, so that a change of both comes at once."""
        source: Manifest = {"name": f"{self.prefix}{component}"}
        if any("/" in name for name in self.files(component)) or (component == "hub" and self.own):
            source["items"] = [{"key": key_of(name), "path": name, **self.mode_of(component, name)} for name in sorted(self.files(component))]
        sources: list[Manifest] = [{"configMap": source}]
        if component == "hub":
            items = [{"key": key, "path": name, **self.mode_of(component, name)} for name, key in sorted(self.secret_files["hub"].items())]
            sources.append({"secret": {"name": f"{self.prefix}hub", "items": items}})
        if component == "proxy":
            sources.append({"secret": {"name": f"{self.prefix}hub", "items": [{"key": "proxy_token", "path": "token"}]}})
        if component == "edge":
            items = [{"key": key, "path": f"secrets/{name}"} for key, name in TLS_KEYS.items()]
            sources.append({"secret": {"name": tls_secret(self.hub, self.settings), "items": items}})
        return {"name": "files", "projected": {"sources": sources, "defaultMode": 0o440}}

    def mode_of(self, component: str, name: str) -> Manifest:
        """Return the mode of a file of the user's own; the group of the pod, which is the hub's, may always read."""
        return {"mode": int(self.own[name].mode, 8)} if component == "hub" and name in self.own else {}

    def claim(self, name: str, component: str, wanted: K8sDatabase | K8sSharedFolders, modes: t.Sequence[str] = ("ReadWriteOnce",)) -> Manifest:
        spec: Manifest = {"accessModes": list(modes), "resources": {"requests": {"storage": quantity(wanted.capacity)}}}
        if wanted.class_name:
            spec["storageClassName"] = wanted.class_name
        return self.named("PersistentVolumeClaim", name, component, spec=spec)

    # What runs

    def deployment(self, component: str) -> Manifest:
        """Return a Deployment: what all have in common, what it is, and a digest of the files and secrets that it must be restarted for."""
        uid = OWNERS[component]
        special = {"hub": self.of_hub, "proxy": self.proxy, "edge": self.edge}[component]()
        pod_settings: Manifest = special.pop("pod", {})
        volumes: list[Manifest] = special.pop("volumes", [])
        mounts: list[Manifest] = special.pop("volumeMounts", [])
        images = self.hub.images
        image = {"hub": images.hub, "proxy": images.proxy or versions.PROXY_IMAGE, "edge": images.edge or versions.EDGE_IMAGE}[component]
        container = {
            "name": component,
            "image": image,
            "imagePullPolicy": self.settings.image_pull_policy,
            **special,
            "securityContext": RESTRICTED,
            "volumeMounts": [{"name": "files", "mountPath": FILES[component], "readOnly": True}, {"name": "tmp", "mountPath": "/tmp"}, *mounts],
        }
        if resources := self.settings.resources.get(component):
            container["resources"] = resources
        pod: Manifest = {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": uid,
                "runAsGroup": uid,
                "fsGroup": uid,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [self.volume(component), {"name": "tmp", "emptyDir": {}}, *volumes],
            **pod_settings,
        }
        if names := k8s_spawner.pull_secrets(self.hub, self.settings):
            pod["imagePullSecrets"] = [{"name": name} for name in names]
        if self.settings.node_selector:
            pod["nodeSelector"] = self.settings.node_selector
        if self.settings.tolerations:
            pod["tolerations"] = list(self.settings.tolerations)
        template = {"metadata": {"labels": labels(self.hub, component), "annotations": {DIGEST_LABEL: self.digest(component)}}, "spec": pod}
        # Never two hubs on one database, and never two proxies of which one has no routes.
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}} if component == "edge" else {"type": "Recreate"}
        spec = {
            "replicas": 1,
            "revisionHistoryLimit": 2,
            "strategy": strategy,
            "selector": {"matchLabels": selector(self.hub, component)},
            "template": template,
        }
        return self.named("Deployment", component, component, "apps/v1", spec=spec)

    def digest(self, component: str) -> str:
        """Return what changes when a pod must be restarted; what it reloads by itself is not in it."""
        taken = dict(self.secret_files.get(component, {}))
        if component == "proxy":
            taken = {"token": "proxy_token"}
        return project.digest(reloaded(self.hub, component), self.files(component), taken, self.fingerprints)

    def of_hub(self) -> Manifest:
        folder = FILES["hub"]
        found: Manifest = {
            "command": ["tini", "--", "python3", f"{folder}/hub_start.py", *self.needed(), "--"],
            "args": ["jupyterhub", "--config", f"{folder}/jupyterhub_config.py"],
            "env": [
                {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                # Where pod_spawner.py is.
                {"name": "PYTHONPATH", "value": folder},
            ],
            "ports": [{"name": "hub", "containerPort": API_PORT}],
            **probes("/hub/health", "hub"),
            "volumeMounts": [{"name": "data", "mountPath": hub_config.DATA}],
            "pod": {"serviceAccountName": self.settings.service_account or f"{self.prefix}hub", "automountServiceAccountToken": True},
        }
        kept = {"persistentVolumeClaim": {"claimName": f"{self.prefix}hub-db-dir"}} if self.hub.database.type == "sqlite" else {"emptyDir": {}}
        volumes, mounts = k8s_storage.of_hub(self.hub)
        found["volumeMounts"] += mounts
        return found | {"volumes": [{"name": "data", **kept}, *volumes]}

    def needed(self) -> list[str]:
        """Return what must answer before the hub starts."""
        database = self.hub.database
        port = database.port or hub_config.DATABASE_PORTS.get(database.type)
        return [f"{self.prefix}proxy-api:8001", *([f"{database.host}:{port}"] if port else [])]

    def proxy(self) -> Manifest:
        hub_url = f"http://{self.prefix}hub:{API_PORT}"
        listen = ["--ip=", "--port=8000", "--api-ip=", "--api-port=8001"]
        return {
            "command": ["node", f"{FILES['proxy']}/proxy_start.mjs"],
            "args": [*listen, f"--error-target={hub_url}/hub/error", f"--default-target={hub_url}"],
            "ports": [{"name": "http", "containerPort": 8000}, {"name": "api", "containerPort": 8001}],
            **probes("/_chp_healthz", "http"),
        }

    def edge(self) -> Manifest:
        return {
            "command": ["sh", f"{FILES['edge']}/edge_start.sh"],
            "ports": [{"name": "http", "containerPort": nginx.HTTP_PORT}, {"name": "https", "containerPort": nginx.HTTPS_PORT}],
            **probes(HEALTH, "https", "HTTPS"),
        }

    # How all are reached

    def services(self) -> list[Manifest]:
        found = [self.service("hub", "hub", {"hub": (API_PORT, "hub")}), self.service("proxy-api", "proxy", {"api": (8001, "api")})]
        for host, ports in sorted(k8s_policies.own_services(self.hub).items()):
            own = self.service(host, "hub", {f"port-{port}": (port, port) for port in ports})
            own["metadata"]["name"] = host
            found.append(own)
        if has_edge(self.hub, self.settings):
            found.append(self.service("proxy-http", "proxy", {"http": (8000, "http")}))
        return [*found, self.public()]

    def service(self, name: str, component: str, ports: t.Mapping[str, tuple[int, str | int]]) -> Manifest:
        """Return a Service inside of the cluster; ``ports`` are name -> port and port of the pod."""
        listed = [{"name": port, "port": number, "targetPort": target, "protocol": "TCP"} for port, (number, target) in ports.items()]
        return self.named("Service", name, component, spec={"type": "ClusterIP", "selector": selector(self.hub, component), "ports": listed})

    def public(self) -> Manifest:
        """Return the Service that people, or an Ingress, come in through."""
        wanted, network, edge = self.settings.service, self.hub.network, has_edge(self.hub, self.settings)
        ports = {name: (port, name) for name, port in public_ports(self.hub, self.settings).items()}
        found = self.service("proxy-public", "edge" if edge else "proxy", ports)
        spec = found["spec"]
        spec["type"] = wanted.type
        if wanted.type == "NodePort":
            for port in spec["ports"]:
                if port["name"] == "https" or not edge or network.http_port in k8s_policies.NODE_PORTS:
                    port["nodePort"] = getattr(network, f"{port['name']}_port")
        if wanted.load_balancer_source_ranges:
            spec["loadBalancerSourceRanges"] = list(wanted.load_balancer_source_ranges)
        if wanted.annotations:
            found["metadata"]["annotations"] = dict(wanted.annotations)
        return found

    def hosts(self) -> list[str]:
        return [] if validation.is_address(self.hub.domain) else [self.hub.domain]

    def ingress(self) -> Manifest:
        wanted = self.settings.ingress
        backend = {"service": {"name": f"{self.prefix}proxy-public", "port": {"name": "http"}}}
        rule: Manifest = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        spec: Manifest = {"rules": [{"host": host, **rule} for host in self.hosts()] or [rule]}
        if wanted.class_name:
            spec["ingressClassName"] = wanted.class_name
        if validation.tls_here(self.hub):
            hosts = {"hosts": self.hosts()} if self.hosts() else {}
            spec["tls"] = [{**hosts, "secretName": tls_secret(self.hub, self.settings)}]
        found = self.named("Ingress", "jupyterhub", "proxy", "networking.k8s.io/v1", spec=spec)
        if wanted.annotations:
            found["metadata"]["annotations"] = dict(wanted.annotations)
        return found

    def http_route(self) -> Manifest:
        wanted = self.settings.gateway
        parent = {"name": wanted.name, "namespace": wanted.namespace, "sectionName": wanted.section_name}
        backend = {"name": f"{self.prefix}proxy-public", "port": 80}
        spec: Manifest = {
            "parentRefs": [{key: value for key, value in parent.items() if value}],
            # Kernels are talked to for hours: no timeout of the Gateway's.
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [backend], "timeouts": {"request": "0s"}}],
        }
        if hosts := self.hosts():
            spec["hostnames"] = hosts
        return self.named("HTTPRoute", "jupyterhub", "proxy", "gateway.networking.k8s.io/v1", spec=spec)

    def certificate(self) -> Manifest:
        issuer = {"name": self.settings.certificate_issuer, "kind": self.settings.certificate_issuer_kind, "group": "cert-manager.io"}
        names = [name for name in (self.hub.domain, *self.hub.tls.names) if not validation.is_address(name)]
        spec = {"secretName": tls_secret(self.hub, self.settings), "dnsNames": names, "issuerRef": issuer}
        return self.named("Certificate", "jupyterhub", "edge", "cert-manager.io/v1", spec=spec)


def namespace_manifest(hub: Hub, settings: K8s) -> Manifest:
    """Return the namespace, where it is for us to make: it enforces what all of ours keeps to."""
    held = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    metadata = {"name": namespace(hub, settings), "labels": {"app.kubernetes.io/managed-by": MANAGER, LABEL: hub.name, **held}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def probes(path: str, port: str, scheme: str = "HTTP") -> Manifest:
    """Return when a container has started, is ready, and is to be restarted; often in the beginning, so that nobody waits for the next look."""
    look = {"httpGet": {"path": path, "port": port, "scheme": scheme}, "timeoutSeconds": 5}
    return {
        "startupProbe": {**look, "periodSeconds": 1, "failureThreshold": 300},
        "readinessProbe": {**look, "periodSeconds": 2, "failureThreshold": 3},
        "livenessProbe": {**look, "periodSeconds": 10, "failureThreshold": 6},
    }


def encoded(text: str) -> str:
    """Return a text as the data of a Secret."""
    return base64.b64encode(text.encode()).decode()


def decoded(secret: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return what a Secret of ours holds, by the names of our secrets."""
    texts = {key: base64.b64decode(value).decode(errors="replace").strip() for key, value in (secret.get("data") or {}).items()}
    if secret.get("type") == "kubernetes.io/tls":
        return {name: texts[key] for key, name in TLS_KEYS.items() if key in texts}
    return texts


def manifest_files(rendered: Rendered, hub: Hub, settings: K8s) -> tuple[dict[str, str], dict[str, str]]:
    """Return the manifests as files, those with secrets apart. Names say in which order they are applied; pods wait for their Secrets."""
    plain = [*([namespace_manifest(hub, settings)] if settings.create_namespace else []), *rendered.manifests]
    numbered = {f"{number:02d}-{item['kind'].lower()}-{item['metadata']['name']}.yaml": file_text(item) for number, item in enumerate(plain)}
    return {f"{SECRET_FILE}{item['metadata']['name']}.yaml": file_text(item) for item in rendered.secrets}, numbered


def file_text(item: Manifest) -> str:
    # Without what YAML writes as references, which nobody reads.
    return FILE_HEAD + str(yaml.safe_dump(json.loads(json.dumps(item)), sort_keys=False, width=140, allow_unicode=True))


def written_by_us(text: str) -> bool:
    """Whether a file is one of :func:`manifest_files`."""
    return text.startswith(FILE_HEAD)


def secrets_of_file(text: str) -> dict[str, str]:
    """Return what the file of a Secret holds, by the names of our secrets."""
    return decoded(yaml.safe_load(text) or {})
