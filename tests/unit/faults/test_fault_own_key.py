"""The device gives itself a new key by an encapsulated request, and something is wrong with it."""

from dataclasses import replace
from typing import Any

import pytest
from secured import ABLE, REQUESTER, Inside, Wire, plain
from unit.faults.secure import armed, fired, rule

from emulator.faults.schedule import bent
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_schedule import Direction
from emulator.spdm.versions import Version

HEARTBEAT = plain(0x13, 0xE8)
ACK = plain(0x13, 0x68)


def asked(effect: Any, on: dict[str, Any]) -> tuple[Inside, bytes]:
    """A session whose device asks for a new key, and the record that tells it that this is well."""
    to = armed(rule(effect, on, times=1), capabilities=ABLE | Cap.ENCAP)
    session = Wire(to, flags=REQUESTER | Cap.ENCAP).by_key().finish()
    assert to.sessions.ask_new_keys() == 1
    update = session.ask(plain(0x13, 0xEA))
    answer = plain(0x13, 0xEB, 1) + plain(0x13, 0x69, update[-2], update[-1])
    return session, session.seal(answer)


def verify(session: Inside, told: bytes) -> None:
    """Answer VERIFY_NEW_KEY, with which the reply ends."""
    session.good(plain(0x13, 0xEB, 2) + plain(0x13, 0x69, told[-2], told[-1]))


@pytest.mark.parametrize("message", ["DELIVER_ENCAPSULATED_RESPONSE", "HEARTBEAT"])
def test_it_stays_with_the_old_one(message: str) -> None:
    session, answer = asked({"record-key": {"of": "before-update"}}, {"message": message})
    now = session.secrets.traffic(Direction.RESPONSE)
    former = replace(now, iv=bytearray(now.iv))
    record = session.wire.record(answer) or b""
    session.secrets.update(Direction.RESPONSE)
    if message == "HEARTBEAT":
        verify(session, session.open(record))
        record = session.wire.record(session.seal(HEARTBEAT)) or b""
        assert session.sealer.open(former, record) == ACK
    else:
        verify(session, session.sealer.open(former, record))
    session.good(HEARTBEAT)
    assert fired(session.wire.events) == ["record: sealed with the key of before-update"]


def test_it_is_of_another_version() -> None:
    on = {"message": "DELIVER_ENCAPSULATED_RESPONSE"}
    session, answer = asked("key-version", on)
    record = session.wire.record(answer) or b""
    right = session.secrets.schedule
    session.secrets.schedule = replace(bent(right), version=Version.V1_2)
    session.secrets.update(Direction.RESPONSE)
    session.secrets.schedule = right
    verify(session, session.open(record))
    session.good(HEARTBEAT)
    assert fired(session.wire.events) == ["secrets: keys labelled 1.2"]
