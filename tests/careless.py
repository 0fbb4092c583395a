"""A requester that makes mistakes in sessions, on the standard library alone.

Its key schedule is written out here once more, every step a method, so that a mistake is another
method; what is hashed is pieces of bytes, so that a mistake is another piece. Nothing of it is the
doctor's.
"""

import hashlib
import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from devices import error, get_certificate, get_digests
from secured import AEADS, HASH, REQUESTER, Inside, Wire, plain

from emulator.crypto.aead import SUITES, Aead
from emulator.device import Device
from emulator.endpoint import Diagnosed
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_schedule import KeySchedule
from emulator.spdm.session_secrets import Secrets
from emulator.spdm.session_transcript import CHAIN, SIGNATURE, VERIFY_DATA
from emulator.spdm.transcript import Part

EXCHANGES = {0xE4, 0x64, 0xE6, 0x66}


class CarelessWire(Wire):
    """A connection of a requester that keeps its shared secrets.

    Attributes:
        chunks: the CHUNK_RESPONSEs of the large reply that came last.
    """

    chunks: list[bytes]

    def _secrets(self) -> Secrets:
        return Secrets(KeySchedule(self.version, HASH), self._aead, keep=True)

    def good(self, message: bytes) -> bytes:
        """The reply to a request, fetched in chunks where it is large."""
        reply = self.ask(message)
        if reply[1:3] == b"\x7f\x0f":
            return self._fetched(reply[4])
        assert reply[1] == message[1] & 0x7F, f"{message.hex()} was answered with {reply.hex()}"
        return reply

    def _fetched(self, handle: int) -> bytes:
        whole, self.chunks, last = b"", [], False
        while not last:
            request = struct.pack("<4BH", self.version, 0x86, 0, handle, len(self.chunks))
            chunk = self.ask(request)
            (size,) = struct.unpack_from("<I", chunk, 8)
            start = 12 if self.chunks else 16
            self.chunks.append(chunk[: start + size])
            whole += chunk[start : start + size]
            last = bool(chunk[2])
        return whole

    def said(self) -> list[bytes]:
        """What was said about certificates, without padding."""
        transcript = self.connection.transcript
        return [entry.raw for entry in transcript.former or transcript.part(Part.B)]

    def diagnoses(self) -> list[Diagnosed]:
        """What the doctor said."""
        return [event for event in self.events if isinstance(event, Diagnosed)]


@dataclass(frozen=True)
class Pieces:
    """What is hashed, in its order.

    Attributes:
        vca: the six messages of the negotiation.
        between: what stands between these and the chain.
        chain: the hash of the chain; empty for a pre-shared key.
        request: KEY_EXCHANGE or PSK_EXCHANGE.
        reply: the reply to it, without what follows.
        signature: the reply's signature.
        proof: the reply's verify data.
        finish: FINISH's header.
        finish_proof: FINISH's verify data.
        finish_reply: FINISH_RSP's header.
        last_proof: its verify data.
        tail: what is hashed behind FINISH's header.
    """

    vca: tuple[bytes, ...]
    chain: bytes
    request: bytes
    reply: bytes
    signature: bytes
    proof: bytes
    finish: bytes
    between: bytes = b""
    finish_proof: bytes = b""
    finish_reply: bytes = b""
    last_proof: bytes = b""
    tail: bytes = b""

    @property
    def th1(self) -> bytes:
        """What TH1 covers."""
        before = b"".join(self.vca) + self.between + self.chain
        return before + self.request + self.reply + self.signature

    @property
    def proven(self) -> bytes:
        """What FINISH's verify data covers."""
        return self.th1 + self.proof + self.finish + self.tail

    @property
    def th2(self) -> bytes:
        """What TH2 covers."""
        ending = self.finish_proof + self.finish_reply + self.last_proof
        return self.th1 + self.proof + self.finish + ending

    def but(self, **pieces: Any) -> "Pieces":
        """The same with other pieces."""
        return replace(self, **pieces)


def pieces(session: Inside) -> Pieces:
    """What is hashed in a session whose exchange is over, and maybe all of it."""
    view = list(session.transcript.view)

    def taken(told: str) -> list[bytes]:
        return [entry.raw for entry in view if entry.told == told]

    at = next(n for n, entry in enumerate(view) if not entry.told and entry.raw[1] in EXCHANGES)
    messages = [entry.raw for entry in view[at:] if not entry.told]
    vca = tuple(entry.raw for entry in view[: at - len(taken(CHAIN))])
    proofs = taken(VERIFY_DATA)
    tail = b"\0\0" if session.wire.version >= 0x14 else b""
    given = proofs.pop(0) if not session.in_the_clear else b""
    return Pieces(
        vca=vca,
        chain=b"".join(taken(CHAIN)),
        request=messages[0],
        reply=messages[1],
        signature=b"".join(taken(SIGNATURE)),
        proof=given,
        finish=plain(session.wire.version, session.finish_code) + tail,
        finish_proof=b"".join(proofs[:1]),
        finish_reply=b"".join(messages[3:]),
        last_proof=b"".join(proofs[1:]),
    )


class Careless:
    """The key schedule; a mistake is a subclass.

    Attributes:
        name: what hashlib calls the hash.
        sequence: the number of the first record under a key.
    """

    name = "sha384"
    sequence = 0

    def __init__(self, version: int, aead: str, *, psk: bool) -> None:
        self.version, self.aead, self.psk = version, aead, psk
        self.size = hashlib.new(self.name).digest_size

    def hash(self, data: bytes) -> bytes:
        return hashlib.new(self.name, data).digest()

    def hmac(self, key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, self.name).digest()

    def salt(self) -> bytes:
        return (b"\xff" if self.psk and self.version >= 0x13 else b"\0") * self.size

    def prefix(self) -> bytes:
        return f"spdm1.{self.version & 0xF} ".encode()

    def length(self, size: int) -> bytes:
        return size.to_bytes(2, "little")

    def expand(self, secret: bytes, label: bytes, size: int = 0, context: bytes = b"") -> bytes:
        size = size or self.size
        return self.stretch(secret, self.length(size) + self.prefix() + label + context, size)

    def stretch(self, secret: bytes, info: bytes, size: int) -> bytes:
        made = block = b""
        while len(made) < size:
            block = self.hmac(secret, block + info + bytes((len(made) // self.size + 1,)))
            made += block
        return made[:size]

    def labelled(self, transcript: bytes) -> bytes:
        return self.hash(transcript)

    def covered(self, transcript: bytes) -> bytes:
        return self.hash(transcript)

    def handshake(self, shared: bytes) -> bytes:
        return self.hmac(self.salt(), shared)

    def way(self) -> bytes:
        return b"req"

    def secret(self, handshake: bytes, th1: bytes) -> bytes:
        return self.expand(handshake, self.way() + b" hs data", 0, self.labelled(th1))

    def finished(self, handshake: bytes, th1: bytes) -> bytes:
        return self.expand(self.secret(handshake, th1), b"finished")

    def verify_data(self, shared: bytes, th1: bytes, proven: bytes) -> bytes:
        key = self.finished(self.handshake(shared), th1)
        return self.hmac(key, self.covered(proven))

    def derived(self, handshake: bytes) -> bytes:
        return self.expand(handshake, b"derived")

    def zeros(self) -> bytes:
        return bytes(self.size)

    def master(self, handshake: bytes) -> bytes:
        return self.hmac(self.derived(handshake), self.zeros())

    def data(self, shared: bytes, th1: bytes, th2: bytes) -> bytes:
        del th1
        master = self.master(self.handshake(shared))
        return self.expand(master, self.way() + b" app data", 0, self.labelled(th2))

    def key(self, secret: bytes) -> bytes:
        return self.expand(secret, b"key", SUITES[self.aead].key_size)

    def iv(self, secret: bytes) -> bytes:
        return self.expand(secret, b"iv", 12)

    def bound(self, header: bytes) -> bytes:
        return header

    def record(self, session: Inside, secret: bytes, message: bytes) -> bytes:
        """The first record under a secret, over DOE."""
        sealer = session.sealer
        body = len(message).to_bytes(2, "little") + message if sealer.encrypted else message
        header = sealer.session.to_bytes(4, "little") + (len(body) + 16).to_bytes(2, "little")
        number = int.from_bytes(self.iv(secret), "little") ^ self.sequence
        aead = Aead(self.aead, self.key(secret))
        nonce, bound = number.to_bytes(12, "little"), self.bound(header)
        if sealer.encrypted:
            return header + aead.seal(nonce, bound, body)
        return header + body + aead.seal(nonce, bound + body, b"")


def made(mistake: dict[str, Any], session: Inside) -> Careless:
    """A key schedule with a mistake."""
    wire = session.wire
    kind: type[Careless] = type("Mistaken", (Careless,), mistake)
    assert wire._aead in AEADS
    return kind(wire.version, wire._aead, psk=session.finish_code == 0xE7)


def shared_of(session: Inside) -> bytes:
    """The session's shared secret."""
    return bytes(session.secrets.kept)


CLEAR = REQUESTER | Cap.HANDSHAKE_IN_THE_CLEAR
DECRYPT = 0x06
Change = Callable[[Pieces], Pieces]


def same(p: Pieces) -> Pieces:
    return p


def begun(
    *,
    psk: bool = False,
    clear: bool = False,
    version: int = 0x13,
    summary: int = 0,
    held: Device | None = None,
    flags: Cap = REQUESTER,
) -> Inside:
    """A session in its handshake, by a requester that has asked for certificates before."""
    wire = CarelessWire(held, version=version, flags=CLEAR if clear else flags)
    wire.good(get_digests(version))
    wire.good(get_certificate(version, length=0x200))
    return wire.by_psk() if psk else wire.by_key(summary=summary)


def wire_of(session: Inside) -> CarelessWire:
    assert isinstance(session.wire, CarelessWire)
    return session.wire


def diagnosed(session: Inside, name: str, tail: str = "") -> None:
    """The doctor has named this mistake, once, and only the session's end came of it."""
    [said] = wire_of(session).diagnoses()
    assert said.diagnosis.mistake == name, said
    assert said.diagnosis.explanation.endswith(tail), said
    assert session.id not in wire_of(session).connection.sessions


def record(session: Inside, change: Change = same, steps: dict[str, Any] | None = None) -> None:
    """FINISH in a record whose keys have a mistake."""
    careless, hashed = made(steps or {}, session), change(pieces(session))
    secret = careless.secret(careless.handshake(shared_of(session)), hashed.th1)
    sealed = careless.record(session, secret, session.finish_request())
    assert wire_of(session).record(sealed) is not None


def proof(
    session: Inside,
    change: Change = same,
    steps: dict[str, Any] | None = None,
    *,
    of_th1: Change | None = None,
) -> None:
    """FINISH whose verify data has a mistake, in its transcripts or in one of them."""
    careless, right = made(steps or {}, session), pieces(session)
    th1 = (of_th1 or change)(right).th1
    verify_data = careless.verify_data(shared_of(session), th1, change(right).proven)
    request = right.finish + verify_data[:48].ljust(48, b"\0")
    if session.in_the_clear:
        assert wire_of(session).ask(request)[:4] == error(session.wire.version, DECRYPT)
    else:
        assert session.ask(request) == error(session.wire.version, DECRYPT)


def data(session: Inside, change: Change = same, steps: dict[str, Any] | None = None) -> None:
    """The first record of data, with a mistake in its keys."""
    kept = shared_of(session)
    th1 = pieces(session).th1
    session.finish()
    careless, hashed = made(steps or {}, session), change(pieces(session))
    sealed = careless.record(
        session, careless.data(kept, th1, hashed.th2), plain(session.wire.version, 0xE8)
    )
    assert wire_of(session).record(sealed) is not None
