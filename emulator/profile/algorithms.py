"""What a device offers in a negotiation, as a profile says it."""

from typing import Annotated

from pydantic import AfterValidator, Field

from emulator.forms import Part, unique
from emulator.profile.fields import (
    AeadName,
    AsymName,
    DheName,
    HashName,
    KeyScheduleName,
    MeasurementHashName,
    OpaqueFormatName,
)


class Algorithms(Part):
    """What the device offers in a negotiation. Lists are in order of preference."""

    asym: Annotated[list[AsymName], AfterValidator(unique)] = Field(
        default=["ECDSA_P384", "ECDSA_P256"],
        description="Signature algorithms. A slot has a chain for each one it serves.",
    )
    hash: Annotated[list[HashName], AfterValidator(unique)] = Field(
        default=["SHA_384", "SHA_256"], min_length=1, description="Base hashes."
    )
    measurement_hash: MeasurementHashName | None = Field(
        default=None,
        description="The one hash of the measurements, RAW_BIT for raw values only,"
        " null without measurements.",
    )
    opaque_format: Annotated[list[OpaqueFormatName], AfterValidator(unique)] = Field(
        default=["FORMAT_1"],
        description="Layouts of opaque data. With both in common, FORMAT_1 is selected.",
    )
    dhe: Annotated[list[DheName], AfterValidator(unique)] = Field(
        default=[], description="Groups of Diffie-Hellman key exchanges."
    )
    aead: Annotated[list[AeadName], AfterValidator(unique)] = Field(
        default=[], description="What seals the records of sessions."
    )
    req_asym: Annotated[list[AsymName], AfterValidator(unique)] = Field(
        default=[], description="Signature algorithms of requesters, in mutual authentication."
    )
    key_schedule: Annotated[list[KeyScheduleName], AfterValidator(unique)] = Field(
        default=[], description="Key schedules of sessions. There is one."
    )
