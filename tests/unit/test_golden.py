# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole hubs as they are rendered, to be read by people; `UPDATE_GOLDEN=1 pytest tests/unit/test_golden.py` writes them anew."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import project
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import DIGEST_LABEL
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ENGINE, GOLDEN, PROGRAMS, resolved

HUBS: dict[str, dict[str, t.Any]] = {
    "small": {
        "jupyterhub_name": "lab",
        "jupyterhub_auth": {"method": "shared_password"},
        "jupyterhub_users": [{"name": "geoheil", "admin": True}],
        "jupyterhub_network": {"bind_address": "127.0.0.1", "http_port": 8000, "https_port": 8443},
    },
    "large": {
        "jupyterhub_name": "vdsg",
        "jupyterhub_domain": "hub.example.org",
        "jupyterhub_tls": {"mode": "external", "hsts": True},
        "jupyterhub_auth": {"client_id": "Iv1.0123", "client_secret": "hush", "allowed_organizations": ["vdsg"]},
        "jupyterhub_users": [{"name": "maksmitk"}, {"name": "geoheil", "admin": True}],
        "jupyterhub_spawner": {"mem_limit": "2G", "mem_guarantee": "512M", "cpu_limit": 2, "environment": {"TZ": "Europe/Vienna", "GREETING": "it's {here}"}},
        "jupyterhub_profiles": [{"name": "Small"}, {"name": "Large", "description": "For courses", "mem_limit": "8G", "image": "registry.example.org/large:1"}],
        "jupyterhub_database": {"type": "postgresql", "host": "db", "network": "postgres", "password": "hush"},
        "jupyterhub_services": [{"name": "grader", "url": "http://grader:10101"}],
        "jupyterhub_roles": [{"name": "grader", "scopes": ["list:users"], "services": ["grader"]}],
        "jupyterhub_groups": {"teachers": ["maksmitk"]},
        "jupyterhub_network": {"egress": "none", "egress_allow": [{"cidr": "10.1.2.3/32", "ports": [5432]}], "max_upload": "4G"},
        "jupyterhub_config": {"JupyterHub": {"shutdown_on_logout": True, "template_vars": {"announcement": "Hello"}}},
        "jupyterhub_extra_config": {"10-hello": "c.JupyterHub.logo_file = '/logo.png'"},
    },
}
RENDERED = {name: project.render(resolved(variables).hub, ENGINE, PROGRAMS, {}).files for name, variables in HUBS.items()}
SHOWN = ("hub/jupyterhub_config.py", "hub/userlist.json", "edge/nginx.conf", "guard/guard.json", "firewall/firewall.json", "compose.yaml", "hub.json")
CASES = [(name, path) for name in HUBS for path in SHOWN]


@pytest.mark.parametrize(("name", "path"), CASES, ids=[f"{name}/{path}" for name, path in CASES])
def test_a_rendered_file_is_the_golden_one(name: str, path: str) -> None:
    golden = GOLDEN / name / f"{pathlib.Path(path).name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(RENDERED[name][path])
    assert RENDERED[name][path] == golden.read_text()


@pytest.mark.parametrize("name", HUBS)
def test_rendered_files_are_what_their_parsers_take(name: str) -> None:
    files = RENDERED[name]
    compile(files["hub/jupyterhub_config.py"], "jupyterhub_config.py", "exec")
    project_of_compose = yaml.safe_load(files["compose.yaml"])
    assert set(project_of_compose) == {"name", "services", "networks", "volumes"}
    assert all(len(service["labels"][DIGEST_LABEL]) == 16 for service in project_of_compose["services"].values())
    for path in ("hub/userlist.json", "guard/guard.json", "firewall/firewall.json", "hub.json"):
        json.loads(files[path])
    assert files["edge/nginx.conf"].count("{") == files["edge/nginx.conf"].count("}")


@pytest.mark.parametrize("name", HUBS)
def test_rendering_again_from_the_resolved_variables_changes_nothing(name: str) -> None:
    again = Hub.from_variables(json.loads(json.dumps(resolved(HUBS[name]).variables)))
    assert project.render(again, ENGINE, PROGRAMS, {}).files == RENDERED[name]
