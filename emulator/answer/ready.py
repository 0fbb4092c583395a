"""Answers RESPOND_IF_READY, and makes a request wait for it.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_respond_if_ready.c`,
`libspdm_rsp_handle_response_state.c`; RDT and RDTM as its requester takes them
(`library/spdm_requester_lib/libspdm_req_handle_error_response.c`).
"""

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.errors import InvalidRequest, ResponseNotReady
from emulator.spdm import codes
from emulator.spdm.codes import Code
from emulator.spdm.messages import Error, NotReady, RespondIfReady
from emulator.spdm.pending import Pending, Readiness
from emulator.spdm.session import ANYWHERE
from emulator.wire import Shape, encode

_ANY_SHAPE = Shape()


def suspend(
    policy: Readiness, request: bytes, *, code: Code, slack: int, token: int, now: float
) -> Pending:
    """`request`, put aside at `now` until its reply is fetched."""
    told = NotReady(
        rdt_exponent=policy.rdt_exponent, request_code=code, token=token, rdtm=policy.rdtm
    )
    ready_at = now + policy.rdt
    return Pending(
        request=request,
        slack=slack,
        token=token,
        ready_at=ready_at,
        kept_until=ready_at + policy.rdtm * policy.rdt,
        tries=policy.tries,
        extended=encode(told, _ANY_SHAPE),
    )


def not_ready(pending: Pending) -> ResponseNotReady:
    """What a requester is told about `pending`."""
    what = f"the reply to {codes.name(pending.request[1])} is not ready"
    return ResponseNotReady(what, extended=pending.extended)


@handles(RespondIfReady, where=ANYWHERE)
def respond_if_ready(exchange: Exchange, request: RespondIfReady) -> Outcome:
    """The reply that was not ready; asked too early, the same ERROR again."""
    pending = exchange.connection.pending
    if pending is None or exchange.now > pending.kept_until:
        raise InvalidRequest("no reply is waiting to be ready")
    if request.request_code != pending.request[1]:
        waits = codes.name(pending.request[1])
        raise InvalidRequest(f"{codes.name(request.request_code)} where {waits} is waiting")
    if request.token != pending.token:
        raise InvalidRequest(f"token {request.token} where {pending.token} is waiting")
    shape = exchange.connection.shape()
    if exchange.now < pending.ready_at or pending.tries:
        error = not_ready(pending)
        return Outcome(
            reply=Error(version=request.version, error_code=error.code, extended=error.extended),
            shape=shape,
            changes={"pending": pending.refused()},
            refused=error,
        )
    return Outcome(reply=None, shape=shape, resumes=pending)
