# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub as operations see it on each target: its container, its people's servers, and volumes on whatever node; what is deleted is ours and nothing else."""

from __future__ import annotations

import datetime
import http.server
import json
import pathlib
import socketserver
import subprocess
import sys
import textwrap
import threading
import time
import typing as t
import urllib.parse

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import k8s, k8s_objects, orphans
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import K8s, Swarm, from_variables
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.people import Request
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import k8s_target, swarm_nodes
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.docker import Docker
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.hub_api import NamedLine, Unreachable
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_target import OnCluster
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.swarm_nodes import Nodes
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.swarm_running import SwarmRunning, is_on_swarm
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.target import OnDocker, OnSwarm, age
from ansible_collections.vdsg.jupyterhub.tests.unit.support import hub

LONG_AGO = "2026-01-02T03:04:05.678901234Z"


class Engine:
    """A docker command that gives prepared answers by the first words of what it is asked, the longest first, and notes what it is told."""

    def __init__(self, answers: dict[str, t.Any] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[list[str]] = []

    def __call__(self, command: list[str], **_options: t.Any) -> tuple[int, bytes, bytes]:
        words = command[1:]
        self.asked.append(words)
        known = [first for first in self.answers if " ".join(words).startswith(first)]
        found = self.answers[max(known, key=len)] if known else ""
        return 0, (found if isinstance(found, str) else json.dumps(found)).encode(), b""

    def told(self, *words: str) -> list[list[str]]:
        return [asked for asked in self.asked if asked[: len(words)] == [*words]]


def on_swarm(engine: Engine, **topics: t.Any) -> OnSwarm:
    return OnSwarm(Docker(engine), hub(**topics), Swarm.from_variables({"swarm_wait_timeout": 1}))


# ---- The hub itself


def test_the_container_of_a_hub_is_found_by_its_labels() -> None:
    engine = Engine({"ps": "0123456789ab\nba9876543210\n"})
    assert Docker(engine).running("lab", "edge") == "0123456789ab"
    assert engine.asked[0][2:] == ["--filter=label=vdsg.jupyterhub.name=lab", "--filter=label=vdsg.jupyterhub.component=edge"]


def test_a_hub_that_does_not_run_is_one_sentence() -> None:
    message = "no container of the hub lab runs on the engine of this host; see: docker ps --all --filter label=vdsg.jupyterhub.name=lab"
    with pytest.raises(Unreachable, match=f"^{message}$"):
        NamedLine(Docker(Engine()), "lab").ask([Request("GET", "/")])


@pytest.mark.parametrize(("labels", "swarm"), [({"com.docker.swarm.service.name": "lab_hub"}, True), ({"com.docker.compose.project": "lab"}, False)])
def test_a_task_of_a_swarm_says_that_it_is_one(labels: dict[str, str], swarm: bool) -> None:
    assert is_on_swarm(Docker(Engine({"ps": "0123456789ab", "container": [{"Config": {"Labels": labels}}]})), "lab") is swarm


def test_of_a_hub_that_does_not_run_nothing_is_known() -> None:
    assert not is_on_swarm(Docker(Engine()), "lab")


@pytest.mark.parametrize("component", ["edge", "hub"])
def test_a_cell_is_not_run_where_something_does_not_run(component: str) -> None:
    class Half(Engine):
        def __call__(self, command: list[str], **options: t.Any) -> tuple[int, bytes, bytes]:
            self.answers["ps"] = "" if command[-1].endswith(f"={component}") else "0123456789ab"
            return super().__call__(command, **options)

    engine = Half()
    said = OnDocker(Docker(engine), hub()).ask("program", {"seconds": 1})
    assert said == {"problem": f"the {component} does not run; see: docker ps --all --filter=label=vdsg.jupyterhub.name=lab"}
    assert engine.told("run") == []


# ---- Servers


def test_servers_of_docker_compose_are_containers() -> None:
    labels = {"vdsg.jupyterhub.user": "ghost"}
    container = {"Name": "/lab-user-ghost", "Id": "c0", "Created": LONG_AGO, "Config": {"Labels": labels}, "State": {"Status": "exited"}}
    engine = Engine({"ps": "c0", "container": [container]})
    (found,) = OnDocker(Docker(engine), hub()).servers()
    assert (found.name, found.names, found.user, found.status) == ("lab-user-ghost", frozenset({"lab-user-ghost", "c0"}), "ghost", "exited")
    assert found.age > 86400
    assert engine.told("ps")[0][-1] == "--filter=label=vdsg.jupyterhub.component=singleuser"


SERVICES = [
    {"ID": "s0", "CreatedAt": LONG_AGO, "Spec": {"Name": "lab-user-ghost", "Labels": {"vdsg.jupyterhub.user": "ghost"}}},
    {"ID": "s1", "CreatedAt": LONG_AGO, "Spec": {"Name": "lab-user-none"}},
]
TASKS = [
    {"ID": "t0", "ServiceID": "s0", "CreatedAt": "2026-01-02T03:04:06Z", "Status": {"State": "failed"}},
    {"ID": "t1", "ServiceID": "s0", "CreatedAt": "2026-01-02T03:04:07Z", "Status": {"State": "running"}},
]


def test_servers_of_a_swarm_are_services() -> None:
    engine = Engine({"service ls": "s0\ns1", "service inspect": SERVICES, "service ps": "t0\nt1", "inspect": TASKS})
    found = on_swarm(engine).servers()
    assert [(one.name, one.names, one.user, one.status) for one in found] == [
        ("lab-user-ghost", frozenset({"lab-user-ghost", "s0"}), "ghost", "running"),
        ("lab-user-none", frozenset({"lab-user-none", "s1"}), "", "without a task"),
    ]
    assert engine.told("service", "ls")[0][-1] == "--filter=label=vdsg.jupyterhub.component=singleuser"


def test_nothing_is_removed_where_nothing_is_to_be() -> None:
    engine = Engine()
    on_swarm(engine).remove([])
    OnDocker(Docker(engine), hub()).remove([])
    assert engine.asked == []


def test_orphans_of_a_swarm_are_removed_as_services_and_waited_for() -> None:
    class Ending(Engine):
        def __call__(self, command: list[str], **options: t.Any) -> tuple[int, bytes, bytes]:
            if "--format" in command:
                self.asked.append(command[1:])
                return 0, b"t0 running\n" if len(self.told("inspect", "--type", "task", "--format")) == 1 else b"t0 shutdown\n", b""
            return super().__call__(command, **options)

    engine = Ending({"service inspect": SERVICES[:1], "service ps": "t0", "inspect": TASKS[:1]})
    on_swarm(engine).remove([orphans.Thing("lab-user-ghost", frozenset({"s0"}), "ghost", 900)])
    assert engine.told("service", "rm") == [["service", "rm", "s0"]]
    assert len(engine.told("inspect", "--type", "task", "--format")) == 2
    assert engine.told("volume") == []


def test_servers_of_a_cluster_are_pods() -> None:
    metadata = {"name": "jupyter-ghost", "creationTimestamp": "2026-01-02T03:04:05Z", "annotations": {"hub.jupyter.org/username": "ghost"}}
    found = OnCluster.of_pod({"metadata": metadata, "status": {"phase": "Running"}})
    assert (found.name, found.names, found.user, found.status) == ("jupyter-ghost", frozenset({"jupyter-ghost"}), "ghost", "running")
    assert found.age > 86400
    known = orphans.known([{"name": "ghost", "servers": {"": {"pending": None, "state": {"pod_name": "jupyter-ghost"}}}}])
    assert orphans.orphans([found], known, 300) == []


def test_claims_of_people_whom_the_hub_does_not_know_are_told_of() -> None:
    assert orphans.lost({"lab-user-sam": "sam", "lab-user-jenny": "jenny", "of-nobody": ""}, ["jenny"]) == ["lab-user-sam"]


# ---- Volumes of nodes


def nodes(engine: Engine) -> Nodes:
    docker = Docker(engine)
    return Nodes(SwarmRunning(docker, hub(), Swarm.from_variables({})), time.monotonic() + 5)


def test_no_name_and_no_image_delete_nothing() -> None:
    engine = Engine()
    nodes(engine).delete_volumes("hub:1", [])
    nodes(engine).delete_volumes("", None)
    assert engine.asked == []


@pytest.mark.parametrize(("names", "asked"), [({"b", "a"}, '["a", "b"]'), (None, "null")])
def test_each_node_is_told_which_volumes(names: set[str] | None, asked: str) -> None:
    done = [{"ID": "t0", "CreatedAt": LONG_AGO, "Status": {"State": "complete"}}]
    engine = Engine({"service ps": "t0", "inspect": done, "inspect --type task --format": "t0 complete\n"})
    nodes(engine).delete_volumes("hub:1", names)
    (create,) = engine.told("service", "create")
    assert create[-2:] == ["vdsg.jupyterhub.name=lab", asked]
    assert create[create.index("--mode") + 1] == "global-job"
    assert create[create.index("--cap-drop") + 1] == "ALL"


def test_the_user_of_a_check_has_one_volume_on_whatever_node() -> None:
    told: list[t.Any] = []
    target = on_swarm(Engine({"service inspect": [{"Spec": {"TaskTemplate": {"ContainerSpec": {"Image": "hub:1"}}}}]}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Nodes, "delete_volumes", lambda _self, image, names: told.append((image, names)))
        target.forget(["hub-check-0123abcd"])
        on_swarm(Engine(), storage={"type": "none"}).forget(["hub-check-0123abcd"])
    assert told == [("hub:1", ["lab-user-hub-2dcheck-2d0123abcd"])]


class Node:
    """The engine of a node with volumes; ``busy`` are those in use, with how often that is still said."""

    def __init__(self) -> None:
        self.volumes = {"lab-data": "lab", "lab-user-a": "lab", "lab-user-b": "lab", "else-user-a": "else"}
        self.busy: dict[str, int] = {}


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def node(tmp_path: pathlib.Path) -> t.Iterator[tuple[Node, str]]:
    """An engine at a socket, and the program as it is run there."""
    engine, path = Node(), str(tmp_path / "docker.sock")

    class Handler(http.server.BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "a socket"

        def log_message(self, *_arguments: t.Any) -> None:
            """Nothing."""

        def say(self, status: int, text: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            wanted = json.loads(urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["filters"][0])["label"]
            found = [{"Name": name} for name, owner in engine.volumes.items() if wanted == [f"vdsg.jupyterhub.name={owner}"]]
            self.say(200, json.dumps({"Volumes": found or None}).encode())

        def do_DELETE(self) -> None:
            name = self.path.rpartition("/")[2]
            if engine.busy.get(name):
                engine.busy[name] -= 1
                self.say(409, b"volume is in use")
            else:
                del engine.volumes[name]
                self.send_response(204)
                self.end_headers()

    with Server(path, Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield engine, swarm_nodes.VOLUMES.replace(swarm_nodes.SOCKET, path)
        server.shutdown()


def delete(program: str, names: list[str] | None, label: str = "vdsg.jupyterhub.name=lab") -> None:
    subprocess.run([sys.executable, "-c", program, label, json.dumps(names)], check=True, timeout=60)


def test_a_node_deletes_what_it_is_told_and_nothing_of_others(node: tuple[Node, str]) -> None:
    engine, program = node
    delete(program, [])
    delete(program, ["else-user-a", "not-here"])
    assert len(engine.volumes) == 4
    delete(program, ["lab-user-a", "else-user-a"])
    assert engine.volumes.keys() == {"lab-data", "lab-user-b", "else-user-a"}
    delete(program, None)
    assert engine.volumes.keys() == {"else-user-a"}
    delete(program, None)


def test_a_volume_that_is_in_use_for_a_moment_is_waited_for(node: tuple[Node, str]) -> None:
    engine, program = node
    engine.busy = {"lab-user-a": 2}
    delete(program, ["lab-user-a"])
    assert "lab-user-a" not in engine.volumes


# ---- A cluster


class Namespace:
    """A cluster's API with claims and pods of two hubs; what is deleted goes at once."""

    def __init__(self) -> None:
        self.items = {
            ("claims", "lab-user-a"): ("lab", "singleuser-storage", "hub-check-0123abcd"),
            ("claims", "lab-user-b"): ("lab", "singleuser-storage", "jenny"),
            ("claims", "other-user-a"): ("other", "singleuser-storage", "hub-check-0123abcd"),
            ("claims", "hub-db-dir"): ("lab", "hub", ""),
            ("pods", "jupyter-ghost"): ("lab", "singleuser-server", "ghost"),
            ("pods", "jupyter-jenny"): ("lab", "singleuser-server", "jenny"),
            ("pods", "hub-0"): ("lab", "hub", ""),
        }

    def list(self, kind: k8s_objects.Kind, namespace: str, selector: str) -> list[dict[str, t.Any]]:
        assert namespace == "lab"
        wanted = dict(part.split("=") for part in selector.split(","))
        found = []
        for (sort, name), (owner, component, user) in self.items.items():
            labels = {"vdsg.jupyterhub.name": owner, "component": component}
            if kind.plural.endswith(sort) and wanted.items() <= labels.items():
                metadata = {"name": name, "annotations": {"hub.jupyter.org/username": user} if user else None, "creationTimestamp": LONG_AGO}
                found.append({"metadata": metadata, "status": {"phase": "Running"}})
        return found

    def delete(self, path: str) -> None:
        kind, name = path.rsplit("/", 2)[1:]
        del self.items[kind.removeprefix("persistentvolume"), name]

    def run(self, _namespace: str, pod: str, container: str, command: t.Sequence[str], _seconds: float, given: str) -> str:
        assert (pod, container) == ("hub-0", "hub")
        return subprocess.run([sys.executable, *command[1:]], input=given, capture_output=True, text=True, check=False, timeout=60).stdout.strip()


def on_cluster(api: Namespace) -> OnCluster:
    return OnCluster(t.cast(t.Any, api), hub(), t.cast(K8s, from_variables(K8s, {"k8s_context": "lab", "k8s_wait_timeout": 5}, "k8s_")))


def test_claims_of_the_user_of_a_check_go_and_nobody_elses() -> None:
    api = Namespace()
    before = set(api.items)
    on_cluster(api).forget(["hub-check-0123abcd"])
    assert before - set(api.items) == {("claims", "lab-user-a")}
    on_cluster(api).forget(["nobody"])
    on_cluster(api).forget([])
    assert before - set(api.items) == {("claims", "lab-user-a")}


def test_orphans_of_a_cluster_are_removed_as_pods_and_claims_stay() -> None:
    api = Namespace()
    before = set(api.items)
    target = on_cluster(api)
    found = orphans.orphans(target.servers(), orphans.known([{"name": "jenny", "servers": {"": {"state": {"pod_name": "jupyter-jenny"}}}}]), 300)
    target.remove(found)
    assert before - set(api.items) == {("pods", "jupyter-ghost")}
    assert target.lost(target.files(), {"jenny"}) == ["lab-user-a"]


def test_a_program_in_the_pod_of_the_hub_answers_or_there_is_a_problem() -> None:
    target = on_cluster(Namespace())
    echo = "import json, sys; print(json.dumps({'answer': json.load(sys.stdin)['code']}))"
    assert target.ask(echo, {"code": "42", "seconds": 5}) == {"answer": "42"}
    assert target.ask("print('no JSON')", {"seconds": 5}) == {"problem": "the program that runs it failed in the hub's pod hub-0: no JSON"}
    assert target.ask("raise ValueError", {"seconds": 5}) == {"problem": "the program that runs it failed in the hub's pod hub-0"}


@pytest.mark.parametrize(
    ("variables", "topics", "address"),
    [
        ({}, {"tls": {"mode": "self_signed"}}, "https://proxy-public:443"),
        ({"name_prefix": True}, {"tls": {"mode": "self_signed"}, "network": {"https_port": 8443}}, "https://lab-proxy-public:8443"),
        ({"service": {"type": "NodePort"}}, {"tls": {"mode": "self_signed"}, "network": {"https_port": 30443, "http_port": 30080}}, "https://proxy-public:443"),
        ({"ingress": {"enabled": True}}, {"tls": {"mode": "secret"}, "network": {"http_port": 8000}}, "http://proxy-public:80"),
        ({}, {"tls": {"mode": "none"}, "network": {"http_port": 8000}}, "http://proxy-public:8000"),
    ],
)
def test_the_hub_finds_the_edge_by_its_service(variables: dict[str, t.Any], topics: dict[str, t.Any], address: str) -> None:
    settings = t.cast(K8s, from_variables(K8s, {f"k8s_{name}": value for name, value in variables.items()}, "k8s_"))
    assert k8s.entry(hub(**topics), settings) == address


def test_a_program_in_a_pod_has_its_input_to_the_end() -> None:
    """Nobody can tell a process in a pod that its input is at its end."""
    program = """
        from __future__ import annotations
        import json, sys
        def main() -> int:
            print(json.dumps({"answer": json.load(sys.stdin)["code"]}))
            return 0
        if __name__ == "__main__":
            sys.exit(main())
    """
    given = json.dumps([textwrap.dedent(program), json.dumps({"code": "print('ü')"})]) + "\n"
    with subprocess.Popen([sys.executable, "-c", k8s_target.BESIDE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        process.stdin.write(given)
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"answer": "print('ü')"}
        assert process.wait(timeout=30) == 0


def test_ages_are_seconds_until_now() -> None:
    now = datetime.datetime.now(datetime.timezone.utc)
    assert 99 <= age((now - datetime.timedelta(seconds=100)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")) <= 130
