# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program in the container of a backup, as far as it needs neither restic nor an engine."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pathlib
import sqlite3
import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.roles.backup.files import backup as program


@pytest.fixture
def root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(program, "ROOT", tmp_path)
    monkeypatch.setattr(program, "RUN", tmp_path / "run")
    return tmp_path


def database(path: pathlib.Path, rows: int) -> None:
    path.parent.mkdir(exist_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TABLE users (name TEXT)")
        base.executemany("INSERT INTO users VALUES (?)", [(str(number),) for number in range(rows)])
        base.commit()


def test_a_database_in_use_is_copied_whole(root: pathlib.Path) -> None:
    database(root / "data" / program.SQLITE, 3)
    with contextlib.closing(sqlite3.connect(root / "data" / program.SQLITE)) as writer:
        writer.execute("INSERT INTO users VALUES ('not yet')")
        found = program.dump({"type": "sqlite"}, root / "database")
    assert found["rows"] == {"users": 3}
    assert found["sha256"] == program.checksum(root / "database" / program.SQLITE)


def test_a_hub_without_a_database_is_said(root: pathlib.Path) -> None:
    (root / "data").mkdir()
    with pytest.raises(program.Problem, match="deploy it with"):
        program.dump({"type": "sqlite"}, root / "database")


def test_a_database_is_replaced_only_when_told_and_kept_beside(root: pathlib.Path) -> None:
    target = root / "data" / program.SQLITE
    database(root / "old.sqlite", 3)
    database(target, 5)
    (root / "data" / f"{program.SQLITE}-journal").write_text("stale")
    newer = target.read_bytes()
    with pytest.raises(program.Problem, match="set backup_overwrite"):
        program.put_sqlite(root / "old.sqlite", target, os.getuid(), overwrite=False, dry_run=False)
    assert program.put_sqlite(root / "old.sqlite", target, os.getuid(), overwrite=True, dry_run=True)
    assert target.read_bytes() == newer
    assert program.put_sqlite(root / "old.sqlite", target, os.getuid(), overwrite=True, dry_run=False)
    assert target.read_bytes() == (root / "old.sqlite").read_bytes()
    assert target.with_name(f"{program.SQLITE}.before-restore").read_bytes() == newer
    assert not (root / "data" / f"{program.SQLITE}-journal").exists()
    # Again there is nothing to do.
    assert not program.put_sqlite(root / "old.sqlite", target, os.getuid(), overwrite=False, dry_run=False)


def test_a_password_file_says_what_the_clients_of_databases_read(root: pathlib.Path) -> None:
    settings = {"host": "db", "port": 5432, "name": "hub", "user": "hub", "password": "p:\\\"'#"}
    program.postgresql(settings, "pg_dump")
    assert (root / "run" / "pgpass").read_text() == "db:5432:hub:hub:p\\:\\\\\"'#\n"
    command, _environment = program.mysql(settings, "mariadb-dump")
    assert command[1].startswith("--defaults-file=")
    assert 'password = "p:\\\\\\"\'#"\n' in (root / "run" / "my.cnf").read_text()
    assert (root / "run" / "my.cnf").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "stamp, moment",
    [
        ("2026-11-25T22:56:24.304780637Z", 1795647384.304780637),
        ("2026-11-25T23:56:24.5+01:00", 1795647384.5),
        ("2026-11-25T22:56:24Z", 1795647384.0),
        ("2026-11-25T20:56:24-02:00", 1795647384.0),
    ],
)
def test_times_are_those_of_restic(stamp: str, moment: float) -> None:
    assert program.seconds(stamp) == pytest.approx(moment, abs=1e-6)


def test_what_is_newer_is_somebodys_work(root: pathlib.Path) -> None:
    path = root / "file"
    path.write_text("x")
    os.utime(path, (1795647400, 1795647400))
    node = {"mtime": "2026-11-25T22:56:24Z"}
    assert program.is_newer(path, node, 0)
    # Half a file of a restoration that was broken off then.
    assert not program.is_newer(path, node, 1795647399)
    assert program.is_newer(path, node, 1795647390)
    assert not program.is_newer(path, {"mtime": "2026-11-25T23:56:24Z"}, 0)
    assert not program.is_newer(root / "none", node, 0)


def test_a_volume_is_marked_until_all_is_there(root: pathlib.Path) -> None:
    with program.marked([root], "aaaa"):
        assert program.mark(root, "aaaa") > 0
        assert program.mark(root, "bbbb") == 0
    assert program.mark(root, "aaaa") == 0
    with pytest.raises(program.Problem):
        with program.marked([root], "aaaa"):
            raise program.Problem("no space")
    assert program.mark(root, "aaaa") > 0


@pytest.mark.parametrize(
    "path, patterns, found",
    [
        ("/backup/volumes/a/x/y", ["/backup/volumes/a"], True),
        ("/backup/volumes/ab/x", ["/backup/volumes/a"], False),
        ("/backup/volumes/a/x.ipynb", ["/backup/volumes/a/*.ipynb"], True),
        ("/backup/volumes/a/x.txt", ["/backup/volumes/a/*.ipynb"], False),
    ],
)
def test_what_a_pattern_means(path: str, patterns: list[str], found: bool) -> None:
    assert program.chosen(path, patterns) is found


@pytest.mark.parametrize(
    "status, message, sentence",
    [
        (12, "", "backup_password does not open the repository /srv/lab"),
        (11, "", "is locked"),
        (10, "", "there is no repository"),
        (1, "write /repository/x: no space left on device", "no space is left for restic backup"),
        (1, "Fatal: something else", "restic backup failed on /srv/lab: Fatal: something else"),
    ],
)
def test_what_restic_says_becomes_a_sentence(status: int, message: str, sentence: str) -> None:
    assert sentence in program.Restic("lab", "/srv/lab", [], {}).sentence("backup", status, message)


def test_complaints_are_texts() -> None:
    assert program.complaint('{"message_type":"exit_error","code":12,"message":"Fatal: wrong password"}') == "Fatal: wrong password"
    assert program.complaint('{"message_type":"error","error":{"message":"no space left"},"item":"/x"}') == "no space left"
    assert program.complaint("plain") == "plain"


def test_what_is_no_json_is_passed_over() -> None:
    """Seen with restic 0.18.0: forget --prune --json, when there is something to delete."""
    text = '[{"keep": []}]\n[0:00] 100.00%  1 / 1 files deleted\n\n17\n{"message_type": "summary"}\nrepacking packs\n'
    assert program.answers(text) == [[{"keep": []}], {"message_type": "summary"}]


def test_a_problem_is_answered_and_the_next_request_too() -> None:
    answers: list[dict[str, t.Any]] = []
    requests = [{"do": "compare", "snapshot": "a", "places": ["/nowhere"], "include": [], "look": True}] * 2
    program.serve(io.StringIO("".join(json.dumps(request) + "\n" for request in requests)), answers.append)
    assert len(answers) == 2
    assert "/nowhere cannot be read or written in the container of the backup" in answers[0]["problem"]
