"""PSK_EXCHANGE, PSK_EXCHANGE_RSP, PSK_FINISH and PSK_FINISH_RSP."""

from emulator.spdm.codes import Code
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.key_exchange import SessionPolicy
from emulator.spdm.versions import Version
from emulator.wire import AUTO, U8, U16, Counted, Message, Since, Sized, message, wire

_OPAQUE_LENGTH = Since(Version.V1_4, U16())
_OPAQUE = Since(Version.V1_4, Counted("opaque_length"))


@message(Code.PSK_EXCHANGE)
class PskExchange(Message):
    """Opens a session with a pre-shared key; `hint` says which, `context` makes it a new one."""

    summary_type: int = wire(U8(SummaryType), default=SummaryType.NONE)
    session_policy: SessionPolicy = wire(U8(SessionPolicy), default=SessionPolicy(0))
    session_id: int = wire(U16())
    hint_length: int = wire(U16(), default=AUTO, counts="hint")
    context_length: int = wire(U16(), default=AUTO, counts="context")
    opaque_length: int = wire(U16(), default=AUTO, counts="opaque")
    hint: bytes = wire(Counted("hint_length"), default=b"")
    context: bytes = wire(Counted("context_length"), default=b"")
    opaque: bytes = wire(Counted("opaque_length"), default=b"")


@message(Code.PSK_EXCHANGE_RSP)
class PskExchangeRsp(Message):
    """The responder's half; without a `context` of its own there is no PSK_FINISH."""

    heartbeat_period: int = wire(U8(), default=0)
    reserved1: int = wire(U8(), default=0)
    session_id: int = wire(U16())
    reserved2: int = wire(U16(), default=0)
    context_length: int = wire(U16(), default=AUTO, counts="context")
    opaque_length: int = wire(U16(), default=AUTO, counts="opaque")
    summary: bytes = wire(Sized("summary"), default=b"")
    context: bytes = wire(Counted("context_length"), default=b"")
    opaque: bytes = wire(Counted("opaque_length"), default=b"")
    verify_data: bytes = wire(Sized("verify"), default=b"", trailer=True)


@message(Code.PSK_FINISH)
class PskFinish(Message):
    """Proves the requester's finished key."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    opaque_length: int = wire(_OPAQUE_LENGTH, default=AUTO, counts="opaque")
    opaque: bytes = wire(_OPAQUE, default=b"")
    verify_data: bytes = wire(Sized("verify"), default=b"", trailer=True)


@message(Code.PSK_FINISH_RSP)
class PskFinishRsp(Message):
    """The handshake is over."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    opaque_length: int = wire(_OPAQUE_LENGTH, default=AUTO, counts="opaque")
    opaque: bytes = wire(_OPAQUE, default=b"")
