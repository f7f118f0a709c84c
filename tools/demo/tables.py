"""The tables on the screen: every day and channel, what was bought, and every comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from demo.checks import Check

NUMBERS = {"events", "duplicates", "rejected", "late", "low", "kg CO2e", "high", "share", "tonnes", "price/t", "cost"}
WIDE = 150
"""Columns of output that goes into a file: nobody's window limits it."""


def wide_console() -> Console:
    """Standard output, as wide as the window, or wide enough for the tables when it is not one."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)


def show_days(console: Console, summary: Mapping[str, Any]) -> None:
    """One line per day and channel."""
    columns = ("day", "channel", "events", "duplicates", "rejected", "late", "low", "kg CO2e", "high", "share")
    table = _table("Emissions by day and channel (kg CO2e)", columns)
    for entry in summary["days"]:
        total = sum((Decimal(c["emissions_g"]["central"]) for c in entry["channels"].values()), Decimal(0))
        day = entry["day"]
        for name, channel in entry["channels"].items():
            grams = {key: Decimal(value) for key, value in channel["emissions_g"].items()}
            share = f"{grams['central'] / total:.1%}" if total else "-"
            counts = [f"{channel[key]:,}" for key in ("events", "duplicates", "rejected", "late")]
            table.add_row(day, name, *counts, *(_kg(grams[key]) for key in ("low", "central", "high")), share)
            day = ""
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
            bought = (tonnes, price, cost, s["provider"], s["order_id"], s["document"] or "-")
            table.add_row(entry["day"], str(s["number"]), *bought)
    console.print(table)
    if empty:
        console.print(f"{empty} more settlements had nothing left to buy.")


def show_checks(console: Console, title: str, checks: Sequence[Check]) -> None:
    """Every comparison with ok or DIFFERENT, one line per group, and one for each that differs."""
    console.print(f"[bold]{title}[/]")
    for group, found in groupby(checks, key=lambda check: check.group):
        members = list(found)
        agreed = ", ".join(f"{check.what} {_shown(check.found)}" for check in members if check.ok)
        if agreed:
            console.print(f"  [green]ok[/]         {group}: {agreed}", highlight=False, soft_wrap=True)
        for check in members:
            if not check.ok:
                line = f"{group}: {check.what} is {_shown(check.found)}, expected {_shown(check.expected)}"
                console.print(f"  [bold red]DIFFERENT[/]  {line}", highlight=False, soft_wrap=True)
    wrong = sum(not check.ok for check in checks)
    console.print(f"{len(checks)} comparisons, " + (f"[bold red]{wrong} different[/]" if wrong else "all ok"))


def _shown(text: str) -> str:
    return f"{int(text):,}" if text.isdigit() else escape(text or "none")


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        right = column in NUMBERS
        table.add_column(column, justify="right" if right else "left", overflow="fold", no_wrap=right)
    return table


def _kg(grams: Decimal) -> str:
    return f"{grams / 1000:,.3f}"
