# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run certbot, in a container of its own or on the host, and read the certificate that it keeps."""

from __future__ import annotations

import contextlib
import os
import posixpath
import typing as t

from ..core import certbot, docker_compose
from ..core.certbot import Authenticator, Places
from ..core.description import Certbot, Hub
from ..core.schema import DescriptionError
from . import files
from .authority import Pair
from .docker import Docker, File

TIMED_OUT = (124, 137)
"""What coreutils' timeout returns."""


class Program(t.Protocol):
    """Certbot, ready for one run."""

    places: Places

    def read(self, path: str) -> str | None:
        """Return the text of a file below certbot's directory, links followed, or None where there is none."""

    def run(self, texts: t.Mapping[str, str]) -> tuple[int, str]:
        """Run certbot with these files; return its status and what it said."""


class Container:
    """Certbot in a container that exists for one run. Its files reach it through the engine's API, and go with it."""

    def __init__(self, docker: Docker, hub: Hub, settings: Certbot, image: str) -> None:
        self.docker = docker
        self.hub = hub
        self.settings = settings
        self.image = image
        self.places = Places()
        self.name = f"{hub.name}-certbot"

    @contextlib.contextmanager
    def open(self, authenticator: Authenticator) -> t.Iterator[Program]:
        """Have the container. One that was broken off goes first: whoever comes here has the lock."""
        self.docker.call("rm", "--force", self.name, check=False)
        state = self.settings.config_dir
        if not state:
            state = f"{self.hub.name}-letsencrypt"
            self.docker.call("volume", "create", *self.labels("data"), state)
        net = self.hub.network
        address = f"[{net.bind_address}]" if ":" in net.bind_address else net.bind_address
        published = ["--publish", f"{address}:{net.http_port}:{self.places.port}"] if authenticator == "standalone" else []
        mounts = [f"{state}:{self.places.config_dir}", f"{self.hub.name}-acme:{self.places.webroot}"]
        self.docker.call(
            "create",
            *("--name", self.name, *self.labels("certbot"), "--init", *published),
            *("--user", "0:0", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "256"),
            *(part for mount in mounts for part in ("--volume", mount)),
            *("--env", f"REQUESTS_CA_BUNDLE={self.places.run_dir}/ca.pem" if self.settings.ca_file else "PYTHONUNBUFFERED=1"),
            *("--entrypoint", "certbot", self.image, "certonly", "--config", f"{self.places.run_dir}/cli.ini"),
        )
        try:
            yield self
        finally:
            self.docker.call("rm", "--force", "--volumes", self.name, check=False)

    def labels(self, component: str) -> list[str]:
        return [part for key, value in docker_compose.labels(self.hub, component).items() for part in ("--label", f"{key}={value}")]

    def read(self, path: str) -> str | None:
        status, text, _message = self.docker.follow(self.name, f"{self.places.config_dir}/{path}")
        return text if status == 0 else None

    def run(self, texts: t.Mapping[str, str]) -> tuple[int, str]:
        above, name = posixpath.split(self.places.run_dir)
        self.docker.write_files(self.name, above, {f"{name}/{path}": File(text, 0o600, 0) for path, text in texts.items()})
        command = ["timeout", "--kill-after=10", str(self.settings.timeout), "docker", *self.docker.options, "start", "--attach", self.name]
        return self.docker.run_and_listen(command)


class OfHost:
    """The certbot that is installed on the host."""

    def __init__(self, docker: Docker, hub: Hub, settings: Certbot, project_dir: str) -> None:
        self.docker = docker
        self.hub = hub
        self.settings = settings
        # They stay: certbot's own timer, where the distribution has one, renews with them, too.
        self.run_dir = os.path.join(project_dir, "state", "certbot")
        self.places = Places()

    @contextlib.contextmanager
    def open(self, authenticator: Authenticator) -> t.Iterator[Program]:
        webroot = ""
        if authenticator == "webroot":
            webroot = self.docker.text("volume", "inspect", "--format", "{{.Mountpoint}}", f"{self.hub.name}-acme").strip()
        self.places = Places(self.settings.config_dir or certbot.CONFIG_DIR, self.run_dir, webroot, self.hub.network.http_port)
        yield self

    def read(self, path: str) -> str | None:
        return files.read(os.path.join(self.places.config_dir, path))

    def run(self, texts: t.Mapping[str, str]) -> tuple[int, str]:
        files.make_directory(self.run_dir, 0o700)
        for name, text in texts.items():
            files.write(os.path.join(self.run_dir, name), text, 0o600)
        environment = {"REQUESTS_CA_BUNDLE": f"{self.run_dir}/ca.pem"} if self.settings.ca_file else {}
        command = ["timeout", "--kill-after=10", str(self.settings.timeout), "certbot", "certonly", "--config", f"{self.run_dir}/cli.ini"]
        try:
            return self.docker.run_and_listen(command, environment)
        except FileNotFoundError as exc:
            raise DescriptionError("certbot_runs_in is host, which has no certbot; install it (apt-get install certbot), or set it to container") from exc


def obtain(program: Program, hub: Hub, settings: Certbot, given: t.Mapping[str, str], authenticator: Authenticator) -> Pair:
    """Have certbot get or renew the certificate if that is due, and return what it keeps. Raise DescriptionError where it could not."""
    name = certbot.cert_name(hub, settings)
    # Certbot itself keeps a certificate of another server until it expires.
    kept = certbot.kept_server(program.read(f"renewal/{name}.conf") or "")
    force = settings.force_renewal or kept not in ("", certbot.server(settings))
    status, said = program.run(certbot.files(hub, settings, given, program.places, authenticator, force))
    if status in TIMED_OUT:
        raise DescriptionError(
            f"certbot was not done within certbot_timeout ({settings.timeout} seconds) and was stopped; the hub goes on with the certificate that it has: "
            f"check that {certbot.server(settings)} answers, or allow more"
        )
    if status:
        raise certbot.refusal(hub, settings, said)
    texts = program.read(f"live/{name}/fullchain.pem"), program.read(f"live/{name}/privkey.pem")
    if texts[0] is None or texts[1] is None:
        raise DescriptionError(f"certbot says that all is well, but keeps no certificate called {name}; correct certbot_cert_name or certbot_config_dir")
    return Pair(texts[0], texts[1])
