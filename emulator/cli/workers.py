"""`serve --workers`: devices in several processes."""

from collections.abc import Callable, Sequence

from emulator.cli.output import FAILED, fail
from emulator.cli.recording import RecordingWanted
from emulator.control.port import ControlError
from emulator.control.workers import Workers
from emulator.forms.words import counted
from emulator.serve.fleet import Served
from emulator.serve.notify import Notifier, Reload, supervised
from emulator.serve.run import Beside
from emulator.serve.shutdown import Stop


async def serve_in_workers(
    workers: Workers,
    devices: Sequence[Served],
    ready: Callable[[Served], None],
    beside: Beside,
    record: RecordingWanted,
    notifier: Notifier,
    reload: Reload,
) -> dict[str, dict[str, int]]:
    """Let workers serve devices until SIGINT or SIGTERM; how often each rule reached in.

    Raises ListenError when an address cannot be had.
    """
    stop = Stop(workers.bounds.grace)
    stop.on_signals()

    def status() -> str:
        return f"{counted(len(workers.served), 'device')}, {counted(workers.count, 'worker')}"

    try:
        await workers.open(devices)
        if record.file is not None:
            await workers.call("recording.start", record.arguments())
        for served in devices:
            ready(served)
        async with beside(stop.asked.set), supervised(notifier, status, reload):
            await stop.asked.wait()
            armed = await workers.call("faults.list")
    except ControlError as error:
        fail(error.problems, code=FAILED)
    finally:
        await workers.close(stop.grace)
    return {
        device: {rule["name"]: rule["fired"] for rule in rules} for device, rules in armed.items()
    }
