"""EdDSA: R‖S over the message itself, not its digest (libspdm `os_stub/cryptlib_*/pk/ecd.c`).

Ed25519 is signed without a context; Ed448 with SPDM's signing context string as its context
(libspdm `library/spdm_crypt_lib/libspdm_crypt_asym.c`, `libspdm_asym_sign`). `cryptography` gives
Ed448 no context, so PyCryptodome signs there. Both are deterministic (RFC 8032).
"""

import hashlib

from Crypto.Signature import eddsa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519

from emulator.crypto.scheme import Scheme, Sign, Signable, Verify


class Ed25519(Scheme):
    """EDDSA_25519."""

    def __init__(self) -> None:
        super().__init__("EDDSA_25519", "EDDSA_25519", 64)

    def fits(self, key: object) -> bool:
        """Whether `key` is an Ed25519 key."""
        return isinstance(key, ed25519.Ed25519PublicKey)

    def derive(self, secret: bytes) -> ed25519.Ed25519PrivateKey:
        """32 bytes from SHAKE-256."""
        return ed25519.Ed25519PrivateKey.from_private_bytes(_draw(self.name, secret, 32))

    def signer(self, key: ed25519.Ed25519PrivateKey) -> Sign:
        """Signs the message."""
        return lambda signed: key.sign(signed.message())

    def verifier(self, key: ed25519.Ed25519PublicKey) -> Verify:
        """Verifies against the message."""

        def verify(signature: bytes, signed: Signable) -> bool:
            try:
                key.verify(signature, signed.message())
            except InvalidSignature:
                return False
            return True

        return verify


class Ed448(Scheme):
    """EDDSA_448."""

    def __init__(self) -> None:
        super().__init__("EDDSA_448", "EDDSA_448", 114)

    def fits(self, key: object) -> bool:
        """Whether `key` is an Ed448 key."""
        return isinstance(key, ed448.Ed448PublicKey)

    def derive(self, secret: bytes) -> ed448.Ed448PrivateKey:
        """57 bytes from SHAKE-256."""
        return ed448.Ed448PrivateKey.from_private_bytes(_draw(self.name, secret, 57))

    def signer(self, key: ed448.Ed448PrivateKey) -> Sign:
        """Signs the message in its context."""
        own = eddsa.import_private_key(key.private_bytes_raw())

        def sign(signed: Signable) -> bytes:
            context = signed.context.encode()
            return eddsa.new(own, "rfc8032", context=context).sign(signed.message())

        return sign

    def verifier(self, key: ed448.Ed448PublicKey) -> Verify:
        """Verifies against the message in its context."""
        own = eddsa.import_public_key(key.public_bytes_raw())

        def verify(signature: bytes, signed: Signable) -> bool:
            context = signed.context.encode()
            try:
                eddsa.new(own, "rfc8032", context=context).verify(signed.message(), signature)
            except ValueError:
                return False
            return True

        return verify


def _draw(name: str, secret: bytes, size: int) -> bytes:
    return hashlib.shake_256(name.encode() + b"\x00" + secret).digest(size)


SCHEMES = (Ed25519(), Ed448())
