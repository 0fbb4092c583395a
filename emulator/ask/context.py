"""RequesterContext: eight bytes of the requester's that a signed reply echoes, since 1.3."""

from emulator.errors import BrokenReply
from emulator.spdm.connection import Connection
from emulator.spdm.messages.challenge import CONTEXT_SIZE
from emulator.spdm.versions import Version


def context_for(connection: Connection, context: bytes) -> bytes:
    """The context to send on this connection: zeros, which are never sent, before 1.3."""
    return context if connection.version >= Version.V1_3 else bytes(CONTEXT_SIZE)


def check_context(message: str, sent: bytes, echoed: bytes) -> None:
    """Raise BrokenReply where `message` does not echo what was sent."""
    if echoed != sent:
        raise BrokenReply(
            message, "context", found=echoed.hex(), expected=f"{sent.hex()}, as it was sent"
        )
