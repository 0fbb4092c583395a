"""1.0 and 1.1, written by hand: no sizes, no prefix before the transcript's hash, L1/L2 alone."""

import hashlib
import struct

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from devices import CAPABILITIES, GET_VERSION, Peer, chain, device

from emulator.device import Device
from emulator.spdm.capabilities import Cap
from emulator.spdm.versions import Version

NONCE = bytes(range(32))
P384_AND_SHA384 = struct.pack("<II", 0x80, 0x02)
FLAGS = 0x36  # CERT, CHAL, MEAS_SIG, MEAS_FRESH

either = pytest.mark.parametrize("version", [0x10, 0x11], ids=["1.0", "1.1"])


def negotiate(version: int, *, specification: int = 1) -> bytes:
    fixed = struct.pack("<HBB", 32, specification, 0) + P384_AND_SHA384 + bytes(16)
    return bytes((version, 0xE3, 0, 0)) + fixed


def capabilities(version: int) -> bytes:
    since_1_1 = bytes.fromhex("0014000006000000") if version > 0x10 else b""
    return bytes((version, 0xE1, 0, 0)) + since_1_1


def connected(version: int, to: Device | None = None, *, flags: int = FLAGS) -> Peer:
    peer = Peer(to or device(versions=tuple(Version)))
    peer.good(GET_VERSION)
    reply = peer.good(capabilities(version))
    assert reply[:2] == bytes((version, 0x61))
    assert len(reply) == 12, "no sizes before 1.2"
    (offered,) = struct.unpack_from("<I", reply, 8)
    assert offered & ~Cap.CACHE == flags
    algorithms = peer.good(negotiate(version))
    assert len(algorithms) == 36
    assert struct.unpack_from("<HBBIII", algorithms, 4) == (36, 1, 0, 0x04, 0x80, 0x02)
    return peer


def check(log: bytes, signature: bytes) -> None:
    """The signature is over H(transcript) and nothing else."""
    key = x509.load_der_x509_certificate(chain("ECDSA_P384").certificates[-1]).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    r, s = (int.from_bytes(half, "big") for half in (signature[:48], signature[48:]))
    key.verify(encode_dss_signature(r, s), log, ec.ECDSA(hashes.SHA384()))


@either
def test_a_challenge_covers_the_whole_conversation(version: int) -> None:
    peer = connected(version)
    peer.good(bytes((version, 0x81, 0, 0)))
    peer.good(bytes((version, 0x82, 0, 0)) + struct.pack("<HH", 0, 0xFFFF))
    reply = peer.good(bytes((version, 0x83, 0, 0xFF)) + NONCE)
    assert len(reply) == 4 + 48 + 32 + 48 + 2 + 96
    log = b"".join(one + other for one, other in peer.said)
    check(log[:-96], reply[-96:])


@either
def test_measurements_are_signed_without_the_negotiation(version: int) -> None:
    peer = connected(version)
    first = bytes((version, 0xE0, 0, 1))
    slot = b"\x00" if version > 0x10 else b""
    second = bytes((version, 0xE0, 1, 0xFF)) + NONCE + slot
    unsigned, signed = peer.good(first), peer.good(second)
    assert signed[3] == 0, "contents that change are a matter of 1.2"
    check(first + unsigned + second + signed[:-96], signed[-96:])


def read(version: int, operation: int, *, signed: bool = False, attributes: int = 0) -> bytes:
    """GET_MEASUREMENTS, signed by slot 0, which only 1.1 names."""
    tail = (NONCE + b"\x00"[: version - 0x10]) if signed else b""
    return bytes((version, 0xE0, attributes | signed, operation)) + tail


@either
@pytest.mark.parametrize("operation", [0, 1, 0xFF])
def test_every_reading_since_the_last_signature_is_signed(version: int, operation: int) -> None:
    peer = connected(version)
    for _ in range(2):
        unsigned = read(version, 0) + peer.good(read(version, 0))
        signed = read(version, operation, signed=True)
        reply = peer.good(signed)
        assert reply[2] == (0 if operation else 5)
        check(unsigned + signed + reply[:-96], reply[-96:])


@either
def test_a_reading_begins_anew_after_another_request_and_after_an_error(version: int) -> None:
    peer = connected(version)
    for between in (bytes((version, 0x81, 0, 0)), read(version, 0x77), bytes((0x12, 0xE0, 0, 1))):
        peer.good(read(version, 1))
        peer.ask(between)
        signed = read(version, 1, signed=True)
        reply = peer.good(signed)
        check(signed + reply[:-96], reply[-96:])


@either
def test_measurements_before_the_challenge_give_up_what_it_would_cover(version: int) -> None:
    peer = connected(version)
    negotiation = b"".join(one + other for one, other in peer.said)
    peer.good(bytes((version, 0x81, 0, 0)))
    peer.good(read(version, 1))
    request = bytes((version, 0x83, 0, 0)) + NONCE
    reply = peer.good(request)
    check(negotiation + request + reply[:-96], reply[-96:])


@either
def test_raw_measurements_are_given_and_new_ones_unknown(version: int) -> None:
    held = device(versions=tuple(Version))
    peer = connected(version, held)
    held.measurements.prepare(1, b"update")
    reply = peer.good(read(version, 1, attributes=0x06))
    assert reply[8:28] == bytes.fromhex("01011000 800d00") + b"immutable rom"


@either
def test_a_device_may_measure_at_reset_only(version: int) -> None:
    flags = CAPABILITIES & ~Cap.MEAS_FRESH
    held = device(versions=tuple(Version), capabilities=flags)
    peer = connected(version, held, flags=0x16)
    before = peer.good(read(version, 1))[8:]
    held.measurements.change(1, b"patched")
    assert peer.good(read(version, 1))[8:63] == before[:55]
    held.measurements.reset()
    digest = hashlib.sha384(b"patched").digest()
    assert peer.good(read(version, 1))[8:63] == bytes.fromhex("01013300 003000") + digest


@either
@pytest.mark.parametrize("signed", [False, True])
def test_without_an_agreed_specification_there_are_no_measurements(
    version: int, *, signed: bool
) -> None:
    peer = Peer(device(versions=tuple(Version)))
    peer.good(GET_VERSION)
    peer.good(capabilities(version))
    peer.good(negotiate(version, specification=0))
    refused = peer.ask(read(version, 0xFF, signed=signed))
    assert refused == bytes((version, 0x7F, 0x04, 0))


@either
def test_the_request_has_exactly_its_versions_size(version: int) -> None:
    peer = connected(version)
    size = 36 if version == 0x10 else 37
    assert peer.ask(bytes((version, 0xE0, 1, 0xFF)) + bytes(size - 5))[1:3] == b"\x7f\x01"
    assert peer.ask(bytes((version, 0xE0, 1, 0xFF)) + bytes(size - 4))[1] == 0x60


def test_1_0_has_no_algorithm_structures() -> None:
    peer = Peer(device(versions=tuple(Version)))
    peer.good(GET_VERSION)
    peer.good(capabilities(0x10))
    request = bytearray(negotiate(0x10))
    request[2] = 4  # reserved in 1.0
    assert len(peer.good(bytes(request))) == 36


@pytest.mark.parametrize(("version", "allowed"), [(0x10, 8), (0x11, 20), (0x14, 20)])
def test_external_algorithms_are_bounded_by_version(version: int, allowed: int) -> None:
    for count, code in ((allowed, 0x63), (allowed + 1, 0x7F)):
        peer = Peer(device(versions=tuple(Version)))
        peer.good(GET_VERSION)
        sizes = struct.pack("<II", 4600, 4600) if version > 0x11 else b""
        peer.good(capabilities(version) + sizes)
        request = bytearray(negotiate(version)) + bytes(4 * count)
        struct.pack_into("<H", request, 4, len(request))
        request[28] = count
        assert peer.ask(bytes(request))[1] == code


def test_a_chain_is_sent_in_portions_that_qemu_can_carry() -> None:
    peer = connected(0x10)
    reply = peer.good(bytes.fromhex("10820000") + struct.pack("<HH", 0, 0xFFFF))
    portion, left = struct.unpack_from("<HH", reply, 4)
    assert left == 0
    assert hashlib.sha384(reply[8 : 8 + portion]).digest() == chain("ECDSA_P384").digest("SHA_384")


@either
def test_a_cached_negotiation_is_signed_since_1_1(version: int) -> None:
    """DMTF spdm-emu `spdm_emu_common/nv_storage.c` loads it into the transcript from 1.1 on."""
    held = device(versions=tuple(Version), capabilities=CAPABILITIES | Cap.CACHE)
    first = connected(version, held)
    later = Peer(held)
    reply = later.good(bytes((version, 0x83, 0, 0)) + NONCE)
    negotiation = first.said[:3] if version > 0x10 else []
    log = b"".join(one + other for one, other in [*negotiation, *later.said])
    check(log[:-96], reply[-96:])
