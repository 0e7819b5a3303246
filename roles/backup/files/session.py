# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in the hub's container: show the hub the cookie of a browser that somebody left open, and say what it makes of it."""

from __future__ import annotations

import json
import pathlib
import sqlite3
import urllib.request

import tornado.web

COOKIE = "jupyterhub-hub-login"


def main() -> None:
    base = sqlite3.connect("file:/srv/jupyterhub/jupyterhub.sqlite?mode=ro", uri=True)
    rows = {name: base.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("users", "groups", "user_group_map")}
    user, session = base.execute("SELECT name, cookie_id FROM users ORDER BY admin DESC, id LIMIT 1").fetchone()
    secret = bytes.fromhex(pathlib.Path("/etc/jupyterhub/secrets/cookie_secret").read_text().strip())
    cookie = tornado.web.create_signed_value(secret, COOKIE, session).decode()
    request = urllib.request.Request("http://127.0.0.1:8081/hub/home", headers={"Cookie": f"{COOKIE}={cookie}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        url = answer.geturl()
    print(json.dumps({"rows": rows, "user": user, "url": url, "session": url.endswith("/hub/home")}))


if __name__ == "__main__":
    main()
