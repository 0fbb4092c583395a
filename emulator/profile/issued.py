"""Chains that the sample authority issues to a profile's device."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from emulator.crypto import hashes
from emulator.crypto.keys import SigningKey
from emulator.crypto.tcb import Fwid, TcbInfo
from emulator.device import CertificateChain, Measurement, PciIdentity
from emulator.pki.authority import NOT_AFTER, NOT_BEFORE, sample_authority
from emulator.pki.issue import LeafOptions, issue
from emulator.profile.model import AutoChains, Profile
from emulator.spdm.messages.measured import KINDS

NO_NAME = "none"
"""The `san` of a leaf without a CMA name."""

FALLBACK_HASH = "SHA_384"
"""What FWIDs are made with where measurements are reported raw (RAW_BIT)."""

_ALIAS_LAYER = 1
"""The layer of the firmware, whose key an alias leaf has; the device's own is below it."""


@dataclass(frozen=True)
class Bend:
    """How a chain is issued otherwise than a device's own, on purpose.

    Attributes:
        options: other values of the leaf's `LeafOptions`.
        identity: whose CMA name the leaf has; None: the device's own.
        no_name: it has none.
        not_before: the start of its validity.
        not_after: its end.
        self_signed: the leaf is signed by its own key and stands alone.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    identity: PciIdentity | None = None
    no_name: bool = False
    not_before: datetime = NOT_BEFORE
    not_after: datetime = NOT_AFTER
    self_signed: bool = False


STRAIGHT = Bend()


def pci_identity(profile: Profile) -> PciIdentity:
    """The identity as a device has it."""
    return PciIdentity(**profile.identity.model_dump())


def issue_chain(
    profile: Profile,
    identity: PciIdentity,
    number: int,
    auto: AutoChains,
    scheme: str,
    measurements: Iterable[Measurement],
    bend: Bend = STRAIGHT,
) -> CertificateChain:
    """The chain for the signature algorithm `scheme` in slot `number`; its key is always the same.

    Raises PkiError for values that fit no certificate.
    """
    own_name = identity.san
    san = own_name if auto.san is None else auto.san
    options = LeafOptions(model=auto.model)
    if auto.model == "alias":
        options = LeafOptions(model="alias", tcb_info=tcb_info(profile, measurements))
    elif auto.model == "generic":
        options = LeafOptions(model="generic", ekus=())
    options = replace(options, **bend.options)
    if bend.identity is not None:
        san = bend.identity.san
    issued = issue(
        sample_authority(scheme),
        san=None if san == NO_NAME or bend.no_name else san,
        common_name=auto.common_name or profile.name,
        secret=_secret(profile, number if auto.key_of is None else auto.key_of, scheme),
        not_before=bend.not_before,
        not_after=bend.not_after,
        options=options,
        self_signed=bend.self_signed,
    )
    if bend.self_signed:
        return CertificateChain((issued.leaf,), root=issued.leaf, key=issued.key.under(scheme))
    certificates = issued.certificates if auto.include_root else issued.certificates[1:]
    return CertificateChain(certificates, root=issued.root, key=issued.key.under(scheme))


def _secret(profile: Profile, number: int, scheme: str) -> bytes:
    """What the keys of a slot are derived from."""
    return "\0".join((profile.name, pci_identity(profile).san, str(number), scheme)).encode()


def leaf_key(profile: Profile, number: int, scheme: str) -> SigningKey:
    """The key that a leaf in this slot would have, where it holds none yet."""
    shared = sample_authority(scheme).device_key
    key = shared or SigningKey.derive(scheme, b"slot\0" + _secret(profile, number, scheme))
    return key.under(scheme)


def tcb_info(profile: Profile, measurements: Iterable[Measurement]) -> TcbInfo:
    """What an alias certificate says of its firmware: a FWID for each measurement that lasts.

    They are in the order of their index; each is the digest that MEASUREMENTS reports, or would
    report were it not raw.
    """
    measured = [one for one in measurements if one.state is None]
    hash_name = profile.algorithms.measurement_hash
    if hash_name not in hashes.NAMES:
        hash_name = FALLBACK_HASH
    versions = [one.value for one in measured if one.kind == KINDS["version"]]
    numbers = [one.value for one in measured if one.kind == KINDS["secure-version-number"]]
    return TcbInfo(
        vendor=f"{profile.identity.vendor:04x}",
        model=profile.name,
        version=versions[0].decode(errors="replace") if versions else None,
        svn=int.from_bytes(numbers[0], "little") if numbers else None,
        layer=_ALIAS_LAYER,
        index=0,
        fwids=tuple(
            Fwid(hash_name, one.value if one.digested else hashes.digest(hash_name, one.value))
            for one in measured
        ),
    )
