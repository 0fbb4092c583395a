"""From a loaded profile to a device. Nothing is read or issued here, so it is quick."""

from datetime import datetime

from emulator.device import CertificateChain, Device, Measurements, Sizes, Slot, Timing
from emulator.device.slots import Renew
from emulator.entropy import Entropy
from emulator.profile import chains, vocabulary
from emulator.profile.load import LoadedProfile
from emulator.profile.model import Algorithms
from emulator.profile.report import Report
from emulator.spdm import algorithms
from emulator.spdm.algorithms import OpaqueFormat
from emulator.spdm.negotiation import Preferences
from emulator.spdm.versions import BY_TEXT


def build(loaded: LoadedProfile, *, entropy: Entropy, at: datetime) -> Device:
    """A device of this personality; each call makes another one.

    Args:
        loaded: the profile.
        entropy: the device's source of randomness.
        at: the moment at which certificates must be valid, timezone-aware.

    Raises ProfileError if a certificate has expired, or is not valid yet.
    """
    report = Report(loaded.tree)
    chains.check_validity(loaded.chains, report, at=at)
    report.finish()
    profile = loaded.profile
    sizes, timing = profile.sizes, profile.timing
    return Device(
        name=profile.name,
        identity=loaded.identity,
        versions=tuple(BY_TEXT[text] for text in profile.versions),
        capabilities=vocabulary.flags(profile.capabilities),
        preferences=_preferences(profile.algorithms),
        slots=_slots(loaded),
        measurements=Measurements(loaded.measurements),
        entropy=entropy,
        sizes=Sizes(
            data_transfer=sizes.data_transfer,
            max_message=sizes.data_transfer if sizes.max_message is None else sizes.max_message,
            transmit=sizes.transmit,
            certificate_portion=sizes.certificate_portion,
        ),
        timing=Timing(ct_exponent=timing.ct_exponent, delay=timing.delay),
        challenge_opaque=dict(loaded.challenge_opaque),
        measurement_opaque=dict(loaded.measurement_opaque),
        public_keys=dict(loaded.public_keys),
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
    )


def _slots(loaded: LoadedProfile) -> dict[int, Slot]:
    by_slot: dict[int, dict[str, CertificateChain]] = {}
    renew: dict[int, Renew] = {}
    for one in loaded.chains:
        by_slot.setdefault(one.slot, {})[one.chain.key.scheme] = one.chain
        if one.renew is not None:
            renew[one.slot] = one.renew
    return {number: Slot(held, renew.get(number)) for number, held in sorted(by_slot.items())}
