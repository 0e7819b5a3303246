# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Render the edge's nginx configuration: TLS ends here, everything else is the proxy's."""

from __future__ import annotations

import re

from . import forms, validation
from .description import Hub

FILES = "/etc/edge"
WEBROOT = "/var/www/acme"
"""Where certbot puts the answers to challenges; a volume of its own that the edge always has, so that another way to a certificate restarts nothing."""

HTTP_PORT = 8080
HTTPS_PORT = 8443

HEAD = """\
# The edge of the JupyterHub {name}. Written by Ansible (vdsg.jupyterhub); it is reloaded, never restarted, when this file or a certificate changes.
worker_processes auto;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;

events {{
    worker_connections 4096;
}}

http {{
    access_log off;
    server_tokens off;
    client_body_temp_path /tmp/client_body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;

{resolver}    map $http_upgrade $connection_upgrade {{
        default upgrade;
        "" "";
    }}
"""

RESOLVER = """\
    # The engine's own name server: a proxy that comes back with another address is found again.
    resolver 127.0.0.11 valid=5s ipv6=off;

"""

FORWARD = """\
        location = /edge/health {{
            default_type text/plain;
            return 200 "{version}\\n";
        }}

        location / {{
{upstream}
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto {scheme};
            proxy_buffering off;
            proxy_request_buffering off;
            # Kernel websockets are open for days; both ends send pings every 30 seconds.
            proxy_read_timeout 1d;
            proxy_send_timeout 1d;
        }}
"""

TLS = """\
        ssl_certificate {files}/secrets/tls_certificate;
        ssl_certificate_key {files}/secrets/tls_key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
        ssl_ecdh_curve X25519:prime256v1:secp384r1;
        ssl_prefer_server_ciphers off;
        ssl_session_cache shared:tls:10m;
        ssl_session_timeout 1d;
        ssl_session_tickets off;
"""

CHALLENGE = f"""\
        location /.well-known/acme-challenge/ {{
            root {WEBROOT};
            default_type text/plain;
        }}

"""

REDIRECT = """\
        location / {{
            return 308 {url}$request_uri;
        }}
"""

HSTS = """\
        add_header Strict-Transport-Security "max-age=63072000" always;
"""


UNVERSIONED = "ok"

UPSTREAM = """\
            set $upstream proxy-public:8000;
            proxy_pass http://$upstream;"""

FIXED = """\
            proxy_pass http://{proxy};"""
"""For a proxy whose name stands for one address as long as the hub exists, as that of a Service of Kubernetes does."""


def render(hub: Hub, version: str = UNVERSIONED, proxy: str = "") -> str:
    """Return the text of nginx.conf. Same hub, same bytes.

    ``version`` is what the edge says when it has loaded this; ``proxy`` is the proxy's HOST:PORT where that is not a container of an engine.
    """
    upstream = FIXED.format(proxy=proxy) if proxy else UPSTREAM
    size = f"        client_max_body_size {forms.size_in_bytes(hub.network.max_upload)};\n"
    text = HEAD.format(name=hub.name, resolver="" if proxy else RESOLVER)
    if not validation.tls_here(hub):
        # With TLS ended in front, what was said there is what people see.
        scheme = "$http_x_forwarded_proto" if hub.tls.mode == "external" else "http"
        return text + server(f"listen {HTTP_PORT};", size + "\n" + FORWARD.format(scheme=scheme, version=version, upstream=upstream)) + "}\n"
    url = validation.public_url(hub).rstrip("/")
    # Where people have host names of their own, the one that was asked for stays.
    redirect = REDIRECT.format(url=url.replace(hub.domain, "$host", 1) if hub.tls.subdomains else url)
    if hub.tls.mode == "letsencrypt":
        redirect = CHALLENGE + redirect
    body = TLS.format(files=FILES) + (HSTS if hub.tls.hsts else "") + size + "\n" + FORWARD.format(scheme="https", version=version, upstream=upstream)
    return text + server(f"listen {HTTP_PORT};", redirect) + server(f"listen {HTTPS_PORT} ssl http2;", body) + "}\n"


VERSION = re.compile(r'return 200 "(\w+)\\n";')


def with_version(text: str, version: str) -> str:
    """Return a configuration that was rendered before, as the edge says another version when it has loaded it."""
    return VERSION.sub(lambda found: found[0].replace(found[1], version), text)


def server(listen: str, body: str) -> str:
    """Return a server block."""
    return f"\n    server {{\n        {listen}\n        server_name _;\n{body}    }}\n"
