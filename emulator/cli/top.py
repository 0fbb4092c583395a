"""`spdm-emulator top`: what a running emulator does, live at a terminal."""

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from emulator.cli.output import WRONG_USE, fail, print_json, stderr, stdout
from emulator.cli.reaching import EmulatorSocket, Patience, reached
from emulator.cli.terminal import keys, keys_at_once
from emulator.control.client import ControlClient
from emulator.control.port import ControlError
from emulator.events import KINDS
from emulator.report.top import SORTS, Sample, View, listing, plain, rows, screen, total

_FIRST = 0.5
"""Seconds until the second look, as the first one knows no rates."""

_REDRAW = 0.25
"""Seconds after which events that have come meanwhile are shown."""

_KEPT = 64
"""Events that are kept, the last ones."""

_WIDEST = 160
"""Columns of a single look that nobody reads at a terminal."""

_QUIET = tuple(kind for kind in KINDS if kind != "step")
"""The events that are shown: each step of each attestation would be too many."""


def top(
    control: EmulatorSocket = None,
    *,
    wait: Patience = 0.0,
    interval: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Seconds between two looks.")
    ] = 2.0,
    sort: Annotated[str, typer.Option(help=f"By what: {', '.join(SORTS)}.")] = "requests",
    only: Annotated[
        str, typer.Option("--filter", help="Part of a device's name, or a pattern.")
    ] = "",
    once: Annotated[
        bool, typer.Option("--once", help="Look twice, an interval apart, print it, and end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same, as JSON.")] = False,
) -> None:
    """Show what a running emulator does: rates of each device, connections, the last events.

    The busiest devices come first. Keys: q quits, s sorts by something else, f filters.
    """
    if sort not in SORTS:
        fail(f"--sort: found {sort!r}; expected one of {', '.join(SORTS)}", code=WRONG_USE)
    view = View(sort=sort, filter=only)
    live = not (once or as_json)
    if live and not (sys.stdin.isatty() and sys.stdout.isatty()):
        stderr().print("top: this is no terminal; one look, as with --once", style="dim")
        live = False
    with reached(control, wait, "top") as client:
        if live:
            _watch(client, control, view, interval)
        else:
            _look(client, view, interval, as_json=as_json)


def _sample(client: ControlClient) -> Sample:
    info = client.call("emulator.info")
    devices = client.call("devices.list")
    return Sample(time.monotonic(), info, devices)


def _look(client: ControlClient, view: View, interval: float, *, as_json: bool) -> None:
    """Tell the rates of one interval."""
    before = _sample(client)
    time.sleep(interval)
    after = _sample(client)
    made = rows(before, after)
    if as_json:
        print_json(_as_json(before, after, view))
        return
    console = stdout()
    width = console.width if console.is_terminal else _WIDEST
    for line in _showable(listing(made, after.info, view, width), console):
        line.rstrip()
        console.print(line, no_wrap=True, crop=False)


def _as_json(before: Sample, after: Sample, view: View) -> dict[str, Any]:
    chosen = view.chosen(rows(before, after))
    return {
        "emulator": after.info,
        "seconds": round(after.at - before.at, 3),
        "total": total("", chosen).rates.as_json(),
        "devices": {
            row.name: {**after.devices[row.name], "rates": row.rates.as_json()} for row in chosen
        },
    }


class _Events(threading.Thread):
    """Hears events beside the screen, on a connection of its own; ends with the emulator."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self.last: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self.count = 0
        self._client = ControlClient(path)

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError, ControlError), self._client:
            for event in self._client.events(kinds=_QUIET):
                self.last.append(event)
                self.count += 1


def _watch(client: ControlClient, path: Path | None, view: View, interval: float) -> None:
    """Show it until a key ends it, or the emulator does."""
    events = _Events(str(path))
    events.start()
    console = Console(highlight=False)
    with (
        contextlib.suppress(KeyboardInterrupt),
        keys_at_once(),
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        _draw(client, events, view, interval, live)


def _draw(client: ControlClient, events: _Events, view: View, interval: float, live: Live) -> None:
    before, after = None, _sample(client)
    due = after.at + min(_FIRST, interval)
    drawn: object = None
    pressed: list[str] = []
    while all(view.press(key) for key in pressed):
        if time.monotonic() >= due:
            before, after = after, _sample(client)
            due = after.at + interval
        seen = (after.at, events.count, live.console.size, pressed)
        if pressed or seen != drawn:
            drawn = seen
            size = (live.console.width, live.console.height)
            made = screen(rows(before, after), after.info, view, tuple(events.last), size)
            live.update(Group(*_showable(made, live.console)), refresh=True)
        pressed = keys(min(_REDRAW, due - time.monotonic()))


def _showable(lines: Iterable[Text], console: Console) -> list[Text]:
    """The lines as this console can show them."""
    utf = console.encoding.lower().replace("-", "").startswith("utf8")
    return [line if utf else plain(line) for line in lines]
