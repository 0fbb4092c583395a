"""Limits in files: what they become, and what a process's are."""

from collections.abc import Callable
from datetime import datetime

import pytest
from pydantic import ValidationError

from emulator.device import Limits
from emulator.entropy import Seeded
from emulator.profile import LoadedProfile, build
from emulator.profile.limits import ProcessLimits
from emulator.record import LIMIT

Load = Callable[..., LoadedProfile]


def test_a_profile_without_them_has_the_defaults(load_sections: Load, at: datetime) -> None:
    device = build(load_sections(), entropy=Seeded("x"), at=at)
    assert device.limits == Limits()


def test_each_is_the_devices(load_sections: Load, at: datetime) -> None:
    text = (
        "{connections: 3, buffered: 2048, frame: 70000, large_message: 5000, transcript: 6000,"
        " rate: 2.5, idle: 90s, stall: 500ms}"
    )
    device = build(load_sections(limits=text), entropy=Seeded("x"), at=at)
    assert device.limits == Limits(
        connections=3,
        buffered=2048,
        frame=70000,
        large_message=5000,
        transcript=6000,
        rate=2.5,
        idle=90.0,
        stall=0.5,
    )


def test_a_processs_limits_have_defaults_and_bounds() -> None:
    assert ProcessLimits() == ProcessLimits(connections=None, recording=LIMIT)
    for wrong in ({"connections": 0}, {"recording": 0}, {"rate": 1}):
        with pytest.raises(ValidationError):
            ProcessLimits.model_validate(wrong)
