"""GET_DIGESTS, GET_CERTIFICATE, and the chain they lead to."""

import struct

import pytest
from asking import Host, patched
from chains import issued
from devices import chain as device_chain
from devices import device

from emulator.ask import CertificateRequest, DigestsRequest, PeerChain, read_chain
from emulator.crypto import hashes
from emulator.errors import BrokenReply, EmulatorError
from emulator.requester import Offer
from emulator.spdm.state import State
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version

VERSIONS = pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3])


def connected(version: Version = Version.V1_3) -> Host:
    return Host(offer=Offer(versions=(version,))).connected()


def asked_digests(version: Version = Version.V1_3) -> tuple[DigestsRequest, bytes, Host]:
    host = connected(version)
    request = DigestsRequest(host.connection)
    return request, host.answer(request.raw), host


@VERSIONS
def test_digests_by_slot(version: Version) -> None:
    request, reply, host = asked_digests(version)
    assert request.raw == bytes((version, 0x81, 0, 0))
    found = request.accept(reply)
    assert found.digests == {
        slot: device_chain("ECDSA_P384", slot).digest("SHA_384") for slot in (0, 2)
    }
    assert found.supported == 0b101
    assert host.connection.state == State.AFTER_DIGESTS
    assert len(host.connection.transcript.part(Part.B)) == 2


def test_supported_slots_are_reserved_before_one_three() -> None:
    request, reply, _ = asked_digests(Version.V1_2)
    assert request.accept(patched(reply, 2, 0xFF)).supported == 0b101


def test_a_device_may_have_empty_slots() -> None:
    request, reply, _ = asked_digests()
    found = request.accept(patched(reply, 2, 0xFF))
    assert found.supported == 0xFF
    assert list(found.digests) == [0, 2]


def test_a_provisioned_slot_must_be_supported() -> None:
    request, reply, _ = asked_digests()
    with pytest.raises(BrokenReply, match=r"provisioned_slots: found 0x05, .*supported_slots 0x04"):
        request.accept(patched(reply, 2, 0x04))


def test_no_slot_at_all_is_broken() -> None:
    request, reply, _ = asked_digests()
    with pytest.raises(BrokenReply, match=r"DIGESTS.provisioned_slots: found 0x00"):
        request.accept(patched(reply, 3, 0)[:4])


def asked_certificate(
    version: Version = Version.V1_3,
    *,
    offset: int = 0,
    length: int = 100,
    total: int | None = None,
) -> tuple[CertificateRequest, bytes, Host]:
    host = connected(version)
    request = CertificateRequest(host.connection, slot=2, offset=offset, length=length, total=total)
    return request, host.answer(request.raw), host


SIZE = len(device_chain("ECDSA_P384", 2).spdm("SHA_384"))


@VERSIONS
def test_a_portion_and_what_is_left(version: Version) -> None:
    request, reply, host = asked_certificate(version, offset=10, total=SIZE)
    assert request.raw == bytes((version, 0x82, 2, 0)) + struct.pack("<HH", 10, 100)
    portion = request.accept(reply)
    assert portion.data == device_chain("ECDSA_P384", 2).spdm("SHA_384")[10:110]
    assert portion.remainder == SIZE - 110
    assert host.connection.state == State.AFTER_CERTIFICATE


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (2, 1, "slot: found 1, expected 2"),
        (3, 1, "attributes: found certificate model 1, expected none"),
        (4, struct.pack("<H", 101), "portion: found .* 100 bytes left"),
        (6, struct.pack("<H", 0xFFFF), "remainder_length: found 65535, expected a chain of 65535"),
    ],
)
def test_broken_portions(at: int, value: int | bytes, reason: str) -> None:
    request, reply, host = asked_certificate()
    with pytest.raises(BrokenReply, match=f"CERTIFICATE.{reason}"):
        request.accept(patched(reply, at, value))
    assert host.connection.transcript.part(Part.B) == ()


@pytest.mark.parametrize(("length", "told"), [(99, "found 100, expected 1 to the 99"), (100, "")])
def test_a_portion_is_no_larger_than_asked_for(length: int, told: str) -> None:
    _, reply, host = asked_certificate()
    request = CertificateRequest(host.connection, slot=2, offset=0, length=length, total=None)
    if not told:
        assert len(request.accept(reply).data) == length
        return
    with pytest.raises(BrokenReply, match=f"CERTIFICATE.portion_length: {told}"):
        request.accept(reply)


def test_an_empty_portion_leads_nowhere() -> None:
    request, reply, _ = asked_certificate()
    with pytest.raises(BrokenReply, match=r"CERTIFICATE.portion_length: found 0"):
        request.accept(patched(reply, 4, b"\x00\x00")[:8])


def test_all_portions_tell_the_same_size() -> None:
    request, reply, _ = asked_certificate(offset=100, total=SIZE)
    left = SIZE - 201
    with pytest.raises(BrokenReply, match=f"remainder_length: found {left}, expected {SIZE} bytes"):
        request.accept(patched(reply, 6, struct.pack("<H", left)))


def test_certificate_attributes_are_reserved_in_one_two() -> None:
    request, reply, _ = asked_certificate(Version.V1_2)
    assert len(request.accept(patched(reply, 3, 1)).data) == 100


def test_there_are_eight_slots() -> None:
    with pytest.raises(EmulatorError, match="slot 8 where slots are 0 to 7"):
        CertificateRequest(connected().connection, slot=8, offset=0, length=1, total=None)


def test_the_chain_is_fetched_in_as_many_portions_as_it_takes() -> None:
    host = Host(device(), offer=Offer(certificate_portion=500)).connected(2)
    fetched = [request for request in host.sent if request[1] == 0x82]
    assert [struct.unpack("<HH", request[4:]) for request in fetched] == [
        (0, 500), (500, 500), (1000, 500), (1500, SIZE - 1500),
    ]  # fmt: skip
    assert host.requester.chains[2].spdm == device_chain("ECDSA_P384", 2).spdm("SHA_384")


ISSUED = issued("ECDSA_P256")


def spdm_chain(body: bytes = ISSUED.der, *, length: int | None = None) -> bytes:
    root_hash = hashes.digest("SHA_256", ISSUED.root)
    size = 4 + len(root_hash) + len(body) if length is None else length
    return struct.pack("<I", size) + root_hash + body


def test_a_chain_is_cut_apart() -> None:
    found = read_chain(3, spdm_chain(), "SHA_256")
    assert found.certificates == ISSUED.certificates
    assert found.root_hash == hashes.digest("SHA_256", ISSUED.root)
    assert found.digest == hashes.digest("SHA_256", spdm_chain())
    assert found.leaf is not None
    key = found.key("ECDSA_P256")
    assert key is not None
    assert key.spki == ISSUED.key.public.spki
    assert found.key("ECDSA_P384") is None


def test_the_upper_half_of_its_length_is_reserved() -> None:
    assert read_chain(0, patched(spdm_chain(), 2, b"\xff\xff"), "SHA_256").certificates


@pytest.mark.parametrize(
    ("spdm", "reason"),
    [
        (b"", "chain: found 0 bytes, expected more than 36"),
        (spdm_chain(b""), "chain: found 36 bytes"),
        (spdm_chain(length=99), "chain length: found 99, expected"),
        (spdm_chain(b"\x30\x05\x00"), "certificates: found byte 0: .*, expected DER certificates"),
        (spdm_chain(b"\x02\x01\x00"), "certificates: found byte 0: tag 0x02"),
    ],
)
def test_broken_chains(spdm: bytes, reason: str) -> None:
    with pytest.raises(BrokenReply, match=f"CERTIFICATE.{reason}"):
        read_chain(0, spdm, "SHA_256")


def test_an_unreadable_leaf_has_no_key() -> None:
    chain = PeerChain(0, b"", "SHA_256", b"", (b"\x30\x00",))
    assert chain.leaf is None
    assert chain.key("ECDSA_P256") is None
