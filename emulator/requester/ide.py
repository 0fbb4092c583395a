"""The host's side of IDE: keys for both ends of a link, brought to the device in a session.

    QUERY → KEY_PROG for each key → K_SET_GO for what is received, then for what is sent

The root port gets each key as the device does, in the opposite place: what one sends under, the
other receives under.
"""

from collections.abc import Iterable

from emulator.ask import ide_km
from emulator.ask.ide_km import PortInfo
from emulator.errors import EmulatorError
from emulator.link import (
    KEY_SIZE,
    PLACES,
    Block,
    Direction,
    End,
    KeyEvent,
    KeySet,
    Place,
    Stream,
    stream_control,
)
from emulator.link.keys import FIRST_INVOCATION
from emulator.link.registers import traffic_class
from emulator.requester.asker import Asker
from emulator.requester.flow import Flow
from emulator.vendor.ide_km import ObjectId
from emulator.vendor.pci import PCI_SIG


class IdeKeys:
    """IDE_KM in one session: a method an object, and whole conversations of them."""

    def __init__(self, session: Asker) -> None:
        """What is said in `session`; outside of one no device answers."""
        self._session = session

    def query(self, port: int = 0) -> Flow[PortInfo]:
        """QUERY: what a port is like."""
        return ide_km.read_query_resp(port, (yield from self._ask(ide_km.query(port))))

    def program(
        self,
        place: Place,
        key: bytes,
        *,
        stream: int,
        port: int = 0,
        invocation: int = FIRST_INVOCATION,
    ) -> Flow[None]:
        """KEY_PROG: bring a key to its place at the device. Raises KeyRefused."""
        asked = ide_km.program(port, stream, place.byte, key, invocation)
        ide_km.check_kp_ack(port, stream, place.byte, (yield from self._ask(asked)))

    def go(self, place: Place, *, stream: int, port: int = 0) -> Flow[None]:
        """K_SET_GO: let the device use a key. A device that refuses it does not answer."""
        yield from self._key_set(ObjectId.K_SET_GO, place, stream, port)

    def stop(self, place: Place, *, stream: int, port: int = 0) -> Flow[None]:
        """K_SET_STOP: let the device forget a key. A device that refuses it does not answer."""
        yield from self._key_set(ObjectId.K_SET_STOP, place, stream, port)

    def bring_up(
        self, root: End, *, stream: int, port: int = 0, key_set: KeySet = KeySet.K0
    ) -> Flow[None]:
        """New keys of one set for a stream, at the device and at `root`, and into use.

        With the other set in use this is how keys are refreshed while the link runs. Both ends are
        Secure afterwards where both are enabled. Raises EmulatorError where `root` has no such
        stream.
        """
        ours = _stream(root, stream)
        places = [place for place in PLACES if place.key_set is key_set]
        for place in places:
            key = self._session.entropy.bytes(KEY_SIZE, label=f"IDE key {port} {stream} {place}")
            yield from self.program(place, key, stream=stream, port=port)
            ours.program(place.opposite, key, FIRST_INVOCATION)
        # Who receives is ready before anybody sends.
        for direction in Direction:
            for place in places:
                if place.direction is direction:
                    yield from self.go(place, stream=stream, port=port)
            for place in places:
                if place.direction is direction:
                    ours.go(place)

    def tear_down(
        self, root: End, *, stream: int, port: int = 0, key_set: KeySet = KeySet.K0
    ) -> Flow[None]:
        """K_SET_STOP for each key of a set, at both ends."""
        ours = _stream(root, stream)
        for place in PLACES:
            if place.key_set is key_set:
                yield from self.stop(place, stream=stream, port=port)
                if ours.allows(place.opposite, KeyEvent.K_SET_STOP):
                    ours.stop(place.opposite)

    def _key_set(self, object_id: ObjectId, place: Place, stream: int, port: int) -> Flow[None]:
        asked = ide_km.key_set(object_id, port, stream, place.byte)
        ide_km.check_gostop_ack(port, stream, place.byte, (yield from self._ask(asked)))

    def _ask(self, payload: bytes) -> Flow[bytes]:
        return (yield from self._session.vendor(*PCI_SIG, payload))


def root_port(blocks: Iterable[Block], *, requester: int = 0) -> End:
    """The other end of a device's port: the same streams, all enabled, each the default."""
    link: list[Stream] = []
    selective: list[Stream] = []
    for block in blocks:
        number = block.control >> 24
        control = stream_control(
            number,
            enabled=True,
            traffic_class=traffic_class(block.control),
            default=block.selective,
        )
        made = Stream(selective=block.selective, control=control)
        (selective if block.selective else link).append(made)
    return End("root port", requester, link=tuple(link), selective=tuple(selective))


def _stream(end: End, number: int) -> Stream:
    found = end.stream(number)
    if found is None:
        raise EmulatorError(f"{end.name} has no stream {number}")
    return found
