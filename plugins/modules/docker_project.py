#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_project
short_description: Make the compose project of a JupyterHub, ready to be started
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Looks at a Docker Engine, and refuses what cannot work before anything is touched. An engine that is too old or cannot be reached, a port that somebody else
    has, names that are taken, too little disk, a network that overlaps, a user image with another JupyterHub.
  - When images are missing it returns RV(missing) and leaves it at that; make them and call it again.
  - A configuration that only the hub's image can judge (Python, classes that the collection does not know) is loaded in a container of that image, without
    network, data or database, when it or the image has changed; what the image refuses is refused.
  - Else it makes and keeps the secrets as M(vdsg.jupyterhub.hub_secrets) does, writes the files that M(vdsg.jupyterhub.hub_config) renders, makes the
    volumes of the hub, and puts into those of each container the files and secrets that it needs, with the owner that the container runs as.
  - Files reach containers through the engine's API alone, so that an engine on another host is no special case.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
requirements: [docker command line with compose v2, cryptography, PyYAML]
options:
  given:
    description: Values of secrets that the user gave, as P(vdsg.jupyterhub.description#lookup) returns them in C(secrets).
    type: dict
    default: {}
  programs:
    description: Texts of the programs that run beside the hub, by their file names, as P(vdsg.jupyterhub.description#lookup) returns them.
    type: dict
    required: true
  only_look:
    description: Look at the engine, and leave it at that.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Make the project
  vdsg.jupyterhub.docker_project:
    programs: "{{ programs }}"
    description:
      jupyterhub_name: vdsg
      jupyterhub_auth: {method: shared_password}
      jupyterhub_users: [{name: geoheil, admin: true}]
  register: project
"""

RETURN = r"""
engine:
  description: What rendering needs to know of the engine.
  returned: always
  type: dict
  sample: {users_subnet: 172.16.248.0/21, socket: /run/docker.sock, socket_gid: 998, images: {hub: 'vdsg-jupyterhub/hub:ad002372dcc7'}}
source:
  description: Where images come from, C(auto) decided.
  returned: always
  type: str
  sample: registry
commit:
  description: Commit that the repository of the user image is at.
  returned: always
  type: str
  sample: ''
missing:
  description: Images that must be made or pulled first, in that order.
  returned: always
  type: list
  elements: dict
  sample: [{kind: hub, reference: 'vdsg-jupyterhub/hub:ad002372dcc7', action: build}]
deployed:
  description: Whether the hub has a container on the engine.
  returned: always
  type: bool
leftovers:
  description: Containers that a run left behind when it was broken off; they are removed.
  returned: always
  type: list
  elements: str
  sample: [0123456789ab_vdsg-hub]
versions:
  description: Versions of the engine and of compose.
  returned: always
  type: dict
  sample: {engine: 20.10.24, compose: 2.26.1}
name:
  description: Name of the hub.
  returned: always
  type: str
  sample: vdsg
url:
  description: Address that people type.
  returned: always
  type: str
  sample: https://hub.vdsg.at/
cli:
  description: The docker command with the options that name the engine.
  returned: always
  type: list
  elements: str
  sample: [docker, --context, lab]
hints:
  description: Where a person finds what is needed next.
  returned: always
  type: list
  elements: str
  sample: ['passwords: /srv/jupyterhub/lab/secrets/user_password and admin_password']
settings:
  description: The C(docker_compose_) variables without their prefix, with their defaults.
  returned: always
  type: dict
  sample: {docker_host: '', wait_timeout: 180}
tls_mode:
  description: Who ends TLS, as in C(jupyterhub_tls.mode).
  returned: always
  type: str
  sample: letsencrypt
project_dir:
  description: Directory of the compose project on the host.
  returned: always
  type: str
  sample: /srv/jupyterhub/vdsg
made:
  description: Names of the secrets that did not exist before.
  returned: unless images are missing
  type: list
  elements: str
rotated:
  description: Names of the secrets that have another value than before.
  returned: unless images are missing
  type: list
  elements: str
changed_files:
  description: The files of the project that differ from what was there.
  returned: unless images are missing
  type: list
  elements: str
  sample: [hub/jupyterhub_config.py]
volumes:
  description: Volumes that were made, and shared folders that were given to their group again.
  returned: unless images are missing
  type: list
  elements: str
  sample: [vdsg-data]
services:
  description: For each service whose files changed in its volume, the files.
  returned: unless images are missing
  type: dict
  sample: {edge: [nginx.conf]}
outdated:
  description: Services whose container compose must make, replace or start, and why.
  returned: unless images are missing
  type: dict
  sample: {hub: changed}
ready:
  description: What M(vdsg.jupyterhub.docker_ready) would find and do; a look at a hub that runs.
  returned: when the hub runs, and in check mode or when nothing changed
  type: dict
settled:
  description: Whether nothing is left to do, neither for compose nor for M(vdsg.jupyterhub.docker_ready).
  returned: unless images are missing
  type: bool
edge_version:
  description: What the edge's health check says when the edge has loaded its configuration and certificate.
  returned: unless images are missing
  type: str
  sample: 7f83b1657ff1fc53
"""

import contextlib
import dataclasses
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import people, project, report, validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Certbot
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import SERVICES
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.people import People
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import files
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.config_check import ConfigCheck
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.delivery import Delivery
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, engine_of, hub_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.preflight import Preflight
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.running import CHANGES, Running
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.secret_store import Store
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.volumes import PROGRAM as FOLDERS
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.volumes import Volumes

LOOK = 10
"""Seconds in which a hub that is well answers; one that does not is looked after by docker_ready, with all the time it may take."""


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub = hub_of(module)
    docker, settings = engine_of(module)
    preflight = Preflight(docker, hub, settings, Certbot.from_variables(module.params["description"]))
    facts = preflight.run()
    # Settings as the later tasks of a role take them, so that they need not read the description again.
    names: dict[str, t.Any] = {
        "name": hub.name,
        "url": validation.public_url(hub),
        "project_dir": preflight.project_dir,
        "settings": dataclasses.asdict(settings),
        "tls_mode": hub.tls.mode,
    }
    names |= {"cli": ["docker", *docker.options], "hints": report.hints(hub, preflight.project_dir)}
    result: dict[str, t.Any] = {"changed": False, **names, **dataclasses.asdict(facts)}
    if module.params["only_look"] or (facts.missing and not module.check_mode):
        return result

    store = Store(f"{preflight.project_dir}/secrets", time.time())
    store.fill(hub, module.params["given"])
    rendered = project.render(hub, facts.engine, module.params["programs"], store.fingerprints(), store.wanted.get("authority_certificate", ""))
    check = ConfigCheck(docker, hub, preflight.project_dir, facts.engine.images["hub"], preflight.image_ids.get(facts.engine.images["hub"], ""))
    for warning in check.run(rendered, module.params["programs"], store.wanted):
        module.warn(warning)
    found = files.changes(preflight.project_dir, rendered.files, SERVICES)
    delivery = Delivery(docker, hub, rendered, store.wanted, facts.engine.images["hub"])
    # An image that is yet to be made cannot show what is in the volumes.
    volumes, services = delivery.plan() if not facts.missing else ([], delivery.everything())
    further = Volumes(docker, hub, facts.engine.images["hub"], module.params["programs"][FOLDERS])
    given = further.plan(not facts.missing)
    changed = store.changed() or bool(found or volumes or services or given or facts.leftovers)
    if not module.check_mode:
        if facts.leftovers:
            docker.call("rm", "--force", *facts.leftovers)
        if store.changed():
            store.save()
        if found:
            files.make_directory(preflight.project_dir, 0o755)
            files.apply(preflight.project_dir, found, 0o644, 0o755)
        further.apply(given)
        delivery.deliver(volumes, services)
        check.remember()
    if module._diff:
        result["diff"] = files.diff(found)
    done: dict[str, t.Any] = {"made": store.made, "rotated": store.rotated, "changed_files": [change.path for change in found], "volumes": volumes + given}
    result |= {**done, "services": services, "edge_version": rendered.edge_version}

    images = {service: preflight.image_ids.get(image, "") for service, image in rendered.images.items()}
    # After a change docker_ready looks in any case.
    result |= look(Running(docker, hub.name), rendered, images, people.described(hub) if module.check_mode or not changed else None)
    result["settled"] = result["settled"] and not changed
    result["changed"] = not result["settled"] if module.check_mode else changed
    return result


def look(running: Running, rendered: project.Project, images: dict[str, str], wanted: People | None) -> dict[str, t.Any]:
    """Look at what runs, without a change: what compose and docker_ready would have to do."""
    running.look()
    found: dict[str, t.Any] = {"outdated": running.outdated(rendered.digests, images)}
    answer: dict[str, t.Any] | None = None
    # A container that is merely outdated answers; of one that is down, nothing can be asked, and there is something to do anyway.
    if wanted is not None and set(found["outdated"].values()) <= {"changed"}:
        with contextlib.suppress(DescriptionError):
            answer = found["ready"] = running.look_after(wanted, time.monotonic() + LOOK, True)
    pending = answer is None or bool(found["outdated"]) or any(answer[key] for key in CHANGES)
    found["settled"] = not pending and running.edge_has_loaded(rendered.edge_version)
    return found


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "dict", "required": True},
            "given": {"type": "dict", "default": {}, "no_log": True},
            "programs": {"type": "dict", "required": True},
            "only_look": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    open_door(module, run, LIBRARIES)


if __name__ == "__main__":
    main()
