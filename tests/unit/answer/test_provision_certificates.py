"""SET_CERTIFICATE: what was installed is what is served, and what is refused changes nothing."""

from collections.abc import Callable, Sequence

import pytest
from asking import Host
from chains import authority, issued
from devices import chain, error
from provisioned import ABLE, SCHEME, SEVERAL, other_chain, provisionable

from emulator.ask import SetCertificateRequest
from emulator.crypto import hashes
from emulator.device import Device, Sizes
from emulator.device.changes import CertificateChange
from emulator.device.provisioning import Policy
from emulator.errors import PeerErrorReply
from emulator.pki.issue import LeafOptions
from emulator.requester import Offer
from emulator.spdm.capabilities import Cap
from emulator.spdm.chain import spdm_chain
from emulator.spdm.codes import ErrorCode
from emulator.spdm.key_pairs import CertificateModel
from emulator.spdm.versions import Version

BOTH = frozenset({0, 2})
TRUSTED = Policy(writable=BOTH, trusted=True)


def host_of(device: Device, version: Version = Version.V1_3, *, several: bool = False) -> Host:
    return Host(device, offer=Offer(versions=(version,), multi_key=several)).connected()


def served(host: Host, slot: int = 0) -> tuple[bytes, ...]:
    return host.run(host.requester.certificate(slot)).certificates


@pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3, Version.V1_4])
def test_what_was_installed_is_served_and_signed_for(version: Version) -> None:
    device = provisionable(capabilities=ABLE)
    told: list[object] = []
    device.watchers.append(told.append)
    host = host_of(device, version)
    new = other_chain("new")
    host.run(host.requester.set_certificate(0, new))
    assert told == [CertificateChange(0)]
    for one in (host, host_of(device, version)):
        digests = one.run(one.requester.digests()).digests
        name = one.connection.algorithms.hash.name if one.connection.algorithms.hash else ""
        assert digests[0] == hashes.digest(name, spdm_chain(name, new[0], new))
        assert served(one) == new
        one.run(one.requester.challenge())


def test_an_erased_slot_is_empty_until_something_is_installed_there() -> None:
    device = provisionable(TRUSTED, capabilities=ABLE)
    host = host_of(device)
    host.run(host.requester.erase_certificate(2))
    told = host.run(host.requester.digests())
    assert (set(told.digests), told.supported) == ({0}, 0b101)
    with pytest.raises(PeerErrorReply, match="INVALID_REQUEST"):
        host.run(host.requester.certificate(2))
    host.run(host.requester.set_certificate(2, other_chain("again", 2)))
    assert served(host, 2) == other_chain("again", 2)
    host.run(host.requester.erase_certificate(2))
    host.run(host.requester.erase_certificate(0))
    with pytest.raises(PeerErrorReply, match="UNSPECIFIED"):
        host.run(host.requester.digests())


def test_where_one_key_is_used_a_slot_may_get_a_certificate_for_slot_0s() -> None:
    device = provisionable(TRUSTED, capabilities=ABLE)
    host = host_of(device)
    host.run(host.requester.set_certificate(2, other_chain("new", 0)))
    assert served(host, 2) == other_chain("new", 0)
    host.run(host.requester.challenge(2))
    assert device.provisioning is not None
    assert [pair.slots for pair in device.provisioning.state.pairs] == [0b101, 0, 0]


def test_a_slot_is_written_outside_of_sessions_only_where_all_is_trusted() -> None:
    host = host_of(provisionable(capabilities=ABLE))
    with pytest.raises(PeerErrorReply, match="UNEXPECTED_REQUEST"):
        host.run(host.requester.set_certificate(2, other_chain("new", 2)))


def test_several_keys_are_told_of_in_digests_and_certificates() -> None:
    device = provisionable(TRUSTED)
    host = host_of(device, several=True)
    made = issued(
        SCHEME, key=chain(SCHEME, 2).key, options=LeafOptions(model="generic", ekus=())
    ).certificates
    flow = host.requester.set_certificate(2, made, key_pair=2, model=CertificateModel.GENERIC)
    host.run(flow)
    told = host.run(host.requester.digests())
    assert {slot: (key.pair, key.model) for slot, key in told.keys.items()} == {
        0: (1, CertificateModel.DEVICE),
        2: (2, CertificateModel.GENERIC),
    }
    assert served(host, 2) == made


def test_a_reset_is_required_where_the_device_says_so() -> None:
    device = provisionable(capabilities=ABLE | Cap.CERT_INSTALL_RESET)
    host = host_of(device)
    before = served(host)
    with pytest.raises(PeerErrorReply, match="RESET_REQUIRED"):
        host.run(host.requester.set_certificate(0, other_chain("new")))
    for flow in (host.requester.digests(), host.requester.certificate(0)):
        with pytest.raises(PeerErrorReply, match="RESET_REQUIRED"):
            host.run(flow)
    assert device.slots[0].chains[SCHEME].certificates == before
    device.reset()
    assert served(host_of(device)) == other_chain("new")


def test_a_connection_goes_on_with_what_it_read_where_the_device_is_so() -> None:
    device = provisionable(Policy(writable=BOTH, when_read=True), capabilities=ABLE)
    host = host_of(device)
    before = served(host)
    host.run(host.requester.set_certificate(0, other_chain("new")))
    host.run(host.requester.challenge())
    assert before != other_chain("new")
    assert served(host) == other_chain("new")
    host.run(host.requester.challenge())


def raw_request(host: Host, certificates: Sequence[bytes], slot: int = 0) -> bytes:
    name = host.connection.algorithms.hash.name if host.connection.algorithms.hash else ""
    return bytes((0x13, 0xEE, slot, 0)) + spdm_chain(name, certificates[0], certificates)


def _shorter(raw: bytes) -> bytes:
    return raw[:-1]


def _with_length(length: int) -> Callable[[bytes], bytes]:
    return lambda raw: raw[:4] + length.to_bytes(4, "little") + raw[8:]


def _other_root(raw: bytes) -> bytes:
    return raw[:8] + bytes(48) + raw[56:]


def _bit(raw: bytes) -> bytes:
    return raw[:-1] + bytes((raw[-1] ^ 1,))


WRONG_BYTES: dict[str, tuple[Callable[[bytes], bytes], ErrorCode]] = {
    "nothing": (lambda raw: raw[:4], ErrorCode.INVALID_REQUEST),
    "no certificate": (lambda raw: raw[:56], ErrorCode.INVALID_REQUEST),
    "cut off": (_shorter, ErrorCode.INVALID_REQUEST),
    "too short a length": (_with_length(51), ErrorCode.INVALID_REQUEST),
    "too long a length": (_with_length(0xFFFF), ErrorCode.INVALID_REQUEST),
    "another root's hash": (_other_root, ErrorCode.UNSPECIFIED),
    "a changed signature": (_bit, ErrorCode.UNSPECIFIED),
    "slot 8": (lambda raw: raw[:2] + b"\x08" + raw[3:], ErrorCode.INVALID_REQUEST),
    "slot 3, locked": (lambda raw: raw[:2] + b"\x03" + raw[3:], ErrorCode.UNSPECIFIED),
    "a key pair": (lambda raw: raw[:3] + b"\x01" + raw[4:], ErrorCode.INVALID_REQUEST),
    "a model": (lambda raw: raw[:2] + b"\x10" + raw[3:], ErrorCode.INVALID_REQUEST),
    "erasing a locked slot": (lambda _: b"\x13\xee\x83\0", ErrorCode.OPERATION_FAILED),
    "erasing with a model": (lambda _: b"\x13\xee\x90\0", ErrorCode.INVALID_REQUEST),
}


@pytest.mark.parametrize("what", WRONG_BYTES)
def test_a_request_that_is_wrong_changes_nothing(what: str) -> None:
    device = provisionable(TRUSTED, capabilities=ABLE)
    assert device.provisioning is not None
    before = device.provisioning.state
    bend, code = WRONG_BYTES[what]
    host = host_of(device)
    good = raw_request(host, other_chain("new"))
    assert host.answer(bend(good)) == error(0x13, code)
    assert device.provisioning.state == before
    assert host.answer(good)[1] == 0x6E


WRONG_CHAINS: dict[str, Callable[[], Sequence[bytes]]] = {
    "of another key": lambda: issued(SCHEME, secret=b"another").certificates,
    "of slot 2's key": lambda: other_chain("new", 2),
    "without its root": lambda: other_chain("new")[1:],
    "in another order": lambda: (other_chain("new")[0], *other_chain("new")[:0:-1]),
    "of a CA": lambda: (
        issued(SCHEME, key=chain(SCHEME).key, options=LeafOptions(ca=True)).certificates
    ),
    "without basicConstraints": lambda: (
        issued(
            SCHEME, key=chain(SCHEME).key, options=LeafOptions(basic_constraints=False)
        ).certificates
    ),
    "of an alias": lambda: (
        issued(SCHEME, key=chain(SCHEME).key, options=LeafOptions(model="alias")).certificates
    ),
    "for requesters": lambda: (
        issued(
            SCHEME,
            key=chain(SCHEME).key,
            options=LeafOptions(ekus=("1.3.6.1.4.1.412.274.4",)),
        ).certificates
    ),
    "of another algorithm": lambda: issued("ECDSA_P384").certificates,
}


@pytest.mark.parametrize("what", WRONG_CHAINS)
def test_a_chain_that_no_requester_accepts_is_not_installed(what: str) -> None:
    device = provisionable(capabilities=ABLE)
    assert device.provisioning is not None
    before = device.provisioning.state
    host = host_of(device)
    assert host.answer(raw_request(host, WRONG_CHAINS[what]())) == error(0x13, 0x05)
    assert device.provisioning.state == before


@pytest.mark.parametrize(("ours", "code"), [(True, 0x6E), (False, 0x7F)])
def test_the_authority_may_be_asked_for(*, ours: bool, code: int) -> None:
    root = authority(SCHEME, "tests" if ours else "others").root.certificate
    device = provisionable(Policy(writable=BOTH, authority=(root,)), capabilities=ABLE)
    host = host_of(device)
    assert host.answer(raw_request(host, other_chain("new")))[1] == code


def test_a_key_need_not_be_the_slots_where_the_device_does_not_look() -> None:
    device = provisionable(Policy(writable=BOTH, check_key=False), capabilities=ABLE)
    host = host_of(device)
    foreign = issued(SCHEME, secret=b"another").certificates
    host.run(host.requester.set_certificate(0, foreign))
    assert served(host) == foreign


@pytest.mark.parametrize(
    ("attributes", "pair", "code"),
    [
        (0x10, 0, 0x01),
        (0x10, 4, 0x01),
        (0x00, 1, 0x01),
        (0x20, 1, 0x01),
        (0x30, 1, 0x01),
        (0x40, 1, 0x01),
        (0x10, 2, 0x05),
        (0x80, 0, 0x01),
        (0x90, 1, 0x01),
    ],
)
def test_several_keys_are_named_rightly(attributes: int, pair: int, code: int) -> None:
    device = provisionable(capabilities=SEVERAL)
    host = host_of(device, several=True)
    good = raw_request(host, other_chain("new"))
    assert host.answer(good[:2] + bytes((attributes, pair)) + good[4:]) == error(0x13, code)
    assert host.answer(good[:2] + b"\x10\x01" + good[4:])[1] == 0x6E


@pytest.mark.parametrize("version", [Version.V1_2, Version.V1_4])
def test_a_chain_that_is_oversized_is_refused(version: Version) -> None:
    """It comes in chunks; without LARGE_RESP 0xFFFF bytes are the most."""
    device = provisionable(capabilities=ABLE | Cap.CHUNK)
    device.sizes = Sizes(max_message=1 << 18)
    offer = Offer(versions=(version,), capabilities=Cap.CHUNK, max_message=1 << 18)
    host = Host(device, offer=offer).connected()
    chain_bytes = raw_request(host, other_chain("new"))[4:]
    large = (0x10000).to_bytes(4, "little") + chain_bytes[4:] + bytes(0x10000)
    request = SetCertificateRequest(host.connection, slot=0, chain=large)
    with pytest.raises(PeerErrorReply, match="INVALID_REQUEST"):
        host.run(host.requester.ask(request))
