"""Further functions of a profile: what each inherits, says otherwise, and has in common."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import jsonschema
import pytest

from emulator.entropy import Seeded
from emulator.errors import ProfileError
from emulator.profile import LoadedProfile, load, schema, show
from emulator.profile.functions import OF_THE_DEVICE, socket_beside
from emulator.profile.model import DEVICE_KEYS, FUNCTION_KEYS, Profile
from emulator.profile.recipe import Recipe
from emulator.profile.syntax import parse
from emulator.profile.tree import plain

Load = Callable[..., LoadedProfile]

TWO = "{a: {identity: {device: 5}}, b: {identity: {serial: 7}, slots: {0: null, 1: auto}}}"


def test_a_function_is_the_profile_with_its_own_part_on_top(load_sections: Load) -> None:
    whole = load_sections(functions=TWO)
    a, b = whole.functions["a"], whole.functions["b"]
    assert (a.profile.name, b.profile.name) == ("t/a", "t/b")
    assert (a.identity.device, a.identity.serial) == (5, None)
    assert (b.identity.device, b.identity.serial) == (2, 7)
    assert [*a.profile.slots] == [0]
    assert [*b.profile.slots] == [1]
    assert a.profile.functions == {}
    assert len({one.identity.san for one in (whole, a, b)}) == 3


def test_each_function_has_keys_of_its_own(load_sections: Load) -> None:
    whole = load_sections(functions="{a: {}, b: {}}")
    leaves = [one.chains[0].chain.certificates[-1] for one in (whole, *whole.functions.values())]
    keys = [one.chains[0].chain.key.public.spki for one in (whole, *whole.functions.values())]
    assert len(set(leaves)) == len(set(keys)) == 3


def test_ports_and_sockets_follow_those_of_the_device(load_sections: Load) -> None:
    def ports(functions: str, **sections: str) -> list[int]:
        whole = load_sections(functions=functions, **sections)
        return [one.profile.listener.port for one in whole.functions.values()]

    assert ports("{a: {}, b: {}}") == [2324, 2325]
    assert ports("{a: {listener: {port: 9}}, b: {}}", listener="{port: 100}") == [9, 102]
    assert ports("{a: {}, b: {}}", listener="{port: 0}") == [0, 0]
    whole = load_sections(functions="{a: {}}", listener="{path: /run/x.sock}")
    assert whole.functions["a"].profile.listener.path == "/run/x-a.sock"
    assert socket_beside("x", "a") == "x-a"


def test_what_belongs_to_the_device_is_not_inherited(at: datetime) -> None:
    whole = load("everything", sets=["functions.vf.identity.serial=9"], at=at)
    assert whole.profile.ide is not None
    part = whole.functions["vf"].profile
    assert (part.ide, part.tdisp, part.cxl) == (None, None, None)
    assert set(OF_THE_DEVICE) == set(DEVICE_KEYS)
    assert {*FUNCTION_KEYS, *DEVICE_KEYS} < {*Profile.model_fields}


def test_shared_measurements_are_reported_by_every_function(
    load_sections: Load, measuring: dict[str, str]
) -> None:
    measuring["measurements"] = (
        "[{index: 1, type: version, text: v, shared: true}, {index: 2, type: version, text: w}]"
    )
    own = "{a: {}, b: {measurements: [{index: 3, type: version, text: x}]}}"
    whole = load_sections(**measuring, functions=own)
    indexes = {
        name: {one.index for one in part.measurements} for name, part in whole.functions.items()
    }
    assert indexes == {"a": {1, 2}, "b": {1, 3}}


def test_null_takes_away_a_function_of_the_profile_that_is_extended(
    tmp_path: Path, at: datetime
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("profile: 1\nextends: sr-iov\nname: x\nfunctions: {vf2: null}\n")
    assert [*load(path, at=at).functions] == ["vf1"]


def test_settings_reach_a_function(at: datetime) -> None:
    recipe = Recipe("sr-iov", function="vf1", name="n")
    changed = recipe.changed(["sizes.transmit=1000"])
    assert changed.sets == ("functions.vf1.sizes.transmit=1000",)
    assert changed.load(at=at).profile.sizes.transmit == 1000
    assert recipe.load(at=at).profile.sizes.transmit != 1000
    device = changed.build(changed.load(at=at), entropy=Seeded(1), at=at)
    assert (device.name, device.sizes.transmit, device.shared) == ("n", 1000, frozenset({1, 2}))


def test_a_recipe_of_a_function_that_is_gone(at: datetime) -> None:
    recipe = Recipe("sr-iov", sets=("functions.vf2=null",), function="vf2")
    with pytest.raises(ProfileError) as caught:
        recipe.load(at=at)
    assert caught.value.problems[0].endswith("functions.vf2: found nothing; expected vf1")


def test_what_is_shown_has_the_same_functions(load_sections: Load, tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"m")
    whole = load_sections(
        capabilities="[CERT, CHAL, MEAS_SIG]",
        algorithms="{asym: [ECDSA_P256], hash: [SHA_256], measurement_hash: SHA_256}",
        measurements="[{index: 1, type: version, file: m.bin, shared: true}]",
        functions=TWO.replace(
            "device: 5}", "device: 5}, measurements: [{index: 2, type: version, file: m.bin}]"
        ),
    )
    text = show.to_yaml(whole.profile)
    assert "device: 0x0005\n" in text
    node, problems = parse(text, "f", Path("/nowhere"))
    assert node is not None
    assert problems == []
    assert Profile.model_validate(plain(node)) == whole.profile
    path = tmp_path / "elsewhere" / "p.yaml"
    path.parent.mkdir()
    path.write_text(text)
    again = load(path, at=datetime.fromisoformat("2025-06-01T00:00:00+00:00"))
    for name, part in whole.functions.items():
        assert again.functions[name].profile == part.profile


def test_the_summary_tells_of_each_function(load_sections: Load) -> None:
    whole = load_sections(functions=TWO)
    assert show.summary(whole)["functions"]["a"]["san"] == whole.functions["a"].identity.san
    assert any(line.startswith("function b, slot 1") for line in show.summary_lines(whole))
    assert "functions" not in show.summary(whole.functions["a"])


def test_the_schema_knows_what_a_function_may_say() -> None:
    judge = jsonschema.Draft202012Validator(schema())
    head = {"profile": 1, "extends": "nvme-ssd"}
    assert judge.is_valid({**head, "functions": {"vf1": {"identity": {"serial": 1}}, "vf2": None}})
    assert not judge.is_valid({**head, "functions": {"vf1": {"ide": {}}}})
    assert not judge.is_valid({**head, "functions": {"vf-1": {}}})
    assert not judge.is_valid({**head, "functions": {"vf1": {"identity": {"serial": "x"}}}})


def test_a_function_does_not_show_the_devices_link(tmp_path: Path, at: datetime) -> None:
    """It has neither the streams nor the interfaces, so it inherits no measurement of them."""
    file = tmp_path / "p.yaml"
    file.write_text(
        "profile: 1\nname: linked\nextends: everything\nfunctions: {vf1: {}}\n", encoding="utf-8"
    )
    whole = load(file, at=at)
    assert [one.index for one in whole.measurements] == [*range(1, 9)]
    assert [one.index for one in whole.functions["vf1"].measurements] == [*range(1, 7)]
