from datetime import UTC, datetime

import pytest
from chains import SAN, authority, foreign, issued
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from emulator.crypto import certificate as known
from emulator.crypto import der
from emulator.crypto.certificate import Certificate, OtherName, printable
from emulator.errors import PkiError
from emulator.pki.issue import LeafOptions

P256 = ec.derive_private_key(7, ec.SECP256R1())


@pytest.mark.parametrize("scheme", ["ECDSA_P256", "ECDSA_P384"])
def test_a_leaf_reads_as_it_was_issued(scheme: str) -> None:
    chain = issued(scheme, options=LeafOptions(device_info="Maker:Product:1"))
    leaf = Certificate.parse(chain.leaf)
    assert leaf.subject == "CN=a device,O=spdm-emulator"
    assert leaf.issuer == f"CN=Sample {scheme} intermediate,O=spdm-emulator"
    assert leaf.not_before == datetime(2024, 1, 1, tzinfo=UTC)
    assert leaf.not_after == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert leaf.serial > 0
    assert leaf.key is not None
    assert leaf.key.scheme == scheme
    assert leaf.key.spki == chain.key.public.spki
    assert leaf.key_problem == ""
    assert (leaf.has_basic_constraints, leaf.is_ca, leaf.path_length) == (True, False, None)
    assert leaf.key_usage == frozenset({"digitalSignature"})
    assert leaf.ekus == (known.OID_RESPONDER_AUTH,)
    assert leaf.other_names == (
        OtherName(known.OID_DEVICE_INFO, b"\x0c\x0fMaker:Product:1", "Maker:Product:1"),
        OtherName(known.OID_CMA_NAME, bytes([12, len(SAN)]) + SAN.encode(), SAN),
    )
    assert leaf.spdm_oids == (known.OID_HARDWARE_IDENTITY,)
    assert leaf.extensions == (
        *("2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.17"),
        *(known.OID_SPDM_EXTENSION, "2.5.29.14", "2.5.29.35"),
    )
    assert not leaf.is_self_signed


def test_issuers_read_as_authorities() -> None:
    root, intermediate = (Certificate.parse(one) for one in issued().certificates[:2])
    assert root.is_self_signed
    assert (root.is_ca, root.path_length) == (True, None)
    assert (intermediate.is_ca, intermediate.path_length) == (True, 1)
    assert root.key_usage == intermediate.key_usage == frozenset({"keyCertSign", "cRLSign"})
    assert intermediate.names_issuer(root)
    assert intermediate.signature_problem(root) == ""
    assert root.signature_problem(intermediate) != ""


def test_another_issuer_of_the_same_name_does_not_verify() -> None:
    impostor = Certificate.parse(authority(seed="impostor").root.certificate)
    intermediate = Certificate.parse(authority().intermediate.certificate)
    assert intermediate.names_issuer(impostor)
    assert intermediate.signature_problem(impostor) == "the signature does not verify"
    assert Certificate.parse(authority().root.certificate).is_self_signed


def test_a_printable_string_is_no_text() -> None:
    leaf = Certificate.parse(issued(options=LeafOptions(san_encoding="printable")).leaf)
    assert [(name.text, name.value[0]) for name in leaf.other_names] == [(None, 0x13)]


def test_what_is_absent_reads_as_absent() -> None:
    bare = Certificate.parse(foreign(P256))
    assert (bare.has_basic_constraints, bare.is_ca, bare.path_length) == (False, False, None)
    assert bare.key_usage is None
    assert bare.ekus == bare.extensions == bare.spdm_oids == ()
    assert bare.other_names == ()


def test_other_kinds_of_names_are_left_out() -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("a.example")])
    read = Certificate.parse(foreign(P256, names))
    assert read.other_names == ()
    assert read.extensions == ("2.5.29.17",)


def test_unknown_keys_are_named() -> None:
    curve = Certificate.parse(foreign(ec.derive_private_key(7, ec.SECP256K1())))
    assert curve.key is None
    assert "curve secp256k1" in curve.key_problem
    assert curve.is_self_signed


def test_an_ed25519_key_is_known() -> None:
    read = Certificate.parse(foreign(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))))
    assert read.key is not None
    assert read.key.scheme == "EDDSA_25519"
    assert read.is_self_signed


def test_text_is_safe_for_a_terminal() -> None:
    assert Certificate.parse(foreign(P256, name="a\x1b[2Jb")).subject == r"CN=a\x1b[2Jb"
    assert printable("a\u202eb é") == r"a\u202eb é"


def spdm(value: bytes) -> bytes:
    return foreign(P256, x509.UnrecognizedExtension(der.oid(known.OID_SPDM_EXTENSION), value))


def test_spdm_extension_may_carry_definitions() -> None:
    oid = der.encode_oid(known.OID_MUTABLE_CERTIFICATE)
    entry = der.encode(der.SEQUENCE, oid, der.encode(0x04, b"definition"))
    read = Certificate.parse(spdm(der.encode(der.SEQUENCE, entry, entry)))
    assert read.spdm_oids == (known.OID_MUTABLE_CERTIFICATE,) * 2


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "0 bytes left"),
        ("3000ff", "not a SEQUENCE OF SEQUENCE"),
        ("3100", "not a SEQUENCE OF SEQUENCE"),
        ("30020600", "not a SEQUENCE OF SEQUENCE"),
        ("30023000", "0 bytes left"),
        ("300530030c0141", "not an object identifier: 0c0141"),
    ],
)
def test_a_bad_spdm_extension_names_itself(value: str, reason: str) -> None:
    with pytest.raises(PkiError, match=rf"1\.3\.6\.1\.4\.1\.412\.274\.6: .*{reason}"):
        Certificate.parse(spdm(bytes.fromhex(value)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes left"),
        (b"\x04\x00", "it starts with 0x04, not 0x30"),
        (b"\x30\x00\x00\x00", "2 bytes follow the certificate"),
        (b"\x30\x00", "not a readable certificate"),
    ],
)
def test_parse_names_what_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(PkiError, match=reason):
        Certificate.parse(data)


def test_serial_number_zero_is_read_in_silence() -> None:
    # RFC 5280 forbids it, `cryptography` warns of it, requesters accept it.
    data = foreign(P256)
    at = data.index(bytes.fromhex("a003020102020101")) + 7
    assert Certificate.parse(data[:at] + b"\x00" + data[at + 1 :]).serial == 0
