"""`spdm-emulator mitm`: a man in the middle before a device."""

import asyncio
import contextlib
import signal
from functools import partial
from typing import Annotated

import typer

from emulator.cli.options import Seed, address_or_exit, entropy_of
from emulator.cli.output import GOOD, WRONG_USE, fail, print_json, stderr, stdout
from emulator.mitm import Deed, LineProxy, Mode, Proxy
from emulator.tcp import address

_SHOWN = 24
"""Bytes of a message that are shown."""


def mitm(
    *,
    to: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the genuine device listens.")],
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where hosts connect; port 0 is told.")
    ] = "127.0.0.1:2324",
    link_to: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the device's link listens.")
    ] = None,
    link_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where root ports connect.")
    ] = None,
    mode: Annotated[Mode, typer.Option(help="What it does; see below.")] = Mode.PASS,
    wait: Annotated[
        float, typer.Option(min=0.0, help="Seconds to wait for the device to listen.")
    ] = 10.0,
    seed: Seed = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Tell what it does as JSON, an object a line.")
    ] = False,
) -> None:
    """Stand between a host and a genuine device, until interrupted.

    pass: carry everything and read what is in the clear. relay: let the device answer challenges
    and measurements, and answer vendor-defined requests, and what is read over the link, in its
    place. terminate: end sessions here, one on each side, under a key of its own. swap-keys: do
    that, and give the device other IDE keys than the host's. tamper: change the records of
    sessions. tamper-link: change the TLPs of the link. The device's keys are not known to any of
    them.
    """
    entropy = entropy_of(seed)
    device = address_or_exit(to)
    place = address_or_exit(listen, least_port=0)
    if (link_to is None) != (link_listen is None):
        fail("mitm: give both --link-to and --link-listen, or neither", code=WRONG_USE)
    links = [address_or_exit(one, least_port=0) for one in (link_to, link_listen) if one]
    if not as_json:
        stderr().print(f"seed {entropy.seed} (repeat with --seed)", style="dim", markup=False)

    def told(connection: int | None, deed: Deed) -> None:
        if as_json:
            print_json(_json(connection, deed), indent=None)
        else:
            who = "link" if connection is None else connection
            stdout().print(f"{who}: {_line(deed)}", markup=False)

    async def run() -> None:
        proxy = Proxy(device, mode, entropy, told, wait=wait)
        line = LineProxy(links[0], mode, partial(told, None)) if links else None
        where = await _started(proxy, place)
        line_where = None if line is None else await _started(line, links[1])
        if as_json:
            link_port = None if line_where is None else line_where[1]
            ports = {"port": where[1], "link_port": link_port}
            print_json({"event": "listening", "host": where[0], **ports}, indent=None)
        else:
            stderr().print(f"{mode} between {address(*where)} and {to}", style="dim", markup=False)
            if line_where is not None:
                words = f"and on the link between {address(*line_where)} and {link_to}"
                stderr().print(words, style="dim", markup=False)
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await stopped.wait()
        await proxy.stop()
        if line is not None:
            await line.stop()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
    raise typer.Exit(GOOD)


async def _started(proxy: Proxy | LineProxy, place: tuple[str, int]) -> tuple[str, int]:
    """Where it listens, or an exit where it cannot."""
    try:
        return await proxy.start(*place)
    except OSError as error:
        problem = error.strerror or str(error)
        fail(f"mitm: cannot listen on {address(*place)}: {problem}", code=WRONG_USE)


def _json(connection: int | None, deed: Deed) -> dict[str, object]:
    return {
        "event": deed.what,
        "connection": connection,
        "name": deed.name,
        "session": None if deed.session is None else f"{deed.session:08x}",
        "data": deed.data.hex(),
    }


def _line(deed: Deed) -> str:
    where = "" if deed.session is None else f" in session {deed.session:08x}"
    data = deed.data[:_SHOWN].hex() + ("..." if len(deed.data) > _SHOWN else "")
    return f"{deed.what} {deed.name}{where} {data}".rstrip()
