"""RSASSA (PKCS#1 v1.5) and RSAPSS, as wide as the modulus, most significant byte first.

PSS salts are as long as the hash and MGF1 uses the same hash (libspdm
`os_stub/cryptlib_openssl/pk/rsa_ext.c`, RSA_PSS_SALTLEN_DIGEST). `cryptography` draws the salts
itself: an RSAPSS signature is another one each time, also in a seeded run.
"""

import hashlib
import math
from itertools import count
from typing import Literal

from Crypto.Math.Primality import PROBABLY_PRIME, test_probable_prime
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from emulator.crypto import hashes
from emulator.crypto.scheme import Scheme, Sign, Signable, Verify

_EXPONENT = 65537
_PREHASHED = {name: Prehashed(algorithm) for name, algorithm in hashes.PYCA.items()}
_PADDINGS: dict[str, dict[str, padding.AsymmetricPadding]] = {
    "SSA": dict.fromkeys(hashes.NAMES, padding.PKCS1v15()),
    "PSS": {
        name: padding.PSS(padding.MGF1(algorithm), salt_length=algorithm.digest_size)
        for name, algorithm in hashes.PYCA.items()
    },
}


class Rsa(Scheme):
    """RSA of one modulus size with one padding; both paddings share a key."""

    slow = True

    def __init__(self, kind: Literal["SSA", "PSS"], bits: int) -> None:
        self._bits = bits
        self._paddings = _PADDINGS[kind]
        super().__init__(f"RSA{kind}_{bits}", f"RSA_{bits}", bits // 8)

    def fits(self, key: object) -> bool:
        """Whether `key` has a modulus of this size."""
        return isinstance(key, rsa.RSAPublicKey) and key.key_size == self._bits

    def derive(self, secret: bytes) -> rsa.RSAPrivateKey:
        """Two primes from SHAKE-256; this takes up to seconds.

        The key belongs to both paddings, so it depends on the size alone.
        """
        material = self.key_type.encode() + b"\x00" + secret
        p, q = (_prime(role + b"\x00" + material, self._bits // 2) for role in (b"p", b"q"))
        d = pow(_EXPONENT, -1, math.lcm(p - 1, q - 1))
        public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
        numbers = rsa.RSAPrivateNumbers(
            p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), public
        )
        # What OpenSSL would test again, for half a second, is so by construction.
        return numbers.private_key(unsafe_skip_rsa_key_validation=True)

    def signer(self, key: rsa.RSAPrivateKey) -> Sign:
        """Signs the digest."""
        paddings = self._paddings

        def sign(signed: Signable) -> bytes:
            name = signed.hash
            return key.sign(signed.digest(), paddings[name], _PREHASHED[name])

        return sign

    def verifier(self, key: rsa.RSAPublicKey) -> Verify:
        """Verifies against the digest."""
        paddings = self._paddings

        def verify(signature: bytes, signed: Signable) -> bool:
            name = signed.hash
            try:
                key.verify(signature, signed.digest(), paddings[name], _PREHASHED[name])
            except InvalidSignature:
                return False
            return True

        return verify


def _prime(material: bytes, bits: int) -> int:
    """The first fit prime from a start that SHAKE-256 draws; the same on every machine.

    Two top bits make the product of two such primes exactly twice as long.
    """
    drawn = int.from_bytes(hashlib.shake_256(material).digest(bits // 8), "big")
    start = drawn | (0b11 << (bits - 2)) | 1
    draws = count()

    def bases(size: int) -> bytes:
        """Bytes that are new at each call: the test draws again until they suit it."""
        return hashlib.shake_256(material + b"\x00base %d" % next(draws)).digest(size)

    return next(
        candidate
        for candidate in count(start, 2)
        if math.gcd(candidate - 1, _EXPONENT) == 1
        and test_probable_prime(candidate, bases) == PROBABLY_PRIME
    )


SCHEMES = tuple(Rsa(kind, bits) for bits in (2048, 3072, 4096) for kind in ("SSA", "PSS"))
