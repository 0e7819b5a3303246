# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The REST API of a hub, over one of two lines: into the hub's container, where hub_relay.py has the token, or to an address, with a token from a file."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import socket
import ssl
import stat
import subprocess
import threading
import time
import typing as t
import urllib.parse

from ..core.docker_compose import LABEL
from ..core.people import Request
from ..core.schema import DescriptionError
from .docker import Docker

RELAY = "/etc/jupyterhub/hub_relay.py"
PAGE = 200
"""Things in one answer of a list; JupyterHub's api_page_max_limit."""

ANSWER_SECONDS = 60
"""What the hub may take for one answer; hub_relay.py waits as long."""

AT_ONCE = 8
"""Requests that are under way at the same time."""

PAGED = {"Accept": "application/jupyterhub-pagination+json", "Content-Type": "application/json"}


class Unreachable(DescriptionError):
    """Nobody answers. The text is one sentence for the user."""


class Unready(Unreachable):
    """The hub answers, but what was waited for did not come about in time."""


class Refused(DescriptionError):
    """The hub answers with an error; ``status`` is that of HTTP. The text is one sentence for the user."""

    def __init__(self, request: Request, status: int, text: str) -> None:
        super().__init__(f"the hub refuses {request.method} {request.path}: {status} {reason(text)}")
        self.status = status
        self.reason = reason(text)


class Answer(t.NamedTuple):
    """What came back for a request; status 0 says that nothing did, and why."""

    status: int
    text: str


class Line(t.Protocol):
    """A way to a hub."""

    def ask(self, requests: t.Sequence[Request]) -> list[Answer]:
        """Return the answers to requests, which may be under way at the same time; raise Unreachable when there is no way."""

    def close(self) -> None:
        """Hang up."""


def reason(text: str) -> str:
    """Return what an answer says, on one line: JupyterHub's own message where there is one."""
    try:
        said = json.loads(text)
        text = str(said.get("message") or text)
    except (ValueError, AttributeError):
        pass
    return " ".join(text.split())[:300] or "without a reason"


class ContainerLine:
    """Into the container of a hub on Docker. No port is needed and no token leaves the container; one process there serves until :meth:`close`."""

    def __init__(self, docker: Docker, container: str) -> None:
        self.docker = docker
        self.container = container
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, requests: t.Sequence[Request]) -> list[Answer]:
        process = self.process = self.process or self.docker.talk("exec", "--interactive", self.container, "python3", RELAY)
        # An engine that hangs must not hang us: the relay itself gives up long before.
        watchdog = threading.Timer(ANSWER_SECONDS * (1 + len(requests) / AT_ONCE) + 30, process.kill)
        watchdog.start()
        to, back = t.cast(t.IO[bytes], process.stdin), t.cast(t.IO[bytes], process.stdout)
        try:
            to.write(json.dumps(requests).encode() + b"\n")
            to.flush()
            line = back.readline()
        except OSError:
            line = b""
        finally:
            watchdog.cancel()
        if not line:
            said = process.communicate()[1].decode(errors="replace")
            self.process = None
            raise Unreachable(f"the hub cannot be asked through its container {self.container}: {reason(said)}; see: docker logs {self.container}")
        return [Answer(*answer) for answer in json.loads(line)]

    def close(self) -> None:
        if self.process:
            self.process.communicate()
            self.process = None


class NamedLine(ContainerLine):
    """Into the container of a hub of which no more is known than its name; after a restart on a swarm that is another one."""

    def __init__(self, docker: Docker, hub: str) -> None:
        super().__init__(docker, "")
        self.hub = hub

    def ask(self, requests: t.Sequence[Request]) -> list[Answer]:
        if not self.process:
            self.container = self.docker.running(self.hub, "hub")
            if not self.container:
                raise Unreachable(f"no container of the hub {self.hub} runs on {self.docker.name}; see: docker ps --all --filter label={LABEL}={self.hub}")
        return super().ask(requests)


class Place(t.NamedTuple):
    """Where a hub answers: its URL, the certificates to trust (a file, else those of the system), and where to connect to instead of the URL's host."""

    url: str
    ca_file: str = ""
    address: str = ""

    @property
    def parts(self) -> urllib.parse.SplitResult:
        return urllib.parse.urlsplit(self.url)

    @property
    def port(self) -> int:
        return self.parts.port or (443 if self.parts.scheme == "https" else 80)

    def connect(self, timeout: float) -> socket.socket:
        """Return a connection, encrypted where the URL says so; raises OSError."""
        host = self.parts.hostname or ""
        connection = socket.create_connection((self.address or host, self.port), timeout=timeout)
        if self.parts.scheme != "https":
            return connection
        return ssl.create_default_context(cafile=self.ca_file or None).wrap_socket(connection, server_hostname=host)


class Connection(http.client.HTTPConnection):
    """An HTTP connection to a place."""

    def __init__(self, place: Place, timeout: float) -> None:
        super().__init__(place.parts.hostname or "", place.port, timeout=timeout)
        self.default_port = {"https": 443}.get(place.parts.scheme, 80)
        self.place = place

    def connect(self) -> None:
        self.sock = self.place.connect(t.cast(float, self.timeout))


class UrlLine:
    """To the address of a hub. Paths of requests are below ``prefix`` of the URL."""

    def __init__(self, place: Place, token: str, prefix: str = "hub/api", timeout: float = ANSWER_SECONDS) -> None:
        self.place = place
        self.headers = {**PAGED, "Authorization": f"token {token}"}
        self.prefix = f"{place.parts.path.rstrip('/')}/{prefix}".rstrip("/")
        self.timeout = timeout

    def ask(self, requests: t.Sequence[Request]) -> list[Answer]:
        with concurrent.futures.ThreadPoolExecutor(min(len(requests), AT_ONCE) or 1) as pool:
            return list(pool.map(self.ask_one, requests))

    def ask_one(self, request: Request) -> Answer:
        connection = Connection(self.place, self.timeout)
        body = None if request.body is None else json.dumps(request.body)
        try:
            connection.request(request.method, self.prefix + request.path, body, self.headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as exc:
            raise Unreachable(f"the hub does not answer at {self.place.url}: {str(exc) or type(exc).__name__}") from exc
        finally:
            connection.close()

    def close(self) -> None:
        """Nothing stays open."""


def read_token(path: str) -> str:
    """Return the token in a file that nobody but its owner may read."""
    try:
        with open(path, encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            token = file.read().strip()
    except OSError as exc:
        raise DescriptionError(f"token_file is {path!r}, which cannot be read: {exc.strerror or exc}") from exc
    if mode & 0o077:
        raise DescriptionError(f"token_file is {path!r}, which others than its owner may use (mode {mode:04o}); chmod 600 it, and make a new token")
    if not token or len(token.split()) != 1:
        raise DescriptionError(f"token_file is {path!r}, which must hold a token and nothing else")
    return token


class HubApi:
    """The operations on a hub that modules need. Every method raises Unreachable or Refused."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def __enter__(self) -> HubApi:
        return self

    def __exit__(self, *_error: object) -> None:
        self.line.close()

    def call(self, method: str, path: str, body: t.Any = None) -> t.Any:
        """Return the answer to one request."""
        return self.call_all([Request(method, path, body)])[0]

    def call_all(self, requests: t.Sequence[Request], ignored: t.Container[int] = ()) -> list[t.Any]:
        """Return the answers to requests whose order means nothing; of a status that is ignored, the answer is None."""
        found = []
        for request, answer in zip(requests, self.line.ask(requests) if requests else (), strict=True):
            if not answer.status:
                raise Unreachable(f"the hub does not answer: {reason(answer.text)}")
            if answer.status >= 400 and answer.status not in ignored:
                raise Refused(request, answer.status, answer.text)
            found.append(json.loads(answer.text) if answer.text and answer.status < 300 else None)
        return found

    def lists(self, *paths: str) -> list[list[t.Any]]:
        """Return whole lists, each asked for in pages. Of a dictionary that comes in pages, the items are a list of pairs."""
        firsts = self.call_all([page(path, 0) for path in paths])
        rest = [(number, page(paths[number], offset)) for number, first in enumerate(firsts) for offset in offsets(first["_pagination"])]
        found = [items(first) for first in firsts]
        for (number, _request), answer in zip(rest, self.call_all([request for _number, request in rest]), strict=True):
            found[number] += items(answer)
        return found

    def ready(self, deadline: float) -> str:
        """Return the version of the hub as soon as it answers; raise Unreachable when it does not in time."""
        return str(until(deadline, lambda: self.call("GET", "/"))["version"])


def page(path: str, offset: int) -> Request:
    return Request("GET", f"{path}{'&' if '?' in path else '?'}limit={PAGE}&offset={offset}")


def offsets(pagination: t.Mapping[str, t.Any]) -> range:
    """Return where the pages behind the first begin; the hub may give less than was asked for."""
    return range(pagination["limit"], pagination["total"], pagination["limit"]) if pagination["next"] else range(0)


def items(answer: t.Mapping[str, t.Any]) -> list[t.Any]:
    found = answer["items"]
    return list(found.items()) if isinstance(found, dict) else list(found)


T = t.TypeVar("T")


def until(deadline: float, question: t.Callable[[], T], pause: float = 0.2) -> T:
    """Return the first true answer; raise the last trouble, or Unreachable, when there is none in time."""
    while True:
        trouble: Unreachable = Unready("the hub is not ready in time")
        try:
            if answer := question():
                return answer
        except Unreachable as exc:
            trouble = exc
        except Refused as exc:
            if exc.status < 500:
                raise
            trouble = Unreachable(str(exc))
        if time.monotonic() > deadline:
            raise trouble
        time.sleep(pause)
