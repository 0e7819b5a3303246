# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hub that the bench compares with, in the jupyterhub-deploy-docker way."""

from __future__ import annotations

import json
import os
import pathlib

from traitlets.config import get_config

c = get_config()
name = os.environ["PLAIN_NAME"]
accounts = json.loads(pathlib.Path("/etc/plain/accounts.json").read_text())

c.JupyterHub.spawner_class = "docker"
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "hub"
c.JupyterHub.db_url = "sqlite:////srv/jupyterhub/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = "/srv/jupyterhub/cookie_secret"
c.ConfigurableHTTPProxy.pid_file = "/srv/jupyterhub/proxy.pid"

c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = accounts["user_password"]
c.SharedPasswordAuthenticator.admin_password = accounts["admin_password"]
c.Authenticator.allowed_users = set(accounts["users"])
c.Authenticator.admin_users = set(accounts["admins"])
# As the other hub has it: ten users who come at once wait for nobody's turn, and a busy machine may take its time.
c.JupyterHub.concurrent_spawn_limit = 20
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 240

c.DockerSpawner.image = os.environ["PLAIN_USER_IMAGE"]
c.DockerSpawner.network_name = f"{name}-net"
c.DockerSpawner.name_template = f"{name}-user-{{username}}"
c.DockerSpawner.remove = True
c.DockerSpawner.notebook_dir = "/home/jovyan/work"
c.DockerSpawner.volumes = {f"{name}-user-{{username}}": "/home/jovyan/work"}
c.DockerSpawner.extra_create_kwargs = {"labels": {"vdsg.jupyterhub.name": name, "vdsg.jupyterhub.component": "singleuser"}}
