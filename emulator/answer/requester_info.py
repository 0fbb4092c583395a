"""GET_ENDPOINT_INFO asked by the device: what the requester is.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_encap_get_endpoint_info.c`.
"""

from functools import partial

from emulator.answer import asking
from emulator.answer.exchange import Exchange
from emulator.answer.mutual import known_requester, signer
from emulator.ask.chain import Signer
from emulator.ask.endpoint_info import Endpoint, EndpointInfoRequest
from emulator.device.changes import RequesterDescribed
from emulator.spdm.capabilities import EP_INFO, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages.challenge import NO_SLOT, NONCE_SIZE
from emulator.spdm.questions import EndpointInfoQuestion, Progress, Step


@asking.asks(EndpointInfoQuestion)
def endpoint_info(exchange: Exchange, question: EndpointInfoQuestion) -> Step | None:
    """Signed where the requester signs, and its chain or key is known; None where it has none."""
    del question
    connection = exchange.connection
    if not connection.peer_capabilities & EP_INFO:
        return None
    who = _signer(exchange) if Cap.EP_INFO_SIG in connection.peer_capabilities else None
    nonce = exchange.entropy.bytes(NONCE_SIZE, label="GET_ENDPOINT_INFO nonce") if who else b""
    request = EndpointInfoRequest(connection.turn(), nonce=nonce, signer=who)
    return asking.step(request, partial(_told, signed=who is not None))


def _signer(exchange: Exchange) -> Signer | None:
    """Who signs: the chain that this session was authenticated by, or what else is known."""
    if Cap.PUB_KEY_ID in exchange.connection.peer_capabilities:
        return signer(exchange, NO_SLOT, b"")
    session, slot = exchange.session, exchange.device.mutual.slot
    if session is not None and session.requester_chain:
        return signer(exchange, session.requester_slot, session.requester_chain)
    return signer(exchange, slot, known_requester(exchange, slot))


def _told(exchange: Exchange, said: Endpoint, state: Connection, *, signed: bool) -> Progress:
    del state
    change = RequesterDescribed(tuple(one.encoded() for one in said.classes), signed)
    return Progress(effects=(partial(exchange.device.tell, change),))
