# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the host: whole or not at all, and gone when they are no longer wanted."""

from __future__ import annotations

import os
import pathlib
import stat
from unittest import mock

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import files


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_not_there_is_none(tmp_path: pathlib.Path) -> None:
    assert files.read(tmp_path / "x") is None
    (tmp_path / "x").write_text("ü")
    assert files.read(tmp_path / "x") == "ü"


def test_a_file_has_its_text_and_its_mode(tmp_path: pathlib.Path) -> None:
    files.write(tmp_path / "x", "one\n", 0o600)
    files.write(tmp_path / "x", "zwei ü\n", 0o640)
    assert (tmp_path / "x").read_bytes() == "zwei ü\n".encode()
    assert mode(tmp_path / "x") == 0o640
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("broken", ["os.fchmod", "os.fsync", "os.replace"])
def test_a_write_that_breaks_off_leaves_the_old_text_and_nothing_else(tmp_path: pathlib.Path, broken: str) -> None:
    (tmp_path / "x").write_text("old")
    with mock.patch(broken, side_effect=OSError(28, "No space left on device")), pytest.raises(OSError, match="No space"):
        files.write(tmp_path / "x", "new", 0o600)
    assert (tmp_path / "x").read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]


def test_nobody_ever_sees_a_secret_through_a_loose_mode(tmp_path: pathlib.Path) -> None:
    seen: list[int] = []

    def look(source: str, target: pathlib.Path) -> None:
        seen.append(mode(pathlib.Path(source)))
        os.rename(source, target)

    with mock.patch("os.replace", look):
        files.write(tmp_path / "x", "hush", 0o600)
    assert seen == [0o600]


def test_a_directory_gets_its_mode_even_if_it_was_there(tmp_path: pathlib.Path) -> None:
    files.make_directory(tmp_path / "a" / "b", 0o700)
    assert mode(tmp_path / "a" / "b") == 0o700
    files.make_directory(tmp_path / "a" / "b", 0o755)
    assert mode(tmp_path / "a" / "b") == 0o755


def test_changes_are_what_differs_and_what_is_stale(tmp_path: pathlib.Path) -> None:
    for name, text in (("hub/same", "1"), ("hub/other", "old"), ("hub/sub/stale", "2"), ("mine/kept", "3"), ("compose.yaml", "c")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    wanted = {"hub/same": "1", "hub/other": "new", "edge/first": "n", "compose.yaml": "c"}
    found = files.changes(str(tmp_path), wanted, ["hub", "edge"])
    assert [tuple(change) for change in found] == [("hub/other", "old", "new"), ("edge/first", None, "n"), ("hub/sub/stale", "2", None)]
    files.apply(str(tmp_path), found, 0o644, 0o755)
    assert files.changes(str(tmp_path), wanted, ["hub", "edge"]) == []
    assert not (tmp_path / "hub/sub/stale").exists()
    assert (tmp_path / "mine/kept").read_text() == "3", "what is not ours stays"
    assert mode(tmp_path / "edge/first") == 0o644
    assert mode(tmp_path / "edge") == 0o755


def test_on_an_empty_host_everything_is_a_change(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "not" / "there"
    found = files.changes(str(root), {"hub/a": "1"}, ["hub"])
    assert [tuple(change) for change in found] == [("hub/a", None, "1")]
    assert not root.exists()
    files.apply(str(root), found, 0o644, 0o755)
    assert (root / "hub" / "a").read_text() == "1"
