"""What a device signed, put together from what was said and verified without the product's code."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from devices import Peer, chain

CONTEXTS = {
    0x83: b"responder-challenge_auth signing",
    0xE0: b"responder-measurements signing",
}
_HASHES: dict[str, tuple[Callable[[bytes], Any], hashes.HashAlgorithm]] = {
    "SHA_256": (hashlib.sha256, hashes.SHA256()),
    "SHA_384": (hashlib.sha384, hashes.SHA384()),
}
_WIDTH = {"ECDSA_P256": 32, "ECDSA_P384": 48}

Exchange = tuple[bytes, bytes]


def verify(
    covered: Iterable[Exchange],
    *,
    scheme: str = "ECDSA_P384",
    hash_name: str = "SHA_384",
    slot: int = 0,
) -> None:
    """Verify the last reply's signature over these exchanges; raises InvalidSignature."""
    exchanges = list(covered)
    request, reply = exchanges[-1]
    width = _WIDTH[scheme]
    signature = reply[-2 * width :]
    log = b"".join(one + other for one, other in exchanges)[: -2 * width]
    digest, algorithm = _HASHES[hash_name]
    context = CONTEXTS[request[1]]
    prefix = b"dmtf-spdm-v1.%d.*" % (request[0] & 0xF) * 4 + bytes(36 - len(context)) + context
    message = prefix + digest(log).digest()
    leaf = x509.load_der_x509_certificate(chain(scheme, slot).certificates[-1])
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    r, s = (int.from_bytes(half, "big") for half in (signature[:width], signature[width:]))
    key.verify(encode_dss_signature(r, s), message, ec.ECDSA(algorithm))


def said(peer: Peer, *numbers: int) -> list[Exchange]:
    """The exchanges of these numbers; negative ones count from the last."""
    return [peer.said[number] for number in numbers]
