# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub is backed up while people work, wiped, and restored: molecule/backup has it. The tests are one story, in this order."""

from __future__ import annotations

import contextlib
import json
import pathlib
import random
import re
import shutil
import threading
import time
import typing as t

import pytest
import requests

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, Kernel, until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Account, Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import Engine, run
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import Moment, Plays, owned

# Files that are hard to keep: run as their owner at the top of a volume.
MAKE = r"""
import os, random, sys
os.chdir("/volume")
names = [b"plain", b"with space", b"line\nbreak"]
names += [b"'\"$(id)`;&|*?[a]{b}\\", b"-rf", b"\xff\xfe not utf-8", "\u540d\u524d \u00e9".encode(), b"." * 3, b"n" * 255]
for number, name in enumerate(names):
    with open(name, "wb") as file:
        file.write(name * (number + 1))
    os.utime(name, ns=(10**18 + number, 10**18 + 123456789 + number))
os.makedirs("deep/" * 40, exist_ok=True)
os.makedirs("closed/inner", exist_ok=True)
open("closed/inner/file", "w").write("closed")
os.makedirs("empty", exist_ok=True)
for mode in (0o600, 0o755, 0o4755, 0o2711, 0o000, 0o444):
    open(f"mode-{mode:o}", "w").write("x")
    os.chmod(f"mode-{mode:o}", mode)
os.symlink("nowhere/at all", "dangling"); os.symlink("/etc/passwd", "absolute"); os.symlink("empty", "to-directory")
os.link("plain", "deep/hard"); os.link("plain", "hard too")
os.mkfifo("fifo")
with open("sparse", "wb") as file:
    file.seek(64 * 2**20); file.write(b"end")
with open("large", "wb") as file:
    file.write(random.Random(sys.argv[1]).randbytes(16 * 2**20))
os.makedirs(".cache", exist_ok=True)
open(".cache/left-out", "w").write("x"); open("deep/left-out.tmp", "w").write("x")
os.setxattr("plain", "user.course", b"101")
os.chmod("closed", 0o500)
"""

# Everything that can be said of the files of a volume, but for what is left out of backups.
LOOK = r"""
import hashlib, json, os, stat
found, inodes = {}, {}
for path, directories, names in os.walk(b"/volume"):
    for name in [*directories, *names, b""]:
        full = os.path.join(path, name) if name else path
        info = os.lstat(full)
        kind = stat.S_IFMT(info.st_mode)
        shown = os.fsdecode(full)
        if "/.cache" in shown or shown.endswith(".tmp") or "/restored-" in shown or shown.endswith("/growing"):
            continue
        said = [oct(info.st_mode), info.st_uid, info.st_gid]
        if kind == stat.S_IFREG:
            with open(full, "rb") as file:
                said += [info.st_size, hashlib.sha256(file.read()).hexdigest(), info.st_nlink, info.st_mtime_ns // 1000]
            said.append(info.st_blocks * 512 < info.st_size // 2)
            said.append({key: os.getxattr(full, key).hex() for key in os.listxattr(full) if key.startswith("user.")})
            said.append(os.fsdecode(inodes.setdefault(info.st_ino, full)) if info.st_nlink > 1 and info.st_ino in inodes else "")
            inodes.setdefault(info.st_ino, full)
        elif kind == stat.S_IFLNK:
            said.append(os.fsdecode(os.readlink(full)))
        found[shown.encode(errors="surrogateescape").hex()] = said
print(json.dumps(found))
"""

# What of the hub's database says who is who; when somebody was last there changes with each look.
ROWS = """
import json, sqlite3
base = sqlite3.connect("file:/srv/jupyterhub/jupyterhub.sqlite?mode=ro", uri=True)
found = {}
for (table,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
    names = [row[1] for row in base.execute(f"PRAGMA table_info('{table}')")]
    kept = [name for name in names if name not in ("last_activity", "started", "state", "server_id", "expires_at")]
    found[table] = sorted(json.dumps([str(value) for value in row]) for row in base.execute(f"SELECT {', '.join(kept)} FROM {table}"))
print(json.dumps(found))
"""

GROW = """
import threading, time
def grow():
    with open("/home/jovyan/work/growing", "a") as file:
        for number in range(10**6):
            file.write(f"{number}\\n"); file.flush(); time.sleep(0.01)
threading.Thread(target=grow, daemon=True).start()
"""

LINE = re.compile(r"snapshot ([0-9a-f]{8}), (\d+) volumes, (\d+) files \(.*?\), (\d+) new or changed, ([0-9.]+ \w+) stored")

AT_WORK = Moment("start", "backup")


class Story:
    """What the tests remember of each other."""

    trees: t.ClassVar[dict[str, t.Any]] = {}
    rows: t.ClassVar[dict[str, list[str]]] = {}
    first: t.ClassVar[str] = ""
    notes: t.ClassVar[str] = ""


def write_notes(alice: HubClient, text: str) -> None:
    """Have something that is newer than all snapshots."""
    Story.notes = text
    alice.write_file("notes.txt", text)


def in_volume(volume: str, program: str, *arguments: str, user: str = "1000") -> str:
    """Run Python in a container that has a volume."""
    image = json.loads(run("docker", "container", "inspect", "backup-hub"))[0]["Image"] if not Story.trees else Story.trees["image"]
    labels = ("--label", "vdsg.jupyterhub.name=backup")
    command = ("--user", user, "--entrypoint", "python3", "--volume", f"{volume}:/volume", image, "-c", program, *arguments)
    return run("docker", "run", "--rm", "--network", "none", *labels, *command)


def tree(volume: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = json.loads(in_volume(volume, LOOK, user="0"))
    return found


def said(plays: Plays) -> re.Match[str]:
    """Return the line of a backup."""
    found = LINE.search(" ".join(plays.said.split()))
    assert found, plays.said
    return found


@pytest.fixture(scope="module")
def people_at_work(settings: Settings, people: list[Account]) -> list[HubClient]:
    """Two people with servers of their own and files that are hard to keep."""
    clients = [settings.start(person) for person in people]
    for person, volume in zip(people, ("backup-user-alice", "backup-user-bob-2dvon-2do"), strict=True):
        in_volume(volume, MAKE, person.name)
    clients[1].stop_server()
    Story.trees["image"] = json.loads(run("docker", "container", "inspect", "backup-hub"))[0]["Image"]
    write_notes(clients[0], "before all backups")
    return clients


@contextlib.contextmanager
def watched(settings: Settings, kernel: Kernel) -> t.Iterator[list[str]]:
    """Ask the hub and a kernel all the time, the kernel over one socket; give what went wrong."""
    wrong: list[str] = []
    done = threading.Event()

    def ask() -> None:
        client = settings.client()
        while not done.wait(0.1):
            try:
                answer = client.session.get(f"{client.url}/hub/api/", timeout=30)
                wrong.extend([] if answer.ok else [f"{answer.status_code}"])
            except requests.RequestException as error:
                wrong.append(str(error))

    def compute() -> None:
        while not done.wait(2):
            wrong.extend([] if kernel.alive else ["the kernel does not answer"])

    threads = [threading.Thread(target=target) for target in (ask, compute)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        done.set()
        for thread in threads:
            thread.join()


# ---- Backup


def test_backup_while_people_work(settings: Settings, plays: Plays, hub: Engine, people_at_work: list[HubClient], project: pathlib.Path) -> None:
    alice = people_at_work[0]
    with alice.kernel() as kernel:
        kernel.execute(GROW)
        with watched(settings, kernel) as wrong:
            plays.run("backup.yml")
    assert wrong == []
    found = said(plays)
    assert int(found[2]) == 2
    Story.first = found[1]
    Story.trees |= {volume: tree(volume) for volume in ("backup-user-alice", "backup-user-bob-2dvon-2do")}
    Story.rows = json.loads(hub.python("hub", ROWS))
    numbers = dict(line.split() for line in (project.parent / "backup.prom").read_text().splitlines() if not line.startswith("#"))
    assert float(numbers['jupyterhub_backup_volumes{hub="backup"}']) == 2
    assert time.time() - float(numbers['jupyterhub_backup_last_success_timestamp_seconds{hub="backup"}']) < 300


def test_second_backup_takes_what_changed(plays: Plays, people_at_work: list[HubClient]) -> None:
    alice = people_at_work[0]
    write_notes(alice, "after the first backup")
    Story.trees["backup-user-alice"] = tree("backup-user-alice")
    plays.run("backup.yml")
    number, unit = said(plays)[5].split()
    assert unit in ("B", "KiB"), f"{number} {unit} were stored, of more than 30 MiB"


def test_password_is_nowhere(plays: Plays, project: pathlib.Path) -> None:
    """Not on the host, and not in what the engine says of the container while it works."""
    password = "p%40:/@'\"#? & {x} $HOME"
    seen: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.05):
            with contextlib.suppress(RuntimeError):
                seen.append(run("docker", "container", "inspect", "backup-backup"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        plays.run("backup.yml")
    finally:
        done.set()
        thread.join()
    assert seen
    assert not [text for text in seen if json.dumps(password)[1:-1] in text or password in text]
    assert password not in plays.said
    assert not [path for path in project.rglob("*") if path.is_file() and password.encode() in path.read_bytes()]


def test_check_mode_changes_nothing(plays: Plays, project: pathlib.Path) -> None:
    before = sorted((project.parent / "repository" / "snapshots").iterdir())
    assert plays.check("backup.yml") == 1
    assert "2 volumes would be backed up" in " ".join(plays.said.split())
    assert sorted((project.parent / "repository" / "snapshots").iterdir()) == before


def test_killed_backups_are_finished_by_the_next(plays: Plays, people_at_work: list[HubClient]) -> None:
    killed = [plays.kill("backup.yml", AT_WORK, random.uniform(0, 2.5)) for _time in range(4)]
    assert any(killed)
    write_notes(people_at_work[0], "after some that were killed")
    Story.trees["backup-user-alice"] = tree("backup-user-alice")
    plays.run("backup.yml", backup_verify=True)
    assert said(plays)
    until(lambda: not [name for name in owned("backup") if name == "backup-backup"], 20, "the container of the backup")


# ---- What is refused


@pytest.mark.usefixtures("people_at_work")
def test_refusals(plays: Plays, project: pathlib.Path, tmp_path: pathlib.Path) -> None:
    repository = project.parent / "repository"
    snapshots = sorted(path.name for path in (repository / "snapshots").iterdir())
    assert "backup_password does not open the repository" in plays.refused("backup.yml", backup_password="another password")
    assert "did you mean alice?" in plays.refused("backup.yml", backup_users=["alise"])
    assert "is that of backup, not of the hub another" in plays.refused("restore.yml", jupyterhub_name="another", docker_compose_project_dir=str(tmp_path))
    assert "there is no repository" in plays.refused("restore.yml", backup_repository=str(tmp_path / "nowhere"))
    assert "the volume backup-user-alice is in use by backup-user-alice" in plays.refused("restore.yml", backup_users=["alice"])
    assert "the hub backup runs" in plays.refused("restore.yml")
    assert sorted(path.name for path in (repository / "snapshots").iterdir()) == snapshots


def test_a_damaged_repository_is_found(plays: Plays, project: pathlib.Path, tmp_path: pathlib.Path) -> None:
    copy = tmp_path / "repository"
    shutil.copytree(project.parent / "repository", copy)
    pack = max((path for path in (copy / "data").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    text = bytearray(pack.read_bytes())
    text[len(text) // 2] ^= 0xFF
    pack.write_bytes(text)
    message = plays.refused("backup.yml", backup_repository=str(copy), backup_verify=True)
    assert "is damaged, and the snapshots" in message
    assert Story.first in message


def test_a_full_disk_leaves_good_snapshots(plays: Plays, project: pathlib.Path) -> None:
    small = project.parent / "small"
    small.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small))
    try:
        message = plays.refused("backup.yml", backup_repository=f"{small}/repository")
        assert "no space is left for restic" in message
        assert list((small / "repository" / "snapshots").iterdir()) == []
    finally:
        run("umount", str(small))


# ---- A drill


def test_a_drill_believes_nothing(plays: Plays) -> None:
    before = owned("backup")
    plays.run("backup.yml", backup_drill=True)
    assert "drill: restored and compared, 3 people, the session of admin is open" in " ".join(plays.said.split())
    assert owned("drill-54d00d86") == set()
    assert owned("backup") == before


# ---- Restoration of one person's files


def test_one_file_comes_back_beside(plays: Plays, people_at_work: list[HubClient]) -> None:
    alice = people_at_work[0]
    alice.write_file("notes.txt", "newer than all snapshots")
    plays.run("restore.yml", backup_users=["alice"], backup_paths=["notes.txt"], backup_beside=True)
    (snapshot,) = re.findall(r"snapshot ([0-9a-f]{8}) of", " ".join(plays.said.split()))
    assert alice.read_file(f"restored-{snapshot}/notes.txt") == Story.notes
    assert alice.read_file("notes.txt") == "newer than all snapshots"
    assert "has no thesis" in plays.refused("restore.yml", backup_users=["alice"], backup_paths=["thesis"], backup_beside=True)


@pytest.mark.usefixtures("people_at_work")
def test_newer_files_are_not_replaced_unasked(plays: Plays) -> None:
    volume = "backup-user-bob-2dvon-2do"
    in_volume(volume, "open('/volume/plain', 'w').write('newer'); open('/volume/own', 'w').write('not in a snapshot'); import os; os.unlink('/volume/large')")
    assert "/backup/volumes/backup-user-bob-2dvon-2do/" in plays.refused("restore.yml", backup_users=["bob-von-o"])
    assert in_volume(volume, "print(open('/volume/plain').read())") == "newer\n"
    # The path alone is not newer, and comes back at once.
    plays.run("restore.yml", backup_users=["bob-von-o"], backup_paths=["large"])
    plays.run("restore.yml", backup_users=["bob-von-o"], backup_overwrite=True, backup_snapshot=Story.first)
    assert in_volume(volume, "print(open('/volume/own').read())") == "not in a snapshot\n"
    in_volume(volume, "import os; os.unlink('/volume/own')")
    assert_same_files(volume)


def assert_same_files(volume: str) -> None:
    before, after = Story.trees[volume], tree(volume)
    different = {bytes.fromhex(name): (before.get(name), after.get(name)) for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    # A directory in which a file was left out of the backup is none the less the same.
    assert different == {}


# ---- Everything on an empty host


def test_everything_comes_back(plays: Plays, hub: Engine, people_at_work: list[HubClient], project: pathlib.Path) -> None:
    alice = people_at_work[0]
    until(lambda: json.loads(hub.python("hub", ROWS)) is not None, 10, "the database")
    alice.stop_server()
    Story.trees["backup-user-alice"] = tree("backup-user-alice")
    plays.run("backup.yml")
    Story.rows = json.loads(hub.python("hub", ROWS))
    plays.remove(data=True)
    assert owned("backup") == set()
    assert not (project / "secrets").exists()

    assert plays.check("restore.yml") >= 1
    assert owned("backup") == set()
    assert not project.exists()

    killed = [plays.kill("restore.yml", AT_WORK, random.uniform(1, 5)) for _time in range(3)]
    assert any(killed)
    plays.run("restore.yml")
    for volume in ("backup-user-alice", "backup-user-bob-2dvon-2do"):
        assert_same_files(volume)
    after = json.loads(hub.python("hub", ROWS))
    assert {table: rows for table, rows in after.items() if not set(Story.rows[table]) <= set(rows)} == {}
    more = {table: len(rows) - len(Story.rows[table]) for table, rows in after.items() if len(rows) != len(Story.rows[table])}
    # A hub that starts makes a token for the culler, and that of the hub that was backed up while it ran is still there.
    assert more in ({}, {"api_tokens": 1})
    # The cookie of the browser that was open all the time.
    assert alice.api("GET", "user").json()["name"] == "alice"
    assert alice.api("GET", "user").json()["groups"] == ["course"]
    alice.start_server()
    assert alice.read_file("notes.txt") == "newer than all snapshots"
    assert plays.deploy() == 0


def test_plain_tar_files(plays: Plays, tmp_path: pathlib.Path) -> None:
    plays.run("backup.yml", backup_format="tar", backup_repository=str(tmp_path / "tar"), backup_users=["bob-von-o"])
    (archive,) = (tmp_path / "tar").iterdir()
    assert archive.name.startswith("backup-user-bob-2dvon-2do-")
    assert "./plain" in run("tar", "--list", "--file", str(archive)).splitlines()
