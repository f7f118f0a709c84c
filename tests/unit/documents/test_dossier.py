"""The audit file: complete, checkable offline, and it notices what was changed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from offset_purchaser.claims import find_claims
from offset_purchaser.documents.accounting import bilan_carbone_csv, esrs_e1_7_csv, ghg_protocol_csv
from offset_purchaser.documents.dossier import build_dossier, dossier_name, verify_dossier
from offset_purchaser.documents.dossier_data import RECORDED, DossierData, RegisterLine, Treatment, owed_of, total_of
from offset_purchaser.documents.example import example_content, example_lines
from offset_purchaser.documents.tables import calculation_csv, read_csv
from shared.estimate import ChannelName

MIDNIGHT = datetime(2026, 11, 26, 23, tzinfo=UTC)
FACTORS = hashlib.sha256(b"factors").hexdigest()


def register(n: int, channel: ChannelName, ug: tuple[int, int, int], treatment: Treatment = "bought") -> RegisterLine:
    delivery = channel is ChannelName.DELIVERY
    return RegisterLine(
        topic="shipments" if delivery else "site-traffic",
        partition=n % 3,
        log_epoch=0,
        quarter=MIDNIGHT + timedelta(minutes=15 * n),
        channel=channel,
        shop="FR",
        country="FR",
        payer="carrier" if treatment == "paid_by_others" else "",
        detail=f"kind=view;n={n}",
        treatment=treatment,
        events=10 + n,
        late=0,
        activity='{"bytes_transferred": 12}',
        method="ademe-parcel" if delivery else "swd-v4",
        method_version="1.0.0",
        factor_set="2026.1",
        factor_set_sha256=FACTORS,
        factor_group="parcel" if delivery else "grid",
        ghg_scope=3,
        ghg_category="3.4 Upstream transportation and distribution" if delivery else "3.1 Purchased goods and services",
        data_quality=3,
        low_ug=ug[0],
        central_ug=ug[1],
        high_ug=ug[2],
        revision=1,
        through_offset=100 + n,
    )


LINES = (
    register(1, ChannelName.SITE, (1_000_000, 2_500_000, 4_000_000)),
    register(2, ChannelName.SITE, (2_000_000, 3_000_000, 5_000_000)),
    register(3, ChannelName.DELIVERY, (30_000_000, 40_000_001, 60_000_000)),
    register(4, ChannelName.DELIVERY, (1_000_000, 2_000_000, 3_000_000), "paid_by_others"),
    register(5, ChannelName.SITE, (7_000_000, 8_000_000, 9_000_000), "bots"),
)


def record(lines: tuple[RegisterLine, ...]) -> bytes:
    return "\n".join(
        "|".join(["r", *(str(getattr(line, name)) for name in RECORDED), line.activity]) for line in lines
    ).encode()


def data(lines: tuple[RegisterLine, ...] = LINES, **changes: Any) -> DossierData:
    owed, paid = owed_of(lines, changes.get("cover", "central"))
    balance = {
        "first_offset": 0,
        "next_offset": 120,
        "counted": 100,
        "duplicate": 10,
        "rejected": 9,
        "skipped": 1,
        "lost": 0,
    }
    fields: dict[str, Any] = {
        "campaign_id": "black-friday-2026",
        "campaign_name": "Black Friday 2026",
        "legal_entity": "fr",
        "mode": "live",
        "day": date(2026, 11, 27),
        "number": 1,
        "frozen_at": datetime(2026, 11, 28, 2, tzinfo=UTC),
        "owed_g": owed,
        "paid_by_others_g": paid,
        "waived_g": 0,
        "committed_g": 5,
        "need_g": owed - paid - 5,
        "lines_sha256": hashlib.sha256(record(lines)).hexdigest(),
        "record": record(lines),
        "sources": [{"topic": "site-traffic", "partition": 0, "log_epoch": 0, **balance}],
        "registers": lines,
        "orders": example_lines(),
        "contents": [example_content()],
        "factors": [{"name": "2026.1.csv", "content": b"id,value\n"}],
        "documents": [{"name": "ST-2026-00042.pdf", "content": b"%PDF-1.7"}],
        "certificates": [{"name": "RET-2026-1187.pdf", "content": b"%PDF-1.4"}],
    }
    return DossierData.model_validate({**fields, **changes})


def written(folder: Path, content: bytes) -> Path:
    path = folder / "dossier.zip"
    path.write_bytes(content)
    return path


def repacked(content: bytes, changes: dict[str, bytes], honest_manifest: bool = False) -> bytes:
    """The dossier with files replaced, as a forger would; with ``honest_manifest`` the hashes are made to fit."""
    with zipfile.ZipFile(BytesIO(content)) as source:
        entries = {name: source.read(name) for name in source.namelist()} | changes
    if honest_manifest:
        entries["manifest.json"] = json.dumps(
            {n: {"sha256": hashlib.sha256(c).hexdigest()} for n, c in entries.items() if n != "manifest.json"}
        ).encode()
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name, entry in entries.items():
            target.writestr(name, entry)
    return out.getvalue()


def faults(path: Path) -> list[str]:
    return [finding.what for finding in verify_dossier(path) if not finding.ok]


def test_an_untouched_dossier_has_no_faults(tmp_path: Path) -> None:
    findings = verify_dossier(written(tmp_path, build_dossier(data())))
    assert [finding.what for finding in findings if not finding.ok] == []
    assert {"owed grams", "needed grams", "the registers are those of the record"} <= {f.what for f in findings}


def test_the_same_data_give_the_same_bytes() -> None:
    assert build_dossier(data()) == build_dossier(data())
    assert dossier_name(data()) == "dossier-black-friday-2026-2026-11-27-1.zip"


def test_a_dossier_holds_everything_an_auditor_asks_for() -> None:
    with zipfile.ZipFile(BytesIO(build_dossier(data()))) as archive:
        assert archive.namelist() == [
            "README.txt",
            "accounting/bilan-carbone.csv",
            "accounting/esrs-e1-7.csv",
            "accounting/ghg-protocol.csv",
            "calculation.csv",
            "certificates/RET-2026-1187.pdf",
            "documents/ST-2026-00042.content.json",
            "documents/ST-2026-00042.pdf",
            "factors/2026.1.csv",
            "manifest.json",
            "methods.csv",
            "orders.csv",
            "recompute.xlsx",
            "record.txt",
            "registers.csv",
            "settlement.json",
            "sources.csv",
        ]


@pytest.mark.parametrize("name", ["registers.csv", "orders.csv", "documents/ST-2026-00042.pdf", "recompute.xlsx"])
def test_a_changed_file_is_found(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, repacked(build_dossier(data()), {name: b"changed"}))
    assert faults(path) == ["every file has the listed SHA-256"]


def test_an_added_file_is_found(tmp_path: Path) -> None:
    path = written(tmp_path, repacked(build_dossier(data()), {"more.txt": b"x"}))
    assert faults(path) == ["no file is there that is not listed"]


def test_a_register_changed_together_with_the_manifest_is_found_by_the_record_and_the_sum(tmp_path: Path) -> None:
    original = build_dossier(data())
    with zipfile.ZipFile(BytesIO(original)) as archive:
        registers = archive.read("registers.csv").replace(b"40000001", b"50000001")
    forged = repacked(original, {"registers.csv": registers}, honest_manifest=True)
    assert faults(written(tmp_path, forged)) == ["the registers are those of the record", "owed grams", "needed grams"]


def test_a_changed_record_is_found_by_the_hash_that_the_document_prints(tmp_path: Path) -> None:
    forged = repacked(build_dossier(data()), {"record.txt": b"r|x"}, honest_manifest=True)
    assert "the record has the printed SHA-256" in faults(written(tmp_path, forged))


def test_a_document_for_other_orders_is_found(tmp_path: Path) -> None:
    content = build_dossier(data(orders=example_lines()[:1]))
    assert faults(written(tmp_path, content)) == ["document ST-2026-00042 adds up and covers these orders"]


def test_a_partition_that_does_not_balance_is_found(tmp_path: Path) -> None:
    source = data().sources[0].model_copy(update={"counted": 99})
    assert faults(written(tmp_path, build_dossier(data(sources=[source])))) == ["every source partition balances"]


@given(st.binary(max_size=300))
def test_no_file_makes_the_check_crash(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.mktemp("any"), content)
    assert not all(finding.ok for finding in verify_dossier(path))


def test_a_missing_file_is_a_finding_too(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.zip") == ["the archive can be read"]


def test_inside_a_group_ranges_add_and_between_groups_in_quadrature() -> None:
    total = total_of(LINES[:3])
    assert total.central == Decimal("45.500001")
    assert round(total.low, 9) == Decimal("35.192235966")  # half widths: 2.5 and 10.000001
    assert owed_of(LINES, "central") == (48, 2)


def test_an_empty_day_owes_nothing(tmp_path: Path) -> None:
    empty = data((), record=b"", committed_g=0, need_g=0, contents=[], orders=[])
    assert owed_of((), "high") == (0, 0)
    assert faults(written(tmp_path, build_dossier(empty))) == []


def test_no_text_of_a_dossier_is_a_forbidden_claim() -> None:
    with zipfile.ZipFile(BytesIO(build_dossier(data()))) as archive:
        for name in archive.namelist():
            if name.endswith((".txt", ".csv", ".json")):
                assert find_claims(archive.read(name).decode(), "en") == (), name


def test_the_calculation_goes_step_by_step_to_the_needed_grams() -> None:
    rows = read_csv(calculation_csv(data()))
    assert [(row["step"], row["central_g"]) for row in rows] == [
        ("factor group grid", "5.5"),
        ("factor group parcel", "42.000001"),
        ("total: centrals add, half widths in quadrature", "47.500001"),
        ("owed: central, rounded up", "48"),
        ("paid by others", "2"),
        ("waived", "0"),
        ("committed earlier", "5"),
        ("needed", "41"),
    ]


def test_the_workbook_recomputes_with_formulas_over_every_register() -> None:
    with zipfile.ZipFile(BytesIO(build_dossier(data()))) as archive:
        book = load_workbook(BytesIO(archive.read("recompute.xlsx")))
    assert book.sheetnames == ["registers", "groups", "total", "orders"]
    assert book["registers"].max_row == 6
    assert book["groups"]["C2"].value == (
        '=(SUMIFS(registers!K$2:K$6,registers!$H$2:$H$6,A2,registers!$G$2:$G$6,"bought")'
        '+SUMIFS(registers!K$2:K$6,registers!$H$2:$H$6,A2,registers!$G$2:$G$6,"paid_by_others"))/1000000'
    )
    total = {row[0].value: (row[1].value, row[2].value) for row in book["total"].iter_rows(min_row=2)}
    assert total["owed: central, rounded up"] == ("=MAX(ROUNDUP(B3,0),0)", 48)
    assert total["needed"] == ("=B5-B6-B7-B8", 41)
    assert book["orders"]["F2"].value == "=ROUND(C2*D2/1000000,2)"


def test_a_text_that_looks_like_a_formula_stays_a_text() -> None:
    evil = LINES[0].model_copy(update={"detail": '=HYPERLINK("http://x")'})
    with zipfile.ZipFile(BytesIO(build_dossier(data((evil,))))) as archive:
        sheet = load_workbook(BytesIO(archive.read("recompute.xlsx")))["registers"]
    assert sheet["F2"].value == '\'=HYPERLINK("http://x")'


def test_emissions_are_exported_by_scope_category_and_post() -> None:
    (first, second) = read_csv(ghg_protocol_csv(data()))
    assert (first["scope"], first["category"], first["central_kg"]) == (
        "Scope 3",
        "3.1 Purchased goods and services",
        "0.0055",
    )
    assert (second["category"], second["events"]) == ("3.4 Upstream transportation and distribution", "27")
    assert [row["post"] for row in read_csv(bilan_carbone_csv(data()))] == ["Achats de services", "Fret aval"]


def test_credits_are_exported_as_esrs_e1_7_asks_and_what_was_not_stated_says_so() -> None:
    rows = {row["field"]: (row["value"], row["unit"]) for row in read_csv(esrs_e1_7_csv(data()))}
    assert rows["carbon credits cancelled in the period"] == ("41", "tCO2e")
    assert rows["carbon credits planned to be cancelled"] == ("1", "tCO2e")
    assert rows["share by quality standard: EX-VCS"] == ("100", "%")
    assert rows["share by place of the project: elsewhere"] == ("100", "%")
    assert rows["share by effect: not stated"] == ("100", "%")
    assert rows["share by corresponding adjustment (Article 6): not stated"] == ("100", "%")
