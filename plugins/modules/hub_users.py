#!/usr/bin/python
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hub_users
short_description: People and groups of a JupyterHub that runs
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - Adds and removes users, admin marks, groups and their members through the hub's REST API, in few requests.
  - Whom the task does not name is left alone, unless O(purge) says otherwise. People whom the description of the hub names come back with the next run of its
    playbook; people who are added here stay, as those that an admin adds on the admin page.
  - Removing somebody needs O(user_data), so that nobody's files are lost, or left behind, by accident.
extends_documentation_fragment:
  - vdsg.jupyterhub.attributes
  - vdsg.jupyterhub.hub
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
requirements: [docker command line for a hub O(name), or kubernetes (Python) with O(k8s_context)]
options:
  users:
    description: People; names are compared in lower case, as JupyterHub does.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name at the hub.
        type: str
        required: true
      admin:
        description: Whether the person may manage users and servers. Left out, the mark stays as it is.
        type: bool
      groups:
        description: Groups that the person is in, besides those that O(groups) says.
        type: list
        elements: str
        default: []
  groups:
    description: Groups and members that they have. A group lets nobody in; members whom the hub does not know are returned in RV(waiting).
    type: dict
    default: {}
  state:
    description:
      - V(present) adds what is missing.
      - V(absent) removes the people in O(users), and the members in O(groups) from these groups; a group with an empty list is removed itself.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description: Remove everybody and every group that is not named, and from these groups every member that is not. Only with O(state=present).
    type: bool
    default: false
  user_data:
    description:
      - What happens to the files of people who are removed; needed whenever somebody may be.
      - V(keep) leaves their volumes where they are; they find everything when they come back.
      - V(archive) writes each volume into a tar file in O(archive_dir), then deletes it. V(delete) deletes it for ever. Both need O(name), and a hub of docker
        compose. The nodes of a swarm and a cluster keep volumes that are not seen from here.
    type: str
    choices: [keep, archive, delete]
  archive_dir:
    description: Directory on the host for the tar files of O(user_data=archive); it is made with mode 0700.
    type: path
  volume_name_template:
    description: Names of people's volumes, C(jupyterhub_storage.volume_name_template) of the hub.
    type: str
    default: '{name}-user-{username}'
  timeout:
    description: Seconds until servers of people who are removed must have stopped.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Let two people in
  vdsg.jupyterhub.hub_users:
    name: lab
    users:
      - {name: jenny, admin: true}
      - {name: sam, groups: [course]}

- name: Take somebody's access away and pack the files
  vdsg.jupyterhub.hub_users:
    name: lab
    users: [{name: sam}]
    state: absent
    user_data: archive
    archive_dir: /srv/jupyterhub/archive

- name: The people of a list and nobody else, at a hub anywhere
  vdsg.jupyterhub.hub_users:
    url: https://hub.example.org/
    token_file: /root/hub-token
    users: "{{ people }}"
    purge: true
    user_data: keep
"""

RETURN = r"""
added:
  description: People who were added.
  returned: always
  type: list
  elements: str
removed:
  description: People who were removed.
  returned: always
  type: list
  elements: str
promoted:
  description: People who became admins.
  returned: always
  type: list
  elements: str
demoted:
  description: People who are admins no longer.
  returned: always
  type: list
  elements: str
groups_added:
  description: Groups that were made.
  returned: always
  type: list
  elements: str
groups_removed:
  description: Groups that were removed.
  returned: always
  type: list
  elements: str
joined:
  description: People who became members, by group.
  returned: always
  type: dict
left:
  description: People who are members no longer, by group.
  returned: always
  type: dict
waiting:
  description: Members whom the hub does not know, by group.
  returned: always
  type: dict
volumes:
  description: Volumes of people who are removed, by name; with O(user_data=keep) they stay. Those on nodes of a swarm and in a cluster are not among them.
  returned: always
  type: dict
  sample: {sam: [lab-user-sam]}
archives:
  description: Tar files that were written, by name.
  returned: always
  type: dict
  sample: {sam: [/srv/jupyterhub/archive/lab-user-sam-20261121T101112Z.tar]}
"""

import dataclasses
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import people
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import care
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.connection import ARGUMENTS, RULES, docker_of, hub_of, libraries_of, sees_volumes
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.door import open_door
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.user_data import UserData


def run(module: AnsibleModule) -> dict[str, t.Any]:
    params, deadline = module.params, time.monotonic() + module.params["timeout"]
    absent = params["state"] == "absent"
    people.check_task(params)
    seen = sees_volumes(module)
    people.check_files(params["user_data"], seen)
    wanted = people.asked(params["users"], params["groups"])
    with hub_of(module) as hub:
        there = care.see(hub).people
        todo = people.absent_plan(wanted, there) if absent else people.present_plan(wanted, there, params["purge"])
        data = UserData(docker_of(module), params["name"], params["volume_name_template"])
        # Whose removal was broken off is no longer at the hub; the files still are.
        volumes = data.volumes({*todo.removed, *(wanted.users if absent else ())}) if seen else {}
        dispose = params["user_data"] in ("archive", "delete") and bool(volumes)
        archives = {}
        if not module.check_mode:
            care.apply(hub, todo, deadline)
            for user, names in volumes.items() if dispose else ():
                if params["user_data"] == "archive":
                    archives[user] = data.archive(names, params["archive_dir"], time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
                data.delete(names)
    result = {"changed": people.changes(todo) or dispose, "volumes": volumes, "archives": archives, **dataclasses.asdict(todo)}
    if module._diff:
        result["diff"] = {"before": "\n".join(people.shown(there)) + "\n", "after": "\n".join(people.shown(people.after(there, todo))) + "\n"}
    return result


def main() -> None:
    user = {"name": {"type": "str", "required": True}, "admin": {"type": "bool"}, "groups": {"type": "list", "elements": "str", "default": []}}
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "users": {"type": "list", "elements": "dict", "default": [], "options": user},
            "groups": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "purge": {"type": "bool", "default": False},
            "user_data": {"type": "str", "choices": ["keep", "archive", "delete"]},
            "archive_dir": {"type": "path"},
            "volume_name_template": {"type": "str", "default": "{name}-user-{username}"},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
        **RULES,
    )
    open_door(module, run, libraries_of(module))


if __name__ == "__main__":
    main()
