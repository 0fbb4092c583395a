"""The one order of checks every request goes through.

libspdm has no single order (each of its handlers has its own); this is ours. A request that
breaks several rules at once is answered for the first of them:

1. it has a header of four bytes                                     → InvalidRequest
   and what was agreed was not lost, or it is GET_VERSION              → RequestResynch
2. no answer to an encapsulated request is due, or it leads to that   → RequestInFlight
   and no large message is under way, or it goes on with it, or it is GET_VERSION, which ends it;
   the transfer lives on otherwise                                    → UnexpectedRequest
3. its code is one we answer                                         → UnsupportedRequest
4. its version: 1.0 for GET_VERSION; one we offer for GET_CAPABILITIES right after VERSION; the
   negotiated one otherwise (none is negotiated yet: 6 answers)       → VersionMismatch
5. the device has a capability it needs, and the requester too where both must → UnsupportedRequest
6. it is legal in the connection's state                             → UnexpectedRequest
7. it may come where it came: outside of sessions                    → SessionRequired
   (up to 1.1 Unspecified), or in a session in this phase            → UnexpectedRequest
8. it is no larger than the device's MaxSPDMmsgSize                  → RequestTooLarge
9. its bytes fit its layout, with no more padding than its transport's → InvalidRequest
10. what its handler asks of its values                              → the handler's error
11. its reply takes no time, as the profile has it                   → ResponseNotReady

A record is opened before that. One of no session gets no response, and so does what is no SPDM
message inside one; one that does not open is answered in its session with DecryptError, and that
session ends. In a session 2 and 6 are about what was said inside of it, and there is no padding.

Reserved fields and bits are not looked at.

Before all that: a connection that has negotiated nothing takes up the negotiation that the device
keeps (CACHE) or, after VERSION, the one it is provisioned with, by the first request of its version
that follows on one.
"""

from emulator.answer import (
    algorithms,
    capabilities,
    certificates,
    challenge,
    chunks,
    csr,
    encapsulated,
    endpoint_info,
    events,
    finish,
    key_exchange,
    key_pairs,
    measurement_log,
    measurements,
    own_key,
    psk_exchange,
    ready,
    requester_info,
    session_upkeep,
    set_certificate,
    vendor,
    version,
)
from emulator.answer.place import check_place
from emulator.answer.registry import ROWS, Row
from emulator.device import Device
from emulator.errors import (
    InvalidRequest,
    RequestInFlight,
    RequestResynch,
    RequestTooLarge,
    UnexpectedRequest,
    UnsupportedRequest,
    VersionMismatch,
    WireError,
)
from emulator.spdm import codes
from emulator.spdm.codes import Code
from emulator.spdm.connection import Connection
from emulator.spdm.questions import IDLE, PASSING
from emulator.spdm.session import Session
from emulator.spdm.state import State
from emulator.spdm.versions import Version
from emulator.wire import Message, Shape, parse

HEADER_SIZE = 4

FAMILIES = (
    algorithms,
    capabilities,
    certificates,
    challenge,
    chunks,
    csr,
    encapsulated,
    endpoint_info,
    events,
    finish,
    key_exchange,
    key_pairs,
    measurement_log,
    measurements,
    own_key,
    psk_exchange,
    ready,
    requester_info,
    session_upkeep,
    set_certificate,
    vendor,
    version,
)
"""The modules whose import fills the tables of requests, and of questions."""


def _check_version(device: Device, connection: Connection, row: Row, version: int) -> None:
    """Rule 4."""
    if row.code == Code.GET_VERSION:
        fits = version == Version.V1_0
    elif connection.version:
        fits = version == connection.version
    elif row.code == Code.GET_CAPABILITIES and connection.state == State.AFTER_VERSION:
        fits = version in device.versions
    else:
        return
    if not fits:
        raise VersionMismatch(f"version 0x{version:02x} of {row.code.name}")


def _check_transfer(connection: Connection, code: int) -> None:
    """Rule 2."""
    if connection.outgoing is None and connection.incoming is None:
        return
    under_way = (
        (connection.outgoing, Code.CHUNK_GET, "response"),
        (connection.incoming, Code.CHUNK_SEND, "request"),
    )
    for transfer, goes_on, what in under_way:
        if transfer is not None and code not in {goes_on, Code.GET_VERSION}:
            raise UnexpectedRequest(f"{codes.name(code)} while a large {what} is under way")


def find(
    device: Device,
    connection: Connection,
    raw: bytes,
    *,
    slack: int,
    whole: bool = False,
    session: Session | None = None,
) -> Row:
    """The row of a request, rules 1 to 8 checked. Raises SpdmError.

    `slack`: how many bytes of the transport's padding may be at the end of `raw`. With `whole` the
    request came in chunks, and its transfer is over: rule 2 holds by itself. `session`: the one it
    came in, whose state inside is `connection`.
    """
    if len(raw) < HEADER_SIZE:
        raise InvalidRequest(f"{len(raw)} bytes where a header takes {HEADER_SIZE}")
    if connection.resynch and raw[1] != Code.GET_VERSION:
        raise RequestResynch("what was agreed is lost; GET_VERSION begins anew")
    asking = connection.asking
    if asking is not IDLE and asking.due and raw[1] not in PASSING:
        raise RequestInFlight(f"{codes.name(raw[1])} while an answer of the requester's is due")
    if not whole:
        _check_transfer(connection, raw[1])
    row = ROWS.get(raw[1])
    if row is None:
        raise UnsupportedRequest(f"request {codes.name(raw[1])}", data=raw[1])
    _check_version(device, connection, row, raw[0])
    offered = connection.local_capabilities if connection.version else device.capabilities
    # Plain integers: flag arithmetic of enum is a microsecond each.
    if row.needs and not int(offered) & int(row.needs):
        raise UnsupportedRequest(f"{row.code.name} without its capability", data=raw[1])
    lacking = connection.version and not int(connection.peer_capabilities) & int(row.peer)
    if row.peer and lacking:
        raise UnsupportedRequest(f"{row.code.name} from a requester without it", data=raw[1])
    if connection.state not in row.legal:
        raise UnexpectedRequest(f"{row.code.name} in state {connection.state.name}")
    check_place(row, connection.version, session)
    largest = device.sizes.max_message
    if len(raw) > largest + slack:
        raise RequestTooLarge(f"{len(raw)} bytes where MaxSPDMmsgSize is {largest}")
    return row


def take_up(device: Device, connection: Connection, raw: bytes) -> None:
    """Where a request follows on a negotiation made elsewhere, make that the connection's.

    A refusal changes nothing about it: the requester has shown that it knows the agreement.
    """
    agreement = device.agreement(connection.state)
    row = row_of(raw)
    if agreement is None or row is None or raw[0] != agreement.version:
        return
    if row.code != Code.GET_VERSION and State.NEGOTIATED in row.legal:
        connection.assume(agreement)


def read(row: Row, connection: Connection, raw: bytes, *, slack: int) -> tuple[Message, int]:
    """The request and its own size in bytes, rule 9 checked. Raises InvalidRequest."""
    # GET_VERSION and GET_CAPABILITIES come before a version is agreed: theirs is in the message.
    shape = (
        connection.shape(verify=True, by_requester=True)
        if connection.version
        else Shape(version=raw[0])
    )
    try:
        return parse(row.layout, raw, shape, slack=slack)
    except WireError as error:
        raise InvalidRequest(str(error)) from error


def row_of(raw: bytes) -> Row | None:
    """The row of a request that was refused, if its code is one we answer."""
    return ROWS.get(raw[1]) if len(raw) >= HEADER_SIZE else None


def error_version(device: Device, connection: Connection, raw: bytes) -> int:
    """The version an ERROR bears: the negotiated one; 1.0 before, and to a wrong GET_VERSION.

    A GET_CAPABILITIES in a version we offer has chosen that version, whatever else is wrong in it.

    Source: libspdm `library/spdm_responder_lib/libspdm_rsp_version.c`,
    `generate_invalid_version_error`, `libspdm_rsp_error.c`, and `libspdm_rsp_capabilities.c`,
    `libspdm_check_request_version_compatibility`.
    """
    if len(raw) >= HEADER_SIZE:
        if raw[1] == Code.GET_VERSION and raw[0] != Version.V1_0:
            return Version.V1_0
        choosing = raw[1] == Code.GET_CAPABILITIES and connection.state == State.AFTER_VERSION
        if choosing and raw[0] in device.versions:
            return raw[0]
    return connection.version or Version.V1_0
