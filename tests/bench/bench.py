# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure on the machine at hand what the collection promises, and write docs/benchmarks.md.

    PYTHONPATH=.cache/collections python tests/bench/bench.py

Everything is measured in one run against something else that is measured in the same run, because absolute seconds say more about
the machine than about us.
"""

from __future__ import annotations

import argparse
import collections.abc
import concurrent.futures
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import secrets
import statistics
import subprocess
import threading
import time
import typing as t

import requests
import websocket
from cryptography import x509

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import docker_compose, project, resolve, traits
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.authority import Pair, make_leaf
from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, KernelError, until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import certificate_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / ".cache/bench"
PLAIN = ROOT / "tests/bench/plain"

# How a hub is deployed and removed; --inventory says where the images come from.
DEPLOY = ["ansible-playbook", "--inventory", "INVENTORY", "site.yml", "--extra-vars", "@VARIABLES"]
RENEW = ["ansible-playbook", "--inventory", "INVENTORY", "renew_certs.yml", "--extra-vars", "@VARIABLES"]
REMOVE = ["ansible-playbook", "--inventory", "INVENTORY", "remove.yml", "--extra-vars", "@VARIABLES", "--extra-vars", "jupyterhub_remove_data=true"]

NAME, HTTPS_PORT = "bench", 28444
PLAIN_NAME, PLAIN_PORT = "bench-plain", 28445
ALONE = 5  # visits of a single person in each round
PEOPLE = [f"u{number}" for number in range(10)]
PROJECT = WORK / "project"
PARTS = ["deployments", "people", "changes", "renderers", "configuration", "crowd", "renewals"]
RENEWALS = 20

NOTHING_TO_DO = f"""\
- hosts: localhost
  gather_facts: false
  connection: local
  vars:
    ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
  tasks:
    - name: Nothing to do
      community.docker.docker_compose_v2:
        project_src: {PROJECT}
        pull: never
        build: never
"""

DESCRIBE = """\
- hosts: localhost
  gather_facts: false
  connection: local
  tasks:
    - name: Check the description
      ansible.builtin.import_role:
        name: vdsg.jupyterhub.jupyterhub
        rolespec_validate: false
    - name: Use it as often as a deployment does
      ansible.builtin.debug:
        msg: "{{ [__jupyterhub_description.variables, __jupyterhub_description.secrets, __jupyterhub_description.programs] | length }}"
"""


CATALOGUE = traits.Catalogue(json.loads((ROOT / "plugins/module_utils/core/traits.json").read_text()))


def run(command: collections.abc.Sequence[str], environment: t.Mapping[str, str] | None = None) -> tuple[float, str]:
    """Run a command; return its seconds and what it printed."""
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=os.environ | dict(environment or {}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    seconds = time.monotonic() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-4000:]}")
    return seconds, done.stdout


def progress(text: str) -> None:
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


@dataclasses.dataclass(frozen=True)
class Passwords:
    user: str = dataclasses.field(default_factory=lambda: secrets.token_hex(16))
    admin: str = dataclasses.field(default_factory=lambda: secrets.token_hex(32))


class Ours:
    """A hub of this collection."""

    url = f"https://localhost:{HTTPS_PORT}"

    def __init__(self, inventory: str, passwords: Passwords) -> None:
        self._inventory = inventory
        self._file = WORK / "variables.json"
        self._network = {"bind_address": "127.0.0.1", "http_port": 28080, "https_port": HTTPS_PORT}
        self.variables: dict[str, t.Any] = {
            "jupyterhub_name": NAME,
            "jupyterhub_domain": "localhost",
            "jupyterhub_users": [{"name": "admin", "admin": True}, *({"name": name} for name in PEOPLE)],
            "jupyterhub_auth": {"method": "shared_password", "user_password": passwords.user, "admin_password": passwords.admin},
            "jupyterhub_network": self._network,
            # A busy machine makes slow numbers, not a broken bench; the plain hub has the same.
            "jupyterhub_spawner": {"start_timeout": 300, "http_timeout": 240},
            "docker_compose_project_dir": str(PROJECT),
        }

    def deploy(self, **changes: t.Any) -> tuple[float, str]:
        """Run site.yml with these variables changed, from now on."""
        self.variables |= changes
        return self._play(DEPLOY)

    def renew(self) -> tuple[float, str]:
        """Run renew_certs.yml."""
        return self._play(RENEW)

    def remove(self) -> None:
        """Take the hub away, with its data and secrets."""
        self._play(REMOVE)

    def larger_uploads(self) -> dict[str, t.Any]:
        return {"jupyterhub_network": {**self._network, "max_upload": "2G"}}

    def _play(self, command: list[str]) -> tuple[float, str]:
        self._file.touch(mode=0o600)
        self._file.write_text(json.dumps(self.variables))
        return run([part.replace("INVENTORY", self._inventory).replace("VARIABLES", str(self._file)) for part in command])


class Plain:
    """The hub that ours is compared with."""

    url = f"https://localhost:{PLAIN_PORT}"

    def __init__(self, passwords: Passwords) -> None:
        self._accounts = {"user_password": passwords.user, "admin_password": passwords.admin, "users": PEOPLE, "admins": ["admin"]}

    def up(self) -> None:
        """Start it from the images of our hub, which must run."""
        accounts = WORK / "accounts.json"
        accounts.write_text(json.dumps(self._accounts))
        images = {kind: run(["docker", "inspect", "--format", "{{.Config.Image}}", f"{NAME}-{kind}"])[1].strip() for kind in ("hub", "proxy", "edge")}
        self._environment = {
            "PLAIN_NAME": PLAIN_NAME,
            "PLAIN_PORT": str(PLAIN_PORT),
            "PLAIN_HUB_IMAGE": images["hub"],
            "PLAIN_PROXY_IMAGE": images["proxy"],
            "PLAIN_EDGE_IMAGE": images["edge"],
            "PLAIN_EDGE_FILES": f"{NAME}-edge-files",
            "PLAIN_USER_IMAGE": json.loads((PROJECT / "guard/guard.json").read_text())["images"][0],
            "PLAIN_SOCKET_GID": str(os.stat("/var/run/docker.sock").st_gid),
            "PLAIN_ACCOUNTS": str(accounts),
        }
        self._compose("up", "--detach", "--build", "--wait")

    def restart(self) -> None:
        """What a change of its configuration takes."""
        self._compose("restart", "hub")

    def _compose(self, *arguments: str) -> None:
        run(["docker", "compose", "--file", str(PLAIN / "compose.yaml"), *arguments], self._environment)


def sweep(ours: Ours) -> None:
    """Remove both hubs, whatever a run has left of them; the plain one first, which borrows a volume of ours."""
    erase(PLAIN_NAME)
    ours.remove()
    erase(NAME)
    run(["docker", "image", "rm", "--force", f"{PLAIN_NAME}-hub"])
    # Volumes that DockerSpawner makes by itself carry no label.
    volumes = [name for name in run(["docker", "volume", "ls", "--quiet"])[1].split() if name.startswith(f"{PLAIN_NAME}-user-")]
    if volumes:
        run(["docker", "volume", "rm", *volumes])


def erase(name: str) -> None:
    """Remove what carries the label of this hub."""
    label = f"label=vdsg.jupyterhub.name={name}"
    for kind, remove in (("container", ["rm", "--force"]), ("network", ["rm"]), ("volume", ["rm"])):
        found = run(["docker", kind, "ls", "--quiet", *(["--all"] if kind == "container" else []), "--filter", label])[1].split()
        if found:
            run(["docker", kind, *remove, *found])


def ratio(ours: t.Sequence[float], theirs: t.Sequence[float]) -> float:
    return statistics.median(ours) / statistics.median(theirs)


def spread(values: t.Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} s ({min(values):.2f}–{max(values):.2f})"


def table(head: t.Sequence[str], *rows: t.Sequence[object]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [*("| " + " | ".join(map(str, line)) + " |" for line in lines), ""]


def verdict(value: float, limit: float) -> str:
    return f"{value:.2f} (promised: at most {limit:g}{'' if value <= limit else ' — **missed**'})"


# 1 and 2: deployments


def deployments(ours: Ours, runs: int) -> list[str]:
    """First and second deployments against compose by hand and against a play that does nothing."""
    first: list[float] = []
    hand: list[float] = []
    second: list[float] = []
    nothing: list[float] = []
    changed: set[str] = set()
    compose = ["docker", "compose", "--project-directory", str(PROJECT)]
    playbook = WORK / "nothing.yml"
    playbook.write_text(NOTHING_TO_DO)
    for number in range(runs):
        progress(f"deployments, round {number + 1} of {runs}")
        ours.remove()
        first.append(ours.deploy()[0])
        run([*compose, "down"])
        hand.append(run([*compose, "up", "--detach", "--wait"])[0])
        seconds, said = ours.deploy()
        second.append(seconds)
        changed |= {word.removeprefix("changed=") for word in said.split() if word.startswith("changed=")}
        nothing.append(run(["ansible-playbook", "--inventory", "localhost,", str(playbook)])[0])
    return [
        "## 1. First deployment",
        "",
        "`site.yml` on a host without the hub (images present) against `docker compose up -d --wait` on the files that it had rendered;",
        f"rounds in turn: {runs}. By hand starts from files, secrets and a database that are there already.",
        "",
        *table(["", "median (range)"], ["`site.yml`", spread(first)], ["by hand", spread(hand)], ["ratio", verdict(ratio(first, hand), 2)]),
        "## 2. Second, unchanged run",
        "",
        f"`site.yml` again against a play whose only task is `community.docker.docker_compose_v2` with nothing to do; rounds in turn: {runs}.",
        "",
        *table(
            ["", "median (range)"],
            ["`site.yml` again", spread(second)],
            ["one task with nothing to do", spread(nothing)],
            ["ratio", verdict(ratio(second, nothing), 2)],
            ["changed tasks", ", ".join(sorted(changed))],
        ),
    ]


# 3: people


def visit(url: str, name: str, password: str, barrier: threading.Barrier) -> tuple[HubClient, float]:
    """Log in, open the lab, get a first answer from a kernel; return the seconds of it all."""
    client = HubClient(url, ca=str(PROJECT / "authority.pem"), timeout=300)
    barrier.wait()
    started = time.monotonic()
    client.login(name, password)
    client.start_server()
    with client.kernel() as kernel:
        assert kernel.execute("6 * 7", timeout=120) == "42"
    return client, time.monotonic() - started


def visits(url: str, names: t.Sequence[str], password: str) -> list[float]:
    """Let all these people come at once; return their seconds."""
    barrier = threading.Barrier(len(names))
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        came = list(pool.map(lambda name: visit(url, name, password, barrier), names))
        list(pool.map(lambda one: one[0].stop_server(), came))
    return [seconds for _client, seconds in came]


def people(passwords: Passwords, runs: int) -> list[str]:
    """One and ten people at once, at both hubs in turn.

    JupyterHub asks a starting server after pauses of random length whether it answers, which moves a single visit by a second and more: whoever
    comes alone comes several times.
    """
    hubs = {"ours": Ours.url, "plain": Plain.url}
    seconds: dict[tuple[str, int], list[float]] = {(hub, crowd): [] for hub in hubs for crowd in (1, 10)}
    for url in hubs.values():
        # Nobody counts the first visitor: files come from the disk then.
        visits(url, PEOPLE[:1], passwords.user)
    for number in range(runs):
        progress(f"people, round {number + 1} of {runs}")
        for crowd in (*[1] * ALONE, 10):
            # Close together in time: what else the machine does then weighs on both.
            for hub in sorted(hubs, reverse=number % 2 == 1):
                seconds[hub, crowd] += visits(hubs[hub], PEOPLE[:crowd], passwords.user)
    rows = [
        [
            f"{crowd} at once",
            f"{statistics.median(seconds['ours', crowd]):.2f} s",
            f"{max(seconds['ours', crowd]):.2f} s",
            f"{statistics.median(seconds['plain', crowd]):.2f} s",
            f"{max(seconds['plain', crowd]):.2f} s",
            verdict(ratio(seconds["ours", crowd], seconds["plain", crowd]), 1.1),
        ]
        for crowd in (1, 10)
    ]
    return [
        "## 3. From the login page to the first answer of a kernel",
        "",
        "Log in on the form, start a server, open JupyterLab's page, start a kernel, run `6 * 7`, by a client without a browser. Ours against the",
        "way of jupyterhub-deploy-docker (`tests/bench/plain`): the hub starts its own proxy and holds the engine's socket, one network; same images,",
        f"same edge and certificate; rounds in turn: {runs}. A single person comes {ALONE} times in each, because JupyterHub asks a starting server",
        "after pauses of random length whether it answers.",
        "",
        *table(["", "ours, median", "ours, worst", "plain, median", "plain, worst", "ratio of medians"], *rows),
    ]


# 4: changes


class Watch:
    """Looks at the login page and through an open kernel websocket, without a pause, while something happens."""

    def __init__(self, client: HubClient, ca: pathlib.Path = PROJECT / "authority.pem") -> None:
        self._client = client
        self._ca = ca
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._page), threading.Thread(target=self._kernel)]
        self._pages = 0
        self._answers = 0
        self.dark = 0.0
        self.longest_silence = 0.0
        self.dropped = 0

    def _page(self) -> None:
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self._ca)
        last = time.monotonic()
        failing = False
        while not self._over.wait(0.02):
            try:
                good = session.get(f"{self._client.url}/hub/login", timeout=2).status_code == 200
            except requests.RequestException:
                good = False
            now = time.monotonic()
            if good:
                # From the last answer to the next one: no less than people noticed.
                self.dark += now - last if failing else 0
                last = now
                self._pages += 1
            failing = not good
        self.dark += time.monotonic() - last if failing else 0

    def _kernel(self) -> None:
        try:
            with self._client.kernel() as kernel:
                while not self._over.wait(0.02):
                    started = time.monotonic()
                    kernel.execute("1", timeout=60)
                    self.longest_silence = max(self.longest_silence, time.monotonic() - started)
                    self._answers += 1
        except (websocket.WebSocketException, KernelError, OSError):
            self.dropped += 1

    def _see_more(self) -> None:
        """Wait until page and kernel have answered ten times more, or the kernel is lost."""
        pages, answers = self._pages + 10, self._answers + 10
        until(lambda: self._pages > pages and (self._answers > answers or self.dropped > 0), 120, "the login page and a kernel")

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        self._see_more()
        return self

    def __exit__(self, *error: object) -> None:
        # What a change breaks can show only after it has returned.
        self._see_more()
        self._over.set()
        for thread in self._threads:
            thread.join()


def changes(ours: Ours, plain: Plain, passwords: Passwords) -> list[str]:
    """What people notice while the configuration changes."""
    users = [*ours.variables["jupyterhub_users"], {"name": "newcomer"}]
    cases: list[tuple[str, str, t.Callable[[], t.Any]]] = [
        ("nothing (a second run)", ours.url, ours.deploy),
        ("the hub: when idle servers are stopped", ours.url, lambda: ours.deploy(jupyterhub_culling={"idle_timeout": 7200})),
        ("the list of users: one more", ours.url, lambda: ours.deploy(jupyterhub_users=users)),
        ("the edge: the largest upload", ours.url, lambda: ours.deploy(**ours.larger_uploads())),
        ("the plain hub, for comparison: `docker compose restart hub`", plain.url, plain.restart),
    ]
    rows = []
    dropped = 0
    for what, url, change in cases:
        progress(f"changes: {what}")
        client = HubClient(url, ca=str(PROJECT / "authority.pem"))
        client.login(PEOPLE[0], passwords.user)
        client.start_server()
        with Watch(client) as watch:
            change()
        rows.append([what, f"{watch.dark:.2f} s", f"{watch.longest_silence:.2f} s", watch.dropped])
        dropped += watch.dropped if url == ours.url else 0
    return [
        "## 4. While the configuration changes",
        "",
        "The login page is asked for every 20 ms, and an open kernel websocket runs code without a pause, while the change is deployed.",
        f"Kernel websockets of ours that were dropped: {dropped} (promised: 0{'' if dropped == 0 else ' — **missed**'}).",
        "",
        *table(["what changes", "login page does not answer", "longest answer of the kernel", "websockets dropped"], *rows),
    ]


# 5: renderers


def render_hub(variables: t.Mapping[str, t.Any]) -> project.Project:
    """Do all that the collection itself does between variables and files."""

    def read(path: str) -> str:
        raise OSError(path)

    found = resolve.resolve(variables, read, {}, 0.0, CATALOGUE)
    engine = docker_compose.Engine("172.31.248.0/21", images={kind: f"vdsg-jupyterhub/{kind}:bench" for kind in ("hub", "proxy", "edge", "user")})
    programs = {name: "" for names in project.PROGRAMS.values() for name in names}
    return project.render(found.hub, engine, programs, {})


def renderers(runs: int) -> list[str]:
    """How the time of the core grows with the hub."""
    seconds: dict[tuple[int, int], float] = {}
    for users, profiles in ((10, 0), (1000, 0), (10000, 0), (10, 10), (10, 100)):
        variables = {
            "jupyterhub_users": [{"name": f"user{number}", "admin": number == 0} for number in range(users)],
            "jupyterhub_profiles": [{"name": f"Profile {number}", "mem_limit": "2G", "image": f"image:{number}"} for number in range(profiles)],
            "jupyterhub_auth": {"method": "shared_password"},
        }
        times = []
        for _run in range(runs):
            started = time.perf_counter()
            render_hub(variables)
            times.append(time.perf_counter() - started)
        seconds[users, profiles] = statistics.median(times)
    each = {key: seconds[key] - seconds[10, 0] for key in seconds}
    growth = each[10000, 0] / each[1000, 0]
    return [
        "## 5. The renderers",
        "",
        f"From variables to all files, in one process, median of {runs}.",
        "",
        *table(["users", "profiles", "median"], *([users, profiles, f"{1000 * value:.1f} ms"] for (users, profiles), value in seconds.items())),
        f"Ten times the users (1,000 to 10,000) take {growth:.1f} times as long (what a hub of ten users takes is taken off).",
        f"Seconds for 10,000 users: {verdict(seconds[10000, 0], 1)}.",
        "",
    ]


# 6: traits


def long_configuration(lines: int) -> traits.Config:
    """Return a jupyterhub_config of that many lines: a class, or a trait with a good value, on each."""
    values = {"bool": True, "int": 8, "float": 0.5, "str": "text", "list": ["text"], "set": ["text"], "dict": {"key": "text"}}
    found: traits.Config = {}
    for cls in CATALOGUE.classes:
        for trait, form in CATALOGUE.traits(cls).items():
            value = values.get(form if isinstance(form, str) else "")
            with contextlib.suppress(DescriptionError):
                traits.refuse({cls: {trait: value}})
                # A new class is a line of its own.
                if value is not None and CATALOGUE.renamed(cls, trait) == trait and not CATALOGUE.gone(cls, trait) and lines > 1:
                    lines -= 1 if cls in found else 2
                    found.setdefault(cls, {})[trait] = value
    return found


def configuration(runs: int) -> list[str]:
    """What checking the traits of a long configuration adds to a run."""
    seconds: dict[int, list[float]] = {0: [], 300: []}
    playbook, variables = WORK / "describe.yml", WORK / "describe.json"
    playbook.write_text(DESCRIBE)
    base = {"jupyterhub_users": [{"name": "admin", "admin": True}], "jupyterhub_auth": {"method": "shared_password"}}
    for number in range(runs):
        progress(f"traits, round {number + 1} of {runs}")
        for lines in sorted(seconds, reverse=number % 2 == 1):
            variables.write_text(json.dumps({**base, "jupyterhub_config": long_configuration(lines)}))
            seconds[lines].append(run(["ansible-playbook", "--inventory", "localhost,", str(playbook), "--extra-vars", f"@{variables}"])[0])
    added = statistics.median(seconds[300]) - statistics.median(seconds[0])
    return [
        "## 6. The traits of a long configuration",
        "",
        f"A play that checks a description and uses it three times, with `jupyterhub_config` of 300 lines and without; rounds in turn: {runs}.",
        "",
        *table(["lines", "median (range)"], *([lines, spread(values)] for lines, values in seconds.items())),
        f"Seconds that checking adds: {verdict(added, 0.5)}.",
        "",
    ]


# 7: many people


def crowd(ours: Ours, runs: int) -> list[str]:
    """How long it takes until a hub that runs has a thousand people in fifty groups, and how long when it has them already."""
    few = ours.variables["jupyterhub_users"]
    many = [{"name": f"student{number}", "groups": [f"group{number % 50}"]} for number in range(1000)]
    first: list[float] = []
    again: list[float] = []
    for number in range(runs):
        progress(f"many people, round {number + 1} of {runs}")
        ours.deploy(jupyterhub_users=few)
        first.append(ours.deploy(jupyterhub_users=[*few, *many])[0])
        again.append(ours.deploy()[0])
    ours.deploy(jupyterhub_users=few)
    return [
        "## 7. A thousand people in fifty groups",
        "",
        f"`site.yml` on a hub that runs, with 1,000 people and 50 groups more than before, and again with nothing changed; rounds: {runs}.",
        "",
        *table(
            ["", "range", "median, in seconds"],
            ["the first time", spread(first), verdict(statistics.median(first), 60)],
            ["unchanged", spread(again), verdict(statistics.median(again), 3)],
        ),
    ]


# 8: renewals


def seen(serial: int, since: float) -> float:
    """Return how many seconds after a moment the edge shows a certificate to whoever connects."""
    until(lambda: certificate_of("127.0.0.1", HTTPS_PORT, "localhost").serial_number == serial, 60, "the new certificate on the wire", 0.02)
    return time.monotonic() - since


def renewals(ours: Ours, passwords: Passwords, runs: int) -> list[str]:
    """How long it takes until a replaced certificate is on the wire, and what people notice of many in a row."""
    progress("renewals")
    ours.deploy()
    signer = Pair(*((PROJECT / "secrets" / name).read_text() for name in ("authority_certificate", "authority_key")))
    ca, pair = WORK / "authority.pem", {name: WORK / f"{name}.pem" for name in ("certificate", "key")}
    ca.write_text(signer.certificate)

    def replace() -> int:
        """Replace the files of the certificate, as a renewal elsewhere does; return its serial number."""
        leaf = make_leaf(signer, ["localhost"], time.time())
        for name, text in zip(pair, leaf, strict=True):
            pair[name].write_text(text)
        return int(x509.load_pem_x509_certificate(leaf.certificate.encode()).serial_number)

    replace()
    ours.deploy(jupyterhub_tls={"mode": "provided", **{name: str(path) for name, path in pair.items()}})
    client = HubClient(ours.url, ca=str(ca))
    client.login(PEOPLE[0], passwords.user)
    client.start_server()
    idle = [ours.renew()[0] for _number in range(runs)]
    shown: list[float] = []
    with Watch(client, ca) as watch, concurrent.futures.ThreadPoolExecutor(1) as pool:
        for number in range(RENEWALS):
            progress(f"renewal {number + 1} of {RENEWALS}")
            serial = replace()
            answer = pool.submit(seen, serial, time.monotonic())
            ours.renew()
            shown.append(answer.result())
    ours.deploy(jupyterhub_tls={})
    delivery = max(statistics.median(shown) - statistics.median(idle), 0.0)
    return [
        "## 8. Renewals of the certificate",
        "",
        f"`renew_certs.yml` with nothing to do ({runs} times), and after the files of a provided certificate were replaced ({RENEWALS} times in a row),",
        "until whoever connects is shown the new one; the login page is asked for every 20 ms, and an open kernel websocket runs code without a pause.",
        "",
        *table(
            ["", "median (range)"],
            ["a run with nothing to do", f"{spread(idle)}; promised: at most 5"],
            ["until the new one is on the wire, from the start of the run", spread(shown)],
            ["the difference, in seconds", verdict(delivery, 2)],
            ["login page does not answer", f"{watch.dark:.2f} s"],
            ["longest answer of the kernel", f"{watch.longest_silence:.2f} s"],
            ["websockets dropped", f"{watch.dropped} (promised: 0{'' if watch.dropped == 0 else ' — **missed**'})"],
        ),
    ]


def machine() -> list[str]:
    """Say what this was measured on, without saying whose it is."""
    cpu = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    engine = run(["docker", "version", "--format", "{{.Server.Version}}"])[1].strip()
    compose = run(["docker", "compose", "version", "--short"])[1].strip()
    ansible = run(["ansible", "--version"])[1].splitlines()[0]
    return [
        f"Measured {datetime.date.today():%Y-%m-%d} on {os.cpu_count()} processors ({cpu}), {memory:.0f} GiB of memory, Linux {platform.release()},",
        f"Docker Engine {engine}, compose {compose}, {ansible}, Python {platform.python_version()}.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure, and write docs/benchmarks.md.")
    parser.add_argument("--inventory", default="inventories/local", help="where the hub that is measured gets what the bench does not say")
    parser.add_argument("--runs", type=int, default=5, help="rounds of everything that is done in turn")
    parser.add_argument(
        "--only",
        choices=PARTS,
        action="append",
        help="print this part instead of writing the file",
    )
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs/benchmarks.md")
    parser.add_argument("--keep", action="store_true", help="leave both hubs running")
    given = parser.parse_args()
    wanted = given.only or PARTS
    WORK.mkdir(parents=True, exist_ok=True)
    passwords = Passwords()
    ours, plain = Ours(given.inventory, passwords), Plain(passwords)
    lines = ["# Benchmarks", "", "Written by `make bench`: change the bench, not this file.", "", *machine()]
    with contextlib.ExitStack() as stack:
        if set(wanted) - {"renderers", "configuration"}:
            progress("leftovers, images")
            sweep(ours)
            if not given.keep:
                stack.callback(sweep, ours)
            # The first deployment of all may have to make images; it is not measured.
            ours.deploy()
        if "deployments" in wanted:
            lines += deployments(ours, given.runs)
        if {"people", "changes"} & set(wanted):
            progress("the plain hub")
            plain.up()
        if "people" in wanted:
            lines += people(passwords, given.runs)
        if "changes" in wanted:
            lines += changes(ours, plain, passwords)
        if "renderers" in wanted:
            progress("renderers")
            lines += renderers(given.runs)
        if "configuration" in wanted:
            lines += configuration(given.runs)
        if "crowd" in wanted:
            lines += crowd(ours, given.runs)
        if "renewals" in wanted:
            lines += renewals(ours, passwords, given.runs)
        text = "\n".join(lines).rstrip() + "\n"
        if given.only:
            print(text)
        else:
            given.output.write_text(text)
            print(f"written: {given.output}")


if __name__ == "__main__":
    main()
