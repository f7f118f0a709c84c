"""Compares what the system says with what the tool knows: every comparison is named, and ok or different."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo.meter_log import Measured, MeterLog
from demo.tally import DayTally, Tally
from shared.units import UG_PER_G, ceil_g

CHANNELS = ("site", "email", "ads", "delivery")
APART = ("bots", "late_unprovable")
"""Reasons why counted events are recorded and not bought."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison; ``group`` says what it is about."""

    group: str
    what: str
    expected: str
    found: str

    @property
    def ok(self) -> bool:
        """Whether they agree."""
        return self.expected == self.found


def same(group: str, what: str, expected: object, found: object) -> Check:
    """A comparison of two values by their text."""
    return Check(group, what, str(expected), str(found))


def balance_checks(
    report: Mapping[str, Any], tally: Tally, names: Mapping[str, str], ends: Mapping[str, Mapping[int, int]]
) -> Iterator[Check]:
    """Every record sent is in Kafka, and is counted, a duplicate or rejected. ``names``: the topic of a setting."""
    for setting, counts in tally.topics.items():
        name = names[setting]
        found = report["balance"].get(name, {})
        yield same(name, "sent", counts.sent, sum(ends[name].values()))
        expected = {
            "consumed": counts.sent,
            "counted": counts.accepted,
            "duplicates": counts.duplicates,
            "rejected": counts.malformed,
            "skipped": 0,
            "lost": 0,
        }
        for key, number in expected.items():
            yield same(name, key, number, found.get(key, "missing"))


def day_checks(report: Mapping[str, Any], log: MeterLog, tally: Tally) -> Iterator[Check]:
    """Per day and channel: the purchaser and the meters against the tally."""
    channels = {(entry["day"], name): found for entry in report["days"] for name, found in entry["channels"].items()}
    for (day, channel), expected in sorted(tally.days.items()):
        found = channels.get((day.isoformat(), channel), {})
        measured = log.days.get((day, channel), Measured())
        group = f"{day} {channel}"
        yield same(group, "events", expected.events, all_events(found))
        yield same(group, "events in readings", expected.events, measured.events)
        for name in ("duplicates", "rejected", "late", "late_unprovable", "bots"):
            yield same(group, name, getattr(expected, name), getattr(measured, name))
        people = expected.late_unprovable - expected.bots_unprovable
        for name, number in (("bots", expected.bots), ("late_unprovable", people)):
            apart = found.get("not_bought", {}).get(name, {}).get("events", 0)
            yield same(group, f"{name} not bought", number, apart)
        yield from _activity_checks(group, expected, measured)
        yield same(group, "grams added up again", _grams(measured.central_ug), _all_central_g(found))
    for channel, events in sorted(tally.outside.items()):
        yield same("outside the campaign", channel, events, log.outside[channel])


ACTIVITY = {
    "bytes": "bytes_transferred",
    "recipients": "recipients",
    "impressions": "impressions",
    "standing": "parcels",
}
"""What the tally sums, by the name of the meters' measure."""


def _activity_checks(group: str, expected: DayTally, measured: Measured) -> Iterator[Check]:
    for name, measure in ACTIVITY.items():
        if name in expected.activity:
            yield same(group, measure, expected.activity[name], measured.activity[measure])


def money_checks(report: Mapping[str, Any]) -> Iterator[Check]:
    """What is settled is what is owed: the day's total less what others pay for, rounded up; carried grams count."""
    settled = owed = 0
    for entry in report["days"]:
        day_owed = ceil_g(Decimal(entry["total_g"]["central"]) - _paid_by_others_g(entry))
        bought = sum(s["quantity_g"] or 0 for s in entry["settlements"])
        carried = sum(s.get("carried_g") or 0 for s in entry["settlements"])
        yield same("grams settled", entry["day"], day_owed, bought + carried)
        settled, owed = settled + bought + carried, owed + day_owed
    yield same("grams settled", "all days", owed, settled)


def order_checks(report: Mapping[str, Any], listing: Sequence[Mapping[str, Any]]) -> Iterator[Check]:
    """The provider's own listing has exactly the orders of the purchaser."""
    ours = {order["order_id"]: order for order in report["orders"]}
    theirs = {order["order_id"]: order for order in listing}
    yield same("orders at the provider", "number", len(ours), len(listing))
    yield same("orders at the provider", "ids", ", ".join(sorted(ours)), ", ".join(sorted(theirs)))
    for order_id, order in sorted(ours.items(), key=lambda item: (item[1]["day"], item[1]["number"])):
        found = theirs.get(order_id, {})
        group = f"order {order['day']} no {order['number']}"
        yield same(group, "grams", order["quantity_g"], found.get("filled_g"))
        yield same(group, "cost", _money(order), _money(found))


def document_checks(report: Mapping[str, Any], documents: Path) -> Iterator[Check]:
    """Every purchase has its document, as a file that begins like a PDF; nothing else lies there."""
    numbers = {s["document"] for entry in report["days"] for s in entry["settlements"] if s["quantity_g"]}
    files = {path.stem: path.read_bytes()[:5] for path in sorted(documents.glob("*.pdf"))}
    yield same("documents", "purchases without one", 0, len(numbers & {None, ""}))
    yield same("documents", "files", ", ".join(sorted(n for n in numbers if n)), ", ".join(sorted(files)))
    yield same("documents", "not a PDF", 0, sum(head != b"%PDF-" for head in files.values()))


def settlement_checks(report: Mapping[str, Any], days: Iterable[tuple[str, date]]) -> Iterator[Check]:
    """Every campaign day is there, and everything about it is complete."""
    found = {(entry["campaign"], entry["day"]): entry for entry in report["days"]}
    for campaign, day in days:
        entry = found.get((campaign, day.isoformat()))
        states = ", ".join(sorted({s["state"] for s in entry["settlements"]})) if entry else "missing"
        yield same(f"settlements of {campaign}", str(day), "complete", states)


def all_events(channel: Mapping[str, Any]) -> int:
    """The accepted events of a channel in the report: those that count and those recorded only."""
    apart = channel.get("not_bought", {})
    return int(channel.get("events", 0)) + sum(int(apart[name]["events"]) for name in APART if name in apart)


def _all_central_g(channel: Mapping[str, Any]) -> str:
    apart = channel.get("not_bought", {})
    parts = [channel.get("emissions_g"), *(apart[name]["emissions_g"] for name in APART if name in apart)]
    return _text(sum((Decimal(part["central"]) for part in parts if part), Decimal(0)))


def _paid_by_others_g(entry: Mapping[str, Any]) -> Decimal:
    parts = [channel["not_bought"].get("paid_by_others") for channel in entry["channels"].values()]
    return sum((Decimal(part["emissions_g"]["central"]) for part in parts if part), Decimal(0))


def _money(order: Mapping[str, Any]) -> str:
    if not order:
        return "no order"
    return f"{Decimal(order['amount']):.2f} {order['currency']} at {Decimal(order['price_per_tonne']):.2f}"


def _grams(micrograms: int) -> str:
    return _text(Decimal(micrograms) / UG_PER_G)


def _text(grams: Decimal) -> str:
    return f"{grams:.6f}"
