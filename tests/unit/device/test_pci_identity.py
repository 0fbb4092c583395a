from dataclasses import replace

from devices import IDENTITY

from emulator.device import PciIdentity


def test_qemus_nvme_is_named_as_linux_expects() -> None:
    assert IDENTITY.san == "Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=1af4:SSID=1100"


def test_a_function_without_subsystem_or_serial_leaves_them_out() -> None:
    bridge = PciIdentity(0x1B36, 0x000C, 0x060400, 0x00)
    assert bridge.san == "Vendor=1b36:Device=000c:CC=060400:REV=00"
    assert replace(bridge, subsystem_vendor=0x1AF4).san == bridge.san


def test_a_serial_number_comes_last_in_sixteen_digits() -> None:
    assert replace(IDENTITY, serial=0xABCDEF).san == IDENTITY.san + ":0000000000abcdef"
    bare = PciIdentity(0xFFFF, 0xABCD, 0xABCDEF, 0xFF, serial=0xFEDCBA9876543210)
    assert bare.san == "Vendor=ffff:Device=abcd:CC=abcdef:REV=ff:fedcba9876543210"
