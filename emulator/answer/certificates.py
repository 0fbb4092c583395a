"""Answers GET_DIGESTS and GET_CERTIFICATE.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_digests.c`, `libspdm_rsp_certificate.c`.
"""

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.device.slots import MAX_CHAIN
from emulator.errors import DataTooLarge, InvalidRequest, Unspecified, UnsupportedRequest
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
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
    mask = exchange.provisioned()
    if not mask:
        raise Unspecified("no slot holds a chain for the negotiated signature algorithm")
    name = exchange.hash().name
    slots = [slot for slot in range(SLOT_COUNT) if mask >> slot & 1]
    return Outcome(
        reply=Digests(
            version=request.version,
            supported_slots=mask if rules(request.version).supported_slots else 0,
            provisioned_slots=mask,
            digests=b"".join(exchange.chain(slot, anew=True).digest(name) for slot in slots),
        ),
        shape=connection.shape(),
        record=Part.B,
        changes=exchange.shown(*slots),
    )


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
    chain = exchange.chain(slot).spdm(exchange.hash().name)
    size = len(chain)
    if size > MAX_CHAIN and not large:
        reason = f"a chain of {size} bytes asked for in the small form"
        raise DataTooLarge(reason, extended=size.to_bytes(4, "little"))
    offset, length = request.wanted
    if allowed.supported_slots and request.attributes & SLOT_SIZE_REQUESTED:
        offset = length = 0
    if offset >= size:
        raise InvalidRequest(f"offset {offset} where the chain has {size} bytes")
    end = min(offset + min(length, _portion_limit(exchange, large=large)), size)
    return Outcome(
        reply=_certificate(request.version, slot, chain[offset:end], size - end, large=large),
        shape=exchange.connection.shape(),
        record=Part.B,
        changes=exchange.shown(slot),
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
