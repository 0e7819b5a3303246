# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets in a directory of the host: made once, kept, readable by their owner alone."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import string
import typing as t

from ..core import certificates
from ..core import secrets as core_secrets
from ..core.description import Hub
from ..core.schema import DescriptionError
from ..core.secrets import HEX32, Secret
from . import authority, files

SALT = "fingerprint_salt"
ALPHABET = string.ascii_letters + string.digits


class Store:
    """The secrets of one hub.

    ``plan`` fills ``wanted`` (file -> text) and ``made``/``rotated`` without touching anything; ``save`` writes what differs.
    """

    def __init__(self, path: str, now: float) -> None:
        self.path = path
        self.now = now
        self.wanted: dict[str, str] = {}
        self.made: list[str] = []
        self.rotated: list[str] = []

    def current(self, name: str) -> str | None:
        """Return a secret as it is, without the line break at its end."""
        try:
            text = files.read(os.path.join(self.path, name))
        except UnicodeDecodeError:  # never written by us
            return ""
        return None if text is None else text.strip()

    def fill(self, hub: Hub, given: t.Mapping[str, str]) -> None:
        """Plan the secrets of a hub. Raises DescriptionError for a rotation that cannot be, and for what :meth:`plan` refuses."""
        wanted = core_secrets.wanted(hub, given)
        core_secrets.check_rotation(hub, wanted)
        self.plan(wanted, given, hub.rotate_secrets, core_secrets.certificate_names(hub), hub.name)

    def fill_tls(self, hub: Hub, given: t.Mapping[str, str]) -> None:
        """Plan the edge's certificate, and nothing else."""
        self.plan(core_secrets.tls(hub), given, (), core_secrets.certificate_names(hub), hub.name)

    def changed(self) -> bool:
        """Whether :meth:`save` has anything to do."""
        return bool(self.made or self.rotated or self.loose())

    def plan(self, wanted: t.Iterable[Secret], given: t.Mapping[str, str], rotate: t.Collection[str], names: t.Sequence[str], hub: str) -> None:
        """Decide what every secret will be. Raises DescriptionError for one that was spoilt: it is never replaced unasked."""
        for secret in (*wanted, Secret(SALT, "hex", ())):
            again = secret.name in rotate
            if secret.kind == "given":
                if not given.get(secret.name):
                    raise DescriptionError(f"the secret {secret.name} must be given, since the description does not hold it")
                self.keep(secret.name, str(given[secret.name]).strip())
            elif secret.kind == "authority":
                self.plan_authority(hub, again)
            elif secret.kind == "leaf":
                self.plan_leaf(names, again)
            elif secret.kind == "acme":
                self.plan_acme(hub, names, given)
            else:
                self.plan_value(secret, again)

    def keep(self, name: str, value: str) -> None:
        """Want a value, and note whether that is a first or a new one."""
        before = self.current(name)
        if before is None:
            self.made.append(name)
        elif before != value:
            self.rotated.append(name)
        self.wanted[name] = value

    def plan_value(self, secret: Secret, again: bool) -> None:
        before = self.current(secret.name)
        if before is not None and not again:
            if not well_formed(secret, before):
                raise self.spoilt(secret.name)
            self.keep(secret.name, before)
            return
        new = "".join(secrets.choice(ALPHABET) for index in range(secret.length)) if secret.kind == "password" else secrets.token_hex(32)
        # What the old key encrypted must still be read.
        self.keep(secret.name, "\n".join([new, *(before or "").split()]) if secret.kind == "keys" else new)

    def spoilt(self, name: str) -> DescriptionError:
        return DescriptionError(
            f'the secret {name} in {self.path} was spoilt; put it back from a backup, or make a new one with -e \'{{"jupyterhub_rotate_secrets": ["{name}"]}}\''
        )

    def plan_authority(self, hub: str, again: bool) -> None:
        pair = self.pair("authority_certificate", "authority_key")
        if pair and not again and not certificates.belong_together(*pair):
            raise self.spoilt("authority")
        if pair is None or again:
            pair = authority.make_authority(hub, self.now)
        self.keep_pair("authority_certificate", "authority_key", pair)

    def plan_leaf(self, names: t.Sequence[str], again: bool) -> None:
        pair = self.pair("tls_certificate", "tls_key")
        signer = authority.Pair(self.wanted["authority_certificate"] + "\n", self.wanted["authority_key"] + "\n")
        # What was broken off between the two files is made anew.
        good = pair and certificates.belong_together(*pair) and not certificates.outdated(pair.certificate, signer.certificate, names, self.now)
        if pair is None or again or not good:
            pair = authority.make_leaf(signer, names, self.now)
        self.keep_pair("tls_certificate", "tls_key", pair)

    def plan_acme(self, hub: str, names: t.Sequence[str], given: t.Mapping[str, str]) -> None:
        """Take what certbot gave; until it has, keep what is there, or begin with a certificate that nobody trusts: the edge needs one to start."""
        pair = self.pair("tls_certificate", "tls_key")
        if "tls_certificate" in given:
            pair = authority.Pair(given["tls_certificate"], given["tls_key"])
        elif pair is None or not certificates.belong_together(*pair):
            pair = authority.make_leaf(authority.make_authority(hub, self.now), names, self.now)
        self.keep_pair("tls_certificate", "tls_key", pair)

    def pair(self, certificate: str, key: str) -> authority.Pair | None:
        """Return a certificate and its key, if both are there."""
        texts = self.current(certificate), self.current(key)
        return None if None in texts else authority.Pair(f"{texts[0]}\n", f"{texts[1]}\n")

    def keep_pair(self, certificate: str, key: str, pair: authority.Pair) -> None:
        self.keep(certificate, pair.certificate.strip())
        self.keep(key, pair.key.strip())

    def loose(self) -> list[str]:
        """Return the files that others than their owner may read."""
        found = [self.path] if os.path.isdir(self.path) and stat.S_IMODE(os.stat(self.path).st_mode) != 0o700 else []
        paths = [os.path.join(self.path, name) for name in self.wanted]
        return found + [path for path in paths if os.path.exists(path) and stat.S_IMODE(os.stat(path).st_mode) != 0o600]

    def save(self) -> None:
        """Write what was made or rotated, and close what was open."""
        files.make_directory(self.path, 0o700)
        for name in (*self.made, *self.rotated):
            files.write(os.path.join(self.path, name), self.wanted[name] + "\n", 0o600)
        for path in self.loose():
            os.chmod(path, 0o600)

    def fingerprints(self) -> dict[str, str]:
        """Return what changes with a secret and tells nothing about it, not even to one who can guess it."""
        salt = self.wanted[SALT].encode()
        return {name: hmac.new(salt, f"{name}={value}".encode(), hashlib.sha256).hexdigest()[:16] for name, value in self.wanted.items() if name != SALT}


def well_formed(secret: Secret, value: str) -> bool:
    """Whether a kept secret is what was made once."""
    if secret.kind == "hex":
        return bool(HEX32.fullmatch(value))
    if secret.kind == "free":
        return bool(value)
    if secret.kind == "keys":
        return bool(value.split()) and all(HEX32.fullmatch(key) for key in value.split())
    return len(value) >= 8
