"""Ephemeral Diffie-Hellman: public values and shared secrets as KEY_EXCHANGE carries them.

A public value is X‖Y on a curve, and the number itself in a finite field (RFC 7919); every number
is big-endian and as wide as the group's prime, leading zeros kept. So is the shared secret, which
is X alone on a curve (libspdm `library/spdm_crypt_lib/libspdm_crypt_dhe.c`).
A private value is made of bytes that the caller draws, so that the same bytes give the same key.
`cryptography` is about to drop finite fields, so PyCryptodome does the powers there.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

from Crypto.Math.Numbers import Integer
from cryptography.hazmat.primitives.asymmetric import ec

from emulator.crypto.ffdhe import PRIMES, PRIVATE_BITS
from emulator.errors import InvalidRequest

_SPARE = 16
"""Bytes drawn beyond the width of the largest private value: they leave a bias below 2^-128."""

_GENERATOR = 2
_UNCOMPRESSED = b"\x04"

Agree = Callable[[bytes], bytearray]


class KeyPair:
    """One side's values of one exchange.

    Attributes:
        public: what goes to the peer.
    """

    __slots__ = ("_agree", "public")

    def __init__(self, public: bytes, agree: Agree) -> None:
        self.public = public
        self._agree = agree

    def shared(self, peer: bytes) -> bytearray:
        """The secret shared with the peer of this public value, `Group.secret_size` bytes.

        Raises InvalidRequest for a value of another size, or that is not one of the group's.
        """
        return self._agree(peer)


class Group(ABC):
    """A named group.

    Attributes:
        name: its name in the algorithm table.
        public_size: bytes of a public value.
        secret_size: bytes of a shared secret.
        drawn: how many random bytes `pair` takes.
        slow: its powers take so long that whoever else is served should not wait for them.
    """

    slow = False

    def __init__(self, name: str, public_size: int, secret_size: int, drawn: int) -> None:
        self.name = name
        self.public_size = public_size
        self.secret_size = secret_size
        self.drawn = drawn

    @abstractmethod
    def pair(self, drawn: bytes) -> KeyPair:
        """The key pair that `drawn` random bytes always give."""

    def _check_size(self, peer: bytes) -> None:
        if len(peer) != self.public_size:
            raise InvalidRequest(
                f"exchange data of {len(peer)} bytes where {self.name} has {self.public_size}"
            )


class _Curve(Group):
    """ECDH."""

    def __init__(self, name: str, curve: ec.EllipticCurve) -> None:
        self._curve = curve
        self._width = (curve.key_size + 7) // 8
        super().__init__(name, 2 * self._width, self._width, self._width + _SPARE)

    def pair(self, drawn: bytes) -> KeyPair:
        """A number from 1 to below the order, and its point."""
        number = int.from_bytes(drawn, "big") % (self._curve.group_order - 1) + 1
        private = ec.derive_private_key(number, self._curve)
        point = private.public_key().public_numbers()
        width = self._width

        def agree(peer: bytes) -> bytearray:
            self._check_size(peer)
            try:
                # This tests that the point is on the curve; one at infinity has no such form.
                public = ec.EllipticCurvePublicKey.from_encoded_point(
                    self._curve, _UNCOMPRESSED + peer
                )
            except ValueError as error:
                raise InvalidRequest(f"exchange data is no point of {self.name}") from error
            return bytearray(private.exchange(ec.ECDH(), public))

        return KeyPair(point.x.to_bytes(width, "big") + point.y.to_bytes(width, "big"), agree)


class _Field(Group):
    """Diffie-Hellman in a finite field of RFC 7919."""

    slow = True

    def __init__(self, name: str, prime: int) -> None:
        size = prime.bit_length() // 8
        self._bits = PRIVATE_BITS[name]
        super().__init__(name, size, size, (self._bits + 7) // 8)
        self._prime = prime

    def pair(self, drawn: bytes) -> KeyPair:
        """A number of exactly `PRIVATE_BITS` bits, and the generator to its power."""
        top = 1 << (self._bits - 1)
        number = int.from_bytes(drawn, "big") % top | top

        def agree(peer: bytes) -> bytearray:
            self._check_size(peer)
            value = int.from_bytes(peer, "big")
            # 0, 1 and p - 1 give a secret that everyone knows (RFC 7919 §5.1).
            if not 1 < value < self._prime - 1:
                raise InvalidRequest(f"exchange data is out of range for {self.name}")
            return bytearray(self._power(value, number))

        return KeyPair(self._power(_GENERATOR, number), agree)

    def _power(self, base: int, exponent: int) -> bytes:
        power = int(pow(Integer(base), exponent, self._prime))
        return power.to_bytes(self.public_size, "big")


GROUPS: dict[str, Group] = {
    group.name: group
    for group in (
        *(_Field(name, prime) for name, prime in PRIMES.items()),
        _Curve("SECP_256_R1", ec.SECP256R1()),
        _Curve("SECP_384_R1", ec.SECP384R1()),
        _Curve("SECP_521_R1", ec.SECP521R1()),
    )
}
"""The groups that can be computed."""
