# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What certbot is told, and what its answers mean."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing as t

from . import certificates, nginx, validation
from .certificates import authority_name
from .description import Certbot, Hub
from .forms import IMAGE, URL, matches
from .schema import DescriptionError, shown

CONFIG_DIR = "/etc/letsencrypt"
"""Where certbot keeps accounts, keys and certificates: in its container, and on hosts."""

RUN_DIR = "/etc/certbot-run"
"""Where its container has the files for one run."""

STANDALONE_PORT = 8080
"""Where certbot itself listens in its container; as root, but without a capability it may not have port 80."""

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PLUGIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CERT_NAME = re.compile(r"[A-Za-z0-9*_][A-Za-z0-9*._-]*")
KEY = re.compile(r"[a-z][a-z0-9_]*")

Authenticator = t.Literal["webroot", "standalone", "dns"]


@dataclasses.dataclass(frozen=True)
class Places:
    """Where certbot finds what it needs: in its container, or on the host."""

    config_dir: str = CONFIG_DIR
    run_dir: str = RUN_DIR
    webroot: str = nginx.WEBROOT
    port: int = STANDALONE_PORT


def check(settings: Certbot) -> None:
    """Raise DescriptionError for the first thing that cannot be."""
    if settings.email:
        matches(EMAIL, settings.email, "certbot_email", "an address such as admin@example.org")
    if settings.server:
        matches(URL, settings.server, "certbot_server", "the URL of an ACME directory such as https://acme.example.org/directory")
    if settings.server and settings.staging:
        raise DescriptionError("certbot_staging and certbot_server are both set, but a certificate comes from one server; take one of them away")
    if settings.challenge == "dns" and not settings.dns_plugin:
        raise DescriptionError("certbot_dns_plugin is required with certbot_challenge dns; what stands behind certbot-dns- in the name of a plugin")
    if settings.challenge != "dns":
        for name in ("dns_plugin", "dns_credentials", "dns_propagation_seconds"):
            if getattr(settings, name):
                raise DescriptionError(f"certbot_{name} means nothing with certbot_challenge {settings.challenge}; set that to dns or take it away")
    if settings.dns_plugin:
        matches(PLUGIN, settings.dns_plugin, "certbot_dns_plugin", "what stands behind certbot-dns- in the name of a plugin, such as cloudflare")
    for key, value in settings.dns_credentials.items():
        if not KEY.fullmatch(key) or "\n" in value:
            raise DescriptionError(f"certbot_dns_credentials has {shown(key)}, but it must be settings such as dns_cloudflare_api_token, each on one line")
    if settings.cert_name:
        matches(CERT_NAME, settings.cert_name, "certbot_cert_name", "the name of a directory that certbot keeps certificates in")
    if settings.config_dir and not settings.config_dir.startswith("/"):
        raise DescriptionError(f"certbot_config_dir is {shown(settings.config_dir)}, but it must be an absolute path")
    if settings.image:
        matches(IMAGE, settings.image, "certbot_image", "an image reference such as registry.example.org/certbot:v5.8.0")
    if settings.image and settings.runs_in == "host":
        raise DescriptionError("certbot_image means nothing with certbot_runs_in host; take one of them away")
    if settings.timeout < 30:
        raise DescriptionError(f"certbot_timeout is {settings.timeout}, but certbot needs at least 30 seconds to get a certificate")
    if settings.metrics_file and not settings.metrics_file.startswith("/"):
        raise DescriptionError(f"certbot_metrics_file is {shown(settings.metrics_file)}, but it must be an absolute path")


def take_secrets(variables: dict[str, t.Any], read: t.Callable[[str, str], str] | None) -> dict[str, str]:
    """Take what is secret out of the variables, and read the file that they name; return it by the name of the secret."""
    found: dict[str, str] = {}
    if key := variables.pop("certbot_eab_hmac_key", None):
        found["certbot_eab_hmac_key"] = str(key)
    if credentials := variables.pop("certbot_dns_credentials", None):
        found["certbot_dns_credentials"] = json.dumps(credentials, sort_keys=True)
    if read and (path := variables.get("certbot_ca_file")):
        found["certbot_ca"] = read(str(path), "certbot_ca_file")
    return found


def check_with(hub: Hub, settings: Certbot, given: t.Collection[str]) -> None:
    """Raise DescriptionError for the first thing that cannot be for this hub; ``given`` are the names of the secrets that the user gave."""
    if bool(settings.eab_kid) != ("certbot_eab_hmac_key" in given):
        raise DescriptionError("certbot_eab_kid and certbot_eab_hmac_key go together; the ACME server's operator gives both")
    if hub.tls.mode != "letsencrypt":
        return
    for name in validation.public_names(hub):
        if validation.is_address(name) or "." not in name:
            raise DescriptionError(
                f"jupyterhub_tls.mode is letsencrypt, but an ACME server gives no certificate for {name}; "
                "set jupyterhub_domain (and jupyterhub_tls.names) to host names of the DNS"
            )
        if name.startswith("*.") and settings.challenge != "dns":
            raise DescriptionError(f"certbot_challenge is {settings.challenge}, but a wildcard such as {name} is only given by DNS; set it to dns")
    if hub.tls.hsts and settings.staging:
        raise DescriptionError("jupyterhub_tls.hsts cannot be used with certbot_staging: browsers would refuse the hub for months; set one of them to false")


def server(settings: Certbot) -> str:
    """Return the directory URL of the ACME server."""
    return settings.server or (STAGING if settings.staging else LETS_ENCRYPT)


def cert_name(hub: Hub, settings: Certbot) -> str:
    """Return certbot's own name for the certificate; one for trials is not in the place of a good one."""
    return settings.cert_name or hub.domain + ("-staging" if settings.staging else "")


def files(hub: Hub, settings: Certbot, given: t.Mapping[str, str], places: Places, authenticator: Authenticator, force: bool) -> dict[str, str]:
    """Return the files for one run of certbot: its options, so that no secret is on a command line, and what they name."""
    found = {"cli.ini": ini(options(hub, settings, given, places, authenticator, force))}
    if "certbot_dns_credentials" in given and authenticator == "dns":
        found["credentials.ini"] = ini(json.loads(given["certbot_dns_credentials"]))
    if "certbot_ca" in given:
        found["ca.pem"] = given["certbot_ca"]
    return found


def options(hub: Hub, settings: Certbot, given: t.Mapping[str, str], places: Places, authenticator: Authenticator, force: bool) -> dict[str, t.Any]:
    """Return certbot's options; those of the command line have the same names."""
    found: dict[str, t.Any] = {
        "config-dir": places.config_dir,
        "server": server(settings),
        "cert-name": cert_name(hub, settings),
        "domains": ", ".join(validation.public_names(hub)),
        "key-type": settings.key_type,
        "non-interactive": True,
        "agree-tos": True,
        "keep-until-expiring": not force,
        "force-renewal": force,
        "renew-with-new-domains": True,
        **({"email": settings.email} if settings.email else {"register-unsafely-without-email": True}),
        "no-eff-email": bool(settings.email),
        "authenticator": f"dns-{settings.dns_plugin}" if authenticator == "dns" else authenticator,
    }
    if authenticator == "webroot":
        found["webroot-path"] = places.webroot
    elif authenticator == "standalone":
        found["http-01-port"] = places.port
    else:
        if "certbot_dns_credentials" in given:
            found[f"dns-{settings.dns_plugin}-credentials"] = f"{places.run_dir}/credentials.ini"
        if settings.dns_propagation_seconds:
            found[f"dns-{settings.dns_plugin}-propagation-seconds"] = settings.dns_propagation_seconds
    if settings.eab_kid:
        found |= {"eab-kid": settings.eab_kid, "eab-hmac-key": given["certbot_eab_hmac_key"]}
    return {name: value for name, value in found.items() if value is not False}


def ini(values: t.Mapping[str, t.Any]) -> str:
    """Return settings as certbot and its plugins read them from a file."""
    return "".join(f"{name} = {'true' if value is True else value}\n" for name, value in values.items())


def due(hub: Hub, settings: Certbot, certificate_pem: str, now: float) -> str:
    """Return why certbot would get another certificate, as far as can be told without asking it; empty when it would not."""
    chain = certificates.read_chain(certificate_pem)
    if not chain:
        return "there is none yet"
    begin, end = (date.timestamp() for date in certificates.dates(chain[0]))
    names = certificates.names_of(chain[0])
    if authority_name(hub.name) in chain[0].issuer.rfc4514_string():
        return "the edge has one of the hub's own"
    if set(names) != set(validation.public_names(hub)):
        return "it is for other names"
    if end - now < (end - begin) / 3:
        return "it expires soon"
    return "certbot_force_renewal" if settings.force_renewal else ""


def kept_server(renewal: str) -> str:
    """Return the ACME server that a certificate is of, from certbot's file about its renewal."""
    found = re.search(r"^server\s*=\s*(\S+)\s*$", renewal, re.MULTILINE)
    return found[1] if found else ""


NOISE = re.compile(
    r"^(Saving debug log to|Ask for help or search|See the logfile|Some challenges have failed|Requesting a certificate|Renewing an existing|- - -|$)"
)
UNREACHABLE = (
    r"NewConnectionError|Connection refused|ConnectTimeout|Max retries exceeded|Name or service not known|Temporary failure in name|Network is unreachable"
    r"|Error 5\d\d|Read timed out|serverInternal"
)
REACH = (
    "http://{domain}/.well-known/acme-challenge/ must reach port {port} of the hub's host from where the ACME server is: look at the DNS, at firewalls, "
    "at port forwarding"
)
RECORD = "check that the DNS of the domain shows what the plugin writes; certbot_dns_propagation_seconds gives it time"
WAYS_OUT = (
    (r"too many (certificates|failed|new orders|registrations)|rateLimited|rate limit", "wait until the time that it names; certbot_staging is for trials"),
    (r"No space left on device", "free some disk and run again"),
    (r"CERTIFICATE_VERIFY_FAILED.*(not yet valid|expired)|certificate is not yet valid", "check the clock of the host, then certbot_ca_file"),
    (r"CERTIFICATE_VERIFY_FAILED|SSLError", "name the authority of the ACME server in certbot_ca_file"),
    (UNREACHABLE, "the ACME server cannot be reached or does not work; check certbot_server, run again later"),
    (r"externalAccountRequired|requires external account", "get certbot_eab_kid and certbot_eab_hmac_key from the operator of the ACME server"),
    (r"external account|EAB|eab-", "correct certbot_eab_kid and certbot_eab_hmac_key, which the operator of the ACME server gave"),
    (r"[Mm]issing propert|credentials|Unable to authenticate|TSIG|REFUSED|NOTAUTH|Forbidden", "correct certbot_dns_credentials"),
    (r"authenticator: dns-|DNS problem|incorrect TXT|No TXT record", RECORD),
    (r"Type:\s+(connection|unauthorized|dns)|Timeout during connect|Invalid response from", REACH),
    (
        r"requested .* plugin does not appear to be installed|unrecognized arguments|Could not choose appropriate plugin",
        "correct certbot_dns_plugin, or give an image of certbot that has it (certbot_image)",
    ),
)
"""What certbot or the server says -> what one does about it."""


def refusal(hub: Hub, settings: Certbot, output: str) -> DescriptionError:
    """Return why there is no certificate and what to do, from what certbot said."""
    lines = [line.strip() for line in output.splitlines() if not NOISE.match(line.strip())]
    text = " ".join(lines)
    way = next((way for pattern, way in WAYS_OUT if re.search(pattern, text)), "see certbot's own words")
    said = " ".join(lines[-12:])
    return DescriptionError(
        f"certbot got no certificate for {', '.join(validation.public_names(hub))} from {server(settings)}, and the hub goes on with the one that it has: "
        f"{way.format(domain=hub.domain, port=hub.network.http_port)}. certbot says: {said[-900:] or 'nothing'}"
    )


def minute(name: str) -> int:
    """Return the minute at which the certificate of a hub is looked after: not all hubs ask at the same time."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 60


def schedule_time(hub: Hub, settings: Certbot) -> str:
    """Return when renewals are looked for, in the words of cron or systemd."""
    if settings.schedule_time:
        return settings.schedule_time
    return f"*-*-* 04,16:{minute(hub.name):02}:00" if settings.schedule == "systemd" else f"{minute(hub.name)} 4,16 * * *"


def metrics(hub: Hub, begin: float, end: float, now: float) -> str:
    """Return what Prometheus' textfile collector reads."""
    label = f'{{hub="{hub.name}",domain="{hub.domain}",mode="{hub.tls.mode}"}}'
    values = (
        ("not_before_timestamp_seconds", "When the hub's certificate began to be valid.", f"{begin:.0f}"),
        ("not_after_timestamp_seconds", "When the hub's certificate expires.", f"{end:.0f}"),
        ("days_left", "Days until the hub's certificate expires.", f"{(end - now) / 86400:.2f}"),
        ("checked_timestamp_seconds", "When that was looked at.", f"{now:.0f}"),
    )
    return "".join(
        f"# HELP jupyterhub_certificate_{name} {text}\n# TYPE jupyterhub_certificate_{name} gauge\njupyterhub_certificate_{name}{label} {value}\n"
        for name, text, value in values
    )
