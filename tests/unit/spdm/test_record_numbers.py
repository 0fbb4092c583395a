"""Records of every transport against those of DMTF's emulators; see `tests/data`."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.crypto.aead import Aead
from emulator.entropy import Recorded, Seeded
from emulator.errors import DecryptError
from emulator.spdm.codes import Code
from emulator.spdm.key_schedule import KeySchedule
from emulator.spdm.secured import DOE, MCTP, TCP, Sealer, Traffic

RECORDS = json.loads((Path(__file__).parents[2] / "data" / "records.json").read_text())
FORMATS = {form.name: form for form in (DOE, MCTP, TCP)}
KINDS = [
    *((True, "mctp", "AES_128_GCM"), (True, "mctp", "CHACHA20_POLY1305"), (True, "tcp", None)),
    *((False, "doe", None), (False, "mctp", None), (False, "tcp", None)),
]


def traffic(row: dict[str, Any]) -> Traffic:
    schedule = KeySchedule(row["version"], row["hash"])
    key, iv = schedule.traffic(bytes.fromhex(row["secret"]), row["aead"])
    return Traffic(Aead(row["aead"], key), iv, row["sequence"])


@pytest.mark.parametrize(("encrypted", "transport", "aead"), KINDS)
def test_every_record_opens_and_is_made_again(
    transport: str, aead: str | None, *, encrypted: bool
) -> None:
    rows = [
        row
        for row in RECORDS
        if (row["encrypted"], row["transport"]) == (encrypted, transport)
        and aead in {None, row["aead"]}
    ]
    assert len(rows) == 8
    form = FORMATS[transport]
    for row in rows:
        sealer = Sealer(row["session"], form, encrypted=encrypted)
        raw, inner = bytes.fromhex(row["record"]), bytes.fromhex(row["inner"])
        assert sealer.open(traffic(row), raw) == inner
        message = form.message(inner)
        assert message is not None
        assert form.enclose(message) == inner
        assert message[1] in {*Code}
        padded = encrypted and form.max_random
        made = sealer.seal(traffic(row), inner, Seeded(1) if padded else Recorded(()))
        if padded:
            assert sealer.open(traffic(row), made) == inner
        else:
            assert made == raw


@pytest.mark.parametrize("row", RECORDS[::8], ids=lambda row: row["transport"])
def test_a_record_of_another_kind_does_not_open(row: dict[str, Any]) -> None:
    raw = bytes.fromhex(row["record"])
    for form in FORMATS.values():
        for encrypted in (True, False):
            if (form.name, encrypted) == (row["transport"], row["encrypted"]):
                continue
            sealer = Sealer(row["session"], form, encrypted=encrypted)
            # What differs between these two is inside.
            if {form.name, row["transport"]} <= {"doe", "tcp"} and encrypted == row["encrypted"]:
                assert sealer.open(traffic(row), raw)
                continue
            with pytest.raises(DecryptError):
                sealer.open(traffic(row), raw)
