"""What `top` makes of two looks at an emulator."""

from typing import Any

import pytest
from rich.cells import cell_len

from emulator.report.event import event_line
from emulator.report.top import Rates, Row, Sample, View, listing, plain, rows, screen, total
from emulator.report.top.columns import counted, rate

INFO = {"emulator": "lab-1", "version": "9.9", "seconds": 93784, "recording": None}


def device(requests: int = 0, errors: int = 0, silent: int = 0, fired: int = 0) -> dict[str, Any]:
    return {
        "address": "127.0.0.1:2323",
        "profile": "nvme-ssd",
        "connections": 2,
        "requests": requests,
        "errors": errors,
        "silent": silent,
        "fired": fired,
        "faults": 3,
    }


def sample(at: float, **devices: dict[str, Any]) -> Sample:
    return Sample(at, INFO, devices)


def test_a_rate_is_the_difference_by_the_time_between() -> None:
    before = sample(10.0, one=device(100, 10, 1, 5), idle=device(7))
    after = sample(14.0, one=device(180, 30, 3, 9), idle=device(7))
    one, idle = rows(before, after)
    assert one.rates == Rates(requests=20, errors=5, silent=0.5, fired=1)
    assert (one.counts, one.connections, one.armed) == (Rates(180, 30, 3, 9), 2, 3)
    assert idle.rates == Rates()


def test_without_an_earlier_look_or_time_between_nothing_is_known() -> None:
    now = sample(1.0, one=device(100))
    assert rows(None, now)[0].rates == Rates()
    assert rows(now, now)[0].rates == Rates()


def test_a_device_that_is_new_or_counts_anew_did_all_it_has_counted() -> None:
    before = sample(0.0, again=device(1000, 500))
    after = sample(2.0, again=device(8, 4), new=device(6))
    assert [row.rates for row in rows(before, after)] == [Rates(4, 2), Rates(3)]


def test_a_device_that_is_gone_has_no_row() -> None:
    assert rows(sample(0.0, gone=device(1)), sample(1.0)) == []


def test_several_together() -> None:
    few = [
        Row("a", connections=1, armed=2, counts=Rates(1, 2, 3, 4), rates=Rates(0.5)),
        Row("b", connections=3, armed=1, counts=Rates(10, 20, 30, 40), rates=Rates(1, 2, 3, 4)),
    ]
    assert total("all", few) == Row(
        "all", connections=4, armed=3, counts=Rates(11, 22, 33, 44), rates=Rates(1.5, 2, 3, 4)
    )


@pytest.mark.parametrize(
    ("value", "count", "each_second"),
    [
        (0, "0", "-"),
        (0.04, "0", "-"),
        (7.25, "7", "7.2"),
        (9999.9, "9999", "9999.9"),
        (10_000, "10000", "10.0k"),
        (123_456, "123.5k", "123.5k"),
        (7_000_000, "7.0M", "7.0M"),
        (3e10, "30.0G", "30.0G"),
    ],
)
def test_numbers_fit_their_columns(value: float, count: str, each_second: str) -> None:
    assert (counted(value), rate(value)) == (count, each_second)
    assert max(len(count), len(each_second)) <= 6


def named(*names: str) -> list[Row]:
    return [Row(name) for name in names]


def order(view: View, among: list[Row]) -> list[str]:
    return [row.name for row in view.chosen(among)]


def test_the_busiest_come_first_and_the_others_by_their_names() -> None:
    several = [
        *named("d10", "d9"),
        Row("slow", rates=Rates(1, fired=1), connections=9),
        Row("busy", rates=Rates(5), connections=3),
        Row("ill", rates=Rates(2, errors=2)),
    ]
    assert order(View(), several) == ["busy", "ill", "slow", "d9", "d10"]
    assert order(View(sort="errors"), several)[0] == "ill"
    assert order(View(sort="faults"), several)[0] == "slow"
    assert order(View(sort="connections"), several)[:2] == ["slow", "busy"]
    assert order(View(sort="name"), several) == ["busy", "d9", "d10", "ill", "slow"]


def test_a_filter_is_part_of_a_name_or_a_pattern() -> None:
    several = named("nvme-1", "nvme-2", "my-NVME", "gpu")
    assert order(View(filter="nvme"), several) == ["my-NVME", "nvme-1", "nvme-2"]
    assert order(View(filter="nvme*"), several) == ["nvme-1", "nvme-2"]
    assert order(View(filter="*[2u]"), several) == ["gpu", "nvme-2"]


def pressed(keys: str, view: View | None = None) -> View:
    view = view or View()
    for key in keys:
        assert view.press(key)
    return view


def test_keys() -> None:
    assert not View().press("q")
    assert [pressed("s" * count).sort for count in (1, 2, 3, 4, 5)] == [
        *("errors", "faults", "connections", "name", "requests"),
    ]
    assert pressed("fnvq").filter == "nvq"
    assert pressed("fnv").editing
    assert pressed("fnvx\x7f\n") == View(filter="nv")
    assert pressed("fnv\x1b") == View()
    assert pressed("\x1b", View(filter="nv")) == View()
    assert pressed("x\x03\n") == View()


SIZES = [(80, 24), (160, 50), (60, 12), (40, 8), (20, 5), (200, 100)]
MANY = [
    Row(f"nvme-{number}", "127.0.0.1:2323", "nvme-ssd", 1, rates=Rates(2000 - number, 1, 0, 0.5))
    for number in range(1000)
]
FIRED = {
    "event": "fault.fired",
    "time": "2026-11-23T12:00:00.123456Z",
    "device": "nvme-7",
    "connection": 3,
    "rule": "storm/late",
    "stage": "delivery",
    "what": "\x1b[31m0.02 s late\n" + "x" * 300,
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [0, 1, 5, 1000])
@pytest.mark.parametrize("events", [0, 2, 64])
@pytest.mark.parametrize("view", [View(), View(filter="none"), View(filter="1", editing=True)])
def test_a_screen_has_its_lines_and_none_is_too_wide(
    size: tuple[int, int], count: int, events: int, view: View
) -> None:
    lines = screen(MANY[:count], INFO, view, [FIRED] * events, size)
    assert len(lines) == size[1]
    assert all(cell_len(line.plain) <= size[0] for line in lines)
    assert all(line.plain.isprintable() for line in lines)


def test_what_does_not_fit_is_summed_up() -> None:
    lines = [line.plain for line in screen(MANY, INFO, View(), [], (80, 24))]
    assert lines[0].startswith("lab-1  9.9  up 1d 02:03:04  1000 devices  1000 connections")
    assert lines[1].split()[2] == "1.5M"
    assert lines[3].split()[:3] == ["DEVICE", "CONN", "REQ/S"]
    shown = lines[4:-1]
    assert [line.split()[0] for line in shown[:-1]] == [f"nvme-{n}" for n in range(18)]
    assert shown[-1].split()[:3] == ["982", "more", "982"]
    assert lines[-1] == "q quit  s sort: requests  f filter: none"


def test_the_columns_are_aligned() -> None:
    head, *shown = [line.plain for line in screen(MANY, INFO, View(), [], (160, 30))][3:-1]
    for column in ("CONN", "REQ/S", "ERR/S", "FAULT/S", "REQUESTS"):
        end = head.index(column) + len(column)
        assert all(line[end - 1] != " " and line[end : end + 1] in {" ", ""} for line in shown)


def test_wide_names_keep_the_columns() -> None:
    several = [Row("設備" * 20, rates=Rates(1)), Row("short", rates=Rates(2))]
    lines = screen(several, INFO, View(), [], (80, 10))
    head = lines[3].plain
    end = head.index("REQ/S") + len("REQ/S")
    for line, value in ((lines[4], "2.0"), (lines[5], "1.0")):
        before = line.plain[: line.plain.index(value) + len(value)]
        assert cell_len(before) == end


def test_events_take_the_room_that_devices_leave_and_are_those_of_the_shown() -> None:
    events = [FIRED, {**FIRED, "device": "gpu"}] * 30
    few = [line.plain for line in screen(MANY[:3], INFO, View(), events, (80, 30))]
    assert sum("fault.fired" in line for line in few) == 30 - 2 - 1 - 1 - 3 - 1 - 1
    many = [line.plain for line in screen(MANY, INFO, View(), events, (80, 30))]
    assert sum("fault.fired" in line for line in many) == 10
    own = [line.plain for line in screen(MANY, INFO, View(filter="gpu"), events, (80, 30))]
    assert {line.split()[1] for line in own if "fault.fired" in line} == {"gpu"}


def test_a_filter_that_fits_nothing_says_so() -> None:
    lines = [line.plain for line in screen(MANY, INFO, View(filter="zz"), [], (80, 24))]
    assert lines[4] == "no device fits zz"
    assert lines[-1].endswith("filter: zz  0 of 1000")


def test_a_single_look_has_all_devices() -> None:
    lines = [line.plain for line in listing(MANY, {**INFO, "recording": "x.pcapng"}, View(), 160)]
    assert len(lines) == 4 + 1000
    assert "recording x.pcapng" in lines[0]
    assert lines[4].split()[-2:] == ["127.0.0.1:2323", "nvme-ssd"]


def test_a_console_of_ascii_gets_ascii_of_the_same_width() -> None:
    for line in screen(MANY, INFO, View(), [FIRED] * 9, (80, 24)):
        assert plain(line).plain.isascii()
        assert len(plain(line).plain) == cell_len(line.plain)


def test_an_event_in_a_line() -> None:
    event = {**FIRED, "what": "two words"}
    assert event_line(event) == (
        "12:00:00.123 nvme-7 connection 3: fault.fired"
        ' rule=storm/late stage=delivery what="two words"'
    )
    assert event_line(event, brief=True) == (
        "12:00:00 nvme-7 #3: fault.fired storm/late, delivery, two words"
    )
    up = {"event": "emulator.up", "time": "2026-11-23T12:00:00.123456Z", "emulator": "e"}
    assert event_line({**up, "devices": 2}) == "12:00:00.123 e: emulator.up devices=2"
    assert event_line({**up, "a": "\x1b[2J", "b": [1]}).endswith(r'a="\u001b[2J" b=[1]')
