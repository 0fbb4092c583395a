"""Signatures recorded and played back, for runs whose signatures are others each time.

ECDSA, RSASSA and EdDSA give the same bytes for the same message, so a seed repeats a run. RSAPSS
does not: `cryptography` draws its salts itself. What a `RecordingKey` signed, a `RecordedKey` gives
again, as `entropy.Recorded` gives draws. Signatures are found by what was signed, so it does not
matter in which order they were computed.
"""

from collections import defaultdict, deque

from emulator.crypto.keys import SigningKey
from emulator.crypto.scheme import Signable
from emulator.errors import EmulatorError

_Signed = tuple[str, bytes]


class Signatures:
    """The signatures of a run, by scheme and message."""

    def __init__(self) -> None:
        self._made: defaultdict[_Signed, list[bytes]] = defaultdict(list)
        self._left: dict[_Signed, deque[bytes]] | None = None

    def __len__(self) -> int:
        return sum(map(len, self._made.values()))

    def add(self, scheme: str, message: bytes, signature: bytes) -> None:
        """Keep a signature."""
        self._made[scheme, message].append(signature)

    def rewind(self) -> None:
        """Play from the beginning."""
        self._left = {signed: deque(made) for signed, made in self._made.items()}

    def next(self, scheme: str, message: bytes) -> bytes:
        """The next signature over a message. Raises EmulatorError where there is none left."""
        if self._left is None:
            self.rewind()
        left = (self._left or {}).get((scheme, message))
        if not left:
            raise EmulatorError(f"the record has no {scheme} signature left over this message")
        return left.popleft()


class RecordingKey(SigningKey):
    """Signs as the key it is made of, and keeps what it signed."""

    def __init__(self, key: SigningKey, record: Signatures) -> None:
        super().__init__(key.pyca, key.scheme)
        self._record = record

    def sign(self, signed: Signable) -> bytes:
        """The signature over `signed`, which is kept."""
        signature = super().sign(signed)
        self._record.add(self.scheme, signed.message(), signature)
        return signature

    def under(self, scheme: str) -> SigningKey:
        """This key under `scheme`, with the same record."""
        return self if scheme == self.scheme else RecordingKey(super().under(scheme), self._record)


class RecordedKey(RecordingKey):
    """Signs with what a `RecordingKey` kept."""

    def sign(self, signed: Signable) -> bytes:
        """The signature recorded next. Raises EmulatorError where there is none left."""
        return self._record.next(self.scheme, signed.message())

    def under(self, scheme: str) -> SigningKey:
        """This key under `scheme`, with the same record."""
        return self if scheme == self.scheme else RecordedKey(super().under(scheme), self._record)
