"""What happens to the device: seen from the next request on, and on later connections."""

from pathlib import Path
from typing import Any

import pytest
from devices import (
    GET_VERSION,
    Peer,
    challenge,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    vendor_request,
)
from unit.faults.faulty import AT, FaultyHost, failed, faults_of, faulty, rule

from emulator.device import Device
from emulator.errors import PeerErrorReply, ProfileError
from emulator.faults import Rule
from emulator.faults.effects.device import CAPABILITIES
from emulator.profile import load
from emulator.requester import Offer, Verdict
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.connection import Loss
from emulator.spdm.state import State
from emulator.spdm.versions import Version

ALIAS = (
    "slots={0: {auto: {model: alias}}}",
    "capabilities=[CERT, CHAL, MEAS_SIG, MEAS_FRESH, ALIAS_CERT]",
)
FRESH = ("capabilities=[CERT, CHAL, MEAS_SIG, MEAS_FRESH]",)
STALE = ("capabilities=[CERT, CHAL, MEAS_SIG]",)
TWO = ("slots={0: auto, 1: auto}",)
ONCE = {"message": "CHALLENGE_AUTH", "connection": 1}


def details(verdict: Verdict) -> dict[str, str]:
    """Why each step that is not good is not."""
    return {step.name: step.detail for step in verdict.steps if step.ok is False}


def refusal(caught: pytest.ExceptionInfo[PeerErrorReply]) -> int:
    return caught.value.code


def connected(held: Device) -> FaultyHost:
    made = FaultyHost(held)
    made.run(made.requester.connect())
    return made


# change-measurement


def test_a_measurement_changes_after_the_challenge() -> None:
    held = faulty(rule("change-measurement", ONCE), sets=FRESH)
    first = min(one.index for one in held.measurements)
    before = {one.index: one.value for one in held.measurements}
    host = FaultyHost(held)
    # The summary in CHALLENGE_AUTH is of what was, the signed measurements of what is.
    assert failed(host.judge()) == {"measurement summary"}
    after = {one.index: one.value for one in held.measurements}
    assert [index for index, value in after.items() if value != before[index]] == [first]
    assert after[first] == bytes(byte ^ 0xFF for byte in before[first])
    assert failed(FaultyHost(held).judge()) == set()
    assert faults_of(held).counts == {"the-rule": 1}


def test_a_value_of_ones_own_once() -> None:
    do = {"change-measurement": {"index": 2, "to": "00 ff"}}
    held = faulty(rule(do, {"message": "CHALLENGE"}), sets=FRESH)
    assert failed(FaultyHost(held).judge()) == {"measurement summary"}
    assert {one.index: one.value for one in held.measurements}[2] == b"\x00\xff"
    # It has that value already, so nothing happens.
    assert failed(FaultyHost(held).judge()) == set()
    assert faults_of(held).counts == {"the-rule": 1}


def test_without_meas_fresh_it_shows_after_a_reset() -> None:
    held = faulty(
        rule("change-measurement", ONCE),
        rule("reset-device", {**ONCE, "connection": 2}, name="reset"),
        sets=STALE,
    )
    clean = FaultyHost(faulty(sets=STALE))
    assert failed(clean.judge()) == set()

    def record() -> bytes:
        host = connected(held)
        reading = host.run(host.requester.measurements(signed_by=None))
        return reading.reply.record

    right = record()
    held.connections = 0
    assert failed(FaultyHost(held).judge()) == set()
    assert record() == right
    held.connections = 1
    assert set(failed(FaultyHost(held).judge())) == {"measurement count"}
    assert record() != right


def test_an_alias_chain_is_issued_anew_for_it() -> None:
    held = faulty(rule("change-measurement", {"message": "DIGESTS", "connection": 1}), sets=ALIAS)
    host = FaultyHost(held)
    told = details(host.judge())
    assert set(told) == {"certificate chain"}
    assert "REQUEST_RESYNCH" in told["certificate chain"]
    assert failed(FaultyHost(held).judge()) == set()


@pytest.mark.parametrize("to", ["", "ff", "80" * 64, "00" * 0xFFFC, "e282" * 9])
@pytest.mark.parametrize("index", range(1, 6))
def test_whatever_an_alias_device_measures_its_chain_can_be_issued(index: int, to: str) -> None:
    measured = (
        "measurements=[{index: 1, type: version, text: a}, {index: 2, type: secure-version-number,"
        " number: 7}, {index: 3, type: immutable-rom, text: b},"
        " {index: 4, type: mutable-firmware, digest: '" + "00" * 48 + "'},"
        " {index: 5, type: firmware-configuration, text: c, report: raw}]"
    )
    do = {"change-measurement": {"index": index, "to": to}}
    held = faulty(rule(do, {"message": "VERSION", "connection": 1}), sets=(*ALIAS, measured))
    peer = FaultyHost(held).peer
    for request in (GET_VERSION, get_capabilities(), negotiate_algorithms()):
        peer.good(request)
    # One that makes the chain too large for its form leaves the slot empty.
    refused = len(to) > 0xFF00 and index in {1, 4}
    assert (peer.ask(get_digests())[1] == Code.ERROR) == refused
    assert (peer.ask(get_certificate())[1] == Code.ERROR) == refused
    peer.ask(get_measurements(signed=True))
    assert faults_of(held).counts == {"the-rule": 1}


# swap-chain


def test_after_a_swap_digests_and_signatures_are_of_the_other_chain() -> None:
    held = faulty(rule("swap-chain", {"message": "CERTIFICATE", "connection": 1}), sets=TWO)
    clean = connected(faulty(sets=TWO))
    right = clean.run(clean.requester.digests()).digests
    host = FaultyHost(held)
    assert set(details(host.judge(slot=0))) == {"challenge", "measurement signature"}
    assert host.fired[0].what == "swapped the chains of slots 0 and 1"
    later = connected(held)
    assert later.run(later.requester.digests()).digests == {0: right[1], 1: right[0]}
    # The chains are good ones, each in the other's slot.
    assert failed(FaultyHost(held).judge(slot=0)) == failed(FaultyHost(held).judge(slot=1)) == set()


def test_a_swap_with_an_empty_slot_empties_the_other() -> None:
    do = {"swap-chain": {"slot": 0, "with": 4}}
    held = faulty(rule(do, {"message": "ALGORITHMS", "connection": 1}))
    host = FaultyHost(held)
    assert failed(host.judge()) == set()
    assert host.requester.slots is not None
    assert set(host.requester.slots.digests) == {4}
    assert tuple(held.slots) == (4,)


# offer


def offering(**what: Any) -> Device:
    sets = ("versions=['1.2', '1.3']", "algorithms.asym=[ECDSA_P384]", "algorithms.hash=[SHA_384]")
    return faulty(rule({"offer": what}, {"message": "DIGESTS", "connection": 1}), sets=sets)


def test_other_versions_are_for_the_next_negotiation() -> None:
    held = offering(versions=["1.2"])
    host = FaultyHost(held)
    assert failed(host.judge()) == set()
    assert host.connection.version == Version.V1_3
    assert host.fired[0].what == "offers other versions"
    again = FaultyHost(held)
    assert failed(again.judge()) == set()
    assert again.connection.version == Version.V1_2
    # What is offered already is no change.
    assert faults_of(held).counts == {"the-rule": 1}


def test_other_algorithms() -> None:
    sets = ("algorithms.asym=[ECDSA_P384, ECDSA_P256]", "algorithms.hash=[SHA_384]")
    do = {"offer": {"asym": ["ECDSA_P256"], "hash": ["SHA_256"]}}
    held = faulty(rule(do, {"message": "CHALLENGE", "connection": 1}), sets=sets)
    offer = Offer(asym=("ECDSA_P384", "ECDSA_P256"), hashes=("SHA_384", "SHA_256"))
    agreed = []
    for _ in range(2):
        host = FaultyHost(held, offer=offer)
        assert failed(host.judge()) == set()
        chosen = host.connection.algorithms
        agreed.append((chosen.asym and chosen.asym.name, chosen.hash and chosen.hash.name))
    assert agreed == [("ECDSA_P384", "SHA_384"), ("ECDSA_P256", "SHA_256")]


def test_an_algorithm_without_a_chain() -> None:
    held = offering(asym=["ECDSA_P256"])
    assert failed(FaultyHost(held).judge()) == set()
    told = details(FaultyHost(held).judge())
    assert set(told) == {"digests"}
    assert "UNSPECIFIED" in told["digests"]


def test_capabilities_that_no_device_may_offer() -> None:
    held = offering(capabilities=["CERT", "PUB_KEY_ID", "CHAL"])
    assert failed(FaultyHost(held).judge()) == set()
    told = details(FaultyHost(held).judge())
    assert set(told) == {"capabilities"}
    assert "exclude each other" in told["capabilities"]


@pytest.mark.parametrize("names", [[], *[[name] for name in CAPABILITIES.offered], "all"])
@pytest.mark.parametrize("version", [0x12, 0x13])
def test_whatever_is_offered_every_request_is_answered(names: Any, version: int) -> None:
    given = list(CAPABILITIES.offered) if names == "all" else names
    held = offering(capabilities=given)
    one = connected(held)
    one.run(one.requester.digests())
    peer = Peer(held, version=version)
    for request in (GET_VERSION, get_capabilities(version), negotiate_algorithms(version)):
        peer.ask(request)
    for request in (
        get_digests(version),
        get_certificate(version),
        challenge(version, summary=0xFF),
        challenge(version, slot=0xFF),
        get_measurements(version, 0),
        get_measurements(version, signed=True),
        vendor_request(version),
        bytes((version, 0xE4, 0, 0)),
    ):
        assert peer.ask(request)[0] in {version, 0x10}


# reset-device, lose-connection


@pytest.mark.parametrize("do", ["reset-device", "lose-connection"])
@pytest.mark.parametrize("message", ["VERSION", "CAPABILITIES", "DIGESTS", "CHALLENGE_AUTH"])
def test_what_was_agreed_is_lost_after_that_message(do: str, message: str) -> None:
    held = faulty(rule(do, {"message": message, "connection": 1}))
    host = FaultyHost(held)
    follows = {
        "VERSION": "capabilities",
        "CAPABILITIES": "algorithms",
        "DIGESTS": "certificate chain",
        "CHALLENGE_AUTH": "measurement count",
    }
    told = details(host.judge())
    assert set(told) == {follows[message]}
    assert "UNEXPECTED_REQUEST" in told[follows[message]]
    assert [one.stage for one in host.fired] == ["device"]
    assert host.peer.connection.state is State.NOT_STARTED
    assert failed(FaultyHost(held).judge()) == set()


@pytest.mark.parametrize("do", ["reset-device", "lose-connection"])
def test_the_same_connection_can_begin_anew(do: str) -> None:
    held = faulty(rule(do, {"message": "CHALLENGE_AUTH"}, times=1))
    host = FaultyHost(held)
    assert failed(host.judge()) == {"measurement count"}
    assert failed(host.judge()) == set()


@pytest.mark.parametrize("do", ["reset-device", "lose-connection"])
def test_the_requester_is_told_to_begin_anew(do: str) -> None:
    held = faulty(rule({do: {"resynch": True}}, {"message": "DIGESTS"}, times=1))
    peer = FaultyHost(held).peer.climb(State.AFTER_DIGESTS)
    # In the version agreed before, until GET_VERSION comes.
    for request in (get_certificate(), get_digests(), b"\x13\x55\x00\x00"):
        assert peer.ask(request) == bytes((0x13, 0x7F, ErrorCode.REQUEST_RESYNCH, 0))
    assert peer.climb(State.AUTHENTICATED).connection.resynch is False
    told = details(
        FaultyHost(faulty(rule({do: {"resynch": True}}, {"message": "DIGESTS"}))).judge()
    )
    assert set(told) == {"certificate chain"}
    assert "REQUEST_RESYNCH" in told["certificate chain"]


@pytest.mark.parametrize("resynch", ["true", "false"])
@pytest.mark.parametrize(("do", "hit"), [("reset-device", True), ("lose-connection", False)])
def test_whose_state_is_lost(do: str, hit: Any, resynch: str) -> None:
    told = {do: {"resynch": resynch == "true"}}
    held = faulty(rule(told, {"message": "DIGESTS", "connection": 2}))
    other, one, fresh = (FaultyHost(held) for _ in range(3))
    other.run(other.requester.connect())
    one.run(one.requester.connect())
    one.run(one.requester.digests())
    for host, lost in ((one, True), (other, hit)):
        if not lost:
            host.run(host.requester.digests())
            continue
        with pytest.raises(PeerErrorReply) as caught:
            host.run(host.requester.certificate())
        expected = ErrorCode.REQUEST_RESYNCH if resynch == "true" else ErrorCode.UNEXPECTED_REQUEST
        assert refusal(caught) == expected
    # One that had agreed nothing has nothing to lose.
    assert failed(fresh.judge()) == set()


def test_a_reset_forgets_the_negotiation_that_was_kept() -> None:
    sets = ("capabilities=[CACHE, CERT, CHAL, MEAS_SIG, MEAS_FRESH]",)
    for do, kept in (("lose-connection", True), ("reset-device", False)):
        held = faulty(rule(do, {"message": "DIGESTS", "connection": 1}), sets=sets)
        host = FaultyHost(held)
        host.run(host.requester.connect())
        agreement = host.connection.agreement()
        host.run(host.requester.digests())
        later = FaultyHost(held)
        later.requester.assume(agreement)
        if kept:
            later.run(later.requester.digests())
        else:
            with pytest.raises(PeerErrorReply) as caught:
                later.run(later.requester.digests())
            assert refusal(caught) == ErrorCode.UNEXPECTED_REQUEST


def test_a_device_told_to_begin_anew_takes_up_no_negotiation_kept_since() -> None:
    sets = ("capabilities=[CACHE, CERT, CHAL, MEAS_SIG, MEAS_FRESH]",)
    do = {"reset-device": {"resynch": True}}
    held = faulty(rule(do, {"message": "DIGESTS", "connection": 1}), sets=sets)
    host = FaultyHost(held)
    host.run(host.requester.connect())
    host.run(host.requester.digests())
    connected(held)
    assert held.cached is not None
    assert host.answer(get_digests())[2] == ErrorCode.REQUEST_RESYNCH
    assert host.peer.connection.state is State.NOT_STARTED


def test_a_reset_of_the_device_itself() -> None:
    held = faulty()
    host = connected(held)
    held.reset(Loss.RESYNCH)
    with pytest.raises(PeerErrorReply) as caught:
        host.run(host.requester.digests())
    assert refusal(caught) == ErrorCode.REQUEST_RESYNCH
    assert failed(host.judge()) == set()


def test_a_large_reply_is_lost_in_mid_flow() -> None:
    do: dict[str, Any] = {"reset-device": {}}
    sets = ("capabilities=[CERT, CHAL, MEAS_SIG, CHUNK]", "sizes.max_message=65536")
    held = faulty(rule(do, {"message": "CHUNK_RESPONSE", "nth": 1}, times=1), sets=sets)
    offer = Offer(capabilities=Cap.CHUNK, data_transfer_size=64, max_message=65536)
    host = FaultyHost(held, offer=offer)
    told = details(host.judge())
    assert set(told) == {"certificate chain"} or "challenge" in told
    assert failed(host.judge()) == set()


def test_a_profile_shows_its_effects_as_a_file_has_them() -> None:
    do: list[Any] = ["reset-device", {"swap-chain": {"with": 2}}]
    shown = Rule(name="x", do=do).model_dump(mode="json")
    assert shown["do"] == [
        {"reset-device": {"resynch": False}},
        {"swap-chain": {"slot": 0, "with": 2}},
    ]
    assert Rule.model_validate(shown).do == Rule(name="x", do=do).do


# mistakes

MISTAKES = Path(__file__).with_name("effect_mistakes.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("do", "line"), list(zip(MISTAKES[1::2], [one.strip() for one in MISTAKES[2::2]], strict=True))
)
def test_mistake(tmp_path: Path, do: str, line: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        f"profile: 1\nname: p\nextends: nvme-ssd\nfaults:\n  - {{name: x, do: [{do}]}}\n"
    )
    with pytest.raises(ProfileError) as caught:
        load(file, at=AT)
    assert [found.removeprefix(f"{file}:") for found in caught.value.problems] == [line]


def test_a_device_without_measurements_has_none_to_change() -> None:
    sets = (
        "measurements=[]",
        "capabilities=[CERT, CHAL]",
        "algorithms.measurement_hash=null",
    )
    with pytest.raises(ProfileError) as caught:
        faulty(rule("change-measurement"), sets=sets)
    expected = "do[0].change-measurement: found none; expected measurements in the profile"
    assert caught.value.problems == [f'fault "the-rule": {expected}']
