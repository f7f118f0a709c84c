"""The dossier's tables as CSV: UTF-8, header first, decimal points, one row for each thing."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from io import StringIO

from offset_purchaser.documents.dossier_data import (
    DossierData,
    RegisterLine,
    Source,
    counted,
    owed_of,
    total_of,
)
from shared.units import decimal_text

REGISTER_COLUMNS = tuple(RegisterLine.model_fields)


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table as CSV bytes; Decimals as plain strings, None as an empty field."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def read_csv(content: bytes, without: Collection[str] = ()) -> list[Mapping[str, str]]:
    """The rows of ``csv_bytes`` by column name, some columns left out."""
    rows = csv.DictReader(StringIO(content.decode(), newline=""))
    return [{name: _unquoted(value) for name, value in row.items() if name not in without} for row in rows]


def registers_csv(data: DossierData) -> bytes:
    """Every frozen register, in the columns of ``RegisterLine``."""
    return csv_bytes(REGISTER_COLUMNS, (list(line.model_dump(mode="json").values()) for line in data.registers))


def sources_csv(sources: Sequence[Source]) -> bytes:
    """The balance of every source partition; ``difference`` must be 0."""
    return csv_bytes(
        [*Source.model_fields, "difference"], ([*row.model_dump().values(), row.difference] for row in sources)
    )


def methods_csv(registers: Iterable[RegisterLine]) -> bytes:
    """Which method and factor set estimated which channel."""
    columns = ("channel", "method", "method_version", "factor_set", "factor_set_sha256")
    rows = {tuple(str(getattr(line, name)) for name in columns) for line in registers if line.method}
    return csv_bytes(columns, sorted(rows))


def orders_csv(data: DossierData) -> bytes:
    """The priced lines: one for each order leg."""
    columns = ("order_id", "provider", "leg", "provider_reference", "quantity_g", "price_per_tonne", "currency")
    rows = ([*(getattr(line, name) for name in columns), line.net_amount] for line in data.orders)
    return csv_bytes([*columns, "net_amount"], rows)


def calculation_csv(data: DossierData) -> bytes:
    """From registers to the quantity that was needed, step by step, in grams."""
    owed, paid = owed_of(data.registers, data.cover, data.formula)
    inside = counted(data.registers)
    total = total_of(inside)
    groups = sorted({line.factor_group for line in inside})
    rows: list[tuple[str, object, object, object]] = []
    for group in groups:
        part = total_of(line for line in inside if line.factor_group == group)
        rows.append((f"factor group {group}", part.low, part.central, part.high))
    rows += [
        ("total: centrals add, half widths in quadrature", total.low, total.central, total.high),
        (owed_step(data), None, owed, None),
        ("paid by others", None, paid, None),
        ("waived", None, data.waived_g, None),
        ("committed earlier", None, data.committed_g, None),
        ("needed", None, owed - paid - data.waived_g - data.committed_g, None),
    ]
    return csv_bytes(("step", "low_g", "central_g", "high_g"), rows)


def owed_step(data: DossierData) -> str:
    """What the line of the grams owed is called."""
    if data.formula == 1:
        return f"owed: {data.cover}, rounded up"
    return f"owed: {data.cover} of what others do not pay, rounded up, and what they pay"


def _unquoted(value: str) -> str:
    return value[1:] if isinstance(value, str) and value[:1] == "'" else value


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front, which reading takes off again."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "'", "\t", "\r"):
        return f"'{value}"
    return decimal_text(value) if isinstance(value, Decimal) else value
