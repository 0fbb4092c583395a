"""Stage ready: the requester is told that its reply is not ready."""

from collections.abc import Iterator

from pydantic import Field

from emulator.faults.effect import Effect, Hit, Problem, Stage, effect
from emulator.faults.when import REQUEST_BIT, On
from emulator.forms import U8, U16
from emulator.spdm.codes import Code
from emulator.spdm.pending import MAY_WAIT, Readiness


@effect("not-ready", Stage.READY)
class ResponseNotReady(Effect):
    """ERROR ResponseNotReady; RESPOND_IF_READY fetches the reply.

    The numbers may be larger than a requester has to take.
    """

    rdt_exponent: U8 = Field(
        default=10, description="RDTExponent: the reply is ready after 2^n microseconds."
    )
    rdtm: U8 = Field(default=255, description="RDTM: it is kept for as many times as long.")
    tries: U16 = Field(
        default=0, description="How many RESPOND_IF_READY are told the same, however late."
    )

    def problems(self, on: On) -> Iterator[Problem]:
        """Requests that are always answered at once."""
        answers = on.answers()
        waiting = {code & ~REQUEST_BIT for code in MAY_WAIT}
        if answers is not None and not answers & waiting:
            names = ", ".join(sorted(code.name for code in MAY_WAIT))
            yield (), f"a request that may wait in on.message: {names}", ", ".join(on.message or ())

    def on_ready(self, hit: Hit, policy: Readiness | None) -> Readiness:
        """The policy for this request alone."""
        del policy
        code = Code(hit.situation.request[1])
        hit.note(f"{code.name} is not ready")
        return Readiness(frozenset({code}), self.rdt_exponent, self.rdtm, self.tries)
