"""A device's folder: its state in a file that is there whole or not at all, and a lock.

A new state is written beside the old one and takes its place in one step; both the file and the
folder reach the disk before a peer hears of it. So whenever the emulator is killed, the old state
or the new one is there. The lock is the system's, and goes with the process that has it.
"""

import fcntl
import logging
import os
from functools import partial
from itertools import count
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from pydantic import ValidationError

from emulator.device import Device
from emulator.device.provisioning import Lasting, Settle
from emulator.errors import PkiError, StateError
from emulator.state.form import StateForm, digests, form_of

log = logging.getLogger(__name__)

FILE = "state.json"
LOCK = "lock"
_NEW = ".new-"
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_LARGEST = 64 << 20
"""A file larger than this is none of ours, bytes."""


def folder_of(parent: Path, name: str) -> Path:
    """The folder of the device of this name."""
    quoted = quote(name, safe=" ")
    return parent / (f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted)


class StateFolder:
    """The folder of one device, while it is this process's."""

    def __init__(self, path: Path) -> None:
        """Make the folder unless it is there, and lock it. Raises StateError."""
        self.path = path
        self._numbers = count()
        self._left: set[Path] = set()
        self._guard = Lock()
        try:
            path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        except OSError as error:
            raise StateError(f"{path}: cannot keep a state: {error.strerror or error}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._lock, 32).decode(errors="replace").strip()
            os.close(self._lock)
            who = f"process {holder}" if holder else "another process"
            raise StateError(
                f"{path}: locked by {who}; expected a folder that no emulator uses:"
                " one device has one state"
            ) from None
        os.ftruncate(self._lock, 0)
        os.write(self._lock, f"{os.getpid()}\n".encode())
        for left in path.glob(f"{FILE}{_NEW}*"):
            left.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave the folder to others."""
        os.close(self._lock)

    def attach(self, device: Device) -> None:
        """Let the device go on from its state, and keep it from now on. Raises StateError.

        What waited for a reset has had it: a device that is switched on was reset.
        """
        provisioning = device.provisioning
        if provisioning is None:
            return
        form = self._read()
        if form is not None:
            own = device.identity.san
            if form.device != own:
                found = f"{self.path / FILE}: device: found {form.device}"
                raise StateError(f"{found}; expected {own}: it is another device's state")
            try:
                state = form.read()
            except PkiError as error:
                raise StateError(f"{self.path / FILE}: pairs: {error}") from error
            new = [pair for pair in provisioning.initial if not digests([pair]) <= set(form.known)]
            provisioning.adopt(state.after_reset(), new)
            device.provision(provisioning.state)
        known = digests(provisioning.initial) | set(form.known if form else ())
        provisioning.keep = partial(self._keep, device.identity.san, known)

    def _read(self) -> StateForm | None:
        """What the file says; None where there is none yet. Raises StateError."""
        file = self.path / FILE
        try:
            if file.stat().st_size > _LARGEST:
                raise StateError(f"{file}: more than {_LARGEST} bytes; expected a device's state")
            return StateForm.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"{file}: cannot be read: {error.strerror or error}") from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            way = ".".join(map(str, first["loc"])) or "the file"
            told = first["msg"][:1].lower() + first["msg"][1:]
            raise StateError(f"{file}: {way}: {told}; expected a state of version 1") from None

    def _keep(self, device: str, known: set[str], state: Lasting) -> Settle:
        """Write the state beside the one that is there; what lets it take its place."""
        with self._guard:
            for left in self._left:  # of peers that left before it could be settled
                left.unlink(missing_ok=True)
            new = self.path / f"{FILE}{_NEW}{next(self._numbers)}"
            self._left = {new}
        data = form_of(device, state, known).model_dump_json(indent=1).encode() + b"\n"
        try:
            _write(new, data)
        except OSError as error:
            log.warning("%s: cannot be written: %s", new, error.strerror or error)
            new.unlink(missing_ok=True)
            raise
        return partial(self._settle, new)

    def _settle(self, new: Path) -> None:
        with self._guard:
            self._left.discard(new)
        new.replace(self.path / FILE)
        _sync(self.path)


def _write(path: Path, data: bytes) -> None:
    """A whole file on the disk, for its owner only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
