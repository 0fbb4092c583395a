"""A requester with sessions and a device's endpoint back to back in memory, over any transport."""

from collections.abc import Callable
from typing import TypeVar

from devices import frame, seen_frames
from secured import HINT, KEY, able_device

from emulator.ask import Request, wait_asked
from emulator.client.drive import unwrap, wrap
from emulator.device import Device
from emulator.endpoint import Endpoint, Event, Send, carried_out
from emulator.entropy import Seeded
from emulator.errors import NoResponse, PeerError
from emulator.requester import Flow, Offer, Requester, SecureSession, for_sessions
from emulator.requester.flow import Inside
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE

T = TypeVar("T")
BOTH = Cap.KEY_EX | Cap.PSK
CLEAR = BOTH | Cap.HANDSHAKE_IN_THE_CLEAR


def offering(how: Cap = BOTH, **offer: object) -> Offer:
    """An offer of the early tests' size, with sessions; keywords are those of `Offer`."""
    return for_sessions(Offer(**offer), how)  # type: ignore[arg-type]


class SecureHost:
    """A requester attached to a device's endpoint.

    Attributes:
        device: the device.
        endpoint: its end.
        requester: the host's end.
        events: what the endpoint told.
        sent: the payloads of the requests so far.
        bend: what becomes of the payload that answers one; empty: no response.
        now: the time at which the next request comes, seconds.
    """

    def __init__(
        self,
        to: Device | None = None,
        *,
        offer: Offer | None = None,
        binding: Binding = DOE,
        seed: str = "host",
    ) -> None:
        self.events: list[Event] = []
        self.device = to or able_device()
        self.endpoint = Endpoint(self.device, observer=self.events.append)
        self.requester = Requester(Seeded(seed), offer or offering())
        self.requester.padding = binding.padding
        self.binding = binding
        self.sent: list[bytes] = []
        self.bend: Callable[[bytes], bytes] = lambda payload: payload
        self.now = 1.0

    @property
    def connection(self) -> Connection:
        """The requester's state of the connection."""
        return self.requester.connection

    def carry(self, payload: bytes) -> bytes:
        """The payload that answers one, as it was sent; empty for no response."""
        self.sent.append(payload)
        framed = frame(payload, transport=int(self.binding.transport))
        actions = carried_out(self.endpoint, self.endpoint.receive(framed, self.now), self.now)
        stream = b"".join(action.data for action in actions if isinstance(action, Send))
        [answer] = seen_frames(stream)
        return answer.payload

    def answer(self, request: bytes) -> bytes:
        """The reply to a request, inside of a session or not."""
        payload = self.bend(self.carry(wrap(request, self.binding)))
        if not payload:
            raise NoResponse("no response")
        return unwrap(payload, self.binding, request)

    def run(self, flow: Flow[T]) -> T:
        """Carry a flow to its end, at the times that the device asks for."""
        try:
            request = next(flow)
            while True:
                try:
                    reply = self.answer(request)
                except PeerError as error:
                    request = flow.throw(error)
                else:
                    self.now += wait_asked(reply)
                    request = flow.send(reply)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def inside(self, session: SecureSession, request: Request[T]) -> bytes:
        """The reply to one request inside of a session, not accepted yet."""
        return self.answer(Inside(request.raw, session))

    def connected(self) -> "SecureHost":
        """Connect, and fetch the chain of slot 0."""
        self.run(self.requester.connect())
        self.run(self.requester.certificate(0))
        return self

    def session(self) -> SecureSession:
        """An established session by KEY_EXCHANGE."""
        return self.run(self.requester.session())

    def psk_session(self) -> SecureSession:
        """An established session of the pre-shared key."""
        return self.run(self.requester.psk_session(HINT, KEY))
