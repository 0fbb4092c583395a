"""1.4's large forms: chains and vendor payloads of more than 0xFFFF bytes."""

import struct
from collections.abc import Mapping

import pytest
from chains import issued
from devices import (
    CAPABILITIES,
    Peer,
    challenge,
    device,
    error,
    get_capabilities,
    get_certificate,
    get_digests,
    negotiated,
    vendor_request,
)

from emulator.device import CertificateChain, Device, Slot
from emulator.pki.issue import LeafOptions
from emulator.spdm.capabilities import Cap
from emulator.spdm.state import State
from emulator.spdm.versions import Version
from emulator.vendor import Registry, VendorExchange

LARGE = int(Cap.LARGE_RESP)
ABLE = CAPABILITIES | Cap.LARGE_RESP
ALL = tuple(Version)


def _large_chain() -> CertificateChain:
    made = issued("ECDSA_P384", options=LeafOptions(more_names=("x" * 70_000,)))
    return CertificateChain(made.certificates, made.root, made.key)


BIG = _large_chain()
CHAIN = BIG.spdm("SHA_384")
SIZE = len(CHAIN)


def held(*, capabilities: Cap = ABLE, slots: Mapping[int, tuple[str, ...]] | None = None) -> Device:
    """A device whose slot 1 has a chain that the small form cannot carry."""
    made = device(versions=ALL, capabilities=capabilities, slots=slots or {0: ("ECDSA_P384",)})
    made.slots = {**made.slots, 1: Slot({"ECDSA_P384": BIG})}
    return made


def get_large(
    *, slot: int = 1, offset: int = 0, length: int = 0xFFFFFFFF, param2: int = 0
) -> bytes:
    """GET_CERTIFICATE in the large form; anything may stand in the small fields."""
    small = (0xAAAA, 0xBBBB)
    return struct.pack("<4BHHII", 0x14, 0x82, slot | 0x80, param2, *small, offset, length)


def portion(reply: bytes) -> tuple[bytes, int]:
    """The portion of a large CERTIFICATE, its header checked, and the remainder's length."""
    assert reply[4:8] == bytes(4)
    length, remainder = struct.unpack_from("<II", reply, 8)
    assert len(reply) == 16 + length
    return reply[16:], remainder


def test_a_chain_of_any_size_comes_in_portions() -> None:
    peer = negotiated(held(), version=0x14)
    got, left = b"", 1
    while left:
        reply = peer.good(get_large(offset=len(got)))
        assert reply[:4] == bytes((0x14, 0x02, 0x81, 0))
        data, left = portion(reply)
        assert len(data) == min(4600 - 16, SIZE - len(got))
        got += data
        assert left == SIZE - len(got)
    assert got == CHAIN
    assert int.from_bytes(got[:4], "little") == SIZE > 0xFFFF
    signed = peer.good(challenge(0x14, slot=1))
    assert signed[4:52] == BIG.digest("SHA_384")


def test_a_small_chain_comes_in_the_large_form_too() -> None:
    peer = negotiated(held(), version=0x14)
    small = peer.good(get_certificate(0x14))[8:]
    reply = peer.good(get_large(slot=0))
    assert reply[2] == 0x80
    assert portion(reply) == (small, 0)


@pytest.mark.parametrize("offset", [SIZE, 0xFFFFFFFF])
def test_past_its_end_there_is_no_chain(offset: int) -> None:
    assert negotiated(held(), version=0x14).ask(get_large(offset=offset)) == error(0x14, 0x01)


def test_the_size_of_a_slot() -> None:
    peer = negotiated(held(), version=0x14)
    request = get_large(offset=0xFFFFFFFF, param2=1)
    assert portion(peer.good(request)) == (b"", SIZE)


def test_without_large_resp_the_large_form_is_not_supported() -> None:
    peer = negotiated(held(capabilities=CAPABILITIES), version=0x14)
    assert peer.ask(get_large(slot=0)) == error(0x14, 0x07, 0x82)


def test_in_the_small_form_a_large_chain_is_too_large() -> None:
    told = error(0x14, 0x12, 0, SIZE.to_bytes(4, "little"))
    peer = negotiated(held(), version=0x14)
    assert peer.ask(get_certificate(0x14, slot=1)) == told
    assert peer.ask(get_certificate(0x14, slot=1, param2=1)) == told


def test_a_large_request_that_is_cut_off_is_invalid() -> None:
    peer = negotiated(held(), version=0x14)
    assert peer.ask(get_large()[:12]) == error(0x14, 0x01)


@pytest.mark.parametrize("version", [0x12, 0x13])
def test_before_one_four_the_slot_of_a_large_chain_is_empty(version: int) -> None:
    peer = negotiated(held(), version=version)
    assert peer.good(get_digests(version))[3] == 0b01
    assert peer.ask(get_certificate(version, slot=1)) == error(version, 0x01)
    assert peer.ask(challenge(version, slot=1)) == error(version, 0x01)
    assert peer.good(challenge(version))[3] == 0b01
    assert negotiated(held(), version=0x14).good(get_digests(0x14))[3] == 0b11


@pytest.mark.parametrize("version", [0x12, 0x13])
def test_before_one_four_the_bit_is_reserved(version: int) -> None:
    reply = negotiated(held(), version=version).good(get_certificate(version, slot=0x80, length=4))
    assert (reply[2], len(reply)) == (0, 8 + 4)


class Echo:
    """Says what it was told, doubled."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes:
        del exchange
        return payload * 2


def talking(*, theirs: int = LARGE, ours: Cap = ABLE, version: int = 0x14) -> Peer:
    vendors = Registry()
    vendors.add(3, b"\x01\x00", Echo())
    peer = Peer(held(capabilities=ours), version=version, vendors=vendors)
    peer.climb(State.AFTER_VERSION)
    peer.good(get_capabilities(version, flags=theirs))
    spec = struct.pack("<4BHBBII12xBBBB", version, 0xE3, 0, 0, 32, 1, 2, 0x80, 2, 0, 0, 0, 0)
    peer.good(spec)
    return peer


def large_vendor(payload: bytes, version: int = 0x14) -> bytes:
    """VENDOR_DEFINED_REQUEST in the large form, with libspdm's garbage in the small length."""
    head = struct.pack("<4BHB", version, 0xFE, 0x80, 0, 3, 2)
    return head + b"\x01\x00" + b"\xaa\xaa" + struct.pack("<I", len(payload)) + payload


@pytest.mark.parametrize("payload", [b"", b"a", bytes(2000)])
def test_a_large_payload_is_answered_in_the_large_form(payload: bytes) -> None:
    reply = talking().good(large_vendor(payload) + bytes(3))
    head = bytes.fromhex("147e8000 0300 02 0100 0000")
    assert reply == head + (2 * len(payload)).to_bytes(4, "little") + payload * 2


def test_a_small_payload_is_answered_in_the_small_form() -> None:
    reply = talking().good(vendor_request(0x14, payload=b"ab"))
    assert reply == bytes.fromhex("147e0000 0300 02 0100 0400") + b"abab"


@pytest.mark.parametrize(("theirs", "ours"), [(0, ABLE), (LARGE, CAPABILITIES), (0, CAPABILITIES)])
def test_a_large_payload_needs_both_sides(theirs: int, ours: Cap) -> None:
    peer = talking(theirs=theirs, ours=ours)
    assert peer.ask(large_vendor(b"abc")) == error(0x14, 0x01)


def test_a_large_payload_that_is_cut_off_is_invalid() -> None:
    assert talking().ask(large_vendor(b"abcdef")[:-1]) == error(0x14, 0x01)


def test_in_one_three_the_bit_of_a_vendor_message_is_reserved() -> None:
    request = bytearray(vendor_request(0x13, payload=b"ab"))
    request[2] = 0x80
    assert talking(version=0x13).good(bytes(request))[2] == 0
