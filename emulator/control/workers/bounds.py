"""What a worker is told when it is started: its bounds, and how its parent logs."""

import logging
import logging.handlers
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel

from emulator.serve.logs import JsonFormatter
from emulator.serve.shutdown import GRACE

_TEXT = "%(asctime)s %(levelname)s %(message)s"


@dataclass(frozen=True)
class Bounds:
    """What the processes that serve devices may take.

    Attributes:
        connections: connections to all devices at once; None: as many as fit.
        grace: seconds for replies under way to leave at the end.
    """

    connections: int | None = None
    grace: float = GRACE

    def share(self, count: int) -> Self:
        """The bounds of one of so many workers, who together may have as many connections."""
        if self.connections is None:
            return self
        return type(self)(-(-self.connections // count), self.grace)


class Log(BaseModel):
    """Where a process logs, and how.

    Attributes:
        level: what is logged.
        json_lines: one JSON object a line.
        file: the file; None: stderr.
    """

    level: int
    json_lines: bool
    file: Path | None

    @classmethod
    def of_this_process(cls) -> Self:
        """As this process does."""
        root = logging.getLogger()
        files = [
            Path(one.baseFilename)
            for one in root.handlers
            if isinstance(one, logging.handlers.WatchedFileHandler)
        ]
        json_lines = any(isinstance(one.formatter, JsonFormatter) for one in root.handlers)
        return cls(
            level=root.getEffectiveLevel(),
            json_lines=json_lines,
            file=files[0] if files else None,
        )

    def set_up(self) -> None:
        """Log so."""
        handler: logging.Handler = logging.StreamHandler(sys.stderr)
        if self.file is not None:
            handler = logging.handlers.WatchedFileHandler(self.file, encoding="utf-8")
        handler.setFormatter(JsonFormatter() if self.json_lines else logging.Formatter(_TEXT))
        logging.basicConfig(level=self.level, handlers=[handler], force=True)


class Start(BaseModel):
    """What a worker is started with.

    Attributes:
        descriptor: its end of the parent's socketpair.
        bounds: its bounds.
        log: how it logs.
    """

    descriptor: int
    bounds: Bounds
    log: Log
