# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NativeAuthenticator 1.3.0 for JupyterHub 6: its log-in asks for what JupyterHub has no more, and its first admin is whoever comes first."""

from __future__ import annotations

import os
import typing as t
import urllib.parse

import bcrypt
import nativeauthenticator
from jupyterhub.handlers import BaseHandler
from nativeauthenticator import handlers
from nativeauthenticator.orm import UserInfo
from tornado import web
from traitlets import Unicode


class NoStatsd:
    """What JupyterHub 5 had as `statsd`: a timer that counts for nobody."""

    def timer(self, _name: str) -> NoStatsd:
        return self

    def start(self) -> NoStatsd:
        return self

    def stop(self, send: bool) -> None:
        """Do nothing."""


class LoginHandler(handlers.LoginHandler):
    """The page where people log in."""

    statsd = NoStatsd()

    def render_template(self, name: str, **names: t.Any) -> t.Any:
        """Render a page; JupyterHub 6 would show errors on the log-in page with arguments that this one does not take."""
        return BaseHandler.render_template(self, name, **names)


class FromTheAuthorizationPage:
    """What changes something for whoever follows a link must be followed on the hub's own pages only, not in a mail to an admin."""

    async def get(self, slug: str) -> None:
        headers = t.cast(web.RequestHandler, self).request.headers
        came = headers.get("Sec-Fetch-Site")
        # A browser says nothing of it on plain HTTP.
        same = came == "same-origin" if came else urllib.parse.urlsplit(headers.get("Referer", "")).netloc == headers.get("Host")
        if not same:
            raise web.HTTPError(403, "Follow this link on the page where users are authorized.")
        await t.cast(t.Any, super()).get(slug)


class ToggleAuthorizationHandler(FromTheAuthorizationPage, handlers.ToggleAuthorizationHandler):
    """Authorize somebody, or no more."""


class DiscardHandler(FromTheAuthorizationPage, handlers.DiscardHandler):
    """Forget somebody who signed up."""


OURS: dict[type, type] = {
    handlers.LoginHandler: LoginHandler,
    handlers.ToggleAuthorizationHandler: ToggleAuthorizationHandler,
    handlers.DiscardHandler: DiscardHandler,
}


class NativeAuthenticator(nativeauthenticator.NativeAuthenticator):
    """People sign up; the admins of the description are there from the beginning, so that nobody else can sign up under their names."""

    first_admin_password = Unicode(config=True, help="Password of each of admin_users who has none yet.")

    def __init__(self, **names: t.Any) -> None:
        super().__init__(**names)
        # Before JupyterHub's own pages, after those of whoever runs the hub.
        paths, last = self.parent.template_paths, os.path.join(self.parent.data_files_path, "templates")
        paths.insert(paths.index(last) if last in paths else len(paths), handlers.TEMPLATE_DIR)
        for name in sorted(map(self.normalize_username, self.admin_users)):
            if not self.user_exists(name):
                password = bcrypt.hashpw(self.first_admin_password.encode(), bcrypt.gensalt())
                self.db.add(UserInfo(username=name, password=password, is_authorized=True))
        self.db.commit()

    def get_handlers(self, app: t.Any) -> list[tuple[str, type]]:
        return [(path, OURS.get(handler, handler)) for path, handler in super().get_handlers(app)]
