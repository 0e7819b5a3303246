# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conventions of the whole repository that no linter checks."""

from __future__ import annotations

import ast
import importlib.resources
import json
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
THIS = pathlib.Path(__file__).relative_to(ROOT)
LONGEST_MODULE = 120
DOCUMENTATION = {"DOCUMENTATION", "EXAMPLES", "RETURN"}

# What a pure core cannot need: Ansible, the world, the clock, chance.
WORLD = {"ansible", "os", "pathlib", "random", "secrets", "shutil", "socket", "subprocess", "tempfile", "time", "uuid"}

# Words in what runs (not in prose) that hide a problem instead of solving it.
EXCUSES = re.compile(r"ansible\.builtin\.shell|ignore_errors:|failed_when: false|# ?noqa|type: ignore|pytest\.mark\.skip|molecule-idempotence-notest")

DESCRIBED = (
    *("1.15", "1.16", "1.17", "1.19", "1.21", "2.7", "2.8", "2.11", "2.12", "2.14", "2.15", "3.9", "3.16", "3.18"),
    *("3.20", "3.22", "3.23", "3.24", "3.27", "3.28", "3.33", "3.34", "4.4", "4.10"),
)

# A path of somebody's machine; user servers live in /home/jovyan.
MACHINE = re.compile(r"(?<![\w.${}-])/(?:work/|Users/|root/\.|home/(?!jovyan\b)\w)")


def known_files() -> list[pathlib.Path]:
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted(path for name in listed.stdout.split("\0") if name and (path := pathlib.Path(name)) != THIS and (ROOT / path).is_file())


FILES = known_files()


def found(pattern: re.Pattern[str], files: list[pathlib.Path]) -> list[str]:
    """Places where a pattern occurs, as FILE:LINE: TEXT."""
    places = []
    for path in files:
        try:
            text = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue
        places += [f"{path}:{number}: {line.strip()[:120]}" for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]
    return places


def imported(path: pathlib.Path) -> set[str]:
    """First words of all names that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", sorted(ROOT.glob("plugins/modules/*.py")), ids=lambda path: path.stem)
def test_a_module_is_a_thin_door(path: pathlib.Path) -> None:
    source = path.read_text()
    code = {number for number, line in enumerate(source.splitlines(), 1) if line.strip() and not line.strip().startswith("#")}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in DOCUMENTATION:
            code -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    assert len(code) <= LONGEST_MODULE, f"{len(code)} lines of code: decisions belong in the core"


@pytest.mark.parametrize("path", sorted(ROOT.glob("plugins/module_utils/core/**/*.py")), ids=lambda path: path.stem)
def test_the_core_is_pure(path: pathlib.Path) -> None:
    assert imported(path) & WORLD == set()


def test_nothing_hides_a_problem() -> None:
    places = ("roles", "playbooks", "plugins", "molecule", "tests", "scripts", "inventories")
    assert found(EXCUSES, [path for path in FILES if path.parts[0] in places and path.suffix != ".md"]) == []


def test_nothing_names_a_path_of_a_machine() -> None:
    assert found(MACHINE, FILES) == []


def test_every_source_file_says_its_licence() -> None:
    sources = [path for path in FILES if path.suffix in {".py", ".yml", ".yaml", ".sh", ".mjs", ".cfg", ".toml"} or path.name == "Makefile"]
    heads = {str(path): (ROOT / path).read_text().splitlines()[:6] for path in sources}
    identifier = "SPDX-" + "License-Identifier: GPL-3.0-or-later"  # in one piece, the licence checker would take it for this file's own
    silent = [name for name, head in heads.items() if head and not any(identifier in line for line in head)]
    assert silent == []


def test_every_capability_of_the_description_has_a_test_that_names_it() -> None:
    """What deployments before this one could say (S1 Swarm, S2 and S4 Kubernetes, S3 OpenShift), by number; tests name it as in `S2 2.11 and 2.12`."""
    named = set()
    for path in FILES:
        if path.parts[0] == "tests" and path.suffix == ".py":
            for listed in re.findall(r"\bS[0-4] ([0-4]\.\d+(?:(?:, | and )[0-4]\.\d+)*)", (ROOT / path).read_text()):
                named |= set(re.findall(r"[0-4]\.\d+", listed))
    assert set(DESCRIBED) - named == set()


def test_galaxy_and_pypi_bring_the_same_collections() -> None:
    """requirements.yml (Galaxy) and the package `ansible` of requirements.txt (PyPI) are one tested set."""
    pinned = {entry["name"]: entry["version"] for entry in yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]}
    installed = {}
    for name in pinned:
        manifest = importlib.resources.files(f"ansible_collections.{name}") / "MANIFEST.json"
        installed[name] = json.loads(manifest.read_text())["collection_info"]["version"]
    assert pinned == installed
