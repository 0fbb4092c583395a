"""KEY_EXCHANGE, KEY_EXCHANGE_RSP, FINISH and FINISH_RSP."""

from enum import IntFlag

from emulator.spdm.codes import Code
from emulator.spdm.messages.challenge import NONCE_SIZE, SummaryType
from emulator.spdm.versions import Version
from emulator.wire import (
    AUTO,
    U8,
    U16,
    Bytes,
    Counted,
    Message,
    Since,
    Sized,
    SizedWhen,
    message,
    wire,
)


class SessionPolicy(IntFlag):
    """SessionPolicy of KEY_EXCHANGE and PSK_EXCHANGE, since 1.2; events since 1.3."""

    TERMINATION = 0x01
    EVENT_ALL = 0x02


class MutualAuth(IntFlag):
    """MutAuthRequested of KEY_EXCHANGE_RSP: that, and how, the requester is to show its chain."""

    REQUESTED = 0x01
    ENCAPSULATED = 0x02
    GET_DIGESTS = 0x04


NOT_REQUESTED = MutualAuth(0)
"""It is not."""

SIGNATURE_INCLUDED = 0x01
"""Param1 of FINISH: the requester signs, as it was asked to."""

_OPAQUE_LENGTH = Since(Version.V1_4, U16())
_OPAQUE = Since(Version.V1_4, Counted("opaque_length"))


@message(Code.KEY_EXCHANGE)
class KeyExchange(Message):
    """Opens a session: the requester's half of its id, and its public value."""

    summary_type: int = wire(U8(SummaryType), default=SummaryType.NONE)
    slot: int = wire(U8())
    session_id: int = wire(U16())
    session_policy: SessionPolicy = wire(U8(SessionPolicy), default=SessionPolicy(0))
    reserved: int = wire(U8(), default=0)
    random: bytes = wire(Bytes(NONCE_SIZE))
    exchange_data: bytes = wire(Sized("exchange"))
    opaque_length: int = wire(U16(), default=AUTO, counts="opaque")
    opaque: bytes = wire(Counted("opaque_length"), default=b"")


@message(Code.KEY_EXCHANGE_RSP)
class KeyExchangeRsp(Message):
    """The responder's half and public value, signed; verify data unless in the clear."""

    heartbeat_period: int = wire(U8(), default=0)
    reserved: int = wire(U8(), default=0)
    session_id: int = wire(U16())
    mutual_auth: MutualAuth = wire(U8(MutualAuth), default=MutualAuth(0))
    requester_slot: int = wire(U8(), default=0)
    random: bytes = wire(Bytes(NONCE_SIZE))
    exchange_data: bytes = wire(Sized("exchange"))
    summary: bytes = wire(Sized("summary"), default=b"")
    opaque_length: int = wire(U16(), default=AUTO, counts="opaque")
    opaque: bytes = wire(Counted("opaque_length"), default=b"")
    signature: bytes = wire(Sized("signature"), default=b"", trailer=True)
    verify_data: bytes = wire(Sized("verify"), default=b"", trailer=True)


@message(Code.FINISH)
class Finish(Message):
    """Ends the handshake: proves the requester's finished key, and its chain where asked to."""

    attributes: int = wire(U8(), default=0)
    requester_slot: int = wire(U8(), default=0)
    opaque_length: int = wire(_OPAQUE_LENGTH, default=AUTO, counts="opaque")
    opaque: bytes = wire(_OPAQUE, default=b"")
    signature: bytes = wire(
        SizedWhen("attributes", SIGNATURE_INCLUDED, "signature"), default=b"", trailer=True
    )
    verify_data: bytes = wire(Sized("verify"), default=b"", trailer=True)


@message(Code.FINISH_RSP)
class FinishRsp(Message):
    """The handshake is over; verify data where it was in the clear."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    opaque_length: int = wire(_OPAQUE_LENGTH, default=AUTO, counts="opaque")
    opaque: bytes = wire(_OPAQUE, default=b"")
    verify_data: bytes = wire(Sized("verify"), default=b"", trailer=True)
