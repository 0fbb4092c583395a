"""SPDM over MCTP (DSP0275, DSP0276): one byte of message type, then the message.

The MCTP packets below are the carrier's matter. Sources: libspdm
`include/industry_standard/mctp.h`, `library/spdm_transport_mctp_lib/libspdm_mctp_mctp.c`.
"""

from enum import IntEnum

from emulator.spdm import secured
from emulator.transport.binding import Binding, BindingError, Kind, Unwrapped
from emulator.transport.spdm_socket import TransportType


class MessageType(IntEnum):
    """Message types, the integrity check bit (7) clear: SPDM goes without."""

    SPDM = 0x05
    SECURED = 0x06


_SPDM = bytes((MessageType.SPDM,))
_SECURED = bytes((MessageType.SECURED,))


class MctpBinding(Binding):
    """Transport type 1."""

    name = "mctp"
    unit = "MCTP message"
    transport = TransportType.MCTP
    records = secured.MCTP

    def wrap(self, message: bytes) -> bytes:
        """The message behind its type."""
        return _SPDM + message

    def wrap_record(self, record: bytes) -> bytes:
        """The record behind its type."""
        return _SECURED + record

    def unwrap(self, payload: bytes) -> Unwrapped:
        """What follows the type, at least one byte."""
        if len(payload) < 2:  # noqa: PLR2004 - the type, and something behind it
            size = len(payload)
            raise BindingError(
                f"malformed MCTP message: {size} bytes where a type and a message are needed",
                field="size",
                found=size,
                expected="a type and a message",
            )
        kind = payload[0]
        if kind == MessageType.SPDM:
            return Unwrapped(Kind.MESSAGE, payload[1:])
        if kind == MessageType.SECURED:
            return Unwrapped(Kind.SECURED, payload[1:])
        raise BindingError(
            f"MCTP message of type 0x{kind:02x}",
            field="type",
            found=f"0x{kind:02x}",
            expected=f"0x{MessageType.SPDM:02x}, SPDM",
        )


MCTP = MctpBinding()
