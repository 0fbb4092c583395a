"""IDE_KM's objects, against bytes written by hand from libspdm's `pci_idekm.h`."""

import pytest

from emulator.errors import WireError
from emulator.vendor.ide_km import KeyProg, KeySetObject, KpAck, KpStatus, Query, QueryResp
from emulator.vendor.ide_km.objects import (
    KEY_PROG_SIZE,
    KEY_SET_SIZE,
    PLAIN,
    QUERY_SIZE,
    key_prog,
    to_bytes,
)
from emulator.wire import Structure, parse

KEY = bytes(range(32))
ON_WIRE = bytes(at ^ 3 for at in range(32))  # each DWORD turned round

SAMPLES: list[tuple[Structure, bytes]] = [
    (Query(port_index=7), b"\0\0\7"),
    (
        QueryResp(
            port_index=1,
            dev_func_num=2,
            bus_num=3,
            segment=4,
            max_port_index=5,
            register_block=b"\1\0\0\0\2\0\0\0",
        ),
        b"\1\0\1\2\3\4\5" + b"\1\0\0\0\2\0\0\0",
    ),
    (
        key_prog(5, 0x21, 7, KEY),
        b"\2\0\0\5\0\x21\7" + ON_WIRE + b"\0\0\0\0\1\0\0\0",
    ),
    (
        KpAck(stream_id=5, status=KpStatus.UNSUPPORTED_VALUE, key_sub_stream=0x21, port_index=7),
        b"\3\0\0\5\3\x21\7",
    ),
    (
        KeySetObject(object_id=4, stream_id=5, key_sub_stream=0x21, port_index=7),
        b"\4\0\0\5\0\x21\7",
    ),
]


@pytest.mark.parametrize(("item", "raw"), SAMPLES, ids=lambda one: type(one).__name__)
def test_layouts(item: Structure, raw: bytes) -> None:
    assert to_bytes(item) == raw
    assert parse(type(item), raw, PLAIN) == (item, len(raw))
    for size in range(7 if isinstance(item, QueryResp) else len(raw)):
        with pytest.raises(WireError):
            parse(type(item), raw[:size], PLAIN)


def test_sizes() -> None:
    assert (QUERY_SIZE, KEY_SET_SIZE, KEY_PROG_SIZE) == (3, 7, 47)


def test_a_key_is_read_as_aes_takes_it() -> None:
    made = key_prog(0, 0, 0, KEY, 0x1_0000_0002)
    read, _ = parse(KeyProg, to_bytes(made), PLAIN)
    assert read.key == KEY
    assert read.invocation == 0x1_0000_0002


def test_registers_are_dwords() -> None:
    [told] = [item for item, _ in SAMPLES if isinstance(item, QueryResp)]
    assert told.registers() == (1, 2)
    cut, _ = parse(QueryResp, b"\1\0\1\2\3\4\5abc", PLAIN)
    with pytest.raises(ValueError, match="3 bytes of registers"):
        cut.registers()
