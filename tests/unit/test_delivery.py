# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivery: the files of each container are in its volume, with their owner, and are written only when they differ."""

from __future__ import annotations

import io
import json
import tarfile
import typing as t

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import docker_compose, project
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import OWNERS, SERVICES
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.delivery import Delivery
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.docker import Docker, File
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ENGINE, PROGRAMS, hub

SECRETS = ("cookie_secret", "crypt_key", "proxy_token", "operator_token", "user_password", "admin_password", "tls_certificate", "tls_key")


class Engine:
    """Volumes that `docker cp` reads and writes, through a container that mounts them below /delivery."""

    def __init__(self) -> None:
        self.volumes: dict[str, dict[str, File]] = {}
        self.containers = 0
        self.writes: list[str] = []

    def __call__(self, command: list[str], **options: t.Any) -> tuple[int, bytes, bytes]:
        words = command[1:]
        if words[:2] == ["volume", "inspect"]:
            found = [{"Name": name} for name in words[2:] if name in self.volumes]
            return int(len(found) < len(words) - 2), json.dumps(found).encode(), b""
        if words[:2] == ["volume", "create"]:
            assert "vdsg.jupyterhub.name=lab" in words
            self.volumes[words[-1]] = {}
        elif words[0] == "create":
            self.containers += 1
            return 0, b"c0ffee\n", b""
        elif words[:2] == ["rm", "c0ffee"]:
            self.containers -= 1
        elif words[0] == "cp" and words[2] == "-":
            return 0, self.read(words[1].partition(":")[2]), b""
        elif words[0] == "cp":
            self.write(words[2].partition(":/delivery/")[2], options["data"])
        elif words[0] == "run":
            volume = words[words.index("--volume") + 1].partition(":")[0]
            for path in words[words.index("--") + 1 :]:
                self.volumes[volume].pop(path.removeprefix("/delivery/"))
        else:
            raise AssertionError(command)
        return 0, b"", b""

    def read(self, path: str) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for service in SERVICES:
                for name, file in self.volumes[f"lab-{service}-files"].items():
                    inside = f"delivery/{service}/{name}".removeprefix(path.strip("/").removesuffix("/.") + "/")
                    info = tarfile.TarInfo(f"./{inside}")
                    info.size, info.mode, info.uid = len(file.text.encode()), file.mode, file.owner
                    tar.addfile(info, io.BytesIO(file.text.encode()))
        return stream.getvalue()

    def write(self, service: str, archive: bytes) -> None:
        self.writes.append(service)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar.getmembers():
                file = tar.extractfile(member)
                if file:
                    self.volumes[f"lab-{service}-files"][member.name] = File(file.read().decode(), member.mode, member.uid)
                else:
                    assert member.isdir()
                    assert member.uid == OWNERS[service]


def delivery(engine: Engine, secrets: dict[str, str] | None = None, **topics: t.Any) -> Delivery:
    described = hub(**topics)
    rendered = project.render(described, ENGINE, PROGRAMS, {})
    return Delivery(Docker(engine), described, rendered, {name: f"<{name}>" for name in SECRETS} | (secrets or {}), "an/image:1")


def delivered() -> Engine:
    engine = Engine()
    first = delivery(engine)
    first.deliver(*first.plan())
    engine.writes.clear()
    return engine


def test_an_empty_engine_gets_everything() -> None:
    engine = Engine()
    first = delivery(engine)
    volumes, services = first.plan()
    assert engine.volumes == {}, "a plan makes nothing"
    assert volumes == [f"lab-{name}" for name in docker_compose.volume_names()]
    assert set(services) == set(SERVICES)
    first.deliver(volumes, services)
    assert set(engine.volumes) == set(volumes)
    hub_files = engine.volumes["lab-hub-files"]
    assert hub_files["secrets/cookie_secret"] == File("<cookie_secret>\n", 0o400, 1000)
    assert hub_files["jupyterhub_config.py"].mode == 0o444
    assert engine.volumes["lab-proxy-files"]["token"] == File("<proxy_token>\n", 0o400, 65534)
    assert set(engine.volumes["lab-edge-files"]) == {"nginx.conf", "secrets/tls_certificate", "secrets/tls_key"}
    assert not any("secrets" in name for name in engine.volumes["lab-guard-files"])
    assert engine.containers == 0, "the helper is gone"


def test_a_second_run_changes_nothing() -> None:
    engine = delivered()
    assert delivery(engine).plan() == ([], {})
    assert engine.containers == 0


def test_only_what_differs_is_written() -> None:
    engine = delivered()
    changed = delivery(engine, network={"max_upload": "4G"}, users=[{"name": "geoheil", "admin": True}, {"name": "jenny"}])
    volumes, services = changed.plan()
    assert services == {"hub": ["userlist.json"], "edge": ["nginx.conf"]}
    changed.deliver(volumes, services)
    assert sorted(engine.writes) == ["edge", "hub"]
    assert delivery(engine, {"proxy_token": "new"}, network={"max_upload": "4G"}, users=[{"name": "geoheil", "admin": True}, {"name": "jenny"}]).plan() == (
        [],
        {"proxy": ["token"], "hub": ["secrets/proxy_token"]},
    )


def test_what_somebody_changed_or_left_there_is_put_right() -> None:
    engine = delivered()
    files = engine.volumes["lab-hub-files"]
    files["left.py"] = File("x", 0o444, 1000)
    files["secrets/cookie_secret"] = files["secrets/cookie_secret"]._replace(mode=0o644)
    again = delivery(engine)
    assert again.plan() == ([], {"hub": ["left.py", "secrets/cookie_secret"]})
    again.deliver(*again.plan())
    assert "left.py" not in engine.volumes["lab-hub-files"]
    assert delivery(engine).plan() == ([], {})


def test_the_helper_is_gone_even_when_delivery_fails() -> None:
    engine = delivered()
    delivery_of = delivery(engine)
    try:
        with delivery_of.helper():
            assert engine.containers == 1
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert engine.containers == 0
