"""The key schedule and records against the numbers of DMTF's emulators; see `tests/data`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.entropy import Recorded
from emulator.spdm.key_schedule import Direction, KeySchedule
from emulator.spdm.secured import DOE, Sealer
from emulator.spdm.session_secrets import EXPORT_LABEL, LABELS, Secrets

NUMBERS = json.loads((Path(__file__).parents[2] / "data" / "sessions.json").read_text())

Case = tuple[dict[str, Any], dict[str, Any]]


def cases() -> Iterator[Any]:
    for conversation in NUMBERS:
        for number, session in enumerate(conversation["sessions"]):
            yield pytest.param((conversation, session), id=f"{conversation['name']}-{number}")


@pytest.fixture(params=cases())
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def schedule(case: Case) -> KeySchedule:
    return KeySchedule(case[0]["version"], case[0]["hash"])


def begun(case: Case, told: dict[str, bytes]) -> Secrets:
    conversation, session = case
    secrets = Secrets(schedule(case), conversation["aead"], listener=told.__setitem__)
    shared = bytearray.fromhex(session["shared"])
    secrets.begin(shared, bytes.fromhex(session["th1"]), psk=session["psk"])
    assert any(shared) == session["psk"], "a shared secret is wiped, a pre-shared key stays"
    return secrets


def test_there_are_sessions_of_all_kinds() -> None:
    assert {one["version"] for one in NUMBERS} == {0x11, 0x12, 0x13, 0x14}
    assert {one["hash"] for one in NUMBERS} == {"SHA_256", "SHA_384"}
    assert {one["aead"] for one in NUMBERS} == {"AES_128_GCM", "AES_256_GCM"}
    assert {row["psk"] for one in NUMBERS for row in one["sessions"]} == {False, True}


def test_every_secret(case: Case) -> None:
    told: dict[str, bytes] = {}
    secrets = begun(case, told)
    th2 = bytes.fromhex(case[1]["th2"])
    secrets.establish(th2)
    assert {label: secret.hex() for label, secret in told.items()} == case[1]["secrets"]
    assert set(told) == {EXPORT_LABEL, *LABELS.values()}
    assert secrets.export_master == told[EXPORT_LABEL]


def test_finished_keys_and_master_secret(case: Case) -> None:
    told: dict[str, bytes] = {}
    secrets = begun(case, told)
    found = schedule(case)
    labels = [LABELS["hs", way] for way in Direction]
    keys = [found.finished_key(told[label]) for label in labels]
    assert [key.hex() for key in keys] == case[1]["finished"]
    handshake = found.handshake(bytes.fromhex(case[1]["shared"]), psk=case[1]["psk"])
    assert found.master(handshake).hex() == case[1]["master"]
    for way, key in zip(Direction, keys, strict=True):
        assert secrets.verify_data(way, b"transcript") == found.verify_data(key, b"transcript")


def test_every_record_opens_and_is_made_again(case: Case) -> None:
    secrets, sealer = begun(case, {}), Sealer(case[1]["id"], DOE, encrypted=True)
    now = dict.fromkeys(Direction, -1)
    stages = sorted({stage for _, stage, *_ in case[1]["records"] if stage != "hs"})
    opened = 0
    for stage in ("hs", *stages):
        if stage == 0:
            secrets.establish(bytes.fromhex(case[1]["th2"]))
            now = dict.fromkeys(Direction, 0)
        for code, at, sequence, record, inner in case[1]["records"]:
            way = Direction(code)
            if at != stage:
                continue
            if stage != "hs" and now[way] < stage:
                secrets.update(way)
                now[way] += 1
            traffic = secrets.traffic(way)
            traffic.sequence = sequence
            raw = bytes.fromhex(record)
            assert sealer.open(traffic, raw).hex() == inner
            traffic.sequence = sequence
            made = sealer.seal(traffic, bytes.fromhex(inner), Recorded(()))
            assert raw.startswith(made)
            opened += 1
    assert opened == len(case[1]["records"]) > 0
