# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write argument_specs.yml and defaults of the roles whose variables are the description: `make specs`; a test fails when they are old."""

from __future__ import annotations

import dataclasses
import pathlib
import sys
import textwrap
import types
import typing as t

import yaml

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.backup import Backup
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Certbot, DockerCompose, Hub, K8s, Swarm

ROOT = pathlib.Path(__file__).parents[1]
HEADER = """\
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
---
# Made by `make specs` from plugins/module_utils/core/description.py: change that.
"""
ROLES: dict[str, tuple[str, type, str, list[str]]] = {
    "jupyterhub": (
        "Describe a JupyterHub, keep its secrets, render its files",
        Hub,
        "jupyterhub_",
        [
            "The description of a hub: these variables mean the same on every target.",
            "The roles of the targets use this one; it does nothing to an engine by itself.",
        ],
    ),
    "docker_compose": (
        "Deploy a JupyterHub with docker compose",
        DockerCompose,
        "docker_compose_",
        ["Deploys the hub that the C(jupyterhub_) variables describe (see the role P(vdsg.jupyterhub.jupyterhub#role)) to one Docker Engine."],
    ),
    "swarm": (
        "Deploy a JupyterHub to a Docker Swarm",
        Swarm,
        "swarm_",
        ["Deploys the hub that the C(jupyterhub_) variables describe (see the role P(vdsg.jupyterhub.jupyterhub#role)) to a swarm, through a manager."],
    ),
    "k8s": (
        "Deploy a JupyterHub on Kubernetes",
        K8s,
        "k8s_",
        ["Deploys the hub that the C(jupyterhub_) variables describe (see the role P(vdsg.jupyterhub.jupyterhub#role)) to one namespace of a cluster."],
    ),
    "certbot": (
        "Look after the certificate of a JupyterHub",
        Certbot,
        "certbot_",
        [
            "Gets and renews the certificate of a hub that is deployed, and has its edge load it; what C(renew_certs.yml) does.",
            "The roles of the targets use these variables when they deploy a hub with O(vdsg.jupyterhub.jupyterhub#role:main:jupyterhub_tls).",
        ],
    ),
    "backup": (
        "Back a JupyterHub up, restore it, and try the restoration",
        Backup,
        "backup_",
        [
            "Makes one snapshot of a hub (database, secrets, certificates, description, everybody's files) while it works.",
            "C(tasks_from=restore.yml) brings everything back to an empty host, or files of some people; it deploys the hub with what was restored.",
        ],
    ),
}


def option(hint: t.Any, field: dataclasses.Field[t.Any]) -> dict[str, t.Any]:
    """Return an option of a role as argument_specs has it."""
    spec: dict[str, t.Any] = {"description": [field.metadata["description"], f"Example: C({compact(field.metadata['example'])})."]}
    spec |= kind(hint)
    if field.default is not dataclasses.MISSING:
        if field.default is not None:
            spec["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
    elif field.default_factory is not dataclasses.MISSING:
        spec["default"] = {}
    else:
        spec["required"] = True
    if field.metadata["secret"]:
        spec["no_log"] = True
    return spec


def compact(value: t.Any) -> str:
    """Return an example on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6).strip().removesuffix("...").strip()
    return text.replace("(", "\\(").replace(")", "\\)") if "(" in text else text


def kind(hint: t.Any) -> dict[str, t.Any]:
    """Return type, elements, choices and suboptions of an annotation."""
    origin, args = t.get_origin(hint), t.get_args(hint)
    if origin in (t.Union, types.UnionType) and any(map(dataclasses.is_dataclass, args)):
        return {"type": "raw"}
    if origin in (t.Union, types.UnionType):
        return kind(next(arg for arg in args if arg is not types.NoneType))
    if origin is t.Literal:
        return {"type": "str", "choices": list(args)}
    if origin is tuple:
        inner = kind(args[0])
        return {"type": "list", "elements": inner.pop("type"), **inner}
    if dataclasses.is_dataclass(hint):
        return {"type": "dict", "options": options(t.cast(type, hint))}
    if origin is dict:
        return {"type": "dict"}
    return {"type": {str: "str", int: "int", float: "float", bool: "bool"}[hint]}


def options(cls: type, prefix: str = "") -> dict[str, t.Any]:
    hints = t.get_type_hints(cls)
    return {f"{prefix}{field.name}": option(hints[field.name], field) for field in dataclasses.fields(cls)}


def files() -> dict[pathlib.Path, str]:
    """Return the generated files."""
    found = {}
    for role, (title, cls, prefix, description) in ROLES.items():
        specs = options(cls, prefix)
        main = {
            "short_description": title,
            "description": description,
            "author": ["vdsg.jupyterhub contributors (@vdsg)"],
            "version_added": "0.1.0",
            "options": specs,
        }
        found[ROOT / "roles" / role / "meta" / "argument_specs.yml"] = HEADER + dump({"argument_specs": {"main": main}})
        defaults = "".join(f"\n{comment(spec['description'][0])}\n{dump({name: spec['default']})}" for name, spec in specs.items())
        found[ROOT / "roles" / role / "defaults" / "main.yml"] = HEADER + defaults
    return found


def comment(text: str) -> str:
    return textwrap.fill(text, 158, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False)


def dump(value: t.Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=150, allow_unicode=True)


def main() -> int:
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
