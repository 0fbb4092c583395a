"""CHALLENGE and CHALLENGE_AUTH."""

from enum import IntEnum

from emulator.spdm.codes import Code
from emulator.spdm.versions import Version
from emulator.wire import AUTO, U8, U16, Bytes, Counted, Message, Since, Sized, message, wire

NONCE_SIZE = 32
CONTEXT_SIZE = 8
MAX_OPAQUE = 1024
"""The largest opaque data, bytes (`SPDM_MAX_OPAQUE_DATA_SIZE`)."""

NO_SLOT = 0xFF
"""Param1 of CHALLENGE that means a provisioned public key instead of a slot."""


MUTUAL_AUTH = 0x80
"""Param1 bit 7 of CHALLENGE_AUTH: the responder wants to challenge the requester in turn."""


class SummaryType(IntEnum):
    """Which measurements a measurement summary hash covers."""

    NONE = 0x00
    TCB = 0x01
    ALL = 0xFF


@message(Code.CHALLENGE)
class Challenge(Message):
    """Asks the device to sign; `context` (since 1.3) is echoed and binds to something outside."""

    slot: int = wire(U8())
    summary_type: int = wire(U8(SummaryType), default=SummaryType.NONE)
    nonce: bytes = wire(Bytes(NONCE_SIZE))
    context: bytes = wire(Since(Version.V1_3, Bytes(CONTEXT_SIZE)), default=bytes(CONTEXT_SIZE))


@message(Code.CHALLENGE_AUTH)
class ChallengeAuth(Message):
    """The answer: `slot` in the low nibble of Param1, and the signature over M1/M2."""

    slot: int = wire(U8())
    slot_mask: int = wire(U8())
    cert_chain_hash: bytes = wire(Sized("hash"))
    nonce: bytes = wire(Bytes(NONCE_SIZE))
    summary: bytes = wire(Sized("summary"), default=b"")
    opaque_length: int = wire(U16(), default=AUTO, counts="opaque")
    opaque: bytes = wire(Counted("opaque_length"), default=b"")
    context: bytes = wire(Since(Version.V1_3, Bytes(CONTEXT_SIZE)), default=bytes(CONTEXT_SIZE))
    signature: bytes = wire(Sized("signature"), default=b"", trailer=True)
