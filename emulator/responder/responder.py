"""From a request's bytes to a reply's, through the stages; nothing changes before `commit`."""

from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from emulator.answer import ready
from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import Row
from emulator.device import CertificateChain, Device
from emulator.entropy import Entropy
from emulator.errors import InvalidRequest, ResponseTooLarge, SpdmError, Unspecified, WireError
from emulator.responder import dispatcher
from emulator.spdm.chunking import HANDLES, Outgoing
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.connection import Connection
from emulator.spdm.messages import ChunkSendAck, Error
from emulator.spdm.pending import MAY_WAIT, TOKENS, TRANSPARENT, Pending, Readiness
from emulator.spdm.signing import ToSign
from emulator.spdm.stages import Situation, Stages
from emulator.spdm.state import State, after
from emulator.spdm.transcript import Entry, Part, resets
from emulator.spdm.versions import rules
from emulator.vendor import Registry
from emulator.wire import Message, Shape, encode


@dataclass(slots=True)
class Reply:
    """What goes back, and what happens once it is on its way.

    Attributes:
        data: the SPDM message; None: no response.
        commit: applies what the request changed; called once, after the reply was sealed.
        error: why the request was refused, or None.
        large: it does not fit into one piece.
        at: what the stages that are still to come may look at; None: they are not to see it.
    """

    data: bytes | None
    commit: Callable[[], None]
    error: SpdmError | None = None
    large: bool = False
    at: Situation | None = None


@dataclass(slots=True)
class _Asked:
    """A request and how it came: see `Responder.respond`.

    Attributes:
        whole: it came in chunks, all of which have arrived.
        again: it was put aside before, as its reply was not ready.
    """

    raw: bytes
    slack: int = 0
    largest: int | None = None
    now: float = 0.0
    whole: bool = False
    again: bool = False


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
    ) -> None:
        """Attach to `device`, drawing from `entropy`; `number` is the connection's number."""
        self.connection = Connection()
        self.ordinal = 0
        self._device = device
        self._entropy = entropy
        self._number = number
        self._vendors = vendors or Registry()
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
        at = Situation(self.connection, self._number, self.ordinal, raw, self._now, self._transport)
        return at if self._stages.concerns(at) else None

    def respond(
        self,
        raw: bytes,
        *,
        slack: int = 0,
        largest: int | None = None,
        now: float = 0.0,
        transport: str = "",
    ) -> Reply:
        """Answer a request. Whatever its bytes are, there is a reply; nothing is raised.

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
        at = self._situation(raw)
        if self._stages is not None and at is not None:
            early = self._stages.request(at)
            if early is not None:
                data = self._stages.signed(at, early)
                return Reply(data, self._refused(raw, data), at=at)
            at = at if self._stages.goes_on(at) else None
        reply = self._answer(_Asked(raw, slack, largest, now), at)
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

    def _answer(self, asked: _Asked, situation: Situation | None) -> Reply:
        """The reply in one piece, however large."""
        raw, slack = asked.raw, asked.slack
        connection, device = self.connection, self._device
        if connection.state <= State.AFTER_VERSION and not connection.resynch:
            dispatcher.take_up(device, connection, raw)
        try:
            row = dispatcher.find(device, connection, raw, slack=slack, whole=asked.whole)
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
                self._bend(situation),
            )
            outcome = row.handler(exchange, request)
            policy = self._not_ready(row, outcome, asked, situation)
            if policy is not None:
                return self._suspend(policy, row, asked, situation)
            return self._seal(row, exchange, outcome, raw, situation)
        except SpdmError as error:
            return self._refuse(error, raw, situation)
        except WireError as error:
            # What the device was given to say, such as a vendor protocol's payload, does not fit.
            return self._refuse(Unspecified(str(error)), raw, situation)

    def _bend(
        self, at: Situation | None
    ) -> Callable[[int, CertificateChain], CertificateChain] | None:
        """What the stages make of a slot's chain."""
        return None if self._stages is None or at is None else partial(self._stages.chain, at)

    def _not_ready(
        self, row: Row, outcome: Outcome, asked: _Asked, at: Situation | None
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

    def _suspend(self, policy: Readiness, row: Row, asked: _Asked, at: Situation | None) -> Reply:
        """ERROR ResponseNotReady; RESPOND_IF_READY fetches the reply itself."""
        connection = self.connection
        token = connection.token
        pending = ready.suspend(
            policy, asked.raw, code=row.code, slack=asked.slack, token=token, now=asked.now
        )
        refused = self._refuse(ready.not_ready(pending), asked.raw, at)

        def commit() -> None:
            refused.commit()
            connection.pending = pending
            connection.token = (token + 1) % TOKENS

        return Reply(refused.data, commit, refused.error)

    def _resume(self, pending: Pending, exchange: Exchange) -> Reply:
        """The answer to a request that was put aside; whatever it is, the request is done with."""
        connection, raw = self.connection, pending.request
        at = self._situation(raw)
        asked = _Asked(raw, pending.slack, exchange.largest, exchange.now, again=True)
        answer = self._answer(asked, at)

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
    ) -> Reply:
        """The acknowledgement of a large request's last chunk, with the answer to all of it.

        A large answer goes out in chunks by itself (libspdm `libspdm_rsp_receive_send.c`): there is
        no chunking within chunking.
        """
        request = outcome.whole or b""
        at = self._situation(request)
        if request[1] in {Code.CHUNK_SEND, Code.CHUNK_GET}:
            inner = self._refuse(InvalidRequest("a chunk inside a large request"), request, at)
        else:
            asked = _Asked(request, 0, exchange.largest, exchange.now, whole=True)
            inner = self._answer(asked, at)
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
            self._count()
            if empties:
                self.connection.transcript.reset(empties)
                self.connection.measured = None

        return commit

    def _count(self) -> None:
        """One more request was answered."""
        self.ordinal += 1

    def _seal(
        self, row: Row, exchange: Exchange, outcome: Outcome, raw: bytes, at: Situation | None
    ) -> Reply:
        """Encode and sign the reply. Raises SpdmError where it cannot be sent."""
        reply = outcome.reply
        if outcome.resumes is not None:
            return self._resume(outcome.resumes, exchange)
        if reply is None:
            return Reply(None, self._commit(row, outcome, (), at))
        if outcome.whole is not None:
            return self._acknowledge(row, exchange, outcome, at)
        if self._stages is not None and at is not None:
            reply = self._stages.message(at, reply)
        unsigned = encode(reply, outcome.shape, trailer=False)
        entries = (Entry(raw[: exchange.size]), Entry(unsigned))
        data = unsigned
        if outcome.signing is not None:
            data += self._sign(outcome, entries, at)
        large = _check_size(data, _bounds(exchange, outcome), outcome.shape)
        connection, part = self.connection, outcome.record
        full = part is not None and not connection.transcript.fits(part, entries)
        # A part that this request starts anew takes it, however full it is.
        if full and part is not None and part not in resets(row.code, connection.state):
            raise Unspecified(f"part {part.name} of the transcript is full")
        if self._stages is not None and at is not None:
            data = self._stages.signed(at, data)
        return Reply(data, self._commit(row, outcome, entries, at), outcome.refused, large=large)

    def _sign(self, outcome: Outcome, entries: tuple[Entry, ...], at: Situation | None) -> bytes:
        signing, algorithms = outcome.signing, self.connection.algorithms
        if signing is None or algorithms.hash is None:
            raise Unspecified("a signature without a negotiated hash")
        to_sign = ToSign(
            version=outcome.shape.version,
            context=signing.context,
            hash=algorithms.hash.name,
            view=self.connection.transcript.view(signing.parts) + entries,
        )
        key = signing.key
        if self._stages is not None and at is not None:
            to_sign, key = self._stages.sign(at, to_sign, key)
        return key.sign(to_sign)

    def _commit(
        self, row: Row, outcome: Outcome, entries: tuple[Entry, ...], at: Situation | None
    ) -> Callable[[], None]:
        """What happens after the reply was sealed, unless a fault says it does not stand."""

        def commit() -> None:
            self._count()
            if self._stages is not None and at is not None and not self._stages.commit(at):
                return
            connection = self.connection
            state = connection.state
            if outcome.restart:
                connection.restart()
            emptied = resets(row.code, state)
            connection.transcript.reset(emptied)
            if Part.M in emptied:
                connection.measured = None
            if outcome.record is not None:
                connection.transcript.append(outcome.record, entries)
            connection.transcript.reset(outcome.clears)
            if row.code not in TRANSPARENT:
                connection.pending = None
            connection.change(outcome.changes)
            connection.state = after(state, row.code)
            for effect in outcome.effects:
                effect()

        return commit

    def _refuse(self, error: SpdmError, raw: bytes, at: Situation | None) -> Reply:
        """The ERROR message for `error`."""
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


def _bounds(exchange: Exchange, outcome: Outcome) -> Exchange:
    """The exchange that says how large the reply may be: GET_CAPABILITIES itself tells it."""
    if exchange.code != Code.GET_CAPABILITIES:
        return exchange
    agreed = copy(exchange.connection)
    agreed.change(outcome.changes)
    return replace(exchange, connection=agreed)


def _check_size(data: bytes, exchange: Exchange, shape: Shape) -> bool:
    """Whether a reply is too large for one piece.

    Raises SpdmError where the requester's buffer, or our own way out, cannot take it at all. Up to
    1.1 there is no error for it (libspdm `libspdm_rsp_error.c` asserts as much).
    """
    limit = exchange.reply_limit
    if len(data) <= limit:
        return False
    if exchange.chunks:
        limit = exchange.largest_reply
        if len(data) <= limit:
            return True
    reason = f"the reply has {len(data)} bytes, at most {limit} can be sent"
    if rules(shape.version).too_large_error:
        raise ResponseTooLarge(reason, extended=len(data).to_bytes(4, "little"))
    raise Unspecified(reason)
