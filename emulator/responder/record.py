"""What an accepted request does to its connection: what of it is signed, recorded and changed."""

from emulator.answer.exchange import Outcome, Signing
from emulator.errors import Unspecified
from emulator.spdm.codes import Code
from emulator.spdm.connection import Connection
from emulator.spdm.pending import TRANSPARENT
from emulator.spdm.signing import ToSign
from emulator.spdm.state import after
from emulator.spdm.transcript import Entry, Part, resets


def to_sign(
    connection: Connection, signing: Signing, version: int, entries: tuple[Entry, ...]
) -> ToSign:
    """What is signed: the parts that `signing` names, and then this exchange.

    Raises Unspecified without a negotiated hash.
    """
    base_hash = connection.algorithms.hash
    if base_hash is None:
        raise Unspecified("a signature without a negotiated hash")
    before = signing.before
    if before is None:
        before = connection.transcript.view(signing.parts)
    return ToSign(
        version=version,
        context=signing.context,
        hash=base_hash.name,
        view=before + entries,
    )


def check_room(
    connection: Connection, code: Code, part: Part, entries: tuple[Entry, ...], most: int
) -> None:
    """Raise Unspecified where the part is too full to take this exchange: `most` bytes at most.

    A part that the request starts anew takes it, however full it is.
    """
    fits = connection.transcript.fits(part, entries, most)
    if not fits and part not in resets(code, connection.state):
        raise Unspecified(f"part {part.name} of the transcript is full", limit="transcript")


def apply(connection: Connection, code: Code, outcome: Outcome, entries: tuple[Entry, ...]) -> None:
    """Change the connection, and then the device, as `outcome` of the request `code` says."""
    state = connection.state
    if outcome.restart:
        connection.restart()
    transcript = connection.transcript
    emptied = resets(code, state)
    transcript.reset(emptied)
    if Part.M in emptied:
        connection.measured = None
    if outcome.record is not None:
        transcript.append(outcome.record, entries)
    if outcome.first is not None and not transcript.part(outcome.first):
        transcript.append(outcome.first, entries[-1:])
    transcript.reset(outcome.clears)
    if code not in TRANSPARENT:
        connection.pending = None
    if outcome.changes:
        connection.change(outcome.changes)
    connection.state = after(state, code)
    for effect in outcome.effects:
        effect()
