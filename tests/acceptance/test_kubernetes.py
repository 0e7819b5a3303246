# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a hub on Kubernetes can be asked: molecule/k8s has the hub, with the names and numbers that are here."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import ssl
import stat
import time
import typing as t

import pytest
import yaml
from cryptography import x509
from kubernetes import client

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import certificates, k8s
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import authority
from ansible_collections.vdsg.jupyterhub.tests.acceptance.client import HubClient, HubError, Kernel, until
from ansible_collections.vdsg.jupyterhub.tests.acceptance.conftest import Settings
from ansible_collections.vdsg.jupyterhub.tests.acceptance.engine import Lives, probe_code, run
from ansible_collections.vdsg.jupyterhub.tests.acceptance.kube import KubernetesEngine
from ansible_collections.vdsg.jupyterhub.tests.acceptance.plays import ROOT, Plays, restarted
from ansible_collections.vdsg.jupyterhub.tests.acceptance.test_storage import HOME, NOTICES, SECRET, TRY

MB = 2**20
DAY = 86400
T = t.TypeVar("T")
GPU = "nvidia.com/gpu"
COURSE = "/srv/course"


@pytest.fixture(scope="module")
def cluster(hub: t.Any) -> KubernetesEngine:
    assert isinstance(hub, KubernetesEngine)
    return hub


@pytest.fixture(scope="module")
def kernel(alice: HubClient) -> t.Iterator[Kernel]:
    alice.open_server()
    with alice.kernel() as kernel:
        yield kernel


# ---- People's servers


def test_server_is_confined_and_has_no_account_of_the_cluster(kernel: Kernel) -> None:
    """Capabilities 3.1, 4.11."""
    status = dict(line.split(":\t", 1) for line in kernel.execute("print(open('/proc/self/status').read())").splitlines())
    assert "0" not in status["Uid"].split()
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert kernel.execute("import os; print(os.path.exists('/var/run/secrets/kubernetes.io'), os.environ['GREETING'])") == "False it's {here}"


def test_namespace_takes_no_pod_that_is_not_restricted(cluster: KubernetesEngine) -> None:
    """G24: what is in it keeps to what it enforces."""
    labels = cluster.core.read_namespace(cluster.namespace).metadata.labels
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = {"metadata": {"name": "root"}, "spec": {"containers": [{"name": "root", "image": "any:1"}]}}
    with pytest.raises(client.ApiException, match="violates PodSecurity"):
        cluster.core.create_namespaced_pod(cluster.namespace, pod)


def test_server_reaches_no_api_of_the_cluster(kernel: Kernel, cluster: KubernetesEngine) -> None:
    targets = cluster.api_server()
    assert set(cluster.reach("hub", targets).values()) == {"open"}
    assert "open" not in json.loads(kernel.execute(probe_code(targets)))


def test_profile_of_others_is_refused_through_the_api_too(bob: HubClient) -> None:
    bob.stop_server()
    with pytest.raises(HubError, match="the profile 'Large' is not open to you"):
        bob.api("POST", "users/bob/server", {"profile": "Large"})
    bob.start_server()


@pytest.fixture
def gpu(cluster: KubernetesEngine) -> t.Iterator[None]:
    """A node that says that it has a GPU: the scheduler counts it, and no kubelet looks for it."""
    node = cluster.core.list_node().items[0].metadata.name
    places = [f"/status/{place}/{GPU.replace('/', '~1')}" for place in ("capacity", "allocatable")]
    cluster.core.patch_node_status(node, [{"op": "add", "path": place, "value": "1"} for place in places])
    yield
    cluster.core.patch_node_status(node, [{"op": "remove", "path": places[0]}])


@pytest.mark.usefixtures("gpu")
def test_pod_is_what_the_profile_says(alice: HubClient, cluster: KubernetesEngine) -> None:
    """Capabilities 2.8, 3.20, 3.22, 4.10."""
    alice.write_file("kept.txt", "over a change of the profile")
    alice.stop_server()
    alice.options = {"profile": "Large"}
    alice.start_server()
    (pod,) = cluster.pods("user-alice")
    (container,) = pod["spec"]["containers"]
    assert {name: int(amounts["memory"]) // MB for name, amounts in container["resources"].items() if amounts} == {"limits": 768, "requests": 64}
    with alice.kernel() as kernel:
        assert kernel.execute("import os, shutil; print(os.environ['OMP_NUM_THREADS'], shutil.disk_usage('/dev/shm').total >> 20)") == "2 128"
        assert kernel.execute("print(open('kept.txt').read())") == "over a change of the profile"
        assert kernel.execute("print(shutil.disk_usage('/scratch').total >> 20)") == "64"
    assert container["resources"]["limits"][GPU] == "1"


def attempt(person: HubClient, *paths: str) -> list[t.Any]:
    """Return whether somebody can write at some paths; None where there is nothing."""
    with person.kernel() as kernel:
        return [found and found[3] for found in json.loads(kernel.execute(TRY.format(paths=list(paths))))]


REPOSITORY = f"""
import os, pathlib, subprocess
os.umask(0o077)
pathlib.Path("{COURSE}/plan.txt").write_text("alice\\n")
def git(*words):
    subprocess.run(["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *words], check=True, capture_output=True)
git("init", "--bare", "--initial-branch=main", "{COURSE}/lessons.git")
git("clone", "{COURSE}/lessons.git", "/scratch/lessons")
pathlib.Path("/scratch/lessons/first.txt").write_text("one")
git("-C", "/scratch/lessons", "add", "first.txt")
git("-C", "/scratch/lessons", "commit", "--allow-empty", "--message=lesson")
git("-C", "/scratch/lessons", "push", "origin", "HEAD:main")
"""


def test_folder_is_for_its_groups(alice: HubClient, bob: HubClient, admin: HubClient) -> None:
    """Writers write, all others read or do not see it; and what cannot be pulled keeps nobody from working."""
    assert attempt(alice, COURSE, NOTICES) == ["written", "written"]
    assert attempt(bob, COURSE, NOTICES) == [None, "Read-only file system"]
    with alice.kernel() as kernel:
        kernel.execute(REPOSITORY)
    admin.api("POST", "groups/course/users", {"users": ["bob"]})
    assert attempt(bob, COURSE) == [None], "a server keeps what it started with"


LOOK = """
import json, os
def look(path):
    return [oct(os.stat(path).st_mode & 0o7777), os.stat(path).st_uid, open(path).read()] if os.path.exists(path) else None
print(json.dumps([look(path) for path in {!r}]))
"""


def test_files_are_in_servers_and_in_the_hub_with_their_modes(bob: HubClient, cluster: KubernetesEngine) -> None:
    """And files of the image fill gaps in a home, and references of an environment are what they refer to, not in the pod's specification."""
    paths = ["/etc/course.conf", "/usr/local/bin/greet", "/home/jovyan/.licence", "/etc/jupyterhub/mine/notice.txt"]
    with bob.kernel() as kernel:
        in_server = json.loads(kernel.execute(LOOK.format(paths)))
        assert json.loads(kernel.execute("print(json.dumps([os.popen('greet').read(), os.environ['LICENCE'], os.environ['NODE']]))")) == [
            "Hello\n",
            SECRET,
            cluster.pods("user-bob")[0]["spec"]["nodeName"],
        ]
        assert {".bashrc", ".profile"} <= set(json.loads(kernel.execute(f"print(json.dumps(os.listdir({HOME!r})))")))
    assert in_server == [["0o444", 0, "exam = friday\n"], ["0o555", 0, "#!/bin/sh\necho Hello\n"], ["0o444", 0, SECRET], None]
    assert json.loads(cluster.python("hub", LOOK.format(paths)))[3:] == [["0o440", 0, "Only for the hub"]]
    assert SECRET not in json.dumps(cluster.inspect())


def test_servers_are_found_by_labels_and_stopped_by_deleting_the_pod(bob: HubClient, cluster: KubernetesEngine) -> None:
    """Capabilities 3.10, 3.11."""
    found = cluster.core.list_namespaced_pod(cluster.namespace, label_selector="app=jupyterhub,component=singleuser-server").items
    assert {pod.metadata.annotations["hub.jupyter.org/username"] for pod in found} == {"alice", "bob"}
    (name,) = [pod.metadata.name for pod in found if pod.metadata.annotations["hub.jupyter.org/username"] == "bob"]
    cluster.core.delete_namespaced_pod(name, cluster.namespace)
    until(lambda: not bob.servers(), 60, "the hub's knowledge that the server is gone")
    bob.start_server()


def test_members_edit_each_others_files_and_get_what_is_published(alice: HubClient, bob: HubClient, admin: HubClient) -> None:
    """A group at the hub counts at the next start; whatever the umask."""
    with bob.kernel() as kernel:
        kernel.execute(f"open('{COURSE}/plan.txt', 'a').write('bob\\n')")
        assert kernel.execute(f"print(open('{HOME}/lessons/first.txt').read())") == "one"
    with alice.kernel() as kernel:
        assert kernel.execute(f"print(open('{COURSE}/plan.txt').read())") == "alice\nbob"
    admin.api("DELETE", "groups/course/users", {"users": ["bob"]})


def test_programs_of_the_hub_reach_it_by_its_name(cluster: KubernetesEngine) -> None:
    """The culler does; a pod that asks its own Service is not let in by every network."""
    assert set(cluster.reach("hub", [("hub", 8081), ("proxy-api", 8001)]).values()) == {"open"}


# ---- Changes


def changed_pods(cluster: KubernetesEngine, before: Lives) -> set[str]:
    return restarted(before, cluster.lives())


def meanwhile(kernel: Kernel, play: t.Callable[[], T]) -> T:
    """Run a play while a kernel answers on its one socket all the time; return what it returns."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(play)
        while not running.done():
            assert kernel.execute("6 * 7") == "42"
            concurrent.futures.wait([running], timeout=2)
        return running.result()


def test_change_rolls_what_it_must_and_kernels_go_on(alice: HubClient, cluster: KubernetesEngine, plays: Plays) -> None:
    """Capabilities 2.13, 3.7, 3.19."""
    with alice.kernel() as kernel:
        kernel.execute("answer = 41")
        before = cluster.lives()
        people = [{"name": "admin", "admin": True}, {"name": "alice"}, {"name": "bob"}, {"name": "carol"}]
        assert meanwhile(kernel, lambda: plays.deploy(users=people))
        assert "people added: carol" in plays.said
        assert changed_pods(cluster, before) == set()
        assert meanwhile(kernel, lambda: plays.deploy(culling={"idle_timeout": 7200}))
        assert changed_pods(cluster, before) == {"hub"}
        assert meanwhile(kernel, plays.deploy) == 0
        assert kernel.execute("answer + 1") == "42"


def test_renewed_certificate_rolls_nothing(settings: Settings, alice: HubClient, cluster: KubernetesEngine, plays: Plays) -> None:
    """G2: a rotation asked for, and a leaf in its last days, which what cron runs renews."""
    address = (settings.need("--hub-address"), int(settings.need("--hub-url").rpartition(":")[2]))
    with alice.kernel() as kernel:
        before, certificate = cluster.lives(), ssl.get_server_certificate(address)
        assert meanwhile(kernel, lambda: plays.deploy_once(rotate_secrets=["tls"]))
        # The report comes when the edge has loaded it.
        shown = ssl.get_server_certificate(address)
        assert shown != certificate
        nothing_due = plays.renew()
        assert (nothing_due.returncode, nothing_due.stdout, nothing_due.stderr) == (0, "", "")

        own = k8s.decoded(cluster.secret("hub")) | k8s.decoded(cluster.secret("tls"))
        signer = authority.Pair(own["authority_certificate"] + "\n", own["authority_key"] + "\n")
        names = certificates.names_of(x509.load_pem_x509_certificate(shown.encode()))
        old = authority.make_leaf(signer, names, time.time() - (authority.LEAF_DAYS - 20) * DAY)
        data = {"tls.crt": k8s.encoded(old.certificate), "tls.key": k8s.encoded(old.key)}
        cluster.core.patch_namespaced_secret("tls", cluster.namespace, {"data": data})
        renewal = meanwhile(kernel, plays.renew)
        assert re.fullmatch(r"molecule: the certificate of k8s.test was replaced; it is valid until .*\n", renewal.stdout), renewal.stderr
        renewed = x509.load_pem_x509_certificate(ssl.get_server_certificate(address).encode())
        assert certificates.dates(renewed)[1].timestamp() > time.time() + 300 * DAY
        assert certificates.signed_by(renewed, x509.load_pem_x509_certificate(signer.certificate.encode()))
        assert renewed == x509.load_pem_x509_certificate(k8s.decoded(cluster.secret("tls"))["tls_certificate"].encode())
        assert changed_pods(cluster, before) == set()
        assert kernel.alive
    assert plays.deploy() == 0
    assert settings.client().session.get(f"{settings.client().url}/hub/login", timeout=30).status_code == 200


def test_nodes_have_the_images_and_a_drain_waits_for_the_hub(cluster: KubernetesEngine) -> None:
    def pulled() -> bool:
        status = cluster.apps.read_namespaced_daemon_set("image-puller", cluster.namespace).status
        return bool(status.number_ready and status.number_ready == status.desired_number_scheduled)

    until(pulled, 60, "the images on each node")
    (hub,) = cluster.pods("hub")
    assert hub["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "10m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}
    with pytest.raises(client.ApiException) as refused:
        cluster.core.create_namespaced_pod_eviction(hub["metadata"]["name"], cluster.namespace, {"metadata": {"name": hub["metadata"]["name"]}})
    assert refused.value.status == 429
    assert "disruption budget" in str(refused.value.body)


# ---- Another hub, by people who may do little


class Deployer:
    """Somebody who has a role in one namespace and nothing else; hubs there are their affair."""

    def __init__(self, cluster: KubernetesEngine, namespace: str, folder: pathlib.Path) -> None:
        self.core, self.rbac = cluster.core, client.RbacAuthorizationV1Api(cluster.api)
        self.namespace = namespace
        labels = {"pod-security.kubernetes.io/enforce": "restricted", "vdsg.jupyterhub.test": "true"}
        self.core.create_namespace({"metadata": {"name": namespace, "labels": labels}})
        self.core.create_namespaced_service_account(namespace, {"metadata": {"name": "deployer"}})
        self.file = folder / "deployer"
        given = yaml.safe_load(pathlib.Path(os.environ["KUBECONFIG"]).read_text())
        context = next(item["context"] for item in given["contexts"] if item["name"] == cluster.context)
        token = self.core.create_namespaced_service_account_token("deployer", namespace, {"spec": {"expirationSeconds": 7200}}).status.token
        given["users"] = [{"name": "deployer", "user": {"token": token}}]
        given["contexts"] = [{"name": "deployer", "context": {"cluster": context["cluster"], "user": "deployer"}}]
        given["current-context"] = "deployer"
        self.file.write_text(yaml.safe_dump(given))
        self.file.chmod(0o600)

    def has(self, role: str) -> None:
        """Give this built-in role in the namespace, in place of the one before."""
        self.rbac.delete_collection_namespaced_role_binding(self.namespace, label_selector="vdsg.jupyterhub.test=true")
        subject = {"kind": "ServiceAccount", "name": "deployer", "namespace": self.namespace}
        binding = {"metadata": {"name": f"deployer-{role}", "labels": {"vdsg.jupyterhub.test": "true"}}, "subjects": [subject]}
        binding["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        self.rbac.create_namespaced_role_binding(self.namespace, binding)


@pytest.fixture(scope="module")
def deployer(cluster: KubernetesEngine, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Deployer]:
    found = Deployer(cluster, f"{cluster.namespace}-second", tmp_path_factory.mktemp("deployer"))
    yield found
    cluster.core.delete_namespace(found.namespace)


@pytest.fixture(scope="module")
def second(settings: Settings, deployer: Deployer, tmp_path_factory: pytest.TempPathFactory) -> Plays:
    """Another hub, without TLS of its own, with its name before all names."""
    place = {"k8s_namespace": deployer.namespace, "k8s_create_namespace": False, "k8s_kubeconfig": str(deployer.file), "k8s_context": "deployer"}
    look = {"k8s_name_prefix": True, "k8s_service": {}, "jupyterhub_tls": {"mode": "external"}, "jupyterhub_network": {}}
    return Plays(json.loads(settings.need("--hub-play")), tmp_path_factory.mktemp("second"), "second", **place, **look)


@pytest.fixture(scope="module")
def its(cluster: KubernetesEngine, second: Plays) -> KubernetesEngine:
    """The second hub from behind."""
    return KubernetesEngine("second", [f"{cluster.context}/{second.variables['k8s_namespace']}"])


def refusal(plays: Plays, **changes: t.Any) -> str:
    """Return what a deployment with these variables fails with; they are for one run."""
    kept = dict(plays.variables)
    plays.variables |= changes
    try:
        with pytest.raises(AssertionError):
            plays.deploy()
    finally:
        plays.variables = kept
    return " ".join(plays.said.split())


def test_role_admin_in_one_namespace_suffices(deployer: Deployer, second: Plays, its: KubernetesEngine) -> None:
    """Capabilities 2.3, 3.1, 3.15: no administrator of the cluster, a second hub of another name."""
    deployer.has("admin")
    assert second.deploy()
    assert "not checked, since you may not see it: whether the storage classes exist" in second.said
    assert {"Deployment second-hub", "Deployment second-proxy", "Service second-proxy-public", "Role second-hub"} <= its.objects()
    assert second.deploy() == 0


def test_what_the_description_has_no_longer_is_pruned_and_claims_stay(second: Plays, its: KubernetesEngine) -> None:
    before, claims = its.objects(), its.claims()
    second.variables["k8s_ingress"] = {"enabled": True, "class_name": "nobody"}
    assert second.deploy()
    assert its.objects() - before == {"Ingress second-jupyterhub"}
    del second.variables["k8s_ingress"]
    assert second.deploy()
    assert "objects removed: Ingress second-jupyterhub" in second.said
    assert (its.objects(), its.claims()) == (before, claims)
    assert claims == {"second-hub-db-dir", "second-shared"}


def test_role_edit_suffices_with_a_service_account_that_is_bound(deployer: Deployer, second: Plays, its: KubernetesEngine) -> None:
    verbs = ["get", "watch", "list", "create", "delete"]
    role = {"metadata": {"name": "bound"}, "rules": [{"apiGroups": [""], "resources": ["pods", "persistentvolumeclaims", "events"], "verbs": verbs}]}
    deployer.core.create_namespaced_service_account(deployer.namespace, {"metadata": {"name": "bound"}})
    deployer.rbac.create_namespaced_role(deployer.namespace, role)
    binding = {"metadata": {"name": "bound"}, "subjects": [{"kind": "ServiceAccount", "name": "bound", "namespace": deployer.namespace}]}
    binding["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "bound"}
    deployer.rbac.create_namespaced_role_binding(deployer.namespace, binding)
    deployer.has("edit")
    second.variables["k8s_service_account"] = "bound"
    assert second.deploy()
    assert second.deploy() == 0
    assert its.pods("hub")[0]["spec"]["serviceAccountName"] == "bound"


def versions(engine: KubernetesEngine) -> list[str]:
    """Return the versions of all objects but pods and events, which go on by themselves."""
    found = [item for item in engine.inspect() if "metadata" in item and "involvedObject" not in item and "containers" not in item.get("spec", {})]
    return [item["metadata"]["resourceVersion"] for item in found]


def test_missing_permission_is_named_and_nothing_is_touched(deployer: Deployer, second: Plays, its: KubernetesEngine) -> None:
    before = versions(its)
    deployer.has("view")
    said = refusal(second, jupyterhub_culling={"idle_timeout": 900})
    assert "create deployments.apps" in said
    assert f"in the namespace {deployer.namespace}" in said
    deployer.has("edit")
    assert versions(its) == before


def extra(kind: str, source: str) -> dict[str, t.Any]:
    """Return what has a further volume, and nothing else of storage."""
    volume = {"name": "extra", "mount_path": "/srv/extra", "type": kind, "source": source}
    return {"jupyterhub_storage": {"extra_volumes": [volume]}, "jupyterhub_profiles": [], "k8s_shared_folders": {}}


BAD: list[tuple[dict[str, t.Any], str]] = [
    ({"k8s_context": "nobody"}, "k8s_context is 'nobody', but"),
    ({"k8s_namespace": "nowhere"}, "in the namespace nowhere"),
    ({"k8s_tls_secret": "nothing", "jupyterhub_tls": {"mode": "secret"}}, "k8s_tls_secret is nothing, but the namespace"),
    (extra("volume", "nothing"), "extra_volumes[0].source is nothing, but the namespace"),
    (extra("nfs", "nfs.invalid:/"), "enforces restricted Pod Security, which forbids it"),
    ({"k8s_certificate_issuer": "us", "jupyterhub_tls": {"mode": "cert_manager"}}, "you may not create certificates.cert-manager.io"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message for _changes, message in BAD])
def test_what_the_cluster_has_not_is_refused(second: Plays, changes: dict[str, t.Any], message: str) -> None:
    assert message in refusal(second, **changes)


@pytest.fixture
def no_cert_manager(cluster: KubernetesEngine) -> t.Iterator[dict[str, t.Any]]:
    """A cluster without the definitions of cert-manager, as most are; what it yields would be them."""
    extensions = client.ApiextensionsV1Api(cluster.api)
    definition = yaml.safe_load((ROOT / "tests/cluster/crds/cert-manager.yml").read_text())
    name = definition["metadata"]["name"]

    def there() -> bool:
        return name in {item.metadata.name for item in extensions.list_custom_resource_definition().items}

    before = there()
    if before:
        extensions.delete_custom_resource_definition(name)
    until(lambda: not there(), 30, "a cluster without cert-manager")
    yield definition
    if before and not there():
        extensions.create_custom_resource_definition(definition)


@pytest.fixture
def disks(cluster: KubernetesEngine) -> t.Iterator[str]:
    """A storage class of a provisioner of disks; nothing is ever made with it."""
    storage, name = client.StorageV1Api(cluster.api), f"{cluster.namespace}-disks"
    storage.create_storage_class({"metadata": {"name": name}, "provisioner": "ebs.csi.aws.com"})
    yield name
    storage.delete_storage_class(name)


def test_who_may_see_the_cluster_is_told_what_it_lacks(cluster: KubernetesEngine, second: Plays, no_cert_manager: dict[str, t.Any], disks: str) -> None:
    assert no_cert_manager["spec"]["group"] == "cert-manager.io"
    mine = {"k8s_kubeconfig": os.environ["KUBECONFIG"], "k8s_context": cluster.context}
    assert "k8s_database.class_name is fast, but the cluster has" in refusal(second, **mine, k8s_database={"class_name": "fast"})
    assert "k8s_namespace nowhere does not exist" in refusal(second, **mine, k8s_namespace="nowhere")
    assert "makes disks, which are in one node at a time" in refusal(second, **mine, k8s_shared_folders={"class_name": disks})
    wanted = {"k8s_certificate_issuer": "us", "jupyterhub_tls": {"mode": "cert_manager"}}
    assert "but the cluster has no cert-manager" in refusal(second, **mine, **wanted)


def test_a_quota_that_takes_no_pod_is_named(cluster: KubernetesEngine, second: Plays, its: KubernetesEngine) -> None:
    body = {"metadata": {"name": "tight"}, "spec": {"hard": {"limits.memory": "300Mi"}}}
    cluster.core.create_namespaced_resource_quota(its.namespace, body)
    try:
        assert "k8s_resources.proxy.limits.memory is required: the quota tight" in refusal(second)
        large, small = {"limits": {"memory": "200Mi"}}, {"limits": {"memory": "8Mi"}}
        said = refusal(second, k8s_resources={"hub": large, "proxy": large, "image-puller": small})
        assert "has limits.memory 300Mi, but k8s_resources asks for more (hub 200Mi, proxy 200Mi, image-puller 8Mi)" in said
    finally:
        cluster.core.delete_namespaced_resource_quota("tight", its.namespace)


@pytest.fixture
def gateways(cluster: KubernetesEngine) -> t.Iterator[str]:
    """A Gateway in the namespace of the first hub, and the definitions that it takes; nothing behind it."""
    extensions, custom = client.ApiextensionsV1Api(cluster.api), client.CustomObjectsApi(cluster.api)
    definitions = [yaml.safe_load((ROOT / f"tests/cluster/crds/{name}.yml").read_text()) for name in ("gateway", "gateways")]
    there = {item.metadata.name for item in extensions.list_custom_resource_definition().items}
    made = [item for item in definitions if item["metadata"]["name"] not in there]
    for item in made:
        extensions.create_custom_resource_definition(item)
    place = ("gateway.networking.k8s.io", "v1", cluster.namespace, "gateways")
    body = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "public"}, "spec": {"gatewayClassName": "nobody"}}

    def create() -> bool:
        try:
            custom.create_namespaced_custom_object(*place, body)
        except client.ApiException as exc:
            return bool(exc.status == 409)
        return True

    until(create, 30, "a Gateway")
    yield cluster.namespace
    custom.delete_namespaced_custom_object(*place, "public")
    for item in made:
        extensions.delete_custom_resource_definition(item["metadata"]["name"])


def test_a_route_leads_from_a_gateway_to_the_hub(cluster: KubernetesEngine, second: Plays, its: KubernetesEngine, gateways: str) -> None:
    wanted = {"enabled": True, "name": "public", "namespace": gateways, "section_name": "https"}
    assert "you may not create httproutes.gateway.networking.k8s.io" in refusal(second, k8s_gateway=wanted)
    mine = {"k8s_kubeconfig": os.environ["KUBECONFIG"], "k8s_context": cluster.context}
    assert f"the namespace {gateways} has no Gateway of that name" in refusal(second, **mine, k8s_gateway={**wanted, "name": "other"})
    kept, before = dict(second.variables), its.objects()
    second.variables |= {**mine, "k8s_gateway": wanted}
    assert second.deploy()
    assert its.objects() - before == {"HTTPRoute second-jupyterhub"}
    assert second.deploy() == 0
    custom = client.CustomObjectsApi(cluster.api)
    spec = custom.get_namespaced_custom_object("gateway.networking.k8s.io", "v1", its.namespace, "httproutes", "second-jupyterhub")["spec"]
    assert spec["parentRefs"][0]["sectionName"] == "https"
    assert spec["rules"][0]["backendRefs"][0]["name"] == "second-proxy-public"
    del second.variables["k8s_gateway"]
    assert second.deploy()
    # Who deployed with the role edit could not see the Role that is no longer needed.
    assert its.objects() == before - {"Role second-hub"}
    second.variables = kept


def test_failed_rollout_says_what_the_pod_says(second: Plays, its: KubernetesEngine) -> None:
    images = {name: its.pods(name)[0]["spec"]["containers"][0]["image"] for name in ("hub", "proxy")}
    said = refusal(second, jupyterhub_images={**images, "proxy": "registry.invalid/nothing:1"})
    assert "the rollout of the Deployment second-proxy" in said
    assert "events: " in said and "registry.invalid/nothing:1" in said
    said = refusal(second, jupyterhub_database={"type": "postgresql", "host": "nowhere.invalid", "password": "hush"})
    assert "at last with status 1" in said
    assert "last lines: " in said and "nowhere.invalid" in said
    assert second.deploy()
    assert second.deploy() == 0


def test_configuration_that_the_image_refuses_never_reaches_the_hub(second: Plays, its: KubernetesEngine) -> None:
    """Capabilities 3.16, 3.17."""
    before = its.lives()
    said = refusal(second, jupyterhub_extra_config={"10-broken": "c.JupyterHub.template_vars = {}\nc.JupyterHub.ip = broken_on_purpose"})
    assert "jupyterhub_extra_config.10-broken: line 2: NameError: name 'broken_on_purpose'" in said
    said = refusal(second, jupyterhub_images={"hub": "registry.invalid/nothing:1"})
    assert "jupyterhub_images.hub registry.invalid/nothing:1 cannot be tried in the cluster: " in said
    assert its.pods("config-check") == []
    assert its.lives() == before
    assert second.deploy() == 0


def test_removal_keeps_claims_and_secrets(cluster: KubernetesEngine, second: Plays, its: KubernetesEngine) -> None:
    """Capabilities 3.12, 3.31."""
    second.variables |= {"k8s_kubeconfig": os.environ["KUBECONFIG"], "k8s_context": cluster.context}
    claims = its.claims()
    second.remove()
    assert (its.objects(), its.claims()) == ({"Secret second-hub", "Secret second-servers"}, claims)
    assert its.pods("hub") == []
    second.remove(data=True)
    assert (its.objects(), its.claims()) == (set(), set())


# ---- Manifests


def test_manifests_in_a_directory_make_a_hub(cluster: KubernetesEngine, second: Plays, tmp_path: pathlib.Path) -> None:
    """Capabilities 2.1, 2.2: `kubectl apply -f manifests/`."""
    kubectl = shutil.which("kubectl") or str(ROOT / ".cache/cluster/bin/kubectl")
    namespace = f"{cluster.namespace}-files"
    second.variables = {key: value for key, value in second.variables.items() if key not in ("k8s_kubeconfig", "k8s_context", "k8s_service_account")}
    second.variables |= {"k8s_manifests_dir": str(tmp_path / "manifests"), "k8s_namespace": namespace, "k8s_create_namespace": True}
    assert second.deploy()
    assert second.deploy() == 0
    secret = tmp_path / "manifests/secret-second-hub.yaml"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    there = KubernetesEngine("second", [f"{cluster.context}/{namespace}"])
    try:
        run(kubectl, "--context", cluster.context, "apply", "--filename", str(secret.parent))
        until(lambda: there.ready("hub") and there.ready("proxy"), 120, "a hub made by kubectl")
    finally:
        cluster.core.delete_namespace(namespace)
