# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for GitHub: the OAuth endpoints and the bit of API that GitHubOAuthenticator (oauthenticator 17.4) asks for.

Whoever visits chooses an account from a list instead of giving a password; everything else is as strict as GitHub is.
Also a program: python github.py --host 0.0.0.0 --port 9180 --users users.json --client client.json
"""

from __future__ import annotations

import argparse
import base64
import dataclasses
import hashlib
import html
import http.server
import json
import pathlib
import secrets
import threading
import typing as t
import urllib.parse

Params = dict[str, str]


@dataclasses.dataclass(frozen=True)
class User:
    login: str
    # Teams are written ORGANIZATION:TEAM.
    organizations: tuple[str, ...] = ()
    email: str | None = None


@dataclasses.dataclass(frozen=True)
class Client:
    """The OAuth application, as it was registered."""

    client_id: str
    client_secret: str
    callback: str


@dataclasses.dataclass(frozen=True)
class Grant:
    login: str
    scope: tuple[str, ...]
    challenge: str = ""


class Refused(Exception):
    """The request is not what GitHub would accept."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.status = status


class GitHub:
    """Accounts, codes and tokens; knows nothing of HTTP."""

    def __init__(self, client: Client, users: t.Iterable[User]) -> None:
        self._client = client
        self._users = {user.login: user for user in users}
        self._codes: dict[str, Grant] = {}
        self._tokens: dict[str, Grant] = {}

    def logins(self) -> list[str]:
        return list(self._users)

    def check_application(self, asked: Params) -> None:
        """Refuse to show anybody a page on behalf of an unknown application."""
        if asked.get("client_id") != self._client.client_id:
            raise Refused("no such application", 404)
        if asked.get("redirect_uri") != self._client.callback:
            raise Refused("the redirect_uri is not associated with this application")
        if asked.get("response_type", "code") != "code" or not asked.get("state"):
            raise Refused("response_type must be code, and state must be given")
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            raise Refused("code_challenge_method must be S256")

    def authorize(self, asked: Params) -> str:
        """Let the chosen account in; return where the browser goes."""
        self.check_application(asked)
        if asked.get("login") not in self._users:
            raise Refused("no such account", 403)
        code = secrets.token_urlsafe(16)
        self._codes[code] = Grant(asked["login"], tuple(asked.get("scope", "").split()), asked.get("code_challenge", ""))
        return self._client.callback + "?" + urllib.parse.urlencode({"code": code, "state": asked["state"]})

    def token(self, asked: Params) -> Params:
        """Exchange a code, once, for a token."""
        # The first who brings a code uses it up, whatever else is wrong.
        grant = self._codes.pop(asked.get("code", ""), None)
        known = secrets.compare_digest(asked.get("client_secret", ""), self._client.client_secret)
        if asked.get("client_id") != self._client.client_id or not known:
            raise Refused("incorrect_client_credentials")
        if grant is None:
            raise Refused("bad_verification_code")
        if asked.get("redirect_uri") != self._client.callback:
            raise Refused("redirect_uri_mismatch")
        if grant.challenge:
            digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).decode().rstrip("=") != grant.challenge:
                raise Refused("bad_code_verifier")
        token = "gho_" + secrets.token_urlsafe(24)
        self._tokens[token] = grant
        return {"access_token": token, "token_type": "bearer", "scope": ",".join(grant.scope)}

    def api(self, path: str, authorization: str) -> tuple[int, t.Any]:
        """Answer a call of the REST API: status and body."""
        kind, _space, token = authorization.partition(" ")
        grant = self._tokens.get(token)
        if grant is None or kind.lower() not in ("bearer", "token"):
            return 401, {"message": "Bad credentials"}
        user = self._users[grant.login]
        parts = path.split("/")
        if parts == ["user"]:
            return 200, {"login": user.login, "id": sorted(self._users).index(user.login) + 1, "name": user.login.title(), "email": None, "type": "User"}
        if parts == ["user", "emails"] and {"user", "user:email"} & set(grant.scope):
            return 200, [{"email": user.email or f"{user.login}@example.org", "primary": True, "verified": True}]
        if parts == ["user", "teams"] and "read:org" in grant.scope:
            teams = [entry.split(":") for entry in user.organizations if ":" in entry]
            return 200, [{"slug": team, "organization": {"login": organization}} for organization, team in teams]
        # Memberships that are not public are told only to those who may read the organization.
        if "read:org" in grant.scope and len(parts) in (4, 6) and parts[0] == "orgs" and parts[-2] == "members":
            wanted = parts[1] if len(parts) == 4 else f"{parts[1]}:{parts[3]}"
            member = self._users.get(parts[-1])
            if member and any(entry == wanted or entry.startswith(wanted + ":") for entry in member.organizations):
                return 204, None
        return 404, {"message": "Not Found"}


class Handler(http.server.BaseHTTPRequestHandler):
    """Forms and JSON around GitHub."""

    github: GitHub

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        if url.path.startswith("/api/v3/"):
            self._answer(*self.github.api(url.path.removeprefix("/api/v3/"), self.headers.get("Authorization", "")))
        elif url.path == "/login/oauth/authorize":
            self._page(self._params(url.query))
        else:
            self._answer(404, {"message": "Not Found"})

    def do_POST(self) -> None:
        asked = self._params(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        try:
            if self.path == "/login/oauth/authorize":
                self._answer(302, None, location=self.github.authorize(asked))
            elif self.path == "/login/oauth/access_token":
                self._answer(200, self.github.token(asked))
            else:
                self._answer(404, {"message": "Not Found"})
        except Refused as refused:
            # GitHub reports a refused token with status 200.
            status = 200 if self.path.endswith("access_token") else refused.status
            self._answer(status, {"error": str(refused), "error_description": f"Refused: {refused}."})

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: a code in a log is a leak, in tests too."""

    def _page(self, asked: Params) -> None:
        try:
            self.github.check_application(asked)
        except Refused as refused:
            self._answer(refused.status, {"error": str(refused)})
            return
        hidden = "".join(f'<input type="hidden" name="{html.escape(key)}" value="{html.escape(value)}">' for key, value in asked.items())
        choice = "".join(f"<option>{html.escape(login)}</option>" for login in self.github.logins())
        form = f'<form method="post" action="/login/oauth/authorize">{hidden}<select name="login">{choice}</select><button>Sign in</button></form>'
        self._send(200, "text/html; charset=utf-8", f"<!doctype html><title>Sign in to GitHub (a stand-in)</title>{form}".encode())

    def _answer(self, status: int, body: t.Any, location: str = "") -> None:
        self._send(status, "application/json", b"" if body is None else json.dumps(body).encode(), location)

    def _send(self, status: int, kind: str, body: bytes, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def _params(text: str) -> Params:
        return dict(urllib.parse.parse_qsl(text, keep_blank_values=True))


def serve(github: GitHub, host: str, port: int) -> http.server.ThreadingHTTPServer:
    """Listen, in a thread of its own."""
    server = http.server.ThreadingHTTPServer((host, port), type("GitHubHandler", (Handler,), {"github": github}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def load_users(path: pathlib.Path) -> list[User]:
    return [User(entry["login"], tuple(entry.get("organizations", ())), entry.get("email")) for entry in json.loads(path.read_text())]


def main() -> None:
    parser = argparse.ArgumentParser(description="Stand in for GitHub.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9180)
    parser.add_argument("--users", type=pathlib.Path, required=True, help='JSON: [{"login": …, "organizations": […], "email": …}, …]')
    parser.add_argument("--client", type=pathlib.Path, required=True, help='JSON: {"client_id": …, "client_secret": …, "callback": …}')
    given = parser.parse_args()
    server = serve(GitHub(Client(**json.loads(given.client.read_text())), load_users(given.users)), given.host, given.port)
    print(f"http://{given.host}:{server.server_address[1]}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
