"""Hearing what passes between a device and the requester under test, on all its connections."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emulator.endpoint import (
    Answered,
    Diagnosed,
    Ended,
    Event,
    Faulted,
    Ignored,
    Observer,
    Received,
)
from emulator.report import Conversation, Told
from emulator.requester import Direction
from emulator.spdm.codes import Code, ErrorCode, error_name
from emulator.wire import Shape, annotate

KEPT = 20_000
"""Messages kept at most, the latest; all are counted."""

LAST = 40
"""Messages of a conversation that are told, the last."""

NOTHING = "(no response)"
"""What stands for a reply where none was sent."""

_AGAIN = frozenset({ErrorCode.BUSY, ErrorCode.RESPONSE_NOT_READY})
_ERROR_SIZE = 4


@dataclass(frozen=True)
class Heard:
    """One message, or that there was none.

    Attributes:
        connection: the connection's number, from 1.
        told: the message, and what it means.
        error: the name of an ERROR's code, else ''.
        remarks: the faults that reached in, and why a request was refused or had no response.
    """

    connection: int
    told: Told
    error: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def direction(self) -> Direction:
        """Which way it went."""
        return self.told.direction

    @property
    def name(self) -> str:
        """Its name, such as CHALLENGE_AUTH; ERROR for every refusal."""
        return self.told.name

    @property
    def code(self) -> int | None:
        """Its RequestResponseCode; None where there is no message."""
        return self.told.raw[1] if len(self.told.raw) > 1 else None

    @property
    def raw(self) -> bytes:
        """Its bytes; padding of the transport may follow a request's."""
        return self.told.raw

    @cached_property
    def fields(self) -> dict[str, Any]:
        """Its fields by the names of its layout: numbers, and bytes as they are."""
        told = self.told
        spans = [] if told.layout is None else annotate(told.layout, told.raw, told.shape)
        return {span.name: span.value for span in spans}

    @property
    def text(self) -> str:
        """One line for a person."""
        arrow = ">" if self.direction is Direction.REQUEST else "<"
        line = f"{self.connection}: {arrow} {self.name}  {self.told.meaning}".rstrip()
        return "\n".join([line, *(f"     # {remark}" for remark in self.remarks)])


class Watch:
    """What passed so far.

    Attributes:
        conversation: the messages, oldest first: the last KEPT of them.
        requests: how many requests came.
        retries: how many of them came again after Busy or ResponseNotReady.
        connections: how many connections there were.
        errors: how many ERRORs were sent, by the names of their codes.
        ended: why the last connection that ended did.
        diagnoses: what the doctor said, each once.
        changed: called after every event.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self.conversation: deque[Heard] = deque(maxlen=KEPT)
        self.requests = 0
        self.retries = 0
        self.connections = 0
        self.errors: Counter[str] = Counter()
        self.ended = ""
        self.diagnoses: list[str] = []
        self.changed = changed
        self._counts: Counter[tuple[Direction, str]] = Counter()
        self._reached = self._asked = ""

    def observe(self, number: int) -> Observer:
        """The observer of the connection of this number, for a `Listener`; 0 is none."""
        self.connections += bool(number)
        return _Connection(self, number)

    def add(self, heard: Heard) -> None:
        """Take a message."""
        self.conversation.append(heard)
        self._counts[heard.direction, heard.name] += 1
        if heard.error:
            self.errors[heard.error] += 1
        if heard.direction is Direction.REQUEST:
            self.requests += 1
            self._asked = heard.name
        elif not heard.error and heard.name != NOTHING:
            self._reached = heard.name

    def count(self, name: str) -> int:
        """How often a message of this name passed; NOTHING counts missing responses."""
        return sum(self._counts[direction, name] for direction in Direction)

    @property
    def asked(self) -> str:
        """The last request's name; '' where none came."""
        return self._asked

    @property
    def reached(self) -> str:
        """The last reply that was no ERROR: how far the conversation got; '' where none was."""
        return self._reached


class _Connection:
    """Tells the messages of one connection."""

    def __init__(self, watch: Watch, number: int) -> None:
        self._watch = watch
        self._number = number
        self._conversation = Conversation()
        self._remarks: list[str] = []
        self._last = b""
        self._again = False

    def __call__(self, event: Event) -> None:
        watch = self._watch
        match event:
            case Received(raw=raw):
                self._request(raw)
            case Answered(raw=raw, error=error):
                if error is not None:
                    self._remarks.append(str(error))
                told = self._conversation.tell(Direction.REPLY, raw)
                code = raw[2] if len(raw) >= _ERROR_SIZE and raw[1] == Code.ERROR else None
                self._again = code in _AGAIN
                self._add(told, "" if code is None else error_name(code))
            case Ignored(reason=reason):
                self._add(Told(Direction.REPLY, NOTHING, 0, reason, None, Shape(), b""))
            case Faulted(fault=fault):
                self._remarks.append(f"fault {fault}")
            case Diagnosed(diagnosis=diagnosis):
                self._remarks.append(f"doctor: {diagnosis}")
                if str(diagnosis) not in watch.diagnoses:
                    watch.diagnoses.append(str(diagnosis))
            case Ended(reason=reason):
                watch.ended = reason
        watch.changed()

    def _request(self, raw: bytes) -> None:
        asks_again = raw == self._last or raw[1:2] == bytes((Code.RESPOND_IF_READY,))
        self._watch.retries += self._again and asks_again
        self._last = raw
        self._add(self._conversation.tell(Direction.REQUEST, raw))

    def _add(self, told: Told, error: str = "") -> None:
        remarks = tuple(self._remarks)
        self._remarks.clear()
        self._watch.add(Heard(self._number, told, error, remarks))
