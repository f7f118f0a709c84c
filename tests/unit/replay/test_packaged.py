"""The packaged mappings on small sheets of their kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from replay.rows import Parsed, State

Read = Callable[..., list[Parsed]]
EventOf = Callable[..., dict[str, Any]]

SHIPSTATION = """Order - Number,Date - Order Date,Date - Shipped Date,Order - Status,Carrier - Carrier Selected,\
Carrier - Service Selected,Weight - TotalOz,Dimensions - Length,Dimensions - Width,Dimensions - Height,\
Ship To - Country,Ship To - Postal Code,Ship To - City,Ship To - Name
1046,11/27/2026 9:15:00 PM,11/28/2026 10:00:00 AM,Shipped,UPS,UPS Ground,16,10,4,2,US,49503,Grand Rapids,Jane Roe
1047,11/27/2026 9:16:00 PM,11/30/2026 10:00:00 AM,Shipped,USPS,Priority,,,,,United Kingdom,SW1A 1AA,London,Joe
1048,11/27/2026 9:17:00 PM,,Awaiting Shipment,,,5,,,,US,10001,New York,Jim
1049,11/27/2026 9:18:00 PM,11/28/2026 11:00:00 AM,Cancelled,,,5,,,,US,10001,New York,Jil
1046,11/27/2026 9:15:00 PM,11/28/2026 10:00:00 AM,Shipped,UPS,UPS Ground,16,10,4,2,US,49503,Grand Rapids,Jane Roe
"""


def test_shipstation(read_sheet: Read, event_of: EventOf) -> None:
    rows = read_sheet(SHIPSTATION, "shipstation-export", zone="America/Los_Angeles")
    first = event_of(rows[0])
    assert (first["shipment_id"], first["order_id"]) == ("shipstation-1046", "1046")
    assert first["occurred_at"] == first["shipped_at"] == "2026-11-28T10:00:00-08:00"
    assert first["ordered_at"] == "2026-11-27T21:15:00-08:00"
    assert (first["weight_g"], first["volume_cm3"]) == (454, 1311)
    assert first["destination"] == {"country": "US", "postal_code": "49503", "city": "Grand Rapids"}
    assert (first["carrier"], first["service"]) == ("UPS", "UPS Ground")
    second = event_of(rows[1])
    assert second["country"] == "GB"
    assert "weight_g" not in second
    assert rows[1].flags == ("weight_not_given",)
    assert [(row.state, row.reason) for row in rows[2:]] == [
        (State.NOT_TRAFFIC, "not shipped yet"),
        (State.NOT_TRAFFIC, "cancelled"),
        (State.REJECTED, "'shipstation-1046' is already the id of row 2"),
    ]
    assert b"Jane" not in rows[0].records[0].value


ERP = """Order No;Line;Order Date;Goods Issue Date;Order Type;Status;Category;Gross Weight;Weight Unit;Carrier;\
Warehouse Country;Warehouse Postal Code;Ship To Country;Ship To Postal Code;Delivery Option
4711;10;27.11.2026;28.11.2026;Sale;Done;phone;0.45;KG;DPD;PL;61-001;DE;10115;Locker
4711;20;27.11.2026;28.11.2026;Sale;Done;laptop;6;LB;DPD;PL;61-001;DE;10115;Home
4712;10;27.11.2026;02.12.2026;Return;Done;tv;700;OZ;GLS;DE;10115;FR;75011;
4713;10;27.11.2026;28.11.2026;Sale;Cancelled;tv;1;KG;GLS;DE;10115;FR;75011;
4714;10;27.11.2026;28.11.2026;Sale;Done;tv;1;stone;GLS;DE;10115;FR;75011;
Total;;;;;;;9;;;;;;;
"""


def test_erp_orders_with_a_unit_in_every_row(read_sheet: Read, event_of: EventOf) -> None:
    rows = read_sheet(ERP, "erp-order-export", zone="Europe/Berlin")
    found = [event_of(row) for row in rows[:3]]
    assert [event["weight_g"] for event in found] == [450, 2722, 19_845]
    assert [event["shipment_id"] for event in found] == ["erp-4711-10", "erp-4711-20", "erp-4712-10"]
    assert [event["direction"] for event in found] == ["outbound", "outbound", "return"]
    assert found[0]["delivery_option"] == "pickup_point"
    assert found[0]["origin"] == {"country": "PL", "postal_code": "61-001"}
    assert found[0]["ordered_at"] == "2026-11-27T12:00:00+01:00"
    assert [(row.state, row.field) for row in rows[3:]] == [
        (State.NOT_TRAFFIC, "Status"),
        (State.REJECTED, "weight_g"),
        (State.NOT_TRAFFIC, "Order No"),
    ]
    assert rows[4].reason == "Gross Weight: 'stone' is not a unit of mass; there are g, kg, t, mg, lb, oz"


MAILCHIMP = """Title,Subject,List,Send Date,Send Weekday,Total Recipients,Successful Deliveries,Unique Opens,Open Rate
Black Friday,Everything off,FR,"Nov 27, 2026 09:00 am",Friday,"1,250,000","1,240,000","400,000",32.3%
Reminder,Last hours,FR,"Nov 30, 2026 09:30 pm",Monday,1000,990,2000,200%
"""


def test_a_mail_providers_export(read_sheet: Read, event_of: EventOf) -> None:
    rows = read_sheet(MAILCHIMP, "mailing-campaigns", zone="Europe/Paris", country="FR")
    first, second = event_of(rows[0]), event_of(rows[1])
    assert (first["template"], first["kind"], first["recipients"], first["bytes"]) == (
        *("Black Friday", "marketing", 1_250_000, 120_000),
    )
    assert first["occurred_at"] == "2026-11-27T09:00:00+01:00"
    assert first["read_share"] == 0.32
    assert rows[0].flags == ("size_not_given_120_kB",)
    assert second["read_share"] == 1.0
    assert "opens_above_recipients_taken_as_all" in rows[1].flags


def test_a_mailing_sheet_with_sizes(read_sheet: Read, event_of: EventOf) -> None:
    (row,) = read_sheet("Campaign;Sent;Recipients;Opens;Size (KB)\nA;27/11/2026 09:00;10;1;82.5\n", "mailing-campaigns")
    assert (event_of(row)["bytes"], row.flags) == (82_500, ())


def test_a_media_plan_in_excel_with_titles_and_a_total(tmp_path: Path, read_sheet: Read, event_of: EventOf) -> None:
    book = Workbook()
    for line in (
        ["OUT OF HOME - November 2026"],
        ["Agency XY", None, "confidential"],
        [],
        ["Placement", "City", "Format", "Faces", "Start", "End", "Width (cm)", "Height (cm)", "Hours per day", "SOT"],
        ["Metro Paris 4x3", "Paris", "Poster", 120, "23/11/2026", "06/12/2026", 400, 300, 12, None],
        ["Gare de Lyon", "Paris", "DOOH", 8, "27/11/2026", "27/11/2026", 120, 180, 18, "1/6"],
        ["Bus", "Lyon", "Bus wrap", 8, "27/11/2026", "28/11/2026", 120, 180, None, None],
        ["Backwards", "Lyon", "Poster", 8, "28/11/2026", "27/11/2026", 120, 180, None, None],
        ["Total", None, None, 144],
    ):
        book.active.append(line)
    book.save(tmp_path / "plan.xlsx")
    rows = read_sheet(tmp_path / "plan.xlsx", "ooh-media-plan", zone="Europe/Paris", country="FR")
    poster, screen = event_of(rows[0]), event_of(rows[1])
    assert (poster["format"], poster["faces"], poster["starts_on"], poster["days"], poster["area_cm2"]) == (
        *("ooh_poster", 120, "2026-11-23", 14, 120_000),
    )
    assert (screen["format"], screen["days"], screen["lit_hours"]) == ("ooh_screen", 1, 18.0)
    assert screen["loop_share"] == pytest.approx(1 / 6)
    assert [(row.row, row.field, row.reason) for row in rows[2:]] == [
        (7, "format", "Format: 'Bus wrap' is not in the mapping's table"),
        (8, "ends_on", "2026-11-27 is before 2026-11-28"),
        (9, "Placement", "total"),
    ]


def test_a_carriers_statement_alone_counts_evenly_over_its_month(read_sheet: Read, event_of: EventOf) -> None:
    text = "Carrier,Month,Service,Parcels,CO2e WTW (kg)\nDPD,2026-11,Classic,1000,100.000007\nTotal,,,,100\n"
    row, total = read_sheet(text, "carrier-statement", zone="Europe/Paris")
    events = [event_of(row, number) for number in range(len(row.records))]
    assert [event["occurred_at"][:10] for event in events] == [f"2026-11-{day:02d}" for day in range(1, 31)]
    assert sum(event["carrier_emissions_g"] for event in events) == 100_000
    assert {event["carrier_emissions_g"] for event in events} == {3333, 3334}
    assert len({event["shipment_id"] for event in events}) == 30
    assert events[0]["shipment_id"] == "statement-DPD-2026-11-Classic-01"
    assert "month" not in events[0]
    assert total.state is State.NOT_TRAFFIC


@pytest.mark.parametrize("name", ["Total look -30%", "TotalEnergies station", "Total Express", "Total-7", "Totaled"])
def test_a_row_whose_name_begins_like_a_total_is_a_row(read_sheet: Read, name: str) -> None:
    sheets = {
        "mailing-campaigns": f"Title,Send Date,Recipients\n{name},2026-11-27,5\n",
        "ooh-media-plan": f"Placement,Format,Start,End,Faces,Area (m2)\n{name},OOH,27/11/2026,27/11/2026,4,2\n",
        "carrier-statement": f"Carrier,Month,CO2e (kg)\n{name},2026-11,5\n",
        "erp-order-export": f"Order No,Line,Goods Issue Date,Gross Weight,Ship To Country\n{name},1,2026-11-27,1,FR\n",
    }
    for mapping, text in sheets.items():
        assert [row.state for row in read_sheet(text, mapping)] == [State.SENT], mapping


@pytest.mark.parametrize(
    "name", ["Total", "TOTAL:", "Totals", "Grand total", "Grand-Total :", "Subtotal", "Sub-total", "Total général"]
)
def test_a_total_row_is_no_event(read_sheet: Read, name: str) -> None:
    (row,) = read_sheet(f"Title,Send Date,Recipients\n{name},,5\n", "mailing-campaigns")
    assert (row.state, row.reason) == (State.NOT_TRAFFIC, "total")


@pytest.mark.parametrize("weight", ["0", "0.0", "0,00", "00"])
def test_a_weight_of_nothing_is_a_weight_that_was_not_given(read_sheet: Read, event_of: EventOf, weight: str) -> None:
    head = "Order No;Line;Goods Issue Date;Gross Weight;Ship To Country\n"
    (row,) = read_sheet(f"{head}1;1;2026-11-27;{weight};FR\n", "erp-order-export")
    assert "weight_g" not in event_of(row)
    assert row.flags == ("weight_not_given",)
    first_two = "\n".join(SHIPSTATION.splitlines()[:2]).replace(",16,", f",{weight.replace(',', '.')},")
    (row,) = read_sheet(first_two, "shipstation-export")
    assert "weight_g" not in event_of(row)
    assert row.flags == ("weight_not_given",)
    (row,) = read_sheet(f"{head}1;1;2026-11-27;0.01;FR\n", "erp-order-export")
    assert event_of(row)["weight_g"] == 10
