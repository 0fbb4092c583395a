"""Profiles written for one test, one section a line, and the problems they have."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emulator.errors import ProfileError
from emulator.profile import LoadedProfile, load

AT = datetime(2025, 6, 1, tzinfo=UTC)

SECTIONS = {
    "profile": "1",
    "name": "t",
    "identity": "{vendor: 1, device: 2, class_code: 3, revision: 4}",
    "versions": '["1.2"]',
    "capabilities": "[CERT, CHAL]",
    "algorithms": "{asym: [ECDSA_P256], hash: [SHA_256]}",
    "slots": "{0: auto}",
}
"""A sound profile: line by line; a test replaces sections or appends more."""

MEASURING = {
    "capabilities": "[CERT, CHAL, MEAS_SIG]",
    "algorithms": "{asym: [ECDSA_P256], hash: [SHA_256], measurement_hash: SHA_256}",
    "measurements": "[{index: 1, type: version, text: v}]",
}
"""What a device that measures says otherwise."""

Load = Callable[..., LoadedProfile]
Problems = Callable[..., list[str]]


@pytest.fixture
def at() -> datetime:
    return AT


@pytest.fixture
def measuring() -> dict[str, str]:
    return dict(MEASURING)


@pytest.fixture
def load_sections(tmp_path: Path) -> Load:
    """Load the sound profile with these sections; None leaves one out."""

    def loaded(
        sets: Sequence[str] = (), at: datetime = AT, **sections: str | None
    ) -> LoadedProfile:
        lines = [
            f"{key}: {value}" for key, value in (SECTIONS | sections).items() if value is not None
        ]
        path = tmp_path / "p.yaml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return load(path, sets=sets, at=at)

    return loaded


@pytest.fixture
def problems(load_sections: Load, tmp_path: Path) -> Problems:
    """The problems of the sound profile with these sections, folders left out."""

    def found(**arguments: object) -> list[str]:
        try:
            load_sections(**arguments)
        except ProfileError as error:
            return [line.replace(f"{tmp_path}/", "") for line in error.problems]
        return []

    return found
