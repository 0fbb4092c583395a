"""A requester for tests: this project's own, with one check taken out of it.

    buggy_requester.py HOST:PORT [BUG] [TIMES]

BUG is sound, nonce (the nonce is always the same, so an old signature will do), signature (no
signature is X
"""

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime
from unittest.mock import patch

from emulator.ask.verify import Verified
from emulator.client import drive
from emulator.client.socket import SocketChannel
from emulator.entropy import System
from emulator.pki.authority import sample_roots
from emulator.requester import DEFAULT, Requester, Verdict, attest

FOR_EVER = 1 << 62


class SameNonce(Requester):
    """Asks with the same nonce each time."""

    def _nonce(self, label: str) -> bytes:
        del label
        return bytes(32)


def believed(*_: object) -> Verified:
    """Finds every signature good."""
    return Verified(bytes(48), "")


async def once(host: str, port: int, bug: str) -> Verdict:
    """Attest the device on a connection of its own."""
    offer = replace(DEFAULT, retries=FOR_EVER) if bug == "busy" else DEFAULT
    requester = (SameNonce if bug == "nonce" else Requester)(System(), offer)
    channel = await SocketChannel.open(host, port)
    try:
        flow = attest(requester, trust=sample_roots(), at=datetime.now(UTC))
        if bug != "signature":
            return await drive(flow, channel)
        with (
            patch("emulator.ask.challenge.verify", believed),
            patch("emulator.ask.measurements.verify", believed),
        ):
            return await drive(flow, channel)
    finally:
        await channel.close()


async def main(address: str, bug: str = "sound", times: str = "1") -> int:
    """The exit status."""
    host, _, port = address.rpartition(":")
    verdicts = [await once(host, int(port), bug) for _ in range(int(times))]
    for verdict in verdicts:
        print("accepted" if verdict.ok else "rejected", flush=True)  # noqa: T201 - for a person
    return 0 if all(verdict.ok for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
