"""A requester with an identity and a device that asks for it, for tests."""

from dataclasses import replace

from chains import AT, authority, issued
from devices import device
from hosting import SecureHost
from secured import ABLE, VERSIONS

from emulator.crypto.keys import VerifyingKey
from emulator.device import Device
from emulator.device.mutual import KnownChain, MutualAuthentication
from emulator.device.sessions import Sessions
from emulator.entropy import Seeded
from emulator.pki.export import REQUESTER
from emulator.requester import Identity, Offer, for_mutual, for_sessions
from emulator.spdm import algorithms
from emulator.spdm.algorithms import SIGNATURES
from emulator.spdm.capabilities import Cap
from emulator.spdm.chain import CertificateChain
from emulator.spdm.messages.key_exchange import MutualAuth
from emulator.spdm.versions import Version
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE

MUTUAL = ABLE | Cap.MUT_AUTH | Cap.ENCAP | Cap.CHUNK
SLOT = 3


def own_chain(scheme: str) -> CertificateChain:
    """A requester's chain."""
    made = issued(scheme, common_name="requester", secret=b"requester", options=REQUESTER)
    return CertificateChain(made.certificates, made.root, made.key.under(scheme))


def identity(*schemes: str, slot: int = SLOT) -> Identity:
    """A requester with chains in one slot."""
    return Identity({slot: {scheme: own_chain(scheme) for scheme in schemes}})


def asking(
    how: MutualAuth = MutualAuth.ENCAPSULATED,
    *schemes: str,
    challenge: bool = False,
    capabilities: Cap = MUTUAL,
    **policy: object,
) -> Device:
    """A device that asks requesters with these signature algorithms who they are."""
    names = schemes or ("ECDSA_P384",)
    made = device(
        versions=VERSIONS,
        capabilities=capabilities,
        dhe=("SECP_256_R1",),
        aead=("AES_128_GCM",),
        sessions=Sessions(keys={b"a hint": b"a key"}),
    )
    rows = tuple(algorithms.by_name(SIGNATURES, name) for name in names)
    made.preferences = replace(made.preferences, req_asym=rows)
    told: dict[str, object] = {
        "slot": SLOT,
        "anchors": tuple(authority(name).root.certificate for name in names),
        "at": AT,
        **policy,
    }
    made.mutual = MutualAuthentication(challenge=challenge, key_exchange=how, **told)  # type: ignore[arg-type]
    return made


def known(*schemes: str) -> dict[str, KnownChain]:
    """The requester's chains as a device is given them beforehand."""
    chains = {scheme: own_chain(scheme) for scheme in schemes}
    return {name: KnownChain(one.certificates, one.root) for name, one in chains.items()}


def known_keys(*schemes: str) -> dict[str, VerifyingKey]:
    """The requester's public keys likewise."""
    return {scheme: own_chain(scheme).key.public for scheme in schemes}


def host(
    to: Device,
    own: Identity,
    *,
    version: Version = Version.V1_4,
    clear: bool = False,
    binding: Binding = DOE,
    flags: Cap | None = None,
) -> SecureHost:
    """A requester of this identity, connected."""
    how = Cap.KEY_EX | (Cap.HANDSHAKE_IN_THE_CLEAR if clear else Cap(0))
    offer = for_mutual(for_sessions(Offer(versions=(version,)), how), own)
    if flags is not None:
        offer = replace(offer, capabilities=flags)
    made = SecureHost(to, offer=offer, binding=binding)
    made.requester.identity = own
    made.requester.entropy = Seeded("mutual")
    return made.connected()
