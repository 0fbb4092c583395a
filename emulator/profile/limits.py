"""What a file says of limits: those of a device, and those of a process."""

from pydantic import Field

from emulator.device import Limits as DeviceLimits
from emulator.forms import Part, Span
from emulator.record import LIMIT as RECORDING

_GIB = 1 << 30
MAX_CONNECTIONS = 1_000_000


class Limits(Part):
    """How much of the emulator one peer, or all of the device's peers, may take up."""

    connections: int = Field(
        default=DeviceLimits.connections,
        ge=1,
        le=MAX_CONNECTIONS,
        description="Connections open to the device at once; a further one is closed.",
    )
    buffered: int = Field(
        default=DeviceLimits.buffered,
        ge=1024,
        le=_GIB,
        description="Bytes of replies that a peer may leave unread, or that are held back for it,"
        " before nothing more is taken from it.",
    )
    frame: int = Field(
        default=DeviceLimits.frame,
        ge=64,
        le=_GIB,
        description="The largest payload of a frame, bytes; a larger one ends the connection.",
    )
    large_message: int = Field(
        default=DeviceLimits.large_message,
        ge=64,
        le=_GIB,
        description="The largest request that is taken in chunks, bytes.",
    )
    transcript: int = Field(
        default=DeviceLimits.transcript,
        ge=1024,
        le=_GIB,
        description="Bytes that each of the four parts of a connection's transcript may hold; a"
        " message that would exceed them is refused.",
    )
    rate: float = Field(
        default=DeviceLimits.rate,
        ge=0,
        le=1_000_000,
        description="Requests a connection may send in a second, and as many at once; what exceeds"
        " it waits. 0: any.",
    )
    idle: Span = Field(
        default=DeviceLimits.idle,
        description="How long a connection may ask nothing before it is ended: seconds, or text"
        " such as 90s. 0: for ever, as QEMU may.",
    )
    stall: Span = Field(
        default=DeviceLimits.stall,
        description="How long a peer may take to finish a frame before it is disconnected. 0: for"
        " ever.",
    )


class ProcessLimits(Part):
    """What all devices of a process may take up together."""

    connections: int | None = Field(
        default=None,
        ge=1,
        le=MAX_CONNECTIONS,
        description="Connections open to all devices at once; null: as many as the process may have"
        " open files.",
    )
    recording: int = Field(
        default=RECORDING,
        ge=1024,
        le=1024 * _GIB,
        description="Bytes at which a recording ends; the devices go on.",
    )
