"""The steps of an attestation that lock an interface, look at it, start it, and stop it again.

What the device refuses fails its step; an interface that was locked is stopped in any case.
"""

from dataclasses import dataclass
from typing import TypeVar

from emulator.ask.tdisp import supported
from emulator.device.measured_state import InterfaceEntry
from emulator.device.tdi import LockFlags, TdiState
from emulator.errors import PeerError
from emulator.requester.flow import Flow
from emulator.requester.ide_steps import IdeSteps
from emulator.requester.session import SecureSession
from emulator.requester.steps import Steps
from emulator.requester.tdisp import TdiHost
from emulator.vendor.tdisp.messages import Report

_T = TypeVar("_T")
_NONE = LockFlags(0)

BEFORE = ("tdisp version", "tdisp capabilities", "tdisp lock", "tdisp report", "tdisp start")
"""The steps before measurements are read."""

AFTER = ("tdisp stop",)
"""The steps after that."""


@dataclass
class TdispSteps:
    """One interface.

    Attributes:
        session: the session it is locked in.
        steps: where the steps go.
        name: what their names begin with.
        function: its FUNCTION_ID.
        ide: the stream that was brought up for it; None: stream 0 is asked for.
    """

    session: SecureSession
    steps: Steps
    name: str
    function: int
    ide: IdeSteps | None = None
    _locked: bool = False
    _state: TdiState = TdiState.CONFIG_UNLOCKED
    _flags: LockFlags = _NONE

    @property
    def stream(self) -> int:
        """The default stream to ask for."""
        return 0 if self.ide is None or self.ide.keyed is None else self.ide.keyed

    @property
    def _host(self) -> TdiHost:
        return self.session.interface(self.function)

    def shown(self) -> list[InterfaceEntry]:
        """What a device that measures its interfaces has to show of them."""
        if not self._locked:
            return []
        return [
            InterfaceEntry(
                function=self.function,
                state=self._state,
                default_stream=self.stream,
                lock_flags=self._flags,
            )
        ]

    def bring_up(self) -> Flow[None]:
        """From its version to RUN, as far as the device goes along."""
        version, capabilities, lock, report, start = (f"{self.name} {one}" for one in BEFORE)
        told = yield from self._attempt(version, self._host.version())
        if told is None:
            return
        listed = [f"{one >> 4}.{one & 0xF}" for one in told]
        self.steps.passed(version, ", ".join(listed), {"versions": listed})
        able = yield from self._attempt(capabilities, self._host.capabilities())
        if able is None:
            return
        requests = [one.name for one in supported(able)]
        flags = _names(able.lock_flags_supported)
        detail = f"{len(requests)} requests, lock flags {', '.join(flags) or 'none'}"
        facts = {"requests": requests, "lock_flags": flags, "address_width": able.address_width}
        self.steps.passed(capabilities, detail, facts)
        nonce = yield from self._attempt(lock, self._lock(able.lock_flags_supported))
        if nonce is None:
            return
        facts = {"function": self.function, "stream": self.stream, "lock_flags": flags}
        self.steps.passed(lock, f"function {self.function:#06x} is CONFIG_LOCKED", facts)
        told_report = yield from self._attempt(report, self._host.report())
        if told_report is not None:
            self.steps.passed(report, *_report(told_report))
        if (yield from self._attempt(start, self._start(nonce))):
            self.steps.passed(start, f"function {self.function:#06x} is in RUN")

    def tear_down(self) -> Flow[None]:
        """STOP_INTERFACE, where it was locked: it must have stayed in RUN until now."""
        (name,) = (f"{self.name} {one}" for one in AFTER)
        if not self._locked:
            self.steps.skipped("it was not locked", name)
            return
        before = yield from self._attempt(name, self._stop())
        if before is not None:
            detail = f"function {self.function:#06x} is CONFIG_UNLOCKED"
            good = before is TdiState.RUN
            detail += "" if good else f", and was in {before.name} before"
            self.steps.judged(name, detail, {"before": before.name}, ok=good)

    def _lock(self, flags: LockFlags) -> Flow[bytes]:
        """The nonce of an interface that is locked now, with all the flags it supports."""
        yield from self._expect(TdiState.CONFIG_UNLOCKED)
        nonce = yield from self._host.lock(flags, stream=self.stream)
        self._locked, self._flags = True, flags
        yield from self._expect(TdiState.CONFIG_LOCKED)
        return nonce

    def _start(self, nonce: bytes) -> Flow[bool]:
        yield from self._host.start(nonce)
        yield from self._expect(TdiState.RUN)
        return True

    def _stop(self) -> Flow[TdiState]:
        """Where it stood before it was stopped."""
        before = yield from self._host.state()
        yield from self._host.stop()
        yield from self._expect(TdiState.CONFIG_UNLOCKED)
        return before

    def _expect(self, state: TdiState) -> Flow[None]:
        """Raise PeerError where the interface stands elsewhere."""
        found = yield from self._host.state()
        self._state = found
        if found is not state:
            raise PeerError(f"the interface is in {found.name} where {state.name} is right")

    def _attempt(self, name: str, flow: Flow[_T]) -> Flow[_T | None]:
        """Run `flow`; what the device does wrong fails the step `name`, and gives None."""
        try:
            return (yield from flow)
        except PeerError as error:
            self.steps.failed(name, str(error))
            return None


def _names(flags: LockFlags) -> list[str]:
    return [one.name or "" for one in LockFlags if one in flags]


def _report(told: Report) -> tuple[str, dict[str, object]]:
    pages = sum(one.pages for one in told.ranges)
    facts: dict[str, object] = {
        "info": int(told.info),
        "msi_x_message_control": told.msi_x_message_control,
        "ranges": [
            {
                "first_page": one.first_page,
                "pages": one.pages,
                "attributes": int(one.attributes),
                "id": one.id,
            }
            for one in told.ranges
        ],
        "specific": told.specific.hex(),
    }
    return f"{len(told.ranges)} ranges, {pages} pages in all", facts
