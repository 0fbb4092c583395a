"""What a profile says of IDE: the streams of its ports, and how strict its IDE_KM is."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from emulator.device.ide import Ide as DeviceIde
from emulator.device.ide import OnRefusal, OnSessionEnd
from emulator.forms import U8, U16, U64, Line, Part
from emulator.link import AddressRange, End, RidRange, Stream, stream_control
from emulator.link.registers import MAX_ADDRESS_BLOCKS, MAX_LINK_STREAMS, MAX_SELECTIVE_STREAMS
from emulator.link.traffic import MEMORY, Memory
from emulator.profile.tree import Steps
from emulator.spdm.capabilities import PSK_ANY, Cap, names

Finding = tuple[Steps, str, str]
MAX_PORTS = 256
MAX_MEMORY = 1 << 26
_MIB = 1 << 20


class AddressAssociation(Part):
    """Memory at the partner, in whole MiB: an address association register block."""

    base: U64 = Field(description="The first byte.")
    limit: U64 = Field(description="The last byte.")


class RidAssociation(Part):
    """The Requester IDs of the partner: the RID association registers."""

    base: U16 = Field(default=0, description="The first.")
    limit: U16 = Field(default=0xFFFF, description="The last.")
    segment: U8 = Field(default=0, description="Their segment.")


class LinkStream(Part):
    """A link stream: whatever of one traffic class crosses the link."""

    stream: U8 = Field(description="Stream ID.")
    enabled: bool = Field(default=False, description="The enable bit of its control register.")
    traffic_class: int = Field(default=0, ge=0, le=7, description="The traffic class.")


class SelectiveStream(Part):
    """A selective stream: what goes to its partner, or everything where it is the default."""

    stream: U8 = Field(description="Stream ID.")
    enabled: bool = Field(
        default=True,
        description="The enable bit of its control register. Without it the stream stays Insecure"
        " until the bit is set.",
    )
    default: bool = Field(
        default=True,
        description="Default Stream: it takes what is in no association of another one.",
    )
    rid: RidAssociation | None = Field(
        default=None, description="The Requester IDs of its partner; null: not valid."
    )
    addresses: list[AddressAssociation] = Field(
        default=[],
        max_length=MAX_ADDRESS_BLOCKS,
        description="Memory at its partner: its address association blocks.",
    )


class LinkSocket(Part):
    """A socket on which the link itself goes: TLPs, between the root port and the device."""

    host: Line = Field(default="127.0.0.1", min_length=1, description="Address or host name.")
    port: U16 = Field(default=0, description="TCP port; 0 lets the system choose.")
    path: Line | None = Field(
        default=None,
        min_length=1,
        max_length=107,
        description="A Unix socket to listen on instead; only its owner may connect.",
    )


class Ide(Part):
    """Integrity and Data Encryption: the streams that IDE_KM programs keys for, in sessions."""

    ports: int = Field(
        default=1,
        ge=1,
        le=MAX_PORTS,
        description="How many ports there are, from index 0 on; all have these streams.",
    )
    bus: U8 = Field(default=0, description="Bus of the function, as QUERY_RESP tells it.")
    devfn: U8 = Field(
        default=0, description="Device and function number of it: device * 8 + function."
    )
    segment: U8 = Field(default=0, description="Segment of it.")
    link: list[LinkStream] = Field(
        default=[], max_length=MAX_LINK_STREAMS, description="Link streams of each port."
    )
    selective: list[SelectiveStream] = Field(
        default=[], max_length=MAX_SELECTIVE_STREAMS, description="Selective streams of each port."
    )
    memory: int = Field(
        default=MEMORY,
        ge=0,
        le=MAX_MEMORY,
        description="Bytes of memory behind the ports, from address 0 on.",
    )
    socket: LinkSocket | None = Field(
        default=None, description="Where the link is; null: nowhere, and no TLP comes."
    )
    on_refusal: Literal["silent", "error"] = Field(
        default=OnRefusal.SILENT.value,
        description="What answers objects that are refused and have no status to say so: no"
        " response, or an ERROR.",
    )
    on_session_end: Literal["keep", "insecure"] = Field(
        default=OnSessionEnd.KEEP.value,
        description="What becomes of streams whose session is over: they stay until another one"
        " sends QUERY or KEY_PROG (IDE ECN 6.99.3), or are Insecure at once (TDISP 1.0, 11.4.5).",
    )


def ide_findings(ide: Ide | None, flags: Cap) -> Iterator[Finding]:
    """What several values of IDE together may be."""
    if ide is None:
        return
    if not flags & (Cap.KEY_EX | PSK_ANY):
        able = " or ".join(names(Cap.KEY_EX | PSK_ANY))
        yield ("ide",), f"null without {able} in capabilities, as IDE_KM needs a session", ""
    if not ide.link and not ide.selective:
        yield ("ide",), "at least one stream, under link or selective", ""
    taken: set[int] = set()
    classes: set[int] = set()
    numbers = {
        "link": [one.stream for one in ide.link],
        "selective": [one.stream for one in ide.selective],
    }
    for kind, streams in numbers.items():
        for number, stream in enumerate(streams):
            if stream in taken:
                yield ("ide", kind, number, "stream"), "each Stream ID once", ""
            taken.add(stream)
    for number, link in enumerate(ide.link):
        if link.traffic_class in classes:
            steps: Steps = ("ide", "link", number, "traffic_class")
            yield steps, "one link stream for each traffic class", str(link.traffic_class)
        classes.add(link.traffic_class)
    for number, selective in enumerate(ide.selective):
        yield from _associations(("ide", "selective", number), selective)


def _associations(steps: Steps, stream: SelectiveStream) -> Iterator[Finding]:
    rid = stream.rid
    if rid is not None and rid.limit < rid.base:
        yield (*steps, "rid", "limit"), f"at least the base, {rid.base}", ""
    for number, one in enumerate(stream.addresses):
        here: Steps = (*steps, "addresses", number)
        if one.base % _MIB:
            yield (*here, "base"), "the first byte of a MiB", f"0x{one.base:x}"
        if (one.limit + 1) % _MIB:
            yield (*here, "limit"), "the last byte of a MiB", f"0x{one.limit:x}"
        if one.limit < one.base:
            yield (*here, "limit"), f"more than the base, 0x{one.base:x}", f"0x{one.limit:x}"


def device_ide(told: Ide | None) -> DeviceIde | None:
    """The IDE of a device."""
    if told is None:
        return None
    requester = told.bus << 8 | told.devfn
    return DeviceIde(
        tuple(_port(told, f"port {index}", requester) for index in range(told.ports)),
        bus=told.bus,
        devfn=told.devfn,
        segment=told.segment,
        memory=Memory(told.memory),
        on_refusal=OnRefusal(told.on_refusal),
        on_session_end=OnSessionEnd(told.on_session_end),
    )


def _port(told: Ide, name: str, requester: int) -> End:
    return End(
        name,
        requester,
        link=tuple(
            Stream(
                selective=False,
                control=stream_control(
                    one.stream, enabled=one.enabled, traffic_class=one.traffic_class
                ),
            )
            for one in told.link
        ),
        selective=tuple(
            Stream(
                selective=True,
                control=stream_control(one.stream, enabled=one.enabled, default=one.default),
                rid=(0, 0)
                if one.rid is None
                else RidRange(one.rid.base, one.rid.limit, one.rid.segment).registers(),
                addresses=[AddressRange(at.base, at.limit).registers() for at in one.addresses],
            )
            for one in told.selective
        ),
    )
