"""Answers GET_MEASUREMENT_EXTENSION_LOG.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_measurement_extension_log.c`.
"""

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.errors import InvalidRequest, UnexpectedRequest
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages import GetMeasurementExtensionLog, MeasurementExtensionLog
from emulator.spdm.session import APPLICATION

HEADER = 12
"""Bytes of MEASUREMENT_EXTENSION_LOG before its portion."""


@handles(GetMeasurementExtensionLog, needs=Cap.MEL, where=APPLICATION)
def get_measurement_extension_log(
    exchange: Exchange, request: GetMeasurementExtensionLog
) -> Outcome:
    """A portion of the log, never more than fits.

    The log may have grown since the last portion: its remainder says how much there is now.
    """
    agreed = exchange.connection.algorithms
    if not agreed.mel_specification or agreed.measurement_hash is None:
        raise UnexpectedRequest("no form of the log, or no measurements, were agreed")
    fresh = Cap.MEAS_FRESH in exchange.connection.local_capabilities
    log = exchange.device.measurements.log.encoded(agreed.measurement_hash.name, fresh=fresh)
    offset, size = request.offset, len(log)
    if offset >= size:
        raise InvalidRequest(f"offset {offset} where the log has {size} bytes")
    largest = exchange.largest_reply if exchange.chunks else exchange.reply_limit
    end = min(offset + min(request.length, largest - HEADER), size)
    return Outcome(
        reply=MeasurementExtensionLog(
            version=request.version, remainder_length=size - end, portion=log[offset:end]
        ),
        shape=exchange.connection.shape(),
    )
