# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Be a server: ``serve.py acme|dns``, with the settings in SETTINGS (JSON) and the files of /files."""

from __future__ import annotations

import json
import os
import pathlib
import sys
import typing as t

DATA = pathlib.Path("/data")
ZONE = """\
$TTL 1
@ IN SOA ns.{zone}. admin.{zone}. 1 3600 600 86400 1
@ IN NS ns.{zone}.
ns IN A 127.0.0.1
{host} IN A {address}
*.{host} IN A {address}
"""
NAMED = """\
options {{ directory "/data"; listen-on port {port} {{ any; }}; listen-on-v6 {{ none; }}; pid-file "/data/named.pid"; session-keyfile "/data/session.key";
  recursion no; dnssec-validation no; }};
key certbot {{ algorithm hmac-sha256; secret "{key}"; }};
zone "{zone}" {{ type primary; file "/data/zone"; allow-update {{ key certbot; }}; }};
"""


def acme(settings: dict[str, t.Any]) -> list[str]:
    """Pebble; what it signs is valid for 90 days."""
    pebble = {
        "listenAddress": f"0.0.0.0:{settings['port']}",
        "managementListenAddress": f"0.0.0.0:{settings['management_port']}",
        "certificate": "/files/certificate.pem",
        "privateKey": "/files/key.pem",
        "httpPort": settings["http_port"],
        "tlsPort": settings["http_port"],
        "certificateValidityPeriod": 90 * 86400,
    }
    if keys := settings.get("external_accounts"):
        pebble |= {"externalAccountBindingRequired": True, "externalAccountMACKeys": keys}
    (DATA / "pebble.json").write_text(json.dumps({"pebble": pebble}))
    # Certbot asks again once when a nonce is refused: with more refusals than none, one issuance in a dozen fails. A name is looked at for each certificate:
    # pebble would believe every other time what it saw before.
    os.environ |= {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
    return ["pebble", "-config", str(DATA / "pebble.json"), "-dnsserver", f"127.0.0.1:{settings['dns_port']}"]


def dns(settings: dict[str, t.Any]) -> list[str]:
    """BIND with one zone, which certbot may change."""
    (DATA / "zone").write_text(ZONE.format(zone=settings["zone"], host=settings.get("host", "hub"), address=settings.get("address", "127.0.0.1")))
    (DATA / "named.conf").write_text(NAMED.format(port=settings["dns_port"], zone=settings["zone"], key=settings["key"]))
    return ["named", "-g", "-c", str(DATA / "named.conf")]


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    command = {"acme": acme, "dns": dns}[sys.argv[1]](json.loads(os.environ["SETTINGS"]))
    os.execvp(command[0], command)
