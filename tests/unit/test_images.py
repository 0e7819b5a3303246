# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: what is pulled and what is built, in which order, and names that change with the content only."""

from __future__ import annotations

import json
import re
import shlex
import typing as t

import pytest
from hypothesis import given, settings

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import images, versions
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.images import Image
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.tests.unit.support import descriptions, hub


def plan(source: str = "bootstrap", commit: str = "", **topics: t.Any) -> tuple[Image, ...]:
    return images.plan(hub(**topics), source, commit)


def actions(found: tuple[Image, ...]) -> list[str]:
    return [f"{image.action} {image.kind}" for image in found]


def dockerfile(found: tuple[Image, ...], kind: str) -> str:
    return [image for image in found if image.kind == kind][-1].files["Dockerfile"]


OWN = {"base": "x/base:1", "hub": "x/hub:1", "proxy": "x/proxy:1", "edge": "x/edge:1"}
PLANS: list[tuple[str, dict[str, t.Any], list[str]]] = [
    ("registry", {}, ["pull base", "build hub", "pull proxy", "pull edge", "pull user"]),
    ("build", {}, ["pull base", "build hub", "build proxy", "build edge", "build user"]),
    ("bootstrap", {}, ["bootstrap base", "build hub", "build proxy", "build edge", "build user"]),
    ("registry", {"images": OWN}, ["pull hub", "pull proxy", "pull edge", "pull user"]),
    ("bootstrap", {"images": OWN, "spawner": {"image": "x/user:1"}}, ["pull hub", "pull proxy", "pull edge", "pull user"]),
    ("registry", {"images": {"user_apt": ["git"]}}, ["pull base", "build hub", "pull proxy", "pull edge", "pull user", "build user"]),
    (
        "bootstrap",
        {"images": {"user_repository": "https://git.example.org/course.git"}},
        ["bootstrap base", "build hub", "build proxy", "build edge", "build user", "build user"],
    ),
    (
        "registry",
        {"profiles": [{"name": "a", "image": "x/b:1"}, {"name": "b", "image": "x/a:1"}, {"name": "c", "image": "x/a:1"}, {"name": "d"}]},
        ["pull base", "build hub", "pull proxy", "pull edge", "pull user", "pull profile", "pull profile"],
    ),
    ("registry", {"profiles": [{"name": "a", "image": versions.USER_IMAGE}]}, ["pull base", "build hub", "pull proxy", "pull edge", "pull user"]),
]


@pytest.mark.parametrize(("source", "topics", "found"), PLANS, ids=[f"{source} {topics}"[:80] for source, topics, _found in PLANS])
def test_images_are_made_in_the_order_of_their_needs(source: str, topics: dict[str, t.Any], found: list[str]) -> None:
    assert actions(plan(source, "c0ffee", **topics)) == found


@settings(max_examples=25)
@given(descriptions())
def test_whatever_the_description_every_kind_has_one_image(variables: dict[str, t.Any]) -> None:
    described = Hub.from_variables(variables)
    for source in ("registry", "build", "bootstrap"):
        made = images.plan(described, source)
        assert {"hub", "proxy", "edge", "user"} <= set(images.by_kind(made)) <= set(images.KINDS)
        assert len({image.reference for image in made}) == len(made)
        assert images.by_kind(made)["user"] == described.spawner.image or not described.spawner.image
        built: set[str] = set()
        for image in made:
            if image.action == "build":
                parents = set(re.findall(r"^FROM (\S+)", image.files["Dockerfile"], re.MULTILINE)) - {"${BASE_IMAGE}"}
                assert all(parent in built or not parent.startswith(images.REPOSITORY) for parent in parents)
            built.add(image.reference)


def test_the_same_content_has_the_same_name_and_another_has_another() -> None:
    assert plan() == plan()
    one = images.by_kind(plan())
    changed = {
        "hub": images.by_kind(plan(images={"hub_pip": ["scipy==1.17.1"]})),
        "user": images.by_kind(plan(images={"user_pip": ["scipy==1.17.1"]})),
    }
    for kind, other in changed.items():
        assert {name for name in one if one[name] != other[name]} == {kind}
    assert images.by_kind(plan("build"))["hub"] != one["hub"], "on another base"
    assert all(re.fullmatch(r"vdsg-jupyterhub/[a-z]+:[0-9a-f]{12}", name) for name in one.values())


def test_a_commit_makes_another_image() -> None:
    repository = {"user_repository": "https://git.example.org/course.git", "user_repository_version": "main"}
    one, two = (plan(commit=commit, images=repository)[-1] for commit in ("aaa", "bbb"))
    assert one.reference != two.reference
    assert one.repository == {"url": "https://git.example.org/course.git", "version": "main", "commit": "aaa"}
    assert one.arguments == {"BASE_IMAGE": plan(images=repository)[-2].reference}
    assert "ARG BASE_IMAGE=" + one.arguments["BASE_IMAGE"] in one.files["Dockerfile"]
    assert "FROM ${BASE_IMAGE}" in one.files["Dockerfile"]


def test_what_is_installed_is_what_was_asked_for() -> None:
    asked = {"hub_pip": ["jupyterhub-nativeauthenticator>=1.3,<2"], "user_pip": ["uvicorn[standard]>=0.30"], "user_apt": ["git", "libstdc++6"]}
    found = plan(images=asked)
    assert " 'jupyterhub-nativeauthenticator>=1.3,<2' " in dockerfile(found, "hub"), "a bound must not redirect"
    words = shlex.split(re.sub(r"\\\n", " ", dockerfile(found, "user")))
    assert {"uvicorn[standard]>=0.30", "git", "libstdc++6", f"jupyterhub=={versions.JUPYTERHUB}"} <= set(words)
    pulled = plan("registry", images=asked)[-1].files["Dockerfile"]
    assert pulled.startswith(f"FROM {versions.USER_IMAGE}\n")
    assert pulled.index("USER root") < pulled.index("git") < pulled.index("USER 1000") < pulled.index("uvicorn")


def test_every_package_of_ours_is_pinned() -> None:
    for kind, packages in (("hub", versions.HUB_PACKAGES), ("user", versions.USER_PACKAGES)):
        for name, version in packages.items():
            assert f"{name}=={version}" in dockerfile(plan(), kind)
    assert f"configurable-http-proxy@{versions.PROXY}" in dockerfile(plan(), "proxy")


MIRRORS = {"pip": "https://pypi.example.org/simple", "npm": "https://npm.example.org", "apt": "http://deb.example.org/debian"}


def test_packages_come_from_the_mirrors() -> None:
    found = plan(images={"mirrors": MIRRORS})
    for image in found:
        if image.action == "build":
            assert image.arguments == {"PIP_INDEX_URL": MIRRORS["pip"], "NPM_CONFIG_REGISTRY": MIRRORS["npm"]}
            assert "echo 'deb http://deb.example.org/debian bookworm main'" in image.files["Dockerfile"]
    assert "ARG PIP_INDEX_URL\n" in dockerfile(found, "hub")
    assert "mirror" not in dockerfile(plan(), "hub")
    assert all(image.arguments == {} for image in plan())


@pytest.mark.parametrize("kind", ["hub", "proxy", "edge", "user"])
def test_no_image_of_ours_runs_as_root(kind: str) -> None:
    text = dockerfile(plan(), kind)
    users = re.findall(r"^USER (\S+)", text, re.MULTILINE)
    assert users and not users[-1].startswith(("0", "root"))
    assert not re.search(r"(?<!\$)\{\w*\}", text), "no placeholder is left"


def test_lab_settings_are_json_in_the_dockerfile() -> None:
    found = re.search(r"echo '(\{.*\})' > \S+overrides\.json", dockerfile(plan(), "user"))
    assert found and json.loads(found[1]) == images.LAB_SETTINGS


def test_authorities_are_seen_by_downloads_and_are_in_no_layer() -> None:
    for kind in ("hub", "proxy", "user"):
        assert "--mount=type=secret,id=ca,target=/run/ca.pem" in dockerfile(plan(), kind)
        assert "COPY" not in dockerfile(plan(), kind).replace("COPY --from=build /out /usr/local", "")


def test_auto_is_decided_before() -> None:
    assert images.sources(hub(images={"source": "auto"})) == ("registry", "bootstrap")
    assert images.sources(hub(images={"source": "build"})) == ("build",)
    with pytest.raises(DescriptionError, match="must be decided"):
        plan("auto")
