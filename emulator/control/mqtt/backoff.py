"""How long to wait before the next attempt to connect. Pure, but for the draw."""

from emulator.entropy import Entropy

FIRST = 0.25
"""Seconds before the second attempt, at most."""

_DRAW_BYTES = 4


class Backoff:
    """Waits that double from one attempt to the next, with jitter, up to a longest one.

    Jitter keeps a thousand clients of a broker that was restarted from coming all at once.
    """

    def __init__(self, entropy: Entropy, *, longest: float) -> None:
        """`longest`: seconds."""
        self._entropy = entropy
        self._longest = longest
        self._next = min(FIRST, longest)

    def wait(self) -> float:
        """Seconds to wait now: from half of what it has come to, to all of it."""
        full, self._next = self._next, min(2 * self._next, self._longest)
        drawn = int.from_bytes(self._entropy.bytes(_DRAW_BYTES, label="reconnect"), "big")
        return full * (0.5 + drawn / (2 << (8 * _DRAW_BYTES)))

    def reset(self) -> None:
        """An attempt succeeded: the next wait is a short one."""
        self._next = min(FIRST, self._longest)
