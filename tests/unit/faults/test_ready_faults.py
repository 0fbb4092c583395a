"""The ready profiles that have faults, and presets in profiles."""

from hashlib import sha256
from pathlib import Path

import pytest
from unit.faults.attesting import AT, Conversation, built

from emulator.entropy import Seeded
from emulator.errors import ProfileError
from emulator.faults import Faults
from emulator.profile import build, load
from emulator.profile.faults import find_preset

HARMLESS = {"storm/busy", "storm/not ready", "storm/late", "storm/split"}
"""What a storm may do to a conversation that ends well."""

STORM = 300
"""Conversations."""


class Weather:
    """A run of conversations with one device.

    Attributes:
        fired: the names of the rules that reached in, a list for each conversation.
        good: whether each ended well.
        digest: the hash of every byte that the device sent.
    """

    def __init__(self, profile: str, seed: str, conversations: int) -> None:
        self.device = built(profile, seed=seed)
        self.fired: list[list[str]] = []
        self.good: list[bool] = []
        sent = sha256()
        now = 0.0
        for number in range(conversations):
            conversation = Conversation(self.device, now)
            verdict = conversation.attest(self.device, seed=f"host {number}")
            self.fired.append(conversation.fired)
            self.good.append(verdict.ok)
            sent.update(conversation.received)
            now = conversation.now
        self.digest = sent.hexdigest()


def rule_of(told: str) -> str:
    """The rule's name in a line of the log."""
    return told.split(" at ", maxsplit=1)[0]


def test_the_same_seed_brings_the_same_storm_and_another_seed_another() -> None:
    first, again, other = (Weather("chaos", seed, 60) for seed in ("a", "a", "b"))
    assert first.fired == again.fired
    assert first.digest == again.digest
    assert first.good == again.good
    assert first.fired != other.fired
    assert first.digest != other.digest


def test_a_device_outlives_its_storm_and_no_fault_is_taken_for_good() -> None:
    storm = Weather("chaos", "long", STORM)
    faults = storm.device.stages
    assert isinstance(faults, Faults)
    assert faults.unfired == []
    assert 0.2 * STORM < sum(storm.good) < 0.8 * STORM
    for fired, good in zip(storm.fired, storm.good, strict=True):
        harmful = {rule_of(told) for told in fired} - HARMLESS
        assert not (good and harmful), fired
    storm.device.stages = None
    assert Conversation(storm.device, 1e6).attest(storm.device).ok


def test_a_flaky_link_lets_some_through_and_never_lies() -> None:
    link = Weather("flaky-link", "link", 60)
    assert 20 < sum(link.good) < 60
    harmless = {"late", "in drops", "busy"}
    for fired, good in zip(link.fired, link.good, strict=True):
        assert good or {rule_of(told) for told in fired} - harmless, fired


def test_a_slow_device_is_sound() -> None:
    device = built("slow-device")
    conversation = Conversation(device)
    assert conversation.attest(device).ok
    assert {rule_of(told) for told in conversation.fired} == {
        "busy-once",
        "digests in drops",
        "late measurements",
    }
    assert conversation.now > 1.5


@pytest.mark.parametrize(
    ("profile", "step"),
    [("downgrade-attacker", "measurement signature"), ("revoked-device", "chain: validity")],
)
def test_one_thing_shows_what_is_wrong(profile: str, step: str) -> None:
    device = built(profile)
    verdict = Conversation(device).attest(device)
    assert [one.name for one in verdict.steps if one.ok is False] == [step]


def written(folder: Path, text: str) -> Path:
    path = folder / "p.yaml"
    path.write_text(f"profile: 1\nname: p\nextends: nvme-ssd\n{text}", encoding="utf-8")
    return path


def test_a_profiles_rules_may_follow_on_its_presets(tmp_path: Path) -> None:
    rule = "{name: late, on: {after_rule: busy-once}, do: [{delay: {for: 1}}]}"
    loaded = load(written(tmp_path, f"presets: [busy-once]\nfaults: [{rule}]\n"), at=AT)
    assert [one.name for one in loaded.profile.faults] == ["late"]


def test_a_rule_with_the_name_of_a_presets_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "presets: [busy-once]\nfaults: [{name: busy-once, do: [busy]}]\n")
    with pytest.raises(ProfileError) as caught:
        load(path, at=AT)
    [problem] = caught.value.problems
    expected = 'faults[0].name: found "busy-once" a second time; expected a name of its own'
    assert problem.endswith(expected)


def test_a_preset_beside_the_same_one_is_refused(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, "presets: [busy-once]\n"), at=AT)
    with pytest.raises(ProfileError, match="expected another name"):
        build(loaded, entropy=Seeded("x"), at=AT, rules=find_preset("busy-once").rules)


def test_a_preset_that_the_device_has_nothing_for_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    named = "presets: [busy-once, firmware-changed-after-challenge]\n"
    path.write_text(f"profile: 1\nname: p\nextends: linux-cma\n{named}", encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        load(path, at=AT)
    [problem] = caught.value.problems
    assert problem == (
        f"{path}:4:22: presets[1]: found firmware-changed-after-challenge, with 2 in"
        " do[0].change-measurement.index; expected a preset for this device, with the index of a"
        " measurement: none there"
    )
