import pytest

from emulator.spdm import transcript
from emulator.spdm.codes import Code
from emulator.spdm.state import State
from emulator.spdm.transcript import M1M2, Entry, Part, Transcript, differ, l1l2, resets

A, B, C, M, D = Part
ONE, TWO, THREE = (
    Entry(bytes((0x13, code, number, 0))) for code, number in ((0x81, 1), (1, 2), (0x83, 3))
)


def test_parts_keep_their_messages_in_order() -> None:
    log = Transcript()
    log.append(B, (ONE, TWO))
    log.append(A, (THREE,))
    log.append(B, (THREE,))
    assert log.part(B) == (ONE, TWO, THREE)
    assert log.view(M1M2) == (THREE, ONE, TWO, THREE)
    assert log.view((B, A)) == (ONE, TWO, THREE, THREE)
    assert log.part(M) == ()


def test_a_view_is_not_the_log() -> None:
    log = Transcript()
    log.append(A, (ONE,))
    view = log.view((A,))
    log.append(A, (TWO,))
    assert view == (ONE,)


def test_resetting_empties_the_named_parts_only() -> None:
    log = Transcript()
    for part in Part:
        log.append(part, (ONE,))
    log.reset((B, M))
    assert [len(log.part(part)) for part in Part] == [1, 0, 1, 0, 1]
    log.reset((B,))
    log.append(B, (TWO,))
    assert log.part(B) == (TWO,)


def test_a_part_holds_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript, "LIMIT", 10)
    log = Transcript()
    assert log.fits(M, (Entry(bytes(5)), Entry(bytes(5))))
    assert not log.fits(M, (Entry(bytes(5)), Entry(bytes(6))))
    log.append(M, (Entry(bytes(9)),))
    assert log.fits(M, (Entry(bytes(1)),))
    assert not log.fits(M, (Entry(bytes(2)),))
    assert log.fits(B, (Entry(bytes(10)),))
    log.reset((M,))
    assert log.fits(M, (Entry(bytes(10)),))


def test_what_signatures_cover() -> None:
    assert M1M2 == (A, B, C)
    assert l1l2(0x12) == l1l2(0x13) == (A, M)


def test_measurements_up_to_1_1_cover_no_negotiation(monkeypatch: pytest.MonkeyPatch) -> None:
    class Older:
        vca_in_l1l2 = False

    monkeypatch.setattr(transcript, "rules", lambda _version: Older)
    assert l1l2(0x11) == (M,)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(
    ("request_code", "emptied"),
    [
        (Code.GET_VERSION, {A, B, C, M, D}),
        (Code.GET_CAPABILITIES, {M}),
        (Code.NEGOTIATE_ALGORITHMS, {M}),
        (Code.GET_DIGESTS, {B, M}),
        (Code.GET_CERTIFICATE, {M}),
        (Code.CHALLENGE, {M}),
        (Code.VENDOR_DEFINED_REQUEST, {M}),
    ],
)
def test_what_a_request_empties(request_code: Code, emptied: set[Part], state: State) -> None:
    assert set(resets(request_code, state)) == emptied


@pytest.mark.parametrize("state", State)
def test_measuring_gives_up_an_authentication_that_is_not_complete(state: State) -> None:
    expected = {B, C} if state < State.AUTHENTICATED else set()
    assert set(resets(Code.GET_MEASUREMENTS, state)) == expected


def test_equal_views_do_not_differ() -> None:
    assert differ((), ()) is None
    assert differ((ONE, TWO), (Entry(ONE.raw), TWO)) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "where"),
    [
        ((ONE, TWO), (ONE, THREE), "message 1 (DIGESTS against CHALLENGE) at byte 1"),
        ((ONE,), (Entry(ONE.raw + b"?"),), "message 0 (GET_DIGESTS against GET_DIGESTS) at byte 4"),
        ((Entry(b""),), (ONE,), "message 0 ((short) against GET_DIGESTS) at byte 0"),
        ((ONE, TWO), (ONE,), "message 1 (DIGESTS) is on one side only"),
        ((), (THREE,), "message 0 (CHALLENGE) is on one side only"),
    ],
)
def test_views_say_where_they_differ(
    ours: transcript.View, theirs: transcript.View, where: str
) -> None:
    assert differ(ours, theirs) == where
