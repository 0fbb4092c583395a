"""The published schema of events holds for what a run really tells."""

import json
from pathlib import Path
from typing import Any

import jsonschema
from devices import GET_VERSION
from typer.testing import CliRunner
from unit.control.desks import lab
from unit.serve.loopback import served, until

from emulator.cli.controlled import controlled
from emulator.cli.main import app
from emulator.device.changes import RequesterDescribed, RequesterJudged
from emulator.device.tdi import Lock, LockFlags
from emulator.events import KINDS, schema
from emulator.link import PLACES

PUBLISHED = Path(__file__).parents[3] / "docs" / "reference" / "events.schema.json"

ELSEWHERE = {"diagnosis", "dropped", "limit"}
"""What is told only of sessions, by a carrier that drops, and of a device that has limits."""

LOCK = Lock(LockFlags(0), 0, 0, 0, None)

BUSY = {"name": "busy", "on": {"message": "GET_DIGESTS"}, "do": ["busy"]}


async def everything_that_is_told(folder: Path) -> list[dict[str, Any]]:
    """The events of a run in which all there is to tell happens."""

    async def reload() -> dict[str, list[str]]:
        return {"added": ["new"], "removed": [], "changed": [], "unchanged": ["one"]}

    async with lab(["one"]) as at:
        at.control.desk.reload = reload
        with at.control.subscribe() as heard:
            async with controlled(at.control.desk, folder / "control.sock"):
                await at.fleet.start(served("two"))
                await at.call("recording.start", file=str(folder / "one.pcapng"))
                await at.call("faults.add", rules=[BUSY])
                async with at.client() as peer:
                    await peer.ask(GET_VERSION)
                    await peer.ask(b"\x12\x81\x00\x00")
                await until(lambda: not at.fleet.served["one"].connections())
                await at.call("measurement.change", index=2, text="other")
                await at.call("slot.swap")
                at.fleet.served["one"].device.tell(RequesterJudged(1, ("anchor: none",)))
                at.fleet.served["one"].device.tell(RequesterDescribed((b"\0\0\0",), signed=True))
                await at.call("device.reset")
                await at.fleet.start(served("linked", profile="everything"))
                ide = at.fleet.served["linked"].device.ide
                assert ide is not None
                for place in PLACES[:6]:
                    ide.ports[3].selective[0].program(place, bytes(32), 1)
                    ide.ports[3].selective[0].go(place)
                tdi = at.fleet.served["linked"].device.tdi
                assert tdi is not None
                tdi.by_function[0xBEEF].take_lock(LOCK, bytes(32))
                await at.call("ide.register", devices=["linked"], port=3, index=3, value=0)
                await at.call("profile.set", devices=["one"], set=["sizes.transmit=1024"])
                await at.call("recording.stop")
                at.control.desk.hub.trouble("the disk is full")
                await at.call("fleet.reload")
                await at.fleet.stop("two", "it is taken away")
            return heard.take()


async def test_every_event_of_a_run_fits_the_published_schema(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(PUBLISHED.read_text(encoding="utf-8")))
    told = await everything_that_is_told(tmp_path)
    for event in told:
        validator.validate(event)
    assert {event["event"] for event in told} == KINDS.keys() - ELSEWHERE
    steps = {event["result"] for event in told if event["event"] == "step"}
    assert steps == {"answered", "error"}
    assert [event["sequence"] for event in told] == list(
        range(told[0]["sequence"], told[-1]["sequence"] + 1)
    )


def test_the_published_schema_is_what_the_command_prints() -> None:
    ran = CliRunner().invoke(app, ["ctl", "schema"])
    assert json.loads(ran.output) == json.loads(PUBLISHED.read_text(encoding="utf-8")) == schema()


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
