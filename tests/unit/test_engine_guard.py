# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard's judgement, without a door and without an engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import docker.types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.tests.unit.support import program


guard = program("engine_guard")
docker_py: Any = docker.types

IMAGE = "quay.io/jupyter/scipy-notebook:2026-11-02"
POLICY: dict[str, Any] = {
    "name": "lab",
    "host": "guard",
    "port": 2375,
    "socket": "/var/run/docker.sock",
    "images": [IMAGE, "local/user@sha256:" + "a" * 64],
    "network": "lab-users",
    "container_prefix": "lab-user-",
    "mounts": [
        {"source_prefix": "lab-user-", "target": "/home/jovyan/work", "read_only": False},
        {"source_prefix": "lab-shared-", "target": "/srv/shared", "read_only": True},
    ],
    "labels": {"vdsg.jupyterhub.name": "lab", "vdsg.jupyterhub.component": "singleuser"},
    "pids_limit": 1024,
    "log_options": {"max-size": "10m", "max-file": "3"},
    "firewall_ready": None,
}
RULES = guard.read_policy(json.dumps(POLICY))
ID = "0123456789abcdef" * 4


def create(body: Any, query: str = "name=lab-user-ada", content_type: str = "application/json") -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return guard.judge(RULES, "POST", f"/v1.41/containers/create?{query}", content_type, raw)


def spawner_body(**host: Any) -> dict[str, Any]:
    """What dockerspawner 14 sends through docker-py 7.2."""
    host_config = docker_py.HostConfig(
        version="1.41",
        auto_remove=True,
        binds={"lab-user-ada": {"bind": "/home/jovyan/work", "mode": "rw"}},
        links={},
        mounts=[],
        mem_limit="1g",
        cpu_period=100000,
        cpu_quota=50000,
        network_mode="lab-users",
        **host,
    )
    config = docker_py.ContainerConfig(
        "1.41",
        IMAGE,
        ["jupyterhub-singleuser"],
        volumes=["/home/jovyan/work"],
        ports={"8888/tcp": None},
        environment={"JUPYTERHUB_API_TOKEN": "secret"},
        host_config=host_config,
    )
    return {key: value for key, value in config.items() if value is not None}


def test_what_dockerspawner_sends_becomes_a_server_with_the_forced_fields() -> None:
    call = create(spawner_body())
    assert call.name == "lab-user-ada"
    assert call.volumes == ("lab-user-ada",)
    assert call.body == {
        "Image": IMAGE,
        "Cmd": ["jupyterhub-singleuser"],
        "Env": ["JUPYTERHUB_API_TOKEN=secret"],
        "Labels": {"vdsg.jupyterhub.name": "lab", "vdsg.jupyterhub.component": "singleuser"},
        "HostConfig": {
            "Memory": 1073741824,
            "MemorySwap": 1073741824,
            "CpuQuota": 50000,
            "CpuPeriod": 100000,
            "PidsLimit": 1024,
            "AutoRemove": True,
            "NetworkMode": "lab-users",
            "Mounts": [{"Type": "volume", "Source": "lab-user-ada", "Target": "/home/jovyan/work", "ReadOnly": False}],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "IpcMode": "private",
            "Init": True,
            "RestartPolicy": {"Name": "no"},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
        },
    }


def test_hardening_that_the_hub_asks_for_itself_is_accepted() -> None:
    call = create(
        spawner_body(cap_drop=["ALL"], security_opt=["no-new-privileges"], pids_limit=100, init=True, shm_size="64m", ipc_mode="private", cpu_shares=512)
    )
    assert call.body["HostConfig"]["PidsLimit"] == 100
    assert call.body["HostConfig"]["ShmSize"] == 64 * 1024**2
    assert call.body["HostConfig"]["CpuShares"] == 512


@pytest.mark.parametrize("asked", [0, -1, 5000, None, "all"])
def test_the_limit_of_processes_is_a_ceiling(asked: Any) -> None:
    assert create({"Image": IMAGE, "HostConfig": {"PidsLimit": asked}}).body["HostConfig"]["PidsLimit"] == 1024


def test_a_shared_volume_stays_read_only_whatever_is_asked() -> None:
    mount = docker_py.Mount("/srv/shared/course", "lab-shared-course", read_only=False)
    call = create({"Image": IMAGE, "HostConfig": {"Mounts": [mount]}})
    assert call.body["HostConfig"]["Mounts"] == [{"Type": "volume", "Source": "lab-shared-course", "Target": "/srv/shared/course", "ReadOnly": True}]


def test_labels_of_our_own_prefix_pass_and_the_policy_has_the_last_word() -> None:
    call = create({"Image": IMAGE, "Labels": {"vdsg.jupyterhub.user": "ada"}})
    assert call.body["Labels"] == {**POLICY["labels"], "vdsg.jupyterhub.user": "ada"}


VOLUME = {"Type": "volume", "Source": "lab-user-ada", "Target": "/home/jovyan/work"}
ESCAPES: list[tuple[str, dict[str, Any], str]] = [
    ("privileged", {"HostConfig": {"Privileged": True}}, "HostConfig.Privileged"),
    ("privileged in lower case", {"HostConfig": {"privileged": True}}, "HostConfig.privileged"),
    ("HostConfig in lower case", {"hostconfig": {"Privileged": True}}, "hostconfig"),
    ("a capability", {"HostConfig": {"CapAdd": ["SYS_ADMIN"]}}, "CapAdd"),
    ("a device", {"HostConfig": {"Devices": [{"PathOnHost": "/dev/sda"}]}}, "Devices"),
    ("a GPU", {"HostConfig": {"DeviceRequests": [{"Count": -1}]}}, "DeviceRequests"),
    ("device rules", {"HostConfig": {"DeviceCgroupRules": ["a *:* rwm"]}}, "DeviceCgroupRules"),
    ("the host's processes", {"HostConfig": {"PidMode": "host"}}, "PidMode"),
    ("the processes of another", {"HostConfig": {"PidMode": f"container:{ID}"}}, "PidMode"),
    ("the host's IPC", {"HostConfig": {"IpcMode": "host"}}, "IpcMode"),
    ("the IPC of another", {"HostConfig": {"IpcMode": "container:lab-hub"}}, "IpcMode"),
    ("the host's UTS", {"HostConfig": {"UTSMode": "host"}}, "UTSMode"),
    ("the host's users", {"HostConfig": {"UsernsMode": "host"}}, "UsernsMode"),
    ("the host's cgroups", {"HostConfig": {"CgroupnsMode": "host"}}, "CgroupnsMode"),
    ("a cgroup", {"HostConfig": {"CgroupParent": "/"}}, "CgroupParent"),
    ("a runtime", {"HostConfig": {"Runtime": "runc"}}, "Runtime"),
    ("a runtime at the top", {"Runtime": "runc"}, "Runtime"),
    ("a sysctl", {"HostConfig": {"Sysctls": {"net.ipv4.ip_forward": "1"}}}, "Sysctls"),
    ("no seccomp", {"HostConfig": {"SecurityOpt": ["seccomp=unconfined"]}}, "SecurityOpt"),
    ("no apparmor", {"HostConfig": {"SecurityOpt": ["no-new-privileges", "apparmor=unconfined"]}}, "SecurityOpt"),
    ("new privileges", {"HostConfig": {"SecurityOpt": ["no-new-privileges:false"]}}, "SecurityOpt"),
    ("unmasked paths", {"HostConfig": {"MaskedPaths": ["/x"]}}, "MaskedPaths"),
    ("writable proc", {"HostConfig": {"ReadonlyPaths": ["/x"]}}, "ReadonlyPaths"),
    ("volumes of another", {"HostConfig": {"VolumesFrom": ["lab-hub"]}}, "VolumesFrom"),
    ("a volume driver", {"HostConfig": {"VolumeDriver": "local"}}, "VolumeDriver"),
    ("the root directory", {"HostConfig": {"Binds": ["/:/home/jovyan/work"]}}, "Binds"),
    ("the socket", {"HostConfig": {"Binds": ["/var/run/docker.sock:/home/jovyan/work/s"]}}, "Binds"),
    ("a relative path", {"HostConfig": {"Binds": ["lab-user-/../..:/home/jovyan/work"]}}, "Binds"),
    ("the hub's volume", {"HostConfig": {"Binds": ["lab-data:/home/jovyan/work"]}}, "Binds"),
    ("another hub's volume", {"HostConfig": {"Binds": ["other-user-ada:/home/jovyan/work"]}}, "Binds"),
    ("the bare prefix", {"HostConfig": {"Binds": ["lab-user-:/home/jovyan/work"]}}, "Binds"),
    ("a volume at another place", {"HostConfig": {"Binds": ["lab-user-ada:/etc"]}}, "Binds"),
    ("a volume beside the place", {"HostConfig": {"Binds": ["lab-user-ada:/home/jovyan/workshop"]}}, "Binds"),
    ("a volume above the place", {"HostConfig": {"Binds": ["lab-user-ada:/home/jovyan/work/../../../etc"]}}, "Binds"),
    ("a shared volume at home", {"HostConfig": {"Binds": ["lab-shared-x:/home/jovyan/work"]}}, "Binds"),
    ("a propagation", {"HostConfig": {"Binds": ["lab-user-ada:/home/jovyan/work:rw,shared"]}}, "Binds"),
    ("an anonymous volume", {"HostConfig": {"Binds": ["/home/jovyan/work"]}}, "Binds"),
    ("a bind mount", {"HostConfig": {"Mounts": [{**VOLUME, "Type": "bind", "Source": "/"}]}}, "Mounts"),
    ("a mount without type", {"HostConfig": {"Mounts": [{"Source": "lab-user-ada", "Target": "/home/jovyan/work"}]}}, "Mounts"),
    ("a type in lower case beside", {"HostConfig": {"Mounts": [{**VOLUME, "type": "bind"}]}}, "body"),
    ("a tmpfs", {"HostConfig": {"Mounts": [{"Type": "tmpfs", "Target": "/home/jovyan/work"}]}}, "Mounts"),
    ("a pipe", {"HostConfig": {"Mounts": [{**VOLUME, "Type": "npipe"}]}}, "Mounts"),
    (
        "a volume made by a driver",
        {"HostConfig": {"Mounts": [{**VOLUME, "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"type": "none", "o": "bind", "device": "/"}}}}]}},
        "Mounts",
    ),
    ("tmpfs of the host config", {"HostConfig": {"Tmpfs": {"/x": "exec"}}}, "Tmpfs"),
    ("the host's network", {"HostConfig": {"NetworkMode": "host"}}, "NetworkMode"),
    ("the default bridge", {"HostConfig": {"NetworkMode": "bridge"}}, "NetworkMode"),
    ("the engine's network", {"HostConfig": {"NetworkMode": "lab-engine"}}, "NetworkMode"),
    ("the network of another", {"HostConfig": {"NetworkMode": "container:lab-hub"}}, "NetworkMode"),
    ("a second network", {"NetworkingConfig": {"EndpointsConfig": {"lab-engine": {}}}}, "NetworkingConfig"),
    ("an address of the hub's", {"NetworkingConfig": {"EndpointsConfig": {"lab-users": {"IPAMConfig": {"IPv4Address": "172.31.248.2"}}}}}, "NetworkingConfig"),
    ("an alias of the hub's", {"NetworkingConfig": {"EndpointsConfig": {"lab-users": {"Aliases": ["hub"]}}}}, "NetworkingConfig"),
    ("a hardware address", {"MacAddress": "02:42:ac:1f:f8:02"}, "MacAddress"),
    ("published ports", {"HostConfig": {"PortBindings": {"8888/tcp": [{"HostPort": "22"}]}}}, "PortBindings"),
    ("all ports published", {"HostConfig": {"PublishAllPorts": True}}, "PublishAllPorts"),
    ("a link", {"HostConfig": {"Links": ["lab-hub:hub"]}}, "Links"),
    ("other names", {"HostConfig": {"ExtraHosts": ["hub:10.0.0.1"]}}, "ExtraHosts"),
    ("other name servers", {"HostConfig": {"Dns": ["10.0.0.1"]}}, "Dns"),
    ("restart always", {"HostConfig": {"RestartPolicy": {"Name": "always"}}}, "RestartPolicy"),
    ("logs to elsewhere", {"HostConfig": {"LogConfig": {"Type": "syslog", "Config": {}}}}, "LogConfig"),
    ("the last to be killed", {"HostConfig": {"OomScoreAdj": -1000}}, "OomScoreAdj"),
    ("never to be killed", {"HostConfig": {"OomKillDisable": True}}, "OomKillDisable"),
    ("limits of its own", {"HostConfig": {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}]}}, "Ulimits"),
    ("groups of the host", {"HostConfig": {"GroupAdd": ["docker"]}}, "GroupAdd"),
    ("storage options", {"HostConfig": {"StorageOpt": {"size": "1T"}}}, "StorageOpt"),
    ("a file with the id", {"HostConfig": {"ContainerIDFile": "/etc/x"}}, "ContainerIDFile"),
    ("annotations", {"HostConfig": {"Annotations": {"a": "b"}}}, "Annotations"),
    ("more shared memory than memory", {"HostConfig": {"Memory": 1024, "ShmSize": 2048}}, "ShmSize"),
    ("shared memory without end", {"HostConfig": {"ShmSize": 2**40}}, "ShmSize"),
    ("memory as text", {"HostConfig": {"Memory": "1g"}}, "Memory"),
    ("memory below zero", {"HostConfig": {"Memory": -1}}, "Memory"),
    ("processor time beyond numbers", {"HostConfig": {"CpuQuota": 2**70}}, "CpuQuota"),
    ("root", {"User": "root"}, "User"),
    ("zero", {"User": "0"}, "User"),
    ("zero as a number", {"User": 0}, "User"),
    ("zero in disguise", {"User": "00"}, "User"),
    ("zero by overflow", {"User": "4294967296"}, "User"),
    ("root's group", {"User": "1000:0"}, "User"),
    ("another image", {"Image": "alpine"}, "Image"),
    ("an image by its id", {"Image": "sha256:" + "a" * 64}, "Image"),
    ("another tag", {"Image": IMAGE + "x"}, "Image"),
    ("a health check", {"Healthcheck": {"Test": ["CMD", "x"]}}, "Healthcheck"),
    ("an entry point", {"Entrypoint": ["sh"]}, "Entrypoint"),
    ("a build trigger", {"OnBuild": ["RUN x"]}, "OnBuild"),
    ("an open input", {"OpenStdin": True}, "OpenStdin"),
    ("a host name", {"Hostname": "lab-hub"}, "Hostname"),
    ("anonymous volumes", {"Volumes": {"/var": {}}}, "Volumes"),
    ("another hub's label", {"Labels": {"vdsg.jupyterhub.name": "other"}}, "Labels"),
    ("another component's label", {"Labels": {"vdsg.jupyterhub.component": "hub"}}, "Labels"),
    ("a label of compose", {"Labels": {"com.docker.compose.project": "lab"}}, "Labels"),
    ("a label of a reverse proxy", {"Labels": {"traefik.enable": "true"}}, "Labels"),
    ("a label in another case", {"Labels": {"VDSG.jupyterhub.name": "other"}}, "Labels"),
    ("an unknown field", {"HostConfig": {"Brandnew": {"a": 1}}}, "HostConfig.Brandnew"),
    ("a command that is text", {"Cmd": "sh -c x"}, "Cmd"),
    ("an environment that is an object", {"Env": {"a": "b"}}, "Env"),
    ("a relative directory", {"WorkingDir": "../x"}, "WorkingDir"),
]


@pytest.mark.parametrize(("body", "field"), [row[1:] for row in ESCAPES], ids=[row[0] for row in ESCAPES])
def test_refused_by_its_name(body: dict[str, Any], field: str) -> None:
    with pytest.raises(guard.Refusal) as refused:
        create({"Image": IMAGE, **body})
    assert field in refused.value.field + refused.value.message
    assert refused.value.status in (400, 403)


def test_a_host_config_that_is_no_object_is_refused() -> None:
    with pytest.raises(guard.Refusal, match="must be an object"):
        create({"Image": IMAGE, "HostConfig": [1]})


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"Image": "IMG", "Image": "alpine"}', "given twice"),
        (b'{"Image": "alpine", "image": "IMG"}', "given twice"),
        (b'{"Image": "IMG", "HostConfig": {}, "hostConfig": {"Privileged": true}}', "given twice"),
        (b'{"Image": "IMG", "HostConfig": {"Binds": [], "B\\u0131nds": ["/:/x"]}}', "is refused"),
        ('{"Image": "IMG", "HostConfig": {"Binds": [], "Bind\u017f": ["/:/x"]}}'.encode(), "given twice"),
        (b'{"Image": "IMG"} {"HostConfig": {"Privileged": true}}', "not JSON"),
        (b'{"Image": "IMG", "HostConfig": {"Memory": NaN}}', "not JSON"),
        (b'\xef\xbb\xbf{"Image": "IMG"}', "not JSON"),
        (b'{"Image": "\xff"}', "not JSON"),
        (b"[" * 100000, "not JSON"),
        (b'{"Image": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[]", "one object"),
        (b"", "not JSON"),
    ],
)
def test_a_body_with_two_readings_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(guard.Refusal, match=message):
        create(raw.replace(b"IMG", IMAGE.encode()))


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=application/json"])
def test_a_body_of_another_type_is_refused(content_type: str) -> None:
    with pytest.raises(guard.Refusal, match="application/json"):
        create({"Image": IMAGE}, content_type=content_type)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "name=",
        "name=lab-hub",
        "name=lab-user-",
        "name=other-user-ada",
        "name=/lab-user-ada",
        "name=lab-user-a/b",
        "name=lab-user-%61da",
        "name=lab-user-ada&name=lab-hub",
        "name=lab-user-ada&Name=x",
        "name=lab-user-ada&platform=linux/amd64",
        "name=lab-user-ada;name=lab-hub",
        "name=lab-user-ada#x",
        "name=lab-user-ada\n",
        f"name={ID}",
        "name=lab-user-" + "a" * 300,
    ],
)
def test_a_container_is_named_once_and_plainly(query: str) -> None:
    with pytest.raises(guard.Refusal):
        create({"Image": IMAGE}, query=query)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/containers/json"),
        ("GET", "/v1.41/containers/json?all=1"),
        ("GET", "/v1.41/info"),
        ("GET", "/v1.41/events"),
        ("GET", "/v1.41/images/json"),
        ("GET", "/v1.41/images/alpine/json"),
        ("GET", "/v1.41/images/../info/json"),
        ("GET", "/v1.41/images/" + IMAGE.replace("/", "%2F") + "/json"),
        ("GET", "/v1.41/images/" + IMAGE + "/history"),
        ("POST", "/v1.41/images/create?fromImage=alpine&tag=latest"),
        ("POST", "/v1.41/images/load"),
        ("POST", "/v1.41/build"),
        ("POST", "/v1.41/commit?container=x"),
        ("POST", "/v1.41/volumes/create"),
        ("GET", "/v1.41/volumes/lab-data"),
        ("DELETE", "/v1.41/volumes/lab-user-ada"),
        ("POST", "/v1.41/networks/create"),
        ("POST", "/v1.41/networks/lab-engine/connect"),
        ("POST", "/v1.41/swarm/init"),
        ("POST", "/v1.41/plugins/pull"),
        ("POST", "/v1.41/session"),
        ("POST", "/v1.41/grpc"),
        ("POST", "/v1.41/auth"),
        ("POST", "/v1.41/containers/prune"),
        ("POST", "/v1.41/containers/lab-user-ada/exec"),
        ("POST", "/v1.41/containers/lab-user-ada/attach?stream=1"),
        ("GET", "/v1.41/containers/lab-user-ada/attach/ws"),
        ("POST", "/v1.41/containers/lab-user-ada/update"),
        ("POST", "/v1.41/containers/lab-user-ada/rename?name=lab-hub"),
        ("POST", "/v1.41/containers/lab-user-ada/kill"),
        ("POST", "/v1.41/containers/lab-user-ada/wait"),
        ("GET", "/v1.41/containers/lab-user-ada/logs?stdout=1"),
        ("GET", "/v1.41/containers/lab-user-ada/archive?path=/"),
        ("PUT", "/v1.41/containers/lab-user-ada/archive?path=/"),
        ("GET", "/v1.41/containers/lab-user-ada/export"),
        ("GET", "/v1.41/containers/lab-user-ada/json?size=1"),
        ("POST", "/v1.41/containers/lab-user-ada/json"),
        ("GET", "/v1.41/containers/lab-user-ada/start"),
        ("POST", "/v1.41/containers/lab-user-ada/start?checkpoint=x&checkpoint-dir=/etc"),
        ("POST", "/v1.41/containers/lab-user-ada/stop?t=-1"),
        ("POST", "/v1.41/containers/lab-user-ada/stop?t=1&t=2"),
        ("POST", "/v1.41/containers/lab-user-ada/stop?signal=KILL"),
        ("DELETE", "/v1.41/containers/lab-user-ada?link=1"),
        ("DELETE", "/v1.41/containers/lab-user-ada?v=yes"),
        ("DELETE", "/v1.41/containers/lab-user-ada?v=1&x"),
        ("DELETE", "/v1.41/containers/lab-hub"),
        ("POST", "/v1.41/containers/lab-hub/stop"),
        ("GET", "/v1.41/containers/lab-proxy/json"),
        ("GET", "/v1.41/containers/0123456789ab/json"),
        ("GET", "/v1.41/containers/lab-user-/json"),
        ("GET", "/v1.41/../containers/lab-user-ada/json"),
        ("GET", "/v1.41//containers/lab-user-ada/json"),
        ("GET", "//containers/lab-user-ada/json"),
        ("GET", "/v1.41/%63ontainers/lab-user-ada/json"),
        ("GET", "/v1.41/containers/%2e%2e/json"),
        ("GET", "/v1.41/containers/lab-user-ada%2f..%2flab-hub/json"),
        ("GET", "/v1.41/containers/lab-user-ada/../lab-hub/json"),
        ("GET", "/v1.41/containers/lab-user-ada/json/"),
        ("GET", "/v1.41/containers/lab-user-ada/json\n"),
        ("GET", "/V1.41/containers/lab-user-ada/json"),
        ("GET", "/v1.18/containers/lab-user-ada/json"),
        ("GET", "/v2.0/containers/lab-user-ada/json"),
        ("GET", "http://engine/v1.41/containers/lab-user-ada/json"),
        ("GET", "/v1.41/_ping?x"),
        ("GET", "/_ping?"),
        ("POST", "/_ping"),
        ("GET", "*"),
        ("GET", ""),
    ],
)
def test_every_other_call_is_refused(method: str, target: str) -> None:
    with pytest.raises(guard.Refusal):
        guard.judge(RULES, method, target)


def test_a_pull_is_refused_with_the_reason() -> None:
    with pytest.raises(guard.Refusal, match="the deployment pulls or builds them"):
        guard.judge(RULES, "POST", "/v1.41/images/create?fromImage=x")


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/version", guard.Inquiry("/version")),
        ("GET", "/v1.43/_ping", guard.Inquiry("/v1.43/_ping")),
        ("GET", f"/v1.41/images/{IMAGE}/json", guard.Inquiry(f"/v1.41/images/{IMAGE}/json")),
        (
            "GET",
            "/v1.41/images/local/user%40sha256:" + "a" * 64 + "/json",
            guard.Inquiry("/v1.41/images/local/user@sha256:" + "a" * 64 + "/json"),
        ),
        ("GET", "/v1.41/containers/lab-user-ada/json", guard.Handling("/v1.41", "lab-user-ada", "GET", "/containers/{id}/json")),
        ("POST", f"/v1.41/containers/{ID}/start", guard.Handling("/v1.41", ID, "POST", "/containers/{id}/start", starts=True)),
        ("POST", f"/v1.41/containers/{ID}/stop", guard.Handling("/v1.41", ID, "POST", "/containers/{id}/stop")),
        ("POST", f"/v1.41/containers/{ID}/stop?t=99999", guard.Handling("/v1.41", ID, "POST", "/containers/{id}/stop", "t=120")),
        (
            "DELETE",
            "/v1.41/containers/lab-user--2dx--a?v=True&link=False&force=False",
            guard.Handling("/v1.41", "lab-user--2dx--a", "DELETE", "/containers/{id}", "v=true&force=false"),
        ),
    ],
)
def test_what_dockerspawner_calls_is_let_through(method: str, target: str, expected: Any) -> None:
    assert guard.judge(RULES, method, target) == expected


@pytest.mark.parametrize("target", ["/v1.41/containers/lab-user-ada/start", "/v1.41/containers/lab-user-ada/json", "/version"])
def test_a_body_where_none_belongs_is_refused(target: str) -> None:
    with pytest.raises(guard.Refusal, match="no body"):
        guard.judge(RULES, "POST" if target.endswith("start") else "GET", target, "application/json", b'{"Privileged": true}')


@pytest.mark.parametrize(
    ("headers", "method"),
    [
        ({"Connection": "Upgrade", "Upgrade": "tcp"}, "POST"),
        ({"Connection": "keep-alive, upgrade"}, "POST"),
        ({"Upgrade": "h2c"}, "GET"),
        ({"Content-Encoding": "gzip"}, "POST"),
        ({}, "CONNECT"),
        ({}, "PUT"),
        ({}, "get"),
    ],
)
def test_refused_by_its_head(headers: dict[str, str], method: str) -> None:
    with pytest.raises(guard.Refusal):
        guard.judge_head(headers, method)


OWN = {"Id": ID, "Name": "/lab-user-ada", "Config": {"Labels": {**POLICY["labels"], "other": "x"}}}


def test_an_own_container_is_known_by_its_id() -> None:
    assert guard.judge_container(RULES, OWN) == ID


@pytest.mark.parametrize(
    "inspected",
    [
        {},
        {**OWN, "Name": "/lab-hub"},
        {**OWN, "Id": "lab-hub"},
        {**OWN, "Config": {"Labels": None}},
        {**OWN, "Config": {"Labels": {**POLICY["labels"], "vdsg.jupyterhub.component": "hub"}}},
        {**OWN, "Config": {"Labels": {**POLICY["labels"], "vdsg.jupyterhub.name": "lab2"}}},
    ],
)
def test_a_foreign_container_is_refused(inspected: dict[str, Any]) -> None:
    with pytest.raises(guard.Refusal, match="not a user server of this hub"):
        guard.judge_container(RULES, inspected)


@pytest.mark.parametrize("labels", [None, {}, {"vdsg.jupyterhub.name": "lab", "vdsg.jupyterhub.component": "user-data"}, {"note": "restored"}])
def test_an_own_volume_and_one_without_owner_are_used(labels: dict[str, str] | None) -> None:
    guard.judge_volume(RULES, {"Name": "lab-user-ada", "Labels": labels})


@pytest.mark.parametrize(
    "labels",
    [
        {"vdsg.jupyterhub.name": "lab-user", "vdsg.jupyterhub.component": "user-data"},
        {"vdsg.jupyterhub.name": "lab", "vdsg.jupyterhub.component": "files"},
        {"com.docker.compose.project": "web"},
    ],
)
def test_a_volume_of_another_owner_is_refused(labels: dict[str, str]) -> None:
    with pytest.raises(guard.Refusal, match="not user data of this hub"):
        guard.judge_volume(RULES, {"Name": "lab-user-data", "Labels": labels})


@pytest.mark.parametrize(
    ("content", "age", "boot", "ready"),
    [
        ("b1\n", 1, "b1\n", True),
        ("b1", 59, "b1\n", True),
        ("b1", 61, "b1", False),
        ("b1", -61, "b1", False),
        ("b0", 1, "b1", False),
        ("", 1, "", False),
    ],
)
def test_the_firewall_is_ready_in_this_boot_and_lately(content: str, age: int, boot: str, ready: bool) -> None:
    assert guard.is_ready(content, 1000.0 - age, 1000.0, boot) is ready


BAD_POLICIES: list[tuple[dict[str, Any], str]] = [
    ({"prot": 1}, "unknown key 'prot'"),
    ({"port": "2375"}, "port must be"),
    ({"port": 70000}, "port must be"),
    ({"images": "x"}, "images must be"),
    ({"images": ["../x y"]}, "images must be"),
    ({"network": "host"}, "network must be"),
    ({"container_prefix": ""}, "container_prefix must be"),
    ({"mounts": [{"source_prefix": "", "target": "/x"}]}, r"mounts\[0\].source_prefix must be"),
    ({"mounts": [{"source_prefix": "/", "target": "/x"}]}, "source_prefix must be"),
    ({"mounts": [{"source_prefix": "x-", "target": "/x/../y"}]}, "target must be"),
    ({"mounts": [{"source_prefix": "x-", "target": "/x", "ro": True}]}, "unknown key 'ro'"),
    ({"labels": {}}, "labels must be"),
    ({"labels": {"vdsg.jupyterhub.name": "x", "vdsg.jupyterhub.component": "singleuser"}}, "must be the name 'lab'"),
    ({"pids_limit": 0}, "pids_limit must be"),
    ({"log_options": {}}, "log_options must be"),
    ({"firewall_ready": "ready"}, "firewall_ready must be"),
    ({"volumes": [{"source": "/x", "target": "/x", "read_only": True}]}, r"volumes\[0\].source must be"),
    ({"volumes": [{"source": "data", "target": "/x"}]}, r"volumes\[0\]: read_only is missing"),
    ({"binds": [{"source": "data", "target": "/x", "read_only": True}]}, r"binds\[0\].source must be"),
    ({"binds": [{"source": "/", "target": "/x", "read_only": True}]}, r"binds\[0\].source must be"),
    ({"scratch": [{"target": "/x", "size": 0}]}, r"scratch\[0\].size must be"),
    ({"gids": [0]}, "gids must be"),
    ({"gids": [True]}, "gids must be"),
    ({"gpus": ["all"]}, "gpus must be"),
    ({"files": [{"path": "/x", "mode": "4755", "source": "x"}]}, r"files\[0\].mode must be"),
    ({"files": [{"path": "/x", "mode": "0444", "source": "../x"}]}, r"files\[0\].source must be"),
]


@pytest.mark.parametrize(("change", "message"), BAD_POLICIES)
def test_a_bad_policy_says_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(guard.PolicyError, match=message):
        guard.read_policy(json.dumps({**POLICY, **change}))


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_policy_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(guard.PolicyError):
        guard.read_policy(text)


@pytest.mark.parametrize("key", sorted(POLICY))
def test_no_key_of_the_policy_has_a_default(key: str) -> None:
    with pytest.raises(guard.PolicyError, match=f"{key} is missing"):
        guard.read_policy(json.dumps({k: v for k, v in POLICY.items() if k != key}))


def test_the_program_says_that_its_policy_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guard.main(["--config", str(tmp_path / "none.json")]) == 2
    assert "engine guard:" in capsys.readouterr().err


# Whatever is sent, in whatever mixture: it is refused, or what is left of it is harmless.

# A busy machine is no reason to fail.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCALARS = (
    st.none() | st.booleans() | st.integers(-2, 2**65) | st.sampled_from(["", "host", "private", "0", "root", "/", "lab-user-ada", "lab-users", "ALL", "no"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(alphabet="aBind/.", max_size=4), inner, max_size=2), max_leaves=4
)
KNOWN_HOST = {key: value for _name, body, _field in ESCAPES for key, value in dict(body.get("HostConfig") or {}).items()}
KNOWN_TOP = {key: value for _name, body, _field in ESCAPES for key, value in body.items() if key not in ("HostConfig", "Image")}


def sometimes(known: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    keys = st.sampled_from(sorted(known)) | st.sampled_from(sorted(known)).map(str.lower) | st.sampled_from(sorted(known)).map(str.upper)
    return st.dictionaries(keys, st.sampled_from(list(known.values())) | VALUES, max_size=4)


ALLOWED_TOP = {"Image", "Cmd", "Env", "WorkingDir", "User", "Labels", "HostConfig"}
ALLOWED_HOST = {
    *("Memory", "MemoryReservation", "MemorySwap", "NanoCpus", "CpuQuota", "CpuPeriod", "CpuShares", "ShmSize", "PidsLimit", "AutoRemove"),
    *("NetworkMode", "Mounts", "CapDrop", "SecurityOpt", "IpcMode", "Init", "RestartPolicy", "LogConfig"),
}


@PATIENT
@given(top=sometimes(KNOWN_TOP), host=sometimes(KNOWN_HOST), image=st.sampled_from([IMAGE, IMAGE, IMAGE, "alpine", None]))
def test_whatever_is_sent_nothing_forbidden_is_left(top: dict[str, Any], host: dict[str, Any], image: Any) -> None:
    try:
        body = create({**top, "Image": image, "HostConfig": host}).body
    except guard.Refusal:
        return
    assert set(body) <= ALLOWED_TOP
    assert body["Image"] == IMAGE
    assert body["Labels"].items() >= POLICY["labels"].items()
    assert all(key.startswith("vdsg.jupyterhub.") for key in body["Labels"])
    assert body.get("User", "1") not in ("0", "root", "")
    built = body["HostConfig"]
    assert set(built) <= ALLOWED_HOST
    assert built["NetworkMode"] == "lab-users"
    assert built["CapDrop"] == ["ALL"]
    assert built["SecurityOpt"] == ["no-new-privileges"]
    assert built["IpcMode"] == "private"
    assert built["RestartPolicy"] == {"Name": "no"}
    assert 0 < built["PidsLimit"] <= 1024
    assert built["LogConfig"]["Type"] == "json-file"
    for mount in built["Mounts"]:
        assert set(mount) == {"Type", "Source", "Target", "ReadOnly"}
        assert mount["Type"] == "volume"
        assert mount["Source"].startswith(("lab-user-", "lab-shared-"))
        assert mount["Target"].startswith(("/home/jovyan/work", "/srv/shared"))
        assert ".." not in mount["Target"].split("/")


@PATIENT
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_judged_and_never_break_the_judge(raw: bytes) -> None:
    with pytest.raises(guard.Refusal):
        create(raw)


@PATIENT
@given(st.sampled_from(["GET", "POST", "DELETE"]), st.text(alphabet="/%.?&=v1409containersjstplab-u\\#\n ", max_size=60))
def test_any_target_is_judged_and_never_breaks_the_judge(method: str, target: str) -> None:
    try:
        call = guard.judge(RULES, method, target)
    except guard.Refusal:
        return
    assert isinstance(call, guard.Inquiry | guard.Handling)
    if isinstance(call, guard.Handling):
        assert call.reference.startswith("lab-user-")


# --- what is given besides people's own volumes

GIVEN: dict[str, Any] = {
    "mounts": [{"source_prefix": "lab-user-", "target": "/home/jovyan/work"}],
    "volumes": [
        {"source": "lab-shared-course", "target": "/home/jovyan/work/shared/course", "read_only": False},
        {"source": "datasets", "target": "/srv/datasets", "read_only": True},
    ],
    "binds": [{"source": "/mnt/results", "target": "/srv/results", "read_only": False}],
    "scratch": [{"target": "/scratch", "size": 1024}],
    "gids": [100, 4242],
    "gpus": ["0", "1"],
}
STORED = guard.read_policy(json.dumps({**POLICY, **GIVEN}))


def given_body(**host: Any) -> Any:
    raw = json.dumps({"Image": IMAGE, "HostConfig": host}).encode()
    return guard.judge(STORED, "POST", "/v1.41/containers/create?name=lab-user-ada", "application/json", raw)


def test_what_is_given_is_given_as_it_is_described() -> None:
    call = given_body(
        Binds=[
            "lab-user-ada:/home/jovyan/work",
            "lab-shared-course:/home/jovyan/work/shared/course:ro",
            "datasets:/srv/datasets:ro",
            "/mnt/results:/srv/results",
        ],
        Tmpfs={"/scratch": "size=1t,suid,dev"},
        GroupAdd=["100"],
        DeviceRequests=[{"Driver": "", "Count": 2, "DeviceIDs": [], "Capabilities": [["gpu"]], "Options": {}}],
    )
    host = call.body["HostConfig"]
    assert [(mount["Type"], mount["Source"], mount["Target"], mount["ReadOnly"]) for mount in host["Mounts"]] == [
        ("volume", "lab-user-ada", "/home/jovyan/work", False),
        ("volume", "lab-shared-course", "/home/jovyan/work/shared/course", True),
        ("volume", "datasets", "/srv/datasets", True),
        ("bind", "/mnt/results", "/srv/results", False),
    ]
    assert host["Mounts"][-1]["BindOptions"] == {"Propagation": "rprivate"}
    assert (host["Tmpfs"], host["GroupAdd"]) == ({"/scratch": "rw,exec,nosuid,nodev,mode=1777,size=1024"}, ["100"])
    assert (call.volumes, call.given, call.gpus) == (("lab-user-ada",), ("datasets", "lab-shared-course"), 2)


@pytest.mark.parametrize(
    ("host", "field"),
    [
        ({"Binds": ["lab-shared-course:/home/jovyan/work"]}, "Binds"),
        ({"Binds": ["lab-shared-course:/home/jovyan/work/shared/course/x"]}, "Binds"),
        ({"Binds": ["datasets:/srv/datasets"]}, "Binds"),
        ({"Binds": ["datasets:/srv/datasets:rw"]}, "Binds"),
        ({"Mounts": [{"Type": "volume", "Source": "datasets", "Target": "/srv/datasets"}]}, "Mounts"),
        ({"Mounts": [{"Type": "bind", "Source": "/mnt/results", "Target": "/srv/results"}]}, "Mounts"),
        ({"Mounts": [{"Type": "tmpfs", "Target": "/scratch"}]}, "Mounts"),
        ({"Binds": ["/mnt/results/x:/srv/results"]}, "Binds"),
        ({"Binds": ["/mnt/results/:/srv/results"]}, "Binds"),
        ({"Binds": ["/mnt/results:/srv/results/x"]}, "Binds"),
        ({"Binds": ["/mnt/results:/srv/results:rw,rshared"]}, "Binds"),
        ({"Binds": ["other-shared-course:/home/jovyan/work/shared/course"]}, "Binds"),
        ({"Tmpfs": {"/home/jovyan": ""}}, "Tmpfs"),
        ({"Tmpfs": ["/scratch"]}, "Tmpfs"),
        ({"GroupAdd": ["0"]}, "GroupAdd"),
        ({"GroupAdd": ["0100"]}, "GroupAdd"),
        ({"GroupAdd": [100]}, "GroupAdd"),
        ({"DeviceRequests": [{"Count": 3, "Capabilities": [["gpu"]]}]}, "DeviceRequests"),
        ({"DeviceRequests": [{"Count": True, "Capabilities": [["gpu"]]}]}, "DeviceRequests"),
        ({"DeviceRequests": [{"Count": 1, "Capabilities": [["gpu"]]}] * 2}, "DeviceRequests"),
        ({"DeviceRequests": [{"Count": 1, "Capabilities": [["gpu"]], "Extra": 1}]}, "DeviceRequests"),
    ],
)
def test_what_is_given_is_given_in_no_other_way(host: dict[str, Any], field: str) -> None:
    with pytest.raises(guard.Refusal) as refusal:
        given_body(**host)
    assert refusal.value.field == f"HostConfig.{field}"


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=12))
def test_no_order_of_starts_and_ends_gives_a_gpu_twice(steps: list[tuple[int, bool]]) -> None:
    policy = guard.read_policy(json.dumps({**POLICY, "gpus": ["0", "1", "2"]}))
    running: list[list[str]] = []
    for count, end in steps:
        taken = [gpu for server in running for gpu in server]
        try:
            running.append(guard.choose_gpus(policy, count, taken))
        except guard.Refusal:
            assert count > 3 - len(taken)
        if end and running:
            running.pop(0)
        held = [gpu for server in running for gpu in server]
        assert len(held) == len(set(held))


def test_a_server_sees_its_gpus_and_no_other_whatever_the_runtime() -> None:
    body = {"Env": ["A=1", "NVIDIA_VISIBLE_DEVICES=all"], "Labels": {}, "HostConfig": {}}
    without, with_one = guard.with_gpus(STORED, body, []), guard.with_gpus(STORED, body, ["1"])
    assert without == {**body, "Env": ["A=1", "NVIDIA_VISIBLE_DEVICES=void"]}
    assert with_one["Env"] == ["A=1", "NVIDIA_VISIBLE_DEVICES=1"]
    assert with_one["HostConfig"]["DeviceRequests"][0]["DeviceIDs"] == guard.gpus_of(with_one["Labels"]) == ["1"]
    assert guard.with_gpus(RULES, body, []) is body


@pytest.mark.parametrize(
    ("labels", "good"),
    [
        ({}, True),
        ({"com.docker.compose.project": "data"}, True),
        ({"vdsg.jupyterhub.name": "lab", "vdsg.jupyterhub.component": "shared"}, True),
        ({"vdsg.jupyterhub.name": "other", "vdsg.jupyterhub.component": "shared"}, False),
        ({"vdsg.jupyterhub.name": "lab", "vdsg.jupyterhub.component": "data"}, False),
        ({"vdsg.jupyterhub.name": "lab"}, False),
    ],
)
def test_a_given_volume_is_no_hubs_but_this_ones(labels: dict[str, str], good: bool) -> None:
    volume = {"Name": "datasets", "Labels": labels}
    if good:
        guard.judge_volume(STORED, volume)
    else:
        with pytest.raises(guard.Refusal, match="which is another's"):
            guard.judge_volume(STORED, volume)
