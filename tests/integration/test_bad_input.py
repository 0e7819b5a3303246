# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a description or with an engine is said in one sentence, by the playbook that everybody runs, before anything is touched.

Needs an engine on a local socket, and VDSG_TEST_IMAGE, the hub's image on it.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import typing as t
from dataclasses import dataclass, field

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.images import VERSION_LABEL
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.authority import Pair, make_authority, make_leaf

ROOT = pathlib.Path(__file__).parents[2]
LABEL = "vdsg.jupyterhub.name"
WORLD = "bad-world"
DAY = 24 * 3600
HTTP, HTTPS = 19281, 19282
NOWHERE = "localhost:1/nope:1"
EXPLAINED = "docker_compose_docker_host or docker_compose_docker_context"

Variables = dict[str, t.Any]


@dataclass
class World:
    """What bad input refers to."""

    tmp: pathlib.Path
    bridge: str = ""
    ports: dict[str, int] = field(default_factory=dict)

    def file(self, name: str) -> str:
        return str(self.tmp / name)

    def tls(self, certificate: str, key: str = "") -> Variables:
        """Return a description with this certificate, and its own key unless another is named."""
        names = {"certificate": self.file(f"{certificate}.pem"), "key": self.file(f"{key or certificate}.key")}
        return {"jupyterhub_domain": "hub.example.org", "jupyterhub_tls": {"mode": "provided", **names}}

    def network(self, **more: t.Any) -> Variables:
        return {"jupyterhub_network": {"bind_address": "127.0.0.1", "http_port": HTTP, "https_port": HTTPS, **more}}


@dataclass
class Case:
    """A run, and the words that its sentence must have."""

    sentence: str
    says: tuple[str, ...]
    variables: t.Callable[[World], Variables]
    path: str = ""
    pulls: bool = False


def case(sentence: str, *says: str, path: str = "", pulls: bool = False, **variables: t.Any) -> Case:
    """Return a case whose variables are known beforehand."""
    return Case(sentence, says, lambda _world: variables, path, pulls)


def github(**auth: t.Any) -> Variables:
    return {"method": "github", "client_id": "x", "client_secret": "x", **auth}


def extra(kind: str, source: str) -> Variables:
    return {"name": "extra", "type": kind, "source": source, "mount_path": "/srv/extra"}


CASES = [
    # Words
    case("an unknown variable", "jupyterhub_domian is not a known setting; did you mean jupyterhub_domain?", jupyterhub_domian="hub.example.org"),
    case("an unknown variable of the target", "docker_compose_docker_hots", "did you mean docker_compose_docker_host?", docker_compose_docker_hots="x"),
    case("an unknown key in a topic", "jupyterhub_spawner.mem_limt", "did you mean jupyterhub_spawner.mem_limit?", jupyterhub_spawner={"mem_limt": "1G"}),
    case("an unknown key in a topic in a topic", "jupyterhub_images.registry.user is not", "registry.username?", jupyterhub_images={"registry": {"user": "x"}}),
    case("an unknown key in a list", "jupyterhub_users[0].nmae", "did you mean jupyterhub_users[0].name?", jupyterhub_users=[{"nmae": "x"}]),
    case("an unknown choice", "jupyterhub_tls.mode is 'self-signed'", "did you mean self_signed?", jupyterhub_tls={"mode": "self-signed"}),
    case("a wrong type", "jupyterhub_spawner.pids_limit must be a whole number, not string 'many'", jupyterhub_spawner={"pids_limit": "many"}),
    case("a topic that is no dictionary", "jupyterhub_auth must be a dictionary, not string 'github'", jupyterhub_auth="github"),
    case("a value that cannot be", "jupyterhub_spawner.mem_limit is '1 GB'", "such as 512M", jupyterhub_spawner={"mem_limit": "1 GB"}),
    # Traits
    case(
        "an unknown trait",
        "jupyterhub_config.DockerSpawner.mem_limt: DockerSpawner has no such trait; did you mean DockerSpawner.mem_limit?",
        jupyterhub_config={"DockerSpawner": {"mem_limt": "1G"}},
    ),
    case(
        "an unknown class",
        "the hub has no class DockerSpwaner; did you mean DockerSpawner?",
        jupyterhub_config={"DockerSpwaner": {"mem_limit": "1G"}},
    ),
    case(
        "a trait of another type",
        "jupyterhub_config.JupyterHub.shutdown_on_logout must be a boolean (true or false), not string 'maybe'",
        jupyterhub_config={"JupyterHub": {"shutdown_on_logout": "maybe"}},
    ),
    case(
        "a trait that would break the hub",
        "jupyterhub_config.ConfigurableHTTPProxy.should_start cannot be set: the proxy is a container of its own",
        jupyterhub_config={"ConfigurableHTTPProxy": {"should_start": True}},
    ),
    case(
        "a secret in the configuration",
        "jupyterhub_config.GitHubOAuthenticator.client_secret is a secret, and a configuration file is no place for one; use jupyterhub_auth.client_secret",
        jupyterhub_config={"GitHubOAuthenticator": {"client_secret": "hush"}},
    ),
    case(
        "a secret in an address",
        "jupyterhub_config.JupyterHub.db_url is a secret",
        "use jupyterhub_database",
        jupyterhub_config={"JupyterHub": {"db_url": "postgresql://hub:hush@db/hub"}},
    ),
    case(
        "a piece of Python that is none",
        "jupyterhub_extra_config.10-broken is not Python: invalid syntax in line 2",
        jupyterhub_extra_config={"10-broken": "x = 1\nif True print(x)\n"},
    ),
    case(
        "a piece of Python with an unknown trait",
        "jupyterhub_extra_config.10-typo: line 2: c.JupyterHub.template_var: JupyterHub has no such trait; did you mean JupyterHub.template_vars?",
        jupyterhub_extra_config={"10-typo": "x = {}\nc.JupyterHub.template_var = x\n"},
    ),
    case(
        "a piece of Python that the hub's image cannot load",
        "jupyterhub_extra_config.20-name: line 2: NameError: name 'nothing' is not defined",
        jupyterhub_extra_config={"10-good": "x = 1", "20-name": "y = x\nc.Spawner.environment = nothing\n"},
    ),
    case(
        "a trait that an image of one's own does not have",
        "jupyterhub_config.DockerSpawner.mem_limt: DockerSpawner has no such trait in the image",
        "did you mean mem_limit?",
        jupyterhub_config={"DockerSpawner": {"mem_limt": "1G"}},
        jupyterhub_images={"source": "auto", "hub": os.environ.get("VDSG_TEST_IMAGE", "")},
    ),
    case(
        "a hub image without JupyterHub",
        "the configuration in the image bad-image:none: ImportError: not here",
        jupyterhub_images={"source": "auto", "hub": "bad-image:none"},
    ),
    # People
    case("no admin in the list", "jupyterhub_users has no admin", "admin: true", jupyterhub_users=[{"name": "alice"}]),
    Case(
        "a malformed line in the userlist", ("jupyterhub_userlist: line 3 of", "'jenny, admin'"), lambda world: {"jupyterhub_userlist": world.file("userlist")}
    ),
    Case(
        "a userlist that is not there",
        ("jupyterhub_userlist is", "nobody.txt", "cannot be read on the controller"),
        lambda world: {"jupyterhub_userlist": world.file("nobody.txt")},
    ),
    case(
        "anybody may be anybody",
        "jupyterhub_auth.method dummy",
        "0.0.0.0",
        "acknowledge_insecure",
        jupyterhub_auth={"method": "dummy"},
        jupyterhub_network={"http_port": HTTP, "https_port": HTTPS},
    ),
    # Certificates
    Case("a key of another certificate", ("jupyterhub_tls.key does not belong to jupyterhub_tls.certificate",), lambda world: world.tls("good", "other")),
    Case("an expired certificate", ("jupyterhub_tls.certificate expired on ", "renew it"), lambda world: world.tls("expired")),
    Case(
        "a certificate for another name",
        ("jupyterhub_tls.certificate is for other.example.org, not for jupyterhub_domain hub.example.org",),
        lambda world: world.tls("other"),
    ),
    Case(
        "a certificate that is not there", ("jupyterhub_tls.certificate is", "cannot be read on the controller: No such file"), lambda world: world.tls("none")
    ),
    Case("a certificate that is none", ("jupyterhub_tls.certificate is not a certificate in PEM form",), lambda world: world.tls("rubbish")),
    # GitHub
    case("GitHub without an id", "jupyterhub_auth.client_id is required", "GITHUB_CLIENT_ID", jupyterhub_auth=github(client_id="")),
    case("GitHub without a secret", "jupyterhub_auth.client_secret is required", "GITHUB_CLIENT_SECRET", jupyterhub_auth=github(client_secret="")),
    case(
        "a callback for another host",
        "jupyterhub_auth.callback_url is 'https://other.example.org/hub/oauth_callback'",
        "jupyterhub_domain localhost",
        jupyterhub_auth=github(callback_url="https://other.example.org/hub/oauth_callback"),
    ),
    # The engine
    case(
        "an engine that does not answer",
        "the Docker Engine cannot be reached through tcp://127.0.0.1:1",
        EXPLAINED,
        docker_compose_docker_host="tcp://127.0.0.1:1",
    ),
    case("a context that does not exist", "the Docker Engine cannot be reached through bad-nowhere", EXPLAINED, docker_compose_docker_context="bad-nowhere"),
    case("an engine that is too old", "the Docker Engine is 19.03.15, but 20.10 or newer is needed", path="old"),
    case("a compose that is too old", "docker compose is 2.10.0, but 2.20 or newer is needed", path="old-compose"),
    case("a rootless engine", "rootless", "use an engine that runs as root", path="rootless"),
    case("no docker command", "the docker command cannot be run", "docker_compose_install_engine", path="nothing"),
    # What is taken
    Case(
        "a port that a program has",
        ("jupyterhub_network.https_port", "is taken by another program of the host", "choose another port"),
        lambda world: world.network(https_port=world.ports["process"]),
    ),
    Case(
        "a port that a container has",
        ("jupyterhub_network.https_port", "is taken by the container bad-world-port", "choose another port"),
        lambda world: world.network(https_port=world.ports["container"]),
    ),
    case("a name that a container has", "the engine has a container bad-taken-hub that is not of this hub", "choose another name", jupyterhub_name="bad-taken"),
    Case(
        "addresses that a network has",
        ("jupyterhub_network.users_subnet", "overlaps", "of the engine's network bridge", "choose another"),
        lambda world: world.network(users_subnet=world.bridge),
    ),
    case(
        "an address that is not here",
        "jupyterhub_network.bind_address is 203.0.113.9, which is not an address of the host",
        jupyterhub_network={"bind_address": "203.0.113.9", "http_port": HTTP, "https_port": HTTPS},
    ),
    # Images
    case(
        "an image that does not exist",
        f"jupyterhub_spawner.image {NOWHERE} cannot be pulled",
        "correct the name",
        pulls=True,
        jupyterhub_spawner={"image": NOWHERE},
    ),
    case(
        "an image of a profile that does not exist",
        f"jupyterhub_profiles {NOWHERE} cannot be pulled",
        "correct the name",
        pulls=True,
        jupyterhub_profiles=[{"name": "Large", "image": NOWHERE}],
    ),
    case(
        "a user image of another major version",
        "jupyterhub_spawner.image bad-image:label has JupyterHub 4.1.0",
        "use an image with JupyterHub 6",
        jupyterhub_spawner={"image": "bad-image:label"},
    ),
    case(
        "a user image of another major version without a label",
        "jupyterhub_spawner.image bad-image:module has JupyterHub 4.1.0",
        "use an image with JupyterHub 6",
        jupyterhub_spawner={"image": "bad-image:module"},
    ),
    case(
        "an image of a profile of another major version",
        "jupyterhub_profiles: the image bad-image:label has JupyterHub 4.1.0",
        jupyterhub_profiles=[{"name": "x", "image": "bad-image:label"}],
    ),
    case("a user image without JupyterHub", "jupyterhub_spawner.image bad-image:none has no JupyterHub", jupyterhub_spawner={"image": "bad-image:none"}),
    case(
        "too little disk",
        "GB free, but docker_compose_min_free_disk asks for 100000 GB",
        "docker system prune",
        docker_compose_min_free_disk=100000,
        jupyterhub_spawner={"image": NOWHERE},
    ),
    # Storage and GPUs
    case(
        "a folder for a group that there is not",
        "jupyterhub_storage.shared_folders[0].write_groups has 'teacher', which is not a group of jupyterhub_groups or jupyterhub_users",
        "did you mean teachers?",
        jupyterhub_groups={"teachers": ["jenny"]},
        jupyterhub_storage={"shared_folders": [{"name": "course", "write_groups": ["teacher"]}]},
    ),
    case(
        "the engine's socket as a volume",
        "jupyterhub_storage.extra_volumes[0].source is /var/run/docker.sock, but /var/run is what the host, its engine or this hub lives from",
        jupyterhub_storage={"extra_volumes": [extra("bind", "/var/run/docker.sock")]},
    ),
    Case(
        "a detour to the host's own files",
        ("jupyterhub_storage.extra_volumes[0].source is /etc, but /etc is what the host, its engine or this hub lives from",),
        lambda world: {"jupyterhub_storage": {"extra_volumes": [extra("bind", world.file("detour"))]}},
    ),
    Case(
        "the directory of the secrets as a volume",
        ("/secrets, but", "/project is what the host, its engine or this hub lives from"),
        lambda world: {
            "jupyterhub_storage": {"extra_volumes": [extra("bind", world.file("shown/project/secrets"))]},
            "docker_compose_project_dir": world.file("shown/project"),
        },
    ),
    Case(
        "a directory that is not there",
        ("jupyterhub_storage.extra_volumes[0].source is", "which is not a directory of the host; create it or correct the path"),
        lambda world: {"jupyterhub_storage": {"extra_volumes": [extra("bind", world.file("nowhere"))]}},
    ),
    case(
        "a volume that is not there",
        "jupyterhub_storage.extra_volumes[0].source is 'bad-nowhere', but the engine has no volume of that name; create it or correct the name",
        jupyterhub_storage={"extra_volumes": [extra("volume", "bad-nowhere")]},
    ),
    case(
        "a volume of another hub",
        "jupyterhub_storage.extra_volumes[0].source is 'bad-world-data', which belongs to the hub bad-world; use another volume",
        jupyterhub_storage={"extra_volumes": [extra("volume", "bad-world-data")]},
    ),
    case(
        "content for an image that cannot pull it",
        "cannot pull what jupyterhub_storage.content names: it has no git, or no nbgitpuller in its python3",
        jupyterhub_spawner={"image": os.environ.get("VDSG_TEST_IMAGE", "")},
        jupyterhub_storage={"content": [{"repository": "https://git.example.org/course.git"}]},
    ),
    case(
        "a GPU that the engine has not",
        "jupyterhub_spawner.gpus is 77, but the engine does not give these GPUs to a container:",
        "install the driver and the NVIDIA Container Toolkit on its host, correct the list, or take it away",
        jupyterhub_spawner={"gpus": ["77"], "gpu": 1},
    ),
]
NAMES = {case.sentence: f"bad-{number}" for number, case in enumerate(CASES)}


class Outcome(t.NamedTuple):
    status: int
    output: str
    name: str
    project: pathlib.Path


def docker(*arguments: str, given: str | None = None) -> str:
    done = subprocess.run(["docker", *arguments], input=given, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"docker {arguments[0]}: {done.stderr}"
    return done.stdout


def remains(name: str) -> list[str]:
    """Return what the engine has of a hub."""
    label = f"label={LABEL}={name}"
    listings = (("ps", "--all", "--format", "{{.Names}}"), ("network", "ls", "--format", "{{.Name}}"), ("volume", "ls", "--format", "{{.Name}}"))
    return [found for listing in listings for found in docker(*listing, "--filter", label).split()]


def clean() -> None:
    for name in (WORLD, *NAMES.values()):
        for kind, every, force in (("container", ["--all"], ["--force"]), ("network", [], []), ("volume", [], [])):
            found = docker(kind, "ls", "--quiet", *every, "--filter", f"label={LABEL}={name}").split()
            if found:
                docker(kind, "rm", *force, *found)
    images = docker("image", "ls", "--quiet", "--filter", f"label={LABEL}={WORLD}").split()
    if images:
        docker("image", "rm", "--force", *sorted(set(images)))


def write_certificates(tmp: pathlib.Path) -> None:
    """Write a good certificate, an expired one, one for another name, and what is none."""
    now = time.time()
    authority = make_authority("tests", now)
    pairs = {
        "good": make_leaf(authority, ["hub.example.org"], now),
        "other": make_leaf(authority, ["other.example.org"], now),
        "expired": make_leaf(authority, ["hub.example.org"], now - 1000 * DAY),
    }
    pairs["rubbish"] = Pair("rubbish\n", pairs["good"].key)
    for name, pair in pairs.items():
        (tmp / f"{name}.pem").write_text(pair.certificate)
        (tmp / f"{name}.key").write_text(pair.key)


def write_dockers(tmp: pathlib.Path) -> None:
    """Write docker commands that tell of engines which this machine does not have, and do nothing else."""
    plugins = {"Plugins": [{"Name": "compose", "Version": "v2.26.1"}]}
    infos = {
        "old": {"ServerVersion": "19.03.15", "ClientInfo": plugins},
        "old-compose": {"ServerVersion": "27.0.3", "ClientInfo": {"Plugins": [{"Name": "compose", "Version": "2.10.0"}]}},
        "rootless": {"ServerVersion": "27.0.3", "ClientInfo": plugins, "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]},
    }
    for name, info in infos.items():
        (tmp / name).mkdir()
        program = tmp / name / "docker"
        program.write_text(f"#!{sys.executable}\nimport sys\nif 'info' not in sys.argv:\n    sys.exit(1)\nprint({json.dumps(info)!r})\n")
        program.chmod(0o755)


def build_images(tmp: pathlib.Path, base: str) -> None:
    """Build images whose JupyterHub says that it is an old one, with its label, or by itself, or is not there."""
    (tmp / "label.py").write_text("")
    (tmp / "module.py").write_text('__version__ = "4.1.0"\n')
    (tmp / "none.py").write_text('raise ImportError("not here")\n')
    for name, version in (("label", "4.1.0"), ("module", '""'), ("none", '""')):
        dockerfile = f"FROM {base}\nCOPY {name}.py /fake/jupyterhub.py\nENV PYTHONPATH=/fake\nLABEL {VERSION_LABEL}={version} {LABEL}={WORLD}\n"
        (tmp / f"Dockerfile.{name}").write_text(dockerfile)
        docker("build", "--quiet", "--network", "none", "--tag", f"bad-image:{name}", "--file", str(tmp / f"Dockerfile.{name}"), str(tmp))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[World]:
    image = os.environ.get("VDSG_TEST_IMAGE", "")
    if not image:
        pytest.fail("set VDSG_TEST_IMAGE to the hub's image (make images)", pytrace=False)
    clean()
    tmp = tmp_path_factory.mktemp("world")
    (tmp / "userlist").write_text("geoheil admin\nmaksmitk\njenny, admin\n")
    (tmp / "images").mkdir()
    (tmp / "detour").symlink_to("/etc")
    docker("volume", "create", "--label", f"{LABEL}={WORLD}", "bad-world-data")
    write_certificates(tmp)
    write_dockers(tmp)
    build_images(tmp / "images", image)
    # The second has the name of a container of the hub bad-taken, but is not its.
    sleeper = ["run", "--detach", "--label", f"{LABEL}={WORLD}", "--entrypoint", "sleep"]
    docker(*sleeper, "--name", "bad-world-port", "--publish", "127.0.0.1::80", image, "infinity")
    docker(*sleeper, "--name", "bad-taken-hub", "--network", "none", image, "infinity")
    bridge = json.loads(docker("network", "inspect", "bridge"))[0]["IPAM"]["Config"][0]["Subnet"]
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        published = int(docker("port", "bad-world-port", "80/tcp").split(":")[1])
        yield World(tmp, bridge, {"process": listener.getsockname()[1], "container": published})
    clean()


def play(world: World, case: Case) -> Outcome:
    """Run site.yml with an inventory of one hub with this flaw."""
    name = NAMES[case.sentence]
    project = world.tmp / name / "project"
    variables: Variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "jupyterhub_name": name,
        "jupyterhub_auth": {"method": "shared_password"},
        "jupyterhub_users": [{"name": "admin", "admin": True}],
        "jupyterhub_images": {"source": "auto"},
        "docker_compose_project_dir": str(project),
        **world.network(),
        **case.variables(world),
    }
    inventory = world.tmp / name / "hosts.yml"
    inventory.parent.mkdir()
    # JSON is YAML.
    inventory.write_text(json.dumps({"docker_compose": {"hosts": {"hub": variables}}}))
    path = str(world.tmp / case.path) if case.path == "nothing" else os.pathsep.join([*([world.file(case.path)] if case.path else []), os.environ["PATH"]])
    given = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "OAUTH_", "DOCKER_"))}
    environment = {**given, "PATH": path, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
    command = [str(pathlib.Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), "site.yml"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300)
    if not done.returncode:
        # It was not refused: the test has failed, and the hub must go.
        subprocess.run([*command[:-1], "remove.yml", "-e", "jupyterhub_remove_data=true"], cwd=ROOT, env=environment, check=True, timeout=120)
    return Outcome(done.returncode, done.stdout, str(variables["jupyterhub_name"]), project)


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, world: World) -> dict[str, Outcome]:
    """Run those that were asked for, as many at once as there are processors."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and item.module is request.module]
    asked = [t.cast(Case, item.callspec.params["case"]) for item in items]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda case: play(world, case), asked)
        return {case.sentence: outcome for case, outcome in zip(asked, found, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_refuses(outcomes: dict[str, Outcome], case: Case) -> None:
    outcome = outcomes[case.sentence]
    said = " ".join(outcome.output.split())
    assert outcome.status != 0, outcome.output
    for words in case.says:
        assert words in said, outcome.output
    assert "Traceback" not in said
    assert "changed=0" in said
    assert case.pulls or "Pull the images" not in said
    assert "Make the images (" not in said
    assert not outcome.project.exists()
    assert not remains(outcome.name)
