"""Making one certificate: the same inputs always give the same DER.

Signatures are deterministic (RFC 6979, PKCS#1 v1.5, RFC 8032), dates are the caller's, and the
serial number is drawn by SHAKE-256 from everything else in the certificate.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from emulator.crypto import der
from emulator.crypto.certificate import KEY_USAGES, OID_SPDM_EXTENSION
from emulator.crypto.keys import SigningKey, VerifyingKey
from emulator.crypto.tcb import OID_TCB_INFO, TcbInfo
from emulator.errors import PkiError
from emulator.pki.schemes import scheme

_ORGANISATION = "spdm-emulator"
_SERIAL_SIZE = 16
_LONGEST_NAME = 100

Extension = tuple[x509.ExtensionType, bool]
"""An extension and whether it is critical."""


@dataclass(frozen=True)
class Issuer:
    """An authority's certificate (DER) and the key that signs for it."""

    certificate: bytes
    key: SigningKey


def name(common_name: str) -> x509.Name:
    """The distinguished name of `common_name`.

    libspdm recognises a root only by a name of at most 100 bytes (`libspdm_crypt_cert.c`,
    LIBSPDM_MAX_NAME_SIZE); X.520 allows a common name 64 characters.
    """
    try:
        made = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
    except ValueError as error:
        raise PkiError(f"common name {common_name!r}: {error}") from error
    size = len(made.public_bytes())
    if size > _LONGEST_NAME:
        raise PkiError(
            f"common name {common_name!r}: the name takes {size} bytes of DER,"
            f" at most {_LONGEST_NAME} are right"
        )
    return made


def self_signed(
    subject: x509.Name,
    key: SigningKey,
    extensions: Sequence[Extension],
    *,
    not_before: datetime,
    not_after: datetime,
) -> Issuer:
    """A root: `key` certifies itself."""
    dates = (not_before, not_after)
    return Issuer(_sign(subject, key.public, subject, key, extensions, dates), key)


def certify(
    subject: x509.Name,
    public: VerifyingKey,
    issuer: Issuer,
    extensions: Sequence[Extension],
    *,
    not_before: datetime,
    not_after: datetime,
) -> bytes:
    """The DER certificate in which `issuer` binds `subject` to the key `public`."""
    issuer_name = x509.load_der_x509_certificate(issuer.certificate).subject
    dates = (not_before, not_after)
    return _sign(subject, public, issuer_name, issuer.key, extensions, dates)


def constraints(*, ca: bool, path_length: int | None = None) -> Extension:
    """Critical basicConstraints."""
    return x509.BasicConstraints(ca=ca, path_length=path_length), True


def key_usage(*names: str) -> Extension:
    """Critical keyUsage with the flags of `names` (`crypto.certificate.KEY_USAGES`)."""
    unknown = set(names) - set(KEY_USAGES)
    if unknown:
        raise PkiError(f"no key usage {', '.join(sorted(unknown))}; known: {', '.join(KEY_USAGES)}")
    flags = {attribute: flag in names for flag, attribute in KEY_USAGES.items()}
    return x509.KeyUsage(**flags, encipher_only=False, decipher_only=False), True


def extended_key_usage(*oids: str) -> Extension:
    """Uncritical extKeyUsage listing `oids`."""
    return x509.ExtendedKeyUsage([der.oid(oid) for oid in oids]), False


def alternative_names(*names: tuple[str, bytes]) -> Extension:
    """Uncritical subjectAltName of otherNames, each an identifier and the value's DER element."""
    others = [x509.OtherName(der.oid(oid), value) for oid, value in names]
    return x509.SubjectAlternativeName(others), False


def spdm_extension(*oids: str) -> Extension:
    """The DMTF SPDM extension (1.3.6.1.4.1.412.274.6) listing `oids`."""
    entries = [der.encode(der.SEQUENCE, der.encode_oid(oid)) for oid in oids]
    value = der.encode(der.SEQUENCE, *entries)
    return x509.UnrecognizedExtension(der.oid(OID_SPDM_EXTENSION), value), False


def tcb_info(info: TcbInfo) -> Extension:
    """DICE's TcbInfo, uncritical so that verifiers without it read the certificate."""
    return x509.UnrecognizedExtension(der.oid(OID_TCB_INFO), info.to_der()), False


def _sign(
    subject: x509.Name,
    public: VerifyingKey,
    issuer_name: x509.Name,
    signer: SigningKey,
    extensions: Sequence[Extension],
    dates: tuple[datetime, datetime],
) -> bytes:
    identified = (
        *extensions,
        (x509.SubjectKeyIdentifier.from_public_key(public.pyca), False),
        # Linux finds the issuer in its keyring by this identifier (find_asymmetric_key).
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public.pyca), False),
    )
    content = [subject.public_bytes(), public.spki, issuer_name.public_bytes(), signer.public.spki]
    content += [bytes([critical]) + kind.public_bytes() for kind, critical in identified]
    content += [date.isoformat().encode() for date in dates]
    try:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer_name)
            .public_key(public.pyca)
            .serial_number(_serial(content))
            .not_valid_before(dates[0])
            .not_valid_after(dates[1])
        )
        for kind, critical in identified:
            builder = builder.add_extension(kind, critical=critical)
    except ValueError as error:
        raise PkiError(f"{subject.rfc4514_string()}: {error}") from error
    # Every other scheme is deterministic of its own, and must not be told.
    deterministic = True if isinstance(signer.pyca, ec.EllipticCurvePrivateKey) else None
    signed = builder.sign(
        signer.pyca, scheme(signer.scheme).hash, ecdsa_deterministic=deterministic
    )
    return signed.public_bytes(serialization.Encoding.DER)


def _serial(content: Sequence[bytes]) -> int:
    """A positive serial number of a fixed width, so that a certificate's size is settled too."""
    shake = hashlib.shake_256()
    for part in content:
        shake.update(len(part).to_bytes(4, "big") + part)
    drawn = int.from_bytes(shake.digest(_SERIAL_SIZE), "big")
    top = 1 << (8 * _SERIAL_SIZE - 2)
    return drawn % top + top
