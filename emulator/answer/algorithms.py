"""Answers NEGOTIATE_ALGORITHMS (libspdm `library/spdm_responder_lib/libspdm_rsp_algorithms.c`)."""

from collections.abc import Callable

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.errors import InvalidRequest
from emulator.spdm.algorithms import (
    MEASUREMENT_SPECIFICATION_DMTF,
    MULTI_KEY_CONN,
    OPAQUE_FORMAT_MASK,
    Algorithm,
    AlgType,
)
from emulator.spdm.capabilities import MEAS, MULTI_KEY, Cap
from emulator.spdm.messages import Algorithms, AlgorithmStructure, NegotiateAlgorithms
from emulator.spdm.messages.algorithms import FIXED_SIZE
from emulator.spdm.messages.measurement_log import MEL_SPECIFICATION_DMTF
from emulator.spdm.negotiation import STRUCTURES, Negotiated, needed, prefer, prefer_bit
from emulator.spdm.transcript import Part
from emulator.spdm.versions import rules
from emulator.wire import Shape

_REPLY_SIZE = 36
_STRUCTURE_SIZE = 4
_WORDS = {
    "hash": "base hash",
    "asym": "signature algorithm",
    "dhe": "DHE group",
    "aead": "AEAD algorithm",
    "req_asym": "signature algorithm of requesters",
    "key_schedule": "key schedule",
}


def _check_structures(request: NegotiateAlgorithms) -> None:
    """Types known and rising, two bytes of bits each, at least one bit set."""
    last = rules(request.version).last_structure
    previous = 0
    for structure in request.structures:
        if not AlgType.DHE <= structure.kind <= last:
            raise InvalidRequest(f"algorithm structure of unknown type {structure.kind}")
        if structure.kind <= previous:
            raise InvalidRequest(f"algorithm structure {structure.kind} is out of order")
        if structure.count >> 4 != FIXED_SIZE:
            raise InvalidRequest(f"AlgCount 0x{structure.count:02x} has no fixed size of 2")
        if structure.supported == 0:
            raise InvalidRequest(f"algorithm structure {structure.kind} offers nothing")
        previous = structure.kind


def _check(exchange: Exchange, request: NegotiateAlgorithms) -> None:
    """Raise InvalidRequest for the first rule the request breaks."""
    _check_structures(request)
    external = request.ext_asym_count + request.ext_hash_count
    external += sum(structure.count & 0x0F for structure in request.structures)
    allowed = rules(request.version)
    if external > allowed.max_external:
        raise InvalidRequest(
            f"{external} external algorithms where {allowed.max_external} are allowed"
        )
    if request.length > allowed.max_negotiation:
        raise InvalidRequest(f"Length {request.length} exceeds {allowed.max_negotiation}")
    if request.length != exchange.size:
        raise InvalidRequest(f"Length {request.length} where the message has {exchange.size} bytes")
    multi_key = allowed.multi_key and request.other_params & MULTI_KEY_CONN
    ours = exchange.connection.local_capabilities
    if multi_key and not ours & MULTI_KEY:
        raise InvalidRequest("several keys are asked for, and MULTI_KEY is not offered")
    if allowed.multi_key and not multi_key and Cap.MULTI_KEY_ONLY in ours:
        raise InvalidRequest("one key is asked for, and the device uses several (MULTI_KEY_ONLY)")


def _select(exchange: Exchange, request: NegotiateAlgorithms) -> Negotiated:
    """Choose by the device's preference. Raises InvalidRequest where a needed family is empty."""
    offer = exchange.device.preferences
    ours = exchange.connection.local_capabilities
    version = request.version
    specification = 0
    if ours & MEAS and request.measurement_specification:
        specification = request.measurement_specification & MEASUREMENT_SPECIFICATION_DMTF
        if not specification:
            raise InvalidRequest("no measurement specification in common")
    asym = prefer(offer.asym, request.base_asym, version)
    base_hash = prefer(offer.hash, request.base_hash, version)
    opaque_format = 0
    if rules(version).opaque_negotiated:
        opaque_format = prefer_bit(offer.opaque_format, request.other_params & OPAQUE_FORMAT_MASK)
    mel = request.mel_specification & MEL_SPECIFICATION_DMTF if Cap.MEL in ours else 0
    chosen = Negotiated(
        mel_specification=mel,
        measurement_specification=specification,
        measurement_hash=offer.measurement_hash if specification else None,
        asym=asym,
        hash=base_hash,
        other_params=opaque_format,
        multi_key=bool(rules(version).multi_key and request.other_params & MULTI_KEY_CONN),
        requester_keys=_several_keys(exchange),
        **_structures(exchange, request),
    )
    wanted = needed(ours, exchange.connection.peer_capabilities)
    for name, words in _WORDS.items():
        if name in wanted and getattr(chosen, name) is None:
            raise InvalidRequest(f"no {words} in common")
    return chosen


def _several_keys(exchange: Exchange) -> bool:
    """Whether the requester may use several keys: one that only can is told so.

    One that can do without may where the device speaks of several keys itself, as DMTF's does.
    """
    connection = exchange.connection
    theirs = connection.peer_capabilities
    if not rules(connection.version).multi_key:
        return False
    agreed = Cap.MULTI_KEY_NEG in theirs and connection.local_capabilities & MULTI_KEY
    return Cap.MULTI_KEY_ONLY in theirs or bool(agreed)


def _structures(exchange: Exchange, request: NegotiateAlgorithms) -> dict[str, Algorithm | None]:
    """What is selected in the structures we know."""
    offer = exchange.device.preferences
    found: dict[str, Algorithm | None] = {}
    for structure in request.structures:
        if structure.kind in STRUCTURES:
            name, _ = STRUCTURES[structure.kind]
            found[name] = prefer(getattr(offer, name), structure.supported, request.version)
    return found


@handles(NegotiateAlgorithms)
def negotiate_algorithms(exchange: Exchange, request: NegotiateAlgorithms) -> Outcome:
    """Select one bit of each family.

    Structures are answered one by one; in those that we do not know nothing is selected.
    """
    _check(exchange, request)
    chosen = _select(exchange, request)
    other_params = chosen.other_params | (MULTI_KEY_CONN if chosen.requester_keys else 0)
    structures = tuple(
        AlgorithmStructure(kind=structure.kind, supported=_bit(chosen, structure.kind))
        for structure in request.structures
    )
    return Outcome(
        reply=Algorithms(
            version=request.version,
            length=_REPLY_SIZE + _STRUCTURE_SIZE * len(structures),
            measurement_specification=chosen.measurement_specification,
            other_params=other_params,
            mel_specification=chosen.mel_specification,
            measurement_hash=chosen.measurement_hash.bit if chosen.measurement_hash else 0,
            base_asym=chosen.asym.bit if chosen.asym else 0,
            base_hash=chosen.hash.bit if chosen.hash else 0,
            structures=structures,
        ),
        shape=Shape(request.version),
        record=Part.A,
        changes={"algorithms": chosen},
        effects=_keep(exchange),
    )


def _bit(chosen: Negotiated, kind: AlgType) -> int:
    """The bit selected in the structure of this type."""
    if kind not in STRUCTURES:
        return 0
    row: Algorithm | None = getattr(chosen, STRUCTURES[kind][0])
    return row.bit if row else 0


def _keep(exchange: Exchange) -> tuple[Callable[[], None], ...]:
    """With CACHE the device keeps what was negotiated."""
    device, connection = exchange.device, exchange.connection
    if Cap.CACHE not in connection.local_capabilities:
        return ()

    def keep() -> None:
        device.cached = connection.agreement()

    return (keep,)
