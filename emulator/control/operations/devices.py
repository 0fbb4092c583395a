"""Operations on devices as a whole."""

from functools import partial
from typing import Any

from pydantic import BaseModel, Field

from emulator.control.desk import Desk
from emulator.control.operation import OfDevices, operation
from emulator.control.operations.connections import ConnectionInfo, about
from emulator.control.operations.faults import FaultInfo, armed
from emulator.crypto import hashes
from emulator.device import Device
from emulator.serve.fleet import Served
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Loss
from emulator.spdm.messages.measured import KINDS

_DIGEST = "SHA_384"
_KINDS = {number: name for name, number in KINDS.items()}


class DeviceInfo(BaseModel):
    """A device in a line."""

    address: str = Field(description="Where it listens: HOST:PORT, or unix:PATH.")
    profile: str = Field(description="The profile it was made from.")
    versions: list[str] = Field(description="The SPDM versions it offers.")
    connections: int = Field(description="How many connections are open.")
    attached: int = Field(description="How many there have been.")
    requests: int = Field(description="How many requests it was asked.")
    errors: int = Field(description="How many of them were refused.")
    silent: int = Field(description="How many had no response.")
    fired: int = Field(description="How often a fault reached in.")
    faults: int = Field(description="How many fault rules are armed.")


class MeasurementInfo(BaseModel):
    """A measurement as it is now."""

    index: int = Field(description="Its index.")
    type: str = Field(description="What kind of measurement it is.")
    size: int = Field(description="The size of what is measured, bytes.")
    digest: str = Field(description=f"Its {_DIGEST} digest, hexadecimal.")


class SlotInfo(BaseModel):
    """What a slot holds."""

    chains: dict[str, str] = Field(
        description=f"The {_DIGEST} digest of each chain, by the signature algorithm it serves."
    )


class DeviceDetail(DeviceInfo):
    """A device in full."""

    san: str = Field(description="The name in its certificate.")
    sets: list[str] = Field(description="The settings on top of the profile.")
    capabilities: list[str] = Field(description="Its capability flags.")
    asym: list[str] = Field(description="The signature algorithms it offers.")
    hash: list[str] = Field(description="The base hashes it offers.")
    slots: dict[int, SlotInfo] = Field(description="Its certificate slots.")
    measurements: list[MeasurementInfo] = Field(description="What it measures.")
    resets: int = Field(description="How often it was reset.")
    rules: list[FaultInfo] = Field(description="The fault rules that are armed.")
    open: list[ConnectionInfo] = Field(description="Its open connections.")


class Snapshot(DeviceDetail):
    """A device in full, with its profile."""

    values: dict[str, Any] = Field(description="The profile's values, its settings included.")


class ResetDevice(OfDevices):
    """How devices are reset."""

    resynch: bool = Field(
        default=False,
        description="Whether requesters are told, by ERROR RequestResynch until GET_VERSION comes.",
    )


def _info(served: Served) -> dict[str, Any]:
    device = served.device
    return {
        "address": served.at,
        "profile": served.recipe.profile,
        "versions": [version.text for version in device.versions],
        "connections": len(served.connections()),
        "attached": device.connections,
        **served.tally.as_json(),
        "faults": len(armed(device)),
    }


def _detail(served: Served) -> dict[str, Any]:
    device = served.device
    return {
        **_info(served),
        "san": device.identity.san,
        "sets": list(served.recipe.sets),
        "capabilities": [flag.name for flag in Cap if flag in device.capabilities],
        "asym": [row.name for row in device.preferences.asym],
        "hash": [row.name for row in device.preferences.hash],
        "slots": {
            number: SlotInfo(
                chains={
                    scheme: hashes.digest(_DIGEST, *chain.certificates).hex()
                    for scheme, chain in sorted(
                        (scheme, slot.chain(scheme, device.measurements)) for scheme in slot.chains
                    )
                    if chain is not None
                }
            )
            for number, slot in device.slots.items()
        },
        "measurements": [
            MeasurementInfo(
                index=one.index,
                type=_KINDS.get(one.kind, f"0x{one.kind:02x}"),
                size=len(one.value),
                digest=hashes.digest(_DIGEST, one.value).hex(),
            )
            for one in device.measurements
        ],
        "resets": device.resets,
        "rules": [FaultInfo.of(rule, count) for rule, count in armed(device)],
        "open": [about(one) for one in served.connections()],
    }


@operation("devices.list", OfDevices)
def list_devices(desk: Desk, arguments: OfDevices) -> dict[str, DeviceInfo]:
    """The devices, and what each has done."""
    return {served.name: DeviceInfo(**_info(served)) for served in desk.devices(arguments.devices)}


@operation("device.get", OfDevices)
def get_device(desk: Desk, arguments: OfDevices) -> dict[str, DeviceDetail]:
    """Devices in full: identity, algorithms, slots, measurements, faults and connections."""
    return {
        served.name: DeviceDetail(**_detail(served)) for served in desk.devices(arguments.devices)
    }


@operation("snapshot", OfDevices)
def snapshot(desk: Desk, arguments: OfDevices) -> dict[str, Snapshot]:
    """Devices in full with the values of their profiles: enough to make the same again."""
    return {
        served.name: Snapshot(
            **_detail(served), values=served.loaded.profile.model_dump(mode="json")
        )
        for served in desk.devices(arguments.devices)
    }


@operation("device.reset", ResetDevice, changes=True)
def reset_device(desk: Desk, arguments: ResetDevice) -> dict[str, int]:
    """Reset devices: they measure anew, and every connection's state is lost; how often so far.

    All functions of a device are reset with it.
    """
    chosen = desk.fleet.functions_of(desk.devices(arguments.devices))
    for served in chosen:
        loss = Loss.RESYNCH if arguments.resynch else Loss.QUIET
        served.apply(partial(Device.begin_anew, loss=loss))
    return {served.name: served.device.resets for served in chosen}
