"""One violation at a time: the exact ERROR, nothing changed, and a good request goes on.

Rules: the order of checks in `emulator/responder/dispatcher.py`, and libspdm's handlers.
"""

import pytest
from devices import (
    GET_VERSION,
    HASHES,
    VERSIONS,
    Peer,
    challenge,
    device,
    error,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    negotiated,
    snapshot,
)
from unit.responder.refusals import (
    GOOD,
    INVALID,
    MISMATCH,
    REFUSALS,
    REQUEST_TOO_LARGE,
    UNEXPECTED,
    UNSUPPORTED,
    Build,
    Refusal,
)

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import ROWS, Row
from emulator.device import Sizes
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages import Digests, GetDigests
from emulator.spdm.state import TRANSITIONS, State
from emulator.spdm.versions import Version

both = pytest.mark.parametrize("version", [0x12, 0x13], ids=["1.2", "1.3"])
everywhere = pytest.mark.parametrize("state", State, ids=lambda state: state.name)
good = pytest.mark.parametrize("name", GOOD)


def error_version(state: State, version: int) -> int:
    """The version an ERROR bears in `state`."""
    return version if state >= State.AFTER_CAPABILITIES else 0x10


def next_request(state: State, version: int) -> bytes:
    """A good request in `state`."""
    steps = {
        State.NOT_STARTED: GET_VERSION,
        State.AFTER_VERSION: get_capabilities(version),
        State.AFTER_CAPABILITIES: negotiate_algorithms(version),
    }
    return steps.get(state, challenge(version))


def check_refused(peer: Peer, request: bytes, expected: bytes) -> None:
    """The request gets this ERROR, changes nothing, and a good one goes on."""
    state, before = peer.connection.state, snapshot(peer.connection)
    assert peer.ask(request) == expected
    assert snapshot(peer.connection) == before
    peer.good(next_request(state, peer.version))


@pytest.mark.parametrize(
    ("refusal", "version"),
    [(row, version) for version in VERSIONS for row in REFUSALS if row.only in {None, version}],
    ids=str,
)
def test_a_value_that_is_not_legal(refusal: Refusal, version: int) -> None:
    peer = Peer(version=version).climb(refusal.state)
    # Also of GET_CAPABILITIES: in a version we offer it has chosen it (libspdm_rsp_capabilities.c).
    expected = error(version, refusal.code, refusal.data)
    check_refused(peer, refusal.request(version), expected)


@pytest.mark.parametrize("row", [row for row in REFUSALS if row.only], ids=str)
def test_a_rule_of_1_3_is_none_of_1_2(row: Refusal) -> None:
    assert row.only == 0x13
    Peer(version=0x12).climb(row.state).good(row.request(0x12))


@both
@everywhere
@pytest.mark.parametrize("length", range(4))
def test_a_request_without_a_header(length: int, state: State, version: int) -> None:
    peer = Peer(version=version).climb(state)
    check_refused(peer, GET_VERSION[:length], error(error_version(state, version), INVALID))


@both
@everywhere
def test_a_code_nobody_answers(state: State, version: int) -> None:
    peer = Peer(version=version).climb(state)
    unknown = set(range(256)) - {int(code) for code in TRANSITIONS}
    assert len(unknown) == 256 - len(TRANSITIONS)
    for code in unknown:
        request = bytes((version, code, 0, 0))
        expected = error(error_version(state, version), UNSUPPORTED, code)
        check_refused(Peer(version=version).climb(state), request, expected)
    check_refused(
        peer,
        bytes((0x77, 0xF3, 0, 0)) + bytes(200),
        error(error_version(state, version), UNSUPPORTED, 0xF3),
    )


@both
@everywhere
@pytest.mark.parametrize("asked", [0x00, 0x0F, 0x11, 0x12, 0x13, 0x14, 0xFF])
def test_get_version_is_of_version_1_0(asked: int, state: State, version: int) -> None:
    request = bytes((asked,)) + GET_VERSION[1:]
    check_refused(Peer(version=version).climb(state), request, error(0x10, MISMATCH))


@both
@pytest.mark.parametrize("asked", [0x00, 0x10, 0x11, 0x14, 0xFF])
def test_capabilities_are_asked_in_a_version_offered(asked: int, version: int) -> None:
    peer = Peer(version=version).climb(State.AFTER_VERSION)
    request = bytes((asked,)) + get_capabilities(version)[1:]
    check_refused(peer, request, error(0x10, MISMATCH))


def test_only_the_versions_offered_are_there() -> None:
    peer = Peer(device(versions=(Version.V1_2,)), version=0x12).climb(State.AFTER_VERSION)
    check_refused(peer, get_capabilities(0x13), error(0x10, MISMATCH))


@both
@pytest.mark.parametrize("name", [name for name in GOOD if GOOD[name][0] > State.AFTER_VERSION])
@pytest.mark.parametrize("aside", [-0x12, -2, -1, 1, 2, 0xEC])
def test_the_version_agreed_is_kept(name: str, aside: int, version: int) -> None:
    state, build = GOOD[name]
    request = bytes(((version + aside) & 0xFF,)) + build(version)[1:]
    check_refused(Peer(version=version).climb(state), request, error(version, MISMATCH))


OUT_OF_ORDER = [
    (name, state)
    for name, (_, build) in GOOD.items()
    for state in State
    if state not in TRANSITIONS[Code(build(0x13)[1])].legal
]


@both
@pytest.mark.parametrize(("name", "state"), OUT_OF_ORDER)
def test_a_request_out_of_order(name: str, state: State, version: int) -> None:
    _, build = GOOD[name]
    peer = Peer(version=version).climb(state)
    check_refused(peer, build(version), error(error_version(state, version), UNEXPECTED))


@both
@good
def test_a_request_cut_anywhere(name: str, version: int) -> None:
    state, build = GOOD[name]
    request = build(version)
    chosen = version if request[1] == Code.GET_CAPABILITIES else error_version(state, version)
    for length in range(len(request)):
        expected = error(chosen if length >= 4 else error_version(state, version), INVALID)
        check_refused(Peer(version=version).climb(state), request[:length], expected)


@both
@good
def test_padding_of_a_data_object_and_no_more(name: str, version: int) -> None:
    state, build = GOOD[name]
    request = build(version)
    plain = Peer(version=version).climb(state).ask(request)
    for padding in (b"\0", b"\0\0", b"\xff\xff\xff"):
        assert Peer(version=version).climb(state).ask(request + padding) == plain
    peer = Peer(version=version).climb(state)
    chosen = version if state >= State.AFTER_VERSION else 0x10
    check_refused(peer, request + bytes(4), error(chosen, INVALID))


@both
@good
def test_a_request_larger_than_the_device_takes(name: str, version: int) -> None:
    state, build = GOOD[name]
    request = build(version)
    chosen = version if state >= State.AFTER_VERSION else 0x10
    held = device()
    peer = Peer(held, version=version).climb(state)
    # The requests that led here are not held to the bound; DOE padding is no part of a request.
    held.sizes = Sizes(max_message=len(request) - 1)
    refused = error(chosen, REQUEST_TOO_LARGE)
    assert peer.ask(request + bytes(3)) == refused
    before = snapshot(peer.connection)
    assert peer.ask(request + bytes(4000)) == refused
    assert snapshot(peer.connection) == before
    held.sizes = Sizes(max_message=len(request))
    assert peer.ask(request + bytes(3)) != refused


@both
@pytest.mark.parametrize(
    ("request_", "lacking"),
    [
        (get_digests, Cap.MEAS_NO_SIG),
        (get_certificate, Cap.MEAS_NO_SIG),
        (challenge, Cap.CERT | Cap.MEAS_SIG),
        (get_measurements, Cap.CERT | Cap.CHAL),
    ],
)
def test_a_request_whose_capability_is_not_offered(
    request_: Build, lacking: Cap, version: int
) -> None:
    held = device(capabilities=lacking, measurement_hash="SHA_384" if lacking & Cap(0x18) else None)
    request = request_(version)
    for state in (State.NOT_STARTED, State.AFTER_VERSION, State.NEGOTIATED):
        peer = Peer(held, version=version).climb(state)
        before = snapshot(peer.connection)
        assert peer.ask(request) == error(error_version(state, version), UNSUPPORTED, request[1])
        assert snapshot(peer.connection) == before


@pytest.mark.parametrize(("version", "answered"), [(0x12, False), (0x13, True)])
def test_a_capability_the_version_does_not_know_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, version: int, *, answered: bool
) -> None:
    """MEL came with 1.3; a row that needs it stands in for the request that will."""

    def handler(exchange: Exchange, request: GetDigests) -> Outcome:
        reply = Digests(version=request.version, provisioned_slots=0, digests=b"")
        return Outcome(reply=reply, shape=exchange.connection.shape())

    legal = TRANSITIONS[Code.GET_DIGESTS].legal
    row = Row(Code.GET_DIGESTS, GetDigests, Cap.MEL, legal, (), handler)
    monkeypatch.setitem(ROWS, Code.GET_DIGESTS, row)
    peer = negotiated(device(capabilities=Cap.CERT | Cap.CHAL | Cap.MEL), version=version)
    reply = peer.ask(get_digests(version))
    assert reply == (
        bytes((version, 0x01, 0, 0)) if answered else error(version, UNSUPPORTED, 0x81)
    )


@both
def test_measurements_that_were_not_negotiated(version: int) -> None:
    peer = Peer(version=version).climb(State.AFTER_CAPABILITIES)
    peer.good(negotiate_algorithms(version, specification=0))
    check_refused(peer, get_measurements(version), error(version, UNEXPECTED))
    check_refused(peer, challenge(version, summary=1), error(version, INVALID))


@both
def test_a_signature_that_is_not_offered(version: int) -> None:
    held = device(capabilities=Cap.CERT | Cap.CHAL | Cap.MEAS_NO_SIG, base_hash=HASHES)
    peer = negotiated(held, version=version)
    check_refused(peer, get_measurements(version, signed=True), error(version, INVALID))
