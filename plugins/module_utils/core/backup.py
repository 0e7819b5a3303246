# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is backed up and restored, where snapshots are kept and for how long: the variables ``backup_…`` and what follows from them, on any target."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import re
import typing as t
import urllib.parse

from . import authentication, hub_config, user_volumes, versions
from .description import Hub
from .forms import matches
from .schema import DescriptionError, nearest, option, shown

Read = t.Callable[[str, str], str]
"""Returns the text of a file of the controller; takes its path and the variable that names it."""

Snapshot = t.Mapping[str, t.Any]
"""A snapshot as restic shows it."""

REPOSITORY = re.compile(r"/[^\s:,]*[^\s:,/]|sftp:[^\s]+|s3:[^\s]+|rest:https?://[^\s]+")
HOSTLESS = re.compile(r"/.*")
SNAPSHOT = re.compile(r"latest|[0-9a-f]{8,64}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?")
COMPLETE, PARTIAL = "complete", "partial"
FORM = 1
"""The version of the manifest; what is newer was made by a newer collection."""

PLACE = "/repository"
"""Where a directory with a repository is in the container."""

VOLUMES, DATA = "/backup/volumes", "/backup/data"


@dataclasses.dataclass(frozen=True)
class Keep:
    """How many snapshots stay, as restic counts them: the newest ones, and the newest of each of so many hours, days… that have one."""

    last: int = option(0, "The newest ones.", example=3)
    hourly: int = option(0, "One for each of so many hours.", example=24)
    daily: int = option(7, "One for each of so many days.", example=14)
    weekly: int = option(4, "One for each of so many weeks.", example=8)
    monthly: int = option(6, "One for each of so many months.", example=12)
    yearly: int = option(0, "One for each of so many years.", example=2)


@dataclasses.dataclass(frozen=True)
class S3:
    """The account of an S3 store."""

    access_key_id: str = option("", "Name of the key.", example="AKIAIOSFODNN7EXAMPLE")
    secret_access_key: str = option("", "The key.", secret=True, example="from ansible-vault")
    region: str = option("", "Region, where the store has some.", example="eu-central-1")


@dataclasses.dataclass(frozen=True)
class Sftp:
    """How an SFTP store knows us, and we know it."""

    key_file: str = option("", "Path on the controller of the private key, without a passphrase (may be in ansible-vault).", example="secrets/backup_key")
    known_hosts_file: str = option("", "Path on the controller of a file with the store's host key, as C(ssh-keyscan) prints it.", example="files/known_hosts")


@dataclasses.dataclass(frozen=True)
class Rest:
    """The account of a REST server."""

    username: str = option("", "Name to log in with.", example="lab")
    password: str = option("", "Password to log in with.", secret=True, example="from ansible-vault")


@dataclasses.dataclass(frozen=True)
class Backup:
    """Backup and restoration. A field is the variable of the same name with ``backup_`` before it."""

    repository: str = option(
        "",
        "Where snapshots are: a directory of the engine's host, C(sftp:user@host:/path), C(s3:https://host/bucket) or C(rest:https://host/path).",
        example="/srv/backup/lab",
    )
    format: t.Literal["restic", "tar"] = option(
        "restic",
        "C(restic): everything, encrypted, compressed, without what is there already; C(tar): one plain tar file of each person's volume, and nothing else.",
        example="restic",
    )
    password: str = option(
        "", "Password of the repository. Without it nobody restores anything: keep it where the hub's host is not.", secret=True, example="from ansible-vault"
    )
    password_file: str = option("", "Path on the controller of a file with nothing but that password.", example="secrets/backup_password")
    s3: S3 = option({}, "For C(s3:…).", example={"access_key_id": "AKIAIOSFODNN7EXAMPLE"})
    sftp: Sftp = option({}, "For C(sftp:…).", example={"key_file": "secrets/backup_key", "known_hosts_file": "files/known_hosts"})
    rest: Rest = option({}, "For C(rest:…).", example={"username": "lab"})
    network: str = option("", "Docker network from which the store is reached, if not the default one.", example="backup")
    users: tuple[str, ...] = option((), "Only the volumes of these people, in a backup as in a restoration. Default: everything.", example=["jenny"])
    paths: tuple[str, ...] = option(
        (), "For a restoration of O(backup_users): only these paths of their volumes; C(*) and C(?) are understood.", example=["thesis/chapter-1.ipynb"]
    )
    exclude: tuple[str, ...] = option(
        (),
        "Files of people that are left out, as restic matches them; a C(/) at the beginning means the top of a volume.",
        example=["*.tmp", "/.cache"],
    )
    keep: Keep = option({}, "Which snapshots stay after a backup.", example={"daily": 14, "monthly": 12})
    prune: bool = option(True, "Whether space of snapshots that do not stay is freed after a backup.", example=False)
    verify: bool = option(False, "Whether every byte of the repository is read again after a backup; says which snapshots are damaged.", example=True)
    drill: bool = option(
        False,
        "Whether the newest snapshot is restored into a scratch hub after a backup, where a person's session is opened and everything is compared.",
        example=True,
    )
    drill_port: int = option(18999, "Port of 127.0.0.1 at which the scratch hub listens while a drill lasts.", example=18999)
    limit_upload: int = option(0, "KiB in a second that are sent to the store at most; 0 is no limit.", example=10240)
    limit_download: int = option(0, "KiB in a second that are fetched from the store at most; 0 is no limit.", example=10240)
    metrics_file: str = option(
        "",
        "File on the host for Prometheus' textfile collector, written after each good backup.",
        example="/var/lib/node_exporter/jupyterhub_backup.prom",
    )
    snapshot: str = option(
        "latest", "What is restored: C(latest), the ID of a snapshot, or a time (UTC): the newest snapshot that is not after it.", example="2026-11-24 20:00"
    )
    beside: bool = option(
        False, "For a restoration of O(backup_users): put the files into a directory C(restored-SNAPSHOT) of their volumes, and touch no other.", example=True
    )
    overwrite: bool = option(False, "Whether a restoration may replace what is newer than the snapshot; for one run, with C(-e).", example=True)


def check(settings: Backup) -> None:
    """Raise DescriptionError for the first thing that cannot be."""
    if not settings.repository:
        raise DescriptionError("backup_repository is required: a directory such as /srv/backup/lab, or sftp:…, s3:…, rest:… as restic writes it")
    matches(
        REPOSITORY, settings.repository, "backup_repository", "an absolute directory, sftp:user@host:/path, s3:https://host/bucket or rest:https://host/path"
    )
    if "@" in urllib.parse.urlsplit(settings.repository.partition(":")[2]).netloc and not settings.repository.startswith("sftp:"):
        raise DescriptionError("backup_repository has a name or password in it; give them with backup_rest, so that they are shown nowhere")
    if settings.format == "tar" and not HOSTLESS.fullmatch(settings.repository):
        raise DescriptionError(f"backup_repository is {shown(settings.repository)}, but with backup_format tar it must be a directory of the host")
    if settings.format == "restic" and settings.keep == Keep(0, 0, 0, 0, 0, 0):
        raise DescriptionError("backup_keep keeps no snapshot at all; one of its numbers must be more than 0")
    for name, number in {**{f"keep.{name}": value for name, value in dataclasses.asdict(settings.keep).items()}, "limit_upload": settings.limit_upload}.items():
        if number < 0:
            raise DescriptionError(f"backup_{name} is {number}, but it must be 0 or more")
    if settings.repository.startswith("sftp:") and not (settings.sftp.key_file and settings.sftp.known_hosts_file):
        raise DescriptionError("backup_sftp.key_file and backup_sftp.known_hosts_file are required with an sftp: repository: nobody is there to ask")
    if settings.repository.startswith("s3:") and not settings.s3.access_key_id:
        raise DescriptionError("backup_s3.access_key_id is required with an s3: repository")
    if not SNAPSHOT.fullmatch(settings.snapshot) and not MOMENT.fullmatch(settings.snapshot):
        raise DescriptionError(f"backup_snapshot is {shown(settings.snapshot)}, but it must be latest, an ID of 8 or more digits, or a time: 2026-11-24 20:00")
    for name in ("paths", "beside"):
        if getattr(settings, name) and not settings.users:
            raise DescriptionError(f"backup_{name} is for the files of people; name them with backup_users")
    for path in settings.paths:
        if not path.strip("/") or ".." in path.split("/"):
            raise DescriptionError(f"backup_paths has {shown(path)}, but a path is below the top of a volume")
    if not 0 < settings.drill_port < 65536:
        raise DescriptionError(f"backup_drill_port is {settings.drill_port}, but it must be between 1 and 65535")
    if settings.drill and (settings.format == "tar" or settings.users):
        raise DescriptionError("backup_drill restores a whole hub; leave out backup_users, and backup_format tar")
    if settings.metrics_file and not settings.metrics_file.startswith("/"):
        raise DescriptionError(f"backup_metrics_file is {shown(settings.metrics_file)}, but it must be an absolute path")


def take_secrets(variables: dict[str, t.Any], read: Read | None) -> dict[str, str]:
    """Take what is secret out of the variables, and read the files that they name; return it by the name of the secret."""
    found: dict[str, str] = {}
    places = {"backup_password": ((), "password"), "backup_s3_key": (("s3",), "secret_access_key"), "backup_rest_password": (("rest",), "password")}
    for secret, (path, key) in places.items():
        holder: t.Any = variables
        name = f"backup_{key}"
        for part in path:
            holder, name = variables.get(f"backup_{part}"), key
        if isinstance(holder, collections.abc.MutableMapping) and (value := holder.pop(name, None)):
            found[secret] = str(value)
    file = variables.get("backup_password_file")
    if file and "backup_password" in found:
        raise DescriptionError("backup_password and backup_password_file are both set; keep one of them")
    if read is None:
        return found
    if file:
        found["backup_password"] = read(str(file), "backup_password_file").strip("\r\n")
    sftp = variables.get("backup_sftp") or {}
    for secret, key in (("backup_sftp_key", "key_file"), ("backup_known_hosts", "known_hosts_file")):
        if sftp.get(key):
            found[secret] = read(str(sftp[key]), f"backup_sftp.{key}")
    if variables.get("backup_format", "restic") == "restic" and not found.get("backup_password"):
        raise DescriptionError("backup_password or backup_password_file is required: snapshots are encrypted with it, and nobody can make it anew")
    if str(variables.get("backup_repository") or "").startswith("s3:") and "backup_s3_key" not in found:
        raise DescriptionError("backup_s3.secret_access_key is required with an s3: repository")
    return found


# ---- The store


def is_directory(settings: Backup) -> bool:
    """Whether the repository is a directory of the engine's host."""
    return settings.repository.startswith("/")


def store(settings: Backup, secrets: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return what the container needs to know of the store; it is secret."""
    repository = PLACE if is_directory(settings) else settings.repository
    if settings.rest.username and repository.startswith("rest:"):
        account = f"{urllib.parse.quote(settings.rest.username, safe='')}:{urllib.parse.quote(secrets.get('backup_rest_password', ''), safe='')}@"
        repository = repository.replace("://", f"://{account}", 1)
    found: dict[str, t.Any] = {"repository": repository, "shown": settings.repository, "password": secrets["backup_password"], "environment": {}, "options": []}
    if settings.repository.startswith("s3:"):
        found["s3"] = {"aws_access_key_id": settings.s3.access_key_id, "aws_secret_access_key": secrets["backup_s3_key"]}
        if settings.s3.region:
            found["environment"]["AWS_DEFAULT_REGION"] = settings.s3.region
    if settings.repository.startswith("sftp:"):
        found["sftp"] = {"key": secrets["backup_sftp_key"], "known_hosts": secrets["backup_known_hosts"]}
    for name in ("limit_upload", "limit_download"):
        if getattr(settings, name):
            found["options"].append(f"--{name.replace('_', '-')}={getattr(settings, name)}")
    return found


def rule(settings: Backup) -> list[str]:
    """Return what restic keeps, as its options."""
    kept = [f"--keep-{name}={number}" for name, number in dataclasses.asdict(settings.keep).items() if number]
    return [*kept, *(["--prune"] if settings.prune else [])]


def excluded(patterns: t.Iterable[str]) -> list[str]:
    """Return exclusion patterns that can only match files of people, never a database or a secret."""
    found = []
    for pattern in patterns:
        sign, text = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
        found.append(f"{sign}{VOLUMES}/*{text}" if text.startswith("/") else f"{sign}{VOLUMES}/**/{text}")
    return found


def check_owner(snapshots: t.Iterable[Snapshot], hub: str, repository: str) -> None:
    """Raise DescriptionError for a repository with snapshots of another hub."""
    others = sorted({str(snapshot["hostname"]) for snapshot in snapshots} - {hub})
    if others:
        raise DescriptionError(
            f"backup_repository {repository} is that of {', '.join(others[:3])}, not of the hub {hub}; each hub has a repository of its own, correct it"
        )


# ---- What is in a snapshot


def database(hub: Hub, password: str, owner: int) -> dict[str, t.Any]:
    """Return how the hub's database is reached; with a server it is secret."""
    item = hub.database
    if item.type == "sqlite":
        return {"type": "sqlite", "owner": owner}
    port = item.port or hub_config.DATABASE_PORTS[item.type]
    return {"type": item.type, "host": item.host, "port": port, "name": item.name, "user": item.user, "password": password}


def manifest(hub: Hub, target: str, created: str, volumes: t.Mapping[str, str], labels: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return what a snapshot says of itself; sizes and checksums come where the files are. ``volumes`` are people by their volumes."""
    return {
        "form": FORM,
        "hub": hub.name,
        "target": target,
        "created": created,
        "versions": {"jupyterhub": versions.JUPYTERHUB, **labels},
        "database": {"type": hub.database.type},
        "authentication": hub.auth.method,
        "packages": sorted(authentication.packages(hub.auth)),
        "template": hub.storage.volume_name_template,
        "volumes": {name: {"user": user} for name, user in sorted(volumes.items())},
    }


def choose(snapshots: t.Sequence[Snapshot], settings: Backup) -> Snapshot:
    """Return the snapshot that is meant; raise DescriptionError when there is none."""
    wanted = settings.snapshot
    if not snapshots:
        raise DescriptionError(f"backup_repository {settings.repository} has no snapshot of this hub yet; run backup.yml first")
    newest_first = sorted(snapshots, key=lambda item: str(item["time"]), reverse=True)
    if SNAPSHOT.fullmatch(wanted) and wanted != "latest":
        found = [item for item in newest_first if str(item["id"]).startswith(wanted)]
        if len(found) != 1:
            known = [str(item["short_id"]) for item in newest_first]
            raise DescriptionError(f"backup_snapshot is {wanted}, which is no snapshot of this hub{nearest(wanted, known)}")
        return found[0]
    if not settings.users:
        newest_first = [item for item in newest_first if COMPLETE in (item.get("tags") or ())]
    if wanted != "latest":
        limit = wanted.replace(" ", "T")
        # A day is meant until its end.
        newest_first = [item for item in newest_first if str(item["time"])[: len(limit)] <= limit]
    if not newest_first:
        raise DescriptionError(f"backup_snapshot is {wanted}, but no snapshot of {'people' if settings.users else 'the whole hub'} is as old")
    return newest_first[0]


def check_manifest(found: t.Mapping[str, t.Any], hub: Hub) -> None:
    """Raise DescriptionError for a snapshot that this hub cannot be made of."""
    if found["form"] > FORM:
        raise DescriptionError(f"the snapshot was made by a newer vdsg.jupyterhub (form {found['form']}, this one knows {FORM}); update the collection")
    theirs, ours = str(found["versions"]["jupyterhub"]), versions.JUPYTERHUB
    if numbers(theirs) > numbers(ours):
        raise DescriptionError(f"the snapshot has the database of JupyterHub {theirs}, which {ours} cannot read; update the collection, then restore")
    if found["database"]["type"] != hub.database.type:
        raise DescriptionError(
            f"the snapshot has a database of type {found['database']['type']}, but jupyterhub_database.type is {hub.database.type}; restore with the former"
        )


def drill(hub: Hub, variables: t.Mapping[str, t.Any], settings: Backup, name: str, project_dir: str, snapshot: str) -> dict[str, t.Any]:
    """Return the description of a scratch hub that a snapshot is restored into: nobody but this host reaches it, and it touches nothing of the real one."""
    if hub.database.type != "sqlite":
        raise DescriptionError(f"backup_drill needs jupyterhub_database.type sqlite, not {hub.database.type}: a scratch hub must not write into your server")
    quiet: dict[str, t.Any] = {"jupyterhub_services": [], "jupyterhub_roles": [], "jupyterhub_culling": {"enabled": False}, "jupyterhub_rotate_secrets": []}
    network = {**(variables.get("jupyterhub_network") or {}), "bind_address": "127.0.0.1", "http_port": settings.drill_port, "users_subnet": ""}
    storage = {**(variables.get("jupyterhub_storage") or {}), "volume_name_template": user_volumes.TEMPLATE}
    apart = {"jupyterhub_name": name, "jupyterhub_tls": {"mode": "external"}, "jupyterhub_network": network, "jupyterhub_storage": storage}
    restored = {"backup_snapshot": snapshot, "backup_users": [], "backup_paths": [], "backup_beside": False, "backup_overwrite": True}
    return {**variables, **quiet, **apart, **restored, "jupyterhub_remove_data": True, "docker_compose_project_dir": project_dir}


def drill_problem(manifest_rows: t.Mapping[str, int], found: t.Mapping[str, t.Any]) -> str:
    """Say what the scratch hub has less of than its snapshot; empty when all is well."""
    for table in ("users", "groups", "user_group_map"):
        if found["rows"].get(table) != manifest_rows.get(table):
            return f"the scratch hub has {found['rows'].get(table)} rows in its table {table}, and the snapshot has {manifest_rows.get(table)}"
    return "" if found["session"] else f"the scratch hub does not know the session of {found['user']}: it was sent to {found['url']}"


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def selection(found: t.Mapping[str, t.Any], settings: Backup) -> dict[str, str]:
    """Return the volumes of a snapshot that are to be restored, with whose they are; raise for people who have none in it."""
    volumes = {name: str(volume["user"]) for name, volume in found["volumes"].items()}
    if not settings.users:
        return volumes
    people = set(volumes.values())
    for user in settings.users:
        if user.lower() not in people:
            raise DescriptionError(f"backup_users has {user}, of whom the snapshot of {found['created']} has nothing{nearest(user, people)}")
    return {name: user for name, user in volumes.items() if user in {item.lower() for item in settings.users}}


def included(volumes: t.Iterable[str], settings: Backup) -> list[str]:
    """Return what of a snapshot is restored into volumes, as restic's patterns."""
    places = [f"{VOLUMES}/{name}" for name in volumes]
    if settings.paths:
        return [f"{place}/{path.strip('/')}" for place in places for path in settings.paths]
    return places if settings.users else [*places, DATA]


# ---- What is said of it


def amount(size: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def backup_line(name: str, summary: t.Mapping[str, t.Any], volumes: int, forgotten: int, took: float) -> str:
    """Say in one line what a backup did."""
    gone = f", {forgotten} old snapshots gone" if forgotten else ""
    changed = summary["files_new"] + summary["files_changed"]
    return (
        f"{name}: snapshot {summary['snapshot_id'][:8]}, {volumes} volumes, {summary['total_files_processed']} files "
        f"({amount(summary['total_bytes_processed'])}), {changed} new or changed, {amount(summary['data_added_packed'])} stored{gone}, {took:.1f} s"
    )


def restore_line(name: str, snapshot: Snapshot, volumes: int, files: int, size: int, took: float) -> str:
    """Say in one line what a restoration did."""
    return (
        f"{name}: snapshot {str(snapshot['id'])[:8]} of {str(snapshot['time'])[:19]}, {volumes} volumes, {files} files ({amount(size)}) restored, {took:.1f} s"
    )


def metrics(name: str, numbers_of_run: t.Mapping[str, float]) -> str:
    """Return numbers of a run in the text format of Prometheus."""
    texts = {
        "last_success_timestamp_seconds": "When the last backup that went well ended.",
        "duration_seconds": "How long it took.",
        "files": "Files in it.",
        "bytes": "Bytes in it.",
        "stored_bytes": "Bytes that it added to the repository.",
        "volumes": "Volumes in it.",
        "snapshots": "Snapshots in the repository.",
    }
    lines = []
    for key, text in texts.items():
        metric = f"jupyterhub_backup_{key}"
        lines += [f"# HELP {metric} {text}", f"# TYPE {metric} gauge", f'{metric}{{hub="{name}"}} {numbers_of_run[key]:.15g}']
    return "\n".join(lines) + "\n"


def iso(moment: float) -> str:
    """Return a time as people of all zones read it."""
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
