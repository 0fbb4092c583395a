"""What is measured beside the device: an echo server and DMTF's responder, and where they run."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROCESSORS = sorted(os.sched_getaffinity(0))


@contextmanager
def echo() -> Iterator[int]:
    """An asyncio echo server in a process of its own; yields its port."""
    script = Path(__file__).with_name("echo.py")
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline() if process.stdout else "0")
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def reference(asym: str, hash_name: str, *options: str) -> Iterator[int | None]:
    """DMTF's responder for one connection, if it is there; yields its port or None."""
    program = os.environ.get("SPDM_RESPONDER_EMU")
    if not program:
        yield None
        return
    port = 23990 + sum(map(ord, asym + hash_name)) % 1000
    process = subprocess.Popen(
        [program, "--trans", "PCI_DOE", "--port", str(port), "--asym", asym, "--hash", hash_name,
         "--pqc_asym", "NONE", "--ver", "1.2", *options],
        cwd=Path(program).parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 5
        while not _listens(port):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{program} does not listen on {port}")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.communicate()


def _listens(port: int) -> bool:
    """Whether something listens, without connecting: that responder serves one connection."""
    wanted = f":{port:04X} "
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return any(wanted in line.split()[1] + " " and line.split()[3] == "0A" for line in listening)


@contextmanager
def servers_beside() -> Iterator[None]:
    """Start what is started here on the last processor, and be on the first one oneself.

    Left alone, the scheduler puts a quick server on the client's own processor and a slower one on
    another, where a wake-up costs twice as much: the two would not be comparable.
    """
    os.sched_setaffinity(0, {PROCESSORS[-1]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, {PROCESSORS[0]})
