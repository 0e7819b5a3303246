# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a hub looks: announcements, a logo and templates, for people and in a real browser; a change restarts no more than it must."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from ansible_collections.vdsg.jupyterhub.tests.acceptance import test_browser
from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import Plays, lives, restarted

browser, screenshots = test_browser.browser, test_browser.screenshots
SCENARIO = pathlib.Path(__file__).parents[2] / "molecule" / "operations"
LOGO = SCENARIO / "look" / "logo.svg"
LOOK: dict[str, t.Any] = {
    "logo": str(LOGO),
    "announcement": "Welcome to the <strong>course</strong>",
    "announcement_login": "Use the password of the course",
    "templates": str(SCENARIO / "look" / "templates"),
    "template_vars": {"contact": "help@operations.test"},
}
"""As the inventory of the scenario has it."""


def page(client: HubClient, path: str) -> str:
    """Return a page of the hub."""
    answer = client.session.get(f"{client.url}/hub/{path}", timeout=60)
    assert answer.status_code == 200
    return answer.text


@pytest.fixture
def stranger(settings: Settings) -> HubClient:
    return settings.client()


@pytest.fixture
def look(plays: Plays) -> t.Iterator[dict[str, t.Any]]:
    """The look of the inventory, and back to it in the end."""
    yield LOOK
    plays.variables.pop("jupyterhub_look", None)
    plays.deploy()


def test_pages_are_as_described(stranger: HubClient, admin: HubClient) -> None:
    login, home = page(stranger, "login"), page(admin, "home")
    assert "Use the password of the course" in login
    assert "Welcome to the" not in login
    assert "Welcome to the <strong>course</strong>" in home
    for text in (login, home):
        assert "<title>The course</title>" in text
        assert "help@operations.test" in text
    logo = stranger.session.get(f"{stranger.url}/hub/logo", timeout=30)
    assert (logo.headers["Content-Type"], logo.content) == ("image/svg+xml", LOGO.read_bytes())


def test_a_browser_shows_it(settings: Settings, browser: Chrome, screenshots: pathlib.Path) -> None:
    browser.get(settings.need("--hub-url") + "/hub/login")
    wait = WebDriverWait(browser, 60, poll_frequency=0.2)
    wait.until(lambda shown: shown.find_element(By.NAME, "username").is_displayed())
    width = "return document.querySelector('#jupyterhub-logo img').naturalWidth"
    assert wait.until(lambda shown: shown.execute_script(width)) == 160
    assert browser.find_element(By.CSS_SELECTOR, ".announcement").text == "Use the password of the course"
    assert browser.find_element(By.ID, "contact").is_displayed()
    assert browser.title == "The course"
    browser.save_screenshot(str(screenshots / "look.png"))


def test_an_announcement_restarts_nothing(plays: Plays, look: dict[str, t.Any], stranger: HubClient, admin: HubClient) -> None:
    before = lives(plays.name)
    assert plays.deploy(look={**look, "announcement": "Down on Friday", "announcement_login": ""}) == 1
    assert "Down on Friday" in page(stranger, "login")
    assert "Down on Friday" in page(admin, "home")
    assert restarted(before, lives(plays.name)) == set()
    assert plays.deploy() == 0


def test_another_logo_and_template_restart_the_hub_alone(
    plays: Plays, look: dict[str, t.Any], stranger: HubClient, alice: HubClient, tmp_path: pathlib.Path
) -> None:
    image = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    (tmp_path / "logo.png").write_bytes(image)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "login.html").write_text('{% extends "templates/login.html" %}{% block title %}Another hub{% endblock %}')
    before = lives(plays.name)
    kernel = alice.kernel()
    kernel.execute("x = 41", 180)
    plays.deploy(look={**look, "logo": str(tmp_path / "logo.png"), "templates": str(tmp_path / "templates")})
    assert restarted(before, lives(plays.name)) == {"hub"}
    assert kernel.execute("x + 1", 180) == "42"
    assert "<title>Another hub</title>" in page(stranger, "login")
    logo = stranger.session.get(f"{stranger.url}/hub/logo", timeout=30)
    assert (logo.headers["Content-Type"], logo.content) == ("image/png", image)
