"""Reference values in files: what is written is read, and what is wrong is told of."""

import json
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from chains import authority
from hypothesis import example, given
from hypothesis import strategies as st

from emulator.errors import BadReference
from emulator.pki.authority import sample_authority, sample_roots
from emulator.reference import from_corim, read, sign, to_corim, to_json, verified
from emulator.requester.appraisal import References, ReferenceValue

NOW = datetime(2025, 6, 1, tzinfo=UTC)
VALUES = References(
    "drive",
    "SHA_384",
    (
        ReferenceValue(1, 0, raw=False, value=bytes(48)),
        ReferenceValue(2, 6, raw=True, value=b"4.2.0"),
        ReferenceValue(3, 99, raw=True, value=b""),
    ),
)
PLAIN = References(
    "drive", "SHA_384", (*VALUES.values[:2], ReferenceValue(3, None, raw=True, value=b""))
)
"""A type that has no name has none in a file."""


def as_json(values: References = VALUES) -> dict[str, Any]:
    return to_json(values)


def signed(*, scheme: str = "ECDSA_P384") -> bytes:
    issuer = sample_authority(scheme).intermediate
    return sign(to_corim(VALUES), issuer.key, issuer.certificate, signer="tests")


def refused(data: bytes, told: str, *, trust: tuple[bytes, ...] = ()) -> None:
    with pytest.raises(BadReference, match=told):
        read(data, trust or sample_roots(), at=NOW)


def test_what_is_written_is_read() -> None:
    roots = sample_roots()
    assert read(json.dumps(as_json()).encode(), roots, at=NOW) == (PLAIN, False)
    assert read(to_corim(VALUES), roots, at=NOW) == (PLAIN, False)
    assert read(signed(), roots, at=NOW) == (PLAIN, True)


def test_a_corim_as_the_draft_lays_it_out() -> None:
    corim = cbor2.loads(to_corim(VALUES))
    assert (corim.tag, corim.value[0]) == (501, "drive")
    [tag] = corim.value[1]
    assert tag.tag == 506
    comid = cbor2.loads(tag.value)
    assert comid[1] == {0: "drive"}
    [[environment, measured]] = comid[4][0]
    assert environment == {0: {2: "drive"}}
    assert [one[0] for one in measured] == [1, 2, 3]
    assert measured[0][1] == {2: [[7, bytes(48)]], 11: "immutable-rom"}
    raw = measured[1][1][4]
    assert (raw.tag, raw.value) == (560, b"4.2.0")


def test_a_signed_corim_as_cose_lays_it_out() -> None:
    item = cbor2.loads(signed())
    protected, unprotected, payload, signature = item.value
    assert item.tag == 18
    header = cbor2.loads(protected)
    assert (header[1], header[3], len(header[4])) == (-35, "application/rim+cbor", 32)
    assert cbor2.loads(header[8]) == {0: {0: "tests"}}
    assert unprotected == {33: sample_authority("ECDSA_P384").intermediate.certificate}
    assert (payload, len(signature)) == (to_corim(VALUES), 96)


@pytest.mark.parametrize("scheme", ["ECDSA_P256", "ECDSA_P384", "ECDSA_P521"])
def test_signed_by_each_curve(scheme: str) -> None:
    assert verified(signed(scheme=scheme), sample_roots(), at=NOW) == to_corim(VALUES)


def test_the_signer_itself_may_be_trusted() -> None:
    own = sample_authority("ECDSA_P384").intermediate.certificate
    assert verified(signed(), [own], at=NOW) == to_corim(VALUES)


def test_signatures_that_are_not_to_be_believed() -> None:
    data = signed()
    bent = data[:-1] + bytes((data[-1] ^ 1,))
    refused(bent, "the signature is not")
    refused(data, "is not issued by a trusted", trust=(authority("ECDSA_P384").root.certificate,))
    with pytest.raises(BadReference, match="is not valid at"):
        read(data, sample_roots(), at=datetime(2020, 1, 1, tzinfo=UTC))
    other = cbor2.loads(data)
    parts = [*other.value]
    parts[2] = parts[2].replace(b"4.2.0", b"4.2.1")
    refused(cbor2.dumps(cbor2.CBORTag(18, parts)), "the signature is not")
    refused(cbor2.dumps(cbor2.CBORTag(18, [parts[0], {}, *parts[2:]])), "no certificate")
    refused(cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({1: -8}), *parts[1:]])), "algorithm -8")
    refused(cbor2.dumps(cbor2.CBORTag(18, [1, 2, 3, 4])), "whose parts are no bytes")
    refused(cbor2.dumps(cbor2.CBORTag(18, [])), "expected a signed CoRIM")
    refused(cbor2.dumps(cbor2.CBORTag(18, [parts[0], {33: b"x"}, *parts[2:]])), "certificate")


def test_a_key_that_cose_is_not_asked_for() -> None:
    issuer = sample_authority("EDDSA_25519").intermediate
    with pytest.raises(BadReference, match="EDDSA_25519 key where one for ECDSA"):
        sign(b"", issuer.key, issuer.certificate, signer="")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": "other"}, "schema: found 'other', expected 'spdm-emulator reference values 1'"),
        ({"measurement_hash": "MD5"}, "measurement_hash: found 'MD5', expected one of RAW_BIT"),
        ({"measurements": []}, "expected a list of at least one"),
        ({"measurements": [1]}, r"measurements\[0\]: expected an object"),
        ({"measurements": [{"index": 0}]}, r"measurements\[0\].index: found 0, expected 1 to 254"),
        ({"measurements": [{"index": 1, "type": "x"}]}, r"\[0\].type: found 'x', expected one of"),
        ({"measurements": [{"index": 1, "raw": 1}]}, r"\[0\].raw: found 1, expected true or"),
        ({"measurements": [{"index": 1, "value": "xy"}]}, "value: found 'xy', expected hexadecim"),
        ({"measurements": [{"index": 1}]}, "value: found 'None', expected hexadecimal digits"),
        ({"measurements": [{"index": 1, "value": ""}] * 2}, "each index once"),
    ],
)
def test_json_that_is_wrong(change: dict[str, Any], told: str) -> None:
    refused(json.dumps(as_json() | change).encode(), told)


def corim(measured: Any) -> bytes:
    comid = cbor2.dumps({1: {0: "x"}, 4: {0: [[{0: {2: "x"}}, measured]]}})
    return cbor2.dumps(cbor2.CBORTag(501, {0: "x", 1: [cbor2.CBORTag(506, comid)]}))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{", "no JSON"),
        (b"", "no CBOR"),
        (b"\xff", "no CBOR"),
        (cbor2.dumps(7), "expected an unsigned CoRIM"),
        (cbor2.dumps(cbor2.CBORTag(501, {})), "no tags"),
        (cbor2.dumps(cbor2.CBORTag(501, {1: []})), "without reference values"),
        (cbor2.dumps(cbor2.CBORTag(501, {1: [cbor2.CBORTag(506, b"\xa0")]})), "no triples"),
        (corim(1), "no environment with measurements"),
        (corim([{0: "x"}]), "no measurement key"),
        (corim([{0: 1}]), "no values of index 1"),
        (corim([{0: 1, 1: {2: [[2, b"x"]]}}]), "neither a digest by a known hash"),
        (corim([{0: 1, 1: {4: cbor2.CBORTag(560, b"x")}}] * 2), "two values of index 1"),
    ],
)
def test_cbor_that_is_wrong(data: bytes, told: str) -> None:
    refused(data, told)


@example(data=b"\xa0", at=52)  # a map where the number of a hash is
@given(st.binary(max_size=60), st.integers(0, 400))
def test_any_bytes_are_refused_or_read(data: bytes, at: int) -> None:
    roots = sample_roots()
    whole = to_corim(VALUES)
    for bent in (data, whole[:at] + data + whole[at + len(data) :], signed_once[:at] + data):
        try:
            read(bent, roots, at=NOW)
        except BadReference:
            continue


signed_once = signed()


def test_two_hashes_in_one_file_are_not_mixed() -> None:
    data = corim([{0: 1, 1: {2: [[7, b"x"]]}}, {0: 2, 1: {2: [[1, b"x"]]}}])
    with pytest.raises(BadReference, match="digests by SHA_256 and by SHA_384"):
        from_corim(data)


def test_what_shows_what_a_device_is_doing_is_marked() -> None:
    doing = ReferenceValue(7, 2, raw=False, value=bytes(48), runtime=True)
    values = References("drive", "SHA_384", (*PLAIN.values, doing))
    assert read(json.dumps(to_json(values)).encode(), (), at=NOW) == (values, False)
    assert read(to_corim(values), (), at=NOW) == (values, False)
    told = to_json(values)["measurements"]
    assert [one.get("runtime") for one in told] == [None, None, None, True]
    corim = cbor2.loads(to_corim(values))
    comid = cbor2.loads(corim.value[1][0].value)
    [[_, measured]] = comid[4][0]
    assert [one[1].get(3) for one in measured] == [None, None, None, {6: True}]
    told[3]["runtime"] = "yes"
    text = json.dumps({**to_json(values), "measurements": told})
    refused(text.encode(), "runtime: found 'yes', expected true or false")
