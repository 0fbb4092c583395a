"""What a signature scheme is: one class a family (`ecdsa.py`, `rsa.py`, `eddsa.py`).

A family prepares what a key needs once, in `signer` and `verifier`, so that signing itself is one
call. Which of the two forms of what is signed it takes, digest or message, is its own business.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

PublicKey = (
    ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
)
PrivateKey = (
    ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)


class Signable(Protocol):
    """What a signature is made over."""

    @property
    def hash(self) -> str:
        """The name of the negotiated hash."""

    @property
    def context(self) -> str:
        """The signing context string."""

    def digest(self) -> bytes:
        """The hash by `hash` of `message`."""

    def message(self) -> bytes:
        """What is signed by a scheme that hashes for itself."""


Sign = Callable[[Signable], bytes]
Verify = Callable[[bytes, Signable], bool]


class Scheme(ABC):
    """One signature algorithm of SPDM.

    Attributes:
        name: its name in the algorithm table.
        key_type: the kind of key it signs with; schemes of one kind can share a key.
        size: bytes of a signature.
        slow: a signature takes so long that whoever else is served should not wait for it.
    """

    slow = False

    def __init__(self, name: str, key_type: str, size: int) -> None:
        self.name = name
        self.key_type = key_type
        self.size = size

    @abstractmethod
    def fits(self, key: object) -> bool:
        """Whether `key`, a public key of `cryptography`, is one of this scheme."""

    @abstractmethod
    def derive(self, secret: bytes) -> PrivateKey:
        """The private key that `secret` always gives."""

    # `fits` has chosen the key, so its type is the family's own.
    @abstractmethod
    def signer(self, key: Any) -> Sign:
        """What makes signatures, as on the wire, with the private key `key`."""

    @abstractmethod
    def verifier(self, key: Any) -> Verify:
        """What tells whether a signature, as on the wire, is that of the public key `key`."""
