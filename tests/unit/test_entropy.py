import hashlib

import pytest

from emulator.entropy import Recorded, Recorder, Seeded, System
from emulator.errors import EmulatorError


def test_the_system_gives_what_was_not_there_before() -> None:
    system = System()
    assert len(system.bytes(32, label="nonce")) == 32
    assert system.bytes(32, label="nonce") != system.bytes(32, label="nonce")
    assert system.bytes(0, label="nothing") == b""
    assert system.fork("connection 1") is system


def test_a_seed_gives_the_same_in_every_run() -> None:
    known = hashlib.shake_256(b"42\0\0nonce\x000").digest(8)
    assert Seeded(42).bytes(8, label="nonce") == known
    assert Seeded("42").bytes(8, label="nonce") == known
    below = hashlib.shake_256(b"42\0/connection 1/part\0nonce\x001").digest(8)
    fork = Seeded(42).fork("connection 1").fork("part")
    fork.bytes(100, label="nonce")
    assert fork.bytes(8, label="nonce") == below


def test_seed_label_count_and_path_all_matter() -> None:
    source = Seeded("a")
    draws = [
        source.bytes(16, label="nonce"),
        source.bytes(16, label="nonce"),
        source.bytes(16, label="other"),
        Seeded("b").bytes(16, label="nonce"),
        source.fork("one").bytes(16, label="nonce"),
        source.fork("two").bytes(16, label="nonce"),
    ]
    assert len(set(draws)) == len(draws)


def test_one_label_does_not_disturb_another() -> None:
    plain, disturbed = Seeded(1), Seeded(1)
    disturbed.bytes(5, label="something new")
    disturbed.fork("a part").bytes(5, label="nonce")
    assert plain.bytes(16, label="nonce") == disturbed.bytes(16, label="nonce")


def test_forks_of_the_same_label_are_the_same() -> None:
    source = Seeded(1)
    first = source.fork("connection 1").bytes(16, label="nonce")
    assert source.fork("connection 1").bytes(16, label="nonce") == first


def test_a_record_plays_back_what_was_drawn() -> None:
    recorder = Recorder(System())
    drawn = [recorder.bytes(n, label=f"draw {n}") for n in (1, 16, 32)]
    played = Recorded(recorder.draws)
    assert [played.bytes(n, label=f"draw {n}") for n in (1, 16, 32)] == drawn
    with pytest.raises(EmulatorError, match="the record has no draw left for 'one more'"):
        played.bytes(1, label="one more")


@pytest.mark.parametrize(("n", "label"), [(4, "other"), (5, "nonce"), (3, "nonce")])
def test_a_draw_that_differs_from_the_record_is_refused(n: int, label: str) -> None:
    with pytest.raises(EmulatorError, match=f"has 4 bytes for 'nonce' next, not {n} for '{label}'"):
        Recorded([("nonce", b"1234")]).bytes(n, label=label)


def test_a_fork_of_a_recorder_keeps_a_record_of_its_own() -> None:
    recorder = Recorder(Seeded(1))
    fork = recorder.fork("connection 1")
    drawn = fork.bytes(8, label="nonce")
    assert drawn == Seeded(1).fork("connection 1").bytes(8, label="nonce")
    assert (recorder.draws, fork.draws) == ([], [("nonce", drawn)])


def test_a_fork_of_a_record_is_the_record() -> None:
    played = Recorded([("nonce", b"1"), ("nonce", b"2")])
    assert played.fork("connection 1").bytes(1, label="nonce") == b"1"
    assert played.bytes(1, label="nonce") == b"2"
