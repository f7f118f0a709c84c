"""The demonstration notices every number that is off, and writes its summary in the shape that was agreed."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demo.checks import (
    Check,
    balance_checks,
    day_checks,
    document_checks,
    money_checks,
    order_checks,
    settlement_checks,
)
from demo.meter_log import MeterLog, Scope, add_up
from demo.purchaser import held, waiting_for
from demo.summary import summary
from demo.tally import DayTally, Tally, TopicTally

FRIDAY = date(2025, 11, 28)
SCOPE = Scope((FRIDAY,), ("FR",), ZoneInfo("Europe/Paris"))
NAMES = {"site_traffic": "site-traffic"}
ENDS = {"site-traffic": {0: 8, 1: 6}}


def grams(low: str, central: str, high: str) -> dict[str, str]:
    return {"low": low, "central": central, "high": high}


def reading(events: int, central_ug: int, **changes: Any) -> dict[str, Any]:
    found = {
        "quarter": "2025-11-28T20:00:00Z",
        "channel": "site",
        "shop": "FR",
        "detail": "device=smartphone;kind=view",
        "events": events,
        "late": 0,
        "duplicates": 0,
        "rejected": 0,
        "activity": {"bytes_transferred": 1000 * events},
        "method": "swd-v4",
        "method_version": "1",
        "factor_set": "2026.1",
        "emissions_ug": {"low": central_ug // 2, "central": central_ug, "high": central_ug * 2},
    }
    return found | changes


def the_log() -> MeterLog:
    return add_up(
        [
            reading(6, 1_200_000_000, late=2, duplicates=1),
            reading(2, 300_000_000, detail="device=bot;kind=view"),
            reading(1, 100_000_000, detail="device=laptop;kind=view;late=unprovable", late=1),
            reading(0, 0, shop="default", detail="outcome=rejected", rejected=2, method="", activity={}),
            reading(3, 7, shop="US"),
            reading(1, 7, quarter="2025-11-30T23:00:00Z"),
        ],
        SCOPE,
    )


def the_tally() -> Tally:
    day = DayTally(9, 1, 2, 3, 1, 2, 0, Counter({"bytes": 9000}))
    return Tally({"site_traffic": TopicTally(14, 11, 1, 2)}, {(FRIDAY, "site"): day}, Counter({"site": 4}))


def the_report() -> dict[str, Any]:
    apart = {
        "bots": {"events": 2, "late": 0, "emissions_g": grams("150", "300", "600")},
        "late_unprovable": {"events": 1, "late": 1, "emissions_g": grams("50", "100", "200")},
        "paid_by_others": {"events": 1, "late": 0, "emissions_g": grams("50", "100.9", "200")},
    }
    channel = {"events": 6, "late": 2, "emissions_g": grams("600", "1200.0", "2400"), "not_bought": apart}
    settlement = {
        "number": 1,
        "state": "complete",
        "waiting_for": None,
        "quantity_g": 1100,
        "price_per_tonne": "22",
        "currency": "EUR",
        "amount": "0.02",
        "provider": "sandbox",
        "order_id": "o-1",
        "order_state": "retired",
        "document": "R-ST-1",
        "carried_g": 0,
    }
    order = {key: settlement[key] for key in ("number", "order_id", "price_per_tonne", "currency", "amount")}
    balance = {"consumed": 14, "counted": 11, "duplicates": 1, "rejected": 2, "skipped": 0, "lost": 0}
    return {
        "days": [
            {
                "campaign": "bf",
                "day": "2025-11-28",
                "channels": {"site": channel},
                "total_g": grams("600", "1200.0", "2400"),
                "settlements": [settlement],
            }
        ],
        "orders": [order | {"day": "2025-11-28", "leg": "sandbox", "provider": "sandbox", "quantity_g": 1100}],
        "balance": {"site-traffic": balance},
    }


LISTING = [
    {"order_id": "o-1", "filled_g": 1100, "price_per_tonne": "22.00", "currency": "EUR", "amount": "0.02"},
]


def every_check(report: dict[str, Any], documents: Path, listing: list[dict[str, Any]] = LISTING) -> list[Check]:
    return [
        *balance_checks(report, the_tally(), NAMES, ENDS),
        *day_checks(report, the_log(), the_tally()),
        *settlement_checks(report, [("bf", FRIDAY)]),
        *money_checks(report),
        *order_checks(report, listing),
        *document_checks(report, documents),
    ]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    (tmp_path / "R-ST-1.pdf").write_bytes(b"%PDF-1.7 and so on")
    return tmp_path


def different(checks: list[Check]) -> list[str]:
    return [f"{check.group}: {check.what}" for check in checks if not check.ok]


def test_a_run_in_which_everything_agrees_has_no_difference(documents: Path) -> None:
    checks = every_check(the_report(), documents)
    assert different(checks) == []
    assert len(checks) == 29


def _one_record_lost(report: dict[str, Any]) -> None:
    report["balance"]["site-traffic"]["counted"] = 10


def _one_event_more(report: dict[str, Any]) -> None:
    report["days"][0]["channels"]["site"]["events"] = 7


def _one_gram_more_bought(report: dict[str, Any]) -> None:
    report["days"][0]["settlements"][0]["quantity_g"] = 1101


def _one_microgram_more(report: dict[str, Any]) -> None:
    report["days"][0]["channels"]["site"]["emissions_g"]["central"] = "1200.000001"


def _bought_robots(report: dict[str, Any]) -> None:
    del report["days"][0]["channels"]["site"]["not_bought"]["bots"]


def _still_waiting(report: dict[str, Any]) -> None:
    report["days"][0]["settlements"][0]["state"] = "waiting"


def _another_amount(report: dict[str, Any]) -> None:
    report["orders"][0]["amount"] = "0.03"


def _an_order_nobody_placed(report: dict[str, Any]) -> None:
    report["orders"].append(report["orders"][0] | {"order_id": "o-2"})


def _no_document(report: dict[str, Any]) -> None:
    report["days"][0]["settlements"][0]["document"] = None


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        (_one_record_lost, ["site-traffic: counted"]),
        (_one_event_more, ["2025-11-28 site: events"]),
        (_one_gram_more_bought, ["grams settled: 2025-11-28", "grams settled: all days"]),
        (_one_microgram_more, ["2025-11-28 site: grams added up again"]),
        (
            _bought_robots,
            ["2025-11-28 site: events", "2025-11-28 site: bots not bought", "2025-11-28 site: grams added up again"],
        ),
        (_still_waiting, ["settlements of bf: 2025-11-28"]),
        (_another_amount, ["order 2025-11-28 no 1: cost"]),
        (
            _an_order_nobody_placed,
            [
                "orders at the provider: number",
                "orders at the provider: ids",
                "order 2025-11-28 no 1: grams",
                "order 2025-11-28 no 1: cost",
            ],
        ),
        (_no_document, ["documents: purchases without one", "documents: files"]),
    ],
)
def test_one_number_that_is_off_is_noticed(
    change: Callable[[dict[str, Any]], None], noticed: list[str], documents: Path
) -> None:
    report = copy.deepcopy(the_report())
    change(report)
    assert different(every_check(report, documents)) == noticed


def test_an_order_that_the_provider_has_twice_is_noticed(documents: Path) -> None:
    assert different(every_check(the_report(), documents, LISTING * 2)) == ["orders at the provider: number"]


def test_a_document_that_is_no_pdf_is_noticed(documents: Path) -> None:
    (documents / "R-ST-1.pdf").write_bytes(b"<html>")
    assert different(every_check(the_report(), documents)) == ["documents: not a PDF"]


def test_the_meters_log_keeps_robots_latecomers_and_outsiders_apart() -> None:
    log = the_log()
    site = log.days[FRIDAY, "site"]
    assert (site.events, site.bots, site.late_unprovable, site.late, site.duplicates, site.rejected) == (
        9,
        2,
        1,
        3,
        1,
        2,
    )
    assert log.outside == Counter({"site": 4})


def test_events_without_a_method_are_counted_as_not_estimated() -> None:
    log = add_up([reading(5, 0, emissions_ug=None, method="")], SCOPE)
    assert log.days[FRIDAY, "site"].not_estimated == 5


def test_the_summary_has_exactly_the_agreed_shape() -> None:
    found = summary(the_report(), the_log())
    nothing = {
        "events": 0,
        "duplicates": 0,
        "rejected": 0,
        "late": 0,
        "emissions_g": {"low": "0", "central": "0", "high": "0"},
    }
    assert found == {
        "balance": {"site-traffic": {"consumed": 14, "counted": 11, "duplicates": 1, "rejected": 2}},
        "days": [
            {
                "campaign": "bf",
                "day": "2025-11-28",
                "channels": {
                    "site": {
                        "events": 9,
                        "duplicates": 1,
                        "rejected": 2,
                        "late": 3,
                        "emissions_g": {"low": "600", "central": "1200.0", "high": "2400"},
                    },
                    "email": nothing,
                    "ads": nothing,
                    "delivery": nothing,
                },
                "settlements": [
                    {
                        "number": 1,
                        "quantity_g": 1100,
                        "price_per_tonne": "22",
                        "currency": "EUR",
                        "amount": "0.02",
                        "provider": "sandbox",
                        "order_id": "o-1",
                        "document": "R-ST-1",
                    }
                ],
            }
        ],
    }


def test_the_wait_names_the_day_and_whom_it_waits_for() -> None:
    report = the_report()
    assert waiting_for(report, [("bf", FRIDAY)]) == ""
    report["days"][0]["settlements"][0] |= {"state": "waiting", "waiting_for": "shipments/2: counted through offset 5"}
    assert (
        waiting_for(report, [("bf", FRIDAY), ("bf", date(2025, 11, 29))])
        == "2025-11-28 settlement 1: waiting shipments/2: counted through offset 5; 2025-11-29: no settlement yet"
    )


def test_a_wait_for_thousands_of_days_is_still_one_line() -> None:
    days = [("bf", date.fromordinal(FRIDAY.toordinal() + n)) for n in range(1, 3001)]
    waiting = waiting_for(the_report(), days)
    assert waiting.count("no settlement yet") == 3
    assert waiting.endswith("; and 2997 more")


def test_a_settlement_that_needs_a_person_is_told_apart_from_one_that_is_on_its_way() -> None:
    report = the_report()
    report["days"][0]["settlements"][0] |= {"state": "waiting", "waiting_for": "shipments: counted as of 20:00 only"}
    assert held(report, [("bf", FRIDAY)]) == ""
    report["days"][0]["settlements"][0] |= {"state": "held", "waiting_for": "not-estimated: no method for ads"}
    assert held(report, [("bf", FRIDAY)]) == "2025-11-28 settlement 1: not-estimated: no method for ads"
    assert held(report, [("another", FRIDAY)]) == ""
