"""What a device offers for sessions, and the sessions it has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.spdm.messages.events import EventType
from emulator.spdm.questions import EndpointInfoQuestion, NewKeyQuestion, Question
from emulator.spdm.secured import SEQUENCE_LIMIT
from emulator.spdm.secured_versions import ALL, SecuredVersion
from emulator.spdm.session import Phase, Session

KeyLog = Callable[[str, bytes, bytes], None]
"""Hears of the secrets of sessions: label, session and secret, as a line of a key log has them."""


def _nobody(label: str, session: bytes, secret: bytes) -> None:
    del label, session, secret


@dataclass
class Sessions:
    """Sessions of all connections together: it is the device that has room for so many.

    Attributes:
        limit: the most sessions at once.
        heartbeat: HeartbeatPeriod, seconds; 0: none.
        versions: the versions of secured messages it knows.
        keys: its pre-shared keys by their hints; that of the empty hint serves who gives none.
        sequence_limit: the first sequence number that no record may have.
        key_update_after: after so many records under one key the device asks for a new one, at
            the next chance it is given; 0: never by itself.
        doctor: what does not verify is looked into, to name the requester's mistake.
        event_limit: the most events that wait in a session; of more, EventLost tells.
        live: the sessions there are.
        key_log: hears of their secrets.
    """

    limit: int = 4
    heartbeat: int = 0
    versions: tuple[SecuredVersion, ...] = ALL
    keys: Mapping[bytes, bytes] = field(default_factory=dict)
    sequence_limit: int = SEQUENCE_LIMIT
    key_update_after: int = 0
    doctor: bool = True
    event_limit: int = 16
    live: set[Session] = field(default_factory=set)
    key_log: KeyLog = _nobody

    @property
    def full(self) -> bool:
        """Whether there is no room for another."""
        return len(self.live) >= self.limit

    def add(self, session: Session) -> None:
        """There is one more, until it is over."""
        self.live.add(session)
        session.heirs.append(self.live.discard)

    def tell(self, kind: EventType, detail: bytes) -> None:
        """An event, to each session that has subscribed to it."""
        for session in self.live:
            if session.notices is not None:
                session.notices.add(kind, detail)

    def ask_new_keys(self) -> int:
        """Ask, in each established session, for a new key of the device's; how many they are."""
        return self._ask(NewKeyQuestion())

    def ask_endpoint_info(self) -> int:
        """Ask, in each established session, what the requester is; how many they are."""
        return self._ask(EndpointInfoQuestion())

    def _ask(self, question: Question) -> int:
        established = [one for one in self.live if one.phase is Phase.ESTABLISHED]
        for session in established:
            session.context.asking = session.context.asking.also(question)
        return len(established)

    def end_all(self) -> None:
        """The device is reset."""
        for session in tuple(self.live):
            session.end()

    def end_at_update(self) -> None:
        """What is measured has changed: the sessions end whose requesters asked for that."""
        for session in tuple(self.live):
            if not session.outlasts_updates:
                session.end()
