"""GET_DIGESTS and GET_CERTIFICATE.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_get_digests.c`,
`libspdm_req_get_certificate.c`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.ask.request import Request
from emulator.device.slots import MAX_CHAIN
from emulator.errors import BrokenReply, EmulatorError
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import Certificate, Digests, GetCertificate, GetDigests
from emulator.spdm.messages.certificates import SLOT_COUNT, SLOT_MASK
from emulator.spdm.transcript import Part
from emulator.spdm.versions import rules

PORTION_HEADER = 8
"""Bytes of CERTIFICATE before its portion."""

_MODEL_MASK = 0x07
"""Bits of CERTIFICATE's Param2, since 1.3, that say what kind of certificate a slot holds."""


@dataclass(frozen=True)
class SlotDigests:
    """What DIGESTS says.

    Attributes:
        digests: the hash of each provisioned slot's chain, by slot.
        supported: the mask of slots there are; before 1.3 that of the provisioned ones.
    """

    digests: Mapping[int, bytes]
    supported: int


@dataclass(frozen=True)
class Portion:
    """A piece of a chain, and how many bytes are left after it."""

    data: bytes
    remainder: int


class DigestsRequest(Request[SlotDigests]):
    """Asks for the hash of each slot's chain."""

    needs = Cap.CERT

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, GetDigests(version=connection.version))

    def _accept(self, reply: bytes) -> SlotDigests:
        theirs, raw = self._read(Digests, reply, self.connection.shape())
        provisioned = theirs.provisioned_slots
        if not provisioned:
            raise BrokenReply(
                "DIGESTS", "provisioned_slots", found="0x00", expected="at least one slot"
            )
        supported = provisioned
        if rules(theirs.version).supported_slots:
            supported = theirs.supported_slots
            if provisioned & ~supported:
                raise BrokenReply(
                    "DIGESTS",
                    "provisioned_slots",
                    found=f"0x{provisioned:02x}",
                    expected=f"only slots of supported_slots 0x{supported:02x}",
                )
        self._record(Part.B, raw)
        slots = [slot for slot in range(SLOT_COUNT) if provisioned >> slot & 1]
        size = len(theirs.digests) // len(slots)
        found = {
            slot: theirs.digests[number * size : (number + 1) * size]
            for number, slot in enumerate(slots)
        }
        return SlotDigests(found, supported)


class CertificateRequest(Request[Portion]):
    """Asks for a portion of a slot's chain."""

    needs = Cap.CERT

    def __init__(
        self,
        connection: Connection,
        *,
        slot: int,
        offset: int,
        length: int,
        total: int | None,
    ) -> None:
        """`length` bytes of the chain in `slot` from `offset` on.

        `total` is the size of the chain, which the first portion told; None for the first. Raises
        EmulatorError for a slot there cannot be.
        """
        if not 0 <= slot < SLOT_COUNT:
            raise EmulatorError(f"slot {slot} where slots are 0 to {SLOT_COUNT - 1}")
        self._slot, self._offset, self._length, self._total = slot, offset, length, total
        message = GetCertificate(
            version=connection.version, slot=slot, offset=offset, length=length
        )
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> Portion:
        theirs, raw = self._read(Certificate, reply, self.connection.shape())
        self._check(theirs)
        self._record(Part.B, raw)
        return Portion(theirs.portion, theirs.remainder_length)

    def _check(self, theirs: Certificate) -> None:
        """Slot, portion and remainder."""
        slot = theirs.slot & SLOT_MASK
        if slot != self._slot:
            raise BrokenReply("CERTIFICATE", "slot", found=slot, expected=self._slot)
        # Only a connection with several keys tells certificate models, and this is none.
        model = theirs.attributes & _MODEL_MASK
        if model and rules(theirs.version).multi_key:
            found = f"certificate model {model}"
            raise BrokenReply("CERTIFICATE", "attributes", found=found, expected="none")
        portion, remainder = theirs.portion_length, theirs.remainder_length
        if not 0 < portion <= self._length:
            expected = f"1 to the {self._length} asked for"
            raise BrokenReply("CERTIFICATE", "portion_length", found=portion, expected=expected)
        total = self._offset + portion + remainder
        if self._total is None:
            fits, expected = total <= MAX_CHAIN, f"a chain of {MAX_CHAIN} bytes at most"
        else:
            fits, expected = total == self._total, f"{self._total} bytes in all, as told before"
        if not fits:
            raise BrokenReply("CERTIFICATE", "remainder_length", found=remainder, expected=expected)
