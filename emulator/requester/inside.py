"""The steps of an attestation that open sessions, and what is done inside of them.

    key exchange → signature → finish → heartbeat → key update → measurements → IDE keys → TLPs
    → interface → measurements once more → end

and, where both have ENCAP, what the device asks before measurements are read;
and the same without a signature for each pre-shared key. A session that cannot be opened where one
was asked for is a failure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from emulator.device.measured_state import StateOf, ide_value, tdisp_value
from emulator.errors import SignatureMismatch
from emulator.requester import evidence, ide_steps, measured_link, tdisp_steps
from emulator.requester.flow import Flow
from emulator.requester.ide_steps import IdeSteps
from emulator.requester.measuring import Measured
from emulator.requester.reading import MeasurementMode, MeasurementSteps
from emulator.requester.requester import Requester
from emulator.requester.session import SecureSession
from emulator.requester.steps import Steps
from emulator.requester.tdisp_steps import TdispSteps
from emulator.requester.verdict import Step
from emulator.spdm import codes
from emulator.spdm.capabilities import MEAS, PSK_ANY, Cap
from emulator.spdm.messages import KeyExchangeRsp
from emulator.spdm.messages.challenge import NO_SLOT, SummaryType

_FIRST = ("finish", "heartbeat", "key update")
_MEASURED = (
    "measurement count",
    "measurements",
    "measurement signature",
    "measurement summary",
    "comparison",
)


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """The sessions that an attestation is to open.

    Attributes:
        key_exchange: one by KEY_EXCHANGE.
        psk: one with each of these pre-shared keys, by their hints.
        ide: bring up an IDE stream in each, measure, and take it down.
        traffic: let TLPs go over the IDE stream, by a driver that has a link.
        tdisp: lock and start the interface of this FUNCTION_ID in each, measure, and stop it;
            None: no interface.
    """

    key_exchange: bool = False
    psk: Mapping[bytes, bytes] = field(default_factory=dict)
    ide: bool = False
    traffic: bool = False
    tdisp: int | None = None

    def plan(self) -> tuple[str, ...]:
        """The names of the steps they take."""
        found: list[str] = []
        up, down = (ide_steps.BEFORE, ide_steps.AFTER) if self.ide else ((), ())
        if self.ide and self.traffic:
            up = (*up, *ide_steps.TRAFFIC)
        if self.tdisp is not None:
            up, down = (*up, *tdisp_steps.BEFORE), (*tdisp_steps.AFTER, *down)
        again = measured_link.STEPS if up else ()
        later = (*_FIRST, *_MEASURED, *up, *again, *down, "end")
        if self.key_exchange:
            found += ["session", "session signature", *(f"session {one}" for one in later)]
        for name in self.psk_names().values():
            found += [name, *(f"{name} {one}" for one in later)]
        return tuple(found)

    def psk_names(self) -> dict[bytes, str]:
        """What the steps of each pre-shared key begin with, by its hint."""
        return {
            hint: f"psk session {number}" if number > 1 else "psk session"
            for number, hint in enumerate(self.psk, 1)
        }


NO_SESSIONS = Sessions()


@dataclass
class SessionSteps:
    """Opening the sessions that are wanted.

    Attributes:
        requester: connected.
        steps: where the steps go.
        mode: how measurements are read inside.
        raw: ask for raw measurements rather than digests.
        signer: the slot whose key the device is known by, or 0xFF; None: none is known.
        outside: what was measured outside of sessions, or None.
        wanted: the sessions; `take` sets it.
        proved: the device has proved something: by a signature, or by the use of a shared key.
    """

    requester: Requester
    steps: Steps
    mode: MeasurementMode
    raw: bool
    signer: int | None
    outside: Measured | None
    wanted: Sessions = NO_SESSIONS
    proved: bool = False

    def take(self, wanted: Sessions) -> Flow[None]:
        """All that are wanted, one after the other."""
        self.wanted = wanted
        theirs = self.requester.connection.peer_capabilities
        summary = SummaryType.ALL if theirs & MEAS else SummaryType.NONE
        if wanted.key_exchange:
            if Cap.KEY_EX not in theirs:
                self.steps.failed("session", "the device does not offer KEY_EX")
            elif self.signer is None:
                self.steps.failed("session", "the device is known by no key")
            else:
                flow = self.requester.key_exchange(self.signer, summary=summary)
                yield from self._session("session", flow)
        for hint, name in wanted.psk_names().items():
            if not theirs & PSK_ANY:
                self.steps.failed(name, "the device does not offer PSK")
                continue
            flow = self.requester.psk_exchange(hint, wanted.psk[hint], summary=summary)
            yield from self._session(name, flow)

    def _session(self, name: str, opening: Flow[SecureSession]) -> Flow[None]:
        """One session, from its exchange to its end."""
        steps = self.steps
        try:
            session = yield from steps.attempt(name, opening)
        except SignatureMismatch as error:
            steps.failed(f"{name} signature", str(error))
            return
        if session is None:
            return
        steps.passed(name, *evidence.session(session.opened, session.connection))
        reading = MeasurementSteps(session, steps, self.mode, self.raw, prefix=f"{name} ")
        opened = session.opened
        if isinstance(opened.reply, KeyExchangeRsp):
            # What is signed is verified before there is a session.
            certified = "" if self.signer == NO_SLOT else ", certificates"
            covers = f"negotiation{certified} and key exchange"
            made = opened.reply.signature
            reading.signed("signature", covers, "", opened.transcript_hash, made)
        if (yield from steps.attempt(f"{name} finish", _done(session.finish()))) is None:
            return
        asked = isinstance(opened.reply, KeyExchangeRsp) and opened.reply.mutual_auth
        accepted = ", and the device has accepted who we are" if asked else ""
        steps.passed(f"{name} finish", f"both sides have the same secrets{accepted}")
        self.proved = True
        yield from self._keep(name, session)
        measured = None
        if session.live:
            measured = yield from reading.read(self.signer)
            reading.summarise("the exchange's reply", opened.reply.summary, measured)
            self._compare(name, measured)
        parts = self._parts(name, session)
        yield from _in_order(session, [part.bring_up for part in parts])
        if parts and session.live:
            yield from self._measure_link(name, session, measured, parts)
        yield from _in_order(session, [part.tear_down for part in reversed(parts)])
        if session.live:
            ended = yield from steps.attempt(f"{name} end", _done(session.end_session()))
            if ended:
                steps.passed(f"{name} end", "the device has ended it")
        else:
            steps.failed(f"{name} end", "it had broken before")

    def _parts(self, name: str, session: SecureSession) -> list[IdeSteps | TdispSteps]:
        """What is brought up before the measurements, and taken down after them."""
        parts: list[IdeSteps | TdispSteps] = []
        ide = None
        if self.wanted.ide:
            ide = IdeSteps(session, self.steps, name, traffic=self.wanted.traffic)
        if ide is not None:
            parts.append(ide)
        if self.wanted.tdisp is not None:
            parts.append(TdispSteps(session, self.steps, name, self.wanted.tdisp, ide))
        return parts

    def _measure_link(
        self,
        name: str,
        session: SecureSession,
        before: Measured | None,
        parts: Sequence[IdeSteps | TdispSteps],
    ) -> Flow[None]:
        """The measurements once more: they show what was brought up."""
        chosen = session.connection.algorithms.measurement_hash
        names = [f"{name} {one}" for one in measured_link.STEPS]
        if before is None or chosen is None:
            self.steps.skipped("there is nothing to compare", *names)
            return
        reading = MeasurementSteps(session, self.steps, self.mode, self.raw, prefix=f"{name} link ")
        after = yield from reading.read(self.signer)
        if after is None:
            return
        expected: dict[StateOf, bytes] = {}
        for part in parts:
            if isinstance(part, IdeSteps):
                expected[StateOf.IDE] = ide_value(part.shown())
            else:
                expected[StateOf.TDISP] = tdisp_value(part.shown())
        told, good = measured_link.judge_link(before, after, expected, chosen.name)
        self.steps.taken.append(Step(names[-1], good, *told))

    def _keep(self, name: str, session: SecureSession) -> Flow[None]:
        """HEARTBEAT and KEY_UPDATE, where they were agreed."""
        steps = self.steps
        period = session.session.heartbeat
        if not period:
            steps.skipped("the device asks for none", f"{name} heartbeat")
        elif (yield from steps.attempt(f"{name} heartbeat", _done(session.heartbeat()))):
            steps.passed(f"{name} heartbeat", f"one is due every {period} s", {"period": period})
        if not session.connection.both(Cap.KEY_UPD):
            steps.skipped("the device does not offer KEY_UPD", f"{name} key update")
        elif session.live and (
            yield from steps.attempt(f"{name} key update", _done(session.update_keys()))
        ):
            steps.passed(f"{name} key update", "both sides have new keys")
        if session.live and session.connection.both(Cap.ENCAP):
            asked = yield from steps.attempt(f"{name} requests", session.encapsulated())
            if asked is not None:
                told = ", ".join(map(codes.name, asked)) or "nothing"
                steps.passed(f"{name} requests", f"the device asked {told}", {"asked": asked})

    def _compare(self, name: str, measured: Measured | None) -> None:
        """What was measured inside of the session against what was outside."""
        step = f"{name} comparison"
        if measured is None or self.outside is None:
            self.steps.skipped("there is nothing to compare", step)
            return
        inside, outside = (
            {one.index: one.block for one in found.measurements}
            for found in (measured, self.outside)
        )
        differ = [
            index
            for index in sorted(inside.keys() | outside.keys())
            if inside.get(index) != outside.get(index)
        ]
        detail = "measured as outside of the session"
        if differ:
            detail = f"index {', '.join(map(str, differ))} measured otherwise than outside"
        self.steps.judged(step, detail, {"differ": differ}, ok=not differ)


def _in_order(session: SecureSession, flows: Sequence[Callable[[], Flow[None]]]) -> Flow[None]:
    """One after the other, as long as the session lives."""
    for flow in flows:
        if session.live:
            yield from flow()


def _done(flow: Flow[None]) -> Flow[bool]:
    """True once `flow` is through, for `Steps.attempt`, to which None means that it failed."""
    yield from flow
    return True
