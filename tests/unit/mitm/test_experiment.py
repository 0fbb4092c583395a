"""The experiment: which attack gets what, against which protection."""

from datetime import UTC, datetime

import pytest

from emulator.entropy import Seeded
from emulator.mitm import Attempt, Mode, Protection, experiment
from emulator.mitm.experiment import attempt
from emulator.profile import build, load

AT = datetime(2026, 6, 1, tzinfo=UTC)
READ, FORGED, NOTHING = (True, False), (True, True), (False, False)
GOT = {
    (Mode.PASS, Protection.CHALLENGE): READ,
    (Mode.PASS, Protection.MEASUREMENTS): READ,
    (Mode.PASS, Protection.SESSION): NOTHING,
    (Mode.RELAY, Protection.CHALLENGE): FORGED,
    (Mode.RELAY, Protection.MEASUREMENTS): FORGED,
    (Mode.RELAY, Protection.SESSION): NOTHING,
    (Mode.TERMINATE, Protection.CHALLENGE): READ,
    (Mode.TERMINATE, Protection.MEASUREMENTS): READ,
    (Mode.TERMINATE, Protection.SESSION): NOTHING,
    (Mode.TAMPER, Protection.CHALLENGE): READ,
    (Mode.TAMPER, Protection.MEASUREMENTS): READ,
    (Mode.TAMPER, Protection.SESSION): NOTHING,
}
NOTICED = {
    (Mode.TERMINATE, Protection.SESSION): "KEY_EXCHANGE_RSP.signature",
    (Mode.TAMPER, Protection.SESSION): "record.tag",
}


@pytest.fixture
async def attempts() -> list[Attempt]:
    entropy = Seeded("experiment")
    device = build(load("secure-session", at=AT), entropy=entropy.fork("device"), at=AT)
    return await experiment(device, entropy, AT)


async def test_each_attack_against_each_protection(attempts: list[Attempt]) -> None:
    assert {(one.mode, one.protection): (one.read, one.forged) for one in attempts} == GOT
    for one in attempts:
        where = NOTICED.get((one.mode, one.protection))
        assert (where in one.noticed) if where else not one.noticed
        assert one.worked == (GOT[one.mode, one.protection] != NOTHING)


async def test_a_device_that_is_not_there() -> None:
    found = await attempt(("127.0.0.1", 1), Mode.PASS, Protection.CHALLENGE, Seeded("nobody"), AT)
    assert "the device closed the connection" in found.noticed
    assert not found.worked
