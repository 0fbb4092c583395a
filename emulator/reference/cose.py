"""A signed CoRIM: COSE_Sign1 (CBOR tag 18) around an unsigned one.

Source: RFC 9052 (COSE_Sign1, Sig_structure), RFC 9360 (x5chain) and draft-ietf-rats-corim
(`protected-corim-header-map`). A signature by ECDSA is as in SPDM: both numbers, one after the
other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import cbor2

from emulator.crypto import hashes
from emulator.crypto.certificate import Certificate
from emulator.crypto.keys import SigningKey
from emulator.errors import BadReference, PkiError
from emulator.reference.corim import decoded, is_array

SIGN1 = 18
"""The CBOR tag of COSE_Sign1."""

CONTENT_TYPE = "application/rim+cbor"

_ALGORITHMS = {
    -7: ("ECDSA_P256", "SHA_256"),
    -35: ("ECDSA_P384", "SHA_384"),
    -36: ("ECDSA_P521", "SHA_512"),
}
_ALGORITHM, _CONTENT_TYPE, _KEY_ID, _META, _X5CHAIN = 1, 3, 4, 8, 33
_SIGNER = _SIGNER_NAME = 0
_PARTS = 4


@dataclass
class _ToSign:
    """The Sig_structure, for the signature schemes of SPDM."""

    hash: str
    protected: bytes
    payload: bytes
    context: str = "Signature1"

    def message(self) -> bytes:
        """The Sig_structure's bytes."""
        return cbor2.dumps([self.context, self.protected, b"", self.payload])

    def digest(self) -> bytes:
        """Their hash."""
        return hashes.digest(self.hash, self.message())


def sign(corim: bytes, key: SigningKey, certificate: bytes, *, signer: str) -> bytes:
    """A signed CoRIM.

    Args:
        corim: the unsigned one.
        key: an ECDSA key.
        certificate: its certificate, DER.
        signer: the signer's name.

    Raises BadReference for a key of another kind.
    """
    number = next((n for n, (name, _) in _ALGORITHMS.items() if name == key.scheme), None)
    if number is None:
        raise BadReference(f"a {key.scheme} key where one for ECDSA is needed")
    meta = cbor2.dumps({_SIGNER: {_SIGNER_NAME: signer}})
    key_id = hashes.digest("SHA_256", key.public.spki)
    header = {_ALGORITHM: number, _CONTENT_TYPE: CONTENT_TYPE, _KEY_ID: key_id, _META: meta}
    protected = cbor2.dumps(header, canonical=True)
    signature = key.sign(_ToSign(_ALGORITHMS[number][1], protected, corim))
    return cbor2.dumps(cbor2.CBORTag(SIGN1, [protected, {_X5CHAIN: certificate}, corim, signature]))


def verified(data: bytes, trust: Sequence[bytes], *, at: datetime) -> bytes:
    """The unsigned CoRIM in a signed one.

    Args:
        data: the signed one.
        trust: trusted certificates, DER.
        at: when its certificate must be valid, timezone-aware.

    Raises BadReference unless a certificate that is trusted, or issued by one that is, signed it.
    """
    item = decoded(data)
    parts: Any = item.value if isinstance(item, cbor2.CBORTag) and item.tag == SIGN1 else None
    if not is_array(parts, _PARTS):
        raise BadReference("expected a signed CoRIM (COSE_Sign1, tag 18)")
    protected, unprotected, payload, signature = parts
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
        raise BadReference("a COSE_Sign1 whose parts are no bytes")
    header = decoded(protected)
    algorithm = header.get(_ALGORITHM) if isinstance(header, Mapping) else None
    if not isinstance(algorithm, int) or algorithm not in _ALGORITHMS:
        raise BadReference(f"signature algorithm {algorithm}, expected ES256, ES384 or ES512")
    scheme, hash_name = _ALGORITHMS[algorithm]
    certificate = _signer(unprotected, trust, at)
    key = certificate.key
    if key is None or scheme not in key.schemes:
        raise BadReference(f"the signer has no {scheme} key")
    if not key.under(scheme).verify(signature, _ToSign(hash_name, protected, payload)):
        raise BadReference(f"the signature is not {certificate.subject}'s over it")
    whole: bytes = payload
    return whole


def _signer(unprotected: Any, trust: Sequence[bytes], at: datetime) -> Certificate:
    """The certificate that came with it, if it may be believed."""
    told = unprotected.get(_X5CHAIN) if isinstance(unprotected, Mapping) else None
    first = told[0] if is_array(told) and told else told
    if not isinstance(first, bytes):
        raise BadReference("no certificate of its signer (x5chain)")
    try:
        certificate = Certificate.parse(first)
        anchors = [Certificate.parse(one) for one in trust]
    except PkiError as error:
        raise BadReference(f"the signer's certificate: {error}") from error
    by = next((one for one in anchors if certificate.names_issuer(one)), None)
    if first not in trust and (by is None or certificate.signature_problem(by)):
        raise BadReference(f"{certificate.subject} is not issued by a trusted certificate")
    if not certificate.not_before <= at <= certificate.not_after:
        raise BadReference(f"the certificate of {certificate.subject} is not valid at {at}")
    return certificate
