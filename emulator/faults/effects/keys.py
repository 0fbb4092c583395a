"""Stage secrets: what enters the key schedule of a session, and how secrets follow.

Both sides would have the same secrets; with one of these the device has others. An effect reaches
into the exchange its rule is about, and no further: what KEY_EXCHANGE or PSK_EXCHANGE begins is the
handshake, what FINISH or PSK_FINISH begins is the data, and KEY_UPDATE makes new keys of those.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from emulator.crypto import hashes, kdf
from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.faults.effects.signed import proof_size
from emulator.faults.schedule import BentSchedule, Edit
from emulator.faults.when import REQUEST_BIT, VersionName
from emulator.forms import Hex, Vocabulary, choice, refusal
from emulator.spdm import codes
from emulator.spdm.codes import Code
from emulator.spdm.key_schedule import Direction, Secret
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.session import Session
from emulator.spdm.session_transcript import CHAIN, SIGNATURE, VERIFY_DATA, digest
from emulator.spdm.versions import BY_TEXT, Version

OPENING = frozenset({Code.KEY_EXCHANGE_RSP, Code.PSK_EXCHANGE_RSP})
"""The replies that begin a handshake."""
CONCLUDING = frozenset({Code.FINISH_RSP, Code.PSK_FINISH_RSP})
"""Those that end it."""

_LONGEST = 512
"""Bytes of the longest shared secret, of FFDHE_4096."""

_TOLD = {"chain": CHAIN, "signature": SIGNATURE, "verify-data": VERIFY_DATA}
_NEGOTIATION = ("GET_VERSION", "VERSION", "GET_CAPABILITIES", "CAPABILITIES")
_EXCHANGES = (Code.KEY_EXCHANGE, Code.PSK_EXCHANGE, Code.FINISH, Code.PSK_FINISH)
ENTRIES = Vocabulary(
    (
        *(*_NEGOTIATION, "NEGOTIATE_ALGORITHMS", "ALGORITHMS"),
        *(codes.name(code & mask) for code in _EXCHANGES for mask in (0xFF, 0xFF ^ REQUEST_BIT)),
        *_TOLD,
    )
)
"""What stands in a handshake's transcript: messages, the hash of the chain, and what proves."""

EntryName = Annotated[str, AfterValidator(ENTRIES.check), choice(ENTRIES)]


def _reply(hit: Hit) -> int:
    """The code of the reply."""
    return hit.situation.request[1] & ~REQUEST_BIT


class Remade(Effect):
    """Bytes that become others; one bit of them where nothing is said."""

    make: Literal["flipped", "zero", "random"] | None = Field(
        default=None, description="What becomes of it; null: what hex says, else flipped."
    )
    hex: Hex | None = Field(default=None, description="The bytes in its place.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.hex is not None and self.make is not None:
            raise refusal("either make or hex", "both")
        return self

    @property
    def told(self) -> str:
        """What becomes of it, in a word."""
        return "replaced" if self.hex is not None else self.make or "flipped"

    def edit(self, hit: Hit, label: str) -> Edit:
        """What makes the bytes; the same of the same bytes."""
        if self.hex is not None:
            other = bytes.fromhex(self.hex)
            return lambda _: other
        if self.make == "zero":
            return lambda data: bytes(len(data))
        if self.make == "random":
            drawn = hit.entropy.bytes(_LONGEST, label=label)
            return lambda data: drawn[: len(data)]
        return lambda data: data[:-1] + bytes((data[-1] ^ 0x01,)) if data else data


@effect("shared-secret", Stage.SECRETS)
class SharedSecret(Remade):
    """The shared secret of the key exchange, or the pre-shared key, is another."""

    FOR = OPENING

    def on_secrets(self, hit: Hit, session: Session, schedule: BentSchedule) -> BentSchedule:
        """The schedule that begins with another secret."""
        if _reply(hit) not in OPENING:
            return schedule
        hit.note(f"{'pre-shared key' if session.psk else 'shared secret'} {self.told}")
        return replace(schedule, shared=self.edit(hit, "shared secret"))


@effect("session-hash", Stage.SECRETS)
class SessionHash(Remade):
    """The hash of the handshake's transcript is another: TH1, or with FINISH TH2.

    So are the keys that follow from it, and the verify data of the reply.
    """

    FOR = OPENING | CONCLUDING

    def on_secrets(self, hit: Hit, session: Session, schedule: BentSchedule) -> BentSchedule:
        """The schedule that takes another hash."""
        del session
        if _reply(hit) not in self.FOR:
            return schedule
        hit.note(f"{'TH1' if _reply(hit) in OPENING else 'TH2'} {self.told}")
        edit = self.edit(hit, "session hash")
        return replace(schedule, hashed=edit, proved=edit)


@effect("session-transcript", Stage.SECRETS)
class SessionTranscript(Effect):
    """The transcript that keys follow from lacks something; that of signatures is whole.

    So does the transcript of the verify data, but for that of FINISH_RSP.
    """

    FOR = OPENING | CONCLUDING

    drop: EntryName = Field(
        description="A message, or the chain's hash, a signature or verify data: each there is."
    )

    def on_secrets(self, hit: Hit, session: Session, schedule: BentSchedule) -> BentSchedule:
        """The schedule that takes the hash of what is left."""
        reply = _reply(hit)
        lacks = _TOLD.get(self.drop, self.drop)
        there = {entry.name for entry in session.transcript.view}
        there |= {codes.name(reply | REQUEST_BIT), codes.name(reply)}
        there |= {SIGNATURE} if reply == Code.KEY_EXCHANGE_RSP else set()
        there |= {VERIFY_DATA} if reply in CONCLUDING else set()
        if reply not in self.FOR or lacks not in there:
            return schedule

        def left(whole: bytes) -> bytes:
            del whole
            view = (entry for entry in session.transcript.view if entry.name != lacks)
            return digest(schedule.hash, view)

        hit.note(f"keys without {lacks}")
        if reply in CONCLUDING:
            return replace(schedule, hashed=left)
        return replace(schedule, hashed=left, proved=left)


@effect("key-salt", Stage.SECRETS)
class KeySalt(Effect):
    """Another salt: that of the handshake secret, or with FINISH that of the master secret."""

    FOR = OPENING | CONCLUDING

    to: Hex | None = Field(default=None, description="The salt; null: every bit is inverted.")

    def on_secrets(self, hit: Hit, session: Session, schedule: BentSchedule) -> BentSchedule:
        """The schedule with another salt."""
        del session
        if _reply(hit) not in self.FOR:
            return schedule
        hit.note("another salt")
        if _reply(hit) in OPENING:
            return replace(schedule, first=self._salt)
        return replace(schedule, second=self._salt)

    def _salt(self, right: bytes) -> bytes:
        return bytes(one ^ 0xFF for one in right) if self.to is None else bytes.fromhex(self.to)


@effect("key-version", Stage.SECRETS)
class KeyVersion(Effect):
    """The labels of the keys name another SPDM version than the one agreed."""

    FOR = OPENING | CONCLUDING | {Code.KEY_UPDATE_ACK, Code.ENCAPSULATED_RESPONSE_ACK}

    to: VersionName | None = Field(
        default=None, description="The version; null: 1.2, or 1.1 where that was agreed."
    )

    def on_secrets(self, hit: Hit, session: Session, schedule: BentSchedule) -> BentSchedule:
        """The schedule with other labels."""
        del session
        other = Version.V1_1 if schedule.agreed == Version.V1_2 else Version.V1_2
        named = other if self.to is None else BY_TEXT[self.to]
        request = hit.situation.request
        verifies = request[1] == Code.KEY_UPDATE and request[2] == KeyOperation.VERIFY_NEW_KEY
        if named == schedule.agreed or verifies:
            return schedule
        hit.note(f"keys labelled {named.text}")
        return replace(schedule, version=named)


@effect("swap-directions", Stage.SECRETS)
class SwapDirections(Effect):
    """The device takes the requester's keys for its own, and its own for the requester's."""

    FOR = OPENING | CONCLUDING

    def on_secrets(self, hit: Hit, session: Session, schedule: BentSchedule) -> BentSchedule:
        """The schedule the other way round."""
        del session
        if _reply(hit) not in self.FOR:
            return schedule
        hit.note("the keys of both directions swapped")
        return replace(schedule, swapped=True)


@effect("verify-data", Stage.SIGNED, Stage.SECRETS)
class VerifyData(Remade):
    """The verify data of the reply is other; at stage secrets the device believes in it.

    Then it stands in the device's transcript as it goes out, so that a requester that does not
    check it meets nothing else that is wrong.
    """

    FOR = OPENING | {Code.FINISH_RSP}

    nothing: bool = Field(
        default=False, description="It is that of a transcript in which nothing stands."
    )

    @model_validator(mode="after")
    def _alone(self) -> Self:
        if self.nothing and (self.make is not None or self.hex is not None):
            raise refusal("nothing alone", "more")
        return self

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The reply with other verify data."""
        at, agreed = hit.situation, hit.situation.connection.algorithms.hash
        size = proof_size(at)
        if not size or len(data) < size or data[1] not in self.FOR or agreed is None:
            return data
        if self.nothing:
            if at.about is None:
                return data
            nothing = hashes.digest(agreed.name)
            made = at.about.secrets.verify_data(Direction.RESPONSE, nothing)
        else:
            made = self.edit(hit, "verify data")(data[-size:])
        self._tell(hit)
        return data[:-size] + made

    def on_secrets(self, hit: Hit, session: Session, schedule: BentSchedule) -> BentSchedule:
        """The schedule that makes other verify data."""
        del session
        if not proof_size(hit.situation):
            return schedule
        self._tell(hit)
        return replace(schedule, proof=self._proof(hit, schedule.hash))

    def _proof(self, hit: Hit, hash_name: str) -> Callable[[Secret, bytes], bytes]:
        if self.nothing:
            return lambda key, _: kdf.hmac(hash_name, key, hashes.digest(hash_name))
        edit = self.edit(hit, "verify data")
        return lambda _, right: edit(right)

    def _tell(self, hit: Hit) -> None:
        hit.note(f"verify data {'of nothing' if self.nothing else self.told}")
