# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found out about an engine, and what is refused, against what a real one said (docker 20.10.24 and 28.2.2, compose 2.26.1)."""

from __future__ import annotations

import json
import pathlib
import socket
import typing as t
from unittest import mock

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import images, versions
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Certbot, DockerCompose
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import files, preflight
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.docker import Docker
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.preflight import Facts, Preflight
from ansible_collections.vdsg.jupyterhub.tests.unit.support import hub

COMPOSE = {"SchemaVersion": "0.1.0", "Vendor": "Docker Inc.", "Version": "2.26.1-4", "ShortDescription": "Docker Compose", "Name": "compose"}
BUILDX = {"SchemaVersion": "0.1.0", "Vendor": "Docker Inc.", "Version": "0.13.1+ds1", "ShortDescription": "Docker Buildx", "Name": "buildx"}
INFO: dict[str, t.Any] = {
    "ID": "GYSJ:MPIM",
    "Containers": 12,
    "Driver": "overlay2",
    "CgroupVersion": "1",
    "DockerRootDir": "/var/lib/docker",
    "ServerVersion": "20.10.24+dfsg1",
    "SecurityOptions": ["name=seccomp,profile=default"],
    "Warnings": None,
    "ClientInfo": {"Debug": False, "Version": "28.2.2", "Context": "default", "Plugins": [BUILDX, COMPOSE], "Warnings": None},
}
DOWN = {**INFO, "ServerVersion": "", "SecurityOptions": None, "DockerRootDir": "", "ID": "", "Driver": ""}
DOWN_MESSAGE = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
CONTAINER = {
    "Command": '"nginx -c /etc/edge/nginx.conf"',
    "CreatedAt": "2026-11-21 04:35:24 +0000 UTC",
    "ID": "02b20e568c678278031f028416f1ce4e771d679c91fcd685346a0f69dbcd0040",
    "Labels": "com.docker.compose.project=lab,vdsg.jupyterhub.component=edge,vdsg.jupyterhub.name=lab",
    "Names": "lab-edge",
    "Networks": "lab-front",
    "Platform": None,
    "Ports": "127.0.0.1:8000->8080/tcp, 127.0.0.1:8443->8443/tcp",
    "State": "running",
    "Status": "Up 1 second (health: starting)",
}
FOREIGN = {**CONTAINER, "Labels": "com.docker.compose.project=other", "Names": "other-web", "Ports": "0.0.0.0:8443->443/tcp, :::8443->443/tcp"}
BRIDGE = {"Name": "bridge", "Driver": "bridge", "IPAM": {"Driver": "default", "Options": None, "Config": [{"Subnet": "172.17.0.0/16"}]}, "Internal": False}
NONE = {"Name": "none", "Driver": "null", "IPAM": {"Driver": "default", "Options": None, "Config": []}}
SIX = {"Name": "six", "Driver": "bridge", "IPAM": {"Config": [{"Subnet": "fd00::/64"}, {"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}]}}
LOCAL = {"bind_address": "127.0.0.1", "http_port": 8000, "https_port": 8443}
SPAWNER = {"image": "quay.io/jupyter/scipy-notebook:hub-6.1.1"}


def image(reference: str, **labels: str) -> dict[str, t.Any]:
    return {"Id": f"sha256:{reference}", "RepoTags": [reference], "RepoDigests": [], "Config": {"User": "", "Labels": labels or None}, "Os": "linux"}


class Engine:
    """A docker command that answers like the recorded one."""

    def __init__(self, tmp_path: pathlib.Path) -> None:
        self.info = INFO
        self.message = ""
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "docker.sock").touch()
        (tmp_path / "link").symlink_to(tmp_path / "run")
        self.endpoint = f"unix://{tmp_path}/link/docker.sock"
        self.containers: list[dict[str, t.Any]] = []
        self.networks: list[dict[str, t.Any]] = [BRIDGE, NONE]
        self.images: list[dict[str, t.Any]] = []
        self.registry = False
        self.version: str | None = "6.1.1"
        self.asked: list[list[str]] = []
        self.tmp_path = tmp_path

    def __call__(self, command: list[str], **_options: t.Any) -> tuple[int, bytes, bytes]:
        self.asked.append(command)
        words = command[3:] if command[1] in ("--host", "--context") else command[1:]
        if command[0] == "git":
            known = words[-2] == "https://git.example.org/course.git" and words[-1] == "main"
            return (0, b"0123abc\trefs/heads/main\n", b"") if known else (2, b"", b"fatal: repository not found")
        if words[0] == "info":
            return int(bool(self.message)), json.dumps(self.info).encode() + b"\n", self.message.encode()
        if words[:2] == ["context", "inspect"]:
            return 0, f"{self.endpoint}\n".encode(), b""
        if words[0] == "ps":
            return 0, "".join(json.dumps(item) + "\n" for item in self.containers).encode(), b""
        if words[:2] == ["network", "ls"]:
            return 0, "".join(f"{item['Name']}\n" for item in self.networks).encode(), b""
        if words[0] in ("network", "image") and words[1] == "inspect":
            found = self.networks if words[0] == "network" else [item for item in self.images if any(preflight.has([item], word) for word in words[2:])]
            return int(len(found) < len(words) - 2), json.dumps(found).encode(), b"Error response from daemon: no such image"
        if words[:2] == ["manifest", "inspect"]:
            return (0, b"{}", b"") if self.registry else (1, b"", b"no such host")
        if words[0] == "run" and "stat" in words:
            return 0, b"997\n", b""
        if words[0] == "run" and words[-2] == "-c":
            return (0, f"{self.version}\n".encode(), b"") if self.version else (1, b"", b"ModuleNotFoundError")
        raise AssertionError(command)


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> t.Iterator[Engine]:
    made = Engine(tmp_path)
    with (
        mock.patch.object(preflight, "routes", return_value=["192.0.2.0/255.255.255.0"]),
        mock.patch.object(preflight, "taken", return_value=False),
        mock.patch("os.statvfs", return_value=mock.Mock(f_bavail=10**9, f_frsize=4096)),
    ):
        yield made


def look(engine: Engine, *, settings: dict[str, t.Any] | None = None, **topics: t.Any) -> Facts:
    compose = DockerCompose(**{"project_dir": str(engine.tmp_path), **(settings or {})})
    docker = Docker(engine, compose.docker_host, compose.docker_context)
    return Preflight(docker, hub(**{"network": LOCAL, "spawner": SPAWNER, **topics}), compose, Certbot()).run()


def refused(engine: Engine, **options: t.Any) -> str:
    with pytest.raises(DescriptionError) as caught:
        look(engine, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_empty_engine_is_described(engine: Engine) -> None:
    found = look(engine)
    assert found.engine.users_subnet == "172.16.248.0/21"
    assert found.engine.socket == str(engine.tmp_path / "run" / "docker.sock"), "a link would be no socket in a container"
    assert found.engine.socket_gid == (engine.tmp_path / "run" / "docker.sock").stat().st_gid
    assert found.engine.images == images.by_kind(images.plan(hub(spawner=SPAWNER), "registry"))
    assert [item.kind for item in found.missing] == ["base", "hub", "proxy", "edge", "user"]
    assert (found.source, found.commit, found.deployed) == ("registry", "", False)
    assert found.versions == {"engine": "20.10.24+dfsg1", "compose": "2.26.1-4"}


# --- engines that cannot be used

ENGINES: list[tuple[str, dict[str, t.Any], str, str]] = [
    ("down", DOWN, DOWN_MESSAGE, f"the Docker Engine cannot be reached through the engine of this host: {DOWN_MESSAGE}"),
    ("silent", {**DOWN, "ServerErrors": ["error during connect"]}, "", "cannot be reached through the engine of this host: error during connect"),
    ("too old", {**INFO, "ServerVersion": "19.03.15"}, "", "the Docker Engine is 19.03.15, but 20.10 or newer is needed"),
    ("without compose", {**INFO, "ClientInfo": {"Plugins": [BUILDX]}}, "", "the docker command has no compose plugin"),
    ("without plugins", {**INFO, "ClientInfo": {"Plugins": None}}, "", "the docker command has no compose plugin"),
    ("with an old compose", {**INFO, "ClientInfo": {"Plugins": [{**COMPOSE, "Version": "v2.17.3"}]}}, "", "docker compose is 2.17.3, but 2.20 or newer"),
    ("rootless", {**INFO, "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}, "", "of the engine of this host is rootless"),
]


@pytest.mark.parametrize(("info", "message", "said"), [case[1:] for case in ENGINES], ids=[case[0] for case in ENGINES])
def test_an_engine_that_cannot_be_used_is_refused(engine: Engine, info: dict[str, t.Any], message: str, said: str) -> None:
    engine.info, engine.message = info, message
    assert said in refused(engine)
    assert [command[1] for command in engine.asked] == ["info"], "nothing else was asked, nothing touched"


def test_without_a_docker_command_it_says_how_to_get_one(engine: Engine) -> None:
    del engine
    docker = Docker(mock.Mock(side_effect=FileNotFoundError(2, "No such file or directory")))
    with pytest.raises(DescriptionError, match=r"the docker command cannot be run \(No such file or directory\); install Docker's CLI"):
        docker.call("info")


def test_an_engine_is_named_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    assert "docker_compose_docker_context is 'lab', but DOCKER_HOST is set" in refused(engine, settings={"docker_context": "lab"})
    assert engine.asked == []


def test_another_engine_is_asked_by_its_name(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    look(engine, settings={"docker_host": "ssh://root@hub.example.org"})
    assert all(command[1:3] == ["--host", "ssh://root@hub.example.org"] for command in engine.asked)
    engine.asked.clear()
    engine.info, engine.message = DOWN, "error during connect"
    assert "through lab-context: error during connect" in refused(engine, settings={"docker_context": "lab-context"})
    assert engine.asked[0][1:3] == ["--context", "lab-context"]


VERSIONS = [
    ("20.10.24+dfsg1", "20.10", False),
    ("9.0", "20.10", True),
    ("28.2.2", "20.10", False),
    ("20.9", "20.10", True),
    ("2.20.0-desktop.1", "2.20", False),
]


@pytest.mark.parametrize(("version", "least", "answer"), VERSIONS)
def test_versions_are_compared_as_numbers(version: str, least: str, answer: bool) -> None:
    assert preflight.older(version, least) is answer


# --- names and ports


def test_a_container_with_a_name_of_ours_must_be_ours(engine: Engine) -> None:
    engine.containers = [{**FOREIGN, "Names": "lab-hub", "Ports": ""}]
    assert "the engine has a container lab-hub that is not of this hub" in refused(engine)
    engine.containers = [{**CONTAINER, "Names": "lab-hub", "Ports": "", "Labels": "vdsg.jupyterhub.name=lab2"}]
    assert "not of this hub" in refused(engine), "a name that begins alike is another hub"
    engine.containers = [{**CONTAINER, "Names": "lab-hub"}]
    assert look(engine).deployed


LEFTOVERS = [
    ("a container that runs", {}, []),
    ("one that stopped", {"State": "exited"}, []),
    ("one that was never started", {"State": "created"}, ["lab-edge"]),
    ("one that compose was about to rename", {"Names": "0123456789ab_lab-edge"}, ["0123456789ab_lab-edge"]),
    ("a helper of a delivery", {"Names": "vigorous_hopper", "Labels": "vdsg.jupyterhub.component=delivery,vdsg.jupyterhub.name=lab"}, ["vigorous_hopper"]),
    ("another hub's", {"State": "created", "Labels": "vdsg.jupyterhub.component=edge,vdsg.jupyterhub.name=lab2", "Names": "lab2-edge"}, []),
    ("somebody's server", {"Names": "lab-user-ann", "Labels": "vdsg.jupyterhub.component=singleuser,vdsg.jupyterhub.name=lab"}, []),
]


@pytest.mark.parametrize(("container", "leftovers"), [case[1:] for case in LEFTOVERS], ids=[case[0] for case in LEFTOVERS])
def test_what_a_run_left_behind_is_found(engine: Engine, container: dict[str, str], leftovers: list[str]) -> None:
    engine.containers = [{**CONTAINER, "Ports": "", **container}]
    assert list(look(engine).leftovers) == leftovers


def test_a_port_must_be_free_or_ours(engine: Engine) -> None:
    engine.containers = [FOREIGN]
    assert "jupyterhub_network.https_port 8443 is taken by the container other-web" in refused(engine)
    look(engine, tls={"mode": "none"})
    engine.containers = [CONTAINER]
    with mock.patch.object(preflight, "taken", return_value=True):
        look(engine)
        engine.containers = []
        assert "jupyterhub_network.http_port 8000 is taken by another program of the host (see: ss -ltnp 'sport = :8000')" in refused(engine)
        engine.endpoint = "ssh://root@hub.example.org"
        look(engine)


PORTS = [
    ("", set()),
    ("0.0.0.0:443->8443/tcp, :::443->8443/tcp", {443}),
    ("8000/tcp", set()),
    ("127.0.0.1:80->8080/tcp, 127.0.0.1:8443->8443/tcp, 9000/udp", {80, 8443}),
    ("0.0.0.0:8000-8002->8000-8002/tcp", {8000, 8001, 8002}),
    ("[::]:443->8443/tcp", {443}),
]


@pytest.mark.parametrize(("text", "ports"), PORTS, ids=[text for text, _ports in PORTS])
def test_published_ports_are_read_from_what_docker_prints(text: str, ports: set[int]) -> None:
    assert preflight.published_ports(text) == ports


def test_a_port_that_a_program_listens_on_is_taken() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert preflight.taken("127.0.0.1", port)
        assert preflight.taken("0.0.0.0", port)
    assert not preflight.taken("127.0.0.1", port)


def test_an_address_of_another_host_is_refused() -> None:
    with pytest.raises(DescriptionError, match=r"jupyterhub_network\.bind_address is 192\.0\.2\.1, which is not an address of the host"):
        preflight.taken("192.0.2.1", 8443)


# --- networks


def test_the_subnet_is_free_and_kept(engine: Engine) -> None:
    engine.networks = [BRIDGE, SIX, {**BRIDGE, "Name": "x", "IPAM": {"Config": [{"Subnet": "172.16.255.0/24"}]}}]
    assert look(engine).engine.users_subnet == "172.16.240.0/21"
    with mock.patch.object(preflight, "routes", return_value=["172.16.240.0/255.255.240.0"]):
        assert look(engine).engine.users_subnet == "172.16.232.0/21"
        engine.networks.append({**BRIDGE, "Name": "lab-users", "IPAM": {"Config": [{"Subnet": "172.20.0.0/21"}]}})
        assert look(engine).engine.users_subnet == "172.20.0.0/21", "it is the hub's own"


def test_a_subnet_that_overlaps_is_refused(engine: Engine) -> None:
    engine.networks = [BRIDGE, SIX, {**BRIDGE, "Name": "lab-users", "IPAM": {"Config": [{"Subnet": "10.77.0.0/20"}]}}]
    said = refused(engine, network={**LOCAL, "users_subnet": "10.9.0.0/20"})
    assert "jupyterhub_network.users_subnet 10.9.0.0/20 overlaps 10.9.0.0/24 of the engine's network six" in said
    assert look(engine, network={**LOCAL, "users_subnet": "10.77.0.0/20"}).engine.users_subnet == "10.77.0.0/20"


def test_the_network_of_the_database_must_exist(engine: Engine) -> None:
    database = {"type": "postgresql", "host": "db", "network": "postgres"}
    assert "jupyterhub_database.network is 'postgres', but the engine has no network of that name" in refused(engine, database=database)
    engine.networks.append({**BRIDGE, "Name": "postgres"})
    look(engine, database=database)


def test_routes_are_read_from_the_kernel() -> None:
    head = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT"
    table = f"{head}\neth0 00000000 0100000A 0003 0 0 0 00000000 0 0 0\neth0 0000A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"
    with mock.patch.object(files, "read", return_value=table):
        assert preflight.routes() == ["192.168.0.0/255.255.255.0"]
    with mock.patch.object(files, "read", return_value=None):
        assert preflight.routes() == []


# --- images


def test_images_that_are_there_are_not_missing(engine: Engine) -> None:
    names = [item.reference for item in images.plan(hub(spawner=SPAWNER), "registry")]
    engine.images = [image(name.removeprefix("docker.io/").removeprefix("library/")) for name in names]
    engine.images[-1]["Config"]["Labels"] = {"vdsg.jupyterhub.version": versions.JUPYTERHUB}
    assert look(engine).missing == ()


NAMES = [
    ("docker.io/library/debian:bookworm-slim", "debian:bookworm-slim", True),
    ("docker.io/nginxinc/nginx:1", "nginxinc/nginx:1", True),
    ("nginx", "nginx:latest", True),
    ("registry:5000/x", "registry:5000/x:latest", True),
    ("x/y:1", "x/y:2", False),
]


@pytest.mark.parametrize(("reference", "tag", "there"), NAMES, ids=[name for name, _tag, _there in NAMES])
def test_an_image_is_known_by_the_name_that_the_engine_gives_it(reference: str, tag: str, there: bool) -> None:
    assert preflight.has([image(tag)], reference) is there


def test_an_image_is_known_by_its_digest_with_or_without_a_tag() -> None:
    digest = "@sha256:" + "0" * 64
    pulled = {"Id": "sha256:1", "RepoTags": None, "RepoDigests": [f"quay.io/x/y{digest}"]}
    assert preflight.has([pulled], f"quay.io/x/y{digest}")
    assert preflight.has([pulled], f"quay.io/x/y:1.0{digest}")
    assert not preflight.has([pulled], "quay.io/x/y:1.0")


def test_too_little_disk_is_refused_only_when_images_must_be_made(engine: Engine) -> None:
    with mock.patch("os.statvfs", return_value=mock.Mock(f_bavail=10**6, f_frsize=4096)):
        assert "/var/lib/docker has 4.1 GB free, but docker_compose_min_free_disk asks for 5 GB" in refused(engine)
        look(engine, settings={"min_free_disk": 1.0})
        engine.images = [image(item.reference, **{"vdsg.jupyterhub.version": "6.1.1"}) for item in images.plan(hub(spawner=SPAWNER), "registry")]
        look(engine)


def test_a_user_image_has_the_major_version_of_the_hub(engine: Engine) -> None:
    engine.images = [image(SPAWNER["image"], **{"vdsg.jupyterhub.version": "5.4.6"})]
    said = refused(engine)
    assert said.startswith("jupyterhub_spawner.image ")
    assert SPAWNER["image"] in said
    assert f"has JupyterHub 5.4.6, but the hub is {versions.JUPYTERHUB}" in said
    engine.images = [image(SPAWNER["image"], **{"vdsg.jupyterhub.version": "6.0.0"})]
    look(engine)
    engine.images.append(image("x/y:1", **{"vdsg.jupyterhub.version": "4.1.0"}))
    said = refused(engine, profiles=[{"name": "a", "image": "x/y:1"}])
    assert "x/y:1" in said
    assert "has JupyterHub 4.1.0" in said


def test_an_image_without_a_label_is_asked_once(engine: Engine) -> None:
    engine.images = [image(SPAWNER["image"])]
    look(engine)
    look(engine)
    runs = [command for command in engine.asked if command[1] == "run"]
    assert len(runs) == 1
    assert {"--network", "none", "--cap-drop", "ALL", "--rm"} <= set(runs[0])
    engine.images[0]["Id"] = "sha256:new"
    engine.version = "5.4.6"
    assert "has JupyterHub 5.4.6" in refused(engine)
    engine.images[0]["Id"], engine.version = "sha256:none", None
    assert "has no JupyterHub in its python3" in refused(engine)


def test_a_profile_may_have_the_image_of_all(engine: Engine) -> None:
    found = look(engine, spawner={}, profiles=[{"name": "a", "image": versions.USER_IMAGE}])
    assert found.engine.images["user"] == versions.USER_IMAGE


def test_auto_takes_what_is_there_else_the_registry_if_it_answers(engine: Engine) -> None:
    assert look(engine, images={"source": "auto"}).source == "bootstrap"
    engine.registry = True
    assert look(engine, images={"source": "auto"}).source == "registry"
    engine.images = [image(item.reference, **{"vdsg.jupyterhub.version": "6.1.1"}) for item in images.plan(hub(spawner=SPAWNER), "bootstrap")]
    assert look(engine, images={"source": "auto"}).source == "bootstrap"
    later = look(engine, images={"source": "auto"}, tls={"mode": "letsencrypt"}, domain="hub.example.org")
    assert later.source == "bootstrap", "an image more does not change where the others come from"
    assert [item.kind for item in later.missing] == ["certbot"]


def test_a_repository_is_at_a_commit(engine: Engine) -> None:
    def at(version: str, url: str = "https://git.example.org/course.git") -> Facts:
        return look(engine, spawner={}, images={"user_repository": url, "user_repository_version": version})

    assert at("main").commit == "0123abc"
    assert at("0" * 40).commit == "0" * 40
    with pytest.raises(DescriptionError, match=r"user_repository is 'https://x', which cannot be read: fatal: repository not found"):
        at("main", "https://x")


# --- an engine on another host


def test_the_group_of_a_remote_socket_is_what_a_container_sees(engine: Engine) -> None:
    engine.endpoint = "ssh://root@hub.example.org"
    assert look(engine).engine.socket_gid == 0, "as long as there is no image to look with"
    engine.images = [image(item.reference, **{"vdsg.jupyterhub.version": "6.1.1"}) for item in images.plan(hub(spawner=SPAWNER), "registry")]
    found = look(engine).engine
    assert (found.socket, found.socket_gid) == ("/var/run/docker.sock", 997)
