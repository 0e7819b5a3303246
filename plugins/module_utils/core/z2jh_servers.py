# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers of people in zero-to-jupyterhub (singleuser): image, resources, environment, files, storage, profiles."""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
import typing as t

from .pytext import literal
from .server_checks import OPTION
from .z2jh_result import LAST, Result
from .z2jh_values import (
    Path,
    Unfit,
    Values,
    anything,
    capacity,
    count,
    default_of,
    flag,
    has_secret,
    mapping,
    mappings,
    memory,
    number,
    pairs,
    secret_name,
    text,
    texts,
    whole,
    words,
)

Form = t.Callable[[t.Any], t.Any]
SPAWNER = "jupyterhub_spawner"
NETWORK_ACCESS = "hub.jupyter.org/network-access-hub"
PURPOSE = "hub.jupyter.org/node-purpose"
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")

PLAIN: tuple[tuple[str, Form, str], ...] = (
    ("singleuser.cpu.limit", number, f"{SPAWNER}.cpu_limit"),
    ("singleuser.cpu.guarantee", number, f"{SPAWNER}.cpu_guarantee"),
    ("singleuser.memory.limit", memory, f"{SPAWNER}.mem_limit"),
    ("singleuser.memory.guarantee", memory, f"{SPAWNER}.mem_guarantee"),
    ("singleuser.startTimeout", count, f"{SPAWNER}.start_timeout"),
    ("singleuser.cmd", words, f"{SPAWNER}.cmd"),
    ("singleuser.defaultUrl", text, f"{SPAWNER}.default_url"),
    ("singleuser.events", flag, "k8s_pods.events_enabled"),
    ("singleuser.extraAnnotations", pairs, "k8s_pods.annotations"),
    ("singleuser.fsGid", whole, "k8s_pods.fs_gid"),
    ("singleuser.nodeSelector", pairs, "k8s_pods.node_selector"),
    ("singleuser.serviceAccountName", text, "k8s_pods.service_account"),
    ("singleuser.extraResource.limits", pairs, "k8s_pods.extra_resource_limits"),
    ("singleuser.extraResource.guarantees", pairs, "k8s_pods.extra_resource_guarantees"),
)
"""Keys that are a variable each."""

UNASKED = ("singleuser.memory.guarantee", "singleuser.startTimeout")
"""Those that the chart sets to something else than we do where nothing is said."""

TRAITS: tuple[tuple[str, Form, str], ...] = (
    ("singleuser.podNameTemplate", text, "pod_name_template"),
    ("singleuser.extraNodeAffinity.required", mappings, "node_affinity_required"),
    ("singleuser.extraNodeAffinity.preferred", mappings, "node_affinity_preferred"),
    ("singleuser.extraPodAffinity.required", mappings, "pod_affinity_required"),
    ("singleuser.extraPodAffinity.preferred", mappings, "pod_affinity_preferred"),
    ("singleuser.extraPodAntiAffinity.required", mappings, "pod_anti_affinity_required"),
    ("singleuser.extraPodAntiAffinity.preferred", mappings, "pod_anti_affinity_preferred"),
    ("singleuser.lifecycleHooks", mapping, "lifecycle_hooks"),
    ("singleuser.initContainers", mappings, "init_containers"),
    ("singleuser.extraContainers", mappings, "extra_containers"),
    ("singleuser.extraPodConfig", mapping, "extra_pod_config"),
)
"""Keys that are a trait of KubeSpawner each."""


class Servers:
    """The part singleuser."""

    def __init__(self, values: Values, out: Result, chart: int) -> None:
        self.values = values
        self.out = out
        self.chart = chart

    def take(self) -> None:
        for path, form, variable in PLAIN:
            self.plain(path, form, variable)
        for path, form, trait in TRAITS:
            if value := self.values.take(path, form):
                self.out.trait("KubeSpawner", trait, value)
        self.special()
        self.image()
        self.scheduling()
        self.network()
        self.storage()
        self.volumes()
        self.environment()
        self.files()
        self.profiles()

    def plain(self, path: str, form: Form, variable: str) -> None:
        value = self.values.take(path, form)
        if value is None and path in UNASKED and self.values.at(path) is None:
            value = form(default_of(path))
        if value is not None and value != {}:
            self.out.set(variable, value)

    def special(self) -> None:
        user = self.values.take("singleuser.uid", whole)
        if user == 0:
            self.values.read.discard(("singleuser", "uid"))
            self.values.leave("singleuser.uid", "servers are never root here; what root did when a server started belongs into its image")
        elif user is not None:
            self.out.set("k8s_pods.uid", user)
        labels = {name: value for name, value in (self.values.take("singleuser.extraLabels", pairs) or {}).items() if name != NETWORK_ACCESS}
        if labels:
            self.out.set("k8s_pods.labels", labels)
        for name in ("cmd", "uid"):
            singleuser = self.values.at("singleuser")
            if isinstance(singleuser, dict) and name in singleuser and singleuser[name] is None:
                what, variable, ours = {"cmd": ("command", f"{SPAWNER}.cmd", "jupyterhub-singleuser"), "uid": ("user", "k8s_pods.uid", "1000")}[name]
                self.out.note(f"singleuser.{name} is null, which was the {what} of the image: say it in {variable} if it is not {ours}")

    def image(self) -> None:
        name, tag = self.values.at("singleuser.image.name"), self.values.at("singleuser.image.tag")
        if name is None:
            self.out.note(
                "singleuser.image is not in the values: servers had the chart's sample image, and have the pinned jupyter/scipy-notebook now; "
                "jupyterhub_spawner.image names another"
            )
            return
        reference = self.values.take("singleuser.image.name", text)
        given = self.values.take("singleuser.image.tag", text) if tag is not None else None
        if reference:
            self.out.set(f"{SPAWNER}.image", f"{reference}:{given}" if given else reference)
            self.out.note(f"the JupyterHub in the image of servers must match that of the hub: look into {reference}")

    def scheduling(self) -> None:
        tolerations = self.values.take("scheduling.userPods.tolerations", mappings)
        if tolerations is None:
            tolerations = default_of("scheduling.userPods.tolerations")
        tolerations = [*tolerations, *(self.values.take("singleuser.extraTolerations", mappings) or [])]
        if tolerations:
            self.out.set("k8s_pods.tolerations", tolerations)
        purpose = self.values.take("scheduling.userPods.nodeAffinity.matchNodePurpose", text)
        if purpose == "require":
            self.out.set("k8s_pods.node_selector", {**(self.out.get("k8s_pods.node_selector") or {}), PURPOSE: "user"})
        elif purpose == "prefer":
            terms = {"matchExpressions": [{"key": PURPOSE, "operator": "In", "values": ["user"]}]}
            self.out.add("jupyterhub_config.KubeSpawner.node_affinity_preferred", [{"weight": 100, "preference": terms}])
        elif purpose not in ("ignore", None):
            self.values.read.discard(("scheduling", "userPods", "nodeAffinity", "matchNodePurpose"))
            self.values.leave("scheduling.userPods.nodeAffinity.matchNodePurpose", "the chart knows ignore, prefer and require; take it away")

    def network(self) -> None:
        rules = "singleuser.networkPolicy.egressAllowRules"
        allowed: list[dict[str, t.Any]] = []
        if self.values.at(f"{rules}.privateIPs") is True:
            self.values.mark(f"{rules}.privateIPs")
            allowed += [{"cidr": cidr} for cidr in PRIVATE]
        if self.values.at(f"{rules}.cloudMetadataServer") is True:
            self.values.mark(f"{rules}.cloudMetadataServer")
            allowed.append({"cidr": "169.254.169.254/32"})
            self.out.note("servers reach the metadata of the cloud, as in the values: whoever has a server may have the rights of its node")
        if self.values.at(f"{rules}.nonPrivateIPs") is False:
            self.values.mark(f"{rules}.nonPrivateIPs")
            self.out.set("jupyterhub_network.egress", "none")
        allowed += self.values.take("singleuser.networkPolicy.egress", destinations) or []
        self.out.add("jupyterhub_network.egress_allow", allowed)

    # --- storage

    def storage(self) -> None:
        kind = self.values.take("singleuser.storage.type", text) or "dynamic"
        if kind == "none":
            self.out.set("jupyterhub_storage.type", "none")
            return
        mount = self.values.take("singleuser.storage.homeMountPath", text) or default_of("singleuser.storage.homeMountPath")
        self.out.set("jupyterhub_storage.mount_path", mount)
        if kind == "static":
            if claim := self.values.take("singleuser.storage.static.pvcName", text):
                self.out.set("k8s_storage.existing_claim", claim)
            if path := self.values.take("singleuser.storage.static.subPath", text):
                self.out.set("k8s_storage.sub_path", path)
            return
        if kind != "dynamic":
            self.values.read.discard(("singleuser", "storage", "type"))
            self.values.leave("singleuser.storage.type", "the chart knows dynamic, static and none; set jupyterhub_storage.type")
        for key, form, variable in (("capacity", capacity, "capacity"), ("extraLabels", pairs, "labels")):
            if value := self.values.take(f"singleuser.storage.{key}", form):
                self.out.set(f"k8s_storage.{variable}", value)
        if value := self.values.take("singleuser.storage.dynamic.storageClass", text):
            self.out.set("k8s_storage.class_name", value)
        if value := self.values.take("singleuser.storage.dynamic.storageAccessModes", texts):
            self.out.set("k8s_storage.access_modes", value)
        # The names of the claims that people have.
        template = self.values.take("singleuser.storage.dynamic.pvcNameTemplate", text)
        self.out.trait("KubeSpawner", "pvc_name_template", template or {3: "claim-{username}{servername}"}.get(self.chart, "claim-{user_server}"))
        if self.chart == 3:
            self.out.trait("KubeSpawner", "slug_scheme", "escape")
            self.out.note("jupyterhub_config.KubeSpawner.slug_scheme is escape, so that claims and pods are called as version 3 of the chart called them")
        if path := self.values.take("singleuser.storage.dynamic.subPath", text):
            self.out.python(LAST, f"c.KubeSpawner.volume_mounts['home']['subPath'] = {path!r}")

    def volumes(self) -> None:
        """Claims and file servers that are mounted whole are further volumes; whatever else pods can mount is said to KubeSpawner."""
        given = {str(item.get("name")): item for item in self.values.take("singleuser.storage.extraVolumes", mappings) or []}
        mounts = self.values.take("singleuser.storage.extraVolumeMounts", mappings) or []
        rest: list[dict[str, t.Any]] = []
        for mount in mounts:
            name = str(mount.get("name"))
            single = sum(other.get("name") == mount.get("name") for other in mounts) == 1
            volume = further(given[name], mount) if single and name in given else None
            if volume:
                self.out.add("jupyterhub_storage.extra_volumes", [volume])
                given.pop(name)
            else:
                rest.append(mount)
        if not given and not rest:
            return
        for trait, found in (("volumes", given), ("volume_mounts", {f"{mount.get('name')}:{mount.get('mountPath')}": mount for mount in rest})):
            if not found:
                continue
            text_of = self.hidden(trait, found)
            self.out.python(LAST, f"c.KubeSpawner.{trait} = {{**c.KubeSpawner.get({trait!r}, {{}}), **{text_of}}}")
        if any("hostPath" in item for item in given.values()):
            self.out.note("servers mount directories of their node (hostPath), which a namespace that enforces restricted Pod Security refuses")

    def hidden(self, name: str, value: t.Any) -> str:
        """Return a value as Python; one with a secret in it is read from a file."""
        if not has_secret(value):
            return literal(value)
        self.out.python(LAST, "import json")
        return f"json.loads(secret({self.out.extra_secret(f'servers_{name}', json.dumps(value))!r}))"

    # --- environment and files

    def environment(self) -> None:
        plain: dict[str, t.Any] = {}
        special: dict[str, t.Any] = {}
        for path in (("singleuser", "extraEnv"), ("hub", "config", "KubeSpawner", "environment"), ("hub", "config", "Spawner", "environment")):
            for name, place, value in entries(self.values, path):
                self.values.mark(place)
                if isinstance(value, dict) or "{" in value:
                    # KubeSpawner fills in what is in braces, and takes what Kubernetes has for a value.
                    special[name] = value
                elif secret_name(name) and value.strip():
                    plain[name] = {"file": self.out.secret_path(f"env_{name}", value)}
                else:
                    plain[name] = value
        for name in [name for name, value in special.items() if field_of(value)]:
            plain[name] = {"field": field_of(special.pop(name))}
        if plain:
            self.out.set(f"{SPAWNER}.environment", plain)
        if special:
            text_of = self.hidden("environment", special)
            self.out.python(LAST, f"c.KubeSpawner.environment = {{**c.KubeSpawner.get('environment', {{}}), **{text_of}}}")

    def files(self) -> None:
        for key in self.values.keys("singleuser.extraFiles"):
            path = ("singleuser", "extraFiles", key)
            if (found := file_of(self.values, path)) is None:
                continue
            where, content, mode = found
            self.out.add(
                "jupyterhub_extra_files",
                [{"path": where, "content": {"file": self.out.secret_path(f"file_{key}", content)}, **({"mode": mode} if mode else {})}],
            )

    # --- profiles

    def profiles(self) -> None:
        profiles = self.values.take("singleuser.profileList", mappings)
        if profiles is not None:
            self.values.read.discard(("singleuser", "profileList"))
        self.values.leave(
            ("hub", "config", "KubeSpawner", "profile_list"),
            "move it to singleuser.profileList and read the values again: profiles are jupyterhub_profiles here",
        )
        found: list[dict[str, t.Any]] = []
        more: list[dict[str, t.Any]] = []
        for index in range(len(profiles or [])):
            profile, rest = self.profile(("singleuser", "profileList", index), index)
            profile["name"] = unique(profile["name"], [item["name"] for item in found])
            found.append(profile)
            more.append({"name": profile["name"], "default": bool(profile.get("default")), **rest})
        if not found:
            return
        self.out.set("jupyterhub_profiles", found)
        if any(item["settings"] or any(choice["settings"] for option in item["options"] for choice in option["choices"]) for item in more):
            # servers.py, which has applied the choice already, applies these in the same way.
            code = f"Z2JH_OVERRIDES = {self.hidden('overrides', more)}\n\n\n"
            code += "def z2jh_apply(spawner, options, first=c.Spawner.apply_user_options):\n    first(spawner, options)\n"
            code += "    for settings in servers.choose(Z2JH_OVERRIDES, options, spawner.user.name, ()):\n        servers.change(spawner, settings)\n\n\n"
            self.out.python(LAST, code + "c.Spawner.apply_user_options = z2jh_apply")

    def profile(self, path: Path, index: int) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
        """Return a profile, and what of its settings only KubeSpawner knows."""
        profile: dict[str, t.Any] = {"name": self.values.take((*path, "display_name"), text) or f"Profile {index + 1}"}
        for name, form in (("description", text), ("default", flag)):
            if value := self.values.take((*path, name), form):
                profile[name] = value
        self.values.leave((*path, "slug"), "nothing to do: profiles are chosen by their names here")
        settings = self.override((*path, "kubespawner_override"), profile)
        options: list[dict[str, t.Any]] = []
        rest: list[dict[str, t.Any]] = []
        for key in self.values.keys((*path, "profile_options")):
            option, of_option = self.option((*path, "profile_options", key), key, [item["name"] for item in options])
            if option["choices"]:
                options.append(option)
                rest.append(of_option)
        if options:
            profile["options"] = options
        return profile, {"settings": settings, "options": rest}

    def option(self, path: Path, key: str, taken: list[str]) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
        slug = re.sub(r"[^a-z0-9_-]+", "-", key.lower()).strip("-_")
        name = unique(slug if OPTION.fullmatch(slug) else f"choice-{slug}".rstrip("-"), taken, "-")
        option: dict[str, t.Any] = {"name": name, "title": self.values.take((*path, "display_name"), text) or key, "choices": []}
        rest: list[dict[str, t.Any]] = []
        for word in self.values.keys((*path, "choices")):
            place = (*path, "choices", word)
            choice: dict[str, t.Any] = {"name": self.values.take((*place, "display_name"), text) or word}
            choice["name"] = unique(choice["name"], [item["name"] for item in option["choices"]])
            if self.values.take((*place, "default"), flag):
                choice["default"] = True
            self.values.read.add((*place, "display_name"))
            settings = self.override((*place, "kubespawner_override"), choice)
            option["choices"].append(choice)
            rest.append({"name": choice["name"], "default": bool(choice.get("default")), "settings": settings})
        self.values.leave((*path, "unlisted_choice"), "people choose from what is listed here; list the images that they may have")
        return option, {"name": name, "choices": rest}

    def override(self, path: Path, item: dict[str, t.Any]) -> dict[str, t.Any]:
        """Put settings of a profile into it, and return those that it has nothing for."""
        rest: dict[str, t.Any] = {}
        for trait in self.values.keys(path):
            place = (*path, trait)
            if trait == "environment":
                self.environment_of(place, item, rest)
            elif trait in OVERRIDES:
                name, form = OVERRIDES[trait]
                if (value := self.values.take(place, form)) is not None:
                    item[name] = value
            elif (value := self.values.take(place, anything)) is not None:
                rest[trait] = value
        return rest

    def environment_of(self, path: Path, item: dict[str, t.Any], rest: dict[str, t.Any]) -> None:
        for name, place, value in entries(self.values, path):
            self.values.mark(place)
            if isinstance(value, dict) or "{" in value:
                rest.setdefault("environment", {})[name] = value
            elif secret_name(name) and value.strip():
                item.setdefault("environment", {})[name] = {"file": self.out.secret_path(f"env_{name}", value)}
            else:
                item.setdefault("environment", {})[name] = value


def gids(value: t.Any) -> list[int]:
    if isinstance(value, list):
        return [whole(item) for item in value]
    raise Unfit("it is not a list")


OVERRIDES: dict[str, tuple[str, Form]] = {
    **dict.fromkeys(("image", "image_spec", "singleuser_image_spec"), ("image", text)),
    "cmd": ("cmd", words),
    "cpu_limit": ("cpu_limit", number),
    "cpu_guarantee": ("cpu_guarantee", number),
    "mem_limit": ("mem_limit", memory),
    "mem_guarantee": ("mem_guarantee", memory),
    "default_url": ("default_url", text),
    "supplemental_gids": ("supplemental_gids", gids),
}
"""Traits that a profile has a setting for."""


def unique(name: str, taken: t.Sequence[str], between: str = " ") -> str:
    """Return a name that is not taken yet."""
    found, number_of = name, 1
    while found in taken:
        number_of += 1
        found = f"{name}{between}{number_of}"
    return found


def field_of(value: t.Any) -> str:
    """Return the field of the pod that a variable is, where it is that and nothing else."""
    if isinstance(value, dict) and set(value) == {"valueFrom"} and isinstance(value["valueFrom"], dict):
        field = value["valueFrom"].get("fieldRef")
        if isinstance(field, dict) and set(field) == {"fieldPath"} and isinstance(field["fieldPath"], str):
            return field["fieldPath"]
    return ""


NO_VARIABLE = "it is not taken over: it is no environment variable; set what is meant by hand"


def entries(values: Values, path: Path) -> t.Iterator[tuple[str, Path, str | dict[str, t.Any]]]:
    """Yield environment variables: name, where it stands, and the text or what Kubernetes has for a value."""
    given = values.at(path)
    listed = given if isinstance(given, list) else [{"name": name, "value": value} for name, value in given.items()] if isinstance(given, dict) else []
    if given is not None and not isinstance(given, (dict, list)):
        values.take(path, mapping)
    for index, item in enumerate(listed):
        place: Path = (*path, index if isinstance(given, list) else item["name"])
        if not isinstance(item, dict):
            values.leave(place, NO_VARIABLE)
            continue
        inner = item.get("value") if isinstance(given, dict) and isinstance(item.get("value"), dict) else item
        if inner is item and item.get("value") is None and "valueFrom" not in item:
            continue
        if not isinstance(inner, dict) or not isinstance(item.get("name"), str):
            values.leave(place, NO_VARIABLE)
            continue
        name = str(inner.get("name", item["name"]))
        if inner.get("value") is not None:
            value = inner["value"]
            if isinstance(value, bool) or not isinstance(value, (str, int, float)):
                values.leave(place, "it is not taken over: it is not a text; set what is meant by hand")
            else:
                yield name, place, str(value)
        elif isinstance(inner.get("valueFrom"), dict):
            yield name, place, {"valueFrom": inner["valueFrom"]}
        else:
            values.leave(place, "it is not taken over: it is neither a value nor a reference; set what is meant by hand")


def file_of(values: Values, path: Path) -> tuple[str, str, str] | None:
    """Return path, text and mode of an extra file; None, with what to do, where it is no text."""
    entry = values.at(path)
    if not isinstance(entry, dict):
        values.take(path, mapping)
        return None
    where = values.take((*path, "mountPath"), text)
    if not where:
        values.leave(path, "it has no mountPath; take it away")
        return None
    content = None
    for form in ("stringData", "binaryData", "data"):
        if content is None and entry.get(form) is not None:
            content = values.take((*path, form), functools.partial(content_of, form, where))
    mode = values.take((*path, "mode"), permissions)
    if content is None or not content.strip():
        values.leave(path, f"put the file {where} into the image, or into jupyterhub_extra_files")
        return None
    return where, content, mode or ""


def content_of(form: str, where: str, value: t.Any) -> str:
    if form == "stringData":
        return text(value)
    if form == "data":
        if not where.endswith((".yaml", ".yml", ".json")):
            raise Unfit("only JSON and YAML are written here")
        return json.dumps(mapping(value), indent=2) + "\n"
    try:
        return base64.b64decode(text(value), validate=False).decode()
    except (binascii.Error, ValueError) as exc:
        raise Unfit("it is not a text") from exc


def permissions(value: t.Any) -> str:
    """Return a mode as four digits; YAML reads 0644 as a number already."""
    mode = count(value)
    if mode > 0o777:
        raise Unfit("it is not a mode of a file")
    return f"{mode:04o}"


def further(volume: dict[str, t.Any], mount: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """Return a volume of jupyterhub_storage.extra_volumes, or None where it is none of those."""
    if set(mount) - {"name", "mountPath", "readOnly"} or not isinstance(mount.get("mountPath"), str):
        return None
    claim, nfs = volume.get("persistentVolumeClaim"), volume.get("nfs")
    name = str(volume["name"])
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", name) or set(volume) - {"name", "persistentVolumeClaim", "nfs"}:
        return None
    if isinstance(claim, dict) and re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", str(claim.get("claimName"))) and not set(claim) - {"claimName", "readOnly"}:
        kind, source, read_only = "volume", claim["claimName"], claim.get("readOnly")
    elif isinstance(nfs, dict) and not set(nfs) - {"server", "path", "readOnly"} and nfs.get("server") and nfs.get("path"):
        kind, source, read_only = "nfs", f"{nfs['server']}:{nfs['path']}", nfs.get("readOnly")
    else:
        return None
    found = {"name": name, "type": kind, "source": source, "mount_path": mount["mountPath"]}
    return {**found, "read_only": True} if read_only or mount.get("readOnly") else found


def destinations(value: t.Any) -> list[dict[str, t.Any]]:
    """Return rules of a NetworkPolicy as destinations: addresses and ports by number are all that there is here."""
    found = []
    for rule in mappings(value):
        ports = mappings(rule.get("ports") or [])
        peers = mappings(rule.get("to") or [])
        if set(rule) - {"to", "ports"} or not peers or any(not isinstance(port.get("port"), int) or set(port) - {"port", "protocol"} for port in ports):
            raise Unfit("only addresses (ipBlock) and ports by their numbers are destinations here")
        for peer in peers:
            block = peer.get("ipBlock")
            if set(peer) != {"ipBlock"} or not isinstance(block, dict) or set(block) != {"cidr"} or ":" in str(block["cidr"]):
                raise Unfit("only addresses (ipBlock without except) are destinations here; a NetworkPolicy of your own allows the rest")
            protocols = sorted({str(port.get("protocol") or "TCP").lower() for port in ports}) or [""]
            for protocol in protocols:
                entry: dict[str, t.Any] = {"cidr": text(block["cidr"])}
                if numbers := [port["port"] for port in ports if str(port.get("protocol") or "TCP").lower() == protocol]:
                    entry |= {"ports": numbers, **({"protocol": protocol} if protocol != "tcp" else {})}
                found.append(entry)
    return found
