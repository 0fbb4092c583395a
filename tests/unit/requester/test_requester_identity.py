"""Whose a device's certificate chain is, and what makes it unbelievable."""

from datetime import UTC, datetime
from typing import Any

import pytest
from asking import ROOTS, Host, patched
from chains import SAN, authority
from devices import chain, device
from judging import bent, failed, judge, skipped

from emulator.device import CertificateChain, Slot
from emulator.errors import PkiError
from emulator.spdm.codes import Code


def test_a_slot_can_be_chosen() -> None:
    verdict = judge(Host(), slot=2)
    assert verdict.ok
    assert verdict.step("certificate chain").evidence["slot"] == 2


def test_an_empty_slot_fails() -> None:
    verdict = judge(Host(), slot=1)
    assert failed(verdict) == ["certificate chain"]
    assert "INVALID_REQUEST" in verdict.step("certificate chain").detail
    assert verdict.step("challenge").detail == "not reached"


@pytest.mark.parametrize(
    ("arguments", "step", "detail"),
    [
        ({"trust": ()}, "chain: anchor", "neither one of the 0 trusted"),
        ({"trust": (ROOTS[0],)}, "chain: anchor", "nor issued by one"),
        ({"san": "Vendor=dead"}, "chain: leaf name", "not the UTF8String 'Vendor=dead'"),
        ({"at": datetime(1999, 1, 1, tzinfo=UTC)}, "chain: validity", "is valid from"),
    ],
)
def test_a_chain_that_is_not_believed_stops_nothing(
    arguments: dict[str, Any], step: str, detail: str
) -> None:
    verdict = judge(Host(), **arguments)
    assert failed(verdict) == [step]
    assert detail in verdict.step(step).detail
    assert verdict.step("measurement signature").ok


def test_no_name_is_compared_where_none_is_expected() -> None:
    verdict = judge(Host(), san=None)
    assert verdict.ok
    assert skipped(verdict) == ["chain: leaf name"]
    assert verdict.step("chain: leaf name").detail == f"{SAN} (not compared)"


def held(certificates: tuple[bytes, ...], root: bytes) -> Host:
    to = device()
    found = CertificateChain(certificates, root, chain("ECDSA_P384").key)
    to.slots = {0: Slot({"ECDSA_P384": found})}
    return Host(to)


def test_a_chain_may_leave_its_root_out() -> None:
    good = chain("ECDSA_P384")
    verdict = judge(held(good.certificates[1:], good.root))
    assert verdict.ok, failed(verdict)


@pytest.mark.parametrize(
    ("certificates", "whose"),
    [
        (chain("ECDSA_P384").certificates, "the root in it"),
        (chain("ECDSA_P384").certificates[1:], "any trusted certificate"),
    ],
)
def test_the_root_hash_is_the_roots(certificates: tuple[bytes, ...], whose: str) -> None:
    verdict = judge(held(certificates, b"another root"))
    assert failed(verdict) == ["chain: root hash"]
    assert whose in verdict.step("chain: root hash").detail


def test_a_leaf_of_another_scheme_proves_nothing() -> None:
    good = chain("ECDSA_P256")
    verdict = judge(held(good.certificates, good.root))
    assert failed(verdict) == [
        "chain: negotiated key",
        "challenge signature",
        "measurement signature",
    ]


def test_unreadable_certificates_are_told() -> None:
    good = chain("ECDSA_P384")
    junk = bytes.fromhex("3003020101")
    verdict = judge(held((junk, *good.certificates[1:-1], junk), good.root), san=None)
    assert "chain: encoding" in failed(verdict)
    told = verdict.step("certificate chain").evidence["certificates"][0]
    assert told["size"] == 5
    assert "problem" in told
    assert "unreadable leaf" in verdict.step("certificate chain").detail
    assert verdict.step("chain: leaf name").detail == "the leaf has no PCIe CMA name"


def test_digests_are_held_against_the_chain() -> None:
    verdict = judge(bent(Code.GET_DIGESTS, lambda reply: patched(reply, 5, reply[5] ^ 1)))
    # The challenge's transcript has another DIGESTS than the device's.
    assert failed(verdict) == ["digest", "challenge signature"]
    assert "the chain's hash is" in verdict.step("digest").detail


def test_a_slot_without_a_digest_is_told() -> None:
    verdict = judge(bent(Code.GET_DIGESTS, lambda reply: patched(reply[:52], 3, 0x04)), slot=0)
    assert verdict.step("digest").detail == "DIGESTS has none for slot 0"
    assert verdict.step("digest").ok is False


def test_trust_that_cannot_be_read_is_our_own_mistake() -> None:
    with pytest.raises(PkiError):
        judge(Host(), trust=(b"junk",))


def test_another_authority_is_not_ours() -> None:
    other = authority("ECDSA_P384", "somebody else").root.certificate
    verdict = judge(Host(), trust=(other,))
    assert "chain: anchor" in failed(verdict)
