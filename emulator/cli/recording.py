"""Recording what is served, on the command line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from emulator.cli.formats import RecordFormat
from emulator.cli.output import WRONG_USE, fail
from emulator.control.recordings import Recordings
from emulator.endpoint import Endpoint
from emulator.record import LIMIT, RecordedEndpoint


def record_or_exit(
    recordings: Recordings, file: Path | None, form: RecordFormat | None = None, limit: int = LIMIT
) -> None:
    """Record into `file`, where there is one, or exit where it cannot be written."""
    if file is None:
        return
    try:
        recordings.start(file, form, limit)
    except OSError as error:
        fail(f"--record {file}: {error.strerror or error}", code=WRONG_USE)


@contextmanager
def recorded_endpoints(file: Path | None) -> Iterator[Callable[..., Endpoint]]:
    """What makes endpoints: those that record into `file`, where there is one."""
    if file is None:
        yield Endpoint
        return
    recordings = Recordings()
    record_or_exit(recordings, file)
    try:
        yield partial(RecordedEndpoint, tape=recordings.tape)
    finally:
        recordings.stop()
