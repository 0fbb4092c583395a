"""The asyncio shell of the requester: channels that carry data objects, and what drives a flow.

A `Channel` exchanges whole DOE objects with a device; `SocketChannel` does so over the spdm-socket
protocol. `drive` runs any flow of `emulator.requester` over a channel. `connect` is both in one:

    async with connect("127.0.0.1", 2323) as client:
        verdict = await client.attest(trust=roots, at=now)

With an offer for sessions (`requester.for_sessions`) it opens them:

    async with client.session() as session:
        reading = await session.measurements()
"""

from emulator.client.channel import Channel
from emulator.client.client import Client, connect
from emulator.client.drive import drive
from emulator.client.session import SessionClient
from emulator.client.socket import SocketChannel

__all__ = ["Channel", "Client", "SessionClient", "SocketChannel", "connect", "drive"]
