"""Recordings that are started and stopped while devices are served."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from emulator.record import ENCODERS, LIMIT, Recorder, Tape

SUFFIXES = {".pcap": "pcap"}
"""The format that a file's suffix asks for; any other is pcapng."""


@dataclass
class _Running:
    file: Path
    stream: BinaryIO
    recorder: Recorder


class Recordings:
    """What records the devices of a process, if anything does; one recording at a time.

    Attributes:
        tape: what the endpoints record onto.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], int] = time.time_ns,
        ended: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`clock`: the time in nanoseconds since 1970, UTC.

        `ended` hears of a recording that has ended by itself, as it cannot be written on.
        """
        self.tape = Tape()
        self._clock = clock
        self._ended = ended
        self._running: _Running | None = None

    @property
    def file(self) -> Path | None:
        """The file that is recorded into; None: nothing is recorded."""
        return None if self._running is None else self._running.file

    @property
    def recorder(self) -> Recorder | None:
        """What records now."""
        return self.tape.recorder

    def start(self, file: Path, form: str | None = None, limit: int = LIMIT) -> None:
        """Record into `file`, which is written anew. Raises OSError, and ValueError if one runs."""
        if self._running is not None:
            raise ValueError(f"{self._running.file} is being recorded; stop that first")
        chosen = form or SUFFIXES.get(file.suffix, "pcapng")
        stream = file.open("wb")
        recorder = Recorder(
            stream,
            ENCODERS[chosen](),
            clock=self._clock,
            limit=limit,
            ended=lambda reason: self._ended(f"the recording {file} has ended: {reason}"),
        )
        self._running = _Running(file, stream, recorder)
        self.tape.recorder = recorder

    def stop(self) -> Recorder | None:
        """Record no more; what recorded, or None if nothing did."""
        running, self._running = self._running, None
        self.tape.recorder = None
        if running is None:
            return None
        running.recorder.close()
        running.stream.close()
        return running.recorder
