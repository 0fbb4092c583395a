"""What a device says to sessions gone wrong: the exact ERROR, and no other session is harmed."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from devices import (
    GET_VERSION,
    challenge,
    error,
    get_capabilities,
    get_digests,
    get_measurements,
    negotiate_algorithms,
)
from secured import (
    ABLE,
    BY_KEY,
    BY_PSK,
    REQUESTER,
    Inside,
    Opening,
    Wire,
    able_device,
    established,
    key_exchange,
    plain,
    psk_exchange,
    versions_offered,
)

from emulator.crypto import dhe
from emulator.endpoint import Answered, Ignored
from emulator.errors import DecryptError
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_schedule import Direction
from emulator.spdm.session import Phase
from emulator.transport.mctp import MCTP

INVALID, UNEXPECTED, UNSPECIFIED = 0x01, 0x04, 0x05
DECRYPT, UNSUPPORTED, REQUIRED = 0x06, 0x07, 0x0B
CLEAR = Cap.HANDSHAKE_IN_THE_CLEAR
ALL_VERSIONS = pytest.mark.parametrize("version", [0x11, 0x12, 0x13, 0x14])
every_way = pytest.mark.parametrize("opening", [BY_KEY, BY_PSK], ids=["key", "psk"])


def required(version: int) -> bytes:
    """The ERROR outside of a session; 1.1 has none of its own."""
    return error(version, REQUIRED if version >= 0x12 else UNSPECIFIED)


@pytest.fixture
def beside() -> Iterator[Inside]:
    """A session of the same connection that must live on, whatever happens beside it."""
    wire = Wire()
    session = established(wire)
    yield session
    assert session.held.phase is Phase.ESTABLISHED
    session.good(plain(0x13, 0xE8))
    session.update(2)
    session.update(3)
    session.good(get_measurements(0x13, signed=True))


def refused(wire: Wire, session: Inside, record: bytes) -> None:
    """A record that does not open is answered with DecryptError inside, and its session is over."""
    answer = wire.record(record)
    assert answer is not None
    assert session.open(answer) == error(wire.version, DECRYPT)
    last = wire.events[-1]
    assert isinstance(last, Answered)
    assert isinstance(last.error, DecryptError)
    assert session.id not in wire.connection.sessions
    assert wire.record(session.seal(plain(wire.version, 0xE8))) is None
    assert isinstance(wire.events[-1], Ignored)


def _flipped(record: bytes, at: int) -> bytes:
    return record[:at] + bytes((record[at] ^ 1,)) + record[at + 1 :]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "a tag of another record": lambda record: _flipped(record, len(record) - 1),
    "other ciphertext": lambda record: _flipped(record, 7),
    "a tag cut short": lambda record: record[:4] + b"\x08\0" + record[6:14],
    "a length beyond the end": lambda record: record[:4] + b"\xff\xff" + record[6:],
    "a length below a tag": lambda record: record[:4] + b"\x0f\0" + record[6:],
    "nothing but an id": lambda record: record[:4],
}


@every_way
@pytest.mark.parametrize("how", BROKEN)
def test_a_record_that_does_not_open_ends_its_session_alone(
    beside: Inside, opening: Opening, how: str
) -> None:
    session = established(beside.wire, opening)
    refused(beside.wire, session, BROKEN[how](session.seal(plain(0x13, 0xE8))))


def test_a_record_again_and_one_too_early(beside: Inside) -> None:
    wire = beside.wire
    session = established(wire)
    record = session.seal(plain(0x13, 0xE8))
    assert session.send(record)
    refused(wire, session, record)
    session = established(wire)
    session.seal(plain(0x13, 0xE8))
    refused(wire, session, session.seal(plain(0x13, 0xE8)))


def test_the_sequence_number_on_the_wire_is_the_next() -> None:
    wire = Wire(binding=MCTP)
    session = established(wire)
    refused(wire, session, _flipped(session.seal(plain(0x13, 0xE8)), 4))


@pytest.mark.parametrize("record", [b"", b"\x01", bytes(4), b"\xde\xad\xbe\xef" + bytes(40)])
def test_a_record_of_no_session_gets_no_response(beside: Inside, record: bytes) -> None:
    assert beside.wire.record(record) is None
    event = beside.wire.events[-1]
    assert isinstance(event, Ignored)
    assert "there is none" in event.reason


def test_something_else_than_spdm_inside_gets_no_response() -> None:
    wire = Wire(binding=MCTP)
    session = established(wire)
    traffic = session.secrets.traffic(Direction.REQUEST)
    pldm = session.sealer.seal(traffic, b"\x01\x80\x02", wire.entropy)
    assert wire.record(pldm) is None
    assert session.good(plain(0x13, 0xE8))


@every_way
@pytest.mark.parametrize("bits", [1, 0x80])
def test_wrong_verify_data_of_the_requester_ends_the_session(
    beside: Inside, opening: Opening, bits: int
) -> None:
    wire = beside.wire
    session = opening(wire)
    assert session.ask(session.finish_request(wrong=bits)) == error(0x13, DECRYPT)
    assert session.id not in wire.connection.sessions
    assert len(wire.device.sessions.live) == 1


@ALL_VERSIONS
def test_wrong_verify_data_in_the_clear_ends_the_session(version: int) -> None:
    wire = Wire(version=version, flags=REQUESTER | CLEAR)
    session = wire.by_key()
    reply = wire.ask(session.finish_request(wrong=1))
    assert reply[:4] == error(version, DECRYPT)
    assert wire.connection.sessions == {}
    assert wire.ask(session.finish_request())[:4] == required(version)


@ALL_VERSIONS
@every_way
@pytest.mark.parametrize("code", [0xE8, 0xE9, 0xEC, 0x81, 0xE0, 0xFE])
def test_the_handshake_takes_no_other_request(version: int, opening: Opening, code: int) -> None:
    wire = Wire(version=version)
    session = opening(wire)
    request = plain(version, code, 1) + bytes(40 if code in (0xE0, 0xFE) else 0)
    assert session.ask(request) == error(version, UNEXPECTED)
    assert session.finish().good(plain(version, 0xE8))


def test_data_under_the_keys_of_the_data_while_in_the_handshake(beside: Inside) -> None:
    wire = beside.wire
    session = wire.by_key()
    request = session.finish_request()
    response = session.secrets.traffic(Direction.RESPONSE)
    response = replace(response, iv=bytearray(response.iv))  # the other is wiped
    session.secrets.establish(session.transcript.digest("SHA_384"))
    record = session.seal(request)
    answer = wire.record(record)
    assert answer is not None
    assert session.sealer.open(response, answer) == error(0x13, DECRYPT)
    assert session.id not in wire.connection.sessions


@ALL_VERSIONS
def test_requests_about_a_session_outside_of_one(version: int) -> None:
    wire = Wire(version=version)
    finish = bytes(2 if version >= 0x14 else 0) + bytes(48)
    for code in (0xE5, 0xE7, 0xE8, 0xE9, 0xEC):
        tail = finish if code in (0xE5, 0xE7) else b""
        assert wire.ask(plain(version, code, 0) + tail)[:4] == required(version), code
    assert wire.connection.sessions == {}


@ALL_VERSIONS
def test_requests_outside_of_sessions_in_one(version: int) -> None:
    wire = Wire(version=version)
    session = established(wire)
    public = bytes(96)
    for request in (
        GET_VERSION,
        get_capabilities(version)[: 12 if version < 0x12 else 20],
        negotiate_algorithms(version),
        challenge(version),
        key_exchange(version, public),
        psk_exchange(version),
    ):
        assert session.ask(request)[1:3] == bytes((0x7F, UNEXPECTED)), request.hex()
    assert session.good(plain(version, 0xE8))


@ALL_VERSIONS
def test_finish_where_the_handshake_is_not(version: int) -> None:
    """In the clear what is to be encrypted, and the reverse."""
    wire = Wire(version=version)
    session = wire.by_key()
    assert wire.ask(session.finish_request())[:4] == required(version)
    wire = Wire(version=version, flags=REQUESTER | CLEAR)
    session = wire.by_key()
    assert session.ask(session.finish_request()) == required(version)


def test_finish_of_the_other_kind_of_session() -> None:
    wire = Wire()
    by_key, by_psk = wire.by_key(), wire.by_psk()
    by_key.finish_code, by_psk.finish_code = by_psk.finish_code, by_key.finish_code
    for session in (by_key, by_psk):
        assert session.ask(session.finish_request()) == error(0x13, UNEXPECTED)


def test_finish_in_the_clear_is_about_the_session_begun_last() -> None:
    wire = Wire(flags=REQUESTER | CLEAR)
    one, other = wire.by_key(), wire.by_key()
    assert wire.ask(one.finish_request())[:4] == error(0x13, DECRYPT)
    assert [*wire.connection.sessions] == [one.id]
    assert other.id not in wire.connection.sessions


def test_a_signature_nobody_asked_for() -> None:
    wire = Wire()
    session = wire.by_key()
    request = bytearray(session.finish_request())
    request[2] = 1
    assert session.ask(bytes(request))[1:3] == bytes((0x7F, INVALID))


def test_no_padding_in_a_session() -> None:
    session = established(Wire())
    for code in (0xE8, 0xEC):
        assert session.ask(plain(0x13, code) + b"\0") == error(0x13, INVALID)
    assert session.ask(plain(0x13, 0xE9, 1, 1) + b"\0") == error(0x13, INVALID)
    assert session.good(plain(0x13, 0xE8))


def test_key_updates_out_of_order() -> None:
    session = established(Wire())
    assert session.ask(plain(0x13, 0xE9, 3, 1)) == error(0x13, INVALID)
    for operation in (0, 4, 0xFF):
        assert session.ask(plain(0x13, 0xE9, operation, 1)) == error(0x13, INVALID)
    session.update(1)
    for operation in (1, 2):
        assert session.ask(plain(0x13, 0xE9, operation, 1)) == error(0x13, INVALID)
    assert session.good(get_digests(0x13))  # a new key that is never proven serves, too
    session.good(plain(0x13, 0xE9, 3, 1))


def test_the_old_key_serves_until_the_new_one_is_proven() -> None:
    """The ACK may have been lost; but the old key proves nothing."""
    session = established(Wire())
    session.wire.record(session.seal(plain(0x13, 0xE9, 1, 1)))
    session.secrets.traffic(Direction.RESPONSE).sequence += 1
    assert session.good(plain(0x13, 0xE8))
    assert session.ask(plain(0x13, 0xE9, 3, 1)) == error(0x13, INVALID)
    session.secrets.update(Direction.REQUEST)
    assert session.good(plain(0x13, 0xE9, 3, 2))
    assert session.good(plain(0x13, 0xE8))


def test_the_old_key_after_the_new_one_was_proven(beside: Inside) -> None:
    session = established(beside.wire)
    session.update(1)
    old = session.secrets
    assert session.update(3)
    assert old.revert(Direction.REQUEST)
    refused(beside.wire, session, session.seal(plain(0x13, 0xE8)))


def test_a_heartbeat_where_there_is_none() -> None:
    held = able_device()
    held.sessions.heartbeat = 0
    assert established(Wire(held)).ask(plain(0x13, 0xE8)) == error(0x13, UNEXPECTED)


def exchange_data(group: str = "SECP_384_R1") -> bytes:
    """A good public value."""
    made = dhe.GROUPS[group]
    return made.pair(bytes(made.drawn)).public


NO_COMMON = versions_offered(0x13, 0x20)
EXCHANGES: dict[str, tuple[bytes, int]] = {
    "a slot that is empty": (key_exchange(0x13, exchange_data(), slot=1), INVALID),
    "a slot that is none": (key_exchange(0x13, exchange_data(), slot=8), INVALID),
    "a public key there is not": (key_exchange(0x13, exchange_data(), slot=0xFF), INVALID),
    "a summary of no kind": (key_exchange(0x13, exchange_data(), summary=2), INVALID),
    "all events": (key_exchange(0x13, exchange_data(), policy=2), INVALID),
    "a point off the curve": (key_exchange(0x13, bytes(96)), INVALID),
    "another group's value": (key_exchange(0x13, exchange_data("SECP_256_R1")), INVALID),
    "no version in common": (key_exchange(0x13, exchange_data(), opaque=NO_COMMON), INVALID),
    "broken opaque data": (key_exchange(0x13, exchange_data(), opaque=b"\x01\0\0\0"), INVALID),
    "an unknown hint": (psk_exchange(0x13, hint=b"nobody's"), UNSPECIFIED),
    "a hint that is too long": (psk_exchange(0x13, hint=bytes(33)), INVALID),
    "a psk summary of no kind": (psk_exchange(0x13, summary=2), INVALID),
    "no psk version in common": (psk_exchange(0x13, opaque=NO_COMMON), INVALID),
    "a request cut short": (key_exchange(0x13, exchange_data())[:-20], INVALID),
}


@pytest.mark.parametrize("what", EXCHANGES)
def test_an_exchange_that_begins_nothing(beside: Inside, what: str) -> None:
    request, code = EXCHANGES[what]
    wire = beside.wire
    assert wire.ask(request)[:4] == error(0x13, code)
    assert [*wire.connection.sessions] == [beside.id]
    assert len(wire.device.sessions.live) == 1


def test_an_exchange_without_opaque_data_is_told_none() -> None:
    reply = Wire().good(key_exchange(0x13, exchange_data(), opaque=b""))
    at = 40 + 96
    assert reply[at : at + 2] == b"\0\0"


@pytest.mark.parametrize(
    ("flags", "request_", "code"),
    [
        (Cap.PSK | Cap.MAC, key_exchange(0x13, exchange_data()), 0xE4),
        (Cap.KEY_EX | Cap.MAC, psk_exchange(0x13), 0xE6),
    ],
)
def test_what_the_requester_does_not_have(flags: Cap, request_: bytes, code: int) -> None:
    assert Wire(flags=flags).ask(request_)[:4] == error(0x13, UNSUPPORTED, code)


def test_what_the_requester_does_not_have_inside() -> None:
    session = established(Wire(flags=REQUESTER & ~(Cap.HBEAT | Cap.KEY_UPD)))
    for code in (0xE8, 0xE9):
        assert session.ask(plain(0x13, code, 1)) == error(0x13, UNSUPPORTED, code)


def test_encryption_without_authentication_makes_no_session() -> None:
    wire = Wire(able_device(capabilities=ABLE), flags=REQUESTER & ~Cap.MAC)
    for request in (key_exchange(0x13, exchange_data()), psk_exchange(0x13)):
        assert wire.ask(request)[:4] == error(0x13, INVALID)


def test_opaque_data_of_another_format_makes_no_session() -> None:
    wire = Wire(able_device(opaque_format=1))
    assert wire.ask(key_exchange(0x13, exchange_data()))[:4] == error(0x13, INVALID)
