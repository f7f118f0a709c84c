"""Methods side by side, and what refurbished devices avoid, which is never part of a total."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.unit.methods.support import factor_set, tables

from delivery_emissions import estimate_command as delivery_command
from shared.avoided import avoided_by, avoided_report
from shared.chart import Bar, write_chart
from shared.compare import Reference, compare, compare_lines
from shared.errors import Rejected
from shared.estimate_fields import Fields
from shared.estimate_lines import parse_line
from traffic_meter.estimate_command import all_cases, references


def cells(line: str) -> list[str]:
    return line.split("│")


def bars(**line: object) -> list[Bar]:
    fields = Fields(parse_line(json.dumps(line).encode()))
    return compare(all_cases(fields), references(fields, factor_set()), factor_set())


def test_a_gigabyte_is_148_383_and_291_g_by_the_three_byte_methods_a_factor_of_2_6() -> None:
    found = {bar.label: bar.central for bar in bars(bytes_transferred=10**9)}

    assert round(found["swd-v4"], 1) == Decimal("148.2")
    assert round(found["swd-v3"]) == 383
    assert round(found["one-byte"]) == 291
    assert round(found["swd-v3"] / found["swd-v4"], 1) == Decimal("2.6")


def test_an_email_stands_beside_1_year_of_storage_and_ten_published_figures() -> None:
    found = bars(size_mb=0.12, recipients=1, read_share=0.3, writing_minutes=0, device="smartphone")

    assert [bar.label for bar in found[:2]] == ["ademe-digital, 10 years stored", "ademe-digital, 1 year stored"]
    assert len(found) == 12
    assert found[1].central < found[0].central
    assert all(bar.low == bar.central / 2 and bar.high == bar.central * 2 for bar in found[2:])


def test_a_published_figure_says_whose_its_range_is_and_has_none_where_none_is_known() -> None:
    notes = {bar.label: bar.note for bar in bars(size_mb=1)}
    factors = factor_set()
    bare = Reference.of(factors, "liv.platform.passages")

    assert notes["1 mail (2014)"] == "published figure, range of the source"
    assert notes["Berners-Lee 2010, spam (2010)"] == "published figure, range assumed"
    assert (bare.low, bare.high, bare.note) == (bare.grams, bare.grams, "published figure, no range")


def test_every_bar_has_its_range_in_order() -> None:
    for bar in (*bars(bytes_transferred=10**6), *bars(size_mb=1), *bars(format="display", impressions=9, spend_eur=5)):
        assert bar.low <= bar.central <= bar.high


def test_a_parcel_is_compared_by_all_four_methods() -> None:
    place = {"country": "FR", "city": "Paris"}
    fields = Fields(
        {"weight_g": 800, "category": "phone", "carrier_emissions_g": 300, "country": "FR", "origin": place,
         "destination": {"country": "FR", "city": "Lyon"}}
    )  # fmt: skip

    cases = delivery_command.all_cases(fields, tables(), factor_set())

    assert [case.method.id for case in cases] == ["carrier-figure", "legs", "ademe-parcel", "country-default"]
    assert [case.method.id for case in cases if case.bought] == ["carrier-figure"]


@pytest.mark.parametrize(
    ("line", "chosen"), [({"weight_g": 800}, "ademe-parcel"), ({"weight_g": 31_000}, "legs"), ({}, "country-default")]
)
def test_ratios_are_to_what_the_service_would_buy_on(line: dict[str, object], chosen: str) -> None:
    place = {"country": "FR", "city": "Paris"}
    fields = Fields({**line, "origin": place, "destination": {"country": "FR", "city": "Lyon"}})

    found = delivery_command.all_cases(fields, tables(), factor_set())

    assert [case.method.id for case in found if case.bought] == [chosen]


def test_a_line_that_only_one_method_reads_is_compared_all_the_same() -> None:
    found = delivery_command.all_cases(Fields({"weight_g": Decimal("800.5"), "country": "FR"}), tables(), factor_set())

    assert [(case.method.id, case.bought) for case in found] == [("ademe-parcel", False)]


def test_ratios_leave_out_what_lacks_an_input_and_an_email_spans_0_2_to_300(capsys: pytest.CaptureFixture[str]) -> None:
    mail = b'{"size_mb": 0.12, "read_share": 0.3, "writing_minutes": 0, "device": "smartphone"}\n'
    assert (
        compare_lines(io.BytesIO(b'{"bytes_transferred": 1000000}\n' + mail), all_cases, references, factor_set(), None)
        == 0
    )

    ratios = {
        row[1].strip(): row[6].strip() for row in map(cells, capsys.readouterr().out.splitlines()) if len(row) > 6
    }

    assert (ratios["swd-v4"], ratios["swd-v3"], ratios["one-byte"]) == ("1", "2.58", "1.96")
    assert ratios["device-time (needs dwell_ms)"] == ""
    assert ratios["Berners-Lee 2020, filtered spam (2020)"] == "0.182"
    assert ratios["Berners-Lee 2010, long attachment (2010)"] == "303"


def test_the_chart_is_valid_svg_with_one_group_per_bar_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    found = bars(bytes_transferred=10**6)
    text = write_chart("<title> & more", found)

    root = ElementTree.fromstring(text)
    assert len(root.findall("{http://www.w3.org/2000/svg}g")) == len(found)
    assert text == write_chart("<title> & more", found)
    assert "nan" not in text.lower()


def test_the_chart_is_written_beside_the_table_and_only_as_svg(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = io.BytesIO(b'{"bytes_transferred": 1000000}\n{"bytes_transferred": -1}\n')
    target = tmp_path / "page.svg"

    assert compare_lines(lines, all_cases, references, factor_set(), target) == 1
    assert target.read_text().startswith("<svg")
    with pytest.raises(Rejected, match="svg"):
        compare_lines(io.BytesIO(), all_cases, references, factor_set(), tmp_path / "page.bmp")


def test_every_line_that_is_compared_has_a_chart_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = io.BytesIO(b'{"bytes_transferred": 1}\n{"nonsense": 1}\n\n{"size_mb": 1}\n{"bytes_transferred": 5}\n')

    assert compare_lines(lines, all_cases, references, factor_set(), tmp_path / "page.svg") == 1

    assert sorted(path.name for path in tmp_path.iterdir()) == ["page-4.svg", "page-5.svg", "page.svg"]
    assert "Line 4" in (tmp_path / "page-4.svg").read_text(encoding="utf-8")
    assert "page-5.svg" in capsys.readouterr().out


def test_a_bar_of_0_g_has_a_place() -> None:
    zero = Decimal(0)

    assert "<svg" in write_chart("nothing", [Bar("covered", "", zero, zero, zero)])


def test_1000_smartphones_used_2_years_avoid_49_2_t_and_153_8_t_of_raw_material() -> None:
    found = {item.indicator: item for item in avoided_by("smartphone", 1000, Decimal(2), factor_set())}

    assert found["co2e"].central == 49_200
    assert found["raw_materials"].central == 153_800
    assert found["co2e"].low is not None
    assert found["co2e"].high is not None
    assert found["co2e"].low < 49_200 < found["co2e"].high


def test_a_figure_that_was_not_published_is_a_gap_and_no_number() -> None:
    found = {item.indicator: item for item in avoided_by("smartphone", 1, Decimal(1), factor_set())}

    assert found["water"].central is None
    assert "no figure" in found["water"].note
    assert all(item.central is None for item in avoided_by("tablet", 10, Decimal(1), factor_set()))


def test_what_the_study_does_not_have_is_sold_too_and_is_a_gap() -> None:
    found = avoided_report({"console": 5, "smartphone": 1}, Decimal(1), factor_set())["devices"]

    assert [item["gap"] for item in found["console"]["indicators"]] == ["the study has no such device"] * 4
    first = found["smartphone"]["indicators"][0]
    assert (first["indicator"], first["unit"], first["central"]) == ("co2e", "kgCO2e", "24.6")
    assert (first["year"], first["factor"]) == ("2022", "refurb.phone.co2")
    assert "2022-09" in first["source"]
    assert [item["indicator"] for item in found["smartphone"]["indicators"] if "gap" in item] == ["water", "e_waste"]


def test_314_g_of_waste_are_0_314_kg_a_year_for_a_laptop() -> None:
    found = {item.indicator: item for item in avoided_by("laptop", 1, Decimal(1), factor_set())}

    assert found["e_waste"].central == Decimal("0.314")
    assert "without naming the kind" in found["e_waste"].note


def test_the_report_says_that_nothing_is_subtracted_and_has_no_total() -> None:
    found = avoided_report({"smartphone": 3, "laptop": 0}, Decimal(2), factor_set())

    assert "not subtracted" in found["wording"]
    assert set(found) == {"wording", "years_of_use", "factor_set", "devices"}
    assert found["devices"]["laptop"]["indicators"][0]["central"] == "0"


@pytest.mark.parametrize(
    ("kind", "units", "years", "field"),
    [
        ("fridge", 1, "1", "kind"),
        ("laptop", -1, "1", "units"),
        ("laptop", 1, "31", "years"),
        ("laptop", 1, "NaN", "years"),
    ],
)
def test_wrong_devices_are_refused_by_name(kind: str, units: int, years: str, field: str) -> None:
    with pytest.raises(Rejected) as error:
        avoided_by(kind, units, Decimal(years), factor_set())

    assert error.value.field == field
