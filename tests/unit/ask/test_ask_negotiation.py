"""GET_VERSION, GET_CAPABILITIES and NEGOTIATE_ALGORITHMS."""

import struct

import pytest
from asking import Host, patched
from devices import CAPABILITIES, Peer, device, error, negotiate_algorithms

from emulator.ask import AlgorithmsRequest, CapabilitiesRequest, VersionRequest
from emulator.ask.chunks import check_may_be_large
from emulator.ask.version import version_text
from emulator.device import Sizes
from emulator.errors import BrokenReply, UnsupportedByPeer
from emulator.requester import Offer
from emulator.spdm.algorithms import HASHES, SIGNATURES, by_name
from emulator.spdm.capabilities import Cap
from emulator.spdm.state import State
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version

BOTH = (Version.V1_2, Version.V1_3)


def version_reply(*numbers: int) -> bytes:
    return bytes((0x10, 0x04, 0, 0, 0, len(numbers))) + struct.pack(f"<{len(numbers)}H", *numbers)


def test_the_highest_version_in_common_is_chosen() -> None:
    host = Host()
    request = VersionRequest(host.connection, BOTH)
    assert request.raw == bytes.fromhex("10840000")
    assert request.accept(version_reply(0x1300, 0x1100, 0x1200, 0x1400)) == (
        0x1300, 0x1100, 0x1200, 0x1400,
    )  # fmt: skip
    assert host.connection.version == Version.V1_3
    assert host.connection.state == State.AFTER_VERSION


def test_update_and_alpha_do_not_decide() -> None:
    host = Host()
    VersionRequest(host.connection, BOTH).accept(version_reply(0x1211))
    assert host.connection.version == Version.V1_2


def test_no_version_in_common_is_told() -> None:
    host = Host()
    with pytest.raises(UnsupportedByPeer, match=r"lists 1\.1, 1\.4\.1 alpha 2, we 1\.2, 1\.3"):
        VersionRequest(host.connection, BOTH).accept(version_reply(0x1100, 0x1412))


def test_no_version_at_all_is_broken() -> None:
    with pytest.raises(BrokenReply, match=r"VERSION.entry_count: found 0"):
        VersionRequest(Host().connection, BOTH).accept(version_reply())


def test_get_version_forgets_what_was_agreed() -> None:
    host = Host().connected(0)
    assert host.connection.transcript.part(Part.A)
    with pytest.raises(BrokenReply):
        VersionRequest(host.connection, BOTH).accept(b"")
    assert host.connection.state == State.NOT_STARTED
    assert host.connection.transcript.part(Part.A) == ()


@pytest.mark.parametrize(
    ("number", "text"), [(0x1300, "1.3"), (0x1210, "1.2.1"), (0x1401, "1.4.0 alpha 1")]
)
def test_version_numbers_as_people_write_them(number: int, text: str) -> None:
    assert version_text(number) == text


def asked_capabilities(
    version: Version = Version.V1_3, **values: int
) -> tuple[CapabilitiesRequest, bytes, Host]:
    host = Host(offer=Offer(versions=(version,)))
    host.run(host.requester.version())
    given = {"flags": 0, "ct_exponent": 7, "data_transfer_size": 4600, "max_message": 4600}
    given |= values
    request = CapabilitiesRequest(
        host.connection,
        flags=Cap(given["flags"]),
        ct_exponent=given["ct_exponent"],
        data_transfer_size=given["data_transfer_size"],
        max_message=given["max_message"],
    )
    return request, host.answer(request.raw), host


def test_capabilities_are_exchanged() -> None:
    request, reply, host = asked_capabilities(flags=Cap.CHUNK | Cap.CACHE, max_message=9000)
    assert request.raw == bytes.fromhex("13e1000000070000 00000200 f8110000 28230000")
    theirs = request.accept(reply)
    connection = host.connection
    assert connection.local_capabilities == Cap.CHUNK  # CACHE is no flag of a requester
    assert connection.peer_capabilities == Cap.CERT | Cap.CHAL | Cap.MEAS_SIG | Cap.MEAS_FRESH
    assert connection.peer_data_transfer_size == theirs.data_transfer_size == 4600
    assert connection.peer_max_message == 4600
    assert connection.peer_ct_exponent == 20
    assert connection.state == State.AFTER_CAPABILITIES


FLAGS_AT, SIZE_AT, LARGEST_AT = 8, 12, 16


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (
            FLAGS_AT,
            struct.pack("<I", 0x1E),
            "flags: found 0x0000001e: MEAS has the reserved value 3",
        ),
        (FLAGS_AT, struct.pack("<I", 0x04), "flags: .*without CERT"),
        (SIZE_AT, struct.pack("<II", 41, 41), "data_transfer_size: found 41, expected 42 to"),
        (SIZE_AT, struct.pack("<II", 99, 98), "data_transfer_size: found 99, .*_size 98"),
        (SIZE_AT, struct.pack("<II", 99, 100), "max_spdm_msg_size: found 100, .* 99, as CHUNK"),
        (5, 32, "ct_exponent: found 32, expected at most 31"),
    ],
)
def test_broken_capabilities(at: int, value: int | bytes, reason: str) -> None:
    request, reply, host = asked_capabilities()
    with pytest.raises(BrokenReply, match=f"CAPABILITIES.{reason}"):
        request.accept(patched(reply, at, value))
    assert host.connection.state == State.AFTER_VERSION


def test_a_peer_that_chunks_may_take_more_in_all() -> None:
    request, reply, host = asked_capabilities()
    flags = struct.pack("<I", 0x16 | Cap.CHUNK)
    request.accept(patched(patched(reply, FLAGS_AT, flags), LARGEST_AT, b"\x00\x00\x01\x00"))
    assert host.connection.peer_max_message == 0x10000


def test_flags_the_version_does_not_know_are_ignored() -> None:
    request, reply, host = asked_capabilities(Version.V1_2)
    unknown = int(Cap.MULTI_KEY_NEG | Cap.MULTI_KEY_ONLY)
    flags = int(host.peer.connection.local_capabilities) | unknown
    request.accept(patched(reply, FLAGS_AT, struct.pack("<I", flags)))
    assert not int(host.connection.peer_capabilities) & unknown


def asked_algorithms(
    version: Version = Version.V1_3,
    capabilities: Cap | None = None,
    specification: int = 1,
    opaque: int = 2,
) -> tuple[AlgorithmsRequest, bytes, Host]:
    to = device() if capabilities is None else device(capabilities=capabilities)
    host = Host(to, offer=Offer(versions=(version,)))
    host.run(host.requester.version())
    host.run(host.requester.capabilities())
    request = AlgorithmsRequest(
        host.connection,
        asym=(by_name(SIGNATURES, "ECDSA_P256"), by_name(SIGNATURES, "ECDSA_P384")),
        hashes=(by_name(HASHES, "SHA_384"),),
        measurement_specification=specification,
        opaque_formats=opaque,
    )
    return request, host.answer(request.raw), host


def test_algorithms_are_negotiated() -> None:
    request, reply, host = asked_algorithms()
    assert request.raw[:16] == bytes.fromhex("13e30000 2000 01 02 90000000 02000000")
    assert len(request.raw) == 32
    agreed = request.accept(reply)
    assert agreed is host.connection.algorithms
    assert agreed == host.peer.connection.algorithms
    assert host.connection.state == State.NEGOTIATED


MEASURE_HASH_AT, ASYM_AT, HASH_AT, EXT_AT = 8, 12, 16, 32


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (4, 35, "length: found 35, expected 36"),
        (6, 0, "measurement_specification: found 0x00, expected one bit of the offer 0x01"),
        (6, 3, "measurement_specification: found 0x03"),
        (7, 1, "other_params: found 0x01, expected one .* of the offer 0x02 or none"),
        (7, 3, "other_params: found 0x03"),
        (7, 0x12, "other_params: found 0x12, expected no MULTI_KEY_CONN"),
        (MEASURE_HASH_AT, 0x06, "measurement_hash: found SHA_256 and SHA_384 .0x6., expected one"),
        (MEASURE_HASH_AT + 3, 0x80, r"measurement_hash: found SHA_384 and 0x80000000"),
        (ASYM_AT, 0x90, "base_asym: found ECDSA_P256 and ECDSA_P384"),
        (ASYM_AT, 0x01, r"base_asym: found RSASSA_2048 \(0x1\), expected one of ECDSA_P256, "),
        (HASH_AT, 0x01, "base_hash: found SHA_256 .*, expected one of SHA_384"),
    ],
)
def test_broken_algorithms(at: int, value: int, reason: str) -> None:
    request, reply, host = asked_algorithms()
    with pytest.raises(BrokenReply, match=f"ALGORITHMS.{reason}"):
        request.accept(patched(reply, at, value))
    assert host.connection.state == State.AFTER_CAPABILITIES


@pytest.mark.parametrize(
    ("at", "family"), [(ASYM_AT, "base_asym"), (HASH_AT, "base_hash"), (8, "measurement_hash")]
)
def test_nothing_selected_where_something_is_needed(at: int, family: str) -> None:
    request, reply, _ = asked_algorithms()
    with pytest.raises(UnsupportedByPeer, match=f"ALGORITHMS.{family}: the peer selected none of"):
        request.accept(patched(reply, at, bytes(4)))


@pytest.mark.parametrize(
    ("at", "field"), [(EXT_AT, "ext_asym_count"), (EXT_AT + 1, "ext_hash_count")]
)
def test_external_algorithms_were_not_offered(at: int, field: str) -> None:
    request, reply, _ = asked_algorithms()
    longer = patched(patched(reply, at, 1), 4, 40) + bytes(4)
    with pytest.raises(BrokenReply, match=f"ALGORITHMS.{field}: found 1, expected 0"):
        request.accept(longer)


def test_structures_were_not_offered() -> None:
    request, reply, _ = asked_algorithms()
    longer = patched(patched(reply, 2, 1), 4, 40) + bytes.fromhex("02200000")
    with pytest.raises(BrokenReply, match=r"ALGORITHMS.structures: found types 2, expected none"):
        request.accept(longer)


def test_a_device_without_measurements_agrees_on_none() -> None:
    request, reply, _ = asked_algorithms(capabilities=Cap.CERT | Cap.CHAL)
    with pytest.raises(BrokenReply, match="measurement_specification: found 0x01, expected 0x00"):
        request.accept(patched(reply, 6, 1))
    agreed = request.accept(reply)
    assert agreed.measurement_hash is None
    assert agreed.measurement_specification == 0


def test_measurements_that_were_not_asked_for_are_not_agreed() -> None:
    request, reply, _ = asked_algorithms(specification=0)
    assert request.accept(reply).measurement_hash is None


def test_a_device_that_only_measures_needs_no_keys() -> None:
    request, reply, _ = asked_algorithms(capabilities=Cap.MEAS_NO_SIG)
    agreed = request.accept(patched(patched(reply, ASYM_AT, bytes(4)), HASH_AT, bytes(4)))
    assert (agreed.asym, agreed.hash) == (None, None)
    assert agreed.measurement_hash is not None


def test_one_two_knows_no_multi_key_bit() -> None:
    request, reply, _ = asked_algorithms(Version.V1_2)
    assert request.accept(patched(reply, 7, 0x12)).other_params == 2


@pytest.mark.parametrize(
    ("flag", "wanted", "several"),
    [
        (Cap.MULTI_KEY_ONLY, False, True),
        (Cap.MULTI_KEY_NEG, True, True),
        (Cap.MULTI_KEY_NEG, False, False),
        (Cap(0), True, False),
    ],
)
def test_several_keys_are_agreed_where_the_device_must_or_both_want(
    *, flag: Cap, wanted: bool, several: bool
) -> None:
    held = device(capabilities=CAPABILITIES | Cap.GET_KEY_PAIR_INFO | flag)
    host = Host(held, offer=Offer(multi_key=wanted))
    negotiated = host.run(host.requester.connect())
    assert negotiated.multi_key == several
    assert host.peer.connection.algorithms.multi_key == several


def test_a_device_of_several_keys_only_is_not_asked_with_one() -> None:
    peer = Peer(device(capabilities=CAPABILITIES | Cap.MULTI_KEY_ONLY))
    peer.climb(State.AFTER_CAPABILITIES)
    assert peer.ask(negotiate_algorithms()) == error(0x13, 0x01)
    assert peer.good(negotiate_algorithms(other=0x12))


def test_selecting_two_formats_is_broken_in_any_version_that_has_them() -> None:
    request, reply, _ = asked_algorithms(Version.V1_2)
    with pytest.raises(BrokenReply, match=r"other_params: found 0x03"):
        request.accept(patched(reply, 7, 3))


def _asking() -> tuple[Host, CapabilitiesRequest]:
    held = device(
        capabilities=CAPABILITIES | Cap.CHUNK, sizes=Sizes(data_transfer=4600, max_message=8000)
    )
    host = Host(held)
    host.run(host.requester.version())
    request = CapabilitiesRequest(
        host.connection,
        flags=Cap.CHUNK,
        ct_exponent=0,
        data_transfer_size=4600,
        max_message=8000,
        ask_algorithms=True,
    )
    return host, request


def test_a_supported_algorithms_block_of_another_length_is_broken() -> None:
    host, request = _asking()
    reply = host.answer(request.raw)
    with pytest.raises(BrokenReply, match=r"supported\.length: found 31, expected 30"):
        request.accept(patched(reply, 22, 31))


def test_a_supported_algorithms_block_nobody_asked_for_is_broken() -> None:
    host, request = _asking()
    reply = host.answer(request.raw)
    other = CapabilitiesRequest(
        host.connection, flags=Cap.CHUNK, ct_exponent=0, data_transfer_size=4600, max_message=8000
    )
    with pytest.raises(BrokenReply, match=r"param1: found the supported-algorithms block"):
        other.accept(reply)


@pytest.mark.parametrize(
    "message", [version_reply(0x1300), bytes.fromhex("13610000") + bytes(16)], ids=["VERSION", "C"]
)
def test_what_may_not_come_in_chunks_is_broken(message: bytes) -> None:
    with pytest.raises(BrokenReply, match="found chunks, expected one piece"):
        check_may_be_large(message)
    check_may_be_large(bytes.fromhex("13610100") + bytes(16))
