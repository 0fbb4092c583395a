"""What a device's certificate chain says of it."""

import contextlib
from collections.abc import Iterator
from typing import Any

from emulator.ask import PeerChain
from emulator.crypto.certificate import OID_CMA_NAME, Certificate
from emulator.crypto.tcb import TcbInfo
from emulator.errors import PkiError


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
