"""`ctl` while a client has a session with the device, which listens on sockets of its own."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from emulator.campaign.hosted import HostedDevice, host
from emulator.cli.main import app
from emulator.cli.reaching import CONTROL_VARIABLE
from emulator.client import connect
from emulator.device.endpoint_info import DeviceClass
from emulator.pki.requesters import requester_identity
from emulator.requester import Identity, Offer, for_mutual, for_sessions
from emulator.requester.own import NOBODY
from emulator.spdm.codes import Code
from emulator.spdm.messages.events import EventType
from emulator.spdm.messages.measurements import ContentChanged
from emulator.spdm.versions import Version

new = pytest.mark.parametrize("version", [Version.V1_3, Version.V1_4])


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostedDevice]:
    with host("libspdm-compat", seed="x") as device:
        monkeypatch.setenv(CONTROL_VARIABLE, device.control)
        yield device


async def ctl(*arguments: str) -> str:
    """What the command prints; it asks over the control socket, beside this event loop."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["ctl", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def offer(version: Version, identity: Identity = NOBODY) -> Offer:
    made = for_sessions(Offer(versions=(version,)))
    return for_mutual(made, identity) if identity is not NOBODY else made


@new
async def test_a_measurement_changes_and_whoever_subscribed_is_told(
    device: HostedDevice, version: Version
) -> None:
    async with connect(device.host, device.port, offer=offer(version)) as client:
        await client.connect()
        async with client.session() as session:
            await session.subscribe(*EventType)
            await session.measurements(2, signed_by=None)  # a reading has begun
            said = await ctl("measure", "2", "--text", "patched")
            assert said == "libspdm-compat: measurements are generation 1\n"
            changed = await session.measurements(2, raw=True)
            assert changed.content_changed == ContentChanged.CHANGED
            assert changed.measurements[0].value == b"patched"
            assert await session.encapsulated() == [Code.SEND_EVENT]
            [event] = session.events
            told = (event.number, event.kind, int.from_bytes(event.detail, "little"))
            assert told == (1, EventType.MEASUREMENT_CHANGED, 1 << 2)
            again = await session.measurements(2, raw=True)
            assert again.content_changed == ContentChanged.UNCHANGED
            assert again.measurements[0].value == b"patched"
            assert await session.encapsulated() == []
            await session.subscribe()
            await ctl("measure", "2", "--text", "more")
            assert await session.encapsulated() == []


@new
async def test_a_requester_is_asked_what_it_is(device: HostedDevice, version: Version) -> None:
    ourselves = Identity(requester_identity().slots, classes=(DeviceClass(3, b"\x86\x80"),))
    asked = offer(version, ourselves)
    async with connect(device.host, device.port, offer=asked) as client:
        client.requester.identity = ourselves
        await client.connect()
        async with client.session() as session:
            said = await ctl("call", "sessions.endpoint-info")
            assert json.loads(said) == {"libspdm-compat": 1}
            assert await session.encapsulated() == [Code.GET_ENDPOINT_INFO]
