"""How long the secrets of a session live."""

import gc

import pytest

from emulator.entropy import Recorded
from emulator.errors import DecryptError, EmulatorError
from emulator.spdm.key_schedule import Direction, KeySchedule, bin_concat
from emulator.spdm.secured import DOE, Sealer, Traffic
from emulator.spdm.session_secrets import Secrets

SCHEDULE = KeySchedule(0x12, "SHA_384")
TH1, TH2 = b"1" * 48, b"2" * 48
REQUEST, RESPONSE = Direction
SEALER = Sealer(0xFFFFFFFF, DOE, encrypted=True)


def begun(**more: object) -> Secrets:
    secrets = Secrets(SCHEDULE, "AES_256_GCM", **more)  # type: ignore[arg-type]  # as given
    secrets.begin(bytearray(b"s" * 48), TH1)
    return secrets


def established(**more: object) -> Secrets:
    secrets = begun(**more)
    secrets.establish(TH2)
    return secrets


def seal(traffic: Traffic, message: bytes = b"hello") -> bytes:
    return SEALER.seal(traffic, message, Recorded(()))


def test_labels_are_as_the_standard_writes_them() -> None:
    assert bin_concat(0x11, "req hs data", 48, TH1) == b"\x30\x00spdm1.1 req hs data" + TH1
    assert bin_concat(0x14, "iv", 12) == b"\x0c\x00spdm1.4 iv"


def test_the_salt_of_a_pre_shared_key_changed_with_1_3() -> None:
    found = {
        version: KeySchedule(version, "SHA_256").handshake(b"k", psk=psk)
        for version in (0x12, 0x13)
        for psk in (True,)
    }
    assert found[0x12] != found[0x13]
    for version in (0x11, 0x12, 0x13, 0x14):
        schedule = KeySchedule(version, "SHA_256")
        assert schedule.handshake(b"k", psk=False) == found[0x12]


def test_each_direction_and_stage_has_keys_of_its_own() -> None:
    secrets = begun()
    seen = {seal(secrets.traffic(way)) for way in Direction}
    secrets.establish(TH2)
    seen |= {seal(secrets.traffic(way)) for way in Direction}
    secrets.update(REQUEST)
    secrets.update(RESPONSE)
    seen |= {seal(secrets.traffic(way)) for way in Direction}
    assert len(seen) == 6


def test_verify_data_is_of_one_direction_and_one_transcript() -> None:
    secrets = begun()
    good = secrets.verify_data(REQUEST, TH1)
    assert secrets.verifies(REQUEST, TH1, good)
    assert not secrets.verifies(RESPONSE, TH1, good)
    assert not secrets.verifies(REQUEST, TH2, good)
    assert not secrets.verifies(REQUEST, TH1, good[:-1])
    assert not secrets.verifies(REQUEST, TH1, b"")


def test_what_is_not_there_yet_or_any_more_cannot_be_used() -> None:
    secrets = Secrets(SCHEDULE, "AES_256_GCM")
    for use in (secrets.traffic, secrets.update, lambda way: secrets.verify_data(way, TH1)):
        with pytest.raises(EmulatorError, match="no request secret at this point"):
            use(REQUEST)
    done = established()
    with pytest.raises(EmulatorError, match="no response secret at this point"):
        done.verify_data(RESPONSE, TH1)
    done.wipe()
    with pytest.raises(EmulatorError, match="no request secret at this point"):
        done.traffic(REQUEST)
    assert done.export_master == bytes(48)


def test_an_update_can_be_taken_back_until_it_is_confirmed() -> None:
    secrets = established()
    before = secrets.traffic(REQUEST)
    seal(before)
    old = secrets.traffic(RESPONSE)
    secrets.update(REQUEST)
    new = secrets.traffic(REQUEST)
    assert (new.sequence, before.sequence) == (0, 1)
    assert secrets.traffic(RESPONSE) is old
    assert secrets.revert(REQUEST)
    assert secrets.traffic(REQUEST) is before
    assert new.iv == bytearray(12)
    assert not secrets.revert(REQUEST)
    secrets.update(REQUEST)
    secrets.confirm(REQUEST)
    assert not secrets.revert(REQUEST)
    assert before.iv == bytearray(12)
    secrets.confirm(REQUEST)


def test_a_second_update_gives_up_the_first_key() -> None:
    """Both sides get to the same key, and only the one before can come back."""
    ours, theirs = established(), established()
    for secrets in (ours, theirs):
        secrets.update(RESPONSE)
        secrets.update(RESPONSE)
    record = seal(ours.traffic(RESPONSE))
    assert SEALER.open(theirs.traffic(RESPONSE), record) == b"hello"
    assert theirs.revert(RESPONSE)
    with pytest.raises(DecryptError):
        SEALER.open(theirs.traffic(RESPONSE), record)
    assert not theirs.revert(RESPONSE)


def test_limits_and_order_are_those_of_all_keys() -> None:
    secrets = established(limit=5, order="big")
    secrets.update(REQUEST)
    for way in Direction:
        assert (secrets.traffic(way).limit, secrets.traffic(way).order) == (5, "big")


def test_a_listener_hears_of_secrets_but_not_of_updates() -> None:
    told: list[str] = []
    secrets = established(listener=lambda label, secret: told.append(f"{label} {len(secret)}"))
    secrets.update(REQUEST)
    assert told == [
        *("REQUEST_HANDSHAKE 48", "RESPONSE_HANDSHAKE 48"),
        *("REQUEST_DATA 48", "RESPONSE_DATA 48", "EXPORT_MASTER 48"),
    ]


def test_nothing_is_left_in_any_bytearray() -> None:
    """All bytearrays of the object, followed wherever they are."""
    secrets = begun()
    kept = held(secrets)
    assert len(kept) == 7, "handshake secret, and secret, finished key and IV of each direction"
    assert all(map(any, kept))
    secrets.establish(TH2)
    assert not any(map(any, kept))
    secrets.update(REQUEST)
    kept = [one for one in held(secrets) if any(one)]
    assert len(kept) == 7, (
        "export master secret, and secret and IV of two directions and one before"
    )
    secrets.wipe()
    assert not any(map(any, kept))
    assert "bytearray" not in repr(secrets)


def held(root: object) -> list[bytearray]:
    """The bytearrays with something in them that hang on `root`."""
    found: dict[int, bytearray] = {}
    todo, seen = [root], set[int]()
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        if isinstance(one, bytearray) and one:
            found[id(one)] = one
        if type(one).__module__.startswith("emulator") or isinstance(one, dict | tuple | list):
            todo.extend(gc.get_referents(one))
    return list(found.values())
