"""What came from a requester and does not fit, and whether an attempt gives it."""

from dataclasses import dataclass
from typing import Literal, Protocol

from emulator.crypto import hashes, kdf
from emulator.crypto.aead import TAG_SIZE, Aead
from emulator.crypto.keys import VerifyingKey
from emulator.spdm.doctor.attempt import Attempt
from emulator.spdm.secured import Format, Traffic
from emulator.spdm.session_transcript import digest
from emulator.spdm.signing import combined_prefix

_ID_SIZE = 4
_LENGTH_SIZE = 2


class Evidence(Protocol):
    """Bytes that came."""

    def reads(self, attempt: Attempt) -> tuple[object, ...]:
        """What of an attempt they depend on."""
        ...

    def fits(self, attempt: Attempt) -> bool:
        """Whether the attempt gives these bytes."""
        ...


@dataclass(frozen=True, slots=True)
class VerifyData:
    """The verify data of FINISH or PSK_FINISH."""

    raw: bytes

    def reads(self, attempt: Attempt) -> tuple[object, ...]:
        """The handshake's half of the key schedule, and its two transcripts."""
        return attempt.recipe, attempt.shared, attempt.exchange, attempt.finish

    def fits(self, attempt: Attempt) -> bool:
        """Whether its finished key makes this over its transcript."""
        recipe = attempt.recipe
        key = recipe.finished_key(recipe.handshake(attempt.shared), attempt.exchange)
        made = recipe.verify_data(key, attempt.finish)
        return kdf.same(made[: len(self.raw)], self.raw)


@dataclass(frozen=True, slots=True)
class FirstRecord:
    """The first record under a key.

    Attributes:
        raw: the record.
        form: how the transport writes it.
        encrypted: it encrypts; otherwise it only authenticates.
        stage: `hs` for the handshake's key, `app` for the data's.
    """

    raw: bytes
    form: Format
    encrypted: bool
    stage: Literal["hs", "app"]

    def reads(self, attempt: Attempt) -> tuple[object, ...]:
        """The key schedule with the stage's transcript, and how records are made."""
        handshake = self.stage == "hs"
        view = attempt.exchange if handshake else (attempt.whole, attempt.handshake_keys)
        return attempt.recipe, attempt.shared, view, attempt.sequence, attempt.bound

    def fits(self, attempt: Attempt) -> bool:
        """Whether it opens with the attempt's keys."""
        if self.stage == "hs" and attempt.handshake_keys:
            return False  # which is no mistake there
        recipe, start = attempt.recipe, self.form.header_size()
        header = self.raw[:start]
        length = int.from_bytes(header[-_LENGTH_SIZE:], "little")
        if not TAG_SIZE <= length <= len(self.raw) - start:
            return False
        secret = recipe.handshake(attempt.shared)
        if self.stage == "hs" or attempt.handshake_keys:
            secret = recipe.requester(secret, "hs", attempt.exchange)
        else:
            secret = recipe.requester(recipe.master(secret), "app", attempt.whole)
        aead = attempt.facts.aead
        key, iv = recipe.traffic(secret, aead)
        traffic = Traffic(Aead(aead, key), bytearray(iv), attempt.sequence)
        bound = {"header": header, "session id": header[:_ID_SIZE], "nothing": b""}[attempt.bound]
        body = self.raw[start : start + length]
        if not self.encrypted:
            bound, body = bound + body[:-TAG_SIZE], body[-TAG_SIZE:]
        return traffic.aead.open(traffic.nonce(), bound, body) is not None


@dataclass(frozen=True, slots=True)
class Signature:
    """The signature of a FINISH with mutual authentication.

    Attributes:
        raw: the signature.
        key: the key of the requester's certificate.
    """

    raw: bytes
    key: VerifyingKey

    def reads(self, attempt: Attempt) -> tuple[object, ...]:
        """What is signed."""
        return attempt.recipe.hash, attempt.finish, attempt.prefix, attempt.context

    def fits(self, attempt: Attempt) -> bool:
        """Whether it is the key's over what the attempt signs."""
        return self.key.verify(self.raw, _Signed(attempt))


class _Signed:
    """What an attempt signs, for a scheme (as `ToSign`, but with a prefix of any version)."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self.hash = attempt.recipe.hash
        self.context = attempt.context

    def message(self) -> bytes:
        attempt = self._attempt
        if not attempt.prefix:
            return b"".join(entry.raw for entry in attempt.finish)
        covered = digest(self.hash, attempt.finish)
        return combined_prefix(attempt.prefix, self.context) + covered

    def digest(self) -> bytes:
        return hashes.digest(self.hash, self.message())
