"""Answers GET_DIGESTS and GET_CERTIFICATE.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_digests.c`, `libspdm_rsp_certificate.c`.
"""

from collections.abc import Iterable
from dataclasses import replace

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.device.slots import MAX_CHAIN, MAX_LARGE_CHAIN
from emulator.errors import (
    DataTooLarge,
    InvalidRequest,
    ResetRequired,
    Unspecified,
    UnsupportedRequest,
)
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.key_pairs import RESPONDER_USES
from emulator.spdm.messages import Certificate, Digests, GetCertificate, GetDigests
from emulator.spdm.messages.certificates import (
    LARGE_CHAIN,
    SLOT_COUNT,
    SLOT_MASK,
    SLOT_SIZE_REQUESTED,
)
from emulator.spdm.session import APPLICATION
from emulator.spdm.transcript import Part
from emulator.spdm.versions import rules

_HEADER = 8
"""Bytes of CERTIFICATE before its portion."""

_LARGE_HEADER = 16
"""The same in the large form."""


@handles(GetDigests, needs=Cap.CERT, where=APPLICATION)
def get_digests(exchange: Exchange, request: GetDigests) -> Outcome:
    """The hash of each slot's chain for the negotiated signature algorithm.

    Whatever this connection was shown before, certificates are anew from here on.
    """
    connection = exchange.connection
    provisioning = exchange.device.provisioning
    check_installed(exchange)
    mask = exchange.provisioned()
    if not mask:
        raise Unspecified("no slot holds a chain for the negotiated signature algorithm")
    name = exchange.hash().name
    slots = [slot for slot in range(SLOT_COUNT) if mask >> slot & 1]
    supported = mask if provisioning is None else mask | provisioning.slot_mask
    several = connection.algorithms.multi_key
    ids, models, usages = _keys(exchange, slots) if several else (b"", b"", b"")
    return Outcome(
        reply=Digests(
            version=request.version,
            supported_slots=supported if rules(request.version).supported_slots else 0,
            provisioned_slots=mask,
            digests=b"".join(exchange.chain(slot, anew=True).digest(name) for slot in slots),
            key_pair_ids=ids,
            certificate_info=models,
            key_usages=usages,
        ),
        shape=connection.shape(),
        record=Part.B,
        first=Part.D if several else None,
        changes=exchange.shown(*slots),
    )


def _keys(exchange: Exchange, slots: Iterable[int]) -> tuple[bytes, bytes, bytes]:
    """What DIGESTS tell of the keys where several may be used: pairs, models and uses."""
    provisioning = exchange.provisioning()
    found = [provisioning.pair_of(exchange.chain(slot, anew=True).key.public) for slot in slots]
    usages = [pair.usage if pair is not None else RESPONDER_USES for _, pair in found]
    return (
        bytes(number for number, _ in found),
        bytes(exchange.device.slots[slot].model for slot in slots),
        b"".join(usage.to_bytes(2, "little") for usage in usages),
    )


def check_installed(exchange: Exchange, slot: int | None = None) -> None:
    """Raise ResetRequired where a chain waits for a reset, in any slot or in this one."""
    provisioning = exchange.device.provisioning
    waiting = {} if provisioning is None else provisioning.state.installing
    if waiting if slot is None else slot in waiting:
        raise ResetRequired("a certificate was installed, and takes effect with a reset")


def _portion_limit(exchange: Exchange, *, large: bool) -> int:
    """The largest portion: what fits into one reply, the profile's cap, and its length field.

    A requester up to 1.1, and Linux the first time, asks for far more than QEMU can carry.
    """
    largest = exchange.largest_reply if exchange.chunks else exchange.reply_limit
    limit = largest - _LARGE_HEADER if large else min(largest - _HEADER, MAX_CHAIN)
    cap = exchange.device.sizes.certificate_portion
    return min(limit, cap) if cap else limit


@handles(GetCertificate, needs=Cap.CERT, where=APPLICATION)
def get_certificate(exchange: Exchange, request: GetCertificate) -> Outcome:
    """A portion of a slot's chain, never more than fits, in the form it was asked for in."""
    slot = request.slot & SLOT_MASK
    allowed = rules(request.version)
    large = allowed.large_forms and bool(request.slot & LARGE_CHAIN)
    if large and Cap.LARGE_RESP not in exchange.connection.local_capabilities:
        raise UnsupportedRequest(
            "GET_CERTIFICATE in the large form without LARGE_RESP", data=Code.GET_CERTIFICATE
        )
    check_installed(exchange, slot)
    offset, length = request.wanted
    sized = allowed.supported_slots and request.attributes & SLOT_SIZE_REQUESTED
    chain = exchange.chain(slot, again=not offset).spdm(exchange.hash().name)
    size = len(chain)
    if size > MAX_CHAIN and not large:
        reason = f"a chain of {size} bytes asked for in the small form"
        raise DataTooLarge(reason, extended=size.to_bytes(4, "little"))
    if sized:
        offset = length = 0
    if offset >= size:
        raise InvalidRequest(f"offset {offset} where the chain has {size} bytes")
    end = min(offset + min(length, _portion_limit(exchange, large=large)), size)
    remainder = size - end
    writable = exchange.device.provisioning
    if sized and writable is not None and slot in writable.policy.writable:
        remainder = MAX_LARGE_CHAIN if large else MAX_CHAIN
    reply = _certificate(request.version, slot, chain[offset:end], remainder, large=large)
    if exchange.connection.algorithms.multi_key:
        reply = replace(reply, attributes=exchange.device.slots[slot].model)
    return Outcome(
        reply=reply,
        shape=exchange.connection.shape(),
        record=Part.B,
        changes=exchange.shown(slot),
        effects=() if offset or sized else exchange.seen(slot),
    )


def _certificate(
    version: int, slot: int, portion: bytes, remainder: int, *, large: bool
) -> Certificate:
    if not large:
        return Certificate(version=version, slot=slot, remainder_length=remainder, portion=portion)
    return Certificate(
        version=version,
        slot=slot | LARGE_CHAIN,
        portion_length=0,
        large_portion_length=len(portion),
        large_remainder_length=remainder,
        portion=portion,
    )
