"""Any bytes as objects of IDE_KM, as registers, and on the link."""

from contextlib import suppress

from fuzz.depth import fuzzing
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from keying import BUS, DEVFN, KEYS, Keying, acknowledged, ide, keying
from linking import keyed

from emulator.device.ide import Ide
from emulator.errors import LinkError
from emulator.link import PLACES, Direction, KeySet, KeyState, Place, SubStream, read_blocks
from emulator.link.traffic import Completer
from emulator.report.pci_meaning import pci_meaning

KEPT = keying()


@fuzzing(200)
@given(payload=st.binary(max_size=60))
def test_any_object_has_an_answer_or_none(payload: bytes) -> None:
    answer = KEPT.ask(payload)
    assert answer is None or answer[0] in (1, 3, 6)
    assert pci_meaning(b"\0" + payload)


@fuzzing(200)
@given(registers=st.lists(st.integers(0, 0xFFFFFFFF), max_size=40))
def test_any_registers_are_read_or_refused(registers: list[int]) -> None:
    with suppress(ValueError):
        read_blocks(registers)


@fuzzing(300)
@given(raw=st.binary(max_size=80), prefixed=st.booleans())
def test_any_bytes_on_the_link(raw: bytes, prefixed: bool) -> None:  # noqa: FBT001
    _, device = keyed()
    with suppress(LinkError):
        Completer(device, ide().memory).receive(b"\x92" + raw if prefixed else raw)


@fuzzing(200)
@given(index=st.integers(0, 11), value=st.integers(0, 0xFFFFFFFF))
def test_any_value_may_be_written_to_any_register(index: int, value: int) -> None:
    port = ide().ports[0]
    port.write(index, value)
    assert len(read_blocks(port.registers())) == 2


class Streams(RuleBasedStateMachine):
    """One session's objects and the registers, against a model of one port's stream."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Keying = keying(ide(ports=1))
        self.model = dict.fromkeys(KEYS, KeyState.EMPTY)
        self.enabled = True

    @property
    def held(self) -> Ide:
        return self.asked.ide

    @rule(key=st.sampled_from(KEYS))
    def key_prog(self, key: int) -> None:
        taken = self.model[key] is not KeyState.IN_USE
        assert self.asked.key_prog(key) == acknowledged(0 if taken else 4, key)
        if taken:
            self.model[key] = KeyState.PROGRAMMED

    @rule(key=st.sampled_from(KEYS))
    def go(self, key: int) -> None:
        was = self.model[key]
        accepted = was in {KeyState.PROGRAMMED, KeyState.IN_USE}
        assert (self.asked.go(key) is not None) == accepted
        if not accepted:
            return
        self.model[key] = KeyState.IN_USE
        other = key ^ 1
        if was is KeyState.PROGRAMMED and key & 2 and self.model[other] is KeyState.IN_USE:
            self.model[other] = KeyState.VOID

    @rule(key=st.sampled_from(KEYS))
    def stop(self, key: int) -> None:
        accepted = self.model[key] is not KeyState.EMPTY
        assert (self.asked.stop(key) is not None) == accepted
        self.model[key] = KeyState.EMPTY

    @rule(on=st.booleans())
    def enable(self, on: bool) -> None:  # noqa: FBT001
        control = self.held.ports[0].registers()[5]
        self.held.ports[0].write(5, control & ~1 | on)
        self.enabled = on

    @rule()
    def every_key(self) -> None:
        for key in KEYS[:6]:
            self.key_prog(key)
            self.go(key)

    @invariant()
    def the_device_says_so(self) -> None:
        reply = self.asked.ask(b"\0\0\0")
        assert reply is not None
        assert reply[3:5] == bytes((DEVFN, BUS))
        stream = self.held.ports[0].selective[0]
        found = {place.byte: stream.key_state(place) for place in PLACES}
        assert found == self.model
        complete = all(
            any(
                found[Place(key_set, direction, sub_stream).byte] is KeyState.IN_USE
                for key_set in KeySet
            )
            for direction in Direction
            for sub_stream in SubStream
        )
        assert stream.secure == (complete and self.enabled)


Streams.TestCase.settings = fuzzing(20)
TestStreams = Streams.TestCase
