"""A man in the middle: what stands between a requester and a genuine device.

`overheard.py` knows what the two have said in the clear, `middle.py` decides what becomes of each
frame, `proxy.py` carries the frames, and `experiment.py` tries every attack against every
protection. All of it is only what anyone on the way could do: no key of the device is used.
"""

from emulator.mitm.experiment import Attempt, Protection, experiment
from emulator.mitm.line import LineProxy
from emulator.mitm.middle import Deed, Middle, Mode
from emulator.mitm.proxy import Proxy

__all__ = ["Attempt", "Deed", "LineProxy", "Middle", "Mode", "Protection", "Proxy", "experiment"]
