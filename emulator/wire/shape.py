"""The shape of a message: what its layout depends on beside its own bytes."""

from typing import NamedTuple


class Shape(NamedTuple):
    """The version and the sizes in force when a message is built or parsed.

    A codec is looked up by its shape for every message: a tuple's hash costs next to nothing.

    Attributes:
        version: SPDMVersion as on the wire (0x12 for 1.2).
        hash: bytes of the negotiated base hash, 0 before negotiation.
        signature: bytes of a signature, 0 where the message carries none.
        summary: bytes of a measurement summary hash, 0 where none was asked for.
        exchange: bytes of a public value of the key exchange.
        verify: bytes of verify data, 0 where the message carries none.
        multi_key: 1 where the responder may use several keys on the connection, else 0.
    """

    version: int = 0x10
    hash: int = 0
    signature: int = 0
    summary: int = 0
    exchange: int = 0
    verify: int = 0
    multi_key: int = 0
