"""What a connection's events look like in the log.

Warnings are the refusals, the faults and the limits that a peer runs into; at info there is also
what got no response; at debug every message, field by field. Each line has its facts as fields, too
(`extra`), for logs that programs read.
"""

import logging
from collections.abc import Callable
from typing import Any

from emulator.device import Device
from emulator.endpoint import (
    Answered,
    Diagnosed,
    Ended,
    Event,
    Faulted,
    Ignored,
    Limited,
    Observer,
    Received,
)
from emulator.errors import SpdmError
from emulator.report import Conversation
from emulator.requester import Direction
from emulator.spdm import codes
from emulator.wire import render

log = logging.getLogger(__name__)


def log_events(device: Device) -> Callable[[int], Observer]:
    """An observer for each connection that writes one log line an event; 0 is no connection."""

    def for_connection(number: int) -> Observer:
        return _Log(device.name, number)

    return for_connection


class _Log:
    """The log of one connection."""

    def __init__(self, device: str, number: int) -> None:
        self._where = f"{device} connection {number}" if number else device
        self._fields: dict[str, Any] = {"device": device}
        if number:
            self._fields["connection"] = number
        self._every_message = log.isEnabledFor(logging.DEBUG)
        self._conversation = Conversation()

    def __call__(self, event: Event) -> None:
        """Write the line of an event."""
        match event:
            case Received(raw=raw):
                self._message(Direction.REQUEST, raw)
            case Answered(raw=raw, error=error):
                self._message(Direction.REPLY, raw)
                if error is not None:
                    self._refused(error)
            case Ignored(reason=reason):
                self._tell(logging.INFO, "ignored", reason, reason=reason)
            case Faulted(fault=fault):
                told = {"rule": fault.rule, "stage": str(fault.stage), "what": fault.what}
                self._tell(logging.WARNING, "fault.fired", f"fault {fault}", **told)
            case Diagnosed(diagnosis=diagnosis):
                told = {"mistake": diagnosis.mistake, "what": diagnosis.explanation}
                self._tell(logging.WARNING, "diagnosis", f"doctor: {diagnosis}", **told)
            case Limited(limit=limit, what=what):
                text = f"limit {limit}: {what}"
                self._tell(logging.WARNING, "limit", text, limit=limit, what=what)
            case Ended():
                pass  # the connection logs its end

    def _tell(self, level: int, event: str, text: str, **more: object) -> None:
        fields = {**self._fields, "event": event, **more}
        log.log(level, "%s: %s", self._where, text, extra=fields)

    def _refused(self, error: SpdmError) -> None:
        name = codes.error_name(error.code)
        text = f"> ERROR {name}: {error}"
        self._tell(logging.WARNING, "refused", text, error=name, reason=str(error))

    def _message(self, direction: Direction, raw: bytes) -> None:
        """One message: its name and meaning, then its fields."""
        if not self._every_message:
            return
        told = self._conversation.tell(direction, raw)
        asks = direction is Direction.REQUEST
        text = f"{'<' if asks else '>'} {told.name}, {told.size} bytes: {told.meaning}"
        facts = {"code": told.name, "size": told.size, "raw": raw.hex()}
        self._tell(logging.DEBUG, "request" if asks else "reply", text, **facts)
        if told.layout is not None:
            for line in render(told.layout, told.raw, told.shape).splitlines():
                self._tell(logging.DEBUG, "field", f"  {line}")
