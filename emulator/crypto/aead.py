"""Authenticated encryption of secured messages, by the names of the algorithm table.

All have a nonce of 12 bytes and a tag of 16 (libspdm
`library/spdm_crypt_lib/libspdm_crypt_aead.c`).
A cipher keeps a copy of its key inside `cryptography`, which is gone with the cipher.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

NONCE_SIZE = 12
TAG_SIZE = 16


class _Cipher(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


@dataclass(frozen=True)
class Suite:
    """An AEAD algorithm.

    Attributes:
        name: its name in the algorithm table.
        key_size: bytes of its key.
        make: the cipher of a key.
    """

    name: str
    key_size: int
    make: Callable[[bytes | bytearray], _Cipher]


SUITES = {
    suite.name: suite
    for suite in (
        Suite("AES_128_GCM", 16, AESGCM),
        Suite("AES_256_GCM", 32, AESGCM),
        Suite("CHACHA20_POLY1305", 32, ChaCha20Poly1305),
    )
}
"""The algorithms that can be computed."""


class Aead:
    """One key of one algorithm."""

    __slots__ = ("_cipher",)

    def __init__(self, name: str, key: bytes | bytearray) -> None:
        """Raises KeyError for an unknown name and ValueError for a key of another size."""
        suite = SUITES[name]
        if len(key) != suite.key_size:
            raise ValueError(f"{len(key)} bytes of key where {name} needs {suite.key_size}")
        self._cipher = suite.make(key)

    def seal(self, nonce: bytes, associated: bytes, plain: bytes) -> bytes:
        """The ciphertext and, behind it, the tag over both; the tag alone for no plain text."""
        return self._cipher.encrypt(nonce, plain, associated)

    def open(self, nonce: bytes, associated: bytes, sealed: bytes) -> bytes | None:
        """The plain text, or None where the tag is not over these bytes under this key."""
        try:
            return self._cipher.decrypt(nonce, sealed, associated)
        except InvalidTag:
            return None
