"""One X.509 certificate: what SPDM's rules ask of it, in plain values.

Object identifiers: libspdm `include/industry_standard/spdm.h` (SPDM_OID_*) and, for the PCIe
component measurement and authentication (CMA) name, PCIe 6.1 §6.31.3.
"""

import contextlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from emulator.crypto import der
from emulator.crypto.keys import VerifyingKey
from emulator.crypto.tcb import OID_TCB_INFO, TcbInfo, read_tcb_info
from emulator.errors import PkiError

OID_CMA_NAME = "2.23.147"
OID_DEVICE_INFO = "1.3.6.1.4.1.412.274.1"
OID_HARDWARE_IDENTITY = "1.3.6.1.4.1.412.274.2"
OID_RESPONDER_AUTH = "1.3.6.1.4.1.412.274.3"
OID_REQUESTER_AUTH = "1.3.6.1.4.1.412.274.4"
OID_MUTABLE_CERTIFICATE = "1.3.6.1.4.1.412.274.5"
OID_SPDM_EXTENSION = "1.3.6.1.4.1.412.274.6"

OID_NAMES = {
    OID_CMA_NAME: "PCIe CMA name",
    OID_DEVICE_INFO: "DMTF device information",
    OID_HARDWARE_IDENTITY: "hardware identity",
    OID_RESPONDER_AUTH: "SPDM responder authentication",
    OID_REQUESTER_AUTH: "SPDM requester authentication",
    OID_MUTABLE_CERTIFICATE: "mutable certificate",
    OID_SPDM_EXTENSION: "DMTF SPDM extension",
    OID_TCB_INFO: "DICE TcbInfo",
}
"""What this package calls the identifiers above when it lists a certificate."""

KEY_USAGES = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}
"""RFC 5280 §4.2.1.3's flags that stand alone, and what `cryptography` calls them."""

_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises for a certificate it cannot read."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class OtherName(NamedTuple):
    """An otherName of the subject alternative name."""

    oid: str
    value: bytes
    """The value's DER element."""
    text: str | None
    """The value's text if it is a UTF8String."""


@dataclass(frozen=True)
class Certificate:
    """A certificate read from DER; made by `parse`."""

    der: bytes
    subject: str
    """RFC 4514 text with unprintable characters escaped, as is `issuer`."""
    issuer: str
    subject_der: bytes
    issuer_der: bytes
    serial: int
    not_before: datetime
    """In UTC, as is `not_after`; both ends belong to the validity."""
    not_after: datetime
    key: VerifyingKey | None
    """The public key, or None when it is of no scheme we know."""
    key_problem: str
    """Why `key` is None, or ''."""
    has_basic_constraints: bool
    is_ca: bool
    path_length: int | None
    """How many CA certificates may follow below this one; None if unlimited or not a CA."""
    key_usage: frozenset[str] | None
    """Names of `KEY_USAGES`; None without the extension."""
    ekus: tuple[str, ...]
    """The extended key usages, dotted."""
    other_names: tuple[OtherName, ...]
    extensions: tuple[str, ...]
    """All extensions' identifiers, in their order."""
    spdm_oids: tuple[str, ...]
    """The identifiers inside the DMTF SPDM extension."""
    tcb_info: TcbInfo | None
    """DICE's TcbInfo; None without it, and where it cannot be read: no one else looks at it."""
    pyca: x509.Certificate = field(repr=False, compare=False)
    """The certificate as `cryptography` knows it, for `crypto` and `pki` only."""

    @classmethod
    def parse(cls, data: bytes) -> "Certificate":
        """Read the one certificate that `data` is. Raises PkiError and nothing else."""
        element = der.read(data)
        if element.tag != der.SEQUENCE:
            raise PkiError(f"not a certificate: it starts with {element.tag:#04x}, not 0x30")
        if element.end != len(data):
            raise PkiError(f"{len(data) - element.end} bytes follow the certificate")
        try:
            with warnings.catch_warnings():
                # Odd but readable, such as serial number 0: a peer's business, not the log's.
                warnings.simplefilter("ignore")
                return cls._read(x509.load_der_x509_certificate(data), data)
        except _UNREADABLE as error:
            raise PkiError(f"not a readable certificate: {error}") from error

    @classmethod
    def _read(cls, certificate: x509.Certificate, data: bytes) -> "Certificate":
        extensions = certificate.extensions
        constraints = _extension(extensions, x509.BasicConstraints)
        usage = _extension(extensions, x509.KeyUsage)
        ekus = _extension(extensions, x509.ExtendedKeyUsage)
        key, key_problem = _public_key(certificate)
        return cls(
            der=data,
            subject=printable(certificate.subject.rfc4514_string()),
            issuer=printable(certificate.issuer.rfc4514_string()),
            subject_der=certificate.subject.public_bytes(),
            issuer_der=certificate.issuer.public_bytes(),
            serial=certificate.serial_number,
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            key=key,
            key_problem=key_problem,
            has_basic_constraints=constraints is not None,
            is_ca=constraints is not None and constraints.ca,
            path_length=constraints.path_length if constraints is not None else None,
            key_usage=None if usage is None else _usages(usage),
            ekus=() if ekus is None else tuple(eku.dotted_string for eku in ekus),
            other_names=_other_names(_extension(extensions, x509.SubjectAlternativeName)),
            extensions=tuple(extension.oid.dotted_string for extension in extensions),
            spdm_oids=_spdm_oids(extensions),
            tcb_info=_tcb_info(extensions),
            pyca=certificate,
        )

    def names_issuer(self, issuer: "Certificate") -> bool:
        """Whether this certificate's issuer is `issuer`'s subject."""
        return self.issuer_der == issuer.subject_der

    def signature_problem(self, issuer: "Certificate") -> str:
        """Why this certificate's signature is not `issuer`'s, or '' if it is."""
        try:
            self.pyca.verify_directly_issued_by(issuer.pyca)
        except InvalidSignature:
            return "the signature does not verify"
        except _UNREADABLE as error:
            return f"the signature cannot be verified: {error}"
        return ""

    @cached_property
    def is_self_signed(self) -> bool:
        """Whether the certificate names and verifies itself, as a root does."""
        return self.names_issuer(self) and not self.signature_problem(self)


def printable(text: str) -> str:
    """`text` with each unprintable character as its escape, safe to show on a terminal."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _extension(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    found: Iterable[x509.ExtensionType] = (extension.value for extension in extensions)
    return next((value for value in found if isinstance(value, kind)), None)


def _public_key(certificate: x509.Certificate) -> tuple[VerifyingKey | None, str]:
    try:
        return VerifyingKey(certificate.public_key()), ""
    except (PkiError, *_UNREADABLE) as error:
        return None, str(error)


def _usages(usage: x509.KeyUsage) -> frozenset[str]:
    return frozenset(name for name, attribute in KEY_USAGES.items() if getattr(usage, attribute))


def _other_names(names: x509.SubjectAlternativeName | None) -> tuple[OtherName, ...]:
    if names is None:
        return ()
    return tuple(
        OtherName(name.type_id.dotted_string, name.value, der.decode_utf8(name.value))
        for name in names
        if isinstance(name, x509.OtherName)
    )


def _spdm_oids(extensions: x509.Extensions) -> tuple[str, ...]:
    """SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, ... }, DSP0274 'SPDM certificate extension'."""
    for extension in extensions:
        if extension.oid.dotted_string == OID_SPDM_EXTENSION:
            try:
                return _read_spdm_extension(extension.value.public_bytes())
            except PkiError as error:
                raise PkiError(f"extension {OID_SPDM_EXTENSION}: {error}") from error
    return ()


def _read_spdm_extension(value: bytes) -> tuple[str, ...]:
    outer = der.read(value)
    entries = der.children(outer.content)
    if outer.end != len(value) or {outer.tag, *(e.tag for e in entries)} != {der.SEQUENCE}:
        raise PkiError("not a SEQUENCE OF SEQUENCE")
    return tuple(der.decode_oid(entry.content[: der.read(entry.content).end]) for entry in entries)


def _tcb_info(extensions: x509.Extensions) -> TcbInfo | None:
    for extension in extensions:
        if extension.oid.dotted_string == OID_TCB_INFO:
            with contextlib.suppress(PkiError):
                return read_tcb_info(extension.value.public_bytes())
    return None
