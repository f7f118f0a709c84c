"""What a document from elsewhere proves of an audit file, and what it does not: nothing more is called proven."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.documents.test_dossier import CONTENT, DAY, LINES, PDF, STEM, data, forged, written

from offset_purchaser.commands.dossier import DOCUMENT_BYTES_MAX, _read
from offset_purchaser.documents.content import HASHES_MAX, DocumentContent
from offset_purchaser.documents.dossier import build_dossier
from offset_purchaser.documents.dossier_check import Checked, check_dossier
from offset_purchaser.documents.dossier_proof import Outside
from offset_purchaser.documents.example import example_lines
from offset_purchaser.documents.parts import Certificate, NamedHash, OrderLine
from offset_purchaser.documents.render import render
from shared.errors import Rejected

RECEIVED = Outside(documents=(("mine.pdf", PDF),))
RECORD = Outside((data().lines_sha256,))


def first(**changes: Any) -> tuple[OrderLine, ...]:
    """The orders with another first one."""
    one, other = example_lines()
    project = one.project.model_copy(update=changes.pop("project", {}))
    return one.model_copy(update={"project": project, **changes}), other


def certified(**changes: Any) -> tuple[Certificate, ...]:
    return (example_lines()[0].certificates[0].model_copy(update=changes),)


def checked(folder: Path, content: bytes, outside: Outside) -> Checked:
    return check_dossier(written(folder, content), outside)


def wrong(found: Checked) -> list[str]:
    return [f"{finding.what}: {finding.detail}" for finding in found.findings if not finding.ok]


def test_the_document_itself_proves_registers_grams_orders_and_papers(tmp_path: Path) -> None:
    found = checked(tmp_path, build_dossier(data()), RECEIVED)
    assert (wrong(found), found.standing.whole) == ([], True)
    assert found.standing.proven == (
        "the 5 registers of 2026-11-27 (1), and the factors and evidence in it",
        f"the content of document {STEM}",
        f"the PDF of document {STEM}, byte by byte",
        "the grams: 48 owed, 2 paid by others, 0 waived, 5 committed, 41 needed",
        f"order {example_lines()[0].order_id}: 41000000 g for 902.00 EUR, as document {STEM} states it",
        f"order {example_lines()[1].order_id}: 1000000 g for 26.10 EUR, as document {STEM} states it",
    )
    assert [sentence.split(",")[0] for sentence in found.standing.unproven] == ["the time of the freeze"]


@pytest.mark.parametrize(
    ("orders", "why"),
    [
        (lambda: first(standard="Puro"), "standard is Puro in orders.json, EX-VCS on the document"),
        (lambda: first(project={"country": "FR"}), "project.country is FR in orders.json, IN on the document"),
        (lambda: first(price_per_tonne=Decimal(9999)), "price per tonne is 9999 in orders.json, 22 on the document"),
        (lambda: first(vintage="1999"), "vintage is 1999 in orders.json, 2024 on the document"),
        (lambda: first(provider="Other"), "provider is Other in orders.json, Example Climate on the document"),
        (
            lambda: first(certificates=certified(serials=("X-1",))),
            "certificate RET-2026-1187 is not in orders.json as the document states it",
        ),
        (lambda: first(certificates=()), "certificate RET-2026-1187 is not in orders.json as the document states it"),
    ],
)
def test_an_order_told_otherwise_than_on_its_document_is_wrong(
    orders: Callable[[], tuple[OrderLine, ...]], why: str, tmp_path: Path
) -> None:
    kept = data().certificates if any(line.certificates for line in orders()) else ()
    found = checked(tmp_path, build_dossier(data(orders=orders(), certificates=kept)), RECEIVED)
    assert wrong(found) == [
        f"document {STEM} adds up and covers these orders: order {example_lines()[0].order_id}: {why}"
    ]
    assert not found.standing.proven


def test_what_an_order_says_and_its_document_leaves_open_is_not_proven(tmp_path: Path) -> None:
    orders = first(project={"effect": "removal"}, certificates=(*certified(), *certified(reference="RET-9")))
    found = checked(tmp_path, build_dossier(data(orders=orders)), RECEIVED)
    assert (wrong(found), found.standing.whole) == ([], False)
    assert f"of order {orders[0].order_id}: project.effect, certificate RET-9" in found.standing.unproven


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"waived_g": 10, "need_g": 31}, "0 g waived there, 10 g here"),
        ({"committed_g": 15, "need_g": 31}, "41 g needed there, 31 g here"),
    ],
)
def test_grams_other_than_those_of_the_document_are_wrong(changes: dict[str, Any], why: str, tmp_path: Path) -> None:
    found = checked(tmp_path, build_dossier(data(**changes)), RECEIVED)
    assert wrong(found) == [f"document {STEM} states the grams of this settlement: {why}"]


def test_grams_that_no_document_answers_for_are_not_proven(tmp_path: Path) -> None:
    found = checked(tmp_path, build_dossier(data(committed_g=0, need_g=46)), RECEIVED)
    assert (wrong(found), found.standing.whole) == ([], False)
    assert "the grams: 48 owed, 2 paid by others, 0 waived, 0 committed, 46 needed" in found.standing.unproven


def test_another_name_of_the_campaign_and_another_freeze_are_never_called_proven(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"campaign_name": "Another Friday", "frozen_at": datetime(2020, 1, 1, tzinfo=UTC)}
    found = checked(tmp_path, build_dossier(data(**changes)), RECEIVED)
    assert not found.standing.whole
    assert found.standing.unproven[0] == "the campaign's name, Another Friday"
    assert found.standing.unproven[-1].startswith("the time of the freeze")


def test_a_text_and_evidence_that_export_does_not_write_are_wrong(tmp_path: Path) -> None:
    found = checked(tmp_path, forged({"README.txt": b"another text", "evidence/more.pdf": b"x"}), RECEIVED)
    assert wrong(found) == [
        "the text beside the tables is the one of export: README.txt",
        "every evidence is that of a register: evidence/more.pdf",
    ]


@pytest.mark.parametrize(
    "orders", [(), tuple(line.model_copy(update={"net_amount": Decimal(99)}) for line in example_lines())]
)
def test_the_hash_of_the_record_proves_the_registers_alone(orders: tuple[OrderLine, ...], tmp_path: Path) -> None:
    kept = data().certificates if orders else ()
    content = build_dossier(data(orders=orders, contents=(), documents=(), certificates=kept))
    found = checked(tmp_path, content, RECORD)
    assert (wrong(found), found.standing.whole) == ([], False)
    assert found.standing.proven == ("the 5 registers of 2026-11-27 (1), and the factors and evidence in it",)
    for order in orders:
        assert f"order {order.order_id}: {order.quantity_g} g for 99.00 EUR" in found.standing.unproven
    assert ("that nothing was bought" in found.standing.unproven) == (not orders)


def test_the_hash_of_a_content_does_not_prove_the_pages_of_its_pdf(tmp_path: Path) -> None:
    found = checked(tmp_path, build_dossier(data()), Outside((CONTENT.sha256(),)))
    assert (wrong(found), found.standing.whole) == ([], False)
    assert f"the PDF of document {STEM}, byte by byte" in found.standing.unproven


def test_a_document_that_prints_no_hash_for_the_day_does_not_prove_its_registers(tmp_path: Path) -> None:
    days = tuple(date(2026, 10, 1) + timedelta(days=n) for n in range(58))
    hashes = tuple(NamedHash(name=f"registers {day} (1)", sha256="0" * 64) for day in days[:HASHES_MAX])
    verify = CONTENT.verify.model_copy(update={"hashes": hashes})
    content = DocumentContent.model_validate(
        {**dict(CONTENT), "days": days, "settlements": (1,) * 58, "verify": verify}
    )
    pdf = render(content).pdf
    tenfold = tuple(
        line.model_copy(update={name: getattr(line, name) * 10 for name in ("low_ug", "central_ug", "high_ug")})
        for line in LINES
    )
    papers = {
        "contents": [{"name": f"{STEM}.content.json", "content": content.canonical()}],
        "documents": [{"name": f"{STEM}.pdf", "content": pdf}],
    }
    found = checked(tmp_path, build_dossier(data(tenfold, **papers)), Outside(documents=(("mine.pdf", pdf),)))
    assert (wrong(found), found.standing.whole, DAY in days) == ([], False, True)
    assert f"document {STEM} prints 40 records and not this one" in {finding.what for finding in found.findings}
    assert found.standing.unproven[0] == "the 5 registers of 2026-11-27 (1), and the factors and evidence in it"
    assert any(sentence.startswith("the grams: ") for sentence in found.standing.unproven)


def test_two_contents_of_one_number_are_wrong(tmp_path: Path) -> None:
    other = CONTENT.model_copy(update={"note": "another"}).canonical()
    found = checked(tmp_path, forged({"documents/more.content.json": other}), RECEIVED)
    assert f"every document has a number of its own: {STEM}" in wrong(found)


def test_a_document_that_is_a_pipe_or_too_large_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Rejected, match="pipe: it is not a regular file"):
        _read(tmp_path / "pipe")
    with (tmp_path / "large.pdf").open("wb") as file:
        file.truncate(DOCUMENT_BYTES_MAX + 1)
    with pytest.raises(Rejected, match=r"large\.pdf: it is larger than 67108864 bytes"):
        _read(tmp_path / "large.pdf")
    with pytest.raises(Rejected, match=r"none\.pdf: No such file"):
        _read(tmp_path / "none.pdf")
