"""A certificate as plain values, for listings and for JSON."""

from typing import Any

from emulator.crypto import hashes
from emulator.crypto.certificate import OID_NAMES, Certificate, OtherName


def describe(certificate: Certificate) -> dict[str, Any]:
    """What a reader wants to know of `certificate`; dates are ISO 8601, bytes are hexadecimal."""
    usage = certificate.key_usage
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "self_signed": certificate.is_self_signed,
        "serial": f"{certificate.serial:x}",
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "key": ", ".join(certificate.key.schemes) if certificate.key is not None else None,
        "key_problem": certificate.key_problem,
        "ca": certificate.is_ca,
        "path_length": certificate.path_length,
        "key_usage": None if usage is None else sorted(usage),
        "extended_key_usage": list(certificate.ekus),
        "other_names": [_other_name(other) for other in certificate.other_names],
        "spdm_oids": list(certificate.spdm_oids),
        "tcb_info": certificate.tcb_info.to_json() if certificate.tcb_info else None,
        "extensions": list(certificate.extensions),
        "bytes": len(certificate.der),
        "sha256": hashes.digest("SHA_256", certificate.der).hex(),
    }


def lines(certificate: Certificate) -> list[tuple[str, str]]:
    """The same as labelled lines; an identifier we know is followed by its name."""
    told = describe(certificate)
    issuer = "itself" if told["self_signed"] else told["issuer"]
    authority = "no"
    if told["ca"]:
        limit = told["path_length"]
        authority = "yes" if limit is None else f"yes, at most {limit} below it"
    names = [f"{_named(one['oid'])} {one['text'] or one['der']}" for one in told["other_names"]]
    found = [
        ("subject", told["subject"]),
        ("issuer", issuer),
        ("serial", told["serial"]),
        ("valid", f"{told['not_before']} to {told['not_after']}"),
        ("key", told["key"] or told["key_problem"]),
        ("authority", authority),
        ("key usage", ", ".join(told["key_usage"] or ["any"])),
        *(("purpose", _named(oid)) for oid in told["extended_key_usage"]),
        *(("name", name) for name in names),
        *(("SPDM", _named(oid)) for oid in told["spdm_oids"]),
        *(("TCB", line) for line in (certificate.tcb_info.lines() if certificate.tcb_info else ())),
        ("size", f"{told['bytes']} bytes"),
        ("SHA-256", told["sha256"]),
    ]
    return [(label, str(value)) for label, value in found]


def _other_name(other: OtherName) -> dict[str, str | None]:
    return {"oid": other.oid, "text": other.text, "der": other.value.hex()}


def _named(oid: str) -> str:
    return f"{oid} ({OID_NAMES[oid]})" if oid in OID_NAMES else oid
