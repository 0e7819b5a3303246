# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is backed up and restored: refusals, which snapshot is meant, what goes where, what is said."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import backup, images, parts, user_volumes, versions
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.backup import Backup
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub, from_variables
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.resolve import outline, resolve
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.tests.unit.support import CATALOGUE, NOW, SIMPLE, USER_NAME, hub

GOOD: dict[str, t.Any] = {"backup_repository": "/srv/backup/lab"}
SECRETS = {
    "backup_password": "hush",
    "backup_s3_key": "hush-s3",
    "backup_sftp_key": "hush-key",
    "backup_known_hosts": "host key",
    "backup_rest_password": "p/@:%",
}
SFTP = {"key_file": "key", "known_hosts_file": "known_hosts"}


def settings(**options: t.Any) -> Backup:
    """Return checked settings."""
    made: Backup = from_variables(Backup, GOOD | {f"backup_{name}": value for name, value in options.items()}, "backup_")
    backup.check(made)
    return made


REFUSED = [
    ({"repository": ""}, "backup_repository is required"),
    ({"repository": "backup/lab"}, "backup_repository is 'backup/lab', but it must be an absolute directory"),
    ({"repository": "/srv/a:b"}, "must be an absolute directory"),
    ({"repository": "rest:https://me:secret@host/"}, "has a name or password in it; give them with backup_rest"),
    ({"repository": "sftp:me@host:/lab"}, "backup_sftp.key_file and backup_sftp.known_hosts_file are required"),
    ({"repository": "s3:https://host/lab"}, "backup_s3.access_key_id is required"),
    ({"repository": "s3:https://host/lab", "format": "tar", "s3": {"access_key_id": "me"}}, "with backup_format tar it must be a directory of the host"),
    ({"repositry": "/srv"}, "backup_repositry is not a known setting; did you mean backup_repository?"),
    ({"keep": {"daily": 0, "weekly": 0, "monthly": 0}}, "backup_keep keeps no snapshot at all"),
    ({"keep": {"daily": -1}}, "backup_keep.daily is -1, but it must be 0 or more"),
    ({"snapshot": "yesterday"}, "backup_snapshot is 'yesterday', but it must be latest"),
    ({"paths": ["thesis"]}, "backup_paths is for the files of people; name them with backup_users"),
    ({"beside": True}, "backup_beside is for the files of people"),
    ({"users": ["jenny"], "paths": ["../bob"]}, "backup_paths has '../bob', but a path is below the top of a volume"),
    ({"users": ["jenny"], "paths": ["/"]}, "backup_paths has '/', but"),
    ({"metrics_file": "backup.prom"}, "backup_metrics_file is 'backup.prom', but it must be an absolute path"),
    ({"drill": True, "format": "tar"}, "backup_drill restores a whole hub"),
    ({"drill_port": 0}, "backup_drill_port is 0, but"),
]


@pytest.mark.parametrize("options, message", REFUSED, ids=[message for _options, message in REFUSED])
def test_what_cannot_be_is_refused(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError) as error:
        settings(**options)
    assert message in str(error.value)


# ---- Secrets


def resolved(variables: dict[str, t.Any], files: t.Mapping[str, str] | None = None) -> t.Any:
    return resolve({**SIMPLE, **GOOD, **variables}, lambda path: (files or {})[path], {}, NOW, CATALOGUE, ("docker_compose", "backup"))


def test_secrets_leave_the_variables() -> None:
    given = {
        "backup_repository": "s3:https://host/lab",
        "backup_password_file": "password",
        "backup_s3": {"access_key_id": "me", "secret_access_key": "hush-s3"},
        "backup_rest": {"username": "me", "password": "hush-rest"},
        "backup_sftp": SFTP,
    }
    found = resolved(given, {"password": "hush \n", "key": "hush-key", "known_hosts": "host key"})
    assert "hush" not in repr(found.variables)
    assert found.secrets["backup_password"] == "hush "
    assert {name for name in found.secrets if name.startswith("backup_")} == set(SECRETS)
    assert found.settings["backup"].s3.access_key_id == "me"


def test_an_outline_needs_no_password_and_holds_none() -> None:
    assert "hush" not in repr(outline({**SIMPLE, **GOOD, "backup_password": "hush"}, ("docker_compose", "backup")))


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "backup_password or backup_password_file is required"),
        ({"backup_password": "a", "backup_password_file": "b"}, "are both set; keep one of them"),
        ({"backup_password": "a", "backup_repository": "s3:https://h/b", "backup_s3": {"access_key_id": "me"}}, "backup_s3.secret_access_key is required"),
    ],
)
def test_a_password_that_is_missing_is_asked_for(given: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        resolved(given)


def test_tar_files_need_no_password() -> None:
    assert resolved({"backup_format": "tar"}).settings["backup"].format == "tar"


# ---- The store


def test_a_store_is_told_what_it_needs_and_no_more() -> None:
    local = backup.store(settings(limit_upload=100), SECRETS)
    assert local == {"repository": "/repository", "shown": "/srv/backup/lab", "password": "hush", "environment": {}, "options": ["--limit-upload=100"]}
    sftp = backup.store(settings(repository="sftp:me@host:/lab", sftp=SFTP), SECRETS)
    assert sftp["sftp"] == {"key": "hush-key", "known_hosts": "host key"}
    s3 = backup.store(settings(repository="s3:https://host/lab", s3={"access_key_id": "me", "region": "here"}), SECRETS)
    assert s3["s3"] == {"aws_access_key_id": "me", "aws_secret_access_key": "hush-s3"}
    assert s3["environment"] == {"AWS_DEFAULT_REGION": "here"}
    rest = backup.store(settings(repository="rest:https://host/lab", rest={"username": "m e"}), SECRETS)
    assert rest["repository"] == "rest:https://m%20e:p%2F%40%3A%25@host/lab"
    assert "hush" not in rest["shown"] + s3["shown"] + sftp["shown"]


def test_what_stays_is_said_in_restics_words() -> None:
    assert backup.rule(settings()) == ["--keep-daily=7", "--keep-weekly=4", "--keep-monthly=6", "--prune"]
    assert backup.rule(settings(keep={"last": 1, "daily": 0, "weekly": 0, "monthly": 0}, prune=False)) == ["--keep-last=1"]


@given(st.lists(st.text(min_size=1)))
def test_no_pattern_leaves_out_a_database_or_a_secret(patterns: list[str]) -> None:
    assert all(pattern.removeprefix("!").startswith("/backup/volumes/") for pattern in backup.excluded(patterns))


def test_patterns_are_for_the_volumes_of_people() -> None:
    assert backup.excluded(["*.tmp", "/.cache", "!kept"]) == ["/backup/volumes/**/*.tmp", "/backup/volumes/*/.cache", "!/backup/volumes/**/kept"]


def test_the_repository_of_another_hub_is_refused() -> None:
    backup.check_owner([{"hostname": "lab"}], "lab", "/srv")
    with pytest.raises(DescriptionError, match="is that of other, not of the hub lab"):
        backup.check_owner([{"hostname": "lab"}, {"hostname": "other"}], "lab", "/srv")


# ---- Which snapshot

SNAPSHOTS = [
    {"id": "aaaaaaaa11", "short_id": "aaaaaaaa", "time": "2026-11-20T02:00:00.1Z", "tags": ["complete"]},
    {"id": "bbbbbbbb22", "short_id": "bbbbbbbb", "time": "2026-11-21T02:00:00.1Z", "tags": ["complete"]},
    {"id": "cccccccc33", "short_id": "cccccccc", "time": "2026-11-21T09:00:00.1Z", "tags": ["partial"]},
]


@pytest.mark.parametrize(
    "options, chosen",
    [
        ({}, "bbbbbbbb22"),
        ({"users": ["jenny"]}, "cccccccc33"),
        ({"snapshot": "aaaaaaaa"}, "aaaaaaaa11"),
        ({"snapshot": "2026-11-20"}, "aaaaaaaa11"),
        ({"snapshot": "2026-11-21 01:59"}, "aaaaaaaa11"),
        ({"snapshot": "2026-11-21 02:00"}, "bbbbbbbb22"),
        ({"snapshot": "2026-11-21T08:00:00", "users": ["jenny"]}, "bbbbbbbb22"),
    ],
)
def test_the_snapshot_that_is_meant(options: dict[str, t.Any], chosen: str) -> None:
    assert backup.choose(SNAPSHOTS, settings(**options))["id"] == chosen


@pytest.mark.parametrize(
    "snapshots, options, message",
    [
        ([], {}, "has no snapshot of this hub yet"),
        (SNAPSHOTS, {"snapshot": "aaaaaaab"}, "is no snapshot of this hub; did you mean aaaaaaaa?"),
        (SNAPSHOTS, {"snapshot": "2026-11-19"}, "no snapshot of the whole hub is as old"),
        (SNAPSHOTS[2:], {}, "no snapshot of the whole hub"),
    ],
)
def test_no_snapshot_is_said(snapshots: list[dict[str, t.Any]], options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError) as error:
        backup.choose(snapshots, settings(**options))
    assert message in str(error.value)


# ---- What is in it


def manifest(**changes: t.Any) -> dict[str, t.Any]:
    made = backup.manifest(hub(), "docker_compose", "2026-11-20T02:00:00Z", {"lab-user-jenny": "jenny", "lab-user-sam": "sam", "lab-shared": ""}, {})
    return {**made, **changes}


def test_a_manifest_of_ours_is_taken() -> None:
    backup.check_manifest(manifest(), hub())


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"form": 2}, "was made by a newer vdsg.jupyterhub"),
        ({"versions": {"jupyterhub": "99.0"}}, f"the database of JupyterHub 99.0, which {versions.JUPYTERHUB} cannot read"),
        ({"database": {"type": "mysql"}}, "a database of type mysql, but jupyterhub_database.type is sqlite"),
    ],
)
def test_a_snapshot_that_cannot_become_this_hub_is_refused(changes: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError) as error:
        backup.check_manifest(manifest(**changes), hub())
    assert message in str(error.value)


def test_versions_are_compared_as_numbers() -> None:
    assert backup.numbers("10.0.0") > backup.numbers("9.9.9")


def test_what_is_restored() -> None:
    everything = backup.selection(manifest(), settings())
    assert set(everything) == {"lab-user-jenny", "lab-user-sam", "lab-shared"}
    assert backup.included(sorted(everything), settings())[-1] == "/backup/data"
    one = settings(users=["Jenny"], paths=["/thesis/*.ipynb"])
    assert backup.selection(manifest(), one) == {"lab-user-jenny": "jenny"}
    assert backup.included(["lab-user-jenny"], one) == ["/backup/volumes/lab-user-jenny/thesis/*.ipynb"]
    assert backup.included(["lab-user-jenny"], settings(users=["jenny"])) == ["/backup/volumes/lab-user-jenny"]
    with pytest.raises(DescriptionError, match=r"backup_users has jeny, of whom .* did you mean jenny"):
        backup.selection(manifest(), settings(users=["jeny"]))


def test_a_manifest_holds_no_secret() -> None:
    made = backup.manifest(hub(database={"type": "postgresql", "host": "db"}), "docker_compose", "", {}, {})
    assert made["database"] == {"type": "postgresql"}
    assert backup.database(hub(database={"type": "postgresql", "host": "db"}), "hush", 1000)["port"] == 5432


@given(USER_NAME)
def test_a_volume_says_whose_it_is(user: str) -> None:
    name = user_volumes.TEMPLATE.replace("{name}", "lab").replace("{username}", user_volumes.escape(user))
    assert user_volumes.owner(user_volumes.TEMPLATE, "lab", name) == user


def test_a_volume_of_another_form_says_nothing() -> None:
    assert user_volumes.owner(user_volumes.TEMPLATE, "lab", "lab-shared-course") == ""
    assert user_volumes.owner("{name}-home", "lab", "lab-home") == ""


# ---- The scratch hub


def test_a_scratch_hub_touches_nothing_of_the_real_one() -> None:
    variables = {
        **SIMPLE,
        **GOOD,
        "jupyterhub_services": [{"name": "mailer", "command": ["mail"]}],
        "jupyterhub_network": {"bind_address": "0.0.0.0", "users_subnet": "10.1.0.0/20"},
        "jupyterhub_storage": {"volume_name_template": "home-{username}"},
        "backup_users": ["jenny"],
    }
    made = backup.drill(hub(), variables, settings(drill=True), "drill-01234567", "/srv/jupyterhub/drill-01234567", "aaaaaaaa")
    scratch = Hub.from_variables(made)
    assert (scratch.name, scratch.network.bind_address, scratch.network.users_subnet, scratch.services) == ("drill-01234567", "127.0.0.1", "", ())
    assert scratch.storage.volume_name_template == user_volumes.TEMPLATE
    assert not scratch.culling.enabled
    assert made["docker_compose_project_dir"] == "/srv/jupyterhub/drill-01234567"
    assert from_variables(Backup, made, "backup_").users == ()
    with pytest.raises(DescriptionError, match="must not write into your server"):
        backup.drill(hub(database={"type": "mysql", "host": "db"}), variables, settings(), "drill-0", "/srv", "")


def test_a_drill_fails_for_what_is_missing() -> None:
    rows = {"users": 3, "groups": 1, "user_group_map": 1}
    good = {"rows": rows, "session": True, "user": "jenny", "url": "http://hub/hub/home"}
    assert backup.drill_problem(rows, good) == ""
    assert "2 rows in its table users, and the snapshot has 3" in backup.drill_problem(rows, {**good, "rows": {**rows, "users": 2}})
    assert "does not know the session of jenny" in backup.drill_problem(rows, {**good, "session": False})


# ---- What is said


def test_amounts_are_for_people() -> None:
    assert [backup.amount(size) for size in (0, 1023, 1024, 3 * 2**20, 2**40)] == ["0 B", "1023 B", "1.0 KiB", "3.0 MiB", "1.0 TiB"]


def test_metrics_are_what_prometheus_reads() -> None:
    numbers = dict.fromkeys(("last_success_timestamp_seconds", "duration_seconds", "files", "bytes", "stored_bytes", "volumes", "snapshots"), 1764111111.25)
    text = backup.metrics("lab", numbers)
    assert 'jupyterhub_backup_last_success_timestamp_seconds{hub="lab"} 1764111111.25\n' in text
    assert text.count("# TYPE") == len(numbers)


def test_the_image_of_backups_is_built_on_the_same_base() -> None:
    base, image = images.backup(hub(), "bootstrap")
    assert f"FROM {base.reference}\n" in image.files["Dockerfile"]
    assert images.backup(hub(images={"mirrors": {"apt": "http://mirror/debian"}}), "registry")[1].files["Dockerfile"].count("http://mirror/debian") == 2


def test_every_part_names_programs_that_are_there() -> None:
    assert dataclasses.is_dataclass(parts.PARTS["backup"].settings)
    assert parts.PARTS["docker_compose"].take_secrets({}, None) == {}
