# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every method of logging in: what it is rendered to, what its image gets, where its credentials come from, what is refused."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import os
import re
import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import authentication, authentication_checks, images, passwords, project, secrets, versions
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.authentication import METHODS
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Auth, Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import secret_files
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ENGINE, AUTHENTICATION, GITHUB, GOLDEN, HASH, PROGRAMS, SIMPLE, example, hub, resolved

EXAMPLE_IDS = [f"{found['jupyterhub_auth']['method']}-{number}" for number, found in enumerate(AUTHENTICATION)]
URL = "https://hub.example.org/"
SECRET = re.compile(r"hush")
OAUTH = {"client_id": "id", "client_secret": "hush"}
OIDC: dict[str, t.Any] = {"method": "oidc", **OAUTH, "oidc": {"authorize_url": "https://id/a", "token_url": "https://id/t", "userdata_url": "https://id/u"}}
LDAP: dict[str, t.Any] = {"method": "ldap", "ldap": {"server_address": "ldap", "bind_dn_template": ["uid={username},dc=x"]}}
LTI: dict[str, t.Any] = {
    "method": "lti",
    "lti": {"client_ids": ["1"], "issuer": "https://lms", "authorize_url": "https://lms/a", "jwks_endpoint": "https://lms/k"},
}
IDPS = {"https://idp.example.org/shibboleth": {"username_derivation": {"username_claim": "eppn"}}}


def settings(**topics: t.Any) -> dict[str, t.Any]:
    """Return the traits of a hub without those that every hub has."""
    found = authentication.settings(hub(**topics), URL)
    return {name: value for name, value in found.items() if name.partition(".")[0] not in ("Authenticator", "JupyterHub")}


# --- the guide


def test_the_guide_has_an_example_of_every_method() -> None:
    assert {found["jupyterhub_auth"]["method"] for found in AUTHENTICATION} == set(METHODS) - {"dummy"}


@pytest.mark.parametrize("found", AUTHENTICATION, ids=EXAMPLE_IDS)
def test_an_example_of_the_guide_is_a_hub(found: dict[str, t.Any]) -> None:
    made = example(found)
    files = project.render(made.hub, ENGINE, PROGRAMS, {}).files
    compile(files["hub/jupyterhub_config.py"], "jupyterhub_config.py", "exec")
    again = Hub.from_variables(json.loads(json.dumps(made.variables)))
    assert again == made.hub
    for text in (repr(made.variables), *files.values()):
        assert not SECRET.search(text)
    for secret in secrets.wanted(made.hub, made.secrets):
        assert secret.kind != "given" or made.secrets[secret.name]
    assert set(made.secrets) <= {secret.name for secret in secrets.wanted(made.hub, made.secrets)}, "nothing that was given is left lying"


@pytest.mark.parametrize("found", AUTHENTICATION, ids=EXAMPLE_IDS)
def test_every_secret_that_is_read_is_delivered(found: dict[str, t.Any]) -> None:
    made = example(found).hub
    config = project.config(made, ENGINE)
    delivered = secret_files(made)["hub"]
    read = {f"secrets/{name}" for name in re.findall(r"secret\('(\w+)'\)", config)} | set(re.findall(r"/etc/jupyterhub/(secrets/\w+)", config))
    assert read <= set(delivered)


# --- what it is rendered to


def test_the_rendered_methods_are_golden() -> None:
    """All examples in one file, for people to read; `UPDATE_GOLDEN=1` writes it anew."""
    parts = []
    for name, found in zip(EXAMPLE_IDS, AUTHENTICATION, strict=True):
        text = project.config(example(found).hub, ENGINE)
        programs = "".join(re.findall(r"# What logging in needs.*?\n\n", text, re.DOTALL))
        parts.append(f"## {name}\n{programs}{text[text.index('# Who may log in.') : text.index('# Every server')]}")
    golden = GOLDEN / "authentication.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text("".join(parts))
    assert "".join(parts) == golden.read_text()


def test_the_table_is_about_options_and_packages_that_exist() -> None:
    names = {field.name for field in dataclasses.fields(Auth)}
    assert set(METHODS) == set(t.get_args(t.get_type_hints(Auth)["method"]))
    for method in METHODS.values():
        assert set(method.options) <= names
        paths = {*method.required, *method.traits, *method.environment}
        assert {path.partition(".")[0] for path in paths} <= {*method.options}
        assert all(authentication.option(authentication.DEFAULTS, path) is not None for path in paths)
        assert set(method.packages) <= set(versions.OPTIONAL_PACKAGES)
    used = {option for method in METHODS.values() for option in method.options}
    assert names == used | set(authentication.COMMON), "every option is for some method"


def test_nobody_gets_in_who_is_not_named() -> None:
    for name, method in METHODS.items():
        made = next((example(found).hub for found in AUTHENTICATION if found["jupyterhub_auth"]["method"] == name), None)
        if made and not made.auth.allow_all:
            assert authentication.settings(made, URL)["Authenticator.allow_all"] is (name in ("native", "tmp")), method


EXISTING = [
    ({"method": "shared_password"}, True),
    ({"method": "shared_password", "allow_existing_users": False}, False),
    ({"method": "github", **OAUTH, "allowed_organizations": ["vdsg"]}, False),
    ({"method": "github", **OAUTH, "allowed_organizations": ["vdsg"], "allow_existing_users": True}, True),
    ({**OIDC, "manage_groups": True}, True),
    ({**OIDC, "manage_groups": True, "allowed_groups": ["x"]}, False),
    ({**OIDC, "manage_groups": True, "admin_groups": ["x"]}, False),
    ({"method": "cilogon", **OAUTH, "idps": IDPS}, True),
    ({"method": "cilogon", **OAUTH, "idps": {"urn:x": {"username_derivation": {"username_claim": "eppn"}, "allow_all": True}}}, False),
]


@pytest.mark.parametrize(("auth", "stays"), EXISTING, ids=[str(auth) for auth, _stays in EXISTING])
def test_who_leaves_a_group_does_not_stay_in(auth: dict[str, t.Any], stays: bool) -> None:
    made = hub(auth=auth)
    assert authentication.settings(made, URL)["Authenticator.allow_existing_users"] is stays
    # Whom a running hub is given may log in there only if existing users may.
    assert ("userlist.json" in authentication.reloaded(made.auth)) is stays


def test_a_change_of_the_list_restarts_a_hub_that_would_not_notice() -> None:
    def digest(people: list[str], **auth: t.Any) -> str:
        users = [{"name": "geoheil", "admin": True}, *({"name": name} for name in people)]
        files = project.render(hub(auth={"method": "shared_password", **auth}, users=users), ENGINE, PROGRAMS, {})
        return files.digests["hub"]

    assert digest(["jenny"]) == digest(["bob"])
    assert digest(["jenny"], allow_existing_users=False) != digest(["bob"], allow_existing_users=False)


def test_passwords_of_pam_are_read_at_each_login() -> None:
    made = example({"jupyterhub_auth": {"method": "pam", "password_file": "secrets/passwords"}}).hub
    one, two = (project.render(made, ENGINE, PROGRAMS, {"pam_passwords": value, "pam_users": value}).digests for value in ("a", "b"))
    assert one == two


def test_groups_of_a_directory_and_of_google_are_named_as_they_are_there() -> None:
    google = settings(
        auth={
            "method": "google",
            **OAUTH,
            "google": {"service_account_key": "key.json", "administrator": "admin"},
            "allowed_groups": ["a@x.org", "b@x.org", "a@y.org"],
            "admin_groups": ["staff@x.org"],
        }
    )
    assert google["GoogleOAuthenticator.allowed_google_groups"] == {"x.org": {"a", "b"}, "y.org": {"a"}}
    assert google["GoogleOAuthenticator.admin_google_groups"] == {"x.org": {"staff"}}
    assert set(google["GoogleOAuthenticator.google_service_account_keys"]) == {"x.org", "y.org"}
    ldap = settings(auth={**LDAP, "allowed_groups": ["cn=a"], "admin_groups": ["cn=b", "cn=a"]})
    assert ldap["LDAPAuthenticator.allowed_groups"] == ["cn=a", "cn=b"], "members of an admin group may log in, too"


@pytest.mark.parametrize(
    ("search", "attributes"),
    [
        ("(memberUid={uid})", ["memberUid"]),
        ("(&(objectClass=group)(|(member={userdn})(uniqueMember={userdn})))", ["objectClass", "member", "uniqueMember"]),
        ("(member:1.2.840.113556.1.4.1941:={userdn})", ["member"]),
    ],
)
def test_a_directory_is_asked_for_what_it_knows(search: str, attributes: list[str]) -> None:
    """One that does not know memberUid (no schema of NIS) answered every login with an error."""
    found = settings(auth={**LDAP, "ldap": {**LDAP["ldap"], "group_search_filter": search}})
    assert found["LDAPAuthenticator.group_attributes"] == attributes
    assert "LDAPAuthenticator.group_attributes" not in settings(auth=LDAP)


def test_a_directory_must_prove_who_it_is() -> None:
    assert settings(auth=LDAP)["LDAPAuthenticator.tls_kwargs"]["validate"] == "ssl.CERT_REQUIRED"
    assert "import ssl\n" in project.config(hub(auth=LDAP), ENGINE)
    insecure = {**LDAP, "ldap": {**LDAP["ldap"], "tls_strategy": "insecure"}, "acknowledge_insecure": True}
    assert "LDAPAuthenticator.tls_kwargs" not in settings(auth=insecure)


def test_a_claim_is_looked_for_where_the_provider_puts_it() -> None:
    found = settings(auth={**OIDC, "manage_groups": True, "groups_claim": "realm_access.roles"})
    assert found["GenericOAuthenticator.auth_state_groups_key"] == "oauth_user.realm_access.roles"
    found = settings(auth={"method": "cilogon", **OAUTH, "idps": IDPS, "manage_groups": True, "groups_claim": "isMemberOf"})
    assert found["CILogonOAuthenticator.auth_state_groups_key"] == "cilogon_user.isMemberOf"


def test_what_is_asked_for_is_asked_for_besides_what_is_needed() -> None:
    found = settings(auth={"method": "github", **OAUTH, "scope": ["user:email"], "allowed_organizations": ["vdsg"]})
    assert found["GitHubOAuthenticator.scope"] == ["user:email", "read:org"]


def test_what_is_nobodys_choice_is_no_password_of_a_stranger() -> None:
    """FirstUseAuthenticator keeps a password before JupyterHub refuses who typed it."""
    assert settings(auth={"method": "firstuse"})["FirstUseAuthenticator.create_users"] is False
    assert settings(auth={"method": "firstuse", "allow_all": True})["FirstUseAuthenticator.create_users"] is True


# --- images

PLAIN = {"github", "gitlab", "azuread", "oidc", "openshift", "cilogon", "auth0", "bitbucket", "globus", "shared_password", "dummy"}


@pytest.mark.parametrize("found", AUTHENTICATION, ids=EXAMPLE_IDS)
def test_the_image_has_what_the_method_needs_and_is_the_usual_one_otherwise(found: dict[str, t.Any]) -> None:
    name = found["jupyterhub_auth"]["method"]
    made = [image for image in images.plan(example(found).hub, "bootstrap") if image.kind == "hub"]
    usual = images.by_kind(images.plan(hub(), "bootstrap"))["hub"]
    if name == "custom":
        assert " mwoauth==0.4.0 " in made[0].files["Dockerfile"]
        return
    assert made[0].reference == usual
    more = authentication.packages(example(found).hub.auth) or METHODS[name].apt
    assert bool(more) is (len(made) == 2)
    assert not (name in PLAIN and more)
    for package in authentication.packages(example(found).hub.auth):
        assert f"{package}=={versions.OPTIONAL_PACKAGES[package]}" in made[1].files["Dockerfile"]
    if len(made) == 2:
        assert made[1].files["Dockerfile"].startswith(f"FROM {usual}\n")
        assert made[1].files["Dockerfile"].endswith("\nUSER 1000:1000\n")


def test_an_image_of_ones_own_is_taken_as_it_is() -> None:
    made = images.plan(hub(auth={"method": "firstuse"}, images={"hub": "x/hub:1"}), "bootstrap")
    assert [image.reference for image in made if image.kind == "hub"] == ["x/hub:1"]


# --- credentials


def found(variables: dict[str, t.Any], files: dict[str, str] | None = None, environment: dict[str, str] | None = None) -> t.Any:
    return resolved({**GITHUB, "jupyterhub_auth": variables}, files, environment)


def test_credentials_come_from_the_first_place_that_has_them() -> None:
    environment = {"GITLAB_CLIENT_ID": "env-id", "OAUTH_CLIENT_ID": "any-id", "OAUTH_CLIENT_SECRET": "any-secret", "GITLAB_URL": "https://git.example.org"}
    files = {"oauth.env": "GITLAB_CLIENT_SECRET=file-secret\n", "secret": "own-secret\n", "empty": "\n"}
    made = found({"method": "gitlab"}, files, environment)
    assert (made.hub.auth.client_id, made.secrets["oauth_client_secret"], made.hub.auth.gitlab_url) == ("env-id", "any-secret", "https://git.example.org")
    made = found({"method": "gitlab", "env_file": "oauth.env", "gitlab_url": "https://gitlab.example.org"}, files, environment)
    assert (made.secrets["oauth_client_secret"], made.hub.auth.gitlab_url) == ("file-secret", "https://gitlab.example.org")
    made = found({"method": "gitlab", "env_file": "oauth.env", "client_secret_file": "secret"}, files, environment)
    assert made.secrets["oauth_client_secret"] == "own-secret"
    assert "client_secret_file" not in made.variables["jupyterhub_auth"]


def test_addresses_of_a_provider_may_come_from_the_environment() -> None:
    names = {"OAUTH2_AUTHORIZE_URL": "https://id/a", "OAUTH2_TOKEN_URL": "https://id/t", "OAUTH2_USERDATA_URL": "https://id/u", "OAUTH_CLIENT_ID": "x"}
    made = found({"method": "oidc", "client_secret": "hush"}, environment=names)
    assert dataclasses.astuple(made.hub.auth.oidc) == ("https://id/a", "https://id/t", "https://id/u")


def test_secrets_of_platforms_and_directories_are_set_apart() -> None:
    made = found({"method": "lti", "lti": {"version": "1.1", "consumers": {"moodle": "hush"}}})
    assert json.loads(made.secrets["lti_consumers"]) == {"moodle": "hush"}
    lookup = {"server_address": "ldap", "lookup_dn": True, "user_search_base": "dc=x", "user_attribute": "uid", "lookup_dn_search_user": "cn=reader"}
    made = found({"method": "ldap", "ldap": {**lookup, "lookup_dn_search_password": "hush"}})
    assert made.secrets == {"ldap_password": "hush"}
    assert "hush" not in json.dumps(made.variables)


# --- lists of passwords


def test_a_list_of_passwords_has_names_and_hashes() -> None:
    text = f"\ufeff# people\n\nJenny:{HASH}\n bob:$y$j9T$abc$def:19000:0:99999:7:::\n"
    assert passwords.parse(text, "x") == {"jenny": HASH, "bob": "$y$j9T$abc$def"}


BAD_LISTS = ["jenny", "jenny:", "jenny:sesame", "jenny:$1$abc$def", f":{HASH}", "jenny:!", "jenny sesame", f"jenny:{HASH}\nJenny:{HASH}"]


@pytest.mark.parametrize("text", BAD_LISTS)
def test_a_list_of_passwords_themselves_is_refused_without_showing_one(text: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        found({"method": "pam", "password_file": "list"}, {"list": f"bob:{HASH}\n{text}\n"})
    assert re.match(r"jupyterhub_auth.password_file: line [23] of list ", str(caught.value))
    assert "sesame" not in str(caught.value) and "$" not in str(caught.value)


def test_everybody_who_is_listed_exists_for_pam() -> None:
    made = resolved({**SIMPLE, "jupyterhub_users": [{"name": "geoheil", "admin": True}, {"name": "Carol"}], "jupyterhub_auth": PAM})
    users = dict(line.split(":", 1) for line in made.secrets["pam_users"].splitlines())
    assert sorted(users) == ["carol", "geoheil", "jenny"]
    assert len({line.split(":")[1] for line in users.values()}) == 3, "each has a number of one's own"
    assert made.secrets["pam_passwords"] == f"jenny:{HASH}"


# --- what is refused

PAM: dict[str, t.Any] = {"method": "pam", "password_hashes": {"Jenny": HASH}}
TMP: dict[str, t.Any] = {"auth": {"method": "tmp", "acknowledge_insecure": True}, "users": [], "storage": {"type": "none"}}
LOOKUP: dict[str, t.Any] = {"server_address": "ldap", "lookup_dn": True, "user_search_base": "dc=x", "user_attribute": "uid"}
GOOGLE: dict[str, t.Any] = {"method": "google", **OAUTH}
BAD: list[tuple[dict[str, t.Any], str]] = [
    ({"auth": {"method": "githbu"}}, "jupyterhub_auth.method is 'githbu', which is none of its choices; did you mean github?"),
    ({"auth": {"method": "keycloak"}}, "jupyterhub_auth.method is 'keycloak', which is none of its choices; known: "),
    (
        {"auth": {"method": "shared_password", "client_id": "x"}},
        "jupyterhub_auth.client_id means nothing with jupyterhub_auth.method shared_password; it is for github",
    ),
    ({"auth": {"method": "shared_password", "allowed_organizations": ["x"]}}, "it is for github, bitbucket: set the method to that or take it away"),
    ({"auth": {"method": "github", **OAUTH, "ldap": {"server_address": "x"}}}, "jupyterhub_auth.ldap means nothing with jupyterhub_auth.method github"),
    ({"auth": {"method": "dummy", "custom_class": "a.B"}}, "jupyterhub_auth.custom_class means nothing with jupyterhub_auth.method dummy"),
    ({"auth": {"method": "gitlab", **OAUTH, "manage_groups": True}}, "jupyterhub_auth.manage_groups means nothing with jupyterhub_auth.method gitlab"),
    ({"auth": {"method": "cilogon", **OAUTH}}, "jupyterhub_auth.idps is required with jupyterhub_auth.method cilogon"),
    ({"auth": {"method": "ldap", "ldap": {"bind_dn_template": ["uid={username}"]}}}, "jupyterhub_auth.ldap.server_address is required"),
    (
        {"auth": {"method": "gitlab", **OAUTH, "gitlab_url": "gitlab.example.org"}},
        "jupyterhub_auth.gitlab_url is 'gitlab.example.org', but it must be an address",
    ),
    ({"auth": {**OIDC, "oidc": {**OIDC["oidc"], "token_url": "x"}}}, "jupyterhub_auth.oidc.token_url is 'x', but it must be an address"),
    ({"auth": {**LTI, "lti": {**LTI["lti"], "issuer": "canvas"}}}, "jupyterhub_auth.lti.issuer is 'canvas', but it must be an address"),
    ({"auth": {"method": "github", **OAUTH, "callback_url": "https://x/hub/oauth_callback"}}, "another host than jupyterhub_domain localhost"),
    ({"auth": {"method": "github", **OAUTH, "callback_url": "https://localhost/callback"}}, "its path must be /hub/oauth_callback"),
    ({"auth": {"method": "github", **OAUTH, "callback_url": "https://[localhost"}}, "which is not an address"),
    # Groups
    ({"auth": {**OIDC, "manage_groups": True}, "groups": {"x": []}}, "jupyterhub_groups cannot be used with jupyterhub_auth.manage_groups"),
    ({"auth": {**OIDC, "manage_groups": True}, "users": [{"name": "a", "admin": True, "groups": ["x"]}]}, "jupyterhub_users.groups cannot be used with"),
    ({"auth": {**OIDC, "allowed_groups": ["x"]}}, "jupyterhub_auth.allowed_groups needs jupyterhub_auth.manage_groups"),
    ({"auth": {**OIDC, "admin_groups": ["x"]}}, "jupyterhub_auth.admin_groups needs jupyterhub_auth.manage_groups"),
    ({"auth": {**OIDC, "groups_claim": "x"}}, "jupyterhub_auth.groups_claim needs jupyterhub_auth.manage_groups"),
    ({"auth": {**LDAP, "manage_groups": True}}, "jupyterhub_auth.manage_groups needs jupyterhub_auth.allowed_groups or admin_groups"),
    # Lists
    ({"auth": {"method": "github", **OAUTH, "allow_all": True, "allowed_organizations": ["x"]}}, "so that jupyterhub_auth.allowed_organizations means nothing"),
    ({"auth": {**LDAP, "allow_all": True, "allowed_groups": ["cn=x"]}}, "jupyterhub_auth.allow_all lets everybody in, so that jupyterhub_auth.allowed_groups"),
    ({"auth": {"method": "native", "allow_all": True}}, "jupyterhub_auth.native.signup says who gets in"),
    ({"auth": {"method": "shared_password", "blocked_users": ["geoheil"]}}, "jupyterhub_auth.blocked_users and jupyterhub_users both name geoheil"),
    ({**TMP, "users": [{"name": "geoheil", "admin": True}]}, "jupyterhub_users means nothing with jupyterhub_auth.method tmp"),
    ({**TMP, "storage": {}}, "jupyterhub_storage.type volume would keep a volume for ever"),
    ({"roles": [{"name": "grader", "users": ["geoheil", "Mallory"]}]}, "jupyterhub_roles gives grader to 'mallory', who could then log in"),
    (
        {"auth": {"method": "github", **OAUTH}, "config": {"GitHubOAuthenticator": {"allowed_organizations": ["x"]}}},
        "jupyterhub_config.GitHubOAuthenticator.allowed_organizations would replace what jupyterhub_auth.allowed_organizations says",
    ),
    ({"auth": {**OIDC, "manage_groups": True}, "config": {"OAuthenticator": {"admin_groups": ["x"]}}}, "use jupyterhub_auth.admin_groups"),
    (
        {"auth": {**GOOGLE}, "config": {"GoogleOAuthenticator": {"allowed_google_groups": {"x.org": ["x"]}}}},
        "would replace what jupyterhub_auth.allowed_groups says",
    ),
    (
        {"auth": {"method": "gitlab", **OAUTH}, "config": {"GitLabOAuthenticator": {"allowed_project_ids": [1]}}},
        "jupyterhub_config.GitLabOAuthenticator.allowed_project_ids lets people in who could then log in for ever",
    ),
    (
        {"auth": {"method": "custom", "custom_class": "a.B"}, "extra_config": {"10-x": "x = 1\nc.B.allowed_groups = {'x'}"}},
        "jupyterhub_extra_config.10-x: line 2: c.B.allowed_groups lets people in who could then log in for ever",
    ),
    # Insecure
    ({"auth": {"method": "dummy"}}, "jupyterhub_auth.method dummy lets anybody be anybody"),
    ({**TMP, "auth": {"method": "tmp"}}, "jupyterhub_auth.method tmp lets everybody in"),
    ({"auth": {**LDAP, "ldap": {**LDAP["ldap"], "tls_strategy": "insecure"}}}, "jupyterhub_auth.ldap.tls_strategy insecure sends passwords for all to read"),
    # Single methods
    ({"auth": {"method": "custom"}}, "jupyterhub_auth.custom_class is required with jupyterhub_auth.method custom"),
    ({"auth": {"method": "custom", "custom_class": "LDAPAuthenticator"}}, "jupyterhub_auth.custom_class is 'LDAPAuthenticator', but it must be a class"),
    ({"auth": {"method": "custom", "custom_class": "a.B", "client_secret": "x"}}, "jupyterhub_auth.client_secret is that of jupyterhub_auth.client_id"),
    ({"auth": {"method": "cilogon", **OAUTH, "idps": {"uni.example.org": {}}}}, "jupyterhub_auth.idps has 'uni.example.org', which is not an entity ID"),
    ({"auth": {"method": "cilogon", **OAUTH, "idps": {"urn:x": {"username_derivation": {}}}}}, "jupyterhub_auth.idps: urn:x needs username_derivation"),
    ({"auth": {**GOOGLE, "allowed_groups": ["course"]}}, "jupyterhub_auth.allowed_groups and admin_groups have 'course', but groups of Google are addresses"),
    ({"auth": {**GOOGLE, "allowed_groups": ["a@x.org"]}}, "jupyterhub_auth.google.service_account_key and groups"),
    ({"auth": {**GOOGLE, "google": {"administrator": "admin"}}}, "jupyterhub_auth.google.administrator and groups"),
    ({"auth": {"method": "ldap", "ldap": {"server_address": "x"}}}, "jupyterhub_auth.ldap needs either bind_dn_template or lookup_dn: true"),
    ({"auth": {**LDAP, "ldap": {**LOOKUP, "bind_dn_template": ["{username}"]}}}, "jupyterhub_auth.ldap needs either bind_dn_template or lookup_dn: true"),
    ({"auth": {**LDAP, "ldap": {"server_address": "x", "bind_dn_template": ["uid=x"]}}}, "jupyterhub_auth.ldap.bind_dn_template has 'uid=x'"),
    ({"auth": {**LDAP, "ldap": {**LDAP["ldap"], "search_filter": "(x=y)"}}}, "jupyterhub_auth.ldap.user_search_base is required"),
    ({"auth": {**LDAP, "ldap": {**LDAP["ldap"], "lookup_dn_search_user": "cn=x"}}}, "jupyterhub_auth.ldap.lookup_dn_search_user means nothing without"),
    ({"auth": {**LDAP, "ldap": {**LOOKUP, "lookup_dn_search_password": "x"}}}, "jupyterhub_auth.ldap.lookup_dn_search_password is the password of"),
    ({"auth": {**LDAP, "ldap": {**LDAP["ldap"], "server_port": 70000}}}, "jupyterhub_auth.ldap.server_port is 70000"),
    (
        {"auth": {**LDAP, "ldap": {**LDAP["ldap"], "tls_strategy": "insecure"}, "acknowledge_insecure": True, "ca_file": "x"}},
        "jupyterhub_auth.ca_file means nothing with jupyterhub_auth.ldap.tls_strategy insecure",
    ),
    ({"auth": {"method": "lti"}}, "jupyterhub_auth.lti.client_ids is required with jupyterhub_auth.lti.version 1.3"),
    ({"auth": {**LTI, "lti": {**LTI["lti"], "consumers": {"a": "b"}}}}, "jupyterhub_auth.lti.consumers is for LTI 1.1, but jupyterhub_auth.lti.version is 1.3"),
    ({"auth": {"method": "lti", "lti": {"version": "1.1", "issuer": "https://x"}}}, "jupyterhub_auth.lti.issuer is for LTI 1.3"),
    ({"auth": {"method": "firstuse", "min_password_length": 0}}, "jupyterhub_auth.min_password_length is 0"),
    # Names
    ({"users": [{"name": "..."}]}, "jupyterhub_users has the name '...', which is not a user name"),
    ({"users": [{"name": "%2e%2E"}]}, "jupyterhub_users has the name '%2e%2E'"),
    ({"users": [{"name": "a" * 256}]}, "jupyterhub_users has the name 'aaa"),
    ({"auth": {"method": "native"}, "users": [{"name": "a,b"}]}, "jupyterhub_users has the name 'a,b'"),
    ({"auth": {"method": "firstuse"}, "users": [{"name": "a b"}]}, "jupyterhub_users has the name 'a b'"),
    ({"auth": {"method": "pam"}, "users": [{"name": "a:b"}]}, "jupyterhub_users has the name 'a:b'"),
    ({"auth": LDAP, "users": [{"name": "jane@example.org"}]}, "jupyterhub_users has the name 'jane@example.org'"),
]
IDS = [ascii(message)[:100] for _topics, message in BAD]


def sentence(refuse: t.Callable[[], object]) -> str:
    with pytest.raises(DescriptionError) as caught:
        refuse()
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith(".")
    assert len(str(caught.value)) < 300
    return str(caught.value)


@pytest.mark.parametrize(("topics", "message"), BAD, ids=IDS)
def test_what_cannot_be_is_refused_in_one_sentence(topics: dict[str, t.Any], message: str) -> None:
    said = sentence(lambda: hub(**topics))
    assert message in said
    assert re.match(r"jupyterhub_(auth|users|groups|roles|storage|config|extra_config)\b", said)


BAD_GIVEN: list[tuple[dict[str, t.Any], str]] = [
    ({"method": "gitlab", "client_secret": "x"}, "jupyterhub_auth.client_id is required with jupyterhub_auth.method gitlab; register the hub"),
    (
        {"method": "gitlab", "client_id": "x"},
        "jupyterhub_auth.client_secret is required; or set jupyterhub_auth.client_secret_file, or GITLAB_CLIENT_SECRET in",
    ),
    ({"method": "azuread", **OAUTH}, "jupyterhub_auth.tenant_id is required with jupyterhub_auth.method azuread"),
    ({"method": "oidc", **OAUTH}, "jupyterhub_auth.oidc.authorize_url is required"),
    ({"method": "github", **OAUTH, "client_secret_file": "secret"}, "jupyterhub_auth.client_secret and jupyterhub_auth.client_secret_file are both set"),
    ({"method": "github", "client_id": "x", "client_secret_file": "empty"}, "jupyterhub_auth.client_secret_file is 'empty', which is empty"),
    ({"method": "github", "client_id": "x", "client_secret_file": "nowhere"}, "jupyterhub_auth.client_secret_file is 'nowhere', which cannot be read"),
    ({"method": "github", **OAUTH, "ca_file": "secret"}, "jupyterhub_auth.ca_file is 'secret', which has no certificate in PEM form"),
    ({"method": "custom", "custom_class": "a.B", "client_id": "x"}, "jupyterhub_auth.client_secret is required; or set jupyterhub_auth.client_secret_file"),
    ({"method": "ldap", "ldap": {**LOOKUP, "lookup_dn_search_user": "cn=x"}}, "jupyterhub_auth.ldap.lookup_dn_search_password is required"),
    ({"method": "lti", "lti": {"version": "1.1"}}, "jupyterhub_auth.lti.consumers is required"),
    ({"method": "pam"}, "jupyterhub_auth.password_file is required; or give jupyterhub_auth.password_hashes"),
    ({"method": "pam", "password_hashes": {"jenny": "sesame"}}, "jupyterhub_auth.password_hashes.jenny is not a hash"),
    ({"method": "pam", "password_hashes": {"a:b": HASH}}, "jupyterhub_auth.password_hashes has the name 'a:b'"),
    ({"method": "native", "admin_password": "short"}, "jupyterhub_auth.admin_password is too short"),
    ({"method": "github", **OAUTH, "user_password": "x" * 20}, "jupyterhub_auth.user_password means nothing with jupyterhub_auth.method github"),
    ({"method": "github", **OAUTH, "whitelist": ["x"]}, "jupyterhub_auth.whitelist is not the name of it here; use jupyterhub_users"),
    ({"method": "oidc", "username_key": "email"}, "jupyterhub_auth.username_key is not the name of it here; use jupyterhub_auth.username_claim"),
]


@pytest.mark.parametrize(("auth", "message"), BAD_GIVEN, ids=[message[:100] for _auth, message in BAD_GIVEN])
def test_what_is_missing_or_given_wrongly_is_refused(auth: dict[str, t.Any], message: str) -> None:
    said = sentence(lambda: found(auth, {"secret": "hush\n", "empty": ""}))
    assert message in said
    assert "hush" not in said and "sesame" not in said


def test_a_list_with_passwords_is_no_userlist_and_is_not_shown() -> None:
    """S1 1.16: user_list.txt."""
    for method in ("pam", "native", "shared_password"):
        auth = {"method": method, **({"password_hashes": {"bob": HASH}} if method == "pam" else {})}
        variables = {**SIMPLE, "jupyterhub_auth": auth, "jupyterhub_userlist": "list"}
        said = sentence(functools.partial(resolved, variables, {"list": "ada admin\nbob:hush hush\n"}))
        assert said.startswith("jupyterhub_userlist is 'list', which has lines with a colon, as a list of passwords has")
        assert "hush" not in said
    made = resolved(
        {**SIMPLE, "jupyterhub_auth": {"method": "openshift", **OAUTH, "openshift_url": "https://x"}, "jupyterhub_userlist": "list"}, {"list": "kube:bob"}
    )
    assert "kube:bob" in {user.name for user in made.hub.users}


def test_variables_of_other_times_are_refused_with_their_names_of_today() -> None:
    said = sentence(lambda: resolved({**SIMPLE, "jupyterhub_whitelist": ["x"]}))
    assert said == "jupyterhub_whitelist is not the name of it here; use jupyterhub_users"


def test_the_tables_have_every_message() -> None:
    """Each place that raises is reached by at least one row."""
    refusals: list[t.Callable[[], object]] = [functools.partial(hub, **topics) for topics, _message in BAD]
    refusals += [functools.partial(found, auth, {"secret": "hush", "empty": ""}) for auth, _message in BAD_GIVEN]
    refusals.append(functools.partial(authentication_checks.check_userlist, "pam", "bob:hush", "list"))
    refusals += [functools.partial(passwords.parse, f"bob:{HASH}\n{text}", "list") for text in BAD_LISTS]
    reached = set()
    for refuse in refusals:
        with pytest.raises(DescriptionError) as caught:
            refuse()
        reached |= {(entry.path.name, entry.lineno + 1) for entry in caught.traceback if hasattr(entry.path, "name")}
    places = set()
    for module in (authentication_checks, passwords):
        lines = inspect.getsource(module).splitlines()
        places |= {(f"{module.__name__.rpartition('.')[2]}.py", number) for number, line in enumerate(lines, 1) if re.match(r"\s+raise DescriptionError", line)}
    assert places
    assert places - reached == set()


GOOD: list[dict[str, t.Any]] = [
    {"auth": {"method": "dummy"}, "network": {"bind_address": "127.0.0.1"}},
    {"auth": {"method": "dummy"}, "network": {"bind_address": "::1"}},
    {"auth": {"method": "dummy", "acknowledge_insecure": True}},
    {**TMP, "auth": {"method": "tmp"}, "network": {"bind_address": "127.0.0.1"}},
    {"auth": {"method": "github", **OAUTH, "callback_url": "https://localhost:8443/x/hub/oauth_callback"}},
    {"auth": {**OIDC, "manage_groups": True, "admin_groups": ["staff"]}, "users": []},
    {"auth": {"method": "shared_password", "allow_existing_users": False}, "roles": [{"name": "grader", "users": ["jenny"]}]},
    {"auth": {"method": "shared_password", "allow_all": True}, "roles": [{"name": "grader", "users": ["jenny"]}]},
    {"groups": {"teachers": ["jenny"]}, "roles": [{"name": "grader", "users": ["Geoheil"]}]},
    {"auth": {"method": "gitlab", **OAUTH, "allow_existing_users": False}, "config": {"GitLabOAuthenticator": {"allowed_project_ids": [1]}}},
    {"auth": {"method": "shared_password"}, "config": {"GitHubOAuthenticator": {"allowed_organizations": ["of another target"]}}},
    {"auth": {"method": "shared_password"}, "users": [{"name": "ünï code@example.org", "admin": True}]},
    {"config": {"LTI13Authenticator": {"username_key": "sub"}, "FirstUseAuthenticator": {"check_passwords_on_startup": False}}},
]


@pytest.mark.parametrize("topics", GOOD, ids=repr)
def test_what_is_right_is_let_through(topics: dict[str, t.Any]) -> None:
    hub(**topics)
