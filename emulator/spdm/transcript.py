"""Transcripts: the raw bytes of the messages that signatures cover.

Every message is appended to the part its kind belongs to, as it was received or sent, without
padding; nothing is ever rebuilt. What is signed is a *view*: parts one after the other
(libspdm `library/spdm_common_lib/libspdm_com_crypto_service.c`):

    M1/M2 = A ‖ B ‖ C          CHALLENGE_AUTH
    L1/L2 = A ‖ M (since 1.2)   MEASUREMENTS; up to 1.1: M alone
    IL1/IL2 = A ‖ the exchange  ENDPOINT_INFO

A is the negotiation (VERSION, CAPABILITIES, ALGORITHMS), B digests and certificates, C the
challenge, M measurements; D, for sessions, the first DIGESTS of a connection on which the responder
may use several keys. A view is a tuple, so a fault edits a view and never the log.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from emulator.spdm import codes
from emulator.spdm.codes import Code
from emulator.spdm.pending import TRANSPARENT
from emulator.spdm.state import State
from emulator.spdm.versions import rules

LIMIT = 4 * 1024 * 1024
"""Bytes a part may hold unless a device says otherwise: a peer that reads measurements for ever
unsigned meets this bound."""


_FORMER_LIMIT = 128 * 1024
"""Bytes of B that are remembered once it was emptied."""


class Part(IntEnum):
    """A part of a transcript, by libspdm's letter."""

    A = 0
    B = 1
    C = 2
    M = 3
    D = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, as on the wire; a signature's own message stands without the signature.

    Attributes:
        raw: its bytes.
        told: what it is where it is no message, such as the hash of a chain.
    """

    raw: bytes
    told: str = ""

    @property
    def name(self) -> str:
        """The message's name, for comparing views."""
        if self.told:
            return self.told
        return codes.name(self.raw[1]) if len(self.raw) > 1 else "(short)"


View = tuple[Entry, ...]


class Transcript:
    """The parts of one connection.

    Attributes:
        former: what B held before it was last emptied, unless it was long; for the doctor.
    """

    __slots__ = ("_parts", "_sizes", "former")

    def __init__(self) -> None:
        self._parts: list[list[Entry]] = [[] for _ in Part]
        self._sizes = [0 for _ in Part]
        self.former: View = ()

    def append(self, part: Part, entries: Iterable[Entry]) -> None:
        """Add messages to a part."""
        for entry in entries:
            self._parts[part].append(entry)
            self._sizes[part] += len(entry.raw)

    def fits(self, part: Part, entries: Iterable[Entry], limit: int | None = None) -> bool:
        """Whether the part can take these messages within `limit` bytes; None: LIMIT."""
        most = LIMIT if limit is None else limit
        return self._sizes[part] + sum([len(entry.raw) for entry in entries]) <= most

    def reset(self, parts: Iterable[Part]) -> None:
        """Empty parts."""
        for part in parts:
            if self._parts[part]:
                if part is Part.B and self._sizes[part] <= _FORMER_LIMIT:
                    self.former = tuple(self._parts[part])
                self._parts[part] = []
                self._sizes[part] = 0

    def part(self, part: Part) -> View:
        """The messages of a part."""
        return tuple(self._parts[part])

    def view(self, parts: Iterable[Part]) -> View:
        """The messages of several parts, in order."""
        return tuple([entry for part in parts for entry in self._parts[part]])


IL1IL2 = (Part.A,)
"""What the signature of ENDPOINT_INFO covers, before the exchange itself (libspdm's part E)."""

M1M2 = (Part.A, Part.B, Part.C)
"""What CHALLENGE_AUTH's signature covers."""


def l1l2(version: int) -> tuple[Part, ...]:
    """What the signature of MEASUREMENTS covers."""
    return (Part.A, Part.M) if rules(version).vca_in_l1l2 else (Part.M,)


_GIVES_UP = frozenset(
    {
        Code.GET_MEASUREMENTS,
        Code.GET_MEASUREMENT_EXTENSION_LOG,
        Code.KEY_EXCHANGE,
        Code.FINISH,
        Code.PSK_EXCHANGE,
        Code.PSK_FINISH,
        Code.HEARTBEAT,
        Code.KEY_UPDATE,
        Code.GET_ENCAPSULATED_REQUEST,
        Code.DELIVER_ENCAPSULATED_RESPONSE,
        Code.END_SESSION,
    }
)
"""The requests that give up M1/M2 where they come before the challenge was answered."""


def resets(request: Code, state: State) -> tuple[Part, ...]:
    """The parts that an accepted request empties before it is recorded.

    L1/L2 starts anew on any request but GET_MEASUREMENTS; GET_DIGESTS starts B anew; and
    measurements and sessions before the challenge was answered give up M1/M2
    (libspdm `library/spdm_common_lib/libspdm_com_context_data.c`,
    `libspdm_reset_message_buffer_via_request_code`).
    """
    if request == Code.GET_VERSION:
        return tuple(Part)
    if request in TRANSPARENT:
        return ()  # the request they carry or fetch says for itself what it empties
    if request == Code.GET_DIGESTS:
        return (Part.B, Part.M)
    measures: tuple[Part, ...] = () if request == Code.GET_MEASUREMENTS else (Part.M,)
    given_up = request in _GIVES_UP and state < State.AUTHENTICATED
    return (Part.B, Part.C, *measures) if given_up else measures


def differ(ours: View, theirs: View) -> str | None:
    """Where two views first differ, as a sentence; None when they are equal."""
    for index, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one.raw != other.raw:
            at = next(
                (i for i, (a, b) in enumerate(zip(one.raw, other.raw, strict=False)) if a != b),
                min(len(one.raw), len(other.raw)),
            )
            return f"message {index} ({one.name} against {other.name}) at byte {at}"
    if len(ours) != len(theirs):
        longer = ours if len(ours) > len(theirs) else theirs
        index = min(len(ours), len(theirs))
        return f"message {index} ({longer[index].name}) is on one side only"
    return None
