"""The sessions of a recorded conversation, gone through again from the secrets both sides logged.

Transcripts, secrets and records are this project's; each signature, verify data and record is
checked on the way, so whoever walks to the end has seen all of them hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from interop import recorded
from interop.recorded import MULTI_KEY, Exchange, Recorded, own, shape

from emulator import entropy
from emulator.ask import PeerChain, read_chain
from emulator.spdm import signing
from emulator.spdm.codes import Code
from emulator.spdm.key_schedule import Direction, KeySchedule
from emulator.spdm.keylog import identifier
from emulator.spdm.messages import (
    Certificate,
    Finish,
    FinishRsp,
    KeyExchange,
    KeyExchangeRsp,
    KeyUpdate,
    PskExchange,
    PskExchangeRsp,
    PskFinish,
    PskFinishRsp,
)
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.secured import DOE, Sealer
from emulator.spdm.session_secrets import Secrets
from emulator.spdm.session_transcript import SessionTranscript
from emulator.spdm.signing import ToSign
from emulator.spdm.transcript import Entry
from emulator.transport import doe
from emulator.wire import Message, Shape, decode, encode

HEADER = 4
_M = TypeVar("_M", bound=Message)


@dataclass
class Session:
    """One session.

    Attributes:
        sealer: its id and form.
        psk: it is of a pre-shared key.
        shared: the shared secret or the pre-shared key.
        secrets: its secrets.
        transcript: its handshake.
        identifier: what a key log calls it.
        th1: TH1's hash.
        th2: TH2's, once it is established.
        told: every secret a key log would hear of, by label.
        updates: how often each direction's key was updated.
    """

    sealer: Sealer
    psk: bool
    shared: bytes
    secrets: Secrets
    transcript: SessionTranscript
    identifier: bytes
    th1: bytes = b""
    th2: bytes = b""
    told: dict[str, bytes] = field(default_factory=dict)
    updates: dict[Direction, int] = field(default_factory=lambda: dict.fromkeys(Direction, 0))


@dataclass(frozen=True)
class Opened:
    """One record.

    Attributes:
        frame: the index of its frame.
        session: which session it is of, counted from 0.
        way: its direction.
        stage: `hs`, or how often the direction's data key had been updated.
        sequence: its number.
        record: its bytes, padding included.
        inner: what was in it.
        remade: `inner` sealed again under the same key and number.
    """

    frame: int
    session: int
    way: Direction
    stage: int | str
    sequence: int
    record: bytes
    inner: bytes
    remade: bytes


class Walk:
    """A conversation gone through.

    Attributes:
        sessions: the sessions, in the order they were opened.
        opened: all records.
        authenticated: how many requesters showed a chain.
    """

    def __init__(self, recording: Recorded) -> None:
        self.recording = recording
        self.schedule = KeySchedule(recording.version, recording.hash.name)
        self.sessions: list[Session] = []
        self.opened: list[Opened] = []
        self.authenticated = 0
        self._live: dict[int, Session] = {}
        self._agreed = [raw for pair in recording.exchanges[:3] for raw in pair]
        self._chains: dict[int, PeerChain] = {}
        self._digests = b""
        self._encapsulated: list[Exchange] = []
        self._asked = b""
        self._shared = iter(recording.facts["exchange_secrets"])
        self._psks = iter(recording.facts["psks"])
        for exchange in recorded.whole(recording, self._plain()):
            self._clear(*exchange)

    @property
    def multi_key(self) -> bool:
        """Whether DIGESTS stand in the transcripts."""
        version = self.recording.version
        return version >= 0x13 and bool(self.recording.agreed.other_params & MULTI_KEY)

    def _plain(self) -> Iterator[Exchange]:
        """Exchanges outside of records; what is in records is read on the way."""
        frames = [doe.parse(bytes.fromhex(text)) for text in self.recording.facts["frames"]]
        for at in range(0, len(frames), 2):
            request, reply = frames[at : at + 2]
            if request.kind == doe.DataObjectType.CMA_SPDM:
                yield request.payload, reply.payload
            elif request.kind == doe.DataObjectType.SECURED_CMA_SPDM:
                self._secured(at, request.payload, reply.payload)

    def _clear(self, request: bytes, reply: bytes) -> None:
        match request[1]:
            case Code.GET_DIGESTS:
                self._digests = reply
            case Code.GET_CERTIFICATE:
                self._keep(self._chains, request, reply)
            case Code.KEY_EXCHANGE:
                self._key_exchange(request, reply)
            case Code.PSK_EXCHANGE:
                self._psk_exchange(request, reply)
            case Code.FINISH:
                self._finish(self.sessions[-1], request)
                self._finish_rsp(self.sessions[-1], request, reply)
            case Code.GET_ENCAPSULATED_REQUEST:
                self._encapsulated = []
                self._asked = reply[HEADER:]
            case Code.DELIVER_ENCAPSULATED_RESPONSE:
                asked = own(self.recording, self._asked)
                self._encapsulated.append((asked, own(self.recording, request[HEADER:], asked)))
                self._asked = reply[HEADER * 2 :]

    def _keep(self, chains: dict[int, PeerChain], request: bytes, reply: bytes) -> None:
        certificate, _ = decode(Certificate, reply, Shape(reply[0]))
        assert certificate.remainder == 0
        slot = request[2] & SLOT_MASK
        chain = read_chain(slot, certificate.portion, self.recording.hash.name)
        chains.setdefault(slot, chain)

    def _key_exchange(self, request: bytes, reply: bytes) -> None:
        asked, told = self._read(KeyExchange, request), self._read(KeyExchangeRsp, reply, request)
        chain = self._chains[asked.slot]
        transcript = SessionTranscript(
            tuple(map(Entry, self._agreed)),
            digests=(Entry(self._digests),) if self.multi_key else (),
            chain_hash=chain.digest,
        )
        ids = (asked.session_id, told.session_id)
        session = self._open(ids, transcript, next(self._shared), asked)
        transcript.exchange(request, self._unsigned(told, reply, request))
        self._signed(chain, self.recording.asym.name, session, signing.KEY_EXCHANGE_RSP, told)
        transcript.sign_exchange(told.signature)
        self._begin(session, told.verify_data)

    def _psk_exchange(self, request: bytes, reply: bytes) -> None:
        asked, told = self._read(PskExchange, request), self._read(PskExchangeRsp, reply, request)
        transcript = SessionTranscript(tuple(map(Entry, self._agreed)))
        ids = (asked.session_id, told.session_id)
        session = self._open(ids, transcript, next(self._psks), asked)
        transcript.exchange(request, self._unsigned(told, reply, request))
        self._begin(session, told.verify_data)

    def _open(
        self,
        ids: tuple[int, int],
        transcript: SessionTranscript,
        shared: str,
        asked: KeyExchange | PskExchange,
    ) -> Session:
        told: dict[str, bytes] = {}
        session = Session(
            sealer=Sealer(ids[1] << 16 | ids[0], DOE, encrypted=True),
            psk=isinstance(asked, PskExchange),
            shared=bytes.fromhex(shared),
            secrets=Secrets(self.schedule, self.recording.aead.name, listener=told.__setitem__),
            transcript=transcript,
            identifier=identifier(asked),
            told=told,
        )
        self.sessions.append(session)
        self._live[session.sealer.session] = session
        return session

    def _begin(self, session: Session, verify_data: bytes) -> None:
        session.th1 = self._hash(session)
        session.secrets.begin(bytearray(session.shared), session.th1, psk=session.psk)
        if verify_data:
            assert session.secrets.verifies(Direction.RESPONSE, session.th1, verify_data)
            session.transcript.verify_exchange(verify_data)

    def _finish(self, session: Session, request: bytes) -> None:
        asked: PskFinish | Finish
        asked = self._read(PskFinish, request) if session.psk else self._read(Finish, request)
        if isinstance(asked, Finish) and asked.signature:
            chain = self._authenticate(session)
            session.transcript.finish(self._unsigned(asked, request))
            scheme = self.recording.req_asym.name
            self._signed(chain, scheme, session, signing.FINISH, asked)
            session.transcript.sign_finish(asked.signature)
        else:
            session.transcript.finish(self._unsigned(asked, request))
        transcript_hash = self._hash(session)
        assert session.secrets.verifies(Direction.REQUEST, transcript_hash, asked.verify_data)
        session.transcript.verify_finish(asked.verify_data)

    def _finish_rsp(self, session: Session, request: bytes, reply: bytes) -> None:
        layout = PskFinishRsp if session.psk else FinishRsp
        told = self._read(layout, reply, request)
        session.transcript.finish(self._unsigned(told, reply, request))
        if isinstance(told, FinishRsp) and told.verify_data:
            proof = told.verify_data
            assert session.secrets.verifies(Direction.RESPONSE, self._hash(session), proof)
            session.transcript.verify_finish(proof)
        session.th2 = self._hash(session)
        session.secrets.establish(session.th2)

    def _authenticate(self, session: Session) -> PeerChain:
        """The chain the requester showed, put into the transcript."""
        chains: dict[int, PeerChain] = {}
        digests = b""
        for request, reply in self._encapsulated:
            if request[1] == Code.GET_CERTIFICATE:
                self._keep(chains, request, reply)
            elif request[1] == Code.GET_DIGESTS:
                digests = reply
        (chain,) = chains.values()
        self.authenticated += 1
        told = (Entry(digests),) if self.multi_key else ()
        session.transcript.authenticate(chain.digest, digests=told)
        return chain

    def _secured(self, frame: int, *records: bytes) -> None:
        session = self._live[int.from_bytes(records[0][:4], "little")]
        request = self._record(session, frame, Direction.REQUEST, records[0])
        if request[1] in {Code.FINISH, Code.PSK_FINISH}:
            self._finish(session, request)
        if request[1] == Code.KEY_UPDATE:
            self._update(session, self._read(KeyUpdate, request).operation)
        reply = self._record(session, frame + 1, Direction.RESPONSE, records[1])
        if request[1] in {Code.FINISH, Code.PSK_FINISH}:
            self._finish_rsp(session, request, reply)
        if request[1] == Code.END_SESSION:
            session.secrets.wipe()
            del self._live[session.sealer.session]

    def _update(self, session: Session, operation: int) -> None:
        ways = {
            KeyOperation.UPDATE_KEY: (Direction.REQUEST,),
            KeyOperation.UPDATE_ALL_KEYS: tuple(Direction),
        }.get(KeyOperation(operation), ())
        for way in ways:
            session.secrets.update(way)
            session.updates[way] += 1
        if operation == KeyOperation.VERIFY_NEW_KEY:
            for way in Direction:
                session.secrets.confirm(way)

    def _record(self, session: Session, frame: int, way: Direction, record: bytes) -> bytes:
        traffic = session.secrets.traffic(way)
        sequence = traffic.sequence
        inner = session.sealer.open(traffic, record)
        again = replace(traffic, sequence=sequence)
        remade = session.sealer.seal(again, inner, entropy.Recorded(()))
        stage = session.updates[way] if session.th2 else "hs"
        number = self.sessions.index(session)
        self.opened.append(Opened(frame, number, way, stage, sequence, record, inner, remade))
        return inner

    def _read(self, layout: type[_M], raw: bytes, request: bytes = b"") -> _M:
        message, _ = decode(layout, raw, shape(self.recording, raw, request))
        return message

    def _unsigned(self, message: Message, raw: bytes, request: bytes = b"") -> bytes:
        return encode(message, shape(self.recording, raw, request), trailer=False)

    def _hash(self, session: Session) -> bytes:
        return session.transcript.digest(self.recording.hash.name)

    def _signed(
        self,
        chain: PeerChain,
        scheme: str,
        session: Session,
        context: str,
        message: KeyExchangeRsp | Finish,
    ) -> None:
        if scheme == recorded.ML_DSA_65.name:
            return
        key = chain.key(scheme)
        assert key is not None
        over = ToSign(
            self.recording.version, context, self.recording.hash.name, session.transcript.view
        )
        assert key.verify(message.signature, over)
