"""KEY_UPDATE asked by the device: UpdateKey for its own direction, and VerifyNewKey.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_encap_key_update.c`.
"""

from functools import partial

from emulator.answer import asking
from emulator.answer.exchange import Exchange
from emulator.ask.session import OwnKeyRequest
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.questions import NewKeyQuestion, Progress, Step
from emulator.spdm.session import Phase, Session


@asking.asks(NewKeyQuestion)
def new_key(exchange: Exchange, question: NewKeyQuestion) -> Step | None:
    """UpdateKey; None outside of established sessions, and where KEY_UPD was not agreed."""
    del question
    session = exchange.session
    if session is None or session.phase is not Phase.ESTABLISHED:
        return None
    return _step(exchange, session) if exchange.connection.both(Cap.KEY_UPD) else None


def _step(exchange: Exchange, session: Session) -> Step:
    """The new key is in force with the acknowledgement that asks to verify it."""
    operations = (KeyOperation.UPDATE_KEY, KeyOperation.VERIFY_NEW_KEY)
    around = exchange.connection.turn()
    update, verify = (
        OwnKeyRequest(around, one, exchange.entropy.bytes(1, label="KEY_UPDATE tag")[0])
        for one in operations
    )
    last = asking.step(verify, _verified)

    def updated(exchange: Exchange, content: None, state: Connection) -> Progress:
        del exchange, content, state
        return Progress(next=last, closing=partial(session.update_own))

    return asking.step(update, updated)


def _verified(exchange: Exchange, content: None, state: Connection) -> Progress:
    del exchange, content, state
    return Progress()
