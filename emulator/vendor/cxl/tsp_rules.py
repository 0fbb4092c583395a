"""Whether a configuration is one that a target with given capabilities can have.

Rules: CXL Specification 3.1, section 11.5.5.6.1, and libspdm's sample responder (spdm-emu
`library/cxl_tsp_responder_lib/cxl_tsp_rsp_set_configuration.c`). Reserved bits are ignored.
"""

import struct
from collections.abc import Callable

from emulator.device.cxl import Configuration, TargetCapabilities
from emulator.device.cxl.tsp import MAX_SECONDARY, Access, Encryption

CKID_LIMIT = 0x2000
_SUPPORTED_CKID_REQUIRED = 0x10
_ALGORITHMS = 0x80000003
_ENTIRE_MEMORY = 0x80000000
_UNUSED, _SMALLEST_INDEX, _LARGEST_INDEX = 0xFF, 0, 7
_EXPLICIT = Access.OUT_OF_BAND_CHANGE | Access.IN_BAND_CHANGE


def _encryption(wanted: Configuration, able: TargetCapabilities) -> bool:
    enabled = Encryption(wanted.encryption & sum(Encryption))
    algorithm = wanted.algorithm & _ALGORITHMS
    if Encryption.ENCRYPTION not in enabled:
        return not enabled and not algorithm
    supported = able.encryption_supported & ~Encryption.CKID_REQUIRED
    if able.encryption_supported & _SUPPORTED_CKID_REQUIRED:
        supported |= Encryption.CKID_REQUIRED
    if enabled & ~supported or (Encryption.CKID_BASED | Encryption.RANGE_BASED) in enabled:
        return False
    if (Encryption.CKID_BASED in enabled) != (Encryption.CKID_REQUIRED in enabled):
        return False
    return _one(algorithm) and bool(algorithm & able.algorithms_supported)


def _access(wanted: Configuration, able: TargetCapabilities) -> bool:
    enabled = Access(wanted.access & sum(Access))
    if enabled & ~able.access_supported:
        return False
    needs = {
        Access.WRITE_CONTROL: _EXPLICIT,
        Access.READ_CONTROL: _EXPLICIT | Access.IMPLICIT_CHANGE,
        Access.IMPLICIT_CHANGE: Access.IN_BAND_CHANGE,
        Access.SANITIZE: _EXPLICIT,
    }
    if any(one in enabled and not enabled & others for one, others in needs.items()):
        return False
    return (Access.WRITE_CONTROL | Access.IMPLICIT_CHANGE) not in enabled


def _out_of_band(wanted: Configuration, able: TargetCapabilities) -> bool:
    granularity = wanted.out_of_band_granularity
    if not wanted.access & Access.OUT_OF_BAND_CHANGE:
        return not granularity
    return _one(granularity) and bool(granularity & able.out_of_band_granularity_supported)


def _in_band(wanted: Configuration, able: TargetCapabilities) -> bool:
    """The entries that say what the length indexes of TEUpdate mean, each index once."""
    if not wanted.access & Access.IN_BAND_CHANGE:
        return True
    seen: set[int] = set()
    for granularity, index in struct.iter_unpack("<QB7x", wanted.granularities):
        if index == _UNUSED:
            continue
        if index > _LARGEST_INDEX or index in seen:
            return False
        seen.add(index)
        if index == _LARGEST_INDEX and not able.in_band_granularity_supported & _ENTIRE_MEMORY:
            return False
        if index in {_SMALLEST_INDEX, _LARGEST_INDEX}:
            good = not granularity
        else:
            bit = granularity >> 6
            good = _one(granularity) and bool(bit & able.in_band_granularity_supported)
        if not good:
            return False
    return not wanted.access & Access.IMPLICIT_CHANGE or _SMALLEST_INDEX in seen


def _ckids(wanted: Configuration, able: TargetCapabilities) -> bool:
    if not wanted.encryption & Encryption.CKID_REQUIRED:
        return True
    base, count = wanted.ckid_base, wanted.ckids
    return count <= able.ckids and base < CKID_LIMIT and base + count < CKID_LIMIT


_CHECKS: tuple[Callable[[Configuration, TargetCapabilities], bool], ...] = (
    _encryption,
    _access,
    _out_of_band,
    _in_band,
    _ckids,
)


def possible(wanted: Configuration, able: TargetCapabilities) -> bool:
    """Whether the target can be configured so."""
    return all(check(wanted, able) for check in _CHECKS)


def secondary_sessions(validity: int, able: TargetCapabilities) -> int | None:
    """How many secondary sessions have keys; None where that is wrong: they count from 0 on."""
    for count in range(min(able.secondary_sessions, MAX_SECONDARY) + 1):
        if validity == (1 << count) - 1:
            return count
    return None


def _one(bits: int) -> bool:
    """Whether exactly one bit is set."""
    return bits > 0 and not bits & (bits - 1)
