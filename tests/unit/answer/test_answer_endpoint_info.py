"""ENDPOINT_INFO: what the device says it is, signed and not, and what it refuses."""

import struct

import pytest
from devices import (
    CAPABILITIES,
    Peer,
    chain,
    device,
    error,
    get_certificate,
    get_measurements,
    negotiated,
)

from emulator.device import Device
from emulator.device.endpoint_info import DeviceClass
from emulator.spdm.capabilities import Cap
from emulator.spdm.signing import ToSign
from emulator.spdm.transcript import Entry, Part
from emulator.spdm.versions import Version

VERSIONS = (Version.V1_2, Version.V1_3, Version.V1_4)
NONCE = bytes(range(32))
SIGNATURE = 96
INFO = bytes.fromhex("01000000 0b 03 02 361b 02 03 020801 01 02")
"""One class: PCI-SIG, Vendor ID 1b36, Class Code 010802, Revision ID 02."""
both = pytest.mark.parametrize("version", [0x13, 0x14])


def telling(
    *, capabilities: Cap = CAPABILITIES | Cap.EP_INFO_SIG, classes: tuple[DeviceClass, ...] = ()
) -> Device:
    made = device(versions=VERSIONS, capabilities=capabilities)
    made.device_classes = classes
    return made


def get_info(
    version: int = 0x13, *, signed: bool = False, slot: int = 0, sub_code: int = 1
) -> bytes:
    head = bytes((version, 0x87, sub_code, slot, signed, 0, 0, 0))
    return head + (NONCE if signed else b"")


def signed_over(peer: Peer, request: bytes, reply: bytes) -> ToSign:
    """What the signature of `reply` is over: the negotiation and this exchange."""
    said = [message for exchange in peer.said[:3] for message in exchange]
    entries = tuple(Entry(raw) for raw in (*said, request, reply[:-SIGNATURE]))
    context = "responder-endpoint_info signing"
    return ToSign(peer.version, context, "SHA_384", entries)


@both
def test_unsigned(version: int) -> None:
    peer = negotiated(telling(), version=version)
    head = bytes((version, 0x07, 0, 0)) + bytes(4) + struct.pack("<I", len(INFO))
    assert peer.good(get_info(version)) == head + INFO


@both
@pytest.mark.parametrize("slot", [0, 2])
def test_signed_by_the_slot_asked_for(version: int, slot: int) -> None:
    peer = negotiated(telling(), version=version)
    request = get_info(version, signed=True, slot=slot)
    reply = peer.good(request)
    assert reply[:8] == bytes((version, 0x07, 0, slot)) + bytes(4)
    assert reply[40:44] + reply[44:-SIGNATURE] == struct.pack("<I", len(INFO)) + INFO
    over = signed_over(peer, request, reply)
    assert chain("ECDSA_P384", slot).key.public.verify(reply[-SIGNATURE:], over)


def test_each_signature_covers_its_exchange_alone() -> None:
    peer = negotiated(telling())
    request = get_info(signed=True)
    replies = [peer.good(request) for _ in range(2)]
    assert replies[0][8:40] != replies[1][8:40]
    for reply in replies:
        over = signed_over(peer, request, reply)
        assert chain("ECDSA_P384").key.public.verify(reply[-SIGNATURE:], over)


def test_what_a_profile_says_it_is() -> None:
    classes = (DeviceClass(0), DeviceClass(7, b"\x01\x00", (b"", b"\x12\x34")))
    peer = negotiated(telling(classes=classes))
    expected = bytes.fromhex("02000000 03 00 00 00 09 07 02 0100 02 00 02 1234")
    assert peer.good(get_info())[12:] == expected


@pytest.mark.parametrize("sub_code", [0, 2, 0xFF])
def test_other_sub_codes_are_refused(sub_code: int) -> None:
    assert negotiated(telling()).ask(get_info(sub_code=sub_code)) == error(0x13, 0x01)


@pytest.mark.parametrize("slot", [1, 3, 8, 0xF])
def test_slots_that_nobody_signs_for(slot: int) -> None:
    """0xF is a provisioned key, which this device lacks."""
    assert negotiated(telling()).ask(get_info(signed=True, slot=slot)) == error(0x13, 0x01)
    assert negotiated(telling()).good(get_info(slot=slot))[3] == 0


def test_a_nonce_that_is_cut_off() -> None:
    assert negotiated(telling()).ask(get_info(signed=True)[:-1]) == error(0x13, 0x01)


def test_no_signature_without_the_capability() -> None:
    held = telling(capabilities=CAPABILITIES | Cap.EP_INFO_NO_SIG)
    peer = negotiated(held)
    assert peer.good(get_info())[12:] == INFO
    assert peer.ask(get_info(signed=True)) == error(0x13, 0x07, 0x87)


def test_none_of_it_before_1_3_or_without_the_capability() -> None:
    assert negotiated(telling(), version=0x12).ask(get_info(0x12)) == error(0x12, 0x07, 0x87)
    assert negotiated(device()).ask(get_info()) == error(0x13, 0x07, 0x87)


def test_it_begins_measurements_anew_and_leaves_the_challenge() -> None:
    peer = negotiated(telling())
    peer.good(get_certificate())
    before = peer.connection.transcript.part(Part.B)
    peer.good(get_info(signed=True))
    assert peer.connection.transcript.part(Part.B) == before
    peer.good(get_measurements())
    peer.good(get_info())
    assert not peer.connection.transcript.part(Part.M)
