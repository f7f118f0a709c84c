"""What is proven of an audit file that agrees with itself, by what its reader has from elsewhere. Pure.

A document from elsewhere proves itself, the registers whose SHA-256 it prints, and what it states of orders and grams.
A SHA-256 proves what has it. Nothing proves what no document states: that only agrees with the rest of the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from offset_purchaser.documents.content import DocumentContent
from offset_purchaser.documents.dossier_data import DossierData
from offset_purchaser.documents.dossier_papers import needed_of, printed, unstated
from offset_purchaser.documents.dossier_proof import Outside, proven_documents
from offset_purchaser.documents.parts import OrderLine
from offset_purchaser.documents.values import round_money


@dataclass(frozen=True, slots=True)
class Standing:
    """What is proven and what only agrees with itself, as sentences.

    ``whole``: the registers, the grams and every order with all that is known of it are proven, and so are the papers.
    """

    proven: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    whole: bool = False


ALWAYS = (
    "the time of the freeze, the campaign's rules (cover, bots, late_unprovable, formula) and the balances in "
    "sources.csv: no document states them"
)


def standing(
    outside: Outside, data: DossierData, contents: Mapping[str, bytes], files: Mapping[str, bytes]
) -> Standing:
    """To be asked when every check has passed. ``contents`` and ``files``: of the documents, by their numbers."""
    numbers = proven_documents(outside, contents)
    every = [DocumentContent.model_validate_json(content) for content in contents.values()]
    genuine = [content for content in every if content.number in numbers]
    proven: list[str] = []
    unproven: list[str] = []
    registers = f"the {len(data.registers)} registers of {data.day} ({data.number}), and the factors and evidence in it"
    hashes = {text.strip().lower() for text in outside.hashes} | {printed(one, data) for one in genuine}
    (proven if data.lines_sha256 in hashes else unproven).append(registers)
    received = {pdf for _, pdf in outside.documents}
    for content in every:
        (proven if content in genuine else unproven).append(f"the content of document {content.number}")
        if (file := files.get(content.number)) is not None:
            pages = f"the PDF of document {content.number}, byte by byte"
            (proven if content in genuine and file in received else unproven).append(pages)
    (proven if _grams_stated(data, genuine) else unproven).append(
        f"the grams: {data.owed_g} owed, {data.paid_by_others_g} paid by others, {data.waived_g} waived, "
        f"{data.committed_g} committed, {data.need_g} needed"
    )
    if any(content.campaign_name != data.campaign_name for content in genuine) or not genuine:
        unproven.append(f"the campaign's name, {data.campaign_name}")
    for row in data.orders:
        sure, open_ = _order(row, every, genuine)
        proven += sure
        unproven += open_
    if not data.orders:
        unproven.append("that nothing was bought")
    return Standing(tuple(proven), (*unproven, ALWAYS), whole=not unproven)


def _order(
    row: OrderLine, every: Sequence[DocumentContent], genuine: Sequence[DocumentContent]
) -> tuple[list[str], list[str]]:
    """What is proven of an order, and what is not: a note that nobody has elsewhere could take back anything."""
    money = round_money(row.net_amount, row.currency)
    order = f"order {row.order_id}: {row.quantity_g} g for {money} {row.currency}"
    about = [(one, line) for one in every for line in one.lines if line.order_id == row.order_id]
    originals = [(one, line) for one, line in about if one.previous is None]
    if not originals or any(one not in genuine for one, _ in about):
        return [], [order]
    one, line = originals[0]
    more = unstated(row, line)
    return [f"{order}, as document {one.number} states it"], [f"of order {row.order_id}: {', '.join(more)}"] * bool(
        more
    )


def _grams_stated(data: DossierData, genuine: Sequence[DocumentContent]) -> bool:
    """Whether documents about this day alone, each about other legs, answer for all grams that were needed."""
    alone = [one for one in genuine if len(one.days) == 1 and one.previous is None]
    by_legs = {frozenset(line.leg for line in one.lines): needed_of(one) for one in alone}
    legs = [leg for found in by_legs for leg in found]
    owed = any(one.quantity.owed_g == data.owed_g for one in alone)
    return owed and len(legs) == len(set(legs)) and sum(by_legs.values()) == data.need_g
