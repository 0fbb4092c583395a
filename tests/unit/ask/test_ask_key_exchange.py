"""KEY_EXCHANGE: what is asked, and every way in which the reply can be wrong."""

import pytest
from asking import patched
from devices import chain, error
from hosting import BOTH, CLEAR, SecureHost, offering
from secured import ABLE, GROUPS, SCHEME, able_device

from emulator.ask import KeyExchangeRequest, Opened
from emulator.crypto import dhe, hashes
from emulator.device import Device
from emulator.errors import (
    BrokenReply,
    EmulatorError,
    PeerErrorReply,
    SignatureMismatch,
    UnsupportedByPeer,
)
from emulator.requester import Offer
from emulator.spdm import signing
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.key_exchange import SessionPolicy
from emulator.spdm.secured_versions import ALL, SecuredVersion
from emulator.spdm.session import Phase
from emulator.spdm.session_transcript import SessionTranscript
from emulator.spdm.signing import ToSign
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version
from emulator.transport.mctp import MCTP

VERSIONS = pytest.mark.parametrize("version", [one for one in Version if one >= Version.V1_1])
RANDOM = bytes(range(32))
HALF = 0xBEEF
HASH = "SHA_384"
EXCHANGE_AT = 40
OPAQUE_AT = EXCHANGE_AT + 96
VERIFY = 48
SIGNATURE = 96


def connected(to: Device | None = None, *, group: str = "SECP_384_R1") -> SecureHost:
    """A host over MCTP, which adds no padding."""
    return SecureHost(to, offer=offering(dhe=(group,)), binding=MCTP).connected()


def asked(
    host: SecureHost, *, summary: SummaryType = SummaryType.NONE
) -> tuple[KeyExchangeRequest, bytes]:
    chosen = host.connection.algorithms.dhe
    assert chosen is not None
    group = dhe.GROUPS[chosen.name]
    request = KeyExchangeRequest(
        host.connection,
        signer=host.requester.chains[0],
        pair=group.pair(bytes(range(1, group.drawn + 1))),
        half=HALF,
        random=RANDOM,
        policy=SessionPolicy.TERMINATION,
        summary_type=summary,
    )
    return request, host.answer(request.raw)


def signed_anew(host: SecureHost, request: KeyExchangeRequest, reply: bytes) -> bytes:
    """The reply with the signature that the device's key makes over what it says."""
    unsigned = reply[: -SIGNATURE - VERIFY]
    negotiation = host.connection.transcript.part(Part.A)
    transcript = SessionTranscript(negotiation, chain_hash=host.requester.chains[0].digest)
    transcript.exchange(request.raw, unsigned)
    over = ToSign(host.connection.version, signing.KEY_EXCHANGE_RSP, HASH, transcript.view)
    return unsigned + chain(SCHEME).key.sign(over) + reply[-VERIFY:]


@VERSIONS
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("how", [BOTH, CLEAR], ids=["encrypted", "clear"])
def test_a_good_answer_opens_a_session(version: Version, group: str, how: Cap) -> None:
    host = SecureHost(offer=offering(how, versions=(version,), dhe=(group,))).connected()
    request, reply = asked(host)
    policy = 1 if version >= Version.V1_2 else 0
    assert request.raw[:8] == bytes((version, 0xE4, 0, 0, 0xEF, 0xBE, policy, 0))
    assert request.raw[8:40] == RANDOM
    opened = request.accept(reply)
    session = opened.session
    assert session.id & 0xFFFF == HALF
    assert host.connection.sessions == {session.id: session}
    assert session.phase is Phase.HANDSHAKE
    assert session.heartbeat == 10
    assert opened.secured_version is SecuredVersion.V1_2
    theirs = host.endpoint.responder.connection.sessions[session.id]
    verified = [entry.raw for entry in session.transcript.view]
    assert verified == [entry.raw for entry in theirs.transcript.view]


def test_a_summary_is_there_when_it_was_asked_for() -> None:
    host = connected()
    request, reply = asked(host, summary=SummaryType.ALL)
    found = request.accept(reply)
    assert found.summary_type is SummaryType.ALL
    assert found.reply.summary == host.device.measurements.summary(SummaryType.ALL, HASH, HASH)


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (0, 0x12, "version: found 0x12, expected 0x14"),
        (1, 0x66, "code: found PSK_EXCHANGE_RSP, expected KEY_EXCHANGE_RSP"),
        (6, 0x01, "mutual_auth: found 0x01, expected 0x00, as mutual authentication was not"),
        (6, 0x02, "mutual_auth: found 0x02"),
        (6, 0x04, "mutual_auth: found 0x04"),
        (OPAQUE_AT, b"\x04\x00", "size|opaque"),
        (OPAQUE_AT, b"\xff\x7f", "opaque|size"),
        (OPAQUE_AT + 2, 0, "opaque: found no element"),
        (OPAQUE_AT + 2, 2, "opaque element 1"),
        (OPAQUE_AT + 10, 2, "opaque: found .*, expected one of the versions 10, 11, 12"),
        (OPAQUE_AT + 11, 1, "opaque: found .*, expected one of the versions 10, 11, 12"),
        (OPAQUE_AT + 13, 0x20, "opaque: found version 20, expected one of the versions 10, 11"),
        (-1, 0xEE, "verify_data: found .*ee, expected the HMAC of this handshake under"),
    ],
)
def test_broken_answers(at: int, value: int | bytes, reason: str) -> None:
    host = connected()
    request, reply = asked(host)
    bent = patched(reply, at, value)
    if bent == reply:
        bent = patched(reply, at, 0xED)
        reason = reason.replace("ee", "ed")
    with pytest.raises(BrokenReply, match=f"KEY_EXCHANGE_RSP.({reason})"):
        request.accept(bent)
    assert host.connection.sessions == {}


def test_no_selected_version_is_broken() -> None:
    host = connected()
    request, reply = asked(host)
    size = int.from_bytes(reply[OPAQUE_AT : OPAQUE_AT + 2], "little")
    bent = reply[:OPAQUE_AT] + b"\0\0" + reply[OPAQUE_AT + 2 + size :]
    with pytest.raises(BrokenReply, match=r"KEY_EXCHANGE_RSP.opaque: found .*, expected one of"):
        request.accept(bent)


def test_a_version_that_was_not_offered_is_broken() -> None:
    host = connected()
    request, reply = asked(host)  # which offers all
    assert request.accept(reply).secured_version is SecuredVersion.V1_2
    request = KeyExchangeRequest(
        host.connection,
        signer=host.requester.chains[0],
        pair=dhe.GROUPS["SECP_384_R1"].pair(bytes(range(64))),
        half=1,
        random=RANDOM,
        policy=SessionPolicy(0),
        versions=ALL[:1],
    )
    with pytest.raises(BrokenReply, match="opaque: found version 12, expected one of the versions"):
        request.accept(reply)
    assert request.accept(host.answer(request.raw)).secured_version is SecuredVersion.V1_0


@pytest.mark.parametrize("at", [8, 39, EXCHANGE_AT, OPAQUE_AT - 1, -VERIFY - 1, -VERIFY - 96])
def test_what_is_not_signed_like_this_opens_nothing(at: int) -> None:
    host = connected()
    request, reply = asked(host)
    position = at if at >= 0 else len(reply) + at
    with pytest.raises(SignatureMismatch, match=r"KEY_EXCHANGE_RSP.signature: .* leaf") as caught:
        request.accept(patched(reply, position, reply[position] ^ 1))
    content = caught.value.content
    assert isinstance(content, Opened)
    assert not content.session.live
    assert content.transcript_hash
    assert host.connection.sessions == {}


@pytest.mark.parametrize(
    ("group", "value"),
    [
        ("SECP_384_R1", bytes(96)),
        ("SECP_384_R1", b"\1" * 96),
        ("FFDHE_2048", bytes(256)),
        ("FFDHE_2048", bytes(255) + b"\1"),
        ("FFDHE_2048", b"\xff" * 256),
    ],
)
def test_a_public_value_that_is_none_is_broken_though_it_is_signed(
    group: str, value: bytes
) -> None:
    host = connected(group=group)
    request, reply = asked(host)
    bent = signed_anew(host, request, patched(reply, EXCHANGE_AT, value))
    with pytest.raises(BrokenReply, match=r"KEY_EXCHANGE_RSP.exchange_data: found .* of the group"):
        request.accept(bent)
    assert host.connection.sessions == {}


def test_another_public_value_gives_other_secrets() -> None:
    host = connected()
    request, reply = asked(host)
    public = dhe.GROUPS["SECP_384_R1"].pair(bytes(64)).public
    bent = signed_anew(host, request, patched(reply, EXCHANGE_AT, public))
    with pytest.raises(BrokenReply, match=r"KEY_EXCHANGE_RSP.verify_data"):
        request.accept(bent)


def test_a_heartbeat_that_was_not_agreed_is_broken() -> None:
    host = connected(able_device(capabilities=ABLE & ~Cap.HBEAT))
    request, reply = asked(host)
    with pytest.raises(BrokenReply, match=r"heartbeat_period: found 9, expected 0, as not both"):
        request.accept(patched(reply, 2, 9))


def test_another_chain_vouches_for_nothing() -> None:
    host = connected()
    host.run(host.requester.certificate(2))
    request, _ = asked(host)
    other = KeyExchangeRequest(
        host.connection,
        signer=host.requester.chains[2],
        pair=dhe.GROUPS["SECP_384_R1"].pair(bytes(range(1, 65))),
        half=HALF,
        random=RANDOM,
        policy=SessionPolicy.TERMINATION,
    )
    with pytest.raises(SignatureMismatch, match="slot 0's leaf"):
        request.accept(host.answer(other.raw))


@pytest.mark.parametrize(
    ("lacking", "offer", "reason"),
    [
        (
            Cap.KEY_EX | Cap.HANDSHAKE_IN_THE_CLEAR,
            offering(),
            "KEY_EXCHANGE needs KEY_EX",
        ),
        (Cap(0), offering(Cap.PSK), "KEY_EX, which was not offered"),
        (Cap.MAC, offering(), "MAC on both sides"),
        (Cap(0), offering(opaque_formats=0), "opaque data of format 1"),
    ],
)
def test_what_was_not_agreed_on_makes_no_session(lacking: Cap, offer: Offer, reason: str) -> None:
    host = SecureHost(able_device(capabilities=ABLE & ~lacking), offer=offer).connected()
    with pytest.raises(UnsupportedByPeer, match=reason):
        host.run(host.requester.key_exchange())


def test_before_a_connection_there_is_none() -> None:
    with pytest.raises(EmulatorError, match="dhe"):
        SecureHost().run(SecureHost().requester.key_exchange())


def test_a_refusal_leaves_nothing_behind() -> None:
    host = connected()
    request, reply = asked(host)
    with pytest.raises(PeerErrorReply) as refused:
        request.accept(error(0x14, 0x0A))
    assert refused.value.code == 0x0A
    assert host.connection.sessions == {}
    assert request.accept(reply).session.live  # as after Busy


def test_what_is_signed_is_the_hash_that_is_told() -> None:
    host = connected()
    negotiation = [entry.raw for entry in host.connection.transcript.part(Part.A)]
    request, reply = asked(host)
    opened = request.accept(reply)
    covered = (*negotiation, host.requester.chains[0].digest, request.raw, reply[: -96 - 48])
    assert opened.transcript_hash == hashes.digest(HASH, *covered)
