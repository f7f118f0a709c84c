"""The ``estimate`` commands of both meters: NDJSON in, NDJSON out, one line for one line, in order.

A line that is refused gives ``{"error": {"field", "reason"}, "line": n}`` and the exit code says that there was one.
Blank lines are passed over. Numbers are read as decimals, never through binary floating point. Answers are ASCII, so
that no name in a line (half a surrogate pair, an accent on an ASCII terminal) can end the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TextIO

from shared.errors import Rejected
from shared.estimate import Estimate, Subject
from shared.estimate_fields import Fields
from shared.explain import estimate_json
from shared.factors import FactorSet
from shared.linear_model import Derive, LinearModel, Options
from shared.methods_common import LinearMethod

LONGEST_LINE = 1_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """One estimate to make: a method, what it is about, and how its measures follow from the inputs."""

    method: LinearMethod
    subject: Subject
    derive: Derive
    options: Options = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Members to print beside the estimate (a carrier's published figure, the assessment)."""
    label: str = ""
    """What a comparison calls this case; the method's id when empty."""
    bought: bool = False
    """The number that would be bought on; a comparison takes its ratios to it."""
    incomplete: bool = False
    """An input without which the number is not the whole is missing: shown, and not compared with others."""

    def estimate(self, factors: FactorSet, models: Models | None = None) -> Estimate:
        """Make the estimate; models that cost much to build are kept in ``models`` by what they depend on."""
        if models is None:
            return self.method.estimate(self.subject, {}, factors, self.options, derive=self.derive)
        labels, given = tuple(sorted(self.subject.detail.items())), tuple(sorted(self.options.items()))
        key = (self.method, factors.sha256, self.subject.country, labels, given)
        if key not in models:
            if len(models) >= MODELS_KEPT:
                models.clear()
            models[key] = self.method.model(self.subject, factors, self.options)
        return self.method.estimate(self.subject, {}, factors, model=models[key], derive=self.derive)


Models = dict[tuple[object, ...], LinearModel]
MODELS_KEPT = 4096
Handler = Callable[[Fields], Case]


def run_lines(lines: Iterable[bytes], output: TextIO, handler: Handler, factors: FactorSet) -> int:
    """Answer every line; the number of refused ones."""
    refused = 0
    models: Models = {}
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        answer = answer_line(raw, number, handler, factors, models)
        refused += "error" in answer
        output.write(json.dumps(answer, separators=(",", ":")) + "\n")
        output.flush()
    return refused


def answer_line(
    raw: bytes, number: int, handler: Handler, factors: FactorSet, models: Models | None = None
) -> dict[str, Any]:
    """The answer to one line: an estimate, or the field and the reason it was refused for."""
    try:
        fields = Fields(parse_line(raw))
        case = handler(fields)
        answer = estimate_json(case.estimate(factors, models))
        answer["flags"] += list(case.flags) + [f"unknown-field:{name}" for name in fields.unread()]
        return {"line": number, **answer, **case.extra}
    except Rejected as error:
        return {"error": {"field": error.field, "reason": error.reason}, "line": number}


def parse_line(raw: bytes) -> dict[str, Any]:
    """One JSON object. Raises ``Rejected`` for anything else, for NaN, infinities and repeated members."""
    if len(raw) > LONGEST_LINE:
        raise Rejected(f"longer than {LONGEST_LINE} bytes")
    try:
        found = json.loads(
            raw.decode("utf-8-sig"),
            parse_float=_decimal,
            parse_int=_whole_number,
            parse_constant=Decimal,
            object_pairs_hook=_members,
        )
        if not isinstance(found, dict):
            raise Rejected("must be a JSON object")
        _check_numbers(found, "")
    except UnicodeDecodeError as error:
        raise Rejected("not UTF-8") from error
    except (RecursionError, ValueError) as error:
        raise Rejected(f"not JSON: {error}") from error
    return found


def _check_numbers(value: Any, path: str) -> None:
    """Refuse numbers that no field can hold, by the name of the member."""
    if isinstance(value, dict):
        for name, member in value.items():
            _check_numbers(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_numbers(item, f"{path}[{index}]")
    elif isinstance(value, Decimal) and not value.is_finite():
        raise Rejected("must be a finite number", field=path)
    elif isinstance(value, Decimal) and value and not -_LARGEST < value.adjusted() < _LARGEST:
        raise Rejected("out of range", field=path)


_LARGEST = 1000


def _whole_number(digits: str) -> int | Decimal:
    """An integer; one with more digits than any field can hold stays a decimal, refused by its member's name."""
    return int(digits) if len(digits) <= _LARGEST else Decimal(digits)


def _decimal(digits: str) -> Decimal:
    """A number with the digits it was written with; one beyond any decimal is not finite, refused by its member."""
    try:
        return Decimal(digits)
    except InvalidOperation:
        return Decimal("NaN")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Rejected("given twice", field=name)
        found[name] = value
    return found
