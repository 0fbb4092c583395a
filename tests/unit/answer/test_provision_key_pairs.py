"""GET_KEY_PAIR_INFO and SET_KEY_PAIR_INFO: keys that really change, and what is refused."""

import pytest
from asking import Host
from devices import chain, error
from provisioned import SCHEME, SEVERAL, provisionable

from emulator.device import Device
from emulator.device.provisioning import Policy
from emulator.errors import PeerErrorReply
from emulator.requester import Offer
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import ErrorCode
from emulator.spdm.key_pairs import ALL_CAPABILITIES, ASYM_BITS, KeyPairCap, KeyUsage
from emulator.spdm.messages.provisioning import KeyPairOperation
from emulator.spdm.versions import Version

CHANGE, ERASE, GENERATE = KeyPairOperation
P256 = ASYM_BITS[SCHEME]


def host_of(device: Device, version: Version = Version.V1_3) -> Host:
    return Host(device, offer=Offer(versions=(version,), multi_key=True)).connected()


@pytest.mark.parametrize("version", [Version.V1_3, Version.V1_4])
def test_what_is_told_of_a_key_pair(version: Version) -> None:
    host = host_of(provisionable(), version)
    told = host.run(host.requester.key_pair(2))
    assert (told.total, told.number, told.slots, told.key_type) == (3, 2, 0b100, SCHEME)
    assert told.capabilities == ALL_CAPABILITIES
    assert told.public_key_info == chain(SCHEME).key.public.algorithm_identifier
    empty = host.run(host.requester.key_pair(3))
    assert (empty.slots, empty.key_type, empty.usage, empty.public_key_info) == (0, "", 0, b"")
    for number in (0, 4):
        request = bytes((version, 0xFC, 0, 0, number))
        assert host.answer(request) == error(version, ErrorCode.INVALID_REQUEST)


def test_nothing_may_be_done_where_key_pairs_are_not_set() -> None:
    host = host_of(provisionable(capabilities=SEVERAL & ~Cap.SET_KEY_PAIR_INFO))
    assert host.run(host.requester.key_pair(1)).capabilities == 0
    request = bytes((0x13, 0xFD, 1, 0, 1))
    assert host.answer(request) == error(0x13, ErrorCode.UNSUPPORTED_REQUEST, 0xFD)


@pytest.mark.parametrize("version", [Version.V1_3, Version.V1_4])
def test_a_key_is_erased_and_another_generated(version: Version) -> None:
    device = provisionable(Policy(writable=frozenset({0, 2}), trusted=True))
    host = host_of(device, version)
    ask = host.requester
    host.run(ask.set_key_pair(2, CHANGE, slots=0))
    assert set(host.run(ask.digests()).digests) == {0}
    host.run(ask.set_key_pair(2, CHANGE, slots=0b100))
    assert set(host.run(ask.digests()).digests) == {0, 2}
    host.run(ask.set_key_pair(2, CHANGE, slots=0))
    host.run(ask.set_key_pair(2, ERASE))
    told = host.run(ask.key_pair(2))
    assert (told.key_type, told.usage, told.slots) == ("", 0, 0)
    with pytest.raises(PeerErrorReply, match="INVALID_REQUEST"):
        host.run(ask.csr(key_pair=2))
    host.run(ask.set_key_pair(2, GENERATE, asym=P256, usage=KeyUsage.CHALLENGE, slots=0b100))
    told = host.run(ask.key_pair(2))
    assert (told.key_type, told.usage, told.slots) == (SCHEME, KeyUsage.CHALLENGE, 0b100)
    assert set(host.run(ask.digests()).digests) == {0}, "its certificate was for another key"
    assert device.provisioning is not None
    key = device.provisioning.state.pairs[1].key
    assert key is not None
    assert not device.provisioning.initial[1].is_for(key.public.spki)


def test_a_key_is_used_for_what_it_may_be_used_for() -> None:
    host = host_of(provisionable())
    ask = host.requester
    host.run(ask.certificate(0))
    host.run(ask.set_key_pair(1, CHANGE, usage=KeyUsage.KEY_EX, slots=1))
    with pytest.raises(PeerErrorReply, match="INVALID_REQUEST"):
        host.run(ask.challenge())
    with pytest.raises(PeerErrorReply, match="INVALID_REQUEST"):
        host.run(ask.measurements())
    assert host.run(ask.digests()).keys[0].usage == KeyUsage.KEY_EX
    host.run(ask.set_key_pair(1, CHANGE, usage=KeyUsage.CHALLENGE, slots=1))
    host.run(ask.certificate(0))
    host.run(ask.challenge())


def test_what_is_only_told_of_leaves_the_keys_alone() -> None:
    policy = Policy(writable=frozenset({0}), real_keys=False)
    host = host_of(provisionable(policy))
    ask = host.requester
    host.run(ask.set_key_pair(1, CHANGE, slots=0))
    host.run(ask.set_key_pair(1, ERASE))
    assert host.run(ask.key_pair(1)).key_type == ""
    told = host.run(ask.digests())
    assert told.keys[0].pair == 1
    host.run(ask.certificate(0))
    host.run(ask.challenge())
    assert host.run(ask.csr(key_pair=1))


WANTED = {
    "an operation there is not": (3, "00 0000 00000000 00", 0x01),
    "nothing of what is wanted": (0, "", 0x01),
    "cut off": (0, "00 0000 00000000", 0x01),
    "a use it cannot have": (0, "00 0040 00000000 00", 0x01),
    "two kinds": (0, "00 0000 18000000 01", 0x01),
    "a kind it cannot be of": (0, "00 0000 10000000 01", 0x01),
    "erasing what slots have": (1, "", 0x44),
    "generating what slots have": (2, "00 0000 08000000 01", 0x44),
    "a slot there is not": (0, "00 0000 00000000 02", 0x44),
    "another pair's slot": (0, "00 0000 00000000 05", 0x44),
}


@pytest.mark.parametrize("what", WANTED)
def test_what_cannot_be_is_refused_and_changes_nothing(what: str) -> None:
    device = provisionable()
    assert device.provisioning is not None
    before = device.provisioning.state
    operation, wanted, code = WANTED[what]
    request = bytes((0x13, 0xFD, operation, 0, 1)) + bytes.fromhex(wanted)
    assert host_of(device).answer(request) == error(0x13, code)
    assert device.provisioning.state == before


def test_post_quantum_keys_are_there_none() -> None:
    request = bytes((0x14, 0xFD, 0, 0, 1)) + bytes.fromhex("00 0000 00000000 01 04 01000000")
    answer = host_of(provisionable(), Version.V1_4).answer(request)
    assert answer == error(0x14, ErrorCode.UNSUPPORTED_REQUEST, 0xFD)


NEEDS = {
    KeyPairCap.GENERATE: (3, 2, "00 0000 08000000 00"),
    KeyPairCap.ERASE: (3, 1, ""),
    KeyPairCap.ASSOCIATE: (1, 0, "00 0000 00000000 05"),
    KeyPairCap.USAGE: (1, 0, "00 0100 00000000 01"),
    KeyPairCap.ALGORITHM: (1, 0, "00 0000 08000000 01"),
    KeyPairCap.SHARE: (1, 0, "00 0000 00000000 05"),
}


@pytest.mark.parametrize("needed", NEEDS)
def test_each_operation_needs_its_capability(needed: KeyPairCap) -> None:
    number, operation, wanted = NEEDS[needed]
    device = provisionable(operations=ALL_CAPABILITIES & ~needed)
    request = bytes((0x13, 0xFD, operation, 0, number)) + bytes.fromhex(wanted)
    assert host_of(device).answer(request) == error(0x13, ErrorCode.INVALID_REQUEST)


def test_since_1_4_a_reset_may_be_required() -> None:
    device = provisionable(capabilities=SEVERAL | Cap.SET_KEY_PAIR_RESET)
    host = host_of(device, Version.V1_4)
    flow = host.requester.set_key_pair(3, GENERATE, asym=P256)
    with pytest.raises(PeerErrorReply, match="RESET_REQUIRED"):
        host.run(flow)
    assert host.run(host.requester.key_pair(3)).key_type == ""
    device.reset()
    host = host_of(device, Version.V1_4)
    assert host.run(host.requester.key_pair(3)).key_type == SCHEME
    host.run(host.requester.set_key_pair(3, GENERATE, asym=P256))
    with pytest.raises(PeerErrorReply, match="RESET_REQUIRED"):
        host.run(host.requester.set_key_pair(3, GENERATE, asym=P256))


def test_an_algorithm_is_changed_and_the_key_with_it() -> None:
    device = provisionable()
    assert device.provisioning is not None
    host = host_of(device)
    host.run(host.requester.set_key_pair(3, CHANGE, asym=P256))
    assert host.run(host.requester.key_pair(3)).key_type == SCHEME
    assert device.provisioning.state.pairs[2].key is None
    with pytest.raises(PeerErrorReply, match="OPERATION_FAILED"):
        host.run(host.requester.set_key_pair(3, CHANGE, slots=0b10))
    host.run(host.requester.set_key_pair(3, GENERATE))
    assert device.provisioning.state.pairs[2].key is not None
