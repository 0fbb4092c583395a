import hashlib

import pytest
from devices import MEASURED

from emulator.device import Measurement, Measurements
from emulator.device.measurements import MAX_INDEX, MIN_INDEX, TCB_KIND, Reported
from emulator.spdm.messages.measured import KINDS

ROM = Measurement(1, 0, b"immutable rom")


def block(index: int, kind: int, value: bytes) -> bytes:
    """A measurement block put together by hand: index, DMTF, size, type, size, value."""
    inner = bytes((kind,)) + len(value).to_bytes(2, "little") + value
    return bytes((index, 0x01)) + len(inner).to_bytes(2, "little") + inner


def test_kinds_are_the_headers() -> None:
    assert KINDS == {
        "immutable-rom": 0,
        "mutable-firmware": 1,
        "hardware-configuration": 2,
        "firmware-configuration": 3,
        "measurement-manifest": 4,
        "device-mode": 5,
        "version": 6,
        "secure-version-number": 7,
        "hash-extend": 8,
        "informational": 9,
        "structured-manifest": 10,
    }
    assert (TCB_KIND, MIN_INDEX, MAX_INDEX) == (0, 1, 0xFE)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    ("measurement", "digest", "as_is"),
    [
        (Measurement(1, 0, b"rom"), 0x00, 0x80),
        (Measurement(0xFE, 7, b"svn", raw=True), 0x87, 0x87),
        (Measurement(5, 2, bytes(48), digested=True), 0x02, 0x02),
    ],
)
def test_a_block_is_raw_where_it_can_be_and_is_asked_for(
    measurement: Measurement, digest: int, as_is: int, *, raw: bool
) -> None:
    kind = as_is if raw else digest
    plain = kind & 0x80 or measurement.digested
    value = measurement.value if plain else hashlib.sha384(measurement.value).digest()
    assert measurement.block("SHA_384", raw=raw) == block(measurement.index, kind, value)


def test_with_raw_bit_streams_only_everything_is_raw_but_what_is_a_digest() -> None:
    assert ROM.block("RAW_BIT", raw=False) == block(1, 0x80, b"immutable rom")
    digested = Measurement(2, 1, b"digest", digested=True)
    assert digested.block("RAW_BIT", raw=False) == block(2, 0x01, b"digest")


def test_a_record_is_in_the_order_of_the_indices() -> None:
    held = Measurements((Measurement(9, 1, b"nine"), Measurement(2, 1, b"two")))
    assert held.record("SHA_256", raw=True) == block(2, 0x81, b"two") + block(9, 0x81, b"nine")
    assert held.record("SHA_256", raw=False) == held.block(2, "SHA_256", raw=False) + held.block(
        9, "SHA_256", raw=False
    )
    assert [entry.index for entry in held] == [2, 9]
    assert (len(held), 2 in held, 3 in held) == (2, True, False)


def test_there_may_be_none() -> None:
    assert Measurements().record("SHA_256", raw=False) == b""
    assert len(Measurements()) == 0


def test_a_changed_value_is_reported_and_counted() -> None:
    held = Measurements(MEASURED)
    before = held.record("SHA_384", raw=False), held.generation
    held.change(2, b"other firmware")
    assert held.generation == before[1] + 1
    assert held.record("SHA_384", raw=False) != before[0]
    expected = block(2, 1, hashlib.sha384(b"other firmware").digest())
    assert held.block(2, "SHA_384", raw=False) == expected
    with pytest.raises(KeyError):
        held.change(77, b"")
    with pytest.raises(KeyError):
        held.block(77, "SHA_384", raw=False)


def test_a_summary_is_over_whole_blocks_of_all_or_of_the_tcb() -> None:
    held = Measurements(MEASURED)
    blocks = [held.block(entry.index, "SHA_384", raw=False) for entry in MEASURED]
    assert held.summary(0xFF, "SHA_256", "SHA_384") == hashlib.sha256(b"".join(blocks)).digest()
    tcb = blocks[0] + blocks[2]
    assert held.summary(0x01, "SHA_384", "SHA_384") == hashlib.sha384(tcb).digest()


def test_a_summary_of_nothing_is_the_hash_of_nothing() -> None:
    held = Measurements((Measurement(1, 1, b"firmware"),))
    assert held.summary(0x01, "SHA_256", "SHA_256") == hashlib.sha256().digest()


def firmware(held: Reported) -> bytes:
    """What the second measurement is reported to be, raw."""
    return held.block(2, "SHA_384", raw=True)[7:]


def views(held: Measurements) -> tuple[bytes, ...]:
    """What is reported: at reset, fresh, and each as it will be."""
    return tuple(
        firmware(held.reported(fresh=fresh, new=new))
        for new in (False, True)
        for fresh in (False, True)
    )


def test_without_fresh_measurements_it_is_what_was_measured_at_reset() -> None:
    held = Measurements(MEASURED)
    old, patched, update = b"mutable firmware", b"patched", b"update"
    assert views(held) == (old, old, old, old)
    held.change(2, patched)
    assert views(held) == (old, patched, old, patched)
    held.prepare(2, update)
    assert views(held) == (old, patched, update, update)
    held.change(2, b"patched again")
    assert views(held) == (old, b"patched again", update, update)
    held.reset()
    assert views(held) == (update, update, update, update)
    held.reset()
    assert views(held) == (update, update, update, update)


def test_what_is_prepared_leaves_the_others_as_they_are() -> None:
    held = Measurements(MEASURED)
    held.prepare(2, b"update")
    will_be = held.reported(fresh=False, new=True)
    assert [entry.index for entry in will_be] == [entry.index for entry in MEASURED]
    assert will_be.block(1, "SHA_384", raw=False) == held.block(1, "SHA_384", raw=False)
    with pytest.raises(KeyError):
        held.prepare(77, b"")


def test_a_summary_is_of_what_is_reported() -> None:
    held = Measurements(MEASURED)
    before = held.summary(0xFF, "SHA_384", "SHA_384")
    held.change(2, b"patched")
    at_reset, fresh = (held.reported(fresh=fresh) for fresh in (False, True))
    assert at_reset.summary(0xFF, "SHA_384", "SHA_384") == before
    assert fresh.summary(0xFF, "SHA_384", "SHA_384") != before


def test_each_knows_when_it_changed() -> None:
    held = Measurements(MEASURED)

    def changed() -> tuple[int, ...]:
        return tuple(
            held.reported(fresh=fresh, new=new).changed
            for new in (False, True)
            for fresh in (False, True)
        )

    assert changed() == (0, 0, 0, 0)
    held.change(2, b"patched")
    assert changed() == (0, 1, 0, 1)
    held.prepare(3, b"update")
    assert changed() == (0, 1, 2, 2)
    held.reset()
    assert changed() == (4, 3, 4, 3)
    held.reset()
    assert (changed(), held.generation) == ((4, 3, 4, 3), 4)


def test_what_is_reported_is_made_once() -> None:
    held = Measurements(MEASURED)
    held.prepare(2, b"update")
    for fresh in (False, True):
        one, other = (held.reported(fresh=fresh, new=True) for _ in range(2))
        assert one is other
