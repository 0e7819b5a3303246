# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From zero-to-jupyterhub: values become variables that the role k8s takes, no key is lost silently, and no secret is in a variable."""

from __future__ import annotations

import copy
import functools
import itertools
import json
import os
import pathlib
import re
import subprocess
import types
import typing as t

import hypothesis
import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.parsing.vault import VaultLib, VaultSecret
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.filter.from_z2jh import from_z2jh
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import k8s, z2jh, z2jh_chart, z2jh_values
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.resolve import Resolved
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import z2jh_inventory
from ansible_collections.vdsg.jupyterhub.tests.unit.support import EXAMPLE_KEY, GOLDEN, NOW, PROGRAMS, ROOT, certificate, pem, program, resolved

Json = dict[str, t.Any]
OPTIONS = z2jh.Options(name="lab", namespace="jhub", context="lab", hub_image="registry.example.org/hub:6.1.1")
SAMPLES = GOLDEN / "z2jh"
ADMIN = {"Authenticator": {"admin_users": ["jenny"]}}
REFUSED = "as they stand, the variables are refused"
servers = program("servers")


def sample(name: str) -> Json:
    return t.cast(Json, yaml.safe_load((SAMPLES / f"{name}.values.yaml.txt").read_text()))


def values(**parts: t.Any) -> Json:
    """Values of a hub with an admin."""
    hub = parts.pop("hub", {})
    return {"hub": {**hub, "config": {**ADMIN, **hub.get("config", {})}}, **parts}


def translated(given: Json, **options: t.Any) -> z2jh.Result:
    return z2jh.translate(given, z2jh.Options(**{**vars(OPTIONS), **options}), NOW)


def taken(found: z2jh.Result) -> Resolved:
    """What the role k8s makes of the variables: files are read, everything is checked, and the manifests are rendered."""
    made = resolved(found.plain(), found.files, target=["k8s"])
    keys = ("cookie_secret", "tls_certificate", "tls_key", "authority_certificate", "proxy_token")
    k8s.render(made.hub, made.settings["k8s"], PROGRAMS, {**dict.fromkeys(keys, "0" * 64), **made.secrets}, {}, "hush")
    return made


def config(found: z2jh.Result) -> str:
    made = taken(found)
    rendered = k8s.render(made.hub, made.settings["k8s"], PROGRAMS, dict.fromkeys(("tls_certificate", "tls_key", "proxy_token"), "0"), {}, "hush")
    return str(next(item for item in rendered.manifests if item["kind"] == "ConfigMap")["data"]["jupyterhub_config.py"])


class Loader(yaml.SafeLoader):
    """YAML as Ansible reads it."""


def as_it_is(loader: yaml.SafeLoader, node: yaml.Node) -> t.Any:
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


Loader.add_constructor("!unsafe", as_it_is)


# --- whole hubs


@pytest.mark.parametrize("name", ["small", "large"])
def test_the_inventory_is_the_golden_one(name: str) -> None:
    """Read these to see what becomes of a hub; `UPDATE_GOLDEN=1 pytest tests/unit/test_z2jh.py` writes them anew."""
    found = translated(sample(name))
    text = "".join(f"# ----- {path}\n{content.rstrip()}\n" for path, content in found.inventory().items())
    golden = SAMPLES / f"{name}.inventory.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", ["small", "large"])
@pytest.mark.parametrize("chart", [3, 4])
def test_the_role_takes_a_hub_with_nothing_more_said(name: str, chart: int) -> None:
    found = translated(sample(name), chart=chart)
    assert not any(REFUSED in note for note in found.notes)
    made = taken(found)
    compile(config(found), "jupyterhub_config.py", "exec")
    assert made.settings["k8s"].namespace == "jhub"


def test_no_secret_of_a_hub_is_in_a_file_for_everybody() -> None:
    inventory = translated(sample("large")).inventory()
    public = "".join(text for path, text in inventory.items() if not z2jh_inventory.is_secret(path))
    secret = "".join(text for path, text in inventory.items() if z2jh_inventory.is_secret(path))
    words = set(re.findall(r"hush-[a-z0-9-]+", (SAMPLES / "large.values.yaml.txt").read_text())) - {"hush-in-code"}
    assert words
    assert [word for word in words if word in public] == []
    assert [word for word in words if word not in secret] == []


def test_the_variables_are_what_ansible_reads_from_the_file() -> None:
    """What looks like Jinja is marked as none, and what is ours is filled in."""
    found = translated(sample("large"))
    text = found.inventory()["group_vars/k8s/main.yml"]
    assert "20-template.py: !unsafe |" in text
    assert yaml.load(text, Loader) == json.loads(json.dumps(found.variables))


# --- no key is lost


MARK = object()
"""A text that is nowhere else."""

NUMBER = object()
"""A number that is nowhere else."""

ENVIRONMENT: Json = {
    "PLAIN": MARK,
    "API_TOKEN": MARK,
    "BRACES": ("{username}/", MARK),
    "explicit": {"name": "NAMED", "value": MARK},
    "FIELD": {"valueFrom": {"fieldRef": {"fieldPath": ("metadata.labels['", MARK, "']")}}},
    "SECRET": {"valueFrom": {"secretKeyRef": {"name": MARK, "key": MARK}}},
    "NUMBER": NUMBER,
}
FILES: Json = {
    "text": {"mountPath": ("/etc/jupyterhub/mine/", MARK), "stringData": MARK, "mode": 0o400},
    "json": {"mountPath": ("/srv/", MARK, ".json"), "data": {"a": MARK}},
    "toml": {"mountPath": ("/srv/", MARK, ".toml"), "data": {"a": MARK}},
    "page": {"mountPath": ("/usr/local/share/jupyterhub/templates/", MARK, ".html"), "stringData": MARK},
    "code": {"mountPath": ("/usr/local/etc/jupyterhub/jupyterhub_config.d/", MARK, ".py"), "stringData": ("c.Mine.trait = '", MARK, "'")},
}
PROFILES: list[t.Any] = [
    {
        "display_name": MARK,
        "description": MARK,
        "slug": MARK,
        "kubespawner_override": {"image": MARK, "mem_limit": "2G", "node_selector": {"pool": MARK}, "environment": {"A": MARK, "TOKEN": MARK}},
        "profile_options": {
            "image": {
                "display_name": MARK,
                "choices": {"one": {"display_name": MARK, "kubespawner_override": {"image": MARK, "tolerations": [{"key": MARK}]}}, "two": {}},
                "unlisted_choice": {"enabled": True, "display_name": MARK},
            }
        },
    },
    {"display_name": MARK, "novelty": MARK},
]
RULE = {"to": [{"ipBlock": {"cidr": "10.9.8.7/32"}}], "ports": [{"port": NUMBER}]}

SHAPES: dict[str, list[t.Any]] = {
    "hub.config": [
        {"JupyterHub": {"authenticator_class": "github"}, "GitHubOAuthenticator": {"client_id": MARK, "client_secret": MARK, "allowed_organizations": [MARK]}},
        {"JupyterHub": {"authenticator_class": "dummy", "novelty": MARK, "load_groups": {"g": [MARK]}}, "DummyAuthenticator": {"password": MARK}},
        {"JupyterHub": {"authenticator_class": "generic-oauth"}, "GenericOAuthenticator": {"token_url": MARK, "claim_groups_key": MARK, "client_secret": MARK}},
        {"JupyterHub": {"authenticator_class": "generic-oauth"}, "GenericOAuthenticator": {"auth_state_groups_key": MARK, "oauth_callback_url": MARK}},
        {"JupyterHub": {"authenticator_class": "module.Own"}, "Own": {"oauth_callback_url": MARK, "client_id": MARK}, "KubeSpawner": {"volumes": [MARK]}},
        {
            "KubeSpawner": {"working_dir": MARK, "environment": {"A": MARK}, "profile_list": [{"display_name": MARK}]},
            "Own": {"api_key": MARK, "x": {"token": MARK}},
        },
        {
            "JupyterHub": {"authenticator_class": MARK, "base_url": MARK, "cookie_secret": MARK},
            "Authenticator": {"allowed_users": [MARK], "blocked_users": [MARK]},
        },
        {
            "JupyterHub": {"authenticator_class": "ldap"},
            "LDAPAuthenticator": {"server_address": MARK, "lookup_dn_search_password": MARK, "allowed_groups": [MARK]},
        },
        {
            "JupyterHub": {"authenticator_class": ("module.", MARK, "Authenticator")},
            "LTI11Authenticator": {"consumers": {"key": MARK}},
            "x y": {"z": MARK},
            "A": NUMBER,
        },
    ],
    "hub.services": [
        {"grader": {"url": MARK, "api_token": MARK, "novelty": MARK}, "other": {"name": MARK, "apiToken": MARK, "command": MARK, "info": {"a": MARK}}},
        {"bad": MARK},
    ],
    "hub.loadRoles": [{"grader": {"description": MARK, "scopes": [MARK], "groups": [MARK], "novelty": MARK}, "admin": {"users": [MARK]}}, {"bad": MARK}],
    "hub.extraConfig": [
        {"a": ("c.Mine.trait = '", MARK, "'"), "b": ("no python ", MARK), "c": ("c.Own.secret = '", MARK, "'"), "d": ("get_name('", MARK, "')")},
        {"a": ("print(get_config('custom.word'), '", MARK, "')")},
    ],
    "hub.extraEnv": [ENVIRONMENT, [{"name": "A", "value": MARK}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": MARK}}}, MARK]],
    "hub.extraFiles": [FILES, {"bad": MARK, "none": {"mountPath": MARK}}],
    "hub.templatePaths": [[MARK], ["/etc/jupyterhub/pages", MARK]],
    "hub.templateVars": [{"a": MARK}],
    "hub.db.type": ["postgres", "mysql", "sqlite-memory", MARK],
    "hub.db.url": [("postgresql+psycopg2://", MARK, ":", MARK, "@", MARK, ":5432/", MARK), MARK],
    "hub.db.pvc.storage": ["3Gi", "1500M", MARK],
    "hub.activeServerLimit": [NUMBER, MARK],
    "hub.concurrentSpawnLimit": [NUMBER],
    "hub.namedServerLimitPerUser": [NUMBER, -1],
    "hub.nodeSelector": [{"pool": MARK}],
    "hub.tolerations": [[{"key": MARK, "operator": "Exists"}]],
    "hub.image.pullSecrets": [[MARK, {"name": MARK}], MARK],
    "imagePullSecrets": [[MARK], [{"name": MARK}]],
    "proxy.service.type": ["ClusterIP", "NodePort", "ExternalName", MARK],
    "proxy.service.annotations": [{"a": MARK}],
    "proxy.service.loadBalancerSourceRanges": [[MARK]],
    "proxy.service.nodePorts.http": [NUMBER],
    "proxy.https.type": ["manual", "offload", "secret", MARK],
    "proxy.https.hosts": [["hub.example.org", (MARK, ".example.org")], ["*.example.org", MARK], MARK],
    "ingress.hosts": [[(MARK, ".example.org"), MARK], MARK],
    "ingress.annotations": [{"a": MARK, "cert-manager.io/cluster-issuer": MARK}, {"kubernetes.io/ingress.class": MARK, "kubernetes.io/tls-acme": "true"}],
    "ingress.tls": [[{"hosts": [MARK], "secretName": MARK}, {"secretName": MARK}], [{"hosts": [MARK]}]],
    "singleuser.extraEnv": [ENVIRONMENT, [{"name": "A", "value": MARK}, {"value": MARK}]],
    "singleuser.extraFiles": [FILES, {"binary": {"mountPath": ("/srv/", MARK), "binaryData": "/w=="}}],
    "singleuser.extraLabels": [{"a": MARK}],
    "singleuser.extraAnnotations": [{"a": MARK}],
    "singleuser.extraTolerations": [[{"key": MARK}]],
    "singleuser.nodeSelector": [{"pool": MARK}],
    "singleuser.extraResource.limits": [{"nvidia.com/gpu": NUMBER}],
    "singleuser.profileList": [PROFILES, MARK, [MARK]],
    "singleuser.cmd": [[MARK, MARK], MARK],
    "singleuser.cpu.limit": [NUMBER, 0.5, MARK],
    "singleuser.memory.limit": ["2G", "1.5Gi", 1073741824, MARK],
    "singleuser.uid": [NUMBER, 0],
    "singleuser.storage.type": ["static", "none", MARK],
    "singleuser.storage.capacity": ["20Gi", "20G", MARK],
    "singleuser.storage.extraVolumes": [
        [
            {"name": "claim", "persistentVolumeClaim": {"claimName": MARK}},
            {"name": "server", "nfs": {"server": MARK, "path": "/export"}},
            {"name": "host", "hostPath": {"path": MARK}},
            {"name": "none", "secret": {"secretName": MARK}},
        ]
    ],
    "singleuser.storage.extraVolumeMounts": [
        [
            {"name": "claim", "mountPath": ("/srv/", MARK)},
            {"name": "server", "mountPath": ("/nfs/", MARK)},
            {"name": "host", "mountPath": MARK, "subPath": MARK},
        ]
    ],
    "singleuser.networkPolicy.egress": [[RULE], [{"to": [{"podSelector": {"matchLabels": {"a": MARK}}}]}]],
    "singleuser.lifecycleHooks": [{"postStart": {"exec": {"command": [MARK]}}}],
    "singleuser.extraContainers": [[{"name": "a", "env": [{"name": "A_TOKEN", "value": MARK}]}], [{"name": MARK}]],
    "scheduling.userPods.tolerations": [[{"key": MARK}], []],
    "scheduling.corePods.tolerations": [[{"key": MARK}]],
    "scheduling.userPods.nodeAffinity.matchNodePurpose": ["require", "ignore", MARK],
    "scheduling.corePods.nodeAffinity.matchNodePurpose": ["require", "ignore"],
    "hub.resources": [{"requests": {"cpu": NUMBER}, "limits": {"memory": "1Gi"}}, {"claims": [{"name": MARK}]}, {"requests": {"cpu": MARK}}],
    "proxy.chp.resources": [{"limits": {"cpu": NUMBER}}],
    "prePuller.extraImages": [{"one": {"name": MARK, "tag": MARK}, "two": {"tag": MARK}, "three": MARK}],
    "prePuller.continuous.enabled": [False, MARK],
    "hub.pdb.enabled": [True, MARK],
    "cull.timeout": [NUMBER, 5],
    "custom": [{"word": MARK}, {"mail": {"password": MARK}}],
    "global": [{"word": MARK}],
}
"""What keys may hold whose content means something here; all others hold a mark."""

JUNK: list[t.Any] = [{"a": MARK}, [MARK], MARK, NUMBER, 0.25, -1, ""]
AMOUNTS = ("hub.db.pvc.storage", "singleuser.storage.capacity", "singleuser.memory.limit", "singleuser.memory.guarantee")
"""Numbers are bytes there, which are written as kilobytes or more."""

KEYS = {z2jh_values.dotted(path): key for path, key in z2jh_values.known_keys()}


class Marks:
    """Makes values that are found again; a tuple is one text of several parts."""

    def __init__(self) -> None:
        self.numbers = itertools.count(20001)

    def fill(self, shape: t.Any) -> t.Any:
        if shape is MARK:
            return f"zq{next(self.numbers)}"
        if shape is NUMBER:
            return next(self.numbers)
        if isinstance(shape, dict):
            return {key: self.fill(item) for key, item in shape.items()}
        if isinstance(shape, tuple):
            return "".join(map(self.fill, shape))
        return [self.fill(item) for item in shape] if isinstance(shape, list) else shape


def put(given: Json, path: str, value: t.Any) -> None:
    *sections, last = path.split(".")
    for name in sections:
        given = given.setdefault(name, {})
    given[last] = value


def different(key: z2jh_chart.Key) -> t.Any:
    """A value that is not what the chart has anyway."""
    default = key.defaults[0]
    return (not default) if isinstance(default, bool) else MARK


@st.composite
def any_values(draw: st.DrawFn) -> Json:
    marks = Marks()
    found: Json = {}
    for path in draw(st.lists(st.sampled_from([*sorted(KEYS), *SHAPES]), min_size=1, max_size=12, unique=True)):
        shapes = [*SHAPES.get(path, [different(KEYS[path])]), *(item for item in JUNK if item is not NUMBER or path not in AMOUNTS)]
        put(found, path, marks.fill(draw(st.sampled_from(shapes))))
    for unknown in draw(st.lists(st.sampled_from(["hub.novelty", "novelty", "singleuser.imagee", "cull.timeouts"]), max_size=2, unique=True)):
        put(found, unknown, marks.fill(MARK))
    return found


def marked(value: t.Any, path: tuple[str | int, ...] = ()) -> t.Iterator[tuple[tuple[str | int, ...], str]]:
    """Every leaf that has a mark, and the mark."""
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from marked(item, (*path, key))
    else:
        for mark in re.findall(r"zq\d+|(?<![\d.])2\d{4}(?!\d)", str(value)):
            yield path, mark


def said(found: z2jh.Result, path: tuple[str | int, ...]) -> bool:
    """Whether a key, or one that it is in, is named as unused."""
    return any(z2jh_values.dotted(path[:length]) in found.unused for length in range(1, len(path) + 1))


BESIDE: dict[str, Json] = {
    "no storage": {"singleuser": {"storage": {"type": "none"}}},
    "one claim": {"singleuser": {"storage": {"type": "static"}}},
    "no culling": {"cull": {"enabled": False}},
    "ingress": {"ingress": {"enabled": True, "annotations": {"cert-manager.io/cluster-issuer": "a"}}},
    "another database": {"hub": {"db": {"type": "other"}}},
}


def lost(given: Json) -> list[str]:
    """Where a mark stood that is neither in the variables nor in a file beside them, and whose key is not named."""
    found = translated(given)
    everything = json.dumps([found.plain(), found.variables, *found.files.items()])
    return [z2jh_values.dotted(path) for path, mark in marked(given) if mark not in everything and not said(found, path)]


NEEDS: dict[str, Json] = {
    "hub.db.url": {"hub": {"db": {"type": "postgres"}}},
    "hub.db.password": {"hub": {"db": {"type": "postgres"}}},
    "hub.namedServerLimitPerUser": {"hub": {"allowNamedServers": True}},
    "hub.serviceAccount.name": {"hub": {"serviceAccount": {"create": False}}},
    "cull.adminUsers": {"cull": {"users": True}},
    "proxy.https.type": {"proxy": {"https": {"enabled": True, "hosts": ["hub.example.org"]}}},
    "proxy.https.hosts": {"proxy": {"https": {"enabled": True}}},
    "proxy.https.manual.key": {"proxy": {"https": {"enabled": True, "type": "manual"}}},
    "proxy.https.manual.cert": {"proxy": {"https": {"enabled": True, "type": "manual"}}},
    "proxy.https.secret.name": {"proxy": {"https": {"enabled": True, "type": "secret"}}},
    "proxy.service.nodePorts.http": {"proxy": {"service": {"type": "NodePort"}}},
    "proxy.service.nodePorts.https": {"proxy": {"service": {"type": "NodePort"}, "https": {"enabled": True, "hosts": ["hub.example.org"]}}},
    "singleuser.storage.static.pvcName": {"singleuser": {"storage": {"type": "static"}}},
    "singleuser.storage.static.subPath": {"singleuser": {"storage": {"type": "static"}}},
    "singleuser.storage.extraVolumeMounts": {"singleuser": {"storage": {"extraVolumes": [{"name": "claim", "persistentVolumeClaim": {"claimName": "a"}}]}}},
    "singleuser.storage.extraVolumes": {
        "singleuser": {"storage": {"extraVolumeMounts": [{"name": name, "mountPath": f"/{name}"} for name in ("claim", "server")]}}
    },
    "custom": {"hub": {"extraConfig": {"a": "get_config('custom.word')"}}},
    **{f"ingress.{name}": {"ingress": {"enabled": True}} for name in ("hosts", "annotations", "tls", "ingressClassName")},
    **{f"imagePullSecret.{name}": {"imagePullSecret": {"create": True}} for name in ("registry", "username", "password")},
}
"""What else must be said for a key to mean something."""

CASES: list[tuple[str, t.Any, Json]] = [
    (path, shape, needs) for path, shapes in SHAPES.items() for shape in [*shapes, *JUNK[:2]] for needs in ([{}, NEEDS[path]] if path in NEEDS else [{}])
]
CASES += [
    ("hub.db", {"type": "postgres", "url": ("postgresql+psycopg2://hub:", MARK, "@db.example.org/hub"), "password": MARK}, {}),
    ("hub.templatePaths", NUMBER, {}),
]


@pytest.mark.parametrize(("path", "shape", "needs"), CASES, ids=[f"{index}-{case[0]}" for index, case in enumerate(CASES)])
def test_every_leaf_of_a_key_is_used_or_named(path: str, shape: t.Any, needs: Json) -> None:
    """A mark that stood in the values stands in the variables or in a file beside them; else its key is named."""
    given = copy.deepcopy(needs)
    put(given, path, Marks().fill(shape))
    assert lost(given) == []


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("section", ["hub.db", "proxy", "ingress", "cull", "singleuser.storage", "imagePullSecret"])
def test_every_leaf_of_a_section_is_used_or_named(section: str, beside: str) -> None:
    """What means nothing beside something else is named, too."""
    given = copy.deepcopy(BESIDE[beside])
    marks = Marks()
    for path, key in KEYS.items():
        if path.startswith(f"{section}.") and path.split(".")[-1] not in ("enabled", "type") and not isinstance(key.defaults[0], bool):
            put(given, path, marks.fill(SHAPES.get(path, [MARK])[0]))
    assert lost(given) == []


@hypothesis.given(any_values())
def test_every_leaf_is_used_or_named_whatever_stands_beside_it(given: Json) -> None:
    assert lost(given) == []


@hypothesis.given(any_values())
def test_what_comes_out_is_taken_or_said_to_be_refused(given: Json) -> None:
    found = translated(given)
    if not any(REFUSED in note for note in found.notes):
        compile(config(found), "jupyterhub_config.py", "exec")
    assert all(advice.strip() for advice in found.unused.values())


SECRET_PLACES = [
    ("hub.config", {"JupyterHub": {"authenticator_class": "github"}, "GitHubOAuthenticator": {"client_secret": MARK}}),
    ("hub.config", {"JupyterHub": {"authenticator_class": "ldap"}, "LDAPAuthenticator": {"lookup_dn_search_password": MARK}}),
    ("hub.config", {"JupyterHub": {"authenticator_class": "ltiauthenticator.LTI11Authenticator"}, "LTI11Authenticator": {"consumers": {"moodle": MARK}}}),
    ("hub.config", {"JupyterHub": {"authenticator_class": "module.OwnAuthenticator"}, "OwnAuthenticator": {"client_id": "id", "client_secret": MARK}}),
    ("hub.config", {"DummyAuthenticator": {"password": MARK}}),
    ("hub.config", {"CryptKeeper": {"keys": [MARK]}}),
    ("hub.config", {"JupyterHub": {"cookie_secret": MARK}}),
    ("hub.config", {"ConfigurableHTTPProxy": {"auth_token": MARK}}),
    ("hub.config", {"Own": {"api_token": MARK, "nested": {"password": MARK}, "list": [{"name": "A_TOKEN", "value": MARK}]}}),
    ("hub.config", {"KubeSpawner": {"environment": {"API_KEY": MARK}, "extra_containers": [{"env": [{"name": "API_KEY", "value": MARK}]}]}}),
    ("hub.cookieSecret", MARK),
    ("hub.db", {"type": "postgres", "url": ("postgresql://hub:", MARK, "@db.example.org/hub")}),
    ("hub.db", {"type": "mysql", "url": "mysql+pymysql://hub@db.example.org/hub", "password": MARK}),
    ("hub.db.password", MARK),
    ("hub.services", {"one": {"api_token": MARK}, "two": {"apiToken": MARK, "command": "x", "environment": {"A_TOKEN": MARK}}}),
    ("hub.extraEnv", {"AWS_SECRET_ACCESS_KEY": MARK}),
    ("hub.extraFiles", {"a": {"mountPath": "/etc/jupyterhub/a/b", "stringData": MARK}}),
    ("hub.extraConfig", {"a": ("c.GitHubOAuthenticator.client_secret = '", MARK, "'")}),
    ("proxy.secretToken", MARK),
    ("proxy.https", {"enabled": True, "type": "manual", "manual": {"key": MARK, "cert": "x"}}),
    ("proxy.https.manual.key", MARK),
    ("imagePullSecret", {"create": True, "registry": "r.example.org", "username": "u", "password": MARK}),
    ("imagePullSecret.password", MARK),
    ("singleuser.extraEnv", {"GITHUB_TOKEN": MARK, "WITH_BRACES_TOKEN": ("{username}:", MARK)}),
    ("singleuser.extraFiles", {"a": {"mountPath": "/srv/a", "stringData": MARK}}),
    ("singleuser.extraContainers", [{"name": "a", "env": [{"name": "A_PASSWORD", "value": MARK}]}]),
    ("singleuser.initContainers", [{"name": "a", "env": [{"name": "A_PASSWORD", "value": MARK}]}]),
    ("singleuser.profileList", [{"display_name": "a", "kubespawner_override": {"environment": {"TOKEN": MARK}, "extra_pod_config": {"password": MARK}}}]),
    ("singleuser.storage.extraVolumes", [{"name": "a", "csi": {"volumeAttributes": {"secret": MARK}}}]),
    ("custom", {"anything": {"password": MARK}}),
]


@pytest.mark.parametrize(("path", "shape"), SECRET_PLACES, ids=[f"{index}-{path}" for index, (path, _shape) in enumerate(SECRET_PLACES)])
def test_a_secret_is_in_no_variable_note_or_advice(path: str, shape: t.Any) -> None:
    given = values()
    put(given, path, Marks().fill(shape))
    found = translated(given)
    public = [text for name, text in found.inventory().items() if not z2jh_inventory.is_secret(name)]
    assert [mark for _path, mark in marked(given) for text in [*public, *found.lines("x")] if mark.startswith("zq") and mark in text] == []


@functools.lru_cache
def base_result(path: str) -> z2jh.Result:
    return translated(z2jh_values.merged(values(), NEEDS.get(path, {}))) if path in NEEDS or not path else base_result("")


@pytest.mark.parametrize("path", sorted(KEYS))
def test_every_key_of_the_chart_makes_a_difference_or_is_named(path: str) -> None:
    """Those included whose values are no marks: truths, and amounts."""
    base = z2jh_values.merged(values(), NEEDS.get(path, {}))
    given = copy.deepcopy(base)
    put(given, path, Marks().fill(SHAPES.get(path, [different(KEYS[path])])[0]))
    if path == "hub.config":
        given["hub"]["config"] |= ADMIN
    before, after = base_result(path), translated(given)
    assert (after.variables, after.files, after.unused) != (before.variables, before.files, before.unused)


@pytest.mark.parametrize("version", [0, -1], ids=["first", "last"])
def test_what_the_chart_has_anyway_needs_no_word(version: int) -> None:
    """`helm show values` names every key with what it is anyway; null is like nothing."""
    shown, nothing = values(), values()
    for path, key in KEYS.items():
        if path != "hub.config":
            put(shown, path, key.defaults[version])
            put(nothing, path, None)
    shown["hub"]["config"] |= KEYS["hub.config"].defaults[0]
    for given in (shown, nothing):
        assert translated(given).unused == {}
    assert translated(nothing).variables == translated(values()).variables


# --- what is no values.yaml, and what the chart does not have


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "this is no values.yaml of zero-to-jupyterhub: it is empty"),
        (["hub"], "this is no values.yaml of zero-to-jupyterhub: it is a list, not a dictionary"),
        ("hub", "this is no values.yaml of zero-to-jupyterhub: it is a string, not a dictionary"),
        ({}, "none of its keys is one of that chart; these are the values of another chart"),
        ({"replicaCount": 1, "image": {}}, "none of its keys is one of that chart (it has image, replicaCount); these are the values of another chart"),
        ({"jupyterhub": {"hub": {}}, "other": 1}, "these are the values of a chart in which that is jupyterhub: read those below jupyterhub"),
        ({"sops": {"mac": "x"}, "hub": {}}, "values.yaml is encrypted with sops"),
        ({"auth": {"type": "github"}, "hub": {}}, "values.yaml has auth, which charts before 1.0 had"),
        ({"hub": 3}, "values.yaml: hub must be a dictionary, not integer, as the chart has it"),
        ({"singleuser": {"cpu": 2}}, "values.yaml: singleuser.cpu must be a dictionary, not integer, as the chart has it"),
    ],
)
def test_what_is_no_values_yaml_is_refused_in_a_sentence(given: t.Any, sentence: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        translated(given)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_values_below_a_key_of_a_parent_chart() -> None:
    given: Json = {"jupyterhub": values(cull={"timeout": 7200}), "other": 1}
    assert translated(given, below="jupyterhub").variables == translated(given["jupyterhub"]).variables
    with pytest.raises(DescriptionError, match="has no dictionary jupyterhubb"):
        translated(given, below="jupyterhubb")


def test_a_version_of_the_chart_that_is_not_known() -> None:
    with pytest.raises(DescriptionError, match="version 2, but 3 and 4 are known"):
        translated(values(), chart=2)


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("singleuser.imagee", "did you mean singleuser.image?"),
        ("hub.concurentSpawnLimit", "did you mean hub.concurrentSpawnLimit?"),
        ("singleuser.profileList", ""),
        ("hub.timeout", "did you mean"),
        ("hub.profileList", "did you mean singleuser.profileList?"),
        ("hub.imagePullSecret", "charts before 0.10 said there how images are pulled, and versions 3 and 4 do not; take it away"),
        ("singleuser.cloudMetadata.enabled", "charts before 0.10 had it"),
        ("qwertyuiop", "the chart has no such key, and ignores or refuses it; take it away"),
    ],
)
def test_a_key_that_the_chart_does_not_have(path: str, advice: str) -> None:
    given = values()
    put(given, path, [{"display_name": "a"}])
    unused = translated(given).unused
    assert (advice in unused[path]) if advice else (path not in unused)


def test_a_value_of_another_type_is_named_without_being_shown() -> None:
    found = translated(values(singleuser={"startTimeout": "hush", "cmd": {"a": "hush"}, "extraEnv": "hush", "memory": {"limit": "hush"}}))
    assert set(found.unused) == {"singleuser.startTimeout", "singleuser.cmd", "singleuser.extraEnv", "singleuser.memory.limit"}
    assert "hush" not in str(found)
    assert found.unused["singleuser.startTimeout"] == "it is not taken over: it is not a whole number; set what is meant by hand"


def test_files_are_merged_as_helm_merges_them() -> None:
    """Dictionaries are merged, lists are replaced, null takes a value away."""
    first = values(singleuser={"nodeSelector": {"a": "1", "b": "2"}, "cmd": ["a", "b"], "cpu": {"limit": 2}})
    second = {"singleuser": {"nodeSelector": {"b": "3"}, "cmd": ["c"], "cpu": {"limit": None}}}
    found = z2jh.from_files([first, None, second], OPTIONS, NOW).variables
    assert found["k8s_pods"]["node_selector"] == {"a": "1", "b": "3"}
    assert found["jupyterhub_spawner"]["cmd"] == ["c"]
    assert "cpu_limit" not in found["jupyterhub_spawner"]


# --- who may log in


def hub_config(cls: str, **traits: t.Any) -> Json:
    name = cls.rpartition(".")[2]
    return values(hub={"config": {"JupyterHub": {"authenticator_class": cls}, name: traits}})


OAUTH = {"client_id": "id", "client_secret": "hush"}
OIDC = {f"{name}_url": f"https://id.example.org/{name}" for name in ("authorize", "token", "userdata")}
LTI = {"issuer": "https://lms.example.org", "authorize_url": "https://lms.example.org/auth", "jwks_endpoint": "https://lms.example.org/jwks"}
LOGINS: list[tuple[str, Json, Json]] = [
    ("oauthenticator.github.GitHubOAuthenticator", {**OAUTH, "allowed_organizations": ["a"]}, {"method": "github", "allowed_organizations": ["a"]}),
    ("oauthenticator.GitLabOAuthenticator", {**OAUTH, "allowed_gitlab_groups": ["a"]}, {"method": "gitlab", "allowed_groups": ["a"]}),
    ("oauthenticator.GoogleOAuthenticator", {**OAUTH, "hosted_domain": "example.org"}, {"method": "google", "google": {"hosted_domain": ["example.org"]}}),
    ("oauthenticator.azuread.AzureAdOAuthenticator", {**OAUTH, "tenant_id": "a"}, {"method": "azuread", "tenant_id": "a"}),
    ("oauthenticator.bitbucket.BitbucketOAuthenticator", {**OAUTH, "allowed_teams": ["a"]}, {"method": "bitbucket", "allowed_organizations": ["a"]}),
    ("oauthenticator.auth0.Auth0OAuthenticator", {**OAUTH, "auth0_domain": "a.auth0.com"}, {"method": "auth0", "auth0_domain": "a.auth0.com"}),
    (
        "oauthenticator.generic.GenericOAuthenticator",
        {**OAUTH, **OIDC, "username_key": "email", "claim_groups_key": "groups", "allowed_groups": ["a"], "scope": ["openid"]},
        {"method": "oidc", "oidc": OIDC, "username_claim": "email", "groups_claim": "groups", "allowed_groups": ["a"], "manage_groups": True},
    ),
    (
        "oauthenticator.generic.GenericOAuthenticator",
        {**OAUTH, **OIDC, "auth_state_groups_key": "oauth_user.realm.roles", "admin_groups": ["a"], "manage_groups": True, "allow_all": True},
        {"method": "oidc", "groups_claim": "realm.roles", "admin_groups": ["a"], "allow_all": True},
    ),
    (
        "oauthenticator.cilogon.CILogonOAuthenticator",
        {**OAUTH, "allowed_idps": {"https://id.example.org/a": {"username_derivation": {"username_claim": "eppn"}}}},
        {"method": "cilogon", "idps": {"https://id.example.org/a": {"username_derivation": {"username_claim": "eppn"}}}},
    ),
    (
        "ldapauthenticator.LDAPAuthenticator",
        {"server_address": "ldap.example.org", "bind_dn_template": "uid={username},dc=example", "use_ssl": True, "allowed_groups": ["cn=a"]},
        {"method": "ldap", "allowed_groups": ["cn=a"]},
    ),
    ("nativeauthenticator.NativeAuthenticator", {"open_signup": True, "minimum_password_length": 10}, {"method": "native", "min_password_length": 10}),
    ("firstuseauthenticator.FirstUseAuthenticator", {"min_password_length": 9}, {"method": "firstuse", "min_password_length": 9}),
    ("ltiauthenticator.lti13.auth.LTI13Authenticator", {"client_id": ["1"], **LTI}, {"method": "lti", "lti": {"version": "1.3", "client_ids": ["1"], **LTI}}),
    ("ltiauthenticator.LTI11Authenticator", {"consumers": {"key": "hush"}}, {"method": "lti"}),
    ("SharedPasswordAuthenticator", {"user_password": "hush-hush", "admin_password": "hush-" * 8}, {"method": "shared_password"}),
    ("DummyAuthenticator", {}, {"method": "dummy", "acknowledge_insecure": True}),
    ("DummyAuthenticator", {"password": "a-long-password"}, {"method": "shared_password"}),
    ("null", {}, {"method": "custom", "custom_class": "jupyterhub.auth.NullAuthenticator"}),
    ("mine.OwnAuthenticator", {**OAUTH, "where": "here"}, {"method": "custom", "custom_class": "mine.OwnAuthenticator", "client_id": "id"}),
]


@pytest.mark.parametrize(("cls", "traits", "auth"), LOGINS, ids=[f"{index}-{cls}" for index, (cls, _traits, _auth) in enumerate(LOGINS)])
@pytest.mark.parametrize("chart", [3, 4])
def test_every_authenticator_of_the_chart_is_a_method(cls: str, traits: Json, auth: Json, chart: int) -> None:
    found = translated(hub_config(cls, **traits) | {"proxy": {"https": {"enabled": True, "type": "offload", "hosts": ["hub.example.org"]}}}, chart=chart)
    assert auth.items() <= found.variables["jupyterhub_auth"].items()
    assert found.unused == {}
    assert [note for note in found.notes if REFUSED in note] == []
    taken(found)


def test_tmp_and_pam_want_more_than_the_values_say() -> None:
    tmp = translated({"hub": {"config": {"JupyterHub": {"authenticator_class": "tmp"}}}, "singleuser": {"storage": {"type": "none"}}})
    assert [note for note in tmp.notes if REFUSED in note] == []
    taken(tmp)
    pam = translated(hub_config("pam"))
    assert any("jupyterhub_auth.password_file" in note for note in pam.notes)


def test_people_are_those_of_the_lists_in_lower_case() -> None:
    given = values(hub={"config": {"Authenticator": {"admin_users": ["Jenny"], "allowed_users": ["Sam", "jenny"]}, "JupyterHub": {"admin_users": ["Bob"]}}})
    assert translated(given, admins=("Ann",)).variables["jupyterhub_users"] == [
        {"name": "ann", "admin": True},
        {"name": "jenny", "admin": True},
        {"name": "bob", "admin": True},
        {"name": "sam"},
    ]


def test_version_3_let_everybody_in_where_no_list_said_who() -> None:
    given = hub_config("nativeauthenticator.NativeAuthenticator") | {}
    assert "allow_all" not in translated(given, chart=3).variables["jupyterhub_auth"]
    given = hub_config("ldap", server_address="ldap.example.org", bind_dn_template=["uid={username}"])
    assert translated(given, chart=3).variables["jupyterhub_auth"]["allow_all"] is True
    assert "allow_all" not in translated(given, chart=4).variables["jupyterhub_auth"]
    given["hub"]["config"]["Authenticator"]["allowed_users"] = ["sam"]
    assert "allow_all" not in translated(given, chart=3).variables["jupyterhub_auth"]


def test_the_nearest_class_wins_and_the_other_is_named() -> None:
    given = hub_config("github", **OAUTH)
    given["hub"]["config"] |= {
        "GitHubOAuthenticator": {**OAUTH, "enable_auth_state": False},
        "Authenticator": {"admin_users": ["a"], "enable_auth_state": True},
    }
    found = translated(given)
    assert found.variables["jupyterhub_auth"]["enable_auth_state"] is False
    assert "GitHubOAuthenticator says something else" in found.unused["hub.config.Authenticator.enable_auth_state"]


# --- how people get in


TLS_MANUAL = {"key": pem(EXAMPLE_KEY), "cert": certificate("hub.example.org", key=EXAMPLE_KEY)}
INGRESS = {"enabled": True, "hosts": ["hub.example.org"]}
REACHES: list[tuple[str, Json, Json]] = [
    ("nothing", {}, {"jupyterhub_tls": {"mode": "none"}, "k8s_service": {"type": "LoadBalancer"}}),
    (
        "letsencrypt",
        {"proxy": {"https": {"enabled": True, "hosts": ["hub.example.org", "b.example.org"], "letsencrypt": {"contactEmail": "a@example.org"}}}},
        {"jupyterhub_tls": {"names": ["b.example.org"], "mode": "cert_manager"}, "k8s_certificate_issuer": "letsencrypt"},
    ),
    (
        "manual",
        {"proxy": {"https": {"enabled": True, "type": "manual", "hosts": ["hub.example.org"], "manual": TLS_MANUAL}}},
        {"jupyterhub_domain": "hub.example.org"},
    ),
    ("offload", {"proxy": {"https": {"enabled": True, "type": "offload"}}}, {"jupyterhub_tls": {"mode": "external"}, "k8s_service": {"type": "LoadBalancer"}}),
    (
        "secret",
        {"proxy": {"https": {"enabled": True, "type": "secret", "secret": {"name": "mine"}}}},
        {"jupyterhub_tls": {"mode": "secret"}, "k8s_tls_secret": "mine"},
    ),
    (
        "node ports",
        {"proxy": {"service": {"type": "NodePort", "nodePorts": {"http": 30090}}, "https": {"enabled": False}}},
        {"k8s_service": {"type": "NodePort"}, "jupyterhub_network": {"http_port": 30090}},
    ),
    ("node ports of the cluster's", {"proxy": {"service": {"type": "NodePort"}}}, {"jupyterhub_network": {"http_port": 30080}}),
    ("ingress", {"ingress": INGRESS}, {"jupyterhub_tls": {"mode": "none"}, "k8s_ingress": {"enabled": True}}),
    ("ingress and a Secret", {"ingress": {**INGRESS, "tls": [{"secretName": "mine"}]}}, {"jupyterhub_tls": {"mode": "secret"}, "k8s_tls_secret": "mine"}),
    (
        "ingress and cert-manager",
        {"ingress": {**INGRESS, "annotations": {"cert-manager.io/issuer": "ours"}, "tls": [{"secretName": "mine"}]}},
        {"jupyterhub_tls": {"mode": "cert_manager"}, "k8s_certificate_issuer": "ours", "k8s_certificate_issuer_kind": "Issuer"},
    ),
    (
        "ingress and offload",
        {"ingress": {**INGRESS, "ingressClassName": "nginx"}, "proxy": {"https": {"enabled": True, "type": "offload"}}},
        {"jupyterhub_tls": {"mode": "external"}, "k8s_ingress": {"enabled": True, "class_name": "nginx"}},
    ),
]


@pytest.mark.parametrize(("given", "wanted"), [case[1:] for case in REACHES], ids=[case[0] for case in REACHES])
def test_every_way_in_has_its_variables(given: Json, wanted: Json) -> None:
    found = translated(values(**given))
    assert wanted.items() <= found.variables.items()
    assert [note for note in found.notes if REFUSED in note] == []
    taken(found)


# --- servers


@pytest.mark.parametrize(
    ("storage", "chart", "wanted"),
    [
        ({}, 4, {"pvc_name_template": "claim-{user_server}"}),
        ({}, 3, {"pvc_name_template": "claim-{username}{servername}", "slug_scheme": "escape"}),
        ({"dynamic": {"pvcNameTemplate": "home-{username}"}}, 4, {"pvc_name_template": "home-{username}"}),
    ],
)
def test_people_find_their_old_claims(storage: Json, chart: int, wanted: Json) -> None:
    found = translated(values(singleuser={"storage": storage}), chart=chart)
    assert found.variables["jupyterhub_config"]["KubeSpawner"].items() >= wanted.items()
    assert found.variables["jupyterhub_storage"]["mount_path"] == "/home/jovyan"
    text = config(found)
    assert text.index("c.KubeSpawner.pvc_name_template = 'lab-user-{username}'") < text.index(
        f"c.KubeSpawner.pvc_name_template = {wanted['pvc_name_template']!r}"
    )


def test_images_are_pulled_beforehand_unless_the_values_say_otherwise() -> None:
    """The chart does so unasked."""
    assert translated(values()).variables["k8s_image_puller"] == {"enabled": True}
    given = values(prePuller={"extraImages": {"large": {"name": "registry.example.org/large", "tag": "1"}}})
    found = translated(given)
    assert found.variables["k8s_image_puller"] == {"enabled": True, "images": ["registry.example.org/large:1"]}
    taken(found)
    assert "k8s_image_puller" not in translated(values(prePuller={"continuous": {"enabled": False}})).variables


def test_resources_and_budgets_of_the_hubs_own_pods() -> None:
    resources = {"requests": {"cpu": "200m"}, "limits": {"memory": "1Gi"}}
    given = values(
        hub={"resources": resources, "pdb": {"enabled": True}}, proxy={"chp": {"resources": resources}}, prePuller={"resources": {"limits": {"cpu": 1}}}
    )
    found = translated(given)
    assert found.variables["k8s_resources"] == {"hub": resources, "proxy": resources, "image-puller": {"limits": {"cpu": "1"}}}
    assert found.variables["k8s_disruption_budgets"] is True
    assert found.unused == {}
    taken(found)


def test_one_claim_for_all() -> None:
    found = translated(values(singleuser={"storage": {"type": "static", "static": {"pvcName": "nfs", "subPath": "home/{username}"}}}))
    assert found.variables["k8s_storage"] == {"existing_claim": "nfs", "sub_path": "home/{username}"}
    taken(found)


@pytest.mark.parametrize(
    ("given", "wanted"), [("10Gi", "10G"), ("500Mi", "500M"), ("1Ti", "1T"), ("10G", "9765625K"), ("1.5Gi", "1536M"), (10737418240, "10G"), ("1000", "1K")]
)
def test_sizes_of_claims_are_those_of_kubernetes(given: t.Any, wanted: str) -> None:
    assert z2jh_values.capacity(given) == wanted


@pytest.mark.parametrize(("given", "wanted"), [("2G", "2G"), ("1.5G", "1536M"), ("512M", "512M"), (1073741824, "1G"), ("2Gi", "2G")])
def test_sizes_of_servers_are_those_of_jupyterhub(given: t.Any, wanted: str) -> None:
    assert z2jh_values.memory(given) == wanted


class Section(dict[str, t.Any]):
    """What traitlets' Config is to a piece of Python, as far as these go: sections that are there when they are named, and dictionaries."""

    def __getattr__(self, name: str) -> t.Any:
        return self.setdefault(name, Section()) if name[:1].isupper() else self[name]

    def __setattr__(self, name: str, value: t.Any) -> None:
        self[name] = value


def run_pieces(found: z2jh.Result, c: Section) -> None:
    secrets = {name: found.files[value.file].rstrip() for name, value in found.variables.get("jupyterhub_extra_secrets", {}).items()}
    pieces = found.variables["jupyterhub_extra_config"]
    exec("\n".join(pieces[name] for name in sorted(pieces)), {"c": c, "secret": secrets.__getitem__, "servers": servers})


def test_pieces_of_python_find_what_the_chart_gave_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values by get_config, the environment, modules that were imported: also where a piece imports them from z2jh."""
    monkeypatch.delenv("COURSE", raising=False)
    monkeypatch.setenv("MAIL_TOKEN", "another")
    given = sample("large")
    given["hub"]["extraConfig"]["40-import"] = (
        "from z2jh import get_config\nc.Mine.image = get_config('singleuser.image.name')\nc.Mine.none = get_config('a.b', 7)"
    )
    c = Section()
    c.KubeSpawner.volumes = {"home": {}}
    c.Spawner.apply_user_options = None
    run_pieces(translated(given), c)
    assert c.JupyterHub.template_vars == {"department": "physics"}
    assert c.Mine == {"image": "registry.example.org/course", "none": 7}
    assert os.environ["COURSE"] == "101"
    assert os.environ["MAIL_TOKEN"] == "hush-mail-token"
    assert set(c.KubeSpawner.volumes) == {"home", "shm"}
    server = types.SimpleNamespace(environment={})
    with pytest.raises(StopIteration):
        c.KubeSpawner.pre_spawn_hook(server).send(None)
    assert server.environment == {"WHEN": "101"}


@pytest.mark.parametrize(
    ("choice", "selector", "limits"),
    [({"profile": "GPU"}, {"pool": "gpu"}, {"nvidia.com/gpu": "1"}), ({"profile": "Small"}, {"pool": "users"}, {}), ({}, {"pool": "users"}, {})],
)
def test_a_profile_changes_what_only_kubespawner_knows(choice: dict[str, str], selector: Json, limits: Json) -> None:
    first: list[t.Any] = []
    c = Section()
    c.Spawner.apply_user_options = lambda _spawner, options: first.append(options)
    run_pieces(translated(sample("large")), c)
    server = types.SimpleNamespace(user=types.SimpleNamespace(name="sam"), node_selector={"pool": "users"}, extra_resource_limits={})
    c.Spawner.apply_user_options(server, choice)
    assert (first, server.node_selector, server.extra_resource_limits) == ([choice], selector, limits)


def test_a_piece_that_cannot_be_is_left_out_and_named() -> None:
    pieces = {"a": "def (", "b": "c.GitHubOAuthenticator.client_secret = 'hush'", "c": "get_secret_value('x')", "d": "c.Spawner.debug = True"}
    found = translated(values(hub={"extraConfig": pieces}))
    assert set(found.variables["jupyterhub_extra_config"]) == {"d"}
    assert found.unused["hub.extraConfig.a"].startswith("is not Python: ")
    assert "a configuration file is no place for one" in found.unused["hub.extraConfig.b"]
    assert "get_secret_value of the chart" in found.unused["hub.extraConfig.c"]
    assert "hush" not in str(found.unused)


# --- the doors


def test_the_filter_returns_what_becomes_of_values() -> None:
    found = from_z2jh(sample("large"), name="lab", namespace="jhub", context="lab", hub_image=OPTIONS.hub_image, admins=["ann"])
    assert found["variables"]["jupyterhub_users"][0] == {"name": "ann", "admin": True}
    assert found["files"]["secrets/oauth_client_secret.txt"] == "hush-oauth"
    assert found["unused"]["cull.concurrency"]
    assert all(isinstance(text, str) for text in found["variables"]["jupyterhub_extra_secrets"].values())
    for given, options, sentence in (([], {}, "it is a list"), (values(), {"nam": "lab"}, "unexpected keyword argument 'nam'")):
        with pytest.raises(AnsibleFilterError, match=sentence):
            from_z2jh(given, **options)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"hub: [", "is no YAML: line 1: "),
        (b"hub: {{ .Values.hub }}\n", "is no YAML: "),
        (b"\xff\xfe\xff", "is no YAML: it has characters that no text has"),
        (b"hub: !!python/object:os.system x\n", "is no YAML: "),
    ],
)
def test_a_file_that_is_no_yaml(tmp_path: pathlib.Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "values.yaml"
    path.write_bytes(content)
    with pytest.raises(DescriptionError) as refused:
        z2jh_inventory.read(str(path))
    assert f"{path} {sentence}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_date_is_a_text_as_for_helm(tmp_path: pathlib.Path) -> None:
    (tmp_path / "values.yaml").write_text("singleuser: {image: {tag: 2026-01-01}}\n")
    assert z2jh_inventory.read(str(tmp_path / "values.yaml")) == {"singleuser": {"image": {"tag": "2026-01-01"}}}


LOOK = [
    {
        "hosts": "k8s",
        "gather_facts": False,
        "tasks": [
            {
                "ansible.builtin.debug": {"msg": "{{ found.variables | combine({'secrets': found.secrets}) }}"},
                "vars": {"found": "{{ lookup('vdsg.jupyterhub.description', parts=['k8s']) }}"},
            }
        ],
    }
]


def play(directory: pathlib.Path, *arguments: str) -> tuple[int, list[Json], str]:
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(["ansible-playbook", *arguments], env=environment, cwd=directory, capture_output=True, text=True, check=False, timeout=300)
    tasks = [task["hosts"]["localhost"] for play in json.loads(done.stdout)["plays"] for task in play["tasks"]]
    return done.returncode, tasks, done.stdout + done.stderr


def test_the_playbook_writes_an_inventory_that_the_role_takes(tmp_path: pathlib.Path) -> None:
    """Check mode writes nothing, no secret is shown, and vaulted secrets are read."""
    (tmp_path / "values.yaml").write_text((SAMPLES / "large.values.yaml.txt").read_text())
    extra = {f"from_z2jh_{name}": getattr(OPTIONS, name) for name in ("name", "namespace", "context", "hub_image")}
    extra |= {"from_z2jh_values": "values.yaml", "from_z2jh_inventory": "inventories/lab"}
    command = (str(ROOT / "from_z2jh.yml"), "-e", json.dumps(extra))
    inventory = tmp_path / "inventories" / "lab"

    code, tasks, shown = play(tmp_path, *command, "--check", "--diff")
    assert (code, tasks[0]["changed"], inventory.exists()) == (0, True, False)
    assert "hush" not in shown.replace("hush-in-code", "")
    code, tasks, shown = play(tmp_path, *command)
    assert (code, tasks[0]["changed"]) == (0, True)
    assert "hush" not in shown
    wanted = translated(sample("large"))
    assert {str(path.relative_to(inventory)): path.read_text() for path in inventory.rglob("*") if path.is_file()} == wanted.inventory()
    assert tasks[1]["msg"] == "\n".join(wanted.lines(str(inventory)))
    modes = {path: oct(path.stat().st_mode & 0o777) for path in inventory.rglob("*") if "secrets" in path.parts}
    assert set(modes.values()) == {"0o700", "0o600"}

    secret = VaultSecret(b"passphrase")
    vaulted = inventory / "group_vars" / "k8s" / "secrets" / "database_password.txt"
    vaulted.write_bytes(VaultLib([("default", secret)]).encrypt(vaulted.read_bytes(), secret))
    (tmp_path / "passphrase").write_text("passphrase")
    (tmp_path / "look.json").write_text(json.dumps(LOOK))
    code, tasks, shown = play(tmp_path, "look.json", "-i", str(inventory), "--vault-password-file", "passphrase")
    assert code == 0, shown
    assert "WARNING" not in shown
    found = tasks[0]["msg"]
    assert sorted(found["secrets"].values()) == sorted(taken(wanted).secrets.values())
    assert found["jupyterhub_extra_config"]["20-template.py"] == 'c.JupyterHub.logo_file = "/srv/{{ department }}.svg"\n'


def test_an_inventory_is_replaced_when_that_is_said_and_secrets_stay_closed(tmp_path: pathlib.Path) -> None:
    wanted = translated(sample("large")).inventory()
    secret = tmp_path / "group_vars" / "k8s" / "secrets" / "database_password.txt"

    def run(force: bool = False) -> list[str]:
        found, too_open = z2jh_inventory.changes(str(tmp_path), wanted, force), z2jh_inventory.open_to_others(str(tmp_path), wanted)
        z2jh_inventory.write(str(tmp_path), found, too_open)
        return sorted({*(change.path for change in found), *too_open})

    assert run() == sorted(wanted)
    assert run() == []
    secret.chmod(0o644)
    assert run() == ["group_vars/k8s/secrets/database_password.txt"]
    assert oct(secret.stat().st_mode & 0o777) == "0o600"
    secret.write_text("mine")
    with pytest.raises(DescriptionError, match=r"database_password\.txt is there already and says something else"):
        run()
    assert secret.read_text() == "mine"
    assert run(force=True) == ["group_vars/k8s/secrets/database_password.txt"]
    assert secret.read_text() == "hush-database"
