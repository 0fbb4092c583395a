"""The functions of one device, served: what control reaches alone, and what all have in common."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from devices import GET_VERSION
from unit.control.desks import NOW, Lab, lab

from emulator.control import Wanted
from emulator.entropy import Seeded
from emulator.profile.load import load
from emulator.profile.recipe import Recipe
from emulator.serve.fleet import Served

NAMES = ["sr-iov", "sr-iov/vf1", "sr-iov/vf2"]


def functions() -> list[Served]:
    """The device of the ready profile, and its functions."""
    whole = load("sr-iov", at=NOW)
    recipe = Recipe("sr-iov")
    made = [Served(recipe, whole, recipe.build(whole, entropy=Seeded(1), at=NOW))]
    for part in recipe.of_functions(whole, "sr-iov"):
        its = part.part_of(whole)
        device = part.build(its, entropy=Seeded(part.name), at=NOW)
        made.append(Served(part, its, device, of="sr-iov"))
    return made


@asynccontextmanager
async def card(others: Sequence[str] = ()) -> AsyncIterator[Lab]:
    """The functions, and other devices beside them."""
    async with lab(others) as made:
        for one in functions():
            await made.fleet.start(one)
        yield made


def resets(made: Lab) -> list[int]:
    return [one.device.resets for one in made.fleet]


async def test_each_function_is_listed_with_its_address_and_name() -> None:
    async with card() as made:
        listed = await made.call("devices.list")
        assert [*listed] == NAMES
        assert len({one["address"] for one in listed.values()}) == 3
        details = await made.call("device.get")
        assert len({one["san"] for one in details.values()}) == 3
        chains = {tuple(one["slots"]["0"]["chains"].values()) for one in details.values()}
        assert len(chains) == 3


async def test_a_reset_is_of_all_functions_and_of_no_other_device() -> None:
    async with card(["other"]) as made, made.client("sr-iov/vf2") as peer:
        assert (await peer.ask(GET_VERSION))[1] == 0x04
        with made.control.subscribe(Wanted(kinds=("device.reset",))) as events:
            told = await made.call("device.reset", devices=["sr-iov/vf1"])
            assert told == dict.fromkeys(NAMES, 1)
            assert sorted(event["device"] for event in events.take()) == NAMES
        assert resets(made) == [0, 1, 1, 1]
        assert await made.call("device.reset") == {"other": 1, **dict.fromkeys(NAMES, 2)}
        assert (await peer.ask(GET_VERSION))[1] == 0x04


async def test_a_fault_that_resets_a_function_resets_the_device() -> None:
    async with card() as made, made.client("sr-iov/vf1") as peer:
        rule = {"name": "r", "on": {"message": "VERSION"}, "do": ["reset-device"]}
        await made.call("faults.add", devices=["sr-iov/vf1"], rules=[rule])
        await peer.ask(GET_VERSION)
        assert resets(made) == [1, 1, 1]


async def test_shared_measurements_change_together_and_others_alone() -> None:
    async with card() as made:
        told = await made.call("measurement.change", devices=["sr-iov/vf1"], index=2, text="new")
        assert told == dict.fromkeys(NAMES, 1)
        told = await made.call("measurement.change", devices=["sr-iov/vf1"], index=3, text="own")
        assert told == {"sr-iov/vf1": 2}
        details = await made.call("device.get")
        digests = {name: [m["digest"] for m in d["measurements"]] for name, d in details.items()}
        assert len({one[1] for one in digests.values()}) == 1
        assert len({one[2] for one in digests.values()}) == 3
        # All of them at once is one change for each.
        told = await made.call("measurement.change", index=1, text="rom")
        assert told == {"sr-iov": 2, "sr-iov/vf1": 3, "sr-iov/vf2": 2}


async def test_a_shared_measurement_that_a_fault_changes_changes_in_all() -> None:
    async with card() as made, made.client("sr-iov") as peer:
        change = {"change-measurement": {"index": 1, "to": "00"}}
        rule = {"name": "r", "on": {"message": "VERSION"}, "do": [change]}
        await made.call("faults.add", devices=["sr-iov"], rules=[rule])
        await peer.ask(GET_VERSION)
        values = [next(iter(one.device.measurements)).value for one in made.fleet]
        assert values == [b"\0"] * 3


async def test_faults_and_settings_are_of_the_function_alone() -> None:
    async with card() as made:
        await made.call("faults.add", devices=["sr-iov/vf1"], presets=["busy-once"])
        changed = await made.call("profile.set", devices=["sr-iov/vf*"], set=["timing.delay=1ms"])
        assert changed == {"sr-iov/vf1": ["timing.delay"], "sr-iov/vf2": ["timing.delay"]}
        assert [one.device.timing.delay for one in made.fleet] == [0, 0.001, 0.001]
        listed = await made.call("devices.list")
        assert [one["faults"] for one in listed.values()] == [0, 1, 0]


async def test_a_function_made_anew_stays_one_of_the_device() -> None:
    async with card() as made:
        await made.call("profile.set", devices=["sr-iov/vf1"], set=["timing.delay=1ms"])
        await made.call("profile.apply", devices=["sr-iov/vf2"], profile="nvme-ssd")
        assert await made.call("device.reset", devices=["sr-iov"]) == dict.fromkeys(NAMES, 1)
        await made.call("profile.set", devices=["sr-iov"], set=["timing.delay=1ms"], holds="reset")
        assert resets(made) == [2, 2, 2]


async def test_a_function_that_is_gone_is_reset_no_more() -> None:
    async with card() as made:
        gone = made.fleet.served["sr-iov/vf2"].device
        await made.fleet.stop("sr-iov/vf2", "enough")
        assert await made.call("device.reset") == {"sr-iov": 1, "sr-iov/vf1": 1}
        assert gone.resets == 0
        await made.fleet.stop("sr-iov/vf1", "enough")
        (last,) = made.fleet
        last.device.reset()
        assert (last.device.resets, last.device.functions) == (2, [])
