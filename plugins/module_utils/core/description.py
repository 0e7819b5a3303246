# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The description of a hub: every variable that a user may set, its type, its default, what it means.

The classes are the topics (``jupyterhub_spawner`` is :class:`Spawner`); :class:`Hub` holds them all. Checks that need more than one
topic are in :mod:`validation`.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .schema import build, option

Size = str
"""An amount of memory: a number and one of the units K, M, G, T (powers of 1024), as in ``1.5G``."""


@dataclasses.dataclass(frozen=True)
class Tls:
    """Who ends TLS, and with which certificate."""

    mode: t.Literal["letsencrypt", "self_signed", "provided", "secret", "cert_manager", "external", "none"] = option(
        "self_signed",
        "C(letsencrypt) gets the certificate from Let's Encrypt or another ACME server with certbot (see P(vdsg.jupyterhub.certbot#role)); "
        "C(self_signed) makes a small certificate authority, keeps it, and signs the hub's certificate with it; C(provided) takes your files; "
        "C(secret), on Kubernetes, takes a Secret that is there, and C(cert_manager) has cert-manager make one; "
        "C(external) serves plain HTTP to something in front that ends TLS; C(none) serves plain HTTP and says so.",
        example="letsencrypt",
    )
    certificate: str = option(
        "", "Path on the controller of the certificate with its chain (PEM), for mode C(provided).", example="files/hub.example.org/fullchain.pem"
    )
    key: str = option("", "Path on the controller of the private key (PEM; may be encrypted with ansible-vault).", example="files/hub.example.org/privkey.pem")
    names: tuple[str, ...] = option(
        (),
        "Further host names that a C(letsencrypt) or C(self_signed) certificate is for; C(self_signed) takes addresses, too. With "
        "C(letsencrypt) a wildcard needs C(certbot_challenge=dns).",
        example=["jupyter.example.org"],
    )
    subdomains: bool = option(
        False,
        "Give the server of each person a host name of its own below O(jupyterhub_domain), which keeps what people run from each other's browsers. The "
        "certificate is for C(*.DOMAIN), too, and the DNS must lead that wildcard to the hub.",
        example=True,
    )
    hsts: bool = option(
        False, "Tell browsers to use nothing but HTTPS for this host; not with C(self_signed) or C(none), where it locks people out.", example=True
    )


@dataclasses.dataclass(frozen=True)
class Oidc:
    """Where an OpenID provider answers; its C(/.well-known/openid-configuration) tells these addresses."""

    authorize_url: str = option(
        "", "Where people log in (C(authorization_endpoint)).", example="https://id.example.org/realms/lab/protocol/openid-connect/auth"
    )
    token_url: str = option("", "Where the hub gets tokens (C(token_endpoint)).", example="https://id.example.org/realms/lab/protocol/openid-connect/token")
    userdata_url: str = option(
        "", "Where the hub asks who it is (C(userinfo_endpoint)).", example="https://id.example.org/realms/lab/protocol/openid-connect/userinfo"
    )


@dataclasses.dataclass(frozen=True)
class Google:
    """What only Google knows."""

    hosted_domain: tuple[str, ...] = option(
        (), "Domains of Google Workspace: nobody else may log in. With one, names lose their C(@domain).", example=["example.org"]
    )
    service_account_key: str = option(
        "", "Path on the controller of the JSON key of a service account that may read groups, for groups of Google.", example="secrets/service_account.json"
    )
    administrator: str = option("", "Name, without its domain, of the Workspace administrator for whom that account acts.", example="admin")
    include_nested_groups: bool = option(False, "Whether members of a group in a group count.", example=True)


@dataclasses.dataclass(frozen=True)
class Globus:
    """What only Globus knows."""

    identity_provider: str = option("", "Domain of the institution: nobody else may log in.", example="uni.example.org")
    username_from_email: bool = option(False, "Whether names are those of mail addresses, not Globus's preferred ones.", example=True)


@dataclasses.dataclass(frozen=True)
class Ldap:
    """How people are found in a directory. Names are those of jupyterhub-ldapauthenticator."""

    server_address: str = option("", "Host name or address of the server.", example="ldap.example.org")
    server_port: int = option(0, "Port. Default: 636 with O(jupyterhub_auth.ldap.tls_strategy=on_connect), else 389.", example=389)
    tls_strategy: t.Literal["before_bind", "on_connect", "insecure"] = option(
        "before_bind",
        "C(before_bind) is StartTLS, C(on_connect) is LDAPS, C(insecure) sends passwords for all to read. The server's certificate is verified.",
        example="on_connect",
    )
    bind_dn_template: tuple[str, ...] = option(
        (), "Where people are: distinguished names with C({username}), tried one after the other.", example=["uid={username},ou=people,dc=example,dc=org"]
    )
    lookup_dn: bool = option(False, "Look people up instead, with the five options that follow.", example=True)
    lookup_dn_search_user: str = option("", "Distinguished name of the account that looks up. Default: anonymous.", example="cn=reader,dc=example,dc=org")
    lookup_dn_search_password: str = option(
        "", "Password of that account; it goes into a file that only the hub reads.", secret=True, example="from ansible-vault"
    )
    user_search_base: str = option("", "Where people are looked up.", example="ou=people,dc=example,dc=org")
    user_attribute: str = option("", "Attribute that is what people type: C(uid), or C(sAMAccountName) with Active Directory.", example="uid")
    lookup_dn_user_dn_attribute: str = option("", "Attribute that names a person. Default: O(jupyterhub_auth.ldap.user_attribute).", example="cn")
    search_filter: str = option("", "Nobody logs in whom this does not find; C({userattr}) and C({username}) are filled in.", example="({userattr}={username})")
    group_search_filter: str = option(
        "",
        "How a group is asked for a member. Default: by C(member), C(uniqueMember) and C(memberUid), where a directory knows all three.",
        example="(memberUid={uid})",
    )


@dataclasses.dataclass(frozen=True)
class Lti:
    """What a learning platform (Moodle, Canvas, Open edX…) and the hub know of each other."""

    version: t.Literal["1.3", "1.1"] = option("1.3", "Version of LTI: 1.1 only for platforms that cannot do better.", example="1.3")
    client_ids: tuple[str, ...] = option((), "1.3: the client IDs that the platform gave the hub.", example=["125900000000000081"])
    issuer: str = option("", "1.3: the platform's issuer.", example="https://canvas.instructure.com")
    authorize_url: str = option("", "1.3: the platform's authorization endpoint.", example="https://sso.canvaslms.com/api/lti/authorize_redirect")
    jwks_endpoint: str = option("", "1.3: where the platform's public keys are.", example="https://sso.canvaslms.com/api/lti/security/jwks")
    consumers: dict[str, str] = option(
        {}, "1.1: shared secrets by consumer key; they go into a file that only the hub reads.", secret=True, example={"moodle": "from ansible-vault"}
    )
    username_key: str = option("", "What of a launch is the name. Default: C(email) with 1.3, C(user_id) with 1.1.", example="lis_person_contact_email_primary")


@dataclasses.dataclass(frozen=True)
class Native:
    """How people sign up at the hub itself."""

    signup: t.Literal["approval", "open", "closed"] = option(
        "approval",
        "C(approval): whoever signs up waits for an admin, except who is in O(jupyterhub_users); C(open): nobody waits; C(closed): nobody signs up any more.",
        example="open",
    )
    check_common_password: bool = option(True, "Refuse passwords that everybody knows.", example=False)
    allowed_failed_logins: int = option(10, "Wrong passwords after which a name is locked for a while; 0 never locks.", example=5)
    seconds_before_next_try: int = option(600, "How long it is locked.", example=60)
    ask_email_on_signup: bool = option(False, "Ask for a mail address, which admins see.", example=True)
    allow_2fa: bool = option(False, "Offer one-time passwords.", example=True)


Method = t.Literal[
    "github",
    "gitlab",
    "google",
    "azuread",
    "oidc",
    "openshift",
    "cilogon",
    "auth0",
    "bitbucket",
    "globus",
    "ldap",
    "lti",
    "native",
    "pam",
    "firstuse",
    "shared_password",
    "tmp",
    "dummy",
    "custom",
]


@dataclasses.dataclass(frozen=True)
class Auth:
    """Who may log in, and how they prove who they are. Which option is for which method is in :mod:`authentication`."""

    method: Method = option(
        "github",
        "C(github), C(gitlab), C(google), C(azuread), C(openshift), C(cilogon), C(auth0), C(bitbucket), C(globus), C(oidc) (any OpenID provider); "
        "C(ldap); C(lti) (a learning platform); C(native) (people sign up), C(firstuse) (the first password counts), C(pam) (a list of passwords' hashes); "
        "C(shared_password) (one password for users, one for admins); C(tmp) (everybody is somebody new), C(dummy) (any password: tests only); "
        "C(custom) (any Authenticator class; its traits go to O(jupyterhub_config)).",
        example="github",
    )
    allow_all: bool = option(False, "Let everybody in whom the method knows. Never the default.", example=False)
    allow_existing_users: bool | None = option(
        None,
        "Let in whom an admin added on the admin page, and whoever was in before. Default: true, unless groups or organizations are let in: "
        "who leaves one would stay. With false only the lists of this description count.",
        example=True,
    )
    allowed_groups: tuple[str, ...] = option(
        (),
        "Members of these groups may log in, besides the people listed: the hub's groups with O(jupyterhub_auth.manage_groups), groups of GitLab, addresses "
        "of Google's, Globus's IDs, distinguished names of LDAP's.",
        example=["course-2026"],
    )
    admin_groups: tuple[str, ...] = option((), "Members of these groups may log in and are admins; others are not, unless they are listed.", example=["staff"])
    manage_groups: bool = option(False, "The hub's groups are those that the provider tells at each login; O(jupyterhub_groups) must be empty.", example=True)
    groups_claim: str = option("", "What in the provider's answer are the groups. Default: C(groups).", example="realm_access.roles")
    blocked_users: tuple[str, ...] = option((), "People who may not log in whatever else says so.", example=["mallory"])
    client_id: str = option(
        "", "Client ID of the OAuth application. Default: the environment's C(GITHUB_CLIENT_ID) or the like.", example="Iv1.8a61f9b3a7aba766"
    )
    client_secret: str = option(
        "",
        "Client secret of the OAuth application. Default: the environment's C(GITHUB_CLIENT_SECRET) or the like. It goes into a file that only the hub reads.",
        secret=True,
        example="from ansible-vault",
    )
    client_secret_file: str = option("", "Path on the controller of a file with nothing but the client secret.", example="secrets/oauth_client_secret")
    callback_url: str = option(
        "",
        "Address that the provider sends people back to. Default: the environment's C(OAUTH_CALLBACK_URL), else C(https://DOMAIN/hub/oauth_callback).",
        example="https://hub.example.org/hub/oauth_callback",
    )
    env_file: str = option(
        "",
        "Path on the controller of an C(oauth.env) file with C(GITHUB_CLIENT_ID), C(GITHUB_CLIENT_SECRET), C(OAUTH_CALLBACK_URL) or the like.",
        example="secrets/oauth.env",
    )
    scope: tuple[str, ...] = option((), "What the hub asks the provider for. Default: what the method needs.", example=["openid", "email", "groups"])
    username_claim: str = option(
        "", "What in the provider's answer is the name. Default: C(preferred_username) with C(oidc), C(upn) with C(azuread).", example="email"
    )
    login_service: str = option("", "What the button says after C(Sign in with). Default: the provider's name.", example="University of Vienna")
    auto_login: bool = option(False, "Send people to the provider without a button.", example=True)
    logout_redirect_url: str = option("", "Where people are sent after they logged out.", example="https://id.example.org/logout")
    enable_auth_state: bool = option(
        False, "Keep the provider's tokens, encrypted: groups are then asked for again while people work, and hooks may use the tokens.", example=True
    )
    ca_file: str = option(
        "", "Path on the controller of the certificates (PEM) of the authorities that the provider's or directory's is signed by.", example="files/ca.pem"
    )
    github_url: str = option("https://github.com", "Address of GitHub, or of a GitHub Enterprise server.", example="https://github.example.org")
    allowed_organizations: tuple[str, ...] = option(
        (),
        "Members of these GitHub organizations (or C(organization:team)) or Bitbucket workspaces may log in, besides the people listed.",
        example=["vdsg", "vdsg:teachers"],
    )
    gitlab_url: str = option("https://gitlab.com", "Address of GitLab.", example="https://gitlab.example.org")
    tenant_id: str = option("", "For C(azuread): the tenant. Default: the environment's C(AAD_TENANT_ID).", example="8a7c0b6e-0000-4000-8000-1234567890ab")
    openshift_url: str = option("", "For C(openshift): address of the cluster's API.", example="https://api.cluster.example.org:6443")
    auth0_domain: str = option("", "For C(auth0): the domain of the tenant. Default: the environment's C(AUTH0_DOMAIN).", example="lab.eu.auth0.com")
    idps: dict[str, dict[str, t.Any]] = option(
        {},
        "For C(cilogon): the institutions by their entity IDs, as oauthenticator has them.",
        example={"https://github.com/login/oauth/authorize": {"username_derivation": {"username_claim": "preferred_username"}}},
    )
    oidc: Oidc = option({}, "For C(oidc): where the provider answers.", example={"authorize_url": "https://id.example.org/auth"})
    google: Google = option({}, "For C(google).", example={"hosted_domain": ["example.org"]})
    globus: Globus = option({}, "For C(globus).", example={"identity_provider": "uni.example.org"})
    ldap: Ldap = option({}, "For C(ldap).", example={"server_address": "ldap.example.org"})
    lti: Lti = option({}, "For C(lti).", example={"issuer": "https://canvas.instructure.com"})
    native: Native = option({}, "For C(native).", example={"signup": "open"})
    min_password_length: int = option(8, "For C(native) and C(firstuse): characters that a password must have.", example=12)
    password_file: str = option(
        "", "For C(pam): path on the controller of a file with C(name:hash) on each line (C(openssl passwd -6) makes a hash).", example="secrets/passwords"
    )
    password_hashes: dict[str, str] = option(
        {}, "For C(pam): hashes by name, besides or instead of the file.", secret=True, example={"jenny": "from ansible-vault"}
    )
    user_password: str = option(
        "", "For C(shared_password): what users type, at least 8 characters. Default: made once and kept.", secret=True, example="from ansible-vault"
    )
    admin_password: str = option(
        "",
        "For C(shared_password): what admins type, at least 32 characters. For C(native): the first password of the listed admins. "
        "Default: made once and kept.",
        secret=True,
        example="from ansible-vault",
    )
    custom_class: str = option(
        "",
        "For C(custom): the class, C(module.Class); its package goes to O(jupyterhub_images.hub_pip).",
        example="oauthenticator.mediawiki.MWOAuthenticator",
    )
    acknowledge_insecure: bool = option(
        False,
        "C(dummy) lets anybody be anybody and C(tmp) lets everybody in, which is refused outside of a loopback address, and LDAP without TLS shows passwords, "
        "unless this says that you know.",
        example=False,
    )


@dataclasses.dataclass(frozen=True)
class User:
    """A person who may log in."""

    name: str = option(description="Name at the hub (lower case: that is how JupyterHub compares names).", example="geoheil")
    admin: bool = option(False, "Whether the person may manage users and servers.", example=True)
    groups: tuple[str, ...] = option((), "Groups that the person is in, besides those of O(jupyterhub_groups) that name the person.", example=["course"])


@dataclasses.dataclass(frozen=True)
class Reference:
    """A value that is kept elsewhere: it is in no file but the one that only the hub reads."""

    secret: str = option("", "Name of a secret of O(jupyterhub_extra_secrets).", example="course_database")
    file: str = option("", "Path on the controller of a file whose text is the value (may be encrypted with ansible-vault).", example="files/licence.txt")
    field: str = option("", "On Kubernetes, in environments of servers: field of the server's own pod.", example="spec.nodeName")


Environment = dict[str, "str | Reference"]
"""Environment variables: texts, and references such as ``{secret: course_database}``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spawner:
    """The server that each person gets."""

    image: str = option(
        "",
        "Image of the servers. Default: with O(jupyterhub_images.source=registry) the pinned jupyter/scipy-notebook, else an image of our own.",
        example="quay.io/jupyter/scipy-notebook:hub-6.1.1",
    )
    cmd: tuple[str, ...] = option((), "Command that starts the server. Default: C(jupyterhub-singleuser).", example=["start-singleuser.sh"])
    args: tuple[str, ...] = option((), "Further arguments of the command.", example=["--ServerApp.max_body_size=1073741824"])
    cpu_limit: float | None = option(None, "Processors that a server may use at most.", example=2)
    cpu_guarantee: float | None = option(None, "Processors that a server gets when all want some.", example=0.5)
    mem_limit: Size | None = option(None, "Memory that a server may use at most.", example="2G")
    mem_guarantee: Size | None = option(None, "Memory that is kept free for a server.", example="512M")
    shm_size: Size | None = option(None, "Size of C(/dev/shm), which counts as memory. Default: the engine's 64M.", example="1G")
    pids_limit: int = option(1024, "Processes and threads that a server may have at most.", example=2048)
    gpu: int | None = option(None, "GPUs that a server gets for itself: of O(jupyterhub_spawner.gpus), elsewhere of its node.", example=1)
    gpus: tuple[str, ...] = option(
        (),
        "GPUs of the host that servers may have, by number or UUID (C(nvidia-smi -L)); each is in one server at a time. On a swarm and on Kubernetes the "
        "nodes say what they have.",
        example=["0", "1"],
    )
    supplemental_gids: tuple[int, ...] = option((), "Further groups that the processes of a server are in, by number; never 0.", example=[100])
    environment: Environment = option(
        {},
        "Environment variables of the servers. A value may be a reference, C({secret: NAME}) or C({file: PATH}), on Kubernetes C({field: PATH}) of the "
        "pod, too; the owner of a server can read all of them.",
        example={"TZ": "Europe/Vienna", "COURSE_DATABASE": {"secret": "course_database"}},
    )
    default_url: str = option("/lab", "What people see first.", example="/lab")
    notebook_dir: str = option(
        "",
        "Directory that the server shows, which must exist; C(~) is the home directory of the image's user. Default: O(jupyterhub_storage.mount_path).",
        example="~/work",
    )
    start_timeout: int = option(120, "Seconds until a server must have started.", example=300)
    http_timeout: int = option(60, "Seconds until a started server must answer.", example=120)
    max_running: int = option(0, "Servers that may run at the same time; 0 is no limit.", example=50)
    max_running_per_user: int = option(0, "Servers that one person may have running at the same time; 0 is no limit.", example=2)
    named_servers: int = option(0, "Further servers, with names of their own, that each person may have; 0 is none.", example=3)
    concurrent_starts: int = option(20, "Servers that may be starting at the same time.", example=10)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Named:
    """Something that people choose by its name."""

    name: str = option(description="What people read, and what the API calls it.", example="Python, large")
    description: str = option("", "One more sentence for them.", example="8 GB of memory, for the course on deep learning")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What a choice says of the server; what it does not say is as O(jupyterhub_spawner) has it."""

    image: str = option("", "Image of the server.", example="quay.io/jupyter/pytorch-notebook:hub-6.1.1")
    cmd: tuple[str, ...] = option((), "Command that starts the server.", example=["start-singleuser.sh"])
    cpu_limit: float | None = option(None, "Processors that the server may use at most.", example=4)
    cpu_guarantee: float | None = option(None, "Processors that the server gets when all want some.", example=1)
    mem_limit: Size | None = option(None, "Memory that the server may use at most.", example="8G")
    mem_guarantee: Size | None = option(None, "Memory that is kept free for the server.", example="4G")
    shm_size: Size | None = option(None, "Size of C(/dev/shm), which counts as memory.", example="2G")
    gpu: int | None = option(None, "GPUs that the server gets for itself: of O(jupyterhub_spawner.gpus), elsewhere of its node.", example=1)
    supplemental_gids: tuple[int, ...] = option((), "Further groups that the processes of the server are in, by number.", example=[100])
    volumes: tuple[str, ...] = option(
        (), "Names of those of O(jupyterhub_storage.extra_volumes) with C(servers: profiles) that the server gets.", example=["scratch"]
    )
    environment: Environment = option({}, "Environment variables besides those of O(jupyterhub_spawner.environment).", example={"OMP_NUM_THREADS": "4"})
    default_url: str = option("", "What people see first.", example="/tree")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice(ServerSettings, Named):
    """One of the values of an option."""

    default: bool = option(False, "Whether this is chosen beforehand. Without any, the first is.", example=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProfileOption:
    """One more thing to choose within a profile."""

    name: str = option(description="What the API calls it.", example="size")
    title: str = option("", "What people read. Default: the name.", example="How large")
    choices: tuple[Choice, ...] = option(
        description="What it may be.", example=[{"name": "small", "mem_limit": "2G"}, {"name": "large", "mem_limit": "8G", "cpu_limit": 4}]
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Profile(ServerSettings, Named):
    """One choice on the page that people see before their server starts."""

    default: bool = option(False, "Whether this is chosen beforehand. Without any, the first is.", example=True)
    options: tuple[ProfileOption, ...] = option(
        (), "What else there is to choose with this profile.", example=[{"name": "size", "choices": [{"name": "small"}, {"name": "large", "mem_limit": "8G"}]}]
    )
    allowed_users: tuple[str, ...] | None = option(None, "People who may have this profile. Without this and allowed_groups, everybody may.", example=["jenny"])
    allowed_groups: tuple[str, ...] | None = option(None, "Groups whose members may have this profile.", example=["deep-learning"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class SharedFolder:
    """A folder that groups share."""

    name: str = option(description="Name of the folder, and of its volume after C(NAME-shared-).", example="course")
    write_groups: tuple[str, ...] = option((), "Groups whose members read and write it.", example=["teachers"])
    read_groups: tuple[str, ...] = option((), "Groups whose members read it.", example=["students"])
    everybody: t.Literal["none", "read", "write"] = option(
        "none", "What people may do who are in none of these groups; with C(none) they do not see it.", example="read"
    )
    mount_path: str = option(
        "", "Where it is seen in servers. Default: C(shared/NAME) below O(jupyterhub_storage.mount_path).", example="/home/jovyan/work/course"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtraVolume:
    """A further volume of servers, or of the hub."""

    name: str = option(description="Name that profiles use.", example="datasets")
    type: t.Literal["volume", "bind", "nfs", "scratch"] = option(
        description="C(volume) is a volume of the engine that exists (on Kubernetes a PersistentVolumeClaim), C(bind) a directory of the engine's host, "
        "C(nfs) an export of a file server, C(scratch) is memory that each server has for itself and that is gone with it.",
        example="volume",
    )
    source: str = option(
        "", "Name of the volume, path of the directory, or C(HOST:/EXPORT); nothing with C(scratch).", example="nfs.example.org:/export/datasets"
    )
    options: str = option("", "With C(nfs): options of the mount. Default: C(nfsvers=4,soft).", example="nfsvers=4.2,hard")
    size: Size = option("", "With C(scratch): how large it may be; it counts as memory of the server.", example="512M")
    mount_path: str = option(description="Where it is seen.", example="/srv/datasets")
    read_only: bool = option(False, "Whether it can only be read.", example=True)
    servers: t.Literal["all", "profiles", "none"] = option(
        "all", "C(all) servers have it, or those whose profile or choice has its name in C(volumes), or none.", example="profiles"
    )
    hub: bool = option(False, "Whether the hub has it, too, at the same path.", example=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Content:
    """A git repository that people find in their home."""

    repository: str = option(description="Address of the repository, as servers reach it; without a password.", example="https://git.example.org/course.git")
    branch: str = option("", "Branch or tag. Default: the repository's own.", example="2026")
    directory: str = option("", "Directory for it, below O(jupyterhub_storage.mount_path). Default: the name of the repository.", example="course")


@dataclasses.dataclass(frozen=True)
class Storage:
    """Where people's files are kept."""

    type: t.Literal["volume", "none"] = option(
        "volume", "C(volume): one volume for each person, kept for ever; C(none): gone with the server.", example="volume"
    )
    mount_path: str = option("/home/jovyan/work", "Where the volume is seen in the server.", example="/home/jovyan/work")
    volume_name_template: str = option(
        "{name}-user-{username}",
        "Name of a person's volume; C({name}) is O(jupyterhub_name), C({username}) the escaped name.",
        example="{name}-user-{username}",
    )
    shared_folders: tuple[SharedFolder, ...] = option(
        (), "Folders that groups share.", example=[{"name": "course", "write_groups": ["teachers"], "read_groups": ["students"]}]
    )
    extra_volumes: tuple[ExtraVolume, ...] = option(
        (), "Further volumes of servers and of the hub.", example=[{"name": "scratch", "type": "scratch", "size": "512M", "mount_path": "/scratch"}]
    )
    content: tuple[Content, ...] = option(
        (),
        "Git repositories that are pulled into a person's home before each start of a server; what the person changed stays.",
        example=[{"repository": "https://git.example.org/course.git"}],
    )
    seed: str = option(
        "", "Directory of the servers' image; files in it that a person's home does not have are copied there before each start.", example="/opt/course"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtraFile:
    """A file of yours in servers, or in the hub."""

    path: str = option(description="Where it is; in the hub below C(/etc/jupyterhub).", example="/etc/jupyter/jupyter_server_config.d/course.json")
    content: str | Reference = option(
        description="Its text, or a reference to a text, C({file: PATH}) or C({secret: NAME}), which no file but that one has.",
        example={"file": "files/course.json"},
    )
    mode: str = option("0444", "Its mode; it belongs to root in servers, to the hub in the hub.", example="0555")
    servers: bool = option(True, "Whether servers have it.", example=False)
    hub: bool = option(False, "Whether the hub has it.", example=True)


@dataclasses.dataclass(frozen=True)
class Database:
    """Where the hub keeps users, tokens and servers."""

    type: t.Literal["sqlite", "postgresql", "mysql"] = option(
        "sqlite", "C(sqlite) is a file on the hub's data volume; the others are servers that you run.", example="postgresql"
    )
    host: str = option("", "Host name or address of the database server, as the hub sees it.", example="db.example.org")
    port: int = option(0, "Port. Default: 5432 or 3306.", example=5432)
    name: str = option("jupyterhub", "Name of the database.", example="jupyterhub")
    user: str = option("jupyterhub", "Name to log in with.", example="jupyterhub")
    password: str = option("", "Password; it goes into a file that only the hub reads.", secret=True, example="from ansible-vault")
    network: str = option("", "Docker network on which the database server is, if it is a container; the hub joins it.", example="postgres")


@dataclasses.dataclass(frozen=True)
class KernelCulling:
    """When a kernel or a terminal inside a server is stopped, while the server goes on."""

    idle_timeout: int = option(0, "Seconds without activity after which a kernel or a terminal is stopped; 0 is never.", example=3600)
    interval: int = option(300, "Seconds between two looks.", example=60)
    connected: bool = option(False, "Whether kernels are stopped that somebody has open in a browser.", example=True)
    busy: bool = option(False, "Whether kernels are stopped that are computing.", example=True)


@dataclasses.dataclass(frozen=True)
class Culling:
    """When a server that nobody uses is stopped."""

    enabled: bool = option(True, "Whether idle servers are stopped at all.", example=True)
    idle_timeout: int = option(3600, "Seconds without activity after which a server is stopped; at least 60.", example=7200)
    max_age: int = option(0, "Seconds after which a server is stopped even if it is in use; 0 is never.", example=604800)
    interval: int = option(300, "Seconds between two looks.", example=300)
    remove_named_servers: bool = option(False, "Whether a named server that is stopped leaves the list of its owner, too.", example=True)
    users: bool = option(
        False, "Whether people who are idle for as long leave the hub, too; for hubs where everybody is somebody new. Files stay.", example=True
    )
    admins: bool = option(False, "Whether admins leave with O(jupyterhub_culling.users), too.", example=False)
    kernels: KernelCulling = option({}, "When a kernel or a terminal inside a server is stopped.", example={"idle_timeout": 3600})


@dataclasses.dataclass(frozen=True)
class Service:
    """A program that uses the hub's API; its token is made once and kept."""

    REFUSED: t.ClassVar[dict[str, str]] = {
        "admin": "JupyterHub has no such thing any more; name the scopes that the service needs in jupyterhub_roles",
        "user": "the hub is not root and cannot run anything as somebody else; leave it out",
        "oauth_roles": "JupyterHub has no such thing any more; use oauth_client_allowed_scopes",
    }

    name: str = option(description="Name of the service.", example="grader")
    url: str = option("", "Address of the service, if the hub shall proxy it at C(/services/NAME/).", example="http://grader:10101")
    command: tuple[str, ...] = option((), "Command, if the hub shall run it.", example=["python3", "-m", "grader"])
    cwd: str = option("", "Directory in which the hub runs the command.", example="/srv/jupyterhub")
    environment: Environment = option(
        {}, "Environment variables of the command; a value may be a reference.", example={"COURSE": "101", "LICENCE": {"file": "files/licence.txt"}}
    )
    api_token: str = option(
        "", "Token of the service, 8 to 64 characters. Default: made once and kept, as C(service_NAME_token).", secret=True, example="from ansible-vault"
    )
    display: bool = option(True, "Whether it is in the menu of the hub's pages.", example=True)
    info: dict[str, t.Any] = option({}, "Anything that the hub's API shall say of the service.", example={"course": "101"})
    timeout: int = option(30, "Seconds until the service must answer at its address.", example=60)
    oauth_no_confirm: bool = option(False, "Whether people are not asked before the service learns who they are.", example=True)
    oauth_client_id: str = option("", "Name of the service in OAuth, C(service-) and more. Default: C(service-NAME).", example="service-grader")
    oauth_redirect_uri: str = option(
        "", "Where people are sent back to. Default: C(/services/NAME/oauth_callback).", example="https://grader.example.org/oauth_callback"
    )
    oauth_client_allowed_scopes: tuple[str, ...] = option((), "What the service may do in the name of those who log in to it.", example=["read:users!user"])


@dataclasses.dataclass(frozen=True)
class Role:
    """What users, groups and services may do."""

    name: str = option(description="Name of the role.", example="grader")
    description: str = option("", "What it is for.", example="Reads who is in the course")
    scopes: tuple[str, ...] = option((), "JupyterHub's scopes.", example=["list:users", "read:users:activity"])
    users: tuple[str, ...] = option((), "People who have it.", example=["jenny"])
    groups: tuple[str, ...] = option((), "Groups that have it.", example=["teachers"])
    services: tuple[str, ...] = option((), "Services that have it.", example=["grader"])


@dataclasses.dataclass(frozen=True)
class Look:
    """How the hub's own pages look, and what they announce."""

    logo: str = option(
        "",
        "Path on the controller of an image (PNG, SVG, JPEG, GIF or WebP) in place of JupyterHub's; 40 pixels of height are shown.",
        example="files/logo.svg",
    )
    announcement: str = option("", "What every page says at its top; it may have HTML. A change restarts nothing.", example="The hub is new. Welcome!")
    announcement_login: str = option("", "What the login page says instead.", example="Use the account of the university.")
    announcement_home: str = option("", "What the page with one's own servers says instead.", example="Unused servers are stopped after an hour.")
    announcement_spawn: str = option("", "What the page says instead on which a server is chosen.", example="Large servers are for the course.")
    announcement_logout: str = option("", "What the page says instead that people see last.", example="See you.")
    templates: str = option(
        "", "Path on the controller of a directory with templates (C(page.html), C(login.html)…) in place of JupyterHub's.", example="files/templates"
    )
    template_vars: dict[str, t.Any] = option({}, "Variables for the templates.", example={"contact": "help@example.org"})


@dataclasses.dataclass(frozen=True)
class Monitoring:
    """What a Prometheus server is let in for."""

    enabled: bool = option(
        False, "Make the service C(prometheus), whose token, in the secret C(service_prometheus_token), reads C(/hub/metrics) and nothing else.", example=True
    )


@dataclasses.dataclass(frozen=True)
class Check:
    """How check.yml tries the hub."""

    options: dict[str, t.Any] = option({}, "What is chosen for the server, at a hub with O(jupyterhub_profiles).", example={"profile": "Small"})
    timeout: int = option(300, "Seconds until all of it must have worked.", example=600)


@dataclasses.dataclass(frozen=True)
class Maintenance:
    """What maintenance.yml does, as long as it is asked to."""

    enabled: bool = option(True, "Whether maintenance begins, or goes on; C(false) ends it.", example=False)
    announcement: str = option("", "What every page says; it may have HTML. Default: that no servers can be started for now.", example="Back at noon.")
    servers: t.Literal["keep", "wait", "stop"] = option(
        "keep", "What happens to servers that run: C(keep) leaves them alone, C(wait) waits until they are stopped, C(stop) stops them.", example="wait"
    )
    timeout: int = option(600, "Seconds until no server must run any more, with C(wait) and C(stop).", example=3600)


@dataclasses.dataclass(frozen=True)
class Registry:
    """A registry that asks who one is."""

    url: str = option("", "Host (and port) of the registry.", example="registry.example.org:5000")
    username: str = option("", "Name to log in with.", example="deployer")
    password: str = option("", "Password to log in with.", secret=True, example="from ansible-vault")


@dataclasses.dataclass(frozen=True)
class Mirrors:
    """Where packages come from when images are built."""

    pip: str = option("", "Index of Python packages. Default: pip's.", example="https://pypi.example.org/simple")
    npm: str = option("", "Registry of npm packages. Default: npm's.", example="https://npm.example.org")
    apt: str = option("", "Mirror of Debian's packages. Default: Debian's.", example="http://mirror.example.org/debian")


@dataclasses.dataclass(frozen=True)
class Images:
    """Where the images come from, and what is in those that we build."""

    source: t.Literal["registry", "build", "bootstrap", "auto"] = option(
        "registry",
        "C(registry) pulls what exists and builds the hub's image on a pulled base; C(build) builds all of them on a pulled base; C(bootstrap) makes the base "
        "from Debian's packages, so that no registry is needed; C(auto) is C(registry) if one answers, else C(bootstrap), and says which.",
        example="bootstrap",
    )
    base: str = option("", "Image that ours are built on (Debian 12). Default: debian:bookworm-slim.", example="registry.example.org/debian:bookworm-slim")
    hub: str = option("", "A hub image of your own, instead of building one.", example="registry.example.org/hub:6.1.1")
    proxy: str = option("", "Image of configurable-http-proxy. Default: by O(jupyterhub_images.source).", example="registry.example.org/chp:5.3.0")
    edge: str = option("", "Image of nginx. Default: by O(jupyterhub_images.source).", example="registry.example.org/nginx:1.28")
    hub_pip: tuple[str, ...] = option((), "Further Python packages of the hub image, pinned.", example=["mwoauth==0.4.0"])
    hub_apt: tuple[str, ...] = option((), "Further Debian packages of the hub image.", example=["libsasl2-modules"])
    user_pip: tuple[str, ...] = option((), "Python packages of the user image that we build, pinned.", example=["scipy==1.17.1", "pandas==3.0.6"])
    user_apt: tuple[str, ...] = option((), "Debian packages of the user image that we build.", example=["git", "graphviz"])
    user_repository: str = option(
        "",
        "Git repository that the user image is built from: its Dockerfile (C(ARG BASE_IMAGE) is our user image), or its content and requirements.txt on top.",
        example="https://git.example.org/course.git",
    )
    user_repository_version: str = option("HEAD", "Branch, tag or commit of it.", example="v1.2")
    registry: Registry = option({}, "Registry to log in to before pulling.", example={"url": "registry.example.org", "username": "deployer"})
    ca_bundle: str = option(
        "",
        "Path on the host of a file with the certificate authorities that package downloads must trust while images are built.",
        example="/etc/ssl/certs/ca-certificates.crt",
    )
    mirrors: Mirrors = option({}, "Where packages come from when images are built.", example={"pip": "https://pypi.example.org/simple"})


@dataclasses.dataclass(frozen=True)
class Egress:
    """A destination that user servers may reach although it is in a private range."""

    cidr: str = option(description="Addresses.", example="10.1.2.3/32")
    ports: tuple[int, ...] = option((), "Ports; none means all.", example=[5432])
    protocol: t.Literal["tcp", "udp"] = option("tcp", "Protocol.", example="tcp")


@dataclasses.dataclass(frozen=True)
class Network:
    """Addresses and ports, and what user servers may reach."""

    bind_address: str = option("0.0.0.0", "Address of the host that the hub listens on.", example="127.0.0.1")
    http_port: int = option(80, "Port for HTTP: it redirects to HTTPS, or serves the hub when O(jupyterhub_tls.mode) is C(external) or C(none).", example=8080)
    https_port: int = option(443, "Port for HTTPS.", example=8443)
    users_subnet: str = option(
        "",
        "Addresses of the user servers' network; half of it is theirs. Default: the first free /21 of 172.16.0.0/16, kept from then on.",
        example="10.77.0.0/20",
    )
    egress: t.Literal["internet", "none"] = option(
        "internet",
        "What user servers reach besides the hub: C(internet) is every public address, C(none) nothing. Private ranges are closed in both.",
        example="none",
    )
    egress_allow: tuple[Egress, ...] = option((), "Private destinations that user servers may reach.", example=[{"cidr": "10.1.2.3/32", "ports": [5432]}])
    max_upload: Size = option("1G", "Largest request that the edge lets through.", example="4G")


@dataclasses.dataclass(frozen=True)
class Hub:
    """A whole hub. A field is the variable of the same name with ``jupyterhub_`` before it."""

    name: str = option(
        "jupyterhub", "Name of the hub: label of everything that is created, prefix of most. Several hubs on one host have several names.", example="vdsg"
    )
    domain: str = option("localhost", "Host name that people type.", example="hub.vdsg.at")
    tls: Tls = option({}, "Who ends TLS, and with which certificate.", example={"mode": "self_signed"})
    auth: Auth = option({}, "Who may log in, and how they prove who they are.", example={"method": "github", "client_id": "Iv1.8a61f9b3a7aba766"})
    users: tuple[User, ...] = option((), "People who may log in. At least one is an admin.", example=[{"name": "geoheil", "admin": True}])
    userlist: str = option(
        "", "Path on the controller of a file with C(name) or C(name admin) on each line, instead of or besides O(jupyterhub_users).", example="userlist"
    )
    spawner: Spawner = option({}, "The server that each person gets.", example={"mem_limit": "2G", "cpu_limit": 1})
    profiles: tuple[Profile, ...] = option((), "What people may choose from before their server starts.", example=[{"name": "Large", "mem_limit": "8G"}])
    storage: Storage = option({}, "Where people's files are kept.", example={"type": "volume"})
    database: Database = option({}, "Where the hub keeps users, tokens and servers.", example={"type": "sqlite"})
    culling: Culling = option({}, "When a server that nobody uses is stopped.", example={"idle_timeout": 7200})
    services: tuple[Service, ...] = option((), "Programs that use the hub's API.", example=[{"name": "grader"}])
    roles: tuple[Role, ...] = option(
        (), "What users, groups and services may do.", example=[{"name": "grader", "scopes": ["list:users"], "services": ["grader"]}]
    )
    groups: dict[str, tuple[str, ...]] = option(
        {}, "Groups and who is in them. A group lets nobody in: members whom the hub does not know join when it does.", example={"teachers": ["jenny"]}
    )
    look: Look = option({}, "How the hub's own pages look, and what they announce.", example={"announcement": "The hub is new. Welcome!"})
    monitoring: Monitoring = option({}, "What a Prometheus server is let in for.", example={"enabled": True})
    check: Check = option({}, "How check.yml tries the hub.", example={"timeout": 600})
    maintenance: Maintenance = option({}, "What maintenance.yml does; for one run, with C(-e).", example={"servers": "wait"})
    images: Images = option({}, "Where the images come from, and what is in those that we build.", example={"source": "registry"})
    network: Network = option({}, "Addresses and ports, and what user servers may reach.", example={"bind_address": "127.0.0.1", "https_port": 8443})
    config: dict[str, dict[str, t.Any]] = option(
        {}, "Any trait of any class, as C({Class: {trait: value}}).", example={"JupyterHub": {"shutdown_on_logout": True}}
    )
    extra_config: dict[str, str] = option(
        {},
        "Python that is run after our configuration, in pieces, in the order of their names.",
        example={"10-hello": "c.JupyterHub.template_vars = {'announcement': 'Hello'}"},
    )
    extra_secrets: dict[str, str] = option(
        {},
        "Further secrets by their names, each in a file that only the hub reads; the function C(secret) of O(jupyterhub_extra_config) returns one by its name.",
        secret=True,
        example={"ldap_password": "from ansible-vault"},
    )
    extra_files: tuple[ExtraFile, ...] = option(
        (), "Files of yours in servers and in the hub.", example=[{"path": "/etc/motd", "content": "Exam on Friday", "mode": "0444"}]
    )
    rotate_secrets: tuple[str, ...] = option((), "Names of secrets that this run makes anew; for one run, with C(-e).", example=["proxy_token"])
    remove_data: bool = option(
        False, "Whether remove.yml also deletes the hub's database, its secrets and everybody's files; for one run, with C(-e).", example=False
    )

    @classmethod
    def from_variables(cls, variables: t.Mapping[str, t.Any]) -> Hub:
        """Return the hub that variables named ``jupyterhub_…`` describe; raise DescriptionError for the first thing that is wrong."""
        return t.cast(Hub, from_variables(cls, variables, "jupyterhub_"))


@dataclasses.dataclass(frozen=True)
class DockerCompose:
    """What only the target docker_compose knows. A field is the variable of the same name with ``docker_compose_`` before it."""

    project_dir: str = option(
        "", "Directory on the host that holds the compose project and the secrets. Default: C(/srv/jupyterhub/NAME).", example="/srv/jupyterhub/vdsg"
    )
    docker_host: str = option("", "Engine to use, if not the host's own.", example="ssh://root@hub.example.org")
    docker_context: str = option("", "Docker context to use, if not the current one.", example="lab")
    install_engine: bool = option(False, "Install and start a Docker Engine with compose v2 if the host has none (Debian and Ubuntu).", example=True)
    wait_timeout: int = option(180, "Seconds until everything must be healthy.", example=300)
    min_free_disk: float = option(5.0, "Gigabytes that must be free where the engine keeps its images.", example=20)

    @classmethod
    def from_variables(cls, variables: t.Mapping[str, t.Any]) -> DockerCompose:
        """Return the settings that variables named ``docker_compose_…`` describe; raise DescriptionError for the first thing that is wrong."""
        return t.cast(DockerCompose, from_variables(cls, variables, "docker_compose_"))


@dataclasses.dataclass(frozen=True)
class SwarmSharedFolders:
    """Where the folders of C(jupyterhub_storage.shared_folders) are: a volume that is the same on each node."""

    volume_driver: str = option("", "Driver of their volumes. Default: O(swarm_volume_driver) and its options.", example="local")
    volume_driver_options: dict[str, str] = option(
        {},
        "Options of the driver; C({volume}) is the volume's name.",
        example={"type": "nfs", "o": "addr=10.0.0.5,rw,nfsvers=4", "device": ":/export/{volume}"},
    )


@dataclasses.dataclass(frozen=True)
class Swarm:
    """What only the target swarm knows. A field is the variable of the same name with ``swarm_`` before it."""

    project_dir: str = option(
        "", "Directory on the host that holds the stack's files and the secrets. Default: C(/srv/jupyterhub/NAME).", example="/srv/jupyterhub/vdsg"
    )
    docker_host: str = option("", "Engine of a manager to use, if not the host's own.", example="ssh://root@manager.example.org")
    docker_context: str = option("", "Docker context to use, if not the current one.", example="lab")
    init: bool = option(False, "Whether an engine that is in no swarm becomes the manager of a new one.", example=True)
    advertise_addr: str = option("", "Address that the other nodes of a new swarm reach this one at. Default: the engine's choice.", example="10.0.0.1")
    wait_timeout: int = option(300, "Seconds until everything must run.", example=600)
    min_free_disk: float = option(5.0, "Gigabytes that must be free where the engine keeps its images.", example=20)
    push_to: str = option(
        "",
        "Registry (and path) that images are pushed to for the other nodes, with credentials of C(jupyterhub_images.registry); needed where they are built.",
        example="registry.example.org:5000/jupyterhub",
    )
    entry: t.Literal["host", "mesh"] = option(
        "host",
        "C(host): the ports are those of the hub's node; C(mesh): each node answers, which needs IPVS in the kernel and hides browsers' addresses.",
        example="mesh",
    )
    encrypted: bool = option(False, "Whether what passes between nodes is encrypted (IPsec); for nodes without a network of their own.", example=True)
    server_constraints: tuple[str, ...] = option((), "Where user servers may be, in Swarm's words.", example=["node.role == worker", "node.labels.gpu == true"])
    volume_driver: str = option(
        "",
        "Driver of people's volumes. Default: the engine's own, whose volumes stay on their node; a person's servers then go where the first one was.",
        example="local",
    )
    volume_driver_options: dict[str, str] = option(
        {},
        "Options of the driver, which make a volume that is the same on each node; C({volume}) is the volume's name.",
        example={"type": "nfs", "o": "addr=10.0.0.5,rw,nfsvers=4", "device": ":/export/{volume}"},
    )
    shared_folders: SwarmSharedFolders = option({}, "Where shared folders are.", example={"volume_driver": "local", "volume_driver_options": {"type": "nfs"}})
    gpu_resource: str = option("NVIDIA-GPU", "Generic resource of nodes that C(jupyterhub_spawner.gpu) and C(gpu) of profiles count.", example="gpu")
    nameservers: tuple[str, ...] = option(
        (), "Name servers that user servers may ask, where /etc/resolv.conf of the nodes names none but a loopback address.", example=["10.0.0.53"]
    )

    @classmethod
    def from_variables(cls, variables: t.Mapping[str, t.Any]) -> Swarm:
        """Return the settings that variables named ``swarm_…`` describe; raise DescriptionError for the first thing that is wrong."""
        return t.cast(Swarm, from_variables(cls, variables, "swarm_"))


@dataclasses.dataclass(frozen=True)
class K8sService:
    """How the hub is reached from outside of the cluster, where no Ingress leads to it."""

    type: t.Literal["ClusterIP", "NodePort", "LoadBalancer"] = option("ClusterIP", "Type of the Service C(proxy-public).", example="LoadBalancer")
    annotations: dict[str, str] = option({}, "Annotations, which providers of load balancers read.", example={"example.org/internal": "true"})
    load_balancer_source_ranges: tuple[str, ...] = option((), "Addresses that the load balancer lets in. Default: all.", example=["192.0.2.0/24"])


@dataclasses.dataclass(frozen=True)
class K8sIngress:
    """Whether and how an Ingress leads to the hub; it then ends TLS."""

    enabled: bool = option(False, "Whether there is one.", example=True)
    class_name: str = option("", "Ingress class. Default: the cluster's.", example="nginx")
    annotations: dict[str, str] = option({}, "Annotations, which Ingress controllers read.", example={"nginx.ingress.kubernetes.io/proxy-body-size": "1g"})


@dataclasses.dataclass(frozen=True)
class K8sGateway:
    """Whether and how an HTTPRoute of the Gateway API leads to the hub, through a Gateway that is there; TLS ends at that."""

    enabled: bool = option(False, "Whether there is one.", example=True)
    name: str = option("", "Name of the Gateway.", example="public")
    namespace: str = option("", "Namespace of the Gateway. Default: the hub's.", example="gateways")
    section_name: str = option("", "Listener of the Gateway. Default: all that take the domain.", example="https")


@dataclasses.dataclass(frozen=True)
class K8sImagePuller:
    """Whether each node pulls the images of people's servers before anybody starts one."""

    enabled: bool = option(False, "Whether a DaemonSet does that.", example=True)
    images: tuple[str, ...] = option((), "Further images.", example=["registry.example.org/large:1"])


@dataclasses.dataclass(frozen=True)
class K8sStorage:
    """Where people's files are, when C(jupyterhub_storage.type) is C(volume): a PersistentVolumeClaim for each person, or one for all."""

    class_name: str = option("", "Storage class. Default: the cluster's.", example="fast")
    capacity: Size = option("10G", "Size of each person's claim.", example="20G")
    access_modes: tuple[str, ...] = option(("ReadWriteOnce",), "Access modes of each person's claim.", example=["ReadWriteMany"])
    labels: dict[str, str] = option({}, "Further labels of each person's claim.", example={"backup": "daily"})
    existing_claim: str = option("", "Claim that is there and that all people share, each in a directory of it; no claims are made then.", example="home-nfs")
    sub_path: str = option("{username}", "Directory of a person in O(k8s_storage.existing_claim).", example="home/{username}")


@dataclasses.dataclass(frozen=True)
class K8sSharedFolders:
    """Where the folders of C(jupyterhub_storage.shared_folders) are: one claim, of which each is a directory."""

    class_name: str = option("", "Storage class of its claim. Default: the cluster's.", example="nfs")
    capacity: Size = option("10G", "Size of its claim.", example="100G")
    access_modes: tuple[str, ...] = option(
        ("ReadWriteMany",), "Access modes of its claim; C(ReadWriteOnce) does where all servers run on one node.", example=["ReadWriteOnce"]
    )
    existing_claim: str = option("", "Claim that is there; none is made then.", example="course-nfs")
    sub_path: str = option("{folder}", "Directory of a folder in the claim.", example="shared/{folder}")


@dataclasses.dataclass(frozen=True)
class K8sDatabase:
    """Where the hub's sqlite database is."""

    class_name: str = option("", "Storage class of its claim. Default: the cluster's.", example="fast")
    capacity: Size = option("1G", "Size of its claim.", example="5G")


@dataclasses.dataclass(frozen=True)
class K8sPods:
    """What only Kubernetes knows of the pods of people's servers; for all else there is C(jupyterhub_config.KubeSpawner)."""

    uid: int = option(1000, "User that the servers run as; never 0.", example=1000)
    fs_gid: int = option(100, "Group that people's volumes belong to.", example=100)
    service_account: str = option("", "Service account of the servers, whose token they get. Default: none, and no token.", example="spark")
    node_selector: dict[str, str] = option({}, "Labels that a node must have.", example={"hub.jupyter.org/node-purpose": "user"})
    tolerations: tuple[dict[str, t.Any], ...] = option((), "Taints of nodes that servers put up with.", example=[{"key": "gpu", "operator": "Exists"}])
    priority_class: str = option("", "Priority class, which must be there.", example="notebooks")
    labels: dict[str, str] = option({}, "Further labels.", example={"department": "physics"})
    annotations: dict[str, str] = option({}, "Further annotations.", example={"example.org/cost": "teaching"})
    extra_resource_limits: dict[str, str] = option({}, "Limits of resources that are neither memory nor processors.", example={"nvidia.com/gpu": "1"})
    extra_resource_guarantees: dict[str, str] = option({}, "Requests of such resources.", example={"nvidia.com/gpu": "1"})
    gpu_resource: str = option("nvidia.com/gpu", "Resource that C(jupyterhub_spawner.gpu) and C(gpu) of profiles count.", example="amd.com/gpu")
    events_enabled: bool = option(True, "Whether people see what the cluster does while their server starts.", example=False)


@dataclasses.dataclass(frozen=True)
class K8s:
    """What only the target k8s knows. A field is the variable of the same name with ``k8s_`` before it."""

    kubeconfig: str = option("", "Path on the host of the kubeconfig. Default: C(KUBECONFIG), else C(~/.kube/config).", example="/home/jovyan/.kube/config")
    context: str = option("", "Context of the kubeconfig. Required, unless O(k8s_in_cluster): the current one is never taken by accident.", example="lab")
    in_cluster: bool = option(False, "Whether Ansible itself runs in a pod of the cluster and uses that pod's service account.", example=True)
    namespace: str = option("", "Namespace. Default: C(jupyterhub_name).", example="jupyterhub")
    create_namespace: bool = option(False, "Whether the namespace is made if it is not there, which enforces restricted Pod Security then.", example=True)
    name_prefix: bool = option(False, "Whether all names begin with C(jupyterhub_name), for several hubs in one namespace.", example=True)
    service_account: str = option("", "Service account for the hub that is there and bound. Default: one is made, with a Role.", example="hub")
    service: K8sService = option({}, "How the hub is reached from outside.", example={"type": "LoadBalancer"})
    ingress: K8sIngress = option({}, "Whether and how an Ingress leads to the hub.", example={"enabled": True, "class_name": "nginx"})
    gateway: K8sGateway = option({}, "Whether and how an HTTPRoute leads to the hub.", example={"enabled": True, "name": "public", "namespace": "gateways"})
    tls_secret: str = option("", "Secret of type kubernetes.io/tls that is there, for C(jupyterhub_tls.mode=secret).", example="hub-tls")
    certificate_issuer: str = option("", "Issuer of cert-manager, for C(jupyterhub_tls.mode=cert_manager).", example="letsencrypt")
    certificate_issuer_kind: t.Literal["Issuer", "ClusterIssuer"] = option("ClusterIssuer", "Kind of the issuer.", example="Issuer")
    storage: K8sStorage = option({}, "Where people's files are.", example={"capacity": "20G", "class_name": "fast"})
    shared_folders: K8sSharedFolders = option({}, "Where shared folders are.", example={"capacity": "100G", "class_name": "nfs"})
    database: K8sDatabase = option({}, "Where the hub's sqlite database is.", example={"capacity": "5G"})
    pods: K8sPods = option({}, "What only Kubernetes knows of the pods of people's servers.", example={"node_selector": {"pool": "users"}})
    node_selector: dict[str, str] = option({}, "Labels that a node for hub, proxy and edge must have.", example={"hub.jupyter.org/node-purpose": "core"})
    tolerations: tuple[dict[str, t.Any], ...] = option(
        (), "Taints of nodes that hub, proxy and edge put up with.", example=[{"key": "core", "operator": "Exists"}]
    )
    resources: dict[str, dict[str, dict[str, str]]] = option(
        {},
        "Requests and limits of C(hub), C(proxy), C(edge) and C(image-puller), in Kubernetes' words; a namespace with a quota wants them.",
        example={"hub": {"requests": {"cpu": "200m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}}},
    )
    disruption_budgets: bool = option(False, "Whether a drain of a node waits for hub, proxy and edge, until somebody deletes their pods.", example=True)
    image_puller: K8sImagePuller = option({}, "Whether each node pulls the images of people's servers beforehand.", example={"enabled": True})
    image_pull_policy: t.Literal["IfNotPresent", "Always", "Never"] = option("IfNotPresent", "When images are pulled.", example="Always")
    image_pull_secrets: tuple[str, ...] = option((), "Secrets that are there, for registries that ask who one is.", example=["registry"])
    manifests_dir: str = option(
        "",
        "Directory on the host that the manifests are written into instead of being applied, for C(kubectl apply -f) and GitOps. Its Secrets are of mode 0600.",
        example="/srv/manifests/lab",
    )
    wait_timeout: int = option(300, "Seconds until everything must be ready.", example=600)

    @property
    def behind(self) -> bool:
        """Whether something of the cluster is in front, which also ends TLS."""
        return self.ingress.enabled or self.gateway.enabled


@dataclasses.dataclass(frozen=True)
class Certbot:
    """How certificates are got from an ACME server, and when they are renewed. A field is the variable of the same name with ``certbot_`` before it."""

    email: str = option("", "Address that the ACME server writes to about the account. Default: none is given.", example="admin@example.org")
    server: str = option("", "Directory URL of the ACME server. Default: Let's Encrypt's.", example="https://acme.example.org/directory")
    staging: bool = option(
        False, "Use Let's Encrypt's staging server: no limits worth mentioning, and certificates that no browser trusts. For trials.", example=True
    )
    ca_file: str = option(
        "", "Path on the controller of the certificates of the authorities that the ACME server's own HTTPS is trusted by.", example="files/ca.pem"
    )
    eab_kid: str = option("", "Key identifier of an external account binding, if the ACME server wants one.", example="kid-1")
    eab_hmac_key: str = option("", "HMAC key of that binding (base64url).", secret=True, example="from ansible-vault")
    challenge: t.Literal["webroot", "standalone", "dns"] = option(
        "webroot",
        "How the ACME server is shown whose name it is. C(webroot): over HTTP, through the edge, which starts with a certificate of its own; C(standalone): "
        "certbot itself answers over HTTP before the hub starts for the first time, the edge from then on; C(dns): by a record that a plugin of certbot makes.",
        example="dns",
    )
    dns_plugin: str = option("", "Plugin for C(dns): what stands behind C(certbot-dns-) in its name.", example="cloudflare")
    dns_credentials: dict[str, str] = option(
        {},
        "Settings of the plugin's credentials file; they go into a file that only certbot reads.",
        secret=True,
        example={"dns_cloudflare_api_token": "from ansible-vault"},
    )
    dns_propagation_seconds: int = option(0, "Seconds that the plugin waits until the record is everywhere. Default: the plugin's.", example=60)
    key_type: t.Literal["ecdsa", "rsa"] = option("ecdsa", "Kind of key.", example="rsa")
    cert_name: str = option("", "Name of the certificate in certbot's directory. Default: C(jupyterhub_domain).", example="hub.example.org-0001")
    runs_in: t.Literal["container", "host"] = option(
        "container", "Where certbot runs: C(container) needs nothing on the host, C(host) takes the certbot that is installed there.", example="host"
    )
    config_dir: str = option(
        "",
        "Directory of the host with accounts, keys and certificates; one that certbot made before is taken over as it is. Default: a volume of the engine, "
        "C(NAME-letsencrypt); C(/etc/letsencrypt) with O(certbot_runs_in=host).",
        example="/etc/letsencrypt",
    )
    image: str = option("", "Image of certbot. Default: by C(jupyterhub_images.source).", example="registry.example.org/certbot:v5.8.0")
    timeout: int = option(300, "Seconds after which a run of certbot is given up, and for which another run is waited for.", example=600)
    force_renewal: bool = option(False, "Get a new certificate although the old one is not due; for one run, with C(-e).", example=True)
    metrics_file: str = option(
        "", "Path on the host of a file for Prometheus' textfile collector that says when the certificate expires.", example="/var/lib/node_exporter/hub.prom"
    )
    schedule: t.Literal["none", "cron", "systemd"] = option(
        "none", "What runs C(renew_certs.yml) regularly: an entry in C(/etc/cron.d), a systemd timer, or nothing that is installed from here.", example="cron"
    )
    schedule_on: t.Literal["controller", "host"] = option(
        "controller", "Where that is installed. On the host it needs Ansible, this collection and the inventory there.", example="host"
    )
    schedule_command: str = option(
        "", "Command that is run. Default: ansible-playbook with the inventories of this run, if there are any.", example="/usr/local/bin/renew-certificates"
    )
    schedule_user: str = option("root", "User who runs it.", example="ansible")
    schedule_time: str = option(
        "", "When: five fields of cron, or systemd's C(OnCalendar). Default: twice a day, at a minute that the hub's name decides.", example="23 3,15 * * *"
    )

    @classmethod
    def from_variables(cls, variables: t.Mapping[str, t.Any]) -> Certbot:
        """Return the settings that variables named ``certbot_…`` describe; raise DescriptionError for the first thing that is wrong."""
        return t.cast(Certbot, from_variables(cls, variables, "certbot_"))


def from_variables(cls: type, variables: t.Mapping[str, t.Any], prefix: str) -> t.Any:
    """Return the dataclass whose fields are the variables that begin with the prefix."""
    return build(cls, {name.removeprefix(prefix): value for name, value in variables.items() if name.startswith(prefix)}, prefix)
