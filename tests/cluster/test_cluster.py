# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the Kubernetes target rely on: this cluster is a real one, it refuses what a real one refuses, and it goes without a trace."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pathlib
import secrets
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.vdsg.jupyterhub.tests.cluster import certificates, images, machine, programs
from ansible_collections.vdsg.jupyterhub.tests.cluster.common import API_ADDRESS, FRONT, KUBECONFIG, NAME, NODE_ADDRESS, REPOSITORY, RUN, STATE

BUSYBOX = images.BUSYBOX_IMAGE
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def kubectl(*arguments: str, stdin: str | None = None, check: bool = True, account: pathlib.Path = KUBECONFIG) -> str:
    command = [str(FRONT / "bin/kubectl"), f"--kubeconfig={account}", *arguments]
    done = subprocess.run(command, input=stdin, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    assert not check or done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}"
    return done.stdout


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.2)
    return found


class Space:
    """A namespace that enforces `restricted`, and what is done in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}})

    def kubectl(self, *arguments: str, **options: Any) -> str:
        return kubectl("--namespace", self.name, *arguments, **options)

    def apply(self, manifest: dict[str, Any], check: bool = True) -> str:
        return kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(manifest), check=check)

    def create(self, version: str, kind: str, name: str, check: bool = True, **rest: Any) -> str:
        labels = rest.pop("labels", {})
        return self.apply({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": self.name, "labels": labels}, **rest}, check)

    def pod(
        self, name: str, command: str = "sleep 3600", *, claim: str = "", serves: bool = False, wait: bool = True, check: bool = True, **security: Any
    ) -> str:
        container: dict[str, Any] = {
            "name": "main",
            "image": BUSYBOX,
            "imagePullPolicy": "Never",
            "args": [command],
            "ports": [{"name": "http", "containerPort": 8080}],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        spec: dict[str, Any] = {
            "containers": [container],
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}, **security},
        }
        if serves:
            container["readinessProbe"] = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1}
        if claim:
            container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
            spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
        answer = self.create("v1", "Pod", name, check, labels={"app": name}, spec=spec)
        if wait:
            self.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=100s")
        return answer

    def web(self, name: str) -> None:
        self.pod(name, f"mkdir /tmp/www; echo {name} > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www", serves=True)

    def address(self, name: str) -> str:
        return self.kubectl("get", "pod", name, "-o", "jsonpath={.status.podIP}")

    def exec(self, pod: str, command: str, check: bool = True) -> str:
        return self.kubectl("exec", pod, "--", "sh", "-c", command, check=check)

    def reach(self, pod: str, target: str) -> str:
        """One try of two seconds. What is neither an answer nor a refusal is a fault."""
        said = self.exec(pod, f"reach {target}; echo ended with $?", check=False).strip()
        assert said.endswith(("ended with 0", "ended with 3")), said
        return said.removesuffix("ended with 0").strip()

    def reaches(self, pod: str, target: str) -> bool:
        return "not reached" not in self.reach(pod, target)

    def policy(self, name: str, app: str, **spec: Any) -> None:
        types = [kind for kind in ("Ingress", "Egress") if kind.lower() in spec]
        self.create("networking.k8s.io/v1", "NetworkPolicy", name, spec={"podSelector": {"matchLabels": {"app": app}}, "policyTypes": types, **spec})


@pytest.fixture
def space() -> Iterator[Space]:
    made = Space(f"test-{secrets.token_hex(3)}")
    yield made
    kubectl("delete", "namespace", made.name, "--wait=false")


def make(target: str, **environment: str) -> str:
    command = ["make", "--no-print-directory", target]
    merged = {**os.environ, **environment}
    return subprocess.run(command, cwd=REPOSITORY, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=900, env=merged).stdout


def test_a_namespace_that_enforces_restricted(space: Space) -> None:
    space.pod("allowed", "id -u; exec sleep 3600")
    assert space.kubectl("logs", "allowed").strip() == "1000"
    refused = space.pod("root", runAsNonRoot=False, wait=False, check=False)
    assert 'violates PodSecurity "restricted' in refused
    assert "runAsNonRoot" in refused


def test_services_have_names_and_ports_of_the_node(space: Space) -> None:
    space.web("web")
    ports = [{"port": 80, "targetPort": "http"}]
    space.create("v1", "Service", "web", spec={"type": "NodePort", "selector": {"app": "web"}, "ports": ports})
    space.pod("client")
    address = space.kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
    assert f"Address: {address}\n" in space.exec("client", f"nslookup web.{space.name}.svc.cluster.local")
    until(lambda: space.reaches("client", "http://web"), "the Service answers by its name")
    assert space.reach("client", f"http://web.{space.name}.svc.cluster.local") == "web"
    port = space.kubectl("get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}")
    assert _get(f"http://{NODE_ADDRESS}:{port}/") == "web"


def test_a_claim_is_bound_and_writable_by_fs_group_alone(space: Space) -> None:
    for name in ("grouped", "plain"):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
        space.create("v1", "PersistentVolumeClaim", name, spec=spec)
    space.pod("grouped", claim="grouped", fsGroup=2000, fsGroupChangePolicy="OnRootMismatch")
    space.pod("plain", claim="plain")
    assert space.exec("grouped", "echo kept > /data/file && stat -c %g /data/file").strip() == "2000"
    assert "Permission denied" in space.exec("plain", "echo lost > /data/file", check=False)
    space.kubectl("delete", "pod", "grouped")
    space.pod("again", claim="grouped", fsGroup=2000)
    assert space.exec("again", "cat /data/file").strip() == "kept"
    volume = space.kubectl("get", "pvc", "grouped", "-o", "jsonpath={.spec.volumeName}")
    assert (STATE / "volumes" / volume / "file").exists()
    space.kubectl("delete", "pod", "again")
    space.kubectl("delete", "pvc", "grouped")
    until(lambda: not (STATE / "volumes" / volume).exists(), "the volume goes with its claim")


def test_ingress_is_denied_but_to_whom_it_is_allowed(space: Space) -> None:
    for name in ("friend", "stranger"):
        space.pod(name)
    space.web("web")
    url = f"http://{space.address('web')}:8080"
    assert space.reaches("stranger", url)
    space.policy("web", "web", ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "friend"}}}], "ports": [{"port": "http"}]}])
    until(lambda: not space.reaches("stranger", url), "the stranger is denied")
    assert space.reaches("friend", url)
    # A label is who one is: it counts from when it is changed.
    space.kubectl("label", "pod", "stranger", "app=friend", "--overwrite")
    until(lambda: space.reaches("stranger", url), "the stranger became a friend")
    space.policy("web", "web", ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}]}])
    until(lambda: not space.reaches("friend", url), "the friend is of another namespace")
    space.kubectl("delete", "networkpolicy", "web")
    until(lambda: space.reaches("friend", url), "without a policy all is allowed")


def test_egress_is_denied_but_for_blocks_and_ports(space: Space) -> None:
    for name in ("web", "other"):
        space.web(name)
    space.pod("client")
    web, other = f"http://{space.address('web')}:8080", f"http://{space.address('other')}:8080"
    space.policy("client", "client", egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [f"{space.address('other')}/32", f"{NODE_ADDRESS}/32"]}}]}])
    until(lambda: not space.reaches("client", other), "what is excepted is denied")
    assert space.reaches("client", web)
    # The API is on the node itself, behind a Service: neither way around.
    for api in (f"{NODE_ADDRESS}:6443", f"{API_ADDRESS}:443"):
        assert not space.reaches("client", api)
        assert space.reach("other", api) == "open"
    space.policy("client", "client", egress=[{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 8000, "endPort": 8079}]}])
    until(lambda: not space.reaches("client", web), "8080 is not in the range")
    assert "Address" in space.exec("client", "nslookup kubernetes.default.svc.cluster.local")
    space.policy("client", "client", egress=[{"ports": [{"port": 8000, "endPort": 8080}]}])
    until(lambda: space.reaches("client", web), "8080 is in the range")
    assert "timed out" in space.exec("client", "nslookup kubernetes.default.svc.cluster.local", check=False)


def test_policies_are_in_force_before_the_first_packet(space: Space) -> None:
    space.web("web")
    space.policy("late", "late", egress=[])
    url = f"http://{space.address('web')}:8080"
    tries = f"reach {url}; reach {url}; reach {url}; echo done; exec sleep 3600"
    for name in ("late", "open"):
        space.pod(name, tries)
    until(lambda: all("done" in space.kubectl("logs", name) for name in ("late", "open")), "all tries are over")
    assert space.kubectl("logs", "open").split() == ["web", "web", "web", "done"]
    assert space.kubectl("logs", "late").count("not reached") == 3


def test_logs_exec_and_port_forward(space: Space) -> None:
    space.web("web")
    assert space.exec("web", "hostname").strip() == "web"
    command = [str(FRONT / "bin/kubectl"), f"--kubeconfig={KUBECONFIG}", "-n", space.name, "port-forward", "pod/web", "18861:8080"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forward:
        assert forward.stdout and "18861" in forward.stdout.readline()
        assert _get("http://127.0.0.1:18861/") == "web"
        forward.terminate()


def test_accounts_are_kept_apart(space: Space) -> None:
    space.create("v1", "Secret", "secret", stringData={"key": "value"})
    kubelet = STATE / "kubeconfig/kubelet"
    assert "no relationship found between node" in space.kubectl("get", "secret", "secret", check=False, account=kubelet)
    anybody = f"--as=system:serviceaccount:{space.name}:default"
    assert space.kubectl("auth", "can-i", "list", "pods", anybody, check=False).strip() == "no"
    assert base64.b64decode(space.kubectl("get", "secret", "secret", "-o", "jsonpath={.data.key}")) == b"value"


def test_images_of_the_engine(space: Space, tmp_path: pathlib.Path) -> None:
    node = programs.distribution()
    name = f"vdsg-cluster-test:{secrets.token_hex(4)}"
    archive = tmp_path / "busybox.tar"
    subprocess.run(["tar", "--create", f"--file={archive}", f"--directory={node}", "bin/busybox"], check=True)
    subprocess.run(["docker", "import", "--change", 'ENTRYPOINT ["/bin/busybox", "sh", "-c"]', str(archive), name], check=True, capture_output=True)
    try:
        assert images.load(node, [name]) == [name]
        assert images.load(node, [name]) == []
        space.kubectl("run", "loaded", f"--image={name}", "--image-pull-policy=Never", f"--overrides={json.dumps(_restricted(name))}")
        until(lambda: "here" in space.kubectl("logs", "loaded", check=False), "a pod of the image ran")
    finally:
        subprocess.run(["docker", "image", "rm", name], check=True, capture_output=True)


def test_what_is_asked_for_again_is_seen_and_what_was_killed_is_started() -> None:
    assert "nothing to do" in make("cluster")
    before = {name: machine.pid_of(name) for name in ("kubelet", "agent", "kube-apiserver", "containerd", "kube-proxy")}
    assert all(before.values())
    for pid in before.values():
        os.kill(int(pid or 0), signal.SIGKILL)
    assert "ready after" in make("cluster")
    assert not set(before.values()) & {machine.pid_of(name) for name in before}
    assert "nothing to do" in make("cluster")


def test_the_definitions_of_others_are_accepted() -> None:
    kubectl("apply", "--server-side", f"--filename={REPOSITORY}/tests/cluster/crds")
    for kind in ("routes.route.openshift.io", "buildconfigs.build.openshift.io", "certificates.cert-manager.io", "httproutes.gateway.networking.k8s.io"):
        kubectl("wait", "--for=condition=Established", f"crd/{kind}", "--timeout=30s")


def test_openshift_chooses_who_pods_run_as(space: Space) -> None:
    kubectl("apply", "--server-side", f"--filename={REPOSITORY}/tests/cluster/crds")
    kubectl("label", "namespace", space.name, "vdsg.test/openshift=true")
    refused = until(lambda: _refused(space), "the policy is in force")
    assert "runAsUser must be in the ranges: [1000660000, 1000669999]" in refused
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    space.create("v1", "PersistentVolumeClaim", "data", spec=spec)
    space.pod("free", claim="data", runAsUser=None)
    assert space.exec("free", "id -u; id -g; touch /data/file && stat -c %g /data/file").split() == ["1000660000", "0", "1000660000"]


def _refused(space: Space) -> str | None:
    said = space.pod("fixed", wait=False, check=False)
    if "unable to validate" in said:
        return said
    space.kubectl("delete", "pod", "fixed", "--wait")
    return None


def test_a_context_of_ones_own(tmp_path: pathlib.Path) -> None:
    own = tmp_path / "kubeconfig"
    own.write_text(KUBECONFIG.read_text().replace(f'"name": "{NAME}"', '"name": "mine"').replace(f'"current-context": "{NAME}"', '"current-context": "none"'))
    own.write_text(own.read_text().replace(f'"cluster": "{NAME}"', '"cluster": "mine"').replace(f'"user": "{NAME}"', '"user": "mine"'))
    environment = {"KUBECONFIG": str(own), "PATH": f"{FRONT / 'bin'}:{os.environ['PATH']}"}
    try:
        assert "K8S_CONTEXT=yours: your kubeconfig has no such context; it has mine." in make("cluster", K8S_CONTEXT="yours", **environment)
        assert "context mine answers" in make("cluster", K8S_CONTEXT="mine", **environment)
        assert kubectl("config", "current-context").strip() == "mine"
        assert "kube-system" in kubectl("get", "namespaces")
    finally:
        assert f"context {NAME}" in make("cluster")
    assert kubectl("config", "current-context").strip() == NAME


def test_down_leaves_nothing() -> None:
    make("cluster-down")
    assert not [process for process in _processes() if f"{STATE}/" in process or f"{RUN}/" in process]
    assert NAME not in pathlib.Path("/proc/self/mountinfo").read_text()
    for command in (["nft", "list", "tables"], ["iptables-save"], ["ip", "link"]):
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert not [word for word in (NAME, "kube-proxy", machine.INTERFACE, "KUBE-") if word in said], command
    assert not list(pathlib.Path("/sys/fs/cgroup").glob(f"**/{NAME}"))
    assert not STATE.exists() and not RUN.exists() and not KUBECONFIG.exists()
    assert "there is no test cluster" in make("cluster-down")


def _processes() -> list[str]:
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


def _restricted(image: str) -> dict[str, Any]:
    context = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {
        "name": "loaded",
        "image": image,
        "imagePullPolicy": "Never",
        "args": ["echo here"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {"spec": {"securityContext": context, "restartPolicy": "Never", "containers": [container]}}


def _get(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def answer() -> str | None:
        try:
            with opener.open(url, timeout=5) as response:
                return str(response.read().decode().strip())
        except OSError:
            return None

    return str(until(answer, url, 20))


def test_certificates_are_not_readable_by_others() -> None:
    for key in certificates.PKI.glob("*.key"):
        assert key.stat().st_mode & 0o077 == 0, key
