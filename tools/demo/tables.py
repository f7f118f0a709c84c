"""The tables on the screen: every day and channel, what was bought, and every comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.checks import Check

RIGHT = ("events", "duplicates", "rejected", "late", "low", "kg CO2e", "high", "share", "tonnes", "price/t", "cost")


def show_days(console: Console, summary: Mapping[str, Any]) -> None:
    """One line per day and channel, then what was bought for the day."""
    table = _table(
        "Emissions by day and channel (kg CO2e)",
        ("day", "channel", "events", "duplicates", "rejected", "late", "low", "kg CO2e", "high", "share"),
    )
    for entry in summary["days"]:
        total = sum((Decimal(c["emissions_g"]["central"]) for c in entry["channels"].values()), Decimal(0))
        for name, channel in entry["channels"].items():
            grams = {key: Decimal(value) for key, value in channel["emissions_g"].items()}
            share = f"{grams['central'] / total:.1%}" if total else "-"
            counts = [f"{channel[key]:,}" for key in ("events", "duplicates", "rejected", "late")]
            masses = [_kg(grams[key]) for key in ("low", "central", "high")]
            table.add_row(entry["day"], name, *counts, *masses, share)
        table.add_section()
    console.print(table)


def show_purchases(console: Console, summary: Mapping[str, Any]) -> None:
    """One line per settlement that bought something; how many others had nothing left to buy."""
    table = _table("Contributions bought", ("day", "no", "tonnes", "price/t", "cost", "provider", "order", "document"))
    empty = 0
    for entry in summary["days"]:
        for s in entry["settlements"]:
            if not s["order_id"]:
                empty += 1
                continue
            tonnes = f"{Decimal(s['quantity_g']) / 1_000_000:.6f}"
            price = f"{s['price_per_tonne']} {s['currency']}"
            cost = f"{s['amount'] or '-'} {s['currency']}"
            table.add_row(
                entry["day"], str(s["number"]), tonnes, price, cost, s["provider"], s["order_id"], s["document"] or "-"
            )
    console.print(table)
    if empty:
        console.print(f"{empty} settlements had nothing left to buy.")


def show_checks(console: Console, checks: Sequence[Check]) -> None:
    """Every comparison with ok or DIFFERENT."""
    table = _table("Compared with the generator's own tally", ("", "what", "expected", "found"))
    for check in checks:
        mark = "[green]ok[/]" if check.ok else "[bold red]DIFFERENT[/]"
        table.add_row(mark, check.what, check.expected, check.found)
    console.print(table)
    wrong = sum(not check.ok for check in checks)
    console.print(f"{len(checks)} comparisons, {wrong} different." if wrong else f"{len(checks)} comparisons, all ok.")


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in RIGHT else "left", overflow="fold")
    return table


def _kg(grams: Decimal) -> str:
    return f"{grams / 1000:,.3f}"
