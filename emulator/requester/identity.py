"""What a device's certificate chain says of it, and whether it may be believed."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from emulator.ask import PeerChain
from emulator.crypto import hashes
from emulator.crypto.certificate import OID_CMA_NAME, Certificate
from emulator.crypto.tcb import TcbInfo
from emulator.crypto.x509 import Check, verify_chain
from emulator.errors import PkiError


def chain_checks(
    chain: PeerChain,
    trust: Sequence[bytes],
    *,
    at: datetime,
    expected_san: str | None,
    alias: bool,
    scheme: str,
) -> Iterator[Check]:
    """Every rule a chain is judged by.

    Args:
        chain: as it was fetched.
        trust: the trusted certificates, DER.
        at: when it is judged, timezone-aware.
        expected_san: the PCIe CMA name the leaf must carry; None asks for no name.
        alias: the device says that its leaf is an alias certificate.
        scheme: the negotiated signature algorithm.
    """
    yield from verify_chain(
        chain.certificates, trust, at=at, expected_san=expected_san, slot=chain.slot, alias=alias
    )
    yield _negotiated_key(chain, scheme)
    yield _root_hash(chain, trust)


def cma_name(chain: PeerChain) -> str | None:
    """The PCIe CMA name in the leaf, or None."""
    names = chain.leaf.other_names if chain.leaf else ()
    return next((one.text for one in names if one.oid == OID_CMA_NAME), None)


def tcb_infos(chain: PeerChain) -> Iterator[tuple[int, TcbInfo]]:
    """DICE's TcbInfo of each certificate that has it, with the certificate's number from 0."""
    for number, data in enumerate(chain.certificates):
        with contextlib.suppress(PkiError):
            info = Certificate.parse(data).tcb_info
            if info is not None:
                yield number, info


def describe_chain(chain: PeerChain) -> dict[str, Any]:
    """The chain as evidence."""
    return {
        "slot": chain.slot,
        "size": len(chain.spdm),
        "subject": chain.leaf.subject if chain.leaf else None,
        "san": cma_name(chain),
        "root_hash": chain.root_hash.hex(),
        "certificates": [_describe(der) for der in chain.certificates],
    }


def _describe(der: bytes) -> dict[str, Any]:
    try:
        one = Certificate.parse(der)
    except PkiError as error:
        return {"size": len(der), "problem": str(error)}
    told: dict[str, Any] = {
        "size": len(der),
        "subject": one.subject,
        "issuer": one.issuer,
        "serial": f"{one.serial:x}",
        "not_before": one.not_before.isoformat(),
        "not_after": one.not_after.isoformat(),
    }
    return told | ({"tcb_info": one.tcb_info.to_json()} if one.tcb_info else {})


def _negotiated_key(chain: PeerChain, scheme: str) -> Check:
    """libspdm: the leaf's key is of the negotiated algorithm (libspdm_x509_certificate_check)."""
    if chain.key(scheme) is not None:
        return Check("negotiated key", ok=True, detail=f"the leaf's key makes {scheme} signatures")
    return Check("negotiated key", ok=False, detail=f"the leaf has no {scheme} key")


def _root_hash(chain: PeerChain, trust: Sequence[bytes]) -> Check:
    """The hash in the chain's header is the root's, whether or not the chain has its root.

    Source: libspdm `library/spdm_crypt_lib/libspdm_crypt_cert.c` for a chain with its root,
    `library/spdm_common_lib/libspdm_com_crypto_service.c` for one without. Linux does not look.
    """
    first = chain.certificates[0]
    try:
        with_root = Certificate.parse(first).is_self_signed
    except PkiError:
        with_root = False
    roots = (first,) if with_root else trust
    if chain.root_hash in (hashes.digest(chain.hash_name, root) for root in roots):
        return Check("root hash", ok=True, detail="the chain's header has the hash of its root")
    whose = "the root in it" if with_root else "any trusted certificate"
    detail = f"the chain's header has {chain.root_hash.hex()}, not the hash of {whose}"
    return Check("root hash", ok=False, detail=detail)
