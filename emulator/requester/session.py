"""The host's end of one session."""

from dataclasses import replace
from typing import TypeVar

from emulator.ask import (
    EndSessionRequest,
    EventTypesRequest,
    FinishRequest,
    HeartbeatRequest,
    KeyUpdateRequest,
    Opened,
    OwnProof,
    PskFinishRequest,
    Request,
    SubscribeRequest,
)
from emulator.errors import (
    BrokenReply,
    DecryptError,
    EmulatorError,
    NoResponse,
    PeerError,
    PeerErrorReply,
)
from emulator.requester.answers import Answers
from emulator.requester.asker import Asker
from emulator.requester.flow import Flow, inside
from emulator.requester.ide import IdeKeys
from emulator.requester.tdisp import TdiHost
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import ErrorCode
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages import KeyExchangeRsp
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.challenge import NO_SLOT
from emulator.spdm.messages.events import EventData, EventGroup, EventType
from emulator.spdm.messages.key_exchange import MutualAuth
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.secured import Format
from emulator.spdm.session import Phase
from emulator.spdm.transcript import Part, View, resets

_T = TypeVar("_T")
_MUTUAL = MutualAuth.REQUESTED | MutualAuth.ENCAPSULATED | MutualAuth.GET_DIGESTS


class SecureSession(Asker):
    """One session: whatever may be asked inside of it, and what is about the session itself.

    It is over after `end_session`, and as soon as something is wrong with its records or its keys;
    what is asked then is an EmulatorError.

    Attributes:
        opened: the exchange that opened it.
        session: its state.
    """

    def __init__(self, around: Asker, opened: Opened) -> None:
        """The session that was opened on the connection of `around`."""
        self.opened = opened
        self.session = opened.session
        entropy = around.entropy.fork(f"session {self.session.id:08x}")
        super().__init__(entropy, around.offer, self.session.context)
        self._around = around
        self.identity = around.identity
        self._answers = Answers(
            self.connection, entropy, session=self.session, identity=self.identity
        )
        self.slots = around.slots
        self.chains = dict(around.chains)
        self.public_key = around.public_key
        self.padding = 0  # a record holds a message and nothing behind it

    @property
    def id(self) -> int:
        """The session's id."""
        return self.session.id

    @property
    def live(self) -> bool:
        """Whether it is not over."""
        return self.session.live

    @property
    def ide(self) -> IdeKeys:
        """IDE_KM in this session."""
        return IdeKeys(self)

    def interface(self, function: int) -> TdiHost:
        """TDISP about the interface of a FUNCTION_ID, in this session."""
        return TdiHost(self, function)

    def finish(self) -> Flow[None]:
        """FINISH or PSK_FINISH, where there is one: afterwards the session is established."""
        if self.session.phase is Phase.ESTABLISHED:
            return  # a pre-shared key without a context has no PSK_FINISH
        try:
            if self.session.psk:
                yield from self.ask(PskFinishRequest(self.session))
            else:
                clear = self.connection.both(Cap.HANDSHAKE_IN_THE_CLEAR)
                asker: Asker = self._around if clear else self
                proof = yield from self._proof(asker)
                yield from asker.ask(FinishRequest(self.session, asker.connection, proof))
        except PeerError:
            self.end()
            raise

    def _proof(self, asker: Asker) -> Flow[OwnProof | None]:
        """Who we are, where the device wants to know: it may fetch our chain first."""
        reply = self.opened.reply
        how = reply.mutual_auth & _MUTUAL if isinstance(reply, KeyExchangeRsp) else 0
        if not isinstance(reply, KeyExchangeRsp) or not how:
            return None
        slot = reply.requester_slot & SLOT_MASK
        digests: View = ()
        if how != MutualAuth.REQUESTED:
            answers = Answers(asker.connection, self.entropy, identity=self.identity)
            implied = how == MutualAuth.GET_DIGESTS
            _, told = yield from answers.converse(asker.ask, implied=implied)
            slot, digests = slot or told, answers.digests
        proof = self.identity.proof(self.connection, NO_SLOT if slot == SLOT_MASK else slot)
        return replace(proof, digests=digests)

    def heartbeat(self) -> Flow[None]:
        """HEARTBEAT. Raises EmulatorError where the device asked for none."""
        yield from self.ask(HeartbeatRequest(self.session))

    def update_keys(self, operation: KeyOperation = KeyOperation.UPDATE_ALL_KEYS) -> Flow[None]:
        """KEY_UPDATE for new keys, ours (UPDATE_KEY) or both sides', and then VERIFY_NEW_KEY."""
        try:
            yield from self.ask(KeyUpdateRequest(self.session, operation, self._tag()))
        except PeerError as error:
            # The keys stay as they were, as far as the device has said anything.
            if self.live and not isinstance(error, NoResponse):
                self.session.secrets.revert(Direction.RESPONSE)
            raise
        verify = KeyUpdateRequest(self.session, KeyOperation.VERIFY_NEW_KEY, self._tag())
        yield from self.ask(verify)

    def event_types(self) -> Flow[tuple[EventGroup, ...]]:
        """GET_SUPPORTED_EVENT_TYPES: the groups of events the device tells of, since 1.3."""
        return (yield from self.ask(EventTypesRequest(self.connection)))

    def subscribe(self, *wanted: EventType) -> Flow[None]:
        """SUBSCRIBE_EVENT_TYPES: be told of these events, or of none any more.

        They come to `events` with the device's next encapsulated request (`encapsulated`).
        """
        yield from self.ask(SubscribeRequest(self.connection, wanted))

    @property
    def events(self) -> list[EventData]:
        """The events the device has told of, in order."""
        return self._answers.events

    def encapsulated(self) -> Flow[list[int]]:
        """GET_ENCAPSULATED_REQUEST, until the device has nothing left to ask.

        Returns the codes of what it asked. A device may give itself a new key in this way, and ask
        who we are; whatever else it asks is answered with an ERROR.
        """
        seen, _ = yield from self._answers.converse(self.ask)
        return seen

    def end_session(self, *, forget: bool = False) -> Flow[None]:
        """END_SESSION; `forget`: a device that keeps the negotiation (CACHE) is to forget it."""
        try:
            yield from self.ask(EndSessionRequest(self.session, forget=forget))
        finally:
            self.end()

    def seal(self, form: Format, message: bytes) -> bytes:
        """The record of a request, the next one."""
        traffic = self.session.secrets.traffic(Direction.REQUEST)
        return self.session.sealer(form).seal(traffic, form.enclose(message), self.entropy)

    def open(self, form: Format, record: bytes) -> bytes:
        """The reply in a record, the next one.

        The key before an update that is not done yet serves, too: a device that refuses it says so
        under that one. Raises BrokenReply.
        """
        session, secrets = self.session, self.session.secrets
        session.outdated = False
        try:
            inner = self._opened(form, record)
        except DecryptError as error:
            if not secrets.revert(Direction.RESPONSE):
                raise _broken(error) from error
            try:
                inner = self._opened(form, record)
            except DecryptError:
                raise _broken(error) from error
            secrets.update(Direction.RESPONSE)
            session.outdated = True
        message = form.message(inner)
        if message is None:
            raise BrokenReply(
                "record", "message", found=inner[:4].hex(), expected="an SPDM message"
            )
        return message

    def _opened(self, form: Format, record: bytes) -> bytes:
        traffic = self.session.secrets.traffic(Direction.RESPONSE)
        return self.session.sealer(form).open(traffic, record)

    def end(self) -> None:
        """It is over, whatever the device thinks of it."""
        self._around.connection.end(self.session)

    def _tag(self) -> int:
        return self.entropy.bytes(1, label="KEY_UPDATE tag")[0]

    def ask(self, request: Request[_T]) -> Flow[_T]:
        """Ask inside of the session, and end it where the device says that it cannot be used."""
        if not self.live:
            raise EmulatorError(f"session {self.id:08x} is over")
        around = self._around.connection
        try:
            result = yield from inside(super().ask(request), self)
        except PeerErrorReply as error:
            if error.code == ErrorCode.DECRYPT_ERROR:
                self.end()
            elif error.code == ErrorCode.REQUEST_RESYNCH:
                around.restart()
            raise
        # M1/M2 is the connection's, and what is asked inside of a session can give it up as well.
        emptied = resets(request.code, around.state)
        around.transcript.reset(part for part in emptied if part is not Part.M)
        return result


def _broken(error: DecryptError) -> BrokenReply:
    return BrokenReply("record", "tag", found=error, expected="the next record of the session")
