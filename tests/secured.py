"""A requester's side of sessions, for tests: on the pure base that recorded sessions prove.

Requests are put together here byte by byte, not by the layouts under test; replies are taken apart
by their sizes. What a device proves, its signature and its verify data, is checked on the way.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from devices import (
    CAPABILITIES,
    GET_VERSION,
    chain,
    device,
    frame,
    get_capabilities,
    negotiate_algorithms,
    seen_frames,
)

from emulator.crypto import dhe, hashes
from emulator.device import Device, Timing
from emulator.device.sessions import Sessions
from emulator.endpoint import Endpoint, Event, Send, carried_out
from emulator.entropy import Entropy, Seeded
from emulator.spdm import signing
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.key_schedule import Direction, KeySchedule
from emulator.spdm.secured import Sealer
from emulator.spdm.session import Session
from emulator.spdm.session_secrets import Secrets
from emulator.spdm.session_transcript import SessionTranscript
from emulator.spdm.signing import ToSign
from emulator.spdm.transcript import Entry
from emulator.spdm.versions import Version
from emulator.transport.binding import Binding, Kind
from emulator.transport.doe import DOE
from emulator.vendor import Registry

VERSIONS = (Version.V1_1, Version.V1_2, Version.V1_3, Version.V1_4)
SESSION = Cap.KEY_EX | Cap.PSK_WITH_CONTEXT | Cap.MAC | Cap.ENCRYPT | Cap.HBEAT | Cap.KEY_UPD
ABLE = CAPABILITIES | SESSION | Cap.HANDSHAKE_IN_THE_CLEAR
REQUESTER = Cap.KEY_EX | Cap.PSK | Cap.MAC | Cap.ENCRYPT | Cap.HBEAT | Cap.KEY_UPD | Cap.CERT
HINT, KEY = b"a hint", b"a pre-shared key"
GROUPS = {"SECP_256_R1": 0x08, "SECP_384_R1": 0x10, "SECP_521_R1": 0x20, "FFDHE_2048": 0x01}
AEADS = {"AES_128_GCM": 0x01, "AES_256_GCM": 0x02, "CHACHA20_POLY1305": 0x04}
HASH, SCHEME = "SHA_384", "ECDSA_P384"
HEADER = 4


def able_device(
    *,
    capabilities: Cap = ABLE,
    sessions: Sessions | None = None,
    entropy: Entropy | None = None,
    opaque_format: int = 2,
    timing: Timing | None = None,
) -> Device:
    """A device that opens sessions by every means, with a pre-shared key and a heartbeat."""
    return device(
        versions=VERSIONS,
        capabilities=capabilities,
        dhe=tuple(GROUPS),
        aead=tuple(AEADS),
        sessions=sessions or Sessions(heartbeat=10, keys={HINT: KEY}),
        entropy=entropy,
        opaque_format=opaque_format,
        timing=timing,
    )


def structure(kind: int, bits: int) -> bytes:
    """One algorithm structure."""
    return struct.pack("<BBH", kind, 0x20, bits)


def versions_offered(version: int, *numbers: int) -> bytes:
    """Opaque data that offers versions of secured messages."""
    data = bytes((1, 1, len(numbers))) + b"".join(struct.pack("<H", one << 8) for one in numbers)
    element = struct.pack("<BBH", 0, 0, len(data)) + data
    element += bytes(-len(element) % 4)
    head = b"\x01\0\0\0" if version >= 0x12 else struct.pack("<IBBH", 0x444D5446, 1, 1, 0)
    return head + element


def key_exchange(
    version: int,
    public: bytes,
    *,
    requester: int = 0x1234,
    slot: int = 0,
    summary: int = 0,
    policy: int = 0,
    opaque: bytes | None = None,
) -> bytes:
    """KEY_EXCHANGE."""
    told = versions_offered(version, 0x10, 0x11, 0x12) if opaque is None else opaque
    head = struct.pack("<4BHBB", version, 0xE4, summary, slot, requester, policy, 0)
    return head + bytes(range(32)) + public + struct.pack("<H", len(told)) + told


def psk_exchange(
    version: int,
    *,
    hint: bytes = HINT,
    requester: int = 0x4321,
    summary: int = 0,
    policy: int = 0,
    opaque: bytes | None = None,
) -> bytes:
    """PSK_EXCHANGE, with a context of 32 bytes."""
    told = versions_offered(version, 0x10, 0x11, 0x12) if opaque is None else opaque
    sizes = (len(hint), 32, len(told))
    head = struct.pack("<4B4H", version, 0xE6, summary, policy, requester, *sizes)
    return head + hint + bytes(range(32)) + told


def plain(version: int, code: int, param1: int = 0, param2: int = 0) -> bytes:
    """A request that is a header alone."""
    return bytes((version, code, param1, param2))


@dataclass
class Inside:
    """A session, as its requester has it.

    Attributes:
        wire: the connection it is of.
        sealer: its id and form.
        secrets: its secrets.
        transcript: its handshake.
        in_the_clear: its handshake is not encrypted.
        finish_code: the request that ends its handshake.
    """

    wire: "Wire"
    sealer: Sealer
    secrets: Secrets
    transcript: SessionTranscript
    in_the_clear: bool
    finish_code: int
    told: dict[str, bytes] = field(default_factory=dict)

    @property
    def id(self) -> int:
        """Its id."""
        return self.sealer.session

    @property
    def held(self) -> Session:
        """The device's side of it."""
        return self.wire.connection.sessions[self.id]

    def seal(self, message: bytes) -> bytes:
        """The record of a request."""
        traffic = self.secrets.traffic(Direction.REQUEST)
        return self.sealer.seal(traffic, self.sealer.form.enclose(message), self.wire.entropy)

    def open(self, record: bytes) -> bytes:
        """The reply in a record."""
        inner = self.sealer.open(self.secrets.traffic(Direction.RESPONSE), record)
        message = self.sealer.form.message(inner)
        assert message is not None, inner.hex()
        return message

    def ask(self, message: bytes) -> bytes:
        """The reply to a request inside."""
        return self.send(self.seal(message))

    def send(self, record: bytes) -> bytes:
        """The reply to a record."""
        answer = self.wire.record(record)
        assert answer is not None, "no response"
        return self.open(answer)

    def good(self, message: bytes) -> bytes:
        """The reply to a request inside, which must be the response that belongs to it."""
        reply = self.ask(message)
        assert reply[1] == message[1] & 0x7F, f"{message.hex()} was answered with {reply.hex()}"
        return reply

    def finish_request(self, *, wrong: int = 0) -> bytes:
        """FINISH or PSK_FINISH; `wrong`: the bits of the verify data's last byte to turn over."""
        version = self.wire.version
        head = plain(version, self.finish_code) + (b"\0\0" if version >= 0x14 else b"")
        self.transcript.finish(head)
        proof = bytearray(self.secrets.verify_data(Direction.REQUEST, self.transcript.digest(HASH)))
        proof[-1] ^= wrong
        self.transcript.verify_finish(bytes(proof))
        return head + bytes(proof)

    def finish(self) -> "Inside":
        """End the handshake; what the device proves is checked."""
        request = self.finish_request()
        reply = self.wire.good(request) if self.in_the_clear else self.good(request)
        size = HEADER + (2 if self.wire.version >= 0x14 else 0)
        self.transcript.finish(reply[:size])
        if self.in_the_clear:
            proof = reply[size : size + hashes.size(HASH)]
            assert self.secrets.verifies(Direction.RESPONSE, self.transcript.digest(HASH), proof)
            self.transcript.verify_finish(proof)
        else:
            assert len(reply) == size
        self.secrets.establish(self.transcript.digest(HASH))
        return self

    def update(self, operation: int, tag: int = 7) -> bytes:
        """KEY_UPDATE and its reply; the keys follow."""
        request = plain(self.wire.version, 0xE9, operation, tag)
        answer = self.wire.record(self.seal(request))
        assert answer is not None
        if operation in (1, 2):
            self.secrets.update(Direction.REQUEST)
        if operation == 2:
            self.secrets.update(Direction.RESPONSE)
        return self.open(answer)


def _unpadded(reply: bytes) -> bytes:
    """VERSION, CAPABILITIES or ALGORITHMS without the transport's padding."""
    sizes = {0x04: 6 + 2 * reply[5], 0x61: 12 if reply[0] < 0x12 else 20}
    return reply[: sizes.get(reply[1], int.from_bytes(reply[4:6], "little"))]


class Wire:
    """A connection through an endpoint: messages in the clear, and records.

    Attributes:
        endpoint: the device's end.
        version: the SPDM version that was negotiated.
        entropy: the requester's source of randomness.
        events: what the endpoint told.
        now: the time at which the next request comes, seconds.
    """

    def __init__(
        self,
        to: Device | None = None,
        *,
        version: int = 0x13,
        flags: Cap = REQUESTER,
        group: str = "SECP_384_R1",
        aead: str = "AES_256_GCM",
        binding: Binding = DOE,
        policy: int = 0,
        vendors: Registry | None = None,
    ) -> None:
        """Negotiate with a device."""
        self.events: list[Event] = []
        self.device = to or able_device()
        self.endpoint = Endpoint(self.device, vendors=vendors, observer=self.events.append)
        self.version = version
        self.entropy: Entropy = Seeded("requester")
        self.now = 1.0
        self._binding = binding
        self._group, self._aead = group, aead
        self._flags = flags
        self._policy = policy
        form = binding.records
        assert form is not None
        self.form = form
        structures = (structure(2, GROUPS[group]), structure(3, AEADS[aead]), structure(5, 1))
        requests = (
            GET_VERSION,
            get_capabilities(version, flags=int(flags)),
            negotiate_algorithms(version, structures=structures),
        )
        if version == 0x11:
            requests = (GET_VERSION, requests[1][:12], requests[2])
        self.negotiation = tuple(
            Entry(raw) for request in requests for raw in (request, _unpadded(self.good(request)))
        )

    @property
    def connection(self) -> Connection:
        """The device's state of the connection."""
        return self.endpoint.responder.connection

    @property
    def in_the_clear(self) -> bool:
        """Whether handshakes are not encrypted."""
        return bool(self.device.capabilities & self._flags & Cap.HANDSHAKE_IN_THE_CLEAR)

    def send(self, payload: bytes) -> bytes:
        """The payload that answers one; empty for no response."""
        transport = int(self._binding.transport)
        sent = self.endpoint.receive(frame(payload, transport=transport), self.now)
        actions = carried_out(self.endpoint, sent, self.now)
        stream = b"".join(action.data for action in actions if isinstance(action, Send))
        [answer] = seen_frames(stream)
        assert answer.command == 1
        return answer.payload

    def ask(self, message: bytes) -> bytes:
        """The reply to a request in the clear, padding included."""
        kind, data, _ = self._binding.unwrap(self.send(self._binding.wrap(message)))
        assert kind is Kind.MESSAGE
        return data

    def good(self, message: bytes) -> bytes:
        """The reply to a request, which must be the response that belongs to it."""
        reply = self.ask(message)
        assert reply[1] == message[1] & 0x7F, f"{message.hex()} was answered with {reply.hex()}"
        return reply

    def record(self, record: bytes) -> bytes | None:
        """The record that answers one, padding included; None for no response."""
        payload = self.send(self._binding.wrap_record(record))
        if not payload:
            return None
        kind, data, _ = self._binding.unwrap(payload)
        assert kind is Kind.SECURED
        return data

    def _secrets(self) -> Secrets:
        return Secrets(KeySchedule(self.version, HASH), self._aead)

    def _encrypted(self) -> bool:
        return bool(self.device.capabilities & self._flags & Cap.ENCRYPT)

    def by_key(self, *, requester: int = 0x1234, summary: int = 0, slot: int = 0) -> Inside:
        """Begin a session by KEY_EXCHANGE; its handshake is still to be ended."""
        group = dhe.GROUPS[self._group]
        pair = group.pair(self.entropy.bytes(group.drawn, label="key exchange"))
        request = key_exchange(
            self.version,
            pair.public,
            requester=requester,
            summary=summary,
            slot=slot,
            policy=self._policy,
        )
        reply = self.good(request)
        hash_size = hashes.size(HASH)
        at = 40 + group.public_size + (hash_size if summary else 0)
        at += 2 + int.from_bytes(reply[at : at + 2], "little")
        transcript = SessionTranscript(
            self.negotiation, chain_hash=chain(SCHEME, slot).digest(HASH)
        )
        transcript.exchange(request, reply[:at])
        signature = reply[at : at + 96]
        key = chain(SCHEME, slot).key.public
        over = ToSign(self.version, signing.KEY_EXCHANGE_RSP, HASH, transcript.view)
        assert key.verify(signature, over)
        transcript.sign_exchange(signature)
        session = self._begun(request, reply, transcript, 0xE5, in_the_clear=self.in_the_clear)
        th1 = transcript.digest(HASH)
        session.secrets.begin(pair.shared(reply[40 : 40 + group.public_size]), th1)
        if not self.in_the_clear:
            self._proven(session, th1, reply[at + 96 : at + 96 + hash_size])
        return session

    def by_psk(self, *, requester: int = 0x4321, hint: bytes = HINT, key: bytes = KEY) -> Inside:
        """Begin a session by PSK_EXCHANGE; where the device has no context, it is established."""
        request = psk_exchange(self.version, hint=hint, requester=requester, policy=self._policy)
        reply = self.good(request)
        context, opaque = struct.unpack_from("<HH", reply, 8)
        at = 12 + context + opaque
        transcript = SessionTranscript(self.negotiation)
        transcript.exchange(request, reply[:at])
        session = self._begun(request, reply, transcript, 0xE7, in_the_clear=False)
        th1 = transcript.digest(HASH)
        session.secrets.begin(bytearray(key), th1, psk=True)
        self._proven(session, th1, reply[at : at + hashes.size(HASH)])
        if not context:
            session.secrets.establish(transcript.digest(HASH))
        return session

    def _begun(
        self,
        request: bytes,
        reply: bytes,
        transcript: SessionTranscript,
        finish_code: int,
        *,
        in_the_clear: bool,
    ) -> Inside:
        (ours,) = struct.unpack_from("<H", request, 4)
        (theirs,) = struct.unpack_from("<H", reply, 4)
        sealer = Sealer(theirs << 16 | ours, self.form, self._encrypted())
        return Inside(self, sealer, self._secrets(), transcript, in_the_clear, finish_code)

    @staticmethod
    def _proven(session: Inside, th1: bytes, proof: bytes) -> None:
        assert session.secrets.verifies(Direction.RESPONSE, th1, proof)
        session.transcript.verify_exchange(proof)


Opening = Callable[[Wire], Inside]
BY_KEY: Opening = Wire.by_key
BY_PSK: Opening = Wire.by_psk


def established(wire: Wire, opening: Opening = BY_KEY) -> Inside:
    """A session whose handshake is over."""
    return opening(wire).finish()
