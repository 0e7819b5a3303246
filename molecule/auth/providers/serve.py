# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Be who knows the people of /data/people.json: ``serve.py oidc``, or ``serve.py ldap HOST PORT LDAPS_PORT``."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

DATA = pathlib.Path("/data")
BASE = "dc=example,dc=org"
SETTINGS = f"""\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile /run/slapd.pid
TLSCertificateFile {DATA}/certificate.pem
TLSCertificateKeyFile {DATA}/key.pem
# A password that is sent without TLS is refused.
security simple_bind=128
database mdb
suffix {BASE}
directory /run/people
rootdn cn=root,{BASE}
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact=gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth manage by users read by * none
"""


def entry(name: str, *kinds: str, **attributes: str | list[str]) -> str:
    lines = [f"dn: {name}", *(f"objectClass: {kind}" for kind in kinds)]
    for key, values in attributes.items():
        lines += [f"{key}: {value}" for value in ([values] if isinstance(values, str) else values)]
    return "\n".join(lines) + "\n"


def directory(people: list[dict[str, t.Any]], reader: str) -> str:
    """Return everything that is in the directory."""
    entries = [entry(BASE, "domain", dc="example")]
    entries += [entry(f"ou={unit},{BASE}", "organizationalUnit", ou=unit) for unit in ("people", "groups")]
    entries.append(entry(f"cn=reader,{BASE}", "person", sn="reader", userPassword=reader))
    groups: dict[str, list[str]] = {}
    for one in people:
        own = {"sn": one["name"], "cn": one["dn"].partition("=")[2], "uid": one["name"], "userPassword": one["password"]}
        entries.append(entry(f"{one['dn']},ou=people,{BASE}", "inetOrgPerson", **own))
        for group in one["groups"]:
            groups.setdefault(group, []).append(f"{one['dn']},ou=people,{BASE}")
    entries += [entry(f"cn={group},ou=groups,{BASE}", "groupOfNames", member=members) for group, members in sorted(groups.items())]
    return "\n".join(entries)


def ldap(host: str, port: str, ldaps_port: str) -> list[str]:
    """The directory, for its own administrator on a socket and for everybody else over TLS."""
    settings = "/run/slapd.conf"
    pathlib.Path("/run/people").mkdir()
    pathlib.Path(settings).write_text(SETTINGS)
    text = directory(json.loads((DATA / "people.json").read_text()), (DATA / "reader").read_text())
    subprocess.run(["slapadd", "-f", settings], input=text, text=True, check=True)
    return ["slapd", "-d", "0", "-f", settings, "-h", f"ldap://{host}:{port} ldaps://{host}:{ldaps_port} ldapi://%2Frun%2Fldapi"]


if __name__ == "__main__":
    command = ldap(*sys.argv[2:]) if sys.argv[1] == "ldap" else ["node", "oidc.mjs"]
    os.execvp(command[0], command)
