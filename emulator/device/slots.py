"""Certificate slots: a chain and a key for each signature algorithm the device offers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.crypto import hashes
from emulator.crypto.keys import SigningKey
from emulator.device.measurements import Measurements

MAX_CHAIN = 0xFFFF
"""The largest SPDM certificate chain before 1.4's large form, bytes."""

MAX_LARGE_CHAIN = 1 << 20
"""The largest in that form, bytes: this emulator's own bound, as a transcript must hold it."""


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

    def spdm(self, hash_name: str) -> bytes:
        """The chain as SPDM carries it: length u32 LE, hash of the root, then the certificates.

        Up to 1.3 the length is a u16 and two reserved bytes, which are the same bytes
        (libspdm `include/industry_standard/spdm.h`, `spdm_cert_chain_t`).
        """
        chain = self._spdm.get(hash_name)
        if chain is None:
            body = hashes.digest(hash_name, self.root) + b"".join(self.certificates)
            chain = self._spdm[hash_name] = (len(body) + 4).to_bytes(4, "little") + body
        return chain

    def digest(self, hash_name: str) -> bytes:
        """The hash of the SPDM chain, as DIGESTS and CHALLENGE_AUTH report it."""
        digest = self._digests.get(hash_name)
        if digest is None:
            digest = self._digests[hash_name] = hashes.digest(hash_name, self.spdm(hash_name))
        return digest


Renew = Callable[[str, Measurements], CertificateChain]
"""The chain for a signature algorithm, issued anew for what is measured now."""


@dataclass(frozen=True)
class Slot:
    """One provisioned slot.

    Attributes:
        chains: the chains by the name of the signature algorithm they serve.
        renew: makes the chain that takes such a one's place once a measurement has changed, as
            firmware's alias certificate; None: the chains stay.
    """

    chains: Mapping[str, CertificateChain]
    renew: Renew | None = None
    _renewed: dict[str, tuple[int, CertificateChain]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def chain(self, scheme: str, measurements: Measurements) -> CertificateChain | None:
        """The chain for `scheme` while the device measures this; None if there is none."""
        chain = self.chains.get(scheme)
        generation = measurements.generation
        if chain is None or self.renew is None or not generation:
            return chain
        since, renewed = self._renewed.get(scheme, (0, chain))
        if since != generation:
            renewed = self.renew(scheme, measurements)
            self._renewed[scheme] = generation, renewed
        return renewed
