"""Runs the installed `spdm-emulator serve` for tests that need it as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from emulator.spdm.versions import BY_TEXT

EVERY_VERSION = ("--set", f"versions={json.dumps([*BY_TEXT])}")
"""Options that make a profile offer every version there is."""

COMMAND = Path(sys.executable).with_name("spdm-emulator")


@contextmanager
def serving(*profiles: str, options: Sequence[str] = (), count: int = 0) -> Iterator[list[int]]:
    """Serve profiles on ports of the system's choice; yields the ports in order.

    `count`: how many there are, where some profile has further functions.
    The process is ended, and must have ended well, when the block is left.
    """
    # A file, not a pipe: nobody reads while it runs, and a full pipe would stop the server.
    log = TemporaryFile("w+")  # noqa: SIM115 - closed with the process

    def said() -> str:
        process.wait(timeout=60)
        log.seek(0)
        return log.read()

    process = subprocess.Popen(
        [COMMAND, "--log-level", "info", "serve", "--port", "0", "--json", *options, *profiles],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        ports = []
        for _ in range(count or len(profiles)):
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise AssertionError(said())
            ports.append(json.loads(line)["port"])
        yield ports
        assert process.poll() is None, said()
    finally:
        process.terminate()
        process.communicate(timeout=60)
        log.close()
    assert process.returncode == 0
