# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in the one container of a backup or a restoration: it has all volumes, and restic. A JSON object on each line in, one out.

It ends with its input, and so with whoever asked: nothing goes on when a run was broken off. Secrets come through the input and are kept in memory
(tmpfs) alone; restic and the clients of databases read them from files there, never from arguments or the environment.
"""

from __future__ import annotations

import contextlib
import datetime
import fnmatch
import hashlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import threading
import typing as t

ROOT = pathlib.Path("/backup")
RUN = pathlib.Path("/run/backup")
MARK = ".restore-unfinished"
"""In a volume that is being restored. What is newer than it is somebody's work, and not half a file of a restoration that was broken off."""

BEAT = 1.0
ANSWER = 90
"""Seconds in which a store must say something when it is asked what it has; restic itself would try for a quarter of an hour."""

SQLITE = "jupyterhub.sqlite"
RESTIC = ["restic", "--cache-dir=/cache", f"--repository-file={RUN / 'repository'}", f"--password-file={RUN / 'password'}"]
Answer = dict[str, t.Any]


class Problem(Exception):
    """One sentence for the user."""


# ---- restic


class Restic:
    """One repository. ``name`` is the hub, ``shown`` the repository without what is secret in it."""

    def __init__(self, name: str, shown: str, options: t.Sequence[str], environment: t.Mapping[str, str]) -> None:
        self.name = name
        self.shown = shown
        self.command = [*RESTIC, *options]
        self.environment = {**os.environ, **environment}

    def run(self, *arguments: str, seconds: float | None = None, good: t.Container[int] = (0,)) -> tuple[int, list[Answer], str]:
        """Return the status of a command, what it said in JSON, and what it complained about."""
        command = [*self.command, *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", timeout=seconds, env=self.environment, check=False)
        except subprocess.TimeoutExpired as error:
            raise Problem(f"backup_repository {self.shown} does not answer within {seconds:g} s; is it reachable from the engine's host?") from error
        complaints = [complaint(line) for line in done.stderr.splitlines()]
        message = " ".join(text for text in complaints if text)
        if done.returncode not in good:
            raise Problem(self.sentence(arguments[0], done.returncode, message))
        return done.returncode, answers(done.stdout), message

    def sentence(self, verb: str, status: int, message: str) -> str:
        """Say in one sentence what went wrong."""
        if status == 12:
            return f"backup_password does not open the repository {self.shown}; it must be the one that the repository was made with"
        if status == 11:
            return f"the repository {self.shown} is locked: another restic works on it; wait for it, or look with: restic list locks"
        if status == 10:
            return f"backup_repository is {self.shown}, but there is no repository; correct it, or run backup.yml first"
        if "no space left on device" in message or "Disk quota exceeded" in message:
            return f"no space is left for restic {verb} (repository {self.shown}); free some and run again: snapshots that are there already are untouched"
        return f"restic {verb} failed on {self.shown}: {message[-1500:] or f'status {status}'}"

    def unlock(self) -> None:
        """Take away locks of runs that are dead: only one container of this name can be, and this is it."""
        locks = [json.loads(self.text("cat", "lock", lock)) for lock in self.text("list", "locks", "--no-lock", "--quiet").split()]
        if locks:
            ours = {lock.get("hostname") for lock in locks} == {os.uname().nodename}
            self.run("unlock", *(["--remove-all"] if ours else []))

    def text(self, *arguments: str) -> str:
        """Return what a command prints."""
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, timeout=ANSWER, env=self.environment, check=False)
        if done.returncode:
            raise Problem(self.sentence(arguments[0], done.returncode, done.stderr.strip()))
        return done.stdout


def answers(text: str) -> list[t.Any]:
    """Return what restic said in JSON; pruning says `[0:00] 100.00%  1 / 1 packs deleted` in between."""
    found = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [item for item in found if isinstance(item, (dict, list))]


def complaint(line: str) -> str:
    """Return the text of a line of restic's complaints, which is JSON where it was asked for it."""
    try:
        said = json.loads(line)
    except ValueError:
        return line.strip()
    if not isinstance(said, dict):
        return line.strip()
    inner = said.get("error")
    return str(said.get("message") or (inner.get("message") if isinstance(inner, dict) else inner) or "").strip()


# ---- what is asked


class Worker:
    """Answers what is asked, one after the other."""

    def __init__(self) -> None:
        self.restic: Restic
        self.spec: Answer = {}

    def open(self, request: Answer) -> Answer:
        """Open the repository, or say that there is none."""
        store = request["store"]
        write(RUN / "password", store["password"])
        write(RUN / "repository", store["repository"])
        environment = dict(store["environment"])
        if store.get("s3"):
            write(RUN / "aws", "[default]\n" + "".join(f"{key} = {value}\n" for key, value in store["s3"].items()))
            environment["AWS_SHARED_CREDENTIALS_FILE"] = str(RUN / "aws")
        options = list(store["options"])
        if store.get("sftp"):
            write(RUN / "key", store["sftp"]["key"].rstrip("\n") + "\n")
            write(RUN / "known_hosts", store["sftp"]["known_hosts"])
            ssh = f"-i {RUN / 'key'} -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20"
            options.append(f"--option=sftp.args={ssh} -o UserKnownHostsFile={RUN / 'known_hosts'}")
        self.restic = Restic(request["name"], store["shown"], options, environment)
        status, said, message = self.restic.run("snapshots", "--json", "--no-lock", seconds=ANSWER, good=(0, 1, 10))
        if status == 10 or (status == 1 and "unable to open config file" in message and "not exist" in message):
            return {"exists": False, "snapshots": []}
        if status:
            raise Problem(self.restic.sentence("snapshots", status, message))
        if not request["dry_run"]:
            self.restic.unlock()
        return {"exists": True, "snapshots": said[0] if said else []}

    def init(self, _request: Answer) -> Answer:
        """Make the repository."""
        self.restic.run("init", "--json")
        return {}

    def backup(self, request: Answer) -> Answer:
        """Make a snapshot of everything that this container sees."""
        for name, text in request["secrets"].items():
            write(ROOT / "secrets" / name, text)
        write(ROOT / "description.json", json.dumps(request["description"], indent=2, sort_keys=True))
        manifest = request["manifest"]
        manifest["database"] |= dump(request["database"], ROOT / "database")
        manifest["checksums"] = {str(path.relative_to(ROOT)): checksum(path) for path in [ROOT / "description.json", *sorted((ROOT / "secrets").iterdir())]}
        for name, volume in manifest["volumes"].items():
            volume |= size(ROOT / "volumes" / name)
        manifest["versions"]["restic"] = self.restic.text("version").split()[1]
        write(ROOT / "manifest.json", json.dumps(manifest, indent=2, sort_keys=True))
        excluded = [f"--exclude={pattern}" for pattern in (*request["exclude"], f"/backup/volumes/*/{MARK}", f"/backup/data/{MARK}", f"/backup/data/{SQLITE}*")]
        tags = [f"--tag={tag}" for tag in request["tags"]]
        status, said, message = self.restic.run("backup", "--json", f"--host={self.restic.name}", *tags, *excluded, str(ROOT), good=(0, 3))
        summary = next(line for line in reversed(said) if line.get("message_type") == "summary")
        return {"summary": summary, "unread": message if status == 3 else "", "manifest": manifest}

    def forget(self, request: Answer) -> Answer:
        """Let go of snapshots that the rule does not keep."""
        _status, said, _message = self.restic.run("forget", "--json", f"--host={self.restic.name}", "--group-by=host,tags", *request["rule"])
        groups: list[Answer] = said[0] if said and isinstance(said[0], list) else []
        return {"forgotten": [item["short_id"] for group in groups for item in group.get("remove") or []]}

    def verify(self, _request: Answer) -> Answer:
        """Read every byte of the repository again; raise with the snapshots that something is missing of."""
        status, said, message = self.restic.run("check", "--read-data", "--json", good=(0, 1))
        if not status:
            return {}
        packs = [pack for line in said for pack in line.get("broken_packs") or []]
        hurt = sorted({str(item["snapshot"])[:8] for pack in packs for item in self.objects(pack)})
        named = f"the snapshots {', '.join(hurt)}" if hurt else "snapshots"
        raise Problem(f"the repository {self.restic.shown} is damaged, and {named} cannot be restored whole: {message[:800]}")

    def objects(self, pack: str) -> list[Answer]:
        """Return what is in a damaged file of the repository."""
        found = self.restic.run("find", "--json", "--pack", pack, good=(0, 1))[1]
        return [item for line in found for item in (line if isinstance(line, list) else [line]) if "snapshot" in item]

    def manifest(self, request: Answer) -> Answer:
        """Return what a snapshot says of itself."""
        said = self.restic.text("dump", "--no-lock", request["snapshot"], str(ROOT / "manifest.json"))
        return {"manifest": json.loads(said)}

    def compare(self, request: Answer) -> Answer:
        """Return what is newer in the volumes than in a snapshot, and how many files the snapshot has of what is asked for."""
        newer: list[str] = []
        count = 0
        marks = {place: mark(place, request["snapshot"]) for place in map(pathlib.Path, request["places"])}
        filled = [place for place in marks if request["look"] and any(name != MARK for name in os.listdir(place))]
        for node in self.nodes(request["snapshot"], [str(place) for place in marks]):
            path = pathlib.Path(node["path"])
            if node["type"] == "dir" or not chosen(str(path), request["include"]):
                continue
            count += 1
            place = next((place for place in filled if place in path.parents), None)
            if place and is_newer(path, node, marks[place]):
                newer.append(str(path))
        return {"newer": newer[:20], "count": count}

    def nodes(self, snapshot: str, places: list[str]) -> t.Iterator[Answer]:
        """Yield what a snapshot has below some directories."""
        command = [*self.restic.command, "ls", "--json", "--recursive", snapshot, *places]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.restic.environment) as process:
            assert process.stdout and process.stderr
            for line in process.stdout:
                node = json.loads(line)
                if node.get("struct_type") == "node":
                    yield node
            message = process.stderr.read()
        if process.returncode:
            raise Problem(self.restic.sentence("ls", process.returncode, complaint(message)))

    def restore(self, request: Answer) -> Answer:
        """Bring files back. A volume is marked until all is there."""
        options = ["--json", "--sparse", *(["--verify"] if request["verify"] else [])]
        count = {"files": 0, "bytes": 0}
        for place, directory in request["beside"].items():
            source, target = pathlib.Path(place), pathlib.Path(place) / directory
            include = [f"--include={pattern.removeprefix(place)}" for pattern in request["include"] if pattern.startswith(f"{place}/")]
            target.mkdir(exist_ok=True)
            self.count(count, "restore", f"{request['snapshot']}:{source}", f"--target={target}", "--overwrite=if-changed", *options, *include)
            owner = source.stat()
            os.chown(target, owner.st_uid, owner.st_gid)
        if request["include"] and not request["beside"]:
            include = [f"--include={pattern}" for pattern in request["include"]]
            with marked(list(map(pathlib.Path, request["places"])), request["snapshot"]):
                self.count(count, "restore", request["snapshot"], "--target=/", "--overwrite=if-changed", *options, *include)
        return count

    def count(self, count: dict[str, int], *arguments: str) -> None:
        """Restore, and add up what was restored."""
        said = self.restic.run(*arguments)[1]
        summary = next((line for line in reversed(said) if line.get("message_type") == "summary"), {})
        count["files"] += summary.get("files_restored", 0)
        count["bytes"] += summary.get("bytes_restored", 0)

    def state(self, request: Answer) -> Answer:
        """Bring back what is not a volume's: secrets and the copy of the database, and check both."""
        self.restic.run("restore", request["snapshot"], "--target=/", "--json", f"--include={ROOT / 'secrets'}", f"--include={ROOT / 'database'}")
        manifest = request["manifest"]
        for name, wanted in manifest["checksums"].items():
            if name.startswith("secrets/") and checksum(ROOT / name) != wanted:
                raise Problem(f"{name} in the snapshot {request['snapshot'][:8]} is not what its manifest says; verify the repository with backup_verify")
        source = ROOT / "database" / manifest["database"]["file"]
        if checksum(source) != manifest["database"]["sha256"]:
            raise Problem(f"the database in the snapshot {request['snapshot'][:8]} is not what its manifest says; verify the repository with backup_verify")
        return {"secrets": {path.name: path.read_text() for path in sorted((ROOT / "secrets").iterdir())}}

    def database(self, request: Answer) -> Answer:
        """Put the database in its place, if another is not in the way."""
        source, settings = ROOT / "database" / request["file"], request["database"]
        if settings["type"] == "sqlite":
            return {"replaced": put_sqlite(source, ROOT / "data" / SQLITE, settings["owner"], request["overwrite"], request["dry_run"])}
        return {"replaced": put_dump(source, settings, request["overwrite"], request["dry_run"])}


# ---- databases


def dump(settings: Answer, directory: pathlib.Path) -> Answer:
    """Make a consistent copy of a database that is in use."""
    directory.mkdir(parents=True, exist_ok=True)
    if settings["type"] == "sqlite":
        source, path = ROOT / "data" / SQLITE, directory / SQLITE
        if not source.exists():
            raise Problem("the hub has no database yet: deploy it with site.yml before you back it up")
        # Not read-only: what a killed hub left half done is undone by whoever opens the database first.
        with contextlib.closing(sqlite3.connect(f"file:{source}?mode=rw", uri=True, timeout=60)) as live, contextlib.closing(sqlite3.connect(path)) as copy:
            live.backup(copy)
            rows = sqlite_rows(copy)
    else:
        path, rows = directory / "database.dump", {}
        program = {"postgresql": postgresql(settings, "pg_dump", "--format=custom"), "mysql": mysql(settings, "mariadb-dump", *MYSQL_OPTIONS)}[settings["type"]]
        with path.open("wb") as file:
            run_client(program, stdout=file)
    return {"file": path.name, "sha256": checksum(path), "bytes": path.stat().st_size, "rows": rows}


MYSQL_OPTIONS = ("--single-transaction", "--skip-lock-tables", "--hex-blob")


def sqlite_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    names = [str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in names}


def postgresql(settings: Answer, program: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return a command of PostgreSQL and its environment."""
    words = [str(settings[key]) for key in ("host", "port", "name", "user", "password")]
    write(RUN / "pgpass", ":".join(word.replace("\\", "\\\\").replace(":", "\\:") for word in words) + "\n")
    host, port, name, user, _password = words
    return [program, "--no-password", f"--host={host}", f"--port={port}", f"--username={user}", f"--dbname={name}", *arguments], {"PGPASSFILE": f"{RUN}/pgpass"}


def mysql(settings: Answer, program: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return a command of MariaDB and its environment."""
    quoted = {key: str(settings[key]).replace("\\", "\\\\").replace('"', '\\"') for key in ("host", "user", "password")}
    lines = [f'{key} = "{value}"' for key, value in quoted.items()]
    write(RUN / "my.cnf", "\n".join(["[client]", *lines, f"port = {settings['port']}", "default-character-set = utf8mb4"]) + "\n")
    return [program, f"--defaults-file={RUN}/my.cnf", *arguments, settings["name"]], {}


def run_client(program: tuple[list[str], dict[str, str]], **streams: t.Any) -> str:
    """Run a client of a database; return what it says."""
    command, environment = program
    output: dict[str, t.Any] = {"stdout": subprocess.PIPE, **streams}
    done: subprocess.CompletedProcess[bytes] = subprocess.run(command, stderr=subprocess.PIPE, env={**os.environ, **environment}, check=False, **output)
    if done.returncode:
        raise Problem(f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()[-1000:]}")
    return (done.stdout or b"").decode()


def put_sqlite(source: pathlib.Path, target: pathlib.Path, owner: int, overwrite: bool, dry_run: bool) -> bool:
    """Put a database in its place; the one that was there is kept beside it."""
    if target.exists():
        if checksum(target) == checksum(source):
            return False
        if not overwrite:
            raise Problem("the hub has a database that is not the snapshot's; set backup_overwrite to replace it (it is kept beside), or remove the data")
    if dry_run:
        return True
    temporary = target.with_name(f".{target.name}.restored")
    temporary.write_bytes(source.read_bytes())
    os.chmod(temporary, 0o600)
    os.chown(temporary, owner, owner)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    if target.exists():
        kept = target.with_name(f"{target.name}.before-restore")
        kept.unlink(missing_ok=True)
        os.link(target, kept)
    for stale in (f"{target.name}-journal", f"{target.name}-wal", f"{target.name}-shm"):
        target.with_name(stale).unlink(missing_ok=True)
    os.replace(temporary, target)
    return True


def put_dump(source: pathlib.Path, settings: Answer, overwrite: bool, dry_run: bool) -> bool:
    """Load a dump into a database server, in one transaction where the server has them for that."""
    ask = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'alembic_version'"
    kind = settings["type"]
    look = postgresql(settings, "psql", "-tAc", ask) if kind == "postgresql" else mysql(settings, "mariadb", "-NBe", f"{ask} AND table_schema = DATABASE()")
    if int(run_client(look).strip() or 0) and not overwrite:
        raise Problem("the database is not empty; set backup_overwrite to replace what is in it, or name an empty one")
    if dry_run:
        return True
    load = ("--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error")
    program = postgresql(settings, "pg_restore", *load) if kind == "postgresql" else mysql(settings, "mariadb")
    with source.open("rb") as file:
        run_client(program, stdin=file)
    return True


# ---- files


def write(path: pathlib.Path, text: str) -> None:
    """Write a file that only this container's root reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def checksum(path: pathlib.Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size(directory: pathlib.Path) -> dict[str, int]:
    """Return how many files a volume has, and how long they are together."""
    count = total = 0
    for path, _directories, names in os.walk(directory):
        for name in names:
            # A file may go while it is counted.
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(path, name)).st_size
                count += 1
    return {"files": count, "bytes": total}


def chosen(path: str, patterns: t.Iterable[str]) -> bool:
    """Whether a path, or a directory that it is in, is meant by one of the patterns."""
    parents = [path, *map(str, pathlib.Path(path).parents)]
    return any(fnmatch.fnmatchcase(parent, pattern.replace("\\", "")) or parent == pattern for pattern in patterns for parent in parents)


def mark(place: pathlib.Path, snapshot: str) -> float:
    """Return when a restoration of this snapshot was last at work here, or 0."""
    path = place / MARK
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime if path.read_text() == snapshot else 0.0
    return 0.0


def is_newer(path: pathlib.Path, node: Answer, last: float) -> bool:
    """Whether somebody has worked on a file since the snapshot; ``last`` is when a restoration was broken off."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    # To a microsecond: no clock of ours tells more.
    return found.st_mtime > seconds(node["mtime"]) + 1e-5 and found.st_mtime > last + 5 * BEAT


def seconds(stamp: str) -> float:
    """Return a time as restic writes it (nanoseconds, any zone) in seconds since 1970."""
    moment, _dot, rest = stamp.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :] if digits else moment[19:]
    whole = datetime.datetime.fromisoformat(moment[:19] + zone.replace("Z", "+00:00")).timestamp()
    return whole + (float(f"0.{digits}") if digits else 0.0)


@contextlib.contextmanager
def marked(places: t.Sequence[pathlib.Path], snapshot: str) -> t.Iterator[None]:
    """Mark volumes, and keep saying that the restoration is at work."""
    paths = [place / MARK for place in places]
    for path in paths:
        write(path, snapshot)
    done = threading.Event()

    def beat() -> None:
        while not done.wait(BEAT):
            for path in paths:
                os.utime(path)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    for path in paths:
        path.unlink()


def serve(lines: t.Iterable[str], answer: t.Callable[[Answer], None]) -> None:
    """Answer requests until there are no more."""
    worker = Worker()
    for line in lines:
        request = json.loads(line)
        try:
            answer(getattr(worker, request["do"])(request))
        except Problem as problem:
            answer({"problem": str(problem)})
        except OSError as error:
            answer({"problem": f"{error.filename or 'a file'} cannot be read or written in the container of the backup: {error.strerror or error}"})


def main() -> None:
    """Serve in a thread that dies with the input, whatever restic is at."""
    requests: list[str] = []
    came = threading.Condition()

    def read() -> None:
        for line in sys.stdin:
            with came:
                requests.append(line)
                came.notify()
        os._exit(0)

    def lines() -> t.Iterator[str]:
        while True:
            with came:
                came.wait_for(lambda: bool(requests))
                line = requests.pop(0)
            yield line

    threading.Thread(target=read, daemon=True).start()
    serve(lines(), lambda said: print(json.dumps(said), flush=True))


if __name__ == "__main__":
    main()
