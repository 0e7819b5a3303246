# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a values.yaml: variables, files beside them, notes; and an inventory of it as text."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import typing as t

from .description import Hub, K8s
from .z2jh_values import has_secret, secret_name

with contextlib.suppress(ImportError):  # the modules say so with missing_required_lib
    import yaml

VARIABLES = "group_vars/k8s"
"""Directory of the variables in an inventory: there Ansible looks for no hosts, and takes nothing for variables that does not end in .yml."""

MAIN = f"{VARIABLES}/main.yml"
REPORT = "from_z2jh.md"
HOSTS = """\
k8s:
  hosts:
    localhost:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""

TRAITS, LAST = "0-z2jh-1-traits", "0-z2jh-2-servers"
"""Names of pieces of Python, which come before those of the values by their names."""


class Expression(str):
    """A text that Ansible fills in: the path of a file beside the variables, or what is in it."""

    file: str
    content: bool

    @classmethod
    def of(cls, file: str, content: bool) -> Expression:
        place = f"/{VARIABLES}/{file}"
        made = cls(f"{{{{ lookup('ansible.builtin.file', inventory_dir ~ '{place}') }}}}" if content else f"{{{{ inventory_dir }}}}{place}")
        made.file, made.content = file, content
        return made


@dataclasses.dataclass
class Result:
    """``variables`` by name; ``files`` by their paths beside the variables, all of them secret; ``unused`` keys with what to do, and ``notes``."""

    variables: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    unused: dict[str, str] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    # --- making one

    def set(self, path: str, value: t.Any) -> None:
        """Set a variable, or something in it: ``jupyterhub_spawner.mem_limit``."""
        name, _dot, rest = path.partition(".")
        place = self.variables
        while rest:
            place = place.setdefault(name, {})
            name, _dot, rest = rest.partition(".")
        place[name] = value

    def get(self, path: str) -> t.Any:
        """Return what is set; None where nothing is."""
        found: t.Any = self.variables
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    def add(self, path: str, values: t.Iterable[t.Any]) -> None:
        """Add to a variable that is a list what it does not have."""
        found = self.get(path) or []
        found += [value for value in values if value not in found]
        if found:
            self.set(path, found)

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def file(self, name: str, text: str, directory: str = "secrets", ending: str = ".txt") -> str:
        """Keep a text in a file of its own, and return the path of it beside the variables."""
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("._-")[:80] or "secret"
        path, number = f"{directory}/{stem}{ending}", 1
        while self.files.get(path, text) != text:
            number += 1
            path = f"{directory}/{stem}_{number}{ending}"
        self.files[path] = text
        return path

    def secret(self, name: str, text: str) -> Expression:
        """Keep a secret in a file, and return what stands for it in a variable."""
        return Expression.of(self.file(name, text), content=True)

    def secret_path(self, name: str, text: str) -> Expression:
        """Keep a secret in a file, and return what stands for the path of the file."""
        return Expression.of(self.file(name, text), content=False)

    def extra_secret(self, name: str, text: str) -> str:
        """Keep a secret of the user's own, and return the name that ``secret()`` knows it by."""
        stem = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")[:50]
        stem = stem if stem[:1].isalpha() else f"z2jh_{stem}".strip("_")
        known, found, number = self.variables.setdefault("jupyterhub_extra_secrets", {}), stem, 1
        while found in known and self.files.get(known[found].file) != text:
            number += 1
            found = f"{stem}_{number}"
        if found not in known:
            known[found] = self.secret(found, text)
        return found

    def python(self, name: str, code: str) -> None:
        """Add to a piece of Python."""
        pieces = self.variables.setdefault("jupyterhub_extra_config", {})
        pieces[name] = pieces.get(name, "") + code.rstrip("\n") + "\n"

    def trait(self, cls: str, trait: str, value: t.Any) -> None:
        """Set a trait; a secret, and what has one in it, in Python that reads a file."""
        if isinstance(value, str) and value and secret_name(trait):
            self.python(TRAITS, f"c.{cls}.{trait} = secret({self.extra_secret(f'{cls}_{trait}', value)!r})")
        elif has_secret(value):
            self.python(TRAITS, f"import json\nc.{cls}.{trait} = json.loads(secret({self.extra_secret(f'{cls}_{trait}', json.dumps(value))!r}))")
        else:
            self.variables.setdefault("jupyterhub_config", {}).setdefault(cls, {})[trait] = value

    # --- what it says

    def plain(self) -> dict[str, t.Any]:
        """Return the variables as they would be when Ansible has filled them in, the paths of files being those in :attr:`files`."""
        return t.cast("dict[str, t.Any]", self.filled(self.variables))

    def filled(self, value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if isinstance(value, Expression):
            return self.files[value.file].rstrip() if value.content else value.file
        return value

    def ordered(self) -> dict[str, t.Any]:
        """Return the variables in the order of the description."""
        order = [f"{prefix}{field.name}" for prefix, cls in (("jupyterhub_", Hub), ("k8s_", K8s)) for field in dataclasses.fields(cls)]
        found = {name: self.variables[name] for name in order if name in self.variables}
        for name in ("jupyterhub_extra_config", "jupyterhub_extra_secrets"):
            if name in found:
                found[name] = dict(sorted(found[name].items()))
        return found

    def inventory(self) -> dict[str, str]:
        """Return the files of an inventory by their paths in it."""
        head = f"---\n# From a values.yaml of zero-to-jupyterhub; what has no counterpart is in {REPORT}.\n"
        return {
            "hosts.yml": f"---\n{HOSTS}",
            MAIN: head + dumped(self.ordered()),
            REPORT: self.report(),
            **{f"{VARIABLES}/{path}": text for path, text in self.files.items()},
        }

    def lines(self, path: str) -> list[str]:
        """Return what is said at the end of a run."""
        found = [f"The inventory is in {path}; secrets are in {VARIABLES}/secrets there, of mode 0600: encrypt them with `ansible-vault encrypt`."]
        found += ["", "To know:", *(f"- {note}" for note in self.notes)] if self.notes else []
        found += ["", "Without a counterpart:", *(f"- {key}: {advice}" for key, advice in self.unused.items())] if self.unused else []
        found += ["", f"All of it is in {REPORT} of the inventory, too. How people's files and the database come along: docs/from_zero_to_jupyterhub.md."]
        return found

    def report(self) -> str:
        """Return all that is to be known as text."""
        lines = ["# From zero-to-jupyterhub", ""]
        if self.notes:
            lines += ["## To know", "", *(f"- {note}" for note in self.notes), ""]
        lines += ["## Keys without a counterpart", ""]
        lines += [f"- `{key}`: {advice}" for key, advice in self.unused.items()] or ["None."]
        return "\n".join(lines) + "\n"


def dumped(variables: dict[str, t.Any]) -> str:
    """Return variables as YAML that Ansible reads: what looks like a template of Jinja's, and is none, is marked as a text."""

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            del indentless
            return super().increase_indent(flow, False)

        def ignore_aliases(self, data: t.Any) -> bool:
            del data
            return True

    def show(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        tag = "!unsafe" if any(mark in value for mark in ("{{", "{%", "{#")) else "tag:yaml.org,2002:str"
        return dumper.represent_scalar(tag, value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, show)
    Dumper.add_representer(Expression, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style='"'))
    topics = [yaml.dump({name: value}, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=150) for name, value in variables.items()]
    return "\n".join(topics)
