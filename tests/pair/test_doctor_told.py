"""What the doctor says is in the log, in the recording, in a run's verdict, and an event."""

import io
import json
import logging

import jsonschema
import pytest
from careless import CarelessWire
from secured import able_device

from emulator import events
from emulator.campaign.watch import Watch
from emulator.endpoint import Diagnosed, Event
from emulator.record import ENCODERS, RecordedEndpoint, Recorder, Tape, read
from emulator.report.event import event_line
from emulator.requester import Direction
from emulator.serve.events import log_events
from emulator.serve.telling import Tally, Teller
from emulator.spdm.doctor import Diagnosis

SAID = "your TH1 is upside down"
KNOWN = Diagnosed(Diagnosis("upside-down", SAID), 0x00E6EB1E)


class Heard:
    """Keeps events."""

    listening = True

    def __init__(self) -> None:
        self.events: list[events.Event] = []

    def tell(self, event: events.Event) -> None:
        self.events.append(event)


def told(event: Event) -> dict[str, object]:
    """The JSON object of what an endpoint tells."""
    heard = Heard()
    Teller("one", heard, Tally()).observe(3)(event)
    [found] = heard.events
    made = events.stamped(found, time="2026-01-31T12:00:00.5Z", emulator="lab", sequence=1)
    jsonschema.Draft202012Validator(events.schema()).validate(made)
    return made


def test_it_is_an_event() -> None:
    found = told(KNOWN)
    assert found["event"] == "diagnosis"
    assert (found["mistake"], found["what"]) == ("upside-down", SAID)
    assert (found["session"], found["connection"]) == ("00e6eb1e", 3)
    line = event_line(found)
    assert line.endswith(
        f"one connection 3: diagnosis mistake=upside-down what={json.dumps(SAID)} session=00e6eb1e"
    )
    found = told(Diagnosed(Diagnosis("", "none")))
    assert "mistake" not in found
    assert "session" not in found


def test_it_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log_events(able_device())(2)(KNOWN)
    [line] = caplog.records
    assert line.levelno == logging.WARNING
    assert line.getMessage().endswith(f"connection 2: doctor: {SAID}")
    assert vars(line)["mistake"] == "upside-down"


def test_it_is_in_a_run_s_verdict_once() -> None:
    watch = Watch()
    observe = watch.observe(1)
    observe(KNOWN)
    observe(KNOWN)
    assert watch.diagnoses == [SAID]


def test_it_is_a_comment_on_the_reply_in_a_recording() -> None:
    stream, held = io.BytesIO(), able_device()
    recorder = Recorder(stream, ENCODERS["pcapng"](), clock=lambda: 1, limit=1 << 20)
    wire = CarelessWire(held)
    recorded = RecordedEndpoint(held, tape=Tape(recorder), observer=wire.events.append)
    recorded.responder = wire.endpoint.responder
    wire.endpoint = recorded
    session = wire.by_key()
    session.ask(session.finish_request(wrong=1))
    [said] = wire.diagnoses()
    last = read("memory", stream.getvalue()).packets[-1]
    assert last.direction is Direction.REPLY
    doctor, refused = last.comments
    assert doctor == f"doctor: {said.diagnosis}"
    assert refused.startswith("ERROR DECRYPT_ERROR: the requester's verify data")
