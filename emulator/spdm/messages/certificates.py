"""GET_DIGESTS, DIGESTS, GET_CERTIFICATE and CERTIFICATE."""

from emulator.spdm.codes import Code
from emulator.wire import AUTO, U8, U16, Counted, Message, PerBit, message, wire

SLOT_MASK = 0x0F
"""The bits of Param1 that name a slot."""

SLOT_COUNT = 8
"""Certificate slots are 0 to 7."""

SLOT_SIZE_REQUESTED = 0x01
"""Param2 of GET_CERTIFICATE since 1.3: the size of the slot is asked for, not its chain."""


@message(Code.GET_DIGESTS)
class GetDigests(Message):
    """Asks for the hash of each slot's chain."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)


@message(Code.DIGESTS)
class Digests(Message):
    """A hash for each bit in `provisioned_slots`, lowest slot first.

    `supported_slots` is reserved before 1.3.
    """

    supported_slots: int = wire(U8(), default=0)
    provisioned_slots: int = wire(U8())
    digests: bytes = wire(PerBit("provisioned_slots", "hash"))


@message(Code.GET_CERTIFICATE)
class GetCertificate(Message):
    """Asks for `length` bytes of a slot's chain from `offset` on."""

    slot: int = wire(U8())
    attributes: int = wire(U8(), default=0)
    offset: int = wire(U16())
    length: int = wire(U16())


@message(Code.CERTIFICATE)
class Certificate(Message):
    """A portion of a slot's chain, and how many bytes are left after it."""

    slot: int = wire(U8())
    attributes: int = wire(U8(), default=0)
    portion_length: int = wire(U16(), default=AUTO, counts="portion")
    remainder_length: int = wire(U16())
    portion: bytes = wire(Counted("portion_length"))
