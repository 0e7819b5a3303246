# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Back a hub on Docker up and restore it: one container that has all volumes, and is told what to do through its input."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
import typing as t

from ..core import backup, docker_compose, images, user_volumes, validation
from ..core.backup import Backup, Snapshot
from ..core.description import DockerCompose, Hub
from ..core.docker_compose import COMPONENT, LABEL, OWNERS
from ..core.images import Image
from ..core.schema import DescriptionError, nearest
from . import files
from .docker import Docker, File
from .hub_api import ContainerLine, HubApi
from .preflight import Preflight
from .removal import KEPT
from .user_data import UserData

CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP")
"""What reading and writing files of all owners needs."""

PROGRAM = "backup.py"
DIRECTORY = "/opt/backup"
SECONDS = 20
"""How long the container of a run that was killed may take to end."""


@dataclasses.dataclass
class Site:
    """A hub, its engine, and how it is backed up."""

    docker: Docker
    hub: Hub
    settings: Backup
    target: DockerCompose
    given: t.Mapping[str, str]
    program: str
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    image: str = ""
    warning: str = ""

    @property
    def project_dir(self) -> str:
        return validation.project_dir(self.hub, self.target)

    def missing(self) -> list[Image]:
        """Look at the engine; return the images that must be made first."""
        preflight = Preflight(self.docker, self.hub, self.target)
        self.versions = {"engine": str(preflight.info()["ServerVersion"])}
        plan = images.backup(self.hub, preflight.source())
        self.image = plan[-1].reference
        if self.docker.inspect("image", self.image):
            return []
        return [image for image in plan if not self.docker.inspect("image", image.reference)]

    def runs(self) -> bool:
        """Whether the hub itself is running."""
        return any(item["State"]["Running"] for item in self.docker.inspect("container", f"{self.hub.name}-hub"))

    def people(self) -> list[str]:
        """Return the names of everybody whom the description or the hub knows."""
        known = {user.name for user in self.hub.users}
        try:
            with HubApi(ContainerLine(self.docker, f"{self.hub.name}-hub")) as api:
                (users,) = api.lists("/users")
            known |= {str(user["name"]) for user in users}
        except DescriptionError as exc:
            # A hub that is broken is backed up none the less.
            self.warning = f"the hub cannot be asked for its people, so that volumes without the hub's labels may be missing: {exc}"
        return sorted(known)

    def volumes(self) -> dict[str, str]:
        """Return whose each volume is; nobody's are those that the hub has besides, shared ones for instance."""
        everything = self.docker.inspect("volume", *self.docker.lines("volume", "ls", "--quiet"))
        data = f"{self.hub.name}-data"
        labelled = [
            str(volume["Name"])
            for volume in everything
            if (volume.get("Labels") or {}).get(LABEL) == self.hub.name and volume["Labels"].get(COMPONENT) in KEPT and volume["Name"] != data
        ]
        template = self.hub.storage.volume_name_template
        owners = {name: user_volumes.owner(template, self.hub.name, name) for name in labelled}
        for user, names in user_volumes.by_user(everything, self.hub.name, template, self.people()).items():
            owners |= dict.fromkeys(names, user)
        owners.pop(data, None)
        return owners

    def users_of(self, volume: str) -> list[str]:
        """Return the running containers that have a volume."""
        return self.docker.lines("ps", "--filter", f"volume={volume}", "--format", "{{.Names}}")

    @contextlib.contextmanager
    def worker(self, source: str, mounts: t.Sequence[str], dry_run: bool, writes: bool = False) -> t.Iterator[Worker]:
        """Have the container; it is gone with this process, however that ends. ``writes`` says that it may make a repository."""
        name = f"{source}-backup"
        self.clear(name)
        self.create(name, mounts, dry_run, writes)
        try:
            self.docker.write_files(name, DIRECTORY, {PROGRAM: File(self.program, 0o444, 0)})
            with self.docker.talk("start", "--attach", "--interactive", name) as process:
                worker = Worker(process, source)
                try:
                    yield worker
                finally:
                    if process.stdin:
                        with contextlib.suppress(OSError):
                            process.stdin.close()
                    process.wait()
        finally:
            # The engine removes it when it has ended; one that never began is removed here.
            self.docker.call("rm", "--force", name, check=False)

    def clear(self, name: str) -> None:
        """Make way for the container. That of a run that was killed ends by itself in a moment; one that stays is at work."""
        deadline = time.monotonic() + SECONDS
        while found := self.docker.inspect("container", name):
            if not found[0]["State"]["Running"]:
                self.docker.call("rm", "--force", name, check=False)
            elif time.monotonic() > deadline:
                raise DescriptionError(f"a backup or restoration is at work (container {name}); wait for it, or end it with: docker rm --force {name}")
            time.sleep(0.2)

    def create(self, name: str, mounts: t.Sequence[str], dry_run: bool, writes: bool) -> None:
        """Make the container. A look leaves nothing behind, not even a directory."""
        database, remote = self.hub.database, not backup.is_directory(self.settings)
        networks = [self.settings.network] if self.settings.network else ["bridge"] if remote or (database.host and not database.network) else []
        networks += [database.network] if database.network else []
        arguments = ["--rm", "--interactive", "--name", name, "--hostname", name, "--log-driver", "none", "--pids-limit", "512"]
        arguments += ["--cap-drop", "ALL", *(part for item in CAPABILITIES for part in ("--cap-add", item)), "--security-opt", "no-new-privileges"]
        arguments += ["--tmpfs", "/run/backup:mode=0700", "--tmpfs", "/backup/secrets:mode=0700", "--network", (networks or ["none"])[0]]
        for key, value in docker_compose.labels(self.hub, "backup").items():
            arguments += ["--label", f"{key}={value}"]
        bound = [*mounts, *([] if dry_run else [f"{self.cache()}:/cache"]), *([] if remote or not writes else [f"{self.settings.repository}:{backup.PLACE}"])]
        arguments += [part for mount in bound for part in ("--volume", mount)]
        command = ("--entrypoint", "python3", self.image, "-I", f"{DIRECTORY}/{PROGRAM}")
        present = [] if remote or writes else ["--mount", f"type=bind,source={self.settings.repository},target={backup.PLACE}"]
        status, _out, message = self.docker.call("create", *arguments, *present, *command, check=False)
        if status and "bind source path does not exist" in message:
            # restic then says that there is no repository.
            status, _out, message = self.docker.call("create", *arguments, *command, check=False)
        if status:
            raise DescriptionError(f"the container {name} cannot be made on {self.docker.name}: {message}")
        for network in networks[1:]:
            self.docker.call("network", "connect", network, name)

    def cache(self) -> str:
        """Have a volume for what restic remembers of the repository; it goes with the hub."""
        name = f"{self.hub.name}-backup-cache"
        labels = (part for key, value in docker_compose.labels(self.hub, "backup").items() for part in ("--label", f"{key}={value}"))
        self.docker.call("volume", "create", *labels, name)
        return name


class Worker:
    """The container at work."""

    def __init__(self, process: t.Any, name: str) -> None:
        self.process = process
        self.name = name

    def ask(self, what: str, **request: t.Any) -> dict[str, t.Any]:
        """Return the answer to a request; raise DescriptionError with the problem that it has."""
        line = b""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps({"do": what, **request}).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        if not line:
            said = self.process.stderr.read().decode(errors="replace").strip()
            raise DescriptionError(f"the container {self.name}-backup ended in the middle of its work; run again to complete it: {said[-800:]}")
        answer: dict[str, t.Any] = json.loads(line)
        if "problem" in answer:
            raise DescriptionError(str(answer["problem"]))
        return answer

    def open(self, site: Site, dry_run: bool) -> list[Snapshot] | None:
        """Open the repository; return its snapshots, or None where there is no repository yet."""
        store = backup.store(site.settings, site.given)
        found = self.ask("open", name=self.name, store=store, dry_run=dry_run)
        backup.check_owner(found["snapshots"], self.name, site.settings.repository)
        return t.cast("list[Snapshot]", found["snapshots"]) if found["exists"] else None


# ---- Backup


def back_up(site: Site, description: t.Mapping[str, t.Any], dry_run: bool) -> dict[str, t.Any]:
    """Make a snapshot, or say what would be in it."""
    began = time.time()
    owners = chosen(site, site.volumes())
    if site.settings.drill:
        drill(site, description, "")
    if site.settings.format == "tar":
        return tar(site, owners, began, dry_run)
    data = f"{site.hub.name}-data"
    if not site.docker.inspect("volume", data):
        raise DescriptionError(f"the hub {site.hub.name} is not here: the engine has no volume {data}; deploy it with site.yml, or correct jupyterhub_name")
    mounts = [f"{data}:{backup.DATA}", *(f"{name}:{backup.VOLUMES}/{name}:ro" for name in sorted(owners))]
    with site.worker(site.hub.name, mounts, dry_run, writes=not dry_run) as worker:
        snapshots = worker.open(site, dry_run)
        result: dict[str, t.Any] = {
            "changed": True,
            "volumes": owners,
            "snapshot": "",
            "forgotten": [],
            "line": f"{site.hub.name}: {len(owners)} volumes would be backed up",
        }
        if dry_run:
            return result
        if snapshots is None:
            worker.ask("init")
        made = worker.ask(
            "backup",
            description=description,
            secrets=secrets_of(site),
            database=backup.database(site.hub, site.given.get("database_password", ""), OWNERS["hub"]),
            manifest=backup.manifest(site.hub, "docker_compose", backup.iso(began), owners, site.versions),
            exclude=backup.excluded(site.settings.exclude),
            tags=["vdsg.jupyterhub", backup.PARTIAL if site.settings.users else backup.COMPLETE],
        )
        result |= {"forgotten": worker.ask("forget", rule=backup.rule(site.settings))["forgotten"], "unread": made["unread"], "manifest": made["manifest"]}
        if site.settings.verify:
            worker.ask("verify")
    summary, took = made["summary"], time.time() - began
    result |= {"snapshot": summary["snapshot_id"], "summary": summary}
    if site.settings.drill:
        result["drill"] = drill(site, description, summary["snapshot_id"])
    result["line"] = backup.backup_line(site.hub.name, summary, len(owners), len(result["forgotten"]), took)
    if site.settings.metrics_file:
        numbers = {"last_success_timestamp_seconds": time.time(), "duration_seconds": took, "volumes": len(owners)}
        numbers |= {"files": summary["total_files_processed"], "bytes": summary["total_bytes_processed"], "stored_bytes": summary["data_added_packed"]}
        numbers["snapshots"] = len(snapshots or ()) + 1 - len(result["forgotten"])
        files.write(site.settings.metrics_file, backup.metrics(site.hub.name, numbers), 0o644)
    return result


def drill(site: Site, description: t.Mapping[str, t.Any], snapshot: str) -> dict[str, t.Any]:
    """Return the description of the scratch hub of a drill."""
    name = f"drill-{docker_compose.short_id(site.hub.name)}"
    project_dir = os.path.join(os.path.dirname(site.project_dir), name)
    return backup.drill(site.hub, description, site.settings, name, project_dir, snapshot)


def chosen(site: Site, owners: dict[str, str]) -> dict[str, str]:
    """Return the volumes of the people who are meant; raise for somebody who has none."""
    if not site.settings.users:
        return owners
    wanted = {user.lower() for user in site.settings.users}
    for user in sorted(wanted - set(owners.values())):
        raise DescriptionError(f"backup_users has {user}, who has no volume{nearest(user, set(owners.values()))}")
    return {name: user for name, user in owners.items() if user in wanted}


def secrets_of(site: Site) -> dict[str, str]:
    """Return the secrets that the hub has on its host, certificates among them."""
    directory = os.path.join(site.project_dir, "secrets")
    if not os.path.isdir(directory):
        raise DescriptionError(f"{directory} is not there: the hub's secrets must be backed up with it; deploy the hub with site.yml first")
    return {name: files.read(os.path.join(directory, name)) or "" for name in sorted(os.listdir(directory)) if not name.startswith(".")}


def tar(site: Site, owners: t.Mapping[str, str], began: float, dry_run: bool) -> dict[str, t.Any]:
    """Write one tar file for each volume of a person."""
    names = sorted(name for name, user in owners.items() if user)
    done: list[str] = []
    if not dry_run:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(began))
        data = UserData(site.docker, site.hub.name, site.hub.storage.volume_name_template)
        done = data.archive(names, site.settings.repository, stamp)
    size = backup.amount(sum(os.path.getsize(path) for path in done))
    line = f"{site.hub.name}: {len(names)} volumes in tar files below {site.settings.repository}, {size}, {time.time() - began:.1f} s"
    return {"changed": bool(names), "volumes": owners, "snapshot": "", "forgotten": [], "archives": done, "line": line}


# ---- Restoration


class Restoration:
    """A snapshot, and the volumes that it goes to. ``source`` is the name of the hub that the snapshot is of."""

    def __init__(self, site: Site, source: str, verify: bool) -> None:
        self.site = site
        self.source = source
        self.verify = verify
        self.began = time.time()

    def run(self, dry_run: bool) -> dict[str, t.Any]:
        """Restore, or say what that would be."""
        site, settings = self.site, self.site.settings
        if settings.format == "tar":
            raise DescriptionError("backup_format is tar, which restore.yml does not read; unpack the tar file into the volume, as docs/backup.md shows")
        everything = not settings.users
        with site.worker(self.source, (), True) as worker:
            snapshots = worker.open(site, True)
            if snapshots is None:
                raise DescriptionError(f"backup_repository is {settings.repository}, but there is no repository; correct it, or run backup.yml first")
            snapshot = backup.choose(snapshots, settings)
            manifest = worker.ask("manifest", snapshot=snapshot["id"])["manifest"]
        if everything and site.runs():
            if files.read(self.done) == snapshot["id"]:
                return self.nothing(snapshot, manifest)
            raise DescriptionError(
                f"the hub {site.hub.name} runs, and everything cannot be restored under it; remove it first (remove.yml keeps its data), or name people with "
                "backup_users"
            )
        if everything:
            backup.check_manifest(manifest, site.hub)
        owners = backup.selection(manifest, settings)
        volumes = {name: self.renamed(name) for name in owners}
        data = f"{site.hub.name}-data"
        if not settings.beside:
            self.refuse_used([*volumes.values(), *([data] if everything else [])])
        wanted = {**dict.fromkeys(volumes.values(), user_volumes.USER_DATA), **({data: "data"} if everything else {})}
        present = {volume["Name"] for volume in site.docker.inspect("volume", *wanted)}
        missing = {name: component for name, component in wanted.items() if name not in present}
        mounts = [f"{target}:{backup.VOLUMES}/{name}" for name, target in volumes.items() if target in present or not dry_run]
        mounts += [f"{data}:{backup.DATA}"] if everything and (data in present or not dry_run) else []
        if not dry_run:
            for name, component in missing.items():
                labels = (part for key, value in docker_compose.labels(site.hub, component).items() for part in ("--label", f"{key}={value}"))
                site.docker.call("volume", "create", *labels, name)
        with site.worker(self.source, mounts, dry_run) as worker:
            worker.open(site, dry_run)
            return self.restore(worker, snapshot, manifest, sorted(volumes), [mount.split(":")[1] for mount in mounts], dry_run)

    @property
    def done(self) -> str:
        """Return the file that says which snapshot was restored whole: a run that was broken off while it deployed the hub goes on from there."""
        return os.path.join(self.site.project_dir, "state", "restored")

    def nothing(self, snapshot: Snapshot, manifest: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the answer when all is there already."""
        line = f"{self.site.hub.name}: the snapshot {str(snapshot['id'])[:8]} is restored already, and the hub runs"
        found = {"snapshot": snapshot["id"], "time": snapshot["time"], "volumes": sorted(manifest["volumes"]), "secrets": [], "database": False}
        return {**found, "changed": False, "line": line, "manifest": manifest}

    def renamed(self, volume: str) -> str:
        """Return the name of a volume in the hub that is restored to."""
        if self.source == self.site.hub.name:
            return volume
        return self.site.hub.name + (volume.removeprefix(self.source) if volume.startswith(f"{self.source}-") else f"-{volume}")

    def refuse_used(self, volumes: t.Iterable[str]) -> None:
        """Raise for a volume that another container than ours has."""
        for volume in volumes:
            for container in self.site.users_of(volume):
                if container != f"{self.source}-backup":
                    raise DescriptionError(f"the volume {volume} is in use by {container}; stop that server first, or restore with backup_beside")

    def restore(
        self, worker: Worker, snapshot: Snapshot, manifest: t.Mapping[str, t.Any], names: list[str], places: list[str], dry_run: bool
    ) -> dict[str, t.Any]:
        """Restore what was chosen, the secrets first: what is found to be wrong is found before anything is written."""
        site, settings = self.site, self.site.settings
        include = backup.included(names, settings)
        found = worker.ask("compare", snapshot=snapshot["id"], places=places, include=include, look=not settings.beside)
        if settings.paths and not found["count"]:
            raise DescriptionError(f"backup_paths: the snapshot {str(snapshot['id'])[:8]} has no {settings.paths[0]} of {', '.join(settings.users)}")
        if found["newer"] and not settings.overwrite:
            raise DescriptionError(
                f"{len(found['newer'])} or more files are newer than the snapshot {str(snapshot['id'])[:8]}, {found['newer'][0]} for one; "
                "set backup_beside to have the old ones beside them, or backup_overwrite to replace them"
            )
        secrets, replaced = {}, False
        if not settings.users:
            secrets = worker.ask("state", snapshot=snapshot["id"], manifest=manifest)["secrets"]
            self.check_secrets(secrets)
            server = backup.database(site.hub, site.given.get("database_password", ""), OWNERS["hub"])
            database = {"file": manifest["database"]["file"], "database": server, "overwrite": settings.overwrite}
            if backup.DATA in places:
                replaced = worker.ask("database", **database, dry_run=True)["replaced"]
        changed = {"snapshot": snapshot["id"], "time": snapshot["time"], "volumes": names, "secrets": sorted(secrets), "changed": True}
        if dry_run:
            line = f"{site.hub.name}: {len(names)} volumes would be restored from the snapshot {str(snapshot['id'])[:8]} of {str(snapshot['time'])[:19]}"
            return {**changed, "line": line, "database": replaced, "manifest": manifest}
        if secrets:
            directory = os.path.join(site.project_dir, "secrets")
            files.make_directory(site.project_dir, 0o755)
            files.make_directory(directory, 0o700)
            for name, text in secrets.items():
                files.write(os.path.join(directory, name), text, 0o600)
        beside = {f"{backup.VOLUMES}/{name}": f"restored-{str(snapshot['id'])[:8]}" for name in names} if settings.beside else {}
        if not beside:
            # Somebody may have started a server meanwhile.
            self.refuse_used(map(self.renamed, names))
        done = worker.ask("restore", snapshot=snapshot["id"], places=places, include=include, beside=beside, verify=self.verify)
        if not settings.users:
            replaced = worker.ask("database", **database, dry_run=False)["replaced"]
            files.make_directory(os.path.dirname(self.done), 0o700)
            files.write(self.done, str(snapshot["id"]), 0o600)
        line = backup.restore_line(site.hub.name, snapshot, len(names), done["files"], done["bytes"], time.time() - self.began)
        return {**changed, "changed": bool(done["files"] or replaced), "line": line, "database": replaced, "manifest": manifest}

    def check_secrets(self, secrets: t.Mapping[str, str]) -> None:
        """Raise for secrets that the host has already and that are others."""
        for name, text in secrets.items():
            current = files.read(os.path.join(self.site.project_dir, "secrets", name))
            if current is not None and current != text and not self.site.settings.overwrite:
                raise DescriptionError(
                    f"the secret {name} in {self.site.project_dir}/secrets is not the snapshot's; set backup_overwrite to replace it, or move that directory"
                )
