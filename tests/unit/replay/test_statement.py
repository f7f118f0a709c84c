"""A carrier's statement in the place of estimates: channel x carrier x month, to the gram."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from replay.account import Lists
from replay.cli import app
from replay.history import History
from replay.inputs import Options
from replay.plan import Files, make_plan
from replay.rows import State
from replay.sheets.statement import Line
from shared.errors import Rejected

NOW = datetime(2026, 12, 5, 12, tzinfo=UTC)
ORDERS = "Order No,Line,Goods Issue Date,Gross Weight,Ship To Country,Carrier\n"
STATED = "Carrier,Month,Parcels,CO2e (kg)\nDPD,2026-11,4,1.001\nGLS,2026-11,,3\nDHL,2026-11,9,31\n"


def run(
    tmp_path: Path, orders: str, stated: str = STATED
) -> tuple[list[dict[str, object]], list[dict[str, str]], Path]:
    (tmp_path / "orders.csv").write_text(ORDERS + orders)
    (tmp_path / "stated.csv").write_text(stated)
    files = Files(shipments=[tmp_path / "orders.csv"], statements=[tmp_path / "stated.csv"])
    plan = make_plan(
        files, [], Options(zone="Europe/Paris"), History(tmp_path / "h.json"), again=False, shift_to=None, now=NOW
    )
    with Lists(tmp_path) as lists:
        events = [json.loads(record.value) for record in plan.records(lists)]
    plan.check()
    assert plan.statements is not None
    plan.statements.write(tmp_path / "statements.csv")
    with (tmp_path / "statements.csv").open() as file:
        return events, list(csv.DictReader(file)), tmp_path


def test_a_statement_gives_every_parcel_of_its_carrier_and_month_its_share(tmp_path: Path) -> None:
    orders = (
        "1,1,2026-11-02,1,FR,DPD\n2,1,2026-11-30,9,FR,dpd\n3,1,2026-12-01,1,FR,DPD\n"
        "4,1,2026-11-05,1,FR,GLS\n5,1,2026-11-06,1,FR,GLS\n6,1,2026-11-06,1,FR,\n"
    )
    events, evidence, out = run(tmp_path, orders)
    given_g = {event["shipment_id"]: event.get("carrier_emissions_g") for event in events if event.get("order_id")}
    assert given_g == {
        "erp-1-1": 250,
        "erp-2-1": 250,
        "erp-3-1": None,
        "erp-4-1": 1500,
        "erp-5-1": 1500,
        "erp-6-1": None,
    }
    spread = [event for event in events if str(event["shipment_id"]).startswith("statement-DHL")]
    assert (len(spread), sum(int(str(event["carrier_emissions_g"])) for event in spread)) == (30, 31_000)
    source = ("stated.csv", hashlib.sha256(STATED.encode()).hexdigest())
    assert [tuple(line.values()) for line in evidence] == [
        ("dhl", "2026-11", "31000", "9", "0", "0", "31000", "0", *source, "4"),
        ("dpd", "2026-11", "1001", "4", "2", "500", "0", "501", *source, "2"),
        ("gls", "2026-11", "3000", "0", "2", "3000", "0", "0", *source, "3"),
    ]
    not_sent = (out / "not-traffic.csv").read_text().splitlines()
    assert not_sent[1:] == [
        "stated.csv,2,carrier_emissions_g,replaces the estimates of shipments in this run",
        "stated.csv,3,carrier_emissions_g,replaces the estimates of shipments in this run",
    ]


def test_rows_that_are_not_sent_have_no_part_in_a_statement(tmp_path: Path) -> None:
    stated = "Carrier,Month,Service,Parcels,CO2e (kg),Country\n" + (
        "DPD,2026-11,Home,2,1,FR\n"
        "DPD,2026-11,Home,2,1,FR\n"  # the same line again
        "DPD,2026-11,Shop,9,9,Atlantis\n"
        "DPD,2027-11,Home,9,9,FR\n"
    )
    orders = (
        "1,1,2026-11-02,1,FR,DPD\n"
        "1,1,2026-11-03,1,FR,DPD\n"  # the id of another row
        "2,1,2026-11-03,2000000,FR,DPD\n"  # two thousand tonnes: the contract refuses it
        "3,1,2062-11-03,1,FR,DPD\n"
        "4,1,2026-11-04,1,FR,DPD\n"
    )
    events, evidence, out = run(tmp_path, orders, stated)
    assert [(event["shipment_id"], event["carrier_emissions_g"]) for event in events] == [
        ("erp-1-1", 500),
        ("erp-4-1", 500),
    ]
    assert [tuple(line.values())[:8] for line in evidence] == [("dpd", "2026-11", "1000", "2", "2", "1000", "0", "0")]
    listed = [row.split(",")[:3] for row in (out / "rejected.csv").read_text().splitlines()[1:]]
    assert sorted(listed) == [
        ["orders.csv", "3", "shipment_id"],
        ["orders.csv", "4", "weight_g"],
        ["orders.csv", "5", "occurred_at"],
        ["stated.csv", "3", "shipment_id"],
        ["stated.csv", "4", "country"],
        ["stated.csv", "5", "month"],
    ]


def test_what_a_statement_and_the_sheets_do_not_agree_on_is_said(tmp_path: Path) -> None:
    stated = "Carrier,Month,Service,Parcels,CO2e (kg)\nDPD,2026-11,A,2,1\nGLS,2026-11,A,4,1\nGLS,2026-11,B,4,1\n"
    (tmp_path / "stated.csv").write_text(stated)
    (tmp_path / "orders.csv").write_text(
        ORDERS + "1,1,2026-11-02,1,FR,DPD SE\n2,1,2026-11-03,1,FR,DPD SE\n"
        "3,1,2026-11-04,1,FR,\n4,1,2026-11-04,1,FR,GLS\n"
    )
    command = ["run", "--shipments", "orders.csv", "--statement", "stated.csv", "--dry-run", "--out", "out"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    warnings = [
        "the statement of dpd for 2026-11 is counted beside the estimates, not in their place: the sheets have "
        "shipments of that month, but none of that carrier; they have dpd se (2), no carrier (1). If it is one of "
        "these, give both one name",
        "the statement of gls for 2026-11: 1,750 of its 2,000 g belong to parcels that no sheet holds (1 of 8 are "
        "there); no event carries them",
    ]
    for warning in warnings:
        assert f"Warning: {warning}." in result.output
    summary = json.loads((tmp_path / "out" / "dry-run" / "summary.json").read_text())
    assert summary["warnings"] == warnings
    sha256 = hashlib.sha256(stated.encode()).hexdigest()
    assert [entry["evidence"] for entry in summary["statements"]] == [
        [{"file": "stated.csv", "sha256": sha256, "rows": [2]}],
        [{"file": "stated.csv", "sha256": sha256, "rows": [3, 4]}],
    ]


def test_a_statement_without_a_carriers_name_is_not_about_shipments_without_one(tmp_path: Path) -> None:
    events, _, _ = run(tmp_path, "1,1,2026-11-02,1,FR,\n", "Carrier,Month,Parcels,CO2e (kg)\n---,2026-11,1,1\n")
    assert [event.get("carrier_emissions_g") for event in events if event.get("order_id")] == [None]


def test_a_statement_in_the_wrong_unit_stops_before_it_spoils_every_shipment(tmp_path: Path) -> None:
    stated = "Carrier,Month,Parcels,CO2e (t)\nDPD,2026-11,1,1000000\n"
    with pytest.raises(Rejected, match="the statement of dpd for 2026-11 has 1,000,000,000,000 g for 1 parcels"):
        run(tmp_path, "1,1,2026-11-02,1,FR,DPD\n", stated)


def test_the_days_of_a_run_with_a_statement_are_the_days_of_its_month(tmp_path: Path) -> None:
    (tmp_path / "stated.csv").write_text(STATED)
    files = Files(statements=[tmp_path / "stated.csv"])
    plan = make_plan(files, [], Options(), History(tmp_path / "h.json"), again=False, shift_to=None, now=NOW)
    assert (plan.first_day, plan.last_day) == (date(2026, 11, 1), date(2026, 11, 30))
    assert {row.state for row in plan.inputs[0].rows(None)} == {State.SENT}


@given(st.integers(0, 10**9), st.integers(0, 300), st.integers(0, 300))
def test_shares_are_whole_grams_and_add_up(grams: int, parcels: int, in_sheets: int) -> None:
    line = Line(grams, parcels, in_sheets)
    shares = [line.next_share() for _ in range(line.divisor)]
    assert sum(shares) == grams
    assert max(shares) - min(shares) <= 1
