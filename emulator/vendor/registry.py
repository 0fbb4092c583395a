"""Which vendor-defined protocols a device speaks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from emulator.device import Device
from emulator.entropy import Entropy
from emulator.errors import SpdmError
from emulator.spdm.connection import Connection
from emulator.spdm.session import Session
from emulator.spdm.standards import BY_NUMBER

VENDOR_ID_SIZES = {number: registry.vendor_sizes for number, registry in BY_NUMBER.items()}
"""The sizes in bytes a vendor id may have, by standards body; of others any size is taken."""


@dataclass(frozen=True)
class VendorExchange:
    """What a vendor protocol may look at while it answers, and what it leaves to be done.

    Attributes:
        device: the device that answers; a protocol changes nothing of it while it answers.
        connection: the state of the conversation that the request came in.
        session: the session it came in; None: it came outside of any.
        entropy: the connection's source of randomness.
        effects: what happens once the answer is made, if it is: a protocol appends to it. Who keeps
            something for a session hears of its end by `Session.heirs`.
        refusals: why there is no response, for who looks on: a protocol appends to it.
    """

    device: Device
    connection: Connection
    session: Session | None
    entropy: Entropy
    effects: list[Callable[[], None]] = field(default_factory=list, compare=False)
    refusals: list[SpdmError] = field(default_factory=list, compare=False)


class VendorProtocol(Protocol):
    """A protocol inside VENDOR_DEFINED messages."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        """The payload that answers `payload`, or None for no response at all.

        Raises SpdmError where an ERROR is the answer.
        """
        ...


class Registry:
    """Vendor protocols by (standards body, vendor id)."""

    def __init__(self) -> None:
        self._protocols: dict[tuple[int, bytes], VendorProtocol] = {}

    def add(self, standard: int, vendor: bytes, protocol: VendorProtocol) -> None:
        """Register a protocol. Raises ValueError when the id's size does not fit the body."""
        sizes = VENDOR_ID_SIZES.get(standard)
        if sizes is not None and len(vendor) not in sizes:
            legal = " or ".join(map(str, sizes))
            raise ValueError(f"standard {standard} has vendor ids of {legal} bytes")
        self._protocols[standard, vendor] = protocol

    def find(self, standard: int, vendor: bytes) -> VendorProtocol | None:
        """The protocol registered for this body and vendor."""
        return self._protocols.get((standard, vendor))
