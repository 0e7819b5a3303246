#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_certificate
short_description: Look after the certificate of a JupyterHub on Docker
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Has certbot get or renew the certificate when that is due (C(letsencrypt)), renews the leaf of the hub's own authority (C(self_signed)), or takes up files
    that were replaced (C(provided)), and has the edge load what is new. Nothing is restarted, and no connection is closed.
  - A certificate that cannot be read, is for other names, is not valid today, does not belong to its key or is refused by the edge never becomes the edge's.
  - One run at a time; another one is waited for.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.description
attributes:
  check_mode:
    support: partial
    details: [Certbot is not asked; whether it would get a certificate is judged by names and dates of the one that the edge has.]
  diff_mode:
    support: none
    details: [What changed is returned.]
  idempotent:
    support: full
requirements: [docker command line, cryptography, PyYAML]
options:
  given:
    description: Values of secrets that the user gave, as P(vdsg.jupyterhub.description#lookup) returns them in C(secrets).
    type: dict
    default: {}
  before_start:
    description: Do this only if the edge does not run and certbot needs no edge, so that the edge starts with the certificate that it is to have.
    type: bool
    default: false
  target:
    description: What the hub runs on, by the name of the role that deployed it. On a swarm, the edge is the one of the manager that is spoken to.
    type: str
    choices: [docker_compose, swarm]
    default: docker_compose
"""

EXAMPLES = r"""
- name: Look after the certificate
  vdsg.jupyterhub.docker_certificate:
    description: "{{ hub.variables }}"
    given: "{{ hub.secrets }}"
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description') }}"

- name: Look after the certificate of a hub on a swarm
  vdsg.jupyterhub.docker_certificate:
    description: "{{ hub.variables }}"
    given: "{{ hub.secrets }}"
    target: swarm
  vars:
    hub: "{{ lookup('vdsg.jupyterhub.description', parts=['swarm', 'certbot']) }}"
"""

RETURN = r"""
looked:
  description: Whether the certificate was looked after.
  returned: always
  type: bool
line:
  description: What happened, in one line.
  returned: always
  type: str
  sample: 'vdsg: the certificate of hub.vdsg.at was replaced; it is valid until 2027-02-21 04:17 UTC (89 days)'
edge_version:
  description: What the edge's health check says when the edge has loaded the certificate.
  returned: when it was looked after
  type: str
  sample: 7f83b1657ff1fc53
names:
  description: The names that the certificate is for.
  returned: when it was looked after
  type: list
  elements: str
  sample: [hub.vdsg.at]
issuer:
  description: Who signed it.
  returned: when it was looked after
  type: str
  sample: CN=E8,O=Let's Encrypt,C=US
serial_number:
  description: Its serial number, in hexadecimal digits.
  returned: when it was looked after
  type: str
not_before:
  description: When it began to be valid.
  returned: when it was looked after
  type: str
  sample: '2026-11-23T04:17:00Z'
not_after:
  description: When it expires.
  returned: when it was looked after
  type: str
  sample: '2027-02-21T04:17:00Z'
days_left:
  description: Whole days until then.
  returned: when it was looked after
  type: int
  sample: 89
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import certbot, validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Certbot, DockerCompose, Hub, Swarm
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import files
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.certificate import Edge, Paths, from_certbot, told, write_metrics
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.described import LIBRARIES, engine_of, hub_of, swarm_of
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.lock import held
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.running import Running
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.secret_store import Store
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.swarm_running import SwarmRunning


def hub_on(module: AnsibleModule, hub: Hub) -> tuple[Running, DockerCompose | Swarm]:
    """Return where the hub runs, and the settings of that."""
    if module.params["target"] == "swarm":
        docker, swarm = swarm_of(module)
        return SwarmRunning(docker, hub, swarm), swarm
    docker, compose = engine_of(module)
    return Running(docker, hub.name), compose


def run(module: AnsibleModule) -> dict[str, t.Any]:
    hub = hub_of(module)
    running, settings = hub_on(module, hub)
    acme = Certbot.from_variables(module.params["description"])
    if not validation.tls_here(hub):
        return {"changed": False, "looked": False, "line": f"{hub.name}: jupyterhub_tls.mode is {hub.tls.mode}; there is no certificate here"}
    paths = Paths(validation.project_dir(hub, settings))
    path, given = f"{paths.secrets}/tls_certificate", dict(module.params["given"])
    if module.check_mode and hub.tls.mode == "letsencrypt":
        why = certbot.due(hub, acme, files.read(path) or "", time.time())
        return {"changed": bool(why), "looked": False, "line": f"{hub.name}: certbot would {f'get a certificate: {why}' if why else 'do nothing'}"}
    edge = Edge(running, hub, acme, paths, settings.wait_timeout)
    if module.params["before_start"] and (edge.runs or acme.challenge == "webroot"):
        return {"changed": False, "looked": False, "line": f"{hub.name}: the certificate is looked after when the edge runs"}
    with held(paths.lock, time.monotonic() + acme.timeout, f"another run looks after the certificate of the hub {hub.name}"):
        before = files.read(path)
        if hub.tls.mode == "letsencrypt":
            given |= from_certbot(running.docker, hub, acme, given, paths, edge.runs)
        store = Store(paths.secrets, time.time())
        store.fill_tls(hub, given)
        version, delivered = edge.deliver(store, dry_run=module.check_mode)
        changed = store.changed() or delivered
        if store.changed() and not module.check_mode:
            store.save()
        if acme.metrics_file and not module.check_mode:
            write_metrics(hub, acme.metrics_file, store.wanted["tls_certificate"])
    return {"changed": changed, "looked": True, "edge_version": version, **told(hub, before, store.wanted["tls_certificate"])}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "description": {"type": "dict", "required": True},
            "given": {"type": "dict", "default": {}, "no_log": True},
            "before_start": {"type": "bool", "default": False},
            "target": {"type": "str", "choices": ["docker_compose", "swarm"], "default": "docker_compose"},
        },
        supports_check_mode=True,
    )
    open_door(module, run, LIBRARIES)


if __name__ == "__main__":
    main()
