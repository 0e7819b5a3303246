# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The side of a hub on Kubernetes that its users do not see, through the library that everybody uses."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import typing as t
import urllib.parse

from kubernetes import client, config, stream

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import LISTENER, OPEN_PORT, Ghost, Lives, Outside, Target, probe_code, run

LINK = "jhcluster"
USER, SINGLEUSER, STORAGE = "hub.jupyter.org/username", "singleuser-server", "singleuser-storage"
"""What KubeSpawner writes on pods and claims."""


class KubernetesEngine:
    """A hub in a namespace; ``place`` is CONTEXT/NAMESPACE of the kubeconfig in KUBECONFIG."""

    confined_by = "no-new-privileges"
    target = "k8s"
    components = frozenset({"proxy", "hub", "edge"})
    users_network = ""
    """Pods share one network."""

    def __init__(self, name: str, place: t.Sequence[str] = ()) -> None:
        self.name = name
        self.context, _slash, self.namespace = " ".join(place).partition("/")
        self.api = config.new_client_from_config(context=self.context)
        self.core, self.apps = client.CoreV1Api(self.api), client.AppsV1Api(self.api)
        self.connection = {"k8s_context": self.context, "k8s_namespace": self.namespace}
        self.label = f"vdsg.jupyterhub.name={name}"

    def pods(self, component: str) -> list[dict[str, t.Any]]:
        """Return the pods of a component, or of `user-NAME`, that are not on their way out."""
        user = component.removeprefix("user-") if component.startswith("user-") else ""
        found = self._plain(self.core.list_namespaced_pod(self.namespace, label_selector=self.label))
        alive = [pod for pod in found["items"] if not pod["metadata"].get("deletionTimestamp")]
        if user:
            return [pod for pod in alive if (pod["metadata"].get("annotations") or {}).get(USER) == user]
        return [pod for pod in alive if pod["metadata"]["labels"].get("component") == component]

    def ready(self, component: str) -> list[dict[str, t.Any]]:
        """Return those of them that are ready."""
        return [
            pod for pod in self.pods(component) if any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions") or [])
        ]

    def lives(self) -> Lives:
        found = {component: pod for component in self.components for pod in self.pods(component)}
        found |= {f"user-{pod['metadata']['annotations'][USER]}": pod for pod in self.pods(SINGLEUSER)}
        return {name: (pod["metadata"]["uid"], pod["status"].get("startTime", "")) for name, pod in found.items()}

    def owned(self) -> set[str]:
        pods = self._plain(self.core.list_namespaced_pod(self.namespace, label_selector=self.label))["items"]
        return self.objects() | self.claims() | {pod["metadata"]["name"] for pod in pods}

    @contextlib.contextmanager
    def ghost(self) -> t.Iterator[Ghost]:
        owner = {"labels": {"vdsg.jupyterhub.name": self.name}, "annotations": {USER: "ghost"}}
        ghost = Ghost("jupyter-ghost", f"{self.name}-user-ghost")
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1M"}}}
        container = {
            "name": "notebook",
            "image": self.pods("hub")[0]["spec"]["containers"][0]["image"],
            "command": ["sleep", "600"],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        confined = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
        pod = {"containers": [container], "securityContext": confined, "terminationGracePeriodSeconds": 0}
        of_claim = {**owner, "name": ghost.files, "labels": {**owner["labels"], "component": STORAGE}}
        self.core.create_namespaced_persistent_volume_claim(self.namespace, {"metadata": of_claim, "spec": claim})
        try:
            of_pod = {**owner, "name": ghost.server, "labels": {**owner["labels"], "component": SINGLEUSER}}
            self.core.create_namespaced_pod(self.namespace, {"metadata": of_pod, "spec": pod})
            until(lambda: self.ready("user-ghost"), 120, "a server that nobody knows")
            yield ghost
        finally:
            self.core.delete_collection_namespaced_pod(self.namespace, field_selector=f"metadata.name={ghost.server}")
            self.core.delete_namespaced_persistent_volume_claim(ghost.files, self.namespace)
            until(lambda: ghost.files not in self.claims(), 60, "a namespace without its claim")

    def restart_hub(self) -> None:
        before = {pod["metadata"]["uid"] for pod in self.pods("hub")}
        self.core.delete_collection_namespaced_pod(self.namespace, label_selector=f"{self.label},component=hub")
        until(lambda: [pod for pod in self.ready("hub") if pod["metadata"]["uid"] not in before], 120, "another hub")

    def move_proxy(self) -> tuple[str, str]:
        before = next(iter(self.addresses("proxy").values()))
        self.core.delete_collection_namespaced_pod(self.namespace, label_selector=f"{self.label},component=proxy")
        until(lambda: [pod for pod in self.ready("proxy") if pod["status"]["podIP"] != before], 120, "another proxy")
        return before, next(iter(self.addresses("proxy").values()))

    def reach(self, component: str, targets: t.Sequence[Target]) -> dict[Target, str]:
        return dict(zip(targets, json.loads(self.python(component, probe_code(targets))), strict=True))

    def reach_from_host(self, targets: t.Sequence[Target]) -> dict[Target, str]:
        return dict(zip(targets, json.loads(run(sys.executable, "-c", probe_code(targets))), strict=True))

    def python(self, component: str, code: str, given: str = "") -> str:
        if given:
            code = f"import io, sys; sys.stdin = io.StringIO({given!r})\n{code}"
        return self.execute(component, "python3", "-c", code)

    def execute(self, component: str, *command: str) -> str:
        """Run a command in a component."""
        pod = until(lambda: self.ready(component), 60, f"a pod of {component}")[0]["metadata"]["name"]
        core = client.CoreV1Api(config.new_client_from_config(context=self.context))
        channel = stream.stream(
            core.connect_get_namespaced_pod_exec, pod, self.namespace, command=list(command), stdout=True, stderr=True, _preload_content=False
        )
        channel.run_forever(timeout=120)
        said, complaint = channel.read_stdout() or "", channel.read_stderr() or ""
        if channel.returncode:
            raise RuntimeError(f"{command[0]} in {pod}: exit {channel.returncode}: {complaint[-1000:]}")
        return str(said)

    def addresses(self, component: str) -> dict[str, str]:
        return {f"{self.namespace} {number}": pod["status"]["podIP"] for number, pod in enumerate(self.pods(component))}

    def gateways(self) -> list[str]:
        nodes = self._plain(self.core.list_node())["items"]
        return sorted(each["address"] for node in nodes for each in node["status"]["addresses"] if each["type"] == "InternalIP")

    def published(self) -> list[int]:
        services = self._plain(self.core.list_namespaced_service(self.namespace, label_selector=self.label))["items"]
        return sorted({port["nodePort"] for service in services for port in service["spec"]["ports"] if port.get("nodePort")})

    def api_server(self) -> list[Target]:
        """Return the addresses of the cluster's API: its own, and that which pods are told."""
        parts = urllib.parse.urlsplit(self.api.configuration.host)
        service = self._plain(self.core.read_namespaced_service("kubernetes", "default"))
        return [(parts.hostname or "", parts.port or 443), (service["spec"]["clusterIP"], 443)]

    @contextlib.contextmanager
    def listener(self) -> t.Iterator[int]:
        with subprocess.Popen([sys.executable, "-c", OPEN_PORT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            yield int(process.stdout.readline())

    @contextlib.contextmanager
    def outside(self) -> t.Iterator[Outside]:
        place = Outside(("10.213.8.2", "172.30.214.2", "192.168.214.2"), public="11.213.8.2")
        ip = [*([] if os.geteuid() == 0 else ["sudo", "-n"]), "ip"]
        with contextlib.suppress(RuntimeError):
            run(*ip, "link", "delete", LINK)
        with subprocess.Popen(["unshare", "--net", sys.executable, "-c", LISTENER]) as process:
            try:
                inside = ["nsenter", "--target", str(process.pid), "--net", "ip"]
                until(lambda: os.readlink(f"/proc/{process.pid}/ns/net") != os.readlink("/proc/self/ns/net"), 10, "a network of its own")
                run(*ip, "link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
                run(*ip, "address", "add", "11.213.8.1/32", "dev", LINK)
                run(*ip, "link", "set", LINK, "up")
                run(*inside, "link", "set", "eth0", "up")
                run(*inside, "route", "add", "11.213.8.1/32", "dev", "eth0")
                run(*inside, "route", "add", "default", "via", "11.213.8.1", "dev", "eth0")
                for address in (*place.private, place.metadata, place.public):
                    run(*inside, "address", "add", f"{address}/32", "dev", "eth0")
                    # Others who test on this machine may have a way to the same address.
                    run(*ip, "route", "add", f"{address}/32", "dev", LINK, "metric", "4999")
                yield place
            finally:
                process.kill()

    def inspect(self) -> list[dict[str, t.Any]]:
        """Everything but the Secrets: what whoever may look at the namespace sees."""
        found: list[dict[str, t.Any]] = []
        for listing in (
            self.core.list_namespaced_pod,
            self.core.list_namespaced_config_map,
            self.core.list_namespaced_service,
            self.core.list_namespaced_persistent_volume_claim,
            self.apps.list_namespaced_deployment,
        ):
            found += self._plain(listing(self.namespace, label_selector=self.label))["items"]
        return [*found, *self._plain(self.core.list_namespaced_event(self.namespace))["items"], {"Name": self.name}]

    def logs(self) -> str:
        pods = self._plain(self.core.list_namespaced_pod(self.namespace, label_selector=self.label))["items"]
        return "\n".join(self.core.read_namespaced_pod_log(pod["metadata"]["name"], self.namespace) for pod in pods)

    def secret(self, name: str) -> dict[str, t.Any]:
        return self._plain(self.core.read_namespaced_secret(name, self.namespace))

    def claims(self) -> set[str]:
        """Return the names of the claims that carry the hub's label."""
        found = self._plain(self.core.list_namespaced_persistent_volume_claim(self.namespace, label_selector=self.label))["items"]
        return {claim["metadata"]["name"] for claim in found}

    def objects(self) -> set[str]:
        """Return the names of everything of the hub that can be applied and pruned."""
        custom = client.CustomObjectsApi(self.api)

        def routes(namespace: str, label_selector: str) -> t.Any:
            """What there may be no definition of."""
            try:
                return custom.list_namespaced_custom_object("gateway.networking.k8s.io", "v1", namespace, "httproutes", label_selector=label_selector)
            except client.ApiException as exc:
                if exc.status != 404:
                    raise
                return {"items": []}

        networking, policy = client.NetworkingV1Api(self.api), client.RbacAuthorizationV1Api(self.api)
        listings = {
            "Service": self.core.list_namespaced_service,
            "ConfigMap": self.core.list_namespaced_config_map,
            "Secret": self.core.list_namespaced_secret,
            "Deployment": self.apps.list_namespaced_deployment,
            "Ingress": networking.list_namespaced_ingress,
            "HTTPRoute": routes,
            "NetworkPolicy": networking.list_namespaced_network_policy,
            "Role": policy.list_namespaced_role,
        }
        return {
            f"{kind} {item['metadata']['name']}"
            for kind, listing in listings.items()
            for item in self._plain(listing(self.namespace, label_selector=self.label))["items"]
        }

    def _plain(self, answer: t.Any) -> dict[str, t.Any]:
        found: dict[str, t.Any] = self.api.sanitize_for_serialization(answer)
        return found
