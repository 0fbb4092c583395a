"""GET_DIGESTS, DIGESTS, GET_CERTIFICATE and CERTIFICATE."""

from emulator.spdm.codes import Code
from emulator.spdm.versions import Version
from emulator.wire import (
    AUTO,
    U8,
    U16,
    CountedEither,
    Message,
    PerBit,
    Since,
    U32When,
    message,
    wire,
)

SLOT_MASK = 0x0F
"""The bits of Param1 that name a slot."""

SLOT_COUNT = 8
"""Certificate slots are 0 to 7."""

SLOT_SIZE_REQUESTED = 0x01
"""Param2 of GET_CERTIFICATE since 1.3: the size of the slot is asked for, not its chain."""


LARGE_CHAIN = 0x80
"""Param1 of GET_CERTIFICATE and CERTIFICATE since 1.4: the large form, whose numbers have 32 bits
and stand behind the small ones, which are reserved then."""

_LARGE = Since(Version.V1_4, U32When("slot", LARGE_CHAIN))


@message(Code.GET_DIGESTS)
class GetDigests(Message):
    """Asks for the hash of each slot's chain."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)


@message(Code.DIGESTS)
class Digests(Message):
    """A hash for each bit in `provisioned_slots`, lowest slot first.

    `supported_slots` is reserved before 1.3. Since then, where several keys may be used on the
    connection, it tells of each of these slots its key pair, its certificate model and, two bytes
    each, what its key may be used for.
    """

    supported_slots: int = wire(U8(), default=0)
    provisioned_slots: int = wire(U8())
    digests: bytes = wire(PerBit("provisioned_slots", "hash"))
    key_pair_ids: bytes = wire(
        Since(Version.V1_3, PerBit("provisioned_slots", "multi_key")), default=b""
    )
    certificate_info: bytes = wire(
        Since(Version.V1_3, PerBit("provisioned_slots", "multi_key")), default=b""
    )
    key_usages: bytes = wire(
        Since(Version.V1_3, PerBit("provisioned_slots", "multi_key", 2)), default=b""
    )


@message(Code.GET_CERTIFICATE)
class GetCertificate(Message):
    """Asks for `length` bytes of a slot's chain from `offset` on."""

    slot: int = wire(U8())
    attributes: int = wire(U8(), default=0)
    offset: int = wire(U16(), default=0)
    length: int = wire(U16(), default=0)
    large_offset: int | None = wire(_LARGE, default=None)
    large_length: int | None = wire(_LARGE, default=None)

    @property
    def wanted(self) -> tuple[int, int]:
        """Offset and length in whichever form they came."""
        if self.large_offset is None or self.large_length is None:
            return self.offset, self.length
        return self.large_offset, self.large_length


@message(Code.CERTIFICATE)
class Certificate(Message):
    """A portion of a slot's chain, and how many bytes are left after it."""

    slot: int = wire(U8())
    attributes: int = wire(U8(), default=0)
    portion_length: int = wire(U16(), default=AUTO, counts="portion")
    remainder_length: int = wire(U16(), default=0)
    large_portion_length: int | None = wire(_LARGE, default=None)
    large_remainder_length: int | None = wire(_LARGE, default=None)
    portion: bytes = wire(CountedEither("portion_length", "large_portion_length"))

    @property
    def remainder(self) -> int:
        """How many bytes are left, in whichever form that came."""
        large = self.large_remainder_length
        return self.remainder_length if large is None else large
