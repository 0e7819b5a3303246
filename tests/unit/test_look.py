# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a hub looks: files that are texts, refusals before anything is touched, and configuration that says the same."""

from __future__ import annotations

import base64
import errno
import json
import os
import pathlib
import types
import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import docker_compose, hub_config, look, project, secrets
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Look
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.tests.acceptance.guides import blocks
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ENGINE, PROGRAMS, hub

IMAGE = bytes(range(256))


def collected(wanted: Look, files: dict[str, bytes], folder: t.Mapping[str, str] | None = None) -> dict[str, str]:
    def read(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return files[path]

    return look.collected(wanted, read, lambda path: folder if folder is not None else t.cast("dict[str, str]", read(path)))


def test_a_logo_and_templates_become_texts() -> None:
    files = {"logo.png": IMAGE, "t/page.html": b"{% extends 'templates/page.html' %}"}
    found = collected(Look(logo="logo.png", templates="t"), files, {"page.html": "t/page.html"})
    assert sorted(found) == ["logo.base64", "templates/page.html"]
    assert base64.b64decode(found["logo.base64"]) == IMAGE
    assert look.files({**PROGRAMS, **found}) == found
    assert collected(Look(), {}) == {}


def test_the_template_of_the_guide_is_one() -> None:
    (template,) = [block for block in blocks("look.md") if block.startswith("{%")]
    assert collected(Look(templates="t"), {"a": template.encode()}, {"page.html": "a"})["templates/page.html"] == template


REFUSED: list[tuple[Look, dict[str, bytes], dict[str, str] | None, str]] = [
    (Look(logo="no.png"), {}, None, "jupyterhub_look.logo is 'no.png', which cannot be read on the controller: No such file or directory"),
    (Look(logo="e.png"), {"e.png": b""}, None, "jupyterhub_look.logo is 'e.png', which has 0 bytes, but a logo has 1 to 1048576; make it smaller"),
    (Look(logo="l.png"), {"l.png": b"x" * 1048577}, None, "which has 1048577 bytes"),
    (Look(templates="no"), {}, None, "jupyterhub_look.templates is 'no', which cannot be read on the controller"),
    (Look(templates="t"), {}, {}, "jupyterhub_look.templates is 't', which is empty"),
    (Look(templates="t"), {}, {"x.txt": "t/x.txt"}, "jupyterhub_look.templates has 'x.txt', but templates are files whose names end with .html; take it away"),
    (Look(templates="t"), {"a": b"\xff"}, {"page.html": "a"}, "jupyterhub_look.templates has 'page.html', which is not a text"),
    (Look(templates="t"), {"a": b"x\n{% block y %}"}, {"page.html": "a"}, "jupyterhub_look.templates has 'page.html', which is not a template: line 2: "),
]


@pytest.mark.parametrize(("wanted", "files", "folder", "message"), REFUSED, ids=[case[3] for case in REFUSED])
def test_a_file_that_cannot_be_is_refused(wanted: Look, files: dict[str, bytes], folder: dict[str, str] | None, message: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        collected(wanted, files, folder)
    assert message in str(caught.value)


BAD = [
    ({"logo": "files/logo.tiff"}, "jupyterhub_look.logo is 'files/logo.tiff', but browsers show .png, .svg, .jpg, .jpeg, .gif, .webp; convert it"),
    ({"logo": "files.d/logo"}, "jupyterhub_look.logo is 'files.d/logo', but browsers show"),
    (
        {"template_vars": {"announcement": "x"}},
        "jupyterhub_look.template_vars has announcement, which has a place of its own; use jupyterhub_look.announcement",
    ),
    ({"logos": "x"}, "jupyterhub_look.logos is not a known setting; did you mean jupyterhub_look.logo?"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[message for _given, message in BAD])
def test_a_look_that_cannot_be_is_refused(given: dict[str, t.Any], message: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        hub(look=given)
    assert message in str(caught.value)


def test_the_configuration_unpacks_the_logo_and_finds_the_templates(tmp_path: pathlib.Path) -> None:
    found = collected(Look(logo="a/LOGO.PNG"), {"a/LOGO.PNG": IMAGE})
    (tmp_path / "logo.base64").write_text(found["logo.base64"])
    pieces = look.pieces(Look(logo="a/LOGO.PNG", templates="t", template_vars={"contact": "it's {x}"}))
    code = "\n".join(pieces).replace("/tmp/logo.png", str(tmp_path / "logo.png"))
    c = types.SimpleNamespace(JupyterHub=types.SimpleNamespace())
    exec(look.imports(Look(logo="x.png")) + code, {"pathlib": pathlib, "FILES": tmp_path, "c": c})
    assert (tmp_path / "logo.png").read_bytes() == IMAGE
    assert vars(c.JupyterHub)["logo_file"] == str(tmp_path / "logo.png")
    assert vars(c.JupyterHub)["template_paths"] == [str(tmp_path / "templates")]
    assert vars(c.JupyterHub)["template_vars"] == {"contact": "it's {x}"}


def test_an_announcement_restarts_nothing_and_a_template_does() -> None:
    def rendered(programs: dict[str, str], **topic: t.Any) -> project.Project:
        return project.render(hub(look={"announcement": "one", **topic}), ENGINE, {**PROGRAMS, **programs}, {})

    first, second, third = rendered({}), rendered({}, announcement="two"), rendered({"templates/page.html": "x"}, templates="t")
    assert json.loads(second.files["hub/announcements.json"]) == {"announcement": "two"}
    assert first.digests == second.digests
    assert {name for name in first.digests if first.digests[name] != third.digests[name]} == {"hub"}
    assert third.files["hub/templates/page.html"] == "x"


# --- the token for Prometheus


def test_prometheus_gets_a_token_that_reads_metrics_and_nothing_else() -> None:
    watched, alone = hub(monitoring={"enabled": True}), hub()
    names = [secret.name for secret in secrets.wanted(watched, ())]
    assert "service_prometheus_token" in names
    assert "service_prometheus_token" not in [secret.name for secret in secrets.wanted(alone, ())]
    assert docker_compose.secret_files(watched)["hub"]["secrets/service_prometheus_token"] == "service_prometheus_token"
    made = hub_config.services(watched)
    assert [role for role in made["JupyterHub.load_roles"] if role["services"] == ["prometheus"]] == [
        {"name": "prometheus", "scopes": ["read:metrics"], "services": ["prometheus"]}
    ]
    with pytest.raises(DescriptionError, match="has a service prometheus; that name is ours"):
        hub(monitoring={"enabled": True}, services=[{"name": "prometheus"}])
    assert hub(services=[{"name": "prometheus"}]).services


def test_a_line_behind_the_pieces_of_the_user_is_not_the_users() -> None:
    text = project.config(hub(extra_config={"10-a": "x = 1\ny = 2"}), ENGINE)
    lines = text.splitlines()
    assert hub_config.place(text, lines.index("y = 2") + 1) == "jupyterhub_extra_config.10-a: line 2"
    assert hub_config.place(text, lines.index("import maintenance") + 1) == ""
