"""No wrapping: a payload is the SPDM message itself.

Source: spdm-emu `spdm_emu/spdm_emu_common/spdm_emu_none.c` and `--trans NONE`, whose requester
sends no TEST greeting and opens no session.
"""

from emulator.transport.binding import Binding, BindingError, Kind, Unwrapped
from emulator.transport.spdm_socket import TransportType


class NoneBinding(Binding):
    """Transport type 0; there is no secured message."""

    name = "none"
    unit = "payload"
    transport = TransportType.NONE

    def wrap(self, message: bytes) -> bytes:
        """The message."""
        return message

    def unwrap(self, payload: bytes) -> Unwrapped:
        """The message, which has at least one byte."""
        if not payload:
            raise BindingError("empty payload", field="size", found=0, expected="a message")
        return Unwrapped(Kind.MESSAGE, payload)


NONE = NoneBinding()
