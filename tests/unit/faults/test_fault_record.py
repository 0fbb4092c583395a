"""Stages plaintext and record: what a record carries, how it is sealed, and its bytes."""

from dataclasses import replace
from typing import Any

import pytest
from hosting import CLEAR
from secured import ABLE, Inside, Wire, plain
from unit.faults.secure import armed, clean, fired, hosted, rule, use, wired

from emulator.crypto.aead import TAG_SIZE
from emulator.errors import BrokenReply, NoResponse, PeerError
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_schedule import Direction
from emulator.transport.binding import Binding, Kind
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.tcp import TCP

HEARTBEAT = plain(0x13, 0xE8)
DIGESTS = plain(0x13, 0x81)
ACK = bytes.fromhex("13680000")
ON = {"message": "HEARTBEAT"}
HEADERS = {DOE.name: 6, MCTP.name: 8, TCP.name: 6}


def opened(effect: Any, binding: Binding = DOE, **more: Any) -> tuple[Wire, Inside]:
    """A raw client in a session of a device with this rule on HEARTBEAT."""
    wire = wired(rule(effect, ON, **more), binding=binding)
    return wire, wire.by_key().finish()


def bent_and_usual(effect: Any, binding: Binding = DOE, **more: Any) -> tuple[bytes, bytes, Inside]:
    """The record that answers HEARTBEAT with the fault, and without; and the session."""
    made = []
    wire, session = opened(effect, binding, **more)
    plain_wire = wired(binding=binding)
    for one in (session, plain_wire.by_key().finish()):
        record = one.wire.record(one.seal(HEARTBEAT))
        assert record is not None
        made.append(record)
    assert len(fired(wire.events)) == 1, fired(wire.events)
    return made[0], made[1], session


BYTES: list[tuple[Any, Binding, Any]] = [
    ("record-tag", DOE, lambda r, _: r[:-1] + bytes((r[-1] ^ 1,))),
    ({"record-tag": {"make": "zero"}}, DOE, lambda r, _: r[:-16] + bytes(16)),
    (
        {"record-tag": {"make": "short", "by": 4}},
        MCTP,
        lambda r, h: r[: h - 2] + (len(r) - h - 4).to_bytes(2, "little") + r[h:-4],
    ),
    (
        "record-length",
        MCTP,
        lambda r, h: r[: h - 2] + (len(r) - h + 1).to_bytes(2, "little") + r[h:],
    ),
    ({"record-length": {"to": 0}}, TCP, lambda r, h: r[: h - 2] + b"\0\0" + r[h:]),
    ("record-number", MCTP, lambda r, _: r[:4] + b"\1\0" + r[6:]),
    ({"record-number": {"to": 0xFFFF}}, MCTP, lambda r, _: r[:4] + b"\xff\xff" + r[6:]),
]


@pytest.mark.parametrize(("effect", "binding", "made"), BYTES)
def test_the_record_s_bytes_are_what_the_rule_says(
    effect: Any, binding: Binding, made: Any
) -> None:
    found, usual, _ = bent_and_usual(effect, binding)
    if binding is DOE:  # what follows is DOE's padding
        size = 6 + int.from_bytes(usual[4:6], "little")
        found, usual = found[:size], usual[:size]
    assert found == made(usual, HEADERS[binding.name])


def test_a_random_tag_is_by_the_seed() -> None:
    random = {"record-tag": {"make": "random"}}
    found, usual, _ = bent_and_usual(random, MCTP)
    again, _, _ = bent_and_usual(random, MCTP)
    assert found == again
    assert found[:-TAG_SIZE] == usual[:-TAG_SIZE]
    assert found[-TAG_SIZE:] != usual[-TAG_SIZE:]


def test_raw_bytes_of_a_record() -> None:
    found, usual, _ = bent_and_usual({"xor": {"at": 0, "hex": "ff"}}, MCTP, at="record")
    assert found == bytes((usual[0] ^ 0xFF,)) + usual[1:]
    found, usual, _ = bent_and_usual({"truncate": {"by": 3}}, MCTP, at="record")
    assert found == usual[:-3]


@pytest.mark.parametrize("binding", [DOE, MCTP, TCP], ids=lambda one: one.name)
def test_raw_bytes_inside(binding: Binding) -> None:
    wire, session = opened({"overwrite": {"at": -4, "hex": "ff"}}, binding, at="plaintext")
    record = wire.record(session.seal(HEARTBEAT))
    assert record is not None
    inner = session.sealer.open(session.secrets.traffic(Direction.RESPONSE), record)
    assert inner == session.sealer.form.enclose(b"\xff" + ACK[1:])
    assert fired(wire.events) == [f"plaintext: 1 byte overwritten from byte {len(inner) - 4} on"]


def test_more_than_a_record_holds_is_cut() -> None:
    wire, session = opened({"extend": {"count": 1 << 20}}, MCTP, at="plaintext")
    record = wire.record(session.seal(HEARTBEAT))
    assert record is not None
    inner = session.sealer.open(session.secrets.traffic(Direction.RESPONSE), record)
    assert inner.startswith(session.sealer.form.enclose(ACK))
    assert len(inner) > 65000
    session = wired(to=wire.device, binding=MCTP).by_key().finish()
    session.good(HEARTBEAT)


@pytest.mark.parametrize(("binding", "at"), [(MCTP, 0), (TCP, 3)])
def test_the_type_inside(binding: Binding, at: int) -> None:
    wire, session = opened("inner-type", binding)
    record = wire.record(session.seal(HEARTBEAT))
    assert record is not None
    inner = session.sealer.open(session.secrets.traffic(Direction.RESPONSE), record)
    usual = session.sealer.form.enclose(ACK)
    assert inner == usual[:at] + b"\x7f" + usual[at + 1 :]
    session.good(DIGESTS)  # the next is as usual
    assert fired(wire.events) == ["plaintext: type 0x7f inside"]


def test_doe_has_no_type_inside_and_only_mctp_a_number() -> None:
    for effect in ("inner-type", "record-number"):
        wire, session = opened(effect)
        session.good(HEARTBEAT)
        assert not fired(wire.events)


def body(session: Inside, record: bytes) -> bytes:
    """What is encrypted in a record."""
    start = session.sealer.form.header_size()
    end = start + int.from_bytes(record[start - 2 : start], "little")
    traffic = session.secrets.traffic(Direction.RESPONSE)
    found = traffic.aead.open(traffic.nonce(), record[:start], record[start:end])
    assert found is not None
    traffic.sequence += 1
    return found


@pytest.mark.parametrize(
    ("effect", "found"),
    [
        ("inner-length", b"\x05\0" + ACK),
        ({"inner-length": {"to": 0xFFFF}}, b"\xff\xff" + ACK),
        ({"inner-length": {"by": -5}}, b"\xff\xff" + ACK),
        ({"inner-padding": {"count": 3, "hex": "0a0b"}}, b"\x04\0" + ACK + b"\x0a\x0b\x0a"),
    ],
)
def test_lengths_inside(effect: Any, found: bytes) -> None:
    wire, session = opened(effect)
    record = wire.record(session.seal(HEARTBEAT))
    assert record is not None
    assert body(session, record) == found
    session.good(DIGESTS)
    assert len(fired(wire.events)) == 1


@pytest.mark.parametrize("effect", ["inner-length", "inner-padding"])
def test_a_session_that_only_authenticates_has_no_length_inside(effect: str) -> None:
    to = armed(rule(effect, ON), capabilities=ABLE & ~Cap.ENCRYPT)
    wire = wired(to=to)
    wire.by_key().finish().good(HEARTBEAT)
    assert not fired(wire.events)


@pytest.mark.parametrize("binding", [DOE, MCTP], ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("fields", "number", "then"),
    [
        ({}, 1, 1),
        ({"by": 5, "stays": True}, 5, 6),
        ({"by": 70000}, 70000, 1),
        ({"by": 0xFFFFFFFF, "stays": True}, 0xFFFFFFFF, 0x100000000),
    ],
)
def test_another_sequence_number(
    fields: dict[str, Any], number: int, then: int, binding: Binding
) -> None:
    wire, session = opened({"record-sequence": fields}, binding)
    traffic = session.secrets.traffic(Direction.RESPONSE)
    traffic.sequence = number
    session.good(HEARTBEAT)
    traffic.sequence = then
    session.good(DIGESTS)
    assert fired(wire.events) == [f"record: record {number} instead of 0"]


def test_there_is_no_record_before_the_first() -> None:
    wire, session = opened({"record-sequence": {"by": -1}})
    session.good(HEARTBEAT)
    assert not fired(wire.events)
    session.secrets.traffic(Direction.RESPONSE).sequence = 0
    session.good(HEARTBEAT)
    assert fired(wire.events) == ["record: record 0 instead of 1"]


def test_another_session_s_id() -> None:
    wire, session = opened("record-session")
    session.sealer = replace(session.sealer, session=session.id ^ 1)
    session.open(wire.record(replace_id(session, HEARTBEAT)) or b"")
    assert fired(wire.events) == [f"record: a record of session {session.id:08x}"]


def replace_id(session: Inside, message: bytes) -> bytes:
    """The record of a request under the session's own id, whatever its sealer says."""
    right = replace(session.sealer, session=session.id ^ 1)
    traffic = session.secrets.traffic(Direction.REQUEST)
    return right.seal(traffic, right.form.enclose(message), session.wire.entropy)


def test_the_id_and_the_key_of_another_session() -> None:
    for effect in ("record-session", {"record-key": {"of": "other-session"}}):
        wire = wired(rule(effect, ON | {"session": 2}))
        first = wire.by_key(requester=1).finish()
        second = wire.by_key(requester=2).finish()
        first.good(HEARTBEAT)
        record = wire.record(second.seal(HEARTBEAT))
        assert record is not None
        if effect == "record-session":
            assert record[:4] == first.id.to_bytes(4, "little")
            second.sealer = first.sealer
        else:
            theirs = first.secrets.traffic(Direction.RESPONSE)
            second.secrets.traffic(Direction.RESPONSE).aead = theirs.aead
            second.secrets.traffic(Direction.RESPONSE).iv = theirs.iv
        assert second.open(record) == ACK
        assert len(fired(wire.events)) == 1
        first.good(DIGESTS)


def test_the_key_of_the_other_direction() -> None:
    wire, session = opened("record-key")
    ours, theirs = (session.secrets.traffic(way) for way in Direction)
    record = wire.record(session.seal(HEARTBEAT))
    kept = theirs.aead, theirs.iv
    theirs.aead, theirs.iv = ours.aead, ours.iv
    assert session.open(record or b"") == ACK
    theirs.aead, theirs.iv = kept
    session.good(DIGESTS)
    assert fired(wire.events) == ["record: sealed with the key of request"]


def test_the_key_from_before_finish() -> None:
    wire = wired(rule({"record-key": {"of": "handshake"}}, {"where": "ESTABLISHED"}, times=2))
    session = wire.by_key()
    traffic = session.secrets.traffic(Direction.RESPONSE)
    aead, iv = traffic.aead, bytearray(traffic.iv)
    session.finish()
    now = session.secrets.traffic(Direction.RESPONSE)
    for number in (1, 2):
        record = wire.record(session.seal(HEARTBEAT)) or b""
        former = replace(now, aead=aead, iv=iv, sequence=number)
        assert session.sealer.open(former, record) == ACK
    session.good(HEARTBEAT)
    assert fired(wire.events) == ["record: sealed with the key of handshake"] * 2


@pytest.mark.parametrize("message", ["KEY_UPDATE", "HEARTBEAT"])
def test_the_key_from_before_key_update(message: str) -> None:
    told = rule({"record-key": {"of": "before-update"}}, {"message": message}, times=1)
    wire = wired(told)
    session = wire.by_key().finish()
    traffic = session.secrets.traffic(Direction.RESPONSE)
    aead, iv = traffic.aead, bytearray(traffic.iv)
    update = plain(0x13, 0xE9, 2, 7)
    former = replace(traffic, aead=aead, iv=iv, sequence=0)
    record = wire.record(session.seal(update)) or b""
    for way in Direction:
        session.secrets.update(way)
    if message == "KEY_UPDATE":
        assert session.sealer.open(former, record)[1] == 0x69
    else:
        session.open(record)
        session.good(plain(0x13, 0xE9, 3, 8))
        record = wire.record(session.seal(HEARTBEAT)) or b""
        assert session.sealer.open(former, record) == ACK
    assert len(fired(wire.events)) == 1
    session.good(plain(0x13, 0xE9, 3, 9) if message == "KEY_UPDATE" else HEARTBEAT)


def test_without_a_former_key_nothing_happens() -> None:
    for of in ("handshake", "before-update", "other-session"):
        wire = wired(rule({"record-key": {"of": of}}))
        wire.by_psk().finish_request()
        session = wired(to=armed(rule({"record-key": {"of": "before-update"}}))).by_key().finish()
        session.good(HEARTBEAT)
        session.update(1)  # the device's own key stays
        session.update(3)
        session.good(HEARTBEAT)
        assert not fired(session.wire.events)
        assert not fired(wire.events)


@pytest.mark.parametrize("binding", [DOE, MCTP, TCP], ids=lambda one: one.name)
def test_plain_text_in_a_session(binding: Binding) -> None:
    wire, session = opened("in-the-clear", binding, times=1)
    payload = wire.send(binding.wrap_record(session.seal(HEARTBEAT)))
    kind, data, _ = binding.unwrap(payload)
    assert (kind, data) == (Kind.MESSAGE, ACK)
    session.good(HEARTBEAT)
    assert fired(wire.events) == ["record: in the clear"]


@pytest.mark.parametrize("binding", [DOE, MCTP, TCP], ids=lambda one: one.name)
def test_a_record_outside_of_a_session(binding: Binding) -> None:
    told = rule("in-a-record", {"message": "GET_DIGESTS", "where": "CLEAR"})
    wire = wired(told, binding=binding)
    before = wire.good(DIGESTS)
    assert not fired(wire.events)  # there is no session yet
    session = wire.by_key().finish()
    kind, data, _ = binding.unwrap(wire.send(binding.wrap(DIGESTS)))
    assert kind is Kind.SECURED
    reply = session.open(data)
    assert before.startswith(reply)
    assert len(before) - len(reply) < 4
    assert fired(wire.events) == [f"record: in a record of session {session.id:08x}"]


CASES: list[tuple[Any, dict[str, Any], str]] = [
    ("record-tag", ON, "tag"),
    ({"record-tag": {"make": "short"}}, ON, "tag"),
    ({"record-tag": {"make": "zero"}}, ON, "tag"),
    ("record-length", ON, "tag"),
    ("record-number", ON, "tag"),
    ("record-sequence", ON, "tag"),
    ("record-session", ON, "tag"),
    ("record-key", ON, "tag"),
    ({"record-key": {"of": "handshake"}}, ON, "tag"),
    ({"record-key": {"of": "before-update"}}, {"message": "KEY_UPDATE"}, "old key|tag"),
    ({"record-key": {"of": "before-update"}}, {"updated": True}, "tag"),
    ("in-the-clear", ON, "type"),
    ("inner-type", ON, "message"),
    ({"inner-length": {"by": 1000}}, ON, "tag"),
    ({"truncate": {"to": 2}}, ON, "."),
]


@pytest.mark.parametrize(("effect", "on", "why"), CASES)
def test_our_requester_refuses_it(effect: Any, on: dict[str, Any], why: str) -> None:
    at = "plaintext" if "truncate" in effect else None
    host = hosted(rule(effect, on, at=at), binding=MCTP)
    session = host.session()
    with pytest.raises(PeerError, match=why) as refused:
        use(host, session)
    assert not isinstance(refused.value, NoResponse)
    assert fired(host.events)
    clean(host.device, binding=MCTP)


def test_our_requester_takes_padding() -> None:
    host = hosted(rule("inner-padding"))
    use(host, host.session())
    assert fired(host.events)


def test_our_requester_refuses_a_record_outside() -> None:
    host = hosted(rule("in-a-record", {"message": "FINISH"}), how=CLEAR)
    with pytest.raises(BrokenReply, match="type"):
        host.session()
    assert fired(host.events)
    clean(host.device, how=CLEAR)
