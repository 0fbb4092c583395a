"""Stage device, of sessions: they are lost, or end sooner or later than was agreed."""

from typing import Annotated, Literal

from pydantic import Field

from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.faults.effects.request import ErrorCodeField, error_message

_LEAST_PERIODS, _MOST_PERIODS = 0.01, 10_000


@effect("forget-session", Stage.DEVICE)
class ForgetSession(Effect):
    """The device has lost a session once the reply has left: there is no answer to its records.

    It is the session that the request came in or is about; outside of sessions the one opened last.
    """

    which: Literal["this", "others", "all"] = Field(
        default="this", description="That session, all others of the device, or both."
    )
    answer: ErrorCodeField | None = Field(
        default=None,
        description="An ERROR that answers the records of that session in the clear, by name or"
        " number; null: nothing does.",
    )

    def on_device(self, hit: Hit) -> None:
        """Lose it."""
        this, lost = hit.session, 0
        if this is not None and self.which != "others":
            told = None if self.answer is None else error_message(hit, self.answer)
            hit.forgotten.append((this, told))
            lost += 1
        if self.which != "this":
            for one in tuple(hit.device.sessions.live):
                if one is not this:
                    one.end()
                    lost += 1
        if lost:
            hit.note(f"forgot {lost} session{'s' if lost > 1 else ''}")


@effect("heartbeat-patience", Stage.DEVICE)
class HeartbeatPatience(Effect):
    """The device waits for another time than two heartbeat periods until it ends the session.

    Without a heartbeat nothing happens. HeartbeatPeriod itself is the field `heartbeat_period` of
    the reply that opens the session.
    """

    periods: Annotated[float, Field(ge=_LEAST_PERIODS, le=_MOST_PERIODS)] | None = Field(
        default=0.5, description="How many periods it waits; null: for ever."
    )

    def on_device(self, hit: Hit) -> None:
        """Wait otherwise from now on."""
        session = hit.session
        if session is None or not session.heartbeat or session.patience == self.periods:
            return
        session.patience = self.periods
        session.heard(hit.situation.now)
        hit.note(f"waits for {'ever' if self.periods is None else f'{self.periods:g} periods'}")
