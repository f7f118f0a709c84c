"""The audit file: complete, checkable offline, and it notices what was changed."""

from __future__ import annotations

import hashlib
import json
import os
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
from offset_purchaser.documents import container
from offset_purchaser.documents.accounting import bilan_carbone, emitted, esrs_e1_7, ghg_protocol
from offset_purchaser.documents.container import pack, unpack
from offset_purchaser.documents.dossier import build_dossier, dossier_name
from offset_purchaser.documents.dossier_check import verify_dossier
from offset_purchaser.documents.dossier_data import (
    DossierData,
    RegisterLine,
    Source,
    Treatment,
    owed_of,
    record_line,
    record_of,
    total_of,
)
from offset_purchaser.documents.dossier_proof import Outside
from offset_purchaser.documents.example import example_content, example_lines
from offset_purchaser.documents.render import render
from offset_purchaser.documents.tables import calculation_csv, csv_bytes, read_csv
from offset_purchaser.formulas import NEWEST
from shared.errors import Rejected
from shared.estimate import ChannelName

DAY = date(2026, 11, 27)
MIDNIGHT = datetime(2026, 11, 26, 23, tzinfo=UTC)
FACTORS = hashlib.sha256(f"grid.csv {hashlib.sha256(b'id,value' + bytes([10])).hexdigest()}\n".encode()).hexdigest()


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
        detail=f"device={'bot' if treatment == 'bots' else 'laptop'};n={n}",
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
        estimated=True,
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


CONTENT = example_content(
    legal_entity="fr",
    quantity={"owed_g": 48, "paid_by_others_g": 2, "committed_g": 5, "carry_out_g": 41_999_959},
    verify={
        "command": "offset-purchaser dossier verify FILE",
        "hashes": [{"name": "registers 2026-11-27 (1)", "sha256": hashlib.sha256(record_of(LINES)).hexdigest()}],
    },
)
PDF = render(CONTENT).pdf
STEM = "ST-2026-00042"


def data(lines: tuple[RegisterLine, ...] = LINES, **changes: Any) -> DossierData:
    formula = changes.setdefault("formula", NEWEST)
    owed, paid = owed_of(lines, changes.get("cover", "central"), formula)
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
        "lines_sha256": hashlib.sha256(record_of(lines)).hexdigest(),
        "sources": [
            {"topic": topic, "partition": partition, "log_epoch": 0, **balance}
            for topic in ("shipments", "site-traffic")
            for partition in range(3)
        ],
        "registers": lines,
        "orders": example_lines(),
        "contents": [{"name": f"{STEM}.content.json", "content": CONTENT.canonical()}],
        "factors": [{"name": "2026.1/grid.csv", "content": b"id,value\n"}],
        "documents": [{"name": f"{STEM}.pdf", "content": PDF}],
        "certificates": [{"name": "RET-2026-1187.pdf", "content": b"certificate"}],
    }
    return DossierData.model_validate({**fields, **changes})


def written(folder: Path, content: bytes) -> Path:
    path = folder / "dossier.zip"
    path.write_bytes(content)
    return path


def forged(changes: dict[str, bytes], original: bytes | None = None) -> bytes:
    """The dossier with files replaced and every hash made to fit, as a careful forger would."""
    with zipfile.ZipFile(BytesIO(original or build_dossier(data()))) as source:
        entries = {name: source.read(name) for name in source.namelist() if name != "manifest.json"}
    return pack(entries | changes)


def entry(name: str) -> bytes:
    with zipfile.ZipFile(BytesIO(build_dossier(data()))) as archive:
        return archive.read(name)


def rezipped(entries: dict[str, bytes], **more: bytes) -> bytes:
    """Any zip, as any tool writes one."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in (entries | more).items():
            target.writestr(name, content)
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
            "factors/2026.1/grid.csv",
            "methods.csv",
            "orders.csv",
            "orders.json",
            "recompute.xlsx",
            "record.txt",
            "registers.csv",
            "settlement.json",
            "sources.csv",
            "manifest.json",
        ]


@pytest.fixture(scope="module")
def sound() -> bytes:
    return build_dossier(data())


@pytest.mark.parametrize("place", [n / 97 for n in range(97)])
def test_no_byte_can_be_changed(sound: bytes, place: float, tmp_path: Path) -> None:
    at = int(place * len(sound))
    for bit in (1, 128):
        changed = sound[:at] + bytes([sound[at] ^ bit]) + sound[at + 1 :]
        assert faults(written(tmp_path, changed)), at


def test_the_last_bits_behind_a_compressed_stream_count_too(sound: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(sound)) as archive:
        info = archive.infolist()[0]
    at = info.header_offset + 30 + len(info.filename) + info.compress_size - 1
    found = {
        tuple(faults(written(tmp_path, sound[:at] + bytes([sound[at] ^ 1 << n]) + sound[at + 1 :]))) for n in range(8)
    }
    assert () not in found


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_a_file_that_was_cut_off_is_no_dossier(sound: bytes, share: float, tmp_path: Path) -> None:
    assert faults(written(tmp_path, sound[: int(len(sound) * share)])) == ["the archive can be read"]


@pytest.mark.parametrize("around", [(b"MZ", b""), (b"", b"\0"), (b"", b"PK\x05\x06" + b"\0" * 18)])
def test_nothing_can_be_put_before_or_behind_the_files(
    sound: bytes, around: tuple[bytes, bytes], tmp_path: Path
) -> None:
    assert faults(written(tmp_path, around[0] + sound + around[1]))


def with_manifest(entries: dict[str, bytes], manifest: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Files beside a manifest that was made for others."""
    with monkeypatch.context() as patch:
        patch.setattr(container, "as_json", lambda _: manifest)
        return pack(entries)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"more.txt": b"x"}, "no file is there that is not listed"),
        ({"orders.csv": None}, "every listed file is there"),
        ({"orders.csv": b"changed"}, "every file has the listed SHA-256"),
    ],
)
def test_an_added_a_missing_and_a_changed_file_are_named(
    change: dict[str, bytes | None], found: str, sound: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(BytesIO(sound)) as source:
        entries = {name: source.read(name) for name in source.namelist() if name != "manifest.json"}
    mixed = {name: content for name, content in (entries | change).items() if content is not None}
    content = with_manifest(mixed, entry("manifest.json"), monkeypatch)
    findings = [finding for finding in verify_dossier(written(tmp_path, content)) if not finding.ok]
    assert [(finding.what, finding.detail) for finding in findings] == [(found, next(iter(change)))]


def test_a_register_changed_with_every_hash_made_to_fit_is_found_by_the_record_and_the_sum(tmp_path: Path) -> None:
    registers = entry("registers.csv").replace(b"40000001", b"50000001")
    assert faults(written(tmp_path, forged({"registers.csv": registers}))) == [
        "the registers are those of the record",
        "owed grams",
        "needed grams",
        "the tables follow from the registers",
        "the spreadsheet recomputes these registers",
    ]


def test_a_register_changed_in_the_record_too_is_found_by_the_hash_that_the_document_prints(tmp_path: Path) -> None:
    registers = entry("registers.csv").replace(b"40000001", b"50000001")
    record = entry("record.txt").replace(b"40000001", b"50000001")
    settled = json.loads(entry("settlement.json")) | {"lines_sha256": hashlib.sha256(record).hexdigest()}
    changes = {"registers.csv": registers, "record.txt": record, "settlement.json": json.dumps(settled).encode()}
    assert "document ST-2026-00042 prints the SHA-256 of this record" in faults(written(tmp_path, forged(changes)))


@pytest.mark.parametrize(("was", "becomes"), [(b",bought,", b",bots,"), (b",paid_by_others,", b",bought,")])
def test_a_register_cannot_be_treated_otherwise_than_the_rules_say(was: bytes, becomes: bytes, tmp_path: Path) -> None:
    registers = entry("registers.csv").replace(was, becomes, 1)
    assert "the rules of the campaign treat them so" in faults(written(tmp_path, forged({"registers.csv": registers})))


def test_another_quarter_hour_is_found(tmp_path: Path) -> None:
    registers = entry("registers.csv").replace(b"T23:15", b"T22:15")
    assert registers != entry("registers.csv")
    assert "the registers are those of the record" in faults(written(tmp_path, forged({"registers.csv": registers})))


def test_a_pdf_that_carries_another_content_is_found(tmp_path: Path) -> None:
    other = render(example_content()).pdf
    path = written(tmp_path, forged({"documents/ST-2026-00042.pdf": other}))
    assert faults(path) == ["the PDF of document ST-2026-00042 carries this content"]
    path = written(tmp_path, forged({"documents/ST-2026-00042.pdf": b"%PDF-1.7"}))
    assert faults(path) == ["the PDF of document ST-2026-00042 carries this content"]


def test_a_changed_factor_is_found_and_a_set_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert faults(written(tmp_path, forged({"factors/2026.1/grid.csv": b"id,value\n1,2\n"}))) == ["factor set 2026.1"]
    without = verify_dossier(written(tmp_path, build_dossier(data(factors=[]))))
    assert [f.what for f in without if "is not in this file" in f.what] == [
        f"factor set 2026.1, {FACTORS}, is not in this file: compare with the published"
    ]


def test_a_zip_bomb_is_refused_before_anything_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = rezipped({"registers.csv": b"0" * 3_000_000})
    assert len(bomb) < 4_000
    monkeypatch.setattr(container, "MOST_BYTES", 2_000_000)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("unpacked"))
    (finding,) = verify_dossier(written(tmp_path, bomb))
    assert finding.detail == "the zip would unpack to 3000000 bytes, at most 2000000 are read"


def test_a_bomb_that_lies_about_its_size_is_damaged(tmp_path: Path) -> None:
    bomb = rezipped({"a": b"0" * 3_000_000})
    small = bomb.replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert faults(written(tmp_path, small)) == ["the archive can be read"]


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../../b", "a//b", "c:\\evil", "a\\..\\b", "\x1b[2J", "é"]
)
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    (finding,) = verify_dossier(written(tmp_path, rezipped({name: b"x"})))
    assert "leads elsewhere" in finding.detail
    assert [path.name for path in tmp_path.iterdir()] == ["dossier.zip"]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        target.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            target.writestr("a", b"2")
    assert faults(written(tmp_path, out.getvalue())) == ["the archive can be read"]


@pytest.mark.parametrize("table", [b"", b"\xff", b"topic\n1\n", b"[" * 100_000, b"null", b"1", b'{"cover": "x"}'])
@pytest.mark.parametrize("name", ["settlement.json", "registers.csv", "sources.csv", "orders.csv"])
def test_tables_that_mean_nothing_are_findings_and_never_a_traceback(name: str, table: bytes, tmp_path: Path) -> None:
    assert faults(written(tmp_path, forged({name: table})))


@pytest.mark.parametrize("manifest", [b"", b"null", b"[]", b'{"a": 1}', b"{" * 50_000])
def test_a_manifest_that_means_nothing_is_a_finding(
    manifest: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = with_manifest({"a": b"x"}, manifest, monkeypatch)
    assert not all(finding.ok for finding in verify_dossier(written(tmp_path, content)))


def test_packing_and_unpacking_agree(tmp_path: Path) -> None:
    entries = {"b/c.txt": b"", "a": b"\0" * 1000}
    found = unpack(written(tmp_path, pack(entries)))
    assert {name: found.entries[name] for name in entries} == entries
    with pytest.raises(Rejected, match="belong to none of its files"):
        unpack(written(tmp_path, rezipped(entries)))


def test_registers_that_are_not_those_of_the_freeze_make_no_dossier() -> None:
    with pytest.raises(Rejected, match="do not have the SHA-256 of the freeze"):
        build_dossier(data(lines_sha256="0" * 64))


def test_a_line_is_recorded_with_its_key_and_everything_behind_it() -> None:
    assert record_line(LINES[3]) == (
        f"r|shipments|1|0|{int(LINES[3].quarter.timestamp())}|delivery|FR|FR|carrier|device=laptop;n=4|14|0|"
        '{"bytes_transferred": 12}|ademe-parcel|1.0.0|2026.1|'
        f"{FACTORS}|parcel|3|3.4 Upstream transportation and distribution|3|true|1000000|2000000|3000000|1|104"
    )


def test_a_document_for_other_orders_is_found(tmp_path: Path) -> None:
    content = build_dossier(data(orders=example_lines()[:1]))
    assert faults(written(tmp_path, content)) == ["document ST-2026-00042 adds up and covers these orders"]


def settlement(**changes: object) -> bytes:
    return container.as_json(json.loads(entry("settlement.json")) | changes)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"accounting/esrs-e1-7.csv": b"field,value,unit\n"}, "the tables follow from the registers"),
        ({"accounting/esrs-e1-7.csv": None}, "every file of an audit file is there"),
        ({"recompute.xlsx": b"not a spreadsheet"}, "the spreadsheet recomputes these registers"),
        ({"recompute.xlsx": None}, "every file of an audit file is there"),
        ({"certificates/RET-2026-1187.pdf": b"another"}, "every certificate that an order names is there"),
        ({"certificates/more.pdf": b"another"}, "every certificate is one that an order names"),
        (
            {"sources.csv": ",".join([*Source.model_fields, "difference\n"]).encode()},
            "every register comes from a source in the table",
        ),
        ({"orders.csv": b"order_id\n"}, "the tables follow from the registers"),
        ({"orders.json": b"[]"}, "document ST-2026-00042 adds up and covers these orders"),
        ({"settlement.json": {"mode": "rehearsal"}}, "document ST-2026-00042 is about this settlement"),
        ({"settlement.json": {"number": 2}}, "document ST-2026-00042 is about this settlement"),
        ({"note.txt": b"x"}, "no file is there that belongs to nothing"),
        ({"documents/other.pdf": b"x"}, "no file is there that belongs to nothing"),
    ],
)
def test_a_forged_file_is_found_though_every_hash_was_made_to_fit(
    changes: dict[str, Any], found: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(BytesIO(build_dossier(data()))) as source:
        entries: dict[str, bytes | None] = {n: source.read(n) for n in source.namelist() if n != "manifest.json"}
    for name, change in changes.items():
        entries[name] = settlement(**change) if isinstance(change, dict) else change
    content = pack({name: content for name, content in entries.items() if content is not None})
    assert found in faults(written(tmp_path, content))


def test_a_spreadsheet_whose_formula_was_changed_is_found(tmp_path: Path) -> None:
    book = load_workbook(BytesIO(entry("recompute.xlsx")))
    book["total"]["B9"] = 41
    out = BytesIO()
    book.save(out)
    findings = verify_dossier(written(tmp_path, forged({"recompute.xlsx": out.getvalue()})))
    assert [f.detail for f in findings if not f.ok] == ["row 9 of sheet total differs"]


def test_the_last_finding_is_the_hash_to_hold_against_the_document(tmp_path: Path) -> None:
    last = verify_dossier(written(tmp_path, build_dossier(data())))[-1]
    assert f"the SHA-256 of this record is {data().lines_sha256}" in last.what


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert faults(tmp_path / "pipe") == ["the archive can be read"]


def test_a_partition_that_does_not_balance_is_found(tmp_path: Path) -> None:
    source = data().sources[0].model_copy(update={"counted": 99})
    assert faults(written(tmp_path, build_dossier(data(sources=[source, *data().sources[1:]])))) == [
        "every source partition balances"
    ]


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
    assert owed_of(LINES, "central") == owed_of(LINES, "central", 1) == (48, 2)


def test_an_audit_file_is_recomputed_by_the_formula_that_it_names(tmp_path: Path) -> None:
    parcels = register(4, ChannelName.DELIVERY, (50_000_000, 100_000_000, 150_000_000), "paid_by_others")
    lines = (register(1, ChannelName.SITE, (50_000_000, 100_000_000, 150_000_000)), parcels)
    assert owed_of(lines, "high", 1) == (271, 150)  # half widths of 50 and 50 are 70.7 together: 121 for ours
    assert owed_of(lines, "high", 2) == (300, 150)
    for formula in (1, 2):
        whole = data(lines, cover="high", formula=formula, contents=[], documents=[])
        assert whole.need_g == {1: 116, 2: 145}[formula]
        content = build_dossier(whole)
        assert faults(written(tmp_path, content)) == []
        with zipfile.ZipFile(BytesIO(content)) as archive:
            assert (b'"formula"' in archive.read("settlement.json")) == (formula == 2)
            total = load_workbook(BytesIO(archive.read("recompute.xlsx")))["total"]
        assert (
            total["B5"].value
            == {
                1: "=MAX(ROUNDUP(ROUND(B4,6),0),0)",
                2: "=MAX(ROUNDUP(ROUND(SUM(groups!I2:I3)+SQRT(SUMSQ(groups!J2:J3)),6),0),0)+B6",
            }[formula]
        )
    other = build_dossier(whole.model_copy(update={"owed_g": 271, "need_g": 116}))
    assert faults(written(tmp_path, other)) == ["owed grams", "needed grams"]


def test_an_empty_day_owes_nothing(tmp_path: Path) -> None:
    empty = data((), committed_g=0, need_g=0, contents=[], documents=[], orders=[], certificates=[], factors=[])
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
        ("owed: central of what others do not pay, rounded up, and what they pay", "48"),
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
    assert total["owed: central of what others do not pay, rounded up, and what they pay"] == (
        "=MAX(ROUNDUP(ROUND(SUM(groups!I2:I3),6),0),0)+B6",
        48,
    )
    assert total["needed"] == ("=B5-B6-B7-B8", 41)
    assert book["orders"]["F2"].value == "=ROUND(C2*D2/1000000,2)"


def test_a_text_that_looks_like_a_formula_stays_a_text() -> None:
    evil = LINES[0].model_copy(update={"detail": '=HYPERLINK("http://x")'})
    with zipfile.ZipFile(BytesIO(build_dossier(data((evil,))))) as archive:
        sheet = load_workbook(BytesIO(archive.read("recompute.xlsx")))["registers"]
    assert sheet["F2"].value == '\'=HYPERLINK("http://x")'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@x", "'quoted", "plain", ""])
def test_a_text_in_a_table_is_no_formula_and_is_read_back_as_it_was(text: str) -> None:
    content = csv_bytes(("name", "grams"), [(text, Decimal("-1.5"))])
    assert content.decode().splitlines()[1][:1] not in ("=", "+", "-", "@")
    assert read_csv(content) == [{"name": text, "grams": "-1.5"}]


def test_emissions_are_exported_by_scope_category_and_post() -> None:
    (first, second) = read_csv(csv_bytes(*ghg_protocol(emitted(DAY, LINES))))
    assert (first["scope"], first["category"], first["central_kg"]) == (
        "Scope 3",
        "3.1 Purchased goods and services",
        "0.0055",
    )
    assert (second["category"], second["events"]) == ("3.4 Upstream transportation and distribution", "27")
    assert [row["post"] for row in read_csv(csv_bytes(*bilan_carbone(emitted(DAY, LINES))))] == [
        "Achats de services",
        "Fret aval",
    ]


def test_credits_are_exported_as_esrs_e1_7_asks_and_what_was_not_stated_says_so() -> None:
    rows = {row["field"]: (row["value"], row["unit"]) for row in read_csv(csv_bytes(*esrs_e1_7(example_lines())))}
    assert rows["carbon credits cancelled in the period"] == ("41", "tCO2e")
    assert rows["carbon credits planned to be cancelled"] == ("1", "tCO2e")
    assert rows["share by quality standard: EX-VCS"] == ("100", "%")
    assert rows["share by place of the project: elsewhere"] == ("100", "%")
    assert rows["share by effect: not stated"] == ("100", "%")
    assert rows["share by corresponding adjustment (Article 6): not stated"] == ("100", "%")


@pytest.mark.parametrize(
    ("since", "until", "cancelled", "planned"),
    [
        (date(2026, 1, 1), date(2026, 12, 31), "1", "41"),
        (date(2027, 1, 1), date(2027, 12, 31), "40", "1"),
        (date(2026, 12, 1), date(2027, 2, 1), "41", "1"),
        (date(2028, 1, 1), date(2028, 12, 31), "0", "1"),
    ],
)
def test_credits_count_in_the_period_in_which_they_were_retired(
    since: date, until: date, cancelled: str, planned: str
) -> None:
    one, other = example_lines()
    certificate = one.certificates[0]
    parts = [
        certificate.model_copy(update={"quantity_t": Decimal(1), "retired_on": date(2026, 12, 1)}),
        certificate.model_copy(update={"quantity_t": Decimal(40), "retired_on": date(2027, 2, 1)}),
    ]
    orders = (one.model_copy(update={"certificates": tuple(parts)}), other)
    rows = {row["field"]: row["value"] for row in read_csv(csv_bytes(*esrs_e1_7(orders, since, until)))}
    assert rows["carbon credits cancelled in the period"] == cancelled
    assert rows["carbon credits planned to be cancelled"] == planned
    assert ("share by quality standard: EX-VCS" in rows) == (cancelled != "0")


def test_only_something_from_outside_proves_a_dossier(tmp_path: Path) -> None:
    path = tmp_path / "dossier.zip"
    path.write_bytes(build_dossier(data()))
    record = hashlib.sha256(record_of(LINES)).hexdigest()
    assert not any(finding.proof for finding in verify_dossier(path))
    for outside in (
        Outside((record,)),
        Outside((CONTENT.sha256().upper(),)),
        Outside(documents=(("mine.pdf", PDF),)),
    ):
        found = verify_dossier(path, outside)
        assert [finding for finding in found if not finding.ok] == []
        assert sum(finding.proof for finding in found) == 1
    another = render(CONTENT.model_copy(update={"number": "ST-2026-00043"})).pdf
    changed = render(CONTENT.model_copy(update={"note": "another"})).pdf
    wrong = Outside(("0" * 64,), (("a.pdf", another), ("b.pdf", changed), ("c.pdf", b"%PDF"), ("d.pdf", b"")))
    details = [finding.detail for finding in verify_dossier(path, wrong) if finding.proof]
    assert details[0].startswith(f"here are {record} (this record)")
    assert details[1:3] == [
        "document ST-2026-00043 is not in this file",
        "document ST-2026-00042 has another content here",
    ]
    assert all("cannot be read" in detail or "carries no content.json" in detail for detail in details[3:])


def test_papers_removed_together_with_their_tables_are_found_by_the_document_that_one_has(tmp_path: Path) -> None:
    path = tmp_path / "dossier.zip"
    path.write_bytes(build_dossier(data(contents=[], documents=[], orders=[], certificates=[])))
    assert all(finding.ok for finding in verify_dossier(path))
    found = [finding for finding in verify_dossier(path, Outside(documents=(("mine.pdf", PDF),))) if not finding.ok]
    assert [finding.detail for finding in found] == ["document ST-2026-00042 is not in this file"]
