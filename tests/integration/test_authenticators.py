# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of the guide to logging in, loaded by JupyterHub's own loader and taken by the very class that it is for.

Needs an engine, and VDSG_TEST_IMAGE, the hub's image on it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import images, project
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.authentication import METHODS
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import secret_files
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.resolve import Resolved
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ENGINE, AUTHENTICATION, PROGRAM_FILES, example

# In the hub's image: hubs in, and for each what its authenticator says of itself out.
LOAD = r"""
import contextlib, io, json, logging, pathlib, sys, tempfile

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from traitlets.config import PyFileConfigLoader
from dockerspawner import DockerSpawner
from jupyterhub.httpclient import JupyterHubHTTPClient


def holds(taken, value):
    # It may complete a dictionary, and make a member of an enumeration of a text.
    if isinstance(value, dict):
        return all(key in taken and holds(taken[key], item) for key, item in value.items())
    return taken == value or getattr(taken, "name", None) == value


def load(files):
    home = pathlib.Path(tempfile.mkdtemp())
    for path, text in files.items():
        (home / path).parent.mkdir(exist_ok=True)
        (home / path).write_text(text.replace("/etc/jupyterhub", str(home)).replace("/srv/jupyterhub", str(home)))
    config = PyFileConfigLoader("jupyterhub_config.py", path=str(home)).load_config()
    app = JupyterHub(config=config, log_level=logging.WARNING)
    said = io.StringIO()
    app.log.addHandler(logging.StreamHandler(said))
    db = orm.new_session_factory("sqlite:///:memory:")()
    authenticator = app.authenticator_class(parent=app, _deprecated_db_session=db)
    authenticator.check_allow_config()
    known = {cls.__name__: cls for base in (*app.classes, DockerSpawner, JupyterHubHTTPClient, type(authenticator)) for cls in reversed(base.__mro__)}
    unknown, wrong = [], []
    for name, section in config.items():
        traits = known[name].class_traits(config=True) if hasattr(known.get(name), "class_traits") else {}
        unknown += [f"{name}.{trait}" for trait in section if trait not in traits]
        for trait, value in section.items():
            if name in {cls.__name__ for cls in type(authenticator).__mro__} and trait in traits:
                taken = getattr(authenticator, trait)
                if not holds(taken, value):
                    wrong.append(f"{name}.{trait}: {value!r} became {taken!r}")
    handlers = [path for path, _handler in authenticator.get_handlers(app)]
    for name in ("native_login", "ldap_groups"):
        sys.modules.pop(name, None)
    sys.path[:] = [path for path in sys.path if path != str(home)]
    return {"class": type(authenticator).__name__, "unknown": unknown, "wrong": wrong, "said": said.getvalue(), "handlers": handlers}


found = {}
for name, files in json.load(sys.stdin).items():
    try:
        found[name] = load(files)
    except Exception as error:
        found[name] = {"error": f"{type(error).__name__}: {error}"}
print(json.dumps(found))
"""
HUBS: dict[str, Resolved] = {f"{found['jupyterhub_auth']['method']}-{number}": example(found) for number, found in enumerate(AUTHENTICATION)}
HUBS["dummy"] = example({"jupyterhub_auth": {"method": "dummy"}, "jupyterhub_network": {"bind_address": "127.0.0.1"}})


def everything() -> str:
    """Return a Dockerfile with what all methods need, each as its own hub would get it, on the tests' image."""
    steps: dict[str, None] = {}
    for made in HUBS.values():
        text = images.authentication_dockerfile(made.hub).replace("{{", "{").replace("}}", "}").replace("{arguments}", "")
        # A step goes on in the next line after a backslash.
        steps |= dict.fromkeys(re.findall(r"^RUN (?:.*\\\n)*.*\n", text, re.MULTILINE))
    custom = " ".join(package for made in HUBS.values() for package in made.hub.images.hub_pip)
    install = f"RUN {images.CA} {images.TRUST} && /opt/jupyter/bin/pip install --no-cache-dir {custom}\n"
    return f"FROM {os.environ['VDSG_TEST_IMAGE']}\nUSER 0:0\n" + "".join(steps) + install + "USER 1000:1000\n"


def run(*command: str, given: str = "") -> str:
    done = subprocess.run(["docker", *command], input=given, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def image() -> str:
    """An image with the packages of all methods."""
    if not os.environ.get("VDSG_TEST_IMAGE"):
        pytest.fail("set VDSG_TEST_IMAGE to the hub's image (make images)", pytrace=False)
    text = everything()
    name = f"vdsg-jupyterhub-test-authenticators:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    if not run("images", "--quiet", name):
        authority = [f"--secret=id=ca,src={os.environ['PIP_CERT']}"] if os.environ.get("PIP_CERT") else []
        run("build", "--quiet", "--label=vdsg.jupyterhub.component=test-authenticators", f"--tag={name}", *authority, "-", given=text)
    return name


@pytest.fixture(scope="module")
def loaded(image: str) -> dict[str, t.Any]:
    """What each hub's authenticator says, from one start of Python."""
    given = {}
    for name, made in HUBS.items():
        files = {"jupyterhub_config.py": project.config(made.hub, ENGINE), "userlist.json": project.userlist(made.hub)}
        files |= {program: (PROGRAM_FILES / program).read_text() for program in project.ALL_PROGRAMS}
        files |= {path: made.secrets.get(source, "0123456789abcdef" * 4) for path, source in secret_files(made.hub)["hub"].items()}
        # Two passwords must differ.
        files |= {path: text + "x" for path, text in files.items() if path == "secrets/admin_password"}
        given[name] = files
    found: dict[str, t.Any] = json.loads(
        run("run", "--rm", "--interactive", "--network=none", "--entrypoint=python3", image, "-c", LOAD, given=json.dumps(given))
    )
    return found


@pytest.mark.parametrize("name", HUBS)
def test_the_class_takes_all_that_is_rendered(loaded: dict[str, t.Any], name: str) -> None:
    found = loaded[name]
    assert "error" not in found, found["error"]
    assert found["unknown"] == []
    assert found["wrong"] == []
    assert "deprecated" not in re.sub(r"The shared database session at Authenticator.db is deprecated.*", "", found["said"])
    assert "No allow config found" not in found["said"]
    section = METHODS[HUBS[name].hub.auth.method].section
    assert not section or found["class"] == section


def test_every_method_was_loaded() -> None:
    assert {made.hub.auth.method for made in HUBS.values()} == set(METHODS)


def test_the_addresses_that_the_guide_names_exist(loaded: dict[str, t.Any]) -> None:
    wanted = {
        "oidc": {"/oauth_callback"},
        "native": {"/signup", "/authorize", "/change-password"},
        "lti": {"/lti13/oauth_login", "/lti13/oauth_callback", "/lti13/config"},
    }
    for method, paths in wanted.items():
        handlers = {"/" + path.strip("/") for path in next(found["handlers"] for name, found in loaded.items() if name.startswith(f"{method}-"))}
        assert paths <= handlers
