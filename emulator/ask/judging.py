"""Whether a chain that was fetched may be believed."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from emulator.ask.chain import PeerChain
from emulator.crypto import hashes
from emulator.crypto.certificate import Certificate
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
    of_requester: bool = False,
) -> Iterator[Check]:
    """Every rule a chain is judged by.

    Args:
        chain: as it was fetched.
        trust: the trusted certificates, DER.
        at: when it is judged, timezone-aware.
        expected_san: the PCIe CMA name the leaf must carry; None asks for no name.
        alias: the device says that its leaf is an alias certificate.
        scheme: the negotiated signature algorithm.
        of_requester: it is a requester's, not a device's.
    """
    yield from verify_chain(
        chain.certificates,
        trust,
        at=at,
        expected_san=expected_san,
        slot=chain.slot,
        alias=alias,
        of_requester=of_requester,
    )
    yield _negotiated_key(chain, scheme)
    yield _root_hash(chain, trust)


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
