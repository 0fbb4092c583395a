"""`spdm-emulator ctl`: asking and telling a running emulator, a file a subject."""

from emulator.cli.ctl import changes, devices, faults, recording, watch
from emulator.cli.ctl.app import app

__all__ = ["app", "changes", "devices", "faults", "recording", "watch"]
