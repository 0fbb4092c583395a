"""FINISH and PSK_FINISH: the end of a handshake."""

from collections.abc import Callable

import pytest
from asking import patched
from devices import error
from hosting import BOTH, CLEAR, SecureHost, offering
from secured import HINT, KEY

from emulator.ask import FinishRequest, PskFinishRequest, Request
from emulator.errors import BrokenReply, EmulatorError, PeerErrorReply
from emulator.requester import SecureSession
from emulator.spdm.capabilities import Cap
from emulator.spdm.session import Phase
from emulator.spdm.versions import Version
from emulator.transport.mctp import MCTP

VERSIONS = pytest.mark.parametrize("version", [one for one in Version if one >= Version.V1_1])
Made = tuple[SecureHost, SecureSession, Request[bytes], bytes]


def in_the_clear(version: Version) -> Made:
    host = connected(CLEAR, version)
    session = host.run(host.requester.key_exchange())
    request = FinishRequest(session.session, host.connection)
    return host, session, request, host.answer(request.raw)


def encrypted(version: Version) -> Made:
    host = connected(BOTH, version)
    session = host.run(host.requester.key_exchange())
    request = FinishRequest(session.session, session.connection)
    return host, session, request, host.inside(session, request)


def pre_shared(version: Version) -> Made:
    host = connected(BOTH, version)
    session = host.run(host.requester.psk_exchange(HINT, KEY))
    request = PskFinishRequest(session.session)
    return host, session, request, host.inside(session, request)


def connected(how: Cap, version: Version) -> SecureHost:
    return SecureHost(offer=offering(how, versions=(version,)), binding=MCTP).connected()


WAYS = pytest.mark.parametrize("way", [in_the_clear, encrypted, pre_shared])
Way = Callable[[Version], Made]


@VERSIONS
@WAYS
def test_a_good_answer_establishes_the_session(version: Version, way: Way) -> None:
    host, session, request, reply = way(version)
    opaque = b"\0\0" if version >= Version.V1_4 else b""
    code = 0xE7 if way is pre_shared else 0xE5
    assert request.raw[:-48] == bytes((version, code, 0, 0)) + opaque
    assert len(reply) == 4 + len(opaque) + (48 if way is in_the_clear else 0)
    th2 = request.accept(reply)
    assert session.session.phase is Phase.ESTABLISHED
    theirs = host.endpoint.responder.connection.sessions[session.id]
    assert theirs.transcript.digest("SHA_384") == th2
    assert theirs.secrets.export_master == session.session.secrets.export_master
    host.run(session.heartbeat())


@WAYS
@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (0, 0x12, "version: found 0x12, expected 0x14"),
        (1, 0x64, "code: found KEY_EXCHANGE_RSP"),
        (4, b"\xff\x7f", "opaque|size"),
    ],
)
def test_broken_answers(way: Way, at: int, value: int | bytes, reason: str) -> None:
    _, session, request, reply = way(Version.V1_4)
    with pytest.raises(BrokenReply, match=f"FINISH_RSP.({reason})"):
        request.accept(patched(reply, at, value))
    assert session.session.phase is Phase.HANDSHAKE


@pytest.mark.parametrize("at", [-1, -48])
def test_in_the_clear_the_device_proves_its_key(at: int) -> None:
    _, session, request, reply = in_the_clear(Version.V1_3)
    position = len(reply) + at
    with pytest.raises(BrokenReply, match=r"FINISH_RSP.verify_data: found .* the HMAC of this"):
        request.accept(patched(reply, position, reply[position] ^ 1))
    assert session.session.phase is Phase.HANDSHAKE


def test_opaque_data_is_read_since_1_4() -> None:
    _, _, request, reply = encrypted(Version.V1_4)
    element = bytes.fromhex("01000000 0000 0200 0102 0000")
    request.accept(reply[:4] + b"\x0c\0" + element)
    _, _, request, reply = encrypted(Version.V1_4)
    with pytest.raises(BrokenReply, match=r"FINISH_RSP.opaque: found no element"):
        request.accept(reply[:4] + b"\x04\0" + bytes(4))


@WAYS
def test_a_handshake_ends_once(way: Way) -> None:
    host, session, request, reply = way(Version.V1_3)
    request.accept(reply)
    with pytest.raises(EmulatorError, match="is established"):
        FinishRequest(session.session, host.connection)
    session.end()
    with pytest.raises(EmulatorError, match="is over"):
        FinishRequest(session.session, host.connection)


@WAYS
def test_a_device_that_is_busy_is_asked_again(way: Way) -> None:
    _, session, request, reply = way(Version.V1_3)
    with pytest.raises(PeerErrorReply):
        request.accept(error(0x13, 0x03))
    request.accept(reply)
    assert session.session.phase is Phase.ESTABLISHED


@pytest.mark.parametrize("how", [BOTH, CLEAR])
def test_what_the_device_cannot_verify_ends_the_session(how: Cap) -> None:
    host = connected(how, Version.V1_3)
    kept = host.session()
    session = host.run(host.requester.key_exchange())
    session.session.transcript.exchange(b"never said")
    with pytest.raises(PeerErrorReply) as refused:
        host.run(session.finish())
    assert refused.value.code == 0x06
    assert not session.live
    assert list(host.connection.sessions) == [kept.id]
    host.run(kept.heartbeat())
