"""Hash functions by the names the algorithm table uses (`SHA_256`, `SHA_384`)."""

import hashlib

_CONSTRUCTORS = {"SHA_256": hashlib.sha256, "SHA_384": hashlib.sha384}

NAMES = tuple(_CONSTRUCTORS)


def digest(name: str, *parts: bytes) -> bytes:
    """The hash `name` of the concatenation of `parts`. Raises KeyError for an unknown name."""
    return _CONSTRUCTORS[name](b"".join(parts)).digest()


def size(name: str) -> int:
    """The digest size of hash `name` in bytes."""
    return _CONSTRUCTORS[name]().digest_size
