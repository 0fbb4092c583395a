"""`spdm-emulator run`: a requester under test against a device, and what came of it."""

import asyncio
import contextlib
import re
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, get_args

import typer

from emulator.campaign import Command, CommandError, Kind, Run, Terms, Watch
from emulator.campaign import run as run_campaign
from emulator.campaign.judge import Expect
from emulator.campaign.seeds import device_entropy
from emulator.campaign.watch import NOTHING
from emulator.cli.options import (
    FaultFiles,
    FaultNames,
    RequireFired,
    Seed,
    Sets,
    build_or_exit,
    entropy_of,
    load_or_exit,
    rules_or_exit,
)
from emulator.cli.output import FAILED, GOOD, WRONG_USE, fail, print_json, stderr, stdout
from emulator.cli.recording import recorded_endpoints
from emulator.device import Device
from emulator.endpoint import Endpoint
from emulator.forms.words import counted
from emulator.profile.faults import find_preset

_QUIET = 2.0
"""Seconds a run may take before it is told that it goes on."""
_TOLD = 12
"""Messages of a bad run that are shown."""
_LINES = 20
"""Lines of its output that are shown."""


_BY_SIGNAL = 128
"""What a signal's number is added to in the exit code of who was ended by it."""


class Expected(StrEnum):
    """What a requester is to come to."""

    ACCEPT = "accept"
    REJECT = "reject"


def run(
    profile: Annotated[
        str, typer.Argument(metavar="PROFILE", help="Ready profile's name, or a file.")
    ],
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="-- COMMAND",
            help="The requester, with {port}, {host}, {address} and {seed} in its arguments; its"
            " environment has SPDM_PORT and so on.",
        ),
    ],
    *,
    fault: FaultNames = None,
    faults: FaultFiles = None,
    sets: Sets = None,
    expect: Annotated[
        Expected | None,
        typer.Option(help="What it must come to. None: what the presets say, where they agree."),
    ] = None,
    require_fired: RequireFired = False,
    reject_output: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="A line of its output that means it rejected."),
    ] = None,
    accept_output: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="A line without which it did not accept."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds a run may take.")] = 60.0,
    max_requests: Annotated[
        int, typer.Option(min=1, help="Requests a run may send; then it hangs.")
    ] = 10_000,
    repeat: Annotated[int, typer.Option(min=1, help="How many runs, each of its own seed.")] = 1,
    seed: Seed = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Record every run; see `show` and `replay`."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Details of good runs, too.")
    ] = False,
) -> None:
    """Run a requester against a device, and tell what came of it.

    Exit code 0: every run is as expected; 1: one is not, or crashed, hung or asked nothing; 2:
    wrong use.
    """
    at = datetime.now(UTC)
    loaded = load_or_exit(profile, sets or [], at=at)
    rules = rules_or_exit(fault, faults)
    terms = Terms(
        expect=_expected(expect, fault or []),
        reject_output=_pattern("--reject-output", reject_output),
        accept_output=_pattern("--accept-output", accept_output),
    )
    requester = Command(tuple(command), timeout, max_requests, terms.patterns)
    first = entropy_of(seed).seed

    def make(own: str) -> Device:
        return build_or_exit(loaded, device_entropy(own), at=at, rules=rules)

    def runs(endpoint: Callable[..., Endpoint]) -> AsyncGenerator[Run, None]:
        return run_campaign(
            requester, terms, make, seed=first, repeat=repeat, endpoint=endpoint, during=_progress
        )

    if not as_json:
        stderr().print(f"seed {first} (repeat with --seed)", style="dim", markup=False)
    account = _Account(terms.expect, first, as_json=as_json, verbose=verbose)
    try:
        with recorded_endpoints(record) as endpoint:
            asyncio.run(_each(runs(endpoint), account.take))
    except CommandError as error:
        fail(str(error), code=WRONG_USE)
    raise typer.Exit(account.close(require_fired=require_fired))


def _expected(given: Expected | None, presets: Sequence[str]) -> Expect | None:
    """What is expected: as given, or what all the presets say."""
    told = {find_preset(name).expect for name in presets} if given is None else {given.value}
    return next((one for one in get_args(Expect) if told == {one}), None)


def _pattern(option: str, text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        fail(f"{option}: found {text!r}; expected a regular expression: {error}", code=WRONG_USE)


async def _each(runs: AsyncGenerator[Run, None], take: Callable[[Run], None]) -> None:
    """Carry the runs out; who ends this process ends the requester, too."""
    task = asyncio.current_task()
    told = asyncio.Event()

    def end() -> None:
        told.set()
        if task is not None:
            task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    try:
        async with contextlib.aclosing(runs) as each:
            async for one in each:
                take(one)
    except asyncio.CancelledError:
        if told.is_set():
            raise SystemExit(_BY_SIGNAL + signal.SIGTERM) from None
        raise


@contextlib.contextmanager
def _progress(number: int, watch: Watch) -> Iterator[None]:
    """Say that a run goes on, ever more seldom."""
    began = asyncio.get_running_loop().time()

    async def tell() -> None:
        wait = _QUIET
        while True:
            await asyncio.sleep(wait)
            seconds = asyncio.get_running_loop().time() - began
            text = f"run {number}: {seconds:.0f} s, {counted(watch.requests, 'request')}"
            stderr().print(text, style="dim", markup=False)
            wait = seconds

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        task.cancel()


class _Account:
    """Tells each run, and all of them."""

    def __init__(self, expect: Expect | None, seed: str, *, as_json: bool, verbose: bool) -> None:
        self._expect = expect
        self._seed = seed
        self._as_json = as_json
        self._verbose = verbose
        self._kinds: Counter[Kind] = Counter()
        self._fired: Counter[str] = Counter()
        self._bad = 0

    def take(self, run: Run) -> None:
        """Tell a run."""
        self._kinds[run.judgement.kind] += 1
        self._fired.update(run.fired)
        self._bad += not run.judgement.good
        if self._as_json:
            print_json(run.to_json(), indent=None)
            return
        _head(run)
        if self._verbose or not run.judgement.good:
            _details(run)

    def close(self, *, require_fired: bool) -> int:
        """Tell all of them; the exit code."""
        unfired = [name for name, count in self._fired.items() if not count]
        bad = bool(self._bad) or (require_fired and bool(unfired))
        if self._as_json:
            summary = {
                "runs": self._kinds.total(),
                "bad": self._bad,
                "outcomes": {kind.value: count for kind, count in self._kinds.items()},
                "expect": self._expect,
                "seed": self._seed,
                "fired": dict(self._fired),
                "unfired": unfired,
                "good": not bad,
            }
            print_json({"summary": summary}, indent=None)
        else:
            self._told(unfired, required=require_fired)
        return FAILED if bad else GOOD

    def _told(self, unfired: list[str], *, required: bool) -> None:
        if self._kinds.total() > 1:
            told = ", ".join(f"{count} {kind}" for kind, count in self._kinds.items())
            stdout().print(f"{self._kinds.total()} runs: {told}; {self._bad} bad", markup=False)
        if unfired:
            style = "red" if required else "yellow"
            stderr().print(f"never fired: {', '.join(unfired)}", style=style, markup=False)


def _head(run: Run) -> None:
    """One line for a run."""
    judgement, watch = run.judgement, run.watch
    parts = [
        f"{judgement.kind} ({judgement.why})",
        f"got to {_far(watch)}",
        f"{counted(watch.requests, 'request')}, {run.seconds:.1f} s",
    ]
    if watch.retries:
        parts.append(f"asked again {counted(watch.retries, 'time')}")
    parts += [f"fault {name} x{count}" for name, count in run.fired.items() if count]
    mark, style = ("ok  ", "green") if judgement.good else ("FAIL", "bold red")
    stdout().print(f"{mark} run {run.number}: {'; '.join(parts)}", style=style, markup=False)
    for told in watch.diagnoses:
        stdout().print(f"     doctor: {told}", style="yellow", markup=False)


def _far(watch: Watch) -> str:
    """The last good reply, and what was asked last where that got none."""
    last = watch.conversation[-1] if watch.conversation else None
    unmet = "" if last is None else last.error or {NOTHING: "no response"}.get(last.name, "")
    return (watch.reached or "nothing") + (f", then {watch.asked} -> {unmet}" if unmet else "")


def _details(run: Run) -> None:
    """All there is to know of a run that went wrong."""
    console = stdout()
    if run.judgement.problem:
        console.print(f"  {run.judgement.problem}", markup=False)
    console.print(f"  alone again: --seed {run.seed}", markup=False)
    heard = list(run.watch.conversation)
    left = len(heard) - _TOLD
    cut = f" (the last {_TOLD})" if left > 0 else ""
    console.print(f"  messages{cut}:{'' if heard else ' none'}", markup=False)
    for one in heard[-_TOLD:]:
        for line in one.text.splitlines():
            console.print(f"    {line}", markup=False)
    if run.watch.ended:
        console.print(f"    ended: {run.watch.ended}", markup=False)
    lines = run.output.splitlines()
    cut = f" (the last {_LINES} lines)" if len(lines) > _LINES else ""
    console.print(f"  output{cut}:{'' if lines else ' none'}", markup=False)
    for line in lines[-_LINES:]:
        console.print(f"    {line}", markup=False)
