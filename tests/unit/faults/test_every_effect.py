"""No effect without a test of it, and no stage without an effect."""

from pathlib import Path

from emulator.faults.effect import EFFECTS, Stage


def test_every_effect_is_named_in_a_test() -> None:
    here = Path(__file__)
    tests = [path for path in here.parent.glob("test_fault_*.py") if path != here]
    told = "".join(path.read_text(encoding="utf-8") for path in tests)
    assert [name for name in EFFECTS if f'"{name}"' not in told and f"{name}:" not in told] == []


def test_every_stage_has_effects() -> None:
    assert {stage for effect in EFFECTS.values() for stage in effect.STAGES} == set(Stage)
