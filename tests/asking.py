"""A requester and a device back to back in memory, and replies bent out of shape."""

from typing import Self, TypeVar

from chains import authority
from devices import Peer

from emulator.ask import Request
from emulator.device import Device
from emulator.entropy import Seeded
from emulator.requester import DEFAULT, Direction, Flow, Observer, Offer, Requester
from emulator.requester.flow import unobserved
from emulator.spdm.connection import Connection
from emulator.vendor import Registry

T = TypeVar("T")

SCHEME = "ECDSA_P384"
ROOTS = tuple(authority(scheme).root.certificate for scheme in ("ECDSA_P256", "ECDSA_P384"))


def patched(reply: bytes, at: int, value: int | bytes) -> bytes:
    """`reply` with other bytes at `at`, counted from its end where negative."""
    new = bytes((value,)) if isinstance(value, int) else value
    at = at if at >= 0 else len(reply) + at
    return reply[:at] + new + reply[at + len(new) :]


class Host:
    """A requester attached to a device in memory.

    Attributes:
        peer: the device's end.
        requester: the host's end.
        sent: the requests so far.
    """

    def __init__(
        self,
        to: Device | None = None,
        *,
        offer: Offer = DEFAULT,
        vendors: Registry | None = None,
        observer: Observer = unobserved,
    ) -> None:
        self.peer = Peer(to, vendors=vendors)
        self.requester = Requester(Seeded("host"), offer)
        self.sent: list[bytes] = []
        self._observer = observer

    @property
    def connection(self) -> Connection:
        """The requester's state of the connection."""
        return self.requester.connection

    def answer(self, request: bytes) -> bytes:
        """What the device says to `request`, for tests that bend it."""
        return self.peer.ask(request)

    def run(self, flow: Flow[T]) -> T:
        """Carry a flow to its end."""
        try:
            request = next(flow)
            while True:
                self.sent.append(request)
                self._observer(Direction.REQUEST, request)
                reply = self.answer(request)
                self._observer(Direction.REPLY, reply)
                request = flow.send(reply)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def ask(self, request: Request[T]) -> T:
        """Carry one request."""
        return request.accept(self.answer(request.raw))

    def connected(self, *slots: int) -> Self:
        """Connect, and fetch the chains of these slots."""
        self.run(self.requester.connect())
        for slot in slots:
            self.run(self.requester.certificate(slot))
        return self
