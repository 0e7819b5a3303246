# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What compose has to do is known before it is asked: a run without changes asks it nothing."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import docker_compose
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import running
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.docker import Docker

DIGESTS = {service: f"digest of {service}" for service in running.SERVICES}
IMAGES = {service: f"sha256:{service}" for service in running.SERVICES}


def container(service: str) -> dict[str, t.Any]:
    state = {"Status": "running", "Running": True, "Health": {"Status": "healthy", "Log": []}}
    return {"Name": f"/lab-{service}", "Image": IMAGES[service], "State": state, "Config": {"Labels": {running.DIGEST_LABEL: DIGESTS[service]}}}


def seen(containers: list[dict[str, t.Any]]) -> running.Running:
    found = running.Running(Docker(lambda *_args, **_options: (0, json.dumps(containers).encode(), b"")), "lab")
    found.look()
    return found


def test_the_door_and_the_core_speak_of_the_same_things() -> None:
    assert set(running.SERVICES) == set(docker_compose.SERVICES)
    assert running.DIGEST_LABEL == docker_compose.DIGEST_LABEL


def test_a_hub_that_is_as_described_has_nothing_outdated() -> None:
    assert seen([container(service) for service in running.SERVICES]).outdated(DIGESTS, IMAGES) == {}


def changed(path: list[str], value: t.Any) -> t.Callable[[dict[str, t.Any]], None]:
    def change(item: dict[str, t.Any]) -> None:
        for key in path[:-1]:
            item = item[key]
        item[path[-1]] = value

    return change


CHANGES: list[tuple[str, t.Callable[[dict[str, t.Any]], None]]] = [
    ("changed", changed(["Config", "Labels", running.DIGEST_LABEL], "other")),
    ("changed", changed(["Config", "Labels"], {})),
    ("changed", changed(["Image"], "sha256:older")),
    ("exited", changed(["State"], {"Status": "exited", "Running": False, "Health": {"Status": "healthy", "Log": []}})),
    ("unhealthy", changed(["State", "Health", "Status"], "unhealthy")),
    ("starting", changed(["State", "Health", "Status"], "starting")),
]


@pytest.mark.parametrize(("why", "change"), CHANGES, ids=[f"{number}-{why}" for number, (why, _change) in enumerate(CHANGES)])
def test_a_container_that_is_not_as_described_is_outdated(why: str, change: t.Callable[[dict[str, t.Any]], None]) -> None:
    containers = {service: container(service) for service in running.SERVICES}
    change(containers["proxy"])
    assert seen(list(containers.values())).outdated(DIGESTS, IMAGES) == {"proxy": why}


def test_a_container_that_is_gone_is_new() -> None:
    assert seen([container(service) for service in running.SERVICES if service != "edge"]).outdated(DIGESTS, IMAGES) == {"edge": "new"}
