"""One way in which a requester may have computed a handshake."""

from dataclasses import dataclass, field
from typing import Literal

from emulator.spdm import signing
from emulator.spdm.chain import CertificateChain
from emulator.spdm.codes import Code
from emulator.spdm.doctor.recipe import Recipe
from emulator.spdm.session_transcript import SIGNATURE, VERIFY_DATA
from emulator.spdm.transcript import Entry, View
from emulator.wire import Shape

FINISHES = frozenset({Code.FINISH, Code.PSK_FINISH})
_REPLIES = frozenset({Code.KEY_EXCHANGE_RSP, Code.PSK_EXCHANGE_RSP})

Bound = Literal["header", "session id", "nothing"]
"""What of a record's header is associated data: all of it, where all is right."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is not computed, but known, and what mistakes can be made with.

    Attributes:
        version: the negotiated SPDMVersion.
        hash: the base hash.
        aead: the AEAD algorithm.
        psk: the session is of a pre-shared key.
        in_the_clear: FINISH goes outside of the session.
        asked: the shape of KEY_EXCHANGE and PSK_EXCHANGE.
        replied: the shape of their replies.
        chain: the chain whose hash stands in the transcript.
        chains: the chains of all slots, for this signature algorithm.
        said: what was said about certificates: GET_DIGESTS, DIGESTS, GET_CERTIFICATE, CERTIFICATE.
        room: the largest message that a reply went in; larger ones went in chunks. 0: any.
        handle: the handle of the large reply that came last.
    """

    version: int
    hash: str
    aead: str
    psk: bool
    in_the_clear: bool
    asked: Shape
    replied: Shape
    chain: CertificateChain | None = None
    chains: tuple[CertificateChain, ...] = ()
    said: View = ()
    room: int = 0
    handle: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a requester may have computed it.

    Attributes:
        facts: what is known.
        recipe: the key schedule.
        shared: the shared secret, or the pre-shared key.
        exchange: TH1's view.
        finish: the view that FINISH's verify data covers, or its signature.
        whole: TH2's view.
        sequence: the number of the first record under a key.
        bound: what of its header is associated data.
        handshake_keys: data goes under the handshake's keys still.
        prefix: the version in a signature's prefix; 0: there is none.
        context: a signature's context string.
    """

    facts: Facts
    recipe: Recipe
    shared: bytes = field(repr=False)
    exchange: View
    finish: View
    whole: View
    sequence: int = 0
    bound: Bound = "header"
    handshake_keys: bool = False
    prefix: int = 0
    context: str = signing.FINISH


def views(view: View) -> tuple[View, View, View]:
    """What of a session's transcript TH1, FINISH's proof and TH2 cover."""
    proofs = [index for index, entry in enumerate(view) if entry.told == VERIFY_DATA]
    finish = next((index for index, entry in enumerate(view) if is_finish(entry)), len(view))
    exchange = 1 + next((at for at, entry in enumerate(view) if _opens(entry)), len(view))
    exchange += any(entry.told == SIGNATURE for entry in view[exchange : exchange + 1])
    return view[:exchange], view[: min([at for at in proofs if at > finish] or [len(view)])], view


def _opens(entry: Entry) -> bool:
    return not entry.told and len(entry.raw) > 1 and entry.raw[1] in _REPLIES


def is_finish(entry: Entry) -> bool:
    """Whether it is FINISH or PSK_FINISH."""
    return not entry.told and len(entry.raw) > 1 and entry.raw[1] in FINISHES
