# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every start of a server goes through: who may choose what, what a choice does, and a page that says the same."""

from __future__ import annotations

import html.parser
import types
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import docker_spawner, storage
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.tests.unit.support import descriptions, hub, program

servers = program("servers")

PROFILES = [
    {"name": "Small", "mem_limit": "1G"},
    {
        "name": "Large <b>",
        "description": "8 & more",
        "image": "x/y:1",
        "cpu_limit": 4,
        "environment": {"B": "2"},
        "default": True,
        "options": [
            {
                "name": "size",
                "title": "How <large>",
                "choices": [
                    {"name": "big", "mem_limit": "8G", "mem_guarantee": "4G"},
                    {"name": "huge", "description": "16 & more", "mem_limit": "16G", "environment": {"C": "3"}, "default": True},
                ],
            },
            {"name": "kernel", "choices": [{"name": "python"}, {"name": "r", "image": "x/r:1", "cmd": ["start-r"], "default_url": "/rstudio"}]},
        ],
    },
    {"name": "Teachers", "allowed_groups": ["teachers"], "allowed_users": ["Jenny"], "mem_limit": "32G"},
]
OFFERED = docker_spawner.profiles(hub(profiles=PROFILES, groups={"teachers": ["sam"]}))


class Spawner(types.SimpleNamespace):
    """A new spawner of a person, with what all servers have."""

    def __init__(self, **changes: t.Any) -> None:
        super().__init__(**{"image": "all", "environment": {"A": "1", "B": "1"}, "extra_host_config": {"cpu_shares": 512}, **changes})


def started(choice: dict[str, t.Any], user: str = "alice", groups: t.Collection[str] = ()) -> dict[str, t.Any]:
    """Return what a choice makes of a new spawner."""
    spawner = Spawner()
    for found in servers.choose(OFFERED, choice, user, groups):
        servers.change(spawner, found)
    return vars(spawner)


def test_a_profile_is_what_it_says_and_what_it_leaves_to_all() -> None:
    assert started({"profile": "Small"}) == vars(Spawner(mem_limit="1G"))


def test_a_choice_of_an_option_wins_over_its_profile() -> None:
    chosen = {"profile": "Large <b>", "size": "big", "kernel": "r"}
    assert started(chosen) == vars(
        Spawner(
            image="x/r:1",
            cmd=["start-r"],
            default_url="/rstudio",
            cpu_limit=4.0,
            mem_limit="8G",
            environment={"A": "1", "B": "2"},
            extra_host_config={"cpu_shares": 512, "mem_reservation": 4 * 1024**3},
        )
    )


def test_what_nobody_chose_is_the_default() -> None:
    """Servers that are started through the API say nothing, or not everything."""
    assert started({}) == started({"profile": "Large <b>", "size": "huge", "kernel": "python"})
    assert started({})["environment"] == {"A": "1", "B": "2", "C": "3"}


ALLOWED = [("jenny", (), True), ("sam", ("teachers",), True), ("alice", (), False), ("alice", ("students",), False), ("teachers", (), False)]


@pytest.mark.parametrize(("user", "groups", "allowed"), ALLOWED)
def test_a_profile_of_some_is_for_them(user: str, groups: tuple[str, ...], allowed: bool) -> None:
    assert ('value="Teachers"' in servers.form(OFFERED, user, groups)) is allowed
    if allowed:
        assert started({"profile": "Teachers"}, user, groups)["mem_limit"] == "32G"
    else:
        with pytest.raises(servers.Refused, match=r"^the profile 'Teachers' is not open to you; there are: Small, Large <b>$") as refused:
            started({"profile": "Teachers"}, user, groups)
        assert refused.value.status == 403


WRONG: list[tuple[dict[str, t.Any], str]] = [
    ({"profile": "Huge"}, "there is no profile 'Huge'; there are: Small, Large <b>"),
    ({"profile": ["Small"]}, r"there is no profile \['Small'\]"),
    ({"profile": 3}, "there is no profile 3"),
    ({"profile": "Large <b>", "size": "tiny"}, "there is no size 'tiny'; there are: big, huge"),
    ({"profile": "Large <b>", "image": "evil"}, "the profile 'Large <b>' has no option 'image'"),
    ({"profile": "Small", "size": "big"}, "the profile 'Small' has no option 'size'"),
]


@pytest.mark.parametrize(("choice", "message"), WRONG, ids=[str(choice) for choice, _message in WRONG])
def test_a_choice_that_cannot_be_is_refused_in_a_sentence(choice: dict[str, t.Any], message: str) -> None:
    with pytest.raises(servers.Refused, match=f"^{message}") as refused:
        started(choice)
    assert refused.value.status == 400


def test_whoever_has_no_profile_has_no_server() -> None:
    only = [profile for profile in OFFERED if profile["name"] == "Teachers"]
    assert "<input" not in servers.form(only, "alice", ())
    for choice in ({}, {"profile": "Teachers"}):
        with pytest.raises(servers.Refused, match=r"^no profile of this hub is open to you"):
            servers.choose(only, choice, "alice", ())


def test_the_default_is_the_first_one_that_is_open() -> None:
    offered = docker_spawner.profiles(hub(profiles=[{"name": "A", "default": True, "allowed_users": ["jenny"]}, {"name": "B"}, {"name": "C"}]))
    assert 'value="B" checked' in servers.form(offered, "alice", ())
    assert 'value="A" checked' in servers.form(offered, "jenny", ())


# --- the page


class Page(html.parser.HTMLParser):
    """The fields of a page, as a browser would send them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.values: dict[str, list[str]] = {}
        self.tags: set[str] = set()
        self.select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        value = given.get("value") or ""
        self.tags.add(tag)
        if tag == "select":
            self.select = given["name"] or ""
        if tag in ("input", "option"):
            name = self.select if tag == "option" else given["name"] or ""
            self.values.setdefault(name, []).append(value)
            if "checked" in given or "selected" in given:
                self.fields[name] = value


def sent(page: Page, profile: str) -> dict[str, list[str]]:
    """Return what a browser sends: the chosen profile, and the fields of all profiles."""
    return {name: [value] for name, value in {**page.fields, "profile": profile}.items()}


def test_the_page_says_what_there_is_and_no_name_breaks_out_of_it() -> None:
    text = servers.form(OFFERED, "alice", ())
    page = Page(text)
    assert page.tags == {"div", "input", "label", "strong", "br", "select", "option"}
    assert page.values == {"profile": ["Small", "Large <b>"], "option-1-size": ["big", "huge"], "option-1-kernel": ["python", "r"]}
    assert page.fields == {"profile": "Large <b>", "option-1-size": "huge", "option-1-kernel": "python"}
    assert "8 &amp; more" in text and "How &lt;large&gt;" in text and "huge: 16 &amp; more" in text


def test_the_fields_of_the_page_are_a_choice() -> None:
    page = Page(servers.form(OFFERED, "alice", ()))
    assert servers.from_form(OFFERED, {**sent(page, "Small"), "_xsrf": ["2|abc"]}) == {"profile": "Small"}
    assert servers.from_form(OFFERED, sent(page, "Large <b>")) == {"profile": "Large <b>", "size": "huge", "kernel": "python"}
    assert servers.from_form(OFFERED, {"profile": ["Large <b>"], "size": ["big"]}) == {"profile": "Large <b>", "size": "big"}, "an address"
    assert servers.from_form(OFFERED, {}) == {}
    assert servers.from_form(OFFERED, {"profile": ["Gone"], "option-1-size": ["big"]}) == {"profile": "Gone"}


@settings(max_examples=60)
@given(descriptions(), st.data())
def test_whatever_the_page_offers_may_be_chosen_and_is_applied(variables: dict[str, t.Any], data: st.DataObject) -> None:
    described = Hub.from_variables(variables)
    offered = docker_spawner.profiles(described)
    user = data.draw(st.sampled_from(sorted({"alice", *(name.lower() for profile in described.profiles for name in profile.allowed_users or ())})))
    groups = data.draw(st.sets(st.sampled_from(sorted(described.groups)))) if described.groups else set()
    page = Page(servers.form(offered, user, groups))
    allowed = [profile for profile in described.profiles if profile.name in page.values.get("profile", [])]
    for profile in described.profiles:
        everybody = profile.allowed_users is None and profile.allowed_groups is None
        named = user in {name.lower() for name in profile.allowed_users or ()} or groups & set(profile.allowed_groups or ())
        assert (profile in allowed) is bool(everybody or named)
    for profile in allowed:
        spawner = Spawner()
        chosen = servers.from_form(offered, sent(page, profile.name))
        for found in servers.choose(offered, chosen, user, groups):
            servers.change(spawner, found)
        layers = [profile, *(choice for option in profile.options for choice in option.choices if choice.name == chosen[option.name])]
        for name in ("image", "mem_limit", "cpu_limit", "cmd"):
            wanted = next((value for layer in reversed(layers) if (value := getattr(layer, name))), getattr(Spawner(), name, None))
            assert getattr(spawner, name, None) == (storage.command(described, wanted) if isinstance(wanted, tuple) else wanted)


# --- limits


def test_enough_servers_are_enough() -> None:
    person = types.SimpleNamespace(spawners={})
    mine, other, asleep = (types.SimpleNamespace(user=person, active=active) for active in (True, True, False))
    person.spawners = {"": mine, "second": other, "third": asleep}
    servers.check_running(mine, 0)
    servers.check_running(mine, 2)
    with pytest.raises(servers.Refused, match=r"^you have 1 servers running, and may have 1; stop one first$") as refused:
        servers.check_running(mine, 1)
    assert refused.value.status == 429
