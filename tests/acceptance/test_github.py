# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub that asks GitHub who somebody is, against a stand-in that speaks GitHub's endpoints."""

from __future__ import annotations

import base64
import hashlib
import pathlib
import typing as t
import urllib.parse

import pytest

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import LoginRefused, forms
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Account, Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.github import Client, GitHub, Refused, User, load_users, serve


@pytest.fixture(scope="module")
def users(settings: Settings) -> list[User]:
    return load_users(pathlib.Path(settings.need("--github-users")))


@pytest.fixture(scope="module", autouse=True)
def github(settings: Settings, users: list[User]) -> t.Iterator[str]:
    """The stand-in, for as long as the tests run."""
    host, port = settings.need("--github-listen").rsplit(":", 1)
    client = {"callback": settings.need("--hub-url") + "/hub/oauth_callback", **settings.json("--github-client")}
    server = serve(GitHub(Client(**client), users), host, int(port))
    yield f"http://{host}:{port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def members(accounts: list[Account], users: list[User]) -> dict[str, bool]:
    """People whom the hub lets in, and whether they are admins."""
    found = {account.name: account.admin for account in accounts if account.name in {user.login for user in users}}
    assert set(found.values()) == {True, False}, "--hub-users and --github-users must share an admin and somebody who is none"
    return found


def test_members_are_let_in_and_the_admin_mark_counts(settings: Settings, members: dict[str, bool]) -> None:
    """S0 0.10, S1 1.19, S2 2.11 and 2.12, S3 3.28."""
    for name, admin in members.items():
        client = settings.client()
        client.login_oauth({"login": name})
        assert client.username == name
        assert client.api("GET", "user").json()["admin"] is admin


def test_member_starts_a_server(settings: Settings, members: dict[str, bool]) -> None:
    client = settings.client()
    client.login_oauth({"login": next(name for name, admin in members.items() if not admin)})
    client.start_server()
    with client.kernel() as kernel:
        assert kernel.execute("6 * 7") == "42"
    client.stop_server()


def test_strangers_are_refused(settings: Settings, members: dict[str, bool], users: list[User]) -> None:
    strangers = [user.login for user in users if user.login not in members]
    assert strangers
    for name in strangers:
        with pytest.raises(LoginRefused) as refused:
            settings.client().login_oauth({"login": name})
        assert refused.value.status == 403


def test_login_for_another_session_is_refused(settings: Settings, members: dict[str, bool]) -> None:
    """Whoever follows a stranger's callback link must not be logged in as the stranger."""
    victim, attacker = settings.client(), settings.client()
    page = attacker.session.get(f"{attacker.url}/hub/oauth_login", timeout=30)
    data = {**forms(page.text)[0].fields, "login": next(iter(members))}
    link = attacker.session.post(urllib.parse.urljoin(page.url, forms(page.text)[0].action), data=data, timeout=30, allow_redirects=False)
    answer = victim.session.get(link.headers["Location"], timeout=30)
    assert answer.status_code == 400
    assert victim.session.get(f"{victim.url}/hub/api/user", timeout=30).status_code == 403


def test_asks_for_proof_of_key(settings: Settings) -> None:
    page = settings.client()
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(page.session.get(f"{page.url}/hub/oauth_login", timeout=30).url).query)
    assert asked["code_challenge_method"] == ["S256"]


CLIENT = Client("id", "secret", "https://hub.example.org/hub/oauth_callback")
VERIFIER = "v" * 43
ASKED = {
    "client_id": "id",
    "redirect_uri": CLIENT.callback,
    "state": "s",
    "login": "octocat",
    "scope": "read:org",
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("="),
    "code_challenge_method": "S256",
}


def code_of(location: str) -> str:
    return urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["code"][0]


@pytest.mark.parametrize(
    "wrong",
    [{"client_secret": "x"}, {"client_id": "x"}, {"code_verifier": "x"}, {"redirect_uri": "https://elsewhere.example.org"}, {"code": "x"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_stand_in_is_strict(wrong: dict[str, str]) -> None:
    """A stand-in that accepted anything would prove nothing."""
    hub = GitHub(CLIENT, [User("octocat")])
    good = {"client_id": "id", "client_secret": "secret", "redirect_uri": CLIENT.callback, "code_verifier": VERIFIER}
    good["code"] = code_of(hub.authorize(ASKED))
    assert hub.token(good)["token_type"] == "bearer"
    with pytest.raises(Refused):
        hub.token(good)
    with pytest.raises(Refused):
        hub.token(good | {"code": code_of(hub.authorize(ASKED))} | wrong)
    for spoiled in ({"client_id": "x"}, {"redirect_uri": "https://elsewhere.example.org"}, {"state": ""}, {"login": "x"}):
        with pytest.raises(Refused):
            hub.authorize(ASKED | spoiled)
