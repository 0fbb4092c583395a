"""Stage record: how a record is sealed, and what becomes of it then. Raw bytes are in `raw.py`.

First comes how it is sealed, in the order of the effects, and then what is done to its bytes. Only
replies in sessions pass this stage, but for `in-a-record`, which is for those outside.
"""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from emulator.crypto.aead import TAG_SIZE
from emulator.faults.effect import Effect, Former, Hit, Stage, effect
from emulator.faults.effects.frame import Number
from emulator.forms import U32
from emulator.spdm.key_schedule import Direction
from emulator.spdm.sealing import Sealing
from emulator.spdm.secured import SEQUENCE_LIMIT, Traffic
from emulator.spdm.session import Session

_ID_SIZE = 4
_LENGTH_SIZE = 2
_LENGTHS = 1 << 16
_FARTHEST = 1 << 32


def _others(hit: Hit) -> list[Session]:
    """The other sessions of the connection."""
    at = hit.situation
    found = at.connection.sessions.values()
    return [one for one in found if one is not at.session and one.live]


@effect("record-sequence", Stage.RECORD)
class RecordSequence(Effect):
    """The record is sealed with another sequence number, which is also what a header has of it.

    By -1 it is that of the record before; by 1, with `stays`, a number is left out.
    """

    by: Annotated[int, Field(ge=-_FARTHEST, le=_FARTHEST)] = Field(
        default=1, description="How much more than the next number; negative: less."
    )
    stays: bool = Field(
        default=False,
        description="Later records count on from there, rather than as if nothing had been.",
    )

    def on_sealing(self, hit: Hit, sealing: Sealing) -> Sealing:
        """Sealed with this number."""
        number = sealing.traffic.sequence + self.by
        if not self.by or not 0 <= number < SEQUENCE_LIMIT:
            return sealing
        hit.note(f"record {number} instead of {sealing.traffic.sequence}")
        return replace(sealing, sequence=number, stays=self.stays)


@effect("record-session", Stage.RECORD)
class RecordSession(Effect):
    """Another session id in the header, which the tag is made over."""

    to: U32 | None = Field(
        default=None,
        description="The id; null: that of another session of the connection, else one that is"
        " nobody's.",
    )

    def on_sealing(self, hit: Hit, sealing: Sealing) -> Sealing:
        """Sealed under this id."""
        others = _others(hit)
        other = others[0].id if others else sealing.session.id ^ 0x01
        number = other if self.to is None else self.to
        if number == sealing.sealer.session:
            return sealing
        hit.note(f"a record of session {number:08x}")
        return replace(sealing, sealer=replace(sealing.sealer, session=number))


@effect("record-key", Stage.RECORD)
class RecordKey(Effect):
    """The record is sealed with another key; nothing happens where there is none like that.

    `request` is the requester's own, `other-session` that of another session of the connection,
    both with the number that is due. `handshake` is the key from before FINISH and `before-update`
    the one from before the last KEY_UPDATE, whichever side asked, with their own numbers, as if
    the device had not changed keys.
    """

    KEEPS = True

    of: Literal["request", "handshake", "before-update", "other-session"] = Field(
        default="request", description="Whose key."
    )

    def on_sealing(self, hit: Hit, sealing: Sealing) -> Sealing:
        """Sealed with that key."""
        key = self._key(hit, sealing)
        if key is None:
            return sealing
        hit.note(f"sealed with the key of {self.of}")
        return replace(sealing, traffic=key)

    def _key(self, hit: Hit, sealing: Sealing) -> Traffic | None:
        session = sealing.session
        if self.of in ("handshake", "before-update"):
            kept = hit.kept.get((session, Former(self.of)))
            if kept is None or kept.traffic is sealing.traffic:
                return None
            former = replace(kept.again(), limit=SEQUENCE_LIMIT)
            kept.traffic.sequence += 1
            return former
        if self.of == "request":
            other = session.secrets.traffic(Direction.REQUEST)
        else:
            others = _others(hit)
            if not others:
                return None
            other = others[0].secrets.traffic(Direction.RESPONSE)
        number = sealing.traffic.sequence
        sealing.traffic.sequence += 1
        return replace(other, iv=bytearray(other.iv), sequence=number, limit=SEQUENCE_LIMIT)


@effect("in-the-clear", Stage.RECORD)
class InTheClear(Effect):
    """The reply to a request in a session goes as it is, in no record."""

    def on_sealing(self, hit: Hit, sealing: Sealing) -> Sealing:
        """Not sealed."""
        hit.note("in the clear")
        return replace(sealing, clear=True)


@effect("in-a-record", Stage.RECORD)
class InARecord(Effect):
    """The reply to a request outside of sessions goes in a record.

    It is one of the session that the request is about, else of the one that was opened last;
    nothing happens where there is no session.
    """

    def on_clear(self, hit: Hit) -> Session | None:
        """The session of the record."""
        session = hit.session
        if session is not None:
            hit.note(f"in a record of session {session.id:08x}")
        return session


class _OnRecord(Effect):
    """Works on a record's bytes; on what is no whole one it does nothing."""

    def on_record(self, hit: Hit, sealing: Sealing, record: bytes) -> bytes:
        """The record with something changed."""
        if sealing.clear or len(record) < sealing.sealer.form.header_size() + TAG_SIZE:
            return record
        return self.on_whole(hit, sealing, record)

    def on_whole(self, hit: Hit, sealing: Sealing, record: bytes) -> bytes:
        """The record in place of `record`, which has header and tag at least."""
        raise NotImplementedError


def _put(record: bytes, at: int, size: int, number: int) -> bytes:
    """The record with a number in its header."""
    return record[:at] + number.to_bytes(size, "little") + record[at + size :]


def _put_length(sealing: Sealing, record: bytes, length: int) -> bytes:
    return _put(record, sealing.sealer.form.header_size() - _LENGTH_SIZE, _LENGTH_SIZE, length)


@effect("record-number", Stage.RECORD)
class RecordNumber(Number, _OnRecord):
    """Another sequence number in the header of a record that is sealed with the right one.

    Only over MCTP records have it in their header; elsewhere nothing happens.
    """

    def on_whole(self, hit: Hit, sealing: Sealing, record: bytes) -> bytes:
        """The record with this number."""
        size = sealing.sealer.form.sequence_size
        if not size:
            return record
        numbers = 1 << 8 * size
        right = int.from_bytes(record[_ID_SIZE : _ID_SIZE + size], "little")
        number = self.changed(right, numbers) % numbers
        if number != right:
            hit.note(f"number {number} in the header instead of {right}")
        return _put(record, _ID_SIZE, size, number)


@effect("record-length", Stage.RECORD)
class RecordLength(Number, _OnRecord):
    """Another length in the header, of what follows it, in bytes."""

    def on_whole(self, hit: Hit, sealing: Sealing, record: bytes) -> bytes:
        """The record with this length."""
        right = len(record) - sealing.sealer.form.header_size()
        length = self.changed(right, _LENGTHS) % _LENGTHS
        if length != right:
            hit.note(f"length {length} in the header instead of {right}")
        return _put_length(sealing, record, length)


@effect("record-tag", Stage.RECORD)
class RecordTag(_OnRecord):
    """The tag is another: one bit of it, all zeros, or random; or it is short of its end.

    A record with a short tag says its length as it is.
    """

    make: Literal["flipped", "zero", "random", "short"] = Field(
        default="flipped", description="What becomes of it."
    )
    by: Annotated[int, Field(ge=1, le=TAG_SIZE)] = Field(
        default=4, description="Bytes that a short one lacks."
    )

    def on_whole(self, hit: Hit, sealing: Sealing, record: bytes) -> bytes:
        """The record with this tag."""
        before, tag = record[:-TAG_SIZE], record[-TAG_SIZE:]
        hit.note(f"tag {self.make}")
        match self.make:
            case "zero":
                return before + bytes(TAG_SIZE)
            case "random":
                return before + hit.entropy.bytes(TAG_SIZE, label="tag")
            case "short":
                length = len(record) - self.by - sealing.sealer.form.header_size()
                return _put_length(sealing, before + tag[: -self.by], length)
        return before + tag[:-1] + bytes((tag[-1] ^ 0x01,))
