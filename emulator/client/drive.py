"""Running a flow over a channel."""

import asyncio
from typing import TypeVar

from emulator.ask import wait_asked
from emulator.client.channel import Channel
from emulator.client.link import RootPort
from emulator.errors import BrokenReply, EmulatorError, PeerError
from emulator.requester.flow import Direction, Flow, Inside, Observer, unobserved
from emulator.requester.traffic import OnLink
from emulator.transport.binding import Binding, BindingError, Kind

LONGEST_WAIT = 10.0
"""Seconds to wait at most for a device that asks for time; it may then ask for more."""

_T = TypeVar("_T")


async def drive(
    flow: Flow[_T],
    channel: Channel,
    *,
    observer: Observer = unobserved,
    link: RootPort | None = None,
) -> _T:
    """Carry a flow's requests to the device and its replies back; return the flow's result.

    What goes wrong on the way is thrown into the flow as the PeerError it is, so the flow can say
    what that means. After a reply that asks for time (Busy, ResponseNotReady) the next request
    waits. `observer` is told every SPDM message. TLPs go over `link`; without it, a flow that has
    one to send is an EmulatorError.
    """
    binding = channel.binding
    try:
        request = next(flow)
        while True:
            try:
                if isinstance(request, OnLink):
                    request = flow.send(await _over(link, request))
                    continue
                observer(Direction.REQUEST, request)
                payload = await channel.exchange(wrap(request, binding))
                reply = unwrap(payload, binding, request)
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


async def _over(link: RootPort | None, request: OnLink) -> bytes:
    if link is None:
        raise EmulatorError("there is no link for TLPs to go over")
    return await link.carry(request)


def wrap(request: bytes, binding: Binding) -> bytes:
    """The payload that carries a request of a flow.

    Raises EmulatorError for one inside of a session where the transport carries none.
    """
    if not isinstance(request, Inside):
        return binding.wrap(request)
    if binding.records is None:
        raise EmulatorError(f"transport {binding.name} carries no sessions")
    return binding.wrap_record(request.session.seal(binding.records, request))


def unwrap(payload: bytes, binding: Binding, request: bytes = b"") -> bytes:
    """The SPDM message in a payload, padding included: the reply to `request`.

    Raises BrokenReply for anything else; to a request inside of a session only a record of that
    session is an answer.
    """
    try:
        found = binding.unwrap(payload)
    except BindingError as error:
        raise BrokenReply(
            binding.unit, error.field, found=error.found, expected=error.expected
        ) from error
    session = request.session if isinstance(request, Inside) else None
    expected = Kind.MESSAGE if session is None else Kind.SECURED
    if found.kind is not expected:
        raise BrokenReply(binding.unit, "type", found=found.kind.value, expected=expected.value)
    if session is None or binding.records is None:
        return found.data
    return Inside(session.open(binding.records, found.data), session)
