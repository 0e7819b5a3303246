# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traits: what is wrong is said before a hub is told, what is right comes through, what is old is translated."""

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given, settings

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import traits, versions
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import secret_files
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.tests.unit.support import CATALOGUE, SIMPLE, configs, resolved


def config(**classes: t.Any) -> dict[str, t.Any]:
    return {"jupyterhub_config": classes}


def piece(code: str) -> dict[str, t.Any]:
    return {"jupyterhub_extra_config": {"10-x": code}}


WRONG: list[tuple[str, dict[str, t.Any]]] = [
    # Classes and traits
    ("jupyterhub_config.DockerSpwaner.remove: the hub has no class DockerSpwaner; did you mean DockerSpawner?", config(DockerSpwaner={"remove": True})),
    ("the hub has no class Zzz; packages of jupyterhub_images.hub_pip may bring more", config(Zzz={"x": 1})),
    ("jupyterhub_config.DockerSpawner.imge: DockerSpawner has no such trait; did you mean DockerSpawner.image?", config(DockerSpawner={"imge": "x"})),
    (
        "jupyterhub_config.JupyterHub.check_account: JupyterHub has no such trait; did you mean PAMAuthenticator.check_account?",
        config(JupyterHub={"check_account": 1}),
    ),
    ("jupyterhub_config.NullAuthenticator.auto_login: NullAuthenticator has no such trait", config(NullAuthenticator={"auto_login": True})),
    ("jupyterhub_config.SwarmSpawner.remove: SwarmSpawner has no such trait", config(SwarmSpawner={"remove": True})),
    # Values
    ("jupyterhub_config.JupyterHub.cookie_max_age_days must be a number, not string 'many'", config(JupyterHub={"cookie_max_age_days": "many"})),
    ("jupyterhub_config.JupyterHub.shutdown_on_logout must be a boolean (true or false), not integer 2", config(JupyterHub={"shutdown_on_logout": 2})),
    (
        "jupyterhub_config.JupyterHub.named_server_limit_per_user must be a whole number, not number 1.5",
        config(JupyterHub={"named_server_limit_per_user": 1.5}),
    ),
    ("jupyterhub_config.Spawner.args[1] must be a string, not integer 1", config(Spawner={"args": ["x", 1]})),
    ("jupyterhub_config.DockerSpawner.cmd must be a string or a list of at least 1, not integer 7", config(DockerSpawner={"cmd": 7})),
    (
        "jupyterhub_config.LocalAuthenticator.add_user_cmd must be a string or a list of at least 1, not list []",
        config(LocalAuthenticator={"add_user_cmd": []}),
    ),
    ("jupyterhub_config.DockerSpawner.mem_limit must be an amount of memory such as 1G, not string '1 GB'", config(DockerSpawner={"mem_limit": "1 GB"})),
    ("jupyterhub_config.Spawner.poll_jitter is 2, but it must be a number between 0 and 1", config(Spawner={"poll_jitter": 2})),
    ("jupyterhub_config.KubeSpawner.volumes must be a list or a dictionary, not string 'x'", config(KubeSpawner={"volumes": "x"})),
    ("jupyterhub_config.KubeSpawner.slug_scheme is 'sfe', which is none of its choices; did you mean safe?", config(KubeSpawner={"slug_scheme": "sfe"})),
    ("jupyterhub_config.JupyterHub.subdomain_hook is 'idn', which is none of its choices; did you mean idna?", config(JupyterHub={"subdomain_hook": "idn"})),
    ("jupyterhub_config.JupyterHub.logo_file must be a string, not integer 1", config(JupyterHub={"logo_file": 1})),
    (
        "jupyterhub_config.KubeSpawner.modify_pod_hook takes Python, not string 'x'; set it in jupyterhub_extra_config",
        config(KubeSpawner={"modify_pod_hook": "x"}),
    ),
    # Somebody else's
    ("jupyterhub_config.JupyterHub.services would replace what jupyterhub_services says; use jupyterhub_services", config(JupyterHub={"services": []})),
    ("jupyterhub_config.GitHubOAuthenticator.allow_all would replace what jupyterhub_auth.allow_all says", config(GitHubOAuthenticator={"allow_all": True})),
    ("jupyterhub_config.Authenticator.allowed_users would replace what jupyterhub_users says", config(Authenticator={"whitelist": ["x"]})),
    ("jupyterhub_config.Spawner.image would replace what jupyterhub_spawner.image says", config(Spawner={"image": "x"})),
    ("jupyterhub_config.ConfigurableHTTPProxy.should_start cannot be set: the proxy is a container", config(ConfigurableHTTPProxy={"should_start": True})),
    ("jupyterhub_config.JupyterHub.hub_bind_url cannot be set: where hub, proxy and edge", config(JupyterHub={"hub_bind_url": "http://:1"})),
    ("jupyterhub_config.DockerSpawner.prefix cannot be set: the engine guard", config(DockerSpawner={"prefix": "x"})),
    # Old names
    ("jupyterhub_config.JupyterHub.statsd_host is an old name: JupyterHub 6 does not have it", config(JupyterHub={"statsd_host": "x"})),
    ("jupyterhub_config.Spawner.oauth_roles is an old name: it is replaced by Spawner.oauth_client_allowed_scopes", config(Spawner={"oauth_roles": []})),
    ("is an old name: DockerSpawner 14 does not have it; use Spawner.cmd", config(SwarmSpawner={"container_spec": {}})),
    ("is an old name: it is replaced by CILogonOAuthenticator.idps", config(CILogonOAuthenticator={"shown_idps": []})),
    (
        "jupyterhub_config.GenericOAuthenticator has username_key and username_claim, which is its new name; take username_key away",
        config(GenericOAuthenticator={"username_key": "a", "username_claim": "b"}),
    ),
    # Secrets
    ("jupyterhub_config.GitHubOAuthenticator.client_secret is a secret", config(GitHubOAuthenticator={"client_secret": "hush"})),
    ("jupyterhub_config.GitHubOAuthenticator.client_secret is a secret", config(GitHubOAuthenticator={"github_client_secret": "hush"})),
    ("a configuration file is no place for one; it is made once and kept as the secret proxy_token", config(ConfigurableHTTPProxy={"auth_token": "hush"})),
    ("it is made once and kept as the secret cookie_secret", config(JupyterHub={"cookie_secret": "hush"})),
    ("kept as the secret crypt_key", config(CryptKeeper={"keys": ["hush"]})),
    ("use jupyterhub_database, whose password goes into a file", config(JupyterHub={"db_url": "postgresql://hub:hush@db/hub"})),
    (
        "put it into jupyterhub_extra_secrets as NAME and say c.NativeAuthenticator.recaptcha_secret = secret('NAME') in jupyterhub_extra_config",
        config(NativeAuthenticator={"recaptcha_secret": "hush"}),
    ),
    ("jupyterhub_config.LTI11Authenticator.consumers is a secret", config(LTI11Authenticator={"consumers": {"key": "hush"}})),
    ("jupyterhub_config.MyAuthenticator.api_token is a secret", config(MyAuthenticator={"api_token": "hush"})),
    # Python
    (
        "jupyterhub_extra_config.10-x: line 2: c.DockerSpawner.imge: DockerSpawner has no such trait; did you mean DockerSpawner.image?",
        piece("import os\nc.DockerSpawner.imge = os.environ['X']"),
    ),
    ("jupyterhub_extra_config.10-x: line 1: c.JupyterHb.x: the hub has no class JupyterHb; did you mean JupyterHub?", piece("c.JupyterHb.x = 1")),
    ("line 2: c.JupyterHub.template_var: JupyterHub has no such trait", piece("if True:\n    c.JupyterHub.template_var['x'] = 1")),
    ("line 1: c.JupyterHub.shutdown_on_logout must be a boolean (true or false), not string 'maybe'", piece("c.JupyterHub.shutdown_on_logout = 'maybe'")),
    ("line 1: c.GitHubOAuthenticator.client_secret is a secret", piece("c.GitHubOAuthenticator.client_secret = 'hush'")),
]


@pytest.mark.parametrize(("sentence", "variables"), WRONG, ids=[sentence[:100] for sentence, _variables in WRONG])
def test_what_is_wrong_is_one_sentence(sentence: str, variables: dict[str, t.Any]) -> None:
    with pytest.raises(DescriptionError) as caught:
        resolved({**SIMPLE, **variables})
    assert sentence in str(caught.value)
    assert "hush" not in str(caught.value)


RIGHT: list[tuple[dict[str, t.Any], t.Any]] = [
    (config(JupyterHub={"shutdown_on_logout": "true"}), {"JupyterHub": {"shutdown_on_logout": True}}),
    (config(JupyterHub={"named_server_limit_per_user": "3"}), {"JupyterHub": {"named_server_limit_per_user": 3}}),
    (config(Spawner={"cmd": "start"}), None),
    (config(Spawner={"cmd": ["start", "now"]}), None),
    (config(Spawner={"cpu_limit": None}), None),
    (config(Spawner={"mem_guarantee": "1.5G"}), None),
    (config(Spawner={"post_start_cmd": "echo"}), None),  # DockerSpawner listens to what is said to Spawner
    (config(GitHubOAuthenticator={"auth_refresh_age": 60}), None),  # a trait of a class that it derives from
    (config(KubeSpawner={"volumes": {"10-x": {"name": "x"}}}), None),  # a class of another target
    (config(ConfigurableHTTPProxy={"concurrency": 3}), None),
    (config(JupyterHub={"db_url": "postgresql:///hub?service=hub"}), None),
    (config(KubeSpawner={"singleuser_image_spec": "x"}), {"KubeSpawner": {"image": "x"}}),
    (config(GenericOAuthenticator={"username_key": "mail"}), {"GenericOAuthenticator": {"username_claim": "mail"}}),
    (piece("def hook(spawner):\n    pass\nc.Spawner.pre_spawn_hook = hook"), {}),
    (piece("c.GitHubOAuthenticator.client_secret = secret('mine')"), {}),
    (piece("c.JupyterHub.template_vars['x'] = 1\nc.Spawner.args.append('x')\nc.Spawner.update({})\nc.JupyterHub.Spawner.x = 1"), {}),
]


@pytest.mark.parametrize(("variables", "wanted"), RIGHT, ids=[json.dumps(list(variables.values())) for variables, _wanted in RIGHT])
def test_what_is_right_comes_through(variables: dict[str, t.Any], wanted: t.Any) -> None:
    found = resolved({**SIMPLE, **variables})
    assert found.hub.config == found.variables["jupyterhub_config"] == (variables["jupyterhub_config"] if wanted is None else wanted)


@settings(max_examples=100)
@given(configs())
def test_any_trait_with_a_value_that_it_takes_comes_through_as_it_is(given_config: traits.Config) -> None:
    assert repr(resolved({**SIMPLE, "jupyterhub_config": given_config}).hub.config) == repr(given_config)


WARNINGS = [
    ("jupyterhub_config.KubeSpawner.singleuser_uid is an old name; it is taken for uid: say that", config(KubeSpawner={"singleuser_uid": 1000})),
    (
        "jupyterhub_config.JupyterHub.cleanup_servers is true: each restart of the hub will stop everybody's server",
        config(JupyterHub={"cleanup_servers": True}),
    ),
    ("jupyterhub_extra_config.10-x: line 1: c.DockerSpawner.remove_containers is an old name; say remove", piece("c.DockerSpawner.remove_containers = True")),
]


@pytest.mark.parametrize(("sentence", "variables"), WARNINGS, ids=[sentence[:80] for sentence, _variables in WARNINGS])
def test_what_works_and_is_not_well_is_warned_of(sentence: str, variables: dict[str, t.Any]) -> None:
    assert resolved({**SIMPLE, **variables}).warnings == (sentence,)


def test_without_such_there_is_no_warning() -> None:
    assert resolved(SIMPLE).warnings == ()


UNDECIDED: list[dict[str, t.Any]] = [
    {"jupyterhub_images": {"hub": "registry.example.org/hub:5"}},
    {"jupyterhub_images": {"hub_pip": ["my-authenticator==1.0"]}},
    {"jupyterhub_images": {"hub_pip": ["git+https://git.example.org/oauthenticator.git"]}},
    {"jupyterhub_auth": {"method": "custom", "custom_class": "mine.MineAuthenticator"}},
    piece("from dockerspawner import DockerSpawner\nclass Mine(DockerSpawner):\n    pass\n"),
]


@pytest.mark.parametrize("more", UNDECIDED, ids=lambda more: json.dumps(more)[:60])
def test_what_the_catalogue_cannot_know_is_for_the_image_to_say(more: dict[str, t.Any]) -> None:
    unknown = {"jupyterhub_config": {"Mine": {"x": 1}, "Authenticator": {"mine": 1}}}
    found = resolved({**SIMPLE, **more, **unknown})
    assert found.hub.config == unknown["jupyterhub_config"]
    assert traits.needs_image(found.hub)


def test_pinned_packages_are_known_wherever_they_are_named() -> None:
    pinned = f"jupyterhub_firstuseauthenticator=={versions.OPTIONAL_PACKAGES['jupyterhub-firstuseauthenticator']}"
    custom = {"jupyterhub_auth": {"method": "custom", "custom_class": "firstuseauthenticator.FirstUseAuthenticator"}}
    described = {**SIMPLE, **custom, "jupyterhub_images": {"hub_pip": [pinned]}}
    with pytest.raises(DescriptionError, match=r"did you mean FirstUseAuthenticator\.min_password_length"):
        resolved({**described, **config(FirstUseAuthenticator={"min_passwd_length": 3})})
    other = {**described, "jupyterhub_images": {"hub_pip": ["jupyterhub-firstuseauthenticator==0.1"]}}
    assert resolved({**other, **config(FirstUseAuthenticator={"min_passwd_length": 3})})


def test_a_secret_of_ones_own_is_apart_and_has_a_file_in_the_hub() -> None:
    found = resolved({**SIMPLE, "jupyterhub_extra_secrets": {"ldap_password": "hush"}})
    assert found.secrets == {"extra_ldap_password": "hush"}
    assert found.variables["jupyterhub_extra_secrets"] == {"ldap_password": ""}
    assert secret_files(found.hub)["hub"]["secrets/ldap_password"] == "extra_ldap_password"


SECRETS = [
    ({"ldap_password": ""}, "jupyterhub_extra_secrets.ldap_password is required"),
    ({"cookie_secret": "hush"}, "jupyterhub_extra_secrets has cookie_secret, which is a secret that the hub has anyway; choose another name"),
    ({"Ldap/password": "hush"}, "jupyterhub_extra_secrets is 'Ldap/password', but it must be a dictionary whose keys"),
]


@pytest.mark.parametrize(("secrets", "sentence"), SECRETS, ids=[sentence for _secrets, sentence in SECRETS])
def test_a_secret_of_ones_own_that_cannot_be_is_refused(secrets: dict[str, str], sentence: str) -> None:
    with pytest.raises(DescriptionError, match=sentence):
        resolved({**SIMPLE, "jupyterhub_extra_secrets": secrets})


def test_an_ordinary_hub_needs_no_look_into_its_image() -> None:
    assert not traits.needs_image(resolved({**SIMPLE, **config(JupyterHub={"shutdown_on_logout": True})}).hub)


def test_the_catalogue_is_of_the_pinned_packages() -> None:
    """tests/integration/test_traits.py compares it with what they have."""
    pinned = {name.lower(): version for name, version in {**versions.HUB_PACKAGES, **versions.OPTIONAL_PACKAGES}.items()}
    assert {name: pinned[name] for name in CATALOGUE.packages} == CATALOGUE.packages, "make traits"
    assert {name for name in pinned if "hub" in name or "spawner" in name or "auth" in name} - {"google-auth", "jupyterhub-idle-culler"} == set(
        CATALOGUE.packages
    ), "make traits"


def test_tables_name_traits_that_exist() -> None:
    """A trait that no version has any more would be refused by its name alone; old names are those that no class has, or has as old ones."""
    for named in (*traits.ELSEWHERE, *traits.OURS, *traits.DANGEROUS):
        cls, _dot, trait = named.partition(".")
        assert trait in CATALOGUE.traits(cls), named
    for named, new in traits.RENAMED.items():
        assert new in CATALOGUE.traits(named.partition(".")[0]), named
