"""Control of the devices of this process."""

import inspect
from collections.abc import Mapping
from typing import Any

from emulator.control import operations
from emulator.control.desk import Desk
from emulator.control.operation import Operation, find
from emulator.control.port import ALL, QUEUED, ControlError, Subscription, Wanted
from emulator.errors import ProfileError
from emulator.serve.fleet import FleetError

__all__ = ["LocalControl", "operations"]


class LocalControl:
    """The `Control` of the devices of a desk.

    Attributes:
        desk: the devices.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def call(self, operation: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Carry out an operation. Raises ControlError."""
        found = find(operation)
        result = await self._run(found, arguments or {})
        return found.result.dump_python(result, mode="json")

    async def _run(self, found: Operation, arguments: Mapping[str, Any]) -> Any:
        read = found.read(arguments)
        try:
            result = found.run(self.desk, read)
            return await result if inspect.isawaitable(result) else result
        except ProfileError as error:
            raise ControlError("invalid", error.problems) from None
        except FleetError as error:
            raise ControlError("conflict", str(error)) from None
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise ControlError("failed", f"{where}{error.strerror or error}") from None

    def subscribe(self, wanted: Wanted = ALL, *, limit: int = QUEUED) -> Subscription:
        """Hear of the events to come."""
        return self.desk.hub.subscribe(wanted, limit=limit)
