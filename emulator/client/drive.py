"""Running a flow over a channel."""

import asyncio
from typing import TypeVar

from emulator.ask import wait_asked
from emulator.client.channel import Channel
from emulator.errors import BrokenReply, PeerError
from emulator.requester.flow import Direction, Flow, Observer, unobserved
from emulator.transport import doe

LONGEST_WAIT = 10.0
"""Seconds to wait at most for a device that asks for time; it may then ask for more."""

_T = TypeVar("_T")
_NAME = "DOE object"


async def drive(flow: Flow[_T], channel: Channel, *, observer: Observer = unobserved) -> _T:
    """Carry a flow's requests to the device and its replies back; return the flow's result.

    What goes wrong on the way is thrown into the flow as the PeerError it is, so the flow can say
    what that means. After a reply that asks for time (Busy, ResponseNotReady) the next request
    waits. `observer` is told every SPDM message.
    """
    try:
        request = next(flow)
        while True:
            observer(Direction.REQUEST, request)
            try:
                reply = unwrap(await channel.exchange(doe.spdm_object(request)))
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


def unwrap(data: bytes) -> bytes:
    """The SPDM message in a DOE object, padding included. Raises BrokenReply for another object."""
    try:
        found = doe.parse(data)
    except doe.DataObjectError as error:
        raise BrokenReply(_NAME, "length", found=error, expected="one whole object") from error
    if found.vendor != doe.VENDOR_PCISIG:
        expected = f"0x{doe.VENDOR_PCISIG:04x}"
        raise BrokenReply(_NAME, "vendor", found=f"0x{found.vendor:04x}", expected=expected)
    if found.kind != doe.DataObjectType.CMA_SPDM:
        expected = f"{doe.DataObjectType.CMA_SPDM:d}, SPDM"
        raise BrokenReply(_NAME, "type", found=found.kind, expected=expected)
    return found.payload
