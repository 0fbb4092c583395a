"""A session: what two sides have in common once KEY_EXCHANGE or PSK_EXCHANGE was answered.

What is said inside a session has its own measurements (L1/L2), large messages and pending
requests, as another connection would have, of which the negotiation is that of the connection
around it: `Session.context`. Source: libspdm `include/internal/libspdm_common_lib.h`
(`libspdm_session_info_t`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntFlag

from emulator.spdm.connection import Connection
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages.key_exchange import NOT_REQUESTED, MutualAuth
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.notices import Notices
from emulator.spdm.secured import Format, Sealer
from emulator.spdm.session_secrets import Secrets
from emulator.spdm.session_transcript import SessionTranscript
from emulator.spdm.transcript import View

MISSED = 2
"""A session ends when nothing came in it for so many heartbeat periods (libspdm
`library/spdm_responder_lib/libspdm_rsp_finish_rsp.c`, `libspdm_start_watchdog`)."""

_RESPONDER_HALF = 16


class Phase(IntFlag):
    """Where a request may come: outside of sessions, in the handshake of one, or after that."""

    CLEAR = 1
    HANDSHAKE = 2
    ESTABLISHED = 4


ANYWHERE = Phase.CLEAR | Phase.HANDSHAKE | Phase.ESTABLISHED
APPLICATION = Phase.CLEAR | Phase.ESTABLISHED
"""Outside of sessions, and inside of those whose handshake is over."""


def session_id(requester: int, responder: int) -> int:
    """The id of a session, of both sides' halves."""
    return responder << _RESPONDER_HALF | requester


def responder_half(session: int) -> int:
    """What the responder chose of a session's id."""
    return session >> _RESPONDER_HALF


@dataclass(slots=True, eq=False)
class Session:
    """One session.

    Attributes:
        id: its id, both halves.
        psk: it is of a pre-shared key.
        hint: the hint of that key.
        context: the state of the conversation inside of it.
        secrets: its secrets.
        transcript: its handshake.
        encrypted: its records are encrypted; otherwise they only authenticate.
        heartbeat: HeartbeatPeriod, seconds; 0: there is no heartbeat.
        outlasts_updates: it goes on after an update of what is measured (SessionPolicy, since 1.2).
        phase: HANDSHAKE or ESTABLISHED; CLEAR once it is over.
        deadline: when it ends unless something comes in it; None: never.
        updating: the operation of a KEY_UPDATE whose new key is not proven yet.
        notices: the events that wait to be told; None: it has subscribed to none.
        outdated: the record at hand came under the key before the last update.
        heirs: hear that it is over: what belongs to a session goes back by them.
        number: which of the connection's sessions it is, from 1.
        updates: how many new keys KEY_UPDATE has asked for.
        patience: after how many heartbeat periods without a request it ends; None: never.
        mutual: how the requester was told to authenticate itself; 0: it was not.
        requester_slot: the slot that it has to use; NO_SLOT: the provisioned key.
        requester_chain: its chain as SPDM carries it, once it is accepted; empty: none is.
        requester_digests: its DIGESTS, where several keys of its may be used.
    """

    id: int
    psk: bool
    context: Connection
    secrets: Secrets
    transcript: SessionTranscript
    encrypted: bool
    hint: bytes = b""
    heartbeat: int = 0
    outlasts_updates: bool = True
    phase: Phase = Phase.HANDSHAKE
    deadline: float | None = None
    updating: KeyOperation | None = None
    outdated: bool = False
    heirs: list[Callable[["Session"], None]] = field(default_factory=list)
    number: int = 0
    updates: int = 0
    patience: float | None = MISSED
    notices: Notices | None = None
    mutual: MutualAuth = NOT_REQUESTED
    requester_slot: int = 0
    requester_chain: bytes = b""
    requester_digests: View = ()
    _sealers: dict[str, Sealer] = field(default_factory=dict)

    @property
    def half(self) -> int:
        """What the responder chose of its id."""
        return responder_half(self.id)

    @property
    def live(self) -> bool:
        """Whether it is not over yet."""
        return self.phase is not Phase.CLEAR

    def sealer(self, form: Format) -> Sealer:
        """How its records are made for a transport."""
        if form.name not in self._sealers:
            self._sealers[form.name] = Sealer(self.id, form, self.encrypted)
        return self._sealers[form.name]

    def establish(self, transcript: SessionTranscript, th2: bytes, now: float) -> None:
        """The handshake is over: its transcript, TH2's hash, and the time."""
        self.transcript = transcript
        self.secrets.establish(th2)
        self.phase = Phase.ESTABLISHED
        self.heard(now)

    def heard(self, now: float) -> None:
        """Something came in it, which is as good as a heartbeat once it is established."""
        if self.heartbeat and self.phase is Phase.ESTABLISHED:
            lasts = self.patience
            self.deadline = None if lasts is None else now + lasts * self.heartbeat

    def update(self, operation: KeyOperation) -> None:
        """Take the new keys that KEY_UPDATE asked for; the requester's is not proven yet.

        The responder's is in force at once: the reply to the request is already under it.
        """
        self.secrets.update(Direction.REQUEST)
        if operation is KeyOperation.UPDATE_ALL_KEYS:
            self.secrets.update(Direction.RESPONSE)
            self.secrets.confirm(Direction.RESPONSE)
        self.updating = operation
        self.updates += 1

    def update_own(self) -> None:
        """Take the responder's new key, as it asked for; it is in force at once."""
        self.secrets.update(Direction.RESPONSE)
        self.secrets.confirm(Direction.RESPONSE)

    @property
    def records_sent(self) -> int:
        """How many records the responder's key has sealed."""
        return self.secrets.traffic(Direction.RESPONSE).sequence

    def accept_requester(self, chain: bytes, digests: View = ()) -> None:
        """The requester's chain is accepted; `digests`: the message that told of it."""
        self.requester_chain, self.requester_digests = chain, digests

    def verified(self) -> None:
        """The requester has proven its new key."""
        self.secrets.confirm(Direction.REQUEST)
        self.updating = None

    def end(self) -> None:
        """It is over, whatever ended it: its secrets are wiped."""
        if not self.live:
            return
        self.phase, self.deadline = Phase.CLEAR, None
        self.secrets.wipe()
        heirs, self.heirs = self.heirs, []
        for heir in heirs:
            heir(self)
