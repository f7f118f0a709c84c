"""``factors list | show | diff``: what is in a factor set, where it comes from, and what a new edition changes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from shared.console import new_app, out, table
from shared.factors import Factor, FactorSet, available_factor_sets, current_factor_set_id, load_factor_set
from shared.units import decimal_text


def set_for(set_id: str | None) -> FactorSet:
    """The set of an id, or the one valid today."""
    return load_factor_set(set_id or current_factor_set_id(datetime.now(UTC).date()))


def factor_row(factor: Factor) -> dict[str, str]:
    """A factor as texts, for JSON and tables."""
    return {
        name: decimal_text(value) if name in ("value", "uncertainty_pct") else str(value)
        for name, value in asdict(factor).items()
    }


def difference(old: FactorSet, new: FactorSet) -> Mapping[str, tuple[Factor | None, Factor | None]]:
    """Factors that are new, gone or changed in any member, by id."""
    ids = sorted(set(old.factors) | set(new.factors))
    pairs = {name: (old.factors.get(name), new.factors.get(name)) for name in ids}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SetId = Annotated[str | None, typer.Option("--set", help="Factor set; the current one when absent.")]


FACTORS = new_app("The emission factors: values, sources, licences, and what an edition changes.")


def add_factor_commands(app: typer.Typer) -> None:
    """Add the ``factors`` group to a command line."""
    app.add_typer(FACTORS, name="factors")


@FACTORS.command("list")
def list_command(
    prefix: Annotated[str, typer.Argument(help="Beginning of the ids, e.g. grid. or liv.")] = "",
    set_id: SetId = None,
    as_json: AsJson = False,
) -> None:
    """Every factor of a set, or those whose id begins with a prefix.

    Example: traffic-meter factors list grid.ember.F
    """
    found = set_for(set_id)
    rows = [factor_row(item) for name, item in sorted(found.factors.items()) if name.startswith(prefix)]
    if as_json:
        sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        return
    columns = ("id", "value", "unit", "region", "year", "source", "uncertainty_pct")
    title = f"Factor set {found.id} (sha256 {found.sha256[:16]}…, {found.valid_from} to {found.valid_to})"
    out.print(table(title, columns, ([row[name] for name in columns] for row in rows)))
    out.print(f"{len(rows)} factors; sets: {', '.join(available_factor_sets())}")


@FACTORS.command("show")
def show_command(
    factor_id: Annotated[str, typer.Argument(help="Id of the factor.")],
    set_id: SetId = None,
    as_json: AsJson = False,
) -> None:
    """One factor with everything known about it.

    Example: traffic-meter factors show web.swd4.op.device
    """
    row = factor_row(set_for(set_id).get(factor_id))
    if as_json:
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    out.print(table(factor_id, ("member", "value"), [(name, value) for name, value in row.items() if value]))


@FACTORS.command("diff")
def diff_command(
    old: Annotated[str, typer.Argument(help="The older set.")],
    new: Annotated[str, typer.Argument(help="The newer set.")],
    as_json: AsJson = False,
) -> None:
    """What differs between two sets: added, removed, changed.

    Example: traffic-meter factors diff 2026.1 2026.1+read_share=0.231
    """
    pairs = difference(load_factor_set(old), load_factor_set(new))
    rows = [_difference_row(name, *pair) for name, pair in pairs.items()]
    if as_json:
        sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        return
    columns = ("id", "change", "members", old, new)
    keys = ("id", "change", "members", "old", "new")
    out.print(table(f"{old} → {new}", columns, ([row[key] for key in keys] for row in rows)))
    out.print(f"{len(rows)} differences")


def _difference_row(name: str, old: Factor | None, new: Factor | None) -> dict[str, str]:
    if old is None or new is None:
        there = new or old
        text = f"{decimal_text(there.value)} {there.unit}" if there else ""
        change = "added" if old is None else "removed"
        return {
            "id": name,
            "change": change,
            "members": "",
            "old": "" if old is None else text,
            "new": "" if new is None else text,
        }
    before, after = factor_row(old), factor_row(new)
    changed = [member for member in before if before[member] != after[member]]
    return {
        "id": name,
        "change": "changed",
        "members": ", ".join(changed),
        "old": "; ".join(before[member] for member in changed),
        "new": "; ".join(after[member] for member in changed),
    }
