# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API of a Kubernetes cluster: who we are and where it is is the business of the library kubernetes, requests are plain HTTP."""

from __future__ import annotations

import concurrent.futures
import decimal
import json
import time
import typing as t
import urllib.parse

from ..core import k8s_objects
from ..core.description import K8s
from ..core.k8s_names import MANAGER
from ..core.k8s_objects import Kind, Object
from ..core.people import Request
from ..core.schema import DescriptionError
from .hub_api import ANSWER_SECONDS, AT_ONCE, RELAY, Answer, Unreachable, reason

try:
    import urllib3
    import yaml
    from kubernetes import client, config
    from kubernetes import utils as kubernetes_utils
    from kubernetes.stream.ws_client import ABNF, STDERR_CHANNEL, STDOUT_CHANNEL, WSClient
except ImportError as exc:  # the modules say so with missing_required_lib
    KUBERNETES_ERROR: ImportError | None = exc
    WSClient = object
else:
    KUBERNETES_ERROR = None

LIBRARIES = {"kubernetes": KUBERNETES_ERROR}
SECONDS = 60
APPLY = {"fieldManager": MANAGER, "force": "true"}

T = t.TypeVar("T")


class ApiRefused(DescriptionError):
    """The API server answers with an error; ``status`` is that of HTTP. The text is one sentence for the user."""

    def __init__(self, what: str, status: int, text: str) -> None:
        super().__init__(f"the cluster refuses {what}: {reason(text)}")
        self.status = status
        self.reason = reason(text)


class Talk(WSClient):
    """A conversation with a process in a pod, in bytes.

    The library waits at the socket for what TLS may have read from it already, and hangs (kubernetes-client/python#2414).
    """

    def update(self, timeout: float | None = 0) -> None:
        """Take one frame, if there is one in this many seconds."""
        if not (self.is_open() and self.sock.connected and getattr(self.sock.sock, "pending", int)()):
            super().update(timeout)
            return
        kind, frame = self.sock.recv_data_frame(True)
        if kind == ABNF.OPCODE_CLOSE:
            self._connected = False
        elif kind in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data[1:]:
            channel = frame.data[0]
            self._channels[channel] = self._channels.get(channel, b"") + frame.data[1:]


def configuration(settings: K8s) -> t.Any:
    """Return where the cluster is and who we are there: never the current context by accident."""
    if settings.in_cluster:
        found = client.Configuration()
        try:
            config.load_incluster_config(client_configuration=found)
        except config.ConfigException as exc:
            raise DescriptionError(f"k8s_in_cluster is true, but this is no pod of a cluster: {exc}") from exc
        return found
    path, found = settings.kubeconfig or None, client.Configuration()
    shown = settings.kubeconfig or "the default kubeconfig"
    try:
        config.load_kube_config(config_file=path, context=settings.context, client_configuration=found)
    except (config.ConfigException, OSError, yaml.YAMLError) as exc:
        contexts = contexts_of(path)
        if contexts and settings.context not in contexts:
            raise DescriptionError(f"k8s_context is {settings.context!r}, but {shown} has {', '.join(contexts)}") from exc
        raise DescriptionError(f"k8s_kubeconfig: {shown} cannot be used for k8s_context {settings.context}: {reason(str(exc))}") from exc
    return found


def contexts_of(path: str | None) -> list[str]:
    """Return the names of the contexts of a kubeconfig, as far as it can be read."""
    try:
        return sorted(item["name"] for item in config.list_kube_config_contexts(config_file=path)[0])
    except (config.ConfigException, OSError, yaml.YAMLError):
        return []


class Cluster:
    """One cluster as one person or service account sees it."""

    def __init__(self, settings: K8s) -> None:
        self.name = settings.context or "that Ansible runs in"
        self.configuration = configuration(settings)
        self.configuration.connection_pool_maxsize = AT_ONCE
        self.pool = client.ApiClient(self.configuration).rest_client.pool_manager

    def headers(self) -> dict[str, str]:
        """Return who we are; a token may have been renewed meanwhile."""
        return {item["key"]: str(item["value"]) for item in self.configuration.auth_settings().values() if item["in"] == "header"}

    def send(self, method: str, path: str, body: t.Any = None, kind: str = "application/json", **query: str) -> tuple[int, str]:
        """Return status and text of an answer; raise for no answer."""
        url = f"{self.configuration.host}{path}{'?' + urllib.parse.urlencode(query) if query else ''}"
        headers = {"Accept": "application/json", "Content-Type": kind, **self.headers()}
        data = None if body is None else json.dumps(body)
        try:
            answer = self.pool.request(method, url, body=data, headers=headers, timeout=SECONDS, retries=False)
        except urllib3.exceptions.HTTPError as exc:
            raise DescriptionError(f"the cluster {self.name} does not answer at {self.configuration.host}: {reason(str(exc))}") from exc
        return answer.status, answer.data.decode(errors="replace")

    def ask(self, what: str, method: str, path: str, body: t.Any = None, kind: str = "application/json", **query: str) -> t.Any:
        """Return an answer; ``what`` says in words what is asked for."""
        status, text = self.send(method, path, body, kind, **query)
        if status >= 400:
            raise ApiRefused(what, status, text)
        return json.loads(text)

    def find(self, path: str, *absent: int) -> dict[str, t.Any] | None:
        """Return an object, None where there is none, or where that may not be known if ``absent`` has 403."""
        try:
            return t.cast("dict[str, t.Any]", self.ask(f"GET {path}", "GET", path))
        except ApiRefused as exc:
            if exc.status in (404, *absent):
                return None
            raise

    def list(self, kind: Kind, namespace: str, selector: str = "") -> list[dict[str, t.Any]]:
        """Return the objects of a kind; nothing where the kind is not known or may not be seen."""
        path = k8s_objects.path(kind, namespace)
        try:
            found: list[dict[str, t.Any]] = self.ask(f"GET {path}", "GET", path, **({"labelSelector": selector} if selector else {}))["items"]
        except ApiRefused as exc:
            if exc.status in (403, 404):
                return []
            raise
        return found

    def apply(self, item: Object, *, dry_run: bool = False) -> dict[str, t.Any]:
        """Apply an object on the server's side and return what it is then."""
        query = {**APPLY, **({"dryRun": "All"} if dry_run else {})}
        return t.cast("dict[str, t.Any]", self.ask(k8s_objects.title(item), "PATCH", k8s_objects.path_of(item), item, "application/apply-patch+yaml", **query))

    def tried(self, item: Object, live: Object | None) -> Object:
        """Return what an object would be after it was applied."""
        try:
            return self.apply(item, dry_run=True)
        except ApiRefused as exc:
            # Whoever is not almighty may bind to a Role only when it is there, and in a dry run the Role before is not made.
            if exc.status == 404 and live is None:
                return item
            raise

    def delete(self, path: str, *, now: bool = False) -> None:
        """Delete an object, without the time that it is given if it is to go ``now``; what is gone already is no trouble."""
        status, text = self.send("DELETE", path, propagationPolicy="Background", **({"gracePeriodSeconds": "0"} if now else {}))
        if status >= 400 and status != 404:
            raise ApiRefused(f"to delete {path}", status, text)

    def allowed(self, verb: str, group: str, resource: str, namespace: str) -> bool:
        """Whether we may do something."""
        name, _slash, sub = resource.partition("/")
        attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": name, "subresource": sub}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
        said = self.ask("to say what we may do", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
        return bool(said["status"]["allowed"])

    def logs(self, namespace: str, pod: str, lines: int) -> str:
        """Return the last lines that a pod has logged, of the container before this one if this one has said nothing."""
        path = f"{k8s_objects.path(k8s_objects.PODS, namespace, pod)}/log"
        for previous in ("false", "true"):
            status, text = self.send("GET", path, tailLines=str(lines), previous=previous)
            if status == 200 and text.strip():
                return text.strip()
        return ""

    def talk(self, namespace: str, pod: str, container: str, command: t.Sequence[str]) -> t.Any:
        """Return a conversation with a process in a container."""
        query = [("container", container), ("stdin", "true"), ("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
        path = f"{k8s_objects.path(k8s_objects.PODS, namespace, pod)}/exec?{urllib.parse.urlencode(query)}"
        headers = {**self.headers(), "sec-websocket-protocol": "v4.channel.k8s.io"}
        try:
            return Talk(self.configuration, f"{self.configuration.host}{path}".replace("http", "ws", 1), headers, capture_all=False, binary=True)
        except Exception as exc:  # websocket-client has a class of its own for each trouble
            raise Unreachable(f"the pod {pod} cannot be talked to: {reason(str(exc))}") from exc

    def run(self, namespace: str, pod: str, container: str, command: t.Sequence[str], seconds: float = 20, given: str = "") -> str:
        """Return what a command in a container prints; ``given`` is its input."""
        talk = self.talk(namespace, pod, container, command)
        if given:
            talk.write_stdin(given.encode())
        said, deadline = b"", time.monotonic() + seconds
        while talk.is_open() and time.monotonic() < deadline:
            talk.update(timeout=1)
            said += talk.read_channel(STDOUT_CHANNEL) or b""
        talk.close()
        return said.decode(errors="replace").strip()


def number(quantity: str) -> decimal.Decimal:
    """Return an amount in Kubernetes' words as a number."""
    return t.cast("decimal.Decimal", kubernetes_utils.parse_quantity(quantity))


def at_once(function: t.Callable[..., T], items: t.Iterable[t.Any]) -> list[T]:
    """Return what a function makes of each item; several are under way at the same time."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(function, items))


class PodLine:
    """Into the pod of a hub: no port is needed and no token leaves the pod; one process there serves until :meth:`close`."""

    def __init__(self, cluster: Cluster, namespace: str, selector: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.selector = selector
        self.talk: t.Any = None

    def ask(self, requests: t.Sequence[Request]) -> list[Answer]:
        talk = self.talk = self.talk or self.begin()
        seconds = ANSWER_SECONDS * (1 + len(requests) / AT_ONCE) + 30
        try:
            talk.write_stdin(json.dumps(requests).encode() + b"\n")
            line = talk.readline_stdout(timeout=seconds)
        except Exception as exc:  # websocket-client has a class of its own for each trouble
            self.close()
            raise Unreachable(f"the hub cannot be asked through its pod: {reason(str(exc))}") from exc
        if not line:
            said = (talk.read_channel(STDERR_CHANNEL) or b"").decode(errors="replace")
            how = f"no answer in {seconds:.0f} seconds" if talk.is_open() else reason(said)
            self.close()
            raise Unreachable(f"the hub cannot be asked through its pod: {how}")
        return [Answer(*answer) for answer in json.loads(line)]

    def begin(self) -> t.Any:
        """Talk to the hub's pod."""
        return self.cluster.talk(self.namespace, self.pod(), "hub", ["python3", RELAY])

    def pod(self) -> str:
        """Return the name of the hub's pod; there is none for a moment while it is replaced."""
        pods = self.cluster.list(k8s_objects.PODS, self.namespace, self.selector)
        alive = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") == "Running"]
        if not alive:
            raise Unreachable(f"the namespace {self.namespace} has no running pod of the hub")
        return str(alive[0]["metadata"]["name"])

    def close(self) -> None:
        if self.talk:
            self.talk.close()
            self.talk = None
