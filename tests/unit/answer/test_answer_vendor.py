"""VENDOR_DEFINED_RESPONSE."""

import pytest
from devices import device, error, get_measurements, negotiated, snapshot, vendor_request

from emulator.spdm.state import State
from emulator.vendor import Registry, VendorExchange
from emulator.vendor.registry import VENDOR_ID_SIZES

both = pytest.mark.parametrize("version", [0x12, 0x13])


class Answering:
    """Answers with `payload`, or without it with what it got turned round; keeps what it saw."""

    def __init__(self, payload: bytes | None = None) -> None:
        self.payload = payload
        self.seen: list[tuple[bytes, VendorExchange]] = []

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        self.seen.append((payload, exchange))
        return payload[::-1] if self.payload is None else self.payload


class Silent:
    """Has no answer."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        del payload, exchange
        return None


def registry(*, vendor: bytes = b"\x01\x00", standard: int = 3, to: Answering | Silent) -> Registry:
    made = Registry()
    made.add(standard, vendor, to)
    return made


@both
@pytest.mark.parametrize("payload", [b"", b"a", b"ping", bytes(4000)])
def test_the_payload_goes_to_the_protocol_and_its_answer_comes_back(
    version: int, payload: bytes
) -> None:
    protocol, held = Answering(), device()
    peer = negotiated(held, version=version, vendors=registry(to=protocol))
    reply = peer.good(vendor_request(version, payload=payload))
    head = bytes((version, 0x7E)) + bytes.fromhex("0000 0300 02 0100")
    assert reply == head + len(payload).to_bytes(2, "little") + payload[::-1]
    ((seen, exchange),) = protocol.seen
    assert seen == payload
    assert exchange == VendorExchange(held, peer.connection, None, exchange.entropy)


@both
def test_padding_is_no_part_of_the_payload(version: int) -> None:
    protocol = Answering()
    peer = negotiated(version=version, vendors=registry(to=protocol))
    peer.good(vendor_request(version, payload=b"p") + bytes(3))
    assert protocol.seen[0][0] == b"p"


@both
def test_a_protocol_may_have_no_response(version: int) -> None:
    peer = negotiated(version=version, vendors=registry(to=Silent()))
    assert peer.exchange(vendor_request(version)).data is None
    peer.good(get_measurements(version))


@both
@pytest.mark.parametrize(
    ("standard", "vendor"), [(3, b"\x02\x00"), (3, b""), (7, b"\x01\x00"), (0xC0DE, b"12345")]
)
def test_what_is_not_registered_is_not_supported(
    version: int, standard: int, vendor: bytes
) -> None:
    peer = negotiated(version=version, vendors=registry(to=Answering()))
    request = vendor_request(version, standard=standard, vendor=vendor)
    assert peer.ask(request) == error(version, 0x07, 0xFE)


@both
def test_without_any_protocol_nothing_is_supported(version: int) -> None:
    assert negotiated(version=version).ask(vendor_request(version)) == error(version, 0x07, 0xFE)


@both
@pytest.mark.parametrize("standard", VENDOR_ID_SIZES)
def test_a_vendor_id_of_a_size_its_body_does_not_have(version: int, standard: int) -> None:
    peer = negotiated(version=version, vendors=registry(to=Answering()))
    for size in set(range(12)) - set(VENDOR_ID_SIZES[standard]):
        request = vendor_request(version, standard=standard, vendor=bytes(size))
        assert peer.ask(request) == error(version, 0x01)


@both
def test_an_answer_that_cannot_be_said_is_the_devices_failure(version: int) -> None:
    peer = negotiated(version=version, vendors=registry(to=Answering(bytes(0x10000))))
    before = snapshot(peer.connection)
    reply = peer.exchange(vendor_request(version))
    assert reply.data == error(version, 0x05)
    assert "VendorDefinedResponse" in str(reply.error)
    assert snapshot(peer.connection) == before


@both
def test_an_answer_larger_than_a_message_is_too_large(version: int) -> None:
    peer = negotiated(version=version, vendors=registry(to=Answering(bytes(4590))))
    size = (11 + 4590).to_bytes(4, "little")
    assert peer.ask(vendor_request(version)) == error(version, 0x0D, 0, size)


@both
def test_an_answer_leaves_the_connection_where_it_stood(version: int) -> None:
    peer = negotiated(version=version, vendors=registry(to=Answering()))
    for state in (State.NEGOTIATED, State.AFTER_DIGESTS):
        before = snapshot(peer.connection)
        peer.good(vendor_request(version))
        assert snapshot(peer.connection) == before
        assert peer.connection.state == state
        peer.good(bytes((version, 0x81, 0, 0)))
