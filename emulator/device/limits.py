"""How much of the device's machine one peer may take up."""

from dataclasses import dataclass

from emulator.spdm import transcript
from emulator.transport.spdm_socket import MAX_PAYLOAD


@dataclass(frozen=True)
class Limits:
    """What a peer can make grow, and how far.

    Connections, bytes waiting to be sent, the rate and the shutting out are the shell's matter
    (`serve/`); the others are the endpoint's and the protocol's.

    Attributes:
        connections: how many may be open to the device at once; a further one is closed.
        buffered: bytes of replies a peer may leave unread before nothing more is taken from it.
        frame: the largest payload of a frame, bytes; a larger one ends the connection.
        large_message: the largest request that is taken in chunks, bytes.
        transcript: bytes that each part of a connection's transcript may hold.
        rate: requests a connection may send in a second, and as many at once; what exceeds it waits
            unread. 0: any.
        idle: seconds after which a connection that asks nothing is ended; 0: never, as QEMU may
            be silent for days.
        stall: seconds a peer may take to finish a frame before it is disconnected.
    """

    connections: int = 512
    buffered: int = 64 * 1024
    frame: int = MAX_PAYLOAD
    large_message: int = 4 * 1024 * 1024
    transcript: int = transcript.LIMIT
    rate: float = 0.0
    idle: float = 0.0
    stall: float = 30.0
