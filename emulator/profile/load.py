"""Loading a profile: files, settings, model, checks — and every problem at once."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from emulator.device import Measurement, PciIdentity
from emulator.device.mutual import MutualAuthentication
from emulator.errors import ProfileError
from emulator.profile import chains, checks, functions, measured, replies, settings, sources
from emulator.profile.chains import ProvisionedChain
from emulator.profile.issued import pci_identity
from emulator.profile.model import Profile
from emulator.profile.mutual import mutual_authentication
from emulator.profile.provisioned import SpareKeys, authority, spare_keys
from emulator.profile.public_key import PublicKeys, provision_keys
from emulator.profile.replies import OpaqueData
from emulator.profile.report import Report
from emulator.profile.session_keys import pre_shared
from emulator.profile.tree import MappingNode, Node, Place, Step, follow, plain

_HERE = Path()
"""The working directory."""


@dataclass(frozen=True)
class LoadedProfile:
    """A profile without problems, and what was read and issued for it.

    Attributes:
        file: the file it was loaded from.
        profile: its values, with those of the profiles it extends and of settings.
        tree: the same as written, each value with its place.
        identity: who the device is.
        chains: the certificate chains of all slots.
        public_keys: the keys that stand for no slot, by signature algorithm.
        measurements: the measurements with their values.
        challenge_opaque: opaque data of CHALLENGE_AUTH by format.
        measurement_opaque: opaque data of MEASUREMENTS by format.
        pre_shared: pre-shared keys by their hints.
        authority: the roots of which chains must come to be installed; none: any.
        spare_keys: the keys of slots that hold nothing yet.
        mutual: how requesters are to authenticate themselves; when is decided later.
        functions: the further functions of the device, by their names.
    """

    file: Path
    profile: Profile
    tree: Node
    identity: PciIdentity
    chains: tuple[ProvisionedChain, ...]
    public_keys: PublicKeys
    measurements: tuple[Measurement, ...]
    challenge_opaque: OpaqueData
    measurement_opaque: OpaqueData
    pre_shared: Mapping[bytes, bytes]
    mutual: MutualAuthentication
    authority: tuple[bytes, ...] = ()
    spare_keys: SpareKeys = ()
    functions: Mapping[str, "LoadedProfile"] = field(default_factory=dict)

    def where(self, *steps: Step) -> Place:
        """Where a value stands, or the nearest value around it if it is a default.

        `where("slots", "0")` and `where("measurements", 2, "text")` are such ways.
        """
        return follow(self.tree, steps)[0].place


def load(
    name_or_path: str | Path,
    *,
    sets: Sequence[str] = (),
    folder: Path = _HERE,
    at: datetime,
) -> LoadedProfile:
    """Load a profile.

    Args:
        name_or_path: a ready profile's name, or a file.
        sets: `path=value` settings, such as `sizes.transmit=1024`, on top of the file.
        folder: what relative paths in settings are relative to.
        at: the moment at which certificates must be valid, timezone-aware.

    Raises ProfileError with a line for every problem.
    """
    file = sources.find(name_or_path)
    report = Report(MappingNode(Place(str(file), file.parent), {}))
    tree = sources.assemble(file, report)
    if tree is None:
        raise report.error()
    report.tree = settings.apply(tree, sets, report, folder=folder)
    return judge(file, report, at=at)


def judge(file: Path, report: Report, *, at: datetime) -> LoadedProfile:
    """What comes of the tree that `report` holds, put together from `file` and settings.

    Raises ProfileError with a line for every problem.
    """
    if not functions.has_functions(report.tree):
        return _judge(file, report, at=at)
    parts = functions.parts(report)
    whole: LoadedProfile | None = None
    with suppress(ProfileError):
        whole = _judge(file, report, at=at)
    if report.incomplete:
        raise report.error()
    made: dict[str, LoadedProfile] = {}
    for name, part in parts.items():
        try:
            made[name] = _judge(file, part, at=at)
        except ProfileError:
            report.take(part)
    if whole is not None:
        profiles = {name: one.profile for name, one in made.items()}
        functions.check_addresses(whole.profile, profiles, report)
    report.finish()
    if whole is None:
        raise report.error()
    told = {
        name: functions.resolved(written, made[name].profile)
        for name, written in whole.profile.functions.items()
    }
    profile = whole.profile.model_copy(update={"functions": told})
    return replace(whole, profile=profile, functions=made)


def _judge(file: Path, report: Report, *, at: datetime) -> LoadedProfile:
    """The same for one function. Raises ProfileError."""
    profile = _validate(report)
    if report.incomplete:
        raise report.error()
    # A section is read if its values are sound each, so that what several say hides nothing.
    unsound = frozenset(report.sections)
    checks.check(profile, report)
    values: tuple[Measurement, ...] = ()
    if "measurements" not in unsound:
        values = measured.measure(profile, report)
    if "opaque" not in unsound:
        replies.check_opaque(profile, report)
    provisioned: tuple[ProvisionedChain, ...] = ()
    if unsound.isdisjoint(("name", "identity", "versions", "algorithms", "slots")):
        provisioned = chains.provision(profile, values, report, at=at)
    keys: PublicKeys = {}
    if unsound.isdisjoint(("name", "identity", "algorithms", "public_key")):
        keys = provision_keys(profile, report)
    if report.ok("versions", "capabilities", "algorithms", "sizes", "measurements", "opaque"):
        replies.check_transmit(profile, values, report)
    keys_by_hint: Mapping[bytes, bytes] = {}
    if "sessions" not in unsound:
        keys_by_hint = pre_shared(profile, report)
    roots, spare = _provisioning(profile, provisioned, unsound, report)
    mutual = MutualAuthentication()
    if unsound.isdisjoint(("algorithms", "mutual_authentication")):
        mutual = mutual_authentication(profile, report)
    report.finish()
    return LoadedProfile(
        file=file,
        profile=profile,
        tree=report.tree,
        identity=pci_identity(profile),
        chains=provisioned,
        public_keys=keys,
        measurements=values,
        challenge_opaque=replies.opaque_data(profile, "challenge"),
        measurement_opaque=replies.opaque_data(profile, "measurements"),
        pre_shared=keys_by_hint,
        authority=roots,
        spare_keys=spare,
        mutual=mutual,
    )


def _provisioning(
    profile: Profile,
    provisioned: tuple[ProvisionedChain, ...],
    unsound: frozenset[str],
    report: Report,
) -> tuple[tuple[bytes, ...], SpareKeys]:
    """The roots of what may be installed, and the keys of slots that hold nothing yet."""
    if "provisioning" in unsound:
        return (), ()
    roots = authority(profile, report)
    if unsound.isdisjoint(("name", "identity", "algorithms", "slots", "capabilities")):
        return roots, spare_keys(profile, provisioned, report)
    return roots, ()


def sharing(loaded: LoadedProfile, other: LoadedProfile) -> LoadedProfile:
    """The same as `loaded`, sharing with `other` what is equal: most of a profile mostly is."""
    mine, theirs = loaded.profile, other.profile
    same = {
        name: getattr(theirs, name)
        for name in type(mine).model_fields
        if getattr(mine, name) == getattr(theirs, name)
    }
    measured = loaded.measurements == other.measurements
    return replace(
        loaded,
        profile=mine.model_copy(update=same),
        measurements=other.measurements if measured else loaded.measurements,
    )


def _validate(report: Report) -> Profile:
    """The model of the tree; with problems, as much of it as is sound."""
    data = plain(report.tree)
    try:
        return Profile.model_validate(data)
    except ValidationError as error:
        report.errors(error.errors(include_url=False, include_input=False))
    sound = {
        name: TypeAdapter(field.rebuild_annotation()).validate_python(data[name])
        for name, field in Profile.model_fields.items()
        if name in data and report.ok(name)
    }
    return Profile.model_construct(**sound)
