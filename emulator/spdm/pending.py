"""A request whose reply was not ready, until RESPOND_IF_READY fetches it.

Only the request is kept: the reply is made when it is fetched. The ERROR and RESPOND_IF_READY stand
in no transcript, the request and its reply do
(libspdm `library/spdm_responder_lib/libspdm_rsp_respond_if_ready.c`).
"""

from dataclasses import dataclass, replace
from typing import Self

from emulator.spdm.codes import Code
from emulator.spdm.state import TRANSITIONS, State

TOKENS = 0x100

TRANSPARENT = frozenset({Code.RESPOND_IF_READY, Code.CHUNK_SEND, Code.CHUNK_GET})
"""The requests that carry or fetch another: all others give up what is pending once they succeed.

libspdm keeps the old request until the next that is not ready, and would then sign a transcript
that has moved on.
"""


MAY_WAIT = frozenset(
    code
    for code, row in TRANSITIONS.items()
    if min(row.legal) >= State.NEGOTIATED and code not in TRANSPARENT
)
"""The requests that ERROR ResponseNotReady may answer: a requester takes it once all is negotiated
(libspdm `library/spdm_requester_lib/libspdm_req_handle_error_response.c`)."""

_MICROSECOND = 1e-6


@dataclass(frozen=True)
class Readiness:
    """Which replies are not ready at first, and how a requester is told to wait for them.

    Attributes:
        requests: the codes of the requests; None: every one whose reply is signed.
        rdt_exponent: RDTExponent: the reply is ready after 2^n microseconds.
        rdtm: RDTM: it is kept for as many times as long.
        tries: how many more RESPOND_IF_READY are told the same, however late they come.
    """

    requests: frozenset[Code] | None = None
    rdt_exponent: int = 10
    rdtm: int = 255
    tries: int = 0

    def covers(self, request: Code, *, signed: bool) -> bool:
        """Whether the reply to `request`, signed or not, is not ready at first."""
        return signed if self.requests is None else request in self.requests

    @property
    def rdt(self) -> float:
        """After how many seconds the reply is ready."""
        return _MICROSECOND * (1 << self.rdt_exponent)


@dataclass(frozen=True, slots=True)
class Pending:
    """The request that is waiting.

    Attributes:
        request: its bytes, the transport's padding included.
        slack: up to how many bytes of padding that may be.
        token: what RESPOND_IF_READY names beside the request's code.
        ready_at: when the reply is ready, in seconds of the clock `now` comes from.
        kept_until: when it is forgotten.
        tries: how many more times it is said not to be ready, whatever the time.
        extended: the extended data of the ERROR.
    """

    request: bytes
    slack: int
    token: int
    ready_at: float
    kept_until: float
    tries: int
    extended: bytes

    def refused(self) -> Self:
        """With one more RESPOND_IF_READY told to wait."""
        return replace(self, tries=max(0, self.tries - 1))
