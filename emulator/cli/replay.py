"""`spdm-emulator replay`: one side of a recorded conversation, played again."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.options import address_or_exit
from emulator.cli.output import FAILED, GOOD, WRONG_USE, fail, print_json, stderr, stdout
from emulator.cli.recordings import Connection, DeviceName, one_or_exit, place_json
from emulator.client import SocketChannel
from emulator.client.replay import replay as replay_requests
from emulator.client.socket import TIMEOUT
from emulator.errors import NoResponse
from emulator.record import Exchange, data_object, exchanges
from emulator.report import ConsoleReport, Row, Told
from emulator.serve.replay import replay as replay_replies
from emulator.serve.run import ListenError


def replay(
    file: Annotated[Path, typer.Argument(help="A recording, pcapng or pcap.")],
    *,
    to: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Send the requests to the device listening there."),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Listen there and give one requester the replies."),
    ] = None,
    device: DeviceName = None,
    connection: Connection = None,
    timeout: Annotated[
        float, typer.Option(min=0.001, help="With --to: seconds to wait for each reply.")
    ] = TIMEOUT,
    wait: Annotated[
        float, typer.Option(min=0.0, help="With --to: seconds to wait for something to listen.")
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what differs as JSON.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the fields of every message.")
    ] = False,
) -> None:
    """Play one side of a recorded conversation, and say where the other side differs.

    Nonces, signatures and contexts are not compared. Exit code 0: the other side is as recorded;
    1: it is not; 2: wrong use.
    """
    if (to is None) == (listen is None):
        fail("give either --to or --listen", code=WRONG_USE)
    session = one_or_exit(file, device, connection)
    recorded = exchanges(session)
    _check(file, recorded)
    output = _Output(ConsoleReport(stdout(), verbose=verbose), quiet=as_json)
    if to is not None:
        place = address_or_exit(to)
        rows = _to(recorded, *place, output, timeout=timeout, wait=wait)
    else:
        place = address_or_exit(listen or "", least_port=0)
        rows = _listen(recorded, *place, output)
    same = all(row.same for row in rows)
    if as_json:
        place_of = place_json(file, session)
        print_json({"same": same, **place_of, "rows": [row.to_json() for row in rows]})
    else:
        alike = sum(row.same for row in rows)
        what = "replies" if to is not None else "requests"
        stdout().print(f"\n{alike} of {len(rows)} {what} are as recorded", markup=False)
    raise typer.Exit(GOOD if same else FAILED)


def _check(file: Path, recorded: list[Exchange]) -> None:
    """Exit where something cannot be played."""
    for exchange in recorded:
        for packet in (exchange.request, exchange.reply):
            if packet is not None and data_object(packet) is None:
                fail(
                    f"{file}: byte {packet.offset}: a secured message, or one of another "
                    f"protocol, where SPDM in the clear is needed: it cannot be played again",
                    code=WRONG_USE,
                )


class _Output:
    """Draws what passes, and how it is not as recorded."""

    def __init__(self, report: ConsoleReport, *, quiet: bool) -> None:
        self._report = report
        self._quiet = quiet

    def reply(self, request: Told, row: Row) -> None:
        """A recorded request, and the reply that came."""
        if not self._quiet:
            self._report.message(request)
            self._compared(row)

    def request(self, row: Row, reply: Told | None) -> None:
        """A request that came, and the recorded reply."""
        if not self._quiet:
            self._compared(row)
            if reply is not None:
                self._report.message(reply)

    def _compared(self, row: Row) -> None:
        if row.right is not None:
            self._report.message(row.right)
        if row.right is None and row.left is not None:
            self._report.remark(f"{row.left.name} is recorded and did not come")
        elif row.left is None:
            self._report.remark("it came when the recording was over")
        for field in row.fields:
            left, right = (value or "(absent)" for value in (field.left, field.right))
            where = "" if field.at is None else f" from byte {field.at} on"
            self._report.remark(f"{field.name}{where}: recorded {left}, now {right}")


def _to(
    recorded: list[Exchange],
    host: str,
    port: int,
    output: _Output,
    *,
    timeout: float,
    wait: float,
) -> list[Row]:
    """Play the requester."""

    async def run() -> list[Row]:
        channel = await SocketChannel.open(host, port, timeout=timeout, wait=wait)
        rows = []
        try:
            async for request, row in replay_requests(recorded, channel):
                output.reply(request, row)
                rows.append(row)
        finally:
            await channel.close()
        return rows

    try:
        return asyncio.run(run())
    except NoResponse as error:
        fail(str(error), code=FAILED)


def _listen(recorded: list[Exchange], host: str, port: int, output: _Output) -> list[Row]:
    """Play the device."""

    def ready(at_host: str, at_port: int) -> None:
        stderr().print(f"listening on {at_host}:{at_port}", style="dim", markup=False)

    try:
        return asyncio.run(replay_replies(recorded, host, port, ready=ready, hear=output.request))
    except ListenError as error:
        fail(str(error), code=WRONG_USE)
