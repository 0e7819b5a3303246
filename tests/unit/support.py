# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several tests need: small hubs, an engine, certificates, and a strategy that makes any valid description."""

from __future__ import annotations

import datetime
import errno
import importlib.util
import json
import os
import pathlib
import re
import sys
import textwrap
import types
import typing as t

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import strategies as st

from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core import project, validation
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.authentication_checks import MEMBERS
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.description import Hub
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.docker_compose import Engine
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.resolve import DEFAULT_PARTS, Resolved, resolve
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.schema import DescriptionError
from ansible_collections.vdsg.jupyterhub.plugins.module_utils.core.traits import Catalogue, Config, Form, refuse

ROOT = pathlib.Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "unit" / "golden"
PROGRAM_FILES = ROOT / "roles" / "jupyterhub" / "files"
CATALOGUE = Catalogue(json.loads((ROOT / "plugins" / "module_utils" / "core" / "traits.json").read_text()))
NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc).timestamp()
DAY = 24 * 3600

SIMPLE: dict[str, t.Any] = {
    "jupyterhub_name": "lab",
    "jupyterhub_auth": {"method": "shared_password"},
    "jupyterhub_users": [{"name": "geoheil", "admin": True}],
}
GITHUB: dict[str, t.Any] = {
    "jupyterhub_name": "lab",
    "jupyterhub_domain": "hub.example.org",
    "jupyterhub_auth": {"method": "github", "client_id": "Iv1.0123", "client_secret": "hush-oauth"},
    "jupyterhub_users": [{"name": "geoheil", "admin": True}],
}
ENGINE = Engine(
    "172.31.248.0/21",
    socket="/run/docker.sock",
    socket_gid=998,
    images={kind: f"vdsg-jupyterhub/{kind}:0123456789ab" for kind in ("hub", "proxy", "edge", "user")},
)
EXAMPLE_KEY = ec.generate_private_key(ec.SECP256R1())
PROGRAMS = {name: f"# {name}\n" for name in project.ALL_PROGRAMS}


def hub(**topics: t.Any) -> Hub:
    """Return a checked hub: the simple one with topics of it replaced."""
    made = Hub.from_variables(SIMPLE | {f"jupyterhub_{name}": value for name, value in topics.items()})
    validation.check(made)
    return made


def resolved(
    variables: t.Mapping[str, t.Any],
    files: t.Mapping[str, str] | None = None,
    environment: t.Mapping[str, str] | None = None,
    target: t.Collection[str] = DEFAULT_PARTS,
) -> Resolved:
    """Return what becomes of variables where these files are on the controller and this is its environment."""

    def read(path: str) -> str:
        if path not in (files or {}):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return (files or {})[path]

    return resolve(variables, read, environment or {}, NOW, CATALOGUE, target)


HASH = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
"""What a list of passwords has, `password` being the password."""

VARIABLE = re.compile(r"(jupyterhub|docker_compose|certbot|k8s)_[a-z0-9_]+:(\s|$)")


def examples(page: pathlib.Path) -> list[tuple[int, dict[str, t.Any]]]:
    """Return the indented blocks of a guide that are variables of a hub, with their lines."""
    text = page.read_text()
    blocks = [
        (text[: block.start()].count("\n") + 2, textwrap.dedent(block[0]).strip("\n")) for block in re.finditer(r"(?:^ {4}.*\n|^\n)+", text, re.MULTILINE)
    ]
    return [(line, yaml.safe_load(code)) for line, code in blocks if VARIABLE.match(code)]


AUTHENTICATION = [found for _line, found in examples(ROOT / "docs" / "authentication.md")]
"""Examples of the guide to logging in."""


ON_KUBERNETES: dict[str, t.Any] = {"k8s_context": "lab", "jupyterhub_images": {"hub": "registry.example.org/hub:6.1.1"}}


def example(variables: dict[str, t.Any]) -> Resolved:
    """Return what becomes of an example: with an admin, files that are there, and something for each variable of the vault."""
    clustered = any(name.startswith("k8s_") for name in variables)
    target = ["k8s"] if clustered else ["swarm"] if any(name.startswith("swarm_") for name in variables) else DEFAULT_PARTS
    text = json.dumps({**SIMPLE, "jupyterhub_domain": "hub.example.org", **(ON_KUBERNETES if clustered else {}), **variables})
    text = text.replace("{{ inventory_dir }}/", "")
    text = re.sub(r"{{ vault_\w+_hash }}", HASH, text)
    text = re.sub(r"{{ vault_\w+ }}", "hush-" * 7, text)
    files = {
        "licence.txt": "a licence",
        "userlist": "jenny admin\n",
        "certificates/fullchain.pem": certificate("hub.example.org", key=EXAMPLE_KEY),
        "certificates/privkey.pem": pem(EXAMPLE_KEY),
        "secrets/oauth.env": "GITHUB_CLIENT_ID=id\nGITHUB_CLIENT_SECRET=hush-hush\n",
        "secrets/oauth_client_secret": "hush-hush\n",
        "secrets/service_account.json": '{"private_key": "hush"}',
        "secrets/passwords": f"jenny:{HASH}\nbob:{HASH}\n",
    }
    authority = certificate("id.example.org", key=EXAMPLE_KEY)
    files |= {"files/ca.pem": authority, "files/cluster-ca.pem": authority}
    return resolved(json.loads(text), files, target=target)


def program(name: str) -> types.ModuleType:
    """Return a program that runs beside the hub, as a module."""
    spec = importlib.util.spec_from_file_location(name, PROGRAM_FILES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes = b"") -> str:
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


def certificate(*names: str, key: ec.EllipticCurvePrivateKey, begin: float = NOW - DAY, end: float = NOW + 90 * DAY) -> str:
    """Return a certificate for host names that signs itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
    utc = datetime.timezone.utc
    made = made.not_valid_before(datetime.datetime.fromtimestamp(begin, utc)).not_valid_after(datetime.datetime.fromtimestamp(end, utc))
    if names:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
"""Any text that a YAML file can hold: quotes, braces, line breaks, every alphabet."""

NASTY = st.sampled_from(["'", '"', "a'b\"c", "{{ x }}", "{x}", "%s", "\\", "a\nb", "#", "${HOME}", "$(id)", "\u2028", "é", "名前", "\x00", "'''", '"""'])
ANY_TEXT = st.one_of(TEXT, NASTY)
USER_NAME = ANY_TEXT.map(str.lower).filter(lambda name: bool(name) and name == name.strip() and "/" not in name and name not in (".", ".."))
GROUP_NAME = ANY_TEXT.filter(lambda name: bool(name) and name == name.strip())
LABEL = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5})?", fullmatch=True)
SIZE = st.builds("{}{}".format, st.integers(1, 999), st.sampled_from("KMGT"))
IMAGE = st.builds("registry.example.org/{}:{}".format, LABEL, LABEL)
JSON: st.SearchStrategy[t.Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), ANY_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(ANY_TEXT, inner, max_size=4)),
    max_leaves=8,
)
CPUS = st.floats(0.01, 64, allow_nan=False)
FORMS: dict[str, st.SearchStrategy[t.Any]] = {
    "bool": st.booleans(),
    "int": st.integers(-(10**9), 10**9),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "str": ANY_TEXT,
    "null": st.none(),
    "size": st.one_of(SIZE, st.integers(1, 10**12)),
    "any": JSON,
}


def values(form: Form) -> st.SearchStrategy[t.Any]:
    """Values that a trait of this form takes from YAML."""
    kind, *inner = form if isinstance(form, list) else [form]
    if kind in ("one of", "caseless"):
        return st.sampled_from(inner)
    if kind == "or":
        return st.one_of([values(item) for item in inner if item != "code"])
    if kind in ("list", "set"):
        return st.lists(values(inner[0]) if inner else ANY_TEXT, min_size=sum(inner[1:]), max_size=3)
    if kind == "dict":
        return st.dictionaries(ANY_TEXT, values(inner[1]) if inner else JSON, max_size=3)
    if inner:
        low, high = inner
        return st.integers(low, high) if kind == "int" else st.floats(low, high)
    return FORMS[kind]


def settable() -> list[tuple[str, str, Form]]:
    """Classes, traits and forms that a description may have: neither refused, nor old, nor to be said in Python alone."""
    found = []
    for cls in CATALOGUE.classes:
        for trait, form in CATALOGUE.traits(cls).items():
            only_code = form == "code" or (isinstance(form, list) and {"code", "null"}.issuperset(map(str, form[1:])))
            if only_code or CATALOGUE.renamed(cls, trait) != trait or CATALOGUE.gone(cls, trait):
                continue
            if MEMBERS.match(trait):  # with some options only
                continue
            try:
                refuse({cls: {trait: "text"}})
            except DescriptionError:
                continue
            found.append((cls, trait, form))
    return found


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Traits with values that they take."""
    found: Config = {}
    for cls, trait, form in draw(st.lists(st.sampled_from(SETTABLE), max_size=6)):
        found.setdefault(cls, {})[trait] = draw(values(form))
    return found


SETTABLE = settable()


def maybe(**values: st.SearchStrategy[t.Any]) -> st.SearchStrategy[dict[str, t.Any]]:
    """A topic in which each key may be there or not."""
    return st.fixed_dictionaries({}, optional=values)


@st.composite
def descriptions(draw: st.DrawFn) -> dict[str, t.Any]:
    """Variables of any valid hub, as the modules get them."""
    person = st.fixed_dictionaries({"name": USER_NAME, "admin": st.booleans()}, optional={"groups": st.lists(GROUP_NAME, max_size=2)})
    users = draw(st.lists(person, min_size=1, max_size=5, unique_by=lambda user: user["name"]))
    users[0]["admin"] = True
    services = draw(st.lists(st.fixed_dictionaries({"name": LABEL.map("s-{}".format)}, optional={"command": st.lists(ANY_TEXT, max_size=3)}), max_size=3))
    services = list({service["name"]: service for service in services}.values())
    names = [service["name"] for service in services]
    members = st.lists(st.sampled_from([user["name"] for user in users]), max_size=2)
    environment = st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=3)
    groups = draw(st.dictionaries(GROUP_NAME, st.lists(USER_NAME, min_size=1, max_size=2), max_size=3))
    role = {"name": LABEL.map("r-{}".format), "scopes": st.just(["list:users"]), "services": st.just(names), "users": members}
    # Guarantees that fit below any limit.
    resources = {"cpu_limit": CPUS, "mem_limit": SIZE, "cpu_guarantee": st.just(0.01), "mem_guarantee": st.just("1K"), "shm_size": st.just("1K")}
    server = {**resources, "cmd": st.lists(ANY_TEXT, max_size=3), "environment": environment, "default_url": ANY_TEXT, "image": IMAGE}
    choice = st.fixed_dictionaries({"name": ANY_TEXT}, optional={"description": ANY_TEXT, **server})
    choices = st.lists(choice, min_size=1, max_size=3, unique_by=lambda item: item["name"])
    options = st.lists(st.fixed_dictionaries({"name": st.just("size"), "choices": choices}, optional={"title": ANY_TEXT}), max_size=1)
    profile = {**server, "description": ANY_TEXT, "options": options, "allowed_users": st.lists(USER_NAME, min_size=1, max_size=2)}
    if groups:
        profile["allowed_groups"] = st.lists(st.sampled_from(sorted(groups)), min_size=1, max_size=2)
    profiles = st.lists(st.fixed_dictionaries({"name": ANY_TEXT}, optional=profile), max_size=3, unique_by=lambda item: item["name"])
    spawner = {
        **server,
        "max_running_per_user": st.integers(0, 3),
        "named_servers": st.integers(0, 3),
        "notebook_dir": st.sampled_from(["~", "~/work", "/srv"]),
    }
    folder = st.fixed_dictionaries({"name": LABEL, "everybody": st.sampled_from(["read", "write"])})
    folders = st.lists(folder, max_size=2, unique_by=lambda item: item["name"])
    database = st.fixed_dictionaries({"type": st.sampled_from(["postgresql", "mysql"]), "host": LABEL, "user": ANY_TEXT, "name": ANY_TEXT})
    variables = {
        "jupyterhub_name": draw(LABEL),
        "jupyterhub_users": users,
        "jupyterhub_services": services,
        "jupyterhub_roles": draw(st.lists(st.fixed_dictionaries(role), max_size=2, unique_by=lambda item: item["name"])),
        "jupyterhub_groups": groups,
        "jupyterhub_spawner": draw(maybe(**spawner)),
        "jupyterhub_profiles": draw(profiles),
        "jupyterhub_storage": draw(maybe(type=st.sampled_from(["volume", "none"]), shared_folders=folders, seed=st.just("/opt/seed"))),
        "jupyterhub_extra_files": draw(st.lists(st.fixed_dictionaries({"path": LABEL.map("/etc/{}".format), "content": ANY_TEXT}), max_size=1)),
        "jupyterhub_culling": draw(maybe(enabled=st.booleans(), idle_timeout=st.integers(60, 10**6), users=st.booleans())),
        "jupyterhub_config": draw(configs()),
        "jupyterhub_extra_config": draw(st.dictionaries(ANY_TEXT, ANY_TEXT.map("extra.append({!r})".format), max_size=3)),
        "jupyterhub_auth": draw(
            st.one_of(
                st.fixed_dictionaries({"method": st.just("shared_password")}, optional={"allow_all": st.booleans()}),
                st.fixed_dictionaries({"method": st.just("github"), "client_id": ANY_TEXT}, optional={"allowed_organizations": st.lists(ANY_TEXT, max_size=2)}),
                st.just({"method": "custom", "custom_class": "ldapauthenticator.LDAPAuthenticator"}),
            )
        ),
        "jupyterhub_database": draw(st.one_of(maybe(), database)),
        "jupyterhub_tls": draw(maybe(mode=st.sampled_from(["self_signed", "external", "none"]))),
        "jupyterhub_network": draw(maybe(egress=st.sampled_from(["internet", "none"]), https_port=st.integers(81, 65535))),
    }
    return {name: value for name, value in variables.items() if value or draw(st.booleans())}
