"""Algorithms of sessions, negotiated in structures by both sides.

Source: libspdm `library/spdm_responder_lib/libspdm_rsp_algorithms.c` and
`library/spdm_requester_lib/libspdm_req_negotiate_algorithms.c`.
"""

import struct
from dataclasses import replace

import pytest
from asking import Host, patched
from devices import CAPABILITIES, Peer, device, error, get_capabilities, negotiate_algorithms

from emulator.ask import AlgorithmsRequest
from emulator.device import Device, Sizes
from emulator.errors import BrokenReply, UnsupportedByPeer
from emulator.requester import Offer
from emulator.spdm.algorithms import AEADS, DHE_GROUPS, KEY_SCHEDULES, by_name
from emulator.spdm.capabilities import Cap
from emulator.spdm.negotiation import Negotiated, needed
from emulator.spdm.state import State
from emulator.spdm.versions import Version

SESSIONS = Cap.KEY_EX | Cap.PSK | Cap.ENCRYPT | Cap.MAC
DHE = ("SECP_384_R1", "FFDHE_3072", "SECP_256_R1")
AEAD = ("CHACHA20_POLY1305", "AES_128_GCM")
ROWS_AT = 36
VERSIONS = pytest.mark.parametrize("version", [0x11, 0x12, 0x13, 0x14])


def equipped(capabilities: Cap = CAPABILITIES | SESSIONS) -> Device:
    """A device with algorithms of sessions."""
    sizes = Sizes(data_transfer=4600, max_message=4600)
    held = device(versions=tuple(Version), capabilities=capabilities, sizes=sizes)
    held.preferences = replace(
        held.preferences,
        dhe=tuple(by_name(DHE_GROUPS, name) for name in DHE),
        aead=tuple(by_name(AEADS, name) for name in AEAD),
        key_schedule=KEY_SCHEDULES,
    )
    return held


def row(kind: int, bits: int) -> bytes:
    return struct.pack("<BBH", kind, 0x20, bits)


ALL = (row(2, 0xFF), row(3, 0xFF), row(4, 0xFFFF), row(5, 0xFF))


def asking(version: int, flags: Cap = SESSIONS, held: Device | None = None) -> Peer:
    peer = Peer(held or equipped(), version=version).climb(State.AFTER_VERSION)
    raw = get_capabilities(version, flags=flags)
    peer.good(raw if version >= 0x12 else raw[:12])
    return peer


def picked(reply: bytes) -> dict[int, int]:
    """Type and bits of each structure."""
    rows = [reply[at : at + 4] for at in range(ROWS_AT, len(reply), 4)]
    assert {one[1] for one in rows} <= {0x20}
    return {one[0]: int.from_bytes(one[2:], "little") for one in rows}


@VERSIONS
def test_the_device_selects_by_its_preference(version: int) -> None:
    peer = asking(version)
    reply = peer.good(negotiate_algorithms(version, structures=ALL))
    assert picked(reply) == {2: 0x10, 3: 0x04, 4: 0, 5: 1}
    chosen = peer.connection.algorithms
    names = [one.name for one in (chosen.dhe, chosen.aead, chosen.key_schedule) if one]
    assert names == ["SECP_384_R1", "CHACHA20_POLY1305", "SPDM"]


@VERSIONS
def test_of_what_the_requester_has(version: int) -> None:
    rows = (row(2, 0x0A), row(3, 0x01), row(5, 0x01))
    reply = asking(version).good(negotiate_algorithms(version, structures=rows))
    assert picked(reply) == {2: 0x02, 3: 0x01, 5: 1}


@pytest.mark.parametrize(
    ("flags", "rows", "reason"),
    [
        (SESSIONS, (row(3, 1), row(5, 1)), "no DHE group in common"),
        (SESSIONS, (row(2, 0x24), row(3, 1), row(5, 1)), "no DHE group in common"),
        (SESSIONS, (row(2, 8), row(3, 2), row(5, 1)), "no AEAD algorithm in common"),
        (Cap.KEY_EX | Cap.MAC, (row(2, 8), row(5, 1)), "no AEAD algorithm in common"),
        (SESSIONS, (row(2, 8), row(3, 1), row(5, 2)), "no key schedule in common"),
        (Cap.PSK | Cap.MAC, (row(3, 1),), "no key schedule in common"),
        (Cap.PSK | Cap.MAC, (row(3, 1), row(5, 1)), None),
        (Cap(0), (), None),
        (Cap(0), (row(2, 0x40), row(3, 8)), None),
    ],
)
@VERSIONS
def test_what_both_can_use_they_need_in_common(
    version: int, flags: Cap, rows: tuple[bytes, ...], reason: str | None
) -> None:
    peer = asking(version, flags)
    answered = peer.exchange(negotiate_algorithms(version, structures=rows))
    assert (str(answered.error) if answered.error else None) == reason
    if reason:
        assert answered.data == error(version, 0x01)


@pytest.mark.parametrize(
    ("responder", "requester", "names"),
    [
        (Cap(0), SESSIONS, ""),
        (Cap.CERT, SESSIONS, "asym hash"),
        (Cap.KEY_EX, Cap.KEY_EX, "asym dhe hash key_schedule"),
        (Cap.KEY_EX, Cap.PSK, ""),
        (Cap.PSK_WITH_CONTEXT, Cap.PSK, "hash key_schedule"),
        (Cap.ENCRYPT, Cap.MAC, ""),
        (Cap.ENCRYPT | Cap.MAC, Cap.MAC, "aead"),
    ],
)
def test_what_capabilities_need(responder: Cap, requester: Cap, names: str) -> None:
    assert " ".join(sorted(needed(responder, requester))) == names


def test_the_supported_algorithms_have_their_structures() -> None:
    peer = Peer(equipped(CAPABILITIES | SESSIONS | Cap.CHUNK)).climb(State.AFTER_VERSION)
    reply = peer.good(get_capabilities(0x13, flags=Cap.CHUNK, size=4600, param1=1))
    assert reply[20:24] == bytes((3, 0, 42, 0))
    assert reply[50:] == row(2, 0x1A) + row(3, 0x05) + row(5, 0x01)


def offering(
    version: Version = Version.V1_3, *, held: Device | None = None, **more: tuple[str, ...]
) -> tuple[AlgorithmsRequest, bytes, Host]:
    """A requester that offers algorithms of sessions, and the device's reply."""
    names = {"dhe": DHE, "aead": AEAD, "key_schedule": ("SPDM",)} | more
    flags = Cap.CERT | Cap.CHAL | SESSIONS
    offer = Offer(versions=(version,), capabilities=flags, **names)  # type: ignore[arg-type]  # names of rows
    host = Host(held or equipped(), offer=offer)
    host.run(host.requester.version())
    host.run(host.requester.capabilities())
    request = AlgorithmsRequest(
        host.connection,
        asym=offer.asym_rows,
        hashes=offer.hash_rows,
        measurement_specification=1,
        opaque_formats=2,
        multi_key=False,
        **offer.session_rows,
    )
    return request, host.answer(request.raw), host


def test_a_requester_sends_one_structure_for_each_kind() -> None:
    request, reply, host = offering()
    assert request.raw[32:] == row(2, 0x1A) + row(3, 0x05) + row(5, 0x01)
    assert request.raw[2:6] == bytes((3, 0, 44, 0))
    agreed = request.accept(reply)
    assert agreed == host.peer.connection.algorithms
    assert agreed.dhe is by_name(DHE_GROUPS, "SECP_384_R1")
    assert agreed.aead is by_name(AEADS, "CHACHA20_POLY1305")


def test_the_whole_negotiation_of_a_requester() -> None:
    offer = Offer(
        versions=(Version.V1_2,),
        capabilities=Cap.CERT | Cap.CHAL | SESSIONS,
        dhe=("FFDHE_3072",),
        aead=("AES_128_GCM",),
        key_schedule=("SPDM",),
    )
    host = Host(equipped(), offer=offer).connected()
    chosen = host.connection.algorithms
    assert isinstance(chosen, Negotiated)
    assert chosen.dhe is by_name(DHE_GROUPS, "FFDHE_3072")
    assert chosen == host.peer.connection.algorithms


def test_1_0_has_no_structures() -> None:
    request, reply, _ = offering(Version.V1_0)
    assert len(request.raw) == 32
    assert request.accept(reply).dhe is None


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (ROWS_AT, 3, "structures: found types 3, 3, 5, expected some of 2, 3, 5 in this order"),
        (ROWS_AT + 8, 4, "structures: found types 2, 3, 4, expected some of 2, 3, 5"),
        (ROWS_AT, row(3, 4) + row(2, 0x10), "structures: found types 3, 2, 5"),
        (ROWS_AT + 5, 0x10, r"structures\[1\].count: found 0x10, expected 0x20"),
        (ROWS_AT + 2, 0x18, r"dhe: found SECP_256_R1 and SECP_384_R1 \(0x18\)"),
        (ROWS_AT + 2, 0x20, r"dhe: found SECP_521_R1 \(0x20\), expected one of SECP_384_R1, FFDHE"),
        (ROWS_AT + 6, 0x02, r"aead: found AES_256_GCM \(0x2\), expected one of CHACHA20_POLY1305"),
        (ROWS_AT + 10, 0x02, r"key_schedule: found 0x2 \(0x2\), expected one of SPDM"),
    ],
)
def test_a_broken_structure(at: int, value: int | bytes, reason: str) -> None:
    request, reply, _ = offering()
    with pytest.raises(BrokenReply, match=f"ALGORITHMS.{reason}"):
        request.accept(patched(reply, at, value))


@pytest.mark.parametrize(
    ("at", "wanted"), [(2, "dhe: .* none of SECP_384_R1"), (6, "aead"), (10, "key_schedule")]
)
def test_nothing_selected_of_what_is_needed(at: int, wanted: str) -> None:
    request, reply, _ = offering()
    with pytest.raises(UnsupportedByPeer, match=f"ALGORITHMS.{wanted}"):
        request.accept(patched(reply, ROWS_AT + at, b"\0\0"))


def test_without_sessions_nothing_selected_will_do() -> None:
    request, reply, _ = offering(held=equipped(CAPABILITIES))
    agreed = request.accept(patched(reply[:ROWS_AT], 2, b"\0\0\x24\0"))
    assert (agreed.dhe, agreed.aead, agreed.key_schedule) == (None, None, None)
