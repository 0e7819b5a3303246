# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the variables of an inventory to a checked description: files read, defaults of the environment taken, secrets set apart."""

from __future__ import annotations

import collections.abc
import dataclasses
import hashlib
import json
import typing as t

from . import authentication, authentication_checks, certbot, certificates, parts, passwords, service_checks, traits, validation
from . import secrets as core_secrets
from .description import Hub
from .schema import DescriptionError, plain

Reader = t.Callable[[str], str]

DEFAULT_PARTS = ("docker_compose", "certbot")


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A description that needs nothing else.

    ``variables`` are those of the inventory without secrets and with the userlist in ``jupyterhub_users``; they make the same hub anywhere.
    ``settings`` are those of the target and of operations, by the name of the part. ``secrets`` are the values that the user gave, by the name of the
    secret. ``warnings`` are sentences for the user.
    """

    hub: Hub
    settings: dict[str, t.Any]
    variables: dict[str, t.Any]
    secrets: dict[str, str]
    warnings: tuple[str, ...] = ()


def parse_userlist(text: str, path: str) -> list[dict[str, t.Any]]:
    """Return the people of a userlist: ``name`` or ``name admin`` on each line; empty lines and ``#`` comments are skipped."""
    users: list[dict[str, t.Any]] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if len(words) > 2 or (len(words) == 2 and words[1] != "admin") or "," in words[0]:
            raise DescriptionError(f"jupyterhub_userlist: line {number} of {path} is {line.strip()!r}, but a line is a name, or a name and the word admin")
        users.append({"name": words[0], "admin": len(words) == 2})
    return users


def parse_env_file(text: str, path: str) -> dict[str, str]:
    """Return the settings of a compose env_file: ``NAME=value`` lines; quotes around a value are taken off."""
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip().removeprefix("export ")
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not equals:
            raise DescriptionError(f"jupyterhub_auth.env_file: line {number} of {path} is not of the form NAME=value")
        value = value.strip()
        values[name.strip()] = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    return values


def topic(variables: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    """Return a topic of the variables for changing it; one that is not a dictionary is left for the schema to refuse."""
    if variables.get(name) is None:
        variables[name] = {}
    value = variables[name]
    return value if isinstance(value, dict) else {}


def outline(variables: t.Mapping[str, t.Any], names: t.Collection[str] = DEFAULT_PARTS) -> Resolved:
    """Return the description as far as its types go: enough to take a hub away whose files, credentials or certificate are gone."""
    given = {name: plain(value) for name, value in variables.items()}
    Hub.from_variables(given)
    parts.settings_of(names, given)
    take_secrets(given)
    parts.take_secrets(names, given, None)
    hub, settings = Hub.from_variables(given), parts.settings_of(names, given)
    validation.check_name(hub)
    parts.check(settings)
    return Resolved(hub, settings, given, {})


def resolve(
    variables: t.Mapping[str, t.Any],
    read: Reader,
    environment: t.Mapping[str, str],
    now: float,
    catalogue: traits.Catalogue,
    names: t.Collection[str] = DEFAULT_PARTS,
) -> Resolved:
    """Return the checked description.

    ``read`` returns the text of a file on the controller (decrypted) or raises OSError; ``now`` is the time in seconds since 1970 against
    which certificates are judged; ``catalogue`` knows the traits of the pinned packages; ``names`` are the parts that the hub has. Raises DescriptionError
    for the first thing that is wrong.
    """
    given = {name: plain(value) for name, value in variables.items()}
    authentication_checks.check_words(given)
    parts.check(parts.settings_of(names, given))
    of_parts = parts.take_secrets(names, given, lambda path, variable: load(read, path, variable))
    settings = parts.settings_of(names, given)
    described = Hub.from_variables(given).auth
    authentication_checks.check_options(described)

    people = [user if isinstance(user, collections.abc.Mapping) else {"name": user} for user in given.get("jupyterhub_users") or []]
    userlist = given.pop("jupyterhub_userlist", "") or ""
    if userlist:
        text = load(read, userlist, "jupyterhub_userlist")
        authentication_checks.check_userlist(described.method, text, userlist)
        people += parse_userlist(text, userlist)
    given["jupyterhub_users"] = [{**user, "name": user["name"].lower()} for user in people]

    groups = topic(given, "jupyterhub_groups")
    groups.update({name: [member.lower() for member in members] for name, members in groups.items()})
    auth = topic(given, "jupyterhub_auth")
    # JupyterHub compares these with names in lower case, and would not block Mallory, whom it calls mallory.
    auth["blocked_users"] = [name.lower() for name in auth.get("blocked_users") or []]
    read_credentials(auth, read, environment)
    validation.check_auth(Hub.from_variables(given))
    files = read_files(auth, read, [user["name"] for user in given["jupyterhub_users"]])

    read_references(given, read)
    secrets = take_secrets(given) | files
    given["jupyterhub_config"], renamed = traits.translated(given.get("jupyterhub_config") or {}, catalogue)
    hub = Hub.from_variables(given)
    validation.check(hub)
    for service in hub.services:
        if core_secrets.token_name(service.name) in secrets:
            service_checks.check_token(service.name, secrets[core_secrets.token_name(service.name)])
    given["jupyterhub_config"], warnings = traits.checked(hub, catalogue)
    hub = dataclasses.replace(hub, config=given["jupyterhub_config"])
    parts.check_hub(hub, settings)
    method = authentication.METHODS[hub.auth.method]
    for path in method.required:
        if not authentication.option(hub.auth, path):
            names = " or ".join(method.environment[path])
            raise DescriptionError(
                f"jupyterhub_auth.{path} is required with jupyterhub_auth.method {hub.auth.method}; register the hub with the provider (callback "
                f"{validation.public_url(hub)}hub/oauth_callback), or set {names} in the environment or in jupyterhub_auth.env_file"
            )
    core_secrets.check_extra(hub)
    for secret, variable, hint in validation.needs_secret(hub):
        if not secrets.get(secret):
            raise DescriptionError(f"{variable} is required; {hint}")
    for secret, least in (("user_password", 8), ("admin_password", 32 if hub.auth.method == "shared_password" else hub.auth.min_password_length)):
        if secret in secrets and len(secrets[secret]) < least:
            raise DescriptionError(f"jupyterhub_auth.{secret} is too short: JupyterHub wants at least {least} characters")
    if hub.tls.mode == "provided":
        secrets["tls_certificate"] = load(read, hub.tls.certificate, "jupyterhub_tls.certificate")
        secrets["tls_key"] = load(read, hub.tls.key, "jupyterhub_tls.key")
        certificates.check_pair(secrets["tls_certificate"], secrets["tls_key"], validation.public_names(hub), now)
    if "certbot" in settings:
        certbot.check_with(hub, settings["certbot"], of_parts)
    return Resolved(hub, settings, given, secrets | of_parts, (*renamed, *warnings))


def read_credentials(auth: dict[str, t.Any], read: Reader, environment: t.Mapping[str, str]) -> None:
    """Fill in what the environment, an env_file or a file of a secret gives; what is there already wins."""
    path = auth.pop("env_file", "") or ""
    from_file = parse_env_file(load(read, path, "jupyterhub_auth.env_file"), path) if path else {}
    path = auth.pop("client_secret_file", "") or ""
    if path and auth.get("client_secret"):
        raise DescriptionError("jupyterhub_auth.client_secret and jupyterhub_auth.client_secret_file are both set; keep one of them")
    if path:
        auth["client_secret"] = load(read, path, "jupyterhub_auth.client_secret_file").strip()
        if not auth["client_secret"]:
            raise DescriptionError(f"jupyterhub_auth.client_secret_file is {path!r}, which is empty")
    for option, names in authentication.METHODS[auth.get("method") or "github"].environment.items():
        first, _dot, name = option.rpartition(".")
        place = topic(auth, first) if first else auth
        values = (source[word] for source in (from_file, environment) for word in names if source.get(word))
        default = authentication.option(authentication.DEFAULTS, option)
        place[name] = place.get(name) or next(values, default)


def read_files(auth: dict[str, t.Any], read: Reader, people: t.Iterable[str]) -> dict[str, str]:
    """Return the secrets that are in files of the controller, by the name of the secret."""
    found = {}
    if path := auth.get("ca_file"):
        found["auth_ca"] = load(read, path, "jupyterhub_auth.ca_file")
        if "-----BEGIN CERTIFICATE-----" not in found["auth_ca"]:
            raise DescriptionError(f"jupyterhub_auth.ca_file is {path!r}, which has no certificate in PEM form")
    if path := (auth.get("google") or {}).get("service_account_key"):
        found["google_service_account"] = load(read, path, "jupyterhub_auth.google.service_account_key")
    path, hashes = auth.pop("password_file", "") or "", auth.pop("password_hashes", None) or {}
    passwords.check_hashes(hashes)
    hashes = {name.lower(): value for name, value in hashes.items()}
    if path:
        hashes = passwords.parse(load(read, path, "jupyterhub_auth.password_file"), path) | hashes
    if hashes:
        found |= passwords.files(hashes, people)
    return found


def take_secrets(variables: dict[str, t.Any]) -> dict[str, str]:
    """Take the secret values out of the variables and return them by the name of the secret."""
    auth = topic(variables, "jupyterhub_auth")
    places = {
        "oauth_client_secret": (auth, "client_secret"),
        "user_password": (auth, "user_password"),
        "admin_password": (auth, "admin_password"),
        "ldap_password": (auth.get("ldap") or {}, "lookup_dn_search_password"),
        "lti_consumers": (auth.get("lti") or {}, "consumers"),
        "database_password": (topic(variables, "jupyterhub_database"), "password"),
        "registry_password": (topic(topic(variables, "jupyterhub_images"), "registry"), "password"),
    }
    places |= {core_secrets.token_name(service["name"]): (service, "api_token") for service in variables.get("jupyterhub_services") or []}
    taken = {name: value for name, (place, key) in places.items() if (value := place.pop(key, None))}
    found = {name: json.dumps(value, sort_keys=True) if isinstance(value, dict) else str(value) for name, value in taken.items()}
    # The names stay: they are what the hub is to have.
    extra = topic(variables, "jupyterhub_extra_secrets")
    found |= {f"{validation.EXTRA_SECRET}{name}": str(value) for name, value in extra.items() if value}
    variables["jupyterhub_extra_secrets"] = dict.fromkeys(extra, "")
    return found


def read_references(variables: dict[str, t.Any], read: Reader) -> None:
    """Make secrets of the files that environments and files of the user's own refer to."""
    places = [("jupyterhub_spawner", topic(variables, "jupyterhub_spawner"))]
    for name in ("jupyterhub_profiles", "jupyterhub_services"):
        places += [(f"{name}[{index}]", item) for index, item in enumerate(variables.get(name) or [])]
    for path, item in list(places):
        for number, option in enumerate(item.get("options") or []):
            places += [(f"{path}.options[{number}].choices[{index}]", choice) for index, choice in enumerate(option.get("choices") or [])]
    for path, item in places:
        for name in item.get("environment") or {}:
            read_reference(variables, item["environment"], name, f"{path}.environment.{name}", read)
    for index, item in enumerate(variables.get("jupyterhub_extra_files") or []):
        read_reference(variables, item, "content", f"jupyterhub_extra_files[{index}].content", read)


def read_reference(variables: dict[str, t.Any], place: dict[str, t.Any], name: str, path: str, read: Reader) -> None:
    """Make a secret of the file that a value refers to, if it does."""
    value = place.get(name)
    if isinstance(value, dict) and value.get("file") and not (value.get("secret") or value.get("field")):
        secret = f"file_{hashlib.sha256(value['file'].encode()).hexdigest()[:12]}"
        own = topic(variables, "jupyterhub_extra_secrets")
        own[secret] = load(read, value["file"], path).strip()
        if not own[secret]:
            raise DescriptionError(f"{path} is the file {value['file']!r}, which is empty")
        place[name] = {"secret": secret}


def load(read: Reader, path: str, variable: str) -> str:
    """Return the text of a file that a variable names."""
    try:
        return read(path)
    except OSError as exc:
        raise DescriptionError(f"{variable} is {path!r}, which cannot be read on the controller: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise DescriptionError(f"{variable} is {path!r}, which is not a text") from exc
