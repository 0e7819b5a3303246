# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conventions of roles that no linter checks."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

ROLES = sorted(path.parents[1] for path in pathlib.Path(__file__).parents[2].glob("roles/*/meta/argument_specs.yml"))
LONGEST = 200
FOR_ALL_ROLES = pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)


class Loader(yaml.SafeLoader):
    """YAML as Ansible writes it."""


def scalar(loader: yaml.SafeLoader, node: yaml.Node) -> t.Any:
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


for tag in ("!unsafe", "!vault"):
    Loader.add_constructor(tag, scalar)


def load(path: pathlib.Path) -> t.Any:
    return yaml.load(path.read_text(), Loader) if path.exists() else None


def task_files(role: pathlib.Path) -> list[pathlib.Path]:
    return sorted([*role.glob("tasks/**/*.yml"), *role.glob("handlers/**/*.yml")])


def tasks(role: pathlib.Path) -> t.Iterator[dict[str, t.Any]]:
    """Every task of a role, those in blocks too."""
    waiting = [task for path in task_files(role) for task in load(path) or []]
    while waiting:
        task = waiting.pop()
        yield task
        for part in ("block", "rescue", "always"):
            waiting += task.get(part, [])


@FOR_ALL_ROLES
def test_defaults_and_argument_specs_agree(role: pathlib.Path) -> None:
    options = load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    documented = {name: option["default"] for name, option in options.items() if "default" in option}
    assert (load(role / "defaults/main.yml") or {}) == documented


@FOR_ALL_ROLES
def test_every_variable_carries_the_name_of_its_role(role: pathlib.Path) -> None:
    public, private = f"{role.name}_", f"__{role.name}_"
    options = load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    private_names = list(load(role / "vars/main.yml") or {})
    # What a role that is included is given carries that role's name.
    named = [task.get(f"ansible.builtin.{way}_role", {}).get("name") for task in tasks(role) for way in ("include", "import")]
    handed_on = tuple(f"__{part.rpartition('.')[2]}_" for part in named if part)
    for task in tasks(role):
        private_names += [task["register"]] if "register" in task else []
        private_names += [task["loop_control"]["loop_var"]] if "loop_var" in task.get("loop_control", {}) else []
        private_names += [name for name in task.get("vars", {}) if not name.startswith(handed_on)] + list(task.get("ansible.builtin.set_fact", {}))
    assert [name for name in options if not name.startswith(public)] == []
    assert [name for name in private_names if not name.startswith((private, public))] == []


@FOR_ALL_ROLES
def test_a_role_is_a_short_list(role: pathlib.Path) -> None:
    lines = [line.strip() for path in task_files(role) for line in path.read_text().splitlines()]
    count = sum(1 for line in lines if line and line != "---" and not line.startswith("#"))
    assert count <= LONGEST, f"{role.name} has {count} lines of tasks and handlers: work belongs in modules"


def test_every_role_has_an_argument_specification() -> None:
    roles = {path.parents[1] for path in pathlib.Path(__file__).parents[2].glob("roles/*/tasks/main.yml")}
    assert roles <= set(ROLES)
