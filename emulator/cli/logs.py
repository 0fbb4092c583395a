"""Where the log goes, and what its lines look like."""

import logging
import logging.handlers
import sys
from enum import StrEnum
from pathlib import Path

from rich.logging import RichHandler

from emulator.cli.output import WRONG_USE, fail, stderr

_PLAIN = "%(asctime)s %(levelname)s %(message)s"


class LogFormat(StrEnum):
    """What a line of the log looks like."""

    TEXT = "text"
    JSON = "json"


def set_up(level: int, form: LogFormat, file: Path | None) -> None:
    """Log to `file`, else to stderr; exit where the file cannot be written.

    A file that was renamed or removed is opened anew under its name with the next line, so it can
    be rotated without a signal.
    """
    plain = logging.Formatter(_PLAIN) if form is LogFormat.TEXT else _json()
    handler: logging.Handler
    if file is not None:
        try:
            handler = logging.handlers.WatchedFileHandler(file, encoding="utf-8")
        except OSError as error:
            fail(f"--log-file {file}: {error.strerror or error}", code=WRONG_USE)
        handler.setFormatter(plain)
    elif form is LogFormat.TEXT and sys.stderr.isatty():
        handler = RichHandler(console=stderr(), show_path=False, markup=False)
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(plain)
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _json() -> logging.Formatter:
    from emulator.serve.logs import JsonFormatter  # noqa: PLC0415 - all of serve, for this alone

    return JsonFormatter()
