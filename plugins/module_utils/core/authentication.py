# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may log in: the table of methods, what each needs and takes, and how it is rendered.

Names of traits are those of JupyterHub 6, oauthenticator 17 and the packages in :data:`versions.OPTIONAL_PACKAGES`.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .description import Auth, Hub
from .pytext import Code
from .schema import build

Settings = dict[str, t.Any]
Needed = tuple[str, str, str]
"""Name of a secret that must be given, the variable that gives it, and a hint."""

FILES = "/etc/jupyterhub"
DATA = "/srv/jupyterhub"

COMMON = ("method", "allow_all", "allow_existing_users", "blocked_users")
OAUTH = (
    "client_id",
    "client_secret",
    "client_secret_file",
    "callback_url",
    "env_file",
    "scope",
    "login_service",
    "auto_login",
    "logout_redirect_url",
    "enable_auth_state",
    "ca_file",
)
GROUPS = ("manage_groups", "allowed_groups", "admin_groups")


@dataclasses.dataclass(frozen=True)
class Method:
    """What a method is made of.

    ``authenticator`` is what JupyterHub is told, ``section`` the class that traits are set on. ``traits`` are options that become traits as they are,
    ``defaults`` traits that are set in any case. ``groups_key`` is where the authenticator keeps people's groups, which the hub's can then be.
    ``packages`` (PyPI), ``apt`` (Debian) and ``steps`` (of a Dockerfile) are what the hub's image gets; ``programs`` are files beside the configuration.
    """

    authenticator: str
    section: str
    options: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    traits: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    defaults: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    environment: t.Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    groups_key: str = ""
    packages: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    @property
    def oauth(self) -> bool:
        """Whether people log in at a provider that sends them back."""
        return "callback_url" in self.options


def provider(
    authenticator: str,
    section: str,
    *options: str,
    env: str = "OAUTH",
    required: tuple[str, ...] = (),
    traits: t.Mapping[str, str] | None = None,
    variables: t.Mapping[str, str] | None = None,
    **more: t.Any,
) -> Method:
    """Return a method of oauthenticator; ``variables`` are options of its own that the environment may give."""
    environment = {f"client_{part}": tuple(dict.fromkeys((f"{env}_CLIENT_{part.upper()}", f"OAUTH_CLIENT_{part.upper()}"))) for part in ("id", "secret")}
    environment |= {"callback_url": ("OAUTH_CALLBACK_URL",), **{option: (name,) for option, name in (variables or {}).items()}}
    names = ("client_id", "scope", "login_service", "logout_redirect_url", *(option for option in options if option == "username_claim"))
    return Method(
        authenticator,
        section,
        OAUTH + options,
        ("client_id", *required),
        {**{name: name for name in names}, **(traits or {})},
        environment=environment,
        **more,
    )


TEAMS = Code("""lambda state: {f"{team['organization']['login']}:{team['slug']}" for team in state.get('teams', ())}""")
"""Groups of GitHub, written as oauthenticator writes them in allowed_organizations."""

PAM_USERS = f"{FILES}/secrets/pam_users"
PAM_STEPS = (
    "sed -i 's/^passwd:.*/passwd: files extrausers/' /etc/nsswitch.conf",
    f"rm -rf /var/lib/extrausers && install -d /var/lib/extrausers && ln -s {PAM_USERS} /var/lib/extrausers/passwd",
    f"printf 'auth required pam_pwdfile.so pwdfile={FILES}/secrets/pam_passwords\\naccount required pam_permit.so\\n' > /etc/pam.d/jupyterhub",
)
"""A service of PAM of its own, and people who are no people of the image: a hub that is not root could not read /etc/shadow."""

METHODS: dict[str, Method] = {
    "github": provider(
        "github",
        "GitHubOAuthenticator",
        *("github_url", "allowed_organizations", *GROUPS),
        env="GITHUB",
        traits={"github_url": "github_url", "allowed_organizations": "allowed_organizations"},
        groups_key="teams",
    ),
    "gitlab": provider(
        "gitlab",
        "GitLabOAuthenticator",
        *("gitlab_url", "username_claim", "allowed_groups"),
        env="GITLAB",
        traits={"gitlab_url": "gitlab_url", "allowed_groups": "allowed_gitlab_groups"},
        variables={"gitlab_url": "GITLAB_URL"},
    ),
    "google": provider(
        "google",
        "GoogleOAuthenticator",
        *("google", *GROUPS),
        env="GOOGLE",
        traits={"google.hosted_domain": "hosted_domain", "google.include_nested_groups": "include_nested_groups"},
        groups_key="google_user.google_groups",
        packages=("google-auth",),
    ),
    # Its own default is the claim `name`: what people are called, which several may be and which some may change.
    "azuread": provider(
        "azuread",
        "AzureAdOAuthenticator",
        *("tenant_id", "username_claim", "groups_claim", *GROUPS),
        required=("tenant_id",),
        traits={"tenant_id": "tenant_id"},
        defaults={"username_claim": "upn"},
        variables={"tenant_id": "AAD_TENANT_ID"},
        groups_key="user.groups",
    ),
    "oidc": provider(
        "generic-oauth",
        "GenericOAuthenticator",
        *("oidc", "username_claim", "groups_claim", *GROUPS),
        required=("oidc.authorize_url", "oidc.token_url", "oidc.userdata_url"),
        traits={"oidc.authorize_url": "authorize_url", "oidc.token_url": "token_url", "oidc.userdata_url": "userdata_url"},
        defaults={"scope": ["openid", "profile", "email"], "username_claim": "preferred_username", "login_service": "OpenID Connect"},
        variables={"oidc.authorize_url": "OAUTH2_AUTHORIZE_URL", "oidc.token_url": "OAUTH2_TOKEN_URL", "oidc.userdata_url": "OAUTH2_USERDATA_URL"},
        groups_key="oauth_user.groups",
    ),
    "openshift": provider(
        "openshift",
        "OpenShiftOAuthenticator",
        *("openshift_url", *GROUPS),
        required=("openshift_url",),
        traits={"openshift_url": "openshift_url"},
        variables={"openshift_url": "OPENSHIFT_URL"},
        groups_key="openshift_user.groups",
    ),
    "cilogon": provider(
        "cilogon",
        "CILogonOAuthenticator",
        *("idps", "groups_claim", *GROUPS),
        env="CILOGON",
        required=("idps",),
        traits={"idps": "idps"},
        groups_key="cilogon_user.groups",
    ),
    "auth0": provider(
        "auth0",
        "Auth0OAuthenticator",
        *("auth0_domain", "username_claim", "groups_claim", *GROUPS),
        required=("auth0_domain",),
        traits={"auth0_domain": "auth0_domain"},
        defaults={"scope": ["openid", "profile", "email"]},
        variables={"auth0_domain": "AUTH0_DOMAIN"},
        groups_key="auth0_user.groups",
    ),
    "bitbucket": provider(
        "bitbucket",
        "BitbucketOAuthenticator",
        *("username_claim", "allowed_organizations"),
        env="BITBUCKET",
        traits={"allowed_organizations": "allowed_teams"},
        defaults={"scope": ["account"]},
    ),
    "globus": provider(
        "globus",
        "GlobusOAuthenticator",
        *("globus", *GROUPS),
        traits={
            "globus.identity_provider": "identity_provider",
            "globus.username_from_email": "username_from_email",
            "allowed_groups": "allowed_globus_groups",
            "admin_groups": "admin_globus_groups",
        },
        groups_key="globus_groups",
    ),
    "ldap": Method(
        "ldap",
        "LDAPAuthenticator",
        ("ldap", "ca_file", "enable_auth_state", "acknowledge_insecure", *GROUPS),
        ("ldap.server_address",),
        {
            f"ldap.{name}": name
            for name in (
                *("server_address", "server_port", "tls_strategy", "bind_dn_template", "lookup_dn", "lookup_dn_search_user"),
                *("user_search_base", "user_attribute", "lookup_dn_user_dn_attribute", "search_filter", "group_search_filter"),
            )
        },
        groups_key="ldap_groups",
        packages=("jupyterhub-ldapauthenticator",),
        programs=("ldap_groups.py",),
    ),
    "lti": Method("", "", ("lti", "enable_auth_state"), packages=("jupyterhub-ltiauthenticator",)),
    "native": Method(
        "native_login.NativeAuthenticator",
        "NativeAuthenticator",
        ("native", "admin_password", "min_password_length"),
        traits={"min_password_length": "minimum_password_length"},
        packages=("jupyterhub-nativeauthenticator",),
        programs=("native_login.py",),
    ),
    "pam": Method(
        "pam",
        "PAMAuthenticator",
        ("password_file", "password_hashes"),
        defaults={"service": "jupyterhub"},
        apt=("libnss-extrausers", "libpam-pwdfile"),
        steps=PAM_STEPS,
    ),
    "firstuse": Method(
        "firstuse",
        "FirstUseAuthenticator",
        ("min_password_length",),
        traits={"min_password_length": "min_password_length"},
        defaults={"dbm_path": f"{DATA}/passwords.dbm"},
        packages=("jupyterhub-firstuseauthenticator",),
    ),
    "shared_password": Method("shared-password", "SharedPasswordAuthenticator", ("user_password", "admin_password")),
    "tmp": Method("tmp", "TmpAuthenticator", ("acknowledge_insecure",), packages=("jupyterhub-tmpauthenticator",)),
    "dummy": Method("dummy", "DummyAuthenticator", ("acknowledge_insecure",)),
    "custom": Method(
        "", "", ("custom_class", "client_id", "client_secret", "client_secret_file", "manage_groups", "enable_auth_state", "auto_login"), ("custom_class",)
    ),
}

DEFAULTS = build(Auth, {}, "jupyterhub_auth.")


def option(auth: Auth, path: str) -> t.Any:
    """Return the value of an option, ``oidc.token_url`` being one in a topic."""
    value: t.Any = auth
    for name in path.split("."):
        value = getattr(value, name)
    return value


def lets_all_in(auth: Auth) -> bool:
    """Whether JupyterHub lets in whom the method knows. Native asks its own list of who was authorized, tmp knows nobody."""
    return auth.allow_all or auth.method in ("native", "tmp")


def lets_existing_in(auth: Auth) -> bool:
    """Whether who is in the hub's database may log in, however they came there."""
    if auth.allow_existing_users is not None:
        return auth.allow_existing_users
    institutions = any(settings.get("allow_all") or settings.get("allowed_domains") for settings in auth.idps.values())
    return not (auth.allowed_groups or auth.admin_groups or auth.allowed_organizations or institutions)


def own_groups(auth: Auth) -> bool:
    """Whether groups that let people in are looked up one by one, whether or not they become the hub's."""
    return auth.method in ("gitlab", "google", "globus", "ldap")


def has_admin_elsewhere(auth: Auth) -> bool:
    """Whether there is or need be no admin in the list of people."""
    return bool(auth.admin_groups) or auth.method == "tmp"


def packages(auth: Auth) -> tuple[str, ...]:
    """Return the packages (PyPI) that the hub's image needs besides those of every hub."""
    method = METHODS[auth.method]
    return () if auth.method == "google" and not auth.google.service_account_key else method.packages


def programs(auth: Auth) -> tuple[str, ...]:
    """Return the programs that the configuration imports."""
    if auth.method == "ldap" and not (auth.manage_groups or auth.admin_groups):
        return ()
    return METHODS[auth.method].programs


def given_secrets(auth: Auth) -> t.Iterator[Needed]:
    """Yield what must be given; what can be made is not among it."""
    method = METHODS[auth.method]
    if auth.method == "custom" and auth.client_id:
        yield "oauth_client_secret", "jupyterhub_auth.client_secret", "or set jupyterhub_auth.client_secret_file"
    if method.oauth:
        name = method.environment["client_secret"][0]
        hint = f"or set jupyterhub_auth.client_secret_file, or {name} in the environment or in the file jupyterhub_auth.env_file"
        yield "oauth_client_secret", "jupyterhub_auth.client_secret", hint
    if auth.ca_file:
        yield "auth_ca", "jupyterhub_auth.ca_file", "it names the authorities that the provider's certificate is signed by"
    if auth.google.service_account_key:
        yield "google_service_account", "jupyterhub_auth.google.service_account_key", "groups of Google are read with it"
    if auth.ldap.lookup_dn_search_user:
        yield "ldap_password", "jupyterhub_auth.ldap.lookup_dn_search_password", "people are looked up with it"
    if auth.method == "lti" and auth.lti.version == "1.1":
        yield "lti_consumers", "jupyterhub_auth.lti.consumers", "the platform signs its launches with one of these secrets"
    if auth.method == "pam":
        yield "pam_passwords", "jupyterhub_auth.password_file", "or give jupyterhub_auth.password_hashes"
        yield "pam_users", "jupyterhub_auth.password_file", "it has nobody in it"


PROGRAMS = tuple(sorted({program for method in METHODS.values() for program in method.programs}))
"""Everything that :func:`programs` may return."""


def reloaded(auth: Auth) -> tuple[str, ...]:
    """Return the files that the hub takes up without a restart.

    Who is added to a running hub may log in there only if existing users may; else the list counts that the hub read when it started.
    Native asks that list, too.
    """
    people = ("userlist.json",) if auth.method != "native" and (lets_existing_in(auth) or lets_all_in(auth)) else ()
    return (*people, "secrets/pam_passwords", "secrets/pam_users")


def made_secrets(auth: Auth) -> dict[str, int]:
    """Return the passwords that are made unless they are given, and how long they are."""
    return {"shared_password": {"user_password": 16, "admin_password": 32}, "native": {"admin_password": 32}}.get(auth.method, {})


def settings(hub: Hub, public_url: str) -> Settings:
    """Return the traits that say who may log in, and how."""
    auth = hub.auth
    method = METHODS[auth.method]
    found: Settings = {
        "Authenticator.allowed_users": Code("{person['name'] for person in PEOPLE}"),
        "Authenticator.admin_users": {user.name for user in hub.users if user.admin} or Code("set()"),
        "Authenticator.allow_existing_users": lets_existing_in(auth),
        "Authenticator.allow_all": lets_all_in(auth),
        "Authenticator.blocked_users": set(auth.blocked_users) or Code("set()"),
        "JupyterHub.authenticator_class": Code(method.authenticator) if auth.method == "native" else method.authenticator,
    }
    for name in ("manage_groups", "enable_auth_state", "auto_login"):
        if getattr(auth, name):
            found[f"Authenticator.{name}"] = True
    traits = dict(method.defaults)
    for path, trait in method.traits.items():
        if value := option(auth, path):
            traits[trait] = set(value) if trait.startswith(("allowed_", "admin_")) else list(value) if isinstance(value, tuple) else value
    if method.oauth:
        traits |= of_oauth(auth, public_url, traits)
    elif auth.method in OTHERS:
        more, special = OTHERS[auth.method](auth, public_url)
        traits |= more
        found |= special
    section = method.section or found["JupyterHub.authenticator_class"].rpartition(".")[2]
    return found | {f"{section}.{trait}": value for trait, value in traits.items()}


def of_oauth(auth: Auth, public_url: str, traits: t.Mapping[str, t.Any]) -> Settings:
    """Return what the methods of oauthenticator are told besides their own options."""
    method = METHODS[auth.method]
    found = credentials(auth, public_url)
    if auth.ca_file:
        found["http_request_kwargs"] = {"ca_certs": f"{FILES}/secrets/auth_ca"}
    if auth.manage_groups:
        claim = f"{method.groups_key.partition('.')[0]}.{auth.groups_claim}" if auth.groups_claim else method.groups_key
        found["auth_state_groups_key"] = TEAMS if auth.method == "github" else claim
    if auth.method == "google":
        found |= of_google(auth)
    elif not own_groups(auth):
        found |= {name: set(getattr(auth, name)) for name in ("allowed_groups", "admin_groups") if getattr(auth, name)}
    if auth.method == "github" and auth.manage_groups:
        found["populate_teams_in_auth_state"] = True
    if auth.method == "github" and (auth.manage_groups or auth.allowed_organizations):
        found["scope"] = list(dict.fromkeys((*traits.get("scope", ()), "read:org")))
    return found


def credentials(auth: Auth, public_url: str) -> Settings:
    """Return what every class of oauthenticator is told of the registration besides its ID."""
    return {"client_secret": Code("secret('oauth_client_secret')"), "oauth_callback_url": auth.callback_url or f"{public_url}hub/oauth_callback"}


def of_google(auth: Auth) -> Settings:
    """Return groups of Google by their domains."""
    found: Settings = {}
    domains: dict[str, None] = {}
    for name in ("allowed_groups", "admin_groups"):
        groups: dict[str, set[str]] = {}
        for address in getattr(auth, name):
            group, _at, domain = address.partition("@")
            groups.setdefault(domain, set()).add(group)
            domains[domain] = None
        if groups:
            found[name.replace("groups", "google_groups")] = groups
    if domains:
        found["google_service_account_keys"] = dict.fromkeys(domains, f"{FILES}/secrets/google_service_account")
        found["gsuite_administrator"] = dict.fromkeys(domains, auth.google.administrator)
    return found


ATTRIBUTE = re.compile(r"\(\s*([A-Za-z][A-Za-z0-9-]*)[:<>~]?[^()]*=")
"""What a part of a search filter asks for (RFC 4515)."""


def of_ldap(auth: Auth, _public_url: str) -> tuple[Settings, Settings]:
    ldap = auth.ldap
    # By itself ldap3 would take any certificate.
    found: Settings = {"tls_kwargs": {"validate": Code("ssl.CERT_REQUIRED")}} if ldap.tls_strategy != "insecure" else {}
    if auth.ca_file:
        found["tls_kwargs"]["ca_certs_file"] = f"{FILES}/secrets/auth_ca"
    if ldap.group_search_filter:
        # A directory that does not know the others refuses to be asked for them.
        found["group_attributes"] = [*dict.fromkeys(ATTRIBUTE.findall(ldap.group_search_filter))]
    if ldap.lookup_dn:
        found["lookup_dn_user_dn_attribute"] = ldap.lookup_dn_user_dn_attribute or ldap.user_attribute
    if ldap.lookup_dn_search_user:
        found["lookup_dn_search_password"] = Code("secret('ldap_password')")
    if groups := [*dict.fromkeys((*auth.allowed_groups, *auth.admin_groups))]:
        found["allowed_groups"] = groups
    if programs(auth):
        found["post_auth_hook"] = Code(f"ldap_groups.hook({sorted(auth.admin_groups)!r}, manage_groups={auth.manage_groups!r})")
    return found, {}


def of_lti(auth: Auth, public_url: str) -> tuple[Settings, Settings]:
    lti = auth.lti
    found: Settings = {"uri_scheme": public_url.partition(":")[0]}
    if lti.version == "1.1":
        found |= {"consumers": Code("json.loads(secret('lti_consumers'))"), "username_key": lti.username_key or "user_id"}
    else:
        found |= {"client_id": set(lti.client_ids), "issuer": lti.issuer, "authorize_url": lti.authorize_url, "jwks_endpoint": lti.jwks_endpoint}
        found["username_key"] = lti.username_key or "email"
    digits = lti.version.replace(".", "")
    return found, {"JupyterHub.authenticator_class": f"ltiauthenticator.lti{digits}.auth.LTI{digits}Authenticator"}


def of_native(auth: Auth, _public_url: str) -> tuple[Settings, Settings]:
    native = auth.native
    names = ("check_common_password", "allowed_failed_logins", "seconds_before_next_try", "ask_email_on_signup", "allow_2fa")
    found: Settings = {"enable_signup": native.signup != "closed", "open_signup": native.signup == "open"}
    return found | {name: getattr(native, name) for name in names} | {"first_admin_password": Code("secret('admin_password')")}, {}


def of_firstuse(auth: Auth, _public_url: str) -> tuple[Settings, Settings]:
    # It keeps the first password of a name before JupyterHub asks whether that name is allowed: nobody may choose the password of one who is added later.
    return {"create_users": auth.allow_all}, {}


def of_shared_password(_auth: Auth, _public_url: str) -> tuple[Settings, Settings]:
    return {name: Code(f"secret({name!r})") for name in ("user_password", "admin_password")}, {}


def of_custom(auth: Auth, public_url: str) -> tuple[Settings, Settings]:
    found: Settings = {"client_id": auth.client_id} | credentials(auth, public_url) if auth.client_id else {}
    return found, {"JupyterHub.authenticator_class": auth.custom_class}


OTHERS: dict[str, t.Callable[[Auth, str], tuple[Settings, Settings]]] = {
    "ldap": of_ldap,
    "lti": of_lti,
    "native": of_native,
    "firstuse": of_firstuse,
    "shared_password": of_shared_password,
    "custom": of_custom,
}
"""What a method sets on its own class, and on others."""


def imports(auth: Auth) -> str:
    """Return what the settings import, as lines of Python."""
    return "import ssl\n" if auth.method == "ldap" and auth.ldap.tls_strategy != "insecure" else ""


def prelude(auth: Auth) -> str:
    """Return the Python that stands before the settings: programs beside the configuration, imported."""
    names = [name.removesuffix(".py") for name in programs(auth)]
    lines = ["sys.path.insert(0, str(FILES))", *(f"import {name}" for name in names)]
    return "# What logging in needs besides its package.\n" + "\n".join(lines) + "\n" if names else ""
