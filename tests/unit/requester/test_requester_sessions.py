"""Sessions of the requester: records that are wrong, keys that change, and what ends with what."""

from collections.abc import Callable

import pytest
from devices import error
from hosting import CLEAR, SecureHost, offering
from hypothesis import given, settings
from hypothesis import strategies as st
from secured import HINT, KEY

from emulator.ask import KeyUpdateRequest
from emulator.errors import (
    BrokenReply,
    EmulatorError,
    NoResponse,
    PeerError,
    PeerErrorReply,
    SignatureMismatch,
)
from emulator.requester import SecureSession
from emulator.requester.flow import Inside
from emulator.spdm.key_schedule import Direction
from emulator.spdm.keylog import read_keylog, write_line
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.session_secrets import EXPORT_LABEL, LABELS
from emulator.spdm.state import State
from emulator.spdm.transcript import Part
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.tcp import TCP

every_binding = pytest.mark.parametrize("binding", [DOE, MCTP, TCP], ids=lambda one: one.name)
HEADERS = {DOE.name: 8, MCTP.name: 1, TCP.name: 4}


class Two:
    """A host with a session under test, and another that must live on."""

    def __init__(self, binding: Binding = MCTP) -> None:
        self.host = SecureHost(binding=binding).connected()
        self.kept = self.host.psk_session()
        self.session = self.host.session()

    def broken(self, bend: Callable[[bytes], bytes], match: str) -> None:
        """The reply to the next HEARTBEAT is bent: that ends its session, and only that."""
        self.host.bend = bend
        with pytest.raises(BrokenReply, match=match):
            self.host.run(self.session.heartbeat())
        self.host.bend = lambda payload: payload
        assert not self.session.live
        assert list(self.host.connection.sessions) == [self.kept.id]
        self.host.run(self.kept.heartbeat())
        with pytest.raises(EmulatorError, match=f"session {self.session.id:08x} is over"):
            self.host.run(self.session.measurements())


def listening(host: SecureHost) -> list[bytes]:
    """The payloads that the device answers with from now on."""
    heard: list[bytes] = []

    def listen(payload: bytes) -> bytes:
        heard.append(payload)
        return payload

    host.bend = listen
    return heard


@every_binding
def test_a_record_with_another_tag_ends_its_session(binding: Binding) -> None:
    # A heartbeat's answer fills its DOE object to within two bytes, which are padding.
    def bend(payload: bytes) -> bytes:
        at = HEADERS[binding.name] + 4 + (2 if binding is MCTP else 0)
        length = int.from_bytes(payload[at : at + 2], "little")
        last = at + 2 + length - 1
        return payload[:last] + bytes((payload[last] ^ 1,)) + payload[last + 1 :]

    Two(binding).broken(bend, "record.tag: found record 0's tag is wrong, expected the next record")


@every_binding
@pytest.mark.parametrize("at", range(6))
def test_a_record_with_another_head_ends_its_session(binding: Binding, at: int) -> None:
    def bend(payload: bytes) -> bytes:
        position = HEADERS[binding.name] + at
        return payload[:position] + bytes((payload[position] ^ 1,)) + payload[position + 1 :]

    Two(binding).broken(bend, "record.tag")


@every_binding
def test_a_record_that_came_before_ends_its_session(binding: Binding) -> None:
    two = Two(binding)
    heard = listening(two.host)
    two.host.run(two.session.heartbeat())
    two.broken(lambda _: heard[0], "record.tag")


@every_binding
def test_the_request_itself_is_no_answer(binding: Binding) -> None:
    two = Two(binding)
    two.broken(lambda _: two.host.sent[-1], "record.tag")


@every_binding
@pytest.mark.parametrize("size", [0, 1, 12])
def test_a_record_cut_short_ends_its_session(binding: Binding, size: int) -> None:
    def bend(payload: bytes) -> bytes:
        record = payload[HEADERS[binding.name] :][: size + 1]
        return binding.wrap_record(record)

    Two(binding).broken(bend, "record.tag")


@every_binding
def test_plain_text_in_a_session_ends_it(binding: Binding) -> None:
    two = Two(binding)
    plain = binding.wrap(error(0x14, 0x06))
    two.broken(lambda _: plain, "type: found an SPDM message, expected a secured message")


@every_binding
def test_a_record_outside_of_a_session_is_no_reply(binding: Binding) -> None:
    host = SecureHost(binding=binding).connected()
    session = host.session()
    heard = listening(host)
    host.run(session.heartbeat())
    host.bend = lambda _: heard[0]
    with pytest.raises(BrokenReply, match="type: found a secured message, expected an SPDM"):
        host.run(host.requester.digests())
    assert session.live


def test_another_sessions_record_is_none_of_this() -> None:
    two = Two()
    heard = listening(two.host)
    two.host.run(two.kept.heartbeat())
    two.broken(lambda _: heard[0], "record.tag: found a record headed")


def test_no_response_ends_no_session() -> None:
    host = SecureHost(binding=MCTP).connected()
    session = host.session()
    host.bend = lambda _: b""
    with pytest.raises(NoResponse):
        host.run(session.heartbeat())
    assert session.live


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_whatever_comes_for_a_record_is_a_peers_error(data: st.DataObject) -> None:
    binding = data.draw(st.sampled_from([DOE, MCTP, TCP]))
    host = SecureHost(binding=binding).connected()
    session = host.session()

    def bend(payload: bytes) -> bytes:
        at = data.draw(st.integers(0, len(payload) - 1))
        new = data.draw(st.binary(min_size=1, max_size=8))
        bent = payload[:at] + new + payload[at + len(new) :]
        return bent[: data.draw(st.integers(1, len(bent)))]

    before = host.bend
    host.bend = bend
    try:
        host.run(session.measurements())
    except NoResponse:
        pass
    except PeerError:
        assert not session.live
    host.bend = before
    host.run(host.requester.measurements())


@settings(max_examples=20, deadline=None)
@given(record=st.binary(max_size=80))
def test_any_bytes_for_a_record(record: bytes) -> None:
    session = _open()
    with pytest.raises(BrokenReply):
        session.open(MCTP.records, session.id.to_bytes(4, "little") + record)
    with pytest.raises(BrokenReply):
        session.open(MCTP.records, record)


def _open() -> SecureSession:
    return SecureHost(binding=MCTP).connected().session()


def test_a_refusal_inside_leaves_the_session() -> None:
    host = SecureHost(binding=MCTP).connected()
    session = host.session()
    with pytest.raises(PeerErrorReply) as refused:
        host.run(session.vendor(3, b"\1\0", b"abc"))
    assert refused.value.code == 0x07
    host.run(session.heartbeat())


class Answering(SecureHost):
    """A host whose device's answer inside of a session is another one."""

    instead: bytes = b""

    def answer(self, request: bytes) -> bytes:
        reply = super().answer(request)
        if isinstance(request, Inside) and self.instead:
            reply, self.instead = Inside(self.instead, request.session), b""
        return reply


def test_a_device_that_cannot_decrypt_has_ended_the_session() -> None:
    host = Answering(binding=MCTP)
    host.connected()
    kept, session = host.session(), host.session()
    host.instead = error(0x14, 0x06)
    with pytest.raises(PeerErrorReply, match="DECRYPT_ERROR"):
        host.run(session.measurements())
    assert not session.live
    assert list(host.connection.sessions) == [kept.id]


def test_a_device_that_lost_the_connection_has_no_sessions_any_more() -> None:
    host = Answering(binding=MCTP)
    host.connected()
    kept, session = host.session(), host.session()
    host.instead = error(0x14, 0x43)
    with pytest.raises(PeerErrorReply, match="REQUEST_RESYNCH"):
        host.run(session.measurements())
    assert not session.live
    assert not kept.live
    assert host.connection.state is State.NOT_STARTED


def test_a_busy_device_is_asked_again_inside() -> None:
    host = Answering(binding=MCTP)
    host.connected()
    session = host.session()
    host.instead = error(0x14, 0x03)
    before = len(host.sent)
    host.run(session.heartbeat())
    assert len(host.sent) == before + 2
    assert host.sent[-1] != host.sent[-2]


def test_a_refused_update_leaves_all_keys_as_they_were() -> None:
    host = Answering(binding=MCTP)
    host.connected()
    session = host.session()
    secrets = session.session.secrets
    before = {way: secrets.traffic(way) for way in Direction}
    host.instead = error(0x14, 0x05)
    with pytest.raises(PeerErrorReply):
        host.run(session.update_keys(KeyOperation.UPDATE_ALL_KEYS))
    assert {way: secrets.traffic(way) for way in Direction} == before
    assert session.live


def test_an_update_that_the_device_refuses_under_its_old_key_is_heard() -> None:
    # Two updates without a proof between them: the device says InvalidRequest under the key it has.
    host = SecureHost(binding=MCTP).connected()
    session = host.session()
    first = KeyUpdateRequest(session.session, KeyOperation.UPDATE_KEY, 1)
    first.accept(host.inside(session, first))
    with pytest.raises(PeerErrorReply) as refused:
        host.run(session.update_keys(KeyOperation.UPDATE_ALL_KEYS))
    assert refused.value.code == 0x01
    verify = KeyUpdateRequest(session.session, KeyOperation.VERIFY_NEW_KEY, 2)
    verify.accept(host.inside(session, verify))
    host.run(session.update_keys(KeyOperation.UPDATE_ALL_KEYS))
    host.run(session.heartbeat())


@every_binding
def test_keys_are_updated_again_and_again(binding: Binding) -> None:
    host = SecureHost(binding=binding).connected()
    session = host.session()
    keys = set()
    for number in range(8):
        operation = (KeyOperation.UPDATE_KEY, KeyOperation.UPDATE_ALL_KEYS)[number % 2]
        host.run(session.update_keys(operation))
        keys.add(session.session.secrets.traffic(Direction.REQUEST).nonce())
    assert len(keys) == 8


def test_what_is_asked_inside_gives_up_a_challenge_outside() -> None:
    host = SecureHost(binding=MCTP).connected()
    session = host.session()
    host.run(host.requester.digests())
    host.run(host.requester.certificate(0))
    assert host.connection.transcript.part(Part.B)
    host.run(session.heartbeat())
    assert not host.connection.transcript.part(Part.B)
    assert host.run(host.requester.challenge(0)).transcript_hash


def test_a_wrong_signature_inside_is_told_and_ends_nothing() -> None:
    host = Answering(binding=MCTP)
    host.connected()
    session = host.session()
    good = session.measurements()
    request = next(good)
    reply = host.answer(request)
    with pytest.raises(SignatureMismatch):
        good.send(Inside(reply[:-1] + bytes((reply[-1] ^ 1,)), session))
    assert session.live
    host.run(session.heartbeat())


def test_secrets_go_to_the_key_log_and_are_wiped() -> None:
    host = SecureHost(offer=offering(CLEAR), binding=MCTP).connected()
    lines: list[str] = []

    def log(label: str, identifier: bytes, secret: bytes) -> None:
        lines.append(write_line(label, identifier, secret))

    host.requester.key_log = log
    sessions = (host.session(), host.run(host.requester.psk_session(HINT, KEY)))
    logged = read_keylog("keys", "".join(lines))
    assert len(logged) == 2
    for found, session in zip(logged.values(), sessions, strict=True):
        assert set(found) == {*LABELS.values(), EXPORT_LABEL}
        assert found[EXPORT_LABEL] == session.session.secrets.export_master
        host.run(session.end_session())
        assert not any(session.session.secrets.export_master)


def test_a_new_negotiation_ends_all_sessions() -> None:
    host = SecureHost(binding=MCTP).connected()
    sessions = [host.session(), host.psk_session()]
    host.run(host.requester.connect())
    assert not any(session.live for session in sessions)


def test_halves_of_ids_are_never_the_same() -> None:
    host = SecureHost(binding=MCTP).connected()
    halves = {host.session().id & 0xFFFF for _ in range(4)}
    assert len(halves) == 4
    assert 0 not in halves
