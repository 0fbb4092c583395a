"""What a profile says of requesters that authenticate themselves."""

from typing import Literal

from pydantic import Field

from emulator.forms import Part
from emulator.profile.fields import FilePath


class RequesterChain(Part):
    """A requester's chain that needs not be fetched."""

    certificates: list[FilePath] = Field(
        min_length=1,
        description="DER or PEM files, which may hold several certificates each:"
        " from the root, or the first below it, to the leaf.",
    )
    root: FilePath | None = Field(
        default=None, description="The root certificate, for a chain that leaves it out."
    )


class MutualAuthentication(Part):
    """How requesters authenticate themselves: when they are asked, and whom the device believes."""

    challenge: bool = Field(
        default=False,
        description="CHALLENGE_AUTH asks for it (basic mutual authentication): the requester's"
        " chain is fetched, and it is challenged.",
    )
    key_exchange: Literal["none", "without-encapsulation", "encapsulated", "digests"] = Field(
        default="none",
        description="How KEY_EXCHANGE_RSP asks for it. without-encapsulation: by a chain that was"
        " accepted before on the connection, or one of `chains`. encapsulated: the chain is"
        " fetched. digests: the same, and the first request, GET_DIGESTS, is implied.",
    )
    slot: int = Field(
        default=0, ge=0, le=7, description="The requester's slot whose chain is used."
    )
    anchors: list[FilePath] | None = Field(
        default=None,
        description="Files of the roots that are trusted, DER or PEM; null: those of the sample"
        " authority.",
    )
    chains: list[RequesterChain] = Field(
        default=[], description="Requesters' chains that are known, one an algorithm at most."
    )
    public_keys: list[FilePath] = Field(
        default=[],
        description="Files of public keys, PEM or DER, of requesters that have no certificates"
        " (PUB_KEY_ID); the first that serves the algorithm agreed is used.",
    )
    failure: Literal["refuse", "warn"] = Field(
        default="refuse",
        description="What comes of a chain that is not trusted. refuse: ERROR InvalidResponseCode,"
        " and there is no session. warn: it is accepted, and an event says what is wrong with it."
        " A wrong signature is always refused.",
    )
    mandatory: bool = Field(
        default=False,
        description="Whether KEY_EXCHANGE of a requester that cannot do this is answered with"
        " ERROR InvalidPolicy (up to 1.2 Unspecified) instead of a session without it.",
    )
