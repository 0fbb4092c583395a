"""One line for each message: what it asks or says, for a person who knows a little SPDM."""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from emulator.ask.record import read_record
from emulator.ask.version import version_text
from emulator.errors import BrokenReply
from emulator.report.cxl_meaning import cxl_meaning
from emulator.report.pci_meaning import pci_meaning
from emulator.requester.evidence import measurement
from emulator.spdm.algorithms import (
    HASHES,
    MEASUREMENT_HASHES,
    MEASUREMENT_SPECIFICATION_DMTF,
    SIGNATURES,
    AlgType,
)
from emulator.spdm.algorithms import names as algorithm_names
from emulator.spdm.capabilities import names as capability_names
from emulator.spdm.chunking import EARLY_ERROR, LAST_CHUNK
from emulator.spdm.codes import ErrorCode, error_name, name
from emulator.spdm.error_codes import ERRORS, Extended
from emulator.spdm.messages import (
    Algorithms,
    Capabilities,
    Certificate,
    Challenge,
    ChallengeAuth,
    ChunkGet,
    ChunkResponse,
    ChunkSend,
    ChunkSendAck,
    Digests,
    Error,
    GetCapabilities,
    GetCertificate,
    GetDigests,
    GetMeasurements,
    GetVersion,
    MeasurementOperation,
    Measurements,
    NegotiateAlgorithms,
    RequestAttributes,
    RespondIfReady,
    VersionResponse,
)
from emulator.spdm.messages.capabilities import SUPPORTED_ALGORITHMS
from emulator.spdm.messages.certificates import SLOT_COUNT, SLOT_MASK, SLOT_SIZE_REQUESTED
from emulator.spdm.messages.challenge import MUTUAL_AUTH, NO_SLOT, SummaryType
from emulator.spdm.messages.chunks import number
from emulator.spdm.messages.vendor import VendorDefined
from emulator.spdm.negotiation import STRUCTURES, Negotiated
from emulator.spdm.versions import Version
from emulator.vendor import PCI_SIG
from emulator.vendor.cxl import CXL
from emulator.wire import Message

_TOLD = (AlgType.DHE, AlgType.AEAD, AlgType.REQ_BASE_ASYM)
"""The algorithm structures that have a choice."""

_U32 = 4
_LONGEST_VALUE = 160
"""Characters of a measurement's value that one line has room for."""


@singledispatch
def meaning(message: Message) -> str:
    """What `message` asks or says; empty where it has nothing but its name to say."""
    del message
    return ""


@meaning.register
def _(message: GetVersion) -> str:
    del message
    return "which versions do you speak?"


@meaning.register
def _(message: VersionResponse) -> str:
    return ", ".join(version_text(entry.number) for entry in message.entries)


@meaning.register
def _(message: GetCapabilities) -> str:
    asks = message.param1 & SUPPORTED_ALGORITHMS and message.version >= Version.V1_3
    return _capabilities(message) + ("; which algorithms are there?" if asks else "")


@meaning.register
def _(message: Capabilities) -> str:
    able = (
        "; able to do "
        + ", ".join(
            algorithm_names(SIGNATURES, block.base_asym) + algorithm_names(HASHES, block.base_hash)
        )
        for block in message.supported
    )
    return _capabilities(message) + "".join(able)


def _capabilities(message: GetCapabilities | Capabilities) -> str:
    flags = ", ".join(capability_names(message.flags)) or "no flags"
    size = message.data_transfer_size
    return flags + (f"; up to {size} bytes" if size else "")


@meaning.register
def _(message: NegotiateAlgorithms) -> str:
    return " / ".join(_algorithms(message))


@meaning.register
def _(message: Algorithms) -> str:
    chosen = list(_algorithms(message))
    measured = algorithm_names(MEASUREMENT_HASHES, message.measurement_hash)
    return " / ".join([*chosen, *(f"measurements {name}" for name in measured)])


def _algorithms(message: NegotiateAlgorithms | Algorithms) -> Iterator[str]:
    yield ", ".join(algorithm_names(SIGNATURES, message.base_asym)) or "no signatures"
    yield ", ".join(algorithm_names(HASHES, message.base_hash)) or "no hash"
    for structure in message.structures:
        if structure.kind in _TOLD and structure.supported:
            _, family = STRUCTURES[structure.kind]
            whose = "requester " if structure.kind == AlgType.REQ_BASE_ASYM else ""
            yield whose + ", ".join(algorithm_names(family, structure.supported))


@meaning.register
def _(message: GetDigests) -> str:
    del message
    return "what is the hash of each chain?"


@meaning.register
def _(message: Digests) -> str:
    slots = (slot for slot in range(SLOT_COUNT) if message.provisioned_slots >> slot & 1)
    return f"slots {', '.join(map(str, slots))}"


@meaning.register
def _(message: GetCertificate) -> str:
    slot = message.slot & SLOT_MASK
    if message.version >= Version.V1_3 and message.attributes & SLOT_SIZE_REQUESTED:
        return f"slot {slot}: how large is it?"
    offset, length = message.wanted
    return f"slot {slot}: {length} bytes from {offset} on"


@meaning.register
def _(message: Certificate) -> str:
    slot = message.slot & SLOT_MASK
    return f"slot {slot}: {len(message.portion)} bytes, {message.remainder} left"


@meaning.register
def _(message: Challenge) -> str:
    return f"{signer(message.slot)}: sign this nonce{summarise(message.summary_type)}"


def summarise(summary_type: int) -> str:
    """What is asked beside the rest."""
    return "" if summary_type == SummaryType.NONE else ", and summarise the measurements"


@meaning.register
def _(message: ChallengeAuth) -> str:
    asks = "; show your chain" if message.slot & MUTUAL_AUTH else ""
    return f"{signer(message.slot & SLOT_MASK)}: {signed(message.signature)}{asks}"


def signer(slot: int) -> str:
    """Whose key signs."""
    return "provisioned key" if slot in (NO_SLOT, NO_SLOT & SLOT_MASK) else f"slot {slot}"


def signed(signature: bytes) -> str:
    """Whether it is, and how long that is."""
    return f"signed, {len(signature)} bytes" if signature else "not signed"


@meaning.register
def _(message: GetMeasurements) -> str:
    match message.operation:
        case MeasurementOperation.COUNT:
            asked = "how many?"
        case MeasurementOperation.ALL:
            asked = "all"
        case index:
            asked = f"index {index}"
    raw = ", raw" if message.attributes & RequestAttributes.RAW_BIT_STREAM else ""
    new = ", as they will be" if message.attributes & RequestAttributes.NEW_MEASUREMENT else ""
    by = f", signed by {signer(message.slot[0] & SLOT_MASK)}" if message.slot else ""
    return asked + raw + new + by


@meaning.register
def _(message: Measurements) -> str:
    if not message.block_count:
        return f"{message.total} in all, {signed(message.signature)}"
    blocks = reported(message.record) if message.block_count == 1 else []
    if len(blocks) == 1:
        return f"{_measurement(blocks[0])}, {signed(message.signature)}"
    size = f"{message.record_length} bytes"
    return f"{message.block_count} of them in {size}, {signed(message.signature)}"


def _measurement(one: dict[str, Any]) -> str:
    kind = one["type_name"] or f"type {one['type']}"
    said = one["text"] or ("raw" if one["raw"] else "digest")
    if len(said) > _LONGEST_VALUE:
        said = f"{one['size']} bytes"
    return f"index {one['index']}, {kind}: {said}"


def reported(record: bytes) -> list[dict[str, Any]]:
    """The measurements of a record as `evidence.measurement` has them; none if it is broken."""
    dmtf = Negotiated(measurement_specification=MEASUREMENT_SPECIFICATION_DMTF)
    try:
        return [measurement(one) for one in read_record(record, dmtf)]
    except BrokenReply:
        return []


@meaning.register
def _(message: VendorDefined) -> str:
    vendor = message.vendor.hex() or "(none)"
    if (message.standard, message.vendor) == PCI_SIG and (said := pci_meaning(message.payload)):
        return said
    if (message.standard, message.vendor) == CXL and (said := cxl_meaning(message.payload)):
        return said
    return f"standard {message.standard}, vendor {vendor}: {len(message.payload)} bytes"


@meaning.register
def _(message: ChunkGet) -> str:
    return f"chunk {number(message)} of large response {message.handle}"


@meaning.register
def _(message: ChunkResponse) -> str:
    return f"{_chunk(message)} of large response {message.handle}"


@meaning.register
def _(message: ChunkSend) -> str:
    return f"{_chunk(message)} of large request {message.handle}"


def _chunk(message: ChunkSend | ChunkResponse) -> str:
    last = ", the last," if message.attributes & LAST_CHUNK else ""
    return f"chunk {number(message)}{last} of {message.chunk_size} bytes"


@meaning.register
def _(message: ChunkSendAck) -> str:
    early = ", which is wrong" if message.attributes & EARLY_ERROR else ""
    answer = f", answered with {name(message.response[1])}" if len(message.response) > 1 else ""
    return f"chunk {number(message)} of large request {message.handle} came{early}{answer}"


@meaning.register
def _(message: RespondIfReady) -> str:
    return f"the reply to {name(message.request_code)}, token {message.token}, if it is ready"


@meaning.register
def _(message: Error) -> str:
    told = f"{error_name(message.error_code)} (0x{message.error_code:02x}), data {message.data}"
    row = ERRORS.get(ErrorCode(message.error_code)) if message.error_code in ERRORS else None
    return told if row is None else f"{told}: {row.says}{_extended(row.extended, message.extended)}"


def _extended(kind: Extended, data: bytes) -> str:
    """What the extended data of an ERROR tells; nothing where it is none of its kind."""
    if kind is Extended.SIZE and len(data) >= _U32:
        return f"; {int.from_bytes(data[:_U32], 'little')} bytes"
    if kind is Extended.HANDLE and data:
        return f"; its handle is {data[0]}"
    if kind is Extended.NOT_READY and len(data) >= _U32:
        return f"; {name(data[1])} has token {data[2]}"
    return ""
