"""On which exchanges a rule reaches in."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from emulator.forms import U8, U32, Delay, Line, Part, Vocabulary, choice
from emulator.forms.several import Several
from emulator.spdm.codes import Code
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages.certificates import LARGE_CHAIN, SLOT_MASK
from emulator.spdm.messages.measurements import RequestAttributes
from emulator.spdm.session import Phase
from emulator.spdm.stages import Situation
from emulator.spdm.state import State
from emulator.spdm.versions import BY_TEXT, Version
from emulator.transport.bindings import BY_NAME

REQUEST_BIT = 0x80
"""A request's code has this bit, its response's is the same without it."""

MESSAGES = Vocabulary(tuple(code.name for code in Code))
TRANSPORTS = Vocabulary(tuple(BY_NAME))
VERSIONS = Vocabulary(tuple(BY_TEXT))
STATES = Vocabulary(tuple(state.name for state in State))
PLACES = Vocabulary(tuple(phase.name for phase in Phase if phase.name))

MessageName = Annotated[str, AfterValidator(MESSAGES.check), choice(MESSAGES)]
TransportName = Annotated[str, AfterValidator(TRANSPORTS.check), choice(TRANSPORTS)]
VersionName = Annotated[str, AfterValidator(VERSIONS.check), choice(VERSIONS)]
StateName = Annotated[str, AfterValidator(STATES.check), choice(STATES)]
PlaceName = Annotated[str, AfterValidator(PLACES.check), choice(PLACES)]
Count = Annotated[int, Field(ge=1, le=0xFFFFFFFF)]

_HEADER = 4
_LARGE_OFFSET = 8
_SLOTTED = frozenset({Code.GET_CERTIFICATE, Code.CHALLENGE})
_OPENING = frozenset({Code.KEY_EXCHANGE, Code.PSK_EXCHANGE})
_SIGNATURE = int(RequestAttributes.SIGNATURE)  # flag arithmetic of enum is a microsecond each
_SIGNED_MEASUREMENTS = 37
"""Bytes of a signed GET_MEASUREMENTS with its slot, which is the last of them."""


Check = Callable[[Situation], bool]
"""Whether a condition holds of an exchange."""


class On(Part):
    """The exchanges a rule reaches into: all that is said must hold; what is not said, always does.

    `nth`, `every` and `after` count on each connection for itself, and an exchange once.
    """

    message: Several[MessageName] | None = Field(
        default=None,
        description="A request, or the response that answers it: a refused request is no match for"
        " its response. ERROR is any refusal.",
    )
    version: Several[VersionName] | None = Field(default=None, description="SPDM version agreed.")
    slot: Several[U8] | None = Field(
        default=None,
        description="Slot in GET_CERTIFICATE, CHALLENGE, KEY_EXCHANGE, signed GET_MEASUREMENTS.",
    )
    offset: Several[U32] | None = Field(
        default=None, description="Offset of the portion in GET_CERTIFICATE."
    )
    index: Several[U8] | None = Field(
        default=None,
        description="Measurement index in GET_MEASUREMENTS: 0 the count, 255 all of them.",
    )
    transport: Several[TransportName] | None = Field(
        default=None, description="What the request was wrapped in."
    )
    connection: Several[Count] | None = Field(
        default=None, description="Number of the connection to this device, from 1."
    )
    state: Several[StateName] | None = Field(
        default=None, description="State of the connection before the request."
    )
    where: Several[PlaceName] | None = Field(
        default=None,
        description="Where the request came: outside of sessions (CLEAR), in the handshake of one,"
        " or in one that is established.",
    )
    session: Several[Count] | None = Field(
        default=None,
        description="Which of the connection's sessions since GET_VERSION it came in, opens or"
        " ends the handshake of, from 1.",
    )
    record: Several[Count] | None = Field(
        default=None,
        description="Which of the session's requests under their key it is, from 1.",
    )
    updated: bool | None = Field(
        default=None,
        description="Whether it came after a KEY_UPDATE of its session, or before any.",
    )
    nth: Several[Count] | None = Field(
        default=None, description="Which of the matching exchanges of a connection, from 1."
    )
    every: Count | None = Field(default=None, description="Every so manieth of them.")
    probability: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="With this probability, from 0 to 1, by the seed."
    )
    after: Delay | None = Field(
        default=None, description="Only so long after the connection's first request."
    )
    after_rule: Line | None = Field(
        default=None,
        description="Only once the rule of this name has reached in, on any connection.",
    )

    def requests(self) -> frozenset[int] | None:
        """The codes of the requests it can be about; None: any."""
        if self.message is None or Code.ERROR.name in self.message:
            return None
        return frozenset(Code[name] | REQUEST_BIT for name in self.message)

    def replies(self) -> frozenset[int] | None:
        """The codes of the replies it is about; None: any."""
        if self.message is None:
            return None
        named = {Code[name] for name in self.message}
        if any(code & REQUEST_BIT for code in named):
            return None
        return frozenset(named)

    def answers(self) -> frozenset[int] | None:
        """The codes of the replies there can be: a request has its response or ERROR; None: any."""
        if self.message is None:
            return None
        named = {Code[name] for name in self.message}
        refusals = {Code.ERROR} if any(code & REQUEST_BIT for code in named) else set()
        return frozenset({code & ~REQUEST_BIT for code in named} | refusals)

    def standing(self) -> tuple[Check, ...]:
        """What must hold of where the connection stands: its number, version, state, transport."""
        return self._checks(_STANDING)

    def passing(self) -> tuple[Check, ...]:
        """What must hold of the request itself."""
        checks = self._checks(_PASSING)
        return checks if self.updated is None else (*checks, _updated(after=self.updated))

    def _checks(self, table: dict[str, Callable[[frozenset[Any]], Check]]) -> tuple[Check, ...]:
        """Only what is said is looked at."""
        return tuple(
            make(frozenset(value))
            for name, make in table.items()
            if (value := getattr(self, name)) is not None
        )


def _is(raw: bytes, code: Code) -> bool:
    return len(raw) >= _HEADER and raw[1] == code


def index_of(raw: bytes) -> int | None:
    """The index a GET_MEASUREMENTS asks for."""
    return raw[3] if _is(raw, Code.GET_MEASUREMENTS) else None


def slot_of(raw: bytes) -> int | None:
    """The slot a request names; None for one that names none."""
    if len(raw) < _HEADER:
        return None
    if raw[1] in _SLOTTED:
        return raw[2] & SLOT_MASK
    if raw[1] == Code.KEY_EXCHANGE:
        return raw[3] & SLOT_MASK
    signed = _is(raw, Code.GET_MEASUREMENTS) and raw[2] & _SIGNATURE
    if signed and len(raw) >= _SIGNED_MEASUREMENTS:
        return raw[_SIGNED_MEASUREMENTS - 1] & SLOT_MASK
    return None


def _offset_of(raw: bytes) -> int | None:
    """The offset of the portion a GET_CERTIFICATE asks for, in either form."""
    if not _is(raw, Code.GET_CERTIFICATE):
        return None
    large = raw[2] & LARGE_CHAIN and raw[0] >= Version.V1_4
    start, end = (_LARGE_OFFSET, _LARGE_OFFSET + 4) if large else (_HEADER, _HEADER + 2)
    return int.from_bytes(raw[start:end], "little") if len(raw) >= end else None


def version_of(at: Situation) -> int:
    """The version of an exchange: that agreed, or its request's."""
    return at.connection.version or (at.request[0] if at.request else 0)


def _of_version(texts: frozenset[str]) -> Check:
    numbers = {int(BY_TEXT[text]) for text in texts}
    return lambda at: version_of(at) in numbers


def _session_of(at: Situation) -> int | None:
    """The number of the session that a request came in, opens or ends the handshake of."""
    if at.session is not None:
        return at.session.number
    code = at.request[1] if len(at.request) > 1 else 0
    if code in _OPENING:
        return at.connection.opened + 1
    return at.connection.opened if code == Code.FINISH else None


def _record_of(at: Situation) -> int | None:
    """The number of a request's record, from 1."""
    if at.session is None or not at.session.live:
        return None
    return at.session.secrets.traffic(Direction.REQUEST).sequence


def _place_of(at: Situation) -> str | None:
    return (Phase.CLEAR if at.session is None else at.session.phase).name


def _updated(*, after: bool) -> Check:
    return lambda at: at.session is not None and bool(at.session.updates) == after


_STANDING: dict[str, Callable[[frozenset[Any]], Check]] = {
    "connection": lambda numbers: lambda at: at.number in numbers,
    "transport": lambda names: lambda at: at.transport in names,
    "version": _of_version,
    "state": lambda names: lambda at: at.connection.state.name in names,
}
_PASSING: dict[str, Callable[[frozenset[Any]], Check]] = {
    "slot": lambda slots: lambda at: slot_of(at.request) in slots,
    "offset": lambda offsets: lambda at: _offset_of(at.request) in offsets,
    "where": lambda places: lambda at: _place_of(at) in places,
    "session": lambda numbers: lambda at: _session_of(at) in numbers,
    "record": lambda numbers: lambda at: _record_of(at) in numbers,
    "index": lambda indexes: lambda at: index_of(at.request) in indexes,
}
"""What each condition looks at."""
