"""GET_CAPABILITIES and CAPABILITIES."""

from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages.algorithms import SupportedAlgorithms
from emulator.spdm.versions import Version
from emulator.wire import U8, U16, U32, Message, Since, Table, message, wire

SUPPORTED_ALGORITHMS = 0x01
"""Bit 0 of Param1 of both messages: the supported-algorithms block is asked for, and is there."""


@message(Code.GET_CAPABILITIES)
class GetCapabilities(Message):
    """What the requester can do. In 1.0 the header alone; sizes since 1.2.

    `param1` bit 0 asks for the supported-algorithms block (1.3); `data_transfer_size` and
    `max_spdm_msg_size` are bytes; `ct_exponent` means 2^n microseconds.
    """

    param1: int = wire(U8(), default=0)
    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(Since(Version.V1_1, U8()), default=0)
    ct_exponent: int = wire(Since(Version.V1_1, U8()), default=0)
    ext_flags: int = wire(Since(Version.V1_1, U16()), default=0)
    flags: Cap = wire(Since(Version.V1_1, U32(Cap)), default=Cap(0))
    data_transfer_size: int = wire(Since(Version.V1_2, U32()), default=0)
    max_spdm_msg_size: int = wire(Since(Version.V1_2, U32()), default=0)


@message(Code.CAPABILITIES)
class Capabilities(Message):
    """What the responder can do; sizes since 1.2.

    `param1` bit 0 says that the supported-algorithms block follows (1.3), the one row of
    `supported`.
    """

    param1: int = wire(U8(), default=0)
    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    ct_exponent: int = wire(U8(), default=0)
    ext_flags: int = wire(U16(), default=0)
    flags: Cap = wire(U32(Cap))
    data_transfer_size: int = wire(Since(Version.V1_2, U32()), default=0)
    max_spdm_msg_size: int = wire(Since(Version.V1_2, U32()), default=0)
    supported: tuple[SupportedAlgorithms, ...] = wire(
        Since(Version.V1_3, Table(SupportedAlgorithms, "param1", mask=SUPPORTED_ALGORITHMS)),
        default=(),
    )
