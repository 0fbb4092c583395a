"""`--set path=value`."""

from collections.abc import Callable

import pytest

from emulator.profile import LoadedProfile, WrongUseError

Load = Callable[..., LoadedProfile]


def test_values_are_yaml(load_sections: Load) -> None:
    sets = [
        "sizes.certificate_portion=1",
        'versions=["1.3"]',
        "identity.serial=0x10",
        "description=a device: for a test",
        "description='a device: for a test'",
    ]
    profile = load_sections(sets=[*sets[:3], sets[4]]).profile
    assert profile.sizes.certificate_portion == 1
    assert profile.versions == ["1.3"]
    assert profile.identity.serial == 16
    assert profile.description == "a device: for a test"


def test_items_of_lists(load_sections: Load, measuring: dict[str, str]) -> None:
    sets = [
        "measurements[0].text=abc",
        "measurements[1]={index: 2, type: mutable-firmware, text: new}",
        "algorithms.hash[1]=SHA_384",
    ]
    loaded = load_sections(sets=sets, **measuring)
    assert [one.value for one in loaded.measurements] == [b"abc", b"new"]
    assert loaded.profile.algorithms.hash == ["SHA_256", "SHA_384"]


def test_a_missing_list_begins_with_its_first_item(
    load_sections: Load, measuring: dict[str, str]
) -> None:
    del measuring["measurements"]
    sets = ["measurements[0].index=1", "measurements[0].type=version", "measurements[0].text=v"]
    assert [one.value for one in load_sections(sets=sets, **measuring).measurements] == [b"v"]


def test_a_short_form_makes_room_for_what_is_below_it(load_sections: Load) -> None:
    loaded = load_sections(sets=["slots.0.auto.common_name=other", "slots[3]=auto"])
    assert loaded.profile.model_dump(mode="json")["slots"]["0"]["auto"]["common_name"] == "other"
    assert [chain.slot for chain in loaded.chains] == [0, 3]


def test_nothing_takes_a_value_away(load_sections: Load) -> None:
    loaded = load_sections(
        sets=["identity.serial="],
        identity="{vendor: 1, device: 2, class_code: 3, revision: 4, serial: 5}",
    )
    assert loaded.profile.identity.serial is None


def test_later_settings_win(load_sections: Load) -> None:
    loaded = load_sections(sets=["listener.port=1", "listener={port: 2}", "listener.host=h"])
    assert (loaded.profile.listener.port, loaded.profile.listener.host) == (2, "h")


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        (
            "sizes.transmit",
            '--set: found "sizes.transmit"; expected PATH=VALUE such as sizes.transmit=1024',
        ),
        ("=1", '--set: found the path ""; expected one such as measurements[0].text'),
        ("a..b=1", '--set: found the path "a..b"; expected one such as measurements[0].text'),
        ("a[x]=1", '--set: found the path "a[x]"; expected one such as measurements[0].text'),
        ("a[0]b=1", '--set: found the path "a[0]b"; expected one such as measurements[0].text'),
    ],
)
def test_what_is_no_setting_is_wrong_use(load_sections: Load, setting: str, problem: str) -> None:
    with pytest.raises(WrongUseError) as caught:
        load_sections(sets=["name=x", setting])
    assert caught.value.problems == [problem]
