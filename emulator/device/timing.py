"""How long a device takes, and how it says that a reply is not ready yet."""

from dataclasses import dataclass

from emulator.spdm.pending import Readiness


@dataclass(frozen=True)
class Timing:
    """How long the device takes.

    Attributes:
        ct_exponent: CTExponent: cryptography takes up to 2^n microseconds.
        delay: seconds each reply is held back.
        not_ready: the replies that are not ready at first; None: none.
    """

    ct_exponent: int = 20
    delay: float = 0.0
    not_ready: Readiness | None = None
