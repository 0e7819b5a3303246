# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge: what it listens on, where it sends people, what it tells the proxy."""

from __future__ import annotations

import re
import typing as t

import pytest
from hypothesis import given, settings

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import project
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ENGINE, PROGRAMS, descriptions, hub

Block = list[t.Any]


def parse(text: str) -> Block:
    """Return nginx's configuration as lists: [words…] for a directive, [words…, [block]] for one with a block."""
    tokens = [token for token in re.findall(r'#[^\n]*|"(?:\\.|[^"])*"|[{};]|[^\s{};"]+', text) if not token.startswith("#")]
    stack: list[Block] = [[]]
    words: Block = []
    for token in tokens:
        if token == "{":
            stack.append([])
            stack[-2].append([*words, stack[-1]])
            words = []
        elif token == "}":
            assert not words
            stack.pop()
        elif token == ";":
            stack[-1].append(words)
            words = []
        else:
            words.append(token)
    assert len(stack) == 1
    assert not words
    return stack[0]


def render(described: Hub) -> str:
    return project.render(described, ENGINE, PROGRAMS, {}).files["edge/nginx.conf"]


def named(block: Block, *words: str) -> list[t.Any]:
    return [item for item in block if item[: len(words)] == list(words)]


def servers(**topics: t.Any) -> list[Block]:
    http = named(parse(render(hub(**topics))), "http")[0][-1]
    return [server[-1] for server in named(http, "server")]


def forward(server: Block) -> Block:
    found = named(server, "location", "/")
    assert len(found) == 1
    return t.cast(Block, found[0][-1])


def test_http_leads_to_https_where_tls_ends_here() -> None:
    plain, tls = servers(domain="hub.example.org")
    assert named(plain, "listen") == [["listen", "8080"]]
    assert named(forward(plain), "return") == [["return", "308", "https://hub.example.org$request_uri"]]
    assert len(named(plain, "location")) == 1, "nothing of the hub is served without TLS"
    assert named(tls, "listen") == [["listen", "8443", "ssl", "http2"]]
    assert named(tls, "ssl_protocols") == [["ssl_protocols", "TLSv1.2", "TLSv1.3"]]
    assert named(tls, "ssl_certificate_key") == [["ssl_certificate_key", "/etc/edge/secrets/tls_key"]]


def test_another_port_is_in_the_redirection() -> None:
    plain, _tls = servers(domain="hub.example.org", network={"https_port": 8443})
    assert named(forward(plain), "return") == [["return", "308", "https://hub.example.org:8443$request_uri"]]


def test_challenges_are_answered_over_http_where_certbot_gets_the_certificate() -> None:
    plain, _tls = servers(domain="hub.example.org", tls={"mode": "letsencrypt"})
    (challenge,) = named(plain, "location", "/.well-known/acme-challenge/")
    assert named(challenge[-1], "root") == [["root", "/var/www/acme"]]
    assert named(forward(plain), "return") == [["return", "308", "https://hub.example.org$request_uri"]]


def test_a_host_name_of_a_person_stays_in_the_redirection() -> None:
    plain, _tls = servers(domain="hub.example.org", tls={"subdomains": True}, network={"https_port": 8443})
    assert named(forward(plain), "return") == [["return", "308", "https://$host:8443$request_uri"]]


def test_a_renewed_edge_is_what_a_deployment_would_have_made_of_it() -> None:
    described, secrets = hub(), {"secrets/tls_certificate": "tls_certificate"}
    before, after = {"tls_certificate": "one"}, {"tls_certificate": "two"}
    old = project.render(described, ENGINE, PROGRAMS, before)
    new = project.render(described, ENGINE, PROGRAMS, after)
    text, version = project.renewed(old.files["edge/nginx.conf"], old.secrets["edge"], after)
    assert (text, version) == (new.files["edge/nginx.conf"], new.edge_version)
    assert version != old.edge_version
    assert project.renewed(text, secrets, after)[1] != version, "every secret counts"


SCHEMES = [("self_signed", "https"), ("external", "$http_x_forwarded_proto"), ("none", "http")]


@pytest.mark.parametrize(("mode", "scheme"), SCHEMES)
def test_the_proxy_is_told_what_people_see(mode: str, scheme: str) -> None:
    found = forward(servers(tls={"mode": mode})[-1])
    assert ["proxy_set_header", "X-Forwarded-Proto", scheme] in found
    assert ["proxy_set_header", "Upgrade", "$http_upgrade"] in found, "websockets"
    assert ["proxy_read_timeout", "1d"] in found
    assert ["proxy_buffering", "off"] in found


@pytest.mark.parametrize("mode", ["external", "none"])
def test_without_tls_there_is_one_server_and_no_certificate(mode: str) -> None:
    (server,) = servers(tls={"mode": mode})
    assert named(server, "listen") == [["listen", "8080"]]
    assert not named(server, "ssl_certificate")


def test_hsts_only_on_request() -> None:
    provided = {"mode": "provided", "certificate": "c", "key": "k"}
    assert not named(servers(tls=provided)[1], "add_header")
    assert named(servers(tls={**provided, "hsts": True})[1], "add_header") == [
        ["add_header", "Strict-Transport-Security", '"max-age=63072000"', "always"],
    ]


def test_uploads_have_a_limit() -> None:
    assert named(servers(network={"max_upload": "4G"})[1], "client_max_body_size") == [["client_max_body_size", str(4 * 1024**3)]]


def test_the_edge_says_itself_that_it_is_well() -> None:
    for mode, _scheme in SCHEMES:
        assert named(servers(tls={"mode": mode})[-1], "location", "=", "/edge/health")


@settings(max_examples=30)
@given(descriptions())
def test_any_hub_has_a_configuration_that_parses(variables: dict[str, t.Any]) -> None:
    blocks = parse(render(Hub.from_variables(variables)))
    assert [block[0] for block in blocks] == ["worker_processes", "pid", "error_log", "events", "http"]
