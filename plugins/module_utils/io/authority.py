# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small certificate authority of a hub with a self-signed certificate."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t

from ..core.certificates import authority_name, moment

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:  # the module says so with missing_required_lib
    pass

AUTHORITY_YEARS = 10
LEAF_DAYS = 397
"""Browsers refuse certificates that are valid for longer (398 days since 2020), even of an own authority."""


class Pair(t.NamedTuple):
    """A certificate and its key, in PEM form."""

    certificate: str
    key: str


def pem_key(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def builder(subject: str, issuer: x509.Name | None, key: ec.EllipticCurvePrivateKey, now: float, days: int) -> x509.CertificateBuilder:
    """Return what a certificate of ours begins with; an hour of grace for clocks that differ."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer or name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment(now) - datetime.timedelta(hours=1))
        .not_valid_after(moment(now) + datetime.timedelta(days=days))
    )


def usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def make_authority(hub: str, now: float) -> Pair:
    """Return a new certificate authority for one hub."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        builder(authority_name(hub), None, key, now, 365 * AUTHORITY_YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM).decode(), pem_key(key))


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def make_leaf(authority: Pair, names: t.Sequence[str], now: float) -> Pair:
    """Return a new certificate for host names and addresses, followed by its authority's."""
    signer = x509.load_pem_x509_certificate(authority.certificate.encode())
    signing_key = t.cast("ec.EllipticCurvePrivateKey", serialization.load_pem_private_key(authority.key.encode(), password=None))
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        builder(names[0], signer.subject, key, now, LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM).decode() + authority.certificate, pem_key(key))
