"""Opaque data, vendor-defined messages, and devices that are not ready."""

import pytest
from asking import Host, patched
from devices import error

from emulator.ask import DigestsRequest, VendorRequest, respond_if_ready, wait_asked
from emulator.ask.opaque import check_opaque
from emulator.ask.ready import BUSY_WAIT
from emulator.errors import BrokenReply, PeerErrorReply
from emulator.spdm.algorithms import OpaqueFormat
from emulator.spdm.connection import Connection
from emulator.spdm.negotiation import Negotiated
from emulator.spdm.transcript import Part
from emulator.vendor import Registry, VendorExchange


def connection(agreed: int, version: int = 0x13) -> Connection:
    return Connection(version=version, algorithms=Negotiated(other_params=agreed))


GENERAL = connection(OpaqueFormat.FORMAT_1)


@pytest.mark.parametrize(
    "opaque",
    [
        "",
        "01000000 00 00 0400 01020304",
        "01aabbcc 03 02 0100 0100 ff 00",
        "02000000 00 00 0000 0b 01 77 0200 0102 00",
    ],
)
def test_general_opaque_data(opaque: str) -> None:
    check_opaque(GENERAL, "X", bytes.fromhex(opaque))


@pytest.mark.parametrize(
    ("opaque", "reason"),
    [
        ("00", "opaque_length: found 1, expected a multiple of 4"),
        ("00000000", "opaque: found no element"),
        ("01000000", "opaque element 0: found OpaqueElement.registry .* whole element"),
        ("01000000 00 00 0500 01020304", "opaque element 0: found OpaqueElement.data"),
        ("01000000 0c 00 0400 01020304", "opaque element 0: found 12, .*at most 11"),
        ("01000000 00 00 0300 01020304", "opaque element 0: found 04, expected zero padding"),
        ("02000000 00 00 0400 01020304", "opaque element 1: found"),
        ("01000000 00 00 0000 00000000", "opaque_length: found 12, expected 8"),
    ],
)
def test_broken_general_opaque_data(opaque: str, reason: str) -> None:
    with pytest.raises(BrokenReply, match=f"X.{reason}"):
        check_opaque(GENERAL, "X", bytes.fromhex(opaque))


def test_opaque_data_has_a_bound() -> None:
    with pytest.raises(BrokenReply, match=r"X.opaque_length: found 1028, expected at most 1024"):
        check_opaque(GENERAL, "X", bytes(1028))


def test_format_zero_is_the_vendors_own() -> None:
    check_opaque(connection(OpaqueFormat.FORMAT_0), "X", b"\x01")


def test_without_a_format_there_is_none_since_one_two() -> None:
    check_opaque(connection(0), "X", b"")
    check_opaque(connection(0, version=0x11), "X", b"\x01")
    with pytest.raises(BrokenReply, match=r"X.opaque_length: found 1, expected 0, as no format"):
        check_opaque(connection(0, version=0x12), "X", b"\x01")


class Mirror:
    """Answers with the payload the other way round."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes:
        del exchange
        return payload[::-1]


def vendor_asked() -> tuple[VendorRequest, bytes, Host]:
    vendors = Registry()
    vendors.add(3, b"\x01\x00", Mirror())
    host = Host(vendors=vendors).connected(0)
    request = VendorRequest(host.connection, standard=3, vendor=b"\x01\x00", payload=b"abc")
    return request, host.answer(request.raw), host


def test_a_vendors_protocol_is_asked() -> None:
    request, reply, host = vendor_asked()
    before = host.connection.transcript.part(Part.B)
    assert request.raw == bytes.fromhex("13fe0000 0300 02 0100 0300") + b"abc"
    assert request.accept(reply + b"\x00") == b"cba"
    assert host.connection.transcript.part(Part.B) == before


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (4, 4, "standard: found 4, expected 3"),
        (7, b"\x02\x00", "vendor: found 0200, expected 0100"),
        (9, b"\x09\x00", "payload: found"),
    ],
)
def test_broken_vendor_replies(at: int, value: int | bytes, reason: str) -> None:
    request, reply, _ = vendor_asked()
    with pytest.raises(BrokenReply, match=f"VENDOR_DEFINED_RESPONSE.{reason}"):
        request.accept(patched(reply, at, value))


def not_ready(extended: bytes) -> PeerErrorReply:
    return PeerErrorReply("later", code=0x42, data=0, extended=extended)


def test_asking_again_names_the_request_and_the_token() -> None:
    request = DigestsRequest(Host().connected().connection)
    assert respond_if_ready(request, not_ready(bytes((5, 0x81, 0x77, 2)))) == bytes.fromhex(
        "13ff8177"
    )


@pytest.mark.parametrize(
    ("extended", "reason"),
    [
        ("058177", "extended: found 3 bytes, expected 4"),
        ("05827702", "request_code: found 0x82, expected 0x81"),
        ("05817701", "rdtm: found 1, expected 2 or more"),
        ("20817702", "rdt_exponent: found 32, expected at most 31"),
    ],
)
def test_broken_response_not_ready(extended: str, reason: str) -> None:
    request = DigestsRequest(Host().connected().connection)
    with pytest.raises(BrokenReply, match=f"ERROR.{reason}"):
        respond_if_ready(request, not_ready(bytes.fromhex(extended)))


@pytest.mark.parametrize(
    ("reply", "wait"),
    [
        (b"", 0.0),
        (bytes.fromhex("13010101"), 0.0),
        (error(0x13, 0x01), 0.0),
        (error(0x13, 0x03), BUSY_WAIT),
        (error(0x13, 0x42, 0, b"\x0a\x81\x01\x02"), 1024e-6),
        (error(0x13, 0x42, 0, b"\xff\x81\x01\x02"), 2**31 * 1e-6),
        (error(0x13, 0x42), 0.0),
    ],
)
def test_how_long_a_device_wants_us_to_wait(reply: bytes, wait: float) -> None:
    assert wait_asked(reply) == pytest.approx(wait)
