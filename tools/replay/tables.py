"""What a replay prints: the account of every file, the flags, and the days in short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.checks import Check
from demo.tables import show_checks, show_days
from replay.files import printable
from replay.plan import Plan

MANY_DAYS = 31
"""More days than these are shown as years."""


def show_files(console: Console, plan: Plan) -> None:
    """The sum of every file in a sentence, then what was rejected, not traffic, missing or assumed."""
    for entry in plan.inputs:
        t = entry.tally
        ends = f"{t.sent:,} sent + {t.not_traffic.total():,} not traffic + {t.rejected:,} rejected"
        transferred = f" and {t.bytes:,} bytes" if t.bytes else ""
        _say(console, f"{t.name} ({entry.described})")
        _say(console, f"  {t.rows:,} rows = {ends}; {t.events:,} events{transferred}")
        for field, count in t.rejected_by_field.most_common():
            _say(console, f"  {count:>11,}  rejected for {field} (rejected.csv has every row)")
        for reason, count in t.not_traffic.most_common():
            _say(console, f"  {count:>11,}  not traffic: {reason}")
        for flag, count in t.flags.most_common():
            _say(console, f"  {count:>11,}  {flag.replace('_', ' ')}")
    show_warnings(console, plan.warnings())


def show_warnings(console: Console, warnings: Sequence[str]) -> None:
    """One line for each."""
    for warning in warnings:
        _say(console, f"Warning: {warning}.")


def _say(console: Console, text: str) -> None:
    console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


def show_days_in_short(console: Console, content: Mapping[str, Any]) -> None:
    """The days with something in them; as years when they are many. Then the orders."""
    busy = [_used(day) for day in content["days"] if happened(day)]
    if len(busy) <= MANY_DAYS:
        show_days(console, {"days": busy})
    else:
        show_days(console, {"days": _by_year(busy)})
        console.print(f"{len(busy):,} days with emissions; summary.json has each of them.", highlight=False)
    _show_orders(console, content["orders"])


def _show_orders(console: Console, orders: Sequence[Mapping[str, Any]]) -> None:
    """One line per order: a campaign buys once, for all of its days."""
    table = Table(title="Contributions bought", title_justify="left", header_style="bold")
    for name in ("days", "tonnes", "price/t", "cost", "provider", "order", "document"):
        table.add_column(name, justify="right" if name in ("days", "tonnes", "price/t", "cost") else "left")
    for order in orders:
        tonnes = f"{Decimal(order['quantity_g']) / 1_000_000:,.6f}"
        price = f"{order['price_per_tonne']} {order['currency']}"
        cost = f"{Decimal(order['amount']):,.2f} {order['currency']}"
        names = (order["provider"], order["order_id"], order["document"] or "-")
        table.add_row(f"{order['days']:,}", tonnes, price, cost, *names)
    if orders:
        console.print(table)
    else:
        _say(console, "Nothing was bought: all days together are below the smallest amount of money, and are carried.")


def show_comparisons(console: Console, checks: Sequence[Check]) -> None:
    """Every comparison when something differs; else only how many there were."""
    wrong = [check for check in checks if not check.ok]
    if wrong:
        show_checks(console, "Different from the files", wrong)
    console.print(f"{len(checks):,} comparisons with the files, {len(wrong) or 'none'} different.", highlight=False)


def happened(day: Mapping[str, Any]) -> bool:
    """Whether a day of the summary has events, or its share of a placement that began on another day."""
    return any(_something(channel) for channel in day["channels"].values())


def _something(channel: Mapping[str, Any]) -> bool:
    return bool(channel["events"]) or Decimal(channel["emissions_g"]["central"]) != 0


def _used(day: Mapping[str, Any]) -> dict[str, Any]:
    return {**day, "channels": {name: found for name, found in day["channels"].items() if _something(found)}}


def _by_year(days: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    years: dict[str, dict[str, Any]] = {}
    for day in days:
        year = years.setdefault(day["day"][:4], {"day": day["day"][:4], "channels": {}})
        for name, channel in day["channels"].items():
            total = year["channels"].setdefault(
                name,
                dict.fromkeys(("events", "duplicates", "rejected", "late"), 0)
                | {"emissions_g": dict.fromkeys(("low", "central", "high"), "0")},
            )
            for key in ("events", "duplicates", "rejected", "late"):
                total[key] += channel[key]
            for key, value in channel["emissions_g"].items():
                total["emissions_g"][key] = str(Decimal(total["emissions_g"][key]) + Decimal(value))
    return list(years.values())
