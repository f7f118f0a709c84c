"""The tables behind the first page as plain data: quantity, channels, exclusions, methods, certificates."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from offset_purchaser.documents.catalogue import Catalogue
from offset_purchaser.documents.content import CREDITS, DocumentContent
from offset_purchaser.documents.formats import Formats
from offset_purchaser.documents.parts import Certificate, ChannelRow, OrderLine
from shared.units import G_PER_T

Json = dict[str, object]

_SCALES = {
    "bytes_transferred": 10**9,
    "dwell_ms": 3_600_000,
    "recipient_bytes": 10**9,
    "payload_bytes": 10**9,
    "view_ms": 3_600_000,
    "weight_g": 1000,
    "volume_cm3": 10**6,
    "carton_mm2": 10**6,
    "trip_m": 1000,
    "main_kg_hm": 10_000,
    "last_kg_hm": 10_000,
    "carrier_emissions_g": 1000,
}
"""How many of a meter's units make one of the page's."""


def tables(content: DocumentContent, words: Catalogue, f: Formats) -> list[Json]:
    """The unpriced tables, empty ones left out."""
    found = [
        _quantity(content, words, f),
        _channels(content, words, f),
        _exclusions(content, words, f),
        _methods(content, words),
    ]
    return [table for table in found if table["rows"]]


def _table(title: str, head: list[str], rows: list[list[str]], columns: str, align: str, **more: object) -> Json:
    """A letter for each column: a(uto) or f(raction) wide; l(eft), r(ight) or left with m(onospaced) second line."""
    table: Json = {
        "title": title,
        "head": head,
        "rows": rows,
        "columns": columns,
        "align": align,
        "strong": [],
        "note": "",
    }
    return {**table, **more}


def _quantity(content: DocumentContent, words: Catalogue, f: Formats) -> Json:
    if content.kind in CREDITS:
        return _table(words["quantity.title"], [], [], "fa", "lr")
    quantity = content.quantity
    steps = [
        ("owed", "", quantity.owed_g),
        ("drawn", "+", quantity.drawn_g),
        ("paid_by_others", "−", quantity.paid_by_others_g),
        ("waived", "−", quantity.waived_g),
        ("committed", "−", quantity.committed_g),
        ("carry_in", "−", quantity.carry_in_g),
        ("unordered", "−", quantity.unordered_g),
        ("carry_out", "+", quantity.carry_out_g),
        ("ordered", "=", quantity.ordered_g),
    ]
    rows = [
        [words[f"quantity.{name}"], f"{sign}\u2002{f.tonnes_column(grams)}" if sign else f.tonnes_column(grams)]
        for name, sign, grams in steps
        if grams or name in {"owed", "carry_in", "carry_out", "ordered"}
    ]
    lots = [
        words["quantity.lot"].format(provider=line.provider, lot=f.tonnes(line.lot_g))
        for line in content.lines
        if line.lot_g
    ]
    note = " ".join(dict.fromkeys(lots))
    return _table(words["quantity.title"], [], rows, "fa", "lr", strong=[len(rows) - 1], note=note)


def _channels(content: DocumentContent, words: Catalogue, f: Formats) -> Json:
    total = content.emissions.total
    names = ("channel", "events", "low", "central", "high", "share")
    rows = [
        [
            words[f"channel.{row.channel}"],
            f.count(row.events),
            *(f.kilograms(value) for value in (row.low, row.central, row.high)),
            f.percent(row.share),
        ]
        for row in content.emissions.channels
    ]
    rows.append(
        [
            words["table.total"],
            f.count(sum(row.events for row in content.emissions.channels)),
            *(f.kilograms(value) for value in (total.low, total.central, total.high)),
            "",
        ]
    )
    measured = [text for row in content.emissions.channels if (text := _activity(row, words, f))]
    notes = [words["table.total_note"], " ".join(measured)]
    return _table(
        words["table.title"],
        [words[f"table.{name}"] for name in names],
        rows,
        "faaaaa",
        "lrrrrr",
        strong=[len(rows) - 1],
        note="\n".join(note for note in notes if note),
    )


def _activity(row: ChannelRow, words: Catalogue, f: Formats) -> str:
    """What was measured, as far as it can be told in words; content.json has every measure."""
    texts = [
        words[f"activity.{item.name}"].format(
            value=f.decimal(Decimal(item.value) / _SCALES.get(item.name, 1), "#,##0.###")
        )
        for item in row.activity
        if item.value and f"activity.{item.name}" in words
    ]
    channel = words[f"channel.{row.channel}"]
    return (
        words["table.activity"].format(channel=channel, measures=words["list_separator"].join(texts)) if texts else ""
    )


def _exclusions(content: DocumentContent, words: Catalogue, f: Formats) -> Json:
    rows = [
        [
            words[f"excluded.{item.reason}"] + (f" · {item.note}" if item.note else ""),
            words["unknown"] if item.events is None else f.count(item.events),
            words["unknown"] if item.grams is None else f.kilograms(item.grams),
        ]
        for item in content.emissions.exclusions
    ]
    head = [words[f"excluded.{name}"] for name in ("reason", "events", "grams")]
    return _table(words["excluded.title"], head, rows, "faa", "lrr")


def _methods(content: DocumentContent, words: Catalogue) -> Json:
    rows: list[list[str]] = []
    hashes: set[str] = set()
    for item in content.emissions.methods:
        factors = (
            item.factor_set if item.factor_set_sha256 in hashes else f"{item.factor_set}\n{item.factor_set_sha256}"
        )
        hashes.add(item.factor_set_sha256)
        rows.append([words[f"channel.{item.channel}"], f"{item.method} {item.version}", factors])
    head = [words[f"method.{name}"] for name in ("channel", "method", "factors")]
    return _table(words["method.title"], head, rows, "aaf", "llm")


def cards(content: DocumentContent, words: Catalogue, f: Formats) -> list[Json]:
    """For each order a card of what the provider has stated, and one line naming what it has not."""
    if content.kind in CREDITS:
        return []  # they stand on the document that is corrected
    return [_card(line, words, f) for line in content.lines]


def _card(line: OrderLine, words: Catalogue, f: Formats) -> Json:
    facts = [*_order_facts(line, f), *(fact for item in line.certificates for fact in _retirement(item, words, f))]
    unstated = dict.fromkeys(words[f"certificate.{name}"] for name, value in facts if not value)
    rows: list[list[str]] = []
    for name, value in facts:
        if not value:
            continue
        fact = [words[f"certificate.{name}"], value]
        if (
            name not in _WIDE
            and rows
            and len(rows[-1]) == 2
            and rows[-1][0] not in {words[f"certificate.{w}"] for w in _WIDE}
        ):
            rows[-1] += fact
        else:
            rows.append(fact)
    if not line.certificates:
        rows.append([words["certificate.reference"], words["certificate.pending"]])
    note = words["certificate.unstated"].format(fields=words["list_separator"].join(unstated)) if unstated else ""
    return {"title": f"{words['certificate.title']} · {line.provider}", "rows": rows, "note": note}


_WIDE = frozenset({"project", "order", "serials", "reason", "url", "sha256"})


def _order_facts(line: OrderLine, f: Formats) -> list[tuple[str, str]]:
    project = line.project
    return [
        ("project", project.name),
        ("order", str(line.order_id)),
        ("vintage", line.vintage),
        ("project_id", project.id),
        ("country", f.country(project.country)),
        ("type", project.type),
        ("methodology", project.methodology),
        ("standard", line.standard),
        ("registry", line.registry),
    ]


def _some(texts: Sequence[str], words: Catalogue, f: Formats, limit: int = 12) -> str:
    more = [words["more"].format(count=f.count(len(texts) - limit))] if len(texts) > limit else []
    return words["list_separator"].join([*texts[:limit], *more])


def _retirement(item: Certificate, words: Catalogue, f: Formats) -> list[tuple[str, str]]:
    answer = {None: "", True: words["yes"], False: words["no"]}
    return [
        ("reference", item.reference),
        ("quantity", "" if item.quantity_t is None else f.tonnes(item.quantity_t * G_PER_T)),
        ("serials", _some(item.serials, words, f)),
        ("retired_on", f.day(item.retired_on) if item.retired_on else ""),
        ("account", item.retiring_account),
        ("beneficiary", item.beneficiary),
        ("ccp", answer[item.ccp_approved]),
        ("host", answer[item.host_country_authorised]),
        ("reason", item.reason),
        ("url", item.url),
        ("sha256", item.sha256 or ""),
    ]
