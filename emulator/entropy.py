"""The entropy port: every random draw of the emulator, named by what it is for.

A run is reproducible because nothing else draws: `Seeded` gives the n-th draw of a label the same
bytes in every run, whatever other labels were drawn in between, so adding a draw somewhere
disturbs no other. `Recorded` plays back what a `Recorder` saw.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import Protocol

from emulator.errors import EmulatorError

_SEED_BYTES = 8


class Entropy(Protocol):
    """A source of random bytes."""

    def bytes(self, n: int, *, label: str) -> bytes:
        """Draw `n` bytes for the purpose `label`."""
        ...

    def fork(self, label: str) -> "Entropy":
        """An independent source for one part of the run, such as one connection."""
        ...


class System:
    """The operating system's generator."""

    def bytes(self, n: int, *, label: str) -> bytes:
        """Draw `n` bytes; the label is not used."""
        del label
        return os.urandom(n)  # noqa: TID251 - this is the port

    def fork(self, label: str) -> "System":
        """The same source: it has no state to keep apart."""
        del label
        return self


def new_seed() -> str:
    """A seed nobody had before, to be told so that a run can be repeated."""
    return System().bytes(_SEED_BYTES, label="seed").hex()


class Seeded:
    """SHAKE-256 of (seed, path of forks, label, how often this label was drawn).

    Attributes:
        seed: the seed.
        path: the labels it was forked by.
    """

    def __init__(self, seed: str | int, *, path: str = "") -> None:
        self.seed = str(seed)
        self.path = path
        self._draws: dict[str, int] = {}

    def bytes(self, n: int, *, label: str) -> bytes:
        """Draw `n` bytes: the same for the same seed, path, label and count."""
        count = self._draws.get(label, 0)
        self._draws[label] = count + 1
        material = f"{self.seed}\x00{self.path}\x00{label}\x00{count}"
        return hashlib.shake_256(material.encode()).digest(n)

    def fork(self, label: str) -> "Seeded":
        """A source whose draws depend on the seed and on `label` only."""
        return Seeded(self.seed, path=f"{self.path}/{label}")


class Recorder:
    """Passes draws through and keeps them, for `Recorded`."""

    def __init__(self, inner: Entropy) -> None:
        self._inner = inner
        self.draws: list[tuple[str, bytes]] = []

    def bytes(self, n: int, *, label: str) -> bytes:
        """Draw from the inner source and remember the result."""
        drawn = self._inner.bytes(n, label=label)
        self.draws.append((label, drawn))
        return drawn

    def fork(self, label: str) -> "Recorder":
        """A recorder of its own over a fork of the inner source."""
        return Recorder(self._inner.fork(label))


class Recorded:
    """Plays back draws in order; a draw that differs from the record is an EmulatorError."""

    def __init__(self, draws: Iterable[tuple[str, bytes]]) -> None:
        self._draws: Iterator[tuple[str, bytes]] = iter(draws)

    def bytes(self, n: int, *, label: str) -> bytes:
        """The next recorded draw, which must have this label and length."""
        recorded = next(self._draws, None)
        if recorded is None:
            raise EmulatorError(f"the record has no draw left for {label!r}")
        expected, drawn = recorded
        if expected != label or len(drawn) != n:
            raise EmulatorError(
                f"the record has {len(drawn)} bytes for {expected!r} next, not {n} for {label!r}"
            )
        return drawn

    def fork(self, label: str) -> "Recorded":
        """The same record: draws are kept in the order of the run."""
        del label
        return self
