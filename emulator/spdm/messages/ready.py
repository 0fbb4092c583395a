"""RESPOND_IF_READY, and the extended data of ERROR ResponseNotReady that leads to it."""

from emulator.spdm.codes import Code
from emulator.wire import U8, Message, Structure, message, structure, wire

MAX_RDT_EXPONENT = 31
"""libspdm's bound on RDTExponent (`LIBSPDM_MAX_RDT_EXPONENT`)."""


@structure
class NotReady(Structure):
    """The extended data of ERROR ResponseNotReady.

    The reply is ready after 2^`rdt_exponent` microseconds, and kept for `rdtm` times as long.
    """

    rdt_exponent: int = wire(U8())
    request_code: int = wire(U8())
    token: int = wire(U8())
    rdtm: int = wire(U8())


@message(Code.RESPOND_IF_READY)
class RespondIfReady(Message):
    """Asks for the reply to an earlier request, named by its code and the token of the ERROR."""

    request_code: int = wire(U8())
    token: int = wire(U8())
