"""The one decoder: bytes of many records in, validated rows out, a bad record costs its neighbours nothing.

One pydantic call validates a whole batch. Each record is parsed alone (records are never joined), a bad one becomes
``None`` and is validated a second time, alone, for its reason. The rows are typed dictionaries built from the event
model's own fields, so a row is accepted exactly when the model accepts it; a property test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Required, cast, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetPydanticSchema, Json, TypeAdapter, ValidationError
from pydantic_core import core_schema
from typing_extensions import TypedDict

from shared.errors import Rejected
from shared.events import Event

RAW_TIME = "occurred_at_text"
"""Extra key of a row: ``occurred_at`` as the producer wrote it, for caches keyed by text."""

_OR_NONE = GetPydanticSchema(
    lambda source, handler: core_schema.with_default_schema(handler(source), default=None, on_error="default")
)


def row_type(model: type[Event]) -> Any:
    """A TypedDict with the fields, types and limits of an event model, plus ``RAW_TIME``."""
    hints = get_type_hints(model, include_extras=True)
    keys: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        keys[name] = Required[hints[name]] if info.is_required() else hints[name]
    keys[RAW_TIME] = Annotated[Any, Field(validation_alias="occurred_at")]
    make: Any = TypedDict  # called with computed keys, which type checkers cannot follow
    row: Any = make(f"{model.__name__}Row", keys, total=False)
    row.__pydantic_config__ = ConfigDict(extra="ignore")
    if getattr(model.check, "__func__", None) is getattr(Event.check, "__func__", None):  # bound anew at each access
        return row

    def checked(values: dict[str, Any]) -> dict[str, Any]:
        model.check(values)
        return values

    return Annotated[row, AfterValidator(checked)]


class BatchDecoder:
    """Validates the values of many records of one topic in one call."""

    def __init__(self, model: type[Event]) -> None:
        self._model = model
        row: Any = row_type(model)
        rows: Any = list[Annotated[Json[row], _OR_NONE]]
        self._rows: TypeAdapter[Any] = TypeAdapter(rows, config=ConfigDict(cache_strings="keys"))

    def rows(self, values: Sequence[bytes | None]) -> list[dict[str, Any] | None]:
        """One row per value, ``None`` for a bad one. Order and length are kept; nothing is raised."""
        return cast(list[dict[str, Any] | None], self._rows.validate_python(values))

    def why(self, value: bytes | None) -> Rejected:
        """The reason a value was not accepted."""
        return why_not(self._model, value)


def why_not(model: type[BaseModel], value: bytes | None) -> Rejected:
    """Validate one record alone and give the first reason against it, with the field's name and no value."""
    if not value:
        return Rejected("the record has no value")
    try:
        model.model_validate_json(value)
    except ValidationError as error:
        return first_reason(error)
    return Rejected("the record was refused by the batch and accepted alone; please report this")


def first_reason(error: ValidationError) -> Rejected:
    """The first reason of a pydantic error, as field and text; values are left out, they may be personal data."""
    first: Mapping[str, Any] = error.errors(include_input=False, include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    text = str(first["msg"]).removeprefix("Value error, ")
    if not field and ": " in text and first["type"] == "value_error":
        field, text = text.split(": ", 1)
    return Rejected(text, field=field)
