# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person with a browser does at a hub, on any target: log in, start a server, run code in a kernel, keep a file."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import re
import socket
import ssl
import time
import typing as t
import unittest.mock
import urllib.parse
import uuid

import requests
import websocket

T = t.TypeVar("T")


class HubError(Exception):
    """The hub or a server answered with an error; `status` is the HTTP status, or 0."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class LoginRefused(HubError):
    """The hub does not let this person in."""


class SpawnFailed(HubError):
    """The hub could not start the server."""


def readable(text: str) -> str:
    """Return what a person reads of a page; anything but a page is left as it is."""
    if not text.lstrip().lower().startswith(("<!doctype", "<html")):
        return text
    return " ".join(re.sub(r"(?s)<(head|script|nav)\b.*?</\1>|<[^>]*>", " ", text).split())


class KernelError(HubError):
    """The code raised; the text is the traceback."""


@dataclasses.dataclass
class Timings:
    """Seconds that a person waits, for the bench."""

    login_seconds: float = 0.0
    lab_seconds: float = 0.0
    first_answer_seconds: float = 0.0

    @property
    def total(self) -> float:
        return self.login_seconds + self.lab_seconds + self.first_answer_seconds


@dataclasses.dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str]


class _Forms(html.parser.HTMLParser):
    """The forms of a page, with their fields as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower(), {}))
        elif tag in ("input", "select") and self.forms and given.get("name"):
            self.forms[-1].fields[given["name"]] = given.get("value", "")


def forms(page: str) -> list[Form]:
    """Return the forms of an HTML page."""
    parser = _Forms()
    parser.feed(page)
    return parser.forms


def until(check: t.Callable[[], T | None], seconds: float, what: str, pause: float = 0.2) -> T:
    """Return the first result of `check` that is true; fail with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    last: Exception | None = None
    while True:
        try:
            result = check()
            if result:
                return result
        except SpawnFailed:
            raise
        except (HubError, requests.RequestException, OSError) as error:
            last = error
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s" + (f"; last error: {last}" if last else ""))
        time.sleep(pause)


def resolve(host: str, address: str) -> None:
    """Let this process connect to `address` where it is asked for `host`, as a line in /etc/hosts would."""
    original = socket.getaddrinfo

    def getaddrinfo(name: t.Any, *args: t.Any, **options: t.Any) -> t.Any:
        return original(address if name == host else name, *args, **options)

    unittest.mock.patch.object(socket, "getaddrinfo", getaddrinfo).start()


class Kernel:
    """A kernel and one websocket to it: all code goes over the same socket."""

    def __init__(self, client: HubClient, kernel_id: str | None = None) -> None:
        self._client = client
        self._started = time.monotonic()
        self._session = uuid.uuid4().hex
        self.id: str = kernel_id or client.user_api("POST", "kernels", {"name": "python3", "path": ""}).json()["id"]
        self._socket = client.websocket(f"api/kernels/{self.id}/channels?session_id={self._session}")

    def begin(self, code: str) -> str:
        """Have the kernel run `code`, and do not wait for it; return what names the answers to it."""
        message_id = uuid.uuid4().hex
        header = {"msg_id": message_id, "msg_type": "execute_request", "session": self._session, "username": "", "version": "5.3"}
        content = {
            "code": code,
            "silent": False,
            "store_history": False,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
        self._socket.send(json.dumps(message))
        return message_id

    def execute(self, code: str, timeout: float = 60) -> str:
        """Run `code`; return what it printed and its last value."""
        message_id = self.begin(code)
        said: list[str] = []
        waiting = {"execute_reply", "idle"}
        deadline = time.monotonic() + timeout
        while waiting:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                text = self._socket.recv()
            except websocket.WebSocketTimeoutException as error:
                raise TimeoutError(f"the kernel did not answer within {timeout:g} s") from error
            if not text:
                raise websocket.WebSocketConnectionClosedException("the server closed the socket")
            answer = json.loads(text)
            if answer["parent_header"].get("msg_id") != message_id:
                continue
            kind, content = answer["header"]["msg_type"], answer["content"]
            if kind == "stream" and content["name"] == "stdout":
                said.append(content["text"])
            elif kind == "execute_result":
                said.append(content["data"]["text/plain"])
            elif kind == "error":
                raise KernelError("\n".join([f"{content['ename']}: {content['evalue']}", *content["traceback"]]))
            elif kind == "execute_reply":
                waiting.discard("execute_reply")
            elif kind == "status" and content["execution_state"] == "idle":
                waiting.discard("idle")
        if not self._client.timings.first_answer_seconds:
            self._client.timings.first_answer_seconds = time.monotonic() - self._started
        return "".join(said).strip()

    @property
    def alive(self) -> bool:
        """Whether the kernel still answers on this very socket."""
        try:
            return self.execute("6 * 7", timeout=20) == "42"
        except (websocket.WebSocketException, OSError, KernelError):
            return False

    def disconnect(self) -> None:
        """Close the socket and leave the kernel running."""
        self._socket.close()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *error: object) -> None:
        self.disconnect()


class HubClient:
    """One person at one hub, with the cookies of one browser; `options` are fields of the form that some hubs show before a server starts."""

    def __init__(self, url: str, *, ca: str | None = None, timeout: float = 180, options: t.Mapping[str, t.Any] | None = None) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.options = options
        self.username = ""
        self.timings = Timings()
        self._ca = ca
        self._base = urllib.parse.urlsplit(self.url).path
        self.session = requests.Session()
        # REQUESTS_CA_BUNDLE of the environment would win over the hub's own CA.
        self.session.trust_env = False
        self.session.verify = ca or True

    # What a browser does

    def login(self, username: str, password: str) -> None:
        """Log in on the hub's own form."""
        started = time.monotonic()
        page = self._ok(self._send("GET", f"hub/login?next={urllib.parse.quote(self._base, safe='')}%2Fhub%2Fhome"))
        form = next((form for form in forms(page.text) if "password" in form.fields), None)
        if form is None:
            raise HubError(f"no login form at {page.url}")
        data = {**form.fields, "username": username, "password": password}
        self._logged_in(self.session.post(urllib.parse.urljoin(page.url, form.action), data=data, timeout=30), started)

    def login_oauth(self, fields: t.Mapping[str, str], path: str = "hub/oauth_login") -> None:
        """Log in at an identity provider that shows plain forms, filling `fields` in wherever it asks for them."""
        started = time.monotonic()
        page = self._send("GET", f"{path}?next={urllib.parse.quote(self._base, safe='')}%2Fhub%2Fhome")
        for step in range(5):
            if page.url.startswith(f"{self.url}/"):
                break
            asked = forms(self._ok(page).text)
            if not asked:
                raise HubError(f"no form in step {step} at {page.url}")
            data = {name: fields.get(name, value) for name, value in asked[0].fields.items()}
            page = self.session.request(asked[0].method, urllib.parse.urljoin(page.url, asked[0].action), data=data, timeout=30)
        else:
            raise LoginRefused(f"login refused: the provider asks again and again at {page.url}", page.status_code)
        self._logged_in(page, started)

    def logout(self) -> None:
        """Log out, as the button does."""
        self._ok(self._send("GET", "hub/logout"))

    def start_server(self) -> None:
        """Start the server (with `options`, if the hub asks for some), follow its progress, open its page."""
        started = time.monotonic()
        page = self._ok(self._send("GET", f"hub/spawn/{self._user}"))
        # Without a form, and when the server runs already, the hub leads elsewhere.
        if urllib.parse.urlsplit(page.url).path.startswith(f"{self._base}/hub/spawn/"):
            if self.options is None:
                raise SpawnFailed("the hub asks for options, and none were given")
            data = {**self.options, "_xsrf": self._xsrf(f"{self._base}/hub/")}
            self._ok(self.session.post(f"{self.url}/hub/spawn/{self._user}", data=data, timeout=60))
        until(self._ready, self.timeout, f"the server of {self.username}")
        self.open_server()
        self.timings.lab_seconds = time.monotonic() - started

    def open_server(self) -> None:
        """Open the page of one's own server, which somebody has started."""
        until(self._lab, self.timeout, f"the page of the server of {self.username}")

    def stop_server(self) -> None:
        """Stop the server and wait until the hub has forgotten it."""
        self.api("DELETE", f"users/{self._user}/server")
        until(lambda: not self.servers(), self.timeout, f"the stop of the server of {self.username}")

    def restart_server(self) -> None:
        """Stop and start."""
        self.stop_server()
        self.start_server()

    def kernel(self, kernel_id: str | None = None) -> Kernel:
        """Start a kernel, or open another socket to one that runs."""
        return Kernel(self, kernel_id)

    def write_file(self, path: str, text: str) -> None:
        """Save a text file below the notebook directory."""
        self.user_api("PUT", f"contents/{urllib.parse.quote(path)}", {"type": "file", "format": "text", "content": text})

    def read_file(self, path: str) -> str:
        """Return a text file from below the notebook directory."""
        return str(self.user_api("GET", f"contents/{urllib.parse.quote(path)}?type=file&format=text").json()["content"])

    # The APIs, with the cookies of the browser

    def api(self, method: str, path: str, body: t.Any = None) -> requests.Response:
        """Call the hub's API."""
        return self._call(method, f"hub/api/{path}", f"{self._base}/hub/", body)

    def user_api(self, method: str, path: str, body: t.Any = None) -> requests.Response:
        """Call the API of one's own server."""
        return self._call(method, f"user/{self._user}/api/{path}", f"{self._base}/user/{self._user}/", body)

    def servers(self) -> dict[str, t.Any]:
        """Return one's own servers as the hub sees them."""
        servers: dict[str, t.Any] = self.api("GET", f"users/{self._user}").json().get("servers") or {}
        return servers

    def server_ready(self) -> bool:
        """Whether the hub holds the default server for ready."""
        return bool(self.servers().get("", {}).get("ready"))

    def wait_until_healthy(self, seconds: float = 60) -> None:
        """Wait until the hub answers through proxy and edge."""
        until(lambda: self._send("GET", "hub/health", timeout=5).status_code == 200, seconds, f"{self.url}/hub/health")

    def websocket(self, path: str) -> websocket.WebSocket:
        """Open a websocket below one's own server."""
        url = f"{self.url}/user/{self._user}/{path}"
        request = self.session.prepare_request(requests.Request("GET", url))
        parts = urllib.parse.urlsplit(self.url)
        return websocket.create_connection(
            "ws" + url.removeprefix("http"),
            cookie=request.headers.get("Cookie", ""),
            origin=f"{parts.scheme}://{parts.netloc}",
            sslopt={"ca_certs": self._ca} if self._ca else {"context": ssl.create_default_context()},
            timeout=30,
            http_no_proxy=["*"],
        )

    # Inside

    @property
    def _user(self) -> str:
        return urllib.parse.quote(self.username, safe="@~")

    def _send(self, method: str, path: str, timeout: float = 30, **options: t.Any) -> requests.Response:
        return self.session.request(method, f"{self.url}/{path}", timeout=timeout, **options)

    def _call(self, method: str, path: str, cookie_path: str, body: t.Any) -> requests.Response:
        headers = {"X-XSRFToken": self._xsrf(cookie_path)}
        return self._ok(self._send(method, path, timeout=60, headers=headers, json=body))

    def _xsrf(self, cookie_path: str) -> str:
        # There is one _xsrf cookie for the hub and one for each server.
        return next((c.value or "" for c in self.session.cookies if c.name == "_xsrf" and c.path == cookie_path), "")

    @staticmethod
    def _ok(response: requests.Response) -> requests.Response:
        if response.status_code >= 400:
            where = f"{response.request.method} {response.url}"
            raise HubError(f"{where}: {response.status_code} {readable(response.text)[:500]}", response.status_code)
        return response

    def _logged_in(self, page: requests.Response, started: float) -> None:
        if page.status_code in (401, 403) or (page.status_code < 500 and urllib.parse.urlsplit(page.url).path.endswith("/hub/login")):
            raise LoginRefused(f"login refused: {page.status_code} at {page.url}", page.status_code)
        self._ok(page)
        self.username = self.api("GET", "user").json()["name"]
        self.timings.login_seconds = time.monotonic() - started

    def _ready(self) -> bool:
        if self.server_ready():
            return True
        url = f"{self.url}/hub/api/users/{self._user}/server/progress"
        with self.session.get(url, stream=True, timeout=self.timeout, headers={"X-XSRFToken": self._xsrf(f"{self._base}/hub/")}) as stream:
            for line in stream.iter_lines():
                event = json.loads(line.removeprefix(b"data: ")) if line.startswith(b"data: ") else {}
                if event.get("failed"):
                    raise SpawnFailed(event.get("message", "no reason given"))
                if event.get("ready"):
                    return True
        return False

    def _lab(self) -> bool:
        page = self._ok(self._send("GET", f"user/{self._user}/"))
        return urllib.parse.urlsplit(page.url).path.startswith(f"{self._base}/user/{self._user}/")
