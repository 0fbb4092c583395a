"""Records of a recording told with a key log."""

import pytest
from unit.report.sealing import ID, Sealed

from emulator.report import entries, entry_json
from emulator.spdm.key_schedule import Direction as Way
from emulator.spdm.keylog import read_keylog

HEARTBEAT, ACK = bytes.fromhex("13e80000"), bytes.fromhex("13680000")
FINISH = bytes.fromhex("13e50000") + b"v" * 48
UPDATE, UPDATED = bytes.fromhex("13e90101"), bytes.fromhex("13690101")
IN = f"in session {ID:08x}"


def told(sealed: Sealed, keylog: str | None = None) -> list[tuple[str, str]]:
    """Name and meaning of what followed the negotiation and the exchange."""
    text = sealed.keylog if keylog is None else keylog
    found = [entry.told for entry in entries(sealed.session, read_keylog("keys", text))]
    return [(one.name, one.meaning) for one in found[5:] if one is not None]


@pytest.mark.parametrize("mctp", [False, True])
@pytest.mark.parametrize("encrypts", [False, True])
@pytest.mark.parametrize("psk", [False, True])
def test_a_session_from_handshake_to_updates(*, mctp: bool, encrypts: bool, psk: bool) -> None:
    sealed = Sealed(mctp=mctp, encrypts=encrypts)
    sealed = sealed.shared() if psk else sealed.exchanged()
    sealed.seal(FINISH)
    sealed.secrets.establish(b"2" * 48)
    expected = [("FINISH", f"{IN}: I have the keys")]
    for _ in range(3):
        sealed.seal(HEARTBEAT)
        sealed.seal(ACK, request=False)
        sealed.secrets.update(Way.REQUEST)
        sealed.seal(HEARTBEAT)
        sealed.secrets.update(Way.RESPONSE)
        sealed.seal(ACK, request=False)
        expected += [("HEARTBEAT", f"{IN}: still there"), ("HEARTBEAT_ACK", f"{IN}: still there")]
        expected += expected[-2:]
    assert told(sealed) == expected


def test_the_handshake_in_the_clear_has_no_records() -> None:
    sealed = Sealed().exchanged()
    sealed.secrets.establish(b"2" * 48)
    sealed.seal(HEARTBEAT)
    assert told(sealed) == [("HEARTBEAT", f"{IN}: still there")]


def test_an_update_that_was_refused_leaves_the_key() -> None:
    sealed = Sealed().exchanged()
    sealed.secrets.establish(b"2" * 48)
    for message in (UPDATE, HEARTBEAT):
        sealed.seal(message)
        sealed.seal(bytes.fromhex("137f0100"), request=False)
    names = [name for name, _ in told(sealed)]
    assert names == ["KEY_UPDATE", "ERROR", "HEARTBEAT", "ERROR"]


def test_a_record_that_does_not_open_says_why() -> None:
    sealed = Sealed().exchanged()
    sealed.secrets.establish(b"2" * 48)
    sealed.seal(HEARTBEAT)
    sealed.seal(HEARTBEAT, bend=lambda record: record[:-1] + bytes((record[-1] ^ 1,)))
    sealed.secrets.traffic(Way.REQUEST).sequence = 1
    sealed.seal(HEARTBEAT)
    assert told(sealed) == [
        ("HEARTBEAT", f"{IN}: still there"),
        ("(secured)", "secured message, 28 bytes: record 1's tag is wrong"),
        ("HEARTBEAT", f"{IN}: still there"),
    ]


def test_without_its_secrets_a_record_stays_closed() -> None:
    sealed = Sealed().exchanged()
    sealed.secrets.establish(b"2" * 48)
    sealed.seal(HEARTBEAT)
    size = "secured message, 28 bytes"
    assert told(sealed, "") == [("(secured)", f"{size}: its secrets are not in the key log")]
    (last,) = [entry.told for entry in entries(sealed.session)][5:]
    assert last is not None
    assert (last.name, last.meaning, last.session) == ("(secured)", size, None)


def test_only_data_secrets_will_do_for_the_data() -> None:
    sealed = Sealed().exchanged()
    sealed.seal(FINISH)
    sealed.secrets.establish(b"2" * 48)
    sealed.seal(HEARTBEAT)
    data = "".join(line for line in sealed.lines if "_DATA" in line)
    names = [name for name, _ in told(sealed, data)]
    assert names == ["(secured)", "HEARTBEAT"]
    handshake = "".join(line for line in sealed.lines if "_HANDSHAKE" in line)
    assert [name for name, _ in told(sealed, handshake)] == ["FINISH", "(secured)"]


@pytest.mark.parametrize("aead", [0, 8, 3])
def test_algorithms_that_cannot_be_computed_open_nothing(aead: int) -> None:
    sealed = Sealed(aead=aead).exchanged()
    sealed.secrets.establish(b"2" * 48)
    sealed.seal(HEARTBEAT)
    ((name, meaning),) = told(sealed)
    assert name == "(secured)"
    assert meaning.endswith(f"session {ID:08x} was not opened in this recording")


def test_a_recording_that_begins_later_opens_nothing() -> None:
    sealed = Sealed().exchanged()
    sealed.secrets.establish(b"2" * 48)
    sealed.seal(HEARTBEAT)
    del sealed.packets[2]
    *_, last = entries(sealed.session, read_keylog("keys", sealed.keylog))
    assert last.told is not None
    assert last.told.name == "(secured)"
    del sealed.packets[:-1]
    assert told(sealed) == []
    (entry,) = entries(sealed.session, read_keylog("keys", sealed.keylog))
    assert entry.told is not None
    assert "was not opened" in entry.told.meaning


def test_an_application_message_is_none_of_spdms() -> None:
    sealed = Sealed(mctp=True).exchanged()
    sealed.secrets.establish(b"2" * 48)
    sealed.seal_inner(b"\x7eabc")
    assert told(sealed) == [("(application)", f"{IN}: application message, 4 bytes")]


def test_the_session_for_a_script() -> None:
    sealed = Sealed().exchanged()
    sealed.secrets.establish(b"2" * 48)
    sealed.seal(HEARTBEAT)
    *_, last = entries(sealed.session, read_keylog("keys", sealed.keylog))
    found = entry_json(last)
    assert found["session"] == f"{ID:08x}"
    assert (found["name"], found["raw"], found["size"]) == ("HEARTBEAT", HEARTBEAT.hex(), 4)
    assert [field["name"] for field in found["fields"]][:2] == ["version", "code"]
