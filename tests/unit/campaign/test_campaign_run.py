"""Programs that end, hang, crash and leave children, against a real device."""

import asyncio
import re
import sys
from pathlib import Path

import pytest
from devices import device

from emulator.campaign import Command, CommandError, Kind, Run, Terms, run
from emulator.campaign.seeds import device_entropy
from emulator.device import Device
from emulator.entropy import Seeded
from emulator.faults import Rule, arm

ASK = """
import os, socket, sys
peer = socket.create_connection((os.environ["SPDM_HOST"], int(os.environ["SPDM_PORT"])))
def ask(message):
    size = 2 + len(message) // 4
    data = bytes.fromhex("01000100") + size.to_bytes(4, "little") + message
    peer.sendall(b"".join(n.to_bytes(4, "big") for n in (1, 2, len(data))) + data)
    return peer.recv(4096)
ask(bytes.fromhex("10840000"))
"""


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", ASK + code, *arguments)


async def runs(
    words: tuple[str, ...],
    *,
    timeout: float = 20.0,  # noqa: ASYNC109 - of the program
    max_requests: int = 100,
    repeat: int = 1,
    rules: tuple[Rule, ...] = (),
    terms: Terms | None = None,
) -> list[Run]:
    terms = terms or Terms()

    def make(seed: str) -> Device:
        made = device(entropy=device_entropy(seed))
        arm(made, rules, Seeded(seed))
        return made

    command = Command(words, timeout, max_requests, terms.patterns)
    return [one async for one in run(command, terms, make, seed="s", repeat=repeat)]


async def one(words: tuple[str, ...], **options: object) -> Run:
    (made,) = await runs(words, **options)  # type: ignore[arg-type]
    return made


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


async def gone(pid: int) -> bool:
    for _ in range(200):
        if not alive(pid):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_good_run_tells_all() -> None:
    made = await one(python("print('done', sys.argv[1:])", "{address}", "{host}:{port}", "{seed}"))
    assert made.judgement.kind is Kind.ACCEPTED
    told = made.to_json()
    assert told["exit"] == 0
    assert told["signal"] is None
    assert told["reached"] == "VERSION"
    assert told["last_request"] == "GET_VERSION"
    assert (told["requests"], told["connections"], told["retries"]) == (1, 1, 0)
    assert [message["name"] for message in told["messages"]] == ["GET_VERSION", "VERSION"]
    assert told["ended"] == "the peer left"
    found = re.fullmatch(r"done \['(.*)', '(.*)', 's'\]\n", made.output)
    assert found
    assert found[1] == found[2]


async def test_braces_of_its_own_are_left_alone() -> None:
    made = await one(python("print(sys.argv[1])", '{"a": {port: 1}, {other}}'))
    assert made.output == '{"a": {port: 1}, {other}}\n'


@pytest.mark.parametrize(
    ("code", "kind", "why"),
    [
        ("sys.exit(4)", Kind.REJECTED, "exit 4"),
        ("os.abort()", Kind.CRASHED, "killed by SIGABRT"),
        ("os.kill(os.getpid(), 11)", Kind.CRASHED, "killed by SIGSEGV"),
        ("1 / 0", Kind.CRASHED, "a Python traceback: Traceback (most recent call last):"),
        ("print('ok'); os.execvp('sh', ['sh', '-c', 'kill -SEGV $$'])", Kind.CRASHED, "killed by"),
    ],
)
async def test_how_it_ends_is_told(code: str, kind: Kind, why: str) -> None:
    made = await one(python(code))
    assert made.judgement.kind is kind
    assert made.judgement.why.startswith(why)
    assert made.judgement.good is (kind is Kind.REJECTED)


async def test_who_hangs_is_ended_and_all_it_started() -> None:
    code = """
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "100"])
print(os.getpid(), child.pid, flush=True)
time.sleep(100)
"""
    made = await one(python(code), timeout=1.0)
    assert made.judgement.kind is Kind.HUNG
    assert made.judgement.why == "it had not ended after 1 s"
    assert made.ending.status is None
    for pid in made.output.split():
        assert await gone(int(pid))


async def test_what_it_leaves_behind_ends_with_it() -> None:
    code = """
import subprocess
print(subprocess.Popen(["sleep", "100"]).pid, flush=True)
"""
    made = await one(python(code))
    assert made.judgement.kind is Kind.ACCEPTED
    assert made.seconds < 10
    assert await gone(int(made.output))


async def test_who_asks_for_ever_is_stopped() -> None:
    busy = Rule.model_validate({"name": "b", "on": {"message": "GET_VERSION"}, "do": ["busy"]})
    code = "while True: ask(bytes.fromhex('10840000'))"
    made = await one(python(code), max_requests=20, rules=(busy,))
    assert made.judgement.kind is Kind.HUNG
    assert made.judgement.why == "it asked 20 times"
    assert made.watch.retries >= 19
    assert made.watch.errors["BUSY"] >= 19
    assert made.fired["b"] >= 19


async def test_runs_have_seeds_and_devices_of_their_own() -> None:
    made = await runs(python("print(os.environ['SPDM_SEED'])"), repeat=3)
    assert [one.seed for one in made] == ["s", "s-2", "s-3"]
    assert [one.output.strip() for one in made] == ["s", "s-2", "s-3"]
    assert [one.watch.connections for one in made] == [1, 1, 1]


async def test_the_seed_of_a_run_repeats_it_alone() -> None:
    assert device_entropy("s-3").bytes(8, label="x") == device_entropy("s-3").bytes(8, label="x")
    assert device_entropy("s-3").bytes(8, label="x") != device_entropy("s").bytes(8, label="x")


async def test_a_flood_of_output_is_no_trouble() -> None:
    made = await one(
        python("sys.stdout.write('x' * 79 + '\\n') and [print('y' * 5000) for _ in range(2000)]")
    )
    assert made.judgement.kind is Kind.ACCEPTED
    assert len(made.output) <= 1 << 14


async def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(CommandError, match="cannot run no-such-command: No such file"):
        await one(("no-such-command",))


async def test_who_never_connects_was_not_tested() -> None:
    made = await one(("true",))
    assert made.judgement.kind is Kind.SILENT
    assert "never connected" in made.judgement.why


async def test_cancelling_ends_the_program(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"open({str(note)!r}, 'w').write(str(os.getpid()))\nimport time\ntime.sleep(100)"
    task = asyncio.create_task(one(python(code)))
    while not (note.exists() and note.read_text()):  # noqa: ASYNC110 - a file
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(int(note.read_text()))
