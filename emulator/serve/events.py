"""What a connection's events look like in the log.

Warnings are the refusals and the faults; at info there is also what got no response; at debug every
message, field by field.
"""

import logging
from collections.abc import Callable

from emulator.device import Device
from emulator.endpoint import Answered, Ended, Event, Faulted, Ignored, Observer, Received
from emulator.report import Conversation
from emulator.requester import Direction
from emulator.spdm import codes
from emulator.wire import render

log = logging.getLogger(__name__)


def log_events(device: Device) -> Callable[[int], Observer]:
    """An observer for each connection that writes one log line an event."""
    every_message = log.isEnabledFor(logging.DEBUG)

    def for_connection(number: int) -> Observer:
        where = f"{device.name} connection {number}"
        conversation = Conversation()

        def observe(event: Event) -> None:
            if isinstance(event, Ignored):
                log.info("%s: %s", where, event.reason)
            elif isinstance(event, Faulted):
                log.warning("%s: fault %s", where, event.fault)
            elif isinstance(event, Ended):
                return  # the connection logs its end
            elif every_message:
                _log_message(where, conversation, event)
            if isinstance(event, Answered) and event.error is not None:
                name = codes.error_name(event.error.code)
                log.warning("%s: > ERROR %s: %s", where, name, event.error)

        return observe

    return for_connection


def _log_message(where: str, conversation: Conversation, event: Received | Answered) -> None:
    """One message: its name and meaning, then its fields."""
    received = isinstance(event, Received)
    told = conversation.tell(Direction.REQUEST if received else Direction.REPLY, event.raw)
    arrow = "<" if received else ">"
    log.debug("%s: %s %s, %d bytes: %s", where, arrow, told.name, told.size, told.meaning)
    if told.layout is not None:
        for line in render(told.layout, told.raw, told.shape).splitlines():
            log.debug("%s:   %s", where, line)
