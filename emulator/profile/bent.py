"""Chains that are wrong on purpose, for the faults of stage chain.

They are issued by the sample authority with the device's own keys, each when it is first used. A
chain from files is nobody's to issue here: such slots have the kinds alone that are made of the
chain itself.
"""

from dataclasses import replace
from datetime import UTC, datetime

from emulator.crypto.certificate import OID_REQUESTER_AUTH
from emulator.device import CertificateChain, Measurements
from emulator.pki.authority import NOT_BEFORE, sample_authority
from emulator.profile.issued import Bend, issue_chain, pci_identity
from emulator.profile.model import AutoChains, Profile

_OVER = datetime(2024, 1, 2, tzinfo=UTC)
_FAR_OFF = datetime(9999, 1, 1, tzinfo=UTC)
_OTHER_DEVICE = 0xFFFF


def auto_of(profile: Profile, slot: int) -> AutoChains | None:
    """How the sample authority issues the chains in `slot`; None where it does not."""
    held = profile.slots.get(slot)
    if held is None:
        return None
    return AutoChains() if isinstance(held, str) else held.auto


class Bent:
    """The `Variants` of a profile's device."""

    def __init__(self, profile: Profile, measurements: Measurements) -> None:
        """`measurements`: the device's, which alias certificates follow."""
        self._profile = profile
        self._measurements = measurements
        self._made: dict[tuple[str, int, str], tuple[int, CertificateChain]] = {}
        own = pci_identity(profile)
        self._identity = own
        self._bends = {
            "expired": Bend(not_before=NOT_BEFORE, not_after=_OVER),
            "not-yet-valid": Bend(not_before=_FAR_OFF),
            "wrong-san": Bend(identity=replace(own, device=own.device ^ _OTHER_DEVICE)),
            "no-san": Bend(no_name=True),
            "missing-eku": Bend({"ekus": ()}),
            "requester-eku": Bend({"ekus": (OID_REQUESTER_AUTH,)}),
            "missing-oid": Bend({"spdm_oids": ()}),
            "self-signed-leaf": Bend(self_signed=True),
            "leaf-is-ca": Bend({"ca": True}),
            "weak-key-usage": Bend({"key_usage": ("keyAgreement",)}),
        }

    def __call__(self, kind: str, slot: int, scheme: str) -> CertificateChain | None:
        """The chain of `kind` for `slot`; None for a slot whose chain is from files.

        Of 'key-mismatch' the key alone counts: it is the authority's own, as RSA keys cannot be
        made quickly.
        """
        if kind == "key-mismatch":
            authority = sample_authority(scheme)
            certificates = (authority.root.certificate, authority.intermediate.certificate)
            key = authority.intermediate.key.under(scheme)
            return CertificateChain(certificates, authority.root.certificate, key)
        auto = auto_of(self._profile, slot)
        if auto is None:
            return None
        generation = self._measurements.certified
        since, chain = self._made.get((kind, slot, scheme), (-1, None))
        if chain is None or since != generation:
            bend = self._bends[kind]
            chain = issue_chain(
                self._profile, self._identity, slot, auto, scheme, self._measurements, bend
            )
            self._made[kind, slot, scheme] = generation, chain
        return chain
