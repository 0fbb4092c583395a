"""What a device asks of the requester by encapsulated requests: a queue, and what is under way.

A `Question` says what is to be asked and nothing of how: `answer/asking.py` has that. It may take
several requests, each a `Step`. All of it is values: the commit point puts the next one in place,
so that an exchange that does not stand leaves everything as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.versions import Version

IDS = 0x100
"""Request ids are a byte."""

PASSING = frozenset(
    {
        Code.GET_VERSION,
        Code.GET_ENCAPSULATED_REQUEST,
        Code.DELIVER_ENCAPSULATED_RESPONSE,
        Code.RESPOND_IF_READY,
        Code.CHUNK_SEND,
        Code.CHUNK_GET,
    }
)
"""What a requester may send while an answer of its own is due."""


@dataclass(frozen=True)
class Question:
    """Something that a device asks.

    Attributes:
        urgent: nothing else is answered until it was asked.
    """

    urgent: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class NewKeyQuestion(Question):
    """KEY_UPDATE: the device takes a new key of its own, in an established session."""


@dataclass(frozen=True)
class EventsQuestion(Question):
    """SEND_EVENT: the device tells what waits in a session."""


@dataclass(frozen=True)
class EndpointInfoQuestion(Question):
    """GET_ENDPOINT_INFO: what the requester is, signed where that can be verified."""


@dataclass(frozen=True)
class IdentityQuestion(Question):
    """GET_DIGESTS and GET_CERTIFICATE, and for who is to prove it CHALLENGE.

    Attributes:
        slot: the requester's slot; NO_SLOT: a key that was provisioned.
        challenge: CHALLENGE follows.
        session: the session that the requester is authenticated for, or None.
    """

    slot: int
    challenge: bool = False
    session: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What an answer to a step comes to.

    Attributes:
        next: the next request; None: the question is answered.
        slot: the requester's slot to be used from now on, told with the end.
        closing: the last step before the acknowledgement is sealed.
        effects: what else changes, at the commit point.
    """

    next: "Step | None" = None
    slot: int | None = None
    closing: Callable[[], None] | None = None
    effects: tuple[Callable[[], None], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One request of the device's.

    Attributes:
        request: the whole message.
        accept: what its answer comes to, by the exchange that brings it and its bytes; it changes
            nothing, and raises PeerError for an answer that is none.
    """

    request: bytes
    accept: Callable[..., Progress]


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked on a connection, outside of sessions, or in one session.

    Attributes:
        queue: what is to be asked, in order.
        step: the request whose answer is due, or None.
        number: its id.
    """

    queue: tuple[Question, ...] = ()
    step: Step | None = None
    number: int = 0

    @property
    def due(self) -> bool:
        """Whether the requester has to answer before anything else."""
        return self.step is not None or any(one.urgent for one in self.queue)

    def also(self, question: Question) -> Self:
        """With one more to ask, unless the same is waiting already."""
        return self if question in self.queue else replace(self, queue=(*self.queue, question))


IDLE = Asking()
"""Nothing is asked."""


def encapsulates(version: int, capabilities: Cap) -> bool:
    """Whether a side with these capabilities takes part in encapsulated requests.

    1.2.0 and 1.2.1 had MUT_AUTH stand for ENCAP (libspdm
    `library/spdm_common_lib/libspdm_com_context_data.c`, `libspdm_is_encap_supported`).
    """
    wanted = Cap.ENCAP | Cap.MUT_AUTH if version == Version.V1_2 else Cap.ENCAP
    return version > Version.V1_0 and bool(int(capabilities) & int(wanted))
