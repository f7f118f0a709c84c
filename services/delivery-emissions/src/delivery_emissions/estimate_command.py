"""``delivery-emissions estimate``: a shipment's grams with range, factors, assumptions and steps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from delivery_emissions.estimate_shipment import delivery_case
from delivery_emissions.tables import Tables
from shared.compare import Reference, check_chart, compare_lines
from shared.console import input_lines
from shared.errors import Rejected
from shared.estimate_fields import Fields
from shared.estimate_lines import Case, run_lines
from shared.events import Shipment
from shared.factor_commands import add_factor_commands, set_for
from shared.factors import FactorSet

COMPARED = ("carrier-figure", "legs", "ademe-parcel", "country-default")
EVENT_FIELDS = (
    *("schema_version", "event_id", "occurred_at", "shop", "source_system", "shipment_id", "order_id", "revision"),
    *("status", "return_of", "ordered_at", "shipped_at", "seller_id", "offset_paid_by", "offset_reference", "channel"),
)
KNOWN = frozenset((*Shipment.model_fields, "method", "legs", "scenario", "trip", "view"))
"""Members that some line of this command reads; one that this line's method does not read is flagged as not used."""
PUBLISHED = ("parcel.colissimo.2022", "parcel.dpd.2018", "parcel.ademe.average")


def all_cases(fields: Fields, tables: Tables, factors: FactorSet) -> list[Case]:
    """The same line by every method that can read it. Raises ``Rejected`` when none can."""
    cases: list[Case] = []
    first: Rejected | None = None
    for method in COMPARED:
        try:
            cases.append(delivery_case(fields, tables, factors, method))
        except Rejected as error:
            first = first or error
    if first is not None and not cases:
        raise first
    try:
        chosen = delivery_case(fields.without("method"), tables, factors).method.id
    except Rejected:  # grams to the milligram are for a method that is asked for; the service weighs whole ones
        chosen = ""
    return [replace(case, bought=case.method.id == chosen) for case in cases]


def references(_: Fields, factors: FactorSet) -> Sequence[Reference]:
    """What carriers and ADEME publish per parcel."""
    return [Reference.of(factors, name) for name in PUBLISHED]


def handler(tables: Tables, factors: FactorSet) -> Callable[[Fields], Case]:
    """The reader of one line."""

    def read(fields: Fields) -> Case:
        fields.ignore(*EVENT_FIELDS)
        case = delivery_case(fields, tables, factors)
        unused = [name for name in fields.unread() if name in KNOWN]
        fields.ignore(*unused)
        return replace(case, flags=(*case.flags, *(f"not-used:{name}" for name in unused)))

    return read


def register(app: typer.Typer) -> None:
    """Add ``estimate`` and ``factors`` to the service's command line."""

    @app.command()
    def estimate(
        factor_set: Annotated[str | None, typer.Option(help="Factor set; the current one when absent.")] = None,
        tables: Annotated[
            Path | None,
            typer.Option(envvar="DELIVERY_TABLES", help="Folder of your own categories.csv, carriers.csv, modes.csv."),
        ] = None,
        compare: Annotated[bool, typer.Option("--compare", help="All methods side by side, as a table.")] = False,
        chart: Annotated[
            Path | None, typer.Option(help="With --compare: the first line's chart (.svg); line 2 gets NAME-2.svg.")
        ] = None,
    ) -> None:
        """Estimate NDJSON lines from standard input, one answer per line, each with the steps that lead to it.

        A refused line gives {"error": {"field", "reason"}, "line": n}; the exit code is 1 when there was one.

        Example: echo '{"category": "smartphone", "country": "FR"}' | delivery-emissions estimate

        Example: echo '{"method": "legs", "weight_g": 800, "legs": [{"mode": "road", "distance_km": 489.4},
        {"mode": "van", "distance_km": 30}]}' | delivery-emissions estimate
        """
        check_chart(chart, compare=compare)
        factors = set_for(factor_set)
        found = Tables.load(factors, tables)
        if compare:
            refused = compare_lines(
                input_lines(), lambda fields: all_cases(fields, found, factors), references, factors, chart
            )
        else:
            refused = run_lines(input_lines(), sys.stdout, handler(found, factors), factors)
        if refused:
            raise typer.Exit(1)

    add_factor_commands(app)
