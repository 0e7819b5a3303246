# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks that need more than the type of a value: forms, contradictions, what one topic demands of another."""

from __future__ import annotations

import ipaddress
import keyword
import re
import typing as t

from . import authentication, authentication_checks, look, people, server_checks, service_checks, storage_checks, traits
from .description import DockerCompose, Hub, Swarm
from .forms import IMAGE, SIZE, URL, matches
from .schema import DescriptionError, shown

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
CLASS = re.compile(r"(?!(None|True|False)$)[A-Z][A-Za-z0-9_]*")
TRAIT = re.compile(rf"(?!({'|'.join(keyword.kwlist)})$)[a-z][A-Za-z0-9_]*")
PIP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\[\],<>=!~+:/@#-]*")
APT = re.compile(r"[a-z0-9][a-z0-9.+-]+(=[A-Za-z0-9.+:~-]+)?")
CONSTRAINT = re.compile(r"(node|engine)\.[A-Za-z0-9_.-]+ ?(==|!=) ?[A-Za-z0-9_.:/-]+")
RESOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
REPOSITORY = re.compile(r"[A-Za-z0-9/.][^\s'\"\\]*")

KUBERNETES_TLS = ("secret", "cert_manager")
"""Modes of TLS that only a cluster knows."""

SECRET_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
EXTRA_SECRET = "extra_"
"""What begins the names of secrets of the user's own where all secrets are together."""


def is_loopback(address: str) -> bool:
    return address == "localhost" or (is_address(address) and ipaddress.ip_address(address).is_loopback)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def network(value: str, path: str) -> ipaddress.IPv4Network:
    """Return an IPv4 network, or raise with the path and the reason."""
    try:
        return ipaddress.IPv4Network(value)
    except ValueError as exc:
        raise DescriptionError(f"{path} is {shown(value)}, but it must be an IPv4 network such as 10.77.0.0/20 ({exc})") from exc


def check(hub: Hub) -> None:
    """Raise DescriptionError for the first thing that cannot be."""
    check_name(hub)
    if not is_address(hub.domain):
        matches(HOST, hub.domain, "jupyterhub_domain", "a host name in lower case without scheme, port or path")
    for part in (
        check_tls,
        check_auth,
        check_people,
        *server_checks.PARTS,
        *storage_checks.PARTS,
        check_network,
        check_database,
        *service_checks.PARTS,
        look.check,
        check_images,
        check_pieces,
    ):
        part(hub)


def check_name(hub: Hub) -> None:
    matches(NAME, hub.name, "jupyterhub_name", "lower-case letters, digits and single dashes, beginning with a letter")
    if len(hub.name) > 30:
        raise DescriptionError(f"jupyterhub_name is {shown(hub.name)}, but it must have at most 30 characters: it is the prefix of other names")


def check_tls(hub: Hub) -> None:
    if hub.tls.hsts and hub.tls.mode in ("self_signed", "none"):
        raise DescriptionError(
            f"jupyterhub_tls.hsts cannot be used with jupyterhub_tls.mode {hub.tls.mode}: browsers would refuse the hub for months; set it to false"
        )
    if hub.tls.mode == "provided":
        for name in ("certificate", "key"):
            if not getattr(hub.tls, name):
                raise DescriptionError(f"jupyterhub_tls.{name} is required with jupyterhub_tls.mode provided: the path of a PEM file on the controller")
    elif hub.tls.certificate or hub.tls.key:
        raise DescriptionError(
            f"jupyterhub_tls.certificate and key mean nothing with jupyterhub_tls.mode {hub.tls.mode}; set the mode to provided or take them away"
        )
    for name in hub.tls.names:
        if not is_address(name):
            matches(HOST, name.removeprefix("*."), "jupyterhub_tls.names", "a list of host names and addresses")
    if hub.tls.subdomains and (is_address(hub.domain) or "." not in hub.domain):
        raise DescriptionError(
            f"jupyterhub_tls.subdomains wants names below jupyterhub_domain, but there are none below {hub.domain}; set a host name of the DNS"
        )


def check_auth(hub: Hub) -> None:
    authentication_checks.check(hub, public_url(hub), is_loopback(hub.network.bind_address))


def check_people(hub: Hub) -> None:
    names = [user.name for user in hub.users]
    for name in names:
        if authentication_checks.refuses_name(hub.auth.method, name):
            raise DescriptionError(f"jupyterhub_users has the name {shown(name)}, which is not a user name")
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) != len(names) else []
    if twice:
        raise DescriptionError(f"jupyterhub_users and jupyterhub_userlist name {twice[0]} more than once; keep one of them")
    if not hub.userlist and not any(user.admin for user in hub.users) and not authentication.has_admin_elsewhere(hub.auth):
        raise DescriptionError(
            "jupyterhub_users has no admin: at least one must have admin: true (in a userlist file: a line 'NAME admin'), or nobody could let others in"
        )
    check_groups(hub)


def check_groups(hub: Hub) -> None:
    groups = [("jupyterhub_groups", name) for name in hub.groups] + [("jupyterhub_users", name) for user in hub.users for name in user.groups]
    for variable, name in groups:
        if not name or name != name.strip() or len(name) > 255:
            raise DescriptionError(f"{variable} has the group {shown(name)}, which is not the name of a group")
        if name == people.GROUP:
            raise DescriptionError(f"{variable} has the group {name}; that name is ours, choose another")
    for group, members in hub.groups.items():
        for name in members:
            if authentication_checks.refuses_name(hub.auth.method, name):
                raise DescriptionError(f"jupyterhub_groups.{group} has the name {shown(name)}, which is not a user name")
            if name in hub.auth.blocked_users:
                raise DescriptionError(f"jupyterhub_auth.blocked_users and jupyterhub_groups.{group} both name {name}; take the name out of one of them")


def check_network(hub: Hub) -> None:
    net = hub.network
    if not is_address(net.bind_address):
        raise DescriptionError(f"jupyterhub_network.bind_address is {shown(net.bind_address)}, but it must be an address such as 0.0.0.0 or 127.0.0.1")
    for name in ("http_port", "https_port"):
        if not 0 < getattr(net, name) < 65536:
            raise DescriptionError(f"jupyterhub_network.{name} is {getattr(net, name)}, but it must be between 1 and 65535")
    if net.http_port == net.https_port and tls_here(hub):
        raise DescriptionError(f"jupyterhub_network.http_port and jupyterhub_network.https_port are both {net.http_port}; they must differ")
    matches(SIZE, net.max_upload, "jupyterhub_network.max_upload", "an amount such as 100M or 4G")
    if net.users_subnet and network(net.users_subnet, "jupyterhub_network.users_subnet").prefixlen > 28:
        raise DescriptionError(f"jupyterhub_network.users_subnet {net.users_subnet} is too small for any user server; use /28 or larger")
    for index, egress in enumerate(net.egress_allow):
        network(egress.cidr, f"jupyterhub_network.egress_allow[{index}].cidr")
        for port in egress.ports:
            if not 0 < port < 65536:
                raise DescriptionError(f"jupyterhub_network.egress_allow[{index}].ports has {port}, but a port is between 1 and 65535")


def check_database(hub: Hub) -> None:
    database = hub.database
    if database.type == "sqlite":
        if database.host or database.network:
            raise DescriptionError(
                "jupyterhub_database.host means nothing with jupyterhub_database.type sqlite; set the type to postgresql or mysql, or take it away"
            )
    elif not database.host:
        raise DescriptionError(f"jupyterhub_database.host is required with jupyterhub_database.type {database.type}")
    if not 0 <= database.port < 65536:
        raise DescriptionError(f"jupyterhub_database.port is {database.port}, but it must be between 1 and 65535")


def check_images(hub: Hub) -> None:
    images = hub.images
    for name in ("base", "hub", "proxy", "edge"):
        if getattr(images, name):
            matches(IMAGE, getattr(images, name), f"jupyterhub_images.{name}", "an image reference such as registry.example.org/hub:6.1.1")
    pip, apt = (PIP, "scipy==1.17.1"), (APT, "graphviz")
    for name, (pattern, form) in {"hub_pip": pip, "hub_apt": apt, "user_pip": pip, "user_apt": apt}.items():
        for package in getattr(images, name):
            matches(pattern, package, f"jupyterhub_images.{name}", f"a list of packages such as {form}")
    for name in ("pip", "npm", "apt"):
        if mirror := getattr(images.mirrors, name):
            matches(URL, mirror, f"jupyterhub_images.mirrors.{name}", "an address such as https://mirror.example.org/path")
    if images.user_repository:
        matches(REPOSITORY, images.user_repository, "jupyterhub_images.user_repository", "an address such as https://git.example.org/course.git")
        matches(REPOSITORY, images.user_repository_version, "jupyterhub_images.user_repository_version", "a branch, tag or commit")
    for name in ("hub_pip", "hub_apt"):
        if images.hub and getattr(images, name):
            raise DescriptionError(f"jupyterhub_images.{name} means nothing with jupyterhub_images.hub: that image is taken as it is; take one of them away")
    ours = images.user_pip or images.user_apt or images.user_repository
    if hub.spawner.image and ours:
        raise DescriptionError("jupyterhub_images.user_… build a user image, but jupyterhub_spawner.image names another; take one of them away")


def check_pieces(hub: Hub) -> None:
    for cls, config in hub.config.items():
        matches(CLASS, cls, "jupyterhub_config", "a dictionary of classes such as JupyterHub or DockerSpawner")
        for trait in config:
            matches(TRAIT, trait, f"jupyterhub_config.{cls}", "a dictionary of traits such as shutdown_on_logout")
    traits.refuse(hub.config)
    for name in hub.extra_secrets:
        matches(SECRET_NAME, name, "jupyterhub_extra_secrets", "a dictionary whose keys are lower-case letters, digits and underscores")
    for name, code in hub.extra_config.items():
        try:
            # It will not stand at the beginning of a file: no import from __future__.
            compile(f"()\n{code}", "<jupyterhub_extra_config>", "exec", dont_inherit=True)
        except SyntaxError as exc:
            raise DescriptionError(f"jupyterhub_extra_config.{name} is not Python: {exc.msg} in line {(exc.lineno or 1) - 1}") from exc
        except ValueError as exc:
            raise DescriptionError(f"jupyterhub_extra_config.{name} is not Python: {exc}") from exc
        traits.refuse_secrets_in_code(name, code)
    authentication_checks.check_traits(hub)


def tls_here(hub: Hub) -> bool:
    """Whether what we set up ends TLS: our own edge, or an Ingress."""
    return hub.tls.mode in ("letsencrypt", "self_signed", "provided", *KUBERNETES_TLS)


def public_names(hub: Hub) -> tuple[str, ...]:
    """Return the names that the certificate is for, the one that people type first."""
    wildcard = (f"*.{hub.domain}",) if hub.tls.subdomains else ()
    return tuple(dict.fromkeys((hub.domain, *wildcard, *hub.tls.names)))


def public_url(hub: Hub) -> str:
    """Return the address that people type, with a slash at its end."""
    host = f"[{hub.domain}]" if ":" in hub.domain else hub.domain
    if hub.tls.mode == "external":
        return f"https://{host}/"
    scheme, port, usual = ("https", hub.network.https_port, 443) if tls_here(hub) else ("http", hub.network.http_port, 80)
    return f"{scheme}://{host}/" if port == usual else f"{scheme}://{host}:{port}/"


def check_docker_compose(settings: DockerCompose) -> None:
    """Raise DescriptionError for the first thing that cannot be in the settings of the target."""
    if settings.docker_host and settings.docker_context:
        raise DescriptionError("docker_compose_docker_host and docker_compose_docker_context are both set; an engine is named by one of them")
    if settings.project_dir and not settings.project_dir.startswith("/"):
        raise DescriptionError(f"docker_compose_project_dir is {shown(settings.project_dir)}, but it must be an absolute path")
    if settings.install_engine and (settings.docker_host or settings.docker_context):
        raise DescriptionError(
            "docker_compose_install_engine installs an engine on the host itself, but docker_compose_docker_host or docker_compose_docker_context names another"
        )


def check_swarm(settings: Swarm) -> None:
    """Raise DescriptionError for the first thing that cannot be in the settings of the target."""
    if settings.docker_host and settings.docker_context:
        raise DescriptionError("swarm_docker_host and swarm_docker_context are both set; an engine is named by one of them")
    if settings.project_dir and not settings.project_dir.startswith("/"):
        raise DescriptionError(f"swarm_project_dir is {shown(settings.project_dir)}, but it must be an absolute path")
    if settings.push_to:
        if "://" in settings.push_to:
            raise DescriptionError(f"swarm_push_to is {shown(settings.push_to)}, but it must be a registry such as registry.example.org:5000, without a scheme")
        matches(IMAGE, settings.push_to, "swarm_push_to", "a registry such as registry.example.org:5000, without a scheme")
    for item in settings.server_constraints:
        matches(CONSTRAINT, item, "swarm_server_constraints", "a list of constraints such as node.role == worker or node.labels.gpu == true")
    if settings.volume_driver_options and not settings.volume_driver:
        raise DescriptionError("swarm_volume_driver_options mean nothing without swarm_volume_driver; set it, to local for the engine's own driver")
    if settings.shared_folders.volume_driver_options and not settings.shared_folders.volume_driver:
        raise DescriptionError("swarm_shared_folders.volume_driver_options mean nothing without volume_driver; set it, to local for the engine's own driver")
    matches(RESOURCE, settings.gpu_resource, "swarm_gpu_resource", "the kind of a generic resource such as NVIDIA-GPU")
    for address in settings.nameservers:
        if not is_address(address):
            raise DescriptionError(f"swarm_nameservers has {shown(address)}, which is not an address")


def project_dir(hub: Hub, settings: DockerCompose | Swarm) -> str:
    """Return the directory of the hub's files on the host."""
    return settings.project_dir or f"/srv/jupyterhub/{hub.name}"


def needs_secret(hub: Hub) -> t.Iterator[tuple[str, str, str]]:
    """Yield what must be given, as name of the secret, variable, and hint; what can be made is not among it."""
    yield from authentication.given_secrets(hub.auth)
    if hub.database.type != "sqlite":
        yield "database_password", "jupyterhub_database.password", "the hub logs in to its database with it"
    for name in sorted(hub.extra_secrets):
        yield f"{EXTRA_SECRET}{name}", f"jupyterhub_extra_secrets.{name}", "give it a value, or take the name away"
