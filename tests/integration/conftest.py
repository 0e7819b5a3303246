# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine and the image that these tests use."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest

docker_py: Any = docker


def until(condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
    """Return the first result that is true; fail when there is none in time."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """An engine that answers."""
    try:
        found = docker_py.from_env(timeout=60)
        found.ping()
    except docker_py.errors.DockerException as error:
        pytest.fail(f"these tests need a Docker Engine and reach none: {error}", pytrace=False)
    yield found
    found.close()


def image_name() -> str:
    """Return the image that tests start."""
    name = os.environ.get("VDSG_TEST_IMAGE", "")
    if not name:
        pytest.fail("set VDSG_TEST_IMAGE to a local image with python3 and iptables", pytrace=False)
    return name


@pytest.fixture(scope="module")
def image(client: Any) -> str:
    """The image that tests start, which must be there."""
    name = image_name()
    try:
        client.images.get(name)
    except docker_py.errors.ImageNotFound:
        pytest.fail(f"VDSG_TEST_IMAGE={name}: the engine has no such image", pytrace=False)
    return name
