"""The certificate chain of a peer, as SPDM carries it.

    length u32 LE | hash of the root | certificates (DER, one after the other)

Up to 1.3 the length is a u16 and two reserved bytes, which are tolerated (libspdm
`include/industry_standard/spdm.h`, `spdm_cert_chain_t`; `library/spdm_crypt_lib/
libspdm_crypt_cert.c`, `libspdm_verify_certificate_chain_buffer`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from emulator.crypto import hashes
from emulator.crypto.certificate import Certificate
from emulator.crypto.keys import VerifyingKey
from emulator.crypto.x509 import split_chain
from emulator.errors import BrokenReply, PkiError
from emulator.spdm.messages.challenge import NO_SLOT

_LENGTH_SIZE = 4
_LENGTH_FIELD = 2


class Signer(Protocol):
    """What a peer signs with: a slot's leaf, or a key that was provisioned."""

    @property
    def slot(self) -> int:
        """The slot, or NO_SLOT."""

    @property
    def hash_name(self) -> str:
        """The hash in force."""

    @property
    def digest(self) -> bytes:
        """The hash that CHALLENGE_AUTH states."""

    @property
    def name(self) -> str:
        """What a message calls it."""

    @property
    def known_by(self) -> str:
        """What that is the hash of."""

    def key(self, scheme: str) -> VerifyingKey | None:
        """Its public key, or None where it is none of the signature algorithm `scheme`."""


@dataclass(frozen=True)
class PeerKey:
    """The peer's public key, which came by another way than SPDM.

    Attributes:
        public: the key.
        hash_name: the hash in force.
    """

    public: VerifyingKey
    hash_name: str

    @property
    def slot(self) -> int:
        """What stands for it where slots are named."""
        return NO_SLOT

    @property
    def name(self) -> str:
        """What a message calls it."""
        return "the provisioned key"

    @property
    def known_by(self) -> str:
        """What a message calls what it is known by: itself."""
        return self.name

    @cached_property
    def digest(self) -> bytes:
        """The hash of its SubjectPublicKeyInfo."""
        return hashes.digest(self.hash_name, self.public.spki)

    def key(self, scheme: str) -> VerifyingKey | None:
        """The key under `scheme`, or None where it does not serve it."""
        return self.public.under(scheme) if scheme in self.public.schemes else None


@dataclass(frozen=True)
class PeerChain:
    """One slot's chain.

    Attributes:
        slot: where it came from.
        spdm: the whole of it.
        hash_name: the hash in force.
        root_hash: what its header states as the root's hash.
        certificates: DER, the root's side first, the leaf last.
    """

    slot: int
    spdm: bytes
    hash_name: str
    root_hash: bytes
    certificates: tuple[bytes, ...]

    @property
    def name(self) -> str:
        """What a message calls its leaf."""
        return f"slot {self.slot}'s leaf"

    @property
    def known_by(self) -> str:
        """What a message calls the chain."""
        return "the chain that was fetched"

    @cached_property
    def digest(self) -> bytes:
        """The hash of the whole chain, which DIGESTS and CHALLENGE_AUTH repeat."""
        return hashes.digest(self.hash_name, self.spdm)

    @cached_property
    def leaf(self) -> Certificate | None:
        """The leaf, or None where it cannot be read."""
        try:
            return Certificate.parse(self.certificates[-1])
        except PkiError:
            return None

    def key(self, scheme: str) -> VerifyingKey | None:
        """The leaf's public key, or None where it is none of the signature algorithm `scheme`."""
        key = self.leaf.key if self.leaf else None
        return key.under(scheme) if key is not None and scheme in key.schemes else None


def read_chain(slot: int, spdm: bytes, hash_name: str, *, wide: bool = False) -> PeerChain:
    """Cut a chain apart; `wide`: its length has 32 bits, as since 1.4.

    Raises BrokenReply naming what does not fit.
    """
    header = _LENGTH_SIZE + hashes.size(hash_name)
    if len(spdm) <= header:
        found = f"{len(spdm)} bytes"
        raise BrokenReply("CERTIFICATE", "chain", found=found, expected=f"more than {header}")
    length = int.from_bytes(spdm[: _LENGTH_SIZE if wide else _LENGTH_FIELD], "little")
    if length != len(spdm):
        raise BrokenReply("CERTIFICATE", "chain length", found=length, expected=len(spdm))
    try:
        certificates = split_chain(spdm[header:])
    except PkiError as error:
        raise BrokenReply(
            "CERTIFICATE", "certificates", found=error, expected="DER certificates end to end"
        ) from error
    return PeerChain(slot, spdm, hash_name, spdm[_LENGTH_SIZE:header], certificates)
