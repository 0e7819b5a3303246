# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the guides are descriptions that can be, and what they say of a refusal is what a test says of it."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.tests.unit.support import ROOT, example, examples

REFUSAL = re.compile(r"^ {4}(jupyterhub_[a-z_]+\.\S+:? .*)$", re.MULTILINE)
PROOFS = "".join((ROOT / path).read_text() for path in ("tests/unit/test_traits.py", "tests/integration/test_bad_input.py"))
PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("variables", [pytest.param(found, id=f"{page.name}:{line}") for page in PAGES for line, found in examples(page)])
def test_an_example_is_a_description_that_can_be(variables: dict[str, t.Any]) -> None:
    assert example(variables).variables


@pytest.mark.parametrize("sentence", [sentence for path in PAGES for sentence in REFUSAL.findall(path.read_text())])
def test_a_refusal_is_said_in_these_words(sentence: str) -> None:
    assert sentence in PROOFS
