# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person at a real browser: log in on the page, watch the server start, run a cell in JupyterLab."""

from __future__ import annotations

import ctypes
import errno
import os
import pathlib
import platform
import shutil
import socket
import struct
import subprocess
import typing as t

import pytest
from selenium.common import ElementClickInterceptedException, ElementNotInteractableException, NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Account, Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.packages import apt

PROGRAMS = {"chromium": "chromium", "chromedriver": "chromium-driver", "certutil": "libnss3-tools"}
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--proxy-server=direct://",
    "--window-size=1280,800",
    "--lang=en",
)
LAUNCHER = '.jp-LauncherCard[data-category="Notebook"]'
TAB = "#jp-main-dock-panel .lm-TabBar-tab"
CELL = ".jp-Notebook .jp-CodeCell .cm-content"
PROMPT = ".jp-Notebook .jp-CodeCell .jp-InputPrompt"
OUTPUT = ".jp-CodeCell .jp-OutputArea-output"
SOCKET_CALL = {"x86_64": 41, "aarch64": 198}
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
# What happens to a finger that is faster than the page.
TOO_EARLY = (NoSuchElementException, StaleElementReferenceException, ElementClickInterceptedException, ElementNotInteractableException)


def install_browser() -> None:
    """Install Debian's chromium where it is missing and may be installed."""
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise RuntimeError(f"the browser test needs {', '.join(missing)}: install them, or run it as root on Debian")
    apt("update")
    apt("install", "--yes", "--no-install-recommends", *missing, seconds=900)


class Filter(ctypes.Structure):
    """A program for seccomp(2)."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def refuse_netlink() -> None:
    """Take netlink sockets from this process and its children.

    A browser breaks requests off when a network interface of its machine comes or goes (ERR_NETWORK_CHANGED), and each container on this machine brings one.
    Without netlink it sees none of that.
    """
    call = SOCKET_CALL.get(platform.machine())
    if call is None:
        return
    program = [
        (0x20, 0, 0, 0),  # which system call is it?
        (0x15, 0, 3, call),  # another than socket(2): let it pass
        (0x20, 0, 0, 16),  # what is its first argument?
        (0x15, 0, 1, socket.AF_NETLINK),  # another family: let it pass
        (0x06, 0, 0, 0x0005_0000 | errno.EAFNOSUPPORT),  # fail with this error
        (0x06, 0, 0, 0x7FFF_0000),  # pass
    ]
    libc = ctypes.CDLL(None, use_errno=True)
    code = Filter(len(program), b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(code), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


@pytest.fixture
def browser(settings: Settings, tmp_path: pathlib.Path) -> t.Iterator[Chrome]:
    """A browser with an empty profile that trusts the hub's CA, and no other stranger."""
    install_browser()
    ca = settings.get("--hub-ca")
    if ca:
        store = tmp_path / ".pki/nssdb"
        store.mkdir(parents=True)
        subprocess.run(["certutil", "-d", f"sql:{store}", "-N", "--empty-password"], check=True)
        subprocess.run(["certutil", "-d", f"sql:{store}", "-A", "-t", "C,,", "-n", "hub", "-i", ca], check=True)
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    address = settings.get("--hub-address")
    if address:
        options.add_argument(f"--host-resolver-rules=MAP {settings.host} {address}")
    environment = os.environ | {"HOME": str(tmp_path)}
    service = ChromeService(executable_path=shutil.which("chromedriver"), env=environment, popen_kw={"preexec_fn": refuse_netlink})
    driver = Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def screenshots(settings: Settings, tmp_path: pathlib.Path) -> pathlib.Path:
    """Where pictures go: kept when asked for."""
    folder = pathlib.Path(settings.get("--keep-screenshots") or tmp_path / "images")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def person(settings: Settings, people: list[Account]) -> Account:
    """A user whose server does not run, so that the browser sees it start."""
    account = people[-1]
    client: HubClient = settings.client()
    client.login(account.name, account.password)
    if client.servers():
        client.stop_server()
    return account


def test_person_runs_a_cell_in_a_browser(settings: Settings, browser: Chrome, screenshots: pathlib.Path, person: Account) -> None:
    wait = WebDriverWait(browser, 120, poll_frequency=0.2, ignored_exceptions=TOO_EARLY)

    def click(by: str, what: str) -> None:
        def clicked(page: Chrome) -> bool:
            page.find_element(by, what).click()
            return True

        wait.until(clicked)

    browser.get(settings.need("--hub-url") + "/hub/login?next=%2Fhub%2Fhome")
    wait.until(lambda page: page.find_element(By.NAME, "username")).send_keys(person.name)
    browser.save_screenshot(str(screenshots / "login.png"))
    browser.find_element(By.NAME, "password").send_keys(person.password, Keys.RETURN)

    click(By.ID, "start")
    started, choice = "#progress-bar, #jp-main-dock-panel", "#spawn_form"
    wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, f"{started}, {choice}"))
    if browser.find_elements(By.CSS_SELECTOR, choice):
        browser.save_screenshot(str(screenshots / "choice.png"))
        click(By.CSS_SELECTOR, f"{choice} [type=submit]")
    wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, started))
    # A fast server is ready before the picture is taken; then it shows what a person would see.
    browser.save_screenshot(str(screenshots / "progress.png"))

    wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, TAB))
    # Where more than the work is kept, JupyterLab opens what was open before.
    if not browser.find_elements(By.CSS_SELECTOR, LAUNCHER):
        browser.get(f"{settings.need('--hub-url')}/user/{person.name}/lab?reset")
    click(By.CSS_SELECTOR, LAUNCHER)
    wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, ".jp-Notebook-ExecutionIndicator[data-status=idle]"))

    def typed(page: Chrome) -> bool:
        # The notebook appears before it takes keys: type until it is written there.
        cell = page.find_element(By.CSS_SELECTOR, CELL)
        if cell.text.strip() != "6 * 7":
            cell.click()
            ActionChains(page).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).send_keys("6 * 7").perform()
        return cell.text.strip() == "6 * 7"

    def answer(page: Chrome) -> str:
        # Without a kernel yet, JupyterLab drops the wish to run a cell: its prompt stays empty.
        if page.find_element(By.CSS_SELECTOR, PROMPT).text.strip() == "[ ]:":
            page.find_element(By.CSS_SELECTOR, CELL).click()
            ActionChains(page).key_down(Keys.CONTROL).send_keys(Keys.RETURN).key_up(Keys.CONTROL).perform()
        return str(page.find_element(By.CSS_SELECTOR, OUTPUT).text.strip())

    wait.until(typed)
    assert wait.until(answer) == "42"
    browser.save_screenshot(str(screenshots / "lab.png"))
