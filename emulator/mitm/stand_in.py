"""What stands in for the device: sessions that end here, under a key of the middle's own.

Everything is as the host expects it of the device it has talked to, the chain included; only the
private key is another, as the device's own is not to be had.
"""

from dataclasses import dataclass

from emulator.ask import read_chain
from emulator.crypto.keys import SigningKey
from emulator.device import Device, Measurements, PciIdentity, Slot
from emulator.entropy import Entropy
from emulator.mitm.overheard import Overheard
from emulator.requester import Requester
from emulator.responder import SessionResponder
from emulator.spdm.algorithms import Algorithm
from emulator.spdm.chain import CertificateChain
from emulator.spdm.negotiation import Preferences
from emulator.spdm.versions import Version, rules

_KEY_SECRET = 32
_NOBODY = PciIdentity(vendor=0, device=0, class_code=0, revision=0)


@dataclass(frozen=True)
class BorrowedChain(CertificateChain):
    """Another's chain, as it was overheard.

    Attributes:
        overheard: the chain as SPDM carries it.
    """

    overheard: bytes = b""

    def spdm(self, hash_name: str) -> bytes:
        """The chain as SPDM carries it, under the only hash it was ever carried with."""
        del hash_name
        return self.overheard


def _only(row: Algorithm | None) -> tuple[Algorithm, ...]:
    return () if row is None else (row,)


def stand_in(overheard: Overheard, entropy: Entropy) -> SessionResponder:
    """The device's end, from here on. Raises LookupError where too little was overheard."""
    connection = overheard.as_device()
    agreed = connection.algorithms
    if agreed.asym is None or agreed.hash is None:
        raise LookupError("no signatures were negotiated")
    key = SigningKey.derive(agreed.asym.name, entropy.bytes(_KEY_SECRET, label="own key"))
    slots = {
        number: Slot({agreed.asym.name: BorrowedChain((), b"", key, overheard=chain)})
        for number, chain in overheard.chains.items()
    }
    device = Device(
        name="middle",
        identity=_NOBODY,
        versions=(Version(connection.version),),
        capabilities=connection.local_capabilities,
        preferences=Preferences(
            asym=_only(agreed.asym),
            hash=_only(agreed.hash),
            measurement_hash=agreed.measurement_hash,
            opaque_format=agreed.other_params,
            dhe=_only(agreed.dhe),
            aead=_only(agreed.aead),
            key_schedule=_only(agreed.key_schedule),
        ),
        slots=slots,
        measurements=Measurements(),
        entropy=entropy,
    )
    responder = SessionResponder(device, entropy.fork("stand-in"))
    responder.connection = connection
    return responder


def impostor(overheard: Overheard, entropy: Entropy) -> Requester:
    """The host's end, from here on. Raises LookupError where too little was overheard."""
    connection = overheard.as_host()
    requester = Requester(entropy.fork("impostor"))
    requester.connection = connection
    chosen = connection.algorithms.hash
    if chosen is None:
        raise LookupError("no hash was negotiated")
    wide = rules(connection.version).large_forms
    for slot, chain in overheard.chains.items():
        requester.chains[slot] = read_chain(slot, chain, chosen.name, wide=wide)
    return requester
