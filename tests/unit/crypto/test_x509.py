from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from chains import AT, SAN, authority, foreign, issued
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.crypto.certificate import (
    OID_HARDWARE_IDENTITY,
    OID_REQUESTER_AUTH,
    OID_RESPONDER_AUTH,
)
from emulator.crypto.x509 import Check, judge, split_chain, verify_chain
from emulator.errors import PkiError
from emulator.pki import build
from emulator.pki.authority import NOT_AFTER, NOT_BEFORE
from emulator.pki.build import Extension, Issuer
from emulator.pki.issue import LeafOptions

CHAIN = issued()
ROOT = CHAIN.root
START = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = [
    *("encoding", "anchor", "order", "signatures", "validity", "authorities"),
    *("leaf constraints", "leaf key", "leaf key usage", "leaf purposes", "leaf SPDM extension"),
    "leaf name",
]


def verify(
    certificates: Sequence[bytes],
    anchors: Sequence[bytes] = (ROOT,),
    *,
    at: datetime = AT,
    expected_san: str | None = SAN,
    slot: int = 0,
    alias: bool = False,
) -> list[Check]:
    return verify_chain(
        certificates, anchors, at=at, expected_san=expected_san, slot=slot, alias=alias
    )


def failures(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.detail for check in checks if not check.ok}


def with_leaf(options: LeafOptions) -> tuple[bytes, ...]:
    return issued(options=options).certificates


def below_root(*extensions: Extension) -> Issuer:
    """An issuer of the sample root's, with other extensions than the sample intermediate."""
    certificate = build.certify(
        build.name("odd intermediate"),
        authority().intermediate.key.public,
        authority().root,
        extensions,
        not_before=NOT_BEFORE,
        not_after=NOT_AFTER,
    )
    return Issuer(certificate, authority().intermediate.key)


def leaf_below(issuer: Issuer) -> bytes:
    return build.certify(
        build.name("a device"),
        CHAIN.key.public,
        issuer,
        (build.constraints(ca=False), build.key_usage("digitalSignature")),
        not_before=NOT_BEFORE,
        not_after=NOT_AFTER,
    )


class TestSplit:
    def test_gives_back_the_certificates(self) -> None:
        assert split_chain(CHAIN.der) == CHAIN.certificates

    @given(st.integers(1, len(CHAIN.der) - 1))
    def test_a_cut_is_noticed_with_its_offset(self, size: int) -> None:
        ends = [sum(map(len, CHAIN.certificates[:n])) for n in range(1, 3)]
        if size in ends:
            assert split_chain(CHAIN.der[:size]) == CHAIN.certificates[: ends.index(size) + 1]
            return
        start = max(end for end in [0, *ends] if end < size)
        with pytest.raises(PkiError, match=f"byte {start}: "):
            split_chain(CHAIN.der[:size])

    def test_garbage_is_noticed_with_its_offset(self) -> None:
        with pytest.raises(PkiError, match=f"byte {len(CHAIN.der)}: tag 0x04"):
            split_chain(CHAIN.der + b"\x04\x00")

    def test_an_empty_chain_is_none(self) -> None:
        with pytest.raises(PkiError, match="the chain is empty"):
            split_chain(b"")


class TestGoodChains:
    @pytest.mark.parametrize("scheme", ["ECDSA_P256", "ECDSA_P384"])
    @pytest.mark.parametrize("model", ["device", "alias"])
    def test_what_we_issue_passes(self, scheme: str, model: str) -> None:
        options = LeafOptions(model="alias" if model == "alias" else "device")
        chain = issued(scheme, options=options)
        checks = verify(chain.certificates, [chain.root], alias=model == "alias")
        assert [check.name for check in checks] == NAMES
        assert failures(checks) == {}

    def test_the_root_may_be_left_out(self) -> None:
        checks = verify(CHAIN.certificates[1:])
        assert failures(checks) == {}
        assert checks[1].detail.startswith("the chain is issued by CN=Sample ECDSA_P256 root")

    def test_any_certificate_may_be_the_anchor(self) -> None:
        checks = verify(CHAIN.certificates[1:], [CHAIN.certificates[1]])
        assert failures(checks) == {}
        assert "starts at CN=Sample ECDSA_P256 intermediate" in checks[1].detail

    def test_no_name_is_judged_when_none_is_expected(self) -> None:
        checks = verify(issued(san=None).certificates, expected_san=None)
        assert [check.name for check in checks] == NAMES[:-1]
        assert failures(checks) == {}

    def test_judge_takes_the_bytes(self) -> None:
        checks = judge(CHAIN.der, [ROOT], at=AT, expected_san=SAN, slot=0)
        assert checks == verify(CHAIN.certificates)


class TestTrust:
    def test_a_strange_root(self) -> None:
        other = authority(seed="another").root.certificate
        assert list(failures(verify(CHAIN.certificates, [other]))) == ["anchor"]
        assert (
            "neither one of the 1 trusted"
            in failures(verify(CHAIN.certificates, [other]))["anchor"]
        )

    def test_no_anchor(self) -> None:
        assert list(failures(verify(CHAIN.certificates, []))) == ["anchor"]

    def test_an_anchor_that_is_no_ca_issues_nothing(self) -> None:
        below_leaf = leaf_below(Issuer(CHAIN.leaf, CHAIN.key))
        assert "anchor" in failures(verify([below_leaf], [CHAIN.leaf]))

    def test_an_unreadable_anchor_is_the_callers_fault(self) -> None:
        with pytest.raises(PkiError, match="not a readable certificate"):
            verify(CHAIN.certificates, [b"\x30\x00"])

    def test_there_must_be_a_certificate(self) -> None:
        with pytest.raises(PkiError, match="no certificate to judge"):
            verify([])

    def test_wrong_order(self) -> None:
        root, intermediate, leaf = CHAIN.certificates
        assert {"order", "signatures"} <= set(failures(verify([root, leaf, intermediate])))

    def test_another_signer_of_the_same_name(self) -> None:
        forged = leaf_below(authority(seed="another").intermediate)
        assert failures(verify([*CHAIN.certificates[:2], forged], expected_san=None)) == {
            "signatures": "certificate 2: the signature does not verify"
        }

    def test_a_changed_root_signature(self) -> None:
        changed = ROOT[:-1] + bytes([ROOT[-1] ^ 1])
        found = failures(verify([changed, *CHAIN.certificates[1:]], [changed]))
        assert found == {"signatures": "certificate 0: the signature does not verify"}


class TestValidity:
    @pytest.mark.parametrize("at", [START, END])
    def test_both_ends_belong_to_it(self, at: datetime) -> None:
        assert failures(verify(issued(not_before=START, not_after=END).certificates, at=at)) == {}

    @pytest.mark.parametrize("year", [2024, 2027])
    def test_outside(self, year: int) -> None:
        found = failures(
            verify(
                issued(not_before=START, not_after=END).certificates,
                at=datetime(year, 6, 1, tzinfo=UTC),
            )
        )
        assert list(found) == ["validity"]
        assert found["validity"].startswith("certificate 2 is valid from 2025-01-01 00:00:00 UTC")


class TestAuthorities:
    def test_a_leaf_may_not_issue(self) -> None:
        chain = [*CHAIN.certificates, leaf_below(Issuer(CHAIN.leaf, CHAIN.key))]
        found = failures(verify(chain, expected_san=None))
        assert found["authorities"] == (
            "certificate 2 is no CA; certificate 2 lacks the key usage keyCertSign"
        )

    def test_key_usage_may_be_unlimited(self) -> None:
        issuer = below_root(build.constraints(ca=True))
        chain = [ROOT, issuer.certificate, leaf_below(issuer)]
        assert failures(verify(chain, expected_san=None)) == {}

    def test_a_short_path(self) -> None:
        short = below_root(build.constraints(ca=True, path_length=0))
        middle = build.certify(
            build.name("one too many"),
            CHAIN.key.public,
            short,
            (build.constraints(ca=True),),
            not_before=NOT_BEFORE,
            not_after=NOT_AFTER,
        )
        chain = [ROOT, short.certificate, middle, leaf_below(Issuer(middle, CHAIN.key))]
        assert failures(verify(chain, expected_san=None)) == {
            "authorities": "certificate 1 allows 0 CAs below it, 1 follow"
        }


class TestLeaf:
    def test_a_ca(self) -> None:
        chain = with_leaf(LeafOptions(ca=True))
        assert failures(verify(chain)) == {"leaf constraints": "the leaf is a CA"}

    def test_missing_basic_constraints_are_remarked(self) -> None:
        checks = verify(with_leaf(LeafOptions(basic_constraints=False)))
        assert failures(checks) == {}
        assert "SPDM 1.3 demands" in checks[NAMES.index("leaf constraints")].detail

    def test_key_cert_sign(self) -> None:
        chain = with_leaf(LeafOptions(key_usage=("digitalSignature", "keyCertSign")))
        for slot in (0, 1):
            assert list(failures(verify(chain, slot=slot))) == ["leaf key usage"]

    def test_no_digital_signature(self) -> None:
        chain = with_leaf(LeafOptions(key_usage=("keyAgreement",)))
        for slot in (0, 1):
            found = failures(verify(chain, slot=slot))
            assert found == {"leaf key usage": "the leaf lacks the key usage digitalSignature"}

    def test_no_key_usage_is_for_generic_certificates(self) -> None:
        chain = with_leaf(LeafOptions(key_usage=()))
        assert list(failures(verify(chain))) == ["leaf key usage"]
        assert failures(verify(chain, slot=1)) == {}

    @pytest.mark.parametrize(
        ("ekus", "good"),
        [
            ((), True),
            ((OID_RESPONDER_AUTH, OID_REQUESTER_AUTH), True),
            (("1.3.6.1.5.5.7.3.1",), True),
            ((OID_REQUESTER_AUTH,), False),
        ],
    )
    def test_purposes(self, ekus: tuple[str, ...], good: bool) -> None:  # noqa: FBT001 - a table
        found = failures(verify(with_leaf(LeafOptions(ekus=ekus))))
        assert list(found) == ([] if good else ["leaf purposes"])

    def test_an_alias_leaf_has_no_hardware_identity(self) -> None:
        options = LeafOptions(model="alias", spdm_oids=(OID_HARDWARE_IDENTITY,))
        chain = with_leaf(options)
        assert failures(verify(chain)) == {}
        assert list(failures(verify(chain, alias=True))) == ["leaf SPDM extension"]

    def test_an_unknown_key(self) -> None:
        unknown = foreign(ec.derive_private_key(7, ec.SECP256K1()))
        assert "curve secp256k1" in failures(verify([unknown], expected_san=None))["leaf key"]

    def test_a_certificate_too_short_for_linux(self) -> None:
        short = foreign(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)))
        found = failures(verify([short], expected_san=None))
        assert "Linux takes none below 256" in found["encoding"]


class TestName:
    @pytest.mark.parametrize(
        ("san", "options"),
        [
            (None, LeafOptions()),
            (SAN.upper(), LeafOptions()),
            (SAN + "\x00", LeafOptions()),
            (SAN, LeafOptions(san_encoding="printable")),
            (SAN, LeafOptions(more_names=("Vendor=dead",))),
        ],
    )
    def test_anything_but_the_exact_name_fails(self, san: str | None, options: LeafOptions) -> None:
        found = failures(verify(issued(san=san, options=options).certificates))
        assert list(found) == ["leaf name"]
        assert repr(SAN) in found["leaf name"]

    def test_the_same_name_twice_is_right(self) -> None:
        assert failures(verify(with_leaf(LeafOptions(more_names=(SAN,))))) == {}

    def test_dmtf_names_do_not_count(self) -> None:
        assert failures(verify(with_leaf(LeafOptions(device_info="A:B:C")))) == {}


class TestMutations:
    """Whatever the bytes, the judge answers; and no changed chain passes."""

    @settings(max_examples=400, deadline=None)
    @given(st.data())
    def test_changed_bytes(self, data: st.DataObject) -> None:
        changed = bytearray(CHAIN.der)
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(changed) - 1))
            changed[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        checks = judge(bytes(changed), [ROOT], at=AT, expected_san=SAN, slot=0)
        assert bool(failures(checks)) == (bytes(changed) != CHAIN.der)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.binary(max_size=80), min_size=1, max_size=3))
    def test_arbitrary_bytes(self, certificates: list[bytes]) -> None:
        assert failures(verify(certificates)).keys() == {"encoding"}

    @pytest.mark.parametrize("behind", [b"\x00", b"\x30\x00", CHAIN.leaf])
    def test_trailing_bytes(self, behind: bytes) -> None:
        chain = [*CHAIN.certificates[:2], CHAIN.leaf + behind]
        assert f"{len(behind)} bytes follow" in failures(verify(chain))["encoding"]

    def test_judge_reports_a_cut_chain(self) -> None:
        checks = judge(CHAIN.der[:-1], [ROOT], at=AT, expected_san=SAN, slot=0)
        assert [check.name for check in checks] == ["encoding"]
        assert not checks[0].ok
