"""Answers GET_MEASUREMENTS (libspdm `library/spdm_responder_lib/libspdm_rsp_measurements.c`)."""

from emulator.answer.exchange import Exchange, Outcome, Signing
from emulator.answer.registry import handles
from emulator.device.measurements import Reported
from emulator.errors import InvalidRequest, UnexpectedRequest
from emulator.spdm import signing
from emulator.spdm.algorithms import Algorithm
from emulator.spdm.capabilities import MEAS, Cap
from emulator.spdm.key_pairs import KeyUsage
from emulator.spdm.messages import (
    GetMeasurements,
    MeasurementOperation,
    Measurements,
    RequestAttributes,
)
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.challenge import NONCE_SIZE
from emulator.spdm.messages.measurements import NO_SLOT, ContentChanged
from emulator.spdm.session import APPLICATION
from emulator.spdm.transcript import Part, l1l2
from emulator.spdm.versions import rules

# Plain integers: flag arithmetic of enum is a microsecond each.
_SIGNATURE = int(RequestAttributes.SIGNATURE)
_RAW_BIT_STREAM = int(RequestAttributes.RAW_BIT_STREAM)
_NEW_MEASUREMENT = int(RequestAttributes.NEW_MEASUREMENT)
_MEAS_SIG = int(Cap.MEAS_SIG)
_MEAS_FRESH = int(Cap.MEAS_FRESH)


def reported(exchange: Exchange, *, new: bool = False) -> Reported:
    """The measurements this device reports on this connection; `new`: those it will have."""
    fresh = bool(int(exchange.connection.local_capabilities) & _MEAS_FRESH)
    return exchange.device.measurements.reported(fresh=fresh, new=new)


def _record(
    request: GetMeasurements, held: Reported, measurement_hash: Algorithm
) -> tuple[int, bytes]:
    """How many blocks are reported and their bytes. Raises InvalidRequest."""
    raw = bool(int(request.attributes) & _RAW_BIT_STREAM)
    match request.operation:
        case MeasurementOperation.COUNT:
            return 0, b""
        case MeasurementOperation.ALL:
            return len(held), held.record(measurement_hash.name, raw=raw)
        case index if index in held:
            return 1, held.block(index, measurement_hash.name, raw=raw)
        case index:
            raise InvalidRequest(f"there is no measurement of index {index}")


def _began(exchange: Exchange) -> int:
    """The generation of the measurements when this reading (L1/L2) began."""
    began = exchange.connection.measured
    return exchange.device.measurements.generation if began is None else began


def _signing(exchange: Exchange, request: GetMeasurements, held: Reported) -> tuple[int, Signing]:
    """Param2 of a signed reply, and how it is signed. Raises InvalidRequest."""
    connection = exchange.connection
    if not int(connection.local_capabilities) & _MEAS_SIG:
        raise InvalidRequest("a signature was asked for, and MEAS_SIG is not offered")
    allowed = rules(request.version)
    slot = request.slot[0] & SLOT_MASK if allowed.measurement_slot else 0
    key = exchange.public_key() if slot == NO_SLOT else exchange.chain(slot).key
    if slot != NO_SLOT:
        exchange.check_use(slot, KeyUsage.MEASUREMENT)
    changed = 0
    if allowed.content_changed:
        unchanged = held.changed <= _began(exchange)
        changed = ContentChanged.UNCHANGED if unchanged else ContentChanged.CHANGED
    return slot | changed, Signing(signing.MEASUREMENTS, l1l2(connection.version), key)


@handles(GetMeasurements, needs=MEAS, where=APPLICATION, on_error=(Part.M,))
def get_measurements(exchange: Exchange, request: GetMeasurements) -> Outcome:
    """Report a count, one measurement or all of them, signed if that was asked for."""
    connection = exchange.connection
    measurement_hash = connection.algorithms.measurement_hash
    if measurement_hash is None:
        raise UnexpectedRequest("no measurement specification was negotiated")
    attributes = int(request.attributes)
    new = bool(attributes & _NEW_MEASUREMENT) and rules(request.version).new_measurement
    held = reported(exchange, new=new)
    signed = bool(attributes & _SIGNATURE)
    slot, signature = _signing(exchange, request, held) if signed else (0, None)
    blocks, record = _record(request, held, measurement_hash)
    counted = request.operation == MeasurementOperation.COUNT
    return Outcome(
        reply=Measurements(
            version=request.version,
            total=len(held) if counted else 0,
            slot=slot,
            block_count=blocks,
            record=record,
            nonce=exchange.entropy.bytes(NONCE_SIZE, label="MEASUREMENTS nonce"),
            opaque=exchange.opaque(exchange.device.measurement_opaque),
            context=request.context,
        ),
        shape=connection.shape(signature=signed),
        record=Part.M,
        signing=signature,
        clears=(Part.M,) if signed else (),
        changes=exchange.shown(slot & SLOT_MASK) | {"measured": None}
        if signed
        else {"measured": _began(exchange)},
    )
