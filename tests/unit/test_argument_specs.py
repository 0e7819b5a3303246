# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is generated from the description is what is in the repository."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.vdsg.jupyterhub.scripts import argument_specs
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ROOT

FILES = {path.relative_to(argument_specs.ROOT): text for path, text in argument_specs.files().items()}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_generated_file_is_up_to_date(path: pathlib.Path) -> None:
    assert (ROOT / path).read_text() == FILES[path], "make specs"
