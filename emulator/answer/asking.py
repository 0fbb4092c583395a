"""How each question of a device's is asked: by the asking half, on a connection turned round.

A question's module registers with `asks` what begins it; `emulator/answer/encapsulated.py` carries
its requests and their answers.
"""

from collections.abc import Callable
from copy import copy
from typing import Any, TypeVar

from emulator.answer.exchange import Exchange
from emulator.ask.request import Request
from emulator.spdm.connection import Connection
from emulator.spdm.questions import Progress, Question, Step

_T = TypeVar("_T")
_Q = TypeVar("_Q", bound=Question)

_BEGINNINGS: dict[type[Question], Callable[[Exchange, Any], Step | None]] = {}


def asks(
    kind: type[_Q],
) -> Callable[[Callable[[Exchange, _Q], Step | None]], Callable[[Exchange, _Q], Step | None]]:
    """Register what makes the first request of a question; None where it cannot be asked here."""

    def register(begin: Callable[[Exchange, _Q], Step | None]) -> Callable[..., Step | None]:
        _BEGINNINGS[kind] = begin
        return begin

    return register


def begin(exchange: Exchange, question: Question) -> Step | None:
    """The first request of a question; None where it cannot be asked any more."""
    return _BEGINNINGS[type(question)](exchange, question)


def step(request: Request[_T], go_on: Callable[[Exchange, _T, Connection], Progress]) -> Step:
    """A request, and what follows from its reply: by what it says, and the state after it.

    The request's own connection is left as it is, so that an answer may come twice.
    """

    def accept(exchange: Exchange, reply: bytes) -> Progress:
        again = copy(request)
        again.connection = request.connection.apart()
        again.padding = 0 if exchange.session is not None else request.padding
        return go_on(exchange, again.accept(reply), again.connection)

    return Step(request.raw, accept)
