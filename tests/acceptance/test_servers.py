# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people may choose and run, and what programs may do: molecule/profiles has the hub, with the names and numbers that are here."""

from __future__ import annotations

import functools
import html
import json
import pathlib
import re
import typing as t

import pytest
import requests

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, HubError, until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Account, Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import Engine, probe_code, run
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import Plays

ROOT = pathlib.Path(__file__).parents[2]
MB = 2**20
SECRET = "p%40:/@'\"#? & {x} $HOME"
TOKEN = "the-tests-chose-this:/@'\"#?&{x}$HOME%s"
LICENCE = (ROOT / "molecule/profiles/licence.txt").read_text().strip()

# A kernel that computes on and on, and says so.
BUSY = """
import threading, time
def work():
    global count
    for count in range(10**6):
        time.sleep(0.5)
        print(count)
count = 0
work()
"""


class People:
    """Everybody of the hub, logged in when they are first asked for."""

    def __init__(self, settings: Settings, accounts: list[Account]) -> None:
        self._settings = settings
        self._accounts = {account.name: account for account in accounts}
        self._clients: dict[str, HubClient] = {}

    def __getitem__(self, name: str) -> HubClient:
        if name not in self._clients:
            self._clients[name] = self._settings.client()
            self._clients[name].login(name, self._accounts[name].password)
        return self._clients[name]


@pytest.fixture(scope="module")
def person(settings: Settings, accounts: list[Account]) -> People:
    return People(settings, accounts)


def start(person: People, name: str, server: str = "", choice: t.Mapping[str, t.Any] | None = None, by: str = "") -> None:
    """Start a server through the API, and wait for it."""
    path = f"users/{name}/servers/{server}" if server else f"users/{name}/server"
    person[by or name].api("POST", path, {"user_options": dict(choice or {})})
    until(lambda: person[name].servers().get(server, {}).get("ready"), 120, f"the server {server!r} of {name}")
    if not server:
        person[name].open_server()


def stop(person: People, name: str, server: str = "") -> None:
    path = f"users/{name}/servers/{server}" if server else f"users/{name}/server"
    person[name].api("DELETE", path, {"remove": True} if server else None)
    until(lambda: server not in person[name].servers(), 60, f"the end of the server {server!r} of {name}")


def container(hub: Engine, user: str, server: str = "") -> dict[str, t.Any]:
    """Return what the engine knows of somebody's server."""
    name = f"{hub.name}-user-{user}" + (f"--{server}" if server else "")
    found: dict[str, t.Any] = json.loads(run("docker", "container", "inspect", name))[0]
    return found


def environment(entry: dict[str, t.Any]) -> dict[str, str]:
    return dict(item.split("=", 1) for item in entry["Config"]["Env"])


def refused(client: HubClient, method: str, path: str, body: t.Any = None) -> tuple[int, str]:
    """Return what the hub says to a call that it does not let through."""
    with pytest.raises(HubError) as error:
        client.api(method, path, body)
    return error.value.status, str(error.value)


# ---- Profiles (S2 2.8, S3 3.20 and 3.22)


def offered(client: HubClient) -> list[str]:
    page = client.session.get(f"{client.url}/hub/spawn/{client.username}", timeout=30)
    assert page.status_code == 200
    return [html.unescape(value) for value in re.findall(r'name="profile"[^>]*? value="([^"]*)"', page.text)]


def test_page_shows_what_is_open_to_each(person: People) -> None:
    assert {name: offered(person[name]) for name in ("alice", "jenny", "bob", "admin")} == {
        "alice": ["Small", "Large"],
        "jenny": ["Small", "Large"],
        "bob": ["Small"],
        "admin": ["Small"],
    }


def test_restricted_profile_is_refused_on_the_page(person: People) -> None:
    bob = person["bob"]
    xsrf = next(cookie.value for cookie in bob.session.cookies if cookie.name == "_xsrf" and cookie.path == "/hub/")
    page = bob.session.post(f"{bob.url}/hub/spawn/bob", data={"profile": "Large", "_xsrf": xsrf}, timeout=60)
    assert page.status_code == 403
    assert "the profile &#39;Large&#39; is not open to you; there are: Small" in page.text
    address = bob.session.get(f"{bob.url}/hub/spawn/bob?opt-profile=Large", timeout=60)
    assert address.status_code == 403
    assert bob.servers() == {}


REFUSED: list[tuple[str, dict[str, t.Any], int, str]] = [
    ("a profile of others", {"profile": "Large"}, 403, "the profile 'Large' is not open to you"),
    ("no profile at all", {"profile": "Huge"}, 400, "there is no profile 'Huge'"),
    ("an image", {"image": "evil:latest"}, 400, "the profile 'Small' has no option 'image'"),
    ("an option of another profile", {"profile": "Small", "size": "larger"}, 400, "the profile 'Small' has no option 'size'"),
    ("what is no name", {"profile": {"name": "Large"}}, 400, "there is no profile"),
]


@pytest.mark.parametrize(("choice", "status", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
@pytest.mark.parametrize("by", ["bob", "admin"])
def test_choice_that_cannot_be_is_refused_through_the_api(person: People, by: str, choice: dict[str, t.Any], status: int, says: str) -> None:
    """Whoever asks: it is the owner of the server who may or may not have it."""
    answered, text = refused(person[by], "POST", "users/bob/server", {"user_options": choice})
    assert (answered, says in text) == (status, True), text
    assert person["bob"].servers() == {}


def test_hub_does_not_hold_refusals_for_faults_of_its_own(person: People, hub: Engine) -> None:
    """After five consecutive failures JupyterHub ends itself; the refusals above are more."""
    assert "consecutive spawns failed" not in hub.logs()
    assert person["bob"].api("GET", "user").json()["name"] == "bob"


def test_choice_is_what_the_engine_has(person: People, hub: Engine) -> None:
    alice = person["alice"]
    alice.options = {"profile": "Large", "option-1-size": "larger", "option-1-start": "another page"}
    alice.start_server()
    entry = container(hub, "alice")
    limits = entry["HostConfig"]
    assert (limits["Memory"], limits["MemoryReservation"], limits["ShmSize"]) == (1024 * MB, 128 * MB, 128 * MB)
    assert (limits["CpuQuota"] / limits["CpuPeriod"], limits["CpuShares"], limits["PidsLimit"]) == (1.5, 256, 1024)
    assert environment(entry).items() >= {"OMP_NUM_THREADS": "4", "COURSE": "101", "JUPYTERHUB_DEFAULT_URL": "/lab/tree"}.items()
    with alice.kernel() as kernel:
        assert kernel.execute("import os; print(os.statvfs('/dev/shm').f_blocks * os.statvfs('/dev/shm').f_frsize)") == str(128 * MB)
    stop(person, "alice")


def test_choice_through_the_api_is_the_same(person: People, hub: Engine) -> None:
    start(person, "alice", choice={"profile": "Large"}, by="admin")
    entry = container(hub, "alice")
    assert (entry["HostConfig"]["Memory"], environment(entry)["OMP_NUM_THREADS"]) == (768 * MB, "2")
    stop(person, "alice")
    # Without a choice: the last one, as JupyterHub remembers it; and the profile that is chosen beforehand.
    person["alice"].api("POST", "users/alice/server")
    until(person["alice"].server_ready, 120, "the server of alice")
    assert container(hub, "alice")["HostConfig"]["Memory"] == 768 * MB
    stop(person, "alice")
    start(person, "bob")
    limits = container(hub, "bob")["HostConfig"]
    assert (limits["Memory"], limits["MemoryReservation"], limits["CpuQuota"], limits["CpuShares"]) == (512 * MB, 64 * MB, 0, 0)
    stop(person, "bob")


# ---- Named servers, and how many


def test_named_servers_are_limited_and_share_their_owners_files(person: People, hub: Engine) -> None:
    alice = person["alice"]
    start(person, "alice", choice={"profile": "Small"})
    alice.write_file("shared.txt", "seen everywhere")
    start(person, "alice", "second", {"profile": "Small"})
    assert [mount["Name"] for mount in container(hub, "alice", "second")["Mounts"]] == [f"{hub.name}-user-alice"]
    second = f"{alice.url}/user/alice/second"
    until(lambda: alice.session.get(f"{second}/", timeout=30).url.startswith(second), 30, "the page of the second server")
    read = alice.session.get(f"{second}/api/contents/shared.txt?type=file&format=text", timeout=30)
    assert read.json()["content"] == "seen everywhere"
    # Two are running, and no more may.
    assert refused(alice, "POST", "users/alice/servers/third", {"user_options": {}})[0] == 429
    stop(person, "alice")
    start(person, "alice", "third", {"profile": "Small"})
    status, text = refused(alice, "POST", "users/alice/servers/fourth", {"user_options": {}})
    assert (status, "already has the maximum of 2 named servers" in text) == (400, True)
    for server in ("second", "third"):
        stop(person, "alice", server)


# ---- What a server is given


def test_notebook_directory_is_in_the_home_directory(person: People) -> None:
    """S4 4.4."""
    start(person, "bob")
    person["bob"].write_file("here.txt", "x")
    with person["bob"].kernel() as kernel:
        assert kernel.execute("import os; print(os.getcwd(), os.path.exists('/home/jovyan/work/here.txt'))") == "/home/jovyan/work True"


def test_reference_is_in_the_server_and_in_one_file(person: People, hub: Engine, settings: Settings) -> None:
    start_if_needed(person, "bob")
    with person["bob"].kernel() as kernel:
        found = json.loads(kernel.execute("import json, os; print(json.dumps([os.environ['COURSE_DATABASE'], os.environ['COURSE_LICENCE']]))"))
    assert found == [SECRET, LICENCE]
    assert environment(container(hub, "bob"))["COURSE_DATABASE"] == SECRET, "its owner, and the engine, see it"
    project = pathlib.Path(settings.need("--hub-secrets-dir")).parent
    for value, name in ((SECRET, "extra_course_database"), (LICENCE, "extra_file_")):
        holders = [path for path in project.rglob("*") if path.is_file() and value.encode() in path.read_bytes()]
        assert len(holders) == 1
        assert str(holders[0].relative_to(project)).startswith(f"secrets/{name}")
    ours = [entry for entry in hub.inspect() if not str(entry.get("Name", "")).startswith(f"/{hub.name}-user-")]
    assert SECRET not in json.dumps(ours) and LICENCE not in json.dumps(ours)
    assert SECRET not in hub.logs() and LICENCE not in hub.logs()


def start_if_needed(person: People, name: str) -> None:
    if not person[name].server_ready():
        start(person, name)


def test_idle_kernel_is_stopped_and_its_server_goes_on(person: People) -> None:
    start_if_needed(person, "bob")
    bob = person["bob"]
    with bob.kernel() as kernel:
        open_one = kernel.id
        with bob.kernel() as other:
            closed_one = other.id
        until(lambda: [found["id"] for found in bob.user_api("GET", "kernels").json()] == [open_one], 40, "the end of the kernel that nobody has open")
        assert closed_one != open_one
        assert kernel.alive
    stop(person, "bob")


# ---- Services (JupyterHub's own structures), roles and tokens


class Token:
    """A program that has nothing but a token, read from the file that is kept for it."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.text = pathlib.Path(settings.need("--hub-secrets-dir"), f"service_{name}_token").read_text().strip()
        self._url = settings.need("--hub-url")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = settings.get("--hub-ca") or True
        self._session.headers["Authorization"] = f"token {self.text}"

    def call(self, method: str, path: str, body: t.Any = None) -> requests.Response:
        return self._session.request(method, f"{self._url}/hub/api/{path}", json=body, timeout=30)


def test_token_works_within_its_scopes_and_not_beyond(settings: Settings) -> None:
    reader = Token(settings, "reader")
    assert re.fullmatch(r"[0-9a-f]{64}", reader.text)
    assert reader.call("GET", "user").json()["scopes"] == ["list:users", "read:users:name"]
    assert sorted(user["name"] for user in reader.call("GET", "users").json()) == ["admin", "alice", "bob", "jenny"]
    beyond = [("POST", "users", {"usernames": ["mallory"]}), ("POST", "users/bob/server", {}), ("DELETE", "users/bob", None), ("GET", "proxy", None)]
    assert [reader.call(*call).status_code for call in beyond] == [403] * 4
    assert "groups" not in reader.call("GET", "users").json()[0]
    wrong = requests.get(f"{settings.need('--hub-url')}/hub/api/users", headers={"Authorization": "token x"}, verify=settings.get("--hub-ca"), timeout=30)
    assert wrong.status_code == 403


def test_no_scope_takes_an_admin_mark_away(settings: Settings) -> None:
    """Why the operator, with whom Ansible speaks, is an admin: it must be able to. When this fails, it need not be one any more."""
    promoter = Token(settings, "promoter")
    assert promoter.text == TOKEN
    assert promoter.call("POST", "users/dora").status_code == 201
    assert promoter.call("PATCH", "users/dora", {"admin": True}).status_code == 403
    answer = promoter.call("PATCH", "users/admin", {"admin": False})
    assert (answer.status_code, answer.json()["message"]) == (403, "Only admins can modify other admins")
    assert promoter.call("DELETE", "users/dora").status_code == 204


@pytest.fixture
def outside(settings: Settings, hub: Engine) -> t.Iterator[str]:
    """A service in a container of its own, on the network for it, with the file of its token."""
    name = f"{hub.name}-acceptance-outside"
    run("docker", "rm", "--force", name)
    variables = {
        "JUPYTERHUB_SERVICE_NAME": "outside",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/outside/",
        "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:10101",
        "JUPYTERHUB_API_URL": "http://hub:8081/hub/api",
        "JUPYTERHUB_CLIENT_ID": "service-outside",
    }
    image = run("docker", "container", "inspect", "--format", "{{.Image}}", f"{hub.name}-hub").strip()
    token = pathlib.Path(settings.need("--hub-secrets-dir"), "service_outside_token")
    run(
        *("docker", "run", "--detach", "--name", name, "--label", "vdsg.jupyterhub.name=test-acceptance", "--user=0"),
        *(f"--env={key}={value}" for key, value in variables.items()),
        *(f"--network={hub.name}-services", "--network-alias=outside", f"--volume={token}:/run/token:ro"),
        *(f"--volume={ROOT}/molecule/profiles/whoami.py:/whoami.py:ro", image, "python3", "/whoami.py", "/run/token"),
    )
    yield name
    run("docker", "rm", "--force", name)


def visit(client: HubClient, service: str) -> requests.Response:
    return client.session.get(f"{client.url}/services/{service}/", timeout=30)


def welcomes(client: HubClient, service: str) -> bool:
    return visit(client, service).status_code == 200


def test_people_reach_services_whose_scopes_they_have(person: People, outside: str) -> None:
    assert outside
    for service, greeting in (("inside", "Hello from the hub"), ("outside", None)):
        until(functools.partial(welcomes, person["jenny"], service), 30, f"the service {service}")
        found = visit(person["jenny"], service).json()
        assert (found["user"]["name"], found["GREETING"]) == ("jenny", greeting)
        assert visit(person["bob"], service).status_code == 403
    assert visit(person["jenny"], "inside").json()["KEY"] == SECRET
    menu = person["jenny"].session.get(f"{person['jenny'].url}/hub/home", timeout=30).text
    assert "/services/inside/" in menu
    assert "/services/outside/" not in menu, "display: false"


def test_hub_says_of_a_service_what_it_was_told(person: People) -> None:
    assert person["admin"].api("GET", "services/inside").json()["info"] == {"course": 101}


def test_servers_reach_no_service_but_through_the_proxy(person: People, hub: Engine) -> None:
    targets = [(address, 10101) for address in hub.addresses("hub").values()]
    assert "open" in hub.reach("hub", targets).values()
    start_if_needed(person, "bob")
    with person["bob"].kernel() as kernel:
        assert "open" not in json.loads(kernel.execute(probe_code(targets)))


# ---- Culling (S3 3.33); the last test: the hub has other settings from now on


def test_idle_server_is_stopped_and_a_busy_one_is_left(person: People, hub: Engine, settings: Settings, tmp_path: pathlib.Path) -> None:
    Plays(json.loads(settings.need("--hub-play")), tmp_path, hub.name).deploy(culling={"idle_timeout": 60, "interval": 5})
    if person["bob"].server_ready():
        stop(person, "bob")
    for name in ("alice", "bob"):
        start(person, name, choice={"profile": "Small"})
    with person["alice"].kernel() as kernel:
        busy = kernel.id
        kernel.begin(BUSY)
    until(lambda: "" not in person["bob"].servers(), 150, "the end of a server that nobody uses", pause=1)
    assert person["alice"].server_ready()
    assert [found["execution_state"] for found in person["alice"].user_api("GET", "kernels").json() if found["id"] == busy] == ["busy"]
    culled = [line for line in hub.logs().splitlines() if "Culling server" in line]
    assert len(culled) == 1 and "Culling server bob (inactive for 00:01:" in culled[0]
