"""Which request may come outside of sessions, and which inside: the rule, and its errors."""

from emulator.answer.registry import Row
from emulator.errors import SessionRequired, SpdmError, UnexpectedRequest, Unspecified
from emulator.spdm.session import Phase, Session
from emulator.spdm.versions import rules


def misplaced(version: int, reason: str) -> SpdmError:
    """What answers a request that is on the wrong side of a session's border.

    Before 1.2 there is no error of its own for it (libspdm
    `library/spdm_responder_lib/libspdm_rsp_heartbeat.c` and others).
    """
    error = SessionRequired if rules(version).session_required else Unspecified
    return error(reason)


def check_place(row: Row, version: int, session: Session | None) -> None:
    """Raise SpdmError for a request that may not come where it came; None: outside of sessions."""
    phase = Phase.CLEAR if session is None else session.phase
    # Plain integers: flag arithmetic of enum is a microsecond each.
    if int(row.where) & int(phase):
        return
    if session is None:
        raise misplaced(version, f"{row.code.name} outside of a session")
    raise UnexpectedRequest(f"{row.code.name} in a session, {phase.name or ''}")
