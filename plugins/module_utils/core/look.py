# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the hub's own pages look: a logo, templates and their variables, and announcements."""

from __future__ import annotations

import base64
import typing as t

from .description import Hub, Look
from .pytext import assignment
from .schema import DescriptionError

PAGES = ("announcement", "announcement_login", "announcement_home", "announcement_spawn", "announcement_logout")
SUFFIXES = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp")
LARGEST = 1024 * 1024
"""Bytes of a logo: it is sent with every page that somebody sees for the first time."""

LOGO_FILE, TEMPLATES = "logo.base64", "templates/"
"""Where the files are, below the directory of the hub's files."""

LOGO = """\
# The logo; files of the hub are texts, so this one is unpacked.
logo = pathlib.Path("/tmp/logo{suffix}")
logo.write_bytes(base64.b64decode((FILES / "{file}").read_text()))
c.JupyterHub.logo_file = str(logo)
"""

ReadBytes = t.Callable[[str], bytes]
"""Returns what is in a file on the controller, or raises OSError."""

ListFiles = t.Callable[[str], t.Mapping[str, str]]
"""Returns the paths of what is in a directory on the controller by their names, or raises OSError."""


def check(hub: Hub) -> None:
    """Raise DescriptionError for the first thing that cannot be."""
    if hub.look.logo and suffix(hub.look.logo) not in SUFFIXES:
        raise DescriptionError(f"jupyterhub_look.logo is {hub.look.logo!r}, but browsers show {', '.join(SUFFIXES)}; convert it")
    for name in PAGES:
        if name in hub.look.template_vars:
            raise DescriptionError(f"jupyterhub_look.template_vars has {name}, which has a place of its own; use jupyterhub_look.{name}")


def suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return f".{name.rpartition('.')[2].lower()}" if "." in name else ""


def collected(look: Look, read: ReadBytes, list_files: ListFiles) -> dict[str, str]:
    """Return the files of a look as texts, by their paths below the directory of the hub's files; raise DescriptionError for one that cannot be had."""
    found = {}
    if look.logo:
        content = load(read, look.logo, "jupyterhub_look.logo")
        if not 0 < len(content) <= LARGEST:
            raise DescriptionError(f"jupyterhub_look.logo is {look.logo!r}, which has {len(content)} bytes, but a logo has 1 to {LARGEST}; make it smaller")
        found[LOGO_FILE] = base64.encodebytes(content).decode()
    if look.templates:
        paths = load(list_files, look.templates, "jupyterhub_look.templates")
        if not paths:
            raise DescriptionError(f"jupyterhub_look.templates is {look.templates!r}, which is empty; put page.html or another template there")
        for name, path in sorted(paths.items()):
            if not name.endswith(".html"):
                raise DescriptionError(f"jupyterhub_look.templates has {name!r}, but templates are files whose names end with .html; take it away")
            found[TEMPLATES + name] = text_of(load(read, path, "jupyterhub_look.templates"), name)
    return found


T = t.TypeVar("T")


def load(read: t.Callable[[str], T], path: str, variable: str) -> T:
    """Return what a variable names."""
    try:
        return read(path)
    except OSError as exc:
        raise DescriptionError(f"{variable} is {path!r}, which cannot be read on the controller: {exc.strerror or exc}") from exc


def text_of(content: bytes, name: str) -> str:
    """Return a template as text; raise DescriptionError for one that no page could be made with."""
    # Only the controller judges templates, and Ansible brings Jinja there; a host need not have it.
    import jinja2

    try:
        text = content.decode()
        jinja2.Environment(autoescape=True).parse(text)
    except UnicodeDecodeError as exc:
        raise DescriptionError(f"jupyterhub_look.templates has {name!r}, which is not a text") from exc
    except jinja2.TemplateSyntaxError as exc:
        raise DescriptionError(f"jupyterhub_look.templates has {name!r}, which is not a template: line {exc.lineno}: {exc.message}") from exc
    return text


def files(given: t.Mapping[str, str]) -> dict[str, str]:
    """Return the files of a look among all that the controller hands over."""
    return {name: text for name, text in given.items() if name == LOGO_FILE or name.startswith(TEMPLATES)}


def announcements(look: Look) -> dict[str, str]:
    """Return announcements.json: what the pages say, but for those that say nothing of their own."""
    return {name: text for name in PAGES if (text := getattr(look, name))}


def imports(look: Look) -> str:
    """Return what the pieces import, as lines of Python."""
    return "import base64\n" if look.logo else ""


def pieces(look: Look) -> list[str]:
    """Return the parts of jupyterhub_config.py."""
    found = [LOGO.format(suffix=suffix(look.logo), file=LOGO_FILE)] if look.logo else []
    lines = [f'c.JupyterHub.template_paths = [str(FILES / "{TEMPLATES.rstrip("/")}")]'] if look.templates else []
    lines += [assignment("c.JupyterHub.template_vars", look.template_vars)] if look.template_vars else []
    return found + (["# Templates of pages.\n" + "\n".join(lines) + "\n"] if lines else [])
