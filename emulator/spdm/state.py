"""All transition tables of a connection, and nothing else.

A connection climbs the states of `State`; a request is legal from the states its row names, and
when it succeeds the connection is at least in the row's `to`. GET_VERSION starts over from any
state. Rows: libspdm `library/spdm_responder_lib/libspdm_rsp_*.c`, each 'Verify State Phase'.
"""

from dataclasses import dataclass
from enum import IntEnum

from emulator.spdm.codes import Code


class State(IntEnum):
    """Where a connection stands (libspdm `libspdm_connection_state_t`)."""

    NOT_STARTED = 0
    AFTER_VERSION = 1
    AFTER_CAPABILITIES = 2
    NEGOTIATED = 3
    AFTER_DIGESTS = 4
    AFTER_CERTIFICATE = 5
    AUTHENTICATED = 6


@dataclass(frozen=True)
class Transition:
    """One row: from which states a request is legal, and where it leads at least."""

    legal: frozenset[State]
    to: State


def _exactly(state: State) -> frozenset[State]:
    return frozenset({state})


_ANY = frozenset(State)
_WITH_CAPABILITIES = frozenset(state for state in State if state >= State.AFTER_CAPABILITIES)
_NEGOTIATED = frozenset(state for state in State if state >= State.NEGOTIATED)

TRANSITIONS = {
    Code.GET_VERSION: Transition(_ANY, State.AFTER_VERSION),
    Code.GET_CAPABILITIES: Transition(_exactly(State.AFTER_VERSION), State.AFTER_CAPABILITIES),
    Code.NEGOTIATE_ALGORITHMS: Transition(_exactly(State.AFTER_CAPABILITIES), State.NEGOTIATED),
    Code.GET_DIGESTS: Transition(_NEGOTIATED, State.AFTER_DIGESTS),
    Code.GET_CERTIFICATE: Transition(_NEGOTIATED, State.AFTER_CERTIFICATE),
    Code.CHALLENGE: Transition(_NEGOTIATED, State.AUTHENTICATED),
    Code.GET_MEASUREMENTS: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.GET_MEASUREMENT_EXTENSION_LOG: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.GET_SUPPORTED_EVENT_TYPES: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.SUBSCRIBE_EVENT_TYPES: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.GET_ENDPOINT_INFO: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.KEY_EXCHANGE: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.FINISH: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.PSK_EXCHANGE: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.PSK_FINISH: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.HEARTBEAT: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.KEY_UPDATE: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.GET_ENCAPSULATED_REQUEST: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.DELIVER_ENCAPSULATED_RESPONSE: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.END_SESSION: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.GET_CSR: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.SET_CERTIFICATE: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.GET_KEY_PAIR_INFO: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.SET_KEY_PAIR_INFO: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.VENDOR_DEFINED_REQUEST: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.RESPOND_IF_READY: Transition(_NEGOTIATED, State.NEGOTIATED),
    Code.CHUNK_SEND: Transition(_WITH_CAPABILITIES, State.AFTER_CAPABILITIES),
    Code.CHUNK_GET: Transition(_WITH_CAPABILITIES, State.AFTER_CAPABILITIES),
}

RESPONSES = frozenset({Code.ERROR, *(Code(request & 0x7F) for request in TRANSITIONS)})
"""What a device may answer: the response to each of these requests, and ERROR."""


def after(state: State, request: Code) -> State:
    """Where a connection in `state` stands once `request` succeeded."""
    to = TRANSITIONS[request].to
    return to if request == Code.GET_VERSION else max(state, to)
