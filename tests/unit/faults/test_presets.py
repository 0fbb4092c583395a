import pytest
from attesting import OFFERS, Conversation, built

from emulator.faults.catalogue import Preset
from emulator.profile import ready
from emulator.profile.faults import presets
from emulator.requester import DEFAULT

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


@pytest.mark.parametrize("preset", CATALOGUE.values(), ids=CATALOGUE)
def test_the_own_requester_does_what_is_asked(preset: Preset) -> None:
    profile = preset.profile or DEVICE
    offer = OFFERS.get(profile, DEFAULT)
    device = built(profile, preset.rules)
    for number in range(MOST):
        conversation = Conversation(device)
        verdict = conversation.attest(device, offer, seed=f"host {number}")
        if conversation.fired:
            break
        assert verdict.ok, f"nothing reached in, and yet: {verdict}"
    assert conversation.fired, "it never reached in"
    assert verdict.ok == (preset.expect == "accept"), verdict
    device.stages = None
    after = Conversation(device)
    verdict = after.attest(device, offer, seed="after")
    assert verdict.ok, verdict
    assert not after.fired
