"""What a device answers to a good request, by version and state: read off the rules, for people.

The reference documentation is written from it, and a test asks a device for every cell of it. It
speaks of a device that offers all it can, of a requester that does too, and of requests in the
version agreed that break no rule but that of the state they come in; they come outside of sessions,
no session was begun, and there is nothing to be asked.
"""

from emulator.answer.registry import ROWS
from emulator.errors import (
    NoPendingRequests,
    SessionRequired,
    SpdmError,
    UnexpectedRequest,
    Unspecified,
    UnsupportedRequest,
)
from emulator.responder import dispatcher  # its families fill ROWS
from emulator.spdm.capabilities import IMPLEMENTED, RESPONDER_MASK
from emulator.spdm.codes import Code
from emulator.spdm.session import Phase
from emulator.spdm.state import State
from emulator.spdm.versions import Version, rules

Answer = Code | type[SpdmError]
"""A response, or the ERROR's class."""

FAMILIES = dispatcher.FAMILIES

_NOTHING_ASKED = {Code.GET_ENCAPSULATED_REQUEST, Code.DELIVER_ENCAPSULATED_RESPONSE}


def answer(request: int, version: Version, state: State) -> Answer:
    """The answer to a request code in `version` and `state`; of RESPOND_IF_READY: its own code.

    What RESPOND_IF_READY fetches is another request's response.
    """
    row = ROWS.get(request)
    if row is None:
        return UnsupportedRequest
    # Before CAPABILITIES no version is agreed that could mask what the device offers.
    agreed = state >= State.AFTER_CAPABILITIES
    offered = IMPLEMENTED & RESPONDER_MASK[version] if agreed else IMPLEMENTED
    if row.needs and not offered & row.needs:
        return UnsupportedRequest
    if state not in row.legal:
        return UnexpectedRequest
    # Before the negotiation only CAPABILITIES with all algorithms can be too large for one piece.
    waits = state > State.AFTER_CAPABILITIES or rules(version).supported_algorithms
    if row.code in _NOTHING_ASKED or (row.code == Code.CHUNK_GET and not waits):
        named = row.code == Code.GET_ENCAPSULATED_REQUEST and version >= Version.V1_3
        return NoPendingRequests if named else UnexpectedRequest
    if Phase.CLEAR not in row.where or row.code == Code.FINISH:
        return SessionRequired if rules(version).session_required else Unspecified
    return row.code if row.code == Code.RESPOND_IF_READY else Code(request & 0x7F)


def table(version: Version) -> dict[Code, tuple[Answer, ...]]:
    """The answers in each state, in their order, to every request that some state answers."""
    return {
        Code(code): tuple(answer(code, version, state) for state in State) for code in sorted(ROWS)
    }
