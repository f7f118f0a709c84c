"""What the report page says, as data: built once from a run, and the same for the demonstration and a replay."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from demo.checks import APART, CHANNELS, Check
from demo.meter_log import MeterLog
from shared.units import UG_PER_G

HOURS_MAX = 24 * 8
"""Up to eight days are drawn by hour, longer campaigns by day."""


@dataclass(frozen=True, slots=True)
class Grams:
    """Emissions with their range."""

    low: Decimal = Decimal(0)
    central: Decimal = Decimal(0)
    high: Decimal = Decimal(0)

    def __add__(self, other: Grams) -> Grams:
        """Ranges add end to end: the same factors stand behind both."""
        return Grams(self.low + other.low, self.central + other.central, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Row:
    """One channel on one day, or of the whole campaign."""

    channel: str
    events: int
    duplicates: int
    rejected: int
    late: int
    emissions: Grams
    share: Decimal
    """Of the best estimate of all channels together."""


@dataclass(frozen=True, slots=True)
class Day:
    """One campaign day."""

    day: date
    rows: tuple[Row, ...]
    total: Grams


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not in the emissions, or not bought. ``reason`` is a key of the texts."""

    reason: str
    events: int | None
    grams: Decimal | None


@dataclass(frozen=True, slots=True)
class Bought:
    """One order."""

    day: date
    quantity_g: int
    price_per_tonne: Decimal
    currency: str
    amount: Decimal
    provider: str
    order_id: str
    document: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the page shows."""

    title: str
    mode: str
    zone: str
    days: tuple[Day, ...]
    channels: tuple[Row, ...]
    total: Grams
    bars: tuple[tuple[datetime, Mapping[str, Decimal]], ...]
    """Grams by channel per hour, or per day when ``by_day``."""
    by_day: bool
    left_out: tuple[LeftOut, ...]
    bought: tuple[Bought, ...]
    balance: tuple[tuple[str, Mapping[str, int]], ...]
    methods: tuple[tuple[str, str, str, str], ...]
    checks: int
    checks_wrong: int
    restarts: int
    yardstick: Decimal | None
    """Share of deliveries to draw beside the measured one; None for a company that never had such a figure."""

    @property
    def events(self) -> int:
        """All accepted events of the campaign."""
        return sum(row.events for row in self.channels)


def build_page(
    content: Mapping[str, Any],
    report: Mapping[str, Any],
    log: MeterLog,
    checks: Sequence[Check],
    *,
    title: str,
    mode: str,
    zone: str,
    restarts: int = 0,
    yardstick: Decimal | None = None,
) -> Page:
    """The page of a run, from its summary (``content``), the purchaser's report and what the meters said."""
    days = tuple(_day(entry, found) for entry, found in zip(content["days"], report["days"], strict=True))
    bars, by_day = _bars(log)
    return Page(
        title=title,
        mode=mode,
        zone=zone,
        days=days,
        channels=_channels(days),
        total=sum((day.total for day in days), Grams()),
        bars=bars,
        by_day=by_day,
        left_out=_left_out(report, log),
        bought=_bought(report),
        balance=tuple(content["balance"].items()),
        methods=tuple(sorted(log.methods, key=lambda found: (CHANNELS.index(found[0]), found))),
        checks=len(checks),
        checks_wrong=sum(not check.ok for check in checks),
        restarts=restarts,
        yardstick=yardstick,
    )


def _day(entry: Mapping[str, Any], found: Mapping[str, Any]) -> Day:
    central = sum((Decimal(c["emissions_g"]["central"]) for c in entry["channels"].values()), Decimal(0))
    rows = tuple(
        Row(
            name,
            channel["events"],
            channel["duplicates"],
            channel["rejected"],
            channel["late"],
            emissions := _grams(channel["emissions_g"]),
            emissions.central / central if central else Decimal(0),
        )
        for name, channel in entry["channels"].items()
    )
    return Day(date.fromisoformat(entry["day"]), rows, _grams(found["total_g"]))


def _channels(days: Sequence[Day]) -> tuple[Row, ...]:
    central = sum((row.emissions.central for day in days for row in day.rows), Decimal(0))
    rows = []
    for name in CHANNELS:
        found = [row for day in days for row in day.rows if row.channel == name]
        emissions = sum((row.emissions for row in found), Grams())
        rows.append(
            Row(
                name,
                sum(row.events for row in found),
                sum(row.duplicates for row in found),
                sum(row.rejected for row in found),
                sum(row.late for row in found),
                emissions,
                emissions.central / central if central else Decimal(0),
            )
        )
    return tuple(rows)


def _bars(log: MeterLog) -> tuple[tuple[tuple[datetime, Mapping[str, Decimal]], ...], bool]:
    hours = {hour for hour, _ in log.hours}
    by_day = bool(hours) and (max(hours) - min(hours)).total_seconds() / 3600 >= HOURS_MAX
    bars: dict[datetime, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for (hour, channel), micrograms in sorted(log.hours.items()):
        bars[hour.replace(hour=0) if by_day else hour][channel] += Decimal(micrograms) / UG_PER_G
    return tuple(sorted(bars.items())), by_day


def _left_out(report: Mapping[str, Any], log: MeterLog) -> tuple[LeftOut, ...]:
    balance: Counter[str] = Counter()
    for row in report["balance"].values():
        balance.update(row)
    apart: dict[str, tuple[int, Decimal]] = {}
    for entry in report["days"]:
        for channel in entry["channels"].values():
            for reason, part in channel["not_bought"].items():
                events, grams = apart.get(reason, (0, Decimal(0)))
                apart[reason] = (events + part["events"], grams + Decimal(part["emissions_g"]["central"]))
    rows = [LeftOut("rejected", balance["rejected"], None), LeftOut("duplicates", balance["duplicates"], None)]
    rows += [LeftOut(reason, *apart.get(reason, (0, Decimal(0)))) for reason in reversed(APART)]
    rows.append(LeftOut("outside", log.outside.total(), None))
    # The events of a register say nothing about how many parcels others pay for: only its mass is shown.
    rows.append(LeftOut("paid_by_others", None, apart.get("paid_by_others", (0, Decimal(0)))[1]))
    if missing := sum(measured.not_estimated for measured in log.days.values()):
        rows.append(LeftOut("not_estimated", missing, None))
    if balance["lost"]:
        rows.append(LeftOut("lost", balance["lost"], None))
    return tuple(rows)


def _bought(report: Mapping[str, Any]) -> tuple[Bought, ...]:
    orders = sorted(report["orders"], key=lambda order: (order["day"], order["number"], order["leg"]))
    return tuple(
        Bought(
            date.fromisoformat(order["day"]),
            order["quantity_g"],
            Decimal(order["price_per_tonne"]),
            order["currency"],
            Decimal(order["amount"]),
            order["provider"],
            order["order_id"],
            order["document"] or "",
        )
        for order in orders
    )


def _grams(found: Mapping[str, str]) -> Grams:
    return Grams(Decimal(found["low"]), Decimal(found["central"]), Decimal(found["high"]))
