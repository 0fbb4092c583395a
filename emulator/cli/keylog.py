"""`--keylog`: the secrets of sessions in a file, so that recordings of them can be read."""

import os
from collections.abc import Iterable
from pathlib import Path

from emulator.device import Device
from emulator.spdm.keylog import write_line

_OWNER_ONLY = 0o600


def keep_secrets(file: Path, devices: Iterable[Device]) -> None:
    """Append the secrets of these devices' sessions to a file from now on.

    A file that was not there is for its owner only. Raises OSError where it cannot be written.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _OWNER_ONLY)

    def keep(label: str, session: bytes, secret: bytes) -> None:
        os.write(descriptor, write_line(label, session, secret).encode())

    for device in devices:
        device.sessions.key_log = keep
