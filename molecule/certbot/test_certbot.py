# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of an ACME server and others: they come, are renewed, go wrong and are exchanged, while people work.

Run with `-p ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest`, with that module's options. The tests build on each other.
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import typing as t
import urllib.parse

import pytest
import requests
import urllib3
import websocket
import yaml
from cryptography import x509

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import certificates
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import authority
from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, KernelError, resolve, until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import certificate_of, run
from ansible_collections.vdsg.jupyterhub.tests.acceptance.packages import apt
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import Plays, lives, owned, restarted
from ansible_collections.vdsg.jupyterhub.tests.acceptance.test_change import Witness

HERE = pathlib.Path(__file__).parent
INVENTORY = yaml.safe_load((HERE / "inventory.yml").read_text())["docker_compose"]["vars"]
DOMAIN = INVENTORY["jupyterhub_domain"]
PORTS = INVENTORY["jupyterhub_network"]
SECOND = "certbot2"
SECOND_PORTS: dict[str, t.Any] = {"bind_address": "127.0.0.1", "http_port": 18846, "https_port": 18847}
SSLYZE = "6.3.1"
RENEWALS = 20
SOCKETS = 20
DAY = 86400


def wire(name: str = DOMAIN, port: int = PORTS["https_port"]) -> x509.Certificate:
    """Return the certificate that the edge shows, whoever signed it."""
    return certificate_of("127.0.0.1", port, name)


def first(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


@pytest.fixture(scope="module")
def image(name: str) -> str:
    """The image of the hub."""
    return run("docker", "container", "inspect", "--format", "{{.Image}}", f"{name}-hub").strip()


@pytest.fixture(scope="module")
def kept(name: str, image: str) -> t.Callable[[str], str]:
    """What certbot keeps: the text of a file below its directory."""

    def read(path: str) -> str:
        volume = f"{name}-letsencrypt:/etc/letsencrypt:ro"
        return run("docker", "run", "--rm", "--user=0", "--network=none", f"--volume={volume}", "--entrypoint=cat", image, f"/etc/letsencrypt/{path}")

    return read


@pytest.fixture(scope="module")
def witnesses(alice: HubClient, bob: HubClient) -> t.Iterator[list[Witness]]:
    """Two kernels that are worked with all the time, over one socket each."""
    found = [Witness(client) for client in (alice, bob)]
    yield found
    for witness in found:
        witness.leave()


def at_ease(witnesses: t.Iterable[Witness]) -> bool:
    return [witness.trouble() for witness in witnesses] == ["", ""]


class Load:
    """Requests without a pause: one connection that is kept open, and a new one for each request."""

    def __init__(self, settings: Settings) -> None:
        self.url = settings.need("--hub-url")
        self.ca = settings.need("--hub-ca")
        self.answers = 0
        self.failures: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(keep,)) for keep in (True, False)]

    def _ask(self, keep: bool) -> None:
        session = requests.Session()
        session.trust_env, session.verify = False, self.ca
        if keep:
            # A server may close an idle connection just when the next request is sent: a client sends it again (RFC 9112, 9.3.1), as browsers do.
            session.mount("https://", requests.adapters.HTTPAdapter(max_retries=urllib3.Retry(1, redirect=0, status=0)))
        while not self._over.wait(0.2):
            try:
                session.get(f"{self.url}/hub/api/", timeout=60, headers={} if keep else {"Connection": "close"}).raise_for_status()
                self.answers += 1
            except requests.RequestException as error:
                self.failures.append(repr(error))

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


class Sockets:
    """Many websockets to one kernel, each used every five seconds: a server closes one that does not answer its pings.

    Each hears of all answers of the kernel, so that more would leave a small machine no time for anything else.
    """

    def __init__(self, client: HubClient, number: int) -> None:
        kernel = client.kernel()
        self.kernels = [kernel, *(client.kernel(kernel.id) for _number in range(number - 1))]
        self.answers = collections.Counter[int]()
        self.dropped: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(number)]

    def _work(self, number: int) -> None:
        while not self._over.wait(5):
            try:
                self.kernels[number].execute("1", timeout=120)
                self.answers[number] += 1
            except (OSError, websocket.WebSocketException, KernelError) as error:
                self.dropped.append(repr(error))
                return

    def see_all(self) -> None:
        """Wait until each of them has answered once more."""
        before = self.answers.copy()
        until(lambda: self.dropped or all(self.answers[number] > before[number] for number in range(len(self.kernels))), 300, "an answer over each websocket")

    def __enter__(self) -> Sockets:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for kernel in self.kernels:
            kernel.disconnect()


# ---- The certificate of a new hub


def test_the_certificate_on_the_wire_is_the_one_that_certbot_keeps(settings: Settings, project: pathlib.Path, kept: t.Callable[[str], str]) -> None:
    shown = wire()
    assert shown == first(kept(f"live/{DOMAIN}/fullchain.pem"))
    assert certificates.names_of(shown) == (DOMAIN,)
    assert "Pebble" in shown.issuer.rfc4514_string()
    begin, end = certificates.dates(shown)
    assert (end - begin).days <= 90
    settings.client().wait_until_healthy()
    assert {oct(path.stat().st_mode & 0o777) for path in (project / "secrets").iterdir()} == {"0o600"}
    metrics = (project.parent / "certbot.prom").read_text()
    assert re.search(rf'^jupyterhub_certificate_days_left{{hub="certbot",domain="{DOMAIN}",mode="letsencrypt"}} (89|90)\.', metrics, re.MULTILINE)


def test_http_leads_to_https_and_browsers_are_told_to_stay(settings: Settings) -> None:
    plain = requests.get(f"http://127.0.0.1:{PORTS['http_port']}/hub/login?next=x", headers={"Host": DOMAIN}, allow_redirects=False, timeout=10)
    assert (plain.status_code, plain.headers["Location"]) == (308, f"https://{DOMAIN}:{PORTS['https_port']}/hub/login?next=x")
    page = settings.client().session.get(f"{settings.need('--hub-url')}/hub/login", timeout=10)
    assert page.headers["Strict-Transport-Security"] == "max-age=63072000"


@pytest.fixture(scope="module")
def sslyze() -> list[str]:
    """The judge of TLS, in an environment of its own: it wants an older cryptography than Ansible has."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "vdsg-jupyterhub" / f"sslyze-{SSLYZE}"
    if not (cache / "bin/sslyze").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", cache], check=True)
        subprocess.run([cache / "bin/pip", "install", "--quiet", f"sslyze=={SSLYZE}"], check=True)
    return [str(cache / "bin/sslyze")]


def test_tls_is_what_mozilla_calls_intermediate(settings: Settings, sslyze: list[str]) -> None:
    target = f"{DOMAIN}:{PORTS['https_port']}{{127.0.0.1}}"
    command = [*sslyze, f"--certinfo_ca_file={settings.need('--hub-ca')}", "--mozilla_config=intermediate", target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert f"{DOMAIN}:{PORTS['https_port']}: OK - Compliant." in done.stdout


# ---- Renewal


def test_renewals_are_noticed_by_nobody(settings: Settings, plays: Plays, name: str, witnesses: list[Witness], alice: HubClient, bob: HubClient) -> None:
    before, serials = lives(name), {wire().serial_number}
    tasks = [{"name": "Renew", "ansible.builtin.include_role": {"name": "vdsg.jupyterhub.certbot"}, "loop": list(range(RENEWALS // 4))}]
    with Sockets(alice, SOCKETS // 2) as first_half, Sockets(bob, SOCKETS // 2) as second_half, Load(settings) as load:
        for _number in range(4):
            said = plays.tasks(tasks, "--extra-vars", "certbot_force_renewal=true")
            assert [answer["msg"] for answer in said if answer.get("failed")] == []
            answers = [answer for answer in said if "serial_number" in answer]
            assert [answer["changed"] for answer in answers] == [True] * (RENEWALS // 4)
            assert wire().serial_number == int(answers[-1]["serial_number"], 16)
            serials |= {int(answer["serial_number"], 16) for answer in answers}
        first_half.see_all()
        second_half.see_all()
    assert first_half.dropped + second_half.dropped + load.failures == []
    assert min(load.answers, first_half.answers.total(), second_half.answers.total()) > RENEWALS
    print(f"{load.answers} requests, {(first_half.answers + second_half.answers).total()} answers of kernels over {SOCKETS} websockets")
    assert len(serials) == RENEWALS + 1
    assert restarted(before, lives(name)) == set()
    assert at_ease(witnesses)


def test_a_renewal_says_one_line(plays: Plays) -> None:
    done = plays.renew(certbot_force_renewal=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf"certbot: the certificate of {DOMAIN} was replaced; it is valid until \d{{4}}-\d\d-\d\d \d\d:\d\d UTC \(\d+ days\)\n", done.stdout)
    assert done.stderr == ""


def test_nothing_is_said_when_nothing_is_due(plays: Plays) -> None:
    shown = wire()
    began = time.monotonic()
    done = plays.renew()
    print(f"a run with nothing to do: {time.monotonic() - began:.1f} s")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert wire() == shown
    assert plays.deploy() == 0


def test_the_entry_for_cron_does_it(plays: Plays) -> None:
    entry = pathlib.Path("/etc/cron.d/jupyterhub-certbot-certificate")
    plays.variables["certbot_schedule"] = "cron"
    try:
        assert plays.deploy() > 0
        command = entry.read_text().splitlines()[1].split(" ", 6)
        assert command[5] == "root"
        # As bare as cron's, but for what the inventory of this test reads.
        environment = {"PATH": "/usr/bin:/bin", "MOLECULE_EPHEMERAL_DIRECTORY": os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]}
        done = subprocess.run(["/bin/sh", "-c", command[6]], cwd="/", env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    finally:
        entry.unlink(missing_ok=True)
        del plays.variables["certbot_schedule"]


# ---- What goes wrong


def refused(plays: Plays, *words: str, **once: t.Any) -> None:
    """Have a renewal fail with these words, with the old certificate on the wire and everybody at work."""
    shown = wire()
    done = plays.renew(**{"certbot_force_renewal": True, **once})
    assert done.returncode != 0
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert wire() == shown


def test_a_server_that_is_down_is_said_to_be(plays: Plays, witnesses: list[Witness]) -> None:
    server = "https://127.0.0.1:18849/dir"
    refused(plays, "the ACME server cannot be reached", "certbot_server", server, certbot_server=server)
    assert at_ease(witnesses)


def test_a_server_of_an_unknown_authority_is_refused(plays: Plays) -> None:
    refused(plays, "certbot_ca_file", certbot_ca_file="")


def test_a_server_that_knows_its_customers_is_told_who_asks(plays: Plays, tmp_path: pathlib.Path) -> None:
    """External account binding (RFC 8555, 7.3.4)."""
    port, accounts = INVENTORY["test_acme_closed"]["port"], INVENTORY["test_acme_closed"]["external_accounts"]
    place = {"certbot_server": f"https://{{{{ test_acme_address }}}}:{port}/dir", "certbot_config_dir": str(tmp_path)}
    shown = wire()
    refused(plays, "get certbot_eab_kid and certbot_eab_hmac_key", **place)
    ((kid, key),) = accounts.items()
    refused(plays, "correct certbot_eab_kid and certbot_eab_hmac_key", certbot_eab_kid=kid, certbot_eab_hmac_key=key[::-1], **place)
    done = plays.renew(certbot_eab_kid=kid, certbot_eab_hmac_key=key, **place)
    assert "was replaced" in done.stdout, done.stderr
    assert wire() == first((tmp_path / f"live/{DOMAIN}/fullchain.pem").read_text())
    assert wire() != shown
    assert "was replaced" in plays.renew().stdout
    assert wire() == shown, "certbot in its volume has kept its own"


def address(value: str) -> None:
    """Have the name server say where the hub is."""
    settings = INVENTORY["test_acme_settings"]
    key = "YSBrZXkgb2YgdGhpcyB0ZXN0IGFsb25l"
    lines = [f"server 127.0.0.1 {settings['dns_port']}", f"zone {settings['zone']}", f"update delete {DOMAIN} A", f"update add {DOMAIN} 1 A {value}", "send"]
    command = ["docker", "exec", "--interactive", "certbot-acme-dns-1", "nsupdate", "-y", f"hmac-sha256:certbot:{key}"]
    subprocess.run(command, input="\n".join([*lines, ""]), text=True, check=True, timeout=30)


def test_a_challenge_that_does_not_reach_the_hub_is_said_to_be(plays: Plays, witnesses: list[Witness]) -> None:
    address("127.0.0.9")
    try:
        refused(plays, f"http://{DOMAIN}/.well-known/acme-challenge/ must reach port {PORTS['http_port']}", "127.0.0.9")
    finally:
        address("127.0.0.1")
    assert at_ease(witnesses)
    assert plays.renew(certbot_force_renewal=True).returncode == 0, "the next run recovers"


def test_a_directory_that_certbot_cannot_write_is_named(plays: Plays, tmp_path: pathlib.Path) -> None:
    tmp_path.chmod(0o500)
    os.chown(tmp_path, 65534, 65534)
    refused(plays, "Permission denied", "/etc/letsencrypt", certbot_config_dir=str(tmp_path))


def test_a_full_disk_is_said_to_be(plays: Plays, tmp_path: pathlib.Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", tmp_path], check=True)
    try:
        refused(plays, "No space left", "free some disk", certbot_config_dir=str(tmp_path))
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_certificate_that_does_not_belong_to_its_key_never_reaches_the_edge(plays: Plays, name: str, image: str, witnesses: list[Witness]) -> None:
    path = f"/etc/letsencrypt/live/{DOMAIN}/privkey.pem"
    other = authority.make_leaf(authority.make_authority("x", time.time()), [DOMAIN], time.time()).key
    code = f"import sys; open({path!r}, 'w').write(sys.argv[1])"
    run("docker", "run", "--rm", "--user=0", f"--volume={name}-letsencrypt:/etc/letsencrypt", "--entrypoint=python3", image, "-c", code, other)
    refused(plays, "does not belong to", certbot_force_renewal=False)
    assert at_ease(witnesses)
    done = plays.renew(certbot_force_renewal=True)
    assert done.returncode == 0, done.stderr


def test_what_nginx_refuses_is_put_back(plays: Plays, name: str, project: pathlib.Path) -> None:
    path = project / "edge/nginx.conf"
    text = path.read_text()
    path.write_text(text.replace("server_tokens off;", "server_tokens perhaps;"))
    try:
        refused(plays, "the edge refuses its new configuration and goes on with the old one", "invalid value")
    finally:
        path.write_text(text)
    run("docker", "exec", f"{name}-edge", "nginx", "-t", "-c", "/etc/edge/nginx.conf")
    assert "was replaced" in plays.renew().stdout, "the next run recovers"
    assert plays.deploy() == 0


def test_the_certbot_of_the_host_will_do(plays: Plays, tmp_path: pathlib.Path) -> None:
    if not shutil.which("certbot"):
        apt("install", "--yes", "--no-install-recommends", "certbot")
    shown, directory = wire(), tmp_path / "letsencrypt"
    done = plays.renew(certbot_runs_in="host", certbot_config_dir=str(directory))
    assert done.returncode == 0, done.stderr
    assert wire() == first((directory / f"live/{DOMAIN}/fullchain.pem").read_text())
    assert wire() != shown
    assert "was replaced" in plays.renew().stdout
    assert wire() != first((directory / f"live/{DOMAIN}/fullchain.pem").read_text()), "certbot in its container has kept its own"


def test_runs_wait_for_each_other(plays: Plays) -> None:
    results: list[subprocess.CompletedProcess[str]] = []
    threads = [threading.Thread(target=lambda: results.append(plays.renew(certbot_force_renewal=True))) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.returncode for result in results] == [0, 0], [result.stderr for result in results]
    assert len({result.stdout for result in results}) in (1, 2)
    assert plays.deploy() == 0


# ---- Other ways to a certificate


def write(folder: pathlib.Path, pair: authority.Pair) -> dict[str, str]:
    """Write a certificate and its key; return the topic that names them."""
    (folder / "fullchain.pem").write_text(pair.certificate)
    (folder / "privkey.pem").write_text(pair.key)
    return {"mode": "provided", "certificate": str(folder / "fullchain.pem"), "key": str(folder / "privkey.pem")}


def test_every_mode_leads_to_every_other(plays: Plays, name: str, project: pathlib.Path, tmp_path: pathlib.Path, witnesses: list[Witness]) -> None:
    before = lives(name)
    own = authority.make_authority("the test", time.time())
    provided = write(tmp_path, authority.make_leaf(own, [DOMAIN], time.time()))
    acme = wire()

    plays.deploy(tls={"mode": "self_signed"})
    assert certificates.signed_by(wire(), first((project / "authority.pem").read_text()))
    plays.deploy(tls=provided)
    assert certificates.signed_by(wire(), first(own.certificate))

    replaced = write(tmp_path, authority.make_leaf(own, [DOMAIN], time.time()))
    assert replaced == provided
    done = plays.renew()
    assert "was replaced" in done.stdout, done.stderr
    assert wire() == first((tmp_path / "fullchain.pem").read_text())
    write(tmp_path, authority.make_leaf(own, ["other.test"], time.time()))
    refused(plays, "other.test")

    plays.deploy(tls={"mode": "letsencrypt"})
    assert wire() == acme, "certbot kept it"
    plays.deploy(tls={"mode": "self_signed"})
    assert at_ease(witnesses)
    assert restarted(before, lives(name)) == set()


def test_the_leaf_of_the_hubs_own_authority_is_renewed(plays: Plays, project: pathlib.Path, witnesses: list[Witness]) -> None:
    secrets = project / "secrets"
    own = authority.Pair((secrets / "authority_certificate").read_text(), (secrets / "authority_key").read_text())
    old = authority.make_leaf(own, [DOMAIN, "localhost", "127.0.0.1"], time.time() - (authority.LEAF_DAYS - 20) * DAY)
    (secrets / "tls_certificate").write_text(old.certificate)
    (secrets / "tls_key").write_text(old.key)
    done = plays.renew()
    assert done.stdout.startswith(f"certbot: the certificate of {DOMAIN} was replaced"), done.stderr
    assert certificates.signed_by(wire(), first(own.certificate))
    assert certificates.dates(wire())[1].timestamp() > time.time() + 300 * DAY
    assert plays.renew().stdout == ""
    assert at_ease(witnesses)


def test_a_hub_without_tls_gets_it_and_loses_it(settings: Settings, plays: Plays, name: str) -> None:
    before = lives(name)
    plays.deploy(tls={"mode": "none"})
    assert requests.get(f"http://127.0.0.1:{PORTS['http_port']}/hub/login", timeout=10).status_code == 200
    assert plays.renew().stdout == ""
    plays.deploy(tls={"mode": "letsencrypt"})
    settings.client().wait_until_healthy()
    assert restarted(before, lives(name)) == {"edge", "hub"}


# ---- Wildcards, standalone, and what was there before


@pytest.fixture(scope="module")
def second(settings: Settings, project: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Plays]:
    """Another hub beside the first, which is gone in the end."""
    variables = {"jupyterhub_network": SECOND_PORTS, "docker_compose_project_dir": str(project.parent / SECOND)}
    plays = Plays(json.loads(settings.need("--hub-play")), tmp_path_factory.mktemp("plays"), SECOND, **variables)
    yield plays
    if owned(SECOND):
        plays.remove(data=True)


def test_a_wildcard_and_a_host_name_for_each_person(settings: Settings, second: Plays, project: pathlib.Path) -> None:
    test = INVENTORY["test_acme_settings"]
    second.variables |= {
        "certbot_challenge": "dns",
        "certbot_dns_plugin": "rfc2136",
        "certbot_dns_propagation_seconds": 1,
        "certbot_dns_credentials": {
            "dns_rfc2136_server": "{{ test_acme_address }}",
            "dns_rfc2136_port": str(test["dns_port"]),
            "dns_rfc2136_name": "certbot.",
            "dns_rfc2136_secret": "{{ test_acme_settings.key }}",
            "dns_rfc2136_algorithm": "HMAC-SHA256",
        },
    }
    second.deploy(tls={"mode": "letsencrypt", "subdomains": True})
    port = SECOND_PORTS["https_port"]
    assert set(certificates.names_of(wire(port=port))) == {DOMAIN, f"*.{DOMAIN}"}
    assert "Pebble" in wire(port=port).issuer.rfc4514_string()

    host = f"alice.{DOMAIN}"
    resolve(host, "127.0.0.1")
    client = HubClient(f"https://{DOMAIN}:{port}", ca=settings.need("--hub-ca"))
    client.login("alice", (project.parent / SECOND / "secrets/user_password").read_text().strip())
    client.api("POST", "users/alice/server")
    until(client.server_ready, 180, "the server of alice")
    page = client.session.get(f"https://{DOMAIN}:{port}/hub/user/alice/lab", timeout=60)
    assert page.status_code == 200
    assert (urllib.parse.urlsplit(page.url).hostname, urllib.parse.urlsplit(page.url).path) == (host, "/user/alice/lab")
    assert second.deploy() == 0
    credentials = (project.parent / SECOND / "compose.yaml").read_text() + run("docker", "container", "inspect", f"{SECOND}-edge", f"{SECOND}-hub")
    assert "YSBrZXkgb2YgdGhpcyB0ZXN0" not in credentials


def test_what_certbot_made_before_is_taken_over_as_it_is(name: str, image: str, tmp_path: pathlib.Path, second: Plays) -> None:
    """A directory as hosts have it in /etc/letsencrypt: links, accounts, keys."""
    directory = tmp_path / "letsencrypt"
    mount = ("--volume", f"{name}-letsencrypt:/from:ro", "--volume", f"{tmp_path}:/to")
    run("docker", "run", "--rm", "--user=0", "--network=none", *mount, "--entrypoint=cp", image, "-a", "/from", "/to/letsencrypt")
    assert (directory / f"live/{DOMAIN}/fullchain.pem").is_symlink()
    before = sorted(path.name for path in (directory / "archive" / DOMAIN).iterdir())
    second.variables = {key: value for key, value in second.variables.items() if not key.startswith("certbot_")}
    second.variables |= {"certbot_config_dir": str(directory)}
    second.deploy(tls={"mode": "letsencrypt"})
    assert wire(port=SECOND_PORTS["https_port"]) == first((directory / f"live/{DOMAIN}/fullchain.pem").read_text())
    assert sorted(path.name for path in (directory / "archive" / DOMAIN).iterdir()) == before
    second.remove(data=True)
    assert (directory / f"live/{DOMAIN}/fullchain.pem").is_symlink(), "it is not ours to remove"


def test_standalone_comes_before_the_first_start_and_is_renewed_through_the_edge(plays: Plays, name: str, project: pathlib.Path) -> None:
    plays.remove()
    volumes = run("docker", "volume", "ls", "--quiet", "--filter", f"label=vdsg.jupyterhub.name={name}").split()
    assert f"{name}-letsencrypt" in volumes, "accounts and certificates are kept with the data"
    plays.variables |= {"certbot_challenge": "standalone", "certbot_cert_name": "standalone"}
    plays.deploy()
    shown = wire()
    assert "Pebble" in shown.issuer.rfc4514_string()
    assert run("docker", "container", "inspect", "--format", "{{.RestartCount}}", f"{name}-edge").strip() == "0"
    assert first((project / "secrets/tls_certificate").read_text()) == shown
    before = lives(name)
    done = plays.renew(certbot_force_renewal=True)
    assert done.returncode == 0, done.stderr
    assert wire() != shown
    assert restarted(before, lives(name)) == set()
    assert plays.deploy() == 0
