"""The steps of a verdict that are about measurements, outside of sessions and inside."""

from dataclasses import dataclass
from typing import Literal

from emulator.crypto import hashes
from emulator.requester import evidence
from emulator.requester.asker import Asker
from emulator.requester.flow import Flow
from emulator.requester.measuring import Measured, measure_all
from emulator.requester.steps import Steps
from emulator.spdm.capabilities import MEAS, Cap
from emulator.spdm.messages.measurements import ContentChanged

MeasurementMode = Literal["all", "one-by-one", "none"]


@dataclass
class MeasurementSteps:
    """Reading measurements in one conversation, and what to say of it.

    Attributes:
        asker: the conversation.
        steps: where the steps go.
        mode: read at once, one by one, or not at all.
        raw: ask for raw measurements rather than digests.
        prefix: what the names of the steps begin with.
        proved: some signature was good.
    """

    asker: Asker
    steps: Steps
    mode: MeasurementMode
    raw: bool
    prefix: str = ""
    proved: bool = False

    def read(self, slot: int | None) -> Flow[Measured | None]:
        """GET_MEASUREMENTS as asked for; None where there are none to judge.

        `slot`: whose key signs; None: nobody's is known, so nothing is to be signed.
        """
        asker, steps = self.asker, self.steps
        count_step, read_step, signature_step = (
            f"{self.prefix}{name}"
            for name in ("measurement count", "measurements", "measurement signature")
        )
        theirs = asker.connection.peer_capabilities
        reason = ""
        if self.mode == "none":
            reason = "not asked for"
        elif not theirs & MEAS:
            reason = "the device does not offer measurements"
        if reason:
            steps.skipped(reason, count_step, read_step, signature_step)
            return None
        count = yield from steps.attempt(count_step, asker.measurement_count())
        if count is None:
            return None
        steps.passed(count_step, f"the device has {count}", {"count": count})
        signed_by = slot if Cap.MEAS_SIG in theirs else None
        flow = measure_all(
            asker,
            count=count,
            one_by_one=self.mode == "one-by-one",
            signed_by=signed_by,
            raw=self.raw,
        )
        found, problem = yield from steps.attempt_signed(read_step, flow)
        if found is None:
            return None
        last = found.readings[-1]
        good = last.content_changed != ContentChanged.CHANGED and len(found.measurements) == count
        steps.judged(read_step, *evidence.measurements(found), ok=good)
        if signed_by is not None:
            covers = f"negotiation and {last.covered} readings"
            made = last.reply.signature
            self.signed("measurement signature", covers, problem, last.transcript_hash, made)
        elif Cap.MEAS_SIG in theirs:
            steps.skipped("nobody's key is known that could sign", signature_step)
        else:
            steps.skipped("the device does not sign measurements", signature_step)
        return found

    def signed(
        self, step: str, covers: str, problem: str, transcript_hash: bytes, made: bytes
    ) -> None:
        """A signature's own step: what is wrong with it or '', what it covers, and itself."""
        whose = "provisioned key" if self.asker.public_key else "leaf"
        detail = problem or f"it is the {whose}'s, over {covers}"
        facts = evidence.signature(transcript_hash, made)
        self.steps.judged(f"{self.prefix}{step}", detail, facts, ok=not problem)
        self.proved = self.proved or not problem

    def summarise(self, message: str, stated: bytes, measured: Measured | None) -> None:
        """The measurement summary hash in `message` against the measurements."""
        step = f"{self.prefix}measurement summary"
        chosen = self.asker.connection.algorithms.hash
        if not stated or measured is None or chosen is None:
            self.steps.skipped("there is nothing to compare", step)
        elif self.raw:
            self.steps.skipped("it covers digests, not raw measurements", step)
        else:
            computed = hashes.digest(chosen.name, *(one.block for one in measured.measurements))
            told = evidence.summary(message, stated, computed)
            self.steps.judged(step, *told, ok=stated == computed)
