"""Every code of ERROR: since when it exists, what it says, and what its extended data is.

Source: libspdm `include/industry_standard/spdm.h` (SPDM_ERROR_CODE_*); InvalidSession is DSP0274's.
"""

from dataclasses import dataclass
from enum import Enum

from emulator.spdm.codes import ErrorCode
from emulator.spdm.versions import Version


class Extended(Enum):
    """What follows an ERROR's header."""

    NOTHING = "—"
    SIZE = "the size there would be, u32"
    HANDLE = "the handle of the large response"
    NOT_READY = "RDTExponent, the request's code, the token, RDTM"
    VENDOR = "the standards body, the vendor, and data of its own"


@dataclass(frozen=True)
class Row:
    """One code of ERROR.

    Attributes:
        since: the first version that has it.
        says: what it says, in words.
        extended: what follows the header.
    """

    since: Version
    says: str
    extended: Extended = Extended.NOTHING


_V1_0, _V1_1, _V1_2, _V1_3, _V1_4 = Version

ERRORS: dict[ErrorCode, Row] = {
    ErrorCode.INVALID_REQUEST: Row(_V1_0, "a value or the size of the request is not legal"),
    ErrorCode.INVALID_SESSION: Row(_V1_1, "there is no such session"),
    ErrorCode.BUSY: Row(_V1_0, "not now, but the same may be asked again"),
    ErrorCode.UNEXPECTED_REQUEST: Row(_V1_0, "the request is out of order here"),
    ErrorCode.UNSPECIFIED: Row(_V1_0, "it failed for a reason that has no code"),
    ErrorCode.DECRYPT_ERROR: Row(
        _V1_1, "a record cannot be opened, or verify data is wrong: the session ends"
    ),
    ErrorCode.UNSUPPORTED_REQUEST: Row(_V1_0, "nobody answers this request; data: its code"),
    ErrorCode.REQUEST_IN_FLIGHT: Row(_V1_1, "an encapsulated request waits for its answer"),
    ErrorCode.INVALID_RESPONSE_CODE: Row(
        _V1_1, "what came is no answer to the encapsulated request"
    ),
    ErrorCode.SESSION_LIMIT_EXCEEDED: Row(_V1_1, "there is no room for another session"),
    ErrorCode.SESSION_REQUIRED: Row(_V1_2, "the request belongs into a session"),
    ErrorCode.RESET_REQUIRED: Row(_V1_2, "it takes effect once the device was reset"),
    ErrorCode.RESPONSE_TOO_LARGE: Row(
        _V1_2, "the response exceeds the requester's MaxSPDMmsgSize", Extended.SIZE
    ),
    ErrorCode.REQUEST_TOO_LARGE: Row(_V1_2, "the request exceeds the device's MaxSPDMmsgSize"),
    ErrorCode.LARGE_RESPONSE: Row(
        _V1_2, "the response is fetched in chunks, by CHUNK_GET", Extended.HANDLE
    ),
    ErrorCode.MESSAGE_LOST: Row(_V1_2, "a chunk or the large message it is of was lost"),
    ErrorCode.INVALID_POLICY: Row(_V1_3, "a policy forbids it"),
    ErrorCode.DATA_TOO_LARGE: Row(_V1_4, "what was asked for needs the large form", Extended.SIZE),
    ErrorCode.VERSION_MISMATCH: Row(_V1_0, "the version is not the one agreed, or not offered"),
    ErrorCode.RESPONSE_NOT_READY: Row(
        _V1_0, "the response takes time; RESPOND_IF_READY fetches it", Extended.NOT_READY
    ),
    ErrorCode.REQUEST_RESYNCH: Row(_V1_0, "what was agreed is lost; GET_VERSION begins anew"),
    ErrorCode.OPERATION_FAILED: Row(_V1_3, "it is allowed, but could not be done"),
    ErrorCode.NO_PENDING_REQUESTS: Row(_V1_3, "there is nothing to ask by encapsulated requests"),
    ErrorCode.REQUEST_SESSION_TERMINATED: Row(_V1_4, "the session is over or about to be"),
    ErrorCode.INVALID_STATE: Row(_V1_4, "what it is about is in no state for it"),
    ErrorCode.VENDOR_DEFINED: Row(_V1_0, "a standards body's or vendor's own", Extended.VENDOR),
}
"""The rows in the order of `ErrorCode`."""
