"""Stage secrets: a requester that makes the same mistake has the same keys, and no other has."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hosting import CLEAR
from secured import Inside, Wire, plain
from unit.faults.secure import armed, clean, fired, hosted, rule, wired

from emulator.crypto import hashes, kdf
from emulator.errors import BrokenReply, PeerError
from emulator.faults.schedule import BentSchedule, bent
from emulator.spdm.key_schedule import KeySchedule
from emulator.spdm.session_secrets import Secrets
from emulator.spdm.session_transcript import CHAIN, SIGNATURE, digest
from emulator.spdm.versions import Version

HEARTBEAT = plain(0x13, 0xE8)
RIGHT = KeySchedule(0x13, "SHA_384")
Mistake = Callable[[BentSchedule], BentSchedule]


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes((data[-1] ^ 1,))


def zero(data: bytes) -> bytes:
    return bytes(len(data))


def inverted(data: bytes) -> bytes:
    return bytes(one ^ 0xFF for one in data)


def one(data: bytes) -> bytes:
    del data
    return b"\x01"


def mistake(**edits: Any) -> Mistake:
    return lambda schedule: replace(schedule, **edits)


def hash_mistake(edit: Callable[[bytes], bytes]) -> Mistake:
    return mistake(hashed=edit, proved=edit)


class Mistaken(Wire):
    """A raw client that makes one mistake where its secrets begin."""

    mistake: Mistake

    def _secrets(self) -> Secrets:
        return Secrets(self.mistake(bent(RIGHT)), self._aead)


BEGINNINGS: list[tuple[Any, str, Mistake, str]] = [
    ("shared-secret", "by_key", mistake(shared=flipped), "shared secret flipped"),
    ({"shared-secret": {"make": "zero"}}, "by_key", mistake(shared=zero), "shared secret zero"),
    ({"shared-secret": {"hex": "01"}}, "by_psk", mistake(shared=one), "pre-shared key replaced"),
    ("session-hash", "by_key", hash_mistake(flipped), "TH1 flipped"),
    ({"session-hash": {"make": "zero"}}, "by_psk", hash_mistake(zero), "TH1 zero"),
    ("key-salt", "by_key", mistake(first=inverted), "another salt"),
    ({"key-salt": {"to": "01"}}, "by_psk", mistake(first=one), "another salt"),
    ("key-version", "by_key", mistake(version=Version.V1_2), "keys labelled 1.2"),
    (
        {"key-version": {"to": "1.0"}},
        "by_psk",
        mistake(version=Version.V1_0),
        "keys labelled 1.0",
    ),
    ("swap-directions", "by_key", mistake(swapped=True), "the keys of both directions swapped"),
    ("swap-directions", "by_psk", mistake(swapped=True), "the keys of both directions swapped"),
    (
        {"verify-data": {"make": "zero"}},
        "by_key",
        mistake(proof=lambda _, right: zero(right)),
        "verify data zero",
    ),
    (
        {"verify-data": {"nothing": True}},
        "by_psk",
        mistake(proof=lambda key, _: kdf.hmac("SHA_384", key, hashes.digest("SHA_384"))),
        "verify data of nothing",
    ),
]


def begun(rules: Any, how: str, made: Mistake) -> tuple[Mistaken, Inside]:
    Mistaken.mistake = staticmethod(made)
    wire = Mistaken(armed(rules))
    session: Inside = getattr(wire, how)()
    session.secrets.schedule = RIGHT
    return wire, session


@pytest.mark.parametrize(("effect", "how", "made", "told"), BEGINNINGS)
def test_the_handshake_begins_with_other_keys(
    effect: Any, how: str, made: Mistake, told: str
) -> None:
    at = "secrets" if "verify-data" in effect else None
    bad = rule(effect, {"message": ["KEY_EXCHANGE", "PSK_EXCHANGE"]}, at=at)
    wire, session = begun(bad, how, made)
    session.finish()
    session.good(HEARTBEAT)
    session.update(2)
    session.update(3)
    session.good(HEARTBEAT)
    assert fired(wire.events) == [f"secrets: {told}"]
    # Who makes no mistake sees that at once.
    to = armed(bad)
    host = hosted(to=to)
    open_it = host.session if how == "by_key" else host.psk_session
    with pytest.raises(BrokenReply, match="verify_data"):
        open_it()
    clean(to)


@pytest.mark.parametrize(
    ("drop", "entry"),
    [("ALGORITHMS", "ALGORITHMS"), ("chain", CHAIN), ("signature", SIGNATURE)],
)
def test_what_th1_lacks(drop: str, entry: str) -> None:
    bad = rule({"session-transcript": {"drop": drop}}, {"message": "KEY_EXCHANGE"})
    wire = Mistaken(armed(bad))
    made: list[Inside] = []

    def left(_: bytes) -> bytes:
        view = made[0].transcript.view
        return digest("SHA_384", [one for one in view if one.name != entry])

    class Seen(Mistaken):
        def _begun(self, *a: Any, **more: Any) -> Inside:
            made.append(super()._begun(*a, **more))
            return made[0]

    Mistaken.mistake = staticmethod(hash_mistake(left))
    wire = Seen(armed(bad))
    session = wire.by_key()
    session.secrets.schedule = RIGHT
    session.finish()
    session.good(HEARTBEAT)
    assert fired(wire.events) == [f"secrets: keys without {entry}"]


def test_what_is_not_there_cannot_be_left_out() -> None:
    for drop in ("PSK_EXCHANGE", "FINISH", "verify-data"):
        bad = rule({"session-transcript": {"drop": drop}}, {"message": "KEY_EXCHANGE"})
        wire = wired(bad)
        wire.by_key().finish()
        assert not fired(wire.events)


ENDINGS: list[tuple[Any, Mistake, str]] = [
    ("session-hash", mistake(hashed=flipped), "TH2 flipped"),
    ({"session-hash": {"make": "zero"}}, mistake(hashed=zero), "TH2 zero"),
    ("key-salt", mistake(second=inverted), "another salt"),
    ("key-version", mistake(version=Version.V1_2), "keys labelled 1.2"),
    ("swap-directions", mistake(swapped=True), "the keys of both directions swapped"),
]


@pytest.mark.parametrize(("effect", "made", "told"), ENDINGS)
@pytest.mark.parametrize("how", ["by_key", "by_psk"])
def test_the_data_begins_with_other_keys(how: str, effect: Any, made: Mistake, told: str) -> None:
    bad = rule(effect, {"message": ["FINISH", "PSK_FINISH"]})
    wire = wired(bad)
    session: Inside = getattr(wire, how)()
    session.secrets.schedule = made(bent(RIGHT))
    session.finish()
    session.secrets.schedule = RIGHT
    session.good(HEARTBEAT)
    session.update(1)
    session.update(3)
    session.good(HEARTBEAT)
    assert fired(wire.events) == [f"secrets: {told}"]
    to = armed(bad)
    host = hosted(to=to)
    opened = host.session() if how == "by_key" else host.psk_session()
    with pytest.raises(PeerError):
        host.run(opened.heartbeat())
    assert not opened.live
    clean(to)


def test_what_th2_lacks() -> None:
    bad = rule({"session-transcript": {"drop": "FINISH_RSP"}}, {"message": "FINISH"})
    wire = wired(bad)
    session = wire.by_key()

    def left(_: bytes) -> bytes:
        view = session.transcript.view
        return digest("SHA_384", [one for one in view if one.name != "FINISH_RSP"])

    session.secrets.schedule = replace(bent(RIGHT), hashed=left)
    session.finish()
    session.good(HEARTBEAT)
    assert fired(wire.events) == ["secrets: keys without FINISH_RSP"]


def test_a_new_key_of_another_version() -> None:
    bad = rule("key-version", {"message": "KEY_UPDATE"})
    wire = wired(bad)
    session = wire.by_key().finish()
    session.secrets.schedule = replace(bent(RIGHT), version=Version.V1_2)
    session.update(2)
    session.secrets.schedule = RIGHT
    session.update(3)
    session.good(HEARTBEAT)
    assert fired(wire.events) == ["secrets: keys labelled 1.2"]
    to = armed(bad)
    host = hosted(to=to)
    opened = host.session()
    with pytest.raises(BrokenReply, match="tag"):
        host.run(opened.update_keys())
    clean(to)


@pytest.mark.parametrize("at", ["secrets", "signed"])
@pytest.mark.parametrize(
    "effect", ["verify-data", {"verify-data": {"nothing": True}}, {"verify-data": {"hex": "00"}}]
)
@pytest.mark.parametrize("message", ["KEY_EXCHANGE_RSP", "PSK_EXCHANGE_RSP", "FINISH_RSP"])
def test_verify_data_is_refused(message: str, effect: Any, at: str) -> None:
    to = armed(rule(effect, {"message": message}, at=at))
    clear = message == "FINISH_RSP"
    host = hosted(to=to, how=CLEAR) if clear else hosted(to=to)
    with pytest.raises(BrokenReply) as refused:
        host.psk_session() if message.startswith("PSK") else host.session()
    assert message in str(refused.value)
    [told] = fired(host.events)
    assert told.startswith(f"{at}: verify data")
    clean(to)


def test_verify_data_on_the_way_is_in_no_transcript() -> None:
    """Who does not look at it goes on as far as there is a transcript in which it stands."""
    bad = rule({"verify-data": {"make": "zero"}}, {"message": "PSK_EXCHANGE"})
    wire, usual = wired(bad), wired()
    replies = []
    for one in (wire, usual):
        seen: list[bytes] = []
        good = one.good

        def heard(message: bytes, good: Any = good, seen: list[bytes] = seen) -> bytes:
            seen.append(good(message))
            return seen[-1]

        one.good = heard  # type: ignore[method-assign]  # to look at what goes by
        if one is wire:
            with pytest.raises(AssertionError):
                one.by_psk()
        else:
            one.by_psk()
        replies.append(seen[-1])
    end = len(replies[1].rstrip(b"\0"))
    assert replies[0][: end - 48] == replies[1][: end - 48]
    assert not any(replies[0][end - 48 :])


def test_without_verify_data_nothing_happens() -> None:
    for at in ("secrets", "signed"):
        bad = rule("verify-data", {"message": ["KEY_EXCHANGE", "FINISH"]}, at=at)
        wire = wired(rule("verify-data", {"message": "FINISH"}, at=at))
        wire.by_key().finish()
        assert not fired(wire.events)
        wire = wired(bad, clear=True)
        session = wire.by_key()
        assert not fired(wire.events)
        with pytest.raises(AssertionError):
            session.finish()
        assert len(fired(wire.events)) == 1


def test_a_session_that_is_open_goes_on_without_the_fault() -> None:
    bad = rule("session-hash", {"message": "FINISH", "session": 1})
    host = hosted(bad)
    first = host.session()
    with pytest.raises(BrokenReply, match="tag"):
        host.run(first.heartbeat())
    second = host.session()
    host.run(second.heartbeat())
    assert len(fired(host.events)) == 1
