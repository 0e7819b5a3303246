# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two lines to a hub, the same answers; what goes wrong is one sentence; waiting has an end."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import time
import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import people
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.people import People, Request
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import care, hub_api
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.docker import Docker
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.hub_api import ContainerLine, HubApi, Line, Place, Refused, Unreachable, UrlLine
from ansible_collections.vdsg.jupyterhub.tests.unit.hub_server import TOKEN, HubServer, serve
from ansible_collections.vdsg.jupyterhub.tests.unit.support import PROGRAM_FILES

# The relay as it runs in the container, but for where the hub and its token are there.
RELAY = """
import http.client, pathlib, runpy, sys
program, url, token = sys.argv[1:]
module = runpy.run_path(program)
scope = module["main"].__globals__
host, port = url.split("/")[2].split(":")
scope["HUB"], scope["TOKEN"] = (host, int(port)), pathlib.Path(token)
request = http.client.HTTPConnection.request
http.client.HTTPConnection.request = lambda self, method, path, *rest: request(self, method, "/base" + path, *rest)
sys.exit(module["main"]())
"""


@pytest.fixture
def server() -> t.Iterator[HubServer]:
    with serve() as found:
        yield found


def by_url(server: HubServer, _folder: pathlib.Path) -> Line:
    return UrlLine(Place(server.url), TOKEN)


def by_container(server: HubServer, folder: pathlib.Path) -> Line:
    token = folder / "operator_token"
    token.write_text(f"{TOKEN}\n")

    class Engine(Docker):
        def talk(self, *arguments: str) -> subprocess.Popen[bytes]:
            assert arguments == ("exec", "--interactive", "lab-hub", "python3", hub_api.RELAY)
            command = [sys.executable, "-c", RELAY, str(PROGRAM_FILES / "hub_relay.py"), server.url, str(token)]
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return ContainerLine(Engine(lambda *_args, **_options: (0, b"", b"")), "lab-hub")


@pytest.fixture(params=[by_url, by_container], ids=["url", "container"])
def hub(request: pytest.FixtureRequest, server: HubServer, tmp_path: pathlib.Path) -> t.Iterator[HubApi]:
    with HubApi(request.param(server, tmp_path)) as found:
        yield found


def soon(seconds: float = 5) -> float:
    return time.monotonic() + seconds


def test_lists_are_whole_whatever_the_hub_gives_at_once(hub: HubApi, server: HubServer) -> None:
    server.users = {f"u{number}": False for number in range(9)}
    server.routes = {f"/user/u{number}" for number in range(5)}
    users, groups, routes = hub.lists("/users", "/groups", "/proxy?x=1")
    assert [user["name"] for user in users] == list(server.users)
    assert groups == []
    assert {path for path, _route in routes} == server.routes


def test_a_name_is_a_name_whatever_is_in_it(hub: HubApi, server: HubServer) -> None:
    server.users["né/w?"] = False
    hub.call("PATCH", people.path("users", "né/w?"), {"admin": True})
    assert server.users["né/w?"] is True


def test_a_refusal_is_one_sentence(hub: HubApi) -> None:
    with pytest.raises(Refused, match=r"^the hub refuses DELETE /users/nobody: 404 No such thing: /users/nobody$") as caught:
        hub.call("DELETE", "/users/nobody")
    assert caught.value.status == 404
    assert hub.call_all([Request("DELETE", "/users/nobody")], ignored=(404,)) == [None]


def test_a_hub_that_is_not_there_yet_is_waited_for(hub: HubApi, server: HubServer) -> None:
    server.failures = 2
    assert hub.ready(soon()) == "6.1.1"


def test_waiting_has_an_end(hub: HubApi, server: HubServer) -> None:
    server.failures = 10**6
    begin = time.monotonic()
    with pytest.raises(Unreachable, match=r"^the hub refuses GET /: 503 Hub is starting up$"):
        hub.ready(soon(0.3))
    assert time.monotonic() - begin < 5


def test_a_wrong_token_is_not_waited_for(server: HubServer) -> None:
    with pytest.raises(Refused, match="403 Missing or invalid credentials"):
        HubApi(UrlLine(Place(server.url), "wrong")).ready(soon(60))


def test_an_address_where_nobody_is_is_one_sentence() -> None:
    with pytest.raises(Unreachable, match=r"^the hub does not answer at http://127.0.0.1:9/: .*refused"):
        HubApi(UrlLine(Place("http://127.0.0.1:9/"), TOKEN)).call("GET", "/")


def test_a_host_that_does_not_resolve_can_have_an_address(server: HubServer) -> None:
    url = server.url.replace("127.0.0.1", "hub.invalid")
    assert HubApi(UrlLine(Place(url, address="127.0.0.1"), TOKEN)).call("GET", "/") == {"version": "6.1.1"}


class Gone(Docker):
    def talk(self, *_arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "import sys; sys.exit('Error: No such container: lab-hub')"]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_container_that_is_gone_is_one_sentence() -> None:
    hub = HubApi(ContainerLine(Gone(lambda *_args, **_options: (0, b"", b"")), "lab-hub"))
    message = "the hub cannot be asked through its container lab-hub: Error: No such container: lab-hub; see: docker logs lab-hub"
    for _again in range(2):
        with pytest.raises(Unreachable, match=f"^{message}$"):
            hub.call("GET", "/")


TOKENS: list[tuple[int, str, str]] = [
    (0o644, TOKEN, "others than its owner may use (mode 0644); chmod 600 it"),
    (0o600, "", "must hold a token and nothing else"),
    (0o600, "two words", "must hold a token and nothing else"),
]


@pytest.mark.parametrize(("mode", "text", "message"), TOKENS, ids=[message for _mode, _text, message in TOKENS])
def test_a_token_comes_from_a_closed_file(tmp_path: pathlib.Path, mode: int, text: str, message: str) -> None:
    path = tmp_path / "token"
    path.write_text(f"{text}\n")
    path.chmod(mode)
    with pytest.raises(DescriptionError) as caught:
        hub_api.read_token(str(path))
    assert message in str(caught.value)
    assert TOKEN not in str(caught.value)
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    assert hub_api.read_token(str(path)) == TOKEN


def test_a_token_that_is_nowhere_is_one_sentence(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DescriptionError, match="cannot be read: No such file or directory"):
        hub_api.read_token(str(tmp_path / "token"))


# --- looking after a hub

WANTED = People({"geoheil": True, "né/w?": True}, {"course": frozenset({"né/w?", "later"})})
NOTHING: dict[str, list[str]] = {name: [] for name in ("added", "removed", "promoted", "demoted", "groups_added", "groups_removed")}
SETTLED = {"version": "6.1.1", "servers": 1, "repaired": [], "maintenance": "", **NOTHING}


def applied(server: HubServer) -> People:
    return people.remembered(server.properties.get(people.GROUP, {}))


def test_a_hub_gets_its_people_once(hub: HubApi, server: HubServer) -> None:
    server.groups, server.properties = {people.GROUP: set()}, {people.GROUP: people.remember({"other": 1}, People({"geoheil": True, "left": False}))}
    server.servers["left"], server.routes = ["", "second"], server.routes | {"/user/left", "/user/left/second"}
    done = {"added": ["né/w?"], "removed": ["left"], "promoted": ["né/w?"], "groups_added": ["course"], "joined": {"course": ["né/w?"]}, "left": {}}
    waiting = {"waiting": {"course": ["later"]}}
    assert care.look_after(hub, WANTED, soon(), False) == {**SETTLED, "servers": 3, **done, **waiting}
    assert (server.users, server.servers["left"]) == ({"geoheil": True, "byhand": False, "né/w?": True}, [])
    assert server.groups == {people.GROUP: set(), "course": {"né/w?"}}
    assert (applied(server), server.properties[people.GROUP]["other"]) == (WANTED, 1)
    server.calls.clear()
    assert care.look_after(hub, WANTED, soon(), False) == {**SETTLED, "joined": {}, "left": {}, **waiting}
    assert all(call.startswith("GET ") for call in server.calls)


def test_a_dry_run_says_the_same_and_changes_nothing(hub: HubApi, server: HubServer) -> None:
    server.routes = {"/"}
    predicted = care.look_after(hub, WANTED, soon(), True)
    assert all(call.startswith("GET ") for call in server.calls)
    assert predicted == care.look_after(hub, WANTED, soon(), False)


def test_what_was_applied_is_written_down_even_if_the_hub_did_it_itself(hub: HubApi, server: HubServer) -> None:
    wanted = People({"geoheil": True, "left": False})
    found = care.look_after(hub, wanted, soon(), False)
    assert (found["added"], found["promoted"]) == (["geoheil", "left"], ["geoheil"])
    assert applied(server) == wanted
    assert server.users["byhand"] is False


def test_routes_that_the_proxy_lost_are_back(hub: HubApi, server: HubServer) -> None:
    server.routes = set()
    assert care.look_after(hub, People(), soon(), False)["repaired"] == ["/", "/user/geoheil"]
    assert server.routes == {"/", "/user/geoheil"}
