from pathlib import Path

import pytest

from emulator import resources


def test_a_checkout_has_both_folders() -> None:
    assert (resources.folder("profiles") / "nvme-ssd.yaml").exists()
    assert (resources.folder("certs") / "trust.pem").exists()


def test_an_installed_wheel_has_them_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "emulator" / "_data" / "profiles"
    inside.mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "emulator")
    assert resources.folder("profiles") == inside


def test_a_missing_folder_is_named_with_the_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "emulator")
    with pytest.raises(FileNotFoundError, match=r"lacks its certs folder.* and "):
        resources.folder("certs")
