"""Operations on devices while peers are attached to them."""

from pathlib import Path
from typing import Any

import pytest
from devices import GET_VERSION, get_capabilities
from unit.control.desks import lab
from unit.serve.loopback import until

from emulator.control import Wanted
from emulator.control.operation import OPERATIONS
from emulator.record import read

BUSY = bytes((0x10, 0x7F, 0x03, 0))
RESYNCH = 0x43
UNEXPECTED = 0x04
ALWAYS_BUSY = {"name": "busy", "do": ["busy"]}


async def test_devices_are_told_with_what_they_did() -> None:
    async with lab() as at, at.client() as peer:
        await peer.ask(GET_VERSION)
        await peer.ask(b"\x10\x81\x00\x00")
        listed = await at.call("devices.list")
        assert list(listed) == ["one", "two"]
        assert listed["one"]["address"] == at.fleet.served["one"].at
        counted = {key: listed["one"][key] for key in ("connections", "requests", "errors")}
        assert counted == {"connections": 1, "requests": 2, "errors": 1}
        assert listed["two"]["requests"] == 0
        detail = (await at.call("device.get", devices=["one"]))["one"]
        assert [one["connection"] for one in detail["open"]] == [1]
        assert detail["open"][0]["state"] == "AFTER_VERSION"
        assert detail["measurements"][0]["type"] == "immutable-rom"
        assert list(detail["slots"]["0"]["chains"]) == ["ECDSA_P256", "ECDSA_P384"]
        info = await at.call("emulator.info")
        assert (info["devices"], info["connections"], info["emulator"]) == (2, 1, "lab")
        snapshot = await at.call("snapshot", devices=["t*"])
        assert snapshot["two"]["values"]["sizes"]["transmit"] == 4600


async def test_faults_reach_open_connections_with_the_next_request() -> None:
    async with lab() as at, at.client() as peer, at.client("two") as other:
        assert (await peer.ask(GET_VERSION))[1] == 0x04
        added = await at.call("faults.add", devices=["one"], rules=[ALWAYS_BUSY])
        assert added == {"one": ["busy"]}
        assert (await peer.ask(GET_VERSION))[:4] == BUSY
        assert (await other.ask(GET_VERSION))[1] == 0x04
        listed = await at.call("faults.list")
        assert [(one["name"], one["stage"], one["fired"]) for one in listed["one"]] == [
            ("busy", "request", 1)
        ]
        assert listed["one"][0]["rule"] == {"name": "busy", "do": [{"busy": {}}]}
        assert listed["two"] == []
        assert await at.call("faults.clear", devices=["one"], names=["busy"]) == {"one": []}
        assert (await peer.ask(GET_VERSION))[1] == 0x04


async def test_a_rule_that_stays_goes_on_counting_where_it_stood() -> None:
    third = {"name": "third", "on": {"nth": 3}, "do": ["busy"]}
    never = {"name": "never", "on": {"message": "CHALLENGE"}, "do": ["busy"]}
    async with lab() as at, at.client() as peer:
        await at.call("faults.add", rules=[third])
        replies = [await peer.ask(GET_VERSION), await peer.ask(GET_VERSION)]
        await at.call("faults.add", rules=[never])
        replies += [await peer.ask(GET_VERSION), await peer.ask(GET_VERSION)]
        assert [reply[:4] == BUSY for reply in replies] == [False, False, True, False]
        await at.call("faults.clear", names=["never"])
        assert [one["fired"] for one in (await at.call("faults.list"))["one"]] == [1]
        # Another rule of the same name is another rule.
        assert await at.refused("faults.add", rules=[third]) == (
            "invalid",
            ['two rules are named "third"; expected one of each'],
        )
        await at.call("faults.add", rules=[{**third, "on": {"nth": 1}}], replace=True)
        assert (await peer.ask(GET_VERSION))[:4] == BUSY


async def test_a_preset_is_armed_and_cleared_by_its_name() -> None:
    async with lab(["one"]) as at:
        armed = await at.call("faults.add", presets=["busy-once", "signature-flipped"])
        assert await at.call("faults.clear", names=["busy-once"]) == {
            "one": [name for name in armed["one"] if not name.startswith("busy-once")]
        }


@pytest.mark.parametrize("text", [True, False])
async def test_a_measurement_changes_now_or_with_the_next_reset(text: bool) -> None:  # noqa: FBT001
    value = {"text": "new"} if text else {"hex": b"new".hex()}
    async with lab(["one"]) as at:
        measurements = at.fleet.served["one"].device.measurements
        assert await at.call("measurement.change", index=1, **value) == {"one": 1}
        assert next(iter(measurements)).value == b"new"
        await at.call("measurement.change", index=1, text="later", when="reset")
        assert next(iter(measurements)).value == b"new"
        assert await at.call("device.reset") == {"one": 1}
        assert next(iter(measurements)).value == b"later"


@pytest.mark.parametrize(("resynch", "code"), [(True, RESYNCH), (False, UNEXPECTED)])
async def test_a_reset_leaves_connections_and_takes_what_they_agreed(
    resynch: bool,  # noqa: FBT001
    code: int,
) -> None:
    async with lab(["one"]) as at, at.client() as peer:
        await peer.ask(GET_VERSION)
        await peer.ask(get_capabilities())
        await at.call("device.reset", resynch=resynch)
        reply = await peer.ask(b"\x12\x81\x00\x00")
        assert (reply[1], reply[2]) == (0x7F, code)
        assert (await peer.ask(GET_VERSION))[1] == 0x04


async def test_slots_are_swapped_filled_and_emptied() -> None:
    async with lab(["one"]) as at:
        device = at.fleet.served["one"].device
        held = device.slots[0]
        assert await at.call("slot.swap", **{"slot": 0, "with": 1}) == {"one": [1]}
        assert device.slots[1] is held
        assert await at.call("slot.set", slot=0, contents="auto") == {"one": [0, 1]}
        assert device.slots[0].chains.keys() == held.chains.keys()
        assert await at.call("slot.set", slot=1, contents=None) == {"one": [0]}


async def test_a_profile_value_holds_for_new_connections() -> None:
    async with lab(["one"]) as at, at.client() as old:
        changed = await at.call("profile.set", set=["versions=['1.3']", "name=other"])
        assert changed == {"one": ["name", "versions"]}
        async with at.client() as new:
            assert _versions(await old.ask(GET_VERSION)) == [0x12, 0x13]
            assert _versions(await new.ask(GET_VERSION)) == [0x13]
        assert await at.call("profile.get", path="versions") == {"one": ["1.3"]}
        assert list(await at.call("connections.list")) == ["one"]
        numbers = [one["connection"] for one in (await at.call("connections.list"))["one"]]
        assert numbers[0] == 1


async def test_open_connections_of_a_former_profile_are_not_cut_off() -> None:
    """QEMU has one connection for good: what is done later reaches it all the same."""
    async with lab(["one"]) as at, at.client() as old:
        await old.ask(GET_VERSION)
        await at.call("profile.set", set=["versions=['1.3']"])
        with at.control.subscribe() as heard:
            await at.call("faults.add", rules=[ALWAYS_BUSY])
            assert (await old.ask(GET_VERSION))[:4] == BUSY
            await at.call("faults.clear")
            await at.call("measurement.change", index=1, text="x")
            await at.call("slot.swap")
            await at.call("device.reset")
            kinds = [event["event"] for event in heard.take()]
        assert kinds.count("measurement.changed") == kinds.count("device.reset") == 1
        former = at.fleet.served["one"].lives[1]
        assert (next(iter(former.measurements)).value, list(former.slots)) == (b"x", [1])
        assert _versions(await old.ask(GET_VERSION)) == [0x12, 0x13]
        await at.call("profile.set", set=["versions=['1.2']"], holds="reset")
        assert _versions(await old.ask(GET_VERSION)) == [0x12]
    assert len(at.fleet.served) == 0


async def test_a_profile_applied_by_a_reset_holds_for_open_connections() -> None:
    async with lab(["one"]) as at, at.client() as peer:
        await at.call("faults.add", rules=[{"name": "late", "on": {"nth": 2}, "do": ["busy"]}])
        changed = await at.call("profile.apply", profile="minimal-1.0", holds="reset")
        assert "versions" in changed["one"]
        assert _versions(await peer.ask(GET_VERSION)) == [0x10]
        # What was armed live stays armed.
        assert (await peer.ask(GET_VERSION))[:4] == BUSY
        assert (await at.call("devices.list"))["one"]["profile"] == "minimal-1.0"


async def test_armed_faults_go_along_to_a_changed_profile() -> None:
    async with lab(["one"]) as at:
        await at.call("faults.add", rules=[ALWAYS_BUSY])
        await at.call("profile.set", set=["sizes.transmit=1024"])
        async with at.client() as peer:
            assert (await peer.ask(GET_VERSION))[:4] == BUSY


async def test_connections_are_listed_and_dropped() -> None:
    async with lab(["one"]) as at, at.client() as first, at.client() as second:
        for peer in (first, second):
            await peer.ask(GET_VERSION)
        listed = await at.call("connections.list")
        assert [one["connection"] for one in listed["one"]] == [1, 2]
        with at.control.subscribe() as heard:
            assert await at.call("connections.drop", connection=1) == {"one": 1}
            assert await first.ended() == b""
            assert (await second.ask(GET_VERSION))[1] == 0x04
            told = [event for event in heard.take() if event["event"] == "connection.down"]
            assert [(event["connection"], event["reason"]) for event in told] == [
                (1, "dropped by control")
            ]


async def test_a_recording_begins_under_an_open_connection(tmp_path: Path) -> None:
    file = tmp_path / "live.pcapng"
    async with lab(["one"]) as at, at.client() as peer:
        await peer.ask(GET_VERSION)
        started = await at.call("recording.start", file=str(file))
        assert started == {"file": str(file), "packets": 0, "size": file.stat().st_size}
        code, problems = await at.refused("recording.start", file=str(file))
        assert (code, problems) == (
            "conflict",
            [f"recording.start: {file} is being recorded; stop that first"],
        )
        await peer.ask(GET_VERSION)
        stopped = await at.call("recording.stop")
        assert (stopped["packets"], stopped["size"]) == (2, file.stat().st_size)
        await peer.ask(GET_VERSION)
        assert (await at.call("recording.get"))["file"] is None
        await at.call("connections.drop")
        assert len(read(str(file), file.read_bytes()).packets) == 2
        assert (await at.refused("recording.stop"))[0] == "conflict"
        code, problems = await at.refused("recording.start", file=str(tmp_path / "no" / "file"))
        assert (code, problems) == ("failed", [f"{tmp_path}/no/file: No such file or directory"])


async def test_a_recording_that_ends_by_itself_is_told(tmp_path: Path) -> None:
    file = tmp_path / "short.pcapng"
    async with lab(["one"]) as at, at.client() as peer:
        with at.control.subscribe(Wanted(kinds=("error",))) as heard:
            at.control.desk.recordings.start(file, limit=200)
            for _ in range(3):
                assert (await peer.ask(GET_VERSION))[1] == 0x04
            told = [event["what"] for event in heard.take()]
        assert told == [f"the recording {file} has ended: its limit is reached"]


async def test_what_happens_is_told() -> None:
    async with lab(["one"]) as at:
        with at.control.subscribe() as heard:
            async with at.client() as peer:
                await peer.ask(GET_VERSION)
                await peer.ask(b"\x10\x99\x00\x00")
                await at.call("faults.add", rules=[ALWAYS_BUSY])
                await peer.ask(GET_VERSION)
                await at.call("faults.clear")
                await at.call("measurement.change", index=2, text="x")
                await at.call("slot.swap")
                await at.call("device.reset")
                await at.call("profile.set", set=["timing.delay=0"])
            await until(lambda: not at.fleet.served["one"].connections())
            await at.fleet.stop("one", "enough")
            told = heard.take()
        assert [event["sequence"] for event in told] == list(range(len(told)))
        assert [event["event"] for event in told] == [
            "connection.up",
            "step",
            "step",
            "faults.changed",
            "fault.fired",
            "step",
            "faults.changed",
            "measurement.changed",
            "certificate.changed",
            "certificate.changed",
            "device.reset",
            "device.changed",
            "connection.down",
            "device.down",
        ]
        steps = [event for event in told if event["event"] == "step"]
        assert [(one["request"], one["reply"], one["result"]) for one in steps] == [
            ("GET_VERSION", "VERSION", "answered"),
            ("0x99", "ERROR", "error"),
            ("GET_VERSION", "ERROR", "error"),
        ]
        assert steps[1]["error"] == "UNSUPPORTED_REQUEST"


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("faults.ad", {}, "unknown-operation", 'operation: found "faults.ad"; expected one of '),
    (
        "devices.list",
        {"devices": ["three"]},
        "not-found",
        'devices: found "three"; expected a device of one, two',
    ),
    (
        "device.get",
        {"devices": ["tow"]},
        "not-found",
        'devices: found "tow"; expected a device of one, two; did you mean two?',
    ),
    (
        "device.reset",
        {"resync": True},
        "invalid",
        "device.reset: resync: found an unknown key; expected one of devices, resynch; did you",
    ),
    (
        "emulator.info",
        {"x": 1},
        "invalid",
        "emulator.info: x: found an unknown key; expected no arguments",
    ),
    (
        "measurement.change",
        {},
        "invalid",
        "measurement.change: index: found nothing; expected a value",
    ),
    (
        "measurement.change",
        {"index": 1},
        "invalid",
        "measurement.change: arguments: found neither; expected one of text and hex",
    ),
    (
        "measurement.change",
        {"index": 1, "text": "a", "hex": "00"},
        "invalid",
        "measurement.change: arguments: found both; expected one of text and hex",
    ),
    (
        "measurement.change",
        {"index": 1, "hex": "0"},
        "invalid",
        'measurement.change: hex: found "0"; expected pairs of hexadecimal digits',
    ),
    (
        "measurement.change",
        {"index": 9, "text": ""},
        "not-found",
        "one: index: found 9; expected the index of a measurement: 1, 2, 3, 4",
    ),
    (
        "slot.swap",
        {"slot": 1, "with": 1},
        "invalid",
        "slot.swap: arguments: found 1 with itself; expected two slots",
    ),
    (
        "slot.swap",
        {"slot": 6, "with": 7},
        "not-found",
        "one: slot: found 6 and 7; expected two slots, one of which holds a chain: 0",
    ),
    ("slot.set", {"slot": 0, "contents": "own"}, "invalid", "--set slots.0: slots.0: found "),
    (
        "profile.set",
        {"set": ["sizes.transmit=8"]},
        "invalid",
        "--set sizes.transmit: sizes.transmit: found the number 8; expected a whole number from",
    ),
    ("profile.apply", {"profile": "nvme"}, "invalid", ""),
    (
        "profile.get",
        {"path": "sizes.transmitt"},
        "not-found",
        'path: sizes.transmitt: found "transmitt"; expected one of',
    ),
    ("profile.get", {"path": "versions[7]"}, "not-found", 'path: versions[7]: found "7"; expected'),
    ("profile.get", {"path": "..."}, "invalid", 'path: found "..."; expected one such as'),
    ("faults.add", {}, "invalid", "faults.add: found no rules; expected presets or rules"),
    ("faults.add", {"presets": ["buzy-once"]}, "invalid", 'preset: found "buzy-once"; expected'),
    ("faults.add", {"rules": [{"name": "x"}]}, "invalid", "given: rules[0].do: found nothing"),
    (
        "faults.add",
        {"rules": [{"name": "x", "do": [{"change-measurement": {"index": 77}}]}]},
        "invalid",
        'fault "x": do[0].change-measurement.index: found 77; expected the index of',
    ),
    (
        "faults.clear",
        {"names": ["x"]},
        "not-found",
        'names: found "x"; expected none, as none is armed',
    ),
    (
        "fleet.reload",
        {},
        "conflict",
        "fleet.reload: the devices come from no fleet file",
    ),
    ("emulator.stop", {}, "conflict", "emulator.stop: this one is not to be ended from outside"),
]


@pytest.mark.parametrize(("operation", "arguments", "code", "problem"), REFUSED)
async def test_a_refusal_says_what_would_be_right(
    operation: str, arguments: dict[str, Any], code: str, problem: str
) -> None:
    async with lab() as at:
        before = await at.call("snapshot")
        found, problems = await at.refused(operation, **arguments)
        assert found == code
        assert problems[0].startswith(problem)
        assert await at.call("snapshot") == before


async def test_a_device_that_may_not_have_a_rule_leaves_all_as_they_were() -> None:
    rule = {"name": "x", "do": [{"change-measurement": {"index": 1}}]}
    async with lab(["one"]) as at:
        await at.call(
            "profile.set",
            set=[
                "measurements=[]",
                "capabilities=[CERT, CHAL]",
                "algorithms.measurement_hash=null",
            ],
        )
        assert (await at.refused("faults.add", rules=[rule]))[0] == "invalid"
        assert await at.call("faults.list") == {"one": []}


def test_every_operation_says_what_it_does() -> None:
    for name, operation in OPERATIONS.items():
        assert operation.about.endswith("."), name
        for field in operation.arguments.model_fields.values():
            assert field.description, name
        assert operation.result.json_schema(mode="serialization") is not None


async def test_the_fleet_tells_of_itself_while_it_is_reloaded() -> None:
    async with lab(["one"]) as at:

        async def reload() -> dict[str, list[str]]:
            return {"added": ["three"], "removed": [], "changed": [], "unchanged": ["one"]}

        at.control.desk.reload = reload
        with at.control.subscribe() as heard:
            assert (await at.call("fleet.reload"))["unchanged"] == ["one"]
            assert [event["added"] for event in heard.take()] == [["three"]]


async def test_the_emulator_is_told_to_stop() -> None:
    async with lab(["one"]) as at:
        stopped: list[bool] = []
        at.control.desk.stop = lambda: stopped.append(True)
        assert await at.call("emulator.stop") is None
        assert stopped == [True]


def _versions(reply: bytes) -> list[int]:
    """The version bytes of a VERSION."""
    count = reply[5]
    return [reply[6 + 2 * number + 1] for number in range(count)]
