# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have the image that a hub will run load its configuration in a pod of its own, before the hub gets it."""

from __future__ import annotations

import json
import time
import typing as t

from ..core import hub_config, k8s, k8s_objects, traits
from ..core.description import Hub, K8s
from ..core.k8s_objects import PODS
from ..core.schema import DescriptionError
from .cluster import Cluster
from .config_check import CATALOGUE, PROGRAM

ANSWER_SECONDS = 90
# The other end of the line stays open: what is to be read is one line.
ONE_LINE = "import io, sys; sys.stdin = io.StringIO(sys.stdin.readline()); exec(compile(sys.argv[1], 'config_check', 'exec'))"


class ClusterConfigCheck:
    """The check of one hub. ``programs`` have the program and the catalogue of traits."""

    def __init__(self, cluster: Cluster, hub: Hub, settings: K8s, programs: t.Mapping[str, str]) -> None:
        self.cluster = cluster
        self.hub = hub
        self.settings = settings
        self.programs = programs

    def run(self, values: t.Mapping[str, str]) -> list[str]:
        """Return what the user should know; raise DescriptionError for a configuration that the image refuses."""
        if not traits.needs_image(self.hub):
            return []
        renderer = k8s.Renderer(self.hub, self.settings, self.programs, {})
        texts = renderer.files("hub")
        given = {path: values[source] + "\n" for path, source in renderer.secret_files["hub"].items()}
        answer = self.ask({"files": {**texts, **given}, "hidden": list(given.values())})
        config = texts["jupyterhub_config.py"]
        catalogue = traits.Catalogue(json.loads(self.programs[CATALOGUE]))
        return traits.answered(answer, self.hub, self.hub.images.hub, catalogue, lambda line: hub_config.place(config, line))

    def ask(self, order: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the answer of a pod of the image, which is gone afterwards."""
        pod = k8s.check_pod(self.hub, self.settings)
        space, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        path = k8s_objects.path(PODS, space, name)
        self.cluster.delete(path, now=True)
        self.await_phase(path, "")
        self.cluster.ask("to make the pod that tries the configuration", "POST", k8s_objects.path(PODS, space), pod)
        try:
            self.await_phase(path, "Running")
            command = ["python3", "-c", ONE_LINE, self.programs[PROGRAM]]
            said = self.cluster.run(space, name, k8s.CHECK, command, ANSWER_SECONDS, json.dumps(order) + "\n")
        finally:
            self.cluster.delete(path, now=True)
        if not said:
            raise DescriptionError(
                f"the image {self.hub.images.hub} cannot load the hub's configuration: it says nothing; use one with JupyterHub and its python3 first on PATH"
            )
        return t.cast("dict[str, t.Any]", json.loads(said))

    def await_phase(self, path: str, phase: str) -> None:
        """Return when the pod is in a phase, or is gone for an empty one; raise when it never will be."""
        deadline = time.monotonic() + self.settings.wait_timeout
        while True:
            pod = self.cluster.find(path) or {}
            now = (pod.get("status") or {}).get("phase", "")
            if now == phase:
                return
            why = k8s_objects.trouble(pod)
            if not why and time.monotonic() > deadline:
                why = k8s_objects.unscheduled(pod) or f"it is {now or 'gone'} after {self.settings.wait_timeout} seconds"
            if why:
                raise DescriptionError(f"jupyterhub_images.hub {self.hub.images.hub} cannot be tried in the cluster: {why}")
            time.sleep(0.2)
