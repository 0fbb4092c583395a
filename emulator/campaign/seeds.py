"""What seeds stand for: the draws of a device, and of each of several runs."""

from emulator.entropy import Seeded


def seed_of(seed: str, number: int) -> str:
    """The seed of the run of this number, from 1: the seed itself, or with the number behind it."""
    return seed if number == 1 else f"{seed}-{number}"


def device_entropy(seed: str, function: str = "") -> Seeded:
    """What the device of a run draws from: the same as the first device of `serve --seed`.

    `function`: the further function of it that draws; empty: the device, its function 0.
    """
    return Seeded(seed).fork(f"device 0/{function}" if function else "device 0")
