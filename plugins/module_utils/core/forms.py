# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms that values must have, where more than one topic has them."""

from __future__ import annotations

import re

from .schema import DescriptionError, shown

SIZE = re.compile(r"[0-9]+(\.[0-9]+)?[KMGT]")
IMAGE = re.compile(r"[a-z0-9][a-z0-9.:_/-]*[a-z0-9_](:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?")
URL = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!&()*+,;=%-]+")


def matches(pattern: re.Pattern[str], value: str, path: str, form: str) -> None:
    """Raise unless the whole value has the form."""
    if not pattern.fullmatch(value):
        raise DescriptionError(f"{path} is {shown(value)}, but it must be {form}")


def size_in_bytes(size: str) -> int:
    """Return an amount of memory such as ``1.5G`` in bytes (units are powers of 1024, as JupyterHub reads them)."""
    return int(float(size[:-1]) * 1024 ** (1 + "KMGT".index(size[-1])))
