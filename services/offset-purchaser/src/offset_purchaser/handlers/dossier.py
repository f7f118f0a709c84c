"""The audit file of one settlement, gathered from what was frozen and stored; nothing in it is rendered anew."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from offset_purchaser.campaign import Campaign
from offset_purchaser.documents import DocumentContent
from offset_purchaser.documents.container import sha256
from offset_purchaser.documents.dossier import build_dossier, dossier_name
from offset_purchaser.documents.dossier_data import MANUAL, DossierData, File, RegisterLine, Source, treatment_of
from offset_purchaser.documents.parts import OrderLine
from offset_purchaser.formulas import number_of
from offset_purchaser.handlers.content import order_lines
from offset_purchaser.store import certificates, dossier
from shared.errors import Rejected
from shared.factors import factor_set_files, load_factor_set
from shared.postgres import Pool


async def settlement_dossier(pool: Pool, campaign: str, day: date, number: int) -> tuple[str, bytes]:
    """(file name, bytes) of a settlement's audit file; the same bytes until a paper is added to the settlement.

    Raises ``Rejected`` when it has not frozen, or when what is stored is not what was hashed.
    """
    data = await gather(pool, campaign, day, number)
    return dossier_name(data), await asyncio.to_thread(build_dossier, data)


async def gather(pool: Pool, campaign: str, day: date, number: int) -> DossierData:
    """Everything that a settlement stands on. Raises ``Rejected`` when it has not frozen."""
    frozen = await dossier.frozen(pool, campaign, day, number)
    if frozen is None:
        raise Rejected(f"settlement {number} of {day} in campaign {campaign} has not frozen")
    rules = Campaign.model_validate(frozen["content"]["campaign"])
    rows = await dossier.registers(pool, campaign, day, number)
    registers = await asyncio.to_thread(_registers, rows, rules)  # 10^5 of them take seconds, and others must go on
    orders = await dossier.orders(pool, campaign, day, number)
    ids = [row["order_id"] for row in orders]
    papers = await dossier.documents(pool, campaign, day, number)
    archived = await certificates.of_orders(pool, ids)
    evidence = await dossier.evidence(pool, campaign, day)
    contents = tuple(File(name=f"{_stem(row)}.content.json", content=row["content_bytes"]) for row in papers)
    named = {line.factor_set_sha256 for line in registers if line.topic == MANUAL}
    same = ("mode", "legal_entity", "day", "number", "frozen_at", "lines_sha256")
    grams = ("owed_g", "paid_by_others_g", "waived_g", "committed_g", "need_g")
    return DossierData(
        campaign_id=campaign,
        campaign_name=rules.title,
        cover=rules.cover,
        bots=rules.bots,
        late_unprovable=rules.late_unprovable,
        formula=number_of(frozen["result"]["formula"]),
        sources=tuple(_sources(frozen["sources"])),
        registers=registers,
        orders=tuple(_as_documented(await order_lines(pool, rules, orders), contents)),
        contents=contents,
        documents=tuple(File(name=f"{_stem(row)}.pdf", content=row["bytes"]) for row in papers if row["bytes"]),
        factors=tuple(_factors(registers)),
        certificates=tuple(
            File(name=f"{n:03d}-{_kind(row['file'])}", content=row["file"]) for n, row in _count(archived)
        ),
        evidence=tuple(
            File(name=str(row["line"]), content=row["evidence"]) for row in evidence if sha256(row["evidence"]) in named
        ),
        **{name: frozen[name] for name in (*same, *grams)},
    )


def _registers(rows: Iterable[Mapping[str, Any]], rules: Campaign) -> tuple[RegisterLine, ...]:
    found = []
    for row in rows:
        line = RegisterLine.model_validate({**row, "treatment": "bought"})
        treatment = treatment_of(line, bots=rules.bots, late_unprovable=rules.late_unprovable)
        found.append(line if treatment == "bought" else line.model_copy(update={"treatment": treatment}))
    return tuple(found)


def _as_documented(lines: Iterable[OrderLine], contents: Iterable[File]) -> Iterable[OrderLine]:
    """What a leg's terms say of an order is what its document printed, whatever the campaign said at the freeze."""
    papers = [DocumentContent.model_validate_json(file.content) for file in contents]
    told = {line.order_id: line for paper in papers if paper.previous is None for line in paper.lines}
    for line in lines:
        paper = told.get(line.order_id, line)
        project = line.project.model_copy(update={"effect": paper.project.effect or line.project.effect})
        yield line.model_copy(update={"lot_g": paper.lot_g, "project": project})


def _sources(stored: Mapping[str, Mapping[str, Any]]) -> Iterable[Source]:
    for topic, found in sorted(stored.items()):
        for balance in found.get("partitions", []):
            yield Source.model_validate({"topic": topic, **balance})


def _factors(registers: Iterable[RegisterLine]) -> Iterable[File]:
    """The files of every factor set that is installed here as it was used; one that is not is left out."""
    used = {(line.factor_set, line.factor_set_sha256) for line in registers if line.factor_set and line.topic != MANUAL}
    for name, digest in sorted(used):
        try:
            factors = load_factor_set(name)
        except Rejected:
            continue
        if factors.sha256 == digest:
            for file, content in sorted(factor_set_files(factors).items()):
                yield File(name=f"{name}/{file}", content=content)


def _stem(row: Mapping[str, Any]) -> str:
    return "".join(letter if letter.isalnum() or letter in "_-" else "-" for letter in row["number"])


def _count(rows: Iterable[Mapping[str, Any]]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    return enumerate(rows, 1)


def _kind(content: bytes) -> str:
    return "certificate.pdf" if content.startswith(b"%PDF") else "certificate.json"
