# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health check says 0 for a 200 and what was wrong for anything else."""

from __future__ import annotations

import collections.abc
import http.server
import importlib.util
import pathlib
import threading

import pytest

PROGRAM = pathlib.Path(__file__).parents[2] / "roles" / "jupyterhub" / "files" / "health.py"
spec = importlib.util.spec_from_file_location("health", PROGRAM)
assert spec and spec.loader
health = importlib.util.module_from_spec(spec)
spec.loader.exec_module(health)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/hub/health" else 502)
        self.end_headers()


@pytest.fixture
def port() -> collections.abc.Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_server_that_is_well(port: int) -> None:
    assert health.main(["127.0.0.1", str(port), "/hub/health"]) == 0


def test_a_server_that_is_not_well(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main(["127.0.0.1", str(port), "/_ping"]) == 1
    assert "/_ping says HTTP/1.0 502" in capsys.readouterr().out


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main(["127.0.0.1", "1", "/"]) == 1
    assert "127.0.0.1:1 does not answer" in capsys.readouterr().out
