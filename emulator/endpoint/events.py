"""What an endpoint tells who looks on."""

from collections.abc import Callable
from dataclasses import dataclass

from emulator.errors import SpdmError
from emulator.spdm.doctor import Diagnosis
from emulator.spdm.stages import Fired


@dataclass(frozen=True, slots=True)
class Received:
    """An SPDM request arrived; in a session, what was in its record."""

    raw: bytes
    session: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An SPDM reply leaves; `error` says why the request was refused."""

    raw: bytes
    error: SpdmError | None = None
    session: int | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something got no response, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Faulted:
    """A fault reached in, on purpose."""

    fault: Fired


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection ends, and why: by this end, or because the peer left."""

    reason: str


@dataclass(frozen=True, slots=True)
class Limited:
    """The peer ran into a limit (a name of `Limits`); told once for each in a connection."""

    limit: str
    what: str


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """The doctor says what mistake of the peer explains what did not verify or open."""

    diagnosis: Diagnosis
    session: int | None = None


Event = Received | Answered | Ignored | Faulted | Diagnosed | Limited | Ended
Observer = Callable[[Event], None]
