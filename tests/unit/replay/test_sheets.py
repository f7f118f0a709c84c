"""CSV and Excel sheets through mappings: every row has one end, a bad one costs its neighbours nothing."""

from __future__ import annotations

import contextlib
import re
import tempfile
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from replay.inputs import choose_mapping, examine_sheet
from replay.rows import Parsed, State
from replay.sheets.mapping import parse_mapping
from replay.sheets.read import Sheet
from replay.sheets.shape import SheetOptions
from shared.errors import Rejected

MAILS = """
name: mails
about: a test
event: email
skip: [{column: Name, pattern: '^Total', because: total}]
fields:
  template: {column: Name}
  occurred_at: {column: Sent}
  kind: {constant: marketing}
  recipients: {column: To}
  bytes: {column: Size, unit: kB}
"""
HEAD = "Name,Sent,To,Size\n"
GOOD = "a,2026-11-27,100,80\n"


def ends(rows: list[Parsed]) -> list[tuple[int, str]]:
    return [(row.row, row.field if row.state is State.REJECTED else row.state.name) for row in rows]


def test_a_row_becomes_an_event(
    read_sheet: Callable[..., list[Parsed]], event_of: Callable[..., dict[str, Any]]
) -> None:
    (parsed,) = read_sheet(HEAD + GOOD, MAILS, shop="FR", zone="Europe/Paris", country="FR")
    found = event_of(parsed)
    assert len(found.pop("event_id")) == 64
    assert found == {
        **{"schema_version": 1, "shop": "FR", "source_system": "mails", "country": "FR", "template": "a"},
        **{"occurred_at": "2026-11-27T12:00:00+01:00", "kind": "marketing", "recipients": 100, "bytes": 80_000},
    }
    assert parsed.records[0].timestamp_ms == 1_795_777_200_000


def test_bad_rows_name_field_and_reason_and_their_neighbours_stay(read_sheet: Callable[..., list[Parsed]]) -> None:
    rows = read_sheet(
        HEAD + GOOD + "b,someday,1,1\nc,2026-11-27,-5,1\nd,2026-11-27,,1\ne,2026-11-27,1.5,1\n"
        "f,2026-11-27,0,1\n,,,\nTotal,,100,\n" + GOOD,
        MAILS,
    )
    assert ends(rows) == [
        *((2, "SENT"), (3, "occurred_at"), (4, "recipients"), (5, "recipients"), (6, "recipients"), (7, "recipients")),
        *((8, "NOT_TRAFFIC"), (9, "NOT_TRAFFIC"), (10, "SENT")),
    ]
    assert rows[1].reason == "Sent: 'someday' is not a date like 2026-11-27"
    assert rows[2].reason == "To: '-5' is negative"
    assert rows[3].reason == "the row does not give it"
    assert rows[5].reason == "Input should be greater than or equal to 1"
    assert (rows[6].reason, rows[7].reason) == ("blank row", "total")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + GOOD,
        "\ufeff" + HEAD + GOOD,
        (HEAD + GOOD).replace("\n", "\r\n"),
        (HEAD + GOOD).rstrip("\n"),
        (HEAD + GOOD).replace(",", ";"),
        (HEAD + GOOD).replace(",", "\t"),
        (HEAD + GOOD).replace(",", "|"),
        "Report of November\n\nfor,somebody\n" + HEAD + GOOD,
        HEAD.replace("Name", '" NAME "').replace("To", "to") + GOOD,
        HEAD.replace("\n", ",,\n") + GOOD,
        HEAD + GOOD.replace("\n", ",,\n"),
    ],
)
def test_sheets_as_they_come(read_sheet: Callable[..., list[Parsed]], text: str) -> None:
    sent = [row for row in read_sheet(text, MAILS) if row.state is State.SENT]
    assert len(sent) == 1


def test_a_quoted_cell_may_go_on_over_lines(read_sheet: Callable[..., list[Parsed]]) -> None:
    rows = read_sheet(HEAD + '"a\n""b""\nc",2026-11-27,100,80\n' + GOOD, MAILS)
    assert ends(rows) == [(2, "SENT"), (5, "SENT")]


@pytest.mark.parametrize(
    "bad",
    [
        '"never closed,2026-11-27,100,80\n',
        'a,2026-11-27,"100,80\n',
        "too,short\n",
        "a,2026-11-27,100,80,and,more\n",
        "x" * 70_000 + "\n",
    ],
)
def test_a_broken_row_costs_its_neighbours_nothing(read_sheet: Callable[..., list[Parsed]], bad: str) -> None:
    rows = read_sheet(HEAD + GOOD + bad + GOOD * 150, MAILS)
    assert [row.state for row in rows].count(State.SENT) == 151
    assert ends(rows)[1] == (3, "row")


def test_a_short_total_is_a_total_and_a_short_row_is_no_empty_cell(read_sheet: Callable[..., list[Parsed]]) -> None:
    mapping = MAILS.replace("skip: [", "skip: [{column: Sent, pattern: '^$', because: not sent yet}, ")
    rows = read_sheet(HEAD + "Total,\nTotal\na\nb,,5,5\n,,,\n", mapping)
    assert [row.reason for row in rows] == [
        *("total", "total", "the row has 1 values, the header has 4", "not sent yet", "blank row"),
    ]


def test_a_quote_inside_a_cell_is_a_quote(read_sheet: Callable[..., list[Parsed]]) -> None:
    (row,) = read_sheet(HEAD + 'TV 5" screen,2026-11-27,100,80\n', MAILS)
    assert row.state is State.SENT


def test_a_row_in_another_encoding_is_read_and_flagged(
    read_sheet: Callable[..., list[Parsed]], event_of: Callable[..., dict[str, Any]]
) -> None:
    content = HEAD.encode() + "Été,2026-11-27,1,1\n".encode() + "Été,2026-11-27,1,1\n".encode("cp1252")
    utf8, ansi = read_sheet(content, MAILS)
    assert event_of(utf8)["template"] == event_of(ansi)["template"] == "Été"
    assert (utf8.flags, ansi.flags) == ((), ("read_as_windows_1252",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "Name,Sent,To\n" + GOOD,
            "lacks columns that the mapping mails needs: Size. Its nearest row has: Name, Sent, To",
        ),
        ("Name,Sent,To,Size,To\n", "has the column 'To' 2 times"),
        ("\n\n", "lacks columns"),
    ],
)
def test_a_sheet_without_the_columns_stops_at_once(
    read_sheet: Callable[..., list[Parsed]], text: str, says: str
) -> None:
    with pytest.raises(Rejected, match=says):
        read_sheet(text, MAILS)


def excel(*parts: int) -> datetime:
    """A time as Excel holds it: without a zone."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def workbook(path: Path, rows: list[list[Any]], title: str = "Mailings") -> Path:
    book = Workbook()
    book.active.title = "Read me"
    book.active.append(["This is a report"])
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def test_excel_cells_count_with_their_own_types(
    tmp_path: Path, read_sheet: Callable[..., list[Parsed]], event_of: Callable[..., dict[str, Any]]
) -> None:
    rows: list[list[Any]] = [
        ["Mailings 2026", None],
        [],
        ["Name", "Sent", "To", "Size"],
        ["a", excel(2026, 11, 27, 9, 30), 1_000_000, 80.5, None, "a note"],
        ["b", "2026-11-28", "2,500", "#REF!"],
        [None, None],
        ["c", excel(2026, 11, 29), 5.0, 1],
        *([[None]] * 20),
    ]
    found = read_sheet(workbook(tmp_path / "mails.xlsx", rows), MAILS, zone="Europe/Paris")
    assert ends(found) == [(4, "SENT"), (5, "bytes"), (6, "NOT_TRAFFIC"), (7, "SENT")]
    assert event_of(found[0])["occurred_at"] == "2026-11-27T09:30:00+01:00"
    assert (event_of(found[0])["recipients"], event_of(found[0])["bytes"]) == (1_000_000, 80_500)
    assert event_of(found[3])["occurred_at"] == "2026-11-29T12:00:00+01:00"


def test_a_sheet_may_be_named(tmp_path: Path, read_sheet: Callable[..., list[Parsed]]) -> None:
    path = workbook(tmp_path / "mails.xlsx", [["Name", "Sent", "To", "Size"], ["a", "2026-11-27", 1, 1]], "Nov")
    assert len(read_sheet(path, MAILS + "sheet: Nov\n")) == 1
    with pytest.raises(Rejected, match="has no sheet 'Dec'; it has Read me, Nov"):
        read_sheet(path, MAILS + "sheet: Dec\n")


def test_a_zip_that_is_no_workbook_stops_at_once(tmp_path: Path, read_sheet: Callable[..., list[Parsed]]) -> None:
    path = tmp_path / "mails.xlsx"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("hello.txt", "hello")
    with pytest.raises(Rejected, match="is a zip but not an Excel workbook"):
        read_sheet(path, MAILS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(Rejected, match="is a zip but not an Excel workbook"):
        read_sheet(path, MAILS)


PARCELS = """
name: parcels
about: a test
event: shipment
fields:
  shipment_id: {column: Id}
  occurred_at: {column: Day}
  weight_g: {column: Weight, unit: kg}
  covered_by_shipment: {column: Inside, another_row: true}
"""


def test_a_reference_to_no_row_is_dropped_or_reported(
    read_sheet: Callable[..., list[Parsed]], event_of: Callable[..., dict[str, Any]]
) -> None:
    text = "Id,Day,Weight,Inside\n" + "".join(
        f"{row}\n"
        for row in ("a,2025-11-27,1,", "b,2025-11-27,,a", "c,2025-11-27,,z", "d,2025-11-27,,e", "e,2025-11-27,,d")
    )
    dropped = read_sheet(text, PARCELS)
    assert ["covered_by_shipment" in event_of(row) for row in dropped] == [False, True, False, False, False]
    assert [row.flags for row in dropped[2:]] == [("reference_dangling_estimated_by_default",)] * 3
    reported = read_sheet(text, PARCELS.replace(", another_row: true", ""))
    assert event_of(reported[2])["covered_by_shipment"] == "z"
    assert [bool(row.flags) for row in reported] == [False, False, True, True, True]
    assert reported[2].flags == ("covered_by_a_shipment_that_is_not_in_this_sheet",)


def repacked(path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The same workbook with its parts changed; ``None`` leaves a part out."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            if (changed := change(name, content)) is not None:
                book.writestr(name, changed)
    return path


@pytest.mark.parametrize("extent", [b"A1", b"A1:C3", b"B2:B2", b"A1:XFD1048576"])
def test_no_row_vanishes_when_a_workbook_names_a_wrong_extent(
    tmp_path: Path, read_sheet: Callable[..., list[Parsed]], extent: bytes
) -> None:
    rows = [["Name", "Sent", "To", "Size"], *(["a", "2026-11-27", n, 1] for n in range(1, 51))]
    path = workbook(tmp_path / "mails.xlsx", rows)
    repacked(path, lambda _, part: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="%b"' % extent, part))
    assert [row.state for row in read_sheet(path, MAILS)] == [State.SENT] * 50


@given(st.data())
def test_a_damaged_workbook_is_read_or_refused_with_a_sentence(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = workbook(Path(folder) / "mails.xlsx", [["Name", "Sent", "To", "Size"], ["a", "2026-11-27", 1, 1]])
        with zipfile.ZipFile(path) as book:
            victim = data.draw(st.sampled_from(book.namelist()))
        cut, gone, put = data.draw(st.tuples(st.integers(0, 3000), st.integers(0, 300), st.binary(max_size=3)))
        if data.draw(st.booleans()):
            damaged = path.read_bytes()
            path.write_bytes(b"PK\x03\x04" + damaged[4:cut] + put + damaged[cut + gone :])
        else:
            repacked(
                path,
                lambda name, part: part if name != victim else (part[:cut] + put + part[cut + gone :] or None),
            )
        with contextlib.suppress(Rejected):
            sheet = Sheet(path, parse_mapping(MAILS, "mails"), examine_sheet(path).sha256, SheetOptions())
            assert all(row.row > 1 for row in sheet.rows())


def test_a_quantity_that_nobody_means_is_rejected_and_not_split_for_ever(
    read_sheet: Callable[..., list[Parsed]],
) -> None:
    huge, more = read_sheet(HEAD + f"a,2026-11-27,{'9' * 30},1\nb,2026-11-27,200000000000,1\n", MAILS)
    assert (huge.field, more.field) == ("recipients", "recipients")
    assert more.reason == "200000000000 is more than 10000 events can hold"


def test_faces_beyond_the_limit_of_one_event_are_split(
    read_sheet: Callable[..., list[Parsed]], event_of: Callable[..., dict[str, Any]]
) -> None:
    (row,) = read_sheet(
        "Placement;Format;Start;End;Faces;Area (m2)\nx;Poster;27/11/2025;30/11/2025;70000;0,01\n", "ooh-media-plan"
    )
    assert [event_of(row, part)["faces"] for part in range(3)] == [23_334, 23_333, 23_333]


def test_a_mailing_beyond_one_event_is_split_and_nothing_is_lost(
    read_sheet: Callable[..., list[Parsed]], event_of: Callable[..., dict[str, Any]]
) -> None:
    (row,) = read_sheet(HEAD + "a,2026-11-27,25000001,120\n", MAILS)
    parts = [event_of(row, number)["recipients"] for number in range(len(row.records))]
    assert sum(parts) == 25_000_001
    assert all(part * 120_000 <= 900_000_000_000 for part in parts)
    assert len({record.key for record in row.records}) == len(parts) == 4
    assert row.flags == ("split_into_several_events",)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8) | st.sampled_from(
    ["2026-11-27", "100", '"', '""', ",", '","']
)


@given(st.lists(st.lists(CELL, max_size=6), max_size=12))
def test_every_line_of_any_csv_is_accounted_for(table: list[list[str]]) -> None:
    text = HEAD + "".join(",".join(row) + "\n" for row in table)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.csv"
        path.write_text(text, "utf-8", newline="")
        rows = list(Sheet(path, parse_mapping(MAILS, "mails"), examine_sheet(path).sha256, SheetOptions()).rows())
    starts = [row.row for row in rows]
    assert starts == sorted(set(starts))
    assert len({record.key for row in rows for record in row.records}) == sum(len(row.records) for row in rows)
    if '"' not in text:
        assert starts == list(range(2, len(table) + 2))


def test_the_mapping_that_suits_is_found_by_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("Placement;Format;Start;End;Faces;Area (m2)\n")
    assert choose_mapping(path, "ads", []).name == "ooh-media-plan"
    with pytest.raises(Rejected, match=r"lacks columns .* \(tried: mailing-campaigns; name another with --mapping\)"):
        choose_mapping(path, "emails", [])


def test_a_sheet_in_utf_16_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes((HEAD + GOOD).encode("utf-16"))
    with pytest.raises(Rejected, match=r"is UTF-16: convert it to UTF-8 \(a sheet: save it as CSV UTF-8\)"):
        examine_sheet(path)
