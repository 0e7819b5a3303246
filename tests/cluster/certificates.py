# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and kubeconfigs of the cluster: made once, kept beside its data."""

from __future__ import annotations

import datetime
import ipaddress
import json
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ansible_collections.vdsg.jupyterhub.tests.cluster.common import API, API_ADDRESS, NAME, NODE, NODE_ADDRESS, STATE, write

PKI = STATE / "pki"
YEARS = datetime.timedelta(days=3650)


def _save(key: ec.EllipticCurvePrivateKey, path: pathlib.Path) -> None:
    # The form that Kubernetes reads as a public key, too.
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    write(path, key.private_bytes(encoding, form, serialization.NoEncryption()))


class Authority:
    """A certificate authority: two files, and what it signs beside them."""

    def __init__(self, name: str) -> None:
        self.path, key_path = PKI / f"{name}.crt", PKI / f"{name}.key"
        if not (self.path.exists() and key_path.exists()):
            key = ec.generate_private_key(ec.SECP256R1())
            _save(key, key_path)
            write(self.path, _certificate(key, f"{NAME} {name}", None, key, None, [], ()).public_bytes(serialization.Encoding.PEM), 0o644)
        loaded = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{key_path} is not a key that was made here")
        self.key, self.certificate = loaded, x509.load_pem_x509_certificate(self.path.read_bytes())

    def sign(self, file: str, name: str, group: str | None = None, hosts: tuple[str, ...] = ()) -> tuple[pathlib.Path, pathlib.Path]:
        """Return certificate and key of a client, or of a server that is called by `hosts`."""
        certificate, key_path = PKI / f"{file}.crt", PKI / f"{file}.key"
        if not (certificate.exists() and key_path.exists()):
            key = ec.generate_private_key(ec.SECP256R1())
            usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
            signed = _certificate(key, name, group, self.key, self.certificate, usages, hosts)
            _save(key, key_path)
            write(certificate, signed.public_bytes(serialization.Encoding.PEM), 0o644)
        return certificate, key_path

    def kubeconfig(self, file: str, name: str, group: str | None = None) -> pathlib.Path:
        """Return the kubeconfig of an account."""
        certificate, key = self.sign(file, name, group)
        account = {"client-certificate": str(certificate), "client-key": str(key)}
        write(STATE / f"kubeconfig/{file}", kubeconfig({"server": API, "certificate-authority": str(self.path)}, account))
        return STATE / f"kubeconfig/{file}"


def kubeconfig(cluster: dict[str, str], user: dict[str, str]) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": NAME, "cluster": cluster}],
            "users": [{"name": NAME, "user": user}],
            "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": "default"}}],
            "current-context": NAME,
        },
        indent=2,
    )


def _certificate(
    key: ec.EllipticCurvePrivateKey,
    name: str,
    group: str | None,
    signer: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    usages: list[x509.ObjectIdentifier],
    hosts: tuple[str, ...],
) -> x509.Certificate:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if group:
        names.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    subject = x509.Name(names)
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + YEARS)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if issuer is None:
        builder = builder.add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def service_account_key() -> pathlib.Path:
    path = PKI / "service-accounts.key"
    if not path.exists():
        _save(ec.generate_private_key(ec.SECP256R1()), path)
    return path


API_HOSTS = (NODE_ADDRESS, API_ADDRESS, "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost")
KUBELET_HOSTS = (NODE_ADDRESS, NODE)
