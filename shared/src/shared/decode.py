"""The one decoder: bytes of many records in, validated rows out, a bad record costs its neighbours nothing.

One pydantic call validates a whole batch. Each record is parsed alone (records are never joined), a bad one becomes
``None`` and is validated a second time, alone, for its reason. The rows are typed dictionaries built from the event
model's own fields, so a row is accepted exactly when the model accepts it; a property test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from operator import attrgetter, itemgetter
from types import NoneType
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    Protocol,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    Json,
    Strict,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import core_schema
from typing_extensions import TypedDict

from shared.errors import Rejected
from shared.events import Event
from shared.fields import COUNTRY_CODES, NO_NUL, VALUE_BYTES_MAX, Country
from shared.moments import Moments

RAW_TIME = "occurred_at_text"
"""Key of a row: ``occurred_at`` as the producer wrote it. ``Moments`` makes it a number."""

_NUL = b"\\u0000"
"""How JSON says U+0000, and the only way: the byte itself is refused inside a text."""

ALWAYS = ("shop", "country")
"""Fields that are in every row, absent ones with the model's default."""

_COUNTRY: Any = Literal[tuple(sorted(COUNTRY_CODES))]

_OR_NONE = GetPydanticSchema(
    lambda source, handler: core_schema.with_default_schema(handler(source), default=None, on_error="default")
)


Row = Any
"""A validated record: a dictionary of its fields by name, or of a quick reader an object with all of them."""


class QuickReader(Protocol):
    """Reads records that are certainly right; it may refuse any, which decides nothing: the contract is asked then."""

    def read(self, values: Sequence[bytes | None]) -> tuple[list[Row | None], list[int]]:
        """One row per value, and the positions of those left to the contract. Nothing is raised."""

    def row(self, fields: Mapping[str, Any]) -> Row:
        """The same kind of row, of what the contract accepted."""


def column(name: str, *, quick: bool) -> Callable[[Row], Any]:
    """What gives a field of a row."""
    return attrgetter(name) if quick else itemgetter(name)


class Decoded(NamedTuple):
    """A batch in its order; bad records are ``None`` in both."""

    rows: list[Row | None]
    times_ms: Sequence[int | None]
    """``occurred_at`` in milliseconds since the epoch, rounded down."""
    bad: bool
    """Whether there are bad ones among them."""


def is_plain(model: type[Event]) -> bool:
    """Whether an event has no check over several fields."""
    return getattr(model.check, "__func__", None) is getattr(Event.check, "__func__", None)  # bound anew each time


def row_type(model: type[Event], filled: Collection[str] = ()) -> Any:
    """A TypedDict with the fields, types and limits of an event model, plus ``RAW_TIME``.

    ``filled`` are fields that are in every row. An event without checks of its own has no ``occurred_at`` but its text
    alone, which ``Moments`` judges for many records at once; enumerations are plain texts.
    """
    hints = get_type_hints(model, include_extras=True)
    keys: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        hint = plainer(hints[name])
        if info.is_required():
            keys[name] = Required[hint]
        elif name in ALWAYS or name in filled:
            keys[name] = Required[Annotated[hint, Field(default=info.default)]]
        else:
            keys[name] = hint
    plain = is_plain(model)
    text: Any = Annotated[str, Strict()] if plain else Any
    keys[RAW_TIME] = Required[Annotated[text, Field(validation_alias="occurred_at")]]
    if plain:
        del keys["occurred_at"]
    make: Any = TypedDict  # called with computed keys, which type checkers cannot follow
    row: Any = make(f"{model.__name__}Row", keys, total=False)
    row.__pydantic_config__ = ConfigDict(extra="ignore")
    if plain:
        return row

    def checked(values: dict[str, Any]) -> dict[str, Any]:
        model.check(values)
        return values

    return Annotated[row, AfterValidator(checked)]


def plainer(hint: Any) -> Any:
    """A type that accepts the same for less: the texts of an enumeration, the list of countries for its pattern.

    Texts lose their pattern against U+0000, which ``BatchDecoder`` looks for in all records at once.
    """
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Literal[tuple(member.value for member in hint)]
    if hint == Country | None:
        return _COUNTRY | None
    if get_origin(hint) is Union and get_args(hint)[1:] == (NoneType,):
        return plainer(get_args(hint)[0]) | None
    if get_origin(hint) is Annotated and get_args(hint)[0] is str:
        limits = [replace(one, pattern=None) if getattr(one, "pattern", None) == NO_NUL else one for one in
                  hint.__metadata__]  # fmt: skip
        return Annotated[str, *limits]
    return hint


class BatchDecoder:
    """Validates the values of many records of one topic in one call."""

    def __init__(self, model: type[Event], filled: Collection[str] = (), quick: QuickReader | None = None) -> None:
        self._model = model
        row: Any = row_type(model, filled)
        rows: Any = list[Annotated[Json[row], _OR_NONE]]
        self._rows: TypeAdapter[Any] = TypeAdapter(rows, config=ConfigDict(cache_strings="keys"))
        self._quick = quick
        self._text = column(RAW_TIME, quick=self._quick is not None)
        self._moments = Moments()

    def rows(self, values: Sequence[bytes | None]) -> list[Row | None]:
        """One row per value, ``None`` for a bad one. Order and length are kept; nothing is raised."""
        return self.decode(values).rows

    def decode(self, values: Sequence[bytes | None]) -> Decoded:
        """Rows and times of a batch. Order and length are kept; nothing is raised."""
        joined = b"".join(filter(None, values))
        if len(joined) > VALUE_BYTES_MAX:
            values = [value if value and len(value) <= VALUE_BYTES_MAX else None for value in values]
        rows, gaps = self._validated(values)
        if b"\\" in joined and _NUL in joined:  # the first look is eight times quicker, and mostly enough
            wrong = [n for n, value in enumerate(values) if rows[n] is not None and not self._accepted(value)]
            for n in wrong:
                rows[n] = None
            gaps = gaps or bool(wrong)
        if not gaps:
            times_ms = self._moments.ms([*map(self._text, rows)])
        else:
            found = iter(self._moments.ms([self._text(row) for row in rows if row is not None]))
            times_ms = [None if row is None else next(found) for row in rows]
        if None in times_ms:
            return _without_time(rows, times_ms)
        return Decoded(rows, times_ms, False)

    def _validated(self, values: Sequence[bytes | None]) -> tuple[list[Row | None], bool]:
        """What the contract accepts but for times and U+0000, and whether it refuses any."""
        if self._quick is None:
            rows = self._rows.validate_python(values)
            return rows, None in rows
        rows, left = self._quick.read(values)
        if not left:
            return rows, False
        judged = self._rows.validate_python([values[n] for n in left])
        for n, fields in zip(left, judged, strict=True):
            rows[n] = None if fields is None else self._quick.row(fields)
        return rows, None in judged

    def _accepted(self, value: bytes | None) -> bool:
        """Whether the model itself accepts a value in which U+0000 may be."""
        if value is None or _NUL not in value:
            return True
        try:
            self._model.model_validate_json(value)
        except ValidationError:
            return False
        return True

    def why(self, value: bytes | None) -> Rejected:
        """The reason a value was not accepted."""
        return why_not(self._model, value)


def _without_time(rows: Sequence[Row | None], times_ms: Sequence[int | None]) -> Decoded:
    kept = [None if time_ms is None else row for row, time_ms in zip(rows, times_ms, strict=True)]
    return Decoded(kept, times_ms, True)


def why_not(model: type[BaseModel], value: bytes | None) -> Rejected:
    """Validate one record alone and give the first reason against it, with the field's name and no value."""
    if not value:
        return Rejected("the record has no value")
    if len(value) > VALUE_BYTES_MAX:
        return Rejected(f"{len(value):,} bytes, more than the {VALUE_BYTES_MAX:,} of any event")
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
