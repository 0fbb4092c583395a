"""`serve --workers`: devices in several processes."""

from collections.abc import Callable, Sequence

from emulator.cli.output import FAILED, fail
from emulator.cli.recording import RecordingWanted
from emulator.control.port import ControlError
from emulator.control.workers import Workers
from emulator.serve.fleet import Served
from emulator.serve.run import Beside, until_stopped


async def serve_in_workers(
    workers: Workers,
    devices: Sequence[Served],
    ready: Callable[[Served], None],
    beside: Beside,
    record: RecordingWanted,
) -> dict[str, dict[str, int]]:
    """Let workers serve devices until SIGINT or SIGTERM; how often each rule reached in.

    Raises ListenError when an address cannot be had.
    """
    stopped = until_stopped()
    try:
        await workers.open(devices)
        if record.file is not None:
            await workers.call("recording.start", record.arguments())
        for served in devices:
            ready(served)
        async with beside(stopped.set):
            await stopped.wait()
            armed = await workers.call("faults.list")
    except ControlError as error:
        fail(error.problems, code=FAILED)
    finally:
        await workers.close()
    return {
        device: {rule["name"]: rule["fired"] for rule in rules} for device, rules in armed.items()
    }
