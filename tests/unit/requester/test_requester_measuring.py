"""Reading all measurements under one signature."""

import pytest
from asking import Host, patched
from devices import MEASURED, device, error

from emulator.device import Measurement
from emulator.errors import PeerError, PeerErrorReply, SignatureMismatch
from emulator.requester import Measured, measure_all
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.transcript import Part

IN_A_ROW = tuple(Measurement(index, 1, bytes((index,))) for index in (1, 2, 3))
GAPS = tuple(Measurement(index, 1, bytes((index,))) for index in (2, 3, 200))
BUSY = error(0x13, 0x03)


class Unsettled(Host):
    """A host whose device answers some GET_MEASUREMENTS, counted from 0, with an ERROR.

    Attributes:
        instead: the ERROR by number; both sides begin L1/L2 anew with it.
        bent: numbers of replies whose last byte arrives wrong.
        asked: how many were sent.
    """

    def __init__(
        self,
        *measurements: Measurement,
        instead: dict[int, bytes] | None = None,
        bent: tuple[int, ...] = (),
    ) -> None:
        super().__init__(device(measurements=measurements or IN_A_ROW))
        self.instead = instead or {}
        self.bent = bent
        self.asked = 0

    def answer(self, request: bytes) -> bytes:
        if request[1] != Code.GET_MEASUREMENTS:
            return super().answer(request)
        number, self.asked = self.asked, self.asked + 1
        if number in self.instead:
            self.peer.connection.transcript.reset((Part.M,))
            return self.instead[number]
        reply = super().answer(request)
        return patched(reply, -1, reply[-1] ^ 1) if number in self.bent else reply


def read(host: Host, *, one_by_one: bool = False, signed: bool = True) -> Measured:
    count = host.run(host.requester.measurement_count())
    flow = measure_all(
        host.requester, count=count, one_by_one=one_by_one, signed_by=0 if signed else None
    )
    return host.run(flow)


def asked(host: Host) -> list[tuple[int, bool]]:
    """The operations of the GET_MEASUREMENTS that were sent, and whether they were to be signed."""
    return [(sent[3], bool(sent[2] & 1)) for sent in host.sent if sent[1] == 0xE0]


def test_all_at_once() -> None:
    host = Host().connected(0)
    measured = read(host)
    assert [one.index for one in measured.measurements] == [one.index for one in MEASURED]
    assert asked(host) == [(0, False), (0xFF, True)]
    assert measured.readings[-1].covered == 2


def test_one_by_one_the_last_is_signed() -> None:
    host = Unsettled().connected(0)
    measured = read(host, one_by_one=True)
    assert asked(host) == [(0, False), (1, False), (2, False), (3, True)]
    assert [one.index for one in measured.measurements] == [1, 2, 3]
    assert measured.readings[-1].covered == 4


def test_what_a_gap_uncovered_is_read_again() -> None:
    host = Unsettled(*GAPS).connected(0)
    measured = read(host, one_by_one=True)
    assert asked(host)[-4:] == [(200, True), (2, False), (3, False), (200, True)]
    assert [one.index for one in measured.measurements] == [2, 3, 200]
    assert measured.readings[-1].covered == 3


def test_without_a_signature_a_gap_does_not_matter() -> None:
    host = Unsettled(*GAPS).connected(0)
    measured = read(host, one_by_one=True, signed=False)
    assert asked(host)[-1] == (200, False)
    assert len(asked(host)) == 201
    assert len(measured.readings) == 3


def test_what_a_busy_device_uncovered_is_read_again() -> None:
    host = Unsettled(instead={2: BUSY}).connected(0)
    measured = read(host, one_by_one=True)
    assert asked(host)[1:] == [
        (1, False), (2, False), (2, False), (3, True), (1, False), (2, False), (3, True),
    ]  # fmt: skip
    assert measured.readings[-1].covered == 3


def test_a_device_that_is_busy_all_the_time_covers_nothing() -> None:
    host = Unsettled(instead={2: BUSY, 6: BUSY}).connected(0)
    with pytest.raises(PeerError, match="busy in between: its signature does not cover"):
        read(host, one_by_one=True)


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize(("told", "found"), [(4, 3), (2, 3)])
def test_the_count_is_held_against_what_is_there(
    told: int, found: int, *, one_by_one: bool
) -> None:
    host = Unsettled().connected(0)
    flow = measure_all(host.requester, count=told, one_by_one=one_by_one)
    if one_by_one and told < found:
        # What is beyond the count is never asked for.
        assert len(host.run(flow).measurements) == told
        return
    with pytest.raises(PeerError, match=f"counts {told} measurements, and has {found}"):
        host.run(flow)


@pytest.mark.parametrize(("one_by_one", "last"), [(False, 1), (True, 3)])
def test_a_wrong_signature_comes_with_what_it_stood_under(*, one_by_one: bool, last: int) -> None:
    host = Unsettled(bent=(last,)).connected(0)
    with pytest.raises(SignatureMismatch) as caught:
        read(host, one_by_one=one_by_one)
    measured = caught.value.content
    assert isinstance(measured, Measured)
    assert [one.index for one in measured.measurements] == [1, 2, 3]


def test_another_refusal_is_no_gap() -> None:
    host = Unsettled(instead={2: error(0x13, 0x05)}).connected(0)
    with pytest.raises(PeerErrorReply, match="UNSPECIFIED"):
        read(host, one_by_one=True)


def test_an_index_that_went_away_is_missed() -> None:
    # Found in the first round, which a gap spoils, and refused in the second.
    host = Unsettled(*GAPS, instead={202: error(0x13, 0x01)}).connected(0)
    with pytest.raises(PeerError, match="counts 3 measurements, and has 2"):
        read(host, one_by_one=True)


def test_a_device_that_does_not_sign() -> None:
    capabilities = Cap.CERT | Cap.CHAL | Cap.MEAS_NO_SIG
    host = Host(device(capabilities=capabilities)).connected(0)
    measured = read(host, signed=False)
    assert len(measured.measurements) == len(MEASURED)
    assert measured.readings[-1].covered == 0
