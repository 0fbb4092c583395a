"""A host that brings keys to both ends of a link, and the TLPs that then go between them."""

from dataclasses import dataclass

import jsonschema
import pytest
from asking import ROOTS
from chains import AT
from hosting import SecureHost
from judging import failed, skipped
from keying import DEVFN, PORTS, ide
from secured import able_device

from emulator.device.ide import Ide
from emulator.errors import EmulatorError, KeyRefused, NoResponse
from emulator.link import (
    PLACES,
    Direction,
    End,
    KeySet,
    KeyState,
    Place,
    SubStream,
    Tlp,
    Verdict,
    completion,
    memory_read,
    memory_write,
)
from emulator.requester import IdeKeys, PortInfo, Sessions, attest, root_port
from emulator.requester import Verdict as Judgement
from emulator.requester.verdict import SCHEMA

WRITE = memory_write(0x1000, b"data" * 16)
READ = memory_read(0x1000, 16, tag=5)


@dataclass
class Linked:
    """A host in a session with a device that has IDE."""

    host: SecureHost
    keys: IdeKeys
    told: PortInfo
    root: End
    device: End

    def sent(self, *tlps: Tlp, down: bool = True) -> None:
        """TLPs arrive as they were sent, from the root port or to it."""
        sender, receiver = (self.root, self.device) if down else (self.device, self.root)
        for tlp in tlps:
            for raw in sender.send(tlp):
                received = receiver.receive(raw)
                assert received.verdict is Verdict.PROTECTED, received.reason
                assert received.tlp == tlp


def linked(held: Ide | None = None, *, port: int = 0) -> Linked:
    device = able_device()
    device.ide = held or ide()
    host = SecureHost(device).connected()
    keys = host.session().ide
    told = host.run(keys.query(port))
    return Linked(host, keys, told, root_port(told.blocks), device.ide.ports[port])


def test_keys_for_both_ends() -> None:
    link = linked(port=3)
    assert link.told.port == 3
    assert link.told.devfn == DEVFN
    assert link.told.max_port == PORTS - 1
    link.host.run(link.keys.bring_up(link.root, stream=0, port=3))
    assert link.root.stream(0) is link.root.selective[0]
    assert link.root.selective[0].secure
    assert link.device.selective[0].secure
    link.sent(WRITE, READ)
    link.sent(completion(READ, b"data" * 16), WRITE, READ, down=False)
    assert link.host.run(link.keys.query(3)).blocks[1].status == 2


def test_every_key_is_another_and_drawn() -> None:
    link = linked()
    link.host.run(link.keys.bring_up(link.root, stream=0))
    found = set()
    for place in PLACES:
        ours = link.root.selective[0]._keys[place.opposite].cipher
        theirs = link.device.selective[0]._keys[place].cipher
        if place.key_set is KeySet.K0:
            assert ours is not None
            assert theirs is not None
            assert ours._key.key == theirs._key.key
            found.add(bytes(ours._key.key))
        else:
            assert ours is theirs is None
    assert len(found) == 6


def test_keys_are_refreshed_while_the_link_runs() -> None:
    link = linked()
    link.host.run(link.keys.bring_up(link.root, stream=0))
    for key_set in (KeySet.K1, KeySet.K0, KeySet.K1):
        link.sent(WRITE, READ, completion(READ, b"data"))
        link.sent(WRITE, READ, completion(READ, b"data"), down=False)
        link.host.run(link.keys.bring_up(link.root, stream=0, key_set=key_set))
        assert link.device.selective[0].secure
    link.sent(WRITE)


def test_taking_keys_away() -> None:
    link = linked()
    link.host.run(link.keys.bring_up(link.root, stream=0, key_set=KeySet.K1))
    link.host.run(link.keys.tear_down(link.root, stream=0, key_set=KeySet.K1))
    for end in (link.root, link.device):
        assert not end.selective[0].keyed
    assert link.device.selective[0].status == 0


def test_a_link_stream() -> None:
    link = linked()
    link.device.link[0].enable(on=True)
    link.device.selective[0].enable(on=False)
    link.root.selective[0].enable(on=False)
    link.host.run(link.keys.bring_up(link.root, stream=0x40))
    link.sent(WRITE, READ)


def test_what_the_device_refuses() -> None:
    link = linked()
    place = Place(KeySet.K0, Direction.RX, SubStream.PR)
    with pytest.raises(KeyRefused, match="UNSUPPORTED_PORT_INDEX"):
        link.host.run(link.keys.program(place, bytes(32), stream=0, port=PORTS))
    with pytest.raises(KeyRefused, match="UNSUPPORTED_VALUE"):
        link.host.run(link.keys.program(place, bytes(32), stream=0, invocation=2))
    with pytest.raises(NoResponse):
        link.host.run(link.keys.go(place, stream=0))
    with pytest.raises(NoResponse):
        link.host.run(link.keys.stop(place, stream=0))
    with pytest.raises(NoResponse):
        link.host.run(link.keys.query(PORTS))
    link.host.run(link.keys.program(place, bytes(32), stream=0))
    link.host.run(link.keys.go(place, stream=0))
    assert link.device.selective[0].key_state(place) is KeyState.IN_USE


def test_a_stream_that_the_root_port_does_not_have() -> None:
    link = linked()
    with pytest.raises(EmulatorError, match="root port has no stream 9"):
        link.host.run(link.keys.bring_up(link.root, stream=9))


# In an attestation


def judge(device_ide: Ide | None) -> tuple[Judgement, Ide | None]:
    device = able_device()
    device.ide = device_ide
    host = SecureHost(device)
    sessions = Sessions(key_exchange=True, ide=True)
    verdict = host.run(attest(host.requester, trust=ROOTS, at=AT, sessions=sessions))
    jsonschema.validate(verdict.to_json(), dict(SCHEMA))
    names = [step.name for step in verdict.steps]
    assert [name for name in names if name in sessions.plan()] == list(sessions.plan())
    assert device.sessions.live == set()
    return verdict, device.ide


def details(verdict: Judgement) -> dict[str, str]:
    return {step.name: step.detail for step in verdict.steps if step.name.startswith("session ide")}


def test_an_attestation_brings_a_stream_up_and_down() -> None:
    verdict, held = judge(ide())
    assert verdict.ok
    assert details(verdict) == {
        "session ide query": "port 0 of 7, 0001:2a:01.0: link stream 64, selective stream 0",
        "session ide keys": "K0: PR, NPR and CPL, in both directions",
        "session ide stream": "stream 0 is Secure at both ends",
        "session ide stop": "the device has forgotten the keys",
    }
    [step] = [step for step in verdict.steps if step.name == "session ide stream"]
    assert step.evidence == {
        "stream": 0,
        "kind": "selective",
        "device": "SECURE",
        "root_port": "SECURE",
    }
    assert held is not None
    assert not any(stream.keyed for stream in held.streams())


def test_a_device_without_ide_fails_and_is_measured_all_the_same() -> None:
    verdict, _ = judge(None)
    assert failed(verdict) == ["session ide query"]
    assert "UNSUPPORTED_REQUEST" in details(verdict)["session ide query"]
    skips = skipped(verdict)
    for name in ("session ide keys", "session ide stream", "session ide stop"):
        assert name in skips
    assert "session measurements" not in skips
    assert "session end" not in skips


def test_a_stream_that_is_not_enabled() -> None:
    held = ide()
    for stream in held.streams():
        stream.enable(on=False)
    verdict, _ = judge(held)
    assert failed(verdict) == ["session ide stream"]
    said = details(verdict)
    assert said["session ide stream"] == "stream 0: its enable bit is not set at the device"
    assert said["session ide stop"] == "the device has forgotten the keys"


def test_a_stream_that_has_failed_before() -> None:
    held = ide()
    for stream in held.streams():
        stream.blocked = True
    verdict, _ = judge(held)
    assert failed(verdict) == ["session ide stream"]
    expected = "stream 0: Insecure at the device, Secure at the root port"
    assert details(verdict)["session ide stream"] == expected


def test_keys_that_are_not_taken() -> None:
    held = ide()
    place = Place(KeySet.K0, Direction.RX, SubStream.NPR)
    stream = held.ports[0].selective[0]
    stream.program(place, bytes(32), 1)
    stream.go(place)  # as another session would have left it
    verdict, _ = judge(held)
    assert failed(verdict) == ["session ide keys"]
    assert (
        "UNSPECIFIED_FAILURE (4) of port 0, stream 0, key 0x10"
        in (details(verdict)["session ide keys"])
    )
    assert "session ide stop" in skipped(verdict)


def test_ports_without_streams() -> None:
    held = Ide((End("port 0"),))
    verdict, _ = judge(held)
    assert failed(verdict) == ["session ide query"]
    assert details(verdict)["session ide query"] == "port 0 of 0, 0000:00:00.0: no stream"
