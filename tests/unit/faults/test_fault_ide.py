"""What is written to the registers of IDE by a fault."""

import pytest
from unit.faults.faulty import AT, FaultyHost, faults_of, faulty, rule

from emulator.device import Device
from emulator.errors import ProfileError
from emulator.link import PLACES, Stream
from emulator.profile import load

ONCE = {"message": "CHALLENGE_AUTH"}


def stream_of(held: Device, port: int = 0) -> Stream:
    """The stream of a port, with its keys in use."""
    assert held.ide is not None
    stream = held.ide.ports[port].selective[0]
    for place in PLACES[:6]:
        stream.program(place, bytes(32), 1)
        stream.go(place)
    return stream


def test_a_stream_loses_its_enable_bit() -> None:
    do = {"write-register": {"port": 2, "index": 3, "value": 0x00400000}}
    held = faulty(rule(do, ONCE), profile="everything")
    one, other = stream_of(held, 2), stream_of(held)
    assert one.status == other.status == 2
    host = FaultyHost(held)
    host.judge()
    assert (one.status, other.status) == (0, 2)
    assert [fired.what for fired in host.fired] == ["wrote 0x00400000 to register 3 of port 2"]
    FaultyHost(held).judge()
    assert faults_of(held).counts == {"the-rule": 1}  # it is written already


def test_a_register_there_is_not() -> None:
    do = {"write-register": {"index": 4000, "value": 0}}
    held = faulty(rule(do, ONCE), profile="everything")
    FaultyHost(held).judge()
    assert faults_of(held).counts == {"the-rule": 0}


def test_a_port_there_is_not() -> None:
    told = "[{name: r, do: [{write-register: {port: 8, index: 3, value: 0}}]}]"
    with pytest.raises(ProfileError, match="port: found 8; expected a port: 0 to 7"):
        load("everything", sets=[f"faults={told}"], at=AT)
