"""What several values of a profile together may be, and what no JSON Schema can say.

Each check runs if the sections it reads are sound, so one mistake hides no other. Certificates
have a file of their own (`chains.py`), sizes too (`replies.py`).
"""

from collections.abc import Iterator

from emulator.forms.words import counted, suggestion
from emulator.profile import vocabulary
from emulator.profile.armed import device_findings
from emulator.profile.cxl import cxl_findings
from emulator.profile.faults import NAMED, preset_rules, presets
from emulator.profile.ide import ide_findings
from emulator.profile.information import class_findings, log_findings
from emulator.profile.measured import (
    DIGEST_TYPE,
    RAW_SIZES,
    READABLE,
    RESERVED_INDEXES,
    sources,
    state_findings,
)
from emulator.profile.model import SOURCES, Measurement, Profile
from emulator.profile.mutual import mutual_findings
from emulator.profile.opaque import table_problem
from emulator.profile.provisioned import provisioning_findings
from emulator.profile.report import Report
from emulator.profile.rules import rule_findings
from emulator.profile.session_keys import algorithm_findings, session_findings
from emulator.profile.tdisp import tdisp_findings
from emulator.profile.tree import Steps, dotted
from emulator.spdm import algorithms, capabilities
from emulator.spdm.capabilities import (
    MEAS,
    REQUESTER_MASK,
    RESPONDER_MASK,
    Cap,
    requester_problems,
    responder_problems,
)
from emulator.spdm.standards import BY_NUMBER
from emulator.spdm.versions import BY_TEXT, Version
from emulator.transport import doe

Finding = tuple[Steps, str, str]
"""The way to the value, what is expected, and what was found ('' for the value itself)."""


def check(profile: Profile, report: Report) -> None:
    """Add every problem of the sections that are sound so far."""
    table = (
        (("identity",), _identity),
        (("capabilities", "versions"), _legal_flags),
        (("capabilities", "algorithms"), _signing),
        (("capabilities", "algorithms", "measurements"), _measuring),
        (("algorithms", "measurements"), _measurements),
        (("capabilities", "measurements", "ide", "tdisp"), state_findings),
        (("capabilities", "slots"), _slots),
        (("capabilities", "public_key"), _public_key),
        (("capabilities", "slots", "versions"), _models),
        (("capabilities", "measurements", "measurement_log"), log_findings),
        (("capabilities", "device_classes"), class_findings),
        (("capabilities", "algorithms", "opaque"), _opaque),
        (("capabilities", "algorithms"), algorithm_findings),
        (("capabilities", "sessions"), session_findings),
        (("capabilities", "ide"), _ide),
        (("capabilities", "ide", "tdisp"), _tdisp),
        (("capabilities", "cxl"), _cxl),
        (("capabilities", "provisioning"), provisioning_findings),
        (("capabilities", "algorithms", "mutual_authentication"), mutual_findings),
        (("sizes",), _sizes),
        (("sizes", "limits"), _limits),
        (("faults", "presets"), _faults),
        (("faults", "presets", "slots", "measurements", "ide"), _armed),
        (("versions", "capabilities", "algorithms", "provisioned"), _provisioned),
    )
    runnable = [run for sections, run in table if report.ok(*sections)]
    for run in runnable:
        for steps, expect, was in run(profile):
            report.at(steps, expect, was)


def _identity(profile: Profile) -> Iterator[Finding]:
    identity = profile.identity
    if (identity.subsystem is None) != (identity.subsystem_vendor is None):
        lacking = "subsystem" if identity.subsystem is None else "subsystem_vendor"
        yield ("identity", lacking), "subsystem_vendor and subsystem together, or neither", ""


def _ide(profile: Profile) -> Iterator[Finding]:
    return ide_findings(profile.ide, vocabulary.flags(profile.capabilities))


def _tdisp(profile: Profile) -> Iterator[Finding]:
    flags = vocabulary.flags(profile.capabilities)
    return tdisp_findings(profile.tdisp, flags, has_ide=profile.ide is not None)


def _cxl(profile: Profile) -> Iterator[Finding]:
    return cxl_findings(profile.cxl, vocabulary.flags(profile.capabilities))


def _legal_flags(profile: Profile) -> Iterator[Finding]:
    """The rules of each version offered, for the flags that version knows."""
    flags = vocabulary.flags(profile.capabilities)
    versions_of: dict[str, list[str]] = {}
    for text in profile.versions:
        version = BY_TEXT[text]
        for problem in responder_problems(flags & RESPONDER_MASK[version], version):
            versions_of.setdefault(problem, []).append(text)
    was = ", ".join(profile.capabilities) or "no flag"
    for problem, texts in versions_of.items():
        yield ("capabilities",), f"flags that are legal in {' and '.join(texts)}: {problem}", was


def _signing(profile: Profile) -> Iterator[Finding]:
    used = vocabulary.flags(profile.capabilities) & (Cap.CERT | Cap.CHAL | Cap.MEAS_SIG)
    if used and not profile.algorithms.asym:
        why = f"at least one signature algorithm for {', '.join(capabilities.names(used))}"
        yield ("algorithms", "asym"), why, ""


def _measuring(profile: Profile) -> Iterator[Finding]:
    """MEAS_NO_SIG or MEAS_SIG, a measurement hash and measurements come together.

    A capability without a hash fails libspdm's requester and Linux's
    (`libspdm_req_negotiate_algorithms.c`).
    """
    has_hash = profile.algorithms.measurement_hash is not None
    if vocabulary.flags(profile.capabilities) & MEAS:
        if not has_hash:
            expect = "the hash of the measurements, which MEAS_NO_SIG and MEAS_SIG need"
            yield ("algorithms", "measurement_hash"), expect, ""
        if not profile.measurements:
            yield ("measurements",), "at least one, which MEAS_NO_SIG and MEAS_SIG promise", ""
        return
    without = "without MEAS_NO_SIG or MEAS_SIG in capabilities"
    if has_hash:
        yield ("algorithms", "measurement_hash"), f"null {without}", ""
    if profile.measurements:
        yield ("measurements",), f"an empty list {without}", ""


def _measurements(profile: Profile) -> Iterator[Finding]:
    hash_name = profile.algorithms.measurement_hash or "RAW_BIT"
    seen: set[int] = set()
    for number, entry in enumerate(profile.measurements):
        steps: Steps = ("measurements", number)
        if entry.index in seen:
            yield (*steps, "index"), "each index once", f"{entry.index} a second time"
        seen.add(entry.index)
        reserved = RESERVED_INDEXES.get(entry.index, entry.type)
        if entry.type != reserved:
            yield (*steps, "type"), f"{reserved}, as index {entry.index:#x} is reserved for it", ""
        given = sources(entry)
        if len(given) != 1:
            yield steps, f"exactly one of {', '.join(SOURCES)}", " and ".join(given) or "none"
            continue
        of = READABLE.get(given[0], entry.type)
        if entry.type != of:
            yield (*steps, "type"), f"{of}, the type that {given[0]} is for", ""
        if entry.structured is not None:
            where = (*steps, "structured")
            yield from _vendor(entry.structured.registry, entry.structured.vendor, where)
        yield from _representation(entry, steps, hash_name)


def _representation(entry: Measurement, steps: Steps, hash_name: str) -> Iterator[Finding]:
    """A digest is never raw, and of the hash's size; some types are always raw, one never is."""
    report = (*steps, "report")
    is_digest = entry.digest is not None or entry.extended is not None
    if is_digest and entry.report == "raw":
        yield report, "digest, for nothing but a digest is known", ""
    if entry.type == DIGEST_TYPE and not is_digest:
        [given] = sources(entry)
        yield (*steps, given), f"digest or extended instead, as {DIGEST_TYPE} is a digest", ""
    if is_digest and hash_name == "RAW_BIT":
        [given] = sources(entry)
        yield (*steps, given), "text, hex or file, for RAW_BIT reports raw values", ""
    elif entry.digest is not None:
        size = algorithms.by_name(algorithms.MEASUREMENT_HASHES, hash_name).size
        length = len(bytes.fromhex(entry.digest))
        if length != size:
            yield (*steps, "digest"), f"the {size} bytes of {hash_name}", counted(length, "byte")
    if entry.report == "digest" and hash_name == "RAW_BIT":
        yield report, "raw, for RAW_BIT reports raw values", ""
    elif entry.type in RAW_SIZES and entry.report == "digest":
        yield report, f"raw, as {entry.type} always is", ""


def _slots(profile: Profile) -> Iterator[Finding]:
    has_cert = Cap.CERT in vocabulary.flags(profile.capabilities)
    if has_cert and not profile.slots:
        yield ("slots",), "at least one slot, which CERT promises; such as {0: auto}", ""
    if profile.slots and not has_cert:
        yield ("slots",), "no slot without CERT in capabilities", ""
    for number, slot in profile.slots.items():
        if not isinstance(slot, str) and (slot.auto is None) == (slot.chains is None):
            was = "neither" if slot.auto is None else "both"
            yield ("slots", str(number)), "either auto or chains", was


def _public_key(profile: Profile) -> Iterator[Finding]:
    promised = Cap.PUB_KEY_ID in vocabulary.flags(profile.capabilities)
    if promised and profile.public_key is None:
        yield ("public_key",), "auto or a key, which PUB_KEY_ID promises", "nothing"
    if profile.public_key is not None and not promised:
        yield ("public_key",), "no public key without PUB_KEY_ID in capabilities", ""


def _models(profile: Profile) -> Iterator[Finding]:
    """One flag speaks of all slots: alias certificates in each, or device certificates.

    Generic certificates exist since 1.3, in slots above 0.
    """
    alias = Cap.ALIAS_CERT in vocabulary.flags(profile.capabilities)
    right = "alias" if alias else "device"
    since_1_3 = all(BY_TEXT[text] >= Version.V1_3 for text in profile.versions)
    models: set[str] = set()
    for number, slot in profile.slots.items():
        steps: Steps = ("slots", str(number))
        model = "device"
        if not isinstance(slot, str):
            if slot.auto is None:
                continue
            steps, model = (*steps, "auto", "model"), slot.auto.model
        models.add(model)
        if model == "generic" and not number:
            yield steps, f"{right}, as slot 0 has no generic certificate", model
        elif model == "generic" and not since_1_3:
            yield steps, f"{right} beside versions before 1.3", model
        elif model not in (right, "generic"):
            which = "with" if alias else "without"
            yield steps, f"{right} {which} ALIAS_CERT in capabilities", model
    if alias and models == {"generic"}:
        yield ("slots",), "a slot with an alias certificate, which ALIAS_CERT promises", ""


def _opaque(profile: Profile) -> Iterator[Finding]:
    """Opaque data needs its message, an agreed format, and that format's layout."""
    flags = vocabulary.flags(profile.capabilities)
    needs = {"challenge": Cap.CHAL, "measurements": MEAS}
    for message, capability in needs.items():
        for name, value in getattr(profile.opaque, message):
            steps: Steps = ("opaque", message, name)
            if value is None:
                continue
            if not flags & capability:
                either = " or ".join(capabilities.names(capability))
                yield ("opaque", message), f"nothing without {either} in capabilities", ""
            if name not in profile.algorithms.opaque_format:
                yield steps, f"nothing without {name} in algorithms.opaque_format", ""
            if isinstance(value, str):
                yield from _opaque_bytes(bytes.fromhex(value), steps, name)
            else:
                for number, element in enumerate(value):
                    yield from _vendor(element.registry, element.vendor, (*steps, number))


def _opaque_bytes(data: bytes, steps: Steps, name: str) -> Iterator[Finding]:
    problem = table_problem(data) if name == "FORMAT_1" else ""
    if problem:
        yield steps, "a general opaque data table", problem


def _vendor(registry: int, vendor: str, steps: Steps) -> Iterator[Finding]:
    sizes = BY_NUMBER[registry].vendor_sizes
    size = len(bytes.fromhex(vendor))
    if size not in sizes:
        legal = " or ".join(str(one) for one in sizes)
        yield (*steps, "vendor"), f"{legal} bytes in this registry", counted(size, "byte")


def _sizes(profile: Profile) -> Iterator[Finding]:
    """Without CHUNK both sizes are the same (libspdm `libspdm_req_get_capabilities.c`)."""
    sizes = profile.sizes
    largest = sizes.data_transfer if sizes.max_message is None else sizes.max_message
    if "CHUNK" in profile.capabilities:
        if largest < sizes.data_transfer:
            yield ("sizes", "max_message"), f"at least {sizes.data_transfer} as data_transfer", ""
    elif largest != sizes.data_transfer:
        expect = f"{sizes.data_transfer} as data_transfer, or null: without CHUNK they are equal"
        yield ("sizes", "max_message"), expect, ""


def _limits(profile: Profile) -> Iterator[Finding]:
    """What the device announces that it takes, it takes."""
    sizes, limits = profile.sizes, profile.limits
    frame = sizes.data_transfer + doe.HEADER_SIZE + doe.PADDING
    if limits.frame < frame:
        expect = f"at least {frame}, for a message of sizes.data_transfer"
        yield ("limits", "frame"), expect, counted(limits.frame, "byte")
    if limits.large_message < (sizes.max_message or 0):
        expect = f"at least {sizes.max_message}, as sizes.max_message"
        yield ("limits", "large_message"), expect, counted(limits.large_message, "byte")


def _provisioned(profile: Profile) -> Iterator[Finding]:
    """What a negotiation could have come to: all of it offered, nothing needed left out."""
    told = profile.provisioned
    if told is None:
        return
    steps = ("provisioned",)
    offered = profile.algorithms
    if told.version not in profile.versions:
        yield (*steps, "version"), f"one of versions, {', '.join(profile.versions)}", ""
    needed = bool(vocabulary.flags(profile.capabilities) & (Cap.CERT | Cap.CHAL | Cap.MEAS_SIG))
    for key, names in (("asym", offered.asym), ("hash", offered.hash)):
        name = getattr(told, key)
        if name is None and needed:
            yield (*steps, key), f"one of algorithms.{key}, {', '.join(names)}", "nothing"
        elif name is not None and name not in names:
            yield (*steps, key), f"one of algorithms.{key}, {', '.join(names)}", ""
    if told.opaque_format is not None and told.opaque_format not in offered.opaque_format:
        expect = "one of algorithms.opaque_format, or null"
        yield (*steps, "opaque_format"), expect, ""
    version = BY_TEXT[told.version]
    flags = vocabulary.flags(told.requester_capabilities)
    unknown = flags & ~REQUESTER_MASK[version]
    problems = requester_problems(flags & REQUESTER_MASK[version], version)
    if unknown:
        problems = [f"{', '.join(capabilities.names(unknown))} came later", *problems]
    for problem in problems:
        was = ", ".join(told.requester_capabilities)
        expect = f"flags that are legal in {told.version}: {problem}"
        yield (*steps, "requester_capabilities"), expect, was


def _faults(profile: Profile) -> Iterator[Finding]:
    """Presets are there, and the rules of a profile get on with theirs."""
    known = presets() if profile.presets else {}
    for number, name in enumerate(profile.presets):
        if name not in known:
            yield ("presets", number), NAMED + suggestion(name, known), ""
    taken = preset_rules(name for name in profile.presets if name in known)
    yield from rule_findings(profile.faults, ("faults",), beside=taken)


def _armed(profile: Profile) -> Iterator[Finding]:
    for steps, expect, was in device_findings(profile.faults, profile):
        yield ("faults", *steps), expect, was
    known = presets() if profile.presets else {}
    for number, name in enumerate(profile.presets):
        asked = known[name].rules if name in known else ()
        for steps, expect, was in device_findings(asked, profile):
            what = f"{name}, with {was} in {dotted(steps[1:])}"
            yield ("presets", number), f"a preset for this device, with {expect} there", what
