"""What all families share: reading a reply, and what its failure leaves behind."""

import pytest
from asking import Host, patched
from devices import error

from emulator.ask import DigestsRequest, MeasurementsRequest, VersionRequest
from emulator.errors import (
    BrokenReply,
    EmulatorError,
    NoResponse,
    PeerError,
    PeerErrorReply,
    UnsupportedByPeer,
)
from emulator.spdm import transcript as transcripts
from emulator.spdm.connection import Connection
from emulator.spdm.messages import MeasurementOperation, RequestAttributes
from emulator.spdm.state import State
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version

NOTHING = RequestAttributes(0)


def digests(host: Host) -> tuple[DigestsRequest, bytes]:
    request = DigestsRequest(host.connection)
    return request, host.answer(request.raw)


def count(host: Host) -> MeasurementsRequest:
    return MeasurementsRequest(
        host.connection,
        operation=MeasurementOperation.COUNT,
        attributes=NOTHING,
        context=bytes(8),
    )


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"", "DIGESTS.header: found 0 bytes, expected 4 or more"),
        (b"\x13\x01\x00", "DIGESTS.header: found 3 bytes"),
        (bytes.fromhex("13020000"), "DIGESTS.code: found CERTIFICATE, expected DIGESTS"),
        (bytes.fromhex("13aa0000"), "DIGESTS.code: found 0xaa"),
        (bytes.fromhex("12010505"), "DIGESTS.version: found 0x12, expected 0x13"),
        (bytes.fromhex("13010101aabb"), "DIGESTS.digests: .*2 bytes left.* whole message"),
    ],
)
def test_a_reply_that_is_none_names_what_is_wrong(reply: bytes, reason: str) -> None:
    request, _ = digests(Host().connected())
    with pytest.raises(BrokenReply, match=reason):
        request.accept(reply)


@pytest.mark.parametrize("padding", [0, 1, 3])
def test_padding_of_the_transport_is_not_recorded(padding: int) -> None:
    host = Host().connected()
    request, reply = digests(host)
    request.accept(reply + bytes(padding))
    assert [entry.raw for entry in host.connection.transcript.part(Part.B)] == [
        request.raw,
        reply,
    ]


def test_more_than_padding_is_not_taken() -> None:
    request, reply = digests(Host().connected())
    with pytest.raises(BrokenReply, match=r"DIGESTS.size: found 104 bytes where .* after 100"):
        request.accept(reply + bytes(4))


def test_reserved_fields_are_tolerated_and_recorded_as_they_came() -> None:
    host = Host()
    request = VersionRequest(host.connection, [Version.V1_3])
    reply = patched(patched(host.answer(request.raw), 2, b"\xaa\xbb\xcc"), 6, 0x5A)
    request.accept(reply)
    assert host.connection.transcript.part(Part.A)[1].raw == reply


def test_an_error_says_its_code_data_and_extended_data() -> None:
    request, _ = digests(Host().connected())
    with pytest.raises(PeerErrorReply) as caught:
        request.accept(error(0x13, 0x0D, 0x05, b"\x00\x12\x00\x00"))
    assert (caught.value.code, caught.value.data) == (0x0D, 0x05)
    assert caught.value.extended == b"\x00\x12\x00\x00"
    assert str(caught.value) == (
        "GET_DIGESTS was refused with ERROR RESPONSE_TOO_LARGE (0x0d), data 0x05, "
        "extended data 00120000"
    )


def test_an_error_of_another_version_is_an_error_all_the_same() -> None:
    request, _ = digests(Host().connected())
    with pytest.raises(PeerErrorReply, match=r"VERSION_MISMATCH \(0x41\), data 0x00$"):
        request.accept(error(0x10, 0x41))


def test_a_refusal_changes_nothing_but_what_the_peer_forgets_too() -> None:
    host = Host().connected()
    host.ask(count(host))
    request, _ = digests(host)
    with pytest.raises(PeerErrorReply):
        request.accept(error(0x13, 0x05))
    assert host.connection.state == State.NEGOTIATED
    assert len(host.connection.transcript.part(Part.M)) == 2
    assert host.connection.transcript.part(Part.B) == ()


def test_a_refused_measurement_begins_l1l2_anew() -> None:
    host = Host().connected()
    host.ask(count(host))
    with pytest.raises(PeerErrorReply):
        count(host).accept(error(0x13, 0x03))
    assert host.connection.transcript.part(Part.M) == ()


def test_a_reply_that_is_still_to_come_leaves_l1l2_as_it_is() -> None:
    host = Host().connected()
    host.ask(count(host))
    with pytest.raises(PeerErrorReply):
        count(host).accept(error(0x13, 0x42, 0, bytes((1, 0xE0, 1, 2))))
    assert len(host.connection.transcript.part(Part.M)) == 2


def test_a_peer_that_lost_the_connection_makes_us_forget_it() -> None:
    host = Host().connected()
    request, _ = digests(host)
    with pytest.raises(PeerErrorReply, match="REQUEST_RESYNCH"):
        request.accept(error(0x13, 0x43))
    assert host.connection.state == State.NOT_STARTED
    assert host.connection.version == 0


def test_a_request_out_of_order_is_our_own_mistake() -> None:
    with pytest.raises(EmulatorError, match="GET_DIGESTS cannot be sent in state NOT_STARTED") as e:
        DigestsRequest(Connection(version=0x13))
    assert not isinstance(e.value, PeerError)


def test_what_the_peer_does_not_offer_is_not_asked() -> None:
    host = Host().connected()
    host.connection.peer_capabilities &= ~DigestsRequest.needs
    with pytest.raises(UnsupportedByPeer, match="GET_DIGESTS needs CERT, which the peer lacks"):
        DigestsRequest(host.connection)
    host.connection.peer_capabilities &= ~MeasurementsRequest.needs
    with pytest.raises(UnsupportedByPeer, match="needs MEAS_NO_SIG or MEAS_SIG"):
        count(host)


def test_a_full_transcript_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host().connected()
    monkeypatch.setattr(transcripts, "LIMIT", 10)
    request, reply = digests(host)
    with pytest.raises(PeerError, match="part B of the transcript is full"):
        request.accept(reply)


def test_all_that_goes_wrong_is_the_peers_doing() -> None:
    for kind in (BrokenReply, PeerErrorReply, UnsupportedByPeer, NoResponse):
        assert issubclass(kind, PeerError)
