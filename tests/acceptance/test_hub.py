# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub as its users, its admin and its attackers see it: the same questions for every target."""

from __future__ import annotations

import json
import pathlib
import threading
import time
import typing as t
import uuid

import pytest

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, Kernel, LoginRefused, until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Account, Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import Engine, Outside, SwarmEngine, Target, probe_code
from ansible_collections.vdsg.jupyterhub.tests.acceptance.escapes import ALLOWED, ESCAPES, SEND, SERVICE_ESCAPES, Escape, Place

# ---- People


def test_user_logs_in(settings: Settings, people: list[Account]) -> None:
    client = settings.client()
    client.login(people[0].name, people[0].password)
    assert client.username == people[0].name


def test_wrong_password_is_refused(settings: Settings, people: list[Account]) -> None:
    with pytest.raises(LoginRefused):
        settings.client().login(people[0].name, people[0].password + "x")


def test_unknown_user_is_refused(settings: Settings, people: list[Account]) -> None:
    with pytest.raises(LoginRefused):
        settings.client().login("nobody-" + uuid.uuid4().hex[:8], people[0].password)


def test_another_users_server_is_closed(settings: Settings, alice: HubClient, people: list[Account]) -> None:
    client = settings.client()
    client.login(people[1].name, people[1].password)
    answer = client.session.get(f"{client.url}/user/{alice.username}/api/contents", timeout=30)
    assert answer.status_code in (403, 404)


def test_users_are_no_admins_and_the_admin_is(alice: HubClient, admin: HubClient) -> None:
    assert admin.api("GET", "user").json()["admin"] is True
    assert alice.api("GET", "user").json()["admin"] is False


def test_code_runs_in_a_kernel(alice: HubClient) -> None:
    with alice.kernel() as kernel:
        assert kernel.execute("sum(range(10))") == "45"
        assert kernel.execute("print('printed')") == "printed"


def test_file_is_there_after_stop_and_start(alice: HubClient) -> None:
    text = uuid.uuid4().hex
    with alice.kernel() as kernel:
        kernel.execute(f"open('acceptance.txt', 'w').write({text!r})")
    alice.restart_server()
    assert alice.read_file("acceptance.txt") == text
    with alice.kernel() as kernel:
        assert kernel.execute("print(open('acceptance.txt').read())") == text


# ---- Work outlives the hub's own restarts


def test_hub_restart_leaves_kernel_and_socket(settings: Settings, alice: HubClient, hub: Engine) -> None:
    with alice.kernel() as kernel:
        kernel.execute("import os; answer = 41")
        process = kernel.execute("print(os.getpid())")
        restart = threading.Thread(target=hub.restart_hub)
        restart.start()
        while restart.is_alive():
            assert kernel.execute("print(os.getpid())") == process
        settings.client().wait_until_healthy()
        assert kernel.execute("print(os.getpid(), answer + 1)") == f"{process} 42"
    assert until(alice.server_ready, 30, "the hub's knowledge of the server")


def test_proxy_with_another_address_gets_its_routes(settings: Settings, alice: HubClient, admin: HubClient, hub: Engine) -> None:
    with alice.kernel() as kernel:
        kernel.execute("answer = 41")
        before, after = hub.move_proxy()
        assert before != after
        settings.client().wait_until_healthy()
        started = time.monotonic()
        # The hub must look the proxy's name up again: JupyterHub 6.1.1 by itself keeps the old address.
        admin.api("POST", "proxy")
        assert time.monotonic() - started < 5
        assert f"/user/{alice.username}/" in admin.api("GET", "proxy").json()
        with alice.kernel(kernel.id) as again:
            assert again.execute("answer + 1") == "42"


# ---- Users are kept apart


@pytest.fixture(scope="module")
def kernel(alice: HubClient) -> t.Iterator[Kernel]:
    with alice.kernel() as kernel:
        yield kernel


@pytest.fixture(scope="module")
def outside(hub: Engine, alice: HubClient) -> t.Iterator[Outside]:
    beside(hub, alice)
    with hub.outside() as place:
        yield place


def beside(hub: Engine, user: HubClient) -> None:
    """Have the host be that of a user's server, where there are several."""
    if isinstance(hub, SwarmEngine):
        hub.use(hub.node_of(f"user-{user.username}"))


@pytest.fixture(scope="module")
def listener(hub: Engine, alice: HubClient) -> t.Iterator[int]:
    """A port of the engine's host that answers everybody."""
    beside(hub, alice)
    with hub.listener() as port:
        yield port


def reach(kernel: Kernel, targets: t.Iterable[Target]) -> dict[Target, str]:
    """Say what can be reached from inside a user's kernel."""
    wanted = list(targets)
    return dict(zip(wanted, json.loads(kernel.execute(probe_code(wanted))), strict=True))


def reached(kernel: Kernel, targets: t.Iterable[Target]) -> set[Target]:
    """Return what a user's kernel can reach of this, which should be nothing."""
    return {target for target, said in reach(kernel, targets).items() if said == "open"}


def test_user_reaches_the_hub_api(kernel: Kernel) -> None:
    """Without this, all that follows could pass because nothing can be reached at all."""
    assert "version" in kernel.execute("import os, urllib.request\nprint(urllib.request.urlopen(os.environ['JUPYTERHUB_API_URL'], timeout=10).read().decode())")


def test_user_reaches_public_addresses(kernel: Kernel, outside: Outside) -> None:
    assert reach(kernel, [(outside.public, 80)]) == {(outside.public, 80): "open"}


def test_user_reaches_no_private_and_no_metadata_address(kernel: Kernel, hub: Engine, outside: Outside) -> None:
    targets = [(address, 80) for address in (*outside.private, outside.metadata)]
    assert set(hub.reach_from_host(targets).values()) == {"open"}
    assert reached(kernel, targets) == set()


def test_user_reaches_no_other_users_server(kernel: Kernel, hub: Engine, bob: HubClient) -> None:
    container = f"user-{bob.username}"
    address = next(iter(hub.addresses(container).values()))
    assert hub.reach("hub", [(address, 8888)]) == {(address, 8888): "open"}
    assert reached(kernel, [(address, 8888), (f"{hub.name}-{container}", 8888)]) == set()


def test_user_reaches_no_proxy(kernel: Kernel, hub: Engine) -> None:
    assert hub.reach("hub", [("proxy-api", 8001)]) == {("proxy-api", 8001): "open"}
    hosts = [*hub.addresses("proxy").values(), "proxy", "proxy-api", "proxy-public", f"{hub.name}-proxy"]
    assert reached(kernel, [(host, port) for host in hosts for port in (8000, 8001)]) == set()


def test_user_reaches_nothing_else_of_the_hub(kernel: Kernel, hub: Engine) -> None:
    hosts = [*hub.addresses("hub").values(), *hub.addresses("edge").values(), *hub.addresses("guard").values()]
    assert reached(kernel, [(host, port) for host in hosts for port in (22, 80, 443, 2375, 8000, 8001, 8080, 8443)]) == set()


def test_user_reaches_no_engine(kernel: Kernel, hub: Engine) -> None:
    assert hub.reach("hub", [("guard", 2375)]) == {("guard", 2375): "open"}
    assert reached(kernel, [(host, 2375) for host in ("guard", f"{hub.name}-guard", *hub.addresses("guard").values())]) == set()
    assert kernel.execute("import glob; print([*glob.glob('/run/*.sock'), *glob.glob('/var/run/*.sock')])") == "[]"


def test_user_reaches_nothing_of_the_host(kernel: Kernel, hub: Engine, listener: int) -> None:
    gateways = hub.gateways()
    targets = [(gateway, port) for gateway in gateways for port in (listener, *hub.published())]
    assert set(hub.reach_from_host([(gateway, listener) for gateway in gateways]).values()) == {"open"}
    assert reached(kernel, [*targets, *((gateway, 22) for gateway in gateways)]) == set()


def test_user_reaches_no_database(settings: Settings, kernel: Kernel, hub: Engine) -> None:
    given = settings.get("--hub-database")
    if given is None:
        # The database is a file: the user must not have it either.
        assert kernel.execute("import os; print(os.path.exists('/srv/jupyterhub'))") == "False"
        return
    host, port = given.rsplit(":", 1)
    assert hub.reach("hub", [(host, int(port))]) == {(host, int(port)): "open"}
    assert reached(kernel, [(host, int(port))]) == set()


# ---- Least privilege


def test_user_server_is_confined(kernel: Kernel, hub: Engine) -> None:
    status = dict(line.split(":\t", 1) for line in kernel.execute("print(open('/proc/self/status').read())").splitlines())
    assert "0" not in status["Uid"].split()
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")} == {0}
    # Services have no such option before Engine 28; where the bounding set is empty, there is nothing to gain.
    assert status["NoNewPrivs"] == "1" or hub.confined_by == "no capabilities"
    assert status["Seccomp"] == "2"
    limits = "import glob; print([open(f).read().strip() for f in glob.glob('/sys/fs/cgroup/pids/pids.max') + glob.glob('/sys/fs/cgroup/pids.max')])"
    assert kernel.execute(limits) not in ("[]", "['max']")


def test_only_the_guard_has_the_socket(alice: HubClient, hub: Engine) -> None:
    found = [entry for entry in hub.inspect() if "HostConfig" in entry]
    with_socket = {entry["Name"].lstrip("/") for entry in found if any("docker.sock" in mount.get("Source", "") for mount in entry["Mounts"])}
    assert with_socket == {f"{hub.name}-guard"}
    assert f"{hub.name}-user-{alice.username}" in {entry["Name"].lstrip("/") for entry in found}


def test_containers_are_confined(hub: Engine) -> None:
    for entry in (entry for entry in hub.inspect() if "HostConfig" in entry):
        name, given = entry["Name"], entry["HostConfig"]
        assert given["Privileged"] is False, name
        assert [capability.removeprefix("CAP_") for capability in given["CapDrop"] or []] == ["ALL"], name
        if hub.confined_by == "no-new-privileges":
            assert any(option.startswith("no-new-privileges") and not option.endswith("false") for option in given["SecurityOpt"] or []), name
        assert given["LogConfig"]["Config"].get("max-size"), name
        if not name.endswith("-firewall"):
            assert not given["CapAdd"], name
            assert given["NetworkMode"] != "host", name


def test_secrets_are_nowhere_to_be_seen(settings: Settings, alice: HubClient, hub: Engine) -> None:
    files = [path for path in pathlib.Path(settings.need("--hub-secrets-dir")).rglob("*") if path.is_file()]
    # Certificates are public; of a private key each line is a secret.
    lines = {line.strip(): path for path in files for line in path.read_text().splitlines() if path.suffix not in (".crt", ".pem", ".cert")}
    secrets = {line: path for line, path in lines.items() if len(line) >= 8 and not line.startswith("-----")}
    assert secrets
    seen = json.dumps(hub.inspect())
    logged = hub.logs()
    assert hub.name in seen
    assert alice.username in logged
    assert {str(path) for secret, path in secrets.items() if json.dumps(secret)[1:-1] in seen} == set()
    assert {str(path) for secret, path in secrets.items() if secret in logged} == set()


# ---- A taken-over hub


@pytest.fixture(scope="module")
def place(settings: Settings, alice: HubClient, hub: Engine) -> Place:
    server = next(entry for entry in hub.inspect() if entry.get("Name") == f"/{hub.name}-user-{alice.username}")
    return Place(hub.name, hub.users_network, server["Config"]["Image"], alice.username, settings.need("--hub-home"))


def names(hub: Engine) -> set[str]:
    return {str(entry["Name"]).lstrip("/") for entry in hub.inspect()}


class Tried(t.NamedTuple):
    """What there was before anybody tried to escape, and what the guard said to each try."""

    before: set[str]
    answers: dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def tried(hub: Engine, place: Place) -> Tried:
    """All escapes, in one go from inside the hub."""
    before = names(hub)
    found = json.loads(hub.python("hub", SEND, given=json.dumps([escape.request(place) for escape in (*ESCAPES, *SERVICE_ESCAPES)])))
    return Tried(before, {escape.name: (status, text) for escape, (status, text) in zip((*ESCAPES, *SERVICE_ESCAPES), found, strict=True)})


@pytest.mark.parametrize("escape", (*ESCAPES, *SERVICE_ESCAPES), ids=lambda escape: escape.name)
def test_guard_refuses(escape: Escape, tried: Tried) -> None:
    status, text = tried.answers[escape.name]
    # A refusal of the engine's own would mean that the guard had let the request through.
    assert 400 <= status < 500 and "engine guard:" in text, f"{escape.why}: {status} {text}"


def test_nothing_came_of_it(hub: Engine, tried: Tried, alice: HubClient) -> None:
    assert len(tried.answers) >= 20
    assert f"{hub.name}-hub" in tried.before
    assert names(hub) == tried.before
    with alice.kernel() as kernel:
        assert kernel.alive


def test_guard_lets_the_spawner_through(hub: Engine, place: Place) -> None:
    """Without this, the guard could pass by refusing everything: the very body that each escape spoils is a good one."""
    allowed = ALLOWED["swarm" if isinstance(hub, SwarmEngine) else "docker"]
    found = json.loads(hub.python("hub", SEND, given=json.dumps([request.request(place) for request, _expected in allowed])))
    assert [status for status, text in found] == [expected for _request, expected in allowed], found
