"""PSK_EXCHANGE (libspdm `library/spdm_requester_lib/libspdm_req_psk_exchange.c`)."""

from collections.abc import Sequence

from emulator.ask.opening import (
    Opened,
    check_agreed,
    check_heartbeat,
    make,
    policy_for,
    read_selection,
    unheard,
    unless_broken,
)
from emulator.ask.request import Request
from emulator.ask.verify import check_verify_data
from emulator.errors import BrokenReply
from emulator.spdm.capabilities import MEAS, PSK_ANY, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import PskExchange, PskExchangeRsp
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.key_exchange import SessionPolicy
from emulator.spdm.secured_versions import ALL, SecuredVersion, offer
from emulator.spdm.session import session_id
from emulator.spdm.session_secrets import Listener

CONTEXT_SIZE = 32
"""Bytes of our context: the least the standard allows."""

_NAME = "PSK_EXCHANGE_RSP"


class PskExchangeRequest(Request[Opened]):
    """Opens a session with a pre-shared key."""

    needs = PSK_ANY

    def __init__(
        self,
        connection: Connection,
        *,
        hint: bytes,
        key: bytes,
        half: int,
        context: bytes,
        policy: SessionPolicy,
        summary_type: SummaryType = SummaryType.NONE,
        versions: Sequence[SecuredVersion] = ALL,
        listener: Listener = unheard,
    ) -> None:
        """Ask for a session of the key that the peer knows by `hint`.

        Args:
            connection: where to.
            hint: says which key; may be empty.
            key: the key.
            half: our half of the session's id, which none of our sessions has.
            context: CONTEXT_SIZE fresh bytes, which make the session a new one.
            policy: since 1.2, what ends the session; before, it is reserved.
            summary_type: the measurement summary hash wanted; none is sent by a peer that does
                not measure.
            versions: the versions of secured messages to offer.
            listener: hears of the session's secrets.
        """
        check_agreed(connection, Cap.PSK, "hash", "aead", "key_schedule")
        self._key = key
        self._half = half
        self._summary_type = summary_type
        self._versions = versions
        self._listener = listener
        message = PskExchange(
            version=connection.version,
            summary_type=summary_type,
            session_policy=policy_for(connection, policy),
            session_id=half,
            hint=hint,
            context=context,
            opaque=offer(connection.version, versions),
        )
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> Opened:
        connection = self.connection
        summary = self._summary_type != SummaryType.NONE and bool(
            connection.peer_capabilities & MEAS
        )
        shape = connection.shape(summary=summary, verify=True)
        theirs, raw = self._read(PskExchangeRsp, reply, shape)
        check_heartbeat(connection, _NAME, theirs.heartbeat_period)
        version = read_selection(connection, _NAME, theirs.opaque, self._versions)
        self._check_context(theirs.context)
        session = make(
            connection,
            session_id(self._half, theirs.session_id),
            chain_hash=None,
            heartbeat=theirs.heartbeat_period,
            listener=self._listener,
        )
        with unless_broken(session):
            hash_name = connection.algorithms.hash.name if connection.algorithms.hash else ""
            session.transcript.exchange(self.raw, raw[: len(raw) - shape.verify])
            th1 = session.transcript.digest(hash_name)
            session.secrets.begin(bytearray(self._key), th1, psk=True)
            check_verify_data(session, _NAME, th1, theirs.verify_data)
            session.transcript.verify_exchange(theirs.verify_data)
        self._record(None, raw)
        connection.open(session)
        if not theirs.context:
            # Without a context of the peer's there is no PSK_FINISH.
            th2 = session.transcript.digest(hash_name)
            session.establish(session.transcript, th2, 0.0)
        return Opened(session, theirs, self._summary_type, version)

    def _check_context(self, context: bytes) -> None:
        """A peer has a context exactly if it says so in its capabilities."""
        expected = Cap.PSK_WITH_CONTEXT in self.connection.peer_capabilities
        if bool(context) != expected:
            raise BrokenReply(
                _NAME,
                "context_length",
                found=len(context),
                expected="1 or more" if expected else "0, as the peer's PSK is without context",
            )
