# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hub of inventories/vdsg promises beyond any hub: its people, its certificate, its address, and a project that can be used by hand.

Run with `-p ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest`, with that module's options.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import typing as t

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.vdsg.jupyterhub.tests.acceptance import engine
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.github import Client, GitHub, load_users, serve

DOMAIN = "hub.vdsg.at"
ADMINS = ("geoheil", "maksmitk")
SERVICES = {"firewall", "guard", "proxy", "hub", "edge"}


@pytest.fixture(scope="module", autouse=True)
def github(settings: Settings) -> t.Iterator[None]:
    """The stand-in for GitHub."""
    host, port = settings.need("--github-listen").rsplit(":", 1)
    server = serve(GitHub(Client(**settings.json("--github-client")), load_users(pathlib.Path(settings.need("--github-users")))), host, int(port))
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def project(settings: Settings) -> pathlib.Path:
    """The directory in which a person would type `docker compose ps`."""
    return pathlib.Path(settings.need("--hub-secrets-dir")).parent


@pytest.fixture(scope="module")
def port(settings: Settings) -> int:
    return int(settings.need("--hub-url").rsplit(":", 1)[1])


def compose(project: pathlib.Path, *arguments: str) -> str:
    return subprocess.run(["docker", "compose", *arguments], cwd=project, check=True, capture_output=True, text=True, timeout=60).stdout


def handshake(settings: Settings, port: int, version: ssl.TLSVersion) -> bytes | None:
    """Speak exactly one version of TLS with the edge; return its certificate, or None when it does not speak that."""
    context = ssl.create_default_context(cafile=settings.need("--hub-ca"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, contextlib.suppress(ssl.SSLError):
        with context.wrap_socket(connection, server_hostname=DOMAIN) as secured:
            return secured.getpeercert(binary_form=True)
    return None


def test_the_admins_of_the_userlist_are_admins(settings: Settings) -> None:
    for name in ADMINS:
        client = settings.client()
        client.login_oauth({"login": name})
        assert client.api("GET", "user").json()["admin"] is True


def test_an_admin_lets_somebody_else_in(settings: Settings) -> None:
    """Later runs must leave jenny alone: she is in no list."""
    client = settings.client()
    client.login_oauth({"login": ADMINS[0]})
    client.api("POST", "users/jenny")
    jenny = settings.client()
    jenny.login_oauth({"login": "jenny"})
    assert jenny.api("GET", "user").json()["admin"] is False


def test_people_in_the_list_start_servers_of_the_image_that_the_environment_names(settings: Settings) -> None:
    client = settings.client()
    client.login_oauth({"login": ADMINS[1]})
    client.start_server()
    with client.kernel() as kernel:
        assert kernel.execute("6 * 7") == "42"
    name = f"{settings.need('--hub-name')}-user-{ADMINS[1]}"
    container = json.loads(engine.run("docker", "container", "inspect", name))[0]
    client.stop_server()
    assert container["Config"]["Image"] == "vdsg-jupyterhub-test-notebook:1"
    assert (container["HostConfig"]["Memory"], container["HostConfig"]["CpuQuota"] / container["HostConfig"]["CpuPeriod"]) == (2 * 1024**3, 2)


def test_browsers_are_told_to_use_https_only(settings: Settings) -> None:
    client = settings.client()
    for path in ("hub/login", "no/such/page", "edge/health"):
        answer = client.session.get(f"{client.url}/{path}", timeout=10)
        assert int(answer.headers["Strict-Transport-Security"].removeprefix("max-age=").split(";")[0]) > 100 * 24 * 3600, path


@pytest.mark.parametrize("path", ["/", "/hub/login?next=%2Fhub%2Fhome", "/user/geoheil/lab/tree/a%20b.ipynb"])
def test_plain_http_leads_to_the_same_page_over_https(settings: Settings, project: pathlib.Path, path: str) -> None:
    ports = yaml.safe_load((project / "compose.yaml").read_text())["services"]["edge"]["ports"]
    plain = next(int(each.split(":")[1]) for each in ports if each.endswith(":8080"))
    connection = http.client.HTTPConnection("127.0.0.1", plain, timeout=10)
    connection.request("GET", path, headers={"Host": DOMAIN})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (308, settings.need("--hub-url") + path)


def test_tls_is_1_2_or_1_3_and_nothing_older(settings: Settings, port: int) -> None:
    versions = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    assert [version.name for version in versions if handshake(settings, port, version)] == ["TLSv1_2", "TLSv1_3"]


def test_the_certificate_on_the_wire_is_the_one_that_was_provided(settings: Settings, port: int) -> None:
    given = pathlib.Path(settings.need("--hub-ca")).parents[1] / "certificates" / "fullchain.pem"
    assert handshake(settings, port, ssl.TLSVersion.TLSv1_3) == x509.load_pem_x509_certificate(given.read_bytes()).public_bytes(Encoding.DER)


def test_the_client_secret_is_only_where_secrets_are(settings: Settings, project: pathlib.Path) -> None:
    secret = settings.json("--github-client")["client_secret"]
    hub = engine.connect(settings.need("--hub-engine"), settings.need("--hub-name"))
    assert len(hub.inspect()) > 10
    assert secret not in json.dumps(hub.inspect())
    assert secret not in hub.logs()
    holders = {str(path.relative_to(project)): path.stat().st_mode & 0o777 for path in project.rglob("*") if path.is_file() and secret in path.read_text()}
    assert holders == {"secrets/oauth_client_secret": 0o600}
    assert secret not in compose(project, "config")


def test_the_project_can_be_used_by_hand(project: pathlib.Path) -> None:
    running = [json.loads(line) for line in compose(project, "ps", "--format", "json").splitlines()]
    assert {each["Service"]: each["Health"] for each in running} == dict.fromkeys(SERVICES, "healthy")
    assert "JupyterHub is now running" in compose(project, "logs", "--no-color", "hub")
    config = yaml.safe_load(compose(project, "config"))
    assert config["name"] == "vdsg"
    assert set(config["services"]) == SERVICES
