"""What is kept of devices while they are switched off: one folder for each, on a disk."""

from emulator.state.folder import StateFolder, folder_of

__all__ = ["StateFolder", "folder_of"]
