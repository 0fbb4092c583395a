"""A recorded conversation with one session, made here: its packets and its key log."""

from collections.abc import Callable

from devices import data_object

from emulator.entropy import Seeded
from emulator.record import LinkType, Packet, Session
from emulator.requester import Direction
from emulator.spdm.algorithms import AlgType
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_schedule import Direction as Way
from emulator.spdm.key_schedule import KeySchedule
from emulator.spdm.keylog import identifier, write_line
from emulator.spdm.messages import (
    Algorithms,
    AlgorithmStructure,
    Capabilities,
    GetCapabilities,
    KeyExchange,
    KeyExchangeRsp,
    PskExchange,
    PskExchangeRsp,
)
from emulator.spdm.secured import DOE, MCTP, Sealer
from emulator.spdm.session_secrets import Secrets
from emulator.wire import Message, Shape, encode

VERSION = 0x13
REQUESTER, RESPONDER = 0xFFFE, 0xFFFD
ID = RESPONDER << 16 | REQUESTER
MCTP_HEADER = bytes((0, 0, 0, 0xC0))


class Sealed:
    """A conversation that grows.

    Attributes:
        packets: what passed.
        lines: the key log.
        secrets: the session's.
    """

    def __init__(self, *, mctp: bool = False, encrypts: bool = True, aead: int = 2) -> None:
        """After the negotiation; `aead` is the bit selected."""
        self.packets: list[Packet] = []
        self.lines: list[str] = []
        self._mctp = mctp
        self._sealer = Sealer(ID, MCTP if mctp else DOE, encrypted=encrypts)
        self._session = b""
        self._drawn = Seeded(1)
        schedule = KeySchedule(VERSION, "SHA_384")
        self.secrets = Secrets(schedule, "AES_256_GCM", listener=self._log)
        flags = Cap.KEY_EX | Cap.PSK | (Cap.ENCRYPT if encrypts else Cap.MAC)
        self.say(GetCapabilities(version=VERSION, flags=flags))
        self.say(Capabilities(version=VERSION, flags=flags))
        rows = (
            AlgorithmStructure(kind=AlgType.DHE, supported=0x10),
            AlgorithmStructure(kind=AlgType.AEAD, supported=aead),
        )
        agreed = Algorithms(version=VERSION, length=0, base_asym=0x80, base_hash=2, structures=rows)
        self.say(agreed)

    def exchanged(self) -> "Sealed":
        """With a key exchange."""
        asked = KeyExchange(
            version=VERSION,
            slot=0,
            session_id=REQUESTER,
            random=b"r" * 32,
            exchange_data=b"e" * 96,
        )
        self.say(asked, Shape(VERSION, 48, exchange=96))
        told = KeyExchangeRsp(
            version=VERSION,
            session_id=RESPONDER,
            random=b"s" * 32,
            exchange_data=b"e" * 96,
            signature=b"s" * 96,
            verify_data=b"v" * 48,
        )
        self.say(told, Shape(VERSION, 48, 96, 0, 96, 48))
        return self._begun(identifier(asked))

    def shared(self) -> "Sealed":
        """With a pre-shared key."""
        asked = PskExchange(version=VERSION, session_id=REQUESTER, context=b"context")
        self.say(asked, Shape(VERSION, 48))
        told = PskExchangeRsp(version=VERSION, session_id=RESPONDER, verify_data=b"v" * 48)
        self.say(told, Shape(VERSION, 48, verify=48))
        return self._begun(identifier(asked))

    def _begun(self, session: bytes) -> "Sealed":
        self._session = session
        self.secrets.begin(bytearray(b"shared"), b"1" * 48)
        return self

    def _log(self, label: str, secret: bytes) -> None:
        self.lines.append(write_line(label, self._session, secret))

    def say(self, message: Message, shape: Shape | None = None) -> None:
        """A message in the clear."""
        raw = encode(message, shape or Shape(VERSION))
        self.pack(raw, b"\x05", 1, request=bool(message.code & 0x80))

    def seal(
        self,
        message: bytes,
        *,
        request: bool = True,
        bend: Callable[[bytes], bytes] = bytes,
    ) -> None:
        """A message in the session."""
        inner = MCTP.enclose(message) if self._mctp else message
        self.seal_inner(inner, request=request, bend=bend)

    def seal_inner(
        self, inner: bytes, *, request: bool = True, bend: Callable[[bytes], bytes] = bytes
    ) -> None:
        """An application message in the session."""
        way = Way.REQUEST if request else Way.RESPONSE
        record = self._sealer.seal(self.secrets.traffic(way), inner, self._drawn)
        self.pack(bend(record), b"\x06", 2, request=request)

    def pack(self, raw: bytes, mctp_type: bytes, doe_kind: int, *, request: bool) -> None:
        """Bytes on their way."""
        way = Direction.REQUEST if request else Direction.REPLY
        if self._mctp:
            data = MCTP_HEADER + mctp_type + raw
            self.packets.append(Packet(0, LinkType.MCTP, data, way))
            return
        self.packets.append(Packet(0, LinkType.PCI_DOE, data_object(raw, kind=doe_kind), way))

    @property
    def session(self) -> Session:
        """The conversation."""
        return Session("", 0, tuple(self.packets))

    @property
    def keylog(self) -> str:
        """The key log's text."""
        return "".join(self.lines)
