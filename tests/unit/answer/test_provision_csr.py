"""GET_CSR: what is in the request that comes, what needs a reset, and what is refused."""

from dataclasses import replace

import pytest
from asking import Host
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AttributeOID
from devices import IDENTITY, chain, error
from provisioned import ABLE, SCHEME, SEVERAL, provisionable

from emulator.crypto import der
from emulator.crypto.csr import read_requester_info
from emulator.device import Device
from emulator.errors import PeerErrorReply, PkiError
from emulator.requester import Offer
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import ErrorCode
from emulator.spdm.key_pairs import CertificateModel
from emulator.spdm.versions import Version

RESET = Cap.CERT_INSTALL_RESET


def host_of(device: Device, version: Version = Version.V1_3, *, several: bool = False) -> Host:
    return Host(device, offer=Offer(versions=(version,), multi_key=several)).connected()


def names_of(request: x509.CertificateSigningRequest) -> list[str]:
    san = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [der.decode_utf8(one.value) or "" for one in san if isinstance(one, x509.OtherName)]


@pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3, Version.V1_4])
def test_a_request_is_signed_by_slot_0s_key_and_has_the_name_linux_wants(version: Version) -> None:
    host = host_of(provisionable(capabilities=ABLE), version)
    request = x509.load_der_x509_csr(host.run(host.requester.csr()))
    assert request.is_signature_valid
    assert request.public_key() == chain(SCHEME, 0).key.public.pyca
    assert names_of(request) == [IDENTITY.san]
    constraints = request.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca


def test_where_several_keys_are_used_the_pair_and_the_model_are_named() -> None:
    host = host_of(provisionable(), several=True)
    generic = CertificateModel.GENERIC
    request = x509.load_der_x509_csr(host.run(host.requester.csr(key_pair=2, model=generic)))
    assert request.public_key() == chain(SCHEME, 2).key.public.pyca
    oids = {extension.oid.dotted_string for extension in request.extensions}
    assert "1.3.6.1.4.1.412.274.6" not in oids


def wanted_info(*, subject: bytes, attributes: bytes) -> bytes:
    key = chain(SCHEME).key.public.spki
    return der.encode(0x30, b"\x02\x01\0", subject, key, der.encode(0xA0, attributes))


def test_subject_and_attributes_are_the_requesters_but_for_who_the_device_is() -> None:
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "as you like")]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("other")]), critical=False)
        .add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
        .add_attribute(AttributeOID.CHALLENGE_PASSWORD, b"a word")
        .sign(chain(SCHEME).key.pyca, hashes.SHA256())
    )
    info = der.children(der.read(asked.public_bytes(Encoding.DER)).content)[0]
    host = host_of(provisionable(capabilities=ABLE))
    made = host.run(host.requester.csr(requester_info=der.encode(info.tag, info.content)))
    request = x509.load_der_x509_csr(made)
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=as you like"
    assert names_of(request) == [IDENTITY.san]
    assert request.extensions.get_extension_for_class(x509.TLSFeature).value
    password = request.attributes.get_attribute_for_oid(AttributeOID.CHALLENGE_PASSWORD)
    assert password.value == b"a word"


NAME = der.encode(0x30)
BROKEN = {
    "no DER": b"\x30",
    "no SEQUENCE": der.encode(0x31),
    "more behind it": wanted_info(subject=NAME, attributes=b"") + b"\0",
    "a version": der.encode(0x30, b"\x02\x01\x01", NAME, NAME, der.encode(0xA0)),
    "no attributes": der.encode(0x30, b"\x02\x01\0", NAME, NAME),
    "a subject": wanted_info(subject=der.encode(0x30, b"\x02\x01\0"), attributes=b""),
    "an attribute": wanted_info(subject=NAME, attributes=b"\x02\x01\0"),
    "an attribute's values": wanted_info(
        subject=NAME, attributes=der.encode(0x30, der.encode_oid("1.2.3"), b"\x02\x01\0")
    ),
    "no value": wanted_info(
        subject=NAME, attributes=der.encode(0x30, der.encode_oid("1.2.3"), der.encode(0x31))
    ),
    "extensions": wanted_info(
        subject=NAME,
        attributes=der.encode(
            0x30, der.encode_oid("1.2.840.113549.1.9.14"), der.encode(0x31, b"\x02\x01\0")
        ),
    ),
    "an extension": wanted_info(
        subject=NAME,
        attributes=der.encode(
            0x30,
            der.encode_oid("1.2.840.113549.1.9.14"),
            der.encode(0x31, der.encode(0x30, der.encode(0x30, b"\x02\x01\0"))),
        ),
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_requester_info_that_is_malformed_is_an_invalid_request(what: str) -> None:
    with pytest.raises(PkiError):
        read_requester_info(BROKEN[what])
    device = provisionable(capabilities=ABLE)
    before = device.provisioning.state if device.provisioning else None
    host = host_of(device)
    with pytest.raises(PeerErrorReply) as refused:
        host.run(host.requester.csr(requester_info=BROKEN[what]))
    assert refused.value.code == ErrorCode.INVALID_REQUEST
    assert device.provisioning is not None
    assert device.provisioning.state == before


@pytest.mark.parametrize(
    ("several", "parameters"),
    [
        (False, (1, 0)),
        (False, (0, 1)),
        (False, (0, 1 << 3)),
        (False, (0, 0x88)),
        (True, (0, 1)),
        (True, (1, 0)),
        (True, (1, 2)),
        (True, (1, 4)),
        (True, (3, 1)),
        (True, (4, 1)),
    ],
)
def test_parameters_that_do_not_fit(*, several: bool, parameters: tuple[int, int]) -> None:
    """Pair 3 has no key, and there is no fourth."""
    host = host_of(provisionable(), several=several)
    request = bytes((0x13, 0xED, *parameters, 0, 0, 0, 0))
    assert host.answer(request) == error(0x13, ErrorCode.INVALID_REQUEST)


@pytest.mark.parametrize("opaque", [b"\x01\0\0\0", bytes(1025), b"\xff"])
def test_opaque_data_that_is_none(opaque: bytes) -> None:
    host = host_of(provisionable())
    request = bytes((0x13, 0xED, 0, 0, 0, 0)) + len(opaque).to_bytes(2, "little") + opaque
    assert host.answer(request) == error(0x13, ErrorCode.INVALID_REQUEST)


def test_before_1_3_a_request_that_needs_a_reset_is_asked_for_again() -> None:
    device = provisionable(capabilities=ABLE | RESET)
    host = host_of(device, Version.V1_2)
    request = bytes((0x12, 0xED, 0, 0, 0, 0, 0, 0))
    told = error(0x12, ErrorCode.RESET_REQUIRED)
    assert host.answer(request) == told
    assert host.answer(request) == told
    device.reset()
    host = host_of(device, Version.V1_2)
    assert host.answer(request)[1] == 0x6D


def test_since_1_3_it_has_a_tag() -> None:
    device = provisionable(capabilities=SEVERAL | RESET)
    host = host_of(device)
    plain = bytes((0x13, 0xED, 0, 0, 0, 0, 0, 0))

    def tagged(tag: int, more: int = 0) -> bytes:
        return plain[:3] + bytes((tag << 3 | more,)) + plain[4:]

    for tag in range(1, 8):
        assert host.answer(plain) == error(0x13, ErrorCode.RESET_REQUIRED, tag)
    assert host.answer(plain) == error(0x13, ErrorCode.BUSY)
    assert host.answer(tagged(2)) == error(0x13, ErrorCode.BUSY)
    assert host.answer(tagged(2, 0x80)) == error(0x13, ErrorCode.INVALID_REQUEST)
    device.reset()
    host = host_of(device)
    assert host.answer(tagged(2))[1] == 0x6D
    assert host.answer(plain) == error(0x13, ErrorCode.BUSY)
    assert host.answer(tagged(0, 0x80)) == error(0x13, ErrorCode.RESET_REQUIRED, 1)
    assert host.answer(tagged(2)) == error(0x13, ErrorCode.INVALID_REQUEST)
    assert host.answer(tagged(1)) == error(0x13, ErrorCode.BUSY)
    device.reset()
    assert host_of(device).answer(tagged(1))[1] == 0x6D


def test_a_request_of_a_tag_that_was_another_is_not_answered() -> None:
    device = provisionable(capabilities=ABLE | RESET)
    host = host_of(device)
    assert host.answer(bytes((0x13, 0xED, 0, 0, 0, 0, 0, 0)))[2:4] == bytes((0x0C, 1))
    device.reset()
    info = wanted_info(subject=NAME, attributes=b"")
    other = bytes((0x13, 0xED, 0, 1 << 3)) + len(info).to_bytes(2, "little") + bytes(2) + info
    assert host_of(device).answer(other) == error(0x13, ErrorCode.BUSY)


def test_a_device_without_the_capability_has_none() -> None:
    device = replace(provisionable(), capabilities=ABLE & ~Cap.CSR)
    answer = host_of(device).answer(bytes((0x13, 0xED, 0, 0, 0, 0, 0, 0)))
    assert answer == error(0x13, ErrorCode.UNSUPPORTED_REQUEST, 0xED)
