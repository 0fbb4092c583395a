"""Devices that can be provisioned, and what is installed in them."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from chains import issued
from devices import CAPABILITIES, chain, device

from emulator.crypto.keys import SigningKey
from emulator.device import Device
from emulator.device.key_pairs import pairs_of
from emulator.device.provisioning import Policy, Provisioning
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_pairs import ALL_CAPABILITIES, KeyPairCap
from emulator.spdm.versions import Version
from emulator.state import StateFolder

ABLE = CAPABILITIES | Cap.SET_CERT | Cap.CSR | Cap.GET_KEY_PAIR_INFO | Cap.SET_KEY_PAIR_INFO
SEVERAL = ABLE | Cap.MULTI_KEY_NEG
SCHEME = "ECDSA_P256"


def provisionable(
    policy: Policy | None = None,
    *,
    capabilities: Cap = SEVERAL,
    versions: tuple[Version, ...] = (Version.V1_2, Version.V1_3, Version.V1_4),
    spare: int = 1,
    operations: KeyPairCap = ALL_CAPABILITIES,
    more: Sequence[tuple[int, SigningKey]] = (),
) -> Device:
    """A device with chains in slots 0 and 2, both of which may be written."""
    made = device(
        capabilities=capabilities,
        versions=versions,
        asym=(SCHEME,),
        slots={0: (SCHEME,), 2: (SCHEME,)},
    )
    pairs = pairs_of(made.slots, more, schemes=(SCHEME,), spare=spare, capabilities=operations)
    made.provisioning = Provisioning(
        policy or Policy(writable=frozenset({0, 2})), made.slots, pairs
    )
    return made


@cache
def other_chain(name: str, slot: int = 0) -> tuple[bytes, ...]:
    """Another chain for the key of a slot, with this common name."""
    return issued(SCHEME, common_name=name, key=chain(SCHEME, slot).key).certificates


def attached(folder: Path, made: Device) -> StateFolder:
    """The folder that the device's state is kept in."""
    kept = StateFolder(folder)
    kept.attach(made)
    return kept
