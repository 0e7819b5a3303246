# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that answers as JupyterHub's REST API does, in small pages, for tests without an engine; the acceptance tests ask a real hub."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import typing as t
import urllib.parse

PAGE = 2
TOKEN = "t0ken"


class HubServer:
    """A hub: what its API shows is in plain dictionaries that a test may read and change."""

    def __init__(self) -> None:
        self.users: dict[str, bool] = {"geoheil": True, "byhand": False, "left": False}
        self.groups: dict[str, set[str]] = {}
        self.properties: dict[str, dict[str, t.Any]] = {}
        self.servers: dict[str, list[str]] = {"geoheil": [""]}
        self.routes = {"/", "/user/geoheil"}
        self.calls: list[str] = []
        self.failures = 0
        self.url = ""

    def answer(self, method: str, path: str, query: dict[str, str], body: t.Any) -> tuple[int, t.Any]:
        """Return status and answer."""
        self.calls.append(f"{method} {path}")
        if self.failures:
            self.failures -= 1
            return 503, {"status": 503, "message": "Hub is starting\nup"}
        kind, *rest = (urllib.parse.unquote(part) for part in path.removeprefix("/").split("/"))
        match (method, kind, rest):
            case "GET", "", []:
                return 200, {"version": "6.1.1"}
            case "GET", "info", []:
                made = {"class": "a.B", "version": "1"}
                return 200, {"version": "6.1.1", "python": "3.11.2 (main)", "sys_executable": "/usr/bin/python3", "spawner": made, "authenticator": made}
            case "GET", "services", []:
                return 200, {"operator": {"name": "operator", "admin": True, "roles": ["admin"], "url": "", "prefix": "", "command": ["hush"], "info": "hush"}}
            case "GET", "proxy", []:
                return 200, self.page([{route: {}} for route in sorted(self.routes)], query, merge=True)
            case "POST", "proxy", []:
                self.routes = {"/", *(self.server_url(user, name).rstrip("/") for user, names in self.servers.items() for name in names)}
                return 200, None
            case "GET", "users", []:
                return 200, self.page([self.user(name) for name in self.users if not query.get("state") or self.servers.get(name)], query)
            case "POST", "users", []:
                self.users |= dict.fromkeys(body["usernames"], body.get("admin", False))
                return 201, [self.user(name) for name in body["usernames"]]
            case "PATCH", "users", [name] if name in self.users:
                self.users[name] = body["admin"]
                return 200, self.user(name)
            case "DELETE", "users", [name] if name in self.users:
                if self.servers.get(name):
                    return 400, {"message": f"{name}'s server is in the process of stopping, please wait."}
                del self.users[name]
                self.groups = {group: members - {name} for group, members in self.groups.items()}
                return 204, None
            case "DELETE", "users", [name, "server"]:
                self.servers[name].remove("")
                return 202, None
            case "DELETE", "users", [name, "servers", server]:
                self.servers[name].remove(server)
                return 202, None
            case "GET", "groups", []:
                return 200, self.page([self.group(name) for name in self.groups], query)
            case "POST", "groups", []:
                self.groups |= {name: set() for name in body["groups"]}
                return 201, []
            case "POST", "groups", [name]:
                self.groups[name] = set()
                return 201, self.group(name)
            case "DELETE", "groups", [name]:
                del self.groups[name]
                return 204, None
            case "POST", "groups", [name, "users"]:
                self.groups[name] |= set(body["users"])
                return 200, self.group(name)
            case "DELETE", "groups", [name, "users"]:
                self.groups[name] -= set(body["users"])
                return 200, self.group(name)
            case "PUT", "groups", [name, "properties"]:
                self.properties[name] = body
                return 200, self.group(name)
        return 404, {"status": 404, "message": f"No such thing: {path}"}

    def user(self, name: str) -> dict[str, t.Any]:
        servers = {server: {"name": server, "url": self.server_url(name, server), "ready": True, "pending": None} for server in self.servers.get(name, ())}
        groups = [group for group, members in self.groups.items() if name in members]
        return {"kind": "user", "name": name, "admin": self.users[name], "groups": groups, "servers": servers, "last_activity": None, "auth_state": None}

    def server_url(self, user: str, name: str) -> str:
        return f"/user/{user}/{name}/" if name else f"/user/{user}/"

    def group(self, name: str) -> dict[str, t.Any]:
        return {"kind": "group", "name": name, "users": sorted(self.groups[name]), "properties": self.properties.get(name, {})}

    def page(self, items: list[t.Any], query: dict[str, str], merge: bool = False) -> dict[str, t.Any]:
        offset = int(query["offset"])
        shown = items[offset : offset + PAGE]
        following = {"offset": offset + PAGE} if offset + PAGE < len(items) else None
        found = {key: value for item in shown for key, value in item.items()} if merge else shown
        return {"items": found, "_pagination": {"next": following, "limit": PAGE, "total": len(items), "offset": offset}}


@contextlib.contextmanager
def serve() -> t.Iterator[HubServer]:
    """Have a hub that answers at its ``url``."""
    hub = HubServer()
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                if self.headers["Authorization"] != f"token {TOKEN}":
                    status, answer = 403, {"status": 403, "message": "Missing or invalid credentials."}
                else:
                    given = json.loads(data or b"null")
                    status, answer = hub.answer(self.command, parts.path.removeprefix("/base/hub/api"), dict(urllib.parse.parse_qsl(parts.query)), given)
            text = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_one

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}/base/"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
