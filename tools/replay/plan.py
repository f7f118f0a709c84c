"""A run before it starts: its files, its days, its campaign, whether it may run at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from heapq import merge
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from demo.meter_log import Scope
from demo.records import Record
from replay.account import Lists
from replay.campaign import covering
from replay.history import History, insist_on_different
from replay.inputs import (
    CHANNEL_EVENTS,
    Input,
    Move,
    Options,
    insist_on_use,
    load_mappings,
    open_log,
    open_sheet,
    open_statement,
)
from replay.rows import State
from replay.sheets.mapping import SheetMapping
from replay.sheets.shape import AHEAD
from replay.sheets.statement import Statements
from replay.shift import by_days
from shared.clock import day_bounds
from shared.errors import Rejected

EARLIEST, LATEST = date(1970, 1, 2), date(2999, 12, 31)
"""Days to which a rehearsal can be moved: Kafka's time stamps begin in 1970."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a run was given, by what they are."""

    logs: Sequence[Path] = ()
    shipments: Sequence[Path] = ()
    emails: Sequence[Path] = ()
    ads: Sequence[Path] = ()
    statements: Sequence[Path] = ()

    def sheets(self) -> Iterator[tuple[str, Path]]:
        """Every sheet with the name of its channel."""
        for channel in ("shipments", "emails", "ads"):
            for path in getattr(self, channel):
                yield channel, path

    def channels(self) -> Iterator[str]:
        """The kinds of sheets that there are, by the names of their options."""
        yield from (name for name in CHANNEL_EVENTS if getattr(self, "statements" if name == "statement" else name))


@dataclass(slots=True)
class Plan:
    """What will be sent, for which days."""

    inputs: list[Input]
    zone: ZoneInfo
    first_day: date
    last_day: date
    last_from: str = ""
    """The file that the last day comes from."""
    move: Move | None = None
    statements: Statements | None = None
    """What carriers' statements said, when there are any."""
    day_orders: list[str] | None = None
    """Sentences about dates that can be read in two ways, once they were looked for."""

    def campaign(self, shop: str) -> dict[str, Any]:
        """The campaign that covers the files."""
        topics = [entry.topic for entry in self.inputs]
        return covering(self.first_day, self.last_day, zone=self.zone.key, shop=shop, topics=topics)

    def scope(self, shop: str) -> Scope:
        """The readings that belong to the campaign."""
        days = range(self.first_day.toordinal(), self.last_day.toordinal() + 1)
        return Scope(frozenset(map(date.fromordinal, days)), (shop,), self.zone)

    def insist_on_days_that_are_over(self, now: datetime) -> None:
        """Raise ``Rejected`` when the last day is not over: its settlement would not be due for a while."""
        _, end = day_bounds(self.last_day, self.zone)
        if end > now:
            raise Rejected(
                f"the last day, {self.last_day}, is not over ({self.last_from}): its settlement cannot be waited for. "
                "Leave that day out, --shift-to days that are over, or send with --bootstrap"
            )

    @property
    def total(self) -> int | None:
        """Rows of all files, more or less; ``None`` when nobody can tell before reading them."""
        return sum(entry.about or 0 for entry in self.inputs) or None

    def records(self, lists: Lists) -> Iterator[Record]:
        """The records of all files in the order of their times, as far as the files keep it."""
        streams = [_stream(entry, lists, self.move) for entry in self.inputs]
        if len(streams) == 1:
            return streams[0]
        return merge(*streams, key=lambda record: record.timestamp_ms)

    def doubts(self) -> list[str]:
        """What people should look at before they send: it can be told from the files alone."""
        if self.day_orders is None:
            sheets = [entry.sheet(None) for entry in self.inputs if entry.sheet is not None]
            self.day_orders = [warning for sheet in sheets for warning in sheet.day_order_warnings()]
        return [*self.day_orders, *(self.statements.unmatched() if self.statements else ())]

    def warnings(self) -> list[str]:
        """What people should look at before they use the numbers; complete when every row was read."""
        return [*self.doubts(), *(self.statements.uncarried() if self.statements else ())]

    def check(self) -> None:
        """Raise ``Unbalanced`` unless every row of every file is accounted for."""
        for entry in self.inputs:
            entry.tally.check(entry.counted)


def make_plan(
    files: Files,
    mappings: Sequence[str],
    options: Options,
    history: History,
    *,
    again: bool,
    shift_to: date | None,
    now: datetime,
) -> Plan:
    """Open every file and find out its days. Raises ``Rejected`` with a sentence; nothing was sent or written then.

    Rows that lie after ``now``, by more than clocks differ, are rejected.
    """
    options.check()
    zone = ZoneInfo(options.zone)
    statements = Statements(zone)
    options = replace(options, adjust=statements.adjust, not_after=now + AHEAD)
    inputs = _open(files, load_mappings(mappings), options, history, statements, again=again)
    first, last, last_from = _days(inputs, zone)
    plan = Plan(inputs, zone, first, last, last_from, statements=statements if files.statements else None)
    if shift_to is not None:
        _shift(plan, shift_to)
    return plan


def _shift(plan: Plan, to: date) -> None:
    days = (to - plan.first_day).days
    if to < EARLIEST or (LATEST - plan.last_day).days < days:
        raise Rejected(f"days can be moved to {EARLIEST} to {LATEST}", field="--shift-to")
    plan.first_day, plan.last_day = to, plan.last_day + timedelta(days=days)
    plan.move = by_days(days, plan.zone)


def _open(
    files: Files,
    mappings: Sequence[SheetMapping],
    options: Options,
    history: History,
    statements: Statements,
    *,
    again: bool,
) -> list[Input]:
    insist_on_use(mappings, files.channels())
    sizes = history.sizes()
    inputs = [open_log(path, options, sizes) for path in files.logs]
    inputs += [open_sheet(path, channel, mappings, options, sizes) for channel, path in files.sheets()]
    stated = [open_statement(path, statements, mappings, options, sizes) for path in files.statements]
    if not (inputs or stated):
        raise Rejected("name at least one file: --log, --shipments, --emails, --ads or --statement")
    contents = [entry.content for entry in (*inputs, *stated)]
    insist_on_different(contents)
    for content in () if again else contents:
        history.check(content)
    for entry in inputs:
        if stated and entry.sheet is not None and entry.topic == "shipments":
            statements.count(entry.sheet(None).sendable())
    statements.insist_on_possible_shares()
    return [*inputs, *stated]


def _days(inputs: Sequence[Input], zone: ZoneInfo) -> tuple[date, date, str]:
    """First and last day of the rows that are sent, and the file that the last one comes from."""
    first: datetime | None = None
    last: datetime | None = None
    last_from = ""
    for entry in inputs:
        for begins, ends in entry.spans():
            first = begins if first is None or begins < first else first
            if last is None or ends > last:
                last, last_from = ends, entry.content.name
    if first is None or last is None:
        raise Rejected(f"no row of these files can be used{_example(inputs)}")
    return first.astimezone(zone).date(), last.astimezone(zone).date(), last_from


def _example(inputs: Sequence[Input]) -> str:
    """The first row that is rejected, with its reason."""
    for entry in inputs:
        for parsed in entry.rows(None):
            if parsed.state is State.REJECTED:
                return f"; {entry.content.name}, row {parsed.row}: {parsed.field}: {parsed.reason}"
    return ": none of them is traffic"


def _stream(entry: Input, lists: Lists, move: Move | None) -> Iterator[Record]:
    """A log as it comes, a sheet sorted by time: rows of a sheet are held in memory, lines of a log are not."""
    records = lists.records(entry.rows(move), entry.tally)
    return records if entry.in_order else iter(sorted(records, key=lambda record: record.timestamp_ms))
