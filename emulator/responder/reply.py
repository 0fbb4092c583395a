"""A request as it came, the reply to it, and how large that may be."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace

from emulator.answer.exchange import Exchange
from emulator.errors import ResponseTooLarge, SpdmError, Unspecified
from emulator.spdm.stages import Situation
from emulator.spdm.versions import rules
from emulator.wire import Shape


@dataclass(slots=True)
class Reply:
    """What goes back, and what happens once it is on its way.

    Attributes:
        data: the SPDM message; None: no response.
        commit: applies what the request changed; called once, after the reply was sealed.
        error: why the request was refused, or None.
        large: it does not fit into one piece.
        at: what the stages that are still to come may look at; None: they are not to see it.
        seal: makes the record that carries it in a session, once, before `commit`; the record is
            None where there can be none any more. None: it goes as it is.
        session: the id of that session.
        secured: what `seal` makes is a record; a fault may leave the message in the clear.
    """

    data: bytes | None
    commit: Callable[[], None]
    error: SpdmError | None = None
    large: bool = False
    at: Situation | None = None
    seal: Callable[[bytes], bytes | None] | None = None
    session: int | None = None
    secured: bool = True


@dataclass(slots=True)
class Asked:
    """A request and how it came: see `Responder.respond`.

    Attributes:
        whole: it came in chunks, all of which have arrived.
        again: it was put aside before, as its reply was not ready.
    """

    raw: bytes
    slack: int = 0
    largest: int | None = None
    now: float = 0.0
    whole: bool = False
    again: bool = False


def agreed(exchange: Exchange, changes: Mapping[str, object]) -> Exchange:
    """The exchange as it is once `changes` are made to its connection."""
    connection = copy(exchange.connection)
    connection.change(changes)
    return replace(exchange, connection=connection)


def is_large(data: bytes, exchange: Exchange, shape: Shape) -> bool:
    """Whether a reply is too large for one piece.

    Raises SpdmError where the requester's buffer, or our own way out, cannot take it at all. Up to
    1.1 there is no error for it (libspdm `libspdm_rsp_error.c` asserts as much).
    """
    limit = exchange.reply_limit
    if len(data) <= limit:
        return False
    if exchange.chunks:
        limit = exchange.largest_reply
        if len(data) <= limit:
            return True
    reason = f"the reply has {len(data)} bytes, at most {limit} can be sent"
    if rules(shape.version).too_large_error:
        raise ResponseTooLarge(reason, extended=len(data).to_bytes(4, "little"))
    raise Unspecified(reason)
