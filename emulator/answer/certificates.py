"""Answers GET_DIGESTS and GET_CERTIFICATE.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_digests.c`, `libspdm_rsp_certificate.c`.
"""

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.errors import InvalidRequest, Unspecified
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages import Certificate, Digests, GetCertificate, GetDigests
from emulator.spdm.messages.certificates import (
    SLOT_COUNT,
    SLOT_MASK,
    SLOT_SIZE_REQUESTED,
)
from emulator.spdm.transcript import Part
from emulator.spdm.versions import rules

_HEADER = 8
"""Bytes of CERTIFICATE before its portion."""

_MAX_PORTION = 0xFFFF


@handles(GetDigests, needs=Cap.CERT)
def get_digests(exchange: Exchange, request: GetDigests) -> Outcome:
    """The hash of each slot's chain for the negotiated signature algorithm."""
    connection = exchange.connection
    mask = exchange.provisioned()
    if not mask:
        raise Unspecified("no slot holds a chain for the negotiated signature algorithm")
    name = exchange.hash().name
    slots = (slot for slot in range(SLOT_COUNT) if mask >> slot & 1)
    return Outcome(
        reply=Digests(
            version=request.version,
            supported_slots=mask if rules(request.version).supported_slots else 0,
            provisioned_slots=mask,
            digests=b"".join(exchange.chain(slot).digest(name) for slot in slots),
        ),
        shape=connection.shape(),
        record=Part.B,
    )


def _portion_limit(exchange: Exchange) -> int:
    """The largest portion: what fits into one reply, the profile's cap, and its length field.

    A requester up to 1.1, and Linux the first time, asks for far more than QEMU can carry.
    """
    largest = exchange.largest_reply if exchange.chunks else exchange.reply_limit
    limit = min(largest - _HEADER, _MAX_PORTION)
    cap = exchange.device.sizes.certificate_portion
    return min(limit, cap) if cap else limit


@handles(GetCertificate, needs=Cap.CERT)
def get_certificate(exchange: Exchange, request: GetCertificate) -> Outcome:
    """A portion of a slot's chain, never more than fits."""
    slot = request.slot & SLOT_MASK
    chain = exchange.chain(slot).spdm(exchange.hash().name)
    offset, length = request.offset, request.length
    if rules(request.version).supported_slots and request.attributes & SLOT_SIZE_REQUESTED:
        offset = length = 0
    if offset >= len(chain):
        raise InvalidRequest(f"offset {offset} where the chain has {len(chain)} bytes")
    end = min(offset + min(length, _portion_limit(exchange)), len(chain))
    return Outcome(
        reply=Certificate(
            version=request.version,
            slot=slot,
            remainder_length=len(chain) - end,
            portion=chain[offset:end],
        ),
        shape=exchange.connection.shape(),
        record=Part.B,
    )
