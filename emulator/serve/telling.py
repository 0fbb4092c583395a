"""What is told of a device that is served: the events of its connections and of itself."""

from typing import Literal, Protocol

from emulator import events
from emulator.device.changes import (
    CertificateChange,
    Change,
    InterfaceChange,
    MeasurementChange,
    Offer,
    RequesterDescribed,
    RequesterJudged,
    Reset,
    StreamChange,
)
from emulator.endpoint import (
    Answered,
    Diagnosed,
    Ended,
    Event,
    Faulted,
    Ignored,
    Limited,
    Observer,
    Received,
)
from emulator.spdm import codes

_ERROR_CODE = 2


class Hearer(Protocol):
    """Whoever hears events.

    Attributes:
        listening: whether telling is of any use.
    """

    @property
    def listening(self) -> bool: ...  # noqa: D102 - above

    def tell(self, event: events.Event) -> None:
        """Take an event, at once."""
        ...


class Tally:
    """What a device has done since it is served.

    Attributes:
        requests: requests it was asked.
        errors: how many of them were refused.
        silent: how many had no response.
        fired: how often a fault reached in.
        limited: how often a connection came upon a limit for the first time.
    """

    def __init__(self) -> None:
        self.requests = self.errors = self.silent = self.fired = self.limited = 0

    def as_json(self) -> dict[str, int]:
        """The numbers by their names."""
        return dict(vars(self))


class Teller:
    """Tells what happens to one device, and counts it."""

    def __init__(self, name: str, hearer: Hearer, tally: Tally) -> None:
        self._name = name
        self._hearer = hearer
        self._tally = tally

    def observe(self, number: int) -> Observer:
        """An observer of the connection of this number."""
        asked = b""

        def observe(event: Event) -> None:
            nonlocal asked
            match event:
                case Received(raw=raw):
                    self._tally.requests += 1
                    asked = raw
                case Answered() | Ignored():
                    self._step(number, asked, event)
                    asked = b""
                case Faulted(fault=fault):
                    self._tally.fired += 1
                    self.tell(
                        events.FaultFired(
                            device=self._name,
                            connection=number,
                            rule=fault.rule,
                            stage=fault.stage,
                            what=fault.what,
                        )
                    )
                case Diagnosed(diagnosis=diagnosis, session=session):
                    self.tell(
                        events.Diagnosis(
                            device=self._name,
                            connection=number,
                            mistake=diagnosis.mistake or None,
                            what=diagnosis.explanation,
                            session=None if session is None else f"{session:08x}",
                        )
                    )
                case Limited(limit=limit, what=what):
                    self._tally.limited += 1
                    self.tell(
                        events.LimitReached(
                            device=self._name, connection=number or None, limit=limit, what=what
                        )
                    )
                case Ended(reason=reason):
                    self.tell(
                        events.ConnectionDown(device=self._name, connection=number, reason=reason)
                    )

        return observe

    def met(self, number: int, peer: str) -> None:
        """A peer has connected."""
        self.tell(events.ConnectionUp(device=self._name, connection=number, peer=peer))

    def changed(self, change: Change) -> None:
        """Something about the device has changed."""
        name = self._name
        match change:
            case MeasurementChange(index=index, pending=pending):
                self.tell(events.MeasurementChanged(device=name, index=index, pending=pending))
            case CertificateChange(slot=slot):
                self.tell(events.CertificateChanged(device=name, slot=slot))
            case StreamChange(port=port, stream=stream, secure=secure, why=why):
                state: Literal["secure", "insecure"] = "secure" if secure else "insecure"
                self.tell(
                    events.IdeStream(device=name, port=port, stream=stream, state=state, why=why)
                )
            case InterfaceChange(function=function, state=now, why=why):
                self.tell(events.TdispState(device=name, function=function, state=now, why=why))
            case RequesterJudged(slot=slot, problems=problems):
                told = list(problems)
                self.tell(events.RequesterAccepted(device=name, slot=slot, problems=told))
            case RequesterDescribed(classes=classes, signed=signed):
                said = [one.hex() for one in classes]
                self.tell(events.RequesterEndpoint(device=name, classes=said, signed=signed))
            case Reset():
                self.tell(events.DeviceReset(device=name))
            case Offer(what=what):
                self.tell(events.DeviceChanged(device=name, changes=list(what)))

    def tell(self, event: events.Event) -> None:
        """Tell it, where anybody hears."""
        if self._hearer.listening:
            self._hearer.tell(event)

    def _step(self, number: int, asked: bytes, event: Answered | Ignored) -> None:
        raw = event.raw if isinstance(event, Answered) else b""
        refused = event.error if isinstance(event, Answered) else None
        is_error = raw[1:2] == bytes((codes.Code.ERROR,))
        self._tally.errors += is_error
        self._tally.silent += not raw
        # What came was no request at all where nothing was asked.
        if len(asked) < _ERROR_CODE or not self._hearer.listening:
            return
        reason = str(refused) if refused is not None else None
        if isinstance(event, Ignored):
            reason = event.reason
        self._hearer.tell(
            events.Step(
                device=self._name,
                connection=number,
                request=codes.name(asked[1]),
                reply=codes.name(raw[1]) if len(raw) >= _ERROR_CODE else None,
                result="error" if is_error else "answered" if raw else "silent",
                error=codes.error_name(raw[_ERROR_CODE]) if is_error and raw[2:] else None,
                reason=reason,
            )
        )
