"""TEE device interfaces under control, and the events they are told by."""

from unit.control.desks import Lab, lab
from unit.serve.loopback import served

from emulator.control import Wanted
from emulator.device.tdi import Interface, Lock, LockFlags

FUNCTION = 0xBEEF
UNLOCKED = {
    "function": FUNCTION,
    "state": "CONFIG_UNLOCKED",
    "cause": None,
    "streams": [],
    "shared": [],
}


def of(at: Lab) -> Interface:
    tdi = at.fleet.served["one"].device.tdi
    assert tdi is not None
    return tdi.by_function[FUNCTION]


def lock(at: Lab, flags: LockFlags = LockFlags.NO_FW_UPDATE) -> None:
    """Lock the interface, as TDISP would."""
    of(at).take_lock(Lock(flags, 0, 0, 0, None), bytes(32))


async def test_interfaces_are_told_with_their_states() -> None:
    async with lab(["one"], profile="everything") as at:
        await at.fleet.start(served("plain"))
        assert await at.call("tdisp.list") == {"one": [UNLOCKED], "plain": []}
        lock(at)
        of(at).start()
        of(at).p2p.add(9)
        running = {**UNLOCKED, "state": "RUN", "streams": [0, 9], "shared": [0]}
        assert (await at.call("tdisp.list"))["one"] == [running]


async def test_a_register_is_written_under_a_lock() -> None:
    async with lab(["one"], profile="everything") as at:
        asked = {"devices": ["one"], "function": FUNCTION}
        with at.control.subscribe(Wanted(kinds=("tdisp.*",))) as heard:
            assert await at.call("tdisp.register", **asked, register="bist") == {
                "one": "CONFIG_UNLOCKED"
            }
            lock(at)
            assert await at.call("tdisp.register", **asked, register="msi-x") == {
                "one": "CONFIG_LOCKED"
            }
            assert await at.call("tdisp.register", **asked, register="bist") == {"one": "ERROR"}
            of(at).stop()
            lock(at)
            await at.call("device.reset")
        [listed] = (await at.call("tdisp.list"))["one"]
        assert (listed["state"], listed["cause"]) == ("ERROR", "reset")
        told = [(event["function"], event["state"], event["why"]) for event in heard.take()]
        assert told == [
            (FUNCTION, "CONFIG_LOCKED", "LOCK_INTERFACE"),
            (FUNCTION, "ERROR", "register-write"),
            (FUNCTION, "CONFIG_UNLOCKED", "STOP_INTERFACE"),
            (FUNCTION, "CONFIG_LOCKED", "LOCK_INTERFACE"),
            (FUNCTION, "ERROR", "reset"),
        ]


async def test_a_device_with_another_personality_tells_of_its_new_interfaces() -> None:
    async with lab(["one"], profile="everything") as at:
        await at.call("profile.set", set=["tdisp.portion=9"], holds="reset")
        with at.control.subscribe(Wanted(kinds=("tdisp.*",))) as heard:
            lock(at)
        [event] = heard.take()
        assert (event["device"], event["state"]) == ("one", "CONFIG_LOCKED")


async def test_functions_and_registers_there_are_not() -> None:
    async with lab(["one"], profile="everything") as at:
        await at.fleet.start(served("plain"))
        asked = {"register": "bist", "function": 7}
        assert await at.refused("tdisp.register", devices=["one"], **asked) == (
            "not-found",
            ["one: function: found 0x7; expected one with an interface: 0xbeef"],
        )
        assert await at.refused("tdisp.register", devices=["plain"], **asked) == (
            "not-found",
            ["plain: function: found 0x7; expected one with an interface: none"],
        )
        code, problems = await at.refused("tdisp.register", function=7, register="bits")
        assert code == "invalid"
        assert "did you mean bist?" in problems[0]
