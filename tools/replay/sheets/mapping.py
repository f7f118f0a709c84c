"""The mapping file: which columns of a sheet become which fields of an event. docs/replay.md describes the format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from replay.sheets.fields import EVENTS, EventKind
from replay.sheets.units import UNITS, factor
from shared.errors import Rejected

Scalar = str | int | float | bool


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return text


def _date_format(form: str) -> str:
    try:
        datetime.strptime(datetime(2026, 11, 27, tzinfo=UTC).strftime(form), form)  # noqa: DTZ007 - only tried
    except ValueError as error:
        raise ValueError(f"is not a date format such as %d/%m/%Y: {error}") from None
    return form


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{name!r} is not a time zone such as Europe/Paris") from None
    return name


Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_more), Field(min_length=1)]
"""One column name, or several spellings of it: the first one that the sheet has is used."""
Pattern = Annotated[str, AfterValidator(_pattern)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
Zone = Annotated[str, AfterValidator(_zone)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Absent(_Strict):
    """Texts that mean "not given", and the flag under which they are counted."""

    text: str | None = None
    pattern: Pattern | None = None
    flag: str | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.text is None) == (self.pattern is None):
            raise ValueError("needs either text or pattern")
        return self


class Rule(_Strict):
    """How one field gets its value. Steps in this order: source, absent, pattern, table, kind of the field, default."""

    column: Names | None = None
    columns: tuple[Names, ...] | None = None
    combine: Literal["product", "join"] = "join"
    separator: str = " "
    constant: Scalar | None = None
    any_of: tuple[Rule, ...] | None = None
    optional: bool = False
    required: bool = False
    absent: tuple[Absent, ...] = ()
    pattern: Pattern | None = None
    table: Mapping[str, Scalar] | None = None
    otherwise: Literal["reject", "keep", "absent"] = "reject"
    otherwise_flag: str | None = None
    unit: str | None = None
    unit_column: Names | None = None
    decimal: Literal[".", ","] = "."
    dates: tuple[DateFormat, ...] = ()
    at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "12:00"
    zone: Zone | None = None
    places: Mapping[str, str] = Field(default_factory=dict)
    company_first: bool = False
    prefix: str = ""
    flag: str | None = None
    default: Scalar | None = None
    default_flag: str | None = None
    another_row: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = [self.column, self.columns, self.constant, self.any_of]
        if sum(source is not None for source in sources) != 1:
            raise ValueError("needs exactly one of column, columns, constant, any_of")
        if self.pattern is not None and re.compile(self.pattern).groups != 1:
            raise ValueError("pattern needs exactly one group in parentheses: the part that is the value")
        return self

    def names(self) -> Iterator[tuple[Names, bool]]:
        """Every column this rule reads, and whether the sheet may lack it.

        Of alternatives the sheet needs one, unless the whole rule is optional.
        """
        for names in (self.column, *(self.columns or ())):
            if names is not None:
                yield names, self.optional
        if self.unit_column is not None:
            yield self.unit_column, self.optional or self.unit is not None
        if self.any_of:
            yield from ((names, True) for rule in self.any_of for names, _ in rule.names())
            if not self.optional and all(rule.constant is None for rule in self.any_of):
                yield tuple(name for rule in self.any_of for names, _ in rule.names() for name in names), False


class Skip(_Strict):
    """Rows that are not events: totals, cancelled orders. ``because`` is counted."""

    column: Names
    pattern: Pattern
    because: str
    optional: bool = False


class SheetMapping(_Strict):
    """One mapping file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    about: str
    event: Literal["site", "email", "ad", "shipment"]
    sheet: str | None = None
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    zone: Zone | None = None
    spread: Literal["month"] | None = None
    skip: tuple[Skip, ...] = ()
    fields: Mapping[str, Rule]

    @property
    def kind(self) -> EventKind:
        """The event that rows become."""
        return EVENTS[self.event]

    def columns(self) -> Iterator[tuple[Names, bool]]:
        """Every column the mapping reads, and whether the sheet may lack it."""
        for skip in self.skip:
            yield skip.column, skip.optional
        for rule in self.fields.values():
            yield from rule.names()

    @model_validator(mode="after")
    def _suits_the_event(self) -> Self:
        kind = EVENTS[self.event]
        for name, rule in self.fields.items():
            if name not in kind.fields:
                raise ValueError(f"fields.{name}: {self.event} has no such field; it has {', '.join(kind.fields)}")
            _check_unit(name, kind.fields[name], rule)
        dated = {"month"} if self.spread else set()
        missing = [name for name in kind.required if name not in self.fields]
        if "occurred_at" not in self.fields and not dated <= self.fields.keys():
            missing.append("month")
        if not self.spread and "occurred_at" not in self.fields and "occurred_at" not in missing:
            missing.append("occurred_at")
        if missing:
            raise ValueError(f"fields: {', '.join(missing)} is needed for {self.event} events")
        return self


def _check_unit(name: str, kind: str, rule: Rule) -> None:
    if rule.unit is not None and factor(kind, rule.unit) is None:
        known = ", ".join(UNITS.get(kind, {})) or "none"
        raise ValueError(f"fields.{name}.unit: {rule.unit!r} does not measure {kind}; there are: {known}")
    if rule.unit_column is not None and kind not in UNITS:
        raise ValueError(f"fields.{name}.unit_column: {kind} has no units")
    for other in rule.any_of or ():
        _check_unit(name, kind, other)


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: YAML would silently keep the second."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse_mapping(text: str, where: str) -> SheetMapping:
    """A mapping from its text. Raises ``Rejected`` that names the place in the file."""
    try:
        return SheetMapping.model_validate(yaml.load(text, Loader=_Loader))  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise Rejected(f"the mapping {where} is not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise Rejected(f"the mapping {where} is wrong{f' at {place}' if place else ''}: {reason}") from None


def load_mapping(name_or_path: str) -> SheetMapping:
    """A packaged mapping by its name, or a file of your own by its path. Raises ``Rejected`` when there is none."""
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        try:
            return parse_mapping(path.read_text("utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise Rejected(f"the mapping {path} cannot be read: {error}") from None
    for entry in _packaged():
        if entry.name == f"{name_or_path}.yaml":
            return parse_mapping(entry.read_text("utf-8"), name_or_path)
    names = ", ".join(mapping.name for mapping in packaged_mappings())
    raise Rejected(f"there is no mapping {name_or_path!r}; packaged are: {names}; a file of yours ends in .yaml")


def mapping_text(name: str) -> str:
    """The text of a packaged mapping. Raises ``Rejected`` when there is none."""
    load_mapping(name)
    return next(entry.read_text("utf-8") for entry in _packaged() if entry.name == f"{name}.yaml")


def packaged_mappings() -> list[SheetMapping]:
    """The mappings that come with the program, by name."""
    return [parse_mapping(entry.read_text("utf-8"), entry.name) for entry in _packaged()]


def _packaged() -> list[Traversable]:
    folder = resources.files("replay") / "mappings"
    return sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name)
