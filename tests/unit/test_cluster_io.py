# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster is asked, by a kubeconfig: the one that is named, never another one; what its pods say; and manifests in a directory."""

from __future__ import annotations

import pathlib
import socket
import ssl
import threading
import time
import typing as t

import pytest
import websocket
import yaml

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import K8s, from_variables
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import authority, cluster
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.k8s_secrets import read_directory, stale


def settings(**values: t.Any) -> K8s:
    return t.cast(K8s, from_variables(K8s, {f"k8s_{name}": value for name, value in values.items()}, "k8s_"))


@pytest.fixture
def kubeconfig(tmp_path: pathlib.Path) -> str:
    """Two contexts; the current one is gone."""
    names = ("lab", "production")
    content = {
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}.test:6443"}} for name in names],
        "users": [{"name": name, "user": {"token": f"token-of-{name}"}} for name in names],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in names],
        "current-context": "production",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_the_context_that_is_named_is_asked_and_not_the_current_one(kubeconfig: str) -> None:
    found = cluster.Cluster(settings(kubeconfig=kubeconfig, context="lab"))
    assert found.configuration.host == "https://lab.test:6443"
    assert found.headers()["authorization"].split() == ["Bearer", "token-of-lab"]


def test_a_current_context_that_is_not_there_is_no_trouble(kubeconfig: str) -> None:
    path = pathlib.Path(kubeconfig)
    path.write_text(path.read_text().replace("current-context: production", "current-context: gone"))
    assert cluster.configuration(settings(kubeconfig=kubeconfig, context="lab")).host == "https://lab.test:6443"


def test_a_context_that_is_not_there_is_refused_with_those_that_are(kubeconfig: str) -> None:
    with pytest.raises(DescriptionError, match=r"k8s_context is 'labb', but .* has lab, production"):
        cluster.configuration(settings(kubeconfig=kubeconfig, context="labb"))


@pytest.mark.parametrize("content", [None, "no: kubeconfig", "[", ""])
def test_a_kubeconfig_that_is_none_is_refused_in_one_sentence(tmp_path: pathlib.Path, content: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DescriptionError, match=f"k8s_kubeconfig: {path} cannot be used for k8s_context lab: ") as caught:
        cluster.configuration(settings(kubeconfig=str(path), context="lab"))
    assert "\n" not in str(caught.value)


def test_outside_of_a_pod_there_is_no_cluster_around_us() -> None:
    with pytest.raises(DescriptionError, match="k8s_in_cluster is true, but this is no pod of a cluster"):
        cluster.configuration(settings(in_cluster=True))


def test_a_cluster_that_does_not_answer_is_one_sentence(kubeconfig: str) -> None:
    path = pathlib.Path(kubeconfig)
    path.write_text(path.read_text().replace("https://lab.test:6443", "https://127.0.0.1:1"))
    found = cluster.Cluster(settings(kubeconfig=kubeconfig, context="lab"))
    with pytest.raises(DescriptionError, match=r"the cluster lab does not answer at https://127.0.0.1:1: "):
        found.ask("its version", "GET", "/version")


def test_only_our_own_files_of_a_directory_are_stale(tmp_path: pathlib.Path) -> None:
    (tmp_path / "mine.yaml").write_text("kind: Service\n")
    (tmp_path / "99-ingress-old.yaml").write_text("# Written by Ansible (vdsg.jupyterhub): change the variables there, not this file.\nkind: Ingress\n")
    assert [change.path for change in stale(str(tmp_path), {})] == ["99-ingress-old.yaml"]
    assert read_directory(str(tmp_path)) == {}


def test_nothing_is_read_where_there_is_no_directory(tmp_path: pathlib.Path) -> None:
    assert read_directory(str(tmp_path / "none")) == {}


def test_what_tls_has_read_already_is_not_waited_for(tmp_path: pathlib.Path) -> None:
    """Two frames in one record, as an API server sends them now and then: the second one is seen by nobody who waits at the socket."""
    leaf = authority.make_leaf(authority.make_authority("pods", time.time()), ["pod.test"], time.time())
    (tmp_path / "pair.pem").write_text("".join(leaf))
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(tmp_path / "pair.pem")
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    ours, theirs = socket.socketpair()
    over = threading.Event()

    def serve() -> None:
        with server.wrap_socket(theirs, server_side=True) as secured:
            kinds = (b"\x01", b"\x01an answer\n", b"\x02a complaint")
            secured.sendall(b"".join(websocket.ABNF.create_frame(data, websocket.ABNF.OPCODE_BINARY).format() for data in kinds))
            over.wait(30)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        talk = cluster.Talk.__new__(cluster.Talk)
        talk.__dict__ |= {"_connected": True, "_channels": {}, "binary": True, "newline": b"\n", "sock": websocket.WebSocket()}
        talk.sock.sock, talk.sock.connected = client.wrap_socket(ours), True
        assert talk.readline_stdout(timeout=10) == b"an answer"
        assert talk.read_channel(2) == b"a complaint"
    finally:
        over.set()
        thread.join()
        ours.close()
