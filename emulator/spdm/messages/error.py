"""ERROR."""

from emulator.spdm.codes import Code, ErrorCode
from emulator.wire import U8, Message, Rest, message, wire


@message(Code.ERROR)
class Error(Message):
    """Why a request was not answered; `extended` holds up to 32 bytes for some codes."""

    error_code: int = wire(U8(ErrorCode))
    data: int = wire(U8(), default=0)
    extended: bytes = wire(Rest(), default=b"")
