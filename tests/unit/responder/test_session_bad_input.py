"""More of what goes wrong in sessions: by the exact ERROR, and what it leaves as it was.

The rules are libspdm's (`library/spdm_responder_lib/libspdm_rsp_finish_rsp.c`,
`libspdm_rsp_algorithms.c`, `libspdm_rsp_key_update_ack.c`).
"""

import pytest
from devices import (
    GET_VERSION,
    error,
    frame,
    get_capabilities,
    get_digests,
    negotiate_algorithms,
    seen_frames,
)
from secured import (
    BY_KEY,
    BY_PSK,
    REQUESTER,
    Opening,
    Wire,
    able_device,
    established,
    plain,
    structure,
)

from emulator.endpoint import Endpoint, Send
from emulator.spdm.capabilities import Cap
from emulator.spdm.session import Phase
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.tcp import TCP

INVALID, UNEXPECTED, UNSPECIFIED, DECRYPT, REQUIRED = 0x01, 0x04, 0x05, 0x06, 0x0B
CLEAR = REQUESTER | Cap.HANDSHAKE_IN_THE_CLEAR
every_version = pytest.mark.parametrize("version", [0x11, 0x12, 0x13, 0x14])
every_way = pytest.mark.parametrize("opening", [BY_KEY, BY_PSK], ids=["key", "psk"])
every_binding = pytest.mark.parametrize("binding", [DOE, MCTP, TCP], ids=lambda one: one.name)


def required(version: int) -> bytes:
    return error(version, REQUIRED if version >= 0x12 else UNSPECIFIED)


@every_binding
def test_a_record_of_no_session_is_a_frame_of_size_0_on_the_socket(binding: Binding) -> None:
    wire = Wire(binding=binding)
    session = established(wire)
    unknown = session.id ^ 1
    payload = binding.wrap_record(unknown.to_bytes(4, "little") + bytes(40))
    transport = int(binding.transport)
    actions = wire.endpoint.receive(frame(payload, transport=transport), wire.now)
    [sent] = [action for action in actions if isinstance(action, Send)]
    [answer] = seen_frames(sent.data)
    assert (answer.command, answer.transport, answer.payload) == (1, transport, b"")
    assert len(sent.data) == 12
    assert session.good(plain(0x13, 0xE8))


@every_way
def test_a_session_is_its_connection_s_alone(opening: Opening) -> None:
    held = able_device()
    one, other = Wire(held), Wire(held)
    session, beside = established(one, opening), established(other, opening)
    if session.id == beside.id:
        beside = established(other, opening)
    record = session.seal(plain(0x13, 0xE8))
    assert other.record(record) is None
    assert session.send(record)
    assert beside.good(plain(0x13, 0xE8))


def test_a_decrypt_error_ends_no_session_of_another_connection() -> None:
    held = able_device()
    wires = [Wire(held), Wire(held)]
    first, second = (established(wire) for wire in wires)
    record = bytearray(first.seal(plain(0x13, 0xE8)))
    record[-4] ^= 1
    answer = wires[0].record(bytes(record))
    assert answer is not None
    assert first.open(answer) == error(0x13, DECRYPT)
    assert held.sessions.live == {second.held}
    assert second.good(get_digests(0x13))


@every_version
def test_finish_in_the_clear_once_more_and_once_the_session_is_over(version: int) -> None:
    wire = Wire(version=version, flags=CLEAR)
    session = wire.by_key()
    again = session.finish_request()
    session = wire.by_key().finish()
    assert wire.ask(again)[:4] == error(version, UNEXPECTED)
    assert session.held.phase is Phase.ESTABLISHED
    session.good(plain(version, 0xEC))
    assert wire.ask(again)[:4] == required(version)


@every_version
@every_way
@pytest.mark.parametrize("cut", [1, 47, 48])
def test_a_finish_cut_short_leaves_the_handshake_as_it_was(
    version: int, opening: Opening, cut: int
) -> None:
    session = opening(Wire(version=version))
    request = session.finish_request()
    assert session.ask(request[:-cut]) == error(version, INVALID)
    assert session.held.phase is Phase.HANDSHAKE
    assert session.good(request)


def test_a_record_of_data_s_keys_for_a_handshake_without_them() -> None:
    """Before FINISH there are no keys of data: the handshake's alone open a record."""
    wire = Wire()
    one, other = wire.by_key(), wire.by_key().finish()
    record = other.seal(plain(0x13, 0xE8))
    forged = one.id.to_bytes(4, "little") + record[4:]
    answer = wire.record(forged)
    assert answer is not None
    assert one.open(answer) == error(0x13, DECRYPT)
    assert [*wire.connection.sessions] == [other.id]
    assert other.send(record) == plain(0x13, 0x68)


@pytest.mark.parametrize("operation", [1, 2])
def test_a_key_update_that_is_never_verified(operation: int) -> None:
    """The session goes on, and ends, under the new keys."""
    wire = Wire()
    session = established(wire)
    session.update(operation)
    for _ in range(3):
        assert session.good(plain(0x13, 0xE8)) == plain(0x13, 0x68)
    assert session.ask(plain(0x13, 0xE9, operation, 9)) == error(0x13, INVALID)
    assert session.held.updating == operation
    assert session.good(plain(0x13, 0xEC)) == plain(0x13, 0x6C)
    assert wire.connection.sessions == {}


@every_version
@pytest.mark.parametrize(
    ("dhe", "aead", "schedule"), [(0x02, 0x02, 1), (0x10, 0x08, 1), (0x10, 0x02, 2)]
)
def test_algorithms_that_are_not_offered(version: int, dhe: int, aead: int, schedule: int) -> None:
    wire = Wire(version=version)
    wire.good(GET_VERSION)
    capabilities = get_capabilities(version, flags=int(REQUESTER))
    wire.good(capabilities[:12] if version == 0x11 else capabilities)
    offered = (structure(2, dhe), structure(3, aead), structure(5, schedule))
    refused = wire.ask(negotiate_algorithms(version, structures=offered))
    assert refused[:4] == error(version, INVALID)
    good = (structure(2, 0x10), structure(3, 0x02), structure(5, 1))
    wire.good(negotiate_algorithms(version, structures=good))


def test_records_before_anything_was_negotiated() -> None:
    endpoint = Endpoint(able_device())
    for binding in (DOE, MCTP, TCP):
        for record in (b"", bytes(4), bytes(64)):
            payload = binding.wrap_record(record)
            sent = endpoint.receive(frame(payload, transport=int(binding.transport)), 1.0)
            [answer] = seen_frames(b"".join(one.data for one in sent if isinstance(one, Send)))
            assert (answer.command, answer.payload) == (1, b"")
