# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal: everything of one hub, nothing of anybody else, and what people made only when it is asked for."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import DockerCompose
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.docker import Docker
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.removal import Removal
from ansible_collections.vdsg.jupyterhub.tests.unit.support import hub

CONTAINERS = ["lab-firewall", "lab-hub", "lab-user-jenny"]
VOLUMES = {"lab-data": "data", "lab-hub-files": "files", "lab-user-jenny": "user-data", "lab-firewall-state": "files"}


class Engine:
    """A docker command that answers like an engine with one hub, and notes what it is told to do."""

    def __init__(self) -> None:
        self.done: list[list[str]] = []
        self.up = True

    def __call__(self, command: list[str], **_options: t.Any) -> tuple[int, bytes, bytes]:
        words = command[1:]
        if not self.up:
            return 1, b"", b"Cannot connect to the Docker daemon"
        if words[0] in ("ps", "network", "volume") and words[1] in ("ls", "--all"):
            assert "label=vdsg.jupyterhub.name=lab" in words
            names = {"ps": CONTAINERS, "network": ["lab-users", "lab-services"], "volume": list(VOLUMES)}[words[0]]
            return 0, "".join(f"{name}\n" for name in names).encode(), b""
        if words[:2] == ["volume", "inspect"]:
            found = [{"Name": name, "Labels": {"vdsg.jupyterhub.component": VOLUMES[name]}} for name in words[2:]]
            return 0, json.dumps(found).encode(), b""
        if words[:2] == ["network", "inspect"]:
            return 0, json.dumps([{"Name": name, "Containers": {"f00": {}} if name == "lab-services" else {}} for name in words[2:]]).encode(), b""
        if words[0] != "info":
            self.done.append(words)
        return 0, b"", b""


def removal(path: pathlib.Path, engine: Engine, **topics: t.Any) -> Removal:
    for name in ("hub/jupyterhub_config.py", "compose.yaml", "secrets/cookie_secret", "state/image-versions.json", "mine/notes.txt"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("x")
    return Removal(Docker(engine), hub(**topics), DockerCompose(project_dir=str(path)))


def test_what_people_made_stays(tmp_path: pathlib.Path) -> None:
    engine = Engine()
    todo = removal(tmp_path, engine)
    removed, kept = todo.plan()
    assert kept == ["lab-data", "lab-user-jenny", f"{tmp_path}/secrets"]
    assert removed["volume"] == ["lab-firewall-state", "lab-hub-files"]
    assert removed["file"] == [f"{tmp_path}/{name}" for name in ("compose.yaml", "hub", "state")]
    assert engine.done == [], "a plan changes nothing"
    todo.remove(removed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "secrets"]
    assert not any(name in words for words in engine.done for name in ("lab-data",))
    assert ["volume", "rm", "lab-firewall-state", "lab-hub-files"] in engine.done


def test_all_of_it_goes_when_it_is_asked_for_but_not_what_is_somebody_elses(tmp_path: pathlib.Path) -> None:
    engine = Engine()
    todo = removal(tmp_path, engine, remove_data=True)
    removed, kept = todo.plan()
    assert kept == []
    assert set(removed["volume"]) == set(VOLUMES)
    todo.remove(removed)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_firewall_holds_as_long_as_a_server_runs(tmp_path: pathlib.Path) -> None:
    engine = Engine()
    todo = removal(tmp_path, engine)
    todo.remove(todo.plan()[0])
    steps = [" ".join(words) for words in engine.done]
    assert steps[:4] == [
        "rm --force --volumes lab-hub lab-user-jenny",
        "start lab-firewall",
        "exec lab-firewall python3 /etc/firewall/firewall.py remove",
        "rm --force --volumes lab-firewall",
    ]
    # A service of somebody else's is left alone, but for the network that goes.
    assert steps[4:] == ["network disconnect --force lab-services f00", "network rm lab-services lab-users", "volume rm lab-firewall-state lab-hub-files"]


def test_an_engine_that_is_down_is_not_an_engine_without_a_hub(tmp_path: pathlib.Path) -> None:
    engine = Engine()
    engine.up = False
    with pytest.raises(DescriptionError, match="docker info failed on the engine of this host: Cannot connect"):
        removal(tmp_path, engine).plan()
