import pytest

from emulator.vendor import Registry, VendorExchange
from emulator.vendor.registry import VENDOR_ID_SIZES

# libspdm `library/spdm_common_lib/libspdm_com_support.c`, libspdm_validate_svh_vendor_id_len
SIZES = {
    0x0: {0},
    0x1: {0, 2},
    0x2: {0, 2},
    0x3: {0, 2},
    0x4: {0, 4},
    0x5: {0, 4},
    0x6: {0, 2},
    0x7: {0, 2},
    0x8: {0, 2},
    0x9: {0},
    0xA: {1, 2, 3, 5, 9},
    0xB: {2},
}


class Silent:
    """A protocol that has nothing to say."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        del payload, exchange
        return None


def test_sizes_are_libspdms() -> None:
    assert {standard: set(sizes) for standard, sizes in VENDOR_ID_SIZES.items()} == SIZES


@pytest.mark.parametrize("standard", SIZES)
def test_a_vendor_id_has_a_size_its_standards_body_gives(standard: int) -> None:
    for size in range(12):
        registry, protocol, vendor = Registry(), Silent(), bytes(size)
        if size in SIZES[standard]:
            registry.add(standard, vendor, protocol)
            assert registry.find(standard, vendor) is protocol
        else:
            with pytest.raises(ValueError, match=f"standard {standard} has vendor ids of"):
                registry.add(standard, vendor, protocol)
            assert registry.find(standard, vendor) is None


def test_the_legal_sizes_are_named() -> None:
    with pytest.raises(ValueError, match="standard 3 has vendor ids of 0 or 2 bytes"):
        Registry().add(3, b"123", Silent())


def test_a_body_nobody_knows_takes_any_id() -> None:
    registry, protocol = Registry(), Silent()
    registry.add(0xC0DE, b"seven b", protocol)
    assert registry.find(0xC0DE, b"seven b") is protocol


def test_body_and_vendor_both_count() -> None:
    registry, one, other = Registry(), Silent(), Silent()
    registry.add(3, b"\x01\x00", one)
    registry.add(7, b"\x01\x00", other)
    registry.add(3, b"\x36\x1b", other)
    assert registry.find(3, b"\x01\x00") is one
    assert registry.find(7, b"\x01\x00") is other
    assert registry.find(3, b"\x00\x01") is None
    registry.add(3, b"\x01\x00", other)
    assert registry.find(3, b"\x01\x00") is other
