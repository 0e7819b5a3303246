# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of the chart zero-to-jupyterhub, versions 3 and 4, what each is when nothing is said, and what to do about one that nothing here is for.

Names and values are those of the charts 3.0 to 4.1 (values.yaml and its schema).
"""

from __future__ import annotations

import typing as t


class Key:
    """A key of the chart that is a value, or whose content is free; ``defaults`` are what the versions of the chart have there."""

    def __init__(self, *defaults: t.Any) -> None:
        self.defaults = defaults or (None,)


Section = dict[str, t.Any]
"""Keys by name: sections in sections, and :class:`Key`."""


def image(*names: str) -> Section:
    return {"name": Key(*names), "tag": Key(), "pullPolicy": Key(""), "pullSecrets": Key()}


def account() -> Section:
    return {"create": Key(True), "name": Key(), "annotations": Key()}


def policy(singleuser: bool, *ports: str) -> Section:
    rules = dict.fromkeys(("dnsPortsCloudMetadataServer", "dnsPortsKubeSystemNamespace", "dnsPortsPrivateIPs", "nonPrivateIPs"), True)
    rules |= dict.fromkeys(("cloudMetadataServer", "privateIPs"), not singleuser)
    return {
        "enabled": Key(True),
        "ingress": Key(),
        "egress": Key(),
        "egressAllowRules": {name: Key(value) for name, value in rules.items()},
        "interNamespaceAccessLabels": Key("ignore"),
        "allowedIngressPorts": Key([*ports]),
    }


def dedicated(purpose: str) -> list[dict[str, str]]:
    """Return the tolerations that the chart gives its own pods, and people's."""
    keys = ("hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated")
    return [{"key": key, "operator": "Equal", "value": purpose, "effect": "NoSchedule"} for key in keys]


def pods(purpose: str) -> Section:
    return {"tolerations": Key(dedicated(purpose)), "nodeAffinity": {"matchNodePurpose": Key("prefer")}}


def probe(**defaults: t.Any) -> Key:
    return Key({"enabled": True, **defaults})


SLOW = {"initialDelaySeconds": 60, "periodSeconds": 10, "failureThreshold": 30, "timeoutSeconds": 3}
READY = {"initialDelaySeconds": 0, "periodSeconds": 2, "failureThreshold": 1000, "timeoutSeconds": 1}
PROFILE = {"seccompProfile": {"type": "RuntimeDefault"}}
OF_HUB = {"runAsUser": 1000, "runAsGroup": 1000, "allowPrivilegeEscalation": False}
NOBODY = {"runAsUser": 65534, "runAsGroup": 65534, "allowPrivilegeEscalation": False}
DROPPED = {"capabilities": {"drop": ["ALL"]}}
NOBODYS = Key(NOBODY, {"runAsNonRoot": True, **NOBODY, **DROPPED, **PROFILE})
BUDGET: Section = {"enabled": Key(False), "maxUnavailable": Key(), "minAvailable": Key(1)}
STRATEGY: Section = {"type": Key("Recreate"), "rollingUpdate": Key()}
PAUSE = ("registry.k8s.io/pause", "k8s.gcr.io/pause")

SCORES: dict[str, t.Any] = {
    "score": {
        "disabled": [{"name": name} for name in ("NodeResourcesBalancedAllocation", "NodeAffinity", "InterPodAffinity", "NodeResourcesFit", "ImageLocality")],
        "enabled": [
            {"name": name, "weight": weight}
            for name, weight in (("NodeAffinity", 14631), ("InterPodAffinity", 1331), ("NodeResourcesFit", 121), ("ImageLocality", 11))
        ],
    }
}
FITTING = [
    {
        "name": "NodeResourcesFit",
        "args": {"scoringStrategy": {"type": "MostAllocated", "resources": [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]}},
    }
]

HUB: Section = {
    "revisionHistoryLimit": Key(),
    "config": Key({"JupyterHub": {"admin_access": True, "authenticator_class": "dummy"}}),
    "service": {
        "type": Key("ClusterIP"),
        "annotations": Key(),
        "ports": {"nodePort": Key(), "appProtocol": Key()},
        "extraPorts": Key(),
        "loadBalancerIP": Key(),
    },
    "baseUrl": Key("/"),
    "cookieSecret": Key(),
    "initContainers": Key(),
    "nodeSelector": Key(),
    "tolerations": Key(),
    "concurrentSpawnLimit": Key(64),
    "consecutiveFailureLimit": Key(5),
    "activeServerLimit": Key(),
    "deploymentStrategy": STRATEGY,
    "db": {
        "type": Key("sqlite-pvc"),
        "upgrade": Key(),
        "pvc": {
            "annotations": Key(),
            "selector": Key(),
            "accessModes": Key(["ReadWriteOnce"]),
            "storage": Key("1Gi"),
            "subPath": Key(),
            "storageClassName": Key(),
        },
        "url": Key(),
        "password": Key(),
    },
    "labels": Key(),
    "annotations": Key(),
    "command": Key(),
    "args": Key(),
    "extraConfig": Key(),
    "extraFiles": Key(),
    "extraEnv": Key(),
    "extraContainers": Key(),
    "extraVolumes": Key(),
    "extraVolumeMounts": Key(),
    "image": image("quay.io/jupyterhub/k8s-hub", "jupyterhub/k8s-hub"),
    "resources": Key(),
    "podSecurityContext": Key({"fsGroup": 1000}, {"runAsNonRoot": True, "fsGroup": 1000, **PROFILE}),
    "containerSecurityContext": Key(OF_HUB, {**OF_HUB, **DROPPED}),
    "lifecycle": Key(),
    "loadRoles": Key(),
    "services": Key(),
    "pdb": BUDGET,
    "networkPolicy": policy(False),
    "allowNamedServers": Key(False),
    "namedServerLimitPerUser": Key(),
    "authenticatePrometheus": Key(),
    "redirectToServer": Key(),
    "shutdownOnLogout": Key(),
    "templatePaths": Key(),
    "templateVars": Key(),
    "livenessProbe": probe(**{**SLOW, "initialDelaySeconds": 300}),
    "readinessProbe": probe(**READY),
    "existingSecret": Key(),
    "serviceAccount": account(),
    "extraPodSpec": Key(),
    "fsGid": Key(),
}

PROXY: Section = {
    "secretToken": Key(),
    "annotations": Key(),
    "labels": Key(),
    "deploymentStrategy": STRATEGY,
    "service": {
        "type": Key("LoadBalancer"),
        "labels": Key(),
        "annotations": Key(),
        "nodePorts": {"http": Key(), "https": Key()},
        "disableHttpPort": Key(False),
        "extraPorts": Key(),
        "loadBalancerIP": Key(),
        "loadBalancerSourceRanges": Key(),
    },
    "chp": {
        "revisionHistoryLimit": Key(),
        "containerSecurityContext": NOBODYS,
        "image": image("quay.io/jupyterhub/configurable-http-proxy", "jupyterhub/configurable-http-proxy"),
        "extraCommandLineFlags": Key(),
        "livenessProbe": probe(**SLOW),
        "readinessProbe": probe(**READY),
        "resources": Key(),
        "defaultTarget": Key(),
        "errorTarget": Key(),
        "extraEnv": Key(),
        "nodeSelector": Key(),
        "tolerations": Key(),
        "networkPolicy": policy(False, "http", "https"),
        "pdb": BUDGET,
        "extraPodSpec": Key(),
    },
    "traefik": {
        "revisionHistoryLimit": Key(),
        "containerSecurityContext": NOBODYS,
        "image": image("traefik"),
        "hsts": {"includeSubdomains": Key(False), "preload": Key(False), "maxAge": Key(15724800)},
        "resources": Key(),
        "labels": Key(),
        "extraInitContainers": Key(),
        "extraEnv": Key(),
        "extraVolumes": Key(),
        "extraVolumeMounts": Key(),
        "extraStaticConfig": Key(),
        "extraDynamicConfig": Key(),
        "nodeSelector": Key(),
        "tolerations": Key(),
        "extraPorts": Key(),
        "networkPolicy": policy(False, "http", "https"),
        "pdb": BUDGET,
        "serviceAccount": account(),
        "extraPodSpec": Key(),
    },
    "secretSync": {
        "containerSecurityContext": NOBODYS,
        "image": image("quay.io/jupyterhub/k8s-secret-sync", "jupyterhub/k8s-secret-sync"),
        "resources": Key(),
    },
    "https": {
        "enabled": Key(False),
        "type": Key("letsencrypt"),
        "letsencrypt": {"contactEmail": Key(), "acmeServer": Key("https://acme-v02.api.letsencrypt.org/directory")},
        "manual": {"key": Key(), "cert": Key()},
        "secret": {"name": Key(), "key": Key("tls.key"), "crt": Key("tls.crt")},
        "hosts": Key(),
    },
}

AFFINITY: Section = {"required": Key(), "preferred": Key()}
SINGLEUSER: Section = {
    "podNameTemplate": Key(),
    "extraTolerations": Key(),
    "nodeSelector": Key(),
    "extraNodeAffinity": AFFINITY,
    "extraPodAffinity": AFFINITY,
    "extraPodAntiAffinity": AFFINITY,
    "networkTools": {"image": image("quay.io/jupyterhub/k8s-network-tools", "jupyterhub/k8s-network-tools"), "resources": Key()},
    "cloudMetadata": {"blockWithIptables": Key(True), "ip": Key("169.254.169.254")},
    "networkPolicy": policy(True),
    "events": Key(True),
    "extraAnnotations": Key(),
    "extraLabels": Key({"hub.jupyter.org/network-access-hub": "true"}),
    "extraFiles": Key(),
    "extraEnv": Key(),
    "lifecycleHooks": Key(),
    "initContainers": Key(),
    "extraContainers": Key(),
    "allowPrivilegeEscalation": Key(False),
    "uid": Key(1000),
    "fsGid": Key(100),
    "serviceAccountName": Key(),
    "storage": {
        "type": Key("dynamic"),
        "extraLabels": Key(),
        "extraVolumes": Key(),
        "extraVolumeMounts": Key(),
        "static": {"pvcName": Key(), "subPath": Key("{username}")},
        "capacity": Key("10Gi"),
        "homeMountPath": Key("/home/jovyan"),
        "dynamic": {
            "storageClass": Key(),
            "pvcNameTemplate": Key(),
            "volumeNameTemplate": Key("volume-{user_server}", "volume-{username}{servername}"),
            "storageAccessModes": Key(["ReadWriteOnce"]),
            "subPath": Key(),
        },
    },
    "image": image("quay.io/jupyterhub/k8s-singleuser-sample", "jupyterhub/k8s-singleuser-sample"),
    "startTimeout": Key(300),
    "cpu": {"limit": Key(), "guarantee": Key()},
    "memory": {"limit": Key(), "guarantee": Key("1G")},
    "extraResource": {"limits": Key(), "guarantees": Key()},
    "cmd": Key("jupyterhub-singleuser"),
    "defaultUrl": Key(),
    "extraPodConfig": Key(),
    "profileList": Key(),
}

SCHEDULING: Section = {
    "userScheduler": {
        "enabled": Key(True),
        "revisionHistoryLimit": Key(),
        "replicas": Key(2),
        "logLevel": Key(4),
        "plugins": Key(SCORES),
        "pluginConfig": Key(FITTING),
        "containerSecurityContext": NOBODYS,
        "image": image("registry.k8s.io/kube-scheduler", "k8s.gcr.io/kube-scheduler"),
        "nodeSelector": Key(),
        "tolerations": Key(),
        "labels": Key(),
        "annotations": Key(),
        "pdb": {"enabled": Key(True), "maxUnavailable": Key(1), "minAvailable": Key()},
        "resources": Key(),
        "serviceAccount": account(),
        "extraPodSpec": Key(),
    },
    "podPriority": {
        "enabled": Key(False),
        "globalDefault": Key(False),
        "defaultPriority": Key(0),
        "imagePullerPriority": Key(-5),
        "userPlaceholderPriority": Key(-10),
    },
    "userPlaceholder": {
        "enabled": Key(True),
        "image": image(*PAUSE),
        "revisionHistoryLimit": Key(),
        "replicas": Key(0),
        "labels": Key(),
        "annotations": Key(),
        "containerSecurityContext": NOBODYS,
        "resources": Key(),
        "extraPodSpec": Key(),
    },
    "corePods": pods("core"),
    "userPods": pods("user"),
}

PULLER: Section = {
    "revisionHistoryLimit": Key(),
    "labels": Key(),
    "annotations": Key(),
    "resources": Key(),
    "containerSecurityContext": NOBODYS,
    "extraTolerations": Key(),
    "hook": {
        "enabled": Key(True),
        "pullOnlyOnChanges": Key(True),
        "image": image("quay.io/jupyterhub/k8s-image-awaiter", "jupyterhub/k8s-image-awaiter"),
        "containerSecurityContext": NOBODYS,
        "podSchedulingWaitDuration": Key(10),
        "nodeSelector": Key(),
        "tolerations": Key(),
        "resources": Key(),
        "serviceAccount": account(),
        "serviceAccountImagePuller": account(),
    },
    "continuous": {"enabled": Key(True), "serviceAccount": account()},
    "pullProfileListImages": Key(True),
    "extraImages": Key(),
    "pause": {"containerSecurityContext": NOBODYS, "image": image(*PAUSE)},
}

CHART: Section = {
    "enabled": Key(),
    "fullnameOverride": Key(""),
    "nameOverride": Key(),
    "custom": Key(),
    "imagePullSecret": {
        "create": Key(False),
        "automaticReferenceInjection": Key(True),
        "registry": Key(),
        "username": Key(),
        "password": Key(),
        "email": Key(),
    },
    "imagePullSecrets": Key(),
    "hub": HUB,
    "rbac": {"create": Key(True)},
    "proxy": PROXY,
    "singleuser": SINGLEUSER,
    "scheduling": SCHEDULING,
    "prePuller": PULLER,
    "ingress": {
        "enabled": Key(False),
        "annotations": Key(),
        "ingressClassName": Key(),
        "hosts": Key(),
        "pathSuffix": Key(),
        "pathType": Key("Prefix"),
        "tls": Key(),
        "extraPaths": Key(),
    },
    "httpRoute": Key(),
    "cull": {
        "enabled": Key(True),
        "users": Key(False),
        "adminUsers": Key(True),
        "removeNamedServers": Key(False),
        "timeout": Key(3600),
        "every": Key(600),
        "concurrency": Key(10),
        "maxAge": Key(0),
    },
    "debug": {"enabled": Key(False)},
    "global": Key({"safeToShowValues": False}),
}

OURS = "nothing to do: pods of the hub, the proxy and the edge have here what a restricted namespace asks for"
POD = "there is nothing here for further parts of this pod; run what it is for as a Deployment of your own in the namespace"
POLICY = "the NetworkPolicies here are as tight as they can be and always there; write one of your own besides, which can only allow more"
TRAEFIK = "there is no Traefik here: an Ingress, or the edge (nginx), ends TLS; take it away"
SCHEDULER = "there is no scheduler of its own here; name one that the cluster has with jupyterhub_config.KubeSpawner.scheduler_name"
PLACEHOLDER = "there are no placeholders here; to keep room for people, run a Deployment of pause pods with a priority class below that of servers"
PRIORITY = "priority classes belong to the whole cluster; have one made there and name it in k8s_pods.priority_class"
PRE_PULLER = "k8s_image_puller: {enabled: true} pulls images onto each node of servers beforehand"
LIMITS = "say them in k8s_resources, for hub, proxy, edge and image-puller"
OWN_SECRET = "it is made once and kept in the Secret hub; nothing to do but to log in again"
IGNORED = "nothing to do: Deployments here keep two revisions"

ADVICE: dict[str, str] = {
    "enabled": "nothing to do: it is a word between charts",
    "fullnameOverride": "names are those of the chart; k8s_name_prefix: true puts jupyterhub_name before them, where several hubs share a namespace",
    "nameOverride": "names are those of the chart; k8s_name_prefix: true puts jupyterhub_name before them, where several hubs share a namespace",
    "custom": "nothing in hub.extraConfig reads it with get_config; take it away",
    "global": "nothing to do: it is a word between charts",
    "httpRoute": "name its Gateway in k8s_gateway, with jupyterhub_tls.mode external",
    "imagePullSecret": "the chart itself takes it with create: true alone; take it away",
    "imagePullSecret.email": "nothing to do: no registry asks for it any more",
    "imagePullSecret.automaticReferenceInjection": "the Secret is given to all pods; take it away",
    "rbac.create": "name the service account for the hub that somebody has bound to a Role in k8s_service_account",
    "hub.service": "the Service hub is inside of the cluster alone; reach the hub through proxy-public",
    "hub.baseUrl": "a hub has a host name of its own here; give it one in jupyterhub_domain, and have the old address send people there",
    "hub.cookieSecret": OWN_SECRET,
    "proxy.secretToken": OWN_SECRET,
    "hub.existingSecret": "put what is in that Secret into variables: the client secret, tokens of services, the database's password",
    "hub.command": "the hub is started by a program of ours; put what yours does into jupyterhub_extra_config, or into an image of the hub",
    "hub.args": "the hub is started with a configuration of ours; put options into jupyterhub_config",
    "hub.initContainers": POD,
    "hub.extraContainers": POD,
    "hub.extraVolumes": "jupyterhub_storage.extra_volumes with hub: true mounts claims and file servers; jupyterhub_extra_files has files",
    "hub.extraVolumeMounts": "jupyterhub_storage.extra_volumes with hub: true mounts claims and file servers; jupyterhub_extra_files has files",
    "hub.extraPodSpec": POD,
    "hub.lifecycle": POD,
    "hub.labels": "labels of the hub's pod are not said here; monitoring finds it by component=hub",
    "hub.annotations": "annotations of the hub's pod are not said here; monitoring finds it by the label component=hub",
    "hub.image": "build the hub's image of this collection with what yours has, push it, and name it in jupyterhub_images.hub",
    "hub.templatePaths": "put the templates into a directory on the controller and name it in jupyterhub_look.templates",
    "hub.networkPolicy": POLICY,
    "hub.db": "it means nothing with this hub.db.type; take it away",
    "hub.db.pvc.annotations": "nothing to do for this hub; helm.sh/resource-policy: keep has the claim outlive the chart",
    "hub.db.pvc.selector": "make the claim hub-db-dir yourself before the first run: one that is there is taken as it is",
    "hub.db.pvc.accessModes": "make the claim hub-db-dir yourself before the first run: one that is there is taken as it is",
    "hub.db.pvc.subPath": "move the database to the top of its volume: that is where the hub looks for it",
    "hub.serviceAccount": "without create: false the hub's service account is made; name one that is there in k8s_service_account",
    "hub.fsGid": "the chart itself refuses it since version 2; take it away",
    "hub.deploymentStrategy": "nothing to do: the hub is never there twice",
    "proxy.deploymentStrategy": "nothing to do: the proxy is never there twice",
    "proxy.annotations": "annotations of the proxy's pod are not said here; monitoring finds it by the label component=proxy",
    "proxy.labels": "labels of the proxy's pod are not said here; monitoring finds it by component=proxy",
    "proxy.service.labels": "labels of the Service are not said here; nothing to do unless something finds it by them",
    "proxy.service.loadBalancerIP": "ask the provider for the address with an annotation, in k8s_service.annotations",
    "proxy.service.extraPorts": "the Service has the ports of the hub alone; make another Service for others",
    "proxy.service.disableHttpPort": "port 80 sends people to HTTPS and serves nothing; close it at the load balancer",
    "proxy.service.nodePorts": "ports of the nodes are for k8s_service.type NodePort; set jupyterhub_network.http_port and https_port with it",
    "proxy.chp": "nothing here is for it; if the proxy needs it, put it into an image of the proxy and name that in jupyterhub_images.proxy",
    "proxy.chp.image": "jupyterhub_images.proxy names the image of configurable-http-proxy; 5.3 is what is tested here",
    "proxy.chp.networkPolicy": POLICY,
    "proxy.chp.errorTarget": "pages of errors are the hub's; change them with jupyterhub_look.templates",
    "proxy.chp.nodeSelector": "k8s_node_selector is for hub, proxy and edge together; there it is what hub.nodeSelector says",
    "proxy.traefik": TRAEFIK,
    "proxy.traefik.hsts": "jupyterhub_tls.hsts: true has the edge say it; behind an Ingress, its controller says it",
    "proxy.secretSync": TRAEFIK,
    "proxy.https.letsencrypt": "the issuer of cert-manager has address and server of ACME; put them there",
    "proxy.https.manual": "it is for proxy.https.type manual; take it away, or set jupyterhub_tls.mode to provided",
    "proxy.https.secret": "it is for proxy.https.type secret; take it away, or set k8s_tls_secret",
    "proxy.https.type": "it means nothing with https disabled; set jupyterhub_tls.mode if TLS shall end here",
    "proxy.https.hosts": "the first host name is jupyterhub_domain; others of a certificate go to jupyterhub_tls.names",
    "singleuser.networkTools": "nothing to do: NetworkPolicies close the metadata address, without a privileged container",
    "singleuser.cloudMetadata": "the metadata address stays closed; to open it, add it to jupyterhub_network.egress_allow",
    "singleuser.networkPolicy": "NetworkPolicies of servers are always there; jupyterhub_network.egress_allow opens destinations",
    "singleuser.allowPrivilegeEscalation": "servers cannot gain privileges here; jupyterhub_config.KubeSpawner.container_security_context can say otherwise",
    "singleuser.storage.dynamic.volumeNameTemplate": "nothing to do: it is a name inside of the pod",
    "singleuser.storage.dynamic": "it is for singleuser.storage.type dynamic; take it away",
    "singleuser.storage.static": "it is for singleuser.storage.type static; take it away",
    "singleuser.storage": "people have no storage with singleuser.storage.type none; take it away",
    "singleuser.image": "name the image and its tag in jupyterhub_spawner.image",
    "scheduling.userScheduler": SCHEDULER,
    "scheduling.podPriority": PRIORITY,
    "scheduling.userPlaceholder": PLACEHOLDER,
    "scheduling.corePods.nodeAffinity": "nothing here prefers a node for the hub; k8s_node_selector demands one",
    "prePuller": PRE_PULLER,
    "ingress": "it means nothing with ingress.enabled false; take it away, or set k8s_ingress.enabled",
    "ingress.pathSuffix": "the Ingress has the path / of type Prefix, which current controllers take; take it away",
    "ingress.pathType": "the Ingress has the path / of type Prefix, which current controllers take; take it away",
    "ingress.extraPaths": "write an Ingress of your own for other paths of the host",
    "ingress.hosts": "an Ingress here has one host, jupyterhub_domain; write one of your own that sends people from the others to it",
    "ingress.tls": "name the Secret with the certificate in k8s_tls_secret, with jupyterhub_tls.mode secret",
    "cull.concurrency": "nothing to do: idle servers are stopped ten at a time",
    "cull.adminUsers": "it means nothing without cull.users; take it away",
    "cull": "it means nothing with cull.enabled false; take it away, or set jupyterhub_culling.enabled",
}
"""What to do about a key, by the beginning of its path; the longest beginning counts."""

ENDINGS: dict[str, str] = {
    "revisionHistoryLimit": IGNORED,
    "containerSecurityContext": OURS,
    "podSecurityContext": OURS,
    "livenessProbe": "nothing to do: probes are as they must be",
    "readinessProbe": "nothing to do: probes are as they must be",
    "pdb": "k8s_disruption_budgets: true has drains of nodes wait for hub, proxy and edge",
    "resources": LIMITS,
}
"""What to do about a key that several sections have, where :data:`ADVICE` has nothing for it itself."""

OLD: dict[str, str] = {
    "auth": "charts before 1.0 said there who may log in",
    "hub.imagePullSecret": "charts before 0.10 said there how images are pulled",
    "hub.extraConfigMap": "charts before 0.9 had it",
    "hub.publicURL": "charts before 0.10 had it",
    "hub.uid": "charts before 1.0 had it",
    "singleuser.imagePullSecret": "charts before 0.10 said there how images are pulled",
    "singleuser.cloudMetadata.enabled": "charts before 0.10 had it",
    "rbac.enabled": "charts before 2.0 had it",
    "proxy.nodeSelector": "charts before 0.10 had it",
    "proxy.networkPolicy": "charts before 0.10 had it",
    "proxy.pdb": "charts before 0.10 had it",
    "scheduling.userScheduler.policy": "charts before 1.0 had it",
}
"""Keys of older charts."""
