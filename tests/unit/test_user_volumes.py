# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose files a volume holds: what is wrong here would delete somebody else's."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import user_volumes
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Storage
from ansible_collections.vdsg.jupyterhub.tests.unit.support import USER_NAME

# What dockerspawner 14.0.0 says.
ESCAPED = {"geo-heil": "geo-2dheil", "a b": "a-20b", "né/w?": "n-c3-a9-2fw-3f", "x@y.org": "x-40y-2eorg", "UP": "-55-50", "a_b": "a-5fb", "名": "-e5-90-8d"}
SERVER_NAME = st.from_regex(r"[a-z]([a-z0-9]|-(?!-)){0,4}", fullmatch=True) | st.just("")
TEMPLATES = ["{name}-user-{username}", "{name}-{username}-{servername}", "{name}-{servername}_{username}", "{name}-{username}.x{servername}y"]


def volume(volume_name: str, **labels: str) -> dict[str, t.Any]:
    return {"Name": volume_name, "Labels": {f"vdsg.jupyterhub.{key}": value for key, value in labels.items()} or None}


def made(template: str, user: str, server: str) -> str:
    """The name that DockerSpawner gives a volume."""
    return template.replace("{name}", "lab").replace("{username}", user_volumes.escape(user)).replace("{servername}", user_volumes.escape(server))


@pytest.mark.parametrize(("name", "escaped"), ESCAPED.items())
def test_names_are_escaped_as_the_spawner_does(name: str, escaped: str) -> None:
    assert user_volumes.escape(name) == escaped


def test_the_default_is_that_of_the_description() -> None:
    assert Storage().volume_name_template == user_volumes.TEMPLATE


def test_only_this_hubs_volumes_of_this_person_count() -> None:
    volumes = [
        volume("lab-user-sam", name="lab", component="user-data"),
        volume("lab-user-sam2", name="lab", component="user-data"),
        volume("lab-user-data", name="lab-user", component="data"),
        volume("lab-user-eve", name="other", component="user-data"),
        volume("lab-user-ann", name="lab", component="files"),
        volume("lab-user-old"),
        {"Name": "lab-user-web", "Labels": {"com.docker.compose.project": "web"}},
    ]
    users = ["sam", "data", "eve", "ann", "old", "web", "nobody"]
    assert user_volumes.by_user(volumes, "lab", user_volumes.TEMPLATE, users) == {"sam": ["lab-user-sam"], "old": ["lab-user-old"]}


@settings(max_examples=500)
@given(st.sampled_from(TEMPLATES), USER_NAME, SERVER_NAME, USER_NAME)
def test_a_volume_is_of_one_person(template: str, user: str, server: str, other: str) -> None:
    name = made(template, user, server)
    assert user_volumes.by_user([volume(name)], "lab", template, [user, other]) == {user: [name]}


@given(st.sampled_from(TEMPLATES), USER_NAME)
def test_the_volume_that_everybody_has_is_that_of_the_server_without_a_name(template: str, user: str) -> None:
    assert user_volumes.first_of(template, "lab", user) == made(template, user, "")


@settings(max_examples=500)
@given(st.sampled_from(["{name}-{username}{servername}", "{name}-{servername}{username}", "{name}-{username}x{servername}"]), USER_NAME, SERVER_NAME)
def test_where_people_cannot_be_told_apart_only_the_first_server_counts(template: str, user: str, server: str) -> None:
    found = user_volumes.by_user([volume(made(template, user, server))], "lab", template, [user])
    assert found == ({user: [made(template, user, "")]} if not server else {})


def test_a_dash_in_a_name_is_not_the_dash_of_a_template() -> None:
    volumes = [volume("lab-a-2dx-"), volume("lab-a-"), volume("lab-a-x"), volume("lab-a-x-2dy")]
    assert user_volumes.by_user(volumes, "lab", "{name}-{username}-{servername}", ["a", "a-x"]) == {
        "a": ["lab-a-", "lab-a-x", "lab-a-x-2dy"],
        "a-x": ["lab-a-2dx-"],
    }
