# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as Python text: what is read back is what was written."""

from __future__ import annotations

import ast
import math
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.pytext import WIDTH, Code, assignment, literal
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ANY_TEXT, JSON

VALUES = st.one_of(JSON, st.sets(ANY_TEXT, min_size=1, max_size=4), st.lists(ANY_TEXT, max_size=3).map(tuple))


@settings(max_examples=200)
@given(VALUES)
def test_any_value_is_read_back_as_it_was(value: t.Any) -> None:
    assert eval(literal(value), {"__builtins__": {"float": float}}) == value


@settings(max_examples=200)
@given(st.dictionaries(ANY_TEXT, VALUES, max_size=4))
def test_an_assignment_is_one_statement_whatever_its_value(value: dict[str, t.Any]) -> None:
    tree = ast.parse(assignment("c.DockerSpawner.environment", value))
    assert [type(node) for node in tree.body] == [ast.Assign]


def test_numbers_without_a_literal_are_read_back() -> None:
    found = eval(assignment("x", [math.inf, -math.inf, math.nan]).removeprefix("x = "))
    assert found[:2] == [math.inf, -math.inf]
    assert math.isnan(found[2])


LAYOUT = [
    ("x", 1, "x = 1"),
    ("x", [], "x = []"),
    ("x", (1,), "x = (1,)"),
    ("x", {"b", "a"}, "x = {'a', 'b'}"),
    ("x", {"a": [1, 2]}, "x = {'a': [1, 2]}"),
    ("x", Code("secret('a')"), "x = secret('a')"),
    ("x", {"token": Code("secret('a')")}, "x = {'token': secret('a')}"),
    ("x", ["y" * 70, "z" * 70], "x = [\n" + f"    '{'y' * 70}',\n    '{'z' * 70}',\n]"),
    ("x", {"a": ["y" * 70, "z" * 70]}, "x = {\n    'a': [\n" + f"        '{'y' * 70}',\n        '{'z' * 70}',\n    ],\n" + "}"),
]


@pytest.mark.parametrize(("target", "value", "text"), LAYOUT, ids=[repr(value)[:40] for _target, value, _text in LAYOUT])
def test_text_looks_as_a_person_would_have_written_it(target: str, value: t.Any, text: str) -> None:
    assert assignment(target, value) == text


@settings(max_examples=50)
@given(st.lists(st.integers(0, 10**9), max_size=60))
def test_no_line_is_longer_than_it_must_be(value: list[int]) -> None:
    assert max(map(len, assignment("c.JupyterHub.something", value).splitlines())) <= WIDTH
