"""Who a requester is: the chains and keys that it shows to a device that asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from emulator.ask.finish import OwnProof
from emulator.crypto import hashes
from emulator.crypto.keys import SigningKey
from emulator.device import CertificateChain, Device, Measurements, PciIdentity, Sizes, Slot
from emulator.device.endpoint_info import DeviceClass
from emulator.device.key_pairs import pairs_of
from emulator.device.provisioning import Policy, Provisioning
from emulator.entropy import Entropy
from emulator.errors import UnsupportedByPeer
from emulator.requester.offer import Offer
from emulator.responder import Responder
from emulator.spdm.capabilities import NONE, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages.challenge import NO_SLOT
from emulator.spdm.negotiation import Preferences

_DELIVER = 4
"""Bytes of DELIVER_ENCAPSULATED_RESPONSE before what it carries."""


@dataclass(frozen=True)
class Identity:
    """A requester's identity.

    Attributes:
        slots: its chains by slot, and there by signature algorithm.
        keys: its keys by signature algorithm, whose public halves devices were given; a requester
            that has any shows no chains.
        classes: what it says it is to a device that asks (GET_ENDPOINT_INFO); empty: nothing.
            DMTF's device takes a signed answer only where DOE does not pad it (`of_function`).
        several_keys: its slots may have different keys, of which it tells where the device lets it
            (MULTI_KEY_NEG, since 1.3).
    """

    slots: Mapping[int, Mapping[str, CertificateChain]] = field(default_factory=dict)
    keys: Mapping[str, SigningKey] = field(default_factory=dict)
    classes: tuple[DeviceClass, ...] = ()
    several_keys: bool = False

    @property
    def schemes(self) -> tuple[str, ...]:
        """The signature algorithms it can sign with."""
        chains = [scheme for held in self.slots.values() for scheme in held]
        return tuple(dict.fromkeys([*chains, *self.keys]))

    def proof(self, connection: Connection, slot: int) -> OwnProof:
        """What FINISH is signed by. Raises UnsupportedByPeer for a slot that is empty."""
        agreed = connection.algorithms
        scheme = agreed.req_asym.name if agreed.req_asym else ""
        name = agreed.hash.name if agreed.hash else ""
        if slot == NO_SLOT:
            key = self.keys.get(scheme)
            if key is not None:
                return OwnProof(slot, hashes.digest(name, key.public.spki), key)
        chain = self.slots.get(slot, {}).get(scheme)
        if chain is None:
            what = "no key" if slot == NO_SLOT else f"no chain in slot {slot}"
            raise UnsupportedByPeer(f"the device asks for our signature, and we have {what}")
        return OwnProof(slot, chain.digest(name), chain.key)

    def responder(self, connection: Connection, entropy: Entropy) -> Responder:
        """What answers, in our turn, on `connection` turned round.

        Each answer fits into one DELIVER_ENCAPSULATED_RESPONSE, which goes in chunks where that is
        too large for one piece.
        """
        room = connection.peer_data_transfer_size or Sizes().transmit
        if connection.both(Cap.CHUNK):
            room = connection.peer_max_message
        slots = {number: Slot(held) for number, held in self.slots.items()}
        several = connection.algorithms.requester_keys
        pairs = pairs_of(slots, schemes=self.schemes) if several else ()
        device = Device(
            name="requester",
            identity=PciIdentity(0, 0, 0, 0),
            versions=(),
            capabilities=NONE,
            preferences=Preferences((), (), None, 0),
            slots=slots,
            measurements=Measurements(()),
            entropy=entropy,
            sizes=Sizes(transmit=room - _DELIVER),
            public_keys=self.keys,
            device_classes=self.classes,
            provisioning=Provisioning(Policy(), slots, pairs) if several else None,
        )
        answering = Responder(device, entropy)
        answering.connection = connection.turn()
        answering.connection.local_capabilities &= ~Cap.CHUNK
        answering.connection.peer_data_transfer_size = room - _DELIVER
        return answering


NOBODY = Identity()
"""A requester that shows nothing of itself."""


def for_mutual(offer: Offer, identity: Identity) -> Offer:
    """`offer`, and mutual authentication by `identity` in addition."""
    known = Cap.PUB_KEY_ID if identity.keys else Cap.CERT
    added = Cap.MUT_AUTH | Cap.ENCAP | Cap.CHAL | known
    added |= Cap.EP_INFO_SIG if identity.classes else NONE
    added |= Cap.MULTI_KEY_NEG if identity.several_keys and not identity.keys else NONE
    return replace(
        offer, capabilities=offer.capabilities | added, req_asym=offer.req_asym or identity.schemes
    )
