"""The profile file: one model, which is also its JSON Schema and its reference.

What one value may be is said here; what several together may be is said in `checks.py`.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from emulator.device import Sizes as DeviceSizes
from emulator.device import Timing as DeviceTiming
from emulator.device.measurements import MAX_INDEX, MIN_INDEX
from emulator.faults import Rule, rule
from emulator.forms import U8, U16, U24, U32, U64, Delay, Hex, Line, Part, several, unique
from emulator.profile.algorithms import Algorithms
from emulator.profile.cxl import Cxl
from emulator.profile.disclosed import DeviceClass, LogEntry
from emulator.profile.fields import (
    AsymName,
    CapabilityName,
    DebugModes,
    FilePath,
    HashName,
    MeasurementType,
    OpaqueFormatName,
    OperationalModes,
    Registry,
    RequesterFlag,
    RequestName,
    SlotNumber,
    VersionText,
)
from emulator.profile.ide import Ide
from emulator.profile.limits import Limits
from emulator.profile.provisioning import ProvisioningSettings
from emulator.profile.requesters import MutualAuthentication
from emulator.profile.sessions import Sessions
from emulator.profile.tdisp import Tdisp
from emulator.spdm.capabilities import MAX_CT_EXPONENT, MIN_DATA_TRANSFER_SIZE
from emulator.spdm.messages.ready import MAX_RDT_EXPONENT
from emulator.spdm.pending import Readiness

SOURCES = ("text", "hex", "file", "digest", "number", "mode", "structured", "extended", "state")
"""Where a measurement's value comes from; exactly one of these keys."""

_AUTO, _CONTENTS, _HEX, _ELEMENTS = _OWN_TAGS = ("\0auto", "\0contents", "\0hex", "\0elements")
TAGS = frozenset({*_OWN_TAGS, *rule.TAGS, *several.TAGS})
"""Names of alternatives, which pydantic puts into the way to a value; no key looks like them."""


class Identity(Part):
    """The configuration-space registers of the function, and so the name in its certificate."""

    vendor: U16 = Field(description="Vendor ID.")
    device: U16 = Field(description="Device ID.")
    class_code: U24 = Field(description="Class Code: class, subclass, programming interface.")
    revision: U8 = Field(description="Revision ID.")
    subsystem_vendor: U16 | None = Field(
        default=None, description="Subsystem Vendor ID; null for a function that has none."
    )
    subsystem: U16 | None = Field(
        default=None, description="Subsystem ID; given together with subsystem_vendor."
    )
    serial: U64 | None = Field(
        default=None, description="Device Serial Number; null without that extended capability."
    )


class Sizes(Part):
    """What the device can send and take, in bytes."""

    data_transfer: int = Field(
        default=DeviceSizes.data_transfer,
        ge=MIN_DATA_TRANSFER_SIZE,
        le=0xFFFFFFFF,
        description="DataTransferSize: the largest message the device takes in one piece.",
    )
    max_message: U32 | None = Field(
        default=None, description="MaxSPDMmsgSize; null: the same as data_transfer."
    )
    transmit: int = Field(
        default=DeviceSizes.transmit,
        ge=MIN_DATA_TRANSFER_SIZE,
        le=0xFFFFFFFF,
        description="The largest message the device sends, whatever the requester takes."
        f" QEMU loses step over more than {DeviceSizes.transmit} bytes.",
    )
    certificate_portion: U16 = Field(
        default=DeviceSizes.certificate_portion,
        description="The largest portion of a chain in one CERTIFICATE; 0: as much as fits.",
    )


class AutoChains(Part):
    """Chains that the sample authority issues, one for each signature algorithm."""

    model: Literal["device", "alias", "generic"] = Field(
        default="device",
        description="The certificate model. device: the leaf has the hardware identity. alias: a"
        " device certificate stands above a leaf for the firmware, which has DICE's TcbInfo and"
        " changes with the measurements. generic: an ordinary leaf, since 1.3, not in slot 0.",
    )
    san: str | None = Field(
        default=None,
        description="The CMA name in the leaf's subjectAltName, taken as it is;"
        " null: the name of this identity; none: leave it out.",
    )
    include_root: bool = Field(
        default=True, description="Whether the root certificate stands in the chain."
    )
    key_of: int | None = Field(
        default=None,
        ge=0,
        le=7,
        description="The slot whose keys the leaves have; null: their own.",
    )
    common_name: Line | None = Field(
        default=None, min_length=1, description="The leaf's common name; null: the profile's name."
    )


class ChainFiles(Part):
    """A certificate chain and its key, from files."""

    certificates: list[FilePath] = Field(
        min_length=1,
        description="DER or PEM files, which may hold several certificates each:"
        " from the root, or the first below it, to the leaf.",
    )
    key: FilePath = Field(description="The leaf's private key, unencrypted PEM.")
    root: FilePath | None = Field(
        default=None,
        description="The root certificate, DER or PEM, for a chain that leaves it out;"
        " the SPDM chain starts with its hash.",
    )


class SlotContents(Part):
    """What a slot holds: chains of the sample authority, or chains from files."""

    auto: AutoChains | None = Field(
        default=None,
        description="Chains that the sample authority issues when the profile is loaded.",
    )
    chains: list[ChainFiles] | None = Field(
        default=None,
        min_length=1,
        description="Chains from files, one for each signature algorithm.",
    )


def _slot_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return _AUTO
    return _CONTENTS if isinstance(value, dict | SlotContents) else None


Slot = Annotated[
    Annotated[Literal["auto"], Tag(_AUTO)] | Annotated[SlotContents, Tag(_CONTENTS)],
    Discriminator(_slot_tag),
]
"""`auto` for short, or a mapping."""


def _filled(value: Any) -> Any:
    """The slots that are not emptied by null."""
    if not isinstance(value, dict):
        return value
    return {number: slot for number, slot in value.items() if slot is not None}


class KeyFile(Part):
    """A key pair from a file."""

    key: FilePath = Field(
        description="The private key, unencrypted PEM; requesters are given its public half."
    )


def _key_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return _AUTO
    return _CONTENTS if isinstance(value, dict | KeyFile) else None


PublicKey = Annotated[
    Annotated[Literal["auto"], Tag(_AUTO)] | Annotated[KeyFile, Tag(_CONTENTS)],
    Discriminator(_key_tag),
]
"""`auto`, or a file."""


class DeviceMode(Part):
    """What modes the device can tell of, and which of them are so."""

    operational_mode_capabilities: OperationalModes = Field(
        default=[], description="Modes of operation it can tell of."
    )
    operational_mode_state: OperationalModes = Field(default=[], description="The mode it is in.")
    device_mode_capabilities: DebugModes = Field(
        default=[], description="Ways of debugging it can tell of."
    )
    device_mode_state: DebugModes = Field(
        default=[], description="The ways it is, or has been, debugged."
    )


class Structured(Part):
    """A structured manifest: whose structure it has, and its bytes."""

    registry: Registry = Field(description="The standards body, by its name or number.")
    vendor: Hex = Field(
        default="", description="The vendor's identifier in that registry, as it is on the wire."
    )
    manifest: Hex = Field(default="", description="The manifest's bytes.")


class Measurement(Part):
    """One measurement: its index, its type, and exactly one key that gives its value."""

    index: int = Field(ge=MIN_INDEX, le=MAX_INDEX, description="Its index; each is used once.")
    type: MeasurementType = Field(description="DMTFSpecMeasurementValueType.")
    text: str | None = Field(default=None, description="What was measured, as text in UTF-8.")
    hex: Hex | None = Field(default=None, description="What was measured, as hexadecimal digits.")
    file: FilePath | None = Field(
        default=None, description="What was measured, as the bytes of a file."
    )
    digest: Hex | None = Field(
        default=None, description="The digest by measurement_hash of something not at hand."
    )
    number: U64 | None = Field(default=None, description="A secure-version-number.")
    mode: DeviceMode | None = Field(default=None, description="A device-mode.")
    structured: Structured | None = Field(default=None, description="A structured-manifest.")
    extended: list[str] | None = Field(
        default=None,
        min_length=1,
        description="What a hash-extend was extended by, in order, each as text in UTF-8;"
        " it begins as zeros.",
    )
    state: Literal["ide", "tdisp"] | None = Field(
        default=None,
        description="A hardware-configuration that shows what the device is doing: its IDE streams"
        " that are up, or its TDISP interfaces. See the reference of IDE.",
    )
    report: Literal["digest", "raw"] | None = Field(
        default=None,
        description="How it is reported unless the requester asks for raw values;"
        " null: raw for device-mode and secure-version-number and where measurement_hash is"
        " RAW_BIT, else the digest.",
    )
    shared: bool = Field(
        default=False,
        description="Whether it is the device's own, measured once for all its functions: each"
        " reports it, and a change in one is a change in all.",
    )


class Element(Part):
    """One element of the general opaque data table."""

    registry: Registry = Field(description="The standards body, by its name or number.")
    vendor: Hex = Field(
        default="", description="The vendor's identifier in that registry, as it is on the wire."
    )
    data: Hex = Field(default="", description="The element's data.")


def _table_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return _HEX
    return _ELEMENTS if isinstance(value, list) else None


Table = Annotated[
    Annotated[Hex, Tag(_HEX)]
    | Annotated[Annotated[list[Element], Field(min_length=1, max_length=0xFF)], Tag(_ELEMENTS)],
    Discriminator(_table_tag),
]
"""The general opaque data table: its bytes, or its elements."""


class OpaqueByFormat(Part):
    """The opaque data of one message, by the format that was negotiated."""

    FORMAT_0: Hex | None = Field(default=None, description="With OpaqueDataFmt0: any bytes.")
    FORMAT_1: Table | None = Field(
        default=None,
        description="With OpaqueDataFmt1: a general opaque data table, as bytes or as a list of"
        " elements.",
    )


class Opaque(Part):
    """Opaque data of replies. Without an agreed format there is none."""

    challenge: OpaqueByFormat = Field(
        default=OpaqueByFormat(), description="Opaque data of CHALLENGE_AUTH."
    )
    measurements: OpaqueByFormat = Field(
        default=OpaqueByFormat(), description="Opaque data of MEASUREMENTS."
    )


class NotReady(Part):
    """Replies that are not ready at first: ERROR ResponseNotReady, until RESPOND_IF_READY."""

    requests: Annotated[list[RequestName], AfterValidator(unique)] | None = Field(
        default=None,
        min_length=1,
        description="The requests that have to wait; null: every one whose reply is signed.",
    )
    rdt_exponent: int = Field(
        default=Readiness.rdt_exponent,
        ge=0,
        le=MAX_RDT_EXPONENT,
        description="RDTExponent: the reply is ready after 2^n microseconds.",
    )
    rdtm: int = Field(
        default=Readiness.rdtm,
        ge=2,
        le=0xFF,
        description="RDTM: it is kept for as many times as long.",
    )
    tries: U8 = Field(
        default=Readiness.tries,
        description="How many more RESPOND_IF_READY are told the same, however late they come.",
    )


class Timing(Part):
    """How long the device takes."""

    ct_exponent: int = Field(
        default=DeviceTiming.ct_exponent,
        ge=0,
        le=MAX_CT_EXPONENT,
        description="CTExponent: cryptography takes up to 2^n microseconds.",
    )
    delay: Delay = Field(
        default=DeviceTiming.delay,
        description="How long each reply is held back: seconds, or text such as 20ms.",
    )
    not_ready: NotReady | None = Field(
        default=None, description="Replies that are not ready at first; null: none."
    )


class Provisioned(Part):
    """What is taken as negotiated when a requester goes on after GET_VERSION without negotiating.

    The requester must be provisioned with the same.
    """

    version: VersionText = Field(description="The SPDM version.")
    requester_capabilities: Annotated[list[RequesterFlag], AfterValidator(unique)] = Field(
        default=[], description="The requester's capability flags by their names."
    )
    asym: AsymName | None = Field(default=None, description="The signature algorithm.")
    hash: HashName | None = Field(default=None, description="The base hash.")
    opaque_format: OpaqueFormatName | None = Field(
        default=None, description="The layout of opaque data."
    )


class Listener(Part):
    """Where the device listens unless the command line says otherwise."""

    host: Line = Field(default="127.0.0.1", min_length=1, description="Address or host name.")
    port: U16 = Field(default=2323, description="TCP port; 0 lets the system choose.")
    path: Line | None = Field(
        default=None,
        min_length=1,
        max_length=107,
        description="A Unix socket to listen on instead; only its owner may connect.",
    )


class Profile(Part):
    """A device for spdm-emulator."""

    profile: Literal[1] = Field(description="Version of this file format.")
    name: Line = Field(
        min_length=1,
        max_length=64,
        description="What logs, reports and certificates call the device.",
    )
    description: Line = Field(default="", description="One line for the list of profiles.")
    extends: str | None = Field(
        default=None,
        description="The profile this one changes: the name of a ready one, or a path relative"
        " to this file. Mappings are merged, lists are replaced.",
    )
    identity: Identity = Field(description="Who the device is on PCI.")
    versions: Annotated[list[VersionText], AfterValidator(unique)] = Field(
        default=["1.2", "1.3"],
        min_length=1,
        description="SPDM versions, in the order VERSION lists them; in quotes.",
    )
    capabilities: Annotated[list[CapabilityName], AfterValidator(unique)] = Field(
        default=["CERT", "CHAL"], description="Capability flags by their names."
    )
    algorithms: Algorithms = Field(default=Algorithms(), description="What can be negotiated.")
    sizes: Sizes = Field(default=Sizes(), description="What the device can send and take.")
    slots: Annotated[dict[SlotNumber, Slot], BeforeValidator(_filled)] = Field(
        default={},
        description="Certificate slots by number, 0 to 7: auto, or what a slot holds; null: empty,"
        " whatever the profile it extends has there.",
        json_schema_extra={"propertyNames": {"pattern": "^[0-7]$"}},
    )
    public_key: PublicKey | None = Field(
        default=None,
        description="The key whose public half requesters were given (PUB_KEY_ID): auto, one for"
        " each signature algorithm, or one from a file; null: certificates are used.",
    )
    measurements: list[Measurement] = Field(default=[], description="What the device measures.")
    measurement_log: list[LogEntry] = Field(
        default=[],
        description="What the measurement extension log (MEL) tells beside the measurements, which"
        " it begins with, and their changes.",
    )
    device_classes: list[DeviceClass] = Field(
        default=[],
        max_length=0xFF,
        description="What the device says it is in ENDPOINT_INFO; empty: a PCI function by its"
        " Vendor ID, Class Code and Revision ID. libspdm's requester refuses a signed ENDPOINT_INFO"
        " that DOE has to pad to a multiple of 4 bytes.",
    )
    opaque: Opaque = Field(default=Opaque(), description="Opaque data of its replies.")
    sessions: Sessions = Field(default=Sessions(), description="Secure sessions.")
    ide: Ide | None = Field(
        default=None, description="IDE, and IDE_KM with it; null: the device has none."
    )
    tdisp: Tdisp | None = Field(
        default=None, description="TEE device interfaces; null: the device has none."
    )
    cxl: Cxl | None = Field(
        default=None, description="CXL's IDE_KM, and TSP; null: the device speaks neither."
    )
    provisioning: ProvisioningSettings = Field(
        default=ProvisioningSettings(),
        description="What requesters may change for good: certificates and key pairs.",
    )
    mutual_authentication: MutualAuthentication = Field(
        default=MutualAuthentication(),
        description="How requesters authenticate themselves (MUT_AUTH).",
    )
    provisioned: Provisioned | None = Field(
        default=None, description="A negotiation that both sides know beforehand; null: none."
    )
    faults: list[Rule] = Field(
        default=[], description="How the device misbehaves; see the reference of faults."
    )
    presets: Annotated[list[Line], AfterValidator(unique)] = Field(
        default=[],
        description="Faults of the catalogue by their names, before the device's own; see the"
        " reference of presets.",
    )
    timing: Timing = Field(default=Timing(), description="How long it takes.")
    listener: Listener = Field(default=Listener(), description="Where it listens.")
    limits: Limits = Field(default=Limits(), description="How much of it peers may take up.")
    functions: Annotated[dict[str, dict[str, Any]], BeforeValidator(_filled)] = Field(
        default={},
        description="Further functions of the device by their names, each with a mailbox of its"
        " own: what each says otherwise than this profile, which is function 0; null: none,"
        " whatever the profile it extends has there.",
    )


DEVICE_KEYS = ("ide", "tdisp", "cxl")
"""What belongs to a whole device, for which its function 0 speaks."""

FUNCTION_KEYS = tuple(
    key
    for key in Profile.model_fields
    if key not in ("profile", "name", "description", "extends", "functions", *DEVICE_KEYS)
)
"""What a further function may say otherwise."""
