"""Every kind of wrong chain: what the requester makes of it, and that nothing else is wrong."""

from pathlib import Path

import pytest
from devices import Peer, get_certificate, get_digests
from devices import device as plain_device
from unit.faults.faulty import AT, FaultyHost, failed, faults_of, faulty, loaded, rule

from emulator.crypto.certificate import Certificate
from emulator.entropy import Seeded
from emulator.errors import ProfileError
from emulator.faults import arm
from emulator.faults.effects.chain import ISSUED, KINDS, MADE
from emulator.pki import files
from emulator.profile import build, load
from emulator.requester import Offer
from emulator.spdm.state import State
from emulator.spdm.versions import Version

BY_NOBODY: set[str] = set()
WRONG = {
    "expired": {"chain: validity"},
    "not-yet-valid": {"chain: validity"},
    "wrong-san": {"chain: leaf name"},
    "no-san": {"chain: leaf name"},
    "missing-eku": BY_NOBODY,
    "requester-eku": {"chain: leaf purposes"},
    "missing-oid": BY_NOBODY,
    "self-signed-leaf": {"chain: anchor"},
    "leaf-is-ca": {"chain: leaf constraints"},
    "weak-key-usage": {"chain: leaf key usage"},
    # What is out of order is not signed by what stands before it.
    "broken-order": {"chain: order", "chain: signatures"},
    "extra-certificate": {"chain: order", "chain: signatures"},
    "wrong-root-hash": {"chain: root hash"},
    # A root that follows itself is signed well, and stands there twice all the same.
    "oversize": {"chain: order"},
    "key-mismatch": {"challenge signature", "measurement signature"},
    "bad-signature": {"chain: signatures"},
}


def bad(kind: str, **more: object) -> dict[str, object]:
    return {"bad-chain": {"kind": kind, **more}}


def test_every_kind_is_judged_here() -> None:
    assert set(WRONG) == set(KINDS.offered) == {*ISSUED, *MADE}


@pytest.mark.parametrize("kind", KINDS.offered)
def test_exactly_that_is_wrong_and_the_next_connection_is_clean(kind: str) -> None:
    held = faulty(rule(bad(kind), {"connection": 1}))
    host = FaultyHost(held)
    assert failed(host.judge()) == WRONG[kind]
    # DIGESTS, CERTIFICATE in its portions, CHALLENGE_AUTH, signed MEASUREMENTS.
    assert faults_of(held).counts["the-rule"] == len(host.sent) - 4
    assert {one.what for one in host.fired} == {f"slot 0: {kind}"}
    plain, other = FaultyHost(held), FaultyHost(faulty())
    assert failed(plain.judge()) == failed(other.judge()) == set()
    assert not plain.fired
    assert plain.requester.chains == other.requester.chains


@pytest.mark.parametrize("kind", ["missing-eku", "missing-oid"])
def test_what_no_requester_misses_is_missing(kind: str) -> None:
    hosts = FaultyHost(faulty()), FaultyHost(faulty(rule(bad(kind))))
    for host in hosts:
        host.judge()
    good, changed = (host.requester.chains[0].leaf for host in hosts)
    assert good is not None
    assert changed is not None
    assert (bool(changed.ekus), bool(changed.spdm_oids)) == (
        kind != "missing-eku",
        kind != "missing-oid",
    )
    assert good.ekus
    assert good.spdm_oids


@pytest.mark.parametrize("kind", KINDS.offered)
@pytest.mark.parametrize("asym", ["RSAPSS_2048", "EDDSA_448"])
def test_with_every_family_of_keys(kind: str, asym: str) -> None:
    held = faulty(rule(bad(kind)), sets=(f"algorithms.asym=[{asym}]",))
    host = FaultyHost(held, offer=Offer(asym=(asym,)))
    assert failed(host.judge()) == WRONG[kind]


@pytest.mark.parametrize("kind", KINDS.offered)
@pytest.mark.parametrize("include_root", ["true", "false"])
def test_of_an_alias_certificate_and_of_a_chain_without_its_root(
    kind: str, include_root: str
) -> None:
    sets = (
        f"slots={{0: {{auto: {{model: alias, include_root: {include_root}}}}}}}",
        "capabilities=[CERT, CHAL, MEAS_SIG, MEAS_FRESH, ALIAS_CERT]",
    )
    host = FaultyHost(faulty(rule(bad(kind)), sets=sets))
    wrong = failed(host.judge())
    # The device's own certificate allows no CA below it, and now there is one.
    assert wrong - {"chain: authorities"} >= WRONG[kind] - {"chain: order"}
    assert wrong or kind in {"missing-eku", "missing-oid", "oversize"}


def test_an_alias_follows_the_measurements_when_it_is_bent_too() -> None:
    sets = (
        "slots={0: {auto: {model: alias}}}",
        "capabilities=[CERT, CHAL, MEAS_SIG, MEAS_FRESH, ALIAS_CERT]",
    )
    held = faulty(rule(bad("expired")), sets=sets)
    before, after = FaultyHost(held), FaultyHost(held)
    assert failed(before.judge()) == {"chain: validity"}
    held.measurements.change(1, b"other firmware")
    assert failed(after.judge()) == {"chain: validity"}
    keys = [host.requester.chains[0].key("ECDSA_P384") for host in (before, after)]
    assert len({key.spki for key in keys if key is not None}) == 2


def test_a_message_alone_tells_another_story_than_the_others() -> None:
    digests = FaultyHost(faulty(rule(bad("expired"), {"message": "GET_DIGESTS"})))
    assert failed(digests.judge()) == {"digest"}
    shown = FaultyHost(faulty(rule(bad("expired"), {"message": "CERTIFICATE"})))
    assert failed(shown.judge()) == {"chain: validity", "digest", "challenge"}
    signing = FaultyHost(faulty(rule(bad("expired"), {"message": "CHALLENGE"})))
    assert failed(signing.judge()) == {"challenge"}


@pytest.mark.parametrize("slot", [0, 1])
def test_a_slot_alone(slot: int) -> None:
    sets = ("slots={0: auto, 1: auto}",)
    held = faulty(rule(bad("bad-signature", slot=slot)), sets=sets)
    assert failed(FaultyHost(held).judge(slot=slot)) == {"chain: signatures"}
    assert failed(FaultyHost(held).judge(slot=1 - slot)) == set()


def test_without_a_slot_every_slot_in_one_exchange_counts_once() -> None:
    sets = ("slots={0: auto, 1: auto, 4: auto}",)
    held = faulty(rule(bad("expired"), {"message": "GET_DIGESTS", "nth": 1}), sets=sets)
    host, clean = FaultyHost(held), FaultyHost(faulty(sets=sets))
    for one in (host, clean):
        one.run(one.requester.connect())
    first, right = host.run(host.requester.digests()), clean.run(clean.requester.digests())
    assert set(first.digests) == {0, 1, 4}
    assert all(first.digests[slot] != right.digests[slot] for slot in (0, 1, 4))
    assert faults_of(held).counts == {"the-rule": 1}
    assert [one.what for one in host.fired] == [f"slot {slot}: expired" for slot in (0, 1, 4)]
    assert host.run(host.requester.digests()) == right


def test_an_oversize_chain_is_larger_than_most_expect_and_still_fits_the_small_form() -> None:
    host = FaultyHost(faulty(rule(bad("oversize"))))
    host.judge()
    assert 0xF000 < len(host.requester.chains[0].spdm) <= 0xFFFF


@pytest.mark.parametrize("version", list(Version))
def test_in_every_version(version: Version) -> None:
    sets = ('versions=["1.0", "1.1", "1.2", "1.3", "1.4"]',)
    host = FaultyHost(faulty(rule(bad("no-san")), sets=sets), offer=Offer(versions=(version,)))
    assert failed(host.judge()) == {"chain: leaf name"}


def test_without_variants_only_what_is_made_of_the_chain_fires() -> None:
    for kind in KINDS.offered:
        held = plain_device()
        faults = arm(held, [rule(bad(kind))], Seeded("faults"))
        peer = Peer(held, stages=faults.attach(1)).climb(State.NEGOTIATED)
        peer.good(get_digests())
        peer.good(get_certificate())
        assert bool(faults.counts["the-rule"]) == (kind in set(MADE) - {"key-mismatch"})


@pytest.fixture
def from_files(tmp_path: Path) -> Path:
    """A profile whose slot 0 is read from files, and slot 1 issued."""
    chain = faulty().slots[0].chains["ECDSA_P384"]
    (tmp_path / "chain.pem").write_bytes(files.to_pem(chain.certificates))
    (tmp_path / "key.pem").write_bytes(chain.key.to_pem())
    profile = tmp_path / "p.yaml"
    profile.write_text(
        "profile: 1\nname: nvme-ssd\nextends: nvme-ssd\nalgorithms: {asym: [ECDSA_P384]}\n"
        "slots: {0: {chains: [{certificates: [chain.pem], key: key.pem}]}}\n"
    )
    return profile


@pytest.mark.parametrize("kind", sorted(MADE))
def test_a_chain_from_files_has_the_kinds_that_are_made_of_it(from_files: Path, kind: str) -> None:
    read = load(from_files, at=AT)
    held = build(read, entropy=Seeded("x"), at=AT, rules=[rule(bad(kind))])
    assert failed(FaultyHost(held).judge()) == WRONG[kind]


def test_a_chain_from_files_is_not_issued_anew(from_files: Path) -> None:
    expected = (
        "do[0].bad-chain.kind: found expired; expected one of broken-order, wrong-root-hash,"
        " oversize, extra-certificate, key-mismatch, bad-signature, as chains from files are not"
        " issued anew"
    )
    read = load(from_files, at=AT)
    with pytest.raises(ProfileError) as caught:
        build(read, entropy=Seeded("x"), at=AT, rules=[rule(bad("expired"))])
    assert caught.value.problems == [f'fault "the-rule": {expected}']
    text = from_files.read_text() + "faults: [{name: x, do: [{bad-chain: {kind: expired}}]}]\n"
    from_files.write_text(text)
    with pytest.raises(ProfileError) as caught:
        load(from_files, at=AT)
    assert caught.value.problems == [f"{from_files}:6:44: faults[0].{expected}"]


def test_a_slot_that_is_not_there_is_refused() -> None:
    with pytest.raises(ProfileError) as caught:
        faulty(rule(bad("expired", slot=3)))
    assert caught.value.problems == [
        'fault "the-rule": do[0].bad-chain.slot: found 3; expected a slot that holds a chain: 0'
    ]


def test_the_key_stays_the_same() -> None:
    host = FaultyHost(faulty(rule(bad("expired"))))
    host.judge()
    held = loaded("nvme-ssd").chains[0].chain.certificates[-1]
    right, shown = Certificate.parse(held).key, host.requester.chains[0].leaf
    assert right is not None
    assert shown is not None
    assert shown.key is not None
    assert shown.key.spki == right.spki
