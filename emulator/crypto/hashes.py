"""Hash functions by the names the algorithm table uses (`SHA_256`, `SHA3_512`)."""

import hashlib

from cryptography.hazmat.primitives import hashes

_CONSTRUCTORS = {
    "SHA_256": hashlib.sha256,
    "SHA_384": hashlib.sha384,
    "SHA_512": hashlib.sha512,
    "SHA3_256": hashlib.sha3_256,
    "SHA3_384": hashlib.sha3_384,
    "SHA3_512": hashlib.sha3_512,
}

NAMES = tuple(_CONSTRUCTORS)

PYCA: dict[str, hashes.HashAlgorithm] = {
    "SHA_256": hashes.SHA256(),
    "SHA_384": hashes.SHA384(),
    "SHA_512": hashes.SHA512(),
    "SHA3_256": hashes.SHA3_256(),
    "SHA3_384": hashes.SHA3_384(),
    "SHA3_512": hashes.SHA3_512(),
}
"""The same as `cryptography` knows them, for signature schemes."""


_SIZES = {name: make().digest_size for name, make in _CONSTRUCTORS.items()}


def digest(name: str, *parts: bytes) -> bytes:
    """The hash `name` of the concatenation of `parts`. Raises KeyError for an unknown name."""
    return _CONSTRUCTORS[name](b"".join(parts)).digest()


def size(name: str) -> int:
    """The digest size of hash `name` in bytes."""
    return _SIZES[name]
