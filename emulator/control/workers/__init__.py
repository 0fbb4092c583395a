"""Devices in several processes: children serve them, the parent owns control.

`Workers` (`parent.py`) is the `Control` of all of them: it calls each child over a socketpair, by
the same lines as the control socket has (`worker.py` at the parent's end, `child.py` at the
other), and puts together what they say (`results.py`). A device travels as a `spec.py`.
"""

from emulator.control.workers.bounds import Bounds
from emulator.control.workers.parent import Workers

__all__ = ["Bounds", "Workers"]
