"""PSK_EXCHANGE: what is asked, and every way in which the reply can be wrong."""

import pytest
from asking import patched
from devices import error
from hosting import SecureHost, offering
from secured import ABLE, HINT, KEY, able_device

from emulator.ask import PskExchangeRequest
from emulator.errors import BrokenReply, PeerErrorReply, UnsupportedByPeer
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.key_exchange import SessionPolicy
from emulator.spdm.session import Phase
from emulator.spdm.versions import Version
from emulator.transport.mctp import MCTP

VERSIONS = pytest.mark.parametrize("version", [one for one in Version if one >= Version.V1_1])
CONTEXT = bytes(range(32))
HALF = 0xBEEF
CONTEXT_LENGTH_AT, OPAQUE_LENGTH_AT, CONTEXT_AT = 8, 10, 12
OPAQUE_AT = CONTEXT_AT + 32


def connected(psk: Cap = Cap.PSK_WITH_CONTEXT, version: Version = Version.V1_4) -> SecureHost:
    """A host over MCTP, which adds no padding, and a device whose PSK is of this kind."""
    device = able_device(capabilities=ABLE & ~Cap.PSK_WITH_CONTEXT | psk)
    return SecureHost(device, offer=offering(versions=(version,)), binding=MCTP).connected()


def asked(
    host: SecureHost, *, key: bytes = KEY, summary: SummaryType = SummaryType.NONE
) -> tuple[PskExchangeRequest, bytes]:
    request = PskExchangeRequest(
        host.connection,
        hint=HINT,
        key=key,
        half=HALF,
        context=CONTEXT,
        policy=SessionPolicy.TERMINATION,
        summary_type=summary,
    )
    return request, host.answer(request.raw)


@VERSIONS
def test_a_good_answer_with_a_context_begins_a_handshake(version: Version) -> None:
    host = connected(version=version)
    request, reply = asked(host)
    policy = 1 if version >= Version.V1_2 else 0
    assert request.raw[:6] == bytes((version, 0xE6, 0, policy, 0xEF, 0xBE))
    assert HINT + CONTEXT in request.raw
    opened = request.accept(reply)
    assert opened.session.phase is Phase.HANDSHAKE
    assert opened.session.psk
    assert opened.transcript_hash == b""
    assert host.connection.sessions == {opened.session.id: opened.session}


@VERSIONS
def test_without_a_context_the_session_is_established_at_once(version: Version) -> None:
    host = connected(Cap.PSK, version)
    request, reply = asked(host)
    opened = request.accept(reply)
    assert opened.session.phase is Phase.ESTABLISHED
    theirs = host.endpoint.responder.connection.sessions[opened.session.id]
    assert theirs.secrets.export_master == opened.session.secrets.export_master


def test_a_summary_is_there_when_it_was_asked_for() -> None:
    host = connected()
    request, reply = asked(host, summary=SummaryType.TCB)
    stated = host.device.measurements.summary(SummaryType.TCB, "SHA_384", "SHA_384")
    assert request.accept(reply).reply.summary == stated


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (0, 0x12, "version: found 0x12, expected 0x14"),
        (1, 0x64, "code: found KEY_EXCHANGE_RSP, expected PSK_EXCHANGE_RSP"),
        (4, b"\1\1", "verify_data: found"),
        (CONTEXT_LENGTH_AT, b"\xff\xff", "context|size"),
        (OPAQUE_LENGTH_AT, b"\x04\x00", "opaque|size"),
        (CONTEXT_AT, b"another context", "verify_data: found"),
        (OPAQUE_AT, 0, "opaque: found no element"),
        (OPAQUE_AT + 11, 0x20, "opaque: found version 20, expected one of the versions 10, 11"),
        (-48, bytes(48), "verify_data: found 00*, expected the HMAC of this handshake under"),
    ],
)
def test_broken_answers(at: int, value: int | bytes, reason: str) -> None:
    host = connected()
    request, reply = asked(host)
    with pytest.raises(BrokenReply, match=f"PSK_EXCHANGE_RSP.({reason})"):
        request.accept(patched(reply, at, value))
    assert host.connection.sessions == {}


def test_another_key_proves_nothing() -> None:
    host = connected()
    request, reply = asked(host, key=b"another key")
    with pytest.raises(BrokenReply, match=r"PSK_EXCHANGE_RSP.verify_data"):
        request.accept(reply)


def test_a_context_is_there_exactly_if_the_device_says_so() -> None:
    host = connected()
    request, reply = asked(host)
    host.connection.peer_capabilities ^= Cap.PSK | Cap.PSK_WITH_CONTEXT
    with pytest.raises(BrokenReply, match=r"context_length: found 32, expected 0, as the peer's"):
        request.accept(reply)
    host = connected(Cap.PSK)
    request, reply = asked(host)
    host.connection.peer_capabilities ^= Cap.PSK | Cap.PSK_WITH_CONTEXT
    with pytest.raises(BrokenReply, match=r"context_length: found 0, expected 1 or more"):
        request.accept(reply)


@pytest.mark.parametrize(
    ("lacking", "how", "reason"),
    [
        (Cap.PSK_WITH_CONTEXT, Cap.PSK, "PSK_EXCHANGE needs PSK or PSK_WITH_CONTEXT"),
        (Cap(0), Cap.KEY_EX, "PSK, which was not offered"),
    ],
)
def test_what_was_not_agreed_on_makes_no_session(lacking: Cap, how: Cap, reason: str) -> None:
    host = SecureHost(able_device(capabilities=ABLE & ~lacking), offer=offering(how)).connected()
    with pytest.raises(UnsupportedByPeer, match=reason):
        host.run(host.requester.psk_exchange(HINT, KEY))


def test_a_hint_that_nobody_knows_is_refused() -> None:
    host = connected()
    with pytest.raises(PeerErrorReply) as refused:
        host.run(host.requester.psk_session(b"what?", KEY))
    assert refused.value.code == 0x05
    request, reply = asked(host)
    with pytest.raises(PeerErrorReply):
        request.accept(error(0x14, 0x03))
    assert request.accept(reply).session.live
