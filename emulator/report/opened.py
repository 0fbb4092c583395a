"""Reading the secured messages of a recorded conversation, with the secrets of a key log.

Sessions are known by the exchanges that open them. A direction goes from the handshake's key to the
data's, and on to the next with each KEY_UPDATE; when, is found by trying: a record that does not
open under the key in use may be the first one under the key that follows.
"""

from collections.abc import Iterator
from dataclasses import replace

from emulator.crypto.aead import Aead
from emulator.errors import DecryptError
from emulator.report.shapes import Shapes
from emulator.spdm.algorithms import AEADS, HASHES, AlgType, by_bit
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_schedule import Direction, KeySchedule
from emulator.spdm.keylog import KeyLog, identifier
from emulator.spdm.messages import KeyExchange, KeyExchangeRsp, PskExchange, PskExchangeRsp
from emulator.spdm.secured import Format, Sealer, Traffic
from emulator.spdm.session_secrets import LABELS
from emulator.wire import Message

_ID_SIZE = 4


class _Session:
    """The keys of one session, as far as they are known."""

    def __init__(
        self, schedule: KeySchedule, aead: str, logged: dict[str, bytes], *, encrypted: bool
    ) -> None:
        self._schedule = schedule
        self._aead = aead
        self._logged = logged
        self._encrypted = encrypted
        self._now: dict[Direction, tuple[bytes, Traffic]] = {}

    def open(self, session: int, way: Direction, record: bytes, form: Format) -> bytes:
        """The application message of a record. Raises DecryptError."""
        sealer = Sealer(session, form, self._encrypted)
        reason = DecryptError("its secrets are not in the key log")
        for secret, traffic in self._candidates(way):
            try:
                inner = sealer.open(traffic, record)
            except DecryptError as error:
                # Of several reasons, the one of the key in use is told.
                reason = error if way not in self._now or secret == self._now[way][0] else reason
                continue
            self._now[way] = secret, traffic
            return inner
        raise reason

    def _candidates(self, way: Direction) -> Iterator[tuple[bytes, Traffic]]:
        """The key in use, then those that may follow it, and for the first record all there are."""
        logged = [self._logged.get(LABELS[stage, way]) for stage in ("hs", "app")]
        handshake, data = logged
        if way not in self._now:
            yield from (self._fresh(secret) for secret in (handshake, data) if secret)
            return
        secret, traffic = self._now[way]
        yield secret, replace(traffic)
        if secret == handshake:
            if data:
                yield self._fresh(data)
        else:
            yield self._fresh(bytes(self._schedule.updated(secret)))

    def _fresh(self, secret: bytes) -> tuple[bytes, Traffic]:
        key, iv = self._schedule.traffic(secret, self._aead)
        return secret, Traffic(Aead(self._aead, key), iv)


class Opener:
    """The sessions of one conversation, by their ids."""

    def __init__(self, keylog: KeyLog) -> None:
        self._keylog = keylog
        self._asked: KeyExchange | PskExchange | None = None
        self._sessions: dict[int, _Session] = {}

    def learn(self, message: Message, shapes: Shapes) -> None:
        """Take a message that was read; an exchange's reply opens a session."""
        if isinstance(message, KeyExchange | PskExchange):
            self._asked = message
        if isinstance(message, KeyExchangeRsp | PskExchangeRsp) and self._asked is not None:
            made = self._session(self._asked, shapes)
            if made is not None:
                self._sessions[message.session_id << 16 | self._asked.session_id] = made

    def _session(self, asked: KeyExchange | PskExchange, shapes: Shapes) -> _Session | None:
        """The session that `asked` opens; None where its algorithms are not known."""
        agreed = shapes.algorithms
        if agreed is None:
            return None
        try:
            hash_name = by_bit(HASHES, agreed.base_hash).name
            aead = by_bit(AEADS, shapes.structure(AlgType.AEAD))
        except KeyError:
            return None
        if not aead.offered:
            return None
        logged = dict(self._keylog.get(identifier(asked), {}))
        encrypted = Cap.ENCRYPT in shapes.requester & shapes.responder
        schedule = KeySchedule(agreed.version, hash_name)
        return _Session(schedule, aead.name, logged, encrypted=encrypted)

    def open(self, way: Direction, record: bytes, form: Format) -> tuple[int, bytes]:
        """The session id and the application message of a record. Raises DecryptError."""
        session = int.from_bytes(record[:_ID_SIZE], "little")
        found = self._sessions.get(session)
        if found is None:
            raise DecryptError(f"session {session:08x} was not opened in this recording")
        return session, found.open(session, way, record, form)
