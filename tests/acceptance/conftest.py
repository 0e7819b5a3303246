# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the acceptance tests are told about the hub that they are to judge: options, or variables of the same name."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shlex
import typing as t
import urllib.parse

import pytest

from ansible_collections.vdsg.jupyterhub.tests.acceptance import engine
from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, resolve
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import Plays

OPTIONS = {
    "--hub-url": "the hub's public address",
    "--hub-ca": "certificate of the CA that signed the hub's",
    "--hub-address": "address to connect to in place of the one that the URL's host name resolves to",
    "--hub-users": 'JSON file: [{"name": …, "password": …, "admin": true|false}, …]; an admin and two others at least',
    "--hub-engine": "what the hub runs on: docker, swarm or kubernetes",
    "--hub-name": "jupyterhub_name",
    "--hub-host": "what begins a command that is to run as root on the engine's host, if that is another machine: docker exec --interactive NAME; "
    "on a swarm {node} stands for the name of a node; with kubernetes CONTEXT/NAMESPACE of the kubeconfig in KUBECONFIG",
    "--hub-reboot": "command that reboots the engine's host",
    "--hub-secrets-dir": "directory with the files that hold the hub's secrets",
    "--hub-database": "HOST:PORT of the hub's database, where it is not a file",
    "--hub-options": "JSON object: fields of the options form, where the hub has one",
    "--hub-home": "where a user's volume is mounted",
    "--hub-play": "JSON list: command that runs a playbook of the collection on the hub's inventory; the playbook's name is appended",
    "--github-listen": "HOST:PORT where the stand-in for GitHub is to listen; the hub's github_url is http://HOST:PORT",
    "--github-users": 'JSON file: [{"login": …, "organizations": […]}, …]: accounts at the stand-in',
    "--github-client": 'JSON file: {"client_id": …, "client_secret": …, "callback": …} as the hub has them',
    "--login-providers": "JSON file with the OpenID provider and the directory of molecule/auth; what they know is beside it",
    "--keep-screenshots": "directory for screenshots",
}
DEFAULTS = {"--hub-engine": "docker", "--hub-home": "/home/jovyan/work"}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hub")
    for option, text in OPTIONS.items():
        variable = option.lstrip("-").replace("-", "_").upper()
        group.addoption(option, default=os.environ.get(variable, DEFAULTS.get(option)), help=f"{text} [{variable}]")


@dataclasses.dataclass(frozen=True)
class Account:
    name: str
    password: str = ""
    admin: bool = False


class Settings:
    """The options, read when a test first needs them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def get(self, option: str) -> str | None:
        value: str | None = self._config.getoption(option)
        return value

    def need(self, option: str) -> str:
        value = self.get(option)
        if not value:
            raise pytest.UsageError(f"{option} is needed: {OPTIONS[option]}")
        return value

    def json(self, option: str) -> t.Any:
        return json.loads(pathlib.Path(self.need(option)).read_text())

    @property
    def host(self) -> str:
        return urllib.parse.urlsplit(self.need("--hub-url")).hostname or ""

    def client(self) -> HubClient:
        """Return a client with an empty cookie jar."""
        options = self.get("--hub-options")
        return HubClient(self.need("--hub-url"), ca=self.get("--hub-ca"), options=json.loads(options) if options else None)

    def start(self, account: Account) -> HubClient:
        """Return a client of this person, logged in and with a running server."""
        client = self.client()
        client.login(account.name, account.password)
        client.start_server()
        return client


@pytest.fixture(scope="session")
def settings(pytestconfig: pytest.Config) -> Settings:
    found = Settings(pytestconfig)
    address = found.get("--hub-address")
    if address:
        resolve(found.host, address)
    found.client().wait_until_healthy()
    return found


@pytest.fixture(scope="session")
def accounts(settings: Settings) -> list[Account]:
    return [Account(**entry) for entry in settings.json("--hub-users")]


@pytest.fixture(scope="session")
def people(accounts: list[Account]) -> list[Account]:
    found = [account for account in accounts if not account.admin]
    if len(found) < 2:
        raise pytest.UsageError("--hub-users must name two users who are no admins")
    return found


@pytest.fixture(scope="session")
def alice(settings: Settings, people: list[Account]) -> HubClient:
    """The first user, with a running server."""
    return settings.start(people[0])


@pytest.fixture(scope="session")
def bob(settings: Settings, people: list[Account]) -> HubClient:
    """The second user, with a running server."""
    return settings.start(people[1])


@pytest.fixture(scope="session")
def admin(settings: Settings, accounts: list[Account]) -> HubClient:
    """An admin, logged in."""
    account = next((account for account in accounts if account.admin), None)
    if account is None:
        raise pytest.UsageError("--hub-users must name an admin")
    client = settings.client()
    client.login(account.name, account.password)
    return client


@pytest.fixture(scope="session")
def hub(settings: Settings) -> engine.Engine:
    """The hub from behind."""
    return engine.connect(settings.need("--hub-engine"), settings.need("--hub-name"), shlex.split(settings.get("--hub-host") or ""))


@pytest.fixture(scope="module")
def project(settings: Settings) -> pathlib.Path:
    """The directory of the compose project."""
    return pathlib.Path(settings.need("--hub-secrets-dir")).parent


@pytest.fixture(scope="module")
def name(settings: Settings) -> str:
    return settings.need("--hub-name")


@pytest.fixture(scope="module")
def plays(settings: Settings, name: str, tmp_path_factory: pytest.TempPathFactory) -> Plays:
    return Plays(json.loads(settings.need("--hub-play")), tmp_path_factory.mktemp("plays"), name)
