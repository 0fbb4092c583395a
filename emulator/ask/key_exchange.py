"""KEY_EXCHANGE (libspdm `library/spdm_requester_lib/libspdm_req_key_exchange.c`)."""

from collections.abc import Sequence

from emulator.ask.chain import Signer
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
from emulator.ask.verify import check_verify_data, verify
from emulator.crypto.dhe import KeyPair
from emulator.errors import BrokenReply, InvalidRequest, SignatureMismatch
from emulator.spdm import signing
from emulator.spdm.capabilities import MEAS, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import KeyExchange, KeyExchangeRsp
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.key_exchange import MutualAuth, SessionPolicy
from emulator.spdm.secured_versions import ALL, SecuredVersion, offer
from emulator.spdm.session import Session, session_id
from emulator.spdm.session_secrets import Listener
from emulator.wire import Shape

_NAME = "KEY_EXCHANGE_RSP"
_MUTUAL_AUTH = MutualAuth.REQUESTED | MutualAuth.ENCAPSULATED | MutualAuth.GET_DIGESTS


class KeyExchangeRequest(Request[Opened]):
    """Opens a session with a shared secret, which the peer signs for."""

    needs = Cap.KEY_EX

    def __init__(
        self,
        connection: Connection,
        *,
        signer: Signer,
        pair: KeyPair,
        half: int,
        random: bytes,
        policy: SessionPolicy,
        summary_type: SummaryType = SummaryType.NONE,
        versions: Sequence[SecuredVersion] = ALL,
        listener: Listener = unheard,
    ) -> None:
        """Ask for a session that the key of `signer` vouches for.

        Args:
            connection: where to.
            signer: the peer's chain as it was fetched, or the key that was provisioned.
            pair: our values in the negotiated group.
            half: our half of the session's id, which none of our sessions has.
            random: 32 fresh bytes.
            policy: since 1.2, what ends the session; before, it is reserved.
            summary_type: the measurement summary hash wanted; none is sent by a peer that does
                not measure.
            versions: the versions of secured messages to offer.
            listener: hears of the session's secrets.
        """
        check_agreed(connection, Cap.KEY_EX, "hash", "asym", "dhe", "aead", "key_schedule")
        self._signer = signer
        self._pair = pair
        self._half = half
        self._summary_type = summary_type
        self._versions = versions
        self._listener = listener
        message = KeyExchange(
            version=connection.version,
            summary_type=summary_type,
            slot=signer.slot,
            session_id=half,
            session_policy=policy_for(connection, policy),
            random=random,
            exchange_data=pair.public,
            opaque=offer(connection.version, versions),
        )
        super().__init__(connection, message, connection.shape())

    def _accept(self, reply: bytes) -> Opened:
        connection = self.connection
        summary = self._summary_type != SummaryType.NONE and bool(
            connection.peer_capabilities & MEAS
        )
        clear = connection.both(Cap.HANDSHAKE_IN_THE_CLEAR)
        shape = connection.shape(signature=True, summary=summary, verify=not clear)
        theirs, raw = self._read(KeyExchangeRsp, reply, shape)
        check_heartbeat(connection, _NAME, theirs.heartbeat_period)
        self._check_mutual(theirs)
        version = read_selection(connection, _NAME, theirs.opaque, self._versions)
        session = make(
            connection,
            session_id(self._half, theirs.session_id),
            chain_hash=self._signer.digest,
            heartbeat=theirs.heartbeat_period,
            listener=self._listener,
        )
        with unless_broken(session):
            unproven = raw[: len(raw) - shape.verify]
            opened = self._verify(session, theirs, version, unproven, shape)
            self._agree(session, theirs, shape)
        self._record(None, raw)
        connection.open(session)
        return opened

    def _check_mutual(self, theirs: KeyExchangeRsp) -> None:
        """We are asked to authenticate ourselves in one way, and only where that was agreed."""
        found = theirs.mutual_auth & _MUTUAL_AUTH
        if not found:
            return
        expected = ""
        if not self.connection.both(Cap.MUT_AUTH):
            expected = "0x00, as mutual authentication was not offered"
        elif int(found).bit_count() > 1:
            expected = "one way to authenticate ourselves"
        elif not found & MutualAuth.REQUESTED and not self.connection.both(Cap.ENCAP):
            expected = "no encapsulated requests, as they were not offered"
        if expected:
            raise BrokenReply(_NAME, "mutual_auth", found=f"0x{found:02x}", expected=expected)

    def _verify(
        self,
        session: Session,
        theirs: KeyExchangeRsp,
        version: SecuredVersion,
        unproven: bytes,
        shape: Shape,
    ) -> Opened:
        """Verify the signature over the transcript up to it, and put it there."""
        transcript = session.transcript
        transcript.exchange(self.raw, unproven[: len(unproven) - shape.signature])
        verified = verify(
            self.connection,
            self._signer,
            signing.KEY_EXCHANGE_RSP,
            transcript.view,
            theirs.signature,
        )
        opened = Opened(session, theirs, self._summary_type, version, verified.transcript_hash)
        if verified.problem:
            raise SignatureMismatch(f"{_NAME}.signature: {verified.problem}", opened)
        transcript.sign_exchange(theirs.signature)
        return opened

    def _agree(self, session: Session, theirs: KeyExchangeRsp, shape: Shape) -> None:
        """Derive the secrets of the handshake, and verify what proves that the peer has them."""
        try:
            shared = self._pair.shared(theirs.exchange_data)
        except InvalidRequest as error:
            expected = "a public value of the group that was agreed"
            raise BrokenReply(_NAME, "exchange_data", found=error, expected=expected) from error
        chosen = self.connection.algorithms.hash
        th1 = session.transcript.digest(chosen.name if chosen else "")
        session.secrets.begin(shared, th1)
        if shape.verify:
            check_verify_data(session, _NAME, th1, theirs.verify_data)
            session.transcript.verify_exchange(theirs.verify_data)
