# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a values.yaml of zero-to-jupyterhub to our description. What has no counterpart is named, and nothing is lost silently.

What the chart does where nothing is said is said here where it is something else than we do: where people's files are, how much memory they have, how
the hub is reached. The values of secrets are in files, and in no variable.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import json
import re
import typing as t
import urllib.parse

from . import validation
from .description import Culling, Hub
from .resolve import resolve
from .schema import DescriptionError
from .traits import Catalogue
from .validation import HOST
from .z2jh_chart import ADVICE
from .z2jh_login import Login
from .z2jh_result import Expression, Result
from .z2jh_servers import PURPOSE, Servers, entries, file_of
from .z2jh_values import (
    Path,
    Values,
    anything,
    capacity,
    checked,
    count,
    default_of,
    dotted,
    flag,
    mapping,
    mappings,
    merged,
    names,
    pairs,
    secret_name,
    text,
    texts,
    whole,
)

__all__ = ["Options", "Result", "from_files", "translate"]

TEMPLATES = "/usr/local/share/jupyterhub/templates"
CONFIG_DIRECTORY = "/usr/local/etc/jupyterhub/jupyterhub_config.d/"
NODE_PORTS = {"http": 30080, "https": 30443}
PRELUDE = "0-z2jh-0-prelude"
MODULES = ("glob", "os", "re", "sys")
"""What a piece of Python finds imported in the chart's configuration."""

GET_CONFIG = """\
import json
import sys
import types

Z2JH_VALUES = json.loads(secret({name!r}))


def get_config(key, default=None):
    found = Z2JH_VALUES
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            return default
        found = found[part]
    return found


z2jh = types.ModuleType("z2jh")
z2jh.get_config = get_config
sys.modules["z2jh"] = z2jh
"""
"""How a piece of Python reads values in the chart (files/hub/z2jh.py there)."""

HELPERS = ("get_secret_value", "get_name", "get_name_env", "set_config_if_not_none")


@dataclasses.dataclass(frozen=True)
class Options:
    """What a values.yaml does not say.

    ``name`` is jupyterhub_name, ``chart`` the major version of the chart, ``below`` the key of a parent chart under which the values are; the others are the
    variables of the same names, and people who are admins besides those of the values.
    """

    name: str = "jupyterhub"
    namespace: str = ""
    context: str = ""
    hub_image: str = ""
    chart: int = 4
    below: str = ""
    admins: tuple[str, ...] = ()


def from_files(files: t.Iterable[t.Any], options: Options, now: float) -> Result:
    """Return what becomes of several files, each of which wins over those before it, as with Helm."""
    values: t.Any = None
    for found in files:
        if found is not None and not isinstance(found, dict):
            checked(found)
        values = merged(values, found) if values is not None and found is not None else found if found is not None else values
    return translate(values, options, now)


def translate(values: t.Any, options: Options, now: float) -> Result:
    """Return what becomes of values; raise DescriptionError with one sentence where they are none of this chart.

    ``now`` is the time in seconds since 1970 against which a certificate is judged.
    """
    if options.chart not in (3, 4):
        raise DescriptionError(f"the chart is of version {options.chart}, but 3 and 4 are known here; bring an older one to version 3 first")
    read, out = Values(checked(values, options.below)), Result()
    Translation(read, out, options).take()
    judge(out, now)
    out.unused = {dotted(path): advice for path, advice in sorted(read.unused.items(), key=lambda item: dotted(item[0]))}
    out.variables = out.ordered()
    return out


PLAIN: tuple[tuple[str, t.Callable[[t.Any], t.Any], str], ...] = (
    ("hub.activeServerLimit", count, "jupyterhub_spawner.max_running"),
    ("hub.templateVars", mapping, "jupyterhub_look.template_vars"),
    ("hub.nodeSelector", pairs, "k8s_node_selector"),
    ("proxy.service.annotations", pairs, "k8s_service.annotations"),
    ("proxy.service.loadBalancerSourceRanges", texts, "k8s_service.load_balancer_source_ranges"),
    ("cull.enabled", flag, "jupyterhub_culling.enabled"),
)

TRAITS: tuple[tuple[str, t.Callable[[t.Any], t.Any], str, str], ...] = (
    ("hub.consecutiveFailureLimit", count, "Spawner", "consecutive_failure_limit"),
    ("hub.authenticatePrometheus", flag, "JupyterHub", "authenticate_prometheus"),
    ("hub.redirectToServer", flag, "JupyterHub", "redirect_to_server"),
    ("hub.shutdownOnLogout", flag, "JupyterHub", "shutdown_on_logout"),
)

CULLING: tuple[tuple[str, t.Callable[[t.Any], t.Any], str], ...] = (
    ("timeout", count, "idle_timeout"),
    ("every", count, "interval"),
    ("maxAge", count, "max_age"),
    ("removeNamedServers", flag, "remove_named_servers"),
    ("users", flag, "users"),
)


class Translation:
    """One hub on its way."""

    def __init__(self, values: Values, out: Result, options: Options) -> None:
        self.values = values
        self.out = out
        self.options = options

    def take(self) -> None:
        self.target()
        self.reach()
        Login(self.values, self.out, self.options.chart, self.options.admins).take()
        for path, form, variable in PLAIN:
            if (value := self.values.take(path, form)) not in (None, {}, []):
                self.out.set(variable, value)
        for path, form, cls, trait in TRAITS:
            if (value := self.values.take(path, form)) is not None:
                self.out.trait(cls, trait, value)
        self.limits()
        self.scheduling()
        self.database()
        Servers(self.values, self.out, self.options.chart).take()
        self.images()
        self.culling()
        self.debug()
        self.hub_environment()
        self.hub_files()
        self.python()
        self.service_account()
        self.values.rest()

    def target(self) -> None:
        self.out.set("jupyterhub_name", self.options.name)
        for name in ("context", "namespace"):
            if value := getattr(self.options, name):
                self.out.set(f"k8s_{name}", value)
        if self.options.hub_image:
            self.out.set("jupyterhub_images.hub", self.options.hub_image)
        else:
            self.out.note("jupyterhub_images.hub is to be set: the hub's image of this collection, in a registry that the cluster reaches")
        if not self.options.context:
            self.out.note("k8s_context is to be set: the context of the kubeconfig whose cluster is meant")
        if not self.options.namespace:
            self.out.note(
                f"the namespace is {self.options.name}, the name of the hub; people's claims are found in the old one alone: name that in k8s_namespace"
            )

    # --- how people get in

    def reach(self) -> None:
        """Domain, TLS, Ingress or Service: the first three depend on each other in the chart, too."""
        ingress = self.values.take("ingress.enabled", flag) or False
        https = self.values.take("proxy.https.enabled", flag) or False
        kind = (self.values.take("proxy.https.type", text) or default_of("proxy.https.type")) if https else ""
        self.domain(ingress, https)
        mode = self.of_ingress(kind) if ingress else self.of_proxy(kind)
        self.out.set("jupyterhub_tls.mode", mode)
        self.service(ingress, mode)

    def domain(self, ingress: bool, https: bool) -> None:
        hosts: list[tuple[Path, str]] = []
        places: tuple[tuple[Path, bool], ...] = ((("ingress", "hosts"), ingress), (("proxy", "https", "hosts"), https))
        for path, wanted in places:
            found = self.values.at(path)
            if wanted and isinstance(found, list):
                hosts += [((*path, index), host) for index, host in enumerate(found) if isinstance(host, str)]
            elif wanted and found is not None:
                self.values.take(path, texts)
        good = [(path, host.lower()) for path, host in hosts if HOST.fullmatch(host.lower()) and not host.startswith("*")]
        domain = good[0][1] if good else self.callback_host()
        for path, host in good:
            if host == domain:
                self.values.mark(path)
            elif path[0] == "proxy":
                self.values.mark(path)
                self.out.add("jupyterhub_tls.names", [host])
        if domain:
            self.out.set("jupyterhub_domain", domain)
        else:
            self.out.note("jupyterhub_domain is to be set: the values name no host")

    def callback_host(self) -> str:
        """Return the host that a provider sends people back to; nothing where none is named."""
        for cls in self.values.keys("hub.config"):
            callback = self.values.at(("hub", "config", cls, "oauth_callback_url"))
            if isinstance(callback, str):
                with contextlib.suppress(ValueError):
                    host = urllib.parse.urlsplit(callback).hostname or ""
                    if HOST.fullmatch(host):
                        return host
        return ""

    def of_ingress(self, kind: str) -> str:
        """Set what is said of the Ingress, and return who ends TLS."""
        self.out.set("k8s_ingress.enabled", True)
        if name := self.values.take("ingress.ingressClassName", text):
            self.out.set("k8s_ingress.class_name", name)
        annotations = self.values.take("ingress.annotations", pairs) or {}
        issuer = ""
        for word, issuer_kind in (("cluster-issuer", "ClusterIssuer"), ("issuer", "Issuer")):
            if found := annotations.pop(f"cert-manager.io/{word}", ""):
                issuer = found
                self.out.set("k8s_certificate_issuer", issuer)
                if issuer_kind == "Issuer":
                    self.out.set("k8s_certificate_issuer_kind", issuer_kind)
        if annotations.pop("kubernetes.io/tls-acme", "") == "true" and not issuer:
            issuer = "letsencrypt"
            self.out.set("k8s_certificate_issuer", issuer)
            self.out.note("k8s_certificate_issuer is letsencrypt, for the annotation kubernetes.io/tls-acme: name the issuer that cert-manager has")
        if name := annotations.pop("kubernetes.io/ingress.class", ""):
            self.out.set("k8s_ingress.class_name", self.out.get("k8s_ingress.class_name") or name)
        if annotations:
            self.out.set("k8s_ingress.annotations", annotations)
        secret = self.ingress_secret(issuer)
        if kind not in ("", "offload") and (kind != "letsencrypt" or not (issuer or secret)):
            self.values.read.discard(("proxy", "https", "type"))
            self.values.leave("proxy.https.type", "the Ingress ends TLS here: give it a certificate with jupyterhub_tls.mode secret or cert_manager")
        if issuer:
            return "cert_manager"
        if secret:
            self.out.set("k8s_tls_secret", secret)
            return "secret"
        return "external" if kind else "none"

    def ingress_secret(self, issuer: str) -> str:
        """Return the Secret with the certificate of the host, if there is one."""
        found = ""
        for index, item in enumerate(self.values.take("ingress.tls", mappings) or []):
            self.values.read.discard(("ingress", "tls"))
            path: Path = ("ingress", "tls", index)
            name = item.get("secretName")
            if found or not isinstance(name, str):
                self.values.leave(path, "an Ingress here has one host and one certificate; write one of your own for others")
                continue
            found = name
            if issuer:
                self.values.leave((*path, "secretName"), "nothing to do: cert-manager keeps the certificate in the Secret tls here")
            else:
                self.values.mark((*path, "secretName"))
            for number, host in enumerate(item["hosts"] if isinstance(item.get("hosts"), list) else []):
                if isinstance(host, str) and host.lower() == self.out.get("jupyterhub_domain"):
                    self.values.mark((*path, "hosts", number))
                else:
                    self.values.leave((*path, "hosts", number), ADVICE["ingress.hosts"])
        return found

    def of_proxy(self, kind: str) -> str:
        """Return who ends TLS without an Ingress."""
        if not kind:
            self.out.note("jupyterhub_tls.mode is none, as in the chart where https is not enabled: passwords can be read on their way")
            return "none"
        if kind == "offload":
            return "external"
        if kind == "letsencrypt":
            self.out.set("k8s_certificate_issuer", "letsencrypt")
            contact = self.values.at("proxy.https.letsencrypt.contactEmail")
            what = f" with the address {contact}" if isinstance(contact, str) and contact else ""
            self.out.note(
                f"certificates of Let's Encrypt are the business of cert-manager here: install it, and make a ClusterIssuer{what}; "
                "k8s_certificate_issuer names it"
            )
            return "cert_manager"
        if kind == "secret":
            if name := self.values.take("proxy.https.secret.name", text):
                self.out.set("k8s_tls_secret", name)
            for key in ("key", "crt"):
                if self.values.take(f"proxy.https.secret.{key}", text) not in (None, default_of(f"proxy.https.secret.{key}")):
                    self.values.leave(f"proxy.https.secret.{key}", f"copy the Secret into one of type kubernetes.io/tls, where it is called tls.{key}")
            return "secret"
        if kind == "manual":
            for key, variable, name in (("cert", "certificate", "tls_certificate"), ("key", "key", "tls_key")):
                if value := self.values.take(f"proxy.https.manual.{key}", text):
                    self.out.set(f"jupyterhub_tls.{variable}", self.out.secret_path(name, value))
            return "provided"
        self.values.read.discard(("proxy", "https", "type"))
        self.values.leave("proxy.https.type", "the chart knows letsencrypt, manual, offload and secret; set jupyterhub_tls.mode")
        return "none"

    def service(self, ingress: bool, mode: str) -> None:
        kind = self.values.take("proxy.service.type", text)
        if ingress:
            if kind not in (None, "ClusterIP"):
                self.values.read.discard(("proxy", "service", "type"))
                self.values.leave(
                    "proxy.service.type", "an Ingress leads to the hub, and a Service of another type would be a second way around it; take it away"
                )
            return
        kind = kind or default_of("proxy.service.type")
        if kind not in ("ClusterIP", "NodePort", "LoadBalancer"):
            self.values.read.discard(("proxy", "service", "type"))
            self.values.leave("proxy.service.type", "a Service is of type ClusterIP, NodePort or LoadBalancer here; set k8s_service.type")
            return
        self.out.set("k8s_service.type", kind)
        if kind != "NodePort":
            return
        for name in ("http", "https") if mode in ("secret", "provided", "cert_manager") else ("http",):
            port = self.values.take(f"proxy.service.nodePorts.{name}", count)
            self.out.set(f"jupyterhub_network.{name}_port", port or NODE_PORTS[name])
            if not port:
                self.out.note(f"jupyterhub_network.{name}_port is {NODE_PORTS[name]}: the chart let the cluster choose a port, which is fixed here")

    # --- the hub

    def limits(self) -> None:
        spawns = self.values.take("hub.concurrentSpawnLimit", count)
        if spawns == 0:
            self.out.trait("JupyterHub", "concurrent_spawn_limit", 0)
        else:
            self.out.set("jupyterhub_spawner.concurrent_starts", spawns or default_of("hub.concurrentSpawnLimit"))
        named = self.values.take("hub.allowNamedServers", flag)
        each = self.values.take("hub.namedServerLimitPerUser", whole)
        if named and each and each > 0:
            self.out.set("jupyterhub_spawner.named_servers", each)
        elif named:
            self.out.trait("JupyterHub", "allow_named_servers", True)
        if each is not None and not named:
            self.values.read.discard(("hub", "namedServerLimitPerUser"))
            self.values.leave(
                "hub.namedServerLimitPerUser", "it means nothing with hub.allowNamedServers false; take it away, or set jupyterhub_spawner.named_servers"
            )

    def scheduling(self) -> None:
        tolerations = self.values.take("scheduling.corePods.tolerations", mappings)
        found = [*(default_of("scheduling.corePods.tolerations") if tolerations is None else tolerations)]
        for path in ("hub", "proxy.chp", "proxy.traefik"):
            found += [item for item in self.values.take(f"{path}.tolerations", mappings) or [] if item not in found]
        if found:
            self.out.set("k8s_tolerations", found)
        if self.values.at("scheduling.corePods.nodeAffinity.matchNodePurpose") == "require":
            self.values.mark("scheduling.corePods.nodeAffinity.matchNodePurpose")
            self.out.set("k8s_node_selector", {**(self.out.get("k8s_node_selector") or {}), PURPOSE: "core"})
        for path in ("proxy.chp.nodeSelector", "proxy.traefik.nodeSelector"):
            if self.values.at(path) is not None and self.values.at(path) == self.values.at("hub.nodeSelector"):
                self.values.mark(path)

    def database(self) -> None:
        kind = self.values.take("hub.db.type", text) or default_of("hub.db.type")
        upgrade = self.values.take("hub.db.upgrade", flag)
        if kind == "sqlite-pvc":
            if size := self.values.take("hub.db.pvc.storage", capacity):
                self.out.set("k8s_database.capacity", size)
            if name := self.values.take("hub.db.pvc.storageClassName", text):
                self.out.set("k8s_database.class_name", name)
        elif kind in ("postgres", "mysql"):
            self.database_server({"postgres": "postgresql"}.get(kind, kind))
        else:
            self.values.read.discard(("hub", "db", "type"))
            self.values.leave("hub.db.type", "a database is a file on the claim hub-db-dir, or a server: postgresql or mysql in jupyterhub_database.type")
        if upgrade or kind == "sqlite-pvc":
            # As the chart does: a database that comes along is of an older JupyterHub.
            self.out.trait("JupyterHub", "upgrade_db", True)
            self.out.note("jupyterhub_config.JupyterHub.upgrade_db is true, so that the hub takes its old database over; take it away when it has")

    def database_server(self, kind: str) -> None:
        url, password = self.values.at("hub.db.url"), self.values.take("hub.db.password", text)
        self.out.set("jupyterhub_database.type", kind)
        try:
            parts = urllib.parse.urlsplit(url if isinstance(url, str) else "")
            port = parts.port
        except ValueError:
            parts, port = urllib.parse.urlsplit(""), None
        if not parts.hostname or parts.query:
            self.values.leave("hub.db.url", "it is no address of a server alone: set host, port, name and user in jupyterhub_database")
        else:
            self.values.mark("hub.db.url")
            given = {"host": parts.hostname, "port": port, "name": parts.path.strip("/"), "user": urllib.parse.unquote(parts.username or "")}
            for name, value in given.items():
                if value:
                    self.out.set(f"jupyterhub_database.{name}", value)
            password = password or urllib.parse.unquote(parts.password or "")
        if password:
            self.out.set("jupyterhub_database.password", self.out.secret("database_password", password))
        else:
            self.out.note("the database's password is not in the values: set jupyterhub_database.password")

    def images(self) -> None:
        """Pull policy and Secrets are those of all pods here; a Secret that the chart made is made of the same registry."""
        found: list[str] = []
        for path in ("imagePullSecrets", "hub.image.pullSecrets", "proxy.chp.image.pullSecrets", "singleuser.image.pullSecrets"):
            found += self.values.take(path, names) or []
        if found:
            self.out.set("k8s_image_pull_secrets", [*dict.fromkeys(found)])
        if policy := self.values.take("singleuser.image.pullPolicy", text):
            self.out.set("k8s_image_pull_policy", policy)
        if not self.values.take("imagePullSecret.create", flag):
            return
        if username := self.values.take("imagePullSecret.username", text):
            self.out.set("jupyterhub_images.registry.username", username)
        if registry := self.values.take("imagePullSecret.registry", text) or "https://index.docker.io/v1/":
            self.out.set("jupyterhub_images.registry.url", registry)
        if password := self.values.take("imagePullSecret.password", text):
            self.out.set("jupyterhub_images.registry.password", self.out.secret("registry_password", password))

    def culling(self) -> None:
        if self.out.get("jupyterhub_culling.enabled") is False:
            return
        for key, form, variable in CULLING:
            value = self.values.take(f"cull.{key}", form)
            if value is None and self.values.at(f"cull.{key}") is None:
                value = default_of(f"cull.{key}")
                if value == getattr(Culling, variable):
                    continue
            if value is not None:
                self.out.set(f"jupyterhub_culling.{variable}", value)
        if self.out.get("jupyterhub_culling.users"):
            self.out.set("jupyterhub_culling.admins", self.values.take("cull.adminUsers", flag) is not False)

    def debug(self) -> None:
        if self.values.take("debug.enabled", flag):
            self.out.trait("JupyterHub", "log_level", "DEBUG")
            self.out.trait("Spawner", "debug", True)

    def service_account(self) -> None:
        name = self.values.at("hub.serviceAccount.name")
        if isinstance(name, str) and name and self.values.at("hub.serviceAccount.create") is False:
            self.values.mark("hub.serviceAccount.name")
            self.values.mark("hub.serviceAccount.create")
            self.values.mark("rbac.create")
            self.out.set("k8s_service_account", name)

    # --- Python, and what it reads

    def hub_environment(self) -> None:
        lines = []
        for name, place, value in entries(self.values, ("hub", "extraEnv")):
            if isinstance(value, dict) or "$(" in value:
                self.values.leave(
                    place,
                    "the hub's environment has texts alone: put the value into jupyterhub_extra_secrets and read it with secret() in jupyterhub_extra_config",
                )
                continue
            self.values.mark(place)
            said = f"secret({self.out.extra_secret(f'hub_env_{name}', value)!r})" if secret_name(name) and value.strip() else repr(value)
            lines.append(f"os.environ[{name!r}] = {said}")
        if lines:
            self.out.python(PRELUDE, "\n".join(["import os", *lines]))

    def hub_files(self) -> None:
        """Files of the chart's own directories have places of their own here; others are files of the hub, below /etc/jupyterhub."""
        directories = [TEMPLATES, *(path.rstrip("/") for path in self.values.at("hub.templatePaths") or [] if isinstance(path, str))]
        used: set[str] = set()
        for key in self.values.keys("hub.extraFiles"):
            path: Path = ("hub", "extraFiles", key)
            if (found := file_of(self.values, path)) is None:
                continue
            where, content, mode = found
            directory, _slash, name = where.rpartition("/")
            if directory in directories and name.endswith(".html"):
                used.add(directory)
                self.out.files[f"templates/{name}"] = content
                self.out.set("jupyterhub_look.templates", Expression.of("templates", content=False))
            elif where.startswith(CONFIG_DIRECTORY) and name.endswith(".py"):
                self.piece((*path, "mountPath"), f"0-z2jh-3-{name}", content)
            elif where.startswith("/etc/jupyterhub/"):
                entry = {"path": where, "content": {"file": self.out.secret_path(f"file_{key}", content)}, "servers": False, "hub": True}
                self.out.add("jupyterhub_extra_files", [{**entry, **({"mode": mode} if mode else {})}])
            else:
                self.values.leave(path, f"files of the hub are below /etc/jupyterhub: put {where} there with jupyterhub_extra_files, or into the image")
        for index, directory in enumerate(self.values.at("hub.templatePaths") or []):
            if isinstance(directory, str) and directory.rstrip("/") in used:
                self.values.mark(("hub", "templatePaths", index))

    def python(self) -> None:
        pieces: dict[str, str] = {}
        for name in self.values.keys("hub.extraConfig"):
            path = ("hub", "extraConfig", name)
            code = self.values.take(path, text)
            if code is not None and code.strip() and self.piece(path, name, code):
                pieces[name] = code
        everything = "\n".join((self.out.get("jupyterhub_extra_config") or {}).values())
        read = set(re.findall(r"""get_config\(\s*["']([A-Za-z0-9_.-]+)["']""", everything))
        if read or "import z2jh" in everything or "from z2jh" in everything:
            self.get_config(read)
        if imports := sorted(set(MODULES) & used_names(everything)):
            known = self.out.variables.setdefault("jupyterhub_extra_config", {})
            known[PRELUDE] = f"import {', '.join(imports)}\n" + known.get(PRELUDE, "")

    def get_config(self, read: t.Collection[str]) -> None:
        """Let pieces of Python read the values that they ask for."""
        found: dict[str, t.Any] = {}
        for key in sorted(read):
            value = self.values.at(key)
            if key.partition(".")[0] == "custom":
                value = None
            if value is not None:
                found = merged(found, nested(key, value))
        if (custom := self.values.take("custom", anything)) is not None:
            found["custom"] = custom
        self.out.python(PRELUDE, GET_CONFIG.format(name=self.out.extra_secret("z2jh_values", json.dumps(found, indent=1))))

    def piece(self, path: Path, name: str, code: str) -> bool:
        """Take a piece of Python over, unless it cannot be one here."""
        problem = self.problem(name, code)
        if problem:
            self.values.read.discard(path)
            self.values.leave(path, problem)
            return False
        self.out.python(name, code)
        return True

    def problem(self, name: str, code: str) -> str:
        try:
            validation.check_pieces(dataclasses.replace(JUDGE, extra_config={name: code}))
        except DescriptionError as exc:
            return f"{str(exc).removeprefix(f'jupyterhub_extra_config.{name}').lstrip(': ')}; put it into jupyterhub_extra_config when that is mended"
        if helpers := sorted(set(HELPERS) & used_names(code)):
            return f"it uses {helpers[0]} of the chart, which is not there; write it anew for jupyterhub_extra_config"
        return ""


JUDGE = Hub.from_variables({"jupyterhub_auth": {"method": "dummy", "allow_existing_users": True}})
"""A hub with nothing in it, for judging Python alone."""


def used_names(code: str) -> set[str]:
    """Return the names that Python uses and nobody gives it."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError):
        return set()
    given = {alias.asname or alias.name.partition(".")[0] for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)} - given


def nested(path: str, value: t.Any) -> dict[str, t.Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    return t.cast("dict[str, t.Any]", value)


# --- what we say of it ourselves

STAND_INS: dict[str, t.Any] = {"k8s_context": "to-be-set"}


def judge(out: Result, now: float) -> None:
    """Note why the variables would be refused as they stand, if they would be; what is to be set anyway is taken for set."""
    variables = {**STAND_INS, **out.plain()}
    images = variables.setdefault("jupyterhub_images", {})
    images.setdefault("hub", "to-be-set")

    def read(path: str) -> str:
        if path not in out.files:
            raise FileNotFoundError(path)
        return out.files[path]

    try:
        resolve(variables, read, {}, now, Catalogue({"packages": {}, "classes": {}}), ["k8s"])
    except DescriptionError as exc:
        out.note(f"as they stand, the variables are refused: {exc}")
