# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guides tell people to run, so that tests run it."""

from __future__ import annotations

import pathlib
import re
import textwrap
import typing as t

import yaml

DOCS = pathlib.Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"(?:^ {4}.*\n|^\n)+", re.MULTILINE)


def blocks(guide: str) -> list[str]:
    """Return the indented blocks of a guide."""
    return [textwrap.dedent(block[0]).strip("\n") for block in BLOCK.finditer((DOCS / guide).read_text()) if block[0].strip()]


def tasks(guide: str) -> list[dict[str, t.Any]]:
    """Return the tasks among them."""
    return [task for block in blocks(guide) if block.startswith("- name:") for task in yaml.safe_load(block)]
