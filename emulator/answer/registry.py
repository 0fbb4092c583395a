"""The table of requests the device can answer: one row a request, legality included."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from emulator.answer.exchange import Exchange, Outcome
from emulator.spdm.capabilities import NONE, Cap
from emulator.spdm.codes import Code
from emulator.spdm.session import Phase
from emulator.spdm.state import TRANSITIONS, State
from emulator.spdm.transcript import Part
from emulator.spdm.work import Path
from emulator.wire import Message

_M = TypeVar("_M", bound=Message)
_Handler = Callable[[Exchange, _M], Outcome | Path[Outcome]]


@dataclass(frozen=True, slots=True)
class Row:
    """One request.

    Attributes:
        code: its code.
        layout: its layout.
        needs: the device has one of these capabilities; none: always.
        legal: the states it is legal in.
        on_error: parts of the transcript that an ERROR in answer to it empties.
        handler: what answers it: a function, or a path where slow work is needed to answer.
        peer: the requester has one of these; none: always.
        where: outside of sessions, or inside in which phase, it is legal.
    """

    code: Code
    layout: type[Message]
    needs: Cap
    legal: frozenset[State]
    on_error: tuple[Part, ...]
    handler: Callable[[Exchange, Any], Outcome | Path[Outcome]]
    peer: Cap = NONE
    where: Phase = Phase.CLEAR


ROWS: dict[int, Row] = {}
"""All rows, by code; filled when the family modules are imported."""


def handles(
    layout: type[_M],
    *,
    needs: Cap = NONE,
    peer: Cap = NONE,
    where: Phase = Phase.CLEAR,
    on_error: tuple[Part, ...] = (),
) -> Callable[[_Handler[_M]], _Handler[_M]]:
    """Register the handler of the request `layout`. Its states come from spdm/state.py."""
    code = Code(layout.CODE)

    def register(handler: _Handler[_M]) -> _Handler[_M]:
        legal = TRANSITIONS[code].legal
        ROWS[code] = Row(code, layout, needs, legal, on_error, handler, peer, where)
        return handler

    return register
