"""Recorded conversations of DMTF's emulators: our layouts and transcripts give their hashes.

The messages are cut out of the recorded data objects by our layouts, put into a transcript by our
rules, and hashed; the reference responder logged the hashes it signed.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.spdm.codes import Code
from emulator.spdm.messages import LAYOUTS, Challenge, GetMeasurements
from emulator.spdm.state import TRANSITIONS, State, after
from emulator.spdm.transcript import M1M2, Entry, Part, Transcript, l1l2, resets
from emulator.transport import doe
from emulator.wire import Message, Shape, encode, parse

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "vectors"

PARTS = {
    Code.GET_VERSION: Part.A,
    Code.GET_CAPABILITIES: Part.A,
    Code.NEGOTIATE_ALGORITHMS: Part.A,
    Code.GET_DIGESTS: Part.B,
    Code.GET_CERTIFICATE: Part.B,
    Code.CHALLENGE: Part.C,
    Code.GET_MEASUREMENTS: Part.M,
}

# Nothing installs the recordings, so that they lack is no failure of CI's.
pytestmark = [
    pytest.mark.vectors,
    pytest.mark.skipif(not VECTORS.is_dir(), reason=f"recorded conversations go to {VECTORS}"),
]


def clear_exchanges(recorded: dict[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    """Requests and replies that are plain SPDM messages with layouts of ours, padding included."""
    objects = [doe.parse(bytes.fromhex(frame)) for frame in recorded["frames"]]
    for request, reply in zip(objects[::2], objects[1::2], strict=True):
        plain = request.kind == reply.kind == doe.DataObjectType.CMA_SPDM
        if plain and request.payload[1] in PARTS:
            yield request.payload, reply.payload


def cut(raw: bytes, shape: Shape) -> tuple[Message, bytes]:
    """The message in `raw`, and its bytes without padding and signature."""
    message, end = parse(LAYOUTS[raw[1]], raw, shape, slack=doe.PADDING)
    assert encode(message, shape) == raw[:end]
    return message, encode(message, shape, trailer=False)


def shape_of(request: Message, version: int, signature: int, size: int) -> Shape:
    """The shape of what answers `request`, with signatures and hashes of these sizes."""
    match request:
        case Challenge(summary_type=summary):
            return Shape(version, size, signature, size if summary else 0)
        case GetMeasurements(attributes=attributes):
            return Shape(version, size, signature if attributes & 1 else 0)
        case _:
            return Shape(version, size)


@pytest.mark.parametrize(
    ("name", "signature", "hashed"),
    [
        ("v11_p256", 64, hashlib.sha256),
        ("v12_p384", 96, hashlib.sha384),
        ("v12_p384_hs_encrypted", 96, hashlib.sha384),
        ("v12_rsassa3072_ffdhe3072", 384, hashlib.sha384),
    ],
)
def test_recorded_hashes_are_reproduced(
    name: str, signature: int, hashed: Callable[[bytes], Any]
) -> None:
    size = hashed(b"").digest_size
    path = VECTORS / f"{name}.json"
    recorded = json.loads(path.read_text())
    transcript, state, signed = Transcript(), State.NOT_STARTED, []
    for raw_request, raw_reply in clear_exchanges(recorded):
        code = Code(raw_request[1])
        version = raw_request[0]
        request, request_bytes = cut(raw_request, Shape(version, size))
        _, reply_bytes = cut(raw_reply, shape_of(request, version, signature, size))
        assert state in TRANSITIONS[code].legal
        transcript.reset(resets(code, state))
        transcript.append(PARTS[code], (Entry(request_bytes), Entry(reply_bytes)))
        state = after(state, code)
        parts = {Code.CHALLENGE: M1M2, Code.GET_MEASUREMENTS: l1l2(version)}.get(code)
        if parts is not None:
            log = b"".join(entry.raw for entry in transcript.view(parts))
            signed.append((code, hashed(log).hexdigest()))
            transcript.reset((Part.M,) if code == Code.GET_MEASUREMENTS else (Part.B, Part.C))
    assert state == State.AUTHENTICATED
    in_sessions = recorded["l1l2_hash"][1:]
    assert len(in_sessions) == 3
    assert signed == [
        (Code.CHALLENGE, *recorded["m1m2_hash"]),
        (Code.GET_MEASUREMENTS, recorded["l1l2_hash"][0]),
    ]
