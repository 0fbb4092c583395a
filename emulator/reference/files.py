"""Reference values as plain JSON, and reading a file of either format."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from emulator.errors import BadReference
from emulator.reference.corim import from_corim
from emulator.reference.cose import SIGN1, verified
from emulator.requester.appraisal import RAW_BIT, References, ReferenceValue
from emulator.spdm.algorithms import MEASUREMENT_HASHES
from emulator.spdm.messages.measured import KIND_NAMES, KINDS

SCHEMA = "spdm-emulator reference values 1"
"""What the JSON says it is."""

_SIGNED = bytes((0xC0 | SIGN1,))
_HASHES = tuple(row.name for row in MEASUREMENT_HASHES)
_MAX_INDEX = 0xFE


def to_json(references: References) -> dict[str, Any]:
    """The values as JSON values."""
    return {
        "schema": SCHEMA,
        "name": references.name,
        "measurement_hash": references.hash,
        "measurements": [
            {
                "index": one.index,
                "type": KIND_NAMES.get(one.kind) if one.kind is not None else None,
                "raw": one.raw,
                "value": one.value.hex(),
                **({"runtime": True} if one.runtime else {}),
            }
            for one in references.values
        ],
    }


def read(data: bytes, trust: Sequence[bytes], *, at: datetime) -> tuple[References, bool]:
    """The values in a file of either format, and whether they are signed.

    Args:
        data: the file: JSON, an unsigned CoRIM, or a signed one.
        trust: what a signature is judged by: trusted certificates, DER.
        at: when it is judged, timezone-aware.

    Raises BadReference for anything else, and for a signature that is not to be believed.
    """
    if data.lstrip()[:1] == b"{":
        return _from_json(data), False
    if data[:1] == _SIGNED:
        return from_corim(verified(data, trust, at=at)), True
    return from_corim(data), False


def _from_json(data: bytes) -> References:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadReference(f"no JSON: {error}") from error
    if told.get("schema") != SCHEMA:
        raise BadReference(f"schema: found {told.get('schema')!r}, expected {SCHEMA!r}")
    hash_name = told.get("measurement_hash", RAW_BIT)
    if hash_name not in _HASHES:
        expected = ", ".join(_HASHES)
        raise BadReference(f"measurement_hash: found {hash_name!r}, expected one of {expected}")
    listed = told.get("measurements")
    if not isinstance(listed, list) or not listed:
        raise BadReference("measurements: expected a list of at least one")
    values = [_value(number, one) for number, one in enumerate(listed)]
    if len({one.index for one in values}) != len(values):
        raise BadReference("measurements: expected each index once")
    return References(str(told.get("name", "")), hash_name, tuple(values))


def _value(number: int, one: Any) -> ReferenceValue:
    where = f"measurements[{number}]"
    if not isinstance(one, dict):
        raise BadReference(f"{where}: expected an object")
    index, kind, raw = one.get("index"), one.get("type"), one.get("raw", False)
    runtime = one.get("runtime", False)
    if not isinstance(index, int) or not 0 < index <= _MAX_INDEX:
        raise BadReference(f"{where}.index: found {index!r}, expected 1 to {_MAX_INDEX}")
    if kind is not None and kind not in KINDS:
        expected = ", ".join(KINDS)
        raise BadReference(f"{where}.type: found {kind!r}, expected one of {expected}")
    for key, flag in (("raw", raw), ("runtime", runtime)):
        if not isinstance(flag, bool):
            raise BadReference(f"{where}.{key}: found {flag!r}, expected true or false")
    digits = str(one.get("value"))
    try:
        value = bytes.fromhex(digits)
    except ValueError:
        expected = "expected hexadecimal digits"
        raise BadReference(f"{where}.value: found {digits!r}, {expected}") from None
    return ReferenceValue(index, KINDS.get(kind) if kind else None, raw, value, runtime)
