# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which secrets a hub has, who makes them, and who may read them. The values themselves are the business of :mod:`..io.secret_store`."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from . import authentication, storage, validation
from .description import Hub
from .schema import DescriptionError, nearest

HEX32 = re.compile(r"[0-9a-f]{64}")
"""32 bytes in hex: 64 characters, which is also the longest API token that JupyterHub takes (orm.py of 5.5.4 and 6.1.1)."""

Kind = t.Literal["hex", "free", "keys", "password", "given", "authority", "leaf", "acme"]


@dataclasses.dataclass(frozen=True)
class Secret:
    """A secret of a hub.

    ``kind``: C(hex) and C(password) are made once and kept; C(free) is made like C(hex), and kept whatever it is, for
    the user may have given it before; C(keys) too, but rotating puts a new one before the old ones, which still decrypt;
    C(given) comes from the user and follows what the user gives; C(authority) and C(leaf) are a certificate and its key;
    C(acme) is a certificate and its key, too: what certbot gave, until then what is there or one that begins in its place.
    ``readers`` are the containers that get it.
    """

    name: str
    kind: Kind
    readers: tuple[str, ...] = ("hub",)
    length: int = 0


def wanted(hub: Hub, given: t.Collection[str]) -> tuple[Secret, ...]:
    """Return the secrets of a hub in a stable order; ``given`` are the names of those that the user gave."""
    secrets = [
        Secret("cookie_secret", "hex"),
        Secret("crypt_key", "keys"),
        Secret("proxy_token", "hex", ("hub", "proxy")),
        Secret("operator_token", "hex"),
    ]
    for name, length in authentication.made_secrets(hub.auth).items():
        secrets.append(Secret(name, "given" if name in given else "password", length=length))
    # The guard puts files of the user's own into servers.
    of_guard = {f"{validation.EXTRA_SECRET}{name}" for name in storage.guard_secrets(hub)}
    for name, _variable, _hint in validation.needs_secret(hub):
        secrets.append(Secret(name, "given", ("hub", "guard") if name in of_guard else ("hub",)))
    for name in (*(token_name(service.name) for service in hub.services), *([token_name("prometheus")] if hub.monitoring.enabled else ())):
        secrets.append(Secret(name, "given" if name in given else "free"))
    return (*secrets, *tls(hub))


def tls(hub: Hub) -> tuple[Secret, ...]:
    """Return the edge's certificate and what it is made from."""
    return {
        "letsencrypt": (Secret("tls", "acme", ("edge",)),),
        "self_signed": (Secret("authority", "authority", ()), Secret("tls", "leaf", ("edge",))),
        "provided": (Secret("tls_certificate", "given", ("edge",)), Secret("tls_key", "given", ("edge",))),
    }.get(hub.tls.mode, ())


def token_name(service: str) -> str:
    """Return the name of the secret that is a service's token."""
    return f"service_{service}_token"


def check_extra(hub: Hub) -> None:
    """Raise DescriptionError for a secret of the user's own that would be in the place of one that the hub has anyway."""
    for secret in wanted(hub, ()):
        if secret.name in hub.extra_secrets and "hub" in secret.readers:
            raise DescriptionError(f"jupyterhub_extra_secrets has {secret.name}, which is a secret that the hub has anyway; choose another name")


def check_rotation(hub: Hub, secrets: t.Iterable[Secret]) -> None:
    """Raise DescriptionError for a secret that cannot be made anew."""
    kinds = {secret.name: secret.kind for secret in secrets}
    for name in hub.rotate_secrets:
        if name not in kinds:
            raise DescriptionError(f"jupyterhub_rotate_secrets has {name!r}, which is not a secret of this hub{nearest(name, kinds)}")
        if kinds[name] == "acme":
            raise DescriptionError(f"jupyterhub_rotate_secrets has {name!r}, which certbot renews: run renew_certs.yml with -e certbot_force_renewal=true")
        if kinds[name] == "given":
            raise DescriptionError(f"jupyterhub_rotate_secrets has {name!r}, which is yours: change it where you keep it and run again")


def certificate_names(hub: Hub) -> tuple[str, ...]:
    """Return the names that a self-signed certificate is for."""
    local = ("localhost", "127.0.0.1") if validation.is_loopback(hub.network.bind_address) else ()
    return tuple(dict.fromkeys((*validation.public_names(hub), *local)))


def files(hub: Hub, reader: str) -> dict[str, str]:
    """Return the secret files that a container gets: its name there -> the file in the directory of secrets."""
    names: dict[str, str] = {}
    for secret in wanted(hub, ()):
        if reader not in secret.readers:
            continue
        if secret.kind in ("leaf", "acme"):
            names |= {"tls_certificate": "tls_certificate", "tls_key": "tls_key"}
        else:
            names[secret.name.removeprefix(validation.EXTRA_SECRET)] = secret.name
    return names
