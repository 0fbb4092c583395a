"""Records: what is sealed opens, and nothing else does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.crypto.aead import SUITES, TAG_SIZE, Aead
from emulator.entropy import Entropy, Recorded, Seeded
from emulator.errors import DecryptError, EmulatorError
from emulator.spdm.secured import DOE, MCTP, SEQUENCE_LIMIT, TCP, Format, Sealer, Traffic

SESSION = 0xFFFEFFFF
FORMATS = (DOE, MCTP, TCP)
NONE: Entropy = Recorded(())
MESSAGE = bytes.fromhex("12e00000")

formats = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
modes = pytest.mark.parametrize("encrypted", [True, False], ids=["encrypted", "authenticated"])


def traffic(aead: str = "AES_256_GCM", sequence: int = 0, **more: object) -> Traffic:
    key = bytes(range(SUITES[aead].key_size))
    return Traffic(Aead(aead, key), bytearray(range(12)), sequence, **more)  # type: ignore[arg-type]  # as given


def entropy(form: Format) -> Entropy:
    return Seeded(1) if form.max_random else NONE


@pytest.mark.parametrize("aead", SUITES)
@formats
@modes
@given(messages=st.lists(st.binary(max_size=80), min_size=1, max_size=4))
@settings(max_examples=30)
def test_what_is_sealed_opens(
    aead: str, form: Format, messages: list[bytes], *, encrypted: bool
) -> None:
    sealer = Sealer(SESSION, form, encrypted=encrypted)
    ours, theirs, drawn = traffic(aead), traffic(aead), entropy(form)
    for number, message in enumerate(messages):
        record = sealer.seal(ours, form.enclose(message), drawn)
        assert len(record) <= len(form.enclose(message)) + sealer.overhead()
        assert sealer.open(theirs, record) == form.enclose(message)
        assert form.message(form.enclose(message)) == message
        assert ours.sequence == theirs.sequence == number + 1


def test_the_layout_is_dsp0277s() -> None:
    at = traffic(sequence=0x012345)
    record = Sealer(SESSION, MCTP, encrypted=False).seal(at, MCTP.enclose(MESSAGE), NONE)
    assert record[:8].hex() == "fffffeff" + "4523" + "1500"
    assert record[8:13] == b"\x05" + MESSAGE
    assert len(record) == 8 + 5 + TAG_SIZE
    tcp = Sealer(SESSION, TCP, encrypted=False).seal(traffic(), TCP.enclose(MESSAGE), NONE)
    assert tcp[:6].hex() == "fffffeff" + "1800"
    assert tcp[6:14].hex() == "0600" + "0105" + MESSAGE.hex()
    doe = Sealer(SESSION, DOE, encrypted=True).seal(traffic(), MESSAGE, NONE)
    assert doe[:6].hex() == "fffffeff" + "1600"
    assert len(doe) == 6 + 2 + len(MESSAGE) + TAG_SIZE


def test_overheads_leave_qemu_what_the_standard_says() -> None:
    """4600 bytes of a reply are 4576 inside an encrypted record and 4578 inside the other."""
    assert 4600 - Sealer(SESSION, DOE, encrypted=True).overhead() == 4576
    assert 4600 - Sealer(SESSION, DOE, encrypted=False).overhead() == 4578


@pytest.mark.parametrize(
    ("order", "nonce"),
    [("little", "452303030405060708090a0b"), ("big", "00010203040506070808284e")],
)
def test_the_nonce_has_the_number_at_either_end(order: str, nonce: str) -> None:
    at = traffic(sequence=0x012245, order=order)
    assert at.nonce().hex() == nonce


@formats
@modes
@given(data=st.data())
@settings(max_examples=60)
def test_one_bit_is_enough(form: Format, data: st.DataObject, *, encrypted: bool) -> None:
    sealer = Sealer(SESSION, form, encrypted=encrypted)
    record = bytearray(sealer.seal(traffic(), form.enclose(MESSAGE), entropy(form)))
    bit = data.draw(st.integers(0, 8 * len(record) - 1))
    record[bit // 8] ^= 1 << bit % 8
    theirs = traffic()
    with pytest.raises(DecryptError):
        sealer.open(theirs, bytes(record))
    assert theirs.sequence == 0


@formats
@modes
def test_no_truncation_opens(form: Format, *, encrypted: bool) -> None:
    sealer = Sealer(SESSION, form, encrypted=encrypted)
    record = sealer.seal(traffic(), form.enclose(MESSAGE), entropy(form))
    for size in range(len(record)):
        with pytest.raises(DecryptError):
            sealer.open(traffic(), record[:size])
    for padding in range(4):
        assert sealer.open(traffic(), record + bytes(padding)) == form.enclose(MESSAGE)


@formats
@modes
@given(data=st.binary(max_size=80), heads=st.booleans())
def test_any_bytes_give_an_error_and_nothing_else(
    form: Format, data: bytes, *, encrypted: bool, heads: bool
) -> None:
    head = SESSION.to_bytes(4, "little") + bytes(form.sequence_size) if heads else b""
    with pytest.raises(DecryptError):
        Sealer(SESSION, form, encrypted=encrypted).open(traffic(), head + data)


@modes
def test_records_come_once_and_in_their_order(*, encrypted: bool) -> None:
    sealer, ours, theirs = Sealer(SESSION, DOE, encrypted=encrypted), traffic(), traffic()
    first, second = (sealer.seal(ours, MESSAGE, NONE) for _ in range(2))
    with pytest.raises(DecryptError, match="record 0's tag is wrong"):
        sealer.open(theirs, second)
    assert sealer.open(theirs, first) == MESSAGE
    with pytest.raises(DecryptError, match="record 1's tag is wrong"):
        sealer.open(theirs, first)
    assert sealer.open(theirs, second) == MESSAGE


def test_what_is_wrong_is_told() -> None:
    sealer = Sealer(SESSION, MCTP, encrypted=True)
    record = sealer.seal(traffic(), MCTP.enclose(MESSAGE), Seeded(1))
    cases = {
        record[:23]: "a record of 23 bytes; 24 are the least",
        b"\0" + record[1:]: "headed 00fffeff0000 where session fffeffff is at record 0",
        record[:4] + b"\1" + record[5:]: "headed fffffeff0100 where",
        record[:6] + b"\x0f\0" + record[8:]: "a record's length 15,",
        record[:6] + b"\xff\xff" + record[8:]: "a record's length 65535,",
    }
    for bent, said in cases.items():
        with pytest.raises(DecryptError, match=said):
            sealer.open(traffic(), bent)


def test_an_application_length_that_lies_is_no_message() -> None:
    sealer, ours = Sealer(SESSION, DOE, encrypted=True), traffic()
    for body in (b"", b"\0", b"\1\0", b"\xff\xff" + bytes(40)):
        header = SESSION.to_bytes(4, "little") + (len(body) + TAG_SIZE).to_bytes(2, "little")
        record = header + ours.aead.seal(ours.nonce(), header, body)
        with pytest.raises(DecryptError, match="an application length"):
            sealer.open(traffic(), record)


@pytest.mark.parametrize("order", [0x100, 0x10000])
def test_a_number_beyond_its_bytes_on_the_wire_goes_on(order: int) -> None:
    sealer = Sealer(SESSION, MCTP, encrypted=True)
    record = sealer.seal(traffic(sequence=order), b"\x05hello", Seeded(1))
    assert record[4:6] == (order & 0xFFFF).to_bytes(2, "little")
    assert sealer.open(traffic(sequence=order), record) == b"\x05hello"


@pytest.mark.parametrize("limit", [1, 7, SEQUENCE_LIMIT])
def test_a_key_ends_at_its_limit(limit: int) -> None:
    sealer = Sealer(SESSION, DOE, encrypted=True)
    last = sealer.seal(traffic(sequence=limit - 1, limit=limit), MESSAGE, NONE)
    at = traffic(sequence=limit - 1, limit=limit)
    assert sealer.open(at, last) == MESSAGE
    assert at.exhausted
    with pytest.raises(DecryptError, match="no sequence number left"):
        sealer.open(at, last)
    with pytest.raises(EmulatorError, match="no sequence number left"):
        sealer.seal(at, MESSAGE, NONE)


@modes
def test_what_fits_no_record_is_told(*, encrypted: bool) -> None:
    sealer = Sealer(SESSION, DOE, encrypted=encrypted)
    most = 0xFFFF - TAG_SIZE - (2 if encrypted else 0)
    at = traffic()
    assert len(sealer.seal(at, bytes(most), NONE)) == 6 + 0xFFFF
    for size in (most + 1, 0x10000):
        with pytest.raises(EmulatorError, match="too many for one record"):
            sealer.seal(at, bytes(size), NONE)
    assert at.sequence == 1


def test_random_bytes_follow_where_a_transport_has_them() -> None:
    sealer, at, drawn = Sealer(SESSION, MCTP, encrypted=True), traffic(), Seeded(2)
    sizes = {len(sealer.seal(at, b"\x05", drawn)) - 27 for _ in range(300)}
    assert sizes == set(range(1, 33))


@pytest.mark.parametrize(
    ("form", "inner"),
    [(MCTP, b""), (MCTP, b"\x06abc"), (TCP, b""), (TCP, b"\x04\0\1\6ab"), (TCP, b"\x05\0\1\5ab")],
)
def test_another_application_message_is_no_spdm_message(form: Format, inner: bytes) -> None:
    assert form.message(inner) is None
