# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hub's certificate: from where it comes to the edge that shows it."""

from __future__ import annotations

import dataclasses
import os
import time
import typing as t

from ..core import certbot, certificates, images, nginx, project, validation
from ..core import secrets as core_secrets
from ..core.certificates import Words
from ..core.description import Certbot, Hub
from ..core.project import Project
from ..core.schema import DescriptionError
from . import files
from .certbot import Container, OfHost, obtain
from .delivery import Delivery
from .docker import Docker
from .preflight import has
from .running import Running
from .secret_store import Store

CONF = "edge/nginx.conf"
CERTBOTS = Words("the certificate that certbot keeps", "the key that certbot keeps")


@dataclasses.dataclass(frozen=True)
class Paths:
    """Where a hub has what, on its host."""

    project_dir: str

    @property
    def secrets(self) -> str:
        return os.path.join(self.project_dir, "secrets")

    @property
    def lock(self) -> str:
        return os.path.join(self.project_dir, "state", "certificate.lock")


def from_certbot(docker: Docker, hub: Hub, settings: Certbot, given: t.Mapping[str, str], paths: Paths, edge_runs: bool) -> dict[str, str]:
    """Have certbot look after the certificate; return it by the names of the secrets. One that is no good is refused."""
    authenticator = settings.challenge
    if authenticator == "standalone" and edge_runs:
        # The port is the edge's now; through it, nobody has to stop.
        authenticator = "webroot"
    program: Container | OfHost
    if settings.runs_in == "host":
        if docker.options:
            raise DescriptionError(f"certbot_runs_in is host, but the hub is on the engine {docker.name}, which may be another host's; set it to container")
        program = OfHost(docker, hub, settings, paths.project_dir)
    else:
        program = Container(docker, hub, settings, image(docker, hub, settings, "certbot"))
    with program.open(authenticator) as ready:
        pair = obtain(ready, hub, settings, given, authenticator)
    certificates.check_pair(pair.certificate, pair.key, validation.public_names(hub), time.time(), CERTBOTS)
    return {"tls_certificate": pair.certificate.strip(), "tls_key": pair.key.strip()}


def image(docker: Docker, hub: Hub, settings: Certbot, kind: str) -> str:
    """Return an image that a deployment has made or pulled."""
    references = [images.by_kind(images.plan(hub, source, certbot=settings))[kind] for source in images.sources(hub)]
    present = docker.inspect("image", *references)
    found = next((reference for reference in references if has(present, reference)), "")
    if not found:
        raise DescriptionError(f"the engine has no image {references[0]}; run site.yml, which pulls or makes it")
    return found


class Edge:
    """The edge of a hub on an engine, which has its files in a volume there: a container of docker compose, or a service's on this node of a swarm.

    ``timeout`` are the seconds in which it loads what is new.
    """

    def __init__(self, running: Running, hub: Hub, certbot_settings: Certbot, paths: Paths, timeout: float) -> None:
        self.docker = running.docker
        self.hub = hub
        self.certbot = certbot_settings
        self.paths = paths
        self.timeout = timeout
        self.running = running
        self.running.look()

    @property
    def runs(self) -> bool:
        return self.running.health("edge") in ("healthy", "unhealthy", "starting")

    def conf(self) -> str:
        """Return the configuration that was deployed: a renewal takes up nothing else of a description that has changed."""
        text = files.read(os.path.join(self.paths.project_dir, CONF))
        if text is None:
            raise DescriptionError(f"there is no hub {self.hub.name} in {self.paths.project_dir}; run site.yml first")
        return text

    def deliver(self, store: Store, *, dry_run: bool) -> tuple[str, bool]:
        """Have the edge show the certificate of a store; return its version and whether that was or would be a change.

        It tests before it loads, and goes on with what it had where that fails; then its volume is put back, too, for the next start.
        """
        secrets = {f"secrets/{name}": source for name, source in core_secrets.files(self.hub, "edge").items()}
        conf, version = project.renewed(self.conf(), secrets, store.fingerprints())
        rendered = Project({CONF: conf}, {"edge": secrets}, version, {}, {})
        delivery = Delivery(self.docker, self.hub, rendered, store.wanted, self.image(), ("edge",), ("edge-files",))
        _volumes, services = delivery.plan()
        behind = self.runs and not self.running.edge_has_loaded(version)
        if dry_run or not (services or behind):
            return version, bool(services or behind)
        before = delivery.current()
        delivery.deliver((), services)
        if self.runs:
            try:
                self.running.reload_edge(version, time.monotonic() + self.timeout)
            except DescriptionError:
                delivery.restore(before)
                raise
        files.write(os.path.join(self.paths.project_dir, CONF), conf, 0o644)
        return version, True

    def image(self) -> str:
        """Return an image for the container that carries files."""
        container = self.running.containers.get("edge")
        return str(container["Image"]) if container else image(self.docker, self.hub, self.certbot, "edge")


def told(hub: Hub, before: str | None, after: str) -> dict[str, t.Any]:
    """Return what is known of a certificate, and one line for people."""
    found = facts(after)
    what = "is new" if before is None else "was replaced" if before.strip() != after.strip() else "stays"
    end = f"{found['not_after'][:16].replace('T', ' ')} UTC ({found['days_left']} days)"
    return {**found, "line": f"{hub.name}: the certificate of {hub.domain} {what}; it is valid until {end}"}


def of_edge(running: Running) -> dict[str, t.Any]:
    """Return what is known of the certificate that an edge has; nothing where it ends no TLS or is not there."""
    if "edge" not in running.containers:
        return {}
    status, text, _message = running.docker.follow(running.container("edge"), f"{nginx.FILES}/secrets/tls_certificate")
    return {} if status else facts(text)


def facts(pem: str) -> dict[str, t.Any]:
    """Return what is known of the first certificate of a chain."""
    certificate = certificates.read_chain(pem)[0]
    begin, end = certificates.dates(certificate)
    return {
        "names": list(certificates.names_of(certificate)),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial_number": f"{certificate.serial_number:x}",
        "not_before": f"{begin:%Y-%m-%dT%H:%M:%SZ}",
        "not_after": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "days_left": int((end.timestamp() - time.time()) // 86400),
    }


def write_metrics(hub: Hub, path: str, certificate_pem: str) -> None:
    """Write what Prometheus reads, whole or not at all."""
    begin, end = (date.timestamp() for date in certificates.dates(certificates.read_chain(certificate_pem)[0]))
    files.write(path, certbot.metrics(hub, begin, end, time.time()), 0o644)
