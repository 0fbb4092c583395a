"""From a loaded profile to a device. Nothing is read or issued here, so it is quick."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from emulator.device import (
    CertificateChain,
    Device,
    Limits,
    Measurements,
    Sizes,
    Slot,
    Timing,
)
from emulator.device.sessions import Sessions
from emulator.device.slots import Renew
from emulator.device.tdi import IdeStreams
from emulator.entropy import Entropy
from emulator.errors import ProfileError
from emulator.faults import Rule, arm
from emulator.forms.words import shown
from emulator.profile import chains, model, vocabulary
from emulator.profile.algorithms import Algorithms
from emulator.profile.armed import device_findings
from emulator.profile.bent import Bent
from emulator.profile.cxl import device_cxl
from emulator.profile.faults import preset_rules
from emulator.profile.ide import device_ide
from emulator.profile.information import device_classes, notes
from emulator.profile.load import LoadedProfile
from emulator.profile.provisioned import provisioning
from emulator.profile.report import Report
from emulator.profile.tdisp import device_tdi
from emulator.profile.tree import dotted
from emulator.spdm import algorithms, secured_versions
from emulator.spdm.agreement import Agreement
from emulator.spdm.algorithms import MEASUREMENT_SPECIFICATION_DMTF, OpaqueFormat
from emulator.spdm.capabilities import MEAS, RESPONDER_MASK, Cap
from emulator.spdm.codes import Code
from emulator.spdm.key_pairs import CertificateModel
from emulator.spdm.negotiation import Negotiated, Preferences
from emulator.spdm.pending import Readiness
from emulator.spdm.versions import BY_TEXT

_MODELS = {
    "device": CertificateModel.DEVICE,
    "alias": CertificateModel.ALIAS,
    "generic": CertificateModel.GENERIC,
}


def build(
    loaded: LoadedProfile, *, entropy: Entropy, at: datetime, rules: Sequence[Rule] = ()
) -> Device:
    """A device of this personality; each call makes another one.

    Args:
        loaded: the profile.
        entropy: the device's source of randomness.
        at: the moment at which certificates must be valid, timezone-aware.
        rules: faults beside the profile's own.

    Raises ProfileError if a certificate has expired, or is not valid yet.
    """
    report = Report(loaded.tree)
    chains.check_validity(loaded.chains, report, at=at)
    report.finish()
    profile = loaded.profile
    sizes = profile.sizes
    slots = _slots(loaded)
    device = Device(
        name=profile.name,
        identity=loaded.identity,
        versions=tuple(BY_TEXT[text] for text in profile.versions),
        capabilities=vocabulary.flags(profile.capabilities),
        preferences=_preferences(profile.algorithms),
        slots=slots,
        measurements=Measurements(loaded.measurements, notes(profile)),
        device_classes=device_classes(profile),
        entropy=entropy,
        sizes=Sizes(
            data_transfer=sizes.data_transfer,
            max_message=sizes.data_transfer if sizes.max_message is None else sizes.max_message,
            transmit=sizes.transmit,
            certificate_portion=sizes.certificate_portion,
        ),
        timing=_timing(profile.timing),
        limits=Limits(**profile.limits.model_dump()),
        challenge_opaque=dict(loaded.challenge_opaque),
        measurement_opaque=dict(loaded.measurement_opaque),
        public_keys=dict(loaded.public_keys),
        mutual=replace(loaded.mutual, at=at),
        sessions=_sessions(loaded),
        ide=device_ide(profile.ide),
        tdi=device_tdi(profile.tdisp),
        provisioning=provisioning(profile, slots, loaded.spare_keys, loaded.authority),
        provisioned_agreement=_provisioned(profile),
        shared=frozenset(one.index for one in profile.measurements if one.shared),
    )
    device.cxl = device_cxl(profile.cxl, device.ide)
    if device.ide is not None and device.tdi is not None:
        IdeStreams(device.ide, device.tdi)
    own = (*preset_rules(profile.presets), *profile.faults)
    taken = {rule.name for rule in own}
    if twice := [rule.name for rule in rules if rule.name in taken]:
        found = f"the profile {profile.name} has a fault of the name {shown(twice[0])} itself"
        raise ProfileError([f"{found}; expected another name"])
    check_rules(rules, profile)
    variants = Bent(profile, device.measurements)
    arm(device, (*own, *rules), entropy.fork("faults"), variants=variants)
    return device


def check_rules(rules: Sequence[Rule], profile: model.Profile) -> None:
    """Faults beside the profile's own, which the loading of a file cannot hold against it."""
    problems = [
        f"fault {shown(rule.name)}: {dotted(steps[1:])}: found {was}; expected {expect}"
        for rule in rules
        for steps, expect, was in device_findings([rule], profile)
    ]
    if problems:
        raise ProfileError(problems)


def _sessions(loaded: LoadedProfile) -> Sessions:
    told = loaded.profile.sessions
    return Sessions(
        limit=told.limit,
        heartbeat=told.heartbeat,
        versions=tuple(secured_versions.BY_TEXT[text] for text in told.secured_versions),
        keys=dict(loaded.pre_shared),
        sequence_limit=told.sequence_limit,
        key_update_after=told.key_update_after,
        doctor=told.doctor,
        event_limit=told.event_limit,
    )


def _timing(timing: model.Timing) -> Timing:
    wait = timing.not_ready
    readiness = None
    if wait is not None:
        requests = (
            None if wait.requests is None else frozenset(Code[name] for name in wait.requests)
        )
        readiness = Readiness(requests, wait.rdt_exponent, wait.rdtm, wait.tries)
    return Timing(ct_exponent=timing.ct_exponent, delay=timing.delay, not_ready=readiness)


def _provisioned(profile: model.Profile) -> Agreement | None:
    told = profile.provisioned
    if told is None:
        return None
    version = BY_TEXT[told.version]
    ours = vocabulary.flags(profile.capabilities) & RESPONDER_MASK[version]
    offered = _preferences(profile.algorithms)
    measures = bool(ours & MEAS)
    return Agreement(
        version=version,
        local_capabilities=ours,
        peer_capabilities=vocabulary.flags(told.requester_capabilities),
        algorithms=Negotiated(
            measurement_specification=MEASUREMENT_SPECIFICATION_DMTF if measures else 0,
            measurement_hash=offered.measurement_hash if measures else None,
            asym=next((row for row in offered.asym if row.name == told.asym), None),
            hash=next((row for row in offered.hash if row.name == told.hash), None),
            other_params=OpaqueFormat[told.opaque_format] if told.opaque_format else 0,
        ),
    )


def _preferences(offered: Algorithms) -> Preferences:
    formats = OpaqueFormat(0)
    for name in offered.opaque_format:
        formats |= OpaqueFormat[name]
    return Preferences(
        asym=tuple(algorithms.by_name(algorithms.SIGNATURES, name) for name in offered.asym),
        hash=tuple(algorithms.by_name(algorithms.HASHES, name) for name in offered.hash),
        measurement_hash=None
        if offered.measurement_hash is None
        else algorithms.by_name(algorithms.MEASUREMENT_HASHES, offered.measurement_hash),
        opaque_format=formats,
        dhe=tuple(algorithms.by_name(algorithms.DHE_GROUPS, name) for name in offered.dhe),
        aead=tuple(algorithms.by_name(algorithms.AEADS, name) for name in offered.aead),
        req_asym=tuple(
            algorithms.by_name(algorithms.SIGNATURES, name) for name in offered.req_asym
        ),
        key_schedule=tuple(
            algorithms.by_name(algorithms.KEY_SCHEDULES, name) for name in offered.key_schedule
        ),
    )


def _slots(loaded: LoadedProfile) -> dict[int, Slot]:
    by_slot: dict[int, dict[str, CertificateChain]] = {}
    renew: dict[int, Renew] = {}
    for one in loaded.chains:
        by_slot.setdefault(one.slot, {})[one.chain.key.scheme] = one.chain
        if one.renew is not None:
            renew[one.slot] = one.renew
    alias = Cap.ALIAS_CERT.name in loaded.profile.capabilities
    own = CertificateModel.ALIAS if alias else CertificateModel.DEVICE
    models = {one.slot: _MODELS.get(one.model or "", own) for one in loaded.chains}
    return {
        number: Slot(held, renew.get(number), models[number])
        for number, held in sorted(by_slot.items())
    }
