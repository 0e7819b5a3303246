# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that says who comes to it: run by the hub, or in a container of its own that is given a file with its token."""

from __future__ import annotations

import json
import os
import pathlib
import sys
import typing as t
import urllib.parse

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from jupyterhub.utils import url_path_join
from tornado import ioloop, web


def get(page: t.Any) -> None:
    environment = {name: os.environ.get(name) for name in ("GREETING", "KEY")}
    page.write(json.dumps({"user": page.get_current_user(), **environment}))


def main(files: list[str]) -> None:
    for path in files:
        os.environ["JUPYTERHUB_API_TOKEN"] = pathlib.Path(path).read_text().strip()
    prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
    address = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    who = type("Who", (HubOAuthenticated, web.RequestHandler), {"get": web.authenticated(get)})
    handlers = [(prefix, who), (url_path_join(prefix, "oauth_callback"), HubOAuthCallbackHandler)]
    web.Application(handlers, cookie_secret=os.urandom(32)).listen(address.port, address.hostname)
    ioloop.IOLoop.current().start()


if __name__ == "__main__":
    main(sys.argv[1:])
