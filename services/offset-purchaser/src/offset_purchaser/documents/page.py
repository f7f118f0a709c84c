"""The first page as plain data: every text formatted, every bar a fraction. The layout only places it."""

from __future__ import annotations

from decimal import Decimal

from offset_purchaser.documents.catalogue import Catalogue
from offset_purchaser.documents.content import CREDITS, INVOICES, STATEMENTS, DocumentContent
from offset_purchaser.documents.details import cards, tables
from offset_purchaser.documents.formats import Formats
from offset_purchaser.documents.parts import ChannelRow, OrderLine, Party, Repricing
from offset_purchaser.documents.values import line_amount

Json = dict[str, object]


def page_data(content: DocumentContent, words: Catalogue) -> Json:
    """Everything the layout prints, as JSON-ready data in the document's language."""
    f = Formats(content.language)
    rehearsal = content.mode == "rehearsal"
    return {
        "language": content.language,
        "title": words[f"title.{content.kind}"],
        "author": content.buyer.name,
        "keywords": [content.number, content.campaign_id, content.kind, content.mode],
        "badge": words[f"badge.{content.kind}"],
        "subtitle": _subtitle(content, words, f),
        "watermark": words["mode.rehearsal"] if rehearsal else "",
        "rehearsal": words["mode.rehearsal_long"] if rehearsal else "",
        "number": content.number,
        "facts": _facts(content, words, f),
        "parties": _parties(content, words, f),
        "gaps": _gaps(content, words),
        "emissions": _emissions(content, words, f),
        "contribution": _contribution(content, words, f),
        "apart": words["apart.text"],
        "chart": _chart(content, words, f),
        "lines": _lines(content, words, f),
        "tables": tables(content, words, f),
        "cards": cards(content, words, f),
        "verify": _verify(content, words),
        "page": words["page"],
    }


def _subtitle(content: DocumentContent, words: Catalogue, f: Formats) -> str:
    given = content.provider_invoice
    return words[f"subtitle.{content.kind}"].format(
        agreement=content.agreement.reference if content.agreement else "",
        previous=content.previous.number if content.previous else "",
        previous_date=f.day(content.previous.issued_on) if content.previous else "",
        number=given.number if given else "",
        date=f.day(given.issued_on) if given else "",
        filename=given.filename if given else "",
    )


def _facts(content: DocumentContent, words: Catalogue, f: Formats) -> list[list[str]]:
    return [
        [words["fact.number"], content.number],
        [words["fact.issued_on"], f.day(content.issued_on)],
        [words["fact.campaign"], content.campaign_name],
        [words["fact.days"], f.days(content.days) or _many_days(content, words, f)],
        [words["fact.settlement"], words["list_separator"].join(_settlements(content))],
    ]


def _many_days(content: DocumentContent, words: Catalogue, f: Formats) -> str:
    first, last = f.day(min(content.days)), f.day(max(content.days))
    return words["fact.many_days"].format(count=f.count(len(set(content.days))), first=first, last=last)


def _settlements(content: DocumentContent) -> list[str]:
    numbers = sorted(set(content.settlements))
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return [f"{numbers[0]}–{numbers[-1]}"]
    return [str(number) for number in numbers]


def _parties(content: DocumentContent, words: Catalogue, f: Formats) -> list[Json]:
    roles = ("seller", "buyer") if content.kind in INVOICES else ("provider", "company")
    parties = (content.seller, content.buyer)
    return [
        {"role": words[f"party.{role}"], "name": party.name, "lines": _address(party, words, f)}
        for role, party in zip(roles, parties, strict=True)
    ]


def _address(party: Party, words: Catalogue, f: Formats) -> list[str]:
    place = " ".join(part for part in (party.postal_code, party.city) if part)
    country = f.country(party.country)
    lines = [*party.address_lines, ", ".join(part for part in (place, country) if part)]
    if party.vat_id:
        lines.append(words["party.vat_id"].format(id=party.vat_id))
    if party.registration_id:
        lines.append(words["party.registration_id"].format(id=party.registration_id))
    return lines


def _gaps(content: DocumentContent, words: Catalogue) -> Json:
    rows = []
    for gap in content.emissions.gaps:
        text = words["gap.row"].format(missing=gap.missing, reason=gap.reason)
        rows.append(f"{text} ({words['gap.by'].format(name=gap.released_by)})" if gap.released_by else text)
    return {"title": words["gap.title"], "rows": rows}


def _emissions(content: DocumentContent, words: Catalogue, f: Formats) -> Json:
    total = content.emissions.total
    figure, unit = f.people_mass(total.central)
    return {
        "title": words["emissions.title"],
        "figure": figure,
        "unit": f"{unit} CO₂e",
        "lines": [
            words["emissions.range"].format(low=f.mass(total.low), high=f.mass(total.high)),
            *_method(content, words),
        ],
        "note": words["emissions.note"],
    }


def _method(content: DocumentContent, words: Catalogue) -> list[str]:
    used = content.emissions.methods
    if not used:
        return []
    methods = dict.fromkeys(f"{item.method} {item.version}" for item in used)
    sets = dict.fromkeys(item.factor_set for item in used)
    separator = words["list_separator"]
    return [words["emissions.method"].format(methods=separator.join(methods), sets=separator.join(sets))]


def _contribution(content: DocumentContent, words: Catalogue, f: Formats) -> Json:
    credit = content.kind in CREDITS
    figure, unit = f.tonnes(sum(line.quantity_g for line in content.lines)).split("\u00a0")
    if credit and _ending(content) == "price":
        figure, unit = f.money(content.totals.net, content.totals.currency), ""
    note = "contribution.note_nothing" if not content.lines else "contribution.note"
    verb, title = "contribution.bought", "contribution.title"
    if credit:
        end = _ending(content)
        note, title = f"contribution.note_{end}", f"contribution.title_{end}"
        verb = "contribution.refunded" if end == "price" else "contribution.cancelled"
    texts = []
    for line in content.lines:
        texts.append(words[verb].format(provider=line.provider))
        texts += [_repriced(item, content, words, f) for item in content.repricings if item.order_id == line.order_id]
        texts.append(words["contribution.project"].format(project=_project(line, words)))
    if content.lines and not credit:
        texts.append(_certificates(content, words))
    return {
        "title": words[title],
        "figure": figure,
        "unit": unit,
        "lines": list(dict.fromkeys(texts)) or [words["contribution.nothing"]],
        "note": words[note],
    }


def _repriced(item: Repricing, content: DocumentContent, words: Catalogue, f: Formats) -> str:
    currency = content.totals.currency
    before, after = f.price(item.before, currency), f.price(item.after, currency)
    return words["contribution.new_price"].format(before=before, after=after)


def _ending(content: DocumentContent) -> str:
    """Which words a credit note takes: for a purchase that is taken back, or for money alone."""
    return "price" if content.correction == "price" else "credit"


def _project(line: OrderLine, words: Catalogue) -> str:
    parts = (line.project.name or words["not_stated"], line.vintage, line.registry)
    return ", ".join(part for part in parts if part)


def _certificates(content: DocumentContent, words: Catalogue) -> str:
    references = [certificate.reference for line in content.lines for certificate in line.certificates]
    if not references:
        return words["contribution.no_certificate"]
    return words["contribution.certificate"].format(reference=words["list_separator"].join(references))


def _chart(content: DocumentContent, words: Catalogue, f: Formats) -> Json:
    channels = content.emissions.channels
    longest = max((row.high for row in channels), default=Decimal(0))
    texts = [
        words["chart.alt_row"].format(
            channel=words[f"channel.{row.channel}"],
            central=f.mass(row.central),
            low=f.mass(row.low),
            high=f.mass(row.high),
        )
        for row in channels
    ]
    return {
        "title": words["chart.title"],
        "legend": words["chart.legend"],
        "alt": words["chart.alt"].format(rows="; ".join(texts)),
        "rows": [_bar(row, longest, words, f) for row in channels],
    }


def _bar(row: ChannelRow, longest: Decimal, words: Catalogue, f: Formats) -> Json:
    def fraction(value: Decimal) -> float:
        return float(max(value, Decimal(0)) / longest) if longest > 0 else 0.0

    return {
        "name": words[f"channel.{row.channel}"],
        "events": words["chart.events"].format(count=f.count(row.events)),
        "low": fraction(row.low),
        "central": fraction(row.central),
        "high": fraction(row.high),
        "value": f.mass(row.central),
        "share": f.percent(row.share),
    }


def _lines(content: DocumentContent, words: Catalogue, f: Formats) -> Json:
    title = "title" if content.lines else "title_nothing"
    price = "price"
    if content.kind in CREDITS:
        title = f"title_{_ending(content)}"
        price = "refund" if _ending(content) == "price" else "price"
    return {
        "title": words[f"lines.{title}"],
        "head": [words[f"lines.{name}"] for name in ("item", "quantity", price, "amount")],
        "rows": [_line(line, words, f) for line in content.lines],
        "totals": _totals(content, words, f),
        "notes": _notes(content, words, f),
    }


def _line(line: OrderLine, words: Catalogue, f: Formats) -> Json:
    small = [words["lines.order"].format(id=line.order_id)]
    if line.provider_reference:
        small[0] += words["list_separator"] + words["lines.reference"].format(reference=line.provider_reference)
    computed = line_amount(line.quantity_g, line.price_per_tonne, line.currency)
    if computed != line.net_amount:
        small.append(words["lines.difference_note"].format(computed=f.money(computed, line.currency)))
    return {
        "name": words["line.name"].format(project=_project(line, words)),
        "small": small,
        "cells": [
            f.tonnes(line.quantity_g),
            f.price(line.price_per_tonne, line.currency),
            f.money(line.net_amount, line.currency),
        ],
    }


def _totals(content: DocumentContent, words: Catalogue, f: Formats) -> list[list[str]]:
    totals, vat, currency = content.totals, content.vat, content.totals.currency
    if content.kind in STATEMENTS:
        return [[words["lines.total"], f.money(totals.net, currency)]]
    key = "lines.vat_category" if vat.category != "S" else "lines.vat"
    rows = [
        [words["lines.net"], f.money(totals.net, currency)],
        [words[key].format(rate=f.rate(vat.rate), category=vat.category), f.money(totals.vat, currency)],
        [words["lines.gross"], f.money(totals.gross, currency)],
    ]
    if content.kind in INVOICES and content.payment.paid:
        rows.append([words["lines.paid"], f.money(content.payment.paid, currency)])
        rows.append([words["lines.due"], f.money(totals.gross - content.payment.paid, currency)])
    return rows


def _notes(content: DocumentContent, words: Catalogue, f: Formats) -> list[str]:
    payment = content.payment
    notes = [content.vat.exemption_text, payment.terms]
    if payment.due_on is not None:
        notes.append(words["payment.due_on"].format(date=f.day(payment.due_on)))
    elif content.kind in INVOICES and not payment.terms:
        notes.append(words["payment.credited" if content.kind in CREDITS else "payment.as_agreed"])
    if content.kind not in CREDITS:  # nothing is due on a credit note: what late payment costs is the invoice's matter
        notes += [legal.text for legal in payment.notes]
    return [note for note in (*notes, _said(content, words)) if note]


def _said(content: DocumentContent, words: Catalogue) -> str:
    """The document's own note; on a credit note it is the reason, and says so."""
    if content.note and content.kind in CREDITS:
        return words["credit.reason"].format(reason=content.note)
    return content.note


def _verify(content: DocumentContent, words: Catalogue) -> Json:
    hashes = [[item.name, item.sha256] for item in content.verify.hashes]
    return {
        "title": words["verify.title"],
        "text": words["verify.text"],
        "command": content.verify.command,
        "hashes": [*hashes, [words["verify.content"], content.sha256()]],
    }
