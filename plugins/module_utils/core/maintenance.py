# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Maintenance of a hub: what is written down at it, and what is said of the servers that still run.

The hub itself remembers that there is maintenance, in the properties of the group that :mod:`people` keeps its memory in; the program ``maintenance.py``
beside the hub acts on it. So it outlives a restart of the hub and every run of a playbook, until somebody ends it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .people import ABOUT
from .schema import DescriptionError

PROPERTY = "maintenance"
ANNOUNCEMENT = "Maintenance: no servers can be started for now; those that run go on."


@dataclasses.dataclass(frozen=True)
class State:
    """Maintenance that goes on: what all pages announce, and since when (UTC)."""

    announcement: str
    since: str


def remembered(properties: t.Mapping[str, t.Any] | None) -> State | None:
    """Return the maintenance that a hub remembers; what somebody spoilt by hand is one without a date."""
    value = (properties or {}).get(PROPERTY)
    return State(str(value.get("announcement", "")), str(value.get("since", ""))) if isinstance(value, dict) else None


def planned(before: State | None, enabled: bool, announcement: str, now: str) -> State | None:
    """Return the maintenance that is wanted; one that goes on keeps its beginning."""
    if not enabled:
        return None
    return State(announcement, before.since if before else now)


def remember(properties: t.Mapping[str, t.Any] | None, state: State | None) -> dict[str, t.Any]:
    """Return the properties with another maintenance; everything else that is remembered stays."""
    kept = {name: value for name, value in (properties or {}).items() if name != PROPERTY}
    return {"about": ABOUT, **kept, **({PROPERTY: dataclasses.asdict(state)} if state else {})}


def check_task(task: t.Mapping[str, t.Any]) -> None:
    """Raise DescriptionError for options of a task that contradict each other."""
    if not task["enabled"] and task["servers"] != "keep":
        raise DescriptionError(f"servers {task['servers']} means nothing when maintenance ends; leave it out")
    if task["enabled"] and not task["announcement"].strip():
        raise DescriptionError("announcement is empty, and people would not know why no server starts; leave it out for the usual sentence")


def check_drained(servers: t.Sequence[str], timeout: int) -> None:
    """Raise DescriptionError for servers that still run."""
    if servers:
        raise DescriptionError(
            f"servers still run after {timeout} seconds: {', '.join(servers)}; no new ones start, so wait again, or stop them with servers: stop"
        )


def shown(state: State | None) -> str:
    """Return maintenance as text, for a diff."""
    return f"maintenance: {state.announcement}\n" if state else "no maintenance\n"


def sentence(state: State | None) -> str:
    """Return what a report says of maintenance."""
    return f"maintenance since {state.since or 'some time'}: only admins start servers; maintenance.yml with enabled: false ends it" if state else ""
