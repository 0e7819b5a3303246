# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certbot: what it is told, which descriptions it is spared, and what its words mean for a person."""

from __future__ import annotations

import configparser
import json
import pathlib
import threading
import time
import typing as t

import pytest

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import certbot, certificates, images, parts, schedule, secrets
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.certbot import Places
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Certbot
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io import authority
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.lock import held
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.io.secret_store import Store
from ansible_collections.vdsg.jupyterhub.tests.unit.support import DAY, EXAMPLE_KEY, GITHUB, NOW, certificate, hub, pem, resolved

TLS = {"mode": "letsencrypt"}
HUB = hub(domain="hub.example.org", tls=TLS)
VARIABLES = {**GITHUB, "jupyterhub_tls": TLS}
DNS = {"certbot_challenge": "dns", "certbot_dns_plugin": "cloudflare"}


def certbot_of(**variables: t.Any) -> Certbot:
    return Certbot.from_variables({f"certbot_{name}": value for name, value in variables.items()})


def ini(settings: Certbot, given: dict[str, str] | None = None, authenticator: certbot.Authenticator = "webroot", force: bool = False) -> dict[str, str]:
    """Return what certbot reads in its file of options."""
    found = certbot.files(HUB, settings, given or {}, Places(), authenticator, force)
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string("[options]\n" + found["cli.ini"])
    return dict(parser["options"])


# --- which descriptions can be

REFUSED: list[tuple[dict[str, t.Any], str]] = [
    ({"certbot_emial": "a@b.c"}, "certbot_emial is not a known setting; did you mean certbot_email?"),
    ({"certbot_email": "admin"}, "certbot_email is 'admin'"),
    ({"certbot_server": "acme.example.org"}, "certbot_server is 'acme.example.org'"),
    ({"certbot_server": "https://acme.example.org/dir", "certbot_staging": True}, "certbot_staging and certbot_server are both set"),
    ({"certbot_challenge": "dns"}, "certbot_dns_plugin is required"),
    ({"certbot_challenge": "http"}, "certbot_challenge is 'http', which is none of its choices"),
    ({"certbot_dns_plugin": "cloudflare"}, "certbot_dns_plugin means nothing with certbot_challenge webroot"),
    ({**DNS, "certbot_dns_credentials": {"A": "hush"}}, "certbot_dns_credentials has 'A'"),
    ({**DNS, "certbot_dns_plugin": "x y"}, "certbot_dns_plugin is 'x y'"),
    ({"certbot_cert_name": "../x"}, "certbot_cert_name is '../x'"),
    ({"certbot_config_dir": "letsencrypt"}, "certbot_config_dir is 'letsencrypt', but it must be an absolute path"),
    ({"certbot_image": "certbot:1", "certbot_runs_in": "host"}, "certbot_image means nothing"),
    ({"certbot_timeout": 1}, "certbot_timeout is 1"),
    ({"certbot_metrics_file": "x"}, "certbot_metrics_file is 'x'"),
    ({"certbot_eab_kid": "kid"}, "certbot_eab_kid and certbot_eab_hmac_key go together"),
    ({"certbot_eab_hmac_key": "hush"}, "certbot_eab_kid and certbot_eab_hmac_key go together"),
    ({"certbot_ca_file": "none.pem"}, "certbot_ca_file is 'none.pem', which cannot be read"),
    ({"jupyterhub_domain": "192.0.2.1"}, "gives no certificate for 192.0.2.1"),
    ({"jupyterhub_domain": "hub"}, "gives no certificate for hub"),
    ({"jupyterhub_tls": {**TLS, "names": ["*.hub.example.org"]}}, "a wildcard such as *.hub.example.org is only given by DNS"),
    ({"jupyterhub_tls": {**TLS, "subdomains": True}}, "a wildcard such as *.hub.example.org is only given by DNS"),
    ({"jupyterhub_tls": {**TLS, "hsts": True}, "certbot_staging": True}, "jupyterhub_tls.hsts cannot be used with certbot_staging"),
    ({"jupyterhub_tls": {"subdomains": True}, "jupyterhub_domain": "localhost"}, "jupyterhub_tls.subdomains wants names below"),
]


@pytest.mark.parametrize(("variables", "sentence"), REFUSED, ids=[sentence[:40] for _variables, sentence in REFUSED])
def test_what_cannot_be_is_refused(variables: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        resolved(VARIABLES | variables)
    assert sentence in str(refused.value)
    assert "hush" not in str(refused.value)


def test_secrets_are_set_apart() -> None:
    variables = {**VARIABLES, **DNS, "certbot_dns_credentials": {"dns_cloudflare_api_token": "hush"}, "certbot_eab_kid": "kid", "certbot_eab_hmac_key": "hush"}
    found = resolved(variables, {"ca.pem": "the authority"})
    assert json.loads(found.secrets["certbot_dns_credentials"]) == {"dns_cloudflare_api_token": "hush"}
    assert found.secrets["certbot_eab_hmac_key"] == "hush"
    assert "hush" not in repr((found.variables, found.settings))
    assert resolved({**VARIABLES, "certbot_ca_file": "ca.pem"}, {"ca.pem": "the authority"}).secrets["certbot_ca"] == "the authority"


def test_a_hub_without_certbot_may_have_its_settings() -> None:
    assert parts.settings_of(["certbot"], {"certbot_email": "a@b.org", "docker_compose_x": 1})["certbot"] == Certbot(email="a@b.org")
    assert resolved({**GITHUB, "certbot_email": "a@b.org"}).settings["certbot"].email == "a@b.org"


# --- what certbot is told


def test_certbot_is_told_what_it_needs_and_nothing_of_another_challenge() -> None:
    found = ini(certbot_of(email="admin@example.org"))
    assert found["server"] == "https://acme-v02.api.letsencrypt.org/directory"
    assert (found["domains"], found["cert-name"], found["email"]) == ("hub.example.org", "hub.example.org", "admin@example.org")
    assert (found["authenticator"], found["webroot-path"], found["keep-until-expiring"]) == ("webroot", "/var/www/acme", "true")
    assert not {name for name in found if name.startswith("dns") or name in ("force-renewal", "http-01-port", "register-unsafely-without-email")}
    assert ini(certbot_of(), authenticator="standalone")["http-01-port"] == "8080"
    assert ini(certbot_of())["register-unsafely-without-email"] == "true"
    forced = ini(certbot_of(), force=True)
    assert forced["force-renewal"] == "true"
    assert "keep-until-expiring" not in forced


def test_a_certificate_for_trials_is_not_in_the_place_of_a_good_one() -> None:
    found = ini(certbot_of(staging=True))
    assert found["server"] == "https://acme-staging-v02.api.letsencrypt.org/directory"
    assert found["cert-name"] == "hub.example.org-staging"
    assert ini(certbot_of(cert_name="hub-0001"))["cert-name"] == "hub-0001"


def test_credentials_are_in_a_file_and_secrets_not_among_arguments() -> None:
    settings = certbot_of(challenge="dns", dns_plugin="cloudflare", dns_propagation_seconds=30, eab_kid="kid")
    given = {"certbot_dns_credentials": json.dumps({"dns_cloudflare_api_token": "hush"}), "certbot_eab_hmac_key": "hush-hush", "certbot_ca": "the authority"}
    found = certbot.files(HUB, settings, given, Places(), "dns", False)
    assert found["credentials.ini"] == "dns_cloudflare_api_token = hush\n"
    assert found["ca.pem"] == "the authority"
    told = ini(settings, given, "dns")
    assert told["authenticator"] == "dns-cloudflare"
    assert told["dns-cloudflare-credentials"] == "/etc/certbot-run/credentials.ini"
    assert told["dns-cloudflare-propagation-seconds"] == "30"
    assert (told["eab-kid"], told["eab-hmac-key"]) == ("kid", "hush-hush")


def test_all_names_are_asked_for() -> None:
    described = hub(domain="hub.example.org", tls={**TLS, "subdomains": True, "names": ["jupyter.example.org", "hub.example.org"]})
    found = certbot.options(described, certbot_of(), {}, Places(), "dns", False)
    assert found["domains"] == "hub.example.org, *.hub.example.org, jupyter.example.org"


def test_the_server_of_a_certificate_is_read_from_what_certbot_keeps() -> None:
    text = "# renew_before_expiry = 30 days\ncert = /etc/letsencrypt/live/x/cert.pem\n[renewalparams]\naccount = 1\nserver = https://acme.example.org/dir\n"
    assert certbot.kept_server(text) == "https://acme.example.org/dir"
    assert certbot.kept_server("") == ""


# --- what it says

# Words of certbot 5.8.
WORDS = [
    (
        """Requesting a certificate for hub.example.org

Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported these problems:
  Domain: hub.example.org
  Type:   connection
  Detail: 192.0.2.1: Fetching http://hub.example.org/.well-known/acme-challenge/x: Timeout during connect (likely firewall problem)
""",
        "http://hub.example.org/.well-known/acme-challenge/ must reach port 80 of the hub's host",
    ),
    ("requests.exceptions.ConnectionError: HTTPSConnectionPool(host='x', port=443): Max retries exceeded with url: /dir", "the ACME server cannot be reached"),
    ("An unexpected error occurred:\nError creating new order :: too many certificates (5) already issued for this exact set of domains", "certbot_staging"),
    ("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer", "certbot_ca_file"),
    ("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate is not yet valid", "check the clock"),
    ("OSError: [Errno 28] No space left on device: '/etc/letsencrypt/accounts'", "free some disk"),
    ('Missing property in credentials configuration file /etc/certbot-run/credentials.ini:\n * Property "dns_x" not found', "correct certbot_dns_credentials"),
    ("The requested dns-x plugin does not appear to be installed", "correct certbot_dns_plugin"),
    ("acme.messages.Error: urn:ietf:params:acme:error:externalAccountRequired :: external account binding", "certbot_eab_kid"),
    ("Something nobody has seen", "see certbot's own words. certbot says: Something nobody has seen"),
]


@pytest.mark.parametrize(("words", "way"), WORDS, ids=[way for _words, way in WORDS])
def test_a_refusal_says_what_to_do(words: str, way: str) -> None:
    said = str(certbot.refusal(HUB, certbot_of(), words))
    assert said.startswith("certbot got no certificate for hub.example.org from https://acme-v02.api.letsencrypt.org/directory, and the hub goes on with")
    assert way in said


# --- which certificate is good


def test_certbot_would_be_asked_for_another_certificate_when_there_is_a_reason() -> None:
    good = certificate("hub.example.org", key=EXAMPLE_KEY, begin=NOW - DAY, end=NOW + 89 * DAY)
    assert certbot.due(HUB, certbot_of(), good, NOW) == ""
    assert certbot.due(HUB, certbot_of(force_renewal=True), good, NOW)
    assert certbot.due(HUB, certbot_of(), "", NOW) == "there is none yet"
    assert certbot.due(HUB, certbot_of(), good, NOW + 70 * DAY) == "it expires soon"
    assert certbot.due(HUB, certbot_of(), certificate("x.example.org", key=EXAMPLE_KEY), NOW) == "it is for other names"
    own = authority.make_leaf(authority.make_authority(HUB.name, NOW), ["hub.example.org"], NOW).certificate
    assert certbot.due(HUB, certbot_of(), own, NOW) == "the edge has one of the hub's own"


def test_the_edge_begins_with_a_certificate_and_keeps_what_certbot_gave(tmp_path: pathlib.Path) -> None:
    def store(**given: str) -> Store:
        made = Store(str(tmp_path), NOW)
        made.fill(HUB, given)
        made.save()
        return made

    beginning = store()
    certificates.check_pair(beginning.wanted["tls_certificate"], beginning.wanted["tls_key"], ["hub.example.org"], NOW)
    assert not (tmp_path / "authority_key").exists()
    assert not store().changed(), "a second run changes nothing"
    got = {"tls_certificate": certificate("hub.example.org", key=EXAMPLE_KEY).strip(), "tls_key": pem(EXAMPLE_KEY).strip()}
    assert set(store(**got).rotated) == {"tls_certificate", "tls_key"}
    later = store()
    assert not later.changed(), "what certbot gave stays"
    assert later.wanted["tls_certificate"] == got["tls_certificate"]


def test_certbots_certificate_is_not_made_anew_by_us() -> None:
    described = hub(domain="hub.example.org", tls=TLS, rotate_secrets=["tls"])
    with pytest.raises(DescriptionError, match="certbot_force_renewal=true"):
        secrets.check_rotation(described, secrets.wanted(described, ()))


def test_a_chain_in_the_wrong_order_is_refused() -> None:
    own, other = authority.make_authority("one", NOW), authority.make_authority("other", NOW)
    leaf = authority.make_leaf(own, ["hub.example.org"], NOW)
    certificates.check_pair(leaf.certificate, leaf.key, ["hub.example.org"], NOW)
    alone = leaf.certificate.removesuffix(own.certificate)
    with pytest.raises(DescriptionError, match=r"jupyterhub_tls.certificate is no chain.* put the hub's own first"):
        certificates.check_pair(alone + other.certificate, leaf.key, ["hub.example.org"], NOW)


# --- the image, the schedule, the metrics, the lock


def test_an_image_of_certbot_is_had_only_where_it_runs() -> None:
    assert "certbot" not in images.by_kind(images.plan(hub(), "bootstrap", certbot=Certbot()))
    assert "certbot" not in images.by_kind(images.plan(HUB, "bootstrap", certbot=certbot_of(runs_in="host")))
    assert images.by_kind(images.plan(HUB, "registry", certbot=Certbot()))["certbot"] == "docker.io/certbot/certbot:v5.8.0"
    settings = certbot_of(challenge="dns", dns_plugin="cloudflare")
    assert images.by_kind(images.plan(HUB, "registry", certbot=settings))["certbot"] == "docker.io/certbot/dns-cloudflare:v5.8.0"
    made = images.plan(HUB, "bootstrap", certbot=settings)[-1]
    assert "certbot==5.8.0 certbot-dns-cloudflare==5.8.0" in made.files["Dockerfile"]
    assert images.by_kind(images.plan(HUB, "bootstrap", certbot=certbot_of(image="mine:1")))["certbot"] == "mine:1"


def test_not_all_hubs_ask_at_the_same_minute() -> None:
    assert certbot.schedule_time(HUB, certbot_of(schedule="cron")) == f"{certbot.minute('lab')} 4,16 * * *"
    assert certbot.schedule_time(HUB, certbot_of(schedule="systemd")) == f"*-*-* 04,16:{certbot.minute('lab'):02}:00"
    assert certbot.schedule_time(HUB, certbot_of(schedule_time="1 2 * * *")) == "1 2 * * *"
    assert len({certbot.minute(f"hub{number}") for number in range(50)}) > 20


RUN = schedule.Run("/opt/venv/bin/ansible-playbook", ("/srv/my hubs",), "hub.example.org", "", "/usr/share/ansible")
COMMAND = (
    "LC_ALL=C.UTF-8 ANSIBLE_STDOUT_CALLBACK=vdsg.jupyterhub.cron ANSIBLE_COLLECTIONS_PATH=/usr/share/ansible /opt/venv/bin/ansible-playbook "
    "vdsg.jupyterhub.renew_certs --limit hub.example.org --inventory '/srv/my hubs'"
)


def test_cron_and_systemd_run_what_this_run_was() -> None:
    assert schedule.files(HUB, certbot_of(), RUN) == {}
    cron = schedule.files(HUB, certbot_of(schedule="cron", schedule_time="1 2 * * *", schedule_user="ansible"), RUN)
    assert list(cron) == ["/etc/cron.d/jupyterhub-lab-certificate"]
    assert cron["/etc/cron.d/jupyterhub-lab-certificate"].splitlines()[1] == f"1 2 * * * ansible {COMMAND}"
    units = schedule.files(HUB, certbot_of(schedule="systemd"), RUN)
    assert f'ExecStart=/bin/sh -c "{COMMAND}"' in units["/etc/systemd/system/jupyterhub-lab-certificate.service"]
    assert f"OnCalendar=*-*-* 04,16:{certbot.minute('lab'):02}:00" in units["/etc/systemd/system/jupyterhub-lab-certificate.timer"]


def test_a_command_of_ones_own_survives_cron_and_systemd() -> None:
    own = """date +%s > "$HOME/x" """.strip()
    cron = schedule.files(HUB, certbot_of(schedule="cron", schedule_command=own), RUN)
    assert cron["/etc/cron.d/jupyterhub-lab-certificate"].endswith(' root date +\\%s > "$HOME/x"\n')
    units = schedule.files(HUB, certbot_of(schedule="systemd", schedule_command=own), RUN)
    assert r'ExecStart=/bin/sh -c "date +%%s > \"$$HOME/x\""' in units["/etc/systemd/system/jupyterhub-lab-certificate.service"]


def test_prometheus_can_read_the_metrics() -> None:
    text = certbot.metrics(HUB, NOW - DAY, NOW + 30 * DAY, NOW)
    label = '{hub="lab",domain="hub.example.org",mode="letsencrypt"}'
    assert f"jupyterhub_certificate_days_left{label} 30.00\n" in text
    assert f"jupyterhub_certificate_not_after_timestamp_seconds{label} {NOW + 30 * DAY:.0f}\n" in text


def test_one_run_waits_for_another_and_says_for_whom(tmp_path: pathlib.Path) -> None:
    path, order = str(tmp_path / "state" / "lock"), []
    began, over = threading.Event(), threading.Event()

    def other() -> None:
        with held(path, time.monotonic() + 60, "another run looks after it"):
            began.set()
            over.wait(60)
            order.append("first")

    thread = threading.Thread(target=other)
    thread.start()
    began.wait(60)
    with (
        pytest.raises(DescriptionError, match=r"another run looks after it, and has not come to its end \(process \d+\)"),
        held(path, 0, "another run looks after it"),
    ):
        pass
    over.set()
    with held(path, time.monotonic() + 60, "another run looks after it"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
