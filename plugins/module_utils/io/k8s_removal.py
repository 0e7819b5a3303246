# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take a hub away from a cluster, by its label: whatever a run left behind, in whatever state."""

from __future__ import annotations

import time
import typing as t

from ..core import k8s_objects
from ..core.description import Hub, K8s
from ..core.k8s_names import namespace, selector_text
from ..core.k8s_objects import KEPT, KINDS, PODS
from ..core.schema import DescriptionError
from .cluster import ApiRefused, Cluster, at_once

DATA = (*KEPT, "Secret")
"""Kinds that hold what people made, and what was made once."""


class Found(t.NamedTuple):
    """An object that is there."""

    title: str
    path: str


class Removal:
    """Everything of one hub that is in its namespace."""

    def __init__(self, cluster: Cluster, hub: Hub, settings: K8s) -> None:
        self.cluster = cluster
        self.hub = hub
        self.namespace = namespace(hub, settings)
        self.seconds = settings.wait_timeout

    def find(self) -> list[tuple[str, Found]]:
        """Return what is there, with its kind; what makes other things goes first."""
        self.check_namespace()
        found = []
        for kind, where in {**KINDS, "Pod": PODS}.items():
            for item in self.cluster.list(where, self.namespace, selector_text(self.hub)):
                name = item["metadata"]["name"]
                found.append((kind, Found(f"{kind} {name}", k8s_objects.path(where, self.namespace, name))))
        return found

    def check_namespace(self) -> None:
        """Raise where nothing could be seen: that is not the same as nothing being there."""
        path = k8s_objects.path(KINDS["Deployment"], self.namespace)
        status, text = self.cluster.send("GET", path, limit="1")
        if status >= 400:
            raise ApiRefused(f"to list deployments in the namespace {self.namespace}", status, text)

    def plan(self) -> tuple[list[Found], list[Found]]:
        """Return what is to go and what stays."""
        found = self.find()
        kept = [] if self.hub.remove_data else [item for kind, item in found if kind in DATA]
        return [item for _kind, item in found if item not in kept], kept

    def remove(self, items: t.Sequence[Found]) -> None:
        """Remove objects, and return when they are gone."""
        at_once(lambda item: self.cluster.delete(item.path), items)
        deadline = time.monotonic() + self.seconds
        names = {item.path for item in items}
        while left := [item.title for _kind, item in self.find() if item.path in names]:
            if time.monotonic() > deadline:
                raise DescriptionError(f"{', '.join(left)} in the namespace {self.namespace} do not go in {self.seconds} seconds; is a node down?")
            time.sleep(0.5)
