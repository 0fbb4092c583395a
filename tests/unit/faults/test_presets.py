import re
from pathlib import Path

import jsonschema
import pytest
from unit.faults.attesting import OFFERS, Conversation, built

from emulator.device import Device
from emulator.faults.catalogue import Preset
from emulator.profile import ready
from emulator.profile.catalogue import LIST_SCHEMA, SHOW_SCHEMA, listing, rules_file, whole
from emulator.profile.faults import load_rules, presets
from emulator.requester import DEFAULT, Offer, Verdict

CATALOGUE = presets()
DEVICE = "nvme-ssd"
"""The device of a preset that needs none."""

MOST = 3
"""Connections until a preset has reached in: what replays another connection needs two."""


def test_there_are_sixty_at_least() -> None:
    assert len(CATALOGUE) >= 60


@pytest.mark.parametrize("preset", CATALOGUE.values(), ids=CATALOGUE)
def test_each_says_what_is_asked_and_where_that_is_said(preset: Preset) -> None:
    assert len(preset.must) > 20
    assert any(known in preset.source for known in ("libspdm", "Linux", "RFC ", "spdm-emu"))
    assert preset.title[-1] != "."
    assert preset.must[-1] == preset.source[-1] == "."
    assert preset.profile is None or preset.profile in ready()


def test_no_two_say_the_same() -> None:
    for field in ("title", "must"):
        told = [getattr(preset, field) for preset in CATALOGUE.values()]
        assert len(set(told)) == len(told), field


def told(verdict: Verdict) -> str:
    """What was wrong, a line each."""
    return "\n".join(f"{step.name}: {step.detail}" for step in verdict.steps if step.ok is False)


def met(device: Device, offer: Offer) -> Verdict:
    """The verdict of the first conversation that a rule reached into; those before it are good."""
    for number in range(MOST):
        conversation = Conversation(device)
        verdict = conversation.attest(device, offer, seed=f"host {number}")
        if conversation.fired:
            return verdict
        assert verdict.ok, told(verdict)
    pytest.fail("it never reached in")


@pytest.mark.parametrize("preset", CATALOGUE.values(), ids=CATALOGUE)
def test_the_own_requester_does_what_is_asked(preset: Preset) -> None:
    profile = preset.profile or DEVICE
    offer = OFFERS.get(preset.name, OFFERS.get(profile, DEFAULT))
    device = built(profile, preset.rules)
    verdict = met(device, offer)
    assert verdict.ok == (preset.expect == "accept"), told(verdict)
    device.stages = None
    after = Conversation(device)
    verdict = after.attest(device, offer, seed="after")
    assert verdict.ok, told(verdict)
    assert not after.fired


@pytest.mark.parametrize("preset", CATALOGUE.values(), ids=CATALOGUE)
def test_its_rules_can_be_shown_and_loaded_again(preset: Preset, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(rules_file(preset), encoding="utf-8")
    assert load_rules(path) == tuple(preset.rules)


def test_the_list_and_each_preset_keep_to_their_schemas() -> None:
    jsonschema.validate(listing(CATALOGUE.values()), dict(LIST_SCHEMA))
    for preset in CATALOGUE.values():
        jsonschema.validate(whole(preset), dict(SHOW_SCHEMA))


def test_what_dmtfs_requester_does_is_told_of_each() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/presets-met.md").read_text("utf-8")
    told = re.findall(r"^\| `([^`]+)` \| (\w+) \|", page, re.MULTILINE)
    assert told == [(preset.name, preset.expect) for preset in CATALOGUE.values()]
