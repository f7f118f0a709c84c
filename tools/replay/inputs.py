"""The files of a run: opened, recognised, hashed, their days known, nothing sent yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from replay.access.combined import CombinedParser
from replay.access.countries import open_countries
from replay.access.formats import parser_for, without_bom
from replay.access.request import LineParser, to_moment
from replay.access.site import SiteEvents, SiteOptions
from replay.access.span import LogSpan
from replay.account import Tally
from replay.files import Content, chunks, examine, line_batches, whole_lines
from replay.identity import RowIds
from replay.rows import Rows
from replay.sheets.excel import is_excel
from replay.sheets.mapping import SheetMapping, load_mapping, packaged_mappings
from replay.sheets.read import Adjust, Claims, Sheet, unchanged
from replay.sheets.shape import SheetOptions
from replay.sheets.statement import Statements
from replay.sheets.table import nearest_refusal, needed_columns, open_table
from replay.shift import moments
from shared.decode import first_reason
from shared.errors import Rejected
from shared.events import SiteTraffic

Move = Callable[[datetime], datetime]
Span = tuple[datetime, datetime]
CHANNEL_EVENTS = {"shipments": "shipment", "emails": "email", "ads": "ad", "statement": "shipment"}
"""Name of a run's option to the event that its mappings must give."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the files cannot say about themselves."""

    shop: str = "default"
    zone: str = "UTC"
    country: str | None = None
    hosting_country: str | None = None
    country_database: Path | None = None
    source_system: str | None = None
    revision: int | None = None
    adjust: Adjust = unchanged
    """Changes shipments before they are sent (a carrier's statement)."""
    not_after: datetime | None = None
    """A row that happened after this moment has a wrong time: it is rejected."""
    claims: Claims = field(default_factory=dict)
    """The row that each shipment's id belongs to, over all sheets of the run."""

    def check(self) -> None:
        """Raise ``Rejected`` for an option that would have every row rejected."""
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Rejected(f"{self.zone!r} is not a time zone such as Europe/Paris", field="--zone") from None
        given = {
            "shop": self.shop,
            "country": self.country,
            "hosting_country": self.hosting_country,
            "source_system": self.source_system,
        }
        sample = {"event_id": "x", "occurred_at": "2026-11-27T12:00:00Z", "kind": "view", "device": "unknown"}
        try:
            SiteTraffic.model_validate_json(json.dumps(sample | given))
        except ValidationError as error:
            why = first_reason(error)
            if why.field in ("country", "hosting_country"):
                why = Rejected(f"{given[why.field]!r} is not a country code of two letters such as FR", field=why.field)
            raise Rejected(why.reason, field=f"--{why.field.replace('_', '-')}") from None


@dataclass(slots=True)
class Input:
    """One file of a run."""

    content: Content
    topic: str
    described: str
    """Format or mapping, for people."""
    spans: Callable[[], Iterable[Span]]
    rows: Callable[[Move | None], Rows]
    counted: int | None
    """Rows, when they can be counted before they are read."""
    about: int | None
    """Rows, more or less, for the progress."""
    in_order: bool
    """Whether rows come in the order of their times, more or less."""
    sheet: Callable[[Move | None], Sheet] | None = None
    """The sheet behind it; ``None`` for a log."""
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(self.content.name, self.content.sha256)


def open_log(path: Path, options: Options, sizes: Iterable[int] = ()) -> Input:
    """An access log. Raises ``Rejected`` with a sentence when it cannot be used."""
    content = examine(path, sizes=sizes, beginnings=True)
    parse = parser_for(path)
    countries = open_countries(options.country_database) if options.country_database else None

    def events(move: Move | None) -> SiteEvents:
        site = SiteOptions(
            shop=options.shop,
            source_system=options.source_system or "access-log",
            hosting_country=options.hosting_country,
            country=options.country,
            countries=countries,
            move=moments(move) if move else None,
            latest_ms=to_moment(options.not_after).ms if options.not_after else 2**62,
        )
        return SiteEvents(RowIds(content.sha256), site)

    return Input(
        content,
        "site_traffic",
        _name(parse),
        lambda: _log_spans(path, events(None)),
        lambda move: events(move).rows(_log_lines(path), parser_for(path)),
        content.lines,
        content.lines,
        in_order=True,
    )


def open_sheet(
    path: Path, channel: str, mappings: Sequence[SheetMapping], options: Options, sizes: Iterable[int] = ()
) -> Input:
    """A sheet with the mapping that suits it. Raises ``Rejected`` with a sentence when none does."""
    content = examine_sheet(path, sizes)
    mapping = choose_mapping(path, channel, mappings)

    def sheet(move: Move | None) -> Sheet:
        own = SheetOptions(
            shop=options.shop,
            zone=options.zone,
            source_system=options.source_system,
            country=options.country,
            move=move,
            revision=options.revision,
            not_after=options.not_after,
        )
        return Sheet(path, mapping, content.sha256, own, adjust=options.adjust, claims=options.claims)

    return Input(
        content,
        mapping.kind.topic,
        f"mapping {mapping.name}",
        lambda: sheet(None).spans(),
        lambda move: sheet(move).rows(),
        None,
        None if is_excel(path) else content.lines,
        in_order=False,
        sheet=sheet,
    )


def open_statement(
    path: Path, statements: Statements, mappings: Sequence[SheetMapping], options: Options, sizes: Iterable[int] = ()
) -> Input:
    """A carrier's statement, its totals taken in. Raises ``Rejected`` when its mapping does not spread over months."""
    entry = open_sheet(path, "statement", mappings, options, sizes)
    assert entry.sheet is not None
    sheet = entry.sheet
    statements.read(sheet(None).sendable(), entry.content)
    entry.rows = lambda move: statements.rows(sheet(move))
    return entry


def examine_sheet(path: Path, sizes: Iterable[int] = ()) -> Content:
    """Hash a CSV or Excel file. Raises ``Rejected`` when it cannot be read."""
    return examine(path, sizes=sizes, text=not is_excel(path))


def insist_on_use(given: Sequence[SheetMapping], channels: Iterable[str]) -> None:
    """Raise ``Rejected`` for a mapping given that no sheet of the run is for: it would be ignored."""
    there = list(channels)
    for mapping in given:
        wanted = [channel for channel in CHANNEL_EVENTS if _suits(mapping, channel)]
        if not wanted:
            raise Rejected(
                f"{mapping.name} makes {mapping.event} events, which come from topics (replay bridge) alone",
                field="--mapping",
            )
        if not set(wanted) & set(there):
            have = " and ".join(f"--{channel}" for channel in there) or "no sheet"
            raise Rejected(f"{mapping.name} is a mapping for --{wanted[0]}, but the run has {have}", field="--mapping")


def _suits(mapping: SheetMapping, channel: str) -> bool:
    spreads = "month" if channel == "statement" else None
    return mapping.event == CHANNEL_EVENTS[channel] and mapping.spread == spreads


def choose_mapping(path: Path, channel: str, given: Sequence[SheetMapping]) -> SheetMapping:
    """The mapping for a file: the one given for its channel, else the packaged one that needs most of its columns.

    Raises ``Rejected`` when none suits, with what the nearest one misses.
    """
    candidates = [mapping for mapping in given if _suits(mapping, channel)]
    candidates = candidates or [mapping for mapping in packaged_mappings() if _suits(mapping, channel)]
    candidates.sort(key=lambda mapping: -len(needed_columns(mapping)))
    refused: list[Rejected] = []
    for mapping in candidates:
        try:
            open_table(path, mapping)
        except Rejected as error:
            refused.append(error)
        else:
            return mapping
    nearest = nearest_refusal(refused)
    raise Rejected(f"{nearest.reason} (tried: {', '.join(m.name for m in candidates)}; name another with --mapping)")


def load_mappings(names: Iterable[str]) -> list[SheetMapping]:
    """The mappings named on the command line."""
    return [load_mapping(name) for name in names]


def _name(parse: LineParser) -> str:
    return str(getattr(parse, "name", "log"))


def _log_lines(path: Path) -> Iterator[list[bytes | None]]:
    for number, batch in enumerate(line_batches(chunks(path))):
        if number == 0:
            batch[0] = without_bom(batch[0])
        yield batch


def _log_spans(path: Path, site: SiteEvents) -> Iterator[Span]:
    """The first and last time of the lines that are sent, to the minute: one span."""
    parse = parser_for(path)
    found = LogSpan(lambda line: site.sent_at(line, parse))
    pieces = whole_lines(chunks(path))
    if isinstance(parse, CombinedParser):
        found.combined(pieces)
    else:
        found.any_format(pieces, parse)
    if (span := found.span()) is not None:
        yield span
