"""Reference values as CoRIM, an unsigned one (CBOR tag 501) with one CoMID (tag 506) in it.

Source: draft-ietf-rats-corim (`corim-map`, `concise-mid-tag`, `reference-triple-record`,
`measurement-map`, `measurement-values-map`), as its drafts and the IETF's CDDL have it. A
measurement's key is its index in SPDM; a digest stands with the number of its hash in IANA's Named
Information registry, a raw value as tagged bytes (560), the type's name as the measurement's. One
that shows what the device is doing has the flag is-runtime-meas.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import cbor2

from emulator.errors import BadReference
from emulator.requester.appraisal import RAW_BIT, References, ReferenceValue
from emulator.spdm.messages.measured import KIND_NAMES, KINDS

CORIM, COMID, BYTES = 501, 506, 560
"""CBOR tags: an unsigned CoRIM, a CoMID, and bytes as a raw value."""

_HASHES = {
    "SHA_256": 1,
    "SHA_384": 7,
    "SHA_512": 8,
    "SHA3_256": 10,
    "SHA3_384": 11,
    "SHA3_512": 12,
}
_HASH_NAMES = {number: name for name, number in _HASHES.items()}
_ID, _TAGS = 0, 1
_TAG_IDENTITY, _TRIPLES = 1, 4
_TAG_ID = _REFERENCE_TRIPLES = _CLASS = _KEY = 0
_MODEL = 2
_VALUES = 1
_DIGESTS, _FLAGS, _RAW_VALUE, _NAME = 2, 3, 4, 11
_IS_RUNTIME_MEAS = 6
_PAIR = 2


def to_corim(references: References) -> bytes:
    """The values as an unsigned CoRIM."""
    measured = [_measurement(one, references.hash) for one in references.values]
    comid = {
        _TAG_IDENTITY: {_TAG_ID: references.name},
        _TRIPLES: {_REFERENCE_TRIPLES: [[{_CLASS: {_MODEL: references.name}}, measured]]},
    }
    tag = cbor2.CBORTag(COMID, cbor2.dumps(comid, canonical=True))
    corim = cbor2.CBORTag(CORIM, {_ID: references.name, _TAGS: [tag]})
    return cbor2.dumps(corim, canonical=True)


def _measurement(one: ReferenceValue, hash_name: str) -> dict[int, Any]:
    values: dict[int, Any] = {}
    if one.raw:
        values[_RAW_VALUE] = cbor2.CBORTag(BYTES, one.value)
    else:
        values[_DIGESTS] = [[_HASHES[hash_name], one.value]]
    if one.kind is not None and one.kind in KIND_NAMES:
        values[_NAME] = KIND_NAMES[one.kind]
    if one.runtime:
        values[_FLAGS] = {_IS_RUNTIME_MEAS: True}
    return {_KEY: one.index, _VALUES: values}


def decoded(data: bytes) -> Any:
    """The CBOR item in `data`. Raises BadReference for none, or for more than one."""
    try:
        return cbor2.loads(data)
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError) as error:
        raise BadReference(f"no CBOR: {error}") from error


def from_corim(data: bytes) -> References:
    """The values in an unsigned CoRIM. Raises BadReference for what holds none."""
    corim = _tagged(decoded(data), CORIM, "an unsigned CoRIM (tag 501)")
    tags = _field(corim, _TAGS, Sequence, "tags")
    name = str(corim.get(_ID, ""))
    hash_name, values = RAW_BIT, {}
    for tag in tags:
        if not (isinstance(tag, cbor2.CBORTag) and tag.tag == COMID):
            continue
        comid = decoded(tag.value if isinstance(tag.value, bytes) else b"")
        triples = _field(comid, _TRIPLES, Mapping, "triples")
        for triple in _field(triples, _REFERENCE_TRIPLES, Sequence, "reference triples"):
            for one in _of_triple(triple):
                found, told = _read(one)
                if told and hash_name not in {RAW_BIT, told}:
                    both = " and by ".join(sorted((told, hash_name)))
                    raise BadReference(f"digests by {both}")
                hash_name = told or hash_name
                if found.index in values:
                    raise BadReference(f"two values of index {found.index}")
                values[found.index] = found
    if not values:
        raise BadReference("a CoRIM without reference values")
    return References(name, hash_name, tuple(values[index] for index in sorted(values)))


def _of_triple(triple: Any) -> Sequence[Any]:
    if not is_array(triple, _PAIR) or not is_array(triple[1]):
        raise BadReference("a reference triple that is no environment with measurements")
    measured: Sequence[Any] = triple[1]
    return measured


def is_array(item: Any, size: int | None = None) -> bool:
    """Whether an item is an array, which below a tag is read as a tuple, of `size` items."""
    return isinstance(item, list | tuple) and size in {None, len(item)}


def _read(one: Any) -> tuple[ReferenceValue, str]:
    """A measurement, and the hash its digest is by; '' for a raw value."""
    index = _field(one, _KEY, int, "measurement key")
    values = _field(one, _VALUES, Mapping, f"values of index {index}")
    kind = KINDS.get(str(values.get(_NAME)))
    flags = values.get(_FLAGS)
    runtime = isinstance(flags, Mapping) and flags.get(_IS_RUNTIME_MEAS) is True
    raw = values.get(_RAW_VALUE)
    if isinstance(raw, cbor2.CBORTag) and raw.tag == BYTES and isinstance(raw.value, bytes):
        return ReferenceValue(index, kind, raw=True, value=raw.value, runtime=runtime), ""
    digests = values.get(_DIGESTS)
    for entry in digests if is_array(digests) else ():
        if not is_array(entry, _PAIR) or not isinstance(entry[1], bytes):
            continue
        by = next((name for number, name in _HASH_NAMES.items() if number == entry[0]), None)
        if by is not None:
            value = ReferenceValue(index, kind, raw=False, value=entry[1], runtime=runtime)
            return value, by
    raise BadReference(f"index {index}: neither a digest by a known hash nor a raw value")


def _tagged(item: Any, tag: int, what: str) -> Mapping[Any, Any]:
    if not (
        isinstance(item, cbor2.CBORTag) and item.tag == tag and isinstance(item.value, Mapping)
    ):
        raise BadReference(f"expected {what}")
    return item.value


def _field(item: Any, key: int, kind: type, what: str) -> Any:
    found = item.get(key) if isinstance(item, Mapping) else None
    if not isinstance(found, kind) or isinstance(found, bool | str | bytes):
        raise BadReference(f"no {what}")
    return found
