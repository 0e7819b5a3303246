# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Be a server, with its data in /data: ``serve.py registry|postgresql|mysql``. PASSWORD is that of the account ACCOUNT."""

from __future__ import annotations

import glob
import json
import os
import pathlib
import subprocess
import sys

DATA = pathlib.Path("/data")


def registry(account: str, password: str) -> list[str]:
    """Docker's registry, for one account."""
    line = subprocess.run(["htpasswd", "-niB", account], input=password, capture_output=True, text=True, check=True).stdout
    (DATA / "htpasswd").write_text(line)
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(DATA / "images")}},
        "http": {"addr": ":5000"},
        "auth": {"htpasswd": {"realm": "registry", "path": str(DATA / "htpasswd")}},
    }
    (DATA / "registry.yml").write_text(json.dumps(settings))
    return ["docker-registry", "serve", str(DATA / "registry.yml")]


def postgresql(account: str, password: str) -> list[str]:
    """PostgreSQL with one database, named as the account that owns all of it."""
    programs = pathlib.Path(glob.glob("/usr/lib/postgresql/*/bin")[0])
    cluster = str(DATA / "cluster")
    (DATA / "password").write_text(password)
    subprocess.run(
        [str(programs / "initdb"), "--no-sync", "--encoding=UTF8", "--auth=scram-sha-256", f"--username={account}", f"--pwfile={DATA / 'password'}", cluster],
        check=True,
    )
    with pathlib.Path(cluster, "pg_hba.conf").open("a") as rules:
        rules.write("host all all all scram-sha-256\n")
    postgres = [str(programs / "postgres"), "--single", "-D", cluster, "postgres"]
    subprocess.run(postgres, input=f"CREATE DATABASE {account};\n", text=True, check=True)
    return [str(programs / "postgres"), "-D", cluster, "-c", "listen_addresses=*", "-c", f"unix_socket_directories={DATA}", "-c", "fsync=off"]


def mysql(account: str, password: str) -> list[str]:
    """MariaDB with one database, named as the account that owns it."""
    directory = str(DATA / "databases")
    quoted = password.replace("\\", "\\\\").replace("'", "''")
    statements = (
        f"CREATE DATABASE IF NOT EXISTS {account}",
        f"CREATE OR REPLACE USER {account}@'%' IDENTIFIED BY '{quoted}'",
        f"GRANT ALL ON {account}.* TO {account}@'%'",
    )
    (DATA / "first.sql").write_text("".join(f"{statement};\n" for statement in statements))
    subprocess.run(["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", f"--datadir={directory}", "--skip-test-db"], check=True)
    options = ["--bind-address=0.0.0.0", f"--socket={DATA}/mysqld.sock", f"--pid-file={DATA}/mysqld.pid", "--skip-name-resolve"]
    return ["mariadbd", "--no-defaults", f"--datadir={directory}", f"--init-file={DATA / 'first.sql'}", *options]


if __name__ == "__main__":
    command = {"registry": registry, "postgresql": postgresql, "mysql": mysql}[sys.argv[1]](os.environ["ACCOUNT"], os.environ["PASSWORD"])
    os.execvp(command[0], command)
