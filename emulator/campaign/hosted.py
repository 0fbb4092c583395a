"""A device on a socket of its own, served by a thread: for tests that drive a requester themselves.

The requester may be anything: a program, a library in another thread, or in the test's event loop.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from emulator.campaign.function import HOST, HostedFunction
from emulator.campaign.seeds import device_entropy
from emulator.control.desk import Desk
from emulator.control.hub import Hub
from emulator.control.local import LocalControl
from emulator.control.recordings import Recordings
from emulator.control.server import ControlServer
from emulator.entropy import new_seed
from emulator.profile.faults import combine, rules_of
from emulator.profile.recipe import Recipe
from emulator.record import RecordedEndpoint
from emulator.serve.fleet import Fleet, Served


class HostedDevice(HostedFunction):
    """A device that listens from `start` to `stop`, or within a `with` block.

    Attributes:
        functions: its further functions by their names; they listen as long as it does.
    """

    def __init__(self, served: Served, *, seed: str = "", further: Sequence[Served] = ()) -> None:
        """`further`: its further functions, to be served beside it."""
        super().__init__(served, seed=seed)
        self.functions = {one.recipe.function: HostedFunction(one, seed=seed) for one in further}
        self._listening = threading.Event()
        self._problem: OSError | None = None
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name=f"spdm {served.name}", daemon=True
        )

    def start(self) -> Self:
        """Listen. Raises OSError where that cannot be."""
        self._thread.start()
        self._listening.wait()
        if self._problem is not None:
            raise self._problem
        return self

    def stop(self) -> None:
        """End every connection, and listen no more."""
        for one in self._mailboxes:
            one.leave()
        self._stop()
        self._thread.join()

    @property
    def _mailboxes(self) -> list[HostedFunction]:
        return [self, *self.functions.values()]

    @property
    def story(self) -> str:
        """The conversation, and those of further functions that were asked anything."""
        asked = [one for one in self.functions.values() if one.conversation]
        return "\n".join(one.text for one in (self, *asked))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        hub, recordings = Hub(self._served.name, clock=lambda: datetime.now(UTC)), Recordings()
        fleet = Fleet(hub, endpoint=partial(RecordedEndpoint, tape=recordings.tape))
        control = LocalControl(Desk(fleet, hub, recordings))
        with TemporaryDirectory(prefix="spdm-") as folder:
            server = ControlServer(control, f"{folder}/control")
            try:
                for one in self._mailboxes:
                    await one.listen(fleet, f"{folder}/control")
                await server.start()
            except OSError as error:
                self._problem = error
                stopped.set()
            finally:
                self._listening.set()
            await stopped.wait()
            hub.close()
            await server.stop()
            await fleet.close("the test is over")
            recordings.stop()


def host(
    profile: str | Path = "nvme-ssd",
    *,
    faults: Sequence[str | Path] = (),
    rules: Sequence[Mapping[str, object]] = (),
    set: Sequence[str] = (),  # noqa: A002 - as the command's option
    seed: str | None = None,
) -> HostedDevice:
    """The device of a profile, to be started; its arguments are the fixture's (`pytest_plugin`).

    Raises ProfileError.
    """
    chosen = new_seed() if seed is None else seed
    at = datetime.now(UTC)
    files = [Path(one) for one in faults if Path(one).suffix]
    names = [str(one) for one in faults if not Path(one).suffix]
    armed = combine(names, files, rules_of(rules) if rules else ())
    recipe = Recipe(str(profile), tuple(set), armed)
    loaded = recipe.load(at=at)
    device = recipe.build(loaded, entropy=device_entropy(chosen), at=at)
    further = []
    for part in recipe.of_functions(loaded, device.name):
        its = part.part_of(loaded)
        entropy = device_entropy(chosen, part.function)
        made = part.build(its, entropy=entropy, at=at)
        further.append(Served(part, its, made, HOST, of=device.name))
    return HostedDevice(Served(recipe, loaded, device, HOST), seed=chosen, further=further)
