"""Recorded sessions: every transcript hash, secret and record, as both sides logged them."""

from collections.abc import Iterator
from functools import cache

import pytest
from interop import recorded
from interop.session_walk import Walk

from emulator.spdm.key_schedule import Direction

pytestmark = pytest.mark.vectors


@cache
def _walk(name: str) -> Walk:
    return Walk(recorded.read(name))


@pytest.fixture(params=recorded.NAMES)
def walk(request: pytest.FixtureRequest) -> Walk:
    recorded.read(request.param)
    return _walk(request.param)


def logged(walk: Walk, label: str) -> Iterator[str]:
    """A secret of each key-exchange session; those of pre-shared keys were not logged."""
    return (one.told[label].hex() for one in walk.sessions if not one.psk)


def test_every_transcript_hash_is_the_one_logged(walk: Walk) -> None:
    """Signatures and verify data over the transcripts on the way there have been checked too."""
    assert [session.psk for session in walk.sessions] == [False, True, True, False]
    assert [session.th1.hex() for session in walk.sessions] == walk.recording.facts["th1_hash"]
    assert [session.th2.hex() for session in walk.sessions] == walk.recording.facts["th2_hash"]


@pytest.mark.parametrize(
    ("label", "fact"),
    [
        ("REQUEST_HANDSHAKE", "request_handshake_secret"),
        ("RESPONSE_HANDSHAKE", "response_handshake_secret"),
        ("REQUEST_DATA", "request_data_secret"),
        ("RESPONSE_DATA", "response_data_secret"),
        ("EXPORT_MASTER", "export_master_secret"),
    ],
)
def test_every_secret_is_the_one_logged(walk: Walk, label: str, fact: str) -> None:
    assert list(logged(walk, label)) == walk.recording.facts[fact]


def test_every_finished_key_is_the_one_logged(walk: Walk) -> None:
    """Those of the sessions with pre-shared keys were logged as well."""
    found = [
        walk.schedule.finished_key(session.told[label]).hex()
        for session in walk.sessions
        for label in ("REQUEST_HANDSHAKE", "RESPONSE_HANDSHAKE")
    ]
    assert found == walk.recording.facts["finished_key"]


def test_every_master_secret_is_the_one_logged(walk: Walk) -> None:
    schedule = walk.schedule
    found = [
        schedule.master(schedule.handshake(session.shared, psk=False)).hex()
        for session in walk.sessions
        if not session.psk
    ]
    assert found == walk.recording.facts["master_secret"]


def test_every_record_opens_to_what_was_logged(walk: Walk) -> None:
    found = [
        [one.frame, (len(one.inner).to_bytes(2, "little") + one.inner).hex()] for one in walk.opened
    ]
    assert found == walk.recording.facts["plaintext"]
    assert len(found) >= 316


def test_every_record_is_made_again(walk: Walk) -> None:
    """The same keys and numbers seal the same message to the same bytes."""
    assert [one.remade == one.record[: len(one.remade)] for one in walk.opened] == [True] * len(
        walk.opened
    )


def test_keys_were_updated_in_both_directions(walk: Walk) -> None:
    stages = {(one.way, one.stage) for one in walk.opened}
    assert {(way, stage) for way in Direction for stage in ("hs", 0, 1)} <= stages


def test_one_recording_has_mutual_authentication() -> None:
    recorded.read(recorded.NAMES[0])
    asked = [name for name in recorded.NAMES if _walk(name).authenticated]
    assert asked == ["v14_default_mutauth_measall"]
