"""No reply is larger than what QEMU takes, whatever is asked for, by whom and how.

QEMU takes a DOE object of 4,608 bytes; a larger one puts its stream out of step for good.
"""

import struct

from devices import (
    CAPABILITIES,
    GET_VERSION,
    challenge,
    device,
    frame,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    seen_frames,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emulator.device import Device, Measurement
from emulator.device.device import QEMU_REPLY, Sizes
from emulator.endpoint import Endpoint, Send
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.versions import Version
from emulator.transport.binding import Binding
from emulator.transport.bindings import ALL
from emulator.transport.doe import DOE

CHUNK = int(Cap.CHUNK)
MAX_BLOCK = 0xFFFF - 3
BLOCK_HEADER = 7
CAPABILITIES_SIZE = {Version.V1_0: 4, Version.V1_1: 12}
HEADER = 8
BESIDE_A_RECORD = 8 + 32 + 2 + 1024 + 8 + 96
"""Bytes that MEASUREMENTS has beside its record at most, with the largest signature here."""

MOST = QEMU_REPLY - HEADER


def measuring(size: int, opaque: int) -> tuple[Device, int]:
    """A device whose raw measurements have `size` bytes together, and the size of its record."""
    sizes = [MAX_BLOCK] * (size // MAX_BLOCK) + [size % MAX_BLOCK]
    measurements = tuple(
        Measurement(number, 4, bytes(one), raw=True) for number, one in enumerate(sizes, 1)
    )
    made = device(
        versions=tuple(Version),
        capabilities=CAPABILITIES | Cap.CHUNK,
        measurements=measurements,
        sizes=Sizes(max_message=1 << 20),
        challenge_opaque={2: bytes(opaque)},
        measurement_opaque={2: bytes(opaque)},
    )
    return made, sum(sizes) + BLOCK_HEADER * len(sizes)


class Narrow:
    """A requester that says what it takes, and looks at the size of every reply."""

    def __init__(self, to: Device, binding: Binding, version: Version, takes: int) -> None:
        self._endpoint = Endpoint(to)
        self._binding = binding
        self._version = version
        self._takes = takes

    def ask(self, request: bytes) -> bytes:
        """The reply, in one piece."""
        data = frame(self._binding.wrap(request), transport=self._binding.transport)
        (action,) = self._endpoint.receive(data, 0.0)
        assert isinstance(action, Send)
        (answer,) = seen_frames(action.data)
        assert len(answer.payload) <= QEMU_REPLY
        found = self._binding.unwrap(answer.payload).data
        if request[0] >= Version.V1_2:
            assert len(found) <= self._takes + self._binding.padding
        return found

    def whole(self, request: bytes) -> bytes:
        """The reply, fetched in chunks where it is large."""
        reply = self.ask(request)
        if reply[1:3] != bytes((Code.ERROR, ErrorCode.LARGE_RESPONSE)):
            return reply
        wide = self._version >= Version.V1_4
        handle, large, total, sequence, last = reply[4], b"", 0, 0, 0
        while not last:
            number = struct.pack("<I" if wide else "<H", sequence)
            reply = self.ask(bytes((self._version, Code.CHUNK_GET, 0, handle)) + number)
            assert reply[1] == Code.CHUNK_RESPONSE
            (size,) = struct.unpack_from("<I", reply, 8)
            start = 12 if sequence else 16
            if not sequence:
                (total,) = struct.unpack_from("<I", reply, 12)
            large += reply[start : start + size]
            sequence, last = sequence + 1, reply[2] & 1
        assert len(large) == total
        return large


@given(
    binding=st.sampled_from(ALL),
    version=st.sampled_from(Version),
    takes=st.one_of(st.integers(42, 5000), st.sampled_from([MOST, MOST + 1, 0xFFFFFFFF])),
    flags=st.sampled_from([0, CHUNK]),
    record=st.one_of(st.integers(0, 5000), st.integers(0, 100_000)),
    opaque=st.integers(0, 1024),
)
@example(binding=DOE, version=Version.V1_2, takes=65536, flags=0, record=4400, opaque=0)
@example(binding=DOE, version=Version.V1_3, takes=65536, flags=CHUNK, record=90_000, opaque=0)
@settings(max_examples=100, deadline=None)
def test_no_reply_is_larger_than_qemu_takes(
    binding: Binding, version: Version, takes: int, flags: int, record: int, opaque: int
) -> None:
    to, size = measuring(record, opaque)
    sized = version >= Version.V1_2
    chunks = bool(flags) and sized
    limit = min(takes, MOST) if sized else MOST
    peer = Narrow(to, binding, version, takes)
    largest = max(takes, 1 << 20) if chunks else takes
    asked = get_capabilities(version, flags=flags, size=takes, largest=largest)
    asked = asked[: CAPABILITIES_SIZE.get(version, len(asked))]
    for request in (GET_VERSION, asked, negotiate_algorithms(version, other=2 if sized else 0)):
        assert peer.ask(request)[1] == request[1] & 0x7F
    for request in (
        get_digests(version),
        get_certificate(version),
        challenge(version, summary=0xFF),
    ):
        assert peer.whole(request)[1] in {request[1] & 0x7F, Code.ERROR}
    signed = get_measurements(version, signed=True, attributes=2)
    signed = signed[:-1] if version == Version.V1_0 else signed
    for request in (get_measurements(version), signed):
        reply = peer.whole(request)
        if chunks or size + BESIDE_A_RECORD <= limit:
            assert reply[1] == Code.MEASUREMENTS
            assert int.from_bytes(reply[5:8], "little") == size
        elif size > limit:
            assert reply[1] == Code.ERROR
