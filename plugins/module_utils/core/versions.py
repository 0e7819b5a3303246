# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The versions that are tested together; updating them is one edit here and a run of the tests.

Bounds that are not ours: JupyterHub before 6.1.1 and 5.5.4 has open security advisories; configurable-http-proxy 5.3 wants Node 20.
"""

from __future__ import annotations

JUPYTERHUB = "6.1.1"
PROXY = "5.3.0"
NODE = "22.20.0"
CERTBOT = "5.8.0"
DEBIAN = "bookworm"
RESTIC_DEBIAN = "trixie"
"""Where restic comes from: 0.18 restores sparse files, and tells by its status what is wrong; that of bookworm (0.14) does neither."""

HUB_PACKAGES: dict[str, str] = {
    "jupyterhub": JUPYTERHUB,
    "dockerspawner": "14.0.0",
    "oauthenticator": "17.4.0",
    "jupyterhub-idle-culler": "2.0.0",
    "jupyterhub-kubespawner": "7.1.0",
    "psycopg2-binary": "2.9.13",
    "PyMySQL": "1.2.4",
    "docker": "7.2.0",
    "SQLAlchemy": "2.1.9",
}
"""What the hub image is made of (PyPI); resolved together, `pip check` finds nothing to say."""

OPTIONAL_PACKAGES: dict[str, str] = {
    "google-auth": "2.62.2",
    "jupyterhub-ldapauthenticator": "2.0.2",
    "jupyterhub-ltiauthenticator": "1.6.3",
    "jupyterhub-nativeauthenticator": "1.3.0",
    "jupyterhub-firstuseauthenticator": "1.1.1",
    "jupyterhub-tmpauthenticator": "1.0.0",
}
"""What a hub image may have besides (PyPI); traits.json knows the classes of these versions, too."""

USER_PACKAGES: dict[str, str] = {
    "jupyterhub": JUPYTERHUB,
    "jupyterlab": "4.6.6",
}
"""What a user image of our own is made of (PyPI)."""

CONTENT_PACKAGES: dict[str, str] = {
    "nbgitpuller": "1.3.0",
}
"""What a user image needs besides for jupyterhub_storage.content (PyPI), and git."""

BASE_IMAGE = "docker.io/library/debian:bookworm-slim"
PROXY_IMAGE = f"quay.io/jupyterhub/configurable-http-proxy:{PROXY}"
EDGE_IMAGE = "docker.io/nginxinc/nginx-unprivileged:1.28-bookworm"
CERTBOT_IMAGES = "docker.io/certbot/{name}:v" + CERTBOT
"""Let's Encrypt's own: certbot, and dns-NAME with a plugin."""

USER_IMAGE = f"quay.io/jupyter/scipy-notebook:hub-{JUPYTERHUB}"

MINIMUM_ENGINE = "20.10"
MINIMUM_COMPOSE = "2.20"
