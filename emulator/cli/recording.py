"""Recording what is served, on the command line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from emulator.cli.formats import RecordFormat
from emulator.cli.output import WRONG_USE, fail
from emulator.control.recordings import Recordings
from emulator.endpoint import Endpoint
from emulator.record import LIMIT, RecordedEndpoint

_MIB = 1 << 20


@dataclass(frozen=True)
class RecordingWanted:
    """The recording that the command line asks for.

    Attributes:
        file: where; None: none.
        form: its format; None: by the file's suffix.
        limit: the size at which it ends, bytes.
    """

    file: Path | None
    form: RecordFormat | None
    limit: int

    def start_or_exit(self, recordings: Recordings) -> None:
        """Record in this process, or exit where the file cannot be written."""
        record_or_exit(recordings, self.file, self.form, self.limit)

    def arguments(self) -> dict[str, object]:
        """The same as `recording.start` takes it."""
        form = None if self.form is None else str(self.form)
        return {"file": str(self.file), "format": form, "limit": max(1, self.limit // _MIB)}


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
