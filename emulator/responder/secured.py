"""A connection's sessions: records in, and the records that answer them.

What is inside a record is answered as anything else is, by a responder of the state inside its
session. A reply is sealed before its effects are committed, so that FINISH_RSP and END_SESSION_ACK
travel under the keys that they are the end of. Source: libspdm
`library/spdm_responder_lib/libspdm_rsp_receive_send.c`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from emulator.errors import DecryptError, NoSession
from emulator.responder import dispatcher
from emulator.responder.reply import Reply
from emulator.responder.responder import Responder
from emulator.spdm.connection import Connection
from emulator.spdm.doctor import Case, FirstRecord, UnprovenError
from emulator.spdm.key_schedule import Direction
from emulator.spdm.sealing import Sealing
from emulator.spdm.secured import LARGEST, Format, Sealer
from emulator.spdm.session import Phase, Session
from emulator.spdm.transcript import Part, resets
from emulator.spdm.work import Path

_ID_SIZE = 4


@dataclass(frozen=True, slots=True)
class Opened:
    """A record that came.

    Attributes:
        session: its session.
        message: what was in it.
        error: why it could not be opened, or None.
    """

    session: Session
    message: bytes = b""
    error: DecryptError | None = None


def open_record(connection: Connection, form: Format, record: bytes, now: float) -> Opened:
    """Open a record. Raises NoSession where nothing can answer it.

    A key that is not proven yet may not have reached the requester: the one before it serves, too.
    """
    number = int.from_bytes(record[:_ID_SIZE], "little")
    session = connection.sessions.get(number) if len(record) >= _ID_SIZE else None
    if session is None or not session.live:
        raise NoSession(f"a record of session {number:08x}, and there is none")
    if session.deadline is not None and now >= session.deadline:
        connection.end(session)
        raise NoSession(f"a record of session {number:08x}, whose heartbeat was missed")
    sealer, secrets = session.sealer(form), session.secrets
    session.outdated = False
    try:
        inner = sealer.open(secrets.traffic(Direction.REQUEST), record)
    except DecryptError as error:
        if not secrets.revert(Direction.REQUEST):
            return Opened(session, error=_unopened(session, sealer, record, error))
        try:
            inner = sealer.open(secrets.traffic(Direction.REQUEST), record)
        except DecryptError:
            return Opened(session, error=error)
        secrets.update(Direction.REQUEST)
        session.outdated = True
    if secrets.kept and session.phase is Phase.ESTABLISHED:
        secrets.forget()
    message = form.message(inner)
    if message is None:
        raise NoSession(f"session {number:08x} carries something else than SPDM")
    return Opened(session, message)


def _unopened(session: Session, sealer: Sealer, record: bytes, error: DecryptError) -> DecryptError:
    """The error of a record; that of the first under a key is one for the doctor."""
    if not session.secrets.kept or session.secrets.traffic(Direction.REQUEST).sequence:
        return error
    stage: Literal["hs", "app"] = "hs" if session.phase is Phase.HANDSHAKE else "app"
    evidence = FirstRecord(record, sealer.form, sealer.encrypted, stage)
    return UnprovenError(error.reason, Case(session, evidence, session.transcript.view))


class SessionResponder(Responder):
    """A responder that has sessions."""

    def open(self, record: bytes, *, form: Format, now: float) -> Opened:
        """Open a record. Raises NoSession where nothing can answer it."""
        self._lose()
        return open_record(self.connection, form, record, now)

    def respond_inside(
        self,
        opened: Opened,
        *,
        form: Format,
        largest: int | None = None,
        now: float = 0.0,
        transport: str = "",
    ) -> Reply | Path[Reply]:
        """Answer what was in a record, as `respond` does; the reply is to be sealed.

        `form`: how the transport writes records; `largest` and the others as there.
        """
        session = opened.session
        inner = Responder(
            self._device,
            self._entropy,
            number=self._number,
            vendors=self._vendors,
            stages=self._stages,
            session=session,
        )
        inner.ordinal = self.ordinal
        sealer = session.sealer(form)
        if opened.error is not None:
            return self._sealed_by(sealer, inner, opened, inner.refuse(opened.error), now)
        room = min(self._device.sizes.transmit, LARGEST if largest is None else largest, LARGEST)
        room -= sealer.overhead() + len(form.enclose(b""))
        answer = inner.respond(opened.message, largest=room, now=now, transport=transport)
        if isinstance(answer, Reply):
            return self._sealed_by(sealer, inner, opened, answer, now)
        return self._later_sealed_by(sealer, inner, opened, answer, now)

    def deadline(self) -> float | None:
        """When the next session ends unless something comes in it, or None."""
        if not self.connection.sessions:
            return None
        waiting = [
            session.deadline
            for session in self.connection.sessions.values()
            if session.deadline is not None
        ]
        return min(waiting, default=None)

    def expire(self, now: float) -> list[Session]:
        """End the sessions whose heartbeat was missed, and name them."""
        missed = [
            session
            for session in self.connection.sessions.values()
            if session.deadline is not None and now >= session.deadline
        ]
        for session in missed:
            self.connection.end(session)
        return missed

    def _later_sealed_by(
        self, sealer: Sealer, inner: Responder, opened: Opened, path: Path[Reply], now: float
    ) -> Path[Reply]:
        return self._sealed_by(sealer, inner, opened, (yield from path), now)

    def _sealed_by(
        self, sealer: Sealer, inner: Responder, opened: Opened, reply: Reply, now: float
    ) -> Reply:
        """The reply that goes back in the session."""
        session, commit = opened.session, reply.commit

        def settle() -> None:
            commit()
            self.ordinal = inner.ordinal
            connection = self.connection
            row = dispatcher.row_of(opened.message)
            if reply.error is None and row is not None:
                # What is given up outside, too; L1/L2 of both sides of the border are apart.
                given_up = resets(row.code, connection.state)
                connection.transcript.reset(part for part in given_up if part is not Part.M)
            if opened.error is not None:
                connection.end(session)
            session.heard(now)

        reply.commit = settle
        reply.seal = partial(self._seal_record, sealer, session, reply)
        reply.session = session.id
        return reply

    def _seal_record(
        self, sealer: Sealer, session: Session, reply: Reply, message: bytes
    ) -> bytes | None:
        """The record of a reply; None where the session is over, or has no number left for it."""
        if not session.live:
            return None
        traffic = session.secrets.traffic(Direction.RESPONSE)
        if traffic.exhausted:
            self.connection.end(session)
            return None
        inner = sealer.form.enclose(message)
        at, stages = reply.at, self._stages
        if stages is None or at is None:
            return sealer.seal(traffic, inner, self._entropy)
        sealing = stages.plaintext(at, Sealing(session, sealer, traffic, message, inner))
        record, reply.secured = stages.record(at, sealing, self._entropy)
        return record

    def astray(self, reply: Reply, form: Format | None, message: bytes) -> bytes | None:
        """The record that a fault puts a reply in the clear into; None: it stays in the clear."""
        if reply.at is None or form is None or self._stages is None:
            return None
        session = self._stages.astray(reply.at)
        if session is None:
            return None
        return self._seal_record(session.sealer(form), session, reply, message)

    def unknown(self, record: bytes) -> bytes | None:
        """What a fault answers a record of no session with, in the clear; None: nothing."""
        return None if self._stages is None else self._stages.unknown(record)

    def _lose(self) -> None:
        """Forget sessions, too, where a fault says so."""
        super()._lose()
        stages = self._stages
        if stages is None or not stages.forgotten:
            return
        for session in stages.forgotten:
            session.end()
        stages.forgotten = ()
        for session in tuple(self.connection.sessions.values()):
            if not session.live:
                self.connection.end(session)
