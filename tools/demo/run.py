"""One demonstration inside a session: send the weekend, settle it, compare everything, write it down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from demo.campaign import BLACK_FRIDAY, LANGUAGES
from demo.checks import (
    Check,
    balance_checks,
    day_checks,
    document_checks,
    money_checks,
    order_checks,
    settlement_checks,
)
from demo.generator import Generated, Weekend
from demo.meter_log import MeterLog, Scope, read_meter_log
from demo.records import TOPIC_SETTINGS, Record
from demo.session import Session
from demo.shapes import CAMPAIGN_SHOPS, DAYS, ZONE
from demo.summary import summary, write_summary
from demo.tables import show_checks, show_days, show_purchases
from demo.tally import Tally

Records = Iterator[Record]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found."""

    summary: Mapping[str, Any]
    checks: Sequence[Check]

    @property
    def ok(self) -> bool:
        """Whether nothing is off."""
        return bool(self.checks) and all(check.ok for check in self.checks)


def run_weekend(
    session: Session,
    weekend: Weekend,
    console: Console,
    *,
    wait: float,
    on_the_way: Callable[[Records], Records] = lambda records: records,
) -> Outcome:
    """Run a weekend through the session's services. ``on_the_way`` sees every record as it is sent (for tests)."""
    generated = Generated(weekend)
    sent = session.send(on_the_way(generated.records()), total=weekend.about)
    console.print(f"Sent {sent.total:,} records in {sent.seconds:.1f} s ({sent.rate:,.0f} a second).")
    ends = session.open_settlements()
    report = session.wait_until_complete(seconds=wait)
    log = asyncio.run(read_meter_log(session.kafka, session.topics, Scope(DAYS, CAMPAIGN_SHOPS, ZONE)))
    checks = _compare(session, generated.tally, ends, report, log)
    content = summary(report, log)
    write_summary(session.out / "summary.json", content)
    session.write_report(str(BLACK_FRIDAY["id"]), checks, LANGUAGES)
    show_days(console, content)
    show_purchases(console, content)
    show_checks(console, "Compared with the generator's own tally", checks)
    for name, count in session.keeper.restarts.items():
        if count:
            console.print(f"{name} was started again, {count} times in all; the numbers above include that.")
    return Outcome(content, checks)


def _compare(
    session: Session,
    tally: Tally,
    ends: Mapping[str, Mapping[int, int]],
    report: Mapping[str, Any],
    log: MeterLog,
) -> list[Check]:
    names = {setting: session.topics.name(setting) for setting in TOPIC_SETTINGS}
    return [
        *balance_checks(report, tally, names, ends),
        *day_checks(report, log, tally),
        *settlement_checks(report, session.campaign_file.days()),
        *money_checks(report),
        *order_checks(report, session.sandbox_orders()),
        *document_checks(report, session.documents),
    ]
