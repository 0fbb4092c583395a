"""What the messages of sessions are said to mean, and how a conversation reads them."""

from dataclasses import replace

import pytest

from emulator.report import Conversation
from emulator.report.meaning import meaning
from emulator.requester import Direction
from emulator.spdm.algorithms import AlgType
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages import (
    Algorithms,
    AlgorithmStructure,
    Capabilities,
    ChallengeAuth,
    DeliverEncapsulatedResponse,
    EncapsulatedRequest,
    EncapsulatedResponseAck,
    EndSession,
    EndSessionAck,
    Finish,
    FinishRsp,
    GetCapabilities,
    GetEncapsulatedRequest,
    Heartbeat,
    HeartbeatAck,
    KeyExchange,
    KeyExchangeRsp,
    KeyUpdate,
    KeyUpdateAck,
    PskExchange,
    PskExchangeRsp,
    PskFinish,
    PskFinishRsp,
)
from emulator.spdm.messages.encapsulated import AckPayload
from emulator.spdm.messages.key_exchange import MutualAuth
from emulator.spdm.messages.session import EndAttributes
from emulator.wire import Message, Shape, encode

V = 0x13
RANDOM = bytes(32)
ASK = KeyExchange(version=V, slot=0, session_id=0xFFFE, random=RANDOM, exchange_data=b"e" * 96)
ANSWER = KeyExchangeRsp(
    version=V, session_id=0xFFFD, random=RANDOM, exchange_data=b"e" * 96, signature=b"s" * 96
)

LINES: list[tuple[Message, str]] = [
    (ASK, "slot 0: a session, half fffe"),
    (
        KeyExchange(
            version=V, slot=255, summary_type=255, session_id=1, random=RANDOM, exchange_data=b""
        ),
        "provisioned key: a session, half 0001, and summarise the measurements",
    ),
    (ANSWER, "half fffd, signed, 96 bytes"),
    (
        KeyExchangeRsp(
            version=V,
            heartbeat_period=5,
            session_id=1,
            mutual_auth=MutualAuth.REQUESTED,
            random=RANDOM,
            exchange_data=b"",
        ),
        "half 0001, not signed; a heartbeat every 5 s; sign with slot 0",
    ),
    (
        KeyExchangeRsp(
            version=V,
            session_id=1,
            mutual_auth=MutualAuth.GET_DIGESTS,
            random=RANDOM,
            exchange_data=b"",
        ),
        "half 0001, not signed; show your chain",
    ),
    (
        ChallengeAuth(version=V, slot=0x80, slot_mask=1, cert_chain_hash=b"", nonce=RANDOM),
        "slot 0: not signed; show your chain",
    ),
    (Finish(version=V, verify_data=b"v"), "I have the keys"),
    (
        Finish(version=V, attributes=1, requester_slot=2, signature=b"ss"),
        "slot 2: signed, 2 bytes; I have the keys",
    ),
    (FinishRsp(version=V), "the session begins"),
    (PskExchange(version=V, session_id=2), "pre-shared key, no hint: a session, half 0002"),
    (
        PskExchange(version=V, session_id=2, hint=b"\xab", summary_type=1),
        "pre-shared key, hint ab: a session, half 0002, and summarise the measurements",
    ),
    (PskExchangeRsp(version=V, session_id=3), "half 0003; the session begins"),
    (
        PskExchangeRsp(version=V, session_id=3, heartbeat_period=9, context=b"c"),
        "half 0003; a heartbeat every 9 s",
    ),
    (PskFinish(version=V), "I have the keys"),
    (PskFinishRsp(version=V), "the session begins"),
    (Heartbeat(version=V), "still there"),
    (HeartbeatAck(version=V), "still there"),
    (KeyUpdate(version=V, operation=1, tag=7), "a new key for the sender, tag 7"),
    (KeyUpdateAck(version=V, operation=2, tag=7), "new keys for both, tag 7"),
    (KeyUpdate(version=V, operation=3, tag=8), "the new key works, tag 8"),
    (KeyUpdate(version=V, operation=9, tag=8), "operation 9, tag 8"),
    (EndSession(version=V), "the session ends"),
    (
        EndSession(version=V, attributes=EndAttributes.CLEAR_NEGOTIATED_STATE),
        "the session ends, and what was negotiated is forgotten",
    ),
    (EndSessionAck(version=V), "the session has ended"),
    (GetEncapsulatedRequest(version=V), "what do you want to know?"),
    (EncapsulatedRequest(version=V, request_id=1, request=b"\x13\x81"), "request 1: GET_DIGESTS"),
    (EncapsulatedRequest(version=V, request_id=1), "request 1: nothing"),
    (
        DeliverEncapsulatedResponse(version=V, request_id=1, response=b"\x13\x01\0\0"),
        "to request 1: DIGESTS",
    ),
    (
        EncapsulatedResponseAck(
            version=V, request_id=2, payload_type=AckPayload.REQUEST, payload=b"\x13\x82"
        ),
        "request 2: GET_CERTIFICATE",
    ),
    (EncapsulatedResponseAck(version=V, request_id=2), "nothing more"),
    (
        EncapsulatedResponseAck(version=V, request_id=2, payload_type=2, payload=b"\x03"),
        "nothing more; use slot 3",
    ),
]


@pytest.mark.parametrize(("message", "line"), LINES)
def test_a_line(message: Message, line: str) -> None:
    assert meaning(message) == line


def negotiated(clear: Cap) -> Conversation:
    """A conversation that agreed on SHA_384, ECDSA_P384 and SECP_384_R1."""
    flags = Cap.KEY_EX | Cap.ENCRYPT | Cap.MEAS_SIG
    structures = (
        AlgorithmStructure(kind=AlgType.DHE, supported=0x10),
        AlgorithmStructure(kind=AlgType.AEAD, supported=0x02),
        AlgorithmStructure(kind=AlgType.REQ_BASE_ASYM, supported=0x10),
    )
    agreed = Algorithms(version=V, length=0, base_asym=0x80, base_hash=2, structures=structures)
    conversation = Conversation()
    for direction, message in (
        (Direction.REQUEST, GetCapabilities(version=V, flags=flags | Cap.HANDSHAKE_IN_THE_CLEAR)),
        (Direction.REPLY, Capabilities(version=V, flags=flags | clear)),
    ):
        conversation.tell(direction, encode(message, Shape(V)))
    told = conversation.tell(Direction.REPLY, encode(agreed, Shape(V)))
    assert told.meaning == (
        "ECDSA_P384 / SHA_384 / SECP_384_R1 / AES_256_GCM / requester ECDSA_P256"
    )
    return conversation


@pytest.mark.parametrize("clear", [Cap(0), Cap.HANDSHAKE_IN_THE_CLEAR])
def test_a_conversation_knows_the_sizes(clear: Cap) -> None:
    """With the handshake in the clear the verify data move from one reply to the other."""
    conversation = negotiated(clear)
    in_exchange, in_finish = (0, 48) if clear else (48, 0)
    ask = Shape(V, 48, exchange=96)
    answer = Shape(V, 48, 96, 0, 96, in_exchange)
    signed = Finish(version=V, attributes=1, signature=b"s" * 64, verify_data=b"v" * 48)
    for direction, message, shape in (
        (Direction.REQUEST, ASK, ask),
        (Direction.REPLY, replace(ANSWER, verify_data=b"v" * in_exchange), answer),
        (Direction.REQUEST, signed, Shape(V, 48, 64, verify=48)),
        (
            Direction.REPLY,
            FinishRsp(version=V, verify_data=b"v" * in_finish),
            Shape(V, 48, verify=in_finish),
        ),
    ):
        told = conversation.tell(direction, encode(message, shape))
        assert told.shape == shape
        assert told.meaning == meaning(message)
