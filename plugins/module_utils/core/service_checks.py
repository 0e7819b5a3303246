# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of programs that use the hub: services, the culler among them, and roles."""

from __future__ import annotations

import re

from .description import Hub
from .forms import URL, matches
from .schema import DescriptionError
from .server_checks import check_groups

SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
ROLE = re.compile(r"[a-z][a-z0-9_~.-]{1,253}[a-z0-9]")
SLUG = re.compile(r"service-[A-Za-z0-9_.-]+")
LONGEST_TOKEN, SHORTEST_TOKEN = 64, 8
"""JupyterHub starts with no other (orm.py of 6.1.1)."""


def check_culling(hub: Hub) -> None:
    culling = hub.culling
    for name, least in (("max_age", 0), ("interval", 1)):
        if getattr(culling, name) < least:
            raise DescriptionError(f"jupyterhub_culling.{name} is {getattr(culling, name)}, but it must be at least {least}")
    if culling.idle_timeout < 60:
        raise DescriptionError(
            f"jupyterhub_culling.idle_timeout is {culling.idle_timeout}, but it must be at least 60: an open page shows itself every 30 seconds"
        )
    for name, least in (("idle_timeout", 0), ("interval", 1)):
        if getattr(culling.kernels, name) < least:
            raise DescriptionError(f"jupyterhub_culling.kernels.{name} is {getattr(culling.kernels, name)}, but it must be at least {least}")
    for name in ("connected", "busy"):
        if getattr(culling.kernels, name) and not culling.kernels.idle_timeout:
            raise DescriptionError(
                f"jupyterhub_culling.kernels.{name} means nothing without jupyterhub_culling.kernels.idle_timeout; set that, or take it away"
            )
    if culling.admins and not culling.users:
        raise DescriptionError("jupyterhub_culling.admins means nothing without jupyterhub_culling.users; set that to true, or take it away")


def check_services(hub: Hub) -> None:
    for index, service in enumerate(hub.services):
        path = f"jupyterhub_services[{index}]"
        matches(SERVICE, service.name, f"{path}.name", "letters, digits, -, _ and ., beginning with a letter or a digit")
        if service.url:
            matches(URL, service.url, f"{path}.url", "an address such as http://grader:10101")
        if service.oauth_client_id:
            matches(SLUG, service.oauth_client_id, f"{path}.oauth_client_id", "service- and letters, digits, -, _ or .: JupyterHub takes no other")
        if not service.url and not service.oauth_redirect_uri and (service.oauth_client_id or service.oauth_no_confirm or service.oauth_client_allowed_scopes):
            raise DescriptionError(f"{path} ({service.name}) has settings of OAuth, but neither url nor oauth_redirect_uri, so nobody could be sent back to it")
        if not service.command and (service.cwd or service.environment):
            raise DescriptionError(f"{path} ({service.name}) has cwd or environment, which mean nothing without command; take them away")
        if service.timeout < 1:
            raise DescriptionError(f"{path}.timeout is {service.timeout}, but it must be at least 1")
    for variable, word, items in (("jupyterhub_services", "service", hub.services), ("jupyterhub_roles", "role", hub.roles)):
        names = [item.name for item in items]
        for name in names:
            if name in ("operator", "idle-culler", *(["prometheus"] if hub.monitoring.enabled else ())):
                raise DescriptionError(f"{variable} has a {word} {name}; that name is ours, choose another")
            if names.count(name) > 1:
                raise DescriptionError(f"{variable} names {name} more than once; keep one of them")
    known = {service.name for service in hub.services}
    for index, role in enumerate(hub.roles):
        path = f"jupyterhub_roles[{index}]"
        matches(
            ROLE, role.name, f"{path}.name", "3 to 255 lower-case letters, digits, -, _, . and ~, beginning with a letter and ending with a letter or digit"
        )
        if role.name == "admin":
            raise DescriptionError(
                f"{path} is the role admin, with which JupyterHub would take the admin mark from everybody whom another admin gave it to; "
                "name admins in jupyterhub_users, and list the scopes of a service in a role of its own"
            )
        for name in role.services:
            if name not in known:
                raise DescriptionError(f"jupyterhub_roles gives {role.name} to the service {name}, which jupyterhub_services does not have")
        check_groups(hub, f"{path}.groups", role.groups)


def check_token(name: str, token: str) -> None:
    """Raise for a token of a service that JupyterHub would not start with."""
    if not re.fullmatch(r"[!-~]*", token):
        raise DescriptionError(
            f"jupyterhub_services: the api_token of {name} has spaces or letters outside of ASCII, which no header of HTTP can carry; "
            "give another, or leave it out to have one made"
        )
    if not SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN:
        raise DescriptionError(
            f"jupyterhub_services: the api_token of {name} has {len(token)} characters, but JupyterHub takes {SHORTEST_TOKEN} to {LONGEST_TOKEN}; "
            "give another, or leave it out to have one made"
        )


PARTS = (check_culling, check_services)
