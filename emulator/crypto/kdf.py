"""HMAC and the two halves of HKDF (RFC 5869), over the hashes of the algorithm table."""

import hmac as std_hmac
from math import ceil

from emulator.crypto import hashes

_STD = {
    name: name.lower() if name.startswith("SHA3") else name.replace("_", "").lower()
    for name in hashes.NAMES
}
"""What `hmac` calls each hash."""


_FIRST = b"\x01"
"""The number of an expansion's first block, which nearly always is its only one."""


def hmac(name: str, key: bytes | bytearray, data: bytes) -> bytes:
    """The HMAC of `data` by the hash `name`; as long as its digest."""
    return std_hmac.digest(key, data, _STD[name])


def same(one: bytes, other: bytes) -> bool:
    """Whether two values are equal, in a time that does not tell where they differ."""
    return std_hmac.compare_digest(one, other)


def extract(name: str, salt: bytes, secret: bytes | bytearray) -> bytearray:
    """HKDF-Extract: the pseudorandom key that `secret` gives with `salt`."""
    return bytearray(std_hmac.digest(salt, bytes(secret), _STD[name]))


def expand(name: str, key: bytes | bytearray, info: bytes, size: int) -> bytearray:
    """HKDF-Expand: `size` bytes from the pseudorandom `key`, for the purpose `info`."""
    algorithm, digest_size = _STD[name], hashes.size(name)
    if size <= digest_size:
        return bytearray(std_hmac.digest(key, info + _FIRST, algorithm)[:size])
    made = bytearray()
    block = b""
    for number in range(1, ceil(size / digest_size) + 1):
        block = std_hmac.digest(key, block + info + bytes((number,)), algorithm)
        made += block
    del made[size:]
    return made
