# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be said about a certificate without asking anybody: its key, its names, its dates."""

from __future__ import annotations

import datetime
import ipaddress
import itertools
import typing as t

from .schema import DescriptionError

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
except ImportError as exc:  # the modules say so with missing_required_lib
    CRYPTOGRAPHY_ERROR: ImportError | None = exc
else:
    CRYPTOGRAPHY_ERROR = None


def moment(now: float) -> datetime.datetime:
    """Return a time in seconds since 1970 as an aware datetime."""
    return datetime.datetime.fromtimestamp(now, datetime.timezone.utc)


def dates(certificate: x509.Certificate) -> tuple[datetime.datetime, datetime.datetime]:
    """Return from when until when a certificate is valid; cryptography before 42 has only times without a zone."""
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    utc = datetime.timezone.utc
    return certificate.not_valid_before.replace(tzinfo=utc), certificate.not_valid_after.replace(tzinfo=utc)


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the host names and addresses that a certificate is for."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = extension.get_values_for_type(x509.IPAddress)
    return (*extension.get_values_for_type(x509.DNSName), *map(str, addresses))


def covers(names: t.Iterable[str], host: str) -> bool:
    """Whether one of the names is the host, or a wildcard for it (RFC 6125: one label only)."""
    parent = host.partition(".")[2]
    return any(name.lower() == host or (name.startswith("*.") and not host.startswith("*") and parent == name[2:].lower()) for name in names)


def authority_name(hub: str) -> str:
    """Return the name of a hub's own authority."""
    return f"JupyterHub {hub} authority"


class Words(t.NamedTuple):
    """What a certificate and its key are called in a message."""

    certificate: str
    key: str


PROVIDED = Words("jupyterhub_tls.certificate", "jupyterhub_tls.key")


def check_pair(certificate_pem: str, key_pem: str, hosts: t.Sequence[str], now: float, words: Words = PROVIDED) -> None:
    """Raise DescriptionError unless the key belongs to the certificate and the certificate is good for the hosts today."""
    chain = read_chain(certificate_pem)
    if not chain:
        raise DescriptionError(f"{words.certificate} is not a certificate in PEM form (-----BEGIN CERTIFICATE-----)")
    certificate = chain[0]
    try:
        key = serialization.load_pem_private_key(key_pem.encode(), password=None)
    except TypeError as exc:
        raise DescriptionError(f"{words.key} needs a passphrase; take it off (openssl pkey) and encrypt the file with ansible-vault instead") from exc
    except ValueError as exc:
        raise DescriptionError(f"{words.key} is not a private key in PEM form (-----BEGIN PRIVATE KEY-----)") from exc
    if public_bytes(key.public_key()) != public_bytes(certificate.public_key()):
        raise DescriptionError(f"{words.key} does not belong to {words.certificate}; give the key that the certificate was requested with")
    begin, end = dates(certificate)
    if moment(now) > end:
        raise DescriptionError(f"{words.certificate} expired on {end:%Y-%m-%d}; renew it")
    if moment(now) < begin:
        raise DescriptionError(f"{words.certificate} is not valid before {begin:%Y-%m-%d}; check the clock of the controller, or wait")
    names = names_of(certificate)
    for host in hosts:
        if not covers(names, host):
            which = f"jupyterhub_domain {host}" if host == hosts[0] else host
            raise DescriptionError(f"{words.certificate} is for {', '.join(names) or 'no host name'}, not for {which}; get one for that name")
    for signed, signer in itertools.pairwise(chain):
        if not issued_by(signed, signer):
            raise DescriptionError(
                f"{words.certificate} is no chain: behind the certificate of {common_name(signed)} must be the one of {signed.issuer.rfc4514_string()}, "
                f"which signed it, not the one of {common_name(signer)}; put the hub's own first, then the intermediate ones"
            )


def read_chain(pem: str) -> list[x509.Certificate]:
    """Return the certificates of a text; none where one cannot be read."""
    end = "-----END CERTIFICATE-----"
    try:
        return [x509.load_pem_x509_certificate(f"{block}{end}\n".encode()) for block in pem.split(end)[:-1]]
    except ValueError:
        return []


def issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether a certificate says that it was signed by this one; by name, and by key where both say which."""
    try:
        signer = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        signer = own = None
    return certificate.issuer == authority.subject and (signer is None or signer == own)


def common_name(certificate: x509.Certificate) -> str:
    """Return what a person calls a certificate."""
    return certificate.subject.rfc4514_string() or ", ".join(names_of(certificate)) or "nobody"


def public_bytes(key: t.Any) -> bytes:
    """Return a public key in a form that can be compared."""
    return bytes(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def belong_together(certificate_pem: str, key_pem: str) -> bool:
    """Whether a certificate and a key can be read, and the key is the certificate's."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
        key = serialization.load_pem_private_key(key_pem.encode(), password=None)
    except (TypeError, ValueError):
        return False
    return public_bytes(key.public_key()) == public_bytes(certificate.public_key())


def signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether a certificate of ours says that it was signed by this authority's key: authorities of one hub have one name."""
    try:
        signer = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return False
    return certificate.issuer == authority.subject and signer == own


def outdated(certificate_pem: str, authority_pem: str, names: t.Collection[str], now: float, days: int = 30) -> str | None:
    """Return why a certificate of our own authority must be made anew, or None while it is good."""
    try:
        certificate, authority = (x509.load_pem_x509_certificate(pem.encode()) for pem in (certificate_pem, authority_pem))
    except ValueError:
        return "it cannot be read"
    if not signed_by(certificate, authority):
        return "it is of another authority"
    if set(names_of(certificate)) != {host_text(name) for name in names}:
        return "it is for other names"
    if moment(now) + datetime.timedelta(days=days) > dates(certificate)[1]:
        return f"it expires in less than {days} days"
    return None


def host_text(name: str) -> str:
    """Return a name as a certificate's list of names shows it."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
