"""IDE streams under control, and the events they are told by."""

from unit.control.desks import Lab, lab
from unit.serve.loopback import served

from emulator.control import Wanted
from emulator.device.ide import Ide
from emulator.link import PLACES, StreamEvent

STREAM_CONTROL, STREAM_STATUS = 3, 4


def ide_of(at: Lab, name: str = "one") -> Ide:
    held = at.fleet.served[name].device.ide
    assert held is not None
    return held


def keyed(at: Lab, port: int = 2) -> None:
    """Put keys into a port's stream and use them, as IDE_KM would."""
    stream = ide_of(at).ports[port].selective[0]
    for place in PLACES[:6]:
        stream.program(place, bytes(32), 1)
        stream.go(place)


async def test_streams_are_told_with_their_keys() -> None:
    async with lab(["one"], profile="everything") as at:
        await at.fleet.start(served("plain"))
        keyed(at)
        listed = await at.call("ide.list")
        assert listed["plain"] == []
        assert [port["port"] for port in listed["one"]] == list(range(8))
        assert listed["one"][0]["streams"] == [
            {
                "stream": 0,
                "kind": "selective",
                "enabled": True,
                "state": "INSECURE",
                "failed": False,
                "keys": {},
            }
        ]
        [stream] = listed["one"][2]["streams"]
        assert stream["state"] == "SECURE"
        assert stream["keys"]["K0 RX PR"] == "IN_USE"
        assert len(stream["keys"]) == 6
        assert listed["one"][2]["registers"][STREAM_STATUS] == 2
        assert listed["one"][2]["registers"] == list(ide_of(at).ports[2].registers())


async def test_a_register_is_written_and_the_stream_follows() -> None:
    async with lab(["one"], profile="everything") as at:
        with at.control.subscribe(Wanted(kinds=("ide.*",))) as heard:
            keyed(at)
            asked = {"devices": ["one"], "port": 2, "index": STREAM_CONTROL}
            assert await at.call("ide.register", **asked, value=0) == {"one": 0x00400000}
            assert await at.call("ide.register", **asked, value=0x00400001) == {"one": 0x00400001}
            ide_of(at).ports[2].selective[0].event(StreamEvent.CHECK_FAILED)
            status = {"devices": ["one"], "port": 2, "index": STREAM_STATUS}
            assert await at.call("ide.register", **status, value=0) == {"one": 0x80000000}
            assert await at.call("ide.register", **status, value=0x80000000) == {"one": 0}
        told = [(event["port"], event["stream"], event["state"]) for event in heard.take()]
        assert told == [(2, 0, state) for state in ("secure", "insecure", "secure", "insecure")]


async def test_a_device_with_another_personality_tells_of_its_new_streams() -> None:
    async with lab(["one"], profile="everything") as at:
        await at.call("profile.set", set=["ide.ports=3"], holds="reset")
        with at.control.subscribe(Wanted(kinds=("ide.*",))) as heard:
            keyed(at)
        [event] = heard.take()
        assert (event["device"], event["port"], event["state"]) == ("one", 2, "secure")


async def test_registers_there_are_not() -> None:
    async with lab(["one"], profile="everything") as at:
        await at.fleet.start(served("plain"))
        asked = {"index": 0, "value": 0}
        assert await at.refused("ide.register", devices=["one"], port=8, **asked) == (
            "not-found",
            ["one: port: found 8; expected a port with IDE: 0 to 7"],
        )
        assert await at.refused("ide.register", devices=["plain"], **asked) == (
            "not-found",
            ["plain: port: found 0; expected a port with IDE: none"],
        )
        assert await at.refused("ide.register", devices=["one"], index=13, value=0) == (
            "not-found",
            ["one: index: found 13; expected 0 to 9"],
        )
