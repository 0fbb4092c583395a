"""The measurement extension log beside the measurements: whether they follow from it."""

from collections.abc import Iterator, Sequence
from typing import Any

from emulator.ask import Logged, ReportedMeasurement
from emulator.crypto import hashes
from emulator.spdm.messages.measured import KIND_NAMES, KINDS

_HASH_EXTEND = KINDS["hash-extend"]


def contradictions(
    log: Sequence[Logged], measured: Sequence[ReportedMeasurement], hash_name: str
) -> Iterator[str]:
    """The measurements that do not follow from the log, a sentence each.

    A hash-extend is what comes of extending zeros by all entries of its index, by their values or
    whole (libspdm `os_stub/spdm_device_secret_lib_sample/meas.c`); any other measurement is what
    the last entry of its index and type says. What the log has no entry of is not judged.
    """
    for one in measured:
        entries = [entry for entry in log if entry.index == one.index]
        if one.kind == _HASH_EXTEND and entries:
            expected = [
                _extended(hash_name, (entry.value for entry in entries)),
                _extended(hash_name, (entry.entry for entry in entries)),
            ]
        else:
            alike = [e.value for e in entries if (e.kind, e.raw) == (one.kind, one.raw)]
            expected = alike[-1:]
        if expected and one.value not in expected:
            found = one.value.hex()
            yield f"measurement {one.index} is {found}, the log says {expected[0].hex()}"


def _extended(hash_name: str, values: Iterator[bytes]) -> bytes:
    """Zeros, extended by each value in order."""
    made = bytes(hashes.size(hash_name))
    for value in values:
        made = hashes.digest(hash_name, made, value)
    return made


def entry_json(one: Logged) -> dict[str, Any]:
    """An entry as JSON values."""
    return {
        "number": one.number,
        "index": one.index,
        "type": one.kind,
        "type_name": KIND_NAMES.get(one.kind),
        "raw": one.raw,
        "value": one.value.hex(),
    }
