# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores that are somewhere else, and database servers: real ones, in containers of an image that molecule/backup/stores describes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
import requests

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import run
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import ROOT, Plays

LABEL = ("--label", "vdsg.jupyterhub.name=backup-stores")
PASSWORD = "p%40:/@'\"#?&{}\\%s"

# A table with nasty rows, a dump of it, and the same rows after it was lost. What else came meanwhile is gone.
ROUND = r"""
import json, pathlib, sys
sys.path.insert(0, "/opt/backup")
import backup
settings = json.loads(sys.argv[1])
backup.ROOT = pathlib.Path("/tmp/backup")
client = {"postgresql": lambda sql: backup.postgresql(settings, "psql", "-tAc", sql), "mysql": lambda sql: backup.mysql(settings, "mariadb", "-NBe", sql)}
ask = lambda sql: backup.run_client(client[settings["type"]](sql))
ask("CREATE TABLE alembic_version (version_num VARCHAR(32)); INSERT INTO alembic_version VALUES ('4621fec11365');")
every = " CHARACTER SET utf8mb4" if settings["type"] == "mysql" else ""
ask(f"CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(255)){every};")
ask("INSERT INTO users VALUES (1, 'it''s \u540d\u524d %s {x}'), (2, NULL);")
before = ask("SELECT * FROM users ORDER BY id")
said = backup.dump(settings, backup.ROOT / "database")
ask("DELETE FROM users; INSERT INTO users VALUES (3, 'later');")
source = backup.ROOT / "database" / said["file"]
try:
    backup.put_dump(source, settings, overwrite=False, dry_run=False)
except backup.Problem as problem:
    refused = str(problem)
backup.put_dump(source, settings, overwrite=True, dry_run=False)
print(json.dumps({"same": ask("SELECT * FROM users ORDER BY id") == before, "refused": refused, "sha256": said["sha256"] == backup.checksum(source)}))
"""


@pytest.fixture(scope="module")
def plays(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Plays:
    """The playbooks, whether the hub is well or not: it is backed up in any case."""
    settings = Settings(pytestconfig)
    return Plays(json.loads(settings.need("--hub-play")), tmp_path_factory.mktemp("plays"), settings.need("--hub-name"))


@pytest.fixture(scope="module")
def image() -> str:
    """The image of all servers, built when it or what it is built on has changed."""
    base = run("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "vdsg-jupyterhub/backup").split()[0]
    texts = [(ROOT / "molecule" / path).read_text() for path in ("backup/stores/Dockerfile", "variants/services/serve.py")]
    name = f"vdsg-jupyterhub-test-stores:{hashlib.sha256(''.join([base, *texts]).encode()).hexdigest()[:12]}"
    if not run("docker", "image", "ls", "--quiet", name):
        arguments = ("--tag", name, "--build-arg", f"BASE_IMAGE={base}", "--file", str(ROOT / "molecule/backup/stores/Dockerfile"))
        run("docker", "build", "--quiet", *LABEL, *arguments, str(ROOT / "molecule"), timeout=900)
    return name


@pytest.fixture(scope="module")
def network() -> t.Iterator[str]:
    remove()
    run("docker", "network", "create", *LABEL, "backup-stores")
    yield "backup-stores"
    remove()


def remove() -> None:
    """Take away what this or an earlier run has left."""
    for kind, force in (("container", ("--force", "--volumes")), ("network", ())):
        everything = ("--all",) if kind == "container" else ()
        names = run("docker", kind, "ls", "--quiet", *everything, "--filter", "label=vdsg.jupyterhub.name=backup-stores").split()
        if names:
            run("docker", kind, "rm", *force, *names)


@pytest.fixture(scope="module")
def s3(network: str) -> t.Iterator[str]:
    """The address of a store of S3, as containers reach it."""
    pinned = ROOT / "molecule/backup/stores/requirements.txt"
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "vdsg-jupyterhub"
    place = cache / f"s3-{hashlib.sha256(pinned.read_bytes()).hexdigest()[:12]}"
    if not (place / "complete").exists():
        run(sys.executable, "-m", "venv", "--clear", str(place))
        run(str(place / "bin/pip"), "install", "--quiet", "--requirement", str(pinned), timeout=900)
        (place / "complete").touch()
    (address,) = [item["Gateway"] for item in json.loads(run("docker", "network", "inspect", network))[0]["IPAM"]["Config"]]
    with subprocess.Popen([str(place / "bin/moto_server"), "--host", address, "--port", "18875"], stderr=subprocess.DEVNULL) as server:
        yield f"http://{address}:18875"
        server.terminate()


def start(name: str, image: str, network: str, *options: str) -> str:
    """Start a server; return its name, which is its address, too."""
    run("docker", "run", "--detach", "--name", f"backup-stores-{name}", *LABEL, "--network", network, *options[:-1], image, *json.loads(options[-1]))
    return f"backup-stores-{name}"


def test_sftp(plays: Plays, image: str, network: str, tmp_path: pathlib.Path) -> None:
    key = tmp_path / "key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    host = start("sftp", image, network, json.dumps(["/usr/sbin/sshd", "-D", "-e"]))
    public = key.with_suffix(".pub").read_text()
    home = "pathlib.Path(pwd.getpwuid(os.getuid()).pw_dir, '.ssh')"
    write = f"import os, pathlib, pwd, sys; path = {home}; path.mkdir(); (path / 'authorized_keys').write_text(sys.stdin.read())"
    run("docker", "exec", "--interactive", "--user", "store", host, "python3", "-c", write, given=public)
    hosts = tmp_path / "known_hosts"
    hosts.write_text(f"{host} {run('docker', 'exec', host, 'cat', '/etc/ssh/ssh_host_ed25519_key.pub')}")
    store = {
        "backup_repository": f"sftp:store@{host}:/store/lab",
        "backup_network": network,
        "backup_sftp": {"key_file": str(key), "known_hosts_file": str(hosts)},
    }
    plays.run("backup.yml", **store)
    assert "stored" in " ".join(plays.said.split())
    assert len(run("docker", "exec", host, "ls", "/store/lab/snapshots").split()) == 1
    hosts.write_text(hosts.read_text().replace("AAAAI", "AAAAJ", 1))
    assert "restic snapshots failed on sftp:" in plays.refused("backup.yml", **store)


def test_rest(plays: Plays, image: str, network: str) -> None:
    command = ["restic-rest-server", "--path", "/store", "--htpasswd-file", "/store/.htpasswd", "--listen", ":8000"]
    # Of the forms of htpasswd the server knows this one and bcrypt.
    line = f"lab:{{SHA}}{base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()}"
    shell = f"printf '%s\\n' \"$ACCOUNT\" > /store/.htpasswd && exec {' '.join(command)}"
    host = start("rest", image, network, "--env", f"ACCOUNT={line}", json.dumps(["sh", "-c", shell]))
    store = {"backup_repository": f"rest:http://{host}:8000/lab", "backup_network": network}
    plays.run("backup.yml", **store, backup_rest={"username": "lab", "password": PASSWORD})
    assert "stored" in " ".join(plays.said.split())
    assert PASSWORD not in plays.said
    assert "401" in plays.refused("backup.yml", **store, backup_rest={"username": "lab", "password": "wrong"})


def test_s3(plays: Plays, s3: str, network: str) -> None:
    until(lambda: requests.get(f"{s3}/moto-api/", timeout=5).ok, 120, "the store of S3")
    store = {
        "backup_repository": f"s3:{s3}/lab",
        "backup_network": network,
        "backup_s3": {"access_key_id": "me", "secret_access_key": PASSWORD, "region": "us-east-1"},
    }
    plays.run("backup.yml", **store)
    plays.run("backup.yml", **store)
    assert "stored" in " ".join(plays.said.split())
    assert PASSWORD not in plays.said


@pytest.mark.parametrize("kind, user, port", [("postgresql", "postgres", 5432), ("mysql", "mysql", 3306)])
def test_a_database_server_is_dumped_and_loaded(kind: str, user: str, port: int, image: str, network: str) -> None:
    options = ("--user", user, "--tmpfs", "/data:mode=1777", "--env", "ACCOUNT=jupyterhub", "--env", f"PASSWORD={PASSWORD}", "--entrypoint", "python3")
    host = start(kind, image, network, *options, json.dumps(["/serve.py", kind]))
    run("docker", "cp", str(ROOT / "roles/backup/files/backup.py"), f"{host}:/opt/backup/backup.py")
    settings = {"type": kind, "host": host, "port": port, "name": "jupyterhub", "user": "jupyterhub", "password": PASSWORD}
    listening = f"import socket; socket.create_connection(({host!r}, {port})).close(); print('yes')"

    def answers() -> bool:
        try:
            return run("docker", "exec", host, "python3", "-c", listening).strip() == "yes"
        except RuntimeError:
            return False

    until(answers, 120, f"{kind} in a container")
    found = json.loads(run("docker", "exec", "--user", "0", host, "python3", "-c", ROUND, json.dumps(settings)))
    assert found == {"same": True, "refused": found["refused"], "sha256": True}
    assert "the database is not empty" in found["refused"]
