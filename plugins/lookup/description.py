# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: description
short_description: The description of a hub, read from the variables of a host
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Collects every variable whose name begins with C(jupyterhub_) or with the name of a part (C(docker_compose_), C(certbot_)), reads the files of the
    controller that they name (userlist, oauth.env, certificates; decrypted when they are encrypted with ansible-vault), takes defaults from the environment
    of the controller, and checks all of it.
  - What is wrong is said in one sentence with the nearest right word, before any host is touched.
options:
  _terms:
    description: Takes none.
    required: false
  fail:
    description: Whether what is wrong ends the task. With V(false) it is returned in C(problem), for a task that says nothing but that.
    type: bool
    default: true
  complete:
    description: Whether files are read, and credentials and contradictions checked. Taking a hub away needs none of that.
    type: bool
    default: true
  parts:
    description: The target of the hub, and operations, whose variables are read and checked besides C(jupyterhub_).
    type: list
    elements: str
    default: [docker_compose, certbot]
"""

EXAMPLES = r"""
- name: Make and keep the secrets
  vdsg.jupyterhub.hub_secrets:
    path: /srv/jupyterhub/vdsg/secrets
    description: "{{ hub.variables }}"
    given: "{{ hub.secrets }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description') }}"
"""

RETURN = r"""
_raw:
  description:
    - C(variables) make the same hub everywhere and hold no secret.
    - C(secrets) are the values that the user gave, by the name of the secret.
    - C(programs) are the texts of the programs that run beside a hub, and of the files of C(jupyterhub_look), by their file names.
    - C(problem) is what is wrong with the description, in one sentence; empty when nothing is.
  type: list
  elements: dict
"""

import errno
import functools
import json
import os
import pathlib
import time
import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import look, project
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.parts import PARTS
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.resolve import outline, resolve
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.traits import Catalogue, needs_image

ROLES = pathlib.Path(__file__).parents[2] / "roles"
PROGRAMS = ROLES / "jupyterhub" / "files"
TRAITS = pathlib.Path(project.__file__).with_name("traits.json")


@functools.lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    return Catalogue(json.loads(TRAITS.read_text()))


class LookupModule(LookupBase):
    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[dict[str, t.Any]]:
        if terms:
            raise AnsibleLookupError("vdsg.jupyterhub.description takes no terms: it reads the variables of the host")
        self.set_options(var_options=variables, direct=kwargs)
        known, parts = variables or {}, self.get_option("parts")
        prefixes = ("jupyterhub_", *(f"{name}_" for name in parts))
        templar, loader = t.cast(t.Any, self._templar), t.cast(t.Any, self._loader)
        values = {name: templar.template(known[name]) for name in sorted(known) if name.startswith(prefixes)}

        def find(path: str) -> str:
            """Return where something is beside the play, the role or the inventory."""
            found = self.find_file_in_search_path(known, "files", path, ignore_missing=True)
            found = found or os.path.join(str(known.get("inventory_dir") or ""), path)
            if not os.path.exists(found):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            return str(found)

        def read(path: str) -> str:
            if os.path.isdir(found := find(path)):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            return str(loader.get_text_file_contents(found))

        def files(path: str) -> dict[str, str]:
            return {entry.name: entry.path for entry in os.scandir(find(path))}

        try:
            beside: dict[str, str] = {}
            if self.get_option("complete"):
                resolved = resolve(values, read, os.environ, time.time(), catalogue(), parts)
                beside = look.collected(resolved.hub.look, lambda path: pathlib.Path(find(path)).read_bytes(), files)
            else:
                resolved = outline(values, parts)
        except DescriptionError as exc:
            if self.get_option("fail"):
                raise AnsibleLookupError(str(exc)) from exc
            return [{"variables": {}, "secrets": {}, "programs": {}, "problem": str(exc)}]
        for warning in resolved.warnings:
            Display().warning(warning)
        programs = beside | {name: (PROGRAMS / name).read_text() for name in project.ALL_PROGRAMS}
        programs |= {name: (ROLES / part / "files" / name).read_text() for part in parts for name in PARTS[part].programs}
        if not self.get_option("complete"):
            # What operations on a hub that runs need.
            programs |= {"kernel_check.py": (PROGRAMS / "kernel_check.py").read_text()}
        elif needs_image(resolved.hub):
            programs |= {path.name: path.read_text() for path in (PROGRAMS / "config_check.py", TRAITS)}
        return [{"variables": resolved.variables, "secrets": resolved.secrets, "programs": programs, "problem": ""}]
