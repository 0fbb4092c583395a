"""`spdm-emulator mitm`: a man in the middle before a device."""

import asyncio
import contextlib
import signal
from typing import Annotated

import typer

from emulator.cli.options import Seed, address_or_exit, entropy_of
from emulator.cli.output import GOOD, WRONG_USE, fail, print_json, stderr, stdout
from emulator.mitm import Deed, Mode, Proxy
from emulator.tcp import address

_SHOWN = 24
"""Bytes of a message that are shown."""


def mitm(
    *,
    to: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the genuine device listens.")],
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where hosts connect; port 0 is told.")
    ] = "127.0.0.1:2324",
    mode: Annotated[Mode, typer.Option(help="What it does; see below.")] = Mode.PASS,
    seed: Seed = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Tell what it does as JSON, an object a line.")
    ] = False,
) -> None:
    """Stand between a host and a genuine device, until interrupted.

    pass: carry everything and read what is in the clear. relay: let the device answer challenges
    and measurements, and answer vendor-defined requests in its place. terminate: end sessions here,
    one on each side, under a key of its own. tamper: change the records of sessions. The device's
    keys are not known to any of them.
    """
    entropy = entropy_of(seed)
    device = address_or_exit(to)
    place = address_or_exit(listen, least_port=0)
    if not as_json:
        stderr().print(f"seed {entropy.seed} (repeat with --seed)", style="dim", markup=False)

    def told(connection: int, deed: Deed) -> None:
        if as_json:
            print_json(_json(connection, deed), indent=None)
        else:
            stdout().print(f"{connection}: {_line(deed)}", markup=False)

    async def run() -> None:
        proxy = Proxy(device, mode, entropy, told)
        try:
            where = await proxy.start(*place)
        except OSError as error:
            problem = error.strerror or str(error)
            fail(f"mitm: cannot listen on {listen}: {problem}", code=WRONG_USE)
        told_place = f"{mode} between {address(*where)} and {to}"
        if as_json:
            print_json({"event": "listening", "host": where[0], "port": where[1]}, indent=None)
        else:
            stderr().print(told_place, style="dim", markup=False)
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await stopped.wait()
        await proxy.stop()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
    raise typer.Exit(GOOD)


def _json(connection: int, deed: Deed) -> dict[str, object]:
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
