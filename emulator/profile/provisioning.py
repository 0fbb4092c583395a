"""What a profile says of what requesters may change for good: certificates and key pairs."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from emulator.forms import Part, Vocabulary, choice, unique
from emulator.profile.fields import FilePath
from emulator.spdm.key_pairs import KeyPairCap

OPERATIONS = Vocabulary(tuple(flag.name for flag in KeyPairCap if flag.name))
OperationName = Annotated[str, AfterValidator(OPERATIONS.check), choice(OPERATIONS)]

MAX_SPARE = 64
"""The most key pairs without a slot."""


class ProvisioningSettings(Part):
    """What requesters may change for good. The defaults are strict."""

    slots: list[Annotated[int, Field(ge=0, le=7)]] | None = Field(
        default=None,
        max_length=8,
        description="The slots that SET_CERTIFICATE may write, the others are locked; null: those"
        " that the profile has. One without contents in the profile has a key, and is empty.",
    )
    trusted: bool = Field(
        default=False,
        description="Whether the surroundings are trusted: slots above 0 may be written outside"
        " of sessions.",
    )
    authority: list[FilePath] = Field(
        default=[],
        description="Files of the roots, PEM or DER, of which a chain must come to be installed;"
        " none: of any root.",
    )
    check_key: bool = Field(
        default=True,
        description="Whether a chain that is installed must be for the key of its slot.",
    )
    key_pairs: Literal["real", "told"] = Field(
        default="real",
        description="real: SET_KEY_PAIR_INFO erases and generates keys. told: it changes only what"
        " KEY_PAIR_INFO tells of them.",
    )
    key_operations: Annotated[list[OperationName], AfterValidator(unique)] = Field(
        default=list(OPERATIONS.offered),
        description="What SET_KEY_PAIR_INFO may do to each key pair.",
    )
    spare_key_pairs: int = Field(
        default=0,
        ge=0,
        le=MAX_SPARE,
        description="How many key pairs without a key there are besides those of slots.",
    )
    takes_effect: Literal["at-once", "when-read"] = Field(
        default="at-once",
        description="at-once: a chain that was installed is the slot's. when-read: a connection"
        " goes on with the chain it was shown until it reads the slot again.",
    )
