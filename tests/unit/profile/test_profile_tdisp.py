"""TDISP and CXL as they are written in profiles."""

from collections.abc import Callable
from datetime import datetime

from emulator.device import Device
from emulator.device.cxl import Target, TargetCapabilities
from emulator.device.tdi import (
    Interface,
    InterfaceInfo,
    LockFlags,
    MmioRange,
    RangeAttributes,
    Refusal,
    Request,
    VendorMessage,
)
from emulator.entropy import Seeded
from emulator.profile import LoadedProfile, build, load

Load = Callable[..., LoadedProfile]
SESSIONS = {
    "capabilities": "[CERT, CHAL, PSK, MAC]",
    "sessions": '{psk: [{hex: "00"}]}',
    "algorithms": "{asym: [ECDSA_P256], hash: [SHA_256], aead: [AES_128_GCM],"
    " key_schedule: [SPDM]}",
}


def built(loaded: LoadedProfile, at: datetime) -> Device:
    return build(loaded, entropy=Seeded("run"), at=at)


def test_everything_has_the_interface_of_dmtfs_requester(at: datetime) -> None:
    device = built(load("everything", at=at), at)
    assert device.tdi is not None
    assert device.tdi.streams is not None
    [interface] = device.tdi.by_function.values()
    assert interface.function == 0xBEEF
    assert interface.needs_ide
    assert device.tdi.supported() == set(Request)
    assert device.cxl is not None
    assert device.cxl.target is not None
    assert (device.cxl.ide.bus, device.cxl.ide.device_function) == (1, 0)


def test_tdisp_as_it_is_written(load_sections: Load, at: datetime) -> None:
    tdisp = """{address_width: 40, requests_of_one: 2, requests_of_all: 3, portion: 9, messages: [
    {registry: CXL, vendor: "36 1b", answer: "01"}, {vendor: "", error: "02"}], interfaces: [
    {function: 0x1420100, needs_ide: false, lock_flags: [LOCK_MSIX, BIND_P2P],
    info: [PRS_SUPPORTED], msi_x_control: 1, lnr_control: 2, tph_control: 3, specific: "0a",
    refuses: [{request: LOCK_INTERFACE, error: BUSY, times: 2}, {request: VDM, error: UNSPECIFIED}],
    ranges: [{address: 0x2000, pages: 3, id: 4, attributes: [MSIX_TABLE, IS_NON_TEE_MEM]}]},
    {function: 2, needs_ide: false}]}"""
    tdi = built(load_sections(**SESSIONS, tdisp=tdisp), at).tdi
    assert tdi is not None
    assert (tdi.address_width, tdi.outstanding, tdi.portion) == (40, (2, 3), 9)
    assert tdi.streams is None
    known = (VendorMessage(1, b"\x36\x1b", b"\1"), VendorMessage(0, b"", error=b"\2"))
    assert tdi.messages == known
    attributes = RangeAttributes.MSIX_TABLE | RangeAttributes.IS_NON_TEE_MEM
    assert tdi.by_function == {
        0x1420100: Interface(
            0x1420100,
            flags=LockFlags.LOCK_MSIX | LockFlags.BIND_P2P,
            info=InterfaceInfo.PRS_SUPPORTED,
            ranges=(MmioRange(0x2000, 3, 4, attributes),),
            msi_x_control=1,
            lnr_control=2,
            tph_control=3,
            specific=b"\n",
            needs_ide=False,
            refusals=[Refusal(Request.LOCK_INTERFACE, 3, 2), Refusal(Request.VDM, 5)],
        ),
        2: Interface(2, flags=LockFlags(7), info=InterfaceInfo.DMA_WITHOUT_PASID, needs_ide=False),
    }


def test_cxl_as_it_is_written(load_sections: Load, at: datetime) -> None:
    told = (
        "{max_port: 7, generates: [key, iv], iv: default, stops: false, tsp: {locked_until: reset}}"
    )
    cxl = built(load_sections(**SESSIONS, cxl=told), at).cxl
    assert cxl is not None
    ide = cxl.ide
    assert (ide.max_port, ide.generates_iv, ide.generates_key) == (7, True, True)
    assert (ide.drawn_iv, ide.stops) == (False, False)
    assert cxl.target == Target()


def test_a_target_without_secondary_sessions(load_sections: Load, at: datetime) -> None:
    told = "{tsp: {secondary_sessions: 0, locked_until: session-end}}"
    cxl = built(load_sections(**SESSIONS, cxl=told), at).cxl
    assert cxl is not None
    assert cxl.target is not None
    assert not cxl.target.until_reset
    able = TargetCapabilities(features_supported=1, secondary_sessions=0)
    assert cxl.target.capabilities == able


def test_cxl_alone_has_no_target(load_sections: Load, at: datetime) -> None:
    device = built(load_sections(**SESSIONS, cxl="{}"), at)
    assert device.cxl is not None
    assert device.cxl.target is None


def test_devices_share_no_interfaces(at: datetime) -> None:
    loaded = load("everything", at=at)
    one, other = (built(loaded, at).tdi for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.by_function[0xBEEF] is not other.by_function[0xBEEF]


def test_a_device_that_says_nothing_has_neither(load_sections: Load, at: datetime) -> None:
    device = built(load_sections(), at)
    assert device.tdi is None
    assert device.cxl is None
