"""Reading all measurements under one signature."""

from collections.abc import Iterable

import pytest
from asking import Host, patched
from devices import MEASURED, device, error

from emulator.device import Measurement
from emulator.errors import PeerError, PeerErrorReply, SignatureMismatch
from emulator.requester import Measured, measure_all
from emulator.spdm.codes import Code

IN_A_ROW = tuple(Measurement(index, 1, bytes((index,))) for index in (1, 2, 3))
GAPS = tuple(Measurement(index, 1, bytes((index,))) for index in (2, 3, 200))


class Unsettled(Host):
    """A host whose device answers some of the GET_MEASUREMENTS, counted from 0, otherwise."""

    instead: dict[int, bytes]
    bends: Iterable[int] = ()
    asked = 0

    def answer(self, request: bytes) -> bytes:
        if request[1] != Code.GET_MEASUREMENTS:
            return super().answer(request)
        number, self.asked = self.asked, self.asked + 1
        if number in self.instead:
            # Something other than MEASUREMENTS was said: the device begins L1/L2 anew, too.
            self.peer.connection.transcript.reset((self.peer.connection.transcript_part(),)) if False else None
            return self.instead[number]
        reply = super().answer(request)
        return patched(reply, -1, reply[-1] ^ 1) if number in self.bends else reply


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
