"""A Unix socket to listen on: for its owner alone, and gone when listening ends."""

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

_OWNER_ALONE = 0o177


class UnixSocket:
    """A bound socket and the file that stands for it.

    Attributes:
        socket: the socket, to be listened on.
    """

    def __init__(self, path: str) -> None:
        """Bind to `path`, mode 0600; a file that a listener left behind is replaced.

        Raises OSError: EADDRINUSE where something listens there or another kind of file is.
        """
        self._path = Path(path)
        self._remove_stale()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            before = os.umask(_OWNER_ALONE)
            try:
                self.socket.bind(path)
            finally:
                os.umask(before)
            self._file = _identity(self._path)
        except OSError:
            self.socket.close()
            raise

    def remove(self) -> None:
        """Remove the file, unless it is another's by now."""
        with contextlib.suppress(OSError):
            if _identity(self._path) == self._file:
                self._path.unlink()

    def _remove_stale(self) -> None:
        """Remove the socket file of a listener that is gone."""
        try:
            if not stat.S_ISSOCK(self._path.lstat().st_mode):
                return  # binding tells
        except OSError:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(0)
            found = probe.connect_ex(str(self._path))
        if found == errno.ECONNREFUSED:
            self._path.unlink()


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino
