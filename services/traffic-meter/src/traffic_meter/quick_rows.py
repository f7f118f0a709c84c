"""Reads records that are certainly right in a third of the time, and leaves every other one to the contract.

The structs are made of the event model's own fields and limits, and are narrower than it: unknown fields and whatever
else is not told apart in one step are left to the contract, which decides; the contract's own type is asked of a text
that only a pattern can judge. What is accepted here, the model accepts as the same values; a property test and
``python -m tests.unit.meter.quick_search`` look for a record that breaks this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from types import NoneType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from annotated_types import Ge, Le
from pydantic import Strict, StringConstraints, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from shared.decode import RAW_TIME, is_plain, plainer
from shared.events import Event

TEXTS_MAX = 10_000
"""Texts that passed a pattern and are remembered, a field; then it starts anew."""
LOOK_RECORDS = 1_000
"""Of so many the share is looked at that the contract accepted instead: a producer sends fields that it ignores."""
PAUSE_BATCHES = 100
"""Batches left to the contract at once when that share is more than half: nobody pays for both readers for long."""


class QuickRows:
    """A reader for one event model without checks of its own. Not promised: a reason for a refusal, or any refusal."""

    def __init__(self, model: type[Event]) -> None:
        if not is_plain(model) or not _is_its_hints(model):
            raise TypeError(f"no quick reading of {model.__name__}: its checks are the contract's alone")
        hints = get_type_hints(model, include_extras=True)
        fields: list[tuple[str, Any, Any]] = []
        self._spelled: list[tuple[Callable[[Any], str], TypeAdapter[str], set[str]]] = []
        for name, info in model.model_fields.items():
            if name == "occurred_at":
                continue  # a text as yet: the decoder judges it
            kind, pattern = _narrower(plainer(hints[name]))
            default = msgspec.NODEFAULT if info.is_required() else info.default
            fields.append((name, kind, default))
            if pattern:
                self._spelled.append((attrgetter(name), TypeAdapter(hints[name]), {info.default}))
        fields.append((RAW_TIME, str, msgspec.NODEFAULT))
        self._struct = msgspec.defstruct(
            f"Quick{model.__name__}",
            fields,
            kw_only=True,
            forbid_unknown_fields=True,
            gc=False,  # texts and numbers only: no cycles for the collector to look for
            rename={RAW_TIME: "occurred_at"},
        )
        self._decode = msgspec.json.Decoder(self._struct).decode
        self._pause = self._read = self._granted = 0

    def row(self, fields: Mapping[str, Any]) -> Any:
        """The same kind of row, of what the contract accepted."""
        self._granted += 1
        return self._struct(**fields)

    def _pauses(self, records: int) -> bool:
        """Whether the next records are left to the contract at once."""
        if self._read >= LOOK_RECORDS:
            self._pause = PAUSE_BATCHES if 2 * self._granted > self._read else 0
            self._read = self._granted = 0
        if self._pause:
            self._pause -= 1
            self._granted = 0
            return True
        self._read += records
        return False

    def read(self, values: Sequence[bytes | None]) -> tuple[list[Any], list[int]]:
        """One row per value, and the positions of those left to the contract. Values are ``bytes``, not like them."""
        if self._pauses(len(values)):
            return [None] * len(values), list(range(len(values)))
        rows: list[Any] = []
        refused: list[int] = []
        left = iter(values)
        while len(rows) < len(values):
            try:
                rows.extend(map(self._decode, left))  # type: ignore[arg-type]
            except Exception:  # whatever it has against a record; those before it are in the list
                refused.append(len(rows))
                rows.append(None)
        for text_of, adapter, known in self._spelled:
            texts = {*map(text_of, [row for row in rows if row is not None] if refused else rows)}
            if wrong := _wrong(adapter, known, texts):
                refused += [n for n, row in enumerate(rows) if row is not None and text_of(row) in wrong]
        return rows, refused


def _is_its_hints(model: type[Event]) -> bool:
    """Whether nothing but the annotations of its fields says what a model accepts."""
    decorators, known = model.__pydantic_decorators__, Event.__pydantic_decorators__
    hints = get_type_hints(model, include_extras=True)
    return (
        model.model_config == Event.model_config
        and not decorators.field_validators
        and not decorators.validators
        and not decorators.root_validators
        and decorators.model_validators.keys() == known.model_validators.keys()
        and all(
            (info.alias, info.validation_alias, info.default_factory) == (None, None, None)
            and info.metadata == FieldInfo.from_annotation(hints[name]).metadata
            for name, info in model.model_fields.items()
        )
    )


def _wrong(adapter: TypeAdapter[str], known: set[str], texts: set[str]) -> set[str]:
    """The texts that the contract's own type refuses, each asked once as long as it is remembered."""
    wrong = set()
    for text in texts - known:
        if len(known) >= TEXTS_MAX:
            known.clear()
        try:
            known.add(adapter.validate_python(text))
        except ValidationError:
            wrong.add(text)
    return wrong


def _narrower(hint: Any) -> tuple[Any, bool]:
    """msgspec's type for a type of the contract, and whether a pattern must be asked besides. Raises ``TypeError``."""
    if get_origin(hint) is Literal:
        return hint, False
    if get_origin(hint) is Union and get_args(hint)[1:] == (NoneType,):
        kind, pattern = _narrower(get_args(hint)[0])
        if pattern:
            raise TypeError(f"a pattern beside None: {hint}")
        return kind | None, False
    kind, *limits = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if kind is str and len(limits) == 1 and isinstance(one := limits[0], StringConstraints):
        known = StringConstraints(
            strict=True, min_length=one.min_length, max_length=one.max_length, pattern=one.pattern
        )
        if one == known:
            return Annotated[str, msgspec.Meta(min_length=one.min_length, max_length=one.max_length)], bool(one.pattern)
    if kind is int and len(limits) == 1 and isinstance(info := limits[0], FieldInfo):
        match info.metadata:
            case [Strict(strict=True), Ge(ge=int(least)), Le(le=int(most))]:
                return Annotated[int, msgspec.Meta(ge=least, le=most)], False
    raise TypeError(f"no quick reading of {hint}")
