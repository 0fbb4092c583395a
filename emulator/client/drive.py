"""Running a flow over a channel."""

import asyncio
from typing import TypeVar

from emulator.ask import wait_asked
from emulator.client.channel import Channel
from emulator.errors import BrokenReply, PeerError
from emulator.requester.flow import Direction, Flow, Observer, unobserved
from emulator.transport.binding import Binding, BindingError, Kind

LONGEST_WAIT = 10.0
"""Seconds to wait at most for a device that asks for time; it may then ask for more."""

_T = TypeVar("_T")


async def drive(flow: Flow[_T], channel: Channel, *, observer: Observer = unobserved) -> _T:
    """Carry a flow's requests to the device and its replies back; return the flow's result.

    What goes wrong on the way is thrown into the flow as the PeerError it is, so the flow can say
    what that means. After a reply that asks for time (Busy, ResponseNotReady) the next request
    waits. `observer` is told every SPDM message.
    """
    binding = channel.binding
    try:
        request = next(flow)
        while True:
            observer(Direction.REQUEST, request)
            try:
                reply = unwrap(await channel.exchange(binding.wrap(request)), binding)
            except PeerError as error:
                request = flow.throw(error)
                continue
            observer(Direction.REPLY, reply)
            wait = wait_asked(reply)
            request = flow.send(reply)
            if wait:
                await asyncio.sleep(min(wait, LONGEST_WAIT))
    except StopIteration as stop:
        result: _T = stop.value
        return result
    finally:
        flow.close()


def unwrap(payload: bytes, binding: Binding) -> bytes:
    """The SPDM message in a payload, padding included. Raises BrokenReply for anything else."""
    try:
        found = binding.unwrap(payload)
    except BindingError as error:
        raise BrokenReply(
            binding.unit, error.field, found=error.found, expected=error.expected
        ) from error
    if found.kind is not Kind.MESSAGE:
        raise BrokenReply(binding.unit, "type", found=found.kind.value, expected=Kind.MESSAGE.value)
    return found.data
