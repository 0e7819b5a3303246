# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs, volumes and files through the guard, on a real engine.

Needs an engine on a local socket and VDSG_TEST_IMAGE. No GPU is needed: a server is made with one, and an engine that has none refuses to start it.
"""

from __future__ import annotations

import concurrent.futures
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from ansible_collections.vdsg.jupyterhub.tests.integration.conftest import until
from ansible_collections.vdsg.jupyterhub.tests.integration.test_engine_guard_engine import (
    HOME,
    OTHER,
    PREFIX,
    SLEEP,
    USERS,
    Running,
    clean,
    labels,
    socket_of,
    spawn,
    start_guard,
    stop_guard,
)
from ansible_collections.vdsg.jupyterhub.tests.unit.support import program

docker_py: Any = docker
servers = program("servers")
GPU_LABEL = "vdsg.jupyterhub.gpus"
ONE_GPU = {"device_requests": [docker_py.types.DeviceRequest(count=1, capabilities=[["gpu"]])]}
CONTENT = "test-guard-content"


@pytest.fixture(scope="module")
def engine(client: Any) -> Iterator[Any]:
    clean(client)
    client.networks.create(USERS, labels=labels("network"))
    yield client
    clean(client)
    for image in client.images.list(name=CONTENT):
        client.images.remove(image.id, force=True)


@pytest.fixture(scope="module")
def guard(engine: Any, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    images = [image, f"{CONTENT}:1", f"{CONTENT}:2"]
    folder = tmp_path_factory.mktemp("guard")
    (folder / "notice").write_text("exam on friday\n")
    policy: dict[str, Any] = {
        "images": images,
        "gpus": ["0", "1"],
        "volumes": [{"source": "test-guard-shared-gone", "target": "/srv/gone", "read_only": False}],
        "files": [{"path": "/etc/deep/notice", "mode": "0440", "source": "notice"}],
    }
    running = start_guard(folder, image, socket_of(engine), **policy)
    yield running
    stop_guard(running)


def gpus(engine: Any, container: str) -> list[str]:
    """Return the GPUs that a server was made with, as the engine has it."""
    found = engine.containers.get(container).attrs
    requests = found["HostConfig"]["DeviceRequests"] or [{"DeviceIDs": []}]
    ids: list[str] = requests[0]["DeviceIDs"]
    assert found["Config"]["Labels"].get(GPU_LABEL, "") == ",".join(ids)
    assert f"NVIDIA_VISIBLE_DEVICES={','.join(ids) or 'void'}" in found["Config"]["Env"]
    return ids


def test_no_two_servers_have_one_gpu(engine: Any, guard: Running, image: str) -> None:
    client = guard.client()
    first, second, none = spawn(client, image, "one", **ONE_GPU), spawn(client, image, "two", **ONE_GPU), spawn(client, image, "none")
    assert [gpus(engine, container) for container in (first, second, none)] == [["0"], ["1"], []]
    with pytest.raises(docker_py.errors.APIError) as refused:
        spawn(client, image, "three", **ONE_GPU)
    assert (refused.value.response.status_code, refused.value.explanation) == (409, "engine guard: no GPU is free: 2 of 2 are in use, and 1 wanted")
    assert str(servers.no_gpu(refused.value.explanation)) == "every GPU of this hub is in use; try again when somebody has stopped a server"
    client.remove_container(first)
    third = spawn(client, image, "three", **ONE_GPU)
    assert gpus(engine, third) == ["0"]
    for container in (second, none, third):
        client.remove_container(container)


def test_no_two_servers_have_one_gpu_when_all_start_at_once(engine: Any, guard: Running, image: str) -> None:
    def attempt(number: int) -> str:
        try:
            return spawn(guard.client(), image, f"at-once-{number}", **ONE_GPU)
        except docker_py.errors.APIError as error:
            return str(error.explanation)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(attempt, range(8)))
    made = [item for item in found if "no GPU is free" not in item]
    assert sorted(gpus(engine, container) for container in made) == [["0"], ["1"]]
    for container in made:
        guard.client().remove_container(container)


def test_a_gpu_of_another_hub_is_taken_as_long_as_its_server_runs(engine: Any, guard: Running, image: str) -> None:
    other = engine.containers.run(image, SLEEP, labels={**labels("singleuser", OTHER), GPU_LABEL: "0"}, detach=True, init=True)
    client = guard.client()
    mine = spawn(client, image, "mine", **ONE_GPU)
    assert gpus(engine, mine) == ["1"]
    client.remove_container(mine)
    other.stop(timeout=1)
    mine = spawn(client, image, "mine", **ONE_GPU)
    assert gpus(engine, mine) == ["0"]
    # It got going again meanwhile: neither of the two may have it now but the one that runs.
    other.start()
    with pytest.raises(docker_py.errors.APIError, match="those of this server are in another one"):
        client.start(mine)
    client.remove_container(mine)
    other.remove(force=True)


def test_an_engine_without_a_gpu_says_so_when_a_server_starts(guard: Running, image: str) -> None:
    client = guard.client()
    container = spawn(client, image, "nowhere", **ONE_GPU)
    with pytest.raises(docker_py.errors.APIError) as refused:
        client.start(container)
    assert str(servers.no_gpu(refused.value.explanation)) == "the engine of this hub cannot give a GPU to a server; tell its administrators"
    client.remove_container(container)


@pytest.mark.parametrize(
    "request_",
    [
        {"count": 3, "capabilities": [["gpu"]]},
        {"count": -1, "capabilities": [["gpu"]]},
        {"device_ids": ["1"], "capabilities": [["gpu"]]},
        {"count": 1, "capabilities": [["gpu", "display"]]},
        {"count": 1, "capabilities": [["gpu"]], "driver": "cdi"},
        {"count": 1, "capabilities": [["gpu"]], "options": {"x": "y"}},
    ],
)
def test_which_gpu_it_is_is_not_the_hubs_to_say(guard: Running, image: str, request_: dict[str, Any]) -> None:
    with pytest.raises(docker_py.errors.APIError, match="DeviceRequests"):
        spawn(guard.client(), image, "greedy", device_requests=[docker_py.types.DeviceRequest(**request_)])


# ---- Content of an image (S3 3.32)


def build(engine: Any, image: str, version: int) -> str:
    """Make an image that has files where people's are mounted."""
    lines = [f"FROM {image}", "USER 0:0", f"RUN mkdir -p {HOME}"]
    lines += [f"RUN echo lesson {number} > {HOME}/{number}.txt" for number in range(1, version + 1)]
    engine.images.build(fileobj=io.BytesIO("\n".join([*lines, f"RUN chown -R 1000:1000 {HOME}", "USER 1000:1000"]).encode()), tag=f"{CONTENT}:{version}")
    return f"{CONTENT}:{version}"


def read(engine: Any, container: str, command: str) -> str:
    done = engine.containers.get(container).exec_run(["sh", "-c", command])
    assert done.exit_code == 0, done.output
    return str(done.output.decode())


def test_an_empty_home_gets_what_the_image_has_there_and_keeps_it(engine: Any, guard: Running, image: str) -> None:
    """S3 3.32: the first mount of a named volume copies; a later image does not reach it, which is what `seed` is for."""
    client = guard.client()
    container = spawn(client, build(engine, image, 1), "lessons")
    client.start(container)
    assert read(engine, container, f"cat {HOME}/1.txt && echo mine > {HOME}/1.txt && stat -c %u {HOME}") == "lesson 1\n1000\n"
    client.remove_container(container, force=True)
    container = spawn(client, build(engine, image, 2), "lessons")
    client.start(container)
    assert read(engine, container, f"cat {HOME}/*.txt") == "mine\n"
    client.remove_container(container, force=True)


# ---- Volumes that are given, files that every server gets


def test_a_volume_that_is_gone_is_not_made_anew(engine: Any, guard: Running, image: str) -> None:
    binds = {f"{PREFIX}lost": {"bind": HOME, "mode": "rw"}, "test-guard-shared-gone": {"bind": "/srv/gone", "mode": "rw"}}
    with pytest.raises(docker_py.errors.APIError, match="the volume test-guard-shared-gone is not there; run the deployment again"):
        spawn(guard.client(), image, "lost", binds=binds)
    assert "test-guard-shared-gone" not in [volume.name for volume in engine.volumes.list()]
    engine.volumes.create("test-guard-shared-gone", labels=labels("shared", OTHER))
    with pytest.raises(docker_py.errors.APIError, match="is another's"):
        spawn(guard.client(), image, "lost", binds=binds)


def test_every_server_has_the_files(engine: Any, guard: Running, image: str) -> None:
    client = guard.client()
    container = spawn(client, image, "files")
    client.start(container)
    until(lambda: engine.containers.get(container).status == "running", "the server runs")
    assert read(engine, container, "stat -c '%a %u %g %s' /etc/deep/notice") == "440 0 0 15\n"
    client.remove_container(container, force=True)


def test_files_that_cannot_be_put_there_leave_no_server(engine: Any, image: str, tmp_path: Path) -> None:
    (tmp_path / "notice").write_text("x")
    # Below a file there is no directory.
    policy = {"files": [{"path": "/etc/passwd/notice", "mode": "0444", "source": "notice"}]}
    running = start_guard(tmp_path, image, socket_of(engine), **policy)
    try:
        with pytest.raises(docker_py.errors.APIError, match="the files of jupyterhub_extra_files cannot be put there"):
            spawn(running.client(), image, "unfinished")
        assert not engine.containers.list(all=True, filters={"name": f"{PREFIX}unfinished"})
    finally:
        stop_guard(running)
