"""The experiment: which attack gets what, against which protection."""

from datetime import UTC, datetime

from emulator.device import Device
from emulator.entropy import Seeded
from emulator.mitm import Attempt, Mode, Protection, experiment
from emulator.mitm.experiment import Place, attempt
from emulator.profile import build, load

AT = datetime(2026, 6, 1, tzinfo=UTC)
READ, FORGED, BENT, NOTHING = (True, False), (True, True), (True, True), (False, False)
GOT = {
    Mode.PASS: (READ, READ, NOTHING, READ, NOTHING),
    Mode.RELAY: (FORGED, FORGED, NOTHING, FORGED, NOTHING),
    Mode.TERMINATE: (READ, READ, NOTHING, NOTHING, NOTHING),
    Mode.SWAP_KEYS: (READ, READ, NOTHING, NOTHING, NOTHING),
    Mode.TAMPER: (READ, READ, NOTHING, NOTHING, NOTHING),
    Mode.TAMPER_LINK: (READ, READ, NOTHING, BENT, NOTHING),
}
"""What each attack gets, read and forged, against each protection in order."""

_SIGNED, _TAG = r"KEY_EXCHANGE_RSP.signature", "record.tag"
NOTICED = {
    Mode.PASS: ("", "", ""),
    Mode.RELAY: ("", "", "completed without IDE"),
    Mode.TERMINATE: (_SIGNED, _SIGNED, _SIGNED),
    Mode.SWAP_KEYS: (_SIGNED, _SIGNED, _SIGNED),
    Mode.TAMPER: (_TAG, _TAG, _TAG),
    Mode.TAMPER_LINK: ("", "", "IDE check failed"),
}
"""Where each is noticed, in a session, on the link as it is, and under IDE."""


def device(*, keyed: bool) -> Device:
    settings = () if keyed else ("ide.selective[0].enabled=false",)
    loaded = load("everything", sets=settings, at=AT)
    return build(loaded, entropy=Seeded("device"), at=AT)


async def test_each_attack_against_each_protection() -> None:
    plain, keyed = (device(keyed=keyed) for keyed in (False, True))
    attempts = await experiment(plain, keyed, Seeded("experiment"), AT)
    of_mode: dict[Mode, list[Attempt]] = {}
    for one in attempts:
        of_mode.setdefault(one.mode, []).append(one)
    assert {mode: tuple((one.read, one.forged) for one in of_mode[mode]) for mode in Mode} == GOT
    for mode, found in of_mode.items():
        assert [one.protection for one in found] == [*Protection]
        for one, where in zip(found, ("", "", *NOTICED[mode]), strict=True):
            assert (where in one.noticed) if where else not one.noticed
            assert one.worked == (one.read or one.forged)
    agreed = {one.mode: one.agreed for one in attempts if one.protection is Protection.IDE}
    assert {mode: agreed[mode] for mode in (Mode.PASS, Mode.RELAY)} == {
        Mode.PASS: True,
        Mode.RELAY: True,
    }
    assert agreed[Mode.TAMPER_LINK] is False
    assert not any(
        one.worked for one in attempts if one.protection in {Protection.SESSION, Protection.IDE}
    )


async def test_a_device_that_is_not_there() -> None:
    nobody = Place(("127.0.0.1", 1), ("127.0.0.1", 1))
    found = await attempt(nobody, Mode.PASS, Protection.CHALLENGE, Seeded("nobody"), AT)
    assert "the device closed the connection" in found.noticed
    assert not found.worked
