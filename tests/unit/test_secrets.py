# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: which there are, made once and kept, closed, made anew on request, never guessed from what is said of them."""

from __future__ import annotations

import os
import pathlib
import stat
import typing as t
from unittest import mock

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import secrets
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.secret_store import Store
from ansible_collections.vdsg.jupyterhub.tests.unit.support import DAY, GITHUB, NOW, SIMPLE, certificate, descriptions, hub, pem

ALL = hub(services=[{"name": "grader"}])
GIVEN = {"oauth_client_secret": "hush", "database_password": "hush"}


def planned(path: pathlib.Path, described: Hub = ALL, given: dict[str, str] | None = None, now: float = NOW) -> Store:
    store = Store(str(path), now)
    store.fill(described, given or {})
    return store


def saved(path: pathlib.Path, described: Hub = ALL, given: dict[str, str] | None = None, now: float = NOW) -> Store:
    store = planned(path, described, given, now)
    store.save()
    return store


def texts(path: pathlib.Path) -> dict[str, str]:
    return {item.name: item.read_text() for item in path.iterdir()}


# --- which there are


def names(described: Hub, given: t.Collection[str] = ()) -> dict[str, str]:
    return {secret.name: secret.kind for secret in secrets.wanted(described, given)}


ALWAYS = {"cookie_secret": "hex", "crypt_key": "keys", "proxy_token": "hex", "operator_token": "hex"}
WANTED: list[tuple[dict[str, t.Any], tuple[str, ...], dict[str, str]]] = [
    ({}, (), {"user_password": "password", "admin_password": "password", "authority": "authority", "tls": "leaf"}),
    ({}, ("user_password",), {"user_password": "given", "admin_password": "password", "authority": "authority", "tls": "leaf"}),
    ({"auth": {"method": "github", "client_id": "x"}, "tls": {"mode": "external"}}, (), {"oauth_client_secret": "given"}),
    (
        {"auth": {"method": "custom", "custom_class": "a.B"}, "tls": {"mode": "none"}, "database": {"type": "mysql", "host": "db"}},
        (),
        {"database_password": "given"},
    ),
    (
        {"tls": {"mode": "provided", "certificate": "c", "key": "k"}, "services": [{"name": "grader"}]},
        ("user_password", "admin_password"),
        {"user_password": "given", "admin_password": "given", "tls_certificate": "given", "tls_key": "given", "service_grader_token": "free"},
    ),
]


@pytest.mark.parametrize(("topics", "given", "found"), WANTED, ids=[str(topics) for topics, _given, _found in WANTED])
def test_a_hub_has_the_secrets_that_it_needs(topics: dict[str, t.Any], given: tuple[str, ...], found: dict[str, str]) -> None:
    assert names(hub(**topics), given) == ALWAYS | found


def test_what_is_given_and_what_is_made_take_turns(tmp_path: pathlib.Path) -> None:
    """A token of a service that is no longer given stays, until it is made anew."""
    services = {"jupyterhub_services": [{"name": "grader"}]}
    described = Hub.from_variables({**SIMPLE, **services})
    assert saved(tmp_path, described, {"service_grader_token": "given-by-me"}).wanted["service_grader_token"] == "given-by-me"
    assert planned(tmp_path, described).rotated == []
    again = planned(tmp_path, Hub.from_variables({**SIMPLE, **services, "jupyterhub_rotate_secrets": ["service_grader_token"]}))
    assert again.rotated == ["service_grader_token"]
    assert len(again.wanted["service_grader_token"]) == 64


ROTATIONS = [
    ("proxy_tokn", "jupyterhub_rotate_secrets has 'proxy_tokn', which is not a secret of this hub; did you mean proxy_token?"),
    ("oauth_client_secret", "jupyterhub_rotate_secrets has 'oauth_client_secret', which is yours: change it where you keep it"),
]


@pytest.mark.parametrize(("name", "message"), ROTATIONS, ids=[name for name, _message in ROTATIONS])
def test_a_rotation_that_cannot_be_is_refused(tmp_path: pathlib.Path, name: str, message: str) -> None:
    described = Hub.from_variables({**GITHUB, "jupyterhub_rotate_secrets": [name]})
    with pytest.raises(DescriptionError) as caught:
        planned(tmp_path / "secrets", described, GIVEN)
    assert message in str(caught.value)
    assert not (tmp_path / "secrets").exists()


# --- made once, and kept


@settings(max_examples=20)
@given(descriptions())
def test_secrets_of_any_hub_are_made_once_and_kept(variables: dict[str, t.Any]) -> None:
    described = Hub.from_variables(variables)
    made = Store("/nonexistent/secrets", NOW)
    made.fill(described, GIVEN)
    kept = Store("/nonexistent/secrets", NOW + DAY)
    with mock.patch.object(Store, "current", lambda _self, name: made.wanted.get(name)):
        kept.fill(described, GIVEN)
    assert kept.wanted == made.wanted
    assert (kept.made, kept.rotated) == ([], [])
    assert set(made.made) == set(made.wanted)


def test_planning_touches_nothing_and_saving_writes_what_was_planned(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "hub" / "secrets"
    store = planned(path)
    assert store.changed()
    assert not path.exists()
    store.save()
    assert texts(path) == {name: value + "\n" for name, value in store.wanted.items()}
    again = planned(path)
    assert not again.changed()
    assert again.wanted == store.wanted


def test_only_the_owner_can_read_them(tmp_path: pathlib.Path) -> None:
    saved(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(item.stat().st_mode) for item in tmp_path.iterdir()} == {0o600}
    (tmp_path / "cookie_secret").chmod(0o644)
    tmp_path.chmod(0o755)
    store = planned(tmp_path)
    assert store.loose() == [str(tmp_path), str(tmp_path / "cookie_secret")]
    assert store.changed()
    store.save()
    assert not planned(tmp_path).changed()


def test_each_secret_has_its_form(tmp_path: pathlib.Path) -> None:
    wanted = saved(tmp_path).wanted
    for name in ("cookie_secret", "crypt_key", "proxy_token", "operator_token", "service_grader_token"):
        assert len(wanted[name]) == 64, "JupyterHub takes no longer token"
        bytes.fromhex(wanted[name])
    assert (len(wanted["user_password"]), len(wanted["admin_password"])) == (16, 32)
    assert len(set(wanted.values())) == len(wanted)
    other = planned(tmp_path / "other").wanted
    assert not {wanted[name] for name in wanted} & {other[name] for name in other}


@pytest.mark.parametrize("name", ["cookie_secret", "proxy_token", "service_grader_token", "user_password"])
def test_a_rotation_makes_only_the_named_one_anew(tmp_path: pathlib.Path, name: str) -> None:
    before = saved(tmp_path).wanted
    store = saved(tmp_path, hub(services=[{"name": "grader"}], rotate_secrets=[name]))
    assert (store.made, store.rotated) == ([], [name])
    assert {key for key in before if before[key] != store.wanted[key]} == {name}
    assert not planned(tmp_path).changed()


def test_old_crypt_keys_still_decrypt(tmp_path: pathlib.Path) -> None:
    first = saved(tmp_path).wanted["crypt_key"]
    second = saved(tmp_path, hub(rotate_secrets=["crypt_key"])).wanted["crypt_key"]
    third = saved(tmp_path, hub(rotate_secrets=["crypt_key"])).wanted["crypt_key"]
    assert second.split()[1:] == [first]
    assert third.split()[1:] == second.split()
    assert not planned(tmp_path, hub()).changed()


SPOILT = [
    ("cookie_secret", ""),
    ("cookie_secret", "abc"),
    ("proxy_token", "g" * 64),
    ("crypt_key", "\n"),
    ("crypt_key", "a" * 64 + " b"),
    ("user_password", "x"),
]


@pytest.mark.parametrize(("name", "text"), [*SPOILT, ("authority_key", "garbage"), ("authority_certificate", "")])
def test_a_spoilt_secret_is_refused_and_not_replaced(tmp_path: pathlib.Path, name: str, text: str) -> None:
    saved(tmp_path)
    (tmp_path / name).write_text(text)
    before = texts(tmp_path)
    shown = "authority" if name.startswith("authority") else name
    with pytest.raises(DescriptionError, match=f"the secret {shown} in .* was spoilt; put it back from a backup, or make a new one with -e"):
        planned(tmp_path)
    assert texts(tmp_path) == before
    assert planned(tmp_path, hub(services=[{"name": "grader"}], rotate_secrets=[shown])).rotated, "unless it is asked for by name"


def test_bytes_that_are_no_text_are_a_spoilt_secret(tmp_path: pathlib.Path) -> None:
    saved(tmp_path)
    (tmp_path / "proxy_token").write_bytes(b"\xff\xfe")
    with pytest.raises(DescriptionError, match="the secret proxy_token"):
        planned(tmp_path)


def test_what_is_given_follows_what_the_user_gives(tmp_path: pathlib.Path) -> None:
    described = Hub.from_variables(GITHUB)
    assert "oauth_client_secret" in saved(tmp_path, described, {"oauth_client_secret": "one\n"}).made
    assert not planned(tmp_path, described, {"oauth_client_secret": "one"}).changed()
    store = saved(tmp_path, described, {"oauth_client_secret": "two"})
    assert (store.made, store.rotated) == ([], ["oauth_client_secret"])
    with pytest.raises(DescriptionError, match="the secret oauth_client_secret must be given"):
        planned(tmp_path, described, {})


def test_a_run_that_breaks_off_is_repaired_by_the_next(tmp_path: pathlib.Path) -> None:
    for survivors in range(12):
        path = tmp_path / str(survivors)
        calls = iter(range(100))

        def replace(source: str, target: pathlib.Path, calls: t.Iterator[int] = calls, survivors: int = survivors) -> None:
            if next(calls) >= survivors:
                raise OSError(28, "No space left on device")
            os.rename(source, target)

        with mock.patch("os.replace", replace), pytest.raises(OSError, match="No space"):
            saved(path)
        kept = texts(path)
        assert len(kept) == survivors
        store = saved(path)
        assert {name: text for name, text in texts(path).items() if name in kept and not name.endswith("_certificate")}.items() <= kept.items()
        assert set(texts(path)) == set(store.wanted)
        assert not planned(path).changed()


# --- certificates of one's own authority


def load(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())


def sans(text: str) -> set[str]:
    extension = load(text).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*extension.get_values_for_type(x509.DNSName), *map(str, extension.get_values_for_type(x509.IPAddress))}


def test_a_self_signed_pair_is_for_its_names_and_signed_by_the_kept_authority(tmp_path: pathlib.Path) -> None:
    described = hub(domain="hub.example.org", tls={"names": ["hub", "192.0.2.10", "2001:DB8::1"]})
    wanted = saved(tmp_path, described).wanted
    leaf, authority = load(wanted["tls_certificate"]), load(wanted["authority_certificate"])
    leaf.verify_directly_issued_by(authority)
    authority.verify_directly_issued_by(authority)
    assert sans(wanted["tls_certificate"]) == {"hub.example.org", "hub", "192.0.2.10", "2001:db8::1"}
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.not_valid_after_utc.timestamp() - NOW < 398 * DAY, "browsers refuse longer ones"
    assert wanted["tls_certificate"].endswith(wanted["authority_certificate"]), "the chain"
    assert not planned(tmp_path, described).changed()


LOCAL = [("127.0.0.1", {"hub.example.org", "localhost", "127.0.0.1"}), ("0.0.0.0", {"hub.example.org"})]


@pytest.mark.parametrize(("address", "wanted"), LOCAL)
def test_a_local_hub_is_also_reached_by_its_local_names(address: str, wanted: set[str]) -> None:
    assert set(secrets.certificate_names(hub(domain="hub.example.org", network={"bind_address": address}))) == wanted


RENEWALS: list[tuple[str, dict[str, t.Any], float]] = [
    ("other names", {"tls": {"names": ["www.example.org"]}}, NOW),
    ("another domain", {"domain": "new.example.org"}, NOW),
    ("soon expired", {}, NOW + 370 * DAY),
    ("asked for", {"rotate_secrets": ["tls"]}, NOW),
]


@pytest.mark.parametrize(("topics", "now"), [renewal[1:] for renewal in RENEWALS], ids=[renewal[0] for renewal in RENEWALS])
def test_a_certificate_is_renewed_and_its_authority_kept(tmp_path: pathlib.Path, topics: dict[str, t.Any], now: float) -> None:
    before = saved(tmp_path, hub()).wanted
    store = saved(tmp_path, hub(**topics), now=now)
    assert store.rotated == ["tls_certificate", "tls_key"]
    assert store.wanted["authority_certificate"] == before["authority_certificate"], "browsers still trust it"
    load(store.wanted["tls_certificate"]).verify_directly_issued_by(load(before["authority_certificate"]))
    assert not planned(tmp_path, hub(**{**topics, "rotate_secrets": []}), now=now).changed()


def test_a_certificate_is_kept_while_it_is_good(tmp_path: pathlib.Path) -> None:
    saved(tmp_path, hub())
    assert not planned(tmp_path, hub(), now=NOW + 360 * DAY).changed()


def test_a_new_authority_signs_anew(tmp_path: pathlib.Path) -> None:
    saved(tmp_path, hub())
    wanted = saved(tmp_path, hub(rotate_secrets=["authority"])).wanted
    load(wanted["tls_certificate"]).verify_directly_issued_by(load(wanted["authority_certificate"]))


def test_a_pair_that_does_not_belong_together_is_made_anew(tmp_path: pathlib.Path) -> None:
    saved(tmp_path, hub())
    (tmp_path / "tls_key").write_text(pem(ec.generate_private_key(ec.SECP256R1())))
    store = saved(tmp_path, hub())
    assert store.rotated == ["tls_certificate", "tls_key"]
    key = serialization.load_pem_private_key(store.wanted["tls_key"].encode(), password=None)
    assert load(store.wanted["tls_certificate"]).public_key() == key.public_key()


def test_provided_files_are_kept_as_they_were_given(tmp_path: pathlib.Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    given = {"tls_certificate": certificate("hub.example.org", key=key), "tls_key": pem(key)}
    described = hub(domain="hub.example.org", tls={"mode": "provided", "certificate": "c", "key": "k"})
    saved(tmp_path, described, given)
    assert (tmp_path / "tls_certificate").read_text() == given["tls_certificate"]
    assert not (tmp_path / "authority_key").exists()


# --- fingerprints


def test_a_fingerprint_changes_with_its_secret_and_tells_nothing_about_it(tmp_path: pathlib.Path) -> None:
    described = Hub.from_variables(GITHUB)
    one = saved(tmp_path / "a", described, {"oauth_client_secret": "guess"})
    two = planned(tmp_path / "a", described, {"oauth_client_secret": "other"})
    elsewhere = planned(tmp_path / "b", described, {"oauth_client_secret": "guess"})
    assert one.fingerprints() == planned(tmp_path / "a", described, {"oauth_client_secret": "guess"}).fingerprints()
    assert {name for name in one.fingerprints() if one.fingerprints()[name] != two.fingerprints()[name]} == {"oauth_client_secret"}
    assert one.fingerprints()["oauth_client_secret"] != elsewhere.fingerprints()["oauth_client_secret"], "who can guess it cannot check it"
    assert "fingerprint_salt" not in one.fingerprints()
    assert all(len(value) == 16 for value in one.fingerprints().values())
    assert not any(value in secret for value in one.fingerprints().values() for secret in one.wanted.values())
