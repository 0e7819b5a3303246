# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemons of a node and its control plane: arguments, configuration files, and how each says that it is ready."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import socket
import ssl
import typing as t
import urllib.error
import urllib.request

from ansible_collections.vdsg.jupyterhub.tests.cluster import certificates
from ansible_collections.vdsg.jupyterhub.tests.cluster.common import (
    API,
    CONTAINERD,
    DNS_ADDRESS,
    NAME,
    NODE,
    NODE_ADDRESS,
    PODS,
    RUN,
    SERVICES,
    STATE,
    digest,
    write,
)

PAUSE_IMAGE = "vdsg.test/pause:1"
AGENT_SOCKET = RUN / "agent.sock"
PROVISIONER = "vdsg.test/local"
CGROUP = f"/{NAME}"
ETCD = "https://127.0.0.1:23790"


@dataclasses.dataclass(frozen=True)
class Part:
    """One daemon. It is started again when its arguments or its files are other ones than those it runs with."""

    name: str
    argv: tuple[str, ...]
    ready: t.Callable[[], bool]
    files: tuple[pathlib.Path, ...] = ()
    path: str = ""

    @property
    def digest(self) -> str:
        return digest(*self.argv, self.path, *(file.read_bytes() for file in self.files))


def answers(url: str, *, authority: pathlib.Path | None = None, client: tuple[pathlib.Path, pathlib.Path] | None = None) -> t.Callable[[], bool]:
    """Return a question to a health endpoint. Daemons that make their own certificate are asked on the loopback interface only."""

    def ask() -> bool:
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
        if authority is None:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if client:
            context.load_cert_chain(*map(str, client))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        try:
            with opener.open(url, timeout=5) as response:
                return bool(response.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    return ask


def listens(path: pathlib.Path) -> t.Callable[[], bool]:
    def ask() -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(path))
            except OSError:
                return False
            return True

    return ask


def _file(name: str, content: t.Any) -> pathlib.Path:
    path = STATE / "configuration" / name
    write(path, content if isinstance(content, str) else json.dumps(content, indent=2))
    return path


def parts(kubernetes: pathlib.Path, node: pathlib.Path, addons: pathlib.Path) -> dict[str, Part]:
    """Return all daemons by name, in the order in which they need each other."""
    store, authority = certificates.Authority("etcd"), certificates.Authority("cluster")
    made = [_etcd(node, store), _containerd(node, addons), _api(kubernetes, store, authority), *_control(kubernetes, authority)]
    made += [_agent(addons, authority), _proxy(kubernetes, authority), _kubelet(kubernetes, authority)]
    return {part.name: part for part in made}


def _etcd(node: pathlib.Path, store: certificates.Authority) -> Part:
    certificate, key = store.sign("etcd-server", "etcd", hosts=("127.0.0.1",))
    argv = (
        f"{node}/usr/bin/etcd",
        f"--data-dir={STATE}/etcd",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        "--listen-peer-urls=http://127.0.0.1:23800",
        "--initial-advertise-peer-urls=http://127.0.0.1:23800",
        "--initial-cluster=default=http://127.0.0.1:23800",
        f"--cert-file={certificate}",
        f"--key-file={key}",
        "--client-cert-auth",
        f"--trusted-ca-file={store.path}",
        "--auto-compaction-retention=1",
        "--logger=zap",
    )
    return Part("etcd", argv, answers(f"{ETCD}/health", authority=store.path, client=store.sign("etcd-client", "kube-apiserver")))


def _containerd(node: pathlib.Path, addons: pathlib.Path) -> Part:
    plugins = STATE / "cni/bin"
    plugins.mkdir(parents=True, exist_ok=True)
    for name, program in {**{n: node / f"usr/lib/cni/{n}" for n in ("host-local", "loopback", "ptp")}, "vdsg-agent": addons / "agent"}.items():
        link = plugins / name
        if not link.is_symlink() or link.readlink() != program:
            link.unlink(missing_ok=True)
            link.symlink_to(program)
    # ptp routes each pod: all traffic passes the node's forward hook, and there is no bridge that could carry it past the rules.
    pod_network = {
        "type": "ptp",
        "ipam": {
            "type": "host-local",
            "dataDir": str(RUN / "addresses"),
            "ranges": [[{"subnet": PODS.replace("/16", "/24")}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    announce = {"type": "vdsg-agent", "socket": str(AGENT_SOCKET)}
    write(STATE / "cni/net/10-pods.conflist", json.dumps({"cniVersion": "0.4.0", "name": NAME, "plugins": [pod_network, announce]}, indent=2), 0o644)
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    configuration = f"""\
version = 2
root = "{STATE}/containerd"
state = "{RUN}/containerd"
oom_score = 0
[grpc]
  address = "{CONTAINERD}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{STATE}/containerd-opt"
[{cri}]
  sandbox_image = "{PAUSE_IMAGE}"
  # Lowering the score needs CAP_SYS_RESOURCE, which a machine in a container may lack.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_tcp_service = true
[{cri}.cni]
  bin_dir = "{plugins}"
  conf_dir = "{STATE}/cni/net"
[{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
  BinaryName = "{node}/usr/sbin/runc"
  SystemdCgroup = false
"""
    file = _file("containerd.toml", configuration)
    return Part("containerd", (f"{node}/usr/bin/containerd", "--config", str(file)), listens(CONTAINERD), (file,), path=f"{node}/usr/bin:{node}/usr/sbin")


def _api(kubernetes: pathlib.Path, store: certificates.Authority, authority: certificates.Authority) -> Part:
    etcd_certificate, etcd_key = store.sign("etcd-client", "kube-apiserver")
    certificate, key = authority.sign("api", "kube-apiserver", hosts=certificates.API_HOSTS)
    kubelet_certificate, kubelet_key = authority.sign("api-to-kubelet", "kube-apiserver-kubelet-client", "system:masters")
    accounts = certificates.service_account_key()
    argv = (
        f"{kubernetes}/kube-apiserver",
        f"--etcd-servers={ETCD}",
        f"--etcd-cafile={store.path}",
        f"--etcd-certfile={etcd_certificate}",
        f"--etcd-keyfile={etcd_key}",
        f"--bind-address={NODE_ADDRESS}",
        f"--advertise-address={NODE_ADDRESS}",
        f"--service-cluster-ip-range={SERVICES}",
        f"--client-ca-file={authority.path}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        f"--kubelet-certificate-authority={authority.path}",
        f"--kubelet-client-certificate={kubelet_certificate}",
        f"--kubelet-client-key={kubelet_key}",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={accounts}",
        f"--service-account-signing-key-file={accounts}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--profiling=false",
    )
    return Part("kube-apiserver", argv, answers(f"{API}/readyz", authority=authority.path))


def _control(kubernetes: pathlib.Path, authority: certificates.Authority) -> tuple[Part, Part]:
    def common(name: str, account: pathlib.Path) -> tuple[str, ...]:
        accounts = [f"--{each}={account}" for each in ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")]
        return (f"{kubernetes}/{name}", *accounts, "--leader-elect=false", "--bind-address=127.0.0.1", "--profiling=false")

    manager = (
        *common("kube-controller-manager", authority.kubeconfig("controller-manager", "system:kube-controller-manager")),
        "--use-service-account-credentials",
        f"--service-account-private-key-file={certificates.service_account_key()}",
        f"--root-ca-file={authority.path}",
        f"--cluster-signing-cert-file={authority.path}",
        f"--cluster-signing-key-file={certificates.PKI}/cluster.key",
    )
    scheduler = common("kube-scheduler", authority.kubeconfig("scheduler", "system:kube-scheduler"))
    return (
        Part("kube-controller-manager", manager, answers("https://127.0.0.1:10257/healthz")),
        Part("kube-scheduler", scheduler, answers("https://127.0.0.1:10259/healthz")),
    )


def _agent(addons: pathlib.Path, authority: certificates.Authority) -> Part:
    argv = (
        f"{addons}/agent",
        f"--kubeconfig={authority.kubeconfig('agent', f'{NAME}:agent')}",
        f"--node={NODE}",
        f"--pods={PODS}",
        f"--table={NAME}",
        f"--socket={AGENT_SOCKET}",
        f"--provisioner={PROVISIONER}",
        f"--volumes={STATE}/volumes",
    )
    return Part("agent", argv, listens(AGENT_SOCKET))


def _proxy(kubernetes: pathlib.Path, authority: certificates.Authority) -> Part:
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(authority.kubeconfig("proxy", "system:kube-proxy"))},
        "clusterCIDR": PODS,
        # In tables of its own, which cluster-down can take away whole.
        "mode": "nftables",
        "hostnameOverride": NODE,
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
    }
    file = _file("kube-proxy.json", configuration)
    return Part("kube-proxy", (f"{kubernetes}/kube-proxy", f"--config={file}"), answers("http://127.0.0.1:10256/healthz"), (file,))


def _kubelet(kubernetes: pathlib.Path, authority: certificates.Authority) -> Part:
    certificate, key = authority.sign("kubelet-server", f"system:node:{NODE}", "system:nodes", certificates.KUBELET_HOSTS)
    plenty = {"memory.available": "100Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%", "imagefs.available": "1%", "imagefs.inodesFree": "1%"}
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {"clientCAFile": str(authority.path)}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(certificate),
        "tlsPrivateKeyFile": str(key),
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": CGROUP,
        "failCgroupV1": False,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "podLogsDir": str(STATE / "pod-logs"),
        "registerNode": True,
        "evictionHard": plenty,
        # Images come from the engine of this machine, not from a registry: one that was collected would be gone.
        "imageGCHighThresholdPercent": 100,
        "resolvConf": "/run/systemd/resolve/resolv.conf" if pathlib.Path("/run/systemd/resolve/resolv.conf").exists() else "/etc/resolv.conf",
    }
    file = _file("kubelet.json", configuration)
    argv = (
        f"{kubernetes}/kubelet",
        f"--config={file}",
        f"--kubeconfig={authority.kubeconfig('kubelet', f'system:node:{NODE}', 'system:nodes')}",
        f"--hostname-override={NODE}",
        f"--node-ip={NODE_ADDRESS}",
        f"--root-dir={STATE}/kubelet",
    )
    return Part("kubelet", argv, answers("http://127.0.0.1:10248/healthz"), (file,))
