"""What several workers say to one operation, put together."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def by_device(results: Iterable[Mapping[str, Any]], order: Iterable[str]) -> dict[str, Any]:
    """Results by device, in the order of the fleet."""
    found: dict[str, Any] = {}
    for result in results:
        found |= result
    return {name: found[name] for name in order if name in found}


def recordings(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The recordings of all workers as one: their files, and what they have come to together."""
    files = [result["file"] for result in results if result["file"] is not None]
    return {
        "file": ", ".join(files) or None,
        "packets": sum(result["packets"] for result in results),
        "size": sum(result["size"] for result in results),
    }


def recording_of(file: str, number: int) -> str:
    """The file of one worker's recording: `lab.2.pcapng` for `lab.pcapng`."""
    path = Path(file)
    return str(path.with_name(f"{path.stem}.{number}{path.suffix}"))
