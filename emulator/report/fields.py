"""A field's value in words, where a number of the standard's stands for something."""

from collections.abc import Callable

from emulator.spdm.algorithms import HASHES, MEASUREMENT_HASHES, SIGNATURES, Algorithm, names
from emulator.spdm.messages.certificates import SLOT_COUNT
from emulator.wire import Span


def _algorithms(family: tuple[Algorithm, ...]) -> Callable[[int], str]:
    return lambda bits: ", ".join(names(family, bits)) or "none"


def _slots(mask: int) -> str:
    found = [str(slot) for slot in range(SLOT_COUNT) if mask >> slot & 1]
    return f"slot{'s'[: len(found) > 1]} {', '.join(found)}" if found else "none"


def _version(number: int) -> str:
    return f"{number >> 4}.{number & 0xF}"


_WORDS: dict[str, Callable[[int], str]] = {
    "version": _version,
    "base_asym": _algorithms(SIGNATURES),
    "base_hash": _algorithms(HASHES),
    "measurement_hash": _algorithms(MEASUREMENT_HASHES),
    "provisioned_slots": _slots,
    "supported_slots": _slots,
}


def text(span: Span) -> str:
    """The value for a reader: its words and hex, and where it has none, what the span says."""
    words = _WORDS.get(span.name)
    if words is None or not isinstance(span.value, int):
        return span.text
    return f"{words(span.value)} (0x{span.value:x})"
