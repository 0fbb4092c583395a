"""The state of one connection, the same for both roles."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from emulator.spdm.agreement import Agreement
from emulator.spdm.capabilities import NONE, Cap
from emulator.spdm.chain import CertificateChain
from emulator.spdm.chunking import Incoming, Outgoing
from emulator.spdm.negotiation import Negotiated
from emulator.spdm.pending import Pending
from emulator.spdm.questions import IDLE, Asking
from emulator.spdm.state import State
from emulator.spdm.transcript import Part, Transcript
from emulator.spdm.versions import rules
from emulator.wire import Shape

if TYPE_CHECKING:
    from emulator.spdm.session import Session


class Loss(Enum):
    """How a side forgets what was agreed.

    QUIET: as one that was just switched on. RESYNCH: it knows that it forgot, and answers every
    request but GET_VERSION with ERROR RequestResynch, in the version agreed before (libspdm
    `library/spdm_responder_lib/libspdm_rsp_handle_response_state.c`,
    LIBSPDM_RESPONSE_STATE_NEED_RESYNC).
    """

    QUIET = "quiet"
    RESYNCH = "resynch"


@dataclass(slots=True)
class Connection:
    """What was agreed with one peer since its last GET_VERSION.

    Handlers read it; only the commit point changes it, after the reply was made.

    Attributes:
        state: where the connection stands.
        version: the negotiated SPDMVersion, 0 before GET_CAPABILITIES chose one.
        local_capabilities: our own flags as sent, masked for the version.
        peer_capabilities: the peer's flags, masked for the version.
        peer_ct_exponent: the peer's CTExponent.
        peer_data_transfer_size: the largest message it takes in one piece, bytes; 0 unknown.
        peer_max_message: its MaxSPDMmsgSize, bytes; 0 unknown.
        algorithms: what was negotiated.
        transcript: the messages signatures will cover.
        outgoing: the large response that is being fetched.
        incoming: the large request that is coming.
        handle: the handle of the next large response.
        pending: the request whose reply was not ready.
        token: the token of the next one.
        measured: the device's measurement generation when part M was begun, or None.
        certified: the generation whose alias certificates this connection was shown, or None.
        seen: the chains it was shown, by slot, where the device goes on by these.
        resynch: what was agreed is lost, and only GET_VERSION leads on.
        asking: what the device asks of the requester.
        turned: it is what encapsulated requests are asked on, of which the roles are turned round.
        requester_chains: the requester's chains that were accepted, by slot, as SPDM carries them.
        sessions: the sessions there are, by id.
        latest: the id of the session that was opened last, which may be over; 0: none was.
        opened: how many sessions were.
    """

    state: State = State.NOT_STARTED
    version: int = 0
    local_capabilities: Cap = NONE
    peer_capabilities: Cap = NONE
    peer_ct_exponent: int = 0
    peer_data_transfer_size: int = 0
    peer_max_message: int = 0
    algorithms: Negotiated = field(default_factory=Negotiated)
    transcript: Transcript = field(default_factory=Transcript)
    outgoing: Outgoing | None = None
    incoming: Incoming | None = None
    handle: int = 0
    pending: Pending | None = None
    token: int = 0
    measured: int | None = None
    certified: int | None = None
    seen: dict[int, CertificateChain] = field(default_factory=dict)
    resynch: bool = False
    asking: Asking = IDLE
    turned: bool = False
    requester_chains: Mapping[int, bytes] = field(default_factory=dict)
    sessions: "dict[int, Session]" = field(default_factory=dict)
    latest: int = 0
    opened: int = 0

    def restart(self) -> None:
        """Forget everything, as GET_VERSION asks; sessions end."""
        self.end_sessions()
        fresh = Connection()
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def lose(self, loss: Loss) -> None:
        """Forget everything unasked, as a side that was reset does."""
        agreed, version = self.state > State.NOT_STARTED, self.version
        self.restart()
        if loss is Loss.RESYNCH and agreed:
            self.resynch, self.version = True, version

    def open(self, session: "Session") -> None:
        """There is a new session."""
        self.sessions[session.id] = session
        self.latest = session.id
        self.opened += 1
        session.number = self.opened

    def end(self, session: "Session") -> None:
        """A session is over."""
        session.end()
        self.sessions.pop(session.id, None)

    def end_sessions(self) -> None:
        """All sessions are over."""
        for session in tuple(self.sessions.values()):
            self.end(session)

    def inside(self) -> "Connection":
        """The state inside a new session: what was agreed, and nothing said yet."""
        context = copy(self)
        context.transcript = Transcript()
        context.transcript.append(Part.A, self.transcript.part(Part.A))
        context.outgoing = context.incoming = context.pending = context.measured = None
        context.asking = IDLE
        return context

    def change(self, changes: Mapping[str, object]) -> None:
        """Give attributes new values."""
        for name, value in changes.items():
            setattr(self, name, value)

    def agreement(self) -> Agreement:
        """What was negotiated, for another connection to take up."""
        agreed = {name: getattr(self, name) for name in _AGREED}
        return Agreement(**agreed, negotiation=self.transcript.part(Part.A))

    def assume(self, agreement: Agreement) -> None:
        """Go on as if `agreement` had been negotiated here."""
        for name in _AGREED:
            setattr(self, name, getattr(agreement, name))
        if rules(agreement.version).cached_negotiation:
            self.transcript.append(Part.A, agreement.negotiation)
        self.state = State.NEGOTIATED

    def both(self, flags: Cap) -> bool:
        """Whether both sides have one of these capabilities."""
        # Plain integers: flag arithmetic of enum is a microsecond each.
        return bool(int(self.local_capabilities) & int(self.peer_capabilities) & int(flags))

    def turn(self) -> "Connection":
        """The connection with the roles turned round, for encapsulated requests.

        Nothing was said on it after the negotiation, and the algorithm agreed for requesters'
        signatures is that of all signatures. Up to 1.1 what requesters sign in a challenge begins
        after the negotiation (libspdm `library/spdm_common_lib/libspdm_com_crypto_service.c`,
        `libspdm_calculate_m1m2`).
        """
        agreed = self.algorithms
        other = Connection(
            state=State.NEGOTIATED,
            version=self.version,
            local_capabilities=self.local_capabilities,
            peer_capabilities=self.peer_capabilities,
            peer_data_transfer_size=self.peer_data_transfer_size,
            peer_max_message=self.peer_max_message,
            algorithms=replace(
                agreed,
                asym=agreed.req_asym,
                multi_key=agreed.requester_keys,
                requester_keys=agreed.multi_key,
            ),
            turned=True,
        )
        if rules(self.version).vca_in_l1l2:
            other.transcript.append(Part.A, self.transcript.part(Part.A))
        return other

    def apart(self) -> "Connection":
        """A copy with a transcript of its own, to go on with while it may not stand."""
        other = copy(self)
        other.transcript = Transcript()
        for part in Part:
            other.transcript.append(part, self.transcript.part(part))
        return other

    def shape(
        self,
        *,
        signature: bool = False,
        summary: bool = False,
        verify: bool = False,
        by_requester: bool = False,
    ) -> Shape:
        """The shape of a message on this connection.

        Args:
            signature: the message carries a signature.
            summary: it carries a measurement summary hash.
            verify: it carries verify data, as the requests of a handshake do.
            by_requester: a signature in it is the requester's.
        """
        algorithms = self.algorithms
        hash_size = algorithms.hash.size if algorithms.hash else 0
        asym = algorithms.req_asym if by_requester else algorithms.asym
        return _shape(
            self.version,
            hash_size,
            asym.size if asym and (signature or by_requester) else 0,
            hash_size if summary else 0,
            algorithms.dhe.size if algorithms.dhe else 0,
            hash_size if verify else 0,
            int(algorithms.multi_key),
        )


_AGREED = tuple(one.name for one in fields(Agreement) if one.name != "negotiation")


@lru_cache(maxsize=256)
def _shape(
    version: int,
    hash_size: int,
    signature: int,
    summary: int,
    exchange: int,
    verify: int,
    multi_key: int,
) -> Shape:
    """One object for equal shapes, so that finding a codec is a look at its identity."""
    return Shape(version, hash_size, signature, summary, exchange, verify, multi_key)
