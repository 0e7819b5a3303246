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
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))  # type: ignore[attr-defined]
    assert yaml.load(text, loader) == json.loads(json.dumps(found.variables))


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
        "slug": "small",
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
    "cull.timeout": [NUMBER, 5],
    "custom": [{"word": MARK}, {"mail": {"password": MARK}}],
    "global": [{"word": MARK}],
}
"""What keys may hold whose content means something here; all others hold a mark."""

JUNK: list[t.Any] = [{"a": MARK}, [MARK], MARK, NUMBER, 0.25, -1, ""]
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
    marks, found = Marks(), {}
    for path in draw(st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=12, unique=True)):
        shapes = [*SHAPES.get(path, [different(KEYS[path])]), *JUNK]
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


@hypothesis.settings(max_examples=300)
@hypothesis.given(any_values())
def test_every_leaf_is_used_or_named(given: Json) -> None:
    """A mark that stood in the values stands in the variables or in a file beside them; else its key is named."""
    hypothesis.assume(not given.get("auth"))
    found = translated(given)
    everything = json.dumps(found.plain()) + json.dumps(found.variables) + "".join(found.files.values()) + "".join(found.files)
    lost = [z2jh_values.dotted(path) for path, mark in marked(given) if mark not in everything and not said(found, path)]
    assert lost == []


@hypothesis.settings(max_examples=100)
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


NEEDS: dict[str, Json] = {
    "hub.db.url": {"hub": {"db": {"type": "postgres"}}},
    "hub.namedServerLimitPerUser": {"hub": {"allowNamedServers": True}},
    "cull.adminUsers": {"cull": {"users": True}},
    "proxy.https.type": {"proxy": {"https": {"enabled": True, "hosts": ["hub.example.org"]}}},
    "proxy.https.hosts": {"proxy": {"https": {"enabled": True}}},
}
"""What else must be said for a key to mean something."""


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
