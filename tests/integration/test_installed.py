# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody has who installed the collection from Galaxy: the tarball, in an empty home, far from this repository.

Needs an engine, and the images of the tests on it.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
TOOLS = pathlib.Path(sys.executable).parent
NAME = "vdsg-installed"
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
PLUGINS = [
    (kind, path.stem)
    for kind, directory in (("module", "modules"), ("lookup", "lookup"), ("filter", "filter"))
    for path in sorted((ROOT / "plugins" / directory).glob("*.py"))
]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


class Place(t.NamedTuple):
    """A machine of somebody else, as far as programs can tell."""

    home: pathlib.Path
    collections: pathlib.Path
    here: pathlib.Path

    def run(self, tool: str, *arguments: str) -> str:
        """Run one of Ansible's programs as it would be run there."""
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "ANSIBLE_COLLECTIONS_PATH": str(self.collections)}
        done = subprocess.run(
            [str(TOOLS / tool), *arguments], cwd=self.here, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "[WARNING]" not in done.stderr + done.stdout, done.stderr + done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The collection, built and installed."""
    tmp = tmp_path_factory.mktemp("installed")
    found = Place(tmp / "home", tmp / "collections", tmp / "here")
    for directory in found:
        directory.mkdir()
    subprocess.run([str(ROOT / "scripts" / "stage.sh"), str(tmp / "stage")], cwd=ROOT, check=True, timeout=60)
    found.run("ansible-galaxy", "collection", "build", "--output-path", str(tmp), str(tmp / "stage"))
    tarball = next(tmp.glob("vdsg-jupyterhub-*.tar.gz"))
    found.run("ansible-galaxy", "collection", "install", "--offline", "--no-deps", "--collections-path", str(found.collections), str(tarball))
    return found


def test_nothing_but_the_collection_is_installed(place: Place) -> None:
    installed = place.collections / "ansible_collections" / "vdsg" / "jupyterhub"
    assert {"README.md", "MANIFEST.json", "FILES.json", "meta", "playbooks", "plugins", "roles"} <= {path.name for path in installed.iterdir()}
    unwanted = {".git", ".cache", ".venv", ".ci", ".github", "__pycache__", "vault.yml"}
    assert not [path for path in installed.rglob("*") if path.name in unwanted]


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbooks_are_found_by_their_names(place: Place, playbook: str) -> None:
    (place.here / "group.yml").write_text(json.dumps({"docker_compose": {"hosts": {"localhost": None}}}))
    place.run("ansible-playbook", f"vdsg.jupyterhub.{playbook}", "--inventory", "group.yml", "--syntax-check")


def test_the_site_playbook_would_deploy_a_hub(place: Place, tmp_path: pathlib.Path) -> None:
    hub = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "jupyterhub_name": NAME,
        "jupyterhub_auth": {"method": "shared_password"},
        "jupyterhub_userlist": "userlist.txt",
        "jupyterhub_images": {"source": "auto"},
        "jupyterhub_network": {"bind_address": "127.0.0.1", "http_port": 19381, "https_port": 19382},
        "docker_compose_project_dir": str(tmp_path / "project"),
    }
    (place.here / "hosts.yml").write_text(json.dumps({"docker_compose": {"hosts": {"hub": hub}}}))
    (place.here / "userlist.txt").write_text("geoheil admin\nmaksmitk\n")
    said = place.run("ansible-playbook", "vdsg.jupyterhub.site", "--inventory", "hosts.yml", "--check", "--diff")
    assert "https://localhost:19382/" in said
    assert "c.JupyterHub.spawner_class" in said
    assert "failed=0" in said
    assert not (tmp_path / "project").exists()
    labelled = ["docker", "ps", "--all", "--quiet", "--filter", f"label=vdsg.jupyterhub.name={NAME}"]
    assert not subprocess.run(labelled, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize(("kind", "name"), PLUGINS, ids=lambda part: part)
def test_plugins_say_what_they_are_for(place: Place, kind: str, name: str) -> None:
    told = json.loads(place.run("ansible-doc", "--json", "--type", kind, f"vdsg.jupyterhub.{name}"))[f"vdsg.jupyterhub.{name}"]
    assert told["doc"]["short_description"]
    assert yaml.safe_load(told["examples"])
    assert f"vdsg.jupyterhub.{name}" in place.run("ansible-doc", "--type", kind, f"vdsg.jupyterhub.{name}")


@pytest.mark.parametrize("role", ROLES)
def test_roles_say_what_they_are_for(place: Place, role: str) -> None:
    told = json.loads(place.run("ansible-doc", "--json", "--type", "role", f"vdsg.jupyterhub.{role}"))[f"vdsg.jupyterhub.{role}"]
    assert told["entry_points"]["main"]["short_description"]
    assert told["entry_points"]["main"]["options"]
