# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Render ``jupyterhub_config.py``: readable Python in a stable order, without a secret in it."""

from __future__ import annotations

import ast
import re
import typing as t

from . import authentication, look, validation
from .description import Culling, Environment, Hub, Service
from .pytext import Code, assignment, literal
from .secrets import token_name

FILES, DATA = authentication.FILES, authentication.DATA
API_PORT = 8081
OPERATOR = "operator"
CULLER = "idle-culler"
PROMETHEUS = "prometheus"
DEFAULT_TIMEOUT = 30
"""Seconds until a service must answer (jupyterhub 6.1.1, services/service.py)."""

DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306}

Settings = t.Mapping[str, t.Any]
Section = tuple[str, Settings]
"""A comment, and ``Class.trait`` -> value."""

HEAD = '''\
"""Configuration of the JupyterHub {name}.

Written by Ansible (vdsg.jupyterhub): change the variables there, not this file. Secrets are in files of their own.
"""

{first}import json
import pathlib
{standard}import sys

import aiohttp
import aiohttp.connector
{imports}
FILES = pathlib.Path({files!r})


def secret(name):
    """Return a secret from its file."""
    return (FILES / "secrets" / name).read_text().strip()


# The people of the description; those whom an admin adds on the admin page are in the database.
PEOPLE = json.loads((FILES / "userlist.json").read_text())

# aiodns remembers an address for ever: after the proxy is recreated the hub would not find it again.
aiohttp.connector.DefaultResolver = aiohttp.ThreadedResolver
'''

PIECE = re.compile(r"# jupyterhub_extra_config: ('.*'|\".*\")")
"""What stands above a piece of Python of the user's."""

SERVERS = """\
# What people may choose and see, and how many servers each may run: the same on the page and for servers that are started through the API.
sys.path.insert(0, str(FILES))
import servers

servers.configure(c, {arguments})
"""


MAINTENANCE = """\
# What pages announce, and maintenance; last, so that nothing above takes its place.
sys.path.insert(0, str(FILES))
import maintenance

maintenance.configure(c, FILES / "announcements.json")
"""


def render(hub: Hub, spawner: Section, profiles: list[dict[str, t.Any]], folders: list[dict[str, t.Any]], prefix: str = "") -> str:
    """Return the text of jupyterhub_config.py. Same hub, same bytes.

    ``spawner``, ``profiles`` and ``folders`` are what the target makes of them; ``prefix`` begins the names under which hub and proxy find each other.
    """
    imports = "import sqlalchemy\n" if hub.database.type != "sqlite" else ""
    parts = [HEAD.format(name=hub.name, first=look.imports(hub.look), standard=authentication.imports(hub.auth), imports=imports, files=FILES)]
    if programs := authentication.prelude(hub.auth):
        parts.append(programs)
    parts += map(block, (*sections(hub, prefix), spawner))
    parts += look.pieces(hub.look)
    arguments = {
        "profiles": profiles,
        "max_running_per_user": hub.spawner.max_running_per_user,
        "folders": folders,
        "gpus": len(hub.spawner.gpus),
    }
    if given := [f"{name}={literal(value)}" for name, value in arguments.items() if value]:
        parts.append(SERVERS.format(arguments=", ".join(given)))
    parts += map(block, traits(hub))
    for name in sorted(hub.extra_config):
        parts.append(f"# jupyterhub_extra_config: {name!r}\n{hub.extra_config[name].rstrip()}\n")
    return "\n".join([*parts, MAINTENANCE])


def place(text: str, line: int) -> str:
    """Return where a line of jupyterhub_config.py comes from, if it is in a piece of the user's: ``jupyterhub_extra_config.NAME: line N``."""
    marks = [(number, found[1]) for number, mark in enumerate(text.splitlines()[:line], 1) if (found := PIECE.fullmatch(mark))]
    if not marks or not line or line > text.count("\n") - MAINTENANCE.count("\n"):
        return ""
    number, name = marks[-1]
    return f"jupyterhub_extra_config.{ast.literal_eval(name)}: line {line - number}"


def block(section: Section) -> str:
    """Return a section as text."""
    comment, settings = section
    return "\n".join([f"# {comment}", *(assignment(f"c.{name}", value) for name, value in settings.items())]) + "\n"


def sections(hub: Hub, prefix: str = "") -> list[Section]:
    """Return what is said of every hub, whatever the target."""
    return [
        (
            "Addresses: the edge in front ends TLS, the proxy behind it knows where each server is.",
            {
                "JupyterHub.public_url": validation.public_url(hub),
                **({"JupyterHub.subdomain_host": validation.public_url(hub).rstrip("/")} if hub.tls.subdomains else {}),
                "JupyterHub.bind_url": "http://:8000",
                "JupyterHub.hub_bind_url": f"http://:{API_PORT}",
                "JupyterHub.hub_connect_url": f"http://{prefix}hub:{API_PORT}",
                "JupyterHubHTTPClient.connector_options": {"use_dns_cache": False},
                "ConfigurableHTTPProxy.should_start": False,
                "ConfigurableHTTPProxy.api_url": f"http://{prefix}proxy-api:8001",
                "ConfigurableHTTPProxy.auth_token": Code("secret('proxy_token')"),
            },
        ),
        (
            "A restart of the hub leaves servers and routes alone; routes that are lost are back within a minute.",
            {"JupyterHub.cleanup_servers": False, "JupyterHub.cleanup_proxy": False, "JupyterHub.last_activity_interval": activity_interval(hub)},
        ),
        (
            "What must outlive the container.",
            {
                "JupyterHub.db_url": database_url(hub),
                "JupyterHub.cookie_secret_file": f"{FILES}/secrets/cookie_secret",
                "CryptKeeper.keys": Code("secret('crypt_key').split()"),
            },
        ),
        ("Who may log in.", authentication.settings(hub, validation.public_url(hub))),
        ("Every server, whatever starts it.", every_server(hub)),
        ("Programs that use the API, and what they may do.", services(hub)),
    ]


def every_server(hub: Hub) -> dict[str, t.Any]:
    item = hub.spawner
    settings: dict[str, t.Any] = {
        "Spawner.default_url": item.default_url,
        "Spawner.start_timeout": item.start_timeout,
        "Spawner.http_timeout": item.http_timeout,
        "JupyterHub.concurrent_spawn_limit": item.concurrent_starts,
        "JupyterHub.active_server_limit": item.max_running,
    }
    if item.named_servers:
        settings |= {"JupyterHub.allow_named_servers": True, "JupyterHub.named_server_limit_per_user": item.named_servers}
    return settings


def activity_interval(hub: Hub) -> int:
    """Return the seconds after which the hub asks the proxy again who was active; much sooner than an idle server is stopped."""
    return min(60, hub.culling.idle_timeout // 4) if hub.culling.enabled else 60


def environment(values: Environment) -> dict[str, t.Any]:
    """Return environment variables in a stable order; what is kept elsewhere is read when the hub starts."""
    return {name: value if isinstance(value, str) else Code(f"secret({value.secret!r})") for name, value in sorted(values.items())}


def database_url(hub: Hub) -> t.Any:
    """Return the database's address; the password is read and quoted when the hub starts."""
    database = hub.database
    if database.type == "sqlite":
        return f"sqlite:///{DATA}/jupyterhub.sqlite"
    driver, port = {"postgresql": "postgresql+psycopg2", "mysql": "mysql+pymysql"}[database.type], DATABASE_PORTS[database.type]
    parts: dict[str, t.Any] = {"username": database.user, "password": Code("secret('database_password')"), "host": database.host}
    parts |= {"port": database.port or port, "database": database.name}
    arguments = ", ".join(f"{key}={value if isinstance(value, Code) else repr(value)}" for key, value in parts.items())
    return Code(f"sqlalchemy.URL.create({driver!r}, {arguments}).render_as_string(hide_password=False)")


def services(hub: Hub) -> dict[str, t.Any]:
    """Return services and roles. The operator is how Ansible speaks with the hub."""
    # No scope is enough to take an admin mark away: JupyterHub 6.1.1 asks whether the one who does it is an admin (apihandlers/users.py). The role admin
    # instead of the mark would make its list of people exact (app.py, init_role_assignment), and demote whom an admin promoted by hand.
    registered: list[dict[str, t.Any]] = [{"name": OPERATOR, "api_token": Code("secret('operator_token')"), "admin": True, "display": False}]
    roles: list[dict[str, t.Any]] = []
    if hub.culling.enabled:
        registered.append({"name": CULLER, "command": culler(hub.culling), "display": False})
        scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers", *(["admin:users"] if hub.culling.users else [])]
        roles.append({"name": CULLER, "scopes": scopes, "services": [CULLER]})
    if hub.monitoring.enabled:
        registered.append({"name": PROMETHEUS, "api_token": Code(f"secret({token_name(PROMETHEUS)!r})"), "display": False})
        roles.append({"name": PROMETHEUS, "scopes": ["read:metrics"], "services": [PROMETHEUS]})
    registered += map(service, hub.services)
    for role in hub.roles:
        entry: dict[str, t.Any] = {"name": role.name, "description": role.description, "scopes": list(role.scopes)}
        entry |= {key: list(getattr(role, key)) for key in ("users", "groups", "services") if getattr(role, key)}
        roles.append({key: value for key, value in entry.items() if value})
    return {"JupyterHub.services": registered, "JupyterHub.load_roles": roles}


def culler(culling: Culling) -> list[t.Any]:
    """Return the command of the culler. Version 2 of jupyterhub-idle-culler wants a value behind every flag."""
    flags: dict[str, t.Any] = {"timeout": culling.idle_timeout, "cull-every": culling.interval, "max-age": culling.max_age}
    if culling.remove_named_servers:
        flags["remove-named-servers"] = "true"
    if culling.users:
        flags |= {"cull-users": "true", "cull-admin-users": "true" if culling.admins else "false"}
    return [Code("sys.executable"), "-m", "jupyterhub_idle_culler", *(f"--{name}={value}" for name, value in flags.items())]


def service(item: Service) -> dict[str, t.Any]:
    """Return a service as JupyterHub takes it; what it would have by default is left out."""
    entry: dict[str, t.Any] = {"name": item.name, "api_token": Code(f"secret({token_name(item.name)!r})"), "display": item.display}
    given = {
        **{name: getattr(item, name) for name in ("url", "cwd", "oauth_client_id", "oauth_redirect_uri", "info")},
        **{name: list(getattr(item, name)) for name in ("command", "oauth_client_allowed_scopes")},
        "environment": environment(item.environment),
        "oauth_no_confirm": item.oauth_no_confirm,
        "timeout": item.timeout if item.timeout != DEFAULT_TIMEOUT else 0,
    }
    return entry | {name: value for name, value in given.items() if value}


def traits(hub: Hub) -> list[Section]:
    """Return jupyterhub_config as it was given, after ours, so that it wins."""
    settings = {f"{cls}.{trait}": value for cls in sorted(hub.config) for trait, value in sorted(hub.config[cls].items())}
    return [("jupyterhub_config", settings)] if settings else []
