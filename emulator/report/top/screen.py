"""The whole screen of `top`: exactly as many lines as there are, none wider than it."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import set_cell_size
from rich.text import Text

from emulator.forms.words import counted as several
from emulator.report.event import event_line
from emulator.report.top.columns import fitting, heading, line, rate
from emulator.report.top.rates import Row, total
from emulator.report.top.view import View

EVENTS_SHARE = 3
"""One line in so many is for events, and all that devices leave."""

_FIXED = 3
"""Lines beside those of devices and events: an empty one, the heading, the keys."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_CALM = ("step", "connection.up", "connection.down")
_STYLES = {
    "diagnosis": "yellow",
    "fault.fired": "red",
    "error": "bold red",
    "limit": "yellow",
    "dropped": "yellow",
}


def screen(
    rows: Sequence[Row],
    info: Mapping[str, Any],
    view: View,
    events: Sequence[Mapping[str, Any]],
    size: tuple[int, int],
) -> list[Text]:
    """The lines of a screen.

    Args:
        rows: the devices.
        info: what the emulator says of itself.
        view: what is chosen to be seen.
        events: the last events, oldest first.
        size: columns and lines of the screen.
    """
    width, height = size
    shown = view.chosen(rows)
    head = summary(rows, info, width)
    wanted = [event for event in events if "device" not in event or view.covers(event["device"])]
    left = height - len(head) - _FIXED - 1  # without the line above the events
    told = min(len(wanted), max(height // EVENTS_SHARE, left - max(1, len(shown))))
    below = [Text(_rule("last events", width), "dim")] if told else []
    below += [_event(event, width) for event in wanted[len(wanted) - told :]]
    room = height - len(head) - len(below) - _FIXED
    table = _table(shown, view, width, room)
    gap = [Text("")] * max(0, room - len(table) + 1)
    lines = [*head, Text(""), *table, *gap, *below, _keys(view, len(shown), len(rows), width)]
    return [*lines[: height - 1], lines[-1]] if height else []


def listing(rows: Sequence[Row], info: Mapping[str, Any], view: View, width: int) -> list[Text]:
    """The same without events and keys, and with all devices: for a single look."""
    shown = view.chosen(rows)
    return [*summary(rows, info, width), Text(""), *_table(shown, view, width, len(shown) + 1)]


def summary(rows: Sequence[Row], info: Mapping[str, Any], width: int) -> list[Text]:
    """The emulator and all its devices together, in two lines."""
    every = total("", rows)
    first = Text.assemble(
        (f"{info.get('emulator', '')}", "bold"),
        f"  {info.get('version', '')}  up {_lasted(info.get('seconds', 0))}",
        f"  {several(len(rows), 'device')}  {several(every.connections, 'connection')}",
    )
    if info.get("recording"):
        first.append(f"  recording {info['recording']}", "yellow")
    second = Text("a second: ", "dim")
    for value, what, style in (
        (every.rates.requests, "requests", "bold"),
        (every.rates.errors, "errors", "yellow"),
        (every.rates.silent, "silent", "yellow"),
        (every.rates.fired, "faults", "red"),
    ):
        told = rate(value)
        second.append(told.rjust(6), "dim" if told == "-" else style).append(f" {what}  ", "dim")
    return [_cut(first, width), _cut(second, width)]


def _table(shown: Sequence[Row], view: View, width: int, room: int) -> list[Text]:
    """The heading and as many rows as fit; the last one sums up what does not."""
    columns = fitting(width, [row.name for row in shown])
    top = Text(heading(columns).ljust(width)[:width], "reverse")
    if not shown:
        nothing = f"no device fits {view.filter}" if view.filter else "no devices"
        return [top, _cut(Text(nothing, "dim"), width)]
    fits = max(0, room)
    if len(shown) <= fits:
        return [top, *(line(columns, row) for row in shown)]
    fits = max(0, fits - 1)
    rest = total(f"{len(shown) - fits} more", shown[fits:])
    return [top, *(line(columns, row) for row in shown[:fits]), line(columns, rest, style="italic")]


def _event(event: Mapping[str, Any], width: int) -> Text:
    kind = event.get("event", "")
    style = _STYLES.get(kind, "dim" if kind in _CALM else "")
    return _cut(Text(event_line(event, brief=True), style), width)


def _keys(view: View, shown: int, there: int, width: int) -> Text:
    if view.editing:
        return _cut(
            Text(f"filter: {view.filter}_   Enter keeps it, Esc drops it", "reverse"), width
        )
    text = Text.assemble(("q", "bold"), " quit  ", ("s", "bold"), f" sort: {view.sort}  ")
    text.append("f", "bold").append(f" filter: {view.filter or 'none'}")
    if view.filter:
        text.append(f"  {shown} of {there}")
    return _cut(text, width)


def _lasted(seconds: float) -> str:
    """How long something lasted: 1d 02:03:04, without the days where there are none."""
    days, rest = divmod(int(seconds), _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    clock = f"{hours:02}:{minutes:02}:{left:02}"
    return f"{days}d {clock}" if days else clock


def _rule(title: str, width: int) -> str:
    return set_cell_size(f"── {title} " + "─" * width, width)


def _cut(text: Text, width: int) -> Text:
    """One line of a width, at most; what cannot be shown is a question mark."""
    clean = "".join(one if one.isprintable() else "?" for one in text.plain)
    if clean != text.plain:
        text = Text(clean, text.style)
    text.truncate(width, overflow="ellipsis")
    return text


def plain(text: Text) -> Text:
    """The same for what shows nothing but ASCII, just as wide."""
    drawn = text.plain.translate({ord("…"): "~", ord("─"): "-"})
    shown = drawn.encode("ascii", "replace").decode()
    return Text(shown, text.style, spans=text.spans, end=text.end)
