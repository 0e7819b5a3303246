# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may log in to a hub of zero-to-jupyterhub (hub.config), its services and roles, and every other trait."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from . import traits, validation
from .authentication import METHODS, own_groups
from .authentication_checks import MEMBERS, PROVIDERS
from .description import Auth, Service
from .schema import DescriptionError, convert, hints_of
from .z2jh_result import Result
from .z2jh_values import Unfit, Values, anything, flag, mapping, pairs, secret_name, text, texts, words

CONFIG = ("hub", "config")
DEFAULT_CLASS = "dummy"

CLASSES = {
    **{method.section: name for name, method in METHODS.items() if method.section},
    **{method.authenticator: name for name, method in METHODS.items() if method.authenticator},
    **dict.fromkeys(("lti13", "lti11", "ltiauthenticator", "LTI13Authenticator", "LTI11Authenticator"), "lti"),
    **dict.fromkeys(("native", "nativeauthenticator"), "native"),
    **dict.fromkeys(("default", "pam", "PAMAuthenticator"), "pam"),
}
"""What JupyterHub.authenticator_class may say, by the last word of it -> the method."""

NULL = {"null": "jupyterhub.auth.NullAuthenticator"}

COMMON = {
    "allow_all": "allow_all",
    "allow_existing_users": "allow_existing_users",
    "manage_groups": "manage_groups",
    "enable_auth_state": "enable_auth_state",
    "auto_login": "auto_login",
    "blocked_users": "blocked_users",
    "blacklist": "blocked_users",
    "admin_groups": "admin_groups",
}
"""Traits of every Authenticator -> options."""

OLD = {"username_key": "username_claim", "claim_groups_key": "groups_claim", "user_groups_claim": "groups_claim", "oauth_callback_url": "callback_url"}
NATIVE = ("check_common_password", "allowed_failed_logins", "seconds_before_next_try", "ask_email_on_signup", "allow_2fa")
LTI13 = {"client_id": "client_ids", **{name: name for name in ("issuer", "authorize_url", "jwks_endpoint", "username_key")}}

SPECIAL: dict[str, dict[str, str]] = {
    "native": {name: f"native.{name}" for name in NATIVE},
    "lti": {trait: f"lti.{option}" for trait, option in LTI13.items()},
    "cilogon": {"allowed_idps": "idps"},
    "shared_password": {},
}
"""Traits that a method has besides those that are options by the same name."""

SECRETS: dict[str, dict[str, str]] = {
    "ldap": {"lookup_dn_search_password": "ldap.lookup_dn_search_password"},
    "shared_password": {"user_password": "user_password", "admin_password": "admin_password"},
}


class Login:
    """The part of hub.config that says who may log in, and all that is left of it."""

    def __init__(self, values: Values, out: Result, chart: int, admins: t.Iterable[str]) -> None:
        self.values = values
        self.out = out
        self.chart = chart
        self.more_admins = [name.lower() for name in admins]
        self.method = "custom"
        self.sections: list[str] = []

    def take(self) -> None:
        self.choose()
        self.options()
        self.people()
        self.hub_traits()
        self.groups()
        self.services()
        self.roles()
        self.others()

    def set(self, option: str, value: t.Any) -> None:
        self.out.set(f"jupyterhub_auth.{option}", value)

    def said(self, trait: str, form: t.Callable[[t.Any], t.Any]) -> t.Any:
        """Return what the nearest class says of a trait; what others say of it counts as little as it did."""
        found = None
        for section in self.sections:
            path = (*CONFIG, section, trait)
            if found is None:
                found = self.values.take(path, form)
            else:
                self.values.leave(path, f"{self.sections[0]} says something else, which won; take it away")
        return found

    def choose(self) -> None:
        """Set the method, and note the classes whose traits count, the nearest first."""
        path = (*CONFIG, "JupyterHub", "authenticator_class")
        name = self.values.take(path, text) or DEFAULT_CLASS
        name = NULL.get(name, name)
        last = name.rpartition(".")[2].rpartition(":")[2]
        known = CLASSES.get(name) or CLASSES.get(last)
        ours = not known or not METHODS[known].section or name == METHODS[known].authenticator or "." not in name or last == METHODS[known].section
        self.method = known if known and ours else "custom"
        method = METHODS[self.method]
        if self.method == "custom" and "." not in name:
            self.values.read.discard(path)
            self.values.leave(path, "there is no method of that name; set jupyterhub_auth.method, or custom with the class in jupyterhub_auth.custom_class")
            self.sections = ["Authenticator"]
            return
        self.set("method", self.method)
        if self.method == "custom":
            self.set("custom_class", name)
            self.out.note(f"jupyterhub_auth.custom_class is {name}: the hub's image must have its package (jupyterhub_images.hub_pip when you build it)")
        if self.method == "lti":
            digits = "11" if "11" in last else "13"
            self.set("lti.version", f"{digits[0]}.{digits[1]}")
            self.sections = [f"LTI{digits}Authenticator"]
        else:
            self.sections = [method.section or last]
        self.sections += [*(["OAuthenticator"] if method.oauth else []), "LocalAuthenticator", "Authenticator"]

    # --- options of the method

    def table(self) -> dict[str, str]:
        """Return the traits that are options of the method."""
        method = METHODS[self.method]
        options = {*method.options, "allow_all", "allow_existing_users", "blocked_users"}
        found = {trait: option for option, trait in method.traits.items()}
        found |= {trait: option for trait, option in {**COMMON, **OLD}.items() if option in options}
        if "allowed_groups" in options and not any(option == "allowed_groups" for option in method.traits.values()):
            found.setdefault("allowed_groups", "allowed_groups")
        if self.method == "google":
            found.pop("admin_groups", None)
            found.pop("allowed_groups", None)
        return found | SPECIAL.get(self.method, {})

    def options(self) -> None:
        for trait, option in self.table().items():
            if (value := self.said(trait, functools.partial(of_option, option))) is not None:
                self.set(option, value)
        for trait, option in SECRETS.get(self.method, {}).items():
            if value := self.said(trait, text):
                self.set(option, self.out.secret(option.rpartition(".")[2], value))
        if "client_secret" in METHODS[self.method].options:
            self.credentials()
        special = {"dummy": self.dummy, "native": self.native, "ldap": self.ldap, "lti": self.lti, "tmp": self.tmp, "pam": self.pam}
        if self.method in special:
            special[self.method]()
        self.groups_of_login()

    def credentials(self) -> None:
        if self.method == "custom":
            if client := self.said("client_id", text):
                self.set("client_id", client)
            self.said("oauth_callback_url", functools.partial(usual_callback, self.out.get("jupyterhub_domain")))
        if value := self.said("client_secret", text):
            self.set("client_secret_file", self.out.secret_path("oauth_client_secret", value))
        elif METHODS[self.method].oauth:
            variable = METHODS[self.method].environment["client_secret"][0]
            self.out.note(
                f"the client secret of {self.sections[0]} is not in the values: set jupyterhub_auth.client_secret_file, or {variable} in the environment"
            )

    def dummy(self) -> None:
        password = self.said("password", text)
        if not password:
            self.set("acknowledge_insecure", True)
            self.out.note(
                "jupyterhub_auth.method is dummy, as in the chart where nothing is said: anybody is anybody, with any password; choose another method"
            )
            return
        self.method = "shared_password"
        self.set("method", "shared_password")
        if len(password) >= 8:
            self.set("user_password", self.out.secret("user_password", password))
            self.out.note("the password of DummyAuthenticator is that of users now; that of admins is another, which the first run makes and keeps")
        else:
            self.values.leave(
                next((*CONFIG, section, "password") for section in self.sections if self.values.at((*CONFIG, section, "password"))),
                "JupyterHub takes no password of less than 8 characters: the first run makes one for users, and one for admins, and keeps them",
            )

    def native(self) -> None:
        enabled, opened = self.said("enable_signup", flag), self.said("open_signup", flag)
        if opened or enabled is False:
            self.set("native.signup", "closed" if enabled is False else "open")

    def ldap(self) -> None:
        use_ssl = self.said("use_ssl", flag)
        if use_ssl is not None and self.out.get("jupyterhub_auth.ldap.tls_strategy") is None:
            self.set("ldap.tls_strategy", "on_connect" if use_ssl else "before_bind")
        if self.out.get("jupyterhub_auth.ldap.tls_strategy") == "insecure":
            self.set("acknowledge_insecure", True)
            self.out.note(
                "jupyterhub_auth.ldap.tls_strategy is insecure, as in the values: passwords go to the directory for all to read; set it to before_bind"
            )

    def lti(self) -> None:
        for name, value in (self.said("consumers", pairs) or {}).items():
            self.out.variables["jupyterhub_auth"].setdefault("lti", {}).setdefault("consumers", {})[name] = self.out.secret(f"lti_consumer_{name}", value)

    def tmp(self) -> None:
        self.set("acknowledge_insecure", True)
        self.out.note("jupyterhub_auth.method is tmp, as in the values: everybody gets in, and is somebody new")

    def pam(self) -> None:
        self.out.note("jupyterhub_auth.method is pam: people of the hub's image are no people here; give jupyterhub_auth.password_file")

    def groups_of_login(self) -> None:
        """Groups that let people in are those of the hub here, where the provider is not asked for them one by one."""
        options = METHODS[self.method].options
        if "groups_claim" in options:
            first = METHODS[self.method].groups_key.partition(".")[0]
            if claim := self.said("auth_state_groups_key", functools.partial(claim_below, first)):
                self.set("groups_claim", claim)
        auth = self.out.get("jupyterhub_auth") or {}
        wanted = [name for name in ("allowed_groups", "admin_groups", "groups_claim") if auth.get(name)]
        if wanted and "manage_groups" in options and not auth.get("manage_groups") and not own_groups(Auth(method=t.cast(t.Any, self.method))):
            self.set("manage_groups", True)
            self.out.note(f"jupyterhub_auth.manage_groups is true, which {wanted[0]} needs here: the hub's groups are those of the provider")

    # --- people

    def people(self) -> None:
        admins: list[str] = [*self.more_admins]
        allowed: list[str] = []
        for trait in ("admin_users", "allowed_users", "whitelist"):
            found = [name.lower() for name in self.said(trait, texts) or []]
            (admins if trait == "admin_users" else allowed).extend(found)
        admins += [name.lower() for name in self.values.take((*CONFIG, "JupyterHub", "admin_users"), texts) or []]
        users = [{"name": name, "admin": True} for name in dict.fromkeys(admins)]
        users += [{"name": name} for name in dict.fromkeys(allowed) if name not in admins]
        if users:
            self.out.set("jupyterhub_users", users)
        auth = self.out.get("jupyterhub_auth") or {}
        listed = ("allowed_organizations", "allowed_groups", "admin_groups", "idps")
        if allowed and auth.get("allow_existing_users") is None and not auth.get("allow_all") and any(auth.get(name) for name in listed):
            self.out.note(
                "whom an admin added by hand on the admin page gets in no more, since groups or organizations are let in: name those people in "
                "jupyterhub_users, or set jupyterhub_auth.allow_existing_users to true"
            )
        if not admins and not self.out.get("jupyterhub_auth.admin_groups") and self.method != "tmp":
            self.out.note("nobody is an admin in the values: name one in jupyterhub_users, with admin: true")
        # JupyterHub 4 let everybody in where no list said who; JupyterHub 5 and oauthenticator 16 do not.
        silent = self.chart == 3 and not METHODS[self.method].oauth and self.method not in ("native", "tmp", "lti") and not allowed
        if silent and self.out.get("jupyterhub_auth.allow_all") is None and not self.out.get("jupyterhub_auth.allowed_groups"):
            self.set("allow_all", True)
            self.out.note("jupyterhub_auth.allow_all is true, as in version 3 of the chart where no list says who may log in")
        elif self.method in ("native", "tmp") and self.out.get("jupyterhub_auth.allow_all") is not None:
            self.out.variables["jupyterhub_auth"].pop("allow_all")
            self.out.note(f"allow_all means nothing with jupyterhub_auth.method {self.method}; it is left out")

    # --- the rest of hub.config

    def hub_traits(self) -> None:
        path = (*CONFIG, "JupyterHub", "admin_access")
        if self.values.take(path, anything) is False:
            self.values.leave(path, f"{traits.GONE['JupyterHub.admin_access']}; take it away")

    def groups(self) -> None:
        """JupyterHub.load_groups: lists of people, or dictionaries with users."""

        def members(value: t.Any) -> dict[str, list[str]]:
            return {name: [user.lower() for user in texts(item.get("users", []) if isinstance(item, dict) else item)] for name, item in mapping(value).items()}

        if found := self.values.take((*CONFIG, "JupyterHub", "load_groups"), members):
            self.out.set("jupyterhub_groups", found)

    def services(self) -> None:
        fields = {field.name for field in dataclasses.fields(Service)}
        found = []
        for key in self.values.keys("hub.services"):
            path = ("hub", "services", key)
            entry: dict[str, t.Any] = {"name": self.values.take((*path, "name"), text) or key}
            self.values.read.add((*path, "name"))
            if not isinstance(self.values.at(path), dict):
                self.values.take(path, mapping)
                continue
            for name in self.values.keys(path):
                if name in ("name", "environment"):
                    continue
                if name in ("api_token", "apiToken"):
                    if token := self.values.take((*path, name), text):
                        entry["api_token"] = self.out.secret(f"service_{entry['name']}_token", token)
                elif name not in fields:
                    self.values.leave((*path, name), Service.REFUSED.get(name, "JupyterHub's services have nothing of that name here; take it away"))
                elif (value := self.values.take((*path, name), functools.partial(of_service, name))) is not None:
                    entry[name] = value
            if environment := self.environment((*path, "environment")):
                entry["environment"] = environment
            found.append(entry)
        if found:
            self.out.set("jupyterhub_services", found)

    def environment(self, path: tuple[str, ...]) -> dict[str, t.Any]:
        found: dict[str, t.Any] = {}
        for name in self.values.keys(path):
            if (value := self.values.take((*path, name), text)) is not None:
                found[name] = {"file": self.out.secret_path(f"{path[2]}_{name}", value)} if secret_name(name) and value.strip() else value
        return found

    def roles(self) -> None:
        found: list[dict[str, t.Any]] = []
        for key in self.values.keys("hub.loadRoles"):
            path = ("hub", "loadRoles", key)
            role: dict[str, t.Any] = {"name": self.values.take((*path, "name"), text) or key}
            self.values.read.add((*path, "name"))
            if role["name"] == "admin":
                self.values.leave(path, "name admins in jupyterhub_users, and put the scopes of a service into a role of its own")
                continue
            for name in ("description", "scopes", "users", "groups", "services"):
                if (value := self.values.take((*path, name), text if name == "description" else texts)) is not None:
                    role[name] = value
            self.values.keys(path)
            found.append(role)
        if not found:
            return
        self.out.set("jupyterhub_roles", found)
        if not self.out.get("jupyterhub_auth.manage_groups"):
            groups = self.out.get("jupyterhub_groups") or {}
            unknown = sorted({name for role in found for name in role.get("groups", []) if name not in groups})
            if unknown:
                self.out.set("jupyterhub_groups", {**groups, **{name: [] for name in unknown}})
                self.out.note(f"roles name groups whose members are in the hub's database ({', '.join(unknown)}): who is in them stays")

    def others(self) -> None:
        """Every other trait is one of jupyterhub_config, unless it is not the user's to set."""
        for cls in self.values.keys(".".join(CONFIG)):
            for trait in self.values.keys((*CONFIG, cls)):
                path = (*CONFIG, cls, trait)
                if not self.values.covered(path) and (cls, trait) not in LATER:
                    self.other(path, cls, trait)

    def other(self, path: tuple[str, ...], cls: str, trait: str) -> None:
        value = self.values.at(path)
        if value is None:
            return
        gone = traits.GONE.get(f"{cls}.{trait}") or MOUNTS.get((cls, trait))
        if gone or not (validation.CLASS.fullmatch(cls) and validation.TRAIT.fullmatch(trait)):
            self.values.leave(path, gone or "it is not the name of a trait; take it away")
            return
        try:
            traits.refuse({cls: {trait: True if secret_name(trait) else value}})
        except DescriptionError as exc:
            known = traits.SECRETS.get(f"{cls}.{trait}", traits.SECRETS.get(trait))
            self.values.leave(path, known or str(exc).rpartition(f"{cls}.{trait} ")[2])
            return
        if MEMBERS.match(trait) and cls in self.sections:
            option = traits_option(self.method, trait)
            if option:
                self.values.leave(path, f"jupyterhub_auth.{option} says that here; docs/authentication.md has the form")
                return
            if self.out.get("jupyterhub_auth.allow_existing_users") is None and not self.out.get("jupyterhub_auth.allow_all"):
                self.set("allow_existing_users", False)
                self.out.note(f"jupyterhub_auth.allow_existing_users is false, so that who is let in by {trait} does not stay when that ends")
        self.values.mark(path)
        self.out.trait(cls, trait, value)


MOUNTS = dict.fromkeys(
    (("KubeSpawner", "volumes"), ("KubeSpawner", "volume_mounts")),
    "it took the place of people's storage, too: say what is mounted besides in jupyterhub_storage.extra_volumes",
)
"""Traits that would hide what is mounted."""

LATER = {("KubeSpawner", "environment"), ("Spawner", "environment"), ("KubeSpawner", "profile_list")}
"""Traits that are read with people's servers."""


def traits_option(method: str, trait: str) -> str:
    """Return the option that replaces a trait of membership, as authentication_checks.check_traits judges it."""
    options = {name: option for option, name in METHODS[method].traits.items()}
    name = options.get(trait) or PROVIDERS.sub("_", trait)
    return name if name in METHODS[method].options else ""


def of_option(option: str, value: t.Any) -> t.Any:
    """Return a value in the type of an option of jupyterhub_auth."""
    first, _dot, rest = option.partition(".")
    hint = hints_of(Auth)[first]
    if rest:
        hint = hints_of(hint)[rest]
    if t.get_origin(hint) is tuple:
        return words(value)
    try:
        found = convert(hint, value, option)
    except DescriptionError as exc:
        raise Unfit(f"jupyterhub_auth.{option} takes another form") from exc
    return found


def claim_below(first: str, value: t.Any) -> str:
    """Return the claim of what auth_state has under a key of its own."""
    key, _dot, claim = text(value).partition(".")
    if key != first or not claim:
        raise Unfit(f"jupyterhub_auth.groups_claim names what is below {first}")
    return claim


def usual_callback(domain: str | None, value: t.Any) -> str:
    """Take the address that people are sent back to where it is the only one that there is here."""
    if text(value) not in (f"https://{domain}/hub/oauth_callback", f"http://{domain}/hub/oauth_callback"):
        raise Unfit("people are sent back to /hub/oauth_callback of jupyterhub_domain")
    return text(value)


def of_service(name: str, value: t.Any) -> t.Any:
    """Return a value in the type of a field of a service."""
    hint = hints_of(Service)[name]
    if t.get_origin(hint) is tuple:
        return words(value)
    try:
        return convert(hint, value, name)
    except DescriptionError as exc:
        raise Unfit(f"jupyterhub_services has another form for {name}") from exc
