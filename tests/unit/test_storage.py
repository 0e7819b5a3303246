# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared folders, further volumes, files and content: what is refused, who sees what, and that the guard lets through exactly what is described."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import sys
import types
import typing as t
from unittest import mock

import docker.types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import docker_compose, docker_spawner, images, project, storage
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ENGINE, PROGRAMS, ROOT, example, examples, hub, program, resolved, SIMPLE

guard = program("engine_guard")
servers = program("servers")
docker_py: t.Any = docker.types

GROUPS = {"teachers": ["jenny"], "students": ["sam"]}
COURSE = {"name": "course", "write_groups": ["teachers"], "read_groups": ["students"]}
SCRATCH = {"name": "scratch", "type": "scratch", "size": "1G", "mount_path": "/scratch"}
DATA = {"name": "data", "type": "volume", "source": "datasets", "mount_path": "/srv/data", "read_only": True}
BIND = {"name": "results", "type": "bind", "source": "/mnt/results", "mount_path": "/srv/results"}
NFS = {"name": "archive", "type": "nfs", "source": "nfs.example.org:/export", "mount_path": "/srv/archive"}
FILE = {"path": "/etc/course.conf", "content": "x"}


def folder(**changes: t.Any) -> dict[str, t.Any]:
    return {"storage": {"shared_folders": [{**COURSE, **changes}]}, "groups": GROUPS}


def volume(base: dict[str, t.Any], *more: dict[str, t.Any], **changes: t.Any) -> dict[str, t.Any]:
    return {"storage": {"extra_volumes": [{**base, **changes}, *more]}}


def content(**changes: t.Any) -> dict[str, t.Any]:
    return {"storage": {"content": [{"repository": "https://git.example.org/course.git", **changes}]}}


def file(*more: dict[str, t.Any], **changes: t.Any) -> dict[str, t.Any]:
    return {"extra_files": [{**FILE, **changes}, *more]}


BAD: list[tuple[dict[str, t.Any], str]] = [
    (folder(name="My folder"), "jupyterhub_storage.shared_folders[0].name is 'My folder', but it must be lower-case letters"),
    (folder(write_groups=["teacher"]), "jupyterhub_storage.shared_folders[0].write_groups has 'teacher', which is not a group of jupyterhub_groups"),
    (folder(read_groups=["teachers"]), "jupyterhub_storage.shared_folders[0]: write_groups and read_groups both name teachers"),
    (folder(write_groups=[], read_groups=[]), "jupyterhub_storage.shared_folders[0] (course) may be seen by nobody"),
    (folder(mount_path="course"), "jupyterhub_storage.shared_folders[0].mount_path is 'course', but it must be an absolute path"),
    (folder(mount_path="/home/jovyan"), "mount_path is /home/jovyan, which would hide people's own files at /home/jovyan/work"),
    (folder(mount_path="/usr"), "mount_path is /usr, which would hide /usr of the image"),
    (folder(mount_path="/proc/course"), "mount_path is /proc/course, but nothing can be mounted below /proc"),
    ({"storage": {"shared_folders": [COURSE, COURSE]}, "groups": GROUPS}, "jupyterhub_storage.shared_folders has the name 'course' more than once"),
    (volume(SCRATCH, {**DATA, "mount_path": "/scratch"}), "jupyterhub_storage has the mount_path '/scratch' more than once"),
    (volume(SCRATCH, size=""), "jupyterhub_storage.extra_volumes[0].size is '', but it must be an amount"),
    (volume(SCRATCH, read_only=True), "jupyterhub_storage.extra_volumes[0] is of type scratch"),
    (volume(DATA, size="1G"), "jupyterhub_storage.extra_volumes[0].size means nothing with type volume"),
    (volume(BIND, options="soft"), "jupyterhub_storage.extra_volumes[0].options means nothing with type bind"),
    (volume(DATA, servers="none"), "jupyterhub_storage.extra_volumes[0] (data) is nowhere"),
    (volume(DATA, servers="profiles"), "jupyterhub_storage.extra_volumes: data has servers: profiles, but no profile has it"),
    (volume(DATA, source="lab-data"), "extra_volumes[0].source is lab-data, but names that begin with lab- are the hub's own"),
    (volume(DATA, source="/srv/data"), "extra_volumes[0].source is '/srv/data', but it must be the name of a volume of the engine"),
    (volume(NFS, source="/export"), "extra_volumes[0].source is '/export', but it must be of the form HOST:/EXPORT"),
    (volume(NFS, options="a b"), "extra_volumes[0].options is 'a b', but it must be options of a mount"),
    (volume(BIND, source="data"), "extra_volumes[0].source is 'data', but it must be an absolute path of the engine's host"),
    (volume(BIND, source="/srv/../etc"), "extra_volumes[0].source is '/srv/../etc', but it must be an absolute path"),
    *(
        (volume(BIND, source=source), f"extra_volumes[0].source is {source}, but {directory} is what the host, its engine or this hub lives from")
        for source, directory in {
            "/var/run/docker.sock": "/var/run",
            "/run/docker.sock": "/run",
            "/etc": "/etc",
            "/etc/cron.d": "/etc",
            "/root": "/root",
            "/var": "/var/run",
            "/var/lib": "/var/lib/docker",
            "/var/lib/docker/volumes/lab-data/_data": "/var/lib/docker",
            "/proc": "/proc",
            "/dev": "/dev",
        }.items()
    ),
    (volume(BIND, {**DATA, "type": "bind", "source": "/mnt/results/a"}), "/mnt/results/a (data) is below /mnt/results (results), which can be written"),
    (volume(DATA, {**DATA, "name": "again", "mount_path": "/x"}), "jupyterhub_storage.extra_volumes has the source 'datasets' more than once"),
    (volume(DATA, hub=True, mount_path="/srv/jupyterhub"), "mount_path is /srv/jupyterhub, which would hide /srv/jupyterhub"),
    (volume(DATA, hub=True, mount_path="/etc/jupyterhub/x"), "mount_path is /etc/jupyterhub/x, but nothing can be mounted below /etc/jupyterhub"),
    ({"profiles": [{"name": "a", "volumes": ["scrtch"]}]}, "jupyterhub_profiles[0].volumes has 'scrtch', which is none of jupyterhub_storage.extra_volumes"),
    (
        {"profiles": [{"name": "a", "options": [{"name": "o", "choices": [{"name": "b", "volumes": ["data"]}]}]}], **volume(DATA)},
        "jupyterhub_profiles[0].options[0].choices[0].volumes has 'data', which is none of",
    ),
    ({"storage": {"seed": "opt"}}, "jupyterhub_storage.seed is 'opt', but it must be an absolute path"),
    ({"storage": {"seed": "/home/jovyan/work/x"}}, "jupyterhub_storage.seed is /home/jovyan/work/x, which people's own files hide"),
    (content(repository="course"), "jupyterhub_storage.content[0].repository is 'course', but it must be the address"),
    (content(repository="https://me:hush@git.example.org/x.git"), "jupyterhub_storage.content[0].repository has a password in it"),
    (content(branch="--upload-pack=x"), "jupyterhub_storage.content[0].branch is '--upload-pack=x'"),
    (content(directory="../x"), "jupyterhub_storage.content[0].directory is '../x', but it must be a relative path"),
    ({"storage": {"content": [{"repository": "https://a/x.git"}, {"repository": "https://b/x"}]}}, "jupyterhub_storage.content has the directory 'x' more"),
    (file(path="course.conf"), "jupyterhub_extra_files[0].path is 'course.conf', but it must be an absolute path"),
    (file(mode="644"), "jupyterhub_extra_files[0].mode is '644', but it must be four octal digits"),
    (file(mode="4755"), "jupyterhub_extra_files[0].mode is '4755'"),
    (file(servers=False), "jupyterhub_extra_files[0] (/etc/course.conf) is nowhere"),
    (file(path="/proc/x"), "jupyterhub_extra_files[0].path is /proc/x, but servers get no files below /proc"),
    ({**file(path="/scratch/x"), **volume(SCRATCH)}, "jupyterhub_extra_files[0].path is /scratch/x, but servers get no files below /scratch"),
    (file(hub=True), "jupyterhub_extra_files[0].path is /etc/course.conf, but files of the hub are below /etc/jupyterhub"),
    *(
        (file(hub=True, path=f"/etc/jupyterhub/{name}"), f"path is /etc/jupyterhub/{name}, which is a place of the hub's own files")
        for name in ("servers.py", "userlist.json", "secrets/operator_token", "secrets")
    ),
    (file(content={}), "jupyterhub_extra_files[0].content is a reference, and must have one of secret and file"),
    (file(content={"secret": "x"}), "jupyterhub_extra_files[0].content refers to the secret 'x', which jupyterhub_extra_secrets does not have"),
    (file(FILE), "jupyterhub_extra_files has the path '/etc/course.conf' more than once"),
    ({"spawner": {"gpus": ["all"]}}, "jupyterhub_spawner.gpus is 'all', but it must be a list of numbers or UUIDs"),
    ({"spawner": {"gpus": ["0", "0"]}}, "jupyterhub_spawner has the gpu '0' more than once"),
    ({"spawner": {"gpu": -1}}, "jupyterhub_spawner.gpu is -1, but it must be at least 0"),
    ({"spawner": {"supplemental_gids": [0]}}, "jupyterhub_spawner.supplemental_gids has 0, but a group is a number above 0"),
]


ELSEWHERE: list[tuple[dict[str, t.Any], str]] = [
    ({"spawner": {"gpu": 1}}, "jupyterhub_spawner.gpu is 1, but jupyterhub_spawner.gpus names none"),
    ({"spawner": {"gpus": ["0"]}, "profiles": [{"name": "a", "gpu": 2}]}, "jupyterhub_profiles[0].gpu is 2, but jupyterhub_spawner.gpus has 1"),
    ({"spawner": {"environment": {"A": {"field": "spec.nodeName"}}}}, "jupyterhub_spawner.environment.A is the field spec.nodeName of a pod, which only"),
]


@pytest.mark.parametrize(("topics", "message"), ELSEWHERE, ids=[message[:70] for _topics, message in ELSEWHERE])
def test_what_only_a_cluster_has_is_refused_elsewhere(topics: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError) as error:
        resolved({**SIMPLE, **{f"jupyterhub_{name}": value for name, value in topics.items()}})
    assert message in str(error.value)


@pytest.mark.parametrize(("topics", "message"), BAD, ids=[message[:70] for _topics, message in BAD])
def test_what_cannot_be_is_refused_in_one_sentence(topics: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError) as error:
        hub(**topics)
    assert message in str(error.value)
    assert str(error.value).count("\n") == 0


@pytest.mark.parametrize(
    "topics",
    [
        folder(mount_path="/home/jovyan/work/course"),
        {"storage": {"type": "none", "shared_folders": [COURSE]}, "groups": GROUPS},
        volume(BIND, {**DATA, "type": "bind", "source": "/mnt/results2"}),
        volume(BIND, {**DATA, "type": "bind", "source": "/mnt/results/a"}, read_only=True),
        file(path="/etc/jupyterhub/mine/x.py", hub=True),
        {**volume(DATA, servers="profiles"), "profiles": [{"name": "a", "volumes": ["data"]}]},
        {"spawner": {"gpus": ["0", "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"], "gpu": 2}},
    ],
)
def test_what_is_right_is_let_through(topics: dict[str, t.Any]) -> None:
    assert hub(**topics)


# ---- Who sees what


@pytest.mark.parametrize(
    ("everybody", "groups", "access"),
    [
        ("none", [], "none"),
        ("none", ["others"], "none"),
        ("none", ["students"], "read"),
        ("none", ["students", "teachers"], "write"),
        ("read", ["students"], "read"),
        ("read", [], "read"),
        ("write", ["students"], "write"),
        ("write", [], "write"),
    ],
)
def test_who_may_more_may_more(everybody: str, groups: list[str], access: str) -> None:
    described = storage.folders(hub(**folder(everybody=everybody)))[0]
    assert servers.access(described, groups) == access


class Spawner(types.SimpleNamespace):
    """DockerSpawner's traits as jupyterhub_config.py leaves them, and its owner."""

    def __init__(self, groups: t.Collection[str], **traits: t.Any) -> None:
        members = [types.SimpleNamespace(name=name) for name in groups]
        super().__init__(
            volumes={},
            read_only_volumes={},
            extra_host_config={},
            environment={},
            **{"user": types.SimpleNamespace(name="x", groups=members, spawners={}), **traits},
        )


def body(spawner: Spawner, image: str) -> dict[str, t.Any]:
    """Return what dockerspawner 14 sends through docker-py 7.2 (volume_binds, create_object)."""
    binds = {source.replace("{username}", "x"): {"bind": target, "mode": "rw"} for source, target in spawner.volumes.items()}
    binds |= {source: {"bind": target, "mode": "ro"} for source, target in spawner.read_only_volumes.items()}
    host = docker_py.HostConfig(version="1.41", binds=binds, network_mode="lab-users", **spawner.extra_host_config)
    targets = sorted(bind["bind"] for bind in binds.values())
    return {key: value for key, value in docker_py.ContainerConfig("1.41", image, ["x"], volumes=targets, host_config=host).items() if value is not None}


ACCESS = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "c"])},
    optional={"everybody": st.sampled_from(["read", "write"]), "write_groups": st.just(["teachers"]), "read_groups": st.just(["students"])},
).filter(lambda item: len(item) > 1)
ANY: list[dict[str, t.Any]] = [SCRATCH, DATA, BIND, NFS]
EXTRA = st.lists(st.sampled_from(ANY), max_size=4, unique_by=lambda item: str(item["name"]))


@settings(max_examples=150)
@given(
    st.lists(ACCESS, max_size=3, unique_by=lambda item: item["name"]),
    EXTRA,
    st.booleans(),
    st.sets(st.sampled_from(["teachers", "students"])),
    st.sampled_from([{}, {"profile": "Lab"}]),
    st.integers(0, 2),
)
def test_the_guard_lets_through_what_is_described_and_nothing_else(
    folders: list[dict[str, t.Any]], extra: list[dict[str, t.Any]], in_profile: bool, groups: set[str], choice: dict[str, str], gpu: int
) -> None:
    """Any description, anybody, any choice: what the hub asks for is let through, is what was described, and becomes what the engine is asked."""
    extra = [{**item, "servers": "profiles"} if in_profile else item for item in extra]
    lab = {"name": "Lab", "volumes": [item["name"] for item in extra] if in_profile else [], "supplemental_gids": [7], "gpu": gpu}
    described = hub(
        groups=GROUPS,
        storage={"shared_folders": folders, "extra_volumes": extra},
        profiles=[{"name": "Small"}, lab],
        spawner={"gpus": ["0", "1"], "supplemental_gids": [5]},
    )
    policy = guard.read_policy(json.dumps(docker_compose.guard_policy(described, ENGINE)))
    _comment, named = docker_spawner.spawner(described, ENGINE.images["user"])
    every = {name.removeprefix("DockerSpawner."): value for name, value in named.items()}
    spawner = Spawner(groups)
    servers.change(spawner, {name: value for name, value in every.items() if name in ("volumes", "read_only_volumes", "extra_host_config")})
    c = types.SimpleNamespace(Spawner=types.SimpleNamespace())
    servers.configure(c, docker_spawner.profiles(described), folders=storage.folders(described))
    c.Spawner.apply_user_options(spawner, choice)
    call = guard.judge(
        policy, "POST", "/v1.41/containers/create?name=lab-user-x", "application/json", json.dumps(body(spawner, ENGINE.images["user"])).encode()
    )

    wanted = {"/home/jovyan/work": ("lab-user-x", False)}
    for item in folders:
        may_write = item.get("everybody") == "write" or (item.get("write_groups") and "teachers" in groups)
        if may_write or item.get("everybody") == "read" or (item.get("read_groups") and "students" in groups):
            wanted[f"/home/jovyan/work/shared/{item['name']}"] = (f"lab-shared-{item['name']}", not may_write)
    has_extra = not in_profile or choice
    for item in extra:
        if has_extra and item["type"] != "scratch":
            source = item["source"] if item["type"] != "nfs" else storage.volume_name(described, described.storage.extra_volumes[extra.index(item)])
            wanted[item["mount_path"]] = (source, bool(item.get("read_only")))
    host = call.body["HostConfig"]
    assert {mount["Target"]: (mount["Source"], mount["ReadOnly"]) for mount in host["Mounts"]} == wanted
    assert set(host.get("Tmpfs", {})) == {item["mount_path"] for item in extra if has_extra and item["type"] == "scratch"}
    assert host["GroupAdd"] == [str(gid) for gid in sorted([7 if choice else 5, *([100] if folders else [])])]
    assert call.gpus == (gpu if choice else 0)
    assert "DeviceRequests" not in host, "which they are, is decided when the server is made"
    assert call.volumes == ("lab-user-x",), "the only volume that the guard makes"


# ---- What is said when there is no GPU


class SpawnError(Exception):
    """jupyterhub.spawner.SpawnException, near enough."""

    def __init__(self, message: str, reason: str, status_code: int) -> None:
        super().__init__(message)
        self.reason, self.status_code = reason, status_code


class EngineError(Exception):
    """docker.errors.APIError, near enough."""

    def __init__(self, explanation: str) -> None:
        super().__init__(f"500 Server Error: {explanation}")
        self.explanation = explanation


@pytest.mark.parametrize("step", ["create_object", "start_object"])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EngineError("engine guard: no GPU is free: 2 of 2 are in use, and 1 wanted"), "every GPU of this hub is in use; try again when somebody has stopped"),
        (EngineError('could not select device driver "" with capabilities: [[gpu]]'), "the engine of this hub cannot give a GPU to a server; tell its"),
        (EngineError("no space left on device"), "500 Server Error: no space left on device"),
        (ValueError("something else"), "something else"),
    ],
)
def test_a_person_is_told_in_a_sentence_that_there_is_no_gpu(step: str, error: Exception, said: str) -> None:
    async def fail() -> None:
        raise error

    async def work() -> str:
        return "made"

    spawner = Spawner((), create_object=work, start_object=work)
    setattr(spawner, step, fail)
    c = types.SimpleNamespace(Spawner=types.SimpleNamespace())
    servers.configure(c, gpus=2)
    c.Spawner.apply_user_options(spawner, {})
    with mock.patch.dict(sys.modules, {"jupyterhub": mock.Mock(), "jupyterhub.spawner": types.SimpleNamespace(SpawnException=SpawnError)}):
        with pytest.raises(type(error) if "Error" in said or "else" in said else SpawnError) as raised:
            asyncio.run(getattr(spawner, step)())
        other = "start_object" if step == "create_object" else "create_object"
        assert asyncio.run(getattr(spawner, other)()) == "made"
    assert str(raised.value).startswith(said)
    assert getattr(raised.value, "status_code", 503) == 503


# ---- Files and images


def test_content_needs_packages_in_images_of_ours() -> None:
    """S2 2.15, S3 3.32: what people work with, and what they work on."""
    dockerfiles = {source: images.plan(hub(**content()), source)[-1].files.get("Dockerfile", "") for source in ("registry", "bootstrap")}
    assert all("nbgitpuller==1.3.0" in text and "--no-install-recommends" in text and " git" in text for text in dockerfiles.values()), dockerfiles
    assert "nbgitpuller" not in images.plan(hub(), "bootstrap")[-1].files["Dockerfile"]
    assert images.plan(hub(**content(), spawner={"image": "x/y:1"}), "registry")[-1].files == {}


def test_a_command_begins_with_what_is_done_before_it() -> None:
    start = ["python3", "/usr/local/share/vdsg-jupyterhub/server_start.py"]
    described = hub(**content(), profiles=[{"name": "a", "cmd": ["start-notebook.sh"]}, {"name": "b"}])
    assert docker_spawner.spawner(described, "x")[1]["DockerSpawner.cmd"] == [*start, "jupyterhub-singleuser"]
    assert [item["settings"].get("cmd") for item in docker_spawner.profiles(described)] == [[*start, "start-notebook.sh"], None]
    assert "DockerSpawner.cmd" not in docker_spawner.spawner(hub(), "x")[1]


def test_files_go_where_they_are_to_be_and_secrets_among_them_to_who_puts_them_there() -> None:
    files = [
        FILE,
        {"path": "/etc/secret", "content": {"file": "licence.txt"}, "mode": "0400"},
        {"path": "/etc/jupyterhub/mine/a", "content": "for the hub", "servers": False, "hub": True, "mode": "0555"},
        {"path": "/etc/jupyterhub/mine/b", "content": {"secret": "own"}, "servers": False, "hub": True},
    ]
    found = resolved({**SIMPLE, "jupyterhub_extra_files": files, "jupyterhub_extra_secrets": {"own": "hush-own"}}, {"licence.txt": "hush-licence\n"})
    rendered = project.render(found.hub, ENGINE, PROGRAMS, {})
    policy = json.loads(rendered.files["guard/guard.json"])
    secret = policy["files"][1]["source"]
    assert policy["files"] == [
        {"path": "/etc/course.conf", "mode": "0444", "source": "files/0"},
        {"path": "/etc/secret", "mode": "0400", "source": secret},
    ]
    assert rendered.files["guard/files/0"] == "x"
    assert found.secrets[rendered.secrets["guard"][secret]] == "hush-licence"
    assert list(rendered.secrets["guard"]) == [secret], "no secret more than it puts there"
    assert (rendered.files["hub/mine/a"], rendered.modes) == ("for the hub", {"hub/mine/a": 0o555, "hub/mine/b": 0o444})
    assert rendered.secrets["hub"]["mine/b"] == "extra_own"
    assert "hush" not in json.dumps([rendered.files, found.variables])


def test_other_options_are_another_volume() -> None:
    """The engine keeps the options that a volume was made with."""
    names = {next(iter(storage.made(hub(**volume(NFS, **changes))))) for changes in ({}, {"options": "nfsvers=3"}, {"read_only": True})}
    assert len(names) == 3
    assert next(iter(storage.made(hub(**volume(NFS))).values())).options == {"type": "nfs", "o": "addr=nfs.example.org,nfsvers=4,soft", "device": ":/export"}


def test_the_hub_has_the_volumes_that_say_so() -> None:
    described = hub(storage={"extra_volumes": [{**item, "hub": True} for item in (SCRATCH, DATA, BIND, NFS)]})
    compose = docker_compose.compose(described, ENGINE, dict.fromkeys(docker_compose.SERVICES, ""))
    mounts = [mount for mount in compose["services"]["hub"]["volumes"] if isinstance(mount, dict)]
    assert [(mount["type"], mount["target"], mount.get("read_only")) for mount in mounts] == [
        ("tmpfs", "/scratch", None),
        ("volume", "/srv/data", True),
        ("bind", "/srv/results", False),
        ("volume", "/srv/archive", False),
    ]
    assert compose["volumes"]["extra-data"] == {"name": "datasets", "external": True}
    assert not [mount for name, service in compose["services"].items() if name != "hub" for mount in service["volumes"] if isinstance(mount, dict)]


# ---- What is done before a server starts


start = program("server_start")


def test_a_seed_fills_gaps_and_overwrites_nothing(tmp_path: pathlib.Path) -> None:
    source, home = tmp_path / "source", tmp_path / "home"
    for path in (source / "a", source / "deep/b", source / "link", home / "a"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(path))
    (home / "link").symlink_to("nowhere")
    assert start.seed(source, home) == ["deep/b"]
    assert ((home / "a").read_text(), (home / "deep/b").read_text()) == (str(home / "a"), str(source / "deep/b"))
    assert os.readlink(home / "link") == "nowhere"
    assert start.seed(source, home) == []


def test_what_cannot_be_pulled_is_said_and_keeps_nobody_from_working(tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/notes.txt").write_text("mine")
    content = [{"repository": "file:///nowhere.git", "branch": "", "directory": directory} for directory in ("own", "new")]
    start.prepare({"home": str(tmp_path), "seed": "/nowhere", "content": content, "seconds": 60})
    said = capfd.readouterr().err.splitlines()
    assert said[0].endswith("own is there and not a git repository; it is left as it is")
    # The machine of the tests has no nbgitpuller, as an image of somebody's own may have none.
    assert said[1] == "content: new could not be brought up to date from file:///nowhere.git: this image has no nbgitpuller"
    assert (tmp_path / "own/notes.txt").read_text() == "mine"


def test_a_repository_that_never_answers_does_not_hold_the_server_up(
    tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = tmp_path / "python"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(start.sys, "executable", str(sleeper))
    content = [{"repository": "https://nowhere.example/x", "branch": "", "directory": name} for name in ("x", "y")]
    start.prepare({"home": str(tmp_path), "seed": "", "content": content, "seconds": 1})
    said = capfd.readouterr().err
    assert "x could not be brought up to date from https://nowhere.example/x: there were 1 seconds for it, which were not enough" in said
    assert "y could not be brought up to date from https://nowhere.example/x: there were 0 seconds" in said


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("x\nfatal: repository 'x' does not exist\nTraceback", "fatal: repository 'x' does not exist"),
        ("Traceback\n  File\nnbgitpuller.errors.BranchExistError", "nbgitpuller.errors.BranchExistError"),
        ("/usr/bin/python3: Error while finding module specification (ModuleNotFoundError: No module named 'nbgitpuller')", "this image has no nbgitpuller"),
        ("", "no reason given"),
    ],
)
def test_the_reason_is_one_line(output: str, reason: str) -> None:
    assert start.reason(output) == reason


# ---- Shared folders


folders_program = program("shared_folders")


def test_a_folder_is_made_right_once(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid():
        pytest.fail("only root may give directories away; run the tests as root, as .ci/run does", pytrace=False)
    for action, wrong in (("look", [str(tmp_path)]), ("make", [str(tmp_path)]), ("look", []), ("make", [])):
        folders_program.main([action, "100", str(tmp_path)])
        assert json.loads(capsys.readouterr().out) == wrong
    found = tmp_path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (0, 100, 0o2770)
    os.umask(0o077)
    made = tmp_path / "new"
    made.write_text("x")
    assert (made.stat().st_mode & 0o7777, made.stat().st_gid) == (0o660, 100)


# ---- The guide


GUIDE = [(line, found) for line, found in examples(ROOT / "docs" / "storage.md") if not any(name.startswith(("k8s_", "swarm_")) for name in found)]
"""Those of other targets, which have another guard or none, are tried with the other guides."""


@pytest.mark.parametrize("variables", [found for _line, found in GUIDE], ids=[f"line {line}" for line, _found in GUIDE])
def test_examples_of_the_guide_are_good_and_the_guard_takes_them(variables: dict[str, t.Any]) -> None:
    described = example(variables).hub
    assert guard.read_policy(json.dumps(docker_compose.guard_policy(described, ENGINE)))
