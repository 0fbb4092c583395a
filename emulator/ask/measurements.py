"""GET_MEASUREMENTS (libspdm `library/spdm_requester_lib/libspdm_req_get_measurements.c`)."""

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.ask.chain import PeerChain
from emulator.ask.opaque import check_opaque
from emulator.ask.request import Request
from emulator.ask.verify import verify
from emulator.device.measurements import MAX_INDEX, MIN_INDEX
from emulator.errors import BrokenReply, SignatureMismatch, UnsupportedByPeer, WireError
from emulator.spdm import signing
from emulator.spdm.capabilities import MEAS, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import (
    GetMeasurements,
    MeasurementBlock,
    MeasurementOperation,
    Measurements,
    MeasurementValue,
    RequestAttributes,
)
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.measurements import RAW_BIT_STREAM, ContentChanged
from emulator.spdm.transcript import Part, l1l2
from emulator.spdm.versions import rules
from emulator.wire import Shape, encode, parse

CONTENT_CHANGED_MASK = 0x30
"""The bits of Param2 that hold ContentChanged."""

_NAME = "MEASUREMENTS"
_ANY_SHAPE = Shape()


@dataclass(frozen=True)
class ReportedMeasurement:
    """One measurement as the peer reports it.

    Attributes:
        index: 1 to 0xFE.
        kind: DMTFSpecMeasurementValueType without the raw bit.
        raw: the value is what was measured, not its digest.
        value: the value.
        block: the whole block as on the wire.
    """

    index: int
    kind: int
    raw: bool
    value: bytes
    block: bytes


@dataclass(frozen=True)
class Reading:
    """An accepted MEASUREMENTS.

    Attributes:
        reply: the message.
        measurements: the blocks of its record.
        content_changed: what it says of changes during the reading; None where it does not.
        transcript_hash: the hash of L1/L2 of a signed one, else empty.
    """

    reply: Measurements
    measurements: tuple[ReportedMeasurement, ...]
    content_changed: int | None = None
    transcript_hash: bytes = b""


class MeasurementsRequest(Request[Reading]):
    """Asks for the number of measurements, one of them, or all."""

    needs = MEAS
    on_error = (Part.M,)
    on_broken = (Part.M,)

    def __init__(
        self,
        connection: Connection,
        *,
        operation: int,
        attributes: RequestAttributes,
        context: bytes,
        nonce: bytes = b"",
        chain: PeerChain | None = None,
    ) -> None:
        """Ask for `operation`: a MeasurementOperation or an index.

        Args:
            connection: where to.
            operation: COUNT, ALL or the index of one.
            attributes: whether signed, raw or measured anew; SIGNATURE goes with `chain`.
            context: 8 bytes that are echoed; used since 1.3.
            nonce: 32 fresh bytes for a signed reply.
            chain: the peer's chain whose leaf signs; None for an unsigned reply.
        """
        self._signer = chain
        signature = RequestAttributes.SIGNATURE
        attributes = attributes | signature if chain else attributes & ~signature
        if chain and Cap.MEAS_SIG not in connection.peer_capabilities:
            raise UnsupportedByPeer("signed measurements need MEAS_SIG, which the peer lacks")
        self._request = GetMeasurements(
            version=connection.version,
            attributes=attributes,
            operation=operation,
            nonce=nonce if chain else b"",
            slot=bytes((chain.slot,)) if chain else b"",
            context=context,
        )
        super().__init__(connection, self._request)

    def _accept(self, reply: bytes) -> Reading:
        connection = self.connection
        shape = connection.shape(signature=self._signer is not None)
        theirs, raw = self._read(Measurements, reply, shape)
        self._check(theirs)
        measurements = tuple(self._blocks(theirs.record))
        self._check_indices(measurements)
        if self._signer is None:
            self._record(Part.M, raw)
            return Reading(theirs, measurements)
        return self._verify(theirs, measurements, encode(theirs, shape, trailer=False))

    def _verify(
        self,
        theirs: Measurements,
        measurements: tuple[ReportedMeasurement, ...],
        unsigned: bytes,
    ) -> Reading:
        connection, signer = self.connection, self._signer
        assert signer is not None  # noqa: S101 - signed replies come here only
        view = connection.transcript.view(l1l2(connection.version)) + self._exchange(unsigned)
        verified = verify(connection, signer, signing.MEASUREMENTS, view, theirs.signature)
        told = rules(theirs.version).content_changed
        changed = theirs.slot & CONTENT_CHANGED_MASK if told else None
        reading = Reading(theirs, measurements, changed, verified.transcript_hash)
        if verified.problem:
            raise SignatureMismatch(f"{_NAME}.signature: {verified.problem}", reading)
        self._record(Part.M, unsigned)
        # Both sides begin L1/L2 anew once it was signed.
        connection.transcript.reset((Part.M,))
        return reading

    def _check(self, theirs: Measurements) -> None:
        """Everything but the record's content and the signature."""
        self._check_counts(theirs)
        if self._signer is not None:
            slot = theirs.slot & SLOT_MASK
            if slot != self._signer.slot:
                raise BrokenReply(_NAME, "slot", found=slot, expected=self._signer.slot)
        elif rules(theirs.version).content_changed and theirs.slot & CONTENT_CHANGED_MASK:
            raise BrokenReply(
                _NAME,
                "slot",
                found=f"content changed 0x{theirs.slot & CONTENT_CHANGED_MASK:02x}",
                expected="0, as no signature was asked for",
            )
        check_opaque(self.connection, _NAME, theirs.opaque)
        if theirs.context != self._request.context:
            raise BrokenReply(
                _NAME,
                "context",
                found=theirs.context.hex(),
                expected=f"{self._request.context.hex()}, as it was sent",
            )

    def _check_counts(self, theirs: Measurements) -> None:
        """How many blocks: none for a count, one for an index, some for all."""
        count, length = theirs.block_count, theirs.record_length
        match self._request.operation:
            case MeasurementOperation.COUNT:
                if not 0 < theirs.total <= MAX_INDEX:
                    expected = f"1 to {MAX_INDEX}"
                    raise BrokenReply(_NAME, "total", found=theirs.total, expected=expected)
                fits, expected = count == 0, "0, as the number was asked for"
                if length:
                    raise BrokenReply(_NAME, "record_length", found=length, expected=expected)
            case MeasurementOperation.ALL:
                fits, expected = 0 < count <= MAX_INDEX, f"1 to {MAX_INDEX}"
            case _:
                fits, expected = count == 1, "1, as one was asked for"
        if not fits:
            raise BrokenReply(_NAME, "block_count", found=count, expected=expected)

    def _blocks(self, record: bytes) -> Iterator[ReportedMeasurement]:
        """Cut the record apart."""
        at = 0
        while at < len(record):
            try:
                block, size = parse(
                    MeasurementBlock, record[at:], _ANY_SHAPE, slack=len(record) - at
                )
                _check_specification(self.connection, block)
                value, _ = parse(MeasurementValue, block.measurement, _ANY_SHAPE)
            except WireError as error:
                raise BrokenReply(
                    _NAME, f"record at byte {at}", found=error, expected="a whole measurement"
                ) from error
            raw = bool(value.kind & RAW_BIT_STREAM)
            if not raw:
                self._check_digest(block.index, value.value)
            kind = value.kind & ~RAW_BIT_STREAM
            yield ReportedMeasurement(
                block.index, kind, raw, value.value, record[at : at + size]
            )
            at += size

    def _check_digest(self, index: int, value: bytes) -> None:
        """A digest is as long as the measurement hash's."""
        measured = self.connection.algorithms.measurement_hash
        if measured is not None and measured.size and len(value) != measured.size:
            raise BrokenReply(
                _NAME,
                f"measurement {index}",
                found=f"a digest of {len(value)} bytes",
                expected=f"{measured.size}, as {measured.name} was agreed",
            )

    def _check_indices(self, measurements: tuple[ReportedMeasurement, ...]) -> None:
        """As many blocks as stated, of the index asked for, and none twice."""
        if self._request.operation == MeasurementOperation.COUNT:
            return
        seen: set[int] = set()
        for one in measurements:
            if one.index in seen:
                found = f"index {one.index} twice"
                raise BrokenReply(_NAME, "record", found=found, expected="each index once")
            seen.add(one.index)
        asked = self._request.operation
        if asked != MeasurementOperation.ALL and seen != {asked}:
            found = f"index {', '.join(map(str, seen)) or '(none)'}"
            raise BrokenReply(_NAME, "record", found=found, expected=asked)


def _check_specification(connection: Connection, block: MeasurementBlock) -> None:
    """A block is of the negotiated specification, and its index is none that means an operation."""
    agreed = connection.algorithms.measurement_specification
    where = f"measurement {block.index}"
    if block.specification != agreed:
        found = f"specification 0x{block.specification:02x}"
        raise BrokenReply(_NAME, where, found=found, expected=f"0x{agreed:02x}, which was agreed")
    if not MIN_INDEX <= block.index <= MAX_INDEX:
        found = f"index {block.index}"
        raise BrokenReply(_NAME, where, found=found, expected=f"{MIN_INDEX} to {MAX_INDEX}")
