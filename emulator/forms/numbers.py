"""Numbers that may be written by name."""

from enum import IntEnum
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from emulator.forms.vocabulary import Vocabulary


class Named:
    """Metadata for a number from 0 to `largest` that has names: `Annotated[int, Named(...)]`.

    In a file it is the number or a name, in the model always the number.
    """

    def __init__(self, names: type[IntEnum], largest: int) -> None:
        self._numbers = {one.name: one.value for one in names}
        self._words = Vocabulary(tuple(self._numbers))
        self._largest = largest

    def _number(self, value: Any) -> Any:
        return self._numbers[self._words.check(value)] if isinstance(value, str) else value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """A name as its number; the number within its bounds."""
        del source, handler
        number = core_schema.int_schema(strict=True, ge=0, le=self._largest)
        return core_schema.no_info_before_validator_function(self._number, number)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """One of the names, or a number."""
        del schema, handler
        names = {"type": "string", "enum": list(self._words.offered)}
        return {"anyOf": [names, {"type": "integer", "minimum": 0, "maximum": self._largest}]}
