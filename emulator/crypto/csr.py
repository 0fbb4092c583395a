"""Certificate signing requests: PKCS#10 (RFC 2986), the device's own side.

A requester may say what it wants to stand in one: its RequesterInfo is a CertificationRequestInfo
of its own (DSP0274 'GET_CSR'), of which its subject and its attributes are taken. What tells who
the device is stays the device's: extensions that it asks for itself come before the requester's of
the same kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from emulator.crypto import der
from emulator.crypto.certificate import (
    OID_CMA_NAME,
    OID_HARDWARE_IDENTITY,
    OID_RESPONDER_AUTH,
    OID_SPDM_EXTENSION,
)
from emulator.crypto.keys import SigningKey
from emulator.errors import PkiError

__all__ = ["RequesterInfo", "certificate_request", "read_requester_info"]

_INTEGER = 0x02
_BIT_STRING = 0x03
_OCTET_STRING = 0x04
_SET = 0x31
_ATTRIBUTES = 0xA0
_BOOLEAN = 0x01
_CRITICAL = b"\xff"
_NULL = b"\x05\x00"
_OID_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"

_ALGORITHMS = {
    "ECDSA_P256": ("1.2.840.10045.4.3.2", hashes.SHA256()),
    "ECDSA_P384": ("1.2.840.10045.4.3.3", hashes.SHA384()),
    "ECDSA_P521": ("1.2.840.10045.4.3.4", hashes.SHA512()),
    "RSA_2048": ("1.2.840.113549.1.1.11", hashes.SHA256()),
    "RSA_3072": ("1.2.840.113549.1.1.12", hashes.SHA384()),
    "RSA_4096": ("1.2.840.113549.1.1.13", hashes.SHA512()),
    "EDDSA_25519": ("1.3.101.112", hashes.SHA512()),  # which it makes itself
    "EDDSA_448": ("1.3.101.113", hashes.SHAKE256(114)),
}
"""How a key of each kind signs a request (RFC 5758, RFC 4055, RFC 8410)."""


@dataclass(frozen=True)
class RequesterInfo:
    """What a requester wants in a certificate signing request.

    Attributes:
        subject: the name, DER; empty: the device's own.
        attributes: attributes, DER, but for the one that asks for extensions.
        extensions: the extensions asked for, DER, each with its identifier.
    """

    subject: bytes = b""
    attributes: tuple[bytes, ...] = ()
    extensions: tuple[tuple[str, bytes], ...] = ()


NOTHING = RequesterInfo()


def read_requester_info(data: bytes) -> RequesterInfo:
    """Read a RequesterInfo; empty bytes ask for nothing. Raises PkiError for anything malformed.

    libspdm looks at its elements' tags (`library/spdm_crypt_lib/libspdm_crypt_cert.c`,
    `libspdm_verify_req_info`); here each element must be whole as well, and each attribute what
    X.501 says it is.
    """
    if not data:
        return NOTHING
    outer = der.read(data)
    if outer.tag != der.SEQUENCE or outer.end != len(data):
        raise PkiError("RequesterInfo is not one SEQUENCE")
    parts = der.children(outer.content)
    tags = [part.tag for part in parts]
    if tags != [_INTEGER, der.SEQUENCE, der.SEQUENCE, _ATTRIBUTES]:
        told = ", ".join(f"{tag:#04x}" for tag in tags)
        raise PkiError(f"RequesterInfo has elements {told}; version, name, key, attributes needed")
    version, name, _, attributes = parts
    if version.content != b"\0":
        raise PkiError(f"RequesterInfo is of version {version.content.hex()}; 0 is the only one")
    for element in der.children(name.content):
        if element.tag != _SET:
            raise PkiError("the subject of RequesterInfo is no name")
    kept: list[bytes] = []
    extensions: list[tuple[str, bytes]] = []
    for attribute in der.children(attributes.content):
        identifier, values = _attribute(attribute)
        if identifier == _OID_EXTENSION_REQUEST:
            extensions += _extensions(values)
        else:
            kept.append(der.encode(attribute.tag, attribute.content))
    subject = der.encode(der.SEQUENCE, name.content) if name.content else b""
    return RequesterInfo(subject, tuple(kept), tuple(extensions))


def _attribute(attribute: der.Element) -> tuple[str, bytes]:
    """Its identifier, and the content of its set of values."""
    parts = der.children(attribute.content) if attribute.tag == der.SEQUENCE else ()
    if [part.tag for part in parts] != [der.OBJECT_IDENTIFIER, _SET] or not parts[1].content:
        raise PkiError("an attribute of RequesterInfo is no identifier with a set of values")
    der.children(parts[1].content)
    return der.decode_oid(der.encode(der.OBJECT_IDENTIFIER, parts[0].content)), parts[1].content


def _extensions(values: bytes) -> list[tuple[str, bytes]]:
    """The extensions that the attribute asks for."""
    listed = der.children(values)
    if [one.tag for one in listed] != [der.SEQUENCE]:
        raise PkiError("the extension request of RequesterInfo is not one list")
    found: list[tuple[str, bytes]] = []
    for extension in der.children(listed[0].content):
        parts = der.children(extension.content) if extension.tag == der.SEQUENCE else ()
        tags = [part.tag for part in parts]
        plain = [der.OBJECT_IDENTIFIER, _OCTET_STRING]
        if tags not in (plain, [plain[0], _BOOLEAN, plain[1]]):
            raise PkiError("an extension that RequesterInfo asks for is none")
        identifier = der.decode_oid(der.encode(der.OBJECT_IDENTIFIER, parts[0].content))
        found.append((identifier, der.encode(der.SEQUENCE, extension.content)))
    return found


def certificate_request(
    key: SigningKey,
    *,
    common_name: str,
    san: str,
    generic: bool = False,
    wanted: RequesterInfo = NOTHING,
) -> bytes:
    """The DER request for a certificate of `key`, signed with it.

    Args:
        key: the key to be certified.
        common_name: the subject's, where the requester wants no other.
        san: the PCIe CMA name, which Linux looks for in the subjectAltName.
        generic: the certificate is to be an ordinary one, without SPDM's identifiers.
        wanted: what the requester wants.
    """
    own = _own_extensions(san, generic=generic)
    taken = {identifier for identifier, _ in own}
    more = [one for one in wanted.extensions if one[0] not in taken]
    listed = der.encode(der.SEQUENCE, *(data for _, data in (*own, *more)))
    asked = der.encode(
        der.SEQUENCE, der.encode_oid(_OID_EXTENSION_REQUEST), der.encode(_SET, listed)
    )
    # DER orders the members of a SET by their encodings (X.690 §11.6).
    attributes = sorted((*wanted.attributes, asked))
    info = der.encode(
        der.SEQUENCE,
        der.encode(_INTEGER, b"\0"),
        wanted.subject or _name(common_name),
        key.public.spki,
        der.encode(_ATTRIBUTES, *attributes),
    )
    algorithm, signature = _sign(key, info)
    return der.encode(der.SEQUENCE, info, algorithm, der.encode(_BIT_STRING, b"\0", signature))


def _name(common_name: str) -> bytes:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]).public_bytes()
    except ValueError as error:
        raise PkiError(f"common name {common_name!r}: {error}") from error


def _own_extensions(san: str, *, generic: bool) -> Sequence[tuple[str, bytes]]:
    """What a leaf needs for libspdm and Linux alike; see `pki/issue.py`."""
    name = x509.OtherName(der.oid(OID_CMA_NAME), der.encode_text(san))
    signs = dict.fromkeys(
        (
            *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    kinds: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.KeyUsage(digital_signature=True, **signs), True),
        (x509.SubjectAlternativeName([name]), False),
    ]
    if not generic:
        identity = der.encode(der.SEQUENCE, der.encode_oid(OID_HARDWARE_IDENTITY))
        value = der.encode(der.SEQUENCE, identity)
        kinds += [
            (x509.ExtendedKeyUsage([der.oid(OID_RESPONDER_AUTH)]), False),
            (x509.UnrecognizedExtension(der.oid(OID_SPDM_EXTENSION), value), False),
        ]
    return [
        (kind.oid.dotted_string, _extension(kind, critical=critical)) for kind, critical in kinds
    ]


def _extension(kind: x509.ExtensionType, *, critical: bool) -> bytes:
    flag = der.encode(_BOOLEAN, _CRITICAL) if critical else b""
    value = der.encode(_OCTET_STRING, kind.public_bytes())
    return der.encode(der.SEQUENCE, der.encode_oid(kind.oid.dotted_string), flag, value)


def _sign(key: SigningKey, data: bytes) -> tuple[bytes, bytes]:
    """The AlgorithmIdentifier, and the signature over `data`; deterministic, whatever the key."""
    oid, algorithm = _ALGORITHMS[key.public.key_type]
    parameters = b""
    match key.pyca:
        case rsa.RSAPrivateKey() as private:
            parameters = _NULL
            signature = private.sign(data, padding.PKCS1v15(), algorithm)
        case ec.EllipticCurvePrivateKey() as private:
            signature = private.sign(data, ec.ECDSA(algorithm, deterministic_signing=True))
        case edwards:
            signature = edwards.sign(data)
    return der.encode(der.SEQUENCE, der.encode_oid(oid), parameters), signature
