"""Sessions of a device through its endpoint: opened, used and ended by every means."""

import struct
from typing import Any

import pytest
from devices import (
    GET_VERSION,
    chain,
    error,
    frame,
    get_certificate,
    get_digests,
    get_measurements,
)
from secured import (
    ABLE,
    AEADS,
    BY_KEY,
    BY_PSK,
    GROUPS,
    HASH,
    HINT,
    KEY,
    REQUESTER,
    SCHEME,
    Inside,
    Opening,
    Wire,
    able_device,
    established,
    key_exchange,
    plain,
    psk_exchange,
)

from emulator.device import Sizes
from emulator.device.sessions import Sessions
from emulator.endpoint import Endpoint
from emulator.entropy import Seeded
from emulator.responder import Responder
from emulator.spdm import signing
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_schedule import Direction
from emulator.spdm.keylog import read_keylog, write_line
from emulator.spdm.session import Phase
from emulator.spdm.session_secrets import EXPORT_LABEL, LABELS
from emulator.spdm.signing import ToSign
from emulator.spdm.transcript import Entry
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.tcp import TCP

SESSION_LIMIT = 0x0A
VERSIONS = (0x11, 0x12, 0x13, 0x14)
every_version = pytest.mark.parametrize("version", VERSIONS)
every_way = pytest.mark.parametrize("opening", [BY_KEY, BY_PSK], ids=["key", "psk"])
every_binding = pytest.mark.parametrize("binding", [DOE, MCTP, TCP], ids=lambda one: one.name)


def use(session: Inside) -> None:
    """Ask all there is to ask inside, and end it."""
    version = session.wire.version
    assert session.good(plain(version, 0xE8)) == plain(version, 0x68)
    assert session.update(2) == plain(version, 0x69, 2, 7)
    assert session.update(3) == plain(version, 0x69, 3, 7)
    assert session.update(1, tag=9) == plain(version, 0x69, 1, 9)
    assert session.update(3, tag=10) == plain(version, 0x69, 3, 10)
    session.good(get_digests(version))
    session.good(get_certificate(version))
    session.good(get_measurements(version))
    assert session.good(plain(version, 0xEC)) == plain(version, 0x6C)
    assert session.wire.connection.sessions == {}
    assert session.wire.device.sessions.live == set()


@every_version
@every_way
@every_binding
@pytest.mark.parametrize("clear", [False, True])
def test_a_session_from_its_beginning_to_its_end(
    version: int, opening: Opening, binding: Binding, *, clear: bool
) -> None:
    flags = REQUESTER | (Cap.HANDSHAKE_IN_THE_CLEAR if clear else Cap(0))
    wire = Wire(version=version, flags=flags, binding=binding)
    session = opening(wire)
    assert session.held.phase is Phase.HANDSHAKE
    use(session.finish())


@every_version
@pytest.mark.parametrize("clear", [False, True])
def test_a_session_that_only_authenticates(version: int, *, clear: bool) -> None:
    flags = REQUESTER & ~Cap.ENCRYPT
    flags |= Cap.HANDSHAKE_IN_THE_CLEAR if clear else Cap(0)
    session = established(Wire(version=version, flags=flags))
    assert not session.held.encrypted
    use(session)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("aead", AEADS)
def test_every_group_and_every_cipher(group: str, aead: str) -> None:
    use(established(Wire(version=0x12, group=group, aead=aead)))


@every_version
def test_a_device_without_a_context_expects_no_psk_finish(version: int) -> None:
    capabilities = ABLE & ~Cap.PSK_WITH_CONTEXT | Cap.PSK
    session = Wire(able_device(capabilities=capabilities), version=version).by_psk()
    assert session.held.phase is Phase.ESTABLISHED
    use(session)


@pytest.mark.parametrize("summary", [0, 1, 0xFF])
def test_the_measurement_summary_is_in_the_reply_and_signed(summary: int) -> None:
    use(Wire().by_key(summary=summary).finish())


def test_another_slot_signs() -> None:
    use(Wire().by_key(slot=2).finish())


def test_four_sessions_side_by_side_and_no_fifth() -> None:
    wire = Wire()
    sessions = [established(wire, BY_KEY if n % 2 else BY_PSK) for n in range(4)]
    assert len({session.id for session in sessions}) == 4
    public = bytes(96)
    for request in (key_exchange(0x13, public), psk_exchange(0x13)):
        assert wire.ask(request)[:4] == error(0x13, SESSION_LIMIT)
    for session in sessions:
        assert session.good(plain(0x13, 0xE8)) == plain(0x13, 0x68)
    sessions[2].good(plain(0x13, 0xEC))
    assert established(wire).id not in {session.id for session in sessions}


def test_the_limit_is_the_device_s_whatever_the_connection() -> None:
    held = able_device(sessions=Sessions(limit=1, keys={HINT: KEY}))
    one, other = Wire(held), Wire(held)
    established(one)
    assert other.ask(psk_exchange(0x13))[:4] == error(0x13, SESSION_LIMIT)
    one.endpoint.left("gone")
    assert established(other, BY_PSK).good(get_digests(0x13))


def test_measurements_inside_are_signed_over_what_was_measured_inside() -> None:
    """L1/L2 of the session and of the connection are apart."""
    wire = Wire(version=0x13)
    session = established(wire)
    outside = wire.good(get_measurements(0x13, 1))
    requests = [get_measurements(0x13, n) for n in (1, 2)]
    inside = [(request, session.good(request)) for request in requests]
    signed = get_measurements(0x13, 0, signed=True)
    reply = session.good(signed)
    entries = [raw for pair in inside for raw in pair] + [signed, reply[:-96]]
    view = (*wire.negotiation, *map(Entry, entries))
    key = chain(SCHEME).key.public
    assert key.verify(reply[-96:], ToSign(0x13, signing.MEASUREMENTS, HASH, view))
    signed_outside = wire.good(signed)[: len(reply)]
    entries = [
        get_measurements(0x13, 1),
        outside[: len(inside[0][1])],
        signed,
        signed_outside[:-96],
    ]
    view = (*wire.negotiation, *map(Entry, entries))
    assert key.verify(signed_outside[-96:], ToSign(0x13, signing.MEASUREMENTS, HASH, view))


def test_a_large_reply_inside_comes_in_chunks_of_what_a_record_can_carry() -> None:
    held = able_device(capabilities=ABLE | Cap.CHUNK)
    held.sizes = Sizes(transmit=200, max_message=65536)
    wire = Wire(held, flags=REQUESTER | Cap.CHUNK)
    session = established(wire, BY_PSK)
    refused = session.ask(get_measurements(0x13))
    assert refused[:3] == bytes((0x13, 0x7F, 0x0F))
    got, sequence, last = b"", 0, False
    while not last:
        answer = session.good(struct.pack("<4BH", 0x13, 0x86, 0, refused[4], sequence))
        last = bool(answer[2] & 1)
        size = int.from_bytes(answer[8:12], "little")
        got += answer[-size:]
        assert len(answer) <= 200 - 24
        sequence += 1
    assert got[1] == 0x60
    assert wire.good(get_digests(0x13))


def test_a_reply_inside_leaves_room_for_its_record() -> None:
    """QEMU takes objects of 4608 bytes: 4576 inside an encrypted record."""
    held = able_device()
    session = established(Wire(held))
    record = session.seal(get_digests(0x13))
    sent: list[int | None] = []
    original = Responder.respond

    def spy(self: Responder, raw: bytes, **more: Any) -> Any:
        sent.append(more["largest"])
        return original(self, raw, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Responder, "respond", spy)
        assert session.send(record)
    assert sent == [4576]


def test_a_heartbeat_that_is_missed_ends_its_session() -> None:
    wire = Wire()
    one, other = established(wire), established(wire, BY_PSK)
    wire.now += 19
    assert one.good(plain(0x13, 0xE8))
    assert wire.endpoint.timer() == 21.0
    wire.now += 1.5
    assert wire.endpoint.tick(wire.now) == []
    assert [*wire.connection.sessions] == [one.id]
    assert wire.record(other.seal(plain(0x13, 0xE8))) is None
    assert one.good(get_digests(0x13))
    wire.now += 20
    assert wire.record(one.seal(plain(0x13, 0xE8))) is None
    assert wire.connection.sessions == {}


def test_get_version_and_a_reset_end_all_sessions() -> None:
    held = able_device()
    wire = Wire(held)
    sessions = [established(wire), established(wire, BY_PSK)]
    wire.good(GET_VERSION)
    assert (wire.connection.sessions, held.sessions.live) == ({}, set())
    for session in sessions:
        assert wire.record(session.seal(plain(0x13, 0xE8))) is None
    again = Wire(held)
    session = established(again)
    held.reset()
    assert held.sessions.live == set()
    assert again.record(session.seal(plain(0x13, 0xE8))) is None
    assert again.connection.sessions == {}


@every_version
@every_way
@pytest.mark.parametrize("policy", [0, 1])
def test_an_update_of_what_is_measured_ends_the_sessions_that_are_to_end(
    version: int, opening: Opening, policy: int
) -> None:
    """By TerminationPolicy, which 1.1 does not have."""
    wire = Wire(version=version, policy=policy)
    session = established(wire, opening)
    wire.device.change_measurement(2, b"later firmware", pending=True)
    assert session.good(plain(version, 0xE8))
    wire.device.change_measurement(2, b"other firmware")
    if policy or version == 0x11:
        assert session.good(plain(version, 0xE8))
    else:
        assert wire.record(session.seal(plain(version, 0xE8))) is None
        assert wire.device.sessions.live == set()


def test_a_session_goes_on_with_the_connection_that_is_continued() -> None:
    held = able_device()
    wire = Wire(held)
    session = established(wire)
    wire.endpoint.receive(frame(command=0xFFFD), wire.now)
    wire.endpoint.left("gone")
    wire.endpoint = Endpoint(held)
    assert session.good(plain(0x13, 0xE8))


def test_a_session_ends_where_its_sequence_numbers_do() -> None:
    held = able_device(sessions=Sessions(sequence_limit=3, keys={HINT: KEY}))
    wire = Wire(held)
    session = established(wire, BY_PSK)
    session.secrets.traffic(Direction.REQUEST).limit = 99
    for _ in range(3):
        session.good(get_digests(0x13))
    assert wire.record(session.seal(get_digests(0x13))) is None
    assert wire.connection.sessions == {}


@every_way
def test_a_key_log_hears_of_every_secret(opening: Opening) -> None:
    held = able_device()
    lines: list[str] = []
    held.sessions.key_log = lambda *told: lines.append(write_line(*told))
    session = established(Wire(held), opening)
    [told] = read_keylog("memory", "".join(lines)).values()
    assert set(told) == {*LABELS.values(), EXPORT_LABEL}
    assert told[EXPORT_LABEL] == session.secrets.export_master


def test_what_is_negotiated_is_kept_or_forgotten_with_the_session() -> None:
    held = able_device(capabilities=ABLE | Cap.CACHE)
    wire = Wire(held)
    established(wire).good(plain(0x13, 0xEC))
    assert held.cached is not None
    established(wire).good(plain(0x13, 0xEC, 1))
    assert held.cached is None


def test_the_same_seed_and_the_same_requests_give_the_same_bytes() -> None:
    def run(seed: str, binding: Binding) -> list[bytes]:
        wire = Wire(able_device(entropy=Seeded(seed)), binding=binding)
        said: list[bytes] = []
        original = wire.send

        def send(payload: bytes) -> bytes:
            said.append(original(payload))
            return said[-1]

        wire.send = send  # type: ignore[method-assign]  # listens
        use(established(wire))
        use(established(wire, BY_PSK))
        return said

    for binding in (DOE, MCTP, TCP):
        assert run("one", binding) == run("one", binding) != run("two", binding)
