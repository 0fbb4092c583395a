"""The pure parts that keep peers within limits: times are arguments, and bytes are cut anyhow."""

import pytest
from devices import GET_VERSION, frame, spdm_frame
from hypothesis import given
from hypothesis import strategies as st

from emulator.serve.limits import Admission, Bucket, Intake, Seldom
from emulator.transport.stream import Cutter
from emulator.transport.tcp import TCP

FRAMES = [spdm_frame(GET_VERSION), frame(), frame(b"x"), frame(bytes(300), command=0xDEAD)]
ALONE = [TCP.wrap(GET_VERSION), TCP.wrap(bytes(30)), bytes.fromhex("000001bf"), TCP.wrap(b"x")]


@given(
    st.sampled_from([FRAMES, ALONE]).flatmap(
        lambda some: st.lists(st.sampled_from(some), max_size=8)
    ),
    st.lists(st.integers(1, 50), max_size=20),
)
def test_a_stream_is_taken_frame_by_frame_however_it_comes(
    frames: list[bytes], sizes: list[int]
) -> None:
    stream = b"".join(frames)
    intake, taken = Intake(), [b""]
    for size in [*sizes, len(stream)]:
        intake.add(stream[:size])
        stream = stream[size:]
        while intake.held:
            data, whole = intake.next()
            taken[-1] += data
            if whole:
                taken.append(b"")
    assert taken == [*frames, b""]


def test_what_waits_is_kept_in_order() -> None:
    intake = Intake()
    intake.add(frame(b"a") + frame(b"b")[:5])
    assert intake.next() == (frame(b"a"), True)
    intake.add(frame(b"b")[5:] + frame(b"c"))
    assert intake.held == 26
    assert intake.next() == (frame(b"b"), True)
    intake.clear()
    assert intake.held == 0


def test_a_length_that_is_none_ends_somewhere() -> None:
    cutter = Cutter()
    assert cutter.cut(bytes.fromhex("010001050000"), 0) == (3, True)
    assert Cutter().cut(b"\0\0\0\1\0\0\0\2\xff\xff\xff\xff" + bytes(100), 0) == (112, False)


def test_a_bucket_holds_a_second_of_requests() -> None:
    bucket = Bucket(4)
    for _ in range(4):
        assert bucket.wait(100.0) == 0
        bucket.take(100.0)
    assert bucket.wait(100.0) == pytest.approx(0.25)
    assert bucket.wait(100.25) == 0
    bucket.take(100.25)
    assert bucket.wait(100.25) == pytest.approx(0.25)
    assert bucket.wait(200.0) == 0


def test_a_bucket_of_less_than_one_a_second_holds_one() -> None:
    bucket = Bucket(0.5)
    assert bucket.wait(7.0) == 0
    bucket.take(7.0)
    assert bucket.wait(7.0) == pytest.approx(2.0)


def test_many_alike_are_told_of_seldom() -> None:
    seldom = Seldom(10)
    assert [seldom.due(now) for now in (5.0, 6.0, 14.9, 15.0, 15.1, 40.0)] == [1, 0, 0, 3, 0, 2]


def test_an_admission_counts() -> None:
    admission = Admission(2)
    assert [admission.enter() for _ in range(3)] == [True, True, False]
    admission.leave()
    assert admission.enter()
    assert Admission().most > 100
