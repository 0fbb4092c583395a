"""Certificate slots: chains issued by the sample authority, and chains from files.

What is wrong with a chain is found when the profile is loaded, by the checks that a requester
would make (`crypto/x509.py`), so that a device never starts with one that no requester accepts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from emulator.crypto.keys import SigningKey
from emulator.crypto.x509 import Certificate, Check, verify_chain
from emulator.device import CertificateChain, PciIdentity
from emulator.device.slots import MAX_CHAIN
from emulator.errors import PkiError
from emulator.pki import files
from emulator.pki.authority import NOT_AFTER, NOT_BEFORE, sample_authority
from emulator.pki.issue import issue
from emulator.profile.model import AutoChains, ChainFiles, Profile
from emulator.profile.report import Report
from emulator.profile.sources import is_file
from emulator.profile.tree import Node, Steps
from emulator.profile.words import listed
from emulator.spdm.versions import BY_TEXT, Version

NO_NAME = "none"
"""The `san` of a leaf without a CMA name."""

MAX_FILE = 1 << 20
"""The largest file of certificates or keys, bytes."""

_EXPECTED = {
    "encoding": "DER certificates of at least 256 bytes",
    "anchor": "a chain that starts at its root, or is issued by it",
    "order": "the certificates from the root to the leaf, each issued by the one before it",
    "signatures": "each certificate signed by the one before it",
    "validity": "certificates that are valid now",
    "authorities": "certificates above the leaf that may sign others",
    "leaf constraints": "a leaf that is no CA",
    "leaf key": "a leaf with a key of a scheme that this emulator can compute",
    "leaf key usage": "a leaf with digitalSignature and without keyCertSign",
    "leaf purposes": "a leaf that is not for requesters alone",
    "leaf SPDM extension": "a leaf without the identifier of another certificate model",
}
"""What each check of `verify_chain` asks for."""


@dataclass(frozen=True)
class ProvisionedChain:
    """A chain in a slot, and from when to when all its certificates are valid.

    Attributes:
        slot: the slot's number.
        steps: where the profile speaks of the chain.
        chain: the chain as a device holds it; its key's scheme is what it serves.
        not_before: the latest start of a validity.
        not_after: the earliest end.
    """

    slot: int
    steps: Steps
    chain: CertificateChain
    not_before: datetime
    not_after: datetime


def pci_identity(profile: Profile) -> PciIdentity:
    """The identity as a device has it."""
    return PciIdentity(**profile.identity.model_dump())


def provision(
    profile: Profile, tree: Node, report: Report, *, at: datetime
) -> tuple[ProvisionedChain, ...]:
    """Issue or read the chains of all slots; what is wrong with one is a problem."""
    made: list[ProvisionedChain] = []
    for number, slot in profile.slots.items():
        steps: Steps = ("slots", str(number))
        contents = AutoChains() if isinstance(slot, str) else slot.auto
        if contents is not None:
            made += _issue(profile, number, contents, tree, report)
        elif not isinstance(slot, str):
            for index, chain in enumerate(slot.chains or ()):
                place = (*steps, "chains", index)
                made += _read(chain, number, place, tree, report, at=at, profile=profile)
    for one in made:
        _check_chain(one, profile, tree, report)
    _check_coverage(made, profile, tree, report)
    check_validity(made, tree, report, at=at)
    return tuple(made)


def check_validity(
    chains: Sequence[ProvisionedChain], tree: Node, report: Report, *, at: datetime
) -> None:
    """All certificates are valid at `at`."""
    for one in chains:
        if not one.not_before <= at <= one.not_after:
            expect = f"certificates that are valid at {_day(at)}"
            was = f"a chain that is valid from {_day(one.not_before)} to {_day(one.not_after)}"
            report.at(tree, one.steps, expect, was)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}".strip()
