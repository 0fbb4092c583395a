"""Answers GET_CAPABILITIES (libspdm `library/spdm_responder_lib/libspdm_rsp_capabilities.c`)."""

from dataclasses import replace

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.device import Device
from emulator.errors import InvalidRequest
from emulator.spdm.algorithms import MEASUREMENT_SPECIFICATION_DMTF, mask
from emulator.spdm.capabilities import (
    MAX_CT_EXPONENT,
    MEAS,
    MIN_DATA_TRANSFER_SIZE,
    REQUESTER_MASK,
    RESPONDER_MASK,
    Cap,
    requester_problems,
)
from emulator.spdm.messages import (
    AlgorithmStructure,
    Capabilities,
    GetCapabilities,
    SupportedAlgorithms,
)
from emulator.spdm.messages.capabilities import SUPPORTED_ALGORITHMS
from emulator.spdm.negotiation import STRUCTURES
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version, rules
from emulator.wire import Shape, encode


def _check(request: GetCapabilities, flags: Cap, version: Version) -> None:
    """Raise InvalidRequest for the first rule the request breaks."""
    problems = requester_problems(flags, version)
    if problems:
        raise InvalidRequest(f"capability flags: {problems[0]}")
    if rules(version).sizes_negotiated:
        size, largest = request.data_transfer_size, request.max_spdm_msg_size
        if size < MIN_DATA_TRANSFER_SIZE:
            raise InvalidRequest(f"DataTransferSize {size} is below {MIN_DATA_TRANSFER_SIZE}")
        if size > largest:
            raise InvalidRequest(f"DataTransferSize {size} exceeds MaxSPDMmsgSize {largest}")
        if Cap.CHUNK not in flags and size != largest:
            raise InvalidRequest(
                f"without CHUNK MaxSPDMmsgSize {largest} must equal DataTransferSize {size}"
            )
    if request.ct_exponent > MAX_CT_EXPONENT:
        raise InvalidRequest(f"CTExponent {request.ct_exponent} exceeds {MAX_CT_EXPONENT}")
    if _asks_algorithms(request) and Cap.CHUNK not in flags:
        raise InvalidRequest("the supported-algorithms block was asked for without CHUNK")


def _asks_algorithms(request: GetCapabilities) -> bool:
    """Whether the supported-algorithms block is asked for."""
    asked = request.param1 & SUPPORTED_ALGORITHMS
    return bool(asked and rules(request.version).supported_algorithms)


def _supported(device: Device, version: int) -> SupportedAlgorithms:
    """All the algorithms the device offers, of those the version knows.

    There is a structure for each kind of algorithm that it has at all.
    """
    offer = device.preferences
    measures = bool(device.capabilities & MEAS)
    block = SupportedAlgorithms(
        length=0,
        measurement_specification=MEASUREMENT_SPECIFICATION_DMTF if measures else 0,
        other_params=offer.opaque_format,
        base_asym=mask(row for row in offer.asym if row.since <= version),
        base_hash=mask(row for row in offer.hash if row.since <= version),
        structures=tuple(
            AlgorithmStructure(kind=kind, supported=bits)
            for kind, (name, _) in STRUCTURES.items()
            if (bits := mask(row for row in getattr(offer, name) if row.since <= version))
        ),
    )
    return replace(block, length=len(encode(block, Shape(version))))


@handles(GetCapabilities)
def get_capabilities(exchange: Exchange, request: GetCapabilities) -> Outcome:
    """Choose the version the request came in, and exchange flags and sizes."""
    version = Version(request.version)
    flags = request.flags & REQUESTER_MASK[version]
    _check(request, flags, version)
    device = exchange.device
    ours = device.capabilities & RESPONDER_MASK[version]
    sized = rules(version).sizes_negotiated
    told = _asks_algorithms(request) and Cap.CHUNK in ours
    return Outcome(
        reply=Capabilities(
            version=version,
            param1=SUPPORTED_ALGORITHMS if told else 0,
            ct_exponent=device.timing.ct_exponent,
            flags=ours,
            data_transfer_size=device.sizes.data_transfer,
            max_spdm_msg_size=device.sizes.max_message,
            supported=(_supported(device, version),) if told else (),
        ),
        shape=Shape(version),
        record=Part.A,
        changes={
            "version": version,
            "local_capabilities": ours,
            "peer_capabilities": flags,
            "peer_ct_exponent": request.ct_exponent,
            "peer_data_transfer_size": request.data_transfer_size if sized else 0,
            "peer_max_message": request.max_spdm_msg_size if sized else 0,
        },
    )
