"""Signing and verifying keys, by the signature schemes of the algorithm table.

ECDSA signatures are r‖s, each as wide as the curve's order (libspdm `os_stub/cryptlib_*/pk/ec.c`);
they are deterministic (RFC 6979), so a seeded run sends the same bytes twice.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from emulator.errors import PkiError


@dataclass(frozen=True)
class _Curve:
    """What is needed of one ECDSA curve: its order bounds derived keys."""

    curve: ec.EllipticCurve
    width: int
    order: int


_CURVES = {
    "ECDSA_P256": _Curve(
        ec.SECP256R1(),
        32,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    "ECDSA_P384": _Curve(
        ec.SECP384R1(),
        48,
        int(
            "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
            "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
            16,
        ),
    ),
}
_SCHEME_OF_CURVE = {entry.curve.name: scheme for scheme, entry in _CURVES.items()}
_SIGN = {
    "SHA_256": ec.ECDSA(Prehashed(hashes.SHA256()), deterministic_signing=True),
    "SHA_384": ec.ECDSA(Prehashed(hashes.SHA384()), deterministic_signing=True),
}
_VERIFY = {
    "SHA_256": ec.ECDSA(Prehashed(hashes.SHA256())),
    "SHA_384": ec.ECDSA(Prehashed(hashes.SHA384())),
}

SCHEMES = tuple(_CURVES)


class VerifyingKey:
    """A public key that checks SPDM signatures."""

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key
        self.scheme = _scheme(key.curve)

    @property
    def pyca(self) -> ec.EllipticCurvePublicKey:
        """The key as `cryptography` knows it, for `pki` only."""
        return self._key

    @cached_property
    def spki(self) -> bytes:
        """The DER SubjectPublicKeyInfo."""
        return self._key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def verify(self, signature: bytes, digest: bytes, hash_name: str) -> bool:
        """Whether `signature` (r‖s) is this key's over `digest`, a hash by `hash_name`."""
        width = _CURVES[self.scheme].width
        if len(signature) != 2 * width:
            return False
        der = encode_dss_signature(
            int.from_bytes(signature[:width], "big"), int.from_bytes(signature[width:], "big")
        )
        try:
            self._key.verify(der, digest, _VERIFY[hash_name])
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key that makes SPDM signatures."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.scheme = _scheme(key.curve)
        self._width = _CURVES[self.scheme].width
        self.public = VerifyingKey(key.public_key())

    @property
    def pyca(self) -> ec.EllipticCurvePrivateKey:
        """The key as `cryptography` knows it, for `pki` only."""
        return self._key

    @classmethod
    def derive(cls, scheme: str, secret: bytes) -> "SigningKey":
        """The key that `secret` always gives: an integer below the order, from SHAKE-256.

        Deriving from 16 bytes more than the order's width leaves a bias below 2^-128.
        """
        entry = _CURVES[scheme]
        wide = hashlib.shake_256(scheme.encode() + b"\x00" + secret).digest(entry.width + 16)
        number = int.from_bytes(wide, "big") % (entry.order - 1) + 1
        return cls(ec.derive_private_key(number, entry.curve))

    @classmethod
    def from_pem(cls, pem: bytes) -> "SigningKey":
        """Read an unencrypted PEM key. Raises PkiError for what is not an ECDSA key we know."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise PkiError(f"not an unencrypted PEM private key: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise PkiError(f"a {type(key).__name__} where an ECDSA key is needed")
        return cls(key)

    def to_pem(self) -> bytes:
        """The key as unencrypted PKCS#8 PEM."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def sign(self, digest: bytes, hash_name: str) -> bytes:
        """The signature r‖s over `digest`, a hash by `hash_name`."""
        r, s = decode_dss_signature(self._key.sign(digest, _SIGN[hash_name]))
        return r.to_bytes(self._width, "big") + s.to_bytes(self._width, "big")


def _scheme(curve: ec.EllipticCurve) -> str:
    scheme = _SCHEME_OF_CURVE.get(curve.name)
    if scheme is None:
        raise PkiError(f"curve {curve.name} where one of {', '.join(_SCHEME_OF_CURVE)} is needed")
    return scheme
