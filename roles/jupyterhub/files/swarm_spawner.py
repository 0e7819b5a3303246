# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SwarmSpawner with what it lacks: mounts that are volumes, a server that goes where its owner's files are, failures that say why.

Facts (dockerspawner 14.0.0): SwarmSpawner makes a bind of every mount, waits until the timeout for a task that was rejected, and takes a task on a
node that is gone for a running one.
"""

from __future__ import annotations

import asyncio
import typing as t

from docker import types
from dockerspawner import SwarmSpawner
from jupyterhub.spawner import SpawnException
from traitlets import Bool, Dict, Unicode

USER_LABEL = "vdsg.jupyterhub.user"
ALIVE = ("new", "assigned", "accepted", "pending", "preparing", "ready", "starting", "running")
FAILED = ("rejected", "failed", "complete", "shutdown", "orphaned", "remove")
NO_NODE = "no suitable node"
PATIENCE = 10.0
"""Seconds for which no node may be suitable: one that was just stopped gives its memory back a moment later."""


def refused(text: str) -> SpawnException:
    """Return what the hub shows to people and answers through the API."""
    exception: t.Any = SpawnException(text, reason="placement", status_code=503)
    exception.jupyterhub_message = text
    return t.cast("SpawnException", exception)


class SwarmServer(SwarmSpawner):
    extra_create_kwargs: t.Any
    extra_placement_spec: t.Any
    sticky = Bool(False, config=True, help="Whether a server goes where its owner's last one was, since its volume is there.")
    scratch = Dict(config=True, help="Memory that a server has for itself: where it is -> bytes.")
    node_id = Unicode("", help="Node of the last server of this owner.")

    @property
    def mounts(self) -> list[t.Any]:
        mount = t.cast(t.Any, types).Mount
        volumes = [mount(target=item["bind"], source=source, type="volume", read_only=item["mode"] == "ro") for source, item in self.volume_binds.items()]
        return volumes + [mount(target=path, source=None, type="tmpfs", tmpfs_size=int(size)) for path, size in self.scratch.items()]

    def load_state(self, state: dict[str, t.Any]) -> None:
        super().load_state(state)
        self.node_id = state.get("node_id", "")

    def get_state(self) -> dict[str, t.Any]:
        # Kept when the server has stopped, too: the hub writes down what is returned here after it has cleared the rest.
        return {**super().get_state(), **({"node_id": self.node_id} if self.node_id else {})}

    async def create_object(self) -> t.Any:
        self.extra_create_kwargs = {**self.extra_create_kwargs, "labels": {USER_LABEL: self.user.name}}
        if self.sticky and self.node_id:
            constraints = [*(self.extra_placement_spec.get("constraints") or []), f"node.id=={self.node_id}"]
            self.extra_placement_spec = {**self.extra_placement_spec, "constraints": constraints}
        return await super().create_object()

    async def start_object(self) -> None:
        """Wait until the task runs; say what the engine says when it cannot."""
        waited = 0.0
        while True:
            task = await self.get_task()
            if not task:
                raise RuntimeError(f"the service {self.service_name} is gone")
            status = task["Status"]
            state, reason = status["State"].lower(), status.get("Err") or status.get("Message") or ""
            if state == "running":
                self.node_id = task.get("NodeID", "")
                return
            unplaced = NO_NODE in reason and waited > PATIENCE
            if state in FAILED or unplaced:
                where = f" (its files are on the node {self.node_id})" if unplaced and self.sticky and self.node_id else ""
                raise refused(f"the server cannot start: {reason or state}{where}")
            await asyncio.sleep(0.25)
            waited += 0.25

    async def poll(self) -> t.Any:
        task = await self.get_task()
        if not task:
            return 0
        status = task["Status"]
        alive = task.get("DesiredState", "running") in ("running", "ready") and status["State"].lower() in ALIVE
        return None if alive else f"{status['State']}: {status.get('Err') or status.get('Message') or ''}"
