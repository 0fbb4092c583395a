"""Certificate slots: chains issued by the sample authority, and chains from files.

What is wrong with a chain is found when the profile is loaded, by the checks that a requester
would make (`crypto/x509.py`), so that a device never starts with one that no requester accepts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from emulator.crypto.keys import SigningKey, VerifyingKey
from emulator.crypto.x509 import Certificate, verify_chain
from emulator.device import CertificateChain, Measurement
from emulator.device.slots import MAX_CHAIN, MAX_LARGE_CHAIN, Renew
from emulator.errors import PkiError
from emulator.forms.words import listed
from emulator.pki import files
from emulator.pki.authority import NOT_AFTER, NOT_BEFORE
from emulator.pki.issue import Model
from emulator.profile.issued import issue_chain, pci_identity
from emulator.profile.model import AutoChains, ChainFiles, Profile
from emulator.profile.report import Report
from emulator.profile.sources import is_file
from emulator.profile.tree import Steps
from emulator.spdm.capabilities import Cap
from emulator.spdm.versions import BY_TEXT, Version, rules

MAX_FILE = 1 << 20
"""The largest file of certificates or keys, bytes."""

EXPECTED = {
    "encoding": "DER certificates of at least 256 bytes",
    "anchor": "a chain that starts at its root, or is issued by it",
    "order": "the certificates from the root to the leaf, each issued by the one before it",
    "signatures": "each certificate signed by the one before it",
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
        model: the certificate model of a chain issued here; None for one from files.
        renew: issues the alias chain anew for other measurements.
    """

    slot: int
    steps: Steps
    chain: CertificateChain
    not_before: datetime
    not_after: datetime
    model: Model | None = None
    renew: Renew | None = None


def provision(
    profile: Profile, measurements: Sequence[Measurement], report: Report, *, at: datetime
) -> tuple[ProvisionedChain, ...]:
    """Issue or read the chains of all slots; what is wrong with one is a problem.

    `measurements` are those of `profile`, for the TcbInfo of alias certificates.
    """
    made: list[ProvisionedChain] = []
    for number, slot in profile.slots.items():
        steps: Steps = ("slots", str(number))
        if isinstance(slot, str):
            made += _issue(profile, measurements, number, AutoChains(), steps, report)
        elif slot.auto is not None:
            steps = (*steps, "auto")
            made += _issue(profile, measurements, number, slot.auto, steps, report)
        else:
            for index, chain in enumerate(slot.chains or ()):
                made += _read(profile, number, chain, (*steps, "chains", index), report, at=at)
    _check_schemes(made, profile, report)
    check_validity(made, report, at=at)
    return tuple(made)


def check_validity(chains: Sequence[ProvisionedChain], report: Report, *, at: datetime) -> None:
    """All certificates are valid at `at`."""
    for one in chains:
        if not one.not_before <= at <= one.not_after:
            expect = f"certificates that are valid at {_moment(at)}"
            was = f"a chain valid from {_moment(one.not_before)} to {_moment(one.not_after)}"
            report.at(one.steps, expect, was)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _issue(
    profile: Profile,
    measurements: Sequence[Measurement],
    number: int,
    auto: AutoChains,
    steps: Steps,
    report: Report,
) -> list[ProvisionedChain]:
    """One chain for each signature algorithm, the same in every run.

    The leaf's key depends on the profile's name, its identity, the slot and the scheme alone, and
    an alias's on the measurements. RSA keys take too long to make: all devices share the sample
    authority's.
    """

    def renew(scheme: str, measured: Iterable[Measurement]) -> CertificateChain:
        return issue_chain(profile, pci_identity(profile), number, auto, scheme, measured)

    made: list[ProvisionedChain] = []
    for scheme in profile.algorithms.asym:
        try:
            chain = renew(scheme, measurements)
        except PkiError as error:
            report.at(steps, "values that fit a certificate", str(error))
            break
        made.append(
            ProvisionedChain(
                *(number, steps, chain, NOT_BEFORE, NOT_AFTER),
                model=auto.model,
                renew=renew if auto.model == "alias" else None,
            )
        )
    return made


def _read(
    profile: Profile,
    number: int,
    paths: ChainFiles,
    steps: Steps,
    report: Report,
    *,
    at: datetime,
) -> list[ProvisionedChain]:
    """The chain of these files for each algorithm its key serves that is offered.

    None if it is not what a requester accepts.
    """
    certificates: list[bytes] = []
    for index, path in enumerate(paths.certificates):
        certificates += read_certificates(path, (*steps, "certificates", index), report)
    key = _key(paths.key, (*steps, "key"), report)
    roots = (
        read_certificates(paths.root, (*steps, "root"), report) if paths.root else certificates[:1]
    )
    if key is None or not certificates or not roots:
        return []
    try:
        views = [Certificate.parse(data) for data in certificates]
        root = Certificate.parse(roots[0])
    except PkiError as error:
        report.at(steps, "X.509 certificates", str(error))
        return []
    problems = [
        *_root_problems(root, roots, given=paths.root is not None),
        *_leaf_problems(views[-1], key, profile),
        *_chain_problems(
            *(certificates, root, number, at), alias=Cap.ALIAS_CERT.name in profile.capabilities
        ),
    ]
    for step, expect, was in problems:
        report.at((*steps, step), expect, was)
    if problems:
        return []
    start = max(view.not_before for view in views)
    end = min(view.not_after for view in views)
    offered = [one for one in key.public.schemes if one in profile.algorithms.asym]
    return [
        ProvisionedChain(
            number,
            steps,
            CertificateChain(tuple(certificates), root=root.der, key=key.under(one)),
            start,
            end,
        )
        for one in offered or [key.scheme]
    ]


def read_certificates(path: Path, steps: Steps, report: Report) -> tuple[bytes, ...]:
    """The certificates of a file; none if it has none, which is a problem."""
    try:
        check_file(path)
        return files.read_certificates(path)
    except PkiError as error:
        report.at(steps, "a file of certificates, DER or PEM", str(error))
        return ()


def read_public_keys(path: Path, steps: Steps, report: Report) -> tuple[VerifyingKey, ...]:
    """The public keys of a file; none if it has none, which is a problem."""
    try:
        check_file(path)
        return VerifyingKey.read(files.read_file(path))
    except PkiError as error:
        report.at(steps, "a file of public keys, PEM or DER", str(error))
        return ()


def read_key(path: Path) -> SigningKey:
    """The private key of a file. Raises PkiError."""
    check_file(path)
    return SigningKey.from_pem(files.read_file(path))


def _key(path: Path, steps: Steps, report: Report) -> SigningKey | None:
    try:
        return read_key(path)
    except PkiError as error:
        report.at(steps, "the leaf's private key, unencrypted PEM", str(error))
        return None


def check_file(path: Path) -> None:
    """Only regular files of a sensible size are read."""
    if not is_file(path):
        raise PkiError(f"{path}: no such file")
    if path.stat().st_size > MAX_FILE:
        raise PkiError(f"{path}: more than {MAX_FILE} bytes")


_Problem = tuple[str, str, str]
"""The key of the chain, what is expected, what was found."""


def _root_problems(root: Certificate, roots: Sequence[bytes], *, given: bool) -> Iterator[_Problem]:
    """The SPDM chain starts with the root's hash, so the root must be at hand."""
    if len(roots) > 1 and given:
        yield "root", "one certificate", f"{len(roots)} certificates"
    elif not root.is_self_signed:
        expect = "the root certificate, as the chain leaves it out"
        yield "root", expect, f"{root.subject}, which is not self-signed" if given else "nothing"


def _leaf_problems(leaf: Certificate, key: SigningKey, profile: Profile) -> Iterator[_Problem]:
    """The key is the leaf's; from SPDM 1.3 on libspdm asks for basicConstraints."""
    if leaf.key is not None and leaf.key.spki != key.public.spki:
        yield "key", f"the private key of {leaf.subject}", "another key"
    offers_1_3 = any(BY_TEXT[text] >= Version.V1_3 for text in profile.versions)
    if offers_1_3 and not leaf.has_basic_constraints:
        expect = "a leaf with basicConstraints, which SPDM 1.3 demands"
        yield "certificates", expect, f"{leaf.subject} without"


def _chain_problems(
    certificates: Sequence[bytes], root: Certificate, slot: int, at: datetime, *, alias: bool
) -> Iterator[_Problem]:
    """What a requester refuses; dates are judged apart, as they are when a device is built."""
    judged = verify_chain(
        certificates, [root.der], at=at, expected_san=None, slot=slot, alias=alias
    )
    for check in judged:
        if not check.ok and check.name != "validity":
            yield "certificates", EXPECTED[check.name], check.detail


def _check_size(one: ProvisionedChain, profile: Profile, report: Report) -> None:
    """More than 0xFFFF bytes need the large form, which 1.4 has.

    The earlier versions such a device offers as well take the slot for empty.
    """
    size = max(one.chain.size(name) for name in profile.algorithms.hash)
    was = f"a chain of {size} bytes"
    if size > MAX_LARGE_CHAIN:
        report.at(one.steps, f"at most {MAX_LARGE_CHAIN} bytes", was)
    elif size > MAX_CHAIN and report.ok("capabilities"):
        large = any(rules(BY_TEXT[text]).large_forms for text in profile.versions)
        if not large or Cap.LARGE_RESP.name not in profile.capabilities:
            expect = f"at most {MAX_CHAIN} bytes without LARGE_RESP in capabilities and version 1.4"
            report.at(one.steps, expect, was)


def _check_schemes(chains: Sequence[ProvisionedChain], profile: Profile, report: Report) -> None:
    """A slot has one chain for a signature algorithm, and each algorithm has a chain."""
    offered = profile.algorithms.asym
    served: set[tuple[int, str]] = set()
    for one in chains:
        scheme = one.chain.key.scheme
        if scheme not in offered:
            expect = f"a key of {listed(offered)}, as in algorithms.asym"
            report.at(one.steps, expect, f"an {scheme} key")
        if (one.slot, scheme) in served:
            report.at(one.steps, "one for each algorithm", f"a second chain for {scheme}")
        served.add((one.slot, scheme))
        _check_size(one, profile, report)
    if not profile.slots or not report.ok("slots"):
        return
    for index, scheme in enumerate(offered):
        if scheme not in {name for _, name in served}:
            expect = "an algorithm that a slot has a chain for"
            report.at(("algorithms", "asym", index), expect)
