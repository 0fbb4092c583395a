"""What two sides negotiated, apart from any connection: kept for a later one, or given to both.

Two ways lead past a negotiation. A responder with CACHE keeps the last one, so that a requester may
go on from there without GET_VERSION; and both sides may be provisioned with one, so that a
requester sends GET_VERSION alone (DMTF spdm-emu's `--load_state` and `VER_ONLY`,
`spdm_emu_common/nv_storage.c`).
"""

from dataclasses import dataclass, field

from emulator.spdm.capabilities import NONE, Cap
from emulator.spdm.negotiation import Negotiated
from emulator.spdm.transcript import View


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The outcome of a negotiation; the attributes are those of `Connection`.

    Attributes:
        negotiation: the messages of part A, which go on to be signed; empty for a provisioned one,
            where VERSION alone was exchanged.
    """

    version: int
    local_capabilities: Cap = NONE
    peer_capabilities: Cap = NONE
    peer_ct_exponent: int = 0
    peer_data_transfer_size: int = 0
    peer_max_message: int = 0
    algorithms: Negotiated = field(default_factory=Negotiated)
    negotiation: View = ()
