# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup in a real run of Ansible: variables are collected, files found and decrypted, what is wrong is said in one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.vdsg.jupyterhub.tests.unit.support import DAY, ROOT, SIMPLE, certificate, pem

KEY = ec.generate_private_key(ec.SECP256R1())
CHAIN = certificate("hub.example.org", key=KEY, begin=time.time() - DAY, end=time.time() + DAY)
TLS = {"mode": "provided", "certificate": "certificates/fullchain.pem", "key": "certificates/privkey.pem"}
GITHUB = {"method": "github", "env_file": "oauth.env"}
PERSON = {"jupyterhub_users": [], "jupyterhub_userlist": "userlist"}
HOSTS: dict[str, dict[str, t.Any]] = {
    "good": {
        **SIMPLE,
        **PERSON,
        "jupyterhub_domain": "hub.example.org",
        "jupyterhub_tls": TLS,
        "jupyterhub_auth": GITHUB,
        "jupyterhub_spawner": {"environment": {"GREETING": "{{ greeting }}"}},
        "greeting": "hello",
        "docker_compose_wait_timeout": "300",
        "other_variable": 1,
    },
    "misspelt": {**SIMPLE, "jupyterhub_spawnr": {}},
    "nofile": {**SIMPLE, **PERSON, "jupyterhub_userlist": "nowhere/userlist"},
    "binary": {**SIMPLE, "jupyterhub_domain": "hub.example.org", "jupyterhub_tls": {**TLS, "certificate": "certificates/chain.der"}},
    "environment": {**SIMPLE, "jupyterhub_auth": {}},
    "old": {**SIMPLE, "jupyterhub_config": {"KubeSpawner": {"singleuser_uid": 1000}}},
    "typo": {**SIMPLE, "jupyterhub_config": {"Spawner": {"defalt_url": "/lab"}}},
}
TASKS = [
    {"name": "Show what the lookup returns", "ansible.builtin.debug": {"msg": "{{ lookup('vdsg.jupyterhub.description', fail=false) }}"}},
    {"name": "Fail", "ansible.builtin.debug": {"msg": "{{ lookup('vdsg.jupyterhub.description') }}"}, "when": "inventory_hostname == 'misspelt'"},
]
Run = tuple[dict[str, t.Any], str, list[str]]
PLAY = [{"hosts": "all", "gather_facts": False, "connection": "local", "tasks": TASKS}]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return what each host got, what a task says that fails, and what is warned of. Files are beside the inventory, which is not beside the play."""
    top = tmp_path_factory.mktemp("lookup")
    inventory = top / "inventories" / "lab"
    (inventory / "certificates").mkdir(parents=True)
    (inventory / "hosts.json").write_text(json.dumps({"all": {"hosts": HOSTS}}))
    (inventory / "userlist").write_text("GeoHeil admin\nmaksmitk\n")
    (inventory / "oauth.env").write_text("GITHUB_CLIENT_ID=file-id\n")
    (inventory / "certificates" / "fullchain.pem").write_text(CHAIN)
    der = x509.load_pem_x509_certificate(CHAIN.encode()).public_bytes(serialization.Encoding.DER)
    (inventory / "certificates" / "chain.der").write_bytes(der)
    secret = VaultSecret(b"passphrase")
    (inventory / "certificates" / "privkey.pem").write_bytes(VaultLib([("default", secret)]).encrypt(pem(KEY), secret))
    (top / "passphrase").write_text("passphrase")
    (top / "play.json").write_text(json.dumps(PLAY))
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "GITHUB_CLIENT_ID": "env-id",
        "GITHUB_CLIENT_SECRET": "env-secret",
        "LC_ALL": "C.UTF-8",
    }
    command = ["ansible-playbook", "-i", str(inventory / "hosts.json"), "--vault-password-file", str(top / "passphrase"), str(top / "play.json")]
    done = subprocess.run(command, env=environment, cwd=top, capture_output=True, text=True, check=False, timeout=120)
    shown, failed = json.loads(done.stdout)["plays"][0]["tasks"]
    return {name: result["msg"] for name, result in shown["hosts"].items()}, failed["hosts"]["misspelt"]["msg"], shown["hosts"]["old"]["warnings"]


def test_variables_are_collected_and_files_are_found_beside_the_inventory(run: Run) -> None:
    found = run[0]["good"]
    assert found["problem"] == ""
    variables = found["variables"]
    assert variables["jupyterhub_users"] == [{"name": "geoheil", "admin": True}, {"name": "maksmitk", "admin": False}]
    assert variables["jupyterhub_spawner"]["environment"] == {"GREETING": "hello"}, "templates are resolved"
    assert variables["docker_compose_wait_timeout"] == "300"
    assert not {"other_variable", "greeting"} & set(variables)


def test_secrets_come_apart_decrypted(run: Run) -> None:
    found = run[0]["good"]
    assert found["secrets"] == {"oauth_client_secret": "env-secret", "tls_certificate": CHAIN, "tls_key": pem(KEY)}
    assert found["variables"]["jupyterhub_auth"]["client_id"] == "file-id"
    assert "env-secret" not in json.dumps(found["variables"])


def test_programs_come_along(run: Run) -> None:
    programs = run[0]["good"]["programs"]
    assert programs["hub_relay.py"] == (ROOT / "roles/jupyterhub/files/hub_relay.py").read_text()


def test_the_environment_is_the_controllers(run: Run) -> None:
    assert run[0]["environment"]["variables"]["jupyterhub_auth"]["client_id"] == "env-id"


def test_an_old_name_is_translated_and_warned_of(run: Run) -> None:
    assert run[0]["old"]["variables"]["jupyterhub_config"] == {"KubeSpawner": {"uid": 1000}}
    assert run[2] == ["jupyterhub_config.KubeSpawner.singleuser_uid is an old name; it is taken for uid: say that"]


PROBLEMS = [
    ("typo", "jupyterhub_config.Spawner.defalt_url: Spawner has no such trait; did you mean Spawner.default_url?"),
    ("misspelt", "jupyterhub_spawnr is not a known setting; did you mean jupyterhub_spawner?"),
    ("nofile", "jupyterhub_userlist is 'nowhere/userlist', which cannot be read on the controller: No such file or directory"),
    ("binary", "jupyterhub_tls.certificate is not a certificate in PEM form (-----BEGIN CERTIFICATE-----)"),
]


@pytest.mark.parametrize(("host", "message"), PROBLEMS, ids=[host for host, _message in PROBLEMS])
def test_a_problem_is_one_sentence(run: Run, host: str, message: str) -> None:
    assert run[0][host]["problem"] == message
    assert run[0][host]["variables"] == {}


def test_or_the_end_of_the_task(run: Run) -> None:
    assert "did you mean jupyterhub_spawner?" in run[1]
    assert "Traceback" not in run[1]
