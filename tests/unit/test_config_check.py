# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hub's image says of a configuration, made into a sentence; tests/integration/test_traits.py has the image say it."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import hub_config, project, traits
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ANY_TEXT, CATALOGUE, ENGINE, hub, program

check = program("config_check")
PIECES = {"10-a": "x = 1\ny = 2", "20-it's": "z = 3\n\n\nlast = 4\n"}


@pytest.mark.parametrize(("code", "place"), [("y = 2", "jupyterhub_extra_config.10-a: line 2"), ("last = 4", "jupyterhub_extra_config.20-it's: line 4")])
def test_a_line_is_found_in_its_piece(code: str, place: str) -> None:
    text = project.config(hub(extra_config=PIECES), ENGINE)
    assert hub_config.place(text, text.splitlines().index(code) + 1) == place


def test_a_line_of_ours_is_in_no_piece() -> None:
    text = project.config(hub(extra_config=PIECES), ENGINE)
    assert hub_config.place(text, 5) == hub_config.place(text, 0) == ""


def answer(*problems: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"version": "6.1.1", "problems": list(problems)}


def said(described: t.Any, *problems: dict[str, t.Any]) -> list[str]:
    return traits.answered(answer(*problems), described, "hub:1", CATALOGUE, lambda line: f"piece: line {line}" if line else "")


PYTHON = {"extra_config": {"10-x": "c.Mine.y = 1"}}
REFUSED: list[tuple[str, dict[str, t.Any], dict[str, t.Any]]] = [
    ("piece: line 3: NameError: no", {}, {"kind": "load", "line": 3, "message": "NameError: no"}),
    ("the configuration in the image hub:1: ImportError: no", {}, {"kind": "load", "line": 0, "message": "ImportError: no"}),
    ("the image hub:1 refuses the configuration: JupyterHub: no", {}, {"kind": "object", "class": "JupyterHub", "message": "no"}),
    (
        "jupyterhub_config.Mine.x must be an int, not 'a'",
        {"config": {"Mine": {"x": "a"}}},
        {"kind": "value", "class": "Mine", "trait": "x", "message": "an int, not 'a'"},
    ),
    (
        "jupyterhub_extra_config.10-x: line 1: c.Mine.y: Mine has no such trait in the image hub:1; did you mean z?",
        PYTHON,
        {"kind": "trait", "class": "Mine", "trait": "y", "close": ["z"], "message": ""},
    ),
    (
        "jupyterhub_extra_config: c.Mine.computed: the image hub:1 has no class Mine",
        PYTHON,
        {"kind": "class", "class": "Mine", "trait": "computed", "close": [], "message": ""},
    ),
    (
        "jupyterhub_auth.custom_class must be a class that the image has",
        {"auth": {"method": "custom", "custom_class": "a.B"}, **PYTHON},
        {"kind": "value", "class": "JupyterHub", "trait": "authenticator_class", "message": "a class that the image has"},
    ),
]


@pytest.mark.parametrize(("sentence", "topics", "problem"), REFUSED, ids=[sentence for sentence, _topics, _problem in REFUSED])
def test_a_problem_becomes_a_sentence(sentence: str, topics: dict[str, t.Any], problem: dict[str, t.Any]) -> None:
    with pytest.raises(DescriptionError) as caught:
        said(hub(**topics), problem)
    assert sentence in str(caught.value)


PASSED: list[dict[str, t.Any]] = [
    # A description may move between targets.
    {"kind": "class", "class": "KubeSpawner", "trait": "uid", "close": [], "message": ""},
    # What we say ourselves, and an older JupyterHub does not know.
    {"kind": "class", "class": "JupyterHubHTTPClient", "trait": "connector_options", "close": [], "message": ""},
]


@pytest.mark.parametrize("problem", PASSED, ids=lambda problem: problem["class"])
def test_what_is_not_the_users_mistake_passes(problem: dict[str, t.Any]) -> None:
    assert said(hub(config={"KubeSpawner": {"uid": 1}}), problem) == []


def test_what_could_not_be_tried_is_warned_of() -> None:
    assert said(hub(), {"kind": "world", "line": 2, "message": "OSError: no"}) == ["piece: line 2 could not be tried without network and data: OSError: no"]


@given(ANY_TEXT, st.text(min_size=4), ANY_TEXT)
def test_no_secret_is_repeated(before: str, secret: str, after: str) -> None:
    for form in (secret, repr(secret)):
        text = check.without(f"{before}{form}{after}", [secret])
        assert all(line not in text.replace("…", "\0") for line in secret.splitlines() if len(line) >= 4 and line not in before + after)


def test_files_are_written_where_the_hub_finds_them(tmp_path: pathlib.Path) -> None:
    check.write(str(tmp_path), {"a.py": "x", "secrets/b": "\udcff"})
    assert (tmp_path / "a.py").read_text() == "x"
    assert (tmp_path / "secrets/b").read_bytes() == b"\xff"


def failing(tmp_path: pathlib.Path, code: str) -> dict[str, t.Any]:
    path = tmp_path / check.CONFIG
    path.write_text(code)
    try:
        exec(compile(code, str(path), "exec"), {})
    except Exception as exc:
        found: dict[str, t.Any] = check.failure(exc, str(tmp_path))
        return found
    raise AssertionError("it did not fail")


FAILURES = [
    ("x = 1\ny = z\n", {"kind": "load", "line": 2, "message": "NameError: name 'z' is not defined"}),
    ("def f():\n    return 1 / 0\nf()\n", {"kind": "load", "line": 2, "message": "ZeroDivisionError: division by zero"}),
    ("open('/nowhere')\n", {"kind": "world", "line": 1, "message": "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere'"}),
    ("import json\njson.loads('{')\n", {"kind": "load", "line": 2}),
]


@pytest.mark.parametrize(("code", "wanted"), FAILURES, ids=[code.splitlines()[-1] for code, _wanted in FAILURES])
def test_a_failure_has_its_line(tmp_path: pathlib.Path, code: str, wanted: dict[str, t.Any]) -> None:
    assert wanted.items() <= failing(tmp_path, code).items()
