# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write values as Python that a person could have written. Every value goes through ``repr``, so that none can become code."""

from __future__ import annotations

import math
import typing as t

WIDTH = 120


class Code(str):
    """Python text that stands as it is; made by us, never from a user's value."""

    __slots__ = ()


def literal(value: t.Any, indent: int = 0, width: int = WIDTH) -> str:
    """Return a value as Python text: on one line if it fits, else one item on each line with a comma after it."""
    if isinstance(value, Code):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if not isinstance(value, (dict, list, tuple, set, frozenset)) or not value:
        return repr(value)
    if isinstance(value, dict):
        opening, closing = "{", "}"
        items = [f"{literal(key)}: {literal(item, indent + 4, width)}" for key, item in value.items()]
    elif isinstance(value, (set, frozenset)):
        opening, closing = "{", "}"
        items = [literal(item, indent + 4, width) for item in sorted(value)]
    else:
        opening, closing = "[]" if isinstance(value, list) else "()"
        items = [literal(item, indent + 4, width) for item in value]
    line = ", ".join(items) + ("," if isinstance(value, tuple) and len(items) == 1 else "")
    if len(line) + indent + 2 <= width and "\n" not in line:
        return f"{opening}{line}{closing}"
    inner = " " * (indent + 4)
    return opening + "\n" + "".join(f"{inner}{item},\n" for item in items) + " " * indent + closing


def assignment(target: str, value: t.Any) -> str:
    """Return ``target = value``."""
    text = literal(value, 0, WIDTH - len(target) - 3)
    return f"{target} = {text if isinstance(value, (Code, dict, list, tuple, set, frozenset)) else literal(value)}"
