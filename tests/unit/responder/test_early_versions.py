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


def connected(version: int, to: Device | None = None) -> Peer:
    peer = Peer(to or device(versions=tuple(Version)))
    peer.good(GET_VERSION)
    reply = peer.good(capabilities(version))
    assert reply[:2] == bytes((version, 0x61))
    assert len(reply) == 12, "no sizes before 1.2"
    (flags,) = struct.unpack_from("<I", reply, 8)
    assert flags & ~Cap.CACHE == FLAGS
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
