"""Certificate chains: cutting them apart and judging them, one named check for each rule.

The device judges what it is given to store, the requester what its peer shows. The rules are
those of the requesters that exist, and each function below says whose:
- Linux: `lib/spdm/req-authenticate.c` (spdm_validate_cert_chain) and `drivers/pci/cma.c`
  (pci_cma_validate) of the series 'PCI device authentication'. It reads no dates, no extended key
  usage and no path length.
- libspdm: `library/spdm_crypt_lib/libspdm_crypt_cert.c` (libspdm_verify_certificate_chain_buffer,
  libspdm_x509_certificate_check). It compares no date with the clock.
- RFC 5280 §6.1 for what a path validation owes beyond those two: dates, path lengths, and no
  certificate twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from emulator.crypto import der
from emulator.crypto.certificate import (
    OID_CMA_NAME,
    OID_HARDWARE_IDENTITY,
    OID_REQUESTER_AUTH,
    OID_RESPONDER_AUTH,
    Certificate,
    OtherName,
)
from emulator.errors import PkiError

__all__ = ["Certificate", "Check", "OtherName", "judge", "split_chain", "verify_chain"]

_LINUX_SMALLEST = 256


@dataclass(frozen=True)
class Check:
    """One rule's outcome: its name, whether the chain keeps it, and what was found."""

    name: str
    ok: bool
    detail: str


def split_chain(data: bytes) -> tuple[bytes, ...]:
    """Cut concatenated DER certificates apart; the root's side comes first.

    Raises PkiError naming the offset of what is not a whole DER SEQUENCE.
    """
    found: list[bytes] = []
    offset = 0
    while offset < len(data):
        element = der.read(data, offset)
        if element.tag != der.SEQUENCE:
            raise PkiError(
                f"byte {offset}: tag {element.tag:#04x} where a certificate's 0x30 is needed"
            )
        found.append(data[offset : element.end])
        offset = element.end
    if not found:
        raise PkiError("byte 0: the chain is empty; at least one certificate is needed")
    return tuple(found)


def judge(
    data: bytes,
    anchors: Sequence[bytes],
    *,
    at: datetime,
    expected_san: str | None,
    slot: int,
    alias: bool = False,
) -> list[Check]:
    """`verify_chain` for the concatenation of certificates; bytes that cannot be cut fail too."""
    try:
        certificates = split_chain(data)
    except PkiError as error:
        return [Check("encoding", ok=False, detail=str(error))]
    return verify_chain(
        certificates, anchors, at=at, expected_san=expected_san, slot=slot, alias=alias
    )


def verify_chain(
    certificates: Sequence[bytes],
    anchors: Sequence[bytes],
    *,
    at: datetime,
    expected_san: str | None,
    slot: int,
    alias: bool = False,
    of_requester: bool = False,
) -> list[Check]:
    """Judge a chain, a responder's unless it is said to be a requester's, by every rule.

    Args:
        certificates: DER, the root's side first, the leaf last.
        anchors: the trusted certificates, DER: the chain's first certificate is one of them or
            issued by one (a chain may leave its root out).
        at: when the chain is judged, timezone-aware.
        expected_san: the PCIe CMA name the leaf must carry; None asks for no name.
        slot: where the chain came from; above slot 0 a generic certificate is legal.
        alias: the peer said that the slot holds an alias certificate.
        of_requester: the chain is a requester's.

    Returns:
        One `Check` for each rule; only `encoding` if a certificate cannot be read.

    Raises PkiError if an anchor is unreadable or there is no certificate to judge.
    """
    trusted = [Certificate.parse(anchor) for anchor in anchors]
    if not certificates:
        raise PkiError("there is no certificate to judge")
    try:
        chain = [_parse(number, data) for number, data in enumerate(certificates)]
    except PkiError as error:
        return [Check("encoding", ok=False, detail=str(error))]
    leaf = chain[-1]
    checks = [
        _check("encoding", _encoding(chain), f"{len(chain)} certificates, no byte left over"),
        _anchor(chain[0], trusted),
        _check("order", _order(chain), "each certificate names the one before it as its issuer"),
        _check("signatures", _signatures(chain), "each signature is its issuer's"),
        _check("validity", _validity(chain, at), f"all are valid at {at:%Y-%m-%d %H:%M:%S %Z}"),
        _check("authorities", _authorities(chain), "all above the leaf may sign certificates"),
        _check("leaf constraints", _leaf_constraints(leaf), _constraints(leaf)),
        _check("leaf key", [leaf.key_problem] if leaf.key is None else [], _scheme(leaf)),
        _check("leaf key usage", _leaf_usage(leaf, slot), "the leaf may sign, not certify"),
        _purposes(leaf, of_requester=of_requester),
        _check("leaf SPDM extension", _leaf_identity(leaf, alias=alias), _identity(chain)),
    ]
    if expected_san is not None:
        checks.append(_name(leaf, expected_san))
    return checks


def _check(name: str, problems: Iterable[str], good: str) -> Check:
    found = "; ".join(problems)
    return Check(name, not found, found or good)


def _parse(number: int, data: bytes) -> Certificate:
    try:
        return Certificate.parse(data)
    except PkiError as error:
        raise PkiError(f"certificate {number}: {error}") from error


def _encoding(chain: Sequence[Certificate]) -> list[str]:
    """Linux reads certificates with a two-byte length only (x509_get_certificate_length)."""
    return [
        f"certificate {number} is {len(one.der)} bytes; Linux takes none below {_LINUX_SMALLEST}"
        for number, one in enumerate(chain)
        if len(one.der) < _LINUX_SMALLEST
    ]


def _anchor(first: Certificate, anchors: Sequence[Certificate]) -> Check:
    """Linux looks the first certificate's issuer up in `.cma`; libspdm compares root and anchor."""
    for anchor in anchors:
        if anchor.der == first.der:
            return Check("anchor", ok=True, detail=f"the chain starts at {anchor.subject}")
        issued = anchor.is_ca and first.names_issuer(anchor)
        if issued and not first.signature_problem(anchor):
            return Check("anchor", ok=True, detail=f"the chain is issued by {anchor.subject}")
    found = f"{first.subject} is neither one of the {len(anchors)} trusted nor issued by one"
    return Check("anchor", ok=False, detail=found)


def _pairs(chain: Sequence[Certificate]) -> list[tuple[int, Certificate, Certificate]]:
    """(number, certificate, the one before it) for all but the first."""
    return [(number, chain[number], chain[number - 1]) for number in range(1, len(chain))]


def _order(chain: Sequence[Certificate]) -> list[str]:
    """Each is issued by the one before it, and none stands there twice (RFC 5280 §6.1)."""
    found = [
        f"certificate {number} is issued by {one.issuer}, but follows {issuer.subject}"
        for number, one, issuer in _pairs(chain)
        if not one.names_issuer(issuer)
    ]
    first: dict[bytes, int] = {}
    again = [
        number for number, one in enumerate(chain) if first.setdefault(one.der, number) != number
    ]
    if again:
        more = f", as are {len(again) - 1} more" if len(again) > 1 else ""
        number = again[0]
        found.append(f"certificate {number} is certificate {first[chain[number].der]} again{more}")
    return found


def _signatures(chain: Sequence[Certificate]) -> list[str]:
    """All but the first, whose signature is the anchor's matter, by the one before."""
    found = [(number, one.signature_problem(issuer)) for number, one, issuer in _pairs(chain)]
    if chain[0].names_issuer(chain[0]):
        found.insert(0, (0, chain[0].signature_problem(chain[0])))
    return [f"certificate {number}: {problem}" for number, problem in found if problem]


def _validity(chain: Sequence[Certificate], at: datetime) -> list[str]:
    return [
        f"certificate {number} is valid from {one.not_before:%Y-%m-%d %H:%M:%S %Z}"
        f" to {one.not_after:%Y-%m-%d %H:%M:%S %Z}"
        for number, one in enumerate(chain)
        if not one.not_before <= at <= one.not_after
    ]


def _authorities(chain: Sequence[Certificate]) -> list[str]:
    """Linux: the CA bit of all but the leaf. RFC 5280: keyCertSign where usage is limited.

    A root without key usage is legal: DMTF's own samples have such roots.
    """
    found: list[str] = []
    for number, one in enumerate(chain[:-1]):
        below = len(chain) - 2 - number
        if not one.is_ca:
            found.append(f"certificate {number} is no CA")
        if one.key_usage is not None and "keyCertSign" not in one.key_usage:
            found.append(f"certificate {number} lacks the key usage keyCertSign")
        if one.path_length is not None and below > one.path_length:
            found.append(
                f"certificate {number} allows {one.path_length} CAs below it, {below} follow"
            )
    return found


def _leaf_constraints(leaf: Certificate) -> list[str]:
    """Linux and libspdm: the leaf is no CA.

    From SPDM 1.3 on libspdm also asks that basicConstraints be there. The version is not known
    here, and a leaf without them is fit for the earlier ones, so that is said, not failed.
    """
    return ["the leaf is a CA"] if leaf.is_ca else []


def _constraints(leaf: Certificate) -> str:
    if leaf.has_basic_constraints:
        return "the leaf is no CA"
    return "the leaf has no basicConstraints, which SPDM 1.3 demands"


def _scheme(leaf: Certificate) -> str:
    return f"an {leaf.key.key_type} key" if leaf.key is not None else ""


def _leaf_usage(leaf: Certificate, slot: int) -> list[str]:
    """Linux: no keyCertSign; digitalSignature in slot 0. libspdm: digitalSignature if any usage."""
    usage = leaf.key_usage
    found: list[str] = []
    if usage is not None and "keyCertSign" in usage:
        found.append("the leaf has the key usage keyCertSign")
    if usage is None and slot == 0:
        found.append("the leaf has no key usage; slot 0 demands digitalSignature")
    if usage is not None and "digitalSignature" not in usage:
        found.append("the leaf lacks the key usage digitalSignature")
    return found


def _purposes(leaf: Certificate, *, of_requester: bool) -> Check:
    """libspdm: an extended key usage for requesters alone bars a responder, and the reverse.

    One without any SPDM purpose does not: DMTF's own samples list TLS purposes only.
    """
    role, other = ("requesters", "responders") if of_requester else ("responders", "requesters")
    needed, alone = OID_RESPONDER_AUTH, OID_REQUESTER_AUTH
    if of_requester:
        needed, alone = alone, needed
    bars = alone in leaf.ekus and needed not in leaf.ekus
    problems = [f"the leaf is meant for SPDM {other} only"] if bars else []
    return _check("leaf purposes", problems, f"nothing excludes SPDM {role}")


def _leaf_identity(leaf: Certificate, *, alias: bool) -> list[str]:
    """libspdm: the hardware identity belongs to the device certificate, never to an alias."""
    if alias and OID_HARDWARE_IDENTITY in leaf.spdm_oids:
        return ["an alias leaf carries the hardware identity"]
    return []


def _identity(chain: Sequence[Certificate]) -> str:
    """The leaf's identifiers, and which certificate above it is the device's, as with aliases."""
    *above, leaf = chain
    told = ", ".join(leaf.spdm_oids) or "the leaf carries no SPDM identifier"
    devices = [one.subject for one in above if OID_HARDWARE_IDENTITY in one.spdm_oids]
    return told + "".join(f"; {subject} has the hardware identity" for subject in devices)


def _name(leaf: Certificate, expected: str) -> Check:
    """Linux: every otherName of the CMA identifier is exactly the expected UTF8String."""
    names = [other for other in leaf.other_names if other.oid == OID_CMA_NAME]
    if not names:
        found = f"the leaf has no otherName {OID_CMA_NAME}; {expected!r} is expected"
        return Check("leaf name", ok=False, detail=found)
    problems = [
        f"otherName {OID_CMA_NAME} is {_shown(other)}, not the UTF8String {expected!r}"
        for other in names
        if other.text != expected
    ]
    return _check("leaf name", problems, expected)


def _shown(other: OtherName) -> str:
    return f"DER {other.value.hex()}" if other.text is None else repr(other.text)
