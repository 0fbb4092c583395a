"""A certificate chain as SPDM carries it, and the key that goes with it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from emulator.crypto import hashes
from emulator.crypto.keys import SigningKey

_LENGTH = 4
_LONGEST_HASH = max(map(hashes.size, hashes.NAMES))


def spdm_chain(hash_name: str, root: bytes, certificates: Iterable[bytes]) -> bytes:
    """Certificates as SPDM carries a chain: length u32 LE, hash of the root, then they.

    Up to 1.3 the length is a u16 and two reserved bytes, which are the same bytes
    (libspdm `include/industry_standard/spdm.h`, `spdm_cert_chain_t`).
    """
    body = hashes.digest(hash_name, root) + b"".join(certificates)
    return (len(body) + _LENGTH).to_bytes(_LENGTH, "little") + body


@dataclass(frozen=True)
class CertificateChain:
    """An X.509 chain, and the key of its leaf.

    Attributes:
        certificates: DER, from the root (or the first below it) to the leaf.
        root: the root's DER, whose hash the SPDM header carries, also where the chain leaves the
            root itself out.
        key: the leaf's private key.
    """

    certificates: tuple[bytes, ...]
    root: bytes
    key: SigningKey
    _spdm: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    _digests: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def largest(self) -> int:
        """Bytes of the chain as SPDM carries it, under the longest hash."""
        return _LENGTH + _LONGEST_HASH + sum(map(len, self.certificates))

    def spdm(self, hash_name: str) -> bytes:
        """The chain as SPDM carries it."""
        chain = self._spdm.get(hash_name)
        if chain is None:
            chain = spdm_chain(hash_name, self.root, self.certificates)
            self._spdm[hash_name] = chain
        return chain

    def size(self, hash_name: str) -> int:
        """The size of `spdm(hash_name)`, bytes, without making it: most are never asked for."""
        return _LENGTH + hashes.size(hash_name) + sum(map(len, self.certificates))

    def digest(self, hash_name: str) -> bytes:
        """The hash of the SPDM chain, as DIGESTS and CHALLENGE_AUTH report it."""
        digest = self._digests.get(hash_name)
        if digest is None:
            digest = self._digests[hash_name] = hashes.digest(hash_name, self.spdm(hash_name))
        return digest
