# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people share, and what servers get besides people's own files: molecule/storage has the hub, with the names and numbers that are here."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Account, Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import Engine, run
from ansible_collections.vdsg.jupyterhub.tests.acceptance.escapes import SEND, Escape, Place
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import Plays
from ansible_collections.vdsg.jupyterhub.tests.acceptance.test_servers import People, container, refused

HOME = "/home/jovyan/work"
COURSE = f"{HOME}/shared/course"
NOTICES = f"{HOME}/shared/notices"
HOST = pathlib.Path("/var/tmp/storage-acceptance")
SECRET = "p%40:/@'\"#? & {x} $HOME"
PATIENCE = 300
"""Seconds that a server may take on a machine that does much else."""

EVERYBODY = ("alice", "jenny", "bob", "carol")

# What a person can do at a path: [mode and group, entries, "written" or why not].
TRY = """
import json, os, pathlib, stat
def attempt(path):
    folder = pathlib.Path(path)
    if not folder.exists():
        return None
    found = folder.stat()
    try:
        (folder / "try").write_text("x")
        (folder / "try").unlink()
        written = "written"
    except OSError as error:
        written = error.strerror
    return [oct(stat.S_IMODE(found.st_mode)), found.st_gid, sorted(os.listdir(folder)), written]
print(json.dumps([attempt(path) for path in {paths!r}]))
"""


@pytest.fixture(scope="module")
def person(settings: Settings, accounts: list[Account]) -> People:
    return People(settings, accounts)


class Servers:
    """Everybody's servers, and a kernel in each, which does what its owner would."""

    def __init__(self, person: People) -> None:
        self._person = person
        self._kernels: dict[str, str] = {}

    def begin(self, name: str, profile: str = "Small") -> None:
        self._person[name].api("POST", f"users/{name}/server", {"user_options": {"profile": profile}})

    def wait(self, name: str) -> None:
        client = self._person[name]
        client.timeout = PATIENCE
        until(client.server_ready, PATIENCE, f"the server of {name}", pause=1)
        client.open_server()

    def end(self, name: str) -> None:
        self._kernels.pop(name, None)
        if self._person[name].servers():
            self._person[name].api("DELETE", f"users/{name}/server")
            until(lambda: not self._person[name].servers(), PATIENCE, f"the end of the server of {name}", pause=1)

    def restart(self, name: str, profile: str = "Small") -> None:
        self.end(name)
        self.begin(name, profile)
        self.wait(name)

    def run(self, name: str, code: str) -> str:
        """Return what code of somebody prints."""
        # A socket of its own for each: the server closes one that answers no ping for a while.
        with self._person[name].kernel(self._kernels.get(name)) as kernel:
            self._kernels[name] = kernel.id
            return kernel.execute(code, timeout=PATIENCE)

    def json(self, name: str, code: str) -> t.Any:
        return json.loads(self.run(name, code))

    def attempt(self, name: str, *paths: str) -> t.Any:
        """Return what somebody can do at some paths (TRY)."""
        return self.json(name, TRY.format(paths=list(paths)))


@pytest.fixture(scope="module", autouse=True)
def servers(person: People) -> Servers:
    """Everybody has a new server, started through the API; the first state of the repository is there before."""
    commit(first="one\n", second="two\n")
    # Where a run of the tests was broken off.
    person["admin"].api("DELETE", "groups/students/users", {"users": ["carol"]})
    found = Servers(person)
    for name in EVERYBODY:
        found.end(name)
    for name in EVERYBODY:
        found.begin(name)
    for name in EVERYBODY:
        found.wait(name)
    return found


def mounts(hub: Engine, user: str) -> dict[str, tuple[str, bool]]:
    """Return the mounts of somebody's server: place -> volume or path, and whether it can be written."""
    return {mount["Destination"]: (mount.get("Name") or mount["Source"], mount["RW"]) for mount in container(hub, user)["Mounts"]}


# ---- Shared folders


def test_folder_is_for_its_groups(servers: Servers) -> None:
    """Writers write, readers read, others do not see it."""
    found = {name: servers.attempt(name, COURSE, "/srv/staff", NOTICES) for name in EVERYBODY}
    good, reads = ["0o2770", 100, [], "written"], ["0o2770", 100, [], "Read-only file system"]
    assert found == {"alice": [good, good, good], "jenny": [good, good, good], "bob": [reads, None, reads], "carol": [None, None, reads]}


def test_what_is_not_for_somebody_is_not_in_the_container(hub: Engine) -> None:
    own = {name: (f"{hub.name}-user-{name}", True) for name in EVERYBODY}
    assert {name: mounts(hub, name)[HOME] for name in EVERYBODY} == own
    assert {name: mounts(hub, name).get(COURSE) for name in EVERYBODY} == {
        "alice": (f"{hub.name}-shared-course", True),
        "jenny": (f"{hub.name}-shared-course", True),
        "bob": (f"{hub.name}-shared-course", False),
        "carol": None,
    }


def test_members_edit_each_others_files_whatever_their_umask(servers: Servers, person: People) -> None:
    path = f"{COURSE}/plan.txt"
    mode = servers.json(
        "alice",
        f"""
import json, os, pathlib
os.umask(0o077)
path = pathlib.Path({path!r})
path.write_text("alice\\n")
(path.parent / "week").mkdir(exist_ok=True)
print(json.dumps([oct(path.stat().st_mode & 0o7777), path.stat().st_gid, oct((path.parent / "week").stat().st_mode & 0o7777)]))
""",
    )
    assert mode == ["0o660", 100, "0o2770"]
    # An image of another user, as far as the file system sees it.
    folder = ["--volume=storage-shared-course:/course", "--entrypoint=sh"]
    image = run("docker", "container", "inspect", "--format", "{{.Image}}", "storage-hub").strip()
    label = "--label=vdsg.jupyterhub.name=test-acceptance"
    code = "umask 077; echo robin >> /course/plan.txt; echo robin > /course/week/other.txt"
    run("docker", "run", "--rm", label, "--network=none", "--user=4711:4711", "--group-add=100", *folder, image, "-c", code)
    edit = f"import pathlib; path = pathlib.Path({COURSE!r}); [p.open('a').write('jenny\\n') for p in (path / 'plan.txt', path / 'week/other.txt')]"
    servers.run("jenny", edit)
    assert servers.json("bob", f"import json, pathlib; print(json.dumps(pathlib.Path({path!r}).read_text()))") == "alice\nrobin\njenny\n"
    assert person["bob"].read_file("shared/course/week/other.txt") == "robin\njenny\n"


def test_group_at_the_hub_counts_at_the_next_start_and_nothing_that_is_asked_for(servers: Servers, person: People, hub: Engine) -> None:
    admin, carol = person["admin"], person["carol"]
    admin.api("POST", "groups/students/users", {"users": ["carol"]})
    assert servers.attempt("carol", COURSE) == [None]
    servers.restart("carol")
    assert servers.attempt("carol", COURSE)[0][3] == "Read-only file system"
    admin.api("DELETE", "groups/students/users", {"users": ["carol"]})
    servers.end("carol")
    for asked in ({"volumes": {"storage-shared-course": "/x"}}, {"folders": ["course"]}, {"profile": "Lab", "volumes": ["datasets"]}):
        status, text = refused(carol, "POST", "users/carol/server", {"user_options": asked})
        assert (status, "has no option" in text) == (400, True), text
    servers.begin("carol")
    servers.wait("carol")
    # The engine made an empty directory for the mount; what is in the folder is not there.
    assert servers.attempt("carol", f"{COURSE}/plan.txt") == [None]
    assert COURSE not in mounts(hub, "carol")


def test_a_folder_that_somebody_spoilt_is_made_right_by_the_next_run(servers: Servers, person: People, plays: Plays, hub: Engine) -> None:
    image = run("docker", "container", "inspect", "--format", "{{.Image}}", f"{hub.name}-hub").strip()
    label = "--label=vdsg.jupyterhub.name=test-acceptance"
    run("docker", "run", "--rm", label, "--user=0", "--volume=storage-shared-course:/course", "--entrypoint=chmod", image, "0755", "/course")
    before = person["alice"].api("GET", "users/alice").json()["servers"][""]["started"]
    assert plays.deploy() == 1
    assert servers.attempt("alice", COURSE)[0][0] == "0o2770"
    assert person["alice"].api("GET", "users/alice").json()["servers"][""]["started"] == before


# ---- Further volumes (S3 3.22: volumes, places and groups of a profile)


def test_profile_has_volumes_and_groups_of_its_own(servers: Servers, hub: Engine) -> None:
    """S3 3.22 and 3.25: supplemental groups, for all servers and for a profile."""
    code = """
import json, os, pathlib
scratch = pathlib.Path("/scratch")
if scratch.exists():
    (scratch / "run").write_text("#!/bin/sh\\necho ran\\n")
    (scratch / "run").chmod(0o755)
size = scratch.exists() and os.statvfs(scratch).f_blocks * os.statvfs(scratch).f_frsize
ran = scratch.exists() and os.popen("/scratch/run").read().strip()
print(json.dumps([sorted(set(os.getgroups()) - {os.getgid()}), size, ran, os.path.exists("/srv/results")]))
"""
    assert servers.json("alice", code) == [[100, 4242], False, False, False]
    servers.restart("alice", "Lab")
    assert servers.json("alice", code) == [[100, 4343], 64 * 2**20, "ran", True]
    assert sorted(container(hub, "alice")["HostConfig"]["GroupAdd"]) == ["100", "4343"]
    servers.run("alice", "open('/srv/results/alice.txt', 'w').write('done')")
    assert (HOST / "results/alice.txt").read_text() == "done"


def test_read_only_volume_is_in_servers_and_in_the_hub(servers: Servers, hub: Engine) -> None:
    image = run("docker", "container", "inspect", "--format", "{{.Image}}", f"{hub.name}-hub").strip()
    label, volume = "--label=vdsg.jupyterhub.name=test-acceptance", "--volume=acceptance-storage-datasets:/x"
    run("docker", "run", "--rm", label, "--user=0", volume, "--entrypoint=sh", image, "-c", "echo 42 > /x/data; chmod 0777 /x")
    code = """
import json
try:
    open("/srv/datasets/new", "w")
    said = "written"
except OSError as error:
    said = error.strerror
print(json.dumps([open("/srv/datasets/data").read(), said]))
"""
    assert servers.json("bob", code) == ["42\n", "Read-only file system"]
    assert json.loads(hub.python("hub", code)) == ["42\n", "Read-only file system"]
    assert "tmpfs" in hub.python("hub", "print([line for line in open('/proc/mounts') if ' /scratch ' in line])")


# ---- Content


def commit(**files: str) -> None:
    """Publish a state of the repository that people get."""
    repository, work = HOST / "repositories/course.git", HOST / "work"
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org"]
    # Git takes a repository from its owner alone, here and in servers.
    run("chown", "-R", f"{os.geteuid()}", str(repository))
    if not work.exists():
        run(*git, "clone", "--quiet", str(repository), str(work))
    for name, text in files.items():
        (work / f"{name}.txt").write_text(text)
    run(*git, "-C", str(work), "add", "--all")
    run(*git, "-C", str(work), "commit", "--quiet", "--allow-empty", "--message=lesson")
    run(*git, "-C", str(work), "push", "--quiet", "origin", "HEAD:main")
    run("chown", "-R", "1000:1000", str(repository))


def lessons(servers: Servers, name: str) -> dict[str, str]:
    code = f"import json, pathlib; print(json.dumps({{p.name: p.read_text() for p in pathlib.Path('{HOME}/lessons').glob('*.txt')}}))"
    return t.cast("dict[str, str]", servers.json(name, code))


def test_repository_is_pulled_and_what_a_person_changed_stays(servers: Servers, person: People, hub: Engine) -> None:
    """And S3 3.32: files of the image, which a mount would hide where people's own are, fill gaps in a home and overwrite nothing."""
    bob = person["bob"]
    assert lessons(servers, "bob") == {"first.txt": "one\n", "second.txt": "two\n"}
    look = f"import json, os; print(json.dumps([sorted(os.listdir('/etc/skel')), [os.path.getsize('{HOME}/' + name) for name in ('.profile', '.bashrc')]]))"
    skel, sizes = servers.json("bob", look)
    assert skel == [".bash_logout", ".bashrc", ".profile"]
    bob.write_file("lessons/first.txt", "mine\n")
    bob.write_file("lessons/own.txt", "own\n")
    servers.run("bob", f"import os; open('{HOME}/.profile', 'w').write('mine'); os.unlink('{HOME}/.bashrc')")
    commit(first="one, corrected\n", second="two, corrected\n", third="three\n", own="theirs\n")
    servers.restart("bob")
    found = lessons(servers, "bob")
    assert {name: found[name] for name in ("first.txt", "second.txt", "third.txt")} == {
        "first.txt": "mine\n",
        "second.txt": "two, corrected\n",
        "third.txt": "three\n",
    }
    assert sorted(text for name, text in found.items() if name.startswith("own")) == ["own\n", "theirs\n"]
    assert servers.json("bob", look)[1] == [len("mine"), sizes[1]]
    said = run("sh", "-c", f"docker logs {hub.name}-user-bob 2>&1")
    assert "content: lessons is up to date" in said
    # What cannot be pulled keeps nobody from working.
    assert "content: nowhere could not be brought up to date from file:///srv/repositories/nowhere.git: " in said


# ---- Files of one's own


def test_files_are_in_servers_and_in_the_hub_with_their_modes(servers: Servers, hub: Engine) -> None:
    code = """
import json, os
def look(path):
    return [oct(os.stat(path).st_mode & 0o7777), os.stat(path).st_uid, open(path).read()] if os.path.exists(path) else None
print(json.dumps([look(path) for path in {!r}]))
"""
    paths = ["/etc/course.conf", "/usr/local/bin/greet", "/home/jovyan/.licence", "/etc/jupyterhub/mine/notice.txt", "/etc/jupyterhub/mine/licence"]
    in_server = servers.json("bob", code.format(paths))
    assert in_server == [["0o444", 0, "exam = friday\n"], ["0o555", 0, "#!/bin/sh\necho Hello\n"], ["0o444", 0, SECRET + "\n"], None, None]
    assert servers.json("bob", "import json, os; print(json.dumps(os.popen('greet').read()))") == "Hello\n"
    assert json.loads(hub.python("hub", code.format(paths))) == [None, None, None, ["0o440", 1000, "Only for the hub"], ["0o444", 1000, SECRET + "\n"]]


def test_a_secret_in_a_file_is_in_no_other_place(hub: Engine, project: pathlib.Path) -> None:
    holders = [str(path.relative_to(project)) for path in project.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert holders == ["secrets/extra_licence"]
    assert SECRET not in json.dumps(hub.inspect())
    assert SECRET not in hub.logs()


# ---- What a taken-over hub cannot mount


def create(name: str, why: str, **spoil: t.Any) -> Escape:
    return Escape(name, "POST", "/containers/create?name=<container>", why, {key.replace("__", "."): value for key, value in spoil.items()})


def bind(source: str, target: str, **more: t.Any) -> list[dict[str, t.Any]]:
    return [{"Type": "bind", "Source": source, "Target": target, **more}]


ESCAPES = [
    create("folder_of_another_hub", "what another hub's groups share", HostConfig__Binds=["other-shared-course:/home/jovyan/work/shared/course"]),
    create("folder_that_nobody_described", "a folder that was there before", HostConfig__Binds=["<name>-shared-old:/home/jovyan/work/shared/old"]),
    create("folder_elsewhere", "programs in place of the image's", HostConfig__Binds=["<name>-shared-course:/usr/local/bin"]),
    create("folder_below", "a place that nobody looks at", HostConfig__Binds=["<name>-shared-course:/home/jovyan/work/shared/course/x"]),
    create("folder_as_home", "somebody else's files as one's own", HostConfig__Binds=["<name>-shared-course:<home>"]),
    create("read_only_turned_to_write", "data that all trust", HostConfig__Binds=["acceptance-storage-datasets:/srv/datasets:rw"]),
    create(
        "read_only_turned_to_write_by_a_mount",
        "data that all trust",
        HostConfig__Mounts=[{"Type": "volume", "Source": "acceptance-storage-datasets", "Target": "/srv/datasets"}],
    ),
    create("directory_turned_to_write", "lessons that all get", HostConfig__Binds=[f"{HOST}/repositories:/srv/repositories"]),
    create("directory_above", "more of the host", HostConfig__Binds=[f"{HOST}:/srv/results"]),
    create("directory_below", "a link that somebody made", HostConfig__Binds=[f"{HOST}/results/link:/srv/results"]),
    create("directory_dots", "the host's files, by a detour", HostConfig__Binds=[f"{HOST}/results/../../../..:/srv/results"]),
    create("directory_by_a_mount", "the host's files", HostConfig__Mounts=bind("/", "/srv/results")),
    create("directory_shared", "mounts that reach back to the host", HostConfig__Binds=[f"{HOST}/results:/srv/results:rw,rshared"]),
    create("scratch_elsewhere", "another file system in place of the image's", HostConfig__Tmpfs={"/etc": "size=1g"}),
    create("group_of_root", "what root's group may", HostConfig__GroupAdd=["0"]),
    create("group_of_the_socket", "what nobody gave", HostConfig__GroupAdd=["docker"]),
    create("foreign_gpu", "a device that nobody gave", HostConfig__DeviceRequests=[{"Count": 1, "Capabilities": [["gpu"]]}]),
    create("gpu_label", "to be taken for the holder of a GPU", Labels={"vdsg.jupyterhub.gpus": "0"}),
    Escape("files_in_a_server", "PUT", "/containers/<name>-user-<user>/archive?path=/", "own programs in somebody's server", body=""),
]


@pytest.fixture(scope="module")
def answers(hub: Engine) -> dict[str, tuple[int, str]]:
    """All of them, in one go from inside the hub."""
    place = place_of(hub)
    found = json.loads(hub.python("hub", SEND, given=json.dumps([escape.request(place) for escape in ESCAPES])))
    return {escape.name: (status, text) for escape, (status, text) in zip(ESCAPES, found, strict=True)}


def place_of(hub: Engine) -> Place:
    image = container(hub, "bob")["Config"]["Image"]
    return Place(name=hub.name, network=f"{hub.name}-users", image=image, user="bob", home=HOME)


@pytest.mark.parametrize("escape", ESCAPES, ids=lambda escape: escape.name)
def test_guard_refuses(escape: Escape, answers: dict[str, tuple[int, str]]) -> None:
    status, text = answers[escape.name]
    assert 400 <= status < 500 and "engine guard:" in text, f"{escape.why}: {status} {text}"


def test_guard_lets_through_what_is_described(hub: Engine) -> None:
    """Without this, the guard could pass by refusing everything."""
    good = create(
        "good",
        "",
        HostConfig__Binds=[f"{hub.name}-shared-course:{COURSE}:ro", "acceptance-storage-datasets:/srv/datasets:ro", f"{HOST}/results:/srv/results"],
        HostConfig__Tmpfs={"/scratch": "size=999g,suid"},
        HostConfig__GroupAdd=["100", "4343"],
        Volumes={},
    )
    end = Escape("remove", "DELETE", "/containers/<container>?v=true&force=true", "")
    inspect = Escape("inspect", "GET", "/containers/<container>/json", "")
    place = place_of(hub)
    run("docker", "rm", "--force", place.container)
    # The answer to an inspection is long; SEND cuts it, and the engine tells the rest.
    created = json.loads(hub.python("hub", SEND, given=json.dumps([good.request(place), inspect.request(place)])))
    host = json.loads(run("docker", "container", "inspect", place.container))[0]["HostConfig"]
    assert json.loads(hub.python("hub", SEND, given=json.dumps([end.request(place)])))[0][0] == 204
    assert [status for status, _text in created] == [201, 200], created
    assert host["Tmpfs"] == {"/scratch": f"rw,exec,nosuid,nodev,mode=1777,size={64 * 2**20}"}
    assert [(mount["Type"], mount.get("ReadOnly", False)) for mount in host["Mounts"]] == [("volume", True), ("volume", True), ("bind", False)]


def test_removal_keeps_what_people_share(plays: Plays, hub: Engine) -> None:
    """The last test: the hub is gone then."""
    plays.remove()
    volumes = run("docker", "volume", "ls", "--quiet", "--filter", f"label=vdsg.jupyterhub.name={hub.name}").split()
    assert {f"{hub.name}-shared-course", f"{hub.name}-shared-staff", f"{hub.name}-user-alice"} <= set(volumes)
    assert "acceptance-storage-datasets" in run("docker", "volume", "ls", "--quiet").split()
