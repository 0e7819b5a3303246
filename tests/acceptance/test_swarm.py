# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a hub on a swarm can do wrong: where servers are, where files are, what a change rolls and what it leaves. S1 of the sources is meant by "S1"."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import subprocess
import typing as t
import uuid

import pytest
from cryptography import x509

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, HubError, SpawnFailed, until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import Engine, SwarmEngine, certificate_of, run
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import Plays
from ansible_collections.vdsg.jupyterhub.tests.acceptance.test_change import Witness
from ansible_collections.vdsg.jupyterhub.tests.acceptance.test_storage import HOME, SECRET, TRY


@pytest.fixture(scope="module")
def swarm(hub: Engine) -> SwarmEngine:
    assert isinstance(hub, SwarmEngine)
    return hub


def server(user: HubClient) -> str:
    return f"user-{user.username}"


def names(kind: str, hub: str) -> set[str]:
    return set(run("docker", kind, "ls", "--filter", f"label=vdsg.jupyterhub.name={hub}", "--format", "{{.Name}}").split())


def test_hub_is_a_service_on_a_manager(swarm: SwarmEngine) -> None:
    """S1 1.1."""
    role = run("docker", "node", "inspect", "--format", "{{.Spec.Role}}", swarm.node_of("hub"))
    assert role.strip() == "manager"


def test_server_is_a_service_on_a_worker(swarm: SwarmEngine, alice: HubClient) -> None:
    """S1 1.2."""
    assert run("docker", "node", "inspect", "--format", "{{.Spec.Role}}", swarm.node_of(server(alice))).strip() == "worker"


def test_volume_is_a_volume_with_labels(swarm: SwarmEngine, alice: HubClient) -> None:
    """S1 1.4; SwarmSpawner by itself would ask for a bind (FACTS G10)."""
    task = swarm.task(server(alice))
    (mount,) = [item for item in task["Spec"]["ContainerSpec"]["Mounts"] if item["Target"] == HOME]
    assert mount["Type"] == "volume"
    node = [part.replace("{node}", swarm.node_of(server(alice))) for part in swarm.host]
    labels = json.loads(run(*node, "docker", "volume", "inspect", mount["Source"]))[0]["Labels"]
    assert labels == {"vdsg.jupyterhub.name": swarm.name, "vdsg.jupyterhub.component": "user-data"}


def test_server_has_what_is_described(swarm: SwarmEngine, alice: HubClient, bob: HubClient) -> None:
    """Folders by group, memory, files, a seed, a GPU that the node counts; on whatever node."""
    look = f"""
import json, os, shutil
files = [[oct(os.stat(path).st_mode & 0o7777), open(path).read()] for path in ("/etc/course.conf", "/opt/solver/licence")]
gpus = [value for name, value in os.environ.items() if name.startswith("DOCKER_RESOURCE_NVIDIA-GPU")]
seeds = sorted(set(os.listdir("{HOME}")) & {{".bashrc", ".profile"}})
print(json.dumps([files, gpus, shutil.disk_usage("/scratch").total >> 20, seeds, 100 in os.getgroups()]))
"""
    for person in (alice, bob):
        # Somebody may have stopped and started it since.
        person.start_server()
        with person.kernel() as kernel:
            found = json.loads(kernel.execute(look))
        assert found == [[["0o444", "exam = friday\n"], ["0o444", SECRET + "\n"]], ["1"], 64, [".bashrc", ".profile"], True]
    with alice.kernel() as kernel:
        kernel.execute("open('/srv/course/plan.txt', 'w').write('alice')")
    with bob.kernel() as kernel:
        assert json.loads(kernel.execute(TRY.format(paths=["/srv/course"])))[0] == ["0o2770", 100, ["plan.txt"], "Read-only file system"]
        assert kernel.execute("print(open('/srv/course/plan.txt').read())") == "alice"
    assert swarm.python("hub", "print(open('/etc/jupyterhub/mine/notice.txt').read())").strip() == "Only for the hub"
    assert SECRET not in json.dumps(swarm.inspect())


def test_server_goes_where_its_files_are(swarm: SwarmEngine, alice: HubClient) -> None:
    """FACTS G11. The engine would spread servers over nodes; this one has been stopped and started before."""
    node, text = swarm.node_of(server(alice)), uuid.uuid4().hex
    with alice.kernel() as kernel:
        kernel.execute(f"open('sticky.txt', 'w').write({text!r})")
    for _again in range(2):
        alice.restart_server()
        assert swarm.node_of(server(alice)) == node
        assert alice.read_file("sticky.txt") == text


def test_stop_leaves_no_service(swarm: SwarmEngine, alice: HubClient) -> None:
    """S1 1.27: nothing with the labels of a server is left when it has been stopped."""
    alice.stop_server()
    assert swarm.service(server(alice)) not in names("service", swarm.name)
    alice.start_server()


def test_hub_notices_that_a_server_is_gone(swarm: SwarmEngine, alice: HubClient) -> None:
    """S1 1.28."""
    run("docker", "service", "rm", swarm.service(server(alice)))
    swarm.restart_hub()
    assert until(lambda: not alice.server_ready(), 90, "the hub's knowledge that the server is gone")
    alice.start_server()


def test_secrets_are_secrets_of_the_swarm(swarm: SwarmEngine, settings: Settings) -> None:
    """S1 1.13, 1.14, 1.19."""
    mounted = {item["File"]["Name"] for item in swarm.task("hub")["Spec"]["ContainerSpec"]["Secrets"]}
    assert {"/etc/jupyterhub/secrets/cookie_secret", "/etc/jupyterhub/secrets/proxy_token"} <= mounted
    kept = {path.read_text().strip() for path in pathlib.Path(settings.need("--hub-secrets-dir")).iterdir()}
    assert not any(text in json.dumps(run("docker", "service", "inspect", swarm.service("hub"))) for text in kept if len(text) > 8)


def test_change_rolls_the_hub_and_leaves_kernels(swarm: SwarmEngine, settings: Settings, alice: HubClient, plays: Plays) -> None:
    """S1 1.18, and an update under an open kernel websocket; what is no longer in use is removed."""
    before, hub, proxy = names("config", swarm.name), swarm.task("hub")["ID"], swarm.task("proxy")["ID"]
    with Witness(alice) as witness:
        assert plays.deploy(culling={"idle_timeout": 7000}, extra_files=[{"path": "/etc/course.conf", "content": "exam = monday\n"}])
        assert witness.trouble() == ""
    assert swarm.task("hub")["ID"] != hub
    assert swarm.task("proxy")["ID"] == proxy
    after = names("config", swarm.name)
    # The file that the server has stays as long as the server runs: a new file, what the guard gives, what the hub is told, and the hub's own file is gone.
    assert (len(after - before), len(before - after)) == (3, 3)
    settings.client().wait_until_healthy()
    assert plays.deploy() == 0


def test_image_that_is_not_there_is_refused_by_its_variable(swarm: SwarmEngine, plays: Plays) -> None:
    said = plays.refused("site.yml", jupyterhub_spawner={"image": f"{swarm.name}-not-there:1"})
    assert f"jupyterhub_spawner.image {swarm.name}-not-there:1 cannot be pulled" in said


def test_constraint_that_no_node_meets_is_refused(plays: Plays) -> None:
    said = plays.refused("site.yml", swarm_server_constraints=["node.labels.gpu == true"])
    assert "swarm_server_constraints has 'node.labels.gpu == true', which no node that is ready meets" in said


def test_volume_driver_that_is_not_there_is_refused(plays: Plays) -> None:
    assert "swarm_volume_driver is 'rexray', which the node" in plays.refused("site.yml", swarm_volume_driver="rexray")


def test_worker_is_refused(swarm: SwarmEngine, plays: Plays) -> None:
    worker = json.loads(run("docker", "node", "inspect", swarm.nodes()[1]))[0]["Status"]["Addr"]
    assert "is a worker of its swarm; run on a manager" in plays.refused("site.yml", swarm_docker_host=f"tcp://{worker}:2375")


def test_first_start_needs_no_pull(swarm: SwarmEngine, alice: HubClient) -> None:
    """Each node has the image of servers beforehand."""
    image = swarm.task(server(alice))["Spec"]["ContainerSpec"]["Image"].partition("@")[0].rpartition(":")[0]
    for node in swarm.nodes():
        docker = [part.replace("{node}", node) for part in swarm.host]
        role = run("docker", "node", "inspect", "--format", "{{.Spec.Role}}", node).strip()
        found = subprocess.run([*docker, "docker", "images", "--quiet", image], capture_output=True, text=True, check=True).stdout
        assert found or role == "manager"


def wire(settings: Settings) -> x509.Certificate:
    return certificate_of(settings.need("--hub-address"), 443, settings.host)


def test_certificate_of_an_acme_server_comes_and_is_renewed_unnoticed(
    swarm: SwarmEngine, settings: Settings, alice: HubClient, plays: Plays, project: pathlib.Path
) -> None:
    """From the hub's own authority to an ACME server and back, through an edge that runs, under an open kernel websocket."""
    tasks = {service: swarm.task(service)["ID"] for service in ("hub", "proxy", "edge")}
    with Witness(alice) as witness:
        assert plays.deploy(tls={"mode": "letsencrypt"}) > 0
        first = wire(settings)
        assert "Pebble" in first.issuer.rfc4514_string()
        assert plays.deploy() == 0
        done = plays.renew(certbot_force_renewal=True)
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(rf"{swarm.name}: the certificate of {settings.host} was replaced; it is valid until .* \(\d+ days\)\n", done.stdout)
        second = wire(settings)
        assert second.serial_number != first.serial_number
        assert second == x509.load_pem_x509_certificate((project / "secrets/tls_certificate").read_bytes())
        HubClient(settings.need("--hub-url"), ca=str(project.parent / "acme/root.pem")).wait_until_healthy()
        done = plays.renew()
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        done = plays.renew(certbot_force_renewal=True, certbot_server="https://127.0.0.1:18849/dir")
        assert done.returncode != 0
        assert "the ACME server cannot be reached" in done.stderr
        assert wire(settings) == second
        assert plays.deploy(tls={"mode": "self_signed"}) > 0
        settings.client().wait_until_healthy()
        assert witness.trouble() == ""
    assert {service: swarm.task(service)["ID"] for service in tasks} == tasks


# ---- Nodes that go: last of all, since the engines of a busy machine need minutes until all of them know again where everything is


@contextlib.contextmanager
def drained(swarm: SwarmEngine, node: str) -> t.Iterator[None]:
    """A node that gives up its tasks for a while; no server is started before it has its firewall again."""
    here = ["--filter", f"node={node}", "--filter", "desired-state=running", "--format", "{{.CurrentState}}"]
    run("docker", "node", "update", "--availability", "drain", node)
    try:
        yield
    finally:
        run("docker", "node", "update", "--availability", "active", node)
        until(lambda: run("docker", "service", "ps", *here, swarm.service("firewall")).startswith("Running"), 120, f"the firewall of {node}")


def test_start_says_which_node_has_the_files_when_that_is_drained(swarm: SwarmEngine, alice: HubClient) -> None:
    node = swarm.node_of(server(alice))
    number = run("docker", "node", "inspect", "--format", "{{.ID}}", node).strip()
    alice.stop_server()
    with drained(swarm, node), pytest.raises((HubError, SpawnFailed), match=f"its files are on the node {number}"):
        alice.start_server()
    alice.start_server()
    assert swarm.node_of(server(alice)) == node


def test_files_that_every_node_reaches_follow_to_another_node(swarm: SwarmEngine, plays: Plays, admin: HubClient) -> None:
    """A directory that both workers share stands for a file server: NFS needs a module of the kernel."""
    name = f"{swarm.name}-user-{admin.username}"
    workers = [node for node in swarm.nodes() if node != swarm.node_of("hub")]
    on = [part.replace("{node}", workers[0]) for part in swarm.host]
    run(*on, "install", "--directory", "--owner=1000", f"/srv/shared/{name}")
    plays.variables |= {"swarm_volume_driver": "local", "swarm_volume_driver_options": {"type": "none", "o": "bind", "device": "/srv/shared/{volume}"}}
    assert plays.deploy()
    admin.start_server()
    node = swarm.node_of(server(admin))
    admin.write_file("moves.txt", "here")
    admin.stop_server()
    with drained(swarm, node):
        admin.start_server()
        assert swarm.node_of(server(admin)) == next(other for other in workers if other != node)
        assert admin.read_file("moves.txt") == "here"
        admin.stop_server()
    plays.variables |= {"swarm_volume_driver": "", "swarm_volume_driver_options": {}}
    assert plays.deploy()
