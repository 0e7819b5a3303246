# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small hubs that differ from the usual one in one thing each: molecule/variants has them, and says which test is for which."""

from __future__ import annotations

import http.cookiejar
import json
import pathlib
import typing as t

import pytest
import requests

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, LoginRefused
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Account, Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import Engine, Target, probe_code, run

# Run in the hub: a password in, the files that hold it out.
LOOK = """
import json, pathlib, sys
password = sys.stdin.buffer.read()
files = [path for root in ("/etc/jupyterhub", "/srv/jupyterhub", "/tmp") for path in pathlib.Path(root).rglob("*") if path.is_file()]
print(json.dumps([str(path) for path in files if password in path.read_bytes()]))
"""


def reached(client: HubClient, targets: t.Sequence[Target]) -> list[Target]:
    """Return what a kernel can reach of this."""
    with client.kernel() as kernel:
        found = json.loads(kernel.execute(probe_code(targets)))
    return [target for target, said in zip(targets, found, strict=True) if said == "open"]


# ---- Images


def test_image_is_there_before_anybody_comes(hub: Engine) -> None:
    """A first user would wait for the pull until the hub gives up."""
    config = hub.python("hub", "print(open('/etc/jupyterhub/jupyterhub_config.py').read())")
    image = next(line.split("=")[1].strip(" '\"") for line in config.splitlines() if line.startswith("c.DockerSpawner.image"))
    assert image.startswith("127.0.0.1:")
    found = json.loads(run("docker", "image", "inspect", image))[0]
    started = next(entry["State"]["StartedAt"] for entry in hub.inspect() if entry.get("Name") == f"/{hub.name}-hub")
    assert found["Metadata"]["LastTagTime"][:19] < started[:19]
    assert not [entry for entry in hub.inspect() if str(entry.get("Name", "")).startswith(f"/{hub.name}-user-")]


def test_server_has_what_the_repository_has(alice: HubClient) -> None:
    with alice.kernel() as kernel:
        assert kernel.execute("import json; print(json.load(open('/home/jovyan/hello.ipynb'))['nbformat'])") == "4"
        assert "moo" in kernel.execute("import cowsay; print(cowsay.get_output_string('cow', 'moo'))")


def test_server_has_what_its_dockerfile_says(alice: HubClient) -> None:
    alice.restart_server()
    with alice.kernel() as kernel:
        assert kernel.execute("import json; print(json.load(open('/home/jovyan/course/hello.ipynb'))['nbformat'])") == "4"
        assert kernel.execute("import os; print(os.path.exists('/home/jovyan/hello.ipynb'))") == "False"


# ---- What servers may reach


def test_one_private_target_is_open(hub: Engine, alice: HubClient) -> None:
    with hub.outside() as outside:
        opened, *closed = outside.private
        targets = [(address, 80) for address in (opened, outside.public, outside.metadata, *closed)]
        assert set(hub.reach_from_host(targets).values()) == {"open"}
        assert reached(alice, targets) == [(opened, 80), (outside.public, 80)]


def test_nothing_outside_is_open(hub: Engine, alice: HubClient) -> None:
    with hub.outside() as outside:
        targets = [(address, 80) for address in (*outside.private, outside.public, outside.metadata)]
        assert set(hub.reach_from_host(targets).values()) == {"open"}
        assert reached(alice, targets) == []


# ---- TLS


def session_cookie(settings: Settings, person: Account) -> http.cookiejar.Cookie:
    """Return the cookie that a browser shows after logging in."""
    client = settings.client()
    client.login(person.name, person.password)
    return next(cookie for cookie in client.session.cookies if cookie.name == "jupyterhub-session-id")


def test_plain_http_is_plain(settings: Settings, people: list[Account]) -> None:
    page = settings.client().session.get(f"{settings.need('--hub-url')}/hub/login", timeout=30)
    assert page.status_code == 200
    assert page.url.startswith("http://")
    assert "Strict-Transport-Security" not in page.headers
    assert not session_cookie(settings, people[0]).secure


def test_what_is_in_front_ends_tls(settings: Settings, people: list[Account], hub: Engine) -> None:
    assert settings.need("--hub-url").startswith("https://")
    # The hub knows from X-Forwarded-Proto that people have TLS; what it speaks itself is HTTP.
    assert session_cookie(settings, people[0]).secure
    (port,) = hub.published()
    assert requests.get(f"http://127.0.0.1:{port}/hub/login", headers={"Host": settings.host}, allow_redirects=False, timeout=30).status_code == 200


# ---- Databases


def test_database_password_is_in_one_file(settings: Settings, hub: Engine) -> None:
    secret = pathlib.Path(settings.need("--hub-secrets-dir"), "database_password")
    password = secret.read_bytes().strip()
    project = secret.parent.parent
    assert len(password) > 8
    assert [path for path in project.rglob("*") if path.is_file() and password in path.read_bytes()] == [secret]
    assert json.loads(hub.python("hub", LOOK, given=password.decode())) == ["/etc/jupyterhub/secrets/database_password"]


def test_user_reaches_no_address_of_the_database(settings: Settings, hub: Engine, alice: HubClient) -> None:
    host, port = settings.need("--hub-database").rsplit(":", 1)
    address = hub.python("hub", f"import socket; print(socket.gethostbyname({host!r}))").strip()
    target = (address, int(port))
    assert hub.reach("hub", [target]) == {target: "open"}
    assert reached(alice, [target, (host, int(port))]) == []


# ---- An authenticator of one's own choice


def test_first_use_sets_the_password(settings: Settings, accounts: list[Account]) -> None:
    """FirstUseAuthenticator keeps passwords itself, and one of its traits says how long they are."""
    for account in accounts:
        with pytest.raises(LoginRefused):
            settings.client().login(account.name, "too short")
        settings.client().login(account.name, account.password)
        with pytest.raises(LoginRefused):
            settings.client().login(account.name, account.password + "x")
