"""What the steps of a verdict tell: for each a sentence, and the facts as JSON values."""

from collections.abc import Sequence
from typing import Any

from emulator.ask import (
    Authentication,
    Endpoint,
    Logged,
    Opened,
    PeerChain,
    ReportedMeasurement,
    SlotDigests,
)
from emulator.ask.version import version_text
from emulator.crypto import hashes
from emulator.crypto.keys import VerifyingKey
from emulator.crypto.tcb import TcbInfo
from emulator.device.endpoint_info import DeviceClass
from emulator.device.measured_state import read_state, state_json, state_text
from emulator.requester.appraisal import References
from emulator.requester.identity import describe_chain
from emulator.requester.logged import entry_json
from emulator.requester.measuring import Measured
from emulator.spdm.algorithms import HASHES, SIGNATURES, OpaqueFormat
from emulator.spdm.algorithms import names as algorithm_names
from emulator.spdm.capabilities import Cap, names
from emulator.spdm.connection import Connection
from emulator.spdm.messages import Capabilities
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.challenge import NO_SLOT
from emulator.spdm.messages.measured import KIND_NAMES, read_value, value_json, value_text
from emulator.spdm.messages.measurements import ContentChanged
from emulator.spdm.negotiation import Negotiated
from emulator.spdm.standards import BY_NUMBER
from emulator.spdm.versions import Version

Told = tuple[str, dict[str, Any]]

_CHANGED_NAMES = {member.value: member.name for member in ContentChanged}


def version(connection: Connection, listed: Sequence[int]) -> Told:
    """The version chosen, and those the device lists."""
    chosen = Version(connection.version).text
    texts = [version_text(number) for number in listed]
    detail = f"{chosen}, of {', '.join(texts)}"
    return detail, {"selected": chosen, "listed": texts}


def capabilities(connection: Connection, theirs: Capabilities) -> Told:
    """The device's flags, sizes and time; and all its algorithms, if it was asked for them."""
    flags = names(connection.peer_capabilities)
    detail = ", ".join(flags) or "none"
    facts: dict[str, Any] = {
        "flags": flags,
        "ct_exponent": theirs.ct_exponent,
        "data_transfer_size": connection.peer_data_transfer_size,
        "max_message_size": connection.peer_max_message,
    }
    for block in theirs.supported:
        able = {
            "asym": algorithm_names(SIGNATURES, block.base_asym),
            "hash": algorithm_names(HASHES, block.base_hash),
        }
        facts["supported_algorithms"] = able
        detail += f"; able to do {', '.join(able['asym'] + able['hash'])}"
    return detail, facts


def algorithms(agreed: Negotiated) -> Told:
    """What was selected."""
    rows = {"asym": agreed.asym, "hash": agreed.hash, "measurement_hash": agreed.measurement_hash}
    chosen = {family: row.name if row else None for family, row in rows.items()}
    parts = [chosen["asym"] or "no signatures", chosen["hash"] or "no hash"]
    parts.append(f"measurements {chosen['measurement_hash'] or 'none'}")
    for family, row in (("dhe", agreed.dhe), ("aead", agreed.aead)):
        if row is not None:
            chosen[family] = row.name
            parts.append(row.name)
    opaque = {OpaqueFormat.FORMAT_0: 0, OpaqueFormat.FORMAT_1: 1}
    return ", ".join(parts), {
        **chosen,
        "opaque_format": opaque.get(OpaqueFormat(agreed.other_params)),
    }


def digests(found: SlotDigests) -> Told:
    """The provisioned slots."""
    slots = list(found.digests)
    detail = f"provisioned: {', '.join(f'slot {slot}' for slot in slots)}"
    supported = [
        slot for slot in range(found.supported.bit_length()) if found.supported >> slot & 1
    ]
    stated = {str(slot): digest.hex() for slot, digest in found.digests.items()}
    return detail, {"provisioned": slots, "supported": supported, "digests": stated}


def chain(found: PeerChain) -> Told:
    """The chain that was fetched."""
    subject = found.leaf.subject if found.leaf else "an unreadable leaf"
    count = len(found.certificates)
    detail = f"slot {found.slot}: {count} certificates, {len(found.spdm)} bytes, {subject}"
    return detail, describe_chain(found)


def digest(found: PeerChain, stated: bytes | None) -> Told:
    """DIGESTS against the chain that was fetched."""
    facts = {"stated": stated.hex() if stated else None, "computed": found.digest.hex()}
    if stated == found.digest:
        return "DIGESTS has the hash of the chain", facts
    if stated is None:
        return f"DIGESTS has none for slot {found.slot}", facts
    return f"DIGESTS has {stated.hex()}, the chain's hash is {found.digest.hex()}", facts


def public_key(key: VerifyingKey, scheme: str) -> Told:
    """The key that the device is known by."""
    digest = hashes.digest("SHA_256", key.spki).hex()
    detail = f"the {key.key_type} key {digest[:16]}... makes {scheme} signatures"
    return detail, {"key": key.spki.hex(), "sha256": digest}


def challenge(found: Authentication) -> Told:
    """What CHALLENGE_AUTH says beside its signature."""
    reply = found.reply
    slot = reply.slot & SLOT_MASK
    who = "the provisioned key" if slot == NO_SLOT & SLOT_MASK else f"slot {slot}"
    return f"{who}, its nonce is {reply.nonce.hex()[:16]}...", {
        "nonce": reply.nonce.hex(),
        "summary_type": found.summary_type.name,
        "summary": reply.summary.hex(),
        "opaque": reply.opaque.hex(),
        "context": reply.context.hex(),
    }


def signature(transcript_hash: bytes, made: bytes) -> dict[str, Any]:
    """A signature, and the hash of what it covers (M1/M2 or L1/L2)."""
    return {"transcript_hash": transcript_hash.hex(), "signature": made.hex()}


def measurement(one: ReportedMeasurement) -> dict[str, Any]:
    """One measurement: `decoded` and `text` say what a raw value means, None where it is bytes."""
    value = read_value(one.kind, one.value) if one.raw else None
    decoded = None if value is None else value_json(value)
    text = None if value is None else value_text(value)
    state = read_state(one.value) if one.raw else None
    if state is not None:
        decoded, text = state_json(state), state_text(state)
    return {
        "index": one.index,
        "type": one.kind,
        "type_name": KIND_NAMES.get(one.kind),
        "raw": one.raw,
        "size": len(one.value),
        "value": one.value.hex(),
        "decoded": decoded,
        "text": text,
    }


def measurements(found: Measured) -> Told:
    """What was measured, and whether it changed while it was read."""
    listed = [measurement(one) for one in found.measurements]
    indices = _ranges([one.index for one in found.measurements])
    detail = f"{len(listed)} of {found.count}: index {indices}"
    changed = found.readings[-1].content_changed
    if changed == ContentChanged.CHANGED:
        detail += "; they changed while they were read, so read them again"
    said = None if changed is None else _CHANGED_NAMES.get(changed, f"0x{changed:02x}")
    return detail, {"measurements": listed, "content_changed": said}


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers for a person, those in a row as a range: `1 to 3, 7`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] + 1 == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if run[1:] else str(run[0]) for run in runs)


def summary(message: str, stated: bytes, computed: bytes) -> Told:
    """The measurement summary hash in `message` against the measurements."""
    facts = {"stated": stated.hex(), "computed": computed.hex()}
    if stated == computed:
        return f"{message} has the hash of all measurements", facts
    return f"{message} has {stated.hex()}, the measurements give {computed.hex()}", facts


def session(opened: Opened, connection: Connection) -> Told:
    """The session that was opened, and what it is made of; `connection`: the one inside."""
    made, agreed = opened.session, connection.algorithms
    secured = f"{opened.secured_version >> 4}.{opened.secured_version & 0xF}"
    clear = not made.psk and connection.both(Cap.HANDSHAKE_IN_THE_CLEAR)
    handshake = "clear" if clear else "encrypted" if made.encrypted else "authenticated"
    records = "encrypted" if made.encrypted else "authenticated only"
    group = "pre-shared key" if made.psk or agreed.dhe is None else agreed.dhe.name
    aead = agreed.aead.name if agreed.aead else ""
    detail = f"{made.id:08x}: {group}, {aead}, records {records}, secured messages {secured}"
    return detail, {
        "id": made.id,
        "dhe": None if made.psk or agreed.dhe is None else agreed.dhe.name,
        "aead": aead,
        "encrypted": made.encrypted,
        "handshake": handshake,
        "secured_version": secured,
        "heartbeat": made.heartbeat,
    }


def log(found: Sequence[Logged], wrong: Sequence[str]) -> Told:
    """The measurement extension log, and what of the measurements does not follow from it."""
    detail = "; ".join(wrong) or f"{len(found)} entries, and the measurements follow from them"
    return detail, {"entries": [entry_json(one) for one in found]}


def appraisal(reference: References, wrong: Sequence[str]) -> Told:
    """The measurements against reference values: each that is not as it should be."""
    good = f"all {len(reference.values)} are those of {reference.name}"
    return "; ".join(wrong) or good, {"reference": reference.name, "mismatches": list(wrong)}


def device_class(one: DeviceClass) -> str:
    """A device class for a person: the standards body, and the identifiers in hexadecimal."""
    body = BY_NUMBER[one.registry].name if one.registry in BY_NUMBER else str(one.registry)
    return " ".join([body, *(part.hex() for part in (one.vendor, *one.subordinates) if part)])


def endpoint(found: Endpoint, problem: str) -> Told:
    """What ENDPOINT_INFO tells, and what is wrong with its signature, if anything is."""
    told = "; ".join(map(device_class, found.classes)) or "no device class"
    signed = ", signed" if found.reply.signature else ", not signed"
    facts = {
        "device_classes": [
            {
                "registry": one.registry,
                "vendor": one.vendor.hex(),
                "subordinates": [sub.hex() for sub in one.subordinates],
            }
            for one in found.classes
        ],
        **signature(found.transcript_hash, found.reply.signature),
    }
    return problem or told + signed, facts


def firmware(number: int, info: TcbInfo, measured: Sequence[ReportedMeasurement]) -> Told:
    """DICE's TcbInfo of a certificate, and which of its digests the device measures now."""
    about = info.lines()[0]
    detail = f"certificate {number}: {about}; {len(info.fwids)} digests"
    if measured:
        values = {one.value for one in measured if not one.raw}
        same = sum(one.digest in values for one in info.fwids)
        detail += f", {same} of them as measured"
    return detail, {"certificate": number, **info.to_json()}
