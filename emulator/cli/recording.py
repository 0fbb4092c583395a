"""Recording what is served, on the command line."""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

from emulator.cli.output import WRONG_USE, fail
from emulator.endpoint import Endpoint
from emulator.record import ENCODERS, LIMIT, RecordedEndpoint, Recorder, Tape


class RecordFormat(StrEnum):
    """The formats of a recording."""

    PCAPNG = "pcapng"
    PCAP = "pcap"


@contextlib.contextmanager
def recorded_endpoints(
    file: Path | None, form: RecordFormat | None = None, limit: int = LIMIT
) -> Iterator[Callable[..., Endpoint]]:
    """What makes endpoints: those that record into `file`, where there is one."""
    if file is None:
        yield Endpoint
        return
    chosen = form or (RecordFormat.PCAP if file.suffix == ".pcap" else RecordFormat.PCAPNG)
    try:
        stream = file.open("wb")
    except OSError as error:
        fail(f"--record {file}: {error.strerror or error}", code=WRONG_USE)
    with stream:
        recorder = Recorder(stream, ENCODERS[chosen](), clock=time.time_ns, limit=limit)
        yield functools.partial(RecordedEndpoint, tape=Tape(recorder))
