"""Bytes that peers should not send, and endpoints to send them to."""

import struct

from devices import (
    GET_VERSION,
    challenge,
    data_object,
    device,
    frame,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    seen_frames,
    spdm_frame,
    vendor_request,
)
from hypothesis import strategies as st
from unit.responder.verifying import verify

from emulator.device import Device
from emulator.endpoint import Answered, Close, Endpoint, Event, Send, carried_out
from emulator.spdm.state import State
from emulator.spdm.versions import Version
from emulator.transport.bindings import ALL
from emulator.transport.tcp import TcpReader
from emulator.vendor import Registry, VendorExchange

LADDER = (
    GET_VERSION,
    get_capabilities(),
    negotiate_algorithms(),
    get_digests(),
    get_certificate(),
    challenge(),
)
"""The requests that climb from state to state."""

GOOD = (
    *LADDER,
    get_capabilities(0x12),
    negotiate_algorithms(
        structures=(bytes.fromhex("02201b00"), bytes.fromhex("03210600") + b"ext."), external=(1, 2)
    ),
    get_certificate(offset=100, length=1000),
    challenge(summary=0xFF),
    get_measurements(operation=0),
    get_measurements(),
    get_measurements(signed=True, attributes=0x02),
    vendor_request(payload=b"payload"),
    vendor_request(standard=4, vendor=bytes(4)),
)

EDGES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)


class Odd:
    """A vendor protocol that answers, is silent or says too much, by what it is asked."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        del exchange
        if len(payload) > 4:
            return payload * 100
        return payload[1:] or None


def vendors() -> Registry:
    """A registry that has such a protocol."""
    made = Registry()
    made.add(3, b"\x01\x00", Odd())
    return made


class Attached:
    """An endpoint in a state, and what it was asked and said."""

    def __init__(self, state: State = State.NOT_STARTED, *, to: Device | None = None) -> None:
        self.events: list[Event] = []
        self.endpoint = Endpoint(
            device() if to is None else to, vendors=vendors(), observer=self.events.append
        )
        for request in LADDER[:state]:
            self.send(spdm_frame(request))
        assert self.endpoint.responder.connection.state == state

    def send(self, data: bytes) -> bool:
        """Send bytes and check the form of what comes back; whether the connection lives on."""
        actions = carried_out(self.endpoint, self.endpoint.receive(data, 0.0), 0.0)
        for action in actions[:-1]:
            assert isinstance(action, Send)
        for action in actions:
            if isinstance(action, Send) and self.alone:
                check_tcp(action.data)
            elif isinstance(action, Send):
                (reply,) = seen_frames(action.data)
                assert reply.command != 0
                assert len(reply.payload) <= 4608
                if reply.command == 1 and reply.payload:
                    CHECKS[reply.transport](reply.payload)
        return not (actions and isinstance(actions[-1], Close))

    @property
    def alone(self) -> bool:
        """Whether the peer began with TCP messages alone."""
        return isinstance(self.endpoint._reader._chosen, TcpReader)

    def converse(self) -> None:
        """A whole good conversation, its signature verified."""
        said = []
        for request in LADDER:
            before = len(self.events)
            assert self.send(spdm_frame(request))
            answered = self.events[before + 1]
            assert isinstance(answered, Answered)
            assert answered.raw[1] == request[1] & 0x7F, answered.error
            said.append((request, answered.raw))
        verify(said)


def check_data_object(payload: bytes) -> None:
    """One whole data object of a type that is answered."""
    vendor, kind, reserved, length = struct.unpack_from("<HBBI", payload)
    assert (vendor, reserved) == (1, 0)
    assert kind in {0, 1}
    assert len(payload) == 4 * length


def check_mctp(payload: bytes) -> None:
    """One SPDM message behind its type."""
    assert payload[0] == 0x05
    check_message(payload[1:])


def check_tcp(payload: bytes) -> None:
    """One SPDM message behind its header, or a refusal that is a header alone."""
    length, version, kind = struct.unpack_from("<HBB", payload)
    assert version == 1
    if kind == 0x05:
        assert length == len(payload) - 2
        check_message(payload[4:])
    else:
        assert kind in {0xC1, 0xC2}
        assert (length, len(payload)) == (0, 4)


def check_message(payload: bytes) -> None:
    """An SPDM response."""
    assert payload[0] in set(Version)
    assert payload[1] < 0x80
    assert len(payload) >= 4


CHECKS = {0: check_message, 1: check_mctp, 2: check_data_object, 3: check_tcp}
"""What a reply must be like, by the transport of its frame."""


@st.composite
def mutated(draw: st.DrawFn, original: st.SearchStrategy[bytes]) -> bytes:
    """`original`, changed in one to four places."""
    raw = bytearray(draw(original))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        match draw(st.sampled_from(("set", "edge", "insert", "delete", "cut", "repeat"))):
            case "set" if at < len(raw):
                raw[at] = draw(st.integers(0, 255))
            case "edge" if at < len(raw):
                raw[at] = draw(st.sampled_from(EDGES))
            case "insert":
                raw[at:at] = draw(st.binary(min_size=1, max_size=8))
            case "delete":
                del raw[at : at + draw(st.integers(1, 8))]
            case "cut":
                del raw[at:]
            case "repeat":
                raw += raw[at:]
    return bytes(raw[:8192])


def messages() -> st.SearchStrategy[bytes]:
    """SPDM messages: good ones, changed ones, and none at all."""
    good = st.sampled_from(GOOD)
    return st.one_of(good, mutated(good), st.binary(max_size=64))


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Whole frames that do not shut the connection down, whatever they carry."""
    kinds = st.one_of(st.sampled_from((0, 1, 2)), st.integers(0, 255))
    owners = st.one_of(st.just(1), st.integers(0, 0xFFFF))
    if draw(st.booleans()):
        return spdm_frame(draw(messages()))
    if draw(st.booleans()):
        binding = draw(st.sampled_from(ALL))
        wrapped = st.just(binding.wrap(draw(messages())))
        return frame(draw(st.one_of(wrapped, mutated(wrapped))), transport=binding.transport)
    carried = data_object(draw(messages()), kind=draw(kinds), vendor=draw(owners))
    payload = draw(st.one_of(st.just(carried), mutated(st.just(carried)), st.binary(max_size=64)))
    known = st.sampled_from((0x0001, 0xDEAD, 0xFFFD, 0xFFFF, 0x8001))
    numbers = st.integers(0, 2**32 - 1)
    # A third byte of 01 may begin a stream of TCP messages instead.
    others = numbers.filter(lambda number: number != 0xFFFE and number >> 8 & 0xFF != 1)
    command = draw(st.one_of(known, others))
    return frame(payload, command=command, transport=draw(st.one_of(st.just(2), numbers)))
