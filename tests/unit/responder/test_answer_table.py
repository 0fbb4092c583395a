"""Every request code, version and state: the device answers what the reference says.

The table is `emulator/responder/answers.py`, from which the documentation is written. Each request
is a good one, so that the state, the version or the code is the one thing that may be wrong.
"""

import struct
from collections.abc import Callable

import pytest
from devices import (
    GET_VERSION,
    SCHEMES,
    Peer,
    chain,
    device,
    error,
    get_capabilities,
    get_digests,
    snapshot,
)
from provisioned import SEVERAL
from secured import ABLE, HINT, KEY, REQUESTER, key_exchange, psk_exchange, structure

from emulator.answer.registry import ROWS
from emulator.crypto import dhe
from emulator.device import Device, Measurement, Sizes, Timing
from emulator.device.key_pairs import pairs_of
from emulator.device.provisioning import Policy, Provisioning
from emulator.device.sessions import Sessions
from emulator.errors import UnsupportedRequest
from emulator.responder.answers import answer, table
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.pending import Readiness
from emulator.spdm.state import State
from emulator.spdm.versions import Version
from emulator.vendor import Registry, VendorExchange

NONCE = bytes(range(32))
TELLING = Cap.MEL | Cap.EP_INFO_SIG | Cap.EVENT
LARGE = Measurement(index=9, kind=4, value=bytes(9000), raw=True)
VENDOR = bytes.fromhex("0300 02 3412 0500") + b"hello"


class Echo:
    """A vendor protocol that gives back what it is given."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes:
        del exchange
        return payload


def _head(version: int, code: int, one: int = 0, two: int = 0) -> bytes:
    return bytes((version, code, one, two))


def _capabilities(version: int) -> bytes:
    flags = REQUESTER | Cap.HANDSHAKE_IN_THE_CLEAR | Cap.CHAL | Cap.ENCAP
    flags |= Cap.CHUNK if version >= Version.V1_2 else Cap(0)
    since_1_1 = struct.pack("<BBHI", 0, 0, 0, flags) if version >= Version.V1_1 else b""
    since_1_2 = struct.pack("<II", 4600, 65536) if version >= Version.V1_2 else b""
    return _head(version, Code.GET_CAPABILITIES) + since_1_1 + since_1_2


def _algorithms(version: int) -> bytes:
    rows = (structure(2, 0x08), structure(3, 0x01), structure(5, 1))
    tail = b"".join(rows) if version >= Version.V1_1 else b""
    size = 32 + len(tail)
    fixed = struct.pack("<HBBIIIQBBBB", size, 1, 2, 0x10, 0x01, 0, 0, 0, 0, 0, 1)
    return _head(version, Code.NEGOTIATE_ALGORITHMS, len(tail) // 4) + fixed + tail


def _context(version: int) -> bytes:
    return bytes(8) if version >= Version.V1_3 else b""


def _challenge(version: int) -> bytes:
    return _head(version, Code.CHALLENGE) + NONCE + _context(version)


def _chunk_send(version: int) -> bytes:
    sequence = bytes(4)
    return (
        _head(version, Code.CHUNK_SEND, 0, 1) + sequence + struct.pack("<II", 40, 100) + bytes(40)
    )


def _key_exchange(version: int) -> bytes:
    group = dhe.GROUPS["SECP_256_R1"]
    return key_exchange(version, group.pair(bytes(group.drawn)).public)


def _finish(code: int) -> Callable[[int], bytes]:
    """FINISH or PSK_FINISH; there is no session whose verify data it could have."""

    def request(version: int) -> bytes:
        return _head(version, code) + bytes(2 if version >= Version.V1_4 else 0) + bytes(32)

    return request


def _get_log(version: int) -> bytes:
    return _head(version, Code.GET_MEASUREMENT_EXTENSION_LOG) + struct.pack("<II", 0, 100)


def _chunk_get(version: int) -> bytes:
    return _head(version, Code.CHUNK_GET) + bytes(4 if version >= Version.V1_4 else 2)


GOOD: dict[int, Callable[[int], bytes]] = {
    Code.GET_VERSION: lambda _version: GET_VERSION,
    Code.GET_CAPABILITIES: _capabilities,
    Code.NEGOTIATE_ALGORITHMS: _algorithms,
    Code.GET_DIGESTS: get_digests,
    Code.GET_CERTIFICATE: lambda v: _head(v, Code.GET_CERTIFICATE) + struct.pack("<HH", 0, 100),
    Code.CHALLENGE: _challenge,
    Code.GET_MEASUREMENTS: lambda v: _head(v, Code.GET_MEASUREMENTS) + _context(v),
    Code.GET_MEASUREMENT_EXTENSION_LOG: _get_log,
    Code.GET_SUPPORTED_EVENT_TYPES: lambda v: _head(v, Code.GET_SUPPORTED_EVENT_TYPES),
    Code.SUBSCRIBE_EVENT_TYPES: lambda v: _head(v, Code.SUBSCRIBE_EVENT_TYPES),
    Code.GET_ENDPOINT_INFO: lambda v: _head(v, Code.GET_ENDPOINT_INFO, 1) + bytes(4),
    Code.VENDOR_DEFINED_REQUEST: lambda v: _head(v, Code.VENDOR_DEFINED_REQUEST) + VENDOR,
    Code.RESPOND_IF_READY: lambda v: _head(v, Code.RESPOND_IF_READY, Code.GET_DIGESTS, 0),
    Code.CHUNK_SEND: _chunk_send,
    Code.CHUNK_GET: _chunk_get,
    Code.KEY_EXCHANGE: _key_exchange,
    Code.FINISH: _finish(Code.FINISH),
    Code.PSK_EXCHANGE: psk_exchange,
    Code.PSK_FINISH: _finish(Code.PSK_FINISH),
    Code.HEARTBEAT: lambda v: _head(v, Code.HEARTBEAT),
    Code.KEY_UPDATE: lambda v: _head(v, Code.KEY_UPDATE, 1, 1),
    Code.GET_ENCAPSULATED_REQUEST: lambda v: _head(v, Code.GET_ENCAPSULATED_REQUEST),
    Code.DELIVER_ENCAPSULATED_RESPONSE: lambda v: (
        _head(v, Code.DELIVER_ENCAPSULATED_RESPONSE, 1) + _head(v, Code.KEY_UPDATE_ACK, 1, 1)
    ),
    Code.END_SESSION: lambda v: _head(v, Code.END_SESSION),
    Code.GET_CSR: lambda v: _head(v, Code.GET_CSR) + bytes(4),
    Code.SET_CERTIFICATE: lambda v: (
        _head(v, Code.SET_CERTIFICATE) + chain("ECDSA_P256").spdm("SHA_256")
    ),
    Code.GET_KEY_PAIR_INFO: lambda v: _head(v, Code.GET_KEY_PAIR_INFO) + b"\1",
    Code.SET_KEY_PAIR_INFO: lambda v: _head(v, Code.SET_KEY_PAIR_INFO) + b"\1" + bytes(13),
}

STEPS = {
    State.AFTER_VERSION: Code.GET_VERSION,
    State.AFTER_CAPABILITIES: Code.GET_CAPABILITIES,
    State.NEGOTIATED: Code.NEGOTIATE_ALGORITHMS,
    State.AFTER_DIGESTS: Code.GET_DIGESTS,
    State.AFTER_CERTIFICATE: Code.GET_CERTIFICATE,
    State.AUTHENTICATED: Code.CHALLENGE,
}


def climbed(version: Version, state: State, code: int = 0) -> Peer:
    """A connection in `state`, of a device that offers all it can, ready to be asked `code`."""
    held = device(
        versions=tuple(Version),
        capabilities=ABLE | Cap.CHUNK | Cap.CACHE | Cap.ENCAP | TELLING | SEVERAL,
        measurement_hash="SHA_256",
        measurements=(LARGE,),
        sizes=Sizes(data_transfer=4600, max_message=65536),
        dhe=("SECP_256_R1",),
        aead=("AES_128_GCM",),
        sessions=Sessions(keys={HINT: KEY}),
    )
    held.provisioning = Provisioning(
        Policy(writable=frozenset({0, 2})),
        held.slots,
        pairs_of(held.slots, schemes=SCHEMES, spare=1),
    )
    vendors = Registry()
    vendors.add(3, b"\x34\x12", Echo())
    peer = Peer(held, version=version, vendors=vendors)
    for reached, step in STEPS.items():
        if reached <= state:
            peer.good(GOOD[step](version))
    assert peer.connection.state == state
    held.cached = None  # what is kept for others is not what is asked about here
    if code == Code.CHUNK_GET:
        _leave_waiting(peer, state)
    if code == Code.RESPOND_IF_READY and state >= State.NEGOTIATED:
        _put_aside(peer, held)
    return peer


def _leave_waiting(peer: Peer, state: State) -> None:
    """A large response waits, where one can."""
    version = peer.version
    if state == State.AFTER_CAPABILITIES and version >= Version.V1_3:
        peer.good(GET_VERSION)
        large = get_capabilities(version, flags=Cap.CHUNK, size=42, largest=65536, param1=1)
    elif state >= State.NEGOTIATED and version >= Version.V1_2:
        large = _head(version, Code.GET_MEASUREMENTS, 0, 0xFF) + _context(version)
    else:
        return
    assert peer.ask(large)[1:3] == bytes((Code.ERROR, 0x0F))
    assert peer.connection.state == state


def _put_aside(peer: Peer, held: Device) -> None:
    """The reply to GET_DIGESTS was not ready, and is now."""
    state = peer.connection.state
    held.timing = Timing(not_ready=Readiness(frozenset({Code.GET_DIGESTS}), 0, 2))
    assert peer.ask(get_digests(peer.version))[1:3] == bytes((Code.ERROR, 0x42))
    held.timing = Timing()
    peer.now += 1e-6
    assert peer.connection.state == state


every_version = pytest.mark.parametrize("version", tuple(Version), ids=lambda v: v.text)
every_state = pytest.mark.parametrize("state", tuple(State), ids=lambda state: state.name)


def test_every_request_that_can_be_answered_has_a_good_one() -> None:
    assert set(GOOD) == set(ROWS)


@every_version
@every_state
def test_the_answer_to_a_good_request(version: Version, state: State) -> None:
    for code, expected in table(version).items():
        peer = climbed(version, state, code)
        before = snapshot(peer.connection)
        reply = peer.ask(GOOD[code](version))
        answered = expected[state]
        if isinstance(answered, Code):
            fetched = Code.DIGESTS if code == Code.RESPOND_IF_READY else answered
            assert reply[1] == fetched, (code, reply.hex())
            continue
        told = error(peer.connection.version or Version.V1_0, answered.code)
        assert reply[:3] == told[:3], (code, reply.hex())
        assert snapshot(peer.connection) == before, code


@every_version
@every_state
def test_every_other_code_is_unsupported(version: Version, state: State) -> None:
    peer = climbed(version, state)
    before = snapshot(peer.connection)
    for code in set(range(0x100)) - set(ROWS):
        agreed = peer.connection.version or Version.V1_0
        assert answer(code, version, state) is UnsupportedRequest
        assert peer.ask(_head(version, code)) == error(agreed, 0x07, code)
    assert snapshot(peer.connection) == before


@every_version
@every_state
def test_every_other_version_is_a_mismatch(version: Version, state: State) -> None:
    """Where a version is agreed, or only one can be right."""
    peer = climbed(version, state)
    before = snapshot(peer.connection)
    for code, good in GOOD.items():
        for other in {*Version, 0x00, 0x15, 0xFF} - {version}:
            wrong = bytes((other,)) + good(version)[1:]
            if code == Code.GET_VERSION:
                if other == Version.V1_0:
                    continue
                expected = error(Version.V1_0, 0x41)
            elif state >= State.AFTER_CAPABILITIES:
                expected = error(version, 0x41)
            elif code == Code.GET_CAPABILITIES and state == State.AFTER_VERSION:
                if other in set(Version):
                    continue  # it chooses that version
                expected = error(Version.V1_0, 0x41)
            else:
                continue
            assert peer.ask(wrong) == expected, (code, other)
    assert snapshot(peer.connection) == before
