"""GET_MEASUREMENTS (libspdm `library/spdm_requester_lib/libspdm_req_get_measurements.c`)."""

from dataclasses import dataclass

from emulator.ask.chain import Signer
from emulator.ask.context import check_context, context_for
from emulator.ask.opaque import check_opaque
from emulator.ask.record import ReportedMeasurement, check_indices, read_record
from emulator.ask.request import Request
from emulator.ask.verify import verify
from emulator.device.measurements import MAX_INDEX
from emulator.errors import BrokenReply, SignatureMismatch, UnsupportedByPeer
from emulator.spdm import signing
from emulator.spdm.capabilities import MEAS, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import (
    GetMeasurements,
    MeasurementOperation,
    Measurements,
    RequestAttributes,
)
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.transcript import Part, l1l2
from emulator.spdm.versions import rules

CONTENT_CHANGED_MASK = 0x30
"""The bits of Param2 that hold ContentChanged."""

_NAME = "MEASUREMENTS"


@dataclass(frozen=True)
class Reading:
    """An accepted MEASUREMENTS.

    Attributes:
        reply: the message.
        measurements: the blocks of its record.
        content_changed: what it says of changes during the reading (ContentChanged); None where
            it does not say.
        transcript_hash: the hash of L1/L2 of a signed one, else empty.
        covered: how many GET_MEASUREMENTS the signature covers, this one included; 0: unsigned.
    """

    reply: Measurements
    measurements: tuple[ReportedMeasurement, ...]
    content_changed: int | None = None
    transcript_hash: bytes = b""
    covered: int = 0


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
        signer: Signer | None = None,
    ) -> None:
        """Ask for `operation`: a MeasurementOperation or an index.

        Args:
            connection: where to.
            operation: COUNT, ALL or the index of one.
            attributes: raw or as they will be; SIGNATURE is set where there is a `signer`.
            context: 8 bytes that are echoed; used since 1.3.
            nonce: 32 fresh bytes for a signed reply.
            signer: the peer's chain whose leaf signs, or the key that was provisioned; None for an
                unsigned reply.
        """
        if signer and Cap.MEAS_SIG not in connection.peer_capabilities:
            raise UnsupportedByPeer("signed measurements need MEAS_SIG, which the peer lacks")
        self._signer = signer
        signature = RequestAttributes.SIGNATURE
        self._request = GetMeasurements(
            version=connection.version,
            attributes=attributes | signature if signer else attributes & ~signature,
            operation=operation,
            nonce=nonce if signer else b"",
            slot=bytes((signer.slot & SLOT_MASK,)) if signer else b"",
            context=context_for(connection, context),
        )
        super().__init__(connection, self._request)

    def _accept(self, reply: bytes) -> Reading:
        shape = self.connection.shape(signature=self._signer is not None)
        theirs, raw = self._read(Measurements, reply, shape)
        self._check_counts(theirs)
        self._check_slot(theirs)
        check_opaque(self.connection, _NAME, theirs.opaque)
        check_context(_NAME, self._request.context, theirs.context)
        measurements = read_record(theirs.record, self.connection.algorithms)
        if len(measurements) != theirs.block_count:
            found = f"{theirs.block_count}, and {len(measurements)} in the record"
            raise BrokenReply(_NAME, "block_count", found=found, expected="the same")
        check_indices(measurements, self._request.operation)
        if self._signer is None:
            self._record(Part.M, raw)
            return Reading(theirs, measurements)
        unsigned = raw[: len(raw) - shape.signature]
        return self._verify(self._signer, theirs, measurements, unsigned)

    def _verify(
        self,
        signer: Signer,
        theirs: Measurements,
        measurements: tuple[ReportedMeasurement, ...],
        unsigned: bytes,
    ) -> Reading:
        """Verify the signature over L1/L2 with this exchange at its end."""
        connection = self.connection
        view = connection.transcript.view(l1l2(connection.version)) + self._exchange(unsigned)
        verified = verify(connection, signer, signing.MEASUREMENTS, view, theirs.signature)
        told = rules(theirs.version).content_changed
        changed = theirs.slot & CONTENT_CHANGED_MASK if told else None
        covered = len(connection.transcript.part(Part.M)) // 2 + 1
        reading = Reading(theirs, measurements, changed, verified.transcript_hash, covered)
        if verified.problem:
            raise SignatureMismatch(f"{_NAME}.signature: {verified.problem}", reading)
        self._record(Part.M, unsigned)
        # Both sides begin L1/L2 anew once it was signed.
        connection.transcript.reset((Part.M,))
        return reading

    def _check_counts(self, theirs: Measurements) -> None:
        """How many blocks: none for a count, one for an index, some for all."""
        least, most = 1, 1
        match self._request.operation:
            case MeasurementOperation.COUNT:
                least, most = 0, 0
                if not 0 < theirs.total <= MAX_INDEX:
                    expected = f"1 to {MAX_INDEX}"
                    raise BrokenReply(_NAME, "total", found=theirs.total, expected=expected)
            case MeasurementOperation.ALL:
                most = MAX_INDEX
        if not least <= theirs.block_count <= most:
            expected = f"{least} to {most}" if most > least else str(least)
            raise BrokenReply(_NAME, "block_count", found=theirs.block_count, expected=expected)

    def _check_slot(self, theirs: Measurements) -> None:
        """Param2: the slot that signed, or, unsigned, nothing about changes."""
        changed = theirs.slot & CONTENT_CHANGED_MASK
        if self._signer is not None:
            slot, expected = theirs.slot & SLOT_MASK, self._signer.slot & SLOT_MASK
            if slot != expected:
                raise BrokenReply(_NAME, "slot", found=slot, expected=expected)
        elif changed and rules(theirs.version).content_changed:
            found = f"content changed 0x{changed:02x}"
            raise BrokenReply(_NAME, "slot", found=found, expected="0 without a signature")
