"""ECDSA: r‖s, each as wide as the curve's order (libspdm `os_stub/cryptlib_*/pk/ec.c`).

Signatures are deterministic (RFC 6979), so a seeded run sends the same bytes twice.
"""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from emulator.crypto import hashes
from emulator.crypto.scheme import Scheme, Sign, Signable, Verify

_SIGN = {
    name: ec.ECDSA(Prehashed(algorithm), deterministic_signing=True)
    for name, algorithm in hashes.PYCA.items()
}
_VERIFY = {name: ec.ECDSA(Prehashed(algorithm)) for name, algorithm in hashes.PYCA.items()}


class Ecdsa(Scheme):
    """ECDSA on one curve; the curve's order bounds derived keys."""

    def __init__(self, name: str, curve: ec.EllipticCurve) -> None:
        self._curve = curve
        self._width = (curve.key_size + 7) // 8
        super().__init__(name, name, 2 * self._width)

    def fits(self, key: object) -> bool:
        """Whether `key` is a point of this curve."""
        return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == self._curve.name

    def derive(self, secret: bytes) -> ec.EllipticCurvePrivateKey:
        """An integer below the order, from SHAKE-256.

        Deriving from 16 bytes more than the order's width leaves a bias below 2^-128.
        """
        wide = hashlib.shake_256(self.name.encode() + b"\x00" + secret).digest(self._width + 16)
        number = int.from_bytes(wide, "big") % (self._curve.group_order - 1) + 1
        return ec.derive_private_key(number, self._curve)

    def signer(self, key: ec.EllipticCurvePrivateKey) -> Sign:
        """Signs the digest."""
        width = self._width

        def sign(signed: Signable) -> bytes:
            r, s = decode_dss_signature(key.sign(signed.digest(), _SIGN[signed.hash]))
            return r.to_bytes(width, "big") + s.to_bytes(width, "big")

        return sign

    def verifier(self, key: ec.EllipticCurvePublicKey) -> Verify:
        """Verifies against the digest."""
        width = self._width

        def verify(signature: bytes, signed: Signable) -> bool:
            if len(signature) != 2 * width:
                return False
            der = encode_dss_signature(
                int.from_bytes(signature[:width], "big"), int.from_bytes(signature[width:], "big")
            )
            try:
                key.verify(der, signed.digest(), _VERIFY[signed.hash])
            except InvalidSignature:
                return False
            return True

        return verify


SCHEMES = (
    Ecdsa("ECDSA_P256", ec.SECP256R1()),
    Ecdsa("ECDSA_P384", ec.SECP384R1()),
    Ecdsa("ECDSA_P521", ec.SECP521R1()),
)
