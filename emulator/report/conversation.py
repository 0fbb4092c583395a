"""Following a conversation: what each message is, which layout it has, and what it means.

How a reply is laid out depends on what was agreed and asked before, so messages are told in order.
Nothing here judges: what cannot be read is said to be so.
"""

from dataclasses import dataclass
from typing import Any

from emulator.errors import WireError
from emulator.report.meaning import meaning, reported
from emulator.requester import Direction
from emulator.spdm import codes
from emulator.spdm.algorithms import HASHES, SIGNATURES, Algorithm, by_bit
from emulator.spdm.capabilities import MEAS, NONE, Cap
from emulator.spdm.messages import (
    LAYOUTS,
    Algorithms,
    Capabilities,
    Challenge,
    ChallengeAuth,
    GetMeasurements,
    Measurements,
    RequestAttributes,
)
from emulator.spdm.messages.challenge import SummaryType
from emulator.wire import Message, Shape, decode

_HEADER = 4


@dataclass(frozen=True)
class Told:
    """One message of a conversation.

    Attributes:
        direction: which way it went.
        name: its name, or the hex of its code.
        size: its bytes, padding of the transport included.
        meaning: one line.
        layout: its layout, or None where nobody knows it.
        shape: the shape it has.
        raw: its bytes.
        measurements: those it reports, as `evidence.measurement` has them.
    """

    direction: Direction
    name: str
    size: int
    meaning: str
    layout: type[Message] | None
    shape: Shape
    raw: bytes
    measurements: tuple[dict[str, Any], ...] = ()


class Conversation:
    """One conversation so far."""

    def __init__(self) -> None:
        self._capabilities: Cap = NONE
        self._hash: Algorithm | None = None
        self._asym: Algorithm | None = None
        self._asked: Message | None = None

    def tell(self, direction: Direction, raw: bytes) -> Told:
        """Take the next message."""
        name = codes.name(raw[1]) if len(raw) >= _HEADER else "(no message)"
        layout = LAYOUTS.get(raw[1]) if len(raw) >= _HEADER else None
        shape = self._shape(layout, raw)
        if layout is None:
            return Told(direction, name, len(raw), raw.hex(), None, shape, raw)
        try:
            message, _ = decode(layout, raw, shape)
        except WireError as error:
            return Told(direction, name, len(raw), str(error), layout, shape, raw)
        self._learn(direction, message)
        measured = tuple(reported(message.record)) if isinstance(message, Measurements) else ()
        return Told(direction, name, len(raw), meaning(message), layout, shape, raw, measured)

    def _shape(self, layout: type[Message] | None, raw: bytes) -> Shape:
        hash_size = self._hash.size if self._hash else 0
        signature = self._asym.size if self._asym else 0
        asked = self._asked
        signed, summary = False, False
        if layout is ChallengeAuth:
            signed = True
            summary = (
                isinstance(asked, Challenge)
                and asked.summary_type != SummaryType.NONE
                and bool(self._capabilities & MEAS)
            )
        elif layout is Measurements:
            signed = isinstance(asked, GetMeasurements) and bool(
                asked.attributes & RequestAttributes.SIGNATURE
            )
        return Shape(
            version=raw[0] if raw else 0,
            hash=hash_size,
            signature=signature if signed else 0,
            summary=hash_size if summary else 0,
        )

    def _learn(self, direction: Direction, message: Message) -> None:
        if direction is Direction.REQUEST:
            self._asked = message
        if isinstance(message, Capabilities):
            self._capabilities = message.flags
        if isinstance(message, Algorithms):
            self._hash = _row(HASHES, message.base_hash)
            self._asym = _row(SIGNATURES, message.base_asym)


def _row(family: tuple[Algorithm, ...], bit: int) -> Algorithm | None:
    try:
        return by_bit(family, bit)
    except KeyError:
        return None
