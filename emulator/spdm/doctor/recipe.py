"""The key schedule as somebody may have it: every step that can go wrong is a value.

With the values of `right` it is the schedule of `emulator/spdm/key_schedule.py`, in which nothing
can be varied.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from emulator.crypto import hashes, kdf
from emulator.crypto.aead import NONCE_SIZE, SUITES
from emulator.spdm.session_transcript import digest
from emulator.spdm.transcript import Entry
from emulator.spdm.versions import Version, rules

Covered = Literal["hash", "hash twice", "transcript", "nothing"]
"""What stands for a transcript: its hash, where all is right."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way from a shared secret to keys and verify data.

    Attributes:
        hash: the hash of all steps.
        salt: salt 0.
        prefix: what stands before each label.
        length: how the length of BinConcat is written; None: it is left out.
        request: the word of the requester's direction.
        finished: the label of the finished key; None: the direction's secret is the key.
        finished_by: the word of the direction whose secret gives the finished key; '': `request`.
        extract: how the first extraction is made; 'none': there is none.
        context: what of a transcript stands in labels.
        proven: what of a transcript verify data is made over.
        derived: how salt 1 is made; 'none': there is no second extraction.
        zeros: the input of the second extraction is zeros, and not empty.
        key_length: the length that BinConcat of the AEAD key has; None: the key's.
        labels: what the labels of AEAD key and IV are.
    """

    hash: str
    salt: bytes
    prefix: str
    length: Literal["little", "big"] | None = "little"
    request: str = "req"
    finished: str | None = "finished"
    finished_by: str = ""
    extract: Literal["salted", "swapped", "none"] = "salted"
    context: Covered = "hash"
    proven: Covered = "hash"
    derived: Literal["derived", "handshake", "hashed", "zeros", "none"] = "derived"
    zeros: bool = True
    key_length: int | None = None
    labels: tuple[str, str] = ("key", "iv")

    @classmethod
    def right(cls, version: int, hash_name: str, *, psk: bool) -> "Recipe":
        """The schedule as it is to be (salt 0 as in `KeySchedule.handshake`)."""
        ones = psk and rules(version).psk_salt_ones
        salt = (b"\xff" if ones else b"\0") * hashes.size(hash_name)
        return cls(hash_name, salt, prefix=f"spdm{Version(version).text} ")

    def handshake(self, shared: bytes) -> bytes:
        """The handshake secret."""
        if self.extract == "none":
            return shared
        first, second = self.salt, shared
        if self.extract == "swapped":
            first, second = second, first
        return bytes(kdf.extract(self.hash, first, second))

    def requester(self, secret: bytes, stage: str, view: Iterable[Entry]) -> bytes:
        """The requester's secret of a stage, `hs` or `app`."""
        return self._direction(self.request, secret, stage, view)

    def finished_key(self, secret: bytes, view: Iterable[Entry]) -> bytes:
        """The requester's finished key, from the handshake secret."""
        own = self._direction(self.finished_by or self.request, secret, "hs", view)
        return own if self.finished is None else self._expand(own, self.finished)

    def verify_data(self, key: bytes, view: Iterable[Entry]) -> bytes:
        """Verify data over a transcript."""
        return kdf.hmac(self.hash, key, self._cover(self.proven, view))

    def master(self, secret: bytes) -> bytes:
        """The master secret, from the handshake secret."""
        size = hashes.size(self.hash)
        if self.derived == "none":
            return secret
        if self.derived == "handshake":
            salt = secret
        elif self.derived == "zeros":
            salt = bytes(size)
        else:
            context = hashes.digest(self.hash) if self.derived == "hashed" else b""
            salt = self._expand(secret, "derived", context)
        return bytes(kdf.extract(self.hash, salt, bytes(size if self.zeros else 0)))

    def traffic(self, secret: bytes, aead: str) -> tuple[bytes, bytes]:
        """AEAD key and IV."""
        size = SUITES[aead].key_size
        key, iv = self.labels
        told = size if self.key_length is None else self.key_length
        made = kdf.expand(self.hash, secret, self._info(key, told, b""), size)
        info = self._info(iv, NONCE_SIZE, b"")
        return bytes(made), bytes(kdf.expand(self.hash, secret, info, NONCE_SIZE))

    def _direction(self, way: str, secret: bytes, stage: str, view: Iterable[Entry]) -> bytes:
        return self._expand(secret, f"{way} {stage} data", self._cover(self.context, view))

    def _cover(self, what: Covered, view: Iterable[Entry]) -> bytes:
        if what == "transcript":
            return b"".join(entry.raw for entry in view)
        if what == "nothing":
            return b""
        once = digest(self.hash, view)
        return hashes.digest(self.hash, once) if what == "hash twice" else once

    def _info(self, label: str, length: int, context: bytes) -> bytes:
        written = b"" if self.length is None else length.to_bytes(2, self.length)
        return written + f"{self.prefix}{label}".encode() + context

    def _expand(self, secret: bytes, label: str, context: bytes = b"") -> bytes:
        size = hashes.size(self.hash)
        return bytes(kdf.expand(self.hash, secret, self._info(label, size, context), size))
