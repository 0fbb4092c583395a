"""The provisioning of a profile's device: its key pairs, its writable slots, whom it trusts."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from emulator.device import Device
from emulator.device.provisioning import Provisioning
from emulator.entropy import Seeded
from emulator.pki.authority import sample_authority
from emulator.pki.files import to_pem
from emulator.profile import LoadedProfile, build, load
from emulator.spdm.key_pairs import KeyPairCap

AT = datetime(2025, 6, 1, tzinfo=UTC)
ABLE = "[CERT, CHAL, SET_CERT, GET_KEY_PAIR_INFO, SET_KEY_PAIR_INFO]"


def built(loaded: LoadedProfile) -> Device:
    return build(loaded, entropy=Seeded(1), at=AT)


def provisioning(device: Device) -> Provisioning:
    assert device.provisioning is not None
    return device.provisioning


def test_key_pair_1_backs_slots_0_and_4_of_the_device_for_the_sample_requester() -> None:
    found = provisioning(built(load("libspdm-compat", at=AT)))
    assert [(pair.key_type, pair.slots) for pair in found.state.pairs] == [
        ("ECDSA_P384", 0b10001),
        ("ECDSA_P256", 0b10001),
    ]
    policy = found.policy
    assert (policy.check_key, policy.real_keys, policy.when_read) == (False, False, True)
    assert policy.writable == {0, 4}


def test_an_empty_slot_that_may_be_written_has_a_key(
    load_sections: Callable[..., LoadedProfile],
) -> None:
    told = "{slots: [0, 3], spare_key_pairs: 1, key_operations: [GENERATE, ERASE]}"
    device = built(load_sections(versions='["1.3"]', capabilities=ABLE, provisioning=told))
    found = provisioning(device)
    assert set(device.slots) == {0}
    assert found.slot_mask == 0b1001
    assert [pair.slots for pair in found.state.pairs] == [1, 0b1000, 0]
    assert [pair.key is not None for pair in found.state.pairs] == [True, True, False]
    assert found.key_of(3, "ECDSA_P256") is not found.key_of(0, "ECDSA_P256")
    able = KeyPairCap.GENERATE | KeyPairCap.ERASE
    assert {pair.capabilities for pair in found.state.pairs} == {able}


def test_the_same_profile_has_the_same_keys(load_sections: Callable[..., LoadedProfile]) -> None:
    def keys() -> list[bytes]:
        loaded = load_sections(capabilities="[CERT, CHAL, SET_CERT]", provisioning="{slots: [1]}")
        pairs = provisioning(built(loaded)).state.pairs
        return [pair.key.public.spki for pair in pairs if pair.key is not None]

    assert keys() == keys()
    assert len(keys()) == 2


def test_roots_come_from_files(load_sections: Callable[..., LoadedProfile], tmp_path: Path) -> None:
    authority = sample_authority("ECDSA_P256")
    (tmp_path / "roots.pem").write_bytes(to_pem([authority.root.certificate]))
    sections = {
        "capabilities": "[CERT, CHAL, SET_CERT]",
        "provisioning": "{authority: [roots.pem]}",
    }
    found = provisioning(built(load_sections(**sections)))
    assert found.policy.authority == (authority.root.certificate,)


def test_intermediates_are_no_roots(problems: Callable[..., list[str]], tmp_path: Path) -> None:
    issuer = sample_authority("ECDSA_P256").intermediate.certificate
    (tmp_path / "roots.pem").write_bytes(to_pem([issuer]))
    told = problems(capabilities="[CERT, CHAL, SET_CERT]", provisioning="{authority: [roots.pem]}")
    assert len(told) == 1
    assert told[0].endswith("expected root certificates")
    assert "which is not self-signed" in told[0]


def test_nothing_is_provisioned_of_a_device_without_the_capabilities() -> None:
    assert built(load("nvme-ssd", at=AT)).provisioning is None
