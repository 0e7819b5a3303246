# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of the collection as tests run them, and what they did to the containers of a hub."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import typing as t

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import COMPONENT, LABEL
from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import DockerEngine, Lives

if t.TYPE_CHECKING:
    from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Settings

ROOT = pathlib.Path(__file__).parents[2]


class Moment(t.NamedTuple):
    """Something that the engine says happens to a container of a component."""

    action: str
    component: str

    def is_now(self, event: dict[str, t.Any]) -> bool:
        return (event["Action"], event["Actor"]["Attributes"].get(COMPONENT)) == self


class Plays:
    """The playbooks of the collection, on one hub; what a test changes in its description stays changed. ``said`` is the output of the last one."""

    def __init__(self, command: list[str], folder: pathlib.Path, name: str, **variables: t.Any) -> None:
        self.name = name
        self.variables = {"jupyterhub_name": name, **variables}
        self.said = ""
        self._command = command
        self._file = folder / f"{name}.json"

    def deploy(self, **changes: t.Any) -> int:
        """Deploy the hub, with these topics of its description changed; return the number of tasks that changed something."""
        self.variables |= {f"jupyterhub_{topic}": value for topic, value in changes.items()}
        return self._finish(self._start("site.yml"))

    def deploy_once(self, **changes: t.Any) -> int:
        """Deploy the hub with topics that are for one run."""
        return self._finish(self._start("site.yml", {f"jupyterhub_{topic}": value for topic, value in changes.items()}))

    def renew(self, **once: t.Any) -> subprocess.CompletedProcess[str]:
        """Look after the certificate as cron does; return how that ended and what it said."""
        self._file.write_text(json.dumps({**self.variables, **once}))
        command = [*self._command, "renew_certs.yml", "--extra-vars", f"@{self._file}"]
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_STDOUT_CALLBACK": "vdsg.jupyterhub.cron"}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)

    def remove(self, *, data: bool = False) -> None:
        """Remove the hub."""
        self._finish(self._start("remove.yml", {"jupyterhub_remove_data": data}))

    def operate(self, playbook: str, *options: str, **topics: t.Any) -> int:
        """Run another playbook, with topics that are for one run; return its exit code."""
        play = self._start(playbook, {f"jupyterhub_{topic}": value for topic, value in topics.items()}, *options)
        self.said = play.communicate(timeout=900)[0]
        return play.returncode

    def run(self, playbook: str, **variables: t.Any) -> int:
        """Run a playbook with variables for this run; return the number of tasks that changed something."""
        return self._finish(self._start(playbook, variables))

    def check(self, playbook: str, **variables: t.Any) -> int:
        """Run a playbook in check mode; return the number of tasks that would change something."""
        return self._finish(self._start(playbook, variables, "--check"))

    def refused(self, playbook: str, **variables: t.Any) -> str:
        """Run a playbook that refuses; return what it says."""
        play = self._start(playbook, variables)
        self.said = play.communicate(timeout=900)[0]
        assert play.returncode != 0, self.said[-5000:]
        return " ".join(self.said.split())

    def kill(self, playbook: str, moment: Moment, seconds: float, **variables: t.Any) -> bool:
        """Run a playbook, and kill all that does it so many seconds after that moment; return whether it was still at work."""
        play = self._begin(moment, playbook, variables, seconds)
        return play.returncode == -signal.SIGKILL

    def tasks(self, tasks: t.Sequence[t.Mapping[str, t.Any]], *options: str) -> list[dict[str, t.Any]]:
        """Run tasks on the hub's host, whatever other hosts there are; return what each of them says. The last one may have failed."""
        playbook = self._file.with_suffix(".tasks.json")
        playbook.write_text(json.dumps([{"hosts": "docker_compose,swarm,k8s", "gather_facts": False, "tasks": tasks}]))
        environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
        done = subprocess.run([*self._command, str(playbook), *options], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
        said = json.loads(done.stdout[done.stdout.index("{") :])
        return [next(iter(task["hosts"].values())) for play in said["plays"] for task in play["tasks"]]

    def break_off(self, moment: Moment, **changes: t.Any) -> None:
        """Begin to deploy the hub, and kill all that does it at that moment."""
        self.variables |= {f"jupyterhub_{topic}": value for topic, value in changes.items()}
        play = self._begin(moment, "site.yml")
        assert play.returncode == -signal.SIGKILL, f"{moment} never came:\n{self.said[-3000:]}"

    def _begin(self, moment: Moment, playbook: str, once: t.Mapping[str, t.Any] | None = None, seconds: float = 0.0) -> subprocess.Popen[str]:
        """Run a playbook until that moment, and so many seconds more."""
        watch = ["docker", "events", "--filter", "type=container", "--filter", f"label={LABEL}={self.name}", "--format", "{{json .}}"]
        with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as events:
            play = self._start(playbook, once)
            lines = t.cast(t.Iterable[str], events.stdout)
            guillotine = threading.Thread(target=self._wait_and_kill, args=(lines, moment, play.pid, seconds))
            guillotine.start()
            self.said = play.communicate(timeout=900)[0]
            events.kill()
            guillotine.join()
        return play

    @staticmethod
    def _wait_and_kill(events: t.Iterable[str], moment: Moment, process: int, seconds: float) -> None:
        if any(moment.is_now(json.loads(line)) for line in events):
            time.sleep(seconds)
            # A parent first, so that it can do nothing about the death of its child.
            for each in (process, *descendants(process)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)

    def _start(self, playbook: str, once: t.Mapping[str, t.Any] | None = None, *options: str) -> subprocess.Popen[str]:
        self._file.write_text(json.dumps({**self.variables, **(once or {})}))
        command = [*self._command, playbook, "--extra-vars", f"@{self._file}", *options]
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def _finish(self, play: subprocess.Popen[str]) -> int:
        self.said = play.communicate(timeout=900)[0]
        assert play.returncode == 0, f"{play.args!r}: exit {play.returncode}\n{self.said[-5000:]}"
        return sum(map(int, re.findall(r"\bchanged=(\d+)", self.said)))


def descendants(process: int) -> list[int]:
    """Return the children of a process and theirs (proc_pid_stat(5), field 4), whatever sessions they are in."""
    children: dict[int, list[int]] = collections.defaultdict(list)
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children[int(path.read_text().rpartition(")")[2].split()[1])].append(int(path.parent.name))
    found, rest = [], [process]
    while rest:
        rest = [child for parent in rest for child in children[parent]]
        found += rest
    return found


def lives(name: str) -> Lives:
    """Return the containers of a hub."""
    return DockerEngine(name).lives()


def restarted(before: Lives, after: Lives) -> set[str]:
    """Return what was replaced or restarted, came or went."""
    return {component for component in before.keys() | after.keys() if before.get(component) != after.get(component)}


def owned(name: str) -> set[str]:
    """Return the names of everything that a hub owns on its engine."""
    return DockerEngine(name).owned()


def login(settings: Settings, name: str, password: str) -> HubClient:
    """Return a client of this person, logged in."""
    client = settings.client()
    client.login(name, password)
    return client
