"""Asking in 1.4's large forms, and for the size of a slot."""

import pytest
from asking import Host, patched
from devices import CAPABILITIES, device
from unit.answer.test_answer_large_forms import BIG, CHAIN, SIZE, Echo, held

from emulator.ask import CertificateRequest, SlotSizeRequest, VendorRequest, read_chain
from emulator.errors import BrokenReply, EmulatorError, PeerErrorReply, UnsupportedByPeer
from emulator.requester import Offer
from emulator.spdm.capabilities import Cap
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version
from emulator.vendor import Registry

ONE_FOUR = Offer(versions=(Version.V1_4,))


def connected(
    offer: Offer = ONE_FOUR, *, capabilities: Cap = CAPABILITIES | Cap.LARGE_RESP
) -> Host:
    vendors = Registry()
    vendors.add(3, b"\x01\x00", Echo())
    return Host(held(capabilities=capabilities), offer=offer, vendors=vendors).connected()


def test_a_large_chain_is_fetched_and_its_challenge_is_good() -> None:
    host = connected()
    host.run(host.requester.digests())
    fetched = host.run(host.requester.certificate(1))
    assert fetched.spdm == CHAIN
    assert fetched.digest == BIG.digest("SHA_384")
    asked = [request for request in host.sent if request[1] == 0x82]
    assert asked[0] == bytes.fromhex("14828100 00000000 00000000") + (4584).to_bytes(4, "little")
    assert {len(request) for request in asked} == {16}
    assert host.run(host.requester.challenge(1)).reply.slot == 1


def test_without_large_resp_the_small_form_is_used_and_has_its_bound() -> None:
    host = connected(capabilities=CAPABILITIES)
    host.run(host.requester.certificate(0))
    assert {len(request) for request in host.sent if request[1] == 0x82} == {8}
    with pytest.raises(PeerErrorReply, match="DATA_TOO_LARGE") as refused:
        host.run(host.requester.certificate(1))
    assert int.from_bytes(refused.value.extended[:4], "little") == SIZE


@pytest.mark.parametrize("version", [Version.V1_3, Version.V1_4])
def test_the_size_of_a_slot(version: Version) -> None:
    host = connected(Offer(versions=(version,)))
    expected = len(device().slots[0].chains["ECDSA_P384"].spdm("SHA_384"))
    assert host.run(host.requester.slot_size(0)) == expected
    assert len(host.connection.transcript.part(Part.B)) == 2
    if version == Version.V1_4:
        assert host.run(host.requester.slot_size(1)) == SIZE


def test_before_one_three_a_slot_has_no_size() -> None:
    with pytest.raises(UnsupportedByPeer, match=r"since 1.3"):
        SlotSizeRequest(connected(Offer(versions=(Version.V1_2,))).connection, slot=0)


def test_the_reply_has_the_form_of_the_request() -> None:
    host = connected()
    request = CertificateRequest(host.connection, slot=0, offset=0, length=10, total=None)
    reply = host.answer(request.raw)
    small = patched(reply, 2, 0)
    with pytest.raises(BrokenReply, match="slot: found the small form, expected that of the"):
        request.accept(small[:4] + b"\x0a\x00\x00\x01" + reply[16:])
    other = connected(capabilities=CAPABILITIES)
    request = CertificateRequest(other.connection, slot=0, offset=0, length=10, total=None)
    with pytest.raises(BrokenReply, match="slot: found the large form"):
        request.accept(reply)


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (8, b"\x00\x00\x00\x00", "size|portion_length: found 0"),
        (12, b"\x00\x00\x10\x00", "remainder_length: found 1048576, expected a chain of 1048576"),
        (2, 0x81, "slot: found 1, expected 0"),
        (3, 1, "attributes: found certificate model 1"),
    ],
)
def test_broken_large_portions(at: int, value: int | bytes, reason: str) -> None:
    host = connected()
    request = CertificateRequest(host.connection, slot=0, offset=0, length=10, total=None)
    with pytest.raises(BrokenReply, match=f"CERTIFICATE.({reason})"):
        request.accept(patched(host.answer(request.raw), at, value))


def test_a_size_comes_without_a_portion() -> None:
    host = connected()
    request = SlotSizeRequest(host.connection, slot=0)
    reply = patched(host.answer(request.raw), 8, b"\x01") + b"x"
    with pytest.raises(BrokenReply, match=r"CERTIFICATE.portion_length: found 1, expected 0"):
        request.accept(reply)


def test_since_one_four_the_length_of_a_chain_has_32_bits() -> None:
    assert read_chain(1, CHAIN, "SHA_384", wide=True).certificates == BIG.certificates
    with pytest.raises(BrokenReply, match="chain length: found"):
        read_chain(1, CHAIN, "SHA_384")
    with pytest.raises(BrokenReply, match="chain length: found"):
        read_chain(1, patched(CHAIN, 3, 1), "SHA_384", wide=True)


BOTH = Offer(versions=(Version.V1_4,), capabilities=Cap.LARGE_RESP)


def test_vendor_payloads_go_in_the_large_form_where_both_sides_have_it() -> None:
    host = connected(BOTH)
    assert host.run(host.requester.vendor(3, b"\x01\x00", b"ab")) == b"abab"
    assert host.sent[-1] == bytes.fromhex("14fe8000 0300 02 0100 0000 02000000") + b"ab"
    host = connected()
    assert host.run(host.requester.vendor(3, b"\x01\x00", b"ab")) == b"abab"
    assert host.sent[-1] == bytes.fromhex("14fe0000 0300 02 0100 0200") + b"ab"


def test_a_payload_has_a_largest_size() -> None:
    def asked(host: Host, size: int) -> VendorRequest:
        return VendorRequest(host.connection, standard=3, vendor=b"\x01\x00", payload=bytes(size))

    assert len(asked(connected(BOTH), 0x10000).raw) == 15 + 0x10000
    assert len(asked(connected(), 0xFFFF).raw) == 11 + 0xFFFF
    with pytest.raises(EmulatorError, match="65536 bytes, where 65535 are the most unless both"):
        asked(connected(), 0x10000)


def test_a_vendors_answer_has_the_form_of_the_request() -> None:
    host = connected(BOTH)
    request = VendorRequest(host.connection, standard=3, vendor=b"\x01\x00", payload=b"")
    reply = bytes.fromhex("147e0000 0300 02 0100 0000")
    with pytest.raises(BrokenReply, match="attributes: found the small form, expected that of the"):
        request.accept(reply)
    garbage = bytes.fromhex("147e8000 0300 02 0100 aaaa 01000000") + b"x"
    assert request.accept(garbage) == b"x"
