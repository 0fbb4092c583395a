"""Write `tests/data/sessions.json` anew from the recorded conversations: run this file.

The numbers alone are taken, and of the records only short ones: no certificate is among them.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from interop import recorded
from interop.session_walk import Opened, Session, Walk

TARGET = Path(__file__).resolve().parents[1] / "data" / "sessions.json"
EACH = 2
"""Records kept of each direction under each key."""

LONGEST = 64


def _records(walk: Walk, number: int) -> list[list[Any]]:
    kept: dict[tuple[object, object], list[Opened]] = defaultdict(list)
    for one in walk.opened:
        if one.session == number and len(one.inner) <= LONGEST:
            kept[one.way, one.stage].append(one)
    return [
        [one.way.value, one.stage, one.sequence, one.record.hex(), one.inner.hex()]
        for group in kept.values()
        for one in group[:EACH]
    ]


def _session(walk: Walk, number: int, session: Session) -> dict[str, Any]:
    schedule = walk.schedule
    return {
        "psk": session.psk,
        "id": session.sealer.session,
        "shared": session.shared.hex(),
        "th1": session.th1.hex(),
        "th2": session.th2.hex(),
        "secrets": {label: secret.hex() for label, secret in session.told.items()},
        "finished": [
            schedule.finished_key(session.told[label]).hex()
            for label in ("REQUEST_HANDSHAKE", "RESPONSE_HANDSHAKE")
        ],
        "master": schedule.master(schedule.handshake(session.shared, psk=session.psk)).hex(),
        "records": _records(walk, number),
    }


def numbers() -> list[dict[str, Any]]:
    """What the file holds. Everything in it has been held against what the two sides logged."""
    walks = [Walk(recorded.read(name)) for name in recorded.NAMES]
    return [
        {
            "name": walk.recording.name,
            "version": walk.recording.version,
            "hash": walk.recording.hash.name,
            "aead": walk.recording.aead.name,
            "sessions": [_session(walk, *one) for one in enumerate(walk.sessions)],
        }
        for walk in walks
    ]


def text() -> str:
    """The same as the file has it: a line for each conversation."""
    lines = [json.dumps(one, separators=(",", ":")) for one in numbers()]
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    TARGET.write_text(text())
