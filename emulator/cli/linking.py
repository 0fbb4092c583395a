"""The device's link, where `attest` is told of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from emulator.cli.options import address_or_exit
from emulator.client import Client
from emulator.client.link import link
from emulator.link import End
from emulator.tcp import UNIX


def link_address(target: str | None) -> tuple[str, int] | None:
    """Where the link listens: HOST:PORT or unix:PATH; None where nothing is told of it."""
    if target is None:
        return None
    return (target, 0) if target.startswith(UNIX) else address_or_exit(target)


@asynccontextmanager
async def linked(
    client: Client, where: tuple[str, int] | None, *, within: float
) -> AsyncIterator[None]:
    """Let the flows of `client` have the link; `within`: seconds to wait for each TLP.

    Raises NoResponse where nothing listens there.
    """
    if where is None:
        yield
        return
    host, port = where
    async with link(host, port, end=End("root port"), timeout=within) as line:
        client.link = line
        yield
