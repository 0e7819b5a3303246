# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes: what the manifests are, that the API of three minor versions takes them, and that exactly the pods roll whose inputs changed."""

from __future__ import annotations

import ast
import base64
import dataclasses
import functools
import inspect
import json
import os
import re
import types
import typing as t

import hypothesis
import kubernetes_validate
import pytest
import yaml
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import (
    k8s,
    k8s_checks,
    k8s_names,
    k8s_objects,
    k8s_policies,
    k8s_report,
    k8s_spawner,
    k8s_storage,
    parts,
    storage_checks,
)
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import DockerCompose, Hub, K8s, from_variables
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import DIGEST_LABEL
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.resolve import resolve
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_secrets import KeptStore
from ansible_collections.vdsg.jupyterhub.tests.unit.support import ANY_TEXT, CATALOGUE, GOLDEN, NOW, PROGRAMS, descriptions, program

servers = program("servers")
MINORS = ("1.34", "1.35", "1.36")
SMALL: dict[str, t.Any] = {
    "jupyterhub_name": "lab",
    "jupyterhub_auth": {"method": "shared_password"},
    "jupyterhub_users": [{"name": "geoheil", "admin": True}],
    "jupyterhub_images": {"hub": "registry.example.org/hub:6.1.1"},
    "k8s_context": "lab",
}
LARGE: dict[str, t.Any] = {
    "jupyterhub_name": "vdsg",
    "jupyterhub_domain": "hub.example.org",
    "jupyterhub_tls": {"mode": "cert_manager"},
    "jupyterhub_auth": {"client_id": "Iv1.0123", "client_secret": "hush", "allowed_organizations": ["vdsg"]},
    "jupyterhub_users": [{"name": "maksmitk"}, {"name": "geoheil", "admin": True}],
    "jupyterhub_spawner": {
        "mem_limit": "2G",
        "mem_guarantee": "512M",
        "cpu_limit": 2,
        "shm_size": "1G",
        "supplemental_gids": [100],
        "args": ["--debug"],
        "environment": {"GREETING": "it's {here}", "LICENCE": {"secret": "licence"}},
    },
    "jupyterhub_extra_secrets": {"licence": "hush {hush}"},
    "jupyterhub_profiles": [{"name": "Small"}, {"name": "Large", "mem_limit": "8G", "image": "registry.example.org/large:1", "allowed_groups": ["teachers"]}],
    "jupyterhub_groups": {"teachers": ["maksmitk"]},
    "jupyterhub_database": {"type": "postgresql", "host": "db.example.org", "password": "hush"},
    "jupyterhub_services": [
        {"name": "grader", "url": "http://grader:10101", "command": ["python3", "-m", "grader"]},
        {"name": "far", "url": "http://far.example.org"},
    ],
    "jupyterhub_images": {
        "hub": "registry.example.org/hub:6.1.1",
        "registry": {"url": "registry.example.org", "username": "puller", "password": "hush"},
    },
    "jupyterhub_network": {"egress": "none", "egress_allow": [{"cidr": "10.1.2.3/32", "ports": [5432]}, {"cidr": "10.9.0.0/16"}]},
    "k8s_context": "lab",
    "k8s_namespace": "teaching",
    "k8s_create_namespace": True,
    "k8s_name_prefix": True,
    "k8s_certificate_issuer": "letsencrypt",
    "k8s_ingress": {"enabled": True, "class_name": "nginx", "annotations": {"example.org/a": "b"}},
    "k8s_storage": {"class_name": "fast", "capacity": "20G", "labels": {"backup": "daily"}},
    "k8s_pods": {
        "node_selector": {"pool": "users"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "priority_class": "notebooks",
        "service_account": "spark",
        "labels": {"department": "physics"},
        "annotations": {"example.org/cost": "teaching"},
        "extra_resource_limits": {"nvidia.com/gpu": "1"},
        "events_enabled": False,
    },
    "k8s_node_selector": {"pool": "core"},
    "k8s_tolerations": [{"key": "core", "operator": "Exists"}],
    "k8s_image_pull_secrets": ["mirror"],
}
STORAGE: dict[str, t.Any] = {
    "jupyterhub_users": [{"name": "geoheil", "admin": True, "groups": ["teachers"]}, {"name": "sam", "groups": ["students"]}],
    "jupyterhub_storage": {
        "shared_folders": [
            {"name": "course", "write_groups": ["teachers"], "read_groups": ["students"]},
            {"name": "notices", "write_groups": ["teachers"], "everybody": "read", "mount_path": "/srv/notices"},
        ],
        "extra_volumes": [
            {"name": "datasets", "type": "volume", "source": "datasets", "mount_path": "/srv/datasets", "read_only": True, "hub": True},
            {"name": "archive", "type": "nfs", "source": "nfs.example.org:/export", "mount_path": "/srv/archive"},
            {"name": "scratch", "type": "scratch", "size": "1G", "mount_path": "/scratch", "servers": "profiles", "hub": True},
        ],
        "content": [{"repository": "https://git.example.org/course.git"}],
        "seed": "/opt/course",
    },
    "jupyterhub_spawner": {"environment": {"NODE": {"field": "spec.nodeName"}, "LICENCE": {"secret": "licence"}}, "shm_size": "64M"},
    "jupyterhub_profiles": [{"name": "Small"}, {"name": "Large", "gpu": 2, "volumes": ["scratch"], "environment": {"KEY": {"secret": "key"}}}],
    "jupyterhub_extra_secrets": {"licence": "hush-licence", "key": "hush-key", "other": "hush-other", "file": "hush-file"},
    "jupyterhub_extra_files": [
        {"path": "/etc/course.conf", "content": "exam = friday"},
        {"path": "/opt/solver/a+b", "content": {"secret": "file"}, "mode": "0400"},
        {"path": "/etc/jupyterhub/mine/rooms.csv", "content": "A,101", "mode": "0440", "servers": False, "hub": True},
        {"path": "/etc/jupyterhub/mine/licence", "content": {"secret": "licence"}, "servers": False, "hub": True},
    ],
    "k8s_shared_folders": {"class_name": "nfs", "capacity": "100G", "sub_path": "shared/{folder}"},
}
VARIANTS: dict[str, dict[str, t.Any]] = {
    "small": SMALL,
    "large": LARGE,
    "load balancer": {**SMALL, "k8s_service": {"type": "LoadBalancer", "annotations": {"a": "b"}, "load_balancer_source_ranges": ["192.0.2.0/24"]}},
    "node ports": {**SMALL, "k8s_service": {"type": "NodePort"}, "jupyterhub_network": {"https_port": 30443, "http_port": 30080}},
    "secret": {**SMALL, "jupyterhub_tls": {"mode": "secret"}, "k8s_tls_secret": "mine"},
    "external": {**SMALL, "jupyterhub_tls": {"mode": "external"}, "k8s_ingress": {"enabled": True}},
    "none": {**SMALL, "jupyterhub_tls": {"mode": "none"}, "jupyterhub_storage": {"type": "none"}, "k8s_service_account": "bound"},
    "one claim for all": {**SMALL, "k8s_storage": {"existing_claim": "home-nfs", "sub_path": "home/{username}"}},
    "gateway": {**SMALL, "jupyterhub_tls": {"mode": "external"}, "k8s_gateway": {"enabled": True, "name": "public", "namespace": "gateways"}},
    "nodes": {
        **SMALL,
        "jupyterhub_profiles": [{"name": "Small"}, {"name": "Large", "image": "registry.example.org/large:1"}],
        "k8s_disruption_budgets": True,
        "k8s_image_puller": {"enabled": True, "images": ["registry.example.org/other:1"]},
        "k8s_resources": {"hub": {"requests": {"cpu": "200m"}, "limits": {"memory": "1Gi"}}, "image-puller": {"limits": {"memory": "8Mi"}}},
    },
    "storage": {**SMALL, **STORAGE},
    "classes": {**SMALL, "k8s_database": {"class_name": "slow", "capacity": "1.5G"}, "k8s_storage": {"access_modes": ["ReadWriteMany"]}},
}
VALUES = {
    "cookie_secret": "0" * 64,
    "tls_certificate": "a certificate",
    "tls_key": "hush-key",
    "authority_certificate": "an authority",
    "proxy_token": "hush-token",
    **{f"extra_{name}": f"hush-{name}" for name in ("licence", "key", "other", "file")},
}


def described(variables: dict[str, t.Any]) -> tuple[Hub, K8s]:
    """Return hub and settings as the modules get them."""

    def read(path: str) -> str:
        raise FileNotFoundError(path)

    found = resolve(variables, read, {}, NOW, CATALOGUE, ["k8s"])
    return found.hub, found.settings["k8s"]


def rendered(variables: dict[str, t.Any], fingerprints: t.Mapping[str, str] | None = None) -> k8s.Rendered:
    hub, settings = described(variables)
    return k8s.render(hub, settings, PROGRAMS, VALUES, fingerprints or {}, "hush-registry")


def named(found: k8s.Rendered, kind: str, name: str) -> dict[str, t.Any]:
    return next(item for item in found.manifests if k8s_objects.title(item) == f"{kind} {name}")


def config(variables: dict[str, t.Any]) -> str:
    return str(next(item for item in rendered(variables).manifests if item["kind"] == "ConfigMap")["data"]["jupyterhub_config.py"])


def setting(text: str, name: str) -> t.Any:
    """Return what a line of the configuration assigns."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    return None


@pytest.mark.parametrize("name", ["small", "large"])
def test_the_manifests_are_the_golden_ones(name: str) -> None:
    golden = GOLDEN / "k8s" / f"{name}.yaml.txt"
    text = "---\n".join(k8s.file_text(item) for item in rendered(VARIANTS[name]).manifests)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.parametrize("name", VARIANTS)
def test_the_published_schemas_take_every_manifest(name: str, minor: str) -> None:
    """Capabilities 2.1, 2.2."""
    hub, settings = described(VARIANTS[name])
    found = rendered(VARIANTS[name])
    for item in [k8s.namespace_manifest(hub, settings), *found.secrets, *found.manifests]:
        if item["kind"] not in ("Certificate", "HTTPRoute"):
            kubernetes_validate.validate(json.loads(json.dumps(item)), minor, strict=True)


def test_a_schema_refuses_what_is_wrong() -> None:
    """Without this, the test before could pass by taking everything."""
    item = named(rendered(SMALL), "Deployment", "hub")
    item["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(json.loads(json.dumps(item)), MINORS[-1], strict=True)


@hypothesis.settings(max_examples=40, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(descriptions())
def test_any_description_renders_to_python_and_json_without_a_secret(variables: dict[str, t.Any]) -> None:
    hub = Hub.from_variables({**variables, "jupyterhub_images": {"hub": "hub:1"}})
    settings = K8s(**{field.name: getattr(described(SMALL)[1], field.name) for field in dataclasses.fields(K8s)})
    found, again = (k8s.render(hub, settings, PROGRAMS, VALUES, {}) for _time in range(2))
    text = json.dumps(found.manifests)
    assert text == json.dumps(again.manifests)
    assert "hush-" not in text
    compile(named(found, "ConfigMap", "hub")["data"]["jupyterhub_config.py"], "jupyterhub_config.py", "exec")


@hypothesis.given(st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=3))
def test_a_server_gets_its_environment_as_it_was_typed(given: dict[str, str]) -> None:
    """KubeSpawner calls format() on it."""
    assert {name: value.format() for name, value in k8s_spawner.environment(dict(given), "servers").items()} == given


def test_an_environment_that_is_kept_elsewhere_is_read_by_the_kubelet() -> None:
    """No specification of a pod, which whoever may look at the namespace sees, has a secret."""
    licence = {"valueFrom": {"secretKeyRef": {"name": "vdsg-servers", "key": "extra_licence"}}}
    assert setting(config(LARGE), "c.KubeSpawner.environment") == {"GREETING": "it's {{here}}", "LICENCE": licence}
    assert setting(config(VARIANTS["storage"]), "c.KubeSpawner.environment")["NODE"] == {"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    assert "hush" not in json.dumps(rendered(LARGE).manifests)


def digests(variables: dict[str, t.Any], fingerprints: t.Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what changes with the pods of each Deployment."""
    found = [item for item in rendered(variables, fingerprints).manifests if item["kind"] == "Deployment"]
    return {item["metadata"]["name"]: json.dumps(item["spec"]["template"], sort_keys=True) for item in found}


@pytest.mark.parametrize(
    ("changes", "secrets", "rolled"),
    [
        ({"jupyterhub_users": [{"name": "geoheil", "admin": True}, {"name": "new"}]}, {}, set()),
        ({"jupyterhub_spawner": {"mem_limit": "1G"}}, {}, {"hub"}),
        ({"jupyterhub_network": {"max_upload": "4G"}}, {}, set()),
        ({"jupyterhub_images": {**SMALL["jupyterhub_images"], "proxy": "other:1"}}, {}, {"proxy"}),
        ({"jupyterhub_images": {**SMALL["jupyterhub_images"], "edge": "other:1"}}, {}, {"edge"}),
        ({}, {"tls_certificate": "new", "tls_key": "new"}, set()),
        ({}, {"cookie_secret": "new"}, {"hub"}),
        ({}, {"proxy_token": "new"}, {"hub", "proxy"}),
        ({"k8s_storage": {"capacity": "5G"}}, {}, {"hub"}),
        ({"k8s_node_selector": {"a": "b"}}, {}, {"hub", "proxy", "edge"}),
        ({"jupyterhub_extra_files": [{"path": "/etc/course.conf", "content": "x"}]}, {}, {"hub"}),
    ],
)
def test_exactly_the_pods_roll_whose_inputs_changed(changes: dict[str, t.Any], secrets: dict[str, str], rolled: set[str]) -> None:
    """Capability 2.13, and what zero-to-jupyterhub does not do (G2): a renewed certificate rolls nothing."""
    before, after = digests(SMALL), digests({**SMALL, **changes}, secrets)
    assert {name for name in before if before[name] != after[name]} == rolled


def test_what_servers_are_given_anew_rolls_nothing() -> None:
    """New texts of the same files are for servers that start; those that run, and the hub, go on."""
    before = {**SMALL, **STORAGE}
    files = [{"path": "/etc/course.conf", "content": "exam = monday"}, *STORAGE["jupyterhub_extra_files"][1:]]
    storage = {**STORAGE["jupyterhub_storage"], "content": [{"repository": "https://git.example.org/other.git"}], "seed": "/opt/other"}
    after = {**before, "jupyterhub_extra_files": files, "jupyterhub_storage": storage}
    assert digests(before) == digests(after)
    assert named(rendered(before), "ConfigMap", "servers") != named(rendered(after), "ConfigMap", "servers")
    files[2] = {**files[2], "content": "A,102"}
    assert {name for name, text in digests(before).items() if text != digests(after)[name]} == {"hub"}


def test_an_edge_knows_its_new_certificate_by_its_version() -> None:
    assert rendered(SMALL).edge_version != rendered(SMALL, {"tls_certificate": "new"}).edge_version
    assert rendered(SMALL).edge_version in named(rendered(SMALL), "ConfigMap", "edge")["data"]["nginx.conf"]


@pytest.mark.parametrize("name", VARIANTS)
def test_pods_are_as_restricted_pod_security_wants_them(name: str) -> None:
    """G24."""
    for item in (item for item in rendered(VARIANTS[name]).manifests if item["kind"] == "Deployment"):
        pod = item["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
        assert all(volume.keys() & {"projected", "emptyDir", "persistentVolumeClaim"} for volume in pod["volumes"])
        assert pod["automountServiceAccountToken"] is item["metadata"]["name"].endswith("hub")
        assert DIGEST_LABEL in item["spec"]["template"]["metadata"]["annotations"]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_object_has_the_labels_of_the_hub_and_the_usual_ones(name: str) -> None:
    """Capabilities 3.10, 3.12, 3.15."""
    hub, settings = described(VARIANTS[name])
    found = rendered(VARIANTS[name])
    for item in [*found.secrets, *found.manifests]:
        labels = item["metadata"]["labels"]
        assert labels[k8s_names.LABEL] == labels["app.kubernetes.io/instance"] == hub.name
        assert (labels["app"], labels["app.kubernetes.io/name"]) == ("jupyterhub", "jupyterhub")
        assert labels["component"] == labels["app.kubernetes.io/component"]
        assert k8s_names.managed(item)
        assert item["metadata"]["namespace"] == k8s_names.namespace(hub, settings)
    names = [k8s_objects.title(item) for item in [*found.secrets, *found.manifests]]
    assert len(set(names)) == len(names)


def test_two_hubs_of_one_namespace_share_no_name() -> None:
    """Capability 3.15."""
    names = []
    for name in ("one", "two"):
        found = rendered({**SMALL, "jupyterhub_name": name, "k8s_namespace": "lab", "k8s_name_prefix": True})
        names += [k8s_objects.title(item) for item in [*found.secrets, *found.manifests]]
        text = named(found, "ConfigMap", f"{name}-hub")["data"]["jupyterhub_config.py"]
        assert setting(text, "c.JupyterHub.hub_connect_url") == f"http://{name}-hub:8081"
        assert setting(text, "c.ConfigurableHTTPProxy.api_url") == f"http://{name}-proxy-api:8001"
        assert setting(text, "c.KubeSpawner.pod_name_template") == f"{name}-jupyter-{{user_server}}"
    assert len(set(names)) == len(names)


def test_the_hub_may_make_pods_and_claims_and_nothing_else() -> None:
    assert [(rule["resources"], rule["verbs"]) for rule in named(rendered(SMALL), "Role", "hub")["rules"]] == [
        (["pods"], ["get", "watch", "list", "create", "delete"]),
        (["events"], ["get", "watch", "list"]),
        (["persistentvolumeclaims"], ["get", "watch", "list", "create"]),
    ]
    assert "persistentvolumeclaims" not in json.dumps(named(rendered(VARIANTS["one claim for all"]), "Role", "hub"))
    kinds = {item["kind"] for item in rendered(VARIANTS["none"]).manifests}
    assert kinds & {"Role", "RoleBinding", "ServiceAccount"} == set()


def test_a_pod_gets_its_own_secrets_and_no_other() -> None:
    keys = {}
    for name in ("hub", "proxy", "edge"):
        sources = named(rendered(SMALL), "Deployment", name)["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"]
        keys[name] = {item["key"] for source in sources for item in source.get("secret", {}).get("items", [])}
    assert keys["proxy"] == {"proxy_token"}
    assert keys["edge"] == {"tls.crt", "tls.key"}
    assert keys["hub"] == {"admin_password", "cookie_secret", "crypt_key", "operator_token", "proxy_token", "user_password"}


def test_settings_of_servers_are_those_of_kubespawner() -> None:
    """Capabilities 2.8, 3.22, 3.25, 3.30, 3.31, 4.10."""
    text = config(LARGE)
    expected = {
        "mem_limit": "2G",
        "mem_guarantee": "512M",
        "cpu_limit": 2.0,
        "supplemental_gids": [100],
        "service_account": "spark",
        "node_selector": {"pool": "users"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "priority_class_name": "notebooks",
        "extra_labels": {"vdsg.jupyterhub.name": "vdsg", "department": "physics"},
        "extra_annotations": {"example.org/cost": "teaching"},
        "extra_resource_limits": {"nvidia.com/gpu": "1"},
        "events_enabled": False,
        "image_pull_policy": "IfNotPresent",
        "image_pull_secrets": ["vdsg-registry", "mirror"],
        "storage_class": "fast",
        "storage_capacity": "20Gi",
        "storage_access_modes": ["ReadWriteOnce"],
        "storage_extra_labels": {"vdsg.jupyterhub.name": "vdsg", "backup": "daily"},
        "pvc_name_template": "vdsg-user-{username}",
        "delete_pvc": False,
        "cmd": ["jupyterhub-singleuser"],
        "args": ["--debug"],
    }
    assert {name: setting(text, f"c.KubeSpawner.{name}") for name in expected} == expected
    assert all(name in CATALOGUE.traits("KubeSpawner") for name in expected)
    volumes, mounts = (setting(text, f"c.KubeSpawner.{name}") for name in ("volumes", "volume_mounts"))
    assert volumes["home"]["persistentVolumeClaim"] == {"claimName": "{pvc_name}"}
    assert (mounts["home"]["mountPath"], mounts["shm"]["mountPath"]) == ("/home/jovyan/work", "/dev/shm")
    assert "'groups': ['teachers']," in text


def test_storage_may_be_none_or_one_claim_for_all() -> None:
    assert setting(config(VARIANTS["none"]), "c.KubeSpawner.volumes") is None
    text = config(VARIANTS["one claim for all"])
    assert setting(text, "c.KubeSpawner.volumes") == {"home": {"name": "home", "persistentVolumeClaim": {"claimName": "home-nfs"}}}
    assert setting(text, "c.KubeSpawner.volume_mounts")["home"]["subPath"] == "home/{username}"
    assert setting(text, "c.KubeSpawner.storage_pvc_ensure") is None


def applied(profile: int, folders: dict[str, str]) -> dict[str, t.Any]:
    """Return the traits of a server with a profile and some folders, as servers.py applies them."""
    text = config(VARIANTS["storage"])
    (call,) = [node.value for node in ast.parse(text).body if isinstance(node, ast.Expr) and ast.unparse(node).startswith("servers.configure")]
    given = {item.arg: ast.literal_eval(item.value) for item in t.cast("ast.Call", call).keywords}
    spawner = types.SimpleNamespace(**{name: setting(text, f"c.KubeSpawner.{name}") or {} for name in SETTINGS})
    servers.change(spawner, given["profiles"][profile]["settings"])
    for folder in given["folders"]:
        for name, access in folders.items():
            if folder["settings"][access]["volume_mounts"].keys() == {f"shared-{name}"}:
                servers.change(spawner, folder["settings"][access])
    return vars(spawner)


SETTINGS = ("volumes", "volume_mounts", "environment", "extra_resource_limits")


@pytest.mark.parametrize("minor", MINORS)
def test_a_pod_with_all_that_is_described_is_one(minor: str) -> None:
    """What KubeSpawner makes of it: values of volumes and mounts in the order of their names, variables by their names."""
    found = applied(1, {"course": "read", "notices": "write"})
    variables = [{"name": name, **(value if isinstance(value, dict) else {"value": value})} for name, value in found["environment"].items()]
    container: dict[str, t.Any] = {"name": "notebook", "image": "user:1", "env": variables, "volumeMounts": list(found["volume_mounts"].values())}
    container["resources"] = {"limits": found["extra_resource_limits"]}
    pod: dict[str, t.Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "jupyter-sam"}}
    pod["spec"] = {"containers": [container], "volumes": list(found["volumes"].values())}
    kubernetes_validate.validate(json.loads(json.dumps(pod)), minor, strict=True)
    assert {item["name"] for item in container["volumeMounts"]} == {item["name"] for item in pod["spec"]["volumes"]}


def test_a_folder_is_a_directory_of_one_claim_for_those_who_see_it() -> None:
    mounts = {name: item for name, item in applied(0, {"course": "read", "notices": "write"})["volume_mounts"].items() if name.startswith("shared")}
    course = {"name": "shared", "mountPath": "/home/jovyan/work/shared/course", "subPath": "shared/course", "readOnly": True}
    assert mounts == {"shared-course": course, "shared-notices": {"name": "shared", "mountPath": "/srv/notices", "subPath": "shared/notices"}}
    assert "shared" not in applied(0, {})["volumes"]
    claim = named(rendered(VARIANTS["storage"]), "PersistentVolumeClaim", "shared")["spec"]
    assert claim == {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "100Gi"}}, "storageClassName": "nfs"}
    there = rendered({**VARIANTS["storage"], "k8s_shared_folders": {"existing_claim": "course-nfs"}})
    assert "PersistentVolumeClaim shared" not in [k8s_objects.title(item) for item in there.manifests]
    assert "'claimName': 'course-nfs'" in named(there, "ConfigMap", "hub")["data"]["jupyterhub_config.py"]


def test_further_volumes_are_claims_file_servers_and_memory() -> None:
    small, large = applied(0, {}), applied(1, {})
    assert small["volumes"]["extra-datasets"] == {"name": "extra-datasets", "persistentVolumeClaim": {"claimName": "datasets"}}
    assert small["volume_mounts"]["extra-datasets"]["readOnly"] is True
    assert small["volumes"]["extra-archive"]["nfs"] == {"server": "nfs.example.org", "path": "/export", "readOnly": False}
    assert large["volumes"].keys() - small["volumes"].keys() == {"extra-scratch"}
    assert large["volumes"]["extra-scratch"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}
    assert large["extra_resource_limits"] == {"nvidia.com/gpu": "2"}
    pod = named(rendered(VARIANTS["storage"]), "Deployment", "hub")["spec"]["template"]["spec"]
    assert [(item["mountPath"], item.get("readOnly", False)) for item in pod["containers"][0]["volumeMounts"][3:]] == [
        ("/srv/datasets", True),
        ("/scratch", False),
    ]


def test_files_are_mounted_each_by_itself_with_their_modes() -> None:
    found, objects = applied(0, {}), rendered(VARIANTS["storage"])
    (secret,) = [item for item in objects.secrets if item["metadata"]["name"] == "servers"]
    held = {"configMap": named(objects, "ConfigMap", "servers")["data"], "secret": k8s.decoded(secret)}
    sources = found["volumes"]["files"]["projected"]["sources"]
    shown = {item["path"]: (held[kind][item["key"]], item["mode"]) for source in sources for kind, of in source.items() for item in of["items"]}
    seen = {item["mountPath"]: shown[item["subPath"]] for item in found["volume_mounts"].values() if item["name"] == "files"}
    assert seen.pop("/usr/local/share/vdsg-jupyterhub/server_start.py") == ("# server_start.py\n", 0o444)
    settings = json.loads(seen.pop("/usr/local/share/vdsg-jupyterhub/server_start.json")[0])
    assert (settings["home"], settings["seed"], settings["content"][0]["directory"]) == ("/home/jovyan/work", "/opt/course", "course")
    assert seen == {"/etc/course.conf": ("exam = friday", 0o444), "/opt/solver/a+b": ("hush-file", 0o400)}
    # And nothing that no server reads; the other secrets are the hub's alone.
    assert held["secret"].keys() == {"extra_file", "extra_key", "extra_licence"}
    start = ["python3", "/usr/local/share/vdsg-jupyterhub/server_start.py", "jupyterhub-singleuser"]
    assert setting(config(VARIANTS["storage"]), "c.KubeSpawner.cmd") == start


def test_files_of_the_hub_are_among_its_own_with_their_modes() -> None:
    pod = named(rendered(VARIANTS["storage"]), "Deployment", "hub")["spec"]["template"]["spec"]
    sources = pod["volumes"][0]["projected"]["sources"]
    found = {item["path"]: (item["key"], item.get("mode")) for source in sources for of in source.values() for item in of["items"]}
    assert found["mine/rooms.csv"] == ("mine--rooms.csv", 0o440)
    assert found["mine/licence"] == ("extra_licence", 0o444)
    assert found["servers.py"] == ("servers.py", None)


@hypothesis.example({"/a/b", "/a--b", "/a-/b", "/a/-b", "/..a/b", "/a+b", "/a=b"})
@hypothesis.example({"mine/b", "mine--b", "..a", "a"})
@hypothesis.given(st.sets(st.from_regex(storage_checks.PATH, fullmatch=True), max_size=4))
def test_any_file_has_a_key_of_its_own(paths: set[str]) -> None:
    keys = {k8s_storage.key_of(path) for path in paths}
    assert len(keys) == len(paths)
    assert all(k8s_storage.KEY.fullmatch(key) for key in keys)


def test_disks_are_in_one_node_at_a_time() -> None:
    names = ("ebs.csi.aws.com", "rook-ceph.rbd.csi.ceph.com", "rook-ceph.cephfs.csi.ceph.com", "efs.csi.aws.com", "vdsg.test/local")
    assert [k8s_storage.on_one_node(name) for name in names] == [True, True, False, False, False]


def test_people_come_in_where_the_description_says() -> None:
    """Capability 2.4."""
    by_node = named(rendered(VARIANTS["node ports"]), "Service", "proxy-public")["spec"]
    assert [(port["port"], port["nodePort"]) for port in by_node["ports"]] == [(80, 30080), (443, 30443)]
    balanced = named(rendered(VARIANTS["load balancer"]), "Service", "proxy-public")["spec"]
    assert [port["port"] for port in balanced["ports"]] == [80, 443]
    ingress = named(rendered(LARGE), "Ingress", "vdsg-jupyterhub")["spec"]
    assert ingress["tls"] == [{"hosts": ["hub.example.org"], "secretName": "vdsg-tls"}]
    assert named(rendered(LARGE), "Certificate", "vdsg-jupyterhub")["spec"]["secretName"] == "vdsg-tls"
    assert "Deployment vdsg-edge" not in [k8s_objects.title(item) for item in rendered(LARGE).manifests]
    assert "tls" not in named(rendered(VARIANTS["external"]), "Ingress", "jupyterhub")["spec"]
    volumes = named(rendered(VARIANTS["secret"]), "Deployment", "edge")["spec"]["template"]["spec"]["volumes"]
    assert volumes[0]["projected"]["sources"][1]["secret"]["name"] == "mine"


def test_services_that_the_hub_runs_have_a_name_there() -> None:
    assert named(rendered(LARGE), "Service", "grader")["spec"]["ports"][0]["port"] == 10101
    hub = named(rendered(LARGE), "NetworkPolicy", "vdsg-hub")["spec"]["ingress"]
    assert hub[1]["ports"] == [{"port": 10101, "protocol": "TCP"}]


def test_a_server_reaches_what_the_description_allows_and_no_more() -> None:
    egress = named(rendered(LARGE), "NetworkPolicy", "vdsg-singleuser")["spec"]["egress"]
    blocks = [(item["to"][0]["ipBlock"]["cidr"], item.get("ports")) for item in egress[2:]]
    assert blocks == [("10.1.2.3/32", [{"port": 5432, "protocol": "TCP"}]), ("10.9.0.0/16", None)]
    internet = named(rendered(SMALL), "NetworkPolicy", "singleuser")["spec"]["egress"][-1]["to"][0]["ipBlock"]
    assert {"10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "172.16.0.0/12"} <= set(internet["except"])
    ingress = named(rendered(SMALL), "NetworkPolicy", "proxy")["spec"]["ingress"]
    assert [peer["podSelector"]["matchLabels"].get("component") for peer in ingress[1]["from"]] == ["hub", None]


def test_secrets_of_a_form_of_their_own() -> None:
    found = {item["metadata"]["name"]: item for item in rendered(LARGE).secrets}
    login = json.loads(base64.b64decode(found["vdsg-registry"]["data"][".dockerconfigjson"]))
    assert login["auths"]["registry.example.org"]["password"] == "hush-registry"
    assert "tls_key" not in found["vdsg-hub"]["data"]
    small = {item["metadata"]["name"]: item for item in rendered(SMALL).secrets}
    assert k8s.decoded(small["tls"]) == {"tls_certificate": "a certificate", "tls_key": "hush-key"}
    assert k8s.decoded(small["hub"])["proxy_token"] == "hush-token"


def test_secrets_are_made_once_and_kept_whatever_the_description_needs_now() -> None:
    hub = described(SMALL)[0]
    first = KeptStore("nowhere", {}, NOW)
    first.fill(hub, {})
    assert "cookie_secret" in first.made
    second = KeptStore("nowhere", {**first.values, "old": "kept"}, NOW)
    second.fill(hub, {})
    assert (second.made, second.rotated) == ([], [])
    assert second.values == {**first.values, "old": "kept"}
    assert second.fingerprints() == first.fingerprints()


def test_a_gateway_leads_to_the_proxy() -> None:
    found = rendered(VARIANTS["gateway"])
    assert named(found, "HTTPRoute", "jupyterhub")["spec"]["parentRefs"] == [{"name": "public", "namespace": "gateways"}]
    assert [port["port"] for port in named(found, "Service", "proxy-public")["spec"]["ports"]] == [80]
    assert found.edge_version == ""
    assert not any("port-forward" in hint for hint in k8s_report.hints(*described(VARIANTS["gateway"])))


def test_nodes_get_the_images_of_all_profiles_and_only_what_was_given_has_resources() -> None:
    found = rendered(VARIANTS["nodes"])
    pod = named(found, "DaemonSet", "image-puller")["spec"]["template"]["spec"]
    assert [item["image"] for item in pod["initContainers"]] == ["registry.example.org/large:1", "registry.example.org/other:1"]
    assert [item["image"] for item in pod["containers"]] == [k8s_spawner.user_image(described(SMALL)[0])]
    assert all(item["resources"] == {"limits": {"memory": "8Mi"}} for item in [*pod["initContainers"], *pod["containers"]])
    budgets = [item["metadata"]["name"] for item in found.manifests if item["kind"] == "PodDisruptionBudget"]
    assert budgets == ["hub", "proxy", "edge"]

    def resources(name: str) -> t.Any:
        return named(found, "Deployment", name)["spec"]["template"]["spec"]["containers"][0].get("resources")

    assert (resources("hub"), resources("proxy")) == ({"requests": {"cpu": "200m"}, "limits": {"memory": "1Gi"}}, None)


def test_manifests_as_files_keep_their_secrets() -> None:
    """Capability 2.1."""
    hub, settings = described(LARGE)
    found = rendered(LARGE)
    secret, plain = k8s.manifest_files(found, hub, settings)
    assert sorted(plain)[0] == "00-namespace-teaching.yaml"
    assert [yaml.safe_load(plain[name])["kind"] for name in sorted(plain)][1:] == [item["kind"] for item in found.manifests]
    assert k8s.secrets_of_file(secret["secret-vdsg-hub.yaml"])["proxy_token"] == "hush-token"
    assert all(map(k8s.written_by_us, [*secret.values(), *plain.values()]))
    assert "hush-" not in "".join(plain.values())


# ---- What is refused

VOLUME: dict[str, t.Any] = {"name": "data", "type": "volume", "source": "data", "mount_path": "/srv/data"}
BAD: list[tuple[dict[str, t.Any], str]] = [
    ({"k8s_context": ""}, "k8s_context is required"),
    ({"k8s_in_cluster": True}, "k8s_in_cluster and k8s_context"),
    ({"k8s_namespace": "Lab"}, "k8s_namespace is 'Lab'"),
    ({"k8s_tls_secret": "My_Secret"}, "k8s_tls_secret is 'My_Secret'"),
    ({"k8s_storage": {"capacity": "10Gi"}}, "k8s_storage.capacity is '10Gi'"),
    ({"k8s_storage": {"access_modes": ["ReadWriteTwice"]}}, "k8s_storage.access_modes has 'ReadWriteTwice'"),
    ({"k8s_storage": {"access_modes": []}}, "k8s_storage.access_modes is empty"),
    ({"k8s_service": {"load_balancer_source_ranges": ["everywhere"]}}, "k8s_service.load_balancer_source_ranges[0]"),
    ({"k8s_pods": {"labels": {"a b": "c"}}}, "k8s_pods.labels is 'a b'"),
    ({"k8s_pods": {"uid": 0}}, "k8s_pods.uid is 0"),
    ({"k8s_manifests_dir": "here"}, "k8s_manifests_dir is 'here'"),
    ({"k8s_wait_timeout": 0}, "k8s_wait_timeout is 0"),
    ({"k8s_ingress": {"enabled": True}, "k8s_service": {"type": "NodePort"}}, "k8s_ingress.enabled and k8s_service.type NodePort"),
    ({"k8s_gateway": {"enabled": True}}, "k8s_gateway.name is required"),
    ({"k8s_gateway": {"name": "public"}}, "k8s_gateway.name means nothing without k8s_gateway.enabled"),
    ({"k8s_gateway": {"enabled": True, "name": "public"}}, "with k8s_gateway.enabled TLS ends at the Gateway"),
    ({"k8s_resources": {"guard": {}}}, "k8s_resources has 'guard'"),
    ({"k8s_resources": {"hub": {"memory": {}}}}, "k8s_resources.hub has 'memory'"),
    ({"k8s_resources": {"hub": {"limits": {"memory": "1GB"}}}}, "k8s_resources.hub.limits.memory is '1GB'"),
    ({"k8s_image_puller": {"enabled": True, "images": ["Not An Image"]}}, "k8s_image_puller.images[0]"),
    ({"jupyterhub_images": {}}, "jupyterhub_images.hub is required on Kubernetes"),
    ({"jupyterhub_images": {"hub": "hub:1", "source": "bootstrap"}}, "jupyterhub_images.source is 'bootstrap'"),
    ({"jupyterhub_network": {"bind_address": "127.0.0.1"}}, "jupyterhub_network.bind_address is '127.0.0.1'"),
    ({"jupyterhub_spawner": {"pids_limit": 512}}, "jupyterhub_spawner.pids_limit is 512"),
    ({"jupyterhub_tls": {"mode": "letsencrypt"}}, "jupyterhub_tls.mode letsencrypt is for one host"),
    ({"jupyterhub_storage": {"extra_volumes": [{**VOLUME, "type": "bind", "source": "/data"}]}}, "jupyterhub_storage.extra_volumes[0].type is bind"),
    ({"jupyterhub_storage": {"extra_volumes": [{**VOLUME, "type": "nfs", "source": "a:/b", "options": "soft"}]}}, "extra_volumes[0].options is 'soft'"),
    ({"jupyterhub_storage": {"extra_volumes": [{**VOLUME, "source": "Data"}]}}, "extra_volumes[0].source is 'Data', but it must be the name of a claim"),
    ({"jupyterhub_storage": {"extra_volumes": [{**VOLUME, "source": "hub-db-dir"}]}}, "extra_volumes[0].source is hub-db-dir, which is the hub's own"),
    ({"k8s_shared_folders": {"capacity": "5G"}}, "k8s_shared_folders means nothing without jupyterhub_storage.shared_folders"),
    ({"k8s_shared_folders": {"sub_path": "all"}}, "k8s_shared_folders.sub_path is 'all'"),
    ({"k8s_shared_folders": {"sub_path": "../{folder}"}}, "k8s_shared_folders.sub_path is '../{folder}'"),
    ({"k8s_shared_folders": {"sub_path": "{username}/{folder}"}}, "k8s_shared_folders.sub_path is '{username}/{folder}'"),
    (
        {**STORAGE, "k8s_storage": {"existing_claim": "a"}, "k8s_shared_folders": {"existing_claim": "a", "sub_path": "shared/{folder}"}},
        "k8s_storage and k8s_shared_folders have the claim a in common",
    ),
    ({"k8s_shared_folders": {"access_modes": ["Many"]}}, "k8s_shared_folders.access_modes has 'Many'"),
    ({"jupyterhub_config": {"KubeSpawner": {"volumes": [{"name": "a", "hostPath": {"path": "/a"}}]}}}, "KubeSpawner.volumes would take the place of all"),
    ({"k8s_pods": {"gpu_resource": "a b"}}, "k8s_pods.gpu_resource is 'a b'"),
    ({"jupyterhub_spawner": {"gpus": ["0"]}}, "jupyterhub_spawner.gpus is ('0',), which means nothing on Kubernetes"),
    (
        {"jupyterhub_spawner": {"gpu": 1}, "k8s_pods": {"extra_resource_limits": {"nvidia.com/gpu": "1"}}},
        "k8s_pods.extra_resource_limits and jupyterhub_spawner.gpu both say",
    ),
    ({"jupyterhub_extra_files": [{"path": "/etc/x", "content": "x" * 1_000_001}]}, "jupyterhub_extra_files have 1000001 bytes for servers"),
    ({"jupyterhub_spawner": {"environment": {"A": {"field": "spec.tolerations"}}}}, "jupyterhub_spawner.environment.A.field is 'spec.tolerations'"),
    ({"jupyterhub_spawner": {"environment": {"A": {"field": "spec.nodeName", "secret": "b"}}}}, "must have one of secret and file, or on Kubernetes field"),
    ({"jupyterhub_extra_files": [{"path": "/etc/x", "content": {"field": "spec.nodeName"}}]}, "content is a reference, and must have one of secret and file"),
    ({"jupyterhub_tls": {"mode": "secret"}}, "k8s_tls_secret is required"),
    ({"jupyterhub_tls": {"mode": "cert_manager"}}, "k8s_certificate_issuer is required"),
    ({"k8s_tls_secret": "mine"}, "k8s_tls_secret means nothing with jupyterhub_tls.mode self_signed"),
    ({"k8s_service": {"type": "NodePort"}}, "jupyterhub_network.http_port is 80"),
    ({"jupyterhub_storage": {"volume_name_template": "{name}-User_{username}"}}, "jupyterhub_storage.volume_name_template"),
    ({"jupyterhub_images": {"hub": "hub:1", "registry": {"username": "me"}}}, "jupyterhub_images.registry needs both"),
    ({"k8s_contxt": "lab"}, "k8s_contxt is not a known setting; did you mean k8s_context"),
]


def sentence(changes: dict[str, t.Any]) -> str:
    with pytest.raises(DescriptionError) as caught:
        described({**SMALL, **changes})
    return str(caught.value)


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message[:60] for _changes, message in BAD])
def test_what_cannot_be_is_refused_in_one_sentence(changes: dict[str, t.Any], message: str) -> None:
    said = sentence(changes)
    assert message in said
    assert "\n" not in said
    assert not said.endswith(".")


def test_every_check_has_a_row() -> None:
    lines = inspect.getsource(k8s_checks).splitlines()
    places = {number for number, line in enumerate(lines, 1) if re.match(r"\s+raise DescriptionError", line)}
    reached = set()
    refusals: list[t.Callable[[], object]] = [functools.partial(described, {**SMALL, **changes}) for changes, _message in BAD]
    for name in ("secret", "storage"):
        refusals.append(functools.partial(parts.check_hub, described(VARIANTS[name])[0], {"docker_compose": DockerCompose()}))
    for refuse in refusals:
        with pytest.raises(DescriptionError) as caught:
            refuse()
        reached |= {entry.lineno + 1 for entry in caught.traceback if str(entry.path).endswith("k8s_checks.py")}
    assert places - reached == set()


# ---- Objects as the API shows them


def test_what_the_server_notes_is_no_difference() -> None:
    wanted = named(rendered(SMALL), "Service", "hub")
    live = json.loads(json.dumps(wanted)) | {"status": {"loadBalancer": {}}}
    live["metadata"] |= {"resourceVersion": "7", "uid": "x", "managedFields": [{}], "creationTimestamp": "now"}
    assert not k8s_objects.differs(live, wanted)
    assert k8s_objects.differs(None, wanted)
    live["spec"]["ports"][0]["port"] = 1
    assert k8s_objects.differs(live, wanted)


def test_pruning_takes_what_we_made_and_never_a_claim() -> None:
    before, after = rendered({**SMALL, "k8s_ingress": {"enabled": True}}).manifests, rendered(VARIANTS["none"]).manifests
    theirs = {"kind": "Service", "metadata": {"name": "mine", "namespace": "lab", "labels": {k8s_names.LABEL: "lab"}}}
    gone = [k8s_objects.title(item) for item in k8s_objects.to_prune([*before, theirs], after)]
    assert gone == ["ServiceAccount hub", "Role hub", "RoleBinding hub", "Ingress jupyterhub"]
    assert [k8s_objects.title(item) for item in before if item["kind"] == "PersistentVolumeClaim"] == ["PersistentVolumeClaim hub-db-dir"]
    assert k8s_objects.to_prune([item for item in before if item["kind"] == "PersistentVolumeClaim"], []) == []


def test_the_role_admin_or_edit_of_one_namespace_suffices() -> None:
    """Capabilities 2.3, 3.1: the built-in roles, as Kubernetes 1.36 has them, for all that a deployer asks for."""
    edit = {"", "apps", "networking.k8s.io", "policy"}
    for name in ("small", "none", "nodes"):
        kinds = {item["kind"] for item in [*rendered(VARIANTS[name]).secrets, *rendered(VARIANTS[name]).manifests]}
        groups = {group for _verb, group, _resource in k8s_objects.permissions(kinds)}
        assert groups <= (edit | {"rbac.authorization.k8s.io"} if name != "none" else edit)


def deployment(**status: int) -> dict[str, t.Any]:
    return {"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": status}


def test_a_rollout_is_done_when_all_pods_are_new_and_ready() -> None:
    done = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
    assert k8s_objects.rolled_out(deployment(**done))
    for name in done:
        assert not k8s_objects.rolled_out(deployment(**{**done, name: done[name] - 1}))
    assert not k8s_objects.rolled_out(deployment(**{**done, "replicas": 2}))
    assert k8s_objects.state(deployment(**done)) == "healthy"
    assert k8s_objects.state(deployment(**{**done, "readyReplicas": 0})) == "0 of 1 pods ready"


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"state": {"running": {}}, "restartCount": 1}, ""),
        ({"state": {"waiting": {"reason": "ContainerCreating"}}, "restartCount": 0}, ""),
        ({"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}, "restartCount": 0}, "ErrImagePull: no such image"),
        ({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 3, "lastState": {"terminated": {"exitCode": 7}}}, "it ended 3 times, at last"),
        ({"state": {"running": {}}, "ready": True, "restartCount": 9}, ""),
    ],
)
def test_a_pod_that_will_not_become_ready_is_told_from_one_that_may(status: dict[str, t.Any], why: str) -> None:
    said = k8s_objects.trouble({"status": {"containerStatuses": [status]}})
    assert said.startswith(why)
    assert bool(said) == bool(why)


def test_the_story_of_a_pod_is_its_warnings_each_once() -> None:
    events = [
        {"involvedObject": {"name": "a"}, "type": kind, "reason": "Failed", "message": text}
        for kind, text in (("Normal", "pulled"), ("Warning", "no\n image"), ("Warning", "no\n image"))
    ]
    assert k8s_objects.story([*events, {**events[1], "involvedObject": {"name": "b"}, "message": "other"}], "a") == ["Failed: no image"]


def test_newest_pods_are_those_of_the_newest_replica_set() -> None:
    sets = [{"metadata": {"uid": uid, "annotations": {"deployment.kubernetes.io/revision": revision}}} for uid, revision in (("new", "10"), ("old", "9"))]
    pods = [{"metadata": {"name": uid, "ownerReferences": [{"uid": uid}]}} for uid in ("old", "new")]
    assert [pod["metadata"]["name"] for pod in k8s_objects.newest(pods, sets)] == ["new"]
    assert k8s_objects.newest(pods, []) == []


def test_hints_say_how_to_get_in_and_hold_no_secret() -> None:
    """Capability 2.6."""
    hints = k8s_report.hints(*described(SMALL))
    assert "port-forward service/proxy-public 8443:443" in hints[0]
    assert any("get secret hub --template '{{index .data \"user_password\" | base64decode}}'" in hint for hint in hints)
    assert k8s_report.hints(*described(VARIANTS["external"]))[0].startswith("passwords")


def test_the_report_says_what_would_happen_and_what_did() -> None:
    project = {"settled": False, "deployed": False, "pending": rendered(SMALL).manifests[:1], "pruned": [], "made": ["cookie_secret"], "rotated": []}
    project |= {"unchecked": ["not checked: x"], "proxies": ["proxy"], "version": "1.36.2", "namespace": "lab", "url": "https://x/", "hints": []}
    lines = k8s_report.deployed(project, {"skipped": True})
    assert lines[0] == "the hub is not deployed yet; this is what a run would do"
    assert "objects: ServiceAccount hub" in lines
    done = k8s_report.deployed(project, {"version": "6.1.1", "servers": 2, "hints": ["look"], "joined": {"course": ["alice"]}})
    assert done[:3] == ["https://x/", "JupyterHub 6.1.1 on Kubernetes 1.36.2, namespace lab; servers running: 2", "look"]
    assert "joined a group: alice (course)" in done
    replaced = k8s_report.deployed({**project, "deployed": True, "pending": [named(rendered(SMALL), "Deployment", "proxy")]}, {"version": "6", "servers": 0})
    assert replaced[-1].startswith("the proxy or the edge was replaced")
    assert k8s_report.removed({"removed": [], "kept": []}) == ["nothing was there"]
    assert len(k8s_report.removed({"removed": ["Pod a"], "kept": ["Secret hub"]})) == 3


def test_policies_are_for_components_that_there_are() -> None:
    hub, settings = described(SMALL)
    assert [item["metadata"]["name"] for item in k8s_policies.policies(hub, settings, ("hub", "proxy"))] == ["hub", "proxy", "singleuser"]


def test_the_settings_of_the_target_need_nothing_but_a_context() -> None:
    settings = from_variables(K8s, {"k8s_context": "lab"}, "k8s_")
    k8s_checks.check(settings)
    assert (settings.storage.capacity, settings.wait_timeout) == ("10G", 300)
