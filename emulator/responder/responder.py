"""From a request's bytes to a reply's, through the stages; nothing changes before `commit`.

Most replies are made at once. Where slow work is needed first, there is a path to the reply
(`emulator/spdm/work.py`) instead; a path for each reply would cost it two microseconds.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import cast

from emulator.answer import ready
from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import Row
from emulator.device import Device
from emulator.entropy import Entropy
from emulator.errors import (
    InvalidRequest,
    RequestResynch,
    SpdmError,
    UnexpectedRequest,
    Unspecified,
    WireError,
)
from emulator.responder import dispatcher
from emulator.responder.record import apply, check_room, to_sign
from emulator.responder.reply import Asked, Reply, agreed, is_large
from emulator.spdm.chunking import HANDLES, Outgoing
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.connection import Connection
from emulator.spdm.key_schedule import KeySchedule
from emulator.spdm.messages import ChunkSendAck, Error
from emulator.spdm.pending import MAY_WAIT, TOKENS, Pending, Readiness
from emulator.spdm.session import Session
from emulator.spdm.stages import Situation, Stages
from emulator.spdm.state import State
from emulator.spdm.transcript import Entry, Part
from emulator.spdm.work import Path, Work
from emulator.vendor import Registry
from emulator.vendor.builtin import protocols_of
from emulator.wire import Message, Shape, encode


class Responder:
    """One connection's protocol: requests in, replies out."""

    def __init__(
        self,
        device: Device,
        entropy: Entropy,
        *,
        number: int = 1,
        vendors: Registry | None = None,
        stages: Stages | None = None,
        session: Session | None = None,
    ) -> None:
        """Attach to `device`, drawing from `entropy`; `number` is the connection's number.

        With `session` it answers what comes inside of that. Without `vendors` it speaks the
        vendor-defined protocols of this package that the device has.
        """
        self.connection = Connection() if session is None else session.context
        self.ordinal = 0
        self._session = session
        self._device = device
        self._entropy = entropy
        self._number = number
        self._vendors = protocols_of(device) if vendors is None else vendors
        self._stages = stages
        self._resets = device.resets
        self._now = 0.0
        self._transport = ""

    def rearm(self, stages: Stages | None) -> None:
        """Let `stages` reach into the replies to come; None: nothing does."""
        self._stages = stages

    def _situation(self, raw: bytes) -> Situation | None:
        """What the stages may look at while `raw` is answered; None where it is not theirs."""
        if self._stages is None:
            return None
        at = Situation(
            self.connection,
            self._number,
            self.ordinal,
            raw,
            self._now,
            self._transport,
            session=self._session,
        )
        return at if self._stages.concerns(at) else None

    def respond(
        self,
        raw: bytes,
        *,
        slack: int = 0,
        largest: int | None = None,
        now: float = 0.0,
        transport: str = "",
    ) -> Reply | Path[Reply]:
        """Answer a request. Whatever its bytes are, there is a reply; nothing is raised.

        Where there is a path to it, the next request comes after its end, or once it was closed.

        Args:
            raw: the request, and what its transport put behind it.
            slack: up to how many bytes that may be.
            largest: the largest message the transport can carry back; None: any.
            now: when it came, in seconds of any clock that goes on steadily.
            transport: the name of the binding it came by, for the stages.
        """
        self._now, self._transport = now, transport
        if self._resets != self._device.resets or self._stages is not None:
            self._lose()
        at = None if self._stages is None else self._situation(raw)
        if self._stages is not None and at is not None:
            early = self._stages.request(at)
            if early is not None:
                data = self._stages.signed(at, early)
                return Reply(data, self._refused(raw, data), at=at)
            at = at if self._stages.goes_on(at) else None
        answer = self._answer(Asked(raw, slack, largest, now), at)
        if not isinstance(answer, Reply):
            return self._later(answer, at)
        return self._sized(answer, at) if at is not None or answer.large else answer

    def _later(self, path: Path[Reply], at: Situation | None) -> Path[Reply]:
        return self._sized((yield from path), at)

    def _sized(self, reply: Reply, at: Situation | None) -> Reply:
        """The reply as it goes out: one that is too large for one piece goes out in chunks."""
        reply.at = reply.at or at
        return self._in_chunks(reply) if reply.large else reply

    def _lose(self) -> None:
        """Forget the connection's state where the device was reset, or a fault says so."""
        device, stages = self._device, self._stages
        if self._resets != device.resets:
            self._resets = device.resets
            self.connection.lose(device.loss)
        if stages is not None and stages.lost is not None:
            self.connection.lose(stages.lost)
            stages.lost = None

    def _check_reset(self, before: int) -> None:
        """Raise where the device was reset while it computed, `before` being its resets until then.

        Whatever was computed belongs to what it has forgotten: the request is answered as one that
        comes after the reset, and nothing of it is committed.
        """
        if before == self._device.resets:
            return
        self._lose()
        if self.connection.resynch:
            raise RequestResynch("the device was reset while it computed; GET_VERSION begins anew")
        raise UnexpectedRequest("the device was reset while it computed")

    def _answer(self, asked: Asked, situation: Situation | None) -> Reply | Path[Reply]:
        """The reply in one piece, however large."""
        raw, slack = asked.raw, asked.slack
        connection, device, stages = self.connection, self._device, self._stages
        if connection.state <= State.AFTER_VERSION and not connection.resynch:
            dispatcher.take_up(device, connection, raw)
        try:
            row = dispatcher.find(
                device, connection, raw, slack=slack, whole=asked.whole, session=self._session
            )
            request, size = dispatcher.read(row, connection, raw, slack=slack)
            exchange = Exchange(
                device,
                connection,
                self._entropy,
                self._vendors,
                row.code,
                size,
                asked.largest,
                asked.now,
                None if stages is None or situation is None else partial(stages.chain, situation),
                raw,
                self._session,
            )
            handled = row.handler(exchange, request)
            if isinstance(handled, Outcome):
                answer = self._settle(row, exchange, handled, asked, situation)
            else:
                answer = self._once_handled(handled, row, exchange, asked, situation)
        except (SpdmError, WireError) as error:
            return self.refuse(error, raw, situation)
        return answer if isinstance(answer, Reply) else self._refusing(answer, raw, situation)

    def _refusing(self, path: Path[Reply], raw: bytes, at: Situation | None) -> Path[Reply]:
        """The reply a path comes to, or the ERROR where it raises."""
        try:
            return (yield from path)
        except (SpdmError, WireError) as error:
            return self.refuse(error, raw, at)

    def _once_handled(
        self,
        handled: Path[Outcome],
        row: Row,
        exchange: Exchange,
        asked: Asked,
        at: Situation | None,
    ) -> Path[Reply]:
        """The reply to a request that was slow to handle."""
        before = self._device.resets
        outcome = yield from handled
        self._check_reset(before)
        answer = self._settle(row, exchange, outcome, asked, at)
        return answer if isinstance(answer, Reply) else (yield from answer)

    def _settle(
        self, row: Row, exchange: Exchange, outcome: Outcome, asked: Asked, at: Situation | None
    ) -> Reply | Path[Reply]:
        """The reply itself, or that it is not ready. Raises as `_seal` does."""
        if at is not None or self._device.timing.not_ready is not None:
            policy = self._not_ready(row, outcome, asked, at)
            if policy is not None:
                return self._suspend(policy, row, asked, at)
        return self._seal(row, exchange, outcome, asked.raw, at)

    def _not_ready(
        self, row: Row, outcome: Outcome, asked: Asked, at: Situation | None
    ) -> Readiness | None:
        """How a request is made to wait; None where it is answered at once."""
        if asked.again or row.code not in MAY_WAIT:
            return None
        policy = self._device.timing.not_ready
        if self._stages is not None and at is not None:
            policy = self._stages.ready(at, policy)
        if policy is None:
            return None
        return policy if policy.covers(row.code, signed=outcome.signing is not None) else None

    def _suspend(self, policy: Readiness, row: Row, asked: Asked, at: Situation | None) -> Reply:
        """ERROR ResponseNotReady; RESPOND_IF_READY fetches the reply itself."""
        connection = self.connection
        token = connection.token
        pending = ready.suspend(
            policy, asked.raw, code=row.code, slack=asked.slack, token=token, now=asked.now
        )
        refused = self.refuse(ready.not_ready(pending), asked.raw, at)

        def commit() -> None:
            refused.commit()
            connection.pending = pending
            connection.token = (token + 1) % TOKENS

        return Reply(refused.data, commit, refused.error)

    def _resume(self, pending: Pending, exchange: Exchange) -> Path[Reply]:
        """The answer to a request that was put aside; whatever it is, the request is done with."""
        connection, raw = self.connection, pending.request
        at = self._situation(raw)
        asked = Asked(raw, pending.slack, exchange.largest, exchange.now, again=True)
        made = self._answer(asked, at)
        answer = made if isinstance(made, Reply) else (yield from made)

        def commit() -> None:
            answer.commit()
            connection.pending = None

        return Reply(answer.data, commit, answer.error, answer.large, at)

    def _in_chunks(self, reply: Reply) -> Reply:
        """ERROR LargeResponse in its place; CHUNK_GET fetches the reply itself."""
        connection, message, handle = self.connection, reply.data or b"", self.connection.handle
        # CAPABILITIES only bring about the connection's own; a fault may leave no bytes at all.
        version = message[0] if message else self.connection.version
        error = Error(
            version=version, error_code=ErrorCode.LARGE_RESPONSE, extended=bytes((handle,))
        )

        def commit() -> None:
            reply.commit()
            connection.outgoing = Outgoing(handle, message)
            connection.handle = (handle + 1) % HANDLES

        return Reply(encode(error, Shape(version)), commit, reply.error, at=reply.at)

    def _acknowledge(
        self, row: Row, exchange: Exchange, outcome: Outcome, carried_at: Situation | None
    ) -> Path[Reply]:
        """The acknowledgement of a large request's last chunk, with the answer to all of it.

        A large answer goes out in chunks by itself (libspdm `libspdm_rsp_receive_send.c`): there is
        no chunking within chunking.
        """
        request = outcome.whole or b""
        at = self._situation(request)
        if request[1] in {Code.CHUNK_SEND, Code.CHUNK_GET}:
            inner = self.refuse(InvalidRequest("a chunk inside a large request"), request, at)
        else:
            asked = Asked(request, 0, exchange.largest, exchange.now, whole=True)
            before = self._device.resets
            made = self._answer(asked, at)
            inner = made if isinstance(made, Reply) else (yield from made)
            self._check_reset(before)
        acknowledged = self._commit(row, outcome, (), None)

        def commit() -> None:
            acknowledged()
            inner.commit()

        answer = inner.data or b""
        acknowledgement: Message = cast("ChunkSendAck", outcome.reply)
        if len(encode(acknowledgement, outcome.shape)) + len(answer) > exchange.reply_limit:
            return Reply(answer, commit, inner.error, large=True)
        if self._stages is not None and carried_at is not None:
            acknowledgement = self._stages.message(carried_at, acknowledgement)
        return Reply(encode(acknowledgement, outcome.shape) + answer, commit, inner.error)

    def _refused(self, raw: bytes, reply: bytes) -> Callable[[], None]:
        """The commit of a reply that answers nothing: only what an ERROR empties is emptied.

        The requester does the same when it reads an ERROR, but for ResponseNotReady, whose reply is
        still to come (libspdm `library/spdm_requester_lib/libspdm_req_get_measurements.c`).
        """
        row = dispatcher.row_of(raw)
        is_error = reply[1:2] == bytes((Code.ERROR,))
        not_ready = reply[2:3] == bytes((ErrorCode.RESPONSE_NOT_READY,))
        empties = row.on_error if row is not None and is_error and not not_ready else ()

        def commit() -> None:
            self.ordinal += 1
            if empties:
                self.connection.transcript.reset(empties)
                self.connection.measured = None

        return commit

    def _seal(
        self, row: Row, exchange: Exchange, outcome: Outcome, raw: bytes, at: Situation | None
    ) -> Reply | Path[Reply]:
        """Encode and sign the reply. Raises SpdmError where it cannot be sent."""
        reply = outcome.reply
        if outcome.resumes is not None:
            return self._resume(outcome.resumes, exchange)
        if reply is None:
            return Reply(None, self._commit(row, outcome, (), at), outcome.refused)
        if outcome.whole is not None:
            return self._acknowledge(row, exchange, outcome, at)
        if self._stages is not None and at is not None:
            reply = self._stages.message(at, reply)
        unsigned = encode(reply, outcome.shape, trailer=False)
        entries = (Entry(raw[: exchange.size]), Entry(unsigned))
        signing = outcome.signing
        if signing is None:
            return self._sealed(row, exchange, outcome, entries, b"", at)
        signed = to_sign(self.connection, signing, outcome.shape.version, entries)
        key = signing.key
        if self._stages is not None and at is not None:
            signed, key = self._stages.sign(at, signed, key)
        if key.slow:
            work = Work(f"the {key.scheme} signature", partial(key.sign, signed))
            return self._once_signed(work, row, exchange, outcome, entries, at)
        return self._sealed(row, exchange, outcome, entries, key.sign(signed), at)

    def _once_signed(
        self,
        work: Work,
        row: Row,
        exchange: Exchange,
        outcome: Outcome,
        entries: tuple[Entry, ...],
        at: Situation | None,
    ) -> Path[Reply]:
        """The reply, once `work` has made the signature."""
        before = self._device.resets
        signature = yield work
        self._check_reset(before)
        return self._sealed(row, exchange, outcome, entries, signature, at)

    def _sealed(
        self,
        row: Row,
        exchange: Exchange,
        outcome: Outcome,
        entries: tuple[Entry, ...],
        signature: bytes,
        at: Situation | None,
    ) -> Reply:
        """The reply with its signature, if it has one. Raises SpdmError where it cannot be sent."""
        data = entries[-1].raw + signature
        plain = None if at is None else self._bend(outcome.session, at)
        if outcome.closing is not None:
            data += outcome.closing(entries[0].raw, entries[1].raw, signature)
        # GET_CAPABILITIES itself tells how large its reply may be.
        if row.code == Code.GET_CAPABILITIES:
            exchange = agreed(exchange, outcome.changes)
        large = is_large(data, exchange, outcome.shape)
        if self._session is not None and outcome.record is not Part.M:
            # What is shown in a session is covered by no signature outside.
            outcome.record = outcome.first = None
        if outcome.record is not None:
            most = self._device.limits.transcript
            check_room(self.connection, row.code, outcome.record, entries, most)
        if self._stages is not None and at is not None:
            data = self._stages.signed(at, data)
        commit = self._commit(row, outcome, entries, at, plain)
        return Reply(data, commit, outcome.refused, large=large)

    def _bend(self, session: Session | None, at: Situation) -> KeySchedule | None:
        """Let faults reach into how secrets follow, until the exchange is over: how they did."""
        if session is None or self._stages is None:
            return None
        at.about, plain = session, session.secrets.schedule
        session.secrets.schedule = self._stages.secrets(at, session, plain)
        return plain

    def _commit(
        self,
        row: Row,
        outcome: Outcome,
        entries: tuple[Entry, ...],
        at: Situation | None,
        plain: KeySchedule | None = None,
    ) -> Callable[[], None]:
        """What happens after the reply was sealed, unless a fault says it does not stand.

        `plain`: the key schedule that a session goes on with.
        """

        def commit() -> None:
            self.ordinal += 1
            if self._stages is None or at is None or self._stages.commit(at):
                apply(self.connection, row.code, outcome, entries)
            if plain is not None and outcome.session is not None:
                outcome.session.secrets.schedule = plain

        return commit

    def refuse(
        self, error: SpdmError | WireError, raw: bytes = b"", at: Situation | None = None
    ) -> Reply:
        """The ERROR message for `error`."""
        if isinstance(error, WireError):
            # What the device was given to say, such as a vendor protocol's payload, does not fit.
            error = Unspecified(str(error))
        version = dispatcher.error_version(self._device, self.connection, raw)
        reply = Error(
            version=version, error_code=error.code, data=error.data, extended=error.extended
        )
        data = encode(reply, Shape(version))
        if self._stages is not None and at is not None:
            # Where what a fault makes of it cannot be encoded, it goes as it was.
            with suppress(WireError):
                data = encode(self._stages.message(at, reply), Shape(version))
            data = self._stages.signed(at, data)
        return Reply(data, self._refused(raw, data), error)
