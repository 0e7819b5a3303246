# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Kubernetes of one node for the tests, out of package registries alone.

    make cluster            # start it, repair it, or see that it is there
    make cluster-images NAMES='image …'
    make cluster-down       # leave nothing of it

With K8S_CONTEXT set, the tests use that context of your kubeconfig and this only sees that it answers.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import fcntl
import os
import pathlib
import shutil
import time
import typing as t

from ansible_collections.vdsg.jupyterhub.tests.cluster import certificates, images, machine, programs
from ansible_collections.vdsg.jupyterhub.tests.cluster.common import (
    API,
    CONTAINERD,
    FRONT,
    HERE,
    KUBECONFIG,
    NAME,
    NODE,
    RUN,
    STATE,
    ClusterError,
    remove,
    run,
    say,
    stop,
    write,
)
from ansible_collections.vdsg.jupyterhub.tests.cluster.parts import parts

PARTS = ("kubelet", "agent", "kube-proxy", "kube-scheduler", "kube-controller-manager", "containerd", "kube-apiserver", "etcd")


@contextlib.contextmanager
def alone() -> t.Iterator[None]:
    """One at a time on this machine."""
    with open(f"/run/lock/{NAME}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def up() -> None:
    began = time.monotonic()
    need_root()
    programs.tools()
    kubernetes, addons, node = programs.kubernetes(), programs.addons(), programs.distribution()
    with alone():
        changed = converge(kubernetes, addons, node)
    say(f"context {NAME} in {KUBECONFIG}: {'ready after' if changed else 'nothing to do, seen in'} {time.monotonic() - began:.1f} s")


def need_root() -> None:
    if os.geteuid() != 0:
        raise ClusterError("The test cluster is made of processes of root: run this as root, or name a cluster of yours with K8S_CONTEXT.")


def converge(kubernetes: pathlib.Path, addons: pathlib.Path, node: pathlib.Path) -> bool:
    """Start what does not run, or not as it should; return whether there was anything."""
    RUN.mkdir(parents=True, exist_ok=True)
    STATE.mkdir(parents=True, exist_ok=True)
    machine.make_network()
    machine.make_cgroups()
    wanted = parts(kubernetes, node, addons)
    started = [machine.start(wanted["etcd"]), machine.start(wanted["containerd"])]
    machine.await_ready(wanted["etcd"])
    started.append(machine.start(wanted["kube-apiserver"]))
    machine.await_ready(wanted["containerd"])
    images.own(node, addons)
    machine.await_ready(wanted["kube-apiserver"])
    write_kubeconfig()
    kubectl = Kubectl(kubernetes / "kubectl")
    applied = kubectl.apply(STATE / "applied", fresh=any(started))
    started += [machine.start(part) for part in wanted.values()]
    for part in wanted.values():
        machine.await_ready(part)
    machine.until(kubectl.ready, "the node and DNS are ready", 180, 0.3)
    return applied or any(started)


def write_kubeconfig() -> None:
    """Write the administrator's kubeconfig, whole in itself."""
    authority = certificates.Authority("cluster")
    certificate, key = authority.sign("admin", f"{NAME}:admin", "system:masters")
    encoded = {name: base64.b64encode(path.read_bytes()).decode() for name, path in (("ca", authority.path), ("crt", certificate), ("key", key))}
    account = {"client-certificate-data": encoded["crt"], "client-key-data": encoded["key"]}
    write(KUBECONFIG, certificates.kubeconfig({"server": API, "certificate-authority-data": encoded["ca"]}, account))


class Kubectl:
    """kubectl with the administrator's account."""

    def __init__(self, program: pathlib.Path) -> None:
        self.program = program
        link = FRONT / "bin/kubectl"
        if not link.is_symlink() or link.readlink() != program:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(program)

    def __call__(self, *arguments: str, check: bool = True) -> str:
        return run(self.program, f"--kubeconfig={KUBECONFIG}", *arguments, check=check)

    def apply(self, note: pathlib.Path, fresh: bool) -> bool:
        """Apply DNS, storage class and accounts, when daemons were started or these files are other ones."""
        content = b"".join(file.read_bytes() for file in sorted((HERE / "manifests").glob("*.yml")))
        if not fresh and note.exists() and note.read_bytes() == content:
            return False
        # The API answers before it has made its own namespaces.
        machine.until(lambda: "kube-system" in self("get", "namespaces", "-o", "name", check=False), "namespace kube-system is there", 60)
        self("apply", "--server-side", "--force-conflicts", f"--filename={HERE / 'manifests'}")
        write(note, content)
        return True

    def ready(self) -> bool:
        conditions = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
        node = self("get", "nodes", NODE, "-o", "jsonpath=" + conditions.replace(".items[*]", ""), check=False)
        dns = self("-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-dns", "-o", f"jsonpath={conditions}", check=False)
        return node == "True" and dns == "True"


def down() -> None:
    need_root()
    with alone():
        there = RUN.exists() or STATE.exists()
        machine.remove_everything(PARTS)
        remove(KUBECONFIG)
    say("nothing is left of the test cluster" if there else "there is no test cluster")


def load(names: list[str]) -> None:
    need_root()
    with alone():
        if not CONTAINERD.exists():
            raise ClusterError("There is no test cluster to bring images into: `make cluster` starts one.")
        loaded = images.load(programs.distribution(), names)
    say(f"{len(loaded)} of {len(names)} images were new to the cluster")


def check(context: str) -> None:
    """See that a person's own cluster answers, and write its kubeconfig where the tests look."""
    kubectl = shutil.which("kubectl")
    if not kubectl:
        raise ClusterError(f"K8S_CONTEXT={context}: there is no kubectl on this machine to ask that cluster with.")
    known = run(kubectl, "config", "get-contexts", "-o", "name").split()
    if context not in known:
        raise ClusterError(f"K8S_CONTEXT={context}: your kubeconfig has no such context; it has {', '.join(known) or 'none'}.")
    version = run(kubectl, "--context", context, "--request-timeout=20s", "get", "--raw", "/version")
    write(KUBECONFIG, run(kubectl, "config", "view", "--context", context, "--minify", "--flatten", "--raw"))
    say(f"context {context} answers: {' '.join(version.split())}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start it, repair it, or see that it is there")
    commands.add_parser("down", help="leave nothing of it")
    commands.add_parser("images", help="bring images of the Docker Engine into it").add_argument("names", nargs="+", metavar="IMAGE")
    arguments = parser.parse_args()
    context = os.environ.get("K8S_CONTEXT")
    try:
        if context and context != NAME:
            if arguments.command == "images":
                raise ClusterError(f"K8S_CONTEXT={context}: how images get into that cluster is its own affair (`kind load`, a registry).")
            if arguments.command == "up":
                check(context)
        elif arguments.command == "up":
            up()
        elif arguments.command == "down":
            down()
        else:
            load(arguments.names)
    except ClusterError as error:
        stop(str(error))


if __name__ == "__main__":
    main()
