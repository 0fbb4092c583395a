"""HEARTBEAT, KEY_UPDATE and END_SESSION."""

import pytest
from asking import patched
from devices import error
from hosting import SecureHost, offering
from secured import ABLE, HINT, KEY, able_device

from emulator.ask import EndSessionRequest, HeartbeatRequest, KeyUpdateRequest, Request
from emulator.device.sessions import Sessions
from emulator.errors import BrokenReply, EmulatorError, PeerErrorReply, UnsupportedByPeer
from emulator.requester import SecureSession
from emulator.spdm.capabilities import NONE, Cap
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.session import Session


def opened(without: Cap = NONE, more: Cap = NONE) -> tuple[SecureHost, SecureSession]:
    host = SecureHost(able_device(capabilities=ABLE & ~without | more)).connected()
    return host, host.session()


def made(session: Session, family: str) -> Request[None]:
    if family == "heartbeat":
        return HeartbeatRequest(session)
    if family == "update":
        return KeyUpdateRequest(session, KeyOperation.UPDATE_KEY, 7)
    return EndSessionRequest(session)


FAMILIES = pytest.mark.parametrize("family", ["heartbeat", "update", "end"])
NAMES = {"heartbeat": "HEARTBEAT_ACK", "update": "KEY_UPDATE_ACK", "end": "END_SESSION_ACK"}


@FAMILIES
def test_a_good_answer_is_accepted(family: str) -> None:
    host, session = opened()
    request = made(session.session, family)
    request.accept(host.inside(session, request))


@FAMILIES
@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (0, 0x12, "version: found 0x12, expected 0x14"),
        (1, 0x64, "code: found KEY_EXCHANGE_RSP"),
        (3, b"\0\0", "size"),
    ],
)
def test_broken_answers(family: str, at: int, value: int | bytes, reason: str) -> None:
    host, session = opened()
    request = made(session.session, family)
    request.padding = 0
    reply = host.inside(session, request)
    with pytest.raises(BrokenReply, match=f"{NAMES[family]}.({reason})"):
        request.accept(patched(reply, at, value))


@FAMILIES
def test_a_session_in_its_handshake_or_over_has_none_of_them(family: str) -> None:
    host = SecureHost().connected()
    session = host.run(host.requester.key_exchange())
    with pytest.raises(EmulatorError, match="is in its handshake"):
        made(session.session, family)
    session.end()
    with pytest.raises(EmulatorError, match="is over"):
        made(session.session, family)


def test_no_heartbeat_where_none_is_asked_for() -> None:
    host = SecureHost(able_device(sessions=Sessions(keys={HINT: KEY}))).connected()
    with pytest.raises(EmulatorError, match="has no heartbeat: its period is 0"):
        host.run(host.session().heartbeat())


def test_keys_are_not_updated_where_that_is_not_offered() -> None:
    host, session = opened(Cap.KEY_UPD)
    with pytest.raises(UnsupportedByPeer, match="KEY_UPDATE needs KEY_UPD"):
        host.run(session.update_keys())


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (2, 2, "operation: found 2, expected 1"),
        (3, 8, "tag: found 8, expected 7"),
    ],
)
def test_an_update_is_acknowledged_as_it_was_asked(at: int, value: int, reason: str) -> None:
    host, session = opened()
    before = session.session.secrets.traffic(Direction.REQUEST)
    request = made(session.session, "update")
    reply = host.inside(session, request)
    with pytest.raises(BrokenReply, match=f"KEY_UPDATE_ACK.{reason}"):
        request.accept(patched(reply, at, value))
    assert session.session.secrets.traffic(Direction.REQUEST) is before


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        (KeyOperation.UPDATE_KEY, {Direction.REQUEST}),
        (KeyOperation.UPDATE_ALL_KEYS, {Direction.REQUEST, Direction.RESPONSE}),
    ],
)
def test_keys_change_in_the_directions_asked_for(
    operation: KeyOperation, changed: set[Direction]
) -> None:
    host, session = opened()
    secrets = session.session.secrets
    before = {way: secrets.traffic(way) for way in Direction}
    request = KeyUpdateRequest(session.session, operation, 1)
    request.accept(host.inside(session, request))
    assert {way for way in Direction if secrets.traffic(way) is not before[way]} == changed
    assert session.session.updating == operation
    verify = KeyUpdateRequest(session.session, KeyOperation.VERIFY_NEW_KEY, 2)
    verify.accept(host.inside(session, verify))
    assert not session.session.updating
    assert not any(secrets.revert(way) for way in Direction)  # the old ones are gone


def test_all_keys_are_not_acknowledged_under_the_old_one() -> None:
    host, session = opened()
    old = KeyUpdateRequest(session.session, KeyOperation.UPDATE_KEY, 1)
    reply = host.inside(session, old)  # an acknowledgement under the key there was
    request = KeyUpdateRequest(session.session, KeyOperation.UPDATE_ALL_KEYS, 1)
    session.session.outdated = True
    with pytest.raises(BrokenReply, match=r"record: found the old key, expected the responder's"):
        request.accept(patched(reply, 2, 2))


@pytest.mark.parametrize(("cache", "attributes"), [(Cap(0), 0), (Cap.CACHE, 1)])
def test_only_who_keeps_a_negotiation_is_told_to_forget_it(cache: Cap, attributes: int) -> None:
    _, session = opened(more=cache)
    assert EndSessionRequest(session.session, forget=True).raw[2] == attributes
    assert EndSessionRequest(session.session).raw[2] == 0


def test_a_refusal_is_an_error_with_its_code() -> None:
    _, session = opened()
    for family in NAMES:
        with pytest.raises(PeerErrorReply) as refused:
            made(session.session, family).accept(error(0x14, 0x04))
        assert refused.value.code == 0x04


def test_an_offer_without_sessions_opens_none() -> None:
    host = SecureHost(offer=offering(Cap.PSK)).connected()
    with pytest.raises(UnsupportedByPeer, match="KEY_EX, which was not offered"):
        host.session()
