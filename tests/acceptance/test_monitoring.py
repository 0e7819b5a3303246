# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Prometheus reads the hub through its edge, with the job, the token and the rules of docs/monitoring.md."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import typing as t
import urllib.parse

import pytest
import requests
import yaml

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.guides import blocks, tasks
from ansible_collections.vdsg.jupyterhub.tests.acceptance.packages import apt
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import Plays

FILES = pathlib.Path(__file__).parents[2] / "roles" / "jupyterhub" / "files" / "monitoring"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "vdsg-jupyterhub"
PACKAGES = ("prometheus", "promtool")
"""Debian's; promtool is a package of its own since Debian 13."""

METRIC = re.compile(r"\b((?:jupyterhub|process)_[a-z_]+)")
DERIVED = re.compile(r"_(bucket|count|sum)$")


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return a directory with Debian's prometheus and promtool, unpacked and not installed: the package would start a service."""
    known = subprocess.run(["apt-cache", "policy", *PACKAGES], capture_output=True, text=True, check=True).stdout
    if "Candidate" not in known:
        apt("update", folder=pathlib.Path("/"))
        known = subprocess.run(["apt-cache", "policy", *PACKAGES], capture_output=True, text=True, check=True).stdout
    candidates = dict(re.findall(r"^(\S+):\n(?:.*\n)*?  Candidate: (\S+)$", known, re.MULTILINE))
    found = {name: version for name, version in candidates.items() if version != "(none)"}
    place = CACHE / f"prometheus-{found['prometheus'].replace(':', '-')}"
    if not (place / "usr/bin/promtool").exists():
        folder = tmp_path_factory.mktemp("packages")
        apt("download", *(f"{name}={version}" for name, version in found.items()), folder=folder)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", package, folder / "root"], check=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder / "root", place, symlinks=True, dirs_exist_ok=True)
    return place / "usr" / "bin"


@pytest.fixture(scope="module")
def metrics(settings: Settings) -> str:
    token = (pathlib.Path(settings.need("--hub-secrets-dir")) / "service_prometheus_token").read_text().strip()
    answer = settings.client().session.get(f"{settings.need('--hub-url')}/hub/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert answer.status_code == 200
    return answer.text


def promtool(programs: pathlib.Path, *words: str | pathlib.Path) -> str:
    done = subprocess.run([programs / "promtool", *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def expressions() -> list[str]:
    """Return the queries of rules and dashboard."""
    rules = [rule["expr"] for group in yaml.safe_load((FILES / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    panels = json.loads((FILES / "dashboard.json").read_text())["panels"]
    return rules + [target["expr"] for panel in panels for target in panel["targets"]]


def test_nobody_reads_metrics_without_the_token_and_it_reads_nothing_else(settings: Settings, alice: HubClient, metrics: str) -> None:
    assert "jupyterhub_running_servers" in metrics
    assert alice.session.get(f"{alice.url}/hub/metrics", timeout=30).status_code == 403
    token = (pathlib.Path(settings.need("--hub-secrets-dir")) / "service_prometheus_token").read_text().strip()
    for path in ("users", "groups", "proxy", "services"):
        answer = settings.client().session.get(f"{alice.url}/hub/api/{path}", headers={"Authorization": f"token {token}"}, timeout=30)
        assert answer.status_code == 403 or answer.json() in ([], {})


def test_every_metric_of_rules_and_dashboard_is_one_of_the_hubs(metrics: str) -> None:
    known = set(re.findall(r"^# TYPE (\S+)", metrics, re.MULTILINE))
    named = {DERIVED.sub("", name) for query in expressions() for name in METRIC.findall(query)}
    assert len(named) > 8
    assert named <= known


def test_alerts_fire_when_they_should(programs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    promtool(programs, "check", "rules", FILES / "alerts.yml")
    hub = 'job="jupyterhub", instance="hub"'
    failing = f'jupyterhub_server_spawn_duration_seconds_count{{{hub}, status="error", reason="error"}}'
    refusing = f'jupyterhub_server_spawn_duration_seconds_count{{{hub}, status="failure", reason="maintenance"}}'

    def case(series: dict[str, str], alert: str, *fired: str) -> dict[str, t.Any]:
        alerts = [
            {"exp_labels": {"severity": severity, "instance": "hub", **({"job": "jupyterhub"} if alert == "JupyterHubDown" else {})}} for severity in fired
        ]
        return {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [{"eval_time": "30m", "alertname": alert, "exp_alerts": alerts}],
        }

    rules = yaml.safe_load((FILES / "alerts.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        del rule["annotations"]
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(rules))
    cases = [
        case({f"up{{{hub}}}": "0x40"}, "JupyterHubDown", "critical"),
        case({f"up{{{hub}}}": "1x40"}, "JupyterHubDown"),
        case({failing: "0+1x40"}, "JupyterHubServersFail", "critical"),
        case({failing: "0x40", refusing: "0+10x40"}, "JupyterHubServersFail"),
    ]
    (tmp_path / "tests.yml").write_text(yaml.safe_dump({"rule_files": ["alerts.yml"], "tests": cases}))
    assert "SUCCESS" in promtool(programs, "test", "rules", tmp_path / "tests.yml")


def test_the_guide_names_every_alert() -> None:
    guide = (FILES.parents[3] / "docs" / "monitoring.md").read_text()
    alerts = [rule["alert"] for rule in yaml.safe_load((FILES / "alerts.yml").read_text())["groups"][0]["rules"]]
    assert re.findall(r"^\| `(JupyterHub\w+)`", guide, re.MULTILINE) == alerts


@pytest.fixture
def token(plays: Plays, settings: Settings, tmp_path: pathlib.Path) -> pathlib.Path:
    """The token, given to the consumer by the tasks of the guide."""
    read, give = tasks("monitoring.md")
    read["ansible.builtin.slurp"]["src"] = f"{settings.need('--hub-secrets-dir')}/service_prometheus_token"
    give["ansible.builtin.copy"] |= {"dest": str(tmp_path / "token"), "owner": os.getuid()}
    plays.tasks([read, give])
    return tmp_path / "token"


@contextlib.contextmanager
def running(programs: pathlib.Path, config: pathlib.Path) -> t.Iterator[str]:
    """Have a Prometheus server with this configuration; return its address."""
    port = free_port()
    command = [
        str(programs / "prometheus"),
        f"--config.file={config}",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--storage.tsdb.path={config.parent / 'data'}",
    ]
    with (config.parent / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield f"http://127.0.0.1:{port}/api/v1"
        finally:
            process.terminate()


def test_prometheus_reads_the_hub(programs: pathlib.Path, settings: Settings, alice: HubClient, token: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert token.stat().st_mode & 0o777 == 0o400
    examples = {
        key: value for block in blocks("monitoring.md") if block.startswith(("scrape_configs:", "rule_files:")) for key, value in yaml.safe_load(block).items()
    }
    (job,) = examples["scrape_configs"]
    public = urllib.parse.urlsplit(settings.need("--hub-url"))
    # What differs: where the hub and the files of the tests are.
    job["authorization"]["credentials_file"] = str(token)
    job["static_configs"] = [{"targets": [f"{settings.get('--hub-address') or public.hostname}:{public.port}"]}]
    job["tls_config"] = {"ca_file": settings.need("--hub-ca"), "server_name": public.hostname}
    shutil.copy(FILES / "alerts.yml", tmp_path)
    config = tmp_path / "prometheus.yml"
    config.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "rule_files": [str(tmp_path / "alerts.yml")], "scrape_configs": [job]}))
    promtool(programs, "check", "config", config)

    def query(expression: str) -> t.Any:
        answer = requests.get(f"{address}/query", params={"query": expression}, timeout=10).json()
        assert answer["status"] == "success", answer
        return [float(item["value"][1]) for item in answer["data"]["result"]]

    with running(programs, config) as address:
        assert until(lambda: query('up{job="jupyterhub"} == 1'), 90, "a hub that Prometheus reads") == [1]
        assert query("jupyterhub_running_servers")[0] >= 1
        assert alice.server_ready()
        groups = requests.get(f"{address}/rules", timeout=10).json()["data"]["groups"]
        assert "JupyterHubDown" in [rule["name"] for group in groups for rule in group["rules"]]
        for expression in expressions():
            query(expression.replace("$hub", ".*"))
