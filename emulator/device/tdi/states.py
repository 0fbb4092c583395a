"""The states of a TEE device interface, and all that leads from one to another.

Source: PCI Express Base Specification 6.2, chapter 11 (TDISP): the legal states stand in its table
of request codes, what makes an error of a change in its section 11.2. Codes: libspdm
`include/industry_standard/pci_tdisp.h`. Where libspdm's sample device knows less (it refuses STOP
in CONFIG_UNLOCKED, and reports in any state), the specification counts.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class TdiState(IntEnum):
    """Where an interface stands."""

    CONFIG_UNLOCKED = 0
    CONFIG_LOCKED = 1
    RUN = 2
    ERROR = 3


class Request(IntEnum):
    """What may be asked of an interface."""

    GET_TDISP_VERSION = 0x81
    GET_TDISP_CAPABILITIES = 0x82
    LOCK_INTERFACE = 0x83
    GET_DEVICE_INTERFACE_REPORT = 0x84
    GET_DEVICE_INTERFACE_STATE = 0x85
    START_INTERFACE = 0x86
    STOP_INTERFACE = 0x87
    BIND_P2P_STREAM = 0x88
    UNBIND_P2P_STREAM = 0x89
    SET_MMIO_ATTRIBUTE = 0x8A
    VDM = 0x8B


class Cause(StrEnum):
    """What makes an error of an interface that is locked or runs."""

    STREAM_LOST = "stream-lost"
    REGISTER_WRITE = "register-write"
    RESET = "reset"


@dataclass(frozen=True)
class Transition:
    """One row: the states something may happen in, and where it leads; None: nowhere else."""

    legal: frozenset[TdiState]
    to: TdiState | None = None


_ANY = frozenset(TdiState)
_LOCKED = frozenset({TdiState.CONFIG_LOCKED})
_RUN = frozenset({TdiState.RUN})
_UNDER_LOCK = _LOCKED | _RUN

TRANSITIONS = {
    Request.GET_TDISP_VERSION: Transition(_ANY),
    Request.GET_TDISP_CAPABILITIES: Transition(_ANY),
    Request.LOCK_INTERFACE: Transition(
        frozenset({TdiState.CONFIG_UNLOCKED}), TdiState.CONFIG_LOCKED
    ),
    Request.GET_DEVICE_INTERFACE_REPORT: Transition(_UNDER_LOCK),
    Request.GET_DEVICE_INTERFACE_STATE: Transition(_ANY),
    Request.START_INTERFACE: Transition(_LOCKED, TdiState.RUN),
    Request.STOP_INTERFACE: Transition(_ANY, TdiState.CONFIG_UNLOCKED),
    Request.BIND_P2P_STREAM: Transition(_RUN),
    Request.UNBIND_P2P_STREAM: Transition(_RUN),
    Request.SET_MMIO_ATTRIBUTE: Transition(_RUN),
    Request.VDM: Transition(_ANY),
}
"""The states each request is legal in; where it succeeds, the interface is in `to`."""

CAUSES = {cause: Transition(_UNDER_LOCK, TdiState.ERROR) for cause in Cause}
"""What happens without being asked for; in other states it changes nothing."""


def after(state: TdiState, what: Request | Cause) -> TdiState:
    """Where an interface in `state` stands once `what` has happened."""
    row = TRANSITIONS[what] if isinstance(what, Request) else CAUSES[what]
    if state not in row.legal or row.to is None:
        return state
    return row.to
