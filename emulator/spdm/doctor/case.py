"""What the doctor has to look at.

A case refers to the session: its secrets are the session's own, and are gone when these are. What
does not fit raises an `UnprovenError`, which brings the case to whoever has a doctor.
"""

from dataclasses import dataclass

from emulator.errors import DecryptError
from emulator.spdm.capabilities import Cap
from emulator.spdm.chain import CertificateChain
from emulator.spdm.codes import Code
from emulator.spdm.doctor.attempt import Attempt, Facts, views
from emulator.spdm.doctor.evidence import Evidence
from emulator.spdm.doctor.recipe import Recipe
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.session import Session
from emulator.spdm.session_transcript import CHAIN
from emulator.spdm.transcript import View
from emulator.spdm.versions import rules

_SUMMARY_TYPE = 2


@dataclass(frozen=True, slots=True)
class Case:
    """What does not fit, and where.

    Attributes:
        session: the session.
        evidence: what came from the requester.
        view: the session's transcript up to there, without the evidence.
    """

    session: Session
    evidence: Evidence
    view: View


class UnprovenError(DecryptError):
    """Verify data, a signature, or the first record under a key does not fit.

    Attributes:
        case: what the doctor looks at.
    """

    def __init__(self, reason: str, case: Case) -> None:
        super().__init__(reason)
        self.case = case


@dataclass(frozen=True, slots=True)
class Known:
    """What a mistake may be made with, beside the session.

    Attributes:
        chains: the chains of all slots, for the negotiated signature algorithm.
        said: what was said about certificates.
        room: the largest message that replies went in; larger ones went in chunks. 0: any.
        handle: the handle of the large reply that came last.
    """

    chains: tuple[CertificateChain, ...] = ()
    said: View = ()
    room: int = 0
    handle: int = 0


def right(case: Case, known: Known) -> Attempt | None:
    """The attempt without a mistake; None where the session's secret was not kept."""
    session, connection = case.session, case.session.context
    shared, algorithms = session.secrets.kept, connection.algorithms
    if not shared or algorithms.hash is None or algorithms.aead is None:
        return None
    name = algorithms.hash.name
    held = [entry.raw for entry in case.view if entry.told == CHAIN]
    facts = Facts(
        version=connection.version,
        hash=name,
        aead=algorithms.aead.name,
        psk=session.psk,
        in_the_clear=not session.psk and connection.both(Cap.HANDSHAKE_IN_THE_CLEAR),
        asked=connection.shape(),
        replied=connection.shape(summary=_summarised(case.view)),
        chain=next((one for one in known.chains if one.digest(name) in held), None),
        chains=known.chains,
        said=known.said,
        room=known.room,
        handle=known.handle,
    )
    exchange, finish, whole = views(case.view)
    recipe = Recipe.right(connection.version, name, psk=session.psk)
    return Attempt(
        facts,
        recipe,
        bytes(shared),
        exchange,
        finish,
        whole,
        prefix=connection.version if rules(connection.version).signing_prefix else 0,
    )


def _summarised(view: View) -> bool:
    """Whether the exchange asked for a measurement summary."""
    codes = {Code.KEY_EXCHANGE, Code.PSK_EXCHANGE}
    asked = [entry.raw for entry in view if not entry.told and entry.raw[1] in codes]
    return bool(asked) and asked[0][_SUMMARY_TYPE] != SummaryType.NONE
