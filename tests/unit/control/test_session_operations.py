"""Operations on sessions."""

from secured import REQUESTER, Wire, able_device, established, plain
from unit.control.desks import lab

from emulator.device import Device
from emulator.spdm.capabilities import Cap


def _as(one: Device, other: Device) -> None:
    one.sessions = other.sessions


async def test_a_new_key_is_asked_for_in_each_session() -> None:
    held = able_device(capabilities=able_device().capabilities | Cap.ENCAP)
    inside = established(Wire(held, flags=REQUESTER | Cap.ENCAP))
    inside.wire.by_key(requester=0x77)  # is in its handshake
    async with lab(["one", "two"]) as at:
        _as(at.fleet.served["one"].device, held)
        assert await at.call("sessions.key-update") == {"one": 1, "two": 0}
        assert await at.call("sessions.key-update", devices=["two"]) == {"two": 0}
    assert inside.ask(plain(0x13, 0xEA))[1:3] == b"\x6a\x01"


async def test_each_session_is_asked_what_its_requester_is() -> None:
    held = able_device(capabilities=able_device().capabilities | Cap.ENCAP)
    flags = REQUESTER | Cap.ENCAP | Cap.EP_INFO_NO_SIG
    inside = established(Wire(held, flags=flags))
    inside.wire.by_key(requester=0x77)  # is in its handshake
    async with lab(["one", "two"]) as at:
        _as(at.fleet.served["one"].device, held)
        assert await at.call("sessions.endpoint-info") == {"one": 1, "two": 0}
    asked = plain(0x13, 0x6A, 1) + bytes((0x13, 0x87, 1, 0)) + bytes(4)
    assert inside.ask(plain(0x13, 0xEA)) == asked
