# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub starts when what it needs answers, and says what does not."""

from __future__ import annotations

import os
import socket
import threading
import time
import typing as t
from unittest import mock

import pytest

from ansible_collections.vdsg.jupyterhub.tests.unit.support import program

hub_start = program("hub_start")


@pytest.fixture
def listener() -> t.Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        yield server


def address(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


def test_the_command_takes_the_place_of_the_program_when_everything_answers(listener: socket.socket) -> None:
    listener.listen()
    with mock.patch.object(os, "execvp") as execute:
        hub_start.main([address(listener), "--", "jupyterhub", "--config", "x"])
    execute.assert_called_once_with("jupyterhub", ["jupyterhub", "--config", "x"])


def test_what_is_not_there_yet_is_waited_for(listener: socket.socket) -> None:
    threading.Timer(0.1, listener.listen).start()
    assert hub_start.wait([address(listener)], time.monotonic() + 10) == []


def test_waiting_has_an_end_and_says_what_was_missing(listener: socket.socket, capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch.object(hub_start, "DEADLINE", 0.0), mock.patch.object(os, "execvp") as execute:
        assert hub_start.main([address(listener), "nowhere.invalid:1", "--", "jupyterhub"]) == 1
    assert not execute.called
    assert capsys.readouterr().err == f"the hub cannot start: no answer from {address(listener)}, nowhere.invalid:1 in 0 seconds\n"
