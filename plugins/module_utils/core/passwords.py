# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords that PAM verifies: a list of hashes, from a file or from variables, as the hub's container reads it."""

from __future__ import annotations

import re
import typing as t

from .authentication_checks import refuses_name
from .schema import DescriptionError, shown

HASH = re.compile(r"\$(y|gy|7|6|5|2[aby])\$[./A-Za-z0-9$=,]+")
"""What libxcrypt of Debian 12 verifies and is not broken (crypt(5))."""


def parse(text: str, path: str) -> dict[str, str]:
    """Return hashes by name from a file with ``name:hash`` on each line; further fields (as in /etc/shadow) are skipped."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, _colon, rest = stripped.partition(":")
        where = f"line {number} of {path}"
        # Never the line itself: it may hold a password.
        if not name or not HASH.fullmatch(rest.partition(":")[0]):
            raise DescriptionError(
                f"jupyterhub_auth.password_file: {where} is not NAME:HASH with a hash as `openssl passwd -6` makes it; a password is not taken"
            )
        if name.lower() in found:
            raise DescriptionError(f"jupyterhub_auth.password_file: {where} names {name.lower()} for the second time")
        found[name.lower()] = rest.partition(":")[0]
    return found


def check_hashes(hashes: t.Mapping[str, str]) -> None:
    for name, value in sorted(hashes.items()):
        if not HASH.fullmatch(value):
            raise DescriptionError(f"jupyterhub_auth.password_hashes.{name} is not a hash as `openssl passwd -6` makes it; a password is not taken")
        if refuses_name("pam", name.lower()):
            raise DescriptionError(f"jupyterhub_auth.password_hashes has the name {shown(name)}, which is not a user name")


def files(hashes: t.Mapping[str, str], people: t.Iterable[str]) -> dict[str, str]:
    """Return what pam_pwdfile and libnss-extrausers read: who has which password, and who there is."""
    names = sorted({*hashes, *people})
    # libnss-extrausers knows nobody below 500; the numbers mean nothing, since servers are containers.
    users = [f"{name}:x:{100000 + number}:100000::/nonexistent:/usr/sbin/nologin" for number, name in enumerate(names)]
    return {"pam_passwords": "\n".join(f"{name}:{hashes[name]}" for name in sorted(hashes)), "pam_users": "\n".join(users)}
