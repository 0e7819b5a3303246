# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub on the engine of another machine, before and after that machine reboots. DOCKER_HOST names the engine: tcp://ADDRESS:PORT."""

from __future__ import annotations

import json
import os
import shlex
import urllib.parse
import uuid

import pytest

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, HubError, Kernel, until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Account, Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import Engine, Target, probe_code, run

COMPONENTS = ("firewall", "guard", "proxy", "hub", "edge")

# Run on the engine's host: the firewall's sign becomes one of an earlier boot. (A machine that is a container keeps its kernel's boot_id.)
AGE = """
import pathlib, sys, uuid
pathlib.Path(sys.argv[1], "ready").write_text(str(uuid.uuid4()))
"""


class Machine:
    """The engine's host."""

    def __init__(self, settings: Settings, hub: Engine) -> None:
        self.hub = hub
        self.command = shlex.split(settings.need("--hub-host"))
        self.reboot_command = shlex.split(settings.need("--hub-reboot"))
        address = urllib.parse.urlsplit(os.environ["DOCKER_HOST"])
        self.engine: Target = (address.hostname or "", address.port or 0)

    def reboot(self) -> None:
        run(*self.reboot_command, timeout=180)

    def health(self, component: str) -> str:
        """Return running, healthy, exited, … of a component."""
        state = json.loads(run("docker", "container", "inspect", f"{self.hub.name}-{component}"))[0]["State"]
        return str(state.get("Health", {}).get("Status", state["Status"]) if state["Running"] else state["Status"])

    def wait_until_healthy(self, *components: str) -> None:
        def states() -> bool:
            try:
                return all(self.health(component) == "healthy" for component in components)
            except RuntimeError as error:
                raise HubError(str(error)) from error

        until(states, 120, f"healthy: {', '.join(components)}")

    def rules(self) -> bool:
        """Whether the packet filter sends what the user servers send through the firewall's chain."""
        rules = run(*self.command, "iptables", "--wait", "--list-rules", "DOCKER-USER")
        return "-j JH-" in rules


@pytest.fixture(scope="module")
def machine(settings: Settings, hub: Engine) -> Machine:
    return Machine(settings, hub)


def closed(kernel: Kernel, target: Target) -> bool:
    """Whether a kernel cannot reach this."""
    found = json.loads(kernel.execute(probe_code([target])))
    assert len(found) == 1
    return bool(found[0] != "open")


def test_user_reaches_no_remote_engine(machine: Machine, alice: HubClient) -> None:
    """It listens on an address of its host, to which it must not let its own user servers."""
    assert machine.hub.reach_from_host([machine.engine]) == {machine.engine: "open"}
    with alice.kernel() as kernel:
        assert closed(kernel, machine.engine)


def test_everything_returns_after_a_reboot(settings: Settings, machine: Machine, alice: HubClient, people: list[Account]) -> None:
    text = uuid.uuid4().hex
    alice.write_file("reboot.txt", text)
    machine.reboot()
    machine.wait_until_healthy(*COMPONENTS)
    alice.wait_until_healthy()
    assert machine.rules()
    # The browser that was open has a cookie that still counts; another one logs in.
    assert alice.api("GET", "user").json()["name"] == alice.username
    client = settings.start(people[0])
    assert client.read_file("reboot.txt") == text
    with client.kernel() as kernel:
        assert kernel.execute("print(open('reboot.txt').read())") == text
        assert closed(kernel, machine.engine)


def test_no_server_starts_before_the_firewall(settings: Settings, machine: Machine, people: list[Account]) -> None:
    alice = settings.start(people[0])
    alice.stop_server()
    firewall = f"{machine.hub.name}-firewall"
    sign = json.loads(run("docker", "volume", "inspect", f"{firewall}-state"))[0]["Mountpoint"]
    # What was stopped by hand does not start with the machine.
    run("docker", "stop", firewall)
    run(*machine.command, "python3", "-c", AGE, sign)
    machine.reboot()
    machine.wait_until_healthy(*(component for component in COMPONENTS if component != "firewall"))
    alice.wait_until_healthy()
    assert not machine.rules()
    # The page of a quick failure says so itself, the progress of a slow one.
    with pytest.raises(HubError):
        alice.start_server()
    assert "the firewall is not in place" in machine.hub.logs()
    assert f"/{machine.hub.name}-user-{alice.username}" not in {entry["Name"] for entry in machine.hub.inspect()}
    run("docker", "start", firewall)
    machine.wait_until_healthy("firewall")
    assert machine.rules()
    alice.start_server()
    with alice.kernel() as kernel:
        assert closed(kernel, machine.engine)
