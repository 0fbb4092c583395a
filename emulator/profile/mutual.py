"""Mutual authentication: from a profile's words to what a device does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from emulator.crypto.certificate import Certificate
from emulator.crypto.keys import VerifyingKey
from emulator.device.mutual import KnownChain, MutualAuthentication
from emulator.errors import PkiError
from emulator.pki.authority import sample_authority
from emulator.profile import vocabulary
from emulator.profile.chains import read_certificates, read_public_keys
from emulator.profile.model import Profile
from emulator.profile.report import Report
from emulator.profile.requesters import RequesterChain
from emulator.profile.tree import Steps
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages.key_exchange import MutualAuth

_SECTION = "mutual_authentication"
_HOW = {
    "none": MutualAuth(0),
    "without-encapsulation": MutualAuth.REQUESTED,
    "encapsulated": MutualAuth.ENCAPSULATED,
    "digests": MutualAuth.GET_DIGESTS,
}
_LATER = datetime.fromtimestamp(0, UTC)


def mutual_findings(profile: Profile) -> Iterator[tuple[Steps, str, str]]:
    """What is asked for needs what promises it."""
    told = profile.mutual_authentication
    flags = vocabulary.flags(profile.capabilities)
    if Cap.MUT_AUTH in flags and not profile.algorithms.req_asym:
        yield ("algorithms", "req_asym"), "at least one, which MUT_AUTH needs", ""
    if Cap.MUT_AUTH not in flags:
        if told.challenge:
            yield (_SECTION, "challenge"), "false without MUT_AUTH in capabilities", ""
        if told.key_exchange != "none":
            yield (_SECTION, "key_exchange"), "none without MUT_AUTH in capabilities", ""
    elif Cap.ENCAP not in flags and told.key_exchange in ("encapsulated", "digests"):
        yield (_SECTION, "key_exchange"), "none or without-encapsulation without ENCAP", ""


def mutual_authentication(profile: Profile, report: Report) -> MutualAuthentication:
    """What a device does; what cannot be read is a problem."""
    told = profile.mutual_authentication
    schemes = profile.algorithms.req_asym
    return MutualAuthentication(
        challenge=told.challenge,
        key_exchange=_HOW[told.key_exchange],
        slot=told.slot,
        anchors=tuple(_anchors(profile, report)),
        chains=_chains(told.chains, schemes, report),
        keys=_keys(told.public_keys, schemes, report),
        at=_LATER,
        lenient=told.failure == "warn",
        mandatory=told.mandatory,
    )


def _anchors(profile: Profile, report: Report) -> Iterator[bytes]:
    told = profile.mutual_authentication.anchors
    if told is None:
        for scheme in profile.algorithms.req_asym:
            yield sample_authority(scheme).root.certificate
        return
    for index, path in enumerate(told):
        yield from read_certificates(path, (_SECTION, "anchors", index), report)


def _chains(
    told: list[RequesterChain], schemes: list[str], report: Report
) -> dict[str, KnownChain]:
    """The chains by the algorithm that their leaves' keys serve."""
    found: dict[str, KnownChain] = {}
    for number, one in enumerate(told):
        steps: Steps = (_SECTION, "chains", number)
        certificates: list[bytes] = []
        for index, path in enumerate(one.certificates):
            certificates += read_certificates(path, (*steps, "certificates", index), report)
        roots = certificates[:1]
        if one.root is not None:
            roots = list(read_certificates(one.root, (*steps, "root"), report))
        if not certificates or not roots:
            continue
        served = _served(certificates[-1], schemes)
        if not served:
            expect = "a leaf with a key of an algorithm in algorithms.req_asym"
            report.at((*steps, "certificates"), expect, "another")
        for scheme in served:
            found.setdefault(scheme, KnownChain(tuple(certificates), roots[0]))
    return found


def _served(leaf: bytes, schemes: list[str]) -> list[str]:
    try:
        key = Certificate.parse(leaf).key
    except PkiError:
        return []
    return [scheme for scheme in schemes if key is not None and scheme in key.schemes]


def _keys(told: list[Path], schemes: list[str], report: Report) -> dict[str, VerifyingKey]:
    found: dict[str, VerifyingKey] = {}
    for index, path in enumerate(told):
        for key in read_public_keys(path, (_SECTION, "public_keys", index), report):
            for scheme in schemes:
                if scheme in key.schemes:
                    found.setdefault(scheme, key)
    return found
