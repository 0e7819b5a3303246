# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be about logging in: options of another method, contradictions, names that the hub refuses, secrets in the wrong place."""

from __future__ import annotations

import collections.abc
import dataclasses
import re
import typing as t
import urllib.parse

from . import traits
from .authentication import COMMON, DEFAULTS, METHODS, lets_all_in, lets_existing_in, option, own_groups
from .description import Auth, Hub
from .schema import DescriptionError, shown

URL = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!&()*+,;=%-]+")
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")

OLD_VARIABLES = {
    **dict.fromkeys(("whitelist", "allowed_users"), "jupyterhub_users"),
    **dict.fromkeys(("admin_users", "admins"), "jupyterhub_users, with admin: true"),
    **dict.fromkeys(("blacklist", "blocklist"), "jupyterhub_auth.blocked_users"),
    "authenticator_class": "jupyterhub_auth.method",
    "oauth_callback_url": "jupyterhub_auth.callback_url",
    **dict.fromkeys(("organization_whitelist", "github_organization_whitelist", "team_whitelist", "allowed_teams"), "jupyterhub_auth.allowed_organizations"),
    **dict.fromkeys(
        ("group_whitelist", "gitlab_group_whitelist", "google_group_whitelist", "allowed_gitlab_groups", "allowed_google_groups", "allowed_globus_groups"),
        "jupyterhub_auth.allowed_groups",
    ),
    **dict.fromkeys(("admin_google_groups", "admin_globus_groups"), "jupyterhub_auth.admin_groups"),
    **dict.fromkeys(("claim_groups_key", "user_groups_claim"), "jupyterhub_auth.groups_claim"),
    "username_key": "jupyterhub_auth.username_claim",
    **dict.fromkeys(("allowed_idps", "shown_idps", "idp_whitelist"), "jupyterhub_auth.idps"),
    **dict.fromkeys(("tls_verify", "validate_cert", "ca_certs"), "jupyterhub_auth.ca_file"),
    "hosted_domain": "jupyterhub_auth.google.hosted_domain",
}
"""Words that these options had in JupyterHub before 1.2, in oauthenticator before 17, or have as traits of one class."""


def check_words(variables: t.Mapping[str, t.Any]) -> None:
    """Raise for a name that an option had elsewhere or earlier, with the one that it has here."""
    auth = variables.get("jupyterhub_auth")
    for given, prefix in ((variables, "jupyterhub_"), (auth if isinstance(auth, collections.abc.Mapping) else {}, "")):
        for name in sorted(given):
            if variable := OLD_VARIABLES.get(name.removeprefix(prefix) if name.startswith(prefix) else ""):
                shown_name = name if prefix else f"jupyterhub_auth.{name}"
                raise DescriptionError(f"{shown_name} is not the name of it here; use {variable}")


def check_options(auth: Auth) -> None:
    """Raise for an option that is for another method."""
    known = (*COMMON, *METHODS[auth.method].options)
    for field in dataclasses.fields(Auth):
        if field.name not in known and getattr(auth, field.name) != getattr(DEFAULTS, field.name):
            others = [name for name, method in METHODS.items() if field.name in method.options]
            raise DescriptionError(
                f"jupyterhub_auth.{field.name} means nothing with jupyterhub_auth.method {auth.method}; it is for {', '.join(others)}: "
                "set the method to that or take it away"
            )


def check(hub: Hub, public_url: str, loopback: bool) -> None:
    """Raise DescriptionError for the first thing about logging in that cannot be.

    ``loopback`` says that nobody but this host reaches the hub. Secrets may be there or may have been set apart.
    """
    auth = hub.auth
    check_options(auth)
    for path in METHODS[auth.method].required:
        # Credentials may still come from a file or the environment; resolve() looks for them.
        if path not in METHODS[auth.method].environment and not option(auth, path):
            raise DescriptionError(f"jupyterhub_auth.{path} is required with jupyterhub_auth.method {auth.method}")
    check_addresses(hub, public_url)
    check_groups(hub)
    check_lists(hub)
    if not (loopback or auth.acknowledge_insecure):
        check_insecure(hub)
    for name, part in (("custom", check_custom), ("cilogon", check_cilogon), ("google", check_google), ("ldap", check_ldap), ("lti", check_lti)):
        if auth.method == name:
            part(auth)
    if auth.min_password_length < 1:
        raise DescriptionError(f"jupyterhub_auth.min_password_length is {auth.min_password_length}, but it must be at least 1")


def check_addresses(hub: Hub, public_url: str) -> None:
    auth = hub.auth
    paths = [path for path in METHODS[auth.method].traits if path.endswith("_url")]
    paths += [f"lti.{name}" for name in ("issuer", "authorize_url", "jwks_endpoint")] if auth.method == "lti" else []
    for path in paths:
        if option(auth, path) and not URL.fullmatch(option(auth, path)):
            raise DescriptionError(f"jupyterhub_auth.{path} is {shown(option(auth, path))}, but it must be an address such as https://id.example.org/path")
    try:
        callback = urllib.parse.urlsplit(auth.callback_url)
    except ValueError as exc:
        raise DescriptionError(f"jupyterhub_auth.callback_url is {shown(auth.callback_url)}, which is not an address ({exc})") from exc
    if auth.callback_url and callback.hostname != hub.domain:
        raise DescriptionError(
            f"jupyterhub_auth.callback_url is {shown(auth.callback_url)}, which is another host than jupyterhub_domain {hub.domain}; "
            f"the provider must send people back to {public_url}hub/oauth_callback"
        )
    if auth.callback_url and not callback.path.endswith("/hub/oauth_callback"):
        raise DescriptionError(f"jupyterhub_auth.callback_url is {shown(auth.callback_url)}, but its path must be /hub/oauth_callback")


def check_groups(hub: Hub) -> None:
    auth = hub.auth
    named = "jupyterhub_groups" if hub.groups else "jupyterhub_users.groups" if any(user.groups for user in hub.users) else ""
    if auth.manage_groups and named:
        raise DescriptionError(
            f"{named} cannot be used with jupyterhub_auth.manage_groups: at each login the provider says who is in which group; take one of them away"
        )
    if own_groups(auth):
        if auth.manage_groups and not (auth.allowed_groups or auth.admin_groups):
            raise DescriptionError(
                f"jupyterhub_auth.manage_groups needs jupyterhub_auth.allowed_groups or admin_groups with jupyterhub_auth.method {auth.method}: "
                "no other groups are asked for"
            )
        return
    for name in ("allowed_groups", "admin_groups", "groups_claim"):
        if getattr(auth, name) and not auth.manage_groups:
            raise DescriptionError(
                f"jupyterhub_auth.{name} needs jupyterhub_auth.manage_groups with jupyterhub_auth.method {auth.method}: set it to true, "
                "and the groups of the provider are those of the hub"
            )


def check_lists(hub: Hub) -> None:
    auth = hub.auth
    if auth.allow_all and auth.method == "native":
        raise DescriptionError("jupyterhub_auth.allow_all means nothing with jupyterhub_auth.method native; jupyterhub_auth.native.signup says who gets in")
    for name in ("allowed_groups", "allowed_organizations"):
        if auth.allow_all and getattr(auth, name):
            raise DescriptionError(f"jupyterhub_auth.allow_all lets everybody in, so that jupyterhub_auth.{name} means nothing; take one of them away")
    if auth.method == "tmp":
        if hub.users or hub.userlist:
            raise DescriptionError(
                "jupyterhub_users means nothing with jupyterhub_auth.method tmp: everybody is somebody new, and nobody an admin; take the people away"
            )
        if hub.storage.type != "none":
            raise DescriptionError(
                "jupyterhub_storage.type volume would keep a volume for ever for everybody who ever came, since nobody comes twice with "
                "jupyterhub_auth.method tmp; set it to none"
            )
    names = {user.name for user in hub.users}
    if both := sorted(set(auth.blocked_users) & names):
        raise DescriptionError(f"jupyterhub_auth.blocked_users and jupyterhub_users both name {both[0]}; take the name out of one of them")
    if not hub.userlist and lets_existing_in(auth) and not lets_all_in(auth):
        check_strangers(hub, names)


MEMBERS = re.compile(r"(allowed|admin)_(\w*_)?(group|organization|team|project|domain|scope)")
"""Traits that let people in by what they are members of."""

PROVIDERS = re.compile(r"_(gitlab|globus|google)_")
"""What stands in the names of such traits of some classes, and in no option."""


def check_traits(hub: Hub) -> None:
    """Raise for a trait that lets members of something in: only with an option it is known that they must not stay when they leave."""
    auth = hub.auth
    method = METHODS[auth.method]
    options = {trait: option for option, trait in method.traits.items()}
    classes = (method.section or auth.custom_class.rpartition(".")[2], "Authenticator", "LocalAuthenticator", "OAuthenticator")
    said = [(f"jupyterhub_config.{cls}.{trait}", cls, trait) for cls, section in hub.config.items() for trait in section]
    said += [(path, cls, trait) for name, code in sorted(hub.extra_config.items()) for path, cls, trait, _values in traits.mentions(name, code)]
    for path, cls, trait in said:
        if cls not in classes or not MEMBERS.match(trait):
            continue
        name = options.get(trait) or PROVIDERS.sub("_", trait)
        if name in method.options:
            raise DescriptionError(f"{path} would replace what jupyterhub_auth.{name} says; use jupyterhub_auth.{name}")
        if auth.allow_existing_users is None and not lets_all_in(auth):
            raise DescriptionError(
                f"{path} lets people in who could then log in for ever, as the hub remembers them; set jupyterhub_auth.allow_existing_users to false, "
                "or to true if you want that"
            )


def check_strangers(hub: Hub, names: t.Collection[str]) -> None:
    """Raise for somebody whom a role names, and the list of people does not: the hub creates whom its roles name, and existing users are let in."""
    for role in hub.roles:
        if strangers := sorted({name.lower() for name in role.users} - set(names)):
            raise DescriptionError(
                f"jupyterhub_roles gives {role.name} to {shown(strangers[0])}, who could then log in without being in jupyterhub_users; "
                "add the name there, or set jupyterhub_auth.allow_existing_users to false"
            )


def check_insecure(hub: Hub) -> None:
    if why := {"dummy": "lets anybody be anybody", "tmp": "lets everybody in"}.get(hub.auth.method):
        raise DescriptionError(
            f"jupyterhub_auth.method {hub.auth.method} {why}, and jupyterhub_network.bind_address {hub.network.bind_address} is not a loopback address; "
            "use another method, or set jupyterhub_auth.acknowledge_insecure to true"
        )


def check_custom(auth: Auth) -> None:
    if auth.client_secret and not auth.client_id:
        raise DescriptionError("jupyterhub_auth.client_secret is that of jupyterhub_auth.client_id, which is missing")
    if not DOTTED.fullmatch(auth.custom_class):
        raise DescriptionError(
            f"jupyterhub_auth.custom_class is {shown(auth.custom_class)}, but it must be a class with its module, such as ldapauthenticator.LDAPAuthenticator"
        )


def check_cilogon(auth: Auth) -> None:
    for entity, settings in auth.idps.items():
        if urllib.parse.urlsplit(entity).scheme not in ("urn", "https", "http"):
            raise DescriptionError(f"jupyterhub_auth.idps has {shown(entity)}, which is not an entity ID of https://cilogon.org/idplist")
        derivation = settings.get("username_derivation")
        if not (isinstance(derivation, dict) and derivation.get("username_claim")):
            raise DescriptionError(f"jupyterhub_auth.idps: {entity} needs username_derivation with username_claim, such as email or eppn")


def check_google(auth: Auth) -> None:
    groups = [*auth.allowed_groups, *auth.admin_groups]
    for name in groups:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", name):
            raise DescriptionError(f"jupyterhub_auth.allowed_groups and admin_groups have {shown(name)}, but groups of Google are addresses: NAME@DOMAIN")
    for key in ("service_account_key", "administrator"):
        if bool(groups) != bool(getattr(auth.google, key)):
            raise DescriptionError(
                f"jupyterhub_auth.google.{key} and groups (jupyterhub_auth.allowed_groups or admin_groups) need each other: "
                "Google shows groups to a service account only; give both or neither"
            )


def check_ldap(auth: Auth) -> None:
    ldap = auth.ldap
    if bool(ldap.bind_dn_template) == ldap.lookup_dn:
        raise DescriptionError("jupyterhub_auth.ldap needs either bind_dn_template or lookup_dn: true, to know where people are")
    for template in ldap.bind_dn_template:
        if "{username}" not in template:
            raise DescriptionError(f"jupyterhub_auth.ldap.bind_dn_template has {shown(template)}, but it must have {{username}} in it")
    for name in ("user_search_base", "user_attribute"):
        if (ldap.lookup_dn or ldap.search_filter) and not getattr(ldap, name):
            raise DescriptionError(f"jupyterhub_auth.ldap.{name} is required with lookup_dn and with search_filter")
    for name in ("lookup_dn_search_user", "lookup_dn_search_password", "lookup_dn_user_dn_attribute"):
        if getattr(ldap, name) and not ldap.lookup_dn:
            raise DescriptionError(f"jupyterhub_auth.ldap.{name} means nothing without jupyterhub_auth.ldap.lookup_dn; set that to true or take it away")
    if ldap.lookup_dn_search_password and not ldap.lookup_dn_search_user:
        raise DescriptionError("jupyterhub_auth.ldap.lookup_dn_search_password is the password of jupyterhub_auth.ldap.lookup_dn_search_user, which is missing")
    if auth.ca_file and ldap.tls_strategy == "insecure":
        raise DescriptionError("jupyterhub_auth.ca_file means nothing with jupyterhub_auth.ldap.tls_strategy insecure; take one of them away")
    if ldap.tls_strategy == "insecure" and not auth.acknowledge_insecure:
        raise DescriptionError(
            "jupyterhub_auth.ldap.tls_strategy insecure sends passwords for all to read; change it, or set jupyterhub_auth.acknowledge_insecure to true"
        )
    if not 0 <= ldap.server_port < 65536:
        raise DescriptionError(f"jupyterhub_auth.ldap.server_port is {ldap.server_port}, but it must be between 1 and 65535")


def check_lti(auth: Auth) -> None:
    parts = {"1.3": ("client_ids", "issuer", "authorize_url", "jwks_endpoint"), "1.1": ("consumers",)}
    for version, names in parts.items():
        for name in names:
            if version != auth.lti.version and getattr(auth.lti, name):
                raise DescriptionError(f"jupyterhub_auth.lti.{name} is for LTI {version}, but jupyterhub_auth.lti.version is {auth.lti.version}")
            if version == auth.lti.version == "1.3" and not getattr(auth.lti, name):
                raise DescriptionError(
                    f"jupyterhub_auth.lti.{name} is required with jupyterhub_auth.lti.version 1.3: the platform shows it when the hub is registered"
                )


WITHOUT_COLON = ("bitbucket", "dummy", "firstuse", "github", "gitlab", "ldap", "native", "pam", "shared_password")
"""Methods whose names have no colon; CILogon and OpenShift have some."""


def check_userlist(method: str, text: str, path: str) -> None:
    """Raise for a list of names and passwords, without showing them."""
    if method in WITHOUT_COLON and any(":" in line.split("#", 1)[0] for line in text.splitlines()):
        raise DescriptionError(
            f"jupyterhub_userlist is {path!r}, which has lines with a colon, as a list of passwords has; keep only names in it, and name a list of "
            "names and hashes in jupyterhub_auth.password_file, with jupyterhub_auth.method pam"
        )


FORBIDDEN = {"native": ", ", "firstuse": ", ", "pam": ":"}
LDAP_NAME = re.compile(r"[a-z][.a-z0-9_-]*")
"""LDAPAuthenticator.valid_username_regex of jupyterhub-ldapauthenticator 2.0."""


def refuses_name(method: str, name: str) -> bool:
    """Whether the hub would refuse a name in lower case (Authenticator.validate_username of JupyterHub 6.1, and what classes add to it)."""
    dots = {name, urllib.parse.unquote(name)}
    if not name or name != name.strip() or "/" in name or len(name) > 255 or any(set(text) == {"."} for text in dots):
        return True
    if method == "ldap":
        return not LDAP_NAME.fullmatch(name)
    return any(character in name for character in FORBIDDEN.get(method, "")) or (method == "pam" and not name.isprintable())
