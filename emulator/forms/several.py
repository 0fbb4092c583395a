"""One value or a list of them, where a file may write either: `Several[int]`.

In a file it is `3` or `[3, 4]`, in the model a tuple.
"""

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Discriminator, Field, GetCoreSchemaHandler, Tag
from pydantic_core import CoreSchema, core_schema

TAGS = ("\0one", "\0several")
"""Names of alternatives, which pydantic puts into the way to a value; no key looks like them."""

_T = TypeVar("_T")


def _tag(value: Any) -> str:
    return TAGS[1] if isinstance(value, list) else TAGS[0]


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _as_written(values: Any) -> Any:
    """One value by itself, as a file would have it; anything but a tuple as it is."""
    if not isinstance(values, tuple):
        return values
    return values[0] if len(values) == 1 else list(values)


if TYPE_CHECKING:
    Several = tuple[_T, ...]
else:

    class Several:
        """What pydantic makes of `Several[...]`."""

        def __class_getitem__(cls, item: Any) -> Any:
            """The type of one `item` or a list of them."""
            return Annotated[Any, _Either(item)]

    class _Either:
        def __init__(self, item: Any) -> None:
            self._item = item

        def __get_pydantic_core_schema__(
            self, source: Any, handler: GetCoreSchemaHandler
        ) -> CoreSchema:
            several = Annotated[list[self._item], Field(min_length=1)]
            either = Annotated[
                Annotated[self._item, Tag(TAGS[0])] | Annotated[several, Tag(TAGS[1])],
                Discriminator(_tag),
            ]
            made = handler.generate_schema(either)
            as_written = core_schema.plain_serializer_function_ser_schema(_as_written)
            return core_schema.no_info_after_validator_function(
                _tuple, made, serialization=as_written
            )
