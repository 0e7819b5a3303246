# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub's image and what the collection says of its traits. Needs an engine, and VDSG_TEST_IMAGE, the hub's image on it."""

from __future__ import annotations

import hashlib
import json
import pathlib
import subprocess
import typing as t

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import docker_compose, project, secrets
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.config_check import ConfigCheck
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.docker import Docker
from ansible_collections.vdsg.jupyterhub.tests.unit.support import CATALOGUE, ENGINE, PROGRAM_FILES, ROOT, SIMPLE, descriptions, resolved

PROGRAM = (PROGRAM_FILES / "config_check.py").read_text()
PROGRAMS = {
    **{name: (PROGRAM_FILES / name).read_text() for name in project.ALL_PROGRAMS},
    "config_check.py": PROGRAM,
    "traits.json": (ROOT / "plugins/module_utils/core/traits.json").read_text(),
}


def ask(image: str, program: str, given: str = "") -> t.Any:
    """Return what a Python program prints as JSON in a container of the image."""
    command = ["docker", "run", "--rm", "--interactive", "--network=none", "--tmpfs=/etc/jupyterhub:uid=1000", "--entrypoint=python3", image, "-c", program]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_catalogue_is_fresh(image: str) -> None:
    found = ask(image, (ROOT / "scripts/collect_traits.py").read_text())
    assert {"jupyterhub", "dockerspawner", "oauthenticator"} <= set(found["packages"])
    assert {name: CATALOGUE.packages.get(name) for name in found["packages"]} == found["packages"], "make traits"
    assert {name: CATALOGUE.classes.get(name) for name in found["classes"]} == found["classes"], "make traits"


# ---- Any description

# Load each configuration in the hub's own loader, and give back what was said in jupyterhub_config.
DRIVER = """
import shutil
from jupyterhub.app import JupyterHub

answers = []
for order in json.load(sys.stdin):
    for path in pathlib.Path(ROOT).iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    sys.modules.pop("profiles", None)
    write(ROOT, order["files"])
    app = JupyterHub()
    app.load_config_file(f"{ROOT}/{CONFIG}")
    said = {cls: {trait: app.config[cls][trait] for trait in traits} for cls, traits in order["config"].items()}
    kinds = [[problem["kind"], problem["class"], problem.get("trait", problem["message"])] for problem in check(ROOT)["problems"]]
    answers.append({"said": repr(said), "problems": kinds})
json.dump(answers, sys.stdout)
"""


WRAPPED = ("pre_spawn_hook", "template_vars")
"""Traits that maintenance.py goes before, whatever their value is."""


def test_any_description_gives_back_the_same_traits_in_the_hubs_own_loader(image: str) -> None:
    orders: list[dict[str, t.Any]] = []

    # In one container, since starting one takes a second: nothing is judged while examples are made.
    @settings(max_examples=100, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(descriptions())
    def collect(variables: dict[str, t.Any]) -> None:
        described = {**variables, "jupyterhub_extra_config": {}}
        if described.get("jupyterhub_auth", {}).get("method", "github") == "github":
            described["jupyterhub_auth"] = {**described.get("jupyterhub_auth", {}), "client_secret": "x", "client_id": "x"}
        if described.get("jupyterhub_auth", {}).get("method") == "custom":
            # The image has this one.
            described["jupyterhub_auth"]["custom_class"] = "jupyterhub.auth.PAMAuthenticator"
        if described.get("jupyterhub_database", {}).get("type"):
            described["jupyterhub_database"]["password"] = "x"
        hub = resolved(described).hub
        files = {path.removeprefix("hub/"): text for path, text in project.render(hub, ENGINE, PROGRAMS, {}).files.items() if path.startswith("hub/")}
        files |= {path: hashlib.sha256(path.encode()).hexdigest() for path in docker_compose.secret_files(hub)["hub"]}
        said = {cls: {trait: value for trait, value in traits.items() if trait not in WRAPPED} for cls, traits in hub.config.items()}
        orders.append({"files": files, "config": said})

    collect()
    assert len(orders) > 30
    answers = ask(image, PROGRAM.partition("if __name__ ==")[0] + DRIVER, json.dumps(orders))
    for order, answer in zip(orders, answers, strict=True):
        assert answer["said"] == repr(order["config"])
        # Classes of packages that this image does not have are for other targets and authenticators.
        assert [problem for problem in answer["problems"] if not (problem[0] == "class" and problem[1] in CATALOGUE.classes)] == []


# ---- What the image says


class Asked:
    """A hub whose configuration an image is asked about, as often as that is needed."""

    def __init__(self, image: str, folder: pathlib.Path) -> None:
        self.image = image
        self.folder = folder
        self.runs = 0

    def run_command(self, command: list[str], **options: t.Any) -> tuple[int, bytes, bytes]:
        """Do what AnsibleModule.run_command does."""
        self.runs += 1
        done = subprocess.run(command, input=options["data"], capture_output=True, check=False, timeout=120)
        return done.returncode, done.stdout, done.stderr

    def about(self, **topics: t.Any) -> list[str]:
        """Return the warnings about a hub with these topics; remember what was good."""
        found = resolved({**SIMPLE, **{f"jupyterhub_{name}": value for name, value in topics.items()}})
        values = {item.name: found.secrets.get(item.name, hashlib.sha256(item.name.encode()).hexdigest()) for item in secrets.wanted(found.hub, found.secrets)}
        fingerprints = {name: hashlib.sha256(value.encode()).hexdigest() for name, value in values.items()}
        check = ConfigCheck(Docker(self.run_command), found.hub, str(self.folder), self.image, self.image)
        warnings = check.run(project.render(found.hub, ENGINE, PROGRAMS, fingerprints), PROGRAMS, values)
        check.remember()
        return warnings


@pytest.fixture
def asked(image: str, tmp_path: pathlib.Path) -> Asked:
    return Asked(image, tmp_path)


REFUSED: list[tuple[str, dict[str, t.Any]]] = [
    (
        r"jupyterhub_config\.Mine\.imge: Mine has no such trait in the image vdsg-jupyterhub/hub:\w+; did you mean image\?",
        {"extra_config": {"10-mine": "import dockerspawner\nclass Mine(dockerspawner.DockerSpawner):\n    pass\n"}, "config": {"Mine": {"imge": "x"}}},
    ),
    (
        r"jupyterhub_config\.Min\.image: the image .* has no class Min; did you mean Mine\?",
        {"extra_config": {"10-mine": "import dockerspawner\nclass Mine(dockerspawner.DockerSpawner):\n    pass\n"}, "config": {"Min": {"image": "x"}}},
    ),
    (
        r"jupyterhub_extra_config\.20-name: line 2: NameError: name 'nothing' is not defined",
        {"extra_config": {"10-good": "x = 1", "20-name": "y = x\nc.JupyterHub.cookie_max_age_days = nothing"}},
    ),
    (
        r"jupyterhub_extra_config\.10-x: line 2: c\.JupyterHub\.cookie_max_age_days must be a float, not 'xx'",
        {"extra_config": {"10-x": "x = 'x' * 2\nc.JupyterHub.cookie_max_age_days = x"}},
    ),
    (
        r"jupyterhub_extra_config: c\.JupyterHub\.cookie_max_age_day: JupyterHub has no such trait in the image .*; did you mean cookie_max_age_days\?",
        {"extra_config": {"10-x": "setattr(c.JupyterHub, 'cookie_max_age_' + 'day', 1.0)"}},
    ),
    (
        r"jupyterhub_extra_config\.10-x: line 1: c\.JupyterHub\.cookie_max_age_days must be a float, not '…'$",
        {"extra_config": {"10-x": "c.JupyterHub.cookie_max_age_days = secret('mine')"}, "extra_secrets": {"mine": "hush 'hush' \"hush\" \\hush"}},
    ),
    (
        r"the image .* refuses the configuration: SharedPasswordAuthenticator: .*password_groups is set, but .*manage_groups is not",
        {"extra_config": {"10-x": "c.SharedPasswordAuthenticator.password_groups = {secret('cookie_secret'): ['x']}"}},
    ),
    (r"jupyterhub_extra_config\.10-x: line 1: ModuleNotFoundError: No module named 'nowhere'", {"extra_config": {"10-x": "import nowhere"}}),
    (
        r"jupyterhub_auth\.custom_class must be a class that the image has, not 'nowhere\.Mine'; a package of jupyterhub_images\.hub_pip may bring it",
        {"auth": {"method": "custom", "custom_class": "nowhere.Mine"}},
    ),
]


@pytest.mark.parametrize(("sentence", "topics"), REFUSED, ids=[sentence for sentence, _topics in REFUSED])
def test_what_the_image_refuses_is_refused_in_one_sentence(asked: Asked, sentence: str, topics: dict[str, t.Any]) -> None:
    with pytest.raises(DescriptionError, match=sentence) as caught:
        asked.about(**topics)
    assert "hush" not in str(caught.value)
    assert not list(asked.folder.iterdir())


def test_what_an_image_of_ones_own_has_decides(asked: Asked) -> None:
    """Of an image that is not ours the catalogue says nothing."""
    with pytest.raises(DescriptionError, match=r"DockerSpawner has no such trait in the image .*; did you mean mem_limit"):
        asked.about(images={"hub": asked.image}, config={"DockerSpawner": {"mem_limt": "1G"}})
    assert asked.about(images={"hub": asked.image}, config={"DockerSpawner": {"mem_limit": "1G"}, "KubeSpawner": {"uid": 1}}) == []


def test_what_the_world_must_answer_is_warned_of(asked: Asked) -> None:
    (warning,) = asked.about(extra_config={"10-x": "open('/srv/jupyterhub/mine')"})
    assert warning.startswith("jupyterhub_extra_config.10-x: line 1 could not be tried without network and data: FileNotFoundError")


def test_an_image_is_asked_once_about_a_configuration(asked: Asked) -> None:
    assert asked.about() == []
    assert asked.runs == 0, "an ordinary hub needs no look into its image"
    for _time in range(2):
        assert asked.about(extra_config={"10-x": "c.JupyterHub.shutdown_on_logout = True"}) == []
    assert asked.runs == 1
    assert asked.about(extra_config={"10-x": "c.JupyterHub.shutdown_on_logout = False"}) == []
    assert asked.runs == 2
