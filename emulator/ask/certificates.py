"""GET_DIGESTS and GET_CERTIFICATE.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_get_digests.c`,
`libspdm_req_get_certificate.c`.
"""

import struct
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from emulator.ask.request import Request, T_co
from emulator.device.slots import MAX_CHAIN, MAX_LARGE_CHAIN
from emulator.errors import BrokenReply, EmulatorError, UnsupportedByPeer
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.key_pairs import RESPONDER_USES, CertificateModel, KeyUsage
from emulator.spdm.messages import Certificate, Digests, GetCertificate, GetDigests
from emulator.spdm.messages.certificates import (
    LARGE_CHAIN,
    SLOT_COUNT,
    SLOT_MASK,
    SLOT_SIZE_REQUESTED,
)
from emulator.spdm.transcript import Entry, Part
from emulator.spdm.versions import rules

PORTION_HEADER = 8
"""Bytes of CERTIFICATE before its portion."""

LARGE_HEADER = 16
"""The same in the large form."""

_MODEL_MASK = 0x07
"""Bits of CERTIFICATE's Param2, since 1.3, that say what kind of certificate a slot holds."""


@dataclass(frozen=True)
class SlotDigests:
    """What DIGESTS says.

    Attributes:
        digests: the hash of each provisioned slot's chain, by slot.
        supported: the mask of slots there are; before 1.3 that of the provisioned ones.
        keys: what is told of the key of each, where the device may use several.
    """

    digests: Mapping[int, bytes]
    supported: int
    keys: Mapping[int, "SlotKey"] = field(default_factory=dict)


@dataclass(frozen=True)
class SlotKey:
    """What DIGESTS say of a slot where several keys may be used.

    Attributes:
        pair: the KeyPairID.
        model: the certificate model, a CertificateModel.
        usage: what the key may be used for.
    """

    pair: int
    model: int
    usage: KeyUsage


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
        slots = [slot for slot in range(SLOT_COUNT) if provisioned >> slot & 1]
        keys = self._keys(theirs, slots) if self.connection.algorithms.multi_key else {}
        self._record(Part.B, raw)
        transcript = self.connection.transcript
        if keys and not transcript.part(Part.D):
            transcript.append(Part.D, (Entry(raw),))
        size = len(theirs.digests) // len(slots)
        found = {
            slot: theirs.digests[number * size : (number + 1) * size]
            for number, slot in enumerate(slots)
        }
        return SlotDigests(found, supported, keys)

    def _keys(self, theirs: Digests, slots: Sequence[int]) -> dict[int, SlotKey]:
        """What is told of each slot's key; in slot 0 there are rules."""
        usages = struct.unpack(f"<{len(slots)}H", theirs.key_usages)
        told = zip(theirs.key_pair_ids, theirs.certificate_info, usages, strict=True)
        keys = {
            slot: SlotKey(pair, info & _MODEL_MASK, KeyUsage(usage))
            for slot, (pair, info, usage) in zip(slots, told, strict=True)
        }
        for slot, key in keys.items():
            generic = key.model == CertificateModel.GENERIC and slot == 0
            if key.model > CertificateModel.GENERIC or generic:
                expected = "a model there is, in slot 0 not the generic one"
                found = f"model {key.model} of slot {slot}"
                raise BrokenReply("DIGESTS", "certificate_info", found=found, expected=expected)
        if 0 in keys and not keys[0].usage & RESPONDER_USES:
            found = f"0x{keys[0].usage:04x} of slot 0"
            expected = "a use that a responder has for a key"
            raise BrokenReply("DIGESTS", "key_usages", found=found, expected=expected)
        return keys


def uses_large_form(connection: Connection) -> bool:
    """Whether chains are asked for in the large form: since 1.4, where the peer has LARGE_RESP."""
    has_it = Cap.LARGE_RESP in connection.peer_capabilities
    return has_it and rules(connection.version).large_forms


def _request(
    connection: Connection, slot: int, offset: int, length: int, attributes: int = 0
) -> GetCertificate:
    """GET_CERTIFICATE in the form to use. Raises EmulatorError for a slot there cannot be."""
    if not 0 <= slot < SLOT_COUNT:
        raise EmulatorError(f"slot {slot} where slots are 0 to {SLOT_COUNT - 1}")
    if uses_large_form(connection):
        return GetCertificate(
            version=connection.version,
            slot=slot | LARGE_CHAIN,
            attributes=attributes,
            large_offset=offset,
            large_length=length,
        )
    return GetCertificate(
        version=connection.version, slot=slot, attributes=attributes, offset=offset, length=length
    )


class _FromSlot(Request[T_co], ABC):
    """What both ways to ask for a chain have in common."""

    needs = Cap.CERT

    def __init__(self, connection: Connection, message: GetCertificate) -> None:
        super().__init__(connection, message)
        self._slot = message.slot & SLOT_MASK
        self._form = message.slot & LARGE_CHAIN

    def _read_certificate(self, reply: bytes) -> tuple[Certificate, bytes]:
        """The reply, its form, slot and attributes checked."""
        theirs, raw = self._read(Certificate, reply, self.connection.shape())
        allowed = rules(theirs.version)
        if allowed.large_forms and theirs.slot & LARGE_CHAIN != self._form:
            found = f"the {'small' if self._form else 'large'} form"
            raise BrokenReply("CERTIFICATE", "slot", found=found, expected="that of the request")
        slot = theirs.slot & SLOT_MASK
        if slot != self._slot:
            raise BrokenReply("CERTIFICATE", "slot", found=slot, expected=self._slot)
        if allowed.multi_key:
            self._check_model(theirs.attributes & _MODEL_MASK, told=bool(theirs.portion))
        return theirs, raw

    def _check_model(self, model: int, *, told: bool) -> None:
        """Only a connection with several keys tells certificate models."""
        expected = "none, as one key is used"
        if self.connection.algorithms.multi_key:
            generic = model == CertificateModel.GENERIC and self._slot == 0
            nothing = model == CertificateModel.NONE and told
            if model <= CertificateModel.GENERIC and not generic and not nothing:
                return
            expected = "that of a certificate, in slot 0 not the generic one"
        elif not model:
            return
        found = f"certificate model {model}"
        raise BrokenReply("CERTIFICATE", "attributes", found=found, expected=expected)


class CertificateRequest(_FromSlot[Portion]):
    """Asks for a portion of a slot's chain."""

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
        super().__init__(connection, _request(connection, slot, offset, length))
        self._offset, self._length, self._total = offset, length, total

    def _accept(self, reply: bytes) -> Portion:
        theirs, raw = self._read_certificate(reply)
        self._check(theirs)
        self._record(Part.B, raw)
        return Portion(theirs.portion, theirs.remainder)

    def _check(self, theirs: Certificate) -> None:
        """Portion and remainder."""
        portion, remainder = len(theirs.portion), theirs.remainder
        if not 0 < portion <= self._length:
            expected = f"1 to the {self._length} asked for"
            raise BrokenReply("CERTIFICATE", "portion_length", found=portion, expected=expected)
        total = self._offset + portion + remainder
        largest = MAX_LARGE_CHAIN if self._form else MAX_CHAIN
        if self._total is None:
            fits, expected = total <= largest, f"a chain of {largest} bytes at most"
        else:
            fits, expected = total == self._total, f"{self._total} bytes in all, as told before"
        if not fits:
            raise BrokenReply("CERTIFICATE", "remainder_length", found=remainder, expected=expected)


class SlotSizeRequest(_FromSlot[int]):
    """Asks how many bytes of a chain a slot has room for, since 1.3.

    A device whose slots cannot be written tells the size of the chain.
    """

    def __init__(self, connection: Connection, *, slot: int) -> None:
        """Raises UnsupportedByPeer before 1.3, EmulatorError for a slot there cannot be."""
        if not rules(connection.version).supported_slots:
            raise UnsupportedByPeer("the size of a slot can be asked for since 1.3")
        super().__init__(connection, _request(connection, slot, 0, 0, SLOT_SIZE_REQUESTED))

    def _accept(self, reply: bytes) -> int:
        theirs, raw = self._read_certificate(reply)
        if theirs.portion:
            found = len(theirs.portion)
            raise BrokenReply("CERTIFICATE", "portion_length", found=found, expected="0")
        self._record(Part.B, raw)
        return theirs.remainder
