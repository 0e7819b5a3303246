# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the variables of an inventory to a checked description: what is read, what wins, what is kept secret, what is refused."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import project, validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub, Reference
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.resolve import parse_env_file, parse_userlist
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.tests.unit.support import (
    DAY,
    ENGINE,
    GITHUB,
    NOW,
    PROGRAMS,
    SIMPLE,
    USER_NAME,
    certificate,
    descriptions,
    pem,
    resolved,
)

OWN_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
SECRET_NAMES = ("oauth_client_secret", "user_password", "admin_password", "database_password", "registry_password")


def refused(variables: dict[str, t.Any], files: dict[str, str] | None = None, environment: dict[str, str] | None = None) -> str:
    """Return the one sentence with which a description is refused."""
    with pytest.raises(DescriptionError) as caught:
        resolved(variables, files, environment)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- the list of people

USERLISTS = [
    ("geoheil admin\nmaksmitk\n", {"geoheil": True, "maksmitk": False}),
    ("# people\n\n  geoheil   admin  # founder\n\tmaksmitk\r\n", {"geoheil": True, "maksmitk": False}),
    ("GeoHeil admin", {"geoheil": True}),
    ("ädmin admin\n名前", {"ädmin": True, "名前": False}),
    ("\ufeffgeoheil admin", {"geoheil": True}),
]


@pytest.mark.parametrize(("text", "people"), USERLISTS, ids=[repr(text) for text, _people in USERLISTS])
def test_a_userlist_is_names_with_or_without_the_word_admin(text: str, people: dict[str, bool]) -> None:
    variables = {**SIMPLE, "jupyterhub_users": [], "jupyterhub_userlist": "users/list"}
    found = resolved(variables, {"users/list": text})
    assert {user.name: user.admin for user in found.hub.users} == people
    assert found.hub.userlist == "" and "jupyterhub_userlist" not in found.variables, "nobody else has to read the file"


@settings(max_examples=100)
@given(st.dictionaries(USER_NAME.filter(lambda name: not {"#", ","} & {*name} and name.split() == [name]), st.booleans(), max_size=5))
def test_a_userlist_says_what_was_written_into_it(people: dict[str, bool]) -> None:
    text = "".join(f"{name} admin\n" if admin else f"{name}\n" for name, admin in people.items())
    assert {user["name"]: user["admin"] for user in parse_userlist(text, "x")} == people


BAD_USERLISTS = [
    ("geoheil admin\nmaks mitk\n", "line 2 of users/list is 'maks mitk'"),
    ("geoheil admin now", "line 1 of users/list is 'geoheil admin now'"),
    ("geoheil Admin", "line 1 of users/list is 'geoheil Admin'"),
    ("\n\n#\ngeoheil,admin yes", "line 4 of"),
    ("geoheil admin\nmaksmitk,admin", "line 2 of users/list is 'maksmitk,admin'"),
    ("geoheil admin\nmaksmitk, admin", "line 2 of users/list is 'maksmitk, admin'"),
    ("geoheil\nmaksmitk", "has no admin"),
    ("", "has no admin"),
    ("geoheil admin\nGeoheil", "name geoheil more than once"),
    ("a/b admin", "'a/b', which is not a user name"),
]


@pytest.mark.parametrize(("text", "message"), BAD_USERLISTS, ids=[message for _text, message in BAD_USERLISTS])
def test_a_malformed_userlist_is_refused(text: str, message: str) -> None:
    assert message in refused({**SIMPLE, "jupyterhub_users": [], "jupyterhub_userlist": "users/list"}, {"users/list": text})


def test_a_userlist_comes_besides_the_variable() -> None:
    found = resolved({**SIMPLE, "jupyterhub_userlist": "list"}, {"list": "maksmitk\n"})
    assert [user.name for user in found.hub.users] == ["geoheil", "maksmitk"]
    assert "more than once" in refused({**SIMPLE, "jupyterhub_userlist": "list"}, {"list": "geoheil\n"})


def test_a_userlist_that_is_not_there_is_named() -> None:
    assert (
        refused({**SIMPLE, "jupyterhub_userlist": "list"}) == "jupyterhub_userlist is 'list', which cannot be read on the controller: No such file or directory"
    )


def test_names_are_compared_as_jupyterhub_does_in_lower_case() -> None:
    variables = {
        **SIMPLE,
        "jupyterhub_users": [{"name": "GeoHeil", "admin": True}],
        "jupyterhub_auth": {"method": "shared_password", "blocked_users": ["Mallory"]},
        "jupyterhub_groups": {"Teachers": ["GeoHeil"]},
    }
    found = resolved(variables).hub
    assert found.groups == {"Teachers": ("geoheil",)}
    assert [user.name for user in found.users] == ["geoheil"]
    assert found.auth.blocked_users == ("mallory",), "JupyterHub itself would not block Mallory, whom it calls mallory"


# --- oauth.env

ENV_FILES = [
    ("A=b", {"A": "b"}),
    ("# c\n\nexport A=b\n", {"A": "b"}),
    (" A = b ", {"A": "b"}),
    ("A='b c'\nB=\"d\"", {"A": "b c", "B": "d"}),
    ("A='b\"", {"A": "'b\""}),
    ("A='", {"A": "'"}),
    ("A=", {"A": ""}),
    ("A=b=c#d", {"A": "b=c#d"}),
]


@pytest.mark.parametrize(("text", "values"), ENV_FILES, ids=[text for text, _values in ENV_FILES])
def test_an_env_file_is_read_as_compose_reads_it(text: str, values: dict[str, str]) -> None:
    assert parse_env_file(text, "x") == values


def test_a_malformed_env_file_is_refused_without_showing_what_it_holds() -> None:
    variables = {**GITHUB, "jupyterhub_auth": {"env_file": "oauth.env"}}
    message = refused(variables, {"oauth.env": "GITHUB_CLIENT_ID=a\nhush-hush\n"})
    assert message == "jupyterhub_auth.env_file: line 2 of oauth.env is not of the form NAME=value"
    assert "jupyterhub_auth.env_file is 'oauth.env', which cannot be read" in refused(variables)


def test_a_variable_wins_over_the_file_and_the_file_over_the_environment() -> None:
    environment = {"GITHUB_CLIENT_ID": "env-id", "GITHUB_CLIENT_SECRET": "env-secret", "OAUTH_CALLBACK_URL": "https://hub.example.org/hub/oauth_callback"}
    files = {"oauth.env": "GITHUB_CLIENT_ID=file-id\nGITHUB_CLIENT_SECRET=file-secret\n"}

    def found(**auth: str) -> tuple[str, str, str]:
        made = resolved({**GITHUB, "jupyterhub_auth": auth}, files, environment)
        return made.hub.auth.client_id, made.secrets["oauth_client_secret"], made.hub.auth.callback_url

    callback = environment["OAUTH_CALLBACK_URL"]
    assert found(client_id="own", client_secret="hush", env_file="oauth.env") == ("own", "hush", callback)
    assert found(env_file="oauth.env") == ("file-id", "file-secret", callback)
    assert found() == ("env-id", "env-secret", callback)
    assert found(client_id="own", callback_url="https://hub.example.org/x/hub/oauth_callback")[2] == "https://hub.example.org/x/hub/oauth_callback"


@pytest.mark.parametrize("auth", [None, {}, {"method": None}, {"method": "github", "client_id": None}], ids=str)
def test_null_means_github_with_the_credentials_of_the_environment(auth: t.Any) -> None:
    found = resolved({**GITHUB, "jupyterhub_auth": auth}, environment={"GITHUB_CLIENT_ID": "env-id", "GITHUB_CLIENT_SECRET": "env-secret"})
    assert found.hub.auth.client_id == "env-id"
    assert found.secrets == {"oauth_client_secret": "env-secret"}


def test_the_environment_is_not_looked_at_without_github() -> None:
    found = resolved(SIMPLE, environment={"GITHUB_CLIENT_ID": "env-id", "GITHUB_CLIENT_SECRET": "env-secret"})
    assert found.hub.auth.client_id == ""
    assert found.secrets == {}


def test_the_variables_that_were_given_are_not_changed() -> None:
    variables = copy.deepcopy({**GITHUB, "jupyterhub_users": [{"name": "GeoHeil", "admin": True}]})
    before = copy.deepcopy(variables)
    resolved(variables)
    assert variables == before


@settings(max_examples=60)
@given(descriptions())
def test_resolved_variables_make_the_same_hub_anywhere(variables: dict[str, t.Any]) -> None:
    variables.setdefault("jupyterhub_database", {})["password"] = "hush"
    found = resolved(variables, environment={"GITHUB_CLIENT_SECRET": "hush", "GITHUB_CLIENT_ID": "id"})
    again = Hub.from_variables(json.loads(json.dumps(found.variables)))
    validation.check(again)
    assert again == found.hub
    assert "hush" not in json.dumps(found.variables)


# --- secrets

HUSH = st.text("abcdefgh0123456789\"'{}$\\", min_size=32, max_size=40).map("hush-{}".format)


@settings(max_examples=60)
@given(st.tuples(HUSH, HUSH, HUSH, HUSH, HUSH), st.sampled_from(["github", "shared_password"]))
def test_no_secret_stays_in_the_variables_or_gets_into_a_file(values: tuple[str, ...], method: str) -> None:
    hush = dict(zip(SECRET_NAMES, values, strict=True))
    if method == "github":
        hush = {name: value for name, value in hush.items() if name not in ("user_password", "admin_password")}
        auth = {"client_id": "id", "client_secret": hush["oauth_client_secret"]}
    else:
        del hush["oauth_client_secret"]
        auth = {"user_password": hush["user_password"], "admin_password": hush["admin_password"]}
    variables = {
        **GITHUB,
        "jupyterhub_auth": {"method": method, **auth},
        "jupyterhub_database": {"type": "postgresql", "host": "db", "password": hush["database_password"]},
        "jupyterhub_images": {"registry": {"url": "registry.example.org", "username": "x", "password": hush["registry_password"]}},
        "jupyterhub_services": [{"name": "grader"}],
    }
    found = resolved(variables)
    assert found.secrets == hush
    rendered = project.render(found.hub, ENGINE, PROGRAMS, dict.fromkeys(SECRET_NAMES, "0123"))
    for text in (repr(found.variables), repr(found.hub), json.dumps(found.variables), *rendered.files.values(), repr(rendered.secrets)):
        assert "hush-" not in text


def test_an_empty_secret_is_none() -> None:
    found = resolved({**SIMPLE, "jupyterhub_auth": {"method": "shared_password", "user_password": "", "admin_password": None}})
    assert found.secrets == {}
    assert "user_password" not in found.variables["jupyterhub_auth"]


REFUSED = [
    ({"jupyterhub_auth": {"method": "github"}}, "jupyterhub_auth.client_id is required with jupyterhub_auth.method github"),
    ({"jupyterhub_auth": {"client_id": "x"}}, "jupyterhub_auth.client_secret is required; or set jupyterhub_auth.client_secret_file, or GITHUB_"),
    ({"jupyterhub_auth": {"client_id": "x", "client_secret": "y", "callback_url": "https://other.example.org/hub/oauth_callback"}}, "another host"),
    ({"jupyterhub_auth": {"client_id": "x", "client_secret": "y", "callback_url": "https://hub.example.org/"}}, "its path must be /hub/oauth_callback"),
    ({"jupyterhub_auth": {"client_id": "x", "client_secret": "y", "callback_url": "https://[hub"}}, "jupyterhub_auth.callback_url is 'https://[hub'"),
    ({"jupyterhub_auth": "github"}, "jupyterhub_auth must be a dictionary, not string 'github'"),
    ({"jupyterhub_users": ["geoheil"]}, "jupyterhub_users[0] must be a dictionary, not string 'geoheil'"),
    ({"jupyterhub_users": [{"admin": True}]}, "jupyterhub_users[0].name is required"),
    ({"jupyterhub_users": "geoheil"}, "jupyterhub_users must be a list"),
    ({"jupyterhub_database": {"type": "mysql", "host": "db"}}, "jupyterhub_database.password is required"),
    ({"jupyterhub_auth": {"method": "shared_password", "user_password": "short"}}, "jupyterhub_auth.user_password is too short"),
    ({"jupyterhub_auth": {"method": "shared_password", "admin_password": "x" * 31}}, "jupyterhub_auth.admin_password is too short"),
    ({"jupyterhub_tls": {"mode": "provided", "certificate": "c.pem", "key": "k.pem"}}, "jupyterhub_tls.certificate is 'c.pem', which cannot be read"),
    ({"jupyterhub_images": []}, "jupyterhub_images must be a dictionary"),
    ({"docker_compose_project_dir": "srv"}, "docker_compose_project_dir is 'srv', but it must be an absolute path"),
    ({"docker_compose_docker_host": "ssh://x", "docker_compose_docker_context": "y"}, "are both set"),
    ({"docker_compose_docker_host": "ssh://x", "docker_compose_install_engine": True}, "installs an engine on the host itself"),
    ({"jupyterhub_spawner": {"iamge": "x"}}, "jupyterhub_spawner.iamge is not a known setting; did you mean jupyterhub_spawner.image?"),
    ({"jupyterhub_domian": "x"}, "jupyterhub_domian is not a known setting; did you mean jupyterhub_domain?"),
    ({"jupyterhub_config": {"X": {"y": b"bytes"}}}, "not of bytes"),
]


@pytest.mark.parametrize(("changed", "message"), REFUSED, ids=[message for _changed, message in REFUSED])
def test_a_description_that_cannot_be_is_refused(changed: dict[str, t.Any], message: str) -> None:
    assert message in refused({**GITHUB, **changed})


# --- values that are kept elsewhere

REFERRING = {
    **SIMPLE,
    "jupyterhub_extra_secrets": {"course_database": "hush-course"},
    "jupyterhub_spawner": {"environment": {"TZ": "UTC", "LICENCE": {"file": "licence.txt"}, "DATABASE": {"secret": "course_database"}}},
    "jupyterhub_profiles": [
        {
            "name": "a",
            "environment": {"LICENCE": {"file": "other.txt"}},
            "options": [{"name": "x", "choices": [{"name": "y", "environment": {"K": {"file": "k"}}}]}],
        }
    ],
    "jupyterhub_services": [
        {"name": "grader", "command": ["grader"], "api_token": "hush-token", "environment": {"LICENCE": {"file": "licence.txt"}}},
        {"name": "other"},
    ],
}
REFERRED = {"licence.txt": "hush-licence\n", "other.txt": "hush-other", "k": "hush-k"}


def test_what_environments_refer_to_is_a_secret() -> None:
    found = resolved(REFERRING, REFERRED)
    assert "hush" not in json.dumps(found.variables)
    environment = found.hub.spawner.environment
    assert environment["TZ"] == "UTC"
    assert environment["DATABASE"] == Reference(secret="course_database")
    licence = environment["LICENCE"]
    assert found.hub.services[0].environment["LICENCE"] == licence, "the same file is the same secret"
    assert isinstance(licence, Reference) and licence.secret in found.hub.extra_secrets
    assert found.secrets[f"extra_{licence.secret}"] == "hush-licence"
    assert {value for name, value in found.secrets.items() if name.startswith("extra_")} == {"hush-course", "hush-licence", "hush-other", "hush-k"}
    assert found.secrets["service_grader_token"] == "hush-token"
    assert "course_database" in found.hub.extra_secrets
    assert "service_other_token" not in found.secrets


UNREADABLE = [
    ({"jupyterhub_spawner": {"environment": {"A": {"file": "none"}}}}, "jupyterhub_spawner.environment.A is 'none', which cannot be read on the controller"),
    ({"jupyterhub_spawner": {"environment": {"A": {"file": "empty"}}}}, "jupyterhub_spawner.environment.A is the file 'empty', which is empty"),
    (
        {"jupyterhub_spawner": {"environment": {"A": {"file": "k", "secret": "course_database"}}}},
        "environment.A is a reference, and must have one of secret and file",
    ),
    ({"jupyterhub_spawner": {"environment": {"A": {"fiel": "k"}}}}, "environment.A.fiel is not a known setting; did you mean"),
    ({"jupyterhub_spawner": {"environment": {"A": ["k"]}}}, "jupyterhub_spawner.environment.A must be a string, not list ['k']"),
    ({"jupyterhub_profiles": [{"name": "a", "environment": {"A": {"file": "none"}}}]}, "jupyterhub_profiles[0].environment.A is 'none', which cannot be read"),
    ({"jupyterhub_services": [{"name": "a", "api_token": "x" * 65}]}, "the api_token of a has 65 characters, but JupyterHub takes 8 to 64"),
    ({"jupyterhub_services": [{"name": "a", "api_token": "short"}]}, "the api_token of a has 5 characters"),
    ({"jupyterhub_services": [{"name": "a", "api_token": "xxx xxx xxx"}]}, "the api_token of a has spaces or letters outside of ASCII"),
    (
        {"jupyterhub_services": [{"name": "a", "admin": True}]},
        "jupyterhub_services[0].admin cannot be set: JupyterHub has no such thing any more; name the scopes",
    ),
    ({"jupyterhub_services": [{"name": "a", "user": "grader"}]}, "jupyterhub_services[0].user cannot be set: the hub is not root"),
]


@pytest.mark.parametrize(("changed", "message"), UNREADABLE, ids=[message for _changed, message in UNREADABLE])
def test_a_value_that_cannot_be_had_is_refused(changed: dict[str, t.Any], message: str) -> None:
    said = refused({**REFERRING, **changed}, {**REFERRED, "empty": " \n"})
    assert message in said
    assert "hush" not in said and "xxx" not in said


# --- certificates of one's own

GOOD = certificate("hub.example.org", "www.example.org", key=OWN_KEY)
PROVIDED = {**GITHUB, "jupyterhub_tls": {"mode": "provided", "certificate": "c.pem", "key": "k.pem", "hsts": True}}
KEY = pem(OWN_KEY)
CERTIFICATES = [
    (GOOD, pem(OTHER_KEY), "jupyterhub_tls.key does not belong to jupyterhub_tls.certificate"),
    (certificate("hub.example.org", key=OWN_KEY, end=NOW - 1), KEY, "jupyterhub_tls.certificate expired on 2026-05-31; renew it"),
    (certificate("hub.example.org", key=OWN_KEY, begin=NOW + DAY), KEY, "jupyterhub_tls.certificate is not valid before 2026-06-02"),
    (certificate("a.example.org", "b.example.org", key=OWN_KEY), KEY, "is for a.example.org, b.example.org, not for jupyterhub_domain hub.example.org"),
    (certificate("*.sub.example.org", key=OWN_KEY), KEY, "is for *.sub.example.org, not for"),
    (certificate("example.org", key=OWN_KEY), KEY, "is for example.org, not for"),
    (certificate(key=OWN_KEY), KEY, "is for no host name, not for"),
    ("garbage", KEY, "jupyterhub_tls.certificate is not a certificate in PEM form"),
    (KEY, KEY, "jupyterhub_tls.certificate is not a certificate in PEM form"),
    (GOOD.replace("M", "N"), KEY, "jupyterhub_tls.certificate is not a certificate in PEM form"),
    (GOOD, GOOD, "jupyterhub_tls.key is not a private key in PEM form"),
    (GOOD, "", "jupyterhub_tls.key is not a private key in PEM form"),
    (GOOD, pem(OWN_KEY, b"passphrase"), "jupyterhub_tls.key needs a passphrase"),
]


@pytest.mark.parametrize(("chain", "key", "message"), CERTIFICATES, ids=[message for _chain, _key, message in CERTIFICATES])
def test_a_certificate_that_browsers_would_refuse_is_refused(chain: str, key: str, message: str) -> None:
    assert message in refused(PROVIDED, {"c.pem": chain, "k.pem": key})


ACCEPTED = [
    ("with several names", GOOD),
    ("with a wildcard", certificate("*.example.org", key=OWN_KEY)),
    ("in another case", certificate("HUB.example.org", key=OWN_KEY)),
    ("followed by its chain", GOOD + certificate("An authority", key=OTHER_KEY, end=NOW - DAY / 2)),
    ("after a comment", "subject=CN = hub.example.org\n" + GOOD),
]


@pytest.mark.parametrize("chain", [chain for _name, chain in ACCEPTED], ids=[name for name, _chain in ACCEPTED])
def test_a_certificate_for_the_domain_is_taken(chain: str) -> None:
    found = resolved(PROVIDED, {"c.pem": chain, "k.pem": KEY})
    assert found.secrets["tls_certificate"] == chain
    assert found.secrets["tls_key"] == KEY
    assert "PRIVATE" not in json.dumps(found.variables)
