"""What a profile's provisioning needs beside it, and the provisioning of its device."""

from collections.abc import Iterator, Mapping, Sequence

from emulator.crypto.certificate import Certificate
from emulator.crypto.keys import SigningKey
from emulator.device.key_pairs import MAX_PAIRS, pairs_of
from emulator.device.provisioning import Policy, Provisioning
from emulator.device.slots import Slot
from emulator.errors import PkiError
from emulator.forms.words import counted
from emulator.pki import files
from emulator.profile import vocabulary
from emulator.profile.chains import ProvisionedChain, check_file
from emulator.profile.issued import leaf_key
from emulator.profile.model import Profile
from emulator.profile.report import Report
from emulator.profile.tree import Steps
from emulator.spdm import capabilities
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_pairs import KeyPairCap

Finding = tuple[Steps, str, str]

SpareKeys = tuple[tuple[int, SigningKey], ...]
"""The keys of slots that hold nothing yet, each with its slot."""

PROVISIONED = Cap.SET_CERT | Cap.CSR | Cap.GET_KEY_PAIR_INFO | Cap.SET_KEY_PAIR_INFO
"""Each of these means that there is something to provision."""

_KEYS = Cap.GET_KEY_PAIR_INFO | Cap.SET_KEY_PAIR_INFO


def provisioning_findings(profile: Profile) -> Iterator[Finding]:
    """What is set is promised by a capability, and can be had."""
    flags = vocabulary.flags(profile.capabilities)
    told = profile.provisioning
    steps: Steps = ("provisioning",)
    if Cap.ALIAS_CERT in flags and flags & (Cap.SET_CERT | Cap.CSR):
        expect = "no SET_CERT or CSR beside ALIAS_CERT: alias certificates are not provisioned here"
        yield ("capabilities",), expect, ", ".join(profile.capabilities)
    needs = {
        "slots": (told.slots is not None, Cap.SET_CERT),
        "authority": (bool(told.authority), Cap.SET_CERT),
        "spare_key_pairs": (bool(told.spare_key_pairs), Cap.GET_KEY_PAIR_INFO),
    }
    for key, (given, capability) in needs.items():
        if given and capability not in flags:
            [name] = capabilities.names(capability)
            yield (*steps, key), f"nothing without {name} in capabilities", ""
    if len(set(told.slots or ())) != len(told.slots or ()):
        yield (*steps, "slots"), "each slot once", ""
    operations = _operations(profile)
    if operations & KeyPairCap.SHARE and not operations & KeyPairCap.ASSOCIATE:
        yield (*steps, "key_operations"), "ASSOCIATE, which SHARE needs", ""


def _operations(profile: Profile) -> KeyPairCap:
    found = KeyPairCap(0)
    for name in profile.provisioning.key_operations:
        found |= KeyPairCap[name]
    return found


def writable(profile: Profile) -> frozenset[int]:
    """The slots that may be written."""
    if Cap.SET_CERT not in vocabulary.flags(profile.capabilities):
        return frozenset()
    told = profile.provisioning.slots
    return frozenset(profile.slots if told is None else told)


def authority(profile: Profile, report: Report) -> tuple[bytes, ...]:
    """The roots of which chains must come; a file that has none is a problem."""
    roots: list[bytes] = []
    for number, path in enumerate(profile.provisioning.authority):
        steps: Steps = ("provisioning", "authority", number)
        try:
            check_file(path)
            found = files.read_certificates(path)
        except PkiError as error:
            report.at(steps, "a file of certificates, DER or PEM", str(error))
            continue
        for data in found:
            root = Certificate.parse(data)
            if not root.is_self_signed:
                report.at(steps, "root certificates", f"{root.subject}, which is not self-signed")
        roots += found
    return tuple(roots)


def spare_keys(profile: Profile, chains: Sequence[ProvisionedChain], report: Report) -> SpareKeys:
    """A key of each kind for each writable slot that is empty; too many key pairs are a problem."""
    if not vocabulary.flags(profile.capabilities) & PROVISIONED:
        return ()
    empty = sorted(writable(profile) - profile.slots.keys())
    made: dict[tuple[int, str], SigningKey] = {}
    for number in empty:
        for scheme in profile.algorithms.asym:
            key = leaf_key(profile, number, scheme)
            made.setdefault((number, key.public.key_type), key)
    spare = tuple((number, key) for (number, _), key in made.items())
    pairs = {chain.chain.key.public.spki for chain in chains} | {
        key.public.spki for _, key in spare
    }
    total = len(pairs) + profile.provisioning.spare_key_pairs
    if total > MAX_PAIRS:
        expect = f"at most {MAX_PAIRS} key pairs, as their numbers have eight bits"
        report.at(("provisioning",), expect, counted(total, "pair"))
    by_key: dict[bytes, set[int]] = {}
    for one in chains:
        by_key.setdefault(one.chain.key.public.spki, set()).add(one.slot)
    shared = any(len(slots) > 1 for slots in by_key.values())
    changes = Cap.SET_KEY_PAIR_INFO in vocabulary.flags(profile.capabilities)
    if changes and shared and not _operations(profile) & KeyPairCap.SHARE:
        where: Steps = ("provisioning", "key_operations")
        report.at(where, "SHARE, as slots of this device share a key")
    return spare


def provisioning(
    profile: Profile,
    slots: Mapping[int, Slot],
    spare: SpareKeys,
    roots: tuple[bytes, ...],
) -> Provisioning | None:
    """What may be provisioned of a device; None: nothing."""
    if not vocabulary.flags(profile.capabilities) & PROVISIONED:
        return None
    told = profile.provisioning
    policy = Policy(
        writable=writable(profile),
        trusted=told.trusted,
        authority=roots,
        check_key=told.check_key,
        real_keys=told.key_pairs == "real",
        when_read=told.takes_effect == "when-read",
    )
    pairs = pairs_of(
        slots,
        spare,
        schemes=profile.algorithms.asym,
        spare=told.spare_key_pairs,
        capabilities=_operations(profile),
    )
    return Provisioning(policy, slots, pairs)
