# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes, mounts, addresses, rules, control groups: what the cluster has of this machine, and how it gives it back."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import typing as t

from ansible_collections.vdsg.jupyterhub.tests.cluster.common import (
    CONTAINERD,
    LOGS,
    NAME,
    NODE_ADDRESS,
    PODS,
    RUN,
    STATE,
    ClusterError,
    remove,
    run,
    say,
    write,
)
from ansible_collections.vdsg.jupyterhub.tests.cluster.parts import CGROUP, Part

# An interface of a type that every kernel with containers has.
INTERFACE = "vdsg-node"
TABLES = (("ip", NAME), ("ip", "kube-proxy"), ("ip6", "kube-proxy"))
CGROUPS = pathlib.Path("/sys/fs/cgroup")
# What the kubelet sets. Forwarding stays on: Docker may have come to rely on it.
SETTINGS = ("kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory", "vm/panic_on_oom")


def until(condition: t.Callable[[], bool], what: str, seconds: float, pause: float = 0.1) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise ClusterError(f"{what}: not within {seconds:.0f} s. The logs are in {LOGS}.")
        time.sleep(pause)


# Processes


def _began(pid: int) -> str | None:
    """Return when a process began, in the kernel's count: with its number, who it is. A dead one that nobody has waited for is none."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _record(name: str) -> pathlib.Path:
    return RUN / f"processes/{name}.json"


def pid_of(name: str, of: str | None = None) -> int | None:
    """Return the process of a part that runs, if `of` is given only one that runs with that digest."""
    try:
        record = json.loads(_record(name).read_text())
    except (OSError, ValueError):
        return None
    same = _began(record["pid"]) == record["began"] and of in (None, record["digest"])
    return int(record["pid"]) if same else None


def start(part: Part) -> bool:
    """Start a part unless it runs as it should."""
    if pid_of(part.name, part.digest):
        return False
    halt(part.name)
    LOGS.mkdir(parents=True, exist_ok=True)
    path = f"{part.path}:{os.environ['PATH']}" if part.path else os.environ["PATH"]
    with (LOGS / f"{part.name}.log").open("a") as log:
        # The lock of the caller, and whatever else it holds open, is not for a daemon.
        process = subprocess.Popen(
            part.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/", env={"PATH": path, "HOME": "/root"}, close_fds=True
        )
    write(_record(part.name), json.dumps({"pid": process.pid, "began": _began(process.pid), "digest": part.digest}))
    say(part.name)
    return True


def await_ready(part: Part, seconds: float = 120) -> None:
    def ready() -> bool:
        if pid_of(part.name) is None:
            lines = (LOGS / f"{part.name}.log").read_text(errors="replace").splitlines()[-15:]
            raise ClusterError(f"{part.name} ended as soon as it was started; its log {LOGS / part.name}.log ends with:\n" + "\n".join(lines))
        return part.ready()

    until(ready, f"{part.name} is ready", seconds)


def halt(*names: str) -> None:
    kill([pid for name in names if (pid := pid_of(name))], signal.SIGTERM, 5)
    kill([pid for name in names if (pid := pid_of(name))], signal.SIGKILL, 10)
    for name in names:
        _record(name).unlink(missing_ok=True)


def kill(pids: t.Iterable[int], how: signal.Signals, seconds: float) -> None:
    """Send a signal and wait for the end of the processes."""
    began = {pid: _began(pid) for pid in pids}
    for pid in began:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(moment and _began(pid) == moment for pid, moment in began.items()):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.05)


def _shims() -> list[int]:
    """The processes that containerd leaves to hold each pod."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                argv = (entry / "cmdline").read_bytes().split(b"\0")
                if str(CONTAINERD).encode() in argv and b"containerd-shim" in argv[0]:
                    found.append(int(entry.name))
    return found


# Control groups: of version 1 there is a tree for each controller


def _trees() -> list[pathlib.Path]:
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [tree for tree in CGROUPS.iterdir() if (tree / "cgroup.procs").exists() and not tree.is_symlink()]


def make_cgroups() -> None:
    for tree in _trees():
        group = tree / CGROUP.strip("/")
        group.mkdir(exist_ok=True)
        # The kernel lets nothing into a cpuset without processors and memory.
        for setting in ("cpuset.cpus", "cpuset.mems"):
            file = group / setting
            if (CGROUPS / "cgroup.controllers").exists() or not file.exists() or file.read_text().strip():
                continue
            file.write_text((tree / setting).read_text())


def _empty_cgroups() -> None:
    groups = [tree / CGROUP.strip("/") for tree in _trees()]

    def dead() -> bool:
        inside = {int(pid) for group in groups if group.exists() for file in group.rglob("cgroup.procs") for pid in _read(file).split()}
        kill(inside, signal.SIGKILL, 2)
        return not inside

    until(dead, "the pods' processes are gone", 60)
    for group in groups:
        if group.exists():
            for directory in sorted((path for path in group.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts)):
                _rmdir(directory)
            _rmdir(group)


def _read(file: pathlib.Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _rmdir(directory: pathlib.Path) -> None:
    """The kernel needs a moment after the last process is gone."""

    def gone() -> bool:
        with contextlib.suppress(OSError):
            directory.rmdir()
        return not directory.exists()

    until(gone, f"{directory} is empty", 10, 0.05)


# Network


def make_network() -> None:
    """Give the node an address that does not depend on the machine's, and let pods pass where Docker lets nothing pass."""
    saved = STATE / "settings.json"
    if not saved.exists():
        write(saved, json.dumps({name: pathlib.Path("/proc/sys", name).read_text().strip() for name in SETTINGS}))
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    if not pathlib.Path("/sys/class/net", INTERFACE).exists():
        run("ip", "link", "add", INTERFACE, "type", "bridge")
    run("ip", "address", "replace", f"{NODE_ADDRESS}/32", "dev", INTERFACE)
    run("ip", "link", "set", INTERFACE, "up")
    for rule in _accepted():
        if subprocess.run(["iptables", "--wait", "--check", *rule], capture_output=True, check=False).returncode:
            run("iptables", "--wait", "--insert", *rule)


def _accepted() -> list[list[str]]:
    if not shutil.which("iptables"):
        return []
    return [["FORWARD", side, PODS, "--match", "comment", "--comment", NAME, "--jump", "ACCEPT"] for side in ("--source", "--destination")]


def _remove_network() -> None:
    for family, table in TABLES:
        if shutil.which("nft") and f"table {family} {table}" in run("nft", "list", "tables").splitlines():
            run("nft", "delete", "table", family, table)
    for rule in _accepted():
        while subprocess.run(["iptables", "--wait", "--delete", *rule], capture_output=True, check=False).returncode == 0:
            pass
    if pathlib.Path("/sys/class/net", INTERFACE).exists():
        run("ip", "link", "delete", INTERFACE)
    saved = STATE / "settings.json"
    if saved.exists():
        for name, value in json.loads(saved.read_text()).items():
            pathlib.Path("/proc/sys", name).write_text(value)


# Everything


def _unmount() -> None:
    """Mounts on mounts: the newest first."""
    mounts = [
        re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), line.split()[4]) for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    ]
    for mount in reversed(mounts):
        if mount.startswith((f"{STATE}/", f"{RUN}/")):
            run("umount", "--lazy", mount)


def remove_everything(names: t.Iterable[str]) -> None:
    """Leave nothing of the cluster, in whatever state it is."""
    halt(*names)
    kill(_shims(), signal.SIGKILL, 5)
    _empty_cgroups()
    _unmount()
    _remove_network()
    for link in pathlib.Path("/var/log/containers").glob("*"):
        if link.is_symlink() and str(link.readlink()).startswith(str(STATE)):
            link.unlink()
    for result in pathlib.Path("/var/lib/cni/results").glob(f"{NAME}-*"):
        result.unlink()
    for empty in ("/var/log/containers", "/var/lib/cni/results", "/var/lib/cni"):
        with contextlib.suppress(OSError):
            pathlib.Path(empty).rmdir()
    remove(RUN)
    remove(STATE)
