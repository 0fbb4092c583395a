"""What a host holds against replies of IDE_KM."""

import struct

import pytest
from keying import ide

from emulator.ask import ide_km
from emulator.errors import BrokenReply, KeyRefused
from emulator.vendor.ide_km import ObjectId

REGISTERS = ide().ports[0].registers()
RESP = b"\0\1\0\2\x0a\x2b\1\7" + struct.pack(f"<{len(REGISTERS)}I", *REGISTERS)
KP_ACK = b"\0\3\0\0\5\0\x21\2"
GOSTOP_ACK = b"\0\6\0\0\5\0\x21\2"


def test_requests_are_the_published_layouts() -> None:
    assert ide_km.query(7) == b"\0\0\0\7"
    key = bytes(range(32))
    turned = bytes(at ^ 3 for at in range(32))
    programmed = ide_km.program(2, 5, 0x21, key, 1)
    assert programmed == b"\0\2\0\0\5\0\x21\2" + turned + b"\0\0\0\0\1\0\0\0"
    assert ide_km.key_set(ObjectId.K_SET_GO, 2, 5, 0x21) == b"\0\4\0\0\5\0\x21\2"
    assert ide_km.key_set(ObjectId.K_SET_STOP, 2, 5, 0x21) == b"\0\5\0\0\5\0\x21\2"


def test_what_a_port_is_like() -> None:
    told = ide_km.read_query_resp(2, RESP)
    assert (told.port, told.bus, told.devfn, told.segment, told.max_port) == (2, 0x2B, 0x0A, 1, 7)
    assert told.function == "0001:2b:01.2"
    assert told.registers == REGISTERS
    assert [block.selective for block in told.blocks] == [False, True]


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b"", "protocol"),
        (b"\1" + RESP[1:], "protocol"),
        (RESP[:1], "object_id"),
        (b"\0\3" + RESP[2:], "object_id"),
        (RESP[:7], "max_port_index"),
        (RESP[:3] + b"\3" + RESP[4:], "port_index"),
        (RESP[:7] + b"\1" + RESP[8:], "max_port_index"),
        (RESP[:-1], "registers"),
        (RESP[:-4], "registers"),
        (RESP[:8], "registers"),
    ],
)
def test_query_resp_that_is_none(payload: bytes, field: str) -> None:
    with pytest.raises(BrokenReply) as broken:
        ide_km.read_query_resp(2, payload)
    assert broken.value.message == "QUERY_RESP"
    assert broken.value.field == field


def test_acknowledgements() -> None:
    ide_km.check_kp_ack(2, 5, 0x21, KP_ACK)
    ide_km.check_gostop_ack(2, 5, 0x21, GOSTOP_ACK)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (1, "INCORRECT_LENGTH"),
        (2, "UNSUPPORTED_PORT_INDEX"),
        (3, "UNSUPPORTED_VALUE"),
        (4, "UNSPECIFIED_FAILURE"),
        (5, "an unknown status"),
    ],
)
def test_a_key_that_is_refused(status: int, name: str) -> None:
    payload = KP_ACK[:5] + bytes((status,)) + KP_ACK[6:]
    said = f"KP_ACK says {name} \\({status}\\) of port 2, stream 5, key 0x21"
    with pytest.raises(KeyRefused, match=said) as refused:
        ide_km.check_kp_ack(2, 5, 0x21, payload)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("at", "field"), [(4, "stream_id"), (6, "key_sub_stream"), (7, "port_index")]
)
def test_acknowledgements_of_something_else(at: int, field: str) -> None:
    for check, good in ((ide_km.check_kp_ack, KP_ACK), (ide_km.check_gostop_ack, GOSTOP_ACK)):
        payload = good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :]
        with pytest.raises(BrokenReply) as broken:
            check(2, 5, 0x21, payload)
        assert broken.value.field == field


@pytest.mark.parametrize("size", range(2, 8))
def test_acknowledgements_that_are_cut(size: int) -> None:
    for check, good in ((ide_km.check_kp_ack, KP_ACK), (ide_km.check_gostop_ack, GOSTOP_ACK)):
        with pytest.raises(BrokenReply, match="expected a whole object"):
            check(2, 5, 0x21, good[:size])
        with pytest.raises(BrokenReply, match="expected a whole object"):
            check(2, 5, 0x21, good + b"\0")
