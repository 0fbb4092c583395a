"""Recorded conversations of DMTF's emulators, cut into messages.

Sizes of what has no layout yet are found here, after libspdm `include/industry_standard/spdm.h`.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from support import require_or_skip

from emulator.spdm.algorithms import (
    AEADS,
    DHE_GROUPS,
    HASHES,
    SIGNATURES,
    Algorithm,
    AlgType,
    by_bit,
)
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.messages import LAYOUTS, Algorithms, Capabilities, GetCapabilities
from emulator.spdm.messages.key_exchange import SIGNATURE_INCLUDED
from emulator.transport import doe
from emulator.wire import Shape, decode

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
NAMES = (
    "v11_p256",
    "v12_p384",
    "v12_p384_hs_encrypted",
    "v12_rsassa3072_ffdhe3072",
    "v13_p384",
    "v14_default_mutauth_measall",
    "v14_mldsa65_mlkem768",
)
ML_DSA_65 = Algorithm("ML_DSA_65", 0x02, 3309)
"""The one PQC signature algorithm recorded: a bit of PqcAsymSel."""

LARGE = 0x80
"""Param1 of GET_CERTIFICATE and CERTIFICATE since 1.4: offsets and lengths have 32 bits."""

MULTI_KEY = 0x10
"""OtherParamsSelection since 1.3: DIGESTS describe each slot's key in four more bytes."""

SLOTS_AT = 3
NONCE = 32
CONTEXT = 8
CHUNK_ATTRIBUTES_AT = 2
ML_KEM_768 = {Code.KEY_EXCHANGE: 1184, Code.KEY_EXCHANGE_RSP: 1088}
"""Bytes of exchange data of the one KEM recorded: the key, and the ciphertext."""

Exchange = tuple[bytes, bytes]


@dataclass(frozen=True)
class Recorded:
    """One recorded conversation.

    Attributes:
        name: its file's.
        facts: all of the file: what both sides logged.
        pieces: requests and replies in the clear as they came, chunks and padding included.
        exchanges: the same without padding, chunks put together.
        sessions: signed GET_MEASUREMENTS and MEASUREMENTS inside sessions.
        agreed: ALGORITHMS.
        hash: the base hash.
        asym: the responder's signature algorithm.
        req_asym: the requester's, or None.
    """

    name: str
    facts: dict[str, Any]
    pieces: list[Exchange]
    agreed: Algorithms
    exchanges: list[Exchange] = field(default_factory=list)
    sessions: list[Exchange] = field(default_factory=list)

    @property
    def version(self) -> int:
        """The negotiated SPDMVersion."""
        return self.agreed.version

    @property
    def hash(self) -> Algorithm:
        """The base hash."""
        return by_bit(HASHES, self.agreed.base_hash)

    @property
    def asym(self) -> Algorithm:
        """The responder's signature algorithm."""
        if self.agreed.pqc_asym:
            return by_bit((ML_DSA_65,), self.agreed.pqc_asym)
        return by_bit(SIGNATURES, self.agreed.base_asym)

    @property
    def req_asym(self) -> Algorithm:
        """The requester's signature algorithm."""
        return by_bit(SIGNATURES, self._structure(AlgType.REQ_BASE_ASYM))

    @property
    def dhe(self) -> Algorithm | None:
        """The group of key exchanges; None with a KEM."""
        bits = self._structure(AlgType.DHE)
        return by_bit(DHE_GROUPS, bits) if bits else None

    @property
    def aead(self) -> Algorithm:
        """The AEAD algorithm of sessions."""
        return by_bit(AEADS, self._structure(AlgType.AEAD))

    @property
    def handshake_in_the_clear(self) -> bool:
        """Whether FINISH and its reply are in plain text, as both sides offer."""
        shape = Shape(self.version)
        asked, _ = decode(GetCapabilities, self.pieces[1][0], shape)
        told, _ = decode(Capabilities, self.pieces[1][1], shape)
        return Cap.HANDSHAKE_IN_THE_CLEAR in asked.flags & told.flags

    def _structure(self, kind: AlgType) -> int:
        return sum(one.supported for one in self.agreed.structures if one.kind == kind)

    def first(self, code: Code, start: int = 0) -> int:
        """Where the first request of this code stands, from `start` on."""
        return next(
            at for at in range(start, len(self.exchanges)) if self.exchanges[at][0][1] == code
        )


def read(name: str) -> Recorded:
    """The conversation `name`, one of NAMES; skips the test where there are no recordings."""
    path = VECTORS / f"{name}.json"
    require_or_skip(path.exists(), f"recorded conversations are needed in {VECTORS}")
    return _read(path)


@cache
def _read(path: Path) -> Recorded:
    facts = json.loads(path.read_text())
    pieces = list(_clear(facts))
    agreed, _ = decode(Algorithms, pieces[2][1], Shape(pieces[2][1][0]))
    recorded = Recorded(path.stem, facts, pieces, agreed)
    recorded.exchanges.extend(whole(recorded, pieces))
    inside = [bytes.fromhex(text)[2:] for _, text in facts["plaintext"]]
    measured = [raw for raw in inside if raw[1] in {Code.GET_MEASUREMENTS, Code.MEASUREMENTS}]
    recorded.sessions.extend(zip(measured[::2], measured[1::2], strict=True))
    return recorded


def _clear(facts: dict[str, Any]) -> Iterator[Exchange]:
    objects = [doe.parse(bytes.fromhex(frame)) for frame in facts["frames"]]
    for request, reply in zip(objects[::2], objects[1::2], strict=True):
        if request.kind == reply.kind == doe.DataObjectType.CMA_SPDM:
            yield request.payload, reply.payload


def whole(recorded: Recorded, pieces: Iterable[Exchange]) -> Iterator[Exchange]:
    """Exchanges without padding, and those that went in chunks put together."""
    waiting = b""
    large = b""
    for request, reply in pieces:
        if request[1] == Code.CHUNK_SEND:
            chunk, first, last = _chunk(request)
            large = chunk if first else large + chunk
            if last:
                yield large, reply[8:]
        elif request[1] == Code.CHUNK_GET:
            chunk, first, last = _chunk(reply)
            large = chunk if first else large + chunk
            if last:
                yield waiting, own(recorded, large, waiting)
        else:
            waiting = own(recorded, request)
            if reply[1:3] != bytes((Code.ERROR, ErrorCode.LARGE_RESPONSE)):
                yield waiting, own(recorded, reply, waiting)


def _chunk(raw: bytes) -> tuple[bytes, bool, bool]:
    """The chunk in a message of 1.4, whether it is the first, and whether the last."""
    sequence, size = struct.unpack_from("<II", raw, 4)
    start = 12 if sequence else 16
    return raw[start : start + size], not sequence, bool(raw[CHUNK_ATTRIBUTES_AT] & 1)


def own(recorded: Recorded, raw: bytes, request: bytes = b"", *, signature: int = 0) -> bytes:
    """A message without padding.

    Args:
        recorded: where it is from.
        raw: the message.
        request: what it answers: a summary and a signature are there where this asks for them.
        signature: bytes of its signature where the peer's algorithm is not the responder's.
    """
    code, size = raw[1], len(raw)
    match code:
        case Code.CERTIFICATE | Code.GET_CERTIFICATE if recorded.version >= 0x14 and raw[2] & LARGE:
            size = 16 + (struct.unpack_from("<I", raw, 8)[0] if code == Code.CERTIFICATE else 0)
        case Code.DIGESTS:
            size = 4 + raw[SLOTS_AT].bit_count() * (recorded.hash.size + 4 * _multi_key(recorded))
        case Code.CHALLENGE_AUTH | Code.MEASUREMENTS:
            signature = signature or recorded.asym.size
            size = unsigned_size(recorded, raw, request) + signature
        case Code.ENDPOINT_INFO:
            size = unsigned_size(recorded, raw, request) + (signature or recorded.asym.size)
        case Code.GET_ENDPOINT_INFO:
            size = 8 + NONCE
        case Code.MEASUREMENT_EXTENSION_LOG:
            size = 12 + struct.unpack_from("<I", raw, 4)[0]
        case _ if code in LAYOUTS:
            _, size = decode(LAYOUTS[code], raw, shape(recorded, raw, request))
    return raw[:size]


def shape(  # noqa: C901 - a row for each message
    recorded: Recorded, raw: bytes, request: bytes
) -> Shape:
    """The shape of a message that is, or answers, `request`."""
    code = raw[1]
    if code in {Code.GET_VERSION, Code.VERSION}:
        return Shape(0x10)
    size = recorded.hash.size
    sizes: dict[str, int] = {}
    if code in {Code.KEY_EXCHANGE_RSP, Code.PSK_EXCHANGE_RSP} and request[2]:
        sizes["summary"] = size
    match code:
        case Code.CHALLENGE_AUTH:
            sizes = {"signature": recorded.asym.size, "summary": size if request[3] else 0}
        case Code.MEASUREMENTS:
            sizes = {"signature": recorded.asym.size if request[2] & 1 else 0}
        case Code.KEY_EXCHANGE | Code.KEY_EXCHANGE_RSP:
            sizes["exchange"] = recorded.dhe.size if recorded.dhe else ML_KEM_768[Code(code)]
            sizes["signature"] = recorded.asym.size
            sizes["verify"] = 0 if recorded.handshake_in_the_clear else size
        case Code.FINISH:
            signs = raw[2] & SIGNATURE_INCLUDED
            sizes = {"signature": recorded.req_asym.size if signs else 0, "verify": size}
        case Code.FINISH_RSP:
            sizes = {"verify": size if recorded.handshake_in_the_clear else 0}
        case Code.PSK_EXCHANGE_RSP | Code.PSK_FINISH:
            sizes["verify"] = size
        case Code.DIGESTS:
            sizes["multi_key"] = _multi_key(recorded)
        case Code.ENDPOINT_INFO if request[4] & 1:
            sizes["signature"] = recorded.asym.size
    return Shape(recorded.version, size, **sizes)


def _multi_key(recorded: Recorded) -> int:
    return int(bool(recorded.version >= 0x13 and recorded.agreed.other_params & MULTI_KEY))


def unsigned_size(recorded: Recorded, raw: bytes, request: bytes) -> int:
    """Where the signature of a message begins."""
    context = CONTEXT if recorded.version >= 0x13 else 0
    match raw[1]:
        case Code.CHALLENGE_AUTH:
            summary = recorded.hash.size if request[3] else 0
            at = 4 + recorded.hash.size + NONCE + summary
        case Code.MEASUREMENTS:
            at = 8 + int.from_bytes(raw[5:8], "little") + NONCE
        case _:
            at = 8 + NONCE
            return at + 4 + int.from_bytes(raw[at : at + 4], "little")
    return at + 2 + int.from_bytes(raw[at : at + 2], "little") + context
