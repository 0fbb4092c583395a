"""The asyncio shell for devices: sockets, timers and shutdown, and no protocol."""

from emulator.serve.listener import Listener

__all__ = ["Listener"]
