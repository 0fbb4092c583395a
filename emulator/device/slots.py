"""Certificate slots: a chain and a key for each signature algorithm the device offers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from emulator.device.measurements import Measurements
from emulator.spdm.chain import CertificateChain
from emulator.spdm.key_pairs import CertificateModel

MAX_CHAIN = 0xFFFF
"""The largest SPDM certificate chain before 1.4's large form, bytes."""

MAX_LARGE_CHAIN = 1 << 20
"""The largest in that form, bytes: this emulator's own bound, as a transcript must hold it."""


Renew = Callable[[str, Measurements], CertificateChain]
"""The chain for a signature algorithm, issued anew for what is measured now."""


@dataclass(frozen=True)
class Slot:
    """One provisioned slot.

    Attributes:
        chains: the chains by the name of the signature algorithm they serve.
        renew: makes the chain that takes such a one's place once a measurement has changed, as
            firmware's alias certificate; None: the chains stay.
        model: what kind of certificate the leaves are.
    """

    chains: Mapping[str, CertificateChain]
    renew: Renew | None = None
    model: CertificateModel = CertificateModel.DEVICE
    _renewed: dict[str, tuple[int, CertificateChain]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @cached_property
    def small(self) -> bool:
        """Whether every chain, now and later, fits into the form before 1.4, whatever the hash."""
        return self.renew is None and all(
            chain.largest <= MAX_CHAIN for chain in self.chains.values()
        )

    def chain(self, scheme: str, measurements: Measurements) -> CertificateChain | None:
        """The chain for `scheme` while the device measures this; None if there is none."""
        chain = self.chains.get(scheme)
        generation = measurements.certified
        if chain is None or self.renew is None or not generation:
            return chain
        since, renewed = self._renewed.get(scheme, (0, chain))
        if since != generation:
            renewed = self.renew(scheme, measurements)
            self._renewed[scheme] = generation, renewed
        return renewed
