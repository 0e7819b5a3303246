# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images for the cluster's containerd: small ones made of one program, and those of the Docker Engine."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import platform
import subprocess
import tarfile

from ansible_collections.vdsg.jupyterhub.tests.cluster.common import CONTAINERD, ClusterError, run, say
from ansible_collections.vdsg.jupyterhub.tests.cluster.parts import PAUSE_IMAGE

COREDNS_IMAGE = "vdsg.test/coredns:1"
# A shell, a web server and `reach`, which tries addresses: what tests of a network want in a pod. Debian's static wget and nc crash without the libc's files.
BUSYBOX_IMAGE = "vdsg.test/busybox:1"


def _ctr(node: pathlib.Path, *arguments: str, stdin: bytes | None = None) -> str:
    return run(f"{node}/usr/bin/ctr", "--address", CONTAINERD, "--namespace", "k8s.io", *arguments, stdin=stdin)


def present(node: pathlib.Path) -> dict[str, str]:
    """Return names and digests; Kubernetes calls each image by the digest of its configuration, too."""
    rows = [line.split() for line in _ctr(node, "images", "list").splitlines()[1:]]
    return {row[0]: row[2] for row in rows if len(row) > 2}


def _tar(files: dict[str, tuple[bytes, int]], links: dict[str, str]) -> bytes:
    """Return an archive with the same bytes for the same content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (data, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            entry.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            archive.addfile(entry, io.BytesIO(data))
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
            archive.addfile(entry)
    return buffer.getvalue()


def _image(programs: tuple[pathlib.Path, ...], name: str, links: tuple[str, ...], command: list[str]) -> tuple[bytes, str]:
    """Return an image of static programs, as `docker save` would write it, and its id. The links are to the first program."""
    files = {f"bin/{program.name}": (program.read_bytes(), 0o755) for program in programs}
    layer = _tar({**files, "tmp/": (b"", 0o1777)}, {f"bin/{link}": programs[0].name for link in links})
    layer_digest = hashlib.sha256(layer).hexdigest()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    description = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": command, "User": "65534:65534", "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
    }
    configuration = json.dumps(description).encode()
    identity = hashlib.sha256(configuration).hexdigest()
    manifest = json.dumps([{"Config": f"{identity}.json", "RepoTags": [name], "Layers": [f"{layer_digest}/layer.tar"]}]).encode()
    whole = {f"{identity}.json": (configuration, 0o644), f"{layer_digest}/layer.tar": (layer, 0o644), "manifest.json": (manifest, 0o644)}
    return _tar(whole, {}), f"sha256:{identity}"


def own(node: pathlib.Path, addons: pathlib.Path) -> None:
    """Import the images that the cluster itself and its tests start."""
    applets = ("httpd", "nslookup", "sh", "sleep", "cat", "touch", "id", "ls", "mkdir", "echo", "hostname", "stat")
    wanted = {
        PAUSE_IMAGE: ((addons / "pause",), (), ["/bin/pause"]),
        COREDNS_IMAGE: ((addons / "coredns",), (), ["/bin/coredns"]),
        BUSYBOX_IMAGE: ((node / "bin/busybox", addons / "reach"), applets, ["/bin/sh", "-c"]),
    }
    there = present(node)
    for name, (files, links, command) in wanted.items():
        archive, identity = _image(files, name, links, command)
        if not _same(there, name, identity):
            _ctr(node, "images", "import", "-", stdin=archive)
            say(name)


def _same(there: dict[str, str], name: str, identity: str) -> bool:
    return name in there and there[name] in (identity, there.get(identity))


def canonical(name: str) -> str:
    """Return an image's name as containerd writes it."""
    host = name.partition("/")[0]
    if host == name:
        name = f"docker.io/library/{name}"
    elif not ("." in host or ":" in host or host == "localhost"):
        name = f"docker.io/{name}"
    return name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"


def load(node: pathlib.Path, names: list[str]) -> list[str]:
    """Bring images of the Docker Engine into the cluster, those that it has not; return their names."""
    there, loaded = present(node), []
    for name in names:
        identity = run("docker", "image", "inspect", "--format", "{{.Id}}", name).strip()
        if _same(there, canonical(name), identity):
            continue
        with subprocess.Popen(["docker", "save", name], stdout=subprocess.PIPE) as save:
            command = [f"{node}/usr/bin/ctr", "--address", str(CONTAINERD), "--namespace", "k8s.io", "images", "import", "-"]
            imported = subprocess.run(command, stdin=save.stdout, capture_output=True, check=False)
            if save.stdout:
                save.stdout.close()
            if save.wait() or imported.returncode:
                raise ClusterError(f"The image {name} did not get into the cluster: {imported.stderr.decode(errors='replace').strip()}")
        say(name)
        loaded.append(name)
    return loaded
