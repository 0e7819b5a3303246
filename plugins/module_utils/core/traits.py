# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check traits before a hub is told of them: JupyterHub itself ignores one that is misspelt.

What the classes of the pinned packages have is in ``traits.json``, which `make traits` writes. About other packages and classes of one's own nothing is
said here: the hub's image is asked (see :func:`needs_image`).
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import re
import typing as t
import urllib.parse

from .description import Hub
from .schema import DescriptionError, convert, nearest, shown, type_name, wrong_type

Form = t.Any
"""What a trait takes, as scripts/collect_traits.py describes it."""

Config = dict[str, dict[str, t.Any]]

PROXY = "the proxy is a container of its own, so that a restart of the hub leaves people's connections alone"
ADDRESS = "where hub, proxy and edge find each other is the target's business"
COMMAND_LINE = "it is meant for JupyterHub's command line"

ELSEWHERE: dict[str, str] = {
    "JupyterHub.services": "jupyterhub_services",
    "JupyterHub.service_tokens": "jupyterhub_services",
    "JupyterHub.api_tokens": "jupyterhub_services",
    "JupyterHub.load_roles": "jupyterhub_roles",
    "JupyterHub.load_groups": "jupyterhub_groups",
    "JupyterHub.admin_users": "jupyterhub_users",
    "JupyterHub.authenticator_class": "jupyterhub_auth.method",
    "JupyterHub.public_url": "jupyterhub_domain",
    "JupyterHub.ssl_key": "jupyterhub_tls",
    "JupyterHub.ssl_cert": "jupyterhub_tls",
    "Authenticator.admin_users": "jupyterhub_users",
    "Authenticator.allowed_users": "jupyterhub_users",
    "Authenticator.allow_all": "jupyterhub_auth.allow_all",
    "Authenticator.allow_existing_users": "jupyterhub_auth.allow_existing_users",
    "Authenticator.blocked_users": "jupyterhub_auth.blocked_users",
    "Authenticator.manage_groups": "jupyterhub_auth.manage_groups",
    "DockerSpawner.image": "jupyterhub_spawner.image",
    "DockerSpawner.allowed_images": "jupyterhub_profiles",
    "DockerSpawner.volumes": "jupyterhub_storage",
    "DockerSpawner.mounts": "jupyterhub_storage",
    "DockerSpawner.read_only_volumes": "jupyterhub_storage",
}
"""Traits that a topic of its own describes."""

OURS: dict[str, str] = {
    **dict.fromkeys(("JupyterHub.proxy_class", "Proxy.should_start"), PROXY),
    **{f"JupyterHub.{name}": PROXY for name in ("proxy_cmd", "proxy_api_ip", "proxy_api_port", "proxy_auth_token", "proxy_check_interval", "debug_proxy")},
    **{
        f"ConfigurableHTTPProxy.{name}": PROXY
        for name in ("should_start", "api_url", "command", "command_umask", "debug", "pid_file", "log_level", "check_running_interval")
    },
    **{f"JupyterHub.{name}": ADDRESS for name in ("bind_url", "ip", "port", "base_url", "hub_bind_url", "hub_ip", "hub_port", "hub_routespec")},
    **{f"JupyterHub.{name}": ADDRESS for name in ("hub_connect_url", "hub_connect_ip", "hub_connect_port")},
    **{f"DockerSpawner.{name}": ADDRESS for name in ("client_kwargs", "network_name", "use_internal_ip", "hub_ip_connect", "host_ip", "port", "links")},
    **{f"DockerSpawner.{name}": ADDRESS for name in ("tls", "tls_ca", "tls_cert", "tls_key", "tls_verify", "tls_assert_hostname", "tls_config")},
    **{f"DockerSpawner.{name}": "the engine guard knows the hub's servers by their names" for name in ("prefix", "name_template", "escape")},
    "DockerSpawner.pull_policy": "images are there before anybody comes",
    "JupyterHub.spawner_class": "the target chooses it",
    "JupyterHub.internal_ssl": "the containers of a hub have networks of their own instead",
    "JupyterHub.cookie_secret_file": "it is made once and kept as the secret cookie_secret",
    "JupyterHub.reset_db": "every start would empty the hub's database",
    **{f"JupyterHub.{name}": COMMAND_LINE for name in ("config_file", "generate_config", "generate_certs", "answer_yes", "pid_file")},
}
"""Traits that would break the hub -> why they are not the user's."""

DANGEROUS: dict[str, str] = {
    "JupyterHub.cleanup_servers": "each restart of the hub will stop everybody's server",
    "JupyterHub.cleanup_proxy": "each restart of the hub will cut everybody's connection",
}
"""What the user may want, and should know, when it is true."""

RENAMED: dict[str, str] = {
    "LocalAuthenticator.group_whitelist": "allowed_groups",
    "KubeSpawner.singleuser_allow_privilege_escalation": "allow_privilege_escalation",
    "KubeSpawner.singleuser_lifecycle_hooks": "lifecycle_hooks",
    "SwarmSpawner.networks": "network_name",
    "SwarmSpawner.resource_spec": "extra_resources_spec",
    "SwarmSpawner.placement_spec": "extra_placement_spec",
}
"""Old names whose new ones mean the same, besides those that the packages know themselves."""

GONE: dict[str, str] = {
    **{f"JupyterHub.statsd_{name}": "JupyterHub 6 does not have it; Prometheus reads /hub/metrics" for name in ("host", "port", "prefix")},
    "JupyterHub.admin_access": "it does nothing since JupyterHub 2; what people may do is said by jupyterhub_roles",
    "JupyterHub.confirm_no_ssl": "it does nothing; who ends TLS is said by jupyterhub_tls.mode",
    "JupyterHub.extra_log_file": "it does nothing in a container; read the container's log",
    "DockerSpawner.use_docker_client_env": "it does nothing",
    "SwarmSpawner.container_spec": "DockerSpawner 14 does not have it; use Spawner.cmd, Spawner.args or SwarmSpawner.extra_container_spec",
    "Spawner.oauth_roles": "it is replaced by Spawner.oauth_client_allowed_scopes",
    "LDAPAuthenticator.use_ssl": "it is replaced by LDAPAuthenticator.tls_strategy",
    "GenericOAuthenticator.claim_groups_key": "it is replaced by GenericOAuthenticator.auth_state_groups_key",
    "AzureAdOAuthenticator.user_groups_claim": "it is replaced by AzureAdOAuthenticator.auth_state_groups_key",
    "DummyAuthenticator.password": "it is replaced by jupyterhub_auth.method shared_password",
}
"""Old names that mean nothing, or for which something else must be said."""

SECRET = re.compile(r"(^|_)(secret|password|passwd|passphrase|token|private_key|api_key|shared_key)$")
SECRETS: dict[str, str] = {
    "client_secret": "use jupyterhub_auth.client_secret or client_secret_file, or jupyterhub_extra_secrets for a class of your own",
    "lookup_dn_search_password": "use jupyterhub_auth.ldap.lookup_dn_search_password",
    "user_password": "use jupyterhub_auth.user_password",
    "admin_password": "use jupyterhub_auth.admin_password",
    "db_url": "use jupyterhub_database, whose password goes into a file",
    "proxy_auth_token": "it is made once and kept as the secret proxy_token",
    "auth_token": "it is made once and kept as the secret proxy_token",
    "cookie_secret": "it is made once and kept as the secret cookie_secret",
    "CryptKeeper.keys": "they are made once and kept as the secret crypt_key",
    "LTI11Authenticator.consumers": "use jupyterhub_auth.lti.consumers",
    "SharedPasswordAuthenticator.password_groups": "",
}
"""Secret traits, by their names alone or with their classes -> what to use; where that is not said, a secret of the user's own."""

OF_CONFIG = frozenset(("clear", "collisions", "copy", "get", "has_key", "items", "keys", "merge", "pop", "popitem", "setdefault", "update", "values"))
"""What a section of traitlets' Config has by itself."""


class Catalogue:
    """What is known of the classes of the pinned packages; ``data`` is what traits.json holds."""

    def __init__(self, data: t.Mapping[str, t.Any]) -> None:
        self.packages: dict[str, str] = data["packages"]
        self.classes: dict[str, dict[str, t.Any]] = data["classes"]
        self._traits: dict[str, dict[str, Form]] = {}

    def lineage(self, cls: str) -> list[str]:
        """Return a class and those that it derives from, the nearest first."""
        return [cls, *self.classes.get(cls, {}).get("bases", [])]

    def traits(self, cls: str) -> dict[str, Form]:
        """Return the traits of a class."""
        if cls not in self._traits:
            found: dict[str, Form] = {}
            for name in reversed(self.lineage(cls)):
                entry = self.classes[name]
                found = {key: value for key, value in {**found, **entry.get("traits", {})}.items() if key not in entry.get("without", [])}
            self._traits[cls] = found
        return self._traits[cls]

    def accepted(self, cls: str) -> dict[str, Form]:
        """Return what may be said to a class: its traits, and those of the classes that derive from it and listen to its section."""
        heirs = [name for name in self.classes if cls in self.lineage(name)[1:]]
        return {trait: form for name in (*heirs, cls) for trait, form in self.traits(name).items()}

    def renamed(self, cls: str, trait: str) -> str:
        """Return the new name that means the same as an old one, or the name itself."""
        for name in self.lineage(cls):
            new = RENAMED.get(f"{name}.{trait}") or self.classes.get(name, {}).get("renamed", {}).get(trait)
            if new:
                return self.renamed(cls, new)
        return trait

    def gone(self, cls: str, trait: str) -> str:
        """Return what to do about an old name that means nothing any more, or something else."""
        for name in self.lineage(cls):
            if f"{name}.{trait}" in GONE:
                return GONE[f"{name}.{trait}"]
            if new := self.classes.get(name, {}).get("replaced", {}).get(trait):
                return f"it is replaced by {name}.{new}"
        return ""

    def nearest(self, cls: str, trait: str) -> str:
        """Return ``; did you mean X?`` for a trait that a class does not have: the same word elsewhere, else a like one here."""
        known = self.accepted(cls)
        owners = [name for name in self.classes if trait in self.classes[name].get("traits", {})]
        if owners and not difflib.get_close_matches(trait, known, n=1, cutoff=0.8):
            return f"; did you mean {owners[0]}.{trait}?"
        close = nearest(trait, known, f"{cls}.")
        return close if suggests(close) else ""


def suggests(text: str) -> bool:
    """Whether nearest() found a like word; a list of everything that a hub has is no help."""
    return text.startswith("; did you mean")


class Judge:
    """What can be said of the traits of one hub."""

    def __init__(self, catalogue: Catalogue, hub: Hub) -> None:
        self.catalogue = catalogue
        self.warnings: list[str] = []
        self.foreign, unknown = packages(hub, catalogue)
        module, _dot, name = hub.auth.custom_class.rpartition(".")
        custom = bool(name) and catalogue.classes.get(name, {}).get("module", "").partition(".")[0] != module.partition(".")[0]
        own = any(isinstance(node, ast.ClassDef) for code in hub.extra_config.values() for node in ast.walk(ast.parse(code)))
        self.whole_image = bool(hub.images.hub)
        self.more_classes = bool(self.whole_image or self.foreign or unknown or custom or own)

    def form(self, cls: str, trait: str, path: str) -> Form:
        """Return the form of a trait's values, ``any`` where it is not known; raise for what does not exist."""
        classes = self.catalogue.classes
        if self.whole_image or classes.get(cls, {}).get("package") in self.foreign:
            return "any"
        if cls not in classes:
            if self.more_classes:
                return "any"
            close = nearest(cls, classes)
            raise DescriptionError(
                f"{path}: the hub has no class {cls}{close if suggests(close) else '; packages of jupyterhub_images.hub_pip may bring more'}"
            )
        if gone := self.catalogue.gone(cls, trait):
            raise DescriptionError(f"{path} is an old name: {gone}")
        known = self.catalogue.accepted(cls)
        if trait not in known and not self.more_classes:
            raise DescriptionError(f"{path}: {cls} has no such trait{self.catalogue.nearest(cls, trait)}")
        return known.get(trait, "any")

    def config(self, config: Config) -> Config:
        """Return the traits of a description with their values in the types that they want."""
        found: Config = {}
        for cls, traits in config.items():
            for trait, value in traits.items():
                path = f"jupyterhub_config.{cls}.{trait}"
                found.setdefault(cls, {})[trait] = taken(self.form(cls, trait, path), value, path)
                for name in self.catalogue.lineage(cls):
                    if value is True and f"{name}.{trait}" in DANGEROUS:
                        self.warnings.append(f"{path} is true: {DANGEROUS[f'{name}.{trait}']}")
        return found

    def code(self, name: str, code: str) -> None:
        """Raise for a trait that a piece of Python names and that does not exist, or whose value it writes down and cannot be."""
        for path, cls, trait, values in mentions(name, code):
            new = self.catalogue.renamed(cls, trait)
            if new != trait and not self.whole_image:
                self.warnings.append(f"{path} is an old name; say {new}")
            form = self.form(cls, new, path)
            for value in values:
                taken(form, value, path)


def checked(hub: Hub, catalogue: Catalogue) -> tuple[Config, list[str]]:
    """Return jupyterhub_config with values in the types that its traits want, and what the user should know.

    Raises DescriptionError for a class, a trait or a value that cannot be.
    """
    judge = Judge(catalogue, hub)
    config = judge.config(hub.config)
    for name in sorted(hub.extra_config):
        judge.code(name, hub.extra_config[name])
    return config, judge.warnings


def translated(config: t.Any, catalogue: Catalogue) -> tuple[t.Any, list[str]]:
    """Return jupyterhub_config with the new names of traits whose meaning is the same, and a warning for each; what is no such dictionary as it is."""
    if not isinstance(config, dict) or not all(isinstance(traits, dict) for traits in config.values()):
        return config, []
    warnings = []
    found: Config = {cls: {} for cls in config}
    for cls, traits in config.items():
        for trait, value in traits.items():
            new = catalogue.renamed(cls, trait)
            if new != trait:
                if new in traits:
                    raise DescriptionError(f"jupyterhub_config.{cls} has {trait} and {new}, which is its new name; take {trait} away")
                warnings.append(f"jupyterhub_config.{cls}.{trait} is an old name; it is taken for {new}: say that")
            found[cls][new] = value
    return found, warnings


def refuse(config: Config) -> None:
    """Raise for a trait that is not the user's to set, whatever its value, and for a secret. It needs no catalogue."""
    for cls, traits in config.items():
        for trait, value in traits.items():
            path = f"jupyterhub_config.{cls}.{trait}"
            refuse_secret(cls, trait, value, path)
            # What is said to DockerSpawner by us would win over what is said to Spawner.
            heirs = ["DockerSpawner"] if cls == "Spawner" else []
            for name in (cls, *heirs, *(base for base in ("Authenticator", "Proxy", "Spawner") if cls.endswith(base))):
                if variable := ELSEWHERE.get(f"{name}.{trait}"):
                    raise DescriptionError(f"{path} would replace what {variable} says; use {variable}")
                if reason := OURS.get(f"{name}.{trait}"):
                    raise DescriptionError(f"{path} cannot be set: {reason}")


def refuse_secret(cls: str, trait: str, value: t.Any, path: str) -> None:
    """Raise for a secret that is written down where everybody reads it; its value is not shown."""
    known = SECRETS.get(f"{cls}.{trait}", SECRETS.get(trait))
    if not value or (known is None and not (isinstance(value, str) and SECRET.search(trait))):
        return
    if trait == "db_url" and not has_password(value):
        return
    instead = known or f"put it into jupyterhub_extra_secrets as NAME and say c.{cls}.{trait} = secret('NAME') in jupyterhub_extra_config"
    raise DescriptionError(f"{path} is a secret, and a configuration file is no place for one; {instead}")


def has_password(url: t.Any) -> bool:
    try:
        return isinstance(url, str) and urllib.parse.urlsplit(url).password is not None
    except ValueError:
        return True


def refuse_secrets_in_code(name: str, code: str) -> None:
    """Raise for a secret trait to which a piece of Python gives a text that it has itself."""
    for path, cls, trait, values in mentions(name, code):
        for value in values:
            refuse_secret(cls, trait, value, path)


def mentions(name: str, code: str) -> t.Iterator[tuple[str, str, str, list[t.Any]]]:
    """Yield the traits that a piece of Python names as ``c.Class.trait``: where, class, trait, and the value if one is written down for it."""
    nodes = list(ast.walk(ast.parse(code)))
    assigned = {id(target): node.value for node in nodes if isinstance(node, ast.Assign) for target in node.targets}
    for node in nodes:
        if not (isinstance(node, ast.Attribute) and node.attr[:1].islower() and node.attr not in OF_CONFIG):
            continue
        match node.value:
            case ast.Attribute(value=ast.Name(id="c"), attr=cls) if cls[:1].isupper():
                path = f"jupyterhub_extra_config.{name}: line {node.lineno}: c.{cls}.{node.attr}"
                yield path, cls, node.attr, literal(assigned.get(id(node)))


def literal(node: ast.expr | None) -> list[t.Any]:
    """Return the value that is written down, if it is; what must be computed is not known."""
    try:
        return [] if node is None else [ast.literal_eval(node)]
    except ValueError:
        return []


def packages(hub: Hub, catalogue: Catalogue) -> tuple[set[str], bool]:
    """Return the packages of the catalogue of which the hub's image has other versions, and whether it has packages that the catalogue does not know."""
    known = {normal(name): (name, version) for name, version in catalogue.packages.items()}
    foreign, unknown = set(), False
    for requirement in hub.images.hub_pip:
        name = normal(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])
        if name not in known:
            unknown = True
        elif requirement.partition("==")[2] != known[name][1]:
            foreign.add(known[name][0])
    return foreign, unknown


def normal(name: str) -> str:
    """Return the name of a package as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needs_image(hub: Hub) -> bool:
    """Whether only the hub's image can say that its configuration is good: it has Python, or classes that are not in the catalogue."""
    return bool(hub.extra_config or hub.images.hub or hub.images.hub_pip or hub.auth.custom_class)


def answered(answer: t.Mapping[str, t.Any], hub: Hub, image: str, catalogue: Catalogue, place: t.Callable[[int], str]) -> list[str]:
    """Return what the user should know of the answer of config_check.py in the hub's image; raise for the first thing that cannot be.

    ``place`` returns where a line of the configuration comes from, or nothing where it is not the user's.
    """
    warnings = []
    for problem in answer["problems"]:
        kind, message = problem["kind"], problem["message"]
        if kind in ("load", "world"):
            where = place(problem["line"]) or f"the configuration in the image {image}"
            if kind == "load":
                raise DescriptionError(f"{where}: {message}")
            warnings.append(f"{where} could not be tried without network and data: {message}")
        elif kind == "object":
            raise DescriptionError(f"the image {image} refuses the configuration: {problem['class']}: {message}")
        elif path := named(hub, problem["class"], problem["trait"]):
            close = f"; did you mean {problem['close'][0]}?" if problem.get("close") else ""
            if kind == "value":
                raise DescriptionError(f"{path} must be {message}")
            if kind == "trait":
                raise DescriptionError(f"{path}: {problem['class']} has no such trait in the image {image}{close}")
            if problem["class"] not in catalogue.classes:
                raise DescriptionError(f"{path}: the image {image} has no class {problem['class']}{close}")
    return warnings


def named(hub: Hub, cls: str, trait: str) -> str:
    """Return where a description sets a trait; nothing where that is our doing."""
    if trait in hub.config.get(cls, {}):
        return f"jupyterhub_config.{cls}.{trait}"
    for name in sorted(hub.extra_config):
        for path, found_cls, found_trait, _values in mentions(name, hub.extra_config[name]):
            if (found_cls, found_trait) == (cls, trait):
                return path
    if trait == "authenticator_class" and hub.auth.custom_class:
        return "jupyterhub_auth.custom_class"
    # What Python computes can be anything.
    return f"jupyterhub_extra_config: c.{cls}.{trait}" if hub.extra_config else ""


NUMBERS: dict[str, type] = {"bool": bool, "int": int, "float": float}
SIZE = re.compile(r"[0-9]+(\.[0-9]*)?[KMGT]")


def taken(form: Form, value: t.Any, path: str) -> t.Any:
    """Return a value as a trait takes it; a text that says a number or a boolean is one. Raise with the path, the wanted form and the value."""
    kind, *inner = form if isinstance(form, list) else [form]
    if kind in NUMBERS:
        number = convert(NUMBERS[kind], value, path)
        low, high = inner or (None, None)
        if (low is not None and number < low) or (high is not None and number > high):
            raise DescriptionError(f"{path} is {shown(value)}, but it must be {wanted(form)}")
        return number
    if kind == "or":
        return alternative(inner, value, path)
    if kind in ("one of", "caseless"):
        if any(type(value) is type(item) and (value == item or (kind == "caseless" and str(value).lower() == item.lower())) for item in inner):
            return value
        raise DescriptionError(f"{path} is {shown(value)}, which is none of its choices{nearest(str(value), [str(item) for item in inner])}")
    if kind in ("list", "set") and isinstance(value, (list, tuple) if kind == "list" else (list, tuple, set, frozenset)):
        if inner[1:] and len(value) < inner[1]:
            raise DescriptionError(f"{path} is {shown(value)}, but it must be {wanted(form)}")
        return [taken(inner[0], item, f"{path}[{index}]") for index, item in enumerate(t.cast("list[t.Any]", value))] if inner else value
    if kind == "dict" and isinstance(value, dict):
        return {key: taken(inner[1], item, f"{path}.{key}") for key, item in value.items()} if inner else value
    if kind == "any" or (kind == "null" and value is None) or (kind == "str" and isinstance(value, str)):
        return value
    if kind == "size" and not isinstance(value, bool) and (isinstance(value, (int, float)) or SIZE.fullmatch(str(value))):
        return value
    if kind == "code":
        raise DescriptionError(f"{path} takes Python, not {type_name(value)} {shown(value)}; set it in jupyterhub_extra_config")
    raise wrong_type(path, wanted(form), value)


def alternative(forms: list[Form], value: t.Any, path: str) -> t.Any:
    """Return a value as the first of several forms takes it, those that change nothing first."""
    fitting = []
    for form in forms:
        with contextlib.suppress(DescriptionError):
            fitting.append(taken(form, value, path))
    if fitting:
        return next((found for found in fitting if type(found) is type(value)), fitting[0])
    said = [form for form in forms if form not in ("code", "null")] or ["code"]
    if len(said) == 1:
        return taken(said[0], value, path)
    raise wrong_type(path, " or ".join(map(wanted, said)), value)


def wanted(form: Form) -> str:
    """Return what a trait takes, for people."""
    kind, *inner = form if isinstance(form, list) else [form]
    if kind in NUMBERS and inner:
        low, high = inner
        return f"a number between {low} and {high}" if None not in inner else f"a number of at least {low}" if high is None else f"a number of at most {high}"
    if kind in ("list", "set") and inner[1:]:
        return f"a list of at least {inner[1]}"
    if kind == "or":
        return " or ".join(map(wanted, inner))
    if kind in ("one of", "caseless"):
        return " or ".join(map(repr, inner))
    words = {"bool": "a boolean (true or false)", "int": "a whole number", "float": "a number", "str": "a string", "null": "null"}
    words |= {"size": "an amount of memory such as 1G", "list": "a list", "set": "a list", "dict": "a dictionary", "code": "Python"}
    return words[kind]
